//! `RuleSet`: many rules bound to the names of a run and compiled to one flat program.
//!
//! Every value that a rule reads has a number: first the slots of the record, then the constants (literals and
//! parameters), then what is computed. Whatever two rules share is there once.

use std::collections::{HashMap, HashSet};

use super::definition;
use super::error::{RuleError, did_you_mean, nearest};
use super::held::{Held, Holding, State};
use super::tree::{Condition, Kind, Operand, Operation};
use super::{NO_SLOT, Reason, Reference, Rule, Scope, Truth, Unknown};
use crate::domain::Value;

/// Rules that are ready to judge records. Cheap to clone for another thread.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(super) program: std::sync::Arc<Program>,
    pub(super) state: State,
}

/// What is the same for every record.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) slots: Vec<Reference>,
    pub(super) constants: Vec<Value>,
    pub(super) computed: Vec<Computed>,
    pub(super) rules: Vec<Entry>,
    pub(super) nodes: Vec<Node>,
    /// Lists of nodes and of values.
    pub(super) links: Vec<u32>,
}

/// Where one rule begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The node of `where`.
    pub(super) examined: Option<u32>,
    pub(super) condition: u32,
}

/// Part of [`Program::links`].
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    first: u32,
    count: u32,
}

impl List {
    pub(super) fn of(self, links: &[u32]) -> &[u32] {
        &links[self.first as usize..(self.first + self.count) as usize]
    }
}

/// One condition.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Constant(Truth),
    All(List),
    Any(List),
    Not(u32),
    /// Of slots and constants. `orders` is [`super::tree::Comparison::orders`].
    Compare {
        orders: u8,
        left: u32,
        right: u32,
    },
    /// Of values of which at least one is computed.
    CompareComputed {
        orders: u8,
        left: u32,
        right: u32,
    },
    In {
        value: u32,
        list: List,
        /// What every item is, when they are constants of one kind: then they are sorted.
        sorted: Option<Holding>,
    },
    IsNull(u32),
    IsAbsent(u32),
    StartsWith {
        value: u32,
        prefix: u32,
    },
}

/// One computed value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computed {
    pub(super) operation: Operation,
    pub(super) operands: List,
}

impl RuleSet {
    /// Ties rules to a run: `names` are all that its records can have (parameters apart), `params` the cycle's
    /// parameters. Rules keep their positions.
    ///
    /// # Errors
    /// Every rule that cannot be used here, by its position: a name that the run does not have, a comparison with a
    /// parameter of another kind. Leave those out (their checks are unknown) and bind the others.
    pub fn bind(
        rules: &[&Rule],
        names: &[Reference],
        params: &[(String, Value)],
    ) -> Result<RuleSet, Vec<(usize, RuleError)>> {
        let known: HashSet<&Reference> = names.iter().collect();
        let values: HashMap<&str, &Value> = params.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let refused: Vec<(usize, RuleError)> = rules
            .iter()
            .enumerate()
            .filter_map(|(at, rule)| check(rule, &known, names, &values).err().map(|error| (at, error)))
            .collect();
        if !refused.is_empty() {
            return Err(refused);
        }
        let mut builder = Builder { params: values, ..Builder::default() };
        for rule in rules {
            rule.visit(&mut |operand| builder.intern(operand));
        }
        builder.program.rules = rules.iter().map(|rule| builder.rule(rule)).collect();
        let state = State::new(&builder.program);
        let mut set = RuleSet { program: builder.program.into(), state };
        // The items of sorted lists are put in order once their values are held.
        set.sort_lists();
        Ok(set)
    }

    /// The names whose values [`RuleSet::evaluate`] wants, in its order: those that some rule reads.
    pub fn slots(&self) -> &[Reference] {
        &self.program.slots
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.program.rules.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.program.rules.is_empty()
    }

    fn sort_lists(&mut self) {
        let mut links = self.program.links.clone();
        for node in &self.program.nodes {
            if let Node::In { list, sorted: Some(_), .. } = node {
                let part = &mut links[list.first as usize..(list.first + list.count) as usize];
                part.sort_by(|a, b| self.state.order_of_constants(&self.program, *a, *b));
            }
        }
        if let Some(program) = std::sync::Arc::get_mut(&mut self.program) {
            program.links = links;
        }
    }
}

/// Looks whether the run has what a rule names.
fn check(
    rule: &Rule,
    known: &HashSet<&Reference>,
    names: &[Reference],
    params: &HashMap<&str, &Value>,
) -> Result<(), RuleError> {
    let mut found = Ok(());
    rule.visit(&mut |operand| {
        let Kind::Reference(reference) = &operand.kind else { return };
        if found.is_err() {
            return;
        }
        found = if reference.scope == Scope::Param {
            match params.contains_key(reference.name.as_str()) {
                true => Ok(()),
                false => {
                    Err(RuleError::at(&rule.text, operand.at, format!("there is no parameter `{}`", reference.name))
                        .perhaps(did_you_mean(&reference.name, params.keys().copied()))
                        .hint_or(|| listed("the parameters are", params.keys().copied())))
                }
            }
        } else if known.contains(reference) {
            Ok(())
        } else {
            Err(unknown_name(rule, operand, reference, names))
        };
    });
    found?;
    definition::check(rule, &|name| params.get(name).copied())
}

fn unknown_name(rule: &Rule, operand: &Operand, reference: &Reference, names: &[Reference]) -> RuleError {
    let of_scope = || names.iter().filter(|name| name.scope == reference.scope).map(|name| name.name.as_str());
    let near = nearest(&reference.name, of_scope())
        .map(|name| format!("did you mean `{}`?", Reference::new(reference.scope, name)));
    // What one side lacks the other may have.
    let computed = [Scope::Legacy, Scope::Candidate];
    let elsewhere = names
        .iter()
        .find(|name| {
            computed.contains(&reference.scope) && computed.contains(&name.scope) && name.name == reference.name
        })
        .map(|name| format!("there is `{name}`"));
    RuleError::at(&rule.text, operand.at, format!("this run has no `{reference}`"))
        .perhaps(elsewhere)
        .perhaps(near)
        .hint_or(|| listed(&format!("under `{}` there are", reference.scope.name()), of_scope()))
}

/// Names for a hint, not more than a reader takes in.
fn listed<'a>(lead: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    let shown: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
    match (shown.is_empty(), names.len() > shown.len()) {
        (true, _) => format!("{lead} none"),
        (_, true) => format!("{lead} {}, …", shown.join(", ")),
        _ => format!("{lead} {}", shown.join(", ")),
    }
}

impl RuleError {
    fn hint_or(self, hint: impl FnOnce() -> String) -> Self {
        if self.hint.is_some() { self } else { self.hint(hint()) }
    }
}

#[derive(Default)]
struct Builder<'a> {
    program: Program,
    params: HashMap<&'a str, &'a Value>,
    slots: HashMap<Reference, u32>,
    constants: HashMap<(&'static str, bool, String), u32>,
    computed: HashMap<(Operation, Vec<u32>), u32>,
}

/// A constant of the same key is the same constant; digits that were written stay apart from those that were not.
fn key_of(value: &Value) -> (&'static str, bool, String) {
    (value.type_name(), matches!(value, Value::Text { untyped: true, .. }), value.to_string())
}

impl Builder<'_> {
    /// Gives slots and constants their numbers; computed values follow when all of these are known.
    fn intern(&mut self, operand: &Operand) {
        match &operand.kind {
            Kind::Reference(Reference { scope: Scope::Param, name }) => {
                if let Some(value) = self.params.get(name.as_str()).copied() {
                    self.constant(value);
                }
            }
            Kind::Reference(reference) => {
                if !self.slots.contains_key(reference) {
                    self.slots.insert(reference.clone(), self.program.slots.len() as u32);
                    self.program.slots.push(reference.clone());
                }
            }
            Kind::Literal(value) => {
                self.constant(value);
            }
            Kind::Computed { .. } => {}
        }
    }

    /// The number of a constant among the constants.
    fn constant(&mut self, value: &Value) -> u32 {
        let next = self.program.constants.len() as u32;
        let number = *self.constants.entry(key_of(value)).or_insert(next);
        if number == next {
            self.program.constants.push(value.clone());
        }
        number
    }

    fn first_constant(&self) -> u32 {
        self.program.slots.len() as u32
    }

    fn first_computed(&self) -> u32 {
        self.first_constant() + self.program.constants.len() as u32
    }

    fn value(&mut self, operand: &Operand) -> u32 {
        match &operand.kind {
            Kind::Reference(Reference { scope: Scope::Param, name }) => match self.params.get(name.as_str()).copied() {
                Some(value) => self.first_constant() + self.constant(value),
                // `check` has refused it before.
                None => NO_SLOT,
            },
            Kind::Reference(reference) => self.slots.get(reference).copied().unwrap_or(NO_SLOT),
            Kind::Literal(value) => self.first_constant() + self.constant(value),
            Kind::Computed { operation, operands } => {
                let operands: Vec<u32> = operands.iter().map(|operand| self.value(operand)).collect();
                let next = self.first_computed() + self.program.computed.len() as u32;
                let key = (*operation, operands);
                if let Some(number) = self.computed.get(&key) {
                    return *number;
                }
                let list = self.list(&key.1);
                self.program.computed.push(Computed { operation: *operation, operands: list });
                self.computed.insert(key, next);
                next
            }
        }
    }

    fn list(&mut self, items: &[u32]) -> List {
        let first = self.program.links.len() as u32;
        self.program.links.extend_from_slice(items);
        List { first, count: items.len() as u32 }
    }

    fn node(&mut self, node: Node) -> u32 {
        self.program.nodes.push(node);
        self.program.nodes.len() as u32 - 1
    }

    fn rule(&mut self, rule: &Rule) -> Entry {
        let examined = rule.examined.as_ref().map(|condition| self.condition(condition));
        let mut condition = self.condition(&rule.condition);
        if rule.expect {
            condition = self.node(Node::Not(condition));
        }
        Entry { examined, condition }
    }

    fn compare(&mut self, orders: u8, left: u32, right: u32) -> Node {
        if left.max(right) < self.first_computed() {
            Node::Compare { orders, left, right }
        } else {
            Node::CompareComputed { orders, left, right }
        }
    }

    fn condition(&mut self, condition: &Condition) -> u32 {
        let node = match condition {
            Condition::Constant(Some(true)) => Node::Constant(Truth::True),
            Condition::Constant(Some(false)) => Node::Constant(Truth::False),
            Condition::Constant(None) => Node::Constant(Truth::Unknown(Unknown::new(Reason::Stated, NO_SLOT))),
            Condition::All(parts) => Node::All(self.conditions(parts)),
            Condition::Any(parts) => Node::Any(self.conditions(parts)),
            Condition::Not(part) => Node::Not(self.condition(part)),
            Condition::Compare { comparison, left, right } => {
                let (left, right) = (self.value(left), self.value(right));
                self.compare(comparison.orders(), left, right)
            }
            Condition::Between { value, low, high } => {
                use super::tree::Comparison::{GreaterOrEqual, LessOrEqual};
                let (value, low, high) = (self.value(value), self.value(low), self.value(high));
                let bounds = [(GreaterOrEqual, low), (LessOrEqual, high)].map(|(comparison, bound)| {
                    let node = self.compare(comparison.orders(), value, bound);
                    self.node(node)
                });
                Node::All(self.list(&bounds))
            }
            Condition::In { value, list } => {
                let value = self.value(value);
                let items: Vec<u32> = list.iter().map(|item| self.value(item)).collect();
                Node::In { value, list: self.list(&items), sorted: self.one_kind(&items) }
            }
            Condition::IsNull(operand) => Node::IsNull(self.value(operand)),
            Condition::IsAbsent(operand) => Node::IsAbsent(self.value(operand)),
            Condition::StartsWith { value, prefix } => {
                Node::StartsWith { value: self.value(value), prefix: self.value(prefix) }
            }
        };
        self.node(node)
    }

    fn conditions(&mut self, parts: &[Condition]) -> List {
        let nodes: Vec<u32> = parts.iter().map(|part| self.condition(part)).collect();
        self.list(&nodes)
    }

    /// What all items of a list are, when they are constants of one kind that can be searched.
    fn one_kind(&self, items: &[u32]) -> Option<Holding> {
        let constant = |item: &u32| self.program.constants.get(item.checked_sub(self.first_constant())? as usize);
        let mut kinds = items.iter().map(|item| constant(item).map(Held::class_of));
        let first = kinds.next()??;
        (first.is_ordinal() || first == Holding::Text)
            .then_some(first)
            .filter(|_| kinds.all(|kind| kind == Some(first)))
    }
}

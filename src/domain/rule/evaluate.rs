//! One record judged by all rules: Kleene's logic over values that were taken apart once. What is computed is computed
//! when it is first asked for, once a record.

use std::cmp::Ordering;

use super::arithmetic::Number;
use super::held::{Held, Holding, State, bytes_of, of_object_id, of_uuid};
use super::parse::zoned_instant;
use super::set::{Computed, Entry, Node, Program, RuleSet};
use super::tree::{Comparison, Operation};
use super::{NO_SLOT, Reason, Truth, Unknown};
use crate::domain::value::unhex;
use crate::domain::{Amount, Cell, CellRef, parse_date, parse_time, parse_uuid};

impl RuleSet {
    /// Judges one record: `record` has one cell for each of [`RuleSet::slots`]. `sink` gets every rule's position and
    /// what it says, each rule exactly once, in order. Nothing is allocated unless an amount goes beyond 38 digits or
    /// a number of a file without types is compared with a text.
    pub fn evaluate(&mut self, record: &[CellRef<'_>], sink: &mut dyn FnMut(usize, Truth)) {
        let program = &*self.program;
        self.state.load(program, record);
        let mut judge = Judge { program, state: &mut self.state, record };
        for (at, entry) in program.rules.iter().enumerate() {
            sink(at, judge.rule(*entry));
        }
    }
}

struct Judge<'a, 'r> {
    program: &'a Program,
    state: &'a mut State,
    record: &'a [CellRef<'r>],
}

impl Judge<'_, '_> {
    #[inline(always)]
    fn rule(&mut self, entry: Entry) -> Truth {
        if let Some(examined) = entry.examined {
            match self.truth(examined) {
                Truth::True => {}
                Truth::False => return Truth::NotExamined,
                unknown => return unknown,
            }
        }
        self.truth(entry.condition)
    }

    #[inline(always)]
    fn truth(&mut self, node: u32) -> Truth {
        match self.program.nodes[node as usize] {
            Node::Compare { orders, left, right } => self.compare(orders, left, right),
            other => self.condition(other),
        }
    }

    #[inline(never)]
    fn condition(&mut self, node: Node) -> Truth {
        let program = self.program;
        match node {
            Node::Constant(truth) => truth,
            Node::All(list) => self.all(list.of(&program.links)),
            Node::Any(list) => self.any(list.of(&program.links)),
            Node::Not(part) => match self.truth(part) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                unknown => unknown,
            },
            Node::Compare { orders, left, right } => self.compare(orders, left, right),
            Node::CompareComputed { orders, left, right } => {
                self.ensure(left);
                self.ensure(right);
                self.compare(orders, left, right)
            }
            Node::In { value, list, sorted } => {
                self.ensure(value);
                let list = list.of(&program.links);
                let held = &self.state.held[value as usize];
                if held.holding == Holding::Doubt {
                    Truth::Unknown(held.unknown())
                } else if sorted == Some(held.class()) {
                    let found = list.binary_search_by(|item| self.order(*item, value).unwrap_or(Ordering::Less));
                    of_bool(found.is_ok())
                } else {
                    self.one_of(value, list)
                }
            }
            Node::IsNull(slot) => {
                let held = &self.state.held[slot as usize];
                match (held.holding, held.reason) {
                    (Holding::Doubt, Reason::Null) => Truth::True,
                    (Holding::Doubt, Reason::Absent | Reason::Undecoded) => Truth::Unknown(held.unknown()),
                    _ => Truth::False,
                }
            }
            Node::IsAbsent(slot) => {
                let held = &self.state.held[slot as usize];
                match (held.holding, held.reason) {
                    (Holding::Doubt, Reason::Absent) => Truth::True,
                    (Holding::Doubt, Reason::Undecoded) => Truth::Unknown(held.unknown()),
                    _ => Truth::False,
                }
            }
            Node::StartsWith { value, prefix } => self.starts_with(value, prefix),
        }
    }

    /// Kleene's AND. Of several reasons not to know the first is told.
    fn all(&mut self, parts: &[u32]) -> Truth {
        let mut result = Truth::True;
        for part in parts {
            match (self.truth(*part), result) {
                (Truth::False, _) => return Truth::False,
                (unknown @ Truth::Unknown(_), Truth::True) => result = unknown,
                _ => {}
            }
        }
        result
    }

    /// Kleene's OR.
    fn any(&mut self, parts: &[u32]) -> Truth {
        let mut result = Truth::False;
        for part in parts {
            match (self.truth(*part), result) {
                (Truth::True, _) => return Truth::True,
                (unknown @ Truth::Unknown(_), Truth::False) => result = unknown,
                _ => {}
            }
        }
        result
    }

    /// `value` against items of any kinds, one by one.
    fn one_of(&mut self, value: u32, items: &[u32]) -> Truth {
        let mut result = Truth::False;
        for item in items {
            self.ensure(*item);
            match (self.compare(Comparison::Equal.orders(), value, *item), result) {
                (Truth::True, _) => return Truth::True,
                (unknown @ Truth::Unknown(_), Truth::False) => result = unknown,
                _ => {}
            }
        }
        result
    }

    fn starts_with(&mut self, value: u32, prefix: u32) -> Truth {
        self.ensure(value);
        let held = self.state.held[value as usize];
        let prefix = bytes_of(self.program, self.record, prefix);
        match held.holding {
            Holding::ShortText | Holding::Text => {
                of_bool(bytes_of(self.program, self.record, value).starts_with(prefix))
            }
            Holding::Doubt => Truth::Unknown(held.unknown()),
            _ if held.untyped => of_bool(self.digits(value).as_bytes().starts_with(prefix)),
            _ => Truth::Unknown(Unknown::new(Reason::NotAText, held.slot)),
        }
    }

    #[inline(always)]
    fn compare(&self, orders: u8, left: u32, right: u32) -> Truth {
        let (a, b) = (&self.state.held[left as usize], &self.state.held[right as usize]);
        if a.holding == b.holding && a.holding.is_ordinal() {
            return holds(orders, a.ordinal.cmp(&b.ordinal));
        }
        self.compare_otherwise(orders, left, right)
    }

    #[inline(never)]
    fn compare_otherwise(&self, orders: u8, left: u32, right: u32) -> Truth {
        match self.order(left, right) {
            Ok(order) => holds(orders, order),
            Err(unknown) => Truth::Unknown(unknown),
        }
    }

    /// The order of two values, or why there is none.
    fn order(&self, left: u32, right: u32) -> Result<Ordering, Unknown> {
        use Holding::{Amount, Bytes, Document, Doubt, Text, Untyped};
        let (a, b) = (&self.state.held[left as usize], &self.state.held[right as usize]);
        let kinds = || Unknown::new(Reason::Kinds, if a.slot == NO_SLOT { b.slot } else { a.slot });
        match (a.class(), b.class()) {
            (Doubt, _) => Err(a.unknown()),
            (_, Doubt) => Err(b.unknown()),
            (Document, _) | (_, Document) => Err(kinds()),
            (Amount, Amount) if a.holding == b.holding && a.holding == Amount => Ok(a.ordinal.cmp(&b.ordinal)),
            (Amount, Amount) => Ok(self.state.number(left)?.order(&self.state.number(right)?)),
            (Text | Untyped, Text | Untyped) | (Bytes, Bytes) => {
                let bytes = |value| bytes_of(self.program, self.record, value);
                Ok(bytes(left).cmp(bytes(right)))
            }
            (x, y) if x == y => Ok(a.ordinal.cmp(&b.ordinal)),
            // A field of a file without types is what its other side is, if it can be.
            (Untyped, kind) => read_as(self.text(left), kind).map(|o| o.cmp(&b.ordinal)).ok_or_else(kinds),
            (kind, Untyped) => read_as(self.text(right), kind).map(|o| a.ordinal.cmp(&o)).ok_or_else(kinds),
            (Amount, Text) if a.untyped => {
                Ok(self.digits(left).as_bytes().cmp(bytes_of(self.program, self.record, right)))
            }
            (Text, Amount) if b.untyped => {
                Ok(bytes_of(self.program, self.record, left).cmp(self.digits(right).as_bytes()))
            }
            (Amount, kind) if a.untyped => {
                read_as(&self.digits(left), kind).map(|o| o.cmp(&b.ordinal)).ok_or_else(kinds)
            }
            (kind, Amount) if b.untyped => {
                read_as(&self.digits(right), kind).map(|o| a.ordinal.cmp(&o)).ok_or_else(kinds)
            }
            _ => Err(kinds()),
        }
    }

    fn text(&self, value: u32) -> &str {
        std::str::from_utf8(bytes_of(self.program, self.record, value)).unwrap_or("\u{fffd}")
    }

    /// A number of a file without types, as it is written there.
    fn digits(&self, value: u32) -> String {
        match self.record.get(value as usize) {
            Some(CellRef { cell: Cell::Number { coefficient, scale, .. }, .. }) => {
                Amount::new(*coefficient, (*scale).into()).to_string()
            }
            _ => self.text(value).to_owned(),
        }
    }

    /// Computes a value, unless it was computed for this record.
    fn ensure(&mut self, value: u32) {
        let first = self.program.slots.len() + self.program.constants.len();
        let Some(at) = (value as usize).checked_sub(first) else { return };
        if self.state.computed_for[at] == self.state.record {
            return;
        }
        let computed = self.program.computed[at];
        for operand in computed.operands.of(&self.program.links) {
            self.ensure(*operand);
        }
        match self.compute(computed) {
            Ok(Number::Small { coefficient, scale }) => {
                self.state.hold_small(value as usize, coefficient, scale, false, NO_SLOT);
            }
            Ok(Number::Wide(amount)) => self.state.hold_amount(value as usize, &amount, false, NO_SLOT),
            Err(unknown) => self.state.held[value as usize] = Held::doubt(unknown.reason, unknown.slot),
        }
        self.state.computed_for[at] = self.state.record;
    }

    fn compute(&self, computed: Computed) -> Result<Number, Unknown> {
        let operands = computed.operands.of(&self.program.links);
        let number = |at: usize| self.state.number(operands[at]);
        let unknown = |reason| Unknown::new(reason, NO_SLOT);
        let fold = |step: &dyn Fn(&Number, &Number) -> Result<Number, Reason>| {
            (1..operands.len()).try_fold(number(0)?, |sum, at| step(&sum, &number(at)?).map_err(unknown))
        };
        match computed.operation {
            Operation::Add if operands.len() == 2 => number(0)?.plus(&number(1)?).map_err(unknown),
            Operation::Multiply if operands.len() == 2 => number(0)?.times(&number(1)?).map_err(unknown),
            Operation::Add => fold(&|sum, next| sum.plus(next)),
            Operation::Multiply => fold(&|product, next| product.times(next)),
            Operation::Least => fold(&|least, next| Ok(if next.order(least).is_lt() { next } else { least }.clone())),
            Operation::Greatest => fold(&|most, next| Ok(if next.order(most).is_gt() { next } else { most }.clone())),
            Operation::Subtract => number(0)?.minus(&number(1)?).map_err(unknown),
            Operation::Percent => number(0)?.percent_of(&number(1)?).map_err(unknown),
            Operation::Negate => Ok(number(0)?.negated()),
            Operation::Magnitude => Ok(number(0)?.magnitude()),
            Operation::Divide { scale, rounding } => {
                number(0)?.divided(&number(1)?, scale, rounding).map_err(|reason| {
                    let divisor = if reason == Reason::DivisionByZero { operands[1] } else { NO_SLOT };
                    Unknown::new(reason, self.state.held.get(divisor as usize).map_or(NO_SLOT, |held| held.slot))
                })
            }
            Operation::Round { scale, rounding } => number(0)?.rounded(scale, rounding).map_err(unknown),
        }
    }
}

#[inline(always)]
fn of_bool(holds: bool) -> Truth {
    if holds { Truth::True } else { Truth::False }
}

/// Whether an order is one of those that make a comparison true.
#[inline(always)]
fn holds(orders: u8, order: Ordering) -> Truth {
    of_bool(orders & (1 << (order as i8 + 1)) != 0)
}

/// The ordinal of a text of a file without types, as a value of another kind; `None` when it is no such value.
fn read_as(text: &str, kind: Holding) -> Option<i128> {
    match kind {
        Holding::Date => parse_date(text).map(i128::from),
        Holding::Instant => zoned_instant(text).map(|instant| instant.nanos),
        Holding::Time => parse_time(text).map(|(nanos, _)| i128::from(nanos)),
        Holding::Bool => match text {
            "true" | "1" => Some(1),
            "false" | "0" => Some(0),
            _ => None,
        },
        Holding::Uuid => parse_uuid(text).map(of_uuid),
        Holding::ObjectId => unhex(text)?.try_into().ok().map(of_object_id),
        _ => None,
    }
}

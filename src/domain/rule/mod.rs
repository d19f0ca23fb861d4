//! The language of checks of kind `rule`: a condition in JSON, judged against every record with Kleene's three truth
//! values. `docs/rules.md` is the language in words.
//!
//! [`parse`] reads a text, [`RuleSet::bind`] ties many rules to the names of a run, [`RuleSet::evaluate`] judges one
//! record by all of them. What is not known stays unknown: a value that is absent, NULL, not decoded or of another kind
//! never makes a condition false. Must not know where rules are stored, which stores the values come from, or what
//! becomes of a violation. No floats: numbers are read digit by digit.

mod arithmetic;
mod definition;
mod error;
mod evaluate;
mod held;
mod parse;
mod rounding;
mod schema;
mod set;
#[cfg(test)]
mod tests;
mod tree;
mod truth;

use std::fmt;

pub use error::RuleError;
pub use parse::parse;
pub use rounding::Rounding;
pub use set::RuleSet;
use tree::{Condition, Operand};
use truth::NO_SLOT;
pub use truth::{Reason, Truth, Unknown};

/// Longest text of a rule, in bytes.
pub const MAX_TEXT: usize = 1 << 20;
/// How deep conditions and values may be nested.
pub const MAX_DEPTH: usize = 64;
/// How many conditions and values a rule may have.
pub const MAX_NODES: usize = 10_000;
/// Digits before or behind the decimal point beyond which arithmetic gives no result: what a rule costs must not
/// depend on an exponent. Comparing knows no such limit.
pub const MAX_DIGITS: u32 = 1_000;
/// The largest exponent of a literal, up or down: that of `Decimal128` with some room.
pub const MAX_EXPONENT: u32 = 7_000;

/// Where the value of a reference comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The key of the record.
    Key,
    /// What the legacy path computed.
    Legacy,
    /// What the candidate path computed.
    Candidate,
    /// What was decided: the values to use; `source` and `reason` are the decision's own.
    Decision,
    /// The same key in the decisions of the previous released cycle.
    Previous,
    /// The record itself: `kind` says what the comparison made of it.
    Record,
    /// A parameter of the cycle: the same for every record.
    Param,
}

impl Scope {
    /// Every scope, in the order of the documentation.
    pub const ALL: [Scope; 7] =
        [Scope::Key, Scope::Legacy, Scope::Candidate, Scope::Decision, Scope::Previous, Scope::Record, Scope::Param];

    /// The word before the dot.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Key => "key",
            Scope::Legacy => "legacy",
            Scope::Candidate => "candidate",
            Scope::Decision => "decision",
            Scope::Previous => "previous",
            Scope::Record => "record",
            Scope::Param => "param",
        }
    }
}

/// A name that a rule reads: `legacy.net`, `candidate.amount.net`, `record.kind`, `param.payout_date`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// What stands before the first dot.
    pub scope: Scope,
    /// What stands behind it: a column, a dotted path of a document, a parameter.
    pub name: String,
}

impl Reference {
    /// A reference to `name` in `scope`.
    pub fn new(scope: Scope, name: impl Into<String>) -> Self {
        Reference { scope, name: name.into() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.name(), self.name)
    }
}

/// What `record.kind` can be: what the comparison made of a key.
pub const RECORD_KINDS: [&str; 7] =
    ["agree", "tolerated", "mismatch", "legacy_only", "candidate_only", "duplicate_key", "unknown"];
/// What `decision.source` can be.
pub const DECISION_SOURCES: [&str; 3] = ["candidate", "legacy", "held"];
/// What `decision.reason` can be.
pub const DECISION_REASONS: [&str; 8] =
    ["agree", "tolerated", "not_enrolled", "mismatch", "legacy_only", "candidate_only", "duplicate_key", "unknown"];

/// A rule that was read and is right in itself; which names a run has is known when it is bound.
#[derive(Clone, Debug)]
pub struct Rule {
    text: String,
    name: Option<String>,
    description: Option<String>,
    /// Records for which it is not true are not examined.
    examined: Option<Condition>,
    condition: Condition,
    /// The condition says how a record should be, not what is flagged.
    expect: bool,
}

impl Rule {
    /// The text that was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the rule calls itself.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What the rule says of itself.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Every name that it reads, each once, in the order of the text.
    pub fn references(&self) -> Vec<Reference> {
        let mut seen = std::collections::HashSet::new();
        let mut found = Vec::new();
        self.visit(&mut |operand| {
            if let tree::Kind::Reference(reference) = &operand.kind
                && seen.insert(reference)
            {
                found.push(reference.clone());
            }
        });
        found
    }

    /// The JSON Schema (draft 2020-12) of rules, for editors. What it accepts may still be refused by [`parse`],
    /// which knows more; what it refuses is refused by [`parse`] too.
    pub fn schema() -> serde_json::Value {
        schema::schema()
    }

    /// Every value in it, from the outside in.
    fn visit<'r>(&'r self, see: &mut dyn FnMut(&'r Operand)) {
        for condition in self.examined.iter().chain([&self.condition]) {
            condition.visit(see);
        }
    }
}

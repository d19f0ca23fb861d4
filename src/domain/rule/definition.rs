//! What is wrong with a rule whatever the records are: comparisons that could never be known, words that no record can
//! hold, a division by a literal zero. A rule that can only stay silent would be the worst of all: green without having
//! looked.

use super::error::{RuleError, did_you_mean};
use super::tree::{Comparison, Condition, Kind, Operand, Operation};
use super::{DECISION_REASONS, DECISION_SOURCES, RECORD_KINDS, Reference, Rule, Scope};
use crate::domain::Value;

/// The values of the parameters, as far as they are known.
type Params<'a> = &'a dyn Fn(&str) -> Option<&'a Value>;

/// Looks through a rule, with the values of parameters when they are known.
pub(super) fn check<'a>(rule: &'a Rule, params: Params<'a>) -> Result<(), RuleError> {
    let check = Check { text: &rule.text, params };
    rule.examined.iter().chain([&rule.condition]).try_for_each(|condition| check.condition(condition))
}

struct Check<'a> {
    text: &'a str,
    params: Params<'a>,
}

impl Check<'_> {
    fn condition(&self, condition: &Condition) -> Result<(), RuleError> {
        match condition {
            Condition::Constant(_) => Ok(()),
            Condition::All(parts) | Condition::Any(parts) => parts.iter().try_for_each(|part| self.condition(part)),
            Condition::Not(part) => self.condition(part),
            Condition::Compare { comparison, left, right } => {
                self.pair(left, right)?;
                match comparison {
                    Comparison::Equal | Comparison::NotEqual => self.words(left, right).and(self.words(right, left)),
                    _ => Ok(()),
                }
            }
            Condition::Between { value, low, high } => {
                self.pair(value, low)?;
                self.pair(value, high)?;
                self.pair(low, high)
            }
            Condition::In { value, list } => list.iter().try_for_each(|item| {
                self.pair(value, item)?;
                self.pair(&list[0], item)?;
                self.words(value, item)
            }),
            Condition::IsNull(_) | Condition::IsAbsent(_) => Ok(()),
            Condition::StartsWith { value, .. } => {
                self.value(value)?;
                match self.sort(value) {
                    None | Some("a text") => Ok(()),
                    Some(sort) => Err(RuleError::at(
                        self.text,
                        value.at,
                        format!("`starts_with` asks for a text, and this is {sort}"),
                    )),
                }
            }
        }
    }

    /// Two values that are held against each other.
    fn pair(&self, left: &Operand, right: &Operand) -> Result<(), RuleError> {
        self.value(left)?;
        self.value(right)?;
        match (self.sort(left), self.sort(right)) {
            (Some(a), Some(b)) if a != b => Err(RuleError::at(
                self.text,
                right.at,
                format!("{b} is compared with {a}: whether it holds could never be known"),
            )),
            _ => Ok(()),
        }
    }

    fn value(&self, operand: &Operand) -> Result<(), RuleError> {
        let Kind::Computed { operation, operands } = &operand.kind else { return Ok(()) };
        for part in operands {
            self.value(part)?;
            if let Some(sort) = self.sort(part).filter(|sort| *sort != "an amount") {
                return Err(RuleError::at(
                    self.text,
                    part.at,
                    format!("arithmetic is for amounts, and this is {sort}"),
                ));
            }
        }
        if let (Operation::Divide { .. }, [_, divisor]) = (operation, operands.as_slice())
            && let Kind::Literal(Value::Number { amount, .. }) = &divisor.kind
            && amount.is_zero()
        {
            return Err(RuleError::at(self.text, divisor.at, "a division by zero"));
        }
        Ok(())
    }

    /// What kind of value it is, where that is known before any record is.
    fn sort(&self, operand: &Operand) -> Option<&'static str> {
        match &operand.kind {
            Kind::Computed { .. } => Some("an amount"),
            Kind::Literal(value) => sort_of(value),
            Kind::Reference(Reference { scope: Scope::Param, name }) => sort_of((self.params)(name)?),
            Kind::Reference(reference) => words_of(reference).map(|_| "a text"),
        }
    }

    /// A text that a reference can never hold would make a condition that never hits.
    fn words(&self, value: &Operand, literal: &Operand) -> Result<(), RuleError> {
        if let (Kind::Reference(reference), Kind::Literal(Value::Text { text, .. })) = (&value.kind, &literal.kind)
            && let Some(words) = words_of(reference)
            && !words.contains(&text.as_str())
        {
            let what = format!("`{reference}` is never \"{}\"", crate::domain::shorten(text, 60));
            let hint =
                did_you_mean(text, words.iter().copied()).unwrap_or_else(|| format!("it is {}", words.join(", ")));
            return Err(RuleError::at(self.text, literal.at, what).hint(hint));
        }
        Ok(())
    }
}

fn words_of(reference: &Reference) -> Option<&'static [&'static str]> {
    match (reference.scope, reference.name.as_str()) {
        (Scope::Record, "kind") => Some(&RECORD_KINDS),
        (Scope::Decision, "source") => Some(&DECISION_SOURCES),
        (Scope::Decision, "reason") => Some(&DECISION_REASONS),
        _ => None,
    }
}

fn sort_of(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Number { .. } => "an amount",
        Value::Text { untyped: false, .. } => "a text",
        Value::Date(_) => "a date",
        Value::Instant { .. } => "an instant",
        Value::Time { .. } => "a time",
        Value::Bool(_) => "a truth value",
        Value::Uuid(_) => "a UUID",
        Value::ObjectId(_) => "an ObjectId",
        _ => return None,
    })
}

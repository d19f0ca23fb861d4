//! A rule as it was read: conditions and values, each with its place in the text.

use super::rounding::Rounding;
use super::{Reference, Scope};
use crate::domain::Value;

/// What is true, false or unknown of a record.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// `true`, `false`, or `null` for unknown.
    Constant(Option<bool>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        comparison: Comparison,
        left: Operand,
        right: Operand,
    },
    Between {
        value: Operand,
        low: Operand,
        high: Operand,
    },
    In {
        value: Operand,
        list: Vec<Operand>,
    },
    /// Of a reference that is no parameter.
    IsNull(Operand),
    /// Of a reference that is no parameter.
    IsAbsent(Operand),
    /// The prefix is a literal text.
    StartsWith {
        value: Operand,
        prefix: Operand,
    },
}

/// How two values are held against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// As it is written: the word of the documentation first, then the signs.
    pub(super) const WRITTEN: [(&'static str, Comparison); 13] = [
        ("eq", Comparison::Equal),
        ("ne", Comparison::NotEqual),
        ("lt", Comparison::Less),
        ("le", Comparison::LessOrEqual),
        ("gt", Comparison::Greater),
        ("ge", Comparison::GreaterOrEqual),
        ("=", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<>", Comparison::NotEqual),
        ("<", Comparison::Less),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        (">=", Comparison::GreaterOrEqual),
    ];

    /// Which orders make it true: bit 0 for less, bit 1 for equal, bit 2 for greater.
    pub(super) fn orders(self) -> u8 {
        match self {
            Comparison::Less => 0b001,
            Comparison::Equal => 0b010,
            Comparison::LessOrEqual => 0b011,
            Comparison::Greater => 0b100,
            Comparison::NotEqual => 0b101,
            Comparison::GreaterOrEqual => 0b110,
        }
    }
}

/// A value of a condition.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    /// Where it begins in the text, in bytes.
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Reference(Reference),
    Literal(Value),
    Computed { operation: Operation, operands: Vec<Operand> },
}

/// Arithmetic on amounts. All of it is exact but `Divide` and `Round`, which say how they round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Negate,
    Magnitude,
    Least,
    Greatest,
    /// `percent` of an amount: the product with two more digits behind the point.
    Percent,
    Divide {
        scale: i32,
        rounding: Rounding,
    },
    Round {
        scale: i32,
        rounding: Rounding,
    },
}

impl Condition {
    /// Every value in it, from the outside in.
    pub(super) fn visit<'r>(&'r self, see: &mut dyn FnMut(&'r Operand)) {
        match self {
            Condition::Constant(_) => {}
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| part.visit(see)),
            Condition::Not(part) => part.visit(see),
            Condition::Compare { left, right, .. } | Condition::StartsWith { value: left, prefix: right } => {
                [left, right].into_iter().for_each(|o| o.visit(see));
            }
            Condition::Between { value, low, high } => [value, low, high].into_iter().for_each(|o| o.visit(see)),
            Condition::In { value, list } => {
                value.visit(see);
                list.iter().for_each(|item| item.visit(see));
            }
            Condition::IsNull(operand) | Condition::IsAbsent(operand) => operand.visit(see),
        }
    }
}

impl Operand {
    fn visit<'r>(&'r self, see: &mut dyn FnMut(&'r Operand)) {
        see(self);
        if let Kind::Computed { operands, .. } = &self.kind {
            operands.iter().for_each(|operand| operand.visit(see));
        }
    }

    /// The reference, unless it is to a parameter.
    pub(super) fn of_the_record(&self) -> Option<&Reference> {
        match &self.kind {
            Kind::Reference(reference) if reference.scope != Scope::Param => Some(reference),
            _ => None,
        }
    }
}

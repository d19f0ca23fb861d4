//! What a rule says of a record, and why it may not know.

use super::Reference;

/// What a rule says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// The rule hits: the record violates it.
    True,
    /// The record is as it should be.
    False,
    /// It cannot be known: why.
    Unknown(Unknown),
    /// The rule's `where` leaves this record out.
    NotExamined,
}

/// Why a rule could not judge a record: the first value that was not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub(super) reason: Reason,
    /// The slot of the record, or `NO_SLOT`.
    pub(super) slot: u32,
}

pub(super) const NO_SLOT: u32 = u32::MAX;

impl Unknown {
    pub(super) fn new(reason: Reason, slot: u32) -> Self {
        Unknown { reason, slot }
    }

    /// The reason.
    pub fn reason(self) -> Reason {
        self.reason
    }

    /// Which of [`super::RuleSet::slots`] it was about; `None` when it was a parameter or a computed value.
    pub fn slot(self) -> Option<usize> {
        (self.slot != NO_SLOT).then_some(self.slot as usize)
    }

    /// One phrase for reports: "`candidate.net` is absent". `slots` are [`super::RuleSet::slots`].
    pub fn explain(self, slots: &[Reference]) -> String {
        match self.slot().and_then(|slot| slots.get(slot)) {
            Some(reference) => format!("`{reference}` {}", self.reason.of_a_value()),
            None => self.reason.of_the_rule().to_owned(),
        }
    }
}

/// Why a value or a condition is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The field or the whole side is not there.
    Absent,
    /// A NULL was compared or computed with.
    Null,
    /// The value could not be decoded; the cell says why.
    Undecoded,
    /// NaN, which lies neither below nor above nor at any number.
    NotANumber,
    /// Two values of different kinds, or of a kind that has no order (documents), were compared.
    Kinds,
    /// Arithmetic with a value that is no amount.
    NotAnAmount,
    /// `starts_with` of a value that is no text.
    NotAText,
    /// A division by zero.
    DivisionByZero,
    /// Arithmetic with an infinity.
    Infinite,
    /// A result of more than [`super::MAX_DIGITS`] digits.
    TooLong,
    /// The rule itself says `null`.
    Stated,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 11] = [
        Reason::Absent,
        Reason::Null,
        Reason::Undecoded,
        Reason::NotANumber,
        Reason::Kinds,
        Reason::NotAnAmount,
        Reason::NotAText,
        Reason::DivisionByZero,
        Reason::Infinite,
        Reason::TooLong,
        Reason::Stated,
    ];

    /// The end of a sentence that begins with the name of a value.
    fn of_a_value(self) -> &'static str {
        match self {
            Reason::Absent => "is absent",
            Reason::Null => "is NULL",
            Reason::Undecoded => "could not be decoded",
            Reason::NotANumber => "is NaN",
            Reason::Kinds => "is compared with a value of another kind",
            Reason::NotAnAmount => "is computed with and is no amount",
            Reason::NotAText => "is no text",
            Reason::DivisionByZero => "is zero and divides",
            Reason::Infinite => "is infinite",
            Reason::TooLong => "makes an amount of too many digits",
            Reason::Stated => "is said to be unknown",
        }
    }

    /// A sentence of its own.
    fn of_the_rule(self) -> &'static str {
        match self {
            Reason::Absent => "a value is absent",
            Reason::Null => "a value is NULL",
            Reason::Undecoded => "a value could not be decoded",
            Reason::NotANumber => "a value is NaN",
            Reason::Kinds => "values of different kinds are compared",
            Reason::NotAnAmount => "a value is computed with and is no amount",
            Reason::NotAText => "a value is no text",
            Reason::DivisionByZero => "a division by zero",
            Reason::Infinite => "arithmetic with an infinity",
            Reason::TooLong => "an amount of too many digits",
            Reason::Stated => "the rule says `null`",
        }
    }
}

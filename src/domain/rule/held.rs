//! The values of one record while it is judged, taken apart once.
//!
//! Amounts are brought to one scale, the widest that was met, so that comparing two of them is comparing two
//! integers; what does not fit keeps its own scale, or goes to an [`Amount`], and is compared the long way round.

use std::cmp::Ordering;

use super::arithmetic::Number;
use super::set::Program;
use super::{NO_SLOT, Reason, Unknown};
use crate::domain::{Amount, Cell, CellRef, NumberForm, Value, power_of_ten};

/// The widest scale that amounts are brought to: 20 digits before the point still fit beside it.
const MAX_SCALE: i32 = 18;

/// How a value is held while a record is judged. Up to `ShortText` two values of one holding are compared by their
/// ordinals alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Holding {
    /// An amount whose ordinal is its coefficient at the scale of the state.
    Amount,
    Date,
    Instant,
    Time,
    Bool,
    Uuid,
    ObjectId,
    /// A text of up to 15 bytes, ordered by its ordinal as by its bytes.
    ShortText,
    /// An amount with a coefficient of its own scale.
    Unaligned,
    /// An amount that lies in `State::wide`.
    Wide,
    /// A longer text.
    Text,
    /// The class of texts of a file without types; nothing is held so.
    Untyped,
    Bytes,
    /// Documents and arrays, which have no order here.
    Document,
    /// Not known; the reason lies beside it.
    Doubt,
}

impl Holding {
    #[inline(always)]
    pub(super) fn is_ordinal(self) -> bool {
        self as u8 <= Holding::ShortText as u8
    }
}

/// A value of a record, a constant, or a computed one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) holding: Holding,
    /// A number or a text of a file without types: it may be meant as something else.
    pub(super) untyped: bool,
    /// Of a doubt.
    pub(super) reason: Reason,
    /// Whose value it is, or `NO_SLOT`.
    pub(super) slot: u32,
    /// Of an amount that is not wide.
    scale: i32,
    coefficient: i128,
    pub(super) ordinal: i128,
}

impl Held {
    pub(super) fn doubt(reason: Reason, slot: u32) -> Held {
        Held { reason, slot, ..Held::ordinal(Holding::Doubt, 0, slot) }
    }

    pub(super) fn ordinal(holding: Holding, ordinal: i128, slot: u32) -> Held {
        Held { holding, untyped: false, reason: Reason::Stated, slot, scale: 0, coefficient: 0, ordinal }
    }

    pub(super) fn unknown(&self) -> Unknown {
        Unknown::new(self.reason, self.slot)
    }

    /// What it is, however it is held.
    pub(super) fn class(&self) -> Holding {
        match self.holding {
            Holding::Unaligned | Holding::Wide => Holding::Amount,
            Holding::ShortText | Holding::Text if self.untyped => Holding::Untyped,
            Holding::ShortText => Holding::Text,
            other => other,
        }
    }

    fn text(bytes: &[u8], untyped: bool, slot: u32) -> Held {
        let held = match short(bytes) {
            Some(ordinal) => Held::ordinal(Holding::ShortText, ordinal, slot),
            None => Held::ordinal(Holding::Text, 0, slot),
        };
        Held { untyped, ..held }
    }

    /// The class of a constant.
    pub(super) fn class_of(value: &Value) -> Holding {
        match value {
            Value::Number { amount, .. } if !amount.is_nan() => Holding::Amount,
            Value::Date(_) => Holding::Date,
            Value::Instant { .. } => Holding::Instant,
            Value::Time { .. } => Holding::Time,
            Value::Bool(_) => Holding::Bool,
            Value::Uuid(_) => Holding::Uuid,
            Value::ObjectId(_) => Holding::ObjectId,
            Value::Text { untyped: false, .. } => Holding::Text,
            Value::Text { untyped: true, .. } => Holding::Untyped,
            Value::Bytes(_) => Holding::Bytes,
            Value::Document(_) | Value::Array(_) => Holding::Document,
            Value::Number { .. } | Value::Absent | Value::Null | Value::Unknown(_) => Holding::Doubt,
        }
    }
}

/// What changes from record to record.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The scale of every aligned amount.
    scale: i32,
    /// A wider scale was met: it is taken with the next record.
    wanted: i32,
    /// Counts records, to know what was computed for this one.
    pub(super) record: u64,
    pub(super) held: Vec<Held>,
    /// The amounts that no coefficient holds, by the number of their value.
    wide: Vec<Amount>,
    /// The record for which a computed value was computed.
    pub(super) computed_for: Vec<u64>,
}

impl State {
    pub(super) fn new(program: &Program) -> State {
        let values = program.slots.len() + program.constants.len() + program.computed.len();
        let scale_of = |value: &Value| match value {
            Value::Number { amount, .. } => amount.small().map(|(_, scale)| scale).filter(|scale| *scale <= MAX_SCALE),
            _ => None,
        };
        let scale = program.constants.iter().filter_map(scale_of).max().unwrap_or(0).max(0);
        let mut state = State {
            scale,
            wanted: scale,
            record: 0,
            held: vec![Held::doubt(Reason::Absent, NO_SLOT); values],
            wide: vec![Amount::ZERO; values],
            computed_for: vec![0; program.computed.len()],
        };
        state.hold_constants(program);
        state
    }

    fn hold_constants(&mut self, program: &Program) {
        for (at, value) in program.constants.iter().enumerate() {
            let number = program.slots.len() + at;
            let ordinal = |ordinal| Held::ordinal(Held::class_of(value), ordinal, NO_SLOT);
            self.held[number] = match value {
                Value::Number { amount, .. } => {
                    self.hold_amount(number, amount, false, NO_SLOT);
                    continue;
                }
                Value::Absent => Held::doubt(Reason::Absent, NO_SLOT),
                Value::Null => Held::doubt(Reason::Null, NO_SLOT),
                Value::Unknown(_) => Held::doubt(Reason::Undecoded, NO_SLOT),
                Value::Bool(b) => ordinal(i128::from(*b)),
                Value::Date(days) => ordinal(i128::from(*days)),
                Value::Instant { nanos, .. } => ordinal(*nanos),
                Value::Time { nanos, .. } => ordinal(i128::from(*nanos)),
                Value::Uuid(bytes) => ordinal(of_uuid(*bytes)),
                Value::ObjectId(bytes) => ordinal(of_object_id(*bytes)),
                Value::Text { text, untyped } => Held::text(text.as_bytes(), *untyped, NO_SLOT),
                Value::Bytes(_) | Value::Document(_) | Value::Array(_) => ordinal(0),
            };
        }
    }

    /// Holds what a record has; a cell that is not given is absent.
    pub(super) fn load(&mut self, program: &Program, record: &[CellRef<'_>]) {
        self.record += 1;
        if self.wanted > self.scale {
            self.scale = self.wanted;
            self.hold_constants(program);
        }
        for slot in 0..program.slots.len() {
            match record.get(slot) {
                Some(cell) => self.hold(slot, cell),
                None => self.held[slot] = Held::doubt(Reason::Absent, slot as u32),
            }
        }
    }

    #[inline]
    fn hold(&mut self, slot: usize, at: &CellRef<'_>) {
        let own = slot as u32;
        let doubt = |reason| Held::doubt(reason, own);
        let ordinal = |holding, ordinal| Held::ordinal(holding, ordinal, own);
        self.held[slot] = match at.cell {
            Cell::Number { coefficient, scale, form } => {
                self.hold_small(slot, coefficient, scale.into(), form == NumberForm::Untyped, own);
                return;
            }
            Cell::Wide { text, form } => match Amount::parse(at.text(text)) {
                Ok(amount) => {
                    self.hold_amount(slot, &amount, form == NumberForm::Untyped, own);
                    return;
                }
                Err(_) => doubt(Reason::Undecoded),
            },
            Cell::Absent => doubt(Reason::Absent),
            Cell::Null => doubt(Reason::Null),
            Cell::Unknown(_) => doubt(Reason::Undecoded),
            Cell::Bool(b) => ordinal(Holding::Bool, i128::from(b)),
            Cell::Date(days) => ordinal(Holding::Date, i128::from(days)),
            Cell::Instant { nanos, .. } => ordinal(Holding::Instant, nanos),
            Cell::Time { nanos, .. } => ordinal(Holding::Time, i128::from(nanos)),
            Cell::Uuid(bytes) => ordinal(Holding::Uuid, of_uuid(bytes)),
            Cell::ObjectId(bytes) => ordinal(Holding::ObjectId, of_object_id(bytes)),
            Cell::Text(span) => Held::text(at.bytes(span), false, own),
            Cell::Untyped(span) => Held::text(at.bytes(span), true, own),
            Cell::Bytes(_) => ordinal(Holding::Bytes, 0),
            Cell::Bson { .. } | Cell::Json(_) => ordinal(Holding::Document, 0),
        };
    }

    #[inline]
    pub(super) fn hold_small(&mut self, at: usize, coefficient: i128, scale: i32, untyped: bool, slot: u32) {
        let (holding, ordinal) = match aligned(coefficient, self.scale - scale) {
            Some(ordinal) => (Holding::Amount, ordinal),
            None => {
                if scale > self.wanted && scale <= MAX_SCALE {
                    self.wanted = scale;
                }
                (Holding::Unaligned, 0)
            }
        };
        self.held[at] = Held { holding, untyped, reason: Reason::Stated, slot, scale, coefficient, ordinal };
    }

    pub(super) fn hold_amount(&mut self, at: usize, amount: &Amount, untyped: bool, slot: u32) {
        match Number::of(amount) {
            Some(Number::Small { coefficient, scale }) => self.hold_small(at, coefficient, scale, untyped, slot),
            Some(Number::Wide(amount)) => {
                self.held[at] = Held { untyped, ..Held::ordinal(Holding::Wide, 0, slot) };
                self.wide[at] = amount;
            }
            None => self.held[at] = Held::doubt(Reason::NotANumber, slot),
        }
    }

    /// The number that a value is.
    #[inline(always)]
    pub(super) fn number(&self, value: u32) -> Result<Number, Unknown> {
        let held = &self.held[value as usize];
        match held.holding {
            Holding::Amount | Holding::Unaligned => Ok(Number::new(held.coefficient, held.scale)),
            Holding::Wide => Ok(Number::Wide(self.wide[value as usize].clone())),
            Holding::Doubt => Err(held.unknown()),
            _ => Err(Unknown::new(Reason::NotAnAmount, held.slot)),
        }
    }

    /// The order of two constants of one class, for lists that are searched.
    pub(super) fn order_of_constants(&self, program: &Program, left: u32, right: u32) -> Ordering {
        let text = |value: u32| bytes_of(program, &[], value);
        let ordinal = |value: u32| self.held[value as usize].ordinal;
        match self.number(left).ok().zip(self.number(right).ok()) {
            Some((left, right)) => left.order(&right),
            // A long text has no ordinal, and what is no text has no bytes.
            None => text(left).cmp(text(right)).then_with(|| ordinal(left).cmp(&ordinal(right))),
        }
    }
}

/// `coefficient × 10^by`, when that fits.
#[inline(always)]
fn aligned(coefficient: i128, by: i32) -> Option<i128> {
    if by == 0 {
        return Some(coefficient);
    }
    let power = power_of_ten(by)?;
    // Below 10^19 × 10^19 a single machine multiplication does, which is nearly always.
    match (i64::try_from(coefficient), i64::try_from(power)) {
        (Ok(coefficient), Ok(power)) => Some(i128::from(coefficient) * i128::from(power)),
        _ => coefficient.checked_mul(power),
    }
}

/// Up to 15 bytes and how many there are, ordered as texts are: byte by byte, and a beginning before the whole.
fn short(bytes: &[u8]) -> Option<i128> {
    let mut padded = [0; 16];
    padded[..15].get_mut(..bytes.len())?.copy_from_slice(bytes);
    padded[15] = bytes.len() as u8;
    Some(i128::from_be_bytes(padded) ^ i128::MIN)
}

/// Ordered as their bytes are.
pub(super) fn of_uuid(bytes: [u8; 16]) -> i128 {
    i128::from_be_bytes(bytes) ^ i128::MIN
}

pub(super) fn of_object_id(bytes: [u8; 12]) -> i128 {
    bytes.into_iter().fold(0, |number, byte| number << 8 | i128::from(byte))
}

/// The bytes of a text; nothing for what has none.
pub(super) fn bytes_of<'a>(program: &'a Program, record: &'a [CellRef<'_>], value: u32) -> &'a [u8] {
    let value = value as usize;
    match value.checked_sub(program.slots.len()) {
        None => record.get(value).and_then(|at| at.cell.span().map(|span| at.bytes(span))).unwrap_or(&[]),
        Some(constant) => match program.constants.get(constant) {
            Some(Value::Text { text, .. }) => text.as_bytes(),
            Some(Value::Bytes(bytes)) => bytes,
            _ => &[],
        },
    }
}

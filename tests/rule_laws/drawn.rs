//! What is drawn: records of every kind of cell, and rules that the parser does not refuse.

use proptest::prelude::*;
use recon::domain::rule::Rounding;
use recon::domain::{Amount, Batch, Cell, NumberForm, parse_date, parse_instant};

use crate::tree::{COMPARISONS, Condition, Literal, NAMES, Operand};

fn digits() -> impl Strategy<Value = String> {
    prop_oneof![
        24 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,4})?",
        1 => "-?[1-9][0-9]{17,20}(\\.[0-9]{1,20})?",
        1 => "-?[1-9][0-9]{30,60}(\\.[0-9]{1,40})?",
        1 => "-?[1-9](\\.[0-9]{1,3})?E[+-][1-9][0-9]?",
        1 => Just("-0.00".to_owned()),
    ]
}

/// The value of a cell, by its kind and text.
#[derive(Clone, Debug)]
pub(crate) enum Sample {
    Absent,
    Null,
    Unknown,
    Number(String, NumberForm),
    Untyped(String),
    Text(String),
    Date(String),
    Instant(String),
    Bool(bool),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,3}", "1[.0]?", "[ab]{14,17}", Just("2026-11-13".to_owned()), "é?"]
}

fn date() -> impl Strategy<Value = String> {
    "2026-11-1[0-4]"
}

fn instant() -> impl Strategy<Value = String> {
    "2026-11-1[0-4]T00:00:0[0-2](\\.[0-9]{1,9})?Z"
}

fn sample() -> impl Strategy<Value = Sample> {
    use NumberForm::{Decimal, Double, Integer};
    prop_oneof![
        1 => Just(Sample::Absent),
        1 => Just(Sample::Null),
        1 => Just(Sample::Unknown),
        1 => prop::sample::select(vec!["NaN", "Infinity", "-Infinity"])
            .prop_map(|text| Sample::Number(text.into(), Decimal)),
        8 => (digits(), prop::sample::select(vec![Decimal, Double, Integer])).prop_map(|(d, f)| Sample::Number(d, f)),
        3 => prop_oneof![digits(), text(), date(), instant()].prop_map(Sample::Untyped),
        2 => text().prop_map(Sample::Text),
        1 => date().prop_map(Sample::Date),
        1 => instant().prop_map(Sample::Instant),
        1 => any::<bool>().prop_map(Sample::Bool),
    ]
}

pub(crate) fn put(sample: &Sample, batch: &mut Batch) -> Cell {
    match sample {
        Sample::Absent => Cell::Absent,
        Sample::Null => Cell::Null,
        Sample::Unknown => batch.unknown("not UTF-8"),
        Sample::Number(digits, form) => batch.amount(&Amount::parse(digits).expect("digits"), *form),
        Sample::Untyped(text) => batch.untyped(text),
        Sample::Text(text) => Cell::Text(batch.store(text.as_bytes())),
        Sample::Date(text) => Cell::Date(parse_date(text).expect("a date")),
        Sample::Instant(text) => {
            let read = parse_instant(text, &jiff::tz::TimeZone::UTC).expect("an instant");
            Cell::Instant { nanos: read.nanos, digits: read.digits }
        }
        Sample::Bool(b) => Cell::Bool(*b),
    }
}

fn slot() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(Rounding::ALL.to_vec())
}

fn amount() -> impl Strategy<Value = Operand> {
    digits().prop_map(|digits| Operand::Literal(Literal::Amount(digits)))
}

pub(crate) fn number() -> impl Strategy<Value = Operand> {
    let leaf = prop_oneof![3 => slot().prop_map(Operand::Slot), 1 => amount()];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let pair = || (inner.clone(), inner.clone()).prop_map(|(a, b)| Box::new([a, b]));
        // A literal zero as a divisor is refused, and no rule to judge.
        let divisor = inner.clone().prop_map(|operand| match operand {
            Operand::Literal(_) => Operand::Literal(Literal::Amount("-7.5".into())),
            other => other,
        });
        prop_oneof![
            (prop::sample::select(vec!["add", "mul", "min", "max"]), prop::collection::vec(inner.clone(), 2..4))
                .prop_map(|(word, items)| Operand::Many(word, items)),
            (prop::sample::select(vec!["sub", "percent"]), pair()).prop_map(|(word, pair)| Operand::Two(word, pair)),
            (prop::sample::select(vec!["neg", "abs"]), inner.clone())
                .prop_map(|(word, item)| Operand::One(word, Box::new(item))),
            (inner.clone(), divisor, -3..12i32, rounding()).prop_map(|(a, b, scale, rounding)| Operand::Divide(
                Box::new([a, b]),
                scale,
                rounding
            )),
            (inner.clone(), -3..6i32, rounding()).prop_map(|(item, scale, rounding)| Operand::Round(
                Box::new(item),
                scale,
                rounding
            )),
        ]
    })
}

fn literal() -> impl Strategy<Value = Operand> {
    prop_oneof![
        text().prop_map(Literal::Text),
        date().prop_map(Literal::Date),
        instant().prop_map(Literal::Instant),
        any::<bool>().prop_map(Literal::Bool),
    ]
    .prop_map(Operand::Literal)
}

pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    let compared = || {
        let of_slot = || slot().prop_map(Operand::Slot);
        prop_oneof![
            4 => (number(), number()),
            2 => (of_slot(), literal()),
            1 => (literal(), of_slot()),
            1 => (of_slot(), of_slot()),
        ]
    };
    let leaf = prop_oneof![
        1 => any::<Option<bool>>().prop_map(Condition::Constant),
        8 => (0..COMPARISONS.len(), any::<bool>(), compared()).prop_map(|(at, sign, (a, b))| Condition::Compare(at, sign, a, b)),
        2 => (number(), number(), number()).prop_map(|(value, low, high)| Condition::Between(value, low, high)),
        1 => (slot(), text(), text()).prop_map(|(value, low, high)| {
            let text = |text| Operand::Literal(Literal::Text(text));
            Condition::Between(Operand::Slot(value), text(low), text(high))
        }),
        2 => (number(), prop::collection::vec(number(), 1..4)).prop_map(|(value, items)| Condition::In(value, items)),
        2 => (number(), prop::collection::vec(amount(), 1..9)).prop_map(|(value, items)| Condition::In(value, items)),
        2 => (slot(), prop::collection::vec(text().prop_map(|t| Operand::Literal(Literal::Text(t))), 1..9))
            .prop_map(|(value, items)| Condition::In(Operand::Slot(value), items)),
        1 => slot().prop_map(Condition::IsNull),
        1 => slot().prop_map(Condition::IsAbsent),
        1 => (slot(), text()).prop_map(|(slot, prefix)| Condition::StartsWith(slot, prefix)),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::Any),
            inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

pub(crate) fn records() -> impl Strategy<Value = Vec<Vec<Sample>>> {
    prop::collection::vec(prop::collection::vec(sample(), NAMES.len()), 1..5)
}

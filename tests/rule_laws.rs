//! The laws of rules, over random rules and records: judged by a naive evaluator that walks the rule over decoded values
//! and big integers and shares no code with the compiled program. And the page on rules, read by the parser.
//!
//! Invariants:
//! 1. The compiled set says what the naive evaluator says, rule by rule, record after record, however the rules are spelt.
//! 2. De Morgan's laws, double negation, `between` as two comparisons, `in` as `any` of `eq`, `expect` as `flag` of `not`.
//! 3. What the parser reads the JSON Schema accepts; what the schema refuses the parser refuses.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::cmp::Ordering;

use num_bigint::BigInt;
use proptest::prelude::*;
use recon::domain::rule::{
    DECISION_REASONS, DECISION_SOURCES, RECORD_KINDS, Reference, Rounding, Rule, RuleSet, Scope, Truth, parse,
};
use recon::domain::{Amount, Batch, Cell, NumberForm, Value, parse_date, parse_instant};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const COMPARISONS: [(&str, &str, [bool; 3]); 6] = [
    ("eq", "=", [false, true, false]),
    ("ne", "<>", [true, false, true]),
    ("lt", "<", [true, false, false]),
    ("le", "<=", [true, true, false]),
    ("gt", ">", [false, false, true]),
    ("ge", ">=", [false, true, true]),
];

#[derive(Clone, Debug)]
enum Condition {
    Constant(Option<bool>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The comparison, and whether it is written as a sign.
    Compare(usize, bool, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    IsNull(usize),
    IsAbsent(usize),
    StartsWith(usize, String),
}

#[derive(Clone, Debug)]
enum Operand {
    Slot(usize),
    Literal(Literal),
    Many(&'static str, Vec<Operand>),
    Two(&'static str, Box<[Operand; 2]>),
    One(&'static str, Box<Operand>),
    Divide(Box<[Operand; 2]>, i32, Rounding),
    Round(Box<Operand>, i32, Rounding),
}

#[derive(Clone, Debug)]
enum Literal {
    Amount(String),
    Text(String),
    Date(String),
    Instant(String),
    Bool(bool),
}

// ---- as JSON ----

impl Condition {
    fn json(&self) -> String {
        let list = |parts: &[Condition]| parts.iter().map(Condition::json).collect::<Vec<_>>().join(",");
        match self {
            Condition::Constant(Some(b)) => b.to_string(),
            Condition::Constant(None) => "null".into(),
            Condition::All(parts) => format!(r#"{{"all":[{}]}}"#, list(parts)),
            Condition::Any(parts) => format!(r#"{{"any":[{}]}}"#, list(parts)),
            Condition::Not(part) => format!(r#"{{"not":{}}}"#, part.json()),
            Condition::Compare(at, sign, a, b) => {
                let (word, written, _) = COMPARISONS[*at];
                format!(r#"{{"{}": [{}, {}]}}"#, if *sign { written } else { word }, a.json(), b.json())
            }
            Condition::Between(value, low, high) => {
                format!(r#"{{"between":[{},{},{}]}}"#, value.json(), low.json(), high.json())
            }
            Condition::In(value, items) => format!(r#"{{"in":[{},[{}]]}}"#, value.json(), Operand::list(items)),
            Condition::IsNull(slot) => format!(r#"{{"is_null":"legacy.{}"}}"#, NAMES[*slot]),
            Condition::IsAbsent(slot) => format!(r#"{{"is_absent":"legacy.{}"}}"#, NAMES[*slot]),
            Condition::StartsWith(slot, prefix) => {
                let prefix = serde_json::Value::from(prefix.as_str());
                format!(r#"{{"starts_with":["legacy.{}",{{"text":{prefix}}}]}}"#, NAMES[*slot])
            }
        }
    }
}

impl Operand {
    fn list(items: &[Operand]) -> String {
        items.iter().map(Operand::json).collect::<Vec<_>>().join(",")
    }

    fn json(&self) -> String {
        match self {
            Operand::Slot(slot) => format!(r#""legacy.{}""#, NAMES[*slot]),
            Operand::Literal(Literal::Amount(digits)) if digits.len().is_multiple_of(2) => digits.clone(),
            Operand::Literal(Literal::Amount(digits)) => format!(r#"{{"amount":"{digits}"}}"#),
            Operand::Literal(Literal::Text(text)) => {
                format!(r#"{{"text":{}}}"#, serde_json::Value::from(text.as_str()))
            }
            Operand::Literal(Literal::Date(text)) => format!(r#"{{"date":"{text}"}}"#),
            Operand::Literal(Literal::Instant(text)) => format!(r#"{{"instant":"{text}"}}"#),
            Operand::Literal(Literal::Bool(b)) => b.to_string(),
            Operand::Many(word, items) => format!(r#"{{"{word}":[{}]}}"#, Operand::list(items)),
            Operand::Two(word, pair) => format!(r#"{{"{word}":[{}]}}"#, Operand::list(&**pair)),
            Operand::One(word, item) => format!(r#"{{"{word}":{}}}"#, item.json()),
            Operand::Divide(pair, scale, rounding) => {
                format!(r#"{{"div":[{}],"scale":{scale},"mode":"{}"}}"#, Operand::list(&**pair), rounding.name())
            }
            Operand::Round(item, scale, rounding) => {
                format!(r#"{{"mode":"{}","round":{},"scale":{scale}}}"#, rounding.name(), item.json())
            }
        }
    }
}

// ---- the naive evaluator: `None` is unknown ----

/// `coefficient / 10^scale`, or an infinity.
#[derive(Clone, Debug)]
enum Number {
    Finite(BigInt, i32),
    Infinite(bool),
}

impl Number {
    fn of(amount: &Amount) -> Option<Number> {
        let text = amount.to_string();
        if text == "NaN" {
            return None;
        }
        if text.ends_with("Infinity") {
            return Some(Number::Infinite(text.starts_with('-')));
        }
        let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let scale = fraction.len() as i32 - exponent.parse::<i32>().expect("an exponent");
        Some(Number::Finite(format!("{whole}{fraction}").parse().expect("digits"), scale))
    }

    fn finite(self) -> Option<(BigInt, i32)> {
        match self {
            Number::Finite(coefficient, scale) => Some((coefficient, scale)),
            Number::Infinite(_) => None,
        }
    }

    /// Both coefficients at one scale.
    fn level(self, other: Number) -> Option<(BigInt, BigInt, i32)> {
        let ((a, of_a), (b, of_b)) = (self.finite()?, other.finite()?);
        let scale = of_a.max(of_b);
        Some((a * ten(scale - of_a), b * ten(scale - of_b), scale))
    }

    fn cmp(&self, other: &Number) -> Ordering {
        let rank = |n: &Number| match n {
            Number::Infinite(true) => -1,
            Number::Finite(..) => 0,
            Number::Infinite(false) => 1,
        };
        match self.clone().level(other.clone()) {
            Some((a, b, _)) => a.cmp(&b),
            None => rank(self).cmp(&rank(other)),
        }
    }
}

fn ten(power: i32) -> BigInt {
    BigInt::from(10).pow(power.unsigned_abs())
}

/// `a / b` as a whole number, by the definition of each way: from the two whole numbers around the true quotient.
fn round(a: BigInt, b: BigInt, rounding: Rounding) -> BigInt {
    let zero = BigInt::from(0);
    let (a, b) = if b < zero { (-a, -b) } else { (a, b) };
    let rest = ((&a % &b) + &b) % &b;
    let below = (&a - &rest) / &b;
    if rest == zero {
        return below;
    }
    let above = &below + 1;
    let (toward, away) = if a < zero { (above.clone(), below.clone()) } else { (below.clone(), above.clone()) };
    match (rounding, (&rest * 2).cmp(&b)) {
        (Rounding::Floor, _) | (Rounding::HalfUp | Rounding::HalfEven, Ordering::Less) => below,
        (Rounding::Ceiling, _) | (Rounding::HalfUp | Rounding::HalfEven, Ordering::Greater) => above,
        (Rounding::Down, _) => toward,
        (Rounding::Up, _) | (Rounding::HalfUp, Ordering::Equal) => away,
        (Rounding::HalfEven, Ordering::Equal) => {
            if &below % 2 == zero {
                below
            } else {
                above
            }
        }
    }
}

fn quotient(a: Number, b: Number, scale: i32, rounding: Rounding) -> Option<Number> {
    let (a, b, _) = a.level(b)?;
    if b == BigInt::from(0) {
        return None;
    }
    let (a, b) = if scale >= 0 { (a * ten(scale), b) } else { (a, b * ten(scale)) };
    Some(Number::Finite(round(a, b, rounding), scale))
}

impl Operand {
    fn value(&self, record: &[Value]) -> Value {
        match self {
            Operand::Slot(slot) => record[*slot].clone(),
            Operand::Literal(Literal::Amount(digits)) => {
                Value::Number { amount: Amount::parse(digits).expect("digits"), form: NumberForm::Decimal }
            }
            Operand::Literal(Literal::Text(text)) => Value::Text { text: text.clone(), untyped: false },
            Operand::Literal(Literal::Date(text)) => Value::Date(parse_date(text).expect("a date")),
            Operand::Literal(Literal::Instant(text)) => {
                let read = parse_instant(text, &jiff::tz::TimeZone::UTC).expect("an instant");
                Value::Instant { nanos: read.nanos, digits: read.digits }
            }
            Operand::Literal(Literal::Bool(b)) => Value::Bool(*b),
            computed => match computed.number(record) {
                Some(Number::Finite(c, scale)) => {
                    Value::Number { amount: Amount::from_big(c, scale), form: NumberForm::Decimal }
                }
                Some(Number::Infinite(negative)) => {
                    Value::Number { amount: Amount::infinity(negative), form: NumberForm::Decimal }
                }
                None => Value::Null,
            },
        }
    }

    fn number(&self, record: &[Value]) -> Option<Number> {
        let of = |operand: &Operand| operand.number(record);
        match self {
            Operand::Slot(_) | Operand::Literal(_) => match self.value(record) {
                Value::Number { amount, .. } => Number::of(&amount),
                _ => None,
            },
            Operand::Many(word, items) => {
                let numbers: Vec<Number> = items.iter().map(of).collect::<Option<_>>()?;
                numbers.into_iter().map(Some).reduce(|so_far, next| step(word, so_far?, next?))?
            }
            Operand::Two(word, pair) => step(word, of(&pair[0])?, of(&pair[1])?),
            Operand::One(word, item) => match (*word, of(item)?) {
                ("neg", Number::Finite(c, scale)) => Some(Number::Finite(-c, scale)),
                ("neg", Number::Infinite(negative)) => Some(Number::Infinite(!negative)),
                (_, Number::Finite(c, scale)) if c < BigInt::from(0) => Some(Number::Finite(-c, scale)),
                (_, Number::Infinite(_)) => Some(Number::Infinite(false)),
                (_, other) => Some(other),
            },
            Operand::Divide(pair, scale, rounding) => quotient(of(&pair[0])?, of(&pair[1])?, *scale, *rounding),
            Operand::Round(item, scale, rounding) => {
                quotient(of(item)?, Number::Finite(BigInt::from(1), 0), *scale, *rounding).map(|rounded| {
                    let item = of(item).expect("finite");
                    if matches!(item, Number::Finite(_, held) if held <= *scale) { item } else { rounded }
                })
            }
        }
    }
}

fn step(word: &str, a: Number, b: Number) -> Option<Number> {
    Some(match word {
        "min" => {
            if b.cmp(&a).is_lt() {
                b
            } else {
                a
            }
        }
        "max" => {
            if b.cmp(&a).is_gt() {
                b
            } else {
                a
            }
        }
        "add" => a.level(b).map(|(a, b, scale)| Number::Finite(a + b, scale))?,
        "sub" => a.level(b).map(|(a, b, scale)| Number::Finite(a - b, scale))?,
        "mul" | "percent" => {
            let ((a, of_a), (b, of_b)) = (a.finite()?, b.finite()?);
            Number::Finite(a * b, of_a + of_b + if word == "percent" { 2 } else { 0 })
        }
        other => panic!("no operation {other}"),
    })
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    // A field without a type is what its other side is.
    fn is_number(value: &Value) -> bool {
        matches!(value, Value::Number { .. })
    }
    fn written(value: &Value) -> Option<String> {
        match value {
            Value::Number { amount, form: NumberForm::Untyped } => Some(amount.to_string()),
            Value::Text { text, untyped: true } => Some(text.clone()),
            _ => None,
        }
    }
    fn read(text: &str, like: &Value) -> Option<Value> {
        Some(match like {
            Value::Text { untyped: false, .. } => Value::Text { text: text.to_owned(), untyped: false },
            Value::Date(_) => Value::Date(parse_date(text)?),
            Value::Instant { .. } if text.ends_with('Z') => {
                Value::Instant { nanos: parse_instant(text, &jiff::tz::TimeZone::UTC)?.nanos, digits: 0 }
            }
            Value::Bool(_) => match text {
                "true" | "1" => Value::Bool(true),
                "false" | "0" => Value::Bool(false),
                _ => return None,
            },
            _ => return None,
        })
    }
    match (a, b) {
        (Value::Number { amount: a, .. }, Value::Number { amount: b, .. }) => Some(Number::of(a)?.cmp(&Number::of(b)?)),
        (Value::Text { text: a, untyped: x }, Value::Text { text: b, untyped: y }) if x == y => {
            Some(a.as_bytes().cmp(b.as_bytes()))
        }
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::Instant { nanos: a, .. }, Value::Instant { nanos: b, .. }) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (a, b) => match (written(a), written(b)) {
            (Some(text), None) if !is_number(b) => order(&read(&text, b)?, b),
            (None, Some(text)) if !is_number(a) => order(a, &read(&text, a)?),
            _ => None,
        },
    }
}

impl Condition {
    fn truth(&self, record: &[Value]) -> Option<bool> {
        let compare = |at: usize, a: &Operand, b: &Operand| {
            let order = order(&a.value(record), &b.value(record))?;
            Some(COMPARISONS[at].2[(order as i8 + 1) as usize])
        };
        let all = |truths: Vec<Option<bool>>| match () {
            () if truths.contains(&Some(false)) => Some(false),
            () if truths.contains(&None) => None,
            () => Some(true),
        };
        let any = |truths: Vec<Option<bool>>| match () {
            () if truths.contains(&Some(true)) => Some(true),
            () if truths.contains(&None) => None,
            () => Some(false),
        };
        match self {
            Condition::Constant(truth) => *truth,
            Condition::All(parts) => all(parts.iter().map(|part| part.truth(record)).collect()),
            Condition::Any(parts) => any(parts.iter().map(|part| part.truth(record)).collect()),
            Condition::Not(part) => part.truth(record).map(|b| !b),
            Condition::Compare(at, _, a, b) => compare(*at, a, b),
            Condition::Between(value, low, high) => all(vec![compare(5, value, low), compare(3, value, high)]),
            Condition::In(value, items) => any(items.iter().map(|item| compare(0, value, item)).collect()),
            Condition::IsNull(slot) => match &record[*slot] {
                Value::Absent | Value::Unknown(_) => None,
                value => Some(matches!(value, Value::Null)),
            },
            Condition::IsAbsent(slot) => match &record[*slot] {
                Value::Unknown(_) => None,
                value => Some(matches!(value, Value::Absent)),
            },
            Condition::StartsWith(slot, prefix) => match &record[*slot] {
                Value::Text { text, .. } => Some(text.starts_with(prefix)),
                Value::Number { amount, form: NumberForm::Untyped } => Some(amount.to_string().starts_with(prefix)),
                _ => None,
            },
        }
    }
}

// ---- what is drawn ----

fn digits() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,4})?",
        1 => "-?[1-9][0-9]{17,20}(\\.[0-9]{1,20})?",
        1 => "-?[1-9][0-9]{30,60}(\\.[0-9]{1,40})?",
        1 => "-?[1-9](\\.[0-9]{1,3})?E[+-][1-9][0-9]?",
        1 => Just("-0.00".to_owned()),
    ]
}

/// The value of a cell, by its kind and text.
#[derive(Clone, Debug)]
enum Sample {
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

fn put(sample: &Sample, batch: &mut Batch) -> Cell {
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

fn number() -> impl Strategy<Value = Operand> {
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

fn condition() -> impl Strategy<Value = Condition> {
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

fn records() -> impl Strategy<Value = Vec<Vec<Sample>>> {
    prop::collection::vec(prop::collection::vec(sample(), NAMES.len()), 1..5)
}

// ---- the laws ----

fn names() -> Vec<Reference> {
    NAMES.map(|name| Reference::new(Scope::Legacy, name)).to_vec()
}

fn read(text: &str) -> Rule {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{}", error.excerpt()))
}

/// What one set of these rules says of each record, one after the other.
fn judge(texts: &[String], records: &[Vec<Sample>]) -> Vec<Vec<Truth>> {
    let rules: Vec<Rule> = texts.iter().map(|text| read(text)).collect();
    let mut set = RuleSet::bind(&rules.iter().collect::<Vec<_>>(), &names(), &[]).expect("known names");
    let columns: Vec<usize> =
        set.slots().iter().map(|slot| names().iter().position(|name| name == slot).expect("a name")).collect();
    let judged = records.iter().map(|record| {
        let batch = batch(record);
        let cells: Vec<_> = columns.iter().map(|column| batch.at(0, *column)).collect();
        let mut said = Vec::new();
        set.evaluate(&cells, &mut |_, truth| said.push(truth));
        said
    });
    judged.collect()
}

fn batch(record: &[Sample]) -> Batch {
    let mut batch = Batch::new(record.len());
    let row = batch.start_row();
    for (column, sample) in record.iter().enumerate() {
        let cell = put(sample, &mut batch);
        batch.set(row, column, cell);
    }
    batch
}

fn known(truth: Truth) -> Option<bool> {
    match truth {
        Truth::True => Some(true),
        Truth::False => Some(false),
        Truth::Unknown(_) => None,
        Truth::NotExamined => panic!("not examined"),
    }
}

fn schema() -> (boon::Schemas, boon::SchemaIndex) {
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("rule.json", Rule::schema()).expect("a schema");
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("rule.json", &mut schemas).expect("a schema of draft 2020-12");
    (schemas, index)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_set_says_what_the_naive_evaluator_says(
        conditions in prop::collection::vec((condition(), condition(), any::<bool>()), 1..6),
        records in records(),
    ) {
        let texts: Vec<String> = conditions.iter().map(|(examined, condition, expect)| {
            let key = if *expect { "expect" } else { "flag" };
            format!(r#"{{"where":{},"{key}":{}}}"#, examined.json(), condition.json())
        }).collect();
        let said = judge(&texts, &records);
        for (record, said) in records.iter().zip(said) {
            let batch = batch(record);
            let values: Vec<Value> = (0..record.len()).map(|column| Value::of(batch.at(0, column))).collect();
            for ((examined, condition, expect), said) in conditions.iter().zip(said) {
                let wanted = match examined.truth(&values) {
                    Some(false) => {
                        prop_assert_eq!(said, Truth::NotExamined, "{}", examined.json());
                        continue;
                    }
                    Some(true) => condition.truth(&values).map(|truth| truth != *expect),
                    None => None,
                };
                prop_assert!(said != Truth::NotExamined, "{}", examined.json());
                prop_assert_eq!(known(said), wanted, "{} where {} of {:?}", condition.json(), examined.json(), values);
            }
        }
    }

    #[test]
    fn the_laws_of_logic_hold(
        parts in prop::collection::vec(condition(), 1..4),
        value in number(),
        bounds in (number(), number()),
        records in records(),
    ) {
        let not = |condition: &Condition| Condition::Not(Box::new(condition.clone()));
        let negated: Vec<Condition> = parts.iter().map(not).collect();
        let (low, high) = bounds;
        let equal = |item: &Operand| Condition::Compare(0, false, value.clone(), item.clone());
        let pairs = [
            (not(&Condition::All(parts.clone())), Condition::Any(negated.clone())),
            (not(&Condition::Any(parts.clone())), Condition::All(negated)),
            (not(&not(&parts[0])), parts[0].clone()),
            (
                Condition::Between(value.clone(), low.clone(), high.clone()),
                Condition::All(vec![
                    Condition::Compare(5, true, value.clone(), low.clone()),
                    not(&Condition::Compare(4, false, value.clone(), high.clone())),
                ]),
            ),
            (
                Condition::In(value.clone(), vec![low.clone(), high.clone()]),
                Condition::Any(vec![equal(&low), not(&Condition::Compare(1, true, high.clone(), value.clone()))]),
            ),
        ];
        let mut texts: Vec<String> = pairs.iter().flat_map(|(one, other)| [one.json(), other.json()]).collect();
        texts.push(format!(r#"{{"expect":{}}}"#, parts[0].json()));
        texts.push(format!(r#"{{"flag":{}}}"#, not(&parts[0]).json()));
        for said in judge(&texts, &records) {
            for (at, pair) in said.chunks(2).enumerate() {
                prop_assert_eq!(known(pair[0]), known(pair[1]), "{} and {}", &texts[2 * at], &texts[2 * at + 1]);
            }
        }
    }

    #[test]
    fn the_schema_accepts_what_is_read(condition in condition()) {
        let text = condition.json();
        read(&text);
        let (schemas, index) = schema();
        let instance: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let said = schemas.validate(&instance, index, None);
        prop_assert!(said.is_ok(), "{text}: {}", said.unwrap_err());
    }
}

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md")).expect("the page")
}

#[test]
fn every_rule_of_the_page_is_read() {
    let (schemas, index) = schema();
    let page = page();
    let examples: Vec<&str> =
        page.split("```json\n").skip(1).map(|rest| rest.split_once("```").expect("a fence that ends").0).collect();
    assert!(examples.len() >= 9, "{} examples", examples.len());
    for example in examples {
        read(example);
        let instance: serde_json::Value = serde_json::from_str(example).expect("JSON");
        schemas.validate(&instance, index, None).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

/// Every operator of the tables, with its letters filled in.
#[test]
fn every_form_of_the_tables_is_read() {
    let filled = |form: &str| {
        let mut form = form.replace(", …]", "]");
        for (letter, value) in [("LOW", "1"), ("HIGH", "2"), ("A", r#""legacy.a""#), ("B", "2"), ("P", "14")] {
            form = form
                .replace(&format!("[{letter}"), &format!("[{value}"))
                .replace(&format!(" {letter}"), &format!(" {value}"));
        }
        form.replace("[C, D]", "[true, null]").replace(": C}", ": false}").replace(", C]", ", 3]")
    };
    let (mut conditions, mut values) = (0, 0);
    let (schemas, index) = schema();
    let page = page();
    let (of_values, of_conditions) = page.split_once("## Conditions").expect("two tables");
    let forms = |part: &str| -> Vec<String> {
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|line| line.split(" | ").next());
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(filled).collect::<Vec<_>>()).collect()
    };
    let mut check = |text: String| {
        read(&text);
        let instance: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        schemas.validate(&instance, index, None).unwrap_or_else(|error| panic!("{text}: {error}"));
    };
    for form in forms(of_values) {
        check(format!(r#"{{"eq":[{form},"candidate.x"]}}"#));
        values += 1;
    }
    let of_conditions = of_conditions.split("### Not known").next().expect("a part");
    for form in forms(of_conditions) {
        check(form);
        conditions += 1;
    }
    assert_eq!((values, conditions), (28, 17), "the tables have lost or gained a row");
}

/// Texts that are refused by the parser; `true` where an editor with the schema shows it too.
#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    let wrong = [
        (r#"{}"#, true),
        (r#"[]"#, true),
        (r#""legacy.a""#, true),
        (r#"{"grt":["legacy.a",1]}"#, true),
        (r#"{"flag":true,"expect":true}"#, true),
        (r#"{"where":true}"#, true),
        (r#"{"flag":true,"whree":true}"#, true),
        (r#"{"flag":true,"name":1}"#, true),
        (r#"{"where":true,"gt":["legacy.a",1]}"#, true),
        (r#"{"gt":["legacy.a",1],"lt":["legacy.a",1]}"#, true),
        (r#"{"gt":["legacy.a"]}"#, true),
        (r#"{"gt":["legacy.a",1,2]}"#, true),
        (r#"{"gt":["a",1]}"#, true),
        (r#"{"gt":["record.status",1]}"#, true),
        (r#"{"eq":["legacy.a",null]}"#, true),
        (r#"{"eq":["legacy.a",{"text":1}]}"#, true),
        (r#"{"eq":["legacy.a",{"date":"13.11.2026"}]}"#, true),
        (r#"{"eq":["legacy.a",{"instant":"2026-11-13T00:00:00"}]}"#, true),
        (r#"{"eq":["legacy.a",{"amount":"1,5"}]}"#, true),
        (r#"{"eq":["legacy.a",{"div":[1,2]}]}"#, true),
        (r#"{"eq":["legacy.a",{"div":[1,2],"scale":1,"mode":"nearest"}]}"#, true),
        (r#"{"eq":["legacy.a",{"round":1,"scale":1.5,"mode":"down"}]}"#, true),
        (r#"{"eq":["legacy.a",{"mul":[1,2],"scale":1}]}"#, true),
        (r#"{"eq":["legacy.a",{"add":[1]}]}"#, true),
        (r#"{"in":["legacy.a",[]]}"#, true),
        (r#"{"in":["legacy.a",1]}"#, true),
        (r#"{"all":[]}"#, true),
        (r#"{"not":[true]}"#, true),
        (r#"{"is_null":"param.a"}"#, true),
        (r#"{"is_absent":1}"#, true),
        (r#"{"starts_with":["legacy.a","po_"]}"#, true),
        (r#"{"eq":["legacy.a",{"date":"2026-02-30"}]}"#, false),
        (r#"{"eq":[1,{"text":"1"}]}"#, false),
        (r#"{"eq":["record.kind",{"text":"agreed"}]}"#, false),
        (r#"{"eq":["legacy.a",{"div":[1,0],"scale":1,"mode":"down"}]}"#, false),
        (r#"{"flag":true,"flag":true}"#, false),
    ];
    let (schemas, index) = schema();
    for (text, shown) in wrong {
        assert!(parse(text).is_err(), "{text}");
        let instance: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(schemas.validate(&instance, index, None).is_err(), shown, "{text}");
    }
}

/// The words that rules know are those of the rooms that fill them in.
#[test]
fn kinds_and_reasons_are_those_of_decisions() {
    use recon::decide::{Reason, Taken};
    assert_eq!([Taken::Candidate, Taken::Legacy, Taken::Held].map(Taken::name), DECISION_SOURCES);
    for word in DECISION_REASONS {
        assert_eq!(Reason::parse(word).map(Reason::name), Some(word));
    }
    let kinds: Vec<&str> = DECISION_REASONS.into_iter().filter(|word| *word != "not_enrolled").collect();
    assert_eq!(kinds, RECORD_KINDS);
}

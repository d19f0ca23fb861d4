//! The naive evaluator: walks a rule over decoded values and big integers. `None` is unknown.

use std::cmp::Ordering;

use num_bigint::BigInt;
use recon::domain::rule::Rounding;
use recon::domain::{Amount, NumberForm, Value, parse_date, parse_instant};

use crate::tree::{COMPARISONS, Condition, Literal, Operand};

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
    let above: BigInt = &below + 1;
    let (toward, away) = if a < zero { (above.clone(), below.clone()) } else { (below.clone(), above.clone()) };
    let twice: BigInt = &rest * 2;
    match (rounding, twice.cmp(&b)) {
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
    pub(crate) fn truth(&self, record: &[Value]) -> Option<bool> {
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

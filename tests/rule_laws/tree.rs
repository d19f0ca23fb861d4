//! Rules as they are drawn, and as JSON.

use recon::domain::rule::Rounding;

pub(crate) const NAMES: [&str; 4] = ["a", "b", "c", "d"];
pub(crate) const COMPARISONS: [(&str, &str, [bool; 3]); 6] = [
    ("eq", "=", [false, true, false]),
    ("ne", "<>", [true, false, true]),
    ("lt", "<", [true, false, false]),
    ("le", "<=", [true, true, false]),
    ("gt", ">", [false, false, true]),
    ("ge", ">=", [false, true, true]),
];

#[derive(Clone, Debug)]
pub(crate) enum Condition {
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
pub(crate) enum Operand {
    Slot(usize),
    Literal(Literal),
    Many(&'static str, Vec<Operand>),
    Two(&'static str, Box<[Operand; 2]>),
    One(&'static str, Box<Operand>),
    Divide(Box<[Operand; 2]>, i32, Rounding),
    Round(Box<Operand>, i32, Rounding),
}

#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Amount(String),
    Text(String),
    Date(String),
    Instant(String),
    Bool(bool),
}

impl Condition {
    pub(crate) fn json(&self) -> String {
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

    pub(crate) fn json(&self) -> String {
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

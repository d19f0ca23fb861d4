//! The values of a condition: references, literals, arithmetic.

use jiff::tz::TimeZone;

use super::super::error::{RuleError, did_you_mean, nearest, offset};
use super::super::rounding::Rounding;
use super::super::tree::{Kind, Operand, Operation};
use super::super::{MAX_DIGITS, MAX_EXPONENT, Reference, Scope};
use super::{Field, Parser, is_condition};
use crate::domain::value::unhex;
use crate::domain::{Amount, Instant, NumberForm, Value, parse_date, parse_instant, parse_time, parse_uuid, shorten};

/// The operators of values.
pub(super) const ARITHMETIC: [&str; 10] = ["add", "sub", "mul", "neg", "abs", "min", "max", "percent", "div", "round"];
/// The kinds of literals that JSON has no form for.
pub(super) const LITERALS: [&str; 7] = ["amount", "text", "date", "instant", "time", "uuid", "objectid"];
/// All of them, for hints.
const VALUE_WORDS: [&str; 17] = [
    "amount", "text", "date", "instant", "time", "uuid", "objectid", "add", "sub", "mul", "neg", "abs", "min", "max",
    "percent", "div", "round",
];

impl<'t> Parser<'t> {
    pub(super) fn operand(&mut self, raw: &'t str, depth: usize) -> Result<Operand, RuleError> {
        self.enter(raw, depth)?;
        let at = offset(self.text, raw);
        let literal = |value| Ok(Operand { at, kind: Kind::Literal(value) });
        match raw.as_bytes().first() {
            Some(b'"') => {
                let name = self.string(raw)?;
                let reference = reference(&name).map_err(|(what, hint)| self.error(raw, what).perhaps(hint))?;
                Ok(Operand { at, kind: Kind::Reference(reference) })
            }
            Some(b't') => literal(Value::Bool(true)),
            Some(b'f') => literal(Value::Bool(false)),
            Some(b'n') => Err(self
                .error(raw, "nothing can be compared or computed with `null`")
                .hint("ask {\"is_null\": \"legacy.net\"}")),
            Some(b'[') => Err(self.error(raw, "a list stands where a value is wanted")),
            Some(b'{') => self.object(raw, depth),
            _ => literal(number(self.amount(raw, raw)?)),
        }
    }

    fn amount(&self, raw: &str, digits: &str) -> Result<Amount, RuleError> {
        let amount = Amount::parse(digits).map_err(|e| self.error(raw, e.to_string()))?;
        match amount.big() {
            None => Err(self.error(raw, format!("`{digits}` is no amount"))),
            Some((_, scale)) if digits.len() > MAX_DIGITS as usize || scale.unsigned_abs() > MAX_EXPONENT => Err(self
                .error(
                    raw,
                    format!("an amount of more than {MAX_DIGITS} digits, or an exponent beyond {MAX_EXPONENT}"),
                )),
            Some(_) => Ok(amount),
        }
    }

    /// An object in the place of a value: a literal or arithmetic.
    fn object(&mut self, raw: &'t str, depth: usize) -> Result<Operand, RuleError> {
        let at = offset(self.text, raw);
        let fields = self.fields(raw)?;
        let is_value = |field: &&Field<'t>| ARITHMETIC.contains(&&*field.name) || LITERALS.contains(&&*field.name);
        let Some(main) = fields.iter().find(is_value) else {
            return Err(match fields.first() {
                None => self.error(raw, "an empty object is no value"),
                Some(field) => self.no_value(field),
            });
        };
        let word = main.name.as_ref();
        let more: &[&str] = if matches!(word, "div" | "round") { &["scale", "mode"] } else { &[] };
        if let Some(other) = fields.iter().find(|field| field.at != main.at && !more.contains(&&*field.name)) {
            let error = self.unknown_key(other, &format!("`{word}`"));
            return Err(error.perhaps(did_you_mean(&other.name, more.iter().copied())).or_known(more));
        }
        if LITERALS.contains(&word) {
            return Ok(Operand { at, kind: Kind::Literal(self.literal(word, main.raw)?) });
        }
        let (operation, operands) = self.arithmetic(main, &fields, depth)?;
        Ok(Operand { at, kind: Kind::Computed { operation, operands } })
    }

    fn no_value(&self, field: &Field<'t>) -> RuleError {
        let name = field.name.as_ref();
        if is_condition(name) {
            return RuleError::at(self.text, field.at, format!("`{name}` is a condition, and a value is wanted"));
        }
        let what = format!("unknown operator `{}`", shorten(name, 60));
        let known = ARITHMETIC.into_iter().chain(LITERALS);
        RuleError::at(self.text, field.at, what).perhaps(did_you_mean(name, known.clone())).or_known(&VALUE_WORDS)
    }

    /// A literal of a kind that JSON has no form for.
    fn literal(&self, kind: &str, raw: &str) -> Result<Value, RuleError> {
        if !raw.starts_with('"') {
            return Err(self.error(raw, format!("`{kind}` takes a JSON string, and {} is none", shorten(raw, 60))));
        }
        let text = self.string(raw)?;
        let found = match kind {
            "text" => return Ok(Value::Text { text, untyped: false }),
            "amount" => return self.amount(raw, &text).map(number),
            "date" => parse_date(&text).map(Value::Date),
            "instant" => zoned_instant(&text).map(|i| Value::Instant { nanos: i.nanos, digits: i.digits }),
            "time" => parse_time(&text).map(|(nanos, digits)| Value::Time { nanos, digits }),
            "uuid" => parse_uuid(&text).map(Value::Uuid),
            _ => unhex(&text).and_then(|bytes| bytes.try_into().ok()).map(Value::ObjectId),
        };
        let form = match kind {
            "date" => "2026-11-13",
            "instant" => "2026-11-13T09:00:00+09:00",
            "time" => "22:00:00",
            "uuid" => "550e8400-e29b-41d4-a716-446655440000",
            _ => "507f1f77bcf86cd799439011",
        };
        found.ok_or_else(|| {
            self.error(raw, format!("{} is not of the form `{form}`, or does not exist", shorten(raw, 60)))
        })
    }

    fn arithmetic(
        &mut self,
        main: &Field<'t>,
        fields: &[Field<'t>],
        depth: usize,
    ) -> Result<(Operation, Vec<Operand>), RuleError> {
        let operation = match main.name.as_ref() {
            "add" => Operation::Add,
            "mul" => Operation::Multiply,
            "min" => Operation::Least,
            "max" => Operation::Greatest,
            "sub" => Operation::Subtract,
            "percent" => Operation::Percent,
            "neg" => Operation::Negate,
            "abs" => Operation::Magnitude,
            word => {
                let (scale, rounding) = self.rounding(main, fields)?;
                match word {
                    "div" => Operation::Divide { scale, rounding },
                    _ => Operation::Round { scale, rounding },
                }
            }
        };
        let operands = match operation {
            Operation::Negate | Operation::Magnitude | Operation::Round { .. } if !main.raw.starts_with('[') => {
                vec![self.operand(main.raw, depth + 1)?]
            }
            Operation::Negate | Operation::Magnitude | Operation::Round { .. } => {
                Vec::from(self.operands_of::<1>(main, "one value", depth)?)
            }
            Operation::Subtract | Operation::Percent | Operation::Divide { .. } => {
                Vec::from(self.operands_of::<2>(main, "two values", depth)?)
            }
            _ => {
                let parts = self.list(main.raw, &main.name, "values")?;
                if parts.len() < 2 {
                    return Err(self.count(main, "two values or more", parts.len()));
                }
                parts.into_iter().map(|part| self.operand(part, depth + 1)).collect::<Result<_, _>>()?
            }
        };
        Ok((operation, operands))
    }

    /// `scale` and `mode`, both of which must be there: nothing is rounded silently.
    fn rounding(&self, main: &Field<'t>, fields: &[Field<'t>]) -> Result<(i32, Rounding), RuleError> {
        let needed = |name: &str| {
            fields.iter().find(|field| field.name == name).ok_or_else(|| {
                RuleError::at(
                    self.text,
                    main.at,
                    format!("`{}` without `{name}`: nothing is rounded silently", main.name),
                )
                .hint("say the digits behind the point and how to round: \"scale\": 2, \"mode\": \"half_up\"")
            })
        };
        let (scale, mode) = (needed("scale")?, needed("mode")?);
        let digits = scale.raw.parse::<i32>().ok().filter(|digits| digits.abs() <= 38);
        let digits = digits.ok_or_else(|| {
            let what = format!("{} is no number of digits behind the point", shorten(scale.raw, 60));
            self.error(scale.raw, what).hint("a whole number from -38 to 38; -1 rounds to tens")
        })?;
        let names = Rounding::ALL.map(Rounding::name);
        let word = if mode.raw.starts_with('"') { self.string(mode.raw)? } else { mode.raw.to_owned() };
        match Rounding::ALL.into_iter().find(|rounding| rounding.name() == word) {
            Some(rounding) => Ok((digits, rounding)),
            None => Err(self
                .error(mode.raw, format!("`{}` is no way to round", shorten(&word, 60)))
                .perhaps(did_you_mean(&word, names))
                .or_known(&names)),
        }
    }
}

fn number(amount: Amount) -> Value {
    Value::Number { amount, form: NumberForm::Decimal }
}

/// Reads an instant that says its zone: without one nobody knows which instant it is.
pub(in crate::domain::rule) fn zoned_instant(text: &str) -> Option<Instant> {
    let zoned = text.ends_with(['Z', 'z']) || text.get(16..).is_some_and(|end| end.contains(['+', '-']));
    zoned.then(|| parse_instant(text, &TimeZone::UTC)).flatten()
}

/// Reads a reference; what is wrong and what to do otherwise.
fn reference(text: &str) -> Result<Reference, (String, Option<String>)> {
    let shown = shorten(text, 60);
    let Some((word, name)) = text.split_once('.').filter(|(word, _)| word.chars().all(char::is_alphabetic)) else {
        let hint = if parse_date(text).is_some() {
            format!("a date is written {{\"date\": \"{shown}\"}}")
        } else if Amount::parse(text).is_ok() {
            format!("an amount is written {shown} or {{\"amount\": \"{shown}\"}}")
        } else {
            format!("a text is written {{\"text\": \"{shown}\"}}, a value of the record \"legacy.{shown}\"")
        };
        return Err((format!("\"{shown}\" is no reference"), Some(hint)));
    };
    let scopes = Scope::ALL.map(Scope::name);
    let Some(scope) = Scope::ALL.into_iter().find(|scope| scope.name() == word) else {
        let hint = match nearest(word, scopes) {
            Some(near) => format!("did you mean `{near}.{name}`?"),
            None => {
                let scopes = scopes.join(", ");
                format!("a reference begins with {scopes}; a text is written {{\"text\": \"{shown}\"}}")
            }
        };
        return Err((format!("\"{shown}\" is no reference: nothing is called `{word}`"), Some(hint)));
    };
    if name.is_empty() {
        return Err((format!("\"{shown}\" is no reference: a name is missing behind the dot"), None));
    }
    if scope == Scope::Record && name != "kind" {
        return Err((format!("a record has no `{}`", shorten(name, 60)), Some("it has `record.kind`".to_owned())));
    }
    Ok(Reference::new(scope, name))
}

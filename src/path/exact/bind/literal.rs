//! Literals and parameters: typed values of the plan, never pasted text. No number is read as a float.

use sqlparser::ast::TimezoneInfo;
use sqlparser::ast::{DataType, Expr, TypedString, Value as SqlValue, ValueWithSpan};

use crate::domain::{Amount, NumberForm, Value, parse_date, parse_instant};

use super::super::kernel::LIMIT;
use super::super::plan::{Literal, Node, Typed};
use super::super::refusal::Refusal;
use super::super::types::{MAX_PRECISION, Ty, Unit};
use super::{Binder, nearest};

/// Digits of a coefficient, at least 1.
pub(super) fn digits_of(coefficient: i128) -> u32 {
    coefficient.unsigned_abs().checked_ilog10().unwrap_or(0) + 1
}

/// A literal of the type that holds it: an integer when it has no scale and fits, else a decimal.
pub(super) fn number(coefficient: i128, scale: u32, integer: bool) -> Typed {
    let node = Node::Literal(Literal::Number(coefficient));
    if integer && scale == 0 && i64::try_from(coefficient).is_ok() {
        return Typed { node, ty: Ty::Integer };
    }
    Typed { node, ty: Ty::Decimal { digits: digits_of(coefficient).max(scale), scale } }
}

/// An instant in the coarsest unit that holds it exactly: it can then meet a column of any unit.
fn instant(nanos: i128) -> Option<Typed> {
    let units = [Unit::Milliseconds, Unit::Microseconds, Unit::Nanoseconds];
    let unit = units.into_iter().find(|unit| nanos % unit.nanos() == 0)?;
    let count = i64::try_from(nanos / unit.nanos()).ok()?;
    Some(Typed { node: Node::Literal(Literal::Instant(count)), ty: Ty::Instant(unit) })
}

impl Binder<'_> {
    pub(super) fn value(&self, value: &ValueWithSpan) -> Result<Typed, Refusal> {
        let shown = value.to_string();
        let refuse = |what: &str| self.refuse(value.span, &shown, what);
        match &value.value {
            SqlValue::Number(text, _) => {
                let written = text.to_string();
                if written.contains(['e', 'E']) {
                    return Err(refuse("a literal with an exponent is a float")
                        .instead("write all digits of the decimal, such as 0.00154"));
                }
                let amount = Amount::parse(&written).map_err(|error| refuse(&error.to_string()))?;
                self.amount(&amount, !written.contains('.'))
                    .map_err(|what| refuse(&what).instead("a number has at most 38 digits"))
            }
            SqlValue::SingleQuotedString(text) => Ok(text_literal(text)),
            SqlValue::Boolean(b) => Ok(Typed::boolean(*b)),
            SqlValue::Null => Ok(Typed::null(Ty::Null)),
            SqlValue::Placeholder(name) => self.parameter(name, value, &shown),
            SqlValue::DoubleQuotedString(text) => {
                Err(refuse("double quotes are for names").instead(format!("write the text as '{text}'")))
            }
            _ => Err(refuse("this kind of literal is not supported").instead("write a text in single quotes")),
        }
    }

    fn amount(&self, amount: &Amount, integer: bool) -> Result<Typed, String> {
        let Some((coefficient, scale)) = amount.small() else {
            return Err(if amount.is_zero() {
                return Ok(number(0, 0, integer));
            } else if amount.is_finite() {
                "a number of more than 38 digits".into()
            } else {
                format!("{amount} is no number")
            });
        };
        let too_long = || "a number of more than 38 digits".to_owned();
        let (coefficient, scale) = match u32::try_from(scale) {
            Ok(scale) => (coefficient, scale),
            Err(_) => {
                let up = scale.unsigned_abs();
                if up > MAX_PRECISION {
                    return Err(too_long());
                }
                let power = 10i128.checked_pow(up).ok_or_else(too_long)?;
                (coefficient.checked_mul(power).ok_or_else(too_long)?, 0)
            }
        };
        if scale > MAX_PRECISION || coefficient.unsigned_abs() >= LIMIT.unsigned_abs() {
            return Err(too_long());
        }
        Ok(number(coefficient, scale, integer))
    }

    fn parameter(&self, written: &str, value: &ValueWithSpan, shown: &str) -> Result<Typed, Refusal> {
        let refuse = |what: String| self.refuse(value.span, shown, what);
        let Some(name) = written.strip_prefix(':') else {
            return Err(refuse("parameters are named".into()).instead("write :name"));
        };
        let Some((_, given)) = self.params.iter().find(|(known, _)| known == name) else {
            let refusal = refuse(format!("no parameter `{name}` is given"));
            return Err(match nearest(name, self.params.iter().map(|(known, _)| known.as_str())) {
                Some(near) => refusal.instead(format!("did you mean :{near}?")),
                None => refusal.instead("declare it under `params`"),
            });
        };
        match given {
            Value::Null | Value::Absent => Ok(Typed::null(Ty::Null)),
            Value::Bool(b) => Ok(Typed::boolean(*b)),
            Value::Number { form: NumberForm::Double, .. } => {
                Err(refuse("a parameter that is a float".into()).instead("give it the type decimal"))
            }
            Value::Number { amount, form } => self
                .amount(amount, *form == NumberForm::Integer)
                .map_err(|what| refuse(format!("the parameter holds {what}"))),
            Value::Text { text, .. } => Ok(text_literal(text)),
            Value::Date(days) => Ok(Typed { node: Node::Literal(Literal::Date(*days)), ty: Ty::Date }),
            Value::Instant { nanos, .. } => {
                instant(*nanos).ok_or_else(|| refuse("an instant outside of what polars can hold".into()))
            }
            other => Err(refuse(format!("a parameter of type {} is not supported", other.type_name()))),
        }
    }

    /// `DATE '2026-11-05'`, `TIMESTAMP '2026-11-05 22:00:00'`.
    pub(super) fn typed_string(&self, typed: &TypedString, whole: &Expr) -> Result<Typed, Refusal> {
        let shown = whole.to_string();
        let refuse = |what: &str| self.refuse(typed.value.span, &shown, what);
        let SqlValue::SingleQuotedString(text) = &typed.value.value else {
            return Err(refuse("this literal is not supported"));
        };
        match &typed.data_type {
            DataType::Date => match parse_date(text) {
                Some(days) => Ok(Typed { node: Node::Literal(Literal::Date(days)), ty: Ty::Date }),
                None => Err(refuse("this is no date").instead("write DATE 'YYYY-MM-DD'")),
            },
            DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) | DataType::Datetime(_) => {
                parse_instant(text, &jiff::tz::TimeZone::UTC).and_then(|i| instant(i.nanos)).ok_or_else(|| {
                    refuse("this is no timestamp").instead("write TIMESTAMP 'YYYY-MM-DD hh:mm:ss'; it is taken as UTC")
                })
            }
            _ => Err(refuse("this kind of literal is not supported")
                .instead("write a number, a text, DATE '…' or TIMESTAMP '…'")),
        }
    }
}

fn text_literal(text: &str) -> Typed {
    Typed { node: Node::Literal(Literal::Text(text.to_owned())), ty: Ty::Text }
}

//! Values as BSON: exactly, or not at all. Nothing is rounded on its way into a query.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document};

use crate::domain::{Amount, NumberForm, Value, double_to_amount};

const NANOS_PER_MILLISECOND: i128 = 1_000_000;
const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// An amount as Decimal128; `None` when it has more than 34 digits or lies outside its exponents.
pub(super) fn decimal128(amount: &Amount) -> Option<Decimal128> {
    let text = amount.to_string();
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (1u128 << 127, body),
        None => (0, text.as_str()),
    };
    let packed = |bits: u128| Some(Decimal128::from_bytes((sign | bits).to_le_bytes()));
    match body {
        "NaN" => return packed(0b11111 << 122),
        "Infinity" => return packed(0b11110 << 122),
        _ => {}
    }
    let (mantissa, exponent) = body.split_once('E').unwrap_or((body, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut exponent = exponent.parse::<i64>().ok()? - fraction.len() as i64;
    let mut digits = format!("{whole}{fraction}").trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return packed(((exponent.clamp(-6176, 6111) + 6176) as u128) << 113);
    }
    // The same value with fewer zeros behind, or more.
    while (digits.len() > 34 || exponent < -6176) && digits.ends_with('0') {
        digits.pop();
        exponent += 1;
    }
    while exponent > 6111 && digits.len() < 34 {
        digits.push('0');
        exponent -= 1;
    }
    if digits.len() > 34 || !(-6176..=6111).contains(&exponent) {
        return None;
    }
    packed((((exponent + 6176) as u128) << 113) | digits.parse::<u128>().ok()?)
}

/// A number as the BSON type that holds it exactly: an int64, or a Decimal128.
pub(super) fn number(amount: &Amount) -> Option<Bson> {
    if amount.is_integral()
        && let Some(whole) = whole(amount)
    {
        return Some(Bson::Int64(whole));
    }
    decimal128(amount).map(Bson::Decimal128)
}

/// The value of a whole number that fits an int64.
fn whole(amount: &Amount) -> Option<i64> {
    if amount.is_zero() {
        return Some(0);
    }
    let (coefficient, scale) = amount.small()?;
    let power = crate::domain::power_of_ten(scale.abs())?;
    let whole = if scale > 0 { coefficient / power } else { coefficient.checked_mul(power)? };
    i64::try_from(whole).ok()
}

/// The double that stores print with exactly this decimal; `None` for whole numbers that doubles hold as they
/// are, and for decimals that no double is printed as.
///
/// MongoDB compares a double by its binary value, so 0.1 held as a double is not its 0.1 held as Decimal128.
pub(super) fn double_twin(amount: &Amount) -> Option<f64> {
    if !amount.is_finite() || (amount.is_integral() && whole(amount).is_some_and(|n| n.abs() <= 1 << 53)) {
        return None;
    }
    let double = amount.to_string().parse::<f64>().ok().filter(|d| d.is_finite())?;
    double_to_amount(double).same_value(amount).then_some(double)
}

/// The BSON date of a calendar date: its midnight in UTC.
pub(super) fn date(days: i32) -> Bson {
    Bson::DateTime(DateTime::from_millis(i64::from(days) * MILLISECONDS_PER_DAY))
}

/// The BSON date of an instant, and whether it is exact (BSON dates hold milliseconds); otherwise it is the next
/// one above. `None` far outside of what 64 bits hold.
pub(super) fn instant(nanos: i128) -> Option<(Bson, bool)> {
    let exact = nanos.rem_euclid(NANOS_PER_MILLISECOND) == 0;
    let milliseconds = nanos.div_euclid(NANOS_PER_MILLISECOND) + i128::from(!exact);
    Some((Bson::DateTime(DateTime::from_millis(i64::try_from(milliseconds).ok()?)), exact))
}

/// A UUID in its standard subtype.
pub(super) fn uuid(bytes: [u8; 16]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: bytes.to_vec() })
}

/// A parameter's value with its type.
///
/// # Errors
/// Why the value has no BSON form.
pub(super) fn typed(value: &Value) -> Result<Bson, String> {
    let no_room = |amount: &Amount| format!("{amount} has more than the 34 digits that a Decimal128 holds");
    Ok(match value {
        Value::Absent | Value::Null => Bson::Null,
        Value::Bool(b) => Bson::Boolean(*b),
        Value::Number { amount, form: NumberForm::Double } => {
            let text = amount.to_string();
            Bson::Double(text.parse::<f64>().map_err(|_| format!("`{text}` is not a double"))?)
        }
        Value::Number { amount, form: NumberForm::Decimal } => {
            Bson::Decimal128(decimal128(amount).ok_or_else(|| no_room(amount))?)
        }
        Value::Number { amount, .. } => number(amount).ok_or_else(|| no_room(amount))?,
        Value::Text { text, .. } => Bson::String(text.clone()),
        Value::Bytes(bytes) => Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.clone() }),
        Value::Date(days) => date(*days),
        Value::Instant { nanos, .. } => match instant(*nanos) {
            Some((date, true)) => date,
            _ => return Err(format!("{value} does not fit a BSON date, which holds milliseconds")),
        },
        Value::Time { .. } => Bson::String(value.to_string()),
        Value::Uuid(bytes) => uuid(*bytes),
        Value::ObjectId(bytes) => Bson::ObjectId(ObjectId::from_bytes(*bytes)),
        Value::Document(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.clone(), typed(value)?)));
            Bson::Document(fields.collect::<Result<Document, String>>()?)
        }
        Value::Array(items) => Bson::Array(items.iter().map(typed).collect::<Result<_, String>>()?),
        Value::Unknown(reason) => return Err(reason.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Batch, Element, bson_cell};

    fn back(stored: Decimal128) -> Amount {
        let mut batch = Batch::new(1);
        let row = batch.start_row();
        let cell = bson_cell(&Element { kind: 0x13, name: b"x", value: &stored.bytes() }, &mut batch);
        batch.set(row, 0, cell);
        match Value::of(batch.at(row, 0)) {
            Value::Number { amount, .. } => amount,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        for text in [
            "0",
            "1.50",
            "-1.50",
            "12345678901234567.89",
            "9999999999999999999999999999999999",
            "1E+6144",
            "1E-6176",
            "NaN",
            "-Infinity",
            "-0.00",
            "0.000",
            "1E+6111",
            "100000000000000000000000000000000000000000",
            "-7E-6176",
            "10000000000000000000000000000000000.00",
        ] {
            let amount = Amount::parse(text).expect(text);
            let stored = decimal128(&amount).unwrap_or_else(|| panic!("{text} fits"));
            assert!(back(stored).same_value(&amount), "{text} became {stored}");
        }
        assert_eq!(decimal128(&Amount::parse("1.50").expect("1.50")).expect("fits").to_string(), "1.50");
        for text in
            ["10000000000000000000000000000000001", "1E+6145", "1E-6177", "1.00000000000000000000000000000000001"]
        {
            assert!(decimal128(&Amount::parse(text).expect(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_take_the_type_that_holds_them() {
        let shown = |text: &str| number(&Amount::parse(text).expect(text));
        assert_eq!(shown("5"), Some(Bson::Int64(5)));
        assert_eq!(shown("-0"), Some(Bson::Int64(0)));
        assert_eq!(shown("5.00"), Some(Bson::Int64(5)));
        assert_eq!(shown("1e3"), Some(Bson::Int64(1000)));
        assert_eq!(shown("-9223372036854775808"), Some(Bson::Int64(i64::MIN)));
        assert!(matches!(shown("9223372036854775808"), Some(Bson::Decimal128(_))));
        assert!(matches!(shown("5.5"), Some(Bson::Decimal128(_))));
        let twin = |text: &str| double_twin(&Amount::parse(text).expect(text));
        assert_eq!(twin("0.1"), Some(0.1));
        assert_eq!((twin("5"), twin("NaN"), twin("0.1000000000000000055511151231257827")), (None, None, None));
    }

    #[test]
    fn parameters_keep_their_type() {
        let number = |text: &str, form| Value::Number { amount: Amount::parse(text).expect(text), form };
        assert_eq!(typed(&number("5", NumberForm::Integer)), Ok(Bson::Int64(5)));
        assert!(matches!(typed(&number("5", NumberForm::Decimal)), Ok(Bson::Decimal128(d)) if d.to_string() == "5"));
        assert_eq!(typed(&number("0.5", NumberForm::Double)), Ok(Bson::Double(0.5)));
        assert_eq!(typed(&Value::Date(-1)), Ok(Bson::DateTime(DateTime::from_millis(-86_400_000))));
        assert_eq!(
            typed(&Value::Instant { nanos: 1_000_000, digits: 3 }),
            Ok(Bson::DateTime(DateTime::from_millis(1)))
        );
        assert!(typed(&Value::Instant { nanos: 1, digits: 9 }).is_err(), "never truncated");
        assert!(typed(&number(&"9".repeat(35), NumberForm::Decimal)).is_err(), "never rounded");
    }
}

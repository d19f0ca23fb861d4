//! The form in which a column's values are stored, and one spelling of each stored value: what verification compares
//! and what the hash is made of. Must not know SQL.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::decide::Decision;
use crate::domain::{Amount, Batch, Cell, CellRef, ColumnType, NumberForm, Value, is_plain_literal};
use crate::stores::StoreError;

use super::Seen;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers of so many digits.
    Integer { digits: u32 },
    /// Numbers of so many digits before and behind the point; NaN or an infinity among them.
    Decimal { whole: u32, scale: u32, special: bool },
    /// Text, and whatever has no type of its own in every store.
    Text { characters: u64 },
    /// Dates.
    Date,
    /// Instants.
    Instant,
    /// Truth values.
    Boolean,
    /// Nothing but NULL.
    Nothing,
}

impl Kind {
    /// What was seen of a column. The type that the project file gives wins where every value has it.
    pub(super) fn of(seen: &Seen) -> Kind {
        let integer = Kind::Integer { digits: seen.whole_digits.max(1) };
        let special = seen.not_finite > 0;
        let decimal = Kind::Decimal { whole: seen.whole_digits.max(1), scale: seen.scale, special };
        let text = Kind::Text { characters: seen.characters.max(u64::from(seen.whole_digits + seen.scale) + 2) };
        let words = seen.texts + seen.others;
        let moments = seen.dates + seen.instants;
        let numbers_only = words + moments + seen.booleans == 0;
        let nothing = seen.numbers + seen.literals + seen.texts + seen.booleans + moments + seen.others == 0;
        match seen.configured {
            Some(ColumnType::Decimal) if numbers_only => return decimal,
            Some(ColumnType::Integer) if numbers_only && seen.scale == 0 && !special => return integer,
            Some(ColumnType::Date) if nothing => return Kind::Date,
            Some(ColumnType::Instant) if nothing => return Kind::Instant,
            Some(ColumnType::Boolean) if nothing => return Kind::Boolean,
            Some(ColumnType::Text) if !nothing => return text,
            _ if nothing => return Kind::Nothing,
            _ => {}
        }
        let all = seen.numbers + seen.literals + words + moments + seen.booleans;
        if numbers_only && seen.numbers > 0 && seen.literals == 0 {
            return if seen.integers && seen.scale == 0 && !special { integer } else { decimal };
        }
        match all {
            // Amounts that one path reads as numbers and the other as text.
            _ if numbers_only && seen.numbers > 0 => decimal,
            all if all == seen.dates => Kind::Date,
            all if all == seen.instants => Kind::Instant,
            all if all == seen.booleans => Kind::Boolean,
            _ => text,
        }
    }
}

/// How a value stands in the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a number.
    Number,
    /// As text; numbers with every digit.
    Text,
    /// As a date.
    Date,
    /// As an instant in microseconds.
    Instant,
    /// As a truth value.
    Boolean,
    /// As 0 or 1.
    Bit,
    /// As a field of a file without types.
    Untyped,
}

impl Form {
    /// The cast that gives a literal this form in PostgreSQL: without digits, so that nothing is rounded or cut by it.
    pub(super) fn postgres(self) -> &'static str {
        match self {
            Form::Number => "::numeric",
            Form::Date => "::date",
            Form::Instant => "::timestamptz",
            Form::Boolean => "::boolean",
            Form::Text | Form::Bit | Form::Untyped => "::text",
        }
    }

    /// The cell that is stored for a value.
    ///
    /// # Errors
    /// Why the value has no such form.
    fn cell(self, value: &Value, batch: &mut Batch) -> Result<Cell, String> {
        let unfit = || format!("{} `{value}` does not fit", value.type_name());
        if value.is_missing() {
            return Ok(Cell::Null);
        }
        Ok(match (self, value) {
            (_, Value::Unknown(why)) => return Err(why.clone()),
            (Form::Number, Value::Number { amount, .. }) => batch.amount(amount, NumberForm::Decimal),
            (Form::Number, Value::Text { text, .. }) if is_plain_literal(text.as_bytes()) => {
                let amount = Amount::parse(text).map_err(|error| error.to_string())?;
                batch.amount(&amount, NumberForm::Decimal)
            }
            (Form::Text, Value::Text { text, .. }) => Cell::Text(batch.store(text.as_bytes())),
            (Form::Text, Value::Number { amount, .. }) => Cell::Text(batch.store(plain_digits(amount).as_bytes())),
            (Form::Text, value) => Cell::Text(batch.store(value.to_string().as_bytes())),
            (Form::Date, Value::Date(days)) => Cell::Date(*days),
            (Form::Instant, Value::Instant { nanos, .. }) if nanos % 1_000 == 0 => {
                Cell::Instant { nanos: *nanos, digits: 6 }
            }
            (Form::Instant, Value::Instant { .. }) => {
                return Err(format!("instant `{value}` has more than 6 digits behind the second"));
            }
            (Form::Boolean, Value::Bool(truth)) => Cell::Bool(*truth),
            (Form::Bit, Value::Bool(truth)) => {
                Cell::Number { coefficient: i128::from(*truth), scale: 0, form: NumberForm::Integer }
            }
            (Form::Untyped, value) => {
                let text = match value {
                    Value::Number { amount, .. } => plain_digits(amount),
                    Value::Text { text, .. } => text.clone(),
                    other => other.to_string(),
                };
                if text.is_empty() { Cell::Text(batch.store(b"")) } else { batch.untyped(&text) }
            }
            _ => return Err(unfit()),
        })
    }
}

/// The forms of all columns, and the names for messages.
#[derive(Clone, Debug)]
pub(super) struct Forms {
    /// The key columns, then the compared columns.
    pub names: Vec<String>,
    /// How many are the key.
    pub key: usize,
    /// Their forms.
    pub forms: Vec<Form>,
}

impl Forms {
    /// Cells of a stored decision: key, values, source, reason.
    pub(super) fn width(&self) -> usize {
        self.names.len() + 2
    }

    /// Appends a decision in its stored form.
    ///
    /// # Errors
    /// A value has no exact form there.
    pub(super) fn push(&self, decision: &Decision, batch: &mut Batch) -> Result<(), StoreError> {
        let row = batch.start_row();
        if decision.key.len() + decision.values.len() != self.names.len() || decision.key.len() != self.key {
            return Err(StoreError::failed(
                "a decision has another number of columns than its run; this is a fault of recon",
            ));
        }
        for (at, value) in decision.key.iter().chain(&decision.values).enumerate() {
            let cell = match value {
                // A key that nobody could read is held; there is nothing to pay to.
                Value::Unknown(_) if at < self.key => Ok(Cell::Null),
                value => self.forms[at].cell(value, batch),
            };
            let cell = cell.map_err(|why| {
                let key = decision.key.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
                StoreError::failed(format!("the decision of key `{key}` cannot be stored exactly: column `{}`: {why}", self.names[at]))
                    .hint("give the column a type that holds it (`type = …` in the project file, ALTER TABLE in the database)")
            })?;
            batch.set(row, at, cell);
        }
        let width = self.names.len();
        let source = Cell::Text(batch.store(decision.taken.name().as_bytes()));
        batch.set(row, width, source);
        let reason = Cell::Text(batch.store(decision.reason.name().as_bytes()));
        batch.set(row, width + 1, reason);
        Ok(())
    }
}

/// A number with all its digits and no exponent.
pub(super) fn plain_digits(amount: &Amount) -> String {
    let shown = amount.to_string();
    let Some((mantissa, exponent)) = shown.split_once('E') else { return shown };
    let Ok(exponent) = exponent.parse::<i64>() else { return shown };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i64 + exponent;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    match usize::try_from(point) {
        Ok(at) if at > 0 && at < digits.len() => format!("{sign}{}.{}", &digits[..at], &digits[at..]),
        Ok(at) if at > 0 => format!("{sign}{digits}{}", zeros(point - digits.len() as i64)),
        _ => format!("{sign}0.{}{digits}", zeros(-point)),
    }
}

/// Appends `coefficient × 10^-scale` with all its digits.
pub(super) fn push_small(out: &mut String, coefficient: i128, scale: i16) {
    if scale <= 0 {
        let _ = write!(out, "{coefficient}");
        if coefficient != 0 {
            out.extend(std::iter::repeat_n('0', usize::from(scale.unsigned_abs())));
        }
        return;
    }
    if coefficient < 0 {
        out.push('-');
    }
    let scale = usize::from(scale.unsigned_abs());
    let magnitude = coefficient.unsigned_abs();
    let start = out.len();
    let _ = write!(out, "{magnitude}");
    let digits = out.len() - start;
    if digits <= scale {
        out.insert_str(start, &"0".repeat(scale + 1 - digits));
    }
    let point = out.len() - scale;
    out.insert(point, '.');
}

/// Appends one spelling of a stored value: equal for equal values, whatever the digits behind them, and for nothing else.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn spell(at: CellRef<'_>, out: &mut Vec<u8>, scratch: &mut String) -> Result<(), String> {
    scratch.clear();
    let tag: u8 = match at.cell {
        Cell::Null | Cell::Absent => {
            out.push(0);
            return Ok(());
        }
        Cell::Number { coefficient, scale, form: NumberForm::Untyped } => {
            push_small(scratch, coefficient, scale);
            2
        }
        Cell::Wide { text, form: NumberForm::Untyped } => {
            scratch.push_str(at.text(text));
            2
        }
        Cell::Number { mut coefficient, scale, .. } => {
            let mut scale = i32::from(scale);
            if coefficient == 0 {
                scale = 0;
            }
            while coefficient != 0 && coefficient % 10 == 0 {
                (coefficient, scale) = (coefficient / 10, scale - 1);
            }
            let _ = write!(scratch, "{coefficient}e{}", -scale);
            1
        }
        Cell::Wide { text, .. } => {
            let amount = Amount::parse(at.text(text)).map_err(|error| error.to_string())?;
            spell_wide(&amount, scratch);
            1
        }
        Cell::Text(span) | Cell::Untyped(span) => {
            let text = at.bytes(span);
            out.push(2);
            out.extend_from_slice(&(text.len() as u64).to_be_bytes());
            out.extend_from_slice(text);
            return Ok(());
        }
        Cell::Bool(truth) => {
            scratch.push(if truth { '1' } else { '0' });
            3
        }
        Cell::Date(days) => {
            let _ = write!(scratch, "{days}");
            4
        }
        Cell::Instant { nanos, .. } => {
            let _ = write!(scratch, "{nanos}");
            5
        }
        Cell::Time { nanos, .. } => {
            let _ = write!(scratch, "{nanos}");
            6
        }
        Cell::Unknown(span) => return Err(at.text(span).to_owned()),
        _ => {
            let value = Value::of(at);
            let _ = write!(scratch, "{}:{value}", value.type_name());
            7
        }
    };
    out.push(tag);
    out.extend_from_slice(&(scratch.len() as u64).to_be_bytes());
    out.extend_from_slice(scratch.as_bytes());
    Ok(())
}

fn spell_wide(amount: &Amount, out: &mut String) {
    if !amount.is_finite() {
        let _ = write!(out, "{amount}");
        return;
    }
    let plain = plain_digits(amount);
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    if short.is_empty() {
        out.push_str("0e0");
        return;
    }
    let exponent = (digits.len() - short.len()) as i64 - fraction.len() as i64;
    let _ = write!(out, "{sign}{short}e{exponent}");
}

/// The hash over names and records in their order.
pub(super) struct RecordsHash(Sha256);

impl RecordsHash {
    pub(super) fn new(key: &[String], columns: &[String]) -> RecordsHash {
        let mut hash = Sha256::new();
        hash.update(b"recon decisions 1\n");
        for names in [key, columns] {
            hash.update((names.len() as u64).to_be_bytes());
            for name in names {
                hash.update((name.len() as u64).to_be_bytes());
                hash.update(name.as_bytes());
            }
        }
        RecordsHash(hash)
    }

    pub(super) fn add(&mut self, spelling: &[u8]) {
        self.0.update((spelling.len() as u64).to_be_bytes());
        self.0.update(spelling);
    }

    pub(super) fn finish(self) -> String {
        crate::domain::hex(&self.0.finalize())
    }
}

/// SHA-256 of a text, in hexadecimal digits.
pub(super) fn hash_of(text: &str) -> String {
    crate::domain::hex(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_never_written_with_an_exponent() {
        for (text, plain) in [
            ("1.50", "1.50"),
            ("1e70", &format!("1{}", "0".repeat(70)) as &str),
            ("-12e-70", &format!("-0.{}12", "0".repeat(68))),
            ("123456e100", &format!("123456{}", "0".repeat(100))),
            ("0", "0"),
        ] {
            let amount = Amount::parse(text).expect(text);
            assert_eq!(plain_digits(&amount), plain);
            if let Some((coefficient, scale)) = amount.small() {
                let mut out = String::from("x");
                push_small(&mut out, coefficient, i16::try_from(scale).expect("small"));
                assert_eq!(out, format!("x{plain}"));
            }
        }
        let mut out = String::new();
        push_small(&mut out, -5, 3);
        assert_eq!(out, "-0.005");
    }

    #[test]
    fn equal_values_are_spelt_alike_and_others_are_not() {
        let spelt = |value: &str, form: Form| {
            let mut batch = Batch::new(1);
            let row = batch.start_row();
            let amount = Amount::parse(value).expect(value);
            let cell = form.cell(&Value::Number { amount, form: NumberForm::Decimal }, &mut batch).expect("fits");
            batch.set(row, 0, cell);
            let (mut out, mut scratch) = (Vec::new(), String::new());
            spell(batch.at(row, 0), &mut out, &mut scratch).expect("known");
            out
        };
        let nines = "9".repeat(40);
        for (a, b) in [("1.50", "1.5"), ("-0.00", "0"), ("100", "1e2"), (&nines, &format!("{nines}.000"))] {
            assert_eq!(spelt(a, Form::Number), spelt(b, Form::Number), "{a} {b}");
        }
        // More digits than a cell holds, of a value that a cell holds.
        let long = format!("1.{}", "0".repeat(45));
        assert_eq!(spelt(&long, Form::Number), spelt("1", Form::Number));
        assert_ne!(spelt("1.5", Form::Number), spelt("1.51", Form::Number));
        assert_ne!(spelt("1.50", Form::Text), spelt("1.5", Form::Text));
        assert_ne!(spelt("1.50", Form::Untyped), spelt("1.5", Form::Untyped));
    }
}

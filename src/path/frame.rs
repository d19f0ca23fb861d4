//! From an input's records to a polars frame, exactly: amounts become decimals of the largest scale met, and what a
//! column cannot hold exactly is an error that names column and record. Holds the whole input in memory: SQL over
//! inputs needs that. Must not read stores.

use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder, Column, DataFrame, DataType, Int32Type, Int64Type, Int128Chunked,
    IntoColumn, IntoSeries, NewChunkedArray, PrimitiveChunkedBuilder, StringChunkedBuilder, TimeUnit,
};
use sha2::{Digest, Sha256};

use crate::domain::{Batch, Cell, CellRef, NumberForm, Value, power_of_ten, shorten, write_row};
use crate::stores::StoreError;

/// Most digits of a decimal in a frame.
const DIGITS: u32 = 38;

/// Gathers the records of one input.
pub struct FrameBuilder {
    input: String,
    columns: Vec<ColumnBuilder>,
    records: u64,
    hash: RecordsHash,
}

/// The sum of the SHA-256 of records, modulo 2^256: the same records give the same sum in any order of reading.
#[derive(Default)]
pub struct RecordsHash {
    sum: [u64; 4],
    encoded: Vec<u8>,
}

impl RecordsHash {
    /// Adds a record.
    pub fn add(&mut self, batch: &Batch, row: usize) {
        self.encoded.clear();
        write_row(batch, row, batch.width(), &mut self.encoded);
        let digest = Sha256::digest(&self.encoded);
        let mut carry = false;
        for (word, bytes) in self.sum.iter_mut().zip(digest.chunks_exact(8)).rev() {
            let part = bytes.iter().fold(0u64, |part, byte| part << 8 | u64::from(*byte));
            let (with, over) = word.overflowing_add(part);
            let (with, again) = with.overflowing_add(u64::from(carry));
            *word = with;
            carry = over || again;
        }
    }

    /// As hexadecimal digits.
    pub fn shown(&self) -> String {
        self.sum.iter().map(|part| format!("{part:016x}")).collect()
    }
}

/// A whole input, as read.
pub struct Gathered {
    /// The records.
    pub frame: DataFrame,
    /// How many there are.
    pub records: u64,
    /// Their [`RecordsHash`].
    pub hash: String,
}

impl FrameBuilder {
    /// For the columns of an input, by name.
    ///
    /// `typed` says of which columns the user declared that numbers are decimals: there a binary float stands for its
    /// shortest decimal form.
    pub fn new(input: &str, columns: &[String], typed: &dyn Fn(&str) -> bool) -> Self {
        let columns = columns.iter().map(|name| ColumnBuilder::new(name, typed(name)));
        FrameBuilder { input: input.to_owned(), columns: columns.collect(), records: 0, hash: RecordsHash::default() }
    }

    /// Takes the records of a batch.
    ///
    /// # Errors
    /// A value that could not be decoded, or that the column cannot hold beside those that came before.
    pub fn push(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for row in 0..batch.rows() {
            self.records += 1;
            for at in 0..self.columns.len() {
                if let Err(wrong) = self.columns[at].push(batch.at(row, at)) {
                    return Err(self.refused(batch, row, at, wrong));
                }
            }
            self.hash.add(batch, row);
        }
        Ok(())
    }

    /// Names the record by its first value, so that a person finds it again.
    fn refused(&self, batch: &Batch, row: usize, at: usize, wrong: Wrong) -> StoreError {
        let first = shorten(&Value::of(batch.at(row, 0)).to_string(), 40);
        StoreError::failed(format!(
            "input `{}`, record {} ({} = {first}), column `{}`: {}",
            self.input, self.records, self.columns[0].name, self.columns[at].name, wrong.what
        ))
        .hint(wrong.hint)
    }

    /// Columns without a value in any record.
    pub fn never_seen(&self) -> Vec<String> {
        let none = self.columns.iter().filter(|column| matches!(column.values, Values::None));
        none.map(|column| column.name.clone()).collect()
    }

    /// The frame.
    ///
    /// # Errors
    /// When a column's amounts need more than 38 digits at one scale.
    pub fn finish(self) -> Result<Gathered, StoreError> {
        let height = usize::try_from(self.records).unwrap_or(usize::MAX);
        let (input, hash) = (self.input, self.hash);
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            columns.push(column.finish().map_err(|what| StoreError::failed(format!("input `{input}`: {what}")))?);
        }
        let frame = DataFrame::new(height, columns)
            .map_err(|error| StoreError::failed(format!("input `{input}` cannot be held as a table: {error}")))?;
        Ok(Gathered { frame, records: self.records, hash: hash.shown() })
    }
}

/// Gathers the values of one column.
pub(crate) struct ColumnBuilder {
    name: String,
    typed: bool,
    rows: usize,
    values: Values,
}

enum Values {
    /// Only NULL so far.
    None,
    Numbers(Numbers),
    Text(StringChunkedBuilder),
    Bool(BooleanChunkedBuilder),
    Dates(PrimitiveChunkedBuilder<Int32Type>),
    /// Microseconds since 1970-01-01T00:00Z.
    Instants(PrimitiveChunkedBuilder<Int64Type>),
}

struct Wrong {
    what: String,
    hint: String,
}

fn wrong<T>(what: impl Into<String>, hint: &str) -> Result<T, Wrong> {
    Err(Wrong { what: what.into(), hint: hint.to_owned() })
}

const ONE_TYPE: &str = "give the field one type: fields = { name = { path = \"…\", type = \"decimal\" } }";

impl ColumnBuilder {
    /// For the column of this name; where `typed`, a binary float stands for its shortest decimal form.
    pub(crate) fn new(name: &str, typed: bool) -> Self {
        ColumnBuilder { name: name.to_owned(), typed, rows: 0, values: Values::None }
    }

    /// Takes a value; says why it cannot be held.
    pub(crate) fn add(&mut self, value: CellRef<'_>) -> Result<(), String> {
        self.push(value).map_err(|wrong| wrong.what)
    }

    fn push(&mut self, value: CellRef<'_>) -> Result<(), Wrong> {
        let kind = match value.cell {
            Cell::Absent | Cell::Null => {
                self.values.push_null();
                self.rows += 1;
                return Ok(());
            }
            Cell::Unknown(reason) => {
                return wrong(value.text(reason), "mend the record, or leave it out with `filter`");
            }
            cell => cell,
        };
        if matches!(self.values, Values::None) {
            self.values = self.begin(&kind, value)?;
        }
        match (&mut self.values, kind) {
            (Values::Numbers(numbers), Cell::Number { coefficient, scale, form })
                if self.typed || form != NumberForm::Double =>
            {
                numbers.push(coefficient, i32::from(scale))?;
            }
            (Values::Text(text), Cell::Text(span) | Cell::Untyped(span)) => text.append_value(value.text(span)),
            (Values::Text(text), Cell::Uuid(_) | Cell::ObjectId(_)) => text.append_value(Value::of(value).to_string()),
            (Values::Bool(bools), Cell::Bool(b)) => bools.append_value(b),
            (Values::Dates(dates), Cell::Date(days)) => dates.append_value(days),
            (Values::Instants(instants), Cell::Instant { nanos, .. }) => instants.append_value(micros(nanos)?),
            (_, Cell::Number { form: NumberForm::Double, .. }) => {
                return wrong(
                    format!("{} is a binary float, which cannot hold an amount exactly", Value::of(value)),
                    "say that its shortest decimal form is meant: fields = { name = { path = \"…\", type = \"decimal\" } }",
                );
            }
            (_, Cell::Wide { .. }) => {
                return wrong(format!("{} has more than {DIGITS} digits or is no number", Value::of(value)), ONE_TYPE);
            }
            _ => {
                let value = Value::of(value);
                let shown = shorten(&value.to_string(), 40);
                return wrong(format!("{} `{shown}` stands among values of another type", value.type_name()), ONE_TYPE);
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// The builder for a column whose first value this is.
    fn begin(&self, cell: &Cell, value: CellRef<'_>) -> Result<Values, Wrong> {
        let name = self.name.as_str().into();
        let mut values = match cell {
            Cell::Number { .. } | Cell::Wide { .. } => Values::Numbers(Numbers::default()),
            Cell::Text(_) | Cell::Untyped(_) | Cell::Uuid(_) | Cell::ObjectId(_) => {
                Values::Text(StringChunkedBuilder::new(name, self.rows + 1))
            }
            Cell::Bool(_) => Values::Bool(BooleanChunkedBuilder::new(name, self.rows + 1)),
            Cell::Date(_) => Values::Dates(PrimitiveChunkedBuilder::new(name, self.rows + 1)),
            Cell::Instant { .. } => Values::Instants(PrimitiveChunkedBuilder::new(name, self.rows + 1)),
            _ => {
                let value = Value::of(value);
                return wrong(
                    format!("SQL cannot work on a value of type {}", value.type_name()),
                    "take the parts that are needed with `fields`, and the items of an array with `unwind`",
                );
            }
        };
        for _ in 0..self.rows {
            values.push_null();
        }
        Ok(values)
    }

    /// The column.
    pub(crate) fn finish(self) -> Result<Column, String> {
        let name = polars::prelude::PlSmallStr::from(self.name.as_str());
        Ok(match self.values {
            Values::None => Column::full_null(name, self.rows, &DataType::Null),
            Values::Numbers(numbers) => numbers.finish(&self.name)?,
            Values::Text(text) => text.finish().into_column(),
            Values::Bool(bools) => bools.finish().into_column(),
            Values::Dates(dates) => dates.finish().into_date().into_series().into_column(),
            Values::Instants(instants) => {
                instants.finish().into_datetime(TimeUnit::Microseconds, None).into_series().into_column()
            }
        })
    }
}

impl Values {
    fn push_null(&mut self) {
        match self {
            Values::None => {}
            Values::Numbers(numbers) => {
                numbers.coefficients.push(0);
                numbers.valid.push(false);
            }
            Values::Text(builder) => builder.append_null(),
            Values::Bool(builder) => builder.append_null(),
            Values::Dates(builder) => builder.append_null(),
            Values::Instants(builder) => builder.append_null(),
        }
    }
}

/// Amounts, all at one scale.
#[derive(Default)]
struct Numbers {
    coefficients: Vec<i128>,
    valid: Vec<bool>,
    scale: i32,
}

impl Numbers {
    fn push(&mut self, coefficient: i128, scale: i32) -> Result<(), Wrong> {
        let too_wide = || Wrong {
            what: format!("its amounts need more than {DIGITS} digits when they are brought to one scale"),
            hint: "split the column, or round it where it is stored".to_owned(),
        };
        // Zeros behind the last digit are no reason to widen the column.
        let (mut coefficient, mut scale) = (coefficient, scale);
        while scale > self.scale && coefficient % 10 == 0 {
            if coefficient == 0 {
                scale = self.scale;
                break;
            }
            coefficient /= 10;
            scale -= 1;
        }
        if scale > self.scale {
            let factor = power_of_ten(scale - self.scale).ok_or_else(too_wide)?;
            for value in &mut self.coefficients {
                *value = value.checked_mul(factor).filter(|v| fits(*v)).ok_or_else(too_wide)?;
            }
            self.scale = scale;
        }
        let factor = power_of_ten(self.scale - scale).ok_or_else(too_wide)?;
        coefficient = coefficient.checked_mul(factor).filter(|v| fits(*v)).ok_or_else(too_wide)?;
        self.coefficients.push(coefficient);
        self.valid.push(true);
        Ok(())
    }

    fn finish(self, name: &str) -> Result<Column, String> {
        let scale = usize::try_from(self.scale).unwrap_or(0);
        let largest = self.coefficients.iter().map(|value| value.unsigned_abs()).max().unwrap_or(0);
        let digits = largest.checked_ilog10().map_or(1, |digits| digits as usize + 1).max(scale);
        let values = self.coefficients.into_iter().zip(self.valid).map(|(value, valid)| valid.then_some(value));
        let column = Int128Chunked::from_iter_options(name.into(), values).into_decimal(digits, scale);
        Ok(column.map_err(|error| format!("column `{name}`: {error}"))?.into_series().into_column())
    }
}

fn fits(value: i128) -> bool {
    power_of_ten(DIGITS as i32).is_none_or(|limit| value.unsigned_abs() < limit.unsigned_abs())
}

fn micros(nanos: i128) -> Result<i64, Wrong> {
    if nanos % 1_000 != 0 {
        return wrong("instants finer than microseconds cannot be held exactly", "take it as text: type = \"text\"");
    }
    i64::try_from(nanos / 1_000).or_else(|_| wrong("the instant is out of range", "take it as text: type = \"text\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(cells: &[Cell]) -> Result<Gathered, StoreError> {
        let mut batch = Batch::new(1);
        for cell in cells {
            let row = batch.start_row();
            batch.set(row, 0, *cell);
        }
        let mut builder = FrameBuilder::new("plays", &["net".to_owned()], &|_| false);
        builder.push(&batch)?;
        builder.finish()
    }

    fn number(coefficient: i128, scale: i16) -> Cell {
        Cell::Number { coefficient, scale, form: NumberForm::Decimal }
    }

    #[test]
    fn amounts_of_several_scales_are_held_at_one() {
        let all =
            gathered(&[Cell::Null, number(15, 1), number(-2, 0), number(1_2345, 4), number(10, -2)]).expect("fits");
        assert_eq!(all.frame.column("net").expect("column").dtype(), &DataType::Decimal(8, 4));
        let texts: Vec<String> =
            all.frame.column("net").expect("column").as_materialized_series().iter().map(|v| v.to_string()).collect();
        assert_eq!(texts, ["null", "1.5000", "-2.0000", "1.2345", "1000.0000"]);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let wide = gathered(&[number(10i128.pow(37), 0), number(123, 2)]).err().expect("too wide");
        assert!(wide.what.contains("record 2") && wide.what.contains("`net`"), "{}", wide.what);
        let float = Cell::Number { coefficient: 15, scale: 1, form: NumberForm::Double };
        assert!(gathered(&[float]).err().expect("float").what.contains("binary float"));
        assert!(gathered(&[number(1, 0), Cell::Bool(true)]).err().expect("mixed").what.contains("another type"));
        // Zeros behind the last digit need no digits.
        assert!(gathered(&[number(10i128.pow(37), 0), number(100, 2)]).is_ok());
    }

    #[test]
    fn the_hash_does_not_depend_on_the_order() {
        let (one, two) = (number(15, 1), number(7, 0));
        let hash = |cells: &[Cell]| gathered(cells).expect("fits").hash;
        assert_eq!(hash(&[one, two]), hash(&[two, one]));
        assert_ne!(hash(&[one, two]), hash(&[one, one]));
    }
}

//! Kernels over polars columns: values and validity taken out, one loop, one column back.

use polars::prelude::*;

use super::super::plan::{Literal, Op};
use super::super::types::Ty;
use super::number::{self, Fault, SPLIT};
use super::{days, precision, text};

/// An argument of a kernel: a column of its input by position, or a literal.
#[derive(Clone, Debug)]
pub(in super::super) enum Argument {
    Input(usize),
    Literal(Literal),
}

/// Whole numbers of an argument, whatever polars holds them as.
enum Numbers {
    Decimal(Int128Chunked),
    Owned(Vec<i128>),
    Constant(i128),
}

impl Numbers {
    /// The value of a row; of any row for a constant.
    #[inline]
    fn view(&self) -> View<'_> {
        match self {
            Numbers::Decimal(array) => View::Slice(array.downcast_iter().next().map_or(&[], |a| a.values().as_slice())),
            Numbers::Owned(values) => View::Slice(values),
            Numbers::Constant(value) => View::Constant(*value),
        }
    }
}

#[derive(Clone, Copy)]
enum View<'a> {
    Slice(&'a [i128]),
    Constant(i128),
}

impl View<'_> {
    #[inline(always)]
    fn at(&self, row: usize) -> i128 {
        match self {
            View::Slice(values) => values[row],
            View::Constant(value) => *value,
        }
    }
}

/// A kernel's inputs: as many rows as the longest, with the rows that have a value.
struct Inputs<'a> {
    columns: &'a [Column],
    arguments: &'a [Argument],
    rows: usize,
    /// Rows for which every argument has a value and the guard is true; `None` for all.
    valid: Option<BooleanChunked>,
}

impl<'a> Inputs<'a> {
    /// `guarded`: the last column is a condition; rows for which it is not true have no value and no fault.
    fn new(columns: &'a [Column], arguments: &'a [Argument], guarded: bool) -> PolarsResult<Inputs<'a>> {
        let rows = columns.iter().map(Column::len).find(|len| *len != 1).unwrap_or(1);
        let mut valid: Option<BooleanChunked> = None;
        let mut restrict = |mask: BooleanChunked| {
            let mask = if mask.len() == 1 && rows != 1 { mask.new_from_index(0, rows) } else { mask };
            valid = Some(match valid.take() {
                Some(so_far) => &so_far & &mask,
                None => mask,
            });
        };
        for column in columns {
            if column.has_nulls() {
                restrict(column.is_not_null());
            }
        }
        if guarded && let Some(guard) = columns.last() {
            let guard = guard.bool()?.fill_null_with_values(false)?;
            if !guard.all() {
                restrict(guard);
            }
        }
        if arguments.iter().any(|a| matches!(a, Argument::Literal(Literal::Null))) {
            restrict(BooleanChunked::full(PlSmallStr::EMPTY, false, rows));
        }
        let valid = valid.map(|mask| mask.rechunk().into_owned());
        Ok(Inputs { columns, arguments, rows, valid })
    }

    fn column(&self, argument: usize) -> PolarsResult<Result<&Column, &Literal>> {
        match self.arguments.get(argument) {
            Some(Argument::Literal(literal)) => Ok(Err(literal)),
            Some(Argument::Input(index)) => match self.columns.get(*index) {
                Some(column) => Ok(Ok(column)),
                None => polars_bail!(ComputeError: "a kernel misses its input {index}"),
            },
            None => polars_bail!(ComputeError: "a kernel misses its argument {argument}"),
        }
    }

    fn numbers(&self, argument: usize) -> PolarsResult<Numbers> {
        let column = match self.column(argument)? {
            Err(Literal::Number(n)) => return Ok(Numbers::Constant(*n)),
            Err(Literal::Date(day)) => return Ok(Numbers::Constant(i128::from(*day))),
            Err(Literal::Null) => return Ok(Numbers::Constant(0)),
            Err(other) => polars_bail!(ComputeError: "a kernel was given {other:?} as a number"),
            Ok(column) => column,
        };
        let series = column.as_materialized_series();
        let numbers = match series.dtype() {
            DataType::Decimal(..) => Numbers::Decimal(series.decimal()?.physical().rechunk().into_owned()),
            DataType::Int128 => Numbers::Decimal(series.i128()?.rechunk().into_owned()),
            DataType::Int64 => Numbers::Owned(series.i64()?.iter().map(|v| v.unwrap_or(0).into()).collect()),
            DataType::UInt64 => Numbers::Owned(series.u64()?.iter().map(|v| v.unwrap_or(0).into()).collect()),
            DataType::Date => Numbers::Owned(series.date()?.physical().iter().map(|v| v.unwrap_or(0).into()).collect()),
            other => polars_bail!(ComputeError: "a kernel was given a column of type {other} as a number"),
        };
        if column.len() == 1 && self.rows != 1 {
            return Ok(Numbers::Constant(numbers.view().at(0)));
        }
        Ok(numbers)
    }

    fn texts(&self, argument: usize) -> PolarsResult<Texts> {
        match self.column(argument)? {
            Err(Literal::Text(text)) => Ok(Texts::Constant(text.clone())),
            Err(Literal::Null) => Ok(Texts::Constant(String::new())),
            Err(other) => polars_bail!(ComputeError: "a kernel was given {other:?} as a text"),
            Ok(column) => {
                let texts = column.str()?.clone();
                Ok(if column.len() == 1 && self.rows != 1 {
                    Texts::Constant(texts.get(0).unwrap_or("").to_owned())
                } else {
                    Texts::Column(texts)
                })
            }
        }
    }

    /// Whether each row has a value.
    fn with<T>(&self, loop_over: impl FnOnce(&dyn Fn(usize) -> bool) -> T) -> T {
        match &self.valid {
            None => loop_over(&|_| true),
            Some(mask) => {
                let bits = mask.downcast_iter().next().map(|array| array.values());
                loop_over(&|row| bits.is_some_and(|bits| bits.get_bit(row)))
            }
        }
    }

    /// One value a row; `None` for a row without one.
    fn rows<T>(&self, mut value: impl FnMut(usize) -> Result<T, Fault>) -> Result<Vec<Option<T>>, Fault> {
        self.with(|valid| (0..self.rows).map(|row| if valid(row) { value(row).map(Some) } else { Ok(None) }).collect())
    }

    /// One number a row: the hot loops.
    #[inline]
    fn numbers_by(&self, value: impl Fn(usize) -> Result<i128, Fault>) -> Result<Int128Chunked, Fault> {
        let mut out = Vec::with_capacity(self.rows);
        match &self.valid {
            None => {
                for row in 0..self.rows {
                    out.push(value(row)?);
                }
                Ok(Int128Chunked::from_vec(PlSmallStr::EMPTY, out))
            }
            Some(mask) => {
                let bits = mask.downcast_iter().next().map(|array| array.values().clone());
                for row in 0..self.rows {
                    let has = bits.as_ref().is_some_and(|bits| bits.get_bit(row));
                    out.push(if has { value(row)? } else { 0 });
                }
                Ok(Int128Chunked::from_vec_validity(PlSmallStr::EMPTY, out, bits))
            }
        }
    }
}

enum Texts {
    Column(StringChunked),
    Constant(String),
}

impl Texts {
    fn at(&self, row: usize) -> &str {
        match self {
            Texts::Column(texts) => texts.get(row).unwrap_or(""),
            Texts::Constant(text) => text,
        }
    }
}

/// What a kernel yields: a column, or the fault of the first row that has one.
pub(in super::super) type Outcome = Result<Column, Fault>;

/// Runs a kernel. The outer error is polars' or a defect; the inner one is the data's.
pub(in super::super) fn run(
    op: &Op,
    arguments: &[Argument],
    guarded: bool,
    ty: &Ty,
    closed: &[i32],
    columns: &[Column],
) -> PolarsResult<Outcome> {
    let inputs = Inputs::new(columns, arguments, guarded)?;
    Ok(compute(op, &inputs, ty, closed)?.map(|series| series.into_column()))
}

fn compute(op: &Op, inputs: &Inputs<'_>, ty: &Ty, closed: &[i32]) -> PolarsResult<Result<Series, Fault>> {
    let decimal = |outcome: Result<Int128Chunked, Fault>| {
        let scale = ty.number().map_or(0, |(_, scale)| scale);
        outcome.map(|array| array.into_decimal_unchecked(38, scale as usize).into_series())
    };
    // One loop per kernel: the operation is decided outside of it.
    macro_rules! one {
        ($f:expr) => {{
            let a = inputs.numbers(0)?;
            let a = a.view();
            decimal(inputs.numbers_by(|row| $f(a.at(row))))
        }};
    }
    macro_rules! two {
        ($f:expr) => {{
            let (a, b) = (inputs.numbers(0)?, inputs.numbers(1)?);
            let (a, b) = (a.view(), b.view());
            decimal(inputs.numbers_by(|row| $f(a.at(row), b.at(row))))
        }};
    }
    let name = PlSmallStr::EMPTY;
    Ok(match op {
        Op::Add(up_a, up_b) => two!(|a, b| number::add(a, *up_a, b, *up_b)),
        Op::Subtract(up_a, up_b) => two!(|a, b: i128| number::add(a, *up_a, -b, *up_b)),
        Op::Multiply => two!(number::multiply),
        Op::Divide(shift, mode) => two!(|a, b| number::divide(a, b, *shift, *mode)),
        Op::Truncate(up_a, up_b) => two!(|a, b| number::truncate(a, *up_a, b, *up_b)),
        Op::Greatest | Op::Least => {
            let outcome = if *op == Op::Greatest {
                two!(|a: i128, b: i128| Ok(a.max(b)))
            } else {
                two!(|a: i128, b: i128| Ok(a.min(b)))
            };
            return match (ty, outcome) {
                (Ty::Integer, Ok(series)) => to_integer(&series).map(Ok),
                (_, outcome) => Ok(outcome),
            };
        }
        Op::SumJoin => two!(number::join_sum),
        Op::Negate => one!(|a: i128| Ok(-a)),
        Op::Absolute => one!(|a: i128| Ok(a.abs())),
        Op::Rescale(0) => one!(number::fit),
        Op::Rescale(up) => one!(|a| number::rescale(a, *up)),
        Op::Round(down, mode) => one!(|a| number::round(a, *down, *mode)),
        Op::Precision(digits) => one!(|a| precision(a, *digits)),
        Op::SumHigh => one!(|a: i128| Ok(a / SPLIT)),
        Op::SumLow => one!(|a: i128| Ok(a % SPLIT)),
        Op::Compare(comparison, up_a, up_b) => {
            let (a, b) = (inputs.numbers(0)?, inputs.numbers(1)?);
            let (a, b) = (a.view(), b.view());
            let found = inputs.rows(|row| Ok(comparison.holds(number::compare(a.at(row), *up_a, b.at(row), *up_b))));
            found.map(|values| BooleanChunked::from_slice_options(name, &values).into_series())
        }
        Op::ToInteger => {
            let a = inputs.numbers(0)?;
            let a = a.view();
            let found = inputs.rows(|row| i64::try_from(a.at(row)).map_err(|_| Fault::Overflow));
            found.map(|values| Int64Chunked::from_slice_options(name, &values).into_series())
        }
        Op::KeyHigh | Op::KeyLow => {
            let high = *op == Op::KeyHigh;
            let a = inputs.numbers(0)?;
            let a = a.view();
            let found =
                inputs.rows(|row| Ok(if high { number::key_high(a.at(row)) } else { number::key_low(a.at(row)) }));
            found.map(|values| Int64Chunked::from_slice_options(name, &values).into_series())
        }
        Op::KeyJoin => two!(|high: i128, low: i128| Ok(number::key_join(high, low))),
        Op::DaysBetween => {
            let (a, b) = (inputs.numbers(0)?, inputs.numbers(1)?);
            let (a, b) = (a.view(), b.view());
            let found = inputs.rows(|row| i64::try_from(b.at(row) - a.at(row)).map_err(|_| Fault::Calendar));
            found.map(|values| Int64Chunked::from_slice_options(name, &values).into_series())
        }
        Op::AddDays | Op::AddBusinessDays(..) => {
            let (a, b) = (inputs.numbers(0)?, inputs.numbers(1)?);
            let (a, b) = (a.view(), b.view());
            let found = inputs.rows(|row| {
                let day = i32::try_from(a.at(row)).map_err(|_| Fault::Calendar)?;
                match op {
                    Op::AddDays => days::add(day, b.at(row)),
                    _ => days::add_business(day, b.at(row), closed),
                }
            });
            found.map(|values| Int32Chunked::from_slice_options(name, &values).into_date().into_series())
        }
        Op::MonthEdge { last } => {
            let a = inputs.numbers(0)?;
            let a = a.view();
            let found = inputs.rows(|row| {
                let day = i32::try_from(a.at(row)).map_err(|_| Fault::Calendar)?;
                days::month_edge(day, *last).ok_or(Fault::Calendar)
            });
            found.map(|values| Int32Chunked::from_slice_options(name, &values).into_date().into_series())
        }
        Op::NumberToText(scale) => {
            let a = inputs.numbers(0)?;
            let a = a.view();
            let found = inputs.rows(|row| Ok(text::from_number(a.at(row), *scale)));
            found.map(|values| StringChunked::from_iter_options(name, values.into_iter()).into_series())
        }
        Op::TextToNumber(digits, scale) => {
            let a = inputs.texts(0)?;
            decimal(inputs.numbers_by(|row| text::to_number(a.at(row), *digits, *scale)))
        }
        Op::Concat => {
            let (a, b) = (inputs.texts(0)?, inputs.texts(1)?);
            let found = inputs.rows(|row| Ok([a.at(row), b.at(row)].concat()));
            found.map(|values| StringChunked::from_iter_options(name, values.into_iter()).into_series())
        }
        Op::Trim(side) => {
            let a = inputs.texts(0)?;
            let found = inputs.rows(|row| Ok(text::trim(a.at(row), *side)));
            found.map(|values| StringChunked::from_iter_options(name, values.into_iter()).into_series())
        }
        Op::Substring => {
            let (a, from, length) = (inputs.texts(0)?, inputs.numbers(1)?, inputs.numbers(2)?);
            let (from, length) = (from.view(), length.view());
            let found = inputs.rows(|row| text::substring(a.at(row), from.at(row), length.at(row)));
            found.map(|values| StringChunked::from_iter_options(name, values.into_iter()).into_series())
        }
        Op::Like(pattern) => {
            let a = inputs.texts(0)?;
            let found = inputs.rows(|row| Ok(text::like(a.at(row), pattern)));
            found.map(|values| BooleanChunked::from_slice_options(name, &values).into_series())
        }
    })
}

/// Integers that a number kernel yielded as coefficients.
fn to_integer(series: &Series) -> PolarsResult<Series> {
    let values: Vec<Option<i64>> =
        series.decimal()?.physical().iter().map(|v| v.and_then(|v| i64::try_from(v).ok())).collect();
    Ok(Int64Chunked::from_slice_options(PlSmallStr::EMPTY, &values).into_series())
}

//! Running a SELECT and handing its rows on while they arrive, decoded. What the server sends that is not the row
//! of its columns ends the read as a failure.

use jiff::tz::TimeZone;
use mysql_common::packets::Column;

use super::super::{Outlet, StoreError};
use super::decode::Decoder;
use super::errors::{Doing, store_error};
use super::select::Field;
use super::wire::{Arguments, Connection, Malformed, Rows, Shape, Waiting, WireError, is_null, split_row};
use crate::domain::{Batch, Cell, Value};

/// Digits behind the second of a value whose column is not known: as many as MySQL can hold.
pub(super) const MOST_DIGITS: u8 = 6;

/// Runs one SELECT to its end.
///
/// # Errors
/// What the server refuses, a connection that was lost or fell silent, and what `rows` says.
pub(super) fn run(
    connection: &mut Connection,
    sql: &str,
    arguments: &Arguments,
    place: &str,
    rows: &mut impl Rows,
) -> Result<(), StoreError> {
    let mut counted = Counted { rows, records: 0 };
    let read = connection.prepare(sql).and_then(|prepared| {
        connection.rows(&prepared, arguments, &mut counted)?;
        connection.close(&prepared)
    });
    read.map_err(|error| store_error(error, place, Doing::Reading(counted.records)))
}

/// Counts rows on their way: how many had come is part of what is said about a failure.
struct Counted<'a, R> {
    rows: &'a mut R,
    records: u64,
}

impl<R: Rows> Waiting for Counted<'_, R> {
    fn waiting(&mut self) -> Result<(), StoreError> {
        self.rows.waiting()
    }
}

impl<R: Rows> Rows for Counted<'_, R> {
    fn begin(&mut self, columns: &[Column]) -> Result<(), WireError> {
        self.rows.begin(columns)
    }

    #[inline]
    fn row(&mut self, row: &[u8]) -> Result<(), WireError> {
        self.rows.row(row)?;
        self.records += 1;
        Ok(())
    }
}

/// Decodes rows into the outlet's batches.
pub(super) struct ToOutlet<'a> {
    out: &'a mut Outlet,
    fields: &'a [Field],
    decoding: Decoding<'a>,
}

impl<'a> ToOutlet<'a> {
    pub(super) fn new(out: &'a mut Outlet, fields: &'a [Field], zone: &'a TimeZone) -> Self {
        ToOutlet { out, fields, decoding: Decoding::new(zone) }
    }
}

impl Waiting for ToOutlet<'_> {
    fn waiting(&mut self) -> Result<(), StoreError> {
        Ok(self.out.flush()?)
    }
}

impl Rows for ToOutlet<'_> {
    fn begin(&mut self, columns: &[Column]) -> Result<(), WireError> {
        self.decoding.choose(columns, Some(self.fields))
    }

    #[inline]
    fn row(&mut self, row: &[u8]) -> Result<(), WireError> {
        self.decoding.decode(row, self.out.batch())?;
        self.out.end_row().map_err(|stop| WireError::Ended(stop.into()))
    }
}

/// Keeps every row's values: for results of a few rows.
pub(super) struct Gather<'a> {
    fields: Option<&'a [Field]>,
    decoding: Decoding<'a>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(fields: &'a [Field], zone: &'a TimeZone) -> Self {
        Gather { fields: Some(fields), decoding: Decoding::new(zone), rows: Vec::new() }
    }
}

impl Waiting for Gather<'_> {}

impl Rows for Gather<'_> {
    fn begin(&mut self, columns: &[Column]) -> Result<(), WireError> {
        self.decoding.choose(columns, self.fields)
    }

    fn row(&mut self, row: &[u8]) -> Result<(), WireError> {
        let width = self.decoding.columns.len();
        let mut batch = Batch::new(width);
        self.decoding.decode(row, &mut batch)?;
        self.rows.push((0..width).map(|column| Value::of(batch.at(0, column))).collect());
        Ok(())
    }
}

/// All rows of a small result, of whatever columns it has.
///
/// # Errors
/// What the server refuses, and a connection that was lost or fell silent.
pub(super) fn gather(
    connection: &mut Connection,
    sql: &str,
    arguments: &Arguments,
) -> Result<Vec<Vec<Value>>, WireError> {
    let decoding = Decoding { zone: &TimeZone::UTC, columns: Vec::new() };
    let mut gathered = Gather { fields: None, decoding, rows: Vec::new() };
    let prepared = connection.prepare(sql)?;
    connection.rows(&prepared, arguments, &mut gathered)?;
    connection.close(&prepared)?;
    Ok(gathered.rows)
}

/// How the columns of a result are read, chosen when it begins: the values of parameters can change the types
/// that the prepared statement had announced.
pub(super) struct Decoding<'a> {
    zone: &'a TimeZone,
    columns: Vec<(Decoder, Shape)>,
}

impl<'a> Decoding<'a> {
    pub(super) fn new(zone: &'a TimeZone) -> Self {
        Decoding { zone, columns: Vec::new() }
    }

    /// How many columns there are.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// # Errors
    /// Another number of columns than was asked for.
    pub(super) fn choose(&mut self, columns: &[Column], fields: Option<&[Field]>) -> Result<(), WireError> {
        if let Some(fields) = fields
            && fields.len() != columns.len()
        {
            let (asked, came) = (fields.len(), columns.len());
            return Err(StoreError::failed(format!("{asked} columns were asked for and {came} came")).into());
        }
        let chosen = columns.iter().enumerate().map(|(at, column)| {
            let field = fields.map(|fields| &fields[at]);
            let digits = field.map_or(MOST_DIGITS, |field| field.digits);
            let uuid = field.is_some_and(|field| field.decoder == Decoder::Uuid);
            (Decoder::of(column, digits, uuid), Shape::of(column.column_type()))
        });
        self.columns = chosen.collect();
        Ok(())
    }

    /// Decodes a row as the batch's next. A row that is none leaves the batch as it was.
    ///
    /// # Errors
    /// A row that is none.
    #[inline]
    pub(super) fn decode(&self, row: &[u8], batch: &mut Batch) -> Result<(), WireError> {
        let at = batch.start_row();
        self.cells(row, at, batch).map_err(|Malformed| {
            batch.undo_row();
            WireError::Protocol(format!("a row of {} bytes does not have the form of its columns", row.len()))
        })
    }

    #[inline]
    fn cells(&self, row: &[u8], at: usize, batch: &mut Batch) -> Result<(), Malformed> {
        let (nulls, mut rest) = split_row(row, self.columns.len()).ok_or(Malformed)?;
        let first = batch.place(at, 0);
        for (column, (decoder, shape)) in self.columns.iter().enumerate() {
            let place = first + column;
            if is_null(nulls, column) {
                batch.put(place, Cell::Null);
            } else {
                let (value, behind) = shape.take(rest).ok_or(Malformed)?;
                rest = behind;
                decoder.put(value, batch, place, self.zone);
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

//! Running a SELECT and handing its rows on while they arrive. Must notice a connection that was lost or fell
//! silent, and a wish to stop; an end is only what the server says is one.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use jiff::tz::TimeZone;
use sqlx::mysql::{MySql, MySqlArguments, MySqlColumn, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Column, Decode, Either, Executor, Row};
use tokio::time::{Instant, Sleep, sleep};

use super::super::{Outlet, StoreError};
use super::decode::Decoder;
use super::errors::{Doing, store_error};
use super::select::Field;
use crate::domain::{Batch, Cell, Value};

/// How often a wait for the server looks whether reading is to stop.
const LOOK_UP: Duration = Duration::from_millis(200);

/// Where rows go.
pub(super) trait Rows {
    /// Takes a row.
    fn row(&mut self, row: &MySqlRow) -> Result<(), StoreError>;

    /// Called every now and then while the server lets us wait.
    fn waiting(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Runs one SELECT to its end.
///
/// # Errors
/// What the server refuses, a connection that was lost, a wait longer than `patience`, and what `rows` says.
pub(super) async fn run(
    connection: &mut MySqlConnection,
    (sql, arguments): (String, MySqlArguments),
    patience: Duration,
    place: &str,
    rows: &mut impl Rows,
) -> Result<(), StoreError> {
    let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false);
    let mut stream = connection.fetch_many(query);
    let mut tick = Box::pin(sleep(LOOK_UP));
    let mut records = 0;
    loop {
        match next(&mut stream, tick.as_mut(), patience, rows).await? {
            Next::Item(Some(Ok(Either::Right(row)))) => {
                rows.row(&row)?;
                records += 1;
            }
            Next::Item(Some(Ok(Either::Left(_)))) => {}
            Next::Item(Some(Err(error))) => return Err(store_error(&error, place, Doing::Reading(records))),
            Next::Item(None) => return Ok(()),
            Next::Silence => {
                let waited = patience.as_secs_f32();
                return Err(StoreError::failed(format!(
                    "{place}: nothing arrived for {waited} s, after {records} records"
                ))
                .hint("the query may need longer than the read timeout, or the network is down"));
            }
        }
    }
}

enum Next<T> {
    Item(Option<T>),
    Silence,
}

/// The next item. A timer runs only while there is nothing to take, so that it costs nothing per row and
/// time spent on our own side does not count.
async fn next<S: Stream + Unpin>(
    stream: &mut S,
    mut tick: Pin<&mut Sleep>,
    patience: Duration,
    rows: &mut impl Rows,
) -> Result<Next<S::Item>, StoreError> {
    let mut since = None;
    std::future::poll_fn(|context| {
        if let Poll::Ready(item) = stream.poll_next_unpin(context) {
            return Poll::Ready(Ok(Next::Item(item)));
        }
        let start = *since.get_or_insert_with(|| {
            let now = Instant::now();
            tick.as_mut().reset(now + LOOK_UP.min(patience));
            now
        });
        while tick.as_mut().poll(context).is_ready() {
            if let Err(error) = rows.waiting() {
                return Poll::Ready(Err(error));
            }
            let now = Instant::now();
            if now.duration_since(start) >= patience {
                return Poll::Ready(Ok(Next::Silence));
            }
            tick.as_mut().reset(now + LOOK_UP.min(patience));
        }
        Poll::Pending
    })
    .await
}

/// Decodes rows into the outlet's batches.
pub(super) struct ToOutlet<'a> {
    pub(super) out: &'a mut Outlet,
    pub(super) decoding: Decoding<'a>,
}

impl Rows for ToOutlet<'_> {
    fn row(&mut self, row: &MySqlRow) -> Result<(), StoreError> {
        self.decoding.decode(row, self.out.batch())?;
        Ok(self.out.end_row()?)
    }

    fn waiting(&mut self) -> Result<(), StoreError> {
        Ok(self.out.flush()?)
    }
}

/// Keeps every row's values: for results of a few rows.
pub(super) struct Gather<'a> {
    pub(super) decoding: Decoding<'a>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Rows for Gather<'_> {
    fn row(&mut self, row: &MySqlRow) -> Result<(), StoreError> {
        let mut batch = Batch::new(row.len());
        self.decoding.decode(row, &mut batch)?;
        self.rows.push((0..row.len()).map(|column| Value::of(batch.at(0, column))).collect());
        Ok(())
    }
}

/// The decoders of a result, chosen at its first row: the values of parameters can change the types that
/// the prepared statement had announced.
pub(super) struct Decoding<'a> {
    fields: &'a [Field],
    zone: &'a TimeZone,
    decoders: Vec<Decoder>,
}

impl<'a> Decoding<'a> {
    pub(super) fn new(fields: &'a [Field], zone: &'a TimeZone) -> Self {
        Decoding { fields, zone, decoders: Vec::new() }
    }

    #[inline]
    fn decode(&mut self, row: &MySqlRow, batch: &mut Batch) -> Result<(), StoreError> {
        if self.decoders.is_empty() {
            self.choose(row)?;
        }
        let at = batch.start_row();
        for (column, decoder) in self.decoders.iter().enumerate() {
            let cell = match row.try_get_raw(column) {
                // Not `Option<&[u8]>`: the driver takes a zero date for NULL there. This fails for NULL alone.
                Ok(value) => match <&[u8] as Decode<MySql>>::decode(value) {
                    Ok(bytes) => decoder.cell(bytes, batch, self.zone),
                    Err(_) => Cell::Null,
                },
                Err(error) => batch.unknown(&error.to_string()),
            };
            batch.set(at, column, cell);
        }
        Ok(())
    }

    #[cold]
    fn choose(&mut self, row: &MySqlRow) -> Result<(), StoreError> {
        if row.len() != self.fields.len() {
            let (asked, came) = (self.fields.len(), row.len());
            return Err(StoreError::failed(format!("{asked} columns were asked for and {came} came")));
        }
        let decoder = |(column, field): (&MySqlColumn, &Field)| {
            Decoder::of(column.type_info(), field.digits, field.decoder == Decoder::Uuid)
        };
        self.decoders = row.columns().iter().zip(self.fields).map(decoder).collect();
        Ok(())
    }
}

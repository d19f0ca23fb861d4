//! Decisions as CSV and as Parquet. Must not know where the bytes go.

use std::io::{self, Write};
use std::path::Path;

use crate::decide::Decision;
use crate::domain::{Batch, Value};
use crate::stores::StoreError;
use crate::stores::bulk::{ParquetColumn, ParquetKind, parquet_into};

use super::columns::OWN;
use super::form::{Form, Forms, Kind};
use super::literal::{push_field, push_quoted};
use super::{Layout, Seen, Ticket};

/// Digits of a decimal in Parquet.
const PARQUET_DIGITS: u32 = 38;
/// Records between two calls of `alive`.
const RECORDS: u64 = 5_000;

/// The form and the Parquet type of each column.
///
/// # Errors
/// Class `Usage`: Parquet has no type that holds a column exactly.
pub(super) fn parquet_kinds(path: &Path, layout: &Layout) -> Result<Vec<(Form, ParquetKind)>, StoreError> {
    let one = |seen: &Seen| {
        let digits = u8::try_from(PARQUET_DIGITS).unwrap_or(38);
        let refuse = |what: String| {
            Err(StoreError::usage(format!("{}: the column `{}` {what}", path.display(), seen.name))
                .hint("write the decisions to a .csv file or to a table instead"))
        };
        Ok(match Kind::of(seen) {
            Kind::Integer { digits: ..=18 } => (Form::Number, ParquetKind::Integer),
            Kind::Integer { digits: PARQUET_DIGITS.. } => {
                return refuse(format!("has more digits than the {PARQUET_DIGITS} of a decimal in Parquet"));
            }
            Kind::Integer { .. } => (Form::Number, ParquetKind::Decimal { digits, scale: 0 }),
            Kind::Decimal { special: true, .. } => {
                return refuse("has NaN or an infinity among its values, which no decimal of Parquet holds".into());
            }
            Kind::Decimal { whole, scale, .. } if whole + scale <= PARQUET_DIGITS => {
                (Form::Number, ParquetKind::Decimal { digits, scale: u8::try_from(scale).unwrap_or(38) })
            }
            Kind::Decimal { whole, scale, .. } => {
                return refuse(format!(
                    "has {whole} digits before the point and {scale} behind it; a decimal in Parquet has {PARQUET_DIGITS}"
                ));
            }
            Kind::Date => (Form::Date, ParquetKind::Date),
            Kind::Instant => (Form::Instant, ParquetKind::Instant),
            Kind::Boolean => (Form::Boolean, ParquetKind::Boolean),
            Kind::Text { .. } | Kind::Nothing => (Form::Text, ParquetKind::Text),
        })
    };
    layout.key.iter().chain(&layout.columns).map(one).collect()
}

/// Writes decisions as CSV: a header, NULL as an empty field, empty text as `""`.
///
/// # Errors
/// What `alive` says, a value that does not fit, `out` cannot be written.
pub(super) fn csv(
    path: &Path,
    out: &mut dyn Write,
    ticket: &Ticket,
    forms: &Forms,
    decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
    alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut line = String::new();
    for name in forms.names.iter().map(String::as_str).chain(OWN) {
        line.push_str(if line.is_empty() { "" } else { "," });
        push_quoted(name, &mut line);
    }
    line.push('\n');
    let mut tail = String::new();
    for text in [&ticket.cycle, &ticket.run, &ticket.snapshot] {
        tail.push(',');
        push_quoted(text, &mut tail);
    }
    tail.push('\n');
    let mut row = Batch::new(forms.width());
    let mut count = 0u64;
    for decision in decisions {
        let decision = decision.map_err(super::unreadable)?;
        row.reset(forms.width());
        forms.push(&decision, &mut row)?;
        for at in 0..forms.width() {
            if at > 0 {
                line.push(',');
            }
            push_field(row.at(0, at), &mut line)
                .map_err(|why| StoreError::failed(format!("{}: {why}", path.display())))?;
        }
        line.push_str(&tail);
        count += 1;
        if count.is_multiple_of(RECORDS) {
            alive(count)?;
            out.write_all(line.as_bytes()).map_err(|error| unwritable(path, &error))?;
            line.clear();
        }
    }
    out.write_all(line.as_bytes()).map_err(|error| unwritable(path, &error))?;
    alive(count)
}

/// Writes decisions as Parquet.
///
/// # Errors
/// As [`csv`].
pub(super) fn parquet(
    path: &Path,
    out: &mut (dyn Write + Send),
    ticket: &Ticket,
    forms: &Forms,
    kinds: Vec<ParquetKind>,
    decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
    alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let own = OWN.iter().map(|name| ParquetColumn { name: (*name).to_owned(), kind: ParquetKind::Text });
    let columns: Vec<ParquetColumn> = (forms.names.iter().zip(kinds))
        .map(|(name, kind)| ParquetColumn { name: name.clone(), kind })
        .chain(own)
        .collect();
    let text = |text: &str| Value::Text { text: text.to_owned(), untyped: false };
    let mut row = Batch::new(forms.width());
    let mut rows = decisions.map(|decision| {
        row.reset(forms.width());
        forms.push(&decision.map_err(super::unreadable)?, &mut row)?;
        let values = (0..forms.width()).map(|at| Value::of(row.at(0, at)));
        Ok(values.chain([text(&ticket.cycle), text(&ticket.run), text(&ticket.snapshot)]).collect())
    });
    parquet_into(out, path, &columns, &mut rows, alive).map(|_| ())
}

fn unwritable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::failed(format!("{} could not be written: {error}", path.display()))
        .hint("check that the folder has room")
}

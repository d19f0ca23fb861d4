//! The decisions of an earlier run, taken along in a temporary file. Must not change them.

use std::io;

use crate::compare::Outcome;
use crate::compare::spill::{Entry, Spill, SpillReader};
use crate::decide::{Decision, Reason, Taken};
use crate::domain::{Batch, Cell, NumberForm, Value};

/// Decisions as they were found, in the order in which they were found.
pub struct Kept {
    reader: SpillReader,
    key: usize,
    columns: usize,
    /// Key columns that are text, whatever they look like.
    text_keys: Vec<bool>,
}

/// Decisions being taken along.
pub(super) struct Keeping {
    spill: Spill,
    key: usize,
    columns: usize,
}

impl Keeping {
    /// Nothing yet, of records of so many key and compared columns.
    pub(super) fn new(key: usize, columns: usize) -> Keeping {
        Keeping { spill: Spill::new(key + columns + 2), key, columns }
    }

    /// Adds the one record of a batch: its key, its compared columns, source and reason.
    pub(super) fn push(&mut self, record: &Batch) -> io::Result<()> {
        let one = crate::compare::Copies { batch: record, first: 0, count: 1 };
        self.spill.push(Outcome::Matched, Some(one), None)
    }

    pub(super) fn finish(self) -> io::Result<Kept> {
        Ok(Kept {
            reader: self.spill.into_reader()?,
            key: self.key,
            columns: self.columns,
            text_keys: vec![false; self.key],
        })
    }
}

impl Kept {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.reader.entries()
    }

    /// Which key columns are text: a CSV file does not say, and `1.50` is another key than `1.5` then.
    pub fn read_as_text(&mut self, columns: Vec<bool>) {
        self.text_keys = columns;
    }

    /// Every decision; can be asked for again.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn decisions(&mut self) -> io::Result<impl Iterator<Item = io::Result<Decision>> + '_> {
        self.reader.rewind()?;
        let (key, columns) = (self.key, self.columns);
        let (text_keys, reader) = (&self.text_keys, &mut self.reader);
        let mut entry = Entry::default();
        Ok(std::iter::from_fn(move || match reader.read_into(&mut entry) {
            Ok(true) => Some(decision(&entry.legacy, key, columns, text_keys)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }))
    }
}

fn decision(record: &Batch, key: usize, columns: usize, text_keys: &[bool]) -> io::Result<Decision> {
    let value = |at: usize| Value::of(record.at(0, at));
    let word = |at: usize| {
        let cell = record.at(0, at);
        match cell.cell {
            Cell::Text(span) | Cell::Untyped(span) => cell.text(span).to_owned(),
            _ => String::new(),
        }
    };
    let (source, reason) = (word(key + columns), word(key + columns + 1));
    let taken = Taken::ALL.into_iter().find(|taken| taken.name() == source);
    let (Some(taken), Some(reason)) = (taken, Reason::parse(&reason)) else {
        return Err(io::Error::other(format!("a decision has the source `{source}` and the reason `{reason}`")));
    };
    let key_part = |at: usize| match value(at) {
        Value::Number { form: NumberForm::Untyped, amount } if text_keys.get(at) == Some(&true) => {
            Value::Text { text: amount.to_string(), untyped: false }
        }
        value => value,
    };
    let key: Vec<Value> = (0..key).map(key_part).collect();
    let values = (0..columns).map(|at| value(key.len() + at)).collect();
    Ok(Decision { key, values, taken, reason })
}

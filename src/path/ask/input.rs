//! The records that are asked about: read once, in key order, all their columns, and kept in a temporary file, so that
//! a slow answer never stalls a database cursor. Must not ask.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic;

use crate::domain::{Batch, Rules, Value, cmp_keys};
use crate::stores::{
    Column, ColumnKind, ErrorClass, KeyRange, Opened, Progress, ReadRequest, Received, Snapshot, Source, Stop,
    StoreError, Wanted, Wish, channel,
};

use super::super::RecordsHash;
use super::AskInput;
use super::spool::{Spool, SpoolReader, SpoolWriter};

/// Bytes of the records of one key; more cannot be asked about.
const LARGEST_GROUP: usize = 64 << 20;

/// The input, opened: its key is there.
pub(super) struct OpenInput {
    source: Box<dyn Source>,
    opened: Opened,
    columns: Vec<String>,
}

/// The input's records, all of them.
#[derive(Clone)]
pub(super) struct Input {
    /// Names of the records' cells: the key first.
    pub(super) columns: Arc<[String]>,
    /// The key's columns and their kinds.
    pub(super) key: Vec<Column>,
    pub(super) spool: Spool,
    /// The moment of the records.
    pub(super) snapshot: Snapshot,
    pub(super) notices: Vec<String>,
    /// The records' hash, in whatever order.
    pub(super) hash: String,
}

impl OpenInput {
    /// Opens the source.
    ///
    /// # Errors
    /// As [`Source::open`]; class `Usage` when a key column is no field of the records.
    pub(super) fn open(asked: &AskInput) -> Result<Self, StoreError> {
        let mut source = (asked.records)()?;
        let opened = source.open(&Wish { paths: asked.key.clone() })?;
        let there = |name: &String| opened.columns.iter().any(|c| c.name == *name);
        let empty = opened.columns.is_empty() && !opened.fixed_columns;
        if let Some(missing) = asked.key.iter().find(|name| !there(name) && !empty) {
            let names: Vec<&str> = opened.columns.iter().map(|c| c.name.as_str()).collect();
            return Err(StoreError::usage(format!(
                "the records that are asked about have no field `{missing}`, which is part of the key"
            ))
            .hint(format!(
                "give the input every key column under the candidate's name; its fields are: {}",
                names.join(", ")
            )));
        }
        let mut columns = asked.key.clone();
        columns.extend(opened.columns.iter().map(|c| c.name.clone()).filter(|name| !asked.key.contains(name)));
        Ok(OpenInput { source, opened, columns })
    }

    /// Reads every record into a temporary file.
    ///
    /// # Errors
    /// As [`Source::read`]: from records that may be too few nothing is computed.
    pub(super) fn read(mut self, asked: &AskInput) -> Result<Input, StoreError> {
        for _ in 0..8 {
            let (spool, hash, more) = self.read_once(asked)?;
            // Documents may show a field late: what is computed from must be whole.
            let columns = self.columns.len();
            for name in more {
                if !self.columns.contains(&name) {
                    self.columns.push(name);
                }
            }
            if self.columns.len() == columns {
                let kind = |name: &String| {
                    self.opened.columns.iter().find(|c| c.name == *name).map_or(ColumnKind::Mixed, |c| c.kind)
                };
                let key = asked.key.iter().map(|name| Column { name: name.clone(), kind: kind(name) }).collect();
                return Ok(Input {
                    columns: self.columns.into(),
                    key,
                    spool,
                    snapshot: self.opened.snapshot,
                    notices: self.opened.notices,
                    hash,
                });
            }
        }
        Err(StoreError::failed("the records that are asked about show new fields whenever they are read")
            .hint("name the fields of the input"))
    }

    fn read_once(&mut self, asked: &AskInput) -> Result<(Spool, String, Vec<String>), StoreError> {
        let key = asked.key.len();
        let request = ReadRequest {
            columns: self.columns.iter().map(|name| Wanted { name: name.clone(), fix: None }).collect(),
            key,
            filter: None,
            range: KeyRange::default(),
            keys: None,
            fresh: false,
            natural: false,
        };
        let sort = (!self.opened.ordered).then_some(asked.memory);
        let progress = Arc::new(Progress::default());
        let (mut outlet, receiver, give_back) =
            channel(&request, &Rules::default(), Arc::clone(&progress), asked.only.as_ref(), sort);
        let source = self.source.as_mut();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let end = source.read(&request, &mut outlet);
                outlet.finish(end);
            });
            let mut kept = Kept::new(self.columns.len(), key)?;
            // Leaving this scope early drops the receiver, which ends the reading thread.
            for received in receiver {
                if asked.stop.stop.load(atomic::Ordering::Relaxed) {
                    progress.stop.store(true, atomic::Ordering::Relaxed);
                    return Err(Stop.into());
                }
                match received {
                    Received::Batch(batch) => {
                        kept.keep(&batch)?;
                        let _ = give_back.send(batch);
                    }
                    Received::End(Ok(end)) if end.other_fields_cut => {
                        return Err(StoreError::failed(
                            "the records that are asked about have more than 1,000 different fields: they cannot be sent whole",
                        )
                        .hint("name the fields of the input"));
                    }
                    Received::End(Ok(end)) => return Ok((kept.spool.finish()?, kept.hash.shown(), end.other_fields)),
                    Received::End(Err(error)) => return Err(error),
                }
            }
            Err(StoreError::failed("the reader of the records that are asked about ended without a word"))
        })
        .map_err(|mut error: StoreError| {
            if error.class == ErrorClass::Failed {
                error.what = format!("nothing was asked, because the input could not be read to its end: {}", error.what);
            }
            error
        })
    }
}

/// Writes records and checks their order.
struct Kept {
    spool: SpoolWriter,
    last: Batch,
    key: usize,
    hash: RecordsHash,
}

impl Kept {
    fn new(width: usize, key: usize) -> Result<Self, StoreError> {
        Ok(Kept { spool: SpoolWriter::create(width)?, last: Batch::new(width), key, hash: RecordsHash::default() })
    }

    fn keep(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for row in 0..batch.rows() {
            let order = match row {
                0 if self.last.rows() == 0 => Ordering::Less,
                0 => cmp_keys(&self.last, 0, batch, 0, self.key),
                _ => cmp_keys(batch, row - 1, batch, row, self.key),
            };
            if order == Ordering::Greater {
                return Err(StoreError::failed("the records that are asked about are out of key order"));
            }
            self.spool.write(batch, row)?;
            self.hash.add(batch, row);
        }
        if batch.rows() > 0 {
            self.last.reset(batch.width());
            self.last.copy_row(batch, batch.rows() - 1);
        }
        Ok(())
    }
}

/// The records of one key.
pub(super) struct Group {
    /// At least one.
    pub(super) records: Batch,
    /// Further records were left out, because together they are too large: must not be asked about.
    pub(super) cut: bool,
}

impl Group {
    /// Why this key must not be asked about, or the records written by `write`.
    pub(super) fn written<T>(&self, write: impl FnOnce(&Batch) -> Result<T, String>) -> Result<T, String> {
        if self.cut {
            return Err(format!("the records of this key take more than {} MiB: not asked", LARGEST_GROUP >> 20));
        }
        write(&self.records).map_err(|why| format!("not asked: {why}"))
    }
}

/// The input's records, key by key.
pub(super) struct Groups {
    reader: SpoolReader,
    key: usize,
    /// The record behind the last group.
    next: Batch,
}

impl Input {
    /// Starts to read the records.
    pub(super) fn groups(&self) -> Groups {
        Groups { reader: self.spool.reader(), key: self.key.len(), next: Batch::new(self.spool.width()) }
    }
}

impl Groups {
    /// The records of the next key; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Group>, StoreError> {
        let width = self.next.width();
        if self.next.rows() == 0 && !self.reader.next_into(&mut self.next)? {
            return Ok(None);
        }
        let mut records = std::mem::replace(&mut self.next, Batch::new(width));
        let mut cut = false;
        while self.reader.next_into(&mut self.next)? {
            if cmp_keys(&records, 0, &self.next, 0, self.key) != Ordering::Equal {
                break;
            }
            if records.bytes_used() < LARGEST_GROUP {
                records.copy_row(&self.next, 0);
            } else {
                cut = true;
            }
            self.next.reset(width);
        }
        Ok(Some(Group { records, cut }))
    }
}

/// A key as a person reads it.
pub(super) fn show_key(batch: &Batch, row: usize, key: usize) -> String {
    let parts: Vec<String> = (0..key).map(|column| Value::of(batch.at(row, column)).to_string()).collect();
    parts.join(", ")
}

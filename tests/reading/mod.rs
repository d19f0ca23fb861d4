//! Reads a source as the merge does, and shows what came.

// Every test file uses another part of this.
#![allow(dead_code)]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use recon::domain::{Rules, Value};
use recon::stores::{
    Column, ColumnKind, KeyRange, Progress, ReadEnd, ReadRequest, Received, Source, StoreError, Wanted, channel,
};

/// A request for these columns, the first of which are the key.
pub fn request(columns: &[&str], key: usize) -> ReadRequest {
    ReadRequest {
        columns: columns.iter().map(|name| Wanted { name: (*name).to_owned(), fix: None }).collect(),
        key,
        filter: None,
        range: KeyRange::default(),
        keys: None,
        fresh: false,
        natural: false,
    }
}

/// What a read gave: the records that came, and how it ended.
pub struct Reading {
    pub rows: Vec<Vec<Value>>,
    pub end: Result<ReadEnd, StoreError>,
}

impl Reading {
    /// Every value as its text.
    pub fn texts(&self) -> Vec<Vec<String>> {
        self.rows.iter().map(|row| row.iter().map(Value::to_string).collect()).collect()
    }

    /// One column as texts.
    pub fn column(&self, at: usize) -> Vec<String> {
        self.rows.iter().map(|row| row[at].to_string()).collect()
    }

    /// The other fields of a read that ended well.
    pub fn others(&self) -> &[String] {
        &self.end.as_ref().expect("ends well").other_fields
    }

    /// The error of a read that must have failed.
    pub fn error(&self) -> &StoreError {
        self.end.as_ref().expect_err("must fail")
    }
}

/// Reads to the end, or until `enough` records came.
pub fn read_until(source: &mut dyn Source, request: &ReadRequest, enough: usize) -> Reading {
    let progress = Arc::new(Progress::default());
    let (mut outlet, receiver, give_back) = channel(request, &Rules::default(), progress.clone(), None, None);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let end = source.read(request, &mut outlet);
            outlet.finish(end);
        });
        let mut rows = Vec::new();
        for received in receiver {
            match received {
                Received::Batch(batch) => {
                    for row in 0..batch.rows() {
                        rows.push((0..batch.width()).map(|at| Value::of(batch.at(row, at))).collect());
                    }
                    let _ = give_back.send(batch);
                    if rows.len() >= enough {
                        progress.stop.store(true, Ordering::Relaxed);
                    }
                }
                Received::End(end) => return Reading { rows, end },
            }
        }
        panic!("a read must say how it ended");
    })
}

/// Reads to the end.
pub fn read(source: &mut dyn Source, request: &ReadRequest) -> Reading {
    read_until(source, request, usize::MAX)
}

/// Names and kinds of columns.
pub fn kinds(columns: &[Column]) -> Vec<(&str, ColumnKind)> {
    columns.iter().map(|c| (c.name.as_str(), c.kind)).collect()
}

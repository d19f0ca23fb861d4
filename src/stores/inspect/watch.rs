//! What a running query has used up, and whether it must end: time, rows, bytes, a wish from outside.
//!
//! Must not know how a store is told to end it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::domain::Value;

use super::{Answer, InspectError, Limits};

/// What the store itself gets more than the limit: it ends the query in better order than we can.
const GRACE: Duration = Duration::from_millis(200);
/// Most names that are kept of documents' fields.
const NAMES: usize = 1_000;

/// Why reading ends before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stores) enum Halt {
    TimedOut,
    Cancelled,
    /// A limit of rows or bytes is reached.
    Enough,
}

/// Looks after one query.
pub(in crate::stores) struct Watch<'a> {
    limits: Limits,
    cancel: Arc<AtomicBool>,
    each_row: &'a mut dyn FnMut(&[String], &[Value]),
    started: Option<Instant>,
    columns: Vec<String>,
    rows: u64,
    bytes: u64,
    truncated: Option<String>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        limits: &Limits,
        cancel: &Arc<AtomicBool>,
        each_row: &'a mut dyn FnMut(&[String], &[Value]),
    ) -> Watch<'a> {
        Watch {
            limits: *limits,
            cancel: Arc::clone(cancel),
            each_row,
            started: None,
            columns: Vec::new(),
            rows: 0,
            bytes: 0,
            truncated: None,
        }
    }

    /// The query is about to be sent: from here on its time counts.
    pub fn start(&mut self) {
        self.started = Some(Instant::now());
    }

    /// Rows that were taken.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What the server is told.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// One row more than are taken: that there is one tells that these are not all.
    pub fn one_more(&self) -> u64 {
        self.limits.rows.saturating_add(1)
    }

    /// Whether the query may go on.
    ///
    /// # Errors
    /// When it is late, or to be cancelled.
    pub fn look(&self) -> Result<(), Halt> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Halt::Cancelled);
        }
        match self.left() {
            Duration::ZERO => Err(Halt::TimedOut),
            _ => Ok(()),
        }
    }

    /// The time until recon itself ends the query.
    pub fn left(&self) -> Duration {
        let all = self.limits.time.saturating_add(GRACE);
        self.started.map_or(all, |started| all.saturating_sub(started.elapsed()))
    }

    /// Whether the time that the server was given has passed: then what it ended it ended for that.
    pub fn is_late(&self) -> bool {
        // A server's clock may run a little faster than ours.
        let nearly = self.limits.time - self.limits.time / 20;
        self.started.is_some_and(|started| started.elapsed() >= nearly)
    }

    /// What judges from another thread whether the query may go on.
    pub fn sentinel(&self) -> impl FnMut() -> bool + Send + 'static {
        // A moment beyond what the clock can tell never comes.
        let (cancel, late) = (Arc::clone(&self.cancel), Instant::now().checked_add(self.left()));
        move || !cancel.load(Ordering::Relaxed) && late.is_none_or(|late| Instant::now() < late)
    }

    /// The names of the columns, before any row.
    pub fn columns(&mut self, names: Vec<String>) {
        self.columns = names;
    }

    /// Takes a row of so many bytes.
    ///
    /// # Errors
    /// When reading is to end. The row was not taken then.
    pub fn row(&mut self, bytes: u64, values: &[Value]) -> Result<(), Halt> {
        self.admit(bytes)?;
        (self.each_row)(&self.columns, values);
        Ok(())
    }

    /// Takes a document of so many bytes, with its fields.
    ///
    /// # Errors
    /// As [`Watch::row`].
    pub fn document(&mut self, bytes: u64, names: &[String], values: &[Value]) -> Result<(), Halt> {
        self.admit(bytes)?;
        for name in names {
            if self.columns.len() < NAMES && !self.columns.contains(name) {
                self.columns.push(name.clone());
            }
        }
        (self.each_row)(names, values);
        Ok(())
    }

    fn admit(&mut self, bytes: u64) -> Result<(), Halt> {
        self.look()?;
        if self.rows >= self.limits.rows {
            self.truncated = Some(format!("there are more than {} rows: the rest was not read", self.limits.rows));
            return Err(Halt::Enough);
        }
        if self.bytes.saturating_add(bytes) > self.limits.bytes {
            let (limit, rows) = (self.limits.bytes, self.rows);
            self.truncated =
                Some(format!("the rows are longer than {limit} bytes: those after {rows} rows were not read"));
            return Err(Halt::Enough);
        }
        self.rows += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// What a halt means for whoever asked; [`Halt::Enough`] is none of theirs and is no error.
    pub fn error(&self, halt: Halt, place: String, ended: bool) -> InspectError {
        match halt {
            Halt::Cancelled => InspectError::Cancelled { place, ended },
            _ => InspectError::TimedOut { place, limit: self.limits.time, rows: self.rows, ended },
        }
    }

    pub(super) fn answer(self, notices: Vec<String>) -> Answer {
        Answer { columns: self.columns, rows: self.rows, truncated: self.truncated, notices }
    }
}

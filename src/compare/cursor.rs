//! `Cursor`: one side's records as the merge walks them, key by key, across batch boundaries. Notices a stream
//! that is out of order and never hides an end that is not one.

use std::cmp::Ordering;
use std::sync::mpsc::{Receiver, Sender};

use crate::domain::{Batch, Value, cmp_keys};
use crate::stores::{ReadEnd, Received, StoreError};

use super::judge::Copies;

/// The records of one key that are kept to be shown; more of them are a failure of the data, not a discrepancy.
pub const MAX_COPIES: usize = 100_000;

/// Why the walk cannot go on.
#[derive(Clone, Debug)]
pub enum Halt {
    /// A key came after a larger one.
    OutOfOrder {
        /// The number of the record, from 1.
        record: u64,
        /// The key before it.
        previous: String,
        /// Its own key.
        key: String,
    },
    /// One key stands more often than can be kept.
    TooManyCopies {
        /// The key.
        key: String,
    },
    /// The side ended with an error.
    Failed(StoreError),
}

/// One side's position in its ordered stream.
pub struct Cursor {
    receiver: Receiver<Received>,
    give_back: Sender<Batch>,
    key: usize,
    current: Batch,
    row: usize,
    next: Option<Batch>,
    end: Option<Result<ReadEnd, StoreError>>,
    /// Records walked to, the current one included.
    position: u64,
    repeats: bool,
    live: bool,
    halted: Option<Halt>,
}

impl Cursor {
    /// Waits for the first record.
    ///
    /// # Errors
    /// The side failed before it.
    pub fn start(receiver: Receiver<Received>, give_back: Sender<Batch>, key: usize) -> Result<Self, Halt> {
        let mut cursor = Cursor {
            receiver,
            give_back,
            key,
            current: Batch::default(),
            row: 0,
            next: None,
            end: None,
            position: 0,
            repeats: false,
            live: false,
            halted: None,
        };
        cursor.fetch();
        match cursor.next.take() {
            Some(batch) => {
                cursor.current = batch;
                cursor.live = true;
                cursor.position = 1;
                cursor.look_ahead()?;
            }
            None => cursor.check_end()?,
        }
        Ok(cursor)
    }

    /// Whether there is a current record.
    #[inline]
    pub fn live(&self) -> bool {
        self.live
    }

    /// Whether the next record has the current one's key.
    #[inline]
    pub fn repeats(&self) -> bool {
        self.repeats
    }

    /// The current record.
    #[inline]
    pub fn current(&self) -> Copies<'_> {
        Copies { batch: &self.current, first: self.row, count: 1 }
    }

    /// Orders the current record's key against the other side's.
    #[inline]
    pub fn cmp(&self, other: &Cursor) -> Ordering {
        cmp_keys(&self.current, self.row, &other.current, other.row, self.key)
    }

    /// Goes to the next record.
    ///
    /// # Errors
    /// The stream is out of order, or ended with an error.
    #[inline]
    pub fn advance(&mut self) -> Result<(), Halt> {
        if self.row + 1 < self.current.rows() {
            self.row += 1;
        } else {
            if self.next.is_none() {
                self.fetch();
            }
            let Some(batch) = self.next.take() else {
                self.live = false;
                return self.check_end();
            };
            let emptied = std::mem::replace(&mut self.current, batch);
            self.row = 0;
            // The reader may be gone already; the batch is then simply dropped.
            let _ = self.give_back.send(emptied);
        }
        self.position += 1;
        self.look_ahead()
    }

    /// Gathers every record of the current key and goes past them.
    ///
    /// # Errors
    /// As [`Cursor::advance`], and when there are too many of them.
    pub fn take_group(&mut self) -> Result<Batch, Halt> {
        let mut group = Batch::new(self.current.width());
        loop {
            group.copy_row(&self.current, self.row);
            let more = self.repeats;
            if group.rows() > MAX_COPIES {
                return Err(Halt::TooManyCopies { key: show_key(&self.current, self.row, self.key) });
            }
            let advanced = self.advance();
            if !more {
                // The group is whole and counts; what failed right behind it is asked for afterwards.
                if let Err(halt) = advanced {
                    self.live = false;
                    self.halted = Some(halt);
                }
                return Ok(group);
            }
            advanced?;
        }
    }

    /// Receives the next batch that holds records, or the end.
    fn fetch(&mut self) {
        while self.next.is_none() && self.end.is_none() {
            match self.receiver.recv() {
                Ok(Received::Batch(batch)) if batch.rows() > 0 => self.next = Some(batch),
                Ok(Received::Batch(_)) => {}
                Ok(Received::End(end)) => self.end = Some(end),
                // A reader that vanished without saying so has not reached its end.
                Err(_) => self.end = Some(Err(StoreError::failed("the reader ended without a word"))),
            }
        }
    }

    fn look_ahead(&mut self) -> Result<(), Halt> {
        let order = if self.row + 1 < self.current.rows() {
            cmp_keys(&self.current, self.row + 1, &self.current, self.row, self.key)
        } else {
            if self.next.is_none() {
                self.fetch();
            }
            match &self.next {
                Some(next) => cmp_keys(next, 0, &self.current, self.row, self.key),
                None => {
                    self.repeats = false;
                    return Ok(());
                }
            }
        };
        self.repeats = order == Ordering::Equal;
        if order != Ordering::Less {
            return Ok(());
        }
        let key = match &self.next {
            _ if self.row + 1 < self.current.rows() => show_key(&self.current, self.row + 1, self.key),
            Some(next) => show_key(next, 0, self.key),
            None => String::new(),
        };
        let previous = show_key(&self.current, self.row, self.key);
        Err(Halt::OutOfOrder { record: self.position + 1, previous, key })
    }

    fn check_end(&mut self) -> Result<(), Halt> {
        match &self.end {
            Some(Err(error)) => Err(Halt::Failed(error.clone())),
            _ => Ok(()),
        }
    }

    /// What went wrong right behind the last group, if anything.
    pub fn halted(&self) -> Option<Halt> {
        self.halted.clone()
    }

    /// How the side ended, once it has.
    pub fn into_end(self) -> Option<Result<ReadEnd, StoreError>> {
        self.end
    }
}

/// A key as a person reads it: `17`, `(17, KRW)`.
pub fn show_key(batch: &Batch, row: usize, key: usize) -> String {
    let parts: Vec<String> = (0..key).map(|column| Value::of(batch.at(row, column)).to_string()).collect();
    match parts.as_slice() {
        [one] => format!("`{one}`"),
        several => format!("`({})`", several.join(", ")),
    }
}

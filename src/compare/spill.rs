//! `Spill`: keys with all their records, in key order, first in a little memory and then on disk: discrepancies, and
//! where decisions are to follow what agrees too. A run in which every record differs takes no more memory than one in
//! which none does.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use tempfile::SpooledTempFile;

use crate::domain::{Batch, read_row, write_row};

use super::judge::{Copies, Outcome};

/// Bytes kept in memory before the disk is used.
const IN_MEMORY: usize = 1 << 20;

/// Entries being written.
pub struct Spill {
    out: BufWriter<SpooledTempFile>,
    width: usize,
    entries: u64,
    scratch: Vec<u8>,
}

/// One key with its records.
#[derive(Debug, Default)]
pub struct Entry {
    /// What became of the key.
    pub outcome_code: u8,
    /// Its legacy records.
    pub legacy: Batch,
    /// Its candidate records.
    pub candidate: Batch,
}

impl Entry {
    /// The legacy records as one group.
    pub fn legacy_copies(&self) -> Option<Copies<'_>> {
        copies(&self.legacy)
    }

    /// The candidate records as one group.
    pub fn candidate_copies(&self) -> Option<Copies<'_>> {
        copies(&self.candidate)
    }
}

fn copies(batch: &Batch) -> Option<Copies<'_>> {
    (batch.rows() > 0).then_some(Copies { batch, first: 0, count: batch.rows() })
}

impl Spill {
    /// An empty spill for records of `width` cells.
    pub fn new(width: usize) -> Self {
        Spill { out: BufWriter::new(SpooledTempFile::new(IN_MEMORY)), width, entries: 0, scratch: Vec::new() }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn push(
        &mut self,
        outcome: Outcome,
        legacy: Option<Copies<'_>>,
        candidate: Option<Copies<'_>>,
    ) -> io::Result<()> {
        self.scratch.clear();
        self.scratch.push(outcome as u8);
        for side in [legacy, candidate] {
            self.scratch.extend_from_slice(&(side.map_or(0, |s| s.count) as u32).to_le_bytes());
            if let Some(side) = side {
                side.rows().for_each(|row| write_row(side.batch, row, self.width, &mut self.scratch));
            }
        }
        self.out.write_all(&(self.scratch.len() as u64).to_le_bytes())?;
        self.out.write_all(&self.scratch)?;
        self.entries += 1;
        Ok(())
    }

    /// Ends the writing; what is read back can be read again and again.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn into_reader(mut self) -> io::Result<SpillReader> {
        self.out.flush()?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(SpillReader {
            input: BufReader::new(file),
            width: self.width,
            entries: self.entries,
            left: 0,
            scratch: Vec::new(),
        })
    }
}

/// Entries being read back.
pub struct SpillReader {
    input: BufReader<SpooledTempFile>,
    width: usize,
    entries: u64,
    left: u64,
    scratch: Vec<u8>,
}

impl SpillReader {
    /// How many entries it holds.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Goes back to the first.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn rewind(&mut self) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(0))?;
        self.left = self.entries;
        Ok(())
    }

    /// The next entry, or `None` after the last. Call [`SpillReader::rewind`] first.
    ///
    /// # Errors
    /// When the temporary file cannot be read or is not what was written.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        let mut entry = Entry::default();
        Ok(self.read_into(&mut entry)?.then_some(entry))
    }

    /// Reads the next entry over another one, whose memory is used again; `false` after the last.
    ///
    /// # Errors
    /// As [`SpillReader::next_entry`].
    pub fn read_into(&mut self, entry: &mut Entry) -> io::Result<bool> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        let mut len = [0; 8];
        self.input.read_exact(&mut len)?;
        self.scratch.resize(u64::from_le_bytes(len) as usize, 0);
        self.input.read_exact(&mut self.scratch)?;
        decode(&self.scratch, self.width, entry).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(true)
    }
}

fn decode(bytes: &[u8], width: usize, entry: &mut Entry) -> Option<()> {
    let (outcome_code, mut rest) = bytes.split_first()?;
    entry.outcome_code = *outcome_code;
    for batch in [&mut entry.legacy, &mut entry.candidate] {
        let (count, body) = rest.split_at_checked(4)?;
        rest = body;
        batch.reset(width);
        for _ in 0..u32::from_le_bytes(count.try_into().ok()?) {
            let taken = read_row(rest, batch).ok()?;
            rest = &rest[taken..];
        }
    }
    rest.is_empty().then_some(())
}

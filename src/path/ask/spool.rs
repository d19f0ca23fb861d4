//! Records kept in a little memory, or where they are many in a temporary file: written once, read as often as wanted, also
//! by several readers at a time.
//!
//! Every record carries its length and a checksum, and the spool knows how many it holds: what does not come back
//! whole is an error. Must not know what the records mean.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use flate2::Crc;
use tempfile::{SpooledData, SpooledTempFile};

use crate::domain::{Batch, read_row, write_row};
use crate::stores::StoreError;

/// Length and checksum before each record.
const FRAME: usize = 8;
/// Bytes read at once.
const BUFFER: usize = 1 << 18;
/// Bytes kept in memory before the disk is used.
const IN_MEMORY: usize = 1 << 16;

/// Finished records; in a file without a name, which vanishes with the process, whatever happens.
#[derive(Clone)]
pub(super) struct Spool {
    place: Place,
    /// Cells a record.
    width: usize,
    records: u64,
    bytes: u64,
}

#[derive(Clone)]
enum Place {
    Memory(Arc<Vec<u8>>),
    File(Arc<File>),
}

/// Writes a spool.
pub(super) struct SpoolWriter {
    out: BufWriter<SpooledTempFile>,
    width: usize,
    records: u64,
    bytes: u64,
    encoded: Vec<u8>,
}

/// Reads a spool from its start.
pub(super) struct SpoolReader {
    spool: Spool,
    records_left: u64,
    /// Where the file is read on.
    at: u64,
    buffer: Vec<u8>,
    /// What of `buffer` was used.
    used: usize,
}

impl SpoolWriter {
    /// For records of `width` cells.
    pub(super) fn create(width: usize) -> Result<Self, StoreError> {
        Ok(SpoolWriter::in_memory_up_to(IN_MEMORY, width))
    }

    fn in_memory_up_to(most: usize, width: usize) -> Self {
        let out = BufWriter::with_capacity(IN_MEMORY, SpooledTempFile::new(most));
        SpoolWriter { out, width, records: 0, bytes: 0, encoded: Vec::new() }
    }

    /// Appends a record of a batch.
    pub(super) fn write(&mut self, batch: &Batch, row: usize) -> Result<(), StoreError> {
        self.encoded.clear();
        write_row(batch, row, self.width, &mut self.encoded);
        let Ok(len) = u32::try_from(self.encoded.len()) else {
            return Err(StoreError::failed("a record of more than 4 GiB cannot be kept")
                .hint("leave its large fields out of the input"));
        };
        let len = len.to_le_bytes();
        let mut write = || -> io::Result<()> {
            self.out.write_all(&len)?;
            self.out.write_all(&checksum(len, &self.encoded).to_le_bytes())?;
            self.out.write_all(&self.encoded)
        };
        write().map_err(|e| disk("write", &e))?;
        self.records += 1;
        self.bytes += (FRAME + self.encoded.len()) as u64;
        Ok(())
    }

    /// Ends the writing.
    pub(super) fn finish(self) -> Result<Spool, StoreError> {
        let kept = self.out.into_inner().map_err(|e| disk("write", e.error()))?;
        let place = match kept.into_inner() {
            SpooledData::InMemory(bytes) => Place::Memory(Arc::new(bytes.into_inner())),
            SpooledData::OnDisk(file) => Place::File(Arc::new(file)),
        };
        Ok(Spool { place, width: self.width, records: self.records, bytes: self.bytes })
    }
}

impl Spool {
    /// Records held.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Cells a record.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Starts reading.
    pub(super) fn reader(&self) -> SpoolReader {
        SpoolReader { spool: self.clone(), records_left: self.records, at: 0, buffer: Vec::new(), used: 0 }
    }
}

impl SpoolReader {
    /// Appends the next record to `batch`; `false` after the last.
    pub(super) fn next_into(&mut self, batch: &mut Batch) -> Result<bool, StoreError> {
        if self.records_left == 0 {
            return Ok(false);
        }
        self.need(FRAME)?;
        let frame: [u8; FRAME] = self.buffer[self.used..self.used + FRAME].try_into().map_err(|_| damaged())?;
        let [a, b, c, d, check @ ..] = frame;
        let len = [a, b, c, d];
        let size = u32::from_le_bytes(len) as usize;
        self.used += FRAME;
        self.need(size)?;
        let record = &self.buffer[self.used..self.used + size];
        if checksum(len, record) != u32::from_le_bytes(check) {
            return Err(damaged());
        }
        match read_row(record, batch) {
            Ok(taken) if taken == size => {}
            _ => {
                batch.undo_row();
                return Err(damaged());
            }
        }
        self.used += size;
        self.records_left -= 1;
        Ok(true)
    }

    /// Makes sure that `len` bytes lie in the buffer.
    fn need(&mut self, len: usize) -> Result<(), StoreError> {
        let there = self.buffer.len() - self.used;
        if there >= len {
            return Ok(());
        }
        // A damaged length must not become an allocation.
        let in_file = self.spool.bytes - self.at;
        if (len - there) as u64 > in_file {
            return Err(damaged());
        }
        self.buffer.drain(..self.used);
        self.used = 0;
        let more = (len - there).max(BUFFER).min(usize::try_from(in_file).unwrap_or(usize::MAX));
        self.buffer.resize(there + more, 0);
        self.spool.place.read_exactly_at(&mut self.buffer[there..], self.at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(),
            _ => disk("read", &error),
        })?;
        self.at += more as u64;
        Ok(())
    }
}

impl Place {
    fn read_exactly_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Place::File(file) => read_exactly_at(file, buffer, at),
            Place::Memory(bytes) => {
                let there = usize::try_from(at).ok().and_then(|at| bytes.get(at..)?.get(..buffer.len()));
                buffer.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn read_exactly_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, at)
}

#[cfg(windows)]
fn read_exactly_at(file: &File, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                buffer = &mut buffer[read..];
                at += read as u64;
            }
        }
    }
    Ok(())
}

fn checksum(len: [u8; 4], record: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&len);
    crc.update(record);
    crc.sum()
}

fn disk(what: &str, error: &io::Error) -> StoreError {
    StoreError::failed(format!(
        "records and answers are kept in a temporary file, but recon could not {what} one in {}: {error}",
        std::env::temp_dir().display()
    ))
    .hint("free space there, or set TMPDIR to a folder with more room")
}

fn damaged() -> StoreError {
    StoreError::failed(format!(
        "a temporary file in {} did not come back as it was written",
        std::env::temp_dir().display()
    ))
    .hint("check that disk, or set TMPDIR to a folder on another one, and run again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Cell;

    /// In memory up to so many bytes.
    fn spool(most: usize, texts: &[&str]) -> Spool {
        let mut batch = Batch::new(1);
        let mut writer = SpoolWriter::in_memory_up_to(most, 1);
        for text in texts {
            let row = batch.start_row();
            let span = batch.store(text.as_bytes());
            batch.set(row, 0, Cell::Text(span));
            writer.write(&batch, row).unwrap();
        }
        writer.finish().unwrap()
    }

    fn texts(reader: &mut SpoolReader) -> Result<Vec<String>, StoreError> {
        let mut batch = Batch::new(1);
        while reader.next_into(&mut batch)? {}
        Ok((0..batch.rows()).map(|row| crate::domain::Value::of(batch.at(row, 0)).to_string()).collect())
    }

    #[test]
    fn what_is_written_comes_back_as_often_as_wanted() {
        let long = "x".repeat(3 * BUFFER);
        let held = ["one", "", &long, "last"];
        for (most, on_disk) in [(IN_MEMORY, true), (4 * BUFFER, false), (0, true)] {
            let spool = spool(most, &held);
            assert_eq!(matches!(spool.place, Place::File(_)), on_disk, "{most}");
            let (mut first, mut second) = (spool.reader(), spool.reader());
            assert_eq!(texts(&mut first).unwrap(), held);
            assert_eq!(texts(&mut second).unwrap(), held);
            assert_eq!(texts(&mut second).unwrap(), [""; 0]);
        }
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let held = ["one", "", "last"];
        for at in 0..spool(0, &held).bytes {
            let spool = spool(0, &held);
            let Place::File(file) = &spool.place else { panic!("in memory") };
            let mut byte = [0];
            read_exactly_at(file, &mut byte, at).unwrap();
            std::os::unix::fs::FileExt::write_all_at(file.as_ref(), &[byte[0] ^ 0x10], at).unwrap();
            assert!(texts(&mut spool.reader()).is_err(), "byte {at} was changed unnoticed");
            file.set_len(at).unwrap();
            assert!(texts(&mut spool.reader()).is_err(), "cut at {at}");
        }
    }
}

//! Runs: sorted records in an anonymous temporary file, written once and read back once, front to back.
//!
//! Every record carries its length and a checksum, and a run knows how many it holds: what does not come
//! back whole is an error. Must not know the order of records.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use flate2::Crc;

use super::super::StoreError;

/// Length and checksum before each record.
const FRAME: usize = 8;

/// A finished run.
pub(super) struct Run {
    file: File,
    records: u64,
    bytes: u64,
}

/// Writes a run.
pub(super) struct RunWriter {
    out: BufWriter<File>,
    records: u64,
    bytes: u64,
}

/// Reads a run back.
pub(super) struct RunReader {
    input: BufReader<File>,
    records_left: u64,
    bytes_left: u64,
}

impl RunWriter {
    /// Opens a temporary file without a name: it vanishes with the process, whatever happens.
    pub(super) fn create(buffer: usize) -> Result<Self, StoreError> {
        let file = tempfile::tempfile().map_err(|e| disk("create", &e))?;
        Ok(RunWriter { out: BufWriter::with_capacity(buffer, file), records: 0, bytes: 0 })
    }

    /// Appends one encoded record.
    pub(super) fn write(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let Ok(len) = u32::try_from(record.len()) else {
            return Err(StoreError::failed("a record of more than 4 GiB cannot be sorted")
                .hint("give both sides in key order, or leave the large columns out with --columns"));
        };
        let len = len.to_le_bytes();
        let mut write = || -> std::io::Result<()> {
            self.out.write_all(&len)?;
            self.out.write_all(&checksum(len, record).to_le_bytes())?;
            self.out.write_all(record)
        };
        write().map_err(|e| disk("write", &e))?;
        self.records += 1;
        self.bytes += (FRAME + record.len()) as u64;
        Ok(())
    }

    /// Ends the run.
    pub(super) fn finish(self) -> Result<Run, StoreError> {
        let file = self.out.into_inner().map_err(|e| disk("write", e.error()))?;
        Ok(Run { file, records: self.records, bytes: self.bytes })
    }
}

impl Run {
    /// Starts reading.
    pub(super) fn read(self, buffer: usize) -> Result<RunReader, StoreError> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(0)).map_err(|e| disk("read", &e))?;
        let input = BufReader::with_capacity(buffer, file);
        Ok(RunReader { input, records_left: self.records, bytes_left: self.bytes })
    }
}

impl RunReader {
    /// Puts the next record's bytes into `record`; `false` after the last.
    pub(super) fn next(&mut self, record: &mut Vec<u8>) -> Result<bool, StoreError> {
        if self.records_left == 0 {
            return Ok(false);
        }
        let mut frame = [0; FRAME];
        self.exactly(&mut frame)?;
        let [a, b, c, d, check @ ..] = frame;
        let len = [a, b, c, d];
        let size = u32::from_le_bytes(len) as usize;
        // A damaged length must not become an allocation.
        if (FRAME + size) as u64 > self.bytes_left {
            return Err(damaged());
        }
        record.clear();
        record.resize(size, 0);
        self.exactly(record)?;
        if checksum(len, record) != u32::from_le_bytes(check) {
            return Err(damaged());
        }
        self.records_left -= 1;
        self.bytes_left -= (FRAME + size) as u64;
        Ok(true)
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged(),
            _ => disk("read", &error),
        })
    }
}

fn checksum(len: [u8; 4], record: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&len);
    crc.update(record);
    crc.sum()
}

fn disk(what: &str, error: &std::io::Error) -> StoreError {
    StoreError::failed(format!(
        "records are not in key order and must be sorted, but recon could not {what} a temporary file in {}: {error}",
        std::env::temp_dir().display()
    ))
    .hint("free space there, or set TMPDIR to a folder with more room; input in key order needs no sorting")
}

/// What was read back is not what was written.
pub(super) fn damaged() -> StoreError {
    StoreError::failed(format!(
        "a temporary file in {} did not come back as it was written",
        std::env::temp_dir().display()
    ))
    .hint("check that disk, or set TMPDIR to a folder on another one, and run again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(records: &[&[u8]]) -> Run {
        let mut writer = RunWriter::create(16).unwrap();
        records.iter().for_each(|r| writer.write(r).unwrap());
        writer.finish().unwrap()
    }

    fn read_all(run: Run) -> Result<Vec<Vec<u8>>, StoreError> {
        let (mut reader, mut all, mut record) = (run.read(16)?, Vec::new(), Vec::new());
        while reader.next(&mut record)? {
            all.push(record.clone());
        }
        Ok(all)
    }

    const RECORDS: [&[u8]; 4] = [b"one", b"", b"a record that is longer than the buffer", b"last"];

    #[test]
    fn what_is_written_comes_back() {
        assert_eq!(read_all(written(&RECORDS)).unwrap(), RECORDS);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let len = written(&RECORDS).bytes;
        for at in 0..len {
            let mut run = written(&RECORDS);
            let mut byte = [0];
            run.file.seek(SeekFrom::Start(at)).unwrap();
            run.file.read_exact(&mut byte).unwrap();
            run.file.seek(SeekFrom::Start(at)).unwrap();
            run.file.write_all(&[byte[0] ^ 0x10]).unwrap();
            let Err(error) = read_all(run) else { panic!("byte {at} was changed unnoticed") };
            assert!(error.what.contains("did not come back"), "{at}: {error}");
            assert!(error.hint.is_some_and(|hint| hint.contains("TMPDIR")));
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let len = written(&RECORDS).bytes;
        for keep in 0..len {
            let run = written(&RECORDS);
            run.file.set_len(keep).unwrap();
            assert!(read_all(run).is_err(), "cut at {keep}");
        }
    }
}

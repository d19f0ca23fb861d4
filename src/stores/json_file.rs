//! Files of JSON lines (`.ndjson`, `.jsonl`, and these with `.gz`): plain JSON or MongoDB's Extended JSON, one
//! object a line, taken as they lie. Blank lines are skipped.
//!
//! A line that is no JSON object is an error that names the line, never a skipped record.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use crate::domain::JsonError;

use super::document::{Picker, Sample};
use super::file::{FileStamp, is_gzip};
use super::gzip::{open_text, read_failed};
use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Longest line. A document of MongoDB's 16 MiB takes a few times that as Extended JSON.
const LONGEST: u64 = 256 << 20;

/// Reads a file of JSON lines.
pub struct JsonSource {
    path: PathBuf,
    state: Option<FileStamp>,
}

impl JsonSource {
    /// For a file, whose name ends in `.gz` when it is compressed.
    pub fn new(path: PathBuf, _settings: Settings) -> Self {
        JsonSource { path, state: None }
    }
}

impl Source for JsonSource {
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError> {
        let state = FileStamp::of(&self.path)?;
        self.state = Some(state);
        let mut lines = Lines::open(&self.path)?;
        lines.refuse_array()?;
        let mut sample = Sample::new(wish);
        while !sample.is_full() {
            match look_at_next(&mut lines, &mut sample) {
                Ok(true) => {}
                Ok(false) => break,
                // Reading comes here again, and what lies before is compared all the same.
                Err(_) if sample.documents() > 0 => break,
                Err(error) => return Err(error),
            }
        }
        let estimated = sample.average_bytes().filter(|_| !is_gzip(&self.path)).and_then(|b| state.len.checked_div(b));
        Ok(Opened {
            columns: sample.into_columns(),
            fixed_columns: false,
            ordered: false,
            natural: false,
            filters: false,
            seeks: false,
            snapshot: state.snapshot(),
            estimated_records: estimated,
            notices: Vec::new(),
            inputs: Vec::new(),
        })
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let state = match self.state {
            Some(state) if !request.fresh => state,
            _ => FileStamp::of(&self.path)?,
        };
        self.state = Some(state);
        let mut lines = Lines::open(&self.path)?;
        let mut picker = Picker::new(&request.columns);
        while let Some(line) = lines.next()? {
            if let Err(error) = picker.json(line, out.batch()) {
                return Err(lines.wrong(&error));
            }
            out.end_row()?;
        }
        state.check_unchanged(&self.path)?;
        Ok(picker.into_end())
    }
}

/// Adds one document to a sample; `false` at the end.
fn look_at_next(lines: &mut Lines<'_>, sample: &mut Sample) -> Result<bool, StoreError> {
    let Some(line) = lines.next()? else { return Ok(false) };
    let outcome = sample.json(line);
    outcome.map(|()| true).map_err(|e| lines.wrong(&e))
}

/// The lines of a file that are not blank.
struct Lines<'a> {
    path: &'a Path,
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    /// Number of the line given out last, from 1.
    number: u64,
    /// Lines given out.
    records: u64,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, StoreError> {
        Ok(Lines { path, input: open_text(path)?, line: Vec::new(), number: 0, records: 0 })
    }

    /// A file that is one array is a mistake that is worth its own message.
    fn refuse_array(&mut self) -> Result<(), StoreError> {
        let start = match self.input.fill_buf() {
            Ok(start) => start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start(),
            Err(error) => return Err(self.failed(&error)),
        };
        if start.first() == Some(&b'[') {
            let shown = self.path.display();
            return Err(StoreError::usage(format!("`{shown}` is one JSON array, not one object a line"))
                .hint(format!("rewrite it with `jq -c '.[]' {shown} > records.ndjson`")));
        }
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> StoreError {
        read_failed(self.path, error, &format!("after line {}", self.number))
    }

    fn next(&mut self) -> Result<Option<&str>, StoreError> {
        loop {
            self.line.clear();
            let taken = (&mut self.input).take(LONGEST).read_until(b'\n', &mut self.line);
            let taken = taken.map_err(|error| self.failed(&error))?;
            if taken == 0 {
                return Ok(None);
            }
            self.number += 1;
            if taken as u64 == LONGEST && self.line.last() != Some(&b'\n') {
                return Err(self.at(1, &format!("the line is longer than {} MiB", LONGEST >> 20)));
            }
            if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        self.records += 1;
        match std::str::from_utf8(&self.line) {
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(self.at(error.valid_up_to() + 1, "the line is not valid UTF-8")),
        }
    }

    fn at(&self, column: usize, what: &str) -> StoreError {
        let place = format!("{}:{}:{column}", self.path.display(), self.number);
        StoreError::failed(format!("{place}: {what}"))
    }

    /// The line given out last is not what it should be.
    fn wrong(&self, error: &JsonError) -> StoreError {
        let wrong = self.at(error.column, &error.what);
        if error.what.starts_with("EOF") {
            return wrong.hint("every line must hold one whole JSON object; `jq -c .` writes them so");
        }
        wrong
    }
}

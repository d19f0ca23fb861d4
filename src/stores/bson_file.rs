//! mongodump's `.bson` files (and `.bson.gz`): documents one after the other, taken as they lie.
//!
//! A file that ends in the middle of a document is an error, never a shorter file.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::document::{Picker, Sample};
use super::file::{FileStamp, is_gzip};
use super::gzip::{open_text, read_failed};
use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Smallest document: its length and its closing zero.
const SMALLEST: usize = 5;
/// MongoDB's limit for a document, and the 16 KiB more that it allows itself.
const LARGEST: usize = (16 << 20) + (16 << 10);

/// Reads a mongodump file.
pub struct BsonSource {
    path: PathBuf,
    state: Option<FileStamp>,
}

impl BsonSource {
    /// For a file, whose name ends in `.gz` when it is compressed.
    pub fn new(path: PathBuf, _settings: Settings) -> Self {
        BsonSource { path, state: None }
    }
}

impl Source for BsonSource {
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError> {
        let state = FileStamp::of(&self.path)?;
        self.state = Some(state);
        let mut documents = Documents::open(&self.path)?;
        let mut sample = Sample::new(wish);
        while !sample.is_full() {
            match look_at_next(&mut documents, &mut sample) {
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
        let mut documents = Documents::open(&self.path)?;
        let mut picker = Picker::new(&request.columns);
        while let Some(document) = documents.next()? {
            if let Err(error) = picker.bson(document, out.batch()) {
                return Err(documents.broken(&error.to_string()));
            }
            out.end_row()?;
        }
        state.check_unchanged(&self.path)?;
        Ok(picker.into_end())
    }
}

/// Adds one document to a sample; `false` at the end.
fn look_at_next(documents: &mut Documents<'_>, sample: &mut Sample) -> Result<bool, StoreError> {
    let Some(document) = documents.next()? else { return Ok(false) };
    let outcome = sample.bson(document);
    outcome.map(|()| true).map_err(|e| documents.broken(&e.to_string()))
}

/// The documents of a file.
struct Documents<'a> {
    path: &'a Path,
    input: Box<dyn BufRead + Send>,
    document: Vec<u8>,
    /// Documents given out.
    count: u64,
    /// Where the document given out last starts, in the uncompressed bytes.
    start: u64,
    /// Where the next one starts.
    position: u64,
}

impl<'a> Documents<'a> {
    fn open(path: &'a Path) -> Result<Self, StoreError> {
        Ok(Documents { path, input: open_text(path)?, document: Vec::new(), count: 0, start: 0, position: 0 })
    }

    fn next(&mut self) -> Result<Option<&[u8]>, StoreError> {
        self.start = self.position;
        self.document.clear();
        self.take(4)?;
        let len = match self.document.as_slice() {
            [] => return Ok(None),
            [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]) as usize,
            _ => return Err(self.cut()),
        };
        if !(SMALLEST..=LARGEST).contains(&len) {
            let what = format!("a document of {len} bytes cannot be, so this is not a file of BSON documents");
            return Err(self.at_start(&what));
        }
        self.take(len - 4)?;
        if self.document.len() < len {
            return Err(self.cut());
        }
        self.position += len as u64;
        self.count += 1;
        Ok(Some(&self.document))
    }

    /// Appends up to `len` bytes, fewer at the end of the file.
    fn take(&mut self, len: usize) -> Result<(), StoreError> {
        let taken = (&mut self.input).take(len as u64).read_to_end(&mut self.document);
        taken.map(|_| ()).map_err(|error| read_failed(self.path, &error, &format!("after {} documents", self.count)))
    }

    fn cut(&self) -> StoreError {
        let end = self.position + self.document.len() as u64;
        let what = format!(
            "`{}` is cut short: it ends at byte {end}, in the middle of the document that starts at byte {}, after {} \
             whole documents",
            self.path.display(),
            self.start,
            self.count
        );
        StoreError::failed(what).hint("dump or copy the collection again")
    }

    fn at_start(&self, what: &str) -> StoreError {
        let path = self.path.display();
        let what = format!("`{path}`, byte {}, after {} documents: {what}", self.start, self.count);
        StoreError::failed(what).hint("give the `.bson` file of a mongodump (not its `.metadata.json` or an archive)")
    }

    /// The document given out last is broken inside.
    fn broken(&self, what: &str) -> StoreError {
        let (path, before) = (self.path.display(), self.count.saturating_sub(1));
        let what = format!("`{path}`, the document at byte {}, after {before} documents: {what}", self.start);
        StoreError::failed(what).hint("dump or copy the collection again")
    }
}

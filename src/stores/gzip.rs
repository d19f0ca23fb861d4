//! Opening text files, plain or gzip. Must not know what is in them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::StoreError;
use super::file::{is_gzip, open_file};

/// Bytes read from the file at once.
const BUFFER: usize = 1 << 16;

/// Opens a text file; a name that ends in `.gz` is unpacked while it is read. A stream that is cut short is an
/// error of kind `UnexpectedEof` when its end is reached.
///
/// # Errors
/// `Usage` when there is no such file or it is not a file, `Failed` when it cannot be read.
pub(crate) fn open_text(path: &Path) -> Result<Box<dyn BufRead + Send>, StoreError> {
    let file: File = open_file(path)?;
    let plain = BufReader::with_capacity(BUFFER, file);
    if is_gzip(path) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(plain))));
    }
    Ok(Box::new(plain))
}

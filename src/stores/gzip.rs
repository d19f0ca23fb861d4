//! Opening a file that may be compressed with gzip, as one buffered reader, and its errors as sentences.
//!
//! A gzip stream that is cut short or damaged is an error when it is read, never an early end. Must not
//! know what the files hold.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::StoreError;
use super::file::{is_gzip, open_file};

/// Bytes read at a time.
const BUFFER: usize = 256 * 1024;

/// Opens a file for reading; one whose name ends in `.gz` is decompressed (all members of it).
///
/// # Errors
/// `Usage` when there is no such file or it is a folder, `Failed` when it cannot be read.
pub(crate) fn open_text(path: &Path) -> Result<Box<dyn BufRead + Send>, StoreError> {
    let file = BufReader::with_capacity(BUFFER, open_file(path)?);
    if is_gzip(path) {
        Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))))
    } else {
        Ok(Box::new(file))
    }
}

/// Why reading on is not possible. `so_far` says how far it got, such as `after 1204 documents`.
pub(crate) fn read_failed(path: &Path, error: &std::io::Error, so_far: &str) -> StoreError {
    let shown = path.display();
    match error.kind() {
        ErrorKind::UnexpectedEof if is_gzip(path) => {
            StoreError::failed(format!("the gzip file `{shown}` is cut short ({so_far})"))
                .hint("copy or export the file again, and test it with `gzip -t`")
        }
        ErrorKind::InvalidData | ErrorKind::InvalidInput if is_gzip(path) => {
            StoreError::failed(format!("`{shown}` is not a sound gzip file ({so_far}): {error}"))
                .hint("test it with `gzip -t`; a file that is not compressed must not end in `.gz`")
        }
        _ => StoreError::failed(format!("`{shown}` cannot be read on ({so_far}): {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::stores::ErrorClass;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).expect("writes");
        encoder.finish().expect("ends")
    }

    fn read(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("writes");
        let mut out = Vec::new();
        open_text(&path).expect("opens").read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn every_member_is_read_and_a_cut_is_an_error() {
        let folder = tempfile::tempdir().expect("folder");
        let (first, second) = (gzip(b"one\n"), gzip(b"two\n"));
        let both = [first.clone(), second].concat();
        assert_eq!(read(folder.path(), "a.csv.gz", &both).expect("sound"), b"one\ntwo\n");
        assert_eq!(read(folder.path(), "a.csv.GZ", &first).expect("sound"), b"one\n");
        assert_eq!(read(folder.path(), "a.csv", b"one\n").expect("plain"), b"one\n");
        for cut in 0..both.len() {
            // Cut exactly between two members it is a sound file; nothing in the format says otherwise.
            let outcome = read(folder.path(), "cut.gz", &both[..cut]);
            assert_eq!(outcome.is_ok(), cut == first.len(), "cut at {cut}: {outcome:?}");
        }
        let mut damaged = both.clone();
        damaged[first.len() - 5] ^= 1;
        let error = read(folder.path(), "damaged.gz", &damaged).expect_err("checksum");
        let error = read_failed(&folder.path().join("damaged.gz"), &error, "after 0 records");
        assert!(error.what.contains("not a sound gzip file"), "{error}");
        assert!(read(folder.path(), "plain.gz", b"one\ntwo\nthree\nfour\n").is_err());
    }

    #[test]
    fn what_is_no_file_is_a_wrong_request() {
        let folder = tempfile::tempdir().expect("folder");
        for path in [folder.path().join("none.csv"), folder.path().to_path_buf()] {
            let Err(error) = open_text(&path) else { panic!("opened {path:?}") };
            assert_eq!(error.class, ErrorClass::Usage, "{error}");
        }
    }
}

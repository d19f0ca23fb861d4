//! CSV bytes to records of raw fields (RFC 4180), in one reused buffer, with exact line numbers.
//!
//! Strict where being lenient could join two records or change a value: quotes stand around a whole field
//! or are an error. Must not decide what a field means.
//!
//! Why not a CSV crate: an unquoted empty field (NULL) must be told from `""` (empty text), every message
//! needs the line, a blank line of a one-column file is a record, and an unclosed quote must not pull the
//! rest of the file into memory. No crate gives all four.

use std::io::{BufRead, ErrorKind, Read};

use memchr::{memchr, memchr_iter, memchr3_iter};

/// First size of the buffer.
const BUFFER: usize = 1 << 18;
/// A record longer than this is taken for an unclosed quote.
pub(super) const LONGEST_RECORD: usize = 64 << 20;

/// Why there is no next record.
#[derive(Debug)]
pub(super) enum RecordError {
    /// The file cannot be read, or its gzip stream is broken.
    Io(std::io::Error),
    /// The text is not CSV: what is wrong, and in which line.
    Malformed {
        /// Line number, from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
}

/// A field's place in its record, without the quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// From here.
    pub start: usize,
    /// Up to here.
    pub end: usize,
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Whether quotes are doubled inside.
    pub doubled: bool,
}

/// Reads records one after another.
pub(super) struct Records {
    input: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    /// Bytes of text that were in the buffer before its first.
    dropped: u64,
    /// The bytes not yet read as records: `at..filled`.
    at: usize,
    filled: usize,
    /// The input has no more.
    ended: bool,
    delimiter: u8,
    /// Line of the byte at `at`, from 1.
    line: u64,
    current: Current,
    fields: Vec<Field>,
}

/// The record read last.
#[derive(Clone, Copy, Debug, Default)]
struct Current {
    start: usize,
    end: usize,
    line: u64,
}

enum Scan {
    /// A record whose text ends at the first place and whose line ends at the second.
    Record(usize, usize),
    /// More bytes are needed.
    Incomplete,
    /// No record is left.
    End,
}

impl Records {
    /// Over a text; drops a UTF-8 byte order mark.
    pub(super) fn new(input: Box<dyn BufRead + Send>, delimiter: u8) -> Result<Self, RecordError> {
        Records::with_buffer(input, delimiter, BUFFER)
    }

    fn with_buffer(input: Box<dyn BufRead + Send>, delimiter: u8, size: usize) -> Result<Self, RecordError> {
        let mut records = Records {
            input,
            buffer: vec![0; size.max(3)],
            dropped: 0,
            at: 0,
            filled: 0,
            ended: false,
            delimiter,
            line: 1,
            current: Current::default(),
            fields: Vec::new(),
        };
        records.fill()?;
        match &records.buffer[..records.filled.min(3)] {
            b"\xef\xbb\xbf" => records.at = 3,
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                return Err(RecordError::Malformed { line: 1, what: "the text is UTF-16, not UTF-8".into() });
            }
            _ => {}
        }
        Ok(records)
    }

    /// Moves to the next record; `false` after the last. Blank lines are skipped, unless `one_column`: there
    /// they are a record with one empty field.
    #[inline]
    pub(super) fn advance(&mut self, one_column: bool) -> Result<bool, RecordError> {
        loop {
            match self.scan()? {
                Scan::Record(end, next) => {
                    self.current = Current { start: self.at, end, line: self.line };
                    self.line += 1;
                    if self.fields.iter().any(|f| f.quoted) {
                        self.line += memchr_iter(b'\n', &self.buffer[self.at..end]).count() as u64;
                    }
                    self.at = next;
                    if self.current.start < end || one_column {
                        return Ok(true);
                    }
                }
                Scan::Incomplete => self.more()?,
                Scan::End => return Ok(false),
            }
        }
    }

    /// The record's text, its quotes and delimiters included; places of fields count from its start.
    #[inline]
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[self.current.start..self.current.end]
    }

    /// The record's fields; never empty.
    #[inline]
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The line that the record starts in.
    pub(super) fn line(&self) -> u64 {
        self.current.line
    }

    /// The line that a place in the record lies in.
    #[cold]
    pub(super) fn line_at(&self, place: usize) -> u64 {
        self.current.line + memchr_iter(b'\n', &self.text()[..place]).count() as u64
    }

    /// Bytes of text read as records so far.
    pub(super) fn position(&self) -> u64 {
        self.dropped + self.at as u64
    }

    /// Finds the fields of the record at `at`.
    fn scan(&mut self) -> Result<Scan, RecordError> {
        let Records { buffer, at, filled, ended, delimiter, fields, line, .. } = self;
        let text = &buffer[*at..*filled];
        let line_of = |place: usize| *line + memchr_iter(b'\n', &text[..place]).count() as u64;
        let (next_line, mut start) = (*at, 0);
        fields.clear();
        let mut push = |start, end, quoted, doubled| fields.push(Field { start, end, quoted, doubled });
        'field: loop {
            let from = start;
            for hit in memchr3_iter(*delimiter, b'\n', b'"', &text[from..]) {
                let hit = from + hit;
                match text[hit] {
                    b'\n' => {
                        let end = if hit > start && text[hit - 1] == b'\r' { hit - 1 } else { hit };
                        push(start, end, false, false);
                        return Ok(Scan::Record(next_line + end, next_line + hit + 1));
                    }
                    b'"' if hit == start => {
                        let Some((end, doubled)) = closing_quote(text, hit + 1, *ended) else {
                            if !*ended {
                                return Ok(Scan::Incomplete);
                            }
                            let what = "the quote that opens here is never closed".into();
                            return Err(RecordError::Malformed { line: line_of(hit), what });
                        };
                        push(hit + 1, end, true, doubled);
                        match &text[end + 1..] {
                            [byte, ..] if byte == delimiter => {
                                start = end + 2;
                                continue 'field;
                            }
                            [b'\n', ..] => return Ok(Scan::Record(next_line + end + 1, next_line + end + 2)),
                            [b'\r', b'\n', ..] => return Ok(Scan::Record(next_line + end + 1, next_line + end + 3)),
                            [] | [b'\r'] if !*ended => return Ok(Scan::Incomplete),
                            [] | [b'\r'] => return Ok(Scan::Record(next_line + end + 1, *filled)),
                            _ => {
                                let what = "there is text between a closing quote and the end of its field".into();
                                return Err(RecordError::Malformed { line: line_of(end), what });
                            }
                        }
                    }
                    b'"' => {
                        let what = "there is a quote inside a field that does not start with one".into();
                        return Err(RecordError::Malformed { line: line_of(hit), what });
                    }
                    _ => {
                        push(start, hit, false, false);
                        start = hit + 1;
                    }
                }
            }
            if !*ended {
                return Ok(Scan::Incomplete);
            }
            if text.is_empty() {
                return Ok(Scan::End);
            }
            // The last line has no line end.
            let end = if text.len() > start && text.ends_with(b"\r") { text.len() - 1 } else { text.len() };
            push(start, end, false, false);
            return Ok(Scan::Record(next_line + end, *filled));
        }
    }

    /// Makes room and reads on.
    #[cold]
    fn more(&mut self) -> Result<(), RecordError> {
        self.buffer.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.dropped += self.at as u64;
        self.at = 0;
        if self.filled == self.buffer.len() {
            if self.filled >= LONGEST_RECORD {
                let what = format!(
                    "a record that starts here does not end within {} MiB; is a quote left open?",
                    LONGEST_RECORD >> 20
                );
                return Err(RecordError::Malformed { line: self.line, what });
            }
            self.buffer.resize((2 * self.filled).min(LONGEST_RECORD), 0);
        }
        self.fill()
    }

    /// Fills the buffer, so that a record is scanned again as rarely as can be.
    fn fill(&mut self) -> Result<(), RecordError> {
        while self.filled < self.buffer.len() {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(RecordError::Io(error)),
            }
        }
        Ok(())
    }
}

/// The place of the quote that closes a field, and whether quotes are doubled before it. `None` when it is not
/// in the text, or cannot be told from the first of a doubled pair because the text may go on.
fn closing_quote(text: &[u8], mut from: usize, ended: bool) -> Option<(usize, bool)> {
    let mut doubled = false;
    loop {
        let quote = from + memchr(b'"', &text[from..])?;
        match text.get(quote + 1) {
            Some(b'"') => {
                doubled = true;
                from = quote + 2;
            }
            None if !ended => return None,
            _ => return Some((quote, doubled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Shown = (u64, Vec<(bool, String)>);

    fn read(text: &[u8], buffer: usize) -> Result<Vec<Shown>, RecordError> {
        let mut records = Records::with_buffer(Box::new(std::io::Cursor::new(text.to_vec())), b',', buffer)?;
        let mut all = Vec::new();
        while records.advance(false)? {
            let text = records.text();
            let shown = |f: &Field| (f.quoted, String::from_utf8_lossy(&text[f.start..f.end]).replace("\"\"", "\""));
            all.push((records.line(), records.fields().iter().map(shown).collect()));
        }
        Ok(all)
    }

    fn plain(fields: &[&str]) -> Vec<(bool, String)> {
        fields.iter().map(|f| (false, (*f).to_owned())).collect()
    }

    #[test]
    fn lines_are_counted_through_quotes_blank_lines_and_crlf() {
        let text = b"\xef\xbb\xbfa,b\r\n\r\n\"x\ny\",\"say \"\"hi\"\"\"\n\n1,\r2\n,";
        for buffer in [3, 4, 5, 7, 64] {
            let quoted = |t: &str| (true, t.to_owned());
            let expected = vec![
                (1, plain(&["a", "b"])),
                (3, vec![quoted("x\ny"), quoted("say \"hi\"")]),
                (6, plain(&["1", "\r2"])),
                (7, plain(&["", ""])),
            ];
            assert_eq!(read(text, buffer).unwrap(), expected, "buffer {buffer}");
        }
    }

    #[test]
    fn a_broken_quote_is_an_error_with_its_line() {
        let cases: [(&str, u64); 6] = [
            ("a\nb\n\"c\nd\n", 3),
            ("a\n\"b\"c\n", 2),
            ("a\n\"b\" ,c\n", 2),
            ("a\nb\"c\"\n", 2),
            ("a\n\"b\nc\nd\"\"\n", 2),
            ("\"a\"\rb\n", 1),
        ];
        for (text, expected) in cases {
            for buffer in [3, 5, 64] {
                match read(text.as_bytes(), buffer) {
                    Err(RecordError::Malformed { line, .. }) => assert_eq!(line, expected, "{text:?}"),
                    other => panic!("{text:?}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn an_unclosed_quote_does_not_read_the_whole_file() {
        let endless = std::io::BufReader::new(b"\"".chain(std::io::repeat(b'x')));
        let mut records = Records::new(Box::new(endless), b',').unwrap();
        assert!(matches!(records.advance(false), Err(RecordError::Malformed { line: 1, .. })));
        assert!(records.buffer.len() <= LONGEST_RECORD);
    }

    #[test]
    fn a_last_line_without_its_end_is_a_record() {
        for text in ["a,b", "a,b\r", "a,b\n", "a,b\r\n"] {
            assert_eq!(read(text.as_bytes(), 3).unwrap(), vec![(1, plain(&["a", "b"]))], "{text:?}");
        }
        assert_eq!(read(b"\"a\"\r", 3).unwrap(), vec![(1, vec![(true, "a".to_owned())])]);
        assert!(read(b"", 3).unwrap().is_empty());
    }

    fn write(records: &[Vec<(bool, String)>], crlf: bool) -> String {
        let field = |(quoted, text): &(bool, String)| match quoted {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.clone(),
        };
        let line = |r: &Vec<_>| r.iter().map(field).collect::<Vec<_>>().join(",") + if crlf { "\r\n" } else { "\n" };
        records.iter().map(line).collect()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            records in proptest::collection::vec(
                proptest::collection::vec(prop_oneof![
                    "[a-z0-9 .é-]{0,12}".prop_map(|t| (false, t)),
                    "[a-z\",\n\r é]{0,12}".prop_map(|t| (true, t)),
                ], 2..5), 0..20),
            crlf: bool,
            buffer in 3usize..80,
        ) {
            let text = write(&records, crlf);
            let read = read(text.as_bytes(), buffer).unwrap();
            let mut line = 1;
            for (record, (at, _)) in records.iter().zip(&read) {
                prop_assert_eq!(line, *at);
                line += 1 + record.iter().map(|(_, t)| t.matches('\n').count() as u64).sum::<u64>();
            }
            let read: Vec<_> = read.into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(read, records);
        }
    }
}

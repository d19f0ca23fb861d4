//! The pipes of a program: what is written to its stdin and read from its stdout and stderr, each on a thread of its
//! own, so that nobody waits for anybody. Must not judge what an answer says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};

use crate::domain::{Batch, shorten};
use crate::stores::StoreError;

use super::super::input::Groups;
use super::super::wire::write_record;

/// Longest line of an answer.
const LONGEST: u64 = 16 << 20;
/// Bytes of answers that are sent on together, and how many such parcels may be under way.
const TOGETHER: usize = 1 << 16;
pub(super) const UNDER_WAY: usize = 16;
/// Lines of stderr that are kept, and characters of each.
const LAST_LINES: usize = 20;
const LINE: usize = 400;
/// What reaches the thread that gathers the answers.
pub(super) enum Event {
    /// Whole lines of its output; `first` is the number of the first.
    Lines { first: u64, text: Vec<u8> },
    /// A line that is no text that can be read, and why.
    Broken { number: u64, why: String },
    /// Its output has ended, or cannot be read any more.
    OutputEnd(Option<String>),
    /// A key that is not asked about, and why.
    NotAsked { keys: Batch, why: String },
    /// Everything was written, or as much as the program took.
    InputEnd(Result<Written, StoreError>),
}

/// How the writing ended.
pub(super) struct Written {
    /// Whether the program stopped reading before the end.
    pub(super) refused: bool,
    /// Records handed to the pipe.
    pub(super) records: u64,
}

/// Writes every record, key by key.
pub(super) fn write_input(
    stdin: ChildStdin,
    mut groups: Groups,
    names: &[String],
    key: usize,
    taken: &Arc<AtomicU64>,
    tell: &SyncSender<Event>,
) -> Result<Written, StoreError> {
    let mut out = BufWriter::with_capacity(1 << 16, Counted { stdin, taken: Arc::clone(taken) });
    let mut lines = Vec::new();
    let mut records = 0;
    while let Some(group) = groups.next()? {
        lines.clear();
        let written = group.written(|batch| {
            (0..batch.rows()).try_for_each(|row| {
                write_record(batch, row, names, &mut lines)?;
                lines.push(b'\n');
                Ok(())
            })
        });
        if let Err(why) = written {
            let mut keys = Batch::new(key);
            let row = keys.start_row();
            for column in 0..key {
                let cell = keys.copy_cell(group.records.at(0, column));
                keys.set(row, column, cell);
            }
            if tell.send(Event::NotAsked { keys, why }).is_err() {
                break;
            }
            continue;
        }
        if out.write_all(&lines).is_err() {
            return Ok(Written { refused: true, records });
        }
        records += group.records.rows() as u64;
    }
    let refused = out.flush().is_err();
    Ok(Written { refused, records })
}

/// Counts what the program takes, so that one that works on is told from one that hangs.
struct Counted {
    stdin: ChildStdin,
    taken: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.stdin.write(bytes)?;
        self.taken.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stdin.flush()
    }
}

/// Reads the output line by line, and sends on what came together.
pub(super) fn read_output(stdout: ChildStdout, tell: &SyncSender<Event>) {
    let mut input = BufReader::with_capacity(TOGETHER, stdout);
    // Number of the next line, and the lines not yet sent on.
    let (mut number, mut first, mut lines) = (1, 1, Vec::new());
    loop {
        let before = lines.len();
        let taken = (&mut input).take(LONGEST).read_until(b'\n', &mut lines);
        let end = match taken {
            Err(error) => Some(Event::OutputEnd(Some(format!("broke off its output: {error}")))),
            Ok(0) => Some(Event::OutputEnd(None)),
            Ok(taken) if taken as u64 == LONGEST && lines.last() != Some(&b'\n') => {
                lines.truncate(before);
                match skip_line(&mut input) {
                    Ok(()) => Some(Event::Broken { number, why: format!("is longer than {} MiB", LONGEST >> 20) }),
                    Err(error) => Some(Event::OutputEnd(Some(format!("broke off its output: {error}")))),
                }
            }
            Ok(_) => None,
        };
        let over = matches!(end, Some(Event::OutputEnd(_)));
        // What is not followed by more at once is not held back.
        if !lines.is_empty()
            && (end.is_some() || lines.len() >= TOGETHER || input.buffer().is_empty())
            && tell.send(Event::Lines { first, text: std::mem::take(&mut lines) }).is_err()
        {
            return;
        }
        number += 1;
        if lines.is_empty() {
            first = number;
        }
        if let Some(event) = end
            && (tell.send(event).is_err() || over)
        {
            return;
        }
    }
}

/// Reads on behind the next newline, at constant memory.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (used, done) = match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

pub(super) fn keep_last_lines(stderr: ChildStderr, kept: &Mutex<VecDeque<String>>) {
    let mut input = BufReader::new(stderr);
    loop {
        let mut line = Vec::new();
        match (&mut input).take(1 << 16).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let shown: String = text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if shown.trim().is_empty() {
            continue;
        }
        let Ok(mut kept) = kept.lock() else { return };
        if kept.len() == LAST_LINES {
            kept.pop_front();
        }
        kept.push_back(shorten(&shown, LINE));
    }
}

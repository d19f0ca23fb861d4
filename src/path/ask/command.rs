//! Asking an external program: records go to its stdin as NDJSON, answers come from its stdout as NDJSON, in any order.
//!
//! Its stdin is written on one thread and its stdout and stderr are read on two others, so that nobody waits for
//! anybody. It runs in a process group of its own, which is killed as a whole. Must not trust that it ends.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::domain::{Batch, Value, shorten};
use crate::stores::{Stop, StoreError};

use super::answers::Answers;
use super::input::{Groups, Input};
use super::wire::{write_fields, write_record, write_value};
use super::{AskInput, CommandSettings, End};

/// Longest line of an answer.
const LONGEST: u64 = 16 << 20;
/// Bytes of answers that are sent on together, and how many such parcels may be under way.
const TOGETHER: usize = 1 << 16;
const UNDER_WAY: usize = 16;
/// Lines of stderr that are kept, and characters of each.
const LAST_LINES: usize = 20;
const LINE: usize = 400;
/// How often is looked whether the program still runs.
const POLL: Duration = Duration::from_millis(50);
/// How long is waited for the rest of the output once the program has ended or was killed.
const GRACE: Duration = Duration::from_secs(2);

/// A program that was started.
pub(super) struct Program {
    settings: CommandSettings,
    child: Child,
    /// Taken when the asking starts.
    pipes: Option<(ChildStdin, ChildStdout, ChildStderr)>,
    /// Set once the program was waited for.
    status: Option<ExitStatus>,
    /// Holds the reference tables; goes with the program.
    _folder: TempDir,
}

/// What reaches the thread that gathers the answers.
enum Event {
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
struct Written {
    /// Whether the program stopped reading before the end.
    refused: bool,
    records: u64,
}

/// Why the program was stopped by recon.
enum Killed {
    Hung,
    RunTime,
}

impl Program {
    /// Starts the program; it waits for its records.
    pub(super) fn start(settings: &CommandSettings, asked: &AskInput) -> Result<Self, StoreError> {
        let Some((name, arguments)) = settings.arguments.split_first().filter(|(name, _)| !name.is_empty()) else {
            return Err(StoreError::usage("the command is empty")
                .hint("name the program and its arguments: command = [\"java\", \"-jar\", \"calc.jar\"]"));
        };
        let mut private = tempfile::Builder::new();
        private.prefix("recon-ask-");
        // Reference tables are nobody else's business.
        #[cfg(unix)]
        private.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = private.tempdir().map_err(|e| temporary(&e))?;
        // A relative path is the folder's, as it would be in a shell there; a plain name is looked up in PATH.
        let program = match &settings.folder {
            Some(folder) if Path::new(name).components().count() > 1 => folder.join(name).into_os_string(),
            _ => name.into(),
        };
        let mut command = Command::new(&program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(folder) = &settings.folder {
            command.current_dir(folder);
        }
        for (variable, value) in environment(asked, folder.path())? {
            command.env(variable, value);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|error| {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => "is it installed and in PATH, and does its working folder exist?",
                std::io::ErrorKind::PermissionDenied => "is it executable (`chmod +x`)?",
                _ => "try it by hand with a line of input",
            };
            StoreError::usage(format!("the program `{name}` could not be started: {error}")).hint(hint)
        })?;
        let pipes = match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(errors)) => Some((input, output, errors)),
            _ => None,
        };
        Ok(Program { settings: settings.clone(), child, pipes, status: None, _folder: folder })
    }

    fn name(&self) -> &str {
        self.settings.arguments.first().map_or("", String::as_str)
    }

    /// Sends every record and gathers the answers.
    pub(super) fn ask(mut self, input: &Input, asked: &AskInput, answers: &mut Answers) -> Result<End, StoreError> {
        let Some((stdin, stdout, stderr)) = self.pipes.take() else {
            return Err(StoreError::failed(format!("the pipes of `{}` are not there", self.name())));
        };
        // No thread is joined: a stray process that holds a pipe must not hold recon.
        let (tell, events) = sync_channel(UNDER_WAY);
        let taken = Arc::new(AtomicU64::new(0));
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        {
            let (tell, taken, groups) = (tell.clone(), Arc::clone(&taken), input.groups());
            let (names, key) = (Arc::clone(&input.columns), input.key.len());
            std::thread::spawn(move || {
                let written = write_input(stdin, groups, &names, key, &taken, &tell);
                let _ = tell.send(Event::InputEnd(written));
            });
        }
        let listening = {
            let last_words = Arc::clone(&last_words);
            std::thread::spawn(move || keep_last_lines(stderr, &last_words))
        };
        std::thread::spawn(move || read_output(stdout, &tell));
        let ended = self.gather(&events, asked, answers, &taken)?;
        drop(events);
        // What it said last is the most telling.
        let until = Instant::now() + GRACE;
        while !listening.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(self.judge(&ended, input, answers, &last_words))
    }

    /// Gathers answers until the program has ended and its output is read.
    fn gather(
        &mut self,
        events: &Receiver<Event>,
        asked: &AskInput,
        answers: &mut Answers,
        taken: &AtomicU64,
    ) -> Result<Ended, StoreError> {
        let start = Instant::now();
        let mut ended = Ended::default();
        let (mut last_sign, mut seen) = (start, 0);
        loop {
            if asked.stop.stop.load(Ordering::Relaxed) {
                return Err(Stop.into());
            }
            if ended.killed.is_none() && start.elapsed() >= self.settings.run_timeout {
                ended.killed = Some(Killed::RunTime);
                self.kill();
            }
            match events.recv_timeout(POLL) {
                Ok(event) => {
                    if matches!(event, Event::Lines { .. } | Event::Broken { .. }) {
                        last_sign = Instant::now();
                    }
                    ended.note(event, answers)?;
                    if !ended.output {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    ended.output = true;
                    std::thread::sleep(POLL.min(Duration::from_millis(5)));
                }
            }
            let now_taken = taken.load(Ordering::Relaxed);
            if now_taken != seen {
                (seen, last_sign) = (now_taken, Instant::now());
            }
            if self.status.is_none() {
                self.status = self.child.try_wait().map_err(|e| {
                    StoreError::failed(format!("cannot tell whether `{}` still runs: {e}", self.name()))
                })?;
                if self.status.is_some() {
                    last_sign = Instant::now();
                }
            }
            match self.status {
                Some(_) if ended.output && (ended.input.is_some() || last_sign.elapsed() >= GRACE) => return Ok(ended),
                // Something else holds the pipes: what it would still write is not waited for for ever.
                Some(_) if last_sign.elapsed() >= GRACE => {
                    self.kill();
                    if last_sign.elapsed() >= 2 * GRACE {
                        return Ok(ended);
                    }
                }
                None if ended.killed.is_none() && last_sign.elapsed() >= self.settings.timeout => {
                    ended.killed = Some(Killed::Hung);
                    self.kill();
                }
                _ => {}
            }
        }
    }

    /// Says what the end was worth.
    fn judge(&self, ended: &Ended, input: &Input, answers: &Answers, last_words: &Mutex<VecDeque<String>>) -> End {
        let name = self.name();
        let mut wrong = None;
        let exit = match (&ended.killed, self.status) {
            (Some(Killed::Hung), _) => {
                let what = format!(
                    "neither took a record nor gave an answer for {} and was stopped",
                    seconds(self.settings.timeout)
                );
                wrong = Some(what.clone());
                what
            }
            (Some(Killed::RunTime), _) => {
                let what =
                    format!("was stopped, because the run's time of {} was over", seconds(self.settings.run_timeout));
                wrong = Some(what.clone());
                what
            }
            (None, Some(status)) if status.success() => "ended in good order".to_owned(),
            (None, Some(status)) => {
                let what = format!("ended with {}", exit_text(status));
                wrong = Some(what.clone());
                what
            }
            (None, None) => "did not end".to_owned(),
        };
        let mut whats: Vec<String> = wrong.into_iter().collect();
        if !ended.output && ended.killed.is_none() {
            whats.push("left its output open to another process, so that it has no end".to_owned());
        }
        whats.extend(ended.output_error.clone());
        let mut failed = ended.broken.clone();
        match &ended.input {
            Some(Written { refused: true, records }) if whats.is_empty() => {
                whats.push(format!("stopped reading after about {records} of {} records", input.spool.records()));
            }
            None if whats.is_empty() => whats.push("did not take all records".to_owned()),
            _ => {}
        }
        let silent = format!("`{name}` gave no answer for this key; it {exit}");
        if whats.is_empty() && failed.is_none() {
            return End { silent, end: Ok(()) };
        }
        let words = last_words.lock().map(|lines| lines.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let mut what = String::new();
        if !whats.is_empty() {
            what = format!("the program `{name}` {} (answers until then: {})", whats.join(", and "), answers.usable());
        }
        if let Some(broken) = failed.take() {
            what.push_str(if what.is_empty() { "" } else { "; " });
            what.push_str(&broken);
        }
        if !words.is_empty() {
            what.push_str(&format!("; its last lines on stderr: {}", words.join(" | ")));
        }
        End { silent, end: Err(StoreError::failed(what)) }
    }

    /// Kills the program and everything that it started.
    fn kill(&mut self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.child.id()) {
            use nix::sys::signal::{Signal, killpg};
            // The group may be gone already.
            let _ = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.kill();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

/// What is known of the end.
#[derive(Default)]
struct Ended {
    output: bool,
    output_error: Option<String>,
    input: Option<Written>,
    killed: Option<Killed>,
    /// Lines that are no text, in one sentence.
    broken: Option<String>,
    broken_lines: u64,
}

impl Ended {
    fn note(&mut self, event: Event, answers: &mut Answers) -> Result<(), StoreError> {
        match event {
            Event::Lines { first, text } => {
                for (number, line) in (first..).zip(text.split(|byte| *byte == b'\n')) {
                    match std::str::from_utf8(line) {
                        Ok(text) if text.trim().is_empty() => {}
                        Ok(text) => answers.take(text, || format!("line {number} of its output"))?,
                        Err(_) => self.broken(number, "is not valid UTF-8"),
                    }
                }
            }
            Event::Broken { number, why } => self.broken(number, &why),
            Event::OutputEnd(error) => {
                self.output = true;
                self.output_error = error;
            }
            Event::NotAsked { keys, why } => answers.unknown(&keys, 0, &why)?,
            Event::InputEnd(written) => self.input = Some(written?),
        }
        Ok(())
    }

    fn broken(&mut self, number: u64, why: &str) {
        self.broken_lines += 1;
        match &mut self.broken {
            None => self.broken = Some(format!("line {number} of its output {why}")),
            Some(what) if self.broken_lines == 2 => what.push_str(", and it is not the only such line"),
            Some(_) => {}
        }
    }
}

/// Writes every record, key by key.
fn write_input(
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
fn read_output(stdout: ChildStdout, tell: &SyncSender<Event>) {
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
        if !lines.is_empty() && (end.is_some() || lines.len() >= TOGETHER || input.buffer().is_empty()) {
            if tell.send(Event::Lines { first, text: std::mem::take(&mut lines) }).is_err() {
                return;
            }
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

fn keep_last_lines(stderr: ChildStderr, kept: &Mutex<VecDeque<String>>) {
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

/// The variables that the program is given beside its own environment. Reference tables are written below `folder`.
fn environment(asked: &AskInput, folder: &Path) -> Result<Vec<(String, std::ffi::OsString)>, StoreError> {
    let mut all = Vec::new();
    let mut params = Vec::new();
    write_fields(&asked.params, &mut params).map_err(|why| StoreError::usage(format!("the parameter {why}")))?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|e| StoreError::failed(e.to_string()));
    all.push(("RECON_PARAMS".to_owned(), text(params)?.into()));
    for (name, value) in &asked.params {
        let plain = match value {
            Value::Null | Value::Absent => String::new(),
            Value::Document(_) | Value::Array(_) | Value::Bytes(_) => {
                let mut json = Vec::new();
                write_value(value, &mut json).map_err(|why| StoreError::usage(format!("parameter `{name}`: {why}")))?;
                text(json)?.trim_matches('"').to_owned()
            }
            value => value.to_string(),
        };
        all.push((variable("RECON_PARAM_", name), plain.into()));
    }
    for (at, table) in asked.reference.iter().enumerate() {
        let path = folder.join(format!("{at}.ndjson"));
        let write = || -> std::io::Result<()> {
            let mut out = BufWriter::new(File::create(&path)?);
            for row in &table.rows {
                let mut line = Vec::new();
                write_value(row, &mut line).map_err(std::io::Error::other)?;
                line.push(b'\n');
                out.write_all(&line)?;
            }
            out.flush()
        };
        write().map_err(|e| {
            StoreError::failed(format!("the reference table `{}` could not be handed on: {e}", table.name))
        })?;
        let name = variable("RECON_INPUT_", &table.name);
        all.push((format!("{name}_HASH"), table.hash.clone().into()));
        all.push((name, path.into_os_string()));
    }
    let mut names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(StoreError::usage(format!("two parameters or inputs would both be given as `{}`", pair[0])).hint(
            "names are given in capital letters, with `_` for every other sign: choose names that stay different",
        ));
    }
    if let Some((name, _)) = all.iter().find(|(_, value)| value.as_encoded_bytes().contains(&0)) {
        return Err(StoreError::usage(format!("`{name}` holds a zero byte, which no environment variable can")));
    }
    Ok(all)
}

fn variable(prefix: &str, name: &str) -> String {
    let upper = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    prefix.chars().chain(upper).collect()
}

fn temporary(error: &std::io::Error) -> StoreError {
    StoreError::failed(format!("cannot create a folder in {}: {error}", std::env::temp_dir().display()))
        .hint("set TMPDIR to a folder that can be written")
}

fn exit_text(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let name = nix::sys::signal::Signal::try_from(signal).map_or("", |s| s.as_str());
        return format!("signal {signal} {name}").trim_end().to_owned();
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => "no exit code".to_owned(),
    }
}

pub(super) fn seconds(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (seconds, 0) => format!("{seconds} s"),
        (0, milliseconds) => format!("{milliseconds} ms"),
        (seconds, milliseconds) => format!("{seconds}.{milliseconds:03} s"),
    }
}

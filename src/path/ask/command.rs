//! Asking an external program: records go to its stdin as NDJSON, answers come from its stdout as NDJSON, in any order.
//!
//! Its stdin is written on one thread and its stdout and stderr are read on two others, so that nobody waits for
//! anybody. It runs in a process group of its own, which is killed as a whole. Must not trust that it ends.

mod environment;
mod pipes;

use std::collections::VecDeque;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::stores::{Stop, StoreError};

use super::answers::Answers;
use super::input::Input;
use super::{AskInput, CommandSettings, End};
use environment::environment;
use pipes::{Event, UNDER_WAY, Written, keep_last_lines, read_output, write_input};

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

    /// Sends these records and gives back all that it wrote, when it took them all and ended in good order.
    pub(super) fn tell(mut self, records: Vec<u8>) -> Option<Vec<u8>> {
        use std::io::{Read, Write};
        let (mut stdin, mut stdout, stderr) = self.pipes.take()?;
        let (tell, told) = sync_channel(2);
        let written = tell.clone();
        std::thread::spawn(move || {
            let taken = stdin.write_all(&records).is_ok();
            drop(stdin);
            let _ = written.send(taken.then(Vec::new));
        });
        std::thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.read_to_end(&mut output).is_ok();
            let _ = tell.send(read.then_some(output));
        });
        std::thread::spawn(move || keep_last_lines(stderr, &Mutex::default()));
        let mut output = Vec::new();
        for _ in 0..2 {
            // One of the two has nothing to say but that it went well.
            output.extend(told.recv_timeout(self.settings.timeout).ok()??);
        }
        let until = Instant::now() + self.settings.timeout;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().ok()? {
                self.status = Some(status);
                return status.success().then_some(output);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
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

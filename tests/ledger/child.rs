//! This test program started again as another process: what that one does, and how it is driven.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use recon::config::Secret;
use recon::domain::State;
use recon::ledger::{Begin, Begun, Ledger, LedgerError, Logged, Process, RunVerdict};

use crate::engine::{key, summary};

/// Discrepancies that every verification logs.
pub const LOGGED: u32 = 40;

/// Not a test of its own: with `LEDGER_CHILD` set it is the other process.
#[test]
fn child_process() {
    let Ok(work) = std::env::var("LEDGER_CHILD") else { return };
    let setting = |name: &str| std::env::var(name).unwrap_or_default();
    let number = |name: &str| setting(name).parse::<u64>().unwrap_or(0);
    let mut here = Process::current();
    if !setting("LEDGER_ELSEWHERE").is_empty() {
        here.machine = Some(setting("LEDGER_ELSEWHERE"));
    }
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    say(&format!("clock {now}"));
    let begin = Begin {
        lock_timeout: Duration::from_millis(number("LEDGER_WAIT")),
        lease: Duration::from_millis(number("LEDGER_LEASE")),
        ..Begin::by("child")
    };
    let cycle = key(i32::try_from(number("LEDGER_DAY")).expect("a day"));
    let done = match work.as_str() {
        "verify" => verify(&begin, here, &cycle),
        _ => pause(&begin, here, &cycle),
    };
    match done {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            say(&format!("error {error}"));
            std::process::exit(error.exit().into());
        }
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nchild: {what}").and_then(|()| out.flush()).expect("said");
}

fn open(here: Process) -> Result<Ledger, LedgerError> {
    Ledger::open(&Secret::new(std::env::var("LEDGER_URL").expect("a URL")), here)
}

fn logged(from: u32, until: u32) -> impl Iterator<Item = Logged> {
    (from..until).map(|n| Logged { key: format!("{{\"id\":\"{n}\"}}"), kind: "mismatch".into(), ..Logged::default() })
}

/// A whole verification; says each stage before and after it.
fn verify(begin: &Begin, here: Process, key: &recon::ledger::CycleKey) -> Result<(), LedgerError> {
    say("starting");
    let mut ledger = open(here)?;
    say("open");
    let mut run = match ledger.begin_run(key, begin)? {
        Begun::Started(run) => run,
        Begun::Found(cycle) => {
            say(&format!("found {}", cycle.state));
            return Ok(());
        }
    };
    for state in [State::Computed, State::Compared] {
        say(&format!("before {state}"));
        std::thread::sleep(Duration::from_millis(10));
        run.advance(&state, None)?;
    }
    for part in 0..4 {
        say(&format!("before part {part}"));
        run.record_discrepancies(&mut logged(part * LOGGED / 4, (part + 1) * LOGGED / 4))?;
    }
    say("before checked");
    run.advance(&State::Checked, None)?;
    say("before decided");
    run.confirm()?;
    run.decide(RunVerdict::Warned, &summary("d1"), &[], "{}")?;
    say("decided");
    Ok(())
}

/// Begins a run, says so, and tries every write when it is told to.
fn pause(begin: &Begin, here: Process, key: &recon::ledger::CycleKey) -> Result<(), LedgerError> {
    let mut ledger = open(here)?;
    let Begun::Started(mut run) = ledger.begin_run(key, begin)? else { return Ok(()) };
    run.advance(&State::Computed, None)?;
    say("ready");
    std::io::stdin().lock().read_line(&mut String::new()).expect("a line");
    let tried = [
        ("confirm", run.confirm()),
        ("record", run.record_discrepancies(&mut logged(0, 3)).map(|_| ())),
        ("snapshot", run.snapshot("query", "legacy", "SELECT 1").map(|_| ())),
        ("advance", run.advance(&State::Compared, None)),
        ("decide", run.decide(RunVerdict::Clean, &summary("stale"), &[], "{}")),
        ("block", run.block(RunVerdict::Incomplete, &[], "{}")),
    ];
    drop(run);
    for (what, result) in tried {
        match result {
            Ok(()) => say(&format!("{what}: wrote")),
            Err(error) => say(&format!("{what}: exit {} {error}", i32::from(error.exit()))),
        }
    }
    say("end");
    Ok(())
}

/// The other process, as its parent sees it.
pub struct Other {
    pub process: Child,
    said: Receiver<String>,
    stdin: ChildStdin,
}

impl Other {
    /// Starts it at a ledger, for a day's cycle.
    pub fn start(work: &str, url: &str, day: i32, settings: &[(&str, &str)]) -> Other {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "child::child_process", "--nocapture", "--test-threads=1"])
            .env("LEDGER_CHILD", work)
            .env("LEDGER_URL", url)
            .env("LEDGER_DAY", day.to_string())
            .env("LEDGER_LEASE", "60000")
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("another process");
        let (sender, said) = channel();
        let out = BufReader::new(process.stdout.take().expect("its output"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some(what) = line.strip_prefix("child: ")
                    && sender.send(what.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let stdin = process.stdin.take().expect("its input");
        Other { process, said, stdin }
    }

    /// The next that it says; `None` when it has ended.
    pub fn next(&self) -> Option<String> {
        match self.said.recv_timeout(Duration::from_secs(60)) {
            Ok(said) => Some(said),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the other process says nothing"),
        }
    }

    /// Waits until it says something that starts so.
    pub fn until(&self, start: &str) -> String {
        loop {
            let said = self.next().unwrap_or_else(|| panic!("it ended without `{start}`"));
            if said.starts_with(start) {
                return said;
            }
        }
    }

    pub fn tell(&mut self) {
        self.stdin.write_all(b"go\n").expect("told");
    }

    pub fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().expect("kill").success());
    }

    pub fn kill(&mut self) {
        self.process.kill().expect("killed");
    }

    /// Its exit code and what it said last.
    pub fn end(mut self) -> (Option<i32>, String) {
        drop(self.stdin);
        let started = Instant::now();
        let mut last = String::new();
        while let Ok(said) = self.said.recv_timeout(Duration::from_secs(90).saturating_sub(started.elapsed())) {
            last = said;
        }
        (self.process.wait().expect("ended").code(), last)
    }
}

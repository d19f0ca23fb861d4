//! What `recon test` says: progress on stderr, failures first, the slowest cases, one line of summary; JSON and JUnit.
//! Holds no more of the cases that passed than their number.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value as Json, json};

use crate::cases::{Difference, Mark};
use crate::cli::{Color, Global, TestArgs, TestFormat};
use crate::commands::log::{self, Level};
use crate::commands::progress;
use crate::commands::{Failure, output, visible};
use crate::report::{count, xml_escape};

use super::Updated;
use super::work::{Done, Ended};

/// Failures that are shown in full to people, and kept at all.
const SHOWN: usize = 20;
const KEPT: usize = 1_000;
/// Slowest cases that are named.
const SLOWEST: usize = 5;

/// What became of the cases so far.
pub(super) struct Gathered {
    begun: Instant,
    passed: u64,
    failed: u64,
    broken: u64,
    /// Failures with all that is known of them.
    kept: Vec<Done>,
    keep_all: bool,
    slowest: Vec<(Duration, String)>,
    /// Every case as an element of JUnit, on disk.
    junit: Option<BufWriter<File>>,
}

impl Gathered {
    pub(super) fn new(args: &TestArgs) -> Result<Gathered, Failure> {
        let junit = match args.format {
            TestFormat::Junit => Some(BufWriter::new(tempfile::tempfile().map_err(|error| unwritten(&error))?)),
            _ => None,
        };
        Ok(Gathered {
            begun: Instant::now(),
            passed: 0,
            failed: 0,
            broken: 0,
            kept: Vec::new(),
            keep_all: args.update,
            slowest: Vec::new(),
            junit,
        })
    }

    pub(super) fn run(&self) -> u64 {
        self.passed + self.failed + self.broken
    }

    pub(super) fn all_passed(&self) -> bool {
        self.failed + self.broken == 0
    }

    pub(super) fn take(&mut self, done: Done) -> Result<(), Failure> {
        let name = full_name(&done);
        if self.slowest.len() < SLOWEST || self.slowest.last().is_some_and(|(least, _)| done.elapsed > *least) {
            self.slowest.push((done.elapsed, name));
            self.slowest.sort_by_key(|(elapsed, _)| std::cmp::Reverse(*elapsed));
            self.slowest.truncate(SLOWEST);
        }
        if let Some(out) = &mut self.junit {
            element(&done, out).map_err(|error| unwritten(&error))?;
        }
        match &done.ended {
            Ended::Passed => {
                self.passed += 1;
                return Ok(());
            }
            Ended::Failed { differences, .. } => {
                self.failed += 1;
                let whats: Vec<&str> = differences.iter().map(|difference| difference.what).collect();
                let what = format!("{} came out otherwise", whats.join(", "));
                log::event(
                    Level::Error,
                    "case",
                    json!({ "case": full_name(&done), "outcome": "failed", "message": what }),
                );
            }
            Ended::Broken { what, .. } => {
                self.broken += 1;
                log::event(
                    Level::Error,
                    "case",
                    json!({ "case": full_name(&done), "outcome": "broken", "message": what }),
                );
            }
        }
        if self.keep_all || self.kept.len() < KEPT {
            self.kept.push(done);
        }
        Ok(())
    }

    /// The expectations that would change.
    pub(super) fn updates(&mut self) -> Vec<Updated> {
        let update = |done: &Done| match &done.ended {
            Ended::Failed { update: Some(update), note: None, .. } => {
                Some((done.place.file.clone(), done.place.line, update.clone()))
            }
            _ => None,
        };
        self.kept.iter().filter_map(update).collect()
    }

    /// How many cases did not pass and are not mended by writing what came out.
    pub(super) fn left(&self, updates: &[Updated]) -> u64 {
        self.failed + self.broken - updates.len() as u64
    }

    /// Writes the result.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn show(&mut self, global: &Global, args: &TestArgs) -> Result<(), Failure> {
        let level = if self.all_passed() { Level::Info } else { Level::Error };
        let verdict = if self.all_passed() { "passed" } else { "failed" };
        let cases = json!({ "run": self.run(), "passed": self.passed, "failed": self.failed, "broken": self.broken });
        log::event(level, "verdict", json!({ "verdict": verdict, "counts": cases }));
        self.kept.sort_by(|one, other| (&one.suite, &one.name).cmp(&(&other.suite, &other.name)));
        let output = args.output.as_deref();
        match args.format {
            TestFormat::Table => {
                let terminal = output.is_none() && io::stdout().is_terminal();
                let color = match global.color {
                    Color::Always => true,
                    Color::Never => false,
                    Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
                };
                output::text(&self.table(args, color), output)?;
            }
            TestFormat::Json => output::text(&format!("{:#}\n", self.json()), output)?,
            TestFormat::Junit => {
                let head = self.junit_head();
                let Some(junit) = self.junit.take() else { return Ok(()) };
                let mut file = junit.into_inner().map_err(|error| unwritten(error.error()))?;
                file.seek(SeekFrom::Start(0)).map_err(|error| unwritten(&error))?;
                output::stream(output, &mut |out| {
                    out.write_all(head.as_bytes())?;
                    io::copy(&mut (&mut file).take(u64::MAX), out)?;
                    out.write_all(b"  </testsuite>\n</testsuites>\n")
                })?;
            }
        }
        if (output.is_some() || args.format != TestFormat::Table) && !global.quiet {
            log::say(Level::Info, "report", &self.summary());
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let run = self.run();
        let seconds = self.begun.elapsed().as_millis().max(1);
        let mut parts = vec![format!("{} passed", count(self.passed))];
        for (number, word) in [(self.failed, "failed"), (self.broken, "could not be run")] {
            if number > 0 {
                parts.push(format!("{} {word}", count(number)));
            }
        }
        let noun = if run == 1 { "case" } else { "cases" };
        let rate = u128::from(run) * 1_000 / seconds;
        format!(
            "{} {noun}: {} in {} ({}/s)",
            count(run),
            parts.join(", "),
            shown_time(self.begun.elapsed()),
            count(u64::try_from(rate).unwrap_or(u64::MAX))
        )
    }

    fn table(&self, args: &TestArgs, color: bool) -> String {
        let mut text = String::new();
        let paint = |code: &str, line: &str| match color {
            true => format!("\u{1b}[{code}m{line}\u{1b}[0m"),
            false => line.to_owned(),
        };
        for done in self.kept.iter().take(if args.update { usize::MAX } else { SHOWN }) {
            let word = match (&done.ended, args.update) {
                (Ended::Failed { note: None, update: Some(_), .. }, true) => "CHANGES",
                (Ended::Broken { .. }, _) => "BROKEN",
                _ => "FAIL",
            };
            text.push_str(&format!("{}  {}\n", paint("1;31", word), visible(&full_name(done))));
            text.push_str(&format!("      {}\n      why: {}\n", done.place, visible(done.why.trim())));
            match &done.ended {
                Ended::Passed => {}
                Ended::Broken { what, hint } => {
                    text.push_str(&format!("      {}\n", visible(what)));
                    text.extend(hint.iter().map(|hint| format!("      hint: {}\n", visible(hint))));
                }
                Ended::Failed { differences, note, .. } => {
                    for difference in differences {
                        text.push_str(&format!("      {} (- expected, + came out)\n", difference.what));
                        for (mark, line) in &difference.lines {
                            let line = format!("      {} {}", mark.sign(), visible(line));
                            let code = match mark {
                                Mark::Same => "2",
                                Mark::Expected => "31",
                                Mark::Actual => "32",
                            };
                            text.push_str(&format!("{}\n", paint(code, &line)));
                        }
                    }
                    text.extend(note.iter().map(|note| format!("      note: {note}\n")));
                }
            }
            text.push('\n');
        }
        let hidden = (self.failed + self.broken).saturating_sub(SHOWN as u64);
        if hidden > 0 && !args.update {
            text.push_str(&format!("… and {} more; `--format junit` names every one\n\n", count(hidden)));
        }
        let slowest: Vec<String> = (self.slowest.iter())
            .map(|(elapsed, name)| format!("{} {}", shown_time(*elapsed), visible(name)))
            .collect();
        text.push_str(&format!("{}\n", paint("2", &format!("slowest: {}", slowest.join(" · ")))));
        let code = if self.all_passed() { "1;32" } else { "1;31" };
        text.push_str(&format!("{}\n", paint(code, &self.summary())));
        text
    }

    fn json(&self) -> Json {
        let failures = self.kept.iter().map(|done| {
            let mut object = json!({
                "suite": done.suite, "name": done.name, "place": done.place.to_string(), "why": done.why,
            });
            match &done.ended {
                Ended::Passed => {}
                Ended::Broken { what, hint } => object["error"] = json!({ "what": what, "hint": hint }),
                Ended::Failed { differences, note, .. } => {
                    let one = |difference: &Difference| {
                        let lines = |wanted: Mark| -> Vec<&String> {
                            let lines = difference.lines.iter().filter(|(mark, _)| *mark == wanted);
                            lines.map(|(_, line)| line).collect()
                        };
                        json!({ "what": difference.what, "expected": lines(Mark::Expected), "actual": lines(Mark::Actual) })
                    };
                    object["differences"] = differences.iter().map(one).collect();
                    object["note"] = json!(note);
                }
            }
            object
        });
        let slowest = self.slowest.iter().map(|(elapsed, name)| {
            json!({ "name": name, "milliseconds": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX) })
        });
        json!({
            "schema": "recon.test/1",
            "verdict": if self.all_passed() { "passed" } else { "failed" },
            "cases": { "run": self.run(), "passed": self.passed, "failed": self.failed, "broken": self.broken },
            "milliseconds": u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "failures": failures.collect::<Vec<Json>>(),
            "truncated": self.failed + self.broken > self.kept.len() as u64,
            "slowest": slowest.collect::<Vec<Json>>(),
        })
    }

    fn junit_head(&self) -> String {
        let numbers = format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{}\"",
            self.run(),
            self.failed,
            self.broken,
            seconds(self.begun.elapsed())
        );
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"recon\" {numbers}>\n  <testsuite name=\"recon.test\" {numbers} skipped=\"0\">\n"
        )
    }
}

/// A case as an element of JUnit.
fn element(done: &Done, out: &mut impl Write) -> io::Result<()> {
    let class = match done.suite.as_str() {
        "" => "recon.test".to_owned(),
        suite => format!("recon.test.{}", suite.replace('/', ".")),
    };
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
        xml_escape(&class),
        xml_escape(&done.name),
        seconds(done.elapsed)
    )?;
    let place = xml_escape(&done.place.to_string());
    let why = xml_escape(done.why.trim());
    match &done.ended {
        Ended::Passed => writeln!(out, "/>"),
        Ended::Broken { what, hint } => {
            let hint = hint.as_deref().map_or_else(String::new, |hint| format!("\nhint: {}", xml_escape(hint)));
            let what = xml_escape(what);
            writeln!(
                out,
                ">\n      <error type=\"broken\" message=\"{what}\">{place}\nwhy: {why}{hint}</error>\n    </testcase>"
            )
        }
        Ended::Failed { differences, note, .. } => {
            let whats: Vec<&str> = differences.iter().map(|difference| difference.what).collect();
            write!(
                out,
                ">\n      <failure type=\"difference\" message=\"{} came out otherwise\">{place}\nwhy: {why}",
                whats.join(", ")
            )?;
            for difference in differences {
                write!(out, "\n{} (- expected, + came out)", difference.what)?;
                for (mark, line) in &difference.lines {
                    write!(out, "\n{} {}", mark.sign(), xml_escape(line))?;
                }
            }
            if let Some(note) = note {
                write!(out, "\n{}", xml_escape(note))?;
            }
            writeln!(out, "</failure>\n    </testcase>")
        }
    }
}

fn full_name(done: &Done) -> String {
    if done.suite.is_empty() { done.name.clone() } else { format!("{}/{}", done.suite, done.name) }
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

fn shown_time(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (0, milliseconds) => format!("{milliseconds} ms"),
        (seconds @ 1..60, milliseconds) => format!("{seconds}.{} s", milliseconds / 100),
        (seconds, _) => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::incomplete(format!("a temporary file in {} could not be used: {error}", std::env::temp_dir().display()))
        .hint("set TMPDIR to a folder with more room")
}

/// A line on a terminal: how many, how fast, how many failed, how long it will take.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    begun: Instant,
    /// When the log was last told.
    told: Option<Instant>,
}

impl Progress {
    pub(super) fn new(quiet: bool, total: u64) -> Progress {
        let shown = !quiet && !log::is_on() && io::stderr().is_terminal();
        let bar = shown.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Progress { bar, total, begun: Instant::now(), told: (!quiet && log::is_on()).then(Instant::now) }
    }

    pub(super) fn at(&mut self, gathered: &Gathered) {
        if self.told.is_some_and(|told| told.elapsed() >= progress::TOLD) {
            self.told = Some(Instant::now());
            log::event(
                Level::Info,
                "progress",
                json!({ "cases": self.total, "done": gathered.run(), "failed": gathered.failed + gathered.broken }),
            );
        }
        let Some(bar) = &self.bar else { return };
        let (run, failed) = (gathered.run(), gathered.failed + gathered.broken);
        let milliseconds = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = run * 1_000 / milliseconds;
        let mut text =
            format!("{} of {} cases · {}/s · {} failed", count(run), count(self.total), count(rate), count(failed));
        if let Some(left) = self.total.saturating_sub(run).checked_div(rate).filter(|left| *left > 1) {
            text.push_str(&format!(" · about {left} s left"));
        }
        bar.set_message(text);
        bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

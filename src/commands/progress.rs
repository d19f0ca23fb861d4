//! Progress on stderr while two sides are read: records, rate, and time left where a store can estimate. A line on a
//! terminal, or events with `--json-log`; stdout is never touched.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::stores::Progress;

use super::log::{self, Level};

/// How often the line is redrawn.
const EVERY: Duration = Duration::from_millis(200);
/// How often the log is told.
pub(super) const TOLD: Duration = Duration::from_secs(1);

/// Estimated records of both sides, as far as known.
#[derive(Debug, Default)]
pub struct Estimates(Mutex<(Option<u64>, Option<u64>)>);

impl Estimates {
    /// Sets what the stores said.
    pub fn set(&self, legacy: Option<u64>, candidate: Option<u64>) {
        if let Ok(mut held) = self.0.lock() {
            *held = (legacy, candidate);
        }
    }

    fn get(&self) -> (Option<u64>, Option<u64>) {
        self.0.lock().map_or((None, None), |held| *held)
    }
}

/// A progress line that lives until it is dropped.
pub struct Display {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the display, unless stderr is no terminal or the user wants quiet.
pub fn start(quiet: bool, sides: [Arc<Progress>; 2], estimates: Arc<Estimates>) -> Option<Display> {
    if quiet || !(log::is_on() || std::io::stderr().is_terminal()) {
        return None;
    }
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let thread = std::thread::spawn(move || match log::is_on() {
        true => tell(&stop, &sides, &estimates),
        false => draw(&stop, &sides, &estimates),
    });
    Some(Display { done, thread: Some(thread) })
}

impl Drop for Display {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An event now and then, and one when all is read.
fn tell(done: &AtomicBool, sides: &[Arc<Progress>; 2], estimates: &Estimates) {
    let mut told = Instant::now();
    loop {
        let ended = done.load(Ordering::Relaxed);
        if ended || told.elapsed() >= TOLD {
            told = Instant::now();
            let [legacy, candidate] = sides.each_ref().map(|side| side.records.load(Ordering::Relaxed));
            let (of_legacy, of_candidate) = estimates.get();
            let fields = serde_json::json!({
                "read": { "legacy": legacy, "candidate": candidate },
                "estimated": { "legacy": of_legacy, "candidate": of_candidate },
            });
            log::event(Level::Info, "progress", fields);
        }
        if ended {
            return;
        }
        std::thread::sleep(EVERY);
    }
}

fn draw(done: &AtomicBool, sides: &[Arc<Progress>; 2], estimates: &Estimates) {
    let started = Instant::now();
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(EVERY);
        let (legacy, candidate) = (count(&sides[0].records), count(&sides[1].records));
        let seconds = started.elapsed().as_millis().max(1) as u64;
        let rate = (legacy + candidate) * 1000 / seconds;
        let (of_legacy, of_candidate) = estimates.get();
        let expected = match (of_legacy, of_candidate) {
            (Some(l), Some(c)) => Some(l + c),
            // One store's figure is the best guess for the other.
            (Some(n), None) | (None, Some(n)) => Some(2 * n),
            _ => None,
        };
        let left = expected.filter(|e| *e > legacy + candidate && rate > 0).map(|e| (e - legacy - candidate) / rate);
        let mut text =
            format!("legacy {} · candidate {} records · {}/s", grouped(legacy), grouped(candidate), grouped(rate));
        if let Some(left) = left {
            text.push_str(&format!(" · about {} left", shown_seconds(left)));
        }
        bar.set_message(text);
        bar.tick();
    }
    bar.finish_and_clear();
}

/// Progress of writing one table, collection or file.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar on a terminal; nothing elsewhere.
    pub fn new(place: &str, quiet: bool) -> Bar {
        if quiet || log::is_on() || !std::io::stderr().is_terminal() {
            return Bar(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {human_pos} records  {per_sec}") {
            bar.set_style(style);
        }
        bar.set_message(place.to_owned());
        bar.enable_steady_tick(EVERY);
        Bar(Some(bar))
    }

    /// So many records are written.
    pub fn at(&self, count: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(count);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn shown_seconds(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

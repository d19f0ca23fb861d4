//! One file per command: the only place where rooms are joined. No logic worth a unit test lives here, but for
//! the reading of small flag values.

mod asking;
pub mod calculator;
pub mod calendar;
pub mod canary;
pub mod capture;
mod checking;
pub mod checks;
mod cycle;
pub mod demo;
pub mod diff;
pub mod discrepancies;
pub mod doctor;
pub mod impact;
pub mod init;
pub mod ledger;
pub mod load;
mod log;
pub mod man;
mod named;
mod ours;
mod output;
mod population;
mod progress;
mod recomputed;
pub mod release;
pub mod runs;
pub mod schema;
mod shown;
pub mod stage;
pub mod status;
mod table;
pub mod test;
pub mod verify;
mod who;

pub use log::{begin as begin_log, end as end_log};

use crate::compare::{CompareError, PlanError};
use crate::exit::Exit;
use crate::stores::{ErrorClass, StoreError};

/// Why a command could not do its work: classified once, printed once.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What was wrong and where.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// Bad flags, configuration or query.
    pub fn usage(what: impl Into<String>) -> Self {
        Failure { exit: Exit::Usage, what: what.into(), hint: None }
    }

    /// Could not be verified.
    pub fn incomplete(what: impl Into<String>) -> Self {
        Failure { exit: Exit::Incomplete, what: what.into(), hint: None }
    }

    /// With the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints the failure on stderr and returns its exit code.
    pub fn print(&self) -> Exit {
        if log::is_on() {
            let fields = serde_json::json!({ "message": self.what, "hint": self.hint, "exit": i32::from(self.exit) });
            log::event(log::Level::Error, "error", fields);
            return self.exit;
        }
        let mut text = format!("error: {}\n", visible(&self.what));
        if let Some(hint) = &self.hint {
            text.push_str(&format!("  hint: {}\n", visible(hint)));
        }
        eprint!("{text}");
        self.exit
    }
}

/// Prints lines on stdout; whoever reads it may have seen enough.
fn print_lines<T: AsRef<str>>(lines: &[T]) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "{}", line.as_ref());
    }
}

/// Names and values in a message come from data: they must not steer the terminal.
fn visible(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error.class {
            ErrorClass::Usage => Exit::Usage,
            ErrorClass::Failed | ErrorClass::Stopped => Exit::Incomplete,
        };
        Failure { exit, what: error.what, hint: error.hint }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Failure { exit: Exit::Usage, what: error.what, hint: error.hint }
    }
}

impl From<CompareError> for Failure {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Side(side, error) => {
                let mut failure = Failure::from(error);
                failure.what = format!("{} side: {}", side.name(), failure.what);
                failure
            }
            CompareError::Plan(error) => error.into(),
            CompareError::Temporary(error) => Failure::incomplete(format!(
                "a temporary file in {} could not be used: {error}",
                std::env::temp_dir().display()
            ))
            .hint("free space there, or set TMPDIR to a folder with more room"),
            CompareError::DoesNotAddUp(why) => {
                Failure::incomplete(format!("the figures do not add up, so nothing is reported: {why}"))
                    .hint("this is a fault of recon; please report it with the command you ran")
            }
        }
    }
}

/// Runs a command; a panic, which is always a fault of recon, ends as `incomplete` and never as another code.
///
/// # Errors
/// As the command, or the panic as a failure.
pub fn guarded(command: impl FnOnce() -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |at| format!(" at {at}"));
        let what = format!("recon failed{place}: {}", panic.payload_as_str().unwrap_or("no message"));
        log::say(log::Level::Error, "fault", &what);
    }));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(command)).unwrap_or_else(|_| {
        Err(Failure::incomplete("recon itself failed; nothing it may have printed can be trusted")
            .hint("this is a fault of recon; please report it with the command you ran"))
    })
}

/// Ends the process with the code for an interruption. What a command holds open is read-only, or temporary and without a
/// name; a run's lease is free as soon as its process is gone, and what it wrote is seen by nobody.
pub fn exit_on_interrupt() {
    // Without a handler the signal itself ends the process, which is as good.
    let _ = ctrlc::set_handler(|| {
        log::briefly(|| log::say(log::Level::Error, "interrupted", "interrupted"));
        test::clear();
        log::briefly(|| {
            log::end(Exit::Interrupted);
        });
        std::process::exit(Exit::Interrupted.into());
    });
}

/// Reads `64MiB`, `1GiB`, `512KiB`, `100MB`, or plain bytes; at least 1 MiB.
///
/// # Errors
/// What is not a size.
pub fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: usize =
        digits.trim().parse().map_err(|_| format!("`{text}` is not a size; write e.g. 64MiB or 1GiB"))?;
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        unit => return Err(format!("`{unit}` is not a unit of size; use KiB, MiB or GiB")),
    };
    let bytes = number.checked_mul(unit).ok_or_else(|| format!("`{text}` is too large"))?;
    if bytes < 1 << 20 { Err(format!("`{text}` is less than 1MiB, too little to sort with")) } else { Ok(bytes) }
}

/// Reads a CSV delimiter: one ASCII character, or `tab`.
///
/// # Errors
/// What is not one.
pub fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        _ if text.len() == 1 && !"\"\r\n".contains(text) => Ok(text.as_bytes()[0]),
        _ => Err(format!("`{text}` is not a delimiter; give one ASCII character, or `tab`")),
    }
}

//! Where a report goes: stdout, or a file that is whole or not there.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use crate::cli::{Color, Global};
use crate::compare::Compared;
use crate::exit::Exit;
use crate::report::verification::Verification;
use crate::report::{self, Format, Look, Verdict};
use crate::stores::StoreError;
use crate::stores::bulk::whole_file;

use super::{Failure, log};

/// The exit code of a comparison's verdict.
pub fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Agree => Exit::Success,
        Verdict::Differ => Exit::Discrepancies,
        Verdict::Incomplete => Exit::Incomplete,
    }
}

/// The format to write: the one asked for, or the one that the file's ending says, or the table.
///
/// # Errors
/// An ending that says nothing.
pub fn format_of(asked: Option<Format>, output: Option<&Path>) -> Result<Format, Failure> {
    match (asked, output) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(Format::Table),
        (None, Some(path)) => match path.extension().and_then(|e| e.to_str()) {
            Some("json") => Ok(Format::Json),
            Some("ndjson" | "jsonl") => Ok(Format::Ndjson),
            Some("csv") => Ok(Format::Csv),
            Some("md") => Ok(Format::Markdown),
            Some("html") => Ok(Format::Html),
            Some("xml") => Ok(Format::Junit),
            Some("txt") => Ok(Format::Table),
            _ => Err(Failure::usage(format!("the format of `{}` is not clear from its ending", path.display()))
                .hint("give it with `--format`")),
        },
    }
}

/// Whether what is printed is coloured.
pub fn color(global: &Global, terminal: bool) -> bool {
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    }
}

/// How a report is to look where it goes.
pub fn look(global: &Global, limit: Option<u64>, output: Option<&Path>) -> Look {
    let terminal = output.is_none() && io::stdout().is_terminal();
    let color = color(global, terminal);
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let width = columns.unwrap_or_else(|| match terminal_size::terminal_size() {
        Some((terminal_size::Width(width), _)) if terminal => usize::from(width).clamp(60, 160),
        _ => 100,
    });
    Look { limit, color, width, seconds: true }
}

/// Writes to stdout, or to a file as a whole.
fn deliver(output: Option<&Path>, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    match output {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            match render(&mut out).and_then(|()| out.flush()) {
                // Whoever reads stdout has seen enough (`recon diff … | head`).
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                other => {
                    other.map_err(|error| Failure::incomplete(format!("the report could not be written: {error}")))
                }
            }
        }
        Some(path) => Ok(whole_file(path, |out| {
            render(out).map_err(|error| {
                StoreError::failed(format!("the report could not be written to {}: {error}", path.display()))
            })
        })?),
    }
}

/// Writes a text that is ready.
///
/// # Errors
/// When the file cannot be written.
pub fn text(text: &str, output: Option<&Path>) -> Result<(), Failure> {
    deliver(output, |out| out.write_all(text.as_bytes()))
}

/// Writes what is made piece by piece.
///
/// # Errors
/// When the file cannot be written; nothing half-written is left under its name.
pub fn stream(output: Option<&Path>, render: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    deliver(output, render)
}

/// Writes the report of a comparison to stdout or to a file.
///
/// # Errors
/// When the file cannot be written; nothing half-written is left under its name.
pub fn write(
    global: &Global,
    compared: &mut Compared,
    format: Format,
    limit: Option<u64>,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let report = compared.report.clone();
    let look = look(global, limit, output);
    if output.is_none() && format == Format::Csv && !global.quiet {
        // Rows of data alone cannot say how far they can be trusted.
        log::say(log::Level::Info, "report", &report.summary());
    }
    deliver(output, |out| report::render(&report, &mut compared.discrepancies(), format, &look, out))?;
    if let (Some(path), false) = (output, global.quiet) {
        log::say(log::Level::Info, "report", &format!("{} (report in {})", report.summary(), path.display()));
    }
    Ok(())
}

/// Writes the report of a verification to stdout or to a file; `compared` is its comparison, where there was one.
///
/// # Errors
/// As [`write`].
pub fn verification(
    global: &Global,
    verification: &Verification,
    compared: Option<&mut Compared>,
    format: Format,
    limit: Option<u64>,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let look = look(global, limit, output);
    deliver(output, |out| match compared {
        Some(compared) => report::verification::render(verification, &mut compared.discrepancies(), format, &look, out),
        None => report::verification::render(verification, &mut std::iter::empty(), format, &look, out),
    })?;
    if let (Some(path), false) = (output, global.quiet) {
        log::say(log::Level::Info, "report", &format!("{} (report in {})", verification.summary(), path.display()));
    }
    Ok(())
}

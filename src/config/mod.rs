//! `recon.toml`: TOML to raw to validated, every error with file, line and column. Must not open connections or
//! read the process's environment itself.

mod calendar;
mod capture;
mod checks;
mod error;
mod expand;
mod headers;
mod inputs;
mod project;
mod raw;
mod reconciliation;
mod replaced;
mod secret;
mod stages;
#[cfg(test)]
mod tests;
mod validate;

pub use calendar::{Calendar, HolidaySource};
pub use capture::{Capture, RowsOf};
pub use checks::Checks;
pub use error::ConfigError;
pub(crate) use error::{SourceText, did_you_mean, listed};
pub(crate) use headers::check_header;
pub use project::{Project, Store, StoreKind};
pub use raw::{Choice, ChoiceWithoutLegacy, ParamType, Policy, Release};
pub use reconciliation::{
    Canary, ColumnSettings, Command, Decisions, Field, FileRef, Http, Input, Mapped, Origin, Partitions,
    PathDefinition, Population, Queries, Reconciliation, What,
};
pub use replaced::NewText;
pub use secret::{Hidden, Secret, mask_url};

/// A length of time: `500ms`, `5s`, `2m`, `1h`.
///
/// # Errors
/// The text is something else.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    use std::time::Duration;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a time; write e.g. 5s, 500ms or 2m"))?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" | "min" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        unit => Err(format!("`{unit}` is not a unit of time; use ms, s, m or h")),
    }
}

/// A complete project file with every key explained, as `recon init` and the documentation show it.
pub const REFERENCE: &str = include_str!("reference.toml");

//! What is said in the first hour: looking at a project, beginning one. Must do nothing.

use clap::Args;

use super::ListFormat;

/// Look whether everything that recon.toml names can be worked with; changes nothing.
///
/// Stores and their accounts, the ledger, query files, tables, programs, places of decisions, room for temporary files.
/// Nothing is changed anywhere, and no secret is shown. Ends with 0 when nothing is wrong, 2 when the project file is, and
/// 3 when something cannot be reached or written.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  recon doctor\n  recon doctor --profile production --format json")]
pub struct DoctorArgs {
    /// For people, or as one JSON object.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
    /// Longest wait for each server.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = crate::config::duration)]
    pub timeout: std::time::Duration,
}

/// Print the JSON Schema (draft 2020-12) of a file that recon reads, or of JSON that it writes.
///
/// Editors complete and check recon.toml with it: docs/first-hour.md.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  recon schema recon.toml > recon.schema.json\n  recon schema verify")]
pub struct SchemaArgs {
    /// `recon.toml`, `rule`, `diff`, `verify`, …; without it, the names of all.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

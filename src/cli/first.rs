//! What is said in the first hour: looking at a project, beginning one. Must do nothing.

use std::path::PathBuf;

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

/// Begin a project from two tables or collections, or from a small sample.
///
/// Writes recon.toml, a query for each side and a check, ready to run. Looks at both stores and proposes the key (primary
/// keys and unique indexes) and the columns to compare. Asks on a terminal; elsewhere flags say it. Without any, the
/// project is a small sample on SQLite and a file of documents. It does not begin where no amount would be compared. Nothing is overwritten, no password is written into a
/// file, and the stores are only looked at.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon init demo --yes\n  recon init --legacy mysql://app@db/shop#payout --candidate mongodb://docs/shop#payout\n  recon init --legacy payout.csv --candidate postgres://app@db/shop#payout --key id --name payout"
)]
pub struct InitArgs {
    /// The folder; it is made when it is not there.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// What is paid today: a store's URL with `#table`, or a file.
    #[arg(long, value_name = "URL#TABLE")]
    pub legacy: Option<String>,
    /// What is to take over: a store's URL with `#table` or `#collection`, or a file.
    #[arg(long, value_name = "URL#TABLE")]
    pub candidate: Option<String>,
    /// The key columns: `id`, `id,currency`, `id=_id` (default: what both stores make sure of).
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    pub key: Vec<String>,
    /// What is compared under different names: `net=amount.net`, also fields inside documents.
    #[arg(long, value_name = "LEGACY=CANDIDATE", value_delimiter = ',')]
    pub map: Vec<String>,
    /// Begin although nothing that is compared looks like an amount.
    #[arg(long)]
    pub without_amounts: bool,
    /// The reconciliation's name (default: the legacy table's).
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Ask nothing: take what is proposed.
    #[arg(long, short)]
    pub yes: bool,
}

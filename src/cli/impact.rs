//! What is said to `recon impact`. Must do nothing.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::ReadArgs;
use crate::report::Format;

/// How results would change if a query or a check were replaced: over past cycles, and over every recorded case.
///
/// The last cycles are computed twice over what is in the stores now, with the path as it stands and with the change,
/// and compared record by record. Nothing is written to any store, ledger or case.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").required(true).args(["legacy_query", "legacy_sql", "candidate_query", "candidate_sql", "check"]),
    after_help = "Examples:\n  recon impact settlement --legacy-query @new.sql\n  recon impact settlement --legacy-query @new.sql --by settlement_day --cycles 6\n  recon impact payout --candidate-sql @new.sql --run 12-1 --format markdown --output impact.md\n  recon impact payout --check checks/negative.sql\n\nExit codes: 0 nothing would change · 1 something would change · 2 bad query, flags or configuration · 3 a cycle or case could not be computed, or there was none to look at"
)]
pub struct ImpactArgs {
    /// The reconciliation in recon.toml.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A SELECT, or an aggregation pipeline as Extended JSON, in place of the legacy path's; `@FILE` reads it.
    #[arg(long, value_name = "QUERY|@FILE")]
    pub legacy_query: Option<String>,
    /// The exact SQL over inputs in place of the legacy path's.
    #[arg(long, value_name = "SQL|@FILE")]
    pub legacy_sql: Option<String>,
    /// A SELECT or pipeline in place of the candidate path's.
    #[arg(long, value_name = "QUERY|@FILE")]
    pub candidate_query: Option<String>,
    /// The exact SQL over inputs in place of the candidate path's.
    #[arg(long, value_name = "SQL|@FILE")]
    pub candidate_sql: Option<String>,
    /// A check as a file of `recon checks push` (.sql or .json), held against the one in the ledger.
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// How many of the last verified cycles; 0: none.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub cycles: u32,
    /// The cycles of these runs instead, as `recon runs list` names them; may be given several times.
    #[arg(long, value_name = "RUN", conflicts_with = "cycles")]
    pub run: Vec<String>,
    /// The folder of the cases (default: `cases` beside the project file, where there is one).
    #[arg(long, value_name = "DIR")]
    pub cases: Option<PathBuf>,
    /// No cases.
    #[arg(long, conflicts_with = "cases")]
    pub no_cases: bool,
    /// A store of the cases on a real server, as in `recon test --store`.
    #[arg(long, value_name = "NAME=URL")]
    pub store: Vec<String>,
    /// Totals the change by the values of a column of the path: `merchant_id`.
    #[arg(long, value_name = "COLUMN")]
    pub by: Option<String>,
    /// Records and groups shown (default: 5, in Markdown 20); never changes what is counted.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// How it is written: table, json, csv or markdown; taken from the ending of --output when that is given.
    #[arg(long, short, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
    /// Write it to a file (a line with the verdict still goes to stderr).
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub read: ReadArgs,
}

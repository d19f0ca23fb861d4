//! What is said to `recon capture`. Must do nothing.

use std::path::PathBuf;

use clap::Args;

/// Make regression cases out of a real run: the rows that its keys need, personal data masked.
///
/// What is written was run first as `recon test` runs it, and came out as the run logged it. Where that fails, or where
/// something that looks like personal data has no rule in `[capture]`, nothing is written.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("which").required(true),
    after_help = "Examples:\n  recon capture 12-3 --keys 17,18 --why 'a holiday between base day and payout'\n  recon capture latest --discrepancies --each --tag captured\n  recon capture 12-3 --sample 20 --out cases --name sample-of-november\n\nExit codes: 0 written · 2 a flag or [capture] is wrong, or personal data has no rule · 3 a store could not be used, the run did not come out again, or there is nothing to capture"
)]
pub struct CaptureArgs {
    /// The run, as `recon runs list` shows it, or `latest`.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// These keys: 17,18; parts of a key separated by `/`; as JSON '[["a/b","KRW"]]'.
    #[arg(long, value_name = "KEYS", group = "which")]
    pub keys: Option<String>,
    /// Every key of which the run logged a discrepancy.
    #[arg(long, group = "which")]
    pub discrepancies: bool,
    /// So many of the run's keys, drawn by a hash: the same ones each time.
    #[arg(long, value_name = "N", group = "which", value_parser = clap::value_parser!(u16).range(1..))]
    pub sample: Option<u16>,
    /// The folder of the cases; made with a suite.toml when it is not there (default: `cases` beside the project file).
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The case's name (default: run-12-3).
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// One case for each key, below a folder of that name.
    #[arg(long)]
    pub each: bool,
    /// Why the case exists.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// A tag; may be given several times.
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Prove it on a real server in place of SQLite or files: a database is made there and dropped, as `recon test` does.
    #[arg(long, value_name = "NAME=URL")]
    pub store: Vec<String>,
}

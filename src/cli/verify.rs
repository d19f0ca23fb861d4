//! What is said to `recon verify`. Must do nothing.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{CycleArgs, ReadArgs};
use crate::report::Format;

/// The step before a payout: compute both paths, compare, decide, write the decisions.
///
/// Takes the cycle's lock, computes both paths, compares them record by record, decides each record by the decision
/// rule, writes the decisions where the payer will read them, proves that their totals tie, and says whether the payout
/// may go on: clean or warned (exit 0), blocked (1), incomplete (3). A cycle that is verified already is only reported.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon verify payout --param payout_date=2026-11-13\n  recon verify payout --param payout_date=2026-11-13 --strict --format json\n  recon verify payout --param payout_date=2026-11-13 --again    # verified, not released: decide anew\n\nExit codes: 0 clean or warned · 1 blocked · 2 wrong arguments, project file or query; nothing was decided · 3 incomplete: could not be verified · 4 refused: another run holds the cycle, or it may not be verified from where it stands"
)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub cycle: CycleArgs,
    /// Who runs it (default: RECON_USER, USER, or the account's name). Others must approve.
    #[arg(long, value_name = "WHO")]
    pub by: Option<String>,
    /// How long to wait for another run of the cycle.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::config::duration)]
    pub lock_timeout: Duration,
    /// How long the cycle stays this run's after its last sign of life.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::config::duration)]
    pub lease: Duration,
    /// Every discrepancy blocks.
    #[arg(long)]
    pub strict: bool,
    /// Verify again what is verified but not released; its approvals count no more.
    #[arg(long)]
    pub again: bool,
    /// Discrepancies shown; never changes what is counted.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The report's format; taken from the ending of --output when that is given.
    #[arg(long, short, value_name = "FORMAT")]
    pub format: Option<VerifyFormat>,
    /// Write the report to a file (a line with the verdict still goes to stderr).
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Say on stderr what happens as one JSON object per line (recon.log/1), in place of the progress line.
    #[arg(long)]
    pub json_log: bool,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Compute again only what was unknown or discrepant, and complete the cycle's decisions with it.
///
/// The run before stays in the history. Its decisions must be where it wrote them; released ones are never changed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon retry payout --param payout_date=2026-11-13\n  recon retry payout --param payout_date=2026-11-13 --keys 17,42\n\nExit codes: 0 clean or warned · 1 blocked · 2 wrong arguments, project file or query; nothing was decided · 3 incomplete: could not be verified · 4 refused: another run holds the cycle, or it may not be verified from where it stands"
)]
pub struct RetryArgs {
    #[command(flatten)]
    pub cycle: CycleArgs,
    /// Only these of them (default: all): keys separated by commas, parts of a key by `/`; or a JSON list.
    #[arg(long, value_name = "KEYS")]
    pub keys: Option<String>,
    /// Who runs it (default: RECON_USER, USER, or the account's name). Others must approve.
    #[arg(long, value_name = "WHO")]
    pub by: Option<String>,
    /// How long to wait for another run of the cycle.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::config::duration)]
    pub lock_timeout: Duration,
    /// How long the cycle stays this run's after its last sign of life.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = crate::config::duration)]
    pub lease: Duration,
    /// Every discrepancy that is left blocks.
    #[arg(long)]
    pub strict: bool,
    /// Discrepancies shown; never changes what is counted.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The report's format; taken from the ending of --output when that is given.
    #[arg(long, short, value_name = "FORMAT")]
    pub format: Option<VerifyFormat>,
    /// Write the report to a file (a line with the verdict still goes to stderr).
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Say on stderr what happens as one JSON object per line (recon.log/1), in place of the progress line.
    #[arg(long)]
    pub json_log: bool,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// How a verification is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// For people.
    Table,
    /// For programs: schema `recon.verify/1`.
    Json,
    /// For Jenkins and its kind: a test suite without a failure exactly when the exit code is 0.
    Junit,
}

impl From<VerifyFormat> for Format {
    fn from(format: VerifyFormat) -> Format {
        match format {
            VerifyFormat::Table => Format::Table,
            VerifyFormat::Json => Format::Json,
            VerifyFormat::Junit => Format::Junit,
        }
    }
}

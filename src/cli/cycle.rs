//! What is said to the commands around cycles and their runs. Must do nothing.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::ListFormat;

/// A cycle: a reconciliation and its parameters.
#[derive(Clone, Debug, Args)]
pub struct CycleArgs {
    /// The reconciliation's name in recon.toml.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A parameter of the reconciliation: `payout_date=2026-11-13`.
    #[arg(long, value_name = "NAME=VALUE")]
    pub param: Vec<String>,
}

/// Approve the decisions of a verified cycle and, with enough approvals, let the payer read them.
///
/// The decisions are read again from where they were written: they must still be those that were verified.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  recon release payout --param payout_date=2026-11-13 --by kim@example.com\n\nExit codes: 0 released, or approved and more approvals are needed · 2 wrong arguments, or no such cycle · 3 could not read, write or reach something · 4 refused: not decided, your own run, another run than `--run`, changed decisions, or released already"
)]
pub struct ReleaseArgs {
    #[command(flatten)]
    pub cycle: CycleArgs,
    /// Who approves: somebody other than who ran the verification, where approvals are configured.
    #[arg(long, value_name = "WHO")]
    pub by: String,
    /// The run whose decisions the approver has seen: refused where another one decides by now (`12-1`).
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// How it is printed.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

/// Record a payment step that another program makes; or block or abort a cycle by hand.
///
/// The steps are those of [reconciliation.NAME.stages] in recon.toml. Of two programs that ask for the same step one
/// makes it, and the other is refused: whoever was refused must not pay.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon stage payout --param payout_date=2026-11-13 --to payment_requested --by payer\n  recon stage payout --param payout_date=2026-11-13 --to blocked --note 'bank account file is wrong'\n\nExit codes: 0 the step is made · 2 wrong arguments, or no such cycle or state · 3 the ledger cannot be reached · 4 refused: the step is not allowed from where the cycle stands, or a run holds it"
)]
pub struct StageArgs {
    #[command(flatten)]
    pub cycle: CycleArgs,
    /// The state: a configured payment state, `blocked` or `aborted`.
    #[arg(long, value_name = "STATE")]
    pub to: String,
    /// Who makes the step (default: RECON_USER, or the account).
    #[arg(long, value_name = "WHO")]
    pub by: Option<String>,
    /// What is kept with the step; needed to block or abort.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// How long to wait for a run that holds a cycle that is to be blocked or aborted.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::config::duration)]
    pub lock_timeout: Duration,
    /// How it is printed.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

/// Where a cycle stands; with `--wait` a sensor for schedulers.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon status payout --param payout_date=2026-11-13\n  recon status payout --param payout_date=2026-11-13 --wait released --timeout 2h\n\nExit codes: 0 shown, or with --wait reached (there or further on) · 1 with --wait: blocked or aborted · 2 wrong arguments, or no such cycle · 3 with --wait: the time is over; or the ledger cannot be reached"
)]
pub struct StatusArgs {
    #[command(flatten)]
    pub cycle: CycleArgs,
    /// Wait until the cycle is in this state or beyond it; also for a cycle that is not registered yet.
    #[arg(long, value_name = "STATE")]
    pub wait: Option<String>,
    /// Longest wait: `30s`, `10m`, `2h`.
    #[arg(long, value_name = "TIME", default_value = "1h", requires = "wait", value_parser = crate::config::duration)]
    pub timeout: Duration,
    /// How it is printed.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

/// What was run: history, one run in full, the audit trail.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// What is asked.
    #[command(subcommand)]
    pub command: RunsCommand,
}

/// What can be asked about runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// The runs that started last, the newest first.
    List {
        /// Only those of a reconciliation in recon.toml.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// One run: verdict, reasons, figures, steps, and the texts that were kept with it.
    Show {
        /// The run: `12-3`.
        #[arg(value_name = "RUN")]
        run: String,
        /// Print a text that was kept with the run, and nothing else.
        #[arg(long, value_name = "NAME", conflicts_with = "format")]
        snapshot: Option<String>,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// Follow the audit trail from its first entry: 0 when every entry is as it was written, 1 when one is not.
    VerifyAudit {
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
}

/// The discrepancies that runs logged.
#[derive(Debug, Args)]
pub struct DiscrepanciesArgs {
    /// What is asked.
    #[command(subcommand)]
    pub command: DiscrepanciesCommand,
}

/// What can be asked about discrepancies.
#[derive(Debug, Subcommand)]
pub enum DiscrepanciesCommand {
    /// Those of the last run of each cycle, the newest cycles first; or those of one run.
    List {
        /// Only those of a reconciliation in recon.toml.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Those of this run: `12-3`.
        #[arg(long, value_name = "RUN", conflicts_with = "name")]
        run: Option<String>,
        /// Only those of a kind: mismatch, legacy_only, candidate_only, duplicate_key, unknown, …
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// What a run logged about one record.
    Show {
        /// The run: `12-3`.
        #[arg(value_name = "RUN")]
        run: String,
        /// The record's key as `list` prints it: `id=17`, `id=17,currency=KRW`, or the JSON object.
        #[arg(value_name = "KEY")]
        key: String,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
}

/// How far the new path is trusted, of each reconciliation.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon canary status payout\n  recon canary set payout --percent 5 --why 'six clean payouts' --by kim"
)]
pub struct CanaryArgs {
    /// What is asked.
    #[command(subcommand)]
    pub command: CanaryCommand,
}

/// What can be asked of the canary.
#[derive(Debug, Subcommand)]
pub enum CanaryCommand {
    /// The share in force, its history, the runs at it, and what is recommended.
    Status {
        /// The reconciliation's name in recon.toml.
        #[arg(value_name = "NAME")]
        name: String,
        /// Runs looked at.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        runs: u32,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// Set the share of agreeing records that take the candidate's value, from the next run on.
    Set {
        /// The reconciliation's name in recon.toml.
        #[arg(value_name = "NAME")]
        name: String,
        /// The share, 0 to 100.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
        percent: u8,
        /// Why; kept with the change.
        #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        why: String,
        /// Who sets it (default: RECON_USER, or the account).
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
}

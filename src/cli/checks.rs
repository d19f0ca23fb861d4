//! What is said to `recon checks`. Must do nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ListFormat, ReadArgs};

/// Validation queries and rules in the database.
///
/// A check is a row of the table `recon_checks` of the ledger, for any SQL client to edit, or a file in checks/ beside
/// recon.toml. docs/checks.md says what each column means.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon checks new no-negative-net --kind rule\n  recon checks push\n  recon checks edit no-negative-net\n  recon checks history no-negative-net\n  recon checks approve no-negative-net --by kim@example.com\n\nExit codes: 0 done, nothing differs · 1 `diff`: it differs; `run`: a check fails · 2 wrong arguments, a file or row that is no check, or no such check · 3 the ledger or a file cannot be read or written · 4 refused: edited meanwhile, or your own edit"
)]
pub struct ChecksArgs {
    /// What is asked.
    #[command(subcommand)]
    pub command: ChecksCommand,
}

/// What can be done with checks.
#[derive(Debug, Subcommand)]
pub enum ChecksCommand {
    /// Every check in the database: how it stands, and what it found last.
    List {
        /// Only those that run for a reconciliation in recon.toml.
        #[arg(long, value_name = "NAME")]
        reconciliation: Option<String>,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// One check in full: its text, who approved it, what switched it off, what it found last.
    Show {
        /// The check.
        #[arg(value_name = "CHECK")]
        name: String,
        /// How many of its last results.
        #[arg(long, value_name = "N", default_value_t = 3)]
        results: u32,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// Begin a check from an example, in a file in checks/ or straight in the database.
    New(NewCheckArgs),
    /// Edit a check of the database with $VISUAL or $EDITOR; it is read, tried and shown before it is saved.
    Edit {
        /// The check.
        #[arg(value_name = "CHECK")]
        name: String,
        /// Go on with the text that an earlier edit left.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Who edits (default: RECON_USER, or the account).
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
    },
    /// Put the files of checks/ into the database. An edit made there since the last push or pull is never overwritten.
    Push {
        /// Only these checks.
        #[arg(value_name = "CHECK")]
        names: Vec<String>,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Overwrite edits made in the database, and go back to older versions.
        #[arg(long)]
        force: bool,
        /// Who pushes (default: RECON_USER, or the account).
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
    },
    /// Write the checks of the database into files of checks/. A file that was changed since is never overwritten.
    Pull {
        /// Only these checks.
        #[arg(value_name = "CHECK")]
        names: Vec<String>,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Overwrite files that were changed.
        #[arg(long)]
        force: bool,
    },
    /// Run checks now against a cycle; nothing is decided.
    Run(Box<ChecksRunArgs>),
    /// How an edited check would have judged the last cycles, beside what was judged then.
    Try(Box<ChecksTryArgs>),
    /// Every version of a check: whose, when, who approved it, and which runs it judged how.
    History {
        /// The check.
        #[arg(value_name = "CHECK")]
        name: String,
        /// At most so many results.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// What differs between the database and the file, or between two versions: 1 when something does.
    Diff {
        /// The check.
        #[arg(value_name = "CHECK")]
        name: String,
        /// Two versions instead.
        #[arg(long, value_names = ["A", "B"], num_args = 2)]
        versions: Option<Vec<u64>>,
    },
    /// Approve a version of a check that somebody else edited, where recon.toml asks for approval.
    Approve {
        /// The check.
        #[arg(value_name = "CHECK")]
        name: String,
        /// The version (default: the newest).
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// Who approves: nobody who edited it since it was last approved.
        #[arg(long, value_name = "WHO")]
        by: String,
    },
    /// Switch a check on, also one that was switched off because it flagged too much.
    Enable {
        /// The check.
        #[arg(value_name = "CHECK")]
        name: String,
        /// Why; kept with the check, and needed where it had flagged too much.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Who switches it on (default: RECON_USER, or the account).
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
    },
    /// Switch a check off.
    Disable {
        /// The check.
        #[arg(value_name = "CHECK")]
        name: String,
        /// Why; kept with the check.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who switches it off (default: RECON_USER, or the account).
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
    },
}

/// Begin a check from an example.
#[derive(Debug, Args)]
pub struct NewCheckArgs {
    /// Its name: letters, digits, `-`, `_` and `.`
    #[arg(value_name = "CHECK")]
    pub name: String,
    /// What it is.
    #[arg(long, value_name = "KIND", default_value = "sql")]
    pub kind: CheckKindName,
    /// The store that it asks, for `sql` and `pipeline` (default: the only one that fits).
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,
    /// The reconciliation that it belongs to (default: the only one; where there are several, every one).
    #[arg(long, value_name = "NAME")]
    pub reconciliation: Option<String>,
    /// After which stage it runs.
    #[arg(long, value_name = "STAGE", default_value = "compared")]
    pub stage: CheckStageName,
    /// Whether it blocks.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub severity: CheckSeverityName,
    /// What it guards.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Save it in the database, switched off, and write no file.
    #[arg(long)]
    pub push: bool,
    /// Who makes it, with --push (default: RECON_USER, or the account).
    #[arg(long, value_name = "WHO")]
    pub by: Option<String>,
}

/// Kinds of check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckKindName {
    /// A SELECT in a SQL store.
    Sql,
    /// An aggregation pipeline of MongoDB.
    Pipeline,
    /// Exact SQL over the tables of the run.
    Run,
    /// A JSON rule over every record of the run.
    Rule,
}

/// Stages after which checks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckStageName {
    /// Before anything is computed.
    Registered,
    /// After both paths have computed.
    Computed,
    /// After they are compared.
    Compared,
    /// After the decisions are written.
    Decided,
    /// After the payer may read them.
    Released,
}

/// Whether a check blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckSeverityName {
    /// It blocks.
    Error,
    /// It is told and does not block.
    Warn,
}

/// Run checks now against a cycle; nothing is decided, and no result is kept.
///
/// Checks over records compute the cycle anew, on the stores as they are now.
#[derive(Debug, Args)]
pub struct ChecksRunArgs {
    /// The checks; without any, every one of the reconciliation.
    #[arg(value_name = "CHECK")]
    pub names: Vec<String>,
    /// The reconciliation in recon.toml, where there are several.
    #[arg(long, value_name = "NAME")]
    pub reconciliation: Option<String>,
    /// A parameter of the reconciliation: `payout_date=2026-11-13`.
    #[arg(long, value_name = "NAME=VALUE")]
    pub param: Vec<String>,
    /// How it is printed.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// How an edited check would have judged the last cycles, beside what was judged then.
///
/// The cycles are computed anew, on the stores as they are now. Nothing is written.
#[derive(Debug, Args)]
pub struct ChecksTryArgs {
    /// The check.
    #[arg(value_name = "CHECK")]
    pub name: String,
    /// How many cycles.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub cycles: u32,
    /// The text to try (default: the file in checks/, or the row as it stands).
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The reconciliation in recon.toml, for a check of every one.
    #[arg(long, value_name = "NAME")]
    pub reconciliation: Option<String>,
    /// How it is printed.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
    #[command(flatten)]
    pub read: ReadArgs,
}

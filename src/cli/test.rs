//! What is said to `recon test`. Must do nothing.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Run regression cases: both paths over recorded inputs, held against the decisions that they must lead to.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon test fixtures/merchant/cases\n  recon test --tag holiday --fail-fast\n  recon test --shard 1/4 --format junit --output cases.xml\n  recon test --store core=mysql://ci@127.0.0.1:3306\n\nExit codes: 0 all pass · 1 some fail · 2 a case or flag is wrong · 3 none ran, or a store could not be used"
)]
pub struct TestArgs {
    /// The folder of the cases, one case, or one packed file (default: `cases` beside the project file).
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Only cases whose name holds this text.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Only cases with this tag; may be given several times.
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// A store on a real server: a database is made there for the run and dropped after it.
    #[arg(long, value_name = "NAME=URL")]
    pub store: Vec<String>,
    /// Cases run at the same time (default: two for each processor).
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Show how expectations would change, and write them; never where the variable CI is set.
    #[arg(long)]
    pub update: bool,
    /// End with the first case that fails.
    #[arg(long)]
    pub fail_fast: bool,
    /// Only the first of four shares of the cases: `1/4`. All shares together are all cases.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// How the result is written.
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub format: TestFormat,
    /// Write the result to a file (the summary still goes to stderr).
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Say on stderr what happens as one JSON object per line (recon.log/1), in place of the progress line.
    #[arg(long)]
    pub json_log: bool,
}

/// How the result of `recon test` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For people: failures first.
    Table,
    /// One JSON object, schema `recon.test/1`.
    Json,
    /// JUnit XML with every case, for Jenkins and its kind.
    Junit,
}

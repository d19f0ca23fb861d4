//! The command line: what can be said. Must not do anything but hand over to `commands/`.

mod calendar;
mod capture;
mod checks;
mod cycle;
mod first;
mod impact;
mod read;
mod test;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{self, Failure};
use crate::exit::Exit;
use crate::report::Format;

pub use calendar::{
    CalendarArgs, CalendarCommand, CalendarHolidaysArgs, DueFormat, HolidayAction, HolidayKindName, ListBy,
};
pub use capture::CaptureArgs;
pub use checks::{
    CheckKindName, CheckSeverityName, CheckStageName, ChecksArgs, ChecksCommand, ChecksRunArgs, ChecksTryArgs,
    NewCheckArgs,
};
pub use cycle::{
    CanaryArgs, CanaryCommand, CycleArgs, DiscrepanciesArgs, DiscrepanciesCommand, ReleaseArgs, RunsArgs, RunsCommand,
    StageArgs, StatusArgs,
};
pub use first::{DoctorArgs, InitArgs, SchemaArgs};
pub use impact::ImpactArgs;
pub use read::ReadArgs;
pub use test::{TestArgs, TestFormat};
pub use verify::{RetryArgs, VerifyArgs};

/// What `--version` says; `-V` says the first line alone.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ntarget     ",
    env!("RECON_TARGET"),
    ", ",
    env!("RECON_PROFILE"),
    "\nstores     MySQL, MariaDB, PostgreSQL, SQLite, MongoDB; CSV, TSV, Parquet, NDJSON, BSON files\n\
     paths      queries, pipelines, exact SQL over inputs, programs, calculation APIs\n\
     ledger     SQLite, MySQL, MariaDB, PostgreSQL\n\
     libraries  ",
    env!("RECON_LIBRARIES"),
);

/// Two independent computations of every amount, compared record by record, exactly.
#[derive(Debug, Parser)]
#[command(
    name = "recon",
    version,
    long_version = LONG_VERSION,
    about,
    max_term_width = 110,
    after_help = "Exit codes: 0 done, all agree, clean or warned · 1 something differs, is blocked or is broken · 2 bad flags, configuration or query · 3 could not do or compare everything, or the time is over · 4 refused: another run holds the cycle, or the step is not allowed · 130 interrupted"
)]
struct Cli {
    /// The project file.
    #[arg(long, global = true, value_name = "FILE", default_value = "recon.toml")]
    config: PathBuf,
    /// A profile of the project file: other stores for the same reconciliations.
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// No progress on stderr.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(InitArgs),
    Diff(Box<DiffArgs>),
    Verify(Box<VerifyArgs>),
    Retry(Box<RetryArgs>),
    Test(TestArgs),
    Impact(Box<ImpactArgs>),
    Capture(CaptureArgs),
    Demo(DemoArgs),
    Load(LoadArgs),
    Calendar(CalendarArgs),
    Release(ReleaseArgs),
    Stage(StageArgs),
    Status(StatusArgs),
    Runs(RunsArgs),
    Discrepancies(DiscrepanciesArgs),
    Checks(Box<ChecksArgs>),
    Canary(CanaryArgs),
    Ledger(LedgerArgs),
    Doctor(DoctorArgs),
    Schema(SchemaArgs),
    /// The merchant settlement's own calculation program: NDJSON in and out, or a service.
    #[command(hide = true)]
    Calculator {
        /// Serve over HTTP at this address instead.
        #[arg(long, value_name = "HOST:PORT")]
        listen: Option<String>,
    },
    /// Print the manual page of recon, or of one of its commands.
    #[command(hide = true)]
    Man {
        /// The command.
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What is said to every command.
#[derive(Clone, Debug)]
pub struct Global {
    /// The project file.
    pub config: PathBuf,
    /// The profile.
    pub profile: Option<String>,
    /// When to use colour.
    pub color: Color,
    /// No progress.
    pub quiet: bool,
}

/// Compare two sides record by record.
///
/// A side is a file (.csv, .tsv, .parquet, .ndjson, .jsonl, .bson; text kinds also .gz) or a store URL with the
/// table or collection as fragment: mysql://user@host/db#settlement, postgres://…/db#schema.table,
/// sqlite:shop.db#orders, mongodb://host/db#settlement. With one argument, the name of a reconciliation in
/// recon.toml.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon diff legacy.csv candidate.parquet --key id\n  recon diff mysql://app@db/shop#payout mongodb://docs/shop#payout --key id=_id --tolerance fee=0.01\n  recon diff payout --param payout_date=2026-11-13 --format json\n\nExit codes: 0 every key agrees · 1 something differs · 2 wrong arguments, configuration or query · 3 incomplete: a store failed, a value could not be judged, or nothing was compared"
)]
pub struct DiffArgs {
    /// The legacy side, or the name of a reconciliation in recon.toml.
    #[arg(value_name = "LEGACY|NAME")]
    pub legacy: String,
    /// The candidate side.
    #[arg(value_name = "CANDIDATE")]
    pub candidate: Option<String>,
    /// Key columns: `id`, `id,currency`, `id=_id` where the candidate has another name.
    #[arg(long, short, value_name = "COLS", value_delimiter = ',')]
    pub key: Vec<String>,
    /// Columns with another name on the candidate side: `net=amount.net`.
    #[arg(long, value_name = "LEGACY=CANDIDATE", value_delimiter = ',')]
    pub map: Vec<String>,
    /// Compare only these columns (legacy names).
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Do not compare these columns.
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// How far amounts may lie apart: `net=0.01`, or `net=0.1%` of the legacy amount.
    #[arg(long, value_name = "COL=AMOUNT", value_delimiter = ',')]
    pub tolerance: Vec<String>,
    /// Fix a column's type on both sides: decimal, integer, text, date, instant, time, boolean, uuid, json.
    #[arg(long = "type", value_name = "COL=TYPE", value_delimiter = ',')]
    pub column_type: Vec<String>,
    /// Only records that satisfy a condition on both sides: `status = 'paid' AND net > 0` (legacy names).
    #[arg(long = "where", value_name = "CONDITION")]
    pub condition: Option<String>,
    /// A SELECT, or an aggregation pipeline as Extended JSON, in place of the legacy table; `@FILE` reads it.
    #[arg(long, value_name = "QUERY|@FILE")]
    pub legacy_query: Option<String>,
    /// The same for the candidate side.
    #[arg(long, value_name = "QUERY|@FILE")]
    pub candidate_query: Option<String>,
    /// A parameter of the queries, bound as `:name` or {"$param": "name"}; `name:type=value` gives its type.
    #[arg(long, value_name = "NAME=VALUE")]
    pub param: Vec<String>,
    /// Discrepancies shown; never changes what is counted.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The report's format; taken from the ending of --output when that is given.
    #[arg(long, short, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write the report to a file (a line with the verdict still goes to stderr).
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Say on stderr what happens as one JSON object per line (recon.log/1), in place of the progress line.
    #[arg(long)]
    pub json_log: bool,
    #[command(flatten)]
    pub read: ReadArgs,
}

/// Whether an absent document field equals NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MissingRule {
    /// Absent equals NULL (counted as drift).
    Null,
    /// Absent and NULL differ.
    Distinct,
}

/// Whether equal values of another type agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TypesRule {
    /// They agree, and are counted as drift.
    Lenient,
    /// They differ.
    Strict,
}

/// Show the whole job: one settlement computed by two independent paths, compared, on embedded stores.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The settlement.
    #[arg(value_name = "EXAMPLE", default_value = "p2p")]
    pub example: ExampleName,
    #[command(flatten)]
    pub scale: ScaleArgs,
    /// Keep the project in this folder, to look at and to run `recon diff` in.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// Put a worked settlement's data into the stores `core`, `docs` and `lake` of the project file.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  recon demo p2p --keep p2p && cd p2p\n  export RECON_MYSQL_URL=mysql://… RECON_MONGO_URL=mongodb://…\n  recon load p2p --records 1000000 --profile servers    # or postgres, with RECON_POSTGRES_URL"
)]
pub struct LoadArgs {
    /// The settlement.
    #[arg(value_name = "EXAMPLE")]
    pub example: ExampleName,
    #[command(flatten)]
    pub scale: ScaleArgs,
    /// Replace what is there already.
    #[arg(long)]
    pub replace: bool,
}

/// The database in which recon keeps cycles, runs, discrepancies, approvals and the audit trail.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    #[command(subcommand)]
    pub action: LedgerAction,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub enum LedgerAction {
    /// Bring its schema up to date (every command that writes to it does so too).
    Migrate,
    /// Schema, rows, and whether the audit trail is intact (1 when it is not).
    Status {
        /// For people, or as one JSON object.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// Delete discrepancies and snapshots of old, finished cycles; everything else stays.
    Prune {
        /// Runs that ended before this date, UTC.
        #[arg(long, value_name = "DATE")]
        before: String,
        /// Who does it, for the audit trail.
        #[arg(long, value_name = "WHO", env = "USER")]
        by: String,
    },
}

/// How much of a worked settlement is generated.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// Main records: holdings (p2p), plays (royalty), transactions (merchant). Default: a quick set.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub records: Option<u64>,
    /// The same seed gives the same data.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Share of results whose candidate data gets a fault: 0.1%.
    #[arg(long, value_name = "SHARE")]
    pub faults: Option<String>,
    /// Without the hand-written records on which the two paths disagree for a realistic reason.
    #[arg(long)]
    pub no_quirks: bool,
}

/// The worked settlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExampleName {
    /// Investor payouts of a peer-to-peer lender.
    P2p,
    /// Royalties of a music streaming service.
    Royalty,
    /// Merchant settlement of a payment gateway.
    Merchant,
}

/// Parses the command line, runs the command and returns how it ended.
pub fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json-log") {
                commands::begin_log("recon");
                return commands::end_log(Failure::usage(error.render().to_string()).print());
            }
            // `--help` and `--version` are answers; everything else is a usage error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success };
        }
    };
    commands::exit_on_interrupt();
    let global = Global { config: cli.config, profile: cli.profile, color: cli.color, quiet: cli.quiet };
    let command = cli.command;
    let logged = match &command {
        Command::Diff(args) => args.json_log.then_some("diff"),
        Command::Verify(args) => args.json_log.then_some("verify"),
        Command::Retry(args) => args.json_log.then_some("retry"),
        Command::Test(args) => args.json_log.then_some("test"),
        _ => None,
    };
    if let Some(name) = logged {
        commands::begin_log(name);
    }
    let exit = commands::guarded(|| dispatch(&global, command)).unwrap_or_else(|failure: Failure| failure.print());
    commands::end_log(exit)
}

fn dispatch(global: &Global, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => commands::init::run(global, &args),
        Command::Diff(args) => commands::diff::run(global, &args),
        Command::Verify(args) => commands::verify::run(global, &args),
        Command::Retry(args) => commands::verify::retry(global, &args),
        Command::Test(args) => commands::test::run(global, &args),
        Command::Impact(args) => commands::impact::run(global, &args),
        Command::Capture(args) => commands::capture::run(global, &args),
        Command::Demo(args) => commands::demo::run(global, &args),
        Command::Load(args) => commands::load::run(global, &args),
        Command::Release(args) => commands::release::run(global, &args),
        Command::Stage(args) => commands::stage::run(global, &args),
        Command::Status(args) => commands::status::run(global, &args),
        Command::Runs(args) => commands::runs::run(global, &args),
        Command::Discrepancies(args) => commands::discrepancies::run(global, &args),
        Command::Checks(args) => commands::checks::run(global, &args),
        Command::Canary(args) => commands::canary::run(global, &args),
        Command::Ledger(args) => commands::ledger::run(global, &args),
        Command::Doctor(args) => commands::doctor::run(global, &args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Calculator { listen } => commands::calculator::run(listen.as_deref()),
        Command::Calendar(args) => commands::calendar::run(global, &args),
        Command::Man { command } => commands::man::run(<Cli as clap::CommandFactory>::command(), command.as_deref()),
        Command::Completions { shell } => {
            use clap::CommandFactory;
            clap_complete::generate(shell, &mut Cli::command(), "recon", &mut std::io::stdout());
            Ok(Exit::Success)
        }
    }
}

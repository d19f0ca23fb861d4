//! What is said to `recon calendar`. Must do nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ListFormat;

/// Payout days, holidays, and which verification is due when, of a [calendar.NAME] in recon.toml.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  recon calendar list investors --from 2026-11-01 --to 2026-12-31\n  recon calendar due investors --at 2026-11-12T18:00\n  recon calendar holidays investors add 2026-12-31 --name 'Bank holiday'"
)]
pub struct CalendarArgs {
    /// What is asked.
    #[command(subcommand)]
    pub command: CalendarCommand,
}

/// What a calendar can be asked.
#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// Payouts of a span of days: base day, payout day, time of verification.
    List {
        /// The calendar's name in recon.toml.
        name: String,
        /// The first day.
        #[arg(long, value_name = "DAY")]
        from: String,
        /// The last day.
        #[arg(long, value_name = "DAY")]
        to: String,
        /// Which day of a payout must lie in the span.
        #[arg(long, value_name = "DAY", default_value = "base-day")]
        by: ListBy,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// The next payout day: today, or the first after it.
    Next {
        /// The calendar's name in recon.toml.
        name: String,
        /// As of this day or time (default: now); without an offset it is local to the calendar's zone.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: ListFormat,
    },
    /// The holidays that the calendar knows; add, remove or import some.
    Holidays(CalendarHolidaysArgs),
    /// What the evening job asks: which verifications are due, and when; registers each in the ledger, once.
    Due {
        /// The calendar's name in recon.toml.
        name: String,
        /// As of this time (default: now); without an offset it is local to the calendar's zone.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Say what is due, and register nothing.
        #[arg(long)]
        dry_run: bool,
        /// Who registers (default: RECON_USER, or the account).
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
        /// How it is printed.
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: DueFormat,
    },
}

/// How what is due is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DueFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// The commands of those that are to be verified now, one on a line, for a shell.
    Commands,
}

/// The holidays that the calendar knows; add, remove or import some.
#[derive(Debug, Args)]
pub struct CalendarHolidaysArgs {
    /// The calendar's name in recon.toml.
    pub name: String,
    /// Only those of a year.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1..=9999))]
    pub year: Option<i16>,
    /// How it is printed.
    #[arg(long, short, value_name = "FORMAT", default_value = "table", global = true)]
    pub format: ListFormat,
    /// The store whose holidays are changed, where the calendar has several.
    #[arg(long, value_name = "NAME", global = true)]
    pub store: Option<String>,
    /// What is changed.
    #[command(subcommand)]
    pub action: Option<HolidayAction>,
}

/// Changes of a calendar's holidays, in its table or CSV file.
#[derive(Debug, Subcommand)]
pub enum HolidayAction {
    /// Add the holidays of a .csv (day, name, kind) or .ics file; those there already stay as they are.
    Import {
        /// The file.
        file: PathBuf,
        /// The kind of holidays that say none.
        #[arg(long, value_name = "KIND", default_value = "public")]
        kind: HolidayKindName,
        /// .ics: only events whose summary, description or categories contain this text.
        #[arg(long, value_name = "TEXT")]
        matching: Option<String>,
        /// Say what would be added, and add nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Add one holiday, a temporary one unless said otherwise.
    Add {
        /// The day: 2026-11-06.
        day: String,
        /// What it is called.
        #[arg(long = "name", value_name = "TEXT", default_value = "temporary holiday")]
        title: String,
        /// Its kind.
        #[arg(long, value_name = "KIND", default_value = "temporary")]
        kind: HolidayKindName,
    },
    /// Remove a temporary holiday.
    Remove {
        /// The day: 2026-11-06.
        day: String,
    },
}

/// Kinds of holiday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HolidayKindName {
    /// Fixed by law for every year, or its substitute: shows that the holidays of its year are known.
    Public,
    /// For one occasion.
    Temporary,
}

/// Which day of a payout must lie in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListBy {
    /// The base day.
    BaseDay,
    /// The payout day.
    PayoutDay,
}

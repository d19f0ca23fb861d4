//! One immutable [`Report`] of a comparison, rendered to each format. Renderers write to a given writer; they
//! open no files, read no clock and decide nothing.

mod csv;
mod html;
pub mod impact;
mod json;
mod junit;
mod layout;
mod line_diff;
mod markdown;
mod markup;
mod ndjson;
mod shown;
mod table;
#[cfg(test)]
mod tests;
pub mod verification;
mod visible;
mod voice;
mod words;

use std::io::{self, Write};
use std::time::Duration;

use crate::domain::{Amount, Drift, Value};
use crate::stores::{InputRead, Snapshot};
pub(crate) use markup::escape as xml_escape;
use shown::Shown;
pub use words::count;

/// What `recon diff` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Every record agrees. Exit 0.
    Agree,
    /// Some record differs. Exit 1.
    Differ,
    /// Not everything could be compared. Exit 3.
    Incomplete,
}

impl Verdict {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Agree => "agree",
            Verdict::Differ => "differ",
            Verdict::Incomplete => "incomplete",
        }
    }
}

/// Everything that is known when a comparison has ended, but for the discrepancies themselves, which are
/// streamed beside it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The outcome.
    pub verdict: Verdict,
    /// Why, in sentences; first the weightiest.
    pub reasons: Vec<String>,
    /// The reconciliation's name when it was run from `recon.toml`.
    pub name: Option<String>,
    /// The key columns, by their legacy names.
    pub key: Vec<String>,
    /// The legacy side.
    pub legacy: Side,
    /// The candidate side.
    pub candidate: Side,
    /// Counts of distinct keys.
    pub counts: Counts,
    /// Discrepancies that were gone when their keys were read again (`--recheck`).
    pub transient: u64,
    /// How often discrepant keys were read again.
    pub rechecks: u32,
    /// The compared columns, in the order of the legacy side.
    pub columns: Vec<ColumnReport>,
    /// Wall time of the comparison.
    pub elapsed: Duration,
}

impl Report {
    /// Verdict, reasons and what was not compared, in one line.
    pub fn summary(&self) -> String {
        let mut parts = self.reasons.clone();
        parts.extend(words::not_compared_sentence(self, 20, &|name| visible::visible(name).to_string()));
        if parts.is_empty() {
            parts.push(words::verdict_sentence(self));
        }
        format!("{}: {}", self.verdict.name(), parts.join("; "))
    }
}

/// One side of a report.
#[derive(Clone, Debug)]
pub struct Side {
    /// The locator, without secrets.
    pub label: String,
    /// Records read.
    pub rows: u64,
    /// Records read whose key stands more than once on this side or the other.
    pub in_duplicates: u64,
    /// Records read that are part of an `unknown` discrepancy.
    pub in_unknown: u64,
    /// The moment it was read at (the first one, with several partitions).
    pub snapshot: Option<Snapshot>,
    /// Columns of this side that were not compared.
    pub not_compared: Vec<String>,
    /// What the user should know about how it was read.
    pub notices: Vec<String>,
    /// What it was computed from; empty for a side that was read as it is.
    pub inputs: Vec<InputRead>,
    /// Why it could not be read to its end, if so.
    pub error: Option<String>,
}

/// Counts of distinct keys. `keys = matched + mismatched + legacy_only + candidate_only + duplicate + unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Distinct keys of both sides together.
    pub keys: u64,
    /// Keys whose compared columns all agree, `tolerated` included.
    pub matched: u64,
    /// Keys that agree only within a tolerance; part of `matched`.
    pub tolerated: u64,
    /// Keys with a differing column.
    pub mismatched: u64,
    /// Keys of the legacy side alone.
    pub legacy_only: u64,
    /// Keys of the candidate side alone.
    pub candidate_only: u64,
    /// Keys that stand more than once on either side.
    pub duplicate: u64,
    /// Keys with a value that could not be decoded, or a NULL key.
    pub unknown: u64,
}

impl Counts {
    /// Keys that do not agree.
    pub fn discrepancies(&self) -> u64 {
        self.mismatched + self.legacy_only + self.candidate_only + self.duplicate + self.unknown
    }

    /// As every JSON output has them.
    pub fn object(&self) -> serde_json::Value {
        json::counts(self)
    }
}

/// One compared column.
#[derive(Clone, Debug)]
pub struct ColumnReport {
    /// Its legacy name.
    pub name: String,
    /// The candidate's name where it is another.
    pub candidate_name: Option<String>,
    /// `decimal`, `integer`, `text`, `mixed`, …
    pub kind: &'static str,
    /// The tolerance in force, if any.
    pub tolerance: Option<String>,
    /// Keys in which this column differs.
    pub mismatched: u64,
    /// Keys in which it agrees only within the tolerance.
    pub tolerated: u64,
    /// How often equal values were held differently.
    pub drift: Vec<(Drift, u64)>,
    /// Control totals, when the column holds numbers.
    pub totals: Option<Totals>,
}

/// Control totals of a column, exact. NULL and absent count as nothing.
///
/// `candidate - legacy = net_difference = overpaid - underpaid + (candidate - legacy) in duplicates + in unknown`.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Sum over every legacy record read.
    pub legacy: Amount,
    /// Sum over every candidate record read.
    pub candidate: Amount,
    /// Candidate minus legacy.
    pub net_difference: Amount,
    /// Sum of absolute differences over matched keys and one-sided records.
    pub gross_difference: Amount,
    /// Sum of differences where the candidate is above the legacy.
    pub overpaid: Amount,
    /// Sum of differences where the candidate is below the legacy, as a positive amount.
    pub underpaid: Amount,
    /// Legacy records of duplicate keys.
    pub legacy_in_duplicates: Amount,
    /// Candidate records of duplicate keys.
    pub candidate_in_duplicates: Amount,
    /// Legacy records of unknown keys.
    pub legacy_in_unknown: Amount,
    /// Candidate records of unknown keys.
    pub candidate_in_unknown: Amount,
    /// Values on either side that cannot be totalled (NaN, infinities, text that is no number).
    pub not_totalled: u64,
}

/// Kinds of discrepancy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DiscrepancyKind {
    /// A column differs.
    Mismatch,
    /// Only the legacy side has the key.
    LegacyOnly,
    /// Only the candidate side has the key.
    CandidateOnly,
    /// The key stands more than once on a side.
    DuplicateKey,
    /// A value could not be decoded, or the key is NULL.
    Unknown,
}

impl DiscrepancyKind {
    /// The word of the contract.
    pub fn name(self) -> &'static str {
        match self {
            DiscrepancyKind::Mismatch => "mismatch",
            DiscrepancyKind::LegacyOnly => "legacy_only",
            DiscrepancyKind::CandidateOnly => "candidate_only",
            DiscrepancyKind::DuplicateKey => "duplicate_key",
            DiscrepancyKind::Unknown => "unknown",
        }
    }
}

/// One discrepancy, decoded for showing.
#[derive(Clone, Debug)]
pub struct Discrepancy {
    /// The key, column by column.
    pub key: Vec<(String, Value)>,
    /// What is wrong.
    pub kind: DiscrepancyKind,
    /// Mismatch: the differing columns. One-sided: every compared column. Unknown: the columns concerned.
    pub fields: Vec<FieldDifference>,
    /// Duplicates: every copy of the legacy side, every compared column in the report's order.
    pub legacy_copies: Vec<Vec<Value>>,
    /// Duplicates: every copy of the candidate side.
    pub candidate_copies: Vec<Vec<Value>>,
    /// Unknown: why.
    pub reason: Option<String>,
}

/// Both values of one column.
#[derive(Clone, Debug)]
pub struct FieldDifference {
    /// The column's legacy name.
    pub column: String,
    /// `None`: the legacy side has no such record. NULL and absent are values.
    pub legacy: Option<Value>,
    /// `None`: the candidate side has no such record.
    pub candidate: Option<Value>,
    /// Candidate minus legacy where both are amounts (a missing one counts as nothing).
    pub difference: Option<Amount>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum Format {
    /// For a person at a terminal.
    Table,
    /// One document, schema `recon.diff/1`.
    Json,
    /// One discrepancy a line, then a summary line.
    Ndjson,
    /// One row per differing field; data only.
    Csv,
    /// For a pull request, an issue or a chat.
    Markdown,
    /// One self-contained page.
    Html,
    /// For Jenkins and its kind.
    Junit,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Format; 7] =
        [Format::Table, Format::Json, Format::Ndjson, Format::Csv, Format::Markdown, Format::Html, Format::Junit];

    /// The name that users write.
    pub fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Markdown => "markdown",
            Format::Html => "html",
            Format::Junit => "junit",
        }
    }

    /// How many discrepancies are shown when the user does not say; `None`: all.
    pub fn default_limit(self) -> Option<u64> {
        match self {
            Format::Table => Some(20),
            Format::Markdown => Some(50),
            Format::Html | Format::Junit => Some(500),
            Format::Json => Some(1000),
            Format::Csv | Format::Ndjson => None,
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|f| f.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|f| f.name()).collect();
            format!("`{text}` is not a format; the formats are {}", names.join(", "))
        })
    }
}

/// How a report looks; never what it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Discrepancies shown; `None`: [`Format::default_limit`].
    pub limit: Option<u64>,
    /// Whether the table may use colour.
    pub color: bool,
    /// Columns of the terminal. Amounts are never cut to fit.
    pub width: usize,
    /// Whether the wall time is shown.
    pub seconds: bool,
}

impl Default for Look {
    fn default() -> Self {
        Look { limit: None, color: false, width: 100, seconds: false }
    }
}

/// A discrepancy as it stands in recon's JSON.
pub fn discrepancy_json(report: &Report, discrepancy: &Discrepancy) -> serde_json::Value {
    json::discrepancy_object(report, discrepancy)
}

/// Writes the report. `discrepancies` yields every discrepancy, in key order; they are streamed, so that
/// memory does not grow with them.
///
/// # Errors
/// Writing or reading failed; or `discrepancies` holds another number than the report counts, in which case
/// what was written must not be trusted.
pub fn render(
    report: &Report,
    discrepancies: &mut dyn Iterator<Item = Result<Discrepancy, io::Error>>,
    format: Format,
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let limit = look.limit.or(format.default_limit()).unwrap_or(u64::MAX);
    let mut shown = Shown::new(discrepancies, limit, report.counts.discrepancies());
    match format {
        Format::Table => table::render(report, &mut shown, look, out),
        Format::Json => json::render(report, &mut shown, look, out),
        Format::Ndjson => ndjson::render(report, &mut shown, look, out),
        Format::Csv => csv::render(report, &mut shown, out),
        Format::Markdown => markdown::render(report, &mut shown, look, out),
        Format::Html => html::render(report, &mut shown, look, out),
        Format::Junit => junit::render(report, &mut shown, look, out),
    }
}

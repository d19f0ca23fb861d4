//! The report of a verification: the verdict, what was decided, how the decisions follow from legacy's control totals,
//! then the comparison itself. Schema `recon.verify/1`. Opens nothing, reads no clock, decides nothing.

mod checks;
pub(crate) mod junit;

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use checks::checks;
pub use checks::{Check, Shadow};
pub(crate) use checks::{check_object, render_checks};

use super::layout::{Align, Grid, GridCell, Paint, Style, wrapped};
use super::shown::Shown;
use super::visible::visible;
use super::words;
use super::{Counts, Discrepancy, Format, Look, Report, json, table};
use crate::domain::Amount;

/// Everything that is known when a verification has ended, but for the discrepancies, which are streamed beside it.
#[derive(Clone, Debug)]
pub struct Verification {
    /// `clean`, `warned`, `blocked` or `incomplete`.
    pub verdict: &'static str,
    /// Why, in sentences; first the weightiest.
    pub reasons: Vec<String>,
    /// What the user should know besides.
    pub notices: Vec<String>,
    /// The cycle as people name it: `payout payout_date=2026-11-13`.
    pub cycle: String,
    /// The reconciliation.
    pub name: String,
    /// Its parameters.
    pub params: Vec<(String, String)>,
    /// The run: `12-3`.
    pub run: String,
    /// Who ran it.
    pub by: String,
    /// The state of the cycle now.
    pub state: String,
    /// The hash of the settings in force.
    pub snapshot: String,
    /// The comparison; `None` when there was none.
    pub diff: Option<Report>,
    /// What was decided; `None` when nothing could be.
    pub decisions: Option<Decided>,
    /// How far the candidate was trusted.
    pub canary: Canary,
    /// The run that this one completes, and the counts of the whole cycle: the comparison is then of what was computed
    /// again.
    pub completes: Option<(String, Counts)>,
    /// Every check that ran.
    pub checks: Vec<Check>,
    /// Records that must exist, by an independent count, where there is one.
    pub expected: Option<u64>,
    /// Wall time of the whole.
    pub elapsed: Duration,
    /// What is to be done next, for people.
    pub next: Option<String>,
}

/// What was decided, in figures.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Records that take the candidate's value.
    pub candidate: u64,
    /// Records that take legacy's value.
    pub legacy: u64,
    /// Records for which nothing is paid.
    pub held: u64,
    /// Where they are written; `None`: nowhere.
    pub place: Option<String>,
    /// What tells these decisions from all others, as read back from there.
    pub hash: Option<String>,
    /// One for each compared column that holds numbers.
    pub totals: Vec<Bridged>,
}

/// How far the candidate was trusted.
#[derive(Clone, Debug, Default)]
pub struct Canary {
    /// Share of agreeing records that take its value.
    pub percent: u8,
    /// Whether more records disagreed than is allowed, so that all fell back to legacy.
    pub fallback: bool,
    /// The sum of the values that are the candidate's, per column.
    pub covered: Vec<(String, Amount)>,
    /// Values of the segment columns: of any record, and of those that take the candidate's value.
    pub segments: (Vec<String>, Vec<String>),
}

/// How a column's decisions follow from what was known before them. For a verification that is legacy's control total:
/// `legacy + candidate_taken + tolerated - held`. For a retry it is the run that it completes:
/// `before - retried_before + retried`.
#[derive(Clone, Debug)]
pub struct Bridged {
    /// The column.
    pub column: String,
    /// The currency of its amounts, where the project file says it.
    pub currency: Option<String>,
    /// The parts, each with its name in JSON and its sign.
    pub parts: Vec<Part>,
    /// The decisions, summed again from where they were written.
    pub decided: Amount,
    /// What is left over: 0, or the run is incomplete.
    pub residual: Amount,
}

/// A part of a bridge.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Whether it is taken off.
    pub minus: bool,
    /// How much it is, before its sign.
    pub amount: Amount,
}

impl Verification {
    /// Verdict and reasons in one line.
    pub fn summary(&self) -> String {
        let why = if self.reasons.is_empty() { "every record agrees".to_owned() } else { self.reasons.join("; ") };
        format!("{}: {}: {why}; the cycle is {}", self.cycle, self.verdict, self.state)
    }

    /// Everything but the comparison, as one JSON object.
    pub fn head(&self, look: &Look) -> Map<String, Json> {
        let mut head = Map::new();
        let params: Map<String, Json> = self.params.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let totals = self.decisions.iter().flat_map(|decided| &decided.totals);
        for (name, value) in [
            ("schema", json!("recon.verify/1")),
            ("verdict", json!(self.verdict)),
            ("reasons", json!(self.reasons)),
            ("notices", json!(self.notices)),
            ("cycle", json!(self.cycle)),
            ("name", json!(self.name)),
            ("params", Json::Object(params)),
            ("run", json!(self.run)),
            ("by", json!(self.by)),
            ("state", json!(self.state)),
            ("snapshot", json!(self.snapshot)),
            ("decisions", json!(self.decisions.as_ref().map(decided_object))),
            ("totals", Json::Object(totals.map(|total| (total.column.clone(), bridge_object(total))).collect())),
            (
                "retry",
                json!(
                    self.completes
                        .as_ref()
                        .map(|(run, counts)| json!({ "completes": run, "counts": json::counts(counts) }))
                ),
            ),
            ("canary", canary_object(&self.canary)),
            ("checks", self.checks.iter().map(check_object).collect()),
            ("coverage", self.coverage()),
        ] {
            head.insert(name.to_owned(), value);
        }
        if look.seconds {
            let nanos = i128::try_from(self.elapsed.as_nanos()).unwrap_or(i128::MAX);
            head.insert("seconds".into(), json!(words::seconds(nanos)));
        }
        head
    }

    /// The whole document without the single discrepancies: what is kept of a run.
    pub fn figures(&self) -> String {
        let look = Look { seconds: true, ..Look::default() };
        let mut head = self.head(&look);
        let diff = self.diff.as_ref().map(|diff| {
            let mut object = json::head(diff, &look);
            object.insert("discrepancies".into(), json!([]));
            object.insert("truncated".into(), json!(diff.counts.discrepancies() > 0));
            object
        });
        head.insert("diff".into(), json!(diff));
        Json::Object(head).to_string()
    }

    /// Counts of distinct keys of the whole cycle; all 0 when nothing was compared.
    pub fn counts(&self) -> Counts {
        let of_diff = || self.diff.as_ref().map(|diff| diff.counts).unwrap_or_default();
        self.completes.as_ref().map_or_else(of_diff, |(_, counts)| *counts)
    }

    /// Distinct keys: how many must exist, were read, were compared with each other, and were not.
    fn coverage(&self) -> Json {
        let counts = self.counts();
        let compared = counts.matched + counts.mismatched;
        json!({
            "expected": self.expected,
            "read": counts.keys,
            "compared": compared,
            "not_compared": counts.keys.saturating_sub(compared),
        })
    }
}

fn decided_object(decided: &Decided) -> Json {
    let total: Map<String, Json> =
        decided.totals.iter().map(|total| (total.column.clone(), json!(total.decided.to_string()))).collect();
    json!({
        "candidate": decided.candidate, "legacy": decided.legacy, "held": decided.held, "total": total,
        "place": decided.place, "hash": decided.hash,
    })
}

fn bridge_object(bridge: &Bridged) -> Json {
    let mut object = Map::new();
    object.insert("currency".into(), json!(bridge.currency));
    for part in &bridge.parts {
        object.insert(part.name.into(), json!(part.amount.to_string()));
    }
    object.insert("decisions".into(), json!(bridge.decided.to_string()));
    object.insert("residual".into(), json!(residual(&bridge.residual)));
    Json::Object(object)
}

/// Nothing left over is `0`, whatever the scale of what was summed.
fn residual(rest: &Amount) -> String {
    if rest.is_zero() { "0".to_owned() } else { rest.to_string() }
}

fn canary_object(canary: &Canary) -> Json {
    let covered: Map<String, Json> =
        canary.covered.iter().map(|(column, amount)| (column.clone(), json!(amount.to_string()))).collect();
    json!({
        "percent": canary.percent, "fallback": canary.fallback, "covered": covered,
        "segments": { "seen": canary.segments.0, "covered": canary.segments.1 },
    })
}

/// Writes the report of a verification as a table, as JSON or as JUnit XML. `discrepancies` are those of its comparison.
///
/// # Errors
/// As [`super::render`]; another format than these is not supported here.
pub fn render(
    verification: &Verification,
    discrepancies: &mut dyn Iterator<Item = Result<Discrepancy, io::Error>>,
    format: Format,
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let counted = verification.diff.as_ref().map_or(0, |diff| diff.counts.discrepancies());
    let limit = look.limit.or(format.default_limit()).unwrap_or(u64::MAX);
    let mut shown = Shown::new(discrepancies, limit, counted);
    match format {
        Format::Json => document(verification, &mut shown, look, out),
        Format::Junit => {
            // Bounded by the limit, as a report that people open is.
            let mut text = Vec::new();
            document(verification, &mut shown, look, &mut text)?;
            junit::render(&serde_json::from_slice(&text)?, out)
        }
        Format::Table => render_table(verification, &mut shown, look, out),
        other => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("a verification is not written as {}: use table, json or junit", other.name()),
        )),
    }
}

/// The document `recon.verify/1`.
fn document(verification: &Verification, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let head = Json::Object(verification.head(look)).to_string();
    out.write_all(&head.as_bytes()[..head.len() - 1])?;
    out.write_all(b",\"diff\":")?;
    match &verification.diff {
        Some(diff) => json::object(diff, shown, look, out)?,
        None => out.write_all(b"null")?,
    }
    writeln!(out, "}}")
}

fn render_table(
    verification: &Verification,
    shown: &mut Shown<'_>,
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let paint = Paint(look.color);
    let style = match verification.verdict {
        "clean" => Style::Good,
        "warned" => Style::Warning,
        _ => Style::Bad,
    };
    let mut line = visible(&verification.cycle).to_string();
    line.push_str(&format!(": {}", outcome(verification)));
    if look.seconds {
        let nanos = i128::try_from(verification.elapsed.as_nanos()).unwrap_or(i128::MAX);
        line.push_str(&format!("  ({} s)", words::seconds(nanos - nanos % 1_000_000)));
    }
    let word = verification.verdict.to_uppercase();
    writeln!(out, "{}  {}", paint.text(style, &word), paint.text(Style::Bold, &line))?;
    for reason in &verification.reasons {
        wrapped("  ", reason, (paint, style), look.width, out)?;
    }
    let mut grid = Grid::new(0, &[("", Align::Left), ("", Align::Left)]);
    let mut row = |label: &str, text: String| {
        grid.row(vec![GridCell::text(label, Style::Bold), GridCell::text(text, Style::Plain)]);
    };
    row("run", format!("{} by {}", verification.run, visible(&verification.by)));
    row("state", verification.state.clone());
    if let Some(decided) = &verification.decisions {
        row(
            "decisions",
            format!(
                "{} candidate, {} legacy, {} held",
                words::count(decided.candidate),
                words::count(decided.legacy),
                words::count(decided.held)
            ),
        );
        row("written to", decided.place.as_deref().map_or_else(|| "nowhere".to_owned(), |p| visible(p).to_string()));
    }
    if let Some(expected) = verification.expected {
        let read = words::count(verification.counts().keys);
        row("population", format!("{} must exist, {read} were read", words::count(expected)));
    }
    writeln!(out)?;
    grid.write(paint, out)?;
    for notice in &verification.notices {
        wrapped("notice  ", notice, (paint, Style::Plain), look.width, out)?;
    }
    if let Some(decided) = verification.decisions.as_ref().filter(|decided| !decided.totals.is_empty()) {
        writeln!(out)?;
        bridge(decided).write(paint, out)?;
    }
    if !verification.checks.is_empty() {
        writeln!(out)?;
        checks(&verification.checks).write(paint, out)?;
    }
    if let Some(diff) = &verification.diff {
        writeln!(out)?;
        writeln!(out, "{}", paint.text(Style::Bold, "The comparison"))?;
        table::body(diff, shown, look, out)?;
    }
    match &verification.next {
        Some(next) => {
            writeln!(out)?;
            wrapped("next  ", next, (paint, Style::Bold), look.width, out)
        }
        None => Ok(()),
    }
}

/// What the verdict means for the money.
fn outcome(verification: &Verification) -> String {
    let paid = |decided: &Decided| words::count(decided.candidate + decided.legacy);
    match (verification.verdict, &verification.decisions) {
        ("clean", Some(decided)) if decided.candidate + decided.legacy == 1 => {
            "both paths agree on the one record".to_owned()
        }
        ("clean", Some(decided)) => format!("both paths agree on all {} records", paid(decided)),
        ("warned", Some(decided)) => {
            let held = if decided.held == 0 { String::new() } else { format!(", {} held", words::count(decided.held)) };
            let noun = if decided.candidate + decided.legacy == 1 { "record" } else { "records" };
            format!("{} {noun} can be paid{held}", paid(decided))
        }
        ("blocked", _) => "blocked, nothing may be paid".to_owned(),
        _ => "could not be verified, nothing may be paid".to_owned(),
    }
}

/// The bridge: a column of the data a line.
fn bridge(decided: &Decided) -> Grid {
    let moved = |amount: &Amount| if amount.is_zero() { Style::Dim } else { Style::Warning };
    let parts = decided.totals.first().map(|total| total.parts.as_slice()).unwrap_or_default();
    let names: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(at, part)| match (at, part.minus) {
            (0, _) => part.name.replace('_', " "),
            (_, true) => format!("- {}", part.name.replace('_', " ")),
            (_, false) => format!("+ {}", part.name.replace('_', " ")),
        })
        .collect();
    let mut heads = vec![("totals", Align::Left)];
    heads.extend(names.iter().map(|name| (name.as_str(), Align::Decimal)));
    heads.extend([("= decisions", Align::Decimal), ("residual", Align::Decimal)]);
    let mut grid = Grid::new(0, &heads);
    for total in &decided.totals {
        let currency = total.currency.as_ref().map(|currency| format!(" {currency}")).unwrap_or_default();
        let mut row = vec![GridCell::text(format!("{}{currency}", visible(&total.column)), Style::Bold)];
        row.extend(total.parts.iter().enumerate().map(|(at, part)| {
            let style = if at == 0 { Style::Plain } else { moved(&part.amount) };
            GridCell::number(part.amount.to_string(), style)
        }));
        row.push(GridCell::number(total.decided.to_string(), Style::Bold));
        let style = if total.residual.is_zero() { Style::Good } else { Style::Bad };
        row.push(GridCell::number(residual(&total.residual), style));
        grid.row(row);
    }
    grid
}

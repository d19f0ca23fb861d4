//! What a row of `recon_checks` means. A row that cannot be understood is a check whose outcome is unknown, never one
//! that is left out.

use std::fmt;
use std::time::Duration;

use crate::domain::{Amount, Filter};

use super::row::CheckRow;

/// Longest time of a check that does not say one.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest time that a check may ask for.
const MOST_TIME_MS: u64 = 24 * 60 * 60 * 1_000;

/// A check, understood.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The reconciliation that it belongs to; `None`: every one.
    pub reconciliation: Option<String>,
    /// After which stage it runs.
    pub stage: Stage,
    /// What its query is.
    pub kind: Kind,
    /// The store that is asked; there for `sql` and `pipeline`.
    pub store: Option<String>,
    /// The query, pipeline or rule.
    pub query: String,
    /// A query of the same kind that counts the records it looks at.
    pub examines: Option<String>,
    /// A condition on the one value that the query gives; without it rows are violations.
    pub expect: Option<Filter>,
    /// That condition as it is written.
    pub expect_text: String,
    /// Whether a violation blocks.
    pub severity: Severity,
    /// Violations from which it warns.
    pub warn_if: Option<Threshold>,
    /// Violations from which it fails.
    pub error_if: Option<Threshold>,
    /// Above this percentage of the population it is tripped.
    pub max_flag_rate: Option<Amount>,
    /// Longest time that it may take.
    pub timeout: Duration,
    /// Whether it runs.
    pub enabled: bool,
}

/// Why a row is no check: one sentence for each column that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row of recon_checks cannot be understood: {}", .0.join("; "))]
pub struct Malformed(pub Vec<String>);

/// The stage after which a check runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
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

impl Stage {
    /// Every one, in order.
    pub const ALL: [Stage; 5] = [Stage::Registered, Stage::Computed, Stage::Compared, Stage::Decided, Stage::Released];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Registered => "registered",
            Stage::Computed => "computed",
            Stage::Compared => "compared",
            Stage::Decided => "decided",
            Stage::Released => "released",
        }
    }
}

/// What a check's query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A SELECT in a SQL store.
    Sql,
    /// An aggregation pipeline of MongoDB.
    Pipeline,
    /// Exact SQL over the tables of the run.
    Run,
    /// A JSON rule over every record of the run.
    Rule,
}

impl Kind {
    /// Every one.
    pub const ALL: [Kind; 4] = [Kind::Sql, Kind::Pipeline, Kind::Run, Kind::Rule];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sql => "sql",
            Kind::Pipeline => "pipeline",
            Kind::Run => "run",
            Kind::Rule => "rule",
        }
    }

    /// Whether it asks a store.
    pub fn asks_a_store(self) -> bool {
        matches!(self, Kind::Sql | Kind::Pipeline)
    }
}

/// Whether what a check finds blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It blocks.
    Error,
    /// It is told and does not block.
    Warn,
}

impl Severity {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warn => "warn",
        }
    }
}

/// Violations from which something happens: at least so many, or more than so many.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// Records, or percent of the population.
    pub limit: Amount,
    /// Whether `limit` is a percentage.
    pub percent: bool,
    /// Whether it must be exceeded: `> 5`. Without a sign, reaching it is enough.
    pub above: bool,
}

impl Threshold {
    /// One violation is enough.
    pub fn any() -> Threshold {
        Threshold { limit: Amount::new(1, 0), percent: false, above: false }
    }

    /// Whether so many violations of so large a population reach it; `None` when the population is not known.
    pub fn reached(&self, violations: u64, population: Option<u64>) -> Option<bool> {
        let amount = |count: u64| Amount::new(i128::from(count), 0);
        let (found, limit) = match self.percent {
            false => (amount(violations), self.limit.clone()),
            true => (amount(violations).times(&amount(100))?, amount(population?).times(&self.limit)?),
        };
        // Of nothing no share can be said: a violation is more than any.
        if self.percent && population == Some(0) {
            return Some(violations > 0);
        }
        let order = found.total_cmp(&limit);
        Some(if self.above { order.is_gt() } else { order.is_ge() && violations > 0 })
    }

    fn parse(text: &str) -> Option<Threshold> {
        let text = text.trim();
        let (text, above) = match (text.strip_prefix(">="), text.strip_prefix('>')) {
            (Some(rest), _) => (rest.trim_start(), false),
            (None, Some(rest)) => (rest.trim_start(), true),
            (None, None) => (text, false),
        };
        let (digits, percent) = match text.strip_suffix('%') {
            Some(digits) => (digits.trim_end(), true),
            None => (text, false),
        };
        let limit = Amount::parse(digits).ok().filter(|limit| limit.is_finite() && !limit.is_negative())?;
        let possible = match percent {
            true => limit.total_cmp(&Amount::new(100, 0)).is_le(),
            false => limit.is_integral(),
        };
        // From no violation on: it would say so of every run.
        (possible && (above || !limit.is_zero())).then_some(Threshold { limit, percent, above })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", if self.above { "> " } else { "" }, self.limit, if self.percent { "%" } else { "" })
    }
}

impl Definition {
    /// Reads a row.
    ///
    /// # Errors
    /// Every column that cannot be understood, each with what may stand there.
    pub fn of(row: &CheckRow) -> Result<Definition, Malformed> {
        let mut wrong = row.unreadable.clone();
        let stage = one_of("stage", row.stage.as_deref(), &Stage::ALL, Stage::name, &mut wrong);
        let kind = one_of("kind", row.kind.as_deref(), &Kind::ALL, Kind::name, &mut wrong);
        let severities = [Severity::Error, Severity::Warn];
        let severity = one_of("severity", row.severity.as_deref(), &severities, Severity::name, &mut wrong);
        let query = filled(row.query.as_deref()).map(str::to_owned);
        if query.is_none() {
            wrong.push("`query` is empty".to_owned());
        }
        if row.name.trim().is_empty() || row.name.trim() != row.name {
            wrong.push("`name` is empty, or begins or ends with a blank".to_owned());
        }
        let store = filled(row.store.as_deref()).map(str::to_owned);
        match kind {
            Some(kind) if kind.asks_a_store() && store.is_none() => {
                wrong
                    .push(format!("`store` is missing: a check of kind `{}` names a store of recon.toml", kind.name()));
            }
            Some(kind) if !kind.asks_a_store() && store.is_some() => {
                wrong.push(format!("`store` has no meaning for the kind `{}`", kind.name()));
            }
            _ => {}
        }
        let outside = [Stage::Registered, Stage::Released];
        if let (Some(kind), Some(stage)) =
            (kind.filter(|kind| !kind.asks_a_store()), stage.filter(|stage| outside.contains(stage)))
        {
            wrong.push(format!(
                "`stage` is `{}`: a check of kind `{}` runs at computed, compared or decided, where there are records",
                stage.name(),
                kind.name()
            ));
        }
        let examines = filled(row.examines.as_deref()).map(str::to_owned);
        let expect = filled(row.expect.as_deref()).and_then(|text| expectation(text, kind, &mut wrong));
        let warn_if = threshold("warn_if", row.warn_if.as_deref(), &mut wrong);
        let error_if = threshold("error_if", row.error_if.as_deref(), &mut wrong);
        if kind == Some(Kind::Rule) && examines.is_some() {
            wrong.push("`examines` has no meaning for a rule: it says itself how many records it examined".to_owned());
        }
        if severity == Some(Severity::Warn) && error_if.is_some() {
            wrong.push("`error_if` has no meaning for the severity `warn`: it never fails".to_owned());
        }
        let max_flag_rate = filled(row.max_flag_rate.as_deref()).and_then(|text| {
            let rate = share(text);
            if rate.is_none() {
                wrong.push(format!("`max_flag_rate` is `{text}`: write a percentage such as 5%"));
            }
            rate
        });
        let timeout = match filled(row.timeout_ms.as_deref()) {
            None => Some(TIMEOUT),
            Some(text) => text.parse().ok().filter(|ms| (1..=MOST_TIME_MS).contains(ms)).map(Duration::from_millis),
        };
        if timeout.is_none() {
            wrong.push(format!(
                "`timeout_ms` is `{}`, no number of milliseconds from 1 to 86400000: write e.g. 5000",
                row.timeout_ms.as_deref().unwrap_or_default().trim()
            ));
        }
        let enabled = match filled(row.enabled.as_deref()).map(str::to_ascii_lowercase).as_deref() {
            None | Some("1" | "true" | "t") => Some(true),
            Some("0" | "false" | "f") => Some(false),
            Some(other) => {
                wrong.push(format!("`enabled` is `{other}`: write TRUE or FALSE"));
                None
            }
        };
        match (stage, kind, severity, query, timeout, enabled) {
            (Some(stage), Some(kind), Some(severity), Some(query), Some(timeout), Some(enabled))
                if wrong.is_empty() =>
            {
                Ok(Definition {
                    name: row.name.clone(),
                    reconciliation: filled(row.reconciliation.as_deref()).map(str::to_owned),
                    stage,
                    kind,
                    store,
                    query,
                    examines,
                    expect,
                    expect_text: filled(row.expect.as_deref()).unwrap_or_default().to_owned(),
                    severity,
                    warn_if,
                    error_if,
                    max_flag_rate,
                    timeout,
                    enabled,
                })
            }
            _ => Err(Malformed(wrong)),
        }
    }

    /// Violations from which it fails. Without any threshold one is enough; with `warn_if` alone it only warns.
    pub fn fails_from(&self) -> Option<Threshold> {
        match (self.severity, &self.error_if, &self.warn_if) {
            (Severity::Warn, ..) | (_, None, Some(_)) => None,
            (_, Some(limit), _) => Some(limit.clone()),
            (_, None, None) => Some(Threshold::any()),
        }
    }

    /// Violations from which it warns: any, unless it says more.
    pub fn warns_from(&self) -> Threshold {
        self.warn_if.clone().unwrap_or_else(Threshold::any)
    }
}

/// A column that says something.
fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn one_of<T: Copy>(
    column: &str,
    text: Option<&str>,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    wrong: &mut Vec<String>,
) -> Option<T> {
    let text = filled(text).unwrap_or_default();
    let found = all.iter().copied().find(|one| name(*one) == text);
    if found.is_none() {
        let known: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        wrong.push(format!("`{column}` is `{text}`: write one of {}", known.join(", ")));
    }
    found
}

fn threshold(column: &str, text: Option<&str>, wrong: &mut Vec<String>) -> Option<Threshold> {
    let text = filled(text)?;
    let found = Threshold::parse(text);
    if found.is_none() {
        wrong.push(format!(
            "`{column}` is `{text}`: write a count of at least 1 such as 5, or a percentage of the population such as \
             0.5%; `> 5` for more than 5"
        ));
    }
    found
}

/// A percentage, from `5%` or from a share below one such as `0.05`.
fn share(text: &str) -> Option<Amount> {
    let hundred = Amount::new(100, 0);
    let in_range = |amount: &Amount| amount.is_finite() && !amount.is_negative() && amount.total_cmp(&hundred).is_le();
    match text.strip_suffix('%') {
        Some(digits) => Amount::parse(digits.trim_end()).ok().filter(in_range),
        None => {
            let share = Amount::parse(text).ok().filter(|share| share.is_finite() && !share.is_negative())?;
            // `5` may be meant as 5 % or as five times everything; `1` as 1 % or as all.
            if share.total_cmp(&Amount::new(1, 0)).is_ge() {
                return None;
            }
            share.times(&hundred)
        }
    }
}

fn expectation(text: &str, kind: Option<Kind>, wrong: &mut Vec<String>) -> Option<Filter> {
    let filter = match Filter::parse(text) {
        Ok(filter) => filter,
        Err(error) => {
            wrong.push(format!("`expect`: {error}; write e.g. value <= 0"));
            return None;
        }
    };
    let columns = filter.columns();
    if let Some(other) = columns.iter().find(|name| !matches!(name.as_str(), "value" | "examined")) {
        wrong.push(format!("`expect` names `{other}`: it is a condition on `value`, or on `examined`"));
        return None;
    }
    if columns.is_empty() {
        wrong.push("`expect` is a condition on `value`, or on `examined`".to_owned());
        return None;
    }
    if kind == Some(Kind::Rule) && columns.iter().any(|name| name == "value") {
        wrong
            .push("`expect` on `value` has no meaning for a rule: the rule itself says what is a violation".to_owned());
        return None;
    }
    Some(filter)
}

//! What the ledger holds, as values: cycles, runs, holders, steps, decisions. Must not read or write.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

use crate::domain::{State, Value};

use super::error::LedgerError;

/// Longest name of a reconciliation or a person, in characters.
pub(super) const LONGEST_NAME: usize = 190;

/// Names one business event: a reconciliation with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CycleKey {
    reconciliation: String,
    params: BTreeMap<String, String>,
}

impl CycleKey {
    /// Equal parameters name the same cycle in whatever order and form they were given: `1.50` and `1.5` are one.
    ///
    /// # Errors
    /// A name that is empty or too long; a parameter without a value that can be compared.
    pub fn new(reconciliation: &str, params: &[(String, Value)]) -> Result<CycleKey, LedgerError> {
        checked_name("the reconciliation", reconciliation)?;
        let mut canonical = BTreeMap::new();
        for (name, value) in params {
            let text = match value {
                Value::Number { amount, .. } if amount.is_zero() => "0".to_owned(),
                Value::Number { amount, .. } if amount.is_finite() => {
                    let text = amount.to_string();
                    let trimmed = match text.contains('.') && !text.contains('E') {
                        true => text.trim_end_matches('0').trim_end_matches('.'),
                        false => &text,
                    };
                    trimmed.to_owned()
                }
                Value::Instant { nanos, .. } => crate::domain::format_instant(*nanos, 0),
                Value::Time { nanos, .. } => crate::domain::format_time(*nanos, 0),
                Value::Bool(_) | Value::Text { .. } | Value::Date(_) | Value::Uuid(_) | Value::ObjectId(_) => {
                    value.to_string()
                }
                other => {
                    let what = format!("the parameter `{name}` cannot name a cycle: it is {}", other.type_name());
                    return Err(LedgerError::usage(what).hinted("give it a plain value with `--param`"));
                }
            };
            if canonical.insert(name.clone(), text).is_some() {
                return Err(LedgerError::usage(format!("the parameter `{name}` is given twice")));
            }
        }
        Ok(CycleKey { reconciliation: reconciliation.to_owned(), params: canonical })
    }

    /// From what the ledger holds.
    pub(super) fn stored(reconciliation: String, params: &str) -> Result<CycleKey, LedgerError> {
        let params = serde_json::from_str(params)
            .map_err(|error| LedgerError::failed(format!("the parameters of a cycle in the ledger: {error}")))?;
        Ok(CycleKey { reconciliation, params })
    }

    /// The reconciliation.
    pub fn reconciliation(&self) -> &str {
        &self.reconciliation
    }

    /// Names and values of the parameters, in the order of the names.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The parameters as JSON, always the same for the same cycle.
    pub fn params_json(&self) -> String {
        json_of(&self.params)
    }

    pub(super) fn hash(&self) -> String {
        hash_of(&json_of(&(&self.reconciliation, &self.params)))
    }
}

impl fmt::Display for CycleKey {
    /// `payout payout_date=2026-11-13`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reconciliation)?;
        self.params.iter().try_for_each(|(name, value)| {
            // Two cycles are never shown alike: what could be taken for the next parameter is quoted.
            let plain = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || "='\"\\".contains(c));
            if plain { write!(f, " {name}={value}") } else { write!(f, " {name}={value:?}") }
        })
    }
}

/// Names a run: the cycle's number and the attempt, which is also the run's fencing token. Written `12-3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    /// The cycle's number in the ledger.
    pub cycle: i64,
    /// 1, 2, … in a cycle.
    pub attempt: i64,
}

impl RunId {
    /// Reads `12-3`.
    pub fn parse(text: &str) -> Option<RunId> {
        let (cycle, attempt) = text.split_once('-')?;
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number > 0);
        Some(RunId { cycle: number(cycle)?, attempt: number(attempt)? })
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.cycle, self.attempt))
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunVerdict {
    /// No discrepancy, every check passed.
    Clean,
    /// Discrepancies, all settled by the decision rule; or warnings.
    Warned,
    /// Over policy, or a failing check.
    Blocked,
    /// Could not verify.
    Incomplete,
}

impl RunVerdict {
    /// Its name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            RunVerdict::Clean => "clean",
            RunVerdict::Warned => "warned",
            RunVerdict::Blocked => "blocked",
            RunVerdict::Incomplete => "incomplete",
        }
    }

    pub(super) fn parse(name: &str) -> Option<RunVerdict> {
        let all = [RunVerdict::Clean, RunVerdict::Warned, RunVerdict::Blocked, RunVerdict::Incomplete];
        all.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// Who works on a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The run.
    pub run: RunId,
    /// The person or account that started it.
    pub by: String,
    /// The host's name.
    pub host: String,
    /// The process there.
    pub pid: u32,
    /// Since when, by the ledger server's clock: `2026-11-12T13:00:00.000Z`.
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {} of {}, process {} on {}, since {}", self.run, self.by, self.pid, self.host, self.since)
    }
}

/// One run, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// The run, and who started it where and when.
    pub holder: Holder,
    /// When it ended.
    pub ended_at: Option<String>,
    /// `None` while it works.
    pub verdict: Option<RunVerdict>,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// JSON as it was given at the end: counts and totals.
    pub figures: Option<String>,
    /// The attempt whose decisions this one completes (a retry).
    pub continues: Option<i64>,
    /// The attempt that took over because this run was lost.
    pub superseded_by: Option<i64>,
    /// Discrepancies logged; `None` before it ended.
    pub discrepancies: Option<i64>,
    /// SHA-256 over the logged discrepancies, in their order.
    pub discrepancies_hash: Option<String>,
    /// The recon that ran.
    pub recon_version: String,
}

/// A cycle as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Its number in the ledger.
    pub id: i64,
    /// Its name.
    pub key: CycleKey,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: String,
    /// When it was registered first.
    pub created_at: String,
    /// The last run; `None` for a cycle that was only registered.
    pub run: Option<RunRecord>,
    /// Whether that run still holds the cycle: by the ledger's clock its lease has not run out.
    pub held: bool,
    /// The decisions that stand, from `decided` on.
    pub decisions: Option<Decided>,
    /// Who has approved those, and when.
    pub approvals: Vec<(String, String)>,
}

impl Cycle {
    /// The run whose decisions stand.
    pub fn decided_run(&self) -> Option<RunId> {
        self.decisions.as_ref().map(|decided| decided.run)
    }
}

/// What a run decided, in sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The run.
    pub run: RunId,
    /// When.
    pub at: String,
    /// What it decided.
    pub summary: DecisionSummary,
}

/// What was decided, in sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionSummary {
    /// Keys that take the candidate's values.
    pub candidate: u64,
    /// Keys that take legacy's values.
    pub legacy: u64,
    /// Keys for which nothing is paid.
    pub held: u64,
    /// The total to pay per amount column, exact, as text.
    pub totals: BTreeMap<String, String>,
    /// Hash of the decisions as they were read back from where they were written.
    pub hash: String,
    /// Where they were written: a store's label and table, or a file. No password.
    pub place: String,
}

/// One step of a cycle, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// 1, 2, … in the cycle.
    pub number: i64,
    /// The attempt in whose time it was made; 0 before the first.
    pub attempt: i64,
    /// `None` for the registration.
    pub from: Option<State>,
    /// Where to.
    pub to: State,
    /// When, by the ledger server's clock.
    pub at: String,
    /// By whom.
    pub by: String,
    /// What was said.
    pub detail: Option<String>,
}

/// A discrepancy, as it is logged. Amounts are exact texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// The record's key: a JSON object of column and value.
    pub key: String,
    /// `mismatch`, `legacy_only`, `candidate_only`, `duplicate_key`, `unknown`, …
    pub kind: String,
    /// The column, where it concerns one.
    pub column: Option<String>,
    /// Legacy's value.
    pub legacy: Option<String>,
    /// The candidate's value.
    pub candidate: Option<String>,
    /// Candidate minus legacy, every digit.
    pub difference: Option<String>,
    /// Why, for what is unknown.
    pub reason: Option<String>,
}

/// SHA-256 in hexadecimal digits.
pub(super) fn hash_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

pub(super) use crate::domain::hex;

/// JSON of what can always be written as JSON: texts, numbers, lists and maps of texts.
pub(super) fn json_of(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A name that a column of the ledger can hold.
pub(super) fn checked_name<'a>(what: &str, name: &'a str) -> Result<&'a str, LedgerError> {
    let trimmed = name.trim();
    if trimmed.is_empty() || trimmed.chars().count() > LONGEST_NAME || trimmed.contains('\0') {
        return Err(LedgerError::usage(format!("{what} needs a name of 1 to {LONGEST_NAME} characters")));
    }
    Ok(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Amount, NumberForm};

    fn number(text: &str) -> Value {
        Value::Number { amount: Amount::parse(text).expect("a number"), form: NumberForm::Decimal }
    }

    fn text(text: &str) -> Value {
        Value::Text { text: text.into(), untyped: false }
    }

    #[test]
    fn equal_parameters_name_one_cycle() {
        let key = |params: &[(&str, Value)]| {
            let params: Vec<_> = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            CycleKey::new("payout", &params).expect("a key")
        };
        let one = key(&[("a", number("1.50")), ("b", text("x"))]);
        assert_eq!(one, key(&[("b", text("x")), ("a", number("1.5"))]));
        assert_eq!(one.hash(), key(&[("b", text("x")), ("a", number("1.5"))]).hash());
        assert_eq!(one.to_string(), "payout a=1.5 b=x");
        assert_eq!(key(&[("a", number("100"))]).params_json(), r#"{"a":"100"}"#);
        assert_eq!(key(&[("a", number("-0.0"))]), key(&[("a", number("0"))]));
        // What looks alike when it is only joined must not be one.
        assert_ne!(key(&[("a", text("1 b=2"))]).hash(), key(&[("a", text("1")), ("b", text("2"))]).hash());
        assert!(CycleKey::new("payout", &[("a".into(), Value::Null)]).is_err());
        assert!(CycleKey::new("", &[]).is_err());
        let back = CycleKey::stored("payout".into(), &one.params_json()).expect("read back");
        assert_eq!(back, one);
    }

    #[test]
    fn run_names_come_back() {
        let run = RunId { cycle: 12, attempt: 3 };
        assert_eq!(RunId::parse(&run.to_string()), Some(run));
        for wrong in ["", "12", "12-", "-3", "0-1", "1-0", "a-b", "1-2-3"] {
            assert_eq!(RunId::parse(wrong), None, "{wrong}");
        }
    }
}

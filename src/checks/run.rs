//! Runs the checks of a stage: questions to stores side by side, rules in one walk over the records, queries over the
//! tables of the run one after the other. What fails, is too slow or cannot be understood is that check's own unknown,
//! and never hides another's result. Must not judge, and must not write anything.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json, json};

use crate::domain::{Amount, NumberForm, Value, shorten};

use super::definition::{Definition, Kind};
use super::mask::Masks;
use super::outcome::Found;
use super::over::{self, Material};
use super::rules;

/// Characters of a value in a sample.
const SHOWN: usize = 200;

/// What comes of one question to a store: called with the names of the columns and the values of each row.
pub type EachRow<'a> = &'a mut dyn FnMut(&[String], &[Value]);

/// Asks one question, and gives back why there may be more rows than were read, if so.
type Question<'q> = dyn FnMut(&str, EachRow<'_>) -> Result<Option<String>, String> + 'q;

/// Asks a store, read-only and within its limits.
pub trait Ask: Sync {
    /// Asks one store one question; gives back why there may be more rows than were read, if so.
    ///
    /// # Errors
    /// Why there is no answer, in a sentence.
    fn ask(
        &self,
        kind: Kind,
        store: &str,
        query: &str,
        timeout: Duration,
        each: EachRow<'_>,
    ) -> Result<Option<String>, String>;
}

/// How checks are run.
pub struct Settings<'a> {
    /// Asks stores.
    pub ask: &'a dyn Ask,
    /// Questions to stores at a time.
    pub concurrency: usize,
    /// Rows or records that are kept of each check's violations.
    pub samples: usize,
    /// Columns whose values are never shown.
    pub masks: &'a Masks,
    /// Values of `:name` in queries over the tables of the run, and of `param.name` in rules.
    pub params: &'a [(String, Value)],
}

/// What came of running one check.
#[derive(Debug)]
pub struct Ran {
    /// What it found, or why that cannot be said.
    pub found: Result<Found, String>,
    /// Some of its violations: for each the names of its columns and what they hold.
    pub samples: Vec<Map<String, Json>>,
    /// When it began, counted from the beginning of the stage.
    pub after: Duration,
    /// How long it took.
    pub took: Duration,
}

/// Runs the checks of a stage; one result for each, in their order. Without material no check over the tables or
/// records of the run can be run.
pub fn run(checks: &[&Definition], material: Option<&mut Material<'_>>, settings: &Settings<'_>) -> Vec<Ran> {
    let began = Instant::now();
    let of =
        |wanted: fn(Kind) -> bool| -> Vec<usize> { (0..checks.len()).filter(|at| wanted(checks[*at].kind)).collect() };
    let done: Mutex<BTreeMap<usize, Ran>> = Mutex::default();
    let put = |at: usize, ran: Ran| {
        if let Ok(mut done) = done.lock() {
            done.insert(at, ran);
        }
    };
    let questions = Mutex::new(of(Kind::asks_a_store).into_iter());
    let work = || {
        // Taken in a statement of its own: the lock is not held while the question is asked.
        while let Some(at) = questions.lock().ok().and_then(|mut left| left.next()) {
            put(at, timed(began, settings, |sampler| ask(checks[at], settings, sampler)));
        }
    };
    std::thread::scope(|scope| {
        let wanted = of(Kind::asks_a_store).len().min(settings.concurrency.max(1));
        // Fewer threads than wanted are fewer at a time; without any, this one asks.
        let workers = (0..wanted).filter(|_| std::thread::Builder::new().spawn_scoped(scope, work).is_ok()).count();
        over_the_run(checks, &of, material, settings, began, &put);
        if workers == 0 {
            work();
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    let missing = || Ran {
        found: Err("it ended without a result; this is a fault of recon".to_owned()),
        samples: Vec::new(),
        after: Duration::ZERO,
        took: Duration::ZERO,
    };
    (0..checks.len()).map(|at| done.remove(&at).unwrap_or_else(missing)).collect()
}

/// The checks over the records and the tables of the run.
fn over_the_run(
    checks: &[&Definition],
    of: &dyn Fn(fn(Kind) -> bool) -> Vec<usize>,
    material: Option<&mut Material<'_>>,
    settings: &Settings<'_>,
    began: Instant,
    put: &dyn Fn(usize, Ran),
) {
    let rules = of(|kind| kind == Kind::Rule);
    let queries = of(|kind| kind == Kind::Run);
    let Some(material) = material else {
        for at in rules.into_iter().chain(queries) {
            let kind = checks[at].kind.name();
            put(
                at,
                timed(began, settings, |_| {
                    Err(format!("a check of kind `{kind}` needs the records of the run, and they are not there"))
                }),
            );
        }
        return;
    };
    if !rules.is_empty() {
        let texts: Vec<&Definition> = rules.iter().map(|at| checks[*at]).collect();
        let all = guarded(|| Ok(rules::run(&texts, material, settings, began)));
        match all {
            Ok(all) => rules.iter().zip(all).for_each(|(at, ran)| put(*at, ran)),
            Err(why) => rules.iter().for_each(|at| put(*at, timed(began, settings, |_| Err(why.clone())))),
        }
    }
    if !queries.is_empty() {
        let texts: Vec<&str> = queries.iter().flat_map(|at| texts_of(checks[*at])).collect();
        let tables = guarded(|| over::tables(material, &texts));
        for at in queries {
            let ran = timed(began, settings, |sampler| {
                let tables = tables.as_ref().map_err(String::clone)?;
                let check = checks[at];
                let mut one =
                    |text: &str, each: EachRow<'_>| over::query(tables, text, settings.params, check.timeout, each);
                answered(check, &mut one, sampler)
            });
            put(at, ran);
        }
    }
}

fn texts_of(check: &Definition) -> impl Iterator<Item = &str> {
    [Some(check.query.as_str()), check.examines.as_deref()].into_iter().flatten()
}

/// Runs one check, whatever happens in it.
pub(super) fn timed(
    began: Instant,
    settings: &Settings<'_>,
    work: impl FnOnce(&mut Sampler<'_>) -> Result<Found, String>,
) -> Ran {
    let (started, mut sampler) = (Instant::now(), Sampler::new(settings));
    let found = guarded(|| work(&mut sampler));
    Ran { found, samples: sampler.samples, after: started.saturating_duration_since(began), took: started.elapsed() }
}

/// A fault of recon in one check is that check's unknown.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("recon itself failed while it ran; this is a fault of recon".to_owned()))
}

fn ask(check: &Definition, settings: &Settings<'_>, sampler: &mut Sampler<'_>) -> Result<Found, String> {
    let store = check.store.as_deref().unwrap_or_default();
    let mut one = |text: &str, each: EachRow<'_>| settings.ask.ask(check.kind, store, text, check.timeout, each);
    answered(check, &mut one, sampler)
}

/// What a check's query, and the one that counts what it examines, come to.
fn answered(check: &Definition, question: &mut Question<'_>, sampler: &mut Sampler<'_>) -> Result<Found, String> {
    let mut found = Found::default();
    if let Some(text) = &check.examines {
        // A `$count` over nothing gives no document.
        let nothing =
            (check.kind == Kind::Pipeline).then_some(Value::Number { amount: Amount::ZERO, form: NumberForm::Integer });
        let value = one_value(text, nothing, question).map_err(|why| format!("`examines`: {why}"))?;
        let count = value.amount().filter(Amount::is_integral).and_then(|count| count.to_string().parse().ok());
        let none = || format!("`examines` gives a {}, which is no count of records", value.type_name());
        found.examined = Some(count.ok_or_else(none)?);
    }
    if check.expect.as_ref().is_some_and(|expect| expect.columns().iter().any(|name| name == "value")) {
        let mut masked = false;
        let value = {
            let masks = sampler.masks;
            let mut watched = |text: &str, each: EachRow<'_>| {
                question(text, &mut |columns, values| {
                    masked |= columns.iter().any(|column| masks.hide(column)) || values.iter().any(|v| masks.inside(v));
                    each(columns, values);
                })
            };
            one_value(&check.query, None, &mut watched)?
        };
        found.value = Some(value);
        found.hidden = masked;
        return Ok(found);
    }
    let mut violations = 0;
    // A row is a violation whatever its columns hold.
    found.truncated = question(&check.query, &mut |columns, values| {
        violations += 1;
        sampler.row(columns, values);
    })?;
    found.violations = violations;
    Ok(found)
}

/// The one value that a query gives.
fn one_value(text: &str, nothing: Option<Value>, question: &mut Question<'_>) -> Result<Value, String> {
    let mut rows = 0_u64;
    let mut first: Vec<Value> = Vec::new();
    let truncated = question(text, &mut |_, values| {
        rows += 1;
        if rows == 1 {
            first = values.to_vec();
        }
    })?;
    match (rows, first.as_slice()) {
        (1, [value]) => match (value.unknown(), truncated) {
            (Some(why), _) => Err(format!("its value cannot be read: {why}")),
            (None, Some(why)) => Err(why),
            (None, None) => Ok(value.clone()),
        },
        (1, several) => Err(format!("it gives {} columns, and one value is tested", several.len())),
        (0, _) => nothing.ok_or_else(|| "it gives no row, and one value is tested".to_owned()),
        (rows, _) => Err(format!("it gives {rows} rows, and one value is tested")),
    }
}

/// Keeps the first violations, without what must not be shown.
pub(super) struct Sampler<'a> {
    masks: &'a Masks,
    most: usize,
    samples: Vec<Map<String, Json>>,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(settings: &Settings<'a>) -> Self {
        Sampler { masks: settings.masks, most: settings.samples, samples: Vec::new() }
    }

    /// Whether it has enough.
    pub(super) fn is_full(&self) -> bool {
        self.samples.len() >= self.most
    }

    /// Takes a row, while it has not enough.
    pub(super) fn row(&mut self, columns: &[String], values: &[Value]) {
        if self.is_full() {
            return;
        }
        // A discrepancy names the column that its values are of.
        let of_masked = columns.iter().zip(values).any(|(name, value)| {
            name == "column_name" && matches!(value, Value::Text { text, .. } if self.masks.hide(text))
        });
        let differs = |name: &String| of_masked && matches!(name.as_str(), "legacy" | "candidate" | "difference");
        let shown = columns.iter().zip(values).map(|(name, value)| {
            let text = match value {
                value if value.is_missing() => Json::Null,
                value if self.masks.hide(name) || differs(name) || self.masks.inside(value) => json!("***"),
                Value::Unknown(why) => json!(format!("unknown: {}", shorten(why, SHOWN))),
                value => json!(shorten(&value.to_string(), SHOWN)),
            };
            (name.clone(), text)
        });
        self.samples.push(shown.collect());
    }

    pub(super) fn into_samples(self) -> Vec<Map<String, Json>> {
        self.samples
    }
}

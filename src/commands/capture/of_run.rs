//! The run that cases are made of: what it was computed with, what it decided and logged, and which of its keys are asked
//! for. Reads the ledger and the decisions; must not read an input.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::cli::{CaptureArgs, CycleArgs, Global};
use crate::commands::Failure;
use crate::commands::cycle::{Named, ledger, project};
use crate::commands::release;
use crate::commands::runs::{found_run, named_run};
use crate::commands::verify::keys;
use crate::config::mask_url;
use crate::decide::Decision;
use crate::decisions::{Kept, Place};
use crate::domain::{Value, parse_instant};
use crate::ledger::{Ledger, Listed, Logged, RunId};
use crate::report::count;
use crate::stores::Settings;

/// Keys that one capture takes at most: cases are small.
const MOST_KEYS: usize = 2_000;
/// Logged discrepancies that are read at once.
const PAGE: u32 = 10_000;
/// The kind under which the ledger keeps what agrees within a tolerance: no discrepancy.
const TOLERATED: &str = "tolerated";

/// What a run came to for a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Came {
    /// The key, part by part.
    pub(super) key: Vec<Value>,
    /// What was decided, where it is still kept.
    pub(super) decision: Option<Decision>,
    /// What was logged.
    pub(super) logged: Vec<Logged>,
}

/// A run.
pub(super) struct OfRun {
    pub(super) named: Named,
    pub(super) listed: Listed,
    /// Key and compared columns, by their legacy names.
    pub(super) key: Vec<String>,
    pub(super) columns: Vec<String>,
    /// The share of agreeing records that took the candidate's value.
    pub(super) percent: Option<u8>,
    pub(super) strict: bool,
    pub(super) timezone: Option<String>,
    kept: Option<Kept>,
    ledger: Ledger,
}

impl OfRun {
    /// Finds a run.
    ///
    /// # Errors
    /// There is none, it has not ended, or it was computed with other stores than these.
    pub(super) fn find(global: &Global, name: &str) -> Result<OfRun, Failure> {
        let of_project = project(global)?;
        let mut ledger = ledger(&of_project)?;
        let id = match name {
            "latest" => ledger
                .latest_runs(None, 1)?
                .first()
                .map(|listed| listed.run.holder.run)
                .ok_or_else(|| Failure::incomplete("there is no run yet").hint("`recon verify NAME …` makes one"))?,
            name => named_run(name)?,
        };
        let listed = found_run(&mut ledger, id)?;
        if listed.run.verdict.is_none() {
            return Err(Failure::incomplete(format!("run {id} has not ended: nothing of it can be captured yet")));
        }
        let param = listed.key.params().map(|(name, value)| format!("{name}={value}")).collect();
        let named = Named::load(global, &CycleArgs { name: listed.key.reconciliation().to_owned(), param })?;
        let settings = release::settings(&mut ledger, id)?.unwrap_or_default();
        same_stores(&named, id, &settings)?;
        let columns = release::columns(&mut ledger, id).ok();
        let (key, columns) = columns
            .unwrap_or_else(|| (named.reconciliation.key.iter().map(|key| key.legacy.clone()).collect(), Vec::new()));
        let kept = kept(&named, id, &key, &columns);
        let text = |path: &str| settings.pointer(path).and_then(Json::as_str).map(str::to_owned);
        Ok(OfRun {
            percent: settings.pointer("/percent").and_then(Json::as_u64).and_then(|percent| u8::try_from(percent).ok()),
            strict: settings.pointer("/flags/strict").and_then(Json::as_bool).unwrap_or(false),
            timezone: text("/flags/timezone").filter(|zone| zone != "UTC"),
            kept,
            named,
            listed,
            key,
            columns,
            ledger,
        })
    }

    /// The run.
    pub(super) fn id(&self) -> RunId {
        self.listed.run.holder.run
    }

    /// Whether its decisions could still be read.
    pub(super) fn has_decisions(&self) -> bool {
        self.kept.is_some()
    }

    /// The keys that are asked for.
    ///
    /// # Errors
    /// A key that the run did not have; nothing to capture; more than a case can be.
    pub(super) fn asked(&mut self, args: &CaptureArgs) -> Result<BTreeMap<String, Came>, Failure> {
        let id = self.id();
        let wanted: BTreeSet<String> = if let Some(text) = &args.keys {
            self.by_name(text)?
        } else if args.discrepancies {
            let mut all = BTreeSet::new();
            self.each_logged(&mut |key, _| {
                all.insert(key_name(key));
            })?;
            if all.is_empty() {
                return Err(Failure::incomplete(format!(
                    "run {id} logged no discrepancy: there is nothing to capture"
                ))
                .hint("`--keys` and `--sample` capture what agrees"));
            }
            all
        } else {
            self.drawn(args.sample.unwrap_or(1).into())?
        };
        if wanted.len() > MOST_KEYS {
            let found = count(wanted.len() as u64);
            return Err(Failure::usage(format!("{found} keys are more than {MOST_KEYS}: a case is small"))
                .hint("name some with --keys, or draw some with --sample"));
        }
        self.came(&wanted)
    }

    /// What the run came to for some keys.
    ///
    /// # Errors
    /// The decisions or the ledger cannot be read.
    pub(super) fn came(&mut self, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, Came>, Failure> {
        let mut all: BTreeMap<String, Came> = BTreeMap::new();
        let mut twice = false;
        self.each_decision(&mut |decision| {
            let name = key_name(&decision.key);
            if wanted.contains(&name) {
                let key = decision.key.clone();
                twice |= all.insert(name, Came { key, decision: Some(decision), logged: Vec::new() }).is_some();
            }
        })?;
        if twice {
            return Err(Failure::usage(
                "two keys of the run are the same number in other digits, such as 1.1 and 1.10: a case cannot tell them apart",
            )
            .hint("capture other keys"));
        }
        self.each_logged(&mut |key, logged| {
            let name = key_name(key);
            if wanted.contains(&name) {
                let came = all.entry(name).or_insert_with(|| Came { key: key.to_vec(), ..Came::default() });
                came.logged.push(logged);
            }
        })?;
        Ok(all)
    }

    /// Keys as they were typed.
    fn by_name(&mut self, text: &str) -> Result<BTreeSet<String>, Failure> {
        let names = self.key.clone();
        let asked = keys::asked(&names, Some(text))?;
        let mut left: Vec<&String> = asked.iter().collect();
        let mut all = BTreeSet::new();
        let mut look = |key: &[Value]| {
            let shown = keys::shown(key);
            let meant = |text: &&String| **text == shown || keys::is_amount(text, key);
            if asked.iter().any(|text| meant(&text)) {
                left.retain(|text| !meant(text));
                all.insert(key_name(key));
            }
        };
        self.each_decision(&mut |decision| look(&decision.key))?;
        self.each_logged(&mut |key, _| look(key))?;
        match left.first() {
            None => Ok(all),
            Some(unknown) => {
                let what = format!("`--keys {unknown}`: run {} has no record of that key", self.id());
                let hint = match self.has_decisions() {
                    true => format!(
                        "the key is {}; several keys are separated by commas, their parts by `/`",
                        crate::config::listed(names.iter().map(String::as_str))
                    ),
                    false => {
                        "its decisions are not kept any more, so only keys with a discrepancy are known".to_owned()
                    }
                };
                Err(Failure::usage(what).hint(hint))
            }
        }
    }

    /// So many keys, the same ones each time.
    fn drawn(&mut self, many: usize) -> Result<BTreeSet<String>, Failure> {
        let id = self.id();
        if !self.has_decisions() {
            return Err(Failure::incomplete(format!(
                "the decisions of run {id} are not kept any more: nothing can be drawn"
            ))
            .hint("`--discrepancies` and `--keys` work with what the ledger logged"));
        }
        let mut heap: BinaryHeap<([u8; 32], String)> = BinaryHeap::new();
        self.each_decision(&mut |decision| {
            let name = key_name(&decision.key);
            heap.push((Sha256::digest(format!("{id}\n{name}")).into(), name));
            if heap.len() > many {
                heap.pop();
            }
        })?;
        if heap.is_empty() {
            return Err(Failure::incomplete(format!("run {id} decided nothing: there is nothing to capture")));
        }
        Ok(heap.into_iter().map(|(_, name)| name).collect())
    }

    fn each_decision(&mut self, each: &mut dyn FnMut(Decision)) -> Result<(), Failure> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let gone = |error: std::io::Error| Failure::incomplete(format!("the run's decisions cannot be read: {error}"));
        for decision in kept.decisions().map_err(gone)? {
            each(decision.map_err(gone)?);
        }
        Ok(())
    }

    fn each_logged(&mut self, each: &mut dyn FnMut(&[Value], Logged)) -> Result<(), Failure> {
        let id = self.id();
        let mut from = 0;
        loop {
            let rows = self.ledger.discrepancies(id, from, PAGE)?;
            if rows.is_empty() {
                return Ok(());
            }
            from += rows.len() as u64;
            for row in rows.into_iter().filter(|row| row.kind != TOLERATED) {
                let parts: serde_json::Map<String, Json> = serde_json::from_str(&row.key).unwrap_or_default();
                let key: Vec<Value> = self.key.iter().map(|name| part(parts.get(name))).collect();
                each(&key, row);
            }
        }
    }
}

/// A part of a logged key: a text, or nothing.
fn part(json: Option<&Json>) -> Value {
    match json {
        None | Some(Json::Null) => Value::Null,
        Some(Json::String(text)) => Value::Text { text: text.clone(), untyped: false },
        Some(other) => Value::Text { text: other.to_string(), untyped: false },
    }
}

/// A key as one text, the same however a store, a file or the ledger holds it.
pub(super) fn key_name(key: &[Value]) -> String {
    key.iter().map(canonical).collect::<Vec<_>>().join("\u{1f}")
}

/// A value as a text that is the same however it is held: amounts without trailing zeros, moments by their nanoseconds.
pub(super) fn canonical(value: &Value) -> String {
    if let Some(amount) = value.amount() {
        let text = if amount.is_zero() { "0".to_owned() } else { amount.to_string() };
        let plain = text.contains('.') && !text.contains(['e', 'E']);
        return format!("n{}", if plain { text.trim_end_matches('0').trim_end_matches('.') } else { &text });
    }
    match value {
        Value::Null | Value::Absent => "-".to_owned(),
        Value::Bool(truth) => format!("n{}", u8::from(*truth)),
        Value::Instant { nanos, .. } => format!("i{nanos}"),
        Value::Text { text, .. } => match parse_instant(text, &jiff::tz::TimeZone::UTC).filter(|_| text.len() > 10) {
            Some(instant) => format!("i{}", instant.nanos),
            None => format!("t{text}"),
        },
        other => format!("t{other}"),
    }
}

fn kept(named: &Named, id: RunId, key: &[String], columns: &[String]) -> Option<Kept> {
    let decisions = named.reconciliation.decisions.as_ref()?;
    let mut place = Place::of(&named.project, decisions, &named.params, &Settings::default()).ok()?;
    place.keep(&id.to_string(), key, columns).ok().filter(|kept| kept.count() > 0)
}

/// A case is made of what the run read: another profile's stores hold something else.
fn same_stores(named: &Named, id: RunId, settings: &Json) -> Result<(), Failure> {
    let Some(then) = settings.get("stores").and_then(Json::as_object) else { return Ok(()) };
    let other = named.project.stores.iter().find(|(name, store)| {
        let now = mask_url(store.url.expose());
        then.get(*name).and_then(Json::as_str).is_some_and(|then| then != now)
    });
    let Some((name, _)) = other else { return Ok(()) };
    let profile = settings.get("profile").and_then(Json::as_str);
    let hint = match profile {
        Some(profile) => format!("give the profile that it ran with: --profile {profile}"),
        None => "it ran without a profile: leave --profile out, or see whether `url` was changed since".to_owned(),
    };
    Err(Failure::usage(format!("run {id} was computed with another store `{name}` than this project now has"))
        .hint(hint))
}

//! Checks of kind `rule`: every rule of a stage over every record of the run, in one walk in key order, beside the
//! decisions of the previous released cycle. Constant memory. Must not judge what is found.

use std::time::Instant;

use crate::compare::{Compared, Copies, Outcome, Plan, Record};
use crate::decide::{Rule as DecisionRule, Taken, amounts};
use crate::domain::rule::{Reference, Rule, RuleSet, Scope, Truth, parse};
use crate::domain::{Batch, Cell, CellRef, Value};

use super::definition::Definition;
use super::outcome::Found;
use super::over::Material;
use super::previous::{Before, Earlier};
use super::run::{Ran, Sampler, Settings, timed};

/// One rule and what it found.
struct Tally<'a> {
    found: Found,
    sampler: Sampler<'a>,
    /// The slots that it reads, for samples.
    slots: Vec<usize>,
}

/// Runs the rules; one result for each, in their order.
pub(super) fn run(
    checks: &[&Definition],
    material: &mut Material<'_>,
    settings: &Settings<'_>,
    began: Instant,
) -> Vec<Ran> {
    let started = Instant::now();
    let names = names(material);
    let mut results: Vec<Option<Result<Tally<'_>, String>>> = Vec::new();
    let mut rules: Vec<(usize, Rule)> = Vec::new();
    for (at, check) in checks.iter().enumerate() {
        let usable = |rule: Rule| match RuleSet::bind(&[&rule], &names, settings.params) {
            Ok(_) => Ok(rule),
            Err(errors) => Err(errors.first().map_or_else(String::new, |(_, error)| error.to_string())),
        };
        match parse(&check.query).map_err(|error| error.to_string()).and_then(usable) {
            Ok(rule) => {
                rules.push((at, rule));
                results.push(None);
            }
            Err(why) => results.push(Some(Err(why))),
        }
    }
    let all: Vec<&Rule> = rules.iter().map(|(_, rule)| rule).collect();
    let walked = match RuleSet::bind(&all, &names, settings.params) {
        Ok(mut set) => walk(&mut set, &all, material, settings),
        Err(_) => Err("the rules cannot be used together; this is a fault of recon".to_owned()),
    };
    match walked {
        Ok(tallies) => rules.iter().zip(tallies).for_each(|((at, _), tally)| results[*at] = Some(Ok(tally))),
        Err(why) => rules.iter().for_each(|(at, _)| results[*at] = Some(Err(why.clone()))),
    }
    let took = started.elapsed();
    let ran = |result: Option<Result<Tally<'_>, String>>| match result {
        Some(Ok(tally)) => Ran {
            found: Ok(tally.found),
            samples: tally.sampler.into_samples(),
            after: started.saturating_duration_since(began),
            took,
        },
        Some(Err(why)) => timed(began, settings, |_| Err(why)),
        None => timed(began, settings, |_| Err("it was not run; this is a fault of recon".to_owned())),
    };
    results.into_iter().map(ran).collect()
}

/// Every name that a record of the run has.
fn names(material: &Material<'_>) -> Vec<Reference> {
    let keys: Vec<&String> = material.layout.key.iter().map(|seen| &seen.name).collect();
    let columns: Vec<&String> = material.layout.columns.iter().map(|seen| &seen.name).collect();
    let mut all: Vec<Reference> = keys.iter().map(|name| Reference::new(Scope::Key, (*name).clone())).collect();
    for scope in [Scope::Legacy, Scope::Candidate, Scope::Decision, Scope::Previous] {
        all.extend(columns.iter().map(|name| Reference::new(scope, (*name).clone())));
    }
    for name in ["source", "reason"] {
        for scope in [Scope::Decision, Scope::Previous] {
            let reference = Reference::new(scope, name);
            // Which is meant where a column has that name is not clear: then neither is known.
            match all.iter().position(|known| *known == reference) {
                Some(at) => drop(all.remove(at)),
                None => all.push(reference),
            }
        }
    }
    all.push(Reference::new(Scope::Record, "kind"));
    all
}

/// Where the value of a slot comes from.
#[derive(Clone, Copy, Debug)]
enum From {
    /// A cell of the key.
    Key(usize),
    /// A cell of the legacy record.
    Legacy(usize),
    /// A cell of the candidate's record.
    Candidate(usize),
    /// A cell of the record whose values are used.
    Decision(usize),
    Source,
    Reason,
    Kind,
    /// A cell of the previous decision.
    Previous(usize),
}

impl From {
    fn of(reference: &Reference, plan: &Plan, previous: &[String]) -> Option<From> {
        let key = plan.judge.key;
        let name = &reference.name;
        let column = || plan.columns.iter().position(|column| column.legacy == *name).map(|at| key + at);
        Some(match reference.scope {
            Scope::Key => From::Key(plan.key.iter().position(|column| column == name)?),
            Scope::Legacy => From::Legacy(column()?),
            Scope::Candidate => From::Candidate(column()?),
            Scope::Decision => match (column(), name.as_str()) {
                (Some(at), _) => From::Decision(at),
                (None, "source") => From::Source,
                (None, _) => From::Reason,
            },
            Scope::Previous => From::Previous(key + previous.iter().position(|column| column == name)?),
            Scope::Record => From::Kind,
            Scope::Param => return None,
        })
    }
}

/// Texts that stand for what a record is, held once.
struct Words {
    batch: Batch,
    words: Vec<&'static str>,
}

/// Why a value of a key with several records is not known.
const SEVERAL: &str = "the key has several records";

impl Words {
    fn new() -> Words {
        let words = vec![
            "agree",
            "tolerated",
            "not_enrolled",
            "mismatch",
            "legacy_only",
            "candidate_only",
            "duplicate_key",
            "unknown",
            "candidate",
            "legacy",
            "held",
        ];
        let mut batch = Batch::new(words.len() + 1);
        let row = batch.start_row();
        for (at, word) in words.iter().enumerate() {
            let span = batch.store(word.as_bytes());
            batch.set(row, at, Cell::Text(span));
        }
        let several = batch.unknown(SEVERAL);
        batch.set(row, words.len(), several);
        Words { batch, words }
    }

    fn word(&self, word: &str) -> CellRef<'_> {
        match self.words.iter().position(|known| *known == word) {
            Some(at) => self.batch.at(0, at),
            None => CellRef { cell: Cell::Absent, arena: &[] },
        }
    }

    fn several(&self) -> CellRef<'_> {
        self.batch.at(0, self.words.len())
    }
}

/// One walk over every record.
fn walk<'s>(
    set: &mut RuleSet,
    rules: &[&Rule],
    material: &mut Material<'_>,
    settings: &Settings<'s>,
) -> Result<Vec<Tally<'s>>, String> {
    let Some((compared, rule)) = &mut material.compared else {
        return Err(
            "only some records were computed again, and a rule is about all; `recon verify … --again` computes all"
                .to_owned(),
        );
    };
    let slots: Vec<Reference> = set.slots().to_vec();
    let mut tallies: Vec<Tally<'s>> = rules
        .iter()
        .map(|rule| {
            let named = rule.references();
            let reads = |reference: &Reference| named.contains(reference);
            let slots = slots.iter().enumerate().filter(|(_, slot)| reads(slot)).map(|(at, _)| at).collect();
            Tally { found: Found { examined: Some(0), ..Found::default() }, sampler: Sampler::new(settings), slots }
        })
        .collect();
    let needs_previous = slots.iter().any(|slot| slot.scope == Scope::Previous);
    let mut before = match (needs_previous, &material.previous) {
        (true, Some(previous)) => Earlier::of(Before::open(previous, compared.plan(), material.layout)),
        _ => Earlier::None,
    };
    let keys: Vec<String> = compared.plan().key.clone();
    let key_of = |any: Copies<'_>| (0..keys.len()).map(|at| Value::of(any.at(at))).collect::<Vec<Value>>();
    each(compared, *rule, &slots, &mut before, &mut |any, cells| {
        set.evaluate(cells, &mut |at, truth| {
            let tally = &mut tallies[at];
            match truth {
                Truth::NotExamined => return,
                Truth::False => {}
                Truth::True => {
                    tally.found.violations += 1;
                    if !tally.sampler.is_full() {
                        tally.sample(&keys, key_of(any), &slots, cells);
                    }
                }
                Truth::Unknown(why) => {
                    tally.found.unknown += 1;
                    if tally.found.why.is_none() {
                        let shown = keys.iter().zip(key_of(any)).map(|(name, value)| match settings.masks.hide(name) {
                            true => format!("{name}=***"),
                            false => format!("{name}={value}"),
                        });
                        let shown: Vec<String> = shown.collect();
                        tally.found.why = Some(format!("{}: {}", shown.join(", "), why.explain(&slots)));
                    }
                }
            }
            tally.found.examined = tally.found.examined.map(|count| count + 1);
        });
    })?;
    Ok(tallies)
}

impl Tally<'_> {
    /// Keeps the key of a record that violates the rule, and what the rule reads of it.
    fn sample(&mut self, keys: &[String], key: Vec<Value>, slots: &[Reference], cells: &[CellRef<'_>]) {
        let (mut names, mut values) = (keys.to_vec(), key);
        for (at, slot) in self.slots.iter().filter_map(|at| Some((*at, slots.get(*at)?))) {
            if slot.scope != Scope::Key {
                names.push(slot.to_string());
                values.push(cells.get(at).map_or(Value::Absent, |cell| Value::of(*cell)));
            }
        }
        self.sampler.row(&names, &values);
    }
}

/// Goes through every record in key order, with the values of the slots.
fn each(
    compared: &mut Compared,
    rule: DecisionRule,
    slots: &[Reference],
    before: &mut Earlier,
    take: &mut dyn FnMut(Copies<'_>, &[CellRef<'_>]),
) -> Result<(), String> {
    let gone = |error: std::io::Error| format!("the records of the run cannot be gone through again: {error}");
    let (amounts, words) = (amounts(&compared.report), Words::new());
    let absent = CellRef { cell: Cell::Absent, arena: &[] };
    let mut records = compared.records().map_err(gone)?;
    let plan = records.plan();
    let columns = before.columns();
    let sources: Vec<Option<From>> = slots.iter().map(|slot| From::of(slot, plan, &columns)).collect();
    let is_previous: Vec<bool> = slots.iter().map(|slot| slot.scope == Scope::Previous).collect();
    while let Some(record) = records.next_record().map_err(gone)? {
        let Some(any) = record.any() else { continue };
        let ruling = rule.decide(&record, plan.judge.key, &amounts);
        let candidate = record.candidate.or(record.legacy.filter(|_| record.outcome.agrees()));
        let used = match ruling.taken {
            Taken::Candidate => candidate,
            Taken::Legacy => record.legacy,
            Taken::Held => None,
        };
        let (previous, unreadable) = before.find(any);
        let cell = |(source, is_previous): (&Option<From>, &bool)| match *source {
            _ if *is_previous && unreadable.is_some() => unreadable.unwrap_or(absent),
            Some(From::Key(at)) => any.at(at),
            Some(From::Legacy(at)) => single(record.legacy, at, &words),
            Some(From::Candidate(at)) => single(candidate, at, &words),
            // What is held is paid nothing: its value is NULL, as the payer reads it.
            Some(From::Decision(at)) => {
                used.map_or(CellRef { cell: Cell::Null, arena: &[] }, |used| single(Some(used), at, &words))
            }
            Some(From::Source) => words.word(ruling.taken.name()),
            Some(From::Reason) => words.word(ruling.reason.name()),
            Some(From::Kind) => words.word(kind(&record)),
            Some(From::Previous(at)) => previous.map_or(absent, |copies| copies.at(at)),
            None => absent,
        };
        let cells: Vec<CellRef<'_>> = sources.iter().zip(&is_previous).map(cell).collect();
        take(any, &cells);
    }
    Ok(())
}

/// A value of one side, where it has one record.
fn single<'c>(copies: Option<Copies<'c>>, at: usize, words: &'c Words) -> CellRef<'c> {
    match copies {
        None => CellRef { cell: Cell::Absent, arena: &[] },
        Some(copies) if copies.count > 1 => words.several(),
        Some(copies) => copies.at(at),
    }
}

/// What the comparison made of a record.
fn kind(record: &Record<'_>) -> &'static str {
    match record.outcome {
        Outcome::Matched | Outcome::Gone => "agree",
        Outcome::Tolerated => "tolerated",
        Outcome::Mismatched => "mismatch",
        Outcome::LegacyOnly => "legacy_only",
        Outcome::CandidateOnly => "candidate_only",
        Outcome::Duplicate => "duplicate_key",
        Outcome::Unknown => "unknown",
    }
}

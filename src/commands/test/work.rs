//! Running cases: their inputs put into scratch stores, both paths computed, compared and judged as `recon verify` does it,
//! and what came out held against what was expected. Must not print.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::cases::{Actual, Case, CaseError, Difference, Found, Place, Row, Suite, Update};
use crate::cli::{Global, ReadArgs};
use crate::commands::Failure;
use crate::commands::diff::{Request, comparison, rules, settings};
use crate::commands::log;
use crate::commands::named::{both, definition, params};
use crate::commands::population::population;
use crate::compare::{Compared, Comparison, Definition, compare};
use crate::config::{Input, Origin, PathDefinition, Project, Reconciliation, Secret, What};
use crate::decide::{Decision, Evidence, Rule, decisions, exceeds, judge, survey};
use crate::domain::Value;
use crate::exit::Exit;
use crate::ledger::RunVerdict;
use crate::path::ask::{AskInput, CommandSettings, Prepared, Reference, Told, ask_together};
use crate::report::discrepancy_json;
use crate::stores::{ErrorClass, Settings, StoreError};

use super::scratch::Scratch;

/// A case that was run.
pub(super) struct Done {
    /// The suite's label, where there are several.
    pub(super) suite: String,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) why: String,
    pub(super) elapsed: Duration,
    pub(super) ended: Ended,
}

/// How a case ended.
pub(super) enum Ended {
    Passed,
    Failed {
        differences: Vec<Difference>,
        /// What else is to be known.
        note: Option<String>,
        /// The expectation that it would meet; `None` where it must not be made to meet it by `--update`.
        update: Option<Box<Update>>,
    },
    /// Its paths could not be run.
    Broken {
        what: String,
        hint: Option<String>,
    },
}

/// Why no further case is run.
pub(in crate::commands) enum Stopped {
    /// A case is wrong.
    Case(CaseError),
    /// recon could not do its work.
    Failure(Failure),
}

impl From<CaseError> for Stopped {
    fn from(error: CaseError) -> Stopped {
        Stopped::Case(error)
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Stopped {
        Stopped::Failure(failure)
    }
}

/// Runs cases, one after the other, on stores of its own.
pub(in crate::commands) struct Worker<'a> {
    pub(super) global: &'a Global,
    pub(super) servers: &'a [(String, Secret)],
    rooms: BTreeMap<PathBuf, Room>,
}

/// What the cases of one suite are run with.
struct Room {
    project: Project,
    scratch: Scratch,
    settings: Settings,
    read: ReadArgs,
    /// Reference tables of the case before, and what they were read from.
    reference: Option<(String, Vec<Reference>)>,
}

/// What a program was asked together with other cases, and answered.
struct Answered {
    request: Request,
    asked: AskInput,
    told: Told,
}

/// A program, the cases that ask it, and what they ask.
type Call = (CommandSettings, Vec<(usize, Request)>, Vec<Option<Prepared>>);

/// How sides are read when nothing is said.
#[derive(Parser)]
struct Plain {
    #[command(flatten)]
    read: ReadArgs,
}

impl<'a> Worker<'a> {
    pub(in crate::commands) fn new(global: &'a Global, servers: &'a [(String, Secret)]) -> Worker<'a> {
        Worker { global, servers, rooms: BTreeMap::new() }
    }

    /// Runs some cases of one suite, each to its end.
    ///
    /// # Errors
    /// A case is wrong, or a store cannot be used.
    pub(super) fn run(&mut self, found: &[Found]) -> Result<Vec<Done>, Stopped> {
        let Some(suite) = found.first().map(|first| Arc::clone(&first.suite)) else { return Ok(Vec::new()) };
        if !self.rooms.contains_key(&suite.folder) {
            let room = self.room(&suite)?;
            self.rooms.insert(suite.folder.clone(), room);
        }
        let Some(room) = self.rooms.get_mut(&suite.folder) else { return Ok(Vec::new()) };
        let cases = found.iter().map(Found::load).collect::<Result<Vec<Case>, CaseError>>()?;
        let begun = Instant::now();
        let mut told = match suite.together && cases.len() > 1 {
            true => room.ask(&suite, &cases)?,
            false => cases.iter().map(|_| None).collect(),
        };
        // What was asked together is shared by those who asked.
        let share = begun.elapsed() / u32::try_from(cases.len()).unwrap_or(u32::MAX).max(1);
        let mut all = Vec::with_capacity(cases.len());
        for (case, told) in cases.into_iter().zip(&mut told) {
            let begun = Instant::now();
            let ended = room.case(&suite, &case, told.take())?;
            all.push(Done {
                suite: suite.label.clone(),
                name: case.name,
                place: case.place,
                why: case.why,
                elapsed: begun.elapsed() + share,
                ended,
            });
        }
        Ok(all)
    }

    /// Runs a case twice on the same inputs: as the project is, and as `change` makes it.
    ///
    /// # Errors
    /// The case is wrong, the change cannot be made, or a store cannot be used.
    pub(in crate::commands) fn twice(
        &mut self,
        suite: &Suite,
        case: &Case,
        change: &dyn Fn(&Project) -> Result<Project, Failure>,
    ) -> Result<[Result<Actual, Failure>; 2], Stopped> {
        if !self.rooms.contains_key(&suite.folder) {
            let room = self.room(suite)?;
            self.rooms.insert(suite.folder.clone(), room);
        }
        let room = self.rooms.get_mut(&suite.folder);
        let room = room.ok_or_else(|| Failure::incomplete("a case has no room; this is a fault of recon"))?;
        let changed = change(&room.project)?;
        put(&mut room.scratch, suite, case, &|_| true)?;
        let current = outcome(room.verified(&room.project, case, None));
        Ok([current, outcome(room.verified(&changed, case, None))])
    }

    /// What comes out of one case, whatever it expects.
    ///
    /// # Errors
    /// The case is wrong, or a store cannot be used. A path that cannot run is the inner failure.
    pub(in crate::commands) fn outcome(&mut self, found: &Found) -> Result<Result<Actual, Failure>, Stopped> {
        let suite = Arc::clone(&found.suite);
        if !self.rooms.contains_key(&suite.folder) {
            let room = self.room(&suite)?;
            self.rooms.insert(suite.folder.clone(), room);
        }
        let case = found.load()?;
        let Some(room) = self.rooms.get_mut(&suite.folder) else {
            return Err(Failure::incomplete("a case was run without its stores; this is a fault of recon").into());
        };
        put(&mut room.scratch, &suite, &case, &|_| true)?;
        Ok(room.verified(&room.project, &case, None))
    }

    fn room(&self, suite: &Suite) -> Result<Room, Stopped> {
        let config = suite.project.as_deref().unwrap_or(&self.global.config);
        let profile = suite.profile.as_deref().or(self.global.profile.as_deref());
        let mut project = Project::load(config, profile, &|name| std::env::var(name).ok()).map_err(Failure::from)?;
        log::hide(&project);
        if let Some((name, _)) = self.servers.iter().find(|(name, _)| !project.stores.contains_key(name)) {
            let known = || project.stores.keys().map(String::as_str);
            let failure = Failure::usage(format!("`--store {name}=…`: {} has no such store", config.display()));
            let hint = crate::config::did_you_mean(name, known());
            return Err(failure
                .hint(hint.unwrap_or_else(|| format!("it has {}", crate::config::listed(known()))))
                .into());
        }
        let scratch = Scratch::new(&mut project, suite, self.servers).map_err(Failure::from)?;
        let mut words = vec!["test".to_owned()];
        words.extend(suite.timezone.iter().map(|zone| format!("--timezone={zone}")));
        let read = Plain::try_parse_from(words).map_err(|error| Failure::usage(error.to_string()))?.read;
        let settings = Settings { kept_sqlite: Some(Arc::default()), ..settings(&read)? };
        Ok(Room { project, scratch, settings, read, reference: None })
    }
}

impl Room {
    /// Asks the candidate's program about many cases at once. `None` where a case is asked alone.
    fn ask(&mut self, suite: &Suite, cases: &[Case]) -> Result<Vec<Option<Answered>>, Stopped> {
        let mut answered: Vec<Option<Answered>> = cases.iter().map(|_| None).collect();
        // By the program: cases of another reconciliation may ask another one.
        let mut calls: Vec<Call> = Vec::new();
        for (at, case) in cases.iter().enumerate() {
            let Ok(reconciliation) = self.project.reconciliation(&case.reconciliation) else { continue };
            let Origin::Command { records, reference, .. } = &reconciliation.candidate.origin else { continue };
            let stores: BTreeSet<String> =
                std::iter::once(records).chain(reference).map(|input| input.store.clone()).collect();
            let source = source_of(case, reference);
            put(&mut self.scratch, suite, case, &|name| stores.contains(name))?;
            // What cannot be asked is told where the case is run.
            let Ok(request) = self.request(&self.project, case) else { continue };
            let Some(asking) = request.candidate.asking.clone() else { continue };
            let known = self.reference.as_ref().filter(|(known, _)| *known == source).map(|(_, tables)| tables.clone());
            let Ok(input) = asking.input(known) else { continue };
            self.reference = Some((source, input.reference.clone()));
            let Some(prepared) = Prepared::read(input) else { continue };
            match calls.iter_mut().find(|(settings, ..)| settings.arguments == asking.settings.arguments) {
                Some((_, places, all)) => {
                    places.push((at, request));
                    all.push(Some(prepared));
                }
                None => calls.push((asking.settings.clone(), vec![(at, request)], vec![Some(prepared)])),
            }
        }
        for (settings, places, prepared) in calls {
            for ((at, request), answer) in places.into_iter().zip(ask_together(&settings, prepared)) {
                if let (Some(place), Some((asked, told))) = (answered.get_mut(at), answer) {
                    *place = Some(Answered { request, asked, told });
                }
            }
        }
        Ok(answered)
    }

    fn case(&mut self, suite: &Suite, case: &Case, told: Option<Answered>) -> Result<Ended, Stopped> {
        let shared = told.is_some();
        let reconciliation = self.project.reconciliation(&case.reconciliation);
        let reconciliation = reconciliation.map_err(|error| in_case(case, Failure::from(error)))?.clone();
        params(&reconciliation, &case.params).map_err(|failure| in_case(case, failure))?;
        // Stores that only a program was asked from are not needed again.
        let needed: Option<BTreeSet<String>> = shared.then(|| stores_of(&reconciliation));
        put(&mut self.scratch, suite, case, &|name| needed.as_ref().is_none_or(|needed| needed.contains(name)))?;
        let first = self.verified(&self.project, case, told);
        let (ended, passed) = ended(case, first);
        if passed || !shared {
            return Ok(ended);
        }
        // What counts is how it ends when its program is asked about nothing else.
        put(&mut self.scratch, suite, case, &|_| true)?;
        let (alone, passed) = self::ended(case, self.verified(&self.project, case, None));
        Ok(match (alone, ended) {
            (Ended::Passed, Ended::Failed { differences, update, .. }) if passed => Ended::Failed {
                differences,
                update,
                note: Some(
                    "it passes when its program is asked about this case alone: the program carries something from one \
                     record to the next, or the suite must not say `together = true`"
                        .to_owned(),
                ),
            },
            (alone, _) => alone,
        })
    }

    fn request(&self, project: &Project, case: &Case) -> Result<Request, Failure> {
        let reconciliation = project.reconciliation(&case.reconciliation)?;
        let params = params(reconciliation, &case.params)?;
        let read = ReadArgs { allow_empty: case.allow_empty, ..self.read.clone() };
        let definition = Definition { rules: rules(&read, Default::default())?, ..definition(reconciliation) };
        both(project, reconciliation, &params, &self.settings, definition, &read, false)
    }

    /// What `recon verify` would decide.
    fn verified(&self, project: &Project, case: &Case, told: Option<Answered>) -> Result<Actual, Failure> {
        let reconciliation = project.reconciliation(&case.reconciliation)?;
        let request = match told {
            Some(Answered { mut request, asked, told }) => {
                request.candidate = request.candidate.told(asked, told);
                request
            }
            None => self.request(project, case)?,
        };
        let read = ReadArgs { allow_empty: case.allow_empty, ..self.read.clone() };
        let comparison = Comparison { keep: true, ..comparison(&read, request, Arc::default()) };
        let mut compared = compare(&comparison)?;
        let given = params(reconciliation, &case.params)?;
        let expected = population(project, reconciliation, &given, &self.settings)?;
        let rate = case.max_discrepancy_rate.as_ref().or(reconciliation.canary.max_discrepancy_rate.as_ref());
        let counts = compared.report.counts;
        let fallback = rate.is_some_and(|rate| exceeds(&counts, rate));
        let percent = case.percent.unwrap_or(reconciliation.canary.percent);
        let rule = Rule { percent, policy: reconciliation.policy, fallback };
        let kind = |name: &str| reconciliation.column(name).and_then(|column| column.column_type);
        // As in a verification: where a side was cut short nothing is decided.
        let surveyed = match compared.doubts.is_empty() {
            true => Some(survey(&mut compared, &rule, &kind, &[]).map_err(|error| temporary(&error))?),
            false => None,
        };
        let judgement = judge(&Evidence {
            counts: &counts,
            survey: surveyed.as_ref(),
            doubts: &compared.doubts,
            expected,
            max_discrepancy_rate: rate,
            strict: case.strict,
            allow_empty: case.allow_empty,
            // A case holds what both paths compute; checks ask the stores of a team.
            checks: &[],
        });
        let decided = match &surveyed {
            Some(survey) => decisions(&mut compared, rule, &survey.layout)
                .and_then(Iterator::collect::<Result<Vec<Decision>, _>>)
                .map_err(|error| temporary(&error))?,
            None => Vec::new(),
        };
        actual(&mut compared, judgement.verdict, judgement.reasons, decided)
    }
}

fn put(scratch: &mut Scratch, suite: &Suite, case: &Case, wanted: &dyn Fn(&str) -> bool) -> Result<(), Stopped> {
    scratch.put(suite, case, wanted).map_err(|error: StoreError| match error.class {
        ErrorClass::Usage => in_case(case, Failure::from(error)),
        _ => Stopped::Failure(Failure::from(error)),
    })
}

/// A fault of the case, with its place.
fn in_case(case: &Case, failure: Failure) -> Stopped {
    Stopped::Case(CaseError { what: format!("{}: {}", case.place, failure.what), hint: failure.hint })
}

/// What reference tables of a case are read from: the same text, the same tables.
fn source_of(case: &Case, reference: &[Input]) -> String {
    let mut text = format!("{:?} {:?} {:?}", case.reconciliation, case.params, case.tables);
    for table in reference {
        // A query may read whatever its store holds.
        let concerns = |input: &crate::cases::Input| match &table.what {
            What::Table(name) => input.store == table.store && input.name == *name,
            _ => input.store == table.store,
        };
        let parts = case.inputs.iter().filter(|input| concerns(input));
        for input in parts {
            text.push_str(&format!(" {:?} {:?} {:?}", table.name, input.name, input.id));
        }
    }
    text
}

/// The stores that are read when the candidate's program need not be asked.
fn stores_of(reconciliation: &Reconciliation) -> BTreeSet<String> {
    let of_path = |path: &PathDefinition| -> Vec<String> {
        match &path.origin {
            Origin::Store { store, .. } => vec![store.clone()],
            Origin::Sql { inputs, .. } => inputs.iter().map(|input| input.store.clone()).collect(),
            Origin::Http { records, reference, .. } | Origin::Command { records, reference, .. } => {
                std::iter::once(records).chain(reference).map(|input| input.store.clone()).collect()
            }
        }
    };
    let population = reconciliation.population.iter().map(|population| population.store.clone());
    of_path(&reconciliation.legacy).into_iter().chain(population).collect()
}

/// What a verification came to. One that could not be completed has a verdict; one that could not begin has none.
fn outcome(result: Result<Actual, Failure>) -> Result<Actual, Failure> {
    result.or_else(|failure| match failure.exit {
        Exit::Incomplete => Ok(Actual {
            verdict: RunVerdict::Incomplete,
            reasons: vec![failure.what.clone()],
            failed: Some(failure.what),
            decisions: Vec::new(),
            numeric: BTreeSet::new(),
            key: 0,
            discrepancies: Vec::new(),
        }),
        _ => Err(failure),
    })
}

fn ended(case: &Case, result: Result<Actual, Failure>) -> (Ended, bool) {
    let actual = match outcome(result) {
        Ok(actual) => actual,
        Err(failure) => return (Ended::Broken { what: failure.what, hint: failure.hint }, false),
    };
    // A path that fails meets no expectation by chance: only one that says by what it is to fail.
    if let (Some(what), None) = (&actual.failed, &case.expect.reason) {
        let hint = (case.expect.verdict == RunVerdict::Incomplete).then(|| {
            "the case expects `incomplete`, but not why: if this is what it is about, give a part of it as `reason` beside \
             `verdict`"
                .to_owned()
        });
        return (Ended::Broken { what: what.clone(), hint }, false);
    }
    let differences = actual.differences(&case.expect);
    if differences.is_empty() {
        return (Ended::Passed, true);
    }
    // A case that decided something would be made to look away, and a reason is somebody's own words.
    let decides_no_more = actual.verdict == RunVerdict::Incomplete && case.expect.verdict != RunVerdict::Incomplete;
    let by_hand = decides_no_more || differences.iter().any(|difference| difference.what == "reason");
    let update = (!by_hand).then(|| Box::new(Update::of(&actual, case.expect.reason.as_deref())));
    (Ended::Failed { differences, update, note: None }, false)
}

/// What came out of a comparison that was decided.
pub(in crate::commands) fn actual(
    compared: &mut Compared,
    verdict: RunVerdict,
    reasons: Vec<String>,
    decided: Vec<Decision>,
) -> Result<Actual, Failure> {
    let plan = compared.plan();
    let names: Vec<String> = plan.key.iter().chain(plan.columns.iter().map(|column| &column.legacy)).cloned().collect();
    let key = plan.key.len();
    let report = compared.report.clone();
    let totalled = report.columns.iter().filter(|column| column.totals.is_some()).map(|column| column.name.clone());
    let mut numeric: BTreeSet<String> = totalled.collect();
    let text = |value: &Value| (!value.is_missing()).then(|| value.to_string());
    let mut rows: Vec<Row> = Vec::with_capacity(decided.len());
    for decision in &decided {
        let values = decision.key.iter().chain(&decision.values);
        let mut row: Row = Vec::with_capacity(names.len() + 2);
        for (name, value) in names.iter().zip(values) {
            if matches!(value, Value::Number { .. }) && !numeric.contains(name) {
                numeric.insert(name.clone());
            }
            row.push((name.clone(), text(value)));
        }
        row.push(("recon_source".to_owned(), Some(decision.taken.name().to_owned())));
        row.push(("recon_reason".to_owned(), Some(decision.reason.name().to_owned())));
        rows.push(row);
    }
    let discrepancies = compared
        .discrepancies()
        .map(|found| found.map(|discrepancy| discrepancy_json(&report, &discrepancy)))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|error| temporary(&error))?;
    let failed = report.legacy.error.clone().or_else(|| report.candidate.error.clone());
    Ok(Actual { verdict, reasons, failed, decisions: rows, numeric, key, discrepancies })
}

fn temporary(error: &std::io::Error) -> Failure {
    let folder: &Path = &std::env::temp_dir();
    Failure::incomplete(format!("a temporary file in {} could not be used: {error}", folder.display()))
        .hint("free space there, or set TMPDIR to a folder with more room")
}

//! Recorded cases, each run with the path as it stands and with the changed one. Expectations are neither asked nor
//! touched: what counts is whether a case comes out as it does now.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cases::{Actual, Expect, Found, Walk};
use crate::commands::Failure;
use crate::commands::test::{Stopped, Worker, server};
use crate::config::{Project, Secret, StoreKind};
use crate::exit::Exit;
use crate::ledger::RunVerdict;
use crate::report::impact::{Case, CaseEnd, Cases};

use super::Work;
use super::change::Change;

/// Cases that are kept to be shown.
const KEPT: usize = 1_000;

/// What the workers share.
struct Shared {
    walk: Mutex<Walk>,
    gathered: Mutex<Gathered>,
    stop: AtomicBool,
}

#[derive(Default)]
struct Gathered {
    cases: Cases,
    /// Whether every case that the change breaks could not even begin, and what the first said.
    refused: Option<Failure>,
    refusals: u64,
    stopped: Option<Stopped>,
}

impl Work<'_> {
    /// Runs every case both ways. `alone`: no cycle was looked at, so a query that runs on no case is a bad query.
    /// `None` where no folder was named and there is none.
    ///
    /// # Errors
    /// A case is wrong, a store cannot be used, or the changed path cannot run.
    pub(super) fn cases(&self, change: &Change, alone: bool) -> Result<Option<Cases>, Failure> {
        let servers = self.args.store.iter().map(|text| server(text)).collect::<Result<Vec<_>, Failure>>()?;
        let folder = match &self.args.cases {
            Some(folder) => folder.clone(),
            None => self.project.folder().join("cases"),
        };
        if self.args.cases.is_none() && !folder.exists() {
            return Ok(None);
        }
        let walk = Walk::new(&folder)?;
        let total = walk.total;
        let cases = Cases { folder: folder.display().to_string(), ..Cases::default() };
        if total == 0 {
            return match self.args.cases {
                Some(_) => Err(Failure::incomplete(format!("there is no case below {}", folder.display()))
                    .hint("a case is a folder with case.toml, or a line of a file NAME.cases.ndjson")),
                None => Ok(None),
            };
        }
        if let Some(why) = self.other_dialect(change, &servers)? {
            return Ok(Some(Cases { not_run: Some((total, why)), ..cases }));
        }
        let shared = Shared {
            walk: Mutex::new(walk),
            gathered: Mutex::new(Gathered { cases, ..Gathered::default() }),
            stop: AtomicBool::new(false),
        };
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| self.worker(change, &servers, &shared));
            }
        });
        let gathered = shared.gathered.into_inner().map_err(|_| fault())?;
        if let Some(stopped) = gathered.stopped {
            return Err(stopped.into());
        }
        let mut cases = gathered.cases;
        if let Some(failure) = gathered.refused.filter(|_| alone && gathered.refusals == cases.run - cases.broken) {
            return Err(failure);
        }
        cases.first.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Some(cases))
    }

    /// Why a query that is written for one store cannot run on the stores of cases, if it cannot.
    fn other_dialect(&self, change: &Change, servers: &[(String, Secret)]) -> Result<Option<String>, Failure> {
        let Some(name) = change.path(self.reconciliation).query_store() else { return Ok(None) };
        let kind = self.project.store(name)?.kind;
        let server = servers.iter().find(|(server, _)| server == name);
        let there = match server.and_then(|(_, url)| StoreKind::of_url(url.expose())) {
            Some(kind) => kind,
            None => match kind {
                StoreKind::MySql | StoreKind::Postgres | StoreKind::Sqlite => StoreKind::Sqlite,
                StoreKind::MongoDb | StoreKind::Files => StoreKind::Files,
            },
        };
        Ok((there != kind).then(|| {
            format!(
                "the changed query is written for {}, and the store `{name}` of cases is {}: give a server with `--store {name}={}://…`, or say `--no-cases`",
                kind.name(),
                there.name(),
                kind.name()
            )
        }))
    }

    fn worker(&self, change: &Change, servers: &[(String, Secret)], shared: &Shared) {
        let mut worker = Worker::new(self.global, servers);
        loop {
            let next = match shared.walk.lock() {
                Ok(mut walk) if !shared.stop.load(Ordering::Relaxed) => walk.next(),
                _ => return,
            };
            let Some(next) = next else { return };
            let done = next.map_err(Stopped::from).and_then(|found| self.case(change, &mut worker, &found));
            let Ok(mut gathered) = shared.gathered.lock() else { return };
            match done {
                Ok(done) => gathered.take(done),
                Err(stopped) => {
                    shared.stop.store(true, Ordering::Relaxed);
                    gathered.stopped.get_or_insert(stopped);
                }
            }
        }
    }

    /// `None`: a case of another reconciliation.
    fn case(&self, change: &Change, worker: &mut Worker<'_>, found: &Found) -> Result<Option<Ran>, Stopped> {
        let case = found.load()?;
        if case.reconciliation != self.reconciliation.name {
            return Ok(None);
        }
        let with = |project: &Project| -> Result<Project, Failure> {
            let of = project.reconciliation(&case.reconciliation)?;
            Ok(project.with_reconciliation(change.put(project, of)?))
        };
        let [current, changed] = worker.twice(&found.suite, &case, &with)?;
        let (ends, refused) = match (current, changed) {
            (Err(failure), _) => (Some(CaseEnd::Broken(said(&failure))), None),
            (Ok(_), Err(failure)) => (Some(CaseEnd::BrokenByChange(said(&failure))), Some(failure)),
            // Two verifications that could not be completed are equal without anybody having looked.
            (Ok(current), Ok(changed)) if is_blind(&current) && is_blind(&changed) => {
                return Ok(Some(Ran { told: None, undecided: true, refused: None }));
            }
            (Ok(current), Ok(changed)) => {
                let differences = changed.differences(&expected(current));
                ((!differences.is_empty()).then_some(CaseEnd::Changes(differences)), None)
            }
        };
        let name = match found.suite.label.as_str() {
            "" => case.name,
            label => format!("{label}/{}", case.name),
        };
        let told = ends.map(|ends| Case { name, place: case.place.to_string(), why: case.why, ends });
        Ok(Some(Ran { told, undecided: false, refused }))
    }
}

/// A case that was run both ways.
struct Ran {
    /// What there is to be told; nothing where it comes out as it does now.
    told: Option<Case>,
    /// Neither version decided anything.
    undecided: bool,
    refused: Option<Failure>,
}

impl Gathered {
    fn take(&mut self, done: Option<Ran>) {
        let cases = &mut self.cases;
        let Some(Ran { told, undecided, refused }) = done else {
            cases.others += 1;
            return;
        };
        cases.run += 1;
        if let Some(failure) = refused.filter(|failure| failure.exit == Exit::Usage) {
            self.refusals += 1;
            self.refused.get_or_insert(failure);
        }
        let Some(case) = told else {
            *(if undecided { &mut cases.undecided } else { &mut cases.same }) += 1;
            return;
        };
        match case.ends {
            CaseEnd::Broken(_) => cases.broken += 1,
            _ => cases.changed += 1,
        }
        if cases.first.len() < KEPT {
            cases.first.push(case);
        }
    }
}

/// What came out as if it were to be expected.
fn expected(actual: Actual) -> Expect {
    Expect { verdict: actual.verdict, reason: None, decisions: actual.decisions, discrepancies: actual.discrepancies }
}

fn is_blind(actual: &Actual) -> bool {
    actual.verdict == RunVerdict::Incomplete && actual.decisions.is_empty() && actual.discrepancies.is_empty()
}

fn said(failure: &Failure) -> String {
    match &failure.hint {
        Some(hint) => format!("{} ({hint})", failure.what),
        None => failure.what.clone(),
    }
}

fn fault() -> Failure {
    Failure::incomplete("a worker of the cases ended unexpectedly").hint("this is a fault of recon; please report it")
}

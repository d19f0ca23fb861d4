//! The checks of one run: which version of each decides and which only runs beside it, what came of them stage by stage,
//! and what the ledger keeps of that. Must not judge the run.

mod deciding;
mod done;
mod previous;

pub(in crate::commands) use deciding::deciding;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use crate::checks::{self, CheckRow, Definition, Kind, Material, Outcome, Severity, Stage};
use crate::config::{Project, did_you_mean};
use crate::decide::CheckSaid;
use crate::domain::Value;
use crate::domain::rule::{self, Scope};
use crate::exit::Exit;
use crate::ledger::{CheckResult, CheckVersion, Ledger, NotedCheck, Run, RunId};
use crate::report::verification::{Check, Verification};
use crate::stores::Settings;

use super::Failure;
use super::asking::Asking;
use deciding::decided_before;
use done::Done;
pub(in crate::commands) use previous::previous;

/// The parameter that names the run.
pub(in crate::commands) const RUN: &str = "recon_run";

/// Results of a check that are looked through.
const PAGE: u32 = 500;

/// The checks of a run.
pub(in crate::commands) struct Checking<'a> {
    project: &'a Project,
    settings: &'a Settings,
    /// Values of `:name`: the cycle's parameters, and its names.
    params: Vec<(String, Value)>,
    stop: Arc<AtomicBool>,
    versions: Vec<Version>,
    done: Vec<Done>,
    /// How many of `done` the ledger has.
    kept: usize,
    pub(in crate::commands) notices: Vec<String>,
}

/// One version of a check that has a part in the run.
struct Version {
    name: String,
    number: u64,
    /// Whether it decides; else it only runs beside the one that does.
    decides: bool,
    content: Content,
}

enum Content {
    /// To be run after its stage.
    Ready(Box<Definition>),
    /// Settled without running: malformed, tripped, turned off or not approved.
    Settled {
        severity: Severity,
        outcome: Outcome,
        message: String,
        stage: Option<Stage>,
        kind: String,
        /// What would run, where it is only switched off.
        ready: Option<Box<Definition>>,
        /// It waits for its first approval.
        waits: bool,
    },
}

/// What the ledger says besides of a check.
struct Seen<'v> {
    /// The version that decided before approval was asked for.
    before: Option<&'v CheckVersion>,
    /// The version that tripped.
    tripped: Option<&'v CheckVersion>,
    /// The ledger knows cycles of the reconciliation that it belongs to, and this project does not.
    elsewhere: bool,
}

impl<'a> Checking<'a> {
    /// Reads the checks of a reconciliation, notes those that were edited, and settles those that do not run.
    ///
    /// # Errors
    /// The ledger cannot be read or written.
    pub(in crate::commands) fn load(
        ledger: &mut Ledger,
        project: &'a Project,
        reconciliation: &str,
        params: &[(String, Value)],
        names: &[(&str, &str)],
        settings: &'a Settings,
        stop: Arc<AtomicBool>,
    ) -> Result<Checking<'a>, Failure> {
        let mut checking = Checking::empty(project, params, names, settings, stop);
        for noted in ledger.note_checks()? {
            let before = match project.checks.approval && noted.approved.is_none() {
                true => decided_before(ledger, &noted)?,
                false => None,
            };
            let tripped = match &noted.tripped {
                Some(trip) => {
                    let versions = ledger.check_versions(&noted.current.name)?;
                    versions.into_iter().find(|version| version.version == trip.version)
                }
                None => None,
            };
            // Projects may share a ledger: what has cycles of its own is not this one's, misspelt.
            let named = |row: &CheckRow| row.reconciliation.as_deref().map(str::trim).unwrap_or_default().to_owned();
            let other = named(&noted.current.row);
            let elsewhere = !other.is_empty()
                && !project.reconciliations().any(|known| known.name == other)
                && !ledger.history(Some(&other), None, 1)?.is_empty();
            let seen = Seen { before: before.as_ref(), tripped: tripped.as_ref(), elsewhere };
            checking.note(&noted, &seen, reconciliation);
        }
        let settled = checking.versions.iter().filter_map(Done::settled);
        checking.done = settled.collect();
        Ok(checking)
    }

    fn empty(
        project: &'a Project,
        params: &[(String, Value)],
        names: &[(&str, &str)],
        settings: &'a Settings,
        stop: Arc<AtomicBool>,
    ) -> Checking<'a> {
        let of_text = |text: &str| Value::Text { text: text.to_owned(), untyped: false };
        let mut all = params.to_vec();
        all.extend(names.iter().map(|(name, value)| ((*name).to_owned(), of_text(value))));
        Checking {
            project,
            settings,
            params: all,
            stop,
            versions: Vec::new(),
            done: Vec::new(),
            kept: 0,
            notices: Vec::new(),
        }
    }

    fn note(&mut self, noted: &NotedCheck, seen: &Seen<'_>, reconciliation: &str) {
        let named = |row: &CheckRow| row.reconciliation.as_deref().map(str::trim).unwrap_or_default().to_owned();
        let belongs = |row: &CheckRow| matches!(named(row), name if name.is_empty() || name == reconciliation);
        let name = &noted.current.name;
        let decides = match self.project.checks.approval {
            true => noted.approved.as_ref().or(seen.before),
            false => Some(&noted.current),
        };
        if let Some(trip) = noted.tripped.as_ref() {
            // As the version was that tripped: what was edited since does not take it out of the way.
            let row = seen.tripped.map_or(&noted.row, |version| &version.row);
            if belongs(row) {
                let (severity, stage, kind) = told(row);
                let message = format!(
                    "switched off since {} ({}); `recon checks enable {name} --reason …` switches it on again",
                    trip.at, trip.message
                );
                let ready = Definition::of(&noted.current.row).ok().map(Box::new);
                let content =
                    Content::Settled { severity, outcome: Outcome::Tripped, message, stage, kind, ready, waits: false };
                // That version decided; one that was edited since never did.
                self.versions.push(Version { name: name.clone(), number: trip.version, decides: true, content });
            }
            return;
        }
        if !noted.current.deleted && noted.current.row.unreadable.iter().any(|why| why.contains("reconciliation")) {
            let why = noted.current.row.unreadable.join("; ");
            self.settle(noted, Outcome::Unknown, why, false);
            return;
        }
        let other = named(decides.map_or(&noted.current.row, |decides| &decides.row));
        let known = || self.project.reconciliations().map(|one| one.name.as_str());
        if !other.is_empty() && !noted.current.deleted && !known().any(|known| known == other) {
            let what = format!("it belongs to the reconciliation `{other}`, which recon.toml does not have");
            let plain = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
            let near = did_you_mean(&other, known()).or_else(|| {
                known().find(|known| plain(known) == plain(&other)).map(|known| format!("did you mean `{known}`?"))
            });
            match near.filter(|_| !seen.elsewhere) {
                // Misspelt: it was meant to guard something here.
                Some(hint) => self.settle(noted, Outcome::Unknown, format!("{what}; {hint}"), false),
                None => self.notices.push(format!("the check `{name}` does not run: {what}")),
            }
            return;
        }
        let current = &noted.current;
        if current.deleted {
            let last = noted.last_run.map(|run| format!(" (run {run} still had it)")).unwrap_or_default();
            match decides.filter(|decides| !decides.deleted) {
                Some(decides) if self.project.checks.approval => {
                    self.notices.push(format!(
                        "the check `{name}` was deleted, and nobody approved that: version {} decides",
                        decides.version
                    ));
                    self.add(decides, true, belongs(&decides.row));
                }
                _ if noted.is_new => {
                    self.notices.push(format!("the check `{name}` was deleted{last}: it does not run any more"))
                }
                _ => {}
            }
            return;
        }
        match decides {
            Some(decides) => self.add(decides, true, belongs(&decides.row)),
            None if belongs(&current.row) => {
                let message = "nobody approved it yet: it only runs beside the others".to_owned();
                self.settle(noted, Outcome::Skipped, message, true);
            }
            None => {}
        }
        if decides.map(|version| version.version) != Some(current.version) {
            self.add(current, false, belongs(&current.row));
        }
    }

    /// The newest version comes to an outcome without running.
    fn settle(&mut self, noted: &NotedCheck, outcome: Outcome, message: String, waits: bool) {
        let (severity, stage, kind) = told(&noted.current.row);
        let content = Content::Settled { severity, outcome, message, stage, kind, ready: None, waits };
        let (name, number) = (noted.current.name.clone(), noted.current.version);
        self.versions.push(Version { name, number, decides: true, content });
    }

    fn add(&mut self, version: &CheckVersion, decides: bool, belongs: bool) {
        if belongs {
            let content = content(&version.row);
            self.versions.push(Version { name: version.name.clone(), number: version.version, decides, content });
        }
    }

    /// With one version alone, which is not in force.
    pub(in crate::commands) fn of_row(
        row: &CheckRow,
        project: &'a Project,
        params: &[(String, Value)],
        names: &[(&str, &str)],
        settings: &'a Settings,
        stop: Arc<AtomicBool>,
    ) -> Checking<'a> {
        let mut checking = Checking::empty(project, params, names, settings, stop);
        if let Ok(definition) = Definition::of(row) {
            let content = Content::Ready(Box::new(definition));
            checking.versions.push(Version { name: row.name.clone(), number: 0, decides: true, content });
        }
        checking
    }

    /// Only the checks of these names; all, when none is given.
    ///
    /// # Errors
    /// There is no such check here.
    pub(in crate::commands) fn choose(&mut self, names: &[String]) -> Result<(), Failure> {
        let known: Vec<String> = self.versions.iter().map(|version| version.name.clone()).collect();
        if let Some(other) = names.iter().find(|name| !known.contains(name)) {
            let failure = Failure::usage(format!("there is no check `{other}` for this reconciliation"));
            return Err(failure.hint(
                did_you_mean(other, known.iter().map(String::as_str))
                    .unwrap_or_else(|| "`recon checks list` shows them".to_owned()),
            ));
        }
        if !names.is_empty() {
            self.versions.retain(|version| names.contains(&version.name));
            self.done.retain(|done| names.contains(&done.name));
            // Whoever names a check wants to see what it says, also of one that is off.
            for version in self.versions.iter_mut().filter(|version| version.decides) {
                if let Content::Settled { ready, .. } = &mut version.content
                    && let Some(ready) = ready.take()
                {
                    self.done.retain(|done| !(done.decides && done.name == version.name));
                    version.content = Content::Ready(ready);
                }
            }
        }
        Ok(())
    }

    /// Whether a check looks at the records of the run.
    pub(in crate::commands) fn needs_records(&self) -> bool {
        let needs = |version: &Version| matches!(&version.content, Content::Ready(ready) if !ready.kind.asks_a_store());
        self.versions.iter().any(needs)
    }

    /// The exit code of what they came to.
    pub(in crate::commands) fn exit(&self) -> Exit {
        let said = self.said();
        let any = |wanted: &[Outcome]| {
            said.iter().any(|said| said.severity == Severity::Error && wanted.contains(&said.outcome))
        };
        match (any(&[Outcome::Unknown, Outcome::Tripped]), any(&[Outcome::Fail])) {
            (true, _) => Exit::Incomplete,
            (false, true) => Exit::Discrepancies,
            (false, false) => Exit::Success,
        }
    }

    /// Only this stage: what is settled without running belongs to others.
    pub(in crate::commands) fn only(&mut self, stage: Stage) {
        self.versions.retain(|version| match &version.content {
            Content::Ready(ready) => ready.stage == stage,
            Content::Settled { stage: own, .. } => *own == Some(stage),
        });
        self.done.retain(|done| done.stage == Some(stage));
    }

    /// Every stage but the one that follows the release. What cannot be understood there, or is switched off, is told
    /// before the money goes.
    pub(in crate::commands) fn before_release(&mut self) {
        self.versions.retain(|version| match &version.content {
            Content::Ready(ready) => ready.stage != Stage::Released,
            Content::Settled { .. } => true,
        });
    }

    /// Whether a rule reads what the cycle before decided.
    pub(in crate::commands) fn wants_previous(&self) -> bool {
        let reads = |text: &str| {
            let rule = rule::parse(text);
            rule.is_ok_and(|rule| rule.references().iter().any(|name| name.scope == Scope::Previous))
        };
        let wants = |version: &Version| match &version.content {
            Content::Ready(ready) => ready.kind == Kind::Rule && reads(&ready.query),
            Content::Settled { .. } => false,
        };
        self.versions.iter().any(wants)
    }

    /// Whether there is anything to run or to tell.
    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// Runs the checks of some stages. `population` is the number of the run's distinct keys, where it is known.
    pub(in crate::commands) fn run(
        &mut self,
        stages: &[Stage],
        mut material: Option<Material<'_>>,
        population: Option<u64>,
    ) {
        let written = |stage: &Stage| *stage >= Stage::Decided;
        let (after, before): (Vec<Stage>, Vec<Stage>) = stages.iter().copied().partition(written);
        // Before its decisions are written a run has nothing that could be found by its name.
        let named: Vec<(String, Value)> = self.params.iter().filter(|(name, _)| name != RUN).cloned().collect();
        self.run_with(&before, material.as_mut(), population, &named);
        self.run_with(&after, material.as_mut(), population, &self.params.clone());
    }

    fn run_with(
        &mut self,
        stages: &[Stage],
        material: Option<&mut Material<'_>>,
        population: Option<u64>,
        params: &[(String, Value)],
    ) {
        let ready: Vec<(&Version, &Definition)> = (self.versions.iter())
            .filter_map(|version| match &version.content {
                Content::Ready(ready) if stages.contains(&ready.stage) => Some((version, ready.as_ref())),
                _ => None,
            })
            .collect();
        if ready.is_empty() {
            return;
        }
        let of = &self.project.checks;
        let ask = Asking { project: self.project, params, settings: self.settings, stop: &self.stop };
        let settings =
            checks::Settings { ask: &ask, concurrency: of.concurrency, samples: of.samples, masks: &of.masks, params };
        let began = SystemTime::now();
        let definitions: Vec<&Definition> = ready.iter().map(|(_, definition)| *definition).collect();
        let ran = checks::run(&definitions, material, &settings);
        let done = ready
            .into_iter()
            .zip(ran)
            .map(|((version, definition), ran)| Done::of(version, definition, ran, population, began));
        let done: Vec<Done> = done.collect();
        self.done.extend(done);
    }

    /// Keeps what came of them, and switches off what tripped its guard.
    ///
    /// # Errors
    /// The ledger fails, or the cycle is another run's.
    pub(in crate::commands) fn keep(&mut self, run: &mut Run) -> Result<(), Failure> {
        let new = self.done.get(self.kept..).unwrap_or_default();
        let results: Vec<CheckResult> = new.iter().map(Done::result).collect();
        if !results.is_empty() {
            run.record_check_results(&results)?;
        }
        for done in new.iter().filter(|done| done.has_just_tripped()) {
            run.trip_check(&done.name, done.number, &done.message)?;
        }
        self.kept = self.done.len();
        Ok(())
    }

    /// Keeps what came of the checks that follow the release of a run.
    ///
    /// # Errors
    /// The ledger fails.
    pub(in crate::commands) fn keep_released(&self, ledger: &mut Ledger, run: RunId) -> Result<(), Failure> {
        // Beside what the verification found: that stays as it was.
        let released = |done: &Done| CheckResult { role: "released".to_owned(), ..done.result() };
        let results: Vec<CheckResult> = self.done.iter().map(released).collect();
        ledger.record_check_results(run, &results)?;
        for done in self.done.iter().filter(|done| done.has_just_tripped()) {
            ledger.trip_check(Some(run), &done.name, done.number, &done.message)?;
        }
        Ok(())
    }

    /// What those that decide say to the verdict.
    pub(in crate::commands) fn said(&self) -> Vec<CheckSaid<'_>> {
        let deciding = self.done.iter().filter(|done| done.decides);
        let said = deciding.map(|done| CheckSaid {
            name: &done.name,
            // Not every check passed where one waits for its first approval.
            outcome: if done.waits { Outcome::Warn } else { done.outcome },
            severity: done.severity,
            message: &done.message,
        });
        said.collect()
    }

    /// How many passed and did not, for the ledger's history; `None` where there are none.
    pub(in crate::commands) fn summary(&self) -> Option<String> {
        let deciding = || self.done.iter().filter(|done| done.decides);
        let counted = Outcome::ALL.into_iter().filter_map(|outcome| {
            let count = deciding().filter(|done| done.outcome == outcome).count();
            (count > 0).then(|| format!("{count} {}", outcome.name()))
        });
        let counted: Vec<String> = counted.collect();
        (!counted.is_empty()).then(|| format!("checks: {}", counted.join(", ")))
    }

    /// As reports show them, by name.
    pub(in crate::commands) fn report(&self) -> Vec<Check> {
        let mut all: Vec<Check> = Vec::new();
        for done in self.done.iter().filter(|done| done.decides) {
            let shadow = self.done.iter().find(|other| !other.decides && other.name == done.name);
            all.push(done.report(shadow));
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}

/// What a version is, before it runs.
fn content(row: &CheckRow) -> Content {
    let (severity, stage, kind) = told(row);
    let definition = Definition::of(row);
    let ready = definition.as_ref().ok().cloned().map(Box::new);
    let settled = |outcome, message: String| {
        let (kind, ready) = (kind.clone(), ready.clone());
        Content::Settled { severity, outcome, message, stage, kind, ready, waits: false }
    };
    match definition {
        Err(malformed) => settled(Outcome::Unknown, malformed.to_string()),
        Ok(definition) if !definition.enabled => settled(Outcome::Skipped, "it is turned off".to_owned()),
        Ok(definition) => Content::Ready(Box::new(definition)),
    }
}

/// What a row says of severity, stage and kind, whatever else is wrong with it. What does not say is an error.
fn told(row: &CheckRow) -> (Severity, Option<Stage>, String) {
    let warns = row.severity.as_deref().map(str::trim) == Some("warn");
    let severity = if warns { Severity::Warn } else { Severity::Error };
    let stage = Stage::ALL.into_iter().find(|stage| row.stage.as_deref().map(str::trim) == Some(stage.name()));
    (severity, stage, row.kind.clone().unwrap_or_default())
}

impl Verification {
    /// Takes what came of the checks into the report.
    pub(in crate::commands) fn take(&mut self, checking: &Checking<'_>) {
        self.checks = checking.report();
        self.notices.extend(checking.notices.iter().cloned());
        let off = self.checks.iter().filter(|check| check.outcome == "skipped");
        let names: Vec<String> = off.map(|check| format!("`{}`", check.name)).collect();
        if !names.is_empty() {
            let are = if names.len() == 1 { "check does" } else { "checks do" };
            let (count, names) = (names.len(), names.join(", "));
            self.notices.push(format!("{count} {are} not decide, turned off or not approved: {names}"));
        }
    }
}

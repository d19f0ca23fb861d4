//! The work of a run that holds its cycle, step by step; each step is written to the ledger before the next begins.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::checks::{Material, Stage};
use crate::cli::{Global, VerifyArgs};
use crate::commands::checking::{self, Checking};
use crate::commands::checks::unpushed;
use crate::commands::cycle::Named;
use crate::commands::diff::{Request, comparison};
use crate::commands::log::{self as stderr, Level};
use crate::commands::population::population;
use crate::commands::{Failure, canary, output, progress, release, status};
use crate::compare::{Compared, Comparison, compare};
use crate::config::Decisions;
use crate::decide::{Evidence, Judgement, Rule, Survey, Taken, exceeds, judge, survey};
use crate::decisions::{Place, ReadBack, Ticket};
use crate::domain::{Amount, State};
use crate::exit::Exit;
use crate::ledger::{DecisionSummary, Ledger, LedgerError, Run, RunVerdict};
use crate::report::verification::{Bridged, Canary, Decided, Part, Verification};
use crate::report::{Format, Report, count};
use crate::stores::Settings;

use super::base::Base;
use super::snapshot::{self, Text};
use super::told;
use super::watch::Watch;
use super::written::{FromCompared, ties, written};
use super::{exit_of, logged};

/// What a run works with.
pub(super) struct Work<'a> {
    pub(super) global: &'a Global,
    pub(super) args: &'a VerifyArgs,
    pub(super) format: Format,
    pub(super) named: &'a Named,
    pub(super) settings: &'a Settings,
    pub(super) who: &'a str,
    pub(super) texts: Vec<Text>,
    /// Share of agreeing records that take the candidate's value.
    pub(super) percent: u8,
}

/// What is known of a run so far, for its report.
pub(super) struct Known {
    pub(super) ticket: Ticket,
    pub(super) started: Instant,
    pub(super) expected: Option<u64>,
    pub(super) notices: Vec<String>,
}

/// Decisions that are written, or not, and what they come to.
struct Outcome {
    judgement: Judgement,
    survey: Option<Survey>,
    /// Whether more records disagreed than is allowed.
    fallback: bool,
    found: Option<ReadBack>,
    place: Option<String>,
}

impl Work<'_> {
    /// Does the work, ends the run and reports it.
    ///
    /// # Errors
    /// It could not come to a verdict. The run is ended as incomplete and the cycle blocked, with the reason.
    pub(super) fn run(
        self,
        ledger: &mut Ledger,
        mut run: Run,
        request: Request,
        mut place: Option<Place>,
        completes: Option<Base>,
    ) -> Result<Exit, Failure> {
        let id = run.id();
        let ticket = Ticket {
            cycle: self.named.key.to_string(),
            origin: ledger.cycle_origin(id.cycle)?,
            run: id.to_string(),
            attempt: id.attempt,
            snapshot: String::new(),
        };
        told::begun(&ticket.cycle, &run, self.who);
        let mut known = Known { ticket, started: Instant::now(), expected: None, notices: Vec::new() };
        let done = match (&mut place, completes) {
            (Some(place), Some(mut base)) => self.retry(ledger, &mut run, request, place, &mut known, &mut base),
            (place, _) => self.verify(ledger, &mut run, request, place.as_mut(), &mut known),
        };
        let (mut compared, mut verification, verdict) = match done {
            Ok(done) => done,
            Err(failure) => {
                // A run that was overtaken has nothing to end: the ledger refuses it, and that is what is told.
                let verification = self.report(&known, None, &unfinished(&failure), &State::Blocked);
                let reasons = verification.reasons.clone();
                let ended = run.block(RunVerdict::Incomplete, &reasons, &verification.figures());
                if let Err(overtaken @ LedgerError::Superseded { .. }) = ended {
                    return Err(overtaken.into());
                }
                if failure.exit != Exit::Refused && ended.is_ok() {
                    told::ended(&verification, failure.exit);
                    if matches!(self.format, Format::Json | Format::Junit) {
                        self.deliver(&verification, None)?;
                    }
                }
                return Err(failure);
            }
        };
        drop(run);
        let cycle = ledger.status(&self.named.key)?;
        let needed = release::needed(self.named, ledger, cycle.as_ref())?;
        verification.next = Some(status::next(self.global, self.named, cycle.as_ref(), needed));
        told::ended(&verification, exit_of(verdict));
        self.deliver(&verification, Some(&mut compared))?;
        Ok(exit_of(verdict))
    }

    fn deliver(&self, verification: &Verification, compared: Option<&mut Compared>) -> Result<(), Failure> {
        let args = self.args;
        output::verification(self.global, verification, compared, self.format, args.limit, args.output.as_deref())
    }

    fn verify(
        &self,
        ledger: &mut Ledger,
        run: &mut Run,
        request: Request,
        place: Option<&mut Place>,
        known: &mut Known,
    ) -> Result<(Compared, Verification, RunVerdict), Failure> {
        self.keep_settings(run, known)?;
        let mut checking = self.checking(ledger, run)?;
        checking.run(&[Stage::Registered], None, None);
        checking.keep(run)?;
        let mut compared = self.compare(run, request)?;
        told::advance(run, &State::Computed, Some(&read(&compared)))?;
        told::advance(run, &State::Compared, Some(&compared.report.summary()))?;
        log(run, &mut compared)?;
        known.expected =
            population(&self.named.project, &self.named.reconciliation, &self.named.params, self.settings)?;
        let rate = self.named.reconciliation.canary.max_discrepancy_rate.as_ref();
        let counts = compared.report.counts;
        let fallback = rate.is_some_and(|rate| exceeds(&counts, rate));
        let rule = Rule { percent: self.percent, policy: self.named.reconciliation.policy, fallback };
        // Where a side was cut short not every key is known: nothing is decided then.
        let surveyed = match compared.doubts.is_empty() {
            true => Some(self.survey(&mut compared, &rule)?),
            false => None,
        };
        let ticket = known.ticket.clone();
        let previous = match checking.wants_previous() {
            true => checking::previous(self.named, ledger, run.id().cycle, self.settings)?,
            false => None,
        };
        let check = |checking: &mut Checking<'_>, stages: &[Stage], compared: &mut Compared| {
            let material = surveyed.as_ref().map(|survey| Material {
                compared: Some((compared, rule)),
                decisions: None,
                layout: &survey.layout,
                ticket: &ticket,
                previous: previous.clone(),
            });
            checking.run(stages, material, surveyed.is_some().then_some(counts.keys));
        };
        let (before, after) = self.stages();
        check(&mut checking, before, &mut compared);
        checking.keep(run)?;
        let doubts = compared.doubts.clone();
        let (expected, survey) = (known.expected, surveyed.clone());
        let judged = |unproved: &[String], checking: &Checking<'_>| {
            judge(&Evidence {
                counts: &counts,
                survey: survey.as_ref(),
                doubts: &[unproved, doubts.as_slice()].concat(),
                expected,
                max_discrepancy_rate: rate,
                strict: self.args.strict,
                allow_empty: self.args.read.allow_empty,
                checks: &checking.said(),
            })
        };
        told::advance(run, &State::Checked, checking.summary().as_deref())?;

        let judgement = judged(&[], &checking);
        let mut outcome = Outcome { judgement, survey: survey.clone(), fallback, found: None, place: None };
        let mut unproved = Vec::new();
        match (place, &outcome.survey) {
            (None, _) => known.notices.push(
                "recon.toml has no [decisions] for this reconciliation: the decisions are written nowhere".to_owned(),
            ),
            (Some(_), None) => {}
            (Some(place), Some(_)) if self.is_written(outcome.judgement.verdict) => {
                unproved = self.write(run, place, &mut compared, rule, known, &mut outcome)?;
            }
            (Some(place), Some(_)) => {
                let what = outcome.judgement.verdict.name();
                known.notices.push(format!("{} was not written: the run is {what}", place.label()));
            }
        }
        check(&mut checking, after, &mut compared);
        checking.keep(run)?;
        outcome.judgement = judged(&unproved, &checking);
        run.confirm()?;
        let verdict = outcome.judgement.verdict;
        let mut verification = self.report(known, Some(&compared), &outcome, &state_of(verdict));
        verification.take(&checking);
        self.cut_back(ledger, &verification)?;
        end(run, verdict, &verification)?;
        Ok((compared, verification, verdict))
    }

    /// The stages whose checks run before the decisions are written, and those after. A table shows the payer only what
    /// is released; a file that lies there looks as if it might be paid, so everything is checked before.
    pub(super) fn stages(&self) -> (&'static [Stage], &'static [Stage]) {
        match self.named.reconciliation.decisions {
            Some(Decisions::Table { .. }) => (&[Stage::Computed, Stage::Compared], &[Stage::Decided]),
            _ => (&[Stage::Computed, Stage::Compared, Stage::Decided], &[]),
        }
    }

    /// The checks of the reconciliation, as they stand now.
    pub(super) fn checking(&self, ledger: &mut Ledger, run: &Run) -> Result<Checking<'_>, Failure> {
        let (cycle, id) = (self.named.key.to_string(), run.id().to_string());
        let names = [("recon_cycle", cycle.as_str()), ("recon_run", id.as_str())];
        let name = &self.named.reconciliation.name;
        let params = &self.named.params;
        let mut checking =
            Checking::load(ledger, &self.named.project, name, params, &names, self.settings, run.lost())?;
        checking.before_release();
        checking.notices.extend(unpushed::notice(&self.named.project, ledger, name));
        Ok(checking)
    }

    /// Cuts the canary back after a breach, before the run ends: killed in between, the next run does it again.
    pub(super) fn cut_back(&self, ledger: &mut Ledger, verification: &Verification) -> Result<(), Failure> {
        if let Some(notice) = canary::cut_back(ledger, &self.named.reconciliation, verification)? {
            stderr::say(Level::Warning, "warning", &notice);
        }
        Ok(())
    }

    /// Keeps the settings in force with the run.
    pub(super) fn keep_settings(&self, run: &mut Run, known: &mut Known) -> Result<(), Failure> {
        for text in &self.texts {
            run.snapshot(text.kind, &text.name, &text.text)?;
        }
        let settings = snapshot::settings(self.named, self.args, &self.texts, self.percent);
        known.ticket.snapshot = run.snapshot("settings", "settings", &settings)?;
        Ok(())
    }

    /// Decides every key of a comparison, without writing anything.
    pub(super) fn survey(&self, compared: &mut Compared, rule: &Rule) -> Result<Survey, Failure> {
        let kind = |name: &str| self.named.reconciliation.column(name).and_then(|column| column.column_type);
        let segments = self.segments(compared)?;
        survey(compared, rule, &kind, segments).map_err(|error| temporary(&error))
    }

    /// The segment columns, which must be among those of the comparison.
    fn segments(&self, compared: &Compared) -> Result<&[String], Failure> {
        let segments = &self.named.reconciliation.canary.segments;
        let plan = compared.plan();
        let known = || plan.key.iter().chain(plan.columns.iter().map(|column| &column.legacy));
        match segments.iter().find(|name| !known().any(|column| column == *name)) {
            Some(name) => {
                Err(Failure::usage(format!("`segments` names `{name}`, which is no key and no compared column"))
                    .hint("name columns of the comparison in [reconciliation.….canary] of recon.toml"))
            }
            None => Ok(segments),
        }
    }

    /// Whether decisions are written: always to a table, of which the payer sees only what is released; to a file only
    /// what may be paid, because a file that lies there looks as if it might.
    pub(super) fn is_written(&self, verdict: RunVerdict) -> bool {
        let table = matches!(self.named.reconciliation.decisions, Some(Decisions::Table { .. }));
        table || matches!(verdict, RunVerdict::Clean | RunVerdict::Warned)
    }

    /// Computes both paths and compares them, and stops early when the cycle is another run's.
    pub(super) fn compare(&self, run: &Run, request: Request) -> Result<Compared, Failure> {
        let sides = [Arc::clone(&request.legacy.progress), Arc::clone(&request.candidate.progress)];
        let estimates = Arc::new(progress::Estimates::default());
        let started = Instant::now();
        let comparison = Comparison { keep: true, ..comparison(&self.args.read, request, Arc::clone(&estimates)) };
        let watch = Watch::start(run.lost(), sides.clone());
        let compared = {
            let _display = progress::start(self.global.quiet, sides, estimates);
            compare(&comparison)
        };
        drop(watch);
        run.check()?;
        let mut compared = compared?;
        compared.report.elapsed = started.elapsed();
        Ok(compared)
    }

    /// Writes the decisions and reads them back where they are; says why they are not proved to be those that were
    /// made, or do not tie, if so.
    fn write(
        &self,
        run: &mut Run,
        place: &mut Place,
        compared: &mut Compared,
        rule: Rule,
        known: &Known,
        outcome: &mut Outcome,
    ) -> Result<Vec<String>, Failure> {
        let Some(survey) = &outcome.survey else { return Ok(Vec::new()) };
        let mut again = FromCompared { compared, rule, layout: &survey.layout };
        let found = written(run, place, (&known.ticket, &survey.layout), survey.taken, &mut again, self.global.quiet)?;
        let mut reasons = found.reasons;
        reasons.extend(ties(survey, &found.read_back));
        outcome.found = Some(found.read_back);
        outcome.place = Some(place.label().to_owned());
        Ok(reasons)
    }

    fn report(&self, known: &Known, compared: Option<&Compared>, outcome: &Outcome, state: &State) -> Verification {
        let currency = |name: &str| self.named.reconciliation.column(name).and_then(|column| column.currency.clone());
        let decided = outcome.survey.as_ref().map(|survey| {
            let totals = survey.bridges.iter().map(|bridge| {
                let at = survey.layout.columns.iter().position(|seen| seen.name == bridge.column);
                let written = outcome.found.as_ref().zip(at).and_then(|(found, at)| found.totals.get(at));
                // A DECIMAL(65,30) gives back thirty decimals: the same value is shown as it was summed up.
                let decided = written.filter(|sum| !sum.same_value(&bridge.decided)).unwrap_or(&bridge.decided).clone();
                Bridged {
                    residual: bridge.residual(&decided).unwrap_or(Amount::NAN),
                    column: bridge.column.clone(),
                    currency: currency(&bridge.column),
                    parts: vec![
                        Part { name: "legacy", minus: false, amount: bridge.legacy.clone() },
                        Part { name: "candidate_taken", minus: false, amount: bridge.candidate_taken.clone() },
                        Part { name: "tolerated", minus: false, amount: bridge.tolerated.clone() },
                        Part { name: "held", minus: true, amount: bridge.held.clone() },
                    ],
                    decided,
                }
            });
            let of = |taken| outcome.found.as_ref().map_or_else(|| survey.of(taken), |found| found.of(taken));
            Decided {
                candidate: of(Taken::Candidate),
                legacy: of(Taken::Legacy),
                held: of(Taken::Held),
                place: outcome.place.clone(),
                hash: outcome.found.as_ref().map(|found| found.hash.clone()),
                totals: totals.collect(),
            }
        });
        let mut canary = Canary { percent: self.percent, fallback: outcome.fallback, ..Canary::default() };
        if let Some(survey) = &outcome.survey {
            let columns = survey.bridges.iter().map(|bridge| bridge.column.clone());
            canary.covered = columns.zip(survey.covered.iter().cloned()).collect();
            let list = |set: &BTreeSet<String>| set.iter().cloned().collect();
            canary.segments = (list(&survey.segments.0), list(&survey.segments.1));
        }
        let diff = compared.map(|compared| compared.report.clone());
        Verification { canary, decisions: decided, ..self.blank(known, &outcome.judgement, diff, state) }
    }

    /// The report of a run, but for what was decided.
    pub(super) fn blank(
        &self,
        known: &Known,
        judgement: &Judgement,
        diff: Option<Report>,
        state: &State,
    ) -> Verification {
        Verification {
            canary: Canary { percent: self.percent, ..Canary::default() },
            decisions: None,
            verdict: judgement.verdict.name(),
            reasons: judgement.reasons.clone(),
            notices: known.notices.clone(),
            cycle: known.ticket.cycle.clone(),
            name: self.named.reconciliation.name.clone(),
            params: self.named.key.params().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            run: known.ticket.run.clone(),
            by: self.who.to_owned(),
            state: state.name().to_owned(),
            snapshot: known.ticket.snapshot.clone(),
            diff,
            completes: None,
            checks: Vec::new(),
            expected: known.expected,
            elapsed: known.started.elapsed(),
            next: None,
        }
    }
}

/// Where a cycle stands after a verdict.
pub(super) fn state_of(verdict: RunVerdict) -> State {
    match verdict {
        RunVerdict::Clean | RunVerdict::Warned => State::Decided,
        RunVerdict::Blocked | RunVerdict::Incomplete => State::Blocked,
    }
}

/// Ends the run in the ledger as its report says.
pub(super) fn end(run: &mut Run, verdict: RunVerdict, verification: &Verification) -> Result<(), Failure> {
    let figures = verification.figures();
    let Some(decided) = verification.decisions.as_ref().filter(|_| state_of(verdict) == State::Decided) else {
        return Ok(run.block(verdict, &verification.reasons, &figures)?);
    };
    let totals: BTreeMap<String, String> =
        decided.totals.iter().map(|total| (total.column.clone(), total.decided.to_string())).collect();
    let summary = DecisionSummary {
        candidate: decided.candidate,
        legacy: decided.legacy,
        held: decided.held,
        totals,
        hash: decided.hash.clone().unwrap_or_else(|| "none".to_owned()),
        place: decided.place.clone().unwrap_or_default(),
    };
    Ok(run.decide(verdict, &summary, &verification.reasons, &figures)?)
}

/// Logs every discrepancy, and every record that agrees only within a tolerance.
pub(super) fn log(run: &mut Run, compared: &mut Compared) -> Result<(), Failure> {
    let report = compared.report.clone();
    let mut broken = None;
    {
        let mut discrepancies = compared.discrepancies();
        let mut left = Vec::new().into_iter();
        let mut rows = std::iter::from_fn(|| {
            loop {
                if let Some(row) = left.next() {
                    return Some(row);
                }
                match discrepancies.next()? {
                    Ok(discrepancy) => left = logged::of_discrepancy(&report, &discrepancy).into_iter(),
                    Err(error) => {
                        broken = Some(error);
                        return None;
                    }
                }
            }
        });
        run.record_discrepancies(&mut rows)?;
    }
    if let Some(error) = broken {
        return Err(temporary(&error));
    }
    if report.counts.tolerated == 0 || !compared.doubts.is_empty() {
        return Ok(());
    }
    let mut refused = None;
    let mut chunk = Vec::new();
    let walked = logged::tolerated(compared, &mut |row| {
        chunk.push(row);
        if chunk.len() < 1_000 {
            return Ok(());
        }
        run.record_discrepancies(&mut chunk.drain(..)).map(drop).map_err(|error| {
            refused = Some(error);
            io::Error::other("not logged")
        })
    });
    if let Some(error) = refused {
        return Err(error.into());
    }
    walked.map_err(|error| temporary(&error))?;
    run.record_discrepancies(&mut chunk.into_iter())?;
    Ok(())
}

pub(super) fn read(compared: &Compared) -> String {
    let report = &compared.report;
    format!("{} legacy and {} candidate records", count(report.legacy.rows), count(report.candidate.rows))
}

/// A run that ended with an error, as an outcome.
fn unfinished(failure: &Failure) -> Outcome {
    let reasons = vec![failure.what.clone()];
    let judgement = Judgement { verdict: RunVerdict::Incomplete, reasons };
    Outcome { judgement, survey: None, fallback: false, found: None, place: None }
}

pub(super) fn temporary(error: &io::Error) -> Failure {
    Failure::incomplete(format!(
        "what was compared could not be gone through again in {}: {error}",
        std::env::temp_dir().display()
    ))
    .hint("free space there, or set TMPDIR to a folder with more room")
}

//! One past cycle: both versions of the path compared with each other, and each with the other path. All of it must be of
//! the same inputs: where control totals show that they moved meanwhile, nothing is told of the cycle.

use std::io;

use crate::commands::Failure;
use crate::commands::cycle::Named;
use crate::commands::diff::files;
use crate::commands::named::params;
use crate::commands::ours::not_ours;
use crate::commands::recomputed::{Computing, Recomputed, gone};
use crate::compare::{Compared, Copies, SideName};
use crate::decisions::Place;
use crate::domain::{Rules, Value};
use crate::exit::Exit;
use crate::ledger::Ledger;
use crate::report::impact::{Counts, Cycle, Effect, Stand, Then, Touched};
use crate::report::{Discrepancy, Report};

use super::Work;
use super::by::Groups;
use super::change::Change;
use super::chosen::Past;
use super::keys::keys;
use super::then::{percent, then};
use super::versions::{self, counts, is_same_duplicate, reworded};

/// A cycle that was looked at.
pub(super) struct Computed {
    pub(super) cycle: Cycle,
    /// Both versions compared; `None` where that could not be done.
    pub(super) compared: Option<(Compared, Rules)>,
    pub(super) notices: Vec<String>,
}

/// What is known of a cycle's records, for the report.
struct Done {
    effect: Effect,
    then: Then,
    compared: Compared,
    notices: Vec<String>,
}

/// The records of every cycle, in the order of the report.
#[derive(Default)]
pub(super) struct Records(pub(super) Vec<Option<(Compared, Rules)>>);

impl Touched for Records {
    fn of(&mut self, cycle: usize) -> Box<dyn Iterator<Item = io::Result<Discrepancy>> + '_> {
        let Some(Some((compared, rules))) = self.0.get_mut(cycle) else { return Box::new(std::iter::empty()) };
        let rules = &*rules;
        let keep = move |found: &io::Result<Discrepancy>| match found {
            Ok(discrepancy) => !is_same_duplicate(discrepancy, rules),
            Err(_) => true,
        };
        Box::new(compared.discrepancies().filter(keep))
    }
}

/// The values of some columns of copies.
pub(super) fn values(copies: Option<Copies<'_>>, columns: &[usize]) -> Vec<Vec<Value>> {
    let Some(copies) = copies else { return Vec::new() };
    let row = |row: usize| columns.iter().map(|column| Value::of(copies.batch.at(row, *column))).collect();
    copies.rows().map(row).collect()
}

impl Work<'_> {
    /// Looks at a cycle.
    ///
    /// # Errors
    /// The change cannot be tried on any cycle: a query that cannot run, a key column that is gone, no such column for
    /// `--by`.
    pub(super) fn cycle(
        &self,
        change: &Change,
        ledger: &mut Ledger,
        past: &Past,
        groups: Option<&mut Groups>,
    ) -> Result<Computed, Failure> {
        let mut cycle = Cycle {
            cycle: past.cycle.key.to_string(),
            run: past.run.holder.run.to_string(),
            state: past.cycle.state.name().to_owned(),
            then: None,
            effect: Err(String::new()),
        };
        let given: Vec<String> = past.cycle.key.params().map(|(name, value)| format!("{name}={value}")).collect();
        let params = match params(self.reconciliation, &given) {
            Ok(params) => params,
            Err(failure) => {
                cycle.effect = Err(failure.what);
                return Ok(Computed { cycle, compared: None, notices: Vec::new() });
            }
        };
        let (project, reconciliation) = (self.project.clone(), self.reconciliation.clone());
        let named = Named { project, reconciliation, params, key: past.cycle.key.clone() };
        match self.computed(change, ledger, past, &named, groups) {
            Ok(Done { effect, then, compared, notices }) => {
                let rules = compared.plan().judge.rules.clone();
                cycle.then = Some(then);
                cycle.effect = Ok(Box::new(effect));
                Ok(Computed { cycle, compared: Some((compared, rules)), notices })
            }
            Err(failure) if failure.exit == Exit::Usage => {
                Err(Failure { what: format!("{}: {}", past.cycle.key, failure.what), ..failure })
            }
            Err(failure) => {
                cycle.effect = Err(match failure.hint {
                    Some(hint) => format!("{} ({hint})", failure.what),
                    None => failure.what,
                });
                Ok(Computed { cycle, compared: None, notices: Vec::new() })
            }
        }
    }

    fn computed(
        &self,
        change: &Change,
        ledger: &mut Ledger,
        past: &Past,
        named: &Named,
        groups: Option<&mut Groups>,
    ) -> Result<Done, Failure> {
        // An empty version is a finding, not a fault.
        let lenient = crate::cli::ReadArgs { allow_empty: true, ..self.args.read.clone() };
        let computing = Computing {
            global: self.global,
            project: self.project,
            reconciliation: self.reconciliation,
            params: &named.params,
            read: &lenient,
            settings: self.settings,
        };
        if let Some(path) = &self.args.output {
            let request = computing.request(|_| ())?;
            let to = self.reconciliation.decisions.as_ref();
            let place = to.map(|to| Place::of(self.project, to, &named.params, self.settings)).transpose()?;
            let own = place.iter().flat_map(Place::files);
            not_ours(path, None, files(&request).chain(own))?;
        }
        let mut pair = versions::compared(&computing, change)?;
        if !pair.doubts.is_empty() {
            let doubts: Vec<String> = pair.doubts.iter().map(|doubt| reworded(doubt)).collect();
            return Err(Failure::incomplete(doubts.join("; ")));
        }
        let computing = Computing { read: &self.args.read, ..computing };
        let percent = percent(&past.run, self.reconciliation);
        let mut before = computing.recomputed(percent)?;
        let then = then(ledger, past, named, self.settings, &mut before)?;
        let stands = stand(&computing, &before)?;
        let changed = change.put(self.project, self.reconciliation)?;
        let computing = Computing { reconciliation: &changed, ..computing };
        let after = match computing.recomputed(percent) {
            Ok(after) => Ok(after),
            // What a verification would refuse is what the change would do.
            Err(failure) if failure.exit == Exit::Usage => Err(failure.what),
            Err(failure) => return Err(failure),
        };
        let mut tied = vec![(SideName::Legacy, change.side, &before.compared.report)];
        tied.extend(after.as_ref().ok().map(|after| (SideName::Candidate, change.side, &after.compared.report)));
        for (version, side, report) in tied {
            still(&pair.report, version, report, side)?;
        }
        if let Ok(after) = &after {
            let other = match change.side {
                SideName::Legacy => SideName::Candidate,
                SideName::Candidate => SideName::Legacy,
            };
            still(&before.compared.report, other, &after.compared.report, other)?;
        }
        let counts: Counts = counts(&mut pair).map_err(|error| gone(&error))?;
        if let Some(groups) = groups {
            groups.add(&mut pair)?;
        }
        let (after, keys) = match after {
            Err(why) => (Err(why), None),
            Ok(mut after) => {
                let stands = stand(&computing, &after)?;
                let keys = keys(&mut before, &mut after, change.side).map_err(|error| gone(&error))?;
                (Ok(stands), Some(keys))
            }
        };
        let effect = Effect { report: pair.report.clone(), counts, before: stands, after, keys };
        Ok(Done { notices: notices(&pair.report), effect, then, compared: pair })
    }
}

fn stand(computing: &Computing<'_>, computed: &Recomputed) -> Result<Stand, Failure> {
    let judgement = computing.judged(computed)?;
    let paid = computed
        .survey
        .as_ref()
        .map(|survey| survey.bridges.iter().map(|bridge| (bridge.column.clone(), bridge.decided.clone())).collect());
    Ok(Stand {
        verdict: judgement.verdict.name(),
        reasons: judgement.reasons,
        discrepancies: computed.compared.report.counts.discrepancies(),
        paid,
    })
}

/// Whether two comparisons read the same records of a path, by their number and their control totals.
fn still(one: &Report, side: SideName, other: &Report, other_side: SideName) -> Result<(), Failure> {
    let rows = |report: &Report, side: SideName| match side {
        SideName::Legacy => report.legacy.rows,
        SideName::Candidate => report.candidate.rows,
    };
    let total = |column: &crate::report::ColumnReport, side: SideName| {
        let totals = column.totals.as_ref()?;
        let name = match side {
            SideName::Legacy => column.name.clone(),
            SideName::Candidate => column.candidate_name.clone().unwrap_or_else(|| column.name.clone()),
        };
        let total = match side {
            SideName::Legacy => totals.legacy.clone(),
            SideName::Candidate => totals.candidate.clone(),
        };
        Some((name, total))
    };
    let moved = |what: String| {
        Err(Failure::incomplete(format!("its inputs moved while it was computed: {what}"))
            .hint("try again when nobody writes to the stores"))
    };
    let (first, second) = (rows(one, side), rows(other, other_side));
    if first != second {
        return moved(format!("{first} records were read, and {second} when they were read again"));
    }
    for (name, first) in one.columns.iter().filter_map(|column| total(column, side)) {
        let again = other.columns.iter().filter_map(|column| total(column, other_side));
        let Some((_, second)) = again.into_iter().find(|(other, _)| *other == name) else { continue };
        if !first.same_value(&second) {
            return moved(format!("`{name}` came to {first}, and to {second} when it was read again"));
        }
    }
    Ok(())
}

/// What is to be known of how both versions were compared.
fn notices(report: &Report) -> Vec<String> {
    let sides = [&report.legacy, &report.candidate];
    let mut all: Vec<String> = sides.iter().flat_map(|side| &side.notices).map(|notice| reworded(notice)).collect();
    for column in &report.columns {
        let parts: Vec<String> =
            column.drift.iter().map(|(drift, number)| format!("{number} {}", drift.name())).collect();
        if !parts.is_empty() {
            all.push(format!(
                "`{}`: equal values are held otherwise by one version: {}",
                column.name,
                parts.join(", ")
            ));
        }
    }
    all
}

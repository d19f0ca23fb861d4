//! A cycle computed once more for its checks: both paths compared and decided, and nothing written anywhere.

use std::sync::Arc;

use crate::checks::{Material, Previous};
use crate::cli::{Global, ReadArgs};
use crate::commands::cycle::Named;
use crate::commands::diff::{comparison, rules};
use crate::commands::named::{both, definition};
use crate::commands::{Failure, canary, checking, progress};
use crate::compare::{Compared, Comparison, Definition, compare};
use crate::decide::{Rule, Survey, exceeds, survey};
use crate::decisions::Ticket;
use crate::ledger::{Cycle, Ledger};
use crate::stores::Settings;

/// A cycle, computed.
pub(super) struct Again {
    compared: Compared,
    rule: Rule,
    /// `None` where a side was cut short: nothing is decided then.
    survey: Option<Survey>,
    ticket: Ticket,
    previous: Option<Previous>,
}

impl Again {
    /// Computes both paths as a verification would.
    ///
    /// # Errors
    /// Nothing could be compared.
    pub(super) fn compute(
        global: &Global,
        named: &Named,
        read: &ReadArgs,
        settings: &Settings,
        ledger: &mut Ledger,
    ) -> Result<Again, Failure> {
        let definition = Definition { rules: rules(read, Default::default())?, ..definition(&named.reconciliation) };
        let request = both(&named.project, &named.reconciliation, &named.params, settings, definition, read, false)?;
        let sides = [Arc::clone(&request.legacy.progress), Arc::clone(&request.candidate.progress)];
        let estimates = Arc::new(progress::Estimates::default());
        let comparison = Comparison { keep: true, ..comparison(read, request, Arc::clone(&estimates)) };
        let mut compared = {
            let _display = progress::start(global.quiet, sides, estimates);
            compare(&comparison)?
        };
        let of = &named.reconciliation;
        let rate = of.canary.max_discrepancy_rate.as_ref();
        let fallback = rate.is_some_and(|rate| exceeds(&compared.report.counts, rate));
        let rule = Rule { percent: canary::in_force(ledger, of)?, policy: of.policy, fallback };
        let kind = |name: &str| of.column(name).and_then(|column| column.column_type);
        let surveyed = match compared.doubts.is_empty() {
            true => Some(survey(&mut compared, &rule, &kind, &[]).map_err(|error| gone(&error))?),
            false => None,
        };
        let cycle = ledger.status(&named.key)?;
        let before = cycle.as_ref().map_or(i64::MAX, |cycle| cycle.id);
        let previous = checking::previous(named, ledger, before, settings)?;
        let ticket = ticket(named, cycle.as_ref());
        Ok(Again { compared, rule, survey: surveyed, ticket, previous })
    }

    /// Why it is less than it looks.
    pub(super) fn doubts(&self) -> &[String] {
        &self.compared.doubts
    }

    /// Distinct keys, where every one was seen.
    pub(super) fn population(&self) -> Option<u64> {
        self.survey.is_some().then_some(self.compared.report.counts.keys)
    }

    /// What checks look at.
    pub(super) fn material(&mut self) -> Option<Material<'_>> {
        let survey = self.survey.as_ref()?;
        Some(Material {
            compared: Some((&mut self.compared, self.rule)),
            decisions: None,
            layout: &survey.layout,
            ticket: &self.ticket,
            previous: self.previous.clone(),
        })
    }
}

/// The names of the decisions that stand, or of none.
fn ticket(named: &Named, cycle: Option<&Cycle>) -> Ticket {
    let run = cycle.and_then(Cycle::decided_run);
    Ticket {
        cycle: named.key.to_string(),
        origin: String::new(),
        run: run.map_or_else(String::new, |run| run.to_string()),
        attempt: run.map_or(0, |run| run.attempt),
        snapshot: String::new(),
    }
}

fn gone(error: &std::io::Error) -> Failure {
    Failure::incomplete(format!("what was compared could not be gone through again: {error}"))
        .hint("free space in the folder for temporary files, or set TMPDIR to one with more room")
}

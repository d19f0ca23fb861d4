//! A cycle computed once more for its checks: both paths compared and decided, and nothing written anywhere.

use crate::checks::{Material, Previous};
use crate::cli::{Global, ReadArgs};
use crate::commands::cycle::Named;
use crate::commands::recomputed::{Computing, Recomputed};
use crate::commands::{Failure, canary, checking};
use crate::decisions::Ticket;
use crate::ledger::{Cycle, Ledger};
use crate::stores::Settings;

/// A cycle, computed.
pub(super) struct Again {
    computed: Recomputed,
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
        let percent = canary::in_force(ledger, &named.reconciliation)?;
        let (project, reconciliation, params) = (&named.project, &named.reconciliation, &named.params);
        let computed = Computing { global, project, reconciliation, params, read, settings }.recomputed(percent)?;
        let cycle = ledger.status(&named.key)?;
        let before = cycle.as_ref().map_or(i64::MAX, |cycle| cycle.id);
        let previous = checking::previous(named, ledger, before, settings)?;
        let ticket = ticket(named, cycle.as_ref());
        Ok(Again { computed, ticket, previous })
    }

    /// Why it is less than it looks.
    pub(super) fn doubts(&self) -> &[String] {
        &self.computed.compared.doubts
    }

    /// Distinct keys, where every one was seen.
    pub(super) fn population(&self) -> Option<u64> {
        self.computed.survey.is_some().then_some(self.computed.compared.report.counts.keys)
    }

    /// What checks look at.
    pub(super) fn material(&mut self) -> Option<Material<'_>> {
        let survey = self.computed.survey.as_ref()?;
        Some(Material {
            compared: Some((&mut self.computed.compared, self.computed.rule)),
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

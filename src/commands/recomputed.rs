//! A cycle computed once more: both paths compared and decided as a verification would, and nothing written anywhere.

use std::sync::Arc;

use crate::cli::{Global, ReadArgs};
use crate::compare::{Compared, Comparison, Definition, compare};
use crate::config::{Project, Reconciliation};
use crate::decide::{Evidence, Judgement, Rule, Survey, exceeds, judge, survey};
use crate::domain::Value;
use crate::stores::Settings;

use super::diff::{Request, comparison, rules};
use super::named::{both, definition};
use super::population::population;
use super::{Failure, progress};

/// A cycle, computed.
pub(super) struct Recomputed {
    pub(super) compared: Compared,
    pub(super) rule: Rule,
    /// `None` where a side was cut short: nothing is decided then.
    pub(super) survey: Option<Survey>,
}

/// What is computed and how.
#[derive(Clone, Copy)]
pub(super) struct Computing<'a> {
    pub(super) global: &'a Global,
    pub(super) project: &'a Project,
    pub(super) reconciliation: &'a Reconciliation,
    pub(super) params: &'a [(String, Value)],
    pub(super) read: &'a ReadArgs,
    pub(super) settings: &'a Settings,
}

impl Computing<'_> {
    /// Both paths, and what is compared of them; the definition may be changed before it is used.
    ///
    /// # Errors
    /// What a path names is not there or does not go together.
    pub(super) fn request(&self, change: impl Fn(&mut Definition)) -> Result<Request, Failure> {
        let rules = rules(self.read, Default::default())?;
        let mut definition = Definition { rules, ..definition(self.reconciliation) };
        change(&mut definition);
        both(self.project, self.reconciliation, self.params, self.settings, definition, self.read, false)
    }

    /// Compares two paths.
    ///
    /// # Errors
    /// Nothing could be compared.
    pub(super) fn compared(&self, request: Request, keep: bool) -> Result<Compared, crate::compare::CompareError> {
        let sides = [Arc::clone(&request.legacy.progress), Arc::clone(&request.candidate.progress)];
        let estimates = Arc::new(progress::Estimates::default());
        let comparison = Comparison { keep, ..comparison(self.read, request, Arc::clone(&estimates)) };
        let _display = progress::start(self.global.quiet, sides, estimates);
        compare(&comparison)
    }

    /// Computes both paths and decides as a verification would; `percent` of what agrees takes the candidate's value.
    ///
    /// # Errors
    /// Nothing could be compared.
    pub(super) fn recomputed(&self, percent: u8) -> Result<Recomputed, Failure> {
        let mut compared = self.compared(self.request(|_| ())?, true)?;
        let of = self.reconciliation;
        let rate = of.canary.max_discrepancy_rate.as_ref();
        let fallback = rate.is_some_and(|rate| exceeds(&compared.report.counts, rate));
        let rule = Rule { percent, policy: of.policy, fallback };
        let kind = |name: &str| of.column(name).and_then(|column| column.column_type);
        let survey = match compared.doubts.is_empty() {
            true => Some(survey(&mut compared, &rule, &kind, &[]).map_err(|error| gone(&error))?),
            false => None,
        };
        Ok(Recomputed { compared, rule, survey })
    }

    /// The verdict that a verification would come to by the records alone, without its checks.
    ///
    /// # Errors
    /// The population cannot be counted.
    pub(super) fn judged(&self, computed: &Recomputed) -> Result<Judgement, Failure> {
        let expected = population(self.project, self.reconciliation, self.params, self.settings)?;
        Ok(judge(&Evidence {
            counts: &computed.compared.report.counts,
            survey: computed.survey.as_ref(),
            doubts: &computed.compared.doubts,
            expected,
            max_discrepancy_rate: self.reconciliation.canary.max_discrepancy_rate.as_ref(),
            strict: false,
            allow_empty: self.read.allow_empty,
            checks: &[],
        }))
    }
}

/// What was kept in a temporary file cannot be read any more.
pub(super) fn gone(error: &std::io::Error) -> Failure {
    Failure::incomplete(format!("what was compared could not be gone through again: {error}"))
        .hint("free space in the folder for temporary files, or set TMPDIR to one with more room")
}

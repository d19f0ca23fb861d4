//! The verdict of a verification, from what was compared, decided, counted and checked. Pure.

use crate::checks::{Outcome, Severity};
use crate::domain::Amount;
use crate::ledger::RunVerdict;
use crate::report::Counts;

use super::Survey;

/// What the verdict follows from.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Counts of distinct keys.
    pub counts: &'a Counts,
    /// What was decided; `None` when nothing could be.
    pub survey: Option<&'a Survey>,
    /// Why the comparison may be less than it looks.
    pub doubts: &'a [String],
    /// How many records must exist, by the independent count, where there is one.
    pub expected: Option<u64>,
    /// Above this percentage of discrepant keys the whole cycle falls back to legacy.
    pub max_discrepancy_rate: Option<&'a Amount>,
    /// Whether every discrepancy blocks.
    pub strict: bool,
    /// Whether it is fine that no record was compared with another.
    pub allow_empty: bool,
    /// Every check that decides.
    pub checks: &'a [CheckSaid<'a>],
}

/// What a check says to the verdict.
#[derive(Clone, Copy, Debug)]
pub struct CheckSaid<'a> {
    /// Its name.
    pub name: &'a str,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it blocks.
    pub severity: Severity,
    /// What there is to be said.
    pub message: &'a str,
}

impl CheckSaid<'_> {
    fn sentence(&self, what: &str) -> String {
        let colon = if self.message.is_empty() { "" } else { ": " };
        format!("the check `{}` {what}{colon}{}", self.name, self.message)
    }
}

/// A verdict and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: RunVerdict,
    /// Why, in sentences, the weightiest first; empty for `clean`.
    pub reasons: Vec<String>,
}

/// Whether more than a percentage of the keys do not agree. Exact.
pub fn exceeds(counts: &Counts, percentage: &Amount) -> bool {
    let of = |count: u64| Amount::new(i128::from(count), 0);
    let (Some(share), Some(limit)) = (of(counts.discrepancies()).times(&of(100)), of(counts.keys).times(percentage))
    else {
        return true;
    };
    share.minus(&limit).is_none_or(|over| !over.is_zero() && !over.is_negative())
}

/// Judges a verification. Precedence: `incomplete`, `blocked`, `warned`, `clean`.
pub fn judge(evidence: &Evidence<'_>) -> Judgement {
    let counts = evidence.counts;
    let mut incomplete = evidence.doubts.to_vec();
    let mut blocked = Vec::new();
    let mut warned = Vec::new();
    let keys = |count: u64| format!("{count} {}", if count == 1 { "key" } else { "keys" });
    if let Some(survey) = evidence.survey {
        if survey.legacy_unknown > 0 {
            incomplete.push(format!(
                "{} on the legacy side with values that could not be determined: there is nothing to fall back on, so nothing is paid for them",
                keys(survey.legacy_unknown)
            ));
        }
        for (policy, count) in &survey.blocks {
            match *policy {
                // A value that is not known is no discrepancy that somebody could judge.
                "candidate_unknown" => incomplete.push(format!(
                    "{} with candidate values that could not be determined, and the policy `candidate_unknown` is `block`",
                    keys(*count)
                )),
                policy => blocked.push(format!("{} of the kind for which the policy `{policy}` is `block`", keys(*count))),
            }
        }
        if survey.candidate_unknown > 0 {
            warned.push(format!("the candidate's value of {} could not be determined", keys(survey.candidate_unknown)));
        }
    } else if incomplete.is_empty() {
        incomplete.push("nothing could be decided".to_owned());
    }
    if counts.keys > 0 && counts.matched + counts.mismatched == 0 && !evidence.allow_empty && incomplete.is_empty() {
        incomplete
            .push(format!("nothing was compared: of {} no record has a usable one on both sides", keys(counts.keys)));
    }
    if let (Some(expected), Some(survey)) = (evidence.expected, evidence.survey) {
        let legacy = survey.legacy_keys;
        if legacy != expected {
            let only = counts.keys.saturating_sub(legacy);
            let more = if only > 0 { format!(" ({only} more on the candidate side alone)") } else { String::new() };
            incomplete.push(format!(
                "the population counts {expected} records that must exist, and the legacy side has {legacy}{more}"
            ));
        }
    }
    let differing = counts.discrepancies();
    if let Some(rate) = evidence.max_discrepancy_rate.filter(|rate| exceeds(counts, rate)) {
        blocked.push(format!(
            "{differing} of {} do not agree, more than the {rate}% allowed: the whole cycle falls back to legacy",
            keys(counts.keys)
        ));
    }
    if evidence.strict && differing > 0 {
        blocked.push(format!("{} not agree, and --strict lets no discrepancy pass", does(differing)));
    }
    if differing > 0 {
        let kinds = [
            (counts.mismatched, "mismatched"),
            (counts.legacy_only, "only on the legacy side"),
            (counts.candidate_only, "only on the candidate side"),
            (counts.duplicate, "duplicated"),
            (counts.unknown, "unknown"),
        ];
        let parts: Vec<String> =
            kinds.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        warned.push(format!("{differing} of {} do not agree: {}", keys(counts.keys), parts.join(", ")));
    }
    for check in evidence.checks {
        let not_checked = match check.severity {
            Severity::Error => &mut incomplete,
            Severity::Warn => &mut warned,
        };
        match check.outcome {
            Outcome::Pass | Outcome::Skipped => {}
            Outcome::Warn => warned.push(check.sentence("warns")),
            Outcome::Fail => blocked.push(check.sentence("fails")),
            Outcome::Unknown => not_checked.push(check.sentence("could not be determined")),
            Outcome::Tripped => not_checked.push(check.sentence("is switched off by its over-detection guard")),
        }
    }
    let verdict = match (incomplete.is_empty(), blocked.is_empty(), warned.is_empty()) {
        (false, ..) => RunVerdict::Incomplete,
        (_, false, _) => RunVerdict::Blocked,
        (_, _, false) => RunVerdict::Warned,
        _ => RunVerdict::Clean,
    };
    warned.reverse();
    let reasons = [incomplete, blocked, warned].concat();
    Judgement { verdict, reasons }
}

fn does(count: u64) -> String {
    if count == 1 { "1 key does".to_owned() } else { format!("{count} keys do") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn verdict(counts: Counts, survey: Option<&Survey>, change: impl Fn(&mut Evidence<'_>)) -> Judgement {
        let mut evidence = Evidence {
            counts: &counts,
            survey,
            doubts: &[],
            expected: None,
            max_discrepancy_rate: None,
            strict: false,
            allow_empty: false,
            checks: &[],
        };
        change(&mut evidence);
        judge(&evidence)
    }

    fn counts(matched: u64, mismatched: u64) -> Counts {
        Counts { keys: matched + mismatched, matched, mismatched, ..Counts::default() }
    }

    #[test]
    fn the_weightiest_verdict_wins() {
        let plain = Survey::default();
        let unknown = Survey { legacy_unknown: 1, ..Survey::default() };
        let policy = Survey { blocks: BTreeMap::from([("mismatch", 2)]), ..Survey::default() };
        let of = |counts, survey, strict| verdict(counts, Some(survey), |evidence| evidence.strict = strict).verdict;
        assert_eq!(of(counts(3, 0), &plain, true), RunVerdict::Clean);
        assert_eq!(of(counts(3, 1), &plain, false), RunVerdict::Warned);
        assert_eq!(of(counts(3, 1), &plain, true), RunVerdict::Blocked);
        assert_eq!(of(counts(3, 2), &policy, false), RunVerdict::Blocked);
        assert_eq!(of(counts(3, 1), &unknown, true), RunVerdict::Incomplete);
        assert_eq!(verdict(counts(3, 0), None, |_| ()).verdict, RunVerdict::Incomplete);
    }

    #[test]
    fn a_rate_is_exceeded_only_above_it() {
        let rate = |text| Amount::parse(text).expect("a rate");
        assert!(!exceeds(&counts(199, 1), &rate("0.5")));
        assert!(exceeds(&counts(198, 1), &rate("0.5")));
        assert!(exceeds(&counts(0, 1), &rate("0")));
        assert!(!exceeds(&counts(1, 0), &rate("0")));
        assert!(!exceeds(&counts(0, 1), &rate("100")));
    }

    #[test]
    fn a_population_finds_what_is_missing() {
        let with = |counts: Counts, legacy_keys, expected| {
            let survey = Survey { legacy_keys, ..Survey::default() };
            verdict(counts, Some(&survey), |e| e.expected = Some(expected)).verdict
        };
        assert_eq!(with(counts(10, 0), 10, 10), RunVerdict::Clean);
        assert_eq!(with(counts(10, 0), 10, 11), RunVerdict::Incomplete);
        assert_eq!(with(counts(10, 0), 10, 9), RunVerdict::Incomplete);
        // A record that only the candidate has is held, and need not exist; nor does it stand for one that must.
        let more = Counts { keys: 11, matched: 10, candidate_only: 1, ..Counts::default() };
        assert_eq!(with(more, 10, 10), RunVerdict::Warned);
        assert_eq!(with(more, 10, 11), RunVerdict::Incomplete);
    }

    #[test]
    fn a_check_that_was_not_made_is_never_green() {
        let plain = Survey::default();
        let of = |outcome, severity| {
            let check = CheckSaid { name: "net", outcome, severity, message: "3 violations" };
            let checks = [CheckSaid { outcome: Outcome::Pass, ..check }, check];
            let counts = counts(3, 0);
            let evidence = Evidence {
                counts: &counts,
                survey: Some(&plain),
                doubts: &[],
                expected: None,
                max_discrepancy_rate: None,
                strict: false,
                allow_empty: false,
                checks: &checks,
            };
            judge(&evidence).verdict
        };
        for (outcome, error, warn) in [
            (Outcome::Pass, RunVerdict::Clean, RunVerdict::Clean),
            (Outcome::Skipped, RunVerdict::Clean, RunVerdict::Clean),
            (Outcome::Warn, RunVerdict::Warned, RunVerdict::Warned),
            (Outcome::Fail, RunVerdict::Blocked, RunVerdict::Blocked),
            (Outcome::Unknown, RunVerdict::Incomplete, RunVerdict::Warned),
            (Outcome::Tripped, RunVerdict::Incomplete, RunVerdict::Warned),
        ] {
            assert_eq!((of(outcome, Severity::Error), of(outcome, Severity::Warn)), (error, warn), "{outcome:?}");
        }
    }

    #[test]
    fn nothing_compared_is_not_verified() {
        let plain = Survey::default();
        let unknown = Counts { keys: 3, unknown: 3, ..Counts::default() };
        assert_eq!(verdict(unknown, Some(&plain), |_| ()).verdict, RunVerdict::Incomplete);
        assert_eq!(verdict(unknown, Some(&plain), |e| e.allow_empty = true).verdict, RunVerdict::Warned);
    }
}

//! The verdict of a comparison and its reasons, in words: what may make it less than it looks, and why a side ended.
//! Must not read or count.

use crate::report::{Counts, Report, Side, Verdict};
use crate::stores::ErrorClass;

use super::cursor::Halt;
use super::merge::{MergeError, SideName};
use super::plan::Plan;
use super::run::CompareError;

/// What may make a comparison less than it looks.
pub(super) struct Doubts {
    /// Compared columns that no record of either side has.
    pub(super) absent: Vec<String>,
    /// Sides with more fields than could be remembered.
    pub(super) cut: (bool, bool),
    /// Whether a side without records is fine.
    pub(super) allow_empty: bool,
    /// Names of the key columns, legacy and candidate.
    pub(super) keys: (Vec<String>, Vec<String>),
}

/// Sets verdict and reasons. Gives the reasons for `incomplete` other than records that could not be judged.
pub(super) fn judge(report: &mut Report, counts: &Counts, doubts: &Doubts) -> Vec<String> {
    let mut incomplete = Vec::new();
    let allow_empty = doubts.allow_empty;
    if !doubts.absent.is_empty() && counts.keys > 0 {
        incomplete.push(format!("no record on either side has {}: is it spelt right?", doubts.absent.join(", ")));
    }
    for (name, cut) in [("legacy", doubts.cut.0), ("candidate", doubts.cut.1)] {
        if cut {
            incomplete.push(format!(
                "the records of the {name} side have more than 1,000 different fields, and those met later were not looked at \
                 (name the columns to compare with `--columns`)"
            ));
        }
    }
    for (name, side) in [("legacy", &report.legacy), ("candidate", &report.candidate)] {
        if let Some(error) = &side.error {
            incomplete.push(format!("the {name} side could not be read to its end: {error}"));
        }
    }
    let unknown = (counts.unknown > 0).then(|| {
        let (noun, verb) = if counts.unknown == 1 { ("key", "has") } else { ("keys", "have") };
        format!("{} {noun} {verb} values that could not be judged (unknown)", counts.unknown)
    });
    if incomplete.is_empty() && !allow_empty {
        let empty = |side: &Side| side.rows == 0;
        let which = match (empty(&report.legacy), empty(&report.candidate)) {
            (true, true) => Some("both sides are"),
            (true, false) => Some("the legacy side is"),
            (false, true) => Some("the candidate side is"),
            _ => None,
        };
        if let Some(which) = which {
            incomplete
                .push(format!("nothing was compared: {which} empty (say `--allow-empty` if that is as it should be)"));
        }
    }
    let left_out = !report.legacy.not_compared.is_empty() || !report.candidate.not_compared.is_empty();
    if report.columns.is_empty() && left_out && counts.keys > 0 {
        incomplete.push(
            "no column was compared, only keys: the sides share no other column name (pair them with `--map legacy=candidate`)"
                .into(),
        );
    }
    for (side, names) in
        [(&mut report.legacy, doubts.keys.0.join(", ")), (&mut report.candidate, doubts.keys.1.join(", "))]
    {
        // Keys that are NULL or absent are one group; unknown values of other columns are a key each.
        if side.rows > 1 && side.in_unknown == side.rows && counts.unknown == 1 {
            side.notices.push(format!("no record has a key that can be used: is ({names}) spelt right?"));
        }
    }
    let key = report.key.join(", ");
    if counts.matched + counts.mismatched == 0 && counts.legacy_only > 0 && counts.candidate_only > 0 {
        report.legacy.notices.push(format!(
            "no key of one side is on the other: is ({key}) the key of both? Keys of another type or spelling (`007` and `7`) \
             meet with `--type {}=integer` or `=text`",
            report.key.first().map_or("key", String::as_str)
        ));
    }
    if counts.duplicate > counts.keys / 2 {
        report.legacy.notices.push(format!("most keys stand more than once: is ({key}) really the key of a record?"));
    }
    let doubts = incomplete.clone();
    incomplete.extend(unknown);
    let differing = counts.discrepancies();
    report.verdict = match (incomplete.is_empty(), differing) {
        (false, _) => Verdict::Incomplete,
        (true, 0) => Verdict::Agree,
        _ => Verdict::Differ,
    };
    report.reasons = incomplete;
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
        report.reasons.push(format!("{differing} of {} keys do not agree: {}", counts.keys, parts.join(", ")));
    }
    doubts
}

/// A side's failure as a sentence for the report; a usage error is not a failure but a refusal.
pub(super) fn explain(error: MergeError, plan: &Plan) -> Result<(SideName, String), CompareError> {
    let (side, halt) = match error {
        MergeError::Spill(error) => return Err(error.into()),
        MergeError::Side(side, halt) => (side, halt),
    };
    let text = match halt {
        Halt::Failed(error) if error.class == ErrorClass::Usage => return Err(CompareError::Side(side, error)),
        Halt::Failed(error) => match error.hint {
            Some(hint) => format!("{} ({hint})", error.what),
            None => error.what,
        },
        Halt::OutOfOrder { record, previous, key } => format!(
            "its records are out of key order: record {record} with key {key} came after key {previous}; the order of \
             ({}) in this store is not the order that keys are compared in",
            plan.key.join(", ")
        ),
        Halt::TooManyCopies { key } => format!(
            "the key {key} stands more than {} times; is ({}) really the key?",
            super::cursor::MAX_COPIES,
            plan.key.join(", ")
        ),
    };
    Ok((side, text))
}

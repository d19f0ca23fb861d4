//! Sentences and words that every format shares.

use crate::domain::Amount;

use super::super::words::{count, counted, signed};
use super::super::{Discrepancy, DiscrepancyKind};
use super::{CaseEnd, Counts, Cycle, Impact, ImpactVerdict, Then};

/// Amount columns that are named in the first line.
const NAMED: usize = 3;

/// The weightiest figures.
pub(super) fn sentence(impact: &Impact) -> String {
    let counts = impact.counts();
    let cycles = impact.effects().count() as u64;
    let cases = impact.cases.as_ref().map_or(0, |cases| cases.same);
    if impact.verdict() == ImpactVerdict::Same {
        let mut parts = Vec::new();
        if cycles > 0 {
            let records = counted(counts.keys, "record", "records");
            parts.push(format!("{records} of {}", counted(cycles, "cycle", "cycles")));
        }
        if cases > 0 {
            parts.push(counted(cases, "case", "cases"));
        }
        return format!("{} would come out as now{}", parts.join(" and "), moved(impact));
    }
    let mut parts = Vec::new();
    if cycles > 0 {
        let of = counted(cycles, "cycle", "cycles");
        let verb = format!("{} of {} records of {of} would change", count(counts.touched()), count(counts.keys));
        parts.push(verb);
    }
    if let Some(cases) = impact.cases.as_ref().filter(|cases| cases.run > 0) {
        parts.push(format!("{} of {} would", count(cases.changed), counted(cases.run, "case", "cases")));
    }
    if parts.is_empty() {
        parts.push("nothing was looked at".to_owned());
    }
    let mut text = parts.join(", ");
    if cycles > 0 {
        text.push_str(&paid(impact));
    }
    text.push_str(&moved(impact));
    text
}

/// Cycles that are not what was decided then: what is said of them is said of other inputs.
fn moved(impact: &Impact) -> String {
    let moved = impact.cycles.iter().filter(|cycle| matches!(cycle.then, Some(Then::Moved(_) | Then::Unknown(_))));
    match moved.count() as u64 {
        0 => String::new(),
        moved => format!("; {} not as then", counted(moved, "cycle is", "cycles are")),
    }
}

/// `; paid: net +1,234 KRW`
fn paid(impact: &Impact) -> String {
    let paid = impact.paid();
    if paid.is_empty() {
        return match impact.effects().all(|effect| effect.after.as_ref().is_ok_and(|after| after.paid.is_some())) {
            true => "; the same would be paid".to_owned(),
            false => "; what would be paid is not known".to_owned(),
        };
    }
    let mut parts: Vec<String> = paid
        .iter()
        .take(NAMED)
        .map(|(column, before, after)| {
            let difference = after.minus(before).unwrap_or(Amount::NAN);
            let currency = impact.currencies.get(column).map_or_else(String::new, |currency| format!(" {currency}"));
            format!("{column} {}{currency}", grouped(&difference))
        })
        .collect();
    if paid.len() > NAMED {
        parts.push(format!("and {}", counted((paid.len() - NAMED) as u64, "more column", "more columns")));
    }
    format!("; paid: {}", parts.join(", "))
}

/// A difference with its sign and its thousands apart.
pub(super) fn grouped(amount: &Amount) -> String {
    let text = signed(amount);
    let (sign, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => text.split_at(text.len() - rest.len()),
        None => ("", text.as_str()),
    };
    let (whole, behind) = rest.split_once('.').map_or((rest, None), |(whole, behind)| (whole, Some(behind)));
    if whole.is_empty() || !whole.bytes().all(|digit| digit.is_ascii_digit()) {
        return text.clone();
    }
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match behind {
        Some(behind) => format!("{sign}{grouped}.{behind}"),
        None => format!("{sign}{grouped}"),
    }
}

/// What becomes of a record.
pub(super) fn kind(discrepancy: &Discrepancy) -> &'static str {
    match discrepancy.kind {
        DiscrepancyKind::Mismatch => "changed",
        DiscrepancyKind::LegacyOnly => "removed",
        DiscrepancyKind::CandidateOnly => "added",
        DiscrepancyKind::DuplicateKey => match (discrepancy.legacy_copies.len(), discrepancy.candidate_copies.len()) {
            (0, _) => "added",
            (_, 0) => "removed",
            _ => "changed",
        },
        DiscrepancyKind::Unknown => "unknown",
    }
}

/// Counts with their words.
pub(super) fn counts(counts: &Counts) -> [(&'static str, u64); 6] {
    [
        ("records", counts.keys),
        ("equal", counts.equal),
        ("changed", counts.changed),
        ("added", counts.added),
        ("removed", counts.removed),
        ("unknown", counts.unknown),
    ]
}

/// Whether a cycle still gives what was decided then, in a word.
pub(super) fn then(cycle: &Cycle) -> &'static str {
    match &cycle.then {
        None => "-",
        Some(Then::Same { every: true }) => "as decided",
        Some(Then::Same { every: false }) => "same totals",
        Some(Then::Moved(_)) => "MOVED",
        Some(Then::Unknown(_)) => "unknown",
    }
}

/// The sentences behind that word.
pub(super) fn then_sentences(cycle: &Cycle) -> Vec<String> {
    let (run, cycle_name) = (&cycle.run, &cycle.cycle);
    match &cycle.then {
        Some(Then::Moved(why)) => {
            vec![format!("{cycle_name}: what is computed now is not what run {run} decided: {}", why.join("; "))]
        }
        Some(Then::Unknown(why)) => {
            vec![format!("{cycle_name}: whether it is still what run {run} decided cannot be told: {why}")]
        }
        _ => Vec::new(),
    }
}

/// What becomes of a case, in a word.
pub(super) fn case(ends: &CaseEnd) -> &'static str {
    match ends {
        CaseEnd::Changes(_) => "changes",
        CaseEnd::BrokenByChange(_) => "broken_by_change",
        CaseEnd::Broken(_) => "broken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart_and_no_digit_is_lost() {
        for (amount, text) in
            [("1234500", "+1,234,500"), ("-999", "-999"), ("-1000.05", "-1,000.05"), ("0", "0"), ("123456", "+123,456")]
        {
            assert_eq!(grouped(&Amount::parse(amount).expect("an amount")), text);
        }
        assert_eq!(grouped(&Amount::NAN), "NaN");
    }
}

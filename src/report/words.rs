//! What the formats for people say in the same words: the verdict, moments, drift, the ranking by damage.
//! Must not lay out.

use std::fmt::Write;

use super::{ColumnReport, DiscrepancyKind, Report, Side, Totals, Verdict};
use crate::domain::{Amount, format_instant};
use crate::stores::{InputRead, Snapshot};

/// A count with its thousands grouped: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 key`, `1,002 keys`.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// The verdict as one sentence without its word: `5 of 1,002 keys disagree`.
pub(super) fn verdict_sentence(report: &Report) -> String {
    let counts = &report.counts;
    let unknown = if report.verdict == Verdict::Incomplete { counts.unknown } else { 0 };
    let bad = counts.discrepancies() - unknown;
    let disagree = match (bad, counts.keys) {
        (0, 0) => "nothing was compared".to_owned(),
        (0, 1) => "the one key agrees".to_owned(),
        (0, keys) => format!("all {} keys agree", count(keys)),
        (1, keys) => format!("1 of {} disagrees", counted(keys, "key", "keys")),
        (bad, keys) => format!("{} of {} disagree", count(bad), counted(keys, "key", "keys")),
    };
    match report.verdict {
        Verdict::Incomplete if unknown > 0 && unknown == counts.keys => {
            format!("no value could be judged: {} unknown", counted(unknown, "key is", "keys are"))
        }
        Verdict::Incomplete if unknown > 0 => {
            let judged = counts.keys - unknown;
            let disagree = match bad {
                0 if judged == 1 => "the other one agrees".to_owned(),
                0 => format!("the other {} agree", count(judged)),
                1 => format!("1 of the other {} disagrees", counted(judged, "key", "keys")),
                bad => format!("{} of the other {} disagree", count(bad), counted(judged, "key", "keys")),
            };
            format!("{} unknown; {disagree}", counted(unknown, "key is", "keys are"))
        }
        Verdict::Incomplete if counts.keys > 0 => format!("not everything was compared; of what was, {disagree}"),
        _ => disagree,
    }
}

/// The sign of a difference is always written: it says who gets too much.
pub(super) fn signed(amount: &Amount) -> String {
    let sign = if amount.is_zero() || amount.is_negative() || !amount.is_finite() { "" } else { "+" };
    format!("{sign}{amount}")
}

/// Numeric columns, the greatest damage first: gross difference, then differing keys, then as they stand.
pub(super) fn by_damage(report: &Report) -> Vec<(&ColumnReport, &Totals)> {
    let mut ranked: Vec<_> = report.columns.iter().filter_map(|c| Some((c, c.totals.as_ref()?))).collect();
    ranked.sort_by(|(a, ta), (b, tb)| {
        tb.gross_difference.total_cmp(&ta.gross_difference).then(b.mismatched.cmp(&a.mismatched))
    });
    ranked
}

/// Other columns that differ or agree only within a tolerance, most differing keys first.
pub(super) fn other_columns(report: &Report) -> Vec<&ColumnReport> {
    let mut others: Vec<_> =
        report.columns.iter().filter(|c| c.totals.is_none() && (c.mismatched > 0 || c.tolerated > 0)).collect();
    others.sort_by_key(|c| std::cmp::Reverse(c.mismatched));
    others
}

/// `net (candidate: amount.net)` where the names differ.
pub(super) fn column_name(column: &ColumnReport) -> String {
    match &column.candidate_name {
        Some(other) if *other != column.name => format!("{} (candidate: {other})", column.name),
        _ => column.name.clone(),
    }
}

/// What does not show in over- and underpayment: duplicates, unknown records, values that are no numbers.
pub(super) fn totals_notes(column: &ColumnReport, totals: &Totals) -> Vec<String> {
    let mut notes = Vec::new();
    let name = &column.name;
    for (legacy, candidate, what) in [
        (&totals.legacy_in_duplicates, &totals.candidate_in_duplicates, "duplicate keys"),
        (&totals.legacy_in_unknown, &totals.candidate_in_unknown, "unknown records"),
    ] {
        if !(legacy.is_zero() && candidate.is_zero()) {
            notes.push(format!(
                "{name}: neither over nor under are {legacy} (legacy) and {candidate} (candidate) in {what}"
            ));
        }
    }
    if totals.not_totalled > 0 {
        let values = counted(totals.not_totalled, "value", "values");
        notes.push(format!(
            "{name}: {values} could not be totalled (unknown, NaN, infinity, or text that is no number)"
        ));
    }
    notes
}

/// `net: 3 double, 1 missing` for every column with drift.
pub(super) fn drift_lines(report: &Report) -> Vec<String> {
    let drifted = report.columns.iter().filter(|c| c.drift.iter().any(|(_, n)| *n > 0));
    drifted
        .map(|c| {
            let parts: Vec<_> =
                c.drift.iter().filter(|(_, n)| *n > 0).map(|(d, n)| format!("{} {}", count(*n), d.name())).collect();
            format!("{}: {}", c.name, parts.join(", "))
        })
        .collect()
}

/// What a compared column is called or allowed elsewhere: `net: amount.net in the candidate, tolerance 0.01`.
pub(super) fn mapped_lines(report: &Report) -> Vec<String> {
    let mut all = Vec::new();
    for column in &report.columns {
        let renamed = column.candidate_name.as_ref().filter(|other| **other != column.name);
        let parts: Vec<String> = (renamed.map(|other| format!("{other} in the candidate")).into_iter())
            .chain(column.tolerance.as_ref().map(|t| format!("tolerance {t}")))
            .collect();
        if !parts.is_empty() {
            all.push(format!("{}: {}", column.name, parts.join(", ")));
        }
    }
    all
}

/// `2026-11-12 13:00:00.123Z`, down to milliseconds; empty when unknown.
pub(super) fn moment(side: &Side) -> String {
    const MILLISECOND: i128 = 1_000_000;
    let Some(nanos) = side.snapshot.as_ref().and_then(|s| s.taken_at) else { return String::new() };
    format_instant(nanos - nanos.rem_euclid(MILLISECOND), 3).replace('T', " ")
}

/// Seconds between the two snapshots, exact; `None` when either moment is unknown.
pub(super) fn seconds_apart(report: &Report) -> Option<String> {
    apart(report).map(seconds)
}

/// Nanoseconds between the snapshots of two servers.
fn apart(report: &Report) -> Option<i128> {
    // A file's moment is that of its last change: how far apart such moments lie says nothing.
    let server = |snapshot: &&Snapshot| !snapshot.how.contains("file") && !snapshot.how.contains("inputs");
    let nanos = |side: &Side| side.snapshot.as_ref().filter(server)?.taken_at;
    Some((nanos(&report.candidate)? - nanos(&report.legacy)?).abs())
}

/// Nanoseconds as decimal seconds with at least milliseconds.
pub(super) fn seconds(nanos: i128) -> String {
    const NANOS: i128 = 1_000_000_000;
    let fraction = format!("{:09}", nanos % NANOS);
    let digits = fraction.trim_end_matches('0').len().max(3);
    format!("{}.{}", nanos / NANOS, &fraction[..digits])
}

/// `not compared: legacy memo · candidate extra, note`: what the verdict does not cover.
pub(super) fn not_compared_sentence(report: &Report, shown: usize, name: &dyn Fn(&str) -> String) -> Option<String> {
    let parts: Vec<String> = sides(report)
        .into_iter()
        .filter(|(_, side)| !side.not_compared.is_empty())
        .map(|(word, side)| {
            let names: Vec<String> = side.not_compared.iter().take(shown).map(|n| name(n)).collect();
            let more = side.not_compared.len().saturating_sub(shown);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{word} {}{more}", names.join(", "))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("not compared: {}", parts.join(" · ")))
}

/// How far apart the two snapshots are, for people.
pub(super) fn apart_sentence(report: &Report) -> Option<String> {
    let apart = apart(report)?;
    const SECOND: i128 = 1_000_000_000;
    let text = match apart / SECOND {
        0..=119 => format!("{} s", seconds(apart - apart % 1_000_000)),
        s @ 120..=7199 => format!("{} min", s / 60),
        s @ 7200..=172_799 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    };
    Some(format!("the snapshots of the sides lie {text} apart"))
}

/// What each computed side was computed from: `candidate: plays 20,006, rights 2,439`.
pub(super) fn input_lines(report: &Report) -> Vec<String> {
    let computed = sides(report).into_iter().filter(|(_, side)| !side.inputs.is_empty());
    let list = |inputs: &[InputRead]| {
        inputs.iter().map(|input| format!("{} {}", input.name, count(input.records))).collect::<Vec<_>>().join(", ")
    };
    computed.map(|(word, side)| format!("{word}: {}", list(&side.inputs))).collect()
}

/// The same with where each input was read and what tells its content from any other.
pub(super) fn input_evidence(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for (word, side) in sides(report) {
        lines.extend(side.inputs.iter().map(|input| {
            let InputRead { name, label, records, fingerprint } = input;
            format!("{word} input {name}: {} records of {label}, fingerprint {fingerprint}", count(*records))
        }));
    }
    lines
}

/// Notices of both sides, each with its side.
pub(super) fn notices(report: &Report) -> Vec<String> {
    let mut all = Vec::new();
    for (word, side) in sides(report) {
        if let Some(snapshot) = &side.snapshot
            && !snapshot.consistent
        {
            all.push(format!("{word}: no single moment ({})", snapshot.how));
        }
        all.extend(side.notices.iter().map(|n| format!("{word}: {n}")));
    }
    if report.transient > 0 {
        let times = counted(u64::from(report.rechecks), "time", "times");
        let n = counted(report.transient, "discrepancy was", "discrepancies were");
        all.push(format!("{n} gone when read again (transient; keys were read again up to {times})"));
    }
    all
}

/// Both sides with their words.
pub(super) fn sides(report: &Report) -> [(&'static str, &Side); 2] {
    [("legacy", &report.legacy), ("candidate", &report.candidate)]
}

/// The kind for people.
pub(super) fn kind(kind: DiscrepancyKind) -> &'static str {
    match kind {
        DiscrepancyKind::Mismatch => "mismatch",
        DiscrepancyKind::LegacyOnly => "legacy only",
        DiscrepancyKind::CandidateOnly => "candidate only",
        DiscrepancyKind::DuplicateKey => "duplicate key",
        DiscrepancyKind::Unknown => "unknown",
    }
}

/// The counts in the order of reports: label, number, depth.
pub(super) fn count_lines(report: &Report) -> Vec<(&'static str, u64, usize)> {
    let c = &report.counts;
    vec![
        ("keys", c.keys, 0),
        ("matched", c.matched, 1),
        ("within tolerance", c.tolerated, 2),
        ("mismatched", c.mismatched, 1),
        ("legacy only", c.legacy_only, 1),
        ("candidate only", c.candidate_only, 1),
        ("duplicate", c.duplicate, 1),
        ("unknown", c.unknown, 1),
    ]
}

/// How to see what was left out.
pub(super) fn left_out(shown: u64, left_out: u64) -> Option<String> {
    if left_out == 0 {
        return None;
    }
    let mut text = format!("{} not shown", counted(left_out, "more discrepancy is", "more discrepancies are"));
    let _ = write!(text, ": --limit {} shows them all, ", shown.saturating_add(left_out));
    text.push_str("--format ndjson --output all.ndjson keeps them all in a file");
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        let texts: Vec<_> = [0, 999, 1000, 1_234_567, u64::MAX].map(count).to_vec();
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567", "18,446,744,073,709,551,615"]);
    }

    #[test]
    fn seconds_are_exact() {
        assert_eq!(seconds(1_234_000_000), "1.234");
        assert_eq!(seconds(0), "0.000");
        assert_eq!(seconds(61_000_000_001), "61.000000001");
    }
}

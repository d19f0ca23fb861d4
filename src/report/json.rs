//! `--format json`: schema `recon.diff/1` as one compact document, its discrepancies streamed. Every value is a
//! string with every digit, or null; serde_json does all escaping.

use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use super::shown::Shown;
use super::voice::Voice;
use super::words::{seconds, seconds_apart, sides};
use super::{ColumnReport, Counts, Discrepancy, DiscrepancyKind, FieldDifference, Look, Report, Side};
use crate::domain::{Amount, Value, format_instant};
use crate::stores::InputRead;

pub(super) fn render(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    object(report, shown, look, out)?;
    writeln!(out)
}

/// The document without its newline: the reports of verifications hold it.
pub(super) fn object(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let head = Json::Object(head(report, look)).to_string();
    out.write_all(&head.as_bytes()[..head.len() - 1])?;
    out.write_all(b",\"discrepancies\":[")?;
    let mut first = true;
    while let Some(discrepancy) = shown.next()? {
        if !first {
            out.write_all(b",")?;
        }
        first = false;
        serde_json::to_writer(&mut *out, &discrepancy_object(report, &discrepancy))?;
    }
    write!(out, "],\"truncated\":{}}}", shown.left_out() > 0)
}

/// Everything but `discrepancies` and `truncated`.
pub(super) fn head(report: &Report, look: &Look) -> Map<String, Json> {
    let (legacy, candidate, counts) = (&report.legacy, &report.candidate, &report.counts);
    let mut head = Map::new();
    head.insert("schema".into(), json!("recon.diff/1"));
    head.insert("verdict".into(), json!(report.verdict.name()));
    head.insert("reasons".into(), json!(report.reasons));
    head.insert("name".into(), json!(report.name));
    head.insert("key".into(), json!(report.key));
    head.insert(
        "rows".into(),
        json!({
            "legacy": legacy.rows,
            "candidate": candidate.rows,
            "legacy_in_duplicates": legacy.in_duplicates,
            "candidate_in_duplicates": candidate.in_duplicates,
            "legacy_in_unknown": legacy.in_unknown,
            "candidate_in_unknown": candidate.in_unknown,
        }),
    );
    head.insert("counts".into(), self::counts(counts));
    head.insert("columns".into(), Json::Array(report.columns.iter().map(column_object).collect()));
    head.insert("not_compared".into(), json!({ "legacy": legacy.not_compared, "candidate": candidate.not_compared }));
    let mut both = Map::new();
    for (word, side) in sides(report) {
        both.insert(word.into(), side_object(side));
    }
    both.insert("snapshots_apart_seconds".into(), json!(seconds_apart(report)));
    head.insert("sides".into(), Json::Object(both));
    head.insert("transient".into(), json!(report.transient));
    head.insert("rechecks".into(), json!(report.rechecks));
    if look.seconds {
        let nanos = i128::try_from(report.elapsed.as_nanos()).unwrap_or(i128::MAX);
        head.insert("seconds".into(), json!(seconds(nanos)));
    }
    head
}

/// Counts of distinct keys.
pub(super) fn counts(counts: &Counts) -> Json {
    json!({
        "keys": counts.keys,
        "matched": counts.matched,
        "tolerated": counts.tolerated,
        "mismatched": counts.mismatched,
        "legacy_only": counts.legacy_only,
        "candidate_only": counts.candidate_only,
        "duplicate": counts.duplicate,
        "unknown": counts.unknown,
    })
}

fn side_object(side: &Side) -> Json {
    let snapshot = side.snapshot.as_ref().map(|snapshot| {
        json!({
            "taken_at": snapshot.taken_at.map(|nanos| format_instant(nanos, 0)),
            "how": snapshot.how,
            "consistent": snapshot.consistent,
        })
    });
    let mut object = json!({ "label": side.label, "snapshot": snapshot, "notices": side.notices, "error": side.error });
    if !side.inputs.is_empty() {
        let input = |input: &InputRead| json!({ "name": input.name, "label": input.label, "records": input.records, "fingerprint": input.fingerprint });
        object["inputs"] = side.inputs.iter().map(input).collect();
    }
    object
}

fn column_object(column: &ColumnReport) -> Json {
    let mut object = Map::new();
    object.insert("name".into(), json!(column.name));
    object.insert("candidate_name".into(), json!(column.candidate_name.as_ref().unwrap_or(&column.name)));
    object.insert("type".into(), json!(column.kind));
    object.insert("compared".into(), json!(true));
    object.insert("tolerance".into(), json!(column.tolerance));
    object.insert("mismatched".into(), json!(column.mismatched));
    object.insert("tolerated".into(), json!(column.tolerated));
    let totals = column.totals.as_ref();
    let mut amount = |name: &str, value: Option<&Amount>| {
        object.insert(name.into(), json!(value.map(Amount::to_string)));
    };
    amount("legacy_total", totals.map(|t| &t.legacy));
    amount("candidate_total", totals.map(|t| &t.candidate));
    amount("net_difference", totals.map(|t| &t.net_difference));
    amount("gross_difference", totals.map(|t| &t.gross_difference));
    amount("overpaid", totals.map(|t| &t.overpaid));
    amount("underpaid", totals.map(|t| &t.underpaid));
    amount("legacy_in_duplicates", totals.map(|t| &t.legacy_in_duplicates));
    amount("candidate_in_duplicates", totals.map(|t| &t.candidate_in_duplicates));
    amount("legacy_in_unknown", totals.map(|t| &t.legacy_in_unknown));
    amount("candidate_in_unknown", totals.map(|t| &t.candidate_in_unknown));
    object.insert("not_totalled".into(), json!(totals.map(|t| t.not_totalled)));
    let drift: Map<String, Json> =
        column.drift.iter().filter(|(_, n)| *n > 0).map(|(d, n)| (d.name().to_owned(), json!(n))).collect();
    object.insert("drift".into(), Json::Object(drift));
    Json::Object(object)
}

/// One discrepancy.
pub(super) fn discrepancy_object(report: &Report, discrepancy: &Discrepancy) -> Json {
    discrepancy_in(report, discrepancy, &Voice::PATHS)
}

/// One discrepancy in the words of a report.
pub(super) fn discrepancy_in(report: &Report, discrepancy: &Discrepancy, voice: &Voice) -> Json {
    let mut object = Map::new();
    let key: Map<String, Json> = discrepancy.key.iter().map(|(name, v)| (name.clone(), scalar(v))).collect();
    object.insert("key".into(), Json::Object(key));
    object.insert("kind".into(), json!((voice.kind_name)(discrepancy)));
    let fields = discrepancy.fields.iter().map(|field| field_object(field, voice));
    object.insert("fields".into(), Json::Array(fields.collect()));
    if discrepancy.kind == DiscrepancyKind::DuplicateKey {
        let copies = |rows: &[Vec<Value>]| -> Json {
            rows.iter()
                .map(|row| {
                    let copy: Map<String, Json> =
                        report.columns.iter().zip(row).map(|(c, v)| (c.name.clone(), scalar(v))).collect();
                    Json::Object(copy)
                })
                .collect()
        };
        let [legacy, candidate] = voice.sides;
        let copies =
            json!({ legacy: copies(&discrepancy.legacy_copies), candidate: copies(&discrepancy.candidate_copies) });
        object.insert("copies".into(), copies);
    }
    if let Some(reason) = &discrepancy.reason {
        object.insert("reason".into(), json!(reason));
    }
    Json::Object(object)
}

fn field_object(field: &FieldDifference, voice: &Voice) -> Json {
    let mut object = Map::new();
    object.insert("column".into(), json!(field.column));
    let [legacy, candidate] = voice.sides;
    let both = [(legacy, &field.legacy), (candidate, &field.candidate)];
    for (word, value) in both {
        object.insert(word.into(), value.as_ref().map_or(Json::Null, scalar));
    }
    object.insert("difference".into(), json!(field.difference.as_ref().map(Amount::to_string)));
    let absent: Vec<&str> =
        both.iter().filter(|(_, v)| matches!(v, Some(Value::Absent))).map(|(word, _)| *word).collect();
    if !absent.is_empty() {
        object.insert("absent".into(), json!(absent));
    }
    let unknown: Map<String, Json> = both
        .iter()
        .filter_map(|(word, value)| match value {
            Some(Value::Unknown(reason)) => Some(((*word).to_owned(), json!(reason))),
            _ => None,
        })
        .collect();
    if !unknown.is_empty() {
        object.insert("unknown".into(), Json::Object(unknown));
    }
    Json::Object(object)
}

/// A value as a string with every digit; what has no value is null.
fn scalar(value: &Value) -> Json {
    match value {
        Value::Null | Value::Absent | Value::Unknown(_) => Json::Null,
        other => Json::String(other.to_string()),
    }
}

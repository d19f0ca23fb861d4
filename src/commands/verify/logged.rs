//! Discrepancies as the ledger keeps them: one row for each column that differs, with both values.

use std::io;

use serde_json::{Map, Value as Json, json};

use crate::compare::{ColumnOutcome, Compared, Outcome, Plan, Record};
use crate::domain::{Amount, Value};
use crate::ledger::Logged;
use crate::report::{Discrepancy, DiscrepancyKind, Report};

/// The word for what agrees only within a tolerance.
const TOLERATED: &str = "tolerated";

/// The rows of one discrepancy.
pub(super) fn of_discrepancy(report: &Report, discrepancy: &Discrepancy) -> Vec<Logged> {
    let key = key_json(discrepancy.key.iter().map(|(name, value)| (name.as_str(), value)));
    let kind = discrepancy.kind.name().to_owned();
    let plain = Logged { key, kind, reason: discrepancy.reason.clone(), ..Logged::default() };
    if discrepancy.kind == DiscrepancyKind::DuplicateKey {
        let copies = |copies: &[Vec<Value>]| {
            let copy = |row: &Vec<Value>| {
                let fields = report.columns.iter().zip(row).map(|(column, v)| (column.name.clone(), scalar(v)));
                Json::Object(fields.collect::<Map<_, _>>())
            };
            (!copies.is_empty()).then(|| Json::Array(copies.iter().map(copy).collect()).to_string())
        };
        let (legacy, candidate) = (copies(&discrepancy.legacy_copies), copies(&discrepancy.candidate_copies));
        return vec![Logged { legacy, candidate, ..plain }];
    }
    if discrepancy.fields.is_empty() {
        return vec![plain];
    }
    let rows = discrepancy.fields.iter().map(|field| Logged {
        column: Some(field.column.clone()),
        legacy: field.legacy.as_ref().and_then(text),
        candidate: field.candidate.as_ref().and_then(text),
        difference: field.difference.as_ref().map(Amount::to_string),
        ..plain.clone()
    });
    rows.collect()
}

/// The rows of every key that agrees only within a tolerance.
///
/// # Errors
/// A temporary file cannot be read.
pub(super) fn tolerated(compared: &mut Compared, each: &mut dyn FnMut(Logged) -> io::Result<()>) -> io::Result<()> {
    let mut records = compared.records()?;
    let plan = records.plan();
    while let Some(record) = records.next_record()? {
        if record.outcome == Outcome::Tolerated {
            of_tolerated(plan, &record).into_iter().try_for_each(&mut *each)?;
        }
    }
    Ok(())
}

fn of_tolerated(plan: &Plan, record: &Record<'_>) -> Vec<Logged> {
    let (Some(legacy), Some(candidate)) = (record.legacy, record.candidate) else { return Vec::new() };
    let keys: Vec<Value> = (0..plan.judge.key).map(|at| Value::of(legacy.at(at))).collect();
    let key = key_json(plan.key.iter().map(String::as_str).zip(&keys));
    let columns = plan.columns.iter().zip(record.columns).enumerate();
    columns
        .filter(|(_, (_, outcome))| **outcome == ColumnOutcome::Tolerated)
        .map(|(at, (column, _))| {
            let value = |copies: crate::compare::Copies<'_>| Value::of(copies.at(plan.judge.key + at));
            let (legacy, candidate) = (value(legacy), value(candidate));
            let difference = candidate.amount().zip(legacy.amount()).and_then(|(c, l)| c.minus(&l));
            Logged {
                key: key.clone(),
                kind: TOLERATED.to_owned(),
                column: Some(column.legacy.clone()),
                legacy: text(&legacy),
                candidate: text(&candidate),
                difference: difference.as_ref().map(Amount::to_string),
                reason: None,
            }
        })
        .collect()
}

fn key_json<'a>(key: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let fields: Map<String, Json> = key.map(|(name, value)| (name.to_owned(), scalar(value))).collect();
    Json::Object(fields).to_string()
}

fn scalar(value: &Value) -> Json {
    text(value).map_or(Json::Null, |text| json!(text))
}

/// Every digit; what has no value has no text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Absent | Value::Unknown(_) => None,
        value => Some(value.to_string()),
    }
}

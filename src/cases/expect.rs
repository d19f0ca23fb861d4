//! What a case expects: the verdict, every decision and every discrepancy. Read from `decisions.csv` and
//! `discrepancies.ndjson`, or from a packed line. Must not compare.

use serde_json::{Map, Value as Json};

use crate::domain::Value;
use crate::ledger::RunVerdict;

use super::raw::{RawLineExpect, RawVerdict};

/// A decision as the payer reads it: columns by name, `None` for NULL.
pub type Row = Vec<(String, Option<String>)>;

/// What a case must lead to.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// The verdict.
    pub verdict: RunVerdict,
    /// A text that one of the verdict's reasons must hold.
    pub reason: Option<String>,
    /// Every decision, in whatever order.
    pub decisions: Vec<Row>,
    /// Every discrepancy as in recon's JSON, in whatever order.
    pub discrepancies: Vec<Json>,
}

impl From<RawVerdict> for RunVerdict {
    fn from(raw: RawVerdict) -> RunVerdict {
        match raw {
            RawVerdict::Clean => RunVerdict::Clean,
            RawVerdict::Warned => RunVerdict::Warned,
            RawVerdict::Blocked => RunVerdict::Blocked,
            RawVerdict::Incomplete => RunVerdict::Incomplete,
        }
    }
}

impl Expect {
    /// From a packed line's `expect`.
    ///
    /// # Errors
    /// Why a decision or discrepancy is none.
    pub(super) fn packed(raw: RawLineExpect<'_>) -> Result<Expect, String> {
        let row = |raw: &&serde_json::value::RawValue| decision(Value::from_json(raw.get()));
        Ok(Expect {
            verdict: raw.verdict.into(),
            reason: raw.reason,
            decisions: raw.decisions.iter().map(row).collect::<Result<_, _>>()?,
            discrepancies: raw.discrepancies.iter().map(|raw| discrepancy(raw.get())).collect::<Result<_, _>>()?,
        })
    }
}

/// A decision from a record.
pub(super) fn decision(record: Value) -> Result<Row, String> {
    let Value::Document(fields) = record else { return Err(format!("a decision is an object, not {record}")) };
    let cell = |(name, value): (String, Value)| match value {
        Value::Null | Value::Absent => Ok((name, None)),
        Value::Unknown(why) => Err(format!("the decision's `{name}` cannot be read: {why}")),
        value => Ok((name, Some(value.to_string()))),
    };
    let row: Row = fields.into_iter().map(cell).collect::<Result<_, String>>()?;
    match ["recon_source", "recon_reason"].into_iter().find(|name| row.iter().all(|(column, _)| column != name)) {
        Some(missing) => Err(format!("a decision has no `{missing}`")),
        None => Ok(row),
    }
}

/// A discrepancy from its JSON. Amounts stand in quotes, as recon writes them.
pub(super) fn discrepancy(text: &str) -> Result<Json, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("a discrepancy is no JSON: {error}"))?;
    let Json::Object(object) = &json else { return Err(format!("a discrepancy is an object, not {text}")) };
    if let Some(unknown) =
        object.keys().find(|name| !["key", "kind", "fields", "copies", "reason"].contains(&name.as_str()))
    {
        return Err(format!("a discrepancy has no `{unknown}`: it has key, kind, fields, copies and reason"));
    }
    for needed in ["key", "kind"] {
        if !object.contains_key(needed) {
            return Err(format!("a discrepancy has no `{needed}`"));
        }
    }
    match number_in(&json) {
        Some(number) => Err(format!("{number} stands without quotes in a discrepancy: write it as text, \"{number}\"")),
        None => Ok(json),
    }
}

fn number_in(json: &Json) -> Option<String> {
    match json {
        Json::Number(number) => Some(number.to_string()),
        Json::Array(items) => items.iter().find_map(number_in),
        Json::Object(fields) => fields.values().find_map(number_in),
        _ => None,
    }
}

/// What of a discrepancy is held against what came out: key, kind, the columns with both values, copies. What follows from
/// them (the difference) and the wording of reasons are left out.
pub(super) fn essential(discrepancy: &Json) -> Json {
    let Json::Object(object) = discrepancy else { return discrepancy.clone() };
    let mut kept = Map::new();
    for name in ["key", "kind"] {
        kept.extend(object.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    if let Some(Json::Array(fields)) =
        object.get("fields").filter(|fields| fields.as_array().is_some_and(|f| !f.is_empty()))
    {
        let field = |field: &Json| {
            let names = ["column", "legacy", "candidate", "absent"];
            let parts = names.iter().filter_map(|name| Some(((*name).to_owned(), field.get(*name)?.clone())));
            Json::Object(parts.collect())
        };
        kept.insert("fields".to_owned(), fields.iter().map(field).collect());
    }
    kept.extend(object.get("copies").map(|value| ("copies".to_owned(), value.clone())));
    Json::Object(kept)
}

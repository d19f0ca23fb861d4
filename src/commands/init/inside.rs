//! The fields inside documents, from a sample of them. Looks at one side and changes nothing.

use std::sync::Arc;

use crate::domain::{Rules, Value};
use crate::stores::{
    Column, ColumnKind, KeyRange, Locator, ReadRequest, Reader, Received, Settings, StoreError, Wanted, Wish,
};

/// Documents that are looked at.
const DOCUMENTS: usize = 1_000;
/// Fields that are remembered: where data stands in field names there is no end of them.
const FIELDS: usize = 1_000;

/// Every field inside the documents of these columns, by its dotted path, in the order in which they were met.
///
/// # Errors
/// The side cannot be read.
pub(super) fn fields(locator: &Locator, settings: &Settings, columns: &[String]) -> Result<Vec<Column>, StoreError> {
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let (side, with) = (locator.clone(), settings.clone());
    let reader = Reader::start(Arc::new(move || side.source(&with)), Wish::default(), Arc::default());
    reader.opened()?;
    let request = ReadRequest {
        columns: columns.iter().map(|name| Wanted { name: name.clone(), fix: None }).collect(),
        key: 0,
        filter: None,
        range: KeyRange::default(),
        keys: None,
        fresh: false,
        natural: false,
    };
    let (batches, give_back) = reader.begin(vec![request], &Rules::default(), None, None);
    let (mut found, mut seen) = (Vec::new(), 0);
    while seen < DOCUMENTS {
        match batches.recv() {
            Ok(Received::Batch(batch)) => {
                for row in 0..batch.rows() {
                    for (at, name) in columns.iter().enumerate() {
                        note(name, &Value::of(batch.at(row, at)), &mut found);
                    }
                }
                seen += batch.rows();
                let _ = give_back.send(batch);
            }
            Ok(Received::End(end)) => {
                end?;
                break;
            }
            Err(_) => {
                return Err(StoreError::failed("the reader of this side ended unexpectedly; this is a fault of recon"));
            }
        }
    }
    let kind = |kind: Option<ColumnKind>| kind.unwrap_or(ColumnKind::Mixed);
    Ok(found.into_iter().map(|(name, known)| Column { name, kind: kind(known) }).collect())
}

fn note(path: &str, value: &Value, found: &mut Vec<(String, Option<ColumnKind>)>) {
    let Value::Document(fields) = value else { return };
    for (name, value) in fields {
        // A name with a dot in it cannot be told from a path.
        if name.is_empty() || name.contains('.') {
            continue;
        }
        let below = format!("{path}.{name}");
        match value {
            Value::Document(_) => note(&below, value, found),
            value => match found.iter().position(|(known, _)| *known == below) {
                Some(at) => {
                    found[at].1 = match (found[at].1, kind(value)) {
                        (Some(known), Some(kind)) if known != kind => Some(ColumnKind::Mixed),
                        (known, kind) => known.or(kind),
                    }
                }
                None if found.len() < FIELDS => found.push((below, kind(value))),
                None => {}
            },
        }
    }
}

/// `None` for NULL, which says nothing.
fn kind(value: &Value) -> Option<ColumnKind> {
    Some(match value {
        Value::Absent | Value::Null => return None,
        Value::Bool(_) => ColumnKind::Bool,
        Value::Number { .. } => ColumnKind::Number,
        Value::Text { untyped: true, .. } => ColumnKind::Untyped,
        Value::Text { .. } => ColumnKind::Text,
        Value::Bytes(_) => ColumnKind::Bytes,
        Value::Date(_) | Value::Instant { .. } => ColumnKind::Instant,
        Value::Time { .. } => ColumnKind::Time,
        Value::Uuid(_) => ColumnKind::Uuid,
        Value::ObjectId(_) => ColumnKind::ObjectId,
        Value::Document(_) | Value::Array(_) => ColumnKind::Document,
        Value::Unknown(_) => ColumnKind::Mixed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_inside_documents_are_found_at_any_depth() {
        let mut found = Vec::new();
        for text in [
            r#"{"net": 1, "in": {"fee": null, "list": [{"x": 1}]}, "": 1, "a.b": 1}"#,
            r#"{"net": 2.5, "in": {"fee": 2}}"#,
            r#"{"net": "3"}"#,
            "17",
        ] {
            note("amount", &Value::from_json(text), &mut found);
        }
        let found: Vec<(&str, Option<ColumnKind>)> = found.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        assert_eq!(
            found,
            [
                ("amount.net", Some(ColumnKind::Mixed)),
                ("amount.in.fee", Some(ColumnKind::Number)),
                ("amount.in.list", Some(ColumnKind::Document)),
            ]
        );
    }
}

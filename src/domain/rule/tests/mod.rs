mod arithmetic;
mod binding;
mod kinds;
mod kleene;
mod refusals;

use super::*;
use crate::domain::{Amount, Batch, Cell, CellRef, NumberForm, Value};

/// What a rule says of a record of `legacy.a`, `legacy.b`, `legacy.c`, … with these values.
fn judge(text: &str, values: &[&str]) -> Truth {
    let rule = parse(text).unwrap_or_else(|e| panic!("{e}\n{}", e.excerpt()));
    judge_all(&[&rule], values)[0]
}

fn judge_all(rules: &[&Rule], values: &[&str]) -> Vec<Truth> {
    let names: Vec<Reference> = ('a'..).take(values.len()).map(|c| Reference::new(Scope::Legacy, c)).collect();
    let mut set = RuleSet::bind(rules, &names, &[]).unwrap_or_else(|e| panic!("{e:?}"));
    let mut batch = Batch::new(values.len().max(1));
    let row = batch.start_row();
    for (column, value) in values.iter().enumerate() {
        let cell = cell(&mut batch, value);
        batch.set(row, column, cell);
    }
    let record: Vec<CellRef<'_>> = set
        .slots()
        .iter()
        .map(|slot| batch.at(row, names.iter().position(|name| name == slot).expect("a name")))
        .collect();
    let mut said = Vec::new();
    set.evaluate(&record, &mut |at, truth| {
        assert_eq!(at, said.len(), "every rule once, in order");
        said.push(truth);
    });
    assert_eq!(said.len(), rules.len());
    said
}

/// A cell from its kind and its text, as `docs/comparison.md` writes them.
fn cell(batch: &mut Batch, text: &str) -> Cell {
    let (kind, body) = text.split_once(' ').unwrap_or((text, ""));
    let number = |batch: &mut Batch, form| batch.amount(&Amount::parse(body).expect(text), form);
    match kind {
        "absent" => Cell::Absent,
        "NULL" => Cell::Null,
        "unknown" => batch.unknown(body),
        "decimal" => number(batch, NumberForm::Decimal),
        "integer" => number(batch, NumberForm::Integer),
        "double" => number(batch, NumberForm::Double),
        "csv" => batch.untyped(body),
        "boolean" => Cell::Bool(body == "true"),
        "text" => Cell::Text(batch.store(body.as_bytes())),
        "bytes" => Cell::Bytes(batch.store(body.as_bytes())),
        "document" => Cell::Json(batch.store(body.as_bytes())),
        "date" => Cell::Date(crate::domain::parse_date(body).expect(text)),
        "instant" => {
            let read = crate::domain::parse_instant(body, &jiff::tz::TimeZone::UTC).expect(text);
            Cell::Instant { nanos: read.nanos, digits: read.digits }
        }
        "time" => {
            let (nanos, digits) = crate::domain::parse_time(body).expect(text);
            Cell::Time { nanos, digits }
        }
        "uuid" => Cell::Uuid(crate::domain::parse_uuid(body).expect(text)),
        "objectid" => {
            let bytes = crate::domain::value::unhex(body).expect(text);
            Cell::ObjectId(bytes.try_into().expect("12 bytes"))
        }
        other => panic!("no kind `{other}`"),
    }
}

/// The truth alone; `None` for unknown.
fn known(truth: Truth) -> Option<bool> {
    match truth {
        Truth::True => Some(true),
        Truth::False => Some(false),
        Truth::Unknown(_) => None,
        Truth::NotExamined => panic!("not examined"),
    }
}

fn reason(truth: Truth) -> Reason {
    match truth {
        Truth::Unknown(unknown) => unknown.reason(),
        other => panic!("{other:?} is known"),
    }
}

//! An input of a computation, ready to be read: where it is, and what of it is taken. On MongoDB `unwind` and what can
//! safely be said of `filter` become a pipeline; everything is judged again here, so that every store means the same.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::config::{Input, Project, StoreKind, What};
use crate::domain::{
    Filter, FilterError, Literal, Operator, Rules, Value, is_plain_literal, parse_date, parse_instant, resolve_local,
};
use crate::stores::{Locator, MakeSource, Settings, StoreError};

use super::chain::ChainSource;
use super::located::located;
use super::shape::{Shape, ShapedSource};

/// An input, ready to be read.
#[derive(Clone)]
pub struct ReadyInput {
    /// The table's name in SQL, or the reference table's.
    pub name: String,
    /// Where it is, without secrets.
    pub label: String,
    /// What is taken of it.
    pub shape: Shape,
    /// Makes the source of its records as they are stored.
    pub make: MakeSource,
    /// Where a copy of what was read is kept, without an ending.
    pub kept: Option<PathBuf>,
    /// The text of its filter.
    pub condition: Option<String>,
    /// Files that it is read from.
    pub files: Vec<PathBuf>,
    /// Its Parquet files, when it is nothing else: SQL reads them without a detour.
    pub parquet: Option<Vec<PathBuf>>,
}

impl ReadyInput {
    /// Makes the source of its records as they are taken.
    pub fn shaped(&self) -> MakeSource {
        if self.shape.is_plain() {
            return Arc::clone(&self.make);
        }
        let (make, shape) = (Arc::clone(&self.make), self.shape.clone());
        Arc::new(move || Ok(Box::new(ShapedSource::new(Arc::clone(&make), shape.clone()))))
    }
}

/// Makes an input ready.
///
/// # Errors
/// Class `Usage`: its store has no such thing, or its filter cannot be understood.
pub fn ready(
    project: &Project,
    input: &Input,
    params: &[(String, Value)],
    settings: &Settings,
) -> Result<ReadyInput, StoreError> {
    let kind = project.store(&input.store)?.kind;
    let rules = Rules { zone: settings.zone.clone(), ..Rules::default() };
    let filter = input.filter.as_ref().map(|text| filter(&input.name, text, params)).transpose()?;
    let mut shape = Shape { fields: input.fields.clone(), unwind: input.unwind.clone(), filter, rules };
    let mut locators = located(project, &input.store, &input.what, params)?;
    if kind == StoreKind::MongoDb && !shape.is_plain() {
        match &input.what {
            What::Table(_) => {
                let stages = stages(&mut shape, &settings.zone);
                if !stages.is_empty() {
                    locators = locators
                        .into_iter()
                        .map(|locator| locator.with_query(Json::Array(stages.clone()).to_string()))
                        .collect::<Result<_, _>>()?;
                }
            }
            _ if shape.unwind.is_some() => {
                return Err(StoreError::usage(format!("input `{}` has both `pipeline` and `unwind`", input.name))
                    .hint("write `$unwind` into the pipeline"));
            }
            _ => {}
        }
    }
    for locator in &locators {
        locator.check()?;
    }
    let label = match locators.as_slice() {
        [one] => one.label(),
        several => format!("{} files", several.len()),
    };
    let files: Vec<PathBuf> = locators.iter().filter_map(|locator| locator.path().map(PathBuf::from)).collect();
    let parquet = (locators.iter().all(Locator::is_parquet) && shape.unwind.is_none()).then(|| files.clone());
    let condition = input.filter.clone();
    Ok(ReadyInput {
        name: input.name.clone(),
        label,
        shape,
        make: source(locators, settings),
        kept: None,
        condition,
        files,
        parquet,
    })
}

/// Makes the source of one locator, or of several files one after the other.
pub(super) fn source(locators: Vec<Locator>, settings: &Settings) -> MakeSource {
    let makes: Vec<MakeSource> = locators
        .into_iter()
        .map(|locator| {
            let settings = settings.clone();
            Arc::new(move || locator.source(&settings)) as MakeSource
        })
        .collect();
    match <[MakeSource; 1]>::try_from(makes) {
        Ok([one]) => one,
        Err(several) => Arc::new(move || Ok(Box::new(ChainSource::new(several.clone())))),
    }
}

fn filter(input: &str, text: &str, params: &[(String, Value)]) -> Result<Filter, StoreError> {
    let param = |name: &str| {
        let value = params.iter().find(|(param, _)| param == name).map(|(_, value)| value);
        let value = value.ok_or_else(|| format!("there is no parameter `:{name}`"))?;
        Literal::of(value).ok_or_else(|| format!("`:{name}` is a {}", value.type_name()))
    };
    Filter::parse_with(text, &param)
        .map_err(|error: FilterError| StoreError::usage(format!("the filter of input `{input}`: {error}")))
}

/// The pipeline that does `unwind`, and as much of the filter as the server understands as recon does.
fn stages(shape: &mut Shape, zone: &TimeZone) -> Vec<Json> {
    let mut stages = Vec::new();
    let condition = shape.filter.as_ref().and_then(|filter| at_least(filter, shape, zone));
    if let Some(array) = shape.unwind.take() {
        stages.push(json!({ "$unwind": format!("${array}") }));
    }
    if let Some(condition) = condition {
        stages.push(json!({ "$match": condition }));
    }
    stages
}

/// A MongoDB condition that lets at least those records through that the filter does, and those of which it cannot
/// tell: what it lets through too many is judged again. `None`: everything.
fn at_least(filter: &Filter, shape: &Shape, zone: &TimeZone) -> Option<Json> {
    match filter {
        Filter::All(parts) => {
            let parts: Vec<Json> = parts.iter().filter_map(|part| at_least(part, shape, zone)).collect();
            (!parts.is_empty()).then(|| json!({ "$and": parts }))
        }
        Filter::Any(parts) => {
            let parts: Option<Vec<Json>> = parts.iter().map(|part| at_least(part, shape, zone)).collect();
            parts.filter(|parts| !parts.is_empty()).map(|parts| json!({ "$or": parts }))
        }
        Filter::Compare { column, operator, literal } => {
            // A field with a type of its own is judged as that type, which the server does not know.
            if shape.fields.iter().any(|field| field.path == *column && field.column_type.is_some()) {
                return None;
            }
            let (value, types) = server_literal(literal, zone)?;
            let operator = match operator {
                Operator::Equal => "$eq",
                // Bounds are widened: an instant finer than milliseconds was cut to them.
                Operator::Less | Operator::LessOrEqual => "$lte",
                Operator::Greater | Operator::GreaterOrEqual => "$gte",
                Operator::NotEqual => return None,
            };
            if operator != "$eq" && matches!(literal, Literal::Bool(_)) {
                return None;
            }
            let mut alternatives = vec![
                json!({ column: { operator: value } }),
                json!({ column: { "$not": { "$type": types } } }),
                json!({ column: { "$type": "array" } }),
                json!({ column: { "$numberDecimal": "NaN" } }),
            ];
            // The server looks into every item of an array on the way; recon cannot tell which one is meant.
            let parents = column.match_indices('.').map(|(dot, _)| json!({ &column[..dot]: { "$type": "array" } }));
            alternatives.extend(parents);
            Some(json!({ "$or": alternatives }))
        }
        Filter::In { .. } | Filter::IsNull { .. } | Filter::Not(_) => None,
    }
}

/// A literal as Extended JSON, and the BSON types whose values the server compares with it as recon does. Texts are
/// left to recon: a collection may have a collation of its own.
fn server_literal(literal: &Literal, zone: &TimeZone) -> Option<(Json, Json)> {
    const NANOS_PER_DAY: i128 = 86_400_000_000_000;
    match literal {
        Literal::Number(amount) => {
            let (coefficient, _) = amount.small()?;
            (coefficient.unsigned_abs() < 10u128.pow(34))
                .then(|| (json!({ "$numberDecimal": amount.to_string() }), json!(["int", "long", "decimal"])))
        }
        Literal::Bool(b) => Some((json!(b), json!(["bool"]))),
        Literal::Text(text) | Literal::Moment(text) if is_plain_literal(text.as_bytes()) => None,
        Literal::Text(text) | Literal::Moment(text) => {
            let instant = parse_instant(text, zone).map(|instant| instant.nanos);
            let nanos = instant.or_else(|| resolve_local(i128::from(parse_date(text)?) * NANOS_PER_DAY, zone))?;
            let millis = nanos.div_euclid(1_000_000);
            Some((json!({ "$date": { "$numberLong": millis.to_string() } }), json!(["date"])))
        }
    }
}

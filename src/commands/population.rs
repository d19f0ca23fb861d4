//! The independent count of the records that must exist. Must not judge it.

use crate::config::{Input, Project, Reconciliation, What};
use crate::domain::{Amount, Value};
use crate::path::{documents, ready};
use crate::stores::Settings;

use super::Failure;

/// How many records must exist, by the reconciliation's own query; `None` where it has none.
///
/// # Errors
/// The query fails, or gives anything but one whole number.
pub(super) fn population(
    project: &Project,
    reconciliation: &Reconciliation,
    params: &[(String, Value)],
    settings: &Settings,
) -> Result<Option<u64>, Failure> {
    let Some(population) = &reconciliation.population else { return Ok(None) };
    let input = Input {
        name: "population".into(),
        store: population.store.clone(),
        what: What::Query(population.query.clone()),
        filter: None,
        unwind: None,
        fields: Vec::new(),
    };
    let wrong = |why: String| {
        Failure::incomplete(format!("the population query {why}"))
            .hint("it gives one row with one whole number: SELECT COUNT(*) …")
    };
    let (rows, _) = documents(&ready(project, &input, params, settings)?)?;
    let [Value::Document(fields)] = rows.as_slice() else {
        return Err(wrong(format!("gives {} rows", rows.len())));
    };
    let [(_, value)] = fields.as_slice() else {
        return Err(wrong(format!("gives {} columns", fields.len())));
    };
    let whole = value.amount().filter(Amount::is_integral).and_then(|amount| amount.to_string().parse().ok());
    whole.map(Some).ok_or_else(|| wrong(format!("gives {value}")))
}

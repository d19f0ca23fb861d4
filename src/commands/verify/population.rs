//! The independent count of the records that must exist.

use crate::commands::Failure;
use crate::config::{Input, What};
use crate::domain::{Amount, Value};
use crate::path::{documents, ready};

use super::work::Work;

impl Work<'_> {
    /// How many records must exist, by the independent count.
    pub(super) fn population(&self) -> Result<Option<u64>, Failure> {
        let Some(population) = &self.named.reconciliation.population else { return Ok(None) };
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
        let (rows, _) = documents(&ready(&self.named.project, &input, &self.named.params, self.settings)?)?;
        let [Value::Document(fields)] = rows.as_slice() else {
            return Err(wrong(format!("gives {} rows", rows.len())));
        };
        let [(_, value)] = fields.as_slice() else {
            return Err(wrong(format!("gives {} columns", fields.len())));
        };
        let whole = value.amount().filter(Amount::is_integral).and_then(|amount| amount.to_string().parse().ok());
        whole.map(Some).ok_or_else(|| wrong(format!("gives {value}")))
    }
}

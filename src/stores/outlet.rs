//! The way from a source to the merge: a bounded channel of recycled batches, with the conversions,
//! filtering and sorting that a source does not do itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel as unbounded, sync_channel};

use crate::domain::{Batch, Filter, Rules, Value};

use super::sort::Sorter;
use super::{Fix, ReadEnd, ReadRequest, StoreError};

/// Records a batch is sent with, unless its bytes fill it first.
const ROWS: usize = 2_000;
/// Bytes of values after which a batch is sent.
const BYTES: usize = 1 << 20;
/// Batches under way between a source and the merge.
const UNDER_WAY: usize = 3;

/// Reading is to end now: the merge is gone, or the user interrupted.
#[derive(Clone, Copy, Debug)]
pub struct Stop;

/// What reaches the merge.
#[derive(Debug)]
pub enum Received {
    /// Records, in order.
    Batch(Batch),
    /// No more records. An error here means that what came before is not all.
    End(Result<ReadEnd, StoreError>),
}

/// Counters that a progress display may read while a side is read.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records read from the store so far.
    pub records: AtomicU64,
    /// Set to make every reader stop soon.
    pub stop: AtomicBool,
}

/// The writing end, handed to [`super::Source::read`].
pub struct Outlet {
    batch: Batch,
    width: usize,
    sender: SyncSender<Received>,
    recycled: Receiver<Batch>,
    progress: Arc<Progress>,
    fixes: Vec<(usize, Fix)>,
    filter: Option<(Filter, Vec<(String, usize)>)>,
    rules: Rules,
    sorter: Option<Sorter>,
    unreported: u64,
    /// The sorter's error, reported when the read ends.
    failed: Option<StoreError>,
}

/// Makes an outlet for a request and the receiving end; the sender takes emptied batches back.
///
/// `sort_memory`: sort the records on disk with this many bytes of memory before they are sent.
/// `filter_here`: apply the request's filter here, because the source does not.
pub fn channel(
    request: &ReadRequest,
    rules: &Rules,
    progress: Arc<Progress>,
    filter_here: bool,
    sort_memory: Option<usize>,
) -> (Outlet, Receiver<Received>, Sender<Batch>) {
    let (sender, receiver) = sync_channel(UNDER_WAY);
    let (give_back, recycled) = unbounded();
    let width = request.columns.len();
    let at = |name: &str| request.columns.iter().position(|c| c.name == name);
    let filter = request.filter.clone().filter(|_| filter_here).map(|filter| {
        let places = filter.columns().into_iter().filter_map(|name| at(&name).map(|at| (name, at))).collect();
        (filter, places)
    });
    let fixes = request.columns.iter().enumerate().filter_map(|(at, c)| c.fix.map(|fix| (at, fix))).collect();
    let sorter = sort_memory.map(|memory| Sorter::new(width, request.key, memory));
    let outlet = Outlet {
        batch: Batch::new(width),
        width,
        sender,
        recycled,
        progress,
        fixes,
        filter,
        rules: rules.clone(),
        sorter,
        unreported: 0,
        failed: None,
    };
    (outlet, receiver, give_back)
}

impl Outlet {
    /// The batch being filled: start a row, set its cells, then call [`Outlet::end_row`].
    #[inline]
    pub fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Completes the row that was started last.
    ///
    /// # Errors
    /// [`Stop`] when reading is to end.
    #[inline]
    pub fn end_row(&mut self) -> Result<(), Stop> {
        self.unreported += 1;
        if (!self.fixes.is_empty() || self.filter.is_some()) && !self.adjust_row(self.batch.rows() - 1) {
            self.batch.undo_row();
        }
        self.flush_if_full()
    }

    /// Completes the `count` rows that were started last, for sources that fill a batch column by column.
    ///
    /// # Errors
    /// [`Stop`] when reading is to end.
    pub fn end_rows(&mut self, count: usize) -> Result<(), Stop> {
        self.unreported += count as u64;
        if !self.fixes.is_empty() || self.filter.is_some() {
            let (rows, width) = (self.batch.rows(), self.width);
            let first = rows - count;
            let mut kept = first;
            for row in first..rows {
                if self.adjust_row(row) {
                    for column in 0..width {
                        let cell = self.batch.at(row, column).cell;
                        self.batch.set(kept, column, cell);
                    }
                    kept += 1;
                }
            }
            self.batch.keep_rows(kept);
        }
        self.flush_if_full()
    }

    #[inline]
    fn flush_if_full(&mut self) -> Result<(), Stop> {
        if self.batch.rows() >= ROWS || self.batch.arena_len() >= BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Converts a row's values; `false` when the filter does not let it through.
    fn adjust_row(&mut self, row: usize) -> bool {
        for (column, fix) in &self.fixes {
            fix.apply(&mut self.batch, row, *column, &self.rules);
        }
        if let Some((filter, places)) = &self.filter {
            let batch = &self.batch;
            let value = |name: &str| {
                places.iter().find(|(n, _)| n == name).map_or(Value::Absent, |(_, at)| Value::of(batch.at(row, *at)))
            };
            return filter.judge(&self.rules, &value) == Some(true);
        }
        true
    }

    /// Sends what is gathered so far, before the batch is full.
    ///
    /// # Errors
    /// [`Stop`] when reading is to end.
    pub fn flush(&mut self) -> Result<(), Stop> {
        self.progress.records.fetch_add(std::mem::take(&mut self.unreported), Ordering::Relaxed);
        if self.progress.stop.load(Ordering::Relaxed) {
            return Err(Stop);
        }
        if self.batch.rows() == 0 {
            return Ok(());
        }
        match &mut self.sorter {
            Some(sorter) => {
                let pushed = sorter.push(&self.batch);
                self.batch.reset(self.width);
                pushed.map_err(|error| {
                    self.failed = Some(error);
                    Stop
                })
            }
            None => self.send(),
        }
    }

    fn send(&mut self) -> Result<(), Stop> {
        let mut next = self.recycled.try_recv().unwrap_or_default();
        next.reset(self.width);
        let full = std::mem::replace(&mut self.batch, next);
        self.sender.send(Received::Batch(full)).map_err(|_| Stop)
    }

    /// Sends the rest and the end. A failed read keeps its error even when records came before it.
    pub fn finish(mut self, end: Result<ReadEnd, StoreError>) {
        let end = end.and_then(|end| {
            self.flush()?;
            self.send_sorted()?;
            Ok(end)
        });
        let end = match self.failed.take() {
            Some(error) => Err(error),
            None => end,
        };
        if end.is_err() {
            // What was read until then is compared all the same; the verdict says that it is not all.
            let _ = self.flush();
            let _ = self.send_sorted();
        }
        let _ = self.sender.send(Received::End(end));
    }

    fn send_sorted(&mut self) -> Result<(), StoreError> {
        let Some(sorter) = self.sorter.take() else { return Ok(()) };
        let mut sorted = sorter.finish()?;
        while sorted.next_into(&mut self.batch)? {
            if self.batch.rows() >= ROWS || self.batch.arena_len() >= BYTES {
                self.send()?;
            }
        }
        if self.batch.rows() > 0 {
            self.send()?;
        }
        Ok(())
    }
}

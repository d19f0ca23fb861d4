//! One query split by `:partition` of `:partitions`: its parts are read at the same time and merged by key into one
//! ordered stream. Proves that no key came out of two parts, which would be a double settlement. Must not compare sides.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use jiff::tz::TimeZone;

use crate::domain::{Batch, Rules, Value, cmp_keys, shorten};
use crate::stores::{
    MakeSource, Opened, Outlet, ReadEnd, ReadRequest, Reader, Received, Source, StoreError, Wanted, Wish,
};

/// Keys of double settlements that the message names.
const NAMED: usize = 10;
/// Bytes of memory for sorting one part, where the keys' order is not the store's.
const SORT_MEMORY: usize = 32 << 20;

/// The parts of one query as one source.
pub struct PartitionedSource {
    parts: Vec<MakeSource>,
    /// How conversions read dates and instants: they are done in the parts.
    rules: Rules,
    readers: Vec<Reader>,
}

impl PartitionedSource {
    /// From what makes the source of each part, in the order of their numbers, and the zone of dates and instants
    /// without one.
    pub fn new(parts: Vec<MakeSource>, zone: TimeZone) -> Self {
        PartitionedSource { parts, rules: Rules { zone, ..Rules::default() }, readers: Vec::new() }
    }
}

impl Source for PartitionedSource {
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError> {
        self.readers =
            self.parts.iter().map(|make| Reader::start(Arc::clone(make), wish.clone(), Arc::default())).collect();
        let mut whole: Option<Opened> = None;
        for (number, reader) in self.readers.iter().enumerate() {
            let part = reader.opened()?;
            let Some(whole) = &mut whole else {
                whole = Some(part);
                continue;
            };
            let names = |opened: &Opened| opened.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
            if part.fixed_columns && names(whole) != names(&part) {
                return Err(StoreError::failed(format!(
                    "partition {number} has other columns ({}) than partition 0 ({})",
                    names(&part).join(", "),
                    names(whole).join(", ")
                )));
            }
            for column in part.columns {
                if whole.columns.iter().all(|known| known.name != column.name) {
                    whole.columns.push(column);
                }
            }
            whole.ordered &= part.ordered;
            whole.estimated_records = whole.estimated_records.zip(part.estimated_records).map(|(all, part)| all + part);
            whole.snapshot.taken_at = whole.snapshot.taken_at.min(part.snapshot.taken_at);
            whole.snapshot.consistent &= part.snapshot.consistent;
            for notice in part.notices {
                if !whole.notices.contains(&notice) {
                    whole.notices.push(notice);
                }
            }
        }
        let mut whole = whole.ok_or_else(|| StoreError::usage("a query was split into no partitions"))?;
        // Each part is sorted before they are merged, where the store did not do it.
        whole.ordered = true;
        whole.natural = false;
        whole.notices.push("computed in partitions, each at a snapshot of its own".into());
        Ok(whole)
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let key = &request.columns[..request.key];
        let sort = key.iter().any(|wanted| wanted.fix.is_some_and(crate::stores::Fix::changes_order));
        let memory = sort.then_some(SORT_MEMORY);
        let streams = self
            .readers
            .iter()
            .map(|reader| Stream::new(reader.begin(vec![request.clone()], &self.rules, None, memory), request.key));
        let mut streams = streams.collect::<Vec<_>>();
        for stream in &mut streams {
            stream.advance()?;
        }
        let mut doubles = Doubles::default();
        loop {
            let mut least: Option<usize> = None;
            for at in 0..streams.len() {
                if !streams[at].is_live() {
                    continue;
                }
                let smaller = match least {
                    None => true,
                    Some(least) => streams[at].cmp(&streams[least]).is_lt(),
                };
                if smaller {
                    least = Some(at);
                }
            }
            let Some(least) = least else { break };
            for (at, other) in streams.iter().enumerate() {
                if at != least && other.is_live() && other.cmp(&streams[least]).is_eq() {
                    doubles.add(&streams[least], key, (least, at));
                }
            }
            let stream = &mut streams[least];
            out.batch().copy_row(&stream.batch, stream.row);
            out.end_row()?;
            stream.advance()?;
        }
        doubles.check()?;
        let mut end = ReadEnd::default();
        for stream in streams {
            end.other_fields_cut |= stream.end.other_fields_cut;
            for field in stream.end.other_fields {
                if !end.other_fields.contains(&field) {
                    end.other_fields.push(field);
                }
            }
        }
        Ok(end)
    }
}

/// The ordered records of one part.
struct Stream {
    batches: Receiver<Received>,
    give_back: Sender<Batch>,
    key: usize,
    batch: Batch,
    row: usize,
    started: bool,
    over: bool,
    end: ReadEnd,
}

impl Stream {
    fn new((batches, give_back): (Receiver<Received>, Sender<Batch>), key: usize) -> Self {
        Stream {
            batches,
            give_back,
            key,
            batch: Batch::default(),
            row: 0,
            started: false,
            over: false,
            end: ReadEnd::default(),
        }
    }

    fn is_live(&self) -> bool {
        self.started && !self.over
    }

    fn cmp(&self, other: &Stream) -> std::cmp::Ordering {
        cmp_keys(&self.batch, self.row, &other.batch, other.row, self.key)
    }

    /// To the next record, or to the end.
    fn advance(&mut self) -> Result<(), StoreError> {
        if self.is_live() && self.row + 1 < self.batch.rows() {
            self.row += 1;
            return Ok(());
        }
        self.started = true;
        loop {
            match self.batches.recv() {
                Ok(Received::Batch(batch)) if batch.rows() == 0 => {}
                Ok(Received::Batch(batch)) => {
                    let emptied = std::mem::replace(&mut self.batch, batch);
                    let _ = self.give_back.send(emptied);
                    self.row = 0;
                    return Ok(());
                }
                Ok(Received::End(end)) => {
                    self.over = true;
                    self.end = end?;
                    return Ok(());
                }
                Err(_) => {
                    return Err(StoreError::failed(
                        "the reader of a partition ended unexpectedly; this is a fault of recon",
                    ));
                }
            }
        }
    }
}

/// Keys that came out of more than one partition.
#[derive(Default)]
struct Doubles {
    count: u64,
    named: Vec<String>,
    last: Option<String>,
}

impl Doubles {
    fn add(&mut self, stream: &Stream, key: &[Wanted], (one, other): (usize, usize)) {
        let values = key.iter().enumerate().map(|(at, wanted)| {
            format!("{} = {}", wanted.name, shorten(&Value::of(stream.batch.at(stream.row, at)).to_string(), 60))
        });
        let shown = values.collect::<Vec<_>>().join(", ");
        if self.last.as_ref() == Some(&shown) {
            return;
        }
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(format!("{shown} (partitions {} and {})", one.min(other), one.max(other)));
        }
        self.last = Some(shown);
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.count == 0 {
            return Ok(());
        }
        let noun = if self.count == 1 { "1 key" } else { &format!("{} keys", self.count) };
        let more = if self.count > self.named.len() as u64 { ", …" } else { "" };
        Err(StoreError::failed(format!(
            "double settlement: {noun} came out of more than one partition: {}{more}",
            self.named.join("; ")
        ))
        .hint(
            "the query must give each record to one partition: `WHERE MOD(id, :partitions) = :partition` \
             (negative ids: `ABS(MOD(…))`; ids that may be NULL: `COALESCE(id, 0)`)",
        ))
    }
}

//! Reads decisions back from where they are: counts, exact sums and a hash of what is really there, beside what was
//! decided where that is known. Must not write.

use std::cmp::Ordering;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use crate::decide::{Decision, Taken};
use crate::domain::{Amount, Batch, Cell, CellRef, Rules, Total, Value, cmp_keys, is_plain_literal, plain_literal};
use crate::path::Path;
use crate::stores::sort::{Sorted, Sorter};
use crate::stores::{KeyRange, Locator, ReadRequest, Reader, Received, Settings, StoreError, Wanted, Wish};

use super::ReadBack;
use super::form::{Forms, RecordsHash, spell, tidy, without_zeros};
use super::kept::{Keeping, Kept};

/// Bytes of memory for bringing decisions into the order in which a store sends them.
const SORT_MEMORY: usize = 64 << 20;
/// Decisions whose key nobody could read, or NULL keys, that are compared as one group.
const MOST_ALIKE: usize = 100_000;

/// Where to read, and what.
pub(super) struct Place<'a> {
    /// How messages name it.
    pub label: &'a str,
    pub locator: Locator,
    pub settings: &'a Settings,
    /// The key columns, then the compared ones.
    pub names: &'a [String],
    pub key: usize,
    /// The store sends by key; otherwise records are taken as they lie.
    pub by_key: bool,
    /// Columns that hold one and the same text in every record.
    pub same: Vec<(&'static str, String)>,
}

/// The records that are there.
struct Actual<'a> {
    place: &'a Place<'a>,
    _reader: Reader,
    receiver: Receiver<Received>,
    give_back: Sender<Batch>,
    batch: Batch,
    row: usize,
    ended: bool,
}

impl<'a> Actual<'a> {
    fn open(place: &'a Place<'a>) -> Result<Actual<'a>, StoreError> {
        let path = Path::stored(vec![place.locator.clone()], place.settings)?;
        let reader = Reader::start(path.make, Wish::default(), Arc::default());
        reader.opened().map_err(|error| unreadable(place.label, error))?;
        let own = ["recon_source", "recon_reason"].into_iter().chain(place.same.iter().map(|(name, _)| *name));
        let names = place.names.iter().cloned().chain(own.map(str::to_owned));
        let request = ReadRequest {
            columns: names.map(|name| Wanted { name, fix: None }).collect(),
            key: if place.by_key { place.key } else { 0 },
            filter: None,
            range: KeyRange::default(),
            keys: None,
            fresh: false,
            natural: false,
        };
        let (receiver, give_back) = reader.begin(vec![request], &Rules::default(), None, None);
        Ok(Actual { place, _reader: reader, receiver, give_back, batch: Batch::default(), row: 0, ended: false })
    }
}

/// Records one by one.
trait Records {
    /// Puts the next record into an empty batch; `false` when there is none.
    fn next_into(&mut self, batch: &mut Batch) -> Result<bool, StoreError>;
}

impl Records for Actual<'_> {
    fn next_into(&mut self, out: &mut Batch) -> Result<bool, StoreError> {
        while !self.ended && self.row >= self.batch.rows() {
            match self.receiver.recv() {
                Ok(Received::Batch(batch)) => {
                    let emptied = std::mem::replace(&mut self.batch, batch);
                    let _ = self.give_back.send(emptied);
                    self.row = 0;
                }
                Ok(Received::End(end)) => {
                    end.map_err(|error| unreadable(self.place.label, error))?;
                    self.ended = true;
                }
                Err(_) => {
                    return Err(StoreError::failed(
                        "the reader of the decisions ended unexpectedly; this is a fault of recon",
                    ));
                }
            }
        }
        if self.ended {
            return Ok(false);
        }
        let width = self.place.names.len() + 2;
        for (at, (name, expected)) in self.place.same.iter().enumerate() {
            let cell = self.batch.at(self.row, width + at);
            if text_of(cell) != Some(expected.as_str()) {
                let found = Value::of(cell);
                return Err(StoreError::failed(format!(
                    "{}: a record has `{found}` in `{name}`, not `{expected}`",
                    self.place.label
                ))
                .hint("the decisions were changed by something else than recon, or are those of another run: verify again"));
            }
        }
        let row = out.start_row();
        for column in 0..width {
            let cell = out.copy_cell(self.batch.at(self.row, column));
            out.set(row, column, cell);
        }
        self.row += 1;
        Ok(true)
    }
}

fn unreadable(label: &str, mut error: StoreError) -> StoreError {
    error.what = format!("the decisions in {label} cannot be read back: {}", error.what);
    error
}

/// Decisions in their stored form, as they were decided.
struct Decided<'a> {
    forms: &'a Forms,
    decisions: &'a mut dyn Iterator<Item = io::Result<Decision>>,
}

impl Records for Decided<'_> {
    fn next_into(&mut self, batch: &mut Batch) -> Result<bool, StoreError> {
        match self.decisions.next() {
            None => Ok(false),
            Some(decision) => self.forms.push(&decision.map_err(super::unreadable)?, batch).map(|()| true),
        }
    }
}

impl Records for Sorted {
    fn next_into(&mut self, batch: &mut Batch) -> Result<bool, StoreError> {
        Sorted::next_into(self, batch)
    }
}

/// Records of one key at a time, each with its spelling.
struct Groups<'r> {
    records: &'r mut dyn Records,
    /// Columns that are the key; 0: every record is a group.
    key: usize,
    current: Batch,
    ahead: Batch,
    spelt: Vec<Vec<u8>>,
    count: usize,
    scratch: String,
    label: &'r str,
}

impl<'r> Groups<'r> {
    fn start(records: &'r mut dyn Records, width: usize, key: usize, label: &'r str) -> Result<Groups<'r>, StoreError> {
        let mut ahead = Batch::new(width);
        records.next_into(&mut ahead)?;
        Ok(Groups {
            records,
            key,
            current: Batch::new(width),
            ahead,
            spelt: Vec::new(),
            count: 0,
            scratch: String::new(),
            label,
        })
    }

    /// Goes to the next group; `seen` gets each of its records.
    fn advance(&mut self, seen: &mut dyn FnMut(&Batch) -> Result<(), StoreError>) -> Result<bool, StoreError> {
        self.count = 0;
        if self.ahead.rows() == 0 {
            return Ok(false);
        }
        loop {
            let width = self.ahead.width();
            std::mem::swap(&mut self.current, &mut self.ahead);
            self.ahead.reset(width);
            seen(&self.current)?;
            self.spell()?;
            self.records.next_into(&mut self.ahead)?;
            let alike = self.key > 0
                && self.ahead.rows() > 0
                && cmp_keys(&self.ahead, 0, &self.current, 0, self.key) == Ordering::Equal;
            if !alike {
                break;
            }
            if self.count >= MOST_ALIKE {
                return Err(StoreError::failed(format!(
                    "more than {MOST_ALIKE} decisions in {} have the key {}",
                    self.label,
                    shown_key(&self.current, self.key)
                )));
            }
        }
        if self.count > 1 {
            self.spelt[..self.count].sort_unstable();
        }
        Ok(true)
    }

    fn spell(&mut self) -> Result<(), StoreError> {
        if self.spelt.len() <= self.count {
            self.spelt.push(Vec::new());
        }
        let out = &mut self.spelt[self.count];
        out.clear();
        for column in 0..self.current.width() {
            spell(self.current.at(0, column), out, &mut self.scratch)
                .map_err(|why| StoreError::failed(format!("a decision in {} cannot be decoded: {why}", self.label)))?;
        }
        self.count += 1;
        Ok(())
    }

    fn spellings(&self) -> &[Vec<u8>] {
        &self.spelt[..self.count]
    }
}

/// Counts, sums and hash of what is there.
struct Sums<'a> {
    place: &'a Place<'a>,
    taken: [u64; 3],
    totals: Vec<Total>,
    /// Columns that hold amounts: digits behind the point that were decided with.
    amounts: Vec<Option<u32>>,
}

impl<'a> Sums<'a> {
    fn of(place: &'a Place<'a>) -> Sums<'a> {
        let columns = place.names.len() - place.key;
        Sums { place, taken: [0; 3], totals: vec![Total::default(); columns], amounts: vec![Some(0); columns] }
    }

    fn add(&mut self, record: &Batch) -> Result<(), StoreError> {
        let names = self.place.names.len();
        let source = text_of(record.at(0, names)).unwrap_or_default();
        let Some(taken) = Taken::ALL.into_iter().find(|taken| taken.name() == source) else {
            return Err(StoreError::failed(format!(
                "{}: the decision of key {} has `{}` in `recon_source`",
                self.place.label,
                shown_key(record, self.place.key),
                Value::of(record.at(0, names))
            ))
            .hint("the decisions were changed by something else than recon: verify again"));
        };
        self.taken[taken as usize] += 1;
        for (at, total) in self.totals.iter_mut().enumerate().filter(|(at, _)| self.amounts[*at].is_some()) {
            add_amount(record.at(0, self.place.key + at), total);
        }
        Ok(())
    }

    fn read_back(&self, hash: RecordsHash) -> ReadBack {
        let totals = self.totals.iter().zip(&self.amounts);
        let totals = totals.map(|(total, scale)| tidy(&total.amount(), scale.unwrap_or(0))).collect();
        ReadBack { taken: self.taken, totals, hash: hash.finish() }
    }
}

/// Adds what is an amount, as the comparison's control totals do.
fn add_amount(at: CellRef<'_>, total: &mut Total) {
    match at.cell {
        Cell::Number { coefficient, scale, .. } => total.add_small(coefficient, scale.into()),
        Cell::Bool(truth) => total.add_small(i128::from(truth), 0),
        Cell::Wide { text, .. } => match without_zeros(at.text(text)) {
            Some((coefficient, scale)) => total.add_small(coefficient, scale.into()),
            None => {
                if let Ok(amount) = Amount::parse(at.text(text)) {
                    total.add(&amount);
                }
            }
        },
        Cell::Text(span) | Cell::Untyped(span) => match plain_literal(at.bytes(span)) {
            Some((coefficient, scale)) => total.add_small(coefficient, scale.into()),
            None if is_plain_literal(at.bytes(span)) => {
                if let Ok(amount) = Amount::parse(at.text(span)) {
                    total.add(&amount);
                }
            }
            None => {}
        },
        _ => {}
    }
}

/// Reads what is there.
///
/// # Errors
/// It cannot be read, or is no decisions.
pub(super) fn read(place: &Place<'_>) -> Result<ReadBack, StoreError> {
    let mut actual = Actual::open(place)?;
    let (grouped, width) = (if place.by_key { place.key } else { 0 }, place.names.len() + 2);
    let mut sums = Sums::of(place);
    let mut hash = RecordsHash::new(&place.names[..place.key], &place.names[place.key..]);
    let mut groups = Groups::start(&mut actual, width, grouped, place.label)?;
    while groups.advance(&mut |record| sums.add(record))? {
        groups.spellings().iter().for_each(|spelling| hash.add(spelling));
    }
    Ok(sums.read_back(hash))
}

/// Takes what is there along.
///
/// # Errors
/// It cannot be read, or not be kept.
pub(super) fn keep(place: &Place<'_>) -> Result<Kept, StoreError> {
    let mut actual = Actual::open(place)?;
    let mut record = Batch::new(place.names.len() + 2);
    let mut keeping = Keeping::new(place.key, place.names.len() - place.key);
    while actual.next_into(&mut record)? {
        keeping.push(&record).map_err(super::unreadable)?;
        record.reset(place.names.len() + 2);
    }
    keeping.finish().map_err(super::unreadable)
}

/// Reads what is there, and compares each record with what was decided.
///
/// # Errors
/// The first record that is not what was decided; it cannot be read.
pub(super) fn verify(
    place: &Place<'_>,
    forms: &Forms,
    amounts: Vec<Option<u32>>,
    in_order: bool,
    decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
) -> Result<ReadBack, StoreError> {
    let (grouped, width) = (if place.by_key { place.key } else { 0 }, place.names.len() + 2);
    let mut decided = Decided { forms, decisions };
    let mut sorted;
    let decided: &mut dyn Records = if in_order {
        &mut decided
    } else {
        sorted = sort(&mut decided, width, place.key)?;
        &mut sorted
    };
    let mut actual = Actual::open(place)?;
    let mut sums = Sums { amounts, ..Sums::of(place) };
    let mut hash = RecordsHash::new(&place.names[..place.key], &place.names[place.key..]);
    let mut expected = Groups::start(decided, width, grouped, place.label)?;
    let mut there = Groups::start(&mut actual, width, grouped, place.label)?;
    loop {
        let more = expected.advance(&mut |_| Ok(()))?;
        let found = there.advance(&mut |record| sums.add(record))?;
        if !more && !found {
            return Ok(sums.read_back(hash));
        }
        if !more || !found || expected.spellings() != there.spellings() {
            return Err(difference(place, more.then_some(&expected), found.then_some(&there)));
        }
        there.spellings().iter().for_each(|spelling| hash.add(spelling));
    }
}

fn sort(decided: &mut dyn Records, width: usize, key: usize) -> Result<Sorted, StoreError> {
    let mut sorter = Sorter::new(width, key, SORT_MEMORY);
    let mut batch = Batch::new(width);
    while decided.next_into(&mut batch)? {
        if batch.rows() >= 1_000 {
            sorter.push(&batch)?;
            batch.reset(width);
        }
    }
    sorter.push(&batch)?;
    sorter.finish()
}

/// The first difference in words.
fn difference(place: &Place<'_>, expected: Option<&Groups<'_>>, there: Option<&Groups<'_>>) -> StoreError {
    let label = place.label;
    let key = |groups: &Groups<'_>| shown_key(&groups.current, place.key);
    let missing = |groups: &Groups<'_>| format!("the decision of key {} is missing in {label}", key(groups));
    let surplus = |groups: &Groups<'_>| format!("{label} holds a decision of key {} that was not made", key(groups));
    let what = match (expected, there) {
        (Some(expected), None) => missing(expected),
        (None, Some(there)) => surplus(there),
        (Some(expected), Some(there)) => match cmp_keys(&expected.current, 0, &there.current, 0, place.key) {
            Ordering::Less if place.by_key => missing(expected),
            Ordering::Greater if place.by_key => surplus(there),
            Ordering::Equal if expected.count != there.count => format!(
                "{label} holds {} decisions of key {}, and {} were made",
                there.count,
                key(there),
                expected.count
            ),
            _ => changed(place, &expected.current, &there.current),
        },
        (None, None) => format!("{label} holds other decisions"),
    };
    StoreError::failed(what).hint("what was written is not what is there: something else writes to it, or changes it on the way (a trigger, a column's type)")
}

fn changed(place: &Place<'_>, expected: &Batch, there: &Batch) -> String {
    let key = shown_key(expected, place.key);
    let spelt = |batch: &Batch, at: usize| {
        let (mut out, mut scratch) = (Vec::new(), String::new());
        spell(batch.at(0, at), &mut out, &mut scratch).map(|()| out).ok()
    };
    for at in 0..expected.width() {
        if spelt(expected, at) != spelt(there, at) {
            let own = ["recon_source", "recon_reason"];
            let name = place.names.get(at).map_or_else(|| own[(at - place.names.len()).min(1)], String::as_str);
            return format!(
                "{}: the decision of key {key} has `{}` in `{name}`, and `{}` was decided",
                place.label,
                crate::domain::shorten(&Value::of(there.at(0, at)).to_string(), 200),
                crate::domain::shorten(&Value::of(expected.at(0, at)).to_string(), 200)
            );
        }
    }
    format!("{}: the decisions of key {key} are others than were made", place.label)
}

fn shown_key(record: &Batch, key: usize) -> String {
    let parts: Vec<String> = (0..key).map(|at| Value::of(record.at(0, at)).to_string()).collect();
    match parts.as_slice() {
        [one] => format!("`{one}`"),
        several => format!("`({})`", several.join(", ")),
    }
}

fn text_of(at: CellRef<'_>) -> Option<&str> {
    match at.cell {
        Cell::Text(span) | Cell::Untyped(span) => Some(at.text(span)),
        _ => None,
    }
}

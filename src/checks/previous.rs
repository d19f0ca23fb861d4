//! The decisions of the previous released cycle, read beside the records of this run in key order. Must not know what
//! they are wanted for.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::compare::{Copies, Cursor, Halt, Plan};
use crate::decide::holds_numbers;
use crate::decisions::{Layout, Seen};
use crate::domain::{Batch, CellRef, ColumnType, Filter, Value, cmp_keys};
use crate::stores::{ColumnKind, Fix, KeyRange, MakeSource, ReadRequest, Reader, StoreError, Wanted, Wish};

/// Bytes of memory to sort with, where their place does not give them in key order.
const SORTING: usize = 64 << 20;

/// Where the decisions of the previous released cycle are.
#[derive(Clone)]
pub struct Previous {
    /// Makes the source of its rows.
    pub make: MakeSource,
    /// Which of the rows are that run's.
    pub filter: Option<Filter>,
    /// The run.
    pub run: String,
    /// Why they are not to be trusted, if they are not.
    pub doubt: Option<String>,
}

/// What there is of them.
pub(super) enum Earlier {
    /// There was no such cycle, or nothing asks for it.
    None,
    /// They are read.
    Read(Box<Before>),
    /// They cannot be read, or not be believed: the reason, as a cell that is not known.
    Broken(Batch),
}

impl Earlier {
    pub(super) fn of(opened: Result<Before, String>) -> Earlier {
        opened.map_or_else(|why| Earlier::broken(&why), |before| Earlier::Read(Box::new(before)))
    }

    fn broken(why: &str) -> Earlier {
        let mut batch = Batch::new(1);
        let row = batch.start_row();
        let unknown = batch.unknown(why);
        batch.set(row, 0, unknown);
        Earlier::Broken(batch)
    }

    /// Names of the values behind the key.
    pub(super) fn columns(&self) -> Vec<String> {
        match self {
            Earlier::Read(before) => before.columns.clone(),
            Earlier::None | Earlier::Broken(_) => Vec::new(),
        }
    }

    /// The decision of a key, or that it is not known. What breaks in the middle is broken from there on: only the
    /// rules that ask for it do not know.
    pub(super) fn find(&mut self, wanted: Copies<'_>) -> (Option<Copies<'_>>, Option<CellRef<'_>>) {
        if let Earlier::Read(before) = self
            && let Err(why) = before.reach(wanted)
        {
            *self = Earlier::broken(&why);
        }
        match self {
            Earlier::None => (None, None),
            Earlier::Read(before) => (before.reached(wanted), None),
            Earlier::Broken(batch) => (None, Some(batch.at(0, 0))),
        }
    }
}

/// Those decisions, being gone through.
pub(super) struct Before {
    /// Kept: its thread reads.
    _reader: Reader,
    cursor: Cursor,
    key: usize,
    columns: Vec<String>,
    run: String,
    /// Its keys are of the kind of this run's.
    alike: bool,
}

impl Before {
    /// Opens them: the compared columns of a plan that they have.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn open(previous: &Previous, plan: &Plan, layout: &Layout) -> Result<Before, String> {
        let failed =
            |error: &StoreError| format!("the decisions of run {} before cannot be read: {error}", previous.run);
        if let Some(why) = &previous.doubt {
            return Err(why.clone());
        }
        let reader = Reader::start(Arc::clone(&previous.make), Wish::default(), Arc::default());
        let opened = reader.opened().map_err(|error| failed(&error))?;
        let has = |name: &&String| opened.columns.iter().any(|column| column.name == **name);
        if let Some(name) = plan.key.iter().find(|name| !has(name)) {
            return Err(format!("the decisions of run {} before have no key column `{name}`", previous.run));
        }
        let own = ["recon_source", "recon_reason"].map(str::to_owned);
        let columns: Vec<String> = plan.columns.iter().map(|column| &column.legacy).filter(has).cloned().collect();
        // What is judged here has to be read.
        let here = previous.filter.as_ref().filter(|_| !opened.filters);
        let judged = here.map(Filter::columns).unwrap_or_default();
        let wanted = plan.key.iter().chain(&columns).chain(&own).chain(&judged);
        // A store without decimals holds amounts as text, and so in the order of texts.
        let is_text = |name: &String| {
            let column = opened.columns.iter().find(|column| column.name == *name);
            column.is_some_and(|column| column.kind != ColumnKind::Number)
        };
        let holds = |seen: &&Seen| holds_numbers(seen);
        let amounts: Vec<&String> =
            layout.key.iter().chain(&layout.columns).filter(holds).map(|seen| &seen.name).collect();
        let fix = |name: &String| (is_text(name) && amounts.contains(&name)).then_some(Fix::Type(ColumnType::Decimal));
        let as_text = plan.key.iter().any(|name| fix(name).is_some());
        let request = ReadRequest {
            columns: wanted.map(|name| Wanted { name: name.clone(), fix: fix(name) }).collect(),
            key: plan.key.len(),
            filter: previous.filter.clone().filter(|_| opened.filters),
            range: KeyRange::default(),
            keys: None,
            fresh: false,
            natural: false,
        };
        let sort = (!opened.ordered || as_text).then_some(SORTING);
        let (batches, give_back) = reader.begin(vec![request], &plan.judge.rules, here, sort);
        let cursor = Cursor::start(batches, give_back, plan.key.len()).map_err(|halt| told(&previous.run, &halt))?;
        let names = columns.into_iter().chain(["source", "reason"].map(str::to_owned)).collect();
        Ok(Before {
            _reader: reader,
            cursor,
            key: plan.key.len(),
            columns: names,
            run: previous.run.clone(),
            alike: false,
        })
    }

    /// Goes on to a key; keys are asked for in their order.
    fn reach(&mut self, wanted: Copies<'_>) -> Result<(), String> {
        if !self.alike {
            self.alike(wanted)?;
        }
        while self.cursor.live() && self.order(wanted) == Ordering::Less {
            self.cursor.advance().map_err(|halt| told(&self.run, &halt))?;
        }
        Ok(())
    }

    fn reached(&self, wanted: Copies<'_>) -> Option<Copies<'_>> {
        (self.cursor.live() && self.order(wanted) == Ordering::Equal).then(|| self.cursor.current())
    }

    fn order(&self, wanted: Copies<'_>) -> Ordering {
        let current = self.cursor.current();
        cmp_keys(current.batch, current.first, wanted.batch, wanted.first, self.key)
    }

    /// Keys that are held as other types never meet, and every key would look new.
    fn alike(&mut self, wanted: Copies<'_>) -> Result<(), String> {
        if !self.cursor.live() {
            return Ok(());
        }
        let current = self.cursor.current();
        for at in 0..self.key {
            let (then, now) = (kind(current.at(at)), kind(wanted.at(at)));
            if then != now && ![then, now].contains(&"null") {
                return Err(format!(
                    "the decisions of run {} before hold {then} as a key where this run has {now}: they cannot be told apart from new ones",
                    self.run
                ));
            }
        }
        self.alike = true;
        Ok(())
    }
}

/// What a key's value is, as far as its order goes.
fn kind(cell: CellRef<'_>) -> &'static str {
    match Value::of(cell) {
        Value::Absent | Value::Null => "null",
        Value::Number { .. } => "a number",
        Value::Text { .. } => "a text",
        Value::Date(_) | Value::Instant { .. } => "a date",
        other => other.type_name(),
    }
}

fn told(run: &str, halt: &Halt) -> String {
    let why = match halt {
        Halt::OutOfOrder { key, previous, .. } => format!("{key} comes after {previous}"),
        Halt::TooManyCopies { key } => format!("{key} stands there too often"),
        Halt::Failed(error) => error.to_string(),
    };
    format!("the decisions of run {run} before cannot be read: {why}")
}

//! From the proved plan to polars' lazy frames. Columns are named by number, so polars resolves no name of the user's;
//! arithmetic is done by our kernels, so polars coerces no type. Must not decide anything about the query's meaning.

mod expression;
mod needed;
mod relation;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use polars::prelude::*;

use super::kernel::Fault;
use super::plan::{Id, Rel};
use super::refusal::Place;
use super::types::TableSchema;

pub(super) use needed::needed;

/// The first fault of a run, and where.
pub(super) type FirstFault = Arc<Mutex<Option<(Fault, Arc<Place>)>>>;

/// Closed days, sorted, by the positions of their table and column.
pub(super) type ClosedDays = HashMap<(usize, usize), Arc<Vec<i32>>>;

/// What lowering needs besides the plan.
pub(super) struct Lowering<'a> {
    pub tables: &'a [TableSchema],
    pub frames: &'a HashMap<String, LazyFrame>,
    pub closed: &'a ClosedDays,
    pub needed: &'a BTreeSet<Id>,
    pub fault: FirstFault,
    /// What was lowered already, by the address of its node: a name of WITH is one frame, however often mentioned.
    done: HashMap<*const Rel, LazyFrame>,
    /// Number of the next helper column.
    next: usize,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(
        tables: &'a [TableSchema],
        frames: &'a HashMap<String, LazyFrame>,
        closed: &'a ClosedDays,
        needed: &'a BTreeSet<Id>,
    ) -> Lowering<'a> {
        Lowering { tables, frames, closed, needed, fault: FirstFault::default(), done: HashMap::new(), next: 0 }
    }

    fn helper(&mut self) -> String {
        self.next += 1;
        format!("h{}", self.next)
    }
}

/// The name of a column in polars.
pub(super) fn column_name(id: Id) -> PlSmallStr {
    format!("c{id}").into()
}

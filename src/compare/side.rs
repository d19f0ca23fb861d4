//! One side of a comparison, before it is opened.

use std::sync::Arc;

use crate::stores::{MakeSource, Progress, Reader, Wish};

/// One side to be read.
#[derive(Clone)]
pub struct SideInput {
    /// Makes its source.
    pub make: MakeSource,
    /// The locator, without secrets.
    pub label: String,
    /// Names to look for, in this side's spelling.
    pub wish: Wish,
    /// Counters for a progress display.
    pub progress: Arc<Progress>,
}

impl SideInput {
    pub(super) fn start(&self) -> Reader {
        Reader::start(Arc::clone(&self.make), self.wish.clone(), Arc::clone(&self.progress))
    }
}

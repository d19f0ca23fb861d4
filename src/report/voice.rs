//! How a report calls the two sides, and what is wrong with a record: paths that are compared are `legacy` and
//! `candidate`; two versions of one path are `current` and `changed`.

use super::{Discrepancy, words};

/// The words of a report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice {
    /// The two sides.
    pub(super) sides: [&'static str; 2],
    /// What is wrong with a record, for people.
    pub(super) kind: fn(&Discrepancy) -> &'static str,
    /// The same for programs.
    pub(super) kind_name: fn(&Discrepancy) -> &'static str,
    /// One of them, several of them.
    pub(super) noun: [&'static str; 2],
}

impl Voice {
    /// Of two paths.
    pub(super) const PATHS: Voice = Voice {
        sides: ["legacy", "candidate"],
        kind: |discrepancy| words::kind(discrepancy.kind),
        kind_name: |discrepancy| discrepancy.kind.name(),
        noun: ["discrepancy", "discrepancies"],
    };
}

//! Deciding: what is used for each record once both paths are compared, and the proof that nothing was lost on the
//! way. Pure but for temporary files; must not know where decisions are written.
#![deny(clippy::float_arithmetic)]

mod canary;
mod judgement;
mod rule;
mod survey;

use crate::domain::Value;
use crate::report::DiscrepancyKind;

pub use canary::{Advice, Trial, advise};
pub use judgement::{CheckSaid, Evidence, Judgement, exceeds, judge};
pub use rule::{Rule, Ruling};
pub use survey::{Bridge, Survey, decisions, fold, survey};
pub(crate) use survey::{amounts, as_held, holds_numbers, used};

/// Whose value a decision uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Taken {
    /// The path on trial.
    Candidate,
    /// The path in force.
    Legacy,
    /// Nobody's: nothing is paid.
    Held,
}

impl Taken {
    /// Every one, in the order of reports.
    pub const ALL: [Taken; 3] = [Taken::Candidate, Taken::Legacy, Taken::Held];

    /// The word in `recon_source`.
    pub fn name(self) -> &'static str {
        match self {
            Taken::Candidate => "candidate",
            Taken::Legacy => "legacy",
            Taken::Held => "held",
        }
    }
}

/// Why a decision is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Both paths agree, and the record is enrolled.
    Agree,
    /// They agree within a tolerance, enrolled or not.
    Tolerated,
    /// They agree, but the record is not enrolled.
    NotEnrolled,
    /// They do not agree.
    Discrepancy(DiscrepancyKind),
}

impl Reason {
    /// The word in `recon_reason`.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Agree => "agree",
            Reason::Tolerated => "tolerated",
            Reason::NotEnrolled => "not_enrolled",
            Reason::Discrepancy(kind) => kind.name(),
        }
    }
}

impl Reason {
    /// The reason of a word in `recon_reason`.
    pub fn parse(word: &str) -> Option<Reason> {
        let kinds = [
            DiscrepancyKind::Mismatch,
            DiscrepancyKind::LegacyOnly,
            DiscrepancyKind::CandidateOnly,
            DiscrepancyKind::DuplicateKey,
            DiscrepancyKind::Unknown,
        ];
        let plain = [Reason::Agree, Reason::Tolerated, Reason::NotEnrolled];
        let all = plain.into_iter().chain(kinds.map(Reason::Discrepancy));
        all.into_iter().find(|reason| reason.name() == word)
    }
}

/// What is used for one key.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The key, column by column.
    pub key: Vec<Value>,
    /// The values to use, one for each compared column; NULL when held.
    pub values: Vec<Value>,
    /// Whose they are.
    pub taken: Taken,
    /// Why.
    pub reason: Reason,
}

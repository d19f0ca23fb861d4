//! `LedgerError`: why the ledger could not or would not, in words for a user, with the exit code.

use std::time::Duration;

use crate::domain::{State, StateError};
use crate::exit::Exit;
use crate::stores::{ErrorClass, StoreError};

use super::records::Holder;

/// What was wrong and what to do. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What was wrong, and where.
    pub what: String,
    /// The next step.
    pub hint: Option<String>,
}

/// Whether the same work may succeed when it is done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail again.
    No,
    /// Somebody else was in the way.
    Busy,
    /// The connection is gone; whether the last commit took place is not known.
    Lost,
}

/// Why the ledger could not do something, or would not.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// What was asked for is wrong. Exit 2.
    #[error("{}", .0.what)]
    Usage(Message),
    /// The ledger failed: unreachable, refused, cut off. Exit 3.
    #[error("{}", .0.what)]
    Failed(Message, #[doc(hidden)] Retry),
    /// Another run works on the cycle. Exit 4.
    #[error("{cycle} is held by {holder}; it stands at `{state}`{}", after(.waited))]
    Held {
        /// The cycle.
        cycle: String,
        /// Who works on it, since when.
        holder: Box<Holder>,
        /// Where it stands.
        state: State,
        /// How long this caller waited.
        waited: Duration,
    },
    /// Another run took over while this one did not move; nothing more is written. Exit 4.
    #[error("run {run} of {cycle} may write no more: {why}")]
    Superseded {
        /// The cycle.
        cycle: String,
        /// The run that asked.
        run: String,
        /// Who took over.
        why: String,
    },
    /// The state machine does not allow the step. Exit 4.
    #[error("{cycle}: {error}")]
    NotAllowed {
        /// The cycle.
        cycle: String,
        /// The step, and what is allowed.
        error: StateError,
    },
    /// Refused for another reason: four eyes, or the decisions changed. Exit 4.
    #[error("{}", .0.what)]
    Refused(Message),
}

/// Whether trying again can help; not part of the public interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry(pub(super) Again);

fn after(time: &Duration) -> String {
    if time.is_zero() { String::new() } else { format!("; waited {} s for it", time.as_secs()) }
}

impl LedgerError {
    pub(super) fn usage(what: impl Into<String>) -> Self {
        LedgerError::Usage(Message { what: what.into(), hint: None })
    }

    pub(super) fn failed(what: impl Into<String>) -> Self {
        LedgerError::Failed(Message { what: what.into(), hint: None }, Retry(Again::No))
    }

    pub(super) fn again(what: impl Into<String>, again: Again) -> Self {
        LedgerError::Failed(Message { what: what.into(), hint: None }, Retry(again))
    }

    pub(super) fn refused(what: impl Into<String>) -> Self {
        LedgerError::Refused(Message { what: what.into(), hint: None })
    }

    #[must_use]
    pub(super) fn hinted(mut self, text: impl Into<String>) -> Self {
        if let LedgerError::Usage(message) | LedgerError::Failed(message, _) | LedgerError::Refused(message) = &mut self
        {
            message.hint = Some(text.into());
        }
        self
    }

    pub(super) fn may_be_repeated(&self) -> Again {
        match self {
            LedgerError::Failed(_, Retry(again)) => *again,
            _ => Again::No,
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            LedgerError::Usage(_) => Exit::Usage,
            LedgerError::Failed(..) => Exit::Incomplete,
            _ => Exit::Refused,
        }
    }

    /// The next step for the user.
    pub fn hint(&self) -> Option<String> {
        match self {
            LedgerError::Usage(message) | LedgerError::Failed(message, _) | LedgerError::Refused(message) => {
                message.hint.clone()
            }
            LedgerError::Held { .. } => {
                Some("wait for it with `recon status NAME … --wait decided`, or longer with `--lock-timeout`".into())
            }
            LedgerError::Superseded { .. } => {
                Some("the other run's outcome counts; `recon status NAME …` shows it".into())
            }
            LedgerError::NotAllowed { .. } => Some("`recon status NAME …` shows how it came there".into()),
        }
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        let message = Message { what: error.what, hint: error.hint };
        match error.class {
            ErrorClass::Usage => LedgerError::Usage(message),
            ErrorClass::Failed | ErrorClass::Stopped => LedgerError::Failed(message, Retry(Again::No)),
        }
    }
}

//! `StoreError`: what went wrong with a store, where, and what to do.

use std::fmt;

/// Decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// What was asked for is wrong: no such table, a query that does not parse, an unknown column. Exit 2.
    Usage,
    /// The store failed: unreachable, refused, cut off, unreadable. Exit 3.
    Failed,
    /// Reading was stopped from outside (the other side failed, or the user interrupted).
    Stopped,
}

/// An error of a store. `what` never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// Decides the exit code.
    pub class: ErrorClass,
    /// What was wrong and where.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl StoreError {
    /// What was asked for is wrong.
    pub fn usage(what: impl Into<String>) -> Self {
        StoreError { class: ErrorClass::Usage, what: what.into(), hint: None }
    }

    /// The store failed.
    pub fn failed(what: impl Into<String>) -> Self {
        StoreError { class: ErrorClass::Failed, what: what.into(), hint: None }
    }

    /// With the next step for the user.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for StoreError {}

impl From<super::Stop> for StoreError {
    fn from(_: super::Stop) -> Self {
        StoreError { class: ErrorClass::Stopped, what: "reading was stopped".into(), hint: None }
    }
}

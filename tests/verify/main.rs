//! `recon verify` with the real binary and real stores: the decision rule row by row, the verdicts, the tie of totals,
//! many callers at once, and what is left when it is killed.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod callers;
mod canary;
mod checks;
mod checks_again;
mod checks_servers;
mod engine;
mod examples;
mod retry;
mod rule;
mod shipped;
mod ties;
mod verdicts;

//! The ledger on SQLite, MariaDB and PostgreSQL: the same laws on each.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod audit;
mod checks;
mod child;
mod command;
mod engine;
mod faults;
mod life;
mod processes;
mod schema;

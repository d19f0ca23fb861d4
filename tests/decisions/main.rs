//! Where decisions are written: the same laws on SQLite, MariaDB and PostgreSQL, and in files.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod collations;
mod fencing;
mod files;
mod given;
mod history;
mod life;
mod schemas;
mod tampering;
mod values;
mod views;

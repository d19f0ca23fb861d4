//! `recon capture` with the real binary: cases out of verified cycles of the demos and of a project full of personal data,
//! on embedded stores and on MariaDB with MongoDB.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod choosing;
mod demos;
mod documents;
mod messages;
mod people;
mod personal;
mod proof;
mod refused;
mod servers;
mod spellings;

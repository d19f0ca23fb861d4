//! The first hour with recon: looking at a project, its schemas, beginning one; as real processes on real servers.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod amounts;
mod checks;
mod doctor;
mod init;
mod package;
mod schema;

//! `recon verify` under attack: killed at any moment, stopped and overtaken, its servers gone, disks full, clocks wrong.
//! Whatever happens, the payer reads the decisions of one whole run or nothing, and the ledger tells what happened.
//!
//! A failure prints its seed: `RECON_CHAOS_SEED=… tests/run -- chaos` takes the same moments again.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

// A part of it is used here.
#[allow(dead_code)]
#[path = "../verify/engine.rs"]
mod engine;
#[path = "../support/mod.rs"]
mod support;

mod clocks;
mod full;
mod killed;
mod paused;
mod preload;
mod scene;
mod servers;

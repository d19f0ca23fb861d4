//! `recon impact` as a real process: past cycles computed with a changed path, held against what the test computes for
//! itself; cases; checks; refusals; and that nothing is written.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, unused_macros, unused_imports, reason = "shared with the tests of recon verify")]
#[path = "../verify/engine.rs"]
mod engine;

mod cases;
mod check;
mod cycles;
mod edges;
mod refusals;
mod servers;
mod shop;

use serde_json::Value as Json;
use support::{Outcome, Place};

/// The document of an impact, and its exit code.
fn impact(place: &Place, words: &[&str]) -> (Json, Option<i32>) {
    let outcome = place.recon(&[&["impact"], words, &["--format", "json"]].concat());
    (json(&outcome), outcome.code)
}

fn json(outcome: &Outcome) -> Json {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

//! The commands around a verified cycle, as real processes: release, stage, status, runs, discrepancies.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, unused_macros, unused_imports, reason = "shared with the ledger's own tests")]
#[path = "../ledger/engine.rs"]
mod engine;

mod refused;
mod release;
mod runs;
mod stage;
mod status;

use recon::config::Secret;
use recon::ledger::{Ledger, Process};
use support::{Outcome, Place};

/// 2026-11-13, the payout day of every test.
const DAY: i32 = 20_770;
/// Names the cycle of that day.
const PAYOUT: [&str; 3] = ["payout", "--param", "payout_date=2026-11-13"];

const PROJECT: &str = r#"
[stores.core]
url = "sqlite:core.db"
[reconciliation.payout]
key = ["investor_id"]
params = { payout_date = "date" }
legacy = { store = "core", table = "legacy" }
candidate = { store = "core", table = "candidate" }
[reconciliation.payout.decisions]
store = "core"
table = "payout_decision"
[reconciliation.payout.release]
approvals = 2
[reconciliation.payout.stages]
released = ["messages_prepared"]
messages_prepared = ["payment_requested"]
payment_requested = ["paid", "returned"]
"#;

/// A project whose ledger is a SQLite file beside it.
fn place() -> Place {
    let place = Place::new().env("RECON_USER", "tester");
    place.write("recon.toml", PROJECT);
    place
}

/// A project whose ledger is elsewhere.
fn place_with(ledger: &str) -> Place {
    let place = Place::new().env("RECON_USER", "tester").env("LEDGER", ledger);
    place.write("recon.toml", format!("{PROJECT}[ledger]\nurl = \"${{LEDGER}}\"\n"));
    place
}

/// Its ledger, for what no command does here.
fn ledger(place: &Place) -> Ledger {
    let url = format!("sqlite:{}", place.path().join("recon.db").display());
    Ledger::open(&Secret::new(url), Process::current()).expect("a ledger")
}

/// A command about the cycle of the payout day.
fn cycle(place: &Place, command: &str, more: &[&str]) -> Outcome {
    place.recon(&[&[command][..], &PAYOUT, more].concat())
}

/// What a command prints as JSON; it must end with this code.
fn json(outcome: &Outcome, code: i32) -> serde_json::Value {
    assert_eq!(outcome.code, Some(code), "{outcome}");
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

/// What differs from run to run, replaced.
fn steady() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[moment]");
    settings.add_filter(r"process \d+ on \S+", "process [pid] on [host]");
    settings.add_filter(r" on [^ ,]+, started", " on [host], started");
    settings.add_filter(r"[0-9a-f]{64}", "[hash]");
    settings.add_filter(r"recon \d+\.\d+\.\d+", "recon [version]");
    settings.bind_to_scope()
}

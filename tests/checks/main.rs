//! `recon checks` as real processes: files and the database, editing, approving, and what people read.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, unused_macros, unused_imports, reason = "shared with the ledger's own tests")]
#[path = "../ledger/engine.rs"]
mod engine;

mod approve;
mod drift;
mod edit;
mod new;
mod read;

use recon::config::Secret;
use recon::ledger::{Ledger, Process};
use support::{Outcome, Place};

const PROJECT: &str = r#"
[stores.core]
url = "sqlite:core.db"
[stores.docs]
url = "mongodb://127.0.0.1:1/none"
[reconciliation.payout]
key = ["investor_id"]
params = { payout_date = "date" }
legacy = { store = "core", table = "legacy" }
candidate = { store = "core", table = "candidate" }
[reconciliation.payout.columns]
net = { type = "decimal" }
"#;

/// A check as a file.
const NET: &str = "\
-- name: net
-- reconciliation: payout
-- stage: compared
-- kind: run
-- severity: error
-- description: Nobody owes us money.

SELECT investor_id, net
FROM candidate
WHERE net < 0
";

/// A project whose ledger is a SQLite file beside it.
fn place() -> Place {
    place_with("")
}

/// With more settings.
fn place_with(more: &str) -> Place {
    let place = Place::new().env("RECON_USER", "tester");
    place.write("recon.toml", format!("{PROJECT}{more}"));
    place
}

/// A project whose ledger is elsewhere.
fn place_at(ledger: &str, more: &str) -> Place {
    let place = Place::new().env("RECON_USER", "tester").env("LEDGER", ledger);
    place.write("recon.toml", format!("{PROJECT}{more}[ledger]\nurl = \"${{LEDGER}}\"\n"));
    place
}

/// Its ledger, for what no command does here.
fn ledger(place: &Place) -> Ledger {
    let url = format!("sqlite:{}", place.path().join("recon.db").display());
    Ledger::open(&Secret::new(url), Process::current()).expect("a ledger")
}

/// Another program at the ledger.
fn sql(place: &Place, script: &str) {
    support::sqlite(&place.path().join("recon.db"), script);
}

fn checks(place: &Place, arguments: &[&str]) -> Outcome {
    place.recon(&[&["checks"], arguments].concat())
}

/// What a command prints that ends well.
fn done(place: &Place, arguments: &[&str]) -> String {
    let outcome = checks(place, arguments);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    outcome.stdout
}

/// A command that ends with this code; what it says is on standard error.
fn refused(place: &Place, code: i32, arguments: &[&str], parts: &[&str]) -> Outcome {
    let outcome = checks(place, arguments);
    assert_eq!(outcome.code, Some(code), "{outcome}");
    for part in parts {
        assert!(outcome.stderr.contains(part), "`{part}` in {outcome}");
    }
    outcome
}

/// What a command prints as JSON.
fn json(place: &Place, arguments: &[&str]) -> serde_json::Value {
    let text = done(place, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The texts of a check's versions, the first first.
fn texts(place: &Place, name: &str) -> Vec<String> {
    let versions = ledger(place).check_versions(name).expect("read");
    versions.into_iter().map(|one| one.row.query.unwrap_or_else(|| "(deleted)".into())).collect()
}

/// What differs from run to run, replaced.
fn steady() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[moment]");
    settings.add_filter(r"-- version: (\d+) [0-9a-f]{16}", "-- version: $1 [hash]");
    settings.add_filter(r"\b[0-9a-f]{64}\b", "[hash]");
    settings.add_filter(r"\S*/recon-net-\S+\.sql", "[draft].sql");
    settings.add_filter(r"(?m)^(\d+ .*  )[0-9a-f]{12}\b", "$1[hash]");
    settings.bind_to_scope()
}

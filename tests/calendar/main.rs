//! `recon calendar`: payout days against lists worked out by other means, laws, the command line, what is refused.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod due;
mod holidays;
mod korea;
mod laws;
mod list;
mod refusals;
mod servers;

use support::Place;

/// A calendar over the shipped holidays and a table, and the reconciliation that it feeds.
const PROJECT: &str = r#"
[stores.core]
url = "sqlite:core.db"
[stores.lake]
url = "file:lake"
[reconciliation.payout]
key = ["investor_id"]
params = { payout_date = "date" }
legacy = { store = "core", table = "legacy" }
candidate = { store = "core", table = "candidate" }
[calendar.investors]
base_days = [5, 15, 25]
business_day = 6
timezone = "Asia/Seoul"
holidays = ["korea", { store = "core", table = "holiday" }]
reconciliation = "payout"
param = "payout_date"
"#;

/// The project, with an empty table of holidays.
fn place() -> Place {
    place_with("CREATE TABLE holiday (day DATE PRIMARY KEY, name TEXT, kind TEXT);")
}

fn place_with(sql: &str) -> Place {
    let place = Place::new();
    place.write("recon.toml", PROJECT);
    support::sqlite(&place.path().join("core.db"), sql);
    place
}

/// What a command prints, as JSON; it must end well and say nothing else.
fn json(place: &Place, arguments: &[&str]) -> serde_json::Value {
    let mut all = vec!["calendar"];
    all.extend(arguments);
    all.extend(["--format", "json"]);
    let outcome = place.recon(&all);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

/// What a command prints.
fn text(place: &Place, arguments: &[&str]) -> String {
    let mut all = vec!["calendar"];
    all.extend(arguments);
    let outcome = place.recon(&all);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    outcome.stdout
}

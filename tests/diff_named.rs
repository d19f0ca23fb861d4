//! `recon diff NAME`: a reconciliation of `recon.toml`, its parameters, its profiles, and what is wrong with them.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use support::Place;

const PROJECT: &str = r#"
[stores.core]
url = "sqlite:core.db"
[stores.lake]
url = "file:lake"
[profiles.ci.stores.core]
url = "sqlite:ci.db"

[reconciliation.payout]
key = ["investor_id"]
params = { day = "date", floor = "integer" }
[reconciliation.payout.columns]
net = { type = "decimal", tolerance = "0.01", currency = "KRW" }
memo = { compare = false }
[reconciliation.payout.legacy]
store = "core"
query = { sqlite = "queries/legacy.sql" }
[reconciliation.payout.candidate]
store = "lake"
file = "payout.ndjson"
"#;

fn place() -> Place {
    let place = Place::new();
    place.write("recon.toml", PROJECT);
    place
        .write("queries/legacy.sql", "SELECT investor_id, net, memo FROM payout WHERE day = :day AND net >= :floor;\n");
    place.write(
        "lake/payout.ndjson",
        "{\"investor_id\":\"A\",\"net\":10.00,\"memo\":\"x\"}\n{\"investor_id\":\"B\",\"net\":20.01,\"memo\":\"y\"}\n",
    );
    for (file, net) in [("core.db", "20.00"), ("ci.db", "99.00")] {
        let sql = format!(
            "CREATE TABLE payout (investor_id TEXT, day TEXT, net TEXT, memo TEXT);
             INSERT INTO payout VALUES ('A', '2026-11-13', '10.00', 'p'), ('B', '2026-11-13', '{net}', 'q'), ('C', '2026-10-13', '5', 'r');"
        );
        support::sqlite(&place.path().join(file), &sql);
    }
    place
}

#[test]
fn a_configured_reconciliation_runs_with_bound_parameters() {
    let place = place();
    let outcome =
        place.recon(&["diff", "payout", "--param", "day=2026-11-13", "--param", "floor=0", "--format", "json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(report["name"], "payout");
    assert_eq!((report["counts"]["matched"].as_u64(), report["counts"]["tolerated"].as_u64()), (Some(2), Some(1)));
    assert_eq!(report["not_compared"]["legacy"], serde_json::json!(["memo"]));
    assert!(!place.path().join("recon.db").exists(), "diff writes nothing to the ledger");
}

#[test]
fn a_profile_exchanges_the_stores() {
    let outcome =
        place().recon(&["--profile", "ci", "diff", "payout", "--param", "day=2026-11-13", "--param", "floor=0"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stdout.contains("99.00"), "{outcome}");
}

#[test]
fn what_is_wrong_with_a_named_run_is_said() {
    let place = place();
    let all = ["--param", "day=2026-11-13", "--param", "floor=0"];
    let cases: &[(&[&str], &str)] = &[
        (&["diff", "payuot"], "payuot"),
        (&["diff", "payout"], "needs the parameter `day` (date)"),
        (&["diff", "payout", "--param", "day=13.11.2026", "--param", "floor=0"], "dates are written"),
        (&["diff", "payout", "--param", "day=2026-11-13", "--param", "floor=1.5"], "not a valid integer"),
        (&["diff", "payout", "--param", "dya=2026-11-13"], "no parameter `dya`"),
        (&[&["--profile", "prod", "diff", "payout"], &all[..]].concat(), "prod"),
        (&[&["--config", "other.toml", "diff", "payout"], &all[..]].concat(), "other.toml"),
        (&[&["diff", "payout", "--legacy-query", "SELECT 1"], &all[..]].concat(), "two locators"),
    ];
    for (arguments, part) in cases {
        let outcome = place.recon(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}\n{outcome}");
        assert!(outcome.stderr.contains(part), "{arguments:?}\n{outcome}");
    }
    place.write("recon.toml", PROJECT.replace("params =", "parms ="));
    let outcome = place.recon(&["diff", "payout"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("recon.toml:11:1") && outcome.stderr.contains("parms"), "{outcome}");
}

//! A query split by `:partition` of `:partitions`: the same result for any number of parts, and a query that gives a
//! record to two parts is caught.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use support::{Outcome, Place};

const PROJECT: &str = r#"
[stores.core]
url = "${CORE}"
[stores.lake]
url = "file:lake"
[reconciliation.payout]
key = ["investor_id"]
params = { day = "date" }
[reconciliation.payout.legacy]
store = "core"
query = "legacy.sql"
partitions = { column = "investor_id", count = 4 }
[reconciliation.payout.candidate]
store = "lake"
file = "payout.ndjson"
"#;

/// 200 investors; the candidate lacks one and has another amount for one.
fn place(url: &str, query: &str) -> Place {
    let place = Place::new().env("CORE", url);
    place.write("recon.toml", PROJECT);
    place.write("legacy.sql", query);
    let lines: String = (1..=200)
        .filter(|id| *id != 17)
        .map(|id| format!("{{\"investor_id\":{id},\"net\":{}.5}}\n", if id == 42 { 9_999 } else { id * 3 }))
        .collect();
    place.write("lake/payout.ndjson", lines);
    place
}

fn schema() -> String {
    let rows: Vec<String> = (1..=200).map(|id| format!("({id}, '2026-11-13', '{}.5')", id * 3)).collect();
    format!(
        "CREATE TABLE payout (investor_id BIGINT PRIMARY KEY, paid_on DATE, net VARCHAR(20));
         INSERT INTO payout VALUES {};",
        rows.join(", ")
    )
}

const SPLIT: &str =
    "SELECT investor_id, net FROM payout WHERE paid_on = :day AND investor_id % :partitions = :partition\n";
const WHOLE: &str = "SELECT investor_id, net FROM payout WHERE paid_on = :day\n";

fn diff(place: &Place, more: &[&str]) -> Outcome {
    place.recon(&[&["diff", "payout", "--param", "day=2026-11-13"], more].concat())
}

fn same_for_any_number_of_parts(place: &Place) {
    let outcomes: Vec<Outcome> = ["1", "2", "4", "7"]
        .map(|parts| {
            // 1 is the option's default and would mean the configured number.
            let project = PROJECT.replace("count = 4", &format!("count = {parts}"));
            place.write("recon.toml", project);
            diff(place, &["--format", "csv"])
        })
        .into();
    for outcome in &outcomes {
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert_eq!(outcome.stdout, outcomes[0].stdout, "{outcome}");
    }
    place.write("recon.toml", PROJECT);
    let overridden = diff(place, &["--format", "csv", "--partitions", "7"]);
    assert_eq!(overridden.stdout, outcomes[0].stdout, "{overridden}");
    assert!(outcomes[0].stdout.contains("42") && outcomes[0].stdout.contains("17"), "{}", outcomes[0]);
    assert_eq!(outcomes[0].stdout.lines().count(), 3, "a header, one mismatch and one record of legacy only");
}

fn caught_as_double_settlement(place: &Place) {
    place.write("legacy.sql", WHOLE);
    let outcome = diff(place, &["--format", "json"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(report["verdict"], "incomplete");
    let reasons = report["reasons"].to_string();
    assert!(reasons.contains("double settlement: 200 keys"), "{reasons}");
    assert!(reasons.contains("investor_id = 1 (partitions 0 and"), "{reasons}");
    assert!(reasons.contains("MOD(id, :partitions) = :partition"), "{reasons}");
    // One part alone has every record once: nothing is paid twice.
    place.write("recon.toml", PROJECT.replace("count = 4", "count = 1"));
    assert_eq!(diff(place, &[]).code, Some(1));
}

#[test]
fn on_sqlite() {
    let place = place("sqlite:core.db", SPLIT);
    support::sqlite(&place.path().join("core.db"), &schema());
    same_for_any_number_of_parts(&place);
    caught_as_double_settlement(&place);
}

#[test]
fn a_record_in_two_parts_only_is_caught_too() {
    let overlapping = "SELECT investor_id, net FROM payout WHERE paid_on = :day AND \
                       (investor_id % :partitions = :partition OR (investor_id = 100 AND :partition = 3))\n";
    let place = place("sqlite:core.db", overlapping);
    support::sqlite(&place.path().join("core.db"), &schema());
    let outcome = diff(&place, &[]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(outcome.stdout.contains("double settlement: 1 key"), "{outcome}");
    assert!(outcome.stdout.contains("investor_id = 100 (partitions 0 and 3)"), "{outcome}");
}

#[test]
fn a_record_that_one_part_holds_twice_is_an_ordinary_duplicate() {
    let twice = "SELECT investor_id, net FROM payout WHERE paid_on = :day AND investor_id % :partitions = :partition \
                 UNION ALL SELECT investor_id, net FROM payout WHERE investor_id = 5 AND 5 % :partitions = :partition\n";
    let place = place("sqlite:core.db", twice);
    support::sqlite(&place.path().join("core.db"), &schema());
    let outcome = diff(&place, &["--format", "csv"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stdout.contains("duplicate_key"), "{outcome}");
}

#[test]
fn on_mysql_and_postgres() {
    for kind in ["MYSQL", "POSTGRES"] {
        let database = support::unique_name("parts");
        support::run_sql(&support::server_url(kind), &format!("CREATE DATABASE {database}"));
        let url = support::database_url(kind, &database);
        support::run_sql(&url, &schema());
        let place = place(&url, SPLIT);
        same_for_any_number_of_parts(&place);
        caught_as_double_settlement(&place);
    }
}

/// Moments without a zone are of the one that was asked for, in every part.
#[test]
fn moments_are_of_the_asked_zone() {
    let place = Place::new();
    let url = format!("sqlite:{}", place.path().join("core.db").display());
    support::sqlite(
        &place.path().join("core.db"),
        "CREATE TABLE payout (investor_id INTEGER PRIMARY KEY, paid TEXT);
         INSERT INTO payout VALUES (1, '2026-11-13 05:00:00'), (2, '2026-11-13 19:00:00');",
    );
    let place = place.env("CORE", &url);
    for count in [1, 2] {
        let project = PROJECT.replace("count = 4", &format!("count = {count}"));
        place.write(
            "recon.toml",
            format!("{project}[reconciliation.payout.columns]\npaid = {{ type = \"instant\" }}\n"),
        );
        place.write(
            "legacy.sql",
            "SELECT investor_id, paid FROM payout WHERE :day IS NOT NULL AND investor_id % :partitions = :partition\n",
        );
        let lines = "{\"investor_id\":1,\"paid\":\"2026-11-12T20:00:00Z\"}\n{\"investor_id\":2,\"paid\":\"2026-11-13T10:00:00Z\"}\n";
        place.write("lake/payout.ndjson", lines);
        let outcome = diff(&place, &["--timezone", "Asia/Seoul", "--format", "json"]);
        assert_eq!(outcome.code, Some(0), "{count}: {outcome}");
        let in_utc = diff(&place, &["--format", "json"]);
        assert_eq!(in_utc.code, Some(1), "{count}: in UTC they are other moments: {in_utc}");
    }
}

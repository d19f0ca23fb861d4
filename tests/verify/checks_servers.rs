//! Checks on MariaDB and MongoDB: the worked payout verified there, guarded by queries that are edited with plain SQL.

use serde_json::Value as Json;

use crate::engine::rows_at;
use crate::support::{Outcome, Place, database_url, run_sql, server_url, unique_name};

struct Servers {
    place: Place,
    mysql: String,
}

impl Servers {
    /// The payout of 400 holdings, without faults, in a database of its own on both servers; its ledger there too.
    fn new(more: &str) -> Servers {
        let name = unique_name("checks");
        run_sql(&server_url("MYSQL"), &format!("CREATE DATABASE {name}"));
        let mysql = database_url("MYSQL", &name);
        let mongo = database_url("MONGODB", &name);
        let place = Place::new();
        let demo = place.recon(&["demo", "p2p", "--records", "400", "--keep", "project"]);
        assert_eq!(demo.code, Some(0), "{demo}");
        let project = place.read("project/recon.toml");
        place.write("project/recon.toml", format!("{project}\n[ledger]\nurl = \"${{RECON_MYSQL_URL}}\"\n{more}"));
        let place = place
            .env("RECON_MYSQL_URL", &mysql)
            .env("RECON_MONGO_URL", &mongo)
            .env("RECON_USER", "kim")
            .env("MYSQL", &mysql);
        let servers = Servers { place, mysql };
        let loaded = servers.recon(&["load", "p2p", "--records", "400"]);
        assert_eq!(loaded.code, Some(0), "{loaded}");
        servers
    }

    fn recon(&self, words: &[&str]) -> Outcome {
        self.place.recon(&[&["--config", "project/recon.toml", "--profile", "servers"], words].concat())
    }

    fn sql(&self, sql: &str) {
        run_sql(&self.mysql, sql);
    }

    fn verify(&self) -> (Json, Option<i32>) {
        let outcome = self.recon(&[
            "verify",
            "payout",
            "--param",
            "window_from=2026-10-25",
            "--param",
            "window_to=2026-11-05",
            "--again",
            "--format",
            "json",
        ]);
        (serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}")), outcome.code)
    }
}

fn outcome<'j>(report: &'j Json, name: &str) -> (&'j str, u64, u64) {
    let all = report["checks"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let check = all.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"));
    let number = |field: &str| check[field].as_u64().unwrap_or_default();
    (check["outcome"].as_str().unwrap_or_default(), number("version"), number("violations"))
}

#[test]
fn queries_in_the_database_guard_a_payout_out_of_mariadb_and_mongodb() {
    let servers = Servers::new("");
    let migrated = servers.recon(&["ledger", "migrate"]);
    assert_eq!(migrated.code, Some(0), "{migrated}");
    servers.sql(
        "INSERT INTO recon_checks (name, kind, store, stage, query, updated_by) VALUES \
         ('late', 'pipeline', 'docs', 'registered', '{\"collection\": \"holdings\", \"pipeline\": [{\"$unwind\": \"$installments\"}, {\"$match\": {\"installments.late_interest\": {\"$lt\": 0}}}]}', 'lee'), \
         ('units', 'pipeline', 'docs#holdings', 'compared', '[{\"$match\": {\"units\": {\"$lte\": 0}}}, {\"$project\": {\"units\": 1}}]', 'lee'), \
         ('orphans', 'sql', 'core', 'registered', 'SELECT holding_id FROM holdings h LEFT JOIN loans l ON l.loan_id = h.loan_id WHERE l.loan_id IS NULL', 'lee'), \
         ('paid', 'sql', 'core', 'decided', 'SELECT investor_id, net FROM payout_decision WHERE recon_run = :recon_run AND net < 0', 'lee'), \
         ('sum', 'rule', NULL, 'compared', '{\"where\": {\"ne\": [\"decision.source\", {\"text\": \"held\"}]}, \"flag\": {\"ne\": [\"decision.net\", {\"sub\": [{\"add\": [\"decision.principal\", \"decision.interest\"]}, {\"add\": [\"decision.income_tax\", \"decision.local_tax\", \"decision.fee\"]}]}]}}', 'lee')",
    );
    let (report, _) = servers.verify();
    for name in ["late", "units", "orphans", "paid", "sum"] {
        assert_eq!(outcome(&report, name), ("pass", 1, 0), "{report:#}");
    }
    let before = report["verdict"].clone();
    assert!(before == "clean" || before == "warned", "{report:#}");

    // A threshold moved with a plain SQL client: the next verdict is another.
    servers.sql("UPDATE recon_checks SET query = REPLACE(query, '\"$lte\": 0', '\"$lte\": 1000000'), updated_by = 'park' WHERE name = 'units'");
    let (report, code) = servers.verify();
    assert_eq!((report["verdict"].as_str(), code), (Some("blocked"), Some(1)), "{report:#}");
    let (found, version, violations) = outcome(&report, "units");
    assert_eq!((found, version), ("fail", 2), "{report:#}");
    assert!(violations >= 400, "{report:#}");
    let versions =
        rows_at(&servers.mysql, "SELECT text, author FROM recon_check_versions WHERE name = 'units' ORDER BY version");
    assert!(versions.len() == 2 && versions[0][0] != versions[1][0], "{versions:?}");
    assert_eq!((versions[0][1].as_deref(), versions[1][1].as_deref()), (Some("lee"), Some("park")));
    let results =
        rows_at(&servers.mysql, "SELECT outcome FROM recon_check_results WHERE name = 'units' ORDER BY attempt");
    assert_eq!(results.iter().map(|row| row[0].as_deref()).collect::<Vec<_>>(), [Some("pass"), Some("fail")]);

    // Not a word of the password anywhere.
    servers.sql("UPDATE recon_checks SET query = '{\"collection\": \"holdings\", \"pipeline\": [{\"$out\": \"stolen\"}]}' WHERE name = 'units'");
    let (report, code) = servers.verify();
    assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{report:#}");
    assert_eq!(outcome(&report, "units").0, "unknown");
}

#[test]
fn what_does_not_end_is_ended_and_the_rest_goes_on() {
    let servers = Servers::new("");
    let migrated = servers.recon(&["ledger", "migrate"]);
    assert_eq!(migrated.code, Some(0), "{migrated}");
    servers.sql(
        "INSERT INTO recon_checks (name, kind, store, query, timeout_ms) VALUES \
         ('endless', 'sql', 'core', 'SELECT COUNT(*) FROM holdings a, holdings b, holdings c, holdings d, holdings e', 500), \
         ('endless_documents', 'pipeline', 'docs#holdings', '[{\"$lookup\": {\"from\": \"holdings\", \"pipeline\": [{\"$lookup\": {\"from\": \"holdings\", \"pipeline\": [{\"$lookup\": {\"from\": \"holdings\", \"pipeline\": [], \"as\": \"c\"}}], \"as\": \"b\"}}], \"as\": \"a\"}}, {\"$count\": \"n\"}]', 500), \
         ('quick', 'sql', 'core', 'SELECT loan_id FROM loans WHERE total_units <= 0', 5000)",
    );
    let started = std::time::Instant::now();
    let (report, code) = servers.verify();
    assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{report:#}");
    assert_eq!(outcome(&report, "endless").0, "unknown", "{report:#}");
    assert_eq!(outcome(&report, "endless_documents").0, "unknown", "{report:#}");
    assert_eq!(outcome(&report, "quick").0, "pass", "{report:#}");
    let running = rows_at(
        &servers.mysql,
        "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.processlist WHERE info LIKE '%holdings a, holdings b%' AND info NOT LIKE '%processlist%'",
    );
    assert_eq!(running[0][0].as_deref(), Some("0"), "it runs on");
}

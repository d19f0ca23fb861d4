//! `recon demo` and `recon load`: each worked settlement is computed by both of its paths, on embedded stores and on
//! MariaDB and MongoDB, and exactly what was planted is found.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use recon::examples::{self, Scale};
use support::{Outcome, Place};

fn report(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

#[test]
fn each_settlement_is_computed_twice_and_shown_on_one_screen() {
    let cases = [
        ("p2p", "5 of 130 keys disagree", "would be paid: 125 as both paths say, 4 by the legacy value, 1 held"),
        ("royalty", "5 of 105 keys disagree", "would be paid: 100 as both paths say, 5 by the legacy value"),
        ("merchant", "6 of 1,727 keys disagree", "would be paid: 1,721 as both paths say, 6 by the legacy value"),
    ];
    for (name, differ, paid) in cases {
        let outcome = Place::new().recon(&["demo", name]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        for part in [differ, paid, "legacy     ", "candidate  ", "$ recon diff"] {
            assert!(outcome.stdout.contains(part), "`{part}` is not in\n{outcome}");
        }
        let lines = outcome.stdout.lines().count();
        assert!(lines <= 56, "{name}: {lines} lines are no screen");
    }
}

#[test]
fn faults_are_planted_at_any_size_and_the_demo_overwrites_nothing() {
    let place = Place::new();
    let size = ["--records", "5000", "--faults", "20%", "--no-quirks", "--seed", "7"];
    for name in ["p2p", "royalty", "merchant"] {
        let outcome = place.recon(&[&["demo", name, "--keep", name][..], &size].concat());
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let example = examples::named(name).expect("an example");
        let planted = example.planted(Scale { records: 5_000, seed: 7, faults: 200_000, quirks: false });
        let main = example.reconciliations()[0];
        let expected = planted.iter().filter(|planted| planted.reconciliation == main).count();
        assert!(expected > 0, "{name}");
        let params = example.params().iter().flat_map(|(n, v)| ["--param".to_owned(), format!("{n}={v}")]);
        let mut words: Vec<String> =
            ["--config", &format!("{name}/recon.toml"), "diff", main].map(str::to_owned).into();
        words.extend(params);
        words.extend(["--format".to_owned(), "json".to_owned()]);
        let outcome = place.recon(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let report = report(&outcome);
        let found = report["counts"]["keys"].as_u64().unwrap() - report["counts"]["matched"].as_u64().unwrap();
        assert_eq!(found, expected as u64, "{name}: {outcome}");
        let again = place.recon(&["demo", name, "--keep", name]);
        assert_eq!(again.code, Some(2), "{again}");
    }
}

#[test]
fn the_same_projects_run_on_mariadb_and_mongodb() {
    loaded_projects_run("MYSQL", "servers");
}

#[test]
fn the_same_projects_run_on_postgres_and_mongodb() {
    loaded_projects_run("POSTGRES", "postgres");
}

/// `recon load` through a profile, and the same report as on embedded stores.
fn loaded_projects_run(kind: &str, profile: &str) {
    let database = support::unique_name("load");
    support::run_sql(&support::server_url(kind), &format!("CREATE DATABASE {database}"));
    let place = Place::new()
        .env(&format!("RECON_{kind}_URL"), &support::database_url(kind, &database))
        .env("RECON_MONGO_URL", &support::database_url("MONGODB", &database));
    for (name, keys) in [("p2p", 130), ("royalty", 105), ("merchant", 1_727)] {
        let outcome = place.recon(&["demo", name, "--keep", name]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let config = format!("{name}/recon.toml");
        let servers = ["--config", &config, "--profile", profile];
        // The lake's files are there from the demo.
        let loaded = place.recon(&[&servers[..], &["load", name, "--replace"]].concat());
        assert_eq!(loaded.code, Some(0), "{loaded}");
        let again = place.recon(&[&servers[..], &["load", name]].concat());
        assert_eq!(again.code, Some(2), "{again}");
        assert!(again.stderr.contains("is there already") && again.stderr.contains("--replace"), "{again}");
        let example = examples::named(name).expect("an example");
        let params: Vec<String> =
            example.params().iter().flat_map(|(n, v)| ["--param".to_owned(), format!("{n}={v}")]).collect();
        for reconciliation in example.reconciliations() {
            let mut words = vec!["diff", *reconciliation, "--format", "json"];
            words.extend(params.iter().map(String::as_str));
            let on_servers = place.recon(&[&servers[..], &words].concat());
            let embedded = place.recon(&[&["--config", &config][..], &words].concat());
            let (on_servers, embedded) = (report(&on_servers), report(&embedded));
            for part in ["verdict", "counts", "discrepancies"] {
                assert_eq!(on_servers[part], embedded[part], "{name} {reconciliation}: {part}");
            }
            if *reconciliation == example.reconciliations()[0] {
                assert_eq!(on_servers["counts"]["keys"], keys, "{name}");
            }
        }
    }
}

#[test]
fn what_cannot_be_loaded_is_said() {
    let place = Place::new();
    let outcome = place.recon(&["load", "p2p"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("recon demo p2p --keep DIR"), "{outcome}");
    // Its tables have everyday names: into the stores of another project they are not put.
    place.write("recon.toml", "[stores.core]\nurl = \"sqlite:core.db\"\n");
    let outcome = place.recon(&["load", "merchant", "--records", "10"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("is not the project of `merchant`"), "{outcome}");
    assert!(!place.path().join("core.db").exists());
    let kept = place.recon(&["demo", "merchant", "--keep", "merchant"]);
    assert_eq!(kept.code, Some(0), "{kept}");
    let project = place.read("merchant/recon.toml").replace("[stores.docs]", "[stores.papers]");
    place.write(
        "recon.toml",
        project
            .replace("store = \"docs\"", "store = \"papers\"")
            .replace("profiles.servers.stores.docs", "profiles.servers.stores.papers")
            .replace("profiles.postgres.stores.docs", "profiles.postgres.stores.papers"),
    );
    let outcome = place.recon(&["load", "merchant", "--records", "10"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("there is no store `docs`"), "{outcome}");
    let outcome = place.recon(&["demo", "p2p", "--faults", "two"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
}

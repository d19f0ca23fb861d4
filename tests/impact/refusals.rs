//! What cannot be asked, and what was not there to look at.

use crate::shop::{LEGACY, ROUNDED, shop, unverified};

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let place = shop();
    place.write("new.sql", "SELECT id, fee FROMM sale");
    place.write("empty.sql", " \n");
    place.write("later.sql", format!("{LEGACY} AND merchant <> :merchant"));
    let ask = |words: &[&str]| place.recon(&[&["impact", "fees"], words].concat());
    for (words, said) in [
        (&["--legacy-query", "@new.sql"][..], "the changed legacy path (new.sql)"),
        (&["--legacy-query", "@later.sql"], "the query uses `:merchant`"),
        (&["--legacy-query", "@later.sql"], "the cycle has the parameters :day"),
        (&["--legacy-query", "SELECT id AS number, 1 AS fee, 2 AS net FROM sale"], "has no column `id`"),
        (&["--legacy-query", "@empty.sql"], "is empty"),
        (&["--legacy-query", "@none.sql"], "could not be read"),
        (&["--legacy-sql", "SELECT 1"], "is a query of a store"),
        (&["--legacy-query", ROUNDED, "--by", "merchnt"], "did you mean `merchant`?"),
        (&["--legacy-query", ROUNDED, "--run", "9-1"], "there is no such run"),
        (&["--legacy-query", ROUNDED, "--run", "nine"], "that is no run"),
        (&["--legacy-query", ROUNDED, "--format", "junit"], "use --format table, json, csv or markdown"),
        (&["--legacy-query", ROUNDED, "--output", "recon.toml", "--format", "json"], "is the project file"),
        (
            &["--legacy-query", "@later.sql", "--output", "later.sql", "--format", "json"],
            "a file that recon works with",
        ),
        (&["--legacy-query", ROUNDED, "--candidate-query", ROUNDED], "cannot be used with"),
        (&["--legacy-query", ROUNDED, "--keep-inputs", "kept"], "`--keep-inputs`"),
        (&[], "required"),
    ] {
        let outcome = ask(words);
        assert_eq!(outcome.code, Some(2), "{words:?}: {outcome}");
        assert!(outcome.stderr.contains(said), "{words:?} does not say `{said}`: {outcome}");
        assert_eq!(outcome.stdout, "", "{words:?}: {outcome}");
    }
    assert!(place.read("recon.toml").contains("[reconciliation.fees]"));
    let other = place.recon(&["impact", "fee", "--legacy-query", ROUNDED]);
    assert!(other.code == Some(2) && other.stderr.contains("did you mean `fees`"), "{other}");
}

#[test]
fn a_report_replaces_nothing_that_recon_works_with() {
    let place = shop();
    let ledger = place.path().join("recon.db");
    std::fs::copy(&ledger, place.path().join("own.db")).expect("a copy");
    let own = format!("{}\n[ledger]\nurl = \"sqlite:own.db?mode=rwc\"\n", place.read("recon.toml"));
    let own = own.replace("[stores.core]", "[stores.docs]\nurl = \"file:docs\"\n[stores.core]").replace(
        "table = \"decided\"",
        "table = \"decided\"\n[reconciliation.other]\nkey = [\"id\"]\n[reconciliation.other.legacy]\nstore = \"core\"\n\
         table = \"sale\"\n[reconciliation.other.candidate]\nstore = \"docs\"\ntable = \"sales\"",
    );
    place.write("own.toml", own);
    for (name, content) in [
        ("cases/a/decisions.csv", "id\n1\n"),
        ("checks/high.sql", "-- name: high\nSELECT 1"),
        ("docs/sales.ndjson", "{\"id\":1}\n"),
    ] {
        place.write(name, content);
    }
    // A report that is there from before may be replaced.
    place.write("report.json", "{}");
    let ours = [
        "own.db",
        "core.db",
        "own.toml",
        "legacy.sql",
        "candidate.sql",
        "cases/a/decisions.csv",
        "checks/high.sql",
        "docs/sales.ndjson",
    ];
    let bytes = |name: &str| std::fs::read(place.path().join(name)).expect("a file");
    let before: Vec<Vec<u8>> = ours.iter().map(|name| bytes(name)).collect();
    for name in ours {
        for words in [
            &["impact", "fees", "--legacy-query", ROUNDED, "--no-cases"][..],
            &["verify", "fees", "--param", "day=2026-11-12", "--again"],
            &["retry", "fees", "--param", "day=2026-11-12"],
            &["diff", "fees", "--param", "day=2026-11-12"],
        ] {
            let words = [&["--config", "own.toml"], words, &["--output", name, "--format", "json"]].concat();
            let outcome = place.recon(&words);
            assert_eq!(outcome.code, Some(2), "{words:?}: {outcome}");
            assert!(outcome.stderr.contains(&format!("`--output {name}` is ")), "{words:?}: {outcome}");
        }
    }
    place.write(
        "new.sql",
        "-- name: high\n-- reconciliation: fees\n-- stage: compared\n-- kind: run\n\nSELECT id FROM legacy",
    );
    for name in ["core.db", "new.sql"] {
        let words = ["impact", "fees", "--check", "new.sql", "--output", name, "--format", "json"];
        let outcome = place.recon(&words);
        assert!(outcome.code == Some(2) && outcome.stderr.contains("`--output"), "{outcome}");
    }
    assert!(ours.iter().zip(before).all(|(name, before)| bytes(name) == before), "a file was replaced");
    let words = ["impact", "fees", "--legacy-query", ROUNDED, "--no-cases", "--output", "report.json"];
    let written = place.recon(&words);
    assert!(written.code == Some(1) && place.read("report.json").contains("recon.impact/1"), "{written}");
}

#[test]
fn that_nothing_changes_is_only_said_by_who_has_looked() {
    // The only cycle lost what it was verified with, and a change of just that would not be seen.
    let place = shop();
    crate::support::sqlite(&place.path().join("core.db"), "DELETE FROM sale WHERE id BETWEEN 1002 AND 2000");
    let query =
        LEGACY.replace("amount * 25 / 1000 AS fee", "CASE WHEN id > 1001 THEN 0 ELSE amount * 25 / 1000 END AS fee");
    let (report, code) = crate::impact(&place, &["fees", "--legacy-query", &query, "--cycles", "1", "--no-cases"]);
    assert_eq!((code, &report["verdict"]), (Some(3), &serde_json::json!("incomplete")), "{report:#}");
    let said = report["reasons"][0].as_str().unwrap_or_default();
    assert!(said.contains("none of the cycles is computed from what it was verified with"), "{report:#}");
    // A change that is seen is told all the same.
    let (report, code) = crate::impact(&place, &["fees", "--legacy-query", ROUNDED, "--no-cases"]);
    assert_eq!((code, &report["verdict"]), (Some(1), &serde_json::json!("changes")), "{report:#}");
}

#[test]
fn nothing_to_look_at_is_never_green() {
    let place = unverified();
    let outcome = place.recon(&["impact", "fees", "--legacy-query", LEGACY]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(outcome.stdout.contains("no verified cycle and no case"), "{outcome}");
    assert!(!place.path().join("recon.db").exists(), "looking makes no ledger");
    let named = place.recon(&["impact", "fees", "--legacy-query", LEGACY, "--run", "1-1"]);
    assert_eq!(named.code, Some(2), "{named}");

    let place = shop();
    let none = place.recon(&["impact", "fees", "--legacy-query", LEGACY, "--cycles", "0"]);
    assert_eq!(none.code, Some(3), "{none}");
    let folder = place.recon(&["impact", "fees", "--legacy-query", LEGACY, "--cases", "nowhere"]);
    assert_eq!(folder.code, Some(2), "{folder}");
    std::fs::create_dir(place.path().join("none")).expect("a folder");
    let empty = place.recon(&["impact", "fees", "--legacy-query", LEGACY, "--cases", "none"]);
    assert_eq!(empty.code, Some(3), "a folder that was named and holds no case: {empty}");
}

#[test]
fn a_cycle_that_cannot_be_computed_is_never_green() {
    let place = shop();
    // It runs, until it meets a sale that overflows: the cycle is not known, and nothing else hides that.
    let query = format!("{LEGACY} AND (id <> 1005 OR abs(-9223372036854775807 - (id > 0)) > 0)");
    let (report, code) = crate::impact(&place, &["fees", "--legacy-query", &query]);
    assert_eq!(code, Some(3), "{report:#}");
    let error = report["cycles"][0]["error"].as_str().unwrap_or_else(|| panic!("{report:#}"));
    assert!(error.contains("overflow"), "{error}");
    assert_eq!(report["verdict"], "incomplete");
}

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
        (&["--legacy-query", ROUNDED, "--output", "recon.toml", "--format", "json"], "is a file that recon works with"),
        (&["--legacy-query", "@later.sql", "--output", "later.sql", "--format", "json"], "is the file of the change"),
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

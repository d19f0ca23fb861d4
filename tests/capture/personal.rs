//! Personal data: none of it is written, and the case comes out as the run did.

use serde_json::Value as Json;

use crate::people::{MASKS, PEOPLE, SECRET, assert_clean, files, verified};
use crate::support::Place;

fn capture(place: &Place, arguments: &[&str]) -> String {
    let outcome = place.recon(&[&["capture", "latest"], arguments].concat());
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_clean("the output", &outcome.to_string());
    outcome.stdout
}

#[test]
fn no_original_is_written_and_the_case_comes_out_as_the_run_did() {
    let place = verified(MASKS);
    let shown = capture(&place, &["--discrepancies", "--why", "the case of Lee Jiwon, 010-9876-5432"]);
    assert!(shown.contains("core.customers.phone") && shown.contains("docs.payees.account.no"), "{shown}");
    let written = files(&place.path().join("cases"));
    assert!(written.len() >= 7, "{written:?}");
    for (name, text) in &written {
        assert_clean(name, text);
        assert_clean("its name", name);
    }
    let text = |name: &str| &written.iter().find(|(own, _)| own.ends_with(name)).expect(name).1;
    let kinds: Vec<String> = text("discrepancies.ndjson")
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).expect("JSON")["kind"].as_str().expect("a kind").to_owned())
        .collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "legacy_only").count(), 1);
    // The rows of those who agree are not needed.
    assert_eq!(text("core/accounts.csv").lines().count(), 4);
    // One person has one account number and one name wherever they stand.
    let document: Json =
        serde_json::from_str(text("docs/payees.ndjson").lines().next().expect("a line")).expect("JSON");
    let (account, name) =
        (document["account"]["no"].as_str().unwrap(), document["account"]["holder"]["name"].as_str().unwrap());
    for file in ["core/accounts.csv", "core/sales.csv", "decisions.csv"] {
        assert!(text(file).contains(account), "{file}: {}", text(file));
    }
    assert!(text("core/customers.csv").contains(name) && text("decisions.csv").contains(name));
    // Amounts stay, and so do lengths and separators.
    assert!(text("core/sales.csv").contains(",2500,") && text("decisions.csv").contains(",2500,"), "{written:?}");
    assert_eq!(account.len(), PEOPLE[1].3.len());
    assert_eq!(account.rmatches('-').count(), 2);
    let run = place.recon(&["test"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_clean("the test", &run.to_string());
}

#[test]
fn pseudonyms_stay_the_same_and_another_secret_makes_others() {
    let place = verified(MASKS);
    capture(&place, &["--discrepancies", "--out", "one"]);
    capture(&place, &["--discrepancies", "--out", "two"]);
    let (one, two) = (files(&place.path().join("one")), files(&place.path().join("two")));
    assert_eq!(one, two);
    let other = verified(&format!("[capture]\nsecret = \"another secret of some length\"\n{MASKS}"));
    capture(&other, &["--discrepancies", "--out", "one"]);
    let three = files(&other.path().join("one"));
    let accounts =
        |files: &[(String, String)]| files.iter().find(|(name, _)| name.ends_with("accounts.csv")).unwrap().1.clone();
    assert_ne!(accounts(&one), accounts(&three));
    for (name, text) in one.iter().chain(&three) {
        assert!(!text.contains(SECRET) && !text.contains("another secret"), "{name}");
    }
    // The settings that runs keep do not hold it either.
    let settings = other.recon(&["runs", "show", "1-1", "--snapshot", "settings"]);
    assert!(!settings.stdout.contains("another secret"), "{settings}");
}

#[test]
fn a_case_for_each_key_is_named_by_its_pseudonym() {
    let place = verified(MASKS);
    capture(
        &place,
        &["--keys", &format!("{},{}", PEOPLE[0].3, PEOPLE[1].3), "--each", "--name", "two", "--tag", "bank"],
    );
    let written = files(&place.path().join("cases"));
    for (name, text) in &written {
        assert_clean(name, text);
        assert_clean("its name", name);
    }
    assert_eq!(written.iter().filter(|(name, _)| name.ends_with("case.toml")).count(), 2, "{written:?}");
    let run = place.recon(&["test", "--tag", "bank"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("2 cases"), "{run}");
}

#[test]
fn a_mended_path_makes_the_case_fail() {
    let place = verified(MASKS);
    capture(&place, &["--keys", PEOPLE[1].3]);
    assert_eq!(place.recon(&["test"]).code, Some(0));
    let query = place.read("candidate.sql");
    place.write("candidate.sql", query.replace("SUM(amount)", "SUM(amount + 100)"));
    let failed = place.recon(&["test"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert!(failed.stdout.contains("2400"), "{failed}");
}

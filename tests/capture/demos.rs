//! The worked settlements: what disagrees in them becomes cases that hold, and that catch a changed query.

use crate::support::{Outcome, Place};

/// The example's project, kept and verified.
fn verified(example: &str) -> Place {
    let place = Place::new().env("RECON_USER", "kim");
    let demo = place.recon(&["demo", example, "--keep", "project"]);
    assert_eq!(demo.code, Some(0), "{demo}");
    let line = demo.stdout.lines().find_map(|line| line.strip_prefix("$ recon diff ")).expect("a command");
    let words: Vec<&str> = line.split(' ').collect();
    let verified = recon(&place, &[&["verify"], words.as_slice()].concat());
    assert_eq!(verified.code, Some(0), "{verified}");
    place
}

fn recon(place: &Place, words: &[&str]) -> Outcome {
    place.recon(&[&["--config", "project/recon.toml"], words].concat())
}

#[test]
fn discrepancies_become_cases_that_hold_and_catch_a_changed_query() {
    for (example, discrepancies, text, other) in
        [("p2p", 5, "/ 10000 / 10 * 10", "/ 10000"), ("merchant", 6, "(s.amount + 50) / 100", "s.amount / 100 + 1")]
    {
        let place = verified(example);
        let outcome = recon(&place, &["capture", "latest", "--discrepancies"]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let logged = place.read("project/cases/run-1-1/discrepancies.ndjson");
        assert_eq!(logged.lines().count(), discrepancies, "{logged}");
        // A suite that was begun takes more cases.
        let outcome = recon(&place, &["capture", "1-1", "--sample", "3", "--each", "--name", "drawn"]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let run = recon(&place, &["test"]);
        assert_eq!(run.code, Some(0), "{example}: {run}");
        assert!(run.stdout.contains("4 cases: 4 passed"), "{run}");
        let query = place.read("project/legacy.sqlite.sql");
        assert!(query.contains(text), "{query}");
        place.write("project/legacy.sqlite.sql", query.replace(text, other));
        let run = recon(&place, &["test", "project/cases/run-1-1"]);
        assert_eq!(run.code, Some(1), "{example}: {run}");
    }
}

#[test]
fn a_key_that_hangs_on_every_record_brings_all_of_them() {
    // A royalty is a share of what all plays of the month brought in.
    let place = verified("royalty");
    let outcome = recon(&place, &["capture", "latest", "--sample", "1"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.stdout.contains("keys that hang on these, as the run had them"), "{outcome}");
    let run = recon(&place, &["test"]);
    assert_eq!(run.code, Some(0), "{run}");
}

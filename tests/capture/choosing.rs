//! Which keys are captured.

use crate::people::{MASKS, PEOPLE, assert_clean, files, project, refused, verified};
use crate::support::{Place, sqlite};

fn decided(place: &Place, folder: &str) -> Vec<String> {
    let all = files(&place.path().join(folder));
    let mut rows: Vec<String> = all
        .iter()
        .filter(|(name, _)| name.ends_with("decisions.csv"))
        .flat_map(|(_, text)| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    rows.sort();
    rows
}

#[test]
fn keys_a_sample_and_discrepancies() {
    let place = verified(MASKS);
    let outcome = place.recon(&["capture", "1-1", "--keys", PEOPLE[0].3, "--out", "keys"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(decided(&place, "keys").len(), 1);
    assert!(place.read("keys/run-1-1/case.toml").contains("verdict = \"clean\""));
    for out in ["one", "two"] {
        let outcome = place.recon(&["capture", "latest", "--sample", "2", "--out", out]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
    }
    assert_eq!(decided(&place, "one").len(), 2);
    assert_eq!(decided(&place, "one"), decided(&place, "two"));
    let outcome = place.recon(&["capture", "latest", "--discrepancies", "--out", "all"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(decided(&place, "all").len(), 3);
    for folder in ["keys", "one", "all"] {
        let run = place.recon(&["test", folder]);
        assert_eq!(run.code, Some(0), "{run}");
        assert_clean(folder, &run.to_string());
    }
}

#[test]
fn what_is_not_there_is_said() {
    let place = verified(MASKS);
    let unknown = refused(&place, 2, &["latest", "--keys", "000-00-000000"]);
    assert!(unknown.stderr.contains("no record of that key"), "{unknown}");
    refused(&place, 2, &["7-1", "--discrepancies"]);
    refused(&place, 2, &["something", "--discrepancies"]);
    refused(&place, 2, &["latest"]);
    refused(&place, 2, &["latest", "--discrepancies", "--sample", "1"]);
    refused(&place, 2, &["latest", "--discrepancies", "--name", "../out"]);
}

#[test]
fn nothing_to_capture_is_no_success() {
    let place = project(MASKS);
    let never = refused(&place, 3, &["latest", "--discrepancies"]);
    assert!(never.stderr.contains("there is no run yet"), "{never}");
    // Only those who agree: the first and the last.
    sqlite(&place.path().join("core.db"), "DELETE FROM accounts WHERE customer_id IN (1, 2, 3)");
    let kept: Vec<String> = crate::people::documents()
        .into_iter()
        .enumerate()
        .filter(|(at, _)| *at != 1 && *at != 2)
        .map(|(_, line)| line)
        .collect();
    place.write("docs/payees.ndjson", kept.join("\n"));
    crate::people::verify(&place);
    let clean = refused(&place, 3, &["latest", "--discrepancies"]);
    assert!(clean.stderr.contains("logged no discrepancy"), "{clean}");
}

#[test]
fn keys_that_are_one_number_in_other_digits_are_not_mixed_up() {
    let place = project(MASKS);
    for (at, key) in [(0, "1.1"), (1, "1.10")] {
        let account = PEOPLE[at].3;
        for table in ["accounts", "sales"] {
            sqlite(
                &place.path().join("core.db"),
                &format!("UPDATE {table} SET account_no = '{key}' WHERE account_no = '{account}'"),
            );
        }
        place.write("docs/payees.ndjson", place.read("docs/payees.ndjson").replace(account, key));
    }
    crate::people::verify(&place);
    let outcome = refused(&place, 2, &["latest", "--keys", "1.1"]);
    assert!(outcome.stderr.contains("cannot tell them apart"), "{outcome}");
}

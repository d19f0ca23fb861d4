//! Packed cases: shards, planted failures, programs that are asked together.

use std::collections::BTreeSet;

use crate::generated::write_cases;
use crate::support::Place;
use crate::{edit, merchant_with};

fn names(place: &Place, arguments: &[&str]) -> BTreeSet<String> {
    let outcome = place.recon(&[&["test", "--format", "junit"], arguments].concat());
    assert!(matches!(outcome.code, Some(0 | 1)), "{outcome}");
    let cases = outcome.stdout.split("<testcase ").skip(1);
    let all: Vec<String> = cases
        .map(|case| case.split("name=\"").nth(2).and_then(|rest| rest.split('"').next()).expect("a name").to_owned())
        .collect();
    let distinct: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(all.len(), distinct.len(), "a case ran twice");
    distinct
}

#[test]
fn all_shards_together_are_all_cases() {
    let place = merchant_with(&["min-fee", "holidays"]);
    write_cases(&place.path().join("cases/drawn.cases.ndjson"), 120, None);
    let whole = names(&place, &[]);
    assert_eq!(whole.len(), 122);
    let shards = ["1/4", "2/4", "3/4", "4/4"].map(|shard| names(&place, &["--shard", shard]));
    assert_eq!(shards.iter().map(BTreeSet::len).sum::<usize>(), whole.len(), "shards share no case");
    assert_eq!(shards.iter().flatten().cloned().collect::<BTreeSet<String>>(), whole);
    assert!(shards.iter().all(|shard| shard.len() > 10), "{:?}", shards.map(|shard| shard.len()));
}

#[test]
fn one_wrong_case_among_many_is_found_and_named() {
    let place = merchant_with(&[]);
    let names = write_cases(&place.path().join("cases/drawn.cases.ndjson"), 400, Some(123));
    for arguments in [&["test"][..], &["test", "--jobs", "1"]] {
        let outcome = place.recon(arguments);
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert!(
            outcome.stdout.starts_with(&format!("FAIL  drawn/{}\n      cases/drawn.cases.ndjson:124\n", names[123]))
        );
        assert!(outcome.stdout.contains("400 cases: 399 passed, 1 failed"), "{outcome}");
    }
}

/// A program that does its first record right and adds a won to the fee of every other: asked alone nobody notices.
const FORGETFUL: &str = r#"
import json, os, subprocess, sys
first = True
for line in subprocess.run([sys.executable, "calculator.py"], stdin=sys.stdin, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines():
    answer = json.loads(line)
    if not first:
        answer["fee"] = str(int(answer["fee"]) + 1)
    first = False
    print(json.dumps(answer))
"#;

#[test]
fn a_program_that_keeps_something_from_one_record_to_the_next_is_told() {
    let place = merchant_with(&["plain-sale", "amount-half-up"]);
    place.write("calculator.py", include_str!("calculator.py"));
    place.write("forgetful.py", FORGETFUL);
    edit(&place, "recon.toml", r#"command = ["recon", "calculator"]"#, r#"command = ["python3", "forgetful.py"]"#);
    let outcome = place.recon(&["test"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stdout.contains("it passes when its program is asked about this case alone"), "{outcome}");
    edit(&place, "cases/suite.toml", "together = true", "together = false");
    let outcome = place.recon(&["test"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn a_program_that_fails_fails_its_own_case_alone() {
    let place = merchant_with(&["plain-sale", "amount-half-up", "min-fee"]);
    place.write("calculator.py", include_str!("calculator.py"));
    // It dies at one transaction: whoever shares the call with it is asked again.
    let dies = "    record = json.loads(line)\n    if record[\"transaction_id\"] == 2: sys.exit(\"out of cheese\")";
    edit(&place, "calculator.py", "    record = json.loads(line)", dies);
    edit(&place, "recon.toml", r#"command = ["recon", "calculator"]"#, r#"command = ["python3", "calculator.py"]"#);
    let outcome = place.recon(&["test"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stdout.starts_with("BROKEN  amount-half-up\n"), "{outcome}");
    assert!(outcome.stdout.contains("out of cheese"), "{outcome}");
    assert!(outcome.stdout.contains("3 cases: 2 passed, 1 could not be run"), "{outcome}");
}

//! The proof: a case comes out as the run did for the same reason, with its values and masked; and what a few records of a run
//! need in order to come out at all.

use crate::people::{MASKS, PEOPLE, assert_clean, documents, files, project, refused, verified, verify};
use crate::support::{Place, sqlite};

/// A project whose candidate is a program that has an answer for every account but closed ones, whose status it looks up under
/// a number that it makes of the account's.
fn program() -> Place {
    let place = project(&format!("{MASKS}\"status.id\" = \"digits\"\n"));
    let toml = place.read("recon.toml");
    let (head, rest) = toml.split_once("[reconciliation.payout.candidate]").expect("a candidate");
    let (_, tail) = rest.split_once("[reconciliation.payout.decisions]").expect("decisions");
    place.write(
        "recon.toml",
        format!(
            "{head}[reconciliation.payout.candidate]\ncommand = [\"python3\", \"calc.py\"]\nrecords = \"records\"\n\
             [reconciliation.payout.candidate.inputs.records]\nstore = \"core\"\nquery = \"records.sql\"\n\
             [reconciliation.payout.candidate.inputs.status]\nstore = \"core\"\nquery = \"status.sql\"\n\
             [reconciliation.payout.decisions]{tail}"
        ),
    );
    place.write(
        "records.sql",
        "SELECT a.account_no, c.name AS payee, s.amount FROM accounts a JOIN customers c ON c.customer_id = a.customer_id \
         JOIN sales s ON s.account_no = a.account_no WHERE s.sold_on >= :day",
    );
    place.write("status.sql", "SELECT id, closed FROM status");
    sqlite(
        &place.path().join("core.db"),
        "CREATE TABLE status (id TEXT NOT NULL PRIMARY KEY, closed INTEGER NOT NULL); \
         INSERT INTO status SELECT 'S' || account_no, account_no LIKE '333%' FROM accounts",
    );
    place.write(
        "calc.py",
        r#"
import json, os, sys
from itertools import groupby
closed = {}
for line in open(os.environ["RECON_INPUT_STATUS"]):
    row = json.loads(line)
    closed[row["id"]] = row["closed"]
for key, rows in groupby((json.loads(line) for line in sys.stdin), key=lambda row: row["account_no"]):
    rows = list(rows)
    if key.startswith("333") or "S" + key not in closed:
        why = "no status is known" if "S" + key not in closed else "the account is closed"
        print(json.dumps({"account_no": key, "error": why}))
        continue
    print(json.dumps({"account_no": key, "payee": rows[0]["payee"], "net": str(sum(int(row["amount"]) for row in rows))}))
"#,
    );
    place
}

#[test]
fn an_unknown_must_have_the_reason_that_the_run_had() {
    let place = program();
    verify(&place);
    // Masked, the program does not find the status: the record is as unknown as before, for another reason.
    let outcome = refused(&place, 3, &["latest", "--keys", PEOPLE[1].3]);
    assert!(
        outcome.stderr.contains("masked it does not") && outcome.stderr.contains("for another reason"),
        "{outcome}"
    );
    // Where the number stays what it is made of, the reason is the same.
    place.write(
        "recon.toml",
        place
            .read("recon.toml")
            .replace("\"status.id\" = \"digits\"", "\"status.id\" = \"keep\"\n\"account*\" = \"keep\""),
    );
    let toml = place
        .read("recon.toml")
        .replace("account_no = \"digits\"\n", "account_no = \"keep\"\n")
        .replace("\"account.no\" = \"digits\"\n", "");
    place.write("recon.toml", toml);
    let outcome = place.recon(&["capture", "latest", "--keys", PEOPLE[1].3]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(place.read("cases/run-1-1/discrepancies.ndjson").contains("\"unknown\""));
    // And so must it be before anything is masked.
    place.write("calc.py", place.read("calc.py").replace("the account is closed", "the account is locked"));
    let outcome = place.recon(&["capture", "latest", "--keys", PEOPLE[1].3, "--name", "other"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(outcome.stderr.contains("for another reason"), "{outcome}");
}

#[test]
fn the_verdict_of_the_masked_case_is_that_of_its_values() {
    let place = project(MASKS);
    place.write(
        "recon.toml",
        place.read("recon.toml") + "[reconciliation.payout.population]\nstore = \"core\"\nquery = \"population.sql\"\n",
    );
    // A pseudonym has three words.
    place.write(
        "population.sql",
        "SELECT COUNT(DISTINCT a.account_no) AS n FROM accounts a JOIN customers c ON c.customer_id = a.customer_id \
         WHERE c.name NOT LIKE '% % %'",
    );
    verify(&place);
    let outcome = refused(&place, 3, &["latest", "--keys", PEOPLE[1].3]);
    assert!(outcome.stderr.contains("the verdict was warned and is incomplete"), "{outcome}");
    place.write("population.sql", place.read("population.sql").replace("WHERE c.name NOT LIKE '% % %'", ""));
    let outcome = place.recon(&["capture", "latest", "--keys", PEOPLE[1].3]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn a_key_that_only_one_side_has_is_a_case_by_itself() {
    let place = verified(MASKS);
    let outcome = place.recon(&["capture", "latest", "--keys", PEOPLE[3].3, "--name", "alone"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let case = place.read("cases/alone/case.toml");
    assert!(case.contains("allow_empty = true") && case.contains("verdict = \"warned\""), "{case}");
    assert!(place.read("cases/alone/discrepancies.ndjson").contains("legacy_only"));
    let outcome = place.recon(&["capture", "latest", "--discrepancies", "--each", "--name", "each"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let written = files(&place.path().join("cases"));
    let cases: Vec<&String> =
        written.iter().filter(|(name, _)| name.ends_with("case.toml")).map(|(_, text)| text).collect();
    assert_eq!(cases.len(), 4);
    // Only where a side is empty.
    assert_eq!(cases.iter().filter(|text| text.contains("allow_empty")).count(), 2);
    let test = place.recon(&["test"]);
    assert_eq!(test.code, Some(0), "{test}");
}

#[test]
fn a_column_that_no_case_can_hold_may_be_dropped() {
    let place = verified(MASKS);
    sqlite(
        &place.path().join("core.db"),
        "ALTER TABLE customers ADD COLUMN seal BLOB; UPDATE customers SET seal = X'0102'",
    );
    let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[1].3]);
    let rule = "\"core.customers.seal\" = \"drop\"";
    assert!(outcome.stderr.contains(rule), "{outcome}");
    place.write("recon.toml", place.read("recon.toml") + rule + "\n");
    let outcome = place.recon(&["capture", "latest", "--keys", PEOPLE[1].3]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(!place.read("cases/run-1-1/core/customers.csv").contains("seal"));
}

#[test]
fn cases_for_each_key_are_named_by_what_the_records_are_masked_with() {
    let rules = MASKS.replace("account_no = \"digits\"\n", "").replace(
        "\"account.no\" = \"digits\"\n",
        "\"core.accounts.account_no\" = \"digits\"\n\"core.sales.account_no\" = \"digits\"\n\"docs.payees.account.no\" = \"digits\"\n",
    );
    let place = verified(&rules);
    let keys = format!("{},{}", PEOPLE[0].3, PEOPLE[1].3);
    let outcome = place.recon(&["capture", "latest", "--keys", &keys, "--each"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    for (name, text) in files(&place.path().join("cases")) {
        assert_clean(&name, &text);
        assert_clean("its name", &name);
    }
    let test = place.recon(&["test"]);
    assert_eq!(test.code, Some(0), "{test}");
}

#[test]
fn a_later_case_may_be_the_first_with_decimals() {
    let place = project(MASKS);
    // Whole numbers, but for the last.
    sqlite(
        &place.path().join("core.db"),
        "DROP TABLE sales; CREATE TABLE sales (sale_id INTEGER NOT NULL PRIMARY KEY, account_no VARCHAR(30) NOT NULL, \
         amount DECIMAL(18,2) NOT NULL, sold_on DATE NOT NULL); \
         INSERT INTO sales SELECT customer_id, account_no, 1000, '2026-11-02' FROM accounts; \
         UPDATE sales SET amount = 310.5 WHERE sale_id = 4",
    );
    place.write("docs/payees.ndjson", documents().join("\n").replace("\"amount\":310", "\"amount\":310.5"));
    for query in ["legacy.sqlite.sql", "candidate.sql"] {
        place.write(query, place.read(query).replace("SUM(", "MAX("));
    }
    verify(&place);
    let keys = format!("{},{}", PEOPLE[0].3, PEOPLE[4].3);
    let outcome = place.recon(&["capture", "latest", "--keys", &keys, "--each"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(place.read("cases/suite.toml").contains("\nsqlite_decimals = "), "{outcome}");
    let test = place.recon(&["test"]);
    assert_eq!(test.code, Some(0), "{test}");
}

//! Messages and what a case says of itself: fields and files, never somebody's value.

use crate::people::{MASKS, PEOPLE, assert_clean, files, project, refused, verified, verify};
use crate::support::sqlite;

/// Rules that name the account's column table by table.
const BY_TABLE: &str = r#"
[capture.mask]
name = "name"
"*phone*" = "digits"
"*email*" = "email"
"core.accounts.account_no" = "digits"
"core.sales.account_no" = "digits"
"docs.payees.account.no" = "digits"
"#;

#[test]
fn no_message_names_a_key_that_is_masked_or_looks_personal() {
    for rules in [BY_TABLE, MASKS, ""] {
        let place = verified(rules);
        sqlite(&place.path().join("core.db"), "UPDATE sales SET amount = amount + 1");
        let outcome = refused(&place, 3, &["latest", "--discrepancies"]);
        // What is compared as an amount is shown.
        assert!(outcome.stderr.contains("a key: net was decided as 2500 and is 2501"), "{outcome}");
    }
}

#[test]
fn a_key_that_says_nothing_about_anybody_is_named() {
    // An order number, with rules that do not touch it.
    let place = project(&MASKS.replace("account_no = \"digits\"\n", "").replace("\"account.no\" = \"digits\"\n", ""));
    for (at, (.., account, _)) in PEOPLE.iter().enumerate() {
        let order = format!("ORD-{at}");
        for table in ["accounts", "sales"] {
            sqlite(
                &place.path().join("core.db"),
                &format!("UPDATE {table} SET account_no = '{order}' WHERE account_no = '{account}'"),
            );
        }
        place.write("docs/payees.ndjson", place.read("docs/payees.ndjson").replace(account, &order));
    }
    for (table, column) in [("accounts", "account_no"), ("sales", "account_no")] {
        sqlite(&place.path().join("core.db"), &format!("ALTER TABLE {table} RENAME COLUMN {column} TO order_ref"));
    }
    let renamed = |name: &str| place.write(name, place.read(name).replace("account_no", "order_ref"));
    for name in ["recon.toml", "legacy.sqlite.sql", "candidate.sql"] {
        renamed(name);
    }
    place.write(
        "docs/payees.ndjson",
        place.read("docs/payees.ndjson").replace("\"account\":{\"no\"", "\"account\":{\"order\""),
    );
    place.write("recon.toml", place.read("recon.toml").replace("account.no", "account.order"));
    verify(&place);
    sqlite(&place.path().join("core.db"), "UPDATE sales SET amount = amount + 1");
    let outcome = refused(&place, 3, &["latest", "--discrepancies"]);
    assert!(outcome.stderr.contains("key ORD-1: net was decided as 2500 and is 2501"), "{outcome}");
}

#[test]
fn no_message_names_a_number_of_a_column_that_is_no_amount() {
    let rules = MASKS.replace("name = \"name\"\n", "name = \"name\"\npayee = \"name\"\nbank_ref = \"digits\"\n");
    for rules in [rules.as_str(), &rules.replace("bank_ref = \"digits\"\n", "")] {
        let place = project(rules);
        sqlite(
            &place.path().join("core.db"),
            "ALTER TABLE customers ADD COLUMN bank_ref TEXT; UPDATE customers SET bank_ref = '1102345678' || customer_id",
        );
        let query = place.read("legacy.sqlite.sql");
        let query = query.replace("AS payee, SUM", "AS payee, c.bank_ref, SUM") + ", c.bank_ref";
        place.write("legacy.sqlite.sql", query);
        place.write(
            "candidate.sql",
            "SELECT account_no, payee, bank_ref, SUM(amount) AS net FROM payees GROUP BY account_no, payee, bank_ref",
        );
        let toml = place
            .read("recon.toml")
            .replace("payee = \"account.holder.name\"", "payee = \"account.holder.name\", bank_ref = \"bank_ref\"");
        place.write("recon.toml", toml);
        let lines: Vec<String> = place
            .read("docs/payees.ndjson")
            .lines()
            .enumerate()
            .map(|(at, line)| line.replacen('{', &format!("{{\"bank_ref\":\"1102345678{at}\","), 1))
            .collect();
        place.write("docs/payees.ndjson", lines.join("\n"));
        verify(&place);
        sqlite(&place.path().join("core.db"), "UPDATE customers SET bank_ref = '9902345678' || customer_id");
        let outcome = refused(&place, 3, &["latest", "--keys", PEOPLE[1].3]);
        assert!(outcome.stderr.contains("bank_ref was decided otherwise"), "{outcome}");
        assert!(!outcome.stderr.contains("2345678"), "{outcome}");
    }
}

#[test]
fn tags_and_names_are_looked_at() {
    let place = verified(MASKS);
    for flags in [["--tag", "hong@example.com"], ["--tag", "010-3333-4444"], ["--name", "010-3333-4444"]] {
        let words = [&["latest", "--keys", PEOPLE[1].3][..], &flags].concat();
        let outcome = refused(&place, 2, &words);
        assert!(outcome.stderr.contains(flags[0]) && !outcome.stderr.contains(flags[1]), "{outcome}");
    }
    let outcome =
        place.recon(&["capture", "latest", "--keys", PEOPLE[1].3, "--name", "2026-11-05-late", "--tag", "2026-11"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn a_text_parameter_without_a_rule_stands_only_where_it_is_needed() {
    let place = project(MASKS);
    place
        .write("recon.toml", place.read("recon.toml").replace("day = \"date\" }", "day = \"date\", only = \"text\" }"));
    let query = place.read("legacy.sqlite.sql").replace("WHERE s.sold_on", "WHERE :only <> c.name AND s.sold_on");
    place.write("legacy.sqlite.sql", query);
    let verified = place.recon(&["verify", "payout", "--param", "day=2026-11-01", "--param", "only=Hong Gildong"]);
    assert_eq!(verified.code, Some(0), "{verified}");
    let outcome = place.recon(&["capture", "latest", "--keys", PEOPLE[1].3]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let case = place.read("cases/run-1-1/case.toml");
    let why = case.lines().find(|line| line.starts_with("why")).expect("why");
    assert!(!why.contains("Hong") && why.contains("day=2026-11-01"), "{case}");
    assert!(!outcome.stdout.contains("Hong"), "{outcome}");
    for (name, text) in files(&place.path().join("cases")) {
        assert_clean(&name, &text);
    }
}

#[test]
fn a_rule_for_what_is_read_as_it_lies_hides_it_too() {
    let place = project("\n[capture.mask]\n\"docs.nets.net\" = \"digits\"\n");
    let toml = place.read("recon.toml");
    let (head, rest) = toml.split_once("[reconciliation.payout.candidate]").expect("a candidate");
    let (_, tail) = rest.split_once("[reconciliation.payout.decisions]").expect("decisions");
    let candidate = "[reconciliation.payout.candidate]\nstore = \"docs\"\ncollection = \"nets\"\n";
    place.write("recon.toml", format!("{head}{candidate}[reconciliation.payout.decisions]{tail}"));
    let line = |(.., account, sold): &(&str, &str, &str, &str, &str)| {
        format!("{{\"account_no\":\"{account}\",\"net\":{sold}}}")
    };
    place.write("docs/nets.ndjson", PEOPLE.iter().map(line).collect::<Vec<_>>().join("\n"));
    verify(&place);
    sqlite(&place.path().join("core.db"), "UPDATE sales SET amount = amount + 1");
    let outcome = refused(&place, 3, &["latest", "--keys", PEOPLE[1].3]);
    assert!(outcome.stderr.contains("moved since run 1-1"), "{outcome}");
    assert!(!outcome.stderr.contains("2500") && !outcome.stderr.contains("2501"), "{outcome}");
}

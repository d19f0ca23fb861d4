//! What is refused, and that nothing is written then and no value is shown.

use crate::people::{MASKS, PEOPLE, documents, project, refused, verified, verify};
use crate::support::sqlite;

#[test]
fn what_looks_personal_needs_a_rule() {
    for (rule, field, mask) in [
        ("\"*phone*\" = \"digits\"\n", "core.customers.phone", "digits"),
        ("\"*email*\" = \"email\"\n", "docs.payees.account.holder.contact.email", "email"),
        ("name = \"name\"\n", "docs.payees.account.holder.name", "name"),
        ("\"account.no\" = \"digits\"\n", "docs.payees.account.no", "digits"),
    ] {
        let place = verified(&MASKS.replace(rule, ""));
        let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[4].3]);
        let line = format!("\"{field}\" = \"{mask}\"");
        assert!(outcome.stderr.contains(&line), "{outcome}");
    }
}

#[test]
fn a_rule_may_say_that_it_is_no_personal_data() {
    let place = verified(&MASKS.replace("\"*phone*\" = \"digits\"\n", "\"*phone*\" = \"keep\"\n"));
    let outcome = place.recon(&["capture", "latest", "--discrepancies"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(place.read("cases/run-1-1/core/customers.csv").contains("010-9876-5432"));
}

#[test]
fn a_value_that_is_masked_here_and_stands_there_is_found() {
    let place = project(MASKS);
    let lines = documents().join("\n").replace("\"_id\":1,", "\"_id\":1,\"note\":\"paid to jiwon, see LEE JIWON\",");
    place.write("docs/payees.ndjson", lines);
    verify(&place);
    let outcome = refused(&place, 2, &["latest", "--discrepancies"]);
    assert!(outcome.stderr.contains("docs/payees.ndjson"), "{outcome}");
    let ruled = MASKS.replace("account_no = \"digits\"\n", "account_no = \"digits\"\nnote = \"drop\"\n");
    place.write("recon.toml", place.read("recon.toml").replace(MASKS, &ruled));
    let outcome = place.recon(&["capture", "latest", "--discrepancies"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn inputs_that_have_moved_are_said_to_have() {
    let place = verified(MASKS);
    sqlite(&place.path().join("core.db"), "UPDATE sales SET amount = amount + 1");
    let outcome = refused(&place, 3, &["latest", "--discrepancies"]);
    assert!(outcome.stderr.contains("moved since run 1-1"), "{outcome}");
    // So are those of a key that agreed.
    let outcome = refused(&place, 3, &["latest", "--keys", PEOPLE[0].3]);
    assert!(outcome.stderr.contains("moved since run 1-1"), "{outcome}");
}

#[test]
fn without_a_secret_or_with_a_short_one_nothing_is_masked() {
    let place = verified(MASKS).env("RECON_CAPTURE_SECRET", "short");
    let outcome = refused(&place, 2, &["latest", "--discrepancies"]);
    assert!(outcome.stderr.contains("shorter than 16"), "{outcome}");
    let place = verified(MASKS).env("RECON_CAPTURE_SECRET", "");
    refused(&place, 2, &["latest", "--discrepancies"]);
}

#[test]
fn rows_that_no_equality_leads_to_are_given_by_the_project_file() {
    // The key is computed: nothing says which column it comes from.
    let place = project(MASKS);
    place.write(
        "legacy.sqlite.sql",
        place.read("legacy.sqlite.sql").replace("SELECT a.account_no,", "SELECT a.account_no || '' AS account_no,"),
    );
    sqlite(
        &place.path().join("core.db"),
        "INSERT INTO sales SELECT 1000 + value, 'nobody', 1, '2026-11-02' FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 3000) SELECT value FROM n)",
    );
    verify(&place);
    // Accounts and sales have a column of the key's name, customers hang on the accounts.
    let outcome = place.recon(&["capture", "latest", "--discrepancies"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let query = "SELECT x.no || '' AS account_no, x.payee, x.net FROM (SELECT a.account_no AS no, c.name AS payee, SUM(s.amount) AS net \
                 FROM accounts a JOIN customers c ON c.customer_id + 0 = a.customer_id JOIN sales s ON s.account_no = a.account_no \
                 JOIN big ON big.n + 0 = 1 WHERE s.sold_on >= :day GROUP BY 1, 2) x";
    place.write("legacy.sqlite.sql", query);
    sqlite(
        &place.path().join("core.db"),
        "CREATE TABLE big (n INTEGER NOT NULL); INSERT INTO big SELECT sale_id FROM sales WHERE sale_id > 0",
    );
    let again = place.recon(&["verify", "payout", "--param", "day=2026-11-01", "--again"]);
    assert_eq!(again.code, Some(0), "{again}");
    let outcome = place.recon(&["capture", "latest", "--discrepancies"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("core.big") && outcome.stderr.contains("capture.tables"), "{outcome}");
    place.write(
        "recon.toml",
        format!(
            "{}\n[reconciliation.payout.capture.tables]\n\"core.big\" = \"whole\"\n[capture]\nlimit = 5000\n",
            place.read("recon.toml")
        ),
    );
    let outcome = place.recon(&["capture", "latest", "--discrepancies"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn what_is_there_is_not_overwritten() {
    let place = verified(MASKS);
    let first = place.recon(&["capture", "latest", "--discrepancies"]);
    assert_eq!(first.code, Some(0), "{first}");
    let before = crate::people::files(&place.path().join("cases"));
    let again = place.recon(&["capture", "latest", "--discrepancies"]);
    assert_eq!(again.code, Some(2), "{again}");
    assert!(again.stderr.contains("--name"), "{again}");
    assert_eq!(crate::people::files(&place.path().join("cases")), before);
    // Beside it there is room, also where the suite declares a table otherwise.
    let suite = place.read("cases/suite.toml").replace("email = \"text null\"", "email = \"text\"");
    place.write("cases/suite.toml", &suite);
    let more = place.recon(&["capture", "latest", "--sample", "2", "--name", "drawn"]);
    assert_eq!(more.code, Some(0), "{more}");
    assert_eq!(place.read("cases/suite.toml"), suite);
    assert!(place.read("cases/drawn/case.toml").contains("[tables.core.customers"), "{more}");
    let run = place.recon(&["test"]);
    assert_eq!(run.code, Some(0), "{run}");
    place.write("notes/a.txt", "nothing of recon's");
    let other = place.recon(&["capture", "latest", "--discrepancies", "--out", "notes"]);
    assert_eq!(other.code, Some(2), "{other}");
    place.write("elsewhere/suite.toml", "project = \"other.toml\"\n");
    place.write("elsewhere/other.toml", "");
    let other = place.recon(&["capture", "latest", "--discrepancies", "--out", "elsewhere"]);
    assert_eq!(other.code, Some(2), "{other}");
    assert!(other.stderr.contains("another project file"), "{other}");
}

//! What is wrong with a case, a suite or a flag is said with file and line, and nothing is called a pass: exit 2.

use crate::{edit, merchant_with};

#[test]
fn a_wrong_case_is_named_with_what_is_wrong() {
    let case = "cases/plain-sale/case.toml";
    for (file, from, to, said) in [
        (case, "tags =", "tag =", "cases/plain-sale/case.toml:2:1: unknown key `tag`"),
        (case, "why =", "wyh =", "cases/plain-sale/case.toml:1:1: unknown key `wyh`"),
        (case, "verdict = \"clean\"", "verdict = \"green\"", "unknown value `green`"),
        (case, "tags =", "params = { trade_from = 1.5 }\ntags =", "a value in quotes"),
        (case, "tags =", "params = { trade_form = \"2026-10-01\" }\ntags =", "has no parameter `trade_form`"),
        (case, "tags =", "params = { trade_from = \"2026-13-01\" }\ntags =", "`2026-13-01` is not a valid date"),
        (case, "tags =", "reconciliation = \"settlment\"\ntags =", "did you mean `settlement`?"),
        (case, "tags =", "percent = 101\ntags =", "`percent` is above 100"),
        ("cases/plain-sale/core/transactions.csv", "amount,", "ammount,", "record 1: column `amount`: it has no value"),
        ("cases/plain-sale/core/transactions.csv", "100000.00", "100000.001", "a decimal of 18 digits, 2 of them"),
        ("cases/plain-sale/core/transactions.csv", "2026-10-12T", "2026-10-32T", "a moment such as"),
        ("cases/plain-sale/core/contracts.csv", "1,7,card", "x,7,card", "a whole number of 64 bits is wanted"),
        ("cases/plain-sale/decisions.csv", "recon_source", "source", "a decision has no `recon_source`"),
        ("cases/suite.toml", "together =", "togehter =", "did you mean `together`?"),
        ("cases/suite.toml", "decimal(18,2)", "money", "`money` is no type of a column"),
        ("cases/suite.toml", "sqlite_decimals = \"scaled\"", "", "has decimals, and SQLite has none"),
        ("cases/suite.toml", "project = \"../recon.toml\"", "project = \"recon.toml\"", "cannot read the project file"),
    ] {
        let place = merchant_with(&["plain-sale"]);
        edit(&place, file, from, to);
        let outcome = place.recon(&["test"]);
        assert_eq!(outcome.code, Some(2), "{to}: {outcome}");
        assert!(outcome.stderr.contains(said), "{to}: {outcome}");
        assert_eq!(outcome.stdout, "", "{to}");
    }
}

#[test]
fn a_case_without_a_reason_to_be_is_none() {
    let place = merchant_with(&["plain-sale"]);
    place.write("cases/plain-sale/case.toml", "[expect]\nverdict = \"clean\"\n");
    let outcome = place.recon(&["test"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("`why` is missing"), "{outcome}");
    place.write("cases/plain-sale/case.toml", "why = \" \"\n[expect]\nverdict = \"clean\"\n");
    assert!(place.recon(&["test"]).stderr.contains("`why` is empty"));
}

#[test]
fn files_that_belong_nowhere_are_refused() {
    for (file, said) in [
        ("cases/plain-sale/decision.csv", "did you mean `decisions.csv`?"),
        ("cases/plain-sale/core/transactions.xlsx", "is no input"),
        ("cases/plain-sale/core/transactions.ndjson", "`core/transactions` is there in two files"),
        ("cases/plain-sale/core/refunds.csv", "the columns of `core.refunds` are not declared"),
        ("cases/plain-sale/croe/transactions.csv", "did you mean `core`?"),
        ("cases/other-sale/Case.toml", "its folder has no case.toml"),
        ("cases/other-sale/decisions.csv", "its folder has no case.toml"),
        ("cases/drawn.ndjson", "packed cases are in NAME.cases.ndjson"),
        ("cases/drawn.cases.jsonl", "packed cases are in NAME.cases.ndjson"),
        ("cases/drawn.cases.ndjson.gz", "packed cases are in NAME.cases.ndjson"),
    ] {
        let place = merchant_with(&["plain-sale"]);
        place.write(file, "id\n1\n");
        let outcome = place.recon(&["test"]);
        assert_eq!(outcome.code, Some(2), "{file}: {outcome}");
        assert!(outcome.stderr.contains(said), "{file}: {outcome}");
    }
}

#[test]
fn a_wrong_line_of_a_packed_file_is_named() {
    for (line, said) in [
        ("{\"name\":\"a\",\"wyh\":\"b\"}", "few.cases.ndjson:2: unknown key `wyh`"),
        ("{\"name\":\"a\",\"why\":\"b\"}", "few.cases.ndjson:2: missing key `expect`"),
        ("{\"name\":\"a\",", "few.cases.ndjson:2:"),
        ("{\"why\":\"b\"}", "few.cases.ndjson:2: missing key `name`"),
        (
            "{\"name\":\"a\",\"why\":\"b\",\"expect\":{\"verdict\":\"clean\",\"decisions\":[{\"id\":\"1\"}]}}",
            "has no `recon_source`",
        ),
        (
            "{\"name\":\"a\",\"why\":\"b\",\"expect\":{\"verdict\":\"clean\",\"discrepancies\":[{\"key\":{\"id\":1},\"kind\":\"mismatch\"}]}}",
            "1 stands without quotes in a discrepancy",
        ),
    ] {
        let place = merchant_with(&[]);
        place.write("cases/few.cases.ndjson", format!("\n{line}\n"));
        let outcome = place.recon(&["test"]);
        assert_eq!(outcome.code, Some(2), "{line}: {outcome}");
        assert!(outcome.stderr.contains(said), "{line}: {outcome}");
    }
    let place = merchant_with(&[]);
    let line = "{\"name\":\"a\",\"why\":\"b\",\"inputs\":{\"core\":{}},\"expect\":{\"verdict\":\"clean\"}}\n";
    place.write("cases/few.cases.ndjson", line.repeat(2));
    let outcome = place.recon(&["test"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("few.cases.ndjson:2: the name `few/a` stands twice"), "{outcome}");
}

#[test]
fn wrong_flags_are_refused() {
    let place = merchant_with(&["plain-sale"]);
    for (arguments, said) in [
        (&["nowhere"][..], "there is no such folder"),
        (&["recon.toml"], "no suite.toml stands here or above"),
        (&["--shard", "0/4"], "is no share of the cases"),
        (&["--shard", "5/4"], "is no share of the cases"),
        (&["--shard", "half"], "is no share of the cases"),
        (&["--store", "core"], "`--store` names no store"),
        (&["--store", "core=file:x"], "is the URL of no server"),
        (&["--store", "cora=mysql://127.0.0.1/x"], "did you mean `core`?"),
        (&["--update", "--format", "json"], "shows what changes as a table"),
    ] {
        let outcome = place.recon(&[&["test"], arguments].concat());
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome}");
        assert!(outcome.stderr.contains(said), "{arguments:?}: {outcome}");
    }
}

#[test]
fn an_input_is_written_nowhere_but_into_the_stores_of_the_test() {
    let place = merchant_with(&["plain-sale"]);
    let lake = place.path().join("lake");
    std::fs::create_dir(&lake).expect("a folder");
    place.write("lake/holdings.ndjson", "REAL");
    let up = "../".repeat(12);
    for (store, table) in [
        ("docs", format!("{up}{}", lake.join("holdings").display())),
        ("docs", lake.join("holdings").display().to_string()),
        ("docs", "../docs".to_owned()),
        ("docs", String::new()),
        ("..", "holdings".to_owned()),
    ] {
        place.write(
            "cases/few.cases.ndjson",
            format!(
                "{{\"name\":\"a\",\"why\":\"b\",\"inputs\":{{\"{store}\":{{\"{table}\":[{{\"_id\":1}}]}}}},\"expect\":{{\"verdict\":\"incomplete\",\"reason\":\"nothing\"}}}}\n"
            ),
        );
        let outcome = place.recon(&["test"]);
        assert_eq!(outcome.code, Some(2), "{store} {table}: {outcome}");
        assert!(outcome.stderr.contains("few.cases.ndjson:1: an input cannot be named"), "{outcome}");
        assert_eq!(place.read("lake/holdings.ndjson"), "REAL");
    }
    // Of two tables of one name the rows of the first would be lost.
    let inputs = r#"{"docs":{"transactions":[{"_id":77}],"transactions":[{"_id":1}]}}"#;
    place.write(
        "cases/few.cases.ndjson",
        format!("{{\"name\":\"a\",\"why\":\"b\",\"inputs\":{inputs},\"expect\":{{\"verdict\":\"clean\"}}}}\n"),
    );
    let doubled = place.recon(&["test"]);
    assert!(doubled.code == Some(2) && doubled.stderr.contains("`transactions` stands there twice"), "{doubled}");
}

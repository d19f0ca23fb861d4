//! Cases in folders: those that are shipped hold, a failure is shown, nothing goes from one case to the next.

use serde_json::Value as Json;

use crate::support::Place;
use crate::{edit, example, merchant_with};

#[test]
fn the_shipped_cases_of_every_settlement_hold() {
    for name in ["p2p", "royalty", "merchant"] {
        let place = example(name);
        let outcome = place.recon(&["test", "--format", "json"]);
        assert_eq!(outcome.code, Some(0), "{name}: {outcome}");
        let json: Json = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!((&json["schema"], &json["verdict"]), (&"recon.test/1".into(), &"passed".into()));
        assert!(json["cases"]["run"].as_u64() >= Some(8), "{name}: {json}");
        assert_eq!(json["cases"]["run"], json["cases"]["passed"]);
    }
}

#[test]
fn several_suites_below_one_folder_are_told_apart() {
    let place = example("merchant");
    crate::copy(&crate::example("p2p").path(), &place.path().join("p2p"));
    let outcome = place.recon(&["test", "."]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    edit(&place, "p2p/cases/plain/decisions.csv", "10760", "10761");
    let outcome = place.recon(&["test", "."]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stdout.contains("FAIL  p2p/cases/plain\n"), "{outcome}");
}

#[test]
fn a_failure_is_shown_first_with_what_was_expected_and_what_came_out() {
    let place = merchant_with(&["min-fee", "late-contract", "plain-sale"]);
    edit(&place, "cases/min-fee/decisions.csv", "5,4060,102,10,3948", "5,4060,101,10,3949");
    let outcome = place.recon(&["test"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let head = outcome.stdout.split("\nslowest: ").next().expect("a head");
    assert_eq!(
        head,
        "FAIL  min-fee\n      cases/min-fee/case.toml\n      why: the least fee of 100 won stands in below 4000 won; at 4000 won both are 100, above it the rate counts\n      \
         decisions (- expected, + came out)\n        transaction_id,amount_krw,fee,vat,net,settlement_day,recon_source,recon_reason\n        \
         4,4000,100,10,3890,2026-10-14,candidate,agree\n      - 5,4060,101,10,3949,2026-10-14,candidate,agree\n      \
         + 5,4060,102,10,3948,2026-10-14,candidate,agree\n"
    );
    let last = outcome.stdout.lines().last().expect("a summary");
    assert!(last.starts_with("3 cases: 2 passed, 1 failed in "), "{last}");
}

#[test]
fn every_part_of_an_expectation_counts() {
    for (file, from, to, what) in [
        ("case.toml", "verdict = \"warned\"", "verdict = \"clean\"", "verdict (- expected, + came out)"),
        ("discrepancies.ndjson", "\"2500\"", "\"2501\"", "discrepancies (- expected, + came out)"),
        ("discrepancies.ndjson", "\"mismatch\"", "\"unknown\"", "discrepancies (- expected, + came out)"),
        ("decisions.csv", "legacy,mismatch", "candidate,mismatch", "decisions (- expected, + came out)"),
        ("decisions.csv", "2026-10-23", "2026-10-22", "decisions (- expected, + came out)"),
        ("decisions.csv", "settlement_day", "settled_on", "decisions (- expected, + came out)"),
    ] {
        let place = merchant_with(&["late-contract"]);
        edit(&place, &format!("cases/late-contract/{file}"), from, to);
        let outcome = place.recon(&["test"]);
        assert_eq!(outcome.code, Some(1), "{from}: {outcome}");
        assert!(outcome.stdout.contains(what), "{from}: {outcome}");
    }
}

#[test]
fn a_path_that_cannot_run_is_no_pass() {
    let place = merchant_with(&["plain-sale"]);
    edit(&place, "legacy.sqlite.sql", "FROM traded s", "FROM nowhere s");
    let outcome = place.recon(&["test"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stdout.contains("BROKEN  plain-sale") && outcome.stdout.contains("nowhere"), "{outcome}");
    assert!(outcome.stdout.contains("1 case: 0 passed, 1 could not be run"), "{outcome}");
}

#[test]
fn cases_are_chosen_and_none_is_no_pass() {
    let place = example("merchant");
    let run = |arguments: &[&str]| place.recon(&[&["test"], arguments].concat());
    let counted = |outcome: &crate::support::Outcome, what: &str| {
        assert_eq!(outcome.code, Some(0), "{outcome}");
        assert!(outcome.stdout.lines().last().is_some_and(|line| line.starts_with(what)), "{outcome}");
    };
    counted(&run(&["--filter", "holiday"]), "1 case: 1 passed");
    counted(&run(&["--tag", "cancel", "--tag", "contract"]), "1 case: 1 passed");
    counted(&run(&["cases/min-fee"]), "1 case: 1 passed");
    for nothing in [&["--filter", "no such case"][..], &["--tag", "nobody"], &["--filter", "min-fee", "--tag", "fx"]] {
        let outcome = run(nothing);
        assert_eq!(outcome.code, Some(3), "{outcome}");
        assert!(outcome.stderr.contains("no case ran: of 17 below cases none is left"), "{outcome}");
    }
    std::fs::create_dir(place.path().join("empty")).expect("a folder");
    assert_eq!(run(&["empty"]).code, Some(3));
}

#[test]
fn the_first_failure_ends_it_when_that_is_asked() {
    let place = example("merchant");
    for case in ["min-fee", "plain-sale", "holidays"] {
        edit(&place, &format!("cases/{case}/decisions.csv"), ",agree", ",tolerated");
    }
    edit(&place, "cases/suite.toml", "together = true", "together = false");
    let outcome = place.recon(&["test", "--fail-fast", "--jobs", "1", "--format", "json"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let json: Json = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert!(json["cases"]["run"].as_u64() < Some(17), "{json}");
}

#[test]
fn junit_has_every_case() {
    let place = example("merchant");
    edit(&place, "cases/min-fee/decisions.csv", "5,4060,102", "5,4060,<102>");
    let outcome = place.recon(&["test", "--format", "junit", "--output", "cases.xml"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let xml = place.read("cases.xml");
    assert_eq!(xml.matches("<testcase ").count(), 17);
    assert!(xml.contains("tests=\"17\" failures=\"1\" errors=\"0\""), "{xml}");
    assert!(xml.contains("- 5,4060,&lt;102&gt;,10,3948"), "{xml}");
    assert!(xml.ends_with("  </testsuite>\n</testsuites>\n"), "{xml}");
    assert!(outcome.stderr.contains("17 cases: 16 passed, 1 failed"), "{outcome}");
}

/// A line of a packed file: a sale of 10,000 won on a day, by a contract of 2.5 % and two business days.
fn sale(name: &str, day: &str, inputs: &str, expect: &str) -> String {
    format!(
        r#"{{"name":"{name}","why":"test","inputs":{{"core":{{"transactions":[{{"transaction_id":1,"merchant_id":7,"method":"card","kind":"sale","currency":"KRW","amount":"10000.00","traded_at":"{day}T03:00:00Z"}}]{inputs}}},"docs":{{"transactions":[{{"_id":1,"kind":"sale","amount":10000.00,"trade_day":"{day}","fx_rate":1.0000,"contract":{{"rate":0.0250,"min_fee":100,"settle_days":2}}}}]}}}},"expect":{expect}}}
"#
    )
}

#[test]
fn nothing_goes_from_one_case_into_the_next() {
    let contract = r#","contracts":[{"contract_id":1,"merchant_id":7,"method":"card","valid_from":"2026-01-01","valid_to":null,"rate":"0.0250","min_fee":100,"settle_days":2}]"#;
    // The 13th is no business day in this one's own calendar: the legacy path settles a day later.
    let calendar = r#","calendar":[{"day":"2026-10-12","is_business":1,"business_no":1},{"day":"2026-10-14","is_business":1,"business_no":2},{"day":"2026-10-15","is_business":1,"business_no":3}]"#;
    let decided = |day: &str| {
        format!(
            r#"{{"verdict":"clean","decisions":[{{"transaction_id":"1","amount_krw":"10000","fee":"250","vat":"25","net":"9725","settlement_day":"{day}","recon_source":"candidate","recon_reason":"agree"}}]}}"#
        )
    };
    let late = r#"{"verdict":"warned","decisions":[{"transaction_id":"1","amount_krw":"10000","fee":"250","vat":"25","net":"9725","settlement_day":"2026-10-15","recon_source":"legacy","recon_reason":"mismatch"}],"discrepancies":[{"key":{"transaction_id":"1"},"kind":"mismatch","fields":[{"column":"settlement_day","legacy":"2026-10-15","candidate":"2026-10-14"}]}]}"#;
    // Without a contract legacy has no record: if the one of the case before were still there, it would be clean.
    let nothing = r#"{"verdict":"incomplete","reason":"nothing was compared","discrepancies":[{"key":{"transaction_id":"1"},"kind":"candidate_only","fields":[{"column":"amount_krw","legacy":null,"candidate":"10000"},{"column":"fee","legacy":null,"candidate":"250"},{"column":"vat","legacy":null,"candidate":"25"},{"column":"net","legacy":null,"candidate":"9725"},{"column":"settlement_day","legacy":null,"candidate":"2026-10-14"}]}]}"#;
    let lines = [
        sale("own-calendar", "2026-10-12", &format!("{contract}{calendar}"), late),
        sale("shared-calendar", "2026-10-12", contract, &decided("2026-10-14")),
        sale("no-contract", "2026-10-12", "", nothing),
        sale("again", "2026-10-12", contract, &decided("2026-10-14")),
        sale("own-calendar-again", "2026-10-12", &format!("{contract}{calendar}"), late),
    ];
    for together in ["true", "false"] {
        let place = merchant_with(&[]);
        edit(&place, "cases/suite.toml", "together = true", &format!("together = {together}"));
        place.write("cases/few.cases.ndjson", lines.concat());
        let forth = place.recon(&["test", "--jobs", "1"]);
        assert_eq!(forth.code, Some(0), "{forth}");
        place.write("cases/few.cases.ndjson", lines.iter().rev().cloned().collect::<String>());
        let back = place.recon(&["test", "--jobs", "1"]);
        assert_eq!(back.code, Some(0), "{back}");
    }
}

/// A table and a lake of a reconciliation that reads everything there is.
fn everything(place: &Place) {
    place.write("recon.toml", "[stores.core]\nurl = \"sqlite:core.db\"\n[stores.lake]\nurl = \"file:lake\"\n[reconciliation.payout]\nkey = [\"id\"]\n[reconciliation.payout.legacy]\nstore = \"core\"\nquery = \"legacy.sql\"\n[reconciliation.payout.candidate]\nsql = \"candidate.sql\"\ninputs = { payout = { store = \"lake\", table = \"payout\" } }\n");
    place.write("legacy.sql", "SELECT * FROM payout");
    place.write("candidate.sql", "SELECT * FROM payout");
    let columns = |store: &str, more: &str| {
        format!(
            "[tables.{store}.payout]\nkey = [\"id\"]\n[tables.{store}.payout.columns]\nid = \"integer\"\nnet = \"integer\"\n{more}"
        )
    };
    place.write(
        "cases/suite.toml",
        format!(
            "project = \"../recon.toml\"\nreconciliation = \"payout\"\n{}{}",
            columns("core", ""),
            columns("lake", "")
        ),
    );
    for (case, more, legacy, candidate) in
        [("a", "", "1,10", "1,10"), ("b", "tax = \"integer\"\n", "1,10,1", "1,10,2"), ("c", "", "1,10", "1,10")]
    {
        let own =
            if more.is_empty() { String::new() } else { format!("{}{}", columns("core", more), columns("lake", more)) };
        place.write(
            &format!("cases/{case}/case.toml"),
            format!("why = \"of three\"\n[expect]\nverdict = \"clean\"\n{own}"),
        );
        let head = if more.is_empty() { "id,net" } else { "id,net,tax" };
        place.write(&format!("cases/{case}/core/payout.csv"), format!("{head}\n{legacy}\n"));
        place.write(&format!("cases/{case}/lake/payout.csv"), format!("{head}\n{candidate}\n"));
        place.write(
            &format!("cases/{case}/decisions.csv"),
            format!("{head},recon_source,recon_reason\n{candidate},candidate,agree\n"),
        );
    }
}

#[test]
fn a_table_of_other_columns_is_seen_whatever_case_ran_before() {
    let place = Place::new();
    everything(&place);
    let alone = place.recon(&["test", "--filter", "b"]);
    assert!(alone.code == Some(1) && alone.stdout.contains("tax 1 / 2"), "{alone}");
    for jobs in ["1", "4"] {
        let all = place.recon(&["test", "--jobs", jobs]);
        assert_eq!(all.code, Some(1), "a column that another case does not have is compared all the same: {all}");
        assert!(all.stdout.contains("FAIL  b") && all.stdout.contains("tax 1 / 2"), "{all}");
        assert!(all.stdout.contains("3 cases: 2 passed, 1 failed"), "{all}");
    }
}

#[test]
fn the_same_records_of_another_type_are_written_anew() {
    let place = Place::new();
    place.write("recon.toml", "[stores.core]\nurl = \"sqlite:core.db\"\n[stores.lake]\nurl = \"file:lake\"\n[reconciliation.most]\nkey = [\"id\"]\n[reconciliation.most.legacy]\nstore = \"core\"\nquery = \"legacy.sql\"\n[reconciliation.most.candidate]\nsql = \"candidate.sql\"\ninputs = { plays = { store = \"lake\", table = \"plays\" } }\n");
    place.write("legacy.sql", "SELECT id, net FROM payout");
    place.write("candidate.sql", "SELECT id, CAST(MAX(amt) AS BIGINT) AS net FROM plays GROUP BY id");
    let lake = |kind: &str| {
        format!(
            "[tables.lake.plays]\nkey = [\"id\"]\n[tables.lake.plays.columns]\nid = \"integer\"\namt = \"{kind}\"\n"
        )
    };
    place.write("cases/suite.toml", format!("project = \"../recon.toml\"\nreconciliation = \"most\"\n[tables.core.payout]\nkey = [\"id\"]\n[tables.core.payout.columns]\nid = \"integer\"\nnet = \"integer\"\n{}", lake("integer")));
    place.write("cases/inputs/lake/plays.csv", "id,amt\n1,9\n1,10\n");
    for (case, own) in [("a", String::new()), ("b", lake("text"))] {
        place.write(
            &format!("cases/{case}/case.toml"),
            format!("why = \"of two\"\n[expect]\nverdict = \"clean\"\n{own}"),
        );
        place.write(&format!("cases/{case}/core/payout.csv"), "id,net\n1,10\n");
        place.write(&format!("cases/{case}/decisions.csv"), "id,net,recon_source,recon_reason\n1,10,candidate,agree\n");
    }
    // The greatest text is another than the greatest number, or a text is refused where a number is wanted.
    let alone = place.recon(&["test", "--filter", "b"]);
    assert_eq!(alone.code, Some(1), "{alone}");
    let all = place.recon(&["test", "--jobs", "1"]);
    assert_eq!(all.code, Some(1), "{all}");
    assert!(!all.stdout.contains("  a\n") && all.stdout.contains("2 cases: 1 passed"), "{all}");
}

#[test]
fn a_path_that_fails_meets_an_expectation_only_by_name() {
    let place = merchant_with(&["plain-sale"]);
    edit(&place, "cases/plain-sale/case.toml", "verdict = \"clean\"", "verdict = \"incomplete\"");
    std::fs::remove_file(place.path().join("cases/plain-sale/decisions.csv")).expect("removed");
    let query = place.read("legacy.sqlite.sql");
    // It runs, until it meets a record.
    let failing = format!("SELECT * FROM (\n{query}\n) WHERE abs(-9223372036854775807 - (transaction_id > 0)) > 0");
    place.write("legacy.sqlite.sql", failing);
    let outcome = place.recon(&["test"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stdout.contains("BROKEN  plain-sale"), "{outcome}");
    assert!(outcome.stdout.contains("give a part of it as `reason`"), "{outcome}");
    let updated = place.recon(&["test", "--update"]);
    assert!(updated.code == Some(1) && updated.stdout.contains("stays as before"), "{updated}");
    edit(
        &place,
        "cases/plain-sale/case.toml",
        "verdict = \"incomplete\"",
        "verdict = \"incomplete\"\nreason = \"overflow\"",
    );
    let named = place.recon(&["test"]);
    assert_eq!(named.code, Some(0), "{named}");
}

//! `recon diff` on files, with the real program: what fooled other tools, and what a wrong command line says.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::Place;

/// Runs `recon diff legacy.csv candidate.csv --key id …` and returns exit code and JSON report.
fn csv(legacy: &str, candidate: &str, more: &[&str]) -> (i32, Value) {
    let place = Place::new();
    place.write("legacy.csv", legacy);
    place.write("candidate.csv", candidate);
    let mut arguments = vec!["diff", "legacy.csv", "candidate.csv", "--key", "id", "--format", "json"];
    arguments.extend(more);
    json(&place, &arguments)
}

fn json(place: &Place, arguments: &[&str]) -> (i32, Value) {
    let outcome = place.recon(arguments);
    let report = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|e| panic!("{e}\nstdout: {}\nstderr: {}", outcome.stdout, outcome.stderr));
    (outcome.code.expect("an exit code"), report)
}

fn verdict_of_amounts(legacy: &str, candidate: &str) -> (i32, String) {
    let (code, report) = csv(&format!("id,net\n1,{legacy}\n"), &format!("id,net\n1,{candidate}\n"), &[]);
    (code, report["verdict"].as_str().expect("a verdict").to_owned())
}

#[test]
fn amounts_that_fooled_other_tools() {
    let different = [
        ("1234567.89", "1234567.93"),
        ("12345678901234567.89", "12345678901234567.88"),
        ("10.0049", "10.00"),
        ("9.01", "91"),
        ("1000000000.01", "1000000000.04"),
        ("12345678901234567890123456789012", "12345678901234567890123456789013"),
        ("0.12345678901234567890123456789012", "0.12345678901234567890123456789013"),
        (
            "99999999999999999999999999999999999999999999999999999999999999999.1",
            "99999999999999999999999999999999999999999999999999999999999999999.2",
        ),
        ("NULL", ""),
        ("\"\"", ""),
        ("10", "10 "),
    ];
    for (legacy, candidate) in different {
        assert_eq!(verdict_of_amounts(legacy, candidate), (1, "differ".into()), "{legacy} / {candidate}");
        assert_eq!(verdict_of_amounts(candidate, legacy), (1, "differ".into()), "{candidate} / {legacy}");
    }
    for (legacy, candidate) in
        [("-0", "0"), ("-0.00", "0"), ("1.5", "1.500000000"), ("10", "10.0000000000000000000000000000000000000000")]
    {
        assert_eq!(verdict_of_amounts(legacy, candidate), (0, "agree".into()), "{legacy} / {candidate}");
        assert_eq!(verdict_of_amounts(candidate, legacy), (0, "agree".into()), "{candidate} / {legacy}");
    }
}

#[test]
fn equal_multisets_in_another_order_agree_and_reordered_duplicates_do_not_hide() {
    let (code, report) = csv("id,net\n1,5\n2,7\n3,9\n", "id,net\n3,9\n1,5\n2,7\n", &[]);
    assert_eq!((code, report["counts"]["matched"].as_u64()), (0, Some(3)));
    // The same lines, but the money of two keys swapped: sums and multisets of values are equal.
    let (code, report) = csv("id,net\n1,5\n2,7\n", "id,net\n1,7\n2,5\n", &[]);
    assert_eq!((code, report["counts"]["mismatched"].as_u64()), (1, Some(2)));
    assert_eq!(report["columns"][0]["net_difference"], "0");
    assert_eq!(report["columns"][0]["gross_difference"], "4");
    let (code, report) = csv("id,net\n1,5\n1,7\n2,1\n", "id,net\n2,1\n1,7\n1,5\n", &[]);
    assert_eq!((code, report["counts"]["duplicate"].as_u64()), (1, Some(1)));
    assert_eq!(report["rows"]["legacy_in_duplicates"], 2);
    let copies = &report["discrepancies"][0]["copies"];
    assert_eq!(copies["legacy"].as_array().map(Vec::len), Some(2));
    assert_eq!(copies["candidate"].as_array().map(Vec::len), Some(2));
}

#[test]
fn keys_are_text_byte_by_byte() {
    let (code, report) = csv("id,net\npo_2,1\n\"po_2 \",2\nPO_2,3\n", "id,net\nPO_2,3\n\"po_2 \",2\npo_2,1\n", &[]);
    assert_eq!((code, report["counts"]["matched"].as_u64()), (0, Some(3)));
    let (code, report) = csv("id,net\npo_2,1\n", "id,net\n\"po_2 \",1\n", &[]);
    assert_eq!(code, 1);
    assert_eq!(report["counts"]["legacy_only"], 1);
    assert_eq!(report["counts"]["candidate_only"], 1);
}

#[test]
fn the_report_of_the_contract() {
    let (code, report) = csv(
        "id,net,memo\n1,10.00,a\n2,20.00,b\n3,30.00,\n",
        "id,net,extra\n1,10.0,x\n2,20.01,y\n4,1,z\n",
        &["--tolerance", "net=0.001"],
    );
    assert_eq!(code, 1);
    assert_eq!(report["schema"], "recon.diff/1");
    assert_eq!(report["key"], serde_json::json!(["id"]));
    assert_eq!(report["rows"]["legacy"], 3);
    assert_eq!(
        report["counts"],
        serde_json::json!({"keys":4,"matched":1,"tolerated":0,"mismatched":1,"legacy_only":1,"candidate_only":1,"duplicate":0,"unknown":0})
    );
    assert_eq!(report["not_compared"], serde_json::json!({"legacy":["memo"],"candidate":["extra"]}));
    assert_eq!(report["columns"][0]["overpaid"], "1.01");
    assert_eq!(report["columns"][0]["underpaid"], "30.00");
    assert_eq!(
        report["discrepancies"][0],
        serde_json::json!({"key":{"id":"2"},"kind":"mismatch","fields":[{"column":"net","legacy":"20.00","candidate":"20.01","difference":"0.01"}]})
    );
    assert_eq!(report["truncated"], false);
}

#[test]
fn tolerance_counts_what_it_lets_through() {
    let (code, report) = csv("id,net\n1,10.00\n2,5\n", "id,net\n1,10.01\n2,5\n", &["--tolerance", "net=0.01"]);
    assert_eq!(code, 0);
    assert_eq!((report["counts"]["matched"].as_u64(), report["counts"]["tolerated"].as_u64()), (Some(2), Some(1)));
    assert_eq!(report["columns"][0]["gross_difference"], "0.01");
    let (code, _) = csv("id,net\n1,10.00\n", "id,net\n1,10.01\n", &["--tolerance", "net=0.1%"]);
    assert_eq!(code, 0);
    let (code, _) = csv("id,net\n1,10.00\n", "id,net\n1,10.02\n", &["--tolerance", "net=0.1%"]);
    assert_eq!(code, 1);
}

#[test]
fn nothing_compared_is_never_green() {
    let empty = "id,net\n";
    for (legacy, candidate) in [(empty, empty), (empty, "id,net\n1,1\n"), ("id,net\n1,1\n", empty)] {
        let (code, report) = csv(legacy, candidate, &[]);
        assert_eq!((code, report["verdict"].as_str()), (3, Some("incomplete")));
        assert!(report["reasons"][0].as_str().expect("a reason").contains("--allow-empty"));
    }
    assert_eq!(csv(empty, empty, &["--allow-empty"]).0, 0);
    assert_eq!(csv(empty, "id,net\n1,1\n", &["--allow-empty"]).0, 1);
    let (code, report) = csv("id,net\n1,1\n", "id,amount\n1,1\n", &[]);
    assert_eq!(code, 3, "{report}");
    assert!(report["reasons"][0].as_str().expect("a reason").contains("no column was compared"));
}

#[test]
fn a_limit_changes_what_is_shown_and_nothing_else() {
    let rows = |shift: i32| (0..50).map(|n| format!("{n},{}\n", n + shift)).collect::<String>();
    let (legacy, candidate) = (format!("id,net\n{}", rows(0)), format!("id,net\n{}", rows(1)));
    let (code, all) = csv(&legacy, &candidate, &[]);
    let (limited_code, limited) = csv(&legacy, &candidate, &["--limit", "3"]);
    assert_eq!((code, limited_code), (1, 1));
    assert_eq!(all["counts"], limited["counts"]);
    assert_eq!(all["columns"], limited["columns"]);
    assert_eq!(
        (limited["discrepancies"].as_array().map(Vec::len), limited["truncated"].as_bool()),
        (Some(3), Some(true))
    );
    assert_eq!(all["truncated"], false);
}

#[test]
fn an_absent_field_is_null_unless_told_otherwise() {
    let place = Place::new();
    place.write("legacy.ndjson", "{\"id\":1,\"net\":1,\"memo\":null}\n{\"id\":2,\"net\":2,\"memo\":\"x\"}\n");
    place.write("candidate.ndjson", "{\"id\":1,\"net\":1.0}\n{\"id\":2,\"net\":2,\"memo\":\"x\"}\n");
    let arguments = ["diff", "legacy.ndjson", "candidate.ndjson", "--key", "id", "--format", "json"];
    let (code, report) = json(&place, &arguments);
    assert_eq!(code, 0);
    assert_eq!(report["columns"][1]["drift"], serde_json::json!({"missing":1}));
    let (code, report) = json(&place, &[&arguments[..], &["--missing", "distinct"]].concat());
    assert_eq!(code, 1);
    assert_eq!(report["discrepancies"][0]["fields"][0]["column"], "memo");
}

#[test]
fn a_field_that_first_turns_up_late_is_compared_in_every_record() {
    let place = Place::new();
    let mut legacy = String::new();
    let mut candidate = String::new();
    for id in 0..3_000 {
        legacy.push_str(&format!("{{\"id\":{id},\"net\":1,\"late\":7}}\n"));
        let late = if id < 2_500 { String::new() } else { ",\"late\":7".into() };
        candidate.push_str(&format!("{{\"id\":{id},\"net\":1{late}}}\n"));
    }
    place.write("legacy.ndjson", legacy);
    place.write("candidate.ndjson", candidate);
    let (code, report) =
        json(&place, &["diff", "legacy.ndjson", "candidate.ndjson", "--key", "id", "--format", "json"]);
    assert_eq!(code, 1);
    assert_eq!(report["counts"]["mismatched"], 2_500);
    assert_eq!(report["rows"]["candidate"], 3_000);
}

#[test]
fn keys_of_other_types_never_meet_and_the_report_says_so() {
    let place = Place::new();
    place.write("legacy.ndjson", "{\"_id\":1,\"net\":1}\n{\"_id\":2,\"net\":2}\n");
    place.write("candidate.ndjson", "{\"_id\":\"1\",\"net\":1}\n{\"_id\":\"2\",\"net\":2}\n");
    let arguments = ["diff", "legacy.ndjson", "candidate.ndjson", "--key", "_id", "--format", "json"];
    let (code, report) = json(&place, &arguments);
    assert_eq!((code, report["counts"]["keys"].as_u64()), (1, Some(4)));
    assert!(report["sides"]["legacy"]["notices"][0].as_str().expect("a notice").contains("--type _id="), "{report}");
    let (code, _) = json(&place, &[&arguments[..], &["--type", "_id=text"]].concat());
    assert_eq!(code, 0);
    let (code, _) = json(&place, &[&arguments[..], &["--type", "_id=integer"]].concat());
    assert_eq!(code, 0);
}

#[test]
fn a_null_key_is_named_and_never_merged() {
    let (code, report) = csv("id,net\n,1\n,2\n1,1\n", "id,net\n,1\n1,1\n", &[]);
    assert_eq!(code, 3);
    assert_eq!((report["counts"]["unknown"].as_u64(), report["counts"]["matched"].as_u64()), (Some(1), Some(1)));
    let reason = report["discrepancies"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("`id` is NULL") && reason.contains("2 legacy and 1 candidate"), "{reason}");
}

#[test]
fn where_applies_to_both_sides() {
    let (code, report) = csv(
        "id,net,status\n1,10,paid\n2,20,open\n3,30,paid\n",
        "id,net,status\n1,10,paid\n2,99,open\n3,30,paid\n",
        &["--where", "status = 'paid' AND net > 5", "--columns", "net"],
    );
    assert_eq!((code, report["counts"]["keys"].as_u64()), (0, Some(2)));
}

#[test]
fn a_fixed_type_makes_what_does_not_fit_unknown() {
    let (code, report) = csv("id,net\n1,abc\n2,007\n", "id,net\n1,abc\n2,7.0\n", &["--type", "net=decimal"]);
    assert_eq!(code, 3);
    assert_eq!((report["counts"]["unknown"].as_u64(), report["counts"]["matched"].as_u64()), (Some(1), Some(1)));
    assert!(report["discrepancies"][0]["reason"].as_str().expect("a reason").contains("`abc` does not fit"));
}

#[test]
fn unsorted_files_larger_than_the_memory_are_sorted_on_disk() {
    let place = Place::new();
    let line = |n: u64| format!("{n},{}.{:02},memo of some length for record {n}\n", n % 977, n % 100);
    let count = 40_000u64;
    let sorted: String = (0..count).map(line).collect();
    // A step coprime to the count visits every record once, far out of order.
    let shuffled: String = (0..count).map(|n| line(n * 7_919 % count)).collect();
    place.write("legacy.csv", format!("id,net,memo\n{sorted}"));
    place.write("candidate.csv", format!("id,net,memo\n{shuffled}"));
    let (code, report) =
        json(&place, &["diff", "legacy.csv", "candidate.csv", "--key", "id", "--format", "json", "--memory", "1MiB"]);
    assert_eq!((code, report["counts"]["matched"].as_u64()), (0, Some(count)));
    assert!(report["sides"]["candidate"]["notices"][0].as_str().expect("a notice").contains("sorted"));
}

#[test]
fn a_side_that_is_cut_short_is_incomplete_and_never_a_shorter_list() {
    let place = Place::new();
    place.write("whole.csv", "id,net\n1,1\n2,2\n3,3\n");
    place.write("ragged.csv", "id,net\n1,1\n2,2,9\n3,3\n");
    place.write("quote.csv", "id,net\n1,1\n2,\"2\n");
    place.write("bad.ndjson", "{\"id\":1,\"net\":1}\n{\"id\":2,\"net\":\n");
    let dump = mongodb::bson::doc! {"id": 1, "net": 1};
    let bytes = dump.to_vec().expect("bson");
    place.write("cut.bson", [bytes.as_slice(), &bytes[..bytes.len() - 3]].concat());
    for (file, part) in [("ragged.csv", "line 3"), ("quote.csv", "line 3"), ("bad.ndjson", "2"), ("cut.bson", "cut")] {
        let (code, report) = json(&place, &["diff", "whole.csv", file, "--key", "id", "--format", "json"]);
        assert_eq!((code, report["verdict"].as_str()), (3, Some("incomplete")), "{file}: {report}");
        let reason = report["reasons"][0].as_str().expect("a reason");
        assert!(reason.contains(file) && reason.contains(part), "{file}: {reason}");
    }
}

#[test]
fn ndjson_streams_every_discrepancy_and_ends_with_the_summary() {
    let place = Place::new();
    place.write("legacy.csv", "id,net\n1,1\n2,2\n3,3\n");
    place.write("candidate.csv", "id,net\n1,9\n2,2\n4,4\n");
    let outcome = place.recon(&["diff", "legacy.csv", "candidate.csv", "--key", "id", "--output", "all.ndjson"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    let text = place.read("all.ndjson");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["kind"], "mismatch");
    assert_eq!(lines[3]["counts"]["keys"], 4);
}

#[test]
fn wrong_command_lines_say_what_and_what_to_do() {
    let place = Place::new();
    place.write("a.csv", "id,net\n1,1\n");
    place.write("b.csv", "id,net\n1,1\n");
    place.write("empty.csv", "");
    place.write("twice.csv", "id,id\n1,1\n");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["diff", "a.csv", "b.csv"], 2, "`--key` is missing"),
        (&["diff", "a.csv", "b.csv", "--key", "nope"], 2, "no column `nope`"),
        (&["diff", "a.csv", "b.csv", "--key", "id,id"], 2, "twice"),
        (&["diff", "a.csv", "missing.csv", "--key", "id"], 2, "missing.csv"),
        (&["diff", "a.csv", "b.txt", "--key", "id"], 2, "neither a store URL nor a file of a known kind"),
        (&["diff", "a.csv", "redis://h/1", "--key", "id"], 2, "redis"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--tolerance", "net=abc"], 2, "not a tolerance"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--tolerance", "nte=1"], 2, "not compared"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--type", "net=money"], 2, "not a type"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--where", "net +"], 2, "condition"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--where", "nte > 1"], 2, "no column `nte`"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--map", "net"], 2, "column=value"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--columns", "net", "--ignore", "net"], 2, "both"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--legacy-query", "SELECT 1"], 2, "takes no query"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--timezone", "Mars/Base"], 2, "time zone"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--output", "r.xyz"], 2, "format"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--output", "no/such/r.json"], 3, "could not be written"),
        (&["diff", "a.csv", "twice.csv", "--key", "id"], 2, "twice"),
        (&["diff", "sqlite:none.db#t", "b.csv", "--key", "id"], 2, "none.db"),
        (&["diff", "sqlite:none.db", "b.csv", "--key", "id"], 2, "names no table"),
        (&["diff", "a.csv", "b.csv", "--key", "id", "--format", "yaml"], 2, "yaml"),
        (&["diff", "nonesuch"], 2, "recon.toml"),
        (&["frobnicate"], 2, "frobnicate"),
    ];
    for (arguments, code, part) in cases {
        let outcome = place.recon(arguments);
        assert_eq!(outcome.code, Some(*code), "{arguments:?}\n{}", outcome.stderr);
        assert!(outcome.stderr.contains(part), "{arguments:?}: `{part}` is not in\n{}", outcome.stderr);
        assert!(!outcome.stderr.contains("backtrace") && !outcome.stderr.contains("panicked"), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_condition_that_cannot_be_decided_never_drops_a_record() {
    let place = Place::new();
    place.write("legacy.csv", b"id,status,net\n1,paid,10\n2,pa\xffid,20\n");
    place.write("candidate.csv", b"id,status,net\n1,paid,10\n2,pa\xffid,99\n");
    let (code, report) = json(
        &place,
        &["diff", "legacy.csv", "candidate.csv", "--key", "id", "--where", "status = 'paid'", "--format", "json"],
    );
    assert_eq!((code, report["counts"]["unknown"].as_u64()), (3, Some(1)), "{report}");
    // A number held against a text: the leading zeros make one of them a text, the other one stays.
    let (code, report) =
        csv("id,zip,net\n1,01234,1\n2,94105,5\n", "id,zip,net\n2,94105,500\n", &["--where", "zip >= '00000'"]);
    assert_eq!((code, report["counts"]["keys"].as_u64()), (1, Some(2)));
}

#[test]
fn a_condition_means_the_same_on_a_database_with_amounts_in_text() {
    let place = Place::new();
    support::sqlite(
        &place.path().join("s.db"),
        "CREATE TABLE l (id INTEGER PRIMARY KEY, net TEXT); INSERT INTO l VALUES (1, '9.50'), (2, '10.00');
         CREATE TABLE c (id INTEGER PRIMARY KEY, net TEXT); INSERT INTO c VALUES (1, '9.50'), (2, '19999.00');",
    );
    let arguments = ["diff", "sqlite:s.db#l", "sqlite:s.db#c", "--key", "id", "--where", "net > 9", "--format", "json"];
    let (code, report) = json(&place, &arguments);
    assert_eq!((code, report["counts"]["mismatched"].as_u64()), (1, Some(1)), "{report}");
}

#[test]
fn a_recheck_never_clears_what_it_could_not_look_up() {
    let place = Place::new();
    support::sqlite(
        &place.path().join("s.db"),
        "CREATE TABLE t (id TEXT, net INTEGER); INSERT INTO t VALUES ('a', 1), (CAST(x'ff' AS TEXT), 999);",
    );
    place.write("t.csv", "id,net\na,1\n");
    let recheck = ["--recheck", "1", "--recheck-delay", "1ms", "--format", "json"];
    let (code, report) = json(&place, &[&["diff", "sqlite:s.db#t", "t.csv", "--key", "id"], &recheck[..]].concat());
    assert_eq!((code, report["counts"]["unknown"].as_u64()), (3, Some(1)), "{report}");
    assert_eq!(report["transient"], 0);
    let converted = place
        .recon(&[&["diff", "sqlite:s.db#t", "t.csv", "--key", "id", "--type", "id=integer"], &recheck[..]].concat());
    assert_eq!(converted.code, Some(2), "{converted}");
}

#[test]
fn a_column_that_no_record_has_is_not_compared_green() {
    let place = Place::new();
    place.write("legacy.ndjson", "{\"id\":1,\"net\":5}\n");
    place.write("candidate.ndjson", "{\"id\":1,\"net\":500}\n");
    let sides = ["diff", "legacy.ndjson", "candidate.ndjson", "--key", "id", "--format", "json"];
    let (code, report) = json(&place, &[&sides[..], &["--columns", "nett"]].concat());
    assert_eq!(code, 3, "{report}");
    assert!(report["reasons"][0].as_str().expect("a reason").contains("`nett`"));
    let (code, _) = json(&place, &[&sides[..], &["--map", "nett=amount.nett"]].concat());
    assert_eq!(code, 3);
    let typo = place.recon(&[&sides[..], &["--where", "nte > 1", "--allow-empty"]].concat());
    assert_eq!(typo.code, Some(2), "{typo}");
}

#[test]
fn more_fields_than_can_be_remembered_are_not_green() {
    let place = Place::new();
    let side = |prefix: &str| {
        (0..2_600)
            .map(|n| match n {
                1_000..2_300 => format!("{{\"id\":{n},\"net\":1,\"{prefix}{n}\":1}}\n"),
                _ => format!("{{\"id\":{n},\"net\":1}}\n"),
            })
            .collect::<String>()
    };
    place.write("legacy.ndjson", side("x"));
    place.write("candidate.ndjson", side("y"));
    let sides = ["diff", "legacy.ndjson", "candidate.ndjson", "--key", "id", "--format", "json"];
    let (code, report) = json(&place, &sides);
    assert_eq!(code, 3, "{}", report["reasons"]);
    let (code, _) = json(&place, &[&sides[..], &["--columns", "net"]].concat());
    assert_eq!(code, 0);
}

#[test]
fn a_report_never_replaces_a_side() {
    let place = Place::new();
    place.write("a.csv", "id,net\n1,1\n");
    place.write("b.csv", "id,net\n1,2\n");
    let outcome = place.recon(&["diff", "a.csv", "b.csv", "--key", "id", "-o", "a.csv"]);
    assert_eq!((outcome.code, place.read("a.csv").as_str()), (Some(2), "id,net\n1,1\n"), "{outcome}");
}

#[test]
fn what_was_not_compared_stands_in_every_format() {
    let place = Place::new();
    place.write("a.csv", "id,net,Memo\n1,1,x\n");
    place.write("b.csv", "id,net,memo\n1,1,y\n");
    for format in ["table", "json", "ndjson", "csv", "markdown", "html", "junit"] {
        let outcome = place.recon(&["diff", "a.csv", "b.csv", "--key", "id", "--format", format]);
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.contains("Memo") && outcome.stdout.contains("memo"), "{format}:\n{outcome}");
    }
}

#[test]
fn keys_that_cannot_be_right_are_pointed_out() {
    let (_, report) = csv("id,net\n0001,1\n0002,2\n", "id,net\n1,1\n2,2\n", &[]);
    assert!(report["sides"]["legacy"]["notices"].to_string().contains("--type id=integer"), "{report}");
    let (_, report) = csv("id,net\nKRW,1\nKRW,2\n", "id,net\nKRW,1\nKRW,2\n", &[]);
    assert!(report["sides"]["legacy"]["notices"].to_string().contains("really the key"), "{report}");
    let place = Place::new();
    place.write("a.csv", "id;net\n1;1\n");
    let outcome = place.recon(&["diff", "a.csv", "a.csv", "--key", "id"]);
    assert!(outcome.stderr.contains("--csv-delimiter ';'"), "{outcome}");
    place.write("l.ndjson", "{\"id\":1,\"net\":5}\n");
    place.write("c.ndjson", "{\"id\":1,\"amount\":{\"net\":5,\"fee\":7}}\n");
    let (code, report) =
        json(&place, &["diff", "l.ndjson", "c.ndjson", "--key", "id", "--map", "net=amount.net", "--format", "json"]);
    assert_eq!(code, 0);
    assert!(report["sides"].to_string().contains("`amount` only `amount.net` is compared"), "{report}");
}

#[test]
fn a_report_takes_no_pipe_or_link_away() {
    use std::io::Read;
    let place = Place::new();
    place.write("a.csv", "id,net\n1,2\n");
    let words = ["diff", "a.csv", "a.csv", "--key", "id", "--format", "json", "--output"];
    let run = |output: &str| {
        let outcome = place.recon(&[&words[..], &[output]].concat());
        assert_eq!(outcome.code, Some(0), "{outcome}");
    };
    let pipe = place.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            std::fs::File::open(pipe).expect("a pipe").read_to_string(&mut text).expect("text");
            text
        }
    });
    run("pipe");
    assert!(!std::fs::symlink_metadata(&pipe).expect("it is there").is_file());
    assert!(reader.join().expect("read").contains("recon.diff/1"));
    std::os::unix::fs::symlink("real.json", place.path().join("link.json")).expect("a link");
    place.write("real.json", "old");
    run("link.json");
    assert!(std::fs::symlink_metadata(place.path().join("link.json")).expect("a link").is_symlink());
    assert!(place.read("real.json").contains("recon.diff/1"), "what the link points to is the report");
    let nowhere = place.recon(&[&words[..], &["nowhere/a.json"]].concat());
    assert!(nowhere.code == Some(3) && nowhere.stderr.contains("there is no folder nowhere"), "{nowhere}");
}

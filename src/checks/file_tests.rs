use proptest::prelude::*;

use super::*;

fn full() -> CheckRow {
    CheckRow {
        name: "no-negative-net".into(),
        reconciliation: Some("payout".into()),
        stage: Some("decided".into()),
        kind: Some("sql".into()),
        store: Some("core".into()),
        query: Some("SELECT investor_id, net\nFROM payout_decision\nWHERE net < 0  \n".into()),
        examines: Some("SELECT COUNT(*)\nFROM payout_decision".into()),
        expect: None,
        severity: Some("error".into()),
        warn_if: Some("1".into()),
        error_if: Some("> 0.5%".into()),
        max_flag_rate: Some("5%".into()),
        timeout_ms: Some("5000".into()),
        enabled: Some("false".into()),
        owner: Some("kim@example.com".into()),
        description: Some("Nobody owes us money.\n\n  - ask kim: first\n-- not sql".into()),
        ..CheckRow::default()
    }
}

#[test]
fn a_file_reads_as_it_was_written() {
    let version = FileVersion::of(3, &full().hash());
    let text = render(&full(), Some(&version));
    insta::assert_snapshot!("sql", text.replace(&version.hash, "[hash]"));
    assert_eq!(parse(FileForm::Sql, &text), Ok(CheckFile { row: full().content(), version: Some(version.clone()) }));
    let rule = CheckRow {
        kind: Some("rule".into()),
        store: None,
        examines: None,
        query: Some("{\n  \"flag\": {\"lt\": [\"decision.net\", 0.10]} }".into()),
        ..full()
    };
    let text = render(&rule, Some(&version));
    insta::assert_snapshot!("json", text.replace(&version.hash, "[hash]"));
    assert_eq!(parse(FileForm::Json, &text), Ok(CheckFile { row: rule.content(), version: Some(version.clone()) }));
    let next = FileVersion::of(4, &rule.hash());
    for (form, row) in [(FileForm::Sql, full()), (FileForm::Json, rule)] {
        let text = render(&row, Some(&version));
        assert_eq!(with_version(form, &text, &next), render(&row, Some(&next)));
        let marked = format!("\u{feff}{text}");
        assert_eq!(with_version(form, &marked, &next), format!("\u{feff}{}", render(&row, Some(&next))));
        let without = render(&row, None);
        assert_eq!(with_version(form, &without, &next), without);
    }
    // What is said twice over: as it stands in the table.
    let small = "-- name:  net \n--# severity: warn\n-- expect: value <= 0\n\nSELECT 1";
    let row = parse(FileForm::Sql, small).expect("a check").row;
    assert_eq!(
        (row.stage.as_deref(), row.severity.as_deref(), row.enabled.as_deref()),
        (Some("compared"), Some("error"), Some("true"))
    );
    assert_eq!((row.query.as_deref(), row.expect.as_deref()), (Some("SELECT 1"), Some("value <= 0")));
    let json = r##"{"check": {"name": "net", "#": "a note", "store": "docs", "examines": [{"$count": "n"}], "enabled": false, "timeout_ms": 5, "owner": null},
        "pipeline": [ {"$match": {"net": {"$lt": 0}}} ]}"##;
    let row = parse(FileForm::Json, json).expect("a check").row;
    assert_eq!(
        (row.kind.as_deref(), row.query.as_deref()),
        (Some("pipeline"), Some(r#"[ {"$match": {"net": {"$lt": 0}}} ]"#))
    );
    assert_eq!(
        (row.examines.as_deref(), row.enabled.as_deref(), row.timeout_ms.as_deref()),
        (Some(r#"[{"$count": "n"}]"#), Some("false"), Some("5"))
    );
}

#[test]
fn files_that_are_none() {
    let json = |check: &str, rest: &str| format!("{{\n \"check\": {check}\n {rest}}}");
    let cases = [
        (FileForm::Sql, String::new()),
        (FileForm::Sql, "-- name: net".into()),
        (FileForm::Sql, "-- name: net\nSELECT 1".into()),
        (FileForm::Sql, "SELECT 1".into()),
        (FileForm::Sql, "-- stage: compared\n\nSELECT 1".into()),
        (FileForm::Sql, "-- name: net\n-- severety: warn\n\nSELECT 1".into()),
        (FileForm::Sql, "-- name: net\n-- query: SELECT 2\n\nSELECT 1".into()),
        (FileForm::Sql, "-- name: net\n-- stage: compared\n-- stage: decided\n\nSELECT 1".into()),
        (FileForm::Sql, "-- name: net\n-- Nobody owes us money\n\nSELECT 1".into()),
        (FileForm::Sql, "-- name: net\n-- version: 3\n\nSELECT 1".into()),
        (FileForm::Sql, "-- name: net\n-- kind: rule\n\n{}".into()),
        (FileForm::Json, "SELECT 1".into()),
        (FileForm::Json, json(r#"{"name": "net"}"#, "")),
        (FileForm::Json, json(r#""net""#, r#", "rule": {}"#)),
        (FileForm::Json, json(r#"{"name": "net"}"#, r#", "rules": {}"#)),
        (FileForm::Json, json(r#"{"name": "net"}"#, r#", "rule": {}, "pipeline": []"#)),
        (FileForm::Json, json(r#"{"name": "net"}"#, r#", "rule": {}, "rule": {}"#)),
        (FileForm::Json, json("{\"name\": \"net\",\n \"severety\": \"warn\"}", r#", "rule": {}"#)),
        (FileForm::Json, json(r#"{"name": "net", "name": "ten"}"#, r#", "rule": {}"#)),
        (FileForm::Json, json(r#"{"name": "net", "kind": "pipeline"}"#, r#", "rule": {}"#)),
        (FileForm::Json, json(r#"{"name": "net", "kind": "run"}"#, r#", "text": "SELECT 1""#)),
        (FileForm::Json, json(r#"{"name": "net", "expect": {"value": 0}}"#, r#", "rule": {}"#)),
        (FileForm::Json, json(r#"{"name": "net"}"#, r#", "rule": {"#)),
    ];
    let told = cases.map(|(form, text)| {
        let error = parse(form, &text).expect_err(&text);
        let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!("\n  {hint}"));
        format!("{text:?}\n  {error}{hint}\n")
    });
    insta::assert_snapshot!("none", told.concat());
}

proptest! {
    #[test]
    fn the_query_keeps_every_byte(query in "(?s)[^\\x00]{0,60}", kind in "sql|run|rule|pipeline|what") {
        let row = CheckRow { kind: Some(kind), query: Some(query.clone()), ..full() }.content();
        let back = parse(FileForm::of(&row), &render(&row, None)).expect("a file");
        prop_assert_eq!(back.row.query.as_deref(), Some(query.as_str()));
        prop_assert_eq!(back.row, row);
    }

    #[test]
    fn a_file_holds_a_row_or_says_that_it_cannot(
        description in "(?s)[ -~\\n\\r\\t가é]{0,40}", name in "[ -~]{1,12}", expect in "(?s).{0,12}", kind in "sql|rule",
    ) {
        let row = CheckRow { name, description: Some(description), expect: Some(expect), kind: Some(kind), ..full() }.content();
        if is_faithful(&row) {
            prop_assert_eq!(parse(FileForm::of(&row), &render(&row, None)).expect("a file").row, row);
        } else {
            // Only a carriage return at the end of a line, and a name that is blank at an end, are lost.
            let odd = |text: &Option<String>| text.as_deref().is_some_and(|text| text.contains("\r\n") || text.ends_with('\r'));
            let blank = row.name.trim() != row.name;
            prop_assert!(blank || odd(&row.description) || odd(&row.expect), "{:?}", row);
        }
    }
}

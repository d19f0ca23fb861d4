//! Every format as snapshots: agreement, every kind of difference, and a side that failed.

use std::time::Duration;

use super::*;
use crate::domain::NumberForm;

fn amount(text: &str) -> Amount {
    Amount::parse(text).expect("amount")
}

fn number(text: &str) -> Value {
    Value::Number { amount: amount(text), form: NumberForm::Decimal }
}

fn text(text: &str) -> Value {
    Value::Text { text: text.to_owned(), untyped: false }
}

fn side(label: &str, rows: u64, nanos: i128) -> Side {
    Side {
        label: label.to_owned(),
        rows,
        in_duplicates: 0,
        in_unknown: 0,
        snapshot: Some(Snapshot {
            taken_at: Some(1_794_488_400_000_000_000 + nanos),
            how: "REPEATABLE READ, consistent snapshot".into(),
            consistent: true,
        }),
        not_compared: Vec::new(),
        notices: Vec::new(),
        inputs: Vec::new(),
        error: None,
    }
}

fn totals(legacy: &str, candidate: &str, over: &str, under: &str) -> Totals {
    let (over, under) = (amount(over), amount(under));
    Totals {
        net_difference: amount(candidate).minus(&amount(legacy)).expect("net"),
        legacy: amount(legacy),
        candidate: amount(candidate),
        gross_difference: over.plus(&under).expect("gross"),
        overpaid: over,
        underpaid: under,
        legacy_in_duplicates: Amount::ZERO,
        candidate_in_duplicates: Amount::ZERO,
        legacy_in_unknown: Amount::ZERO,
        candidate_in_unknown: Amount::ZERO,
        not_totalled: 0,
    }
}

fn column(name: &str, kind: &'static str, mismatched: u64, totals: Option<Totals>) -> ColumnReport {
    ColumnReport {
        name: name.to_owned(),
        candidate_name: None,
        kind,
        tolerance: None,
        mismatched,
        tolerated: 0,
        drift: Vec::new(),
        totals,
    }
}

pub(super) fn agree() -> Report {
    Report {
        verdict: Verdict::Agree,
        reasons: Vec::new(),
        name: None,
        key: vec!["id".into()],
        legacy: side("mysql://recon@127.0.0.1:3306/p2p#settlement", 1_234_567, 0),
        candidate: side("mongodb://127.0.0.1:27017/p2p#settlement", 1_234_567, 1_234_000_000),
        counts: Counts { keys: 1_234_567, matched: 1_234_567, tolerated: 3, ..Counts::default() },
        transient: 0,
        rechecks: 0,
        columns: vec![
            ColumnReport {
                tolerance: Some("0.01".into()),
                tolerated: 3,
                drift: vec![(Drift::Double, 3), (Drift::Text, 0)],
                ..column("net", "decimal", 0, Some(totals("987654321.00", "987654321.02", "0.03", "0.01")))
            },
            column("fee", "decimal", 0, Some(totals("1.5", "1.5", "0", "0"))),
            column("memo", "text", 0, None),
        ],
        elapsed: Duration::from_millis(1_420),
    }
}

pub(super) fn differ() -> (Report, Vec<Discrepancy>) {
    let mut report = agree();
    report.verdict = Verdict::Differ;
    report.name = Some("payout".into());
    report.key = vec!["id".into(), "currency".into()];
    report.legacy.rows = 1000;
    report.candidate.rows = 1002;
    report.legacy.in_duplicates = 1;
    report.candidate.in_duplicates = 2;
    report.candidate.in_unknown = 1;
    report.legacy.in_unknown = 1;
    report.legacy.not_compared = vec!["memo".into(), "created_at".into()];
    report.candidate.notices = vec!["the server is no replica set: what was read may not show one moment".into()];
    report.candidate.snapshot =
        Some(Snapshot { taken_at: Some(1_794_488_461_500_000_000), how: "no snapshot".into(), consistent: false });
    report.transient = 2;
    report.rechecks = 3;
    report.counts = Counts {
        keys: 1003,
        matched: 995,
        tolerated: 1,
        mismatched: 4,
        legacy_only: 1,
        candidate_only: 1,
        duplicate: 1,
        unknown: 1,
    };
    report.columns = vec![
        column("fee", "decimal", 1, Some(totals("100.5", "100.4999", "0", "0.0001"))),
        ColumnReport {
            candidate_name: Some("amount.net".into()),
            tolerance: Some("0.01".into()),
            tolerated: 1,
            drift: vec![(Drift::Double, 1_003), (Drift::Missing, 1)],
            totals: Some(Totals {
                legacy_in_duplicates: amount("20.00"),
                candidate_in_duplicates: amount("40.00"),
                not_totalled: 1,
                ..totals("12345.67", "12470.68", "110.01", "5.00")
            }),
            ..column("net", "decimal", 2, None)
        },
        column("payee", "text", 1, None),
        column("detail", "document", 1, None),
    ];
    (report, every_kind())
}

fn field(column: &str, legacy: Option<Value>, candidate: Option<Value>, difference: Option<&str>) -> FieldDifference {
    FieldDifference { column: column.into(), legacy, candidate, difference: difference.map(amount) }
}

fn discrepancy(id: Value, kind: DiscrepancyKind, fields: Vec<FieldDifference>) -> Discrepancy {
    Discrepancy {
        key: vec![("id".into(), id), ("currency".into(), text("KRW"))],
        kind,
        fields,
        legacy_copies: Vec::new(),
        candidate_copies: Vec::new(),
        reason: None,
    }
}

fn every_kind() -> Vec<Discrepancy> {
    use DiscrepancyKind::*;
    let document = |fee: &str| {
        Value::Document(vec![
            ("units".into(), number("10")),
            ("fee".into(), number(fee)),
            ("by".into(), Value::Array(vec![text("a"), text("<b>")])),
            ("z".into(), Value::Null),
        ])
    };
    let both = |column: &str, l: Value, c: Value, d: Option<&str>| field(column, Some(l), Some(c), d);
    let duplicate = Discrepancy {
        legacy_copies: vec![vec![number("0.10"), number("20.00"), text("po_2"), Value::Null]],
        candidate_copies: vec![
            vec![number("0.10"), number("20.00"), text("po_2"), Value::Null],
            vec![number("0.10"), number("20.00"), text("po_2 "), Value::Absent],
        ],
        ..discrepancy(number("21"), DuplicateKey, Vec::new())
    };
    let unknown = Discrepancy {
        reason: Some("candidate `net`: a string that is no number".into()),
        ..discrepancy(
            number("22"),
            Unknown,
            vec![both("net", number("7.00"), Value::Unknown("a string that is no number".into()), None)],
        )
    };
    vec![
        discrepancy(
            number("17"),
            Mismatch,
            vec![
                both("fee", number("1.5"), number("1.4999"), Some("-0.0001")),
                both("net", number("10.00"), number("10.01"), Some("0.01")),
            ],
        ),
        discrepancy(
            number("18"),
            Mismatch,
            vec![
                both(
                    "net",
                    number("12345678901234567890123456789012.01"),
                    number("12345678901234567890123456789012.02"),
                    Some("0.01"),
                ),
                both("payee", text("김철수\u{a0}"), text("김철수"), None),
            ],
        ),
        discrepancy(number("1900"), Mismatch, vec![both("detail", document("1.50"), document("1.51"), None)]),
        discrepancy(
            text("=\"po_2\",|\u{1b}[2J<script>"),
            Mismatch,
            vec![both("payee", text("NULL"), Value::Null, None), both("detail", text(""), Value::Absent, None)],
        ),
        discrepancy(
            number("19"),
            LegacyOnly,
            vec![
                field("net", Some(number("5.00")), None, Some("-5.00")),
                field("payee", Some(text("po_19")), None, None),
            ],
        ),
        discrepancy(
            number("20"),
            CandidateOnly,
            vec![
                field("net", None, Some(number("110.00")), Some("110.00")),
                field("payee", None, Some(Value::Null), None),
            ],
        ),
        duplicate,
        unknown,
    ]
}

fn incomplete() -> Report {
    let mut report = agree();
    report.verdict = Verdict::Incomplete;
    report.reasons = vec!["legacy could not be read to its end: 700 records were compared until then".into()];
    report.legacy.rows = 701;
    report.legacy.error =
        Some("lost the connection to mysql://recon:***@127.0.0.1:3306/p2p while reading `settlement`".into());
    report.legacy.snapshot = None;
    report.counts = Counts { keys: 700, matched: 700, ..Counts::default() };
    report
}

pub(super) fn rendered(report: &Report, all: &[Discrepancy], format: Format, look: &Look) -> String {
    let mut out = Vec::new();
    let mut all = all.iter().cloned().map(Ok);
    render(report, &mut all, format, look, &mut out).expect("rendered");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn every_format() {
    let look = Look::default();
    let (differ, all) = differ();
    for format in Format::ALL {
        let name = format.name();
        insta::assert_snapshot!(format!("{name}_agree"), rendered(&agree(), &[], format, &look));
        insta::assert_snapshot!(format!("{name}_differ"), rendered(&differ, &all, format, &look));
        insta::assert_snapshot!(format!("{name}_incomplete"), rendered(&incomplete(), &[], format, &look));
    }
}

#[test]
fn a_narrow_terminal_and_a_limit() {
    let (differ, all) = differ();
    let look = Look { width: 60, limit: Some(2), seconds: true, ..Look::default() };
    insta::assert_snapshot!("table_narrow", rendered(&differ, &all, Format::Table, &look));
    for format in Format::ALL {
        let shown = rendered(&differ, &all, format, &look);
        assert!(shown.contains("1003") || shown.contains("1,003") || format == Format::Csv, "{}", format.name());
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let (differ, all) = differ();
    let plain = rendered(&differ, &all, Format::Table, &Look::default());
    let painted = rendered(&differ, &all, Format::Table, &Look { color: true, ..Look::default() });
    assert!(painted.contains("\u{1b}[31m") && !plain.contains('\u{1b}'));
    let mut stripped = String::new();
    for (at, part) in painted.split("\u{1b}[").enumerate() {
        stripped.push_str(if at == 0 { part } else { part.split_once('m').expect("code").1 });
    }
    assert_eq!(stripped, plain);
}

#[test]
fn json_is_what_the_contract_says() {
    let (differ, all) = differ();
    let look = Look { limit: Some(1), ..Look::default() };
    let json: serde_json::Value =
        serde_json::from_str(&rendered(&differ, &all, Format::Json, &look)).expect("one JSON document");
    assert_eq!(json["schema"], "recon.diff/1");
    assert_eq!(json["discrepancies"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["truncated"], true);
    assert_eq!(json["counts"]["keys"], 1003);
    assert_eq!(json["columns"][1]["net_difference"], "125.01");
    let fields = &json["discrepancies"][0]["fields"][1];
    assert_eq!(fields.to_string(), r#"{"column":"net","legacy":"10.00","candidate":"10.01","difference":"0.01"}"#);
    assert_eq!(json["sides"]["snapshots_apart_seconds"], "61.500");
    for line in rendered(&differ, &all, Format::Ndjson, &Look::default()).lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line is a document");
        assert!(["discrepancy", "summary"].contains(&line["type"].as_str().expect("type")));
    }
}

#[test]
fn a_list_cut_short_is_never_a_report() {
    let (differ, all) = differ();
    for format in Format::ALL {
        let mut short = all[..5].iter().cloned().map(Ok);
        assert!(render(&differ, &mut short, format, &Look::default(), &mut Vec::new()).is_err(), "{}", format.name());
    }
}

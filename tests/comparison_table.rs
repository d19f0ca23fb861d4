//! `docs/comparison.md`, cell by cell: what the page says is what the code does, in both directions.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use recon::domain::{
    Amount, Drift, Equality, Missing, NumberForm, Rules, Types, Value, compare_values, is_plain_literal, parse_date,
    parse_instant, parse_time,
};

fn value(text: &str) -> Value {
    let (kind, body) = text.split_once(' ').unwrap_or((text, ""));
    let number = |form| Value::Number { amount: Amount::parse(body).unwrap_or_else(|e| panic!("{text}: {e}")), form };
    let bytes = || -> Vec<u8> {
        let digits = body.replace('-', "");
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect()
    };
    match kind {
        "NULL" => Value::Null,
        "absent" => Value::Absent,
        "integer" => number(NumberForm::Integer),
        "decimal" => number(NumberForm::Decimal),
        "double" => number(NumberForm::Double),
        "csv" if is_plain_literal(body.as_bytes()) => number(NumberForm::Untyped),
        "csv" => Value::Text { text: body.into(), untyped: true },
        "text" => Value::Text { text: body.into(), untyped: false },
        "boolean" => Value::Bool(body == "true"),
        "date" => Value::Date(parse_date(body).expect("date")),
        "instant" => {
            let read = parse_instant(body, &jiff::tz::TimeZone::UTC).expect("instant");
            Value::Instant { nanos: read.nanos, digits: read.digits }
        }
        "time" => {
            let (nanos, digits) = parse_time(body).expect("time");
            Value::Time { nanos, digits }
        }
        "uuid" => Value::Uuid(bytes().try_into().expect("16 bytes")),
        "objectid" => Value::ObjectId(bytes().try_into().expect("12 bytes")),
        "bytes" => Value::Bytes(bytes()),
        "document" => Value::from_json(body),
        other => panic!("the page uses an unknown type `{other}` in `{text}`"),
    }
}

fn word(equality: &Equality) -> String {
    match equality {
        Equality::Equal(drift) if drift.is_empty() => "equal".into(),
        Equality::Equal(drift) => {
            let names: Vec<&str> = Drift::ALL.into_iter().filter(|d| drift.has(*d)).map(Drift::name).collect();
            format!("drift {}", names.join(" "))
        }
        Equality::Different => "different".into(),
        Equality::Unknown(reason) => format!("unknown {reason}"),
    }
}

#[test]
fn every_cell_of_the_page_is_true() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/comparison.md")).expect("the page");
    let mut checked = 0;
    let mut wrong = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [one, other, lenient, strict] = cells.as_slice() else { panic!("not four cells: {line}") };
        let marked = other.ends_with('†');
        let quoted = |cell: &str| cell.trim_end_matches('†').trim_end().trim_matches('`').to_owned();
        let (one, other) = (value(&quoted(one)), value(&quoted(other)));
        for (types, expected) in [(Types::Lenient, lenient), (Types::Strict, strict)] {
            let rules = Rules { types, ..Rules::default() };
            for (direction, a, b) in [("there", &one, &other), ("back", &other, &one)] {
                let got = word(&compare_values(a, b, &rules));
                if got != *expected {
                    wrong.push(format!("{line}\n    {types:?} {direction}: {got}"));
                }
                checked += 1;
            }
        }
        let distinct = Rules { missing: Missing::Distinct, ..Rules::default() };
        if marked {
            assert_eq!(compare_values(&one, &other, &distinct), Equality::Different, "{line}");
        }
    }
    assert!(wrong.is_empty(), "{} cells are not as the page says:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 350, "only {checked} cells were found: has the page another form now?");
}

#[test]
fn what_cannot_be_decoded_is_unknown_even_deep_inside() {
    let broken = Value::Document(vec![("a".into(), Value::Array(vec![Value::Unknown("zero date".into())]))]);
    let rules = Rules::default();
    for other in [broken.clone(), Value::Null, Value::Document(Vec::new())] {
        assert_eq!(compare_values(&broken, &other, &rules), Equality::Unknown("zero date".into()));
        assert_eq!(compare_values(&other, &broken, &rules), Equality::Unknown("zero date".into()));
    }
}

//! Every comparison of every kind of value with every other.

use super::*;

const SAMPLES: [&str; 44] = [
    "absent",
    "NULL",
    "unknown not UTF-8",
    "decimal NaN",
    "decimal -Infinity",
    "decimal -1234567890123456789012345678901234567890.5",
    "integer -1",
    "decimal -0",
    "integer 0",
    "decimal 0.00",
    "csv -0.0",
    "decimal 1E-6176",
    "double 0.1",
    "integer 1",
    "decimal 1.00",
    "csv 1",
    "decimal 1.5",
    "decimal 1.5000000000000000000000000",
    "integer 99999999999999999999999999999999999999",
    "decimal 99999999999999999999999999999999999999.0",
    "decimal 1E+6111",
    "decimal Infinity",
    "text ",
    "text 1",
    "text 1.0",
    "text a",
    "text a\0",
    "text abcdefghijklmno",
    "text abcdefghijklmnop",
    "text é",
    "csv a",
    "csv abcdefghijklmnop",
    "csv 2026-11-13",
    "csv 2026-11-13T00:00:00Z",
    "csv 2026-11-13T00:00:00",
    "bytes a",
    "boolean false",
    "boolean true",
    "date 2026-11-13",
    "instant 2026-11-13T00:00:00Z",
    "time 22:00:00",
    "uuid 550e8400-e29b-41d4-a716-446655440000",
    "objectid 507f1f77bcf86cd799439011",
    "document [1]",
];

const OPERATORS: [(&str, [bool; 3]); 13] = [
    ("lt", [true, false, false]),
    ("le", [true, true, false]),
    ("eq", [false, true, false]),
    ("ne", [true, false, true]),
    ("ge", [false, true, true]),
    ("gt", [false, false, true]),
    ("<", [true, false, false]),
    ("<=", [true, true, false]),
    ("=", [false, true, false]),
    ("!=", [true, false, true]),
    ("<>", [true, false, true]),
    (">=", [false, true, true]),
    (">", [false, false, true]),
];

/// The sign between two values, as the operators say it; `?` for unknown.
fn sign(left: &str, right: &str, rules: &[Rule]) -> char {
    let rules: Vec<&Rule> = rules.iter().collect();
    let said: Vec<Option<bool>> = judge_all(&rules, &[left, right]).into_iter().map(known).collect();
    let orders: Vec<char> = ['<', '=', '>']
        .into_iter()
        .enumerate()
        .filter(|(at, _)| OPERATORS.iter().zip(&said).all(|((_, wanted), said)| *said == Some(wanted[*at])))
        .map(|(_, sign)| sign)
        .collect();
    match orders.as_slice() {
        [sign] => *sign,
        _ => {
            assert!(
                said.iter().all(Option::is_none),
                "{left} and {right}: the operators contradict each other: {said:?}"
            );
            '?'
        }
    }
}

#[test]
fn every_kind_with_every_kind() {
    let rules: Vec<Rule> = OPERATORS
        .iter()
        .map(|(operator, _)| parse(&format!(r#"{{"{operator}":["legacy.a","legacy.b"]}}"#)).expect(operator))
        .collect();
    let mut table = String::new();
    for left in SAMPLES {
        let signs: String = SAMPLES.iter().map(|right| sign(left, right, &rules)).collect();
        table.push_str(&format!("{signs}  {}\n", left.replace('\0', "\\0")));
    }
    let at = |row: usize, column: usize| table.lines().nth(row).and_then(|line| line.chars().nth(column));
    for (row, left) in SAMPLES.iter().enumerate() {
        for (column, right) in SAMPLES.iter().enumerate() {
            let mirrored = match at(column, row) {
                Some('<') => Some('>'),
                Some('>') => Some('<'),
                same => same,
            };
            assert_eq!(at(row, column), mirrored, "{left} and {right}");
        }
    }
    insta::assert_snapshot!(table);
}

/// A literal and a value of a record are the same to every comparison; so are `in` and `between`.
#[test]
fn literals_are_compared_as_values_are() {
    let literals = [
        ("integer 1", "1"),
        ("decimal 1.5", "1.500"),
        ("decimal -0", "-0.00"),
        ("decimal 1E+6111", "1E+6111"),
        ("decimal 1E-6176", r#"{"amount":"1e-6176"}"#),
        ("integer 99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
        ("decimal -1234567890123456789012345678901234567890.5", "-1234567890123456789012345678901234567890.50"),
        ("text a", r#"{"text":"a"}"#),
        ("text a\0", r#"{"text":"a\u0000"}"#),
        ("text é", r#"{"text":"\u00e9"}"#),
        ("text abcdefghijklmnop", r#"{"text":"abcdefghijklmnop"}"#),
        ("boolean true", "true"),
        ("boolean false", "false"),
        ("date 2026-11-13", r#"{"date":"2026-11-13"}"#),
        ("instant 2026-11-13T00:00:00Z", r#"{"instant":"2026-11-13T09:00:00+09:00"}"#),
        ("time 22:00:00", r#"{"time":"22:00"}"#),
        ("uuid 550e8400-e29b-41d4-a716-446655440000", r#"{"uuid":"550E8400E29B41D4A716446655440000"}"#),
        ("objectid 507f1f77bcf86cd799439011", r#"{"objectid":"507F1F77BCF86CD799439011"}"#),
    ];
    for (value, literal) in literals {
        for sample in SAMPLES {
            let pairs = [
                (format!(r#"{{"le":["legacy.a",{literal}]}}"#), r#"{"le":["legacy.a","legacy.b"]}"#),
                (format!(r#"{{"gt":[{literal},"legacy.a"]}}"#), r#"{"gt":["legacy.b","legacy.a"]}"#),
                (format!(r#"{{"in":["legacy.a",[{literal}]]}}"#), r#"{"eq":["legacy.a","legacy.b"]}"#),
                (format!(r#"{{"in":["legacy.a",[{literal},{literal}]]}}"#), r#"{"in":["legacy.a",["legacy.b"]]}"#),
                (
                    format!(r#"{{"between":["legacy.a",{literal},{literal}]}}"#),
                    r#"{"between":["legacy.a","legacy.b","legacy.b"]}"#,
                ),
            ];
            for (with_literal, with_value) in pairs {
                let said = known(judge(&with_literal, &[sample]));
                assert_eq!(said, known(judge(with_value, &[sample, value])), "{with_literal} of {sample}");
            }
        }
    }
}

#[test]
fn a_search_in_a_long_list_finds_what_one_by_one_finds() {
    let amounts: Vec<String> = (0..200)
        .map(|n| if n % 3 == 0 { format!("{}E+{}", n - 100, n) } else { format!("{}.{n:0>3}", n * 7 % 50) })
        .collect();
    let list = format!(r#"{{"in":["legacy.a",[{}]]}}"#, amounts.join(","));
    for amount in &amounts {
        assert_eq!(judge(&list, &[&format!("decimal {amount}")]), Truth::True, "{amount}");
        assert_eq!(judge(&list, &[&format!("decimal {amount}1")]), Truth::False, "{amount}1");
    }
    let texts: Vec<String> = (0..200).map(|n| format!("{}{n}", "x".repeat(n * 7 % 30))).collect();
    let quoted: Vec<String> = texts.iter().map(|text| format!(r#"{{"text":"{text}"}}"#)).collect();
    let list = format!(r#"{{"in":["legacy.a",[{}]]}}"#, quoted.join(","));
    for text in &texts {
        assert_eq!(judge(&list, &[&format!("text {text}")]), Truth::True, "{text}");
        assert_eq!(judge(&list, &[&format!("text {text}!")]), Truth::False, "{text}!");
    }
    assert_eq!(known(judge(&list, &["integer 1"])), None, "an amount is no text");
}

#[test]
fn texts_begin() {
    let asked = r#"{"starts_with":["legacy.a",{"text":"po_"}]}"#;
    let long = "text po_0123456789abcdef";
    for (value, wanted) in
        [("text po_2", Some(true)), (long, Some(true)), ("text po", Some(false)), ("text Po_2", Some(false))]
    {
        assert_eq!(known(judge(asked, &[value])), wanted, "{value}");
    }
    assert_eq!(known(judge(r#"{"starts_with":["legacy.a",{"text":"11"}]}"#, &["csv 110"])), Some(true));
    assert_eq!(known(judge(r#"{"starts_with":["legacy.a",{"text":"-0"}]}"#, &["csv -0.0"])), Some(true));
    for value in ["integer 110", "date 2026-11-13", "document []", "bytes po_"] {
        assert_eq!(reason(judge(asked, &[value])), Reason::NotAText, "{value}");
    }
}

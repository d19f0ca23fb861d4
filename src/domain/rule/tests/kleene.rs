//! Kleene's tables, complete, with truths that are written down and truths that come out of a record.

use super::*;

const TRUTHS: [Option<bool>; 3] = [Some(true), None, Some(false)];

/// As it is written in a rule.
fn word(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    }
}

/// As it comes out of `{"eq": [x, 1]}`.
fn value(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "integer 1",
        Some(false) => "integer 2",
        None => "NULL",
    }
}

/// The tables of `docs/rules.md`: rows and columns are true, unknown, false.
const ALL: [[Option<bool>; 3]; 3] =
    [[Some(true), None, Some(false)], [None, None, Some(false)], [Some(false), Some(false), Some(false)]];
const ANY: [[Option<bool>; 3]; 3] =
    [[Some(true), Some(true), Some(true)], [Some(true), None, None], [Some(true), None, Some(false)]];

fn check(operator: &str, parts: &[usize], wanted: Option<bool>) {
    let truths: Vec<Option<bool>> = parts.iter().map(|at| TRUTHS[*at]).collect();
    let words: Vec<&str> = truths.iter().map(|truth| word(*truth)).collect();
    let written = format!(r#"{{"{operator}":[{}]}}"#, words.join(","));
    assert_eq!(known(judge(&written, &[])), wanted, "{written}");

    let names = ["a", "b", "c"];
    let asked: Vec<String> =
        names[..parts.len()].iter().map(|name| format!(r#"{{"eq":["legacy.{name}",1]}}"#)).collect();
    let of_the_record = format!(r#"{{"{operator}":[{}]}}"#, asked.join(","));
    let values: Vec<&str> = truths.iter().map(|truth| value(*truth)).collect();
    assert_eq!(known(judge(&of_the_record, &values)), wanted, "{of_the_record} of {values:?}");
}

#[test]
fn all_and_any_of_one_two_and_three() {
    for a in 0..3 {
        check("all", &[a], TRUTHS[a]);
        check("any", &[a], TRUTHS[a]);
        for b in 0..3 {
            check("all", &[a, b], ALL[a][b]);
            check("any", &[a, b], ANY[a][b]);
            for c in 0..3 {
                let joined = |table: [[Option<bool>; 3]; 3]| {
                    let first = TRUTHS.iter().position(|truth| *truth == table[a][b]).expect("a truth");
                    table[first][c]
                };
                check("all", &[a, b, c], joined(ALL));
                check("any", &[a, b, c], joined(ANY));
            }
        }
    }
}

#[test]
fn all_and_any_of_nothing_are_refused() {
    for operator in ["all", "any"] {
        let error = parse(&format!(r#"{{"{operator}":[]}}"#)).expect_err(operator);
        assert_eq!(error.what, format!("`{operator}` of nothing"));
    }
}

#[test]
fn not_turns_what_is_known() {
    for (truth, wanted) in [(Some(true), Some(false)), (None, None), (Some(false), Some(true))] {
        assert_eq!(known(judge(&format!(r#"{{"not":{}}}"#, word(truth)), &[])), wanted);
        assert_eq!(known(judge(r#"{"not":{"eq":["legacy.a",1]}}"#, &[value(truth)])), wanted);
    }
}

/// `where` × condition × `flag` or `expect`.
#[test]
fn where_decides_whether_a_record_is_examined() {
    for examined in TRUTHS {
        for condition in TRUTHS {
            for key in ["flag", "expect"] {
                let hit = if key == "flag" { condition } else { condition.map(|b| !b) };
                let written = format!(r#"{{"where":{},"{key}":{}}}"#, word(examined), word(condition));
                let of_the_record = format!(r#"{{"{key}":{{"eq":["legacy.b",1]}},"where":{{"eq":["legacy.a",1]}}}}"#);
                let said = [judge(&written, &[]), judge(&of_the_record, &[value(examined), value(condition)])];
                for said in said {
                    match examined {
                        Some(true) => assert_eq!(known(said), hit, "{written}"),
                        None => assert_eq!(known(said), None, "{written}"),
                        Some(false) => assert_eq!(said, Truth::NotExamined, "{written}"),
                    }
                }
            }
        }
    }
}

#[test]
fn a_field_that_is_missing_makes_every_operator_unknown() {
    let asked = [
        r#"{"eq":["legacy.a",1]}"#,
        r#"{"ne":["legacy.a",1]}"#,
        r#"{"not":{"lt":[1,"legacy.a"]}}"#,
        r#"{"le":["legacy.a","legacy.a"]}"#,
        r#"{"between":["legacy.a",1,2]}"#,
        r#"{"between":[1,"legacy.a",2]}"#,
        r#"{"in":["legacy.a",[1,2]]}"#,
        r#"{"in":[3,[1,"legacy.a"]]}"#,
        r#"{"starts_with":["legacy.a",{"text":""}]}"#,
        r#"{"eq":[{"add":["legacy.a",1]},1]}"#,
        r#"{"eq":[{"mul":["legacy.a",0]},0]}"#,
        r#"{"eq":[{"max":[1,"legacy.a"]},1]}"#,
        r#"{"eq":[{"neg":"legacy.a"},1]}"#,
        r#"{"eq":[{"round":"legacy.a","scale":0,"mode":"down"},1]}"#,
        r#"{"eq":[{"div":[1,"legacy.a"],"scale":0,"mode":"down"},1]}"#,
    ];
    for text in asked {
        for (value, wanted) in
            [("absent", Reason::Absent), ("NULL", Reason::Null), ("unknown not UTF-8", Reason::Undecoded)]
        {
            let said = judge(text, &[value]);
            assert_eq!(reason(said), wanted, "{text} of {value}");
            let Truth::Unknown(unknown) = said else { panic!("known") };
            assert_eq!(unknown.slot(), Some(0), "{text} of {value}");
        }
        assert_eq!(reason(judge(text, &["decimal NaN"])), Reason::NotANumber, "{text}");
    }
}

#[test]
fn null_and_absent_are_asked_for_apart() {
    let table = [
        ("NULL", Some(true), Some(false)),
        ("absent", None, Some(true)),
        ("unknown not UTF-8", None, None),
        ("decimal NaN", Some(false), Some(false)),
        ("integer 0", Some(false), Some(false)),
        ("text ", Some(false), Some(false)),
        ("document null", Some(false), Some(false)),
    ];
    for (value, null, absent) in table {
        assert_eq!(known(judge(r#"{"is_null":"legacy.a"}"#, &[value])), null, "{value}");
        assert_eq!(known(judge(r#"{"is_absent":["legacy.a"]}"#, &[value])), absent, "{value}");
    }
}

#[test]
fn the_first_reason_is_told() {
    let text = r#"{"any":[{"eq":["legacy.a",1]},{"eq":["legacy.b",1]},{"eq":["legacy.c",1]}]}"#;
    assert_eq!(reason(judge(text, &["integer 2", "NULL", "absent"])), Reason::Null);
    assert_eq!(reason(judge(text, &["absent", "NULL", "integer 2"])), Reason::Absent);
    assert_eq!(judge(text, &["absent", "NULL", "integer 1"]), Truth::True);
}

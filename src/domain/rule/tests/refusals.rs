//! What is refused, where it points to, and what it says to do.

use super::*;

const WRONG: [&str; 62] = [
    "",
    "{",
    "{\"gt\": [\"legacy.net\", 01]}",
    "{\"gt\": [\"legacy.net\", 1]} x",
    "\"legacy.net\"",
    "17",
    "[]",
    "{}",
    "{\"grt\": [\"legacy.net\", 1]}",
    "{\"flga\": true}",
    "{\"net\": 1}",
    "{\"add\": [1, 2]}",
    "{\"text\": \"x\"}",
    "{\"flag\": true, \"expect\": true}",
    "{\"where\": true}",
    "{\"where\": true, \"gt\": [\"legacy.net\", 1]}",
    "{\"flag\": true, \"whree\": true}",
    "{\"flag\": true, \"flag\": false}",
    "{\"flag\": true, \"name\": 1}",
    "{\"gt\": [\"legacy.net\", 1], \"lt\": [\"legacy.net\", 1]}",
    "{\"gt\": [\"legacy.net\", 1], \"gt\": [\"legacy.net\", 2]}",
    "{\"all\": []}",
    "{\"all\": true}",
    "{\"all\": [true, 1]}",
    "{\"not\": [true]}",
    "{\n  \"all\": [\n    {\"gt\": [\"legacy.net\", 1]},\n    {\"gt\": [\"legacy.net\"]}\n  ]\n}",
    "{\"gt\": [\"legacy.net\", 1, 2]}",
    "{\"gt\": \"legacy.net\"}",
    "{\"gt\": [\"net\", 1]}",
    "{\"eq\": [\"record.kind\", \"mismatch\"]}",
    "{\"gt\": [\"legcay.net\", 1]}",
    "{\"gt\": [\"bank.net\", 1]}",
    "{\"gt\": [\"legacy.\", 1]}",
    "{\"gt\": [\"legacy.day\", \"2026-11-13\"]}",
    "{\"gt\": [\"legacy.net\", \"1.50\"]}",
    "{\"eq\": [\"record.status\", 1]}",
    "{\"eq\": [\"legacy.net\", null]}",
    "{\"eq\": [\"legacy.net\", [1]]}",
    "{\"eq\": [\"legacy.net\", {}]}",
    "{\"eq\": [\"legacy.net\", {\"gt\": [1, 2]}]}",
    "{\"eq\": [\"legacy.net\", {\"txt\": \"a\"}]}",
    "{\"eq\": [\"legacy.net\", {\"text\": 1}]}",
    "{\"eq\": [\"legacy.net\", {\"text\": \"a\", \"date\": \"2026-11-13\"}]}",
    "{\"eq\": [\"legacy.day\", {\"date\": \"2026-02-30\"}]}",
    "{\"eq\": [\"legacy.at\", {\"instant\": \"2026-11-13T22:00:00\"}]}",
    "{\"eq\": [\"legacy.net\", {\"amount\": \"NaN\"}]}",
    "{\"eq\": [\"legacy.net\", {\"amount\": \"1,000\"}]}",
    "{\"eq\": [\"legacy.net\", 1e999999]}",
    "{\"eq\": [\"legacy.net\", {\"div\": [1, 2], \"scale\": 2}]}",
    "{\"eq\": [\"legacy.net\", {\"div\": [1, 2], \"scale\": 2.5, \"mode\": \"down\"}]}",
    "{\"eq\": [\"legacy.net\", {\"div\": [1, 2], \"scale\": 2, \"mode\": \"halfup\"}]}",
    "{\"eq\": [\"legacy.net\", {\"div\": [1, 0.0], \"scale\": 2, \"mode\": \"down\"}]}",
    "{\"eq\": [\"legacy.net\", {\"mul\": [1, 2], \"scale\": 2, \"mode\": \"down\"}]}",
    "{\"eq\": [\"legacy.net\", {\"add\": [1]}]}",
    "{\"eq\": [\"legacy.net\", {\"add\": [1, {\"text\": \"1\"}]}]}",
    "{\"in\": [\"legacy.net\", []]}",
    "{\"in\": [\"legacy.net\", 1, 2]}",
    "{\"in\": [\"legacy.net\", [1, {\"text\": \"1\"}]]}",
    "{\"is_null\": 1}",
    "{\"is_absent\": \"param.day\"}",
    "{\"starts_with\": [\"legacy.memo\", \"po_\"]}",
    "{\"eq\": [{\"abs\": \"legacy.net\"}, {\"date\": \"2026-11-13\"}]}",
];

#[test]
fn texts_that_must_not_be_read() {
    let mut page = String::new();
    for text in WRONG.into_iter().chain(MORE) {
        let error = parse(text).map(|rule| rule.text().to_owned()).expect_err(text);
        page.push_str(&format!("{error}\n{}\n\n", error.excerpt()));
    }
    insta::assert_snapshot!(page);
}

/// Words that a record never has, and places in long lines, behind wide characters, in keys with escapes.
const MORE: [&str; 9] = [
    "{\"eq\": [\"legacy.net\", -1e-9999]}",
    "{\"eq\": [\"record.kind\", {\"text\": \"mismatched\"}]}",
    "{\"in\": [\"decision.source\", [{\"text\": \"held\"}, {\"text\": \"bank\"}]]}",
    "{\"ne\": [{\"text\": \"agreed\"}, \"decision.reason\"]}",
    "{\"flag\": true, \"description\": \"지급액이 음수\", \"fixed\": 1}",
    "{\"flag\": true, \"\\u0066lag\": true}",
    "{\"flag\": true, \"name\": \"\\ud800\"}",
    "{\t\"all\": [{\"eq\": [\"legacy.a_column_of_a_long_name\", {\"text\": \"a text that makes the line a long one\"}]}, {\"gq\": 1}, {\"eq\": [\"legacy.memo\", {\"text\": \"and goes on and on behind it, so that both ends are cut\"}]}]}",
    "{\"any\": [{\"<=\": [{\"add\": [1, {\"mul\": [2, {\"neg\": {\"min\": [3, \"legacy\"]}}]}]}, 1]}]}",
];

#[test]
fn depth_and_size_are_bounded() {
    let nots = |depth: usize| format!("{}true{}", "{\"not\":".repeat(depth), "}".repeat(depth));
    assert_eq!(judge(&nots(MAX_DEPTH), &[]), Truth::True);
    for depth in [MAX_DEPTH + 1, 20_000] {
        let error = parse(&nots(depth)).expect_err("too deep");
        assert_eq!((error.what.as_str(), error.column), ("nested more than 64 deep", 1 + 65 * 7));
    }
    let negs = |depth: usize| format!("{{\"eq\":[{}1{},1]}}", "{\"neg\":".repeat(depth), "}".repeat(depth));
    assert_eq!(judge(&negs(MAX_DEPTH - 2), &[]), Truth::True);
    assert!(parse(&negs(MAX_DEPTH)).expect_err("too deep").what.starts_with("nested more"));
    // Texts that are nothing but depth; none of them may exhaust the stack or the clock.
    for hostile in
        ["[".repeat(500_000), "{\"a\":".repeat(200_000), format!("{}{}", "[".repeat(400_000), "]".repeat(400_000))]
    {
        parse(&hostile).expect_err("hostile");
    }
    let keys: Vec<String> = (0..60_000).map(|n| format!("\"k{n}\":1")).collect();
    parse(&format!("{{{}}}", keys.join(","))).expect_err("unknown keys");

    let list = |items: usize| format!("{{\"in\":[\"legacy.a\",[{}]]}}", vec!["7"; items].join(","));
    assert_eq!(judge(&list(MAX_NODES - 2), &["integer 7"]), Truth::True);
    assert!(parse(&list(MAX_NODES - 1)).expect_err("too many").what.starts_with("a rule of more than 10000"));
    let long = format!("{{\"eq\":[\"legacy.a\",{{\"text\":\"{}\"}}]}}", "x".repeat(MAX_TEXT));
    assert!(parse(&long).expect_err("too long").what.starts_with("a rule of more than 1048576 bytes"));
}

#[test]
fn digits_are_kept() {
    let text = "{\"eq\":[\"legacy.a\",12345678901234567890.12345678901234567890123456789]}";
    assert_eq!(judge(text, &["decimal 12345678901234567890.12345678901234567890123456789"]), Truth::True);
    assert_eq!(judge(text, &["decimal 12345678901234567890.12345678901234567890123456788"]), Truth::False);
    assert_eq!(judge("{\"eq\":[\"legacy.a\",1.5E+3]}", &["integer 1500"]), Truth::True);
    assert_eq!(judge("{\"eq\":[\"legacy.a\",25e-4]}", &["decimal 0.0025"]), Truth::True);
}

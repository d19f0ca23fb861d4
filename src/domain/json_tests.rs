//! JSON and Extended JSON: every type, numbers digit by digit, hostile and broken texts.

use super::*;

fn value(text: &str) -> Value {
    json_value(text)
}

fn shown(text: &str) -> String {
    let value = value(text);
    format!("{} {value}", value.type_name())
}

#[test]
fn numbers_are_read_digit_by_digit() {
    for (text, expected) in [
        ("12345678901234567.89", "decimal 12345678901234567.89"),
        ("0.1", "decimal 0.1"),
        ("1.50", "decimal 1.50"),
        ("9007199254740993", "integer 9007199254740993"),
        ("-0", "integer -0"),
        ("1e3", "decimal 1000"),
        ("1E+6111", "decimal 1E+6111"),
        ("123456789012345678901234567890123456789012345.6", "decimal 123456789012345678901234567890123456789012345.6"),
        ("null", "null NULL"),
        ("true", "boolean true"),
        ("\"a\\u00e9\\n\"", "text aé\n"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    assert!(shown("1e999999999").starts_with("unknown"));
    assert!(shown("\"\\ud800\"").starts_with("unknown"), "half a surrogate pair");
}

#[test]
fn extended_types_are_read() {
    for (text, expected) in [
        (r#"{"$numberDecimal":"1.50"}"#, "decimal 1.50"),
        (r#"{"$numberDecimal":"-1E-6176"}"#, "decimal -1E-6176"),
        (r#"{"$numberDecimal":"NaN"}"#, "decimal NaN"),
        (r#"{"$numberDecimal":"-Infinity"}"#, "decimal -Infinity"),
        (r#"{ "$numberLong" : "9223372036854775807" }"#, "integer 9223372036854775807"),
        (r#"{"$numberInt":"-5"}"#, "integer -5"),
        (r#"{"$numberDouble":"0.1"}"#, "double 0.1"),
        (r#"{"$numberDouble":"0.1000000000000000055511151231257827"}"#, "double 0.1"),
        (r#"{"$numberDouble":"-0.0"}"#, "double -0"),
        (r#"{"$numberDouble":"NaN"}"#, "double NaN"),
        (r#"{"$oid":"507f1f77bcf86cd799439011"}"#, "objectid 507f1f77bcf86cd799439011"),
        (r#"{"$uuid":"550e8400-e29b-41d4-a716-446655440000"}"#, "uuid 550e8400-e29b-41d4-a716-446655440000"),
        (r#"{"$binary":{"base64":"Af8=","subType":"00"}}"#, "bytes 0x01ff"),
        (r#"{"$binary":"Af8=","$type":"00"}"#, "bytes 0x01ff"),
        (
            r#"{"$binary":{"subType":"4","base64":"VQ6EAOKbQdSnFkRmVUQAAA=="}}"#,
            "uuid 550e8400-e29b-41d4-a716-446655440000",
        ),
        (r#"{"$date":"2026-11-05T10:00:00Z"}"#, "instant 2026-11-05T10:00:00Z"),
        (r#"{"$date":{"$numberLong":"-1"}}"#, "instant 1969-12-31T23:59:59.999Z"),
        (r#"{"$date":1762300800000}"#, "instant 2025-11-05T00:00:00Z"),
        (r#"{"$symbol":"s"}"#, "text s"),
        (r#"{"$timestamp":{"t":7,"i":9}}"#, "text Timestamp(7, 9)"),
        (r#"{"$other":"1"}"#, "document {\"$other\":\"1\"}"),
        (r#"{"$numberDecimal":"1","b":2}"#, "document {\"$numberDecimal\":\"1\",\"b\":2}"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    for text in [
        r#"{"$numberDecimal":"1,5"}"#,
        r#"{"$numberDecimal":1.5}"#,
        r#"{"$numberInt":"2147483648"}"#,
        r#"{"$numberInt":"1.5"}"#,
        r#"{"$numberLong":"9223372036854775808"}"#,
        r#"{"$numberLong":"+1"}"#,
        r#"{"$numberLong":""}"#,
        r#"{"$numberDouble":"1e999"}"#,
        r#"{"$numberDouble":"x"}"#,
        r#"{"$oid":"507f"}"#,
        r#"{"$oid":7}"#,
        r#"{"$date":"yesterday"}"#,
        r#"{"$date":{"$numberLong":5}}"#,
        r#"{"$date":true}"#,
        r#"{"$binary":{"base64":5,"subType":"00"}}"#,
        r#"{"$binary":{"base64":"%","subType":"00"}}"#,
        r#"{"$binary":"Af8=","$type":0}"#,
        r#"{"$timestamp":{"t":-7,"i":9}}"#,
        r#"{"$undefined":true}"#,
        r#"{"$minKey":1}"#,
        r#"{"$maxKey":1}"#,
        r#"{"$regularExpression":{"pattern":"a","options":""}}"#,
        r#"{"$code":"1"}"#,
        r#"{"$code":"1","$scope":{}}"#,
    ] {
        assert!(shown(text).starts_with("unknown"), "{text}: {}", shown(text));
    }
}

#[test]
fn a_field_that_stands_twice_is_refused() {
    let error = json_fields("{\"a\":1,\n \"b\":{},\"a\":2}").expect_err("twice");
    assert_eq!(error.to_string(), "the field `a` stands twice in one object (line 2, column 13)");
    // The same name, once with an escape.
    assert!(json_fields(r#"{"a":1,"\u0061":2}"#).is_err());
    assert!(matches!(value(r#"{"x":{"a":1,"a":1}}"#), Value::Document(f) if matches!(f[0].1, Value::Unknown(_))));
    let raw: &RawValue = serde_json::from_str(r#"{"a":1,"a":2}"#).expect("JSON");
    assert!(json_get(raw, "a").is_err());
    let mut wide: Vec<String> = (0..50_000).map(|n| format!("\"f{n}\":{n}")).collect();
    assert_eq!(json_fields(&format!("{{{}}}", wide.join(","))).expect("no name twice").0.len(), 50_000);
    wide.push("\"f77\":0".into());
    assert!(json_fields(&format!("{{{}}}", wide.join(","))).is_err());
}

#[test]
fn errors_say_where() {
    let error = json_fields("{\"a\": 01}").expect_err("leading zero");
    assert_eq!((error.line, error.column), (1, 8), "{error}");
    assert!(!error.what.contains("column"), "{error}");
    assert!(json_fields("[1]").expect_err("array").what.contains("a JSON object"));
    assert!(json_fields("{} x").is_err());
    assert!(json_fields("{\"a\":NaN}").is_err());
}

#[test]
fn deep_nesting_is_bounded() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        assert!(!value(&nested(MAX_DEPTH - 1)).to_string().contains("deeper"));
        for levels in [MAX_DEPTH + 1, 20_000] {
            assert!(value(&nested(levels)).to_string().contains("nested deeper than 200 levels"), "{levels}");
        }
    }
}

#[test]
fn paths_find_fields_and_items() {
    let text = r#"{"amount":{"net":5,"tax.rate":7},"a":{"b":2,"c":3},"a.b":1,"due":[{"on":9},4],"plain":1,"nil":null}"#;
    let raw: &RawValue = serde_json::from_str(text).expect("JSON");
    let get = |path: &str| json_get(raw, path).map(|found| found.map(RawValue::get));
    assert_eq!(get("amount.net"), Ok(Some("5")));
    assert_eq!(get("amount.tax.rate"), Ok(Some("7")));
    assert_eq!(get("a.b"), Ok(Some("1")), "a name with a dot comes before a path");
    assert_eq!(get("a.c"), Ok(Some("3")));
    assert_eq!(get("due.0.on"), Ok(Some("9")));
    assert_eq!(get("due.2"), Ok(None));
    assert!(get("due.on").is_err(), "which item is not said");
    assert_eq!(get("plain.x"), Ok(None));
    assert_eq!(get("nil.x"), Ok(None));
    assert_eq!(get("nothing"), Ok(None));
}

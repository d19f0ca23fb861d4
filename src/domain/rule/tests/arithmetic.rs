//! What is computed, exactly or not at all.

use super::*;

/// Whether a computed value is exactly this amount: equal, and neither below nor above.
fn computes(value: &str, wanted: &str, values: &[&str]) {
    let text =
        format!(r#"{{"all":[{{"eq":[{value},{{"amount":"{wanted}"}}]}},{{"not":{{"ne":[{value},{wanted}]}}}}]}}"#);
    assert_eq!(judge(&text, values), Truth::True, "{value} of {values:?} is not {wanted}");
    let other = format!(r#"{{"eq":[{value},{{"add":[{wanted},1e-30]}}]}}"#);
    assert_eq!(judge(&other, values), Truth::False, "{value} of {values:?} is more than {wanted}");
}

#[test]
fn arithmetic_is_exact() {
    let (a, b) = ("\"legacy.a\"", "\"legacy.b\"");
    let values = ["decimal 10.50", "integer -3"];
    computes(&format!(r#"{{"add":[{a},{b}]}}"#), "7.5", &values);
    computes(&format!(r#"{{"add":[{a},{b},{a},0.001]}}"#), "18.001", &values);
    computes(&format!(r#"{{"sub":[{a},{b}]}}"#), "13.5", &values);
    computes(&format!(r#"{{"mul":[{a},{b}]}}"#), "-31.5", &values);
    computes(&format!(r#"{{"mul":[{a},{b},{b},2]}}"#), "189", &values);
    computes(&format!(r#"{{"neg":{a}}}"#), "-10.5", &values);
    computes(&format!(r#"{{"neg":[{b}]}}"#), "3", &values);
    computes(&format!(r#"{{"abs":{b}}}"#), "3", &values);
    computes(&format!(r#"{{"abs":[{a}]}}"#), "10.5", &values);
    computes(&format!(r#"{{"min":[{a},{b},0]}}"#), "-3", &values);
    computes(&format!(r#"{{"max":[{b},{a},0]}}"#), "10.5", &values);
    computes(&format!(r#"{{"percent":[14,{a}]}}"#), "1.47", &values);
    computes(&format!(r#"{{"div":[{a},{b}],"scale":2,"mode":"half_up"}}"#), "-3.5", &values);
    computes(&format!(r#"{{"div":[{b},{a}],"scale":4,"mode":"half_up"}}"#), "-0.2857", &values);
    computes(&format!(r#"{{"div":[{b},{a}],"mode":"floor","scale":4}}"#), "-0.2858", &values);
    computes(&format!(r#"{{"round":{a},"scale":0,"mode":"half_even"}}"#), "10", &values);
    computes(&format!(r#"{{"round":{a},"scale":0,"mode":"up"}}"#), "11", &values);
    computes(&format!(r#"{{"round":{a},"scale":5,"mode":"up"}}"#), "10.5", &values);
    computes(&format!(r#"{{"round":[{a}],"scale":-1,"mode":"down"}}"#), "10", &values);
    computes(&format!(r#"{{"round":{b},"scale":-1,"mode":"floor"}}"#), "-10", &values);
}

#[test]
fn a_float_and_a_zero_with_a_sign_are_what_they_print() {
    computes(r#"{"mul":["legacy.a",3]}"#, "0.3", &["double 0.1"]);
    computes(r#"{"add":["legacy.a",0]}"#, "0", &["decimal -0.00"]);
    computes(r#"{"mul":["legacy.a","legacy.a"]}"#, "0", &["csv -0.0"]);
}

#[test]
fn beyond_38_digits_it_goes_on() {
    let nines = "99999999999999999999999999999999999999";
    let most = i128::MAX.to_string();
    let least = i128::MIN.to_string();
    let values = [format!("integer {nines}"), format!("integer {most}"), format!("integer {least}")];
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    computes(r#"{"add":["legacy.a",1]}"#, "100000000000000000000000000000000000000", &values);
    computes(r#"{"add":["legacy.a",0.001]}"#, &format!("{nines}.001"), &values);
    computes(r#"{"add":["legacy.b","legacy.b"]}"#, "340282366920938463463374607431768211454", &values);
    computes(r#"{"sub":[{"add":["legacy.b","legacy.b"]},"legacy.b"]}"#, &most, &values);
    computes(r#"{"neg":"legacy.c"}"#, "170141183460469231731687303715884105728", &values);
    computes(r#"{"abs":"legacy.c"}"#, "170141183460469231731687303715884105728", &values);
    computes(r#"{"neg":{"neg":"legacy.c"}}"#, &least, &values);
    computes(r#"{"sub":["legacy.c","legacy.b"]}"#, "-340282366920938463463374607431768211455", &values);
    let square = "9999999999999999999999999999999999999800000000000000000000000000000000000001";
    computes(r#"{"mul":["legacy.a","legacy.a"]}"#, square, &values);
    computes(r#"{"percent":["legacy.a","legacy.a"]}"#, &format!("{}.{}", &square[..74], &square[74..]), &values);
    computes(r#"{"div":[{"mul":["legacy.a","legacy.a"]},"legacy.a"],"scale":0,"mode":"down"}"#, nines, &values);
    computes(
        r#"{"div":["legacy.a",7],"scale":38,"mode":"down"}"#,
        "14285714285714285714285714285714285714.14285714285714285714285714285714285714",
        &values,
    );
    computes(r#"{"div":[1,"legacy.a"],"scale":38,"mode":"half_even"}"#, "1e-38", &values);
    computes(r#"{"round":{"mul":["legacy.a","legacy.a"]},"scale":-38,"mode":"up"}"#, &format!("{nines}e38"), &values);
    computes(r#"{"max":[{"mul":["legacy.a","legacy.a"]},"legacy.b"]}"#, square, &values);
}

#[test]
fn without_a_result_it_is_unknown() {
    let cases = [
        (r#"{"div":[1,"legacy.a"],"scale":0,"mode":"down"}"#, "decimal 0.00", Reason::DivisionByZero, Some(0)),
        (r#"{"div":[1,"legacy.a"],"scale":0,"mode":"down"}"#, "decimal -0", Reason::DivisionByZero, Some(0)),
        (r#"{"div":[1,{"sub":["legacy.a",1]}],"scale":0,"mode":"down"}"#, "integer 1", Reason::DivisionByZero, None),
        (r#"{"add":["legacy.a",1]}"#, "decimal Infinity", Reason::Infinite, None),
        (r#"{"mul":[0,"legacy.a"]}"#, "decimal -Infinity", Reason::Infinite, None),
        (r#"{"add":["legacy.a",1]}"#, "text 1", Reason::NotAnAmount, Some(0)),
        (r#"{"add":["legacy.a",1]}"#, "date 2026-11-13", Reason::NotAnAmount, Some(0)),
        (r#"{"add":["legacy.a",1]}"#, "csv n/a", Reason::NotAnAmount, Some(0)),
        (r#"{"add":["legacy.a",1]}"#, "boolean true", Reason::NotAnAmount, Some(0)),
        (r#"{"add":["legacy.a",1]}"#, "decimal 1E+1001", Reason::TooLong, None),
        (r#"{"mul":["legacy.a","legacy.a"]}"#, "decimal 1E+501", Reason::TooLong, None),
        (r#"{"mul":["legacy.a","legacy.a"]}"#, "decimal 1E-501", Reason::TooLong, None),
    ];
    for (value, given, wanted, slot) in cases {
        let said = judge(&format!(r#"{{"ge":[{value},0]}}"#), &[given]);
        assert_eq!(reason(said), wanted, "{value} of {given}");
        let Truth::Unknown(unknown) = said else { panic!("known") };
        assert_eq!(unknown.slot(), slot, "{value} of {given}");
    }
    computes(r#"{"sub":["legacy.a",{"sub":["legacy.a",1]}]}"#, "1", &["decimal 1E+900"]);
    assert_eq!(judge(r#"{"lt":[{"neg":"legacy.a"},{"min":["legacy.a",0]}]}"#, &["decimal Infinity"]), Truth::True);
}

/// A hostile rule may cost time, and not much of it: no product grows without end.
#[test]
fn a_tower_of_products_stops_growing() {
    let mut value = r#"{"mul":["legacy.a","legacy.a"]}"#.to_owned();
    for _ in 0..11 {
        value = format!(r#"{{"mul":[{value},{value}]}}"#);
    }
    let said = judge(&format!(r#"{{"gt":[{value},0]}}"#), &[&format!("integer {}", "9".repeat(60))]);
    assert_eq!(reason(said), Reason::TooLong);
}

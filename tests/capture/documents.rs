//! Documents: names of fields that are somebody's, JSON that is held as text, and dates of birth.

use serde_json::{Value as Json, json};

use crate::people::{MASKS, PEOPLE, SECRET, documents, files, refused, verified};
use crate::support::{Outcome, Place, sqlite};

/// Every document of the project with more fields.
fn with_fields(place: &Place, more: &Json) {
    let line = |line: String| {
        let mut document: Json = serde_json::from_str(&line).expect("JSON");
        for (name, value) in more.as_object().expect("fields") {
            document[name] = value.clone();
        }
        document.to_string()
    };
    place.write("docs/payees.ndjson", documents().into_iter().map(line).collect::<Vec<_>>().join("\n"));
}

/// Rules in the place of those that the project has.
fn ruled(place: &Place, rules: &str) {
    let text = place.read("recon.toml");
    let (head, _) = text.split_once("[capture.mask]").expect("rules");
    place.write("recon.toml", format!("{head}{}{rules}", MASKS.trim_start()));
}

fn capture(place: &Place) -> Outcome {
    place.recon(&["capture", "latest", "--keys", PEOPLE[1].3])
}

fn captured(place: &Place) -> Vec<(String, String)> {
    let _ = std::fs::remove_dir_all(place.path().join("cases"));
    let outcome = capture(place);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    for name in ["Hong", "gildong", "010-7777", "hong@example"] {
        assert!(!outcome.to_string().contains(name), "{name}: {outcome}");
    }
    let test = place.recon(&["test"]);
    assert_eq!(test.code, Some(0), "{test}");
    files(&place.path().join("cases"))
}

/// The masked document.
fn payee(files: &[(String, String)]) -> &str {
    &files.iter().find(|(name, _)| name.ends_with("payees.ndjson")).expect("documents").1
}

#[test]
fn documents_that_are_kept_under_somebodys_name() {
    let place = verified(MASKS);
    let people = json!({"people": {"Hong Gildong": {"phone": "010-5555-1234"}}});
    let refused_for = |field: &str| {
        let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[1].3]);
        assert!(outcome.stderr.contains(field), "{outcome}");
        for name in ["Hong", "010-7777", "010-5555", "hong@example"] {
            assert!(!outcome.to_string().contains(name), "{name}: {outcome}");
        }
    };
    // A rule for what lies in it says nothing about the names.
    with_fields(&place, &people);
    refused_for("\"docs.payees.people\" = \"name\"");
    with_fields(&place, &json!({"contacts": {"010-7777-0001": {"mobile": "010-5555-1234"}}}));
    refused_for("\"docs.payees.contacts.*.mobile\" = \"digits\"");
    refused_for("\"docs.payees.contacts\" = \"digits\"");
    ruled(&place, "\"shares.*\" = \"digits\"\n");
    with_fields(&place, &json!({"shares": {"hong@example.com": 3}}));
    refused_for("\"docs.payees.shares\" = \"email\"");
    // A mask of the document itself is also one for the names.
    ruled(&place, "people = \"name\"\n");
    with_fields(
        &place,
        &json!({"people": {"Hong Gildong": {"phone": "010-5555-1234"}}, "other_phones": {"010-7777-0001": "x"}}),
    );
    let written = captured(&place);
    let document = payee(&written);
    for name in ["Hong", "010-7777", "010-5555"] {
        assert!(!document.contains(name), "{document}");
    }
    assert!(document.contains("\"other_phones\":{\"0") && document.contains("\"phone\":\"0"), "{document}");
    // That it is no personal data is said of it, and names are not shown all the same.
    ruled(&place, "people = \"keep\"\n\"people.*.phone\" = \"digits\"\n");
    with_fields(&place, &people);
    let written = captured(&place);
    assert!(
        payee(&written).contains("{\"people\":{\"Hong Gildong\":{\"phone\":\"0")
            || payee(&written).contains("\"Hong Gildong\"")
    );
    assert!(!payee(&written).contains("010-5555"), "{written:?}");
}

#[test]
fn ordinary_names_of_fields_are_captured() {
    let place = verified(MASKS);
    with_fields(
        &place,
        &json!({"by_day": {"2026-11-05": 1, "2026-11-06": 2}, "terms": {"Sale Date": "2026-11-05", "unit price": 3, "금액": 5},
                "orders": {"ORD-2026-000123": {"total": 12.5}}, "by_id": {"1001": 2}}),
    );
    let written = captured(&place);
    assert!(payee(&written).contains("\"2026-11-05\":1"), "{written:?}");
}

#[test]
fn json_in_a_column_of_text_is_looked_at_and_masked() {
    let place = verified(MASKS);
    sqlite(
        &place.path().join("core.db"),
        r#"ALTER TABLE customers ADD COLUMN profile TEXT;
           UPDATE customers SET profile = '{"guardian":"Hong Gildong","contact":{"mobile":1088887777,"limit":1.50},"rate":1e2}'"#,
    );
    let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[1].3]);
    for field in ["core.customers.profile.guardian", "core.customers.profile.contact.mobile"] {
        assert!(outcome.stderr.contains(&format!("\"{field}\"")), "{outcome}");
    }
    assert!(!outcome.stderr.contains("Hong") && !outcome.stderr.contains("8888"), "{outcome}");
    ruled(
        &place,
        "guardian = \"name\"\n\"customers.profile.contact.mobile\" = \"digits\"\n\"nowhere.phone\" = \"digits\"\n",
    );
    let written = captured(&place);
    let customers = &written.iter().find(|(name, _)| name.ends_with("customers.csv")).expect("rows").1;
    assert!(!customers.contains("Hong") && !customers.contains("8888"), "{customers}");
    // What no rule names stays byte for byte.
    assert!(
        customers.contains(r#","limit"":1.50},""rate"":1e2}"#)
            || customers.contains(r#"""limit"":1.50},""rate"":1e2}"#),
        "{customers}"
    );
    // A rule that names nothing is said.
    let _ = std::fs::remove_dir_all(place.path().join("cases"));
    let outcome = capture(&place);
    assert!(outcome.stdout.contains("nowhere.phone") && !outcome.stdout.contains("guardian,"), "{outcome}");
    assert!(!outcome.to_string().contains(SECRET));
}

#[test]
fn a_date_of_birth_needs_a_rule_and_other_dates_need_none() {
    let place = verified(MASKS);
    with_fields(
        &place,
        &json!({"birth_date": {"$date": "1985-03-07T00:00:00Z"}, "customer_since": {"$date": "2020-03-07T00:00:00Z"}}),
    );
    let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[1].3]);
    assert!(outcome.stderr.contains("\"docs.payees.birth_date\" = \"drop\""), "{outcome}");
    assert!(!outcome.stderr.contains("customer_since") && !outcome.stderr.contains("1985"), "{outcome}");
    ruled(&place, "birth_date = \"drop\"\n");
    let written = captured(&place);
    assert!(payee(&written).contains("2020-03-07") && !payee(&written).contains("1985"), "{written:?}");
}

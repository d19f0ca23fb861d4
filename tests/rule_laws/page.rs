//! The page on rules, the JSON Schema and the parser say the same.

use recon::domain::rule::{DECISION_REASONS, DECISION_SOURCES, RECORD_KINDS, Rule, parse};

use crate::read;

pub(crate) fn schema() -> (boon::Schemas, boon::SchemaIndex) {
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("rule.json", Rule::schema()).expect("a schema");
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("rule.json", &mut schemas).expect("a schema of draft 2020-12");
    (schemas, index)
}

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md")).expect("the page")
}

#[test]
fn every_rule_of_the_page_is_read() {
    let (schemas, index) = schema();
    let page = page();
    let examples: Vec<&str> =
        page.split("```json\n").skip(1).map(|rest| rest.split_once("```").expect("a fence that ends").0).collect();
    assert!(examples.len() >= 9, "{} examples", examples.len());
    for example in examples {
        read(example);
        let instance: serde_json::Value = serde_json::from_str(example).expect("JSON");
        schemas.validate(&instance, index).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

/// Every operator of the tables, with its letters filled in.
#[test]
fn every_form_of_the_tables_is_read() {
    let filled = |form: &str| {
        let mut form = form.replace(", …]", "]");
        for (letter, value) in [("LOW", "1"), ("HIGH", "2"), ("A", r#""legacy.a""#), ("B", "2"), ("P", "14")] {
            form = form
                .replace(&format!("[{letter}"), &format!("[{value}"))
                .replace(&format!(" {letter}"), &format!(" {value}"));
        }
        form.replace("[C, D]", "[true, null]").replace(": C}", ": false}").replace(", C]", ", 3]")
    };
    let (mut conditions, mut values) = (0, 0);
    let (schemas, index) = schema();
    let page = page();
    let (of_values, of_conditions) = page.split_once("## Conditions").expect("two tables");
    let forms = |part: &str| -> Vec<String> {
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|line| line.split(" | ").next());
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(filled).collect::<Vec<_>>()).collect()
    };
    let check = |text: String| {
        read(&text);
        let instance: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        schemas.validate(&instance, index).unwrap_or_else(|error| panic!("{text}: {error}"));
    };
    for form in forms(of_values) {
        check(format!(r#"{{"eq":[{form},"candidate.x"]}}"#));
        values += 1;
    }
    let of_conditions = of_conditions.split("### Not known").next().expect("a part");
    for form in forms(of_conditions) {
        check(form);
        conditions += 1;
    }
    assert_eq!((values, conditions), (29, 17), "the tables have lost or gained a row");
}

/// Texts that are refused by the parser; `true` where an editor with the schema shows it too.
#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    let wrong = [
        (r#"{}"#, true),
        (r#"[]"#, true),
        (r#""legacy.a""#, true),
        (r#"{"grt":["legacy.a",1]}"#, true),
        (r#"{"flag":true,"expect":true}"#, true),
        (r#"{"where":true}"#, true),
        (r#"{"flag":true,"whree":true}"#, true),
        (r#"{"flag":true,"name":1}"#, true),
        (r#"{"where":true,"gt":["legacy.a",1]}"#, true),
        (r#"{"gt":["legacy.a",1],"lt":["legacy.a",1]}"#, true),
        (r#"{"gt":["legacy.a"]}"#, true),
        (r#"{"gt":["legacy.a",1,2]}"#, true),
        (r#"{"gt":["a",1]}"#, true),
        (r#"{"gt":["record.status",1]}"#, true),
        (r#"{"eq":["legacy.a",null]}"#, true),
        (r#"{"eq":["legacy.a",{"text":1}]}"#, true),
        (r#"{"eq":["legacy.a",{"date":"13.11.2026"}]}"#, true),
        (r#"{"eq":["legacy.a",{"instant":"2026-11-13T00:00:00"}]}"#, true),
        (r#"{"eq":["legacy.a",{"amount":"1,5"}]}"#, true),
        (r#"{"eq":["legacy.a",{"div":[1,2]}]}"#, true),
        (r#"{"eq":["legacy.a",{"div":[1,2],"scale":1,"mode":"nearest"}]}"#, true),
        (r#"{"eq":["legacy.a",{"round":1,"scale":1.5,"mode":"down"}]}"#, true),
        (r#"{"eq":["legacy.a",{"mul":[1,2],"scale":1}]}"#, true),
        (r#"{"eq":["legacy.a",{"add":[1]}]}"#, true),
        (r#"{"in":["legacy.a",[]]}"#, true),
        (r#"{"in":["legacy.a",1]}"#, true),
        (r#"{"all":[]}"#, true),
        (r#"{"not":[true]}"#, true),
        (r#"{"is_null":"param.a"}"#, true),
        (r#"{"is_absent":1}"#, true),
        (r#"{"starts_with":["legacy.a","po_"]}"#, true),
        (r#"{"eq":["legacy.a",{"date":"2026-02-30"}]}"#, false),
        (r#"{"eq":[1,{"text":"1"}]}"#, false),
        (r#"{"eq":["record.kind",{"text":"agreed"}]}"#, false),
        (r#"{"eq":["legacy.a",{"div":[1,0],"scale":1,"mode":"down"}]}"#, false),
        (r#"{"flag":true,"flag":true}"#, false),
    ];
    let (schemas, index) = schema();
    for (text, shown) in wrong {
        assert!(parse(text).is_err(), "{text}");
        let instance: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(schemas.validate(&instance, index).is_err(), shown, "{text}");
    }
}

/// The words that rules know are those of the rooms that fill them in.
#[test]
fn kinds_and_reasons_are_those_of_decisions() {
    use recon::decide::{Reason, Taken};
    assert_eq!([Taken::Candidate, Taken::Legacy, Taken::Held].map(Taken::name), DECISION_SOURCES);
    for word in DECISION_REASONS {
        assert_eq!(Reason::parse(word).map(Reason::name), Some(word));
    }
    let kinds: Vec<&str> = DECISION_REASONS.into_iter().filter(|word| *word != "not_enrolled").collect();
    assert_eq!(kinds, RECORD_KINDS);
}

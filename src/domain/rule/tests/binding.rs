//! Names of a run, parameters, and what rules of one set share.

use super::*;

fn names() -> Vec<Reference> {
    let mut names: Vec<Reference> = [Scope::Legacy, Scope::Candidate, Scope::Decision]
        .into_iter()
        .flat_map(|scope| ["net", "income_tax"].map(|name| Reference::new(scope, name)))
        .collect();
    names.push(Reference::new(Scope::Candidate, "amount.fee"));
    names.push(Reference::new(Scope::Record, "kind"));
    names
}

fn params() -> Vec<(String, Value)> {
    let day = crate::domain::parse_date("2026-11-13").expect("a date");
    vec![
        ("payout_date".into(), Value::Date(day)),
        ("limit".into(), Value::Number { amount: Amount::new(15, 1), form: NumberForm::Decimal }),
        ("currency".into(), Value::Text { text: "KRW".into(), untyped: false }),
    ]
}

#[test]
fn what_the_run_does_not_have_is_refused_by_place() {
    let texts = [
        r#"{"gt": ["legacy.nett", 1]}"#,
        r#"{"gt": ["legacy.net", 1]}"#,
        r#"{"gt": ["legacy.amount.fee", 1]}"#,
        r#"{"gt": ["previous.net", 1]}"#,
        r#"{"gt": ["key.id", {"neg": "legacy.memo"}]}"#,
        r#"{"eq": ["legacy.net", "param.limt"]}"#,
        r#"{"eq": ["legacy.net", "param.threshold"]}"#,
        r#"{"where": {"eq": [{"abs": "legacy.net"}, "param.payout_date"]}, "flag": true}"#,
        r#"{"all": [{"gt": [{"mul": [2, "param.currency"]}, 1]}]}"#,
        r#"{"starts_with": ["param.limit", {"text": "1"}]}"#,
    ];
    let rules: Vec<Rule> = texts.iter().map(|text| parse(text).expect(text)).collect();
    let refused = RuleSet::bind(&rules.iter().collect::<Vec<_>>(), &names(), &params()).expect_err("unknown names");
    let mut page = String::new();
    for (at, error) in refused {
        page.push_str(&format!("rule {at}: {error}\n{}\n\n", error.excerpt()));
    }
    insta::assert_snapshot!(page);
}

#[test]
fn a_set_wants_the_names_that_its_rules_read() {
    let first =
        parse(r#"{"where":{"eq":["record.kind",{"text":"agree"}]},"flag":{"gt":["legacy.net","param.limit"]}}"#)
            .expect("a rule");
    let second = parse(r#"{"eq":[{"add":["candidate.amount.fee","legacy.net"]},1]}"#).expect("a rule");
    let shown = |references: Vec<Reference>| references.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(shown(first.references()), "record.kind legacy.net param.limit");
    let set = RuleSet::bind(&[&first, &second], &names(), &params()).expect("known names");
    assert_eq!(shown(set.slots().to_vec()), "record.kind legacy.net candidate.amount.fee");
    assert_eq!((set.len(), set.is_empty()), (2, false));
    assert_eq!((first.name(), first.description()), (None, None));
    let named = parse(r#"{"name":"n","description":"d","expect":true}"#).expect("a rule");
    assert_eq!((named.name(), named.description()), (Some("n"), Some("d")));
}

/// One set over many records: what a record changes (the common scale, what was computed) must not reach the next.
#[test]
fn records_do_not_reach_each_other() {
    let texts = [
        r#"{"gt":["legacy.a",1.5]}"#,
        r#"{"eq":[{"mul":["legacy.a","legacy.b"]},0.000001]}"#,
        r#"{"lt":["legacy.a","legacy.b"]}"#,
        r#"{"in":["legacy.b",[1,0.001,100000000000000000000000000000]]}"#,
        r#"{"is_absent":"legacy.b"}"#,
    ];
    let rules: Vec<Rule> = texts.iter().map(|text| parse(text).expect(text)).collect();
    let rules: Vec<&Rule> = rules.iter().collect();
    let records = [
        ["integer 2", "integer 1"],
        ["decimal 0.001", "decimal 0.001"],
        ["decimal 1.500000000000000001", "absent"],
        ["integer 2", "integer 100000000000000000000000000000"],
        ["decimal 1.5", "decimal 1.49999999999999999999999999"],
        ["integer 2", "integer 1"],
        ["NULL", "decimal 1E+40"],
        ["decimal 1E-30", "decimal 1E+24"],
    ];
    let names = ["a", "b"].map(|name| Reference::new(Scope::Legacy, name));
    let mut set = RuleSet::bind(&rules, &names, &[]).expect("bound");
    for record in records.iter().chain(records.iter().rev()) {
        let mut batch = Batch::new(2);
        let row = batch.start_row();
        for (column, value) in record.iter().enumerate() {
            let cell = cell(&mut batch, value);
            batch.set(row, column, cell);
        }
        let mut said = Vec::new();
        set.evaluate(&[batch.at(row, 0), batch.at(row, 1)], &mut |_, truth| said.push(truth));
        assert_eq!(said, judge_all(&rules, record), "{record:?}");
    }
    let mut said = Vec::new();
    set.evaluate(&[], &mut |_, truth| said.push(truth));
    assert_eq!(reason(said[0]), Reason::Absent, "a cell that is not given is absent");
    assert_eq!(said[4], Truth::True);
}

#[test]
fn parameters_keep_their_types() {
    let rule = |text: &str| parse(text).expect(text);
    let rules = [
        rule(r#"{"eq":["legacy.net","param.limit"]}"#),
        rule(r#"{"eq":["legacy.net","param.payout_date"]}"#),
        rule(r#"{"in":["legacy.net",["param.limit",7]]}"#),
    ];
    let mut set = RuleSet::bind(&rules.iter().collect::<Vec<_>>(), &names(), &params()).expect("bound");
    let mut batch = Batch::new(1);
    let row = batch.start_row();
    let cell = cell(&mut batch, "decimal 1.500");
    batch.set(row, 0, cell);
    let mut said = Vec::new();
    set.evaluate(&[batch.at(row, 0)], &mut |_, truth| said.push(truth));
    assert_eq!((said[0], reason(said[1]), said[2]), (Truth::True, Reason::Kinds, Truth::True));
}

#[test]
fn reasons_read_as_sentences() {
    let slots = [Reference::new(Scope::Candidate, "net")];
    let mut page = String::new();
    for reason in Reason::ALL {
        let (of_a_value, of_the_rule) = (Unknown::new(reason, 0), Unknown::new(reason, NO_SLOT));
        page.push_str(&format!("{}; {}\n", of_a_value.explain(&slots), of_the_rule.explain(&slots)));
    }
    insta::assert_snapshot!(page);
}

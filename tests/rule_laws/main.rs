//! The laws of rules, over random rules and records: judged by a naive evaluator that walks the rule over decoded values
//! and big integers and shares no code with the compiled program. And the page on rules, read by the parser.
//!
//! Invariants:
//! 1. The compiled set says what the naive evaluator says, rule by rule, record after record, however the rules are spelt.
//! 2. De Morgan's laws, double negation, `between` as two comparisons, `in` as `any` of `eq`, `expect` as `flag` of `not`.
//! 3. What the parser reads the JSON Schema accepts; what the schema refuses the parser refuses.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod drawn;
mod naive;
mod page;
mod tree;

use drawn::{Sample, condition, number, put, records};
use page::schema;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use recon::domain::rule::{Reference, Rule, RuleSet, Scope, Truth, parse};
use recon::domain::{Batch, Value};
use tree::{Condition, NAMES, Operand};

fn names() -> Vec<Reference> {
    NAMES.map(|name| Reference::new(Scope::Legacy, name)).to_vec()
}

fn read(text: &str) -> Rule {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{}", error.excerpt()))
}

/// What one set of these rules says of each record, one after the other.
fn judge(texts: &[String], records: &[Vec<Sample>]) -> Vec<Vec<Truth>> {
    let rules: Vec<Rule> = texts.iter().map(|text| read(text)).collect();
    let mut set = RuleSet::bind(&rules.iter().collect::<Vec<_>>(), &names(), &[]).expect("known names");
    let columns: Vec<usize> =
        set.slots().iter().map(|slot| names().iter().position(|name| name == slot).expect("a name")).collect();
    let judged = records.iter().map(|record| {
        let batch = batch(record);
        let cells: Vec<_> = columns.iter().map(|column| batch.at(0, *column)).collect();
        let mut said = Vec::new();
        set.evaluate(&cells, &mut |_, truth| said.push(truth));
        said
    });
    judged.collect()
}

fn batch(record: &[Sample]) -> Batch {
    let mut batch = Batch::new(record.len());
    let row = batch.start_row();
    for (column, sample) in record.iter().enumerate() {
        let cell = put(sample, &mut batch);
        batch.set(row, column, cell);
    }
    batch
}

fn known(truth: Truth) -> Option<bool> {
    match truth {
        Truth::True => Some(true),
        Truth::False => Some(false),
        Truth::Unknown(_) => None,
        Truth::NotExamined => panic!("not examined"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_set_says_what_the_naive_evaluator_says(
        conditions in prop::collection::vec((condition(), condition(), any::<bool>()), 1..6),
        records in records(),
    ) {
        let texts: Vec<String> = conditions.iter().map(|(examined, condition, expect)| {
            let key = if *expect { "expect" } else { "flag" };
            format!(r#"{{"where":{},"{key}":{}}}"#, examined.json(), condition.json())
        }).collect();
        let said = judge(&texts, &records);
        for (record, said) in records.iter().zip(said) {
            let batch = batch(record);
            let values: Vec<Value> = (0..record.len()).map(|column| Value::of(batch.at(0, column))).collect();
            for ((examined, condition, expect), said) in conditions.iter().zip(said) {
                let wanted = match examined.truth(&values) {
                    Some(false) => {
                        prop_assert_eq!(said, Truth::NotExamined, "{}", examined.json());
                        continue;
                    }
                    Some(true) => condition.truth(&values).map(|truth| truth != *expect),
                    None => None,
                };
                prop_assert!(said != Truth::NotExamined, "{}", examined.json());
                prop_assert_eq!(known(said), wanted, "{} where {} of {:?}", condition.json(), examined.json(), values);
            }
        }
    }

    #[test]
    fn the_laws_of_logic_hold(
        parts in prop::collection::vec(condition(), 1..4),
        value in number(),
        bounds in (number(), number()),
        records in records(),
    ) {
        let not = |condition: &Condition| Condition::Not(Box::new(condition.clone()));
        let negated: Vec<Condition> = parts.iter().map(not).collect();
        let (low, high) = bounds;
        let equal = |item: &Operand| Condition::Compare(0, false, value.clone(), item.clone());
        let pairs = [
            (not(&Condition::All(parts.clone())), Condition::Any(negated.clone())),
            (not(&Condition::Any(parts.clone())), Condition::All(negated)),
            (not(&not(&parts[0])), parts[0].clone()),
            (
                Condition::Between(value.clone(), low.clone(), high.clone()),
                Condition::All(vec![
                    Condition::Compare(5, true, value.clone(), low.clone()),
                    not(&Condition::Compare(4, false, value.clone(), high.clone())),
                ]),
            ),
            (
                Condition::In(value.clone(), vec![low.clone(), high.clone()]),
                Condition::Any(vec![equal(&low), not(&Condition::Compare(1, true, high.clone(), value.clone()))]),
            ),
        ];
        let mut texts: Vec<String> = pairs.iter().flat_map(|(one, other)| [one.json(), other.json()]).collect();
        texts.push(format!(r#"{{"expect":{}}}"#, parts[0].json()));
        texts.push(format!(r#"{{"flag":{}}}"#, not(&parts[0]).json()));
        for said in judge(&texts, &records) {
            for (at, pair) in said.chunks(2).enumerate() {
                prop_assert_eq!(known(pair[0]), known(pair[1]), "{} and {}", &texts[2 * at], &texts[2 * at + 1]);
            }
        }
    }
}

#[test]
fn the_schema_accepts_what_is_read() {
    let (schemas, index) = schema();
    let mut runner = TestRunner::new(ProptestConfig { cases: 1000, ..ProptestConfig::default() });
    let accepted = |condition: Condition| {
        let text = condition.json();
        read(&text);
        let instance: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let said = schemas.validate(&instance, index);
        prop_assert!(said.is_ok(), "{text}: {}", said.unwrap_err());
        Ok(())
    };
    runner.run(&condition(), accepted).expect("the schema accepts what is read");
}

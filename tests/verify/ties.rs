//! No input makes decisions that do not tie: random records, policies and percentages on an embedded store.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::engine::{Engine, Project};

/// An amount of either side: NULL, a number with up to 30 decimals, or one that is none.
fn amount(unknown: bool) -> impl Strategy<Value = Option<String>> {
    let number = (any::<i64>(), 0_u32..30, any::<bool>()).prop_map(|(digits, scale, long)| {
        let digits = if long { format!("{digits}{}", digits.unsigned_abs()) } else { (digits % 1_000).to_string() };
        let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
        let padded = format!("{digits:0>width$}", width = scale as usize + 1);
        let (whole, behind) = padded.split_at(padded.len() - scale as usize);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        Some(if behind.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{behind}") })
    });
    let none = if unknown { Just(Some("none".to_owned())).boxed() } else { Just(None).boxed() };
    prop_oneof![8 => number, 1 => Just(None), 1 => none]
}

type Records = Vec<(i64, Option<String>, Option<String>)>;

fn records() -> impl Strategy<Value = (Records, Records)> {
    let one = |unknown| (0_i64..20, amount(unknown), amount(false));
    let list = |unknown| prop::collection::vec(one(unknown), 1..30);
    // Much of it agrees, as in life: the candidate begins as a copy of legacy.
    (list(false), list(true), 0_usize..30).prop_map(|(legacy, other, same)| {
        let mut candidate: Records = legacy.iter().take(same).cloned().collect();
        candidate.extend(other);
        (legacy, candidate)
    })
}

#[test]
fn no_input_makes_decisions_that_do_not_tie() {
    let choice = prop_oneof![Just("legacy"), Just("hold")];
    let cases =
        (records(), 0_u8..=100, choice.clone(), choice.clone(), choice, prop_oneof![Just("0"), Just("5"), Just("50%")]);
    let mut runner = TestRunner::new(Config { cases: 40, ..Config::default() });
    let project = Project::new(Engine::Sqlite, &[], &[]);
    let ran = runner.run(&cases, |((legacy, candidate), percent, mismatch, one_sided, duplicate, tolerance)| {
        let literal = |value: &Option<String>| value.as_ref().map_or("NULL".to_owned(), |text| format!("'{text}'"));
        let rows: Vec<String> =
            legacy.iter().map(|(id, net, fee)| format!("{id}, {}, {}", literal(net), literal(fee))).collect();
        project.legacy(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        let json = |value: &Option<String>| value.as_ref().map_or("null".to_owned(), |text| format!("\"{text}\""));
        let lines: Vec<String> = candidate
            .iter()
            .map(|(id, net, fee)| format!(r#"{{"id": {id}, "net": {}, "fee": {}}}"#, json(net), json(fee)))
            .collect();
        project.candidate(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        project.configure(&format!(
            "[reconciliation.payout.canary]\npercent = {percent}\n[reconciliation.payout.policy]\nmismatch = \"{mismatch}\"\n\
             legacy_only = \"{one_sided}\"\ncandidate_duplicate = \"{duplicate}\"\n"
        ));
        project.replace("tolerance = \"0.01\"", &format!("tolerance = \"{tolerance}\""));
        let (report, code) = project.report(&["--again"]);
        let verdict = report["verdict"].as_str().unwrap_or_default();
        let nothing_compared = report["coverage"]["compared"] == 0;
        let expected = if nothing_compared { ["incomplete", "incomplete"] } else { ["clean", "warned"] };
        prop_assert!(expected.contains(&verdict), "{report:#}");
        prop_assert_eq!(code, Some(if nothing_compared { 3 } else { 0 }));
        // Once for each distinct key.
        let mut keys: Vec<i64> = legacy.iter().chain(&candidate).map(|(id, ..)| *id).collect();
        keys.sort_unstable();
        keys.dedup();
        let written = project.rows("SELECT CAST(id AS TEXT) FROM payout_decision ORDER BY id");
        let written: Vec<i64> = written.iter().flatten().flatten().map(|id| id.parse().expect("a number")).collect();
        prop_assert_eq!(written, keys);
        for column in ["net", "fee"] {
            let bridge = &report["totals"][column];
            if !bridge.is_null() {
                let residual = bridge["residual"].as_str().expect("a residual");
                prop_assert!(residual.trim_matches(['0', '.', '-']).is_empty(), "{column}: {bridge:#}");
            }
        }
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

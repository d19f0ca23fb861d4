//! `recon diff` over real servers and files, with the real program: every pair of stores gives the same answer,
//! a server that dies makes no verdict, and what is asked wrongly is refused with the right exit code.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod cut;
mod load;
mod moments;
mod natural;
mod pairs;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod wrong;

use serde_json::Value as Json;
use support::{Outcome, Place};

/// Runs `recon diff … --format json` and returns exit code and report.
fn diff(place: &Place, arguments: &[&str]) -> (i32, Json) {
    let outcome = run(place, arguments);
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}\n{outcome}"));
    (outcome.code.expect("an exit code"), report)
}

fn run(place: &Place, arguments: &[&str]) -> Outcome {
    place.recon(&[&["diff"], arguments, &["--format", "json"]].concat())
}

/// A decimal in one way of writing, for comparing by value.
fn plain(amount: &str) -> String {
    match amount.contains('.') {
        true => amount.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => amount.to_owned(),
    }
}

/// The discrepancies as sorted lines `key kind columns`.
fn discrepancies(report: &Json) -> Vec<String> {
    let mut lines: Vec<String> = (report["discrepancies"].as_array().expect("a list").iter())
        .map(|found| {
            let key: Vec<&str> = (found["key"].as_object().expect("a key").values())
                .map(|value| value.as_str().expect("a key value"))
                .collect();
            let kind = found["kind"].as_str().expect("a kind");
            let fields = found["fields"].as_array().expect("fields").iter();
            let mut columns: Vec<&str> = match kind {
                "mismatch" => fields.map(|field| field["column"].as_str().expect("a column")).collect(),
                _ => Vec::new(),
            };
            columns.sort_unstable();
            format!("{} {kind} {}", key.join("|"), columns.join(","))
        })
        .collect();
    lines.sort();
    lines
}

/// Every total of a column, by value.
fn totals(report: &Json, column: &str) -> Vec<(String, String)> {
    let columns = report["columns"].as_array().expect("columns");
    let column = columns.iter().find(|c| c["name"] == column).expect("the column");
    ["legacy_total", "candidate_total", "net_difference", "gross_difference", "overpaid", "underpaid"]
        .into_iter()
        .chain(["legacy_in_duplicates", "candidate_in_duplicates", "legacy_in_unknown", "candidate_in_unknown"])
        .map(|name| (name.to_owned(), plain(column[name].as_str().unwrap_or("none"))))
        .collect()
}

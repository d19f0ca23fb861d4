//! The checks that come with the worked settlements: each passes where it should, and fails where what it guards is broken.

use serde_json::Value as Json;

use crate::support::{Outcome, Place, sqlite};

/// What is broken.
enum Break {
    /// By SQL in the SQL store.
    Data(&'static str),
    /// By another text in a query: file, text, other text.
    Query(&'static str, &'static str, &'static str),
}
use Break::{Data, Query};

/// Example, reconciliation, check, what breaks what it guards, and what becomes of it then.
const BREAKS: &[(&str, &str, &str, Break, &str)] = &[
    ("p2p", "payout", "paid_within_collected", Data("UPDATE loans SET total_units = total_units / 8 + 1"), "fail"),
    (
        "p2p",
        "payout",
        "paid_to_closed_account",
        Data("INSERT INTO closed_accounts SELECT MIN(investor_id), '2026-11-05' FROM holdings"),
        "fail",
    ),
    (
        "p2p",
        "payout",
        "repayment_used_once",
        Data(
            "INSERT INTO repayments SELECT repayment_id + 1000000, loan_id, collected_on, repaid_principal, repaid_interest, \
              late_interest, outstanding_before FROM repayments WHERE collected_on > '2026-10-25' AND collected_on <= '2026-11-05' LIMIT 1",
        ),
        "fail",
    ),
    ("p2p", "payout", "repayment_used_once", Data("UPDATE repayments SET collected_on = '2020-01-01'"), "unknown"),
    (
        "p2p",
        "payout",
        "holdings_within_the_loan",
        Data("UPDATE holdings SET units = units * 100 WHERE holding_id = 7"),
        "fail",
    ),
    ("p2p", "payout", "no_negative_net", Data("UPDATE loans SET monthly_fee_rate = 900000"), "fail"),
    ("p2p", "payout", "net_is_the_sum", Query("legacy.sqlite.sql", "- local_tax - fee)", "- local_tax)"), "fail"),
    (
        "p2p",
        "payout",
        "tax_within_the_rate",
        Data("UPDATE investor_types SET income_tax_rate = 1500 WHERE income_tax_rate > 0"),
        "fail",
    ),
    ("p2p", "payout", "tax_within_the_rate", Query("legacy.sqlite.sql", "/ 10000 / 10 * 10", "/ 10000"), "fail"),
    ("royalty", "royalty", "shares_sum_to_one", Data("UPDATE holders SET share = share + 1 WHERE rowid = 3"), "fail"),
    (
        "royalty",
        "royalty",
        "payment_is_whole_won",
        Query("legacy.sqlite.sql", "printf('0.%04d'", "printf('1.%04d'"),
        "fail",
    ),
    (
        "royalty",
        "royalty",
        "paid_within_the_pools",
        Query("legacy.sqlite.sql", "SUM(line) / 10000    ", "SUM(line) / 10000 + 2"),
        "fail",
    ),
    (
        "royalty",
        "residual",
        "residual_within_bounds",
        Query(
            "residual.sqlite.sql",
            "printf('%d.%04d', (p.pool - COALESCE(d.distributed, 0)) / 10000,",
            "printf('%d.%04d', (p.pool - COALESCE(d.distributed, 0)) / 10000 + 1,",
        ),
        "fail",
    ),
    (
        "merchant",
        "settlement",
        "net_is_what_is_left",
        Query("legacy.sqlite.sql", "u.amount_krw - u.fee - u.vat", "u.amount_krw - u.fee"),
        "fail",
    ),
    (
        "merchant",
        "settlement",
        "vat_is_a_tenth_of_the_fee",
        Query("legacy.sqlite.sql", "       u.vat,", "       u.vat * 2 AS vat,"),
        "fail",
    ),
    (
        "merchant",
        "settlement",
        "cancelled_more_than_sold",
        Data(
            "UPDATE transactions SET amount = amount * 1000 WHERE transaction_id = (SELECT MIN(transaction_id) FROM transactions WHERE original_id IS NOT NULL)",
        ),
        "fail",
    ),
    (
        "merchant",
        "settlement",
        "settled_on_a_business_day",
        Query("legacy.sqlite.sql", "       b.day ", "       date(b.day, '+1 day') "),
        "fail",
    ),
    (
        "merchant",
        "settlement",
        "contract_in_force",
        Data(
            "INSERT INTO contracts SELECT contract_id + 100000, merchant_id, method, valid_from, valid_to, rate, min_fee, settle_days FROM contracts LIMIT 1",
        ),
        "fail",
    ),
];

/// The project of an example, its checks in the ledger.
fn project(example: &str) -> Place {
    let place = Place::new().env("RECON_USER", "kim");
    let demo = place.recon(&["demo", example, "--keep", "project"]);
    assert_eq!(demo.code, Some(0), "{demo}");
    let pushed = recon(&place, &["checks", "push", "--by", "lee"]);
    assert_eq!(pushed.code, Some(0), "{pushed}");
    place
}

fn recon(place: &Place, words: &[&str]) -> Outcome {
    place.recon(&[&["--config", "project/recon.toml"], words].concat())
}

fn params(example: &str) -> &'static [&'static str] {
    match example {
        "p2p" => &["--param", "window_from=2026-10-25", "--param", "window_to=2026-11-05"],
        "royalty" => &["--param", "month_from=2026-10-01", "--param", "month_to=2026-11-01"],
        _ => &["--param", "trade_from=2026-10-01", "--param", "trade_to=2026-10-31"],
    }
}

/// Name and outcome of every check of a verification.
fn verify(place: &Place, reconciliation: &str, params: &[&str]) -> (Vec<(String, String)>, Json) {
    let outcome = recon(place, &[&["verify", reconciliation, "--format", "json"], params].concat());
    let report: Json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    let text = |check: &Json, field: &str| check[field].as_str().unwrap_or_default().to_owned();
    let all = report["checks"].as_array().expect("checks").iter().map(|c| (text(c, "name"), text(c, "outcome")));
    (all.collect(), report)
}

#[test]
fn every_shipped_check_passes_on_the_examples() {
    for (example, reconciliation) in
        [("p2p", "payout"), ("royalty", "royalty"), ("royalty", "residual"), ("merchant", "settlement")]
    {
        let place = project(example);
        let (checks, report) = verify(&place, reconciliation, params(example));
        assert!(!checks.is_empty(), "{example}");
        for (name, outcome) in checks {
            assert_eq!(outcome, "pass", "{example} {name}: {:#}", report["checks"]);
        }
    }
}

#[test]
fn every_shipped_check_fails_where_what_it_guards_is_broken() {
    let mut shown: Vec<String> = Vec::new();
    for (example, reconciliation, check, broken, expected) in BREAKS {
        let place = project(example);
        match broken {
            Data(sql) => sqlite(&place.path().join("project/core.db"), sql),
            Query(file, text, other) => {
                let name = format!("project/{file}");
                let query = place.read(&name);
                assert!(query.contains(text), "{file} has no `{text}`");
                // The last one: above it are the lines that the result is made of.
                let at = query.rfind(text).unwrap_or_default();
                place.write(&name, format!("{}{other}{}", &query[..at], &query[at + text.len()..]));
            }
        }
        let (checks, report) = verify(&place, reconciliation, params(example));
        let found = checks.iter().find(|(name, _)| name == check);
        let found = found.map_or("not there", |(_, outcome)| outcome.as_str());
        assert_eq!(found, *expected, "{check}: {:#}", report["checks"]);
        shown.push((*check).to_owned());
    }
    // Whoever adds a check adds what makes it fail.
    shown.push("ten_times_last_time".to_owned());
    for example in ["p2p", "royalty", "merchant"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("checks").join(example);
        for entry in std::fs::read_dir(folder).expect("checks").flatten() {
            let name = entry.path().file_stem().expect("a name").to_string_lossy().into_owned();
            assert!(shown.contains(&name), "nothing here makes {name} fail");
        }
    }
}

#[test]
fn an_investor_who_is_paid_ten_times_as_much_as_last_time_is_told() {
    let place = project("p2p");
    let before = ["--param", "window_from=2026-10-25", "--param", "window_to=2026-11-05"];
    let (checks, report) = verify(&place, "payout", &before);
    assert!(checks.contains(&("ten_times_last_time".to_owned(), "pass".to_owned())), "{report:#}");
    let released = recon(&place, &[&["release", "payout", "--by", "lee"], &before[..]].concat());
    assert_eq!(released.code, Some(0), "{released}");
    // The next window collects the same repayments, one of them a hundredfold.
    sqlite(
        &place.path().join("project/core.db"),
        "UPDATE repayments SET collected_on = date(collected_on, '+10 days') WHERE collected_on > '2026-10-25' AND collected_on <= '2026-11-05'; \
         UPDATE repayments SET repaid_principal = repaid_principal * 100 WHERE loan_id = (SELECT MIN(loan_id) FROM repayments)",
    );
    let after = ["--param", "window_from=2026-11-04", "--param", "window_to=2026-11-15"];
    let (checks, report) = verify(&place, "payout", &after);
    assert!(checks.contains(&("ten_times_last_time".to_owned(), "warn".to_owned())), "{:#}", report["checks"]);
}

//! What a changed query does to past cycles, held against what the test computes by itself.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::impact;
use crate::shop::{DAYS, LEGACY, ROUNDED, Sale, files, sales, shop, sql, verify};

fn all_sales() -> Vec<Sale> {
    DAYS.into_iter().flat_map(sales).collect()
}

fn money<'j>(report: &'j Json, column: &str) -> &'j Json {
    let all = report["money"].as_array().expect("money");
    all.iter().find(|money| money["column"] == column).unwrap_or_else(|| panic!("no {column}: {report:#}"))
}

#[test]
fn a_changed_rounding_shows_exactly_the_records_and_money_that_it_changes() {
    let place = shop();
    place.write("new.sql", ROUNDED);
    let (report, code) = impact(&place, &["fees", "--legacy-query", "@new.sql", "--by", "merchant", "--limit", "1000"]);
    assert_eq!((code, &report["verdict"]), (Some(1), &json!("changes")), "{report:#}");
    let sales = all_sales();
    let changed: Vec<&Sale> = sales.iter().filter(|sale| sale.cut() != sale.rounded()).collect();
    assert!(changed.len() > 100 && changed.len() < sales.len(), "a rounding that changes some");
    let records = json!({ "keys": sales.len(), "equal": sales.len() - changed.len(), "changed": changed.len(),
                          "added": 0, "removed": 0, "unknown": 0 });
    assert_eq!(report["records"], records);
    let sum = |of: &dyn Fn(&Sale) -> i64| sales.iter().map(of).sum::<i64>().to_string();
    let difference = sum(&|sale| sale.rounded() - sale.cut());
    let fee = json!({ "column": "fee", "currency": "KRW", "records": changed.len(), "current_total": sum(&|sale| sale.cut()),
                      "changed_total": sum(&|sale| sale.rounded()), "net": difference, "gross": difference,
                      "over": difference, "under": "0" });
    assert_eq!(money(&report, "fee"), &fee);
    let net = money(&report, "net");
    assert_eq!(
        (&net["net"], &net["under"], &net["over"]),
        (&json!(format!("-{difference}")), &json!(difference), &json!("0"))
    );
    assert_eq!(report["money"].as_array().map(Vec::len), Some(2), "the amount of a sale does not change");

    // By merchant: every group, and all of them together.
    let mut groups: BTreeMap<i64, (u64, i64)> = BTreeMap::new();
    for sale in &changed {
        let group = groups.entry(sale.merchant).or_default();
        group.0 += 1;
        group.1 += sale.rounded() - sale.cut();
    }
    let by = &report["by"];
    let found: BTreeMap<i64, (u64, i64)> = by["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| {
            let number = |json: &Json| -> i64 { json.as_str().and_then(|text| text.parse().ok()).expect("a number") };
            assert_eq!(number(&group["net"]["net"]), -number(&group["net"]["fee"]));
            (number(&group["value"]), (group["records"].as_u64().expect("records"), number(&group["net"]["fee"])))
        })
        .collect();
    assert_eq!(found, groups);
    assert_eq!(
        by["total"],
        json!({ "records": changed.len(), "net": { "fee": difference, "net": format!("-{difference}") } })
    );
    let first = by["groups"][0]["net"]["fee"].as_str().and_then(|text| text.parse::<i64>().ok());
    assert_eq!(first, groups.values().map(|group| group.1).max(), "the greatest first");

    // Against the candidate, key by key.
    let count = |of: &dyn Fn(&Sale) -> bool| sales.iter().filter(|sale| of(sale)).count() as u64;
    let (cut, rounded, other) = (Sale::cut, Sale::rounded, Sale::candidate);
    let expected = [
        ("newly_agree", count(&|&s| cut(s) != other(s) && rounded(s) == other(s))),
        ("newly_disagree", count(&|&s| cut(s) == other(s) && rounded(s) != other(s))),
        ("otherwise", count(&|&s| cut(s) != other(s) && rounded(s) != other(s) && cut(s) != rounded(s))),
        ("still", count(&|&s| cut(s) != other(s) && cut(s) == rounded(s))),
        ("gone", 0),
        // Legacy's value is paid whether they agree or not.
        ("decisions", changed.len() as u64),
    ];
    for (word, number) in expected {
        assert!(number > 0 || word == "gone", "{word} must occur");
        let found: u64 = report["cycles"]
            .as_array()
            .expect("cycles")
            .iter()
            .map(|cycle| cycle["effect"]["keys"][word].as_u64().expect("a count"))
            .sum();
        assert_eq!(found, number, "{word}");
    }
    let paid = json!({ "column": "fee", "currency": "KRW", "before": sum(&|sale| sale.cut()),
                       "after": sum(&|sale| sale.rounded()), "difference": difference });
    assert_eq!(report["paid"][0], paid);
    for cycle in report["cycles"].as_array().expect("cycles") {
        assert_eq!(cycle["then"], json!({ "same": true, "by": "decisions", "why": [] }), "{cycle:#}");
        let effect = &cycle["effect"];
        assert_eq!(effect["before"]["verdict"], "warned");
        // Both values of every record that would change.
        let first = effect["first"].as_array().expect("records");
        assert_eq!(Some(first.len() as u64), effect["records"]["changed"].as_u64());
        for record in first {
            let id: i64 = record["key"]["id"].as_str().and_then(|id| id.parse().ok()).expect("a key");
            let sale = sales.iter().find(|sale| sale.id == id).expect("a sale");
            assert_eq!(
                record["fields"][0],
                json!({ "column": "fee", "current": sale.cut().to_string(),
                                                    "changed": sale.rounded().to_string(), "difference": "1" })
            );
        }
    }
}

#[test]
fn an_unchanged_query_changes_nothing_and_nothing_is_ever_written() {
    let place = shop();
    place.write("same.sql", format!("{LEGACY} -- another comment"));
    place.write("new.sql", ROUNDED);
    let before = files(&place);
    let same = place.recon(&["impact", "fees", "--legacy-query", "@same.sql"]);
    assert_eq!(same.code, Some(0), "{same}");
    assert!(same.stdout.starts_with("SAME  fees: 800 records of 2 cycles would come out as now\n"), "{same}");
    let changed = place.recon(&["impact", "fees", "--legacy-query", "@new.sql", "--by", "merchant"]);
    assert_eq!(changed.code, Some(1), "{changed}");
    let after = files(&place);
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(after == before, "a file has other bytes than before");
}

#[test]
fn a_query_that_drops_rows_says_which_and_what_is_not_paid() {
    let place = shop();
    let query = format!("{LEGACY} AND id % 10 <> 0");
    let (report, code) = impact(&place, &["fees", "--legacy-query", &query, "--run", "2-1"]);
    assert_eq!(code, Some(1), "{report:#}");
    let sales = sales(DAYS[1]);
    let dropped: Vec<&Sale> = sales.iter().filter(|sale| sale.id % 10 == 0).collect();
    assert_eq!(report["records"]["removed"], dropped.len());
    assert_eq!(report["records"]["changed"], 0);
    let net: i64 = dropped.iter().map(|sale| sale.amount - sale.cut()).sum();
    assert_eq!(money(&report, "net")["net"], format!("-{net}"));
    assert_eq!(report["paid"].as_array().expect("paid").last().expect("net")["difference"], format!("-{net}"));
    let keys = &report["cycles"][0]["effect"]["keys"];
    // Those that disagreed already do so in another way: there is no legacy record any more.
    let disagreed = dropped.iter().filter(|sale| sale.cut() != sale.candidate()).count();
    assert!(disagreed > 0);
    assert_eq!(keys["newly_disagree"], dropped.len() - disagreed, "{keys:#}");
    assert_eq!(keys["otherwise"], disagreed, "{keys:#}");
    let csv = place.recon(&["impact", "fees", "--legacy-query", &query, "--run", "2-1", "--format", "csv"]);
    let removed: Vec<&str> = csv.stdout.lines().filter(|line| line.contains(",removed,fee,")).collect();
    assert_eq!(removed.len(), dropped.len(), "{csv}");
    assert!(csv.stderr.contains("would change"), "{csv}");
}

#[test]
fn rows_that_come_are_added_and_those_of_both_paths_leave_nothing() {
    let place = shop();
    // Sales of the day before as well.
    let query = LEGACY.replace("day = :day", "day <= :day");
    let (report, code) = impact(&place, &["fees", "--legacy-query", &query, "--run", "2-1"]);
    assert_eq!(code, Some(1), "{report:#}");
    let fees: i64 = sales(DAYS[0]).iter().map(|&sale| sale.cut()).sum();
    assert_eq!((&report["records"]["added"], &report["records"]["equal"]), (&json!(400), &json!(400)));
    assert_eq!(money(&report, "fee")["net"], fees.to_string());
    // And a change of the candidate alone pays the same: legacy's value is used where they disagree.
    let (report, code) = impact(&place, &["fees", "--candidate-query", ROUNDED, "--run", "2-1"]);
    assert_eq!((code, &report["paid"]), (Some(1), &json!([])), "{report:#}");
    assert_eq!(report["change"]["side"], "candidate");
    let sales = sales(DAYS[1]);
    let changed = sales.iter().filter(|sale| sale.candidate() != sale.rounded()).count();
    assert_eq!(report["records"]["changed"], changed);
    let after = sales.iter().filter(|sale| sale.cut() != sale.rounded()).count();
    assert_eq!(report["cycles"][0]["effect"]["after"]["discrepancies"], after);
}

#[test]
fn a_cycle_whose_inputs_moved_is_marked() {
    let place = shop();
    sql(&place, "UPDATE sale SET amount = amount + 1000 WHERE id = 1007");
    let (report, code) = impact(&place, &["fees", "--legacy-query", LEGACY]);
    assert_eq!(code, Some(0), "{report:#}");
    let cycles = report["cycles"].as_array().expect("cycles");
    assert_eq!(cycles[1]["then"]["same"], true, "the other day is as it was: {report:#}");
    let then = &cycles[0]["then"];
    assert_eq!(then["same"], false, "{then:#}");
    let why = then["why"].to_string();
    assert!(why.contains("`fee`") && why.contains("no query was edited since"), "{why}");
    let table = place.recon(&["impact", "fees", "--legacy-query", LEGACY]);
    assert!(table.stdout.contains("MOVED") && table.stdout.contains("1 cycle is not as then"), "{table}");

    // A query that was edited is told from inputs that moved.
    place.write("legacy.sql", ROUNDED);
    let (report, _) = impact(&place, &["fees", "--legacy-query", LEGACY]);
    let why = report["cycles"][1]["then"]["why"].to_string();
    assert!(why.contains("edited since: `legacy query`"), "{why}");
}

#[test]
fn inputs_that_moved_without_moving_a_total_are_marked() {
    let place = shop();
    // Two sales trade places: every count and every total is as it was.
    let day = sales(DAYS[1]);
    let (one, two) = (day[6], day[7]);
    assert!(one.cut() == one.candidate() && two.cut() == two.candidate() && one.cut() != two.cut());
    sql(
        &place,
        &format!(
            "UPDATE sale SET amount = {} WHERE id = {}; UPDATE sale SET amount = {} WHERE id = {}",
            two.amount, one.id, one.amount, two.id
        ),
    );
    let (report, _) = impact(&place, &["fees", "--legacy-query", LEGACY, "--cycles", "1"]);
    let then = &report["cycles"][0]["then"];
    assert_eq!(then["same"], false, "{then:#}");
    assert!(then["why"].to_string().contains("single decisions are not"), "{then:#}");
}

#[test]
fn cycles_that_were_not_verified_are_left_out_by_name() {
    let place = shop();
    let blocked = place.recon(&["verify", "fees", "--param", "day=2026-11-14"]);
    assert_eq!(blocked.code, Some(3), "a day without sales: {blocked}");
    let (report, code) = impact(&place, &["fees", "--legacy-query", LEGACY]);
    assert_eq!(code, Some(0), "{report:#}");
    let left_out = &report["left_out"][0];
    assert_eq!(left_out["cycle"], "fees day=2026-11-14", "{report:#}");
    assert!(left_out["why"].as_str().expect("why").contains("incomplete"), "{left_out}");
    assert_eq!(report["cycles"].as_array().map(Vec::len), Some(2));
    let (report, _) = impact(&place, &["fees", "--legacy-query", LEGACY, "--cycles", "1"]);
    assert_eq!(report["cycles"][0]["cycle"], "fees day=2026-11-13");
}

#[test]
fn what_people_read() {
    let place = shop();
    place.write("new.sql", ROUNDED);
    sql(&place, "UPDATE sale SET amount = amount + 40 WHERE id = 1");
    let _ = verify;
    let words = ["impact", "fees", "--legacy-query", "@new.sql", "--by", "merchant", "--limit", "3"];
    insta::assert_snapshot!("table", place.recon(&words));
    insta::assert_snapshot!("markdown", place.recon(&[&words[..], &["--format", "markdown"]].concat()));
}

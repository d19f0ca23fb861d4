//! Columns that come and go, unknown values, duplicates, empty versions.

use serde_json::json;

use crate::impact;
use crate::shop::{DAYS, LEGACY, PROJECT, ROUNDED, shop, unverified, verify};

#[test]
fn a_column_that_goes_and_one_that_comes_are_told() {
    let place = shop();
    let query = LEGACY.replace("amount, amount * 25 / 1000 AS fee", "7 AS branch, amount * 25 / 1000 AS fee");
    let (report, code) = impact(&place, &["fees", "--legacy-query", &query]);
    assert_eq!(code, Some(1), "{report:#}");
    let effect = &report["cycles"][0]["effect"];
    assert_eq!(
        (&effect["columns_gone"], &effect["columns_new"]),
        (&json!(["amount"]), &json!(["branch"])),
        "{effect:#}"
    );
    assert_eq!(report["records"]["changed"], 0, "every other column is as it was");

    // A column that the reconciliation compares: a verification would refuse the path.
    let query = LEGACY.replace("AS fee", "AS charge");
    let (report, code) = impact(&place, &["fees", "--legacy-query", &query]);
    assert_eq!(code, Some(1), "{report:#}");
    let effect = &report["cycles"][0]["effect"];
    assert_eq!((&effect["columns_gone"], &effect["columns_new"]), (&json!(["fee"]), &json!(["charge"])));
    assert!(effect["refused"].as_str().is_some_and(|why| why.contains("`fee`")), "{effect:#}");
    assert!(effect["after"].is_null() && effect["keys"].is_null(), "{effect:#}");
}

#[test]
fn what_is_unknown_is_not_equal() {
    let place = shop();
    let query = LEGACY
        .replace("amount * 25 / 1000 AS fee", "CASE WHEN id = 1003 THEN 'n/a' ELSE amount * 25 / 1000 END AS fee");
    let (report, code) = impact(&place, &["fees", "--legacy-query", &query]);
    assert_eq!((code, &report["verdict"]), (Some(3), &json!("incomplete")), "{report:#}");
    assert_eq!(report["records"]["unknown"], 1);
    assert_eq!(report["records"]["equal"], 799);
    assert!(report["reasons"][0].as_str().is_some_and(|why| why.contains("unknown")), "{report:#}");

    // Unknown in both versions is unknown still.
    place.write("legacy.sql", &query);
    let (report, code) = impact(&place, &["fees", "--legacy-query", &query]);
    assert_eq!((code, &report["records"]["unknown"]), (Some(3), &json!(1)), "{report:#}");
}

#[test]
fn keys_that_stand_twice_are_equal_only_with_the_same_copies() {
    let place = unverified();
    let twice = |fee: &str| {
        format!(
            "{LEGACY} UNION ALL SELECT id, merchant, amount, {fee}, 5 FROM sale WHERE day = :day AND id IN (1004, 4)"
        )
    };
    place.write("legacy.sql", twice("9"));
    DAYS.into_iter().for_each(|day| verify(&place, day));
    let (report, code) = impact(&place, &["fees", "--legacy-query", &twice("9"), "--by", "merchant"]);
    assert_eq!((code, &report["records"]["equal"]), (Some(0), &json!(800)), "{report:#}");
    assert_eq!(report["by"]["total"]["records"], 0, "{report:#}");
    let (report, code) = impact(&place, &["fees", "--legacy-query", &twice("id"), "--by", "merchant"]);
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!((&report["records"]["changed"], &report["records"]["equal"]), (&json!(2), &json!(798)), "{report:#}");
    // 9 and 9 become 4 and 1004: the control totals know, although over- and underpayment do not.
    assert_eq!(
        (&report["money"][0]["column"], &report["money"][0]["net"]),
        (&json!("fee"), &json!("990")),
        "{report:#}"
    );
    assert_eq!(report["by"]["total"], json!({ "records": 2, "net": { "fee": "990" } }), "{report:#}");
    let kinds: Vec<_> =
        report["cycles"].as_array().unwrap().iter().map(|one| one["effect"]["first"][0]["kind"].clone()).collect();
    assert_eq!(kinds, ["changed", "changed"]);
    let all = impact(&place, &["fees", "--legacy-query", ROUNDED]).0;
    assert!(all["records"]["changed"].as_u64() > Some(2), "copies that go are a change: {all:#}");
}

#[test]
fn a_column_that_changes_takes_its_money_from_one_group_to_another() {
    let place = shop();
    let query = LEGACY.replace("merchant,", "CASE WHEN id = 1001 THEN 99 ELSE merchant END AS merchant,");
    let (report, code) = impact(&place, &["fees", "--legacy-query", &query, "--by", "merchant", "--cycles", "1"]);
    assert_eq!(code, Some(1), "{report:#}");
    let by = &report["by"];
    assert_eq!((&by["moved"], &by["total"]["records"]), (&json!(1), &json!(1)), "{by:#}");
    // Only the merchant is another one: no amount column changes, so there is none to be split.
    assert_eq!(by["total"]["net"], json!({}), "{by:#}");
    let query = query.replace("amount * 25 / 1000 AS fee", "amount * 25 / 1000 + (id = 1001) AS fee");
    let (report, _) = impact(&place, &["fees", "--legacy-query", &query, "--by", "merchant", "--cycles", "1"]);
    let fee = |value: &str| {
        let groups = report["by"]["groups"].as_array().expect("groups");
        let group = groups.iter().find(|group| group["value"] == value).unwrap_or_else(|| panic!("{report:#}"));
        group["net"]["fee"].as_str().and_then(|text| text.parse::<i64>().ok()).expect("an amount")
    };
    assert_eq!(fee("99") + fee("0"), 1, "1001 is of merchant 0: {report:#}");
    assert!(fee("99") > 1 && fee("0") < 0);
    assert_eq!(report["by"]["total"]["net"]["fee"], "1");
}

#[test]
fn a_version_without_records_removes_every_one() {
    let place = shop();
    let (report, code) = impact(&place, &["fees", "--legacy-query", &format!("{LEGACY} AND 1 = 0"), "--cycles", "1"]);
    assert_eq!((code, &report["records"]["removed"]), (Some(1), &json!(400)), "{report:#}");
    let effect = &report["cycles"][0]["effect"];
    assert_eq!((&effect["before"]["verdict"], &effect["after"]["verdict"]), (&json!("warned"), &json!("incomplete")));
    assert!(effect["after"]["paid"].is_null(), "nothing could be decided: {effect:#}");

    // Neither version has one: nothing was looked at.
    let project = PROJECT.replace("query = \"legacy.sql\"", "query = \"legacy.sql\"\nwhere = \"id < 0\"");
    place.write("recon.toml", project);
    let (report, code) = impact(&place, &["fees", "--legacy-query", ROUNDED, "--cycles", "1"]);
    assert_eq!(code, Some(3), "{report:#}");
}

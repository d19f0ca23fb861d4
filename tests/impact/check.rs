//! `--check`: a check with another threshold, over past cycles.

use serde_json::json;

use crate::impact;
use crate::shop::{DAYS, files, sales, shop, unverified, verify};

fn check(limit: i64) -> String {
    format!(
        "-- name: high\n-- reconciliation: fees\n-- stage: compared\n-- kind: run\n-- severity: error\n\nSELECT id, fee\nFROM legacy\nWHERE fee > {limit}\n"
    )
}

#[test]
fn another_threshold_judges_otherwise_by_exactly_the_records_that_it_flags() {
    let place = unverified();
    let highest = DAYS.into_iter().flat_map(sales).map(|sale| sale.cut()).max().expect("a sale");
    place.write("checks/high.sql", check(highest));
    let pushed = place.recon(&["checks", "push"]);
    assert_eq!(pushed.code, Some(0), "{pushed}");
    DAYS.into_iter().for_each(|day| verify(&place, day));
    place.write("new.sql", check(highest / 2));
    let before = files(&place);
    let (report, code) = impact(&place, &["fees", "--check", "new.sql"]);
    assert_eq!((code, &report["verdict"]), (Some(1), &json!("changes")), "{report:#}");
    assert_eq!(report["check"], json!({ "name": "high", "from": "new.sql", "version": 1, "waits": null }));
    for (judged, day) in report["judged"].as_array().expect("cycles").iter().zip([DAYS[1], DAYS[0]]) {
        let flagged = sales(day).iter().filter(|sale| sale.cut() > highest / 2).count();
        assert!(flagged > 0);
        assert_eq!(judged["cycle"], format!("fees day={day}"));
        assert_eq!(
            (&judged["then"]["outcome"], &judged["current"]["outcome"]),
            (&json!("pass"), &json!("pass")),
            "{judged:#}"
        );
        assert_eq!(
            (&judged["changed"]["outcome"], &judged["changed"]["violations"]),
            (&json!("fail"), &json!(flagged)),
            "{judged:#}"
        );
    }
    let same = place.recon(&["impact", "fees", "--check", "checks/high.sql"]);
    assert_eq!(same.code, Some(0), "{same}");
    assert!(same.stdout.starts_with("SAME  the check `high`: it would judge 2 cycles as it does now\n"), "{same}");
    assert!(files(&place) == before, "a file has other bytes than before");
}

#[test]
fn where_approval_is_asked_for_the_version_that_decides_is_held_against() {
    let place = unverified();
    place.write("recon.toml", format!("{}\n[checks]\napproval = true\n", place.read("recon.toml")));
    let highest = DAYS.into_iter().flat_map(sales).map(|sale| sale.cut()).max().expect("a sale");
    let push = |limit: i64, by: &str| {
        place.write("checks/high.sql", check(limit));
        let pushed = place.recon(&["checks", "push", "--by", by]);
        assert_eq!(pushed.code, Some(0), "{pushed}");
    };
    push(highest, "ann");
    let approved = place.recon(&["checks", "approve", "high", "--by", "ben"]);
    assert_eq!(approved.code, Some(0), "{approved}");
    DAYS.into_iter().for_each(|day| verify(&place, day));
    push(highest / 2, "ann");
    let (report, code) = impact(&place, &["fees", "--check", "checks/high.sql"]);
    assert_eq!((code, &report["verdict"]), (Some(1), &json!("changes")), "what waits decides nothing: {report:#}");
    assert_eq!((&report["check"]["version"], &report["check"]["waits"]), (&json!(1), &json!(2)));
    let table = place.recon(&["impact", "fees", "--check", "checks/high.sql"]);
    assert!(table.stdout.contains("version 1, which decides (version 2 waits for approval)"), "{table}");
}

#[test]
fn a_check_that_cannot_be_told_or_belongs_elsewhere_is_not_green() {
    let place = shop();
    place.write("new.sql", check(5).replace("reconciliation: fees", "reconciliation: others"));
    let other = place.recon(&["impact", "fees", "--check", "new.sql"]);
    assert!(other.code == Some(2) && other.stderr.contains("belongs to `others`"), "{other}");
    place.write("new.sql", check(5).replace("FROM legacy", "FROM nowhere"));
    let unknown = place.recon(&["impact", "fees", "--check", "new.sql"]);
    assert_eq!(unknown.code, Some(3), "{unknown}");
    // A check that the ledger does not hold yet says nothing today.
    place.write("new.sql", check(5));
    let (report, code) = impact(&place, &["fees", "--check", "new.sql"]);
    assert_eq!((code, &report["judged"][0]["current"]), (Some(1), &serde_json::Value::Null), "{report:#}");
    let none = unverified();
    none.write("new.sql", check(5));
    let none = none.recon(&["impact", "fees", "--check", "new.sql"]);
    assert!(none.code == Some(3) && none.stdout.contains("nothing to look at"), "{none}");
}

//! Checks in the first hour: a file that nobody pushed guards nothing, and that is told.

use serde_json::Value as Json;

use crate::support::{Place, sqlite};

/// The notices of the verification of one more cycle: what was verified once is told as it was.
fn notices(place: &Place) -> String {
    let folder = place.path().join("demo/decisions");
    let before = std::fs::read_dir(folder).map_or(0, Iterator::count);
    let param = format!("payout_date=2026-11-{:02}", before + 1);
    let verify =
        place.recon(&["--config", "demo/recon.toml", "verify", "payout", "--param", &param, "--format", "json"]);
    let report: Json = serde_json::from_str(&verify.stdout).unwrap_or_else(|error| panic!("{error}: {verify}"));
    report["notices"].to_string()
}

/// What `recon doctor` tells of the checks.
fn doctor(place: &Place) -> String {
    let doctor = place.recon(&["--config", "demo/recon.toml", "doctor"]);
    assert_eq!(doctor.code, Some(0), "{doctor}");
    let lines: Vec<&str> = doctor.stdout.lines().collect();
    let at = lines.iter().position(|line| line.contains("  checks  "));
    at.map_or_else(String::new, |at| lines[at..(at + 2).min(lines.len())].join("\n"))
}

#[test]
fn a_check_that_was_not_pushed_is_told_by_doctor_and_verify() {
    let place = Place::new().env("USER", "kim");
    assert_eq!(place.recon(&["init", "demo", "--yes"]).code, Some(0));
    let project = place.read("demo/recon.toml");
    let project = project.replace("# params = {", "params = {").replace("payout.csv\"", "payout-{payout_date}.csv\"");
    place.write("demo/recon.toml", project);
    let told = doctor(&place);
    assert!(
        told.starts_with("note")
            && told.contains("checks/ holds 1 that is not in the database (payout-not-negative)")
            && told.contains("→ `recon checks push`"),
        "{told}"
    );
    assert!(!place.path().join("demo/recon.db").exists(), "the ledger was made by a look");
    let told = notices(&place);
    assert!(
        told.contains(
            "no check runs; checks/ holds 1 that is not in the database (payout-not-negative): `recon checks push`"
        ),
        "{told}"
    );
    // The ledger is there now, and still without it.
    assert!(doctor(&place).contains("not in the database"));

    let push = || place.recon(&["--config", "demo/recon.toml", "checks", "push"]);
    assert_eq!(push().code, Some(0));
    assert_eq!(doctor(&place), "");
    let told = notices(&place);
    assert!(!told.contains("checks/"), "{told}");

    // An edit of the file does not count either.
    let file = "demo/checks/payout-not-negative.json";
    place.write(file, place.read(file).replace("\"severity\": \"error\"", "\"severity\": \"warn\""));
    assert!(doctor(&place).contains("1 that was changed since the last push (payout-not-negative)"));
    let told = notices(&place);
    assert!(told.contains("\"checks/ holds 1 that was changed since the last push"), "{told}");
    assert_eq!(push().code, Some(0));
    assert_eq!(doctor(&place), "");
    // A check of another reconciliation is none of this one's.
    place.write(
        "demo/checks/other.json",
        place
            .read(file)
            .replace("payout-not-negative", "other")
            .replace("\"reconciliation\": \"payout\"", "\"reconciliation\": \"x\""),
    );
    let told = notices(&place);
    assert!(!told.contains("checks/"), "{told}");
    // A file that is none keeps nobody from paying, and is told.
    place.write("demo/checks/other.json", "{");
    let told = notices(&place);
    assert!(told.contains("is not known: checks/other.json"), "{told}");
    let doctor = place.recon(&["--config", "demo/recon.toml", "doctor"]);
    assert!(doctor.code == Some(2) && doctor.stdout.contains("checks/other.json"), "{doctor}");
}

#[test]
fn a_parameter_that_the_reconciliation_does_not_have_is_refused_at_push() {
    let place = Place::new().env("USER", "kim");
    sqlite(&place.path().join("core.db"), "CREATE TABLE t (id INTEGER PRIMARY KEY, pay_month TEXT, net NUMERIC)");
    place.write(
        "recon.toml",
        "[stores.core]\nurl = \"sqlite:core.db\"\n[reconciliation.payout]\nkey = [\"id\"]\nparams = { pay_month = \"text\" }\n\
         legacy = { store = \"core\", table = \"t\" }\ncandidate = { store = \"core\", table = \"t\" }\n",
    );
    let push = |(file, check): (&str, String)| {
        place.write(file, check);
        let pushed = place.recon(&["checks", "push"]);
        std::fs::remove_file(place.path().join(file)).expect("a file");
        pushed
    };
    let sql = |reconciliation: &str, condition: &str| {
        let head = format!("-- name: c\n{reconciliation}-- kind: sql\n-- store: core\n");
        ("checks/c.sql", format!("{head}\nSELECT id FROM t WHERE {condition}\n"))
    };
    let rule = |param: &str| {
        let check = "{\"name\": \"r\", \"reconciliation\": \"payout\", \"kind\": \"rule\"}";
        let flag = format!("{{\"ne\": [\"legacy.pay_month\", \"param.{param}\"]}}");
        ("checks/r.json", format!("{{\"check\": {check}, \"rule\": {{\"flag\": {flag}}}}}"))
    };
    let of = "-- reconciliation: payout\n";
    for wrong in [sql(of, "pay_month = :pay_mont"), rule("pay_mont")] {
        let pushed = push(wrong);
        assert_eq!(pushed.code, Some(2), "{pushed}");
        assert!(
            pushed.stderr.contains("`payout` has no parameter `pay_mont`") && pushed.stderr.contains("`pay_month`"),
            "{pushed}"
        );
    }
    let far = push(sql(of, "pay_month = :x"));
    assert!(far.code == Some(2) && far.stderr.contains("may name pay_month, recon_cycle, recon_run"), "{far}");
    for right in
        [sql(of, "pay_month = :pay_month AND :recon_cycle <> ''"), rule("pay_month"), sql("", "pay_month = :x")]
    {
        let pushed = push(right);
        assert_eq!(pushed.code, Some(0), "{pushed}");
    }
}

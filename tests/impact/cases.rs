//! Recorded cases, run with the path as it stands and with the changed one.

use std::path::Path;

use serde_json::json;

use crate::impact;
use crate::support::Place;

/// The project and the cases of an example; nothing was verified there.
fn example(name: &str) -> Place {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let (path, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("an entry");
            if path.is_dir() {
                copy(&path, &to)
            } else {
                let _bytes = std::fs::copy(path, to).expect("copied");
            }
        }
    }
    let place = Place::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name), &place.path());
    place
}

#[test]
fn cases_that_come_out_otherwise_are_shown_with_what_differs() {
    let place = example("merchant");
    let query = place.read("legacy.sqlite.sql");
    let (report, code) = impact(&place, &["settlement", "--legacy-query", "@legacy.sqlite.sql"]);
    assert_eq!(code, Some(0), "{report:#}");
    let run = report["cases"]["run"].as_u64().expect("cases");
    assert!(run >= 8 && report["cases"]["same"] == run, "{report:#}");
    assert!(query.contains("fee / 10 "));
    place.write("new.sql", query.replace("fee / 10 ", "(fee + 5) / 10 "));
    let (report, code) = impact(&place, &["settlement", "--legacy-query", "@new.sql"]);
    assert_eq!(code, Some(1), "{report:#}");
    let cases = &report["cases"];
    assert_eq!(cases["changed"].as_u64().zip(cases["same"].as_u64()).map(|(one, two)| one + two), Some(run));
    let first = &cases["first"][0];
    assert_eq!((&first["name"], &first["ends"]), (&json!("fee-half-up-vat-truncated"), &json!("changes")), "{cases:#}");
    let verdict = &first["differences"][0];
    assert_eq!((&verdict["current"], &verdict["changed"]), (&json!(["clean"]), &json!(["warned"])), "{first:#}");
    let table = place.recon(&["impact", "settlement", "--legacy-query", "@new.sql"]);
    assert!(table.stdout.contains("  fee-half-up-vat-truncated  changes\n    why: "), "{table}");
    assert!(table.stdout.contains("    - clean\n    + warned\n"), "{table}");
    // An expectation that does not hold is not what is asked here.
    let decisions = place.read("cases/fee-half-up-vat-truncated/decisions.csv");
    assert!(decisions.contains("2599,259,"), "{decisions}");
    place.write("cases/fee-half-up-vat-truncated/decisions.csv", decisions.replace("2599,259,", "2599,258,"));
    let (again, code) = impact(&place, &["settlement", "--legacy-query", "@legacy.sqlite.sql"]);
    assert_eq!((code, &again["cases"]["same"]), (Some(0), &json!(run)), "{again:#}");
}

#[test]
fn a_case_that_decides_nothing_either_way_is_not_as_now() {
    let place = crate::shop::unverified();
    place.write("candidate.sql", "SELECT id, merchant, amount, abs(-9223372036854775807 - (id > 0)) AS fee, amount AS net FROM sale WHERE day = :day");
    place.write("cases/suite.toml", "project = \"../recon.toml\"\nreconciliation = \"fees\"\nparams = { day = \"2026-11-12\" }\n[tables.core.sale]\nkey = [\"id\"]\n[tables.core.sale.columns]\nid = \"integer\"\nmerchant = \"integer\"\nday = \"text\"\namount = \"integer\"\n");
    place.write(
        "cases/a/case.toml",
        "why = \"the candidate fails\"\n[expect]\nverdict = \"incomplete\"\nreason = \"overflow\"\n",
    );
    place.write("cases/a/core/sale.csv", "id,merchant,day,amount\n1,1,2026-11-12,1037\n");
    let (tested, words) = (
        place.recon(&["test"]),
        ["fees", "--legacy-query", "SELECT id, 0 AS fee, 0 AS net FROM sale WHERE day = :day"],
    );
    assert_eq!(tested.code, Some(0), "the case is as it is expected: {tested}");
    let (report, code) = impact(&place, &words);
    assert_eq!(code, Some(3), "{report:#}");
    let cases = &report["cases"];
    assert_eq!((&cases["run"], &cases["same"], &cases["undecided"]), (&json!(1), &json!(0), &json!(1)), "{report:#}");
    assert!(report["reasons"][0].as_str().is_some_and(|why| why.contains("decides nothing")), "{report:#}");
    // A folder that is named has a case of this reconciliation in it, or is not what was meant.
    let project = place.read("recon.toml");
    let others = project[project.find("[reconciliation").expect("one")..]
        .replace("reconciliation.fees", "reconciliation.others");
    place.write("recon.toml", format!("{project}\n{others}"));
    place.write("cases/suite.toml", place.read("cases/suite.toml").replace("\"fees\"", "\"others\""));
    place.write("candidate.sql", crate::shop::LEGACY);
    crate::shop::verify(&place, crate::shop::DAYS[0]);
    let (report, code) = impact(&place, &["fees", "--legacy-query", crate::shop::LEGACY, "--cases", "cases"]);
    assert_eq!(code, Some(3), "{report:#}");
    assert!(report["reasons"][0].as_str().is_some_and(|why| why.contains("is of `fees`")), "{report:#}");
}

#[test]
fn what_cannot_run_on_cases_is_told_apart() {
    let place = example("merchant");
    let all = place.recon(&["impact", "settlement", "--legacy-query", "SELECT 1 AS one FROM nowhere"]);
    assert!(all.code == Some(2) && all.stderr.contains("nowhere"), "a query that runs on no case is a bad one: {all}");
    let none = place.recon(&["impact", "settlement", "--legacy-query", "SELECT 1", "--no-cases"]);
    assert_eq!(none.code, Some(3), "{none}");

    // Cases lie in SQLite: a query for MySQL is not tried there, and that is not green.
    let place = example("p2p")
        .env("RECON_MYSQL_URL", "mysql://nobody@127.0.0.1:1/x")
        .env("RECON_MONGO_URL", "mongodb://127.0.0.1:1/x");
    place.write("other.toml", place.read("recon.toml").replace("sqlite:core.db", "${RECON_MYSQL_URL}"));
    std::fs::create_dir(place.path().join("none")).expect("a folder");
    let ledger = "\n[ledger]\nurl = \"sqlite:none/recon.db\"\n";
    place.write("other.toml", format!("{}{ledger}", place.read("other.toml")));
    let words =
        ["--config", "other.toml", "impact", "payout", "--legacy-query", "@legacy.mysql.sql", "--format", "json"];
    let outcome = place.recon(&words);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    let not_run = &crate::json(&outcome)["cases"]["not_run"];
    let why = not_run["why"].as_str().unwrap_or_else(|| panic!("{outcome}"));
    assert!(why.contains("is written for mysql") && why.contains("--store core=mysql://"), "{why}");
    assert!(not_run["cases"].as_u64() >= Some(8), "{not_run}");
}

#[test]
fn exact_sql_over_inputs_is_changed_over_cycles_and_cases() {
    let place = Place::new().env("RECON_USER", "kim");
    let demo = place.recon(&["demo", "p2p", "--records", "400", "--keep", "project"]);
    assert_eq!(demo.code, Some(0), "{demo}");
    let cycle = ["--param", "window_from=2026-10-25", "--param", "window_to=2026-11-05"];
    let verified = place.recon(&[&["--config", "project/recon.toml", "verify", "payout"], &cycle[..]].concat());
    assert_eq!(verified.code, Some(0), "{verified}");
    let sql = place.read("project/candidate.sql");
    let line = "floor(outstanding_share * monthly_fee_rate)";
    assert!(sql.contains(line), "{sql}");
    place.write("new.sql", sql.replace(line, "0"));
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/p2p/cases").display().to_string();
    let words = [
        "--config",
        "project/recon.toml",
        "impact",
        "payout",
        "--candidate-sql",
        "@new.sql",
        "--cases",
        &cases,
        "--format",
        "json",
    ];
    let outcome = place.recon(&words);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let report = crate::json(&outcome);
    let money = |column: &str| {
        report["money"].as_array().unwrap().iter().find(|one| one["column"] == column).expect("money").clone()
    };
    let (fee, net) = (money("fee"), money("net"));
    assert_eq!((&fee["changed_total"], &fee["under"]), (&json!("0"), &fee["current_total"]), "{report:#}");
    assert_eq!(net["net"], fee["current_total"], "what is not taken is paid");
    assert_eq!(report["paid"], json!([]), "legacy's values stand in: {report:#}");
    assert!(report["cases"]["changed"].as_u64() > Some(0), "{report:#}");
    assert_eq!(report["cycles"][0]["then"]["same"], true, "{report:#}");
}

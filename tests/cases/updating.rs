//! `--update`: shows what changes, writes it, and touches nothing else; never in CI.

use crate::generated::write_cases;
use crate::{edit, merchant_with};

#[test]
fn expectations_are_rewritten_and_nothing_else_is_touched() {
    let place = merchant_with(&["late-contract", "plain-sale"]);
    write_cases(&place.path().join("cases/drawn.cases.ndjson"), 12, None);
    let files = [
        "late-contract/case.toml",
        "late-contract/decisions.csv",
        "late-contract/discrepancies.ndjson",
        "drawn.cases.ndjson",
        "plain-sale/case.toml",
        "plain-sale/decisions.csv",
    ];
    let read = || files.map(|file| place.read(&format!("cases/{file}")));
    let good = read();
    edit(&place, "cases/late-contract/case.toml", "verdict = \"warned\"", "verdict = \"clean\"   # until now");
    edit(&place, "cases/late-contract/decisions.csv", "legacy,mismatch", "candidate,agree");
    std::fs::remove_file(place.path().join("cases/late-contract/discrepancies.ndjson")).expect("removed");
    let line = good[3].lines().nth(5).expect("a line");
    let wrong = line.replace("\"recon_reason\":\"agree\"", "\"recon_reason\":\"tolerated\"");
    assert_ne!(line, wrong);
    edit(&place, "cases/drawn.cases.ndjson", line, &wrong);

    let outcome = place.recon(&["test", "--update"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(
        outcome.stdout.contains("CHANGES  late-contract") && outcome.stdout.contains("CHANGES  drawn/"),
        "{outcome}"
    );
    assert!(outcome.stdout.contains("- clean") && outcome.stdout.contains("+ warned"), "{outcome}");
    assert!(
        outcome.stdout.ends_with("2 expectations were rewritten: look at the change before you commit it\n"),
        "{outcome}"
    );
    let now = read();
    assert_eq!(now[0], good[0].replace("verdict = \"warned\"", "verdict = \"warned\"   # until now"));
    assert_eq!(now[1], good[1]);
    let others =
        |text: &str| text.lines().enumerate().filter(|(at, _)| *at != 5).map(|(_, l)| l.to_owned()).collect::<Vec<_>>();
    assert_eq!(others(&now[3]), others(&good[3]), "the other lines, byte for byte");
    assert_eq!((&now[4], &now[5]), (&good[4], &good[5]));
    let after = place.recon(&["test"]);
    assert_eq!(after.code, Some(0), "{after}");
    assert_eq!(place.recon(&["test", "--update"]).code, Some(0));
    assert_eq!(read(), now, "what holds is not written again");
}

#[test]
fn in_ci_nothing_is_rewritten() {
    let place = merchant_with(&["plain-sale"]).env("CI", "true");
    edit(&place, "cases/plain-sale/decisions.csv", "agree", "tolerated");
    let wrong = place.read("cases/plain-sale/decisions.csv");
    let outcome = place.recon(&["test", "--update"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("CI is set"), "{outcome}");
    assert_eq!(place.read("cases/plain-sale/decisions.csv"), wrong);
    assert_eq!(place.recon(&["test"]).code, Some(1));
    for name in ["TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION", "CODEBUILD_BUILD_ID"] {
        let place = merchant_with(&["plain-sale"]).env(name, "x");
        let outcome = place.recon(&["test", "--update"]);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(&format!("{name} is set")), "{outcome}");
    }
}

#[test]
fn a_case_that_decided_something_is_not_made_to_look_away() {
    let place = merchant_with(&["plain-sale"]);
    let good = place.read("cases/plain-sale/decisions.csv");
    let query = place.read("legacy.sqlite.sql");
    place.write("legacy.sqlite.sql", format!("SELECT * FROM (\n{query}\n) WHERE transaction_id < 0"));
    let outcome = place.recon(&["test", "--update"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stdout.contains("+ incomplete") && outcome.stdout.contains("1 case stays as before"), "{outcome}");
    assert_eq!(place.read("cases/plain-sale/decisions.csv"), good);
    assert!(place.read("cases/plain-sale/case.toml").contains("verdict = \"clean\""));
}

#[test]
fn a_case_whose_path_cannot_run_is_not_rewritten() {
    let place = merchant_with(&["plain-sale"]);
    let good = place.read("cases/plain-sale/decisions.csv");
    edit(&place, "legacy.sqlite.sql", "FROM traded s", "FROM nowhere s");
    let outcome = place.recon(&["test", "--update"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!(place.read("cases/plain-sale/decisions.csv"), good);
}

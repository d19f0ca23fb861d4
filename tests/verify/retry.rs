//! `recon retry`: only what was not settled is computed again, and the rest stays as it was decided.

use crate::engine::{Engine, Project};

const LEGACY: [&str; 4] = ["1, '10', '1'", "2, '20', '2'", "3, '30', '3'", "4, '40.5', '4'"];
/// 2 differs and 3 is unknown.
const FIRST: [&str; 4] = [
    r#"{"id": 1, "net": 10, "fee": 1}"#,
    r#"{"id": 2, "net": 25, "fee": 2}"#,
    r#"{"id": 3, "net": "?", "fee": 3}"#,
    r#"{"id": 4, "net": 40.5, "fee": 4}"#,
];
/// 2 and 3 are mended. 1 would differ now: it is settled and not looked at again.
const MENDED: [&str; 4] = [
    r#"{"id": 1, "net": 99, "fee": 1}"#,
    r#"{"id": 2, "net": 20, "fee": 2}"#,
    r#"{"id": 3, "net": 30, "fee": 3}"#,
    r#"{"id": 4, "net": 40.5, "fee": 4}"#,
];

fn retry(project: &Project, more: &[&str]) -> (serde_json::Value, Option<i32>) {
    let outcome = project.recon(&[&["retry", "--format", "json"], more].concat());
    let json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    (json, outcome.code)
}

#[test]
fn only_what_was_not_settled_is_computed_again() {
    for engine in Engine::ALL {
        let project = Project::new(engine, &LEGACY, &FIRST);
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("warned"), Some(0)), "{engine:?}: {report:#}");
        project.candidate(&MENDED);
        let (report, code) = retry(&project, &[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("clean"), Some(0)), "{engine:?}: {report:#}");
        assert_eq!(report["diff"]["counts"]["keys"], 2, "{engine:?}: only two were compared again");
        assert_eq!(report["retry"]["counts"]["matched"], 4, "{engine:?}: {report:#}");
        assert_eq!(report["totals"]["net"]["residual"], "0", "{engine:?}");
        assert_eq!(
            project.decisions("payout_decision"),
            ["1 10 1 candidate agree", "2 20 2 candidate agree", "3 30 3 candidate agree", "4 40.5 4 candidate agree"],
            "{engine:?}"
        );
        let history = project.decisions("payout_decision_history");
        assert_eq!(history[1..3], ["2 20 2 legacy mismatch", "3 30 3 legacy unknown"], "{engine:?}: the run before");
        let runs = project
            .rows("SELECT CAST(attempt AS CHAR(9)), CAST(continues AS CHAR(9)) FROM recon_runs ORDER BY attempt");
        let runs: Vec<Vec<Option<&str>>> =
            runs.iter().map(|run| run.iter().map(|value| value.as_deref().map(str::trim)).collect()).collect();
        assert_eq!(runs, [vec![Some("1"), None], vec![Some("2"), Some("1")]], "{engine:?}");
        let released = project.recon(&["release", "--by", "lee"]);
        assert_eq!(released.code, Some(0), "{engine:?}: {released}");
        assert_eq!(project.decisions("payout_decision_released").len(), 4, "{engine:?}");
        let again = project.recon(&["retry"]);
        assert_eq!(again.code, Some(4), "{engine:?}: what is released is not changed: {again}");
    }
}

#[test]
fn some_of_them_and_then_the_others() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &FIRST);
    project.report(&[]);
    project.candidate(&MENDED);
    let wrong = project.recon(&["retry", "--keys", "1"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
    assert!(wrong.stderr.contains("no unknown or discrepant record"), "{wrong}");
    let (report, code) = retry(&project, &["--keys", "id=3"]);
    assert_eq!((report["verdict"].as_str(), code), (Some("warned"), Some(0)), "{report:#}");
    assert_eq!(
        (report["retry"]["counts"]["mismatched"].as_u64(), report["retry"]["counts"]["unknown"].as_u64()),
        (Some(1), Some(0))
    );
    let logged = project.rows("SELECT record_key FROM recon_discrepancies WHERE attempt = 2");
    assert_eq!(logged, [[Some(r#"{"id":"2"}"#.to_owned())]], "what was not retried is still known");
    let (report, code) = retry(&project, &[]);
    assert_eq!((report["verdict"].as_str(), code), (Some("clean"), Some(0)), "{report:#}");
    let nothing = project.recon(&["retry"]);
    assert_eq!(nothing.code, Some(0), "{nothing}");
    assert!(nothing.stderr.contains("nothing to retry"), "{nothing}");
}

#[test]
fn an_incomplete_run_is_completed() {
    for engine in Engine::ALL {
        let mut legacy = LEGACY;
        legacy[1] = "2, 'n/a', '2'";
        let project = Project::new(engine, &legacy, &MENDED[1..]);
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{engine:?}: {report:#}");
        project.legacy(&LEGACY);
        let (report, code) = retry(&project, &["--keys", "2"]);
        assert_eq!((report["verdict"].as_str(), code), (Some("warned"), Some(0)), "{engine:?}: {report:#}");
        assert_eq!(project.decisions("payout_decision")[1], "2 20 2 candidate agree", "{engine:?}");
    }
}

#[test]
fn decisions_that_were_changed_are_not_completed() {
    for engine in Engine::ALL {
        let project = Project::new(engine, &LEGACY, &FIRST);
        project.report(&[]);
        project.run("UPDATE payout_decision SET net = 11 WHERE id = 1");
        let outcome = project.recon(&["retry"]);
        assert_eq!(outcome.code, Some(4), "{engine:?}: {outcome}");
        assert!(outcome.stderr.contains("not those that it wrote"), "{engine:?}: {outcome}");
        let status = project.recon(&["status"]);
        assert!(status.stdout.contains("decided"), "{engine:?}: nothing has changed: {status}");
    }
}

#[test]
fn nothing_to_complete_is_refused() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &FIRST);
    let unknown = project.recon(&["retry"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    project.legacy(&[]);
    project.report(&[]);
    let outcome = project.recon(&["retry"]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    assert!(outcome.stderr.contains("wrote decisions"), "{outcome}");
}

/// Text keys, some of which look like the same amount.
#[test]
fn text_keys_that_look_like_one_amount_are_two_records() {
    let project = Project::new(
        Engine::Sqlite,
        &[],
        &[r#"{"id": "1.50", "net": 900, "fee": 1}"#, r#"{"id": "1.5", "net": 101, "fee": 1}"#],
    );
    project.place.write(
        "legacy.sql",
        "SELECT '1.50' AS id, 900 AS net, 1 AS fee, :day AS d UNION ALL SELECT '1.5', 100, 1, :day\n",
    );
    project.replace("fee = { type = \"decimal\" }", "fee = { type = \"decimal\" }\nid = { type = \"text\" }");
    for file in [false, true] {
        if file {
            project.replace("store = \"core\"\ntable = \"payout_decision\"", "file = \"decisions.csv\"");
        }
        let again: &[&str] = if file { &["--again"] } else { &[] };
        let (first, code) = project.report(again);
        assert_eq!((first["verdict"].as_str(), code), (Some("warned"), Some(0)), "{first:#}");
        assert_eq!(first["decisions"]["total"]["net"], "1000", "{first:#}");
        for keys in [&[][..], &["--keys", "1.5"][..]] {
            let (report, code) = retry(&project, keys);
            assert_eq!((report["verdict"].as_str(), code), (Some("warned"), Some(0)), "{report:#}");
            assert_eq!(report["decisions"]["total"]["net"], "1000", "{report:#}");
        }
    }
}

#[test]
fn decisions_under_other_rules_are_not_mixed() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &FIRST);
    project.report(&[]);
    let set = project.place.recon(&["canary", "set", "payout", "--percent", "0", "--why", "a fault"]);
    assert_eq!(set.code, Some(0), "{set}");
    let outcome = project.recon(&["retry"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("`percent` is 0 now and was 100"), "{outcome}");
    let (report, _) = project.report(&[]);
    assert_eq!(report["state"], "decided", "nothing has changed");
}

#[test]
fn a_retry_that_failed_can_be_retried() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &FIRST);
    project.report(&[]);
    project.candidate(&[MENDED[0]]);
    let failed = project.recon(&["retry"]);
    assert_eq!(failed.code, Some(3), "{failed}");
    project.candidate(&MENDED);
    let (report, code) = retry(&project, &[]);
    assert_eq!(
        (report["verdict"].as_str(), report["run"].as_str(), code),
        (Some("clean"), Some("1-3"), Some(0)),
        "{report:#}"
    );
    assert_eq!(report["retry"]["completes"], "1-1");
}

#[test]
fn a_cycle_that_was_stopped_by_hand_is_not_retried_into_green() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &MENDED[1..]);
    project.legacy(&LEGACY[1..]);
    project.report(&[]);
    for state in ["blocked", "aborted"] {
        let stopped = project.recon(&["stage", "--to", state, "--note", "fraud"]);
        assert_eq!(stopped.code, if state == "blocked" { Some(0) } else { stopped.code }, "{stopped}");
        let outcome = project.recon(&["retry"]);
        assert_eq!(outcome.code, Some(4), "{state}: {outcome}");
    }
}

#[test]
fn what_was_held_because_nobody_can_pay_it_stays_incomplete() {
    let mut legacy = LEGACY;
    legacy[0] = "1, 'Infinity', '1'";
    let mut candidate = FIRST;
    candidate[0] = r#"{"id": 1, "net": "Infinity", "fee": 1}"#;
    let project = Project::new(Engine::Sqlite, &legacy, &candidate);
    let (report, code) = project.report(&[]);
    assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{report:#}");
    for keys in [&[][..], &["--keys", "2"][..]] {
        let (report, code) = retry(&project, keys);
        assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{keys:?}: {report:#}");
    }
}

#[test]
fn date_keys_are_bound_too() {
    for engine in Engine::ALL {
        let lines = |first: &str, third: &str| {
            [
                format!(r#"{{"id": "2026-01-01", "net": {first}, "fee": 1}}"#),
                r#"{"id": "2026-01-02", "net": 20, "fee": 1}"#.to_owned(),
                format!(r#"{{"id": "2026-01-03", "net": {third}, "fee": 1}}"#),
            ]
        };
        let lines = |first, third| lines(first, third).to_vec();
        let text = |lines: &[String]| lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        let project = Project::new(engine, &[], &[&text(&lines("11", "30"))]);
        project.run("CREATE TABLE days (id DATE, net VARCHAR(9), fee VARCHAR(9))");
        project.run(
            "INSERT INTO days VALUES ('2026-01-01', '10', '1'), ('2026-01-02', '20', '1'), ('2026-01-03', '30', '1')",
        );
        project.place.write("legacy.sql", "SELECT id, net, fee FROM days WHERE :day IS NOT NULL\n");
        project.replace("fee = { type = \"decimal\" }", "fee = { type = \"decimal\" }\nid = { type = \"date\" }");
        let (first, code) = project.report(&[]);
        assert_eq!((first["verdict"].as_str(), code), (Some("warned"), Some(0)), "{engine:?}: {first:#}");
        // The first is mended; the third, which was settled, would differ now and is not looked at.
        project.candidate(&[&text(&lines("10", "9999"))]);
        let (report, code) = retry(&project, &[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("clean"), Some(0)), "{engine:?}: {report:#}");
        assert_eq!(report["diff"]["counts"]["keys"], 1, "{engine:?}: {report:#}");
    }
}

#[test]
fn records_of_other_stores_do_not_complete_a_cycle() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &FIRST);
    project.configure("[profiles.trial.stores.lake]\nurl = \"file:trial\"\n");
    project.report(&[]);
    project.place.write("trial/candidate.ndjson", MENDED.join("\n"));
    let outcome = project.recon(&["retry", "--profile", "trial"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("`profile` is"), "{outcome}");
}

/// A key that only the candidate has, twice, does not stand in for one that legacy must have.
#[test]
fn a_retry_knows_the_population_as_well_as_a_verification() {
    let twice = [FIRST[0], FIRST[1], FIRST[2], r#"{"id": 9, "net": 1, "fee": 1}"#, r#"{"id": 9, "net": 1, "fee": 1}"#];
    let project = Project::new(Engine::Sqlite, &LEGACY[..3], &twice);
    project.configure("[reconciliation.payout.population]\nstore = \"core\"\nquery = \"population.sql\"\n");
    project.place.write("population.sql", "SELECT 4 AS n\n");
    let (report, code) = project.report(&[]);
    assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{report:#}");
    for keys in [&[][..], &["--keys", "2"][..]] {
        let (report, code) = retry(&project, keys);
        assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{keys:?}: {report:#}");
    }
    project.place.write("population.sql", "SELECT 3 AS n\n");
    let (report, code) = retry(&project, &[]);
    assert_eq!((report["verdict"].as_str(), code), (Some("warned"), Some(0)), "{report:#}");
}

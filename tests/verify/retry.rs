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
    assert!(nothing.stdout.contains("nothing to retry"), "{nothing}");
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
    assert!(outcome.stderr.contains("wrote no decisions"), "{outcome}");
}

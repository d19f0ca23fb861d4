//! `recon canary`: the share in force, what the runs at it covered, what is recommended, and the cut back by itself.

use serde_json::Value as Json;

use crate::engine::{Engine, Project};

const LEGACY: [&str; 4] = ["1, '10', '1'", "2, '20', '1'", "3, '30', '2'", "4, '40', '2'"];
const CLEAN: [&str; 4] = [
    r#"{"id": 1, "net": 10, "fee": 1}"#,
    r#"{"id": 2, "net": 20, "fee": 1}"#,
    r#"{"id": 3, "net": 30, "fee": 2}"#,
    r#"{"id": 4, "net": 40, "fee": 2}"#,
];
const OFF: [&str; 4] = [CLEAN[0], CLEAN[1], r#"{"id": 3, "net": 31, "fee": 2}"#, CLEAN[3]];

fn status(project: &Project) -> Json {
    let outcome = project.place.recon(&["canary", "status", "payout", "--format", "json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

/// Verifies the payouts of some days.
fn days(project: &Project, days: std::ops::RangeInclusive<u32>) {
    for day in days {
        project.place.write("legacy.sql", "SELECT id, net, fee FROM payout WHERE :day IS NOT NULL\n");
        let day = format!("day=2026-11-{day:02}");
        let outcome = project.place.recon(&["verify", "payout", "--param", &day]);
        assert!(matches!(outcome.code, Some(0 | 1)), "{outcome}");
    }
}

#[test]
fn trust_is_raised_by_people_and_cut_back_by_a_breach() {
    for engine in Engine::ALL {
        let project = Project::new(engine, &LEGACY, &CLEAN);
        project.configure(
            "[reconciliation.payout.canary]\npercent = 50\nraise_after = 3\nmax_discrepancy_rate = \"10%\"\ncut_back_to = 1\n",
        );
        assert_eq!(status(&project)["recommendation"]["advice"], "keep", "{engine:?}: nothing has run");
        days(&project, 1..=3);
        let seen = status(&project);
        assert_eq!(seen["percent"], 50, "{engine:?}");
        assert_eq!(
            (&seen["recommendation"]["advice"], &seen["recommendation"]["to"]),
            (&"raise".into(), &100.into()),
            "{engine:?}: {seen:#}"
        );
        let covered: f64 = seen["covered"]["net"].as_str().expect("an amount").parse().expect("a number");
        assert!(
            covered > 0.0 && covered < 300.0 && covered % 30.0 == 0.0,
            "{engine:?}: three times some of 100: {covered}"
        );

        let set = project.place.recon(&["canary", "set", "payout", "--percent", "100", "--why", "three clean payouts"]);
        assert_eq!(set.code, Some(0), "{engine:?}: {set}");
        let seen = status(&project);
        assert_eq!(
            (seen["percent"].as_u64(), seen["changes"][0]["by"].as_str()),
            (Some(100), Some("kim")),
            "{engine:?}"
        );
        assert_eq!(seen["changes"][0]["why"], "three clean payouts", "{engine:?}");

        project.candidate(&OFF);
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("blocked"), Some(1)), "{engine:?}: {report:#}");
        let seen = status(&project);
        assert_eq!(
            (seen["percent"].as_u64(), seen["changes"][0]["by"].as_str()),
            (Some(1), Some("recon")),
            "{engine:?}: {seen:#}"
        );
        let trail = project.place.recon(&["runs", "verify-audit"]);
        assert_eq!(trail.code, Some(0), "{engine:?}: {trail}");
    }
}

#[test]
fn segments_that_were_not_covered_keep_the_share() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
    // Of four keys, one per cent enrols none.
    project.configure("[reconciliation.payout.canary]\npercent = 1\nraise_after = 2\nsegments = [\"fee\"]\n");
    days(&project, 1..=2);
    let seen = status(&project);
    assert_eq!(seen["recommendation"]["advice"], "keep", "{seen:#}");
    assert!(
        seen["recommendation"]["why"].as_str().is_some_and(|why| why.contains("not used yet for 1, 2")),
        "{seen:#}"
    );
    project.replace("segments = [\"fee\"]", "segments = [\"branch\"]");
    let outcome = project.place.recon(&["verify", "payout", "--param", "day=2026-11-20"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("`branch`"), "{outcome}");
}

#[test]
fn what_is_no_share_is_refused() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
    for (arguments, code) in [
        (vec!["canary", "set", "payout", "--percent", "101"], 2),
        (vec!["canary", "set", "payouts", "--percent", "1"], 2),
        (vec!["canary", "status", "payouts"], 2),
    ] {
        let outcome = project.place.recon(&arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}: {outcome}");
    }
    let mut wrong = "[reconciliation.payout.canary]\ncut_back_to = 5\n".to_owned();
    project.configure(&wrong);
    let outcome = project.verify(&[]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("max_discrepancy_rate"), "{outcome}");
    wrong.push_str("max_discrepancy_rate = \"1%\"\nraise_after = 0\n");
    project.configure(&wrong);
    let outcome = project.verify(&[]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("raise_after"), "{outcome}");
}

//! The decision rule: one case for each row of its table, on every engine, as the payer reads it.

use crate::engine::{Engine, Project};

const LEGACY: [&str; 8] = [
    "1, '10.50', '1'", // agrees
    "2, '20.00', '2'", // agrees within the tolerance
    "3, '30.00', '3'", // differs
    "4, '40.00', '4'", // only legacy has it
    "6, '60.00', '6'", // legacy has it twice
    "6, '60.00', '6'",
    "7, '70.00', '7'", // the candidate has it twice
    "8, '80.00', '8'", // the candidate's value is none
];

const CANDIDATE: [&str; 8] = [
    r#"{"id": 1, "net": "10.5", "fee": 1}"#,
    r#"{"id": 2, "net": 20.01, "fee": 2}"#,
    r#"{"id": 3, "net": 30.02, "fee": 3}"#,
    r#"{"id": 5, "net": 50, "fee": 5}"#,
    r#"{"id": 6, "net": 60, "fee": 6}"#,
    r#"{"id": 7, "net": 70, "fee": 7}"#,
    r#"{"id": 7, "net": 70, "fee": 7}"#,
    r#"{"id": 8, "net": "n/a", "fee": 8}"#,
];

#[test]
fn every_row_of_the_table() {
    for engine in Engine::ALL {
        let project = Project::new(engine, &LEGACY, &CANDIDATE);
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("warned"), Some(0)), "{engine:?}: {report:#}");
        assert_eq!(
            project.decisions("payout_decision"),
            [
                "1 10.5 1 candidate agree",
                "2 20.01 2 candidate tolerated",
                "3 30 3 legacy mismatch",
                "4 40 4 legacy legacy_only",
                "5 NULL NULL held candidate_only",
                "6 NULL NULL held duplicate_key",
                "7 70 7 legacy duplicate_key",
                "8 80 8 legacy unknown",
            ],
            "{engine:?}"
        );
        let decisions = &report["decisions"];
        let counts = ["candidate", "legacy", "held"].map(|name| decisions[name].as_u64());
        assert_eq!(counts, [Some(2), Some(4), Some(2)], "{engine:?}: {report:#}");
        assert_eq!(decisions["total"]["net"], "250.51", "{engine:?}: {report:#}");
        let bridge = &report["totals"]["net"];
        let parts = ["legacy", "candidate_taken", "tolerated", "held", "decisions", "residual"];
        let parts = parts.map(|name| bridge[name].as_str().expect("an amount").trim_end_matches(".00").to_owned());
        assert_eq!(parts, ["370.50", "0", "0.01", "120", "250.51", "0"].map(str::to_owned), "{engine:?}: {bridge:#}");
        let logged =
            project.rows("SELECT DISTINCT record_key, kind FROM recon_discrepancies ORDER BY record_key, kind");
        let logged: Vec<String> =
            logged.iter().map(|row| row.iter().flatten().cloned().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            logged,
            [
                r#"{"id":"2"} tolerated"#,
                r#"{"id":"3"} mismatch"#,
                r#"{"id":"4"} legacy_only"#,
                r#"{"id":"5"} candidate_only"#,
                r#"{"id":"6"} duplicate_key"#,
                r#"{"id":"7"} duplicate_key"#,
                r#"{"id":"8"} unknown"#,
            ],
            "{engine:?}"
        );
        // Both values of a discrepancy are kept.
        let both =
            project.rows("SELECT legacy, candidate, difference FROM recon_discrepancies WHERE kind = 'mismatch'");
        let both: Vec<&str> = both[0].iter().flatten().map(String::as_str).collect();
        assert_eq!(both, ["30.00", "30.02", "0.02"], "{engine:?}");
        // Not released: the payer sees nothing.
        assert_eq!(project.decisions("payout_decision_released"), Vec::<String>::new(), "{engine:?}");
    }
}

#[test]
fn a_legacy_value_that_is_none_is_held_and_the_run_incomplete() {
    for engine in Engine::ALL {
        let legacy = ["1, '10', '1'", "2, 'n/a', '2'"];
        let candidate = [r#"{"id": 1, "net": 10, "fee": 1}"#, r#"{"id": 2, "net": 20, "fee": 2}"#];
        let project = Project::new(engine, &legacy, &candidate);
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{engine:?}: {report:#}");
        assert_eq!(report["state"], "blocked", "{engine:?}");
        let written = project.decisions("payout_decision");
        assert_eq!(written, ["1 10 1 candidate agree", "2 NULL NULL held unknown"], "{engine:?}");
        let released = project.recon(&["release", "--by", "lee"]);
        assert_eq!(released.code, Some(4), "{engine:?}: {released}");
    }
}

#[test]
fn who_is_not_enrolled_takes_the_legacy_value() {
    for engine in Engine::ALL {
        let project = Project::new(engine, &LEGACY[..2], &CANDIDATE[..2]);
        project.configure("[reconciliation.payout.canary]\npercent = 0\n");
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("clean"), Some(0)), "{engine:?}: {report:#}");
        let written = project.decisions("payout_decision");
        assert_eq!(written, ["1 10.5 1 legacy not_enrolled", "2 20 2 legacy tolerated"], "{engine:?}");
        assert_eq!(report["totals"]["net"]["tolerated"], "0", "{engine:?}: {report:#}");
    }
}

#[test]
fn enrolment_is_stable_and_only_grows_with_the_percentage() {
    let legacy: Vec<String> = (1..=400).map(|id| format!("{id}, '{id}.5', '1'")).collect();
    let candidate: Vec<String> =
        (1..=400).map(|id| format!(r#"{{"id": {id}, "net": "{id}.50", "fee": 1.0}}"#)).collect();
    let legacy: Vec<&str> = legacy.iter().map(String::as_str).collect();
    let candidate: Vec<&str> = candidate.iter().map(String::as_str).collect();
    let mut before: Vec<String> = Vec::new();
    for percent in [1, 10, 30, 99] {
        let project = Project::new(Engine::Sqlite, &legacy, &candidate);
        project.configure(&format!("[reconciliation.payout.canary]\npercent = {percent}\n"));
        let (report, code) = project.report(&[]);
        assert_eq!(code, Some(0), "{report:#}");
        let enrolled: Vec<String> = project
            .decisions("payout_decision")
            .into_iter()
            .filter(|row| row.ends_with("candidate agree"))
            .map(|row| row.split(' ').next().unwrap_or_default().to_owned())
            .collect();
        let share = 400 * percent / 100;
        assert!(enrolled.len().abs_diff(share) <= 25, "{percent}%: {} of 400", enrolled.len());
        assert!(before.iter().all(|id| enrolled.contains(id)), "{percent}%: who was enrolled stays so");
        before = enrolled;
    }
}

#[test]
fn each_policy_holds_or_blocks() {
    for (policy, key, kind) in [
        ("mismatch", 3, "mismatch"),
        ("legacy_only", 4, "legacy_only"),
        ("candidate_only", 5, "candidate_only"),
        ("legacy_duplicate", 6, "duplicate_key"),
        ("candidate_duplicate", 7, "duplicate_key"),
        ("candidate_unknown", 8, "unknown"),
    ] {
        let project = Project::new(Engine::Sqlite, &LEGACY, &CANDIDATE);
        project.configure(&format!("[reconciliation.payout.policy]\n{policy} = \"hold\"\n"));
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("warned"), Some(0)), "{policy}: {report:#}");
        let held = format!("{key} NULL NULL held {kind}");
        assert!(project.decisions("payout_decision").contains(&held), "{policy}");
        assert_eq!(report["totals"]["net"]["residual"].as_str().map(|r| r.trim_end_matches(['0', '.'])), Some(""));

        let project = Project::new(Engine::Sqlite, &LEGACY, &CANDIDATE);
        project.configure(&format!("[reconciliation.payout.policy]\n{policy} = \"block\"\n"));
        let (report, code) = project.report(&[]);
        // A value that is not known is not over policy: it could not be verified.
        let expected = if policy == "candidate_unknown" { ("incomplete", 3) } else { ("blocked", 1) };
        assert_eq!((report["verdict"].as_str(), code), (Some(expected.0), Some(expected.1)), "{policy}: {report:#}");
        assert_eq!(report["state"], "blocked", "{policy}");
        assert!(report["reasons"].to_string().contains(policy), "{policy}: {report:#}");
    }
}

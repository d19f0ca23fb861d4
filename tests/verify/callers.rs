//! Many callers of one cycle at once: one does the work, the others wait, find it done, or are refused.

use std::process::Stdio;

use crate::engine::{Engine, Project};

#[test]
fn twenty_at_once_decide_once() {
    for engine in Engine::ALL {
        let legacy: Vec<String> = (1..=2_000).map(|id| format!("{id}, '{id}.25', '1'")).collect();
        let candidate: Vec<String> =
            (1..=2_000).map(|id| format!(r#"{{"id": {id}, "net": {id}.25, "fee": 1}}"#)).collect();
        let legacy: Vec<&str> = legacy.iter().map(String::as_str).collect();
        let candidate: Vec<&str> = candidate.iter().map(String::as_str).collect();
        let project = Project::new(engine, &legacy, &candidate);
        let children: Vec<_> = (0..20)
            .map(|number| {
                let mut command = project.place.command();
                command.args(["verify", "payout", "--param", "day=2026-11-13", "--format", "json"]);
                // Half of them do not wait at all.
                command.args(["--lock-timeout", if number % 2 == 0 { "0s" } else { "60s" }]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("recon starts")
            })
            .collect();
        let (mut worked, mut found, mut refused) = (0, 0, 0);
        for child in children {
            let output = child.wait_with_output().expect("recon ends");
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => {
                    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
                    assert_eq!(report["verdict"], "clean", "{engine:?}: {report:#}");
                    assert_eq!(report["run"], "1-1", "{engine:?}: one run in all");
                    if report["found"] == true { found += 1 } else { worked += 1 }
                }
                Some(4) => {
                    assert!(stderr.contains("held by run 1-1 of kim"), "{engine:?}: {stderr}");
                    assert!(stderr.contains("it stands at"), "{engine:?}: {stderr}");
                    refused += 1;
                }
                other => panic!("{engine:?}: {other:?}: {stderr}"),
            }
        }
        assert_eq!((worked, worked + found + refused), (1, 20), "{engine:?}: {found} found it done, {refused} refused");
        assert!(found >= 9, "{engine:?}: who waits finds it done: {found}");
        let count = project.rows("SELECT recon_source FROM payout_decision").len();
        assert_eq!(count, 2_000, "{engine:?}: decisions once");
        assert_eq!(project.rows("SELECT verdict FROM recon_runs").len(), 1, "{engine:?}");
    }
}

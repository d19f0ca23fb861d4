//! The worked settlements, verified, retried and released as their project files say.

use crate::support::{Outcome, Place};

/// The example's project, kept, and the words that name its cycle.
fn kept(example: &str) -> (Place, Vec<String>) {
    let place = Place::new().env("RECON_USER", "kim");
    let demo = place.recon(&["demo", example, "--keep", "project"]);
    assert_eq!(demo.code, Some(0), "{demo}");
    // The demo prints the command that it runs: `$ recon diff NAME --param …`.
    let line = demo.stdout.lines().find_map(|line| line.strip_prefix("$ recon diff ")).expect("a command");
    (place, line.split(' ').map(str::to_owned).collect())
}

fn recon(place: &Place, command: &str, cycle: &[String], more: &[&str]) -> Outcome {
    let mut words = vec![command, "--config", "project/recon.toml"];
    words.extend(cycle.iter().map(String::as_str));
    words.extend(more);
    place.recon(&words)
}

fn json(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

#[test]
fn each_is_verified_tied_and_released() {
    for example in ["p2p", "royalty", "merchant"] {
        let (place, cycle) = kept(example);
        let verified = recon(&place, "verify", &cycle, &["--format", "json"]);
        assert_eq!(verified.code, Some(0), "{example}: {verified}");
        let report = json(&verified);
        assert_eq!(report["verdict"], "warned", "{example}: {report:#}");
        let totals = report["totals"].as_object().expect("totals");
        assert!(!totals.is_empty() && totals.values().all(|bridge| bridge["residual"] == "0"), "{example}: {report:#}");
        let own = recon(&place, "release", &cycle, &["--by", "Kim "]);
        assert_eq!(own.code, Some(4), "{example}: who ran it cannot release it: {own}");
        let released = recon(&place, "release", &cycle, &["--by", "lee"]);
        assert_eq!(released.code, Some(0), "{example}: {released}");
        // The payer takes the marker of a file away: that is no reason to publish it again.
        for entry in std::fs::read_dir(place.path().join("project/decisions")).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "released") {
                std::fs::remove_file(entry.path()).expect("removed");
            }
        }
        let again = recon(&place, "release", &cycle, &["--by", "lee"]);
        assert_eq!(again.code, Some(4), "{example}: {again}");
        let status = json(&recon(&place, "status", &cycle, &["--format", "json"]));
        assert_eq!(status["state"], "released", "{example}: {status:#}");
    }
}

#[test]
fn a_program_is_asked_again_only_for_what_was_not_settled() {
    let (place, cycle) = kept("merchant");
    let verified = json(&recon(&place, "verify", &cycle, &["--format", "json"]));
    let counts = &verified["diff"]["counts"];
    let unsettled = counts["keys"].as_u64().expect("keys") - counts["matched"].as_u64().expect("matched");
    let one_sided = counts["legacy_only"].as_u64().expect("a count");
    assert!(unsettled > one_sided && one_sided > 0, "{counts:#}");
    let retried = recon(&place, "retry", &cycle, &["--format", "json"]);
    assert_eq!(retried.code, Some(0), "{retried}");
    let retried = json(&retried);
    assert_eq!(retried["diff"]["counts"]["keys"].as_u64(), Some(unsettled), "{retried:#}");
    // Documents that are not there cannot be asked about.
    let asked = &retried["diff"]["sides"]["candidate"]["inputs"][0];
    assert_eq!(
        (asked["name"].as_str(), asked["records"].as_u64()),
        (Some("transactions"), Some(unsettled - one_sided))
    );
    assert_eq!(
        retried["decisions"]["total"], verified["decisions"]["total"],
        "nothing was mended, nothing has changed"
    );
    assert_ne!(retried["run"], verified["run"]);
}

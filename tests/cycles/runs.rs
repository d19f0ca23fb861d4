//! `recon runs` and `recon discrepancies`: what was run, and what it logged.

use recon::domain::State;
use recon::ledger::{Begin, Ledger, Logged, RunVerdict};

use crate::engine::{key, on_each_engine, started, summary, to_checked};
use crate::support::{self, Place};
use crate::{DAY, json, ledger, place, place_with, steady};

fn logged(id: &str, kind: &str) -> Logged {
    let key = format!("{{\"investor_id\":\"{id}\"}}");
    match kind {
        "mismatch" => Logged {
            key,
            kind: kind.into(),
            column: Some("net".into()),
            legacy: Some("10.00".into()),
            candidate: Some("10.01".into()),
            difference: Some("0.01".into()),
            reason: None,
        },
        "unknown" => {
            Logged { key, kind: kind.into(), reason: Some("net: no amount\u{1b}[2J".into()), ..Logged::default() }
        }
        _ => Logged { key, kind: kind.into(), legacy: Some("10.00".into()), ..Logged::default() },
    }
}

/// A run that was blocked, one that decided with discrepancies, and a cycle that is at work.
fn history(ledger: &mut Ledger) {
    let mut run = started(ledger, &key(DAY), &Begin::by("kim"));
    run.advance(&State::Computed, Some("2,000 records")).expect("allowed");
    run.block(RunVerdict::Incomplete, &["candidate: the store was cut off".into()], "null").expect("blocked");
    let mut run = started(ledger, &key(DAY), &Begin::by("kim"));
    run.snapshot("query", "legacy query", "SELECT *\nFROM payout").expect("kept");
    let all =
        [logged("17", "mismatch"), logged("18", "legacy_only"), logged("19", "unknown"), logged("20", "mismatch")];
    run.record_discrepancies(&mut all.into_iter()).expect("logged");
    to_checked(&mut run);
    let figures = r#"{"rows":{"legacy":1000,"candidate":1001},"totals":{"net":"12.30"},"checks":[]}"#;
    run.decide(RunVerdict::Warned, &summary("d1"), &["4 discrepancies".into()], figures).expect("decided");
}

fn text(place: &Place, arguments: &[&str]) -> String {
    let outcome = place.recon(arguments);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    outcome.stdout
}

#[test]
fn what_people_read() {
    let _steady = steady();
    let place = place();
    assert_eq!(text(&place, &["runs", "list"]), "no run yet: `recon verify NAME …` makes one\n");
    assert_eq!(text(&place, &["discrepancies", "list"]), "no discrepancy is logged\n");
    let mut ledger = ledger(&place);
    history(&mut ledger);
    let _at_work = started(&mut ledger, &key(DAY + 10), &Begin::by("lee"));
    insta::assert_snapshot!("runs", text(&place, &["runs", "list", "payout"]));
    insta::assert_snapshot!("blocked_run", text(&place, &["runs", "show", "1-1"]));
    insta::assert_snapshot!("decided_run", text(&place, &["runs", "show", "1-2"]));
    assert_eq!(text(&place, &["runs", "show", "1-2", "--snapshot", "legacy query"]), "SELECT *\nFROM payout\n");
    insta::assert_snapshot!("discrepancies", text(&place, &["discrepancies", "list"]));
    insta::assert_snapshot!("discrepancies_cut", text(&place, &["discrepancies", "list", "payout", "--limit", "1"]));
    insta::assert_snapshot!("discrepancy", text(&place, &["discrepancies", "show", "1-2", "investor_id=17"]));
}

on_each_engine! {
    fn what_programs_read(fresh: Fresh) {
        let place = place_with(&fresh.url);
        history(&mut fresh.open());
        let read = |arguments: &[&str]| json(&place.recon(&[arguments, &["--format", "json"]].concat()), 0);
        let runs = read(&["runs", "list"]);
        let names: Vec<_> = runs["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).collect();
        assert_eq!(names, ["1-2", "1-1"], "the newest first");
        assert_eq!(read(&["runs", "list", "payout", "--limit", "1"])["runs"].as_array().unwrap().len(), 1);
        let run = read(&["runs", "show", "1-2"]);
        assert_eq!((&run["schema"], &run["verdict"]), (&"recon.run/1".into(), &"warned".into()));
        assert_eq!(run["figures"]["totals"]["net"], "12.30");
        assert_eq!((&run["decisions"]["hash"], &run["cycle_state"]), (&"d1".into(), &"decided".into()));
        assert_eq!(run["snapshots"][0]["name"], "legacy query");
        let steps: Vec<_> = run["steps"].as_array().unwrap().iter().map(|step| step["to"].as_str().unwrap()).collect();
        assert_eq!(steps, ["registered", "computed", "compared", "checked", "decided"]);
        assert_eq!(read(&["runs", "show", "1-1"])["decisions"], serde_json::Value::Null);
        let all = read(&["discrepancies", "list", "payout"]);
        assert_eq!((all["discrepancies"].as_array().unwrap().len(), &all["truncated"]), (4, &false.into()));
        let some = read(&["discrepancies", "list", "--run", "1-2", "--kind", "mismatch", "--limit", "1"]);
        assert_eq!(
            some,
            serde_json::json!({"schema": "recon.discrepancies/1", "discrepancies": [{
                "run": "1-2", "cycle": "payout payout_date=2026-11-13", "key": {"investor_id": "17"}, "kind": "mismatch",
                "column": "net", "legacy": "10.00", "candidate": "10.01", "difference": "0.01", "reason": null,
            }], "truncated": true})
        );
        let one = read(&["discrepancies", "show", "1-2", r#"{"investor_id":"18"}"#]);
        assert_eq!(one["discrepancies"][0]["kind"], "legacy_only");
        let audit = read(&["runs", "verify-audit"]);
        assert_eq!((&audit["schema"], &audit["intact"]), (&"recon.audit/1".into(), &true.into()));
    }
}

#[test]
fn an_audit_trail_that_was_changed_is_found() {
    let place = place();
    let none = place.recon(&["runs", "verify-audit"]);
    assert!(none.code == Some(3) && none.stderr.contains("there is no ledger yet"), "{none}");
    assert!(!place.path().join("recon.db").exists(), "looking makes no ledger");
    history(&mut ledger(&place));
    let intact = text(&place, &["runs", "verify-audit"]);
    assert!(intact.contains("audit trail intact:"), "{intact}");
    support::sqlite(&place.path().join("recon.db"), "UPDATE recon_audit SET who = 'nobody' WHERE sequence = 3");
    let broken = place.recon(&["runs", "verify-audit"]);
    assert!(broken.code == Some(1) && broken.stdout.contains("BROKEN at entry 3"), "{broken}");
    let json = json(&place.recon(&["runs", "verify-audit", "--format", "json"]), 1);
    assert_eq!((&json["intact"], &json["entry"]), (&false.into(), &3.into()));
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let place = place();
    history(&mut ledger(&place));
    for (arguments, why) in [
        (vec!["runs", "list", "payot"], "did you mean `payout`?"),
        (vec!["runs", "list", "--limit", "0"], "--limit"),
        (vec!["runs", "show", "first"], "`first` is no run"),
        (vec!["runs", "show", "9-9"], "there is no run 9-9"),
        (vec!["runs", "show", "1-2", "--snapshot", "candidate query"], "it keeps: `legacy query`"),
        (vec!["discrepancies", "list", "payot"], "did you mean `payout`?"),
        (vec!["discrepancies", "list", "--run", "9-9"], "there is no run 9-9"),
        (vec!["discrepancies", "list", "payout", "--run", "1-2"], "cannot be used with"),
        (vec!["discrepancies", "show", "1-2", "investor_id=21"], "logged no discrepancy of the record"),
    ] {
        let outcome = place.recon(&arguments);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(why), "{arguments:?}: {outcome}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
    // An empty list would be no answer to a kind that there is not.
    let slip = place.recon(&["discrepancies", "list", "--kind", "mismatsch", "--format", "json"]);
    assert!(slip.code == Some(2) && slip.stderr.contains("did you mean `mismatch`?"), "{slip}");
    assert_eq!(slip.stdout, "");
}

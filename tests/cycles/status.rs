//! `recon status`: what people read at every stage, and the sensor.

use std::process::Stdio;
use std::time::{Duration, Instant};

use recon::domain::State;
use recon::ledger::{Begin, RunVerdict};
use serde_json::Value as Json;

use crate::engine::{decided, key, on_each_engine, started, summary, to_checked};
use crate::{DAY, cycle, json, ledger, place, place_with, steady};

#[test]
fn what_people_read_at_every_stage() {
    let _steady = steady();
    let place = place();
    let (mut ledger, key) = (ledger(&place), key(DAY));
    let read = || {
        let outcome = cycle(&place, "status", &[]);
        assert!(outcome.code == Some(0) && outcome.stderr.is_empty(), "{outcome}");
        outcome.stdout
    };
    ledger.register(&key, "evening job").expect("registered");
    insta::assert_snapshot!("registered", read());
    let mut run = started(&mut ledger, &key, &Begin::by("kim"));
    run.advance(&State::Computed, None).expect("allowed");
    insta::assert_snapshot!("at_work", read());
    run.block(RunVerdict::Blocked, &["rate 0.7% is over 0.5%".into(), "check `sum` failed".into()], "{}")
        .expect("blocked");
    insta::assert_snapshot!("blocked", read());
    decided(&mut ledger, &key, "kim", "d1");
    insta::assert_snapshot!("decided", read());
    ledger.release(&key, "lee", "d1", 2).expect("approved");
    insta::assert_snapshot!("approved_once", read());
    ledger.release(&key, "park", "d1", 2).expect("released");
    insta::assert_snapshot!("released", read());
    for to in ["messages_prepared", "payment_requested", "paid"] {
        assert_eq!(cycle(&place, "stage", &["--to", to]).code, Some(0));
    }
    insta::assert_snapshot!("paid", read());
}

#[test]
fn a_cycle_that_is_stopped_by_hand_says_why() {
    let _steady = steady();
    let place = place();
    decided(&mut ledger(&place), &key(DAY), "kim", "d1");
    let stopped = cycle(&place, "stage", &["--to", "aborted", "--note", "paid by hand\u{1b}[2J"]);
    assert_eq!(stopped.code, Some(0), "{stopped}");
    let outcome = cycle(&place, "status", &[]);
    assert!(!outcome.stdout.contains('\u{1b}'), "data does not steer the terminal");
    insta::assert_snapshot!(outcome.stdout);
}

on_each_engine! {
    fn what_programs_read(fresh: Fresh) {
        let place = place_with(&fresh.url);
        let mut ledger = fresh.open();
        decided(&mut ledger, &key(DAY), "kim", "d1");
        ledger.release(&key(DAY), "lee", "d1", 2).expect("approved");
        let status = json(&cycle(&place, "status", &["--format", "json"]), 0);
        for (field, expected) in [
            ("/schema", Json::from("recon.status/1")),
            ("/cycle", "payout payout_date=2026-11-13".into()),
            ("/params/payout_date", "2026-11-13".into()),
            ("/state", "decided".into()),
            ("/verdict", "warned".into()),
            ("/reasons", serde_json::json!(["3 discrepancies"])),
            ("/run/run", "1-1".into()),
            ("/run/by", "kim".into()),
            ("/held_by", Json::Null),
            ("/decisions/candidate", 997.into()),
            ("/decisions/total/net", "12345678901234567890123456789.000000001".into()),
            ("/decisions/hash", "d1".into()),
            ("/approvals/given/0/by", "lee".into()),
            ("/approvals/needed", 2.into()),
            ("/approvals/missing", 1.into()),
            ("/allowed", serde_json::json!(["approved", "blocked", "aborted"])),
            ("/last_step/to", "decided".into()),
            ("/wait", Json::Null),
        ] {
            assert_eq!(status.pointer(field), Some(&expected), "{field}: {status}");
        }
    }
}

#[test]
fn the_sensor_says_how_it_ended() {
    let place = place();
    let (mut ledger, key) = (ledger(&place), key(DAY));
    let wait = |state: &str| {
        let outcome = cycle(&place, "status", &["--wait", state, "--timeout", "300ms", "--format", "json"]);
        let status: Json = serde_json::from_str(&outcome.stdout).expect("JSON");
        (outcome.code.unwrap(), status["wait"]["outcome"].as_str().unwrap().to_owned(), status["state"].clone())
    };
    assert_eq!(wait("decided"), (3, "timed_out".into(), Json::Null), "not registered yet");
    ledger.register(&key, "job").expect("registered");
    assert_eq!(wait("registered"), (0, "reached".into(), "registered".into()));
    assert_eq!(wait("decided"), (3, "timed_out".into(), "registered".into()));
    decided(&mut ledger, &key, "kim", "d1");
    assert_eq!(wait("decided"), (0, "reached".into(), "decided".into()));
    assert_eq!(wait("computed"), (0, "reached".into(), "decided".into()), "further on is reached");
    assert_eq!(wait("paid"), (3, "timed_out".into(), "decided".into()));
    assert_eq!(cycle(&place, "stage", &["--to", "blocked", "--note", "x"]).code, Some(0));
    assert_eq!(wait("decided"), (1, "failed".into(), "blocked".into()));
    assert_eq!(wait("blocked"), (0, "reached".into(), "blocked".into()), "it is what was waited for");
    decided(&mut ledger, &key, "kim", "d1");
    assert_eq!(cycle(&place, "stage", &["--to", "aborted", "--note", "x"]).code, Some(0));
    assert_eq!(wait("registered"), (1, "failed".into(), "aborted".into()));
}

#[test]
fn the_sensor_waits_for_what_is_yet_to_come() {
    let place = place();
    let mut command = place.command();
    command.args(["status", "payout", "--param", "payout_date=2026-11-13", "--wait", "decided", "--timeout", "1m"]);
    let started_at = Instant::now();
    let sensor = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("recon");
    let (mut ledger, key) = (ledger(&place), key(DAY));
    std::thread::sleep(Duration::from_millis(600));
    let mut run = started(&mut ledger, &key, &Begin::by("kim"));
    std::thread::sleep(Duration::from_millis(600));
    to_checked(&mut run);
    run.decide(RunVerdict::Clean, &summary("d1"), &[], "{}").expect("decided");
    let output = sensor.wait_with_output().expect("it ended");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(started_at.elapsed() > Duration::from_millis(1200) && started_at.elapsed() < Duration::from_secs(30));
    assert!(String::from_utf8_lossy(&output.stdout).contains("decided since"));
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let place = place();
    let unknown = cycle(&place, "status", &["--format", "json"]);
    assert!(unknown.code == Some(2) && unknown.stdout.is_empty(), "{unknown}");
    assert!(
        unknown.stderr.contains("there is no cycle payout payout_date=2026-11-13 in the ledger sqlite:"),
        "{unknown}"
    );
    assert!(unknown.stderr.contains("recon verify payout --param payout_date=2026-11-13"), "{unknown}");
    for (arguments, why) in [
        (vec!["status", "payot"], "did you mean `payout`?"),
        (vec!["status", "payout"], "needs the parameter `payout_date` (date)"),
        (vec!["status", "payout", "--param", "payout_date=13.11.2026"], "13.11.2026"),
        (vec!["status", "payout", "--param", "day=2026-11-13"], "has no parameter `day`"),
        (vec!["status", "payout", "--param", "payout_date=2026-11-13", "--wait", "decied"], "did you mean `decided`?"),
        (vec!["status", "payout", "--param", "payout_date=2026-11-13", "--wait", "piad"], "did you mean `paid`?"),
        (vec!["status", "payout", "--param", "payout_date=2026-11-13", "--wait", "elsewhere"], "`payment_requested`"),
        (vec!["status", "payout", "--param", "payout_date=2026-11-13", "--timeout", "2h"], "--wait"),
        (
            vec!["status", "payout", "--param", "payout_date=2026-11-13", "--wait", "paid", "--timeout", "x"],
            "is not a time",
        ),
    ] {
        let outcome = place.recon(&arguments);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(why), "{arguments:?}: {outcome}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
}

//! What the evening job asks: before its hour, at it, after it, when it was missed.

use serde_json::Value as Json;

use super::{PROJECT, json, place, text};
use crate::support::Place;

fn ids(due: &Json) -> Vec<&str> {
    due.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[test]
fn tomorrow_is_the_payout_day_so_it_is_verified_the_same_evening() {
    let place = place();
    let due = |at: &str| json(&place, &["due", "investors", "--at", at]);
    for at in ["2026-11-11T23:00", "2026-11-12T17:59:59", "2026-11-14T00:00"] {
        assert_eq!(due(at), serde_json::json!([]), "{at}");
    }
    let evening = due("2026-11-12T18:00");
    assert_eq!(
        evening,
        serde_json::json!([{
            "id": "payout/payout_date=2026-11-13",
            "reconciliation": "payout",
            "params": {"payout_date": "2026-11-13"},
            "base_days": ["2026-11-05"],
            "payout_day": "2026-11-13",
            "register_at": "2026-11-12T18:00:00+09:00",
            "verify_at": "2026-11-12T22:00:00+09:00",
            "state": "waiting",
            "registered": true,
            "new": true,
            "cycle": "registered",
            "released": false,
            "command": "recon verify payout --param payout_date=2026-11-13",
        }])
    );
    // However often and however late it is asked: the same verification.
    for at in ["2026-11-12T18:00:00+09:00", "2026-11-12T09:00:00Z", "2026-11-12T21:59:59", "2026-11-13T23:59:59"] {
        assert_eq!(ids(&due(at)), ids(&evening), "{at}");
    }
    assert_eq!(
        (&due("2026-11-13T01:00")[0]["registered"], &due("2026-11-13T01:00")[0]["new"]),
        (&true.into(), &false.into())
    );
    assert_eq!(due("2026-11-12T21:59:59")[0]["state"], "waiting");
    assert_eq!(due("2026-11-12T22:00:00")[0]["state"], "due");
}

#[test]
fn the_payout_day_is_behind_a_weekend_so_it_is_verified_next_morning() {
    let place = place();
    let due = |at: &str| json(&place, &["due", "investors", "--at", at]);
    assert_eq!(due("2026-11-20T17:59"), serde_json::json!([]));
    let friday = due("2026-11-20T18:00");
    assert_eq!(friday[0]["verify_at"], "2026-11-21T02:00:00+09:00");
    assert_eq!(friday[0]["id"], "payout/payout_date=2026-11-23");
    // On Sunday evening tomorrow is the payout day: it is the same verification, not another one at 22:00.
    let sunday = due("2026-11-22T18:00");
    assert_eq!((ids(&sunday), &sunday[0]["verify_at"]), (ids(&friday), &friday[0]["verify_at"]));
    assert_eq!(sunday[0]["state"], "due");
}

#[test]
fn near_may_mean_tomorrow() {
    let place = place();
    place.write("recon.toml", format!("{PROJECT}near = \"day\"\n"));
    let due = |at: &str| json(&place, &["due", "investors", "--at", at]);
    assert_eq!(due("2026-11-21T18:00"), serde_json::json!([]));
    assert_eq!(due("2026-11-22T18:00")[0]["verify_at"], "2026-11-22T22:00:00+09:00");
}

#[test]
fn two_payouts_whose_evenings_touch_are_two_verifications() {
    let place = Place::new();
    // Base days Thursday and Friday, one business day: paid on Friday and on Monday.
    place.write(
        "recon.toml",
        PROJECT
            .replace("[5, 15, 25]", "[5, 6]")
            .replace("business_day = 6", "business_day = 1")
            .replace("[\"korea\", { store = \"core\", table = \"holiday\" }]", "[\"korea\"]"),
    );
    let due = |at: &str| json(&place, &["due", "investors", "--at", at]);
    // The window of a base day is open until it is over: not the same evening, though tomorrow is the payout day.
    let thursday = due("2026-11-05T18:00");
    assert_eq!(
        (ids(&thursday), &thursday[0]["verify_at"]),
        (vec!["payout/payout_date=2026-11-06"], &Json::from("2026-11-06T02:00:00+09:00"))
    );
    let friday = due("2026-11-06T18:00");
    assert_eq!(ids(&friday), ["payout/payout_date=2026-11-06", "payout/payout_date=2026-11-09"]);
    assert_eq!(friday[1]["verify_at"], "2026-11-07T02:00:00+09:00");
    // Saturday and Sunday: both are paid on Monday, and verified once, after the later base day.
    let both = due("2026-12-06T18:00");
    assert_eq!(ids(&both), ["payout/payout_date=2026-12-07"]);
    assert_eq!(both[0]["base_days"], serde_json::json!(["2026-12-05", "2026-12-06"]));
    assert_eq!(both[0]["verify_at"], "2026-12-07T02:00:00+09:00");
    assert_eq!(due("2026-12-05T18:00"), serde_json::json!([]));
}

#[test]
fn windows_are_handed_over_and_the_command_can_be_typed() {
    let place = Place::new();
    let project = PROJECT
        .replace("{ payout_date = \"date\" }", "{ window_from = \"date\", window_to = \"date\" }")
        .replace(
            "param = \"payout_date\"",
            "params = { window_to = \"base_day\", window_from = \"previous_base_day\" }",
        )
        .replace("[\"korea\", { store = \"core\", table = \"holiday\" }]", "[\"korea\"]");
    place.write("my project.toml", format!("{project}[profiles.ci.stores.core]\nurl = \"sqlite:ci.db\"\n"));
    let all =
        ["--config", "my project.toml", "--profile", "ci", "calendar", "due", "investors", "--at", "2026-11-12T18:00"];
    let outcome = place.recon(&[&all[..], &["--format", "json"]].concat());
    let due: Json = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(
        due[0]["command"],
        "recon --config 'my project.toml' --profile ci verify payout --param window_from=2026-10-25 --param window_to=2026-11-05"
    );
    assert_eq!(due[0]["id"], "payout/window_from=2026-10-25&window_to=2026-11-05");
}

#[test]
fn what_people_read() {
    let place = place();
    insta::assert_snapshot!(text(&place, &["due", "investors", "--at", "2026-11-12T18:00"]));
    insta::assert_snapshot!(text(&place, &["due", "investors", "--at", "2026-11-20T18:00"]));
    insta::assert_snapshot!(text(&place, &["due", "investors", "--at", "2026-11-10T18:00"]));
}

#[test]
fn clocks_that_are_put_forward_do_not_lose_a_verification() {
    let place = Place::new();
    // 02:00 on 2026-03-29 is not there in Berlin: 03:00 is. Friday 27th looks, Monday 30th pays.
    let berlin = PROJECT
        .replace("Asia/Seoul", "Europe/Berlin")
        .replace("[5, 15, 25]", "[28]")
        .replace("business_day = 6", "business_day = 1")
        .replace("[\"korea\", { store = \"core\", table = \"holiday\" }]", "[]");
    place.write("recon.toml", berlin);
    let list = json(&place, &["list", "investors", "--from", "2026-03-28", "--to", "2026-03-28"]);
    assert_eq!(list[0]["verify_at"], "2026-03-29T03:00:00+02:00");
}

/// The cycles in the ledger, with who registered each and how often it was written down.
fn cycles(place: &Place) -> Vec<(String, String, usize)> {
    use recon::ledger::{Ledger, Process};
    let url = format!("sqlite:{}", place.path().join("recon.db").display());
    let mut ledger = Ledger::open(&recon::config::Secret::new(url), Process::current()).expect("a ledger");
    let cycles = ledger.history(None, None, 100).expect("cycles");
    let audit = ledger.audit_entries(1, 1000).expect("entries");
    cycles
        .iter()
        .map(|cycle| {
            let steps = ledger.steps(cycle.id).expect("steps");
            let written = audit.iter().filter(|entry| {
                entry.what == "registered" && entry.detail.contains(&format!("\"cycle\":{},", cycle.id))
            });
            assert_eq!(written.count(), steps.len(), "{}", cycle.key);
            (cycle.key.to_string(), steps[0].by.clone(), steps.len())
        })
        .collect()
}

#[test]
fn twenty_evening_jobs_at_once_register_a_verification_once() {
    let place = place();
    // Two are near: each must be registered once, and by one of the jobs.
    place.write("recon.toml", PROJECT.replace("[5, 15, 25]", "[5, 6]").replace("business_day = 6", "business_day = 1"));
    let jobs: Vec<_> = (0..20)
        .map(|job| {
            let mut command = place.command();
            command.args(["calendar", "due", "investors", "--at", "2026-11-06T18:00", "--format", "json"]);
            command.args(["--by", &format!("job {job}")]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("recon")
        })
        .collect();
    let mut new = [0, 0];
    for job in jobs {
        let output = job.wait_with_output().expect("it ended");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let due: Json = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(ids(&due), ["payout/payout_date=2026-11-06", "payout/payout_date=2026-11-09"]);
        for (count, one) in new.iter_mut().zip(due.as_array().unwrap()) {
            assert_eq!(one["registered"], true);
            *count += usize::from(one["new"] == true);
        }
    }
    assert_eq!(new, [1, 1], "each is new to one job");
    let cycles = cycles(&place);
    let names: Vec<_> = cycles.iter().map(|(name, _, steps)| (name.as_str(), *steps)).collect();
    assert_eq!(names, [("payout payout_date=2026-11-09", 1), ("payout payout_date=2026-11-06", 1)]);
    assert!(cycles.iter().all(|(_, by, _)| by.starts_with("job ")), "{cycles:?}");
}

#[test]
fn who_registers_is_written_down() {
    let due = ["calendar", "due", "investors", "--at", "2026-11-12T18:00"];
    for (environment, more, by) in [
        (&[("RECON_USER", "evening"), ("USER", "root")][..], &["--by", " kim "][..], Some("kim")),
        (&[("RECON_USER", "evening"), ("USER", "someone")], &[], Some("evening")),
        (&[("RECON_USER", ""), ("USER", "someone")], &[], Some("someone")),
        (&[("LOGNAME", "logged in")], &[], Some("logged in")),
        // The name of the account, whatever it is here.
        (&[], &[], None),
    ] {
        let place = environment.iter().fold(place(), |place, (name, value)| place.env(name, value));
        let outcome = place.recon(&[&due[..], more].concat());
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let registered = cycles(&place);
        assert!(!registered[0].1.is_empty() && by.is_none_or(|by| by == registered[0].1), "{registered:?}");
    }
    let nobody = place().recon(&[&due[..], &["--by", " "]].concat());
    assert!(nobody.code == Some(2) && nobody.stderr.contains("`--by` needs a name"), "{nobody}");
}

#[test]
fn a_dry_run_and_a_calendar_of_no_reconciliation_register_nothing() {
    let place = place();
    let at = ["due", "investors", "--at", "2026-11-12T18:00"];
    let dry = json(&place, &[&at[..], &["--dry-run"]].concat());
    assert_eq!((&dry[0]["registered"], &dry[0]["new"]), (&false.into(), &false.into()));
    assert!(text(&place, &[&at[..], &["--dry-run"]].concat()).contains("a dry run registers nothing"));
    // Nothing is due: the ledger is not asked.
    assert_eq!(json(&place, &["due", "investors", "--at", "2026-11-12T17:00"]), serde_json::json!([]));
    place.write("recon.toml", PROJECT.replace("reconciliation = \"payout\"\nparam = \"payout_date\"\n", ""));
    let nobody = json(&place, &at);
    assert_eq!((&nobody[0]["payout_day"], &nobody[0]["id"]), (&"2026-11-13".into(), &Json::Null));
    assert_eq!((&nobody[0]["registered"], &nobody[0]["command"]), (&false.into(), &Json::Null));
    insta::assert_snapshot!(text(&place, &at));
    assert!(!place.path().join("recon.db").exists(), "no ledger was made");
}

#[test]
fn a_ledger_that_cannot_be_reached_is_said() {
    let place = place();
    place.write("recon.toml", format!("{PROJECT}[ledger]\nurl = \"postgres://recon:hunter2@127.0.0.1:1/ledger\"\n"));
    let outcome = place.recon(&["calendar", "due", "investors", "--at", "2026-11-12T18:00", "--format", "json"]);
    assert!(outcome.code == Some(3) && outcome.stderr.contains("cannot be reached"), "{outcome}");
    assert!(outcome.stdout.is_empty() && !outcome.stderr.contains("hunter2"), "{outcome}");
}

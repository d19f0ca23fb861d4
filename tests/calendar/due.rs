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
            "registered": false,
            "command": "recon verify payout --param payout_date=2026-11-13",
        }])
    );
    // However often and however late it is asked: the same verification.
    for at in ["2026-11-12T18:00:00+09:00", "2026-11-12T09:00:00Z", "2026-11-12T21:59:59", "2026-11-13T23:59:59"] {
        assert_eq!(ids(&due(at)), ids(&evening), "{at}");
    }
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

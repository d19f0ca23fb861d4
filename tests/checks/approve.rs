//! Four eyes, and switching on and off.

use crate::{NET, checks, done, json, ledger, place, place_with, refused, sql, steady};

#[test]
fn an_edit_waits_until_somebody_else_approves_it() {
    let _steady = steady();
    let place = place_with("[checks]\napproval = true\n");
    place.write("checks/net.sql", NET);
    done(&place, &["push", "--by", "kim"]);
    insta::assert_snapshot!("waiting", done(&place, &["list"]));
    refused(
        &place,
        4,
        &["approve", "net", "--by", "Kim"],
        &["kim edited `net` since it was last approved", "somebody else must"],
    );
    insta::assert_snapshot!("first_approval", done(&place, &["approve", "net", "--by", "lee"]));
    // With plain SQL, by nobody knows whom: two people, and what was approved decides until then.
    sql(&place, "UPDATE recon_checks SET query = 'SELECT 2'");
    insta::assert_snapshot!("one_of_two", done(&place, &["approve", "net", "--by", "lee"]));
    insta::assert_snapshot!("shown_waiting", done(&place, &["show", "net"]));
    insta::assert_snapshot!("listed_waiting", done(&place, &["list"]));
    let check = json(&place, &["show", "net"]);
    assert_eq!((&check["decides"], &check["current"]["approvals_needed"]), (&1.into(), &2.into()));
    insta::assert_snapshot!("two_of_two", done(&place, &["approve", "net", "--by", "park", "--version", "2"]));
    refused(&place, 2, &["approve", "net", "--by", "park", "--version", "3"], &["there is no version 3 of `net`"]);
    // What is no check is never approved.
    sql(&place, "UPDATE recon_checks SET stage = 'after'");
    refused(
        &place,
        2,
        &["approve", "net", "--by", "park"],
        &["version 3 of `net` cannot be approved", "`stage` is `after`"],
    );
    // Nor does a deletion count, or a switch, before it is approved.
    sql(&place, "DELETE FROM recon_checks");
    let list = json(&place, &["list"]);
    assert_eq!(
        (&list["checks"][0]["state"], &list["checks"][0]["decides"]),
        (&serde_json::json!(["deleted", "waits for approval"]), &2.into())
    );
    done(&place, &["approve", "net", "--by", "park"]);
    let gone = done(&place, &["approve", "net", "--by", "lee"]);
    assert!(gone.contains("is approved (2 of 2)"), "{gone}");
    assert_eq!(json(&place, &["list"])["checks"], serde_json::json!([]));
    refused(&place, 2, &["show", "net"], &["there is no check `net`"]);
    assert_eq!(checks(&place, &["approve", "net"]).code, Some(2), "somebody must say who");
}

#[test]
fn without_approval_an_edit_counts_at_once() {
    let place = place();
    place.write("checks/net.sql", NET);
    assert!(done(&place, &["push"]).contains("it decides from the next run on"));
    assert_eq!(json(&place, &["list"])["checks"][0]["decides"], 1);
    let told = done(&place, &["approve", "net", "--by", "lee"]);
    assert!(told.contains("recon.toml does not ask for approval"), "{told}");
    sql(&place, "DELETE FROM recon_checks");
    assert_eq!(json(&place, &["list"])["checks"], serde_json::json!([]), "gone at once");
}

#[test]
fn switching_on_and_off_says_why() {
    let _steady = steady();
    let place = place();
    place.write("checks/net.sql", NET);
    done(&place, &["push"]);
    refused(&place, 2, &["disable", "net", "--reason", " "], &["a reason is needed"]);
    assert_eq!(checks(&place, &["disable", "net"]).code, Some(2));
    assert_eq!(done(&place, &["disable", "net", "--reason", "too slow", "--by", "kim"]), "net: off, version 2\n");
    assert_eq!(done(&place, &["disable", "net", "--reason", "too slow"]), "net is off already\n");
    assert_eq!(json(&place, &["list"])["checks"][0]["state"], serde_json::json!(["off"]));
    assert_eq!(done(&place, &["enable", "net"]), "net: on, version 3\n");
    assert_eq!(done(&place, &["enable", "net"]), "net is on already\n");
    ledger(&place).trip_check(None, "net", 3, "900 violations of 1000").expect("tripped");
    let list = json(&place, &["list"]);
    assert_eq!(
        (&list["checks"][0]["state"], &list["checks"][0]["tripped"]),
        (&serde_json::json!(["tripped"]), &"900 violations of 1000".into())
    );
    refused(&place, 2, &["enable", "net"], &["it flagged too much: 900 violations of 1000", "give a reason"]);
    insta::assert_snapshot!("on_again", done(&place, &["enable", "net", "--reason", "the zero is back"]));
    insta::assert_snapshot!("history_switched", done(&place, &["history", "net"]));
    for command in [&["enable", "ten"][..], &["disable", "ten", "--reason", "why"]] {
        refused(&place, 2, command, &["there is no check `ten`"]);
    }
    // What is off for the next run stays off in a file that is pulled.
    done(&place, &["disable", "net", "--reason", "once more"]);
    assert!(done(&place, &["pull"]).contains("+-- enabled: false"));
}

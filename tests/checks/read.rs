//! What `list`, `show` and `history` say.

use recon::ledger::{Begin, CheckResult, RunVerdict};

use crate::engine::{key, started, summary, to_checked};
use crate::support::Place;
use crate::{NET, checks, done, json, ledger, place, sql, steady};

fn result(name: &str, version: u64, role: &str, outcome: &str, at: &str) -> CheckResult {
    let violations = u64::from(outcome == "fail") * 7;
    let sample = |n: u64| format!("{{\"investor_id\":\"{n}\",\"net\":\"-0.10\",\"note\":\"\\u001b[2J\"}}");
    CheckResult {
        name: name.into(),
        role: role.into(),
        stage: "compared".into(),
        version,
        outcome: outcome.into(),
        severity: "error".into(),
        violations,
        examined: Some(1_000),
        message: if violations > 0 { "7 violations of 1000".into() } else { String::new() },
        samples: format!("[{}]", (0..violations).map(sample).collect::<Vec<_>>().join(",")),
        started_at: at.into(),
        duration_ms: 12,
        ..CheckResult::default()
    }
}

/// Three checks, two runs, and an edit between them.
fn full() -> Place {
    let place = place();
    place.write("checks/net.sql", NET);
    done(&place, &["push", "--by", "kim"]);
    sql(
        &place,
        "INSERT INTO recon_checks (name, store, query, severity, examines, updated_by, updated_at) VALUES \
         ('funding', 'core', 'SELECT 1', 'warn', 'SELECT COUNT(*) FROM legacy', 'lee', '2026-11-12 09:00:00'); \
         INSERT INTO recon_checks (name, kind, query, stage, reconciliation) VALUES ('odd\t\u{1b}[2J', 'run', 'SELECT 1', 'after', 'other')",
    );
    let mut ledger = ledger(&place);
    ledger.note_checks().expect("noted");
    let mut run = started(&mut ledger, &key(20_770), &Begin::by("kim"));
    let at = "2026-11-12T22:00:00.000Z";
    run.record_check_results(&[result("net", 1, "decides", "pass", at), result("funding", 1, "decides", "warn", at)])
        .expect("kept");
    to_checked(&mut run);
    run.decide(RunVerdict::Clean, &summary("d1"), &[], "null").expect("decided");
    sql(
        &place,
        "UPDATE recon_checks SET query = 'SELECT investor_id FROM candidate', updated_by = 'lee', updated_at = '2026-11-20 17:00:00' WHERE name = 'net'",
    );
    ledger.note_checks().expect("noted");
    let mut run = started(&mut ledger, &key(20_780), &Begin::by("kim"));
    let at = "2026-11-22T22:00:00.000Z";
    run.record_check_results(&[result("net", 2, "decides", "fail", at), result("net", 1, "shadow", "pass", at)])
        .expect("kept");
    run.block(RunVerdict::Blocked, &["net fails".into()], "null").expect("blocked");
    place
}

#[test]
fn what_people_read() {
    let _steady = steady();
    let place = place();
    assert!(done(&place, &["list"]).starts_with("no check yet: `recon checks new NAME` begins one"));
    let place = full();
    insta::assert_snapshot!("list", done(&place, &["list"]));
    insta::assert_snapshot!("show", done(&place, &["show", "net"]));
    insta::assert_snapshot!("show_malformed", done(&place, &["show", "odd\t\u{1b}[2J"]));
    insta::assert_snapshot!("show_examines", done(&place, &["show", "funding", "--results", "0"]));
    insta::assert_snapshot!("history", done(&place, &["history", "net"]));
    let of_payout = done(&place, &["list", "--reconciliation", "payout"]);
    assert!(of_payout.contains("funding") && !of_payout.contains("odd"), "{of_payout}");
    assert_eq!(checks(&place, &["list", "--reconciliation", "pay"]).code, Some(2));
}

#[test]
fn what_programs_read() {
    let place = full();
    let list = json(&place, &["list"]);
    assert_eq!((&list["schema"], &list["approval"]), (&"recon.checks/1".into(), &false.into()));
    let net = &list["checks"][1];
    assert_eq!((&net["name"], &net["version"], &net["decides"]), (&"net".into(), &2.into(), &2.into()));
    assert_eq!(
        (&net["last"]["run"], &net["last"]["outcome"], &net["last"]["violations"]),
        (&"2-1".into(), &"fail".into(), &7.into())
    );
    assert_eq!(net["last"].get("samples"), None);
    let odd = &list["checks"][2];
    assert!(
        odd["state"] == serde_json::json!(["malformed"])
            && odd["malformed"][0].as_str().unwrap().starts_with("`stage` is `after`"),
        "{odd}"
    );
    let show = json(&place, &["show", "net", "--results", "1"]);
    assert_eq!(
        (&show["schema"], &show["query"]),
        (&"recon.check/1".into(), &"SELECT investor_id FROM candidate".into())
    );
    assert_eq!((&show["current"]["author"], &show["current"]["how"]), (&"lee".into(), &"sql".into()));
    assert_eq!(
        (show["results"].as_array().unwrap().len(), &show["results"][0]["samples"][6]["net"]),
        (1, &"-0.10".into())
    );
    let history = json(&place, &["history", "net"]);
    assert_eq!(history["schema"], "recon.check-history/1");
    let of = |version: usize| {
        let version = &history["versions"][version];
        let results = version["results"].as_array().unwrap().iter();
        let results: Vec<_> = results
            .map(|one| {
                format!(
                    "{} {} {}",
                    one["run"].as_str().unwrap(),
                    one["role"].as_str().unwrap(),
                    one["outcome"].as_str().unwrap()
                )
            })
            .collect();
        (version["version"].as_u64().unwrap(), version["text"].as_str().unwrap().to_owned(), results)
    };
    assert_eq!(of(0), (2, "SELECT investor_id FROM candidate".into(), vec!["2-1 decides fail".to_owned()]));
    assert_eq!(
        of(1),
        (
            1,
            "SELECT investor_id, net\nFROM candidate\nWHERE net < 0".into(),
            vec!["2-1 shadow pass".to_owned(), "1-1 decides pass".into()]
        )
    );
    // Looking changes nothing: an edit is noticed by the next run, or by whoever approves it.
    sql(&place, "UPDATE recon_checks SET query = 'SELECT 3' WHERE name = 'net'");
    let show = json(&place, &["show", "net"]);
    assert_eq!((&show["current"]["version"], &show["noticed"]), (&3.into(), &false.into()));
    json(&place, &["history", "net"]);
    assert_eq!(ledger(&place).check_versions("net").expect("read").len(), 2);
}

//! `recon release`: four eyes, decisions that were changed, a release that was cut off, many at once.

use std::process::Stdio;

use recon::domain::State;

use crate::engine::{key, state};
use crate::support::{self, Place};
use crate::{DAY, PAYOUT, PROJECT, cycle, json, ledger};

/// A cycle that kim has verified: two investors agree, one gets the legacy value.
fn verified(approvals: &str) -> Place {
    verified_as(&PROJECT.replace("approvals = 2", approvals))
}

fn verified_as(project: &str) -> Place {
    let place = Place::new().env("RECON_USER", "kim");
    place.write("recon.toml", format!("{project}\n[reconciliation.payout.columns]\nnet = {{ type = \"decimal\" }}\n"));
    support::sqlite(
        &place.path().join("core.db"),
        "CREATE TABLE legacy (investor_id INTEGER PRIMARY KEY, net TEXT); \
         INSERT INTO legacy VALUES (1, '10.00'), (2, '20.00'), (3, '30.00'); \
         CREATE TABLE candidate (investor_id INTEGER PRIMARY KEY, net TEXT); \
         INSERT INTO candidate VALUES (1, '10.00'), (2, '20.00'), (3, '30.01');",
    );
    let outcome = cycle(&place, "verify", &[]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    place
}

fn release(place: &Place, by: &str) -> support::Outcome {
    cycle(place, "release", &["--by", by])
}

fn query(place: &Place, sql: &str) -> Vec<String> {
    use sqlx::{Connection, Row};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.path().join("core.db"));
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a database");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect("rows");
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    })
}

/// What the payer reads.
fn paid(place: &Place) -> Vec<String> {
    query(
        place,
        "SELECT CAST(investor_id AS TEXT) || ' ' || net || ' ' || recon_source FROM payout_decision_released ORDER BY investor_id",
    )
}

const PAID: [&str; 3] = ["1 10.00 candidate", "2 20.00 candidate", "3 30.00 legacy"];

fn changes(place: &Place, sql: &str) {
    support::sqlite(&place.path().join("core.db"), sql);
}

#[test]
fn somebody_else_releases_and_the_payer_reads() {
    let place = verified("approvals = 1");
    assert_eq!(paid(&place), [""; 0], "nothing before the release");
    for own in ["kim", " Kim "] {
        let own = release(&place, own);
        assert!(own.code == Some(4) && own.stderr.contains("cannot approve its decisions"), "{own}");
    }
    assert_eq!(paid(&place), [""; 0]);
    let released = cycle(&place, "release", &["--by", "lee", "--format", "json"]);
    let json = json(&released, 0);
    assert_eq!(
        (&json["schema"], &json["released"], &json["state"]),
        (&"recon.release/1".into(), &true.into(), &"released".into())
    );
    assert_eq!((&json["run"], &json["approvals"]["given"][0]["by"]), (&"1-1".into(), &"lee".into()));
    assert_eq!((&json["decisions"]["candidate"], &json["decisions"]["legacy"]), (&2.into(), &1.into()));
    assert_eq!(json["decisions"]["total"]["net"], "60.00");
    assert_eq!(paid(&place), PAID);
    let again = release(&place, "park");
    assert!(again.code == Some(4) && again.stderr.contains("is released already, by lee at "), "{again}");
    assert!(again.stderr.contains("recon stage … --to messages_prepared"), "{again}");
    assert_eq!(paid(&place), PAID);
}

#[test]
fn two_approvals_are_by_two_people() {
    let place = verified("approvals = 2");
    for _ in 0..2 {
        let first = release(&place, "lee");
        assert!(
            first.code == Some(0) && first.stdout.contains("is not released yet: 1 of 2 approvals; it stays decided"),
            "{first}"
        );
    }
    let json = json(&cycle(&place, "release", &["--by", "LEE", "--format", "json"]), 0);
    assert_eq!(
        (&json["released"], &json["state"], &json["approvals"]["missing"]),
        (&false.into(), &"decided".into(), &1.into())
    );
    assert_eq!(paid(&place), [""; 0]);
    let second = release(&place, "park");
    assert!(
        second.code == Some(0) && second.stdout.contains("is released: the payer reads the decisions of run 1-1"),
        "{second}"
    );
    assert_eq!(paid(&place), PAID);
}

#[test]
fn without_the_section_whoever_verified_may_release() {
    let place = verified_as(&PROJECT.replace("[reconciliation.payout.release]\napprovals = 2\n", ""));
    let released = release(&place, "kim");
    assert!(released.code == Some(0), "{released}");
    assert_eq!(paid(&place), PAID);
}

#[test]
fn decisions_that_were_changed_are_not_released() {
    for (sql, said) in [
        ("UPDATE payout_decision SET net = '30.02' WHERE investor_id = 3", "with other values"),
        (
            "UPDATE payout_decision SET recon_source = 'candidate' WHERE investor_id = 3",
            "3 candidate, 0 legacy and 0 held are there",
        ),
        (
            "DELETE FROM payout_decision WHERE investor_id = 1",
            "1 candidate, 1 legacy and 0 held are there; 2, 1 and 0 were verified",
        ),
        (
            "INSERT INTO payout_decision SELECT 4, net, recon_source, recon_reason, recon_cycle, recon_run, recon_snapshot FROM \
             (SELECT * FROM payout_decision WHERE investor_id = 1)",
            "3 candidate",
        ),
    ] {
        let place = verified("approvals = 1");
        changes(&place, sql);
        let refused = release(&place, "lee");
        assert!(refused.code == Some(4) && refused.stderr.contains(said), "{sql}: {refused}");
        assert!(refused.stderr.contains("are not those that run 1-1 verified"), "{sql}: {refused}");
        assert_eq!(state(&mut ledger(&place), &key(DAY)), State::Decided, "{sql}");
        assert!(ledger(&place).status(&key(DAY)).expect("read").expect("a cycle").approvals.is_empty(), "{sql}");
        assert_eq!(paid(&place), [""; 0], "{sql}");
    }
    let place = verified("approvals = 1");
    changes(&place, "DELETE FROM payout_decision");
    let gone = release(&place, "lee");
    assert!(matches!(gone.code, Some(3 | 4)), "{gone}");
    assert_eq!(state(&mut ledger(&place), &key(DAY)), State::Decided);
}

/// The ledger has released, and the process ended before the payer was told.
fn cut_off(place: &Place) {
    let mut ledger = ledger(place);
    let hash = ledger.status(&key(DAY)).expect("read").expect("a cycle").decisions.expect("decided").summary.hash;
    ledger.release(&key(DAY), "lee", &hash, 1).expect("released");
    assert_eq!(paid(place), [""; 0]);
}

#[test]
fn a_release_that_was_cut_off_is_finished() {
    let place = verified("approvals = 1");
    cut_off(&place);
    // Whoever comes finishes it, also who could not have released.
    let finished = release(&place, "kim");
    assert!(
        finished.code == Some(0) && finished.stdout.contains("was released before, and the payer did not see it yet"),
        "{finished}"
    );
    assert_eq!(paid(&place), PAID);
    assert_eq!(release(&place, "park").code, Some(4));
}

#[test]
fn a_release_that_was_cut_off_is_not_finished_with_other_decisions() {
    let place = verified("approvals = 1");
    cut_off(&place);
    changes(&place, "UPDATE payout_decision SET net = '99.00' WHERE investor_id = 3");
    let refused = release(&place, "park");
    assert!(refused.code == Some(4) && refused.stderr.contains("with other values"), "{refused}");
    assert_eq!(paid(&place), [""; 0]);
}

#[test]
fn what_cannot_be_read_is_not_released() {
    let place = verified("approvals = 1");
    changes(&place, "ALTER TABLE payout_decision RENAME TO elsewhere");
    let gone = release(&place, "lee");
    assert!(gone.code == Some(3) && gone.stderr.contains("cannot be read again"), "{gone}");
    assert_eq!(state(&mut ledger(&place), &key(DAY)), State::Decided);
}

#[test]
fn an_approval_does_not_outlive_its_decisions() {
    let place = verified("approvals = 2");
    assert_eq!(release(&place, "lee").code, Some(0));
    let again = cycle(&place, "verify", &["--again"]);
    assert_eq!(again.code, Some(0), "{again}");
    let released = release(&place, "park");
    assert!(released.stdout.contains("is not released yet: 1 of 2 approvals"), "{released}");
}

#[test]
fn of_ten_releases_at_once_each_ends_well_or_refused_and_one_is_written_down() {
    let place = verified("approvals = 1");
    let people: Vec<_> = (0..10)
        .map(|number| {
            let mut command = place.command();
            command.arg("release").args(PAYOUT).args(["--by", &format!("person {number}")]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("recon")
        })
        .collect();
    let mut released = 0;
    for person in people {
        let output = person.wait_with_output().expect("it ended");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => released += 1,
            code => assert_eq!(code, Some(4), "{said}"),
        }
    }
    assert!(released >= 1);
    let mut ledger = ledger(&place);
    let steps = ledger.steps(1).expect("steps");
    assert_eq!(steps.iter().filter(|step| step.to == State::Released).count(), 1);
    let audit = ledger.audit_entries(1, 1000).expect("entries");
    assert_eq!(audit.iter().filter(|entry| entry.what == "released").count(), 1);
    assert_eq!(paid(&place), PAID);
}

#[test]
fn decisions_in_a_file_are_released_as_well() {
    let project = PROJECT
        .replace("store = \"core\"\ntable = \"payout_decision\"", "file = \"out/decisions.csv\"")
        .replace("approvals = 2", "approvals = 1");
    let place = verified_as(&project);
    let file = place.path().join("out/decisions.csv");
    let kept = std::fs::read_to_string(&file).expect("decisions");
    std::fs::write(&file, kept.replace("30.00", "30.02")).expect("changed");
    let refused = release(&place, "lee");
    assert!(refused.code == Some(4) && refused.stderr.contains("are not those that run 1-1 verified"), "{refused}");
    std::fs::write(&file, kept).expect("put back");
    assert_eq!(release(&place, "lee").code, Some(0));
    assert_eq!(release(&place, "park").code, Some(4));
}

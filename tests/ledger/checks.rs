//! Checks in the ledger: what plain SQL writes is noticed and kept, four eyes, trips, results.

use recon::checks::{CheckRow, Definition};
use recon::ledger::{Begin, Chain, CheckResult, Ledger, NotedCheck, Process, RunVerdict, Trip};

use crate::engine::*;

fn noted(ledger: &mut Ledger, name: &str) -> NotedCheck {
    ledger.note_checks().expect("noted").into_iter().find(|check| check.row.name == name).expect("the check")
}

fn row(name: &str, query: &str) -> CheckRow {
    CheckRow {
        name: name.into(),
        kind: Some("run".into()),
        query: Some(query.into()),
        error_if: Some("0.5%".into()),
        timeout_ms: Some("1500".into()),
        description: Some("it's \\ \"한글\" ?".into()),
        ..CheckRow::default()
    }
}

fn insert(fresh: &Fresh, name: &str, query: &str) {
    fresh.sql(&format!("INSERT INTO recon_checks (name, kind, query) VALUES ('{name}', 'run', '{query}')"));
}

/// The current version's number, author and way.
fn told(check: &NotedCheck) -> (u64, Option<&str>, &str) {
    (check.current.version, check.current.author.as_deref(), check.current.how.as_str())
}

fn texts(ledger: &mut Ledger, name: &str) -> Vec<String> {
    let all = ledger.check_versions(name).expect("read");
    all.into_iter().map(|one| one.row.query.unwrap_or_else(|| "(deleted)".into())).collect()
}

fn intact(ledger: &mut Ledger) {
    assert!(matches!(ledger.verify_audit(), Ok(Chain::Intact { .. })), "{:?}", ledger.verify_audit());
}

fn entries(ledger: &mut Ledger, what: &str) -> usize {
    ledger.audit_entries(1, 10_000).expect("read").iter().filter(|entry| entry.what == what).count()
}

on_each_engine! {
    fn every_text_that_plain_sql_writes_is_kept(fresh: Fresh) {
        let mut ledger = fresh.open();
        assert_eq!(ledger.note_checks().expect("noted"), []);
        insert(&fresh, "net", "SELECT 1");
        // Looking writes nothing.
        let seen = ledger.check("net").expect("read").expect("a check");
        assert!(seen.is_new && told(&seen) == (1, None, "sql"));
        assert_eq!(ledger.check_versions("net").expect("read"), []);
        let first = noted(&mut ledger, "net");
        assert_eq!((first.is_new, told(&first)), (true, (1, None, "sql")));
        assert_eq!((first.current.time.clone(), first.current.needed), (first.current.noticed_at.clone(), 2));
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        assert_eq!((said(&first.row.stage), said(&first.row.severity), said(&first.row.enabled)), ("compared".into(), "error".into(), "true".into()));
        assert!(Definition::of(&first.row).is_ok_and(|definition| definition.enabled));
        assert!(!noted(&mut ledger, "net").is_new, "noticed once");

        fresh.sql("UPDATE recon_checks SET query = 'SELECT 2', updated_by = ' kim ', updated_at = CURRENT_TIMESTAMP WHERE name = 'net'");
        let second = noted(&mut ledger, "net");
        assert_eq!(told(&second), (2, Some("kim"), "sql"));
        assert!(second.current.time.starts_with("20") && second.current.time != second.current.noticed_at, "{second:?}");
        assert_eq!(second.current.needed, 2, "whoever wrote version 1 may be kim");
        // A name that stood there before says nothing of who made this edit.
        fresh.sql("UPDATE recon_checks SET query = 'SELECT 3' WHERE name = 'net'");
        assert_eq!(told(&noted(&mut ledger, "net")), (3, None, "sql"));
        // What decides nothing is no version, and who touched that did not make the next edit.
        fresh.sql("UPDATE recon_checks SET description = 'x', updated_by = 'lee', updated_at = 'today' WHERE name = 'net'");
        let touched = noted(&mut ledger, "net");
        assert_eq!((touched.is_new, told(&touched), said(&touched.row.description)), (false, (3, None, "sql"), "x".into()));
        fresh.sql("UPDATE recon_checks SET query = 'SELECT 1', error_if = 5 WHERE name = 'net'");
        assert_eq!(told(&noted(&mut ledger, "net")), (4, None, "sql"));
        // The same name again, and another time.
        fresh.sql("UPDATE recon_checks SET error_if = NULL, updated_by = 'lee', updated_at = 'later' WHERE name = 'net'");
        let back = noted(&mut ledger, "net");
        assert_eq!((told(&back), back.current.time.as_str()), ((5, Some("lee"), "sql"), "later"));
        assert_eq!(back.current.hash, first.current.hash, "an edit back is a version too");
        fresh.sql("UPDATE recon_checks SET enabled = FALSE WHERE name = 'net'");
        let off = noted(&mut ledger, "net");
        assert_eq!((told(&off).0, said(&off.row.enabled)), (6, "false".into()));
        fresh.sql("UPDATE recon_checks SET enabled = TRUE WHERE name = 'net'");
        assert_eq!(told(&noted(&mut ledger, "net")).0, 7);
        fresh.sql("DELETE FROM recon_checks");
        let gone = noted(&mut ledger, "net");
        assert!(gone.is_new && gone.current.deleted && gone.current.version == 8 && gone.last_run.is_none());
        assert_eq!((said(&gone.row.query), said(&gone.row.enabled)), ("SELECT 1".into(), "true".into()));
        assert!(!noted(&mut ledger, "net").is_new);
        insert(&fresh, "net", "SELECT 1");
        assert_eq!(told(&noted(&mut ledger, "net")).0, 9);
        assert_eq!(texts(&mut ledger, "net"), ["SELECT 1", "SELECT 2", "SELECT 3", "SELECT 1", "SELECT 1", "SELECT 1", "SELECT 1", "(deleted)", "SELECT 1"]);
        assert_eq!((entries(&mut ledger, "check_noticed"), entries(&mut ledger, "check_deleted")), (8, 1));
        intact(&mut ledger);
        // As the contract names the columns.
        fresh.sql("CREATE TABLE proof AS SELECT hash, text, author, time FROM recon_check_versions");
    }

    fn what_people_write_for_a_moment_is_taken(fresh: Fresh) {
        let mut ledger = fresh.open();
        insert(&fresh, "net", "SELECT 1");
        ledger.note_checks().expect("noted");
        let now = if fresh.is_sqlite() { "datetime('now')" } else { "now()" };
        fresh.sql(&format!("UPDATE recon_checks SET query = 'SELECT 2', updated_by = 'kim', updated_at = {now}, max_flag_rate = 0.05, timeout_ms = 500"));
        let check = noted(&mut ledger, "net");
        assert_eq!((told(&check), check.row.timeout_ms.as_deref(), check.row.max_flag_rate.as_deref()), ((2, Some("kim"), "sql"), Some("500"), Some("0.05")));
        assert!(check.current.time.starts_with("20"));
        assert!(Definition::of(&check.row).is_ok());
    }

    fn what_is_edited_is_noticed_once_by_many(fresh: Fresh) {
        let mut ledger = fresh.open();
        for round in 1..=4u64 {
            for n in 0..5 {
                fresh.sql(&format!("DELETE FROM recon_checks WHERE name = 'check {n}'"));
                insert(&fresh, &format!("check {n}"), &format!("SELECT {round}"));
            }
            let news: usize = std::thread::scope(|scope| {
                let all: Vec<_> = (0..4).map(|_| scope.spawn(|| fresh.open().note_checks().expect("noted"))).collect();
                all.into_iter().map(|one| one.join().expect("ended").iter().filter(|check| check.is_new).count()).sum()
            });
            assert_eq!(news, 5, "round {round}");
            for n in 0..5 {
                let versions = ledger.check_versions(&format!("check {n}")).expect("read");
                assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), (1..=round).collect::<Vec<_>>());
            }
        }
        intact(&mut ledger);
    }

    fn saving_never_writes_over_an_edit(fresh: Fresh) {
        let mut ledger = fresh.open();
        assert_eq!(ledger.save_check(&row("net", "SELECT '?', 1"), "kim", None).expect("saved"), 1);
        let check = noted(&mut ledger, "net");
        assert_eq!((check.is_new, told(&check), check.row.updated_by.as_deref()), (false, (1, Some("kim"), "command"), Some("kim")));
        assert_eq!(check.row.definition(), row("net", "SELECT '?', 1").content().definition());
        assert_eq!((check.row.description.as_deref(), check.current.needed), (Some("it's \\ \"한글\" ?"), 1));
        let error = ledger.save_check(&row("net", "SELECT 2"), "lee", None).expect_err("there is one");
        assert!(code(&error) == 4 && error.to_string().contains("already, last by kim"), "{error}");
        // A description is no new version, and still an edit.
        let seen = check.row.fingerprint();
        let described = CheckRow { description: Some("why".into()), ..row("net", "SELECT '?', 1") };
        assert_eq!(ledger.save_check(&described, "lee", Some(&seen)).expect("saved"), 1);
        assert!(!noted(&mut ledger, "net").is_new, "who touched it is noted");
        let error = ledger.save_check(&row("net", "SELECT 2"), "lee", Some(&seen)).expect_err("edited");
        assert!(code(&error) == 4 && error.to_string().contains("was edited meanwhile, last by lee"), "{error}");
        assert_eq!(texts(&mut ledger, "net"), ["SELECT '?', 1"]);
        // An edit that nobody has noticed yet is kept before it is replaced.
        fresh.sql("UPDATE recon_checks SET query = 'SELECT 2'");
        let seen = ledger.check_rows().expect("read")[0].fingerprint();
        assert_eq!(ledger.save_check(&row("net", "SELECT 3"), "kim", Some(&seen)).expect("saved"), 3);
        assert_eq!(texts(&mut ledger, "net"), ["SELECT '?', 1", "SELECT 2", "SELECT 3"]);
        fresh.sql("DELETE FROM recon_checks");
        let error = ledger.save_check(&row("net", "SELECT 4"), "kim", Some(&seen)).expect_err("deleted");
        assert!(code(&error) == 4 && error.to_string().contains("was deleted meanwhile"), "{error}");
        assert_eq!(ledger.save_check(&row("net", "SELECT 4"), "kim", None).expect("made again"), 5);
        // What is no check is not saved.
        for wrong in [
            CheckRow { stage: Some("after".into()), ..row("other", "SELECT 1") },
            CheckRow { warn_if: Some(format!("> {}", "1".repeat(40))), ..row("other", "SELECT 1") },
            CheckRow { owner: Some("x".repeat(191)), ..row("other", "SELECT 1") },
            row(&"x".repeat(191), "SELECT 1"),
            row("other", "SELECT '\0'"),
        ] {
            let error = ledger.save_check(&wrong, "kim", None).expect_err("no check");
            assert!(code(&error) == 2 && error.to_string().contains("cannot be understood"), "{error}");
        }
        assert_eq!(ledger.check_rows().expect("read").len(), 1);
        assert_eq!(entries(&mut ledger, "check_saved"), 3);
        intact(&mut ledger);
    }

    fn saving_at_once_saves_one(fresh: Fresh) {
        let saved: usize = std::thread::scope(|scope| {
            let save = |n: usize| fresh.open().save_check(&row("net", &format!("SELECT {n}")), "kim", None).is_ok();
            let all: Vec<_> = (0..6).map(|n| scope.spawn(move || save(n))).collect();
            all.into_iter().map(|one| usize::from(one.join().expect("ended"))).sum()
        });
        assert_eq!(saved, 1);
        assert_eq!(texts(&mut fresh.open(), "net").len(), 1);
    }

    fn an_edit_is_approved_by_somebody_else(fresh: Fresh) {
        let mut ledger = fresh.open();
        ledger.save_check(&row("net", "SELECT 1"), "kim", None).expect("saved");
        let first = noted(&mut ledger, "net");
        assert_eq!(first.approved, None, "nobody approved it");
        for own in ["kim", " KIM\u{200b} "] {
            let error = ledger.approve_check("net", 1, &first.current.hash, own).expect_err("own edit");
            assert!(code(&error) == 4 && error.to_string().contains("cannot approve version 1"), "{error}");
        }
        let error = ledger.approve_check("net", 1, &"0".repeat(64), "lee").expect_err("another text");
        assert!(code(&error) == 4 && error.to_string().contains("not what you looked at"), "{error}");
        for (name, version) in [("net", 2), ("nett", 1)] {
            assert_eq!(code(&ledger.approve_check(name, version, &first.current.hash, "lee").expect_err("none")), 2);
        }
        let approval = ledger.approve_check("net", 1, &first.current.hash, "lee").expect("approved");
        assert_eq!((approval.approved, approval.needed, approval.approvals.len()), (true, 1, 1));
        assert_eq!(ledger.approve_check("net", 1, &first.current.hash, "Lee").expect("once").approvals.len(), 1);
        assert_eq!(entries(&mut ledger, "check_approved"), 1);
        let approved = noted(&mut ledger, "net").approved.expect("approved");
        assert_eq!((approved.version, approved.row.query.as_deref()), (1, Some("SELECT 1")));

        // An edit decides nothing until it is approved: by two, when nobody knows whose it is.
        fresh.sql("UPDATE recon_checks SET query = 'SELECT 2'");
        let check = noted(&mut ledger, "net");
        assert_eq!((check.current.version, check.approved.as_ref()), (2, Some(&approved)));
        let approve = |ledger: &mut Ledger, version: u64, by: &str| {
            let all = ledger.check_versions("net").expect("read");
            let hash = all.iter().find(|one| one.version == version).expect("a version").hash.clone();
            ledger.approve_check("net", version, &hash, by)
        };
        assert!(!approve(&mut ledger, 2, "park").expect("one of two").approved);
        assert!(!approve(&mut ledger, 2, "PARK").expect("one of two").approved, "one person is not two");
        assert_eq!(noted(&mut ledger, "net").approved.expect("the first").version, 1);
        assert!(approve(&mut ledger, 2, "kim").expect("two of two").approved);
        assert_eq!(noted(&mut ledger, "net").approved.expect("approved").version, 2);

        // Who edited on the way to a version cannot approve it.
        let save = |ledger: &mut Ledger, query: &str, by: &str| {
            let seen = ledger.check_rows().expect("read")[0].fingerprint();
            ledger.save_check(&row("net", query), by, Some(&seen)).expect("saved")
        };
        assert_eq!((save(&mut ledger, "SELECT 3", "lee"), save(&mut ledger, "SELECT 4", "kim")), (3, 4));
        for own in ["lee", "kim"] {
            assert_eq!(code(&approve(&mut ledger, 4, own).expect_err("own work")), 4);
        }
        assert!(approve(&mut ledger, 4, "park").expect("approved").approved);
        let error = approve(&mut ledger, 3, "park").expect_err("too late");
        assert!(error.to_string().contains("version 4 of `net` is approved already"), "{error}");

        // A deletion decides nothing either, and what is no check cannot be approved.
        fresh.sql("DELETE FROM recon_checks");
        let gone = noted(&mut ledger, "net");
        assert_eq!((gone.current.deleted, gone.approved.map(|one| one.version)), (true, Some(4)));
        approve(&mut ledger, 5, "park").expect("one of two");
        assert_eq!(ledger.note_checks().expect("noted").len(), 1);
        approve(&mut ledger, 5, "lee").expect("two of two");
        assert_eq!(ledger.note_checks().expect("noted"), []);
        fresh.sql("INSERT INTO recon_checks (name, kind, query) VALUES ('net', 'what', 'SELECT 1')");
        assert!(noted(&mut ledger, "net").approved.expect("the deletion").deleted);
        let error = approve(&mut ledger, 6, "park").expect_err("no check");
        assert!(code(&error) == 2 && error.to_string().contains("`kind` is `what`"), "{error}");
        intact(&mut ledger);
    }

    fn an_approval_is_of_one_text(fresh: Fresh) {
        let mut ledger = fresh.open();
        ledger.save_check(&row("net", "SELECT 1"), "kim", None).expect("saved");
        let hash = noted(&mut ledger, "net").current.hash;
        ledger.approve_check("net", 1, &hash, "lee").expect("approved");
        ledger.save_check(&row("net", "SELECT 2"), "kim", Some(&ledger_row(&mut fresh.open()).fingerprint())).expect("saved");
        // The text that was approved is changed behind recon's back: what runs is not it.
        fresh.sql("UPDATE recon_check_versions SET definition = REPLACE(definition, 'SELECT 1', 'SELECT 9') WHERE version = 1");
        let approved = noted(&mut ledger, "net").approved.expect("approved");
        let error = Definition::of(&approved.row).expect_err("not what was approved");
        assert!(error.to_string().contains("version 1 in the ledger is not what it was"), "{error}");
        fresh.sql("UPDATE recon_check_versions SET hash = 'x' WHERE version = 1");
        assert_eq!(noted(&mut ledger, "net").approved, None, "the approval was of another hash");
        fresh.sql("UPDATE recon_check_versions SET definition = 'nothing' WHERE version = 1");
        assert_eq!(ledger.check_versions("net").expect("read").len(), 2);
    }

    fn a_tripped_check_stays_off_until_somebody_says_why(fresh: Fresh) {
        let mut ledger = fresh.open();
        ledger.save_check(&row("net", "SELECT 1"), "kim", None).expect("saved");
        let mut run = started(&mut ledger, &key(1), &Begin::by("lee"));
        for _ in 0..2 {
            run.trip_check("net", 1, "900 of 1000, see mysql://u:hunter2@h/db").expect("tripped");
        }
        ledger.trip_check(None, "net", 1, "again").expect("off already");
        let trip = noted(&mut ledger, "net").tripped.expect("tripped");
        let expected = Trip { name: "net".into(), number: 1, version: 1, run: Some(run.id()), at: trip.at.clone(), message: "900 of 1000, see mysql://u:***@h/db".into(), cleared: None };
        assert_eq!(trip, expected);
        // An edit does not switch it on.
        ledger.save_check(&row("net", "SELECT 2"), "kim", Some(&ledger_row(&mut fresh.open()).fingerprint())).expect("saved");
        assert!(noted(&mut ledger, "net").tripped.is_some());
        for nothing in [None, Some("  ")] {
            let error = ledger.enable_check("net", "kim", nothing).expect_err("no reason");
            assert!(code(&error) == 2 && error.to_string().contains("900 of 1000"), "{error}");
        }
        let switched = ledger.enable_check("net", "kim", Some("a zero was missing, see http://u:secret@h")).expect("on");
        assert_eq!((switched.version, switched.cleared.map(|trip| trip.number)), (None, Some(1)));
        assert_eq!(noted(&mut ledger, "net").tripped, None);
        let cleared = ledger.check_trips("net").expect("read")[0].cleared.clone().expect("cleared");
        assert_eq!((cleared.by.as_str(), cleared.reason.as_str()), ("kim", "a zero was missing, see http://u:***@h"));
        ledger.trip_check(Some(run.id()), "net", 2, "again").expect("tripped");
        assert_eq!(ledger.check_trips("net").expect("read").len(), 2);
        assert_eq!(entries(&mut ledger, "check_tripped"), 2);
        intact(&mut ledger);
    }

    fn a_check_is_switched_off_and_on(fresh: Fresh) {
        let mut ledger = fresh.open();
        // Also one that nobody understands.
        fresh.sql("INSERT INTO recon_checks (name, kind, query) VALUES ('net', 'what', 'SELECT 1')");
        assert_eq!(code(&ledger.disable_check("net", "kim", " ").expect_err("no reason")), 2);
        assert_eq!(code(&ledger.disable_check("nett", "kim", "why").expect_err("no check")), 2);
        assert_eq!(code(&ledger.enable_check("nett", "kim", None).expect_err("no check")), 2);
        assert_eq!(ledger.disable_check("net", "kim", "it is wrong").expect("off").version, Some(2));
        assert_eq!(ledger.disable_check("net", "kim", "it is wrong").expect("off").version, None);
        let check = noted(&mut ledger, "net");
        assert_eq!((told(&check), check.current.reason.as_deref(), check.row.enabled.as_deref()), ((2, Some("kim"), "command"), Some("it is wrong"), Some("false")));
        assert_eq!(ledger.enable_check("net", "lee", None).expect("on").version, Some(3));
        assert_eq!(ledger.enable_check("net", "lee", None).expect("on").version, None);
        assert_eq!(noted(&mut ledger, "net").row.enabled.as_deref(), Some("true"));
        assert_eq!((entries(&mut ledger, "check_disabled"), entries(&mut ledger, "check_enabled")), (1, 1));
        intact(&mut ledger);
    }

    fn what_checks_found_is_kept_with_the_run(fresh: Fresh) {
        let mut ledger = fresh.open();
        let result = |name: &str, role: &str, outcome: &str| CheckResult {
            name: name.into(), role: role.into(), stage: "compared".into(), version: 3, outcome: outcome.into(),
            severity: "error".into(), violations: 2, examined: Some(10), unknown: 1, value: Some("-0.01".into()),
            message: "2 violations; see mysql://u:hunter2@h/db".into(), samples: r#"[{"id":"1","net":"-0.010"}]"#.into(),
            started_at: "2026-11-12T13:00:00.000Z".into(), duration_ms: 12,
        };
        let kept = |result: CheckResult| CheckResult { message: "2 violations; see mysql://u:***@h/db".into(), ..result };
        let mut run = started(&mut ledger, &key(1), &Begin::by("kim"));
        run.record_check_results(&[]).expect("nothing");
        for _ in 0..2 {
            run.record_check_results(&[result("net", "decides", "pass"), result("net", "shadow", "fail"), result("a", "decides", "warn")]).expect("kept");
        }
        run.record_check_results(&[CheckResult { examined: None, value: None, ..result("net", "decides", "unknown") }]).expect("replaced");
        let large = CheckResult { samples: format!("[\"{}\"]", "x".repeat(1 << 20)), ..result("large", "decides", "fail") };
        run.record_check_results(&[large.clone(), large.clone()].map(|one| CheckResult { samples: one.samples[..900_000].to_owned(), ..one })[..1]).expect("kept");
        run.record_check_results(&[large]).expect("kept without its samples");
        let all = ledger.check_results(run.id()).expect("read");
        assert_eq!(all.iter().map(|one| (one.name.as_str(), one.role.as_str(), one.outcome.as_str())).collect::<Vec<_>>(),
            [("a", "decides", "warn"), ("large", "decides", "fail"), ("net", "decides", "unknown"), ("net", "shadow", "fail")]);
        assert_eq!(all[3], kept(result("net", "shadow", "fail")));
        assert_eq!((all[2].examined, all[2].value.as_ref()), (None, None));
        assert_eq!(all[1].samples, "[]");
        to_checked(&mut run);
        run.decide(RunVerdict::Clean, &summary("d1"), &[], "null").expect("decided");
        assert!(run.record_check_results(&[result("net", "decides", "pass")]).is_err(), "it has ended");
        let first = run.id();

        // Of a second cycle, later; and after the release, when nobody holds the cycle.
        let mut run = started(&mut ledger, &key(2), &Begin::by("kim"));
        let later = CheckResult { started_at: "2026-11-13T13:00:00.000Z".into(), ..result("net", "decides", "pass") };
        run.record_check_results(std::slice::from_ref(&later)).expect("kept");
        let history = ledger.check_history("net", 10).expect("read");
        assert_eq!(history.iter().map(|(run, key, one)| (run.to_string(), key.to_string(), one.outcome.clone())).collect::<Vec<_>>(), [
            ("2-1".into(), key(2).to_string(), "pass".into()),
            ("1-1".into(), key(1).to_string(), "unknown".into()),
            ("1-1".into(), key(1).to_string(), "fail".to_owned()),
        ]);
        assert_eq!(ledger.check_history("net", 1).expect("read").len(), 1);
        let error = ledger.record_check_results(run.id(), std::slice::from_ref(&later)).expect_err("not decided");
        assert_eq!(code(&error), 4);
        ledger.record_check_results(first, &[CheckResult { stage: "released".into(), ..result("paid", "decides", "pass") }]).expect("kept");
        assert_eq!(ledger.check_results(first).expect("read").len(), 5);
        drop(run);

        // A run that was superseded writes nothing.
        let mut old = started(&mut ledger, &key(3), &quick("kim"));
        fresh.sql("UPDATE recon_cycles SET token = 2 WHERE id = 3");
        assert_eq!(code(&old.record_check_results(std::slice::from_ref(&later)).expect_err("superseded")), 4);
        assert_eq!(ledger.check_results(old.id()).expect("read"), []);

        // What is old goes; versions, and what keeps a check off, stay.
        ledger.save_check(&row("net", "SELECT 1"), "kim", None).expect("saved");
        ledger.trip_check(Some(first), "net", 1, "x").expect("tripped");
        ledger.enable_check("net", "kim", Some("mended")).expect("on");
        ledger.trip_check(Some(first), "net", 1, "y").expect("tripped");
        ledger.release(&key(1), "lee", "d1", 1).expect("released");
        let now = ledger.now().expect("now");
        let pruned = ledger.prune(&now, "kim").expect("pruned");
        assert_eq!((pruned.runs, pruned.check_results), (1, 5));
        assert_eq!(ledger.check_results(first).expect("read"), []);
        assert_eq!(ledger.check_trips("net").expect("read").iter().map(|trip| trip.message.as_str()).collect::<Vec<_>>(), ["y"]);
        assert_eq!((texts(&mut ledger, "net").len(), ledger.check_history("net", 10).expect("read").len()), (1, 1));
    }

    fn a_ledger_from_before_has_room_for_checks(fresh: Fresh) {
        let mut old = Ledger::open_at(&fresh.secret(), Process::current(), 3).expect("an old ledger");
        decided(&mut old, &key(1), "kim", "d1");
        old.set_canary("payout", 5, "kim", "six clean payouts").expect("set");
        drop(old);
        assert_eq!(Ledger::inspect(&fresh.secret()).expect("looked at").version, 3);
        let mut ledger = fresh.open();
        ledger.save_check(&row("net", "SELECT 1"), "kim", None).expect("saved");
        assert_eq!(ledger.canary_changes("payout").expect("read").len(), 1);
        ledger.release(&key(1), "lee", "d1", 1).expect("released");
        intact(&mut ledger);
        let looked = Ledger::inspect(&fresh.secret()).expect("looked at");
        let rows: Vec<_> = looked.rows.iter().filter(|(name, _)| name.starts_with("recon_check")).collect();
        assert_eq!(rows.len(), 5);
        assert!(looked.rows.contains(&("recon_checks", 1)) && looked.rows.contains(&("recon_check_versions", 1)));
    }

    fn what_is_too_long_or_no_text_hides_no_other_check(fresh: Fresh) {
        let mut ledger = fresh.open();
        insert(&fresh, "good", "SELECT 1");
        let long = "x".repeat(1 << 20);
        insert(&fresh, "long", &format!("SELECT {long}x"));
        if fresh.is_sqlite() {
            let name = "n".repeat(300);
            fresh.sql(&format!(
                "INSERT INTO recon_checks (name, kind, query, error_if, enabled, timeout_ms) VALUES ('odd', 'run', x'53c328', '{name}', 'yes', '5s'); \
                 INSERT INTO recon_checks (name, query) VALUES (x'676f6f64', 'SELECT 1'), (CAST(x'ff' AS TEXT), CAST(x'fffe' AS TEXT)), ('{name}', 'a' || char(0)), ('{name}m', '');\
                 INSERT INTO recon_checks (name, query, updated_by, updated_at, owner) VALUES ('who', 'SELECT 1', x'ff', '{name}', '{name}')"
            ));
        }
        let all = ledger.note_checks().expect("noted");
        assert_eq!(all.len(), if fresh.is_sqlite() { 8 } else { 2 });
        let of = |name: &str| all.iter().find(|check| check.row.name == name).unwrap_or_else(|| panic!("{name} in {all:?}"));
        assert!(Definition::of(&of("good").row).is_ok());
        let why = |name: &str| Definition::of(&of(name).row).expect_err("no check").to_string();
        assert!(why("long").contains("`query` is too long"));
        assert!(of("long").row.query.as_ref().is_some_and(|text| text.len() < 300));
        if fresh.is_sqlite() {
            for part in ["`query` holds bytes", "`error_if` is too long", "`enabled` is `yes`", "`timeout_ms`"] {
                assert!(why("odd").contains(part), "{part} in {}", why("odd"));
            }
            assert!(why("x'676f6f64'").contains("`name` holds bytes") && why("x'ff'").contains("`query` holds a text that is no UTF-8"));
            let long: Vec<_> = all.iter().filter(|check| check.row.name.starts_with("nnn")).collect();
            assert!(long.len() == 2 && long.iter().all(|check| Definition::of(&check.row).is_err()));
            // What decides nothing makes no check odd, and names nobody.
            assert!(Definition::of(&of("who").row).unwrap_err().to_string().ends_with("a store of recon.toml"));
            assert_eq!(told(of("who")), (1, None, "sql"));
        }
        let again = ledger.note_checks().expect("noted");
        assert!(again.iter().all(|check| !check.is_new), "each is noticed once");
        let kept = ledger.check_versions("long").expect("read");
        assert!(Definition::of(&kept[0].row).is_err(), "and stays odd");
    }
}

fn ledger_row(ledger: &mut Ledger) -> CheckRow {
    ledger.check_rows().expect("read").remove(0)
}

//! Migrations: older ledgers are brought up to date, newer ones refused, and nobody migrates twice.

use recon::domain::State;
use recon::ledger::{Begin, Ledger, NEWEST, Process};

use crate::engine::*;

on_each_engine! {
    fn an_older_ledger_is_migrated_with_what_it_holds(fresh: Fresh) {
        drop(Ledger::open_at(&fresh.secret(), Process::current(), 1).expect("an old ledger"));
        assert_eq!(Ledger::inspect(&fresh.secret()).expect("looked at").version, 1);
        fresh.sql(&format!(
            "INSERT INTO recon_cycles (reconciliation, params, key_hash, state, state_at, created_at, token) \
             VALUES ('payout', '{{}}', '{}', 'blocked', '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z', 0)",
            "0".repeat(64)
        ));
        let mut ledger = fresh.open();
        assert_eq!(ledger.cycle(1).expect("read").expect("kept").state, State::Blocked);
        assert_eq!(Ledger::inspect(&fresh.secret()).expect("looked at").version, NEWEST);
        decided(&mut ledger, &key(1), "kim", "d1");
        assert_eq!(Ledger::migrate(&fresh.secret()).expect("nothing to do").1, NEWEST);
    }

    fn a_newer_ledger_is_refused_and_left_alone(fresh: Fresh) {
        drop(fresh.open());
        fresh.sql(&format!(
            "INSERT INTO recon_schema (version, name, checksum, statements, complete, applied_at) VALUES ({}, 'later', 'x', 1, 1, '')",
            NEWEST + 1
        ));
        let error = Ledger::open(&fresh.secret(), Process::current()).err().expect("refused");
        assert_eq!(code(&error), 2);
        assert!(error.to_string().contains(&format!("has schema {}", NEWEST + 1)), "{error}");
        assert!(error.hint().expect("a hint").contains("newer recon"));
    }

    fn another_text_of_a_migration_is_refused(fresh: Fresh) {
        drop(fresh.open());
        fresh.sql("UPDATE recon_schema SET checksum = 'other' WHERE version = 1");
        let error = Ledger::open(&fresh.secret(), Process::current()).err().expect("refused");
        assert!(code(&error) == 2 && error.to_string().contains("another text of schema 1"), "{error}");
    }

    fn a_migration_that_was_cut_off_goes_on(fresh: Fresh) {
        // MySQL commits each definition: the note of the last one may be missing. The others take all or nothing.
        drop(fresh.open());
        if fresh.url.starts_with("mysql") {
            fresh.sql(
                "DROP TABLE recon_audit_head; UPDATE recon_schema SET complete = 0, statements = 0 WHERE version = 2; \
                 DROP TABLE recon_canary; DELETE FROM recon_schema WHERE version = 3; \
                 DROP TABLE recon_check_trips; DROP TABLE recon_check_results; \
                 UPDATE recon_schema SET complete = 0, statements = 2 WHERE version = 4",
            );
        }
        decided(&mut fresh.open(), &key(1), "kim", "d1");
        assert_eq!(fresh.open().check_trips("net").expect("read"), []);
    }

    fn many_open_a_new_ledger_at_once(fresh: Fresh) {
        std::thread::scope(|scope| {
            let openers: Vec<_> = (0..12).map(|_| scope.spawn(|| fresh.open().history(None, None, 1).expect("read"))).collect();
            for opener in openers {
                assert_eq!(opener.join().expect("opened"), []);
            }
        });
        let looked = Ledger::inspect(&fresh.secret()).expect("looked at");
        assert_eq!(looked.version, NEWEST);
        started(&mut fresh.open(), &key(1), &Begin::by("kim"));
    }
}

#[test]
fn looking_at_a_ledger_does_not_make_it() {
    let fresh = Fresh::sqlite();
    assert_eq!(Ledger::inspect(&fresh.secret()).expect("looked at").version, 0);
    assert!(!std::path::Path::new(fresh.url.strip_prefix("sqlite:").expect("a file")).exists());
    assert!(fresh.is_sqlite());
}

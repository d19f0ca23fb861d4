//! What a later run supersedes is kept to the last digit, or not deleted.

use recon::decisions::Ticket;
use recon::stores::ErrorClass;

use crate::given::*;

/// The table got a finer type, the history did not: refused before anything is computed, and before anything is moved.
fn a_history_that_would_round(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let (key, columns) = names(&layout);
    let mut place = fresh.place();
    write(&mut place, &ticket("c", 1), &layout, &decisions).expect("written");
    let told = match fresh.kind() {
        "mysql" => {
            fresh.sql("ALTER TABLE decision_history MODIFY net DECIMAL(20,1)");
            "ALTER TABLE `decision_history` MODIFY `net` decimal(65,10)"
        }
        "postgres" => {
            fresh.sql("ALTER TABLE decision_history ALTER COLUMN net TYPE numeric(20,1)");
            "ALTER TABLE \"decision_history\" ALTER COLUMN \"net\" TYPE numeric"
        }
        _ => {
            fresh.sql("DROP TABLE decision_history; CREATE TABLE decision_history (id INT, net REAL, memo TEXT, recon_source TEXT, recon_reason TEXT, recon_cycle TEXT, recon_run TEXT, recon_snapshot TEXT)");
            "rename that table"
        }
    };
    for error in [
        place.check(&ticket("c", 2), &key, &columns).expect_err("rounds"),
        write(&mut place, &ticket("c", 2), &layout, &decisions).expect_err("rounds"),
    ] {
        assert_eq!(error.class, ErrorClass::Usage, "{error}");
        assert!(error.what.contains("`decision_history`") && error.what.contains("`net`"), "{error}");
        assert!(error.hint.as_deref().expect("a hint").contains(told), "{error:?}");
    }
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (8, 0));
    if fresh.kind() == "sqlite" {
        fresh.sql("ALTER TABLE decision_history RENAME TO old_history");
    } else {
        fresh.sql(told);
    }
    write(&mut place, &ticket("c", 2), &layout, &decisions).expect("mended");
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (8, 8));
}

/// Something swallows or changes what is put into the history.
fn a_copy_that_is_none(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let mut place = fresh.place();
    write(&mut place, &ticket("c", 1), &layout, &decisions).expect("written");
    let tricks: [(&str, &str); 2] = match fresh.kind() {
        "mysql" => [
            (
                "CREATE TRIGGER trick BEFORE INSERT ON decision_history FOR EACH ROW SET NEW.net = 1",
                "DROP TRIGGER trick",
            ),
            (
                "CREATE TRIGGER trick BEFORE INSERT ON decision_history FOR EACH ROW SET NEW.recon_run = 'x'",
                "DROP TRIGGER trick",
            ),
        ],
        "postgres" => [
            (
                "CREATE FUNCTION one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.net := 1; RETURN NEW; END $$; \
                 CREATE TRIGGER trick BEFORE INSERT ON decision_history FOR EACH ROW EXECUTE FUNCTION one()",
                "DROP TRIGGER trick ON decision_history",
            ),
            (
                "CREATE RULE trick AS ON INSERT TO decision_history DO INSTEAD NOTHING",
                "DROP RULE trick ON decision_history",
            ),
        ],
        _ => [
            (
                "CREATE TRIGGER trick AFTER INSERT ON decision_history BEGIN UPDATE decision_history SET net = '1'; END",
                "DROP TRIGGER trick",
            ),
            (
                "CREATE TRIGGER trick BEFORE INSERT ON decision_history BEGIN SELECT RAISE(IGNORE); END",
                "DROP TRIGGER trick",
            ),
        ],
    };
    for (set, end) in tricks {
        fresh.sql(set);
        let error = write(&mut place, &ticket("c", 2), &layout, &decisions).expect_err(set);
        assert_eq!(error.class, ErrorClass::Failed, "{error}");
        assert!(error.what.contains("were not deleted"), "{set}: {error}");
        assert_eq!(fresh.ask("SELECT DISTINCT recon_run FROM decision"), ["12-1"], "{set}");
        assert_eq!(fresh.count("decision"), 8, "{set}");
        fresh.sql(&format!("{end}; DELETE FROM decision_history"));
    }
    write(&mut place, &ticket("c", 2), &layout, &decisions).expect("written");
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (8, 8));
}

/// Another ledger's run of the same name and cycle is in the history already; and one is superseded by its namesake.
fn runs_of_two_ledgers_with_one_name(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let mut place = fresh.place();
    let of = |ledger: &str, attempt: i64| Ticket { origin: ledger.into(), ..ticket("c", attempt) };
    write(&mut place, &of("ledger-a", 1), &layout, &decisions).expect("written");
    // Its namesake in another ledger, then that one's successor.
    write(&mut place, &of("ledger-b", 1), &layout, &decisions[..5]).expect("written");
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (5, 8));
    write(&mut place, &of("ledger-b", 2), &layout, &decisions).expect("written");
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (8, 13));
    assert_eq!(fresh.ask("SELECT DISTINCT recon_run FROM decision_history"), ["12-1"]);
}

on_every_engine!(a_history_that_would_round, a_copy_that_is_none, runs_of_two_ledgers_with_one_name);

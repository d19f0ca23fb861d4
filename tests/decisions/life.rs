//! From writing to release: what the payer sees, what is kept, what is never written again.

use recon::decisions::{Place, Ticket};
use recon::stores::ErrorClass;

use crate::given::*;

fn only_released_decisions_are_shown(fresh: &Fresh) {
    let (layout, decisions) = plain(50);
    let (mut place, ticket) = (fresh.place(), ticket("payout d=1", 1));
    assert!(!place.is_published(&ticket).expect("asked"));
    let back = round(&mut place, &ticket, &layout, &decisions);
    assert_eq!(fresh.count("decision_released"), 0);
    assert!(!place.is_published(&ticket).expect("asked"));
    for _ in 0..2 {
        publish(&mut place, &ticket, &back.hash, &layout).expect("published");
        assert!(place.is_published(&ticket).expect("asked"));
        assert_eq!(fresh.count("decision_released"), 50);
    }
    let other = publish(&mut place, &ticket, "another hash", &layout).expect_err("other decisions");
    assert!(other.what.contains("released"), "{other}");
    // Another cycle beside it shows nothing yet.
    let next = Ticket { run: "13-1".into(), ..crate::given::ticket("payout d=2", 1) };
    write(&mut place, &next, &layout, &decisions).expect("written");
    assert_eq!((fresh.count("decision"), fresh.count("decision_released")), (100, 50));
}

fn a_released_cycle_is_never_written_again(fresh: &Fresh) {
    let (layout, decisions) = plain(10);
    let (key, columns) = names(&layout);
    let mut place = fresh.place();
    let first = ticket("payout d=1", 1);
    let back = round(&mut place, &first, &layout, &decisions);
    publish(&mut place, &first, &back.hash, &layout).expect("published");
    let again = ticket("payout d=1", 2);
    let error = write(&mut place, &again, &layout, &decisions).expect_err("released");
    assert!(error.what.contains("released already, as run 12-1"), "{error}");
    assert!(place.check(&again, &key, &columns).is_err());
    let foreign = Ticket { origin: "ledger-b".into(), run: "1-1".into(), ..first.clone() };
    for error in [
        write(&mut place, &foreign, &layout, &decisions).expect_err("pays twice"),
        place.check(&foreign, &key, &columns).expect_err("pays twice"),
    ] {
        assert_eq!(error.class, ErrorClass::Usage);
        assert!(error.what.contains("of another ledger"), "{error}");
        assert!(error.hint.expect("a hint").contains("twice"));
    }
    assert_eq!((fresh.count("decision"), fresh.count("decision_released")), (10, 10));
}

fn an_unreleased_cycle_of_another_ledger_is_taken_over(fresh: &Fresh) {
    let (layout, decisions) = plain(10);
    let mut place = fresh.place();
    let old = ticket("payout d=1", 7);
    write(&mut place, &old, &layout, &decisions).expect("written");
    let new = Ticket { origin: "ledger-b".into(), run: "1-1".into(), ..ticket("payout d=1", 1) };
    round(&mut place, &new, &layout, &decisions);
    assert_eq!(fresh.count("decision"), 10);
    assert!(publish(&mut place, &old, "x", &layout).is_err());
}

fn a_later_run_replaces_an_earlier_one_and_keeps_it(fresh: &Fresh) {
    let (layout, decisions) = plain(40);
    let mut place = fresh.place();
    write(&mut place, &ticket("c", 1), &layout, &decisions).expect("written");
    round(&mut place, &ticket("c", 2), &layout, &decisions[..30]);
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (30, 40));
    assert_eq!(fresh.ask("SELECT DISTINCT recon_run FROM decision_history"), ["12-1"]);
    // The same run again: its own rows are replaced, and nothing is kept of them.
    round(&mut place, &ticket("c", 2), &layout, &decisions[..20]);
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (20, 40));
    let (key, columns) = names(&layout);
    assert!(place.read("12-1", &key, &columns).expect_err("gone").what.contains("not all there"));
}

fn what_an_interrupted_run_left_is_cleared_away(fresh: &Fresh) {
    let (layout, decisions) = plain(20_000);
    let mut place = fresh.place();
    let ends = place.write(&ticket("c", 1), &layout, &mut each(&decisions), &mut |count| match count {
        0 => Ok(()),
        _ => Err(recon::stores::StoreError::failed("interrupted")),
    });
    assert_eq!(ends.expect_err("interrupted").what, "interrupted");
    let left = fresh.count("decision");
    assert!(left > 0 && left < 20_000, "{left}");
    let (key, columns) = names(&layout);
    assert!(place.read("12-1", &key, &columns).is_err());
    assert!(publish(&mut place, &ticket("c", 1), "x", &layout).expect_err("half").what.contains("not all there"));
    assert_eq!(fresh.count("decision_released"), 0);
    round(&mut place, &ticket("c", 2), &layout, &decisions);
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (20_000, 0));
}

fn a_superseded_run_is_kept_once_even_when_the_move_was_interrupted(fresh: &Fresh) {
    let (layout, decisions) = plain(40);
    let mut place = fresh.place();
    write(&mut place, &ticket("c", 1), &layout, &decisions).expect("written");
    // Copied, and then cut off in the middle of deleting.
    fresh.sql(
        "INSERT INTO decision_history SELECT * FROM decision; UPDATE decision_runs SET written_run = NULL; \
         DELETE FROM decision WHERE id > 5;",
    );
    write(&mut place, &ticket("c", 2), &layout, &decisions).expect("written");
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (40, 40));
}

fn names_in_another_case_are_the_tables_own(fresh: &Fresh) {
    let (mut layout, decisions) = plain(5);
    let mut place = fresh.place();
    let back = round(&mut place, &ticket("c", 1), &layout, &decisions);
    if fresh.kind() == "postgres" {
        return;
    }
    layout.key[0].name = "ID".into();
    layout.columns[0].name = "Net".into();
    assert_eq!(round(&mut place, &ticket("c", 2), &layout, &decisions).hash, back.hash);
}

fn two_ledgers_whose_runs_have_one_name(fresh: &Fresh) {
    let (layout, decisions) = plain(5);
    let mut place = fresh.place();
    write(&mut place, &ticket("payout d=1", 1), &layout, &decisions).expect("written");
    let other = Ticket { origin: "ledger-b".into(), ..ticket("payout d=2", 1) };
    let error = write(&mut place, &other, &layout, &decisions).expect_err("one name");
    assert_eq!(error.class, ErrorClass::Usage);
    assert!(error.what.contains("two ledgers"), "{error}");
    assert_eq!(fresh.count("decision"), 5);
}

fn cycles_are_written_beside_each_other(fresh: &Fresh) {
    let (layout, decisions) = plain(4_000);
    write(&mut fresh.place(), &Ticket { run: "9-1".into(), ..ticket("c", 1) }, &layout, &decisions[..1])
        .expect("written");
    std::thread::scope(|scope| {
        for at in 0..4 {
            let (layout, decisions) = (&layout, &decisions);
            scope.spawn(move || {
                for attempt in 1..=3 {
                    let ticket = Ticket { run: format!("1{at}-{attempt}"), ..ticket(&format!("c {at}"), attempt) };
                    round(&mut fresh.place(), &ticket, layout, decisions);
                }
            });
        }
    });
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (16_001, 32_000));
}

fn several_processes_make_the_table_at_once(fresh: &Fresh) {
    let (layout, decisions) = plain(10);
    let places: Vec<Place> = (0..4).map(|_| fresh.place()).collect();
    std::thread::scope(|scope| {
        let work = places.into_iter().enumerate().map(|(at, mut place)| {
            let (layout, decisions) = (&layout, &decisions);
            scope.spawn(move || {
                let ticket = Ticket { run: format!("{at}-1"), ..ticket(&format!("c {at}"), 1) };
                let (key, columns) = names(layout);
                place.check(&ticket, &key, &columns).expect("nothing in the way");
                round(&mut place, &ticket, layout, decisions);
            })
        });
        for thread in work.collect::<Vec<_>>() {
            thread.join().expect("no panic");
        }
    });
    assert_eq!(fresh.count("decision"), 40);
}

on_every_engine!(
    only_released_decisions_are_shown,
    a_released_cycle_is_never_written_again,
    an_unreleased_cycle_of_another_ledger_is_taken_over,
    a_later_run_replaces_an_earlier_one_and_keeps_it,
    what_an_interrupted_run_left_is_cleared_away,
    a_superseded_run_is_kept_once_even_when_the_move_was_interrupted,
    names_in_another_case_are_the_tables_own,
    two_ledgers_whose_runs_have_one_name,
    cycles_are_written_beside_each_other,
    several_processes_make_the_table_at_once,
);

//! A table of the user's own whose columns take several texts for one: whose decisions these are is told by bytes.

use recon::decisions::{Place, Ticket};

use crate::given::*;

/// Cycles that some collation or other takes for one.
const CYCLES: [&str; 5] =
    ["payout who=kim", "payout who=KIM", "payout who=kím", "payout who=kim ", "payout who=ｋｉｍ"];

/// A table whose own columns compare as the engine's least exact collation does.
fn loose(fresh: &Fresh) -> Place {
    let of = match fresh.kind() {
        "mysql" => "VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL",
        "postgres" => {
            fresh.sql("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)");
            "varchar(500) COLLATE loose NOT NULL"
        }
        _ => "TEXT COLLATE NOCASE NOT NULL",
    };
    let own = ["source", "reason", "cycle", "run", "snapshot"].map(|name| format!("recon_{name} {of}")).join(", ");
    let net = if fresh.kind() == "sqlite" { "TEXT" } else { "DECIMAL(20,2)" };
    fresh.sql(&format!("CREATE TABLE decision (id BIGINT, net {net}, memo VARCHAR(20), {own})"));
    fresh.place()
}

/// Several cycles of like names, released one after the other: each stays as it was.
fn cycles_of_like_names_are_told_apart(fresh: &Fresh) {
    let mut place = loose(fresh);
    let (layout, decisions) = plain(8);
    let (key, columns) = names(&layout);
    for (at, cycle) in CYCLES.iter().enumerate() {
        let of = |attempt| Ticket { run: format!("{}-{attempt}", 20 + at), ..ticket(cycle, attempt) };
        place.check(&of(1), &key, &columns).expect("nothing in the way");
        round(&mut place, &of(1), &layout, &decisions);
        assert_eq!(fresh.count("decision_released"), at as u64 * 5, "{cycle}: not released");
        let back = round(&mut place, &of(2), &layout, &decisions[..5]);
        assert_eq!(fresh.count("decision_history"), (at as u64 + 1) * 8, "{cycle}: superseded");
        assert!(!place.is_published(&of(2)).expect("asked"));
        publish(&mut place, &of(2), &back.hash, &layout).expect("published");
        assert_eq!(
            (fresh.count("decision"), fresh.count("decision_released")),
            ((at as u64 + 1) * 5, (at as u64 + 1) * 5)
        );
        for before in 0..=at {
            let read = place.read(&format!("{}-2", 20 + before), &key, &columns).expect("there");
            assert_eq!(read.hash, back.hash, "{cycle}");
        }
    }
}

/// SQLite and MySQL may leave out blanks at the end, too.
fn cycles_that_differ_in_a_blank(fresh: &Fresh, collation: &str) {
    let own = ["source", "reason", "cycle", "run", "snapshot"]
        .map(|name| format!("recon_{name} VARCHAR(500) {collation} NOT NULL"))
        .join(", ");
    let net = if fresh.kind() == "sqlite" { "TEXT" } else { "DECIMAL(20,2)" };
    fresh.sql(&format!("CREATE TABLE decision (id BIGINT, net {net}, memo VARCHAR(20), {own})"));
    let (layout, decisions) = plain(8);
    let (mut place, blank) = (fresh.place(), Ticket { run: "13-1".into(), ..ticket("c ", 1) });
    let back = round(&mut place, &ticket("c", 1), &layout, &decisions);
    publish(&mut place, &ticket("c", 1), &back.hash, &layout).expect("published");
    round(&mut place, &blank, &layout, &decisions);
    assert_eq!((fresh.count("decision"), fresh.count("decision_released")), (16, 8));
}

#[test]
fn sqlite_rtrim() {
    cycles_that_differ_in_a_blank(&Fresh::sqlite(), "COLLATE RTRIM");
}

#[test]
fn mysql_bin_pads() {
    cycles_that_differ_in_a_blank(&Fresh::mysql(), "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
}

/// Whatever is wrong with the names: the decisions of a run that some cycle has released stay where they are.
fn what_is_released_stays_whoever_writes(fresh: &Fresh) {
    let (layout, decisions) = plain(8);
    let mut place = fresh.place();
    write(&mut place, &ticket("c", 1), &layout, &decisions).expect("written");
    fresh.sql(
        "INSERT INTO decision_runs (recon_cycle_hash, recon_cycle, origin, token, run, written_run, released_run) \
         VALUES ('ab', 'another', 'ledger-b', 1, '12-1', '12-1', '12-1')",
    );
    let error = write(&mut place, &ticket("c", 2), &layout, &decisions).expect_err("released");
    assert!(error.what.contains("12-1 is released") && error.what.contains("`another`"), "{error}");
    assert_eq!(fresh.ask("SELECT DISTINCT recon_run FROM decision"), ["12-1"]);
    assert_eq!((fresh.count("decision"), fresh.count("decision_history")), (8, 0));
}

on_every_engine!(cycles_of_like_names_are_told_apart, what_is_released_stays_whoever_writes);

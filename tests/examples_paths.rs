//! The worked settlements: legacy SQL on SQLite and MySQL, and what the documents hold, against a third computation
//! straight from the rules; every planted fault and quirk is found, and nothing else.
#![allow(clippy::expect_used, clippy::panic)]

mod examples_stores;
mod sides;
mod support;
mod third;

use examples_stores::{check_planted, differences, fill_sqlite, mysql, quirks, sqlite};
use recon::examples::{Example, Scale, p2p::P2p};

fn scales() -> Vec<Scale> {
    let sizes = [(1, 1), (2, 21), (3, 400), (4, 2_500)];
    sizes.into_iter().map(|(seed, records)| Scale { seed, ..Scale::of(records) }).collect()
}

fn full(records: u64, seed: u64) -> Scale {
    Scale { records, seed, faults: 20_000, quirks: true }
}

const PAYOUT: [&str; 6] = third::p2p::COLUMNS;

#[test]
fn p2p_sqlite_gives_what_the_rules_say() {
    for scale in scales().into_iter().chain([full(3_000, 9)]) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("core.db");
        fill_sqlite(&path, &P2p, scale);
        let found = sqlite(&path, &P2p, "legacy.sqlite.sql", &["investor_id"], &PAYOUT);
        let expected = third::p2p::from_tables(&P2p.tables(scale));
        assert_eq!(found, expected, "{scale:?}");
        assert!(scale.records < 100 || !found.is_empty());
    }
}

#[test]
fn p2p_mysql_gives_what_the_rules_say() {
    let scale = full(2_500, 5);
    let found = mysql(&P2p, scale, &[("legacy.mysql.sql", &["investor_id"], &PAYOUT)]);
    assert_eq!(found, [third::p2p::from_tables(&P2p.tables(scale))]);
}

#[test]
fn p2p_documents_agree_with_tables_but_for_what_was_planted() {
    for scale in scales() {
        let legacy = third::p2p::from_tables(&P2p.tables(scale));
        let candidate = third::p2p::from_documents(&P2p.collections(scale)[0]);
        assert_eq!(legacy, candidate, "{scale:?}");
    }
    for scale in [full(500, 1), full(4_000, 2), Scale { quirks: false, faults: 1_000_000, ..full(300, 3) }] {
        let legacy = third::p2p::from_tables(&P2p.tables(scale));
        let candidate = third::p2p::from_documents(&P2p.collections(scale)[0]);
        let found = differences("payout", &legacy, &candidate);
        check_planted(&P2p, scale, "payout", &found);
    }
}

#[test]
fn p2p_quirks_are_as_written_down() {
    let scale = Scale { quirks: true, ..Scale::of(200) };
    let legacy = third::p2p::from_tables(&P2p.tables(scale));
    let candidate = third::p2p::from_documents(&P2p.collections(scale)[0]);
    let mut written = quirks(include_str!("../fixtures/p2p/quirks.csv"));
    written.sort();
    assert_eq!(differences("payout", &legacy, &candidate), written);
}

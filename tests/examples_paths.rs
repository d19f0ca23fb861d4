//! The worked settlements: legacy SQL on SQLite and MySQL, and what the documents hold, against a third computation
//! straight from the rules; every planted fault and quirk is found, and nothing else.
#![allow(clippy::expect_used, clippy::panic)]

mod examples_stores;
mod sides;
mod support;
mod third;

use examples_stores::{check_planted, differences, fill_sqlite, mysql, quirks, sqlite};
use recon::examples::{Example, Scale, p2p::P2p, royalty::Royalty};
use sqlx::Connection;
use third::Results;

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

const ROYALTY: [(&str, &[&str], &[&str]); 2] =
    [("legacy", &["holder_id"], &third::royalty::PAYOUT), ("residual", &["plan", "role"], &third::royalty::RESIDUAL)];

fn royalty_legacy(scale: Scale) -> (Results, Results) {
    third::royalty::compute(&third::royalty::from_tables(&Royalty.tables(scale)))
}

fn royalty_candidate(scale: Scale) -> (Results, Results) {
    third::royalty::compute(&third::royalty::from_lake(&Royalty.files(scale), &Royalty.collections(scale)[0]))
}

#[test]
fn royalty_sqlite_gives_what_the_rules_say() {
    for scale in scales().into_iter().chain([full(6_000, 9)]) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("core.db");
        fill_sqlite(&path, &Royalty, scale);
        let [holders, pools] =
            ROYALTY.map(|(name, key, columns)| sqlite(&path, &Royalty, &format!("{name}.sqlite.sql"), key, columns));
        let expected = royalty_legacy(scale);
        assert_eq!(holders, expected.0, "{scale:?}");
        assert_eq!(pools, expected.1, "{scale:?}");
        assert!(scale.records < 100 || !holders.is_empty());
    }
}

#[test]
fn royalty_mysql_gives_what_the_rules_say() {
    let scale = full(3_000, 5);
    let queries: [(&str, &[&str], &[&str]); 2] =
        [("legacy.mysql.sql", ROYALTY[0].1, ROYALTY[0].2), ("residual.mysql.sql", ROYALTY[1].1, ROYALTY[1].2)];
    let expected = royalty_legacy(scale);
    assert_eq!(mysql(&Royalty, scale, &queries), [expected.0, expected.1]);
}

#[test]
fn royalty_lake_agrees_with_tables_but_for_what_was_planted() {
    for scale in scales() {
        assert_eq!(royalty_legacy(scale), royalty_candidate(scale), "{scale:?}");
    }
    for scale in [full(2_000, 1), full(20_000, 2), Scale { quirks: false, faults: 1_000_000, ..full(900, 3) }] {
        let (legacy, candidate) = (royalty_legacy(scale), royalty_candidate(scale));
        check_planted(&Royalty, scale, "royalty", &differences("royalty", &legacy.0, &candidate.0));
        check_planted(&Royalty, scale, "residual", &differences("residual", &legacy.1, &candidate.1));
    }
}

#[test]
fn royalty_quirks_are_as_written_down() {
    let scale = Scale { quirks: true, ..Scale::of(500) };
    let (legacy, candidate) = (royalty_legacy(scale), royalty_candidate(scale));
    let mut found = differences("royalty", &legacy.0, &candidate.0);
    found.extend(differences("residual", &legacy.1, &candidate.1));
    found.sort();
    let mut written = quirks(include_str!("../fixtures/royalty/quirks.csv"));
    written.sort();
    assert_eq!(found, written, "{}", found.iter().map(|f| f.join(",")).collect::<Vec<_>>().join("\n"));
}

/// The legacy query splits its one division so that SQLite's 64-bit integers suffice. The expression of the file itself,
/// against big integers, up to the limits that the file names; beyond them it must fail.
#[test]
fn royalty_sqlite_line_is_exact_up_to_its_limits() {
    let sql = examples_stores::file(&Royalty, "legacy.sqlite.sql");
    let between = |from: &str, to: &str| {
        let start = sql.find(from).expect(from) + from.len();
        sql[start..start + sql[start..].find(to).expect(to)].to_owned()
    };
    let line = between("SELECT p.plan, p.role, h.holder_id,", " AS line");
    let pool = between("SELECT r.plan, o.role,", " AS pool");
    let divisor = between(" AS pool,", " AS divisor");
    let with = |text: &str, values: &[(&str, i64)]| {
        values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, &value.to_string()))
    };
    let mut draw = recon::examples::Draw::at(7, 7, 7);
    examples_stores::block_on(async {
        let mut memory = sqlx::SqliteConnection::connect("sqlite::memory:").await.expect("opens");
        for at in 0..2_000 {
            let extreme = at % 10 == 0;
            let plan_plays = if extreme { 30_000_000 } else { draw.between(1, 30_000_000) };
            let plays = if extreme { plan_plays - draw.between(0, 3) } else { draw.between(1, plan_plays) };
            let revenue = if extreme { 1_000_000_000_000_000 } else { draw.between(0, 1_000_000_000_000_000) };
            let (rate, share) = (draw.between(1, 4_825), draw.between(1, 10_000));
            let pool = with(&pool, &[("r.revenue", revenue), ("o.rate", rate)]);
            let divisor = with(&divisor, &[("p.plays", plan_plays)]);
            let names = [("t.plays", plays), ("h.share", share)];
            let line = with(&line, &names).replace("p.pool", "pool").replace("p.divisor", "divisor");
            let query = format!("SELECT {line} FROM (SELECT {pool} AS pool, {divisor} AS divisor)");
            let found: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut memory).await.expect("a line");
            let product = num_bigint::BigInt::from(revenue) * rate * plays * share;
            assert_eq!(
                num_bigint::BigInt::from(found),
                product / 10_000 / plan_plays,
                "{revenue} {rate} {plays} {share}"
            );
        }
        for beyond in [
            with(&divisor, &[("p.plays", 30_000_001)]),
            with(&pool, &[("r.revenue", 1_000_000_000_000_001), ("o.rate", 1)]),
        ] {
            let query = sqlx::AssertSqlSafe(format!("SELECT {beyond}"));
            let error = sqlx::query_scalar::<_, i64>(query).fetch_one(&mut memory).await.expect_err("beyond the limit");
            assert!(error.to_string().contains("integer overflow"), "{error}");
        }
    });
}

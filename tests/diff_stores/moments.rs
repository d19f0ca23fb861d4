//! When what was read: snapshots, rows that change while they are read, reading by ranges; and conditions.

use std::time::Duration;

use mongodb::bson::doc;
use serde_json::Value as Json;

use super::load::{Kind, Stores, mongo, mysql, postgres};
use super::pairs::{failing_pairs, load, payouts, same};
use super::table::{Table, Type, V};
use super::{diff, discrepancies, totals};

const OPTIONS: [&str; 6] = ["--key", "id", "--type", "net=decimal", "--columns", "name,net,units,day,updated,memo"];

fn two_columns(net: &[i128]) -> Table {
    let rows = net.iter().enumerate().map(|(at, net)| vec![V::Int(at as i64), V::Money(*net)]).collect();
    Table { columns: vec![("id", Type::Big), ("net", Type::Money)], rows, bare: false }
}

fn taken_at(report: &Json, side: &str) -> jiff::Timestamp {
    report["sides"][side]["snapshot"]["taken_at"].as_str().expect("a moment").parse().expect("a timestamp")
}

#[test]
fn every_database_says_when_its_snapshot_was_taken() {
    let stores = Stores::new();
    let table = two_columns(&[10_000, 20_000]);
    let csv = stores.load(Kind::Csv, "few", &table);
    for kind in [Kind::MySql, Kind::Postgres, Kind::Sqlite, Kind::Mongo] {
        let side = stores.load(kind, "few", &table);
        let before = jiff::Timestamp::now();
        let options = ["--key", "id", "--columns", "net", "--type", "net=decimal"];
        let (code, report) = diff(&stores.place, &[&[side.as_str(), &csv], &options[..]].concat());
        assert_eq!(code, 0, "{kind:?} {report}");
        let snapshot = &report["sides"]["legacy"]["snapshot"];
        assert_eq!(snapshot["consistent"], true, "{kind:?} {snapshot}");
        assert!(snapshot["how"].as_str().is_some_and(|how| !how.is_empty()), "{kind:?} {snapshot}");
        // MongoDB's moment is that of its last write, which goes back up to ten seconds on a quiet server.
        let early = jiff::SignedDuration::from_secs(if kind == Kind::Mongo { 30 } else { 2 });
        let at = taken_at(&report, "legacy");
        assert!(before - early < at && at < jiff::Timestamp::now() + early, "{kind:?} {snapshot} {before}");
        // When a file was last changed says nothing about how far apart two readings lie.
        assert_eq!(report["sides"]["snapshots_apart_seconds"], Json::Null, "{kind:?}");
        let (code, report) = diff(&stores.place, &[&[side.as_str(), &side], &options[..]].concat());
        assert_eq!(code, 0, "{kind:?} {report}");
        let (legacy, candidate) = (taken_at(&report, "legacy"), taken_at(&report, "candidate"));
        let apart = legacy.duration_since(candidate).as_secs_f64().abs();
        let said = report["sides"]["snapshots_apart_seconds"].to_string().trim_matches('"').parse::<f64>();
        assert!((said.expect("seconds") - apart).abs() < 0.01, "{kind:?} {}", report["sides"]);
    }
}

/// Record 1 differs and is put right while recon waits; record 3 differs and stays so.
fn a_change_is_transient(kind: Kind, put_right: impl FnOnce(&Stores)) {
    let stores = Stores::new();
    let moving = stores.load(kind, "moving", &two_columns(&[10_000, 99_999, 30_000, 40_000]));
    let still = stores.load(Kind::Sqlite, "still", &two_columns(&[10_000, 20_000, 30_000, 40_001]));
    let arguments = ["--key", "id", "--columns", "net", "--type", "net=decimal", "--recheck", "1", "--recheck-delay"];
    for (legacy, candidate) in [(&moving, &still), (&still, &moving)] {
        let (code, report) = diff(&stores.place, &[&[legacy.as_str(), candidate], &arguments[..], &["100ms"]].concat());
        assert_eq!((code, report["transient"].as_u64(), report["rechecks"].as_u64()), (1, Some(0), Some(1)));
        assert_eq!(discrepancies(&report), ["1 mismatch net", "3 mismatch net"]);
    }
    let (code, report) = std::thread::scope(|scope| {
        let run = || diff(&stores.place, &[&[moving.as_str(), &still], &arguments[..], &["4s"]].concat());
        let running = scope.spawn(run);
        std::thread::sleep(Duration::from_secs(2));
        put_right(&stores);
        running.join().expect("recon ended")
    });
    assert_eq!((code, report["transient"].as_u64(), report["rechecks"].as_u64()), (1, Some(1), Some(1)), "{report}");
    assert_eq!(discrepancies(&report), ["3 mismatch net"]);
    let counts = &report["counts"];
    assert_eq!(
        (counts["keys"].as_u64(), counts["matched"].as_u64(), counts["mismatched"].as_u64()),
        (Some(4), Some(3), Some(1))
    );
    assert_eq!((&report["rows"]["legacy"], &report["rows"]["candidate"]), (&4.into(), &4.into()));
    // 1 + 2 + 3 + 4, and 0.0001 more: the totals are those after the change.
    let totals: Vec<String> = totals(&report, "net").into_iter().take(6).map(|(_, amount)| amount).collect();
    assert_eq!(totals, ["10", "10.0001", "0.0001", "0.0001", "0.0001", "0"]);
}

#[test]
fn a_change_in_mysql_between_two_readings_is_transient() {
    a_change_is_transient(Kind::MySql, |stores| {
        mysql(&stores.url("MYSQL"), "UPDATE moving SET net = 2 WHERE id = 1".into());
    });
}

#[test]
fn a_change_in_postgres_between_two_readings_is_transient() {
    a_change_is_transient(Kind::Postgres, |stores| {
        postgres(&stores.url("POSTGRES"), "UPDATE moving SET net = 2 WHERE id = 1".into());
    });
}

#[test]
fn a_change_in_mongodb_between_two_readings_is_transient() {
    a_change_is_transient(Kind::Mongo, |stores| {
        mongo(&stores.url("MONGODB"), async |database| {
            let amount: mongodb::bson::Decimal128 = "2".parse().expect("an amount");
            let change = doc! { "$set": { "net": amount } };
            let moving = database.collection::<mongodb::bson::Document>("moving");
            moving.update_one(doc! { "id": 1i64 }, change).await.expect("changed");
        });
    });
}

#[test]
fn reading_by_ranges_gives_the_same_answer() {
    let payouts = payouts(2_500);
    let stores = Stores::new();
    let of = |kind, name: &str, table| stores.load(kind, name, table);
    let pairs = [
        (of(Kind::MySql, "l", &payouts.legacy), of(Kind::Mongo, "c", &payouts.candidate)),
        (of(Kind::Postgres, "l", &payouts.legacy), of(Kind::Sqlite, "c", &payouts.candidate)),
        (of(Kind::Mongo, "l", &payouts.legacy), of(Kind::Postgres, "c", &payouts.candidate)),
        (of(Kind::Sqlite, "l", &payouts.legacy), of(Kind::MySql, "c", &payouts.candidate)),
    ];
    let csv = (of(Kind::Csv, "l", &payouts.legacy), of(Kind::Csv, "c", &payouts.candidate));
    let files = [(pairs[0].0.clone(), csv.1.clone()), (csv.0.clone(), pairs[0].1.clone())];
    for (legacy, candidate) in pairs.iter().chain(&files) {
        let run = |parts: &str| {
            let more = ["--partitions", parts];
            let (code, report) = diff(&stores.place, &[&[legacy.as_str(), candidate], &OPTIONS[..], &more].concat());
            assert_eq!(code, 1, "{legacy} {candidate} {}", report["reasons"]);
            report
        };
        let (whole, parts) = (run("1"), run("4"));
        let notices = parts["sides"]["legacy"]["notices"].to_string();
        assert!(notices.contains("read in 4 ranges"), "{legacy} {candidate} {notices}");
        assert_eq!(parts["counts"], payouts.counts, "{legacy} {candidate}");
        assert_eq!(parts["rows"], whole["rows"], "{legacy} {candidate}");
        assert_eq!(discrepancies(&parts), payouts.faults, "{legacy} {candidate}");
        assert_eq!(parts["columns"], whole["columns"], "{legacy} {candidate}");
    }
}

#[test]
fn a_condition_selects_the_same_records_in_every_store() {
    let payouts = payouts(600);
    let stores = Stores::new();
    let legacy = load(&stores, "legacy", &payouts.legacy, &Kind::ALL);
    let candidate = load(&stores, "candidate", &payouts.candidate, &Kind::ALL);
    type Holds = fn(&[V]) -> bool;
    fn number(row: &[V], at: usize) -> Option<i128> {
        match row[at] {
            V::Int(n) => Some(n.into()),
            V::Money(units) => Some(units),
            _ => None,
        }
    }
    let conditions: [(&str, Holds); 9] = [
        (
            "name >= 'back' AND name < 'zzz'",
            |row| matches!(&row[1], V::Text(name) if ("back".."zzz").contains(&name.as_str())),
        ),
        ("units > 100", |row| number(row, 3) > Some(100)),
        ("net >= 9007199254740993.0002", |row| number(row, 2) >= Some(90_071_992_547_409_930_002)),
        ("net < 0", |row| number(row, 2).is_some_and(|net| net < 0)),
        ("name = 'trailing blank'", |_| false),
        ("name <> 'TRAILING BLANK' AND name <> 'null'", |row| row[1] != V::Null),
        ("memo IS NULL AND name IN ('007', '😀 é', 'two\nlines', '')", |row| {
            row[6] == V::Null
                && matches!(&row[1], V::Text(name) if ["007", "😀 é", "two\nlines", ""].contains(&name.as_str()))
        }),
        ("day < '2025-06-01' OR NOT (units <= 90)", |row| {
            matches!(row[4], V::Day(days) if days < 20_240) || number(row, 3) > Some(90)
        }),
        ("memo IS NOT NULL AND net BETWEEN 100.5 AND 30000.25", |row| {
            row[6] != V::Null && number(row, 2).is_some_and(|net| (1_005_000..=300_002_500).contains(&net))
        }),
    ];
    let mut failed = Vec::new();
    for (condition, holds) in conditions {
        let rows = |table: &Table| Some(table.rows.iter().filter(|row| holds(row)).count() as u64);
        let expected = [rows(&payouts.legacy), rows(&payouts.candidate)];
        let options = [&OPTIONS[..], &["--where", condition, "--allow-empty"]].concat();
        let first = std::sync::Mutex::new(None);
        // Each kind against one file: every kind stands on each side.
        let check = |_: i32, report: &Json| {
            let rows = [report["rows"]["legacy"].as_u64(), report["rows"]["candidate"].as_u64()];
            same(condition, &expected, &rows)?;
            let mut first = first.lock().unwrap();
            let found = discrepancies(report);
            same(condition, first.get_or_insert_with(|| found.clone()), &found)
        };
        failed.extend(failing_pairs(&stores, &legacy, &candidate[4..5], &options, check));
        failed.extend(failing_pairs(&stores, &legacy[4..5], &candidate, &options, check));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

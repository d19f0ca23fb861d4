//! Every ordered pair of stores gives the same answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use super::load::{Kind, Stores};
use super::table::{Table, Type, V, money, text};
use super::{diff, discrepancies, totals};

/// Runs a check for every ordered pair of locators, two at a time, and fails with every pair that fails.
pub fn every_pair(
    stores: &Stores,
    legacy: &[(Kind, String)],
    candidate: &[(Kind, String)],
    options: &[&str],
    check: impl Fn(i32, &Json) -> Result<(), String> + Sync,
) {
    let failed = failing_pairs(stores, legacy, candidate, options, check);
    assert!(failed.is_empty(), "{} pairs:\n{}", failed.len(), failed.join("\n"));
}

/// As [`every_pair`], but returns what failed.
pub fn failing_pairs(
    stores: &Stores,
    legacy: &[(Kind, String)],
    candidate: &[(Kind, String)],
    options: &[&str],
    check: impl Fn(i32, &Json) -> Result<(), String> + Sync,
) -> Vec<String> {
    let pairs: Vec<_> = legacy.iter().flat_map(|l| candidate.iter().map(move |c| (l, c))).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((l, c)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (code, report) = diff(&stores.place, &[&[l.1.as_str(), &c.1], options].concat());
                    if let Err(why) = check(code, &report) {
                        failed.lock().unwrap().push(format!("{:?} against {:?}: {why}", l.0, c.0));
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap()
}

pub fn load(stores: &Stores, name: &str, table: &Table, kinds: &[Kind]) -> Vec<(Kind, String)> {
    kinds.iter().map(|kind| (*kind, stores.load(*kind, name, table))).collect()
}

/// A comparison of what was expected with what came, short enough to read.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &[T], got: &[T]) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let missing: Vec<&T> = expected.iter().filter(|e| !got.contains(e)).take(4).collect();
    let more: Vec<&T> = got.iter().filter(|g| !expected.contains(g)).take(4).collect();
    Err(format!("{what}: {} expected, {} came; not there: {missing:?}; too much: {more:?}", expected.len(), got.len()))
}

/// Shuffles in the same way every time.
fn shuffle<T>(items: &mut [T]) {
    let mut state: u64 = 0x2545_F491_4F6C_DD1D;
    for at in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(at, (state >> 33) as usize % (at + 1));
    }
}

/// The payouts of one computation and of another with seeded faults, and what a comparison must find.
pub struct Payouts {
    pub legacy: Table,
    pub candidate: Table,
    /// As [`discrepancies`] writes them.
    pub faults: Vec<String>,
    pub counts: Json,
    /// Totals of `net` that follow from the records: legacy, candidate, legacy in duplicates, candidate in them.
    totals: [String; 4],
}

const NET: usize = 2;

pub fn payouts(records: i64) -> Payouts {
    let columns = vec![
        ("id", Type::Big),
        ("name", Type::Text),
        ("net", Type::Money),
        ("units", Type::Int),
        ("day", Type::Day),
        ("updated", Type::Instant),
        ("memo", Type::Text),
    ];
    let (mut legacy, mut candidate, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut in_duplicates = [0, 0];
    for i in 0..records {
        // Keys below zero, and above what a double holds exactly.
        let id = i * 3 - 30 + if i > 2_000 { 9_007_199_254_740_993 } else { 0 };
        let name = match i % 10 {
            0 => format!("Name {i}"),
            1 => format!("이름 {i}"),
            2 => "trailing blank ".to_owned(),
            3 => String::new(),
            4 => "😀 é".to_owned(),
            5 => "007".to_owned(),
            6 => "a \"quote\", a comma, an apostrophe's".to_owned(),
            7 => "two\nlines".to_owned(),
            8 => "back\\slash\ttab".to_owned(),
            _ => "NULL".to_owned(),
        };
        let net: i128 = match i % 7 {
            0 => 90_071_992_547_409_930_001 + i128::from(i),
            1 => -12_345_600 - i128::from(i) * 100,
            2 => 0,
            _ => i128::from(i) * 1_234_500,
        };
        let memo = if i % 3 == 0 { V::Null } else { V::Text(format!("memo {i}")) };
        let row = vec![
            V::Int(id),
            V::Text(name),
            V::Money(net),
            V::Int(i % 1_000 - 500),
            V::Day(20_000 + (i % 900) as i32),
            V::Instant(1_762_300_800_000 + i * 86_400_037),
            memo,
        ];
        let mut other = row.clone();
        let mut differs = Vec::new();
        match i % 500 {
            7 => {
                other[NET] = V::Money(net + 1);
                differs.push("net");
            }
            13 => {
                let mut extra = row.clone();
                extra[0] = V::Int(id + 1);
                candidate.push(extra);
                faults.push(format!("{} candidate_only ", id + 1));
                *counts.entry("candidate_only").or_default() += 1;
            }
            17 => {
                other[6] = if row[6] == V::Null { text("") } else { V::Null };
                differs.push("memo");
            }
            31 => {
                other[1] = V::Text(format!("이름 {i} "));
                differs.push("name");
            }
            37 => {
                other[NET] = V::Money(net - 10_000_000);
                other[3] = V::Int(1_000);
                differs.extend(["net", "units"]);
            }
            41 => {
                other[5] = V::Instant(1_762_300_800_001 + i * 86_400_037);
                differs.push("updated");
            }
            43 => {
                other[4] = V::Day(19_999);
                differs.push("day");
            }
            47 => {
                other[NET] = V::Null;
                differs.push("net");
            }
            53 => {
                other[1] = V::Null;
                differs.push("name");
            }
            _ => {}
        }
        legacy.push(row.clone());
        match i % 500 {
            11 => {
                faults.push(format!("{id} legacy_only "));
                *counts.entry("legacy_only").or_default() += 1;
                continue;
            }
            // The same record twice on one side; two that differ on the other.
            23 | 29 => {
                let mut twin = row.clone();
                let side = usize::from(i % 500 == 23);
                if side == 0 {
                    twin[NET] = V::Money(net + 5);
                    legacy.push(twin.clone());
                } else {
                    candidate.push(twin.clone());
                }
                let V::Money(of_twin) = twin[NET] else { panic!("an amount") };
                in_duplicates[0] += net;
                in_duplicates[1] += net;
                in_duplicates[side] += of_twin;
                faults.push(format!("{id} duplicate_key "));
                *counts.entry("duplicate").or_default() += 1;
            }
            _ if differs.is_empty() => *counts.entry("matched").or_default() += 1,
            _ => {
                faults.push(format!("{id} mismatch {}", differs.join(",")));
                *counts.entry("mismatched").or_default() += 1;
            }
        }
        candidate.push(other);
    }
    faults.sort();
    let sum = |rows: &[Vec<V>]| rows.iter().map(|row| if let V::Money(units) = row[NET] { units } else { 0 }).sum();
    let totals = [sum(&legacy), sum(&candidate), in_duplicates[0], in_duplicates[1]].map(|units| money(units, true));
    shuffle(&mut candidate);
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let counts = json!({
        "keys": counts.values().sum::<u64>(), "matched": count("matched"), "tolerated": 0,
        "mismatched": count("mismatched"), "legacy_only": count("legacy_only"),
        "candidate_only": count("candidate_only"), "duplicate": count("duplicate"), "unknown": 0,
    });
    let legacy = Table { columns: columns.clone(), rows: legacy, bare: false };
    Payouts { legacy, candidate: Table { columns, rows: candidate, bare: true }, faults, counts, totals }
}

#[test]
fn every_pair_of_stores_finds_the_same_faults() {
    let payouts = payouts(2_500);
    let stores = Stores::new();
    let legacy = load(&stores, "legacy", &payouts.legacy, &Kind::ALL);
    let candidate = load(&stores, "candidate", &payouts.candidate, &Kind::ALL);
    // SQLite has no decimals: the amounts are text there. MongoDB's own `_id` says nothing.
    let options = ["--key", "id", "--type", "net=decimal", "--columns", "name,net,units,day,updated,memo"];
    let first: Mutex<Option<Vec<(String, String)>>> = Mutex::new(None);
    every_pair(&stores, &legacy, &candidate, &options, |code, report| {
        if code != 1 || report["verdict"] != "differ" || report["truncated"] != false {
            return Err(format!("exit code {code}, {}", report["reasons"]));
        }
        same("discrepancies", &payouts.faults, &discrepancies(report))?;
        if report["counts"] != payouts.counts {
            return Err(format!("{} and not {}", report["counts"], payouts.counts));
        }
        let rows = [report["rows"]["legacy"].as_u64(), report["rows"]["candidate"].as_u64()];
        let stored = [payouts.legacy.rows.len(), payouts.candidate.rows.len()].map(|n| Some(n as u64));
        same("records", &stored, &rows)?;
        let found = totals(report, "net");
        let of = |name: &str| found.iter().find(|(n, _)| n == name).map(|(_, amount)| amount.clone()).unwrap();
        let names = ["legacy_total", "candidate_total", "legacy_in_duplicates", "candidate_in_duplicates"];
        same("totals", &payouts.totals, &names.map(of))?;
        let mut first = first.lock().unwrap();
        same("all totals", first.get_or_insert_with(|| found.clone()), &found)
    });
}

fn all_match(report: &Json, code: i32, records: usize) -> Result<(), String> {
    let counts = &report["counts"];
    let matched = counts["matched"] == records && counts["keys"] == records && counts["unknown"] == 0;
    if (code, report["verdict"].as_str()) == (0, Some("agree")) && matched {
        return Ok(());
    }
    let some: Vec<String> = discrepancies(report).into_iter().take(5).collect();
    Err(format!("exit code {code}, {counts}, {}, {some:?}", report["reasons"]))
}

/// The same records on both sides, the candidate's in another order: everything meets, on every pair.
fn everything_meets(columns: Vec<(&'static str, Type)>, key: &str, keys: Vec<Vec<V>>, kinds: &[Kind]) {
    let rows: Vec<Vec<V>> = (keys.into_iter().enumerate())
        .map(|(at, key)| key.into_iter().chain([V::Money(at as i128 * 12_500)]).collect())
        .collect();
    let records = rows.len();
    let columns: Vec<_> = columns.into_iter().chain([("net", Type::Money)]).collect();
    let mut candidate = Table { columns: columns.clone(), rows: rows.clone(), bare: true };
    shuffle(&mut candidate.rows);
    let stores = Stores::new();
    let legacy = load(&stores, "legacy", &Table { columns, rows, bare: false }, kinds);
    let candidate = load(&stores, "candidate", &candidate, kinds);
    let options = ["--key", key, "--columns", "net", "--type", "net=decimal"];
    every_pair(&stores, &legacy, &candidate, &options, |code, report| all_match(report, code, records));
}

#[test]
fn text_keys_meet_byte_by_byte_on_every_pair() {
    let keys =
        ["po_2", "po_2 ", "PO_2", "é", "e\u{301}", "😀", "\u{ffee}", "~", "a\tb", "", "a", "B", "_", "-", "a b", "ß"];
    let keys = keys.into_iter().map(|key| vec![text(key)]).collect();
    everything_meets(vec![("id", Type::Text)], "id", keys, &Kind::ALL);
}

#[test]
fn composite_keys_meet_on_every_pair() {
    let mut keys = Vec::new();
    for investor in ["INV-1", "INV-10", "INV-2", "inv-1", "투자자"] {
        for currency in ["KRW", "USD", "usd"] {
            keys.extend([-1, 1, 2, 10, 11].map(|seq| vec![text(investor), text(currency), V::Int(seq)]));
        }
    }
    let columns = vec![("investor", Type::Text), ("currency", Type::Text), ("seq", Type::Int)];
    everything_meets(columns, "investor,currency,seq", keys, &Kind::ALL);
}

#[test]
fn uuid_keys_meet_on_every_pair() {
    let uuid =
        |n: u8| vec![V::Uuid(std::array::from_fn(|at| n.wrapping_mul(89).wrapping_add((at as u8).wrapping_mul(31))))];
    everything_meets(vec![("id", Type::Uuid)], "id", (0..40).map(uuid).collect(), &Kind::ALL);
}

#[test]
fn object_ids_meet_wherever_they_stand() {
    let id = |n: u8| {
        vec![V::ObjectId(std::array::from_fn(|at| n.wrapping_mul(97).wrapping_add((at as u8).wrapping_mul(29))))]
    };
    everything_meets(vec![("_id", Type::ObjectId)], "_id", (0..40).map(id).collect(), &Kind::ALL);
}

//! A shop with two days of sales, small enough that the test computes every fee by itself.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{Place, sqlite};

pub const PROJECT: &str = r#"
[stores.core]
url = "sqlite:core.db"
[reconciliation.fees]
key = ["id"]
params = { day = "date" }
[reconciliation.fees.columns]
fee = { type = "decimal", currency = "KRW" }
net = { type = "decimal", currency = "KRW" }
[reconciliation.fees.legacy]
store = "core"
query = "legacy.sql"
[reconciliation.fees.candidate]
store = "core"
query = "candidate.sql"
[reconciliation.fees.decisions]
store = "core"
table = "decided"
"#;

/// 2.5 %, cut off.
pub const LEGACY: &str = "SELECT id, merchant, amount, amount * 25 / 1000 AS fee, amount - amount * 25 / 1000 AS net \
                          FROM sale WHERE day = :day";
/// 2.5 %, rounded half up.
pub const ROUNDED: &str = "SELECT id, merchant, amount, (amount * 25 + 500) / 1000 AS fee, \
                           amount - (amount * 25 + 500) / 1000 AS net FROM sale WHERE day = :day";
const CANDIDATE: &str = "SELECT id, merchant, amount, fee, amount - fee AS net FROM (SELECT *, CASE \
                         WHEN id % 50 = 0 THEN (amount * 25 + 500) / 1000 WHEN id % 50 = 1 THEN amount * 25 / 1000 + 5 \
                         ELSE amount * 25 / 1000 END AS fee FROM sale WHERE day = :day)";

/// A sale: its number, its merchant and its amount.
#[derive(Clone, Copy)]
pub struct Sale {
    pub id: i64,
    pub merchant: i64,
    pub amount: i64,
}

impl Sale {
    pub fn cut(self) -> i64 {
        self.amount * 25 / 1000
    }

    pub fn rounded(self) -> i64 {
        (self.amount * 25 + 500) / 1000
    }

    pub fn candidate(self) -> i64 {
        match self.id % 50 {
            0 => self.rounded(),
            1 => self.cut() + 5,
            _ => self.cut(),
        }
    }
}

pub const DAYS: [&str; 2] = ["2026-11-12", "2026-11-13"];

/// The sales of a day.
pub fn sales(day: &str) -> Vec<Sale> {
    let first = if day == DAYS[0] { 1 } else { 1_001 };
    let sale = |id: i64| Sale { id, merchant: id % 7, amount: 1_000 + id * id * 37 % 99_991 };
    (first..first + 400).map(sale).collect()
}

/// The shop, each of its days verified.
pub fn shop() -> Place {
    let place = unverified();
    for day in DAYS {
        verify(&place, day);
    }
    place
}

/// The shop before anything was verified.
pub fn unverified() -> Place {
    let place = Place::new().env("RECON_USER", "kim");
    place.write("recon.toml", PROJECT);
    place.write("legacy.sql", LEGACY);
    place.write("candidate.sql", CANDIDATE);
    let mut script =
        "CREATE TABLE sale (id INTEGER PRIMARY KEY, merchant INTEGER, day TEXT, amount INTEGER);".to_owned();
    for day in DAYS {
        for Sale { id, merchant, amount } in sales(day) {
            script.push_str(&format!("INSERT INTO sale VALUES ({id}, {merchant}, '{day}', {amount});"));
        }
    }
    sql(&place, &script);
    place
}

pub fn verify(place: &Place, day: &str) {
    let verified = place.recon(&["verify", "fees", "--param", &format!("day={day}")]);
    assert_eq!(verified.code, Some(0), "{verified}");
}

pub fn sql(place: &Place, script: &str) {
    sqlite(&place.path().join("core.db"), script);
}

/// Every file below the working folder with its bytes, but for the memory that readers of a SQLite file share, and the empty
/// log that SQLite lays beside it for them.
pub fn files(place: &Place) -> BTreeMap<String, Vec<u8>> {
    fn below(folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => below(&path, all),
                false => drop(all.insert(path.display().to_string(), std::fs::read(&path).expect("a file"))),
            }
        }
    }
    let mut all = BTreeMap::new();
    below(&place.path(), &mut all);
    all.retain(|name, bytes| !(name.ends_with("-shm") || name.ends_with("-wal") && bytes.is_empty()));
    all
}

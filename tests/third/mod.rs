//! The third computation of the worked settlements: plain Rust over fractions of big integers, straight from the rules.
//! Shares no code with either path; made to be read beside the rules, not to be fast.
#![allow(dead_code, clippy::expect_used, clippy::panic)]

pub mod merchant;
pub mod p2p;
pub mod royalty;

use std::collections::BTreeMap;
use std::ops::{Add, Div, Mul, Sub};

use num_bigint::BigInt;
use recon::domain::Value;
use recon::examples::{Column, Table};

/// Key values as texts; each column's value as the shortest decimal text, or an ISO date.
pub type Results = BTreeMap<Vec<String>, BTreeMap<String, String>>;

/// A fraction; the denominator is positive.
#[derive(Clone, Debug)]
pub struct Ratio {
    n: BigInt,
    d: BigInt,
}

impl Ratio {
    pub fn whole(number: i64) -> Ratio {
        Ratio { n: number.into(), d: 1.into() }
    }

    /// Reads a plain decimal.
    pub fn parse(text: &str) -> Ratio {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let n = format!("{whole}{fraction}").parse().unwrap_or_else(|_| panic!("{text} is not a decimal"));
        Ratio { n, d: BigInt::from(10).pow(u32::try_from(fraction.len()).expect("short")) }
    }

    pub fn is_zero(&self) -> bool {
        self.n == BigInt::ZERO
    }

    pub fn is_negative(&self) -> bool {
        self.n < BigInt::ZERO
    }

    pub fn max(self, other: Ratio) -> Ratio {
        if (self.clone() - other.clone()).is_negative() { other } else { self }
    }

    /// The largest whole number that is not above it.
    pub fn floor(&self) -> Ratio {
        let (mut quotient, rest) = (&self.n / &self.d, &self.n % &self.d);
        if rest < BigInt::ZERO {
            quotient -= 1;
        }
        Ratio { n: quotient, d: 1.into() }
    }

    /// Towards zero, at this many digits behind the point.
    pub fn truncated(&self, scale: u32) -> Ratio {
        let unit = Ratio { n: BigInt::from(10).pow(scale), d: 1.into() };
        let shifted = self.clone() * unit.clone();
        Ratio { n: shifted.n / shifted.d, d: 1.into() } / unit
    }

    /// To the nearest whole number, a tie away from zero.
    pub fn half_up(&self) -> Ratio {
        let half = Ratio::whole(1) / Ratio::whole(2);
        if self.is_negative() {
            Ratio::whole(0) - (Ratio::whole(0) - self.clone() + half).floor()
        } else {
            (self.clone() + half).floor()
        }
    }

    /// Below ten: dropped.
    pub fn tens(&self) -> Ratio {
        (self.clone() / Ratio::whole(10)).floor() * Ratio::whole(10)
    }

    /// The shortest decimal text.
    pub fn show(&self) -> String {
        let mut scaled = self.clone();
        for scale in 0..40_u32 {
            if &scaled.n % &scaled.d == BigInt::ZERO {
                let digits = &scaled.n / &scaled.d;
                let negative = digits < BigInt::ZERO;
                let mut text = digits.to_string().trim_start_matches('-').to_owned();
                if scale > 0 {
                    let width = usize::try_from(scale).expect("small") + 1;
                    text = format!("{text:0>width$}");
                    text.insert(text.len() + 1 - width, '.');
                }
                return if negative { format!("-{text}") } else { text };
            }
            scaled.n *= 10;
        }
        panic!("{} / {} is no decimal", self.n, self.d);
    }
}

impl Add for Ratio {
    type Output = Ratio;
    fn add(self, other: Ratio) -> Ratio {
        Ratio { n: &self.n * &other.d + &other.n * &self.d, d: self.d * other.d }.reduced()
    }
}

impl Sub for Ratio {
    type Output = Ratio;
    fn sub(self, other: Ratio) -> Ratio {
        Ratio { n: &self.n * &other.d - &other.n * &self.d, d: self.d * other.d }.reduced()
    }
}

impl Mul for Ratio {
    type Output = Ratio;
    fn mul(self, other: Ratio) -> Ratio {
        Ratio { n: self.n * other.n, d: self.d * other.d }.reduced()
    }
}

impl Div for Ratio {
    type Output = Ratio;
    fn div(self, other: Ratio) -> Ratio {
        let sign = if other.n < BigInt::ZERO { -1 } else { 1 };
        Ratio { n: self.n * other.d * sign, d: self.d * other.n * sign }.reduced()
    }
}

impl Ratio {
    /// Sums over many records must not grow their denominators without end.
    fn reduced(self) -> Ratio {
        let (mut a, mut b) = (self.n.clone(), self.d.clone());
        while b != BigInt::ZERO {
            (a, b) = (b.clone(), a % b);
        }
        if a < BigInt::ZERO {
            a = -a;
        }
        Ratio { n: self.n / &a, d: self.d / a }
    }
}

/// One row or flattened document, by names.
#[derive(Clone, Debug)]
pub struct Record(pub BTreeMap<String, Value>);

impl Record {
    /// The exact text of a field.
    pub fn text(&self, name: &str) -> String {
        self.0.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_string()
    }

    pub fn ratio(&self, name: &str) -> Ratio {
        Ratio::parse(&self.text(name))
    }

    /// Absent and NULL are `None`.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_missing()).map(Value::to_string)
    }
}

pub fn rows_of(columns: &[Column], rows: impl Iterator<Item = Vec<Value>>) -> Vec<Record> {
    let record = |row: Vec<Value>| {
        assert_eq!(row.len(), columns.len());
        Record(columns.iter().map(|c| c.name.to_owned()).zip(row).collect())
    };
    rows.map(record).collect()
}

pub fn table(tables: &[Table], name: &str) -> Vec<Record> {
    let table = tables.iter().find(|t| t.name == name).unwrap_or_else(|| panic!("no table {name}"));
    rows_of(table.columns, table.rows())
}

/// A document with its nested documents' fields under dotted names; arrays stay.
pub fn flat(document: &Value) -> Record {
    fn walk(prefix: &str, value: &Value, out: &mut BTreeMap<String, Value>) {
        match value {
            Value::Document(fields) => {
                for (name, field) in fields {
                    let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    walk(&name, field, out);
                }
            }
            other => {
                out.insert(prefix.to_owned(), other.clone());
            }
        }
    }
    let mut fields = BTreeMap::new();
    walk("", document, &mut fields);
    Record(fields)
}

/// The items of an array field, each flattened.
pub fn items(record: &Record, name: &str) -> Vec<Record> {
    match &record.0[name] {
        Value::Array(items) => items.iter().map(flat).collect(),
        other => panic!("{name} is no array: {other}"),
    }
}

/// Adds to a column of a result.
pub fn add(results: &mut BTreeMap<Vec<String>, BTreeMap<String, Ratio>>, key: &[String], column: &str, amount: Ratio) {
    let column = results.entry(key.to_vec()).or_default().entry(column.to_owned()).or_insert(Ratio::whole(0));
    *column = column.clone() + amount;
}

/// The texts of summed results.
pub fn shown(results: BTreeMap<Vec<String>, BTreeMap<String, Ratio>>) -> Results {
    let columns = |columns: BTreeMap<String, Ratio>| columns.into_iter().map(|(name, r)| (name, r.show())).collect();
    results.into_iter().map(|(key, values)| (key, columns(values))).collect()
}

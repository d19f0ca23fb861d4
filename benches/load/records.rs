//! The records of both sides, made from a seed and an id alone: any record can be made again without the others.
//!
//! One record in a thousand carries a fault. What is no fault, but has fooled comparisons, is everywhere: trailing
//! zeros, a negative zero, NULL against an absent field, amounts beyond 2^53 units.

use std::io::{self, Write};

use mongodb::bson::{DateTime, Decimal128, RawBsonRef, RawDocumentBuf, cstr};
use serde_json::{Value, json};

/// The columns, as the first line of the CSV files. The key is `_id` in documents.
pub const HEADER: &str = "id,investor,principal,interest,fee,net,status,updated,units,memo";
const AMOUNTS: [&str; 4] = ["principal", "interest", "fee", "net"];
/// Units of an amount column in one: DECIMAL(18,4).
const ONE: i64 = 10_000;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// One amount, by its place in `AMOUNTS`, is off by 0.0001 in the candidate.
    Amount { at: usize, units: i64 },
    /// The candidate lacks the record.
    LegacyOnly,
    /// The legacy lacks the record.
    CandidateOnly,
    /// The legacy's memo is NULL, the candidate's is text.
    MemoNullInLegacy,
    /// The candidate's memo is absent, the legacy's is text.
    MemoAbsentInCandidate,
}

/// How the candidate writes an amount down; the value is the same.
#[derive(Clone, Copy)]
enum Notation {
    /// With four decimals.
    Plain,
    /// Without trailing zeros.
    Short,
    /// With two more zeros.
    Long,
}

/// One record on both sides.
pub struct Pair {
    /// What is wrong with it.
    pub fault: Fault,
    id: u64,
    investor: u64,
    amounts: [i64; 4],
    notation: Notation,
    status: &'static str,
    /// Milliseconds since 1970.
    updated: i64,
    units: i32,
    memo: Option<String>,
    /// An absent memo stands in the document as an explicit null.
    null_written: bool,
}

/// Numbers that depend on nothing but their seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn amount(&mut self) -> i64 {
        let below = match self.below(1_000) {
            0 => 900_000_000_000_000_000, // more units than a float counts
            1..=50 => 1,                  // zero
            51..=150 => 1_000_000 * ONE as u64,
            _ => 10_000 * ONE as u64,
        };
        let amount = i64::try_from(self.below(below)).unwrap_or_default();
        match self.below(40) {
            0 => -amount,
            1..=8 => amount - amount % ONE, // a whole amount, all zeros behind the point
            _ => amount,
        }
    }
}

impl Pair {
    /// The record of this id.
    pub fn new(seed: u64, id: u64) -> Pair {
        let mut chance = Chance(seed ^ id.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let fault = match chance.below(10_000) {
            0..=3 => {
                let units = if chance.below(2) == 0 { 1 } else { -1 };
                Fault::Amount { at: chance.below(4) as usize, units }
            }
            4..=5 => Fault::LegacyOnly,
            6..=7 => Fault::CandidateOnly,
            8 => Fault::MemoNullInLegacy,
            9 => Fault::MemoAbsentInCandidate,
            _ => Fault::None,
        };
        let with_memo = matches!(fault, Fault::MemoNullInLegacy | Fault::MemoAbsentInCandidate) || chance.below(10) < 3;
        Pair {
            fault,
            id,
            investor: chance.below(400_000),
            amounts: std::array::from_fn(|_| chance.amount()),
            notation: match chance.below(4) {
                0 => Notation::Short,
                1 => Notation::Long,
                _ => Notation::Plain,
            },
            status: ["scheduled", "paid", "overdue", "prepaid"][chance.below(4) as usize],
            updated: 1_767_225_600_000 + i64::try_from(chance.below(180 * 86_400_000)).unwrap_or_default(),
            units: i32::try_from(chance.below(5_000)).unwrap_or_default(),
            memo: with_memo.then(|| format!("tranche {} of loan {}", chance.below(12), chance.below(90_000))),
            null_written: chance.below(4) == 0,
        }
    }

    /// The candidate's amount in units of 0.0001.
    fn candidate_amount(&self, column: usize) -> i64 {
        match self.fault {
            Fault::Amount { at, units } if at == column => self.amounts[column] + units,
            _ => self.amounts[column],
        }
    }

    /// One line, as MariaDB and PostgreSQL load it.
    pub fn legacy_csv(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{},investor-{:06}", self.id, self.investor)?;
        for amount in self.amounts {
            write!(out, ",{}", plain(amount))?;
        }
        let memo = self.memo.as_deref().filter(|_| self.fault != Fault::MemoNullInLegacy);
        self.rest_of_csv(memo, out)
    }

    /// One line of the candidate's file.
    pub fn candidate_csv(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{},investor-{:06}", self.id, self.investor)?;
        for column in 0..AMOUNTS.len() {
            let mut text = plain(self.candidate_amount(column));
            match self.notation {
                Notation::Plain => {}
                Notation::Short => text.truncate(text.trim_end_matches('0').trim_end_matches('.').len()),
                Notation::Long => text.push_str("00"),
            }
            write!(out, ",{text}")?;
        }
        self.rest_of_csv(self.candidate_memo(), out)
    }

    fn rest_of_csv(&self, memo: Option<&str>, out: &mut impl Write) -> io::Result<()> {
        let updated = jiff::Timestamp::from_millisecond(self.updated).map_err(io::Error::other)?;
        let updated = updated.strftime("%Y-%m-%d %H:%M:%S%.6f");
        writeln!(out, ",{},{updated},{},{}", self.status, self.units, memo.unwrap_or_default())
    }

    fn candidate_memo(&self) -> Option<&str> {
        self.memo.as_deref().filter(|_| self.fault != Fault::MemoAbsentInCandidate)
    }

    /// The candidate's document.
    pub fn candidate_document(&self) -> RawDocumentBuf {
        let mut document = RawDocumentBuf::new();
        document.append(cstr!("_id"), i64::try_from(self.id).unwrap_or_default());
        document.append(cstr!("investor"), format!("investor-{:06}", self.investor));
        for (column, name) in
            [cstr!("principal"), cstr!("interest"), cstr!("fee"), cstr!("net")].into_iter().enumerate()
        {
            document.append(name, self.decimal128(self.candidate_amount(column)));
        }
        document.append(cstr!("status"), self.status);
        document.append(cstr!("updated"), DateTime::from_millis(self.updated));
        document.append(cstr!("units"), self.units);
        match self.candidate_memo() {
            Some(memo) => document.append(cstr!("memo"), memo),
            None if self.null_written => document.append(cstr!("memo"), RawBsonRef::Null),
            None => {}
        }
        document
    }

    fn decimal128(&self, amount: i64) -> Decimal128 {
        let (mut coefficient, mut exponent) = (u128::from(amount.unsigned_abs()), -4);
        match self.notation {
            Notation::Plain => {}
            Notation::Short => {
                while exponent < 0 && coefficient.is_multiple_of(10) {
                    (coefficient, exponent) = (coefficient / 10, exponent + 1);
                }
            }
            Notation::Long => (coefficient, exponent) = (coefficient * 100, -6),
        }
        // A zero with a sign, now and then: it equals zero.
        let negative = amount < 0 || (amount == 0 && self.units % 50 == 0);
        let biased = u128::try_from(exponent + 6176).unwrap_or_default();
        let bits = (u128::from(negative) << 127) | (biased << 113) | coefficient;
        Decimal128::from_bytes(bits.to_le_bytes())
    }

    /// What a comparison must say about it.
    pub fn expected(&self) -> Option<Value> {
        let id = self.id.to_string();
        let memo = self.memo.as_deref();
        Some(match self.fault {
            Fault::None => return None,
            Fault::LegacyOnly => json!({ "id": id, "kind": "legacy_only" }),
            Fault::CandidateOnly => json!({ "id": id, "kind": "candidate_only" }),
            Fault::Amount { at, units } => json!({
                "id": id, "kind": "mismatch", "column": AMOUNTS[at],
                "legacy": plain(self.amounts[at]), "candidate": plain(self.amounts[at] + units),
            }),
            Fault::MemoNullInLegacy => {
                json!({ "id": id, "kind": "mismatch", "column": "memo", "legacy": null, "candidate": memo })
            }
            Fault::MemoAbsentInCandidate => {
                json!({ "id": id, "kind": "mismatch", "column": "memo", "legacy": memo, "candidate": null })
            }
        })
    }
}

/// An amount with four decimals.
fn plain(amount: i64) -> String {
    let (sign, units) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    format!("{sign}{}.{:04}", units / ONE.unsigned_abs(), units % ONE.unsigned_abs())
}

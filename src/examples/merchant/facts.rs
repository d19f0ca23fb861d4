//! Merchants' contracts, exchange rates, the calendar and transactions: what happened, before anybody computes.
//!
//! Transactions come in groups of ten: seven sales, then in some groups a full cancel of the first sale and two partial
//! cancels of the second.

use super::super::{Draw, Scale};

// Numbers of the tables for `Draw`.
const CONTRACTS: u32 = 21;
const RATES: u32 = 22;
const GROUPS: u32 = 23;
const TRANSACTIONS: u32 = 24;
const FAULTS: u32 = 25;

const GROUP: u64 = 10;
const DAY: i64 = 86_400;
/// Korea is nine hours ahead of UTC, all year.
const SEOUL: i64 = 9 * 3_600;

/// 2026-10-01 and 2026-10-31 in days since 1970-01-01: the trade days that are settled, both included.
pub(super) const TRADE_FROM: i32 = 20_727;
pub(super) const TRADE_TO: i32 = 20_757;
/// The calendar runs from 2026-09-01 to 2027-01-31.
pub(super) const CALENDAR: (i32, i32) = (20_697, 20_849);
/// Sales are traded from 2026-09-25 on.
const FIRST_SALE: i32 = 20_721;

/// Public holidays on working days: Chuseok, Foundation Day's substitute, Hangul Day, Christmas, New Year.
pub(super) const HOLIDAYS: [(i32, &str); 6] = [
    (20_720, "Chuseok"),                      // 2026-09-24
    (20_721, "Chuseok"),                      // 2026-09-25
    (20_731, "Foundation Day, in its place"), // 2026-10-05
    (20_735, "Hangul Day"),                   // 2026-10-09
    (20_812, "Christmas"),                    // 2026-12-25
    (20_819, "New Year"),                     // 2027-01-01
];

pub(super) const METHODS: [&str; 3] = ["card", "transfer", "wallet"];
/// Currency, least rate and span of rates in 1/10,000 won, smallest unit in 1/100.
pub(super) const CURRENCIES: [(&str, u64, u64, i64); 4] = [
    ("KRW", 10_000, 1, 100),
    ("USD", 13_700_000, 400_000, 1),
    ("EUR", 15_800_000, 500_000, 1),
    ("JPY", 90_000, 5_000, 100),
];

#[derive(Clone, Copy, Debug)]
pub(super) struct Contract {
    pub id: i64,
    pub merchant: i64,
    pub method: &'static str,
    /// First and last day, in days since 1970-01-01.
    pub valid_from: i32,
    pub valid_to: Option<i32>,
    /// In 1/10,000.
    pub rate: i64,
    /// In whole won.
    pub min_fee: i64,
    pub settle_days: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransactionKind {
    Sale,
    Cancel,
    PartialCancel,
}

impl TransactionKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            TransactionKind::Sale => "sale",
            TransactionKind::Cancel => "cancel",
            TransactionKind::PartialCancel => "partial_cancel",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    pub id: i64,
    pub original: Option<i64>,
    pub merchant: i64,
    pub method: &'static str,
    pub kind: TransactionKind,
    pub currency: &'static str,
    /// In 1/100 of the currency; of a cancel: what is cancelled.
    pub amount: i64,
    /// Seconds since 1970-01-01T00:00Z.
    pub at: i64,
}

impl Transaction {
    /// The day in Seoul, in days since 1970-01-01.
    pub(super) fn trade_day(&self) -> i32 {
        (self.at + SEOUL).div_euclid(DAY) as i32
    }

    /// The day in UTC.
    pub(super) fn utc_day(&self) -> i32 {
        self.at.div_euclid(DAY) as i32
    }

    pub(super) fn in_window(&self) -> bool {
        (TRADE_FROM..=TRADE_TO).contains(&self.trade_day())
    }
}

/// What is wrong with a transaction's document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not there.
    Missing,
    /// It stands under another number.
    Stranger,
    /// Its contract's least fee has too many zeros.
    MinFee,
}

/// Added to the number of a transaction whose document stands under another one.
pub(super) const STRANGER: i64 = 1_000_000_000;
/// The least fee of a `Fault::MinFee`, in won: above every fee that is generated.
pub(super) const WRONG_MIN_FEE: i64 = 5_000_000;

pub(super) fn merchants(scale: Scale) -> u64 {
    (scale.records / 200).clamp(5, 50_000)
}

/// The contracts of a merchant, three methods each, some of them changed in the month.
pub(super) fn contracts(scale: Scale, merchant: u64) -> Vec<Contract> {
    let mut all = Vec::new();
    for (n, method) in METHODS.into_iter().enumerate() {
        let number = merchant * 3 + n as u64;
        let mut draw = Draw::at(scale.seed, CONTRACTS, number);
        let mut terms = |valid_from, valid_to, at| Contract {
            id: number as i64 * 2 + at,
            merchant: merchant as i64 + 1,
            method,
            valid_from,
            valid_to,
            rate: draw.between(90, 350),
            min_fee: draw.between(0, 12) * 50,
            settle_days: draw.between(1, 5),
        };
        let first = terms(CALENDAR.0, None, 1);
        let second = terms(0, None, 2);
        if draw.once_in(3) {
            let change = TRADE_FROM + draw.between(1, 28) as i32;
            all.push(Contract { valid_to: Some(change - 1), ..first });
            all.push(Contract { valid_from: change, ..second });
        } else {
            all.push(first);
        }
    }
    all
}

/// The contract in force on a day.
pub(super) fn contract(scale: Scale, merchant: i64, method: &str, day: i32) -> Option<Contract> {
    let in_force = |c: &Contract| c.method == method && c.valid_from <= day && c.valid_to.is_none_or(|to| day <= to);
    contracts(scale, merchant.unsigned_abs() - 1).into_iter().find(in_force)
}

/// The rate of a currency on a day, in 1/10,000 won.
pub(super) fn fx_rate(scale: Scale, currency: &str, day: i32) -> i64 {
    let place = CURRENCIES.iter().position(|c| c.0 == currency).unwrap_or(0);
    let (_, least, span, _) = CURRENCIES[place];
    (least + Draw::at(scale.seed, RATES, u64::from(day.unsigned_abs()) * 8 + place as u64).below(span)) as i64
}

/// Transaction number `at`, and for a cancel what was cancelled of its sale before.
pub(super) fn transaction(scale: Scale, at: u64) -> (Transaction, i64) {
    let (group, place) = (at / GROUP, at % GROUP);
    let first = group * GROUP;
    let shape = Draw::at(scale.seed, GROUPS, group).below(4);
    match (place, shape) {
        (7, 1 | 3) => {
            let of = sale(scale, first);
            let later = Draw::at(scale.seed, TRANSACTIONS, at).between(3_600, 6 * DAY);
            (cancel(&of, at, TransactionKind::Cancel, of.amount, of.at + later), 0)
        }
        (8, 2 | 3) => (first_partial(scale, first + 1, at), 0),
        (9, 2 | 3) => {
            let of = sale(scale, first + 1);
            let before = first_partial(scale, first + 1, at - 1);
            let rest = of.amount - before.amount;
            let mut draw = Draw::at(scale.seed, TRANSACTIONS, at);
            let amount = if draw.once_in(2) { rest } else { part(rest, draw.between(10, 90), of.currency) };
            // Now and then in the same second: then the number decides which came first.
            let later = if draw.once_in(4) { 0 } else { draw.between(60, 3 * DAY) };
            (cancel(&of, at, TransactionKind::PartialCancel, amount, before.at + later), before.amount)
        }
        _ => (sale(scale, at), 0),
    }
}

/// The sale that a generated cancel belongs to.
pub(super) fn sale(scale: Scale, at: u64) -> Transaction {
    let mut draw = Draw::at(scale.seed, TRANSACTIONS, at);
    let place = if draw.below(10) < 7 { 0 } else { 1 + draw.below(3) as usize };
    let (currency, ..) = CURRENCIES[place];
    let amount = match currency {
        "KRW" => draw.between(1_000, 3_000_000) * 100,
        "JPY" => draw.between(100, 300_000) * 100,
        _ => draw.between(100, 200_000),
    };
    Transaction {
        id: at as i64 + 1,
        original: None,
        merchant: draw.below(merchants(scale)) as i64 + 1,
        method: METHODS[draw.below(3) as usize],
        kind: TransactionKind::Sale,
        currency,
        amount,
        // Up to the end of 31 October in Seoul.
        at: i64::from(FIRST_SALE) * DAY + draw.between(0, i64::from(TRADE_TO - FIRST_SALE) * DAY + 15 * 3_600 - 1),
    }
}

fn first_partial(scale: Scale, sale_at: u64, at: u64) -> Transaction {
    let of = sale(scale, sale_at);
    let mut draw = Draw::at(scale.seed, TRANSACTIONS, at);
    let amount = part(of.amount, draw.between(10, 60), of.currency);
    cancel(&of, at, TransactionKind::PartialCancel, amount, of.at + draw.between(3_600, 6 * DAY))
}

/// So many percent of an amount, in whole units of the currency, at least one.
fn part(amount: i64, percent: i64, currency: &str) -> i64 {
    let unit = CURRENCIES.iter().find(|c| c.0 == currency).map_or(1, |c| c.3);
    (amount / unit * percent / 100).max(1) * unit
}

fn cancel(of: &Transaction, at: u64, kind: TransactionKind, amount: i64, moment: i64) -> Transaction {
    Transaction { id: at as i64 + 1, original: Some(of.id), kind, amount, at: moment, ..*of }
}

/// Whether and how this transaction's document is wrong.
pub(super) fn fault(scale: Scale, transaction: i64) -> Option<Fault> {
    let mut draw = Draw::at(scale.seed, FAULTS, transaction.unsigned_abs());
    if draw.below(1_000_000) >= u64::from(scale.faults) {
        return None;
    }
    Some(match draw.below(4) {
        0 => Fault::Missing,
        1 => Fault::Stranger,
        _ => Fault::MinFee,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::parse_date;

    #[test]
    fn days_are_what_their_names_say() {
        for (day, number) in [
            ("2026-10-01", TRADE_FROM),
            ("2026-10-31", TRADE_TO),
            ("2026-09-01", CALENDAR.0),
            ("2027-01-31", CALENDAR.1),
            ("2026-09-25", FIRST_SALE),
            ("2026-09-24", HOLIDAYS[0].0),
            ("2026-10-05", HOLIDAYS[2].0),
            ("2026-10-09", HOLIDAYS[3].0),
            ("2026-12-25", HOLIDAYS[4].0),
            ("2027-01-01", HOLIDAYS[5].0),
        ] {
            assert_eq!(parse_date(day), Some(number), "{day}");
        }
    }

    #[test]
    fn a_cancel_never_takes_more_than_there_is() {
        let scale = Scale::of(5_000);
        let mut cancels = 0;
        for at in 0..scale.records {
            let (found, before) = transaction(scale, at);
            assert!(found.amount > 0, "{found:?}");
            if let Some(original) = found.original {
                let of = transaction(scale, original.unsigned_abs() - 1).0;
                assert!(of.original.is_none() && before + found.amount <= of.amount && found.at >= of.at, "{found:?}");
                cancels += 1;
            }
        }
        assert!(cancels > 500, "{cancels}");
    }
}

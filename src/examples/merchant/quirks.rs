//! The merchant settlement's disagreements for realistic reasons, by hand; fixtures/merchant/quirks.md tells the
//! stories. Numbers from 90,000,001 on, merchants of their own.

use super::facts::{Contract, Transaction, TransactionKind};

/// A document as it was built: what it held differs from the tables in what the story says.
pub(super) struct Built {
    pub transaction: Transaction,
    /// The day that the document holds, in days since 1970-01-01.
    pub trade_day: i32,
    pub contract: Contract,
    /// In 1/10,000 won.
    pub fx_rate: i64,
    /// Of the sale that is cancelled: its amount, and what was cancelled before, in 1/100.
    pub original: Option<(i64, i64)>,
}

/// All the quirks' rows and documents.
#[derive(Default)]
pub(super) struct Quirks {
    pub contracts: Vec<Contract>,
    pub transactions: Vec<Transaction>,
    /// Currency, day, rate in 1/10,000 won.
    pub fx_rates: Vec<(&'static str, i32, i64)>,
    pub documents: Vec<Built>,
}

/// A temporary holiday that the documents' calendar lacks: 2026-11-13. No generated trade is settled so late.
pub(super) const TEMPORARY_HOLIDAY: (i32, &str) = (20_770, "temporary holiday");

const FIRST: i64 = 90_000_000;
const OCTOBER_1: i32 = 20_727;
const OCTOBER_12: i32 = 20_738;
const OCTOBER_15: i32 = 20_741;
const OCTOBER_20: i32 = 20_746;

/// Noon in Seoul.
fn noon(day: i32) -> i64 {
    i64::from(day) * 86_400 + 3 * 3_600
}

fn contract(at: i64, rate: i64, settle_days: i64) -> Contract {
    Contract {
        id: FIRST + at * 10,
        merchant: FIRST + at,
        method: "card",
        valid_from: super::facts::CALENDAR.0,
        valid_to: None,
        rate,
        min_fee: 100,
        settle_days,
    }
}

fn sale(at: i64, merchant: i64, won: i64, moment: i64) -> Transaction {
    Transaction {
        id: FIRST + at,
        original: None,
        merchant: FIRST + merchant,
        method: "card",
        kind: TransactionKind::Sale,
        currency: "KRW",
        amount: won * 100,
        at: moment,
    }
}

fn built(transaction: Transaction, contract: Contract) -> Built {
    Built { trade_day: transaction.trade_day(), transaction, contract, fx_rate: 10_000, original: None }
}

pub(super) fn all() -> Quirks {
    let mut q = Quirks::default();

    // The contract was changed on 15 October and entered a week later; the document holds the one of before.
    let before = contract(1, 250, 2);
    let after = Contract { id: before.id + 1, valid_from: OCTOBER_15, rate: 200, settle_days: 3, ..before };
    q.contracts.extend([Contract { valid_to: Some(OCTOBER_15 - 1), ..before }, after]);
    let traded = sale(1, 1, 100_000, noon(OCTOBER_20));
    q.transactions.push(traded);
    q.documents.push(built(traded, before));

    // A partial cancel came in late, before another one that was already there.
    let terms = contract(2, 333, 2);
    q.contracts.push(terms);
    let traded = sale(2, 2, 10_000, noon(OCTOBER_12));
    let partial = |at: i64, hours: i64| Transaction {
        id: FIRST + at,
        original: Some(traded.id),
        kind: TransactionKind::PartialCancel,
        amount: 500 * 100,
        at: traded.at + hours * 3_600,
        ..traded
    };
    q.transactions.extend([traded, partial(3, 1), partial(4, 2)]);
    q.documents.push(built(traded, terms));
    q.documents.push(Built { original: Some((traded.amount, 0)), ..built(partial(4, 2), terms) });

    // Thirty business days go over a temporary holiday that only one calendar has.
    let terms = contract(3, 200, 30);
    q.contracts.push(terms);
    let traded = sale(5, 3, 50_000, noon(OCTOBER_12));
    q.transactions.push(traded);
    q.documents.push(built(traded, terms));

    // Published: 1,390.125. The table's loader rounds a tie up, the documents' builder to the even digit.
    let terms = contract(4, 250, 2);
    q.contracts.push(terms);
    let traded = Transaction { currency: "CHF", ..sale(6, 4, 1_000, noon(OCTOBER_20)) };
    q.fx_rates.push(("CHF", OCTOBER_20, 13_901_300));
    q.transactions.push(traded);
    q.documents.push(Built { fx_rate: 13_901_200, ..built(traded, terms) });

    // 00:30 on 1 October in Seoul is 30 September in UTC, which the document holds.
    let terms = contract(5, 250, 2);
    q.contracts.push(terms);
    let traded = sale(7, 5, 20_000, noon(OCTOBER_1) - 11 * 3_600 - 1_800);
    q.transactions.push(traded);
    q.documents.push(Built { trade_day: traded.utc_day(), ..built(traded, terms) });
    q
}

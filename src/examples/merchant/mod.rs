//! The settlement of a payment gateway: what every transaction of a merchant comes to, and when it is paid. Rules in
//! fixtures/merchant/README.md. Must not compute a settlement, but for [`calculator`], which is the candidate path.

pub mod calculator;
mod facts;
mod quirks;

use std::collections::BTreeMap;

use self::facts::{CALENDAR, CURRENCIES, Contract, Fault, HOLIDAYS, STRANGER, Transaction, WRONG_MIN_FEE};
use self::quirks::{Built, Quirks, TEMPORARY_HOLIDAY};
use super::data::document;
use super::{
    Collection, Column, DataFile, Documents, Example, Kind, Planted, PlantedKind, ProjectFile, Rows, Scale, Table,
    decimal, int, text,
};
use crate::domain::{Value, format_date};

/// The example `merchant`.
pub struct Merchant;

impl Example for Merchant {
    fn name(&self) -> &'static str {
        "merchant"
    }

    fn about(&self) -> [&'static str; 3] {
        [
            "what every card, transfer and wallet transaction comes to for its merchant, and when it is paid",
            "one SQL query with UNION ALL and nested CASE over transactions, contracts, rates and a calendar",
            "a program that settles each transaction by itself, from documents with the contract inside",
        ]
    }

    fn reconciliations(&self) -> &'static [&'static str] {
        &["settlement"]
    }

    fn params(&self) -> &'static [(&'static str, &'static str)] {
        &[("trade_from", "2026-10-01"), ("trade_to", "2026-10-31")]
    }

    fn default_records(&self) -> u64 {
        2_000
    }

    fn tables(&self, scale: Scale) -> Vec<Table> {
        let by_merchant: &[&[&str]] = &[&["merchant_id", "method"]];
        vec![
            Table::new("merchants", MERCHANTS, &["merchant_id"], &[], move || -> Rows {
                let row = |id: i64| vec![int(id), text(format!("Merchant {id}"))];
                let extra: std::collections::BTreeSet<i64> =
                    extra(scale).contracts.into_iter().map(|c| c.merchant).collect();
                Box::new((1..=facts::merchants(scale) as i64).chain(extra).map(row))
            }),
            Table::new("contracts", CONTRACTS, &["contract_id"], by_merchant, move || -> Rows {
                let generated = (0..facts::merchants(scale)).flat_map(move |m| facts::contracts(scale, m));
                Box::new(generated.chain(extra(scale).contracts).map(contract_row))
            }),
            Table::new("fx_rates", FX_RATES, &["currency", "day"], &[], move || -> Rows {
                let days = move |currency: &'static str| {
                    (CALENDAR.0..=CALENDAR.1).map(move |day| (currency, day, facts::fx_rate(scale, currency, day)))
                };
                let generated = CURRENCIES.into_iter().skip(1).flat_map(move |c| days(c.0));
                let row = |(currency, day, rate)| vec![text(currency), Value::Date(day), decimal(rate, 4)];
                Box::new(generated.chain(extra(scale).fx_rates).map(row))
            }),
            Table::new("calendar", BUSINESS_DAYS, &["day"], &[&["is_business", "business_no"]], move || {
                let holidays: Vec<i32> = legacy_holidays(scale).map(|(day, _)| day).collect();
                Box::new((CALENDAR.0..=CALENDAR.1).scan(0, move |number, day| {
                    // 1970-01-01 was a Thursday.
                    let weekend = matches!((day + 4).rem_euclid(7), 0 | 6);
                    let business = !weekend && !holidays.contains(&day);
                    *number += i64::from(business);
                    Some(vec![Value::Date(day), int(i64::from(business)), int(*number)])
                }))
            }),
            Table::new("transactions", TRANSACTIONS, &["transaction_id"], &[&["original_id"]], move || -> Rows {
                let generated = (0..scale.records).map(move |at| facts::transaction(scale, at).0);
                Box::new(generated.chain(extra(scale).transactions).map(transaction_row))
            }),
        ]
    }

    fn collections(&self, scale: Scale) -> Vec<Collection> {
        vec![
            Collection::new("transactions", move || -> Documents {
                let generated = (0..scale.records).filter_map(move |at| generated_document(scale, at));
                Box::new(generated.chain(extra(scale).documents.into_iter().map(|b| transaction_document(&b))))
            }),
            Collection::new("holidays", || -> Documents {
                let holiday = |(day, name): (i32, &str)| {
                    document([
                        ("_id", text(format_date(day))),
                        ("holiday", text(format_date(day))),
                        ("name", text(name)),
                    ])
                };
                Box::new(HOLIDAYS.into_iter().map(holiday))
            }),
        ]
    }

    fn files(&self, _scale: Scale) -> Vec<DataFile> {
        Vec::new()
    }

    fn project(&self) -> &'static [ProjectFile] {
        PROJECT
    }

    fn planted(&self, scale: Scale) -> Vec<Planted> {
        let mut found: BTreeMap<i64, Planted> = BTreeMap::new();
        if scale.faults > 0 {
            for (transaction, _) in (0..scale.records).map(|at| facts::transaction(scale, at)) {
                let fault = facts::fault(scale, transaction.id).filter(|_| transaction.in_window());
                found.extend(fault.into_iter().flat_map(|fault| planted_by(transaction.id, fault)));
            }
        }
        let mut planted: Vec<Planted> = found.into_values().collect();
        if scale.quirks {
            // Generated numbers are below the quirks' ones, strangers' above.
            let quirks = super::quirks(include_str!("../../../fixtures/merchant/quirks.csv"));
            let at = planted.iter().position(|p| p.key[0].len() > 8).unwrap_or(planted.len());
            planted.splice(at..at, quirks);
        }
        planted
    }
}

const PROJECT: &[ProjectFile] = &[
    ProjectFile { name: "recon.toml", text: include_str!("../../../fixtures/merchant/recon.toml") },
    ProjectFile { name: "legacy.mysql.sql", text: include_str!("../../../fixtures/merchant/legacy.mysql.sql") },
    ProjectFile { name: "legacy.postgres.sql", text: include_str!("../../../fixtures/merchant/legacy.postgres.sql") },
    ProjectFile { name: "legacy.sqlite.sql", text: include_str!("../../../fixtures/merchant/legacy.sqlite.sql") },
    ProjectFile { name: "README.md", text: include_str!("../../../fixtures/merchant/README.md") },
    ProjectFile { name: "quirks.md", text: include_str!("../../../fixtures/merchant/quirks.md") },
    ProjectFile { name: "quirks.csv", text: include_str!("../../../fixtures/merchant/quirks.csv") },
    ProjectFile {
        name: "checks/cancelled_more_than_sold.sql",
        text: include_str!("../../../checks/merchant/cancelled_more_than_sold.sql"),
    },
    ProjectFile {
        name: "checks/contract_in_force.sql",
        text: include_str!("../../../checks/merchant/contract_in_force.sql"),
    },
    ProjectFile {
        name: "checks/net_is_what_is_left.json",
        text: include_str!("../../../checks/merchant/net_is_what_is_left.json"),
    },
    ProjectFile {
        name: "checks/settled_on_a_business_day.sql",
        text: include_str!("../../../checks/merchant/settled_on_a_business_day.sql"),
    },
    ProjectFile {
        name: "checks/vat_is_a_tenth_of_the_fee.json",
        text: include_str!("../../../checks/merchant/vat_is_a_tenth_of_the_fee.json"),
    },
];

const MERCHANTS: &[Column] = &[Column::new("merchant_id", Kind::Integer), Column::new("name", Kind::Text(40))];
const CONTRACTS: &[Column] = &[
    Column::new("contract_id", Kind::Integer),
    Column::new("merchant_id", Kind::Integer),
    Column::new("method", Kind::Text(12)),
    Column::new("valid_from", Kind::Date),
    Column::nullable("valid_to", Kind::Date),
    Column::new("rate", Kind::Decimal { digits: 5, scale: 4 }),
    Column::new("min_fee", Kind::Decimal { digits: 18, scale: 0 }),
    Column::new("settle_days", Kind::Integer),
];
const FX_RATES: &[Column] = &[
    Column::new("currency", Kind::Text(3)),
    Column::new("day", Kind::Date),
    Column::new("rate", Kind::Decimal { digits: 12, scale: 4 }),
];
const BUSINESS_DAYS: &[Column] = &[
    Column::new("day", Kind::Date),
    Column::new("is_business", Kind::Integer),
    Column::new("business_no", Kind::Integer),
];
const TRANSACTIONS: &[Column] = &[
    Column::new("transaction_id", Kind::Integer),
    Column::nullable("original_id", Kind::Integer),
    Column::new("merchant_id", Kind::Integer),
    Column::new("method", Kind::Text(12)),
    Column::new("kind", Kind::Text(16)),
    Column::new("currency", Kind::Text(3)),
    Column::new("amount", Kind::Decimal { digits: 18, scale: 2 }),
    Column::new("traded_at", Kind::Instant),
];

fn extra(scale: Scale) -> Quirks {
    if scale.quirks { quirks::all() } else { Quirks::default() }
}

fn legacy_holidays(scale: Scale) -> impl Iterator<Item = (i32, &'static str)> {
    HOLIDAYS.into_iter().chain(scale.quirks.then_some(TEMPORARY_HOLIDAY))
}

fn contract_row(c: Contract) -> Vec<Value> {
    vec![
        int(c.id),
        int(c.merchant),
        text(c.method),
        Value::Date(c.valid_from),
        c.valid_to.map_or(Value::Null, Value::Date),
        decimal(c.rate, 4),
        decimal(c.min_fee, 0),
        int(c.settle_days),
    ]
}

fn instant(seconds: i64) -> Value {
    Value::Instant { nanos: i128::from(seconds) * 1_000_000_000, digits: 0 }
}

fn transaction_row(t: Transaction) -> Vec<Value> {
    vec![
        int(t.id),
        t.original.map_or(Value::Null, int),
        int(t.merchant),
        text(t.method),
        text(t.kind.name()),
        text(t.currency),
        decimal(t.amount, 2),
        instant(t.at),
    ]
}

/// The document of a generated transaction, with its fault. A cancel's document holds contract and rate of its sale.
fn generated_document(scale: Scale, at: u64) -> Option<Value> {
    let (mut transaction, cancelled_before) = facts::transaction(scale, at);
    let of = match transaction.original {
        Some(original) => facts::sale(scale, original.unsigned_abs() - 1),
        None => transaction,
    };
    let day = of.trade_day();
    let mut contract = facts::contract(scale, of.merchant, of.method, day)?;
    let trade_day = transaction.trade_day();
    match facts::fault(scale, transaction.id) {
        Some(Fault::Missing) => return None,
        Some(Fault::Stranger) => transaction.id += STRANGER,
        Some(Fault::MinFee) => contract.min_fee = WRONG_MIN_FEE,
        None => {}
    }
    Some(transaction_document(&Built {
        trade_day,
        contract,
        fx_rate: facts::fx_rate(scale, of.currency, day),
        original: transaction.original.map(|_| (of.amount, cancelled_before)),
        transaction,
    }))
}

fn transaction_document(built: &Built) -> Value {
    let Built { transaction: t, contract: c, .. } = built;
    let contract = document([
        ("id", int(c.id)),
        ("rate", decimal(c.rate, 4)),
        ("min_fee", decimal(c.min_fee, 0)),
        ("settle_days", int(c.settle_days)),
    ]);
    let mut fields = vec![
        ("_id", int(t.id)),
        ("kind", text(t.kind.name())),
        ("merchant", int(t.merchant)),
        ("method", text(t.method)),
        ("currency", text(t.currency)),
        ("amount", decimal(t.amount, 2)),
        ("traded_at", instant(t.at)),
        ("trade_day", text(format_date(built.trade_day))),
        ("fx_rate", decimal(built.fx_rate, 4)),
        ("contract", contract),
    ];
    if let (Some(id), Some((amount, cancelled_before))) = (t.original, built.original) {
        let original = document([
            ("id", int(id)),
            ("amount", decimal(amount, 2)),
            ("cancelled_before", decimal(cancelled_before, 2)),
        ]);
        fields.push(("original", original));
    }
    Value::Document(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What a fault shows: by number of the transaction.
fn planted_by(transaction: i64, fault: Fault) -> Vec<(i64, Planted)> {
    let planted = |id: i64, kind: PlantedKind, columns: &[&str], why: &str| {
        let columns = columns.iter().map(|c| (*c).to_owned()).collect();
        (id, Planted { reconciliation: "settlement", key: vec![id.to_string()], kind, columns, why: why.to_owned() })
    };
    let mismatch = PlantedKind::Mismatch;
    match fault {
        Fault::MinFee => {
            let why = "the contract in the document has a least fee of 5,000,000 won";
            vec![planted(transaction, mismatch, &["fee", "vat", "net"], why)]
        }
        Fault::Missing => {
            vec![planted(transaction, PlantedKind::LegacyOnly, &[], "the transaction's document is missing")]
        }
        Fault::Stranger => {
            let why = "the transaction's document stands under another number";
            let stranger = "the document of a known transaction stands under this number";
            vec![
                planted(transaction, PlantedKind::LegacyOnly, &[], why),
                planted(transaction + STRANGER, PlantedKind::CandidateOnly, &[], stranger),
            ]
        }
    }
}

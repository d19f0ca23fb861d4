//! The merchant settlement, straight from the rules.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan, tz};
use recon::examples::{Collection, Table};

use super::{Ratio, Record, Results, flat, table};

pub const COLUMNS: [&str; 5] = ["amount_krw", "fee", "vat", "net", "settlement_day"];

/// A sale as its contract sees it.
#[derive(Clone)]
pub struct Sale {
    pub amount: Ratio,
    pub fx_rate: Ratio,
    pub rate: Ratio,
    pub min_fee: Ratio,
    pub settle_days: i64,
}

/// A transaction: the sale it is or belongs to, and for a cancel what was cancelled before it and by it.
pub struct Traded {
    pub id: String,
    pub day: Date,
    pub sale: Sale,
    pub cancel: Option<(Ratio, Ratio)>,
}

/// amount in won, fee, vat of the whole sale.
pub fn price(sale: &Sale) -> [Ratio; 3] {
    let amount = (sale.amount.clone() * sale.fx_rate.clone()).half_up();
    let fee = (amount.clone() * sale.rate.clone()).half_up().max(sale.min_fee.clone());
    let vat = (fee.clone() * Ratio::parse("0.1")).floor();
    [amount, fee, vat]
}

/// The part of a won amount that falls to a cancel: what all cancels so far reverse, less what those before reversed.
pub fn reversed(whole: &Ratio, sale: &Ratio, before: &Ratio, by: &Ratio) -> Ratio {
    let until = |cancelled: Ratio| (whole.clone() * cancelled / sale.clone()).half_up();
    until(before.clone()) - until(before.clone() + by.clone())
}

pub fn settlement_day(day: Date, business_days: i64, holidays: &BTreeSet<Date>) -> Date {
    let mut day = day;
    for _ in 0..business_days {
        loop {
            day = day.tomorrow().expect("a day");
            let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            if !weekend && !holidays.contains(&day) {
                break;
            }
        }
    }
    day
}

fn settle(traded: impl Iterator<Item = Traded>, holidays: &BTreeSet<Date>) -> Results {
    let october = |t: &Traded| t.day.year() == 2026 && t.day.month() == 10;
    let outcome = |t: Traded| {
        let mut amounts = price(&t.sale);
        if let Some((before, by)) = &t.cancel {
            amounts = amounts.map(|whole| reversed(&whole, &t.sale.amount, before, by));
        }
        let [amount, fee, vat] = amounts;
        let net = amount.clone() - fee.clone() - vat.clone();
        let day = settlement_day(t.day, t.sale.settle_days, holidays).to_string();
        let values = [amount.show(), fee.show(), vat.show(), net.show(), day];
        (vec![t.id], COLUMNS.map(str::to_owned).into_iter().zip(values).collect())
    };
    traded.filter(october).map(outcome).collect()
}

/// The day in Seoul of a moment in UTC.
fn seoul(record: &Record) -> Date {
    let moment: Timestamp = record.text("traded_at").parse().expect("a moment");
    tz::offset(9).to_datetime(moment).date()
}

fn days(record: &Record, name: &str) -> i64 {
    record.text(name).parse().expect("a number of days")
}

/// From what the tables hold.
pub fn from_tables(tables: &[Table]) -> Results {
    let transactions: BTreeMap<String, Record> =
        table(tables, "transactions").into_iter().map(|t| (t.text("transaction_id"), t)).collect();
    let mut contracts: BTreeMap<(String, String), Vec<Record>> = BTreeMap::new();
    for c in table(tables, "contracts") {
        contracts.entry((c.text("merchant_id"), c.text("method"))).or_default().push(c);
    }
    let rates: BTreeMap<(String, String), Ratio> =
        table(tables, "fx_rates").into_iter().map(|r| ((r.text("currency"), r.text("day")), r.ratio("rate"))).collect();
    let holidays = table(tables, "calendar")
        .into_iter()
        .filter(|d| d.text("is_business") == "0")
        .map(|d| d.text("day").parse().expect("a day"))
        .collect();
    let sale = |t: &Record| {
        let day = seoul(t).to_string();
        let in_force = |c: &&Record| c.text("valid_from") <= day && c.optional("valid_to").is_none_or(|to| day <= to);
        let found: Vec<&Record> =
            contracts[&(t.text("merchant_id"), t.text("method"))].iter().filter(in_force).collect();
        assert_eq!(found.len(), 1, "one contract is in force: {t:?}");
        let currency = t.text("currency");
        Sale {
            amount: t.ratio("amount"),
            fx_rate: if currency == "KRW" { Ratio::whole(1) } else { rates[&(currency, day.clone())].clone() },
            rate: found[0].ratio("rate"),
            min_fee: found[0].ratio("min_fee"),
            settle_days: days(found[0], "settle_days"),
        }
    };
    let mut cancels: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for t in transactions.values() {
        if let Some(original) = t.optional("original_id") {
            cancels.entry(original).or_default().push(t);
        }
    }
    let mut traded = Vec::new();
    for (id, t) in &transactions {
        if t.text("kind") == "sale" {
            traded.push(Traded { id: id.clone(), day: seoul(t), sale: sale(t), cancel: None });
        }
    }
    for (original, mut of) in cancels {
        let order = |t: &&Record| (t.text("traded_at"), t.text("transaction_id").parse::<i64>().expect("a number"));
        of.sort_by_key(order);
        let mut before = Ratio::whole(0);
        for t in of {
            let by = t.ratio("amount");
            traded.push(Traded {
                id: t.text("transaction_id"),
                day: seoul(t),
                sale: sale(&transactions[&original]),
                cancel: Some((before.clone(), by.clone())),
            });
            before = before + by;
        }
    }
    settle(traded.into_iter(), &holidays)
}

/// From what the documents hold.
pub fn from_documents(transactions: &Collection, holidays: &Collection) -> Results {
    let holidays =
        holidays.documents().map(|d| flat(&d).text("holiday").parse().expect("a day")).collect::<BTreeSet<Date>>();
    let traded = transactions.documents().map(|document| {
        let t = flat(&document);
        let cancel = t.optional("original.amount");
        Traded {
            id: t.text("_id"),
            day: t.text("trade_day").parse().expect("a day"),
            sale: Sale {
                amount: cancel.as_deref().map_or_else(|| t.ratio("amount"), Ratio::parse),
                fx_rate: t.ratio("fx_rate"),
                rate: t.ratio("contract.rate"),
                min_fee: t.ratio("contract.min_fee"),
                settle_days: days(&t, "contract.settle_days"),
            },
            cancel: cancel.is_some().then(|| (t.ratio("original.cancelled_before"), t.ratio("amount"))),
        }
    });
    settle(traded, &holidays)
}

/// The next day is checked against jiff's own arithmetic, so that a slip here does not go unseen.
#[test]
fn business_days_skip_weekends_and_holidays() {
    let holidays = BTreeSet::from(["2026-10-05", "2026-10-09"].map(|d| d.parse::<Date>().expect("a day")));
    let friday: Date = "2026-10-02".parse().expect("a day");
    assert_eq!(settlement_day(friday, 1, &holidays), friday.checked_add(4.days()).expect("a day"));
    assert_eq!(settlement_day(friday, 4, &holidays).to_string(), "2026-10-12");
    assert_eq!(settlement_day(friday, 0, &holidays), friday);
}

fn sale_by_hand(amount: &str, fx_rate: &str, rate: &str, min_fee: i64) -> Sale {
    Sale {
        amount: Ratio::parse(amount),
        fx_rate: Ratio::parse(fx_rate),
        rate: Ratio::parse(rate),
        min_fee: Ratio::whole(min_fee),
        settle_days: 2,
    }
}

#[test]
fn settlements_worked_out_by_hand() {
    let priced = |sale: &Sale| price(sale).map(|r| r.show());
    // 12.50 × 1,388.2 = 17,352.5, a tie: 17,353. × 0.029 = 503.237 → 503; vat 50.3 → 50.
    assert_eq!(priced(&sale_by_hand("12.50", "1388.2000", "0.0290", 100)), ["17353", "503", "50"]);
    // 1,000 won × 0.0250 = 25, below the least fee of 100; vat 10.
    assert_eq!(priced(&sale_by_hand("1000.00", "1", "0.0250", 100)), ["1000", "100", "10"]);
    // A tie in the fee: 1,300 × 0.0250 = 32.5 → 33; vat 3.3 → 3.
    assert_eq!(priced(&sale_by_hand("1300.00", "1", "0.0250", 0)), ["1300", "33", "3"]);
    // Three cancels of a third each of 100 won with a fee of 10: rounded shares of all so far are 33, 67, 100 and 3, 7,
    // 10, so the cancels reverse 33, 34, 33 and 3, 4, 3: together everything, and nothing twice.
    let sale = Ratio::whole(300);
    let part = |whole: i64, before: i64| {
        reversed(&Ratio::whole(whole), &sale, &Ratio::whole(before), &Ratio::whole(100)).show()
    };
    assert_eq!([part(100, 0), part(100, 100), part(100, 200)], ["-33", "-34", "-33"]);
    assert_eq!([part(10, 0), part(10, 100), part(10, 200)], ["-3", "-4", "-3"]);
    // A tie in a share: half of 33 is 16.5 → 17, and the other half the rest, 16.
    let half = |before: &str| {
        let by = Ratio::parse("50.25");
        reversed(&Ratio::whole(33), &Ratio::parse("100.50"), &Ratio::parse(before), &by).show()
    };
    assert_eq!([half("0"), half("50.25")], ["-17", "-16"]);
}

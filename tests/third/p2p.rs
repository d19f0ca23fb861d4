//! The investor payout, straight from the rules.

use std::collections::BTreeMap;

use recon::examples::{Collection, Table};

use super::{Ratio, Record, Results, add, flat, items, shown, table};

/// One line: a repayment as one holding sees it.
pub struct Line {
    pub investor: String,
    pub units: Ratio,
    pub total_units: Ratio,
    pub fee_rate: Ratio,
    pub tax_rate: Ratio,
    pub principal: Ratio,
    pub interest_with_late: Ratio,
    pub outstanding: Ratio,
}

/// principal, interest, income tax, local tax, fee, net.
pub fn compute(line: &Line) -> [Ratio; 6] {
    let share = |amount: &Ratio| (amount.clone() * line.units.clone() / line.total_units.clone()).floor();
    let principal = share(&line.principal);
    let interest = share(&line.interest_with_late);
    let income_tax = (interest.clone() * line.tax_rate.clone()).tens();
    let local_tax = (income_tax.clone() * Ratio::parse("0.10")).tens();
    let fee = (share(&line.outstanding) * line.fee_rate.clone()).floor();
    let net = principal.clone() + interest.clone() - income_tax.clone() - local_tax.clone() - fee.clone();
    [principal, interest, income_tax, local_tax, fee, net]
}

pub const COLUMNS: [&str; 6] = ["principal", "interest", "income_tax", "local_tax", "fee", "net"];

fn summed(lines: impl Iterator<Item = Line>) -> Results {
    let mut results = BTreeMap::new();
    for line in lines {
        for (column, amount) in COLUMNS.iter().zip(compute(&line)) {
            add(&mut results, std::slice::from_ref(&line.investor), column, amount);
        }
    }
    shown(results)
}

fn in_window(repayment: &Record) -> bool {
    let day = repayment.text("collected_on");
    day.as_str() > "2026-10-25" && day.as_str() <= "2026-11-05"
}

/// From what the tables hold.
pub fn from_tables(tables: &[Table]) -> Results {
    let by = |name: &str, key: &str| -> BTreeMap<String, Record> {
        table(tables, name).into_iter().map(|row| (row.text(key), row)).collect()
    };
    let (types, investors, loans) =
        (by("investor_types", "type"), by("investors", "investor_id"), by("loans", "loan_id"));
    let mut repayments: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for repayment in table(tables, "repayments").into_iter().filter(in_window) {
        repayments.entry(repayment.text("loan_id")).or_default().push(repayment);
    }
    let mut lines = Vec::new();
    for holding in table(tables, "holdings") {
        let loan = &loans[&holding.text("loan_id")];
        let investor = holding.text("investor_id");
        let kind = investors[&investor].text("type");
        for repayment in repayments.get(&holding.text("loan_id")).into_iter().flatten() {
            lines.push(Line {
                investor: investor.clone(),
                units: holding.ratio("units"),
                total_units: loan.ratio("total_units"),
                fee_rate: loan.ratio("monthly_fee_rate"),
                tax_rate: types[&kind].ratio("income_tax_rate"),
                principal: repayment.ratio("repaid_principal"),
                interest_with_late: repayment.ratio("repaid_interest") + repayment.ratio("late_interest"),
                outstanding: repayment.ratio("outstanding_before"),
            });
        }
    }
    summed(lines.into_iter())
}

/// From what the documents hold.
pub fn from_documents(holdings: &Collection) -> Results {
    let lines = holdings.documents().flat_map(|document| {
        let holding = flat(&document);
        let installments = items(&holding, "installments").into_iter().filter(in_window);
        let line = |installment: Record| Line {
            investor: holding.text("investor.id"),
            units: holding.ratio("units"),
            total_units: holding.ratio("loan.total_units"),
            fee_rate: holding.ratio("loan.monthly_fee_rate"),
            tax_rate: holding.ratio("investor.income_tax_rate"),
            principal: installment.ratio("principal"),
            interest_with_late: installment.ratio("interest") + installment.ratio("late_interest"),
            outstanding: installment.ratio("outstanding_before"),
        };
        installments.map(line).collect::<Vec<_>>()
    });
    summed(lines)
}

/// units, of units, fee rate, tax rate, principal, interest with late interest, outstanding → the six columns.
fn by_hand(units: i64, of: i64, fee_rate: &str, tax_rate: &str, amounts: [i64; 3]) -> [String; 6] {
    let [principal, interest, outstanding] = amounts.map(Ratio::whole);
    let line = Line {
        investor: "1".into(),
        units: Ratio::whole(units),
        total_units: Ratio::whole(of),
        fee_rate: Ratio::parse(fee_rate),
        tax_rate: Ratio::parse(tax_rate),
        principal,
        interest_with_late: interest,
        outstanding,
    };
    compute(&line).map(|r| r.show())
}

#[test]
fn payouts_worked_out_by_hand() {
    // 7 of 30 units. 100,000 × 7 / 30 = 23,333.33 → 23,333. (9,000 + 1,001) × 7 / 30 = 2,333.57 → 2,333.
    // 2,333 × 0.14 = 326.62 → 320. 320 × 0.1 = 32 → 30. 3,000,000 × 7 / 30 = 700,000; × 0.0009 = 630.
    // 23,333 + 2,333 - 320 - 30 - 630 = 24,686.
    let found = by_hand(7, 30, "0.0009", "0.14", [100_000, 10_001, 3_000_000]);
    assert_eq!(found, ["23333", "2333", "320", "30", "630", "24686"]);
    // Exempt: the same without taxes, 23,333 + 2,333 - 630 = 25,036.
    let found = by_hand(7, 30, "0.0009", "0", [100_000, 10_001, 3_000_000]);
    assert_eq!(found, ["23333", "2333", "0", "0", "630", "25036"]);
    // Interest 714: 99.96 is below 100, tax 90, and a tenth of it is below 10: no local tax. Two truncations in the
    // fee: 1,001 / 2 = 500.5 → 500, 500 × 0.002 = 1.0 → 1; in one go it would be 1.001 → 1 as well.
    let found = by_hand(1, 2, "0.002", "0.14", [0, 1_428, 1_001]);
    assert_eq!(found, ["0", "714", "90", "0", "1", "623"]);
    // Where the two truncations of the fee matter: 1,999 / 2 = 999.5 → 999, × 0.001001 = 0.999999 → 0, but
    // 999.5 × 0.001001 = 1.0004995 → 1.
    let found = by_hand(1, 2, "0.001001", "0.14", [0, 0, 1_999]);
    assert_eq!(found, ["0", "0", "0", "0", "0", "0"]);
    // The only holder gets everything; tax 1,429 × 0.14 = 200.06 → 200, local tax 20.
    let found = by_hand(5, 5, "0.000500", "0.14", [1_000, 1_429, 10_000]);
    assert_eq!(found, ["1000", "1429", "200", "20", "5", "2204"]);
}

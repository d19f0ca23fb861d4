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

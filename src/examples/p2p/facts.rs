//! Loans, investors, holdings and repayments: what happened, before anybody computes with it.
//!
//! Loan `l` belongs to the holdings `l × 20 … l × 20 + 19`; everything else is drawn by record number.

use super::super::{Draw, Scale};

/// Holdings of one loan; the last loan may have fewer.
pub(super) const HOLDINGS_PER_LOAN: u64 = 20;
/// Repayments of one loan, about ten days apart.
pub(super) const REPAYMENTS_PER_LOAN: u64 = 4;
/// Won that one unit of a loan stands for.
const UNIT: i64 = 10_000;
/// 2026-10-06, in days since 1970-01-01: the first day on which anything is collected.
const FIRST_DAY: i32 = 20_732;

// Numbers of the tables for `Draw`.
const LOANS: u32 = 1;
const HOLDINGS: u32 = 2;
const INVESTORS: u32 = 3;
const REPAYMENTS: u32 = 4;
const FAULTS: u32 = 5;

/// An investor's type, which decides the rate of the income tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvestorType {
    Individual,
    Corporate,
    Exempt,
}

impl InvestorType {
    pub(super) const ALL: [InvestorType; 3] = [InvestorType::Individual, InvestorType::Corporate, InvestorType::Exempt];

    pub(super) fn name(self) -> &'static str {
        match self {
            InvestorType::Individual => "individual",
            InvestorType::Corporate => "corporate",
            InvestorType::Exempt => "exempt",
        }
    }

    /// The income tax rate in 1/10,000.
    pub(super) fn income_tax_rate(self) -> i64 {
        match self {
            InvestorType::Individual | InvestorType::Corporate => 1_400,
            InvestorType::Exempt => 0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Investor {
    pub id: i64,
    pub kind: InvestorType,
}

/// A loan with what was repaid on it. Amounts in whole won.
#[derive(Clone, Debug)]
pub(super) struct Loan {
    pub id: i64,
    pub total_units: i64,
    /// In 1/1,000,000.
    pub monthly_fee_rate: i64,
    pub repayments: Vec<Repayment>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pub id: i64,
    pub loan: i64,
    pub investor: i64,
    pub units: i64,
}

/// A repayment. Amounts in whole won, `collected_on` in days since 1970-01-01.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repayment {
    pub id: i64,
    pub collected_on: i32,
    pub principal: i64,
    pub interest: i64,
    pub late_interest: i64,
    pub outstanding_before: i64,
}

/// What is wrong with an investor's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Every repaid principal is higher by one won for each unit of the loan.
    Principal,
    /// They are not there.
    Missing,
    /// They stand under another investor's number.
    Stranger,
}

/// Added to the number of an investor whose documents stand under a stranger's.
pub(super) const STRANGER: i64 = 1_000_000_000;

pub(super) fn investors(scale: Scale) -> u64 {
    (scale.records / 8).max(10)
}

pub(super) fn loans(scale: Scale) -> u64 {
    scale.records.div_ceil(HOLDINGS_PER_LOAN)
}

pub(super) fn investor(scale: Scale, at: u64) -> Investor {
    let kind = match Draw::at(scale.seed, INVESTORS, at).below(10) {
        0 => InvestorType::Exempt,
        1 | 2 => InvestorType::Corporate,
        _ => InvestorType::Individual,
    };
    Investor { id: at as i64 + 1, kind }
}

pub(super) fn holding(scale: Scale, at: u64) -> Holding {
    let mut draw = Draw::at(scale.seed, HOLDINGS, at);
    Holding {
        id: at as i64 + 1,
        loan: (at / HOLDINGS_PER_LOAN) as i64 + 1,
        investor: draw.below(investors(scale)) as i64 + 1,
        units: draw.between(1, 500),
    }
}

pub(super) fn loan(scale: Scale, at: u64) -> Loan {
    let first = at * HOLDINGS_PER_LOAN;
    let last = (first + HOLDINGS_PER_LOAN).min(scale.records);
    let total_units: i64 = (first..last).map(|i| holding(scale, i).units).sum();
    let mut draw = Draw::at(scale.seed, LOANS, at);
    let monthly_fee_rate = draw.between(500, 1_200);
    let rate_of_interest = draw.between(40, 150); // in 1/10,000 for each repayment
    let mut outstanding = total_units * UNIT - draw.between(0, total_units * 400);
    let repayments = (0..REPAYMENTS_PER_LOAN).map(|n| {
        let number = at * REPAYMENTS_PER_LOAN + n;
        let mut draw = Draw::at(scale.seed, REPAYMENTS, number);
        // Now and then only interest is paid.
        let principal = if draw.once_in(12) { 0 } else { draw.between(outstanding / 50, outstanding / 12) };
        let repayment = Repayment {
            id: number as i64 + 1,
            collected_on: FIRST_DAY + n as i32 * 10 + draw.below(12) as i32,
            principal,
            interest: outstanding * rate_of_interest / 10_000 + draw.between(0, 96),
            late_interest: if draw.once_in(5) { draw.between(100, 20_000) } else { 0 },
            outstanding_before: outstanding,
        };
        outstanding -= principal;
        repayment
    });
    let repayments = repayments.collect();
    Loan { id: at as i64 + 1, total_units, monthly_fee_rate, repayments }
}

/// Whether and how this investor's documents are wrong.
pub(super) fn fault(scale: Scale, investor: i64) -> Option<Fault> {
    let mut draw = Draw::at(scale.seed, FAULTS, investor.unsigned_abs());
    if draw.below(1_000_000) >= u64::from(scale.faults) {
        return None;
    }
    Some(match draw.below(4) {
        0 => Fault::Missing,
        1 => Fault::Stranger,
        _ => Fault::Principal,
    })
}

/// Every generated holding with its loan, in order; a loan is made once.
pub(super) fn holdings_with_loans(scale: Scale) -> impl Iterator<Item = (Holding, Loan)> + Send {
    let mut current: Option<Loan> = None;
    (0..scale.records).map(move |at| {
        let holding = holding(scale, at);
        let loan = match current.take() {
            Some(loan) if loan.id == holding.loan => loan,
            _ => loan(scale, at / HOLDINGS_PER_LOAN),
        };
        current = Some(loan.clone());
        (holding, loan)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_day_is_the_sixth_of_october() {
        assert_eq!(crate::domain::parse_date("2026-10-06"), Some(FIRST_DAY));
    }

    /// SQLite computes in 64-bit integers and turns a product that does not fit into a float without a word.
    #[test]
    fn products_stay_far_below_64_bits() {
        let scale = Scale::of(20_000);
        for at in 0..loans(scale) {
            let loan = loan(scale, at);
            assert!(loan.total_units <= 20 * 500, "{loan:?}");
            for r in &loan.repayments {
                assert!(r.principal >= 0 && r.principal <= r.outstanding_before, "{r:?}");
                // outstanding × units and outstanding share × fee rate: at most 10^8 × 10^4.
                assert!(r.outstanding_before <= 100_000_000, "{r:?}");
                assert!(r.interest + r.late_interest <= 100_000_000, "{r:?}");
            }
        }
    }
}

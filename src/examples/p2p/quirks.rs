//! The investor payout's disagreements for realistic reasons, by hand; fixtures/p2p/quirks.md tells the stories.
//! Numbers from 90,000,001 on, out of the way of what is generated.

use super::facts::{Holding, Investor, InvestorType, Loan, Repayment};

/// One story: what the tables hold, and what the documents held when they were built.
pub(super) struct Quirk {
    pub investor: Investor,
    pub holding: Holding,
    pub loan: Loan,
    pub documents: (InvestorType, Vec<Repayment>),
}

// Days since 1970-01-01.
const OCTOBER_25: i32 = 20_751;
const OCTOBER_26: i32 = 20_752;
const OCTOBER_30: i32 = 20_756;
const NOVEMBER_2: i32 = 20_759;
const NOVEMBER_5: i32 = 20_762;
const NOVEMBER_6: i32 = 20_763;

fn quirk(at: i64, kind: InvestorType, repayments: Vec<Repayment>, documents: (InvestorType, Vec<Repayment>)) -> Quirk {
    let id = 90_000_000 + at;
    Quirk {
        investor: Investor { id, kind },
        holding: Holding { id, loan: id, investor: id, units: 100 },
        loan: Loan { id, total_units: 3_000, monthly_fee_rate: 833, repayments },
        documents,
    }
}

fn repayment(id: i64, collected_on: i32) -> Repayment {
    Repayment {
        id,
        collected_on,
        principal: 1_000_000,
        interest: 200_001,
        late_interest: 0,
        outstanding_before: 30_000_000,
    }
}

pub(super) fn all() -> Vec<Quirk> {
    use InvestorType::{Corporate, Exempt, Individual};

    // A late interest of 15,000 won was booked after the documents had been built.
    let built = repayment(90_000_001, OCTOBER_30);
    let corrected = quirk(1, Individual, vec![Repayment { late_interest: 15_000, ..built }], (Individual, vec![built]));

    // The documents of corporate investors hold one line a window, already summed: one rounding in place of two.
    let first = Repayment { principal: 500_060, interest: 190_000, ..repayment(90_000_002, OCTOBER_30) };
    let second = Repayment { id: 90_000_003, collected_on: NOVEMBER_2, outstanding_before: 29_499_940, ..first };
    let summed = Repayment {
        principal: first.principal + second.principal,
        interest: first.interest + second.interest,
        outstanding_before: first.outstanding_before + second.outstanding_before,
        ..second
    };
    let consolidated = quirk(2, Corporate, vec![first, second], (Corporate, vec![summed]));

    // Collected early in the morning in Seoul: the documents hold the day in UTC, which is the day before.
    let seoul = repayment(90_000_004, OCTOBER_26);
    let before_the_window =
        quirk(3, Individual, vec![seoul], (Individual, vec![Repayment { collected_on: OCTOBER_25, ..seoul }]));
    let seoul = repayment(90_000_005, NOVEMBER_6);
    let into_the_window =
        quirk(4, Individual, vec![seoul], (Individual, vec![Repayment { collected_on: NOVEMBER_5, ..seoul }]));

    // The exemption was granted after the purchase; the document still holds the type of that day.
    let once = repayment(90_000_006, OCTOBER_30);
    let exempted = quirk(5, Exempt, vec![once], (Individual, vec![once]));

    vec![corrected, consolidated, before_the_window, into_the_window, exempted]
}

//! The payout of a peer-to-peer lender: every investor's share of what borrowers repaid. Rules in
//! fixtures/p2p/README.md. Must not compute a payout.

mod facts;
mod quirks;

use std::collections::BTreeMap;

use self::facts::{Fault, Holding, Investor, InvestorType, Loan, Repayment, STRANGER};
use super::data::document;
use super::{
    Collection, Column, DataFile, Documents, Example, Kind, Planted, PlantedKind, ProjectFile, Rows, Scale, Table,
    decimal, int, text,
};
use crate::domain::{Value, format_date, parse_date};

/// The window of repayments: after the first day, up to and including the second. In days since 1970-01-01.
const WINDOW: (i32, i32) = (20_751, 20_762);

/// The example `p2p`.
pub struct P2p;

impl Example for P2p {
    fn name(&self) -> &'static str {
        "p2p"
    }

    fn about(&self) -> [&'static str; 3] {
        [
            "what every investor of a peer-to-peer lender is paid out of the repayments collected in one window",
            "SQL joins over loans, holdings, investors and repayments",
            "documents, one for each holding with its repayments inside, through exact SQL",
        ]
    }

    fn reconciliations(&self) -> &'static [&'static str] {
        &["payout"]
    }

    fn params(&self) -> &'static [(&'static str, &'static str)] {
        &[("window_from", "2026-10-25"), ("window_to", "2026-11-05")]
    }

    fn default_records(&self) -> u64 {
        1_000
    }

    fn tables(&self, scale: Scale) -> Vec<Table> {
        vec![
            Table::new("investor_types", INVESTOR_TYPES, &["type"], &[], || {
                let row = |kind: InvestorType| vec![text(kind.name()), decimal(kind.income_tax_rate(), 4)];
                Box::new(InvestorType::ALL.into_iter().map(row))
            }),
            Table::new("investors", INVESTORS, &["investor_id"], &[], move || {
                let generated = (0..facts::investors(scale)).map(move |at| facts::investor(scale, at));
                Box::new(generated.chain(extra(scale).map(|quirk| quirk.investor)).map(investor_row))
            }),
            Table::new("closed_accounts", CLOSED_ACCOUNTS, &["investor_id"], &[], || {
                Box::new(
                    CLOSED
                        .iter()
                        .map(|(investor, on)| vec![int(*investor), Value::Date(parse_date(on).unwrap_or_default())]),
                )
            }),
            Table::new("loans", LOANS, &["loan_id"], &[], move || {
                let generated = (0..facts::loans(scale)).map(move |at| facts::loan(scale, at));
                Box::new(generated.chain(extra(scale).map(|quirk| quirk.loan)).map(|loan| loan_row(&loan)))
            }),
            Table::new("holdings", HOLDINGS, &["holding_id"], &[&["loan_id"], &["investor_id"]], move || -> Rows {
                let generated = (0..scale.records).map(move |at| facts::holding(scale, at));
                Box::new(generated.chain(extra(scale).map(|quirk| quirk.holding)).map(holding_row))
            }),
            Table::new("repayments", REPAYMENTS, &["repayment_id"], &[&["loan_id", "collected_on"]], move || {
                let generated = (0..facts::loans(scale)).map(move |at| facts::loan(scale, at));
                let rows = |loan: Loan| loan.repayments.into_iter().map(move |r| repayment_row(loan.id, &r));
                Box::new(generated.chain(extra(scale).map(|quirk| quirk.loan)).flat_map(rows))
            }),
        ]
    }

    fn collections(&self, scale: Scale) -> Vec<Collection> {
        vec![Collection::new("holdings", move || -> Documents {
            // Twenty holdings share a loan: its installments are made once.
            let mut current: Option<(Loan, Value)> = None;
            let generated = facts::holdings_with_loans(scale).filter_map(move |(holding, loan)| {
                let installments = match current.take() {
                    Some((same, installments)) if same.id == loan.id => installments,
                    _ => installments(&loan),
                };
                let made = generated_document(scale, holding, &loan, &installments);
                current = Some((loan, installments));
                made
            });
            let quirks = extra(scale).map(|quirk| {
                let (kind, repayments) = quirk.documents;
                let loan = Loan { repayments, ..quirk.loan };
                holding_document(&quirk.holding, kind, &loan, installments(&loan))
            });
            Box::new(generated.chain(quirks))
        })]
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
            for (holding, loan) in facts::holdings_with_loans(scale) {
                let paid = loan.repayments.iter().any(|r| r.collected_on > WINDOW.0 && r.collected_on <= WINDOW.1);
                if let Some(fault) = facts::fault(scale, holding.investor).filter(|_| paid) {
                    for planted in planted_by(holding.investor, fault) {
                        found.insert(planted.0, planted.1);
                    }
                }
            }
        }
        let mut planted: Vec<Planted> = found.into_values().collect();
        if scale.quirks {
            // Generated numbers are below the quirks' ones, strangers' above.
            let quirks = super::quirks(include_str!("../../../fixtures/p2p/quirks.csv"));
            let at = planted.iter().position(|p| p.key[0].len() > 8).unwrap_or(planted.len());
            planted.splice(at..at, quirks);
        }
        planted
    }
}

const PROJECT: &[ProjectFile] = &[
    ProjectFile { name: "recon.toml", text: include_str!("../../../fixtures/p2p/recon.toml") },
    ProjectFile { name: "legacy.mysql.sql", text: include_str!("../../../fixtures/p2p/legacy.mysql.sql") },
    ProjectFile { name: "legacy.postgres.sql", text: include_str!("../../../fixtures/p2p/legacy.postgres.sql") },
    ProjectFile { name: "legacy.sqlite.sql", text: include_str!("../../../fixtures/p2p/legacy.sqlite.sql") },
    ProjectFile { name: "candidate.sql", text: include_str!("../../../fixtures/p2p/candidate.sql") },
    ProjectFile { name: "README.md", text: include_str!("../../../fixtures/p2p/README.md") },
    ProjectFile { name: "quirks.md", text: include_str!("../../../fixtures/p2p/quirks.md") },
    ProjectFile { name: "quirks.csv", text: include_str!("../../../fixtures/p2p/quirks.csv") },
    ProjectFile {
        name: "checks/holdings_within_the_loan.sql",
        text: include_str!("../../../checks/p2p/holdings_within_the_loan.sql"),
    },
    ProjectFile { name: "checks/net_is_the_sum.json", text: include_str!("../../../checks/p2p/net_is_the_sum.json") },
    ProjectFile { name: "checks/no_negative_net.json", text: include_str!("../../../checks/p2p/no_negative_net.json") },
    ProjectFile {
        name: "checks/paid_to_closed_account.sql",
        text: include_str!("../../../checks/p2p/paid_to_closed_account.sql"),
    },
    ProjectFile {
        name: "checks/paid_within_collected.sql",
        text: include_str!("../../../checks/p2p/paid_within_collected.sql"),
    },
    ProjectFile {
        name: "checks/repayment_used_once.sql",
        text: include_str!("../../../checks/p2p/repayment_used_once.sql"),
    },
    ProjectFile {
        name: "checks/tax_within_the_rate.json",
        text: include_str!("../../../checks/p2p/tax_within_the_rate.json"),
    },
    ProjectFile {
        name: "checks/ten_times_last_time.json",
        text: include_str!("../../../checks/p2p/ten_times_last_time.json"),
    },
];

const WON: Kind = Kind::Decimal { digits: 18, scale: 0 };

const INVESTOR_TYPES: &[Column] =
    &[Column::new("type", Kind::Text(12)), Column::new("income_tax_rate", Kind::Decimal { digits: 5, scale: 4 })];
const INVESTORS: &[Column] = &[
    Column::new("investor_id", Kind::Integer),
    Column::new("name", Kind::Text(40)),
    Column::new("type", Kind::Text(12)),
];
const CLOSED_ACCOUNTS: &[Column] = &[Column::new("investor_id", Kind::Integer), Column::new("closed_on", Kind::Date)];
/// Investors of earlier years, who hold nothing any more.
const CLOSED: [(i64, &str); 2] = [(2_000_000_001, "2025-03-14"), (2_000_000_002, "2026-06-30")];
const LOANS: &[Column] = &[
    Column::new("loan_id", Kind::Integer),
    Column::new("total_units", Kind::Integer),
    Column::new("monthly_fee_rate", Kind::Decimal { digits: 7, scale: 6 }),
];
const HOLDINGS: &[Column] = &[
    Column::new("holding_id", Kind::Integer),
    Column::new("loan_id", Kind::Integer),
    Column::new("investor_id", Kind::Integer),
    Column::new("units", Kind::Integer),
];
const REPAYMENTS: &[Column] = &[
    Column::new("repayment_id", Kind::Integer),
    Column::new("loan_id", Kind::Integer),
    Column::new("collected_on", Kind::Date),
    Column::new("repaid_principal", WON),
    Column::new("repaid_interest", WON),
    Column::new("late_interest", WON),
    Column::new("outstanding_before", WON),
];

fn extra(scale: Scale) -> impl Iterator<Item = quirks::Quirk> + Send {
    let quirks = if scale.quirks { quirks::all() } else { Vec::new() };
    quirks.into_iter()
}

fn investor_row(investor: Investor) -> Vec<Value> {
    vec![int(investor.id), text(format!("Investor {}", investor.id)), text(investor.kind.name())]
}

fn loan_row(loan: &Loan) -> Vec<Value> {
    vec![int(loan.id), int(loan.total_units), decimal(loan.monthly_fee_rate, 6)]
}

fn holding_row(holding: Holding) -> Vec<Value> {
    vec![int(holding.id), int(holding.loan), int(holding.investor), int(holding.units)]
}

fn repayment_row(loan: i64, r: &Repayment) -> Vec<Value> {
    let won = |amount: i64| decimal(amount, 0);
    vec![
        int(r.id),
        int(loan),
        Value::Date(r.collected_on),
        won(r.principal),
        won(r.interest),
        won(r.late_interest),
        won(r.outstanding_before),
    ]
}

/// The document of a generated holding, with its investor's fault.
fn generated_document(scale: Scale, mut holding: Holding, loan: &Loan, as_paid: &Value) -> Option<Value> {
    let investor = facts::investor(scale, holding.investor.unsigned_abs() - 1);
    match facts::fault(scale, holding.investor) {
        Some(Fault::Missing) => return None,
        Some(Fault::Principal) => {
            let mut wrong = loan.clone();
            wrong.repayments.iter_mut().for_each(|r| r.principal += wrong.total_units);
            return Some(holding_document(&holding, investor.kind, &wrong, installments(&wrong)));
        }
        Some(Fault::Stranger) => holding.investor += STRANGER,
        None => {}
    }
    Some(holding_document(&holding, investor.kind, loan, as_paid.clone()))
}

fn installments(loan: &Loan) -> Value {
    let won = |amount: i64| decimal(amount, 0);
    let installment = |r: &Repayment| {
        document([
            ("repayment_id", int(r.id)),
            ("collected_on", text(format_date(r.collected_on))),
            ("principal", won(r.principal)),
            ("interest", won(r.interest)),
            ("late_interest", won(r.late_interest)),
            ("outstanding_before", won(r.outstanding_before)),
        ])
    };
    Value::Array(loan.repayments.iter().map(installment).collect())
}

fn holding_document(holding: &Holding, kind: InvestorType, loan: &Loan, installments: Value) -> Value {
    document([
        ("_id", int(holding.id)),
        (
            "investor",
            document([
                ("id", int(holding.investor)),
                ("type", text(kind.name())),
                ("income_tax_rate", decimal(kind.income_tax_rate(), 4)),
            ]),
        ),
        (
            "loan",
            document([
                ("id", int(loan.id)),
                ("total_units", int(loan.total_units)),
                ("monthly_fee_rate", decimal(loan.monthly_fee_rate, 6)),
            ]),
        ),
        ("units", int(holding.units)),
        ("installments", installments),
    ])
}

/// What a fault shows: by number of the investor.
fn planted_by(investor: i64, fault: Fault) -> Vec<(i64, Planted)> {
    let planted = |id: i64, kind: PlantedKind, columns: &[&str], why: &str| {
        let columns = columns.iter().map(|c| (*c).to_owned()).collect();
        (id, Planted { reconciliation: "payout", key: vec![id.to_string()], kind, columns, why: why.to_owned() })
    };
    match fault {
        Fault::Principal => vec![planted(
            investor,
            PlantedKind::Mismatch,
            &["principal", "net"],
            "the documents hold a repaid principal that is higher by one won a unit",
        )],
        Fault::Missing => {
            vec![planted(investor, PlantedKind::LegacyOnly, &[], "the investor's documents are missing")]
        }
        Fault::Stranger => vec![
            planted(investor, PlantedKind::LegacyOnly, &[], "the investor's documents stand under a stranger's number"),
            planted(
                investor + STRANGER,
                PlantedKind::CandidateOnly,
                &[],
                "documents of a known investor stand under this number",
            ),
        ],
    }
}

//! The laws of comparing, over random records: judged by a naive oracle that holds everything in memory and
//! shares no code with the merge.
//!
//! Invariants:
//! 1. A side against itself agrees.
//! 2. Swapping the sides mirrors every kind, and over- and underpayment.
//! 3. The order of unsorted records does not matter.
//! 4. Every record is accounted for exactly once.
//! 5. A wider tolerance never adds a discrepancy.
//! 6. Exactly the planted faults are found.
//! 7. Control totals tie to the discrepancies.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use recon::compare::{Compared, Comparison, Definition, Recheck, SideInput, compare};
use recon::domain::{Amount, Cell, NumberForm};
use recon::report::{Discrepancy, DiscrepancyKind, Report};
use recon::stores::{
    Column, ColumnKind, Opened, Outlet, Progress, ReadEnd, ReadRequest, Snapshot, Source, StoreError, Wish,
};

/// A record: key, net in units of 10^-scale (`None`: NULL), memo.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    id: i64,
    net: Option<(i64, u8)>,
    memo: Option<String>,
}

struct Rows(Vec<Row>);

impl Source for Rows {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        let column = |name: &str, kind| Column { name: name.into(), kind };
        Ok(Opened {
            columns: vec![
                column("id", ColumnKind::Number),
                column("net", ColumnKind::Number),
                column("memo", ColumnKind::Text),
            ],
            fixed_columns: true,
            ordered: false,
            natural: false,
            filters: false,
            seeks: false,
            snapshot: Snapshot { taken_at: Some(0), how: "memory".into(), consistent: true },
            estimated_records: None,
            notices: Vec::new(),
            inputs: Vec::new(),
        })
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        for row in &self.0 {
            let at = out.batch().start_row();
            for (column, wanted) in request.columns.iter().enumerate() {
                let number = |coefficient: i64, scale: u8, form| Cell::Number {
                    coefficient: coefficient.into(),
                    scale: scale.into(),
                    form,
                };
                let cell = match wanted.name.as_str() {
                    "id" => number(row.id, 0, NumberForm::Integer),
                    "net" => row.net.map_or(Cell::Null, |(c, s)| number(c, s, NumberForm::Decimal)),
                    _ => match &row.memo {
                        Some(text) => Cell::Text(out.batch().store(text.as_bytes())),
                        None => Cell::Null,
                    },
                };
                out.batch().set(at, column, cell);
            }
            out.end_row()?;
        }
        Ok(ReadEnd::default())
    }
}

fn run(legacy: &[Row], candidate: &[Row], tolerance: Option<&str>) -> (Report, Vec<Discrepancy>) {
    let side = |rows: &[Row]| {
        let rows = rows.to_vec();
        SideInput {
            make: Arc::new(move || Ok(Box::new(Rows(rows.clone())) as Box<dyn Source>)),
            label: "memory".into(),
            wish: Wish::default(),
            progress: Arc::new(Progress::default()),
        }
    };
    let comparison = Comparison {
        definition: Definition {
            key: vec![("id".into(), "id".into())],
            tolerances: tolerance.iter().map(|t| ("net".into(), t.parse().expect("tolerance"))).collect(),
            ..Definition::default()
        },
        legacy: side(legacy),
        candidate: side(candidate),
        partitions: 1,
        recheck: Recheck::default(),
        memory: 1 << 20,
        keep: false,
        allow_empty: true,
        name: None,
        on_open: Box::new(|_, _| ()),
    };
    let mut compared: Compared = compare(&comparison).unwrap_or_else(|e| panic!("{e:?}"));
    let found = compared.discrepancies().collect::<Result<Vec<_>, _>>().expect("spill");
    (compared.report, found)
}

fn amount(net: Option<(i64, u8)>) -> Amount {
    net.map_or(Amount::ZERO, |(c, s)| Amount::new(c.into(), s.into()))
}

/// Net values in hundredths of a cent, whatever their scale (at most 4).
fn units(net: Option<(i64, u8)>) -> i64 {
    net.map_or(0, |(c, s)| c * 10i64.pow(4 - u32::from(s)))
}

fn by_key(rows: &[Row]) -> BTreeMap<i64, Vec<&Row>> {
    let mut map: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| map.entry(row.id).or_default().push(row));
    map
}

/// What each key should be, by the naive oracle. `tolerance` in ten-thousandths.
fn oracle(legacy: &[Row], candidate: &[Row], tolerance: i64) -> BTreeMap<i64, Option<DiscrepancyKind>> {
    let (l, c) = (by_key(legacy), by_key(candidate));
    let keys = l.keys().chain(c.keys());
    let judge = |id: &i64| match (l.get(id).map_or(&[][..], Vec::as_slice), c.get(id).map_or(&[][..], Vec::as_slice)) {
        (a, b) if a.len() > 1 || b.len() > 1 => Some(DiscrepancyKind::DuplicateKey),
        ([_], []) => Some(DiscrepancyKind::LegacyOnly),
        ([], [_]) => Some(DiscrepancyKind::CandidateOnly),
        ([a], [b]) => {
            let near = (units(a.net) - units(b.net)).abs() <= tolerance;
            let same_net = a.net.is_some() == b.net.is_some() && (a.net.is_none() || near);
            (!same_net || a.memo != b.memo).then_some(DiscrepancyKind::Mismatch)
        }
        _ => None,
    };
    keys.map(|id| (*id, judge(id))).collect()
}

fn found(discrepancies: &[Discrepancy]) -> BTreeMap<i64, DiscrepancyKind> {
    let id = |d: &Discrepancy| d.key[0].1.to_string().parse().expect("integer key");
    discrepancies.iter().map(|d| (id(d), d.kind)).collect()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let net = prop_oneof![1 => Just(None), 9 => (-50_000i64..50_000, 0u8..=4).prop_map(Some)];
    let memo = prop_oneof![Just(None), Just(Some(String::new())), "[ab ]{0,3}".prop_map(Some)];
    let row = (0i64..40, net, memo).prop_map(|(id, net, memo)| Row { id, net, memo });
    prop::collection::vec(row, 0..60)
}

/// Two sides that mostly agree: the candidate is the legacy side with some faults.
fn pair() -> impl Strategy<Value = (Vec<Row>, Vec<Row>)> {
    let edit = prop_oneof![
        6 => Just(0u8), 1 => Just(1), 1 => Just(2), 1 => Just(3), 1 => Just(4), 1 => Just(5)
    ];
    (rows(), prop::collection::vec(edit, 60), rows()).prop_map(|(legacy, edits, extra)| {
        let mut candidate = Vec::new();
        for (row, edit) in legacy.iter().zip(&edits) {
            let mut row = row.clone();
            match edit {
                1 => continue,
                2 => row.net = row.net.map(|(c, s)| (c + 1, s)),
                3 => row.memo = Some("changed".into()),
                // The same value at a larger scale is no fault.
                4 => row.net = row.net.map(|(c, s)| if s < 4 { (c * 10, s + 1) } else { (c, s) }),
                5 => candidate.push(row.clone()),
                _ => {}
            }
            candidate.push(row);
        }
        candidate.extend(extra.into_iter().take(3));
        (legacy, candidate)
    })
}

fn mirrored(kind: DiscrepancyKind) -> DiscrepancyKind {
    match kind {
        DiscrepancyKind::LegacyOnly => DiscrepancyKind::CandidateOnly,
        DiscrepancyKind::CandidateOnly => DiscrepancyKind::LegacyOnly,
        same => same,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_side_against_itself_agrees(rows in rows()) {
        let mut unique: Vec<Row> = rows;
        unique.sort_by_key(|row| row.id);
        unique.dedup_by_key(|row| row.id);
        let (report, found) = run(&unique, &unique, None);
        prop_assert_eq!(report.verdict.name(), "agree");
        prop_assert!(found.is_empty());
        prop_assert_eq!(report.counts.matched, unique.len() as u64);
    }

    #[test]
    fn exactly_the_planted_faults_are_found((legacy, candidate) in pair()) {
        let (report, discrepancies) = run(&legacy, &candidate, None);
        let expected = oracle(&legacy, &candidate, 0);
        let wrong: BTreeMap<i64, DiscrepancyKind> =
            expected.iter().filter_map(|(id, kind)| kind.map(|kind| (*id, kind))).collect();
        prop_assert_eq!(found(&discrepancies), wrong);
        prop_assert_eq!(report.counts.keys, expected.len() as u64);
        prop_assert_eq!(report.counts.matched, expected.values().filter(|k| k.is_none()).count() as u64);
        // Every record once.
        prop_assert_eq!((report.legacy.rows, report.candidate.rows), (legacy.len() as u64, candidate.len() as u64));
    }

    #[test]
    fn swapping_the_sides_mirrors_everything((legacy, candidate) in pair()) {
        let (there, found_there) = run(&legacy, &candidate, None);
        let (back, found_back) = run(&candidate, &legacy, None);
        let mirror: BTreeMap<i64, DiscrepancyKind> =
            found(&found_back).into_iter().map(|(id, kind)| (id, mirrored(kind))).collect();
        prop_assert_eq!(found(&found_there), mirror);
        if let (Some(a), Some(b)) = (&there.columns[0].totals, &back.columns[0].totals) {
            prop_assert!(a.overpaid.same_value(&b.underpaid) && a.underpaid.same_value(&b.overpaid));
            prop_assert!(a.net_difference.same_value(&b.net_difference.negated()));
            prop_assert!(a.gross_difference.same_value(&b.gross_difference));
        }
    }

    #[test]
    fn the_order_of_records_does_not_matter((legacy, candidate) in pair(), seed in any::<u64>()) {
        let mut shuffled = legacy.clone();
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        let (there, found_there) = run(&legacy, &candidate, None);
        let (again, found_again) = run(&shuffled, &candidate, None);
        prop_assert_eq!(there.counts, again.counts);
        prop_assert_eq!(found(&found_there), found(&found_again));
    }

    #[test]
    fn a_wider_tolerance_never_adds_a_discrepancy((legacy, candidate) in pair(), narrow in 0i64..20_000, more in 0i64..20_000) {
        let text = |units: i64| Amount::new(units.into(), 4).to_string();
        let (_, at_narrow) = run(&legacy, &candidate, Some(&text(narrow)));
        let (report, at_wide) = run(&legacy, &candidate, Some(&text(narrow + more)));
        let (narrow_found, wide_found) = (found(&at_narrow), found(&at_wide));
        prop_assert!(wide_found.keys().all(|id| narrow_found.contains_key(id)));
        let expected = oracle(&legacy, &candidate, narrow + more);
        prop_assert_eq!(wide_found.len(), expected.values().flatten().count());
        prop_assert!(report.counts.tolerated <= report.counts.matched);
    }

    #[test]
    fn totals_tie_to_the_discrepancies((legacy, candidate) in pair()) {
        let (report, discrepancies) = run(&legacy, &candidate, None);
        let Some(totals) = &report.columns[0].totals else { return Ok(()) };
        let sum = |rows: &[Row]| rows.iter().fold(Amount::ZERO, |sum, row| sum.plus(&amount(row.net)).expect("finite"));
        prop_assert!(totals.legacy.same_value(&sum(&legacy)));
        prop_assert!(totals.candidate.same_value(&sum(&candidate)));
        let (mut over, mut under) = (Amount::ZERO, Amount::ZERO);
        for field in discrepancies.iter().flat_map(|d| &d.fields).filter(|f| f.column == "net") {
            let difference = field.difference.clone().unwrap_or(Amount::ZERO);
            let bucket = if difference.is_negative() { &mut under } else { &mut over };
            *bucket = bucket.plus(&difference.magnitude()).expect("finite");
        }
        prop_assert!(totals.overpaid.same_value(&over), "over {} {}", totals.overpaid, over);
        prop_assert!(totals.underpaid.same_value(&under));
        prop_assert!(totals.gross_difference.same_value(&over.plus(&under).expect("finite")));
    }
}

//! The sorter against a stable sort in memory.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::NumberForm;

/// A cell of any kind that can be a key, made from a few bytes so that equal keys are common.
fn cell(batch: &mut Batch, kind: u8, value: u8) -> Cell {
    let small = value % 5;
    let number = |coefficient: i128, scale| Cell::Number { coefficient, scale, form: NumberForm::Decimal };
    match kind % 8 {
        0 => Cell::Null,
        1 => number(i128::from(small) * 10, 1),
        2 => number(i128::from(small), 0),
        3 => Cell::Text(batch.store(&[b'a' + small; 3])),
        4 => Cell::Untyped(batch.store(&vec![b'a' + small; usize::from(value)])),
        5 => Cell::Bytes(batch.store(&[small])),
        6 => Cell::Date(small.into()),
        _ => Cell::Wide { text: batch.store(b"-0"), form: NumberForm::Decimal },
    }
}

/// Records of two key cells and their number of arrival.
fn records(rows: &[(u8, u8, u8, u8)]) -> Batch {
    let mut batch = Batch::new(3);
    for (number, (k1, v1, k2, v2)) in rows.iter().enumerate() {
        let row = batch.start_row();
        let first = cell(&mut batch, *k1, *v1);
        let second = cell(&mut batch, *k2, *v2);
        batch.row_mut(row).copy_from_slice(&[first, second, Cell::Date(number as i32)]);
    }
    batch
}

fn encoded(batch: &Batch, row: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_row(batch, row, batch.width(), &mut bytes);
    bytes
}

fn sorted_by_us(batch: &Batch, key: usize, memory: usize, batch_rows: usize) -> Vec<Vec<u8>> {
    let mut sorter = Sorter::new(batch.width(), key, memory);
    let mut part = Batch::new(batch.width());
    for row in 0..batch.rows() {
        part.copy_row(batch, row);
        if part.rows() == batch_rows || row + 1 == batch.rows() {
            sorter.push(&part).unwrap();
            assert!(sorter.held.bytes <= sorter.budget.hold || sorter.held.used == 1, "{}", sorter.held.bytes);
            part.reset(batch.width());
        }
    }
    let (mut sorted, mut out) = (sorter.finish().unwrap(), Batch::new(batch.width()));
    while sorted.next_into(&mut out).unwrap() {}
    (0..out.rows()).map(|row| encoded(&out, row)).collect()
}

fn sorted_in_memory(batch: &Batch, key: usize) -> Vec<Vec<u8>> {
    let mut order: Vec<usize> = (0..batch.rows()).collect();
    order.sort_by(|a, b| cmp_keys(batch, *a, batch, *b, key));
    order.into_iter().map(|row| encoded(batch, row)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_budget_gives_the_stable_order(
        rows in vec(any::<(u8, u8, u8, u8)>(), 0..200),
        key in 0usize..=3,
        memory in prop_oneof![Just(0usize), 1usize..6_000, Just(1 << 20)],
        batch_rows in 1usize..50,
    ) {
        let batch = records(&rows);
        // Equal bytes in equal order: nothing lost, nothing twice, equal keys as they came.
        prop_assert_eq!(sorted_by_us(&batch, key, memory, batch_rows), sorted_in_memory(&batch, key));
    }
}

#[test]
fn many_runs_are_merged_in_passes() {
    let rows: Vec<_> = (0..500u32).map(|n| (2, (n * 7 % 5) as u8, 4, (n * 31 % 200) as u8)).collect();
    let batch = records(&rows);
    let mut sorter = Sorter::new(3, 2, 2_000);
    sorter.push(&batch).unwrap();
    assert!(sorter.levels.len() > 3, "the budget must be small enough for several passes");
    assert!(sorter.levels.iter().all(|level| level.len() < sorter.budget.fan_in), "too many files are open");
    assert_eq!(sorted_by_us(&batch, 2, 2_000, 10), sorted_in_memory(&batch, 2));
}

#[test]
fn memory_stays_within_the_budget() {
    let memory = 1 << 20;
    let mut sorter = Sorter::new(3, 2, memory);
    let rows: Vec<_> = (0..2_000u32).map(|n| (4, n as u8, 2, (n >> 8) as u8)).collect();
    let batch = records(&rows);
    let mut most = 0;
    for _ in 0..12 {
        sorter.push(&batch).unwrap();
        let held: usize = sorter
            .held
            .chunks
            .iter()
            .map(|c| c.records.capacity() + c.keys.bytes_used() + c.starts.capacity() * size_of::<u32>())
            .sum();
        most = most.max(held);
    }
    assert!(most <= memory, "{most} bytes held");
    assert!(most > memory / 4, "the budget is to be used: {most}");
    assert!(!sorter.levels.is_empty(), "nothing went to disk");
    let Budget { read_buffer, fan_in, .. } = sorter.budget;
    assert!(read_buffer * fan_in <= memory / 2);
}

#[test]
fn a_record_larger_than_the_budget_is_kept_whole() {
    let mut batch = Batch::new(2);
    for (number, len) in [(3, 10), (1, 50_000), (2, 100)] {
        let row = batch.start_row();
        let text = batch.store(&vec![b'x'; len]);
        batch.row_mut(row).copy_from_slice(&[Cell::Date(number), Cell::Text(text)]);
    }
    assert_eq!(sorted_by_us(&batch, 1, 4_000, 1), sorted_in_memory(&batch, 1));
}

#[test]
fn a_damaged_record_never_becomes_a_row() {
    let batch = records(&[(1, 1, 1, 1)]);
    let mut bytes = encoded(&batch, 0);
    bytes.push(0);
    let mut out = Batch::new(3);
    assert!(decode(&bytes, &mut out).is_err());
    assert!(decode(&bytes[..bytes.len() - 2], &mut out).is_err());
    assert_eq!(out.rows(), 0);
}

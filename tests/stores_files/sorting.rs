//! Sorting on disk, between a file and the merge.

use recon::stores::ErrorClass;
use recon::stores::csv::CsvSource;

use super::*;

const ROWS: usize = 9_000;

/// Numbers in a scattered order, every third key twice.
fn shuffled() -> (Made, Vec<Vec<String>>) {
    let keys: Vec<usize> = (0..ROWS).map(|n| (n * 7_919 % ROWS) / 3 * 3 + usize::from(n % 3 > 0)).collect();
    let lines: String = keys.iter().enumerate().map(|(n, key)| format!("{key},{n}\n")).collect();
    let mut order: Vec<usize> = (0..ROWS).collect();
    order.sort_by_key(|n| keys[*n]);
    let rows = order.into_iter().map(|n| vec![format!("Untyped {}", keys[n]), format!("Untyped {n}")]).collect();
    (file("a.csv", format!("id,n\n{lines}")), rows)
}

#[test]
fn unsorted_files_come_in_key_order_at_any_budget() {
    let (made, expected) = shuffled();
    for memory in [64 << 10, 1 << 20, 64 << 20] {
        let mut source = CsvSource::new(made.path.clone(), Settings::default());
        open(&mut source).unwrap();
        let sent = read_sorted(&mut source, &request(&["id", "n"]), Some(memory));
        sent.end.unwrap();
        assert!(sent.rows == expected, "other records or another order with {memory} bytes");
    }
}

#[test]
fn what_was_read_before_an_error_comes_sorted_and_the_error_stays() {
    let made = file("a.csv", "id\n3\n1\n2\n4,5\n");
    let mut source = CsvSource::new(made.path.clone(), Settings::default());
    open(&mut source).unwrap();
    let sent = read_sorted(&mut source, &request(&["id"]), Some(1 << 20));
    assert_eq!(sent.rows, strings(&[&["Untyped 1"], &["Untyped 2"], &["Untyped 3"]]));
    assert_error(sent.end, ErrorClass::Failed, &["line 5"]);
}

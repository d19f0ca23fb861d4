//! Ways in which a computed path could agree without being right, or hide that it did not look: each was found by
//! attacking `recon diff NAME`, and must stay closed.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use recon::domain::{Amount, NumberForm, Value};
use recon::stores::bulk::{ParquetColumn, ParquetKind, write_parquet};
use support::{Outcome, Place};

/// One input `t` in `file`, legacy as CSV.
struct Case {
    place: Place,
    input: String,
}

impl Case {
    fn new(legacy: &str, sql: &str, input: &str) -> Case {
        let place = Place::new();
        place.write("data/legacy.csv", legacy);
        place.write("candidate.sql", sql);
        Case { place, input: input.to_owned() }
    }

    fn with(self, name: &str, content: &str) -> Case {
        self.place.write(name, content);
        self
    }

    fn run(&self) -> Outcome {
        let project = format!(
            "[stores.lake]\nurl = \"file:data\"\n[reconciliation.r]\nkey = [\"id\"]\nparams = {{ from = \"date\" }}\n\
             [reconciliation.r.legacy]\nstore = \"lake\"\nfile = \"legacy.csv\"\n[reconciliation.r.candidate]\n\
             sql = \"candidate.sql\"\n[reconciliation.r.candidate.inputs.t]\nstore = \"lake\"\n{}\n",
            self.input
        );
        self.place.write("recon.toml", project);
        self.place.recon(&["diff", "r", "--param", "from=2026-11-01"])
    }

    fn said(&self, code: i32, what: &str) {
        let outcome = self.run();
        assert_eq!(outcome.code, Some(code), "{outcome}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(what), "`{what}` is not in\n{outcome}");
    }
}

fn integers(case: &Case, name: &str, columns: &[&str], rows: &[&[i64]]) {
    let columns: Vec<ParquetColumn> =
        columns.iter().map(|name| ParquetColumn { name: (*name).to_owned(), kind: ParquetKind::Integer }).collect();
    let value = |n: &i64| Value::Number { amount: Amount::new((*n).into(), 0), form: NumberForm::Integer };
    let mut rows = rows.iter().map(|row| row.iter().map(value).collect());
    write_parquet(&case.place.path().join(name), &columns, &mut rows, &mut |_| {}).expect("written");
}

#[test]
fn an_unwound_item_that_cannot_be_judged_is_never_counted() {
    let input =
        "file = \"t.ndjson\"\nunwind = \"items\"\nfilter = \"items.q > 5\"\nfields = { id = \"id\", q = \"items.q\" }";
    let lines = "{\"id\":1,\"items\":[{\"q\":6},{\"q\":\"abc\"},{\"q\":1}]}\n";
    // The column that could not be judged is not even named.
    Case::new("id,n\n1,2\n", "SELECT id, COUNT(*) AS n FROM t GROUP BY id", input)
        .with("data/t.ndjson", lines)
        .said(3, "could not be decided");
    Case::new("id,n\n1,1\n", "SELECT id, COUNT(*) AS n FROM t GROUP BY id", input)
        .with("data/t.ndjson", "{\"id\":1,\"items\":[{\"q\":6},{\"q\":1}]}\n")
        .said(0, "AGREE");
}

#[test]
fn a_text_that_should_be_a_date_is_not_compared_as_a_text() {
    let input = "file = \"t.ndjson\"\nfilter = \"day >= :from\"";
    let sql = "SELECT id, COUNT(*) AS n FROM t GROUP BY id";
    Case::new("id,n\n1,1\n", sql, input)
        .with("data/t.ndjson", "{\"id\":1,\"day\":\"2026-11-05\"}\n{\"id\":1,\"day\":\"2026-10-05\"}\n")
        .said(0, "AGREE");
    for day in ["yesterday", "2026-11-5", "05.11.2026"] {
        let lines = format!("{{\"id\":1,\"day\":\"2026-11-05\"}}\n{{\"id\":1,\"day\":\"{day}\"}}\n");
        Case::new("id,n\n1,1\n", sql, input).with("data/t.ndjson", &lines).said(3, day);
    }
}

#[test]
fn nan_lies_on_neither_side_of_a_bound() {
    let lines = "{\"id\":1,\"q\":1}\n{\"id\":1,\"q\":{\"$numberDecimal\":\"NaN\"}}\n";
    for filter in ["q <= 5", "q > 5"] {
        Case::new(
            "id,n\n1,2\n",
            "SELECT id, COUNT(*) AS n FROM t GROUP BY id",
            &format!("file = \"t.ndjson\"\nfilter = \"{filter}\""),
        )
        .with("data/t.ndjson", lines)
        .said(3, "NaN");
    }
}

#[test]
fn a_folder_is_no_column() {
    let case = Case::new("id,n\n1,10\n", "SELECT id, net AS n FROM t", "file = \"net=999/t.parquet\"");
    integers(&case, "data/net=999/t.parquet", &["id", "net"], &[&[1, 10]]);
    case.said(0, "AGREE");
}

#[test]
fn a_name_with_brackets_is_that_name() {
    let case = Case::new("id,n\n1,7\n", "SELECT id, n FROM t", "file = \"plays[1].ndjson\"")
        .with("data/plays[1].ndjson", "{\"id\":1,\"n\":7}\n")
        .with("data/plays1.ndjson", "{\"id\":1,\"n\":100}\n");
    case.said(0, "AGREE");
    let case = Case::new("id,n\n1,7\n", "SELECT id, n FROM t", "file = \"x-*.ndjson\"")
        .with("data[1]/x-1.ndjson", "{\"id\":1,\"n\":7}\n")
        .with("data1/x-1.ndjson", "{\"id\":1,\"n\":100}\n");
    let project = "[stores.lake]\nurl = \"file:data\"\n[stores.odd]\nurl = \"file:data[1]\"\n[reconciliation.r]\nkey = [\"id\"]\n\
        [reconciliation.r.legacy]\nstore = \"lake\"\nfile = \"legacy.csv\"\n[reconciliation.r.candidate]\nsql = \"candidate.sql\"\n\
        [reconciliation.r.candidate.inputs.t]\nstore = \"odd\"\nfile = \"x-*.ndjson\"\n";
    case.place.write("recon.toml", project);
    let outcome = case.place.recon(&["diff", "r"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn the_fingerprint_of_a_file_changes_with_any_value() {
    let fingerprint = |changed: i64| {
        let case = Case::new("id,n\n1,1\n", "SELECT id, net AS n FROM t WHERE id = 1", "file = \"t.parquet\"");
        let rows: Vec<[i64; 2]> = (1..=50_000).map(|id| [id, if id == 25_000 { changed } else { 1 }]).collect();
        let rows: Vec<&[i64]> = rows.iter().map(<[i64; 2]>::as_slice).collect();
        integers(&case, "data/t.parquet", &["id", "net"], &rows);
        assert_eq!(case.run().code, Some(0));
        let outcome = case.place.recon(&["diff", "r", "--param", "from=2026-11-01", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        report["sides"]["candidate"]["inputs"][0]["fingerprint"].as_str().expect("a fingerprint").to_owned()
    };
    assert_eq!(fingerprint(100), fingerprint(100));
    assert_ne!(fingerprint(100), fingerprint(999));
}

#[test]
fn a_condition_means_the_same_on_parquet_and_json() {
    for (filter, code) in [("n = 1", 0), ("N = 1", 2), ("n > '0'", 0)] {
        let case =
            Case::new("id,n\n1,1\n", "SELECT id, n FROM t", &format!("file = \"t.parquet\"\nfilter = \"{filter}\""));
        integers(&case, "data/t.parquet", &["id", "n"], &[&[1, 1]]);
        let outcome = case.run();
        assert_eq!(outcome.code, Some(code), "{filter}: {outcome}");
    }
}

#[test]
fn files_that_do_not_fit_together_are_told() {
    let case = Case::new("id,n\n1,1\n", "SELECT id, net AS n FROM t", "file = \"x-*.parquet\"");
    integers(&case, "data/x-1.parquet", &["id", "net"], &[&[1, 1]]);
    integers(&case, "data/x-2.parquet", &["id", "amount"], &[&[2, 1]]);
    case.said(2, "has the column `amount");
    Case::new("id,n\n1,1\n2,1\n", "SELECT id, net AS n FROM t", "file = \"x-*.ndjson\"")
        .with("data/x-1.ndjson", "{\"id\":1,\"net\":1}\n")
        .with("data/x-2.ndjson", "{\"id\":2,\"amount\":1}\n")
        .said(1, "does not have the same fields");
}

#[test]
fn an_empty_day_is_no_mistake_in_the_sql() {
    let input = "file = \"t.ndjson\"\nfilter = \"day >= :from\"";
    let case = Case::new("id,n\n1,1\n", "SELECT id, SUM(net) AS n FROM t GROUP BY id", input)
        .with("data/t.ndjson", "{\"id\":1,\"net\":5,\"day\":\"2020-01-01\"}\n");
    case.said(3, "no record passed the filter `day >= :from`");
}

#[test]
fn a_field_that_no_record_has_is_named() {
    let input = "file = \"t.ndjson\"\nfields = { id = \"id\", n = \"amout\" }";
    Case::new("id,n\n1,5\n", "SELECT id, n FROM t", input)
        .with("data/t.ndjson", "{\"id\":1,\"amount\":5}\n")
        .said(1, "no record has a value in `amout`");
}

#[test]
fn a_float_may_be_declared_a_decimal() {
    let input = "file = \"t.ndjson\"\nfields = { id = \"id\", n = { path = \"n\", type = \"decimal\" } }";
    Case::new("id,n\n1,0.1\n", "SELECT id, n FROM t", input)
        .with("data/t.ndjson", "{\"id\":1,\"n\":{\"$numberDouble\":\"0.1\"}}\n")
        .said(0, "AGREE");
}

/// A command that answers without the column that is to be paid.
#[test]
fn a_declared_column_that_the_answers_lack_is_no_column_less() {
    let place = Place::new();
    place.write("data/legacy.csv", "id,net,fee\n1,10,1\n");
    place.write("data/t.ndjson", "{\"id\":1}\n");
    place.write("calc.sh", "while read -r line; do echo '{\"id\":1,\"netto\":99,\"fee\":1}'; done\n");
    let project = |columns: &str| {
        format!(
            "[stores.lake]\nurl = \"file:data\"\n[reconciliation.r]\nkey = [\"id\"]\n{columns}\n[reconciliation.r.legacy]\nstore = \"lake\"\n\
             file = \"legacy.csv\"\n[reconciliation.r.candidate]\ncommand = [\"sh\", \"calc.sh\", \"--token=s3cr3t\"]\n\
             [reconciliation.r.candidate.inputs.t]\nstore = \"lake\"\nfile = \"t.ndjson\"\n"
        )
    };
    for settings in ["type = \"decimal\"", "tolerance = \"1\"", "currency = \"KRW\""] {
        place.write("recon.toml", project(&format!("[reconciliation.r.columns]\nnet = {{ {settings} }}")));
        let outcome = place.recon(&["diff", "r"]);
        assert_eq!(outcome.code, Some(1), "{settings}: {outcome}");
        assert!(!outcome.to_string().contains("s3cr3t"), "{outcome}");
    }
    place.write("recon.toml", project(""));
    let outcome = place.recon(&["diff", "r"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.stdout.contains("not compared: legacy net"), "{outcome}");
}

/// One partition has no record, and what differs is read again.
#[test]
fn a_partition_without_records_is_fine() {
    let place = Place::new();
    support::sqlite(
        &place.path().join("core.db"),
        "CREATE TABLE p (id INTEGER, n INTEGER); INSERT INTO p VALUES (2, 1), (4, 1);",
    );
    place.write("legacy.sql", "SELECT id, n FROM p WHERE id % :partitions = :partition\n");
    place.write("data/c.csv", "id,n\n2,1\n4,9\n");
    place.write(
        "recon.toml",
        "[stores.core]\nurl = \"sqlite:core.db\"\n[stores.lake]\nurl = \"file:data\"\n[reconciliation.r]\nkey = [\"id\"]\n\
         [reconciliation.r.legacy]\nstore = \"core\"\nquery = \"legacy.sql\"\npartitions = { column = \"id\", count = 2 }\n\
         [reconciliation.r.candidate]\nstore = \"lake\"\nfile = \"c.csv\"\n",
    );
    for more in [&[][..], &["--recheck", "1", "--recheck-delay", "1ms"]] {
        let outcome = place.recon(&[&["diff", "r"][..], more].concat());
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert!(outcome.stdout.contains("1 of 2 keys disagrees"), "{outcome}");
    }
}

/// Copies of inputs can be read again.
#[test]
fn inputs_are_kept_when_asked() {
    let case = Case::new("id,n\n1,5\n", "SELECT id, n FROM t", "file = \"t.ndjson\"")
        .with("data/t.ndjson", "{\"id\":1,\"n\":5}\n");
    assert_eq!(case.run().code, Some(0));
    let outcome = case.place.recon(&["diff", "r", "--param", "from=2026-11-01", "--keep-inputs", "kept"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let again = case.place.recon(&["diff", "data/t.ndjson", "kept/candidate-t.parquet", "--key", "id"]);
    assert_eq!(again.code, Some(0), "{again}");
}

/// Columns of a type that the scan does not know are read by the reader of Parquet files.
#[test]
fn dictionary_text_is_text() {
    use arrow_array::types::Int32Type;
    let case = Case::new("id,n\n1,a\n", "SELECT id, n FROM t", "file = \"t.parquet\"");
    let text: arrow_array::DictionaryArray<Int32Type> = ["a"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![("id", Arc::new(Int64Array::from(vec![1]))), ("n", Arc::new(text))];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let file = std::fs::File::create(case.place.path().join("data/t.parquet")).expect("a file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    case.said(0, "AGREE");
}

//! SQL over inputs from their files on: Parquet columns that polars, as it is built here, cannot read, columns that only
//! a text names, and where a refusal points.

#![allow(clippy::expect_used)]

mod support;

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, Float64Array, Int8Array, Int16Array, Int64Array, RecordBatch, StringArray, UInt8Array, UInt16Array,
};
use parquet::arrow::ArrowWriter;
use support::{Outcome, Place};

fn place(sql: &str, legacy: &str, inputs: &str) -> Place {
    let place = Place::new();
    place.write(
        "recon.toml",
        format!(
            "[stores.lake]\nurl = \"file:lake\"\n[reconciliation.r]\nkey = [\"id\"]\n\
             [reconciliation.r.legacy]\nstore = \"lake\"\nfile = \"legacy.csv\"\n\
             [reconciliation.r.candidate]\nsql = \"cand.sql\"\n{inputs}"
        ),
    );
    place.write("cand.sql", sql);
    place.write("lake/legacy.csv", legacy);
    place
}

fn input(name: &str, rest: &str) -> String {
    format!("[reconciliation.r.candidate.inputs.{name}]\nstore = \"lake\"\n{rest}\n")
}

fn diff(place: &Place) -> Outcome {
    place.recon(&["diff", "r", "--type", "id=integer"])
}

/// A Parquet file of narrow integers, a text kept as a dictionary, and a float.
fn write_parquet(place: &Place) {
    let mut texts = StringDictionaryBuilder::<Int8Type>::new();
    for text in [Some("a"), None, Some("b")] {
        texts.append_option(text);
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("u8", Arc::new(UInt8Array::from(vec![Some(255), None, Some(0)]))),
        ("u16", Arc::new(UInt16Array::from(vec![Some(65_535), None, Some(0)]))),
        ("i8", Arc::new(Int8Array::from(vec![Some(-128), None, Some(127)]))),
        ("i16", Arc::new(Int16Array::from(vec![Some(-32_768), None, Some(32_767)]))),
        ("kind", Arc::new(texts.finish())),
        ("word", Arc::new(StringArray::from(vec![Some("a"), None, Some("b")]))),
        ("weight", Arc::new(Float64Array::from(vec![1.5, 2.5, 3.5]))),
    ];
    let records = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, records.schema(), None).expect("a writer");
    writer.write(&records).expect("written");
    writer.close().expect("closed");
    place.write("lake/t.parquet", bytes);
}

#[test]
fn narrow_integers_and_dictionaries_of_parquet_are_read() {
    let agree = |sql: &str, legacy: &str, rest: &str| {
        let place = place(sql, legacy, &input("t", &format!("file = \"t.parquet\"\n{rest}")));
        write_parquet(&place);
        let outcome = diff(&place);
        assert_eq!(outcome.code, Some(0), "{sql}\n{outcome}");
    };
    agree("SELECT id, u8 FROM t", "id,u8\n1,255\n2,\n3,0\n", "");
    agree(
        "SELECT 1 AS id, SUM(u8) AS a, SUM(u16) AS b, MIN(i8) AS c, MAX(i16) AS d FROM t",
        "id,a,b,c,d\n1,255,65535,-128,32767\n",
        "",
    );
    agree("SELECT id FROM t WHERE kind = 'a'", "id\n1\n", "");
    agree("SELECT id, n FROM t", "id,n\n1,255\n", "filter = \"kind = 'a'\"\nfields = { id = \"id\", n = \"u8\" }");
    agree("SELECT id FROM t", "id\n1\n", "filter = \"u16 > 5\"");
    // What is not asked for does no harm: a float beside a filter.
    agree("SELECT id FROM t", "id\n3\n", "filter = \"word = 'b'\"");
    agree("SELECT 1 AS id, COUNT(*) AS n FROM t", "id,n\n1,3\n", "");
}

#[test]
fn the_calendar_is_read_whole() {
    let calendar = "file = \"holidays.ndjson\"\nfields = { day = { path = \"day\", type = \"date\" }, observed = { path = \"observed\", type = \"date\" } }";
    let inputs = [
        input(
            "t",
            "file = \"t.ndjson\"\nfields = { id = \"id\", observed = { path = \"observed\", type = \"date\" } }",
        ),
        input("holidays", calendar),
    ]
    .concat();
    let run = |named: &str| {
        let sql = format!("SELECT id, add_business_days(observed, 1, '{named}') AS d\nFROM t\n");
        // `observed` is a word of the SQL, `day` is not: both are looked at.
        let place = place(&sql, "id,d\n1,2026-11-09\n", &inputs);
        place.write("lake/t.ndjson", "{\"id\":1,\"observed\":\"2026-11-05\"}\n");
        place.write("lake/holidays.ndjson", "{\"day\":\"2026-11-06\",\"observed\":\"2026-11-20\"}\n");
        place.recon(&["diff", "r", "--type", "id=integer", "--type", "d=date"])
    };
    let both = run("holidays");
    assert_eq!(both.code, Some(2), "{both}");
    assert!(
        both.stderr
            .contains("cand.sql:1:43: `'holidays'`: the input `holidays` has 2 columns of type date: day, observed"),
        "{both}"
    );
    let named = run("holidays.day");
    assert_eq!(named.code, Some(0), "{named}");
}

#[test]
fn a_refusal_names_file_line_and_column() {
    let inputs = input("t", "file = \"t.ndjson\"");
    let stderr = |sql: &str| {
        let place = place(sql, "id\n1\n", &inputs);
        place.write("lake/t.ndjson", "{\"id\":1,\"net\":5}\n");
        let outcome = diff(&place);
        assert_eq!(outcome.code, Some(2), "{outcome}");
        outcome.stderr
    };
    let named = stderr("SELECT id,\n  net * 2\nFROM t\n");
    assert!(named.contains("cand.sql:2:3: `net * 2`: result column 2 has no name"), "{named}");
    let parsed = stderr("SELECT id\nFROM t\n  WHERE id ==== 1\n");
    assert!(parsed.contains("cand.sql:3:") && parsed.contains("the SQL does not parse"), "{parsed}");
}

#[test]
fn the_reason_stays_the_first_one() {
    let place = place(
        "SELECT id, divide(net, net - 5, 0, 'down') AS q FROM t\n",
        "id,q\n1,1\n",
        &input("t", "file = \"t.ndjson\""),
    );
    place.write("lake/t.ndjson", "{\"id\":1,\"net\":5}\n");
    let outcome = place.recon(&["diff", "r", "--type", "id=integer", "--recheck", "2", "--recheck-delay", "0s"]);
    let shown = outcome.to_string();
    assert_eq!(outcome.code, Some(3), "{shown}");
    assert!(shown.contains("division by zero") && !shown.contains("was not read"), "{shown}");
}

//! The worked settlements through the program itself, on embedded stores: `recon diff NAME` agrees on clean data and
//! finds exactly what was planted, whatever kind of file the lake holds, and whether the calculator is a program or a
//! service.
#![allow(clippy::expect_used, clippy::panic)]

mod examples_stores;
mod sides;
mod support;
mod third;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use examples_stores::{block_on, fill_sqlite};
use recon::domain::{Amount, Value};
use recon::examples::merchant::{Merchant, calculator};
use recon::examples::{DataFile, Example, Kind, Scale, p2p::P2p, royalty::Royalty};
use support::Place;

/// A project folder with its data in embedded stores; NDJSON in the lake in place of Parquet where wanted.
fn project(example: &dyn Example, scale: Scale, ndjson: bool) -> Place {
    let place = Place::new();
    let folder = place.path();
    for file in example.project() {
        let text = if ndjson { file.text.replace(".parquet\"", ".ndjson\"") } else { file.text.to_owned() };
        place.write(file.name, text);
    }
    fill_sqlite(&folder.join("core.db"), example, scale);
    for name in ["docs", "lake"] {
        std::fs::create_dir(folder.join(name)).expect("a folder");
    }
    for collection in example.collections(scale) {
        let path = folder.join("docs").join(format!("{}.ndjson", collection.name));
        let mut out = BufWriter::new(File::create(path).expect("a file"));
        for document in collection.documents() {
            writeln!(out, "{document}").expect("written");
        }
        out.flush().expect("written");
    }
    for file in example.files(scale) {
        let at = |ending: &str| folder.join("lake").join(format!("{}.{ending}", file.name));
        if ndjson { write_ndjson(&file, &at("ndjson")) } else { write_parquet(&file, &at("parquet")) }
    }
    // `recon calculator` must be found.
    let programs = Path::new(env!("CARGO_BIN_EXE_recon")).parent().expect("a folder").display().to_string();
    place.env("PATH", &format!("{programs}:{}", std::env::var("PATH").unwrap_or_default()))
}

fn write_ndjson(file: &DataFile, path: &Path) {
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    for row in file.rows() {
        let fields = file.columns.iter().zip(row).map(|(c, v)| (c.name.to_owned(), v)).collect();
        writeln!(out, "{}", Value::Document(fields)).expect("written");
    }
    out.flush().expect("written");
}

fn write_parquet(file: &DataFile, path: &Path) {
    let data_type = |kind: Kind| match kind {
        Kind::Integer => DataType::Int64,
        Kind::Decimal { digits, scale } => DataType::Decimal128(digits, scale.cast_signed()),
        Kind::Text(_) => DataType::Utf8,
        Kind::Date => DataType::Date32,
        Kind::Instant => panic!("no moments in the lake yet"),
    };
    let fields: Vec<Field> = file.columns.iter().map(|c| Field::new(c.name, data_type(c.kind), c.nullable)).collect();
    let schema = Arc::new(Schema::new(fields));
    let out = File::create(path).expect("a file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(out, schema.clone(), None).expect("a writer");
    let mut rows = file.rows().peekable();
    while rows.peek().is_some() {
        let rows: Vec<Vec<Value>> = rows.by_ref().take(10_000).collect();
        let column = |(at, column): (usize, &recon::examples::Column)| -> ArrayRef {
            let values = rows.iter().map(|row| &row[at]);
            let coefficient = |value: &Value, scale: i32| match value {
                Value::Null => None,
                value => {
                    let amount: Amount = value.amount().expect("a number");
                    let (coefficient, own) = amount.small().expect("small");
                    assert_eq!(own, scale, "{}", column.name);
                    Some(coefficient)
                }
            };
            match column.kind {
                Kind::Integer => Arc::new(
                    values
                        .map(|v| coefficient(v, 0).map(|n| i64::try_from(n).expect("64 bits")))
                        .collect::<Int64Array>(),
                ),
                Kind::Decimal { digits, scale } => Arc::new(
                    values
                        .map(|v| coefficient(v, scale.into()))
                        .collect::<Decimal128Array>()
                        .with_precision_and_scale(digits, scale.cast_signed())
                        .expect("fits"),
                ),
                Kind::Text(_) => Arc::new(values.map(|v| Some(v.to_string())).collect::<StringArray>()),
                Kind::Date => Arc::new(
                    values.map(|v| if let Value::Date(days) = v { Some(*days) } else { None }).collect::<Date32Array>(),
                ),
                Kind::Instant => panic!("no moments in the lake yet"),
            }
        };
        let columns = file.columns.iter().enumerate().map(column).collect();
        writer.write(&RecordBatch::try_new(schema.clone(), columns).expect("a batch")).expect("written");
    }
    writer.close().expect("written");
}

/// Runs every reconciliation of the project, and holds what it finds to what was planted.
fn check(example: &dyn Example, scale: Scale, place: &Place) {
    let planted = example.planted(scale);
    for reconciliation in example.reconciliations() {
        let mut words = vec!["diff".to_owned(), (*reconciliation).to_owned()];
        for (name, value) in example.params() {
            words.extend(["--param".to_owned(), format!("{name}={value}")]);
        }
        words.extend(["--limit", "100000", "--format", "json"].map(str::to_owned));
        let outcome = place.recon(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let expected: Vec<_> = planted.iter().filter(|p| p.reconciliation == *reconciliation).collect();
        let code = if expected.is_empty() { 0 } else { 1 };
        assert_eq!(outcome.code, Some(code), "{} {scale:?}\n{outcome}", example.name());
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert!(report["counts"]["matched"].as_u64().expect("a count") > 0, "{report}");
        let found = report["discrepancies"].as_array().expect("a list");
        let mut seen: Vec<(String, String)> = found.iter().map(|d| (key(d), kind(d))).collect();
        let mut wanted: Vec<(String, String)> =
            expected.iter().map(|p| (p.key.join("|"), p.kind.name().to_owned())).collect();
        seen.sort();
        wanted.sort();
        assert_eq!(seen, wanted, "{} {reconciliation} {scale:?}", example.name());
        for p in expected {
            let of = found.iter().find(|d| key(d) == p.key.join("|")).expect("found above");
            let fields = of["fields"].as_array().cloned().unwrap_or_default();
            let names: Vec<&str> = fields.iter().filter_map(|f| f["column"].as_str()).collect();
            assert!(p.columns.iter().all(|c| names.contains(&c.as_str())), "{p:?}: {of}");
        }
    }
}

fn key(discrepancy: &serde_json::Value) -> String {
    let key = discrepancy["key"].as_object().expect("a key");
    key.values().map(|v| v.as_str().map_or(v.to_string(), str::to_owned)).collect::<Vec<_>>().join("|")
}

fn kind(discrepancy: &serde_json::Value) -> String {
    discrepancy["kind"].as_str().expect("a kind").to_owned()
}

fn scales(records: u64) -> [Scale; 2] {
    [Scale { seed: 11, ..Scale::of(records) }, Scale { records, seed: 12, faults: 20_000, quirks: true }]
}

#[test]
fn p2p_agrees_but_for_what_was_planted() {
    for scale in scales(3_000) {
        check(&P2p, scale, &project(&P2p, scale, false));
    }
}

#[test]
#[ignore = "polars plans a query of this depth on more stack than the reader's thread has"]
fn royalty_agrees_but_for_what_was_planted_from_parquet() {
    for scale in scales(12_000) {
        check(&Royalty, scale, &project(&Royalty, scale, false));
    }
}

#[test]
#[ignore = "polars plans a query of this depth on more stack than the reader's thread has"]
fn royalty_agrees_but_for_what_was_planted_from_ndjson() {
    for scale in scales(4_000) {
        check(&Royalty, scale, &project(&Royalty, scale, true));
    }
}

#[test]
#[ignore = "`recon calculator` is not wired yet"]
fn merchant_agrees_but_for_what_was_planted_asked_of_a_program() {
    for scale in scales(3_000) {
        check(&Merchant, scale, &project(&Merchant, scale, false));
    }
}

#[test]
fn merchant_agrees_but_for_what_was_planted_asked_of_a_service() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        block_on(async { calculator::serve(tokio::net::TcpListener::from_std(listener)?).await })
    });
    for scale in scales(3_000) {
        let place = project(&Merchant, scale, false);
        let program = "command = [\"recon\", \"calculator\"]";
        let service = format!("http = {{ url = \"http://{address}/settle\", batch = 200, concurrency = 3 }}");
        let toml = place.read("recon.toml");
        assert!(toml.contains(program), "{toml}");
        place.write("recon.toml", toml.replace(program, &service));
        check(&Merchant, scale, &place);
    }
}

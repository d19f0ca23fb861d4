//! The worked settlements through the program itself, on embedded stores: `recon diff NAME` agrees on clean data and
//! finds exactly what was planted, whatever kind of file the lake holds, and whether the calculator is a program or a
//! service; and the same on MySQL or PostgreSQL and MongoDB through the profiles `servers` and `postgres`.
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
use examples_stores::{ServerDatabase, block_on, fill_sqlite};
use mongodb::bson::{Bson, DateTime};
use recon::domain::{Amount, NumberForm, Value};
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
    check_with(example, scale, place, &[]);
}

/// As [`check`], with options before the command; returns the reports, in the order of the reconciliations.
fn check_with(example: &dyn Example, scale: Scale, place: &Place, global: &[&str]) -> Vec<serde_json::Value> {
    let mut reports = Vec::new();
    let planted = example.planted(scale);
    for reconciliation in example.reconciliations() {
        let mut words: Vec<String> = global.iter().map(|word| (*word).to_owned()).collect();
        words.extend(["diff".to_owned(), (*reconciliation).to_owned()]);
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
        reports.push(report);
    }
    reports
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
fn royalty_agrees_but_for_what_was_planted_from_parquet() {
    for scale in scales(12_000) {
        check(&Royalty, scale, &project(&Royalty, scale, false));
    }
}

#[test]
fn royalty_agrees_but_for_what_was_planted_from_ndjson() {
    for scale in scales(4_000) {
        check(&Royalty, scale, &project(&Royalty, scale, true));
    }
}

#[test]
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

/// Documents in a MongoDB database, gone when the test ends.
struct MongoDatabase(String);

impl MongoDatabase {
    fn filled(example: &dyn Example, scale: Scale) -> MongoDatabase {
        let database = MongoDatabase(support::unique_name("examples"));
        block_on(async {
            let client = mongodb::Client::with_uri_str(support::server_url("MONGODB")).await.expect("connects");
            for collection in example.collections(scale) {
                let into = client.database(&database.0).collection::<Bson>(collection.name);
                let mut documents = collection.documents().map(|document| bson(&document)).peekable();
                while documents.peek().is_some() {
                    into.insert_many(documents.by_ref().take(1_000).collect::<Vec<_>>()).await.expect("inserted");
                }
            }
            client.shutdown().await;
        });
        database
    }
}

impl Drop for MongoDatabase {
    fn drop(&mut self) {
        block_on(async {
            let client = mongodb::Client::with_uri_str(support::server_url("MONGODB")).await.expect("connects");
            client.database(&self.0).drop().await.expect("dropped");
            client.shutdown().await;
        });
    }
}

/// As a team's documents hold it: amounts as Decimal128, numbers as 64-bit integers, moments as dates.
fn bson(value: &Value) -> Bson {
    match value {
        Value::Document(fields) => Bson::Document(fields.iter().map(|(n, v)| (n.clone(), bson(v))).collect()),
        Value::Array(items) => Bson::Array(items.iter().map(bson).collect()),
        Value::Number { amount, form: NumberForm::Integer } => {
            Bson::Int64(amount.to_string().parse().expect("an integer"))
        }
        Value::Number { amount, .. } => Bson::Decimal128(amount.to_string().parse().expect("a decimal")),
        Value::Instant { nanos, .. } => {
            Bson::DateTime(DateTime::from_millis(i64::try_from(nanos / 1_000_000).expect("a moment")))
        }
        other => Bson::String(other.to_string()),
    }
}

/// On MySQL and on PostgreSQL: both find what was planted, and say the same.
fn check_on_servers(example: &dyn Example, scale: Scale) {
    let mongo = MongoDatabase::filled(example, scale);
    let place = project(example, Scale { records: 1, ..scale }, false);
    // The lake stays a folder of files.
    for file in example.files(scale) {
        write_parquet(&file, &place.path().join("lake").join(format!("{}.parquet", file.name)));
    }
    let mysql = ServerDatabase::filled("MYSQL", example, scale);
    let postgres = ServerDatabase::filled("POSTGRES", example, scale);
    let place = place
        .env("RECON_MYSQL_URL", &mysql.url())
        .env("RECON_POSTGRES_URL", &postgres.url())
        .env("RECON_MONGO_URL", &support::database_url("MONGODB", &mongo.0));
    let on_mysql = check_with(example, scale, &place, &["--profile", "servers"]);
    let on_postgres = check_with(example, scale, &place, &["--profile", "postgres"]);
    assert_eq!(on_mysql.len(), on_postgres.len());
    for (mysql, postgres) in on_mysql.into_iter().zip(on_postgres) {
        let (mysql, postgres) = (without_types(mysql), without_types(postgres));
        for part in ["verdict", "key", "rows", "counts", "columns", "totals", "discrepancies"] {
            assert_eq!(mysql[part], postgres[part], "{}: {part}", example.name());
        }
        let read = postgres["sides"]["legacy"].to_string();
        assert!(read.contains("postgres"), "not read from PostgreSQL: {read}");
    }
}

/// What a store's types say of a value beside the value itself (MySQL's DIV gives integers, PostgreSQL's decimals).
fn without_types(mut report: serde_json::Value) -> serde_json::Value {
    for column in report["columns"].as_array_mut().expect("columns") {
        let column = column.as_object_mut().expect("a column");
        assert!(column.remove("type").is_some() && column.remove("drift").is_some(), "{column:?}");
    }
    report
}

#[test]
fn p2p_on_servers_agrees_but_for_what_was_planted() {
    check_on_servers(&P2p, scales(3_000)[1]);
}

#[test]
fn royalty_on_servers_agrees_but_for_what_was_planted() {
    check_on_servers(&Royalty, scales(6_000)[1]);
}

#[test]
fn merchant_on_servers_agrees_but_for_what_was_planted() {
    check_on_servers(&Merchant, scales(3_000)[1]);
}

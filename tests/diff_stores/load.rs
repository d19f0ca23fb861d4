//! Puts a table into each kind of store, in the types that are natural there.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use base64::Engine;
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document, oid::ObjectId, spec::BinarySubtype};
use parquet::arrow::ArrowWriter;

use super::support::{self, Place, database_url, server_url, unique_name};
use super::table::{Table, Type, V, hex, plain_text};

/// A kind of store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    MySql,
    Postgres,
    Sqlite,
    Mongo,
    Csv,
    Parquet,
    Ndjson,
    ExtendedJson,
    Bson,
}

impl Kind {
    pub const ALL: [Kind; 9] = [
        Kind::MySql,
        Kind::Postgres,
        Kind::Sqlite,
        Kind::Mongo,
        Kind::Csv,
        Kind::Parquet,
        Kind::Ndjson,
        Kind::ExtendedJson,
        Kind::Bson,
    ];
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Runs SQL on a MySQL server.
pub fn mysql(url: &str, sql: String) {
    crate::support::run_sql(url, &sql);
}

/// Runs SQL on a PostgreSQL server.
pub fn postgres(url: &str, sql: String) {
    crate::support::run_sql(url, &sql);
}

/// Works on a MongoDB database.
pub fn mongo<T>(url: &str, work: impl AsyncFnOnce(mongodb::Database) -> T) -> T {
    block_on(async {
        let client = mongodb::Client::with_uri_str(url).await.expect("a MongoDB URL");
        let result = work(client.default_database().expect("a database in the URL")).await;
        client.shutdown().await;
        result
    })
}

/// A database of one name on every server, and a place for files; all go when the test ends.
pub struct Stores {
    pub place: Place,
    pub name: String,
}

impl Stores {
    pub fn new() -> Stores {
        let name = unique_name("pairs");
        mysql(&server_url("MYSQL"), format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
        postgres(&server_url("POSTGRES"), format!("CREATE DATABASE {name}"));
        Stores { place: Place::new(), name }
    }

    /// The URL of the database on a server.
    pub fn url(&self, kind: &str) -> String {
        database_url(kind, &self.name)
    }

    /// Stores the table under this name and returns its locator.
    pub fn load(&self, kind: Kind, name: &str, table: &Table) -> String {
        let file = |ending: &str, content: Vec<u8>| {
            let file = format!("{name}.{ending}");
            self.place.write(&file, content);
            file
        };
        match kind {
            Kind::MySql => {
                mysql(&self.url("MYSQL"), script(kind, name, table));
                format!("{}#{name}", self.url("MYSQL"))
            }
            Kind::Postgres => {
                postgres(&self.url("POSTGRES"), script(kind, name, table));
                format!("{}#{name}", self.url("POSTGRES"))
            }
            Kind::Sqlite => {
                support::sqlite(&self.place.path().join(format!("{name}.db")), &script(kind, name, table));
                format!("sqlite:{name}.db#{name}")
            }
            Kind::Mongo => {
                mongo(&self.url("MONGODB"), async |database| {
                    let documents: Vec<Document> = documents(table).collect();
                    database.collection(name).insert_many(documents).await.expect("inserted");
                });
                format!("{}#{name}", self.url("MONGODB"))
            }
            Kind::Csv => file("csv", csv(table).into_bytes()),
            Kind::Parquet => file("parquet", parquet(table)),
            Kind::Ndjson => file("ndjson", ndjson(table, false).into_bytes()),
            Kind::ExtendedJson => file("jsonl", ndjson(table, true).into_bytes()),
            Kind::Bson => file("bson", documents(table).flat_map(|d| d.to_vec().expect("BSON")).collect()),
        }
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        mysql(&server_url("MYSQL"), format!("DROP DATABASE {}", self.name));
        postgres(&server_url("POSTGRES"), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        mongo(&self.url("MONGODB"), async |database| database.drop().await.expect("dropped"));
    }
}

/// No primary key: a table may hold a key twice.
fn script(kind: Kind, name: &str, table: &Table) -> String {
    let columns: Vec<String> = (table.columns.iter())
        .map(|(column, of)| {
            let types = match of {
                Type::Big => ["BIGINT", "bigint", "INTEGER"],
                Type::Int => ["INT", "integer", "INTEGER"],
                Type::Money if table.bare => ["DECIMAL(20,4)", "numeric", "TEXT"],
                Type::Money => ["DECIMAL(20,4)", "numeric(20,4)", "TEXT"],
                Type::Text => ["VARCHAR(60)", "text", "TEXT"],
                Type::Day => ["DATE", "date", "TEXT"],
                Type::Instant => ["DATETIME(3)", "timestamptz(3)", "TEXT"],
                Type::Uuid => ["CHAR(36)", "uuid", "TEXT"],
                Type::ObjectId => ["CHAR(24)", "text", "TEXT"],
            };
            let at = [Kind::MySql, Kind::Postgres, Kind::Sqlite].iter().position(|k| *k == kind).expect("SQL");
            format!("{column} {}", types[at])
        })
        .collect();
    let mut sql = format!("CREATE TABLE {name} ({});", columns.join(", "));
    for rows in table.rows.chunks(500) {
        let rows: Vec<String> = (rows.iter())
            .map(|row| {
                let values: Vec<String> = row.iter().map(|value| literal(kind, value, table.bare)).collect();
                format!("({})", values.join(","))
            })
            .collect();
        sql += &format!("INSERT INTO {name} VALUES {};", rows.join(","));
    }
    sql
}

fn literal(kind: Kind, value: &V, bare: bool) -> String {
    let Some(mut text) = plain_text(value, bare) else { return "NULL".into() };
    match value {
        V::Int(_) => return text,
        V::Money(_) if kind != Kind::Sqlite => return text,
        V::Instant(_) if kind == Kind::MySql => text = text.replace('T', " ").replace('Z', ""),
        V::Text(_) if kind == Kind::MySql => text = text.replace('\\', "\\\\"),
        _ => {}
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// Text always stands in quotes; NULL is the empty field without.
fn csv(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let mut out = format!("{}\n", names.join(","));
    for row in &table.rows {
        let fields: Vec<String> = (row.iter())
            .map(|value| match (value, plain_text(value, table.bare)) {
                (V::Text(text), _) => format!("\"{}\"", text.replace('"', "\"\"")),
                (_, plain) => plain.unwrap_or_default(),
            })
            .collect();
        out += &format!("{}\n", fields.join(","));
    }
    out
}

/// NULL is an absent field in every other record that has one.
fn left_out(value: &V, row: usize) -> bool {
    *value == V::Null && row.is_multiple_of(2)
}

fn ndjson(table: &Table, extended: bool) -> String {
    let mut out = String::new();
    for (at, row) in table.rows.iter().enumerate() {
        let fields: Vec<String> = (table.columns.iter().zip(row))
            .filter(|(_, value)| !left_out(value, at))
            .map(|((name, of), value)| {
                let text = plain_text(value, table.bare).unwrap_or_default();
                let quoted = serde_json::to_string(&text).expect("JSON");
                let json = match (value, of, extended) {
                    (V::Null, ..) => "null".to_owned(),
                    (V::Int(_) | V::Money(_), _, false) => text,
                    (V::Int(_), Type::Int, true) => format!("{{\"$numberInt\":{quoted}}}"),
                    (V::Int(_), _, true) => format!("{{\"$numberLong\":{quoted}}}"),
                    (V::Money(_), _, true) => format!("{{\"$numberDecimal\":{quoted}}}"),
                    (V::Day(days), _, true) => millis(i64::from(*days) * 86_400_000),
                    (V::Instant(ms), _, true) => millis(*ms),
                    (V::Uuid(bytes), _, true) => {
                        let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
                        format!("{{\"$binary\":{{\"base64\":\"{base64}\",\"subType\":\"04\"}}}}")
                    }
                    (V::ObjectId(bytes), _, true) => format!("{{\"$oid\":\"{}\"}}", hex(bytes)),
                    _ => quoted,
                };
                format!("\"{name}\":{json}")
            })
            .collect();
        out += &format!("{{{}}}\n", fields.join(","));
    }
    out
}

fn millis(ms: i64) -> String {
    format!("{{\"$date\":{{\"$numberLong\":\"{ms}\"}}}}")
}

fn documents(table: &Table) -> impl Iterator<Item = Document> {
    table.rows.iter().enumerate().map(|(at, row)| {
        (table.columns.iter().zip(row))
            .filter(|(_, value)| !left_out(value, at))
            .map(|((name, of), value)| {
                let bson = match value {
                    V::Null => Bson::Null,
                    V::Int(n) if *of == Type::Int => Bson::Int32(i32::try_from(*n).expect("an int")),
                    V::Int(n) => Bson::Int64(*n),
                    V::Money(_) => {
                        let text = plain_text(value, table.bare).expect("an amount");
                        Bson::Decimal128(text.parse::<Decimal128>().expect("a Decimal128"))
                    }
                    V::Text(text) => Bson::String(text.clone()),
                    V::Day(days) => Bson::DateTime(DateTime::from_millis(i64::from(*days) * 86_400_000)),
                    V::Instant(ms) => Bson::DateTime(DateTime::from_millis(*ms)),
                    V::Uuid(bytes) => Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: bytes.to_vec() }),
                    V::ObjectId(bytes) => Bson::ObjectId(ObjectId::from_bytes(*bytes)),
                };
                ((*name).to_owned(), bson)
            })
            .collect()
    })
}

fn parquet(table: &Table) -> Vec<u8> {
    let columns: Vec<(&str, ArrayRef, bool)> = (table.columns.iter().enumerate())
        .map(|(at, (name, of))| {
            let values = || table.rows.iter().map(move |row| &row[at]);
            let int = |value: &V| if let V::Int(n) = value { Some(*n) } else { None };
            let array: ArrayRef = match of {
                Type::Big => Arc::new(Int64Array::from_iter(values().map(int))),
                Type::Int => Arc::new(Int32Array::from_iter(values().map(|v| int(v).map(|n| n as i32)))),
                Type::Money => {
                    let units = values().map(|v| if let V::Money(units) = v { Some(*units) } else { None });
                    Arc::new(Decimal128Array::from_iter(units).with_precision_and_scale(20, 4).expect("a decimal"))
                }
                Type::Day => {
                    let days = values().map(|v| if let V::Day(days) = v { Some(*days) } else { None });
                    Arc::new(Date32Array::from_iter(days))
                }
                Type::Instant => {
                    let ms = values().map(|v| if let V::Instant(ms) = v { Some(*ms) } else { None });
                    Arc::new(TimestampMillisecondArray::from_iter(ms).with_timezone("UTC"))
                }
                _ => Arc::new(StringArray::from_iter(values().map(|v| plain_text(v, table.bare)))),
            };
            (*name, array, true)
        })
        .collect();
    let records = RecordBatch::try_from_iter_with_nullable(columns).expect("records");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, records.schema(), None).expect("a writer");
    writer.write(&records).expect("written");
    writer.close().expect("closed");
    bytes
}

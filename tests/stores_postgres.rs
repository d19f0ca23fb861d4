//! PostgreSQL as a side: exact values, one order of keys, one snapshot, and clear errors, against a real server.
//!
//! `RECON_TEST_POSTGRES_URL` names a server on which databases and roles may be made, such as
//! `postgres://postgres@127.0.0.1:5432/postgres`. Each test makes a database of its own and drops it.

#![allow(clippy::expect_used, clippy::panic)]

mod sides;

use std::time::Duration;

use recon::domain::{Filter, NumberForm, Value, parse_date, parse_instant};
use recon::stores::postgres::PostgresSource;
use recon::stores::{ColumnKind, ErrorClass, Fix, KeyRange, ReadRequest, Settings, Source, Target, Wish};
use sides::{all, number, open, read, request, shown, text, typed, usage};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use url::Url;

fn server() -> Url {
    let url = std::env::var("RECON_TEST_POSTGRES_URL").expect(
        "RECON_TEST_POSTGRES_URL must name a PostgreSQL server, such as postgres://postgres@127.0.0.1:5432/postgres",
    );
    Url::parse(&url).expect("RECON_TEST_POSTGRES_URL is a URL")
}

fn run(url: &Url, statements: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let options = sqlx::postgres::PgConnectOptions::from_url(url).expect("options");
        let mut connection = options.connect().await.expect("connects");
        for sql in statements {
            connection.execute(AssertSqlSafe((*sql).to_owned())).await.expect(sql);
        }
    });
}

/// A database of a test's own.
struct Database {
    name: String,
    url: Url,
}

impl Database {
    fn new(name: &str, sql: &str) -> Database {
        Database::with(name, "", sql)
    }

    fn with(name: &str, options: &str, sql: &str) -> Database {
        let name = format!("recon_{name}_{}", std::process::id());
        run(&server(), &[&format!("DROP DATABASE IF EXISTS {name}"), &format!("CREATE DATABASE {name} {options}")]);
        let mut url = server();
        url.set_path(&name);
        let database = Database { name, url };
        database.run(sql);
        database
    }

    fn run(&self, sql: &str) {
        run(&self.url, &[sql]);
    }

    fn table(&self, name: &str) -> PostgresSource {
        self.table_in(name, Settings::default())
    }

    fn table_in(&self, name: &str, settings: Settings) -> PostgresSource {
        PostgresSource::new(self.url.clone(), Target { table: Some(name.into()), ..Target::default() }, settings)
    }

    fn query(&self, sql: &str, params: &[(&str, Value)]) -> PostgresSource {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let target = Target { query: Some(sql.into()), table: None, params };
        PostgresSource::new(self.url.clone(), target, Settings::default())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        run(&server(), &[&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)]);
    }
}

fn keyed(columns: &[&str], keys: &[Value]) -> ReadRequest {
    let mut request = request(columns, 1);
    request.keys = Some(keys.iter().map(|key| vec![key.clone()]).collect());
    request
}

fn instant(text: &str) -> Value {
    let read = parse_instant(text, &jiff::tz::TimeZone::UTC).expect(text);
    Value::Instant { nanos: read.nanos, digits: read.digits }
}

/// The values of one column of a query, in their order.
fn column(database: &Database, values: &str) -> Vec<String> {
    let sql = format!("SELECT n, v FROM (VALUES {values}) AS t (n, v)");
    let mut source = database.query(&sql, &[]);
    open(&mut source);
    let rows = read(&mut source, &request(&["n", "v"], 1)).expect("reads");
    rows.iter().map(|row| typed(&row[1])).collect()
}

#[test]
fn numbers_keep_every_digit() {
    let database = Database::new("numbers", "SELECT 1");
    let digits = "1234567890".repeat(20);
    let long = format!("{}.{}", &digits, "0987654321".repeat(3));
    let values = format!(
        "(1, 0::numeric), (2, 1.50), (3, -0.00), (4, {digits}), (5, -{long}), (6, 'NaN'), (7, 'Infinity'), (8, '-Infinity'),
         (9, 0.0001), (10, 10000), (11, 100000000.00000001), (12, 1e-30), (13, 12345678901234567890123456789012345678.9),
         (14, 99999999999999999999999999999999999999), (15, -170141183460469231731687303715884105728), (16, NULL),
         (17, 1e20), (18, 0.00000), (19, 1e-80)"
    );
    let expected = [
        "0",
        "1.50",
        "0.00",
        &digits,
        &format!("-{long}"),
        "NaN",
        "Infinity",
        "-Infinity",
        "0.0001",
        "10000",
        "100000000.00000001",
        "0.000000000000000000000000000001",
        "12345678901234567890123456789012345678.9",
        "99999999999999999999999999999999999999",
        "-170141183460469231731687303715884105728",
        "NULL",
        "100000000000000000000",
        "0.00000",
        "1E-80",
    ]
    .map(|n| if n == "NULL" { "null NULL".to_owned() } else { format!("decimal {n}") });
    assert_eq!(column(&database, &values), expected);
    let ints = "(1, -9223372036854775808), (2, 9223372036854775807)";
    assert_eq!(column(&database, ints), ["integer -9223372036854775808", "integer 9223372036854775807"]);
    let small = "(1, (-32768)::int2), (2, 32767)";
    assert_eq!(column(&database, small), ["integer -32768", "integer 32767"]);
    assert_eq!(column(&database, "(1, (-2147483648)::int4)"), ["integer -2147483648"]);
    assert_eq!(column(&database, "(1, 4294967295::oid)"), ["integer 4294967295"]);
    let doubles = "(1, 0.1::float8), (2, '-0'), (3, 'NaN'), (4, 'Infinity'), (5, 1e300), (6, 12345678901234567.89)";
    let expected = ["0.1", "-0", "NaN", "Infinity", "1E+300", "12345678901234568"].map(|n| format!("double {n}"));
    assert_eq!(column(&database, doubles), expected);
    assert_eq!(column(&database, "(1, 0.1::float4), (2, 16777216)"), ["double 0.1", "double 16777216"]);
}

#[test]
fn every_type_is_read_as_it_is() {
    let database = Database::new(
        "types",
        "CREATE TYPE state AS ENUM ('open', 'paid'); CREATE DOMAIN euro AS numeric(10,2); CREATE TYPE pair AS (a int, b text);
         CREATE TABLE t (id int PRIMARY KEY, b bool, tx text, vc varchar(9), ch char(6), nm name, c1 \"char\", st state, eu euro,
           by bytea, uu uuid, da date, ti time, tz timetz, ts timestamp(3), ts6 timestamp, tstz timestamptz, iv interval, mo money,
           ar int[], ra int4range, pa pair, js json, jb jsonb, ip inet, bi bit(3), xm xml);
         INSERT INTO t VALUES (1, true, 'é ', 'po_2 ', 'ab', 'nm', 'x', 'paid', 1.5, '\\x00ff', '550e8400-e29b-41d4-a716-446655440000',
           '2026-11-05', '24:00:00', '10:00:00+09', '2026-11-05 10:00:00.5', '2026-11-05 10:00:00.000001',
           '2026-11-05 10:00:00+09', '1 mon 2 days', 12.34, '{1,NULL}', '[1,5)', '(1,\"x y\")', '{\"b\": 1.50,  \"a\":2}',
           '{\"b\": 1.50, \"a\":2}', '10.0.0.1', '101', '<a/>');
         INSERT INTO t (id, da, ts6, tstz, ti) VALUES (2, 'infinity', '-infinity', 'infinity', '00:00:00.000001'), (3, '4713-01-01 BC',
           '0001-01-01 BC', '9999-12-31 23:59:59.999999+00', NULL), (4, '5874897-12-31', NULL, '294276-12-31 00:00:00Z', NULL)",
    );
    let mut source = database.table("public.t");
    let opened = open(&mut source);
    assert!(opened.fixed_columns && opened.ordered && opened.filters && opened.seeks);
    let names: Vec<&str> = opened.columns.iter().map(|c| c.name.as_str()).collect();
    let rows = read(&mut source, &request(&names, 1)).expect("reads");
    let value = |row: usize, name: &str| typed(&rows[row][names.iter().position(|n| *n == name).expect(name)]);
    for (name, expected) in [
        ("b", "boolean true"),
        ("tx", "text é "),
        ("vc", "text po_2 "),
        ("ch", "text ab"),
        ("nm", "text nm"),
        ("c1", "text x"),
        ("st", "text paid"),
        ("eu", "decimal 1.50"),
        ("by", "bytes 0x00ff"),
        ("uu", "uuid 550e8400-e29b-41d4-a716-446655440000"),
        ("da", "date 2026-11-05"),
        ("ti", "time 24:00:00"),
        ("tz", "text 10:00:00+09"),
        ("ts", "instant 2026-11-05T10:00:00.500Z"),
        ("ts6", "instant 2026-11-05T10:00:00.000001Z"),
        ("tstz", "instant 2026-11-05T01:00:00Z"),
        ("iv", "text P1M2D"),
        ("ar", "text {1,NULL}"),
        ("ra", "text [1,5)"),
        ("pa", "text (1,\"x y\")"),
        ("js", "document {\"b\":1.50,\"a\":2}"),
        ("ip", "text 10.0.0.1/32"),
        ("bi", "text 101"),
        ("xm", "text <a/>"),
    ] {
        assert_eq!(value(0, name), expected, "{name}");
    }
    assert!(value(0, "mo").starts_with("text ") && value(0, "mo").contains("12.34"));
    assert!(value(0, "jb").starts_with("document ") && value(0, "jb").contains("1.50"));
    let digits = |name: &str| match rows[0][names.iter().position(|n| *n == name).expect(name)] {
        Value::Instant { digits, .. } | Value::Time { digits, .. } => digits,
        _ => 99,
    };
    assert_eq!((digits("ts"), digits("ts6"), digits("tstz"), digits("ti")), (3, 6, 6, 6));
    for name in ["da", "ts6", "tstz"] {
        assert!(value(1, name).starts_with("unknown ") && value(1, name).contains("infinite"), "{name}");
    }
    assert_eq!(value(1, "ti"), "time 00:00:00.000001");
    assert_eq!(value(2, "da"), "date -004712-01-01");
    assert_eq!(value(2, "tstz"), "instant 9999-12-31T23:59:59.999999Z");
    assert_eq!(value(3, "da"), "date 2145042905 days since 1970-01-01");
    assert!(value(3, "tstz").starts_with("instant "));
    let kind = |name: &str| opened.columns.iter().find(|c| c.name == name).expect(name).kind;
    assert_eq!(
        [kind("id"), kind("eu"), kind("ch"), kind("uu"), kind("tstz"), kind("jb"), kind("iv")],
        [
            ColumnKind::Number,
            ColumnKind::Number,
            ColumnKind::Text,
            ColumnKind::Uuid,
            ColumnKind::Instant,
            ColumnKind::Document,
            ColumnKind::Text
        ]
    );
}

#[test]
fn local_timestamps_are_taken_in_the_zone_given() {
    let database = Database::new(
        "zone",
        "CREATE TABLE t (ts timestamp PRIMARY KEY); INSERT INTO t VALUES ('2026-07-01 12:00'), ('2026-03-29 02:30'),
         ('2026-01-01 00:00')",
    );
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("zone");
    let mut source = database.table_in("t", Settings { zone, ..Settings::default() });
    let rows = all(&mut source, &["ts"], 1);
    assert_eq!((rows[0].as_str(), rows[2].as_str()), ("2025-12-31T23:00:00Z", "2026-07-01T10:00:00Z"));
    assert!(rows[1].contains("2026-03-29T02:30:00 does not exist exactly once in Europe/Berlin"), "{}", rows[1]);
    let one = keyed(&["ts"], &[instant("2026-07-01T10:00:00Z")]);
    assert_eq!(shown(&read(&mut source, &one).expect("reads")), ["2026-07-01T10:00:00Z"]);
}

#[test]
fn keys_come_in_one_order_whatever_the_collation() {
    for collation in ["", "COLLATE \"en-x-icu\"", "COLLATE \"C\""] {
        let database = Database::new(
            "collation",
            &format!(
                "CREATE TABLE t (k text {collation} UNIQUE, n int);
                 INSERT INTO t VALUES ('po_2', 1), ('po_2 ', 2), ('PO_2', 3), ('é', 4), ('z', 5), ('한', 6), (NULL, 7), ('', 8),
                 ('po_10', 9), ('😀', 10), (E'\\uFFFD', 11), ('back\\slash''s', 12)"
            ),
        );
        let mut source = database.table("t");
        let rows = all(&mut source, &["k", "n"], 1);
        let order: Vec<_> = rows.iter().map(|row| row.rsplit('|').next().expect("n")).collect();
        assert_eq!(order, ["7", "8", "3", "12", "9", "1", "2", "5", "4", "6", "11", "10"], "{collation}");
        let mut only = request(&["k", "n"], 1);
        only.range = KeyRange { from: Some(text("po_10")), below: Some(text("z")) };
        assert_eq!(shown(&read(&mut source, &only).expect("reads")), ["po_10|9", "po_2|1", "po_2 |2"]);
        only.range = KeyRange { from: None, below: Some(text("PO_2")) };
        assert_eq!(shown(&read(&mut source, &only).expect("reads")), ["NULL|7", "|8"]);
        let keys = keyed(&["k", "n"], &[text("PO_2"), text("back\\slash's"), text("po_2 "), text("a\0b")]);
        assert_eq!(shown(&read(&mut source, &keys).expect("reads")), ["PO_2|3", "back\\slash's|12", "po_2 |2"]);
        let mut only = request(&["k", "n"], 1);
        only.filter = Some(Filter::parse("k > 'z' AND n <> 4").expect("parses"));
        assert_eq!(shown(&read(&mut source, &only).expect("reads")), ["한|6", "\u{fffd}|11", "😀|10"]);
    }
}

#[test]
fn a_database_of_another_encoding_has_the_same_order() {
    let options = "ENCODING 'EUC_KR' LOCALE 'C' TEMPLATE template0";
    let database = Database::with(
        "euckr",
        options,
        "CREATE TABLE t (k text PRIMARY KEY); INSERT INTO t VALUES ('한'), ('漢'), ('a'), ('가'), ('ㄱ'), ('Ω')",
    );
    let mut source = database.table("t");
    assert_eq!(all(&mut source, &["k"], 1), ["a", "Ω", "ㄱ", "漢", "가", "한"]);
    assert!(!open(&mut source).seeks);
}

#[test]
fn keys_of_every_type_are_ordered_and_found() {
    let database = Database::new(
        "keys",
        "CREATE EXTENSION IF NOT EXISTS citext; CREATE TYPE state AS ENUM ('zeta', 'alpha');
         CREATE TABLE t (vc varchar(9), ch char(6), nm name, st state, ci citext, nu numeric, i8 int8, f4 float4, f8 float8,
           b bool, by bytea, uu uuid, da date, ti time, ts timestamp, tz timestamptz, iv interval, n int);
         INSERT INTO t VALUES
          ('b', 'b', 'b', 'zeta', 'b', 1.5, 2, 0.1, 0.1, false, '\\x00', '00000000-0000-0000-0000-000000000001', '2026-01-01', '01:00',
           '2026-01-01 00:00', '2026-01-01 00:00Z', '1 day', 2),
          ('B', 'B', 'B', 'alpha', 'B', -1, 1, -1, -1, NULL, '\\x', '00000000-0000-0000-0000-000000000000', '2025-01-01', '00:00:00.5',
           '2025-12-31 23:59:59.999999', '2026-01-01 00:00+01', '1 hour', 1),
          ('b ', 'c', 'c', NULL, 'c', 10, 10, 10, 10, true, '\\x0000', 'ffffffff-0000-0000-0000-000000000000', '2027-01-01', '24:00',
           '2027-01-01 00:00', '2027-01-01 00:00Z', '1 year', 3)",
    );
    let mut source = database.table("t");
    let opened = open(&mut source);
    for column in &opened.columns {
        let name = column.name.as_str();
        let rows = read(&mut source, &request(&[name, "n"], 1)).expect(name);
        let order: Vec<_> = rows.iter().map(|row| row[1].to_string()).collect();
        let expected = match name {
            "st" => ["3", "1", "2"],
            // As text: P1D, P1Y, PT1H.
            "iv" => ["2", "3", "1"],
            _ => ["1", "2", "3"],
        };
        assert_eq!(order, expected, "{name}");
        // Every key is found again by its value, and a range from it begins with it.
        for (at, row) in rows.iter().enumerate() {
            let found = read(&mut source, &keyed(&[name, "n"], &[row[0].clone()])).expect(name);
            assert_eq!(shown(&found), shown(&rows[at..=at]), "{name}");
            if !row[0].is_missing() {
                let mut from = request(&[name, "n"], 1);
                from.range.from = Some(row[0].clone());
                assert_eq!(shown(&read(&mut source, &from).expect(name)), shown(&rows[at..]), "{name}");
                from.range = KeyRange { from: None, below: Some(row[0].clone()) };
                assert_eq!(shown(&read(&mut source, &from).expect(name)), shown(&rows[..at]), "{name}");
            }
        }
    }
    // A condition on citext is judged byte by byte as everywhere.
    let mut only = request(&["n"], 0);
    only.filter = Some(Filter::parse("ci = 'b' AND st = 'zeta' AND da >= '2026-01-01' AND b = false").expect("parses"));
    assert_eq!(shown(&read(&mut source, &only).expect("reads")), ["2"]);
}

#[test]
fn keys_of_another_kind_are_not_found_and_no_error() {
    let database = Database::new(
        "kinds",
        "CREATE TABLE t (id int PRIMARY KEY, u uuid, d date); INSERT INTO t VALUES (10, '550e8400-e29b-41d4-a716-446655440000', '2026-11-05')",
    );
    let mut source = database.table("t");
    open(&mut source);
    let mut found = |name: &str, key: Value| shown(&read(&mut source, &keyed(&[name], &[key])).expect(name));
    assert!(found("id", text("10")).is_empty());
    assert!(found("id", number("10.5")).is_empty());
    assert!(found("u", text("550e8400-e29b-41d4-a716-446655440000")).is_empty());
    assert!(found("d", instant("2026-11-05T00:00:01Z")).is_empty());
    assert_eq!(found("d", instant("2026-11-05T00:00:00Z")), ["2026-11-05"]);
    let mut as_text = keyed(&["u"], &[text("550e8400-e29b-41d4-a716-446655440000")]);
    as_text.columns[0].fix = Some(Fix::KeyText);
    let rows = read(&mut source, &as_text).expect("reads");
    assert_eq!(typed(&rows[0][0]), "text 550e8400-e29b-41d4-a716-446655440000");
    let mut as_text = keyed(&["id"], &[text("10")]);
    as_text.columns[0].fix = Some(Fix::KeyText);
    as_text.filter = Some(Filter::parse("id > 9").expect("parses"));
    assert_eq!(typed(&read(&mut source, &as_text).expect("reads")[0][0]), "text 10");
}

#[test]
fn composite_keys_and_boundaries() {
    let database = Database::new(
        "parts",
        "CREATE TABLE t (a int, b text, net numeric(18,4), UNIQUE (a, b));
         INSERT INTO t SELECT i / 2, CASE i % 2 WHEN 0 THEN 'EUR' ELSE 'KRW' END, i FROM generate_series(1, 1000) i;
         INSERT INTO t VALUES (NULL, 'EUR', 0); ANALYZE t",
    );
    let mut source = database.table("t");
    let opened = open(&mut source);
    assert_eq!(opened.estimated_records, Some(1001));
    let mut some = request(&["a", "b", "net"], 2);
    some.keys =
        Some(vec![vec![Value::Null, text("EUR")], vec![number("1"), text("KRW")], vec![number("9"), text("x")]]);
    assert_eq!(shown(&read(&mut source, &some).expect("reads")), ["NULL|EUR|0.0000", "1|KRW|3.0000"]);
    let cuts = source.boundaries("a", None, 4).expect("cuts");
    assert_eq!(shown(std::slice::from_ref(&cuts)), ["125|250|375"]);
    let mut total = 0;
    for at in 0..=cuts.len() {
        let mut part = request(&["a"], 1);
        part.range = KeyRange { from: at.checked_sub(1).map(|at| cuts[at].clone()), below: cuts.get(at).cloned() };
        total += read(&mut source, &part).expect("reads").len();
    }
    assert_eq!(total, 1001);
    let filter = Filter::parse("a < 10").expect("parses");
    assert_eq!(shown(&[source.boundaries("a", Some(&filter), 2).expect("cuts")]), ["5"]);
}

#[test]
fn parameters_are_bound_with_their_types() {
    let database = Database::new(
        "params",
        "CREATE TYPE state AS ENUM ('open', 'paid');
         CREATE TABLE t (id int8, day date, rate numeric, st state, u uuid, ts timestamp, tz timestamptz, j jsonb, by bytea, b bool,
           v varchar(9), i2 int2, d float8, ti time);
         INSERT INTO t VALUES (1, '2026-11-05', 0.5, 'paid', '550e8400-e29b-41d4-a716-446655440000', '2026-11-05 10:00',
           '2026-11-05 10:00Z', '{\"a\":1}', '\\x01', true, 'x'' OR 1', 7, 0.25, '10:00')",
    );
    let values = [
        ("id = :p", number("1")),
        ("id < :p", number("99999999999999999999")),
        ("day = :p", Value::Date(parse_date("2026-11-05").expect("date"))),
        ("day = :p", text("2026-11-05")),
        ("rate = :p", number("0.50")),
        ("rate > :p", number("-123456789012345678901234567890.00012345")),
        ("rate * :p = 0.05", number("0.1")),
        ("st = :p", text("paid")),
        ("u = :p", text("550E8400-e29b-41d4-a716-446655440000")),
        ("ts = :p", instant("2026-11-05T10:00:00Z")),
        ("tz = :p", instant("2026-11-05T10:00:00Z")),
        ("tz = :p", text("2026-11-05T19:00:00+09:00")),
        ("j = :p", text("{\"a\": 1.0}")),
        ("by = :p", Value::Bytes(vec![1])),
        ("b = :p", Value::Bool(true)),
        ("v = :p", text("x' OR 1")),
        ("i2 = :p", number("7")),
        ("d = :p", number("0.25")),
        ("ti = :p", Value::Time { nanos: 36_000_000_000_000, digits: 0 }),
        (":p::text IS NULL", Value::Null),
        ("'x' || :p = 'xy'", text("y")),
        ("day + :p = '2026-11-06'", number("1")),
        ("id = :p OR (':p' = '' AND id = :p)", number("1")),
    ];
    for (condition, value) in values {
        let sql = format!("SELECT id FROM t WHERE {condition} -- :nothing");
        let sql = sql.replace(":nothing", "nothing");
        assert_eq!(all(&mut database.query(&sql, &[("p", value.clone())]), &["id"], 1), ["1"], "{condition} {value}");
    }
    usage(database.query("SELECT id FROM t WHERE id = :p", &[("p", text("x"))]).open(&Wish::default()), "`x`");
    let moment = [("p", instant("2026-11-05T00:00:01Z"))];
    usage(database.query("SELECT id FROM t WHERE day < :p", &moment).open(&Wish::default()), "DATE");
    usage(database.query("SELECT :p IS NULL AS x", &[("p", text("x"))]).open(&Wish::default()), "determine");
    usage(database.query("SELECT :p", &[]).open(&Wish::default()), ":p");
    usage(database.query("SELECT id FROM t WHERE id = $1", &[]).open(&Wish::default()), "parameter");
}

#[test]
fn what_is_wrong_is_named_with_what_there_is() {
    let database = Database::new(
        "wrong",
        "CREATE TABLE orders (id int PRIMARY KEY, doc jsonb); CREATE SCHEMA s; CREATE TABLE s.hidden (id int); CREATE SEQUENCE sq",
    );
    let wish = Wish::default();
    let missing = usage(database.table("Orders").open(&wish), "`Orders`");
    assert!(missing.hint.expect("hint").starts_with("the tables are orders"));
    let missing = usage(database.table("s.hiden").open(&wish), "`s.hiden`");
    assert!(missing.hint.expect("hint").starts_with("the tables are s.hidden"));
    for (sql, part) in [
        ("DELETE FROM orders", "DELETE"),
        ("SELECT 1; DROP TABLE orders", "DROP"),
        ("WITH a AS (DELETE FROM orders RETURNING *) SELECT * FROM a", "WITH clause"),
        ("SELECT id FROM", "syntax error"),
        ("SELECT nope FROM orders", "nope"),
        ("SELECT * FROM nope", "nope"),
        ("SELECT id, 1 AS id FROM orders", "`id`"),
        ("SELECT 1) AS q; DROP TABLE orders; --", "DROP"),
        ("SELECT 'a' = 1 AS x", "integer"),
        ("COPY orders TO STDOUT", "COPY"),
    ] {
        usage(database.query(sql, &[]).open(&wish), part);
    }
    let none = PostgresSource::new(database.url.clone(), Target::default(), Settings::default()).open(&wish);
    assert!(usage(none, "which table").hint.expect("hint").contains("orders"));
    let mut elsewhere = database.url.clone();
    elsewhere.set_path("no_such_database");
    let target = || Target { table: Some("orders".into()), ..Target::default() };
    usage(PostgresSource::new(elsewhere, target(), Settings::default()).open(&wish), "no_such_database");
    let mut misspelt = database.url.clone();
    misspelt.set_query(Some("sslmod=verify-full"));
    usage(PostgresSource::new(misspelt, target(), Settings::default()).open(&wish), "sslmod");

    let mut source = database.table("orders");
    open(&mut source);
    let error = read(&mut source, &request(&["nope"], 1)).expect_err("unknown column");
    assert_eq!((error.class, error.hint.as_deref()), (ErrorClass::Usage, Some("the columns are doc, id")));
    let error = read(&mut source, &request(&["doc"], 1)).expect_err("a document as key");
    assert_eq!(error.class, ErrorClass::Usage);
    let mut filtered = request(&["id"], 1);
    filtered.filter = Some(Filter::parse("id = 'x'").expect("parses"));
    let error = read(&mut source, &filtered).expect_err("not a number");
    assert!(error.class == ErrorClass::Usage && error.what.contains("\"x\""), "{error}");
    // A function that writes is stopped by the transaction.
    let mut source = database.query("SELECT nextval('sq') AS id", &[]);
    open(&mut source);
    let error = read(&mut source, &request(&["id"], 1)).expect_err("writes");
    assert!(error.what.contains("read-only"), "{error}");
}

#[test]
fn who_may_not_read_is_told_so_without_the_password() {
    let role = format!("recon_reader_{}", std::process::id());
    let database = Database::new("password", "CREATE TABLE orders (id int)");
    database.run(&format!("SET password_encryption = 'scram-sha-256'; CREATE ROLE {role} LOGIN PASSWORD 'right'"));
    let open_as = |password: &str| {
        let mut url = database.url.clone();
        url.set_username(&role).expect("user");
        url.set_password(Some(password)).expect("password");
        let target = Target { table: Some("orders".into()), ..Target::default() };
        PostgresSource::new(url, target, Settings::default()).open(&Wish::default())
    };
    let denied = open_as("right").expect_err("no privilege");
    assert_eq!(denied.class, ErrorClass::Failed);
    assert!(denied.what.contains("permission denied") && denied.hint.expect("hint").contains("GRANT SELECT"));
    // A server may trust every local user: then it does not look at the password.
    if let Some(refused) = open_as("s3cret!").err().filter(|e| !e.what.contains("permission denied")) {
        assert_eq!(refused.class, ErrorClass::Failed);
        assert!(refused.what.contains("password authentication failed"), "{refused}");
        assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
    }
    database.run(&format!("DROP ROLE {role}"));
}

/// Plays a server that asks for a password and refuses it, and counts how often it was asked.
fn refusing() -> (u16, std::sync::Arc<std::sync::atomic::AtomicU32>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = listener.local_addr().expect("address").port();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = asked.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("connection");
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut buffer = [0u8; 1024];
            // SSLRequest: no. Startup: cleartext password, please. Password: wrong.
            connection.read_exact(&mut buffer[..8]).expect("request");
            connection.write_all(b"N").expect("answers");
            let _ = connection.read(&mut buffer).expect("startup");
            connection.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).expect("answers");
            let _ = connection.read(&mut buffer).expect("password");
            let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"u\"\0\0";
            let mut error = vec![b'E'];
            error.extend((fields.len() as u32 + 4).to_be_bytes());
            error.extend(fields);
            connection.write_all(&error).expect("answers");
        }
    });
    (port, asked)
}

#[test]
fn a_wrong_password_is_not_tried_again() {
    let (port, asked) = refusing();
    let url = Url::parse(&format!("postgres://u:s3cret@127.0.0.1:{port}/db")).expect("url");
    let target = Target { table: Some("t".into()), ..Target::default() };
    let error = PostgresSource::new(url, target, Settings::default()).open(&Wish::default()).expect_err("refused");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("password authentication failed"), "{error}");
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("PGPASSWORD")), "{error:?}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[test]
fn nobody_there_is_tried_again_and_told() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
    let url = Url::parse(&format!("postgres://u:s3cret@127.0.0.1:{free}/db")).expect("url");
    let settings = Settings { connect_attempts: 2, connect_timeout: Duration::from_secs(2), ..Settings::default() };
    let started = std::time::Instant::now();
    let target = Target { table: Some("t".into()), ..Target::default() };
    let error = PostgresSource::new(url, target.clone(), settings.clone()).open(&Wish::default()).expect_err("nobody");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("2 attempts") && started.elapsed() >= Duration::from_millis(200), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"));
    // Someone who listens and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let url = Url::parse(&format!("postgres://u@{}/db", silent.local_addr().expect("address"))).expect("url");
    let settings = Settings { connect_attempts: 1, connect_timeout: Duration::from_millis(300), ..settings };
    let error = PostgresSource::new(url, target, settings).open(&Wish::default()).expect_err("silence");
    assert!(error.what.contains("no answer"), "{error}");
}

#[test]
fn a_connection_that_ends_in_the_middle_is_no_end() {
    let database = Database::new(
        "cut",
        "CREATE TABLE t AS SELECT i AS id, repeat('x', 500) AS v FROM generate_series(1, 200000) i; ALTER TABLE t ADD PRIMARY KEY (id)",
    );
    let mut source = database.table("t");
    open(&mut source);
    let request = request(&["id", "v"], 1);
    let (mut out, receiver, _back) =
        recon::stores::channel(&request, &recon::domain::Rules::default(), Default::default(), None, None);
    std::thread::scope(|scope| {
        let (source, asked) = (&mut source, &request);
        scope.spawn(move || {
            let end = source.read(asked, &mut out);
            out.finish(end);
        });
        let mut records = 0;
        loop {
            match receiver.recv().expect("an end") {
                recon::stores::Received::Batch(batch) => {
                    if records == 0 {
                        database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'recon' AND datname = current_database()");
                    }
                    records += batch.rows();
                }
                recon::stores::Received::End(end) => {
                    let error = end.expect_err("cut off");
                    assert_eq!(error.class, ErrorClass::Failed);
                    assert!(error.what.contains("after ") && records < 200_000, "{error}");
                    break;
                }
            }
        }
    });
    // The snapshot is gone; only a fresh one may be read.
    assert_eq!(read(&mut source, &request).expect_err("gone").class, ErrorClass::Failed);
    let mut fresh = keyed(&["id"], &[number("5")]);
    fresh.fresh = true;
    assert_eq!(shown(&read(&mut source, &fresh).expect("reads")), ["5"]);
}

#[test]
fn a_read_that_stands_still_ends() {
    let database = Database::new("still", "SELECT 1");
    let target = Target { query: Some("SELECT 1 AS id, pg_sleep(60)::text AS s".into()), ..Target::default() };
    let settings = Settings { read_timeout: Duration::from_millis(300), ..Settings::default() };
    let mut source = PostgresSource::new(database.url.clone(), target, settings);
    open(&mut source);
    let error = read(&mut source, &request(&["id", "s"], 1)).expect_err("stands still");
    assert!(error.class == ErrorClass::Failed && error.what.contains("no record within 0.3 s"), "{error}");
}

#[test]
fn an_error_in_the_middle_is_no_end() {
    let database = Database::new("middle", "CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 5000) i");
    let mut source = database.query("SELECT id, 1 / (4500 - id) AS x FROM t", &[]);
    open(&mut source);
    let error = read(&mut source, &request(&["id", "x"], 0)).expect_err("division by zero");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("after 4499 records") && error.what.contains("division by zero"), "{error}");
}

#[test]
fn a_read_shows_one_moment_until_a_fresh_one_is_asked_for() {
    let database = Database::new("moment", "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let mut source = database.table("t");
    let opened = open(&mut source);
    let taken_at = opened.snapshot.taken_at.expect("a moment");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("clock").as_nanos() as i128;
    assert!(opened.snapshot.consistent && (now - taken_at).abs() < 86_400_000_000_000, "{taken_at}");
    database.run("INSERT INTO t VALUES (2)");
    assert_eq!(shown(&read(&mut source, &request(&["id"], 1)).expect("reads")), ["1"]);
    let mut fresh = request(&["id"], 1);
    fresh.fresh = true;
    assert_eq!(shown(&read(&mut source, &fresh).expect("reads")), ["1", "2"]);
    database.run("DELETE FROM t");
    assert_eq!(shown(&read(&mut source, &request(&["id"], 1)).expect("reads")), ["1", "2"], "still the same moment");
}

#[test]
fn null_keys_come_first_with_and_without_an_index() {
    let database = Database::new(
        "nulls",
        "CREATE TABLE t (a int, b text COLLATE \"C\", \"k NULLS FIRST\" int);
         INSERT INTO t SELECT i % 50, chr(64 + i % 7), i FROM generate_series(1, 3000) i;
         INSERT INTO t VALUES (NULL, 'B', -1), (NULL, NULL, -2), (3, NULL, -3)",
    );
    let columns = ["a", "b", "k NULLS FIRST"];
    let sorted = |source: &mut PostgresSource| all(source, &columns, 3);
    let without = sorted(&mut database.table("t"));
    assert_eq!(without.len(), 3003);
    assert_eq!(without[..3], ["NULL|NULL|-2", "NULL|B|-1", "0|@|350"]);
    assert_eq!(without.iter().position(|row| row == "3|NULL|-3"), Some(182));
    database.run("CREATE INDEX ON t (a, b, \"k NULLS FIRST\"); ANALYZE t");
    let limited = format!("ALTER DATABASE {} SET enable_sort = off", database.name);
    database.run(&limited);
    assert_eq!(sorted(&mut database.table("t")), without, "by the index");
    let mut source = database.query("SELECT * FROM t WHERE a IS DISTINCT FROM :p", &[("p", number("7"))]);
    let rows = all(&mut source, &columns, 3);
    assert_eq!((rows.len(), &rows[..3]), (2943, &without[..3]));
    let odd = all(&mut database.table("t"), &["k NULLS FIRST", "a"], 1);
    assert_eq!(odd[..2], ["-3|3", "-2|NULL"]);
}

#[test]
fn a_float_key_keeps_its_form() {
    let database = Database::new("float", "CREATE TABLE t (k float4); INSERT INTO t VALUES (0.1), (0.3)");
    let mut source = database.table("t");
    open(&mut source);
    let rows = read(&mut source, &keyed(&["k"], &[number("0.1")])).expect("reads");
    assert!(matches!(rows[0][0], Value::Number { form: NumberForm::Double, .. }));
    assert_eq!(shown(&rows), ["0.1"]);
}

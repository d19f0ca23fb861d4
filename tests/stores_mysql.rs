//! MySQL and MariaDB through the real server that `RECON_TEST_MYSQL_URL` names (`mysql://root@127.0.0.1:3306/`).
//! Each test has a database of its own. Without the variable the tests fail: a store that was not tried is
//! not tested.
#![allow(clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use recon::domain::{Amount, Filter, NumberForm, Rules, Value, cmp_keys};
use recon::stores::mysql::MySqlSource;
use recon::stores::{
    ColumnKind, ErrorClass, KeyRange, Opened, Progress, ReadRequest, Received, Settings, Source, StoreError, Target,
    Wanted, Wish, channel,
};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

/// A database that goes when the test ends.
struct Database {
    server: url::Url,
    name: String,
}

impl Database {
    fn new(setup: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("RECON_TEST_MYSQL_URL").expect(
            "RECON_TEST_MYSQL_URL is not set: give a server to test with, such as mysql://root@127.0.0.1:3306/",
        );
        let server = url::Url::parse(&server).expect("RECON_TEST_MYSQL_URL is a URL");
        let name = format!("recon_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let database = Database { server, name };
        database.run_at(&database.server, &format!("CREATE DATABASE {} CHARACTER SET utf8mb4", database.name));
        database.run(setup);
        database
    }

    fn url(&self) -> url::Url {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url
    }

    fn run(&self, sql: &str) {
        self.run_at(&self.url(), sql);
    }

    fn run_at(&self, url: &url::Url, sql: &str) {
        self.session(url, async |connection| {
            connection.execute(AssertSqlSafe(format!("SET sql_mode = ''; {sql}"))).await.expect("set-up");
        });
    }

    fn session<T>(&self, url: &url::Url, work: impl AsyncFnOnce(&mut MySqlConnection) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let mut connection = MySqlConnection::connect(url.as_str()).await.expect("the test server answers");
            let result = work(&mut connection).await;
            connection.close().await.expect("closes");
            result
        })
    }

    fn source(&self, table: &str) -> MySqlSource {
        self.with(Target { table: Some(table.into()), ..Target::default() }, Settings::default())
    }

    fn query(&self, sql: &str, params: &[(&str, Value)]) -> MySqlSource {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.with(Target { query: Some(sql.into()), params, ..Target::default() }, Settings::default())
    }

    fn with(&self, target: Target, settings: Settings) -> MySqlSource {
        MySqlSource::new(self.url(), target, settings)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.run_at(&self.server, &format!("DROP DATABASE {}", self.name));
    }
}

fn open(source: &mut MySqlSource) -> Result<Opened, StoreError> {
    source.open(&Wish::default())
}

fn request(columns: &[&str], key: usize) -> ReadRequest {
    ReadRequest {
        columns: columns.iter().map(|name| Wanted { name: (*name).to_owned(), fix: None }).collect(),
        key,
        filter: None,
        range: KeyRange::default(),
        keys: None,
        fresh: false,
    }
}

/// Reads all records; what arrived before an error is kept beside it. Fails when keys are out of order.
fn read(source: &mut MySqlSource, request: &ReadRequest) -> (Vec<Vec<Value>>, Result<(), StoreError>) {
    let (mut out, batches, give_back) = channel(request, &Rules::default(), Arc::new(Progress::default()), false, None);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let end = source.read(request, &mut out);
            out.finish(end);
        });
        let mut rows: Vec<Vec<Value>> = Vec::new();
        loop {
            match batches.recv().expect("an end") {
                Received::End(end) => return (rows, end.map(|_| ())),
                Received::Batch(batch) => {
                    for row in 0..batch.rows() {
                        let ordered = row == 0 || cmp_keys(&batch, row - 1, &batch, row, request.key).is_le();
                        assert!(ordered, "row {row} is out of order");
                        rows.push((0..batch.width()).map(|column| Value::of(batch.at(row, column))).collect());
                    }
                    let _ = give_back.send(batch);
                }
            }
        }
    })
}

fn shown(source: &mut MySqlSource, request: &ReadRequest) -> Vec<String> {
    let (rows, end) = read(source, request);
    end.expect("reads to the end");
    rows.iter().map(|row| row.iter().map(|v| format!("{v}")).collect::<Vec<_>>().join("|")).collect()
}

/// Opens a table and reads some columns of it.
fn table(database: &Database, table: &str, columns: &[&str], key: usize) -> Vec<String> {
    let mut source = database.source(table);
    open(&mut source).expect("opens");
    shown(&mut source, &request(columns, key))
}

fn text(text: &str) -> Value {
    Value::Text { text: text.into(), untyped: false }
}

fn number(digits: &str) -> Value {
    Value::Number { amount: Amount::parse(digits).expect("amount"), form: NumberForm::Decimal }
}

#[test]
fn numbers_keep_every_digit() {
    let database = Database::new(&format!(
        "CREATE TABLE n (id INT PRIMARY KEY, d DECIMAL(65,30), m DECIMAL(18,4), t TINYINT, tu TINYINT UNSIGNED, b BOOL, \
         bu TINYINT(1) UNSIGNED, s SMALLINT, su SMALLINT UNSIGNED, me MEDIUMINT, mu MEDIUMINT UNSIGNED, i INT, \
         iu INT UNSIGNED, bi BIGINT, ub BIGINT UNSIGNED, bits BIT(64), bit1 BIT(3), y YEAR, f FLOAT, db DOUBLE);
         INSERT INTO n VALUES
         (1, -{nines}.{nines30}, -99999999999999.9999, -128, 255, 7, 200, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295,
          -9223372036854775808, 18446744073709551615, b'{ones}', b'101', 2155, 0.1, 0.1),
         (2, 0, -0.00, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 16777216, 1e300),
         (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        nines = "9".repeat(35),
        nines30 = "9".repeat(30),
        ones = "1".repeat(64),
    ));
    let columns = [
        "id", "d", "m", "t", "tu", "b", "bu", "s", "su", "me", "mu", "i", "iu", "bi", "ub", "bits", "bit1", "y", "f",
        "db",
    ];
    let mut source = database.source("n");
    let opened = open(&mut source).expect("opens");
    assert!(opened.columns.iter().all(|column| column.kind == ColumnKind::Number), "{:?}", opened.columns);
    let (rows, end) = read(&mut source, &request(&columns, 1));
    end.expect("ends");
    let row = |at: usize| rows[at].iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(
        row(0),
        format!(
            "1 -{}.{} -99999999999999.9999 -128 255 7 200 -32768 65535 -8388608 16777215 -2147483648 4294967295 \
             -9223372036854775808 18446744073709551615 18446744073709551615 5 2155 0.1 0.1",
            "9".repeat(35),
            "9".repeat(30)
        )
    );
    assert!(rows[1][2].amount().expect("amount").is_zero());
    assert_eq!(rows[1][18].to_string(), "16777216");
    assert!(rows[1][19].amount().expect("amount").same_value(&Amount::parse("1e300").expect("amount")));
    assert!(rows[2][1..].iter().all(|value| matches!(value, Value::Null)), "{:?}", rows[2]);
    let form = |at: usize| match &rows[0][at] {
        Value::Number { form, .. } => *form,
        other => panic!("{other:?}"),
    };
    assert_eq!((form(1), form(5), form(15), form(18), form(19)), {
        use NumberForm::{Decimal, Double, Integer};
        (Decimal, Integer, Integer, Double, Double)
    });
}

#[test]
fn texts_bytes_and_documents() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, c CHAR(5), v VARCHAR(9), cb CHAR(9) COLLATE utf8mb4_bin, l VARCHAR(9) CHARACTER SET latin1,
           tx TEXT, mt MEDIUMTEXT, lt LONGTEXT, e ENUM('z','a'), s SET('y','x'), b BINARY(3), vb VARBINARY(9), bl BLOB, j JSON, g POINT);
         INSERT INTO t VALUES (1, 'é ', 'a  ', 'B', 'ü€', '😀', '', 'x\n', 'a', 'x,y', x'00ff', x'c3', x'', '{\"a\": 1.50}', POINT(1, 2))",
    );
    let mut source = database.source("t");
    let opened = open(&mut source).expect("opens");
    let kind = |name: &str| opened.columns.iter().find(|c| c.name == name).expect("column").kind;
    assert_eq!(["c", "cb", "l", "lt", "e", "s"].map(kind), [ColumnKind::Text; 6]);
    assert_eq!(["b", "vb", "bl", "g"].map(kind), [ColumnKind::Bytes; 4]);
    let columns = ["id", "c", "v", "cb", "l", "tx", "mt", "lt", "e", "s", "b", "vb", "bl", "j", "g"];
    let (rows, end) = read(&mut source, &request(&columns, 1));
    end.expect("ends");
    let row: Vec<String> = rows[0].iter().map(ToString::to_string).collect();
    assert_eq!(
        &row[..13],
        ["1", "é", "a  ", "B", "ü€", "😀", "", "x\n", "a", "y,x", "0x00ff00", "0xc3", "0x"].map(str::to_owned)
    );
    assert!(matches!(rows[0][13], Value::Document(_) | Value::Text { .. }), "{:?}", rows[0][13]);
    assert!(matches!(&rows[0][14], Value::Bytes(bytes) if bytes.len() == 25));
}

#[test]
fn dates_and_times_down_to_the_microsecond() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, d DATE, dt DATETIME, d3 DATETIME(3), d6 DATETIME(6), ts TIMESTAMP(6) NULL, ti TIME, t6 TIME(6));
         SET time_zone = '+09:00';
         INSERT INTO t VALUES
          (1, '2026-11-05', '2026-11-05 10:00:00', '2026-11-05 10:00:00.5', '9999-12-31 23:59:59.999999', '2026-11-05 09:00:00.000001', '-838:59:59', '22:00:00.000001'),
          (2, '1000-01-01', '1969-12-31 23:59:59', '1000-01-01', '1000-01-01', NULL, '00:00:00', '-00:00:00.5')",
    );
    let columns = ["id", "d", "dt", "d3", "d6", "ts", "ti", "t6"];
    assert_eq!(
        table(&database, "t", &columns, 1),
        [
            "1|2026-11-05|2026-11-05T10:00:00Z|2026-11-05T10:00:00.500Z|9999-12-31T23:59:59.999999Z|2026-11-05T00:00:00.000001Z|-838:59:59|22:00:00.000001",
            "2|1000-01-01|1969-12-31T23:59:59Z|1000-01-01T00:00:00Z|1000-01-01T00:00:00Z|NULL|00:00:00|-00:00:00.500000",
        ]
    );
    let mut source = database.source("t");
    open(&mut source).expect("opens");
    let (rows, _) = read(&mut source, &request(&columns, 1));
    let digits: Vec<u8> = rows[0]
        .iter()
        .filter_map(|value| match value {
            Value::Instant { digits, .. } | Value::Time { digits, .. } => Some(*digits),
            _ => None,
        })
        .collect();
    assert_eq!(digits, [0, 3, 6, 6, 0, 6]);
}

#[test]
fn a_local_time_is_taken_in_the_zone_and_unknown_when_it_is_not_one_moment() {
    let database = Database::new(
        "CREATE TABLE t (at DATETIME PRIMARY KEY, ts TIMESTAMP NULL); SET time_zone = '+00:00';
         INSERT INTO t VALUES ('2026-07-01 12:00:00', '2026-07-01 12:00:00'), ('2026-10-25 02:30:00', NULL), ('2026-12-01 12:00:00', NULL)",
    );
    let settings = Settings { zone: TimeZone::get("Europe/Berlin").expect("zone"), ..Settings::default() };
    let mut source = database.with(Target { table: Some("t".into()), ..Target::default() }, settings);
    open(&mut source).expect("opens");
    let (rows, end) = read(&mut source, &request(&["ts", "at"], 0));
    end.expect("ends");
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    rows.sort();
    assert_eq!(rows[0], "2026-07-01T12:00:00Z 2026-07-01T10:00:00Z");
    assert!(rows[2].starts_with("NULL 2026-12-01T11:00:00Z") || rows[1].contains("2026-12-01T11:00:00Z"), "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("unknown") && row.contains("2026-10-25T02:30:00")), "{rows:?}");
    // A key read back is looked for as the local time it was.
    let noon = Value::Instant { nanos: 1_782_900_000_000_000_000, digits: 0 };
    let wanted = ReadRequest { keys: Some(vec![vec![noon]]), ..request(&["at"], 1) };
    assert_eq!(shown(&mut source, &wanted), ["2026-07-01T10:00:00Z"]);
}

#[test]
fn zero_dates_are_unknown_and_never_null() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, d DATE, dt DATETIME(6), ts TIMESTAMP NULL);
         SET sql_mode = 'ALLOW_INVALID_DATES';
         INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00', '0000-00-00'), (2, '2026-00-00', '2026-11-00', NULL), (3, '2026-02-30', '2026-02-30 01:00:00', NULL)",
    );
    let mut source = database.source("t");
    open(&mut source).expect("opens");
    let (rows, end) = read(&mut source, &request(&["id", "d", "dt", "ts"], 1));
    end.expect("ends");
    let unknown = |value: &Value| matches!(value, Value::Unknown(why) if why.contains("does not exist"));
    assert!(rows.iter().all(|row| unknown(&row[1]) && unknown(&row[2])), "{rows:?}");
    assert!(unknown(&rows[0][3]) && matches!(rows[1][3], Value::Null), "{rows:?}");
}

#[test]
fn mariadb_types_that_travel_as_text() {
    let database = Database::new("SELECT 1");
    let mariadb = database.session(&database.url(), async |connection| {
        let row = connection.fetch_one("SELECT VERSION()").await.expect("version");
        row.get::<String, _>(0).contains("MariaDB")
    });
    if !mariadb {
        return;
    }
    database.run(
        "CREATE TABLE t (u UUID PRIMARY KEY, i INET6);
         INSERT INTO t VALUES ('ff000000-0000-1000-8000-000000000001', '::1'), ('00000000-0000-4fff-8000-000000000002', '1.2.3.4'), ('00000001-0000-1000-8000-000000000003', NULL)",
    );
    let mut source = database.source("t");
    let opened = open(&mut source).expect("opens");
    assert_eq!(opened.columns[0].kind, ColumnKind::Uuid);
    let (rows, end) = read(&mut source, &request(&["u", "i"], 1));
    end.expect("ends");
    assert!(rows.iter().all(|row| matches!(row[0], Value::Uuid(_))), "{rows:?}");
    let keys: Vec<String> = rows.iter().map(|row| row[0].to_string()).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let wanted = ReadRequest { keys: Some(vec![vec![rows[1][0].clone()]]), ..request(&["u"], 1) };
    assert_eq!(shown(&mut source, &wanted), [keys[1].clone()]);
    let mut query = database.query("SELECT u AS k, 1 AS one FROM t", &[]);
    assert_eq!(open(&mut query).expect("opens").columns[0].kind, ColumnKind::Uuid);
    assert_eq!(shown(&mut query, &request(&["k"], 1)), keys);
}

const KEYS: [&str; 12] =
    ["po_2", "po_2 ", "PO_2", "po_2\t", "po_2\u{1}", "po_2\0", "po_2!", "pö_2", "po_2😀", "po_2\u{ffff}", "", " "];

fn text_keys(definition: &str) -> Database {
    let rows: Vec<String> = KEYS
        .iter()
        .enumerate()
        .map(|(at, key)| format!("(x'{}', {at})", key.bytes().map(|b| format!("{b:02x}")).collect::<String>()))
        .collect();
    Database::new(&format!("CREATE TABLE k (k {definition}, n INT, KEY (k)); INSERT INTO k VALUES {}", rows.join(", ")))
}

#[test]
fn text_keys_are_ordered_by_their_bytes_under_any_collation() {
    let mut sorted: Vec<String> = KEYS.iter().map(|key| (*key).to_owned()).collect();
    sorted.sort();
    for definition in
        ["VARCHAR(20)", "VARCHAR(20) COLLATE utf8mb4_bin", "VARCHAR(20) COLLATE utf8mb4_unicode_ci", "TEXT"]
    {
        let definition = if definition == "TEXT" { "VARCHAR(2000)" } else { definition };
        let database = text_keys(definition);
        assert_eq!(table(&database, "k", &["k"], 1), sorted, "{definition}");
        let mut query = database.query("SELECT UPPER('x') AS x, k FROM k WHERE n >= 0 -- all", &[]);
        open(&mut query).expect("opens");
        assert_eq!(shown(&mut query, &request(&["k"], 1)), sorted, "{definition}");
        for (at, from) in sorted.iter().enumerate() {
            let mut source = database.source("k");
            open(&mut source).expect("opens");
            let upper = KeyRange { from: Some(text(from)), below: None };
            let lower = KeyRange { from: None, below: Some(text(from)) };
            assert_eq!(shown(&mut source, &ReadRequest { range: upper, ..request(&["k"], 1) }), sorted[at..]);
            assert_eq!(shown(&mut source, &ReadRequest { range: lower, ..request(&["k"], 1) }), sorted[..at]);
            let only = ReadRequest { keys: Some(vec![vec![text(from)]]), ..request(&["k"], 1) };
            assert_eq!(shown(&mut source, &only), [from.clone()], "{definition}");
        }
    }
}

#[test]
fn collations_that_are_bytewise_already_keep_their_index() {
    let database = Database::new("SELECT 1");
    let collation = database.session(&database.url(), async |connection| {
        let sql = "SELECT collation_name FROM information_schema.collations WHERE collation_name IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')";
        connection.fetch_one(sql).await.expect("one of both").get_unchecked::<String, _>(0)
    });
    drop(database);
    let database = text_keys(&format!("VARCHAR(20) COLLATE {collation}"));
    let mut sorted: Vec<String> = KEYS.iter().map(|key| (*key).to_owned()).collect();
    sorted.sort();
    assert_eq!(table(&database, "k", &["k"], 1), sorted);
}

#[test]
fn enumerations_and_latin1_are_ordered_by_their_text_too() {
    let database = Database::new(
        "CREATE TABLE t (e ENUM('z','b','a'), l VARCHAR(9) CHARACTER SET latin1); INSERT INTO t VALUES ('z','é'), ('b', '€'), ('a', 'z')",
    );
    assert_eq!(table(&database, "t", &["e"], 1), ["a", "b", "z"]);
    assert_eq!(table(&database, "t", &["l"], 1), ["z", "é", "€"]);
}

#[test]
fn null_keys_come_first_and_composite_keys_in_order() {
    let database = Database::new(
        "CREATE TABLE t (a INT, c VARCHAR(3), n INT);
         INSERT INTO t VALUES (2,'KRW',1), (NULL,'KRW',2), (1,'usd',3), (1,'USD',4), (1,NULL,5), (-1,'EUR',6)",
    );
    assert_eq!(
        table(&database, "t", &["a", "c", "n"], 2),
        ["NULL|KRW|2", "-1|EUR|6", "1|NULL|5", "1|USD|4", "1|usd|3", "2|KRW|1"]
    );
    let mut source = database.source("t");
    open(&mut source).expect("opens");
    let below = KeyRange { from: None, below: Some(number("1")) };
    assert_eq!(shown(&mut source, &ReadRequest { range: below, ..request(&["a"], 1) }), ["NULL", "-1"]);
    let between = KeyRange { from: Some(number("-1")), below: Some(number("2")) };
    assert_eq!(shown(&mut source, &ReadRequest { range: between, ..request(&["a"], 1) }), ["-1", "1", "1", "1"]);
    let keys = vec![vec![Value::Null, text("KRW")], vec![number("1"), Value::Null], vec![number("1.0"), text("USD")]];
    let wanted = ReadRequest { keys: Some(keys), ..request(&["a", "c", "n"], 2) };
    assert_eq!(shown(&mut source, &wanted), ["NULL|KRW|2", "1|NULL|5", "1|USD|4"]);
    let none = ReadRequest { keys: Some(vec![]), ..request(&["a"], 1) };
    assert!(shown(&mut source, &none).is_empty());
    // A bound of another kind lies wholly above or below.
    let texts = KeyRange { from: Some(text("x")), below: None };
    assert!(shown(&mut source, &ReadRequest { range: texts, ..request(&["a"], 1) }).is_empty());
}

#[test]
fn a_filter_means_the_same_as_on_other_stores() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, c VARCHAR(9), amount DECIMAL(30,4), at DATE);
         INSERT INTO t VALUES (1,'KRW',12345678901234567.8900,'2026-11-05'), (2,'krw',12345678901234567.8800,'2026-11-06'), (3,NULL,NULL,NULL), (4,'10.50',0,NULL), (5,'KRW ',1,NULL)",
    );
    let mut source = database.source("t");
    assert!(open(&mut source).expect("opens").filters);
    let mut ids = |condition: &str| {
        let filter = Some(Filter::parse(condition).expect("condition"));
        shown(&mut source, &ReadRequest { filter, ..request(&["id"], 1) }).join(",")
    };
    assert_eq!(ids("c = 'KRW'"), "1");
    assert_eq!(ids("c <> 'KRW'"), "2,4,5");
    assert_eq!(ids("c IN ('KRW', 'krw')"), "1,2");
    assert_eq!(ids("NOT (c = 'KRW') OR c IS NULL"), "2,3,4,5");
    assert_eq!(ids("c >= 'a'"), "2");
    assert_eq!(ids("c = 10.5"), "4");
    assert_eq!(ids("c <> 10.5"), "1,2,5");
    assert_eq!(ids("amount = 12345678901234567.89"), "1");
    assert_eq!(ids("amount BETWEEN 1 AND 2 OR at >= '2026-11-06'"), "2,5");
    let wrong = ReadRequest { filter: Some(Filter::parse("nope = 1").expect("condition")), ..request(&["id"], 1) };
    let (_, end) = read(&mut source, &wrong);
    let error = end.expect_err("refused");
    assert_eq!(error.class, ErrorClass::Usage);
    assert!(error.what.contains("`nope`") && error.hint.expect("hint").contains("amount"));
}

#[test]
fn an_integer_key_is_read_along_its_index() {
    let database = Database::new(
        "CREATE TABLE t (id BIGINT PRIMARY KEY, a DECIMAL(18,4), b VARCHAR(20)); INSERT INTO t SELECT seq, seq, seq FROM (SELECT @n := @n + 1 AS seq FROM information_schema.columns, (SELECT @n := 0) AS start LIMIT 1000) AS s",
    );
    let plan = database.session(&database.url(), async |connection| {
        let rows = connection.fetch_all("EXPLAIN SELECT `id`, `a`, `b` FROM `t` ORDER BY `id`").await.expect("plan");
        rows.iter()
            .map(|row| row.try_get_unchecked::<Option<String>, _>("Extra").ok().flatten().unwrap_or_default())
            .collect::<String>()
    });
    assert!(!plan.contains("filesort"), "{plan}");
    let mut source = database.source("t");
    let opened = open(&mut source).expect("opens");
    assert!(opened.estimated_records.expect("estimate") > 0);
    let cuts: Vec<String> = source.boundaries("id", None, 4).expect("cuts").iter().map(ToString::to_string).collect();
    assert_eq!(cuts, ["251", "501", "751"]);
    let few = Filter::parse("id <= 2").expect("condition");
    assert_eq!(source.boundaries("id", Some(&few), 4).expect("cuts").len(), 1);
    assert_eq!(source.boundaries("b", None, 2).expect("cuts").len(), 1);
}

#[test]
fn parameters_are_bound_exactly() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, a DECIMAL(40,10), d DATE, dt DATETIME(6), s VARCHAR(40));
         INSERT INTO t VALUES (1, 12345678901234567.89, '2026-11-05', '2026-11-05 10:00:00.000001', 'x\\' OR 1=1 -- '), (2, 12345678901234567.88, '2026-11-06', '2026-11-05 10:00:00.000002', 'y')",
    );
    let instant = |nanos: i128| Value::Instant { nanos, digits: 6 };
    for (condition, value, found) in [
        ("a = :p", number("12345678901234567.89"), vec!["1"]),
        ("d = :p", Value::Date(20_762), vec!["1"]),
        ("d = DATE_ADD(:p, INTERVAL 1 DAY)", Value::Date(20_762), vec!["2"]),
        ("dt = :p", instant(1_793_872_800_000_002_000), vec!["2"]),
        ("s = :p", text("x' OR 1=1 -- "), vec!["1"]),
        ("s = :p", text("' OR 1=1 -- "), vec![]),
        ("id > :p", number("1"), vec!["2"]),
        ("id = :p OR id = :p", number("2"), vec!["2"]),
        ("id = :p", Value::Null, vec![]),
        ("':p' <> s AND id = :p -- :other", number("1"), vec!["1"]),
    ] {
        let mut source = database.query(&format!("SELECT id FROM t WHERE {condition}"), &[("p", value)]);
        open(&mut source).expect(condition);
        assert_eq!(shown(&mut source, &request(&["id"], 1)), found, "{condition}");
    }
    let sql = "SELECT 1 AS id, :d AS d, :a AS a, :t AS t, :s AS s";
    let time = Value::Time { nanos: -3_020_399_000_001_000, digits: 6 };
    let params =
        [("d", Value::Date(-10)), ("a", number("-0.000000000000000000000000000001")), ("t", time), ("s", text("😀"))];
    let mut source = database.query(sql, &params);
    open(&mut source).expect("opens");
    assert_eq!(
        shown(&mut source, &request(&["id", "d", "a", "t", "s"], 1)),
        ["1|1969-12-22|-0.000000000000000000000000000001|-838:59:59.000001|😀"]
    );
    let missing = open(&mut database.query("SELECT :nope AS x", &[])).expect_err("refused");
    assert_eq!(missing.class, ErrorClass::Usage);
}

#[test]
fn what_is_not_one_select_is_refused() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    for sql in [
        "DELETE FROM t",
        "SELECT 1; DELETE FROM t",
        "SELECT 1) AS a, (SELECT 2",
        "/*! DELETE FROM t */",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "SELECT id INTO OUTFILE '/tmp/recon-x' FROM t",
        "CALL nothing()",
        "",
        "SELECT nope FROM t",
        "SELECT FROM",
        "SELECT 1 AS a, 2 AS A",
        "SELECT * FROM nothing",
    ] {
        let error = open(&mut database.query(sql, &[])).map(|_| ()).expect_err(sql);
        assert_eq!(error.class, ErrorClass::Usage, "{sql}: {error}");
        assert!(error.hint.is_some(), "{sql}: {error}");
    }
    let twice = open(&mut database.query("SELECT 1 AS a, 2 AS b, 3 AS A", &[])).expect_err("refused");
    assert!(twice.what.contains('A') && !twice.what.contains('b'), "{twice}");
    assert_eq!(table(&database, "t", &["id"], 1), ["1"]);
    let mut source = database.query("WITH x AS (SELECT 7 AS id) SELECT * FROM x # end", &[]);
    open(&mut source).expect("opens");
    assert_eq!(shown(&mut source, &request(&["id"], 1)), ["7"]);
}

#[test]
fn views_read_like_tables() {
    let database = Database::new(
        "CREATE TABLE t (id INT PRIMARY KEY, at DATETIME(3)); INSERT INTO t VALUES (1, '2026-11-05'); CREATE VIEW v AS SELECT id, at FROM t",
    );
    let mut source = database.source("v");
    let opened = open(&mut source).expect("opens");
    assert!(opened.snapshot.consistent && opened.estimated_records.is_none());
    assert_eq!(shown(&mut source, &request(&["id", "at"], 1)), ["1|2026-11-05T00:00:00Z"]);
    let mut qualified = database.source(&format!("{}.t", database.name));
    open(&mut qualified).expect("opens");
}

#[test]
fn a_wrong_request_is_told_from_a_failing_store() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY)");
    let settings = Settings { connect_timeout: Duration::from_secs(2), ..Settings::default() };
    let target = Target { table: Some("t".into()), ..Target::default() };
    let fails = |url: &url::Url, target: &Target| {
        let error = open(&mut MySqlSource::new(url.clone(), target.clone(), settings.clone())).expect_err("fails");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        assert!(error.hint.is_some(), "{error:?}");
        error
    };

    let mut url = database.url();
    url.set_username("recon_nobody").expect("user");
    url.set_password(Some("s3cret")).expect("password");
    let start = Instant::now();
    let denied = fails(&url, &target);
    assert_eq!(denied.class, ErrorClass::Failed);
    assert!(denied.what.contains("recon_nobody") && !denied.what.contains("attempts"), "{denied}");
    assert!(start.elapsed() < Duration::from_millis(900), "a wrong password is not tried again");

    let mut url = database.url();
    url.set_path("recon_no_such_database");
    let unknown = fails(&url, &target);
    assert_eq!(unknown.class, ErrorClass::Usage);
    assert!(unknown.what.contains("recon_no_such_database"));

    let nothing = Target { table: Some("nothing".into()), ..Target::default() };
    let table = fails(&database.url(), &nothing);
    assert_eq!(table.class, ErrorClass::Usage);
    assert!(table.what.contains("nothing"));
    assert_eq!(fails(&database.url(), &Target::default()).class, ErrorClass::Usage);

    // A port that nobody listens on: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
    let url = url::Url::parse(&format!("mysql://root:s3cret@127.0.0.1:{free}/x")).expect("url");
    let start = Instant::now();
    let unreachable = fails(&url, &target);
    assert_eq!(unreachable.class, ErrorClass::Failed);
    assert!(unreachable.what.contains("3 attempts") && unreachable.what.contains(&free.to_string()), "{unreachable}");
    assert!(start.elapsed() >= Duration::from_millis(500), "it waits between attempts");

    // A server that says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = silent.local_addr().expect("address").port();
    let url = url::Url::parse(&format!("mysql://root:s3cret@127.0.0.1:{port}/x")).expect("url");
    let settings = Settings { connect_timeout: Duration::from_millis(200), connect_attempts: 1, ..Settings::default() };
    let error = open(&mut MySqlSource::new(url, target.clone(), settings)).expect_err("silent");
    assert!(error.class == ErrorClass::Failed && error.what.contains("0.2 s"), "{error}");

    let mut source = database.source("t");
    open(&mut source).expect("opens");
    let (_, end) = read(&mut source, &request(&["id", "nope"], 1));
    let error = end.expect_err("no such column");
    assert_eq!(error.class, ErrorClass::Usage);
    assert!(error.hint.expect("hint").contains("id"));
}

#[test]
fn the_option_file_gives_what_the_url_leaves_out() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    let file = tempfile::NamedTempFile::new().expect("file");
    let port = database.server.port().unwrap_or(3306);
    let host = database.server.host_str().expect("host");
    let (user, password) = (database.server.username(), database.server.password().unwrap_or(""));
    let text = format!("[client]\nhost={host}\nport={port}\nuser={user}\npassword=\"{password}\"\n");
    std::fs::write(file.path(), text).expect("writes");
    let url = format!("mysql:///{}?defaults-file={}", database.name, file.path().display());
    let target = Target { table: Some("t".into()), ..Target::default() };
    let mut source = MySqlSource::new(url::Url::parse(&url).expect("url"), target, Settings::default());
    open(&mut source).expect("opens");
    assert_eq!(shown(&mut source, &request(&["id"], 1)), ["1"]);
}

#[test]
fn the_snapshot_holds_until_a_fresh_one_is_asked_for() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 10), (2, 20)");
    let mut source = database.source("t");
    let opened = open(&mut source).expect("opens");
    assert!(opened.snapshot.consistent && opened.notices.is_empty());
    let now = jiff::Timestamp::now().as_nanosecond();
    assert!((now - opened.snapshot.taken_at.expect("moment")).abs() < 60_000_000_000);
    database.run("UPDATE t SET n = 11 WHERE id = 1; INSERT INTO t VALUES (3, 30)");
    let plain = request(&["id", "n"], 1);
    assert_eq!(shown(&mut source, &plain), ["1|10", "2|20"]);
    let fresh = ReadRequest { fresh: true, keys: Some(vec![vec![number("1")], vec![number("3")]]), ..plain.clone() };
    assert_eq!(shown(&mut source, &fresh), ["1|11", "3|30"]);
    database.run("UPDATE t SET n = 12 WHERE id = 1");
    assert_eq!(shown(&mut source, &plain)[0], "1|11");
}

#[test]
fn a_table_without_transactions_is_reported() {
    let database = Database::new(
        "CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM; CREATE TABLE i (id INT PRIMARY KEY); CREATE VIEW v AS SELECT m.id FROM m JOIN i ON m.id = i.id",
    );
    for mut source in [database.source("m"), database.source("v"), database.query("SELECT id FROM `m`", &[])] {
        let opened = open(&mut source).expect("opens");
        assert!(!opened.snapshot.consistent);
        assert!(opened.notices[0].contains("m (MyISAM)"), "{:?}", opened.notices);
    }
    assert!(open(&mut database.source("i")).expect("opens").snapshot.consistent);
}

fn many(database: &Database, records: u32) {
    database.run(&format!(
        "CREATE TABLE big (id INT PRIMARY KEY, filler VARCHAR(200));
         INSERT INTO big SELECT @n := @n + 1, REPEAT('x', 200) FROM information_schema.columns a, information_schema.columns b, (SELECT @n := 0) AS start LIMIT {records}"
    ));
}

#[test]
fn a_connection_killed_in_the_middle_is_a_failure() {
    let database = Database::new("SELECT 1");
    many(&database, 200_000);
    let mut source = database.source("big");
    open(&mut source).expect("opens");
    let request = request(&["id", "filler"], 1);
    let (mut out, batches, give_back) =
        channel(&request, &Rules::default(), Arc::new(Progress::default()), false, None);
    let (records, end) = std::thread::scope(|scope| {
        let (source, request) = (&mut source, &request);
        scope.spawn(move || {
            let end = source.read(request, &mut out);
            out.finish(end);
        });
        let Received::Batch(first) = batches.recv().expect("a batch") else { panic!("ended at once") };
        let mut records = first.rows();
        database.session(&database.url(), async |connection| {
            let sql = format!(
                "SELECT id FROM information_schema.processlist WHERE db = '{}' AND id <> CONNECTION_ID()",
                database.name
            );
            for row in connection.fetch_all(AssertSqlSafe(sql)).await.expect("list") {
                let id = row.get_unchecked::<u64, _>(0);
                connection.execute(AssertSqlSafe(format!("KILL {id}"))).await.expect("kills");
            }
        });
        loop {
            match batches.recv().expect("an end") {
                Received::Batch(batch) => {
                    records += batch.rows();
                    let _ = give_back.send(batch);
                }
                Received::End(end) => return (records, end),
            }
        }
    });
    let error = end.expect_err("must not look complete");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!((2_000..200_000).contains(&records), "{records}");
    assert!(error.what.contains(&format!("after {records} records")) && error.hint.is_some(), "{error} {records}");
    // The snapshot is gone: only a fresh one may be read.
    let (_, again) = read(&mut source, &request);
    assert_eq!(again.expect_err("no snapshot").class, ErrorClass::Failed);
    let one = ReadRequest { fresh: true, keys: Some(vec![vec![number("7")]]), ..request };
    assert_eq!(read(&mut source, &one).0.len(), 1);
}

#[test]
fn silence_ends_a_read_and_a_wish_to_stop_is_heard() {
    let database = Database::new("SELECT 1");
    let target = Target { query: Some("SELECT 1 AS id, SLEEP(3) AS s".into()), ..Target::default() };
    let settings = Settings { read_timeout: Duration::from_millis(300), ..Settings::default() };
    let mut source = database.with(target.clone(), settings);
    open(&mut source).expect("opens");
    let start = Instant::now();
    let (_, end) = read(&mut source, &request(&["id", "s"], 1));
    let error = end.expect_err("too slow");
    assert!(error.class == ErrorClass::Failed && error.what.contains("0.3 s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));

    let mut source = database.with(target, Settings::default());
    open(&mut source).expect("opens");
    let wanted = request(&["id", "s"], 1);
    let progress = Arc::new(Progress::default());
    progress.stop.store(true, Ordering::Relaxed);
    let (mut out, _batches, _) = channel(&wanted, &Rules::default(), progress, false, None);
    let start = Instant::now();
    assert_eq!(source.read(&wanted, &mut out).expect_err("stopped").class, ErrorClass::Stopped);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_slow_merge_does_not_count_as_silence() {
    let database = Database::new("SELECT 1");
    many(&database, 60_000);
    let target = Target { table: Some("big".into()), ..Target::default() };
    let settings = Settings { read_timeout: Duration::from_millis(300), ..Settings::default() };
    let mut source = database.with(target, settings);
    open(&mut source).expect("opens");
    let wanted = request(&["id", "filler"], 1);
    let (mut out, batches, _give_back) =
        channel(&wanted, &Rules::default(), Arc::new(Progress::default()), false, None);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let end = source.read(&wanted, &mut out);
            out.finish(end);
        });
        std::thread::sleep(Duration::from_millis(900));
        let mut records = 0;
        loop {
            match batches.recv().expect("an end") {
                Received::Batch(batch) => records += batch.rows(),
                Received::End(end) => {
                    end.expect("reads on");
                    assert_eq!(records, 60_000);
                    return;
                }
            }
        }
    });
}

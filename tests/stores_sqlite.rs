//! SQLite as a side: exact values, one order of keys, one snapshot, and clear errors. Needs no server.

#![allow(clippy::expect_used, clippy::panic)]

mod sides;

use std::path::{Path, PathBuf};

use recon::domain::{Filter, NumberForm, Value};
use recon::stores::sqlite::SqliteSource;
use recon::stores::{ColumnKind, ErrorClass, Fix, KeyRange, Settings, Source, Target, Wish};
use sides::{all, number, open, read, request, shown, text, typed, usage};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// Runs SQL on a database file, made if it is not there.
fn run(path: &Path, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = options.connect().await.expect("connects");
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect(sql);
        connection.close().await.expect("closes");
    });
}

fn made(sql: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("side.db");
    run(&path, sql);
    (folder, path)
}

fn table(path: &Path, name: &str) -> SqliteSource {
    let target = Target { table: Some(name.into()), ..Target::default() };
    SqliteSource::new(path.into(), target, Settings::default())
}

fn query(path: &Path, sql: &str, params: &[(&str, Value)]) -> SqliteSource {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let target = Target { query: Some(sql.into()), table: None, params };
    SqliteSource::new(path.into(), target, Settings::default())
}

#[test]
fn values_are_what_their_storage_class_says() {
    let (_folder, path) = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v);
         INSERT INTO t (v) VALUES (9223372036854775807), (-9223372036854775808), (0.1), (1e300), (-0.0), ('1.50'),
         ('po_2 '), (''), (x''), (x'00ff'), (NULL), (9e999), (CAST(x'ff41' AS TEXT)), ('a' || char(0) || 'b'), (1.0),
         ('{\"a\":1}')",
    );
    let mut source = table(&path, "t");
    let opened = open(&mut source);
    assert_eq!(opened.columns[0].kind, ColumnKind::Number);
    assert_eq!(opened.columns[1].kind, ColumnKind::Mixed);
    assert_eq!(opened.estimated_records, Some(16));
    let rows = read(&mut source, &request(&["id", "v"], 1)).expect("reads");
    let value = |row: usize| &rows[row][1];
    assert!(matches!(value(0), Value::Number { form: NumberForm::Integer, .. }));
    assert_eq!(value(0).to_string(), "9223372036854775807");
    assert_eq!(value(1).to_string(), "-9223372036854775808");
    assert!(matches!(value(2), Value::Number { form: NumberForm::Double, .. }));
    assert_eq!(value(2).to_string(), "0.1");
    assert_eq!(value(3).to_string(), "1E+300");
    // SQLite keeps no sign on a zero in a column without a type: it is read back as the store gives it.
    assert!(value(4).amount().expect("number").is_zero());
    assert_eq!(typed(value(5)), "text 1.50");
    assert_eq!(typed(value(6)), "text po_2 ");
    assert_eq!(typed(value(7)), "text ");
    assert_eq!(typed(value(8)), "bytes 0x");
    assert_eq!(typed(value(9)), "bytes 0x00ff");
    assert!(matches!(value(10), Value::Null));
    assert_eq!(value(11).to_string(), "Infinity");
    assert!(matches!(value(12), Value::Unknown(why) if why.contains("UTF-8")), "{:?}", value(12));
    assert_eq!(typed(value(13)), "text a\0b");
    assert!(matches!(value(14), Value::Number { form: NumberForm::Double, .. }));
    assert_eq!(typed(value(15)), "text {\"a\":1}");
}

#[test]
fn keys_come_in_one_order_whatever_the_collation() {
    let (_folder, path) = made(
        "CREATE TABLE t (k TEXT COLLATE NOCASE, n INTEGER);
         CREATE INDEX i ON t (k);
         INSERT INTO t VALUES ('po_2', 1), ('po_2 ', 2), ('PO_2', 3), ('é', 4), ('z', 5), ('한', 6), (NULL, 7), ('', 8),
         ('po_10', 9), (x'41', 10), ('😀', 11), (char(0xFFFD), 12)",
    );
    let mut source = table(&path, "t");
    let rows = all(&mut source, &["k", "n"], 1);
    let order: Vec<_> = rows.iter().map(|row| row.rsplit('|').next().expect("n")).collect();
    assert_eq!(order, ["7", "8", "3", "9", "1", "2", "5", "4", "6", "12", "11", "10"]);
    // Conditions, ranges and lists tell 'po_2' from 'PO_2' too.
    let mut only = request(&["k", "n"], 1);
    only.filter = Some(Filter::parse("k = 'po_2'").expect("parses"));
    assert_eq!(shown(&read(&mut source, &only).expect("reads")), ["po_2|1"]);
    let mut only = request(&["k", "n"], 1);
    only.keys = Some(vec![vec![text("PO_2")], vec![text("po_2 ")]]);
    assert_eq!(shown(&read(&mut source, &only).expect("reads")), ["PO_2|3", "po_2 |2"]);
    let mut only = request(&["n"], 0);
    only.columns = request(&["k", "n"], 1).columns;
    only.key = 1;
    only.range = KeyRange { from: Some(text("po_2")), below: Some(text("z")) };
    assert_eq!(shown(&read(&mut source, &only).expect("reads")), ["po_2|1", "po_2 |2"]);
    only.range = KeyRange { from: None, below: Some(text("PO_2")) };
    assert_eq!(shown(&read(&mut source, &only).expect("reads")), ["NULL|7", "|8"]);
}

#[test]
fn a_utf16_database_has_the_same_order() {
    let (_folder, path) = made(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (k TEXT PRIMARY KEY);
         INSERT INTO t VALUES ('b'), ('a'), ('é'), ('😀'), (char(0xFFFD)), ('Ā'), ('ab')",
    );
    let mut source = table(&path, "t");
    assert_eq!(all(&mut source, &["k"], 1), ["a", "ab", "b", "é", "Ā", "\u{fffd}", "😀"]);
    let mut range = request(&["k"], 1);
    range.range = KeyRange { from: Some(text("b")), below: Some(text("😀")) };
    assert_eq!(shown(&read(&mut source, &range).expect("reads")), ["b", "é", "Ā", "\u{fffd}"]);
}

#[test]
fn keys_of_every_class_stand_in_the_order_of_keys() {
    let (_folder, path) = made(
        "CREATE TABLE t (k); INSERT INTO t VALUES ('10'), (10), (9.5), (x'10'), (NULL), (-1), ('a'), (9007199254740993),
         (9007199254740992.0)",
    );
    let mut source = table(&path, "t");
    let expected = ["NULL", "-1", "9.5", "10", "9007199254740992", "9007199254740993", "10", "a", "0x10"];
    assert_eq!(all(&mut source, &["k"], 1), expected);
    let mut range = request(&["k"], 1);
    range.range = KeyRange { from: Some(number("10")), below: Some(text("a")) };
    let rows = read(&mut source, &range).expect("reads");
    assert_eq!(shown(&rows), ["10", "9007199254740992", "9007199254740993", "10"]);
    assert_eq!(typed(&rows[3][0]), "text 10");
    range.range = KeyRange { from: Some(Value::Bool(false)), below: None };
    assert!(read(&mut source, &range).expect("reads").is_empty());
}

#[test]
fn a_key_of_another_kind_finds_nothing() {
    let (_folder, path) = made(
        "CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT, odd STRING); INSERT INTO t VALUES (10, '10', 'abc'), (11, x'31', 7)",
    );
    let mut source = table(&path, "t");
    open(&mut source);
    let keyed = |column: &str, keys: &[Value]| {
        let mut request = request(&[column], 1);
        request.keys = Some(keys.iter().map(|key| vec![key.clone()]).collect());
        request
    };
    assert!(read(&mut source, &keyed("n", &[text("10")])).expect("reads").is_empty());
    assert!(read(&mut source, &keyed("s", &[number("10")])).expect("reads").is_empty());
    assert!(read(&mut source, &keyed("odd", &[text("7")])).expect("reads").is_empty());
    assert_eq!(shown(&read(&mut source, &keyed("n", &[number("10"), number("10.5")])).expect("reads")), ["10"]);
    assert_eq!(shown(&read(&mut source, &keyed("s", &[Value::Bytes(b"1".to_vec())])).expect("reads")), ["0x31"]);
    // A column declared STRING takes numbers for SQLite, and holds texts all the same.
    let mut range = request(&["odd"], 1);
    range.range = KeyRange { from: Some(text("5")), below: None };
    assert_eq!(shown(&read(&mut source, &range).expect("reads")), ["abc"]);
}

#[test]
fn a_number_key_is_ordered_as_text_when_the_other_side_is_text() {
    let (_folder, path) = made("CREATE TABLE t (k INTEGER PRIMARY KEY); INSERT INTO t VALUES (9), (10), (100)");
    let mut source = table(&path, "t");
    open(&mut source);
    let mut as_text = request(&["k"], 1);
    as_text.columns[0].fix = Some(Fix::KeyText);
    let rows = read(&mut source, &as_text).expect("reads");
    assert_eq!(shown(&rows), ["10", "100", "9"]);
    assert_eq!(typed(&rows[0][0]), "text 10");
    as_text.filter = Some(Filter::parse("k > 9").expect("parses"));
    assert_eq!(shown(&read(&mut source, &as_text).expect("reads")), ["10", "100"], "a condition sees numbers");
    as_text.keys = Some(vec![vec![text("100")]]);
    assert_eq!(shown(&read(&mut source, &as_text).expect("reads")), ["100"]);
}

#[test]
fn composite_keys_filters_and_boundaries() {
    let (_folder, path) = made(
        "CREATE TABLE t (a INTEGER, b TEXT, net, PRIMARY KEY (a, b));
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO t SELECT i / 2, CASE i % 2 WHEN 0 THEN 'EUR' ELSE 'KRW' END, i FROM n;
         INSERT INTO t VALUES (NULL, 'EUR', 0)",
    );
    let mut source = table(&path, "t");
    let rows = all(&mut source, &["a", "b", "net"], 2);
    assert_eq!(rows.len(), 1001);
    assert_eq!(rows[..4], ["NULL|EUR|0", "0|KRW|1", "1|EUR|2", "1|KRW|3"]);
    let mut some = request(&["a", "b", "net"], 2);
    some.keys =
        Some(vec![vec![Value::Null, text("EUR")], vec![number("1"), text("KRW")], vec![number("9"), text("x")]]);
    assert_eq!(shown(&read(&mut source, &some).expect("reads")), ["NULL|EUR|0", "1|KRW|3"]);
    let mut some = request(&["a", "b"], 2);
    some.filter = Some(Filter::parse("net BETWEEN 5 AND 6 OR net IS NULL").expect("parses"));
    assert_eq!(shown(&read(&mut source, &some).expect("reads")), ["2|KRW", "3|EUR"]);
    let cuts = source.boundaries("a", None, 4).expect("cuts");
    assert_eq!(shown(std::slice::from_ref(&cuts)), ["125|250|375"]);
    let mut total = 0;
    for at in 0..=cuts.len() {
        let mut part = request(&["a"], 1);
        part.range = KeyRange { from: at.checked_sub(1).map(|at| cuts[at].clone()), below: cuts.get(at).cloned() };
        let rows = read(&mut source, &part).expect("reads").len();
        assert!((248..=255).contains(&rows), "{rows}");
        total += rows;
    }
    assert_eq!(total, 1001);
    let filter = Filter::parse("a < 10").expect("parses");
    assert_eq!(shown(&[source.boundaries("a", Some(&filter), 2).expect("cuts")]), ["5"]);
    assert!(source.boundaries("a", Some(&Filter::parse("a < 0").expect("parses")), 8).expect("cuts").is_empty());
}

#[test]
fn a_query_with_parameters_is_bound() {
    let (_folder, path) = made(
        "CREATE TABLE t (id INTEGER, day TEXT, rate REAL); INSERT INTO t VALUES (1, '2026-11-05', 0.5), (2, 'x'' OR 1', 0.25)",
    );
    let sql = "-- a query\nSELECT id, sum(rate) AS \"rate of it\", ':no' AS t FROM t\nWHERE day = :day AND rate >= :rate \
               GROUP BY id -- end";
    let params = [("day", text("x' OR 1")), ("rate", number("0.25"))];
    let mut source = query(&path, sql, &params);
    assert_eq!(all(&mut source, &["id", "rate of it", "t"], 1), ["2|0.25|:no"]);
    let day = [("day", Value::Date(recon::domain::parse_date("2026-11-05").expect("date")))];
    assert_eq!(all(&mut query(&path, "SELECT id FROM t WHERE day = :day;", &day), &["id"], 1), ["1"]);
    let exact = [("rate", number("0.1234567890123456789"))];
    usage(query(&path, "SELECT id FROM t WHERE rate > :rate", &exact).open(&Wish::default()), "0.1234567890123456789");
    usage(query(&path, "SELECT :day", &[]).open(&Wish::default()), ":day");
    for unnamed in
        ["SELECT id FROM t WHERE id = ?", "SELECT id FROM t WHERE id = @id", "SELECT id FROM t WHERE id = $1"]
    {
        usage(query(&path, unnamed, &[]).open(&Wish::default()), "parameter");
    }
}

#[test]
fn what_is_wrong_is_named_with_what_there_is() {
    let (folder, path) =
        made("CREATE TABLE orders (id INTEGER PRIMARY KEY); CREATE VIEW paid AS SELECT id FROM orders");
    let missing = usage(table(&path, "order").open(&Wish::default()), "`order`");
    assert!(missing.hint.expect("hint").starts_with("the tables are orders, paid"));
    let absent = folder.path().join("none.db");
    usage(table(&absent, "t").open(&Wish::default()), "none.db");
    assert!(!absent.exists(), "no file is made");
    let wrong = folder.path().join("wrong.db");
    std::fs::write(&wrong, "id,net\n1,2\n".repeat(100)).expect("writes");
    usage(table(&wrong, "t").open(&Wish::default()), "not a SQLite database");
    usage(query(&path, "DELETE FROM orders", &[]).open(&Wish::default()), "DELETE");
    usage(query(&path, "SELECT 1; DROP TABLE orders", &[]).open(&Wish::default()), "DROP");
    usage(query(&path, "SELECT 1) AS q; DROP TABLE orders; --", &[]).open(&Wish::default()), "DROP");
    usage(query(&path, "SELECT id FROM", &[]).open(&Wish::default()), "incomplete input");
    usage(query(&path, "SELECT nope FROM orders", &[]).open(&Wish::default()), "nope");
    usage(query(&path, "SELECT id, 1 AS id FROM orders", &[]).open(&Wish::default()), "`id`");
    usage(query(&path, "WITH a AS (SELECT 1) DELETE FROM orders", &[]).open(&Wish::default()), "DELETE");
    let none = SqliteSource::new(path.clone(), Target::default(), Settings::default()).open(&Wish::default());
    assert!(usage(none, "which table").hint.expect("hint").contains("orders"));
    let mut source = table(&path, "orders");
    open(&mut source);
    // SQLite alone would take an unknown name in double quotes for a text.
    let error = read(&mut source, &request(&["nope"], 1)).expect_err("unknown column");
    assert_eq!((error.class, error.hint.as_deref()), (ErrorClass::Usage, Some("the columns are id")));
    let mut filtered = request(&["id"], 1);
    filtered.filter = Some(Filter::parse("nope = 1").expect("parses"));
    assert_eq!(read(&mut source, &filtered).expect_err("unknown column").class, ErrorClass::Usage);
}

#[test]
fn a_read_shows_one_moment_until_a_fresh_one_is_asked_for() {
    for mode in ["WAL", "DELETE"] {
        let (_folder, path) = made(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)"
        ));
        let mut source = table(&path, "t");
        let opened = open(&mut source);
        let taken_at = opened.snapshot.taken_at.expect("a moment");
        assert!(opened.snapshot.consistent && taken_at > 1_700_000_000_000_000_000);
        if mode == "WAL" {
            run(&path, "INSERT INTO t VALUES (2)");
            assert_eq!(shown(&read(&mut source, &request(&["id"], 1)).expect("reads")), ["1"]);
            let mut fresh = request(&["id"], 1);
            fresh.fresh = true;
            assert_eq!(shown(&read(&mut source, &fresh).expect("reads")), ["1", "2"]);
        } else {
            assert_eq!(shown(&read(&mut source, &request(&["id"], 1)).expect("reads")), ["1"]);
        }
    }
}

#[test]
fn an_error_in_the_middle_is_no_end() {
    let (_folder, path) = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, '{}' FROM n;
         UPDATE t SET v = '{' WHERE id = 4500",
    );
    let mut source = query(&path, "SELECT id, json_extract(v, '$.a') AS a FROM t", &[]);
    open(&mut source);
    let error = read(&mut source, &request(&["id", "a"], 1)).expect_err("malformed");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("after 4499 records") && error.what.contains("malformed JSON"), "{error}");

    let mut bytes = std::fs::read(&path).expect("reads");
    let half = bytes.len() / 2;
    bytes[half..].fill(0x55);
    std::fs::write(&path, bytes).expect("writes");
    let mut source = table(&path, "t");
    open(&mut source);
    let error = read(&mut source, &request(&["id", "v"], 1)).expect_err("damaged");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("malformed"), "{error}");
}

#[test]
fn a_wal_database_without_its_index_file_is_explained() {
    let (folder, path) = made("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY)");
    // Stands for a folder without write permission, which a test run by root cannot have.
    std::os::unix::fs::symlink("/nowhere/at/all", folder.path().join("side.db-shm")).expect("link");
    let error = table(&path, "t").open(&Wish::default()).expect_err("no -shm");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("-shm")), "{error} {:?}", error.hint);
}

#[test]
fn a_table_in_key_order_is_walked_by_its_index() {
    let (_folder, path) = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v); CREATE INDEX i ON t (k);
         CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    for (table, key, filter) in
        [("t", "id", "\"id\" >= 5"), ("t", "k", "\"k\" >= 'a'"), ("w", "k", "\"k\" IN ('a', 'b')")]
    {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT \"{key}\", \"v\" FROM (SELECT \"{key}\" COLLATE BINARY AS \"{key}\", \"v\" COLLATE BINARY AS \
             \"v\" FROM \"{table}\") AS r WHERE {filter} ORDER BY \"{key}\""
        );
        let plan: Vec<String> = runtime.block_on(async {
            let mut connection =
                sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.expect("connects");
            let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("plans");
            rows.iter().map(|row| sqlx::Row::get::<String, _>(row, 3)).collect()
        });
        let plan = plan.join("; ");
        assert!(plan.contains("SEARCH") && !plan.contains("TEMP B-TREE"), "{table} {key}: {plan}");
    }
}

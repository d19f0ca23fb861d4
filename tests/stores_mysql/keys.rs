//! Key order, ranges, lists of keys, conditions, queries and their parameters.

use super::*;

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
            assert_eq!(shown(&mut source, &only), std::slice::from_ref(from), "{definition}");
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
fn the_session_does_not_change_what_a_query_means() {
    let database = Database::new("SELECT 1");
    let sql = "SELECT @@sql_mode = @@GLOBAL.sql_mode AS mode, 1 || 0 AS pipes, 'a\\'b' AS text, @@time_zone AS zone, \
               @@tx_isolation AS level, @@net_write_timeout >= 3600 AS patient";
    let sql =
        if is_mariadb(&database) { sql.to_owned() } else { sql.replace("@@tx_isolation", "@@transaction_isolation") };
    let mut source = database.query(&sql, &[]);
    open(&mut source).expect("opens");
    let columns = ["mode", "pipes", "text", "zone", "level", "patient"];
    assert_eq!(shown(&mut source, &request(&columns, 0)), ["1|1|a'b|+00:00|REPEATABLE-READ|1"]);
}

#[test]
fn a_locked_table_does_not_hold_us_for_ever() {
    let database = Database::new("CREATE TABLE t (id INT PRIMARY KEY)");
    database.session(&database.url(), async |connection| {
        connection.execute("LOCK TABLES t WRITE").await.expect("locks");
        let target = Target { table: Some("t".into()), ..Target::default() };
        let settings = Settings { read_timeout: Duration::from_millis(300), ..Settings::default() };
        let error = std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let mut source = database.with(target, settings);
                open(&mut source).and_then(|_| read(&mut source, &request(&["id"], 1)).1)
            });
            reading.join().expect("no panic")
        });
        let error = error.expect_err("locked");
        assert!(error.class == ErrorClass::Failed && error.what.contains("0.3 s"), "{error}");
    });
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

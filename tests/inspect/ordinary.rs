//! What data scientists write every day passes.

use recon::stores::inspect::{StoreKind, examine};

/// The queries of a file, between lines of dashes.
pub fn texts(file: &'static str) -> Vec<&'static str> {
    file.split("\n----\n").map(str::trim_end).collect()
}

pub const MYSQL: &str = include_str!("ordinary/mysql.sql");
/// What MySQL 8 has and MariaDB has not: examined, and not run.
pub const MYSQL_8: &str = include_str!("ordinary/mysql8.sql");
pub const POSTGRES: &str = include_str!("ordinary/postgres.sql");
pub const SQLITE: &str = include_str!("ordinary/sqlite.sql");
pub const MONGO: &str = include_str!("ordinary/mongo.json");

fn all_pass(kind: StoreKind, file: &'static str, least: usize) {
    let texts = texts(file);
    assert!(texts.len() >= least, "{} of {least}", texts.len());
    let refused: Vec<String> = texts
        .iter()
        .filter_map(|text| examine(kind, text, Some("payout")).err().map(|refusal| format!("{text}\n    {refusal}")))
        .collect();
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
}

#[test]
fn ordinary_queries_of_mysql_pass() {
    all_pass(StoreKind::MySql, MYSQL, 60);
    all_pass(StoreKind::MySql, MYSQL_8, 5);
}

#[test]
fn ordinary_queries_of_postgres_pass() {
    all_pass(StoreKind::Postgres, POSTGRES, 60);
}

#[test]
fn ordinary_queries_of_sqlite_pass() {
    all_pass(StoreKind::Sqlite, SQLITE, 60);
}

#[test]
fn ordinary_pipelines_pass() {
    all_pass(StoreKind::Mongo, MONGO, 30);
}

#[test]
fn parameters_are_named_once_each() {
    let examined = examine(StoreKind::Postgres, "SELECT :b, :a, x::date, ':c' FROM t WHERE :b > 1 -- :d", None);
    assert_eq!(examined.expect("passes").params, ["b", "a"]);
    let text = r#"[{"$match": {"a": {"$param": "on"}, "b": {"$in": [{"$param": "on"}, {"$param": "net"}]}}}]"#;
    assert_eq!(examine(StoreKind::Mongo, text, Some("c")).expect("passes").params, ["on", "net"]);
}

#[test]
fn long_texts_neither_pass_unread_nor_end_recon() {
    for kind in [StoreKind::MySql, StoreKind::Postgres, StoreKind::Sqlite] {
        let chain = |count: usize| format!("SELECT 1{}", "+1".repeat(count));
        assert!(examine(kind, &chain(30_000), None).is_ok(), "{kind:?}");
        assert!(examine(kind, &chain(40_000), None).is_err(), "longer than is read");
        let nested = |count: usize| format!("SELECT {}1{}", "(".repeat(count), ")".repeat(count));
        assert!(examine(kind, &nested(40), None).is_ok(), "{kind:?}");
        assert!(examine(kind, &nested(20_000), None).is_err(), "{kind:?}");
        let subqueries = |count: usize| format!("SELECT {}1{}", "(SELECT ".repeat(count), ")".repeat(count));
        assert!(examine(kind, &subqueries(11), None).is_ok(), "{kind:?}");
        assert!(examine(kind, &subqueries(5_000), None).is_err(), "{kind:?}");
        let unions = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(3_000));
        assert!(examine(kind, &unions, None).is_ok(), "{kind:?}");
        let cases = format!("SELECT {}0{}", "CASE WHEN 1 = 1 THEN 1 ELSE ".repeat(30), " END".repeat(30));
        assert!(examine(kind, &cases, None).is_ok(), "{kind:?}");
    }
    let deep = |count: usize| format!("[{{\"$match\": {}1{}}}]", "{\"a\":".repeat(count), "}".repeat(count));
    assert!(examine(StoreKind::Mongo, &deep(50), Some("c")).is_ok());
    assert!(examine(StoreKind::Mongo, &deep(10_000), Some("c")).is_err());
}

/// A parser that tries one way after the other can be kept busy for ever by a short text. Were one of these not bounded,
/// this test would not end.
#[test]
fn no_short_text_keeps_the_examiner_busy() {
    let openers = [
        "CAST(",
        "EXTRACT(",
        "coalesce(",
        "EXISTS(",
        "POSITION(",
        "TRIM(",
        "1 IN (",
        "ROW(",
        "CASE WHEN (",
        "NOT EXISTS(",
        "ARRAY(",
        "INTERVAL (",
        "CONVERT(",
        "SUBSTRING(",
        "(SELECT * FROM (",
        "1 = ANY (",
        "- (",
        "count(*) OVER (PARTITION BY ",
        "LATERAL (",
        "(SELECT * FROM ((",
        "(SELECT 1 FROM t, LATERAL (SELECT * FROM (",
        "(t JOIN (SELECT * FROM ((",
        "(SELECT (SELECT 1 FROM ((",
    ];
    for kind in [StoreKind::MySql, StoreKind::Postgres, StoreKind::Sqlite] {
        for opener in openers {
            for count in [12, 400] {
                let (open, close) = (opener.repeat(count), ")".repeat(count * opener.matches('(').count()));
                let texts = [
                    format!("SELECT {open}1{close}"),
                    format!("SELECT {open}1 1{close}"),
                    format!("SELECT 1 FROM {open}t{close}"),
                    format!("SELECT 1 FROM {open}1 1{close}"),
                    format!("SELECT {open}"),
                ];
                for text in texts {
                    let _ = examine(kind, &text, None);
                }
            }
        }
    }
}

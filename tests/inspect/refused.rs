//! What is refused without being sent, and the sentence that says why.

use recon::stores::inspect::{StoreKind, examine};

use crate::ordinary::texts;

/// No SQL store runs these.
pub const EVERY: &str = include_str!("refused/every.sql");
pub const MYSQL: &str = include_str!("refused/mysql.sql");
pub const POSTGRES: &str = include_str!("refused/postgres.sql");
pub const SQLITE: &str = include_str!("refused/sqlite.sql");
pub const MONGO: &str = include_str!("refused/mongo.json");

/// Each text with what is said about it.
fn said(kind: StoreKind, file: &'static str) -> (usize, String) {
    let texts = texts(file);
    let mut passed = Vec::new();
    let lines: Vec<String> = texts
        .iter()
        .map(|text| match examine(kind, text, Some("payout")) {
            Ok(_) => {
                passed.push(*text);
                String::new()
            }
            Err(refusal) => {
                let hint = refusal.hint.as_deref().unwrap_or("no hint");
                format!("{}\n    {refusal}\n    {hint}\n", text.trim_end())
            }
        })
        .collect();
    assert!(passed.is_empty(), "{kind:?} passed:\n{}", passed.join("\n"));
    (texts.len(), lines.join("\n"))
}

#[test]
fn what_no_sql_store_runs_is_refused_with_its_reason() {
    let (count, postgres) = said(StoreKind::Postgres, EVERY);
    assert!(count >= 80, "{count}");
    said(StoreKind::MySql, EVERY);
    said(StoreKind::Sqlite, EVERY);
    insta::assert_snapshot!("every", postgres);
}

#[test]
fn what_mysql_must_not_run_is_refused_with_its_reason() {
    insta::assert_snapshot!("mysql", said(StoreKind::MySql, MYSQL).1);
}

#[test]
fn what_postgres_must_not_run_is_refused_with_its_reason() {
    insta::assert_snapshot!("postgres", said(StoreKind::Postgres, POSTGRES).1);
}

#[test]
fn what_sqlite_must_not_run_is_refused_with_its_reason() {
    insta::assert_snapshot!("sqlite", said(StoreKind::Sqlite, SQLITE).1);
}

#[test]
fn what_mongodb_must_not_run_is_refused_with_its_reason() {
    insta::assert_snapshot!("mongo", said(StoreKind::Mongo, MONGO).1);
}

#[test]
fn a_pipeline_needs_its_collection() {
    let refusal = examine(StoreKind::Mongo, "[]", None).expect_err("which collection?");
    assert!(refusal.what.contains("collection"), "{refusal}");
}

/// The names that must not be called are refused in every spelling and every place that takes an expression.
#[test]
fn no_spelling_hides_a_forbidden_function() {
    let names = [
        (
            StoreKind::MySql,
            vec!["load_file", "sleep", "benchmark", "get_lock", "release_lock", "master_pos_wait", "my_own"],
        ),
        (
            StoreKind::Postgres,
            vec![
                "pg_sleep",
                "pg_read_file",
                "pg_ls_dir",
                "lo_import",
                "lo_export",
                "dblink",
                "set_config",
                "nextval",
                "my_own",
            ],
        ),
        (StoreKind::Sqlite, vec!["load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "my_own"]),
    ];
    let places = [
        "SELECT {}(1)",
        "SELECT 1 + {}(1)",
        "SELECT -{}(1)",
        "SELECT NOT {}(1)",
        "SELECT ({}(1))",
        "SELECT abs({}(1))",
        "SELECT count({}(1)) FROM t",
        "SELECT count(DISTINCT {}(1)) FROM t",
        "SELECT count(*) OVER (PARTITION BY {}(1) ORDER BY a) FROM t",
        "SELECT count(*) OVER (ORDER BY {}(1)) FROM t",
        "SELECT count(*) OVER w FROM t WINDOW w AS (ORDER BY {}(1))",
        "SELECT CASE {}(1) WHEN 1 THEN 1 END",
        "SELECT CASE WHEN 1 = {}(1) THEN 1 END",
        "SELECT CASE WHEN 1 = 1 THEN 2 ELSE {}(1) END",
        "SELECT CAST({}(1) AS char)",
        "SELECT 1 WHERE 1 IN ({}(1), 2)",
        "SELECT 1 WHERE 1 IN (SELECT {}(1))",
        "SELECT 1 WHERE EXISTS (SELECT {}(1))",
        "SELECT 1 WHERE {}(1) BETWEEN 1 AND 2",
        "SELECT 1 WHERE 1 BETWEEN {}(1) AND 2",
        "SELECT 1 WHERE 'a' LIKE {}(1)",
        "SELECT 1 WHERE {}(1) IS NULL",
        "SELECT a FROM t WHERE {}(1) > 0",
        "SELECT a FROM t GROUP BY {}(1)",
        "SELECT a FROM t GROUP BY a HAVING {}(1) > 0",
        "SELECT a FROM t ORDER BY {}(1) DESC",
        "SELECT a FROM t LIMIT {}(1)",
        "SELECT a FROM t LIMIT 1 OFFSET {}(1)",
        "SELECT a FROM t JOIN u ON {}(1) = 1",
        "SELECT a FROM t LEFT JOIN (u JOIN v ON {}(1) = 1) ON 1 = 1",
        "SELECT a FROM (SELECT {}(1) AS a) AS t",
        "SELECT a FROM t WHERE a = (SELECT {}(1))",
        "WITH x AS (SELECT {}(1)) SELECT * FROM x",
        "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT {}(1) FROM x) SELECT * FROM x",
        "SELECT 1 UNION ALL SELECT {}(1)",
        "(SELECT {}(1))",
        "VALUES ({}(1))",
        "SELECT DISTINCT {}(1) FROM t",
        "SELECT * FROM {}(1)",
        "SELECT * FROM t, {}(1) AS x",
        "SELECT * FROM t JOIN {}(1) AS x ON 1 = 1",
        "SELECT trim({}(1))",
        "SELECT substring({}(1), 1, 2)",
        "SELECT substring('a' FROM {}(1))",
        "SELECT extract(year FROM {}(1))",
        "SELECT position('a' IN {}(1))",
        "SELECT coalesce(1, CASE WHEN 1 = 1 THEN (SELECT max({}(1)) FROM t) END)",
        "SELECT (1, {}(1)) = (1, 2)",
        "SELECT {}(DISTINCT 1)",
        "SELECT {}(*)",
        "SELECT {}()",
    ];
    let mut passed = Vec::new();
    for (kind, names) in names {
        for name in names {
            let mixed: String =
                name.chars().enumerate().map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
            let mut spellings = vec![
                name.to_owned(),
                name.to_uppercase(),
                mixed,
                format!("{name} "),
                format!("{name}\t\n"),
                format!("{name}/**/"),
                format!("{name} -- x\n"),
                format!("pg_catalog.{name}"),
                format!("pg_catalog . {name}"),
                format!("main.{name}"),
            ];
            spellings.extend(match kind {
                StoreKind::Postgres => vec![format!("\"{name}\""), format!("\"pg_catalog\".\"{name}\"")],
                StoreKind::Sqlite => vec![format!("\"{name}\""), format!("[{name}]"), format!("`{name}`")],
                _ => vec![format!("`{name}`"), format!("`shop`.`{name}`")],
            });
            for spelling in &spellings {
                for place in places {
                    let text = place.replace("{}", spelling);
                    if examine(kind, &text, None).is_ok() {
                        passed.push(format!("{kind:?}: {text}"));
                    }
                }
            }
        }
    }
    assert!(passed.is_empty(), "{} passed:\n{}", passed.len(), passed.join("\n"));
}

/// The same for what writes or runs code in a pipeline.
#[test]
fn no_depth_hides_a_forbidden_stage_or_operator() {
    let places = [
        r#"[{"{}": {"a": 1}}]"#,
        r#"[{"$match": {"{}": "x"}}]"#,
        r#"[{"$match": {"a": {"{}": "x"}}}]"#,
        r#"[{"$match": {"$and": [{"$or": [{"{}": "x"}]}]}}]"#,
        r#"[{"$match": {"a": {"$elemMatch": {"{}": "x"}}}}]"#,
        r#"[{"$match": {"a": {"$not": {"{}": "x"}}}}]"#,
        r#"[{"$match": {"$expr": {"{}": {"a": 1}}}}]"#,
        r#"[{"$match": {"$expr": {"$gt": [{"{}": {"a": 1}}, 1]}}}]"#,
        r#"[{"$project": {"a": {"{}": {"b": 1}}}}]"#,
        r#"[{"$addFields": {"a": {"$cond": [true, {"{}": {"b": 1}}, 1]}}}]"#,
        r#"[{"$group": {"_id": {"{}": {"b": 1}}}}]"#,
        r#"[{"$group": {"_id": null, "a": {"{}": {"b": 1}}}}]"#,
        r#"[{"$group": {"_id": null, "a": {"$sum": {"{}": {"b": 1}}}}}]"#,
        r#"[{"$lookup": {"from": "c", "pipeline": [{"{}": "x"}], "as": "x"}}]"#,
        r#"[{"$lookup": {"from": "c", "let": {"v": {"{}": "x"}}, "pipeline": [], "as": "x"}}]"#,
        r#"[{"$lookup": {"from": "c", "pipeline": [{"$facet": {"a": [{"$unionWith": {"coll": "d", "pipeline": [{"{}": "x"}]}}]}}], "as": "x"}}]"#,
        r#"[{"$facet": {"a": [{"$match": {}}, {"{}": "x"}]}}]"#,
        r#"[{"$unionWith": {"coll": "c", "pipeline": [{"{}": "x"}]}}]"#,
        r#"[{"$setWindowFields": {"output": {"a": {"{}": {"b": 1}}}}}]"#,
        r#"[{"$bucket": {"groupBy": {"{}": "x"}, "boundaries": [0, 1]}}]"#,
        r#"[{"$replaceRoot": {"newRoot": {"{}": "x"}}}]"#,
        r#"[{"$redact": {"{}": "x"}}]"#,
        r#"[{"$sortByCount": {"{}": "x"}}]"#,
        r#"[{"$graphLookup": {"from": "c", "startWith": {"{}": "x"}, "connectFromField": "a", "connectToField": "b", "as": "g"}}]"#,
        r#"[{"$match": {"a": {"$literal": {"{}": 1}}}}]"#,
        r#"{"collection": "payout", "pipeline": [], "let": {"v": {"{}": "x"}}}"#,
    ];
    let mut passed = Vec::new();
    for name in ["$out", "$merge", "$function", "$accumulator", "$where", "$_internalJsEmit", "$unknown"] {
        for place in places {
            for spelling in [name.to_owned(), format!("\\u0024{}", &name[1..])] {
                let text = place.replace("{}", &spelling);
                if examine(StoreKind::Mongo, &text, Some("payout")).is_ok() {
                    passed.push(text);
                }
            }
        }
    }
    assert!(passed.is_empty(), "{} passed:\n{}", passed.len(), passed.join("\n"));
}

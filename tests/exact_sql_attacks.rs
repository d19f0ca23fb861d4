//! What once went wrong: rows that appeared or vanished because polars' optimizer read the plan otherwise than SQL
//! does, NULL that joined NULL, columns without any value, closed days of the wrong column.

#![allow(clippy::expect_used)]

mod exact_tables;

use exact_tables::{Tables, run};
use polars::prelude::{Column, DataFrame, DataType};

fn sides() -> Tables {
    let columns = "id integer, x integer, d date, k decimal(9,2), t text";
    Tables::new()
        .table("a", columns, "1 10 2026-01-01 1.00 x\n2 20 2026-01-05 2.00 y\n3 NULL NULL NULL NULL")
        .table("b", columns, "1 15 2026-01-02 1.00 x\n2 5 2026-01-04 3.00 z")
        .table("none", columns, "")
}

#[test]
fn an_aggregate_without_keys_is_one_row_whether_it_is_read_or_not() {
    let t = sides();
    let with = |one: &str| {
        run(&t, &format!("SELECT a.id, SUM(a.x) AS n FROM a CROSS JOIN ({one}) AS m WHERE a.id < 3 GROUP BY a.id"))
    };
    for one in [
        "SELECT MAX(d) AS last FROM b",
        "SELECT MAX(d) AS last FROM none",
        "SELECT COUNT(*) AS c FROM b",
        "SELECT COUNT(*) AS c FROM none",
        "SELECT SUM(k) AS s FROM b WHERE id > 100",
        "SELECT COUNT(*) AS c FROM b HAVING COUNT(*) = 2",
        "SELECT 7 AS seven",
    ] {
        assert_eq!(with(one), "id|n\n1|10\n2|20", "{one}");
        assert_eq!(run(&t, &format!("SELECT COUNT(*) AS n FROM ({one}) AS m")), "n\n1", "{one}");
    }
    let thrice =
        "WITH m AS (SELECT COUNT(*) AS c FROM b) SELECT COUNT(*) AS n FROM m AS x CROSS JOIN m AS y CROSS JOIN m AS z";
    assert_eq!(run(&t, thrice), "n\n1");
    let rows = "WITH m AS (SELECT id AS c FROM b) SELECT COUNT(*) AS n FROM m AS x CROSS JOIN m AS y CROSS JOIN m AS z";
    assert_eq!(run(&t, rows), "n\n8");
    assert_eq!(run(&t, "SELECT COUNT(*) AS n FROM (SELECT COUNT(*) AS c FROM b HAVING COUNT(*) > 5) AS m"), "n\n0");
    assert_eq!(run(&t, "SELECT COUNT(*) AS n FROM (SELECT id, COUNT(*) AS c FROM b GROUP BY id) AS m"), "n\n2");
    assert_eq!(
        run(&t, "SELECT COUNT(*) AS n FROM (SELECT MAX(x) AS c FROM none UNION ALL SELECT x FROM b) AS m"),
        "n\n3"
    );
}

#[test]
fn null_joins_nothing_however_many_keys_there_are() {
    for (ty, keys) in [
        ("integer", 1),
        ("integer", 3),
        ("integer", 4),
        ("text", 5),
        ("decimal(20,0)", 1),
        ("decimal(20,0)", 2),
        ("decimal(38,2)", 3),
        ("date", 4),
    ] {
        let names: Vec<String> = (0..keys).map(|at| format!("k{at}")).collect();
        let columns = names.iter().map(|name| format!(", {name} {ty}")).collect::<String>();
        let nulls = " NULL".repeat(keys);
        let t = Tables::new().table("l", &format!("id integer{columns}"), &format!("1{nulls}\n2{nulls}")).table(
            "r",
            &format!("fee integer{columns}"),
            &format!("7{nulls}"),
        );
        let on = names.iter().map(|name| format!("l.{name} = r.{name}")).collect::<Vec<_>>().join(" AND ");
        let case = format!("{keys} keys of type {ty}");
        assert_eq!(run(&t, &format!("SELECT id, fee FROM l JOIN r ON {on}")), "id|fee", "{case}");
        assert_eq!(run(&t, &format!("SELECT id, fee FROM l LEFT JOIN r ON {on}")), "id|fee\n1|NULL\n2|NULL", "{case}");
        assert_eq!(run(&t, &format!("SELECT id, fee FROM l RIGHT JOIN r ON {on}")), "id|fee\nNULL|7", "{case}");
        assert_eq!(
            run(&t, &format!("SELECT id, fee FROM l FULL JOIN r ON {on}")),
            "id|fee\n1|NULL\n2|NULL\nNULL|7",
            "{case}"
        );
        assert_eq!(run(&t, &format!("SELECT id FROM l LEFT SEMI JOIN r ON {on}")), "id", "{case}");
        assert_eq!(run(&t, &format!("SELECT id FROM l LEFT ANTI JOIN r ON {on}")), "id\n1\n2", "{case}");
        let and = names.iter().map(|name| format!("l.{name} = r.{name}")).collect::<Vec<_>>().join(" AND ");
        assert_eq!(run(&t, &format!("SELECT id FROM l CROSS JOIN r WHERE {and}")), "id", "{case}");
    }
}

#[test]
fn a_comparison_across_a_join_stays_one() {
    let t = sides();
    let ask = |condition: &str| run(&t, &format!("SELECT a.id, b.id AS o FROM a CROSS JOIN b WHERE {condition}"));
    assert_eq!(ask("a.d < b.d"), "id|o\n1|1\n1|2");
    assert_eq!(ask("NOT (b.id > a.id)"), "id|o\n1|1\n2|1\n2|2\n3|1\n3|2");
    assert_eq!(ask("a.x >= b.x AND a.k <= b.k"), "id|o\n1|2\n2|2");
    assert_eq!(ask("a.x > b.x AND a.x < b.x + 6"), "id|o\n1|2\n2|1");
    assert_eq!(ask("a.d BETWEEN b.d AND DATE '2026-12-31'"), "id|o\n2|1\n2|2");
    assert_eq!(ask("b.x BETWEEN a.x AND a.x + 10"), "id|o\n1|1");
    assert_eq!(ask("a.t < b.t"), "id|o\n1|2\n2|2");
    assert_eq!(ask("a.k = b.k"), "id|o\n1|1");
    assert_eq!(ask("a.k <> b.k OR a.t = b.t"), "id|o\n1|1\n1|2\n2|1\n2|2");
    assert_eq!(run(&t, "SELECT a.id FROM a JOIN b ON a.k = b.k AND a.d <= b.d"), "id\n1");
    let one = "SELECT a.id FROM a CROSS JOIN (SELECT MAX(d) AS last, COUNT(*) AS n FROM b) AS m WHERE";
    assert_eq!(run(&t, &format!("{one} a.d <= m.last")), "id\n1");
    assert_eq!(run(&t, &format!("{one} a.id < m.n")), "id\n1");
}

#[test]
fn a_constant_sorts_and_groups_no_rows() {
    let t = sides();
    for from in ["none", "a WHERE id > 100"] {
        for order in ["substr('a', 1, 1), id", "2, 1", "c, x"] {
            let sql = format!("SELECT id, substr('a', 1, 1) AS c, x FROM {from} ORDER BY {order} LIMIT 3");
            assert_eq!(run(&t, &sql), "id|c|x", "{sql}");
        }
        let below = format!(
            "SELECT id FROM (SELECT id, CASE WHEN 1 > 0 THEN UPPER('a') ELSE t END AS c FROM {from} ORDER BY c LIMIT 3) AS q"
        );
        assert_eq!(run(&t, &below), "id");
        assert_eq!(run(&t, &format!("SELECT substr('ab', 1, 1) AS c, COUNT(*) AS n FROM {from} GROUP BY 1")), "c|n");
    }
    assert_eq!(run(&t, "SELECT id, substr('a', 1, 1) AS c FROM a ORDER BY c, id DESC"), "id|c\n3|a\n2|a\n1|a");
    assert_eq!(run(&t, "SELECT substr('ab', 1, 1) AS c, COUNT(*) AS n FROM a GROUP BY 1"), "c|n\na|3");
    // What has no value is asked for by rows only.
    assert_eq!(run(&t, "SELECT CASE WHEN id < 100 THEN 1 ELSE CAST(UPPER('x') AS BIGINT) END AS c FROM b"), "c\n1\n1");
}

/// Columns `a`, `b`, `c` without a value, as an input has them of which no record has the field.
fn hollow(rows: usize) -> Tables {
    let nulls = |name: &str| Column::full_null(name.into(), rows, &DataType::Null);
    let ids = Column::new("id".into(), (1..=rows as i64).collect::<Vec<_>>());
    let frame = DataFrame::new(rows, vec![ids, nulls("a"), nulls("b"), nulls("c")]).expect("a frame");
    let mut tables = sides();
    tables.frames.push(("h".into(), frame));
    tables
}

#[test]
fn a_column_without_any_value_is_a_column() {
    let grouped = [
        ("SELECT a, COUNT(*) AS n FROM h GROUP BY a", "a|n", "NULL|2"),
        (
            "SELECT a, b, SUM(c) AS s, COUNT(c) AS n, MIN(c) AS m FROM h GROUP BY a, b",
            "a|b|s|n|m",
            "NULL|NULL|NULL|0|NULL",
        ),
        ("SELECT b, SUM(id) AS s FROM h GROUP BY 1 HAVING SUM(id) > 0 ORDER BY b", "b|s", "NULL|3"),
        ("SELECT a || 'x' AS k, COUNT(DISTINCT b) AS n FROM h GROUP BY a || 'x'", "k|n", "NULL|0"),
        ("SELECT COALESCE(a, 0) + 1 AS k, MAX(id) AS n FROM h GROUP BY a", "k|n", "1|2"),
        ("SELECT DISTINCT a, b FROM h", "a|b", "NULL|NULL"),
        ("SELECT a FROM h UNION SELECT b FROM h", "a", "NULL"),
        ("SELECT a FROM h UNION SELECT t FROM b WHERE id > 100", "a", "NULL"),
    ];
    for (sql, head, row) in grouped {
        assert_eq!(run(&hollow(0), sql), head, "{sql}");
        assert_eq!(run(&hollow(2), sql), format!("{head}\n{row}"), "{sql}");
    }
    let plain = [
        ("SELECT id, a FROM h ORDER BY a, id", "id|a", "1|NULL\n2|NULL"),
        ("SELECT a + 1 AS x, a * 0.5 AS y, -a AS z FROM h", "x|y|z", "NULL|NULL|NULL\nNULL|NULL|NULL"),
        ("SELECT CASE WHEN a = 1 THEN 'one' WHEN a IS NULL THEN 'none' END AS x FROM h", "x", "none\nnone"),
        ("SELECT CASE WHEN a THEN 1 ELSE 2 END AS x FROM h", "x", "2\n2"),
        ("SELECT id FROM h WHERE a > 1 OR b = 'x' OR c < DATE '2026-01-01'", "id", ""),
        ("SELECT id FROM h WHERE a = b OR a <> id", "id", ""),
        ("SELECT id FROM h WHERE a IS NOT DISTINCT FROM b AND (a IN (1, 2)) IS NOT TRUE", "id", "1\n2"),
        (
            "SELECT UPPER(a) AS u, LENGTH(a) AS l, substr(a, 1, 1) AS s, trim(a) AS t FROM h WHERE (a LIKE 'x%') IS NOT TRUE",
            "u|l|s|t",
            "NULL|NULL|NULL|NULL\nNULL|NULL|NULL|NULL",
        ),
        (
            "SELECT month_end(a) AS m, EXTRACT(YEAR FROM a) AS y, add_days(a, 1) AS d FROM h",
            "m|y|d",
            "NULL|NULL|NULL\nNULL|NULL|NULL",
        ),
        ("SELECT h.id, b.t FROM h JOIN b ON h.a = b.k", "id|t", ""),
        ("SELECT h.id, b.t FROM h LEFT JOIN b ON h.a = b.t AND h.b = b.id", "id|t", "1|NULL\n2|NULL"),
        ("SELECT h.id FROM h LEFT SEMI JOIN b ON h.a = b.k", "id", ""),
        ("SELECT h.id FROM h LEFT ANTI JOIN b ON h.a = b.k", "id", "1\n2"),
        ("SELECT h.id FROM h JOIN h AS o ON h.a = o.b", "id", ""),
        ("SELECT h.id, o.c FROM h LEFT JOIN h AS o ON h.id = o.id", "id|c", "1|NULL\n2|NULL"),
    ];
    for (sql, head, rows) in plain {
        assert_eq!(run(&hollow(0), sql), head, "{sql}");
        let wanted = if rows.is_empty() { head.to_owned() } else { format!("{head}\n{rows}") };
        assert_eq!(run(&hollow(2), sql), wanted, "{sql}");
    }
    let refusal = hollow(2).compile("SELECT b, COUNT(*) AS n FROM h GROUP BY a").expect_err("b is no key");
    assert_eq!(refusal.what, "`b` is neither in GROUP BY nor inside an aggregate");
}

#[test]
fn closed_days_are_in_the_column_that_is_named() {
    let t = Tables::new()
        .table("t", "d date", "2026-11-05")
        .table("one", "name text, day date", "party 2026-11-06")
        .table("two", "day date, observed date", "2026-11-06 2026-11-20");
    let pay = |holidays: &str| format!("SELECT add_business_days(d, 1, '{holidays}') AS pay FROM t");
    assert_eq!(run(&t, &pay("one")), "pay\n2026-11-09");
    assert_eq!(run(&t, &pay("One.Day")), "pay\n2026-11-09");
    assert_eq!(run(&t, &pay("two.day")), "pay\n2026-11-09");
    assert_eq!(run(&t, &pay("two.observed")), "pay\n2026-11-06");
    let both = "SELECT add_business_days(d, 1, 'two.day') AS a, add_business_days(d, 1, 'two.observed') AS b FROM t";
    assert_eq!(run(&t, both), "a|b\n2026-11-09|2026-11-06");
    let refused = |holidays: &str| {
        let refusal = t.compile(&pay(holidays)).expect_err(holidays);
        format!("{} -> {}", refusal.what, refusal.instead.unwrap_or_default())
    };
    assert_eq!(
        refused("two"),
        "the input `two` has 2 columns of type date: day, observed -> name the one of closed days: 'two.day'"
    );
    assert_eq!(refused("two.dya"), "the input `two` has no one column `dya` -> its columns are: day, observed");
    assert_eq!(
        refused("one.name"),
        "`one.name` is text, where a date is expected -> give the column the type date in the input"
    );
    assert_eq!(refused("tow"), "there is no input `tow` -> declare the table of closed days as an input");
    // A calendar without a day, as an input has it when its filter selects nothing.
    let mut empty = t.clone();
    let day = Column::full_null("day".into(), 0, &DataType::Null);
    empty.frames.push(("empty".into(), DataFrame::new(0, vec![day]).expect("a frame")));
    assert_eq!(run(&empty, &pay("empty.day")), "pay\n2026-11-06");
}

#[test]
fn an_input_is_not_renamed_by_position() {
    let t = sides();
    let refusal = t.compile("SELECT x.id FROM a AS x(id, net)").expect_err("a list of names");
    assert_eq!(refusal.what, "an input's columns have no order to be renamed by");
    assert_eq!(refusal.instead.as_deref(), Some("write (SELECT old AS new, … FROM a) AS x"));
    assert_eq!(run(&t, "SELECT y.n FROM (SELECT id, x FROM b) AS y(i, n)"), "n\n15\n5");
    assert_eq!(run(&t, "WITH y(i, n) AS (SELECT id, x FROM b) SELECT z.m FROM y AS z(j, m)"), "m\n15\n5");
}

#[test]
fn a_refusal_points_at_its_place() {
    let t = sides();
    let place = |sql: &str| t.compile(sql).expect_err(sql).in_file("cand.sql").what;
    assert_eq!(
        place("SELECT id,\n  x y z\nFROM a"),
        "cand.sql:2:7: the SQL does not parse: Expected: end of statement, found: z"
    );
    assert_eq!(place("SELECT id,\n  x * 2\nFROM a"), "cand.sql:2:3: `x * 2`: result column 2 has no name");
    assert_eq!(
        place("SELECT id,\n  x AS n,\n  k AS n\nFROM a"),
        "cand.sql:3:3: `k`: two result columns have the name `n`"
    );
    assert_eq!(
        place("WITH q AS (\n  SELECT x, k / 3 AS third FROM a\n)\nSELECT * FROM q"),
        "cand.sql:2:13: `k / 3`: a quotient has no exact decimal: its scale and rounding must be said"
    );
    assert_eq!(place(""), "cand.sql: the SQL is empty");
}

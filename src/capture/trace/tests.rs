use super::*;

fn names(tables: &[(&str, &[&str])]) -> HashMap<String, Named> {
    let table = |(name, columns): &(&str, &[&str])| {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        ((*name).to_owned(), Named::Table { id: (*name).to_owned(), columns })
    };
    tables.iter().map(table).collect()
}

fn shown(sql: &str, tables: &[(&str, &[&str])]) -> String {
    let trace = trace(sql, Language::Sqlite, &names(tables)).expect("a query");
    let usage = |at: usize| format!("{}{at}", trace.uses[at]);
    let mut lines: Vec<String> = Vec::new();
    for (name, origins) in &trace.columns {
        let origins: Vec<String> =
            origins.iter().map(|origin| format!("{}.{}", usage(origin.usage), origin.column)).collect();
        lines.push(format!("{name} <- {}", origins.join(" | ")).trim_end().to_owned());
    }
    for link in &trace.links {
        let pairs: Vec<String> = link.pairs.iter().map(|(a, b)| format!("{a}={b}")).collect();
        lines.push(format!("{} ~ {}: {}", usage(link.between.0), usage(link.between.1), pairs.join(" ")));
    }
    lines.join("\n")
}

#[test]
fn joins_definitions_unions_and_subqueries_are_followed() {
    let tables: &[(&str, &[&str])] =
        &[("t", &["id", "original", "merchant", "method"]), ("c", &["merchant", "method", "rate"]), ("d", &["day"])];
    let text = shown(
        "WITH s AS (SELECT t.*, date(1) AS day FROM t), p(k, o, r) AS (SELECT s.id, original, rate FROM s LEFT JOIN c ON \
         c.merchant = s.merchant AND c.method = s.method AND c.rate > 1) \
         SELECT u.k AS key, (SELECT COUNT(*) FROM t e WHERE e.original = u.o) AS n, d.day FROM \
         (SELECT k, o FROM p UNION ALL SELECT CAST(x.id AS TEXT), x.original FROM t x JOIN p ON p.k = x.original) u \
         LEFT JOIN d ON d.day = u.k + 1 WHERE u.k IN (SELECT id FROM t)",
        tables,
    );
    insta::assert_snapshot!(text, @"
    key <- t0.id | t2.id
    n <-
    day <- d5.day
    t0 ~ c1: merchant=merchant method=method
    t3 ~ c4: merchant=merchant method=method
    t2 ~ t3: original=id
    t0 ~ t6: id=id
    t2 ~ t6: id=id
    t0 ~ t7: original=original
    t2 ~ t7: original=original
    ");
}

#[test]
fn using_natural_or_and_quoted_names() {
    let tables: &[(&str, &[&str])] = &[("a", &["id", "x"]), ("b", &["id", "y"]), ("open", &[])];
    let using = shown("SELECT id, \"Y\" FROM a JOIN b USING (id)", tables);
    let natural = shown("SELECT a.id FROM a NATURAL JOIN b", tables);
    let either = shown("SELECT a.id FROM a, b WHERE a.id = b.id OR a.x = b.y AND 1 = 1", tables);
    let open =
        shown("SELECT v, coalesce(o.w, 0) AS w FROM open o WHERE EXISTS (SELECT 1 FROM a WHERE a.id = o.z)", tables);
    insta::assert_snapshot!([using, natural, either, open].join("\n---\n"), @"
    id <- a0.id | b1.id
    y <- b1.y
    a0 ~ b1: id=id
    ---
    id <- a0.id
    a0 ~ b1: id=id
    ---
    id <- a0.id
    a0 ~ b1: id=id
    a0 ~ b1: x=y
    ---
    v <- open0.v
    w <- open0.w
    open0 ~ a1: z=id
    ");
}

#[test]
fn what_is_no_query_or_names_what_is_not_there_is_said() {
    assert!(trace("DELETE FROM a", Language::Sqlite, &names(&[])).is_err());
    let error = trace("SELECT 1 FROM a.b", Language::Sqlite, &names(&[])).expect_err("no table");
    assert!(error.contains("`a.b`"), "{error}");
    let found =
        tables("WITH x AS (SELECT * FROM A) SELECT * FROM x, s.b WHERE 1 IN (SELECT 1 FROM c)", Language::MySql);
    assert_eq!(found.expect("a query"), ["a", "c", "s.b"]);
}

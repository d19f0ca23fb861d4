//! SQL made exact: values checked by hand, the known traps of polars, NULL, keys of different scales, and what must
//! end the run with its place.

mod exact_tables;

use exact_tables::{Tables, run, run_err};

#[test]
fn the_traps_of_polars_are_exact() {
    let tables =
        Tables::new().table("t", "a decimal(18,2), r decimal(9,4)", "33333.33 0.0825\n100000.00 0.1540\nNULL 1.0000");
    assert_eq!(run(&tables, "SELECT a * r AS x FROM t"), "x\n15400.000000\n2749.999725\nNULL");
    assert_eq!(run(&tables, "SELECT a * 0.154 AS x FROM t"), "x\n15400.00000\n5133.33282\nNULL");
    assert_eq!(
        run(&tables, "SELECT divide(a, 3, 4, 'half_up') AS x, divide(a, 3, 2, 'ceiling') AS y FROM t"),
        "x|y\n11111.1100|11111.11\n33333.3333|33333.34\nNULL|NULL"
    );
    assert_eq!(run(&tables, "SELECT SUM(a) AS s, COUNT(a) AS n, COUNT(*) AS m FROM t"), "s|n|m\n133333.33|2|3");
}

#[test]
fn integers_never_wrap() {
    let tables = Tables::new().table(
        "t",
        "a integer, b integer",
        "9223372036854775807 9223372036854775807\n1 -9223372036854775808",
    );
    assert_eq!(
        run(&tables, "SELECT a * b AS p, a + b AS s, a - b AS d, -b AS n FROM t"),
        "p|s|d|n\n-9223372036854775808|-9223372036854775807|9223372036854775809|9223372036854775808\n\
         85070591730234615847396907784232501249|18446744073709551614|0|-9223372036854775807"
    );
    assert_eq!(run(&tables, "SELECT SUM(a) AS s FROM t"), "s\n9223372036854775808");
}

#[test]
fn sums_of_38_digits_are_exact_or_fail() {
    let nines = "9".repeat(38);
    let half = format!("{}", 10i128.pow(38) / 2);
    let tables = Tables::new()
        .table("fits", "k integer, a decimal(38,0)", &format!("1 {nines}\n1 -{nines}\n1 {nines}\n2 -1"))
        .table("over", "k integer, a decimal(38,0)", &format!("1 {half}\n1 {half}\n2 7"));
    assert_eq!(run(&tables, "SELECT SUM(a) AS s FROM fits WHERE k = 1"), format!("s\n{nines}"));
    assert_eq!(run(&tables, "SELECT k, SUM(a) AS s FROM fits GROUP BY k"), format!("k|s\n1|{nines}\n2|-1"));
    let error = run_err(&tables, "SELECT k,\n  SUM(a) AS total\nFROM over GROUP BY k");
    assert_eq!(
        error,
        "the SQL has no exact result: a value has more than 38 digits, at `SUM(a)` (line 2, column 3) in column `total`"
    );
    assert_eq!(run(&tables, "SELECT SUM(a) AS s FROM over WHERE k = 2"), "s\n7");
}

#[test]
fn overflow_and_division_by_zero_name_the_place() {
    let nines = "9".repeat(38);
    let tables = Tables::new().table("t", "a decimal(38,0), b decimal(4,2)", &format!("{nines} 0.00\n1 2.00"));
    assert_eq!(
        run_err(&tables, "SELECT a + 1 AS next FROM t"),
        "the SQL has no exact result: a value has more than 38 digits, at `a + 1` (line 1, column 8) in column `next`"
    );
    assert_eq!(
        run_err(&tables, "SELECT divide(a, b, 0, 'down') AS q FROM t"),
        "the SQL has no exact result: division by zero, at `divide(a, b, 0, 'down')` (line 1, column 8) in column `q`"
    );
    assert_eq!(run(&tables, "SELECT divide(a, b, 1, 'down') AS q FROM t WHERE b <> 0"), "q\n0.5");
}

#[test]
fn what_a_condition_excludes_is_not_evaluated() {
    let tables = Tables::new().table("t", "a decimal(9,2), b decimal(9,2)", "10.00 4.00\n1.00 0.00\n5.00 NULL");
    assert_eq!(
        run(&tables, "SELECT CASE WHEN b = 0 THEN 0 ELSE divide(a, b, 2, 'down') END AS q FROM t"),
        "q\n0.00\n2.50\nNULL"
    );
    assert_eq!(
        run(
            &tables,
            "SELECT CASE WHEN b <> 0 THEN CASE WHEN a > 5 THEN divide(a, b, 2, 'down') END ELSE -1 END AS q FROM t"
        ),
        "q\n-1.00\n-1.00\n2.50"
    );
    assert_eq!(run(&tables, "SELECT a FROM t WHERE b <> 0 AND divide(a, b, 2, 'down') > 1"), "a\n10.00");
    assert_eq!(run(&tables, "SELECT a FROM t WHERE b = 0 OR divide(a, b, 2, 'down') > 1"), "a\n1.00\n10.00");
    assert_eq!(
        run(&tables, "SELECT COALESCE(NULLIF(b, 0), divide(1, a - 1.01, 2, 'down')) AS q FROM t"),
        "q\n-100.00\n0.25\n4.00"
    );
    // An outer condition that may fault must not move below an inner one that protects it.
    assert_eq!(
        run(&tables, "SELECT a FROM (SELECT a, b FROM t WHERE b <> 0) AS s WHERE divide(a, b, 2, 'down') > 1"),
        "a\n10.00"
    );
    assert_eq!(
        run(
            &tables,
            "WITH q AS (SELECT a, divide(a, b, 2, 'down') AS q FROM t WHERE b <> 0) SELECT q FROM q WHERE q > 1"
        ),
        "q\n2.50"
    );
    let joined = "SELECT l.a FROM t AS l JOIN (SELECT a FROM t WHERE b <> 0) AS r ON l.a = r.a WHERE divide(l.a, l.b, 2, 'down') > 1";
    assert_eq!(run(&tables, joined), "a\n10.00");
}

#[test]
fn keys_and_comparisons_are_by_value_whatever_the_scale() {
    let tables = Tables::new()
        .table("l", "k decimal(5,1), n text", "1.5 a\n2.0 b\nNULL c\n3.0 d")
        .table("r", "k decimal(9,4), m text", "1.5000 x\n2.0001 y\nNULL z\n3.0000 w")
        .table("i", "k integer, m text", "2 two\n3 three");
    assert_eq!(run(&tables, "SELECT n, m FROM l JOIN r ON l.k = r.k"), "n|m\na|x\nd|w");
    assert_eq!(run(&tables, "SELECT n, m FROM l LEFT JOIN r ON l.k = r.k"), "n|m\na|x\nb|NULL\nc|NULL\nd|w");
    assert_eq!(run(&tables, "SELECT n, m FROM l JOIN i USING (k)"), "n|m\nb|two\nd|three");
    assert_eq!(run(&tables, "SELECT n FROM l LEFT SEMI JOIN r ON r.k = l.k"), "n\na\nd");
    assert_eq!(run(&tables, "SELECT n FROM l LEFT ANTI JOIN r ON r.k = l.k"), "n\nb\nc");
    assert_eq!(run(&tables, "SELECT n FROM l WHERE k IN (SELECT k FROM i)"), "n\nb\nd");
    assert_eq!(run(&tables, "SELECT n FROM l WHERE k = 1.50"), "n\na");
    assert_eq!(run(&tables, "SELECT n FROM l WHERE k < 1.51"), "n\na");
    assert_eq!(run(&tables, "SELECT n FROM l WHERE k IN (1.5, 3, NULL)"), "n\na\nd");
    assert_eq!(run(&tables, "SELECT n FROM l WHERE k NOT IN (1.5, NULL)"), "n");
    assert_eq!(
        run(&tables, "SELECT l.n, r.m FROM l FULL JOIN r ON l.k = r.k"),
        "n|m\nNULL|y\nNULL|z\na|x\nb|NULL\nc|NULL\nd|w"
    );
    assert_eq!(run(&tables, "SELECT l.n, r.m FROM l RIGHT JOIN r ON l.k = r.k"), "n|m\nNULL|y\nNULL|z\na|x\nd|w");
    assert_eq!(
        run(
            &tables,
            "SELECT k, COUNT(*) AS n FROM (SELECT k FROM l UNION ALL SELECT k FROM r UNION ALL SELECT k FROM i) AS u GROUP BY k"
        ),
        "k|n\n1.5000|2\n2.0000|2\n2.0001|1\n3.0000|3\nNULL|2"
    );
    assert_eq!(run(&tables, "SELECT k FROM l UNION SELECT k FROM i"), "k\n1.5\n2.0\n3.0\nNULL");
}

#[test]
fn null_means_what_it_means_in_sql() {
    let tables =
        Tables::new().table("t", "a decimal(9,2), b boolean, s text", "1.00 true x\nNULL NULL NULL\n3.00 false y");
    assert_eq!(run(&tables, "SELECT SUM(a) AS s FROM t WHERE a > 100"), "s\nNULL");
    assert_eq!(run(&tables, "SELECT s, SUM(a) AS t FROM t GROUP BY s"), "s|t\nNULL|NULL\nx|1.00\ny|3.00");
    assert_eq!(run(&tables, "SELECT s FROM t WHERE NOT b"), "s\ny");
    assert_eq!(
        run(&tables, "SELECT b AND FALSE AS x, b OR TRUE AS y, b AND TRUE AS z FROM t"),
        "x|y|z\nfalse|true|NULL\nfalse|true|false\nfalse|true|true"
    );
    assert_eq!(
        run(&tables, "SELECT b IS TRUE AS x, b IS NOT FALSE AS y FROM t"),
        "x|y\nfalse|false\nfalse|true\ntrue|true"
    );
    assert_eq!(run(&tables, "SELECT CASE WHEN b THEN 1 WHEN NOT b THEN 2 END AS x FROM t"), "x\n1\n2\nNULL");
    assert_eq!(
        run(&tables, "SELECT CASE a WHEN 1 THEN 'one' WHEN 3.000 THEN 'three' END AS x FROM t"),
        "x\nNULL\none\nthree"
    );
    assert_eq!(
        run(&tables, "SELECT COUNT(DISTINCT a) AS n, COUNT(DISTINCT s) AS m, MIN(a) AS lo, MAX(s) AS hi FROM t"),
        "n|m|lo|hi\n2|2|1.00|y"
    );
    assert_eq!(run(&tables, "SELECT s || '!' AS x FROM t"), "x\nNULL\nx!\ny!");
    assert_eq!(
        run(&tables, "SELECT greatest(a, 2) AS g, least(a, 2.5) AS l FROM t"),
        "g|l\n2.00|1.00\n3.00|2.50\nNULL|NULL"
    );
    assert_eq!(
        run(&tables, "SELECT a IS DISTINCT FROM 1 AS x, a IS NOT DISTINCT FROM NULL AS y FROM t"),
        "x|y\nfalse|false\ntrue|false\ntrue|true"
    );
}

#[test]
fn functions_of_money() {
    let tables = Tables::new().table("t", "a decimal(12,3)", "1234.565\n-1234.565\n-0.005\n7.000");
    assert_eq!(
        run(
            &tables,
            "SELECT round_half_up(a, 2) AS u, round_half_even(a, 2) AS e, round_down(a, 2) AS d, round_floor(a, 2) AS f, round_ceiling(a, 2) AS c FROM t ORDER BY a"
        ),
        "u|e|d|f|c\n-1234.57|-1234.56|-1234.56|-1234.57|-1234.56\n-0.01|0.00|0.00|-0.01|0.00\n7.00|7.00|7.00|7.00|7.00\n1234.57|1234.56|1234.56|1234.56|1234.57"
    );
    assert_eq!(
        run(
            &tables,
            "SELECT floor(a) AS f, ceil(a) AS c, truncate_to_unit(a, 10) AS t, abs(a) AS b, truncate_to_unit(a, 0.5) AS h FROM t ORDER BY a"
        ),
        "f|c|t|b|h\n-1235|-1234|-1230|1234.565|-1234.5\n-1|0|0|0.005|0.0\n7|7|0|7.000|7.0\n1234|1235|1230|1234.565|1234.5"
    );
}

#[test]
fn dates_and_business_days() {
    let tables = Tables::new()
        .table(
            "t",
            "d date, n integer, at timestamp",
            "2026-11-05 6 2026-11-05T22:00:00\n2026-12-30 2 1969-12-31T23:59:59\nNULL 1 NULL",
        )
        .table("closed", "name text, day date", "newyear 2027-01-01\nparty 2026-11-10\nnone NULL");
    assert_eq!(
        run(
            &tables,
            "SELECT d, add_business_days(d, n, 'closed') AS pay, add_days(d, -n) AS back, month_start(d) AS s, month_end(d) AS e FROM t"
        ),
        "d|pay|back|s|e\n2026-11-05|2026-11-16|2026-10-30|2026-11-01|2026-11-30\n2026-12-30|2027-01-04|2026-12-28|2026-12-01|2026-12-31\nNULL|NULL|NULL|NULL|NULL"
    );
    assert_eq!(
        run(
            &tables,
            "SELECT EXTRACT(YEAR FROM d) * 100 + EXTRACT(MONTH FROM d) AS ym, EXTRACT(DAY FROM d) AS dd, CAST(at AS DATE) AS a, days_between(d, DATE '2026-12-31') AS n FROM t"
        ),
        "ym|dd|a|n\n202611|5|2026-11-05|56\n202612|30|1969-12-31|1\nNULL|NULL|NULL|NULL"
    );
    assert_eq!(run(&tables, "SELECT n FROM t WHERE d > DATE '2026-11-05' AND d <= DATE '2026-12-31'"), "n\n2");
    assert_eq!(run(&tables, "SELECT n FROM t WHERE at < TIMESTAMP '2026-01-01 00:00:00'"), "n\n2");
}

#[test]
fn texts() {
    let tables = Tables::new().table("t", "s text, n decimal(9,2)", "12.50 1.10\n-3 -0.05");
    assert_eq!(
        run(&tables, "SELECT CAST(s AS DECIMAL(9,2)) + n AS x, CAST(n AS TEXT) AS y FROM t"),
        "x|y\n-3.05|-0.05\n13.60|1.10"
    );
    assert_eq!(
        run(
            &tables,
            "SELECT UPPER('ab') || LOWER('CD') AS x, LENGTH(s) AS l, SUBSTR(s, 2, 2) AS m, TRIM('  x ') AS t FROM t"
        ),
        "x|l|m|t\nABcd|2|3|x\nABcd|5|2.|x"
    );
    assert_eq!(run(&tables, "SELECT n FROM t WHERE s LIKE '12%' AND s NOT LIKE '%x%'"), "n\n1.10");
    assert_eq!(
        run_err(&tables, "SELECT CAST(s AS DECIMAL(9,0)) AS x FROM t"),
        "the SQL has no exact result: the text '12.50' is no number that fits the wanted type, at `CAST(s AS DECIMAL(9,0))` (line 1, column 13) in column `x`"
    );
}

#[test]
fn shapes_of_queries() {
    let tables = Tables::new().table("t", "k text, a decimal(9,2)", "x 1.00\ny 2.00\nx 3.00");
    assert_eq!(run(&tables, "SELECT 1 AS one FROM t"), "one\n1\n1\n1");
    assert_eq!(run(&tables, "SELECT 1 AS one, 'x' AS t, 0.154 AS d"), "one|t|d\n1|x|0.154");
    assert_eq!(run(&tables, "SELECT COUNT(*) AS n FROM (SELECT k FROM t UNION ALL SELECT k FROM t) AS u"), "n\n6");
    assert_eq!(run(&tables, "SELECT DISTINCT k FROM t"), "k\nx\ny");
    assert_eq!(run(&tables, "SELECT k AS kind, SUM(a) AS s FROM t GROUP BY kind HAVING SUM(a) > 2"), "kind|s\nx|4.00");
    assert_eq!(
        run(&tables, "SELECT k, SUM(a) * 2 + COUNT(*) AS s FROM t GROUP BY 1 ORDER BY 2 DESC LIMIT 1"),
        "k|s\nx|10.00"
    );
    assert_eq!(
        run(&tables, "SELECT UPPER(k) || '!' AS u, MAX(a) AS m FROM t GROUP BY UPPER(k)"),
        "u|m\nX!|3.00\nY!|2.00"
    );
    assert_eq!(run(&tables, "SELECT a.k, b.k AS other FROM t AS a JOIN t AS b ON a.a = b.a"), "k|other\nx|x\nx|x\ny|y");
    assert_eq!(
        run(&tables, "WITH c AS (SELECT k, a FROM t) SELECT l.a FROM c AS l JOIN c AS r ON l.a = r.a AND r.k = 'y'"),
        "a\n2.00"
    );
    assert_eq!(
        run(&tables, "SELECT SUM(a) FILTER (WHERE k = 'x') AS s, COUNT(*) FILTER (WHERE a > 1) AS n FROM t"),
        "s|n\n4.00|2"
    );
    assert_eq!(run(&tables, "SELECT k FROM t GROUP BY k"), "k\nx\ny");
    assert_eq!(
        run(&tables, "SELECT t.*, a * 2 AS b FROM t CROSS JOIN (SELECT 1 AS one) AS o"),
        "k|a|b\nx|1.00|2.00\nx|3.00|6.00\ny|2.00|4.00"
    );
    assert_eq!(run(&tables, "SELECT K FROM T WHERE \"k\" = 'y'"), "K\ny");
}

/// The investor payout of a peer-to-peer lender, rule by rule, as a team would write it; values worked out by hand.
#[test]
fn an_investor_payout() {
    let tables = Tables::new()
        .table(
            "repayments",
            "loan integer, collected date, principal decimal(18,0), interest decimal(18,0), late decimal(18,0), outstanding decimal(18,0)",
            "1 2026-11-03 1000000 12345 55 5000000\n\
             1 2026-10-20 900000 1000 0 6000000\n\
             2 2026-11-05 333333 9999 1 333333\n\
             2 2026-11-06 777777 1 1 1",
        )
        .table(
            "holdings",
            "loan integer, investor integer, units decimal(12,4), total_units decimal(12,4), monthly_fee_rate decimal(9,6)",
            "1 7 333.0000 1000.0000 0.001000\n1 8 667.0000 1000.0000 0.001000\n2 7 1.5000 3.0000 0.000500",
        )
        .table("investors", "id integer, kind text", "7 person\n8 exempt\n9 person")
        .table("rates", "kind text, income_tax_rate decimal(5,4)", "person 0.1400\nexempt 0.0000")
        .param("from", recon::domain::Value::Date(recon::domain::parse_date("2026-10-25").expect("a date")))
        .param("to", recon::domain::Value::Date(recon::domain::parse_date("2026-11-05").expect("a date")));
    let sql = "
        WITH due AS (
            SELECT h.investor, r.loan,
                   divide(r.principal * h.units, h.total_units, 0, 'floor') AS principal,
                   divide((r.interest + r.late) * h.units, h.total_units, 0, 'floor') AS interest,
                   floor(divide(r.outstanding * h.units, h.total_units, 0, 'floor') * h.monthly_fee_rate) AS fee
            FROM repayments AS r
            JOIN holdings AS h ON h.loan = r.loan
            WHERE r.collected > :from AND r.collected <= :to
        ),
        taxed AS (
            SELECT d.*, truncate_to_unit(d.interest * t.income_tax_rate, 10) AS income_tax
            FROM due AS d
            JOIN investors AS i ON i.id = d.investor
            JOIN rates AS t ON t.kind = i.kind
        ),
        lines AS (
            SELECT investor, principal, interest, fee, income_tax, truncate_to_unit(income_tax * 0.10, 10) AS local_tax
            FROM taxed
        )
        SELECT investor,
               SUM(principal) AS principal, SUM(interest) AS interest, SUM(income_tax) AS income_tax,
               SUM(local_tax) AS local_tax, SUM(fee) AS fee,
               SUM(principal + interest - income_tax - local_tax - fee) AS net
        FROM lines
        GROUP BY investor
        ORDER BY investor";
    // Investor 7: loan 1: 333000, floor(12400 * .333) = 4129, tax 4129 * .14 = 578.06 -> 570, local 57 -> 50, fee 1665;
    //             loan 2: floor(166666.5) = 166666, 5000, tax 700, local 70, fee floor(166666 * .0005) = 83.
    // Investor 8: 667000, floor(8270.8) = 8270, no tax, fee 3335.
    assert_eq!(
        run(&tables, sql),
        "investor|principal|interest|income_tax|local_tax|fee|net\n\
         7|499666|9129|1270|120|1748|505657\n\
         8|667000|8270|0|0|3335|671935"
    );
}

#[test]
fn outer_joins_keep_their_rows_whatever_is_asked_of_them() {
    let tables = Tables::new().table("l", "id integer, k decimal(9,2)", "1 1.00\n2 2.00\n3 NULL\n4 4.00").table(
        "r",
        "k decimal(9,2), v decimal(9,2)",
        "1.00 2.50\n2.00 NULL\n9.00 1.00",
    );
    let ask = |columns: &str, condition: &str| {
        let sql = format!(
            "SELECT {columns} FROM l LEFT JOIN (SELECT k, v, 1 AS one FROM r) AS r ON l.k = r.k WHERE {condition} ORDER BY id"
        );
        run(&tables, &sql)
    };
    assert_eq!(ask("id, one", "TRUE"), "id|one\n1|1\n2|1\n3|NULL\n4|NULL");
    assert_eq!(ask("id", "r.k IS NULL"), "id\n3\n4");
    assert_eq!(ask("id", "r.v * 2 = 5"), "id\n1");
    assert_eq!(ask("id", "(r.v * 2 = 5) IS NOT TRUE"), "id\n2\n3\n4");
    assert_eq!(ask("id", "COALESCE(r.v * 2, 0) = 0"), "id\n2\n3\n4");
    assert_eq!(ask("id", "CASE WHEN r.v * 2 = 5 THEN FALSE ELSE TRUE END"), "id\n2\n3\n4");
    assert_eq!(ask("id", "r.one IS NULL"), "id\n3\n4");
    assert_eq!(ask("id", "COALESCE(r.one, 0) + 0 = 0"), "id\n3\n4");
    assert_eq!(ask("id", "NOT (r.v IS NOT NULL AND divide(1, r.v - 2.5 + 1, 0, 'down') = 1)"), "id\n2\n3\n4");
}

#[test]
fn instants_of_any_unit_meet_literals() {
    use polars::prelude::{Int64Chunked, IntoColumn, TimeUnit};
    for (unit, count) in
        [(TimeUnit::Milliseconds, 1000), (TimeUnit::Microseconds, 1_000_000), (TimeUnit::Nanoseconds, 1_000_000_000)]
    {
        let at = Int64Chunked::from_vec("at".into(), vec![0, 60 * count]).into_datetime(unit, None).into_column();
        let frame = polars::prelude::DataFrame::new(2, vec![at]).expect("a frame");
        let tables = Tables { frames: vec![("t".into(), frame)], params: Vec::new() };
        assert_eq!(run(&tables, "SELECT COUNT(*) AS n FROM t WHERE at >= TIMESTAMP '1970-01-01 00:01:00'"), "n\n1");
    }
}

#[test]
fn an_input_that_is_not_as_declared_is_an_error() {
    let declared = Tables::new().table("t", "a decimal(9,2)", "1.00");
    let program = declared.compile("SELECT a FROM t").expect("exact");
    let other = Tables::new().table("t", "a decimal(9,3)", "1.000");
    let error = program.run(other.lazy()).expect_err("another scale");
    assert_eq!(error.what, "the input column `t.a` is decimal(9,3), but was declared decimal(9,2)");
    let lying = exact_tables::decimal("a", 4, 2, &[Some(12_345)]);
    let frame = polars::prelude::DataFrame::new(1, vec![lying]).expect("a frame");
    let tables = Tables { frames: vec![("t".into(), frame)], params: Vec::new() };
    assert_eq!(
        exact_tables::run_err(&tables, "SELECT a FROM t"),
        "the SQL has no exact result: the input holds a value of more than the declared 4 digits, at `t.a`"
    );
}

//! What is refused: message, place and what to write instead, one snapshot of all.

mod exact_tables;

use std::fmt::Write;

use exact_tables::Tables;
use recon::domain::{Amount, NumberForm, Value};

fn tables() -> Tables {
    Tables::new()
        .table(
            "payments",
            "id integer, amount decimal(18,2), rate decimal(9,4), tiny decimal(38,30), weight float, note text, paid date, at timestamp, ok boolean",
            "1 1.00 0.1000 0 1.5 x 2026-11-05 2026-11-05T10:00:00 true",
        )
        .table("holders", "id integer, name text", "1 Kim")
        .param("payout_date", Value::Date(20_000))
        .param("ratio", Value::Number { amount: Amount::new(15, 1), form: NumberForm::Double })
}

#[test]
fn refusals_say_where_and_what_instead() {
    let cases = [
        // Numbers.
        "SELECT amount / 3 AS x FROM payments",
        "SELECT floor(amount * rate / 3) AS x FROM payments",
        "SELECT amount % 3 AS x FROM payments",
        "SELECT amount * 1.5e-3 AS x FROM payments",
        "SELECT tiny * tiny AS x FROM payments",
        "SELECT weight AS x FROM payments",
        "SELECT id FROM payments WHERE weight > 1",
        "SELECT * FROM payments",
        "SELECT weight, COUNT(*) AS n FROM payments GROUP BY weight",
        "SELECT COUNT(weight) AS n FROM payments",
        "SELECT AVG(amount) AS x FROM payments",
        "SELECT ROUND(amount, 1) AS x FROM payments",
        "SELECT SQRT(amount) AS x FROM payments",
        "SELECT CAST(amount AS DOUBLE) AS x FROM payments",
        "SELECT CAST(amount AS DECIMAL(18,1)) AS x FROM payments",
        "SELECT CAST(amount AS BIGINT) AS x FROM payments",
        "SELECT TRY_CAST(amount AS DECIMAL(38,4)) AS x FROM payments",
        "SELECT round_half_up(amount, id) AS x FROM payments",
        "SELECT divide(amount, 3, 2) AS x FROM payments",
        "SELECT divide(amount, 3, 2, 'up') AS x FROM payments",
        "SELECT divide(1, 0, 2, 'down') AS x",
        "SELECT 99999999999999999999999999999999999999 + 1 AS x",
        "SELECT 999999999999999999999999999999999999999 AS x",
        "SELECT truncate_to_unit(amount, 0) AS x FROM payments",
        "SELECT SUM(DISTINCT amount) AS x FROM payments",
        "SELECT SUM(note) AS x FROM payments",
        "SELECT :ratio * amount AS x FROM payments",
        // Types.
        "SELECT amount + note AS x FROM payments",
        "SELECT paid + 1 AS x FROM payments",
        "SELECT id FROM payments WHERE paid = '2026-11-05'",
        "SELECT id FROM payments WHERE paid = at",
        "SELECT id FROM payments WHERE note = 1",
        "SELECT CASE WHEN ok THEN amount ELSE note END AS x FROM payments",
        "SELECT COALESCE(paid, amount) AS x FROM payments",
        "SELECT note || amount AS x FROM payments",
        "SELECT id FROM payments WHERE amount",
        "SELECT id AS x FROM payments UNION ALL SELECT name FROM holders",
        "SELECT id FROM payments UNION ALL SELECT id, name FROM holders",
        "SELECT MAX(ok) AS x FROM payments",
        // Names.
        "SELECT amuont AS x FROM payments",
        "SELECT p.amount AS x FROM payments AS q",
        "SELECT id FROM paymets",
        "SELECT id FROM payments JOIN holders ON payments.id = holders.id",
        "SELECT id FROM payments JOIN payments ON TRUE",
        "SELECT amount AS a, rate AS a FROM payments",
        "SELECT amount * 2 FROM payments",
        "SELECT id FROM payments WHERE paid = :payout_dat",
        "SELECT add_business_days(paid, 2, 'holders') AS d FROM payments",
        "SELECT add_business_days(paid, 2, 'holiday') AS d FROM payments",
        "SELECT divde(amount, 3, 2, 'down') AS x FROM payments",
        "SELECT id FROM lake.payments",
        // Shapes.
        "SELECT amount, SUM(rate) AS s FROM payments",
        "SELECT id FROM payments WHERE SUM(amount) > 1",
        "SELECT id, SUM(amount) OVER (PARTITION BY id) AS s FROM payments",
        "SELECT id FROM payments, holders",
        "SELECT payments.id FROM payments JOIN holders ON payments.id > holders.id",
        "SELECT payments.id FROM payments LEFT JOIN holders ON payments.id = holders.id AND payments.amount > holders.id",
        "SELECT payments.id FROM payments NATURAL JOIN holders",
        "SELECT id FROM payments WHERE id NOT IN (SELECT id FROM holders)",
        "SELECT id FROM payments WHERE EXISTS (SELECT 1 FROM holders)",
        "SELECT (SELECT MAX(id) FROM holders) AS x FROM payments",
        "SELECT id FROM payments LIMIT 5",
        "SELECT DISTINCT ON (id) id FROM payments",
        "SELECT id FROM payments GROUP BY ROLLUP (id)",
        "SELECT id FROM payments EXCEPT SELECT id FROM holders",
        "SELECT CURRENT_DATE AS d",
        "SELECT now() AS d",
        "SELECT CONCAT(note, 'x') AS x FROM payments",
        "SELECT id FROM payments WHERE note LIKE '50\\%'",
        "SELECT paid + INTERVAL '1 day' AS x FROM payments",
        "SELECT EXTRACT(HOUR FROM at) AS x FROM payments",
        "WITH RECURSIVE r AS (SELECT 1 AS n) SELECT n FROM r",
        "SELECT 1 AS a; SELECT 2 AS b",
        "DELETE FROM payments",
        "SELECT FROM WHERE",
        "",
        "SELECT\n  id,\n  amount / id AS share\nFROM payments",
    ];
    let tables = tables();
    let mut all = String::new();
    for sql in cases {
        let refusal = tables.compile(sql).map(|_| ()).expect_err(sql);
        let _ = writeln!(all, "{sql}\n  {refusal}");
        if let Some(instead) = &refusal.instead {
            let _ = writeln!(all, "  -> {instead}");
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_float_that_is_not_used_does_no_harm() {
    let tables = tables();
    let program = tables.compile("SELECT id FROM (SELECT * FROM payments) AS p WHERE ok").expect("exact");
    assert_eq!(program.needed(), [("payments".to_owned(), vec!["id".to_owned(), "ok".to_owned()])]);
    assert_eq!(exact_tables::run(&tables, "SELECT id FROM (SELECT * FROM payments) AS p WHERE ok"), "id\n1");
}

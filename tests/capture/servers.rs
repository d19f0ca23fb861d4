//! The same on MariaDB and MongoDB: the case that is made of them runs on SQLite and files.

use recon::domain::Value;
use recon::stores::bulk::{drop_mongo_database, write_collection};

use crate::people::{MASKS, RECONCILIATION, SECRET, assert_clean, documents, files, script, verify};
use crate::support::{Place, database_url, run_sql, unique_name};

#[test]
fn rows_and_documents_of_real_servers_become_a_case_on_embedded_stores() {
    let name = unique_name("recon_capture");
    let (core, docs) = (database_url("MYSQL", &name), database_url("MONGODB", &name));
    let server = database_url("MYSQL", "mysql");
    run_sql(&server, &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
    run_sql(&core, &script("DECIMAL(18,2)", 1));
    let lines = documents();
    // An id of MongoDB's own, and an amount with a fraction on both sides.
    let line = |(at, line): (usize, String)| {
        let line =
            line.replace(&format!("\"_id\":{at},"), &format!("\"_id\":{{\"$oid\":\"65a00000000000000000000{at}\"}},"));
        line.replace("\"amount\":1000", "\"amount\":{\"$numberDecimal\":\"1000.50\"}")
    };
    let mut values = lines.into_iter().enumerate().map(line).map(|line| Value::from_json(&line));
    write_collection(&docs, "payees", true, &mut values, &mut |_| {}).expect("documents");
    run_sql(&core, "UPDATE sales SET amount = 1000.50 WHERE amount = 1000");
    let place = Place::new().env("RECON_USER", "kim").env("RECON_CAPTURE_SECRET", SECRET);
    place.write(
        "recon.toml",
        format!("[stores.core]\nurl = \"{core}\"\n[stores.docs]\nurl = \"{docs}\"\n{RECONCILIATION}{MASKS}"),
    );
    let from = "FROM accounts a JOIN customers c ON c.customer_id = a.customer_id JOIN sales s ON s.account_no = a.account_no \
                WHERE s.sold_on >= :day GROUP BY a.account_no, c.name";
    place.write("legacy.mysql.sql", format!("SELECT a.account_no, c.name AS payee, SUM(s.amount) AS net {from}"));
    // In SQLite an amount is a whole number of its last digit.
    let net = "printf('%d.%02d', SUM(s.amount) / 100, SUM(s.amount) % 100)";
    place.write("legacy.sqlite.sql", format!("SELECT a.account_no, c.name AS payee, {net} AS net {from}"));
    place.write("candidate.sql", "SELECT account_no, payee, SUM(amount) AS net FROM payees GROUP BY account_no, payee");
    verify(&place);
    // A column of JSON and a date of birth, which no path reads.
    run_sql(
        &core,
        "ALTER TABLE customers ADD COLUMN profile JSON, ADD COLUMN birth_date DATE NOT NULL DEFAULT '1985-03-07'",
    );
    let profile = r#"{"guardian":"Hong Gildong","contact":{"mobile":1088887777},"limit":1.50}"#;
    run_sql(&core, &format!("UPDATE customers SET profile = '{profile}'"));
    let unruled = place.recon(&["capture", "latest", "--sample", "9"]);
    let rules = "guardian = \"name\"\n\"profile.contact.mobile\" = \"digits\"\nbirth_date = \"drop\"\n";
    place.write("recon.toml", place.read("recon.toml") + rules);
    let captured = place.recon(&["capture", "latest", "--sample", "9"]);
    let run = place.recon(&["test"]);
    run_sql(&server, &format!("DROP DATABASE {name}"));
    drop_mongo_database(&docs).expect("dropped");
    assert_eq!(unruled.code, Some(2), "{unruled}");
    for field in ["profile.guardian\" = \"name", "profile.contact.mobile\" = \"digits", "birth_date\" = \"drop"] {
        assert!(unruled.stderr.contains(field), "{unruled}");
    }
    assert_eq!(captured.code, Some(0), "{captured}");
    assert_clean("the output", &captured.to_string());
    assert_eq!(run.code, Some(0), "{run}");
    let written = files(&place.path().join("cases"));
    for (name, text) in &written {
        assert_clean(name, text);
    }
    let text = |name: &str| &written.iter().find(|(own, _)| own.ends_with(name)).expect(name).1;
    let customers = text("core/customers.csv");
    assert!(
        !customers.contains("Hong") && !customers.contains("8888777") && !customers.contains("1985"),
        "{customers}"
    );
    assert!(customers.contains("\"\"limit\"\":1.50}"), "{customers}");
    let suite = text("suite.toml");
    for line in ["amount = \"decimal(18,2)\"", "sold_on = \"date\"", "name = \"text\"", "sqlite_decimals = \"scaled\""]
    {
        assert!(suite.contains(line), "{suite}");
    }
    assert!(text("payees.ndjson").contains("{\"$oid\":"), "{written:?}");
    assert_eq!(text("decisions.csv").lines().count(), 6, "{written:?}");
    assert!(
        text("decisions.csv").contains("1000.50") && text("discrepancies.ndjson").lines().count() == 3,
        "{written:?}"
    );
}

//! On MariaDB and MongoDB, with the ledger there too: what recon says is what the server itself says of both queries.

use serde_json::Value as Json;

use crate::engine::rows_at;
use crate::support::{Place, database_url, run_sql, server_url, unique_name};

#[test]
fn a_changed_query_on_mariadb_changes_what_the_server_itself_says() {
    let name = unique_name("impact");
    run_sql(&server_url("MYSQL"), &format!("CREATE DATABASE {name}"));
    let (mysql, mongo) = (database_url("MYSQL", &name), database_url("MONGODB", &name));
    let place = Place::new();
    let demo = place.recon(&["demo", "p2p", "--records", "400", "--keep", "project"]);
    assert_eq!(demo.code, Some(0), "{demo}");
    let project = place.read("project/recon.toml");
    place.write("project/recon.toml", format!("{project}\n[ledger]\nurl = \"${{RECON_MYSQL_URL}}\"\n"));
    let place = place.env("RECON_MYSQL_URL", &mysql).env("RECON_MONGO_URL", &mongo).env("RECON_USER", "kim");
    let recon =
        |words: &[&str]| place.recon(&[&["--config", "project/recon.toml", "--profile", "servers"], words].concat());
    assert_eq!(recon(&["load", "p2p", "--records", "400"]).code, Some(0));
    let verified = recon(&["verify", "payout", "--param", "window_from=2026-10-25", "--param", "window_to=2026-11-05"]);
    assert_eq!(verified.code, Some(0), "{verified}");

    // Tax to the won, no longer to ten won.
    let old = place.read("project/legacy.mysql.sql");
    let new = old.replace("(interest * income_tax_rate) DIV 10 * 10", "(interest * income_tax_rate) DIV 1");
    assert_ne!(old, new);
    place.write("new.sql", &new);
    let tables = rows_at(
        &mysql,
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name",
    );
    let counts = || {
        let count = |table: &Vec<Option<String>>| {
            let table = table[0].clone().expect("a name");
            let rows = rows_at(&mysql, &format!("SELECT CAST(COUNT(*) AS CHAR) FROM `{table}`"));
            (table, rows[0][0].clone())
        };
        tables.iter().map(count).collect::<Vec<_>>()
    };
    let before = counts();
    let outcome = recon(&["impact", "payout", "--legacy-query", "@new.sql", "--no-cases", "--format", "json"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!(counts(), before, "a table has other rows than before");
    let report: Json = serde_json::from_str(&outcome.stdout).expect("JSON");
    let bound = |sql: &str| sql.replace(":window_from", "'2026-10-25'").replace(":window_to", "'2026-11-05'");
    let (old, new) = (bound(&old), bound(&new));
    let sql = format!(
        "SELECT CAST(COUNT(*) AS CHAR), CAST(SUM(b.net - a.net) AS CHAR), CAST(SUM(ABS(b.income_tax - a.income_tax)) AS CHAR) \
         FROM (\n{old}\n) a JOIN (\n{new}\n) b ON b.investor_id = a.investor_id \
         WHERE a.net <> b.net OR a.income_tax <> b.income_tax OR a.local_tax <> b.local_tax"
    );
    let said = rows_at(&mysql, &sql);
    let said: Vec<&str> = said[0].iter().map(|cell| cell.as_deref().expect("a figure")).collect();
    assert!(said[0] != "0", "a change that changes something");
    assert_eq!(report["records"]["changed"].to_string(), said[0], "{report:#}");
    let money = |column: &str, word: &str| {
        let all = report["money"].as_array().expect("money").iter();
        let one = all.into_iter().find(|money| money["column"] == column).expect("a column");
        one[word].as_str().expect("an amount").split('.').next().expect("whole won").to_owned()
    };
    let whole = |text: &str| text.split('.').next().expect("whole won").to_owned();
    assert_eq!(money("net", "net"), whole(said[1]), "{report:#}");
    assert_eq!(money("income_tax", "gross"), whole(said[2]), "{report:#}");
    assert_eq!(report["cycles"][0]["then"]["by"], "decisions", "{report:#}");
    let same = recon(&["impact", "payout", "--legacy-query", "@project/legacy.mysql.sql", "--no-cases"]);
    assert_eq!(same.code, Some(0), "{same}");
    let wrong = recon(&["impact", "payout", "--legacy-query", "SELECT investor_id FROMM holdings", "--no-cases"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
    run_sql(&server_url("MYSQL"), &format!("DROP DATABASE {name}"));
}

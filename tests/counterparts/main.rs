//! The counterparts of docs/functions.md, taken out of that page and run on the stores they are for: each gives what
//! recon's own function gives, over ties, both signs, NULL, month ends and the ends of the types.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod grid;
mod page;
#[path = "../support/mod.rs"]
mod support;

use grid::{Grid, Kind, Units};
use page::{Counterpart, Store, counterparts};
use support::{Outcome, Place};

/// What the calendar of the test holds besides weekends.
const HOLIDAYS: [&str; 6] = ["2024-01-01", "2024-02-09", "2024-02-10", "2024-02-12", "2024-02-29", "2024-12-25"];

/// A database of one store, gone when the test ends.
struct Database {
    store: Store,
    name: String,
    _folder: tempfile::TempDir,
    url: String,
}

impl Database {
    fn new(store: Store) -> Database {
        let name = support::unique_name("counterparts");
        let folder = tempfile::tempdir().expect("a folder");
        let url = match store {
            Store::Sqlite => format!("sqlite:{}", folder.path().join("core.db").display()),
            Store::MySql => support::database_url("MYSQL", &name),
            Store::Postgres => support::database_url("POSTGRES", &name),
        };
        let database = Database { store, name, _folder: folder, url };
        database.on_server(&format!("CREATE DATABASE {}", database.name));
        database
    }

    fn on_server(&self, script: &str) {
        match self.store {
            Store::Sqlite => {}
            Store::MySql => support::run_sql(&support::server_url("MYSQL"), script),
            Store::Postgres => support::run_sql(&support::server_url("POSTGRES"), script),
        }
    }

    fn run(&self, script: &str) {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => support::sqlite(std::path::Path::new(path), script),
            None => support::run_sql(&self.url, script),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.on_server(&format!("DROP DATABASE {}", self.name));
    }
}

/// A comparison is compared as a number: stores give 1, true or t.
fn as_number(expression: &str) -> String {
    let truth = [" = u", " < u", " LIKE "].iter().any(|sign| expression.contains(sign)) || expression.contains("GLOB");
    let truth = truth || expression.starts_with("CAST(s AS BINARY)");
    if truth {
        return format!("CASE WHEN {expression} THEN 1 WHEN NOT ({expression}) THEN 0 END");
    }
    expression.to_owned()
}

/// A project that compares one counterpart with its function.
fn project(counterpart: &Counterpart, sql: &str, database: &Database, grid: &Grid) -> Place {
    database.run(&grid.script(database.store, counterpart.units()));
    if counterpart.function.contains("add_business_days") {
        database.run(&grid::calendar(database.store, &HOLIDAYS));
    }
    let place = Place::new();
    let mut toml = format!(
        "[stores.core]\nurl = '{}'\n[stores.lake]\nurl = 'file:lake'\n[reconciliation.r]\nkey = ['id']\n\
         [reconciliation.r.columns]\nv = {{ type = '{}' }}\n\
         [reconciliation.r.legacy]\nstore = 'core'\nquery = 'legacy.sql'\n\
         [reconciliation.r.candidate]\nsql = 'candidate.sql'\n\
         [reconciliation.r.candidate.inputs.grid]\nstore = 'lake'\nfile = 'grid.ndjson'\nfields = {{ {} }}\n\
         [reconciliation.r.candidate.inputs.holidays]\nstore = 'lake'\nfile = 'holidays.csv'\n\
         fields = {{ day = {{ path = 'day', type = 'date' }} }}\n",
        database.url,
        counterpart.result(),
        grid.fields(),
    );
    if !counterpart.function.contains("holidays") {
        toml.truncate(toml.find("[reconciliation.r.candidate.inputs.holidays]").expect("it is there"));
    }
    place.write("recon.toml", toml);
    place.write("lake/grid.ndjson", grid.ndjson());
    place.write("lake/holidays.csv", format!("day\n{}\n", HOLIDAYS.join("\n")));
    place.write("legacy.sql", format!("SELECT id, {} AS v FROM grid", as_number(sql)));
    let own = as_number(&counterpart.function);
    // SQLite counts in units of the result.
    let own = match (database.store, counterpart.units()) {
        (Store::Sqlite, Some(units)) => format!("{own} * {}", 10i128.pow(units.result())),
        _ => own,
    };
    place.write("candidate.sql", format!("SELECT id, {own} AS v FROM grid"));
    place
}

fn diff(place: &Place) -> Outcome {
    place.recon(&["diff", "r", "--limit", "20", "--format", "json"])
}

/// Every counterpart of a store over its grid. All that is wrong is said at once.
fn check(store: Store) {
    let database = Database::new(store);
    let mut wrong = Vec::new();
    let mut tried = 0;
    for counterpart in counterparts() {
        let Some(sql) = counterpart.of(store) else { continue };
        let grid = grid::of(&counterpart, store);
        assert!(grid.rows.len() > 20, "{}: {} rows", counterpart.function, grid.rows.len());
        let place = project(&counterpart, sql, &database, &grid);
        let outcome = diff(&place);
        tried += 1;
        let report: Option<serde_json::Value> = serde_json::from_str(&outcome.stdout).ok();
        let matched = report.as_ref().and_then(|report| report["counts"]["matched"].as_u64());
        if outcome.code != Some(0) || matched != Some(grid.rows.len() as u64) {
            let found = report.as_ref().map(|report| report["discrepancies"].clone()).unwrap_or_default();
            let shown: Vec<String> = found
                .as_array()
                .into_iter()
                .flatten()
                .map(|found| format!("  {}\n  {found}", grid.row_of(found)))
                .collect();
            wrong.push(format!(
                "{} and {sql}: {matched:?} of {} rows agree\n{}\n{}",
                counterpart.function,
                grid.rows.len(),
                shown.join("\n"),
                report.map_or(outcome.to_string(), |report| report["reasons"].to_string()),
            ));
        }
    }
    assert!(tried >= 36, "the page has {tried} counterparts for {store:?}");
    assert!(wrong.is_empty(), "{store:?}: {} of {tried} are wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn mariadb_gives_what_recon_gives() {
    check(Store::MySql);
}

#[test]
fn postgres_gives_what_recon_gives() {
    check(Store::Postgres);
}

#[test]
fn sqlite_gives_what_recon_gives() {
    check(Store::Sqlite);
}

/// Division by zero, as the page says it: an error of recon and of PostgreSQL, NULL on the others.
#[test]
fn division_by_zero_is_as_documented() {
    let divisions: Vec<Counterpart> =
        counterparts().into_iter().filter(|c| c.function.starts_with("divide(")).collect();
    assert_eq!(divisions.len(), 5, "one for each mode");
    for store in Store::ALL {
        let database = Database::new(store);
        for counterpart in &divisions {
            for x in ["1", "0", "-1"] {
                let grid = Grid::new(
                    &[("x", Kind::Number), ("y", Kind::Number)],
                    vec![vec![Some(x.into()), Some("0".into())]],
                );
                let sql = counterpart.of(store).expect("every store divides");
                let place = project(counterpart, sql, &database, &grid);
                let outcome = diff(&place);
                assert_eq!(outcome.code, Some(3), "{counterpart:?} {outcome}");
                assert!(outcome.to_string().contains("division by zero"), "{counterpart:?} {outcome}");
                // The store by itself, against a file that says NULL.
                let toml = place.read("recon.toml");
                let at = toml.find("[reconciliation.r.candidate]").expect("a candidate");
                let file = "[reconciliation.r.candidate]\nstore = 'lake'\nfile = 'null.ndjson'\n";
                place.write("recon.toml", format!("{}{file}", &toml[..at]));
                place.write("lake/null.ndjson", "{\"id\":0,\"v\":null}\n");
                let outcome = diff(&place);
                if store == Store::Postgres {
                    assert_eq!(outcome.code, Some(3), "{counterpart:?} {outcome}");
                    assert!(outcome.to_string().contains("division by zero"), "{counterpart:?} {outcome}");
                } else {
                    assert_eq!(outcome.code, Some(0), "{store:?} {counterpart:?} {outcome}");
                }
            }
        }
    }
}

/// A function without a row would be one whose counterpart nobody tried.
#[test]
fn the_page_names_every_function() {
    let named: Vec<String> = counterparts().into_iter().map(|c| c.function).collect();
    for function in [
        "round_half_up(",
        "round_half_even(",
        "round_down(",
        "round_floor(",
        "round_ceiling(",
        "floor(",
        "ceil(",
        "truncate_to_unit(",
        "divide(",
        "abs(",
        "greatest(",
        "least(",
        "add_business_days(",
        "add_days(",
        "days_between(",
        "month_start(",
        "month_end(",
        "UPPER(",
        "LOWER(",
        "LENGTH(",
        "SUBSTR(",
        "TRIM(",
        "LTRIM(",
        "RTRIM(",
        "EXTRACT(YEAR",
        "EXTRACT(MONTH",
        "EXTRACT(DAY",
        "CAST(t AS DATE)",
        "CAST(x AS TEXT)",
        "s LIKE",
    ] {
        assert!(named.iter().any(|name| name.starts_with(function)), "{function} has no row in docs/functions.md");
    }
    for mode in ["half_up", "half_even", "down", "floor", "ceiling"] {
        assert!(named.contains(&format!("divide(x, y, 2, '{mode}')")), "{mode}");
    }
}

/// SQLite's counterparts count in these.
impl Counterpart {
    fn units(&self) -> Option<Units> {
        Units::of(&self.function)
    }
}

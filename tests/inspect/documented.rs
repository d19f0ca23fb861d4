//! The page that users read lists what the code takes, and nothing else.

use recon::stores::inspect::{StoreKind, functions, operators, stages};

const PAGE: &str = include_str!("../../docs/check-safety.md");

/// The words of the fenced block behind a heading.
fn block(heading: &str) -> Vec<&'static str> {
    let (_, behind) = PAGE.split_once(heading).unwrap_or_else(|| panic!("no heading {heading}"));
    let block = behind.split("```").nth(1).expect("a block behind the heading");
    block.trim_start_matches("text").split_whitespace().collect()
}

#[test]
fn the_page_lists_what_may_be_called() {
    for (heading, expected) in [
        ("### Functions of MySQL and MariaDB", functions(StoreKind::MySql)),
        ("### Functions of PostgreSQL", functions(StoreKind::Postgres)),
        ("### Functions of SQLite", functions(StoreKind::Sqlite)),
        ("### Stages of MongoDB", stages()),
        ("### Operators of MongoDB", operators()),
    ] {
        assert_eq!(block(heading), expected, "{heading}");
    }
    assert!(functions(StoreKind::Mongo).is_empty());
}

/// SQLite comes with recon: what is listed is there. (Of a server's functions, newer and older versions have others.)
#[test]
fn the_functions_of_sqlite_are_there() {
    use sqlx::{Connection, Row};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let there: Vec<String> = runtime.block_on(async {
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await.expect("opens");
        let rows = sqlx::query("SELECT name FROM pragma_function_list UNION SELECT name FROM pragma_module_list");
        rows.fetch_all(&mut connection).await.expect("lists").iter().map(|row| row.get(0)).collect()
    });
    // Words of the language, and functions that are tables, which are met when they are first used.
    let others = ["cast", "current_date", "current_time", "current_timestamp", "json_each", "json_tree"];
    let missing: Vec<_> = functions(StoreKind::Sqlite)
        .into_iter()
        .filter(|name| {
            !there.iter().any(|known| known == name) && !others.contains(name) && !name.starts_with("pragma_")
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

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

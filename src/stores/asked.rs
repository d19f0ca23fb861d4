//! What a user asked a SQL store for: whether a text is one query, and what exists in place of what does not.
//!
//! Judges texts only; must not run anything. It refuses early and by name what a store would refuse later;
//! the guard that counts is the store's read-only transaction.

use sqlparser::dialect::{Dialect as Parsing, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::tokenizer::{Location, Token, Tokenizer};

use crate::domain::shorten;

use super::StoreError;
use super::sql::Dialect;

/// Names listed in a hint.
const LISTED: usize = 20;

/// The query without its closing semicolon and what follows it, so that it can stand in a subquery. Put it on
/// lines of its own there: it may end with a comment.
///
/// # Errors
/// When it is not one SELECT, WITH or VALUES statement. A query whose words cannot be told apart is left to the
/// store to judge.
pub(super) fn one_query(dialect: Dialect, text: &str) -> Result<&str, StoreError> {
    let parsing: &dyn Parsing = match dialect {
        Dialect::MySql => &MySqlDialect {},
        Dialect::Postgres => &PostgreSqlDialect {},
        Dialect::Sqlite => &SQLiteDialect {},
    };
    let refuse =
        |what: String| Err(StoreError::usage(what).hint("give one SELECT, WITH or VALUES statement; recon only reads"));
    let Ok(tokens) = Tokenizer::new(parsing, text).tokenize_with_location() else {
        return Ok(super::sql::without_semicolon(text));
    };
    let mut words = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_)));
    match words.clone().map(|t| &t.token).find(|t| **t != Token::LParen) {
        None => return refuse("the query is empty".to_owned()),
        Some(Token::Word(word)) if ["select", "with", "values"].contains(&word.value.to_ascii_lowercase().as_str()) => {
        }
        Some(first) => {
            return refuse(format!("the query begins with `{}`: it is not a query", shorten(&first.to_string(), 40)));
        }
    }
    let Some(end) = words.find(|t| t.token == Token::SemiColon) else { return Ok(text) };
    if let Some(more) = words.find(|t| t.token != Token::SemiColon) {
        return refuse(format!(
            "the query holds more than one statement: the second begins with `{}`",
            shorten(&more.token.to_string(), 40)
        ));
    }
    Ok(&text[..byte_at(text, end.span.start)])
}

/// The byte at which a line and column (both counted from 1, columns in characters) lie.
fn byte_at(text: &str, place: Location) -> usize {
    let (mut line, mut column) = (1, 1);
    for (at, c) in text.char_indices() {
        if (line, column) == (place.line, place.column) {
            return at;
        }
        if c == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    text.len()
}

/// `the tables are …`, those most like `asked` first; `kinds` is what they are, in the plural.
pub(super) fn existing(kinds: &str, asked: &str, mut names: Vec<String>) -> String {
    let alike = |name: &String| {
        let ratio = similar::TextDiff::from_chars(asked.to_lowercase().as_str(), name.to_lowercase().as_str()).ratio();
        // A ratio of two short texts, in whole thousandths so that it can be sorted by.
        (ratio * 1000.0) as i32
    };
    names.sort();
    names.sort_by_key(|name| -alike(name));
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    match names.as_slice() {
        [] => format!("there are no {kinds}"),
        _ if more > 0 => format!("the {kinds} are {}, and {more} more", names.join(", ")),
        _ => format!("the {kinds} are {}", names.join(", ")),
    }
}

/// The names that occur more than once, each once.
pub(super) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut sorted: Vec<&str> = names.collect();
    sorted.sort_unstable();
    let mut repeated: Vec<String> =
        sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned()).collect();
    repeated.dedup();
    repeated
}

/// Refuses a query in which several columns have the same name.
///
/// # Errors
/// When there are such names.
pub(super) fn distinct_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), StoreError> {
    let repeated = repeated(names);
    if repeated.is_empty() {
        return Ok(());
    }
    Err(StoreError::usage(format!("the query has several columns named `{}`", repeated.join("`, `")))
        .hint("give each column its own name with AS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_query_is_taken_without_its_end() {
        for (text, taken) in [
            ("SELECT 1", "SELECT 1"),
            ("  -- why\n/* a;b */ (select ';' AS \"a;\") ; -- done\n;", "  -- why\n/* a;b */ (select ';' AS \"a;\") "),
            ("WITH a AS (SELECT 'é;') TABLE a;", "WITH a AS (SELECT 'é;') TABLE a"),
            ("VALUES (1)", "VALUES (1)"),
            ("SELECT $$a;b$$ -- end", "SELECT $$a;b$$ -- end"),
        ] {
            assert_eq!(one_query(Dialect::Postgres, text).expect(text), taken);
        }
    }

    #[test]
    fn other_statements_are_refused() {
        for (text, part) in [
            ("DELETE FROM t", "DELETE"),
            ("", "empty"),
            ("-- SELECT", "empty"),
            ("SELECT 1; DROP TABLE t", "DROP"),
            ("PRAGMA user_version", "PRAGMA"),
            ("COPY t TO '/tmp/x'", "COPY"),
        ] {
            for dialect in [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql] {
                let error = one_query(dialect, text).expect_err(text);
                assert!(error.what.contains(part), "{}", error.what);
                assert_eq!(error.class, super::super::ErrorClass::Usage);
            }
        }
    }

    #[test]
    fn the_nearest_name_comes_first() {
        let names = ["customer", "order", "orders_old"].map(str::to_owned).to_vec();
        assert!(existing("tables", "Orders", names).starts_with("the tables are order, orders_old, customer"));
        assert_eq!(existing("tables", "x", vec![]), "there are no tables");
        assert_eq!(repeated(["b", "a", "b", "b", "a", "c"].into_iter()), ["a", "b"]);
    }
}

//! The words of a SQL text: which columns of an input it can possibly name. May name too many, never too few.

use std::collections::HashSet;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Every word of a SQL text, in lower case.
pub(super) struct Identifiers {
    words: HashSet<String>,
    every: bool,
}

impl Identifiers {
    /// Of a SQL text; one that cannot be read names everything, and is refused later with a better message.
    pub(super) fn of(sql: &str) -> Identifiers {
        let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize() else {
            return Identifiers { words: HashSet::new(), every: true };
        };
        let (mut words, mut every) = (HashSet::new(), false);
        let mut previous = None;
        for token in tokens {
            match &token {
                Token::Whitespace(_) => continue,
                Token::Word(word) => {
                    words.insert(word.value.to_lowercase());
                }
                // `SELECT *`, `t.*`, `, *`; a product has an operand before it, `COUNT(*)` a parenthesis.
                Token::Mul => every |= starts_item(previous.as_ref()),
                _ => {}
            }
            previous = Some(token);
        }
        Identifiers { words, every }
    }

    /// Whether the text may name this column.
    pub(super) fn may_name(&self, column: &str) -> bool {
        self.every || self.words.contains(&column.to_lowercase())
    }
}

fn starts_item(previous: Option<&Token>) -> bool {
    match previous {
        Some(Token::Word(word)) => matches!(word.value.to_ascii_uppercase().as_str(), "SELECT" | "DISTINCT" | "ALL"),
        Some(Token::Comma | Token::Period) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_named_is_found() {
        let words = Identifiers::of("SELECT a.Net * 2 AS x, COUNT(*) FROM a WHERE \"b c\" > 1 -- not_this\n");
        assert!(words.may_name("net") && words.may_name("b c") && words.may_name("x"));
        assert!(!words.may_name("not_this") && !words.may_name("other"));
        for all in ["SELECT * FROM a", "SELECT a.* FROM a", "SELECT x, * FROM a", "SELECT 'unterminated"] {
            assert!(Identifiers::of(all).may_name("other"), "{all}");
        }
    }
}

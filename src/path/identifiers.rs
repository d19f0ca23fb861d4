//! The words of a SQL text: which columns of an input it can possibly name. May name too many, never too few.

use std::collections::HashSet;

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Every word of a SQL text, in lower case.
pub(crate) struct Identifiers {
    words: HashSet<String>,
    /// Texts in quotes: a function may be given an input, or a column of one, by name.
    texts: HashSet<String>,
    every: bool,
}

impl Identifiers {
    /// Of a SQL text; one that cannot be read names everything, and is refused later with a better message.
    pub(crate) fn of(sql: &str) -> Identifiers {
        let Ok(tokens) = Tokenizer::new(&GenericDialect, sql).tokenize() else {
            return Identifiers { words: HashSet::new(), texts: HashSet::new(), every: true };
        };
        let (mut words, mut texts, mut every) = (HashSet::new(), HashSet::new(), false);
        let mut previous = None;
        for token in tokens {
            match &token {
                Token::Whitespace(_) => continue,
                Token::Word(word) => {
                    words.insert(word.value.to_lowercase());
                }
                Token::SingleQuotedString(text) => {
                    let text = text.to_lowercase();
                    // 'holidays.day' names the column `day`.
                    words.extend(text.match_indices('.').map(|(dot, _)| text[dot + 1..].to_owned()));
                    texts.insert(text);
                }
                // `SELECT *`, `t.*`, `, *`; a product has an operand before it, `COUNT(*)` a parenthesis.
                Token::Mul => every |= starts_item(previous.as_ref()),
                _ => {}
            }
            previous = Some(token);
        }
        Identifiers { words, texts, every }
    }

    /// Whether a word of the text, not one in quotes, is this name.
    pub(crate) fn has_word(&self, name: &str) -> bool {
        self.words.contains(&name.to_lowercase())
    }

    /// Whether the text may read this input.
    pub(crate) fn may_read(&self, input: &str) -> bool {
        let input = input.to_lowercase();
        self.words.contains(&input)
            || self.texts.iter().any(|text| *text == input || text.starts_with(&format!("{input}.")))
    }

    /// Whether the text may name this column of this input. An input that is named in quotes is read whole: which of
    /// its columns is meant depends on what it has.
    pub(crate) fn may_name(&self, input: &str, column: &str) -> bool {
        self.every || self.words.contains(&column.to_lowercase()) || self.texts.contains(&input.to_lowercase())
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
        assert!(words.may_name("a", "net") && words.may_name("a", "b c") && words.may_name("a", "x"));
        assert!(!words.may_name("a", "not_this") && !words.may_name("a", "other"));
        assert!(Identifiers::of("SELECT `b c` FROM a").may_name("a", "b c"));
        for all in ["SELECT * FROM a", "SELECT a.* FROM a", "SELECT x, * FROM a", "SELECT 'unterminated"] {
            assert!(Identifiers::of(all).may_name("a", "other"), "{all}");
        }
    }

    #[test]
    fn an_input_named_in_quotes_is_read_whole() {
        let whole = Identifiers::of("SELECT add_business_days(d, 1, 'Holidays') AS d FROM t");
        assert!(whole.may_name("holidays", "day") && !whole.may_name("t", "day"));
        let column = Identifiers::of("SELECT add_business_days(d, 1, 'holidays.Day') AS d FROM t");
        assert!(column.may_name("holidays", "day") && !column.may_name("holidays", "name"));
    }
}

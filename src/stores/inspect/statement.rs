//! A check's SQL, examined: one query that only reads, its parameters to be bound, and what must still be asked of the
//! server, which alone knows whether somebody has made a function, an operator or a type of a name that is used.

use std::ops::Range;

use sqlparser::ast::Visit;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::domain::{Value, shorten};
use crate::stores::StoreError;
use crate::stores::sql::Dialect;

use super::Refusal;
use super::dialect::{Spoken, in_its_words};
use super::functions::{self, Standing};
use super::lexis::{self, Lexed, Opens, Param};
use super::tree::{Found, Walk};

/// Deepest nesting of parentheses.
const DEEPEST: usize = 60;
/// How deep the parser may go for them.
const RECURSION: usize = 200;
/// Deepest nesting of subqueries: in FROM the parser tries each of them twice, inside of every one that it tries.
const DEEPEST_SUBQUERY: usize = 12;
/// Bytes of stack for parsing: a long chain of operators nests as deep as it is long. Only what is used is taken.
const STACK: usize = 256 << 20;
/// Words that begin what is no query but is often tried, and what to do instead.
const NO_QUERIES: [(&str, &str); 13] = [
    ("delimiter", "it is a command of the mysql client; a check is one SELECT without it"),
    ("explain", "give the SELECT itself"),
    ("analyze", "give the SELECT itself"),
    ("describe", "read information_schema.columns instead"),
    ("show", "read information_schema instead"),
    ("pragma", "read pragma_table_info('table') and the like instead"),
    ("call", "a check calls no procedures"),
    ("do", "a check only reads"),
    ("copy", "a check reads tables, not files"),
    ("set", "write the value, or give it as a parameter `:name`"),
    ("attach", "a check reads one database; make a check of its own for another"),
    ("begin", "recon opens the transaction itself, read-only"),
    ("table", "write SELECT * FROM …"),
];

/// A query that may be sent.
#[derive(Clone, Debug, Default)]
pub(in crate::stores) struct Statement {
    text: String,
    params: Vec<Param>,
    /// Names of functions that are used, as the server looks them up.
    pub functions: Vec<String>,
    /// Signs of operators that are used (PostgreSQL).
    pub operators: Vec<String>,
    /// Names of types that are not built in (PostgreSQL).
    pub types: Vec<String>,
    /// Names behind a dot, which PostgreSQL may take for functions of the row before it.
    pub members: Vec<String>,
    /// Whether a text stands in double quotes: elsewhere, and under ANSI_QUOTES, that is a name.
    pub double_quoted: bool,
    /// Whether a text holds a backslash: under NO_BACKSLASH_ESCAPES it escapes nothing.
    pub backslash: bool,
}

impl Statement {
    /// Whatever it is.
    pub(super) fn unexamined(text: &str) -> Statement {
        Statement { text: text.to_owned(), ..Statement::default() }
    }

    /// The parameters in the order in which they stand.
    pub(super) fn param_names(&self) -> impl Iterator<Item = &str> {
        self.params.iter().map(|param| param.name.as_str())
    }

    /// The text with the dialect's placeholders, and the values in their order.
    ///
    /// # Errors
    /// A parameter without a value.
    pub fn bound(&self, dialect: Dialect, given: &[(String, Value)]) -> Result<(String, Vec<Value>), StoreError> {
        let (mut text, mut values, mut numbered) = (String::new(), Vec::new(), Vec::<&str>::new());
        let mut from = 0;
        for Param { at, name } in &self.params {
            let value = given.iter().find(|(known, _)| known == name);
            let (_, value) = value.ok_or_else(|| StoreError::usage(format!("the parameter `{name}` has no value")))?;
            text.push_str(&self.text[from..at.start]);
            from = at.end;
            let known = numbered.iter().position(|known| known == name);
            match (dialect, known) {
                (Dialect::Postgres, Some(at)) => text.push_str(&format!("${}", at + 1)),
                (Dialect::Postgres, None) => {
                    numbered.push(name);
                    values.push(value.clone());
                    text.push_str(&format!("${}", numbered.len()));
                }
                _ => {
                    values.push(value.clone());
                    text.push('?');
                }
            }
        }
        text.push_str(&self.text[from..]);
        Ok((text, values))
    }
}

/// Reads a text and judges it.
///
/// # Errors
/// What is not one query of known functions, with its place.
pub(super) fn examine(dialect: Dialect, text: &str) -> Result<Statement, Refusal> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lexed = lexis::read(dialect, text)?;
    first_word(&lexed)?;
    nesting(&lexed)?;
    let fault = || Refusal::new("the query cannot be examined on this machine; this is a fault of recon");
    let found = std::thread::scope(|scope| {
        let examining = std::thread::Builder::new()
            .name("examine".into())
            .stack_size(STACK)
            .spawn_scoped(scope, || parsed(dialect, &lexed));
        examining.ok().and_then(|thread| thread.join().ok()).ok_or_else(fault)?
    })?;
    let functions = calls(dialect, &lexed, &found)?;
    let Found { operators, types, members, .. } = found;
    let Lexed { plain, params, double_quoted, backslash, .. } = lexed;
    Ok(Statement { text: plain, params, functions, operators, types, members, double_quoted, backslash })
}

/// Refuses early, and with advice, what is no query.
fn first_word(lexed: &Lexed) -> Result<(), Refusal> {
    let begins = lexed.plain.trim_start().trim_start_matches(['(', ' ', '\t', '\n', '\r']);
    if begins.is_empty() {
        return Err(Refusal::new("the query is empty").hint("write one SELECT"));
    }
    let at = lexed.plain.len() - begins.len();
    let word = lexed.words.iter().find(|word| word.at == at && !word.quoted).map_or("", |word| word.text.as_str());
    if ["select", "with", "values"].iter().any(|known| word.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let shown = if word.is_empty() { begins.chars().next().unwrap_or(' ').to_string() } else { shorten(word, 40) };
    let advice = NO_QUERIES.iter().find(|(known, _)| word.eq_ignore_ascii_case(known));
    let advice = advice.map_or("a check is one SELECT, or WITH … SELECT, and only reads", |(_, advice)| advice);
    Err(Refusal::new(format!("the text begins with `{shown}`: it is no query")).hint(advice).at_byte(&lexed.plain, at))
}

/// Bounds what the parser has to try.
fn nesting(lexed: &Lexed) -> Result<(), Refusal> {
    let queries: Vec<usize> = lexed
        .words
        .iter()
        .filter(|word| {
            !word.quoted && ["select", "with", "values"].iter().any(|known| word.text.eq_ignore_ascii_case(known))
        })
        .map(|word| word.at)
        .collect();
    let mut quoted = lexed.quoted.iter().peekable();
    // Of each open parenthesis, whether a query begins in it.
    let mut open: Vec<bool> = Vec::new();
    for (at, c) in lexed.plain.char_indices() {
        quoted.next_if(|range| range.end <= at);
        if quoted.peek().is_some_and(|range| range.contains(&at)) {
            continue;
        }
        match c {
            '(' => {
                let inside = lexed.plain[at + 1..].trim_start_matches([' ', '\t', '\n', '\r', '(']);
                open.push(queries.binary_search(&(lexed.plain.len() - inside.len())).is_ok());
            }
            ')' => {
                open.pop();
            }
            _ => continue,
        }
        if open.len() > DEEPEST || open.iter().filter(|query| **query).count() > DEEPEST_SUBQUERY {
            let what = format!("nested deeper than {DEEPEST_SUBQUERY} subqueries or {DEEPEST} parentheses");
            return Err(Refusal::new(what).hint("give parts of the query names with WITH").at_byte(&lexed.plain, at));
        }
    }
    Ok(())
}

/// Parses the blanked text and walks through it.
fn parsed(dialect: Dialect, lexed: &Lexed) -> Result<Found, Refusal> {
    let text = &lexed.plain;
    let spoken = Spoken::new(dialect);
    let tokens = Tokenizer::new(&spoken, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| unread(text, &error.to_string()))?;
    same_quotes(lexed, &tokens)?;
    misspelt_names(dialect, text, &tokens)?;
    let tokens = in_its_words(dialect, tokens);
    let mut parser = Parser::new(&spoken).with_recursion_limit(RECURSION).with_tokens_with_locations(tokens);
    let query = match parser.parse_query() {
        Ok(query) => query,
        Err(_) if spoken.is_exhausted() => {
            return Err(Refusal::new("the query can be read in too many ways, or is too long")
                .hint("write it more plainly, and give parts of it names with WITH"));
        }
        Err(ParserError::RecursionLimitExceeded) => {
            return Err(Refusal::new(format!("the query is nested more than {DEEPEST} levels deep"))
                .hint("give parts of it names with WITH"));
        }
        Err(ParserError::ParserError(what) | ParserError::TokenizerError(what)) => return Err(unread(text, &what)),
    };
    let next = parser.peek_token();
    if next.token != Token::EOF {
        let what = format!("`{}` cannot stand here", shorten(&next.token.to_string(), 40));
        return Err(Refusal::new(what).hint(NOT_READ).at_byte(text, byte_at(text, next.span.start)));
    }
    let mut walk = Walk::new(dialect);
    if let std::ops::ControlFlow::Break(refusal) = query.visit(&mut walk) {
        return Err(refusal);
    }
    let found = walk.found();
    let lexed_params: Vec<&str> = lexed.params.iter().map(|param| param.name.as_str()).collect();
    let mut read_params: Vec<&str> = found.params.iter().map(String::as_str).collect();
    // The tree is not walked in the order of the text.
    let mut expected = lexed_params.clone();
    read_params.sort_unstable();
    expected.sort_unstable();
    if read_params != expected {
        return Err(
            Refusal::new("a `:` cannot be told from a parameter").hint("leave a blank behind a `:` that is none")
        );
    }
    Ok(found)
}

const NOT_READ: &str =
    "recon runs only what it can read; try the query in the store's own client, or write it more plainly";

/// The parser's complaint, with its place.
fn unread(text: &str, what: &str) -> Refusal {
    let (said, place) = what.split_once(" at Line: ").unwrap_or((what, ""));
    let said = said.strip_prefix("sql parser error: ").unwrap_or(said);
    let refusal = Refusal::new(format!("the query cannot be read: {}", shorten(said, 200))).hint(NOT_READ);
    let numbers: Vec<u64> =
        place.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        [line, column, ..] if *line > 0 => Refusal { at: Some((*line, *column)), ..refusal },
        _ => refusal.at_byte(text, text.trim_end().len()),
    }
}

/// SQLite takes a misspelt name in double quotes for a text, which no value ever equals.
fn misspelt_names(dialect: Dialect, text: &str, tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let found = tokens.iter().find(|token| match &token.token {
        Token::Word(word) => dialect == Dialect::Sqlite && word.quote_style == Some('"'),
        Token::DoubleQuotedString(_) => dialect == Dialect::Sqlite,
        _ => false,
    });
    let Some(token) = found else { return Ok(()) };
    Err(Refusal::new("a name in double quotes: SQLite takes it for a text when it is misspelt")
        .hint("write [name], or the name without quotes")
        .at_byte(text, byte_at(text, token.span.start)))
}

/// The parser and we must agree on what is quoted and that nothing is a comment: two readings of one text are how a
/// statement is smuggled past its examiner.
fn same_quotes(lexed: &Lexed, tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let text = &lexed.plain;
    let differs = |at: usize| {
        Err(Refusal::new("what is quoted here can be read in two ways")
            .hint("write texts in single quotes, without backslashes, and names without quotes where you can")
            .at_byte(text, at))
    };
    let mut places = Places::of(text);
    let mut ours = lexed.quoted.iter();
    for token in tokens {
        let quoted = match &token.token {
            Token::Word(word) => word.quote_style.is_some(),
            Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::HexStringLiteral(_) => true,
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
                return differs(places.byte(token.span.start));
            }
            _ => false,
        };
        // 0x41 is a HexStringLiteral too, without quotes.
        let (start, end) = (places.byte(token.span.start), places.byte(token.span.end));
        let at = start..end;
        let plain_number = matches!(&token.token, Token::HexStringLiteral(_)) && text[at.clone()].starts_with(['0']);
        if !quoted || plain_number {
            continue;
        }
        match ours.next() {
            Some(our) if our.end == at.end && same_start(text, our, &at) => {}
            _ => return differs(at.start),
        }
    }
    match ours.next() {
        Some(our) => differs(our.start),
        None => Ok(()),
    }
}

/// A token of the parser's may begin with the letter before the quote: `E'…'`, `x'…'`.
fn same_start(text: &str, our: &Range<usize>, parsed: &Range<usize>) -> bool {
    our.start == parsed.start || (our.start == parsed.start + 1 && text.as_bytes()[parsed.start].is_ascii_alphabetic())
}

/// Goes forward through a text, from one place to the next.
struct Places<'a> {
    rest: std::str::CharIndices<'a>,
    end: usize,
    line: u64,
    column: u64,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Places<'a> {
        Places { rest: text.char_indices(), end: text.len(), line: 1, column: 1 }
    }

    /// The byte at which a place lies; it must not lie before the one that was asked for last.
    fn byte(&mut self, place: Location) -> usize {
        while (self.line, self.column) < (place.line, place.column) {
            match self.rest.next() {
                Some((_, '\n')) => (self.line, self.column) = (self.line + 1, 1),
                Some(_) => self.column += 1,
                None => return self.end,
            }
        }
        self.rest.offset().min(self.end)
    }
}

fn byte_at(text: &str, place: Location) -> usize {
    Places::of(text).byte(place)
}

/// Every word with a parenthesis behind it is a function that is known to read only, a word of the language, or a name
/// that the query itself gives. This looks at the words alone, and so holds for parts of the language that the walk
/// through the tree might not see.
fn calls(dialect: Dialect, lexed: &Lexed, found: &Found) -> Result<Vec<String>, Refusal> {
    let mut used: Vec<String> = Vec::new();
    for word in lexed.words.iter().filter(|word| word.opens != Opens::No) {
        let name = word.text.to_ascii_lowercase();
        if !word.quoted && functions::is_structure(dialect, &name) {
            continue;
        }
        if found.given.contains(&word.text) && !functions::is_harmful(&name) {
            continue;
        }
        // A quoted name is one of the store's own functions only in the spelling that the store gave it.
        let spelt = if word.quoted && dialect == Dialect::Postgres { &word.text } else { &name };
        match functions::standing(dialect, spelt) {
            Standing::Known => {}
            Standing::Refused(refusal) => return Err(refusal.at_byte(&lexed.plain, word.at)),
        }
        if dialect == Dialect::MySql && word.opens == Opens::Later && functions::needs_its_parenthesis(&name) {
            let shown = word.text.to_uppercase();
            return Err(Refusal::new(format!(
                "`{shown} (`: with a blank MySQL takes this for a function of somebody's own"
            ))
            .hint(format!("write `{shown}(`"))
            .at_byte(&lexed.plain, word.at));
        }
        // Behind a dot it is looked up in the schema named there, which the walk has found to be the server's own.
        let qualified = lexed.plain[..word.at].trim_end_matches([' ', '\t', '\n', '\r']).ends_with('.');
        if !qualified && !used.contains(&name) {
            used.push(name);
        }
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::{MySqlDialect, PostgreSqlDialect};

    use super::*;

    /// `'a\'` is a whole text in PostgreSQL, and goes on behind its second quote in MySQL.
    #[test]
    fn two_readings_of_one_text_are_noticed() {
        let text = r"SELECT 'a\', ', pg_sleep(1) -- '";
        let lexed = lexis::read(Dialect::Postgres, text).expect("reads");
        let tokens =
            |tokenized: Result<Vec<TokenWithSpan>, _>| tokenized.map_err(|_: sqlparser::tokenizer::TokenizerError| ());
        let same =
            tokens(Tokenizer::new(&PostgreSqlDialect {}, &lexed.plain).tokenize_with_location()).expect("tokens");
        assert!(same_quotes(&lexed, &same).is_ok());
        let other = tokens(Tokenizer::new(&MySqlDialect {}, &lexed.plain).tokenize_with_location()).expect("tokens");
        assert!(same_quotes(&lexed, &other).is_err());
        // A comment that only the parser sees.
        let lexed = Lexed { plain: "SELECT 1 -- x".into(), ..Lexed::default() };
        let seen =
            tokens(Tokenizer::new(&PostgreSqlDialect {}, &lexed.plain).tokenize_with_location()).expect("tokens");
        assert!(same_quotes(&lexed, &seen).is_err());
    }

    #[test]
    fn parameters_are_put_in_their_places() {
        let statement = examine(Dialect::Postgres, "SELECT :b, ':a', :a /* :b */, :b").expect("passes");
        let given = ["a", "b"].map(|name| (name.to_owned(), Value::Text { text: name.into(), untyped: false }));
        let (text, values) = statement.bound(Dialect::Postgres, &given).expect("binds");
        assert_eq!(text, "SELECT $1, ':a', $2         , $1");
        assert_eq!(values.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b", "a"]);
        let (text, values) = statement.bound(Dialect::MySql, &given).expect("binds");
        assert_eq!((text.as_str(), values.len()), ("SELECT ?, ':a', ?         , ?", 3));
        assert!(statement.bound(Dialect::MySql, &given[..1]).is_err());
    }
}

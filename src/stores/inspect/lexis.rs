//! The words of a check's SQL, told apart as its store tells them apart: what is quoted, what is a comment, where the
//! statement ends, which words have a parenthesis behind them.
//!
//! The store never sees a comment: each is blanked, so nothing can hide in one. Where the stores disagree about a text,
//! or a server's settings decide what it means, the text is refused: a parser that guesses can be led to see another
//! statement than the server. Must not know which functions exist.

use std::ops::Range;

use crate::stores::sql::Dialect;

use super::Refusal;

/// Longest text of a check, in bytes.
pub(super) const LONGEST: usize = 64 << 10;

/// A text, taken apart.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    /// The text with every comment and the closing semicolon blanked: each character and line is where it was.
    pub plain: String,
    /// Texts and quoted names, with their quotes; bytes of `plain`.
    pub quoted: Vec<Range<usize>>,
    /// Names and keywords.
    pub words: Vec<Word>,
    /// `:name`, in the order in which they stand.
    pub params: Vec<Param>,
    /// Whether a text stands in double quotes (MySQL).
    pub double_quoted: bool,
    /// Whether a text holds a backslash (MySQL).
    pub backslash: bool,
}

/// A name or keyword.
#[derive(Debug)]
pub(super) struct Word {
    /// Where it begins; a byte of `plain`.
    pub at: usize,
    /// Without its quotes.
    pub text: String,
    pub quoted: bool,
    /// The parenthesis behind it.
    pub opens: Opens,
}

/// Whether a parenthesis follows a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opens {
    No,
    AtOnce,
    /// After blanks or comments.
    Later,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Param {
    /// With its colon; bytes of `plain`.
    pub at: Range<usize>,
    /// Without it.
    pub name: String,
}

/// What stood before, as far as the next thing's meaning depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Blank,
    Word,
    Number,
    Text,
    Symbol(char),
}

/// Takes a text apart.
///
/// # Errors
/// What is not closed, what means different things on different servers, and more than one statement.
pub(super) fn read(dialect: Dialect, text: &str) -> Result<Lexed, Refusal> {
    if text.len() > LONGEST {
        let what = format!("the query is {} bytes long: more than {LONGEST} are not run", text.len());
        return Err(Refusal::new(what).hint("split it into several checks, or make a view of its common part"));
    }
    let mut reader =
        Reader { dialect, text, at: 0, lexed: Lexed::default(), before: Before::Nothing, last: Before::Nothing };
    while reader.at < text.len() {
        reader.step()?;
    }
    Ok(reader.lexed)
}

struct Reader<'a> {
    dialect: Dialect,
    text: &'a str,
    at: usize,
    lexed: Lexed,
    /// What stands directly before.
    before: Before,
    /// The same, blanks and comments left out.
    last: Before,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn refuse<T>(&self, what: impl Into<String>, hint: &str) -> Result<T, Refusal> {
        Err(Refusal::new(what).hint(hint).at_byte(self.text, self.at))
    }

    fn step(&mut self) -> Result<(), Refusal> {
        let mut chars = self.rest().chars();
        let (Some(c), next) = (chars.next(), chars.next().unwrap_or('\0')) else { return Ok(()) };
        match c {
            ' ' | '\t' | '\n' | '\r' => self.blank(1),
            '-' if next == '-' => return self.dashes(),
            '#' if self.dialect == Dialect::MySql => self.line_comment(),
            '/' if next == '*' => return self.block_comment(),
            '*' if next == '/' => return self.refuse("`*/` ends no comment", "leave a blank between `*` and `/`"),
            ';' => return self.end(),
            '\'' => return self.text_literal(c),
            '"' if self.dialect == Dialect::MySql => return self.text_literal(c),
            '"' => return self.quoted_name('"'),
            '`' if self.dialect != Dialect::Postgres => return self.quoted_name('`'),
            '[' if self.dialect == Dialect::Sqlite => return self.quoted_name(']'),
            ':' => return self.colon(next),
            '.' if next.is_ascii_digit() && !matches!(self.before, Before::Word | Before::Number) => {
                return self.number();
            }
            '0'..='9' => return self.number(),
            c if starts_word(c) => return self.word(),
            c => return self.symbol(c, next),
        }
        Ok(())
    }

    /// Copies so many bytes.
    fn take(&mut self, len: usize, as_what: Before) -> Range<usize> {
        let from = self.lexed.plain.len();
        self.lexed.plain.push_str(&self.text[self.at..self.at + len]);
        self.at += len;
        (self.before, self.last) = (as_what, as_what);
        from..self.lexed.plain.len()
    }

    /// Leaves blanks in place of so many bytes.
    fn blank(&mut self, len: usize) {
        let gone = &self.text[self.at..self.at + len];
        self.lexed.plain.extend(gone.chars().map(|c| if matches!(c, '\n' | '\r') { c } else { ' ' }));
        self.at += len;
        self.before = Before::Blank;
    }

    fn line_comment(&mut self) {
        let len = self.rest().find('\n').unwrap_or(self.rest().len());
        self.blank(len);
    }

    fn dashes(&mut self) -> Result<(), Refusal> {
        let behind = self.rest().as_bytes().get(2).copied();
        if self.dialect == Dialect::MySql && !matches!(behind, None | Some(b' ' | b'\t' | b'\n' | b'\r')) {
            return self.refuse(
                "`--` without a blank behind it is a comment elsewhere and two minus signs on MySQL",
                "write a blank behind the `--` of a comment, or between two minus signs",
            );
        }
        self.line_comment();
        Ok(())
    }

    fn block_comment(&mut self) -> Result<(), Refusal> {
        let body = &self.rest()[2..];
        // Wherever it stands and whichever store it is: what one server skips another one runs.
        if body.starts_with(['!', '+']) || body.starts_with("M!") || body.starts_with("m!") {
            let what =
                format!("a comment that begins with `/*{}` is run by servers", body.chars().next().unwrap_or('!'));
            return self.refuse(what, "leave it out: a check takes no version comments and no optimizer hints");
        }
        let Some(end) = body.find("*/") else {
            return self.refuse("the comment that begins here does not end", "close it with `*/`");
        };
        if body[..end].contains("/*") {
            return self.refuse(
                "a comment inside of a comment: PostgreSQL nests them, others do not",
                "leave the inner `/*` out, or use `--` comments",
            );
        }
        self.blank(end + 4);
        Ok(())
    }

    /// A semicolon may end the text, and nothing else.
    fn end(&mut self) -> Result<(), Refusal> {
        self.blank(1);
        while self.at < self.text.len() {
            match self.rest().as_bytes() {
                [b';' | b' ' | b'\t' | b'\n' | b'\r', ..] => self.blank(1),
                [b'-', b'-', ..] => self.dashes()?,
                [b'#', ..] if self.dialect == Dialect::MySql => self.line_comment(),
                [b'/', b'*', ..] => self.block_comment()?,
                _ => {
                    return self.refuse(
                        "the text goes on behind its `;`: a check is one statement",
                        "make a check of its own of each statement",
                    );
                }
            }
        }
        Ok(())
    }

    fn text_literal(&mut self, quote: char) -> Result<(), Refusal> {
        if self.last == Before::Text {
            return self.refuse("two texts side by side", "join them with `||` or CONCAT(…), or leave one out");
        }
        // E'…' of PostgreSQL: its letter stands directly before, as a word of its own.
        let escapes = match self.dialect {
            Dialect::MySql => true,
            Dialect::Postgres => {
                self.before == Before::Word
                    && self.lexed.words.last().is_some_and(|word| !word.quoted && word.text.eq_ignore_ascii_case("e"))
            }
            Dialect::Sqlite => false,
        };
        let Some(len) = closed(self.rest(), quote, escapes) else {
            return self.refuse(format!("the text that begins here does not end with {quote}"), "close it");
        };
        self.lexed.double_quoted |= quote == '"';
        self.lexed.backslash |= self.rest()[..len].contains('\\');
        let at = self.take(len, Before::Text);
        self.lexed.quoted.push(at);
        Ok(())
    }

    fn quoted_name(&mut self, end: char) -> Result<(), Refusal> {
        let Some(len) = closed(self.rest(), end, false) else {
            return self.refuse(format!("the name that begins here does not end with {end}"), "close it");
        };
        let inside = &self.rest()[1..len - 1];
        let text =
            if end == ']' { inside.to_owned() } else { inside.replace(&format!("{end}{end}"), &end.to_string()) };
        self.named(len, text, true);
        Ok(())
    }

    fn named(&mut self, len: usize, text: String, quoted: bool) {
        let at = self.take(len, Before::Word);
        let opens = if self.rest().starts_with('(') {
            Opens::AtOnce
        } else if opens_later(self.rest(), self.dialect) {
            Opens::Later
        } else {
            Opens::No
        };
        self.lexed.words.push(Word { at: at.start, text, quoted, opens });
        if quoted {
            self.lexed.quoted.push(at);
        }
    }

    fn word(&mut self) -> Result<(), Refusal> {
        if matches!(self.before, Before::Number) {
            return self.refuse("a number and a name run into each other", "leave a blank between them");
        }
        let dollars = self.dialect != Dialect::Sqlite;
        let part = |c: char| starts_word(c) || c.is_ascii_digit() || (c == '$' && dollars);
        let len = self.rest().find(|c| !part(c)).unwrap_or(self.rest().len());
        let text = self.rest()[..len].to_owned();
        self.named(len, text, false);
        Ok(())
    }

    fn number(&mut self) -> Result<(), Refusal> {
        if matches!(self.before, Before::Number | Before::Word) {
            return self.refuse("a number where none can stand", "leave a blank before it");
        }
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut len = digits(0);
        if len == 1 && bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X')) {
            len = 2 + bytes[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        } else {
            if bytes.get(len) == Some(&b'.') {
                len += 1 + digits(len + 1);
            }
            if matches!(bytes.get(len), Some(b'e' | b'E')) {
                let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
                let exponent = digits(len + 1 + sign);
                // Without digits it is no exponent, and MySQL reads `1.e(` as if it were not there at all.
                if exponent > 0 {
                    len += 1 + sign + exponent;
                }
            }
        }
        self.take(len, Before::Number);
        Ok(())
    }

    fn colon(&mut self, next: char) -> Result<(), Refusal> {
        match next {
            ':' => {
                self.take(2, Before::Symbol(':'));
            }
            '=' => {
                return self
                    .refuse("`:=` assigns a value", "a check only reads: use a subquery, WITH or a window function");
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.rest()[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let len = name.map_or(self.rest().len(), |len| len + 1);
                let name = self.rest()[1..len].to_owned();
                let at = self.take(len, Before::Number);
                self.lexed.params.push(Param { at, name });
            }
            _ if self.dialect == Dialect::Postgres => {
                self.take(1, Before::Symbol(':'));
            }
            _ => return self.refuse("`:` without a name", "write a parameter as `:name`"),
        }
        Ok(())
    }

    fn symbol(&mut self, c: char, next: char) -> Result<(), Refusal> {
        let postgres = self.dialect == Dialect::Postgres;
        let unicode = |word: &Word| !word.quoted && word.text.eq_ignore_ascii_case("u");
        match c {
            '&' if postgres
                && matches!(next, '\'' | '"')
                && self.before == Before::Word
                && self.lexed.words.last().is_some_and(unicode) =>
            {
                self.refuse("`U&` hides what is written behind it", "write the characters themselves")
            }
            '(' | ')' | ',' | '.' | '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '|' | '&' | '~' | '^' => {
                self.take(1, Before::Symbol(c));
                Ok(())
            }
            '[' | ']' | '@' | '#' | '?' if postgres => {
                self.take(1, Before::Symbol(c));
                Ok(())
            }
            '@' if self.dialect == Dialect::MySql => self
                .refuse("a check has no variables (`@`, `@@`)", "write the value, or give it as a parameter `:name`"),
            '?' | '@' | '$' if !postgres && starts_word(next) | matches!(c, '?') => {
                self.refuse(format!("`{c}` is no parameter here"), "name each parameter `:name`")
            }
            '$' if postgres && next.is_ascii_digit() => {
                self.refuse("`$1` is no parameter here", "name each parameter `:name`")
            }
            '$' => self.refuse("texts between dollar signs are not taken", "write the text in single quotes"),
            '{' | '}' => {
                self.refuse(format!("`{c}` has no place in a query"), "write what stands in the braces plainly")
            }
            '\\' => self.refuse("a backslash outside of a text", "leave it out"),
            c if c.is_ascii() => {
                let shown = if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { c.to_string() };
                self.refuse(
                    format!("`{shown}` has no place in a query"),
                    "leave it out, or put it into a text or a quoted name",
                )
            }
            c => {
                let what =
                    format!("the character U+{:04X} has no place outside of a text or a quoted name", u32::from(c));
                self.refuse(what, "it may have come with a copy from a document: write a plain blank or quote")
            }
        }
    }
}

fn starts_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && c.is_alphanumeric())
}

/// The length of what is quoted at the start, its quotes included; `None` when it does not end.
fn closed(text: &str, end: char, escapes: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\0' => return None,
            '\\' if escapes => {
                chars.next();
            }
            c if c == end => match chars.peek() {
                Some((_, next)) if *next == end && end != ']' => {
                    chars.next();
                }
                _ => return Some(at + 1),
            },
            _ => {}
        }
    }
    None
}

/// Whether the next thing that is no blank and no comment is a parenthesis.
fn opens_later(mut text: &str, dialect: Dialect) -> bool {
    loop {
        text = text.trim_start_matches([' ', '\t', '\n', '\r']);
        let comment = match text.as_bytes() {
            [b'/', b'*', ..] => text.find("*/").map(|end| end + 2),
            [b'-', b'-', ..] => text.find('\n'),
            [b'#', ..] if dialect == Dialect::MySql => text.find('\n'),
            _ => return text.starts_with('('),
        };
        match comment {
            Some(len) => text = &text[len..],
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Dialect; 3] = [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite];

    fn plain(dialect: Dialect, text: &str) -> String {
        read(dialect, text).unwrap_or_else(|refusal| panic!("{text}: {refusal}")).plain
    }

    #[test]
    fn comments_and_the_end_are_blanked_in_place() {
        for dialect in ALL {
            assert_eq!(
                plain(dialect, "SELECT 1 -- é;\n, /* a\nb */ 2 ; -- x\n;"),
                "SELECT 1      \n,     \n     2       \n "
            );
        }
        assert_eq!(plain(Dialect::MySql, "SELECT 1 # é ' \n"), "SELECT 1       \n");
    }

    #[test]
    fn what_is_quoted_is_as_the_store_quotes() {
        let quoted = |dialect, text: &str| {
            let lexed = read(dialect, text).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
            lexed.quoted.iter().map(|at| lexed.plain[at.clone()].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            quoted(Dialect::MySql, r#"'a\'b' , "c""d" , `e``f` , '\\'"#),
            [r"'a\'b'", r#""c""d""#, "`e``f`", r"'\\'"]
        );
        assert_eq!(
            quoted(Dialect::Postgres, r#"'a\' , E'b\'c' , "d""e" , x'00'"#),
            [r"'a\'", r"'b\'c'", r#""d""e""#, "'00'"]
        );
        assert_eq!(quoted(Dialect::Postgres, r"some'a\' , b"), [r"'a\'"]);
        assert_eq!(quoted(Dialect::Sqlite, "'a\\' , [b] , `d`, \"e\""), ["'a\\'", "[b]", "`d`", "\"e\""][..].to_vec());
    }

    #[test]
    fn parameters_and_calls_are_found() {
        let lexed = read(Dialect::Postgres, "SELECT f(:a), g /* x */ ('b:c'), x::date, :b_1 FROM t").expect("reads");
        assert_eq!(lexed.params.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["a", "b_1"]);
        let calls: Vec<_> =
            lexed.words.iter().filter(|w| w.opens != Opens::No).map(|w| (w.text.as_str(), w.opens)).collect();
        assert_eq!(calls, [("f", Opens::AtOnce), ("g", Opens::Later)]);
    }

    #[test]
    fn what_servers_may_read_otherwise_is_refused() {
        for text in [
            "SELECT 1; SELECT 2",
            "SELECT 1 /*!, SLEEP(5)*/",
            "SELECT 1 /*M!100000, SLEEP(5)*/",
            "SELECT /*+ MAX_EXECUTION_TIME(0) */ 1",
            "SELECT 1 /* a /* b */ c */",
            "SELECT 1 /* open",
            "SELECT 'open",
            "SELECT 1*/2",
            "SELECT 'a' 'b'",
            "SELECT 'a'\n'b'",
            "SELECT 1.e(2)",
            "SELECT 1x",
            "SELECT 1\u{a0}+ 1",
            "SELECT 1\0",
            "SELECT a\\g",
            "SELECT {fn now()}",
            "SELECT @a",
            "SELECT $x",
            "SELECT a := 1",
            "SELECT $1",
        ] {
            for dialect in ALL {
                if text == "SELECT @a" && dialect == Dialect::Postgres {
                    continue;
                }
                assert!(read(dialect, text).is_err(), "{dialect:?}: {text}");
            }
        }
        assert!(read(Dialect::MySql, "SELECT 1 --2").is_err());
        assert!(read(Dialect::Postgres, "SELECT U&'\\0061'").is_err());
        assert!(read(Dialect::Postgres, "SELECT U&\"\\0061\"(1)").is_err());
        assert!(read(Dialect::Postgres, "SELECT $$a$$").is_err());
        assert!(read(Dialect::Postgres, &format!("SELECT '{}'", "x".repeat(LONGEST))).is_err());
    }
}

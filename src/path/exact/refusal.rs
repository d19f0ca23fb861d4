//! `Refusal`: why a query is not run, where in its text, and what to write instead. Places in the SQL, which a
//! run-time error names too. Must not know polars.

use std::fmt;

use sqlparser::tokenizer::{Location, Span};

use crate::domain::shorten;
use crate::stores::StoreError;

/// What the layer cannot prove exact, or does not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub what: String,
    /// Line in the SQL, from 1; 0 when the place is not known.
    pub line: u64,
    /// Column in that line, in characters, from 1; 0 when the place is not known.
    pub column: u64,
    /// The offending text, shortened.
    pub text: String,
    /// What to write instead.
    pub instead: Option<String>,
}

impl Refusal {
    /// A refusal without a place; the parsed text gives one with a place.
    pub fn new(what: impl Into<String>) -> Refusal {
        Refusal { what: what.into(), line: 0, column: 0, text: String::new(), instead: None }
    }

    /// As an error of a file's text: `file:line:column: …`, or `file: …` when the place is not known.
    pub fn in_file(self, file: &str) -> StoreError {
        let place = if self.line > 0 { format!("{file}:{}:{}", self.line, self.column) } else { file.to_owned() };
        let text = if self.text.is_empty() { String::new() } else { format!("`{}`: ", self.text) };
        let error = StoreError::usage(format!("{place}: {text}{}", self.what));
        match self.instead {
            Some(instead) => error.hint(instead),
            None => error,
        }
    }

    /// With what to write instead.
    #[must_use]
    pub fn instead(mut self, instead: impl Into<String>) -> Refusal {
        self.instead = Some(instead.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        if !self.text.is_empty() {
            write!(f, "`{}`: ", self.text)?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> StoreError {
        let error = StoreError::usage(format!("SQL, {refusal}"));
        match refusal.instead {
            Some(instead) => error.hint(instead),
            None => error,
        }
    }
}

/// A place in the SQL, for errors at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text of the expression, shortened.
    pub text: String,
    /// Line from 1, 0 when not known.
    pub line: u64,
    /// Column from 1, 0 when not known.
    pub column: u64,
    /// The output column that is being computed, when there is one.
    pub output: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)?;
        if self.line > 0 {
            write!(f, " (line {}, column {})", self.line, self.column)?;
        }
        match &self.output {
            Some(output) => write!(f, " in column `{output}`"),
            None => Ok(()),
        }
    }
}

/// The text of the query, to cut places out of it.
pub(super) struct Sql<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Sql<'a> {
    pub(super) fn new(text: &'a str) -> Sql<'a> {
        Sql { lines: text.split('\n').collect() }
    }

    /// The text between two locations; `None` when either is unknown or they do not fit the text.
    fn cut(&self, span: Span) -> Option<String> {
        let (start, end) = (span.start, span.end);
        if start.line == 0 || end.line < start.line {
            return None;
        }
        let mut cut = String::new();
        for line in start.line..=end.line {
            let text = self.lines.get(usize::try_from(line - 1).ok()?)?;
            let from = if line == start.line { start.column.saturating_sub(1) } else { 0 };
            let to = if line == end.line { end.column.saturating_sub(1) } else { u64::MAX };
            if !cut.is_empty() {
                cut.push(' ');
            }
            let taken = text.chars().skip(usize::try_from(from).ok()?);
            let length = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
            cut.push_str(taken.take(length).collect::<String>().trim());
        }
        (!cut.is_empty()).then_some(cut)
    }

    /// A refusal of the text at `span`; `shown` stands for it when the parser kept no place.
    pub(super) fn refuse(&self, span: Span, shown: &str, what: impl Into<String>) -> Refusal {
        let place = self.place(span, shown, None);
        Refusal { what: what.into(), line: place.line, column: place.column, text: place.text, instead: None }
    }

    /// The place at `span`.
    pub(super) fn place(&self, span: Span, shown: &str, output: Option<String>) -> Place {
        // The parser's spans of calls and operators end before a closing bracket: the printed form of the
        // expression is the better text, the span gives the place.
        let Location { line, column } = span.start;
        let text = if shown.is_empty() { self.cut(span).unwrap_or_default() } else { shown.to_owned() };
        Place { text: shorten(&text, 80), line, column, output }
    }
}

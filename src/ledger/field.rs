//! Values bound to statements of the ledger, and rows read of it. Must not know what they mean.

use super::error::LedgerError;

/// A value to bind, or one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Null,
    Integer(i64),
    Text(String),
}

impl From<i64> for Field {
    fn from(number: i64) -> Self {
        Field::Integer(number)
    }
}

impl From<&str> for Field {
    /// PostgreSQL holds no NUL in a text: it is written as JSON writes it, on every engine alike.
    fn from(text: &str) -> Self {
        Field::Text(if text.contains('\0') { text.replace('\0', "\\u0000") } else { text.to_owned() })
    }
}

impl From<&String> for Field {
    fn from(text: &String) -> Self {
        Field::from(text.as_str())
    }
}

impl<T: Into<Field>> From<Option<T>> for Field {
    fn from(value: Option<T>) -> Self {
        value.map_or(Field::Null, Into::into)
    }
}

/// Values to bind.
macro_rules! fields {
    ($($value:expr),* $(,)?) => { &[$($crate::ledger::field::Field::from($value)),*] };
}
pub(super) use fields;

/// A row that was read.
#[derive(Clone, Debug)]
pub(super) struct Row(pub(super) Vec<Field>);

impl Row {
    pub(super) fn text(&self, at: usize) -> Result<String, LedgerError> {
        self.maybe_text(at)?.ok_or_else(|| unexpected(at, "NULL"))
    }

    pub(super) fn maybe_text(&self, at: usize) -> Result<Option<String>, LedgerError> {
        match self.0.get(at) {
            Some(Field::Text(text)) => Ok(Some(text.clone())),
            Some(Field::Null) => Ok(None),
            other => Err(unexpected(at, &format!("{other:?}"))),
        }
    }

    pub(super) fn integer(&self, at: usize) -> Result<i64, LedgerError> {
        self.maybe_integer(at)?.ok_or_else(|| unexpected(at, "NULL"))
    }

    pub(super) fn maybe_integer(&self, at: usize) -> Result<Option<i64>, LedgerError> {
        match self.0.get(at) {
            Some(Field::Integer(number)) => Ok(Some(*number)),
            Some(Field::Null) => Ok(None),
            other => Err(unexpected(at, &format!("{other:?}"))),
        }
    }
}

fn unexpected(at: usize, found: &str) -> LedgerError {
    LedgerError::failed(format!("the ledger holds something else than expected in field {} ({found})", at + 1))
        .hint_damaged()
}

impl LedgerError {
    fn hint_damaged(self) -> Self {
        self.hinted(
            "its tables were changed by something else than recon; `recon runs verify-audit` shows what still holds",
        )
    }
}

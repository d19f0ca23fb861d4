//! Stored cells as SQL literals and as fields of CSV. Must not decide what is stored.

use std::fmt::Write;

use crate::domain::{Amount, Cell, CellRef, Value};
use crate::stores::sql::Dialect;

use super::form::{plain_digits, push_small};

/// Appends a stored cell as a literal.
///
/// # Errors
/// Why the store has no literal for it.
pub(super) fn push_literal(dialect: Dialect, at: CellRef<'_>, out: &mut String) -> Result<(), String> {
    match at.cell {
        Cell::Null | Cell::Absent => out.push_str("NULL"),
        Cell::Number { coefficient, scale, .. } => push_small(out, coefficient, scale),
        Cell::Wide { text, .. } => {
            let amount = Amount::parse(at.text(text)).map_err(|error| error.to_string())?;
            match (amount.is_finite(), dialect) {
                (true, _) => out.push_str(&plain_digits(&amount)),
                (false, Dialect::Postgres) => {
                    let _ = write!(out, "'{amount}'::numeric");
                }
                (false, _) => return Err(format!("there is no exact number `{amount}`")),
            }
        }
        Cell::Text(span) => push_text(dialect, at.text(span), out)?,
        Cell::Bool(truth) => out.push_str(if truth { "TRUE" } else { "FALSE" }),
        Cell::Date(days) => {
            let _ = write!(out, "'{}'", crate::domain::format_date(days));
        }
        Cell::Instant { nanos, .. } => {
            let text = crate::domain::format_instant(nanos, 6);
            let zone = if dialect == Dialect::Postgres { "+00" } else { "" };
            out.push('\'');
            out.extend(text.trim_end_matches('Z').chars().map(|c| if c == 'T' { ' ' } else { c }));
            out.push_str(zone);
            out.push('\'');
        }
        _ => return Err(format!("{} cannot be stored", Value::of(at).type_name())),
    }
    Ok(())
}

fn push_text(dialect: Dialect, text: &str, out: &mut String) -> Result<(), String> {
    let plain = |byte: &u8| (b' '..0x7f).contains(byte) && !matches!(byte, b'\'' | b'\\');
    if text.as_bytes().iter().all(plain) {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
        return Ok(());
    }
    if dialect == Dialect::Postgres && text.contains('\0') {
        return Err("PostgreSQL holds no text with a NUL in it".into());
    }
    out.push_str(&dialect.text(text));
    Ok(())
}

/// Appends a stored cell as a field: NULL is nothing, empty text is `""`.
///
/// # Errors
/// Why it cannot be written.
pub(super) fn push_field(at: CellRef<'_>, out: &mut String) -> Result<(), String> {
    match at.cell {
        Cell::Null | Cell::Absent => {}
        Cell::Number { coefficient, scale, .. } => push_small(out, coefficient, scale),
        Cell::Wide { text, .. } => out.push_str(at.text(text)),
        Cell::Text(span) | Cell::Untyped(span) => push_quoted(at.text(span), out),
        _ => return Err(format!("{} cannot be stored", Value::of(at).type_name())),
    }
    Ok(())
}

/// Appends a text as a field, in quotes where they are needed.
pub(super) fn push_quoted(text: &str, out: &mut String) {
    let plain = !text.is_empty()
        && !text.contains(['"', ',', '\n', '\r', '\t', ';'])
        && !text.starts_with([' ', '\u{feff}', '#'])
        && !text.ends_with(' ');
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

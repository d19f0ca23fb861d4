//! The user's query: that it is one SELECT, and its parameters in the forms that keep them exact.
//! Values are bound, never written into the text.

use mysql_common::constants::ColumnType;

use super::super::StoreError;
use super::wire::Arguments;
use crate::domain::{Amount, Value};

/// The one SELECT (or WITH) of a text, without a closing semicolon.
///
/// # Errors
/// Anything else: another statement, several statements, nothing.
pub(super) fn one_select(sql: &str) -> Result<&str, StoreError> {
    let refuse = |what: &str| {
        StoreError::usage(format!("the query {what}")).hint("give one SELECT, or WITH … SELECT, that only reads")
    };
    let mut first_word = None;
    let mut end = None;
    let mut at = 0;
    while at < sql.len() {
        let rest = &sql[at..];
        let blank = blank_len(rest);
        if blank > 0 {
            at += blank;
            continue;
        }
        let c = rest.chars().next().unwrap_or_default();
        if c == ';' {
            end = end.or(Some(at));
            at += 1;
            continue;
        }
        if end.is_some() {
            return Err(refuse("has more than one statement"));
        }
        if c == '(' && first_word.is_none() {
            at += 1;
            continue;
        }
        let len = match c {
            '\'' | '"' | '`' => quoted_len(rest, c),
            _ if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            _ => c.len_utf8(),
        };
        first_word = first_word.or(Some(&rest[..len]));
        at += len;
    }
    match first_word {
        None => Err(refuse("is empty")),
        Some(word) if word.eq_ignore_ascii_case("select") || word.eq_ignore_ascii_case("with") => {
            Ok(sql[..end.unwrap_or(sql.len())].trim_end())
        }
        Some(word) => Err(refuse(&format!("starts with `{}`", crate::domain::shorten(word, 30)))),
    }
}

/// White space or an ordinary comment at the start; `/*!` and `/*M!` are code.
fn blank_len(sql: &str) -> usize {
    let line = || sql.find('\n').unwrap_or(sql.len());
    match sql.as_bytes() {
        [b'-', b'-'] => 2,
        [b'-', b'-', c, ..] if c.is_ascii_whitespace() || c.is_ascii_control() => line(),
        [b'#', ..] => line(),
        [b'/', b'*', b'!', ..] | [b'/', b'*', b'M', b'!', ..] => 0,
        [b'/', b'*', ..] => sql[2..].find("*/").map_or(sql.len(), |at| at + 4),
        _ => sql.find(|c: char| !c.is_whitespace()).unwrap_or(sql.len()),
    }
}

fn quoted_len(sql: &str, quote: char) -> usize {
    let mut chars = sql.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote != '`' {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    sql.len()
}

/// The parameters of a query, in the order of its placeholders.
///
/// # Errors
/// A value that MySQL has no exact form for.
pub(super) fn arguments(values: &[Value]) -> Result<Arguments, StoreError> {
    let mut arguments = Arguments::default();
    for value in values {
        add(&mut arguments, value)?;
    }
    Ok(arguments)
}

fn add(arguments: &mut Arguments, value: &Value) -> Result<(), StoreError> {
    use ColumnType as T;
    let refuse = |why: &str| Err(StoreError::usage(format!("the parameter `{value}` cannot be sent to MySQL: {why}")));
    let nanos_of_day = |nanos: i128| u64::try_from(nanos.rem_euclid(DAY_NANOS)).unwrap_or_default();
    match value {
        Value::Null | Value::Absent => arguments.add_null(),
        Value::Bool(b) => arguments.add(T::MYSQL_TYPE_TINY, &[u8::from(*b)]),
        Value::Text { text, .. } => arguments.add_counted(T::MYSQL_TYPE_VAR_STRING, text.as_bytes()),
        Value::Uuid(_) => arguments.add_counted(T::MYSQL_TYPE_VAR_STRING, value.to_string().as_bytes()),
        Value::Bytes(bytes) => arguments.add_counted(T::MYSQL_TYPE_BLOB, bytes),
        Value::Number { amount, .. } => {
            let whole =
                amount.small().filter(|(_, scale)| *scale == 0).and_then(|(whole, _)| i64::try_from(whole).ok());
            match (whole, decimal_text(amount)) {
                (Some(whole), _) => arguments.add(T::MYSQL_TYPE_LONGLONG, &whole.to_le_bytes()),
                (None, Some(text)) => arguments.add_counted(T::MYSQL_TYPE_NEWDECIMAL, text.as_bytes()),
                (None, None) => return refuse("it does not fit DECIMAL(65,30)"),
            }
        }
        Value::Date(days) => match date_bytes(i64::from(*days)) {
            Some(date) => arguments.add_counted(T::MYSQL_TYPE_DATE, &date),
            None => return refuse("it lies outside the years 0 to 9999"),
        },
        Value::Instant { nanos, .. } if nanos % 1_000 == 0 => {
            let date = i64::try_from(nanos.div_euclid(DAY_NANOS)).ok().and_then(date_bytes);
            match date {
                Some(date) => {
                    let instant = [&date[..], &clock_bytes(nanos_of_day(*nanos))].concat();
                    arguments.add_counted(T::MYSQL_TYPE_DATETIME, &instant);
                }
                None => return refuse("it lies outside the years 0 to 9999"),
            }
        }
        Value::Time { nanos, .. } if nanos % 1_000 == 0 => {
            let size = nanos.unsigned_abs();
            let days = u32::try_from(size / DAY_NANOS as u64).unwrap_or(u32::MAX);
            let mut time = vec![u8::from(*nanos < 0)];
            time.extend(days.to_le_bytes());
            time.extend(clock_bytes(size % DAY_NANOS as u64));
            arguments.add_counted(T::MYSQL_TYPE_TIME, &time);
        }
        Value::Instant { .. } | Value::Time { .. } => return refuse("MySQL holds microseconds at most"),
        other => return refuse(&format!("{} has no form there", other.type_name())),
    }
    Ok(())
}

const DAY_NANOS: i128 = 86_400_000_000_000;

/// The digits of an amount that fits MySQL's widest decimal.
fn decimal_text(amount: &Amount) -> Option<String> {
    let text = amount.to_string();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (plain && whole.len() + fraction.len() <= 65 && fraction.len() <= 30).then_some(text)
}

fn date_bytes(days: i64) -> Option<[u8; 4]> {
    let days = jiff::Span::new().try_days(days).ok()?;
    let date = jiff::civil::date(1970, 1, 1).checked_add(days).ok().filter(|date| date.year() >= 0)?;
    let [low, high] = date.year().to_le_bytes();
    Some([low, high, date.month() as u8, date.day() as u8])
}

fn clock_bytes(nanos: u64) -> [u8; 7] {
    let seconds = nanos / 1_000_000_000;
    let micros = ((nanos % 1_000_000_000 / 1_000) as u32).to_le_bytes();
    let part = |n: u64| (n % 60) as u8;
    [(seconds / 3_600) as u8, part(seconds / 60), part(seconds), micros[0], micros[1], micros[2], micros[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_select_passes() {
        for good in [
            "select 1",
            " -- why\n/* what */ # who\nWITH a AS (SELECT 1) SELECT * FROM a; -- end\n;",
            "((SELECT 1) UNION (SELECT 2))",
            "SELECT ';', \";\", `;`, 'it\\';' -- ; DROP TABLE x",
            "SELECT /*! STRAIGHT_JOIN */ 5--3",
        ] {
            assert!(one_select(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            " -- SELECT 1",
            "DELETE FROM t",
            "/*! DELETE FROM t */ SELECT 1",
            "SELECT 1; DROP TABLE t",
            "CALL p()",
            "SELECT 1;;SELECT 2",
            "SET @a = 1",
            "SELECTX 1",
        ] {
            assert!(one_select(bad).is_err(), "{bad}");
        }
        assert_eq!(one_select("SELECT 1 ; -- x").expect("one"), "SELECT 1");
    }

    #[test]
    fn decimals_are_sent_whole_or_refused() {
        let text = |t: &str| decimal_text(&Amount::parse(t).expect("amount"));
        let widest = format!("-{}.{}", "9".repeat(35), "9".repeat(30));
        assert_eq!(text(&widest), Some(widest.clone()));
        assert_eq!(text(&format!("0.{}", "1".repeat(31))), None);
        assert_eq!(text(&"9".repeat(66)), None);
        assert_eq!(text("NaN"), None);
    }
}

//! Values as a person sees them: nothing invisible, nothing that could repaint a terminal, and no two different
//! values that look the same. For the formats read by people; machines get the exact data.

use std::borrow::Cow;
use std::fmt::Write;

use similar::{ChangeTag, TextDiff};
use unicode_width::UnicodeWidthChar;

use crate::domain::Value;

/// Whether a character cannot be seen, looks like a blank, or moves what stands around it.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}'
            | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn escape(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
    }
}

/// A label, message or line with what is hidden written as `\u{…}`.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) { escape(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// A line of a text diff: blanks at its end are shown too.
pub(super) fn visible_line(line: &str) -> String {
    let body = line.trim_end_matches(' ');
    let mut out = visible(body).into_owned();
    for _ in body.len()..line.len() {
        out.push_str("\\u{20}");
    }
    out
}

/// Text in quotes; a backslash is doubled, so that no escape can be faked.
fn quoted(text: &str, also: impl Fn(usize, char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for (at, c) in text.char_indices() {
        match c {
            '\\' => out.push_str("\\\\"),
            _ if hidden(c) || also(at, c) => escape(c, &mut out),
            _ => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// One value. Text stands in quotes: `'NULL'` is a text, `NULL` is none.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::Text { text, .. } => quoted(text, |_, _| false),
        Value::Unknown(reason) if reason.is_empty() => "(unknown)".to_owned(),
        other => visible(&other.to_string()).into_owned(),
    }
}

/// Both values of a difference, told apart even where they look alike.
pub(super) fn show_pair(legacy: &Value, candidate: &Value) -> (String, String) {
    let (l, c) = match (legacy, candidate) {
        (Value::Text { text: l, .. }, Value::Text { text: c, .. }) if l != c && !(l.is_ascii() && c.is_ascii()) => {
            alike_texts(l, c)
        }
        _ => (show(legacy), show(candidate)),
    };
    if l == c {
        let with_type = |text: String, value: &Value| format!("{text} ({})", value.type_name());
        return (with_type(l, legacy), with_type(c, candidate));
    }
    (l, c)
}

/// Characters of other scripts that are drawn like Latin ones, and punctuation drawn like ASCII's.
fn drawn_like_ascii(c: char) -> bool {
    matches!(c, '\u{2b0}'..='\u{2ff}' | '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{2010}'..='\u{205e}'
        | '\u{2100}'..='\u{214f}' | '\u{2200}'..='\u{22ff}' | '\u{ff01}'..='\u{ffef}' | '\u{1d400}'..='\u{1d7ff}')
}

/// Where two texts differ, combining characters (`é` in one or two characters) and look-alikes of ASCII are
/// written as code points.
fn alike_texts(legacy: &str, candidate: &str) -> (String, String) {
    const LONGEST: usize = 2_000;
    if legacy.len().max(candidate.len()) > LONGEST {
        return (quoted(legacy, |_, _| false), quoted(candidate, |_, _| false));
    }
    let combines = |c: char| !c.is_ascii() && c.width() == Some(0);
    let any_combines = legacy.chars().chain(candidate.chars()).any(combines);
    let diff = TextDiff::from_chars(legacy, candidate);
    let (mut at_legacy, mut at_candidate) = (0, 0);
    let (mut changed_legacy, mut changed_candidate) = (Vec::new(), Vec::new());
    for change in diff.iter_all_changes() {
        let len = change.value().len();
        match change.tag() {
            ChangeTag::Equal => {
                at_legacy += len;
                at_candidate += len;
            }
            ChangeTag::Delete => {
                changed_legacy.push(at_legacy);
                at_legacy += len;
            }
            ChangeTag::Insert => {
                changed_candidate.push(at_candidate);
                at_candidate += len;
            }
        }
    }
    let write = |text: &str, changed: &[usize]| {
        quoted(text, |at, c| {
            !c.is_ascii() && changed.binary_search(&at).is_ok() && (any_combines || drawn_like_ascii(c))
        })
    };
    (write(legacy, &changed_legacy), write(candidate, &changed_candidate))
}

/// Two long texts cut to `width` characters around their first difference.
pub(super) fn around_difference(legacy: &str, candidate: &str, width: usize) -> (String, String) {
    let same = legacy.chars().zip(candidate.chars()).take_while(|(l, c)| l == c).count();
    let longest = legacy.chars().count().max(candidate.chars().count());
    let from = if longest <= width { 0 } else { same.saturating_sub(width / 3) };
    (window(legacy, from, width), window(candidate, from, width))
}

fn window(text: &str, from: usize, width: usize) -> String {
    let mut out = String::new();
    let mut rest = text.chars().skip(from);
    if from > 0 {
        out.push('…');
    }
    out.extend(rest.by_ref().take(width.saturating_sub(2)));
    let tail: String = rest.by_ref().take(2).collect();
    if rest.next().is_some() || tail.chars().count() > 2 {
        out.push('…');
    } else {
        out.push_str(&tail);
    }
    out
}

/// The key as people say it: `id=17, currency='KRW'`.
pub(super) fn show_key(key: &[(String, Value)]) -> String {
    let parts: Vec<String> = key.iter().map(|(name, value)| format!("{}={}", visible(name), show(value))).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Amount, NumberForm};

    fn text(text: &str) -> Value {
        Value::Text { text: text.to_owned(), untyped: false }
    }

    fn pair(l: &str, c: &str) -> (String, String) {
        show_pair(&text(l), &text(c))
    }

    #[test]
    fn no_value_can_repaint_the_terminal() {
        let hostile = "\u{1b}[2J\u{9b}31m\r\nAGREE\u{202e}\u{7}\u{7f}";
        assert_eq!(show(&text(hostile)), r"'\u{1b}[2J\u{9b}31m\r\nAGREE\u{202e}\u{7}\u{7f}'");
        assert_eq!(visible(hostile), r"\u{1b}[2J\u{9b}31m\r\nAGREE\u{202e}\u{7}\u{7f}");
        assert_eq!(show(&Value::Unknown(hostile.into())).chars().filter(|c| c.is_control()).count(), 0);
        let nested = Value::Document(vec![("\u{1b}[0m".into(), text("\u{9b}1m"))]);
        assert!(!show(&nested).chars().any(char::is_control));
    }

    #[test]
    fn what_differs_looks_different() {
        assert_eq!(pair("po_2", "po_2 "), ("'po_2'".into(), "'po_2 '".into()));
        assert_eq!(pair("a b", "a\u{a0}b"), ("'a b'".into(), r"'a\u{a0}b'".into()));
        assert_eq!(pair("caf\u{e9}", "cafe\u{301}"), (r"'caf\u{e9}'".into(), r"'cafe\u{301}'".into()));
        assert_eq!(pair("PAY", "P\u{410}Y"), ("'PAY'".into(), r"'P\u{410}Y'".into()));
        assert_eq!(pair("김철수", "김철호"), ("'김철수'".into(), "'김철호'".into()));
        assert_eq!(pair(r"\n", "\n"), (r"'\\n'".into(), r"'\n'".into()));
        assert_eq!(show_pair(&text("NULL"), &Value::Null), ("'NULL'".into(), "NULL".into()));
        assert_eq!(show_pair(&text(""), &Value::Absent), ("''".into(), "(absent)".into()));
        let number = |form| Value::Number { amount: Amount::new(15, 1), form };
        assert_eq!(
            show_pair(&number(NumberForm::Decimal), &number(NumberForm::Double)),
            ("1.5 (decimal)".into(), "1.5 (double)".into())
        );
    }

    #[test]
    fn long_texts_are_cut_around_the_difference() {
        let l = format!("{}old tail{}", "x".repeat(100), "y".repeat(100));
        let c = format!("{}new tail{}", "x".repeat(100), "y".repeat(100));
        let (l, c) = around_difference(&l, &c, 30);
        assert!(l.contains("old") && c.contains("new") && l.starts_with('…') && l.ends_with('…'), "{l} {c}");
        assert!(l.chars().count() <= 31);
        assert_eq!(around_difference("abc", "abd", 30), ("abc".into(), "abd".into()));
    }
}

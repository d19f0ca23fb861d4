//! `RuleError`: what is wrong with a rule, where in its text, and what to do.

use std::fmt;

use serde_json::value::RawValue;
use unicode_width::UnicodeWidthChar as _;

use crate::domain::json::JsonFields;

/// A rule cannot be used. Points into the text of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in the line, in characters from 1.
    pub column: usize,
    /// The innermost value that the place lies in: `$.all[1].gt[0]`.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line of the text.
    source: String,
}

impl RuleError {
    /// At a byte of the text.
    pub(super) fn at(text: &str, offset: usize, what: impl Into<String>) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let source = text[start..].lines().next().unwrap_or("");
        RuleError {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            path: path_at(text, offset),
            what: what.into(),
            hint: None,
            source: source.to_owned(),
        }
    }

    /// From the JSON reader's own error on a part of the text.
    pub(super) fn of_json(text: &str, part: &str, error: &serde_json::Error) -> Self {
        let what = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let what = what.strip_suffix(&place).unwrap_or(&what);
        let line: usize = part.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = offset(text, part) + line + error.column().saturating_sub(1);
        RuleError::at(text, at, format!("this is not JSON: {what}"))
    }

    /// With what to do about it.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what to do about it, if something is known.
    #[must_use]
    pub(super) fn perhaps(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// The line of the text with a caret below the place, cut to a window where it is long. Two lines, no line end.
    pub fn excerpt(&self) -> String {
        const AROUND: usize = 60;
        let at = self.column - 1;
        let from = at.saturating_sub(AROUND);
        // What would move the cursor or hide text is shown as a blank.
        let shown = |c: char| if c.width().is_some() && !c.is_control() { c } else { ' ' };
        let window: Vec<char> = self.source.chars().skip(from).take(2 * AROUND).map(shown).collect();
        let head = if from > 0 { "…" } else { "" };
        let tail = if self.source.chars().count() > from + window.len() { "…" } else { "" };
        let blanks: usize =
            head.chars().chain(window.iter().copied().take(at - from)).map(|c| c.width().unwrap_or(1)).sum();
        let line = self.line.to_string();
        let margin = " ".repeat(line.len());
        format!("{line} | {head}{}{tail}\n{margin} | {}^", window.iter().collect::<String>(), " ".repeat(blanks))
    }
}

impl fmt::Display for RuleError {
    /// One line: place, what is wrong, what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {} ({}): {}", self.line, self.column, self.path, self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RuleError {}

/// Where a part of `text` begins, in bytes.
pub(super) fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len())
}

/// The path of the innermost value of a JSON text that holds a byte; `$` where the text cannot be read.
fn path_at(text: &str, at: usize) -> String {
    let mut path = "$".to_owned();
    let mut part = text.trim();
    let holds = |raw: &&RawValue| {
        let start = offset(text, raw.get());
        (start..start + raw.get().len()).contains(&at)
    };
    loop {
        part = match part.as_bytes().first() {
            Some(b'{') => {
                let Ok(JsonFields(fields)) = serde_json::from_str::<JsonFields<'_>>(part) else { return path };
                let Some((name, raw)) = fields.into_iter().find(|(_, raw)| holds(raw)) else { return path };
                if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                    path.push('.');
                    path.push_str(&name);
                } else {
                    path.push_str(&format!("[{}]", serde_json::Value::from(crate::domain::shorten(&name, 40))));
                }
                raw.get()
            }
            Some(b'[') => {
                let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(part) else { return path };
                let Some((index, raw)) = items.into_iter().enumerate().find(|(_, raw)| holds(raw)) else {
                    return path;
                };
                path.push_str(&format!("[{index}]"));
                raw.get()
            }
            _ => return path,
        };
    }
}

/// The most similar of the known words, if one is similar at all.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word of a hostile text may be of any length, and the distance is quadratic.
    let wrong = crate::domain::shorten(wrong, 80).to_lowercase();
    let near = |name: &&str| strsim::osa_distance(&wrong, name);
    let best = known.into_iter().min_by_key(near)?;
    let allowed = (wrong.chars().count().max(best.chars().count()) / 3).max(1);
    (near(&best) <= allowed).then_some(best)
}

/// [`nearest`] as a hint.
pub(super) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, known).map(|best| format!("did you mean `{best}`?"))
}

//! `ConfigError`: what is wrong with the project file, where, and what to do. Exit 2.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use super::secret::mask_url;

/// Something is wrong with `recon.toml`. Never holds the value of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// Line and column (characters), both from 1.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ConfigError {
    /// With the next step for the user.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The text of a project file, to turn places into lines and columns.
#[derive(Clone, Debug)]
pub(crate) struct SourceText {
    pub(super) file: String,
    pub(super) text: String,
    /// Strings as they stand in the file, and what they became; only the former may be printed.
    pub(super) expanded: Vec<(String, String)>,
}

impl SourceText {
    pub(crate) fn new(path: &Path, text: String) -> Self {
        SourceText { file: path.display().to_string(), text, expanded: Vec::new() }
    }

    /// An error at a place of the file.
    pub(crate) fn error(&self, at: Range<usize>, what: impl Into<String>) -> ConfigError {
        let mut what = what.into();
        for (original, value) in &self.expanded {
            // What is shorter is no secret, and would be found everywhere.
            if value.chars().count() >= 4 {
                let escaped = format!("{value:?}");
                what = what.replace(&escaped, &format!("{original:?}")).replace(value, original);
            }
        }
        ConfigError { file: self.file.clone(), position: Some(self.position(at.start)), what, hint: None }
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// An error of the TOML reader or of serde, in the words of this tool.
    pub(crate) fn reworded(&self, error: &toml::de::Error) -> ConfigError {
        let message = error.message();
        let (what, names) = if let Some(rest) = message.strip_prefix("unknown field ") {
            (format!("unknown key {rest}"), true)
        } else if let Some(rest) = message.strip_prefix("unknown variant ") {
            (format!("unknown value {rest}"), true)
        } else if let Some(rest) = message.strip_prefix("missing field ") {
            (format!("{rest} is missing"), false)
        } else {
            (plain_types(&message.trim().replace('\n', ", ")), false)
        };
        let span = error.span().unwrap_or(0..0);
        let what = match self.text.get(span.clone()) {
            Some(key) if what == "duplicate key" => format!("duplicate key `{}`", key.trim()),
            _ => what,
        };
        let mut reworded = self.error(span, what.clone());
        if names {
            let mut quoted = what.split('`').skip(1).step_by(2);
            if let Some(wrong) = quoted.next() {
                reworded.hint = did_you_mean(wrong, quoted);
            }
        }
        if message.contains("duplicate key") && reworded.hint.is_none() {
            reworded.hint = Some("a key may stand only once in its table; remove one of the two".into());
        }
        reworded
    }
}

/// serde's names of types in the words of TOML; a URL that stands where it does not belong is masked.
fn plain_types(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let found = match (found.find('"'), found.rfind('"')) {
        (Some(from), Some(until)) if from < until => {
            format!("{}{}{}", &found[..=from], mask_url(&found[from + 1..until]), &found[until..])
        }
        _ => found.to_owned(),
    };
    let expected = match expected {
        "a sequence" => "a list",
        "a map" => "a table",
        "u32" => "a whole number, not negative",
        "i64" => "a whole number",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    format!("{found}, expected {expected}")
}

/// The most similar of the known names, if one is similar at all.
pub(crate) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = |name: &&str| strsim::osa_distance(wrong, name);
    let best = known.into_iter().min_by_key(near)?;
    let allowed = (wrong.chars().count().max(best.chars().count()) / 3).max(1);
    (near(&best) <= allowed).then(|| format!("did you mean `{best}`?"))
}

/// Names for a sentence: "`a`, `b`", or "none".
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|n| format!("`{n}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

//! A check as a file: `.sql` with a comment header for queries, `.json` for rules and pipelines. The query keeps every
//! byte on its way to the database and back. Must not open a file.

use crate::config::{did_you_mean, listed};
use crate::domain::{JsonError, json_fields};

use super::row::CheckRow;

/// What the header may say beside `name` and `version`, in the order in which it is written.
const KEYS: [&str; 14] = [
    "reconciliation",
    "stage",
    "kind",
    "store",
    "severity",
    "warn_if",
    "error_if",
    "max_flag_rate",
    "expect",
    "examines",
    "timeout_ms",
    "enabled",
    "owner",
    "description",
];

/// Digits of a version's hash that a file keeps.
const DIGITS: usize = 16;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileForm {
    /// A comment header, an empty line, the query.
    Sql,
    /// `{"check": {header}, "rule" or "pipeline": …}`.
    Json,
}

impl FileForm {
    /// The form for a kind of check.
    pub fn of(row: &CheckRow) -> FileForm {
        match row.kind.as_deref().map(str::trim) {
            Some("rule" | "pipeline") => FileForm::Json,
            _ => FileForm::Sql,
        }
    }

    /// By a file's ending.
    pub fn of_ending(ending: &str) -> Option<FileForm> {
        match ending {
            "sql" => Some(FileForm::Sql),
            "json" => Some(FileForm::Json),
            _ => None,
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            FileForm::Sql => "sql",
            FileForm::Json => "json",
        }
    }
}

/// The version in the database that a file was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileVersion {
    /// Its number.
    pub number: u64,
    /// The first digits of its hash.
    pub hash: String,
}

impl FileVersion {
    /// A version as a file keeps it.
    pub fn of(number: u64, hash: &str) -> FileVersion {
        FileVersion { number, hash: hash.chars().take(DIGITS).collect() }
    }

    /// Whether this is a version of that hash.
    pub fn is(&self, hash: &str) -> bool {
        hash.starts_with(&self.hash)
    }

    fn parse(text: &str) -> Option<FileVersion> {
        let (number, hash) = text.split_once(' ')?;
        let hash = hash.trim();
        let digits = hash.len() == DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(FileVersion { number: number.parse().ok()?, hash: digits.then(|| hash.to_owned())? })
    }

    fn text(&self) -> String {
        format!("{} {}", self.number, self.hash)
    }
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFile {
    /// The check, as [`CheckRow::content`].
    pub row: CheckRow,
    /// The version that it was made from, where it says so.
    pub version: Option<FileVersion>,
}

/// Why a file is none of a check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

impl FileError {
    fn new(line: usize, what: impl Into<String>) -> FileError {
        FileError { line, what: what.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> FileError {
        self.hint = Some(hint.into());
        self
    }
}

/// Reads a file. What the columns mean is not asked here.
///
/// # Errors
/// The line that is wrong, and why.
pub fn parse(form: FileForm, text: &str) -> Result<CheckFile, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = match form {
        FileForm::Sql => sql(text)?,
        FileForm::Json => json(text)?,
    };
    let Header { mut row, version, .. } = header;
    if row.name.is_empty() {
        return Err(FileError::new(1, "the header says no `name`"));
    }
    row = row.content();
    if FileForm::of(&row) != form {
        let (kind, ending) = (row.kind.as_deref().unwrap_or_default(), FileForm::of(&row).ending());
        return Err(FileError::new(1, format!("a check of kind `{kind}` is written in a .{ending} file")));
    }
    Ok(CheckFile { row, version })
}

/// Writes a file.
pub fn render(row: &CheckRow, version: Option<&FileVersion>) -> String {
    let row = row.content();
    let said = |key: &&str| -> Option<(String, String)> {
        let text = row.columns().into_iter().find(|(column, _)| column == key)?.1?;
        (*key != "enabled" || text != "true").then(|| ((*key).to_owned(), text.to_owned()))
    };
    let mut header = vec![("name".to_owned(), row.name.clone())];
    header.extend(version.map(|version| ("version".to_owned(), version.text())));
    header.extend(KEYS.iter().filter_map(said));
    match FileForm::of(&row) {
        FileForm::Sql => {
            let lines: Vec<String> = header.iter().map(|(key, text)| header_lines(key, text)).collect();
            format!("{}\n{}\n", lines.concat(), row.query.as_deref().unwrap_or_default())
        }
        FileForm::Json => {
            let lines: Vec<String> =
                header.iter().map(|(key, text)| format!("    {}: {}", quoted(key), header_value(key, text))).collect();
            let query = row.query.as_deref().unwrap_or_default();
            let whole = serde_json::from_str::<&serde_json::value::RawValue>(query);
            let (key, query) = match whole {
                Ok(raw) if raw.get() == query => (row.kind.as_deref().unwrap_or("rule"), query.to_owned()),
                _ => ("text", quoted(query)),
            };
            format!("{{\n  \"check\": {{\n{}\n  }},\n  {}: {query}\n}}\n", lines.join(",\n"), quoted(key))
        }
    }
}

/// A key of a comment header; a text of several lines goes on after three blanks.
fn header_lines(key: &str, text: &str) -> String {
    let mut lines = text.split('\n');
    let mut out = format!("-- {key}: {}\n", lines.next().unwrap_or_default());
    for line in lines {
        out.push_str(if line.is_empty() { "--" } else { "--   " });
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Whether a file can hold a row so that it comes back as it is.
pub fn is_faithful(row: &CheckRow) -> bool {
    let back = parse(FileForm::of(row), &render(row, None));
    row.unreadable.is_empty() && back.is_ok_and(|file| file.row == row.content())
}

/// The text with another version in its header, where it names one; nothing else changes.
pub fn with_version(form: FileForm, text: &str, version: &FileVersion) -> String {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let header = match form {
        FileForm::Sql => sql(&text[mark..]),
        FileForm::Json => json(&text[mark..]),
    };
    let Some((from, until)) = header.ok().and_then(|header| header.version_at) else { return text.to_owned() };
    let (from, until) = (mark + from, mark + until);
    let value = match form {
        FileForm::Sql => version.text(),
        FileForm::Json => quoted(&version.text()),
    };
    [&text[..from], &value, &text[until..]].concat()
}

/// What a header says so far.
#[derive(Default)]
struct Header {
    row: CheckRow,
    version: Option<FileVersion>,
    /// Where the version stands in the text.
    version_at: Option<(usize, usize)>,
    seen: Vec<String>,
}

impl Header {
    fn set(&mut self, line: usize, key: &str, text: Option<String>) -> Result<(), FileError> {
        if self.seen.iter().any(|seen| seen == key) {
            return Err(FileError::new(line, format!("`{key}` stands twice in the header")));
        }
        self.seen.push(key.to_owned());
        match (key, text) {
            ("name", text) => self.row.name = text.unwrap_or_default(),
            ("version", text) => {
                let text = text.unwrap_or_default();
                self.version = Some(FileVersion::parse(text.trim()).ok_or_else(|| {
                    FileError::new(line, format!("`version` is `{text}`"))
                        .hint("`recon checks pull` writes it; where it is not right, delete the line")
                })?);
            }
            (key, text) if KEYS.contains(&key) => {
                if let Some(column) = self.row.column_mut(key) {
                    *column = text;
                }
            }
            (key, _) => {
                let error = FileError::new(line, format!("`{key}` is no key of a check"));
                let known = || ["name"].into_iter().chain(KEYS);
                return Err(
                    error.hint(did_you_mean(key, known()).unwrap_or_else(|| format!("keys are {}", listed(known()))))
                );
            }
        }
        Ok(())
    }
}

/// The text of a key and the lines that go on with it.
struct Open {
    line: usize,
    key: String,
    text: String,
}

fn sql(text: &str) -> Result<Header, FileError> {
    let mut header = Header::default();
    let mut open: Option<Open> = None;
    let mut at = 0;
    let close = |header: &mut Header, open: Option<Open>| -> Result<(), FileError> {
        let Some(Open { line, key, text }) = open else { return Ok(()) };
        header.set(line, &key, Some(text.trim().to_owned()))
    };
    for (number, whole) in text.split_inclusive('\n').enumerate() {
        let (number, start) = (number + 1, at);
        at += whole.len();
        let line = whole.trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() {
            if open.is_none() && header.seen.is_empty() {
                continue;
            }
            close(&mut header, open.take())?;
            let query = &text[at..];
            header.row.query = Some(query.strip_suffix('\n').unwrap_or(query).to_owned());
            return Ok(header);
        }
        let Some(said) = line.strip_prefix("--") else {
            return Err(FileError::new(number, "this is no line of the header")
                .hint("begin with lines `-- key: value`, `-- name: …` among them; an empty line ends them"));
        };
        if said.starts_with('#') {
            continue;
        }
        if let Some(open) = open.as_mut().filter(|_| said.starts_with("   ") || said.trim().is_empty()) {
            open.text.push('\n');
            open.text.push_str(said.get(3..).unwrap_or_default());
            continue;
        }
        let Some((key, value)) = said.split_once(':') else {
            return Err(FileError::new(number, format!("`{}` is no `-- key: value`", line.trim())).hint(
                "a text goes on after three blanks: `--   …`; `--#` is a comment; an empty line ends the header",
            ));
        };
        close(&mut header, open.take())?;
        let value = value.trim_start();
        if key.trim() == "version" {
            let from = start + line.len() - value.len();
            header.version_at = Some((from, from + value.trim_end().len()));
        }
        open = Some(Open { line: number, key: key.trim().to_owned(), text: value.to_owned() });
    }
    close(&mut header, open.take())?;
    let lines = text.lines().count().max(1);
    Err(FileError::new(lines, "there is no query").hint("an empty line ends the header; the query stands after it"))
}

fn json(text: &str) -> Result<Header, FileError> {
    let line_of = |part: &str| JsonError::at(text, part, "").line;
    let mut header = Header::default();
    let mut kind = None;
    for (name, raw) in json_fields(text).map_err(|error| FileError::new(error.line, error.what))?.0 {
        let line = line_of(raw.get());
        match name.as_ref() {
            "check" if raw.get().starts_with('{') => {
                let inside = |error: JsonError| FileError::new(line + error.line - 1, error.what);
                for (key, value) in json_fields(raw.get()).map_err(inside)?.0 {
                    let line = line_of(value.get());
                    if key.starts_with('#') {
                        continue;
                    }
                    if key == "version" {
                        let from = value.get().as_ptr() as usize - text.as_ptr() as usize;
                        header.version_at = Some((from, from + value.get().len()));
                    }
                    let text = value_text(value.get(), key == "examines")
                        .ok_or_else(|| FileError::new(line, format!("`{key}` is no text, number or truth value")))?;
                    header.set(line, &key, text)?;
                }
            }
            "check" => return Err(FileError::new(line, "`check` is the header: an object of keys and texts")),
            key @ ("rule" | "pipeline" | "text") => {
                if let Some((other, _)) = kind.replace((key.to_owned(), line)) {
                    return Err(FileError::new(line, format!("both `{other}` and `{key}`")));
                }
                header.row.query =
                    match key {
                        "text" => Some(serde_json::from_str::<String>(raw.get()).map_err(|_| {
                            FileError::new(line, "`text` holds a query that is no JSON, as a JSON text")
                        })?),
                        _ => Some(raw.get().to_owned()),
                    };
            }
            other => {
                let known = ["check", "rule", "pipeline", "text"];
                let error = FileError::new(line, format!("`{other}` is no part of a check's file"));
                return Err(
                    error.hint(did_you_mean(other, known).unwrap_or_else(|| format!("parts are {}", listed(known))))
                );
            }
        }
    }
    let Some((key, line)) = kind else {
        return Err(FileError::new(1, "neither `rule` nor `pipeline`").hint("the check's text stands beside `check`"));
    };
    match header.row.kind.as_deref() {
        None if key != "text" => header.row.kind = Some(key),
        Some(said) if key != "text" && said.trim() != key => {
            return Err(FileError::new(line, format!("`{key}` stands where the header says the kind `{said}`")));
        }
        _ => {}
    }
    Ok(header)
}

/// A value of a JSON header as the column's text; `None` for what is none.
#[expect(clippy::option_option, reason = "null is a value")]
fn value_text(raw: &str, any: bool) -> Option<Option<String>> {
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).ok().map(Some),
        Some(b'n') => Some(None),
        Some(b'{' | b'[') if !any => None,
        _ => Some(Some(raw.to_owned())),
    }
}

fn header_value(key: &str, text: &str) -> String {
    let plain = match key {
        "enabled" => text == "false",
        "timeout_ms" => text.parse::<u32>().is_ok_and(|number| number.to_string() == text),
        _ => false,
    };
    if plain { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

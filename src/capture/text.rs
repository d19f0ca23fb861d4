//! The texts of a captured case: `suite.toml`, `case.toml`, rows as CSV, documents as lines of JSON. Must not write a file.

use std::collections::BTreeMap;

use crate::cases::csv_line;
use crate::domain::Value;

/// A table's columns as they are declared, by name; and its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Types such as `decimal(18,2) null`.
    pub types: BTreeMap<String, String>,
    /// The primary key.
    pub key: Vec<String>,
}

/// What `suite.toml` says.
#[derive(Clone, Debug, Default)]
pub struct SuiteText {
    /// The project file, as seen from the suite.
    pub project: String,
    /// The reconciliation of its cases.
    pub reconciliation: String,
    /// The zone that dates and times without one were read in.
    pub timezone: Option<String>,
    /// `scaled` or `text`.
    pub sqlite_decimals: Option<&'static str>,
    /// Tables by store and name.
    pub tables: BTreeMap<(String, String), Columns>,
}

/// What `case.toml` says.
#[derive(Clone, Debug, Default)]
pub struct CaseText {
    /// Why it exists.
    pub why: String,
    /// Tags.
    pub tags: Vec<String>,
    /// The reconciliation, where the suite names another or none.
    pub reconciliation: Option<String>,
    /// Parameters.
    pub params: BTreeMap<String, String>,
    /// The share of agreeing records that take the candidate's value.
    pub percent: Option<u8>,
    /// The share of discrepancies above which everything falls back, in place of the configured one.
    pub max_discrepancy_rate: Option<String>,
    /// Every discrepancy blocks.
    pub strict: bool,
    /// A side without records is fine.
    pub allow_empty: bool,
    /// Tables that the suite does not declare, or otherwise.
    pub tables: BTreeMap<(String, String), Columns>,
    /// The verdict.
    pub verdict: String,
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key: bare where it can be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn tables(tables: &BTreeMap<(String, String), Columns>) -> String {
    let mut out = String::new();
    for ((store, table), columns) in tables {
        let name = format!("{}.{}", key(store), key(table));
        if !columns.key.is_empty() {
            out.push_str(&format!("\n[tables.{name}]\nkey = {}\n", list(&columns.key)));
        } else {
            out.push('\n');
        }
        out.push_str(&format!("[tables.{name}.columns]\n"));
        for (column, kind) in &columns.types {
            out.push_str(&format!("{} = {}\n", key(column), quoted(kind)));
        }
    }
    out
}

impl SuiteText {
    /// The file's text.
    pub fn render(&self) -> String {
        let mut out =
            String::from("# Cases captured from real runs by `recon capture`. docs/testing.md has the format.\n");
        out.push_str(&format!(
            "project = {}\nreconciliation = {}\n",
            quoted(&self.project),
            quoted(&self.reconciliation)
        ));
        if let Some(zone) = &self.timezone {
            out.push_str(&format!("timezone = {}\n", quoted(zone)));
        }
        if let Some(decimals) = self.sqlite_decimals {
            out.push_str(&format!("sqlite_decimals = {}\n", quoted(decimals)));
        }
        out + &tables(&self.tables)
    }
}

impl CaseText {
    /// The file's text.
    pub fn render(&self) -> String {
        let mut out = format!("why = {}\n", quoted(&self.why));
        if !self.tags.is_empty() {
            out.push_str(&format!("tags = {}\n", list(&self.tags)));
        }
        if let Some(name) = &self.reconciliation {
            out.push_str(&format!("reconciliation = {}\n", quoted(name)));
        }
        if !self.params.is_empty() {
            let params: Vec<String> =
                self.params.iter().map(|(name, value)| format!("{} = {}", key(name), quoted(value))).collect();
            out.push_str(&format!("params = {{ {} }}\n", params.join(", ")));
        }
        if let Some(percent) = self.percent {
            out.push_str(&format!("percent = {percent}\n"));
        }
        if let Some(rate) = &self.max_discrepancy_rate {
            out.push_str(&format!("max_discrepancy_rate = {}\n", quoted(rate)));
        }
        if self.strict {
            out.push_str("strict = true\n");
        }
        if self.allow_empty {
            out.push_str("allow_empty = true\n");
        }
        out.push_str(&tables(&self.tables));
        out + &format!("\n[expect]\nverdict = {}\n", quoted(&self.verdict))
    }
}

/// Rows as CSV with a header: NULL is the empty field.
pub fn csv(columns: &[String], rows: &[Value]) -> String {
    let mut out = csv_line(columns.iter().map(|name| Some(name.as_str())));
    out.push('\n');
    for row in rows {
        let Value::Document(fields) = row else { continue };
        let cell = |name: &String| {
            let value = fields.iter().find(|(own, _)| own == name).map(|(_, value)| value);
            value.filter(|value| !value.is_missing()).map(ToString::to_string)
        };
        let cells: Vec<Option<String>> = columns.iter().map(cell).collect();
        out.push_str(&csv_line(cells.iter().map(Option::as_deref)));
        out.push('\n');
    }
    out
}

/// Documents as lines of JSON. What JSON has no form for is Extended JSON, so that it is read as the same type.
pub fn ndjson(documents: &[Value]) -> String {
    let mut out = String::new();
    for document in documents {
        json(document, &mut out);
        out.push('\n');
    }
    out
}

fn json(value: &Value, out: &mut String) {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        Value::Document(fields) => {
            out.push('{');
            for (at, (name, value)) in fields.iter().filter(|(_, value)| !matches!(value, Value::Absent)).enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&text(name));
                out.push(':');
                json(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                json(item, out);
            }
            out.push(']');
        }
        Value::ObjectId(_) => out.push_str(&format!("{{\"$oid\":{}}}", text(&value.to_string()))),
        Value::Instant { .. } => out.push_str(&format!("{{\"$date\":{}}}", text(&value.to_string()))),
        Value::Number { amount, .. } if !amount.is_finite() => {
            out.push_str(&format!("{{\"$numberDecimal\":{}}}", text(&value.to_string())));
        }
        other => out.push_str(&other.to_string_in_json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back_as_they_were() {
        for line in [
            r#"{"_id":{"$oid":"65a000000000000000000001"},"at":{"$date":"2026-11-05T22:00:00.000Z"},"a":[1.50,null,{"b":"x\"y"}],"t":true}"#,
            r#"{"n":123456789012345678901234567890.10,"text":"김"}"#,
        ] {
            let value = Value::from_json(line);
            let written = ndjson(std::slice::from_ref(&value));
            let again = Value::from_json(written.trim_end());
            assert_eq!(format!("{again:?}"), format!("{value:?}"), "{written}");
        }
    }

    #[test]
    fn the_texts_are_read_as_what_they_say() {
        let columns = Columns {
            types: [("a b".into(), "text".into()), ("id".into(), "integer".into())].into(),
            key: vec!["id".into()],
        };
        let tables = BTreeMap::from([(("core".to_owned(), "t.x".to_owned()), columns)]);
        let suite = SuiteText {
            project: "../recon.toml".into(),
            reconciliation: "pay".into(),
            tables: tables.clone(),
            ..SuiteText::default()
        };
        let case = CaseText {
            why: "a \"quoted\"\nreason".into(),
            tags: vec!["captured".into()],
            params: [("day".to_owned(), "2026-11-05".to_owned())].into(),
            verdict: "warned".into(),
            tables,
            ..CaseText::default()
        };
        insta::assert_snapshot!(format!("{}---\n{}", suite.render(), case.render()), @r#"
        # Cases captured from real runs by `recon capture`. docs/testing.md has the format.
        project = "../recon.toml"
        reconciliation = "pay"

        [tables.core."t.x"]
        key = ["id"]
        [tables.core."t.x".columns]
        "a b" = "text"
        id = "integer"
        ---
        why = """
        a "quoted"
        reason"""
        tags = ["captured"]
        params = { day = "2026-11-05" }

        [tables.core."t.x"]
        key = ["id"]
        [tables.core."t.x".columns]
        "a b" = "text"
        id = "integer"

        [expect]
        verdict = "warned"
        "#);
        for text in [suite.render(), case.render()] {
            toml::from_str::<toml::Table>(&text).expect("TOML");
        }
    }
}

//! A row of `recon_checks` as it stands there, whatever somebody wrote into it, and what tells its versions apart.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The columns of `recon_checks` as texts; NULL is `None`. Plain SQL may have put anything into them: what they mean is
/// said by [`super::Definition::of`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckRow {
    /// Names the check.
    pub name: String,
    /// The reconciliation that it belongs to; `None`: every one.
    pub reconciliation: Option<String>,
    /// After which stage it runs.
    pub stage: Option<String>,
    /// `sql`, `pipeline`, `run` or `rule`.
    pub kind: Option<String>,
    /// The store that is asked, for `sql` and `pipeline`.
    pub store: Option<String>,
    /// The query, pipeline or rule.
    pub query: Option<String>,
    /// A query of the same kind that counts the records it looks at.
    pub examines: Option<String>,
    /// A condition on `value`, the one value that the query gives, and on `examined`.
    pub expect: Option<String>,
    /// `error` or `warn`.
    pub severity: Option<String>,
    /// Violations from which it warns: a count or a percentage of the population.
    pub warn_if: Option<String>,
    /// Violations from which it fails.
    pub error_if: Option<String>,
    /// Above this share of the population it is tripped.
    pub max_flag_rate: Option<String>,
    /// Longest time that its query may take, in milliseconds.
    pub timeout_ms: Option<String>,
    /// Whether it runs.
    pub enabled: Option<String>,
    /// Whom to ask about it.
    pub owner: Option<String>,
    /// What it guards, for people.
    pub description: Option<String>,
    /// Who changed it last, as they say.
    pub updated_by: Option<String>,
    /// When, as they say.
    pub updated_at: Option<String>,
    /// What stands in a column and is no text that it can hold: a sentence for each. Such a row is no check.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

impl CheckRow {
    /// The columns that decide what the check does, in their order: a change of any of them is a new version.
    /// Owner, description and who changed it are not among them.
    pub fn judged(&self) -> [(&'static str, Option<&str>); 13] {
        [
            ("reconciliation", self.reconciliation.as_deref()),
            ("stage", self.stage.as_deref()),
            ("kind", self.kind.as_deref()),
            ("store", self.store.as_deref()),
            ("query", self.query.as_deref()),
            ("examines", self.examines.as_deref()),
            ("expect", self.expect.as_deref()),
            ("severity", self.severity.as_deref()),
            ("warn_if", self.warn_if.as_deref()),
            ("error_if", self.error_if.as_deref()),
            ("max_flag_rate", self.max_flag_rate.as_deref()),
            ("timeout_ms", self.timeout_ms.as_deref()),
            ("enabled", self.enabled.as_deref()),
        ]
    }

    /// SHA-256 over name and judged columns, as hexadecimal digits.
    pub fn hash(&self) -> String {
        sha256(&(self.name.as_str(), self.judged()))
    }

    /// SHA-256 over every column, as hexadecimal digits: whether the row is still the one that somebody looked at.
    pub fn fingerprint(&self) -> String {
        sha256(&(self, &self.unreadable))
    }

    /// Name and judged columns alone.
    #[must_use]
    pub fn definition(&self) -> CheckRow {
        CheckRow { owner: None, description: None, updated_by: None, updated_at: None, ..self.clone() }
    }

    /// Every column but those of who changed it last, in the order of the table, the name first.
    pub fn columns(&self) -> [(&'static str, Option<&str>); 16] {
        let judged = self.judged();
        let mut all = [("name", Some(self.name.as_str())); 16];
        all[1..14].copy_from_slice(&judged);
        all[14] = ("owner", self.owner.as_deref());
        all[15] = ("description", self.description.as_deref());
        all
    }

    /// A column but the name, to be set; `None` when there is none of that name.
    pub fn column_mut(&mut self, column: &str) -> Option<&mut Option<String>> {
        Some(match column {
            "reconciliation" => &mut self.reconciliation,
            "stage" => &mut self.stage,
            "kind" => &mut self.kind,
            "store" => &mut self.store,
            "query" => &mut self.query,
            "examines" => &mut self.examines,
            "expect" => &mut self.expect,
            "severity" => &mut self.severity,
            "warn_if" => &mut self.warn_if,
            "error_if" => &mut self.error_if,
            "max_flag_rate" => &mut self.max_flag_rate,
            "timeout_ms" => &mut self.timeout_ms,
            "enabled" => &mut self.enabled,
            "owner" => &mut self.owner,
            "description" => &mut self.description,
            _ => return None,
        })
    }

    /// As the table holds it when nothing more is said: its defaults where nothing stands, NULL for what is blank, and
    /// no blanks around anything but the query, which stays as it is. Who changed it last is left out.
    #[must_use]
    pub fn content(&self) -> CheckRow {
        let mut content = CheckRow { query: self.query.clone(), ..self.definition() };
        for (column, default) in DEFAULTS {
            if let Some(text) = content.column_mut(column) {
                let said = text.as_deref().map(str::trim).filter(|said| !said.is_empty()).or(default);
                *text = said.map(str::to_owned);
            }
        }
        for (column, text) in [("owner", &self.owner), ("description", &self.description)] {
            let said = text.as_deref().map(str::trim).filter(|said| !said.is_empty());
            if let Some(column) = content.column_mut(column) {
                *column = said.map(str::to_owned);
            }
        }
        content.enabled = content.enabled.map(|text| text.to_ascii_lowercase());
        content
    }
}

/// What the table holds where nothing is said.
const DEFAULTS: [(&str, Option<&str>); 12] = [
    ("reconciliation", None),
    ("stage", Some("compared")),
    ("kind", Some("sql")),
    ("store", None),
    ("examines", None),
    ("expect", None),
    ("severity", Some("error")),
    ("warn_if", None),
    ("error_if", None),
    ("max_flag_rate", None),
    ("timeout_ms", None),
    ("enabled", Some("true")),
];

fn sha256(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_does_tells_its_versions_apart() {
        let row = CheckRow { name: "net".into(), query: Some("SELECT 1".into()), ..CheckRow::default() };
        let of = |change: &dyn Fn(&mut CheckRow)| {
            let mut other = row.clone();
            change(&mut other);
            other.hash()
        };
        assert_eq!(of(&|row| row.owner = Some("kim".into())), row.hash());
        assert_eq!(of(&|row| row.updated_by = Some("kim".into())), row.hash());
        let changes: [&dyn Fn(&mut CheckRow); 6] = [
            &|row| row.query = Some("SELECT 1 ".into()),
            &|row| row.error_if = Some("2".into()),
            &|row| row.warn_if = Some("2".into()),
            &|row| row.enabled = Some("false".into()),
            &|row| row.expect = Some(String::new()),
            &|row| row.name = "nett".into(),
        ];
        let mut hashes: Vec<String> = changes.iter().map(|change| of(*change)).collect();
        hashes.push(row.hash());
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 7);
    }
}

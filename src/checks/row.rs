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

    /// As the table holds it when nothing more is said: its defaults where nothing stands, and NULL for what is blank.
    #[must_use]
    pub fn with_defaults(&self) -> CheckRow {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let or = |text: &Option<String>, default: &str| Some(said(text).unwrap_or_else(|| default.to_owned()));
        CheckRow {
            name: self.name.clone(),
            reconciliation: said(&self.reconciliation),
            stage: or(&self.stage, "compared"),
            kind: or(&self.kind, "sql"),
            store: said(&self.store),
            query: self.query.clone(),
            examines: said(&self.examines),
            expect: said(&self.expect),
            severity: or(&self.severity, "error"),
            warn_if: said(&self.warn_if),
            error_if: said(&self.error_if),
            max_flag_rate: said(&self.max_flag_rate),
            timeout_ms: said(&self.timeout_ms),
            enabled: or(&self.enabled, "true"),
            owner: said(&self.owner),
            description: said(&self.description),
            updated_by: said(&self.updated_by),
            updated_at: said(&self.updated_at),
            unreadable: self.unreadable.clone(),
        }
    }
}

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

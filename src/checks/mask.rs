//! Columns whose values are never shown: personal data in samples of violations. Must not know where they are shown.

use crate::domain::Value;

/// Names of such columns; `*` stands for any characters, and case does not matter.
#[derive(Clone, Debug, Default)]
pub struct Masks(Vec<glob::Pattern>);

impl Masks {
    /// From the names in `recon.toml`.
    ///
    /// # Errors
    /// Which of them is no pattern.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Masks, String> {
        let pattern = |name: &str| {
            glob::Pattern::new(&name.to_lowercase())
                .map_err(|error| format!("`{name}` is no name of a column: {error}"))
        };
        names.into_iter().map(pattern).collect::<Result<_, _>>().map(Masks)
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a document, or one inside it, has a field whose values are hidden.
    pub fn inside(&self, value: &Value) -> bool {
        match value {
            Value::Document(fields) => fields.iter().any(|(name, value)| self.hide(name) || self.inside(value)),
            Value::Array(items) => items.iter().any(|item| self.inside(item)),
            _ => false,
        }
    }

    /// Whether the values of a column are hidden; of a dotted path also when any part of it is named.
    pub fn hide(&self, column: &str) -> bool {
        let column = column.trim().to_lowercase();
        let parts = column.split('.').chain([column.as_str()]);
        parts.into_iter().any(|part| self.0.iter().any(|pattern| pattern.matches(part)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns_hide_columns() {
        let masks = Masks::new(["phone", "*account*", "Name"]).expect("patterns");
        for hidden in ["phone", "PHONE", "bank_account_no", "name", "holder.name", "holder.Account.id"] {
            assert!(masks.hide(hidden), "{hidden}");
        }
        for shown in ["net", "names", "phones", "telephone"] {
            assert!(!masks.hide(shown), "{shown}");
        }
        assert!(Masks::new(["a**b***["]).is_err());
    }
}

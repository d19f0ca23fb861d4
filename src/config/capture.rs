//! `[capture]` and `[reconciliation.NAME.capture]` of the project file: how personal data is masked where cases are made of
//! real runs, and which rows a key needs where that cannot be read off a query. Must not mask anything.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use toml::Spanned;

use super::error::{ConfigError, SourceText, did_you_mean, listed};
use super::project::Store;
use super::reconciliation::{Mapped, mapped};
use super::secret::Secret;
use crate::capture::{LEAST_SECRET, Mask, MaskRules, Pseudonyms};

/// `[capture]`, with what holds where it says nothing.
#[derive(Clone, Debug)]
pub struct Capture {
    /// What pseudonyms are made with.
    pub secret: Option<Secret>,
    /// What is done with the values of columns, fields and parameters.
    pub masks: MaskRules,
    /// Values that may be seen although a column that holds them is masked.
    pub allow: Vec<String>,
    /// Rows of a table that is taken whole, at most.
    pub limit: u64,
}

impl Default for Capture {
    fn default() -> Self {
        Capture { secret: None, masks: MaskRules::default(), allow: Vec::new(), limit: 2_000 }
    }
}

/// Which rows of a table a key needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsOf {
    /// All.
    Whole,
    /// Those whose columns hold these parts of the key: the key's name and the column's.
    Key(Vec<Mapped>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCapture {
    pub(super) secret: Option<Spanned<Secret>>,
    limit: Option<Spanned<i64>>,
    #[serde(default)]
    mask: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCaptured {
    #[serde(default)]
    tables: BTreeMap<Spanned<String>, Spanned<RawRows>>,
}

/// `"whole"`, or the columns that hold the key.
#[derive(Debug)]
enum RawRows {
    Whole,
    Columns(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for RawRows {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct WordOrColumns;
        impl<'de> Visitor<'de> for WordOrColumns {
            type Value = RawRows;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "\"whole\", or the columns that hold the key, such as [\"investor_id\"] or [\"id=investor.id\"]",
                )
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawRows, E> {
                match text {
                    "whole" => Ok(RawRows::Whole),
                    other => Err(E::custom(format!("`{other}` is neither \"whole\" nor a list of columns"))),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawRows, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                if all.is_empty() {
                    return Err(A::Error::custom("a table without a column that holds the key"));
                }
                Ok(RawRows::Columns(all))
            }
        }
        from.deserialize_any(WordOrColumns)
    }
}

impl RawCapture {
    /// What it says.
    ///
    /// # Errors
    /// A mask that is none, a secret that is too short, a limit out of its range.
    pub(super) fn capture(&self, source: &SourceText) -> Result<Capture, ConfigError> {
        let default = Capture::default();
        let mut rules: Vec<(&str, Mask)> = Vec::new();
        for (name, mask) in &self.mask {
            let names = || Mask::ALL.iter().map(|(name, _)| *name);
            let Some(found) = Mask::parse(mask.get_ref()) else {
                let error = source.error(mask.span(), format!("there is no mask `{}`", mask.get_ref()));
                let hint = did_you_mean(mask.get_ref(), names());
                return Err(error.hint(hint.unwrap_or_else(|| format!("there are {}", listed(names())))));
            };
            MaskRules::new([(name.get_ref().as_str(), found)]).map_err(|why| {
                source.error(name.span(), why).hint("write names such as phone, holdings.investor.name or *account*")
            })?;
            rules.push((name.get_ref(), found));
        }
        let limit = match &self.limit {
            None => default.limit,
            Some(limit) => match u64::try_from(*limit.get_ref()) {
                Ok(rows @ 1..=1_000_000) => rows,
                _ => {
                    let what = format!("`limit` is {}, and must be 1 to 1000000", limit.get_ref());
                    return Err(source.error(limit.span(), what));
                }
            },
        };
        if let Some(secret) = &self.secret
            && Pseudonyms::new(secret.get_ref().expose()).is_none()
        {
            return Err(source
                .error(secret.span(), format!("`secret` is shorter than {LEAST_SECRET} bytes"))
                .hint("pseudonyms of a short one can be guessed back; `openssl rand -hex 32` makes a long one"));
        }
        Ok(Capture {
            secret: self.secret.as_ref().map(|secret| secret.get_ref().clone()),
            masks: MaskRules::new(rules).unwrap_or_default(),
            allow: self.allow.clone(),
            limit,
        })
    }
}

impl RawCaptured {
    /// The rows of each table, by store and table.
    ///
    /// # Errors
    /// A store or a part of the key that is not there.
    pub(super) fn tables(
        &self,
        source: &SourceText,
        stores: &BTreeMap<String, Store>,
        key: &[Mapped],
    ) -> Result<BTreeMap<(String, String), RowsOf>, ConfigError> {
        let mut all = BTreeMap::new();
        for (name, rows) in &self.tables {
            let Some((store, table)) = name.get_ref().split_once('.').filter(|(_, table)| !table.is_empty()) else {
                let what = format!("`{}` does not name a store and a table", name.get_ref());
                return Err(source.error(name.span(), what).hint("write STORE.TABLE, such as \"core.holdings\""));
            };
            if !stores.contains_key(store) {
                let known = || stores.keys().map(String::as_str);
                let mut error =
                    source.error(name.span(), format!("there is no store `{store}`; there are: {}", listed(known())));
                error.hint = did_you_mean(store, known());
                return Err(error);
            }
            let rows = match rows.get_ref() {
                RawRows::Whole => RowsOf::Whole,
                RawRows::Columns(columns) => {
                    let column = |text: &Spanned<String>| {
                        let column = mapped(text.get_ref());
                        let known = |one: &Mapped| key.iter().any(|k| k.legacy == one.legacy);
                        column.filter(known).ok_or_else(|| {
                            let names = listed(key.iter().map(|k| k.legacy.as_str()));
                            source
                                .error(text.span(), format!("`{}` names no part of the key", text.get_ref()))
                                .hint(format!("the key is {names}; where the table has another name write KEY=COLUMN"))
                        })
                    };
                    RowsOf::Key(columns.iter().map(column).collect::<Result<_, _>>()?)
                }
            };
            all.insert((store.to_owned(), table.to_owned()), rows);
        }
        Ok(all)
    }
}

//! `suite.toml`, `case.toml` and a line of a packed file as they are written: every key and its shape, nothing more.
//! Unknown keys are refused here.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::schema::SqliteDecimals;

/// `suite.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSuite {
    pub project: Option<String>,
    pub profile: Option<String>,
    pub reconciliation: Option<String>,
    #[serde(default)]
    pub params: BTreeMap<String, ParamText>,
    #[serde(default)]
    pub together: bool,
    pub sqlite_decimals: Option<SqliteDecimals>,
    #[serde(default)]
    pub timezone: Option<String>,
    #[serde(default)]
    pub tables: RawTables,
}

pub(super) type RawTables = BTreeMap<String, BTreeMap<String, RawTable>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    pub columns: BTreeMap<String, String>,
    #[serde(default)]
    pub key: Vec<String>,
}

/// `case.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCase {
    pub why: String,
    pub reconciliation: Option<String>,
    #[serde(default)]
    pub params: BTreeMap<String, ParamText>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub percent: Option<u8>,
    pub max_discrepancy_rate: Option<String>,
    #[serde(default)]
    pub strict: bool,
    #[serde(default)]
    pub allow_empty: bool,
    #[serde(default)]
    pub tables: RawTables,
    pub expect: RawExpect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpect {
    pub verdict: RawVerdict,
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawVerdict {
    Clean,
    Warned,
    Blocked,
    Incomplete,
}

/// A line of a packed file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLine<'a> {
    #[allow(dead_code, reason = "read before, with the head; here it is named among the known keys")]
    pub name: String,
    pub why: String,
    pub reconciliation: Option<String>,
    #[serde(default)]
    pub params: BTreeMap<String, ParamText>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub percent: Option<u8>,
    pub max_discrepancy_rate: Option<String>,
    #[serde(default)]
    pub strict: bool,
    #[serde(default)]
    pub allow_empty: bool,
    #[serde(default, borrow)]
    pub inputs: Once<Once<Vec<&'a RawValue>>>,
    #[serde(borrow)]
    pub expect: &'a RawValue,
}

/// What a line expects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLineExpect<'a> {
    pub verdict: RawVerdict,
    pub reason: Option<String>,
    #[serde(default, borrow)]
    pub decisions: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    pub discrepancies: Vec<&'a RawValue>,
}

/// An object none of whose names stands there twice: of two tables of one name the first would be lost.
#[derive(Debug)]
pub(super) struct Once<V>(pub BTreeMap<String, V>);

impl<V> Default for Once<V> {
    fn default() -> Once<V> {
        Once(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Once<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Names<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Names<V> {
            type Value = Once<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once<V>, A::Error> {
                let mut all = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, V>()? {
                    if all.contains_key(&name) {
                        return Err(A::Error::custom(format!("`{name}` stands there twice")));
                    }
                    all.insert(name, value);
                }
                Ok(Once(all))
            }
        }
        from.deserialize_map(Names(PhantomData))
    }
}

/// Enough of a line to know whether it is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct RawHead {
    pub name: String,
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A parameter's value: a text, a whole number or a truth value. A float would be a binary float, so it is refused.
#[derive(Clone, Debug)]
pub(super) struct ParamText(pub String);

impl<'de> Deserialize<'de> for ParamText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Exact;
        impl Visitor<'_> for Exact {
            type Value = ParamText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value in quotes such as \"2026-11-05\" or \"0.10\", a whole number, true or false")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ParamText, E> {
                Ok(ParamText(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<ParamText, E> {
                Ok(ParamText(number.to_string()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<ParamText, E> {
                Ok(ParamText(number.to_string()))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<ParamText, E> {
                Ok(ParamText(truth.to_string()))
            }
        }
        from.deserialize_any(Exact)
    }
}

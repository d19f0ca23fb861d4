//! The project file as it is written: every key of the contract, its shape and nothing more. Unknown keys are
//! refused here; what the values mean is judged when they are validated.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::calendar::RawCalendar;
use super::capture::{RawCapture, RawCaptured};
use super::checks::RawChecks;
use super::secret::{Hidden, Secret};
use crate::domain::ColumnType;

type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProject {
    #[serde(default)]
    pub stores: BTreeMap<String, RawStore>,
    pub ledger: Option<RawLedger>,
    #[serde(default)]
    #[allow(dead_code, reason = "taken out before; here it is named among the known keys")]
    pub profiles: BTreeMap<String, RawProfile>,
    #[serde(default)]
    pub reconciliation: BTreeMap<String, RawReconciliation>,
    pub checks: Option<RawChecks>,
    pub capture: Option<RawCapture>,
    #[serde(default)]
    pub calendar: BTreeMap<String, RawCalendar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStore {
    pub url: Spanned<Secret>,
    pub check_url: Option<Spanned<Secret>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLedger {
    pub url: Spanned<Secret>,
}

/// What a profile may replace; every key may be left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read only to refuse what does not belong there; its values are laid over the file's own")]
pub(super) struct RawProfile {
    #[serde(default)]
    pub stores: BTreeMap<String, RawProfileStore>,
    pub ledger: Option<RawLedger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "as RawProfile")]
pub(super) struct RawProfileStore {
    pub url: Option<Secret>,
    pub check_url: Option<Secret>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReconciliation {
    pub key: Spanned<Vec<Text>>,
    #[serde(default)]
    pub params: BTreeMap<Text, ParamType>,
    #[serde(default)]
    pub columns: BTreeMap<Text, RawColumn>,
    pub legacy: Spanned<RawPath>,
    pub candidate: Spanned<RawPath>,
    pub canary: Option<RawCanary>,
    #[serde(default)]
    pub policy: Policy,
    pub population: Option<RawPopulation>,
    pub decisions: Option<Spanned<RawDecisions>>,
    pub release: Option<Release>,
    #[serde(default)]
    pub stages: BTreeMap<Text, Vec<Text>>,
    pub capture: Option<RawCaptured>,
}

/// The type of a parameter, as it is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// An exact decimal.
    Decimal,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
    /// A point in time, ISO 8601.
    Instant,
    /// `true` or `false`.
    Boolean,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawColumn {
    #[serde(rename = "type")]
    pub column_type: Option<ColumnType>,
    pub tolerance: Option<Spanned<AmountText>>,
    pub currency: Option<Text>,
    pub compare: Option<bool>,
    pub candidate: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPath {
    pub store: Option<Text>,
    pub table: Option<Text>,
    pub collection: Option<Text>,
    pub file: Option<Text>,
    pub query: Option<Spanned<RawQuery>>,
    pub pipeline: Option<Text>,
    pub partitions: Option<RawPartitions>,
    #[serde(rename = "where")]
    pub condition: Option<Text>,
    pub sql: Option<Text>,
    pub http: Option<RawHttp>,
    pub command: Option<Spanned<Vec<String>>>,
    pub timeout: Option<Text>,
    pub records: Option<Text>,
    #[serde(default)]
    pub inputs: BTreeMap<String, Spanned<RawInput>>,
}

/// A file name, or one for each dialect.
#[derive(Debug)]
pub(super) enum RawQuery {
    One(String),
    PerDialect(Vec<(Text, Text)>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPartitions {
    pub column: Text,
    pub count: Spanned<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    pub store: Text,
    pub table: Option<Text>,
    pub collection: Option<Text>,
    pub file: Option<Text>,
    pub query: Option<Spanned<RawQuery>>,
    pub pipeline: Option<Text>,
    pub filter: Option<Text>,
    pub unwind: Option<Text>,
    pub fields: Option<Spanned<RawFields>>,
}

/// The fields of an input: names, or `name = "path"`, or `name = { path = "…", type = "…" }`.
#[derive(Debug)]
pub(super) enum RawFields {
    Names(Vec<Text>),
    Paths(Vec<(Text, RawField)>),
}

/// Where a field is found, and what type its values are to have.
#[derive(Debug)]
pub(super) enum RawField {
    Path(String),
    Full(RawFullField),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFullField {
    pub path: Option<String>,
    #[serde(rename = "type")]
    pub column_type: Option<ColumnType>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHttp {
    pub url: Spanned<Secret>,
    #[serde(default)]
    pub headers: BTreeMap<Text, Spanned<Hidden>>,
    pub batch: Option<Spanned<u32>>,
    pub concurrency: Option<Spanned<u32>>,
    pub timeout: Option<Text>,
    pub run_timeout: Option<Text>,
    pub retries: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCanary {
    pub percent: Option<Spanned<i64>>,
    pub max_discrepancy_rate: Option<Spanned<AmountText>>,
    pub cut_back_to: Option<Spanned<i64>>,
    pub raise_after: Option<Spanned<i64>>,
    #[serde(default)]
    pub segments: Vec<Text>,
}

/// What is paid for each kind of discrepancy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Both sides have the record, and differ.
    pub mismatch: Choice,
    /// Only legacy has it.
    pub legacy_only: Choice,
    /// Only the candidate has it: there is no legacy value.
    pub candidate_only: ChoiceWithoutLegacy,
    /// The candidate's value could not be determined.
    pub candidate_unknown: Choice,
    /// Legacy has it more than once: there is no single legacy value.
    pub legacy_duplicate: ChoiceWithoutLegacy,
    /// Only the candidate has it more than once.
    pub candidate_duplicate: Choice,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            mismatch: Choice::Legacy,
            legacy_only: Choice::Legacy,
            candidate_only: ChoiceWithoutLegacy::Hold,
            candidate_unknown: Choice::Legacy,
            legacy_duplicate: ChoiceWithoutLegacy::Hold,
            candidate_duplicate: Choice::Legacy,
        }
    }
}

/// What to do where a legacy value stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The legacy value is used.
    Legacy,
    /// Nothing is paid.
    Hold,
    /// The run is blocked.
    Block,
}

/// What to do where there is no single legacy value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChoiceWithoutLegacy {
    /// Nothing is paid.
    Hold,
    /// The run is blocked.
    Block,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPopulation {
    pub store: Text,
    pub query: Spanned<RawQuery>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDecisions {
    pub store: Option<Text>,
    pub table: Option<Text>,
    pub file: Option<Text>,
}

/// `[reconciliation.N.release]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Approvals needed, each by someone other than who ran it.
    pub approvals: u32,
}

/// An amount or percentage in quotes. A TOML float would be a binary float, so it is refused.
#[derive(Debug)]
pub(super) struct AmountText(pub String);

impl<'de> Deserialize<'de> for AmountText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Quoted;
        impl Visitor<'_> for Quoted {
            type Value = AmountText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in quotes such as \"0.01\" or \"0.5%\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AmountText, E> {
                Ok(AmountText(text.to_owned()))
            }
        }
        from.deserialize_str(Quoted)
    }
}

impl<'de> Deserialize<'de> for RawFields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct NamesOrPaths;
        impl<'de> Visitor<'de> for NamesOrPaths {
            type Value = RawFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of fields, or a table such as { holder = \"shares.holder\" }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawFields, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(RawFields::Names(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(RawFields::Paths(all))
            }
        }
        from.deserialize_any(NamesOrPaths)
    }
}

impl<'de> Deserialize<'de> for RawField {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct PathOrFull;
        impl<'de> Visitor<'de> for PathOrFull {
            type Value = RawField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path such as \"shares.holder\", or { path = \"…\", type = \"…\" }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RawField, E> {
                Ok(RawField::Path(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawField, A::Error> {
                RawFullField::deserialize(MapAccessDeserializer::new(map)).map(RawField::Full)
            }
        }
        from.deserialize_any(PathOrFull)
    }
}

impl<'de> Deserialize<'de> for RawQuery {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct FileOrDialects;
        impl<'de> Visitor<'de> for FileOrDialects {
            type Value = RawQuery;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file name, or a table of one for each of mysql, postgres, sqlite, mongodb")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RawQuery, E> {
                Ok(RawQuery::One(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawQuery, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(RawQuery::PerDialect(all))
            }
        }
        from.deserialize_any(FileOrDialects)
    }
}

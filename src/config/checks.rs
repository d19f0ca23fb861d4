//! `[checks]` of the project file: how validation queries are run and shown. Must not know any check.

use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, SourceText};
use crate::checks::Masks;

/// `[checks]`, with what holds where it says nothing.
#[derive(Clone, Debug)]
pub struct Checks {
    /// Whether an edited check decides only after someone else approved it.
    pub approval: bool,
    /// Questions to stores at a time.
    pub concurrency: usize,
    /// Violations of each check that are kept and shown.
    pub samples: usize,
    /// Rows that a query may give before the rest is not read any more.
    pub rows: u64,
    /// Bytes of values that a query may give.
    pub bytes: u64,
    /// Columns whose values are never shown.
    pub masks: Masks,
}

impl Default for Checks {
    fn default() -> Self {
        let masks = Masks::default();
        Checks { approval: false, concurrency: 4, samples: 5, rows: 100_000, bytes: 64 << 20, masks }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChecks {
    approval: Option<bool>,
    concurrency: Option<Spanned<i64>>,
    samples: Option<Spanned<i64>>,
    rows: Option<Spanned<i64>>,
    bytes: Option<Spanned<i64>>,
    #[serde(default)]
    mask: Vec<Spanned<String>>,
}

impl RawChecks {
    /// What it says.
    ///
    /// # Errors
    /// A number out of its range, a mask that is no name of a column.
    pub(super) fn checks(&self, source: &SourceText) -> Result<Checks, ConfigError> {
        let default = Checks::default();
        let number = |value: &Option<Spanned<i64>>, name: &str, allowed: RangeInclusive<i64>, otherwise: u64| {
            let Some(value) = value else { return Ok(otherwise) };
            let given = *value.get_ref();
            match u64::try_from(given) {
                Ok(number) if allowed.contains(&given) => Ok(number),
                _ => {
                    let (from, to) = (allowed.start(), allowed.end());
                    Err(source.error(value.span(), format!("`{name}` is {given}, and must be {from} to {to}")))
                }
            }
        };
        let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        for mask in &self.mask {
            Masks::new([mask.get_ref().as_str()])
                .map_err(|why| source.error(mask.span(), why).hint("write names such as phone or *account*"))?;
        }
        let masks = Masks::new(self.mask.iter().map(|mask| mask.get_ref().as_str())).unwrap_or_default();
        Ok(Checks {
            approval: self.approval.unwrap_or(default.approval),
            concurrency: small(number(&self.concurrency, "concurrency", 1..=64, default.concurrency as u64)?),
            samples: small(number(&self.samples, "samples", 0..=100, default.samples as u64)?),
            rows: number(&self.rows, "rows", 1..=100_000_000, default.rows)?,
            bytes: number(&self.bytes, "bytes", 1_000..=1 << 40, default.bytes)?,
            masks,
        })
    }
}

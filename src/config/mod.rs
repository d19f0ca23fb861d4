//! `recon.toml`: TOML to raw to validated, every error with file, line and column. Must not open connections or
//! read the process's environment itself.

mod error;
mod expand;
mod project;
mod raw;
mod reconciliation;
mod secret;
#[cfg(test)]
mod tests;
mod validate;

pub use error::ConfigError;
pub use project::{Project, Store, StoreKind};
pub use raw::{Checks, Choice, ChoiceWithoutLegacy, ParamType, Policy, Release};
pub use reconciliation::{
    Canary, ColumnSettings, Decisions, FileRef, Http, Input, Mapped, Origin, Partitions, PathDefinition, Population,
    Queries, Reconciliation, What,
};
pub use secret::{Secret, mask_url};

/// A complete project file with every key explained, as `recon init` and the documentation show it.
pub const REFERENCE: &str = include_str!("reference.toml");

//! What is said about reading both sides. Must do nothing.

use std::path::PathBuf;

use clap::{Args, FromArgMatches};

use super::{MissingRule, TypesRule};
use crate::commands;

/// How both sides are read and compared: the same for `recon diff` and `recon verify`.
#[derive(Clone, Debug, Args)]
pub struct ReadArgs {
    /// Whether an absent document field equals NULL.
    #[arg(long, value_name = "RULE")]
    pub missing: Option<MissingRule>,
    /// Whether equal values of another type agree (and are counted as drift) or differ.
    #[arg(long, value_name = "RULE")]
    pub types: Option<TypesRule>,
    /// Read by N ranges of the key, each at a snapshot of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub partitions: u16,
    /// Read discrepant keys again up to N times; only what still differs counts.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub recheck: u32,
    /// How long to wait before reading again: `5s`, `500ms`, `2m`.
    #[arg(long, value_name = "TIME", default_value = "5s", requires = "recheck", value_parser = crate::config::duration)]
    pub recheck_delay: std::time::Duration,
    /// Keep a copy of every input that a path of recon.toml is computed from (but for Parquet files) in this folder.
    #[arg(long, value_name = "DIR")]
    pub keep_inputs: Option<PathBuf>,
    /// A side without records is fine.
    #[arg(long)]
    pub allow_empty: bool,
    /// Zone of dates and times stored without one.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// Memory for sorting each side's records when they are not in key order.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = commands::size)]
    pub memory: usize,
    /// Longest wait for a connection.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::config::duration)]
    pub connect_timeout: std::time::Duration,
    /// Longest wait for the next records of a store.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = crate::config::duration)]
    pub read_timeout: std::time::Duration,
    /// CSV: the delimiter, one character or `tab` (default: comma; tab in .tsv).
    #[arg(long, value_name = "CHAR", value_parser = commands::delimiter)]
    pub csv_delimiter: Option<u8>,
    /// CSV: the first line is a record, not the header; columns are column1, column2, …
    #[arg(long)]
    pub csv_no_header: bool,
    /// CSV: an unquoted field of this text is NULL, as the empty field is.
    #[arg(long, value_name = "TEXT")]
    pub csv_null: Option<String>,
}

impl ReadArgs {
    /// What holds where nothing is said.
    pub fn of_nothing_said() -> ReadArgs {
        let command = ReadArgs::augment_args(clap::Command::new("recon"));
        let matches = command.get_matches_from(["recon"]);
        // Every argument has a default or may be left out; a test holds them to that.
        ReadArgs::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

#[cfg(test)]
mod tests {
    use super::ReadArgs;

    #[test]
    fn nothing_has_to_be_said() {
        assert_eq!(ReadArgs::of_nothing_said().timezone, "UTC");
    }
}

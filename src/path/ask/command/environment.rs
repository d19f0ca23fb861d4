//! What a program is given beside its records: parameters in the environment, reference tables as files.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::domain::Value;
use crate::stores::StoreError;

use super::super::AskInput;
use super::super::wire::{write_fields, write_value};

/// The variables that the program is given beside its own environment. Reference tables are written below `folder`.
pub(super) fn environment(asked: &AskInput, folder: &Path) -> Result<Vec<(String, OsString)>, StoreError> {
    let mut all = Vec::new();
    let mut params = Vec::new();
    write_fields(&asked.params, &mut params).map_err(|why| StoreError::usage(format!("the parameter {why}")))?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|e| StoreError::failed(e.to_string()));
    all.push(("RECON_PARAMS".to_owned(), text(params)?.into()));
    for (name, value) in &asked.params {
        let plain = match value {
            Value::Null | Value::Absent => String::new(),
            Value::Document(_) | Value::Array(_) | Value::Bytes(_) => {
                let mut json = Vec::new();
                write_value(value, &mut json).map_err(|why| StoreError::usage(format!("parameter `{name}`: {why}")))?;
                text(json)?.trim_matches('"').to_owned()
            }
            value => value.to_string(),
        };
        all.push((variable("RECON_PARAM_", name), plain.into()));
    }
    for (at, table) in asked.reference.iter().enumerate() {
        let path = folder.join(format!("{at}.ndjson"));
        let write = || -> std::io::Result<()> {
            let mut out = BufWriter::new(File::create(&path)?);
            for row in &table.rows {
                let mut line = Vec::new();
                write_value(row, &mut line).map_err(std::io::Error::other)?;
                line.push(b'\n');
                out.write_all(&line)?;
            }
            out.flush()
        };
        write().map_err(|e| {
            StoreError::failed(format!("the reference table `{}` could not be handed on: {e}", table.name))
        })?;
        let name = variable("RECON_INPUT_", &table.name);
        all.push((format!("{name}_HASH"), table.hash.clone().into()));
        all.push((name, path.into_os_string()));
    }
    let mut names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(StoreError::usage(format!("two parameters or inputs would both be given as `{}`", pair[0])).hint(
            "names are given in capital letters, with `_` for every other sign: choose names that stay different",
        ));
    }
    if let Some((name, _)) = all.iter().find(|(_, value)| value.as_encoded_bytes().contains(&0)) {
        return Err(StoreError::usage(format!("`{name}` holds a zero byte, which no environment variable can")));
    }
    Ok(all)
}

fn variable(prefix: &str, name: &str) -> String {
    let upper = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    prefix.chars().chain(upper).collect()
}

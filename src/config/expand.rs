//! Profiles and environment variables, applied to the file's values before they are read as anything. Only what
//! is in effect is replaced: a variable that another profile needs may be missing.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, SourceText};

/// Lays a profile's tables over the file's own.
pub(super) fn overlay<'i>(base: &mut DeTable<'i>, over: DeTable<'i>) {
    for (key, value) in over {
        let below = match base.get_mut(key.get_ref().as_ref()) {
            Some(below) => below,
            None => {
                base.insert(key, value);
                continue;
            }
        };
        let span = value.span();
        match (below.get_mut(), value.into_inner()) {
            (DeValue::Table(below), DeValue::Table(over)) => overlay(below, over),
            (_, over) => *below = Spanned::new(span, over),
        }
    }
}

/// Replaces `${VAR}` in every string; `$${` stands for a literal `${`.
///
/// # Errors
/// A variable that is not set, or a `${` that names none.
pub(super) fn expand(
    table: &mut DeTable<'_>,
    source: &mut SourceText,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    for (_, value) in table.iter_mut() {
        expand_value(value, source, env)?;
    }
    Ok(())
}

fn expand_value(
    value: &mut Spanned<DeValue<'_>>,
    source: &mut SourceText,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    let span = value.span();
    match value.get_mut() {
        DeValue::Table(table) => expand(table, source, env),
        DeValue::Array(items) => {
            for item in items.iter_mut() {
                expand_value(item, source, env)?;
            }
            Ok(())
        }
        DeValue::String(text) if text.contains("${") => {
            let expanded = expand_text(text, span.start, source, env)?;
            source.expanded.push((text.to_string(), expanded.clone()));
            *text = Cow::Owned(expanded);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn expand_text(
    text: &str,
    start: usize,
    source: &SourceText,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, ConfigError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        // Where it stands in the file, escapes or not: the same characters are searched there.
        let place = |what: &str| {
            let found = source.text[start..].find(what).map_or(start, |offset| start + offset);
            found..found + what.len()
        };
        let name = inner.split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
        let Some(name) = name else {
            return Err(source
                .error(place("${"), "`${` names no environment variable")
                .hint("write `${NAME}`, or `$${` for the two characters themselves"));
        };
        let Some(value) = env(name) else {
            return Err(source
                .error(place(&format!("${{{name}}}")), format!("the environment variable `{name}` is not set"))
                .hint(format!("set it, or write `$${{{name}}}` if this is no variable")));
        };
        out.push_str(&value);
        rest = &inner[name.len() + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

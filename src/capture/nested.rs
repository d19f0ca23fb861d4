//! Texts that hold JSON, as a database without a type for it keeps documents. Every number and every text in them that is not
//! replaced stays as it is written. Must not judge or replace anything.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::domain::{JsonFields, Value};

/// How deep documents may lie in each other: deeper ones are nobody's records.
const MAX_DEPTH: usize = 100;

/// A part of a JSON text.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// Fields in their order; one that stands twice is there twice.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    Array(Vec<Node<'a>>),
    /// A text, a number, a truth value or null.
    Leaf(&'a RawValue),
}

/// A text as a document or array, if it is one.
///
/// # Errors
/// Its parts lie too deep in each other.
pub(super) fn parsed(text: &str) -> Result<Option<Node<'_>>, String> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return Ok(None);
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => node(raw, 0),
        Err(_) => Ok(None),
    }
}

fn node(raw: &RawValue, depth: usize) -> Result<Option<Node<'_>>, String> {
    if depth > MAX_DEPTH {
        return Err(format!("JSON with more than {MAX_DEPTH} documents in each other"));
    }
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Ok(JsonFields(fields)) = serde_json::from_str::<JsonFields<'_>>(text) else { return Ok(None) };
            let mut all = Vec::with_capacity(fields.len());
            for (name, raw) in fields {
                let Some(node) = node(raw, depth + 1)? else { return Ok(None) };
                all.push((name, node));
            }
            Some(Node::Object(all))
        }
        Some(b'[') => {
            let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) else { return Ok(None) };
            let mut all = Vec::with_capacity(items.len());
            for raw in items {
                let Some(node) = node(raw, depth + 1)? else { return Ok(None) };
                all.push(node);
            }
            Some(Node::Array(all))
        }
        _ => Some(Node::Leaf(raw)),
    })
}

impl Node<'_> {
    /// As values, to be looked at.
    pub(super) fn value(&self) -> Value {
        match self {
            Node::Object(fields) => {
                Value::Document(fields.iter().map(|(name, node)| (name.clone().into_owned(), node.value())).collect())
            }
            Node::Array(items) => Value::Array(items.iter().map(Node::value).collect()),
            Node::Leaf(raw) => Value::from_json(raw.get()),
        }
    }
}

/// A text that holds a document or array, as values; `None` for every other text.
///
/// # Errors
/// Its parts lie too deep in each other.
pub fn held(text: &str) -> Result<Option<Value>, String> {
    Ok(parsed(text)?.map(|node| node.value()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documents_and_arrays_are_seen() {
        for text in ["", "a note", "{not json}", "[1, 2", "12.50", "\"text\"", "[note] 12"] {
            assert!(held(text).expect("shallow").is_none(), "{text}");
        }
        let value = held(r#" {"a":[{"b":"x"}],"a":1.50} "#).expect("shallow").expect("a document");
        assert_eq!(value.to_string(), r#"{"a":[{"b":"x"}],"a":1.50}"#);
        assert!(held(&"[".repeat(200)).expect("no JSON").is_none());
        assert!(held(&format!("{}{}", "[".repeat(200), "]".repeat(200))).is_err());
    }
}

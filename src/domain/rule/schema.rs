//! The JSON Schema of rules, built from the same lists of words that the parser reads.

use serde_json::{Map, Value, json};

use super::Scope;
use super::rounding::Rounding;
use super::tree::Comparison;

pub(super) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule of recon",
        "description": "A condition that is judged against every record. A bare condition says what is flagged.",
        "anyOf": [{ "$ref": "#/$defs/rule" }, { "$ref": "#/$defs/condition" }],
        "$defs": {
            "rule": rule(),
            "condition": condition(),
            "value": value(),
            "reference": reference("A value of the record or a parameter: legacy.net, record.kind, param.payout_date.", &Scope::ALL),
            "of_the_record": reference(
                "A value of the record: legacy.net.",
                &Scope::ALL[..Scope::ALL.len() - 1],
            ),
            "text": {
                "type": "object",
                "additionalProperties": false,
                "required": ["text"],
                "properties": { "text": { "type": "string" } },
            },
        },
    })
}

fn rule() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string" },
            "description": { "type": "string" },
            "where": described("#/$defs/condition", "Records for which this is not true are not examined."),
            "flag": described("#/$defs/condition", "What is a violation."),
            "expect": described("#/$defs/condition", "How a record should be: a violation where this is false."),
        },
        "oneOf": [{ "required": ["flag"] }, { "required": ["expect"] }],
    })
}

fn described(target: &str, description: &str) -> Value {
    json!({ "$ref": target, "description": description })
}

/// An object of exactly one of these keys.
fn one_key(properties: Map<String, Value>) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": properties,
    })
}

fn values(least: usize, most: Option<usize>) -> Value {
    let mut list = json!({ "type": "array", "items": { "$ref": "#/$defs/value" }, "minItems": least });
    if let Some(most) = most {
        list["maxItems"] = json!(most);
    }
    list
}

/// Exactly these parts.
fn parts(parts: &[Value]) -> Value {
    json!({ "type": "array", "prefixItems": parts, "minItems": parts.len(), "maxItems": parts.len() })
}

/// One part, bare or in a list of one.
fn bare_or_listed(part: &Value) -> Value {
    json!({ "anyOf": [part, parts(std::slice::from_ref(part))] })
}

fn condition() -> Value {
    let conditions = json!({ "type": "array", "items": { "$ref": "#/$defs/condition" }, "minItems": 1 });
    let of_the_record = json!({ "$ref": "#/$defs/of_the_record" });
    let any_value = json!({ "$ref": "#/$defs/value" });
    let mut words = Map::new();
    words.insert("all".into(), conditions.clone());
    words.insert("any".into(), conditions);
    words.insert("not".into(), json!({ "$ref": "#/$defs/condition" }));
    for (written, _) in Comparison::WRITTEN {
        words.insert(written.into(), values(2, Some(2)));
    }
    words.insert("in".into(), parts(&[any_value.clone(), values(1, None)]));
    words.insert("between".into(), values(3, Some(3)));
    words.insert("is_null".into(), bare_or_listed(&of_the_record));
    words.insert("is_absent".into(), bare_or_listed(&of_the_record));
    words.insert("starts_with".into(), parts(&[any_value, json!({ "$ref": "#/$defs/text" })]));
    json!({
        "anyOf": [
            { "type": ["boolean", "null"], "description": "null: not known" },
            one_key(words),
        ],
    })
}

fn value() -> Value {
    let any_value = json!({ "$ref": "#/$defs/value" });
    let pattern = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let mut words = Map::new();
    words.insert("text".into(), json!({ "type": "string" }));
    words.insert("amount".into(), pattern(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"));
    words.insert("date".into(), pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"));
    words.insert("instant".into(), pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].*([Zz]|[+-][0-9:]+)$"));
    words.insert("time".into(), pattern("^-?[0-9]{2,3}:[0-9]{2}"));
    words.insert("uuid".into(), pattern("^[0-9a-fA-F-]{32,36}$"));
    words.insert("objectid".into(), pattern("^[0-9a-fA-F]{24}$"));
    for word in ["add", "mul", "min", "max"] {
        words.insert(word.into(), values(2, None));
    }
    for word in ["sub", "percent"] {
        words.insert(word.into(), values(2, Some(2)));
    }
    for word in ["neg", "abs"] {
        words.insert(word.into(), bare_or_listed(&any_value));
    }
    json!({
        "anyOf": [
            { "$ref": "#/$defs/reference" },
            { "type": ["number", "boolean"] },
            one_key(words),
            rounding("div", values(2, Some(2))),
            rounding("round", bare_or_listed(&any_value)),
        ],
    })
}

/// What rounds says how.
fn rounding(word: &str, operands: Value) -> Value {
    let mut properties = Map::new();
    properties.insert(word.into(), operands);
    properties.insert("scale".into(), json!({ "type": "integer", "minimum": -38, "maximum": 38 }));
    properties.insert("mode".into(), json!({ "enum": Rounding::ALL.map(Rounding::name) }));
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": [word, "scale", "mode"],
        "properties": properties,
    })
}

fn reference(description: &str, scopes: &[Scope]) -> Value {
    let open: Vec<&str> = scopes.iter().filter(|scope| **scope != Scope::Record).map(|scope| scope.name()).collect();
    json!({
        "type": "string",
        "description": description,
        "pattern": format!(r"^(({})\..+|record\.kind)$", open.join("|")),
    })
}

//! Keys of records that are computed again: as they are asked for, as they are stored, and as a condition on both
//! paths. Must not read or compute.

use serde_json::Value as Json;

use crate::commands::Failure;
use crate::domain::{Amount, Filter, Literal, NumberForm, Operator, Value, is_plain_literal};
use crate::report::count;

/// Keys that are asked for by name at most.
const MOST_KEYS: usize = 10_000;

/// `1.5` means the amount 1.50 as well.
pub(in crate::commands) fn is_amount(text: &str, key: &[Value]) -> bool {
    let [Value::Number { amount, .. }] = key else { return false };
    Amount::parse(text).is_ok_and(|asked| asked.same_value(amount))
}

/// The keys that were asked for, their parts separated by `/`: also as they are listed, `id=17` or `id=17,currency=KRW`.
pub(in crate::commands) fn asked(names: &[String], given: Option<&str>) -> Result<Vec<String>, Failure> {
    let Some(given) = given else { return Ok(Vec::new()) };
    if given.trim_start().starts_with('[') {
        let keys: Option<Vec<String>> = serde_json::from_str::<Vec<Json>>(given).ok().and_then(|all| {
            let text = |part: &Json| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
            let key = |key: &Json| match key {
                Json::Array(parts) if parts.len() == names.len() => {
                    Some(parts.iter().map(text).collect::<Vec<_>>().join("/"))
                }
                Json::Object(parts) => {
                    let parts: Option<Vec<String>> = names.iter().map(|name| parts.get(name).map(text)).collect();
                    Some(parts?.join("/"))
                }
                Json::String(_) | Json::Number(_) if names.len() == 1 => Some(text(key)),
                _ => None,
            };
            all.iter().map(key).collect()
        });
        return keys.ok_or_else(|| {
            Failure::usage(format!("`--keys {given}` is no list of keys ({})", names.join(", ")))
                .hint("write [\"17\", \"18\"], or for a key of several parts [[\"7\", \"KRW\"]]")
        });
    }
    let given: Vec<&str> = given.split(',').collect();
    let mut keys = Vec::new();
    let mut parts: Vec<String> = Vec::new();
    for item in &given {
        let next = names.get(parts.len()).map(|name| format!("{name}="));
        match next.and_then(|prefix| item.strip_prefix(&prefix)) {
            Some(part) => parts.push(part.to_owned()),
            None if parts.is_empty() => keys.push((*item).to_owned()),
            None => break,
        }
        if parts.len() == names.len() {
            keys.push(std::mem::take(&mut parts).join("/"));
        }
    }
    if parts.is_empty() {
        return Ok(keys);
    }
    Err(Failure::usage(format!("`--keys {}` does not name every part of a key", given.join(",")))
        .hint(format!("the key is ({}): write its values separated by `/`, several keys by commas", names.join(", "))))
}

/// A key as one text that is the same however a store holds it: amounts without trailing zeros, moments by their
/// nanoseconds, truth values as 0 and 1, and text as it is.
pub(in crate::commands) fn name(key: &[Value]) -> String {
    key.iter().map(part).collect::<Vec<_>>().join("\u{1f}")
}

fn part(value: &Value) -> String {
    match value {
        Value::Null | Value::Absent => "null".to_owned(),
        Value::Number { amount, .. } if amount.is_zero() => "n0".to_owned(),
        Value::Number { .. } => {
            let text = value.to_string();
            let plain = text.contains('.') && !text.contains(['e', 'E']);
            format!("n{}", if plain { text.trim_end_matches('0').trim_end_matches('.') } else { &text })
        }
        Value::Bool(truth) => format!("n{}", u8::from(*truth)),
        Value::Instant { nanos, .. } => format!("i{nanos}"),
        Value::Time { nanos, .. } => format!("m{nanos}"),
        other => format!("t{other}"),
    }
}

/// Names under which a key that was stored may have been computed: SQLite and CSV hold amounts and moments as text.
pub(super) fn names(key: &[Value]) -> Vec<String> {
    let mut all = vec![String::new()];
    for (at, value) in key.iter().enumerate() {
        let mut forms = vec![part(value)];
        if let Value::Text { text, .. } = value {
            if is_plain_literal(text.as_bytes())
                && let Ok(amount) = Amount::parse(text)
            {
                forms.push(part(&Value::Number { amount, form: NumberForm::Decimal }));
            }
            if let Some(instant) = crate::domain::parse_instant(text, &jiff::tz::TimeZone::UTC) {
                forms.push(format!("i{}", instant.nanos));
            }
        }
        let joint = if at == 0 { "" } else { "\u{1f}" };
        all = all.iter().flat_map(|head| forms.iter().map(move |form| format!("{head}{joint}{form}"))).collect();
    }
    all
}

/// As people and the log write it.
pub(in crate::commands) fn shown(key: &[Value]) -> String {
    key.iter().map(ToString::to_string).collect::<Vec<_>>().join("/")
}

/// Only these keys, as a condition that every store understands.
///
/// # Errors
/// It cannot be said, or there are too many: the whole cycle is to be verified again then.
pub(in crate::commands) fn condition(names: &[String], keys: &[Vec<Value>]) -> Result<Filter, Failure> {
    let whole = |what: String| Failure::usage(what).hint("`recon verify … --again` computes the whole cycle");
    if keys.len() > MOST_KEYS {
        return Err(whole(format!("{} records are too many to be asked for by their keys", count(keys.len() as u64))));
    }
    let compare = |name: &String, value: &Value| -> Result<Filter, Failure> {
        if value.is_missing() {
            return Ok(Filter::IsNull { column: name.clone() });
        }
        let literal = Literal::of(value)
            .ok_or_else(|| whole(format!("records cannot be asked for by `{name}`: it holds {}", value.type_name())))?;
        Ok(Filter::Compare { column: name.clone(), operator: Operator::Equal, literal })
    };
    let one = |key: &Vec<Value>| -> Result<Filter, Failure> {
        let parts = names.iter().zip(key).map(|(name, value)| compare(name, value));
        Ok(Filter::All(parts.collect::<Result<Vec<_>, _>>()?))
    };
    let plain = |key: &Vec<Value>| key.first().filter(|value| !value.is_missing()).and_then(Literal::of);
    if let ([name], Some(literals)) = (names, keys.iter().map(plain).collect::<Option<Vec<_>>>()) {
        return Ok(Filter::In { column: name.clone(), literals });
    }
    Ok(Filter::Any(keys.iter().map(one).collect::<Result<Vec<_>, _>>()?))
}

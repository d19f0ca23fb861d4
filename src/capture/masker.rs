//! Masks applied to records at every depth, in JSON that is held as text too; and what stands for what. Must not know where
//! records come from.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Amount, NumberForm, Value, is_plain_literal};

use super::leak::Searcher;
use super::mask::{Field, Mask, MaskRules};
use super::nested::{self, Node};
use super::personal;
use super::pseudonym::Pseudonyms;

/// A value after its mask.
#[derive(Clone, Debug)]
pub enum Masked {
    /// The value in its place.
    Value(Value),
    /// It is left out.
    Left,
}

/// Applies masks, and remembers what stands for what: originals are searched for in the files later.
#[derive(Debug)]
pub struct Masker<'a> {
    rules: &'a MaskRules,
    pseudonyms: Option<&'a Pseudonyms>,
    /// Originals, what stands for each, and where one was met first.
    seen: BTreeMap<String, Original>,
    /// Every pseudonym.
    made: BTreeSet<String>,
    /// How many values each field's mask has replaced.
    used: BTreeMap<(String, Mask), u64>,
    /// Texts that hold JSON in which something was masked, and what they are now.
    whole: BTreeMap<String, String>,
    /// Fields that were met, and the rules that name them.
    fields: BTreeSet<(String, String)>,
    met: BTreeSet<usize>,
}

/// A value that must not be seen.
#[derive(Clone, Debug, Default)]
pub struct Original {
    /// Its pseudonyms; several where fields with other masks hold it.
    pub pseudonyms: BTreeSet<String>,
    /// The field where it was met first.
    pub field: String,
}

impl<'a> Masker<'a> {
    /// With a project's rules. Without a secret only rules that need none can be applied.
    pub fn new(rules: &'a MaskRules, pseudonyms: Option<&'a Pseudonyms>) -> Masker<'a> {
        Masker {
            rules,
            pseudonyms,
            seen: BTreeMap::new(),
            made: BTreeSet::new(),
            used: BTreeMap::new(),
            whole: BTreeMap::new(),
            fields: BTreeSet::new(),
            met: BTreeSet::new(),
        }
    }

    /// What must not be seen, by its text.
    pub fn seen(&self) -> &BTreeMap<String, Original> {
        &self.seen
    }

    /// The fields that were masked, and how many values of each.
    pub fn used(&self) -> &BTreeMap<(String, Mask), u64> {
        &self.used
    }

    /// Whether a text was made here.
    pub fn is_pseudonym(&self, text: &str) -> bool {
        self.made.contains(text)
    }

    /// The mask of a field.
    pub fn mask(&self, field: &Field<'_>) -> Option<Mask> {
        self.rules.of(field)
    }

    /// The rules that named no field of what was masked, as the project file writes them.
    pub fn unmet(&self) -> Vec<&str> {
        self.rules.others(&self.met)
    }

    /// A value of a field, and everything inside it.
    ///
    /// # Errors
    /// Which field cannot be masked that way. The value is not named.
    pub fn value(&mut self, field: &Field<'_>, value: &Value) -> Result<Masked, String> {
        let mask = self.rules.of(field);
        if self.fields.insert(field.table_and_path()) {
            self.rules.met(field, &mut self.met);
        }
        match value {
            _ if mask == Some(Mask::Drop) => {
                self.forget(field, value);
                Ok(Masked::Left)
            }
            Value::Document(fields) => {
                let mut kept = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    if let Masked::Value(value) = self.value(&field.at(&field.inner(name)), value)? {
                        kept.push((self.name(field, mask, name)?, value));
                    }
                }
                Ok(Masked::Value(Value::Document(kept)))
            }
            Value::Array(items) => {
                let mut kept = Vec::with_capacity(items.len());
                for item in items {
                    if let Masked::Value(item) = self.value(field, item)? {
                        kept.push(item);
                    }
                }
                Ok(Masked::Value(Value::Array(kept)))
            }
            _ => match (mask, value) {
                (None | Some(Mask::Keep | Mask::Drop), Value::Text { text, untyped }) => {
                    let made = self.held(field, text)?.unwrap_or_else(|| text.clone());
                    Ok(Masked::Value(Value::Text { text: made, untyped: *untyped }))
                }
                (None | Some(Mask::Keep | Mask::Drop), _) => Ok(Masked::Value(value.clone())),
                (Some(mask), _) => self.replaced(field, mask, value).map(Masked::Value),
            },
        }
    }

    /// The name of a field in a document: a pseudonym, where it looks like somebody's and the document has a mask.
    fn name(&mut self, field: &Field<'_>, mask: Option<Mask>, name: &str) -> Result<String, String> {
        match mask.filter(|mask| mask.needs_secret() && personal::field_name(name).is_some()) {
            None => Ok(name.to_owned()),
            Some(mask) => {
                let text = Value::Text { text: name.to_owned(), untyped: false };
                self.replaced(field, mask, &text).map(|made| made.to_string())
            }
        }
    }

    /// A text that holds JSON, with what is masked in it; `None` where that is nothing.
    fn held(&mut self, field: &Field<'_>, text: &str) -> Result<Option<String>, String> {
        let node = nested::parsed(text).map_err(|why| format!("{} holds {why}", field.shown()))?;
        let Some(node) = node else { return Ok(None) };
        let before = self.used.values().sum::<u64>();
        let mut out = String::with_capacity(text.len());
        self.node(field, &node, &mut out)?;
        if self.used.values().sum::<u64>() == before {
            return Ok(None);
        }
        self.whole.insert(text.to_owned(), out.clone());
        Ok(Some(out))
    }

    /// Writes a part of a JSON text, masked; `false` where it is left out. What is not masked is written as it is.
    fn node(&mut self, field: &Field<'_>, node: &Node<'_>, out: &mut String) -> Result<bool, String> {
        let mask = self.rules.of(field);
        let from = out.len();
        match node {
            _ if mask == Some(Mask::Drop) => {
                self.value(field, &node.value())?;
                return Ok(false);
            }
            Node::Object(fields) => {
                out.push('{');
                for (name, node) in fields {
                    let start = out.len();
                    out.push_str(if start > from + 1 { "," } else { "" });
                    let made = self.name(field, mask, name)?;
                    out.push_str(&serde_json::Value::from(made).to_string());
                    out.push(':');
                    if !self.node(&field.at(&field.inner(name)), node, out)? {
                        out.truncate(start);
                    }
                }
                out.push('}');
            }
            Node::Array(items) => {
                out.push('[');
                for node in items {
                    let start = out.len();
                    out.push_str(if start > from + 1 { "," } else { "" });
                    if !self.node(field, node, out)? {
                        out.truncate(start);
                    }
                }
                out.push(']');
            }
            Node::Leaf(raw) => {
                let value = Value::from_json(raw.get());
                match self.value(field, &value)? {
                    Masked::Left => return Ok(false),
                    Masked::Value(made) if made.to_string() == value.to_string() => out.push_str(raw.get()),
                    Masked::Value(made) => out.push_str(&made.to_string_in_json()),
                }
            }
        }
        Ok(true)
    }

    /// The text of a value in an expectation: by the rule of its column, or else as the value was replaced in a record. A
    /// number without a rule may be an amount that equals somebody's number by chance: only with `numbers` is it replaced.
    ///
    /// # Errors
    /// As [`Masker::value`].
    pub fn text(&mut self, column: &str, text: &str, numbers: bool) -> Result<String, String> {
        let field = Field::alone(column);
        self.rules.met(&field, &mut self.met);
        if self.rules.of(&field).is_some_and(Mask::needs_secret)
            && let Masked::Value(value) = self.value(&field, &Value::Text { text: text.to_owned(), untyped: false })?
        {
            return Ok(value.to_string());
        }
        if self.rules.of(&field) == Some(Mask::Keep) || !numbers && is_plain_literal(text.as_bytes()) {
            return Ok(text.to_owned());
        }
        let known = self.seen.get(text).and_then(|original| original.pseudonyms.first());
        Ok(known.or_else(|| self.whole.get(text)).cloned().unwrap_or_else(|| text.to_owned()))
    }

    /// For originals in free texts.
    ///
    /// # Errors
    /// There are more originals than can be searched for.
    pub fn searcher(&self) -> Result<Searcher, String> {
        Searcher::of_prose(&self.seen)
    }

    /// A free text, such as a reason: originals that stand in it as words, in any usual spelling, are replaced.
    ///
    /// # Errors
    /// There are more originals than can be searched for.
    pub fn prose(&self, text: &str) -> Result<String, String> {
        Ok(self.searcher()?.replaced(text, &|pseudonym| pseudonym.map(str::to_owned)))
    }

    /// The same with a sign in place of each pseudonym, which may look as personal as its original.
    ///
    /// # Errors
    /// As [`Masker::prose`].
    pub fn redacted(&self, text: &str) -> Result<String, String> {
        Ok(self.searcher()?.replaced(text, &|pseudonym| pseudonym.map(|_| "*".to_owned())))
    }

    fn replaced(&mut self, field: &Field<'_>, mask: Mask, value: &Value) -> Result<Value, String> {
        let shown = field.shown();
        let text = |text: String| Value::Text { text, untyped: false };
        let original = match value {
            Value::Null | Value::Absent => return Ok(value.clone()),
            Value::Unknown(why) => return Err(format!("a value of {shown} cannot be read: {why}")),
            Value::Number { amount, .. } if mask == Mask::Digits && amount.is_integral() => amount.to_string(),
            Value::Text { text, .. } if text.trim().is_empty() => return Ok(value.clone()),
            Value::Text { text, .. } => text.clone(),
            Value::Uuid(_) | Value::ObjectId(_) | Value::Bytes(_) if mask == Mask::Text => value.to_string(),
            other => {
                return Err(format!(
                    "{shown} holds a value of type {}, for which there is no mask \"{}\"; there is {}",
                    other.type_name(),
                    mask.name(),
                    match other {
                        Value::Number { .. } => "\"digits\" for whole numbers, \"drop\" and \"keep\"",
                        Value::Uuid(_) | Value::ObjectId(_) | Value::Bytes(_) => "\"text\", \"drop\" and \"keep\"",
                        _ => "\"drop\" and \"keep\"",
                    }
                ));
            }
        };
        let Some(pseudonyms) = self.pseudonyms else {
            return Err(format!("{shown} is masked, and there is no secret"));
        };
        let made = match mask {
            Mask::Name => pseudonyms.name(&original),
            Mask::Email => pseudonyms.email(&original),
            Mask::Digits => pseudonyms.digits(&original),
            Mask::Text | Mask::Drop | Mask::Keep => pseudonyms.text(&original),
        };
        *self.used.entry((shown.clone(), mask)).or_default() += 1;
        let known =
            self.seen.entry(original).or_insert_with(|| Original { field: shown.clone(), ..Original::default() });
        known.pseudonyms.insert(made.clone());
        self.made.insert(made.clone());
        match value {
            Value::Number { form, .. } => match Amount::parse(&made) {
                Ok(amount) => Ok(Value::Number { amount, form: *form }),
                Err(_) => Err(format!("a number of {shown} has no pseudonym")),
            },
            Value::Text { untyped: true, .. } => match Amount::parse(&made) {
                Ok(amount) if mask == Mask::Digits => Ok(Value::Number { amount, form: NumberForm::Untyped }),
                _ => Ok(Value::Text { text: made, untyped: true }),
            },
            _ => Ok(text(made)),
        }
    }

    /// Remembers what is left out.
    fn forget(&mut self, field: &Field<'_>, value: &Value) {
        match value {
            Value::Document(fields) => fields.iter().for_each(|(name, value)| {
                if personal::field_name(name).is_some() {
                    self.forget(field, &Value::Text { text: name.clone(), untyped: false });
                }
                self.forget(field, value);
            }),
            Value::Array(items) => items.iter().for_each(|item| self.forget(field, item)),
            Value::Null | Value::Absent | Value::Unknown(_) | Value::Bool(_) => {}
            value => {
                let shown = field.shown();
                *self.used.entry((shown.clone(), Mask::Drop)).or_default() += 1;
                self.seen.entry(value.to_string()).or_insert_with(|| Original { field: shown, ..Original::default() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[(&str, Mask)]) -> MaskRules {
        MaskRules::new(rules.iter().copied()).expect("patterns")
    }

    #[test]
    fn documents_are_masked_at_every_depth() {
        let rules = rules(&[("phone", Mask::Digits), ("note", Mask::Drop)]);
        let made = Pseudonyms::new("0123456789abcdef").expect("a secret");
        let mut masker = Masker::new(&rules, Some(&made));
        let json = r#"{"a":[{"b":{"phone":["010-1234-5678",{"phone":null}],"note":"secret"}}],"phone":1012345678,"net":12.50}"#;
        let field = Field::of(("docs", "t"), "");
        let Ok(Masked::Value(masked)) = masker.value(&field, &Value::from_json(json)) else { panic!("masked") };
        let text = masked.to_string();
        assert!(!text.contains("010-1234-5678") && !text.contains("1012345678") && !text.contains("note"), "{text}");
        assert!(text.contains("\"net\":12.50") && text.contains("null"), "{text}");
        assert_eq!(masker.seen().len(), 3);
        assert_eq!(masker.used().values().sum::<u64>(), 3);
        let amount = masker.value(&Field::alone("phone"), &Value::from_json("1.5")).expect_err("no digits");
        assert!(!amount.contains("1.5"), "{amount}");
    }

    #[test]
    fn json_that_is_held_as_text_is_masked_inside() {
        let rules =
            rules(&[("mobile", Mask::Digits), ("note", Mask::Drop), ("people", Mask::Name), ("other", Mask::Keep)]);
        let made = Pseudonyms::new("0123456789abcdef").expect("a secret");
        let mut masker = Masker::new(&rules, Some(&made));
        let field = Field::of(("core", "t"), "profile");
        let mut masked = |text: &str| match masker.value(&field, &Value::Text { text: text.into(), untyped: false }) {
            Ok(Masked::Value(Value::Text { text, .. })) => text,
            other => panic!("{other:?}"),
        };
        // Nothing is masked: not one byte is another.
        let text = r#"{ "a": 1.50,  "b": [1e2, -0, "x"] }"#;
        assert_eq!(masked(text), text);
        let text =
            r#"{"note":"x", "mobile": 1088887777, "a": 1.50, "b": [1e2, -0.0, 12345678901234567890.10], "note": 2}"#;
        let out = masked(text);
        assert!(
            out.starts_with(r#"{"mobile":"#) && out.ends_with(r#","a":1.50,"b":[1e2,-0.0,12345678901234567890.10]}"#),
            "{out}"
        );
        assert!(
            !out.contains("1088887777")
                && out.len() == r#"{"mobile":1088887777,"a":1.50,"b":[1e2,-0.0,12345678901234567890.10]}"#.len()
        );
        let out = masked(r#"{"inner":"{\"mobile\":\"010-8888-7777\"}"}"#);
        assert!(out.starts_with(r#"{"inner":"{\"mobile\":\"0"#) && !out.contains("8888"), "{out}");
        assert_eq!(masker.text("profile", text, false).map(|made| made != text), Ok(true));
        assert_eq!(masker.unmet(), ["people", "other"]);
    }

    #[test]
    fn names_of_fields_that_are_somebodys_are_masked_with_their_document() {
        let rules = rules(&[("people", Mask::Name), ("shares.*", Mask::Digits), ("phone", Mask::Digits)]);
        let made = Pseudonyms::new("0123456789abcdef").expect("a secret");
        let mut masker = Masker::new(&rules, Some(&made));
        let json =
            r#"{"people":{"Hong Gildong":{"phone":"010-5555-1234","kind":"x"}},"shares":{"hong@example.com":3}}"#;
        let Ok(Masked::Value(masked)) = masker.value(&Field::of(("docs", "t"), ""), &Value::from_json(json)) else {
            panic!("masked")
        };
        let text = masked.to_string();
        assert!(!text.contains("Hong") && !text.contains("5555") && text.contains("\"phone\":\"0"), "{text}");
        assert!(masker.seen().contains_key("Hong Gildong"));
        // A rule for what lies in it says nothing about the names: they are looked at.
        assert!(text.contains("hong@example.com"), "{text}");
        let fields: Vec<&str> = masker.used().keys().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["docs.t.people", "docs.t.people.*.kind", "docs.t.people.*.phone", "docs.t.shares.*"]);
    }
}

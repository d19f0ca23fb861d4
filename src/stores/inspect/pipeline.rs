//! A check's pipeline, examined: stages and operators that are known to only read, at any depth, over collections that
//! are named plainly.
//!
//! Must not send anything; `mongo/pipeline.rs` turns the same text into what is sent.

use mongodb::bson::{Bson, Document};
use serde_json::value::RawValue;

use crate::domain::{JsonError, Value, json_fields, shorten};
use crate::stores::{StoreError, Target};

use super::operators::{is_operator, is_stage, reason};
use super::{Refusal, lexis};

/// Deepest nesting; MongoDB allows 180 levels in a command.
const DEEPEST: usize = 150;
/// Values with a type, as Extended JSON writes them: no operators.
const TYPES: [&str; 13] = [
    "$numberDecimal",
    "$numberDouble",
    "$numberInt",
    "$numberLong",
    "$oid",
    "$uuid",
    "$symbol",
    "$date",
    "$binary",
    "$minKey",
    "$maxKey",
    "$timestamp",
    "$regularExpression",
];
const ONLY_READS: &str = "docs/check-safety.md lists the stages and operators that a pipeline may use";
const SHAPE: &str = "write an array of stages, or {\"collection\": \"holdings\", \"pipeline\": [ … ]}";

/// A pipeline that may be sent.
#[derive(Clone, Debug)]
pub(in crate::stores) struct Piped {
    text: String,
    collection: Option<String>,
}

impl Piped {
    /// Whatever it is.
    pub(super) fn unexamined(text: &str, collection: Option<&str>) -> Piped {
        Piped { text: text.to_owned(), collection: collection.map(str::to_owned) }
    }

    /// What the store's own reader makes the command of.
    pub fn target(&self, params: &[(String, Value)]) -> Target {
        Target { table: self.collection.clone(), query: Some(self.text.clone()), params: params.to_vec() }
    }
}

/// Reads a text and judges it; returns the names of its parameters too.
///
/// # Errors
/// What is not known to only read, with its place.
pub(super) fn examine(text: &str, collection: Option<&str>) -> Result<(Piped, Vec<String>), Refusal> {
    if text.len() > lexis::LONGEST {
        let what = format!("the pipeline is {} bytes long: more than {} are not run", text.len(), lexis::LONGEST);
        return Err(Refusal::new(what).hint("make a view of its common part"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(name) = collection {
        plain_collection(name)?;
    }
    let mut walk = Walk { text, params: Vec::new() };
    walk.whole()?;
    let piped = Piped::unexamined(text, collection);
    // What is sent is made of the text again, by its own reader: that one must understand it too.
    let nothing: Vec<(String, Value)> = walk.params.iter().map(|name| (name.clone(), Value::Null)).collect();
    crate::stores::mongo::readable(&piped.target(&nothing)).map_err(|StoreError { what, hint, .. }| Refusal {
        what,
        hint,
        at: None,
    })?;
    Ok((piped, walk.params))
}

/// A collection by its own name: `$cmd` and the like are commands, `system.…` the server's own.
fn plain_collection(name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.contains(['$', '\0']) || name.starts_with("system.") {
        let what = format!("`{}` is no collection that a check may read", shorten(name, 60));
        return Err(Refusal::new(what).hint("name a collection of this database"));
    }
    Ok(())
}

struct Walk<'a> {
    text: &'a str,
    params: Vec<String>,
}

type Judged = Result<(), Refusal>;

impl<'a> Walk<'a> {
    fn refuse<T>(&self, part: &str, what: impl Into<String>, hint: &str) -> Result<T, Refusal> {
        let at = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        Err(Refusal::new(what).hint(hint).at_byte(self.text, at))
    }

    fn fields<'b>(&self, raw: &'b RawValue) -> Result<Vec<(String, &'b RawValue)>, Refusal> {
        match json_fields(raw.get()) {
            Ok(fields) => Ok(fields.0.into_iter().map(|(name, value)| (name.into_owned(), value)).collect()),
            Err(error) => self.refuse(raw.get(), error.what, SHAPE),
        }
    }

    fn items<'b>(&self, raw: &'b RawValue, what: &str) -> Result<Vec<&'b RawValue>, Refusal> {
        match serde_json::from_str(raw.get()) {
            Ok(items) => Ok(items),
            Err(_) => self.refuse(raw.get(), what, SHAPE),
        }
    }

    fn whole(&mut self) -> Judged {
        let raw: &RawValue = serde_json::from_str(self.text).map_err(|error| {
            let JsonError { line, column, what } = JsonError::of(&error);
            Refusal {
                what: format!("the pipeline is not JSON: {what}"),
                hint: Some(SHAPE.into()),
                at: Some((line as u64, column as u64)),
            }
        })?;
        if raw.get().starts_with('[') {
            return self.stages(raw, 1);
        }
        if !raw.get().starts_with('{') {
            return self.refuse(raw.get(), "this is no pipeline", SHAPE);
        }
        for (name, value) in self.fields(raw)? {
            match name.as_str() {
                "collection" | "aggregate" => self.collection(value)?,
                "pipeline" => self.stages(value, 1)?,
                "let" => self.value(value, 1)?,
                "cursor" | "allowDiskUse" => {}
                _ => {
                    return self.refuse(
                        value.get(),
                        format!("the field `{}` is not known here", shorten(&name, 40)),
                        SHAPE,
                    );
                }
            }
        }
        Ok(())
    }

    fn collection(&self, raw: &RawValue) -> Judged {
        let Ok(name) = serde_json::from_str::<String>(raw.get()) else {
            return self.refuse(raw.get(), "a collection is given by its name", "name a collection of this database");
        };
        let at = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        plain_collection(&name).map_err(|refusal| refusal.at_byte(self.text, at))
    }

    fn stages(&mut self, raw: &RawValue, depth: usize) -> Judged {
        if depth > DEEPEST {
            return self.refuse(raw.get(), format!("nested deeper than {DEEPEST} levels"), SHAPE);
        }
        for item in self.items(raw, "a pipeline is an array of stages")? {
            if !item.get().starts_with('{') {
                return self.refuse(item.get(), "a stage is an object of one field", "such as {\"$match\": { … }}");
            }
            let fields = self.fields(item)?;
            let [(name, value)] = fields.as_slice() else {
                return self.refuse(item.get(), "a stage is an object of one field", "such as {\"$match\": { … }}");
            };
            self.stage(name, value, depth + 1)?;
        }
        Ok(())
    }

    fn stage(&mut self, name: &str, value: &RawValue, depth: usize) -> Judged {
        if !is_stage(name) {
            return self.unknown("stage", name, value);
        }
        let object = value.get().starts_with('{');
        match name {
            "$unionWith" if !object => self.collection(value),
            "$facet" if object => {
                for (_, pipeline) in self.fields(value)? {
                    self.stages(pipeline, depth + 1)?;
                }
                Ok(())
            }
            "$lookup" | "$unionWith" | "$graphLookup" if object => {
                for (name, part) in self.fields(value)? {
                    match name.as_str() {
                        "from" | "coll" => self.collection(part)?,
                        "pipeline" => self.stages(part, depth + 1)?,
                        _ => self.named(&name, part, depth + 1)?,
                    }
                }
                Ok(())
            }
            _ => self.value(value, depth + 1),
        }
    }

    fn unknown(&self, what: &str, name: &str, value: &RawValue) -> Judged {
        let name = shorten(name, 60);
        match reason(&name) {
            Some(reason) => self.refuse(value.get(), format!("`{name}` {reason}: a check only reads"), ONLY_READS),
            None => {
                self.refuse(value.get(), format!("`{name}` is not one of the {what}s that a check may use"), ONLY_READS)
            }
        }
    }

    fn named(&mut self, name: &str, value: &RawValue, depth: usize) -> Judged {
        if name.starts_with('$') && !is_operator(name) {
            return self.unknown("operator", name, value);
        }
        self.value(value, depth)
    }

    fn value(&mut self, raw: &RawValue, depth: usize) -> Judged {
        if depth > DEEPEST {
            return self.refuse(raw.get(), format!("nested deeper than {DEEPEST} levels"), SHAPE);
        }
        match raw.get().as_bytes().first() {
            Some(b'[') => {
                self.items(raw, "this is no array")?.into_iter().try_for_each(|item| self.value(item, depth + 1))
            }
            Some(b'{') => {
                let fields = self.fields(raw)?;
                if let [(name, value)] = fields.as_slice() {
                    if name == "$param" {
                        return self.param(value);
                    }
                    if TYPES.contains(&name.as_str()) {
                        return Ok(());
                    }
                }
                fields.into_iter().try_for_each(|(name, value)| self.named(&name, value, depth + 1))
            }
            _ => Ok(()),
        }
    }

    fn param(&mut self, raw: &RawValue) -> Judged {
        let Ok(name) = serde_json::from_str::<String>(raw.get()) else {
            return self.refuse(raw.get(), "`$param` takes a name", "write {\"$param\": \"payout_date\"}");
        };
        if !self.params.contains(&name) {
            self.params.push(name);
        }
        Ok(())
    }
}

/// Whether what the server says it will run writes or runs code: it has put the views in place, which the text does not
/// show.
pub(in crate::stores) fn understood(explained: &Document) -> Result<(), String> {
    fn harmful(name: &str) -> bool {
        ["$out", "$merge", "$function", "$accumulator", "$where"].contains(&name) || name.starts_with("$_internalJs")
    }
    fn look(value: &Bson) -> Result<(), String> {
        match value {
            Bson::Document(document) => understood(document),
            Bson::Array(items) => items.iter().try_for_each(look),
            Bson::JavaScriptCode(_) | Bson::JavaScriptCodeWithScope(_) => Err("JavaScript".to_owned()),
            _ => Ok(()),
        }
    }
    for (name, value) in explained {
        if harmful(name) {
            return Err(name.clone());
        }
        look(value)?;
    }
    Ok(())
}

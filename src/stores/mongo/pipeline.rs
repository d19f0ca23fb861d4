//! Aggregation pipelines written as Extended JSON: read digit by digit, parameters put in as typed values, and
//! stages that write or run code refused.
//!
//! A plain integer becomes an int32 or int64, a number with a point or an exponent a Decimal128: no number
//! passes through a float (`{"$numberDouble": "0.5"}` asks for one).

use mongodb::bson::{Bson, Document, Regex, Timestamp, doc};
use serde_json::value::RawValue;

use crate::domain::{Amount, Batch, JsonError, Value, json_cell, json_fields};
use crate::stores::{StoreError, Target};

use super::literal;

/// What a side reads.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    /// The collection (or view).
    pub(super) collection: String,
    /// The stages, when it is not the collection as it is.
    pub(super) stages: Option<Vec<Document>>,
    /// The pipeline's own variables.
    pub(super) variables: Option<Document>,
}

/// Stages and operators that write, or run code on the server.
const REFUSED: [&str; 5] = ["$out", "$merge", "$function", "$accumulator", "$where"];

/// Deepest nesting of a pipeline; MongoDB allows 180 levels in a command.
const DEEPEST: usize = 150;

/// Reads what the user gave.
///
/// # Errors
/// `Usage`: what is not understood or not allowed, and where in the text.
pub(super) fn query(target: &Target) -> Result<Query, StoreError> {
    const NAME_IT: &str = "name it behind a `#` in the URL: `mongodb://host/database#collection`";
    let table = target.table.as_ref().filter(|name| !name.is_empty());
    let Some(text) = &target.query else {
        let collection =
            table.ok_or_else(|| StoreError::usage("which collection to read is not said").hint(NAME_IT))?.clone();
        return Ok(Query { collection, stages: None, variables: None });
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let read = Reader { text, params: &target.params };
    let wrong = |error: JsonError| {
        StoreError::usage(format!("the pipeline cannot be used: {error}")).hint(
            "a pipeline is an array of stages that only read, as Extended JSON: `[{\"$match\": {\"paid\": true}}]`",
        )
    };
    let parsed = read.whole().map_err(wrong)?;
    let collection = match (table, parsed.collection) {
        (Some(table), Some(named)) if *table != named => {
            let what = format!("the URL names the collection `{table}`, the pipeline `{named}`");
            return Err(StoreError::usage(what).hint("name it once"));
        }
        (Some(table), _) => table.clone(),
        (None, Some(named)) => named,
        (None, None) => {
            return Err(StoreError::usage("the pipeline does not say which collection it runs on")
                .hint(format!("{NAME_IT}, or write `{{\"aggregate\": \"collection\", \"pipeline\": [ … ]}}`")));
        }
    };
    Ok(Query { collection, stages: Some(parsed.stages), variables: parsed.variables })
}

struct Parsed {
    collection: Option<String>,
    stages: Vec<Document>,
    variables: Option<Document>,
}

struct Reader<'a> {
    text: &'a str,
    params: &'a [(String, Value)],
}

impl Reader<'_> {
    fn whole(&self) -> Result<Parsed, JsonError> {
        let raw: &RawValue = serde_json::from_str(self.text).map_err(|e| JsonError::of(&e))?;
        if raw.get().starts_with('[') {
            return Ok(Parsed { collection: None, stages: self.stages(raw)?, variables: None });
        }
        let shape = "a pipeline is an array of stages, or `{\"aggregate\": \"collection\", \"pipeline\": [ … ]}`";
        if !raw.get().starts_with('{') {
            return Err(self.at(raw, shape));
        }
        let (mut collection, mut stages, mut variables) = (None, None, None);
        for (name, value) in self.fields(raw)? {
            match (name.as_str(), self.value(value, 1)?) {
                ("aggregate" | "collection", _) if collection.is_some() => {
                    return Err(self.at(value, "the collection is named twice"));
                }
                ("aggregate" | "collection", Bson::String(name)) => collection = Some(name),
                ("aggregate" | "collection", _) => {
                    return Err(self.at(value, &format!("`{name}` must be the name of a collection")));
                }
                ("pipeline", _) => stages = Some(self.stages(value)?),
                ("let", Bson::Document(given)) => variables = Some(given),
                // recon sets these itself.
                ("cursor" | "allowDiskUse", _) => {}
                _ => return Err(self.at(value, &format!("the field `{name}` is not known here; {shape}"))),
            }
        }
        match (collection, stages) {
            (Some(collection), Some(stages)) => Ok(Parsed { collection: Some(collection), stages, variables }),
            _ => Err(self.at(raw, shape)),
        }
    }

    fn at(&self, part: &RawValue, what: &str) -> JsonError {
        JsonError::at(self.text, part.get(), what)
    }

    fn fields<'a>(&self, raw: &'a RawValue) -> Result<Vec<(String, &'a RawValue)>, JsonError> {
        let fields = json_fields(raw.get()).map_err(|e| self.at(raw, &e.what))?;
        Ok(fields.0.into_iter().map(|(name, value)| (name.into_owned(), value)).collect())
    }

    fn stages(&self, raw: &RawValue) -> Result<Vec<Document>, JsonError> {
        let items: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| self.at(raw, "`pipeline` must be an array of stages"))?;
        let stage = |item: &&RawValue| match self.value(item, 1)? {
            Bson::Document(stage) if stage.len() == 1 && stage.keys().all(|name| name.starts_with('$')) => Ok(stage),
            _ => Err(self.at(item, "a stage is an object of one field, such as `{\"$match\": { … }}`")),
        };
        items.iter().map(stage).collect()
    }

    fn value(&self, raw: &RawValue, depth: usize) -> Result<Bson, JsonError> {
        if depth > DEEPEST {
            return Err(self.at(raw, &format!("nested deeper than {DEEPEST} levels")));
        }
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'n') => Ok(Bson::Null),
            Some(b't' | b'f') => Ok(Bson::Boolean(text == "true")),
            Some(b'"') => {
                serde_json::from_str(text).map(Bson::String).map_err(|e| self.at(raw, &JsonError::of(&e).what))
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| self.at(raw, &e.to_string()))?;
                items.into_iter().map(|item| self.value(item, depth + 1)).collect::<Result<_, _>>().map(Bson::Array)
            }
            Some(b'{') => self.object(raw, depth),
            _ => self.number(raw),
        }
    }

    fn number(&self, raw: &RawValue) -> Result<Bson, JsonError> {
        let text = raw.get();
        if let Ok(whole) = text.parse::<i64>() {
            return Ok(i32::try_from(whole).map_or(Bson::Int64(whole), Bson::Int32));
        }
        let stored = Amount::parse(text).ok().and_then(|amount| literal::decimal128(&amount)).map(Bson::Decimal128);
        stored.ok_or_else(|| self.at(raw, &format!("the number `{text}` does not fit the 34 digits of a Decimal128")))
    }

    fn object(&self, raw: &RawValue, depth: usize) -> Result<Bson, JsonError> {
        let fields = self.fields(raw)?;
        if let [(name, value)] = fields.as_slice()
            && name.starts_with('$')
            && let Some(special) = self.special(name, value, raw)?
        {
            return Ok(special);
        }
        let mut document = Document::new();
        for (name, value) in fields {
            if REFUSED.contains(&name.as_str()) {
                let what = format!("`{name}` is refused: a side is only read, and runs no code");
                return Err(self.at(value, &what));
            }
            if name == "$param" {
                return Err(self.at(raw, "`{\"$param\": \"name\"}` must stand alone"));
            }
            document.insert(name, self.value(value, depth + 1)?);
        }
        Ok(Bson::Document(document))
    }

    /// A parameter or an Extended JSON type; `None` for an operator.
    fn special(&self, name: &str, value: &RawValue, whole: &RawValue) -> Result<Option<Bson>, JsonError> {
        Ok(Some(match name {
            "$param" => {
                let wanted: String =
                    serde_json::from_str(value.get()).map_err(|_| self.at(value, "`$param` takes a name"))?;
                let given = self.params.iter().find(|(name, _)| *name == wanted);
                let (_, given) = given.ok_or_else(|| {
                    let what = format!("the parameter `{wanted}` is not given; give it with `--param {wanted}=…`");
                    self.at(value, &what)
                })?;
                literal::typed(given).map_err(|why| self.at(value, &format!("the parameter `{wanted}`: {why}")))?
            }
            "$minKey" => Bson::MinKey,
            "$maxKey" => Bson::MaxKey,
            "$timestamp" => {
                let fields = self.fields(value)?;
                let part = |wanted: &str| {
                    let (_, raw) = fields.iter().find(|(name, _)| name == wanted)?;
                    raw.get().parse::<u32>().ok()
                };
                let (time, increment) =
                    part("t").zip(part("i")).ok_or_else(|| self.at(value, "not a valid $timestamp"))?;
                Bson::Timestamp(Timestamp { time, increment })
            }
            "$regularExpression" => {
                let fields = self.fields(value)?;
                let part = |wanted: &str| {
                    let (_, raw) = fields.iter().find(|(name, _)| name == wanted)?;
                    serde_json::from_str::<String>(raw.get()).ok()?.try_into().ok()
                };
                let (pattern, options) = part("pattern")
                    .zip(part("options"))
                    .ok_or_else(|| self.at(value, "not a valid $regularExpression"))?;
                Bson::RegularExpression(Regex { pattern, options })
            }
            "$numberDecimal" | "$numberDouble" | "$numberInt" | "$numberLong" | "$oid" | "$uuid" | "$symbol"
            | "$date" | "$binary" => {
                let mut scratch = Batch::new(1);
                let row = scratch.start_row();
                let cell = json_cell(whole, &mut scratch);
                scratch.set(row, 0, cell);
                literal::typed(&Value::of(scratch.at(row, 0))).map_err(|why| self.at(value, &why))?
            }
            _ => return Ok(None),
        }))
    }
}

/// The command that lets the server check a pipeline without running it.
pub(super) fn explain(query: &Query) -> Document {
    let stages = query.stages.clone().unwrap_or_default();
    let mut command = doc! { "aggregate": &query.collection, "pipeline": stages, "cursor": {} };
    if let Some(variables) = &query.variables {
        command.insert("let", variables.clone());
    }
    doc! { "explain": command, "verbosity": "queryPlanner" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::NumberForm;
    use crate::stores::ErrorClass;

    fn read(table: Option<&str>, text: &str) -> Result<Query, StoreError> {
        let decimal = Value::Number { amount: Amount::parse("1.50").expect("amount"), form: NumberForm::Decimal };
        query(&Target {
            table: table.map(str::to_owned),
            query: Some(text.to_owned()),
            params: vec![("on".into(), Value::Date(20_000)), ("net".into(), decimal)],
        })
    }

    fn refused(text: &str) -> String {
        let error = read(Some("c"), text).expect_err(text);
        assert_eq!(error.class, ErrorClass::Usage);
        error.what
    }

    #[test]
    fn numbers_and_types_are_exact() {
        let read = read(
            Some("c"),
            r#"[{"$match":{"a":5,"b":5000000000,"c":1.50,"d":0.1e1,"e":{"$numberDouble":"0.5"},"f":{"$oid":"507f1f77bcf86cd799439011"},
                "g":{"$date":"2026-11-05T00:00:00Z"},"h":[null,true,"x"],"i":{"$gte":12345678901234567.89},"j":{"$minKey":1}}}]"#,
        );
        let stages = read.expect("reads").stages.expect("stages");
        let matched = stages[0].get_document("$match").expect("match");
        let decimal = |text: &str| Bson::Decimal128(text.parse().expect("decimal"));
        assert_eq!(matched.get("a"), Some(&Bson::Int32(5)));
        assert_eq!(matched.get("b"), Some(&Bson::Int64(5_000_000_000)));
        assert_eq!(matched.get("c"), Some(&decimal("1.50")));
        assert_eq!(matched.get("d"), Some(&decimal("1")));
        assert_eq!(matched.get("e"), Some(&Bson::Double(0.5)));
        assert!(matches!(matched.get("f"), Some(Bson::ObjectId(_))));
        assert!(matches!(matched.get("g"), Some(Bson::DateTime(_))));
        assert_eq!(matched.get("h"), Some(&Bson::Array(vec![Bson::Null, Bson::Boolean(true), "x".into()])));
        assert_eq!(matched.get_document("i").expect("i").get("$gte"), Some(&decimal("12345678901234567.89")));
        assert_eq!(matched.get("j"), Some(&Bson::MinKey));
    }

    #[test]
    fn parameters_are_typed_values() {
        let text = r#"[{"$match":{"on":{"$param":"on"},"net":{"$in":[{"$param":"net"},{"$param":"net"}]}}}]"#;
        let stages = read(Some("c"), text).expect("reads").stages.expect("stages");
        let matched = stages[0].get_document("$match").expect("match");
        assert_eq!(matched.get("on"), Some(&literal::date(20_000)));
        let list = matched.get_document("net").expect("net").get_array("$in").expect("list");
        assert!(list.iter().all(|v| *v == Bson::Decimal128("1.50".parse().expect("decimal"))));
        let what = refused("[\n {\"$match\": {\"on\": {\"$param\": \"off\"}}}]");
        assert!(what.contains("`off`") && what.contains("line 2, column 31"), "{what}");
        assert!(refused(r#"[{"$match":{"a":{"$param":"on","b":1}}}]"#).contains("must stand alone"));
        assert!(refused(r#"[{"$match":{"a":{"$param":5}}}]"#).contains("takes a name"));
    }

    #[test]
    fn what_writes_or_runs_code_is_refused_at_any_depth() {
        for name in REFUSED {
            for text in [
                format!(r#"[{{"{name}": "x"}}]"#),
                format!(r#"[{{"$match": {{"{name}": "x"}}}}]"#),
                format!(r#"[{{"$lookup": {{"from": "d", "pipeline": [{{"{name}": {{}}}}], "as": "x"}}}}]"#),
                format!(
                    r#"{{"aggregate": "c", "pipeline": [{{"$project": {{"a": {{"{name}": {{"body": "x"}}}}}}}}]}}"#
                ),
                // Written with an escape, it is the same name.
                format!(r#"[{{"\u0024{}": "x"}}]"#, &name[1..]),
            ] {
                let what = refused(&text);
                assert!(what.contains(&format!("`{name}` is refused")), "{text}: {what}");
            }
        }
    }

    #[test]
    fn the_collection_comes_from_one_place() {
        let whole = r#"{"aggregate":"d","pipeline":[{"$limit":1}],"cursor":{},"let":{"x":1}}"#;
        let named = read(None, whole).expect("reads");
        assert_eq!((named.collection.as_str(), named.variables), ("d", Some(doc! { "x": 1 })));
        assert_eq!(read(Some("d"), whole).expect("the same name").collection, "d");
        assert!(refused(whole).contains("`c`"));
        let error = read(None, "[]").expect_err("no collection");
        assert!(error.hint.expect("hint").contains("\"aggregate\""));
        assert!(query(&Target::default()).expect_err("nothing").hint.expect("hint").contains('#'));
    }

    #[test]
    fn wrong_texts_name_the_place() {
        for (text, part) in [
            ("[{\"$match\": {\"a\": 1,}}]", "line 1, column 21"),
            ("", "line 1"),
            ("[1]", "line 1, column 2"),
            ("[{\"$match\":{}, \"$sort\":{}}]", "a stage is an object of one field"),
            ("[{\"match\":{}}]", "a stage is an object of one field"),
            ("{\"$match\":{}}", "is not known here"),
            ("{\"aggregate\":1,\"pipeline\":[]}", "name of a collection"),
            ("{\"aggregate\":\"d\"}", "a pipeline is an array of stages"),
            ("7", "a pipeline is an array of stages"),
            ("[{\"$match\":{\"a\":1,\"a\":2}}]", "stands twice"),
            ("[{\"$match\":{\"a\":{\"$oid\":\"x\"}}}]", "is not a valid $oid"),
            ("[{\"$match\":{\"a\":10000000000000000000000000000000001}}]", "34 digits"),
        ] {
            let what = refused(text);
            assert!(what.contains(part), "{text}: {what}");
        }
        let deep = format!("[{{\"$match\":{}1{}}}]", "{\"a\":".repeat(5_000), "}".repeat(5_000));
        assert!(refused(&deep).contains("nested deeper"));
    }
}

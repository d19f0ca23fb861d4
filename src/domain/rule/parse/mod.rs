//! From the text of a rule to its tree. Every error points to the place in the text.
//!
//! The JSON is walked raw, level by level: numbers keep their digits, keys that stand twice are seen, and neither depth
//! nor size of a hostile text is trusted.

mod value;

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::definition;
use super::error::{RuleError, did_you_mean, offset};
use super::tree::{Comparison, Condition, Kind, Operand};
use super::{MAX_DEPTH, MAX_NODES, MAX_TEXT, Rule};
use crate::domain::json::JsonFields;
use crate::domain::{Value, shorten};
pub(super) use value::zoned_instant;
use value::{ARITHMETIC, LITERALS};

/// The keys around a condition.
const AROUND: [&str; 5] = ["flag", "expect", "where", "name", "description"];
/// The operators of conditions that are no comparisons.
const CONDITIONS: [&str; 8] = ["all", "any", "not", "in", "between", "is_null", "is_absent", "starts_with"];

/// Reads a rule and checks all that can be known without a run: which names there are is checked by
/// [`super::RuleSet::bind`].
///
/// # Errors
/// What is wrong and where in the text.
pub fn parse(text: &str) -> Result<Rule, RuleError> {
    if text.len() > MAX_TEXT {
        return Err(RuleError::at(text, 0, format!("a rule of more than {MAX_TEXT} bytes"))
            .hint("look long lists up in a check of kind `sql`"));
    }
    let raw: &RawValue = serde_json::from_str(text).map_err(|e| RuleError::of_json(text, text, &e))?;
    let mut parser = Parser { text, nodes: 0 };
    let rule = parser.rule(raw.get())?;
    definition::check(&rule, &|_| None)?;
    Ok(rule)
}

struct Parser<'t> {
    text: &'t str,
    nodes: usize,
}

/// One key of an object.
struct Field<'t> {
    name: Cow<'t, str>,
    /// The key's place, in bytes.
    at: usize,
    raw: &'t str,
}

impl<'t> Parser<'t> {
    fn error(&self, part: &str, what: impl Into<String>) -> RuleError {
        RuleError::at(self.text, offset(self.text, part), what)
    }

    fn rule(&mut self, raw: &'t str) -> Result<Rule, RuleError> {
        let mut rule = Rule {
            text: self.text.to_owned(),
            name: None,
            description: None,
            examined: None,
            condition: Condition::Constant(None),
            expect: false,
        };
        let fields = if raw.starts_with('{') { self.fields(raw)? } else { Vec::new() };
        if !fields.iter().any(|field| AROUND.contains(&field.name.as_ref())) {
            rule.condition = self.condition(raw, 0)?;
            return Ok(rule);
        }
        let mut said = None;
        for field in &fields {
            match field.name.as_ref() {
                "name" => rule.name = Some(self.string(field.raw)?),
                "description" => rule.description = Some(self.string(field.raw)?),
                "where" => rule.examined = Some(self.condition(field.raw, 1)?),
                word @ ("flag" | "expect") => {
                    if let Some(other) = said.replace(word) {
                        return Err(RuleError::at(self.text, field.at, format!("both `{other}` and `{word}`"))
                            .hint("`flag` says what is a violation, `expect` how a record should be; keep one"));
                    }
                    rule.expect = word == "expect";
                    rule.condition = self.condition(field.raw, 1)?;
                }
                other => {
                    let error = self.unknown_key(field, "a rule");
                    return Err(if is_condition(other) {
                        error.hint(format!("put the condition under `flag`: {{\"flag\": {{\"{other}\": …}}}}"))
                    } else {
                        error.perhaps(did_you_mean(other, AROUND)).or_known(&AROUND)
                    });
                }
            }
        }
        match said {
            Some(_) => Ok(rule),
            None => Err(self
                .error(raw, "neither `flag` nor `expect`")
                .hint("`flag` says what is a violation, `expect` how a record should be")),
        }
    }

    /// Counts a condition or a value and looks that it does not lie too deep.
    fn enter(&mut self, raw: &str, depth: usize) -> Result<(), RuleError> {
        self.nodes += 1;
        if depth > MAX_DEPTH {
            return Err(self.error(raw, format!("nested more than {MAX_DEPTH} deep")));
        }
        if self.nodes > MAX_NODES {
            return Err(self
                .error(raw, format!("a rule of more than {MAX_NODES} conditions and values"))
                .hint("look long lists up in a check of kind `sql`"));
        }
        Ok(())
    }

    fn condition(&mut self, raw: &'t str, depth: usize) -> Result<Condition, RuleError> {
        self.enter(raw, depth)?;
        match raw.as_bytes().first() {
            Some(b't') => return Ok(Condition::Constant(Some(true))),
            Some(b'f') => return Ok(Condition::Constant(Some(false))),
            Some(b'n') => return Ok(Condition::Constant(None)),
            Some(b'{') => {}
            Some(b'[') => {
                return Err(self
                    .error(raw, "a list stands where a condition is wanted")
                    .hint("join conditions with {\"all\": […]} or {\"any\": […]}"));
            }
            Some(b'"') => {
                return Err(self
                    .error(raw, format!("{} is a value, and a condition is wanted", shorten(raw, 60)))
                    .hint(format!("compare it: {{\"eq\": [{}, true]}}", shorten(raw, 60))));
            }
            _ => return Err(self.error(raw, format!("{} is a value, and a condition is wanted", shorten(raw, 60)))),
        }
        let fields = self.fields(raw)?;
        let Some(field) = fields.first() else {
            return Err(self.error(raw, "an empty object is no condition"));
        };
        for field in &fields {
            let name = field.name.as_ref();
            if !is_condition(name) {
                return Err(self.no_condition(field, depth));
            }
        }
        if let Some(second) = fields.get(1) {
            let what = format!("a condition has one operator, and `{}` is a second one", second.name);
            return Err(RuleError::at(self.text, second.at, what).hint("join conditions with {\"all\": […]}"));
        }
        self.operator(field, depth)
    }

    fn no_condition(&self, field: &Field<'t>, depth: usize) -> RuleError {
        let name = field.name.as_ref();
        if ARITHMETIC.contains(&name) || LITERALS.contains(&name) {
            return RuleError::at(self.text, field.at, format!("`{name}` gives a value, and a condition is wanted"))
                .hint(format!("compare it: {{\"eq\": [{{\"{name}\": …}}, …]}}"));
        }
        let around: &[&str] = if depth == 0 { &AROUND } else { &[] };
        let known = operators().chain(around.iter().copied());
        let what = format!("unknown operator `{}`", shorten(name, 60));
        RuleError::at(self.text, field.at, what).perhaps(did_you_mean(name, known)).or_known(&CONDITION_WORDS)
    }

    fn operator(&mut self, field: &Field<'t>, depth: usize) -> Result<Condition, RuleError> {
        let name = field.name.as_ref();
        if let Some((_, comparison)) = Comparison::WRITTEN.into_iter().find(|(written, _)| *written == name) {
            let [left, right] = self.operands_of(field, "two values", depth)?;
            return Ok(Condition::Compare { comparison, left, right });
        }
        Ok(match name {
            "all" | "any" => {
                let parts = self.list(field.raw, name, "conditions")?;
                if parts.is_empty() {
                    return Err(self
                        .error(field.raw, format!("`{name}` of nothing"))
                        .hint("write `true` or `false` if that is meant"));
                }
                let parts = parts.into_iter().map(|part| self.condition(part, depth + 1)).collect::<Result<_, _>>()?;
                if name == "all" { Condition::All(parts) } else { Condition::Any(parts) }
            }
            "not" => Condition::Not(Box::new(self.condition(field.raw, depth + 1)?)),
            "in" => {
                let parts = self.list(field.raw, name, "a value and a list of values")?;
                let [value, list] = parts.as_slice() else {
                    return Err(self.count(field, "a value and a list of values", parts.len()));
                };
                let value = self.operand(value, depth + 1)?;
                let items = self.list(list, name, "values as its second part")?;
                if items.is_empty() {
                    return Err(self
                        .error(list, "an empty list: nothing is in it")
                        .hint("write `false` if it is meant"));
                }
                let list = items.into_iter().map(|item| self.operand(item, depth + 1)).collect::<Result<_, _>>()?;
                Condition::In { value, list }
            }
            "between" => {
                let [value, low, high] = self.operands_of(field, "a value and two bounds", depth)?;
                Condition::Between { value, low, high }
            }
            "is_null" => Condition::IsNull(self.of_the_record(field, depth)?),
            "is_absent" => Condition::IsAbsent(self.of_the_record(field, depth)?),
            _ => {
                let [value, prefix] = self.operands_of(field, "a value and a text", depth)?;
                let Kind::Literal(Value::Text { .. }) = prefix.kind else {
                    return Err(RuleError::at(self.text, prefix.at, "`starts_with` takes a text as its second part")
                        .hint("write {\"text\": \"…\"}"));
                };
                Condition::StartsWith { value, prefix }
            }
        })
    }

    /// The value of `is_null` and `is_absent`: only what a record holds can be NULL or absent.
    fn of_the_record(&mut self, field: &Field<'t>, depth: usize) -> Result<Operand, RuleError> {
        // Other operators take lists, and a list of one is what people write.
        let raw = match field.raw.starts_with('[') {
            true => match self.list(field.raw, &field.name, "a reference")?.as_slice() {
                [only] => only,
                parts => return Err(self.count(field, "one reference", parts.len())),
            },
            false => field.raw,
        };
        let operand = self.operand(raw, depth + 1)?;
        match operand.of_the_record() {
            Some(_) => Ok(operand),
            None => Err(self
                .error(raw, format!("`{}` asks for a value of the record", field.name))
                .hint("name it: \"legacy.net\"")),
        }
    }

    /// Exactly `N` values in a list.
    fn operands_of<const N: usize>(
        &mut self,
        field: &Field<'t>,
        wanted: &str,
        depth: usize,
    ) -> Result<[Operand; N], RuleError> {
        let parts = self.list(field.raw, &field.name, wanted)?;
        let count = parts.len();
        if count != N {
            return Err(self.count(field, wanted, count));
        }
        let operands: Vec<Operand> =
            parts.into_iter().map(|part| self.operand(part, depth + 1)).collect::<Result<_, _>>()?;
        operands.try_into().map_err(|_| self.count(field, wanted, count))
    }

    fn count(&self, field: &Field<'t>, wanted: &str, count: usize) -> RuleError {
        self.error(field.raw, format!("`{}` takes {wanted}, not {count}", field.name))
    }

    fn list(&self, raw: &'t str, word: &str, wanted: &str) -> Result<Vec<&'t str>, RuleError> {
        if !raw.starts_with('[') {
            return Err(
                self.error(raw, format!("`{word}` takes a list of {}", wanted.trim_start_matches("a list of ")))
            );
        }
        let items: Vec<&'t RawValue> = serde_json::from_str(raw).map_err(|e| RuleError::of_json(self.text, raw, &e))?;
        Ok(items.into_iter().map(RawValue::get).collect())
    }

    fn string(&self, raw: &str) -> Result<String, RuleError> {
        if !raw.starts_with('"') {
            return Err(self.error(raw, format!("{} stands where a JSON string is wanted", shorten(raw, 60))));
        }
        serde_json::from_str(raw).map_err(|e| RuleError::of_json(self.text, raw, &e))
    }

    /// The keys of an object; one that stands twice is refused.
    fn fields(&self, raw: &'t str) -> Result<Vec<Field<'t>>, RuleError> {
        let JsonFields(fields) = serde_json::from_str(raw).map_err(|e| RuleError::of_json(self.text, raw, &e))?;
        let mut found: Vec<Field<'t>> = Vec::new();
        for (name, raw) in fields {
            let at = match &name {
                // The quote before the name.
                Cow::Borrowed(name) => offset(self.text, name).saturating_sub(1),
                Cow::Owned(_) => offset(self.text, raw.get()),
            };
            if found.iter().any(|field| field.name == name) {
                let what = format!("the key `{}` stands twice in one object", shorten(&name, 60));
                return Err(RuleError::at(self.text, at, what).hint("remove one of the two"));
            }
            found.push(Field { name, at, raw: raw.get() });
            // No object of a rule has as many keys: an unknown one is found without comparing all of them.
            if found.len() > 16 {
                break;
            }
        }
        Ok(found)
    }

    fn unknown_key(&self, field: &Field<'t>, of: &str) -> RuleError {
        RuleError::at(self.text, field.at, format!("unknown key `{}` of {of}", shorten(&field.name, 60)))
    }
}

const CONDITION_WORDS: [&str; 14] =
    ["all", "any", "not", "eq", "ne", "lt", "le", "gt", "ge", "in", "between", "is_null", "is_absent", "starts_with"];
impl RuleError {
    /// Without a better hint: every word that is known.
    fn or_known(self, known: &[&str]) -> Self {
        match (&self.hint, known) {
            (None, [_, ..]) => {
                let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
                self.hint(format!("known are {}", known.join(", ")))
            }
            _ => self,
        }
    }
}

fn operators() -> impl Iterator<Item = &'static str> + Clone {
    CONDITIONS.into_iter().chain(Comparison::WRITTEN.into_iter().map(|(written, _)| written))
}

fn is_condition(word: &str) -> bool {
    operators().any(|known| known == word)
}

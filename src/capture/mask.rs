//! Which values are replaced, and by what: rules for columns, fields and parameters, applied to records at every depth.
//! Must not know where records come from.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Amount, NumberForm, Value, is_plain_literal};

use super::leak::Searcher;
use super::pseudonym::Pseudonyms;

/// What is done with the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mask {
    /// The name of nobody.
    Name,
    /// Other digits and letters; length and separators stay.
    Digits,
    /// A word that says nothing.
    Text,
    /// An address that no mail reaches.
    Email,
    /// The field or column is left out.
    Drop,
    /// It is no personal data.
    Keep,
}

impl Mask {
    /// Every mask by the name that the project file uses.
    pub const ALL: [(&'static str, Mask); 6] = [
        ("name", Mask::Name),
        ("digits", Mask::Digits),
        ("text", Mask::Text),
        ("email", Mask::Email),
        ("drop", Mask::Drop),
        ("keep", Mask::Keep),
    ];

    /// By its name.
    pub fn parse(name: &str) -> Option<Mask> {
        Mask::ALL.iter().find(|(known, _)| *known == name).map(|(_, mask)| *mask)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Mask::ALL.iter().find(|(_, mask)| *mask == self).map_or("keep", |(name, _)| name)
    }

    /// Whether it makes pseudonyms, for which a secret is needed.
    pub fn needs_secret(self) -> bool {
        matches!(self, Mask::Name | Mask::Digits | Mask::Text | Mask::Email)
    }
}

/// Where a value stands: `core.investors` and `phone`, `docs.holdings` and `investor.phone`; or a parameter or a compared
/// column, which belong to no table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field<'a> {
    /// Store and table; `None` for parameters and compared columns.
    pub table: Option<(&'a str, &'a str)>,
    /// The column, or the path into a document. Places in arrays are not counted.
    pub path: &'a str,
}

/// The masks of a project.
#[derive(Clone, Debug, Default)]
pub struct MaskRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    pattern: glob::Pattern,
    exact: bool,
    length: usize,
    mask: Mask,
}

impl MaskRules {
    /// From names and patterns. `*` stands for any characters, and case does not matter.
    ///
    /// # Errors
    /// Which of them is no pattern.
    pub fn new<'a>(rules: impl IntoIterator<Item = (&'a str, Mask)>) -> Result<MaskRules, String> {
        let rule = |(name, mask): (&str, Mask)| {
            let name = name.trim().to_lowercase();
            let pattern = glob::Pattern::new(&name)
                .map_err(|error| format!("`{name}` is no name of a column or field: {error}"))?;
            if name.is_empty() {
                return Err("a mask without the name of a column or field".to_owned());
            }
            Ok(Rule { exact: !name.contains(['*', '?', '[']), length: name.len(), pattern, mask })
        };
        rules.into_iter().map(rule).collect::<Result<_, _>>().map(MaskRules)
    }

    /// Whether any rule makes pseudonyms.
    pub fn needs_secret(&self) -> bool {
        self.0.iter().any(|rule| rule.mask.needs_secret())
    }

    /// The mask of a field. A rule for the field itself stands above one for what it lies in, an exact name above a pattern, a
    /// longer one above a shorter one.
    pub fn of(&self, field: &Field<'_>) -> Option<Mask> {
        let path = field.path.to_lowercase();
        let ends: Vec<usize> = path.match_indices('.').map(|(at, _)| at).chain([path.len()]).collect();
        ends.iter().rev().find_map(|end| {
            let whole = &path[..*end];
            let begins = std::iter::once(0).chain(whole.match_indices('.').map(|(at, _)| at + 1));
            let mut names: Vec<String> = begins.map(|at| whole[at..].to_owned()).collect();
            if let Some((store, table)) = field.table {
                names.push(format!("{table}.{whole}").to_lowercase());
                names.push(format!("{store}.{table}.{whole}").to_lowercase());
            }
            let meant = self.0.iter().filter(|rule| names.iter().any(|name| rule.pattern.matches(name)));
            meant.max_by_key(|rule| (rule.exact, rule.length)).map(|rule| rule.mask)
        })
    }
}

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
        Masker { rules, pseudonyms, seen: BTreeMap::new(), made: BTreeSet::new(), used: BTreeMap::new() }
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

    /// A value of a field, and everything inside it.
    ///
    /// # Errors
    /// Which field cannot be masked that way. The value is not named.
    pub fn value(&mut self, field: &Field<'_>, value: &Value) -> Result<Masked, String> {
        let mask = self.rules.of(field);
        match value {
            _ if mask == Some(Mask::Drop) => {
                self.forget(field, value);
                Ok(Masked::Left)
            }
            Value::Document(fields) => {
                let mut kept = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    let path = if field.path.is_empty() { name.clone() } else { format!("{}.{name}", field.path) };
                    if let Masked::Value(value) = self.value(&Field { path: &path, ..*field }, value)? {
                        kept.push((name.clone(), value));
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
            _ => match mask {
                None | Some(Mask::Keep | Mask::Drop) => Ok(Masked::Value(value.clone())),
                Some(mask) => self.replaced(field, mask, value).map(Masked::Value),
            },
        }
    }

    /// The text of a value in an expectation: by the rule of its column, or else as the value was replaced in a record. A
    /// number without a rule may be an amount that equals somebody's number by chance: only with `numbers` is it replaced.
    ///
    /// # Errors
    /// As [`Masker::value`].
    pub fn text(&mut self, column: &str, text: &str, numbers: bool) -> Result<String, String> {
        let field = Field { table: None, path: column };
        if self.rules.of(&field).is_some_and(Mask::needs_secret)
            && let Masked::Value(value) = self.value(&field, &Value::Text { text: text.to_owned(), untyped: false })?
        {
            return Ok(value.to_string());
        }
        if self.rules.of(&field) == Some(Mask::Keep) || !numbers && is_plain_literal(text.as_bytes()) {
            return Ok(text.to_owned());
        }
        let known = self.seen.get(text).and_then(|original| original.pseudonyms.first());
        Ok(known.cloned().unwrap_or_else(|| text.to_owned()))
    }

    /// A free text, such as a reason: originals that stand in it as words, in any usual spelling, are replaced.
    ///
    /// # Errors
    /// There are more originals than can be searched for.
    pub fn prose(&self, text: &str) -> Result<String, String> {
        Ok(Searcher::of_prose(&self.seen)?.replaced(text, &|pseudonym| pseudonym.map(str::to_owned)))
    }

    /// The same with a sign in place of each pseudonym, which may look as personal as its original.
    ///
    /// # Errors
    /// As [`Masker::prose`].
    pub fn redacted(&self, text: &str) -> Result<String, String> {
        Ok(Searcher::of_prose(&self.seen)?.replaced(text, &|pseudonym| pseudonym.map(|_| "*".to_owned())))
    }

    fn replaced(&mut self, field: &Field<'_>, mask: Mask, value: &Value) -> Result<Value, String> {
        let shown = shown(field);
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
            Value::Document(fields) => fields.iter().for_each(|(_, value)| self.forget(field, value)),
            Value::Array(items) => items.iter().for_each(|item| self.forget(field, item)),
            Value::Null | Value::Absent | Value::Unknown(_) | Value::Bool(_) => {}
            value => {
                let shown = shown(field);
                *self.used.entry((shown.clone(), Mask::Drop)).or_default() += 1;
                self.seen.entry(value.to_string()).or_insert_with(|| Original { field: shown, ..Original::default() });
            }
        }
    }
}

/// A field as messages name it: `core.investors.phone`.
pub(super) fn shown(field: &Field<'_>) -> String {
    match field.table {
        Some((store, table)) => format!("{store}.{table}.{}", field.path),
        None => field.path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[(&str, Mask)]) -> MaskRules {
        MaskRules::new(rules.iter().copied()).expect("patterns")
    }

    #[test]
    fn the_nearest_and_most_exact_rule_counts() {
        let rules = rules(&[
            ("investor", Mask::Text),
            ("investor.type", Mask::Keep),
            ("*phone*", Mask::Digits),
            ("core.firms.phone", Mask::Keep),
            ("NAME", Mask::Name),
            ("holders.bank", Mask::Drop),
        ]);
        let of = |table: &'static str, path| rules.of(&Field { table: Some(("core", table)), path });
        assert_eq!(of("t", "investor"), Some(Mask::Text));
        assert_eq!(of("t", "investor.id"), Some(Mask::Text));
        assert_eq!(of("t", "investor.type"), Some(Mask::Keep));
        assert_eq!(of("t", "investor.type.code"), Some(Mask::Keep));
        assert_eq!(of("t", "investor.mobile_phone_2"), Some(Mask::Digits));
        assert_eq!(of("firms", "phone"), Some(Mask::Keep));
        assert_eq!(of("people", "phone"), Some(Mask::Digits));
        assert_eq!(of("t", "a.b.Name"), Some(Mask::Name));
        assert_eq!(of("t", "names"), None);
        assert_eq!(of("holders", "bank.code"), Some(Mask::Drop));
        assert_eq!(of("other", "bank.code"), None);
        assert_eq!(rules.of(&Field { table: None, path: "phone" }), Some(Mask::Digits));
        assert!(MaskRules::new([("a[", Mask::Keep)]).is_err());
    }

    #[test]
    fn documents_are_masked_at_every_depth() {
        let rules = rules(&[("phone", Mask::Digits), ("note", Mask::Drop)]);
        let made = Pseudonyms::new("0123456789abcdef").expect("a secret");
        let mut masker = Masker::new(&rules, Some(&made));
        let json = r#"{"a":[{"b":{"phone":["010-1234-5678",{"phone":null}],"note":"secret"}}],"phone":1012345678,"net":12.50}"#;
        let field = Field { table: Some(("docs", "t")), path: "" };
        let Ok(Masked::Value(masked)) = masker.value(&field, &Value::from_json(json)) else { panic!("masked") };
        let text = masked.to_string();
        assert!(!text.contains("010-1234-5678") && !text.contains("1012345678") && !text.contains("note"), "{text}");
        assert!(text.contains("\"net\":12.50") && text.contains("null"), "{text}");
        assert_eq!(masker.seen().len(), 3);
        assert_eq!(masker.used().values().sum::<u64>(), 3);
        let amount =
            masker.value(&Field { table: None, path: "phone" }, &Value::from_json("1.5")).expect_err("no digits");
        assert!(!amount.contains("1.5"), "{amount}");
    }
}

//! Which values are replaced, and by what: rules for columns, fields and parameters. Must not see a value.

use std::collections::BTreeSet;

use super::personal;

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
    table: Option<(&'a str, &'a str)>,
    /// The column, or the path into a document. Places in arrays are not counted.
    path: &'a str,
    /// The path with a `*` in place of every name that may itself be somebody's.
    told: &'a str,
}

impl<'a> Field<'a> {
    /// A column or field of a table, or the whole record where `path` is empty.
    pub fn of(table: (&'a str, &'a str), path: &'a str) -> Field<'a> {
        Field { table: Some(table), path, told: path }
    }

    /// A parameter or a compared column.
    pub fn alone(name: &'a str) -> Field<'a> {
        Field { table: None, path: name, told: name }
    }

    /// By what it is told from other fields.
    pub(super) fn table_and_path(&self) -> (String, String) {
        let table = self.table.map_or_else(String::new, |(store, table)| format!("{store}.{table}"));
        (table, self.path.to_owned())
    }

    /// Its column or path.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The names of a field in it.
    pub fn inner(&self, name: &str) -> Inner {
        let told = if personal::field_name(name).is_some() { "*" } else { name };
        match self.path.is_empty() {
            true => Inner { path: name.to_owned(), told: told.to_owned() },
            false => Inner { path: format!("{}.{name}", self.path), told: format!("{}.{told}", self.told) },
        }
    }

    /// A field in it, by its names.
    pub fn at<'b>(&self, inner: &'b Inner) -> Field<'b>
    where
        'a: 'b,
    {
        Field { table: self.table, path: &inner.path, told: &inner.told }
    }

    /// As messages name it, and as a rule may: `core.investors.phone`.
    pub fn shown(&self) -> String {
        let told = if self.told.is_empty() { "*" } else { self.told };
        match self.table {
            Some((store, table)) => format!("{store}.{table}.{told}"),
            None => told.to_owned(),
        }
    }
}

/// The names of a field in another one.
#[derive(Clone, Debug)]
pub struct Inner {
    path: String,
    told: String,
}

/// The masks of a project.
#[derive(Clone, Debug, Default)]
pub struct MaskRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    name: String,
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
            Ok(Rule { exact: !name.contains(['*', '?', '[']), length: name.len(), name, pattern, mask })
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
        self.named(field, &mut |_| {})
    }

    /// The same, and every rule that names the field or one that it lies in by its number.
    fn named(&self, field: &Field<'_>, met: &mut dyn FnMut(usize)) -> Option<Mask> {
        let path = field.path.to_lowercase();
        let ends: Vec<usize> = path.match_indices('.').map(|(at, _)| at).chain([path.len()]).collect();
        let mut found = None;
        for end in ends.iter().rev() {
            let whole = &path[..*end];
            let begins = std::iter::once(0).chain(whole.match_indices('.').map(|(at, _)| at + 1));
            let mut names: Vec<String> = begins.map(|at| whole[at..].to_owned()).collect();
            if let Some((store, table)) = field.table {
                names.push(format!("{table}.{whole}").to_lowercase());
                names.push(format!("{store}.{table}.{whole}").to_lowercase());
            }
            let meant =
                self.0.iter().enumerate().filter(|(_, rule)| names.iter().any(|name| rule.pattern.matches(name)));
            let meant: Vec<(usize, &Rule)> = meant.inspect(|(at, _)| met(*at)).collect();
            let nearest = meant.into_iter().max_by_key(|(_, rule)| (rule.exact, rule.length));
            found = found.or(nearest.map(|(_, rule)| rule.mask));
        }
        found
    }

    /// The rules that name a field, by their numbers.
    pub(super) fn met(&self, field: &Field<'_>, all: &mut BTreeSet<usize>) {
        self.named(field, &mut |at| {
            all.insert(at);
        });
    }

    /// The rules with other numbers, as the project file writes them, in lower case.
    pub(super) fn others(&self, met: &BTreeSet<usize>) -> Vec<&str> {
        self.0.iter().enumerate().filter(|(at, _)| !met.contains(at)).map(|(_, rule)| rule.name.as_str()).collect()
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
        let of = |table: &'static str, path| rules.of(&Field::of(("core", table), path));
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
        assert_eq!(rules.of(&Field::alone("phone")), Some(Mask::Digits));
        assert!(MaskRules::new([("a[", Mask::Keep)]).is_err());
    }
}

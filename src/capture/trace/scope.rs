//! What a name in an expression may mean, and what equalities say of it.

use std::collections::BTreeMap;

use sqlparser::ast::{Ident, TableAlias};

use super::Origin;

/// A relation's columns: names, and where each one's values may come from.
pub(super) type Columns = Vec<(String, Vec<Origin>)>;

/// A relation in FROM.
#[derive(Clone)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) columns: Columns,
    /// The use whose columns are not known: any name may be one of its.
    pub(super) open: Option<usize>,
}

/// The relations that a name in an expression may mean, the innermost query last.
pub(super) type Scopes<'s> = [&'s [Relation]];

/// Two expressions that are equal, by where their values come from.
pub(super) type Pair = (Vec<Origin>, Vec<Origin>);

/// What a condition says is equal: all of it, or one of several ways.
#[derive(Default)]
pub(super) struct Equal {
    pub(super) always: Vec<Pair>,
    pub(super) either: Vec<Vec<Pair>>,
}

pub(super) fn joined(equal: &[Pair]) -> BTreeMap<(usize, usize), Vec<(String, String)>> {
    let mut links: BTreeMap<(usize, usize), Vec<(String, String)>> = BTreeMap::new();
    for (one, other) in equal {
        for one in one {
            for other in other.iter().filter(|other| other.usage != one.usage) {
                let (a, b) = if one.usage < other.usage { (one, other) } else { (other, one) };
                links.entry((a.usage, b.usage)).or_default().push((a.column.clone(), b.column.clone()));
            }
        }
    }
    links
}

pub(super) fn find(relations: &[Relation], column: &str) -> Vec<Origin> {
    let named = relations.iter().flat_map(|relation| &relation.columns);
    let found: Vec<Origin> =
        named.filter(|(name, _)| name.eq_ignore_ascii_case(column)).flat_map(|(_, origins)| origins.clone()).collect();
    if !found.is_empty() {
        return found;
    }
    let open: Vec<usize> = relations.iter().filter_map(|relation| relation.open).collect();
    match open.as_slice() {
        [usage] => vec![Origin { usage: *usage, column: column.to_owned() }],
        _ => Vec::new(),
    }
}

pub(super) fn qualified(scopes: &Scopes<'_>, table: &Ident, column: &Ident) -> Vec<Origin> {
    let mut relations = scopes.iter().rev().flat_map(|relations| relations.iter());
    match relations.find(|relation| relation.name.eq_ignore_ascii_case(&table.value)) {
        Some(relation) => find(std::slice::from_ref(relation), &column.value),
        None => Vec::new(),
    }
}

pub(super) fn rename(columns: &mut Columns, alias: Option<&TableAlias>) {
    for ((name, _), new) in columns.iter_mut().zip(alias.iter().flat_map(|alias| &alias.columns)) {
        name.clone_from(&new.name.value);
    }
}

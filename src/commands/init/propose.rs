//! Which columns are the key and which are compared, from what two stores say. Pure.

use crate::commands::Failure;
use crate::stores::{Column, ColumnKind};

use super::side::Look;

/// What the project will say.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) key: Vec<Pair>,
    pub(super) compared: Vec<Pair>,
    pub(super) legacy_only: Vec<String>,
    pub(super) candidate_only: Vec<String>,
}

/// A column by its names on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) legacy: String,
    pub(super) candidate: String,
    /// Numbers on both sides.
    pub(super) amount: bool,
}

impl Pair {
    fn of(legacy: &Column, candidate: &Column) -> Pair {
        let number = |column: &Column| column.kind == ColumnKind::Number;
        Pair {
            legacy: legacy.name.clone(),
            candidate: candidate.name.clone(),
            amount: number(legacy) && number(candidate),
        }
    }

    pub(super) fn words(&self) -> String {
        match self.legacy == self.candidate {
            true => self.legacy.clone(),
            false => format!("{}={}", self.legacy, self.candidate),
        }
    }
}

impl Proposal {
    /// The key as `--key` takes it.
    pub(super) fn key_words(&self) -> String {
        self.key.iter().map(Pair::words).collect::<Vec<_>>().join(",")
    }
}

/// Proposes key and compared columns; `given` is a key as the user wrote it.
///
/// # Errors
/// No key can be told, or the one that was given is not there; no column is left to compare.
pub(super) fn propose(legacy: &Look, candidate: &Look, given: Option<&[String]>) -> Result<Proposal, Failure> {
    let key = match given {
        Some(words) => words.iter().map(|word| given_pair(legacy, candidate, word)).collect::<Result<Vec<_>, _>>()?,
        None => key(legacy, candidate).ok_or_else(|| {
            let common: Vec<String> =
                legacy.columns.iter().filter(|column| named(candidate, &column.name).is_some()).map(|column| column.name.clone()).collect();
            Failure::usage("which columns tell one record from every other cannot be seen: no primary key or unique index is on both sides").hint(
                match common.is_empty() {
                    true => "no column has the same name on both sides; give `--key legacy_name=candidate_name`".to_owned(),
                    false => format!("give `--key`; on both sides are: {}", common.join(", ")),
                },
            )
        })?,
    };
    let is_key = |name: &str| key.iter().any(|pair| pair.legacy == name);
    let taken = |name: &str| key.iter().any(|pair| pair.candidate == name);
    let mut compared = Vec::new();
    let mut legacy_only = Vec::new();
    for column in legacy.columns.iter().filter(|column| !is_key(&column.name)) {
        match named(candidate, &column.name).filter(|other| !taken(&other.name)) {
            Some(other) => compared.push(Pair::of(column, other)),
            None => legacy_only.push(column.name.clone()),
        }
    }
    let candidate_only: Vec<String> = candidate
        .columns
        .iter()
        .map(|column| column.name.clone())
        .filter(|name| !taken(name) && !compared.iter().any(|pair| &pair.candidate == name))
        .collect();
    if compared.is_empty() {
        return Err(Failure::usage("no column besides the key has the same name on both sides: nothing would be compared").hint(format!(
            "legacy has {}; the candidate has {}: give the candidate's the same names in a view, or write recon.toml by hand (columns.NAME.candidate)",
            legacy_only.join(", "),
            candidate_only.join(", ")
        )));
    }
    Ok(Proposal { key, compared, legacy_only, candidate_only })
}

/// A column by its name, its case aside where no other fits better.
fn named<'l>(look: &'l Look, name: &str) -> Option<&'l Column> {
    let exact = look.columns.iter().find(|column| column.name == name);
    exact.or_else(|| look.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)))
}

fn given_pair(legacy: &Look, candidate: &Look, word: &str) -> Result<Pair, Failure> {
    let (left, right) = word.split_once('=').unwrap_or((word, word));
    let find = |look: &Look, name: &str, side: &str| {
        named(look, name).cloned().ok_or_else(|| {
            let known: Vec<&str> = look.columns.iter().map(|column| column.name.as_str()).collect();
            Failure::usage(format!("the {side} side has no column `{name}`"))
                .hint(format!("it has {}", known.join(", ")))
        })
    };
    Ok(Pair::of(&find(legacy, left, "legacy")?, &find(candidate, right, "candidate")?))
}

/// A unique key of one side that the other side has too, the primary keys first; or legacy's own single key and the `_id`
/// of documents, where both are of one kind.
fn key(legacy: &Look, candidate: &Look) -> Option<Vec<Pair>> {
    let both = |columns: &Vec<String>| -> Option<Vec<Pair>> {
        if columns.is_empty() {
            return None;
        }
        columns.iter().map(|name| Some(Pair::of(named(legacy, name)?, named(candidate, name)?))).collect()
    };
    let longest = legacy.keys.len().max(candidate.keys.len());
    let in_turn = (0..longest).flat_map(|at| [legacy.keys.get(at), candidate.keys.get(at)]).flatten();
    if let Some(key) = in_turn.into_iter().find_map(both) {
        return Some(key);
    }
    let own = legacy.keys.iter().find(|columns| columns.len() == 1).and_then(|columns| named(legacy, &columns[0]))?;
    let id = named(candidate, "_id")?;
    (own.kind == id.kind).then(|| vec![Pair::of(own, id)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColumnKind::{Number, ObjectId, Text};

    fn look(columns: &[(&str, ColumnKind)], keys: &[&[&str]]) -> Look {
        Look {
            columns: columns.iter().map(|(name, kind)| Column { name: (*name).to_owned(), kind: *kind }).collect(),
            keys: keys.iter().map(|key| key.iter().map(|name| (*name).to_owned()).collect()).collect(),
        }
    }

    fn key_of(legacy: &Look, candidate: &Look) -> String {
        propose(legacy, candidate, None).map_or_else(|failure| failure.what, |proposal| proposal.key_words())
    }

    #[test]
    fn the_key_is_what_a_store_makes_sure_of() {
        let id = look(&[("id", Number), ("net", Number)], &[&["id"]]);
        assert_eq!(key_of(&id, &look(&[("_id", ObjectId), ("id", Number), ("net", Number)], &[&["_id"]])), "id");
        assert_eq!(key_of(&id, &look(&[("_id", Number), ("net", Number)], &[&["_id"]])), "id=_id");
        assert_eq!(key_of(&id, &look(&[("ID", Number), ("NET", Number)], &[])), "id=ID");
        let none = look(&[("id", Number), ("net", Number)], &[]);
        assert_eq!(key_of(&none, &look(&[("id", Number), ("net", Number)], &[&["id"]])), "id");
        // A surrogate key that only legacy has gives way to a unique index over columns that both have.
        let surrogate = look(
            &[("row", Number), ("investor", Text), ("currency", Text), ("net", Number)],
            &[&["row"], &["investor", "currency"]],
        );
        let documents =
            look(&[("_id", ObjectId), ("investor", Text), ("currency", Text), ("net", Number)], &[&["_id"]]);
        assert_eq!(key_of(&surrogate, &documents), "investor,currency");
    }

    #[test]
    fn a_key_is_never_guessed() {
        let none = look(&[("id", Number), ("net", Number)], &[]);
        assert!(key_of(&none, &none).contains("cannot be seen"));
        // An ObjectId is not the number that legacy counts by.
        let id = look(&[("nr", Number), ("net", Number)], &[&["nr"]]);
        assert!(key_of(&id, &look(&[("_id", ObjectId), ("net", Number)], &[&["_id"]])).contains("cannot be seen"));
    }

    #[test]
    fn every_column_is_compared_or_told() {
        let legacy = look(&[("id", Number), ("net", Number), ("memo", Text), ("Fee", Number)], &[&["id"]]);
        let candidate = look(&[("_id", Number), ("net", Number), ("fee", Text), ("extra", Text)], &[&["_id"]]);
        let found = propose(&legacy, &candidate, None).expect("a proposal");
        let words: Vec<(String, bool)> = found.compared.iter().map(|pair| (pair.words(), pair.amount)).collect();
        assert_eq!(words, [("net".to_owned(), true), ("Fee=fee".to_owned(), false)]);
        assert_eq!((found.legacy_only, found.candidate_only), (vec!["memo".to_owned()], vec!["extra".to_owned()]));
        let nothing = look(&[("id", Number), ("other", Number)], &[]);
        assert!(propose(&legacy, &nothing, None).expect_err("nothing").what.contains("nothing would be compared"));
        let wrong = propose(&legacy, &candidate, Some(&["nr".to_owned()])).expect_err("no such column");
        assert!(wrong.what.contains("no column `nr`"));
    }
}

//! Which columns are the key and which are compared, from what two stores say. Pure.

use crate::commands::Failure;
use crate::stores::{Column, ColumnKind};

use super::amount::{is_other, words};
use super::side::Look;

/// What the user said of columns.
#[derive(Default)]
pub(super) struct Given<'a> {
    /// The key: `id`, `id=_id`.
    pub(super) key: Option<&'a [String]>,
    /// Columns of other names: `net=amount.net`.
    pub(super) map: &'a [String],
    /// Whether `map` is all that may be paired by other names: nothing inside documents is looked for.
    pub(super) only_map: bool,
}

/// What the project will say.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) key: Vec<Pair>,
    pub(super) compared: Vec<Pair>,
    pub(super) legacy_only: Vec<String>,
    pub(super) candidate_only: Vec<String>,
    /// Amounts of the legacy side that are not compared, each with the fields of the candidate that are called so.
    pub(super) left_out: Vec<(String, Vec<String>)>,
    /// Whether numbers stand on one side only.
    one_sided: bool,
}

/// A column by its names on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) legacy: String,
    pub(super) candidate: String,
    /// Numbers on both sides.
    pub(super) number: bool,
    /// It looks like an amount.
    pub(super) amount: bool,
    /// It was found inside documents of the candidate.
    pub(super) inside: bool,
}

impl Pair {
    fn of(sides: Sides<'_>, legacy: &Column, candidate: &Column) -> Pair {
        use ColumnKind::{Document, Number, Untyped};
        let is_amount = |look: &Look, name: &str| look.amounts.iter().any(|amount| amount == name);
        let amount = is_amount(sides.legacy, &legacy.name) || is_amount(sides.candidate, &candidate.name);
        // Documents of one name are compared with all that is in them.
        let within = |look: &Look, name: &str| look.amounts.iter().any(|amount| below(amount, name));
        let documents = legacy.kind == Document && candidate.kind == Document;
        let is_number = |column: &Column| column.kind == Number || (amount && column.kind == Untyped);
        Pair {
            legacy: legacy.name.clone(),
            candidate: candidate.name.clone(),
            number: is_number(legacy) && is_number(candidate),
            amount: match documents {
                true => within(sides.legacy, &legacy.name),
                false => amount && legacy.kind != Document && candidate.kind != Document,
            },
            inside: !sides.candidate.columns.iter().any(|column| column.name == candidate.name),
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

    /// What is paired inside documents, as `--map` takes it.
    pub(super) fn map_words(&self) -> String {
        self.compared.iter().filter(|pair| pair.inside).map(Pair::words).collect::<Vec<_>>().join(",")
    }

    /// Why no amount would be compared, and what to do; `None` when one is.
    pub(super) fn without_amounts(&self) -> Option<Failure> {
        let some = self.compared.iter().any(|pair| pair.amount);
        // Numbers whose names say nothing, and none that is left out.
        let all = !self.one_sided && self.compared.iter().any(|pair| pair.number);
        if some || all {
            return None;
        }
        let what = match self.left_out.as_slice() {
            [] => "no amount would be compared: no column that is compared looks like one".to_owned(),
            left => format!("no amount would be compared: {}", self.left_words(left)),
        };
        Some(Failure::usage(what).hint(format!(
            "say which field of the candidate it is: `--map {}=FIELD`; {}. `--without-amounts` begins without",
            self.left_out.first().map_or("net", |(name, _)| name),
            match self.candidate_only.is_empty() {
                true => "nothing stands on the candidate's side alone".to_owned(),
                false => format!("on the candidate's side alone are {}", self.candidate_only.join(", ")),
            }
        )))
    }

    /// What is said of amounts that are not compared, beside others that are.
    pub(super) fn warning(&self) -> Option<String> {
        match self.left_out.as_slice() {
            [] => None,
            left => Some(format!("not compared, and looks like an amount: {}", self.left_words(left))),
        }
    }

    fn left_words(&self, left: &[(String, Vec<String>)]) -> String {
        let one = |(name, alike): &(String, Vec<String>)| match alike.as_slice() {
            [] => format!("{name} (no field of the candidate is called so)"),
            alike => format!("{name} (it may be {})", alike.join(" or ")),
        };
        left.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// Both sides.
#[derive(Clone, Copy)]
struct Sides<'a> {
    legacy: &'a Look,
    candidate: &'a Look,
}

/// Proposes key and compared columns.
///
/// # Errors
/// No key can be told, or the one that was given is not there; no column is left to compare.
pub(super) fn propose(legacy: &Look, candidate: &Look, given: &Given<'_>) -> Result<Proposal, Failure> {
    let sides = Sides { legacy, candidate };
    let key = match given.key {
        Some(words) => words.iter().map(|word| given_pair(sides, word)).collect::<Result<Vec<_>, _>>()?,
        None => key(sides).ok_or_else(|| {
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
    let map = given.map.iter().map(|word| given_pair(sides, word)).collect::<Result<Vec<_>, _>>()?;
    let is_key = |name: &str| key.iter().any(|pair| pair.legacy == name);
    if let Some(pair) = map.iter().find(|pair| is_key(&pair.legacy)) {
        return Err(Failure::usage(format!("`{}` is in the key", pair.legacy)).hint("`--key` maps it: `--key id=_id`"));
    }
    let is_taken = |name: &str| key.iter().chain(&map).any(|pair| pair.candidate == name);
    let mut compared: Vec<Pair> = Vec::new();
    for column in legacy.columns.iter().filter(|column| !is_key(&column.name)) {
        if let Some(pair) = map.iter().find(|pair| pair.legacy == column.name) {
            compared.push(pair.clone());
        } else if let Some(other) = named(candidate, &column.name).filter(|other| !is_taken(&other.name)) {
            compared.push(Pair::of(sides, column, other));
        } else if let ([other], false) = (alike(candidate, column, &is_taken).as_slice(), given.only_map) {
            compared.push(Pair::of(sides, column, other));
        }
    }
    let is_field = |pair: &&Pair| !legacy.columns.iter().any(|column| column.name == pair.legacy);
    compared.extend(map.iter().filter(is_field).cloned());
    let of_legacy = |name: &str| is_key(name) || compared.iter().any(|pair| pair.legacy == name);
    let of_candidate = |name: &str| is_taken(name) || compared.iter().any(|pair| pair.candidate == name);
    let (legacy_only, candidate_only) = (rest(legacy, &of_legacy), rest(candidate, &of_candidate));
    if compared.is_empty() {
        return Err(Failure::usage("no column besides the key has the same name on both sides: nothing would be compared").hint(format!(
            "legacy has {}; the candidate has {}: say which are the same (`--map legacy_name=candidate_name`), or give the candidate's the same names in a view",
            legacy_only.join(", "),
            candidate_only.join(", ")
        )));
    }
    let called_so = |name: &String| {
        let column = Column { name: name.clone(), kind: ColumnKind::Mixed };
        let fields = alike(candidate, &column, &of_candidate).into_iter();
        (name.clone(), fields.map(|field| field.name.clone()).collect())
    };
    let left_out = legacy.amounts.iter().filter(|name| !covers(&of_legacy, name)).map(called_so).collect();
    let one_sided = one_sided(legacy, &of_legacy) || one_sided(candidate, &of_candidate);
    Ok(Proposal { key, compared, legacy_only, candidate_only, left_out, one_sided })
}

/// A column by its name, its case aside where no other fits better.
fn named<'l>(look: &'l Look, name: &str) -> Option<&'l Column> {
    let exact = look.columns.iter().find(|column| column.name == name);
    exact.or_else(|| look.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)))
}

/// The fields inside documents that are called like a column and may hold the same, `netAmount` like `net_amount`.
fn alike<'l>(look: &'l Look, column: &Column, is_taken: &dyn Fn(&str) -> bool) -> Vec<&'l Column> {
    use ColumnKind::{Mixed, Number, Untyped};
    let name = words(&column.name).concat();
    let is_called = |path: &str| path.rsplit('.').next().is_some_and(|last| words(last).concat() == name);
    let fits = |kind: ColumnKind| {
        column.kind == Mixed || kind == column.kind || matches!((column.kind, kind), (Untyped, Number))
    };
    look.inside.iter().filter(|field| is_called(&field.name) && fits(field.kind) && !is_taken(&field.name)).collect()
}

/// Whether a path leads into a document.
fn below(path: &str, document: &str) -> bool {
    path.strip_prefix(document).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether a column or field is taken, or the document that it is in.
fn covers(is_taken: &dyn Fn(&str) -> bool, path: &str) -> bool {
    is_taken(path) || path.match_indices('.').any(|(at, _)| is_taken(&path[..at]))
}

/// What is not taken; of a document of which some fields are, the others.
fn rest(look: &Look, is_taken: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut rest = Vec::new();
    for column in look.columns.iter().filter(|column| !is_taken(&column.name)) {
        let fields = || look.inside.iter().filter(|field| below(&field.name, &column.name));
        match fields().any(|field| is_taken(&field.name)) {
            true => rest.extend(fields().filter(|field| !is_taken(&field.name)).map(|field| field.name.clone())),
            false => rest.push(column.name.clone()),
        }
    }
    rest
}

/// Whether a side has amounts, or other numbers, that are not taken.
fn one_sided(look: &Look, is_taken: &dyn Fn(&str) -> bool) -> bool {
    let is_number = |column: &&Column| column.kind == ColumnKind::Number && !is_other(&column.name);
    let numbers = look.columns.iter().chain(&look.inside).filter(is_number).map(|column| &column.name);
    look.amounts.iter().chain(numbers).any(|name| !covers(is_taken, name))
}

fn given_pair(sides: Sides<'_>, word: &str) -> Result<Pair, Failure> {
    let (left, right) = word.split_once('=').unwrap_or((word, word));
    let find = |look: &Look, name: &str, side: &str| {
        let field = || look.inside.iter().find(|field| field.name == name);
        named(look, name).or_else(field).cloned().ok_or_else(|| {
            let known: Vec<&str> = look.columns.iter().chain(&look.inside).map(|column| column.name.as_str()).collect();
            Failure::usage(format!("the {side} side has no column `{name}`"))
                .hint(format!("it has {}", known.join(", ")))
        })
    };
    let (left, right) = (left.trim(), right.trim());
    Ok(Pair::of(sides, &find(sides.legacy, left, "legacy")?, &find(sides.candidate, right, "candidate")?))
}

/// A unique key of one side that the other side has too, the primary keys first; or legacy's own single key and the `_id`
/// of documents, where both are of one kind.
fn key(sides: Sides<'_>) -> Option<Vec<Pair>> {
    let Sides { legacy, candidate } = sides;
    let both = |columns: &Vec<String>| -> Option<Vec<Pair>> {
        if columns.is_empty() {
            return None;
        }
        columns.iter().map(|name| Some(Pair::of(sides, named(legacy, name)?, named(candidate, name)?))).collect()
    };
    let longest = legacy.keys.len().max(candidate.keys.len());
    let in_turn = (0..longest).flat_map(|at| [legacy.keys.get(at), candidate.keys.get(at)]).flatten();
    if let Some(key) = in_turn.into_iter().find_map(both) {
        return Some(key);
    }
    let own = legacy.keys.iter().find(|columns| columns.len() == 1).and_then(|columns| named(legacy, &columns[0]))?;
    let id = named(candidate, "_id")?;
    (own.kind == id.kind).then(|| vec![Pair::of(sides, own, id)])
}

#[cfg(test)]
mod tests {
    use super::super::amount::looks;
    use super::*;
    use ColumnKind::{Document, Number, ObjectId, Text};

    fn look(columns: &[(&str, ColumnKind)], keys: &[&[&str]]) -> Look {
        let column = |(name, kind): &(&str, ColumnKind)| Column { name: (*name).to_owned(), kind: *kind };
        Look {
            columns: columns.iter().filter(|(name, _)| !name.contains('.')).map(column).collect(),
            inside: columns.iter().filter(|(name, _)| name.contains('.')).map(column).collect(),
            amounts: columns
                .iter()
                .map(column)
                .filter(|column| looks(column, false))
                .map(|column| column.name)
                .collect(),
            keys: keys.iter().map(|key| key.iter().map(|name| (*name).to_owned()).collect()).collect(),
        }
    }

    fn key_of(legacy: &Look, candidate: &Look) -> String {
        propose(legacy, candidate, &Given::default())
            .map_or_else(|failure| failure.what, |proposal| proposal.key_words())
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
        let found = propose(&legacy, &candidate, &Given::default()).expect("a proposal");
        let words: Vec<(String, bool)> = found.compared.iter().map(|pair| (pair.words(), pair.amount)).collect();
        assert_eq!(words, [("net".to_owned(), true), ("Fee=fee".to_owned(), true)]);
        assert_eq!((found.legacy_only, found.candidate_only), (vec!["memo".to_owned()], vec!["extra".to_owned()]));
        let nothing = look(&[("id", Number), ("other", Number)], &[]);
        assert!(
            propose(&legacy, &nothing, &Given::default())
                .expect_err("nothing")
                .what
                .contains("nothing would be compared")
        );
        let wrong = propose(&legacy, &candidate, &Given { key: Some(&["nr".to_owned()]), ..Given::default() })
            .expect_err("no such column");
        assert!(wrong.what.contains("no column `nr`"));
    }

    #[test]
    fn amounts_inside_documents_are_found_and_without_any_nothing_begins() {
        let legacy = look(
            &[("id", Number), ("plays", Number), ("gross", Number), ("fee", Number), ("net", Number), ("memo", Text)],
            &[&["id"]],
        );
        let documents = |inside: &[(&'static str, ColumnKind)]| {
            let top = [("id", Number), ("plays", Number), ("amount", Document)];
            look(&[top.as_slice(), inside].concat(), &[])
        };
        let begin = |candidate: &Look, map: &[String], only_map| {
            propose(&legacy, candidate, &Given { map, only_map, ..Given::default() }).expect("a proposal")
        };
        let inside = documents(&[
            ("amount.gross", Number),
            ("amount.fee", Number),
            ("amount.NET", Number),
            ("amount.memo", Number),
        ]);
        let found = begin(&inside, &[], false);
        assert_eq!(found.map_words(), "gross=amount.gross,fee=amount.fee,net=amount.NET");
        assert_eq!(
            (found.legacy_only.join(","), found.candidate_only.join(",")),
            ("memo".into(), "amount.memo".into())
        );
        assert!(found.without_amounts().is_none() && found.warning().is_none(), "{found:?}");

        // None of two is taken: which of them is paid is not for recon to say.
        let two = documents(&[("amount.net", Number), ("other.net", Number)]);
        let found = begin(&two, &[], false);
        assert_eq!(found.map_words(), "");
        let failure = found.without_amounts().expect("no amount");
        assert!(failure.what.contains("net (it may be amount.net or other.net)"), "{}", failure.what);
        assert!(failure.hint.expect("a hint").contains("--map gross=FIELD"));
        let given = begin(&two, &["net = other.net".to_owned()], false);
        assert_eq!(given.map_words(), "net=other.net");
        assert!(given.without_amounts().is_none());
        assert!(
            given.warning().expect("gross and fee").contains("gross (no field of the candidate is called so), fee")
        );
        // A user who takes none of the proposals.
        assert!(begin(&inside, &[], true).without_amounts().is_some());

        // A text is proposed to nobody as the amount.
        assert_eq!(begin(&documents(&[("amount.net", Text)]), &[], false).map_words(), "");
        // Numbers that are called like nothing, and all of them are compared.
        let plain = look(&[("id", Number), ("v", Number)], &[&["id"]]);
        assert!(propose(&plain, &plain, &Given::default()).expect("a proposal").without_amounts().is_none());
        let more = look(&[("id", Number), ("v", Number), ("w", Number)], &[&["id"]]);
        assert!(propose(&more, &plain, &Given::default()).expect("a proposal").without_amounts().is_some());
        assert!(propose(&plain, &more, &Given::default()).expect("a proposal").without_amounts().is_some());
    }
}

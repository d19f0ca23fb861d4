//! What is compared with what: columns paired by name, keys made comparable, and what is left out named.

use std::collections::BTreeSet;

use crate::domain::{ColumnType, Filter, Literal, Rules, Tolerance};
use crate::stores::{Column, ColumnKind, Fix, KeyRange, Opened, ReadRequest, Wanted};

use super::judge::Judge;

/// What the user asked for, before the columns of the sides are known.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// Key columns: legacy and candidate name.
    pub key: Vec<(String, String)>,
    /// Columns with another name on the candidate side.
    pub map: Vec<(String, String)>,
    /// Only these columns (legacy names).
    pub only: Option<Vec<String>>,
    /// Not these columns (either side's names).
    pub ignore: Vec<String>,
    /// Columns that must be compared, by legacy name: a side that lacks one is a fault, not a column less.
    pub required: Vec<String>,
    /// Whether a column whose type is fixed may be gone on a side: two versions of one path are compared.
    pub may_go: bool,
    /// Whether key and columns were named in `recon.toml`, for messages.
    pub configured: bool,
    /// Whether the key is given by `--key` all the same.
    pub key_given: bool,
    /// Tolerances by legacy name.
    pub tolerances: Vec<(String, Tolerance)>,
    /// Fixed types by legacy name.
    pub types: Vec<(String, ColumnType)>,
    /// Condition on the records (legacy names).
    pub filter: Option<Filter>,
    /// Conditions that belong to one path's own definition, in that side's names: legacy, candidate.
    pub path_filters: (Option<Filter>, Option<Filter>),
    /// Rules of equality.
    pub rules: Rules,
}

/// One compared column.
#[derive(Clone, Debug)]
pub struct PlannedColumn {
    /// Legacy name.
    pub legacy: String,
    /// Candidate name.
    pub candidate: String,
    /// Tolerance, if any.
    pub tolerance: Option<Tolerance>,
}

/// How one side is read.
#[derive(Clone, Debug)]
pub struct SidePlan {
    /// Every column read: key, compared, and those only the filter needs.
    pub wanted: Vec<Wanted>,
    /// Columns that are not compared.
    pub not_compared: Vec<String>,
    /// Whether the records must be sorted before the merge.
    pub sort: bool,
    /// The condition in this side's names, where the store applies it.
    pub filter: Option<Filter>,
    /// The condition, where it is judged here: the store does not apply conditions, or would understand it otherwise.
    pub filter_here: Option<Filter>,
}

/// A comparison, resolved against the columns of both sides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Legacy names of the key columns.
    pub key: Vec<String>,
    /// The compared columns.
    pub columns: Vec<PlannedColumn>,
    /// Reading the legacy side.
    pub legacy: SidePlan,
    /// Reading the candidate side.
    pub candidate: SidePlan,
    /// How keys are judged.
    pub judge: Judge,
    /// What the user should know.
    pub notices: Vec<String>,
}

/// The definition does not fit the sides: what, and what to do. Exit 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct PlanError {
    /// What does not fit.
    pub what: String,
    /// The next step.
    pub hint: Option<String>,
}

fn refuse(what: String, hint: Option<String>) -> PlanError {
    PlanError { what, hint }
}

impl Definition {
    /// The candidate's name of a legacy column.
    pub fn candidate_name(&self, legacy: &str) -> String {
        let pairs = self.key.iter().chain(&self.map);
        pairs.into_iter().find(|(l, _)| l == legacy).map_or_else(|| legacy.to_owned(), |(_, c)| c.clone())
    }

    /// Whether the user leaves a required column out of this comparison.
    fn left_out(&self, legacy: &str) -> bool {
        let candidate = self.candidate_name(legacy);
        self.only.as_ref().is_some_and(|only| !only.iter().any(|name| name == legacy))
            || self.ignore.iter().any(|name| name == legacy || *name == candidate)
    }

    /// The legacy names that the user wrote down: they are looked for even inside documents.
    pub fn named_columns(&self) -> Vec<String> {
        let mut names: Vec<String> = self.key.iter().map(|(l, _)| l.clone()).collect();
        names.extend(self.map.iter().map(|(l, _)| l.clone()));
        names.extend(self.required.iter().filter(|name| !self.left_out(name)).cloned());
        names.extend(self.only.iter().flatten().cloned());
        names.extend(self.tolerances.iter().map(|(name, _)| name.clone()));
        names.extend(self.types.iter().map(|(name, _)| name.clone()));
        names.extend(self.filter.iter().flat_map(Filter::columns));
        names.sort();
        names.dedup();
        names
    }

    /// Where key and columns are named, for messages.
    fn options(&self) -> (&'static str, &'static str) {
        let key = if self.configured && !self.key_given { CONFIGURED_KEY } else { "`--key`" };
        (key, if self.configured { "`columns` in recon.toml" } else { "`--map`" })
    }

    /// Looks whether a side has every column that is named for it, while the other is not known yet.
    ///
    /// # Errors
    /// It lacks one.
    pub fn look(&self, opened: &Opened, side: super::SideName) -> Result<(), PlanError> {
        let (key, map) = self.options();
        let name = |(legacy, candidate): &(String, String)| match side {
            super::SideName::Legacy => legacy.clone(),
            super::SideName::Candidate => candidate.clone(),
        };
        self.key.iter().try_for_each(|pair| require(opened, &name(pair), side.name(), key))?;
        self.map.iter().try_for_each(|pair| require(opened, &name(pair), side.name(), map))?;
        for legacy in self.required.iter().filter(|name| !self.left_out(name)) {
            let pair = (legacy.clone(), self.candidate_name(legacy));
            require(opened, &name(&pair), side.name(), map)?;
        }
        Ok(())
    }

    /// Pairs the columns of two opened sides.
    ///
    /// # Errors
    /// A column that the user named is not there; the key cannot be compared.
    pub fn plan(&self, legacy: &Opened, candidate: &Opened) -> Result<Plan, PlanError> {
        let (key, map) = self.options();
        for (legacy_name, candidate_name) in &self.key {
            require(legacy, legacy_name, "legacy", key)?;
            require(candidate, candidate_name, "candidate", key)?;
        }
        for (legacy_name, candidate_name) in &self.map {
            require(legacy, legacy_name, "legacy", map)?;
            require(candidate, candidate_name, "candidate", map)?;
        }
        for name in self.required.iter().filter(|name| !self.left_out(name)) {
            require(legacy, name, "legacy", map)?;
            require(candidate, &self.candidate_name(name), "candidate", map)?;
        }
        let columns = self.pair_columns(legacy, candidate)?;
        self.check_names(&columns, legacy, candidate)?;
        let mut notices = Vec::new();
        let key_fixes = self.key_fixes(legacy, candidate, &mut notices);
        let pairs = || self.key.iter().cloned().chain(columns.iter().map(|c| (c.legacy.clone(), c.candidate.clone())));
        partly_compared("legacy", legacy, &pairs().map(|(l, _)| l).collect::<Vec<_>>(), &mut notices);
        partly_compared("candidate", candidate, &pairs().map(|(_, c)| c).collect::<Vec<_>>(), &mut notices);
        let side = |opened: &Opened, of_legacy: bool| {
            let pick = |pair: &(String, String)| if of_legacy { pair.0.clone() } else { pair.1.clone() };
            let mut wanted: Vec<Wanted> = self
                .key
                .iter()
                .zip(&key_fixes)
                .map(|(pair, fixes)| Wanted { name: pick(pair), fix: if of_legacy { fixes.0 } else { fixes.1 } })
                .collect();
            let sort = opened.ordered && wanted.iter().any(|w| reorders(opened, w));
            wanted.extend(columns.iter().map(|column| Wanted {
                name: if of_legacy { column.legacy.clone() } else { column.candidate.clone() },
                fix: self.type_of(&column.legacy).map(Fix::Type),
            }));
            let filter = self.filter_of(of_legacy);
            let not_compared = opened
                .columns
                .iter()
                .map(|column| column.name.clone())
                .filter(|name| !wanted.iter().any(|w| covers(&w.name, name)))
                .collect();
            let pushed = opened.filters && filter.as_ref().is_none_or(|f| understood_alike(opened, &wanted, f));
            if !pushed {
                let needed = filter.iter().flat_map(Filter::columns).collect::<BTreeSet<_>>();
                let missing = needed.into_iter().filter(|name| !wanted.iter().any(|w| w.name == *name));
                let hidden: Vec<Wanted> = missing.map(|name| Wanted { name, fix: None }).collect();
                wanted.extend(hidden);
            }
            let (filter, filter_here) = if pushed { (filter, None) } else { (None, filter) };
            SidePlan { wanted, not_compared, sort, filter, filter_here }
        };
        for (of_legacy, opened, side) in [(true, legacy, "legacy"), (false, candidate, "candidate")] {
            for name in self.filter_of(of_legacy).iter().flat_map(Filter::columns) {
                require(opened, &name, side, "`--where`")?;
            }
        }
        Ok(Plan {
            key: self.key.iter().map(|(l, _)| l.clone()).collect(),
            legacy: side(legacy, true),
            candidate: side(candidate, false),
            judge: Judge {
                key: self.key.len(),
                tolerances: columns.iter().map(|c| c.tolerance.clone()).collect(),
                rules: self.rules.clone(),
            },
            columns,
            notices,
        })
    }

    /// The condition on one side's records, in its names.
    fn filter_of(&self, of_legacy: bool) -> Option<Filter> {
        let (common, own) = if of_legacy {
            (self.filter.clone(), self.path_filters.0.clone())
        } else {
            (self.filter.as_ref().map(|f| f.renamed(&|name| self.candidate_name(name))), self.path_filters.1.clone())
        };
        match (common, own) {
            (Some(common), Some(own)) => Some(Filter::All(vec![common, own])),
            (one, other) => one.or(other),
        }
    }

    fn type_of(&self, legacy: &str) -> Option<ColumnType> {
        self.types.iter().find(|(name, _)| name == legacy).map(|(_, kind)| *kind)
    }

    fn tolerance_of(&self, legacy: &str) -> Option<Tolerance> {
        let found = self.tolerances.iter().find(|(name, _)| name == legacy).map(|(_, t)| t.clone());
        found.filter(|tolerance| !tolerance.is_zero())
    }

    fn pair_columns(&self, legacy: &Opened, candidate: &Opened) -> Result<Vec<PlannedColumn>, PlanError> {
        let is_key = |name: &str| self.key.iter().any(|(l, _)| l == name);
        let is_candidate_key = |name: &str| self.key.iter().any(|(_, c)| c == name);
        let has = |opened: &Opened, name: &str| opened.columns.iter().any(|c| c.name == name);
        let mut names: Vec<String> = match &self.only {
            Some(only) => only.clone(),
            None => {
                let mut names: Vec<String> = legacy.columns.iter().map(|c| c.name.clone()).collect();
                // A legacy side of documents without a single record has no columns of its own.
                if names.is_empty() && !legacy.fixed_columns {
                    names = candidate.columns.iter().map(|c| c.name.clone()).collect();
                }
                names.extend(self.map.iter().map(|(l, _)| l.clone()).filter(|l| !has(legacy, l)));
                names.extend(self.required.iter().filter(|name| !self.left_out(name)).cloned());
                names
            }
        };
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let mut columns = Vec::new();
        for name in names {
            let candidate_name = self.candidate_name(&name);
            if is_key(&name) || (self.only.is_none() && is_candidate_key(&candidate_name)) {
                continue;
            }
            if self.ignore.contains(&name) || self.ignore.contains(&candidate_name) {
                continue;
            }
            if self.only.is_some() {
                require(legacy, &name, "legacy", "`--columns`")?;
                require(candidate, &candidate_name, "candidate", "`--columns`")?;
            } else {
                let empty = |opened: &Opened| opened.columns.is_empty() && !opened.fixed_columns;
                let mapped = self.map.iter().any(|(l, _)| *l == name) || self.required.contains(&name);
                let there = |opened: &Opened, name: &str| has(opened, name) || empty(opened) || mapped;
                if !there(legacy, &name) || !there(candidate, &candidate_name) {
                    continue;
                }
            }
            let tolerance = self.tolerance_of(&name);
            columns.push(PlannedColumn { legacy: name, candidate: candidate_name, tolerance });
        }
        Ok(columns)
    }

    /// A name that nothing on either side answers to is a slip of the pen, not a wish.
    fn check_names(&self, columns: &[PlannedColumn], legacy: &Opened, candidate: &Opened) -> Result<(), PlanError> {
        let compared = |name: &str| columns.iter().any(|c| c.legacy == name);
        let key = |name: &str| self.key.iter().any(|(l, _)| l == name);
        let open_ended = !legacy.fixed_columns || !candidate.fixed_columns;
        let anywhere = |name: &str| {
            let has = |opened: &Opened| opened.columns.is_empty() || opened.columns.iter().any(|c| c.name == name);
            has(legacy) || has(candidate)
        };
        for (name, option) in self.tolerances.iter().map(|(n, _)| (n, "--tolerance")) {
            if !compared(name) && (!open_ended || key(name) || !anywhere(name)) {
                let names = columns.iter().map(|c| c.legacy.as_str()).collect::<Vec<_>>().join(", ");
                return Err(refuse(
                    format!("`{option} {name}=…` names a column that is not compared"),
                    Some(format!("the compared columns are: {names}")),
                ));
            }
        }
        for (name, _) in &self.types {
            let may_come = open_ended && anywhere(name);
            if !(compared(name) || key(name) || may_come || self.may_go) {
                return Err(refuse(
                    format!("`--type {name}=…` names a column that is neither key nor compared"),
                    Some(listing(legacy)),
                ));
            }
        }
        for name in &self.ignore {
            let known = |opened: &Opened| opened.columns.iter().any(|c| c.name == *name);
            let may_come = open_ended && anywhere(name);
            if !(known(legacy) || known(candidate) || may_come) {
                return Err(refuse(
                    format!("`--ignore {name}` names a column that neither side has"),
                    Some(listing(legacy)),
                ));
            }
        }
        Ok(())
    }

    /// Conversions that let the keys of the two sides meet.
    fn key_fixes(
        &self,
        legacy: &Opened,
        candidate: &Opened,
        notices: &mut Vec<String>,
    ) -> Vec<(Option<Fix>, Option<Fix>)> {
        use ColumnKind as K;
        let kind =
            |opened: &Opened, name: &str| opened.columns.iter().find(|c| c.name == name).map_or(K::Mixed, |c| c.kind);
        let fixes = self.key.iter().map(|(l, c)| {
            if let Some(fixed) = self.type_of(l) {
                return (Some(Fix::Type(fixed)), Some(Fix::Type(fixed)));
            }
            let (legacy_kind, candidate_kind) = (kind(legacy, l), kind(candidate, c));
            // Each rule once; the mirrored pair takes it the other way round.
            let rule = |a: K, b: K, b_is_file: bool| match (a, b) {
                (K::Text, K::Untyped) => Some((None, Some(Fix::KeyText))),
                (K::Uuid, K::Untyped) => Some((None, Some(Fix::Type(ColumnType::Uuid)))),
                (K::Uuid, K::Text) if b_is_file => Some((None, Some(Fix::Type(ColumnType::Uuid)))),
                (K::Uuid, K::Text) => Some((Some(Fix::KeyText), None)),
                (K::ObjectId, K::Text) => Some((Some(Fix::KeyText), None)),
                (K::ObjectId, K::Untyped) => Some((Some(Fix::KeyText), Some(Fix::KeyText))),
                (K::Instant, K::Untyped) => Some((None, Some(Fix::KeyTemporal))),
                (K::Instant, K::Text) if b_is_file => Some((None, Some(Fix::KeyTemporal))),
                (K::Time, K::Untyped) => Some((None, Some(Fix::Type(ColumnType::Time)))),
                (K::Bool, K::Untyped) => Some((None, Some(Fix::Type(ColumnType::Boolean)))),
                _ => None,
            };
            let found = rule(legacy_kind, candidate_kind, !candidate.ordered)
                .or_else(|| rule(candidate_kind, legacy_kind, !legacy.ordered).map(|(b, a)| (a, b)));
            let comparable = legacy_kind == candidate_kind
                || [legacy_kind, candidate_kind].contains(&K::Mixed)
                || matches!((legacy_kind, candidate_kind), (K::Number, K::Untyped) | (K::Untyped, K::Number))
                || matches!((legacy_kind, candidate_kind), (K::Uuid, K::Bytes) | (K::Bytes, K::Uuid));
            if found.is_none() && !comparable {
                let word = |k: K| format!("{k:?}").to_lowercase();
                notices.push(format!(
                    "key column `{l}` holds {} values on the legacy side and {} values on the candidate side: such keys \
                     never meet; give both one type with `--type {l}=…` if they mean the same",
                    word(legacy_kind),
                    word(candidate_kind)
                ));
            }
            found.unwrap_or((None, None))
        });
        fixes.collect()
    }
}

/// Whether a store judges a condition as recon does: numbers against numbers, text against text. Anything else (a
/// number against text, a date against a literal in some zone) means something else in each of them.
fn understood_alike(opened: &Opened, wanted: &[Wanted], filter: &Filter) -> bool {
    // What a sample of documents showed need not hold for the rest.
    opened.fixed_columns
        && filter.every_comparison(&|column, literal| {
            let kind = opened.columns.iter().find(|c| c.name == column).map(|c| c.kind);
            let converted = wanted.iter().any(|w| w.name == column && w.fix.is_some());
            !converted
                && matches!(
                    (kind, literal),
                    (Some(ColumnKind::Number), Literal::Number(_))
                        | (Some(ColumnKind::Text), Literal::Text(_))
                        | (Some(ColumnKind::Bool), Literal::Bool(_))
                )
        })
}

/// Whether a conversion can put keys into another order than the one the source sends them in.
fn reorders(opened: &Opened, wanted: &Wanted) -> bool {
    use ColumnKind as K;
    let kind = opened.columns.iter().find(|c| c.name == wanted.name).map_or(K::Mixed, |c| c.kind);
    match wanted.fix {
        Some(Fix::Type(kept)) => !matches!(
            (kept, kind),
            (ColumnType::Text, K::Text)
                | (ColumnType::Decimal | ColumnType::Integer, K::Number)
                | (ColumnType::Uuid, K::Uuid)
                | (ColumnType::Boolean, K::Bool)
                | (ColumnType::Time, K::Time)
        ),
        Some(fix) => fix.changes_order(),
        None => false,
    }
}

/// Documents of which only some inner fields are compared: the rest of them is not looked at, which must be said.
fn partly_compared(side: &str, opened: &Opened, wanted: &[String], notices: &mut Vec<String>) {
    for column in &opened.columns {
        let inside: Vec<&str> =
            wanted.iter().filter(|w| **w != column.name && covers(w, &column.name)).map(String::as_str).collect();
        if !inside.is_empty() && !wanted.contains(&column.name) {
            let inside: Vec<String> = inside.iter().map(|name| format!("`{name}`")).collect();
            let verb = if inside.len() == 1 { "is" } else { "are" };
            notices.push(format!("of the {side} field `{}` only {} {verb} compared", column.name, inside.join(", ")));
        }
    }
}

/// Whether a wanted name stands for a top-level field: itself, or a path into it.
fn covers(wanted: &str, field: &str) -> bool {
    wanted == field || wanted.strip_prefix(field).is_some_and(|rest| rest.starts_with('.'))
}

/// Where a configured reconciliation says its key.
const CONFIGURED_KEY: &str = "`key` in recon.toml";

fn require(opened: &Opened, name: &str, side: &str, option: &str) -> Result<(), PlanError> {
    let there = opened.columns.iter().any(|column| column.name == name);
    // Documents without a record say nothing about their fields, and paths may lead to rare ones.
    let may_come = !opened.fixed_columns
        && (opened.columns.is_empty() || !matches!(option, "`--key`" | "`--where`" | CONFIGURED_KEY));
    if there || may_come {
        return Ok(());
    }
    Err(refuse(format!("the {side} side has no column `{name}`, which {option} names"), Some(listing(opened))))
}

fn listing(opened: &Opened) -> String {
    let names: Vec<&str> = opened.columns.iter().map(|c| c.name.as_str()).collect();
    let sample = if opened.fixed_columns { "its columns are" } else { "the fields of its first records are" };
    let delimiter =
        names.first().filter(|_| names.len() == 1).and_then(|name| name.chars().find(|c| ";\t|".contains(*c)));
    let delimiter = delimiter.map_or_else(String::new, |c| {
        let shown = if c == '\t' { "tab".to_owned() } else { format!("'{c}'") };
        format!(" — if that is several columns, give the delimiter: `--csv-delimiter {shown}`")
    });
    format!("{sample}: {}{delimiter}", names.join(", "))
}

impl SidePlan {
    /// The request that reads this side, or a range of it.
    pub fn request(&self, key: usize, range: KeyRange, fresh: bool) -> ReadRequest {
        let (columns, filter) = (self.wanted.clone(), self.filter.clone());
        ReadRequest { columns, key, filter, range, keys: None, fresh, natural: false }
    }

    /// The columns that a store said to have, with those found while reading.
    pub fn with_found(opened: &mut Opened, found: &[String]) -> bool {
        let mut grew = false;
        for name in found {
            if !opened.columns.iter().any(|c| c.name == *name) {
                opened.columns.push(Column { name: name.clone(), kind: ColumnKind::Mixed });
                grew = true;
            }
        }
        grew
    }
}

//! The rows that keys need: from the tables where the key stands, along what is equal, outwards. What nothing leads to is
//! taken whole while it is small. Reads stores; must not judge whether it is enough.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::commands::Failure;
use crate::config::{Mapped, RowsOf, StoreKind};
use crate::domain::{Filter, Literal, Value};
use crate::exit::Exit;
use crate::path::{Picked, picked};
use crate::stores::{Column, ColumnKind, Settings};

use super::of_run::canonical;
use super::plan::{Part, Plan, Readable};

/// Records of one table that a capture takes at most, whatever leads to them.
const MOST_ROWS: u64 = 100_000;
/// Values that a store is asked for by name at most; with more it is read from end to end.
const MOST_VALUES: usize = 5_000;

/// Which rows of a readable are wanted.
#[derive(Clone, Debug)]
enum Wanted {
    Whole,
    /// Rows in which these paths hold one of these tuples.
    Matching {
        paths: Vec<String>,
        tuples: BTreeMap<Vec<String>, Vec<Value>>,
    },
}

impl Wanted {
    fn is_whole(&self) -> bool {
        matches!(self, Wanted::Whole)
    }

    /// Whether both name the same rows: tuples are told apart by their names.
    fn is_same(&self, other: &Wanted) -> bool {
        match (self, other) {
            (Wanted::Whole, Wanted::Whole) => true,
            (Wanted::Matching { paths, tuples }, Wanted::Matching { paths: others, tuples: more }) => {
                paths == others && tuples.keys().eq(more.keys())
            }
            _ => false,
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Wanted::Matching { tuples, .. } if tuples.is_empty())
    }
}

/// The rows of one readable.
pub(super) struct Fetched {
    pub(super) readable: Readable,
    pub(super) picked: Picked,
    /// How they were found, for people: `by investor_id`, `whole`.
    pub(super) how: String,
}

/// Reads what the keys need.
///
/// # Errors
/// A store cannot be read, or a table that nothing leads to is too large to be taken whole.
pub(super) fn rows(
    plan: &Plan,
    configured: &BTreeMap<(String, String), RowsOf>,
    names: &[Mapped],
    keys: &[Vec<Value>],
    limit: u64,
    settings: &Settings,
) -> Result<Vec<Fetched>, Failure> {
    let mut search = Search { plan, settings, limit, names, keys, configured, wanted: BTreeMap::new() };
    for part in &plan.parts {
        search.part(part)?;
    }
    let mut all = Vec::new();
    for (at, readable) in plan.readables.iter().enumerate() {
        let wanted = search.wanted.remove(&at).unwrap_or_default();
        let picked = search.read(readable, &wanted)?;
        all.push(Fetched { readable: readable.clone(), picked, how: how(&wanted) });
    }
    Ok(all)
}

fn how(wanted: &[Wanted]) -> String {
    if wanted.iter().any(Wanted::is_whole) {
        return "whole".to_owned();
    }
    let mut columns: Vec<String> = wanted
        .iter()
        .filter_map(|one| match one {
            Wanted::Matching { paths, .. } => Some(paths.join("+")),
            Wanted::Whole => None,
        })
        .collect();
    columns.sort();
    columns.dedup();
    format!("by {}", columns.join(", "))
}

struct Search<'a> {
    plan: &'a Plan,
    settings: &'a Settings,
    limit: u64,
    names: &'a [Mapped],
    keys: &'a [Vec<Value>],
    configured: &'a BTreeMap<(String, String), RowsOf>,
    wanted: BTreeMap<usize, Vec<Wanted>>,
}

impl Search<'_> {
    fn part(&mut self, part: &Part) -> Result<(), Failure> {
        let uses = part.trace.uses.len();
        let mut reached: Vec<Option<Wanted>> = vec![None; uses];
        let mut queue: VecDeque<usize> = VecDeque::new();
        for (usage, place) in reached.iter_mut().enumerate() {
            if let Some(wanted) = self.given(part, usage) {
                *place = Some(wanted);
                queue.push_back(usage);
            }
        }
        for (usage, wanted) in self.roots(part) {
            if let Some(place @ None) = reached.get_mut(usage) {
                *place = Some(wanted);
                queue.push_back(usage);
            }
        }
        self.follow(part, &mut reached, &mut queue)?;
        // What is not joined by a plain equality may still hold the key under its own name.
        for usage in 0..uses {
            if let (Some(place @ None), Some(wanted)) = (reached.get_mut(usage), self.by_name(part, usage)) {
                *place = Some(wanted);
                queue.push_back(usage);
                self.follow(part, &mut reached, &mut queue)?;
            }
        }
        for (usage, wanted) in reached.into_iter().enumerate() {
            let Some(access) = self.plan.access(part, usage) else { continue };
            let all = self.wanted.entry(access.of).or_default();
            let wanted = wanted.unwrap_or(Wanted::Whole);
            if !all.iter().any(|known| known.is_same(&wanted)) {
                all.push(wanted);
            }
        }
        Ok(())
    }

    /// From what is reached along every link, once.
    fn follow(
        &mut self,
        part: &Part,
        reached: &mut [Option<Wanted>],
        queue: &mut VecDeque<usize>,
    ) -> Result<(), Failure> {
        while let Some(usage) = queue.pop_front() {
            let links: Vec<(usize, Vec<(String, String)>)> = part
                .trace
                .links
                .iter()
                .filter_map(|link| match link.between {
                    (one, other) if one == usage => Some((other, link.pairs.clone())),
                    (one, other) if other == usage => {
                        Some((one, link.pairs.iter().map(|(a, b)| (b.clone(), a.clone())).collect()))
                    }
                    _ => None,
                })
                .filter(|(other, _)| reached.get(*other).is_some_and(Option::is_none))
                .collect();
            let (Some(access), Some(Some(wanted))) = (self.plan.access(part, usage), reached.get(usage)) else {
                continue;
            };
            // A table that is taken whole says nothing about the rows of the next one.
            if links.is_empty() || wanted.is_whole() {
                continue;
            }
            let Some(readable) = self.plan.readables.get(access.of) else { continue };
            let rows = self.read(readable, std::slice::from_ref(wanted))?;
            for (other, pairs) in links {
                let Some(to) = self.plan.access(part, other) else { continue };
                let from: Vec<&str> = pairs.iter().map(|(column, _)| access.path(column)).collect();
                let paths = pairs.iter().map(|(_, column)| to.path(column).to_owned()).collect();
                let mut tuples = BTreeMap::new();
                for row in &rows.rows {
                    for tuple in tuples_of(row, &from) {
                        tuples.insert(tuple.iter().map(canonical).collect::<Vec<_>>(), tuple);
                    }
                }
                if let Some(place @ None) = reached.get_mut(other) {
                    *place = Some(Wanted::Matching { paths, tuples });
                    queue.push_back(other);
                }
            }
        }
        Ok(())
    }

    /// What the project file says of a table.
    fn given(&self, part: &Part, usage: usize) -> Option<Wanted> {
        let readable = self.plan.readables.get(self.plan.access(part, usage)?.of)?;
        match self.configured.get(&(readable.store.clone(), readable.name.clone()))? {
            RowsOf::Whole => Some(Wanted::Whole),
            RowsOf::Key(columns) => {
                let place = |column: &Mapped| self.names.iter().position(|name| name.legacy == column.legacy);
                let parts: Vec<(usize, String)> =
                    columns.iter().filter_map(|column| Some((place(column)?, column.candidate.clone()))).collect();
                Some(self.matching(&parts))
            }
        }
    }

    /// The uses that most parts of the key come from.
    fn roots(&self, part: &Part) -> Vec<(usize, Wanted)> {
        let mut found: BTreeMap<usize, Vec<(usize, String)>> = BTreeMap::new();
        for (at, name) in part.key.iter().enumerate() {
            for origin in part.trace.origins(name) {
                let parts = found.entry(origin.usage).or_default();
                if parts.iter().all(|(known, _)| *known != at) {
                    parts.push((at, origin.column.clone()));
                }
            }
        }
        let most = found.values().map(Vec::len).max().unwrap_or(0);
        found.retain(|_, parts| parts.len() == most);
        let wanted = |(usage, parts): (usize, Vec<(usize, String)>)| {
            let access = self.plan.access(part, usage)?;
            let parts: Vec<(usize, String)> =
                parts.into_iter().map(|(at, column)| (at, access.path(&column).to_owned())).collect();
            Some((usage, self.matching(&parts)))
        };
        found.into_iter().filter_map(wanted).collect()
    }

    /// A table with columns of all of the key's names.
    fn by_name(&self, part: &Part, usage: usize) -> Option<Wanted> {
        let readable = self.plan.readables.get(self.plan.access(part, usage)?.of)?;
        let column = |at: usize, name: &Mapped| {
            let known = |column: &&crate::stores::survey::DeclaredColumn| {
                column.name.eq_ignore_ascii_case(&name.legacy) || column.name.eq_ignore_ascii_case(&name.candidate)
            };
            readable.declared.iter().find(known).map(|column| (at, column.name.clone()))
        };
        let parts: Option<Vec<(usize, String)>> =
            self.names.iter().enumerate().map(|(at, name)| column(at, name)).collect();
        parts.map(|parts| self.matching(&parts))
    }

    fn matching(&self, parts: &[(usize, String)]) -> Wanted {
        let mut tuples = BTreeMap::new();
        for key in self.keys {
            let tuple: Vec<Value> = parts.iter().filter_map(|(at, _)| key.get(*at).cloned()).collect();
            if tuple.iter().all(|value| !value.is_missing()) {
                tuples.insert(tuple.iter().map(canonical).collect::<Vec<_>>(), tuple);
            }
        }
        Wanted::Matching { paths: parts.iter().map(|(_, path)| path.clone()).collect(), tuples }
    }

    fn read(&self, readable: &Readable, wanted: &[Wanted]) -> Result<Picked, Failure> {
        let whole = wanted.iter().any(Wanted::is_whole);
        let limit = if whole { self.limit } else { MOST_ROWS };
        let test = |row: &Value| {
            whole
                || wanted.iter().any(|one| match one {
                    Wanted::Whole => true,
                    Wanted::Matching { paths, tuples } => {
                        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
                        let held = tuples_of(row, &paths);
                        held.iter().any(|tuple| tuples.contains_key(&tuple.iter().map(canonical).collect::<Vec<_>>()))
                    }
                })
        };
        let narrow = |columns: &[Column]| {
            // Paths into documents may lead through arrays: those are looked at here.
            let sql = matches!(readable.kind, StoreKind::MySql | StoreKind::Postgres | StoreKind::Sqlite);
            let some: Vec<&Wanted> = wanted.iter().filter(|one| !one.is_nothing()).collect();
            let parts: Option<Vec<Filter>> = match (some.is_empty(), columns.first()) {
                // The columns alone are wanted: a condition that no row satisfies.
                (true, Some(first)) => {
                    let null = Filter::IsNull { column: first.name.clone() };
                    Some(vec![Filter::All(vec![null.clone(), Filter::Not(Box::new(null))])])
                }
                _ => some.iter().map(|one| condition(one, columns)).collect(),
            };
            parts.filter(|_| sql && !whole).map(Filter::Any)
        };
        picked(&readable.locators, self.settings, &narrow, &test, limit).map_err(|error| {
            let mut failure = Failure::from(error);
            if failure.exit == Exit::Usage && failure.what.starts_with("more than") {
                let label = readable.label();
                failure.what = match whole {
                    true => {
                        format!("no equality leads from the key to `{label}`, and it has more than {limit} records")
                    }
                    false => format!("the keys need more than {limit} records of `{label}`"),
                };
                failure.hint = Some(match whole {
                    true => format!(
                        "say which of its columns hold the key: [reconciliation.NAME.capture.tables] \"{label}\" = \
                         [\"{}\"]; or raise `limit` in [capture] to take it whole",
                        self.names.iter().map(|name| name.legacy.as_str()).collect::<Vec<_>>().join("\", \"")
                    ),
                    false => "capture fewer keys".to_owned(),
                });
            }
            failure
        })
    }
}

/// A condition that lets at least the wanted rows through; `None` where none can be said.
fn condition(wanted: &Wanted, columns: &[Column]) -> Option<Filter> {
    let Wanted::Matching { paths, tuples } = wanted else { return None };
    if tuples.len() > MOST_VALUES {
        return None;
    }
    let parts = paths.iter().enumerate().map(|(at, path)| {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(path))?;
        let mut seen = BTreeSet::new();
        let mut literals = Vec::new();
        for tuple in tuples.values() {
            let value = tuple.get(at)?;
            if seen.insert(canonical(value)) {
                literals.extend(literal(value, column.kind)?);
            }
        }
        (!literals.is_empty()).then(|| Filter::In { column: column.name.clone(), literals })
    });
    let parts = parts.collect::<Option<Vec<Filter>>>()?;
    Some(Filter::All(parts))
}

/// A value as a column of this kind is asked for it; none where it cannot hold it. Outer `None`: it cannot be said.
fn literal(value: &Value, kind: ColumnKind) -> Option<Option<Literal>> {
    Some(match kind {
        ColumnKind::Number => value.amount().map(Literal::Number),
        ColumnKind::Text => Some(Literal::Text(value.to_string())),
        ColumnKind::Instant => match value {
            Value::Date(_) | Value::Instant { .. } => Some(Literal::Moment(value.to_string())),
            _ => return None,
        },
        _ => return None,
    })
}

/// What a record holds at some paths, together. Arrays on the way give each of their items.
fn tuples_of(row: &Value, paths: &[&str]) -> Vec<Vec<Value>> {
    let mut all: Vec<Vec<Value>> = vec![Vec::new()];
    for path in paths {
        let mut held = Vec::new();
        values_at(row, path, &mut held);
        held.retain(|value| !value.is_missing());
        all = all
            .iter()
            .flat_map(|head| {
                held.iter().map(move |value| head.iter().cloned().chain([(*value).clone()]).collect::<Vec<Value>>())
            })
            .collect();
    }
    all
}

fn values_at<'a>(value: &'a Value, path: &str, out: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| values_at(item, path, out)),
        Value::Document(fields) if !path.is_empty() => {
            // A field may have a dot in its own name.
            if let Some((_, value)) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(path)) {
                values_at(value, "", out);
                return;
            }
            let Some((first, rest)) = path.split_once('.') else { return };
            if let Some((_, value)) = fields.iter().find(|(name, _)| name == first) {
                values_at(value, rest, out);
            }
        }
        value if path.is_empty() => out.push(value),
        _ => {}
    }
}

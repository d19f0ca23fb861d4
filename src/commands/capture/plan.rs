//! What both paths and the population read, and how it hangs together: tables, collections and files, and a trace of each
//! path over them. Opens catalogues and query files; must not read a record.

use std::collections::{BTreeMap, HashMap};

use crate::capture::trace::{self, Language, Named, Origin, Trace};
use crate::commands::Failure;
use crate::config::{self, Input, PathDefinition, Project, Reconciliation, StoreKind, What};
use crate::domain::Value;
use crate::path::located;
use crate::stores::survey::{self, DeclaredColumn};
use crate::stores::{Locator, Settings};

/// Something that is read: a table, a collection or a file.
#[derive(Clone, Debug)]
pub(super) struct Readable {
    pub(super) store: String,
    /// As the case names it: a table without its schema, a file without its ending.
    pub(super) name: String,
    pub(super) kind: StoreKind,
    pub(super) locators: Vec<Locator>,
    /// The ending that the project file gives its name.
    pub(super) ending: Option<String>,
    /// The columns that a SQL table declares.
    pub(super) declared: Vec<DeclaredColumn>,
    /// The columns of its primary key.
    pub(super) key: Vec<String>,
}

impl Readable {
    /// `core.holdings`
    pub(super) fn label(&self) -> String {
        format!("{}.{}", self.store, self.name)
    }
}

/// One use of a readable by a path: columns are found at paths of its records.
#[derive(Clone, Debug)]
pub(super) struct Access {
    /// Which readable, by its place in the plan.
    pub(super) of: usize,
    /// Where columns are in a record, when they have other names there.
    paths: HashMap<String, String>,
}

impl Access {
    /// Where a column is in a record.
    pub(super) fn path<'a>(&'a self, column: &'a str) -> &'a str {
        self.paths.get(&column.to_lowercase()).map_or(column, String::as_str)
    }
}

/// A path, traced.
pub(super) struct Part {
    pub(super) trace: Trace,
    /// The key columns by this side's names; none for the population.
    pub(super) key: Vec<String>,
}

/// All of it.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) readables: Vec<Readable>,
    pub(super) accesses: Vec<Access>,
    pub(super) parts: Vec<Part>,
}

impl Plan {
    /// Looks at both paths and the population.
    ///
    /// # Errors
    /// A query cannot be read, a store cannot be asked, or what is read cannot be a part of a case.
    pub(super) fn of(project: &Project, of: &Reconciliation, settings: &Settings) -> Result<Plan, Failure> {
        let mut plan = Plan::default();
        let mut known: BTreeMap<String, Vec<DeclaredColumn>> = BTreeMap::new();
        let mut maker = Maker { project, settings, plan: &mut plan, known: &mut known };
        let legacy = of.key.iter().map(|key| key.legacy.clone()).collect();
        let candidate = of.key.iter().map(|key| key.candidate.clone()).collect();
        maker.path(&of.legacy, legacy)?;
        maker.path(&of.candidate, candidate)?;
        if let Some(population) = &of.population {
            let what = What::Query(population.query.clone());
            let names = maker.names(&population.store, &what)?;
            maker.traced(names, Vec::new())?;
        }
        Ok(plan)
    }

    /// What one use in a trace reads.
    pub(super) fn access(&self, part: &Part, usage: usize) -> Option<&Access> {
        part.trace.uses.get(usage).and_then(|id| self.accesses.get(id.parse::<usize>().ok()?))
    }
}

/// What is traced: a query with its names, or one thing that is read as it is.
enum Traceable {
    Query { sql: String, language: Language, names: HashMap<String, Named> },
    One(usize),
}

struct Maker<'a> {
    project: &'a Project,
    settings: &'a Settings,
    plan: &'a mut Plan,
    known: &'a mut BTreeMap<String, Vec<DeclaredColumn>>,
}

impl Maker<'_> {
    fn path(&mut self, path: &PathDefinition, key: Vec<String>) -> Result<(), Failure> {
        match &path.origin {
            config::Origin::Store { store, what } => {
                let names = self.names(store, what)?;
                self.traced(names, key)
            }
            config::Origin::Sql { file, inputs } => {
                let sql = file.read()?;
                let names = inputs
                    .iter()
                    .map(|input| Ok((input.name.to_lowercase(), self.input(input)?)))
                    .collect::<Result<HashMap<String, Named>, Failure>>()?;
                self.traced(Traceable::Query { sql, language: Language::Exact, names }, key)
            }
            config::Origin::Command { records, reference, .. } | config::Origin::Http { records, reference, .. } => {
                match self.input(records)? {
                    Named::Table { id, .. } => {
                        let at = id.parse().unwrap_or(usize::MAX);
                        self.traced(Traceable::One(at), key)?;
                    }
                    Named::Query { sql, language, names } => {
                        self.traced(Traceable::Query { sql, language, names }, key)?;
                    }
                }
                for input in reference {
                    match self.input(input)? {
                        Named::Table { id, .. } => {
                            let at = id.parse().unwrap_or(usize::MAX);
                            self.traced(Traceable::One(at), Vec::new())?;
                        }
                        Named::Query { sql, language, names } => {
                            self.traced(Traceable::Query { sql, language, names }, Vec::new())?;
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn traced(&mut self, what: Traceable, key: Vec<String>) -> Result<(), Failure> {
        let trace = match what {
            Traceable::Query { sql, language, names } => trace::trace(&sql, language, &names)
                .map_err(|why| Failure::usage(format!("the tables of a query cannot be told: {why}")))?,
            Traceable::One(at) => {
                let column = |name: &String| (name.to_lowercase(), vec![Origin { usage: 0, column: name.clone() }]);
                let columns = key.iter().map(column).collect();
                Trace { uses: vec![at.to_string()], links: Vec::new(), columns }
            }
        };
        self.plan.parts.push(Part { trace, key });
        Ok(())
    }

    /// What is read of a store.
    fn names(&mut self, store: &str, what: &What) -> Result<Traceable, Failure> {
        match what {
            What::Query(queries) => {
                let kind = self.project.store(store)?.kind;
                let sql = queries.of(kind)?.read()?;
                let language = language(kind);
                let names = self.tables_of(store, &sql, language)?;
                Ok(Traceable::Query { sql, language, names })
            }
            What::Table(name) => Ok(Traceable::One(self.access(store, name, HashMap::new())?)),
            What::Pipeline { collection, .. } => Ok(Traceable::One(self.access(store, collection, HashMap::new())?)),
        }
    }

    fn input(&mut self, input: &Input) -> Result<Named, Failure> {
        let fields: HashMap<String, String> =
            input.fields.iter().map(|field| (field.name.to_lowercase(), field.path.clone())).collect();
        match &input.what {
            What::Query(queries) => {
                let kind = self.project.store(&input.store)?.kind;
                let sql = queries.of(kind)?.read()?;
                let language = language(kind);
                let names = self.tables_of(&input.store, &sql, language)?;
                Ok(Named::Query { sql, language, names })
            }
            What::Table(name) | What::Pipeline { collection: name, .. } => {
                let at = self.access(&input.store, name, fields)?;
                let mut columns: Vec<String> = input.fields.iter().map(|field| field.name.clone()).collect();
                if let (true, Some(access)) = (columns.is_empty(), self.plan.accesses.get(at)) {
                    let declared = self.plan.readables.get(access.of).map(|readable| readable.declared.clone());
                    columns = declared.unwrap_or_default().into_iter().map(|column| column.name).collect();
                }
                Ok(Named::Table { id: at.to_string(), columns })
            }
        }
    }

    /// The tables that a query of a SQL store names.
    fn tables_of(&mut self, store: &str, sql: &str, language: Language) -> Result<HashMap<String, Named>, Failure> {
        let found = trace::tables(sql, language).map_err(|why| {
            Failure::usage(format!("the tables of a query of the store `{store}` cannot be told: {why}"))
        })?;
        let mut names = HashMap::new();
        for table in found {
            let columns = self.columns(store, &table)?;
            // A function's rows, or what a definition of the query stands for.
            if columns.is_empty() {
                continue;
            }
            let at = self.access(store, &table, HashMap::new())?;
            let columns = columns.into_iter().map(|column| column.name).collect();
            names.insert(table, Named::Table { id: at.to_string(), columns });
        }
        Ok(names)
    }

    fn columns(&mut self, store: &str, table: &str) -> Result<Vec<DeclaredColumn>, Failure> {
        let label = format!("{store}.{table}");
        if let Some(known) = self.known.get(&label) {
            return Ok(known.clone());
        }
        let locator = Locator::parse(self.project.store(store)?.url.expose())?;
        let columns = survey::columns(&locator, table, self.settings)?;
        self.known.insert(label, columns.clone());
        Ok(columns)
    }

    /// A new use of a table, collection or file.
    fn access(&mut self, store: &str, named: &str, paths: HashMap<String, String>) -> Result<usize, Failure> {
        let kind = self.project.store(store)?.kind;
        let (name, ending) = case_name(kind, named);
        let known = |one: &Readable| one.store == store && one.name == name;
        let of = match self.plan.readables.iter().position(known) {
            Some(at) => at,
            None => {
                let locators = located(self.project, store, &What::Table(named.to_owned()), &[] as &[(String, Value)])?;
                if locators.len() > 1 {
                    return Err(Failure::usage(format!("`{store}.{named}` is several files: a case holds one")));
                }
                let sql = matches!(kind, StoreKind::MySql | StoreKind::Postgres | StoreKind::Sqlite);
                let (mut declared, mut key) = (Vec::new(), Vec::new());
                if sql {
                    declared = self.columns(store, named)?;
                    let locator = Locator::parse(self.project.store(store)?.url.expose())?;
                    key = survey::unique_keys(&locator, named, self.settings)?.into_iter().next().unwrap_or_default();
                }
                self.plan.readables.push(Readable {
                    store: store.to_owned(),
                    name,
                    kind,
                    locators,
                    ending,
                    declared,
                    key,
                });
                self.plan.readables.len() - 1
            }
        };
        self.plan.accesses.push(Access { of, paths });
        Ok(self.plan.accesses.len() - 1)
    }
}

/// What a case calls it: SQLite knows no schemas, and an input's file has an ending of its own.
fn case_name(kind: StoreKind, named: &str) -> (String, Option<String>) {
    match kind {
        StoreKind::MySql | StoreKind::Postgres | StoreKind::Sqlite => {
            (named.rsplit('.').next().unwrap_or(named).to_owned(), None)
        }
        StoreKind::MongoDb => (named.to_owned(), None),
        StoreKind::Files => {
            let known = ["csv", "tsv", "parquet", "ndjson", "jsonl", "json", "bson", "gz"];
            match named.rsplit_once('.') {
                Some((stem, ending)) if known.contains(&ending.to_ascii_lowercase().as_str()) => {
                    (stem.to_owned(), Some(ending.to_ascii_lowercase()))
                }
                _ => (named.to_owned(), None),
            }
        }
    }
}

fn language(kind: StoreKind) -> Language {
    match kind {
        StoreKind::MySql => Language::MySql,
        StoreKind::Postgres => Language::Postgres,
        _ => Language::Sqlite,
    }
}

//! A reconciliation: are its query files, tables, programs and the place of its decisions there.

use crate::config::{
    Decisions, Input, Origin, ParamType, PathDefinition, Project, Reconciliation, Store, StoreKind, What,
};
use crate::decisions;
use crate::domain::{Amount, NumberForm, Value};
use crate::path::{located, texts};
use crate::stores::about::about;
use crate::stores::{Locator, Settings, StoreError, Wish};

use super::finding::Finding;
use super::machine;

pub(super) fn look(project: &Project, reconciliation: &Reconciliation, settings: &Settings) -> Vec<Finding> {
    let name = &reconciliation.name;
    let mut findings = Vec::new();
    let sides = [("legacy", &reconciliation.legacy), ("candidate", &reconciliation.candidate)];
    for (side, path) in sides {
        let keys: Vec<String> = reconciliation
            .key
            .iter()
            .map(|key| if side == "legacy" { key.legacy.clone() } else { key.candidate.clone() })
            .collect();
        let looking = Looking { project, params: stand_ins(reconciliation, path.partitions.is_some()), settings };
        findings.extend(looking.one_side(&format!("{name}, {side}"), path, &keys));
    }
    if let Some(population) = &reconciliation.population {
        let place = format!("{name}, population");
        let looking = Looking { project, params: stand_ins(reconciliation, false), settings };
        if let Err(error) = looking.read(&population.store, &What::Query(population.query.clone()), &[]) {
            findings.push(Finding::of(place, error));
        }
    }
    if let Some(decisions) = &reconciliation.decisions {
        findings.extend(place_of_decisions(project, name, decisions, settings));
    }
    findings
}

/// Values of the parameters' types: a query is prepared with them, and never run.
fn stand_ins(reconciliation: &Reconciliation, partitioned: bool) -> Vec<(String, Value)> {
    let number = |form| Value::Number { amount: Amount::new(1, 0), form };
    let value = |kind: ParamType| match kind {
        ParamType::Text => Value::Text { text: String::new(), untyped: false },
        ParamType::Integer => number(NumberForm::Integer),
        ParamType::Decimal => number(NumberForm::Decimal),
        ParamType::Date => Value::Date(0),
        ParamType::Instant => Value::Instant { nanos: 0, digits: 0 },
        ParamType::Boolean => Value::Bool(false),
    };
    let mut all: Vec<_> = reconciliation.params.iter().map(|(name, kind)| (name.clone(), value(*kind))).collect();
    if partitioned {
        all.extend(["partition", "partitions"].map(|name| (name.to_owned(), number(NumberForm::Integer))));
    }
    all
}

/// Looks at what paths read.
struct Looking<'a> {
    project: &'a Project,
    /// What queries are prepared with.
    params: Vec<(String, Value)>,
    settings: &'a Settings,
}

impl Looking<'_> {
    fn one_side(&self, place: &str, path: &PathDefinition, key: &[String]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let readable = texts(self.project, path);
        if let Err(error) = &readable {
            findings.push(Finding::of(place, error.clone()));
        }
        let mut inputs: Vec<&Input> = Vec::new();
        match &path.origin {
            // What cannot be read has been told.
            Origin::Store { .. } if readable.is_err() => {}
            Origin::Store { store, what } => match self.read(store, what, key) {
                Ok(what) => seen.extend(what),
                Err(error) => findings.push(Finding::of(place, error)),
            },
            Origin::Sql { inputs: all, .. } => {
                if readable.is_ok() {
                    seen.push("its SQL can be read; it is not run".to_owned());
                }
                inputs.extend(all);
            }
            Origin::Http { records, reference, .. } => inputs.extend(std::iter::once(records).chain(reference)),
            Origin::Command { settings: command, records, reference } => {
                inputs.extend(std::iter::once(records).chain(reference));
                let name = command.arguments.first().map_or("", String::as_str);
                match machine::program(name, &command.folder) {
                    Some(found) => seen.push(format!("program {}", found.display())),
                    None => findings.push(Finding::usage(
                        place,
                        format!("the program `{name}` is not there"),
                        Some(match std::path::Path::new(name).components().count() {
                            0 | 1 => "install it, or add its folder to PATH".to_owned(),
                            _ => "paths are taken from the folder of the project file; is it executable (chmod +x)?"
                                .to_owned(),
                        }),
                    )),
                }
            }
        }
        for input in inputs {
            if readable.is_err() && !matches!(input.what, What::Table(_)) {
                continue;
            }
            match self.read(&input.store, &input.what, &[]) {
                Ok(Some(what)) => seen.push(format!("input {}: {what}", input.name)),
                Ok(None) => {}
                Err(error) => findings.push(Finding::of(format!("{place}, input {}", input.name), error)),
            }
        }
        if findings.is_empty() && !seen.is_empty() {
            findings.push(Finding::ok(place, seen.join("; ")));
        }
        findings
    }

    /// What is read of a store, opened and described: a table as it is, a SQL query as its store prepares it. A pipeline
    /// would have to be run: only its collection is looked at. A store that cannot be reached was told already.
    fn read(&self, store: &str, what: &What, key: &[String]) -> Result<Option<String>, StoreError> {
        let known = self.project.store(store)?;
        if let What::Query(queries) = what {
            queries.of(known.kind)?.read()?;
        }
        if !is_reached(known, self.settings) {
            return Ok((!matches!(what, What::Table(_))).then(|| "query file found; it is not run".to_owned()));
        }
        let locators = match what {
            What::Pipeline { collection, .. } => located(self.project, store, &What::Table(collection.clone()), &[])?,
            // A pipeline that stands in place of a query names its collection itself.
            What::Query(_) if known.kind == StoreKind::MongoDb => {
                return Ok(Some("query file found; it is not run".to_owned()));
            }
            what => located(self.project, store, what, &self.params)?,
        };
        let Some(locator) = locators.first() else { return Ok(None) };
        let mut source = locator.source(self.settings)?;
        let opened = source.open(&Wish { paths: key.to_vec() })?;
        let missing = key.iter().find(|key| !opened.columns.iter().any(|column| column.name.eq_ignore_ascii_case(key)));
        if let (Some(key), true) = (missing, opened.fixed_columns && !key_is_path(missing)) {
            let known = opened.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(StoreError::usage(format!("{} has no column `{key}`, which is in the key", locator.label()))
                .hint(format!("its columns are {known}")));
        }
        let columns = opened.columns.len();
        Ok(Some(match what {
            What::Table(name) if locators.len() == 1 => format!("`{name}` has {columns} columns"),
            What::Table(name) => format!("`{name}`: {} files", locators.len()),
            What::Query(_) => format!("its query gives {columns} columns; it is prepared and not run"),
            What::Pipeline { collection, .. } => {
                format!("`{collection}` is there; the file of its pipeline too, which is not run")
            }
        }))
    }
}

/// What cannot be reached is told once, for the store itself.
fn is_reached(store: &Store, settings: &Settings) -> bool {
    store.kind == StoreKind::Files
        || Locator::parse(store.url.expose()).is_ok_and(|locator| about(&locator, settings).is_ok())
}

fn key_is_path(key: Option<&String>) -> bool {
    key.is_some_and(|key| key.contains('.'))
}

fn place_of_decisions(project: &Project, name: &str, decisions: &Decisions, settings: &Settings) -> Option<Finding> {
    let place = format!("{name}, decisions");
    if let Decisions::Table { store, .. } = decisions
        && project.store(store).is_ok_and(|store| !is_reached(store, settings))
    {
        return None;
    }
    Some(match decisions::probe(project, decisions, settings) {
        Ok(probed) if probed.there => Finding::ok(place, format!("{} can be written", probed.place)),
        Ok(probed) if probed.certain => Finding::ok(place, format!("{} will be made by the first run", probed.place)),
        Ok(probed) => Finding::note(
            place,
            format!(
                "{} is not there, and no privilege CREATE is listed for recon's account, unless by a role",
                probed.place
            ),
            "GRANT CREATE, CREATE VIEW, ALTER, INDEX, INSERT, UPDATE, DELETE on the schema to it",
        ),
        Err(error) => Finding::of(place, error),
    })
}

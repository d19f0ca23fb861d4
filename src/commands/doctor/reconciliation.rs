//! A reconciliation: are its query files, tables, programs and the place of its decisions there.

use crate::config::{Decisions, Input, Origin, PathDefinition, Project, Reconciliation, Store, StoreKind, What};
use crate::decisions;
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
        findings.extend(one_side(project, &format!("{name}, {side}"), path, &keys, settings));
    }
    if let Some(population) = &reconciliation.population {
        let place = format!("{name}, population");
        let text = project.store(&population.store).and_then(|store| population.query.of(store.kind)?.read());
        match text {
            Ok(_) => {}
            Err(error) => findings.push(Finding::of(place, error)),
        }
    }
    if let Some(decisions) = &reconciliation.decisions {
        findings.extend(place_of_decisions(project, name, decisions, settings));
    }
    findings
}

fn one_side(
    project: &Project,
    place: &str,
    path: &PathDefinition,
    key: &[String],
    settings: &Settings,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    match texts(project, path) {
        Ok(texts) => match texts.len() {
            0 => {}
            1 => seen.push("its query can be read".into()),
            many => seen.push(format!("{many} queries can be read")),
        },
        Err(error) => findings.push(Finding::of(place, error)),
    }
    let mut inputs: Vec<&Input> = Vec::new();
    match &path.origin {
        Origin::Store { store, what } => match read(project, store, what, key, settings) {
            Ok(Some(what)) => seen.push(what),
            Ok(None) => {}
            Err(error) => findings.push(Finding::of(place, error)),
        },
        Origin::Sql { inputs: all, .. } => inputs.extend(all),
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
        match read(project, &input.store, &input.what, &[], settings) {
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

/// What is read of a store as it is, opened and described. A query needs its parameters and is not run; a store that
/// cannot be reached was told already.
fn read(
    project: &Project,
    store: &str,
    what: &What,
    key: &[String],
    settings: &Settings,
) -> Result<Option<String>, StoreError> {
    let What::Table(name) = what else { return Ok(None) };
    if !is_reached(project.store(store)?, settings) {
        return Ok(None);
    }
    let locators = located(project, store, what, &[])?;
    let Some(locator) = locators.first() else { return Ok(None) };
    let mut source = locator.source(settings)?;
    let opened = source.open(&Wish { paths: key.to_vec() })?;
    let missing = key.iter().find(|key| !opened.columns.iter().any(|column| column.name.eq_ignore_ascii_case(key)));
    if let (Some(key), true) = (missing, opened.fixed_columns && !key_is_path(missing)) {
        let known = opened.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(StoreError::usage(format!("{} has no column `{key}`, which is in the key", locator.label()))
            .hint(format!("its columns are {known}")));
    }
    Ok(Some(match locators.len() {
        1 => format!("`{name}` has {} columns", opened.columns.len()),
        many => format!("`{name}`: {many} files"),
    }))
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

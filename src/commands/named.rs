//! A reconciliation of `recon.toml` as a request for `recon diff`: read-only, nothing is written to the ledger.

use crate::cli::{DiffArgs, Global, ReadArgs};
use crate::compare::Definition;
use crate::config::{ConfigError, ParamType, PathDefinition, Project, Reconciliation};
use crate::domain::Value;
use crate::path::{Context, build};
use crate::stores::{Locator, Settings};

use super::Failure;
use super::diff::{Request, overrides, typed};

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let failure = Failure::usage(error.to_string());
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// Reads the project file and makes the request.
///
/// # Errors
/// The file or the reconciliation is not there or not valid; a parameter is missing or of the wrong type.
pub(super) fn request(global: &Global, args: &DiffArgs, settings: &Settings) -> Result<Request, Failure> {
    for (given, option) in
        [(args.legacy_query.is_some(), "--legacy-query"), (args.candidate_query.is_some(), "--candidate-query")]
    {
        if given {
            return Err(Failure::usage(format!("`{option}` goes with two locators, not with a reconciliation's name"))
                .hint("to compare two locators, give both: `recon diff LEGACY CANDIDATE --key …`"));
        }
    }
    if !global.config.exists() && Locator::parse(&args.legacy).is_ok() {
        return Err(Failure::usage(format!("only one side is given: `{}`", args.legacy))
            .hint("give the candidate side too: `recon diff LEGACY CANDIDATE --key …`"));
    }
    let project = super::cycle::project(global)?;
    let reconciliation = project.reconciliation(&args.legacy)?;
    let params = params(reconciliation, &args.param)?;
    let definition = overrides(args, definition(reconciliation))?;
    both(&project, reconciliation, &params, settings, definition, &args.read, false)
}

/// Both paths of a reconciliation and what is compared of them. Opens nothing. With `retried`, the definition's
/// condition names the keys that are computed again, and nothing else is asked of programs and services.
///
/// # Errors
/// What a path names is not there or does not go together.
pub(super) fn both(
    project: &Project,
    reconciliation: &Reconciliation,
    params: &[(String, Value)],
    settings: &Settings,
    definition: Definition,
    args: &ReadArgs,
    retried: bool,
) -> Result<Request, Failure> {
    let only = definition.filter.clone().filter(|_| retried);
    let side = |path: &PathDefinition, key: Vec<String>, name: &'static str| {
        let only = only.as_ref().map(|only| match name {
            "candidate" => only.renamed(&|column| definition.candidate_name(column)),
            _ => only.clone(),
        });
        let keep = args.keep_inputs.clone().map(|folder| (folder, name));
        let partitions = (args.partitions > 1).then_some(u32::from(args.partitions));
        let context = Context { project, params, settings, key, memory: args.memory, partitions, only, keep };
        build(path, &context)
    };
    let legacy =
        side(&reconciliation.legacy, definition.key.iter().map(|(legacy, _)| legacy.clone()).collect(), "legacy")?;
    let candidate =
        side(&reconciliation.candidate, definition.key.iter().map(|(_, other)| other.clone()).collect(), "candidate")?;
    Ok(Request { definition, legacy, candidate, name: Some(reconciliation.name.clone()) })
}

/// What `recon.toml` says of the columns.
pub(super) fn definition(reconciliation: &Reconciliation) -> Definition {
    let mut definition = Definition {
        key: reconciliation.key.iter().map(|k| (k.legacy.clone(), k.candidate.clone())).collect(),
        path_filters: (reconciliation.legacy.condition.clone(), reconciliation.candidate.condition.clone()),
        configured: true,
        ..Definition::default()
    };
    for column in &reconciliation.columns {
        let name = &column.name;
        if name.candidate != name.legacy {
            definition.map.push((name.legacy.clone(), name.candidate.clone()));
        }
        if !column.compare {
            definition.ignore.push(name.legacy.clone());
            continue;
        }
        if definition.key.iter().all(|(legacy, _)| legacy != &name.legacy) {
            definition.required.push(name.legacy.clone());
        }
        if let Some(tolerance) = column.tolerance.clone().filter(|t| !t.is_zero()) {
            definition.tolerances.push((name.legacy.clone(), tolerance));
        }
        if let Some(kind) = column.column_type {
            definition.types.push((name.legacy.clone(), kind));
        }
    }
    definition
}

/// The parameters given, in their configured types; every one of them must be given.
pub(super) fn params(reconciliation: &Reconciliation, given: &[String]) -> Result<Vec<(String, Value)>, Failure> {
    let mut values = Vec::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Failure::usage(format!("`--param {text}` is not of the form name=value")));
        };
        let known = || reconciliation.params.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ");
        let Some((_, kind)) = reconciliation.params.iter().find(|(n, _)| n == name) else {
            return Err(Failure::usage(format!("`{}` has no parameter `{name}`", reconciliation.name)).hint(
                if reconciliation.params.is_empty() {
                    "it takes none".to_owned()
                } else {
                    format!("its parameters are: {}", known())
                },
            ));
        };
        if values.iter().any(|(n, _)| n == name) {
            return Err(Failure::usage(format!("the parameter `{name}` is given twice")));
        }
        values.push((name.to_owned(), typed(name, kind_name(*kind), value)?));
    }
    for (name, kind) in &reconciliation.params {
        if !values.iter().any(|(n, _)| n == name) {
            return Err(Failure::usage(format!(
                "`{}` needs the parameter `{name}` ({})",
                reconciliation.name,
                kind_name(*kind)
            ))
            .hint(format!("add `--param {name}=…`")));
        }
    }
    Ok(values)
}

pub(super) fn kind_name(kind: ParamType) -> &'static str {
    match kind {
        ParamType::Text => "text",
        ParamType::Integer => "integer",
        ParamType::Decimal => "decimal",
        ParamType::Date => "date",
        ParamType::Instant => "instant",
        ParamType::Boolean => "boolean",
    }
}

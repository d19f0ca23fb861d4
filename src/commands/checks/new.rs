//! `recon checks new`: a check to begin with, from an example that fits its kind and the project.

use clap::ValueEnum;

use crate::checks::{self, CheckRow, FileForm};
use crate::cli::{CheckKindName, NewCheckArgs};
use crate::config::{Origin, Project, Reconciliation, StoreKind, What, listed};
use crate::domain::ColumnType;
use crate::exit::Exit;

use super::super::cycle::ledger;
use super::super::who::who;
use super::super::{Failure, print_lines};
use super::files::Files;
use super::validated;

/// Runs the command.
///
/// # Errors
/// The name is none, or taken; there is no such store or reconciliation (exit 2); or something cannot be written.
pub(super) fn run(project: &Project, args: &NewCheckArgs) -> Result<Exit, Failure> {
    let name = args.name.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 100 || name.starts_with(['.', '-']) || !name.chars().all(plain) {
        return Err(Failure::usage(format!("`{name}` is no name for a check"))
            .hint("up to 100 letters, digits, `-`, `_` and `.`, such as no-negative-net"));
    }
    let row = row(project, args)?;
    validated(project, &row)?;
    if args.push {
        let by = who(args.by.as_deref())?;
        let mut ledger = ledger(project)?;
        let version = ledger.save_check(&row, &by, None)?;
        print_lines(&[
            format!("{name}: version {version} in the database, switched off"),
            format!("`recon checks edit {name}` edits it; `enabled: false` goes when it is right"),
        ]);
        return Ok(Exit::Success);
    }
    let files = Files::read(project)?;
    if let Some(found) = files.of(name) {
        return Err(Failure::usage(format!("{} is of the check `{name}` already", found.shown)));
    }
    let shown = files.write(&row, &with_notes(&row))?;
    print_lines(&[
        format!("{shown}: a check to begin with, switched off"),
        format!("edit it, take `enabled: false` out, and `recon checks push {name}`"),
    ]);
    Ok(Exit::Success)
}

/// The example as a row.
fn row(project: &Project, args: &NewCheckArgs) -> Result<CheckRow, Failure> {
    let mut all = project.reconciliations();
    let reconciliation = match (&args.reconciliation, all.next(), all.next()) {
        (Some(name), ..) => Some(project.reconciliation(name)?),
        (None, Some(only), None) => Some(only),
        _ => None,
    };
    let store = store(project, args)?;
    let word = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
    let row = CheckRow {
        name: args.name.clone(),
        reconciliation: reconciliation.map(|reconciliation| reconciliation.name.clone()),
        stage: word(args.stage.to_possible_value()),
        kind: word(args.kind.to_possible_value()),
        store,
        query: Some(query(args.kind, reconciliation)),
        severity: word(args.severity.to_possible_value()),
        enabled: Some("false".to_owned()),
        description: Some(
            args.description.clone().unwrap_or_else(|| "What it guards, and what to do when it fails.".into()),
        ),
        ..CheckRow::default()
    };
    Ok(row.content())
}

/// The store that is asked: the one that was named, or the only one that fits.
fn store(project: &Project, args: &NewCheckArgs) -> Result<Option<String>, Failure> {
    let fits = |kind: StoreKind| match args.kind {
        CheckKindName::Pipeline => kind == StoreKind::MongoDb,
        _ => matches!(kind, StoreKind::MySql | StoreKind::Postgres | StoreKind::Sqlite),
    };
    if matches!(args.kind, CheckKindName::Run | CheckKindName::Rule) {
        return Ok(args.store.clone());
    }
    let names: Vec<&str> =
        project.stores.values().filter(|store| fits(store.kind)).map(|store| store.name.as_str()).collect();
    match (&args.store, names.as_slice()) {
        (Some(name), _) => Ok(Some(name.clone())),
        (None, [only]) => Ok(Some((*only).to_owned())),
        (None, []) => Err(Failure::usage("recon.toml has no store that such a check could ask")
            .hint("checks of kind `run` and `rule` look at the run itself")),
        (None, several) => Err(Failure::usage("which store does it ask?")
            .hint(format!("give it with `--store`: {}", listed(several.iter().copied())))),
    }
}

/// A query of the kind over what the reconciliation has.
fn query(kind: CheckKindName, reconciliation: Option<&Reconciliation>) -> String {
    let key = reconciliation.map_or_else(|| vec!["id"], |one| one.key.iter().map(|key| key.legacy.as_str()).collect());
    let amount = reconciliation
        .and_then(|one| one.columns.iter().find(|column| column.column_type == Some(ColumnType::Decimal)))
        .map_or("net", |column| column.name.legacy.as_str());
    let param = reconciliation.and_then(|one| one.params.first()).map(|(name, _)| name.as_str());
    let table = match reconciliation.map(|one| &one.legacy.origin) {
        Some(Origin::Store { what: What::Table(table), .. }) => table.as_str(),
        _ => "settlement",
    };
    let columns = key.join(", ");
    match kind {
        CheckKindName::Sql => {
            let bound = param.map_or_else(String::new, |name| format!("\n  -- AND {name} = :{name}"));
            format!("SELECT {columns}, {amount}\nFROM {table}\nWHERE {amount} < 0{bound}")
        }
        CheckKindName::Run => {
            format!("SELECT {columns}, {amount}\nFROM candidate\nWHERE {amount} < 0")
        }
        // What is held has no value to judge.
        CheckKindName::Rule => format!(
            "{{\n    \"where\": {{\"ne\": [\"decision.source\", {{\"text\": \"held\"}}]}},\n    \"expect\": {{\"ge\": [\"decision.{amount}\", 0]}}\n  }}"
        ),
        CheckKindName::Pipeline => {
            let filter = param.map_or_else(String::new, |name| format!(", \"{name}\": {{\"$param\": \"{name}\"}}"));
            format!(
                "{{\n    \"collection\": \"{table}\",\n    \"pipeline\": [\n      {{\"$match\": {{\"{amount}\": {{\"$lt\": 0}}{filter}}}}}\n    ]\n  }}"
            )
        }
    }
}

/// Lines about the other keys, for the form that has room for them.
const NOTES: &str = "\
--# Every row that the query gives is a violation. More keys:
--# error_if: 5             it fails from 5 violations on; `> 5`, or a share of the records such as 0.5%
--# warn_if: 1              it warns from there on; with `warn_if` alone it never fails
--# max_flag_rate: 5%       where it flags more, it is switched off and the run is incomplete
--# expect: value <= 0      judges the one value that the query gives, in place of rows
--# examines: SELECT COUNT(*) FROM …        how many records it looks at
--# timeout_ms: 5000        the default is 30000
--# owner: kim@example.com  whom to ask
";

/// The same where only texts are allowed.
const NOTE: &str = "more keys: error_if, warn_if, max_flag_rate, timeout_ms, owner; docs/checks.md says what they mean";

fn with_notes(row: &CheckRow) -> String {
    let text = checks::render(row, None);
    match (FileForm::of(row), text.split_once("\n\n")) {
        (FileForm::Sql, Some((header, query))) => format!("{header}\n{NOTES}\n{query}"),
        (FileForm::Json, _) => {
            text.replacen("    \"enabled\": false", &format!("    \"#\": \"{NOTE}\",\n    \"enabled\": false"), 1)
        }
        _ => text,
    }
}

//! Looking at a check's text before it is saved: whether it would be run at all. Must not run it.

use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::checks::{CheckRow, Definition, Kind};
use crate::commands::Failure;
use crate::commands::asking::locator;
use crate::commands::checking::RUN;
use crate::config::{Project, did_you_mean};
use crate::domain::rule::{self, Scope};
use crate::stores::inspect;

/// What every run binds besides the parameters of its reconciliation.
const OF_RUN: [&str; 2] = ["recon_cycle", RUN];

/// Whether the texts of a check may run.
///
/// # Errors
/// Which of them may not, where and why (exit 2).
pub(in crate::commands) fn examined(project: &Project, row: &CheckRow) -> Result<(), Failure> {
    let definition = Definition::of(row).map_err(|malformed| Failure::usage(malformed.to_string()))?;
    let texts = [("query", Some(&definition.query)), ("examines", definition.examines.as_ref())];
    for (column, text) in texts.into_iter().filter_map(|(column, text)| Some((column, text?))) {
        one(project, &definition, text).map_err(|failure| Failure {
            what: format!("the check `{}`, `{column}`: {}", definition.name, failure.what),
            ..failure
        })?;
    }
    Ok(())
}

fn one(project: &Project, definition: &Definition, text: &str) -> Result<(), Failure> {
    let refused = |what: String, hint: Option<String>| Failure { hint, ..Failure::usage(what) };
    match definition.kind {
        Kind::Sql | Kind::Pipeline => {
            let locator = locator(project, definition.kind, definition.store.as_deref().unwrap_or_default())
                .map_err(Failure::usage)?;
            let Some(kind) = inspect::StoreKind::of(&locator) else { return Ok(()) };
            let examined = inspect::examine(kind, text, locator.table())
                .map_err(|refusal| refused(refusal.to_string(), refusal.hint))?;
            bound(project, definition, &examined.params)
        }
        Kind::Rule => {
            let parsed =
                rule::parse(text).map_err(|error| refused(format!("{error}\n{}", error.excerpt()), error.hint))?;
            let params = parsed.references().into_iter().filter(|reference| reference.scope == Scope::Param);
            bound(project, definition, &params.map(|reference| reference.name).collect::<Vec<_>>())
        }
        Kind::Run => {
            // What it names is known when a run has computed it; that it is one statement is known now.
            let parsed =
                Parser::parse_sql(&GenericDialect {}, text).map_err(|error| Failure::usage(error.to_string()))?;
            match parsed.as_slice() {
                [sqlparser::ast::Statement::Query(_)] => Ok(()),
                _ => Err(Failure::usage("it is not one SELECT")
                    .hint("SQL over the tables legacy, candidate, discrepancies and decisions")),
            }
        }
    }
}

/// Whether a run binds every parameter that a check names. One that belongs to no reconciliation runs with those of each.
fn bound(project: &Project, definition: &Definition, named: &[String]) -> Result<(), Failure> {
    let Some(reconciliation) = &definition.reconciliation else { return Ok(()) };
    let own = project.reconciliation(reconciliation)?.params.iter().map(|(name, _)| name.as_str());
    let known: Vec<&str> = own.chain(OF_RUN).collect();
    match named.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let near = did_you_mean(name, known.iter().copied());
            Err(Failure::usage(format!("`{reconciliation}` has no parameter `{name}`"))
                .hint(near.unwrap_or_else(|| format!("a check of it may name {}", known.join(", ")))))
        }
    }
}

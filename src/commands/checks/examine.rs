//! Looking at a check's text before it is saved: whether it would be run at all. Must not run it.

use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::checks::{CheckRow, Definition, Kind};
use crate::commands::Failure;
use crate::commands::asking::locator;
use crate::config::Project;
use crate::domain::rule;
use crate::stores::inspect;

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
            let examined = inspect::examine(kind, text, locator.table());
            examined.map(drop).map_err(|refusal| refused(refusal.to_string(), refusal.hint))
        }
        Kind::Rule => {
            let parsed = rule::parse(text);
            parsed.map(drop).map_err(|error| refused(format!("{error}\n{}", error.excerpt()), error.hint))
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

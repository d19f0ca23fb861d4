//! From SQL text to a proved plan: names and types resolved, every number's digits and scale worked out, everything
//! else refused with its place. Pure; must not run anything.

mod aggregate;
mod condition;
mod expression;
mod from;
mod function;
mod literal;
mod number;
mod order;
mod query;
mod scope;

use std::sync::Arc;

use sqlparser::ast::Statement;
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Span;

use crate::domain::Value;

use super::plan::{At, Id, Rel};
use super::refusal::{Refusal, Sql};
use super::types::{TableSchema, Ty};
use scope::Named;

/// What binding a whole query yields.
pub(super) struct Bound {
    pub rel: Arc<Rel>,
    /// Name, id and type of each result column, in order.
    pub columns: Vec<(String, Id, Ty)>,
    /// Columns that list closed days: table, column.
    pub holidays: Vec<(usize, usize)>,
}

/// Parses one query and proves it.
pub(super) fn bind(sql: &str, params: &[(String, Value)], tables: &[TableSchema]) -> Result<Bound, Refusal> {
    let statements = Parser::parse_sql(&GenericDialect, sql).map_err(|error| does_not_parse(&error.to_string()))?;
    let query = match statements.as_slice() {
        [Statement::Query(query)] => query,
        [] => return Err(Refusal::new("the SQL is empty").instead("write one SELECT")),
        [_] => {
            return Err(Refusal::new("this statement is not a query").instead("a path only reads: write one SELECT"));
        }
        more => {
            return Err(Refusal::new(format!("{} statements where one query is expected", more.len()))
                .instead("write one SELECT; name intermediate results WITH … AS (…)"));
        }
    };
    let mut seen = std::collections::HashSet::new();
    for table in tables {
        if !seen.insert(table.name.to_lowercase()) {
            return Err(Refusal::new(format!("two inputs have the name `{}`", table.name)));
        }
    }
    let mut binder = Binder {
        sql: Sql::new(sql),
        params,
        tables,
        next: 0,
        ctes: Vec::new(),
        output: None,
        holidays: Vec::new(),
        depth: 0,
        saw_aggregate: false,
    };
    let bound = binder.query(query)?;
    let columns = binder.result_columns(query, bound.columns)?;
    Ok(Bound { rel: bound.rel, columns, holidays: binder.holidays })
}

/// The parser's message; its place, which stands at the end, becomes the refusal's.
fn does_not_parse(message: &str) -> Refusal {
    let message = message.trim_start_matches("sql parser error: ");
    let (what, place) = match message.rsplit_once(" at Line: ") {
        Some((what, place)) => (what, place.split_once(", Column: ")),
        None => (message, None),
    };
    let place = place.and_then(|(line, column)| Some((line.parse().ok()?, column.trim().parse().ok()?)));
    let refusal = |what: &str| Refusal::new(format!("the SQL does not parse: {what}"));
    match place {
        Some((line, column)) => Refusal { line, column, ..refusal(what) },
        None => refusal(message),
    }
}

/// A relation with its visible columns.
#[derive(Clone)]
struct Table {
    rel: Arc<Rel>,
    columns: Vec<Named>,
}

struct Binder<'a> {
    sql: Sql<'a>,
    params: &'a [(String, Value)],
    tables: &'a [TableSchema],
    next: Id,
    /// Names of WITH in force, innermost last.
    ctes: Vec<(String, Table)>,
    /// The output column that is being bound, for messages.
    output: Option<String>,
    holidays: Vec<(usize, usize)>,
    depth: usize,
    /// An aggregate was met outside of a grouped query: the query is one without GROUP BY.
    saw_aggregate: bool,
}

impl Binder<'_> {
    fn fresh(&mut self) -> Id {
        self.next += 1;
        self.next
    }

    fn refuse(&self, span: Span, shown: &str, what: impl Into<String>) -> Refusal {
        self.sql.refuse(span, shown, what)
    }

    fn at(&self, span: Span, shown: &str) -> At {
        At(Arc::new(self.sql.place(span, shown, self.output.clone())))
    }
}

/// The nearest of some names, when it is near.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let lower = name.to_lowercase();
    names
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

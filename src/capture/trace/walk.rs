//! Going through a parsed query: the names in it, and its subqueries.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ObjectName, ObjectNamePart, Query, Visitor};

/// The tables that are named, and what is defined in the text itself.
#[derive(Default)]
pub(super) struct Finder {
    pub(super) tables: Vec<String>,
    pub(super) defined: Vec<String>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.defined.extend(ctes.map(|cte| cte.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.push(dotted(relation));
        ControlFlow::Continue(())
    }
}

pub(super) fn last(name: &ObjectName) -> String {
    match name.0.last() {
        Some(ObjectNamePart::Identifier(part)) => part.value.clone(),
        _ => name.to_string(),
    }
}

/// `schema.table`, in lower case and without quotes.
pub(super) fn dotted(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(part) => part.value.to_lowercase(),
        other => other.to_string().to_lowercase(),
    });
    parts.collect::<Vec<_>>().join(".")
}

/// The subqueries of an expression that lie in no other one, and what is looked for in them by IN.
#[derive(Default)]
pub(super) struct Subqueries {
    depth: usize,
    tested: Vec<Expr>,
    pub(super) queries: Vec<(Option<Expr>, Query)>,
}

impl Visitor for Subqueries {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let (0, Expr::InSubquery { expr, .. }) = (self.depth, expr) {
            self.tested.push((**expr).clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.queries.push((self.tested.pop(), query.clone()));
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

//! What a query reads, and how its tables hang together: every use of a table in it, the equalities between columns of two
//! uses, and the columns that each column of its result comes from. Equalities that are not plain (`a.day = f(b.day)`) and
//! columns that are computed are left out: whoever asks finds out whether the rest is enough. Must not run anything.

mod scope;
mod walk;

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, TableWithJoins, Visit,
};
use sqlparser::dialect::{Dialect, GenericDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;

use scope::{Columns, Equal, Pair, Relation, Scopes, find, joined, qualified, rename};
use walk::{Finder, Subqueries, dotted, last};

/// Uses of tables in one query at most: a WITH that names itself many times grows without an end.
const MOST_USES: usize = 2_000;

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
    /// recon's own exact SQL.
    Exact,
}

/// What a name in FROM stands for.
#[derive(Clone, Debug)]
pub enum Named {
    /// A table, collection or file, by a name that the caller knows it by.
    Table {
        /// That name.
        id: String,
        /// Its columns; empty: not known, any name may be one.
        columns: Vec<String>,
    },
    /// An input that is a query itself.
    Query {
        /// Its text.
        sql: String,
        /// How it is read.
        language: Language,
        /// What the names in it stand for.
        names: HashMap<String, Named>,
    },
}

/// A column of one use of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The use.
    pub usage: usize,
    /// The column.
    pub column: String,
}

/// Two uses whose rows belong together when all of these columns are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// One use and the other.
    pub between: (usize, usize),
    /// Their columns.
    pub pairs: Vec<(String, String)>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Every use of a table, by the table's name.
    pub uses: Vec<String>,
    /// What joins them.
    pub links: Vec<Link>,
    /// The columns of the result (in lower case) and where their values may come from.
    pub columns: Vec<(String, Vec<Origin>)>,
}

impl Trace {
    /// Where the values of a column of the result come from.
    pub fn origins(&self, column: &str) -> &[Origin] {
        let found = self.columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
        found.map_or(&[], |(_, origins)| origins)
    }
}

/// Reads a query. `names` gives what its tables stand for, by their names in lower case.
///
/// # Errors
/// The text cannot be read as a query, or names a table that is not known.
pub fn trace(sql: &str, language: Language, names: &HashMap<String, Named>) -> Result<Trace, String> {
    let mut tracer = Tracer::default();
    let columns = tracer.text(sql, language, names)?;
    let columns = columns.into_iter().map(|(name, origins)| (name.to_lowercase(), origins)).collect();
    let mut links: Vec<Link> = Vec::new();
    for (between, mut pairs) in tracer.links {
        pairs.sort();
        pairs.dedup();
        let link = Link { between, pairs };
        if !links.contains(&link) {
            links.push(link);
        }
    }
    Ok(Trace { uses: tracer.uses, links, columns })
}

/// The tables that a query names, in lower case and without what is defined in it.
///
/// # Errors
/// The text cannot be read as a query.
pub fn tables(sql: &str, language: Language) -> Result<Vec<String>, String> {
    let query = parsed(sql, language)?;
    let mut finder = Finder::default();
    let _ = query.visit(&mut finder);
    let mut names: Vec<String> = finder.tables.into_iter().filter(|name| !finder.defined.contains(name)).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn parsed(sql: &str, language: Language) -> Result<Box<Query>, String> {
    let dialect: &dyn Dialect = match language {
        Language::MySql => &MySqlDialect {},
        Language::Postgres => &PostgreSqlDialect {},
        Language::Sqlite => &SQLiteDialect {},
        Language::Exact => &GenericDialect,
    };
    let first =
        Parser::parse_sql(dialect, sql).or_else(|error| Parser::parse_sql(&GenericDialect, sql).map_err(|_| error));
    match first.map_err(|error| error.to_string())?.into_iter().next() {
        Some(Statement::Query(query)) => Ok(query),
        _ => Err("it is no query".to_owned()),
    }
}

/// A definition of WITH: its query, the names that it gives its columns, and what names stand for in it.
type Definition<'a> = (Rc<Query>, Vec<String>, Rc<Names<'a>>);

/// What names stand for at some place of a query: definitions of WITH, then what the caller gave.
struct Names<'a> {
    defined: HashMap<String, Definition<'a>>,
    /// A definition that names itself: inside it its rows are its own.
    itself: Option<String>,
    outer: Option<Rc<Names<'a>>>,
    given: &'a HashMap<String, Named>,
}

/// Two uses of tables.
type Between = (usize, usize);

#[derive(Default)]
struct Tracer {
    uses: Vec<String>,
    links: Vec<(Between, Vec<(String, String)>)>,
}

impl Tracer {
    fn text(&mut self, sql: &str, language: Language, names: &HashMap<String, Named>) -> Result<Columns, String> {
        let query = parsed(sql, language)?;
        let names = Rc::new(Names { defined: HashMap::new(), itself: None, outer: None, given: names });
        self.query(&query, &names, &[])
    }

    fn query<'a>(&mut self, query: &Query, names: &Rc<Names<'a>>, outer: &Scopes<'_>) -> Result<Columns, String> {
        let mut names = Rc::clone(names);
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = cte.alias.columns.iter().map(|column| column.name.value.clone()).collect();
            let name = cte.alias.name.value.to_lowercase();
            let itself = query.with.as_ref().filter(|with| with.recursive).map(|_| name.clone());
            let given = names.given;
            let outside = Names { defined: HashMap::new(), itself, outer: Some(Rc::clone(&names)), given };
            let definition = (Rc::new((*cte.query).clone()), columns, Rc::new(outside));
            let defined = HashMap::from([(name, definition)]);
            let inner = Names { defined, itself: None, outer: Some(names), given };
            names = Rc::new(inner);
        }
        self.body(&query.body, &names, outer)
    }

    fn body<'a>(&mut self, body: &SetExpr, names: &Rc<Names<'a>>, outer: &Scopes<'_>) -> Result<Columns, String> {
        match body {
            SetExpr::Select(select) => self.select(select, names, outer),
            SetExpr::Query(query) => self.query(query, names, outer),
            SetExpr::SetOperation { left, right, .. } => {
                let mut columns = self.body(left, names, outer)?;
                for ((_, origins), (_, more)) in columns.iter_mut().zip(self.body(right, names, outer)?) {
                    origins.extend(more);
                }
                Ok(columns)
            }
            _ => Ok(Vec::new()),
        }
    }

    fn select<'a>(&mut self, select: &Select, names: &Rc<Names<'a>>, outer: &Scopes<'_>) -> Result<Columns, String> {
        let mut relations: Vec<Relation> = Vec::new();
        let mut conditions: Vec<Expr> = Vec::new();
        for from in &select.from {
            self.from(from, names, outer, &mut relations, &mut conditions)?;
        }
        conditions.extend(select.selection.clone());
        conditions.extend(select.having.clone());
        let mut scopes: Vec<&[Relation]> = outer.to_vec();
        scopes.push(&relations);
        let mut found = Equal::default();
        for condition in &conditions {
            self.condition(condition, names, &scopes, &mut found)?;
        }
        self.link(&found.always);
        let known: BTreeSet<(usize, usize)> = joined(&found.always).into_keys().collect();
        for way in &found.either {
            // What is equal in any case leads to fewer rows.
            let links = joined(way).into_iter().filter(|(between, _)| !known.contains(between));
            self.links.extend(links);
        }
        let mut columns: Columns = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = match expr {
                        Expr::Identifier(name) => name.value.clone(),
                        Expr::CompoundIdentifier(parts) => {
                            parts.last().map_or_else(String::new, |part| part.value.clone())
                        }
                        other => other.to_string(),
                    };
                    columns.push((name, self.value(expr, &scopes)));
                    self.below(expr, names, &scopes)?;
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    columns.push((alias.value.clone(), self.value(expr, &scopes)));
                    self.below(expr, names, &scopes)?;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = last(name);
                    let meant = relations.iter().filter(|relation| relation.name.eq_ignore_ascii_case(&name));
                    columns.extend(meant.flat_map(|relation| relation.columns.clone()));
                }
                SelectItem::Wildcard(_) => {
                    columns.extend(relations.iter().flat_map(|relation| relation.columns.clone()))
                }
                _ => columns.push((String::new(), Vec::new())),
            }
        }
        Ok(columns)
    }

    fn from<'a>(
        &mut self,
        from: &TableWithJoins,
        names: &Rc<Names<'a>>,
        outer: &Scopes<'_>,
        relations: &mut Vec<Relation>,
        conditions: &mut Vec<Expr>,
    ) -> Result<(), String> {
        self.factor(&from.relation, names, outer, relations, conditions)?;
        for Join { relation, join_operator, .. } in &from.joins {
            let before = relations.len();
            self.factor(relation, names, outer, relations, conditions)?;
            let constraint = match join_operator {
                JoinOperator::Join(on)
                | JoinOperator::Inner(on)
                | JoinOperator::Left(on)
                | JoinOperator::LeftOuter(on)
                | JoinOperator::Right(on)
                | JoinOperator::RightOuter(on)
                | JoinOperator::FullOuter(on)
                | JoinOperator::CrossJoin(on)
                | JoinOperator::Semi(on)
                | JoinOperator::LeftSemi(on)
                | JoinOperator::RightSemi(on)
                | JoinOperator::Anti(on)
                | JoinOperator::LeftAnti(on)
                | JoinOperator::RightAnti(on)
                | JoinOperator::StraightJoin(on) => Some(on),
                _ => None,
            };
            match constraint {
                Some(JoinConstraint::On(condition)) => conditions.push(condition.clone()),
                Some(JoinConstraint::Using(columns)) => {
                    let columns: Vec<String> = columns.iter().map(last).collect();
                    self.shared(relations, before, &columns);
                }
                Some(JoinConstraint::Natural) => {
                    let known = |relation: &Relation| relation.columns.iter().map(|(name, _)| name.clone()).collect();
                    let columns: Vec<String> = relations.get(before).map(known).unwrap_or_default();
                    self.shared(relations, before, &columns);
                }
                Some(JoinConstraint::None) | None => {}
            }
        }
        Ok(())
    }

    /// USING and NATURAL: columns of one name on both sides are equal.
    fn shared(&mut self, relations: &[Relation], before: usize, columns: &[String]) {
        let (left, right) = relations.split_at(before.min(relations.len()));
        let pair = |name: &String| {
            let (one, other) = (find(left, name), find(right, name));
            (!one.is_empty() && !other.is_empty()).then_some((one, other))
        };
        let equal: Vec<_> = columns.iter().filter_map(pair).collect();
        self.link(&equal);
    }

    fn factor<'a>(
        &mut self,
        factor: &TableFactor,
        names: &Rc<Names<'a>>,
        outer: &Scopes<'_>,
        relations: &mut Vec<Relation>,
        conditions: &mut Vec<Expr>,
    ) -> Result<(), String> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let (mut columns, open) = self.named(name, names)?;
                let own = alias.as_ref().map_or_else(|| last(name), |alias| alias.name.value.clone());
                rename(&mut columns, alias.as_ref());
                relations.push(Relation { name: own, columns, open });
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let mut scopes: Vec<&[Relation]> = outer.to_vec();
                let beside = relations.clone();
                if *lateral {
                    scopes.push(&beside);
                }
                let mut columns = self.query(subquery, names, &scopes)?;
                rename(&mut columns, alias.as_ref());
                let name = alias.as_ref().map_or_else(String::new, |alias| alias.name.value.clone());
                relations.push(Relation { name, columns, open: None });
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.from(table_with_joins, names, outer, relations, conditions)?;
            }
            // A function's rows come from no table.
            _ => {}
        }
        Ok(())
    }

    /// What a name in FROM stands for, traced anew for each place that names it.
    fn named<'a>(&mut self, name: &ObjectName, names: &Rc<Names<'a>>) -> Result<(Columns, Option<usize>), String> {
        let (whole, plain) = (dotted(name), last(name).to_lowercase());
        let mut place = Some(names);
        while let Some(names) = place {
            if names.itself.as_ref() == Some(&plain) {
                return Ok((Vec::new(), None));
            }
            if let Some((query, renamed, outside)) = names.defined.get(&plain) {
                let mut columns = self.query(query, outside, &[])?;
                for ((name, _), new) in columns.iter_mut().zip(renamed) {
                    name.clone_from(new);
                }
                return Ok((columns, None));
            }
            place = names.outer.as_ref();
        }
        match names.given.get(&whole).or_else(|| names.given.get(&plain)) {
            Some(Named::Table { id, columns }) => {
                if self.uses.len() >= MOST_USES {
                    return Err(format!("it uses tables more than {MOST_USES} times"));
                }
                let usage = self.uses.len();
                self.uses.push(id.clone());
                let origin = |column: &String| (column.clone(), vec![Origin { usage, column: column.clone() }]);
                Ok((columns.iter().map(origin).collect(), columns.is_empty().then_some(usage)))
            }
            Some(Named::Query { sql, language, names }) => Ok((self.text(sql, *language, names)?, None)),
            None => Err(format!("it names `{whole}`, which is no table that is known")),
        }
    }

    /// Takes a condition apart where AND joins its parts; what is equal in it goes to `found`.
    fn condition<'a>(
        &mut self,
        condition: &Expr,
        names: &Rc<Names<'a>>,
        scopes: &Scopes<'_>,
        found: &mut Equal,
    ) -> Result<(), String> {
        match condition {
            Expr::Nested(inner) => self.condition(inner, names, scopes, found),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.condition(left, names, scopes, found)?;
                self.condition(right, names, scopes, found)
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                let (one, other) = (self.value(left, scopes), self.value(right, scopes));
                if !one.is_empty() && !other.is_empty() {
                    found.always.push((one, other));
                }
                self.below(condition, names, scopes)
            }
            // Either may hold: each is a way of its own from one table to the other.
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                for side in [left, right] {
                    let mut own = Equal::default();
                    self.condition(side, names, scopes, &mut own)?;
                    found.either.push(own.always);
                    found.either.extend(own.either);
                }
                Ok(())
            }
            other => self.below(other, names, scopes),
        }
    }

    /// Subqueries inside an expression.
    fn below<'a>(&mut self, expr: &Expr, names: &Rc<Names<'a>>, scopes: &Scopes<'_>) -> Result<(), String> {
        let mut found = Subqueries::default();
        let _ = expr.visit(&mut found);
        for (tested, query) in found.queries {
            let columns = self.query(&query, names, scopes)?;
            let tested = tested.map(|tested| self.value(&tested, scopes)).unwrap_or_default();
            if let (false, [(_, origins)]) = (tested.is_empty(), columns.as_slice()) {
                self.link(&[(tested, origins.clone())]);
            }
        }
        Ok(())
    }

    /// Where the value of an expression comes from, where it is a column's as it is.
    fn value(&self, expr: &Expr, scopes: &Scopes<'_>) -> Vec<Origin> {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::Collate { expr: inner, .. } => {
                self.value(inner, scopes)
            }
            Expr::Identifier(name) => scopes
                .iter()
                .rev()
                .map(|relations| find(relations, &name.value))
                .find(|found| !found.is_empty())
                .unwrap_or_default(),
            Expr::CompoundIdentifier(parts) => {
                let [.., table, column] = parts.as_slice() else { return Vec::new() };
                qualified(scopes, table, column)
            }
            Expr::Function(function) => {
                // COALESCE gives one of its values, MIN and MAX one of a group's.
                let name = last(&function.name).to_lowercase();
                if !["coalesce", "ifnull", "min", "max", "nullif", "any_value"].contains(&name.as_str()) {
                    return Vec::new();
                }
                let sqlparser::ast::FunctionArguments::List(list) = &function.args else { return Vec::new() };
                let mut origins = Vec::new();
                for argument in &list.args {
                    if let sqlparser::ast::FunctionArg::Unnamed(sqlparser::ast::FunctionArgExpr::Expr(expr)) = argument
                    {
                        origins.extend(self.value(expr, scopes));
                    }
                }
                origins
            }
            _ => Vec::new(),
        }
    }

    /// Columns that are equal, together: one link for each two uses that they join.
    fn link(&mut self, equal: &[Pair]) {
        self.links.extend(joined(equal));
    }
}

#[cfg(test)]
mod tests;

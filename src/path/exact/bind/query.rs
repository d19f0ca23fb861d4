//! Queries: WITH, SELECT, UNION, ORDER BY, LIMIT.

use std::sync::Arc;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderBy, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetOperator, SetQuantifier, Spanned, Value as SqlValue, WildcardAdditionalOptions,
};

use super::super::plan::{Id, JoinKind, Node, Rel, Typed};
use super::super::refusal::Refusal;
use super::super::types::Ty;
use super::aggregate::Grouped;
use super::from::conjuncts;
use super::number::Operand;
use super::scope::{Named, Scope, same_name};
use super::{Binder, Table};

/// One result column of a SELECT before it has an id.
struct Item {
    name: Option<String>,
    value: Operand,
}

impl Binder<'_> {
    pub(super) fn query(&mut self, query: &Query) -> Result<Table, Refusal> {
        let span = query.span();
        if query.fetch.is_some()
            || !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            return Err(self
                .refuse(span, &query.to_string(), "FETCH, FOR, SETTINGS, FORMAT and pipes are not supported")
                .instead("write SELECT … FROM … [WHERE …] [GROUP BY …] [ORDER BY …] [LIMIT n]"));
        }
        let outer = self.ctes.len();
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(self.refuse(with.span(), "WITH RECURSIVE", "a recursive query is not supported"));
            }
            for cte in &with.cte_tables {
                if self.ctes[outer..].iter().any(|(known, _)| same_name(&cte.alias.name, known)) {
                    return Err(self.refuse(
                        cte.alias.name.span,
                        &cte.alias.name.value,
                        format!("WITH names `{}` twice", cte.alias.name.value),
                    ));
                }
                let table = self.query(&cte.query)?;
                let table = self.aliased(table, &cte.alias.name, Some(&cte.alias))?;
                self.ctes.push((cte.alias.name.value.clone(), table));
            }
        }
        let mut table = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, query.order_by.as_ref())?,
            body => {
                let table = self.set_expression(body)?;
                match &query.order_by {
                    Some(order) => self.order_by_outputs(table, order)?,
                    None => table,
                }
            }
        };
        if let Some(limit) = &query.limit_clause {
            table = self.limit(table, limit, query)?;
        }
        self.ctes.truncate(outer);
        Ok(table)
    }

    fn set_expression(&mut self, body: &SetExpr) -> Result<Table, Refusal> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } => {
                let all = match set_quantifier {
                    SetQuantifier::All => true,
                    SetQuantifier::None | SetQuantifier::Distinct => false,
                    _ => {
                        return Err(self
                            .refuse(body.span(), &set_quantifier.to_string(), "UNION BY NAME is not supported")
                            .instead("write UNION ALL with the columns in one order"));
                    }
                };
                let (a, b) = (self.set_expression(left)?, self.set_expression(right)?);
                let union = self.union(a, b, right)?;
                if all { Ok(union) } else { self.distinct(union, body) }
            }
            SetExpr::SetOperation { .. } => Err(self
                .refuse(body.span(), "", "EXCEPT and INTERSECT are not supported")
                .instead("write LEFT ANTI JOIN or LEFT SEMI JOIN")),
            _ => Err(self.refuse(body.span(), &body.to_string(), "this is not a SELECT").instead("write SELECT …")),
        }
    }

    fn union(&mut self, left: Table, right: Table, place: &SetExpr) -> Result<Table, Refusal> {
        if left.columns.len() != right.columns.len() {
            return Err(self
                .refuse(
                    place.span(),
                    "",
                    format!("UNION of {} and {} columns", left.columns.len(), right.columns.len()),
                )
                .instead("select the same number of columns on both sides, in one order"));
        }
        let (mut lefts, mut rights, mut columns, mut ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (a, b) in left.columns.iter().zip(&right.columns) {
            let operand = |column: &Named| Operand {
                value: Typed::column(column.id, column.ty.clone()),
                span: place.span(),
                shown: column.name.clone().or_else(|| a.name.clone()).unwrap_or_default(),
            };
            let (values, ty) = self.unify(vec![operand(a), operand(b)])?;
            let mut values = values.into_iter();
            for side in [&mut lefts, &mut rights] {
                let value = values.next().unwrap_or_else(|| Typed::null(ty.clone()));
                side.push((self.fresh(), value));
            }
            let id = self.fresh();
            ids.push(id);
            columns.push(Named {
                id,
                ty,
                qualifier: None,
                name: a.name.clone(),
                hidden: false,
                written: a.written.clone(),
            });
        }
        let side = |input: Arc<Rel>, columns: Vec<(Id, Typed)>| {
            let ids = columns.iter().map(|(id, _)| *id).collect();
            (Arc::new(Rel::Project { input, columns }), ids)
        };
        let inputs = vec![side(left.rel, lefts), side(right.rel, rights)];
        Ok(Table { rel: Arc::new(Rel::Union { inputs, columns: ids }), columns })
    }

    fn distinct(&self, table: Table, place: &impl Spanned) -> Result<Table, Refusal> {
        for column in &table.columns {
            if let Ty::Barred(name) = &column.ty {
                return Err(self.barred(place.span(), column.name.as_deref().unwrap_or(""), name));
            }
        }
        let columns = table.columns.iter().map(|c| (c.id, c.ty.clone())).collect();
        Ok(Table { rel: Arc::new(Rel::Distinct { input: table.rel, columns }), columns: table.columns })
    }

    fn select(&mut self, select: &Select, order: Option<&OrderBy>) -> Result<Table, Refusal> {
        self.plain_select(select)?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => {
                return Err(self
                    .refuse(select.span(), "DISTINCT ON", "DISTINCT ON keeps whichever row comes first")
                    .instead("say which: GROUP BY the key with MIN or MAX, or join on the latest date"));
            }
        };
        let mut table = self.from(&select.from)?;
        if let Some(condition) = &select.selection {
            table = self.filter(table, condition)?;
        }
        let keys = self.group_keys(select, &table)?;
        let order = self.order_items(order)?;
        let mut grouped = match (&keys, &select.having) {
            (None, None) => None,
            (keys, _) => Some(Grouped { keys: keys.clone().unwrap_or_default(), aggregates: Vec::new() }),
        };
        self.saw_aggregate = false;
        let items = match self.items(select, &table.columns, grouped.as_mut()) {
            Err(_) if grouped.is_none() && self.saw_aggregate => {
                let group = grouped.insert(Grouped::default());
                self.items(select, &table.columns, Some(group))?
            }
            items => items?,
        };
        let having = match &select.having {
            Some(condition) => {
                Some(self.condition(condition, &mut Scope { columns: &table.columns, grouped: grouped.as_mut() })?)
            }
            None => None,
        };
        let named: Vec<Named> = items
            .iter()
            .map(|item| Named {
                qualifier: None,
                name: item.name.clone(),
                id: self.fresh(),
                ty: item.value.value.ty.clone(),
                hidden: false,
                written: Some((item.value.span, item.value.shown.clone())),
            })
            .collect();
        // ORDER BY takes outputs where it can; anything else is sorted by before the outputs are made.
        let mut after = Vec::new();
        let mut before = Vec::new();
        for item in &order {
            let output = self.output_of(item, &named)?;
            let value = match output {
                Some(index) => {
                    let column = Typed::column(named[index].id, named[index].ty.clone());
                    after.push(self.sort_key(item, column)?);
                    items[index].value.value.clone()
                }
                None => {
                    if distinct {
                        return Err(self
                            .refuse(
                                item.expr.span(),
                                &item.expr.to_string(),
                                "ORDER BY of a SELECT DISTINCT must name an output",
                            )
                            .instead("select the column, or sort in an outer query"));
                    }
                    self.expression(&item.expr, &mut Scope { columns: &table.columns, grouped: grouped.as_mut() })?
                }
            };
            before.push(self.sort_key(item, value)?);
        }
        let mut rel = table.rel;
        if let Some(Grouped { keys, aggregates }) = grouped {
            rel = Arc::new(Rel::Aggregate { input: rel, keys, aggregates });
        }
        if let Some(condition) = having {
            rel = Arc::new(Rel::Filter { input: rel, condition });
        }
        let all_outputs = after.len() == order.len();
        if !order.is_empty() && !all_outputs {
            rel = Arc::new(Rel::Sort { input: rel, by: before });
        }
        let columns = named.iter().zip(items).map(|(column, item)| (column.id, item.value.value)).collect();
        rel = Arc::new(Rel::Project { input: rel, columns });
        let mut result = Table { rel, columns: named };
        if distinct {
            result = self.distinct(result, select)?;
        }
        if !order.is_empty() && all_outputs {
            result.rel = Arc::new(Rel::Sort { input: result.rel, by: after });
        }
        Ok(result)
    }

    /// Refuses every clause of SELECT that is not handled.
    fn plain_select(&self, select: &Select) -> Result<(), Refusal> {
        let odd = [
            (!select.optimizer_hints.is_empty(), "hints"),
            (select.select_modifiers.is_some(), "modifiers of SELECT"),
            (select.top.is_some(), "TOP"),
            (select.exclude.is_some(), "EXCLUDE"),
            (select.into.is_some(), "INTO"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (!select.cluster_by.is_empty(), "CLUSTER BY"),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!select.sort_by.is_empty(), "SORT BY"),
            (!select.named_window.is_empty(), "WINDOW"),
            (select.qualify.is_some(), "QUALIFY"),
            (select.value_table_mode.is_some(), "AS STRUCT or AS VALUE"),
        ];
        match odd.iter().find(|(used, _)| *used) {
            Some((_, name)) => Err(self
                .refuse(select.span(), name, format!("{name} is not supported"))
                .instead("write SELECT … FROM … [WHERE …] [GROUP BY …] [HAVING …] [ORDER BY …] [LIMIT n]")),
            None => Ok(()),
        }
    }

    /// WHERE: conditions, and `x IN (SELECT …)` as a semi join.
    fn filter(&mut self, mut table: Table, condition: &Expr) -> Result<Table, Refusal> {
        let mut plain: Option<Typed> = None;
        let mut memberships = Vec::new();
        for part in conjuncts(condition) {
            if let Expr::InSubquery { expr, subquery, negated } = part {
                if *negated {
                    return Err(self
                        .refuse(
                            part.span(),
                            &part.to_string(),
                            "NOT IN (SELECT …) is never true when the list holds a NULL",
                        )
                        .instead("write LEFT ANTI JOIN … ON …"));
                }
                memberships.push((expr, subquery));
                continue;
            }
            let bound = self.condition(part, &mut Scope::plain(&table.columns))?;
            plain = Some(match plain {
                Some(so_far) => Typed::truth(Node::And(Box::new(so_far), Box::new(bound))),
                None => bound,
            });
        }
        if let Some(condition) = plain {
            table.rel = Arc::new(Rel::Filter { input: table.rel, condition });
        }
        for (expr, subquery) in memberships {
            let wanted = self.operand(expr, &mut Scope::plain(&table.columns))?;
            let members = self.query(subquery)?;
            let [member] = members.columns.as_slice() else {
                return Err(self.refuse(
                    subquery.span(),
                    &subquery.to_string(),
                    "the query of IN must have one column",
                ));
            };
            let member = Operand {
                value: Typed::column(member.id, member.ty.clone()),
                span: subquery.span(),
                shown: subquery.to_string(),
            };
            let keys = vec![self.key_pair(wanted, member)?];
            table.rel = Arc::new(Rel::Join { left: table.rel, right: members.rel, kind: JoinKind::Semi, keys });
        }
        Ok(table)
    }

    /// The keys of GROUP BY; `None` when there is no such clause.
    fn group_keys(&mut self, select: &Select, table: &Table) -> Result<Option<Vec<(Id, Typed)>>, Refusal> {
        let (exprs, modifiers) = match &select.group_by {
            GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
            GroupByExpr::All(_) => {
                return Err(self
                    .refuse(select.span(), "GROUP BY ALL", "GROUP BY ALL is not supported")
                    .instead("name the keys"));
            }
        };
        if !modifiers.is_empty() {
            return Err(self
                .refuse(select.span(), "GROUP BY", "ROLLUP, CUBE and TOTALS are not supported")
                .instead("write one query per level, joined by UNION ALL"));
        }
        if exprs.is_empty() {
            return Ok(None);
        }
        let mut keys: Vec<(Id, Typed)> = Vec::new();
        for expr in exprs {
            let target = self.group_target(expr, select, table)?;
            let operand = self.operand(target, &mut Scope::plain(&table.columns))?;
            if let Ty::Barred(name) = &operand.value.ty {
                return Err(self.barred(operand.span, &operand.shown, name));
            }
            // A column that is NULL in every row is a key like any other.
            let value = operand.value;
            if !keys.iter().any(|(_, known)| *known == value) {
                keys.push((self.fresh(), value));
            }
        }
        Ok(Some(keys))
    }

    /// What a GROUP BY item means: an ordinal, a column of FROM, or else the name of an output.
    fn group_target<'e>(&self, expr: &'e Expr, select: &'e Select, table: &Table) -> Result<&'e Expr, Refusal> {
        let output = |item: &'e SelectItem| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        };
        if let Expr::Value(value) = expr {
            let SqlValue::Number(text, _) = &value.value else {
                return Err(self.refuse(expr.span(), &expr.to_string(), "a key must depend on the row"));
            };
            let position: usize = text.to_string().parse().unwrap_or(0);
            return position.checked_sub(1).and_then(|at| select.projection.get(at)).and_then(output).ok_or_else(
                || self.refuse(expr.span(), &expr.to_string(), format!("there is no output number {position}")),
            );
        }
        if let Expr::Identifier(name) = expr
            && self.column(std::slice::from_ref(name), &table.columns).is_err()
        {
            let aliased = select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if same_name(name, &alias.value) => Some(expr),
                _ => None,
            });
            return Ok(aliased.unwrap_or(expr));
        }
        Ok(expr)
    }

    fn items(
        &mut self,
        select: &Select,
        columns: &[Named],
        mut grouped: Option<&mut Grouped>,
    ) -> Result<Vec<Item>, Refusal> {
        let mut items = Vec::new();
        for item in &select.projection {
            let (expr, alias) = match item {
                SelectItem::UnnamedExpr(expr) => (expr, None),
                SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.value.clone())),
                SelectItem::Wildcard(options) => {
                    self.plain_wildcard(options, item, grouped.is_some())?;
                    items.extend(columns.iter().filter(|c| !c.hidden).map(|c| star(c, item)));
                    continue;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    self.plain_wildcard(options, item, grouped.is_some())?;
                    let written = sqlparser::ast::Ident::new(name.to_string());
                    let before = items.len();
                    let of_table = |c: &&Named| c.qualifier.as_deref().is_some_and(|q| same_name(&written, q));
                    items.extend(columns.iter().filter(of_table).map(|c| star(c, item)));
                    if items.len() == before {
                        return Err(self.refuse(
                            item.span(),
                            &item.to_string(),
                            format!("there is no table `{name}` in this FROM"),
                        ));
                    }
                    continue;
                }
                _ => {
                    return Err(self.refuse(item.span(), &item.to_string(), "this form of an output is not supported"));
                }
            };
            let name = alias.or_else(|| plain_name(expr));
            self.output.clone_from(&name);
            let value = self.operand(expr, &mut Scope { columns, grouped: grouped.as_deref_mut() });
            self.output = None;
            items.push(Item { name, value: value? });
        }
        Ok(items)
    }

    fn plain_wildcard(
        &self,
        options: &WildcardAdditionalOptions,
        item: &SelectItem,
        grouped: bool,
    ) -> Result<(), Refusal> {
        let plain = options.opt_ilike.is_none()
            && options.opt_exclude.is_none()
            && options.opt_except.is_none()
            && options.opt_replace.is_none()
            && options.opt_rename.is_none()
            && options.opt_alias.is_none();
        if !plain {
            return Err(self
                .refuse(item.span(), &item.to_string(), "options of * are not supported")
                .instead("name the columns"));
        }
        if grouped {
            return Err(self
                .refuse(item.span(), &item.to_string(), "* in a grouped query")
                .instead("name the keys and aggregates"));
        }
        Ok(())
    }

    /// The columns of the result: each with a name of its own, none a float.
    pub(super) fn result_columns(&self, query: &Query, columns: Vec<Named>) -> Result<Vec<(String, Id, Ty)>, Refusal> {
        let mut result: Vec<(String, Id, Ty)> = Vec::with_capacity(columns.len());
        for (index, column) in columns.into_iter().filter(|c| !c.hidden).enumerate() {
            let (span, shown) = column.written.unwrap_or_else(|| (query.span(), String::new()));
            let Some(name) = column.name else {
                return Err(self
                    .refuse(span, &shown, format!("result column {} has no name", index + 1))
                    .instead("write expression AS name"));
            };
            if result.iter().any(|(known, ..)| *known == name) {
                return Err(self
                    .refuse(span, &shown, format!("two result columns have the name `{name}`"))
                    .instead("name one of them otherwise: expression AS name"));
            }
            if let Ty::Barred(kind) = &column.ty {
                return Err(self.barred(span, if shown.is_empty() { &name } else { &shown }, kind));
            }
            result.push((name, column.id, column.ty));
        }
        Ok(result)
    }
}

fn star(column: &Named, item: &SelectItem) -> Item {
    let value = Operand {
        value: Typed::column(column.id, column.ty.clone()),
        span: item.span(),
        shown: column.name.clone().unwrap_or_default(),
    };
    Item { name: column.name.clone(), value }
}

/// The name that an expression has without AS: a column keeps its own.
fn plain_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
        Expr::Nested(inner) => plain_name(inner),
        _ => None,
    }
}

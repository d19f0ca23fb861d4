//! ORDER BY and LIMIT: what is sorted by, and how many rows are wanted.

use std::sync::Arc;

use sqlparser::ast::{Expr, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Spanned};

use super::super::plan::{Literal, Rel, SortKey, Typed};
use super::super::refusal::Refusal;
use super::super::types::Ty;
use super::aggregate::typed_null;
use super::scope::{Named, Scope, same_name};
use super::{Binder, Table};

impl Binder<'_> {
    pub(super) fn order_items<'e>(&self, order: Option<&'e OrderBy>) -> Result<Vec<&'e OrderByExpr>, Refusal> {
        let Some(order) = order else { return Ok(Vec::new()) };
        match (&order.kind, &order.interpolate) {
            (OrderByKind::Expressions(items), None) if items.iter().all(|item| item.with_fill.is_none()) => {
                Ok(items.iter().collect())
            }
            _ => Err(self
                .refuse(order.span(), &order.to_string(), "this form of ORDER BY is not supported")
                .instead("name the keys")),
        }
    }

    /// The output that an ORDER BY item names, by ordinal or name.
    pub(super) fn output_of(&self, item: &OrderByExpr, outputs: &[Named]) -> Result<Option<usize>, Refusal> {
        match &item.expr {
            Expr::Value(value) => {
                let position: usize = value.to_string().parse().unwrap_or(0);
                match position.checked_sub(1).filter(|at| *at < outputs.len()) {
                    Some(at) => Ok(Some(at)),
                    None => Err(self.refuse(value.span, &value.to_string(), "there is no such output to sort by")),
                }
            }
            Expr::Identifier(name) => {
                let mut found = outputs
                    .iter()
                    .enumerate()
                    .filter(|(_, c)| c.name.as_deref().is_some_and(|known| same_name(name, known)))
                    .map(|(index, _)| index);
                let first = found.next();
                if found.next().is_some() {
                    return Err(self.refuse(
                        name.span,
                        &name.value,
                        format!("two outputs have the name `{}`", name.value),
                    ));
                }
                Ok(first)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn sort_key(&self, item: &OrderByExpr, value: Typed) -> Result<SortKey, Refusal> {
        if let Ty::Barred(name) = &value.ty {
            return Err(self.barred(item.expr.span(), &item.expr.to_string(), name));
        }
        let descending = item.options.asc == Some(false);
        // As PostgreSQL does: NULL counts as greater than everything.
        let nulls_last = item.options.nulls_first.map_or(!descending, |first| !first);
        Ok(SortKey { value: typed_null(value), descending, nulls_last })
    }

    pub(super) fn order_by_outputs(&mut self, mut table: Table, order: &OrderBy) -> Result<Table, Refusal> {
        let mut by = Vec::new();
        for item in self.order_items(Some(order))? {
            let value = match self.output_of(item, &table.columns)? {
                Some(index) => Typed::column(table.columns[index].id, table.columns[index].ty.clone()),
                None => self.expression(&item.expr, &mut Scope::plain(&table.columns))?,
            };
            by.push(self.sort_key(item, value)?);
        }
        table.rel = Arc::new(Rel::Sort { input: table.rel, by });
        Ok(table)
    }

    pub(super) fn limit(&mut self, table: Table, limit: &LimitClause, query: &Query) -> Result<Table, Refusal> {
        let (rows, offset) = match limit {
            LimitClause::LimitOffset { limit, offset, limit_by } if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            LimitClause::OffsetCommaLimit { offset, limit } => (Some(limit), Some(offset)),
            LimitClause::LimitOffset { .. } => {
                return Err(self.refuse(query.span(), "LIMIT BY", "LIMIT BY is not supported"));
            }
        };
        if query.order_by.is_none() {
            return Err(self
                .refuse(
                    rows.or(offset).map_or(query.span(), Spanned::span),
                    limit.to_string().trim(),
                    "LIMIT without ORDER BY takes any rows",
                )
                .instead("add ORDER BY with keys that decide the order"));
        }
        let mut count = |expr: Option<&Expr>| -> Result<Option<u64>, Refusal> {
            let Some(expr) = expr else { return Ok(None) };
            let bound = self.expression(expr, &mut Scope::plain(&[]))?;
            match bound.literal() {
                Some(Literal::Number(n)) if bound.ty == Ty::Integer => u64::try_from(*n)
                    .map(Some)
                    .map_err(|_| self.refuse(expr.span(), &expr.to_string(), "a count of rows cannot be negative")),
                _ => Err(self.refuse(expr.span(), &expr.to_string(), "LIMIT and OFFSET take a whole number")),
            }
        };
        let (rows, offset) = (count(rows)?, count(offset)?.unwrap_or(0));
        let rel = Arc::new(Rel::Limit { input: table.rel, offset, rows });
        Ok(Table { rel, columns: table.columns })
    }
}

//! FROM: tables, names of WITH, derived tables and joins on equality by value.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Spanned, TableAlias,
    TableFactor, TableWithJoins,
};
use sqlparser::tokenizer::Span;

use super::super::plan::{Id, JoinKind, Node, Rel, Typed};
use super::super::refusal::Refusal;
use super::super::types::Ty;
use super::aggregate::typed_null;
use super::number::Operand;
use super::scope::{Named, Scope, same_name};
use super::{Binder, Table, nearest};

/// How a join is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Inner,
    Left,
    Right,
    Full,
    Semi,
    Anti,
}

/// An ON condition taken apart.
#[derive(Default)]
struct On {
    keys: Vec<(Typed, Typed)>,
    left_only: Vec<Typed>,
    right_only: Vec<Typed>,
    both: Vec<Typed>,
}

impl Binder<'_> {
    /// The tables of a FROM, joined.
    pub(super) fn from(&mut self, from: &[TableWithJoins]) -> Result<Table, Refusal> {
        let [one] = from else {
            return match from.get(1) {
                None => Ok(Table { rel: Arc::new(Rel::One), columns: Vec::new() }),
                Some(second) => Err(self
                    .refuse(second.span(), &second.to_string(), "a comma in FROM is not supported")
                    .instead("write JOIN … ON …, or CROSS JOIN when every pair of rows is meant")),
            };
        };
        let mut table = self.relation(&one.relation)?;
        for join in &one.joins {
            table = self.join(table, join)?;
        }
        Ok(table)
    }

    fn relation(&mut self, factor: &TableFactor) -> Result<Table, Refusal> {
        let shown = factor.to_string();
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
                    return Err(self
                        .refuse(name.span(), &name.to_string(), "a table's name has one part")
                        .instead("write the input's name as it is declared"));
                };
                let table = self.table(ident, name)?;
                if let Some(alias) = alias
                    && !alias.columns.is_empty()
                    && matches!(table.rel.as_ref(), Rel::Scan { .. })
                {
                    let shown = format!("{name} {alias}");
                    return Err(self
                        .refuse(alias.span(), &shown, "an input's columns have no order to be renamed by")
                        .instead(format!("write (SELECT old AS new, … FROM {name}) AS {}", alias.name)));
                }
                self.aliased(table, alias.as_ref().map_or(ident, |a| &a.name), alias.as_ref())
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let table = self.query(subquery)?;
                match alias {
                    Some(alias) => self.aliased(table, &alias.name, Some(alias)),
                    None => Ok(table),
                }
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.from(std::slice::from_ref(table_with_joins))
            }
            other => Err(self
                .refuse(other.span(), &shown, "this form of a table is not supported")
                .instead("write the name of an input, a name of WITH, or (SELECT …) AS name")),
        }
    }

    fn table(&mut self, ident: &Ident, name: &ObjectName) -> Result<Table, Refusal> {
        if let Some((_, table)) = self.ctes.iter().rev().find(|(known, _)| same_name(ident, known)) {
            let table = table.clone();
            // Every mention has columns of its own: a name of WITH may be joined with itself.
            let mut columns = Vec::with_capacity(table.columns.len());
            let mut renamed = Vec::with_capacity(table.columns.len());
            for column in table.columns {
                let id = self.fresh();
                renamed.push((id, Typed::column(column.id, column.ty.clone())));
                columns.push(Named { id, ..column });
            }
            return Ok(Table { rel: Arc::new(Rel::Project { input: table.rel, columns: renamed }), columns });
        }
        let Some(index) = self.tables.iter().position(|t| same_name(ident, &t.name)) else {
            let refusal = self.refuse(name.span(), &name.to_string(), format!("there is no input `{}`", ident.value));
            let known: Vec<&str> =
                self.tables.iter().map(|t| t.name.as_str()).chain(self.ctes.iter().map(|(n, _)| n.as_str())).collect();
            return Err(match nearest(&ident.value, known.iter().copied()) {
                Some(near) => refusal.instead(format!("did you mean `{near}`?")),
                None if known.is_empty() => refusal,
                None => refusal.instead(format!("the inputs are: {}", known.join(", "))),
            });
        };
        let tables = self.tables;
        let mut scanned = Vec::new();
        let mut columns = Vec::new();
        for (position, (name, ty)) in tables[index].columns.iter().enumerate() {
            let id = self.fresh();
            scanned.push((position, id));
            columns.push(Named {
                qualifier: None,
                name: Some(name.clone()),
                id,
                ty: Ty::of(ty),
                hidden: false,
                written: None,
            });
        }
        Ok(Table { rel: Arc::new(Rel::Scan { table: index, columns: scanned }), columns })
    }

    /// The table under its alias, with its columns renamed when the alias says so.
    pub(super) fn aliased(&self, mut table: Table, name: &Ident, alias: Option<&TableAlias>) -> Result<Table, Refusal> {
        table.columns.retain(|column| !column.hidden);
        for column in &mut table.columns {
            column.qualifier = Some(name.value.clone());
        }
        if let Some(alias) = alias
            && !alias.columns.is_empty()
        {
            if alias.columns.len() != table.columns.len() {
                return Err(self.refuse(
                    alias.span(),
                    &alias.to_string(),
                    format!("{} names for {} columns", alias.columns.len(), table.columns.len()),
                ));
            }
            for (column, given) in table.columns.iter_mut().zip(&alias.columns) {
                column.name = Some(given.name.value.clone());
            }
        }
        Ok(table)
    }

    fn join(&mut self, left: Table, join: &Join) -> Result<Table, Refusal> {
        let right = self.relation(&join.relation)?;
        let span = join.relation.span();
        let shown = join.to_string().trim().to_owned();
        if join.global {
            return Err(self.refuse(span, &shown, "GLOBAL JOIN is not supported").instead("write JOIN"));
        }
        for name in right.columns.iter().filter_map(|c| c.qualifier.as_ref()) {
            if left.columns.iter().any(|c| c.qualifier.as_ref() == Some(name)) {
                return Err(self
                    .refuse(span, &shown, format!("two tables of this FROM have the name `{name}`"))
                    .instead(format!("give one another name: {name} AS other")));
            }
        }
        let (written, constraint) = match &join.join_operator {
            JoinOperator::CrossJoin(JoinConstraint::None) => {
                let columns = left.columns.iter().chain(&right.columns).cloned().collect();
                let rel = Rel::Join { left: left.rel, right: right.rel, kind: JoinKind::Cross, keys: Vec::new() };
                return Ok(Table { rel: Arc::new(rel), columns });
            }
            JoinOperator::Join(on) | JoinOperator::Inner(on) => (Written::Inner, on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (Written::Left, on),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => (Written::Right, on),
            JoinOperator::FullOuter(on) => (Written::Full, on),
            JoinOperator::Semi(on) | JoinOperator::LeftSemi(on) => (Written::Semi, on),
            JoinOperator::Anti(on) | JoinOperator::LeftAnti(on) => (Written::Anti, on),
            _ => {
                return Err(self.refuse(span, &shown, "this kind of join is not supported").instead(
                    "write JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN, CROSS JOIN, LEFT SEMI JOIN or LEFT ANTI JOIN",
                ));
            }
        };
        let mut hidden = BTreeSet::new();
        let on = match constraint {
            JoinConstraint::On(condition) => self.on(condition, &left, &right)?,
            JoinConstraint::Using(names) if written != Written::Full && written != Written::Right => {
                self.using(names, &left, &right, &mut hidden, span)?
            }
            JoinConstraint::Using(_) => {
                return Err(self
                    .refuse(span, &shown, "USING is not supported in a RIGHT or FULL join")
                    .instead("write ON a.key = b.key, and COALESCE(a.key, b.key) where the key is shown"));
            }
            JoinConstraint::Natural | JoinConstraint::None => {
                return Err(self
                    .refuse(span, &shown, "a join must say on what")
                    .instead("write ON a.key = b.key, or CROSS JOIN when every pair of rows is meant"));
            }
        };
        if on.keys.is_empty() {
            return Err(self
                .refuse(span, &shown, "a join needs at least one equality between both sides")
                .instead("write ON a.key = b.key AND …; or CROSS JOIN … WHERE … when every pair of rows is meant"));
        }
        let mut joined = self.joined(left, right, written, on, span, &shown)?;
        for column in &mut joined.columns {
            column.hidden |= hidden.contains(&column.id);
        }
        Ok(joined)
    }

    fn joined(
        &mut self,
        left: Table,
        right: Table,
        written: Written,
        on: On,
        span: Span,
        shown: &str,
    ) -> Result<Table, Refusal> {
        let filter = |rel: Arc<Rel>, conditions: Vec<Typed>| {
            conditions.into_iter().fold(rel, |input, condition| Arc::new(Rel::Filter { input, condition }))
        };
        let unprovable = |binder: &Self| {
            binder
                .refuse(span, shown, "in an outer, semi or anti join, ON may compare the sides only for equality")
                .instead("filter one side beforehand in WITH … AS (…), or use an inner JOIN")
        };
        let swapped = |keys: &[(Typed, Typed)]| keys.iter().map(|(l, r)| (r.clone(), l.clone())).collect::<Vec<_>>();
        let both: Vec<Named> = left.columns.iter().chain(&right.columns).cloned().collect();
        let rel = match written {
            Written::Inner => {
                let rel = Rel::Join {
                    left: filter(left.rel, on.left_only),
                    right: filter(right.rel, on.right_only),
                    kind: JoinKind::Inner,
                    keys: on.keys,
                };
                filter(Arc::new(rel), on.both)
            }
            _ if !on.both.is_empty() => return Err(unprovable(self)),
            Written::Left if on.left_only.is_empty() => Arc::new(Rel::Join {
                left: left.rel,
                right: filter(right.rel, on.right_only),
                kind: JoinKind::Left,
                keys: on.keys,
            }),
            Written::Right if on.right_only.is_empty() => Arc::new(Rel::Join {
                keys: swapped(&on.keys),
                left: right.rel,
                right: filter(left.rel, on.left_only),
                kind: JoinKind::Left,
            }),
            Written::Semi => {
                let rel = Rel::Join {
                    left: filter(left.rel, on.left_only),
                    right: filter(right.rel, on.right_only),
                    kind: JoinKind::Semi,
                    keys: on.keys,
                };
                return Ok(Table { rel: Arc::new(rel), columns: left.columns });
            }
            Written::Anti if on.left_only.is_empty() => {
                let rel = Rel::Join {
                    left: left.rel,
                    right: filter(right.rel, on.right_only),
                    kind: JoinKind::Anti,
                    keys: on.keys,
                };
                return Ok(Table { rel: Arc::new(rel), columns: left.columns });
            }
            Written::Full if on.left_only.is_empty() && on.right_only.is_empty() => {
                return Ok(self.full(left, right, both, on.keys));
            }
            _ => return Err(unprovable(self)),
        };
        Ok(Table { rel, columns: both })
    }

    /// A full join: the left join, and below it what the right side has alone.
    fn full(&mut self, left: Table, right: Table, both: Vec<Named>, keys: Vec<(Typed, Typed)>) -> Table {
        let swapped = keys.iter().map(|(l, r)| (r.clone(), l.clone())).collect();
        let matched =
            Arc::new(Rel::Join { left: left.rel.clone(), right: right.rel.clone(), kind: JoinKind::Left, keys });
        let alone = Arc::new(Rel::Join { left: right.rel, right: left.rel, kind: JoinKind::Anti, keys: swapped });
        let is_left: BTreeSet<Id> = left.columns.iter().map(|c| c.id).collect();
        let mut columns = Vec::with_capacity(both.len());
        let mut shown = Vec::with_capacity(both.len());
        let mut padded = Vec::with_capacity(both.len());
        for column in &both {
            let value = if is_left.contains(&column.id) {
                Typed::null(column.ty.clone())
            } else {
                Typed::column(column.id, column.ty.clone())
            };
            let pad = self.fresh();
            padded.push((pad, value));
            let id = self.fresh();
            columns.push(id);
            shown.push(Named { id, ..column.clone() });
        }
        let pads = padded.iter().map(|(id, _)| *id).collect();
        let alone = Arc::new(Rel::Project { input: alone, columns: padded });
        let inputs = vec![(matched, both.iter().map(|c| c.id).collect()), (alone, pads)];
        Table { rel: Arc::new(Rel::Union { inputs, columns }), columns: shown }
    }

    /// Takes an ON condition apart into equalities between the sides and the rest.
    fn on(&mut self, condition: &Expr, left: &Table, right: &Table) -> Result<On, Refusal> {
        let both: Vec<Named> = left.columns.iter().chain(&right.columns).cloned().collect();
        let is_left: BTreeSet<Id> = left.columns.iter().map(|c| c.id).collect();
        let is_right: BTreeSet<Id> = right.columns.iter().map(|c| c.id).collect();
        let reads = |value: &Typed| {
            let mut ids = BTreeSet::new();
            value.reads(&mut ids);
            ids
        };
        let mut on = On::default();
        for part in conjuncts(condition) {
            if let Expr::BinaryOp { left: a, op: BinaryOperator::Eq, right: b } = part {
                let first = self.operand(a, &mut Scope::plain(&both))?;
                let second = self.operand(b, &mut Scope::plain(&both))?;
                let (ids_a, ids_b) = (reads(&first.value), reads(&second.value));
                if !ids_a.is_empty() && !ids_b.is_empty() {
                    if ids_a.is_subset(&is_left) && ids_b.is_subset(&is_right) {
                        on.keys.push(self.key_pair(first, second)?);
                        continue;
                    }
                    if ids_a.is_subset(&is_right) && ids_b.is_subset(&is_left) {
                        on.keys.push(self.key_pair(second, first)?);
                        continue;
                    }
                }
            }
            let bound = self.condition(part, &mut Scope::plain(&both))?;
            let ids = reads(&bound);
            if ids.is_subset(&is_right) && !ids.is_empty() {
                on.right_only.push(bound);
            } else if ids.is_subset(&is_left) && !ids.is_empty() {
                on.left_only.push(bound);
            } else {
                on.both.push(bound);
            }
        }
        Ok(on)
    }

    /// Two keys in one type, equal by value.
    pub(super) fn key_pair(&self, left: Operand, right: Operand) -> Result<(Typed, Typed), Refusal> {
        let (values, _) = self.unify(vec![left, right])?;
        let mut values = values.into_iter().map(typed_null);
        let pair = (values.next(), values.next());
        let (Some(left), Some(right)) = pair else {
            return Err(Refusal::new("a join key is missing"));
        };
        Ok((left, right))
    }

    fn using(
        &mut self,
        names: &[ObjectName],
        left: &Table,
        right: &Table,
        hidden: &mut BTreeSet<Id>,
        span: Span,
    ) -> Result<On, Refusal> {
        let mut on = On::default();
        for name in names {
            let shown = name.to_string();
            let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
                return Err(self.refuse(span, &shown, "USING names columns of both sides"));
            };
            let parts = std::slice::from_ref(ident);
            let a = self.column(parts, &left.columns)?;
            let b = self.column(parts, &right.columns)?;
            if let Node::Column(id) = &b.node {
                hidden.insert(*id);
            }
            let operand = |value: Typed| Operand { value, span: ident.span, shown: shown.clone() };
            on.keys.push(self.key_pair(operand(a), operand(b))?);
        }
        Ok(on)
    }
}

/// The conditions that AND joins.
pub(super) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conjuncts(left);
            all.extend(conjuncts(right));
            all
        }
        Expr::Nested(inner) => conjuncts(inner),
        other => vec![other],
    }
}

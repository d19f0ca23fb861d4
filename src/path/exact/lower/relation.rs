//! Relations: scans, joins, groups, unions.

use std::sync::Arc;

use polars::lazy::frame::OptFlags;
use polars::prelude::*;

use super::super::kernel::Argument;
use super::super::plan::{Aggregate, AggregateKind, Id, JoinKind, Op, Rel, SortKey, Typed};
use super::super::refusal::Place;
use super::super::types::{SqlType, Ty};
use super::{Lowering, column_name};

impl Lowering<'_> {
    pub(in super::super) fn relation(&mut self, rel: &Arc<Rel>) -> PolarsResult<LazyFrame> {
        let key = Arc::as_ptr(rel);
        if let Some(done) = self.done.get(&key) {
            return Ok(done.clone());
        }
        let frame = self.relation_inside(rel)?;
        self.done.insert(key, frame.clone());
        Ok(frame)
    }

    fn relation_inside(&mut self, rel: &Rel) -> PolarsResult<LazyFrame> {
        match rel {
            Rel::Scan { table, columns } => self.scan(*table, columns),
            Rel::One => Ok(df!["one" => [true]]?.lazy()),
            Rel::Project { input, columns } => {
                let frame = self.relation(input)?;
                let wanted: Vec<&(Id, Typed)> = columns.iter().filter(|(id, _)| self.needed.contains(id)).collect();
                if wanted.is_empty() {
                    // Only the number of rows counts. The marker has a name of its own: a name of WITH may be joined
                    // with itself.
                    let marker = self.helper();
                    let frame = frame.with_columns([lit(true).alias(marker.as_str())]);
                    return Ok(frame.select([col(marker)]));
                }
                // with_columns first: it repeats a literal for every row, where select would yield one.
                let values = wanted.iter().map(|(id, value)| self.expression(value, None).alias(column_name(*id)));
                let frame = frame.with_columns(values.collect::<Vec<_>>());
                Ok(frame.select(wanted.iter().map(|(id, _)| col(column_name(*id))).collect::<Vec<_>>()))
            }
            Rel::Filter { input, condition } => {
                let frame = self.relation(input)?;
                // A condition that may fault must not see rows that an earlier filter or join takes out.
                let frame = if condition.fallible() { barrier(frame) } else { frame };
                Ok(frame.filter(self.expression(condition, None)))
            }
            Rel::Join { left, right, kind, keys } => self.join(left, right, *kind, keys),
            Rel::Aggregate { input, keys, aggregates } => self.aggregate(input, keys, aggregates),
            Rel::Union { inputs, columns } => self.union(inputs, columns),
            Rel::Distinct { input, columns } => {
                let keys: Vec<(Id, Typed)> =
                    columns.iter().map(|(id, ty)| (*id, Typed::column(*id, ty.clone()))).collect();
                self.aggregate(input, &keys, &[])
            }
            Rel::Sort { input, by } => {
                let frame = self.relation(input)?;
                Ok(self.sort(frame, by))
            }
            Rel::Limit { input, offset, rows } => {
                let frame = self.relation(input)?;
                let offset = i64::try_from(*offset).map_err(|_| polars_err!(ComputeError: "OFFSET is too large"))?;
                let rows = rows.and_then(|rows| IdxSize::try_from(rows).ok()).unwrap_or(IdxSize::MAX);
                Ok(frame.slice(offset, rows))
            }
        }
    }

    fn scan(&mut self, table: usize, columns: &[(usize, Id)]) -> PolarsResult<LazyFrame> {
        let schema = self.tables.get(table).ok_or_else(|| polars_err!(ComputeError: "no table {table}"))?;
        let frame = self
            .frames
            .get(&schema.name)
            .cloned()
            .ok_or_else(|| polars_err!(ComputeError: "the input `{}` is not given", schema.name))?;
        let mut values = Vec::new();
        for (position, id) in columns.iter().filter(|(_, id)| self.needed.contains(id)) {
            let Some((name, ty)) = schema.columns.get(*position) else {
                polars_bail!(ComputeError: "no column {position} in `{}`", schema.name);
            };
            let value = match ty {
                // Every decimal is looked at once: the proof rests on its declared digits.
                SqlType::Decimal { precision, .. } => {
                    let place =
                        Arc::new(Place { text: format!("{}.{name}", schema.name), line: 0, column: 0, output: None });
                    let (op, arguments) = (Op::Precision(*precision), vec![Argument::Input(0)]);
                    self.kernel(op, arguments, vec![col(name.as_str())], None, &Ty::of(ty), &place, Arc::default())
                }
                SqlType::Integer => col(name.as_str()).cast(DataType::Int64),
                _ => col(name.as_str()),
            };
            values.push(value.alias(column_name(*id)));
        }
        if values.is_empty() {
            // Only the number of rows counts; it needs some column.
            let Some((name, _)) = schema.columns.first() else {
                polars_bail!(ComputeError: "the input `{}` has no columns", schema.name);
            };
            values.push(col(name.as_str()).is_null().alias(self.helper()));
        }
        Ok(frame.select(values))
    }

    fn join(
        &mut self,
        left: &Arc<Rel>,
        right: &Arc<Rel>,
        kind: JoinKind,
        keys: &[(Typed, Typed)],
    ) -> PolarsResult<LazyFrame> {
        let (mut left, mut right) = (self.relation(left)?, self.relation(right)?);
        let (mut left_on, mut right_on) = (Vec::new(), Vec::new());
        let (mut left_keys, mut right_keys) = (Vec::new(), Vec::new());
        for (a, b) in keys {
            // Both sides are taken apart the same way, or equal values would not meet.
            let small = one_part(&a.ty) && one_part(&b.ty);
            let (parts_a, parts_b) = (self.key_parts(a, small), self.key_parts(b, small));
            if a.ty.dtype() != b.ty.dtype() || parts_a.len() != parts_b.len() {
                polars_bail!(ComputeError: "join keys of types {} and {}", a.ty, b.ty);
            }
            for (a, b) in parts_a.into_iter().zip(parts_b) {
                let (name_a, name_b) = (self.helper(), self.helper());
                left_keys.push(a.alias(name_a.as_str()));
                right_keys.push(b.alias(name_b.as_str()));
                left_on.push(col(name_a));
                right_on.push(col(name_b));
            }
        }
        if !keys.is_empty() {
            left = left.with_columns(left_keys);
            right = right.with_columns(right_keys);
            // NULL joins nothing. Polars joins rows whose keys are all NULL once there are four key columns, so such rows
            // are taken out before: of the right side always, of the left where the join would drop them anyway.
            right = right.filter(all_present(&right_on));
            if matches!(kind, JoinKind::Inner | JoinKind::Semi) {
                left = left.filter(all_present(&left_on));
            }
        }
        let how = match kind {
            JoinKind::Inner => JoinType::Inner,
            JoinKind::Left => JoinType::Left,
            JoinKind::Cross => JoinType::Cross,
            JoinKind::Semi => JoinType::Semi,
            JoinKind::Anti => JoinType::Anti,
        };
        let mut args = JoinArgs::new(how);
        args.coalesce = JoinCoalesce::KeepColumns;
        args.nulls_equal = false;
        Ok(left.join(right, left_on, right_on, args))
    }

    /// A value as columns that polars joins, groups and sorts by: a decimal as integers, one when its digits fit, else
    /// two halves. Polars' own keys of decimals panic in builds without 128-bit integers.
    fn key_parts(&self, key: &Typed, small: bool) -> Vec<Expr> {
        if key.ty == Ty::Null {
            // NULL in every row, whatever the column holds it as.
            return vec![Expr::Literal(LiteralValue::Scalar(Scalar::null(DataType::Int64)))];
        }
        let value = self.expression(key, None);
        if !matches!(key.ty, Ty::Decimal { .. }) {
            return vec![value];
        }
        let place = Arc::new(Place { text: "a key".into(), line: 0, column: 0, output: None });
        let ops = if small { vec![Op::ToInteger] } else { vec![Op::KeyHigh, Op::KeyLow] };
        ops.into_iter()
            .map(|op| {
                let input = vec![value.clone()];
                self.kernel(op, vec![Argument::Input(0)], input, None, &Ty::Integer, &place, Arc::default())
            })
            .collect()
    }

    /// The value that [`Self::key_parts`] took apart.
    fn key_value(&self, parts: &[String], ty: &Ty) -> Option<Expr> {
        if *ty == Ty::Null {
            return Some(Expr::Literal(LiteralValue::Scalar(Scalar::null(ty.dtype()))));
        }
        let first = col(parts.first()?.as_str());
        if !matches!(ty, Ty::Decimal { .. }) {
            return Some(first);
        }
        let place = Arc::new(Place { text: "a key".into(), line: 0, column: 0, output: None });
        let op = if parts.len() == 1 { Op::Rescale(0) } else { Op::KeyJoin };
        let arguments = (0..parts.len()).map(Argument::Input).collect();
        let inputs = parts.iter().map(|part| col(part.as_str())).collect();
        Some(self.kernel(op, arguments, inputs, None, ty, &place, Arc::default()))
    }

    fn sort(&self, frame: LazyFrame, by: &[SortKey]) -> LazyFrame {
        let (mut keys, mut descending, mut nulls_last) = (Vec::new(), Vec::new(), Vec::new());
        for key in by {
            let mut read = std::collections::BTreeSet::new();
            key.value.reads(&mut read);
            if read.is_empty() || key.value.ty == Ty::Null {
                // One value for all rows decides nothing, and polars cannot stretch it over no rows.
                continue;
            }
            for part in self.key_parts(&key.value, one_part(&key.value.ty)) {
                keys.push(part);
                descending.push(key.descending);
                nulls_last.push(key.nulls_last);
            }
        }
        if keys.is_empty() {
            return frame;
        }
        let options = SortMultipleOptions::default()
            .with_order_descending_multi(descending)
            .with_nulls_last_multi(nulls_last)
            .with_maintain_order(true);
        frame.sort_by_exprs(keys, options)
    }

    fn union(&mut self, inputs: &[(Arc<Rel>, Vec<Id>)], columns: &[Id]) -> PolarsResult<LazyFrame> {
        let helper = self.helper();
        let mut frames = Vec::with_capacity(inputs.len());
        for (input, ids) in inputs {
            let frame = self.relation(input)?;
            let mut values: Vec<Expr> = ids
                .iter()
                .zip(columns)
                .filter(|(_, id)| self.needed.contains(id))
                .map(|(from, id)| col(column_name(*from)).alias(column_name(*id)))
                .collect();
            frames.push(if values.is_empty() {
                values.push(col(helper.as_str()));
                frame.with_columns([lit(true).alias(helper.as_str())]).select(values)
            } else {
                frame.select(values)
            });
        }
        concat(frames, UnionArgs::default())
    }

    fn aggregate(
        &mut self,
        input: &Arc<Rel>,
        keys: &[(Id, Typed)],
        aggregates: &[(Id, Aggregate)],
    ) -> PolarsResult<LazyFrame> {
        let frame = self.relation(input)?;
        let rows = self.helper();
        let (mut before, mut by, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (id, key) in keys {
            let mut names = Vec::new();
            for part in self.key_parts(key, one_part(&key.ty)) {
                let name = self.helper();
                before.push(part.alias(name.as_str()));
                by.push(col(name.as_str()));
                names.push(name);
            }
            values.extend(self.key_value(&names, &key.ty).map(|value| value.alias(column_name(*id))));
        }
        // Rows are counted by a column: len() alone over a UNION is rewritten by polars into a sum of 128-bit integers,
        // which this build does not have.
        let counted = self.helper();
        before.push(lit(true).alias(counted.as_str()));
        let mut during = vec![col(counted).count().alias(rows.as_str())];
        let mut after = values;
        let mut shown: Vec<Expr> = keys.iter().map(|(id, _)| col(column_name(*id))).collect();
        for (id, aggregate) in aggregates.iter().filter(|(id, _)| self.needed.contains(id)) {
            let name = column_name(*id);
            shown.push(col(name.clone()));
            let Some(argument) = &aggregate.argument else {
                after.push(col(rows.as_str()).cast(DataType::Int64).alias(name));
                continue;
            };
            let value = self.helper();
            let mut argument_value = self.expression(argument, None);
            if let (AggregateKind::CountDistinct, Ty::Decimal { scale, .. }) = (aggregate.kind, &argument.ty) {
                let (op, input) = (Op::NumberToText(*scale), vec![argument_value]);
                let arguments = vec![Argument::Input(0)];
                argument_value = self.kernel(op, arguments, input, None, &Ty::Text, &aggregate.at.0, Arc::default());
            }
            before.push(argument_value.alias(value.as_str()));
            let value = col(value);
            match aggregate.kind {
                AggregateKind::Min => during.push(value.min().alias(name)),
                AggregateKind::Max => during.push(value.max().alias(name)),
                AggregateKind::Count => {
                    let count = self.helper();
                    during.push(value.count().alias(count.as_str()));
                    after.push(col(count).cast(DataType::Int64).alias(name));
                }
                AggregateKind::CountDistinct => {
                    // n_unique counts NULL as a value, SQL does not. Decimals are counted as their texts: all have
                    // one scale, so each has one text.
                    let (unique, count) = (self.helper(), self.helper());
                    during.push(value.clone().n_unique().alias(unique.as_str()));
                    during.push(value.count().alias(count.as_str()));
                    let null = when(col(count).lt(col(rows.as_str()))).then(lit(1i64)).otherwise(lit(0i64));
                    after.push((col(unique).cast(DataType::Int64) - null).alias(name));
                }
                AggregateKind::Sum { direct } => {
                    let count = self.helper();
                    during.push(value.clone().count().alias(count.as_str()));
                    let total = if direct {
                        let sum = self.helper();
                        during.push(value.sum().alias(sum.as_str()));
                        col(sum)
                    } else {
                        self.split_sum(&value, aggregate, &mut before, &mut during)
                    };
                    // The sum of no value is NULL in SQL, 0 in polars.
                    let null = Expr::Literal(LiteralValue::Scalar(Scalar::null(aggregate.ty.dtype())));
                    after.push(when(col(count).gt(lit(0))).then(total).otherwise(null).alias(name));
                }
            }
        }
        // Helper columns hang on each other (the halves of a sum on its argument): one step each.
        let (direct, halves): (Vec<Expr>, Vec<Expr>) = before.into_iter().partition(|e| !is_half(e));
        let frame = if direct.is_empty() { frame } else { frame.with_columns(direct) };
        let frame = if halves.is_empty() { frame } else { frame.with_columns(halves) };
        let frame = if by.is_empty() { one_row(frame.select(during)) } else { frame.group_by(by).agg(during) };
        let frame = if after.is_empty() { frame } else { frame.with_columns(after) };
        Ok(if shown.is_empty() { frame } else { frame.select(shown) })
    }

    /// A sum whose digits do not prove it safe: both halves are summed, neither can overflow, and put together with
    /// a check.
    fn split_sum(
        &mut self,
        value: &Expr,
        aggregate: &Aggregate,
        before: &mut Vec<Expr>,
        during: &mut Vec<Expr>,
    ) -> Expr {
        let place = &aggregate.at.0;
        let mut sums = Vec::with_capacity(2);
        for op in [Op::SumHigh, Op::SumLow] {
            let (half, sum) = (format!("{HALF}{}", self.helper()), self.helper());
            let part = vec![Argument::Input(0)];
            let expr = self.kernel(op, part, vec![value.clone()], None, &aggregate.ty, place, Arc::default());
            before.push(expr.alias(half.as_str()));
            during.push(col(half).sum().alias(sum.as_str()));
            sums.push(col(sum));
        }
        let arguments = vec![Argument::Input(0), Argument::Input(1)];
        self.kernel(Op::SumJoin, arguments, sums, None, &aggregate.ty, place, Arc::default())
    }
}

/// Whether no key is NULL.
fn all_present(keys: &[Expr]) -> Expr {
    keys.iter().map(|key| key.clone().is_not_null()).reduce(Expr::and).unwrap_or_else(|| lit(true))
}

/// Most digits of a decimal that fits 64 bits.
const ONE_PART: u32 = 18;

fn one_part(ty: &Ty) -> bool {
    matches!(ty, Ty::Decimal { digits, .. } if *digits <= ONE_PART)
}

/// Marks the helper columns that are made of other helper columns.
const HALF: &str = "half_";

fn is_half(expr: &Expr) -> bool {
    matches!(expr, Expr::Alias(_, name) if name.starts_with(HALF))
}

/// Keeps what stands below as it is: polars drops a SELECT of aggregates of which nothing is read, and what it drops
/// was what made one row out of many, or out of none.
/// (Project's marker column keeps it too, today; this does not depend on how polars prunes.)
fn one_row(frame: LazyFrame) -> LazyFrame {
    frame.map(Ok, OptFlags::STREAMING, None, Some("one row"))
}

/// Nothing above is pushed below: conditions stay where they are written.
fn barrier(frame: LazyFrame) -> LazyFrame {
    frame.map(Ok, OptFlags::PROJECTION_PUSHDOWN | OptFlags::STREAMING, None, Some("barrier"))
}

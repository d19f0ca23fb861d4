//! Expressions. A call that may fault is given a guard: the condition under which its row is asked for at all, since
//! polars evaluates every branch of a CASE for every row.

use std::sync::Arc;

use polars::prelude::*;

use super::super::kernel::{self, Argument, Fault};
use super::super::plan::{At, Comparison, Literal, Node, Op, Part, Typed};
use super::super::refusal::Place;
use super::super::types::Ty;
use super::{FirstFault, Lowering, column_name};

impl Lowering<'_> {
    pub(super) fn expression(&self, value: &Typed, guard: Option<&Expr>) -> Expr {
        match &value.node {
            // NULL in every row, whatever the column holds it as.
            Node::Column(_) if value.ty == Ty::Null => literal_expr(&Literal::Null, &Ty::Null),
            Node::Column(id) => col(column_name(*id)),
            Node::Literal(literal) => literal_expr(literal, &value.ty),
            Node::Call { op, args, fallible, at } => {
                let given = guard;
                let guard = guard.filter(|_| *fallible);
                self.call(op, args, given, &value.ty, at, guard)
            }
            Node::Case { arms, otherwise } => self.case(arms, otherwise, guard),
            Node::Coalesce(values) => self.coalesce(values, guard),
            Node::Compare(op, left, right) => {
                let (a, b) = (self.expression(left, guard), self.expression(right, guard));
                if left.literal().is_none() && right.literal().is_none() {
                    return opaque_comparison(*op, a, b);
                }
                match op {
                    Comparison::Equal => a.eq(b),
                    Comparison::NotEqual => a.neq(b),
                    Comparison::Less => a.lt(b),
                    Comparison::LessOrEqual => a.lt_eq(b),
                    Comparison::Greater => a.gt(b),
                    Comparison::GreaterOrEqual => a.gt_eq(b),
                }
            }
            // The right side is asked for only where the left has not decided.
            Node::And(left, right) => {
                let a = self.expression(left, guard);
                let open = right.fallible().then(|| also(guard, a.clone().fill_null(lit(true))));
                a.and(self.expression(right, open.as_ref().or(guard)))
            }
            Node::Or(left, right) => {
                let a = self.expression(left, guard);
                let open = right.fallible().then(|| also(guard, a.clone().fill_null(lit(false)).not()));
                a.or(self.expression(right, open.as_ref().or(guard)))
            }
            Node::Not(inner) => self.expression(inner, guard).not(),
            Node::IsNull(inner) => self.expression(inner, guard).is_null(),
            Node::IsNotNull(inner) => self.expression(inner, guard).is_not_null(),
            Node::Part(part, inner) => {
                let inner = self.expression(inner, guard);
                match part {
                    Part::Year => inner.dt().year().cast(DataType::Int64),
                    Part::Month => inner.dt().month().cast(DataType::Int64),
                    Part::Day => inner.dt().day().cast(DataType::Int64),
                    Part::DateOf => inner.dt().date(),
                    Part::Upper => inner.str().to_uppercase(),
                    Part::Lower => inner.str().to_lowercase(),
                    Part::Length => inner.str().len_chars().cast(DataType::Int64),
                }
            }
        }
    }

    fn case(&self, arms: &[(Typed, Typed)], otherwise: &Typed, guard: Option<&Expr>) -> Expr {
        // Whether no earlier condition held.
        let mut open: Option<Expr> = guard.cloned();
        let mut lowered = Vec::with_capacity(arms.len());
        let later_fallible =
            |from: usize| arms[from..].iter().any(|(c, r)| c.fallible() || r.fallible()) || otherwise.fallible();
        for (index, (condition, result)) in arms.iter().enumerate() {
            let condition = self.expression(condition, open.as_ref());
            let held = condition.clone().fill_null(lit(false));
            let inside = result.fallible().then(|| also(open.as_ref(), held.clone()));
            lowered.push((condition, self.expression(result, inside.as_ref())));
            if later_fallible(index + 1) {
                open = Some(also(open.as_ref(), held.not()));
            }
        }
        let last = self.expression(otherwise, open.as_ref());
        lowered.into_iter().rev().fold(last, |rest, (condition, result)| when(condition).then(result).otherwise(rest))
    }

    fn coalesce(&self, values: &[Typed], guard: Option<&Expr>) -> Expr {
        let mut open: Option<Expr> = guard.cloned();
        let mut lowered = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let expr = self.expression(value, open.as_ref());
            if values[index + 1..].iter().any(Typed::fallible) {
                open = Some(also(open.as_ref(), expr.clone().is_null()));
            }
            lowered.push(expr);
        }
        let last = lowered.pop().unwrap_or_else(|| lit(NULL));
        lowered
            .into_iter()
            .rev()
            .fold(last, |rest, value| when(value.clone().is_not_null()).then(value).otherwise(rest))
    }

    fn call(&self, op: &Op, args: &[Typed], inner: Option<&Expr>, ty: &Ty, at: &At, guard: Option<&Expr>) -> Expr {
        let mut inputs = Vec::with_capacity(args.len() + 1);
        let mut arguments = Vec::with_capacity(args.len());
        for arg in args {
            match arg.literal() {
                Some(literal) => arguments.push(Argument::Literal(literal.clone())),
                None => {
                    arguments.push(Argument::Input(inputs.len()));
                    inputs.push(self.expression(arg, inner));
                }
            }
        }
        let closed = match op {
            Op::AddBusinessDays(table, column) => self.closed.get(&(*table, *column)).cloned().unwrap_or_default(),
            _ => Arc::default(),
        };
        if inputs.is_empty() {
            // Literals only: one value, made a column of one row.
            inputs.push(lit(true));
        }
        self.kernel(op.clone(), arguments, inputs, guard, ty, &at.0, closed)
    }

    /// A kernel over expressions.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn kernel(
        &self,
        op: Op,
        arguments: Vec<Argument>,
        mut inputs: Vec<Expr>,
        guard: Option<&Expr>,
        ty: &Ty,
        place: &Arc<Place>,
        closed: Arc<Vec<i32>>,
    ) -> Expr {
        let guarded = guard.is_some();
        inputs.extend(guard.cloned());
        let (ty, place, first) = (ty.clone(), Arc::clone(place), Arc::clone(&self.fault));
        let dtype = ty.dtype();
        map_multiple(
            move |columns: &mut [Column]| {
                let name = columns.first().map(|c| c.name().clone()).unwrap_or_default();
                match kernel::run(&op, &arguments, guarded, &ty, &closed, columns)? {
                    Ok(column) => Ok(column.with_name(name)),
                    Err(fault) => Err(remember(&first, fault, &place)),
                }
            },
            inputs,
            move |_: &Schema, fields: &[Field]| {
                let name = fields.first().map(|f| f.name().clone()).unwrap_or_default();
                Ok(Field::new(name, dtype.clone()))
            },
        )
    }
}

/// A comparison that polars' optimizer does not see through: of one between the two sides of a join it would make a
/// join of another kind, which this build cannot run, or whose keys mean something else.
fn opaque_comparison(op: Comparison, left: Expr, right: Expr) -> Expr {
    map_multiple(
        move |columns: &mut [Column]| {
            let [a, b] = columns else { polars_bail!(ComputeError: "a comparison of {} columns", columns.len()) };
            let (a, b) = (&*a, &*b);
            let found = match op {
                Comparison::Equal => a.equal(b),
                Comparison::NotEqual => a.not_equal(b),
                Comparison::Less => a.lt(b),
                Comparison::LessOrEqual => a.lt_eq(b),
                Comparison::Greater => a.gt(b),
                Comparison::GreaterOrEqual => a.gt_eq(b),
            }?;
            Ok(found.with_name(a.name().clone()).into_column())
        },
        [left, right],
        |_: &Schema, fields: &[Field]| {
            let name = fields.first().map(|f| f.name().clone()).unwrap_or_default();
            Ok(Field::new(name, DataType::Boolean))
        },
    )
}

/// Keeps the first fault for the message; polars' own error text is not shown.
fn remember(first: &FirstFault, fault: Fault, place: &Arc<Place>) -> PolarsError {
    let message = format!("{fault}: {place}");
    if let Ok(mut first) = first.lock() {
        first.get_or_insert((fault, Arc::clone(place)));
    }
    PolarsError::ComputeError(message.into())
}

fn also(guard: Option<&Expr>, condition: Expr) -> Expr {
    match guard {
        Some(guard) => guard.clone().and(condition),
        None => condition,
    }
}

fn literal_expr(literal: &Literal, ty: &Ty) -> Expr {
    let dtype = ty.dtype();
    let value = match (literal, ty) {
        (Literal::Null, _) => return Expr::Literal(LiteralValue::Scalar(Scalar::null(dtype))),
        (Literal::Number(n), Ty::Decimal { scale, .. }) => AnyValue::Decimal(*n, 38, *scale as usize),
        (Literal::Number(n), _) => AnyValue::Int64(i64::try_from(*n).unwrap_or(i64::MAX)),
        (Literal::Text(text), _) => AnyValue::StringOwned(text.as_str().into()),
        (Literal::Boolean(b), _) => AnyValue::Boolean(*b),
        (Literal::Date(day), _) => AnyValue::Date(*day),
        (Literal::Instant(count), Ty::Instant(unit)) => AnyValue::Datetime(*count, unit.polars(), None),
        (Literal::Instant(count), _) => AnyValue::Int64(*count),
    };
    Expr::Literal(LiteralValue::Scalar(Scalar::new(dtype, value)))
}

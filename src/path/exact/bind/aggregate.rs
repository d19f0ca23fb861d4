//! GROUP BY and aggregates: sums that cannot wrap, and what a grouped query may show.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned,
};

use super::super::plan::{Aggregate, AggregateKind, Id, Literal, Node, Op, Typed};
use super::super::refusal::Refusal;
use super::super::types::{INTEGER_DIGITS, MAX_PRECISION, Ty};
use super::Binder;
use super::number::Operand;
use super::scope::Scope;

/// The keys and aggregates of one grouped SELECT.
#[derive(Default)]
pub(super) struct Grouped {
    pub keys: Vec<(Id, Typed)>,
    pub aggregates: Vec<(Id, Aggregate)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Sum,
    Min,
    Max,
    Count,
}

pub(super) fn aggregate_name(name: &str) -> Option<Name> {
    Some(match name {
        "sum" => Name::Sum,
        "min" => Name::Min,
        "max" => Name::Max,
        "count" => Name::Count,
        _ => return None,
    })
}

/// Most digits of an operand whose sum over 2^63 rows still has at most 38.
const DIRECT_DIGITS: u32 = MAX_PRECISION - INTEGER_DIGITS;

impl Binder<'_> {
    /// The key of a grouped query that this expression is.
    pub(super) fn group_key(&mut self, expr: &Expr, scope: &mut Scope<'_>) -> Option<Typed> {
        let grouped = scope.grouped.as_deref()?;
        let keys: Vec<(Id, Typed)> = grouped.keys.clone();
        let bound = self.expression(expr, &mut Scope::plain(scope.columns)).ok()?;
        if bound.literal().is_some() {
            // What is known stays known; an expression over columns that are NULL in every row may be a key.
            return keys.iter().any(|(_, key)| *key == bound).then_some(bound);
        }
        keys.into_iter().find(|(_, key)| *key == bound).map(|(id, key)| Typed::column(id, key.ty))
    }

    /// A column name, where only keys may be shown.
    pub(super) fn scoped_column(&self, parts: &[Ident], whole: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        let column = self.column(parts, scope.columns)?;
        if scope.grouped.is_some() {
            let shown = whole.to_string();
            return Err(self
                .refuse(whole.span(), &shown, format!("`{shown}` is neither in GROUP BY nor inside an aggregate"))
                .instead(format!("add it to GROUP BY, or write MIN({shown}), MAX({shown}) or SUM({shown})")));
        }
        Ok(column)
    }

    pub(super) fn aggregate(
        &mut self,
        name: Name,
        function: &Function,
        whole: &Expr,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let (span, shown) = (function.name.span(), whole.to_string());
        if scope.grouped.is_none() {
            self.saw_aggregate = true;
            return Err(self
                .refuse(span, &shown, "an aggregate is not allowed here")
                .instead("use it in SELECT, HAVING or ORDER BY; filter on it with HAVING"));
        }
        let odd = |binder: &Self| {
            binder
                .refuse(span, &shown, "this form of an aggregate is not supported")
                .instead("write SUM(x), MIN(x), MAX(x), COUNT(x), COUNT(DISTINCT x) or COUNT(*), with FILTER (WHERE …) if wanted")
        };
        if function.null_treatment.is_some()
            || !function.within_group.is_empty()
            || function.parameters != FunctionArguments::None
        {
            return Err(odd(self));
        }
        let FunctionArguments::List(list) = &function.args else { return Err(odd(self)) };
        if !list.clauses.is_empty() {
            return Err(odd(self));
        }
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let filter = match &function.filter {
            Some(condition) => Some(self.condition(condition, &mut Scope::plain(scope.columns))?),
            None => None,
        };
        let argument = match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] if name == Name::Count && !distinct => None,
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => {
                Some(self.operand(expr, &mut Scope::plain(scope.columns))?)
            }
            _ => return Err(odd(self)),
        };
        let at = self.at(span, &shown);
        let aggregate = match (name, argument) {
            (Name::Count, None) => {
                // COUNT(*) FILTER (WHERE c) counts the rows for which c is true.
                let argument = filter.map(|condition| only_where(condition, Typed::boolean(true)));
                Aggregate { kind: AggregateKind::Count, argument, ty: Ty::Integer, at }
            }
            (_, None) => return Err(odd(self)),
            (Name::Count, Some(operand)) => {
                if let Ty::Barred(name) = &operand.value.ty {
                    return Err(self.barred(operand.span, &operand.shown, name));
                }
                let kind = if distinct { AggregateKind::CountDistinct } else { AggregateKind::Count };
                let value = typed_null(operand.value);
                Aggregate { kind, argument: Some(filtered(filter, value)), ty: Ty::Integer, at }
            }
            (Name::Sum, Some(operand)) => {
                if distinct {
                    return Err(self
                        .refuse(
                            span,
                            &shown,
                            "SUM(DISTINCT …) is not supported: equal amounts of two records would count once",
                        )
                        .instead("select the distinct rows in WITH … AS (SELECT DISTINCT …) and sum those"));
                }
                let (digits, scale) = self.needs_number(&operand)?;
                let value = self.decimal_operand(operand)?;
                let kind = AggregateKind::Sum { direct: digits <= DIRECT_DIGITS };
                let total = (digits + INTEGER_DIGITS).min(MAX_PRECISION);
                Aggregate {
                    kind,
                    argument: Some(filtered(filter, value)),
                    ty: Ty::Decimal { digits: total, scale },
                    at,
                }
            }
            (Name::Min | Name::Max, Some(operand)) => {
                match &operand.value.ty {
                    Ty::Barred(name) => return Err(self.barred(operand.span, &operand.shown, name)),
                    Ty::Boolean => {
                        return Err(self
                            .refuse(operand.span, &operand.shown, "truth values have no order")
                            .instead("write MAX(CASE WHEN … THEN 1 ELSE 0 END)"));
                    }
                    _ => {}
                }
                let kind = if name == Name::Min { AggregateKind::Min } else { AggregateKind::Max };
                let value = typed_null(operand.value);
                let ty = value.ty.clone();
                Aggregate { kind, argument: Some(filtered(filter, value)), ty, at }
            }
        };
        let ty = aggregate.ty.clone();
        let fresh = self.fresh();
        let Some(grouped) = scope.grouped.as_deref_mut() else { return Err(odd(self)) };
        if let Some((id, _)) = grouped.aggregates.iter().find(|(_, known)| *known == aggregate) {
            return Ok(Typed::column(*id, ty));
        }
        grouped.aggregates.push((fresh, aggregate));
        Ok(Typed::column(fresh, ty))
    }

    /// Integers become decimals before they are summed: polars' sum of i64 would wrap.
    fn decimal_operand(&self, operand: Operand) -> Result<Typed, Refusal> {
        let Operand { span, shown, .. } = &operand;
        let (span, shown) = (*span, shown.clone());
        let value = self.as_number(operand);
        if let Some(Literal::Number(n)) = value.literal() {
            let scale = super::number::ty_scale(&value.ty);
            return Ok(super::literal::number(*n, scale, false));
        }
        if value.ty != Ty::Integer {
            return Ok(value);
        }
        let at = self.at(span, &shown);
        self.call(Op::Rescale(0), vec![value], Ty::Decimal { digits: INTEGER_DIGITS, scale: 0 }, false, at)
    }
}

/// A bare NULL needs some type to be held in a column.
pub(super) fn typed_null(value: Typed) -> Typed {
    if value.ty == Ty::Null { Typed::null(Ty::Integer) } else { value }
}

fn only_where(condition: Typed, value: Typed) -> Typed {
    let ty = value.ty.clone();
    let node = Node::Case { arms: vec![(condition, value)], otherwise: Box::new(Typed::null(ty.clone())) };
    Typed { node, ty }
}

fn filtered(filter: Option<Typed>, value: Typed) -> Typed {
    match filter {
        Some(condition) => only_where(condition, value),
        None => value,
    }
}

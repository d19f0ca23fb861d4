//! Conditions: comparison by value, three-valued logic, IN, BETWEEN, LIKE.

use sqlparser::ast::{BinaryOperator, Expr, Spanned};

use super::super::kernel::{LIMIT, ten};
use super::super::plan::{At, Comparison, Literal, Node, Op, Typed};
use super::super::refusal::Refusal;
use super::super::types::Ty;
use super::Binder;
use super::literal::number;
use super::number::{Operand, ty_scale};
use super::scope::Scope;

/// Most values of an IN list; longer ones belong into a table.
const MOST_IN_LIST: usize = 1000;

pub(super) fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

impl Binder<'_> {
    /// An expression that must be a condition.
    pub(super) fn condition(&mut self, expr: &Expr, scope: &mut Scope<'_>) -> Result<Typed, Refusal> {
        let operand = self.operand(expr, scope)?;
        self.truth(operand)
    }

    fn truth(&self, operand: Operand) -> Result<Typed, Refusal> {
        match operand.value.ty {
            Ty::Boolean => Ok(operand.value),
            Ty::Null => Ok(Typed::null(Ty::Boolean)),
            _ => Err(self.wrong_type(&operand, "a condition")),
        }
    }

    /// Two values by value, whatever their scales.
    pub(super) fn compare(&self, op: Comparison, left: Operand, right: Operand, at: At) -> Result<Typed, Refusal> {
        let ty = self.common_type(&[
            Operand { value: left.value.clone(), span: left.span, shown: left.shown.clone() },
            Operand { value: right.value.clone(), span: right.span, shown: right.shown.clone() },
        ])?;
        if ty == Ty::Null
            || left.value.literal() == Some(&Literal::Null)
            || right.value.literal() == Some(&Literal::Null)
        {
            return Ok(Typed::null(Ty::Boolean));
        }
        if let (Some((_, sl)), Some((_, sr))) = (left.value.ty.number(), right.value.ty.number()) {
            let (left, right) = (left.value, right.value);
            // A literal takes the other side's scale when that loses nothing: then polars compares natively, and a
            // reader of Parquet can skip what cannot match.
            let (left, right) = (settle(left, &right.ty), right);
            let right = settle(right, &left.ty);
            if left.literal().is_none() || right.literal().is_none() {
                let same = match (&left.ty, &right.ty) {
                    (Ty::Integer, Ty::Integer) => true,
                    (Ty::Decimal { scale: a, .. }, Ty::Decimal { scale: b, .. }) => a == b,
                    _ => false,
                };
                if same {
                    return Ok(Typed::truth(Node::Compare(op, Box::new(left), Box::new(right))));
                }
            }
            let (sl, sr) = (
                if left.literal().is_some() { ty_scale(&left.ty) } else { sl },
                if right.literal().is_some() { ty_scale(&right.ty) } else { sr },
            );
            let scale = sl.max(sr);
            return self.call(Op::Compare(op, scale - sl, scale - sr), vec![left, right], Ty::Boolean, false, at);
        }
        let (left, right) = (self.coerce(left, &ty)?, self.coerce(right, &ty)?);
        if ty == Ty::Boolean && !matches!(op, Comparison::Equal | Comparison::NotEqual) {
            return Err(Refusal {
                what: "truth values have no order".into(),
                line: at.0.line,
                column: at.0.column,
                text: at.0.text.clone(),
                instead: Some("compare them with = or <>".into()),
            });
        }
        Ok(Typed::truth(Node::Compare(op, Box::new(left), Box::new(right))))
    }

    /// `x IN (…)`: an OR of equalities, so that NULL means what it means in SQL.
    pub(super) fn in_list(
        &mut self,
        expr: &Expr,
        list: &[Expr],
        negated: bool,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        if list.len() > MOST_IN_LIST {
            return Err(self
                .refuse(expr.span(), &expr.to_string(), format!("an IN list of {} values", list.len()))
                .instead("put the values into an input and join it"));
        }
        let mut any: Vec<Typed> = Vec::with_capacity(list.len());
        for item in list {
            let (left, right) = (self.operand(expr, scope)?, self.operand(item, scope)?);
            let at = self.at(expr.span(), &format!("{expr} IN ({item})"));
            any.push(self.compare(Comparison::Equal, left, right, at)?);
        }
        let found = balanced(any, &|a, b| Typed::truth(Node::Or(Box::new(a), Box::new(b))))
            .ok_or_else(|| self.refuse(expr.span(), &expr.to_string(), "an empty IN list"))?;
        Ok(negate(found, negated))
    }

    pub(super) fn between(
        &mut self,
        expr: &Expr,
        low: &Expr,
        high: &Expr,
        negated: bool,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let at = self.at(expr.span(), &format!("{expr} BETWEEN {low} AND {high}"));
        let (a, b) = (self.operand(expr, scope)?, self.operand(low, scope)?);
        let above = self.compare(Comparison::GreaterOrEqual, a, b, at.clone())?;
        let (a, b) = (self.operand(expr, scope)?, self.operand(high, scope)?);
        let below = self.compare(Comparison::LessOrEqual, a, b, at)?;
        Ok(negate(Typed::truth(Node::And(Box::new(above), Box::new(below))), negated))
    }

    pub(super) fn like(
        &mut self,
        whole: &Expr,
        expr: &Expr,
        pattern: &Expr,
        negated: bool,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let text = self.operand(expr, scope)?;
        if !matches!(text.value.ty, Ty::Text | Ty::Null) {
            return Err(self.wrong_type(&text, "a text"));
        }
        let value = self.text(text)?;
        let written = self.operand(pattern, scope)?;
        let Some(Literal::Text(pattern)) = written.value.literal() else {
            return Err(self
                .refuse(written.span, &written.shown, "the pattern of LIKE must be a text literal or a parameter")
                .instead("write x LIKE 'abc%'"));
        };
        if pattern.contains('\\') {
            return Err(self
                .refuse(
                    written.span,
                    &written.shown,
                    "a backslash in a pattern means different things in different stores",
                )
                .instead("match without it, or use SUBSTR and ="));
        }
        let at = self.at(whole.span(), &whole.to_string());
        let found = self.call(Op::Like(pattern.clone()), vec![value], Ty::Boolean, false, at)?;
        Ok(negate(found, negated))
    }

    /// `x IS TRUE` and its kin: never NULL.
    pub(super) fn is_truth(
        &mut self,
        expr: &Expr,
        wanted: bool,
        negated: bool,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let value = self.condition(expr, scope)?;
        let value = if wanted { value } else { Typed::truth(Node::Not(Box::new(value))) };
        let sure = Typed::truth(Node::Coalesce(vec![value, Typed::boolean(false)]));
        Ok(negate(sure, negated))
    }

    pub(super) fn is_null(&mut self, expr: &Expr, negated: bool, scope: &mut Scope<'_>) -> Result<Typed, Refusal> {
        let operand = self.operand(expr, scope)?;
        if let Ty::Barred(name) = &operand.value.ty {
            return Err(self.barred(operand.span, &operand.shown, name));
        }
        if operand.value.ty == Ty::Null {
            return Ok(Typed::boolean(!negated));
        }
        let value = Box::new(operand.value);
        Ok(Typed::truth(if negated { Node::IsNotNull(value) } else { Node::IsNull(value) }))
    }

    /// `IS [NOT] DISTINCT FROM`: equality in which NULL equals NULL.
    pub(super) fn distinct_from(
        &mut self,
        left: &Expr,
        right: &Expr,
        negated: bool,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let at = self.at(left.span(), &format!("{left} IS DISTINCT FROM {right}"));
        let (a, b) = (self.operand(left, scope)?, self.operand(right, scope)?);
        let equal = self.compare(Comparison::Equal, a, b, at)?;
        let (a, b) = (self.is_null(left, false, scope)?, self.is_null(right, false, scope)?);
        let both_null = Typed::truth(Node::And(Box::new(a), Box::new(b)));
        let same = Typed::truth(Node::Coalesce(vec![equal, Typed::boolean(false)]));
        Ok(negate(Typed::truth(Node::Or(Box::new(same), Box::new(both_null))), !negated))
    }
}

pub(super) fn negate(value: Typed, negated: bool) -> Typed {
    if negated { Typed::truth(Node::Not(Box::new(value))) } else { value }
}

/// A literal at another number's type, when that loses nothing.
fn settle(value: Typed, other: &Ty) -> Typed {
    let (Some(Literal::Number(coefficient)), Ty::Decimal { scale, .. }) = (value.literal(), other) else {
        return value;
    };
    let from = ty_scale(&value.ty);
    if from <= *scale {
        match coefficient.checked_mul(ten(scale - from)) {
            Some(raised) if raised.unsigned_abs() < LIMIT.unsigned_abs() => number(raised, *scale, false),
            _ => value,
        }
    } else {
        let cut = ten(from - scale);
        if coefficient % cut == 0 { number(coefficient / cut, *scale, false) } else { value }
    }
}

/// Joins a list pairwise, so that its depth is the logarithm of its length.
pub(super) fn balanced(mut list: Vec<Typed>, join: &dyn Fn(Typed, Typed) -> Typed) -> Option<Typed> {
    while list.len() > 1 {
        let mut next = Vec::with_capacity(list.len().div_ceil(2));
        let mut items = list.into_iter();
        while let Some(a) = items.next() {
            next.push(match items.next() {
                Some(b) => join(a, b),
                None => a,
            });
        }
        list = next;
    }
    list.pop()
}

//! Scalar expressions: operators, CASE, CAST, and what is refused with a better way to write it.

use sqlparser::ast::{
    BinaryOperator, CastKind, CeilFloorKind, DataType, DateTimeField, ExactNumberInfo, Expr, Spanned, TrimWhereField,
    UnaryOperator, Value as SqlValue,
};

use super::super::kernel::Mode;
use super::super::plan::{Comparison, Node, Op, Part, Side, Typed};
use super::super::refusal::Refusal;
use super::super::types::{INTEGER_DIGITS, MAX_PRECISION, Ty};
use super::Binder;
use super::condition::{comparison, negate};
use super::number::{Operand, decimal};
use super::scope::Scope;

/// Deepest nesting of an expression.
const DEEPEST: usize = 200;

impl Binder<'_> {
    /// An expression with its place.
    pub(super) fn operand(&mut self, expr: &Expr, scope: &mut Scope<'_>) -> Result<Operand, Refusal> {
        let value = self.expression(expr, scope)?;
        Ok(Operand { value, span: expr.span(), shown: expr.to_string() })
    }

    /// An expression in its scope.
    pub(super) fn expression(&mut self, expr: &Expr, scope: &mut Scope<'_>) -> Result<Typed, Refusal> {
        self.depth += 1;
        let bound = if self.depth > DEEPEST {
            Err(self
                .refuse(expr.span(), &expr.to_string(), "an expression nested too deeply")
                .instead("name its parts WITH … AS (…)"))
        } else {
            match self.group_key(expr, scope) {
                Some(key) => Ok(key),
                None => self.expression_inside(expr, scope),
            }
        };
        self.depth -= 1;
        bound
    }

    fn expression_inside(&mut self, expr: &Expr, scope: &mut Scope<'_>) -> Result<Typed, Refusal> {
        match expr {
            Expr::Identifier(name) => self.scoped_column(std::slice::from_ref(name), expr, scope),
            Expr::CompoundIdentifier(parts) => self.scoped_column(parts, expr, scope),
            Expr::Nested(inner) => self.expression(inner, scope),
            Expr::Value(value) => self.value(value),
            Expr::TypedString(typed) => self.typed_string(typed, expr),
            Expr::UnaryOp { op: UnaryOperator::Plus, expr: inner } => {
                let operand = self.operand(inner, scope)?;
                self.needs_number(&operand)?;
                Ok(operand.value)
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
                let operand = self.operand(inner, scope)?;
                let (digits, scale) = self.needs_number(&operand)?;
                let literal = operand.value.literal().is_some();
                let ty = match &operand.value.ty {
                    Ty::Integer if literal => Ty::Integer,
                    _ => Ty::Decimal { digits, scale },
                };
                let at = self.at(expr.span(), &expr.to_string());
                let value = self.as_number(operand);
                self.call(Op::Negate, vec![value], ty, false, at)
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
                let value = self.condition(inner, scope)?;
                Ok(negate(value, true))
            }
            Expr::BinaryOp { left, op, right } => self.binary(expr, left, op, right, scope),
            Expr::Between { expr, negated, low, high } => self.between(expr, low, high, *negated, scope),
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated, scope),
            Expr::Like { negated, any: false, expr: text, pattern, escape_char: None } => {
                self.like(expr, text, pattern, *negated, scope)
            }
            Expr::IsNull(inner) => self.is_null(inner, false, scope),
            Expr::IsNotNull(inner) => self.is_null(inner, true, scope),
            Expr::IsTrue(inner) => self.is_truth(inner, true, false, scope),
            Expr::IsNotTrue(inner) => self.is_truth(inner, true, true, scope),
            Expr::IsFalse(inner) => self.is_truth(inner, false, false, scope),
            Expr::IsNotFalse(inner) => self.is_truth(inner, false, true, scope),
            Expr::IsDistinctFrom(left, right) => self.distinct_from(left, right, false, scope),
            Expr::IsNotDistinctFrom(left, right) => self.distinct_from(left, right, true, scope),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), scope)
            }
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr: inner,
                data_type,
                array: false,
                format: None,
            } => self.cast(expr, inner, data_type, scope),
            Expr::Cast { .. } | Expr::Convert { .. } => Err(self
                .refuse(expr.span(), &expr.to_string(), "this cast would turn what does not fit into NULL")
                .instead("write CAST(x AS type), which fails on what does not fit")),
            Expr::Extract { field, expr: inner, .. } => self.extract(expr, field, inner, scope),
            Expr::Floor { expr: inner, field } => self.floor(expr, inner, field, Mode::Floor, scope),
            Expr::Ceil { expr: inner, field } => self.floor(expr, inner, field, Mode::Ceiling, scope),
            Expr::Substring { expr: text, substring_from, substring_for, .. } => {
                self.substring(expr, text, substring_from.as_deref(), substring_for.as_deref(), scope)
            }
            Expr::Trim { expr: text, trim_where, trim_what: None, trim_characters: None } => {
                let side = match trim_where {
                    None | Some(TrimWhereField::Both) => Side::Both,
                    Some(TrimWhereField::Leading) => Side::Left,
                    Some(TrimWhereField::Trailing) => Side::Right,
                };
                self.trim(expr, text, side, scope)
            }
            Expr::Function(function) => self.function(function, expr, scope),
            Expr::InSubquery { .. } => Err(self
                .refuse(
                    expr.span(),
                    &expr.to_string(),
                    "IN (SELECT …) stands only as a whole condition of WHERE, joined by AND",
                )
                .instead("write LEFT SEMI JOIN (or LEFT ANTI JOIN for NOT IN) … ON …")),
            Expr::Exists { .. } => Err(self
                .refuse(expr.span(), &expr.to_string(), "EXISTS is not supported")
                .instead("write LEFT SEMI JOIN … ON … (LEFT ANTI JOIN for NOT EXISTS)")),
            Expr::Subquery(_) => Err(self
                .refuse(expr.span(), &expr.to_string(), "a query inside an expression is not supported")
                .instead("name it WITH … AS (…) and join it; CROSS JOIN when it has one row")),
            Expr::ILike { .. } => Err(self
                .refuse(expr.span(), &expr.to_string(), "ILIKE is not supported")
                .instead("write LOWER(x) LIKE '…'")),
            Expr::Interval(_) => Err(self
                .refuse(expr.span(), &expr.to_string(), "intervals are not supported")
                .instead("write add_days(date, n), month_start(date) or month_end(date)")),
            _ => Err(self
                .refuse(expr.span(), &expr.to_string(), "this is not understood, so it cannot be proved exact")
                .instead("see docs/functions.md for what the SQL of a path may say")),
        }
    }

    fn binary(
        &mut self,
        expr: &Expr,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let shown = expr.to_string();
        let at = self.at(expr.span(), &shown);
        match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let (a, b) = (Box::new(self.condition(left, scope)?), Box::new(self.condition(right, scope)?));
                return Ok(Typed::truth(if *op == BinaryOperator::And { Node::And(a, b) } else { Node::Or(a, b) }));
            }
            BinaryOperator::Divide | BinaryOperator::MyIntegerDivide | BinaryOperator::DuckIntegerDivide => {
                return Err(self
                    .refuse(expr.span(), &shown, "a quotient has no exact decimal: its scale and rounding must be said")
                    .instead(format!(
                        "write divide({left}, {right}, scale, 'mode') with half_up, half_even, down, floor or ceiling"
                    )));
            }
            BinaryOperator::Modulo => {
                return Err(self
                    .refuse(expr.span(), &shown, "% differs among stores for negative and decimal numbers")
                    .instead(format!("write {left} - {right} * divide({left}, {right}, 0, 'down')")));
            }
            _ => {}
        }
        let (a, b) = (self.operand(left, scope)?, self.operand(right, scope)?);
        if let Some(comparison) = comparison(op) {
            return self.compare(comparison, a, b, at);
        }
        match op {
            BinaryOperator::Plus | BinaryOperator::Minus => {
                for side in [&a, &b] {
                    if matches!(side.value.ty, Ty::Date | Ty::Instant(_)) {
                        return Err(self
                            .refuse(side.span, &side.shown, "dates are not numbers")
                            .instead("write add_days(date, n) or days_between(from, to)"));
                    }
                }
                self.add(a, b, *op == BinaryOperator::Minus, at)
            }
            BinaryOperator::Multiply => self.multiply(a, b, at),
            BinaryOperator::StringConcat => {
                let (a, b) = (self.text(a)?, self.text(b)?);
                self.call(Op::Concat, vec![a, b], Ty::Text, false, at)
            }
            _ => Err(self
                .refuse(expr.span(), &shown, format!("the operator {op} is not supported"))
                .instead("see docs/functions.md for what the SQL of a path may say")),
        }
    }

    /// A text operand; numbers are not made text silently.
    pub(super) fn text(&self, operand: Operand) -> Result<Typed, Refusal> {
        match operand.value.ty {
            Ty::Text => Ok(operand.value),
            Ty::Null => Ok(Typed::null(Ty::Text)),
            _ => Err(self
                .wrong_type(&operand, "a text")
                .instead("write CAST(x AS TEXT) for an integer, decimal or date")),
        }
    }

    fn case(
        &mut self,
        subject: Option<&Expr>,
        conditions: &[sqlparser::ast::CaseWhen],
        otherwise: Option<&Expr>,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let mut truths = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            truths.push(match subject {
                None => self.condition(&when.condition, scope)?,
                Some(subject) => {
                    let (a, b) = (self.operand(subject, scope)?, self.operand(&when.condition, scope)?);
                    let at = self.at(when.condition.span(), &format!("{subject} = {}", when.condition));
                    self.compare(Comparison::Equal, a, b, at)?
                }
            });
            results.push(self.operand(&when.result, scope)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.operand(otherwise, scope)?);
        }
        let (mut values, ty) = self.unify(results)?;
        let otherwise = match otherwise {
            Some(_) => values.pop().unwrap_or_else(|| Typed::null(ty.clone())),
            None => Typed::null(ty.clone()),
        };
        if ty == Ty::Null {
            return Ok(Typed::null(Ty::Null));
        }
        let node = Node::Case { arms: truths.into_iter().zip(values).collect(), otherwise: Box::new(otherwise) };
        Ok(Typed { node, ty })
    }

    fn cast(&mut self, whole: &Expr, inner: &Expr, target: &DataType, scope: &mut Scope<'_>) -> Result<Typed, Refusal> {
        let operand = self.operand(inner, scope)?;
        let (span, shown) = (whole.span(), whole.to_string());
        let at = self.at(span, &shown);
        if let Ty::Barred(name) = &operand.value.ty {
            return Err(self.barred(operand.span, &operand.shown, name));
        }
        match target {
            DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => {
                let (precision, scale) = match info {
                    ExactNumberInfo::PrecisionAndScale(p, s) => (u32::try_from(*p).ok(), u32::try_from(*s).ok()),
                    ExactNumberInfo::Precision(p) => (u32::try_from(*p).ok(), Some(0)),
                    ExactNumberInfo::None => (None, None),
                };
                let (Some(precision @ 1..=MAX_PRECISION), Some(scale)) = (precision, scale) else {
                    return Err(self
                        .refuse(span, &shown, "a decimal type needs its precision (at most 38) and scale")
                        .instead("write DECIMAL(38, 4)"));
                };
                if scale > precision {
                    return Err(self.refuse(span, &shown, "the scale is larger than the precision"));
                }
                self.cast_to_decimal(operand, precision, scale, at)
            }
            DataType::BigInt(_) | DataType::Int(_) | DataType::Integer(_) | DataType::Int8(_) => match operand.value.ty
            {
                Ty::Integer => Ok(operand.value),
                Ty::Null => Ok(Typed::null(Ty::Integer)),
                Ty::Decimal { scale: 0, .. } => self.call(Op::ToInteger, vec![operand.value], Ty::Integer, true, at),
                Ty::Decimal { .. } => Err(self
                    .refuse(span, &shown, "this cast would cut digits, and stores differ in how")
                    .instead("say how: floor(x), round_half_up(x, 0), round_down(x, 0)")),
                Ty::Text => {
                    let number = self.cast_to_decimal(operand, INTEGER_DIGITS, 0, at.clone())?;
                    self.call(Op::ToInteger, vec![number], Ty::Integer, true, at)
                }
                _ => Err(self.wrong_type(&operand, "a number")),
            },
            DataType::Text | DataType::String(_) | DataType::Varchar(None) | DataType::CharacterVarying(None) => {
                match operand.value.ty {
                    Ty::Text => Ok(operand.value),
                    Ty::Null => Ok(Typed::null(Ty::Text)),
                    Ty::Integer => self.call(Op::NumberToText(0), vec![operand.value], Ty::Text, false, at),
                    Ty::Decimal { scale, .. } => {
                        self.call(Op::NumberToText(scale), vec![operand.value], Ty::Text, false, at)
                    }
                    _ => Err(self.wrong_type(&operand, "a number or a text")),
                }
            }
            DataType::Date => match operand.value.ty {
                Ty::Date => Ok(operand.value),
                Ty::Null => Ok(Typed::null(Ty::Date)),
                Ty::Instant(_) => Ok(Typed { node: Node::Part(Part::DateOf, Box::new(operand.value)), ty: Ty::Date }),
                _ => Err(self.wrong_type(&operand, "a date")),
            },
            DataType::Float(_)
            | DataType::Real
            | DataType::Double(_)
            | DataType::DoublePrecision
            | DataType::Float4
            | DataType::Float8
            | DataType::Float32
            | DataType::Float64 => Err(self
                .refuse(span, &shown, "a float may not reach a result, a comparison or a key")
                .instead("write CAST(x AS DECIMAL(38, s))")),
            _ => Err(self
                .refuse(span, &shown, format!("a cast to {target} is not supported"))
                .instead("cast to DECIMAL(p, s), BIGINT, TEXT or DATE")),
        }
    }

    fn cast_to_decimal(&self, operand: Operand, precision: u32, scale: u32, at: super::At) -> Result<Typed, Refusal> {
        let target = Ty::Decimal { digits: precision, scale };
        match operand.value.ty.clone() {
            Ty::Null => Ok(Typed::null(target)),
            Ty::Text => self.call(Op::TextToNumber(precision, scale), vec![operand.value], target, true, at),
            ty => {
                let (digits, from) = self.needs_number(&operand)?;
                if scale < from {
                    return Err(self
                        .refuse(
                            operand.span,
                            &operand.shown,
                            format!("a cast to scale {scale} would round its {from} digits behind the point"),
                        )
                        .instead(format!(
                            "say how: round_half_up({}, {scale}), round_down(…), floor(…)",
                            operand.shown
                        )));
                }
                let raised = self.coerce(operand, &decimal(digits - from.min(digits), scale).0)?;
                // A narrower precision is a promise: it is checked, never assumed.
                if precision < digits + (scale - from) && ty.is_number() {
                    return self.call(Op::Precision(precision), vec![raised], target, true, at);
                }
                Ok(raised)
            }
        }
    }

    fn extract(
        &mut self,
        whole: &Expr,
        field: &DateTimeField,
        inner: &Expr,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let part = match field {
            DateTimeField::Year => Part::Year,
            DateTimeField::Month => Part::Month,
            DateTimeField::Day => Part::Day,
            _ => {
                return Err(self
                    .refuse(whole.span(), &whole.to_string(), format!("EXTRACT of {field} is not supported"))
                    .instead("YEAR, MONTH and DAY are"));
            }
        };
        let value = self.date(inner, scope)?;
        Ok(Typed { node: Node::Part(part, Box::new(value)), ty: Ty::Integer })
    }

    /// A date operand.
    pub(super) fn date(&mut self, expr: &Expr, scope: &mut Scope<'_>) -> Result<Typed, Refusal> {
        let operand = self.operand(expr, scope)?;
        match operand.value.ty {
            Ty::Date => Ok(operand.value),
            Ty::Null => Ok(Typed::null(Ty::Date)),
            _ => Err(self.wrong_type(&operand, "a date")),
        }
    }

    fn floor(
        &mut self,
        whole: &Expr,
        inner: &Expr,
        field: &CeilFloorKind,
        mode: Mode,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        if !matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime)) {
            return Err(self
                .refuse(whole.span(), &whole.to_string(), "floor and ceil take one number")
                .instead("write round_floor(x, scale) or round_ceiling(x, scale)"));
        }
        // floor(a / b): the hint must say the whole way, not half of it.
        if let Expr::BinaryOp { left, op: BinaryOperator::Divide, right } = inner {
            let name = if mode == Mode::Floor { "floor" } else { "ceiling" };
            return Err(self
                .refuse(
                    inner.span(),
                    &inner.to_string(),
                    "a quotient has no exact decimal: its scale and rounding must be said",
                )
                .instead(format!("write divide({left}, {right}, 0, '{name}')")));
        }
        let operand = self.operand(inner, scope)?;
        self.round(operand, 0, mode, whole)
    }

    /// A number at a given scale.
    pub(super) fn round(&self, operand: Operand, target: u32, mode: Mode, whole: &Expr) -> Result<Typed, Refusal> {
        let (digits, scale) = self.needs_number(&operand)?;
        let at = self.at(whole.span(), &whole.to_string());
        let before = digits.saturating_sub(scale);
        if scale <= target {
            let (ty, _) = decimal(before, target);
            return self
                .coerce(Operand { value: self.as_number(operand), span: whole.span(), shown: whole.to_string() }, &ty);
        }
        let carry = u32::from(mode != Mode::Down);
        let (ty, capped) = decimal(before + carry, target);
        let value = self.as_number(operand);
        self.call(Op::Round(scale - target, mode), vec![value], ty, capped, at)
    }

    pub(super) fn substring(
        &mut self,
        whole: &Expr,
        text: &Expr,
        from: Option<&Expr>,
        length: Option<&Expr>,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let operand = self.operand(text, scope)?;
        let text = self.text(operand)?;
        let mut args = vec![text];
        for part in [from, length] {
            let Some(part) = part else {
                return Err(self
                    .refuse(whole.span(), &whole.to_string(), "SUBSTR needs a start and a length")
                    .instead("write SUBSTR(text, start, length), counting characters from 1"));
            };
            let operand = self.operand(part, scope)?;
            args.push(self.whole_number(operand)?);
        }
        let at = self.at(whole.span(), &whole.to_string());
        self.call(Op::Substring, args, Ty::Text, true, at)
    }

    pub(super) fn trim(
        &mut self,
        whole: &Expr,
        text: &Expr,
        side: Side,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let operand = self.operand(text, scope)?;
        let text = self.text(operand)?;
        let at = self.at(whole.span(), &whole.to_string());
        self.call(Op::Trim(side), vec![text], Ty::Text, false, at)
    }

    /// An integer, or a decimal of scale 0.
    pub(super) fn whole_number(&self, operand: Operand) -> Result<Typed, Refusal> {
        match operand.value.ty {
            Ty::Integer | Ty::Decimal { scale: 0, .. } => Ok(operand.value),
            Ty::Null => Ok(Typed::null(Ty::Integer)),
            _ => Err(self.wrong_type(&operand, "a whole number")),
        }
    }

    /// A literal integer of the SQL, such as a scale.
    pub(super) fn literal_integer(&self, expr: &Expr) -> Option<u32> {
        match expr {
            Expr::Value(value) => match &value.value {
                SqlValue::Number(text, _) => text.to_string().parse().ok(),
                _ => None,
            },
            _ => None,
        }
    }
}

//! Digits and scales: the type of every arithmetic result, and values brought to one type without loss.

use sqlparser::tokenizer::Span;

use super::super::kernel::{self, Fault, ten};
use super::super::plan::{At, Literal, Node, Op, Typed};
use super::super::refusal::Refusal;
use super::super::types::{MAX_PRECISION, Ty};
use super::Binder;
use super::literal::number;

/// An operand with its place.
pub(super) struct Operand {
    pub value: Typed,
    pub span: Span,
    pub shown: String,
}

/// A decimal type for so many digits before and behind the point, and whether the digits had to be capped: then
/// values are checked at run time.
pub(super) fn decimal(whole: u32, scale: u32) -> (Ty, bool) {
    let digits = (whole + scale).max(1);
    (Ty::Decimal { digits: digits.min(MAX_PRECISION), scale }, digits > MAX_PRECISION)
}

/// Digits before the point.
fn whole(ty: &Ty) -> u32 {
    ty.number().map_or(0, |(digits, scale)| digits.saturating_sub(scale))
}

impl Binder<'_> {
    /// A call; worked out at once when all of its arguments are literals.
    pub(super) fn call(&self, op: Op, args: Vec<Typed>, ty: Ty, fallible: bool, at: At) -> Result<Typed, Refusal> {
        let literals: Option<Vec<&Literal>> = args.iter().map(Typed::literal).collect();
        if let Some(literals) = literals {
            if literals.contains(&&Literal::Null) {
                return Ok(Typed::null(ty));
            }
            let numbers: Option<Vec<i128>> = literals
                .iter()
                .map(|literal| match literal {
                    Literal::Number(n) => Some(*n),
                    _ => None,
                })
                .collect();
            if let Some(numbers) = numbers
                && let Some(folded) = kernel::fold(&op, &numbers)
            {
                let value = folded.map_err(|fault| self.fault(&fault, &at))?;
                return Ok(match &ty {
                    Ty::Boolean => Typed::boolean(value != 0),
                    _ => number(value, ty.number().map_or(0, |(_, scale)| scale), ty == Ty::Integer),
                });
            }
        }
        Ok(Typed { node: Node::Call { op, args, fallible, at }, ty })
    }

    fn fault(&self, fault: &Fault, at: &At) -> Refusal {
        Refusal {
            what: fault.to_string(),
            line: at.0.line,
            column: at.0.column,
            text: at.0.text.clone(),
            instead: None,
        }
    }

    /// Digits and scale of a number, or a refusal that says what it is instead.
    pub(super) fn needs_number(&self, operand: &Operand) -> Result<(u32, u32), Refusal> {
        if operand.value.ty == Ty::Null {
            return Ok((1, 0));
        }
        operand.value.ty.number().ok_or_else(|| self.wrong_type(operand, "a number"))
    }

    pub(super) fn wrong_type(&self, operand: &Operand, wanted: &str) -> Refusal {
        if let Ty::Barred(name) = &operand.value.ty {
            return self.barred(operand.span, &operand.shown, name);
        }
        let refusal = self.refuse(
            operand.span,
            &operand.shown,
            format!("this is {}, where {wanted} is expected", operand.value.ty),
        );
        match (&operand.value.ty, wanted) {
            (Ty::Text, "a number") => {
                refusal.instead("write CAST(… AS DECIMAL(p, s)): exact, and an error for what is no number")
            }
            (Ty::Text, "a date") => {
                refusal.instead("write DATE 'YYYY-MM-DD'; give text columns the type date in the input")
            }
            (Ty::Instant(_), "a date") => refusal.instead("write CAST(… AS DATE): the UTC date"),
            _ => refusal,
        }
    }

    pub(super) fn barred(&self, span: Span, shown: &str, name: &str) -> Refusal {
        if name == "float" {
            self.refuse(span, shown, "a float may not reach a result, a comparison or a key").instead(
                "give the column the type decimal in the input (`types`), or read it from a store that keeps it exact",
            )
        } else {
            self.refuse(span, shown, format!("a column of type {name} cannot be used in SQL"))
                .instead("take the fields it needs out of it in the input (`fields`)")
        }
    }

    /// `+` and `-`: the larger scale, one more digit.
    pub(super) fn add(&self, left: Operand, right: Operand, minus: bool, at: At) -> Result<Typed, Refusal> {
        self.needs_number(&left)?;
        self.needs_number(&right)?;
        let (left, right) = (self.as_number(left), self.as_number(right));
        let (sl, sr) = (scale(&left), scale(&right));
        let scale = sl.max(sr);
        let (ty, capped) = decimal(whole(&left.ty).max(whole(&right.ty)) + 1, scale);
        let (up_l, up_r) = (scale - sl, scale - sr);
        let op = if minus { Op::Subtract(up_l, up_r) } else { Op::Add(up_l, up_r) };
        self.call(op, vec![left, right], ty, capped, at)
    }

    /// `*`: the sum of the scales.
    pub(super) fn multiply(&self, left: Operand, right: Operand, at: At) -> Result<Typed, Refusal> {
        let (dl, sl) = self.needs_number(&left)?;
        let (dr, sr) = self.needs_number(&right)?;
        let scale = sl + sr;
        if scale > MAX_PRECISION {
            return Err(Refusal {
                what: format!("the exact product has {scale} digits behind the point, more than 38"),
                line: at.0.line,
                column: at.0.column,
                text: at.0.text.clone(),
                instead: Some(
                    "round one operand first, as the rules say: round_half_up(x, 6), round_down(x, 6), …".into(),
                ),
            });
        }
        let ty = Ty::Decimal { digits: (dl + dr).min(MAX_PRECISION).max(scale), scale };
        let fallible = dl + dr > MAX_PRECISION;
        let (left, right) = (self.as_number(left), self.as_number(right));
        self.call(Op::Multiply, vec![left, right], ty, fallible, at)
    }

    /// A bare NULL becomes a number.
    pub(super) fn as_number(&self, operand: Operand) -> Typed {
        match operand.value.ty {
            Ty::Null => Typed::null(Ty::Decimal { digits: 1, scale: 0 }),
            _ => operand.value,
        }
    }

    /// The type that all values fit without loss.
    pub(super) fn common_type(&self, operands: &[Operand]) -> Result<Ty, Refusal> {
        let mut common: Option<(Ty, usize)> = None;
        for (index, operand) in operands.iter().enumerate() {
            let ty = &operand.value.ty;
            if let Ty::Barred(name) = ty {
                return Err(self.barred(operand.span, &operand.shown, name));
            }
            if *ty == Ty::Null {
                continue;
            }
            let Some((so_far, first)) = &common else {
                common = Some((ty.clone(), index));
                continue;
            };
            let merged = match (so_far, ty) {
                (a, b) if a == b => a.clone(),
                (a, b) if a.is_number() && b.is_number() => {
                    let scale = ty_scale(a).max(ty_scale(b));
                    decimal(whole(a).max(whole(b)), scale).0
                }
                (Ty::Instant(a), Ty::Instant(b)) => Ty::Instant((*a).max(*b)),
                (a, b) => {
                    let first = operands.get(*first).map_or("", |o| o.shown.as_str());
                    let refusal = self.refuse(
                        operand.span,
                        &operand.shown,
                        format!("this is {b}, but `{first}` is {a}: there is no exact common type"),
                    );
                    return Err(match (a, b) {
                        (Ty::Date, Ty::Text) | (Ty::Text, Ty::Date) => {
                            refusal.instead("write a date as DATE 'YYYY-MM-DD'")
                        }
                        (Ty::Date, Ty::Instant(_)) | (Ty::Instant(_), Ty::Date) => {
                            refusal.instead("write CAST(… AS DATE) for the UTC date of a timestamp")
                        }
                        (Ty::Text, b) | (b, Ty::Text) if b.is_number() => {
                            refusal.instead("write CAST(text AS DECIMAL(p, s)) or CAST(number AS TEXT)")
                        }
                        _ => refusal.instead("bring both to one type with CAST"),
                    });
                }
            };
            let first = *first;
            common = Some((merged, first));
        }
        Ok(common.map_or(Ty::Null, |(ty, _)| ty))
    }

    /// The value in another type, without loss; checked at run time where digits may not suffice.
    pub(super) fn coerce(&self, operand: Operand, target: &Ty) -> Result<Typed, Refusal> {
        let Operand { value, span, shown } = operand;
        match (&value.ty, target) {
            (a, b) if a == b => Ok(value),
            (Ty::Null, _) => Ok(Typed::null(target.clone())),
            (a, Ty::Decimal { scale, .. }) if a.is_number() => {
                let from = ty_scale(a);
                if *scale < from {
                    return Err(self
                        .refuse(span, &shown, format!("{scale} digits behind the point are fewer than it has ({from})"))
                        .instead("say how to round: round_half_up(x, scale), round_down(x, scale), …"));
                }
                let up = scale - from;
                if up == 0 && matches!(a, Ty::Decimal { .. }) {
                    return Ok(value);
                }
                let (ty, capped) = decimal(whole(a), *scale);
                if let Some(Literal::Number(coefficient)) = value.literal()
                    && let Some(raised) = coefficient.checked_mul(ten(up))
                    && raised.unsigned_abs() < kernel::LIMIT.unsigned_abs()
                {
                    return Ok(number(raised, *scale, false));
                }
                let at = self.at(span, &shown);
                self.call(Op::Rescale(up), vec![value], ty, capped, at)
            }
            (Ty::Instant(from), Ty::Instant(to)) => match value.literal() {
                Some(Literal::Instant(count)) if from <= to => {
                    let times = from.nanos() / to.nanos();
                    let count = i64::try_from(i128::from(*count) * times)
                        .map_err(|_| self.refuse(span, &shown, "an instant outside of what the column can hold"))?;
                    Ok(Typed { node: Node::Literal(Literal::Instant(count)), ty: target.clone() })
                }
                _ => Err(self
                    .refuse(span, &shown, "timestamps of different precision meet")
                    .instead("give both columns the same type in their inputs")),
            },
            (a, b) => Err(self.refuse(span, &shown, format!("this is {a}, where {b} is expected"))),
        }
    }

    /// All values in their common type.
    pub(super) fn unify(&self, operands: Vec<Operand>) -> Result<(Vec<Typed>, Ty), Refusal> {
        let ty = self.common_type(&operands)?;
        let values = operands.into_iter().map(|operand| self.coerce(operand, &ty)).collect::<Result<_, _>>()?;
        Ok((values, ty))
    }
}

pub(super) fn ty_scale(ty: &Ty) -> u32 {
    ty.number().map_or(0, |(_, scale)| scale)
}

fn scale(value: &Typed) -> u32 {
    ty_scale(&value.ty)
}

//! Exact arithmetic of rules: `i128` while it fits, [`Amount`] beyond, a reason where there is no result. Only
//! `div` and `round` round, once, as the rule says.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::Zero;

use super::rounding::{Rounding, divide_big, divide_small};
use super::{MAX_DIGITS, Reason};
use crate::domain::{Amount, align_small, compare_small, power_of_ten};

/// A number on its way through a rule. Never NaN.
#[derive(Clone, Debug)]
pub(super) enum Number {
    /// `coefficient × 10^-scale`.
    Small {
        coefficient: i128,
        scale: i32,
    },
    Wide(Amount),
}

/// A number, or why there is none.
pub(super) type Result = std::result::Result<Number, Reason>;

impl Number {
    pub(super) fn new(coefficient: i128, scale: i32) -> Number {
        Number::Small { coefficient, scale }
    }

    /// Of any amount but NaN.
    pub(super) fn of(amount: &Amount) -> Option<Number> {
        match amount.small() {
            Some((coefficient, scale)) => Some(Number::new(coefficient, scale)),
            None if amount.is_nan() => None,
            // A zero with a sign is a zero.
            None if amount.is_zero() => Some(Number::new(0, 0)),
            None => Some(Number::Wide(amount.clone())),
        }
    }

    fn amount(&self) -> Amount {
        match self {
            Number::Small { coefficient, scale } => Amount::new(*coefficient, *scale),
            Number::Wide(amount) => amount.clone(),
        }
    }

    fn is_zero(&self) -> bool {
        match self {
            Number::Small { coefficient, .. } => *coefficient == 0,
            Number::Wide(amount) => amount.is_zero(),
        }
    }

    /// Coefficient and scale of any size; an infinity has none, and what has too many digits is not computed with.
    fn big(&self) -> std::result::Result<(BigInt, i32), Reason> {
        let (coefficient, scale) = self.amount().big().ok_or(Reason::Infinite)?;
        within(&coefficient, scale)?;
        Ok((coefficient, scale))
    }

    pub(super) fn order(&self, other: &Number) -> Ordering {
        if let (Number::Small { coefficient: a, scale: of_a }, Number::Small { coefficient: b, scale: of_b }) =
            (self, other)
            && let Some(order) = compare_small(*a, *of_a, *b, *of_b)
        {
            return order;
        }
        self.amount().total_cmp(&other.amount())
    }

    #[inline(always)]
    pub(super) fn plus(&self, other: &Number) -> Result {
        if let (Number::Small { coefficient: a, scale: of_a }, Number::Small { coefficient: b, scale: of_b }) =
            (self, other)
            && let Some((a, b, scale)) = align_small(*a, *of_a, *b, *of_b)
            && let Some(sum) = a.checked_add(b)
        {
            return Ok(Number::new(sum, scale));
        }
        self.plus_wide(other)
    }

    #[cold]
    fn plus_wide(&self, other: &Number) -> Result {
        let ((a, of_a), (b, of_b)) = (self.big()?, other.big()?);
        let scale = of_a.max(of_b);
        bounded(raise(a, scale - of_a) + raise(b, scale - of_b), scale)
    }

    pub(super) fn minus(&self, other: &Number) -> Result {
        self.plus(&other.negated())
    }

    #[inline(always)]
    pub(super) fn times(&self, other: &Number) -> Result {
        if let (Number::Small { coefficient: a, scale: of_a }, Number::Small { coefficient: b, scale: of_b }) =
            (self, other)
            && let Some(product) = multiply(*a, *b)
        {
            return scaled(product, *of_a + *of_b);
        }
        self.times_wide(other)
    }

    #[cold]
    fn times_wide(&self, other: &Number) -> Result {
        let ((a, of_a), (b, of_b)) = (self.big()?, other.big()?);
        bounded(a * b, of_a + of_b)
    }

    /// This many percent of an amount.
    pub(super) fn percent_of(&self, amount: &Number) -> Result {
        match self.times(amount)? {
            Number::Small { coefficient, scale } => scaled(coefficient, scale + 2),
            wide @ Number::Wide(_) => wide.big().and_then(|(coefficient, scale)| bounded(coefficient, scale + 2)),
        }
    }

    pub(super) fn negated(&self) -> Number {
        match self {
            Number::Small { coefficient, scale } if *coefficient != i128::MIN => Number::new(-coefficient, *scale),
            other => Number::Wide(other.amount().negated()),
        }
    }

    pub(super) fn magnitude(&self) -> Number {
        match self {
            Number::Small { coefficient, .. } if *coefficient >= 0 => self.clone(),
            Number::Wide(amount) => Number::Wide(amount.magnitude()),
            Number::Small { .. } => self.negated(),
        }
    }

    pub(super) fn divided(&self, divisor: &Number, to: i32, rounding: Rounding) -> Result {
        if divisor.is_zero() {
            return Err(Reason::DivisionByZero);
        }
        if let (Number::Small { coefficient: a, scale: of_a }, Number::Small { coefficient: b, scale: of_b }) =
            (self, divisor)
        {
            // The quotient of the coefficients has the scale `of_a - of_b`; `up` brings it to the wanted one.
            let up = to + *of_b - *of_a;
            let shifted = match up {
                0.. => power_of_ten(up).and_then(|power| multiply(*a, power)).zip(Some(*b)),
                _ => Some(*a).zip(power_of_ten(-up).and_then(|power| multiply(*b, power))),
            };
            if let Some(quotient) = shifted.and_then(|(a, b)| divide_small(a, b, rounding)) {
                return Ok(Number::new(quotient, to));
            }
        }
        let ((a, of_a), (b, of_b)) = (self.big()?, divisor.big()?);
        let up = to + of_b - of_a;
        bounded(divide_big(&raise(a, up.max(0)), &raise(b, (-up).max(0)), rounding), to)
    }

    /// With at most `to` digits behind the point; what has fewer stays as it is.
    pub(super) fn rounded(&self, to: i32, rounding: Rounding) -> Result {
        match self {
            Number::Small { scale, .. } if *scale <= to => Ok(self.clone()),
            _ => self.divided(&Number::new(1, 0), to, rounding),
        }
    }
}

/// A product; the common one in a single machine multiplication.
#[inline(always)]
fn multiply(a: i128, b: i128) -> Option<i128> {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) => Some(i128::from(a) * i128::from(b)),
        _ => a.checked_mul(b),
    }
}

/// `coefficient × 10^up`.
fn raise(coefficient: BigInt, up: i32) -> BigInt {
    if up == 0 || coefficient.is_zero() { coefficient } else { coefficient * BigInt::from(10).pow(up.unsigned_abs()) }
}

#[inline(always)]
fn scaled(coefficient: i128, scale: i32) -> Result {
    if scale.unsigned_abs() > MAX_DIGITS { Err(Reason::TooLong) } else { Ok(Number::new(coefficient, scale)) }
}

fn bounded(coefficient: BigInt, scale: i32) -> Result {
    within(&coefficient, scale)?;
    Number::of(&Amount::from_big(coefficient, scale)).ok_or(Reason::NotANumber)
}

/// Whether an amount is small enough to be computed with: a few zeros in an exponent must not cost a minute.
fn within(coefficient: &BigInt, scale: i32) -> std::result::Result<(), Reason> {
    // 1233 / 4096 is a little more than log10(2).
    let digits = coefficient.bits() * 1233 / 4096;
    let before = i64::try_from(digits).unwrap_or(i64::MAX).saturating_sub(i64::from(scale));
    let limit = i64::from(MAX_DIGITS);
    if before > limit || i64::from(scale).abs() > limit { Err(Reason::TooLong) } else { Ok(()) }
}

//! `Amount`: an exact decimal of any size that the stores can hold.
//!
//! An amount is a coefficient and a scale (`coefficient × 10^-scale`). Up to 38 digits it lives in an
//! `i128`; beyond that in a big integer. Nothing here rounds: an operation that cannot be exact does
//! not exist. Must not know about stores, files or formats of reports.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};

/// Largest number of digits, before or behind the decimal point, that an amount may have.
///
/// PostgreSQL's `numeric` is the widest store type: 131,072 digits before the point and 16,383 behind it.
pub const MAX_DIGITS: i64 = 150_000;

/// An exact decimal, or one of the special values that Decimal128, `numeric` and doubles can hold.
///
/// `==` and `cmp` are not derived: use [`Amount::same_value`] (by value, whatever the scale) and
/// [`Amount::total_cmp`] (the order of keys).
#[derive(Clone, Debug)]
pub struct Amount(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Small {
        coefficient: i128,
        scale: i32,
    },
    Wide(Arc<Wide>),
    /// A zero that was stored with a minus sign; equal to zero, printed with its sign.
    NegativeZero {
        scale: i32,
    },
    NaN,
    Infinity {
        negative: bool,
    },
}

#[derive(Debug)]
struct Wide {
    coefficient: BigInt,
    scale: i32,
}

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not of the form `[+-]digits[.digits][e±digits]`.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// More digits than any store can hold.
    #[error("a number of more than {MAX_DIGITS} digits")]
    TooLong,
}

impl Amount {
    /// `coefficient × 10^-scale`, exactly.
    pub fn new(coefficient: i128, scale: i32) -> Self {
        Amount(Repr::Small { coefficient, scale })
    }

    /// Zero at scale 0.
    pub const ZERO: Amount = Amount(Repr::Small { coefficient: 0, scale: 0 });
    /// Not a number (Decimal128, `numeric`, doubles).
    pub const NAN: Amount = Amount(Repr::NaN);

    /// Plus or minus infinity.
    pub fn infinity(negative: bool) -> Self {
        Amount(Repr::Infinity { negative })
    }

    /// A zero stored with a minus sign (`-0.00` has scale 2).
    pub fn negative_zero(scale: i32) -> Self {
        Amount(Repr::NegativeZero { scale })
    }

    /// From a big integer coefficient; kept small when it fits.
    pub fn from_big(coefficient: BigInt, scale: i32) -> Self {
        match coefficient.to_i128() {
            Some(small) => Amount::new(small, scale),
            None => Amount(Repr::Wide(Arc::new(Wide { coefficient, scale }))),
        }
    }

    /// Reads `[+-]digits[.digits][e±digits]`, `NaN`, `[+-]Infinity`, `[+-]inf`, with every digit kept.
    ///
    /// # Errors
    /// [`AmountError`] when the text is something else (blanks and thousands separators included).
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let refuse = || AmountError::NotANumber(crate::domain::shorten(text, 60));
        let (negative, body) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        match body {
            "NaN" | "nan" if !text.starts_with(['-', '+']) => return Ok(Amount::NAN),
            "Infinity" | "inf" | "Inf" | "infinity" => return Ok(Amount::infinity(negative)),
            _ => {}
        }
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            None => (body, 0i64),
            Some(at) => {
                let digits = &body[at + 1..];
                let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
                if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(refuse());
                }
                let exponent: i64 = digits.parse().map_err(|_| AmountError::TooLong)?;
                (&body[..at], exponent)
            }
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if (whole.is_empty() && fraction.is_empty())
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(refuse());
        }
        let scale = fraction.len() as i64 - exponent;
        if scale.abs() > MAX_DIGITS || (whole.len() + fraction.len()) as i64 > 2 * MAX_DIGITS {
            return Err(AmountError::TooLong);
        }
        let scale = scale as i32;
        let mut small: Option<i128> = Some(0);
        for digit in whole.bytes().chain(fraction.bytes()) {
            small = small.and_then(|c| c.checked_mul(10)?.checked_add(i128::from(digit - b'0')));
        }
        match small {
            Some(0) if negative => Ok(Amount::negative_zero(scale)),
            Some(c) => Ok(Amount::new(if negative { -c } else { c }, scale)),
            None => {
                let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
                let magnitude = BigInt::parse_bytes(&digits, 10).ok_or_else(refuse)?;
                Ok(Amount::from_big(if negative { -magnitude } else { magnitude }, scale))
            }
        }
    }

    /// Not a number.
    pub fn is_nan(&self) -> bool {
        matches!(self.0, Repr::NaN)
    }

    /// Whether this is an ordinary number: not NaN, not infinite.
    pub fn is_finite(&self) -> bool {
        !matches!(self.0, Repr::NaN | Repr::Infinity { .. })
    }

    /// Whether the value is zero.
    pub fn is_zero(&self) -> bool {
        match &self.0 {
            Repr::Small { coefficient, .. } => *coefficient == 0,
            Repr::NegativeZero { .. } => true,
            Repr::Wide(w) => w.coefficient.is_zero(),
            _ => false,
        }
    }

    /// Whether the value is below zero (`-0` is not).
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small { coefficient, .. } => *coefficient < 0,
            Repr::Wide(w) => w.coefficient.is_negative(),
            Repr::Infinity { negative } => *negative,
            _ => false,
        }
    }

    /// Coefficient and scale when the coefficient fits 38 digits; `None` for `-0` and special values too.
    pub fn small(&self) -> Option<(i128, i32)> {
        match self.0 {
            Repr::Small { coefficient, scale } => Some((coefficient, scale)),
            _ => None,
        }
    }

    /// Coefficient and scale of any finite amount.
    pub(super) fn big(&self) -> Option<(BigInt, i32)> {
        match &self.0 {
            Repr::Small { coefficient, scale } => Some((BigInt::from(*coefficient), *scale)),
            Repr::NegativeZero { scale } => Some((BigInt::ZERO, *scale)),
            Repr::Wide(w) => Some((w.coefficient.clone(), w.scale)),
            _ => None,
        }
    }

    /// Equal by value: `1.50` is `1.5`, `-0` is `0`. NaN is only NaN, an infinity only itself.
    pub fn same_value(&self, other: &Amount) -> bool {
        self.total_cmp(other) == Ordering::Equal
    }

    /// A total order by value: NaN first (as BSON sorts it), then from minus to plus infinity.
    pub fn total_cmp(&self, other: &Amount) -> Ordering {
        fn class(a: &Amount) -> i8 {
            match a.0 {
                Repr::NaN => -3,
                Repr::Infinity { negative: true } => -2,
                Repr::Infinity { negative: false } => 2,
                _ if a.is_zero() => 0,
                _ if a.is_negative() => -1,
                _ => 1,
            }
        }
        let (left, right) = (class(self), class(other));
        if left != right || left.abs() != 1 {
            return left.cmp(&right);
        }
        if let (Some((a, sa)), Some((b, sb))) = (self.small(), other.small())
            && let Some(order) = compare_small(a, sa, b, sb)
        {
            return order;
        }
        let (Some((a, sa)), Some((b, sb))) = (self.big(), other.big()) else { return Ordering::Equal };
        // The position of the leading digit decides unless it is the same: no huge power is built for nothing.
        let lead = |c: &BigInt, scale: i32| decimal_digits(c) - i64::from(scale);
        let (la, lb) = (lead(&a, sa), lead(&b, sb));
        if la != lb {
            return if left > 0 { la.cmp(&lb) } else { lb.cmp(&la) };
        }
        let scale = sa.max(sb);
        rescale(a, sa, scale).cmp(&rescale(b, sb, scale))
    }

    /// The exact sum; `None` when either side is NaN or infinite.
    pub fn plus(&self, other: &Amount) -> Option<Amount> {
        if let (Some((a, sa)), Some((b, sb))) = (self.small(), other.small())
            && let Some((a, b, scale)) = align_small(a, sa, b, sb)
            && let Some(sum) = a.checked_add(b)
        {
            return Some(Amount::new(sum, scale));
        }
        let ((a, sa), (b, sb)) = (self.big()?, other.big()?);
        let scale = sa.max(sb);
        Some(Amount::from_big(rescale(a, sa, scale) + rescale(b, sb, scale), scale))
    }

    /// The exact difference `self - other`; `None` when either side is NaN or infinite.
    pub fn minus(&self, other: &Amount) -> Option<Amount> {
        self.plus(&other.negated())
    }

    /// The exact product; `None` when either side is NaN or infinite.
    pub fn times(&self, other: &Amount) -> Option<Amount> {
        let ((a, sa), (b, sb)) = (self.big()?, other.big()?);
        Some(Amount::from_big(a * b, sa.checked_add(sb)?))
    }

    /// With the other sign; zero stays zero.
    pub fn negated(&self) -> Amount {
        match &self.0 {
            Repr::Small { coefficient, scale } => match coefficient.checked_neg() {
                Some(c) => Amount::new(c, *scale),
                None => Amount::from_big(-BigInt::from(*coefficient), *scale),
            },
            Repr::NegativeZero { scale } => Amount::new(0, *scale),
            Repr::Wide(w) => Amount::from_big(-w.coefficient.clone(), w.scale),
            Repr::NaN => Amount::NAN,
            Repr::Infinity { negative } => Amount::infinity(!negative),
        }
    }

    /// Without its sign.
    pub fn magnitude(&self) -> Amount {
        match self.0 {
            Repr::NegativeZero { scale } => Amount::new(0, scale),
            _ if self.is_negative() => self.negated(),
            _ => self.clone(),
        }
    }

    /// Whether the value is a whole number.
    pub fn is_integral(&self) -> bool {
        let Some((c, scale)) = self.big() else { return false };
        scale <= 0 || c.is_zero() || (c % BigInt::from(10).pow(scale as u32)).is_zero()
    }
}

impl From<rust_decimal::Decimal> for Amount {
    /// Lossless: `rust_decimal` holds 28 digits, an amount more.
    fn from(decimal: rust_decimal::Decimal) -> Self {
        Amount::new(decimal.mantissa(), decimal.scale() as i32)
    }
}

impl TryFrom<&Amount> for rust_decimal::Decimal {
    type Error = AmountError;

    /// Exact or refused: never rounded to the 28 digits that `rust_decimal` holds.
    fn try_from(amount: &Amount) -> Result<Self, AmountError> {
        let refuse = || AmountError::NotANumber(amount.to_string());
        let (coefficient, scale) = match amount.0 {
            Repr::NegativeZero { .. } => (0, 0),
            _ => amount.small().ok_or_else(refuse)?,
        };
        let (coefficient, scale) = if scale < 0 {
            (10i128.checked_pow(scale.unsigned_abs()).and_then(|p| coefficient.checked_mul(p)).ok_or_else(refuse)?, 0)
        } else {
            (coefficient, scale as u32)
        };
        rust_decimal::Decimal::try_from_i128_with_scale(coefficient, scale).map_err(|_| refuse())
    }
}

/// Compares two small amounts; `None` when aligning them overflows.
pub fn compare_small(a: i128, scale_a: i32, b: i128, scale_b: i32) -> Option<Ordering> {
    let (a, b, _) = align_small(a, scale_a, b, scale_b)?;
    Some(a.cmp(&b))
}

/// Brings two small amounts to the larger of their scales; `None` when that overflows.
pub fn align_small(a: i128, scale_a: i32, b: i128, scale_b: i32) -> Option<(i128, i128, i32)> {
    match scale_a.cmp(&scale_b) {
        Ordering::Equal => Some((a, b, scale_a)),
        Ordering::Less => Some((a.checked_mul(power_of_ten(scale_b.checked_sub(scale_a)?)?)?, b, scale_b)),
        Ordering::Greater => Some((a, b.checked_mul(power_of_ten(scale_a.checked_sub(scale_b)?)?)?, scale_a)),
    }
}

/// `10^exponent` in an `i128`; `None` beyond 10^38.
pub fn power_of_ten(exponent: i32) -> Option<i128> {
    const POWERS: [i128; 39] = {
        let mut table = [1i128; 39];
        let mut i = 1;
        while i < 39 {
            table[i] = table[i - 1] * 10;
            i += 1;
        }
        table
    };
    POWERS.get(usize::try_from(exponent).ok()?).copied()
}

fn rescale(coefficient: BigInt, from: i32, to: i32) -> BigInt {
    if from == to || coefficient.is_zero() {
        coefficient
    } else {
        coefficient * BigInt::from(10).pow((to - from) as u32)
    }
}

fn decimal_digits(c: &BigInt) -> i64 {
    c.magnitude().to_str_radix(10).len() as i64
}

impl fmt::Display for Amount {
    /// Every digit, trailing zeros included; scientific only where plain digits would be padding
    /// (`1E+6111`, `1E-6176`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, digits, scale) = match &self.0 {
            Repr::NaN => return f.pad("NaN"),
            Repr::Infinity { negative } => return f.pad(if *negative { "-Infinity" } else { "Infinity" }),
            Repr::NegativeZero { scale } => (true, "0".to_owned(), *scale),
            Repr::Small { coefficient, scale } => (*coefficient < 0, coefficient.unsigned_abs().to_string(), *scale),
            Repr::Wide(w) => (w.coefficient.sign() == Sign::Minus, w.coefficient.magnitude().to_str_radix(10), w.scale),
        };
        f.pad(&plain(negative, &digits, scale))
    }
}

fn plain(negative: bool, digits: &str, scale: i32) -> String {
    let sign = if negative { "-" } else { "" };
    let padding = if scale < 0 { -i64::from(scale) } else { i64::from(scale) - digits.len() as i64 };
    if padding > 60 {
        let exponent = digits.len() as i64 - 1 - i64::from(scale);
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}E{exponent:+}");
    }
    if scale <= 0 {
        let zeros = if digits == "0" { 0 } else { padding.max(0) as usize };
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    }
    let scale = scale as usize;
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        format!("{sign}{whole}.{fraction}")
    } else {
        format!("{sign}0.{}{digits}", "0".repeat(scale - digits.len()))
    }
}

//! Exact arithmetic on single coefficients: one rounding at most, and a fault instead of a wrong value.
//!
//! The fast way is `i128`; where an intermediate does not fit, a big integer takes over, so that only a *result*
//! beyond 38 digits is a fault. No floats.
#![deny(clippy::float_arithmetic)]

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

/// 10^38: no coefficient reaches it.
pub(crate) const LIMIT: i128 = 10i128.pow(38);
/// The high part of a sum counts these: 10^19, so that neither part of any sum of 2^63 rows reaches 38 digits.
pub(crate) const SPLIT: i128 = 10i128.pow(19);

/// Why a value does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More than 38 digits at the expression's scale.
    Overflow,
    /// A divisor of zero.
    DivideByZero,
    /// A unit that is zero or below.
    Unit,
    /// An input column holds more digits than its type says.
    Precision(u32),
    /// A text that is no number of the wanted form, or a number that does not fit it.
    NotANumber(String),
    /// A date outside of the calendar (years -9999 to 9999).
    Calendar,
    /// A start or a length that makes no text.
    Substring,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Overflow => f.write_str("a value has more than 38 digits"),
            Fault::DivideByZero => f.write_str("division by zero"),
            Fault::Unit => f.write_str("the unit of truncate_to_unit is zero or negative"),
            Fault::Precision(digits) => write!(f, "the input holds a value of more than the declared {digits} digits"),
            Fault::NotANumber(text) => write!(f, "the text '{text}' is no number that fits the wanted type"),
            Fault::Calendar => f.write_str("a date lies outside of the years -9999 to 9999"),
            Fault::Substring => f.write_str("SUBSTR with a start below 1 or a negative length"),
        }
    }
}

/// How a quotient or a cut scale is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To the nearest; a tie away from zero.
    HalfUp,
    /// To the nearest; a tie to the even neighbour.
    HalfEven,
    /// Towards zero.
    Down,
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceiling,
}

impl Mode {
    /// Every mode with the name that `divide` takes.
    pub const ALL: [(&'static str, Mode); 5] = [
        ("half_up", Mode::HalfUp),
        ("half_even", Mode::HalfEven),
        ("down", Mode::Down),
        ("floor", Mode::Floor),
        ("ceiling", Mode::Ceiling),
    ];

    /// Whether the truncated quotient moves one away from zero. `twice` compares twice the remainder's magnitude
    /// with the divisor's; the remainder is not zero.
    fn away(self, negative: bool, odd: bool, twice: std::cmp::Ordering) -> bool {
        match self {
            Mode::HalfUp => twice.is_ge(),
            Mode::HalfEven => twice.is_gt() || (twice.is_eq() && odd),
            Mode::Down => false,
            Mode::Floor => negative,
            Mode::Ceiling => !negative,
        }
    }
}

/// `10^exponent`, for exponents up to 38.
#[inline]
pub(crate) fn ten(exponent: u32) -> i128 {
    const POWERS: [i128; 39] = {
        let mut table = [1i128; 39];
        let mut i = 1;
        while i < 39 {
            table[i] = table[i - 1] * 10;
            i += 1;
        }
        table
    };
    POWERS[exponent as usize]
}

fn big_ten(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

/// The value, when it has at most 38 digits.
#[inline]
pub(crate) fn fit(value: i128) -> Result<i128, Fault> {
    if value.unsigned_abs() < LIMIT.unsigned_abs() { Ok(value) } else { Err(Fault::Overflow) }
}

fn fit_big(value: &BigInt) -> Result<i128, Fault> {
    value.to_i128().ok_or(Fault::Overflow).and_then(fit)
}

/// `a × 10^up_a + b × 10^up_b`.
#[inline]
pub(crate) fn add(a: i128, up_a: u32, b: i128, up_b: u32) -> Result<i128, Fault> {
    let small = || a.checked_mul(ten(up_a))?.checked_add(b.checked_mul(ten(up_b))?);
    match small() {
        Some(sum) => fit(sum),
        None => fit_big(&(BigInt::from(a) * big_ten(up_a) + BigInt::from(b) * big_ten(up_b))),
    }
}

/// `a × b`.
#[inline]
pub(crate) fn multiply(a: i128, b: i128) -> Result<i128, Fault> {
    // Most amounts are below 64 bits: one machine multiplication, and no check of the product is needed.
    if let (Ok(a), Ok(b)) = (i64::try_from(a), i64::try_from(b)) {
        return Ok(i128::from(a) * i128::from(b));
    }
    a.checked_mul(b).ok_or(Fault::Overflow).and_then(fit)
}

/// `a × 10^up`.
#[inline]
pub(crate) fn rescale(a: i128, up: u32) -> Result<i128, Fault> {
    a.checked_mul(ten(up)).ok_or(Fault::Overflow).and_then(fit)
}

/// `a / b` rounded to a whole number.
#[inline]
pub(crate) fn divide_whole(a: i128, b: i128, mode: Mode) -> Result<i128, Fault> {
    if b == 0 {
        return Err(Fault::DivideByZero);
    }
    // Division of 128 bits is many times slower than of 64.
    let (quotient, remainder) = match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) if b != -1 => (i128::from(a / b), i128::from(a % b)),
        _ => (a.checked_div(b).ok_or(Fault::Overflow)?, a.checked_rem(b).ok_or(Fault::Overflow)?),
    };
    if remainder == 0 {
        return fit(quotient);
    }
    let (rest, whole) = (remainder.unsigned_abs(), b.unsigned_abs());
    let negative = (a < 0) != (b < 0);
    let step = i128::from(mode.away(negative, quotient & 1 != 0, rest.cmp(&(whole - rest))));
    fit(if negative { quotient - step } else { quotient + step })
}

fn divide_big(a: &BigInt, b: &BigInt, mode: Mode) -> Result<i128, Fault> {
    if b.is_zero() {
        return Err(Fault::DivideByZero);
    }
    let (quotient, remainder) = (a / b, a % b);
    if remainder.is_zero() {
        return fit_big(&quotient);
    }
    let negative = a.is_negative() != b.is_negative();
    let twice = (remainder.abs() * BigInt::from(2)).cmp(&b.abs());
    let away = mode.away(negative, quotient.bit(0), twice);
    let step = BigInt::from(i32::from(away));
    fit_big(&if negative { quotient - step } else { quotient + step })
}

/// `a × 10^shift / b`, rounded once. A negative shift enlarges the divisor.
#[inline]
pub(crate) fn divide(a: i128, b: i128, shift: i32, mode: Mode) -> Result<i128, Fault> {
    let (up, down) = (shift.max(0).unsigned_abs(), shift.min(0).unsigned_abs());
    if up <= 38
        && down <= 38
        && let (Some(a), Some(b)) = (a.checked_mul(ten(up)), b.checked_mul(ten(down)))
    {
        return divide_whole(a, b, mode);
    }
    divide_big(&(BigInt::from(a) * big_ten(up)), &(BigInt::from(b) * big_ten(down)), mode)
}

/// `a` at a scale smaller by `down`.
#[inline]
pub(crate) fn round(a: i128, down: u32, mode: Mode) -> Result<i128, Fault> {
    divide_whole(a, ten(down), mode)
}

/// `a` cut towards zero to a multiple of `unit`, at the unit's scale.
#[inline]
pub(crate) fn truncate(a: i128, up_a: u32, unit: i128, up_unit: u32) -> Result<i128, Fault> {
    if unit <= 0 {
        return Err(Fault::Unit);
    }
    if let (Some(a), Some(whole)) = (a.checked_mul(ten(up_a)), unit.checked_mul(ten(up_unit))) {
        let times = divide_whole(a, whole, Mode::Down)?;
        return times.checked_mul(unit).ok_or(Fault::Overflow).and_then(fit);
    }
    let times = BigInt::from(a) * big_ten(up_a) / (BigInt::from(unit) * big_ten(up_unit));
    fit_big(&(times * BigInt::from(unit)))
}

/// The order of two numbers of different scales, by value; never a fault.
#[inline]
pub(crate) fn compare(a: i128, up_a: u32, b: i128, up_b: u32) -> std::cmp::Ordering {
    match (a.checked_mul(ten(up_a)), b.checked_mul(ten(up_b))) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => (BigInt::from(a) * big_ten(up_a)).cmp(&(BigInt::from(b) * big_ten(up_b))),
    }
}

/// `high × 10^19 + low`: the two halves of a sum put together.
#[inline]
pub(crate) fn join_sum(high: i128, low: i128) -> Result<i128, Fault> {
    match high.checked_mul(SPLIT).and_then(|high| high.checked_add(low)) {
        Some(sum) => fit(sum),
        None => fit_big(&(BigInt::from(high) * BigInt::from(SPLIT) + BigInt::from(low))),
    }
}

/// The upper half of a key: the sign and the upper 63 bits.
#[inline]
pub(crate) fn key_high(a: i128) -> i64 {
    (a >> 64) as i64
}

/// The lower half of a key, with its upper bit flipped so that its order as a signed number is that of the bits.
#[inline]
pub(crate) fn key_low(a: i128) -> i64 {
    (a as i64) ^ i64::MIN
}

/// The coefficient of both halves.
#[inline]
pub(crate) fn key_join(high: i128, low: i128) -> i128 {
    (high << 64) | i128::from(((low as i64) ^ i64::MIN) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: i128 = LIMIT - 1;

    #[test]
    fn every_mode_at_ties_and_beside_them() {
        //            a, half_up, half_even, down, floor, ceiling: a tenth
        let cases = [
            (25, 3, 2, 2, 2, 3),
            (35, 4, 4, 3, 3, 4),
            (-25, -3, -2, -2, -3, -2),
            (-35, -4, -4, -3, -4, -3),
            (24, 2, 2, 2, 2, 3),
            (26, 3, 3, 2, 2, 3),
            (-24, -2, -2, -2, -3, -2),
            (-26, -3, -3, -2, -3, -2),
            (5, 1, 0, 0, 0, 1),
            (-5, -1, 0, 0, -1, 0),
            (0, 0, 0, 0, 0, 0),
            (20, 2, 2, 2, 2, 2),
        ];
        for (a, half_up, half_even, down, floor, ceiling) in cases {
            let wanted = [half_up, half_even, down, floor, ceiling];
            for ((name, mode), wanted) in Mode::ALL.into_iter().zip(wanted) {
                assert_eq!(round(a, 1, mode), Ok(wanted), "{a} {name}");
                assert_eq!(divide(a, -10, 0, mode), round(-a, 1, mode), "{a} {name}");
                assert_eq!(divide_big(&a.into(), &10.into(), mode), Ok(wanted), "{a} {name}");
            }
        }
    }

    #[test]
    fn an_intermediate_beyond_128_bits_is_no_fault() {
        assert_eq!(divide(MAX, MAX, 38, Mode::Down), Err(Fault::Overflow), "10^38 has 39 digits");
        assert_eq!(divide(MAX, MAX, 37, Mode::Down), Ok(10i128.pow(37)));
        assert_eq!(divide(MAX - 1, MAX, 37, Mode::HalfUp), Ok(10i128.pow(37)));
        assert_eq!(divide(MAX - 1, MAX, 37, Mode::Down), Ok(10i128.pow(37) - 1));
        assert_eq!(divide(1, MAX, -38, Mode::Ceiling), Ok(1));
        assert_eq!(add(MAX, 0, -1, 0), Ok(MAX - 1));
        assert_eq!(add(1, 38, -1, 0), Ok(MAX), "10^38 - 1");
        assert_eq!(add(20, 37, -11, 37), Ok(9 * 10i128.pow(37)), "neither operand fits, the sum does");
        assert_eq!(join_sum(SPLIT, -1), Ok(MAX));
        assert_eq!(truncate(MAX, 38, 10, 0), Err(Fault::Overflow));
        assert_eq!(truncate(MAX, 0, 10i128.pow(37), 5), Ok(0));
        assert_eq!(compare(MAX, 38, MAX, 37), std::cmp::Ordering::Greater);
    }

    #[test]
    fn keys_are_ordered_as_their_numbers_and_come_back() {
        let mut numbers =
            vec![0, 1, -1, MAX, -MAX, i64::MAX.into(), i64::MIN.into(), 1 << 64, -(1 << 64), (1 << 63) + 5];
        numbers.sort_unstable();
        let keys: Vec<(i64, i64)> = numbers.iter().map(|n| (key_high(*n), key_low(*n))).collect();
        assert!(keys.is_sorted());
        for (number, (high, low)) in numbers.into_iter().zip(keys) {
            assert_eq!(key_join(high.into(), low.into()), number);
        }
    }

    #[test]
    fn a_result_of_39_digits_is_a_fault() {
        assert_eq!(add(MAX, 0, 1, 0), Err(Fault::Overflow));
        assert_eq!(add(-MAX, 0, -1, 0), Err(Fault::Overflow));
        assert_eq!(multiply(10i128.pow(19), 10i128.pow(19)), Err(Fault::Overflow));
        assert_eq!(multiply(10i128.pow(19), 10i128.pow(19) - 1), Ok(10i128.pow(38) - 10i128.pow(19)));
        assert_eq!(multiply(i128::MAX, 2), Err(Fault::Overflow));
        assert_eq!(rescale(10, 37), Err(Fault::Overflow));
        assert_eq!(divide_whole(1, 0, Mode::Down), Err(Fault::DivideByZero));
        assert_eq!(divide(i128::MAX, 0, 38, Mode::Down), Err(Fault::DivideByZero));
        assert_eq!(truncate(5, 0, 0, 0), Err(Fault::Unit));
    }
}

//! How a quotient is rounded: once, from the true quotient, and only where a rule says so.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::{Signed, Zero};

/// How a quotient or a cut scale is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To the nearest; a tie away from zero.
    HalfUp,
    /// To the nearest; a tie to the even neighbour.
    HalfEven,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceiling,
}

impl Rounding {
    /// Every way to round.
    pub const ALL: [Rounding; 6] =
        [Rounding::HalfUp, Rounding::HalfEven, Rounding::Down, Rounding::Up, Rounding::Floor, Rounding::Ceiling];

    /// The word of `mode`.
    pub fn name(self) -> &'static str {
        match self {
            Rounding::HalfUp => "half_up",
            Rounding::HalfEven => "half_even",
            Rounding::Down => "down",
            Rounding::Up => "up",
            Rounding::Floor => "floor",
            Rounding::Ceiling => "ceiling",
        }
    }

    /// Whether the truncated quotient moves one away from zero. `twice` compares twice the remainder's magnitude with
    /// the divisor's; the remainder is not zero.
    fn away(self, negative: bool, odd: bool, twice: Ordering) -> bool {
        match self {
            Rounding::HalfUp => twice.is_ge(),
            Rounding::HalfEven => twice.is_gt() || (twice.is_eq() && odd),
            Rounding::Down => false,
            Rounding::Up => true,
            Rounding::Floor => negative,
            Rounding::Ceiling => !negative,
        }
    }
}

/// `dividend / divisor` as a whole number; `None` when the divisor is zero or the quotient does not fit.
pub(super) fn divide_small(dividend: i128, divisor: i128, rounding: Rounding) -> Option<i128> {
    // Division of 128 bits is many times slower than of 64.
    let (quotient, remainder) = match (i64::try_from(dividend), i64::try_from(divisor)) {
        (Ok(a), Ok(b)) if b != -1 => (i128::from(a.checked_div(b)?), i128::from(a.checked_rem(b)?)),
        _ => (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?),
    };
    if remainder == 0 {
        return Some(quotient);
    }
    let (rest, whole) = (remainder.unsigned_abs(), divisor.unsigned_abs());
    let negative = (dividend < 0) != (divisor < 0);
    let step = i128::from(rounding.away(negative, quotient & 1 != 0, rest.cmp(&(whole - rest))));
    if negative { quotient.checked_sub(step) } else { quotient.checked_add(step) }
}

/// As [`divide_small`], of any size; the divisor is not zero.
pub(super) fn divide_big(dividend: &BigInt, divisor: &BigInt, rounding: Rounding) -> BigInt {
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    if remainder.is_zero() {
        return quotient;
    }
    let negative = dividend.is_negative() != divisor.is_negative();
    let twice = (remainder.abs() * BigInt::from(2)).cmp(&divisor.abs());
    let step = BigInt::from(i32::from(rounding.away(negative, quotient.bit(0), twice)));
    if negative { quotient - step } else { quotient + step }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_at_ties_and_beside_them() {
        // A tenth of the first number, in the order of `Rounding::ALL`.
        let cases = [
            (25, [3, 2, 2, 3, 2, 3]),
            (35, [4, 4, 3, 4, 3, 4]),
            (-25, [-3, -2, -2, -3, -3, -2]),
            (-35, [-4, -4, -3, -4, -4, -3]),
            (24, [2, 2, 2, 3, 2, 3]),
            (26, [3, 3, 2, 3, 2, 3]),
            (-24, [-2, -2, -2, -3, -3, -2]),
            (-26, [-3, -3, -2, -3, -3, -2]),
            (5, [1, 0, 0, 1, 0, 1]),
            (-5, [-1, 0, 0, -1, -1, 0]),
            (0, [0; 6]),
            (20, [2; 6]),
            (-20, [-2; 6]),
        ];
        for (dividend, wanted) in cases {
            for (rounding, wanted) in Rounding::ALL.into_iter().zip(wanted) {
                assert_eq!(divide_small(dividend, 10, rounding), Some(wanted), "{dividend} {rounding:?}");
                assert_eq!(divide_small(-dividend, -10, rounding), Some(wanted), "{dividend} {rounding:?}");
                assert_eq!(
                    divide_big(&dividend.into(), &10.into(), rounding),
                    wanted.into(),
                    "{dividend} {rounding:?}"
                );
                assert_eq!(
                    divide_big(&(-dividend).into(), &(-10).into(), rounding),
                    wanted.into(),
                    "{dividend} {rounding:?}"
                );
                let wide = dividend << 64;
                assert_eq!(divide_small(wide, 10 << 64, rounding), Some(wanted), "{dividend} {rounding:?}");
            }
        }
        for (dividend, divisor) in [(1, 0), (i128::MAX, 0), (i128::MIN, -1)] {
            assert_eq!(divide_small(dividend, divisor, Rounding::HalfUp), None);
        }
        assert_eq!(divide_small(i128::from(i64::MIN), -1, Rounding::Down), Some(1 << 63));
    }
}

//! The calculator's own arithmetic: decimals as 128-bit integers with a scale, every operation checked. Must not round
//! but where its name says so.

/// `coefficient × 10^-scale`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    coefficient: i128,
    scale: u32,
}

const TOO_LARGE: &str = "an amount is too large to compute with exactly";

impl Decimal {
    pub(super) const fn new(coefficient: i128, scale: u32) -> Decimal {
        Decimal { coefficient, scale }
    }

    pub(super) const fn whole(number: i128) -> Decimal {
        Decimal::new(number, 0)
    }

    /// Reads `-12.50`; no exponent, at most 30 digits.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all = format!("{whole}{fraction}");
        if whole.is_empty() || all.len() > 30 || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let magnitude: i128 = all.parse().ok()?;
        let coefficient = if digits.len() == text.len() { magnitude } else { -magnitude };
        Some(Decimal::new(coefficient, fraction.len() as u32))
    }

    pub(super) fn is_negative(self) -> bool {
        self.coefficient < 0
    }

    /// Both at the larger scale.
    fn aligned(self, other: Decimal) -> Result<(i128, i128, u32), String> {
        let scale = self.scale.max(other.scale);
        let at = |d: Decimal| 10_i128.checked_pow(scale - d.scale).and_then(|ten| d.coefficient.checked_mul(ten));
        Ok((at(self).ok_or(TOO_LARGE)?, at(other).ok_or(TOO_LARGE)?, scale))
    }

    pub(super) fn plus(self, other: Decimal) -> Result<Decimal, String> {
        let (a, b, scale) = self.aligned(other)?;
        Ok(Decimal::new(a.checked_add(b).ok_or(TOO_LARGE)?, scale))
    }

    pub(super) fn above(self, other: Decimal) -> Result<bool, String> {
        let (a, b, _) = self.aligned(other)?;
        Ok(a > b)
    }

    pub(super) fn times(self, other: Decimal) -> Result<Decimal, String> {
        let product = self.coefficient.checked_mul(other.coefficient).ok_or(TOO_LARGE)?;
        Ok(Decimal::new(product, self.scale + other.scale))
    }

    /// To the nearest whole number, a tie away from zero.
    pub(super) fn round_half_up(self) -> Result<i128, String> {
        half_up(self.coefficient, 10_i128.checked_pow(self.scale).ok_or(TOO_LARGE)?)
    }

    /// The largest whole number that is not above it.
    pub(super) fn floor(self) -> Result<i128, String> {
        Ok(self.coefficient.div_euclid(10_i128.checked_pow(self.scale).ok_or(TOO_LARGE)?))
    }

    /// The number, if it is a whole one.
    pub(super) fn to_whole(self) -> Option<i128> {
        let ten = 10_i128.checked_pow(self.scale)?;
        (self.coefficient % ten == 0).then_some(self.coefficient / ten)
    }
}

/// The quotient to the nearest whole number, a tie away from zero.
pub(super) fn divide_half_up(dividend: Decimal, divisor: Decimal) -> Result<i128, String> {
    let (a, b, _) = dividend.aligned(divisor)?;
    match b {
        0 => Err("a part of an amount of zero".to_owned()),
        _ => half_up(a, b),
    }
}

/// `a / b` to the nearest whole number, a tie away from zero; `b` is not zero.
fn half_up(a: i128, b: i128) -> Result<i128, String> {
    let (quotient, rest) = (a / b, a % b);
    // |2 × rest| >= |b|, without a product that could overflow.
    if rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs() {
        return Ok(quotient + if (a < 0) == (b < 0) { 1 } else { -1 });
    }
    Ok(quotient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_away_from_zero() {
        for (text, rounded, floor) in [
            ("0.5", 1, 0),
            ("-0.5", -1, -1),
            ("2.5", 3, 2),
            ("2.49", 2, 2),
            ("-2.51", -3, -3),
            ("7", 7, 7),
            ("0.00", 0, 0),
        ] {
            let number = Decimal::parse(text).expect(text);
            assert_eq!((number.round_half_up(), number.floor()), (Ok(rounded), Ok(floor)), "{text}");
        }
        assert_eq!(divide_half_up(Decimal::whole(7), Decimal::whole(2)), Ok(4));
        assert_eq!(divide_half_up(Decimal::whole(-7), Decimal::new(20, 1)), Ok(-4));
        assert_eq!(divide_half_up(Decimal::new(10, 1), Decimal::whole(3)), Ok(0));
        assert!(divide_half_up(Decimal::whole(1), Decimal::new(0, 2)).is_err());
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1,000", " 1", "NaN", "--1", "1.2.3", "١"] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
        assert!(Decimal::parse(&"9".repeat(31)).is_none());
        let large = Decimal::parse(&"9".repeat(30)).expect("30 digits");
        assert!(large.times(large).is_err());
    }
}

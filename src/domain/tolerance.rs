//! Tolerances: how far two amounts may lie apart and still agree. None unless the user says so.

use std::fmt;
use std::str::FromStr;

use super::amount::Amount;

/// An absolute distance, or a percentage of the legacy amount.
#[derive(Clone, Debug)]
pub enum Tolerance {
    /// `|candidate - legacy| <= distance`.
    Absolute(Amount),
    /// `|candidate - legacy| <= |legacy| × percent / 100`.
    Percent(Amount),
}

/// Why a text is not a tolerance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a tolerance; write a distance such as `0.01` or a share of the legacy amount such as `0.1%`, not negative"
)]
pub struct ToleranceError(String);

impl Tolerance {
    /// Whether two amounts lie within the tolerance; decided without rounding. NaN and infinities never do.
    pub fn allows(&self, legacy: &Amount, candidate: &Amount) -> bool {
        let Some(distance) = candidate.minus(legacy).map(|d| d.magnitude()) else { return false };
        let at_most = |a: &Amount, b: &Amount| a.total_cmp(b).is_le();
        match self {
            Tolerance::Absolute(limit) => at_most(&distance, limit),
            Tolerance::Percent(percent) => {
                match (distance.times(&Amount::new(100, 0)), legacy.magnitude().times(percent)) {
                    (Some(left), Some(right)) => at_most(&left, &right),
                    _ => false,
                }
            }
        }
    }

    /// Whether nothing but equality is allowed.
    pub fn is_zero(&self) -> bool {
        match self {
            Tolerance::Absolute(a) | Tolerance::Percent(a) => a.is_zero(),
        }
    }
}

impl FromStr for Tolerance {
    type Err = ToleranceError;

    fn from_str(text: &str) -> Result<Self, ToleranceError> {
        let refuse = || ToleranceError(text.to_owned());
        let (digits, percent) = match text.strip_suffix('%') {
            Some(digits) => (digits.trim_end(), true),
            None => (text, false),
        };
        let amount = Amount::parse(digits).map_err(|_| refuse())?;
        if !amount.is_finite() || amount.is_negative() {
            return Err(refuse());
        }
        Ok(if percent { Tolerance::Percent(amount) } else { Tolerance::Absolute(amount) })
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tolerance::Absolute(a) => write!(f, "{a}"),
            Tolerance::Percent(a) => write!(f, "{a}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_exact() {
        let amount = |t: &str| Amount::parse(t).expect("amount");
        let allows =
            |t: &str, l: &str, c: &str| t.parse::<Tolerance>().expect("tolerance").allows(&amount(l), &amount(c));
        assert!(allows("0.01", "10.00", "10.01") && allows("0.01", "10.01", "10.00"));
        assert!(!allows("0.01", "10.00", "10.0100000000000000000000000000000001"));
        assert!(allows("0.1%", "1000", "1001") && !allows("0.1%", "1000", "1001.0001"));
        assert!(allows("0.1%", "-1000", "-999") && !allows("50%", "0", "0.01"));
        assert!(!allows("1000%", "NaN", "NaN"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "%", "-1", "-0.1%", "abc", "NaN", "Infinity", "1,5"] {
            assert!(text.parse::<Tolerance>().is_err(), "{text}");
        }
    }
}

//! `Total`: an exact running sum that starts in machine words and never overflows silently.

use super::amount::{Amount, align_small};

/// An exact sum of amounts.
#[derive(Clone, Debug, Default)]
pub struct Total {
    coefficient: i128,
    scale: i32,
    /// What did not fit the small sum.
    wide: Option<Box<Amount>>,
}

impl Total {
    /// Adds `coefficient × 10^-scale`.
    #[inline]
    pub fn add_small(&mut self, coefficient: i128, scale: i32) {
        if scale == self.scale
            && let Some(sum) = self.coefficient.checked_add(coefficient)
        {
            self.coefficient = sum;
            return;
        }
        self.add_unaligned(coefficient, scale);
    }

    #[cold]
    fn add_unaligned(&mut self, coefficient: i128, scale: i32) {
        if let Some((sum, added, scale)) = align_small(self.coefficient, self.scale, coefficient, scale)
            && let Some(sum) = sum.checked_add(added)
        {
            (self.coefficient, self.scale) = (sum, scale);
        } else {
            self.add_wide(&Amount::new(coefficient, scale));
        }
    }

    fn add_wide(&mut self, amount: &Amount) {
        let sum = self.wide.take().map_or(Some(amount.clone()), |held| held.plus(amount));
        self.wide = sum.map(Box::new);
    }

    /// Adds an amount. NaN and infinities cannot be totalled: `false`, and nothing is added.
    pub fn add(&mut self, amount: &Amount) -> bool {
        match amount.small() {
            Some((coefficient, scale)) => self.add_small(coefficient, scale),
            None if amount.is_finite() => self.add_wide(amount),
            None => return false,
        }
        true
    }

    /// Takes an amount out again.
    pub fn subtract(&mut self, amount: &Amount) -> bool {
        self.add(&amount.negated())
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Total) {
        self.add_small(other.coefficient, other.scale);
        if let Some(wide) = &other.wide {
            self.add_wide(wide);
        }
    }

    /// The sum, exactly.
    pub fn amount(&self) -> Amount {
        let small = Amount::new(self.coefficient, self.scale);
        match &self.wide {
            None => small,
            Some(wide) => small.plus(wide).unwrap_or(small),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beyond_an_i128_stay_exact() {
        let mut total = Total::default();
        let big = Amount::parse("99999999999999999999999999999999999999").expect("38 digits");
        for _ in 0..10 {
            assert!(total.add(&big));
        }
        assert!(total.add(&Amount::parse("0.000000000000000000000000000001").expect("30 decimals")));
        assert_eq!(
            total.amount().to_string(),
            "999999999999999999999999999999999999990.000000000000000000000000000001"
        );
        for _ in 0..10 {
            total.subtract(&big);
        }
        assert!(total.amount().same_value(&Amount::parse("1e-30").expect("amount")));
        assert!(!total.add(&Amount::NAN));
    }
}

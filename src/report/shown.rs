//! The discrepancies that are shown: at most a limit, streamed, and checked against the report's counts.
//! Must not format.

use std::io;

use super::Discrepancy;

/// Takes at most `limit` discrepancies and notices when their number is not what the report counts.
pub(super) struct Shown<'a> {
    all: &'a mut dyn Iterator<Item = Result<Discrepancy, io::Error>>,
    limit: u64,
    counted: u64,
    taken: u64,
    ended: bool,
}

impl<'a> Shown<'a> {
    pub(super) fn new(
        all: &'a mut dyn Iterator<Item = Result<Discrepancy, io::Error>>,
        limit: u64,
        counted: u64,
    ) -> Self {
        Shown { all, limit, counted, taken: 0, ended: false }
    }

    /// The next one to show.
    ///
    /// # Errors
    /// Reading failed, or there are more or fewer than the report counts: a list that is cut short must not
    /// look complete.
    pub(super) fn next(&mut self) -> io::Result<Option<Discrepancy>> {
        if self.ended {
            return Ok(None);
        }
        match self.all.next().transpose()? {
            Some(_) if self.taken == self.counted => Err(self.refuse("more")),
            Some(_) if self.taken == self.limit => {
                self.ended = true;
                Ok(None)
            }
            Some(discrepancy) => {
                self.taken += 1;
                Ok(Some(discrepancy))
            }
            None if self.taken != self.counted => Err(self.refuse("fewer")),
            None => {
                self.ended = true;
                Ok(None)
            }
        }
    }

    /// How many are shown, known before the first is read.
    pub(super) fn count(&self) -> u64 {
        self.limit.min(self.counted)
    }

    /// How many there are but are not shown.
    pub(super) fn left_out(&self) -> u64 {
        self.counted - self.count()
    }

    fn refuse(&self, word: &str) -> io::Error {
        let text = format!("the comparison counted {} discrepancies, but {word} were kept to be shown", self.counted);
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::DiscrepancyKind;
    use super::*;

    fn some(n: usize) -> impl Iterator<Item = Result<Discrepancy, io::Error>> {
        (0..n).map(|_| {
            Ok(Discrepancy {
                key: Vec::new(),
                kind: DiscrepancyKind::Mismatch,
                fields: Vec::new(),
                legacy_copies: Vec::new(),
                candidate_copies: Vec::new(),
                reason: None,
            })
        })
    }

    fn taken(kept: usize, limit: u64, counted: u64) -> io::Result<u64> {
        let mut all = some(kept);
        let mut shown = Shown::new(&mut all, limit, counted);
        let mut n = 0;
        while shown.next()?.is_some() {
            n += 1;
        }
        assert_eq!((n, n + shown.left_out()), (shown.count(), counted));
        Ok(n)
    }

    #[test]
    fn a_limit_hides_and_never_loses() {
        assert_eq!(taken(3, 2, 3).expect("2"), 2);
        assert_eq!(taken(3, 3, 3).expect("3"), 3);
        assert_eq!(taken(3, 0, 3).expect("0"), 0);
        assert_eq!(taken(0, 5, 0).expect("none"), 0);
    }

    #[test]
    fn another_number_than_counted_is_refused() {
        for (kept, limit, counted) in [(2, 10, 3), (4, 10, 3), (2, 2, 3), (1, 0, 0)] {
            let error = taken(kept, limit, counted).expect_err("refused");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{kept} {limit} {counted}");
        }
    }
}

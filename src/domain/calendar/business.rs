//! Business days: what is neither weekend nor holiday. A year whose public holidays nobody gave is refused: a payout
//! day counted without them would be wrong, and would look right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};

use super::{CalendarError, korea};

/// Kinds of holiday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolidayKind {
    /// Fixed by law for every year, or its substitute.
    Public,
    /// For one occasion: proclaimed by the government, an election, a bank's own.
    Temporary,
}

impl HolidayKind {
    /// As it is written in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            HolidayKind::Public => "public",
            HolidayKind::Temporary => "temporary",
        }
    }
}

impl fmt::Display for HolidayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for HolidayKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "public" | "substitute" => Ok(HolidayKind::Public),
            "temporary" => Ok(HolidayKind::Temporary),
            _ => Err(format!("`{text}` is no kind of holiday: public, substitute or temporary")),
        }
    }
}

/// One holiday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// The day.
    pub day: Date,
    /// What it is called; may be empty.
    pub name: String,
    /// Its kind.
    pub kind: HolidayKind,
}

/// Which years' public holidays are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// There are no holidays but weekends: the calendar says so.
    Every,
    /// Only of these years.
    Years(BTreeSet<i16>),
}

/// Weekends and holidays.
#[derive(Clone, Debug)]
pub struct BusinessDays {
    /// Whether a day of the week, from Monday, is none.
    weekend: [bool; 7],
    holidays: BTreeMap<Date, Vec<Holiday>>,
    known: Known,
}

impl BusinessDays {
    /// Business days without any holiday, but for weekends.
    ///
    /// `None` when no day of the week is left.
    pub fn new(weekend: &[Weekday]) -> Option<Self> {
        let mut days = [false; 7];
        for day in weekend {
            days[usize::from(day.to_monday_zero_offset().unsigned_abs())] = true;
        }
        let some_left = days.contains(&false);
        some_left.then_some(BusinessDays { weekend: days, holidays: BTreeMap::new(), known: Known::Every })
    }

    /// From now on only years are trusted whose public holidays are added.
    pub fn require_holidays(&mut self) {
        if self.known == Known::Every {
            self.known = Known::Years(BTreeSet::new());
        }
    }

    /// Adds a holiday. A public one shows that its year is known; a temporary one does not.
    pub fn add(&mut self, holiday: Holiday) {
        self.require_holidays();
        if let (Known::Years(years), HolidayKind::Public) = (&mut self.known, holiday.kind) {
            years.insert(holiday.day.year());
        }
        self.holidays.entry(holiday.day).or_default().push(holiday);
    }

    /// Adds the public holidays of Korea that are shipped.
    pub fn add_korea(&mut self) {
        for (day, name) in korea::DAYS {
            self.add(Holiday { day: *day, name: (*name).to_owned(), kind: HolidayKind::Public });
        }
    }

    /// The holidays, in order.
    pub fn holidays(&self) -> impl Iterator<Item = &Holiday> {
        self.holidays.values().flatten()
    }

    /// Whether a day is a holiday, weekend or not.
    pub fn is_holiday(&self, day: Date) -> bool {
        self.holidays.contains_key(&day)
    }

    /// Whether a day is of the weekend.
    pub fn is_weekend(&self, day: Date) -> bool {
        self.weekend[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())]
    }

    /// Whether business is done on a day.
    ///
    /// # Errors
    /// The public holidays of its year are not known (and it is no weekend).
    pub fn is_business(&self, day: Date) -> Result<bool, CalendarError> {
        if self.is_weekend(day) || self.is_holiday(day) {
            return Ok(false);
        }
        match &self.known {
            Known::Years(years) if !years.contains(&day.year()) => {
                Err(CalendarError::Unknown { year: day.year(), day })
            }
            _ => Ok(true),
        }
    }

    /// The n-th business day after a day, which itself does not count; the day itself for 0.
    ///
    /// # Errors
    /// As [`Self::is_business`], or beyond the year 9999.
    pub fn nth_after(&self, day: Date, n: u16) -> Result<Date, CalendarError> {
        let mut at = day;
        let mut left = n;
        while left > 0 {
            at = at.tomorrow().map_err(|_| CalendarError::Beyond(day))?;
            if self.is_business(at)? {
                left -= 1;
            }
        }
        Ok(at)
    }
}

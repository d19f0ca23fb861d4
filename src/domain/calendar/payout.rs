//! Payouts and their verifications: which is due when. Pure: the same question gives the same answer and the same id,
//! so that a ledger can register it exactly once.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{BusinessDays, CalendarError};

/// When a payout day is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Near {
    /// It is the next business day: before a weekend the evening of the last business day looks.
    #[default]
    BusinessDay,
    /// It is tomorrow: the evening before it looks, weekend or not.
    Day,
}

/// The times of day of a calendar, in its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// When the evening job looks.
    pub register_at: Time,
    /// When the same evening is verified, if tomorrow is the payout day.
    pub tomorrow: Time,
    /// When next morning is verified, if it is not.
    pub later: Time,
}

/// How payout days and verifications follow from business days.
#[derive(Clone, Debug)]
pub struct PayoutRule {
    /// Days of the month, 1 to 31, ascending; a month without it has its last day instead.
    pub base_days: Vec<i8>,
    /// The payout day is this business day after the base day; at least 1.
    pub business_day: u16,
    /// The zone of days and times.
    pub zone: TimeZone,
    /// When is looked and verified.
    pub clock: Clock,
    /// When a payout day is near.
    pub near: Near,
}

/// One payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// The base day before.
    pub previous_base_day: Date,
    /// The base day: its window is (previous base day, base day].
    pub base_day: Date,
    /// The day on which money is paid.
    pub payout_day: Date,
    /// When the evening job first sees it.
    pub register_at: Zoned,
    /// When it is verified.
    pub verify_at: Zoned,
}

/// A payout calendar: the rule, over business days.
#[derive(Clone, Debug)]
pub struct PayoutCalendar {
    /// The rule.
    pub rule: PayoutRule,
    /// The business days.
    pub days: BusinessDays,
}

/// A day of a payout that a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayOf {
    /// The payout day.
    Payout,
    /// The base day.
    Base,
    /// The base day before.
    PreviousBase,
}

impl DayOf {
    /// Every one.
    pub const ALL: [DayOf; 3] = [DayOf::Payout, DayOf::Base, DayOf::PreviousBase];

    /// As it is written in the project file.
    pub fn name(self) -> &'static str {
        match self {
            DayOf::Payout => "payout_day",
            DayOf::Base => "base_day",
            DayOf::PreviousBase => "previous_base_day",
        }
    }

    /// The day, of a payout.
    pub fn of(self, payout: &Payout) -> Date {
        match self {
            DayOf::Payout => payout.payout_day,
            DayOf::Base => payout.base_day,
            DayOf::PreviousBase => payout.previous_base_day,
        }
    }
}

/// The reconciliation that verifies payouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its name.
    pub reconciliation: String,
    /// Its parameters, and the days that they take.
    pub params: Vec<(String, DayOf)>,
}

/// A verification that is due: one cycle of a reconciliation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The same for the same cycle whenever it is asked for: `payout/payout_date=2026-11-13`.
    pub id: String,
    /// The reconciliation.
    pub reconciliation: String,
    /// Its parameters.
    pub params: Vec<(String, Date)>,
    /// The base days whose payouts it verifies.
    pub base_days: Vec<Date>,
    /// The payout day.
    pub payout_day: Date,
    /// When the evening job first sees it.
    pub register_at: Zoned,
    /// When it is to run.
    pub verify_at: Zoned,
}

impl PayoutCalendar {
    /// The payouts whose base day lies from one day to another, both included.
    ///
    /// # Errors
    /// Holidays that are not known, or a day beyond the calendar.
    pub fn by_base_day(&self, from: Date, to: Date) -> Result<Vec<Payout>, CalendarError> {
        let mut payouts = Vec::new();
        let mut base = self.base_day_before(from.tomorrow().map_err(|_| CalendarError::Beyond(from))?)?;
        while base <= to {
            if base >= from {
                payouts.push(self.payout(base)?);
            }
            base = self.base_day_after(base)?;
        }
        Ok(payouts)
    }

    /// The payouts whose payout day lies from one day to another, both included.
    ///
    /// # Errors
    /// As [`Self::by_base_day`].
    pub fn by_payout_day(&self, from: Date, to: Date) -> Result<Vec<Payout>, CalendarError> {
        let mut payouts = Vec::new();
        // A base day's payout comes after it, and payouts keep the order of their base days.
        let mut base = self.base_day_before(to)?;
        while let Some(payout_day) = self.payout_day_from(base, from)? {
            if payout_day <= to {
                payouts.push(self.payout(base)?);
            }
            base = self.base_day_before(base)?;
        }
        payouts.reverse();
        Ok(payouts)
    }

    /// The payouts of the first payout day that has not passed at a time.
    ///
    /// # Errors
    /// As [`Self::by_base_day`].
    pub fn next(&self, at: Timestamp) -> Result<Vec<Payout>, CalendarError> {
        let today = at.to_zoned(self.rule.zone.clone()).date();
        let mut base = self.base_day_before(today)?;
        while self.payout_day_from(base, today)?.is_some() {
            base = self.base_day_before(base)?;
        }
        let first = self.payout(self.base_day_after(base)?)?;
        let last = self.last_base_day_of(first.base_day)?;
        let mut payouts = vec![first];
        while let Some(base) = payouts.last().map(|p| p.base_day).filter(|base| *base < last) {
            payouts.push(self.payout(self.base_day_after(base)?)?);
        }
        Ok(payouts)
    }

    /// The payouts that the evening job has seen at a time, and whose payout day has not passed.
    ///
    /// # Errors
    /// As [`Self::by_base_day`].
    pub fn near(&self, at: Timestamp) -> Result<Vec<Payout>, CalendarError> {
        let today = at.to_zoned(self.rule.zone.clone()).date();
        let mut payouts = Vec::new();
        // The evening of a base day is the first that can see its payout.
        let mut base = self.base_day_before(today.tomorrow().map_err(|_| CalendarError::Beyond(today))?)?;
        while self.payout_day_from(base, today)?.is_some() {
            let payout = self.payout(base)?;
            if payout.register_at.timestamp() <= at {
                payouts.push(payout);
            }
            base = self.base_day_before(base)?;
        }
        payouts.reverse();
        Ok(payouts)
    }

    /// The payout of a base day.
    fn payout(&self, base_day: Date) -> Result<Payout, CalendarError> {
        let payout_day = self.payout_day(base_day)?;
        let last_base = self.last_base_day_of(base_day)?;
        let beyond = |_| CalendarError::Beyond(payout_day);
        // The evening that looks: never before the base day, whose window would still be open.
        let mut evening = payout_day.yesterday().map_err(beyond)?;
        if self.rule.near == Near::BusinessDay {
            while evening > last_base && !self.days.is_business(evening)? {
                evening = evening.yesterday().map_err(beyond)?;
            }
        }
        let morning = evening.tomorrow().map_err(beyond)?;
        let verify_at = match morning == payout_day && evening > last_base {
            true => self.moment(evening, self.rule.clock.tomorrow)?,
            false => self.moment(morning, self.rule.clock.later)?,
        };
        Ok(Payout {
            previous_base_day: self.base_day_before(base_day)?,
            base_day,
            payout_day,
            register_at: self.moment(evening, self.rule.clock.register_at)?,
            verify_at,
        })
    }

    fn payout_day(&self, base_day: Date) -> Result<Date, CalendarError> {
        self.days.nth_after(base_day, self.rule.business_day)
    }

    /// The payout day of a base day, unless it lies before a day.
    fn payout_day_from(&self, base_day: Date, from: Date) -> Result<Option<Date>, CalendarError> {
        let day = self.payout_day(base_day)?;
        Ok((day >= from).then_some(day))
    }

    /// The last base day that has the same payout day: no business day lies between it and the first.
    fn last_base_day_of(&self, base_day: Date) -> Result<Date, CalendarError> {
        let mut last = base_day;
        let mut day = base_day;
        let mut next = self.base_day_after(last)?;
        loop {
            day = day.tomorrow().map_err(|_| CalendarError::Beyond(base_day))?;
            if self.days.is_business(day)? {
                return Ok(last);
            }
            if day == next {
                last = next;
                next = self.base_day_after(last)?;
            }
        }
    }

    /// The first base day after a day.
    fn base_day_after(&self, day: Date) -> Result<Date, CalendarError> {
        let beyond = |_| CalendarError::Beyond(day);
        let mut month = day.first_of_month();
        loop {
            if let Some(found) = self.base_days_of(month).find(|base| *base > day) {
                return Ok(found);
            }
            month = month.last_of_month().tomorrow().map_err(beyond)?;
        }
    }

    /// The last base day before a day.
    fn base_day_before(&self, day: Date) -> Result<Date, CalendarError> {
        let beyond = |_| CalendarError::Beyond(day);
        let mut month = day.first_of_month();
        loop {
            if let Some(found) = self.base_days_of(month).take_while(|base| *base < day).last() {
                return Ok(found);
            }
            month = month.yesterday().map_err(beyond)?.first_of_month();
        }
    }

    /// The base days of a month, given by its first day; a month that lacks one has its last day instead.
    fn base_days_of(&self, month: Date) -> impl Iterator<Item = Date> {
        let last = month.last_of_month();
        let days = self.rule.base_days.iter();
        days.map(move |day| month.with().day(*day).build().unwrap_or(last))
    }

    /// A time of day in the zone. Where the clocks were put forward, that much later; where they were put back, the
    /// first of the two.
    fn moment(&self, day: Date, time: Time) -> Result<Zoned, CalendarError> {
        let local = day.to_datetime(time);
        self.rule.zone.to_zoned(local).map_err(|_| CalendarError::NoTime(local.to_string()))
    }
}

/// The verifications of payouts: one for each set of parameters, in order of their payouts.
///
/// This is what registers a cycle: `id` is the same whenever, and however often, it is asked for.
pub fn verifications(payouts: &[Payout], feed: &Feed) -> Vec<Verification> {
    let mut all: Vec<Verification> = Vec::new();
    for payout in payouts {
        let params: Vec<(String, Date)> =
            feed.params.iter().map(|(name, day)| (name.clone(), day.of(payout))).collect();
        if let Some(same) = all.iter_mut().find(|one| one.params == params) {
            same.base_days.push(payout.base_day);
            continue;
        }
        let said: Vec<String> = params.iter().map(|(name, day)| format!("{name}={day}")).collect();
        all.push(Verification {
            id: format!("{}/{}", feed.reconciliation, said.join("&")),
            reconciliation: feed.reconciliation.clone(),
            params,
            base_days: vec![payout.base_day],
            payout_day: payout.payout_day,
            register_at: payout.register_at.clone(),
            verify_at: payout.verify_at.clone(),
        });
    }
    all
}

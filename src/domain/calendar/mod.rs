//! The payout calendar: base days, the n-th business day after them, and when a payout is verified. `docs/calendar.md`
//! says what each rule means. Must not read the clock: whoever asks gives the time.

mod business;
pub mod ics;
pub mod korea;
mod payout;

pub use business::{BusinessDays, Holiday, HolidayKind, Known};
pub use payout::{Clock, DayOf, Feed, Near, Payout, PayoutCalendar, PayoutRule, Verification, verifications};

use jiff::civil::Date;

/// Why a day cannot be worked out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// No source knows the public holidays of a year that matters.
    #[error("the public holidays of {year} are not known, and {day} could be one")]
    Unknown {
        /// The year.
        year: i16,
        /// The first day that was asked about.
        day: Date,
    },
    /// Beyond what a calendar holds.
    #[error("{0} is beyond the last day that can be worked with")]
    Beyond(Date),
    /// A time that the zone does not have.
    #[error("{0} cannot be placed in the time zone")]
    NoTime(String),
}

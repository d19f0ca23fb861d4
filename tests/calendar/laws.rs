//! Laws of the calendar, over any weekend, any holidays, any base days.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use recon::domain::calendar::{
    BusinessDays, CalendarError, Clock, DayOf, Feed, Holiday, HolidayKind, Near, Payout, PayoutCalendar, PayoutRule,
    verifications,
};

const FROM: Date = date(2024, 1, 1);
const TO: Date = date(2024, 12, 31);

fn holiday(day: Date, kind: HolidayKind) -> Holiday {
    Holiday { day, name: String::new(), kind }
}

fn days_with(weekend: &BTreeSet<i8>, holidays: &BTreeSet<i16>) -> BusinessDays {
    let weekend: Vec<Weekday> = weekend.iter().map(|at| Weekday::from_monday_zero_offset(*at).unwrap()).collect();
    let mut days = BusinessDays::new(&weekend).unwrap();
    for year in 2020..=2030 {
        days.add(holiday(date(year, 1, 1), HolidayKind::Public));
    }
    for at in holidays {
        days.add(holiday(FROM.checked_add(i64::from(*at).days()).unwrap(), HolidayKind::Temporary));
    }
    days
}

prop_compose! {
    fn calendars()(
        weekend in proptest::collection::btree_set(0..7i8, 0..4),
        holidays in proptest::collection::btree_set(-20..400i16, 0..40),
        base_days in proptest::collection::btree_set(1..=31i8, 1..8),
        business_day in 1..12u16,
        near in prop_oneof![Just(Near::BusinessDay), Just(Near::Day)],
        zone in prop_oneof![Just("Asia/Seoul"), Just("UTC"), Just("Europe/Berlin"), Just("America/New_York")],
    ) -> PayoutCalendar {
        let time = |hour| Time::constant(hour, 0, 0, 0);
        PayoutCalendar {
            rule: PayoutRule {
                base_days: base_days.into_iter().collect(),
                business_day,
                zone: TimeZone::get(zone).unwrap(),
                clock: Clock { register_at: time(18), tomorrow: time(22), later: time(2) },
                near,
            },
            days: days_with(&weekend, &holidays),
        }
    }
}

fn payouts(calendar: &PayoutCalendar) -> Vec<Payout> {
    calendar.by_base_day(FROM, TO).unwrap()
}

proptest! {
    #[test]
    fn the_nth_business_day_is_one_and_the_nth(calendar in calendars()) {
        for payout in payouts(&calendar) {
            prop_assert!(calendar.days.is_business(payout.payout_day).unwrap());
            let mut count = 0;
            let mut day = payout.base_day;
            while day < payout.payout_day {
                day = day.tomorrow().unwrap();
                count += u16::from(!calendar.days.is_weekend(day) && !calendar.days.is_holiday(day));
            }
            prop_assert_eq!(count, calendar.rule.business_day);
        }
    }

    #[test]
    fn every_month_has_its_base_days_and_order_is_kept(calendar in calendars()) {
        let payouts = payouts(&calendar);
        for pair in payouts.windows(2) {
            prop_assert!(pair[0].base_day < pair[1].base_day && pair[0].payout_day <= pair[1].payout_day);
            prop_assert!(pair[0].verify_at <= pair[1].verify_at);
            prop_assert_eq!(pair[1].previous_base_day, pair[0].base_day);
        }
        let wanted: BTreeSet<Date> = (1..=12)
            .flat_map(|month| {
                let last = date(2024, month, 1).last_of_month();
                calendar.rule.base_days.iter().map(move |day| date(2024, month, (*day).min(last.day())))
            })
            .collect();
        prop_assert_eq!(payouts.iter().map(|p| p.base_day).collect::<BTreeSet<_>>(), wanted);
    }

    #[test]
    fn another_holiday_never_makes_a_payout_earlier(calendar in calendars(), at in 0..366i64) {
        let mut later = calendar.clone();
        later.days.add(holiday(FROM.checked_add(at.days()).unwrap(), HolidayKind::Temporary));
        for (before, after) in payouts(&calendar).iter().zip(payouts(&later)) {
            prop_assert!(before.payout_day <= after.payout_day);
        }
    }

    #[test]
    fn a_payout_is_verified_after_its_window_and_before_its_day_is_over(calendar in calendars()) {
        for payout in payouts(&calendar) {
            let day = |day: Date| day.to_zoned(calendar.rule.zone.clone()).unwrap();
            prop_assert!(payout.verify_at >= day(payout.base_day.tomorrow().unwrap()));
            prop_assert!(payout.verify_at < day(payout.payout_day.tomorrow().unwrap()));
            prop_assert!(payout.register_at < payout.verify_at);
            // On the payout day itself only when the base day is the evening before.
            if payout.verify_at.date() == payout.payout_day {
                let bases = calendar.by_base_day(payout.base_day, payout.payout_day).unwrap();
                prop_assert!(bases.iter().any(|p| p.base_day.tomorrow().unwrap() == payout.payout_day));
            }
        }
    }

    #[test]
    fn what_is_due_has_one_id_from_the_evening_to_the_end_of_the_payout_day(calendar in calendars()) {
        let feed = Feed { reconciliation: "r".into(), params: vec![("d".into(), DayOf::Payout)] };
        let due = |at: jiff::Timestamp| verifications(&calendar.near(at).unwrap(), &feed);
        for payout in payouts(&calendar).iter().take(6) {
            let id = format!("r/d={}", payout.payout_day);
            let first = payout.register_at.timestamp();
            let end = payout.payout_day.tomorrow().unwrap().to_zoned(calendar.rule.zone.clone()).unwrap().timestamp();
            let count = |at| due(at).iter().filter(|one| one.id == id).count();
            prop_assert_eq!(count(first - 1.second()), 0);
            prop_assert_eq!(count(end), 0);
            let mut at = first;
            while at < end {
                prop_assert_eq!(count(at), 1);
                let one = due(at).into_iter().find(|one| one.id == id).unwrap();
                prop_assert!(one.base_days.contains(&payout.base_day));
                prop_assert_eq!(&one.verify_at, &payout.verify_at);
                at += 5.hours();
            }
        }
    }

    #[test]
    fn the_lists_by_payout_day_and_next_agree_with_the_list_by_base_day(calendar in calendars(), at in 40..300i64) {
        let all = payouts(&calendar);
        let from = FROM.checked_add(at.days()).unwrap();
        let to = from.checked_add(20.days()).unwrap();
        // Up to 12 business days later: every payout of the span has its base day in the year.
        let wanted: Vec<Payout> = all.iter().filter(|p| (from..=to).contains(&p.payout_day)).cloned().collect();
        let earliest = all.first().unwrap().payout_day;
        if from > earliest {
            prop_assert_eq!(calendar.by_payout_day(from, to).unwrap(), wanted);
            let next = calendar.next(from.to_zoned(calendar.rule.zone.clone()).unwrap().timestamp()).unwrap();
            let first = all.iter().find(|p| p.payout_day >= from).unwrap().payout_day;
            let same: Vec<Payout> = all.iter().filter(|p| p.payout_day == first).cloned().collect();
            prop_assert_eq!(next, same);
        }
    }
}

#[test]
fn a_year_without_public_holidays_is_refused_and_temporary_ones_do_not_make_it_known() {
    let mut days = BusinessDays::new(&[Weekday::Saturday, Weekday::Sunday]).unwrap();
    assert_eq!(days.nth_after(date(2031, 1, 3), 1), Ok(date(2031, 1, 6)), "none but weekends, as said");
    days.add_korea();
    assert_eq!(days.nth_after(date(2030, 12, 27), 2), Ok(date(2030, 12, 31)));
    let unknown = Err(CalendarError::Unknown { year: 2031, day: date(2031, 1, 1) });
    assert_eq!(days.nth_after(date(2030, 12, 27), 3), unknown);
    days.add(holiday(date(2031, 1, 1), HolidayKind::Temporary));
    assert_eq!(
        days.nth_after(date(2030, 12, 27), 3),
        Err(CalendarError::Unknown { year: 2031, day: date(2031, 1, 2) })
    );
    days.add(holiday(date(2031, 1, 1), HolidayKind::Public));
    assert_eq!(days.nth_after(date(2030, 12, 27), 3), Ok(date(2031, 1, 2)));
    assert!(
        BusinessDays::new(&[0, 1, 2, 3, 4, 5, 6].map(|at| Weekday::from_monday_zero_offset(at).unwrap())).is_none()
    );
}

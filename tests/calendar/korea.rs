//! The shipped holidays: substitutes follow from the rule, and the days that are known by heart are there.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday, date};
use recon::domain::calendar::korea::{DAYS, FIRST, LAST};

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// Whether a holiday has a substitute, and whether a Saturday counts as well as a Sunday.
fn rule(name: &str, day: Date) -> Option<bool> {
    let since = |first: Date| (day >= first).then_some(true);
    match name {
        name if name.starts_with("Seollal") || name.starts_with("Chuseok") => Some(false),
        "Children's Day" => Some(true),
        "Independence Movement Day" | "Liberation Day" | "National Foundation Day" | "Hangul Day" => {
            since(date(2021, 8, 4))
        }
        "Buddha's Birthday" | "Christmas Day" => since(date(2023, 5, 4)),
        "Labour Day" | "Constitution Day" => since(date(2026, 5, 1)),
        "New Year's Day" | "Memorial Day" => None,
        other => panic!("{other} has no rule"),
    }
}

#[test]
fn every_substitute_follows_from_the_rule_and_no_other_is_there() {
    let own: Vec<(Date, &str)> = DAYS.iter().copied().filter(|(_, name)| !name.starts_with("Substitute")).collect();
    let shipped: BTreeSet<Date> =
        DAYS.iter().filter(|(_, name)| name.starts_with("Substitute")).map(|(day, _)| *day).collect();
    let mut taken: BTreeSet<Date> = own.iter().map(|(day, _)| *day).collect();
    let mut substitutes = BTreeSet::new();
    let mut met = BTreeSet::new();
    for (day, name) in &own {
        let Some(saturday) = rule(name, *day) else { continue };
        let with_another = own.iter().any(|(other, n)| other == day && n != name) && !is_weekend(*day);
        let on_weekend = day.weekday() == Weekday::Sunday || (saturday && day.weekday() == Weekday::Saturday);
        // Two holidays that meet on one day are made up for once.
        let made_up_for = on_weekend || (with_another && met.insert(*day));
        if !made_up_for {
            continue;
        }
        let mut free = *day;
        // A substitute comes after the whole of a festival: its days are taken already.
        while taken.contains(&free) || is_weekend(free) {
            free = free.tomorrow().unwrap();
        }
        taken.insert(free);
        substitutes.insert(free);
    }
    assert_eq!(substitutes, shipped);
}

#[test]
fn every_year_has_its_fixed_days_and_festivals_of_three_days() {
    for year in 2020..=2030_i16 {
        let of = |name: &str| -> Vec<Date> {
            DAYS.iter().filter(|(day, n)| day.year() == year && n.starts_with(name)).map(|(day, _)| *day).collect()
        };
        for (month, day) in [(1, 1), (3, 1), (5, 5), (6, 6), (8, 15), (10, 3), (10, 9), (12, 25)] {
            assert!(DAYS.iter().any(|(d, _)| *d == date(year, month, day)), "{year}-{month}-{day}");
        }
        for festival in ["Seollal", "Chuseok"] {
            let days = of(festival);
            assert!(
                days.len() == 3 && days.windows(2).all(|d| d[0].tomorrow().unwrap() == d[1]),
                "{festival} {days:?}"
            );
        }
        assert_eq!(of("Buddha's").len(), 1);
        assert_eq!((of("Labour").len(), of("Constitution").len()), if year < 2026 { (0, 0) } else { (1, 1) });
    }
    assert!(DAYS.windows(2).all(|d| d[0].0 <= d[1].0), "in order");
    assert!(DAYS.iter().all(|(day, _)| (FIRST..=LAST).contains(day)));
}

#[test]
fn days_known_by_heart() {
    let named = |day: Date| DAYS.iter().find(|(d, _)| *d == day).map(|(_, name)| *name);
    for (day, name) in [
        (date(2020, 1, 27), "Substitute holiday for Seollal"),
        (date(2021, 8, 16), "Substitute holiday for Liberation Day"),
        (date(2022, 2, 1), "Seollal"),
        (date(2022, 9, 12), "Substitute holiday for Chuseok"),
        (date(2023, 1, 24), "Substitute holiday for Seollal"),
        (date(2023, 5, 29), "Substitute holiday for Buddha's Birthday"),
        (date(2024, 5, 6), "Substitute holiday for Children's Day"),
        (date(2025, 5, 6), "Substitute holiday for Children's Day"),
        (date(2025, 10, 8), "Substitute holiday for Chuseok"),
        (date(2026, 2, 17), "Seollal"),
        (date(2026, 9, 25), "Chuseok"),
        (date(2027, 2, 7), "Seollal"),
    ] {
        assert_eq!(named(day), Some(name), "{day}");
    }
    // Before the rule: no substitute. Proclaimed for one occasion, and elections: not shipped.
    for day in [
        date(2021, 12, 27),
        date(2022, 5, 9),
        date(2022, 12, 26),
        date(2020, 8, 17),
        date(2023, 10, 2),
        date(2024, 10, 1),
        date(2025, 1, 27),
        date(2020, 4, 15),
        date(2025, 6, 3),
        date(2026, 6, 3),
    ] {
        assert_eq!(named(day), None, "{day}");
    }
}

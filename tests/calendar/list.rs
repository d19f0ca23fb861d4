//! Payout days: the contract's example, every payout of 2020 to 2027, and the table.

use super::{json, place, place_with, text};
use crate::support::Place;

fn fixture(name: &str) -> String {
    let path = format!("{}/fixtures/calendar/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_contract_to_the_letter() {
    let outcome = place().recon(&[
        "calendar",
        "list",
        "investors",
        "--from",
        "2026-11-05",
        "--to",
        "2026-11-05",
        "--format",
        "json",
    ]);
    assert_eq!(
        outcome.stdout,
        "[{\"base_day\":\"2026-11-05\",\"payout_day\":\"2026-11-13\",\"verify_at\":\"2026-11-12T22:00:00+09:00\"}]\n"
    );
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
}

/// The list comes from another program over another list of holidays: see fixtures/calendar/README.md.
#[test]
fn every_payout_of_2020_to_2027_with_the_temporary_holidays_of_the_table() {
    let place = place();
    place.write("temporary.csv", fixture("temporary-2020-2027.csv"));
    text(&place, &["holidays", "investors", "import", "temporary.csv"]);
    let list = json(&place, &["list", "investors", "--from", "2020-01-01", "--to", "2027-12-31"]);
    let list: Vec<String> = (list.as_array().unwrap().iter())
        .map(|one| format!("{},{}", one["base_day"].as_str().unwrap(), one["payout_day"].as_str().unwrap()))
        .collect();
    let wanted = fixture("payout-days-2020-2027.csv");
    let wanted: Vec<&str> = wanted.lines().skip(1).collect();
    assert_eq!(list.len(), 8 * 36);
    assert_eq!(list, wanted);
}

#[test]
fn temporary_holidays_added_through_the_table_put_payouts_off() {
    let place = place();
    let payout = |base: &str| {
        let list = json(&place, &["list", "investors", "--from", base, "--to", base]);
        list[0]["payout_day"].as_str().unwrap().to_owned()
    };
    // 2020-08-14 Fri is the 7th business day after 08-05: not touched. 08-15 Sat: 17 18 19 20 21 24.
    assert_eq!((payout("2020-08-15"), payout("2025-01-25")), ("2020-08-24".into(), "2025-02-06".into()));
    for day in ["2020-08-17", "2025-01-27"] {
        let outcome = place.recon(&["calendar", "holidays", "investors", "add", day, "--name", "Temporary holiday"]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        assert!(outcome.stderr.contains("moves from"), "{outcome}");
    }
    // 18 19 20 21 24 25; and 01-31, 02-03 04 05 06 07.
    assert_eq!((payout("2020-08-15"), payout("2025-01-25")), ("2020-08-25".into(), "2025-02-07".into()));
    // The table is plain: what is put there with any SQL client counts the same.
    crate::support::sqlite(
        &place.path().join("core.db"),
        "INSERT INTO holiday VALUES ('2020-08-18', 'by hand', 'temporary'); DELETE FROM holiday WHERE day = '2025-01-27'",
    );
    assert_eq!((payout("2020-08-15"), payout("2025-01-25")), ("2020-08-26".into(), "2025-02-06".into()));
}

#[test]
fn payouts_checked_by_hand() {
    let place = place();
    for (base, payout, verify) in [
        // Chuseok Thu 24, Fri 25; then 28 29 30 Sep, 1 2 Oct, and Mon 5 Oct is a substitute: Tue 6.
        ("2026-09-25", "2026-10-06", "2026-10-03T02:00:00+09:00"),
        // Seollal Mon 16 to Wed 18: 19 20 23 24 25 26.
        ("2026-02-15", "2026-02-26", "2026-02-25T22:00:00+09:00"),
        // Base day on Sunday; payout on Monday: verified on Saturday morning.
        ("2026-11-15", "2026-11-23", "2026-11-21T02:00:00+09:00"),
        // Over Christmas (base day itself) and New Year: 28 29 30 31, 4 5.
        ("2026-12-25", "2027-01-05", "2027-01-04T22:00:00+09:00"),
        // Over Labour Day and Children's Day: 27 28 29 30, 4, 6.
        ("2026-04-25", "2026-05-06", "2026-05-05T02:00:00+09:00"),
        // Over Constitution Day (Fri): 16, 20 21 22 23 24.
        ("2026-07-15", "2026-07-24", "2026-07-23T22:00:00+09:00"),
        ("2025-07-15", "2025-07-23", "2025-07-22T22:00:00+09:00"),
    ] {
        let list = json(&place, &["list", "investors", "--from", base, "--to", base]);
        assert_eq!(list[0]["payout_day"], payout, "{base}");
        assert_eq!(list[0]["verify_at"], verify, "{base}");
    }
}

#[test]
fn by_payout_day_and_next() {
    let place = place();
    let list = json(&place, &["list", "investors", "--from", "2026-11-01", "--to", "2026-11-30", "--by", "payout-day"]);
    let days: Vec<&str> = list.as_array().unwrap().iter().map(|one| one["base_day"].as_str().unwrap()).collect();
    assert_eq!(days, ["2026-10-25", "2026-11-05", "2026-11-15"]);
    for (at, payout) in [
        ("2026-11-13", "2026-11-13"),
        ("2026-11-13T23:59:59+09:00", "2026-11-13"),
        ("2026-11-13T15:00:00Z", "2026-11-23"),
        ("2026-11-14", "2026-11-23"),
    ] {
        let next = json(&place, &["next", "investors", "--at", at]);
        assert_eq!(next[0]["payout_day"], payout, "{at}");
        assert_eq!(next.as_array().unwrap().len(), 1);
    }
    assert!(json(&place, &["next", "investors"])[0]["payout_day"].is_string(), "now");
}

#[test]
fn months_without_the_base_day_pay_for_their_last_day() {
    let place = Place::new();
    place.write(
        "recon.toml",
        "[calendar.c]\nbase_days = [31, 30]\nbusiness_day = 1\ntimezone = \"UTC\"\nholidays = []\nweekend = []\n",
    );
    let list = json(&place, &["list", "c", "--from", "2027-02-01", "--to", "2028-03-31"]);
    let days: Vec<&str> = list.as_array().unwrap().iter().map(|one| one["base_day"].as_str().unwrap()).collect();
    assert_eq!(days[..4], ["2027-02-28", "2027-03-30", "2027-03-31", "2027-04-30"]);
    assert_eq!(days[days.len() - 3..], ["2028-02-29", "2028-03-30", "2028-03-31"]);
}

#[test]
fn the_table_is_aligned() {
    let place = place_with("CREATE TABLE holiday (day TEXT); INSERT INTO holiday VALUES ('2026-11-06');");
    let table = text(&place, &["list", "investors", "--from", "2026-09-01", "--to", "2026-11-30"]);
    insta::assert_snapshot!(table);
    let table = text(&place, &["next", "investors", "--at", "2026-11-14"]);
    insta::assert_snapshot!(table);
}

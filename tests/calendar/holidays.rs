//! The list of holidays and its changes: in a table, in a CSV file, from CSV and ICS files.

use serde_json::{Value as Json, json as value};

use super::{PROJECT, json, place, text};
use crate::support::{self, Place};

const ICS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20310122\r\nDTEND;VALUE=DATE:20310125\r\nSUMMARY:설날\\, the lunar\r\n  New Year\r\nDESCRIPTION:공휴일\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20310508\r\nSUMMARY:어버이날\r\nDESCRIPTION:기념일\\n안내\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20310101\r\nSUMMARY:New Year's Day\r\nCATEGORIES:공휴일\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSTATUS:CANCELLED\r\nDTSTART;VALUE=DATE:20310102\r\nSUMMARY:공휴일\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn days(list: &Json) -> Vec<(&str, &str)> {
    (list.as_array().unwrap().iter())
        .map(|one| (one["day"].as_str().unwrap(), one["source"].as_str().unwrap()))
        .collect()
}

#[test]
fn the_list_says_what_and_from_where() {
    let place = place();
    support::sqlite(
        &place.path().join("core.db"),
        "INSERT INTO holiday VALUES ('2026-06-03', '지방선거일', 'temporary'), ('2026-12-25', 'again', 'public')",
    );
    let list = json(&place, &["holidays", "investors", "--year", "2026"]);
    let december: Vec<_> = days(&list).into_iter().filter(|(day, _)| *day == "2026-12-25").collect();
    assert_eq!(december, [("2026-12-25", "korea"), ("2026-12-25", "core.holiday")]);
    assert_eq!(
        list[0],
        value!({"day": "2026-01-01", "name": "New Year's Day", "kind": "public", "weekend": false, "source": "korea"})
    );
    insta::assert_snapshot!(text(&place, &["holidays", "investors", "--year", "2026"]));
}

#[test]
fn add_and_remove_in_a_table_that_is_made() {
    let place = Place::new();
    place.write("recon.toml", PROJECT);
    let outcome = place.recon(&["calendar", "list", "investors", "--from", "2026-11-05", "--to", "2026-11-05"]);
    assert_eq!(outcome.code, Some(2), "a table that is not there is no empty table: {outcome}");
    let added = json(&place, &["holidays", "investors", "add", "2026-11-06", "--name", "it's \"one\""]);
    assert_eq!(added["added"], value!([{"day": "2026-11-06", "name": "it's \"one\"", "kind": "temporary"}]));
    let again = json(&place, &["holidays", "investors", "add", "2026-11-06", "--name", "it's \"one\""]);
    assert_eq!((&again["added"], &again["present"]), (&value!([]), &value!(1)));
    let list = json(&place, &["list", "investors", "--from", "2026-11-05", "--to", "2026-11-05"]);
    assert_eq!(list[0]["payout_day"], "2026-11-16");
    let outcome = place.recon(&["calendar", "holidays", "investors", "add", "2026-11-06", "--name", "other"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    json(&place, &["holidays", "investors", "remove", "2026-11-06"]);
    let list = json(&place, &["list", "investors", "--from", "2026-11-05", "--to", "2026-11-05"]);
    assert_eq!(list[0]["payout_day"], "2026-11-13");
    json(&place, &["holidays", "investors", "add", "2031-01-01", "--kind", "public", "--name", "New Year's Day"]);
    for (day, why) in [("2031-01-01", "is a public holiday"), ("2026-11-06", "has no holiday on")] {
        let outcome = place.recon(&["calendar", "holidays", "investors", "remove", day]);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(why), "{outcome}");
    }
}

#[test]
fn a_csv_file_is_changed_as_a_whole_and_only_its_own_kind() {
    let place = Place::new();
    place.write(
        "recon.toml",
        PROJECT.replace("store = \"core\", table = \"holiday\"", "store = \"lake\", file = \"holidays.csv\""),
    );
    place.write("lake/x", "");
    json(&place, &["holidays", "investors", "add", "2026-11-09", "--name", "a, \"b\""]);
    json(&place, &["holidays", "investors", "add", "2026-11-06", "--name", ""]);
    assert_eq!(
        place.read("lake/holidays.csv"),
        "day,name,kind\n2026-11-06,\"\",temporary\n2026-11-09,\"a, \"\"b\"\"\",temporary\n"
    );
    let list = json(&place, &["list", "investors", "--from", "2026-11-05", "--to", "2026-11-05"]);
    assert_eq!(list[0]["payout_day"], "2026-11-17");
    json(&place, &["holidays", "investors", "remove", "2026-11-06"]);
    assert_eq!(place.read("lake/holidays.csv"), "day,name,kind\n2026-11-09,\"a, \"\"b\"\"\",temporary\n");
    place.write("lake/holidays.csv", "day,name,branch\n2026-11-09,x,Seoul\n");
    let outcome = place.recon(&["calendar", "holidays", "investors", "add", "2026-11-06"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("day,name,branch"), "{outcome}");
    assert_eq!(place.read("lake/holidays.csv"), "day,name,branch\n2026-11-09,x,Seoul\n");
}

#[test]
fn ics_and_csv_files_are_imported_once() {
    let place = place();
    place.write("kr.ics", ICS);
    let matching = ["holidays", "investors", "import", "kr.ics", "--matching", "공휴일"];
    let dry = json(&place, &[&matching[..], &["--dry-run"]].concat());
    assert_eq!(dry["added"].as_array().unwrap().len(), 4);
    let added = json(&place, &matching);
    let wanted: Vec<(&str, &str)> = vec![
        ("2031-01-01", "New Year's Day"),
        ("2031-01-22", "설날, the lunar New Year"),
        ("2031-01-23", "설날, the lunar New Year"),
        ("2031-01-24", "설날, the lunar New Year"),
    ];
    let got: Vec<(&str, &str)> = added["added"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["day"].as_str().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    assert_eq!(got, wanted);
    assert_eq!(json(&place, &matching)["present"], 4);
    // 2031 is known now: 27 30 31 Dec are the first three.
    let list = json(&place, &["list", "investors", "--from", "2030-12-25", "--to", "2030-12-25"]);
    assert_eq!(list[0]["payout_day"], "2031-01-03");
    place.write(
        "kr.csv",
        "date,name\n20310301,삼일절\n2031-05-05,Children's Day\n2031-05-05,Other\n2031-01-01,New Year\n",
    );
    let added = json(&place, &["holidays", "investors", "import", "kr.csv"]);
    assert_eq!((&added["present"], &added["added"][1]["name"]), (&value!(1), &value!("Children's Day; Other")));
}

#[test]
fn a_file_that_is_not_wholly_understood_adds_nothing() {
    let place = place();
    let event = |lines: &str| format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n");
    for (name, content, why) in [
        ("a.ics", event("DTSTART;VALUE=DATE:20310101\nRRULE:FREQ=YEARLY"), "line 4: an event that recurs"),
        ("b.ics", event("DTSTART:20310101T090000Z"), "line 3: DTSTART `20310101T090000Z` has a time of day"),
        ("c.ics", event("SUMMARY:x"), "line 2: an event without DTSTART"),
        ("d.ics", event("DTSTART;VALUE=DATE:20310230"), "line 3: DTSTART `20310230` is no day"),
        ("e.ics", event("DTSTART;VALUE=DATE:20310101\nDTEND;VALUE=DATE:20310101"), "an event of 0 days"),
        ("f.ics", event("DTSTART;VALUE=DATE:20310101").replace("END:VCALENDAR\n", ""), "cut short"),
        ("g.ics", "day,name\n2031-01-01,x\n".into(), "line 1:"),
        ("h.ics", event("DTSTART;VALUE=DATE:20310101\nDTEND;VALUE=DATE:20320101"), "an event of 365 days"),
        ("i.csv", "day,name\n2031-01-01,x\n2031-02-30,y\n".into(), "record 2: `2031-02-30` (text) is no day"),
        ("j.csv", "when,name\n2031-01-01,x\n".into(), "there is no field `day`; there are: when, name"),
        ("k.csv", "day,kind\n2031-01-01,bank\n".into(), "`bank` is no kind of holiday"),
        ("l.csv", "day\n".into(), "no holiday is in"),
        ("m.txt", "2031-01-01".into(), "neither .csv nor .ics"),
    ] {
        place.write(name, content);
        let outcome = place.recon(&["calendar", "holidays", "investors", "import", name]);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(why), "{name}: {outcome}");
        assert_eq!(outcome.stdout, "", "{name}");
    }
    let outcome = place.recon(&["calendar", "holidays", "investors", "import", "none.ics"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("none.ics"), "{outcome}");
    assert!(json(&place, &["holidays", "investors", "--year", "2031"]).as_array().unwrap().is_empty());
}

#[test]
fn other_column_names_and_queries() {
    let place = Place::new();
    place.write(
        "recon.toml",
        PROJECT.replace(
            "table = \"holiday\"",
            "table = \"days_off\", fields = { day = \"off_on\", name = \"title\", kind = \"what\" }",
        ),
    );
    support::sqlite(
        &place.path().join("core.db"),
        "CREATE TABLE days_off (id INTEGER PRIMARY KEY, off_on TEXT, title TEXT, what TEXT)",
    );
    json(&place, &["holidays", "investors", "add", "2026-11-06", "--name", "x"]);
    let list = json(&place, &["holidays", "investors", "--year", "2026"]);
    assert!(list.as_array().unwrap().contains(
        &value!({"day": "2026-11-06", "name": "x", "kind": "temporary", "weekend": false, "source": "core.days_off"})
    ));
    json(&place, &["holidays", "investors", "remove", "2026-11-06"]);
    place.write("q.sql", "SELECT off_on AS day FROM days_off WHERE title LIKE 'bank%'");
    place.write("recon.toml", PROJECT.replace("table = \"holiday\"", "query = \"q.sql\""));
    support::sqlite(
        &place.path().join("core.db"),
        "INSERT INTO days_off VALUES (1, '2026-11-06', 'bank', ''), (2, '2026-11-09', 'x', '')",
    );
    let list = json(&place, &["list", "investors", "--from", "2026-11-05", "--to", "2026-11-05"]);
    assert_eq!(list[0]["payout_day"], "2026-11-16");
    let outcome = place.recon(&["calendar", "holidays", "investors", "add", "2026-11-10"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("that can be changed"), "{outcome}");
}

#[test]
fn what_is_no_day_in_the_table_is_refused_and_never_left_out() {
    for (sql, why) in [
        ("INSERT INTO holiday VALUES (NULL, 'x', 'public')", "is no day"),
        ("INSERT INTO holiday VALUES ('soon', 'x', 'public')", "`soon` (text) is no day"),
        ("INSERT INTO holiday VALUES ('2026-11-06', 'x', 'maybe')", "`maybe` is no kind"),
        (
            "DROP TABLE holiday; CREATE TABLE holiday (d TEXT); INSERT INTO holiday VALUES ('2026-11-06')",
            "no field `day`",
        ),
    ] {
        let place = place();
        support::sqlite(&place.path().join("core.db"), sql);
        let outcome = place.recon(&["calendar", "list", "investors", "--from", "2026-11-05", "--to", "2026-11-05"]);
        assert!(outcome.code == Some(2) && outcome.stderr.contains(why), "{sql}: {outcome}");
        assert_eq!(outcome.stdout, "");
    }
}

//! What is wrong with a calendar of the project file, or with what is asked of it, and where.

use std::path::Path;

use recon::config::Project;

use super::{PROJECT, place};

fn refused(text: &str) -> String {
    let error = Project::parse(Path::new("recon.toml"), text.to_owned(), None, &|_| None).expect_err(text);
    match &error.hint {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn calendars_that_must_not_parse() {
    let with = |from: &str, to: &str| {
        assert!(PROJECT.contains(from), "{from}");
        PROJECT.replacen(from, to, 1)
    };
    let more = |line: &str| format!("{PROJECT}{line}\n");
    let cases: Vec<(&str, String)> = vec![
        ("no base day", with("[5, 15, 25]", "[]")),
        ("base day 0", with("[5, 15, 25]", "[5, 0]")),
        ("base day 32", with("[5, 15, 25]", "[32]")),
        ("base day twice", with("[5, 15, 25]", "[5, 15, 5]")),
        ("base days missing", with("base_days = [5, 15, 25]\n", "")),
        ("base day that is a text", with("[5, 15, 25]", "[\"5\"]")),
        ("business day 0", with("business_day = 6", "business_day = 0")),
        ("business day 101", with("business_day = 6", "business_day = 101")),
        ("business day missing", with("business_day = 6\n", "")),
        ("zone", with("Asia/Seoul", "Asia/Soul")),
        ("zone missing", with("timezone = \"Asia/Seoul\"\n", "")),
        ("holidays missing", with("holidays = [\"korea\", { store = \"core\", table = \"holiday\" }]\n", "")),
        ("holidays not shipped", with("\"korea\"", "\"japan\"")),
        ("holidays misspelt", with("\"korea\"", "\"koera\"")),
        (
            "holidays of an unknown store",
            with("{ store = \"core\", table = \"holiday\" }", "{ store = \"cor\", table = \"holiday\" }"),
        ),
        ("holidays without a table", with(", table = \"holiday\"", "")),
        ("holidays with an unknown key", with("table = \"holiday\"", "tabel = \"holiday\"")),
        ("holidays that are a number", with("\"korea\"", "2026")),
        ("weekend", more("weekend = [\"saturday\", \"sonntag\"]")),
        (
            "whole week",
            more(
                "weekend = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \"saturday\", \"sunday\"]",
            ),
        ),
        ("time", more("register_at = \"18\"")),
        ("time that is none", more("verify_at = { later = \"25:00\" }")),
        ("verified before it is looked", more("verify_at = { tomorrow = \"17:00\" }")),
        ("near", more("near = \"week\"")),
        ("unknown key", more("base_day = 5")),
        ("unknown reconciliation", with("reconciliation = \"payout\"", "reconciliation = \"payuot\"")),
        ("unknown parameter", with("param = \"payout_date\"", "param = \"date\"")),
        ("parameter without reconciliation", with("reconciliation = \"payout\"\n", "")),
        ("reconciliation without parameter", with("param = \"payout_date\"\n", "")),
        ("param and params", more("params = { payout_date = \"base_day\" }")),
        ("day of a payout", with("param = \"payout_date\"", "params = { payout_date = \"payday\" }")),
        ("parameter that is no date", with("{ payout_date = \"date\" }", "{ payout_date = \"text\" }")),
        (
            "parameter without a day",
            with("{ payout_date = \"date\" }", "{ payout_date = \"date\", floor = \"integer\" }"),
        ),
    ];
    let all: Vec<String> = cases.into_iter().map(|(name, text)| format!("{name}\n  {}", refused(&text))).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let place = place();
    let list = |from: &'static str, to: &'static str| vec!["list", "investors", "--from", from, "--to", to];
    for (arguments, why) in [
        (vec!["list", "investor", "--from", "2026-01-01", "--to", "2026-01-31"], "there is no calendar `investor`"),
        (list("2026-13-01", "2026-12-31"), "`--from 2026-13-01` is no day"),
        (list("2026-01-01", "31.12.2026"), "`--to 31.12.2026` is no day"),
        (list("2026-01-02", "2026-01-01"), "lies before"),
        (list("2030-12-01", "2031-01-31"), "the public holidays of 2031 are not known"),
        (list("2019-01-01", "2020-01-31"), "the public holidays of 2019 are not known"),
        (vec!["next", "investors", "--at", "tomorrow"], "is no time"),
        (vec!["next", "investors", "--at", "2026-11-12T25:00"], "is no time"),
        (vec!["due", "investors", "--at", "2026-11-12"], "says no time of day"),
        (vec!["holidays", "investors", "--year", "2026", "add", "2026-11-06"], "`--year` goes with the list"),
        (vec!["holidays", "investors", "--store", "lake", "add", "2026-11-06"], "in store `lake` that can be changed"),
        (vec!["holidays", "investors", "add", "6.11.2026"], "is no day"),
        (vec!["list", "investors", "--from", "2026-01-01"], "--to"),
    ] {
        let outcome = place.recon(&[&["calendar"], &arguments[..]].concat());
        assert!(outcome.code == Some(2) && outcome.stderr.contains(why), "{arguments:?}: {outcome}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
    place.write("recon.toml", PROJECT.replace("sqlite:core.db", "mysql://u:hunter2@127.0.0.1:1/none"));
    let outcome = place.recon(&["calendar", "due", "investors", "--at", "2026-11-12T18:00"]);
    assert!(outcome.code == Some(3) && !outcome.stderr.contains("hunter2"), "{outcome}");
}

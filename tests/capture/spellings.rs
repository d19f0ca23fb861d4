//! Personal data in other spellings and in free texts: found wherever it stands, and only there.

use crate::people::{MASKS, PEOPLE, assert_clean, assert_nothing_written, refused, verified};
use crate::support::{Outcome, Place, sqlite};

/// A project whose sales have a note, with more rules.
fn with_notes(rules: &str) -> Place {
    let place = verified(&format!("{MASKS}{rules}"));
    sqlite(&place.path().join("core.db"), "ALTER TABLE sales ADD COLUMN note TEXT");
    place
}

/// Gives every sale this note. No path reads it.
fn note(place: &Place, text: &str) {
    sqlite(&place.path().join("core.db"), &format!("UPDATE sales SET note = '{text}'"));
}

fn captured(place: &Place, name: &str, more: &[&str]) -> Outcome {
    place.recon(&[&["capture", "latest", "--keys", PEOPLE[1].3, "--name", name], more].concat())
}

#[test]
fn the_name_of_a_case_does_not_switch_the_search_off() {
    let place = with_notes("note = \"keep\"\n");
    note(&place, "for Lee Jiwon");
    let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[1].3, "--name", "inputs-november"]);
    assert!(outcome.stderr.contains("core/sales.csv"), "{outcome}");
    // Nor does it in a suite that is there.
    note(&place, "nothing");
    assert_eq!(captured(&place, "first", &[]).code, Some(0));
    note(&place, "for Lee Jiwon");
    let outcome = captured(&place, "inputs-november", &[]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("inputs-november/core/sales.csv"), "{outcome}");
}

#[test]
fn a_masked_value_is_found_in_every_spelling() {
    let place = with_notes("note = \"keep\"\n");
    // Decomposed, as some systems write Hangul.
    let decomposed = "\u{1107}\u{1161}\u{11a8}\u{1109}\u{1165}\u{110b}\u{1167}\u{11ab}";
    for text in [
        "Ｌｅｅ Ｊｉｗｏｎ",
        "Lee\u{a0}Jiwon",
        "lee_jiwon paid",
        "Lee-Jiwon",
        "Lee  Jiwon",
        "Lee Ji\u{200b}won",
        "Lee&nbsp;Jiwon",
        "０１０－９８７６－５４３２",
        "010\u{2013}9876\u{2013}5432",
        "010·9876·5432",
        "333\u{2011}12\u{2011}3456789",
        "010 9876 5432 2026-11-05",
        "2026-11-05 333 12 3456789",
    ] {
        note(&place, text);
        let outcome = place.recon(&["capture", "latest", "--keys", PEOPLE[1].3]);
        assert_eq!(outcome.code, Some(2), "{text}: {outcome}");
        assert!(outcome.stderr.contains("stands in run-1-1/core/sales.csv"), "{text}: {outcome}");
        assert!(!outcome.stderr.contains(text), "{outcome}");
        assert_nothing_written(&place);
    }
    note(&place, &format!("고객 {decomposed} 확인"));
    let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[2].3]);
    assert!(outcome.stderr.contains("run-1-1/core/sales.csv"), "{outcome}");
    // In the text of --why it gets its pseudonym.
    note(&place, "");
    let why = format!("고객 {decomposed}님 문의");
    let outcome = place.recon(&["capture", "latest", "--keys", PEOPLE[2].3, "--why", &why]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let case = place.read("cases/run-1-1/case.toml");
    assert_clean("case.toml", &case);
    assert!(!case.contains(decomposed) && case.contains("님 문의"), "{case}");
}

#[test]
fn a_number_beside_dates_and_others_needs_a_rule() {
    let place = with_notes("");
    let texts = [
        "2026-11-05 010-9999-0001 통화",
        "010-9999-0002 010-9999-0003",
        "3 010-9999-0001",
        "4111 1111 1111 1111 12/28",
        "010 9999 0001 2026-11-05",
        "０１０－９９９９－０００１",
    ];
    for text in texts {
        note(&place, text);
        let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[1].3]);
        assert!(outcome.stderr.contains("core.sales.note") && !outcome.stderr.contains(text), "{text}: {outcome}");
    }
    note(&place, "");
    for text in texts {
        let outcome = refused(&place, 2, &["latest", "--keys", PEOPLE[1].3, "--why", text]);
        assert!(outcome.stderr.contains("--why") && !outcome.stderr.contains(text), "{text}: {outcome}");
    }
}

#[test]
fn dates_amounts_and_codes_are_captured_as_they_are() {
    let place = with_notes("");
    for (at, text) in [
        "2026-11-05 22:00:00 +0900",
        "2500 of 12,000.50 on 2026/11/05 and 05.11.2026",
        "ORD-2026-000123 line 4",
        "1000.00 2000.00 3000.00",
        "between 2026-11-05 and 2026-11-30",
        "550e8400-e29b-41d4-a716-446655440000",
    ]
    .into_iter()
    .enumerate()
    {
        note(&place, text);
        let outcome = captured(&place, &format!("case-{at}"), &["--why", text]);
        assert_eq!(outcome.code, Some(0), "{text}: {outcome}");
        assert!(
            place.read(&format!("cases/case-{at}/core/sales.csv")).contains(text.split(',').next().expect("a part"))
        );
    }
}

//! `recon release`: what is refused before any decision is read.

use recon::domain::State;
use recon::ledger::{Begin, RunVerdict};

use crate::engine::{decided, key, started, state};
use crate::{DAY, PROJECT, cycle, ledger, place};

#[test]
fn only_decisions_are_released() {
    let place = place();
    let (mut ledger, key) = (ledger(&place), key(DAY));
    let release = || cycle(&place, "release", &["--by", "lee", "--format", "json"]);
    let unknown = release();
    assert!(unknown.code == Some(2) && unknown.stderr.contains("there is no cycle payout"), "{unknown}");
    ledger.register(&key, "job").expect("registered");
    let early = release();
    assert!(early.code == Some(4) && early.stderr.contains("from `registered` to `released`"), "{early}");
    assert!(early.stderr.contains("`recon verify payout --param payout_date=2026-11-13` verifies"), "{early}");
    let mut run = started(&mut ledger, &key, &Begin::by("kim"));
    let held = release();
    assert!(held.code == Some(4) && held.stderr.contains("--wait decided"), "{held}");
    run.block(RunVerdict::Blocked, &["rate 0.7% is over 0.5%".into()], "{}").expect("blocked");
    let blocked = release();
    assert!(blocked.code == Some(4) && blocked.stderr.contains("rate 0.7% is over 0.5%"), "{blocked}");
    assert_eq!(cycle(&place, "stage", &["--to", "aborted", "--note", "x"]).code, Some(4), "blocked only starts again");
    decided(&mut ledger, &key, "kim", "d1");
    assert_eq!(cycle(&place, "stage", &["--to", "aborted", "--note", "x"]).code, Some(0));
    let aborted = release();
    assert!(aborted.code == Some(4) && aborted.stderr.contains("given up for good"), "{aborted}");
    assert!([unknown, early, held, blocked, aborted].iter().all(|outcome| outcome.stdout.is_empty()));
}

#[test]
fn it_must_be_said_who_and_what() {
    let place = place();
    decided(&mut ledger(&place), &key(DAY), "kim", "d1");
    let nobody = cycle(&place, "release", &[]);
    assert!(nobody.code == Some(2) && nobody.stderr.contains("--by"), "{nobody}");
    let blank = cycle(&place, "release", &["--by", " "]);
    assert!(blank.code == Some(2) && blank.stderr.contains("`--by` needs a name"), "{blank}");
    let place = place_without_decisions(place);
    let nowhere = cycle(&place, "release", &["--by", "lee"]);
    assert!(nowhere.code == Some(2) && nowhere.stderr.contains("[reconciliation.payout.decisions]"), "{nowhere}");
}

fn place_without_decisions(place: crate::support::Place) -> crate::support::Place {
    let section = "[reconciliation.payout.decisions]\nstore = \"core\"\ntable = \"payout_decision\"\n";
    place.write("recon.toml", PROJECT.replace(section, ""));
    place
}

#[test]
fn decisions_whose_columns_are_not_known_are_not_released() {
    let place = place();
    let mut ledger = ledger(&place);
    decided(&mut ledger, &key(DAY), "kim", "d1");
    let outcome = cycle(&place, "release", &["--by", "lee"]);
    assert!(
        outcome.code == Some(3) && outcome.stderr.contains("which columns the decisions of run 1-1 have"),
        "{outcome}"
    );
    assert_eq!(state(&mut ledger, &key(DAY)), State::Decided);
}

//! `recon stage`: payment steps, one winner, and stopping by hand.

use std::process::Stdio;

use recon::domain::State;
use recon::ledger::Begin;

use crate::engine::{decided, key, on_each_engine, started, state};
use crate::{DAY, PAYOUT, cycle, json, ledger, place, place_with};

/// A cycle that the payer may read.
fn released(ledger: &mut recon::ledger::Ledger) {
    decided(ledger, &key(DAY), "kim", "d1");
    ledger.release(&key(DAY), "lee", "d1", 1).expect("released");
}

#[test]
fn payment_steps_are_made_in_their_order_and_once() {
    let place = place();
    let mut ledger = ledger(&place);
    decided(&mut ledger, &key(DAY), "kim", "d1");
    let stage = |to: &str| cycle(&place, "stage", &["--to", to, "--by", "payer"]);
    let early = stage("messages_prepared");
    assert!(early.code == Some(4) && early.stderr.contains("it may go to `approved`, `blocked`, `aborted`"), "{early}");
    assert!(early.stderr.contains("recon release payout --param payout_date=2026-11-13 --by WHO"), "{early}");
    ledger.release(&key(DAY), "lee", "d1", 1).expect("released");
    let jump = stage("paid");
    assert!(
        jump.code == Some(4) && jump.stderr.contains("from `released` to `paid`; it may go to `messages_prepared`"),
        "{jump}"
    );
    let made = stage("messages_prepared");
    assert!(
        made.code == Some(0) && made.stdout == "payout payout_date=2026-11-13: released -> messages_prepared\n",
        "{made}"
    );
    let again = stage("messages_prepared");
    assert!(again.code == Some(4) && again.stderr.contains("do not pay again"), "{again}");
    let step =
        json(&cycle(&place, "stage", &["--to", "payment_requested", "--note", "batch 7", "--format", "json"]), 0);
    assert_eq!((&step["from"], &step["state"]), (&"messages_prepared".into(), &"payment_requested".into()));
    assert_eq!((&step["by"], &step["allowed"]), (&"tester".into(), &serde_json::json!(["paid", "returned"])));
    // Once money is on its way there is no way back.
    for to in ["blocked", "aborted"] {
        let late = cycle(&place, "stage", &["--to", to, "--note", "too late"]);
        assert!(late.code == Some(4) && late.stderr.contains("it may go to `paid`, `returned`"), "{late}");
    }
    assert_eq!(stage("returned").code, Some(0));
    let end = stage("paid");
    assert!(end.code == Some(4) && end.stderr.contains("it has reached its end"), "{end}");
    let id = ledger.status(&key(DAY)).expect("read").expect("a cycle").id;
    let steps = ledger.steps(id).expect("steps");
    let last: Vec<_> = steps.iter().rev().take(3).map(|s| (s.to.name(), s.by.as_str(), s.detail.as_deref())).collect();
    assert_eq!(
        last,
        [
            ("returned", "payer", None),
            ("payment_requested", "tester", Some("batch 7")),
            ("messages_prepared", "payer", None)
        ]
    );
}

on_each_engine! {
    fn of_ten_programs_one_makes_the_step(fresh: Fresh) {
        let place = place_with(&fresh.url);
        let mut ledger = fresh.open();
        released(&mut ledger);
        let programs: Vec<_> = (0..10)
            .map(|number| {
                let mut command = place.command();
                command.arg("stage").args(PAYOUT).args(["--to", "messages_prepared", "--by", &format!("program {number}")]);
                command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("recon")
            })
            .collect();
        let mut winners = Vec::new();
        for (number, program) in programs.into_iter().enumerate() {
            let output = program.wait_with_output().expect("it ended");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => winners.push(format!("program {number}")),
                code => assert!(code == Some(4) && said.contains("do not pay again"), "{code:?}: {said}"),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let id = ledger.status(&key(DAY)).expect("read").expect("a cycle").id;
        let steps = ledger.steps(id).expect("steps");
        let made: Vec<_> = steps.iter().filter(|step| step.to.name() == "messages_prepared").map(|step| &step.by).collect();
        assert_eq!(made, [&winners[0]]);
    }
}

#[test]
fn a_cycle_is_stopped_by_hand_with_a_reason() {
    let place = place();
    let mut ledger = ledger(&place);
    ledger.register(&key(DAY), "job").expect("registered");
    for note in [&[][..], &["--note", "  "]] {
        let silent = cycle(&place, "stage", &[&["--to", "blocked"], note].concat());
        assert!(silent.code == Some(2) && silent.stderr.contains("needs a note"), "{silent}");
    }
    let blocked = cycle(&place, "stage", &["--to", "blocked", "--note", "wrong rates", "--by", "kim"]);
    assert!(blocked.code == Some(0) && blocked.stdout.contains("registered -> blocked"), "{blocked}");
    let again = cycle(&place, "stage", &["--to", "blocked", "--note", "wrong rates"]);
    assert!(again.code == Some(4) && again.stderr.contains("it is blocked already"), "{again}");
    decided(&mut ledger, &key(DAY), "kim", "d1");
    let json = json(&cycle(&place, "stage", &["--to", "aborted", "--note", "not paid", "--format", "json"]), 0);
    assert_eq!(
        (&json["from"], &json["state"], &json["note"]),
        (&"decided".into(), &"aborted".into(), &"not paid".into())
    );
    assert_eq!(state(&mut ledger, &key(DAY)), State::Aborted);
}

#[test]
fn a_cycle_at_work_is_not_stopped_under_its_run() {
    let place = place();
    let mut ledger = ledger(&place);
    let mut run = started(&mut ledger, &key(DAY), &Begin::by("kim"));
    let held = cycle(&place, "stage", &["--to", "aborted", "--note", "x", "--lock-timeout", "0s"]);
    assert!(held.code == Some(4) && held.stderr.contains("is held by run 1-1 of kim"), "{held}");
    run.advance(&State::Computed, None).expect("the run goes on");
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let place = place();
    let mut ledger = ledger(&place);
    let stage = |to: &str| cycle(&place, "stage", &["--to", to]);
    let unknown = stage("paid");
    assert!(unknown.code == Some(2) && unknown.stderr.contains("there is no cycle payout"), "{unknown}");
    ledger.register(&key(DAY), "job").expect("registered");
    let near = stage("messages_preparred");
    assert!(near.code == Some(2) && near.stderr.contains("did you mean `messages_prepared`?"), "{near}");
    for (to, verb) in
        [("released", "release"), ("approved", "release"), ("decided", "verify"), ("registered", "verify")]
    {
        let own = stage(to);
        assert!(own.code == Some(4) && own.stderr.contains("is not a step that is recorded by hand"), "{own}");
        assert!(own.stderr.contains(&format!("recon {verb} payout")), "{own}");
    }
    assert_eq!(state(&mut ledger, &key(DAY)), State::Registered);
}

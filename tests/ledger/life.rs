//! A cycle's life: every step that is allowed, and those that are not.

use std::time::Duration;

use recon::domain::{Machine, State};
use recon::ledger::{Begin, Begun, LedgerError, Logged, Process, Released, RunVerdict, Waited};

use crate::engine::*;

/// Puts a cycle into a state by plain SQL, held by run 1.
fn put(fresh: &Fresh, state: &State) {
    let name = state.name();
    fresh.sql(&format!("UPDATE recon_cycles SET state = '{name}'"));
}

fn payments() -> Machine {
    Machine::new(&[("released", "requested"), ("requested", "paid")]).expect("steps")
}

fn all_states() -> Vec<State> {
    let mut states = State::BUILT_IN.to_vec();
    states.extend(["requested", "paid"].map(|name| State::parse(name).expect("a name")));
    states
}

on_each_engine! {
    fn a_cycle_from_registered_to_paid(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(20_000);
        assert!(ledger.register(&key, "calendar").expect("new"));
        assert!(!ledger.register(&key, "calendar").expect("known"), "registered once however often it is called");
        let mut run = started(&mut ledger, &key, &Begin::by("kim"));
        assert_eq!(run.id().to_string(), "1-1");
        let query = run.snapshot("query", "legacy", "SELECT net FROM payout -- mysql://u:hunter2@h/db").expect("kept");
        assert_eq!(run.snapshot("query", "legacy", "SELECT net FROM payout -- mysql://u:hunter2@h/db").expect("again"), query);
        to_checked(&mut run);
        let rows = |range: std::ops::Range<u32>| range.map(|n| Logged {
            key: format!("{{\"id\":\"{n}\"}}"), kind: "mismatch".into(), column: Some("net".into()),
            legacy: Some("it's \\ \"한글\" ?".into()), candidate: Some("0.10000000000000000000000000001\0".into()),
            difference: Some("0.00000000000000000000000000001".into()), reason: None,
        });
        assert_eq!(run.record_discrepancies(&mut rows(0..2_500)).expect("logged"), 2_500);
        assert_eq!(run.record_discrepancies(&mut rows(2_500..2_501)).expect("logged"), 2_501);
        run.decide(RunVerdict::Warned, &summary("d1"), &["2,501 discrepancies".into()], r#"{"net":"1.10"}"#).expect("decided");
        let said = run.advance(&State::Checked, None).expect_err("ended").to_string();
        assert!(said.contains("it has ended"), "{said}");
        drop(run);

        let cycle = ledger.status(&key).expect("read").expect("a cycle");
        assert_eq!((cycle.state.clone(), cycle.held), (State::Decided, false));
        let last = cycle.run.clone().expect("a run");
        assert_eq!((last.verdict, last.discrepancies, last.figures.as_deref()), (Some(RunVerdict::Warned), Some(2_501), Some(r#"{"net":"1.10"}"#)));
        assert_eq!(cycle.decisions.expect("decisions").summary, summary("d1"));
        let run = last.holder.run;
        assert_eq!(ledger.discrepancies(run, 0, 10_000).expect("read").len(), 2_501);
        let one = &ledger.discrepancies(run, 2_500, 10).expect("read")[0];
        assert_eq!((one.key.as_str(), one.difference.as_deref()), (r#"{"id":"2500"}"#, Some("0.00000000000000000000000000001")));
        assert_eq!(one.legacy.as_deref(), Some("it's \\ \"한글\" ?"));
        assert_eq!(one.candidate.as_deref(), Some("0.10000000000000000000000000001\\u0000"));
        assert_eq!(ledger.snapshots(run).expect("read"), [("legacy".to_owned(), query.clone())]);
        assert_eq!(ledger.snapshot(&query).expect("read").as_deref(), Some("SELECT net FROM payout -- mysql://u:***@h/db"));

        // A second caller finds it done.
        let Begun::Found(found) = ledger.begin_run(&key, &Begin::by("lee")).expect("found") else { panic!("began again") };
        assert_eq!(found.decided_run(), Some(run));
        // Four eyes, whatever the spelling; nothing that changed; then enough.
        for own in ["kim", " KIM "] {
            let error = ledger.release(&key, own, "d1", 1).expect_err("own work");
            assert!(code(&error) == 4 && error.to_string().contains("cannot approve"), "{error}");
        }
        let error = ledger.release(&key, "lee", "d2", 1).expect_err("changed");
        assert!(code(&error) == 4 && error.to_string().contains("not those that run 1-1 verified"), "{error}");
        assert_eq!(state(&mut ledger, &key), State::Decided);
        let Released::NotYet(approved) = ledger.release(&key, "lee", "d1", 2).expect("approved") else { panic!("released") };
        assert_eq!((approved.approvals, approved.needed, approved.state), (1, 2, State::Decided));
        let Released::NotYet(twice) = ledger.release(&key, "Lee", "d1", 2).expect("once") else { panic!("one person is not two") };
        assert_eq!(twice.approvals, 1);
        assert_eq!(ledger.release(&key, "park", "d1", 2).expect("released"), Released::Now(run));
        let error = ledger.release(&key, "choi", "d1", 2).expect_err("once");
        assert!(matches!(error, LedgerError::NotAllowed { .. }) && code(&error) == 4, "{error}");

        let (requested, paid) = (State::Payment("requested".into()), State::Payment("paid".into()));
        assert!(ledger.stage(&key, &payments(), &paid, "bank", None).is_err(), "not before it is requested");
        assert_eq!(ledger.stage(&key, &payments(), &requested, "bank", Some("ref 17")).expect("a step"), State::Released);
        assert!(ledger.stage(&key, &payments(), &requested, "bank", None).is_err(), "no step twice");
        ledger.stage(&key, &payments(), &paid, "bank", None).expect("a step");
        let steps = ledger.steps(1).expect("read");
        let names: Vec<&str> = steps.iter().map(|step| step.to.name()).collect();
        assert_eq!(names, ["registered", "computed", "compared", "checked", "decided", "approved", "released", "requested", "paid"]);
        assert!(steps.iter().skip(1).zip(&steps).all(|(step, before)| step.from.as_ref() == Some(&before.to)));
        let error = ledger.begin_run(&key, &Begin { again: true, ..Begin::by("kim") }).err().expect("too late");
        assert_eq!(code(&error), 4, "{error}");
    }

    fn a_run_takes_only_allowed_steps(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(1);
        let mut run = started(&mut ledger, &key, &Begin::by("kim"));
        for from in all_states() {
            for to in all_states() {
                let in_work = matches!(to, State::Computed | State::Compared | State::Checked);
                let expected = Machine::default().check(&from, &to).is_ok() && in_work;
                put(&fresh, &from);
                let before = ledger.steps(1).expect("read").len();
                let done = run.advance(&to, Some("tried"));
                assert_eq!(done.is_ok(), expected, "{from} -> {to}: {done:?}");
                let now = if expected { &to } else { &from };
                assert_eq!(state(&mut ledger, &key), *now, "{from} -> {to}");
                assert_eq!(ledger.steps(1).expect("read").len(), before + usize::from(expected), "{from} -> {to}");
                if let Err(error) = done {
                    // A step that the machine has, but not for a run, is asked for wrongly.
                    assert!(matches!(code(&error), 2 | 4), "{from} -> {to}: {error}");
                }
            }
        }
    }

    fn payment_steps_are_taken_only_as_configured(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(1);
        ledger.register(&key, "kim").expect("registered");
        for from in all_states() {
            for to in all_states() {
                put(&fresh, &from);
                let steps = [("released", "requested"), ("requested", "paid")];
                let expected = steps.contains(&(from.name(), to.name()));
                let done = ledger.stage(&key, &payments(), &to, "bank", None);
                assert_eq!(done.is_ok(), expected, "{from} -> {to}: {done:?}");
                assert_eq!(state(&mut ledger, &key), if expected { to.clone() } else { from.clone() });
                assert!(done.is_ok() || code(&done.expect_err("refused")) == 4);
            }
        }
    }

    fn stopping_works_from_the_first_six_only(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(1);
        ledger.register(&key, "kim").expect("registered");
        for from in all_states() {
            for to in all_states() {
                put(&fresh, &from);
                let first_six = State::BUILT_IN[..6].contains(&from);
                let expected = first_six && matches!(to, State::Blocked | State::Aborted);
                let done = ledger.stop(&key, &to, "kim", "wrong rates", Duration::ZERO);
                assert_eq!(done.is_ok(), expected, "{from} -> {to}: {done:?}");
                assert_eq!(state(&mut ledger, &key), if expected { to.clone() } else { from.clone() });
            }
        }
    }

    fn only_a_decided_cycle_is_released(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(1);
        decided(&mut ledger, &key, "kim", "d1");
        for from in all_states() {
            put(&fresh, &from);
            let expected = matches!(from, State::Decided | State::Approved);
            let done = ledger.release(&key, "lee", "d1", 1);
            assert_eq!(done.is_ok(), expected, "{from}: {done:?}");
            if !expected {
                assert_eq!(state(&mut ledger, &key), from);
                assert!(ledger.approve(&key, "lee", "d1", 1).is_err(), "{from}");
                assert_eq!(state(&mut ledger, &key), from);
            }
        }
    }

    fn a_blocked_cycle_starts_again_and_keeps_its_history(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(1);
        let mut run = started(&mut ledger, &key, &Begin::by("kim"));
        run.advance(&State::Computed, None).expect("allowed");
        assert_eq!(code(&run.block(RunVerdict::Clean, &[], "null").expect_err("no")), 2);
        run.block(RunVerdict::Incomplete, &["a store failed: mysql://u:hunter2@h/db".into()], "null").expect("blocked");
        assert_eq!(state(&mut ledger, &key), State::Blocked);
        let second = started(&mut ledger, &key, &Begin::by("kim"));
        assert_eq!((second.id().attempt, state(&mut ledger, &key)), (2, State::Registered));
        // Dropped without an end: blocked, and told so.
        drop(second);
        assert_eq!(state(&mut ledger, &key), State::Blocked);
        decided(&mut ledger, &key, "kim", "d3");
        let runs = ledger.runs(1).expect("read");
        let verdicts: Vec<_> = runs.iter().map(|run| run.verdict.expect("ended").name()).collect();
        assert_eq!(verdicts, ["incomplete", "incomplete", "warned"]);
        assert_eq!(runs[0].reasons, ["a store failed: mysql://u:***@h/db"]);
        assert_eq!(runs[1].reasons, ["the run ended without a verdict"]);
        // Verified again: the approvals of the old decisions count no more.
        ledger.release(&key, "lee", "d3", 2).expect("one approval");
        let mut again = started(&mut ledger, &key, &Begin { again: true, continues: Some(3), ..Begin::by("lee") });
        assert_eq!(ledger.status(&key).expect("read").expect("a cycle").decisions, None);
        to_checked(&mut again);
        again.decide(RunVerdict::Clean, &summary("d3"), &[], "null").expect("decided");
        assert_eq!(ledger.status(&key).expect("read").expect("a cycle").approvals, []);
        // Kim ran what this run completes, and Lee ran this one.
        for own in ["kim", "lee"] {
            assert!(ledger.approve(&key, own, "d3", 1).expect_err("own work").to_string().contains("cannot approve"));
        }
        assert_eq!(ledger.approve(&key, "park", "d3", 1).expect("approved").state, State::Approved);
    }

    fn an_aborted_cycle_is_never_begun_again(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(1);
        ledger.register(&key, "kim").expect("registered");
        ledger.stop(&key, &State::Aborted, "kim", "no payout", Duration::ZERO).expect("aborted");
        let error = ledger.begin_run(&key, &Begin::by("kim")).err().expect("refused");
        assert!(matches!(error, LedgerError::NotAllowed { .. }), "{error}");
        let error = ledger.stop(&crate::engine::key(2), &State::Aborted, "kim", "?", Duration::ZERO).expect_err("unknown");
        assert!(code(&error) == 2 && error.to_string().contains("there is no cycle"), "{error}");
    }

    fn who_comes_second_is_told_who_holds_it(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(1);
        let mut run = started(&mut ledger, &key, &Begin::by("kim"));
        run.advance(&State::Computed, None).expect("allowed");
        let begin = Begin { lock_timeout: Duration::from_millis(600), ..Begin::by("lee") };
        let before = std::time::Instant::now();
        let error = fresh.open().begin_run(&key, &begin).err().expect("held");
        assert!(before.elapsed() >= Duration::from_millis(600) && code(&error) == 4);
        let (said, pid) = (error.to_string(), std::process::id());
        let since = ledger.status(&key).expect("read").expect("a cycle").run.expect("a run").holder.since;
        for part in ["run 1-1 of kim", &format!("process {pid} on {}", Process::current().host), &since, "`computed`"] {
            assert!(said.contains(part), "{part} in {said}");
        }
        let error = ledger.stop(&key, &State::Aborted, "lee", "?", Duration::ZERO).expect_err("held");
        assert!(matches!(error, LedgerError::Held { .. }), "{error}");
        // Another cycle is nobody's business.
        started(&mut fresh.open(), &crate::engine::key(2), &Begin::by("lee"));
    }

    fn a_sensor_sees_what_was_reached(fresh: Fresh) {
        let mut ledger = fresh.open();
        let key = key(1);
        let soon = Duration::from_millis(50);
        let machine = payments();
        assert_eq!(ledger.wait(&key, &machine, &State::Decided, soon).expect("read"), Waited::TimedOut(None));
        let mut run = started(&mut ledger, &key, &Begin::by("kim"));
        assert!(matches!(ledger.wait(&key, &machine, &State::Decided, soon), Ok(Waited::TimedOut(Some(_)))));
        run.block(RunVerdict::Blocked, &[], "null").expect("blocked");
        assert!(matches!(ledger.wait(&key, &machine, &State::Decided, soon), Ok(Waited::Failed(_))));
        assert!(matches!(ledger.wait(&key, &machine, &State::Blocked, soon), Ok(Waited::Reached(_))));
        decided(&mut ledger, &key, "kim", "d1");
        ledger.release(&key, "lee", "d1", 1).expect("released");
        assert!(matches!(ledger.wait(&key, &machine, &State::Decided, soon), Ok(Waited::Reached(_))), "it went beyond");
    }

    fn old_discrepancies_are_pruned_and_nothing_else(fresh: Fresh) {
        let mut ledger = fresh.open();
        let log = |run: &mut recon::ledger::Run| {
            run.snapshot("query", "legacy", &format!("SELECT {}", run.id())).expect("kept");
            let row = Logged { key: "{}".into(), kind: "unknown".into(), reason: Some("?".into()), ..Logged::default() };
            run.record_discrepancies(&mut std::iter::repeat_n(row, 3)).expect("logged");
        };
        for day in [1, 2] {
            let mut run = started(&mut ledger, &key(day), &Begin::by("kim"));
            log(&mut run);
            to_checked(&mut run);
            run.decide(RunVerdict::Warned, &summary("d"), &[], "null").expect("decided");
        }
        ledger.release(&key(1), "lee", "d", 1).expect("released");
        assert_eq!(ledger.prune("2000-01-01", "kim").expect("pruned").runs, 0);
        assert_eq!(code(&ledger.prune("2999-01-01", "kim").expect_err("still to come")), 2);
        let now = ledger.now().expect("now");
        let pruned = ledger.prune(&now, "kim").expect("pruned");
        assert_eq!((pruned.runs, pruned.discrepancies, pruned.snapshots), (1, 3, 1));
        let cycles = ledger.history(Some("payout"), None, 10).expect("read");
        assert_eq!(cycles.len(), 2);
        let left = |ledger: &mut recon::ledger::Ledger, cycle: usize| {
            ledger.discrepancies(cycles[cycle].decided_run().expect("decided"), 0, 10).expect("read").len()
        };
        assert_eq!((left(&mut ledger, 0), left(&mut ledger, 1)), (3, 0), "what waits for release is kept");
        assert_eq!(code(&ledger.prune("yesterday", "kim").expect_err("no date")), 2);
    }
}

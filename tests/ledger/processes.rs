//! Several processes at one cycle: one works, the dead are succeeded, the paused write nothing.

use std::time::{Duration, Instant};

use recon::domain::State;
use recon::ledger::{Begin, Chain, Ledger, LedgerError, Process, RunVerdict};

use crate::child::{LOGGED, Other};
use crate::engine::*;

/// What must hold of a cycle that was decided, however many attempts it took.
fn told_truly(ledger: &mut Ledger, day: i32) -> usize {
    let cycle = ledger.status(&key(day)).expect("read").expect("a cycle");
    assert_eq!((cycle.state, cycle.held), (State::Decided, false));
    let decided = cycle.decisions.expect("decisions").run;
    let runs = ledger.runs(cycle.id).expect("read");
    for (run, attempt) in runs.iter().zip(1..) {
        assert_eq!(run.holder.run.attempt, attempt);
        assert!(run.ended_at.is_some(), "run {attempt} has an end");
        let expected = match run.holder.run == decided {
            true => (Some(RunVerdict::Warned), None),
            false => (Some(RunVerdict::Incomplete), Some(attempt + 1)),
        };
        assert_eq!((run.verdict, run.superseded_by), expected, "run {attempt}");
    }
    assert_eq!(runs.last().expect("a run").holder.run, decided);
    let logged = ledger.discrepancies(decided, 0, 10_000).expect("read");
    let keys: Vec<String> = logged.into_iter().map(|row| row.key).collect();
    assert_eq!(keys, (0..LOGGED).map(|n| format!("{{\"id\":\"{n}\"}}")).collect::<Vec<_>>());
    let steps = ledger.steps(cycle.id).expect("read");
    assert!(steps.iter().skip(1).zip(&steps).all(|(step, before)| step.from.as_ref() == Some(&before.to)));
    let machine = recon::domain::Machine::default();
    assert!(steps.iter().all(|step| step.from.as_ref().is_none_or(|from| machine.check(from, &step.to).is_ok())));
    assert_eq!(steps.iter().filter(|step| step.to == State::Decided).count(), 1);
    assert!(matches!(ledger.verify_audit(), Ok(Chain::Intact { .. })));
    runs.len()
}

on_each_engine! {
    fn twenty_processes_do_the_work_once(fresh: Fresh) {
        let all: Vec<Other> = (0..20).map(|n| {
            let wait = if n % 2 == 0 { "80000" } else { "0" };
            Other::start("verify", &fresh.url, 1, &[("LEDGER_WAIT", wait)])
        }).collect();
        let mut worked = 0;
        for (n, other) in all.into_iter().enumerate() {
            match other.end() {
                (Some(0), said) if said == "decided" => worked += 1,
                (Some(0), said) => assert_eq!(said, "found decided", "process {n}"),
                (Some(4), said) => assert!(n % 2 == 1 && said.contains("is held by run 1-1 of child"), "process {n}: {said}"),
                other => panic!("process {n}: {other:?}"),
            }
        }
        assert_eq!(worked, 1);
        assert_eq!(told_truly(&mut fresh.open(), 1), 1);
    }

    fn a_killed_process_is_succeeded_at_once(fresh: Fresh) {
        let mut ledger = fresh.open();
        let random = fastrand::Rng::new();
        let mut random = random;
        let mut attempts = 0;
        for day in 0..10 {
            let seed = random.u32(..);
            let mut moment = fastrand::Rng::with_seed(u64::from(seed));
            // Twice, so that a successor is killed too.
            for _ in 0..2 {
                let mut other = Other::start("verify", &fresh.url, day, &[]);
                for _ in 0..moment.u32(1..13) {
                    if other.next().is_none() { break; }
                }
                std::thread::sleep(Duration::from_micros(moment.u64(0..12_000)));
                other.kill();
                other.end();
            }
            let started = Instant::now();
            let (code, said) = Other::start("verify", &fresh.url, day, &[]).end();
            assert!(code == Some(0), "day {day}, seed {seed}: {code:?} {said}");
            // Its lease is a minute: nobody waited for that.
            assert!(started.elapsed() < Duration::from_secs(45), "day {day}, seed {seed}");
            attempts += told_truly(&mut ledger, day);
        }
        assert!(attempts > 10, "some were killed in their work");
    }

    fn a_dead_process_elsewhere_is_succeeded_when_its_lease_runs_out(fresh: Fresh) {
        let mut other = Other::start("pause", &fresh.url, 1, &[("LEDGER_ELSEWHERE", "another host"), ("LEDGER_LEASE", "3000")]);
        other.until("ready");
        let mut ledger = fresh.open();
        // It lives and renews its lease: longer than one lease nobody gets in.
        let begin = Begin { lock_timeout: Duration::from_secs(5), ..Begin::by("kim") };
        assert!(matches!(ledger.begin_run(&key(1), &begin), Err(LedgerError::Held { .. })), "it lives");
        other.kill();
        let killed = Instant::now();
        other.end();
        assert!(matches!(ledger.begin_run(&key(1), &Begin::by("kim")), Err(LedgerError::Held { .. })), "nobody can know yet");
        let mut run = started(&mut ledger, &key(1), &Begin { lock_timeout: Duration::from_secs(30), ..Begin::by("kim") });
        assert!(killed.elapsed() > Duration::from_millis(1_500), "{:?}", killed.elapsed());
        to_checked(&mut run);
        let runs = ledger.runs(1).expect("read");
        assert_eq!((runs[0].verdict, runs[0].superseded_by), (Some(RunVerdict::Incomplete), Some(2)));
        assert!(runs[0].reasons[0].contains("run 1-2 took over"), "{:?}", runs[0].reasons);
        let states: Vec<String> = ledger.steps(1).expect("read").iter().map(|step| step.to.to_string()).collect();
        assert_eq!(states, ["registered", "computed", "blocked", "registered", "computed", "compared", "checked"]);
    }

    fn a_paused_process_that_wakes_writes_nothing(fresh: Fresh) {
        for (day, finished) in [(1, true), (2, false)] {
            let mut other = Other::start("pause", &fresh.url, day, &[("LEDGER_LEASE", "1500")]);
            other.until("ready");
            // Not in the middle of a beat: SQLite has nobody who could end a stopped program's transaction.
            std::thread::sleep(Duration::from_millis(100));
            other.signal("-STOP");
            let mut ledger = fresh.open();
            let begin = Begin { lock_timeout: Duration::from_secs(30), ..Begin::by("kim") };
            let mut run = started(&mut ledger, &key(day), &begin);
            to_checked(&mut run);
            if finished {
                run.decide(RunVerdict::Clean, &summary("d1"), &[], "null").expect("decided");
            }
            let before = (ledger.verify_audit().expect("read"), ledger.status(&key(day)).expect("read"));
            other.signal("-CONT");
            std::thread::sleep(Duration::from_millis(800));
            other.tell();
            for what in ["confirm", "record", "snapshot", "advance", "decide", "block"] {
                let said = other.until(what);
                assert!(said.contains("exit 4") && said.contains("may write no more"), "{said}");
            }
            assert_eq!(other.end(), (Some(0), "end".to_owned()));
            let after = (ledger.verify_audit().expect("read"), ledger.status(&key(day)).expect("read"));
            assert_eq!(before, after);
            let stale = recon::ledger::RunId { attempt: 1, cycle: run.id().cycle };
            assert_eq!(ledger.discrepancies(stale, 0, 10).expect("read"), []);
            assert_eq!(ledger.snapshots(stale).expect("read"), []);
            if !finished {
                run.decide(RunVerdict::Clean, &summary("d1"), &[], "null").expect("decided");
            }
        }
    }

    fn a_process_that_is_gone_on_this_host_is_seen_at_once(fresh: Fresh) {
        // A process number that was given out again: the start tells.
        let gone = Process { started: "1".into(), ..Process::current() };
        let mut theirs = Ledger::open(&fresh.secret(), gone).expect("a ledger");
        let mut run = started(&mut theirs, &key(1), &Begin::by("lee"));
        let mut ours = fresh.open();
        assert!(!ours.status(&key(1)).expect("read").expect("a cycle").held);
        let next = started(&mut ours, &key(1), &Begin::by("kim"));
        let error = run.advance(&State::Computed, None).expect_err("superseded");
        assert!(error.to_string().contains("run 1-2 of kim"), "{error}");
        assert_eq!(next.id().attempt, 2);
    }
}

/// Two clients whose clocks are a day ahead and a day behind: only the server's clock counts.
mod skewed_clocks {
    use super::*;

    /// A library that shifts the wall clock, and only that, by `CLOCK_SHIFT` seconds.
    const SHIFT: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long shift(void) { const char *s = getenv("CLOCK_SHIFT"); return s ? atol(s) : 0; }
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(id, at);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) at->tv_sec += shift();
    return done;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec; at->tv_usec = now.tv_nsec / 1000; (void)zone; return 0;
}
time_t time(time_t *at) { struct timespec now; clock_gettime(CLOCK_REALTIME, &now); if (at) *at = now.tv_sec; return now.tv_sec; }
"#;

    fn law(fresh: Fresh) {
        let dir = tempfile::tempdir().expect("a folder");
        let (source, library) = (dir.path().join("shift.c"), dir.path().join("shift.so"));
        std::fs::write(&source, SHIFT).expect("written");
        let built = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status()
            .expect("a C compiler, as Rust needs one");
        assert!(built.success());
        let preload = library.to_str().expect("a path");
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs()).expect("seconds");
        for (day, shift, other_shift) in [(1, "-86400", "86400"), (2, "86400", "-86400")] {
            let holder = Other::start("pause", &fresh.url, day, &[("LD_PRELOAD", preload), ("CLOCK_SHIFT", shift)]);
            let told: i64 = holder.until("clock")[6..].parse().expect("seconds");
            let expected: i64 = shift.parse().expect("seconds");
            assert!((told - now - expected).abs() < 600, "the shift works: {told} {now}");
            holder.until("ready");
            let settings = [("LD_PRELOAD", preload), ("CLOCK_SHIFT", other_shift), ("LEDGER_WAIT", "1500")];
            let (code, said) = Other::start("verify", &fresh.url, day, &settings).end();
            assert!(code == Some(4) && said.contains("is held by run"), "{code:?} {said}");
            // The moments kept are the server's.
            let mut ledger = fresh.open();
            let since = ledger.status(&key(day)).expect("read").expect("a cycle").run.expect("a run").holder.since;
            let today = recon::domain::format_instant(i128::from(now) * 1_000_000_000, 0);
            let hours = |text: &str| {
                recon::domain::parse_instant(text, &jiff::tz::TimeZone::UTC).expect("a moment").nanos
                    / 3_600_000_000_000
            };
            assert!((hours(&since) - hours(&today)).abs() <= 1, "{since} {today}");
            let mut holder = holder;
            holder.kill();
            holder.end();
            let (code, said) = Other::start("verify", &fresh.url, day, &settings).end();
            assert!(code == Some(0) && said == "decided", "{code:?} {said}");
        }
    }

    #[test]
    fn mysql() {
        law(Fresh::mysql());
    }

    #[test]
    fn postgres() {
        law(Fresh::postgres());
    }
}

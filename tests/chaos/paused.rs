//! Stopped in the middle, overtaken by another run, and woken: whoever was overtaken writes nothing any more.

use std::process::Child;
use std::time::Duration;

use crate::killed::Boundary;
use crate::scene::{Kind, Scene, Seeded, Undisturbed, ended, on_each_kind, signal};
use crate::support::Outcome;

/// Starts a verification and stops it there; `None` when it could not be met, or is stopped where it holds a SQLite
/// file: no program can take a file from a process that holds it.
fn stopped(scene: &Scene, day: u32, at: Boundary, then: Duration, lease: &str) -> Option<Child> {
    let mut ledger = scene.open();
    let mut child = scene.spawn(day, &["--lease", lease, "--lock-timeout", "30s"]);
    if at.wait(scene, &mut ledger, day, &mut child) {
        std::thread::sleep(then);
        if child.try_wait().expect("asked").is_none() {
            stop(child.id());
            if !scene.is_locked() && at.is_reached(scene, &mut ledger, day, child.id()) {
                return Some(child);
            }
            signal(child.id(), "-CONT");
        }
    }
    let _ = child.kill();
    child.wait().expect("ended");
    None
}

/// Stops a process, and waits until each of its threads has stopped: one that waits for its disk goes on until then.
fn stop(process: u32) {
    signal(process, "-STOP");
    let is_stopped = || {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
        tasks.filter_map(Result::ok).all(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['T', 'Z']))
        })
    };
    while !is_stopped() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// As [`stopped`], on days of their own until it is met: gives the day too.
fn stopped_on(scene: &Scene, day: &mut u32, at: Boundary, then: Duration) -> Child {
    for tries in 1..=30 {
        *day += 1;
        if let Some(child) = stopped(scene, *day, at, then / tries, "1s") {
            return child;
        }
    }
    panic!("{:?}: no run was met at {at:?}", scene.kind);
}

/// Wakes a run that was overtaken: it must say so, and change nothing anywhere.
fn wakes_in_vain(scene: &Scene, child: Child, context: &str) {
    let before = scene.dump();
    signal(child.id(), "-CONT");
    let outcome = ended(child);
    overtaken(&outcome, context);
    let after = scene.dump();
    let gone: Vec<&String> = before.iter().filter(|row| !after.contains(row)).take(3).collect();
    let new: Vec<&String> = after.iter().filter(|row| !before.contains(row)).take(3).collect();
    assert!(before == after, "{context}: it wrote: {new:?} for {gone:?}");
}

fn overtaken(outcome: &Outcome, context: &str) {
    let said = outcome.stderr.contains("may write no more") || outcome.stderr.contains("was overtaken");
    assert!(matches!(outcome.code, Some(4) | Some(3)) && said, "{context}: {outcome}");
    assert!(outcome.stderr.contains("hint"), "{context}: {outcome}");
}

on_each_kind!(another_decides_meanwhile);

fn another_decides_meanwhile(kind: Kind) {
    let mut seeded = Seeded::new();
    let scene = Scene::new(kind);
    let undisturbed = scene.measured();
    let mut day = 0;
    for (at, released) in [
        (Boundary::Registered, false),
        (Boundary::Registered, true),
        (Boundary::Compared, true),
        (Boundary::Writing, false),
        (Boundary::Writing, true),
        (Boundary::Written, true),
    ] {
        let then = match at {
            // Somewhere while it reads and compares.
            Boundary::Registered => undisturbed.took.mul_f64(seeded.random.f64() * 0.3),
            _ => Duration::ZERO,
        };
        let first = stopped_on(&scene, &mut day, at, then);
        let context = format!("{kind:?}, {at:?}, released {released}, day {day}");
        let second = scene.spawn(day, &["--lease", "2s", "--lock-timeout", "30s", "--by", "park"]);
        let processes = [first.id(), second.id()];
        let outcome = ended(second);
        assert_eq!(outcome.code, Some(0), "{context}: {outcome}");
        if released {
            let outcome = scene.recon("release", day, &["--by", "lee"]);
            assert_eq!(outcome.code, Some(0), "{context}: {outcome}");
        }
        wakes_in_vain(&scene, first, &context);
        check(&scene, day, released, &undisturbed, &processes);
    }
}

fn check(scene: &Scene, day: u32, released: bool, undisturbed: &Undisturbed, processes: &[u32]) {
    let mut ledger = scene.open();
    let run = scene.status(&mut ledger, day).and_then(|cycle| cycle.decided_run()).expect("decided");
    assert_eq!(run.attempt as usize, processes.len(), "the last one decides");
    match released {
        true => scene.is_released(day, undisturbed, processes),
        false => scene.holds(day, undisturbed, processes),
    }
}

on_each_kind!(both_are_overtaken);

/// The first wakes while the second, stopped too, has written a part; the second wakes when a third has decided and
/// somebody has released.
fn both_are_overtaken(kind: Kind) {
    let scene = Scene::new(kind);
    let undisturbed = scene.measured();
    let mut day = 0;
    let mut tries = 0;
    let (first, second) = loop {
        tries += 1;
        assert!(tries <= 20, "{kind:?}: no two runs were met");
        let first = stopped_on(&scene, &mut day, Boundary::Writing, Duration::ZERO);
        if let Some(second) = stopped(&scene, day, Boundary::Writing, Duration::ZERO, "1s") {
            break (first, second);
        }
        signal(first.id(), "-CONT");
        ended(first);
    };
    let processes = [first.id(), second.id()];
    wakes_in_vain(&scene, first, &format!("{kind:?}: the first, while the second writes"));
    let third = scene.spawn(day, &["--lock-timeout", "30s"]);
    let processes = [processes[0], processes[1], third.id()];
    let outcome = ended(third);
    assert_eq!(outcome.code, Some(0), "{kind:?}: {outcome}");
    let outcome = scene.recon("release", day, &["--by", "lee"]);
    assert_eq!(outcome.code, Some(0), "{kind:?}: {outcome}");
    wakes_in_vain(&scene, second, &format!("{kind:?}: the second, after the release"));
    check(&scene, day, true, &undisturbed, &processes);
}

on_each_kind!(nobody_came);

/// Stopped for longer than its lease, and nobody came: it goes on as if nothing had been.
fn nobody_came(kind: Kind) {
    let scene = Scene::new(kind);
    let undisturbed = scene.measured();
    let mut day = 0;
    for at in [Boundary::Registered, Boundary::Writing] {
        let first = stopped_on(&scene, &mut day, at, Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1_500));
        let processes = [first.id()];
        signal(first.id(), "-CONT");
        let outcome = ended(first);
        assert_eq!(outcome.code, Some(0), "{kind:?}, {at:?}: {outcome}");
        check(&scene, day, false, &undisturbed, &processes);
    }
}

on_each_kind!(stopped_by_hand);

/// Somebody blocks the cycle of a run that does not move, verifies and releases; then it wakes.
fn stopped_by_hand(kind: Kind) {
    let scene = Scene::new(kind);
    let undisturbed = scene.measured();
    let mut day = 0;
    let first = stopped_on(&scene, &mut day, Boundary::Writing, Duration::ZERO);
    let blocked = scene.recon("stage", day, &["--to", "blocked", "--note", "it hangs", "--lock-timeout", "30s"]);
    assert_eq!(blocked.code, Some(0), "{kind:?}: {blocked}");
    let second = scene.spawn(day, &[]);
    let processes = [first.id(), second.id()];
    let outcome = ended(second);
    assert_eq!(outcome.code, Some(0), "{kind:?}: {outcome}");
    wakes_in_vain(&scene, first, &format!("{kind:?}: after it was blocked by hand"));
    check(&scene, day, false, &undisturbed, &processes);
}

//! Clocks of clients are wrong by days: who holds a cycle and until when goes by the clock of the ledger's server.

use std::process::{Child, Stdio};
use std::time::Duration;

use crate::preload;
use crate::scene::{Kind, Scene, arguments, ended, signal};

const DAY: &str = "86400";
const DAY_BEFORE: &str = "-86400";

fn spawn(scene: &Scene, day: u32, clock: &str, more: &[&str]) -> Child {
    let mut command = preload::command(scene, &[("CHAOS_CLOCK", clock)]);
    command.args(arguments(day)).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("recon starts")
}

/// A SQLite file has no server: there the clock is that of the one machine on which all its processes are.
#[test]
fn of_two_machines_do_not_matter() {
    for kind in [Kind::MariaDb, Kind::Postgres] {
        let scene = Scene::new(kind);
        let undisturbed = scene.measured();
        let mut ledger = scene.open();
        // The clock of who holds it is a day early, of who comes a day late: by those the lease ended long ago.
        // Then the other way round: by those it would end in two days.
        for (day, first_clock, second_clock) in [(1, DAY_BEFORE, DAY), (2, DAY, DAY_BEFORE)] {
            let context = format!("{kind:?}, clocks {first_clock} and {second_clock}");
            let mut first = spawn(&scene, day, first_clock, &["--lease", "6s"]);
            let at = crate::killed::Boundary::Registered;
            assert!(at.wait(&scene, &mut ledger, day, &mut first), "{context}");
            signal(first.id(), "-STOP");
            let early = ended(spawn(&scene, day, second_clock, &["--lock-timeout", "0s", "--by", "park"]));
            assert_eq!(early.code, Some(4), "{context}: {early}");
            assert!(
                early.stderr.contains("is held by run 2-1 of kim")
                    || early.stderr.contains("is held by run 3-1 of kim"),
                "{context}: {early}"
            );
            let second = spawn(&scene, day, second_clock, &["--lock-timeout", "30s", "--by", "park"]);
            let processes = [first.id(), second.id()];
            let began = std::time::Instant::now();
            let outcome = ended(second);
            assert_eq!(outcome.code, Some(0), "{context}: {outcome}");
            assert!(began.elapsed() < Duration::from_secs(30), "{context}: {:?}", began.elapsed());
            signal(first.id(), "-CONT");
            let outcome = ended(first);
            assert!(matches!(outcome.code, Some(3 | 4)), "{context}: {outcome}");
            scene.holds(day, &undisturbed, &processes);
            // Every moment in the ledger is by one clock.
            let now = &scene.open().now().expect("a moment")[..13];
            let cycle = scene.status(&mut ledger, day).expect("a cycle");
            for step in ledger.steps(cycle.id).expect("read") {
                assert_eq!(&step.at[..10], &now[..10], "{context}: {step:?}");
            }
        }
        // The clock was wrong indeed: what is only shown goes by it.
        let mut release = preload::command(&scene, &[("CHAOS_CLOCK", "315360000")]);
        release.args(["release", "payout", "--by", "lee"]).args(&arguments(0)[5..]);
        let outcome = preload::run(release);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let shown = scene.project.rows("SELECT released_at FROM payout_decision_runs WHERE released_at > '2035'");
        assert_eq!(shown.len(), 1, "{kind:?}: the library does not reach recon");
    }
}

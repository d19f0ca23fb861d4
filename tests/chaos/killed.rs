//! Killed outright: at random moments, and at every boundary between two stages.

use std::process::Child;
use std::time::Duration;

use recon::domain::State;
use recon::ledger::Ledger;

use crate::scene::{Kind, RECORDS, Scene, Seeded, ended, on_each_kind};

/// Kills for each place of ledger and decisions.
const KILLS: u32 = 50;
/// Kills of one cycle, before it is left in peace.
const IN_A_ROW: u32 = 5;

on_each_kind!(at_random_moments);

fn at_random_moments(kind: Kind) {
    let mut seeded = Seeded::new();
    let undisturbed = Scene::undisturbed(kind);
    let scene = Scene::new(kind);
    // One moment of each fiftieth of the whole time, in any order.
    let mut moments: Vec<f64> = (0..KILLS).map(|n| (f64::from(n) + seeded.random.f64()) / f64::from(KILLS)).collect();
    seeded.random.shuffle(&mut moments);
    let (mut day, mut processes, mut in_a_row) = (1, Vec::new(), 0);
    let mut took = undisturbed.took;
    while let Some(moment) = moments.last() {
        let mut child = scene.spawn(day, &[]);
        processes.push(child.id());
        std::thread::sleep(took.mul_f64(*moment));
        let killed = child.try_wait().expect("asked").is_none();
        if killed {
            kill(child);
            moments.pop();
            in_a_row += 1;
        } else {
            // It was quicker than the first: then so is the time that is shared out.
            let outcome = ended(child);
            assert_eq!(outcome.code, Some(0), "{kind:?}: {outcome}");
            took = took.mul_f64(0.95);
        }
        if !killed || in_a_row == IN_A_ROW || moments.is_empty() {
            let child = scene.spawn(day, &[]);
            processes.push(child.id());
            let outcome = ended(child);
            assert_eq!(outcome.code, Some(0), "{kind:?}, day {day}: {outcome}");
            scene.holds(day, &undisturbed, &processes);
            (day, in_a_row) = (day + 1, 0);
            processes.clear();
        }
    }
    assert!(day > KILLS / IN_A_ROW, "{kind:?}");
}

/// A boundary between two stages, as the ledger and the decisions' table show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    Registered,
    Computed,
    Compared,
    Checked,
    /// Some decisions are there, not all.
    Writing,
    /// All are there, and the ledger does not know it yet.
    Written,
    Decided,
}

impl Boundary {
    const ALL: [Boundary; 7] = [
        Boundary::Registered,
        Boundary::Computed,
        Boundary::Compared,
        Boundary::Checked,
        Boundary::Writing,
        Boundary::Written,
        Boundary::Decided,
    ];

    /// Whether a run of this process stands there.
    pub fn is_reached(self, scene: &Scene, ledger: &mut Ledger, day: u32, process: u32) -> bool {
        let Some(cycle) = scene.status(ledger, day) else { return false };
        let Some(run) = cycle.run.filter(|run| run.holder.pid == process) else { return false };
        let run = run.holder.run;
        let state = match self {
            Boundary::Registered => State::Registered,
            Boundary::Computed => State::Computed,
            Boundary::Compared => State::Compared,
            Boundary::Checked | Boundary::Writing | Boundary::Written => State::Checked,
            Boundary::Decided => State::Decided,
        };
        if cycle.state != state {
            return false;
        }
        match self {
            Boundary::Writing => {
                let sql = format!("SELECT recon_run FROM payout_decision WHERE recon_run = '{run}'");
                let rows = scene.project.rows(&sql).len();
                rows > 0 && rows < RECORDS
            }
            Boundary::Written => {
                let sql = format!("SELECT run FROM payout_decision_runs WHERE written_run = '{run}'");
                !scene.project.rows(&sql).is_empty()
            }
            _ => true,
        }
    }

    /// Waits until a run of this process is there; `false` when it has passed or the process has ended.
    pub fn wait(self, scene: &Scene, ledger: &mut Ledger, day: u32, child: &mut Child) -> bool {
        let process = child.id();
        loop {
            if self.is_reached(scene, ledger, day, process) {
                return true;
            }
            if child.try_wait().expect("asked").is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

on_each_kind!(at_every_boundary);

fn at_every_boundary(kind: Kind) {
    let undisturbed = Scene::undisturbed(kind);
    let scene = Scene::new(kind);
    // The table of decisions must be there to be looked into.
    assert_eq!(scene.verify(0, &[]).code, Some(0), "{kind:?}");
    let mut ledger = scene.open();
    let mut day = 1;
    for boundary in Boundary::ALL {
        let (mut hit, mut tries) = (0, 0);
        while hit < 2 {
            tries += 1;
            assert!(tries <= 40, "{kind:?}: {boundary:?} was met {hit} times");
            let mut processes = Vec::new();
            // Twice in a row where it can be: a successor is killed at the same place.
            for _ in 0..2 {
                let mut child = scene.spawn(day, &[]);
                let process = child.id();
                processes.push(process);
                let met = boundary.wait(&scene, &mut ledger, day, &mut child);
                kill(child);
                if met && boundary.is_reached(&scene, &mut ledger, day, process) {
                    hit += 1;
                }
            }
            let child = scene.spawn(day, &[]);
            processes.push(child.id());
            let outcome = ended(child);
            assert_eq!(outcome.code, Some(0), "{kind:?}, {boundary:?}, day {day}: {outcome}");
            scene.holds(day, &undisturbed, &processes);
            day += 1;
        }
    }
}

fn kill(mut child: Child) {
    // One that has ended by itself meanwhile is as good.
    let _ = child.kill();
    child.wait().expect("ended");
}

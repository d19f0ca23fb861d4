//! The disk is full: under the ledger and the decisions, under a file of decisions, under temporary files. recon says
//! which and what to do, leaves nothing half-written, and goes on when there is room.

use std::path::Path;

use crate::preload;
use crate::scene::{Kind, RECORDS, Scene, arguments};
use crate::support::Outcome;

fn verify(scene: &Scene, day: u32, full: &Path, room: u64, more: &[(&str, &str)]) -> Outcome {
    let (full, room) = (full.display().to_string(), room.to_string());
    let settings = [&[("CHAOS_FULL", full.as_str()), ("CHAOS_ROOM", room.as_str())], more].concat();
    let mut command = preload::command(scene, &settings);
    command.args(arguments(day));
    preload::run(command)
}

fn is_told(outcome: &Outcome, what: &[&str], context: &str) {
    assert_eq!(outcome.code, Some(3), "{context}: {outcome}");
    assert!(outcome.stderr.contains("hint: "), "{context}: {outcome}");
    assert!(what.iter().all(|what| outcome.stderr.contains(what)), "{context}: {what:?}: {outcome}");
    assert!(!outcome.stderr.contains("panicked"), "{context}: {outcome}");
}

#[test]
fn under_ledger_and_decisions() {
    let scene = Scene::new(Kind::Sqlite);
    let undisturbed = scene.measured();
    let folder = scene.project.place.path();
    let (mut day, mut ended) = (0, 0);
    // In the ledger's first words, among the discrepancies, among the decisions, at the end.
    for room in (0..18).map(|n| n * 300_000) {
        day += 1;
        let context = format!("room for {room} bytes");
        let outcome = verify(&scene, day, &folder, room, &[]);
        if outcome.code == Some(0) {
            ended += 1;
            continue;
        }
        is_told(&outcome, &["sqlite:", "core.db", "full"], &context);
        assert_eq!(scene.decisions("payout_decision_released", day), Vec::<String>::new(), "{context}");
        let again = scene.verify(day, &[]);
        assert_eq!(again.code, Some(0), "{context}: {again}");
        assert_eq!(scene.decisions("payout_decision", day), undisturbed.decisions, "{context}");
    }
    assert!(ended > 0 && ended < 14, "{ended} of {day} had room enough");
}

#[test]
fn under_a_file_of_decisions() {
    for name in ["csv", "parquet"] {
        let scene = Scene::new(Kind::Sqlite);
        scene
            .project
            .replace("store = \"core\"\ntable = \"payout_decision\"", &format!("file = \"out/d-{{day}}.{name}\""));
        let folder = scene.project.place.path().join("out");
        let listed = || {
            let mut names: Vec<String> = std::fs::read_dir(&folder)
                .expect("a folder")
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        assert_eq!(scene.verify(0, &[]).code, Some(0), "{name}");
        let before = listed();
        assert!(before.contains(&format!("d-2026-11-13.{name}")), "{before:?}");
        for (day, room) in [(1, 0), (2, 2_000), (3, 10_000)] {
            let context = format!("{name}, room for {room} bytes");
            let file = format!("d-2026-11-{}.{name}", 13 + day);
            let outcome = verify(&scene, day, &folder, room, &[]);
            is_told(&outcome, &["out/", "No space left on device", "room"], &context);
            let there = listed();
            assert!(!there.contains(&file), "{context}: {there:?}");
            assert!(!there.iter().any(|name| name.starts_with(".recon-")), "{context}: {there:?}");
            let again = scene.verify(day, &[]);
            assert_eq!(again.code, Some(0), "{context}: {again}");
            assert!(listed().contains(&file), "{context}");
            // The payer is told nothing while there is no room to tell it, and the same command finishes it.
            let full = folder.display().to_string();
            let mut release = preload::command(&scene, &[("CHAOS_FULL", &full), ("CHAOS_ROOM", "0")]);
            release.args(["release", "payout", "--by", "lee"]).args(&arguments(day)[5..]);
            let outcome = preload::run(release);
            is_told(&outcome, &["out/", "No space left on device", "the same command again finishes it"], &context);
            assert!(!listed().contains(&format!("{file}.released")), "{context}");
            let outcome = scene.recon("release", day, &["--by", "lee"]);
            assert_eq!(outcome.code, Some(0), "{context}: {outcome}");
            assert!(listed().contains(&format!("{file}.released")), "{context}");
        }
        // A file that was complete stays so when its cycle is verified again and there is no room.
        let complete = std::fs::read(folder.join(format!("d-2026-11-13.{name}"))).expect("a file");
        let full = folder.display().to_string();
        let mut command = preload::command(&scene, &[("CHAOS_FULL", &full), ("CHAOS_ROOM", "0")]);
        command.args(arguments(0)).arg("--again");
        is_told(&preload::run(command), &["No space left on device"], name);
        assert!(std::fs::read(folder.join(format!("d-2026-11-13.{name}"))).expect("a file") == complete, "{name}");
        // It is not what stands any more: nobody releases it.
        let outcome = scene.recon("release", 0, &["--by", "lee"]);
        assert_eq!(outcome.code, Some(4), "{name}: {outcome}");
        let again = scene.verify(0, &[]);
        assert_eq!(again.code, Some(0), "{name}: {again}");
    }
}

#[test]
fn under_temporary_files() {
    // More than is kept in memory.
    let scene = Scene::of_records(Kind::Sqlite, 4 * RECORDS);
    let undisturbed = scene.measured();
    let folder = scene.project.place.path().join("tmp");
    std::fs::create_dir(&folder).expect("a folder");
    let tmp = folder.display().to_string();
    for (day, room) in [(1, 0), (2, 1_000_000), (3, 4_000_000)] {
        let context = format!("room for {room} bytes");
        let outcome = verify(&scene, day, &folder, room, &[("TMPDIR", &tmp)]);
        // Where a side cannot be read to its end the report says it; where all else fails, the error.
        let said = outcome.to_string();
        assert_eq!(outcome.code, Some(3), "{context}: {outcome}");
        assert!(said.contains(&tmp) && said.contains("TMPDIR") && !said.contains("panicked"), "{context}: {outcome}");
        assert_eq!(scene.decisions("payout_decision", day).len(), 0, "{context}");
        let again = scene.verify(day, &[]);
        assert_eq!(again.code, Some(0), "{context}: {again}");
        assert_eq!(scene.decisions("payout_decision", day), undisturbed.decisions, "{context}");
        assert_eq!(undisturbed.decisions.len(), 4 * RECORDS);
    }
}

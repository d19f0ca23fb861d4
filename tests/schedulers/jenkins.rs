//! The Jenkinsfile, run by Groovy: `jenkins.groovy` gives the pipeline's words their meaning, and every `sh` runs the real
//! `recon`.

use std::process::Output;

use crate::scene::{Candidate, RECORDS, ROOT, Scene, said, tool};
use crate::support::sqlite;

/// Runs the pipeline. `nap`: what happens elsewhere while it sleeps.
fn jenkins(scene: &Scene, words: &[&str], nap: &str) -> (Output, Vec<String>) {
    let file = scene.place.home().join("said");
    let _ = std::fs::remove_file(&file);
    let output = scene
        .command(tool("JAVA"))
        .arg("-cp")
        .arg(tool("GROOVY").join("*"))
        .args(["groovy.ui.GroovyMain", &format!("{ROOT}/tests/schedulers/jenkins.groovy")])
        .arg(format!("{ROOT}/schedulers/Jenkinsfile"))
        .args(words)
        .env("JENKINS_SAID", &file)
        .env("JENKINS_NAP", nap)
        .env("CREDENTIALS_RECON_CORE_URL", "sqlite:core.db")
        .env_remove("RECON_CORE_URL")
        .output()
        .expect("java");
    let lines = std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect();
    (output, lines)
}

fn has(lines: &[String], line: &str) -> bool {
    lines.iter().any(|one| one == line)
}

#[test]
fn jenkins_verifies_asks_and_releases() {
    let scene = Scene::new(Candidate::Right);
    let day = scene.day();
    let (output, lines) = jenkins(&scene, &["timer", "lee"], "");
    assert!(output.status.success(), "{lines:#?}\n{}", said(&output));
    assert!(has(&lines, "result SUCCESS") && has(&lines, "stage Test skipped"), "{lines:#?}");
    assert!(has(&lines, "junit 1 files 8 tests 0 bad") && has(&lines, "archive reports/*.xml"), "{lines:#?}");
    let asked = format!("input Release payout/payout_date={day}? Run 1-1: net ");
    assert!(lines.iter().any(|line| line.starts_with(&asked)), "the run and what would be paid: {lines:#?}");
    assert_eq!(scene.state(&day).as_deref(), Some("released"));
    assert_eq!(scene.paid(), RECORDS);
    let release = format!("release payout --param payout_date={day} --run 1-1 --by lee");
    assert_eq!(scene.calls().iter().filter(|call| **call == release).count(), 1, "{:?}", scene.calls());
    // The next build finds it released, and asks nobody.
    let (output, lines) = jenkins(&scene, &["timer"], "");
    assert!(output.status.success(), "{lines:#?}\n{}", said(&output));
    assert_eq!(scene.called("release"), 1);
}

#[test]
fn what_is_released_is_the_run_that_was_seen() {
    let scene = Scene::new(Candidate::Right);
    let day = scene.day();
    let param = format!("payout_date={day}");
    let verify = |again: &[&str]| {
        let verified = scene.place.recon(&[&["verify", "payout", "--param", &param, "--by", "kim"], again].concat());
        assert_eq!(verified.code, Some(0), "{verified}");
    };
    verify(&[]);
    // Somebody verifies anew while the question stands there.
    sqlite(
        &scene.place.path().join("core.db"),
        "UPDATE payout SET net = net * 100; UPDATE payout_new SET net = net * 100",
    );
    verify(&["--again"]);
    let release = |run: &str| scene.place.recon(&["release", "payout", "--param", &param, "--by", "lee", "--run", run]);
    let other = release("1-1");
    assert_eq!((other.code, scene.state(&day).as_deref(), scene.paid()), (Some(4), Some("decided"), 0), "{other}");
    assert!(other.stderr.contains("run 1-2 decides, and run 1-1 is to be released"), "{other}");
    assert_eq!(release("first").code, Some(2));
    let seen = release("1-2");
    assert_eq!((seen.code, scene.paid()), (Some(0), RECORDS), "{seen}");
    // Released already: the payer must not be told twice.
    let due = scene.place.recon(&["calendar", "due", "investors", "--format", "json"]);
    let due: serde_json::Value = serde_json::from_str(&due.stdout).expect("JSON");
    let one =
        due.as_array().expect("a list").iter().find(|one| one["payout_day"] == day.as_str()).expect("it is listed");
    assert_eq!((&one["cycle"], &one["released"]), (&"released".into(), &true.into()), "{due:#}");
    let commands = scene.place.recon(&["calendar", "due", "investors", "--format", "commands"]);
    assert!(commands.code == Some(0) && !commands.stdout.contains(&day), "{commands}");
}

#[test]
fn jenkins_releases_nothing_that_is_blocked_or_that_nobody_approved() {
    let scene = Scene::new(Candidate::Wrong);
    let (output, lines) = jenkins(&scene, &["timer", "lee"], "");
    assert!(!output.status.success(), "{lines:#?}");
    assert!(has(&lines, "stage Release skipped") && has(&lines, "result UNSTABLE"), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("input")), "{lines:#?}");
    assert_eq!((scene.called("verify"), scene.called("release"), scene.paid()), (1, 0, 0), "{:?}", scene.calls());

    let scene = Scene::new(Candidate::Right);
    let day = scene.day();
    // Nobody answers; then somebody whom recon knows as the one who verified.
    for approver in [&["timer"][..], &["timer", "jenkins"]] {
        let (output, lines) = jenkins(&scene, approver, "");
        assert!(!output.status.success() && lines.iter().any(|line| line.starts_with("input")), "{lines:#?}");
        assert_eq!((scene.state(&day).as_deref(), scene.paid()), (Some("decided"), 0));
    }
}

#[test]
fn jenkins_tries_again_what_could_not_be_verified() {
    let scene = Scene::new(Candidate::Empty);
    let day = scene.day();
    // It stays so: tried three times, then failed, and the suite is an error.
    let (output, lines) = jenkins(&scene, &["timer", "lee"], "");
    assert!(!output.status.success() && has(&lines, "result UNSTABLE"), "{lines:#?}");
    assert_eq!((scene.called("verify"), scene.called("release"), scene.paid()), (3, 0, 0), "{:?}", scene.calls());
    assert_eq!(lines.iter().filter(|line| *line == "sleep 60 SECONDS").count(), 2, "{lines:#?}");

    // It comes back while Jenkins sleeps.
    let scene = Scene::new(Candidate::Empty);
    let nap = "cp mended.db core.db";
    std::fs::copy(scene.place.path().join("core.db"), scene.place.path().join("kept.db")).expect("a copy");
    scene.mend();
    std::fs::rename(scene.place.path().join("core.db"), scene.place.path().join("mended.db")).expect("moved");
    std::fs::rename(scene.place.path().join("kept.db"), scene.place.path().join("core.db")).expect("moved");
    let (output, lines) = jenkins(&scene, &["timer", "lee"], nap);
    assert!(output.status.success(), "{lines:#?}\n{}", said(&output));
    assert_eq!((scene.called("verify"), scene.paid()), (2, RECORDS), "{:?}", scene.calls());
    assert_eq!(scene.state(&day).as_deref(), Some("released"));
}

#[test]
fn jenkins_tests_a_change_against_the_cases() {
    let scene = Scene::new(Candidate::Right);
    crate::github::cases(&scene);
    let (output, lines) = jenkins(&scene, &["change"], "");
    assert!(output.status.success(), "{lines:#?}\n{}", said(&output));
    assert!(has(&lines, "junit 1 files 12 tests 0 bad") && has(&lines, "stage Verify skipped"), "{lines:#?}");
    assert_eq!(scene.calls(), ["test cases --format junit --output reports/cases.xml"]);

    // A case that fails fails the build; no case at all too.
    let case = scene.place.path().join("cases/plain/decisions.csv");
    let text = std::fs::read_to_string(&case).expect("a case");
    std::fs::write(&case, text.replacen("candidate", "legacy", 1)).expect("written");
    let (output, lines) = jenkins(&scene, &["change"], "");
    assert!(!output.status.success() && has(&lines, "junit 1 files 12 tests 1 bad"), "{lines:#?}");
    std::fs::remove_dir_all(scene.place.path().join("cases")).expect("removed");
    let (output, lines) = jenkins(&scene, &["change"], "");
    assert!(!output.status.success() && !lines.iter().any(|line| line.starts_with("junit")), "{lines:#?}");
}

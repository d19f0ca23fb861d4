//! The Airflow example, loaded and run by Airflow itself with the real `recon`.

use std::process::Stdio;

use crate::scene::{Candidate, RECORDS, ROOT, Scene, python_tool, said, tool, until};

/// `airflow dags test recon_payout`, on a database of its own.
fn airflow(scene: &Scene) -> std::process::Command {
    let home = scene.place.home().join("airflow");
    std::fs::create_dir(&home).expect("a folder");
    std::fs::copy(tool("SCHEDULERS").join("home/airflow.db"), home.join("airflow.db")).expect("an empty database");
    // A DAG that waits for what never comes is ended, and its test with it.
    let mut command = scene.command("timeout");
    command
        .arg("270")
        .arg(python_tool("airflow"))
        .args(["dags", "test", "recon_payout"])
        .env("AIRFLOW_HOME", &home)
        .env("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        .env("AIRFLOW__CORE__DAGS_FOLDER", format!("{ROOT}/schedulers/airflow"))
        .env("RECON_PROJECT", scene.place.path())
        // The examples' folder is not ours to write in.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("RECON_POKE", "1")
        .env("RECON_PAUSES", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// How each task ended, as Airflow keeps it.
fn tasks(scene: &Scene) -> Vec<(String, String)> {
    let program = "import json, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
                   json.dump(c.execute('select task_id, coalesce(state, \\'\\') from task_instance order by task_id').fetchall(), sys.stdout)";
    let database = scene.place.home().join("airflow/airflow.db");
    let output = scene.command(python_tool("python")).args(["-c", program]).arg(database).output().expect("python");
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn airflow_waits_for_the_approver_and_ends_when_the_payout_is_released() {
    let scene = Scene::new(Candidate::Right);
    let day = scene.day();
    let child = airflow(&scene).spawn().expect("airflow");
    let output = std::thread::scope(|scope| {
        let approver = scope.spawn(|| {
            until("it is decided and the DAG looks for the approval", || {
                assert_eq!(scene.called("release"), 0, "the DAG releases by itself");
                scene.state(&day).as_deref() == Some("decided") && scene.called("status") > 1
            });
            // It has looked at least once, and released nothing by itself.
            assert_eq!(scene.state(&day).as_deref(), Some("decided"));
            assert_eq!((scene.called("release"), scene.paid()), (0, 0));
            // Who verified cannot approve.
            let own = scene.release(&day, "airflow");
            assert_eq!(own.code, Some(4), "{own}");
            let other = scene.release(&day, "lee");
            assert_eq!(other.code, Some(0), "{other}");
        });
        let output = child.wait_with_output().expect("airflow ended");
        if let Err(panic) = approver.join() {
            panic!("{:?}: {}", panic.downcast_ref::<String>(), said(&output));
        }
        output
    });
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(scene.state(&day).as_deref(), Some("released"));
    assert_eq!(scene.paid(), RECORDS);
    let ended = tasks(&scene);
    let success = |name: &str| (name.to_owned(), "success".to_owned());
    assert_eq!(
        ended,
        ["payout.approved", "payout.released", "payout.verify", "register"].map(success),
        "{}",
        said(&output)
    );
    // Not by the DAG.
    assert_eq!((scene.called("release"), scene.called("verify")), (0, 1), "{:?}", scene.calls());
}

#[test]
fn airflow_fails_before_the_release_when_the_verification_is_blocked() {
    let scene = Scene::new(Candidate::Wrong);
    let day = scene.day();
    let output = airflow(&scene).spawn().expect("airflow").wait_with_output().expect("airflow ended");
    assert!(!output.status.success(), "{}", said(&output));
    let ended = tasks(&scene);
    let state = |name: &str| ended.iter().find(|(task, _)| task == name).map(|(_, state)| state.as_str());
    assert_eq!((state("register"), state("payout.verify")), (Some("success"), Some("failed")), "{ended:?}");
    assert_eq!(
        (state("payout.approved"), state("payout.released")),
        (Some("upstream_failed"), Some("upstream_failed")),
        "{ended:?}"
    );
    assert_eq!(scene.state(&day).as_deref(), Some("blocked"));
    assert_eq!(scene.paid(), 0);
    // Blocked is an answer: it is not tried again.
    assert_eq!((scene.called("verify"), scene.called("release")), (1, 0), "{:?}", scene.calls());
}

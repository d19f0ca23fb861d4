//! The GitHub workflow: held against the schema of workflows, and every `run:` step run by a shell with the real `recon`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;

use crate::scene::{Candidate, RECORDS, ROOT, Scene, example, python_tool, said, yaml};

/// The recorded cases of the peer-to-peer lender, as `cases` of the scene's project.
pub(crate) fn cases(scene: &Scene) {
    let (from, work) = (Path::new(ROOT).join("fixtures/p2p"), scene.place.path());
    let copied = Command::new("cp").arg("-r").arg(from).arg(work.join("p2p")).status().expect("cp");
    assert!(copied.success());
    fs::rename(work.join("p2p/cases"), work.join("cases")).expect("moved");
    let suite = fs::read_to_string(work.join("cases/suite.toml")).expect("a suite");
    scene.place.write("cases/suite.toml", suite.replace("\"../recon.toml\"", "\"../p2p/recon.toml\""));
}

fn workflow() -> Json {
    yaml(&example("github/recon.yml")).remove(0)
}

/// Runs the steps of a job as GitHub does: `bash --noprofile --norc -eo pipefail`, expressions filled in before.
fn job(scene: &Scene, job: &Json, expressions: &[(&str, &str)]) -> Option<Output> {
    let mut last = None;
    for step in job["steps"].as_array().expect("steps") {
        let Some(run) = step["run"].as_str() else { continue };
        let fill = |text: &str| {
            let filled = expressions
                .iter()
                .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{{ {name} }}}}"), value));
            assert!(!filled.contains("${{"), "an expression that nobody knows: {filled}");
            filled
        };
        let script = scene.place.home().join("step.sh");
        fs::write(&script, fill(run)).expect("a script");
        let mut command = scene.command("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(script).env("RECON_PAUSES", "0 0");
        for (name, value) in job["env"].as_object().into_iter().flatten() {
            command.env(name, fill(value.as_str().expect("text")));
        }
        let output = command.output().expect("bash");
        let failed = !output.status.success();
        last = Some(output);
        if failed {
            break;
        }
    }
    last
}

#[test]
fn the_workflow_is_one() {
    let check = Command::new(python_tool("check-jsonschema"))
        .args(["--builtin-schema", "vendor.github-workflows"])
        .arg(Path::new(ROOT).join("schedulers/github/recon.yml"))
        .output()
        .expect("check-jsonschema");
    assert!(check.status.success(), "{}", said(&check));
    // `-eo pipefail` is what GitHub adds only where the shell is named.
    assert_eq!(workflow()["defaults"]["run"]["shell"], "bash");
    // A result that is missing is no pass.
    for name in ["cases", "results"] {
        let workflow = workflow();
        let steps = workflow["jobs"][name]["steps"].as_array().expect("steps");
        let upload = steps.last().expect("a step");
        assert_eq!((&upload["if"], &upload["with"]["if-no-files-found"]), (&"always()".into(), &"error".into()));
    }
}

#[test]
fn every_shard_of_the_matrix_runs_and_together_they_are_all_cases() {
    let scene = Scene::new(Candidate::Right);
    cases(&scene);
    let workflow = workflow();
    let of = &workflow["jobs"]["cases"];
    let mut names = Vec::new();
    for shard in of["strategy"]["matrix"]["shard"].as_array().expect("shards") {
        let shard = shard.to_string();
        let output = job(&scene, of, &[("matrix.shard", &shard)]).expect("a step");
        assert!(output.status.success(), "{}", said(&output));
        let xml = scene.place.read(&format!("cases-{shard}.xml"));
        names.extend(xml.lines().filter(|line| line.contains("<testcase")).map(|line| {
            line.split("name=\"").nth(2).and_then(|rest| rest.split('"').next()).expect("a name").to_owned()
        }));
    }
    names.sort();
    let mut folders: Vec<String> = fs::read_dir(scene.place.path().join("cases"))
        .expect("cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("case.toml").exists())
        .map(|path| path.file_name().expect("a name").to_str().expect("UTF-8").to_owned())
        .collect();
    folders.sort();
    assert_eq!(names, folders);
}

#[test]
fn results_that_differ_fail_the_pull_request() {
    let scene = Scene::new(Candidate::Right);
    let workflow = workflow();
    let of = &workflow["jobs"]["results"];
    scene.place.write("fixtures/legacy.csv", "investor_id,net\n1,10.00\n2,5\n");
    scene.place.write("fixtures/candidate.csv", "investor_id,net\n1,10\n2,5.0\n");
    let output = job(&scene, of, &[]).expect("a step");
    assert!(output.status.success() && scene.place.read("results.xml").contains("failures=\"0\""), "{}", said(&output));
    scene.place.write("fixtures/candidate.csv", "investor_id,net\n1,10.01\n2,5\n");
    let output = job(&scene, of, &[]).expect("a step");
    assert!(
        output.status.code() == Some(1) && !scene.place.read("results.xml").contains("failures=\"0\""),
        "{}",
        said(&output)
    );
}

#[test]
fn what_is_due_is_verified_on_schedule() {
    let verify = |scene: &Scene| {
        let workflow = workflow();
        job(scene, &workflow["jobs"]["verify"], &[("secrets.RECON_CORE_URL", "sqlite:core.db")]).expect("a step")
    };
    let scene = Scene::new(Candidate::Right);
    let output = verify(&scene);
    assert!(output.status.success(), "{}", said(&output));
    let day = scene.day();
    assert_eq!(scene.state(&day).as_deref(), Some("decided"));
    assert!(scene.place.read("reports/verify-1.xml").contains("errors=\"0\""));
    assert_eq!(scene.paid(), 0);
    assert_eq!(scene.release(&day, "lee").code, Some(0));
    assert_eq!(scene.paid(), RECORDS);

    let (scene, days) = Scene::two_due();
    assert_eq!(verify(&scene).status.code(), Some(1));
    assert_eq!(days.map(|day| scene.state(&day)), ["blocked", "decided"].map(|state| Some(state.to_owned())));
    assert!(scene.place.read("reports/verify-2.xml").contains("errors=\"0\""));

    let scene = Scene::new(Candidate::Wrong);
    let output = verify(&scene);
    assert_eq!((output.status.code(), scene.called("verify")), (Some(1), 1), "{}", said(&output));
    let scene = Scene::new(Candidate::Empty);
    let output = verify(&scene);
    assert_eq!((output.status.code(), scene.called("verify")), (Some(3), 3), "{}", said(&output));
    assert!(
        scene.place.read("reports/verify-1.xml").contains("errors=\"2\""),
        "{}",
        scene.place.read("reports/verify-1.xml")
    );
    // A calendar that cannot be read is no evening without a payout.
    scene.place.write("recon.toml", "[calendar.investors]\n");
    let output = verify(&scene);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

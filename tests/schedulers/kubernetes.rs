//! The CronJob: held against the API's schemas, its rules about exit codes against recon's own, and its container's command
//! run with the real `recon`.

use std::path::Path;
use std::process::{Command, Output};

use recon::exit::Exit;
use serde_json::Value as Json;

use crate::scene::{ALWAYS, Candidate, RECORDS, ROOT, Scene, example, python_tool, said, yaml};

const ALL: [Exit; 6] =
    [Exit::Success, Exit::Discrepancies, Exit::Usage, Exit::Incomplete, Exit::Refused, Exit::Interrupted];

/// The ConfigMap and the CronJob.
fn objects() -> (Json, Json) {
    let mut all = yaml(&example("kubernetes/cronjob.yaml"));
    assert_eq!(all.len(), 2);
    let job = all.remove(1);
    (all.remove(0), job)
}

#[test]
fn the_objects_are_those_of_the_api() {
    for version in ["1.31", "1.37"] {
        let check = Command::new(python_tool("kubernetes-validate"))
            .args(["--strict", "--kubernetes-version", version])
            .arg(Path::new(ROOT).join("schedulers/kubernetes/cronjob.yaml"))
            .output()
            .expect("kubernetes-validate");
        assert!(check.status.success(), "{}", said(&check));
    }
    let (map, job) = objects();
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    // What restarts a container would hide its exit code from the policy.
    assert_eq!(pod["restartPolicy"], "Never");
    // Every variable of the project file comes from a Secret, and none stands there.
    let project = map["data"]["recon.toml"].as_str().expect("a project");
    let environment = container["env"].as_array().expect("variables");
    for variable in project.split("${").skip(1).map(|rest| rest.split('}').next().expect("a name")) {
        let found = environment.iter().find(|one| one["name"] == variable).unwrap_or_else(|| panic!("no {variable}"));
        assert!(found["valueFrom"]["secretKeyRef"].is_object() && found["value"].is_null(), "{found}");
    }
}

/// What a Job does with a pod that ended with a code, by its policy: the first rule that fits decides.
fn action(job: &Json, code: i32) -> String {
    let spec = &job["spec"]["jobTemplate"]["spec"];
    for rule in spec["podFailurePolicy"]["rules"].as_array().expect("rules") {
        let Some(codes) = rule["onExitCodes"].as_object() else { continue };
        assert_eq!(codes["containerName"], "recon");
        let values: Vec<i64> = codes["values"].as_array().expect("codes").iter().filter_map(Json::as_i64).collect();
        assert!(values.is_sorted() && values.len() <= 255, "{values:?}");
        let among = values.contains(&i64::from(code));
        let fits = match codes["operator"].as_str() {
            // The API refuses 0 here, and looks only at containers that failed.
            Some("In") => {
                assert!(!values.contains(&0));
                among
            }
            Some("NotIn") => !among,
            other => panic!("no such operator: {other:?}"),
        };
        if fits && code != 0 {
            return rule["action"].as_str().expect("an action").to_owned();
        }
    }
    match code {
        0 => "done".to_owned(),
        _ if spec["backoffLimit"].as_u64() > Some(0) => "try again".to_owned(),
        _ => "FailJob".to_owned(),
    }
}

#[test]
fn a_job_tries_again_what_could_not_be_verified_and_nothing_else() {
    let (_, job) = objects();
    for exit in ALL {
        let wanted = match exit {
            Exit::Success => "done",
            Exit::Incomplete => "try again",
            Exit::Discrepancies | Exit::Usage | Exit::Refused | Exit::Interrupted => "FailJob",
        };
        assert_eq!(action(&job, exit.into()), wanted, "{exit:?}");
    }
    // Killed for its memory, ended by a signal: an answer nobody has, for a person.
    assert_eq!((action(&job, 137).as_str(), action(&job, 143).as_str()), ("FailJob", "FailJob"));
}

/// Lays the ConfigMap's files out, with a calendar after which something is due, and runs the container's command.
fn container(scene: &Scene) -> Output {
    let (map, job) = objects();
    for (name, text) in map["data"].as_object().expect("files") {
        let mut text = text.as_str().expect("text").to_owned();
        if name == "recon.toml" {
            let own = scene.place.read("recon.toml");
            let policy =
                own.lines().skip_while(|line| !line.contains(".policy]")).take(2).collect::<Vec<_>>().join("\n");
            let kept = text.split("[calendar.investors]").next().expect("a project").to_owned();
            text = format!("{kept}{policy}\n{ALWAYS}");
        }
        scene.place.write(name, text);
    }
    let spec = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let words = |name: &str| -> Vec<String> {
        let all = spec[name].as_array().unwrap_or_else(|| panic!("no {name}"));
        all.iter().map(|word| word.as_str().expect("text").to_owned()).collect()
    };
    let command = words("command");
    let mut run = scene.command(&command[0]);
    run.args(&command[1..]).args(words("args")).env("RECON_LEDGER_URL", "sqlite:recon.db");
    for variable in spec["env"].as_array().expect("variables") {
        if let (Some(name), Some(value)) = (variable["name"].as_str(), variable["value"].as_str())
            && name != "TMPDIR"
        {
            run.env(name, value);
        }
    }
    run.output().expect("the command")
}

#[test]
fn the_container_ends_with_the_codes_of_its_verification() {
    for (candidate, code) in [(Candidate::Right, 0), (Candidate::Wrong, 1), (Candidate::Empty, 3)] {
        let scene = Scene::new(candidate);
        let output = container(&scene);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        // Tried again by a new pod, not by this one.
        assert_eq!(scene.called("verify"), 1, "{:?}", scene.calls());
        // Logs of a pod are collected line by line.
        let lines = String::from_utf8(output.stderr.clone()).expect("UTF-8");
        let last: Json = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
        assert_eq!((&last["event"], &last["exit"]), (&"end".into(), &code.into()));
    }
    // A new pod finds the store mended, and what it decided is released by a person.
    let scene = Scene::new(Candidate::Empty);
    assert_eq!(container(&scene).status.code(), Some(3));
    scene.mend();
    assert_eq!(container(&scene).status.code(), Some(0));
    assert_eq!(scene.paid(), 0);
    let cycle = scene.calls().pop().expect("a call").replacen("verify ", "", 1);
    let cycle: Vec<&str> = cycle.split_whitespace().take_while(|word| *word != "--json-log").collect();
    let mut release = scene.command(env!("CARGO_BIN_EXE_recon"));
    let output =
        release.arg("release").args(cycle).args(["--by", "lee"]).env("RECON_LEDGER_URL", "sqlite:recon.db").output();
    assert_eq!(output.expect("recon").status.code(), Some(0));
    assert_eq!(scene.paid(), RECORDS);
}

#[test]
fn a_container_goes_through_all_that_is_due() {
    let (scene, days) = Scene::two_due();
    let output = container(&scene);
    assert_eq!((output.status.code(), scene.called("verify")), (Some(1), 2), "{}", said(&output));
    let calls = scene.calls();
    assert!(days.iter().all(|day| calls.iter().any(|call| call.contains(day.as_str()))), "{calls:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("\"exit\":0"), "{}", said(&output));
}

#[test]
fn a_container_without_its_calendar_is_not_green() {
    let scene = Scene::new(Candidate::Right);
    let (_, job) = objects();
    let spec = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let script = spec["args"][0].as_str().expect("a script");
    std::fs::remove_file(scene.place.path().join("recon.toml")).expect("removed");
    let output = scene.command("/bin/sh").args(["-euc", script]).output().expect("sh");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

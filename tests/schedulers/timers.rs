//! systemd's units and cron's lines, read by systemd and by a parser of cron's, and what they start run with the real
//! `recon`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use recon::exit::Exit;

use crate::scene::{Candidate, RECORDS, ROOT, Scene, example, executable, python_tool, said};

/// `verify-due` beside the project file, as the comments say.
fn verify_due(scene: &Scene) {
    executable(&scene.place.path().join("verify-due"), &example("verify-due"));
}

/// `Name=value` lines of a unit; of a name that stands several times all values.
fn unit(name: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in example(name).lines().filter(|line| !line.starts_with(['#', '['])) {
        if let Some((name, value)) = line.split_once('=') {
            found.entry(name.to_owned()).or_default().push(value.to_owned());
        }
    }
    found
}

/// Runs the service's command as systemd would: its folder is the scene's.
fn service(scene: &Scene) -> Output {
    let unit = unit("systemd/recon-calendar.service");
    let work = scene.place.path();
    assert_eq!(unit["WorkingDirectory"], ["/srv/payout"]);
    let command = unit["ExecStart"][0].replace("/srv/payout", work.to_str().expect("UTF-8"));
    let mut run = scene.command(command);
    for pair in &unit["Environment"] {
        let (name, value) = pair.split_once('=').expect("a pair");
        run.env(name, value);
    }
    run.output().expect("the command")
}

#[test]
fn systemd_takes_the_units() {
    let scene = Scene::new(Candidate::Right);
    verify_due(&scene);
    let folder = scene.place.home();
    for name in ["recon-calendar.service", "recon-calendar.timer"] {
        let text = example(&format!("systemd/{name}"));
        // The command must be there for systemd to be content.
        let text =
            text.replace("/srv/payout/verify-due", scene.place.path().join("verify-due").to_str().expect("UTF-8"));
        fs::write(folder.join(name), text).expect("a unit");
    }
    let units = ["recon-calendar.service", "recon-calendar.timer"].map(|name| folder.join(name));
    let output =
        Command::new("systemd-analyze").args(["verify", "--man=no"]).args(units).output().expect("systemd-analyze");
    // It warns of what it does not know, and ends with 0 all the same.
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));

    let timer = unit("systemd/recon-calendar.timer");
    let output = Command::new("systemd-analyze")
        .args(["calendar", "--iterations=3", "--base-time=2026-11-12 12:00:00 UTC", &timer["OnCalendar"][0]])
        .output()
        .expect("systemd-analyze");
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    // 22:05, 02:05 and 18:05 in Seoul.
    for moment in ["2026-11-12 13:05:00 UTC", "2026-11-12 17:05:00 UTC", "2026-11-13 09:05:00 UTC"] {
        assert!(text.contains(moment), "{text}");
    }
}

#[test]
fn systemd_tries_again_what_could_not_be_verified_and_nothing_else() {
    let unit = unit("systemd/recon-calendar.service");
    assert_eq!(unit["Restart"], ["on-failure"]);
    let never: Vec<i32> =
        unit["RestartPreventExitStatus"][0].split(' ').map(|code| code.parse().expect("a code")).collect();
    let all = [Exit::Discrepancies, Exit::Usage, Exit::Incomplete, Exit::Refused, Exit::Interrupted];
    let again: Vec<Exit> = all.into_iter().filter(|exit| !never.contains(&i32::from(*exit))).collect();
    assert_eq!(again, [Exit::Incomplete]);
    // Without a limit it would try for ever.
    assert_eq!((unit["StartLimitBurst"].len(), unit["StartLimitIntervalSec"].len()), (1, 1));
}

#[test]
fn the_service_verifies_what_is_due() {
    for (candidate, code) in [(Candidate::Right, 0), (Candidate::Wrong, 1), (Candidate::Empty, 3)] {
        let scene = Scene::new(candidate);
        verify_due(&scene);
        let output = service(&scene);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        // systemd tries again, not the script.
        assert_eq!(scene.called("verify"), 1, "{:?}", scene.calls());
        assert_eq!(scene.paid(), 0);
    }
}

#[test]
fn a_script_of_its_own_tries_again_and_never_takes_an_unreadable_calendar_for_an_empty_one() {
    let run = |scene: &Scene, pauses: &str| {
        let mut command = scene.command(scene.place.path().join("verify-due"));
        command.current_dir("/").env("RECON_PAUSES", pauses).output().expect("verify-due")
    };
    let scene = Scene::new(Candidate::Empty);
    verify_due(&scene);
    let output = run(&scene, "0 0");
    assert_eq!((output.status.code(), scene.called("verify")), (Some(3), 3), "{}", said(&output));
    scene.mend();
    assert_eq!(run(&scene, "0").status.code(), Some(0));
    let day = scene.day();
    assert_eq!(scene.release(&day, "lee").code, Some(0));
    assert_eq!(scene.paid(), RECORDS);
    // Blocked is an answer, however often it may ask.
    let blocked = Scene::new(Candidate::Wrong);
    verify_due(&blocked);
    let output = run(&blocked, "0 0");
    assert_eq!((output.status.code(), blocked.called("verify")), (Some(1), 1), "{}", said(&output));
    // Released already: only reported.
    assert_eq!(run(&scene, "0").status.code(), Some(0));
    scene.place.write("recon.toml", "[calendar.investors]\n");
    let output = run(&scene, "0");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[test]
fn a_payout_that_is_blocked_does_not_keep_the_next_from_being_verified() {
    let (scene, days) = Scene::two_due();
    verify_due(&scene);
    let output = scene.command(scene.place.path().join("verify-due")).output().expect("verify-due");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(days.map(|day| scene.state(&day)), ["blocked", "decided"].map(|state| Some(state.to_owned())));
}

#[test]
fn cron_takes_the_lines_and_they_run() {
    let text = example("cron/recon");
    let mut variables = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.split_once('=').filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')) {
            Some(pair) => variables.push(pair),
            None => {
                let words: Vec<&str> = line.split_whitespace().collect();
                lines.push((words[..5].join(" "), words[5], words[6..].join(" ")));
            }
        }
    }
    assert_eq!(lines.len(), 2);
    // cron takes a `%` for the end of the command.
    assert!(lines.iter().all(|(_, user, command)| *user == "recon" && !command.contains('%')));
    let program = "import sys, datetime, croniter\n\
                   for line in sys.argv[1:]:\n\
                   \x20   it = croniter.croniter(line, datetime.datetime(2026, 11, 12, 12, 0))\n\
                   \x20   print(' '.join(it.get_next(datetime.datetime).strftime('%d-%H:%M') for _ in range(3)))";
    let when = lines.iter().map(|(when, _, _)| when.as_str());
    let output = Command::new(python_tool("python")).args(["-c", program]).args(when).output().expect("python");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "12-18:00 13-18:00 14-18:00\n12-22:05 13-02:05 13-22:05\n");

    let scene = Scene::new(Candidate::Right);
    verify_due(&scene);
    let work = scene.place.path();
    for (_, _, command) in &lines {
        let command = command.replace("/srv/payout", work.to_str().expect("UTF-8"));
        let mut run = scene.command("/bin/sh");
        // cron starts in the home of the user, with the variables of its table.
        run.current_dir(scene.place.home()).args(["-c", &command]);
        run.envs(variables.iter().copied().filter(|(name, _)| *name != "PATH"));
        let output = run.output().expect("sh");
        assert!(output.status.success(), "{command}: {}", said(&output));
    }
    assert_eq!(scene.state(&scene.day()).as_deref(), Some("decided"));
    assert_eq!(scene.calls().len(), 3, "{:?}", scene.calls());
}

#[test]
fn no_secret_stands_in_an_example() {
    let mut looked = 0;
    let mut folders = vec![Path::new(ROOT).join("schedulers")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("text");
            // A URL with a password.
            let found = text.split("://").skip(1).find(|rest| {
                let authority = rest.split(['/', '"', '\'', ' ', '\n']).next().unwrap_or_default();
                authority.split_once('@').is_some_and(|(user, _)| user.contains(':'))
            });
            assert!(found.is_none(), "{}: {found:?}", path.display());
            looked += 1;
        }
    }
    assert_eq!(looked, 8);
}

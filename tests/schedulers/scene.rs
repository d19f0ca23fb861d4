//! A project in which a payout is due whenever the test runs, and what the examples are run with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::{ToSpan, Zoned, tz::TimeZone};
use serde_json::Value as Json;

use crate::support::{Outcome, Place, sqlite};

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Something that `tests/run` installs.
pub(crate) fn tool(name: &str) -> PathBuf {
    let name = format!("RECON_TEST_{name}");
    std::env::var_os(&name).map(PathBuf::from).unwrap_or_else(|| {
        panic!(
            "{name} is not set. `tests/run` installs what the examples are run with and runs every test; \
             `tests/schedulers.sh` installs it and prints the variables to export."
        )
    })
}

/// A program of the folder with Airflow and the validators.
pub(crate) fn python_tool(name: &str) -> PathBuf {
    tool("SCHEDULERS").join("bin").join(name)
}

/// An example as it is shipped.
pub(crate) fn example(name: &str) -> String {
    let path = Path::new(ROOT).join("schedulers").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A calendar after which one payout is due at every moment of a day: that of today.
pub(crate) const ALWAYS: &str = r#"
[calendar.investors]
base_days = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]
business_day = 1
weekend = []
holidays = []
timezone = "UTC"
near = "day"
register_at = "00:00"
verify_at = { tomorrow = "00:00", later = "00:00" }
reconciliation = "payout"
param = "payout_date"
"#;

const PROJECT: &str = r#"
[stores.core]
url = "${RECON_CORE_URL}"
[reconciliation.payout]
key = ["investor_id"]
params = { payout_date = "date" }
[reconciliation.payout.columns]
net = { type = "decimal", currency = "KRW" }
[reconciliation.payout.legacy]
store = "core"
query = "legacy.sql"
[reconciliation.payout.candidate]
store = "core"
query = "candidate.sql"
[reconciliation.payout.decisions]
store = "core"
table = "payout_decision"
[reconciliation.payout.release]
approvals = 1
"#;

/// What is wrong with the candidate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// It agrees.
    Right,
    /// One record differs, and the project says that this blocks.
    Wrong,
    /// It has no record: nothing can be compared.
    Empty,
}

/// A project, and a `recon` before it on the PATH that writes down how it was called.
pub(crate) struct Scene {
    pub(crate) place: Place,
    /// What programs are run with, and nothing of the developer's own.
    environment: Vec<(String, String)>,
}

impl Scene {
    pub(crate) fn new(candidate: Candidate) -> Scene {
        let place = Place::new().env("RECON_CORE_URL", "sqlite:core.db");
        let policy =
            if candidate == Candidate::Wrong { "[reconciliation.payout.policy]\nmismatch = \"block\"\n" } else { "" };
        place.write("recon.toml", format!("{PROJECT}{policy}{ALWAYS}"));
        for (side, table) in [("legacy", "payout"), ("candidate", "payout_new")] {
            let query =
                format!("SELECT investor_id, net FROM {table} WHERE payout_date = :payout_date ORDER BY investor_id");
            place.write(&format!("{side}.sql"), query);
        }
        let mut script = String::new();
        for (table, wanted) in [("payout", true), ("payout_new", candidate != Candidate::Empty)] {
            script.push_str(&format!(
                "CREATE TABLE {table} (payout_date TEXT, investor_id INTEGER, net INTEGER, PRIMARY KEY (payout_date, investor_id));"
            ));
            if wanted {
                script.push_str(&filled(table));
            }
        }
        if candidate == Candidate::Wrong {
            script.push_str("UPDATE payout_new SET net = net + 1 WHERE investor_id = 3;");
        }
        sqlite(&place.path().join("core.db"), &script);
        let bin = place.home().join("bin");
        fs::create_dir(&bin).expect("a folder");
        let calls = place.home().join("calls");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{}'\nexec '{}' \"$@\"\n",
            calls.display(),
            env!("CARGO_BIN_EXE_recon")
        );
        executable(&bin.join("recon"), &script);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        let home = place.home().to_str().expect("UTF-8").to_owned();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = vec![pair("PATH", &path), pair("HOME", &home), pair("RECON_CORE_URL", "sqlite:core.db")];
        Scene { place, environment }
    }

    /// Two payouts are due, and the first of them is blocked. Their days.
    pub(crate) fn two_due() -> (Scene, [String; 2]) {
        let scene = Scene::new(Candidate::Wrong);
        let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
        let days = [0, 1].map(|offset| today.checked_add(offset.days()).expect("a day").to_string());
        let right =
            format!("UPDATE payout_new SET net = net - 1 WHERE investor_id = 3 AND payout_date = '{}';", days[1]);
        sqlite(&scene.place.path().join("core.db"), &right);
        let path = scene.place.home().join("bin/recon");
        let own = fs::read_to_string(&path).expect("a script");
        let lines = days.each_ref().map(|day| format!("recon verify payout --param payout_date={day}"));
        let due = format!("if [ \"$1\" = calendar ]; then printf '%s\\n' '{}' '{}'; exit 0; fi\n", lines[0], lines[1]);
        executable(&path, &own.replacen("#!/bin/sh\n", &format!("#!/bin/sh\n{due}"), 1));
        (scene, days)
    }

    /// A command in the project's folder.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.place.path()).env_clear().stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// How `recon` was called so far, by the examples alone.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.place.home().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How often a command of `recon` was called.
    pub(crate) fn called(&self, command: &str) -> usize {
        self.calls().iter().filter(|call| call.split_whitespace().next() == Some(command)).count()
    }

    /// The day of the payout that is due.
    pub(crate) fn day(&self) -> String {
        let outcome = self.place.recon(&["calendar", "due", "investors", "--dry-run", "--format", "json"]);
        let due: Json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
        let due = due.as_array().expect("a list").iter().find(|one| one["state"] == "due");
        due.expect("one is due")["payout_day"].as_str().expect("a day").to_owned()
    }

    /// The state of the cycle of a day; `None` when nobody registered it.
    pub(crate) fn state(&self, day: &str) -> Option<String> {
        let outcome =
            self.place.recon(&["status", "payout", "--param", &format!("payout_date={day}"), "--format", "json"]);
        let status: Json = serde_json::from_str(&outcome.stdout).ok()?;
        Some(status["state"].as_str().unwrap_or_else(|| panic!("no state: {outcome}")).to_owned())
    }

    /// What the payer reads: how many records, whatever the cycle.
    pub(crate) fn paid(&self) -> usize {
        let query = "SELECT investor_id, net FROM payout_decision_released ORDER BY investor_id";
        let outcome = self.place.recon(&[
            "diff",
            "sqlite:core.db",
            "sqlite:core.db",
            "--key",
            "investor_id",
            "--legacy-query",
            query,
            "--candidate-query",
            query,
            "--allow-empty",
            "--format",
            "json",
        ]);
        // Before anything was decided there is no such view.
        let diff: Json = serde_json::from_str(&outcome.stdout).unwrap_or(Json::Null);
        usize::try_from(diff["rows"]["legacy"].as_u64().unwrap_or(0)).expect("few")
    }

    pub(crate) fn release(&self, day: &str, by: &str) -> Outcome {
        self.place.recon(&["release", "payout", "--param", &format!("payout_date={day}"), "--by", by])
    }

    /// The candidate has its records again.
    pub(crate) fn mend(&self) {
        sqlite(&self.place.path().join("core.db"), &filled("payout_new"));
    }
}

/// Five records for yesterday and the three days after it: midnight may pass while a test runs.
fn filled(table: &str) -> String {
    let today = Zoned::now().with_time_zone(TimeZone::UTC).date();
    let days = (-1..3).map(|offset| today.checked_add(offset.days()).expect("a day"));
    days.flat_map(|day| (1..6).map(move |investor| (day, investor)))
        .map(|(day, investor)| format!("INSERT INTO {table} VALUES ('{day}', {investor}, {});", investor * 1000))
        .collect()
}

/// Records that a released cycle pays.
pub(crate) const RECORDS: usize = 5;

pub(crate) fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// What a program said, for messages.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Waits until something is so; a test that waits for ever would not say what for.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(240), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// YAML documents as JSON, read by the library that the validators use.
pub(crate) fn yaml(text: &str) -> Vec<Json> {
    let program = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)";
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), text).expect("written");
    let output = Command::new(python_tool("python")).args(["-c", program]).arg(file.path()).output().expect("python");
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

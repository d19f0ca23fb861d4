//! `recon checks run` and `recon checks try`: checks on a cycle now, and an edited check on cycles that were run. Neither
//! keeps anything.

use serde_json::Value as Json;

use crate::engine::{Engine, Project};

const LEGACY: [&str; 3] = ["1, '10', '1'", "2, '20', '2'", "3, '-5', '0'"];
const SAME: [&str; 3] =
    [r#"{"id": 1, "net": 10, "fee": 1}"#, r#"{"id": 2, "net": 20, "fee": 2}"#, r#"{"id": 3, "net": -5, "fee": 0}"#];

fn project(engine: Engine) -> Project {
    let project = Project::new(engine, &LEGACY, &SAME);
    let migrated = project.place.recon(&["ledger", "migrate"]);
    assert_eq!(migrated.code, Some(0), "{migrated}");
    project
}

/// Adds a check.
fn add(project: &Project, name: &str, kind: &str, query: &str, more: &str) {
    let (columns, values) = match more.split_once('=') {
        Some((column, value)) => (format!(", {column}"), format!(", {value}")),
        None => Default::default(),
    };
    let query = query.replace('\'', "''");
    project.run(&format!(
        "INSERT INTO recon_checks (name, kind, query, store{columns}) VALUES ('{name}', '{kind}', '{query}', {}{values})",
        if kind == "sql" { "'core'" } else { "NULL" }
    ));
}

/// `recon checks run`, as JSON, with its exit code.
fn run(project: &Project, arguments: &[&str]) -> (Json, Option<i32>) {
    let outcome =
        project.place.recon(&[&["checks", "run", "--param", "day=2026-11-13", "--format", "json"], arguments].concat());
    (serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}")), outcome.code)
}

/// `recon checks try`, as JSON, with its exit code.
fn attempt(project: &Project, arguments: &[&str]) -> (Json, Option<i32>) {
    let outcome = project.place.recon(&[&["checks", "try", "--format", "json"], arguments].concat());
    (serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}")), outcome.code)
}

fn outcomes(report: &Json) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let mut all: Vec<String> = checks
        .iter()
        .map(|check| format!("{} {}", check["name"].as_str().unwrap(), check["outcome"].as_str().unwrap()))
        .collect();
    all.sort();
    all
}

/// What a run or a look may add to: none of it may.
fn kept(project: &Project) -> Vec<Vec<Option<String>>> {
    ["recon_check_results", "recon_check_trips", "recon_runs", "payout_decision"]
        .iter()
        .map(|table| {
            let kind = if project.url.starts_with("mysql") { "CHAR" } else { "TEXT" };
            project.rows(&format!("SELECT CAST(COUNT(*) AS {kind}) FROM {table}")).remove(0)
        })
        .collect()
}

#[test]
fn checks_run_now_end_with_what_they_found_and_keep_nothing() {
    for engine in Engine::ALL {
        let project = project(engine);
        add(&project, "negative", "sql", "SELECT id FROM payout WHERE net LIKE '-%'", "");
        add(&project, "few", "rule", r#"{"gt": ["decision.net", 100]}"#, "");
        add(&project, "small", "run", "SELECT id FROM decisions WHERE net < 0", "severity='warn'");
        add(&project, "broken", "run", "SELECT id FROM nothing", "");
        let (verified, code) = project.report(&[]);
        assert_eq!((verified["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{engine:?}: {verified:#}");
        let before = kept(&project);

        let (report, code) = run(&project, &[]);
        assert_eq!(report["schema"], "recon.checks_run/1");
        let all = ["broken unknown", "few pass", "negative fail", "small warn"];
        // A check that fails and one that could not look: what could not be looked at decides the code.
        assert_eq!((outcomes(&report), code), (all.map(str::to_owned).to_vec(), Some(3)), "{engine:?}: {report:#}");
        for (name, outcome, code) in [
            ("few", "few pass", 0),
            ("small", "small warn", 0),
            ("negative", "negative fail", 1),
            ("broken", "broken unknown", 3),
        ] {
            let (report, ended) = run(&project, &[name]);
            assert_eq!((outcomes(&report), ended), (vec![outcome.to_owned()], Some(code)), "{engine:?}: {report:#}");
        }
        let none = project.place.recon(&["checks", "run", "negativ", "--param", "day=2026-11-13"]);
        assert!(none.code == Some(2) && none.stderr.contains("`negative`"), "{none}");
        assert_eq!(kept(&project), before, "{engine:?}");
    }
}

#[test]
fn a_check_that_is_switched_off_runs_when_it_is_named() {
    let project = project(Engine::Sqlite);
    add(&project, "negative", "sql", "SELECT id FROM payout WHERE net LIKE '-%'", "");
    let off = project.place.recon(&["checks", "disable", "negative", "--by", "park", "--reason", "noise"]);
    assert_eq!(off.code, Some(0), "{off}");
    let (report, code) = run(&project, &[]);
    assert_eq!((outcomes(&report), code), (vec!["negative skipped".to_owned()], Some(0)), "{report:#}");
    let (report, code) = run(&project, &["negative"]);
    assert_eq!((outcomes(&report), code), (vec!["negative fail".to_owned()], Some(1)), "{report:#}");
    // Being looked at does not switch it on.
    let (report, _) = project.report(&[]);
    assert_eq!(report["checks"][0]["outcome"], "skipped", "{report:#}");
}

#[test]
fn the_run_that_is_looked_at_is_the_last_that_wrote_decisions() {
    for engine in Engine::ALL {
        let project = project(engine);
        add(
            &project,
            "written",
            "sql",
            "SELECT id FROM payout_decision WHERE recon_run = :recon_run AND net < 0",
            "stage='decided'",
        );
        // Nothing is written yet: there is nothing to look at, and nothing passes.
        let (report, code) = run(&project, &["written"]);
        assert_eq!((outcomes(&report), code), (vec!["written unknown".to_owned()], Some(3)), "{engine:?}: {report:#}");
        assert!(report["checks"][0]["message"].as_str().unwrap().contains("recon_run"), "{report:#}");
        project.run("UPDATE recon_checks SET enabled = FALSE");
        let (first, code) = project.report(&[]);
        assert_eq!(code, Some(0), "{engine:?}: {first:#}");
        // A run that another check blocks before it wrote, after it.
        add(&project, "blocks", "rule", r#"{"gt": ["legacy.net", 0]}"#, "stage='compared'");
        let (second, code) = project.report(&["--again"]);
        assert_eq!(code, Some(1), "{engine:?}: {second:#}");
        let (report, code) = run(&project, &["written"]);
        assert_eq!((outcomes(&report), code), (vec!["written fail".to_owned()], Some(1)), "{engine:?}: {report:#}");
        assert_eq!(report["checks"][0]["violations"], 1, "{engine:?}: {report:#}");
    }
}

#[test]
fn an_edited_check_is_tried_on_the_cycles_that_were_run() {
    let project = project(Engine::Sqlite);
    add(&project, "negative", "rule", r#"{"lt": ["decision.net", -100]}"#, "");
    let (report, code) = project.report(&[]);
    assert_eq!((report["checks"][0]["outcome"].as_str(), code), (Some("pass"), Some(0)), "{report:#}");
    project.run("INSERT INTO payout SELECT id, net, fee, '2026-11-25' FROM payout");
    let later = project.place.recon(&["verify", "payout", "--param", "day=2026-11-25", "--format", "json"]);
    assert_eq!(later.code, Some(0), "{later}");
    let before = kept(&project);

    let check = |query: &str| {
        project.place.write(
            "edited.json",
            format!(r#"{{"check": {{"name": "negative", "kind": "rule", "stage": "decided", "severity": "error"}}, "rule": {query}}}"#),
        );
    };
    check(r#"{"lt": ["decision.net", 0]}"#);
    let (tried, code) = attempt(&project, &["negative", "--file", "edited.json"]);
    assert_eq!((tried["schema"].as_str(), code), (Some("recon.checks_try/1"), Some(0)), "{tried:#}");
    let cycles: Vec<String> = tried["cycles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cycle| {
            let text = |value: &Json| value.as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {} {} {}",
                text(&cycle["cycle"]),
                text(&cycle["before"]["outcome"]),
                text(&cycle["now"]["outcome"]),
                cycle["now"]["violations"],
                text(&cycle["now"]["flag_rate"]),
                cycle["changed"]
            )
        })
        .collect();
    let expected = ["payout day=2026-11-25 pass fail 1 33.33% true", "payout day=2026-11-13 pass fail 1 33.33% true"];
    assert_eq!(cycles, expected, "{tried:#}");
    // Of the same kind as it was: nothing would change.
    check(r#"{"lt": ["decision.net", -1000]}"#);
    let (tried, code) = attempt(&project, &["negative", "--file", "edited.json", "--cycles", "1"]);
    assert_eq!((tried["cycles"].as_array().unwrap().len(), code), (1, Some(0)), "{tried:#}");
    assert_eq!(tried["cycles"][0]["changed"], false, "{tried:#}");
    // What cannot look is no answer.
    check(r#"{"lt": ["decision.nett", 0]}"#);
    let (tried, code) = attempt(&project, &["negative", "--file", "edited.json"]);
    assert_eq!((tried["cycles"][0]["now"]["outcome"].as_str(), code), (Some("unknown"), Some(3)), "{tried:#}");
    let other = project.place.recon(&["checks", "try", "positive", "--file", "edited.json"]);
    assert_eq!(other.code, Some(2), "{other}");
    assert_eq!(kept(&project), before);
    let texts = project.rows("SELECT query FROM recon_checks");
    assert!(texts[0][0].as_deref().unwrap().contains("-100"), "{texts:?}");
}

#[test]
fn a_cycle_that_was_never_run_is_nothing_to_try_on() {
    let project = project(Engine::Sqlite);
    add(&project, "negative", "rule", r#"{"lt": ["decision.net", 0]}"#, "");
    let outcome = project.place.recon(&["checks", "try", "negative"]);
    assert!(outcome.code == Some(3) && outcome.stderr.contains("nothing to try"), "{outcome}");
}

/// What is wrong with the decisions before concerns the rules that look at them, and no other.
#[test]
fn previous_decisions_that_cannot_be_believed_concern_the_rules_that_look_at_them() {
    let project = project(Engine::Sqlite);
    assert_eq!(project.report(&[]).1, Some(0));
    let released = project.recon(&["release", "--by", "park"]);
    assert_eq!(released.code, Some(0), "{released}");
    add(&project, "grows", "rule", r#"{"gt": ["decision.net", {"mul": ["previous.net", 10]}]}"#, "");
    add(&project, "large", "rule", r#"{"gt": ["decision.net", 1000]}"#, "");
    project.run("INSERT INTO payout VALUES (1, '11', '1', '2026-11-25')");
    project.candidate(&[r#"{"id": 1, "net": 11, "fee": 1}"#]);
    let next = |words: &[&str]| {
        let outcome = project
            .place
            .recon(&[&["verify", "payout", "--param", "day=2026-11-25", "--format", "json"], words].concat());
        serde_json::from_str::<Json>(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
    };
    assert_eq!(outcomes(&next(&[])), ["grows pass", "large pass"]);
    project.run("UPDATE payout_decision SET net = '1000000' WHERE id = 1 AND recon_cycle LIKE '%2026-11-13'");
    let report = next(&["--again"]);
    assert_eq!(outcomes(&report), ["grows unknown", "large pass"], "{report:#}");
    assert_eq!(report["verdict"], "incomplete", "{report:#}");
}

/// A trip is of the version that tripped: an edit after it never decided, and is no version to go back to.
#[test]
fn a_version_edited_after_a_trip_never_decided() {
    let project = project(Engine::Sqlite);
    add(&project, "large", "rule", r#"{"gt": ["decision.net", 2]}"#, "max_flag_rate='50%'");
    assert_eq!(project.report(&[]).1, Some(3));
    project.run(r#"UPDATE recon_checks SET query = '{"gt": ["decision.net", 20000]}', updated_by = 'lee'"#);
    let (report, _) = project.report(&["--again"]);
    assert_eq!(
        (report["checks"][0]["outcome"].as_str(), report["checks"][0]["version"].as_u64()),
        (Some("tripped"), Some(1)),
        "{report:#}"
    );
    // From now on somebody else approves. The edit was never approved, and tripped nothing: it only waits.
    project.configure("[checks]\napproval = true\n");
    let enabled = project.place.recon(&["checks", "enable", "large", "--by", "park", "--reason", "mended"]);
    assert_eq!(enabled.code, Some(0), "{enabled}");
    let (report, _) = project.report(&["--again"]);
    let decides: Vec<u64> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["role"] != "shadow")
        .filter_map(|check| check["version"].as_u64())
        .collect();
    assert_eq!(decides, [1], "{report:#}");
}

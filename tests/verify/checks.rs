//! Checks that live in the ledger's database: what a row of `recon_checks` does to the next verdict, on every engine.

use serde_json::Value as Json;

use crate::engine::{Engine, Project};

const LEGACY: [&str; 4] = ["1, '10', '1'", "2, '20', '2'", "3, '30', '3'", "4, '-5', '0'"];
const CLEAN: [&str; 4] = [
    r#"{"id": 1, "net": 10, "fee": 1}"#,
    r#"{"id": 2, "net": 20, "fee": 2}"#,
    r#"{"id": 3, "net": 30, "fee": 3}"#,
    r#"{"id": 4, "net": -5, "fee": 0}"#,
];
const MISMATCH: [&str; 4] = [
    r#"{"id": 1, "net": 10, "fee": 1}"#,
    r#"{"id": 2, "net": 21, "fee": 2}"#,
    r#"{"id": 3, "net": 30, "fee": 3}"#,
    r#"{"id": 4, "net": -5, "fee": 0}"#,
];

/// A project whose ledger has the tables of checks, and nothing else yet.
fn project(engine: Engine, candidate: &[&str]) -> Project {
    let project = Project::new(engine, &LEGACY, candidate);
    let migrated = project.place.recon(&["ledger", "migrate"]);
    assert_eq!(migrated.code, Some(0), "{migrated}");
    project
}

/// A verification anew, its verdict and exit code.
fn again(project: &Project) -> (Json, Option<i32>) {
    project.report(&["--again"])
}

fn check<'j>(report: &'j Json, name: &str) -> &'j Json {
    let all = report["checks"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    all.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}: {report:#}"))
}

fn verdict(report: &Json) -> &str {
    report["verdict"].as_str().unwrap_or_else(|| panic!("{report:#}"))
}

#[test]
fn a_row_that_is_edited_with_plain_sql_changes_the_next_verdict() {
    for engine in Engine::ALL {
        let project = project(engine, &CLEAN);
        project.run(
            "INSERT INTO recon_checks (name, stage, kind, store, query, updated_by) VALUES \
             ('negative', 'compared', 'sql', 'core', 'SELECT id, net FROM payout WHERE paid_on = :day AND net LIKE ''-%''', 'lee')",
        );
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("blocked", Some(1)), "{engine:?}: {report:#}");
        let found = check(&report, "negative");
        assert_eq!(
            (&found["outcome"], &found["violations"], &found["version"]),
            (&"fail".into(), &1.into(), &1.into())
        );
        assert_eq!(found["samples"][0]["net"], "-5", "{engine:?}: {found:#}");
        assert!(report["reasons"][0].as_str().unwrap_or_default().contains("the check `negative` fails"), "{report:#}");

        project.run(
            "UPDATE recon_checks SET query = 'SELECT id FROM payout WHERE net LIKE ''-1%''', updated_by = 'park' WHERE name = 'negative'",
        );
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("clean", Some(0)), "{engine:?}: {report:#}");
        let found = check(&report, "negative");
        assert_eq!((&found["outcome"], &found["version"]), (&"pass".into(), &2.into()), "{engine:?}");
        // Both texts, their authors, and what each found.
        let versions = project.rows("SELECT version, text, author FROM recon_check_versions ORDER BY version");
        assert!(versions.len() == 2, "{engine:?}: {versions:?}");
        assert!(versions[0][1].as_deref().is_some_and(|text| text.contains(":day")), "{versions:?}");
        assert_eq!((versions[0][2].as_deref(), versions[1][2].as_deref()), (Some("lee"), Some("park")));
        let results = project.rows("SELECT version, outcome FROM recon_check_results ORDER BY attempt");
        let outcomes: Vec<_> = results.iter().map(|row| row[1].as_deref().unwrap_or_default()).collect();
        assert_eq!(outcomes, ["fail", "pass"], "{engine:?}");
    }
}

/// Each row, what becomes of it, and what of the run.
#[test]
fn every_kind_and_outcome_comes_to_its_verdict() {
    let project = project(Engine::Sqlite, &MISMATCH);
    let cases = [
        // kind, store, query, further columns and their values, outcome, verdict
        ("run", "NULL", "SELECT id FROM decisions WHERE net < 0", "", "fail", "blocked"),
        ("run", "NULL", "SELECT id FROM decisions WHERE net < -5", "", "pass", "warned"),
        ("run", "NULL", "SELECT id FROM discrepancies WHERE kind = ''mismatch''", "", "fail", "blocked"),
        (
            "run",
            "NULL",
            "SELECT l.id FROM legacy l JOIN candidate c ON l.id = c.id WHERE l.net <> c.net",
            "",
            "fail",
            "blocked",
        ),
        ("run", "NULL", "SELECT id FROM decisions WHERE net < 0", "severity='warn'", "warn", "warned"),
        ("run", "NULL", "SELECT id FROM decisions WHERE net < 0", "error_if='2'", "warn", "warned"),
        ("run", "NULL", "SELECT id FROM decisions WHERE net < 0", "error_if='25%'", "fail", "blocked"),
        ("run", "NULL", "SELECT id FROM decisions WHERE net < 0", "error_if='> 25%'", "warn", "warned"),
        ("run", "NULL", "SELECT SUM(net) AS total FROM decisions", "expect='value = 55'", "pass", "warned"),
        ("run", "NULL", "SELECT SUM(net) AS total FROM decisions", "expect='value <= 0'", "fail", "blocked"),
        ("run", "NULL", "SELECT id, net FROM decisions", "expect='value <= 0'", "unknown", "incomplete"),
        ("run", "NULL", "SELECT id FROM nothing", "", "unknown", "incomplete"),
        ("run", "NULL", "SELECT id FROM nothing", "severity='warn'", "unknown", "warned"),
        ("run", "NULL", "SELECT net / 3 FROM decisions", "", "unknown", "incomplete"),
        ("rule", "NULL", r#"{"lt": ["decision.net", 0]}"#, "", "fail", "blocked"),
        ("rule", "NULL", r#"{"expect": {"ge": ["decision.net", -5]}}"#, "", "pass", "warned"),
        ("rule", "NULL", r#"{"lt": ["decision.nett", 0]}"#, "", "unknown", "incomplete"),
        ("rule", "NULL", r#"{"lt": ["previous.net", 0]}"#, "", "unknown", "incomplete"),
        ("rule", "NULL", r#"{"lt": "#, "", "unknown", "incomplete"),
        ("sql", "'core'", "SELECT id FROM payout WHERE id > 3", "", "fail", "blocked"),
        ("sql", "'core'", "SELECT COUNT(*) FROM payout", "expect='value = 4'", "pass", "warned"),
        ("sql", "'core'", "DELETE FROM payout", "", "unknown", "incomplete"),
        ("sql", "'cores'", "SELECT 1", "", "unknown", "incomplete"),
        ("sql", "NULL", "SELECT 1", "", "unknown", "incomplete"),
        ("sequel", "NULL", "SELECT 1", "", "unknown", "incomplete"),
        ("sql", "'core'", "SELECT id FROM payout WHERE id > 3", "enabled=FALSE", "skipped", "warned"),
        ("sql", "'core'", "SELECT id FROM payout WHERE id < 0", "expect='examined >= 1'", "unknown", "incomplete"),
        (
            "sql",
            "'core'",
            "SELECT id FROM payout WHERE id < 0",
            "expect='examined >= 1', examines='SELECT COUNT(*) FROM payout'",
            "pass",
            "warned",
        ),
        (
            "sql",
            "'core'",
            "SELECT id FROM payout WHERE id < 0",
            "expect='examined >= 1', examines='SELECT COUNT(*) FROM payout WHERE id < 0'",
            "unknown",
            "incomplete",
        ),
        ("sql", "'core'", "SELECT 1", "reconciliation='payout'", "fail", "blocked"),
        (
            "sql",
            "'core'",
            "SELECT id FROM payout_decision WHERE recon_run = :recon_run AND net < 0",
            "stage='decided'",
            "fail",
            "blocked",
        ),
        ("sql", "'core'", "SELECT id FROM payout WHERE id < 0", "stage='registered'", "pass", "warned"),
        ("sql", "'core'", "SELECT id FROM payout WHERE id > 0", "stage='registered'", "fail", "blocked"),
        ("rule", "NULL", r#"{"lt": ["decision.net", 0]}"#, "stage='decided'", "fail", "blocked"),
    ];
    for (kind, store, query, more, outcome, expected) in cases {
        project.run("DELETE FROM recon_checks");
        let insert =
            format!("INSERT INTO recon_checks (name, kind, store, query) VALUES ('it', '{kind}', {store}, '{query}')");
        project.run(&insert);
        if !more.is_empty() {
            project.run(&format!("UPDATE recon_checks SET {more}"));
        }
        let (report, code) = again(&project);
        let found = check(&report, "it");
        assert_eq!(
            (found["outcome"].as_str(), verdict(&report)),
            (Some(outcome), expected),
            "{kind} {query} {more}: {found:#}"
        );
        let codes = [("clean", 0), ("warned", 0), ("blocked", 1), ("incomplete", 3)];
        assert!(codes.contains(&(expected, code.unwrap_or(-1))), "{expected} {code:?}");
        assert!(outcome == "pass" || !found["message"].as_str().unwrap_or_default().is_empty(), "{found:#}");
    }
    // Another reconciliation's check is none of this one's.
    project.run("DELETE FROM recon_checks");
    project.run("INSERT INTO recon_checks (name, kind, store, query, reconciliation) VALUES ('other', 'sql', 'core', 'SELECT 1', 'settlement')");
    let (report, _) = again(&project);
    assert_eq!(report["checks"].as_array().map(Vec::len), Some(0), "{report:#}");
    assert!(report["notices"].to_string().contains("settlement"), "{report:#}");
}

#[test]
fn a_guard_that_trips_keeps_the_check_off_until_somebody_switches_it_on() {
    for engine in Engine::ALL {
        let project = project(engine, &CLEAN);
        // Somebody dropped a zero: 2.0 in place of 20.
        project.run(
            "INSERT INTO recon_checks (name, kind, query, max_flag_rate, updated_by) VALUES \
             ('large', 'rule', '{\"gt\": [\"decision.net\", 2.0]}', '50%', 'lee')",
        );
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("incomplete", Some(3)), "{engine:?}: {report:#}");
        assert_eq!(check(&report, "large")["outcome"], "tripped", "{engine:?}");
        assert!(report["reasons"][0].as_str().unwrap_or_default().contains("`large`"), "{report:#}");
        // Mended, and still off.
        project.run("UPDATE recon_checks SET query = '{\"gt\": [\"decision.net\", 200]}' WHERE name = 'large'");
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("incomplete", Some(3)), "{engine:?}: {report:#}");
        assert_eq!(check(&report, "large")["outcome"], "tripped", "{engine:?}");
        let without = project.place.recon(&["checks", "enable", "large", "--by", "park"]);
        assert_ne!(without.code, Some(0), "a reason is asked for: {without}");
        let enabled =
            project.place.recon(&["checks", "enable", "large", "--by", "park", "--reason", "threshold mended"]);
        assert_eq!(enabled.code, Some(0), "{enabled}");
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("clean", Some(0)), "{engine:?}: {report:#}");
        assert_eq!(check(&report, "large")["outcome"], "pass", "{engine:?}");
    }
}

#[test]
fn an_edited_check_runs_in_the_shadow_until_somebody_else_approves_it() {
    for engine in Engine::ALL {
        let project = project(engine, &CLEAN);
        project.configure("[checks]\napproval = true\n");
        project.run(
            "INSERT INTO recon_checks (name, kind, query, updated_by) VALUES \
             ('negative', 'rule', '{\"lt\": [\"decision.net\", -100]}', 'lee')",
        );
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("warned", Some(0)), "{engine:?}: {report:#}");
        let found = check(&report, "negative");
        assert_eq!((found["outcome"].as_str(), found["shadow"]["outcome"].as_str()), (Some("skipped"), Some("pass")));
        let own = project.place.recon(&["checks", "approve", "negative", "--by", "lee"]);
        assert_eq!(own.code, Some(4), "{engine:?}: {own}");
        let other = project.place.recon(&["checks", "approve", "negative", "--by", "park"]);
        assert_eq!(other.code, Some(0), "{engine:?}: {other}");
        let (report, _) = again(&project);
        assert_eq!(check(&report, "negative")["outcome"], "pass", "{engine:?}");
        // The edit would block, and only shows what it would do.
        project.run("UPDATE recon_checks SET query = '{\"lt\": [\"decision.net\", 0]}', updated_by = 'choi' WHERE name = 'negative'");
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("clean", Some(0)), "{engine:?}: {report:#}");
        let found = check(&report, "negative");
        assert_eq!((found["version"].as_u64(), found["outcome"].as_str()), (Some(1), Some("pass")), "{found:#}");
        assert_eq!((found["shadow"]["version"].as_u64(), found["shadow"]["outcome"].as_str()), (Some(2), Some("fail")));
        let own = project.place.recon(&["checks", "approve", "negative", "--by", "choi"]);
        assert_eq!(own.code, Some(4), "{engine:?}: {own}");
        let other = project.place.recon(&["checks", "approve", "negative", "--by", "park"]);
        assert_eq!(other.code, Some(0), "{engine:?}: {other}");
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("blocked", Some(1)), "{engine:?}: {report:#}");
        // Turned off with plain SQL, and the approved version still decides.
        project.run("UPDATE recon_checks SET enabled = FALSE, updated_by = 'choi' WHERE name = 'negative'");
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("blocked", Some(1)), "{engine:?}: {report:#}");
        project.run("DELETE FROM recon_checks WHERE name = 'negative'");
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("blocked", Some(1)), "{engine:?}: {report:#}");
    }
}

#[test]
fn a_rule_looks_at_the_previous_released_cycle() {
    for engine in Engine::ALL {
        let project = project(engine, &CLEAN);
        let (report, _) = again(&project);
        assert_eq!(verdict(&report), "clean");
        let released = project.recon(&["release", "--by", "park"]);
        assert_eq!(released.code, Some(0), "{engine:?}: {released}");
        project.run(
            "INSERT INTO recon_checks (name, kind, query) VALUES ('tenfold', 'rule', \
             '{\"where\": {\"not\": {\"is_absent\": \"previous.net\"}}, \"flag\": {\"ge\": [\"decision.net\", {\"mul\": [\"previous.net\", 10]}]}}')",
        );
        project.run("INSERT INTO payout VALUES (1, '11', '1', '2026-11-25'), (2, '200', '2', '2026-11-25'), (9, '7', '1', '2026-11-25')");
        project.candidate(&[
            r#"{"id": 1, "net": 11, "fee": 1}"#,
            r#"{"id": 2, "net": 200, "fee": 2}"#,
            r#"{"id": 9, "net": 7, "fee": 1}"#,
        ]);
        let outcome = project.place.recon(&["verify", "payout", "--param", "day=2026-11-25", "--format", "json"]);
        let report: Json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
        let found = check(&report, "tenfold");
        assert_eq!(
            (found["outcome"].as_str(), found["violations"].as_u64()),
            (Some("fail"), Some(1)),
            "{engine:?}: {found:#}"
        );
        assert_eq!(found["examined"], 2, "a new investor has no previous payout: {found:#}");
        let sample = &found["samples"][0];
        assert_eq!(sample["id"], "2", "{sample:#}");
        assert!(sample["previous.net"].as_str().is_some_and(|net| net.starts_with("20")), "{sample:#}");
    }
}

#[test]
fn what_must_not_be_shown_is_not_shown() {
    let project = project(Engine::Sqlite, &CLEAN);
    project.configure("[checks]\nmask = [\"net\", \"*account*\"]\nsamples = 2\n");
    project.run("INSERT INTO recon_checks (name, kind, store, query) VALUES ('all', 'sql', 'core', 'SELECT id, net, ''110-77'' AS bank_account FROM payout')");
    let (report, _) = again(&project);
    let samples = &check(&report, "all")["samples"];
    assert_eq!(samples.as_array().map(Vec::len), Some(2));
    assert_eq!((&samples[0]["net"], &samples[0]["bank_account"]), (&"***".into(), &"***".into()), "{samples:#}");
    assert_eq!(samples[0]["id"], "1");
    let kept = project.rows("SELECT samples FROM recon_check_results");
    assert!(kept.iter().flatten().flatten().all(|text| !text.contains("110-77")), "{kept:?}");
}

#[test]
fn one_slow_or_failing_check_hides_no_other() {
    for engine in Engine::ALL {
        let project = project(engine, &CLEAN);
        let mut rows = Vec::new();
        for number in 0..500 {
            let query = match number {
                // Minutes of work without a function that is refused.
                7 => "SELECT COUNT(*) FROM payout a, payout b, payout c, payout d, payout e, payout f, payout g, payout h, payout i, payout j, payout k, payout l, payout m, payout n, payout o".to_owned(),
                11 => "SELECT broken FROM payout".to_owned(),
                13 => "SELECT id FROM payout WHERE id = 1".to_owned(),
                _ => format!("SELECT id FROM payout WHERE id < {}", -number),
            };
            let timeout = if number == 7 { "700" } else { "60000" };
            rows.push(format!("('check{number:03}', 'sql', 'core', '{query}', {timeout})"));
        }
        project.run(&format!(
            "INSERT INTO recon_checks (name, kind, store, query, timeout_ms) VALUES {}",
            rows.join(", ")
        ));
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("incomplete", Some(3)), "{engine:?}");
        let all = report["checks"].as_array().expect("checks");
        assert_eq!(all.len(), 500);
        let passed = all.iter().filter(|check| check["outcome"] == "pass").count();
        assert_eq!(passed, 497, "{engine:?}");
        let outcome = |name: &str| check(&report, name)["outcome"].as_str().unwrap_or_default().to_owned();
        assert_eq!([outcome("check007"), outcome("check011"), outcome("check013")], ["unknown", "unknown", "fail"]);
    }
}

#[test]
fn a_retry_runs_the_checks_that_it_can_and_says_which_it_cannot() {
    let project = project(Engine::Sqlite, &MISMATCH);
    project.run("INSERT INTO recon_checks (name, kind, query) VALUES ('sum', 'run', 'SELECT id FROM decisions WHERE net > 1000')");
    let (report, _) = again(&project);
    assert_eq!(verdict(&report), "warned", "{report:#}");
    project.candidate(&CLEAN);
    let outcome = project.recon(&["retry", "--format", "json"]);
    let report: Json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    assert_eq!((verdict(&report), check(&report, "sum")["outcome"].as_str()), ("clean", Some("pass")), "{report:#}");
    // What needs every record is not known of a few.
    project.candidate(&MISMATCH);
    let (report, _) = again(&project);
    assert_eq!(verdict(&report), "warned", "{report:#}");
    project
        .run("INSERT INTO recon_checks (name, kind, query) VALUES ('net', 'rule', '{\"gt\": [\"legacy.net\", 1000]}')");
    project.candidate(&CLEAN);
    let outcome = project.recon(&["retry", "--format", "json"]);
    let report: Json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    assert_eq!(
        (verdict(&report), check(&report, "net")["outcome"].as_str()),
        ("incomplete", Some("unknown")),
        "{report:#}"
    );
}

#[test]
fn a_trip_is_not_shaken_off_by_an_edit() {
    let edits = [
        "UPDATE recon_checks SET severity = 'warn'",
        "UPDATE recon_checks SET stage = 'released'",
        "UPDATE recon_checks SET max_flag_rate = NULL, query = 'SELECT 1 WHERE 0'",
        "UPDATE recon_checks SET name = 'other', query = 'SELECT 1 WHERE 0'",
        "DELETE FROM recon_checks",
    ];
    for edit in edits {
        let project = project(Engine::Sqlite, &CLEAN);
        project.run("INSERT INTO recon_checks (name, kind, store, query, max_flag_rate) VALUES ('guard', 'sql', 'core', 'SELECT id FROM payout', '1%')");
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("incomplete", Some(3)), "{report:#}");
        project.run(edit);
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("incomplete", Some(3)), "{edit}: {report:#}");
        assert_eq!(check(&report, "guard")["outcome"], "tripped", "{edit}");
    }
}

#[test]
fn a_query_that_looks_for_decisions_before_they_are_written_is_unknown() {
    for stage in ["registered", "compared"] {
        let project = project(Engine::Sqlite, &CLEAN);
        let (report, _) = again(&project);
        assert_eq!(verdict(&report), "clean");
        project.run(&format!(
            "INSERT INTO recon_checks (name, stage, kind, store, query) VALUES \
             ('early', '{stage}', 'sql', 'core', 'SELECT id FROM payout_decision WHERE recon_run = :recon_run')"
        ));
        let (report, code) = again(&project);
        assert_eq!((verdict(&report), code), ("incomplete", Some(3)), "{stage}: {report:#}");
        let message = check(&report, "early")["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains("decided"), "{message}");
    }
}

#[test]
fn a_file_of_decisions_is_not_written_over_by_a_run_that_a_check_blocks() {
    let project = project(Engine::Sqlite, &CLEAN);
    project.replace("store = \"core\"\ntable = \"payout_decision\"", "file = \"out/payout-{day}.csv\"");
    let (report, code) = again(&project);
    assert_eq!((verdict(&report), code), ("clean", Some(0)), "{report:#}");
    let before = project.place.read("out/payout-2026-11-13.csv");
    project.run("INSERT INTO recon_checks (name, stage, kind, query) VALUES ('stop', 'decided', 'run', 'SELECT id FROM decisions')");
    let (report, code) = again(&project);
    assert_eq!((verdict(&report), code), ("blocked", Some(1)), "{report:#}");
    assert_eq!(project.place.read("out/payout-2026-11-13.csv"), before);
}

#[test]
fn switching_approval_on_disarms_no_check() {
    let project = project(Engine::Sqlite, &CLEAN);
    project.run("INSERT INTO recon_checks (name, kind, query, updated_by) VALUES ('negative', 'run', 'SELECT id FROM decisions WHERE net < 0', 'lee')");
    let (report, _) = again(&project);
    assert_eq!(verdict(&report), "blocked");
    project.configure("[checks]\napproval = true\n");
    let (report, code) = again(&project);
    assert_eq!((verdict(&report), code), ("blocked", Some(1)), "{report:#}");
    project.run("UPDATE recon_checks SET query = 'SELECT id FROM decisions WHERE net < -100', updated_by = 'park'");
    let (report, code) = again(&project);
    assert_eq!((verdict(&report), code), ("blocked", Some(1)), "{report:#}");
    assert_eq!(check(&report, "negative")["shadow"]["outcome"], "pass", "{report:#}");
}

#[test]
fn decisions_that_were_changed_after_their_release_are_no_previous_ones() {
    let project = project(Engine::Sqlite, &CLEAN);
    let (report, _) = again(&project);
    assert_eq!(verdict(&report), "clean");
    let released = project.recon(&["release", "--by", "park"]);
    assert_eq!(released.code, Some(0), "{released}");
    project.run("INSERT INTO payout VALUES (1, '11', '1', '2026-11-25')");
    project.candidate(&[r#"{"id": 1, "net": 11, "fee": 1}"#]);
    project.run("INSERT INTO recon_checks (name, kind, query) VALUES ('more', 'rule', '{\"gt\": [\"decision.net\", {\"mul\": [\"previous.net\", 10]}]}')");
    let next = |words: &[&str]| {
        let outcome = project
            .place
            .recon(&[&["verify", "payout", "--param", "day=2026-11-25", "--format", "json"], words].concat());
        serde_json::from_str::<Json>(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
    };
    assert_eq!(check(&next(&[]), "more")["outcome"], "pass");
    project.run("UPDATE payout_decision SET net = '1000000' WHERE recon_cycle LIKE '%2026-11-13'");
    let report = next(&["--again"]);
    assert_eq!(
        (verdict(&report), check(&report, "more")["outcome"].as_str()),
        ("incomplete", Some("unknown")),
        "{report:#}"
    );
}

#[test]
fn an_edit_is_tried_on_the_last_cycle_before_it_is_saved() {
    let project = project(Engine::Sqlite, &CLEAN);
    let query = "SELECT id FROM payout WHERE net LIKE ''-%''";
    project.run(&format!(
        "INSERT INTO recon_checks (name, kind, store, query) VALUES ('negative', 'sql', 'core', '{query}')"
    ));
    let (report, _) = again(&project);
    assert_eq!(verdict(&report), "blocked");
    let edit = |change: &str| {
        let mut command = project.place.command();
        let output = command.args(["checks", "edit", "negative"]).env("EDITOR", format!("sed -i '{change}'")).output();
        let output = output.expect("it ran");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, stderr) = edit("s/net LIKE/nett LIKE/");
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("nett") && stderr.contains("the text is kept"), "{stderr}");
    let (code, stdout, stderr) = edit("s/-%/-9%/");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("tried on payout day=2026-11-13") && stdout.contains("pass"), "{stdout}");
}

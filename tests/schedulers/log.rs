//! `--json-log`: every line of stderr is an object of `recon.log/1`, whatever happens, and stdout is what it was.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use boon::{Compiler, Schemas};
use serde_json::Value as Json;

use crate::scene::{Candidate, Scene};
use crate::support::{Outcome, PrivateServer, run_sql, sqlite};

/// Every line, held to the schema that `recon schema log` prints; nothing that the schema does not name.
fn lines(scene: &Scene, stderr: &str) -> Vec<Json> {
    let printed = scene.place.recon(&["schema", "log"]);
    let mut schema: Json = serde_json::from_str(&printed.stdout).expect("a schema");
    schema["additionalProperties"] = false.into();
    let mut compiler = Compiler::new();
    compiler.add_resource("memory:///log.json", schema).expect("a schema");
    let mut schemas = Schemas::new();
    let index = compiler.compile("memory:///log.json", &mut schemas).expect("a schema");
    assert!(stderr.is_empty() || stderr.ends_with('\n'), "the last line is cut: {stderr}");
    let all: Vec<Json> = stderr
        .lines()
        .map(|line| {
            assert!(line.len() < 4096, "{line}");
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{stderr}"))
        })
        .collect();
    for line in &all {
        if let Err(error) = schemas.validate(line, index) {
            panic!("{error:#}\n{line}");
        }
    }
    all
}

fn events(all: &[Json]) -> Vec<&str> {
    all.iter().map(|line| line["event"].as_str().expect("an event")).collect()
}

/// Runs a command, and gives its lines; the last says its exit code.
fn run(scene: &Scene, words: &[&str]) -> (Outcome, Vec<Json>) {
    let outcome = scene.place.recon(&[words, &["--json-log"]].concat());
    let all = lines(scene, &outcome.stderr);
    let last = all.last().unwrap_or_else(|| panic!("{outcome}"));
    assert_eq!((events(&all)[0], &last["event"]), ("begin", &"end".into()), "{outcome}");
    assert_eq!(last["exit"].as_i64(), outcome.code.map(i64::from), "{outcome}");
    (outcome, all)
}

#[test]
fn a_verification_says_what_it_does_in_lines() {
    let scene = Scene::new(Candidate::Wrong);
    let day = format!("payout_date={}", scene.day());
    let (outcome, all) = run(&scene, &["verify", "payout", "--param", &day, "--format", "json"]);
    let report: Json = serde_json::from_str(&outcome.stdout).expect("stdout is the report");
    let told = events(&all);
    let stages: Vec<&Json> = all.iter().filter(|line| line["event"] == "stage").map(|line| &line["stage"]).collect();
    assert_eq!(stages, ["computed", "compared", "checked"]);
    assert!(told.contains(&"progress") && told.contains(&"run"), "{told:?}");
    let verdict = all.iter().find(|line| line["event"] == "verdict").expect("a verdict");
    assert_eq!(
        (&verdict["verdict"], &verdict["exit"], &verdict["level"]),
        (&"blocked".into(), &1.into(), &"error".into())
    );
    assert_eq!(
        (&verdict["run"], &verdict["reasons"], &verdict["counts"]),
        (&report["run"], &report["reasons"], &report["diff"]["counts"])
    );

    // A check that warns, a cycle that is found, a retry.
    let text = scene.place.read("recon.toml").replace("mismatch = \"block\"", "");
    scene.place.write("recon.toml", text);
    let insert = "INSERT INTO recon_checks (name, kind, severity, query) VALUES ('too much', 'run', 'warn', 'SELECT investor_id FROM decisions WHERE net > 4000')";
    sqlite(&scene.place.path().join("recon.db"), insert);
    let (_, all) = run(&scene, &["verify", "payout", "--param", &day]);
    let check = all.iter().find(|line| line["event"] == "check").expect("a check");
    assert_eq!(
        (&check["check"], &check["outcome"], &check["level"]),
        (&"too much".into(), &"warn".into(), &"warning".into())
    );
    let (_, all) = run(&scene, &["verify", "payout", "--param", &day]);
    assert_eq!(events(&all), ["begin", "verdict", "end"]);
    assert_eq!((&all[1]["found"], &all[1]["verdict"]), (&true.into(), &"warned".into()));
    let (_, all) = run(&scene, &["retry", "payout", "--param", &day]);
    assert!(events(&all).contains(&"verdict") && events(&all).contains(&"notice"), "{all:?}");
    // Without the flag people read what they always read.
    let plain = scene.place.recon(&["verify", "payout", "--param", &day]);
    assert!(plain.stderr.is_empty(), "{plain}");
}

#[test]
fn failures_are_lines_too() {
    let scene = Scene::new(Candidate::Right);
    for (words, exit) in [
        (&["verify", "payout"][..], 2),
        (&["verify", "nobody"], 2),
        (&["verify", "payout", "--no-such-flag"], 2),
        (&["diff", "a.csv", "b.csv", "--key", "id"], 2),
        (&["diff", "mysql://root@127.0.0.1:1/x#t", "core.csv", "--key", "id", "--connect-timeout", "1s"], 3),
        (&["test", "nowhere"], 2),
        (&["retry", "payout", "--param", "payout_date=2026-01-01"], 2),
    ] {
        scene.place.write("core.csv", "id\n1\n");
        let (outcome, all) = run(&scene, words);
        let told = all.iter().filter(|line| line["level"] == "error").count();
        assert!(told >= 2 && outcome.code != Some(0), "{outcome}");
        assert!(outcome.code == Some(exit) || words[0] != "verify", "{outcome}");
    }
}

#[test]
fn diff_and_test_say_their_verdict() {
    let scene = Scene::new(Candidate::Right);
    scene.place.write("l.csv", "id,net\n1,10\n2,20\n");
    scene.place.write("c.csv", "id,net\n1,10\n2,21\n");
    let (outcome, all) = run(&scene, &["diff", "l.csv", "c.csv", "--key", "id", "--format", "csv"]);
    let verdict = all.iter().find(|line| line["event"] == "verdict").expect("a verdict");
    assert_eq!((&verdict["verdict"], &verdict["counts"]["mismatched"]), (&"differ".into(), &1.into()));
    assert!(outcome.stdout.starts_with("key.id") || outcome.stdout.contains("id"), "{outcome}");
    crate::github::cases(&scene);
    std::fs::remove_file(scene.place.path().join("cases/plain/decisions.csv")).expect("removed");
    let (_, all) = run(&scene, &["test", "cases"]);
    let case = all.iter().find(|line| line["event"] == "case").expect("a case");
    assert!(case["case"].as_str().is_some_and(|name| name.contains("plain")) && case["outcome"] == "failed", "{case}");
    let verdict = all.iter().find(|line| line["event"] == "verdict").expect("a verdict");
    assert_eq!((&verdict["verdict"], &verdict["counts"]["failed"]), (&"failed".into(), &1.into()));
}

#[test]
fn an_interrupted_run_ends_its_log_with_whole_lines() {
    let scene = Scene::new(Candidate::Right);
    // A query that takes longer than anybody waits, and is ended with the process.
    scene.place.write(
        "legacy.sql",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) \
         SELECT i AS investor_id, i AS net FROM n WHERE i % 1000000000 = 0 AND :payout_date IS NOT NULL",
    );
    let mut command = scene.place.command();
    // A side in no order is read whole, so the run works on it for long.
    let mut child = command
        .args(["diff", "payout", "--json-log", "--param", "payout_date=2026-11-13"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("recon");
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut text = String::new();
    while !text.contains("\"progress\"") {
        assert!(stderr.read_line(&mut text).expect("a line") > 0, "{text}");
    }
    let interrupt = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(interrupt.success());
    std::io::Read::read_to_string(&mut stderr, &mut text).expect("the rest");
    assert_eq!(child.wait().expect("an end").code(), Some(130), "{text}");
    let all = lines(&scene, &text);
    let told = events(&all);
    assert_eq!(told[told.len() - 2..], ["interrupted", "end"], "{told:?}");
    assert_eq!(all.last().expect("a line")["exit"], 130);
}

#[test]
fn no_password_is_logged_private_server() {
    let server = PrivateServer::mariadb();
    let secret = "s3cr3t-of-the-store";
    run_sql(
        &server.url(),
        &format!(
            "CREATE DATABASE x; CREATE TABLE x.y (i INT); CREATE USER 'app'@'%' IDENTIFIED BY '{secret}'; GRANT SELECT ON x.* TO 'app'@'%'"
        ),
    );
    let url = format!("mysql://app:{secret}@127.0.0.1:{}/x", server.port());
    let scene = Scene::new(Candidate::Right);
    let text = scene.place.read("recon.toml").replace(
        "[reconciliation.payout.decisions]\nstore = \"core\"",
        "[reconciliation.payout.decisions]\nstore = \"own\"",
    );
    scene.place.write("recon.toml", format!("{text}\n[stores.own]\nurl = \"sqlite:core.db\"\n"));
    let day = format!("payout_date={}", scene.day());
    // Messages of the server: one names a table, the other a column that is called what nobody may read.
    for query in ["SELECT net FROM nowhere WHERE :payout_date", &format!("SELECT `{secret}` FROM y WHERE :payout_date")]
    {
        scene.place.write("legacy.sql", query);
        let mut command = scene.place.command();
        let output = command
            .args(["verify", "payout", "--param", &day, "--json-log", "--format", "json"])
            .env("RECON_CORE_URL", &url)
            .output()
            .expect("recon");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(!output.status.success() && !stderr.contains(secret), "{stderr}");
        let all = lines(&scene, &stderr);
        let said = all.iter().filter(|line| line["event"] == "error").filter_map(|line| line["message"].as_str());
        let said: Vec<&str> = said.collect();
        assert!(said.iter().any(|text| text.contains("nowhere") || text.contains("***")), "{stderr}");
    }
}

//! Files and the database: what is pushed, what is pulled, and what is refused.

use crate::engine::on_each_engine;
use crate::{NET, checks, done, json, place, place_at, refused, sql, steady, texts};

#[test]
fn a_file_comes_back_from_the_database_as_it_was_pushed() {
    let place = place();
    let rule = "{\n  \"check\": {\"name\": \"negative/한글\", \"severity\": \"warn\", \"timeout_ms\": 5},\n  \"rule\": {\"flag\":  {\"lt\": [\"candidate.net\",\t0.10]} }\n}\n";
    place.write("checks/net.sql", NET);
    place.write("checks/more/rule.json", rule);
    place.write("checks/README.md", "not a check");
    let pushed = done(&place, &["push"]);
    assert!(pushed.contains("net: saved as version 1") && pushed.contains("2 pushed, 0 as they were"), "{pushed}");
    assert_eq!((place.read("checks/net.sql"), place.read("checks/more/rule.json")), (NET.to_owned(), rule.to_owned()));
    assert!(done(&place, &["push"]).contains("0 pushed, 2 as they were"));
    assert!(done(&place, &["pull"]).contains("0 pulled, 2 as they were"));
    std::fs::remove_dir_all(place.path().join("checks")).expect("removed");
    assert!(done(&place, &["push"]).contains("only in the database: negative/한글, net"), "nothing to push");
    done(&place, &["pull"]);
    let pulled = place.read("checks/net.sql");
    assert_eq!(
        pulled.lines().filter(|line| !line.starts_with("-- version: 1 ")).collect::<Vec<_>>(),
        NET.lines().collect::<Vec<_>>()
    );
    let pulled = place.read("checks/negative%2F%ED%95%9C%EA%B8%80.json");
    assert!(pulled.contains("\"rule\": {\"flag\":  {\"lt\": [\"candidate.net\",\t0.10]} }"), "{pulled}");
    assert!(done(&place, &["push"]).contains("0 pushed, 2 as they were"));
    assert_eq!(texts(&place, "net"), ["SELECT investor_id, net\nFROM candidate\nWHERE net < 0"]);
    let list = json(&place, &["list"]);
    assert_eq!(list["checks"][0]["name"], "negative/한글");
}

#[test]
fn an_edit_of_the_database_is_never_overwritten() {
    let _steady = steady();
    let place = place();
    place.write("checks/net.sql", NET);
    done(&place, &["push"]);
    sql(&place, "UPDATE recon_checks SET query = 'SELECT 2', updated_by = 'kim', updated_at = '2026-11-12 09:00:00'");
    let behind = refused(&place, 4, &["push"], &["is behind: the file is version 1", "nothing was pushed"]);
    insta::assert_snapshot!("behind", behind);
    place.write("checks/net.sql", NET.replace("net < 0", "net <= 0"));
    place.write("checks/other.sql", NET.replace("name: net", "name: other"));
    let both = refused(
        &place,
        4,
        &["push"],
        &["was edited in the database since: version 2 by kim, with plain SQL", "nothing was pushed"],
    );
    insta::assert_snapshot!("both", both);
    refused(&place, 4, &["push", "--dry-run"], &["nothing was pushed"]);
    assert_eq!(json(&place, &["list"])["checks"].as_array().unwrap().len(), 1, "not the other one either");
    refused(
        &place,
        4,
        &["pull"],
        &["checks/net.sql was changed, and so was the database: version 2 by kim", "nothing was pulled"],
    );
    assert!(place.read("checks/net.sql").contains("net <= 0"));
    assert!(done(&place, &["push", "other"]).contains("1 pushed"));
    // As asked: and the edit stays in the history.
    let forced = done(&place, &["push", "net", "--force"]);
    assert!(forced.contains("overwritten as asked") && forced.contains("net: saved as version 3"), "{forced}");
    assert_eq!(texts(&place, "net")[1], "SELECT 2");
    // What came from a file is replaced by what comes from a file, and shown.
    place.write("checks/net.sql", NET.replace("net < 0", "net <> 0"));
    insta::assert_snapshot!("pushed", done(&place, &["push", "net"]));
    // Back to an older text only when it is asked for.
    place.write("checks/net.sql", NET);
    refused(
        &place,
        4,
        &["push", "net"],
        &["is behind: the file is version 1, the database has version 4 by tester, from a file"],
    );
    sql(&place, "DELETE FROM recon_checks WHERE name = 'net'");
    refused(
        &place,
        4,
        &["push", "net"],
        &["was deleted in the database: version 5, the deletion, by somebody unknown"],
    );
    let told = done(&place, &["pull", "net"]);
    assert!(told.contains("net: deleted in the database") && told.contains("left as it is"), "{told}");
    assert!(done(&place, &["push", "net", "--force"]).contains("saved as version 6"));
}

#[test]
fn what_was_pulled_is_the_ground_of_the_next_push() {
    let _steady = steady();
    let place = place();
    sql_check(&place);
    assert!(done(&place, &["pull", "--dry-run"]).contains("1 would be pulled"));
    assert!(!place.path().join("checks").exists() && texts(&place, "net").is_empty());
    insta::assert_snapshot!("pulled", done(&place, &["pull"]));
    let pulled = place.read("checks/net.sql");
    insta::assert_snapshot!("pulled_file", pulled);
    place.write("checks/net.sql", pulled.replace("SELECT 1", "SELECT 2"));
    let ahead = done(&place, &["pull"]);
    assert!(ahead.contains("net: the file is ahead"), "{ahead}");
    insta::assert_snapshot!("would_be_pushed", done(&place, &["push", "--dry-run"]));
    assert_eq!(texts(&place, "net"), ["SELECT 1"]);
    done(&place, &["push"]);
    assert_eq!(texts(&place, "net"), ["SELECT 1", "SELECT 2"]);
    assert!(place.read("checks/net.sql").contains("-- version: 2 "), "the file says where it is now");
    // Edited in the database: the file holds nothing that would be lost.
    sql(&place, "UPDATE recon_checks SET query = 'SELECT 3'");
    insta::assert_snapshot!("pulled_over", done(&place, &["pull"]));
    assert!(place.read("checks/net.sql").ends_with("\nSELECT 3\n"));
    assert!(place.read("checks/net.sql").contains("-- version: 3 "));
    // Also when both were edited alike.
    sql(&place, "UPDATE recon_checks SET query = 'SELECT 4'");
    let text = place.read("checks/net.sql");
    place.write("checks/net.sql", text.replace("SELECT 3", "SELECT 4"));
    assert!(done(&place, &["push"]).contains("0 pushed, 1 as they were"));
    assert!(place.read("checks/net.sql").contains("-- version: 4 "));
    // Another kind has another form of file.
    sql(&place, "UPDATE recon_checks SET kind = 'rule', query = '{\"flag\": false}'");
    assert!(done(&place, &["pull"]).contains("net: version 5 in checks/net.json"));
    assert!(!place.path().join("checks/net.sql").exists());
}

fn sql_check(place: &crate::support::Place) {
    done(place, &["list"]);
    sql(
        place,
        "INSERT INTO recon_checks (name, kind, query, max_flag_rate, owner) VALUES ('net', 'run', 'SELECT 1', '5%', 'kim')",
    );
}

#[test]
fn a_change_that_only_a_file_holds_is_kept() {
    let place = place();
    sql_check(&place);
    done(&place, &["pull"]);
    let pulled = place.read("checks/net.sql");
    place.write("checks/net.sql", pulled.replace("owner: kim", "owner: lee"));
    assert!(done(&place, &["pull"]).contains("the file is ahead"));
    assert!(done(&place, &["pull", "--force"]).contains("1 pulled"));
    assert_eq!(place.read("checks/net.sql"), pulled);
    place.write("checks/net.sql", pulled.replace("owner: kim", "owner: lee"));
    assert!(done(&place, &["push"]).contains("net: saved; what it does is version 1 as before"));
    assert_eq!(json(&place, &["show", "net"])["owner"], "lee");
}

#[test]
fn what_is_no_check_is_not_pushed_and_no_file_is_lost() {
    let place = place();
    place.write("checks/net.sql", NET);
    for (file, text, parts) in [
        (
            "wrong.sql",
            NET.replace("severity", "severety"),
            vec!["checks/wrong.sql, line 5: `severety` is no key", "did you mean `severity`?"],
        ),
        ("wrong.sql", NET.to_owned(), vec!["checks/net.sql and checks/wrong.sql are both of the check `net`"]),
        (
            "wrong.sql",
            NET.replace("net\n", "other\n").replace("compared", "after"),
            vec!["checks/wrong.sql: ", "`stage` is `after`"],
        ),
        (
            "wrong.sql",
            NET.replace("name: net", "name: other").replace("payout", "payuot"),
            vec!["there is no reconciliation `payuot`", "did you mean `payout`?"],
        ),
        (
            "wrong.sql",
            "-- name: other\n-- store: docs\n\nSELECT 1".into(),
            vec!["the store `docs` is of kind mongodb: a SELECT runs in"],
        ),
        (
            "wrong.sql",
            "-- name: other\n-- store: cor\n\nSELECT 1".into(),
            vec!["there is no store `cor`", "did you mean `core`?"],
        ),
        (
            "wrong.json",
            "{\"check\": {\"name\": \"other\", \"store\": \"core\"}, \"pipeline\": []}".into(),
            vec!["a pipeline runs in MongoDB"],
        ),
        ("wrong.json", "{".into(), vec!["checks/wrong.json, line 1:"]),
    ] {
        place.write(&format!("checks/{file}"), text);
        refused(&place, 2, &["push"], &parts);
        std::fs::remove_file(place.path().join("checks").join(file)).expect("removed");
    }
    place.write("checks/wrong.sql", b"-- name: \xff\n\n");
    refused(&place, 2, &["push"], &["checks/wrong.sql is no UTF-8 text"]);
    std::fs::remove_file(place.path().join("checks/wrong.sql")).expect("removed");
    refused(&place, 2, &["push", "nett"], &["no file in checks is of the check `nett`", "did you mean `net`?"]);
    assert_eq!(json(&place, &["list"])["checks"], serde_json::json!([]), "nothing was pushed");
    done(&place, &["push"]);
    refused(&place, 2, &["pull", "nett"], &["there is no check `nett`", "did you mean `net`?"]);
    // A row that no file can hold, and a file of another check where one is to be.
    sql(&place, "INSERT INTO recon_checks (name, query) VALUES ('odd', x'ff')");
    refused(&place, 2, &["pull"], &["`odd` cannot be written as a file: `query` holds bytes", "plain SQL"]);
    assert!(done(&place, &["pull", "net"]).contains("0 pulled, 1 as they were"));
    sql(
        &place,
        "DELETE FROM recon_checks WHERE name = 'odd'; INSERT INTO recon_checks (name, kind, query) VALUES ('taken', 'run', 'SELECT 1')",
    );
    place.write("checks/taken.sql", NET.replace("name: net", "name: other"));
    refused(&place, 2, &["pull", "taken"], &["checks/taken.sql is there already, and is of another check"]);
    assert!(place.read("checks/taken.sql").contains("name: other"));
}

#[test]
fn what_differs_is_shown() {
    let _steady = steady();
    let place = place();
    place.write("checks/net.sql", NET);
    let only = checks(&place, &["diff", "net"]);
    assert!(only.code == Some(1) && only.stdout.contains("--- not in the database"), "{only}");
    done(&place, &["push"]);
    assert_eq!(done(&place, &["diff", "net"]), "");
    sql(
        &place,
        "UPDATE recon_checks SET query = 'SELECT investor_id, net' || char(10) || 'FROM\tcandidate' || char(27) || '[2J', error_if = '5', updated_by = 'kim', updated_at = 'today'",
    );
    insta::assert_snapshot!("diff_file", checks(&place, &["diff", "net"]));
    done(&place, &["list"]);
    insta::assert_snapshot!("diff_versions", checks(&place, &["diff", "net", "--versions", "1", "2"]));
    assert_eq!(done(&place, &["diff", "net", "--versions", "2", "2"]), "");
    refused(&place, 2, &["diff", "net", "--versions", "1", "3"], &["there is no version 3 of `net`"]);
    refused(&place, 2, &["diff", "nett"], &["there is no check `nett`"]);
    let coloured = checks(&place, &["diff", "net", "--color", "always"]);
    assert!(
        coloured.stdout.contains("\u{1b}[31m-error_if")
            || coloured.stdout.contains("\u{1b}[31m--- error_if: 5\u{1b}[0m"),
        "{coloured}"
    );
}

on_each_engine! {
    fn files_and_plain_sql_work_together(fresh: Fresh) {
        let place = place_at(&fresh.url, "[checks]\napproval = true\n");
        place.write("checks/net.sql", NET);
        assert!(done(&place, &["push", "--by", "lee"]).contains("it decides when somebody else has approved it"));
        refused(&place, 4, &["approve", "net", "--by", "Lee"], &["cannot approve version 1"]);
        done(&place, &["approve", "net", "--by", "park"]);
        fresh.sql("UPDATE recon_checks SET query = 'SELECT investor_id FROM candidate WHERE net <= 0', updated_by = 'kim', updated_at = CURRENT_TIMESTAMP WHERE name = 'net'");
        let shown = json(&place, &["show", "net"]);
        assert_eq!((&shown["decides"], &shown["state"]), (&1.into(), &serde_json::json!(["waits for approval"])));
        refused(&place, 4, &["approve", "net", "--by", "kim"], &["kim edited `net` since it was last approved"]);
        done(&place, &["approve", "net", "--by", "lee"]);
        assert_eq!(json(&place, &["show", "net"])["decides"], 2);
        let history = json(&place, &["history", "net"]);
        let told: Vec<_> = history["versions"].as_array().unwrap().iter().map(|one| {
            (one["version"].as_u64().unwrap(), one["author"].as_str().unwrap(), one["how"].as_str().unwrap(), one["approvals"][0]["by"].as_str().unwrap())
        }).collect();
        assert_eq!(told, [(2, "kim", "sql", "lee"), (1, "lee", "push", "park")]);
        assert!(done(&place, &["pull"]).contains("1 pulled"));
        assert!(place.read("checks/net.sql").ends_with("\nSELECT investor_id FROM candidate WHERE net <= 0\n"));
        done(&place, &["disable", "net", "--reason", "wrong"]);
        done(&place, &["enable", "net", "--reason", "right again"]);
        assert_eq!(json(&place, &["list"])["checks"][0]["version"], 4);
    }
}

//! Verdicts, exit codes and states; what is asked for wrongly changes nothing.

use crate::engine::{Engine, Project};

const LEGACY: [&str; 3] = ["1, '10', '1'", "2, '20', '2'", "3, '30', '3'"];
const CLEAN: [&str; 3] =
    [r#"{"id": 1, "net": 10, "fee": 1}"#, r#"{"id": 2, "net": 20, "fee": 2}"#, r#"{"id": 3, "net": 30, "fee": 3}"#];
const ONE_OFF: [&str; 3] =
    [r#"{"id": 1, "net": 10, "fee": 1}"#, r#"{"id": 2, "net": 21, "fee": 2}"#, r#"{"id": 3, "net": 30, "fee": 3}"#];

#[test]
fn clean_then_found_done_then_again() {
    for engine in Engine::ALL {
        let project = Project::new(engine, &LEGACY, &CLEAN);
        let (first, code) = project.report(&[]);
        assert_eq!(
            (first["verdict"].as_str(), first["state"].as_str(), code),
            (Some("clean"), Some("decided"), Some(0))
        );
        assert_eq!(first["run"], "1-1", "{engine:?}");
        assert_eq!(first["coverage"]["read"], 3);
        assert_eq!(first["coverage"]["compared"], 3);
        // The stores may change: what is verified is only reported.
        project.candidate(&ONE_OFF);
        let (found, code) = project.report(&[]);
        assert_eq!((found["verdict"].as_str(), code), (Some("clean"), Some(0)), "{engine:?}: {found:#}");
        assert_eq!((found["run"].as_str(), found["found"].as_bool()), (Some("1-1"), Some(true)), "{engine:?}");
        let (again, code) = project.report(&["--again"]);
        assert_eq!((again["verdict"].as_str(), code), (Some("warned"), Some(0)), "{engine:?}: {again:#}");
        assert_eq!(again["run"], "1-2", "{engine:?}");
        assert_eq!(
            project.decisions("payout_decision"),
            ["1 10 1 candidate agree", "2 20 2 legacy mismatch", "3 30 3 candidate agree"],
            "{engine:?}: one set of decisions"
        );
        let (found, _) = project.report(&[]);
        assert_eq!(found["diff"]["discrepancies"], again["diff"]["discrepancies"], "{engine:?}");
    }
}

#[test]
fn strict_blocks_on_any_discrepancy_and_a_new_run_starts_again() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &ONE_OFF);
    let (report, code) = project.report(&["--strict"]);
    assert_eq!(
        (report["verdict"].as_str(), report["state"].as_str(), code),
        (Some("blocked"), Some("blocked"), Some(1))
    );
    let (report, code) = project.report(&[]);
    assert_eq!((report["verdict"].as_str(), report["run"].as_str(), code), (Some("warned"), Some("1-2"), Some(0)));
}

#[test]
fn above_the_rate_the_whole_cycle_falls_back_to_legacy_and_is_blocked() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &ONE_OFF);
    project.configure("[reconciliation.payout.canary]\nmax_discrepancy_rate = \"33%\"\n");
    let (report, code) = project.report(&[]);
    assert_eq!((report["verdict"].as_str(), code), (Some("blocked"), Some(1)), "{report:#}");
    assert_eq!((report["decisions"]["candidate"].as_u64(), report["decisions"]["legacy"].as_u64()), (Some(0), Some(3)));
    project.configure("[reconciliation.payout.canary]\nmax_discrepancy_rate = \"34%\"\n");
    let (report, code) = project.report(&[]);
    assert_eq!((report["verdict"].as_str(), code), (Some("warned"), Some(0)), "{report:#}");
}

#[test]
fn a_population_that_counts_more_than_was_read_is_incomplete() {
    for (count, verdict, code) in [("3", "clean", 0), ("4", "incomplete", 3), ("2", "incomplete", 3)] {
        let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
        project.configure("[reconciliation.payout.population]\nstore = \"core\"\nquery = \"population.sql\"\n");
        project.place.write("population.sql", format!("SELECT {count} AS n\n"));
        let (report, exit) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), exit), (Some(verdict), Some(code)), "{count}: {report:#}");
        assert_eq!(report["coverage"]["expected"].to_string(), count);
    }
    let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
    project.configure("[reconciliation.payout.population]\nstore = \"core\"\nquery = \"population.sql\"\n");
    project.place.write("population.sql", "SELECT id FROM payout\n");
    let outcome = project.verify(&[]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(outcome.stderr.contains("the population query gives 3 rows"), "{outcome}");
}

#[test]
fn what_could_not_be_verified_is_incomplete_and_writes_nothing() {
    for engine in Engine::ALL {
        // Nothing on one side: nothing is compared, nothing is decided.
        let project = Project::new(engine, &[], &CLEAN);
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{engine:?}: {report:#}");
        assert_eq!((report["decisions"].is_null(), report["state"].as_str()), (true, Some("blocked")), "{engine:?}");
        // A side that cannot be read to its end.
        let project = Project::new(engine, &LEGACY, &[CLEAN[0], CLEAN[1], "{\"id\": 3, \"net\""]);
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{engine:?}: {report:#}");
        assert!(report["decisions"].is_null(), "{engine:?}: {report:#}");
        let tables = project.recon(&["status"]);
        assert!(tables.stdout.contains("blocked"), "{engine:?}: {tables}");
    }
}

#[test]
fn what_is_asked_for_wrongly_is_refused_before_anything_is_written() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
    for (arguments, said) in [
        (vec!["verify", "payouts"], "there is no reconciliation `payouts`"),
        (vec!["verify", "payout"], "needs the parameter `day`"),
        (vec!["verify", "payout", "--param", "day=tomorrow"], "tomorrow"),
        (vec!["verify", "payout", "--param", "day=2026-11-13", "--param", "x=1"], "no parameter `x`"),
        (vec!["verify", "payout", "--param", "day=2026-11-13", "--output", "report.pdf"], "not clear from its ending"),
        (vec!["verify", "payout", "--param", "day=2026-11-13", "--by", " "], "`--by` needs a name"),
    ] {
        let outcome = project.place.recon(&arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {outcome}");
        assert!(outcome.stderr.contains(said) && outcome.stderr.contains("hint"), "{arguments:?}: {outcome}");
    }
    let there = project.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'recon_%' OR name LIKE 'payout_%'");
    assert!(there.is_empty(), "{there:?}");
}

#[test]
fn a_ledger_that_cannot_be_reached_verifies_nothing() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
    project.replace("[ledger]\nurl = \"${CORE}\"", "[ledger]\nurl = \"mysql://kim:hunter22@127.0.0.1:9/x\"");
    let outcome = project.verify(&["--connect-timeout", "1s"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(!outcome.to_string().contains("hunter22"), "{outcome}");
    assert!(outcome.stderr.contains("hint"), "{outcome}");
}

#[test]
fn what_is_decided_is_not_lost_by_a_query_that_cannot_run() {
    for engine in Engine::ALL {
        let project = Project::new(engine, &LEGACY, &CLEAN);
        project.report(&[]);
        for (query, said) in [
            ("SELECT id, net, fee FROM payouts WHERE paid_on = :day\n", "payouts"),
            ("SELECT id, net, fee AS fees FROM payout WHERE paid_on = :day\n", "no column `fee`"),
        ] {
            project.place.write("legacy.sql", query);
            let outcome = project.verify(&["--again"]);
            assert_eq!(outcome.code, Some(2), "{engine:?}: {outcome}");
            assert!(outcome.stderr.contains(said) && outcome.stderr.contains("hint"), "{engine:?}: {outcome}");
            let (found, code) = project.report(&[]);
            assert_eq!((found["run"].as_str(), found["state"].as_str(), code), (Some("1-1"), Some("decided"), Some(0)));
        }
    }
}

#[test]
fn strict_is_not_forgotten() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &ONE_OFF);
    assert_eq!(project.verify(&[]).code, Some(0));
    let strict = project.verify(&["--strict"]);
    assert_eq!(strict.code, Some(1), "what is decided was not verified strictly: {strict}");
    let (report, _) = project.report(&["--strict"]);
    assert_eq!(report["verdict"], "blocked", "who reads the report alone sees it too: {report:#}");
    assert_eq!(project.verify(&["--strict", "--again"]).code, Some(1));
    let retried = project.recon(&["retry"]);
    assert_eq!(retried.code, Some(1), "what was verified strictly is not completed laxly: {retried}");
}

#[test]
fn approvals_are_not_lowered_after_the_fact() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
    project.configure("[reconciliation.payout.release]\napprovals = 1\n");
    project.report(&[]);
    project.configure("");
    let own = project.recon(&["release", "--by", "kim"]);
    assert_eq!(own.code, Some(4), "{own}");
    let other = project.recon(&["release", "--by", "lee"]);
    assert_eq!(other.code, Some(0), "{other}");
}

#[test]
fn a_field_that_no_document_has_is_named() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
    project.replace("fee = { type = \"decimal\" }", "fee = { type = \"decimal\", candidate = \"amount.fe\" }");
    let outcome = project.verify(&[]);
    assert!(outcome.stdout.contains("no record has the field `amount.fe`"), "{outcome}");
}

#[test]
fn a_candidate_that_answers_nothing_is_not_verified() {
    let unknown = [r#"{"id": 1, "net": "?", "fee": 1}"#, r#"{"id": 2, "net": "?", "fee": 2}"#];
    let project = Project::new(Engine::Sqlite, &LEGACY[..2], &unknown);
    let (report, code) = project.report(&[]);
    assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{report:#}");
    assert!(report["reasons"].to_string().contains("nothing was compared"), "{report:#}");
}

#[test]
fn what_nobody_can_pay_is_held() {
    for (legacy, candidate) in [("'NaN'", "\"NaN\""), ("'Infinity'", "\"Infinity\""), ("'-inf'", "\"-inf\"")] {
        let project = Project::new(
            Engine::Sqlite,
            &[LEGACY[0], &format!("2, {legacy}, '2'")],
            &[CLEAN[0], &format!(r#"{{"id": 2, "net": {candidate}, "fee": 2}}"#)],
        );
        // Without a fixed type the text is read as it is.
        project.replace(
            "net = { type = \"decimal\", tolerance = \"0.01\", currency = \"KRW\" }",
            "net = { currency = \"KRW\" }",
        );
        project.run("CREATE TABLE numbers AS SELECT 1 AS id, 10 AS net, 1 AS fee");
        project.place.write("legacy.sql", "SELECT id, net, fee FROM payout WHERE paid_on = :day AND id = 2 UNION ALL SELECT id, net, fee FROM numbers\n");
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{legacy}: {report:#}");
        assert_eq!(report["decisions"]["held"], 1, "{legacy}: {report:#}");
    }
}

#[test]
fn a_report_replaces_nothing_that_recon_works_with() {
    let project = Project::new(Engine::Sqlite, &LEGACY, &CLEAN);
    for file in ["recon.toml", "core.db"] {
        let outcome = project.verify(&["--output", file, "--format", "json"]);
        assert_eq!(outcome.code, Some(2), "{file}: {outcome}");
    }
}

#[test]
fn a_negative_zero_is_nothing_in_every_place() {
    let candidate = [CLEAN[0], r#"{"id": 2, "net": {"$numberDecimal": "-0.0000"}, "fee": 2}"#];
    for file in ["decisions.parquet", "decisions.csv"] {
        let project = Project::new(Engine::Sqlite, &[LEGACY[0], "2, '-0.00', '2'"], &candidate);
        project.replace("store = \"core\"\ntable = \"payout_decision\"", &format!("file = \"{file}\""));
        let (report, code) = project.report(&[]);
        assert_eq!((report["verdict"].as_str(), code), (Some("clean"), Some(0)), "{file}: {report:#}");
    }
}

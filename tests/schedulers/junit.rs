//! `--format junit`: valid by the schema that Jenkins' xUnit plugin ships, counted right, and without a failure or error
//! exactly when the exit code is 0.

use std::process::Command;

use serde_json::Value as Json;

use crate::scene::{Candidate, Scene, python_tool, said, tool};
use crate::support::sqlite;

/// Validates XML against the schema, and gives back what stands in it: attributes of the suite, properties, and cases as
/// `class, name, element, message`.
const READ: &str = "
import json, sys
from lxml import etree
schema = etree.XMLSchema(etree.parse(sys.argv[1]))
tree = etree.fromstring(sys.stdin.buffer.read())
schema.validate(tree)
suites = tree.findall('testsuite')
json.dump({
    'wrong': [str(error) for error in schema.error_log],
    'all': dict(tree.attrib), 'suite': dict(suites[0].attrib), 'suites': len(suites),
    'properties': [[p.get('name'), p.get('value')] for p in tree.iter('property')],
    'cases': [[c.get('classname'), c.get('name'), *([c[0].tag, c[0].get('message')] if len(c) else ['pass', ''])] for c in tree.iter('testcase')],
}, sys.stdout)
";

struct Suite(Json);

impl Suite {
    /// Reads it, and holds it to the schema and to its own numbers.
    fn of(xml: &str) -> Suite {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), xml).expect("written");
        let output = Command::new(python_tool("python"))
            .args(["-c", READ])
            .arg(tool("SCHEDULERS").join("junit-10.xsd"))
            .stdin(std::fs::File::open(file.path()).expect("a file"))
            .output()
            .expect("python");
        assert!(output.status.success(), "{}\n{xml}", said(&output));
        let suite = Suite(serde_json::from_slice(&output.stdout).expect("JSON"));
        assert_eq!(suite.0["wrong"], serde_json::json!([]), "{xml}");
        for (attribute, element) in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
            let counted = suite.cases().iter().filter(|case| case[2] == element).count().to_string();
            assert_eq!(suite.0["suite"][attribute], counted.as_str(), "{attribute}: {xml}");
            if attribute != "skipped" {
                assert_eq!(suite.0["all"][attribute], counted.as_str(), "{attribute}: {xml}");
            }
        }
        let tests = suite.cases().len().to_string();
        assert_eq!(
            (&suite.0["suite"]["tests"], &suite.0["all"]["tests"]),
            (&tests.as_str().into(), &tests.as_str().into())
        );
        assert_eq!(suite.0["suites"], 1);
        let mut names: Vec<String> = suite.cases().iter().map(|case| format!("{} {}", case[0], case[1])).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), suite.cases().len(), "two cases have one name: {xml}");
        suite
    }

    fn cases(&self) -> Vec<[String; 4]> {
        serde_json::from_value(self.0["cases"].clone()).expect("cases")
    }

    /// How the case of a name ended, and its message.
    fn case(&self, name: &str) -> (String, String) {
        let found = self.cases().into_iter().find(|case| case[1] == name);
        let [_, _, element, message] = found.unwrap_or_else(|| panic!("no case {name}: {:#}", self.0));
        (element, message)
    }

    fn ended(&self, name: &str) -> String {
        self.case(name).0
    }

    fn property(&self, name: &str) -> String {
        let all: Vec<(String, String)> = serde_json::from_value(self.0["properties"].clone()).expect("properties");
        all.into_iter().find(|(one, _)| one == name).unwrap_or_else(|| panic!("no property {name}: {:#}", self.0)).1
    }

    fn is_green(&self) -> bool {
        self.cases().iter().all(|case| case[2] == "pass" || case[2] == "skipped")
    }
}

/// Verifies anew, and holds the suite to its law and to the JSON of the same run.
fn verify(scene: &Scene, more: &[&str]) -> (Suite, i32) {
    let day = format!("payout_date={}", scene.day());
    let words = ["verify", "payout", "--param", &day, "--by", "kim"];
    let run = scene.place.recon(&[&words[..], &["--again", "--format", "junit"], more].concat());
    let code = run.code.expect("a code");
    let suite = Suite::of(&run.stdout);
    assert_eq!(suite.is_green(), code == 0, "{run}");
    assert_eq!(suite.property("cycle"), format!("payout {day}"), "{run}");
    assert_eq!(format!("payout_date={}", suite.property("param.payout_date")), day);
    if code == 0 {
        // What the ledger remembers is the same suite.
        let found = scene.place.recon(&[&words[..], &["--format", "junit"]].concat());
        let again = Suite::of(&found.stdout);
        assert_eq!((again.cases(), again.property("found")), (suite.cases(), "true".to_owned()), "{found}");
        assert_eq!(again.property("run"), suite.property("run"));
    }
    (suite, code)
}

fn check(scene: &Scene, columns: &str, values: &str) {
    let sql = format!(
        "DELETE FROM recon_checks; INSERT INTO recon_checks (name, kind, query{columns}) VALUES ('too much', 'run', \
         'SELECT investor_id FROM decisions WHERE net > 4000'{values})"
    );
    sqlite(&scene.place.path().join("recon.db"), &sql);
}

#[test]
fn a_suite_is_green_exactly_when_the_exit_code_is_0() {
    let scene = Scene::new(Candidate::Right);
    let (suite, code) = verify(&scene, &[]);
    assert_eq!(
        (code, suite.property("verdict").as_str(), suite.0["suite"]["skipped"].as_str()),
        (0, "clean", Some("0"))
    );

    // One record differs, and legacy's value stands in: seen, and nobody is woken.
    sqlite(&scene.place.path().join("core.db"), "UPDATE payout_new SET net = net - 1 WHERE investor_id = 3");
    let (suite, code) = verify(&scene, &[]);
    assert_eq!((code, suite.property("verdict").as_str()), (0, "warned"));
    let (ended, message) = suite.case("investor_id=3 mismatch");
    assert_eq!(ended, "skipped");
    assert!(message.contains("net: legacy 3000, candidate 2999, difference -1"), "{message}");
    assert_eq!(suite.ended("column net agrees"), "skipped");
    assert_eq!(suite.ended("the decisions of net tie"), "pass");

    // The same, and it blocks.
    let (suite, code) = verify(&scene, &["--strict"]);
    assert_eq!((code, suite.property("verdict").as_str()), (1, "blocked"));
    for name in
        ["investor_id=3 mismatch", "column net agrees", &format!("payout payout_date={} may be paid", scene.day())]
    {
        assert_eq!(suite.ended(name), "failure", "{name}");
    }
    // Fewer are shown, all are counted.
    let (suite, code) = verify(&scene, &["--strict", "--limit", "0"]);
    assert_eq!((code, suite.0["suite"]["failures"].as_str()), (1, Some("2")));
    assert!(!suite.cases().iter().any(|case| case[1] == "investor_id=3 mismatch"));

    // What was decided laxly is asked for strictly.
    assert_eq!(verify(&scene, &[]).1, 0);
    let day = format!("payout_date={}", scene.day());
    let strictly = scene.place.recon(&["verify", "payout", "--param", &day, "--strict", "--format", "junit"]);
    assert!(strictly.code == Some(1) && !Suite::of(&strictly.stdout).is_green(), "{strictly}");

    // A retry is reported like a verification.
    let retry = scene.place.recon(&["retry", "payout", "--param", &day, "--by", "kim", "--format", "junit"]);
    assert_eq!((retry.code, Suite::of(&retry.stdout).is_green()), (Some(0), true), "{retry}");
}

#[test]
fn what_could_not_be_verified_is_an_error() {
    let scene = Scene::new(Candidate::Empty);
    let (suite, code) = verify(&scene, &[]);
    assert_eq!((code, suite.property("verdict").as_str()), (3, "incomplete"));
    let verdict = format!("payout payout_date={} may be paid", scene.day());
    assert_eq!((suite.ended(&verdict).as_str(), suite.ended("every record was compared").as_str()), ("error", "error"));
    // What holds for a part only is no pass.
    assert_eq!(suite.ended("no key stands twice"), "skipped");

    // A run that fails in the middle has a suite too.
    let scene = Scene::new(Candidate::Right);
    let sql = "[reconciliation.payout.population]\nstore = \"core\"\nquery = \"population.sql\"\n";
    scene.place.write("recon.toml", format!("{}{sql}", scene.place.read("recon.toml")));
    scene.place.write("population.sql", "SELECT COUNT(*) FROM nowhere");
    let (suite, code) = verify(&scene, &[]);
    // The query is wrong, and nobody can say that before it is asked.
    assert_eq!(code, 2);
    let verdict = format!("payout payout_date={} may be paid", scene.day());
    assert!(suite.case(&verdict).1.contains("nowhere"), "{:?}", suite.case(&verdict));
    // What was counted is not what is there.
    scene.place.write("population.sql", "SELECT COUNT(*) + 1 FROM payout WHERE payout_date = :payout_date");
    let (suite, code) = verify(&scene, &[]);
    assert_eq!((code, suite.ended(&verdict).as_str(), suite.property("coverage.expected").as_str()), (3, "error", "6"));
}

#[test]
fn each_check_is_a_test_case_with_its_outcome() {
    let scene = Scene::new(Candidate::Right);
    assert_eq!(scene.place.recon(&["ledger", "migrate"]).code, Some(0));
    for (columns, values, ended, code) in [
        ("", "", "failure", 1),
        (", error_if", ", '2'", "skipped", 0),
        (", severity", ", 'warn'", "skipped", 0),
        (", error_if, warn_if", ", '5', '3'", "pass", 0),
        (", expect", ", 'value <= 0'", "failure", 1),
        // Unknown: of severity error it is an error, else it only warns.
        (", store", ", 'core'", "error", 3),
        (", severity, store", ", 'warn', 'core'", "skipped", 0),
        (", enabled", ", FALSE", "skipped", 0),
        // Over-detection: it is not believed, and what it would have said was not looked at.
        (", max_flag_rate", ", '1%'", "error", 3),
    ] {
        check(&scene, columns, values);
        let (suite, found) = verify(&scene, &[]);
        assert_eq!((suite.ended("too much").as_str(), found), (ended, code), "{columns} {values}: {:#}", suite.0);
    }
}

#[test]
fn suites_of_diff_and_test_are_valid_and_counted_right_too() {
    let scene = Scene::new(Candidate::Wrong);
    scene.place.write("l.csv", "id,net,note\n1,10,a<b>&'\n2,20,\u{7}\n3,30,x\n3,31,y\n5,1,z\n");
    scene.place.write("c.csv", "id,net,note\n1,10.01,a<b>&'\n2,20,\u{7}\n3,30,x\n4,4,w\n");
    let diff = scene.place.recon(&["diff", "l.csv", "c.csv", "--key", "id", "--format", "junit"]);
    let suite = Suite::of(&diff.stdout);
    assert!(diff.code == Some(1) && suite.ended("id=1 mismatch") == "failure", "{diff}");
    let empty = scene.place.recon(&["diff", "l.csv", "l.csv", "--key", "id", "--where", "id > 9", "--format", "junit"]);
    assert!(empty.code == Some(3) && !Suite::of(&empty.stdout).is_green(), "{empty}");

    crate::github::cases(&scene);
    let test = scene.place.recon(&["test", "cases", "--format", "junit"]);
    assert!(test.code == Some(0) && Suite::of(&test.stdout).cases().len() == 12, "{test}");
    std::fs::remove_file(scene.place.path().join("cases/plain/decisions.csv")).expect("removed");
    let test = scene.place.recon(&["test", "cases", "--format", "junit"]);
    let suite = Suite::of(&test.stdout);
    assert!(test.code == Some(1) && suite.ended("plain") == "failure", "{test}");
}

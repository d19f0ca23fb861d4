//! `recon checks new`: what it makes is a check, of every kind.

use recon::checks::{Definition, FileForm};

use crate::{checks, done, json, place, place_with, refused, steady};

#[test]
fn every_kind_begins_as_a_check() {
    let _steady = steady();
    let place = place();
    for (kind, file) in
        [("sql", "a-sql.sql"), ("run", "a-run.sql"), ("rule", "a-rule.json"), ("pipeline", "a-pipeline.json")]
    {
        let name = format!("a-{kind}");
        let told = done(&place, &["new", &name, "--kind", kind, "--severity", "warn", "--stage", "decided"]);
        assert!(told.contains(&format!("checks/{file}: a check to begin with, switched off")), "{told}");
        let text = place.read(&format!("checks/{file}"));
        insta::assert_snapshot!(format!("new_{kind}"), text);
        let form = FileForm::of_ending(file.rsplit('.').next().unwrap()).expect("a form");
        let row = recon::checks::parse(form, &text).expect("a file").row;
        let definition = Definition::of(&row).expect("a check");
        assert!(!definition.enabled && definition.severity.name() == "warn" && definition.kind.name() == kind);
    }
    assert!(done(&place, &["push"]).contains("4 pushed"));
    let list = json(&place, &["list"]);
    assert!(
        list["checks"].as_array().unwrap().iter().all(|check| check["state"] == serde_json::json!(["off"])),
        "{list}"
    );
    refused(&place, 2, &["new", "a-sql"], &["checks/a-sql.sql is of the check `a-sql` already"]);
}

#[test]
fn a_check_begins_in_the_database() {
    let place = place();
    let told = done(&place, &["new", "net", "--kind", "rule", "--push", "--by", "kim", "--description", "no debts"]);
    assert!(told.contains("net: version 1 in the database, switched off"), "{told}");
    assert!(!place.path().join("checks").exists());
    let check = json(&place, &["show", "net"]);
    assert_eq!(
        (&check["updated_by"], &check["enabled"], &check["description"]),
        (&"kim".into(), &"false".into(), &"no debts".into())
    );
    refused(&place, 4, &["new", "net", "--kind", "rule", "--push"], &["there is a check `net` already"]);
}

#[test]
fn what_cannot_begin() {
    let place = place();
    for name in ["", ".net", "a b", "a/b", "-net"] {
        let outcome = checks(&place, &["new", "--kind", "run", "--", name]);
        assert!(outcome.code == Some(2) && outcome.stderr.contains("is no name for a check"), "{outcome}");
    }
    refused(&place, 2, &["new", "net", "--store", "cor"], &["there is no store `cor`"]);
    refused(&place, 2, &["new", "net", "--kind", "pipeline", "--store", "core"], &["a pipeline runs in MongoDB"]);
    refused(
        &place,
        2,
        &["new", "net", "--kind", "run", "--store", "core"],
        &["`store` has no meaning for the kind `run`"],
    );
    refused(&place, 2, &["new", "net", "--reconciliation", "pay"], &["there is no reconciliation `pay`"]);
    let place = place_with("[stores.other]\nurl = \"sqlite:other.db\"\n");
    refused(&place, 2, &["new", "net"], &["which store does it ask?", "`core`, `other`"]);
    assert!(!place.path().join("checks").exists());
}

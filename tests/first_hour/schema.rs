//! `recon schema`: the schemas fit what recon reads and writes, and refuse what it refuses.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value as Json, json};

use crate::support::{Outcome, Place};

/// A schema as the binary prints it. `closed`: what it does not name is refused, so that nothing that recon writes is
/// missing from it.
pub(crate) struct Schema(Schemas, SchemaIndex, String);

impl Schema {
    pub(crate) fn of(name: &str, closed: bool) -> Schema {
        let outcome = Place::new().recon(&["schema", name]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let mut schema: Json =
            serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        if closed {
            close(&mut schema);
        }
        let place = format!("memory:///{name}.json");
        let mut compiler = Compiler::new();
        compiler.add_resource(&place, schema).expect("a schema");
        let mut schemas = Schemas::new();
        let index = compiler.compile(&place, &mut schemas).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        Schema(schemas, index, name.to_owned())
    }

    fn refusal(&self, value: &Json) -> Option<String> {
        self.0.validate(value, self.1).err().map(|error| format!("{error:#}"))
    }

    pub(crate) fn takes(&self, value: &Json) {
        if let Some(error) = self.refusal(value) {
            panic!("{}: {error}\n{value:#}", self.2);
        }
    }

    fn refuses(&self, value: &Json) {
        assert!(self.refusal(value).is_some(), "{} takes {value:#}", self.2);
    }
}

fn close(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            if object.contains_key("properties")
                && object.get("properties").is_some_and(Json::is_object)
                && object.contains_key("type")
                && !object.contains_key("additionalProperties")
            {
                object.insert("additionalProperties".into(), json!(false));
            }
            object.values_mut().for_each(close);
        }
        Json::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn toml(text: &str) -> Json {
    serde_json::to_value(toml::from_str::<toml::Value>(text).expect("TOML")).expect("JSON")
}

fn json(outcome: &Outcome) -> Json {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

const P2P: &str = include_str!("../../fixtures/p2p/recon.toml");

#[test]
fn project_files_fit_their_schema_and_what_recon_refuses_does_not() {
    let schema = Schema::of("recon.toml", false);
    for text in [
        recon::config::REFERENCE,
        P2P,
        include_str!("../../fixtures/royalty/recon.toml"),
        include_str!("../../fixtures/merchant/recon.toml"),
    ] {
        schema.takes(&toml(text));
    }
    let good = toml(P2P);
    schema.takes(&good);
    // A key that nobody knows, at every table that there is.
    fn tables(value: &Json, at: &str, all: &mut Vec<String>) {
        if let Json::Object(object) = value {
            all.push(at.to_owned());
            for (key, value) in object {
                tables(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
            }
        }
    }
    let reference = toml(recon::config::REFERENCE);
    let mut all = Vec::new();
    tables(&reference, "", &mut all);
    // Tables whose keys are names that the user chooses.
    let named = |at: &str| {
        let last = at.rsplit('/').next().unwrap_or_default();
        let parent = at.rsplit('/').nth(1).unwrap_or_default();
        [
            "stores",
            "profiles",
            "reconciliation",
            "calendar",
            "params",
            "columns",
            "inputs",
            "fields",
            "headers",
            "stages",
        ]
        .contains(&last)
            && parent != "columns"
    };
    let mut tried = 0;
    for at in all.iter().filter(|at| !named(at)) {
        let mut wrong = reference.clone();
        let table = wrong.pointer_mut(at).and_then(Json::as_object_mut).expect("a table");
        table.insert("nobody_knows".into(), json!("x"));
        schema.refuses(&wrong);
        tried += 1;
    }
    assert!(tried > 25, "{tried}");
    for (at, value) in [
        ("/stores/core/url", json!("redis://x")),
        ("/reconciliation/payout/key", json!("investor_id")),
        ("/reconciliation/payout/columns/net/tolerance", json!(0.01)),
        ("/reconciliation/payout/columns/net/type", json!("money")),
        ("/reconciliation/payout/release/approvals", json!(-1)),
        ("/calendar/investors/business_day", json!("six")),
    ] {
        let mut wrong = good.clone();
        if let Some(place) = wrong.pointer_mut(at) {
            *place = value;
        } else {
            let (table, key) = at.rsplit_once('/').expect("a place");
            wrong.pointer_mut(table).and_then(Json::as_object_mut).expect(table).insert(key.into(), value);
        }
        schema.refuses(&wrong);
    }
}

#[test]
fn what_recon_writes_fits_its_schemas() {
    let place = Place::new();
    let demo = place.recon(&["demo", "p2p", "--records", "400", "--faults", "1%", "--keep", "project"]);
    assert!(demo.code == Some(0) || demo.code == Some(1), "{demo}");
    let pushed = place.recon(&["--config", "project/recon.toml", "checks", "push"]);
    assert_eq!(pushed.code, Some(0), "{pushed}");
    let cycle = ["payout", "--param", "window_from=2026-10-25", "--param", "window_to=2026-11-05"];
    let run = |words: &[&str], schema: &str| {
        let outcome = place.recon(&[&["--config", "project/recon.toml"], words, &["--format", "json"]].concat());
        let value = json(&outcome);
        Schema::of(schema, true).takes(&value);
        // A later recon may write more.
        let mut more = value.clone();
        if let Some(object) = more.as_object_mut() {
            object.insert("of_a_later_recon".into(), json!(1));
        }
        Schema::of(schema, false).takes(&more);
        value
    };
    let diff = run(&[&["diff"], &cycle[..]].concat(), "diff");
    assert!(!diff["discrepancies"].as_array().expect("discrepancies").is_empty(), "{diff:#}");
    let verify = run(&[&["verify"], &cycle[..], &["--by", "kim"]].concat(), "verify");
    assert!(verify["decisions"].is_object(), "{verify:#}");
    let id = verify["run"].as_str().expect("a run").to_owned();
    run(&[&["status"], &cycle[..]].concat(), "status");
    run(&["runs", "list"], "runs");
    run(&["runs", "show", &id], "run");
    run(&["runs", "verify-audit"], "audit");
    let logged = run(&["discrepancies", "list", "--run", &id], "discrepancies");
    let key = &logged["discrepancies"][0]["key"]["investor_id"];
    let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    run(&["discrepancies", "show", &id, &format!("investor_id={key}")], "discrepancy");
    run(&[&["release"], &cycle[..], &["--by", "lee"]].concat(), "release");
    run(&["canary", "status", "payout"], "canary");
    run(&["canary", "set", "payout", "--percent", "50", "--why", "a test", "--by", "kim"], "canary");
    run(&["ledger", "status"], "ledger");
    run(&["calendar", "list", "investors", "--from", "2026-11-01", "--to", "2026-11-30"], "calendar");
    run(&["doctor"], "doctor");
    let sql = place.read("project/candidate.sql").replacen("SELECT", "SELECT /* other */", 1);
    place.write("new.sql", sql);
    let words = ["impact", "payout", "--candidate-sql", "@new.sql", "--by", "investor_id"];
    run(&words, "impact");
    run(&["impact", "payout", "--check", "project/checks/net_is_the_sum.json"], "impact");
    run(&[&["checks", "run"], &cycle[1..]].concat(), "checks_run");
    run(&["checks", "try", "net_is_the_sum"], "checks_try");
    for state in ["a result", "a trip", "a deletion"] {
        run(&["checks", "list"], "checks");
        let shown = run(&["checks", "show", "net_is_the_sum"], "check");
        assert!(!shown["results"].as_array().expect("results").is_empty(), "{shown:#}");
        run(&["checks", "history", "net_is_the_sum"], "check-history");
        let ledger = place.path().join("project/recon.db");
        let guard = "UPDATE recon_checks SET max_flag_rate = '0%', query = '{\"ge\": [\"decision.net\", -1000]}', expect = NULL";
        let (edit, verify) = match state {
            "a result" => (guard, true),
            "a trip" => ("DELETE FROM recon_checks", true),
            _ => continue,
        };
        crate::support::sqlite(&ledger, edit);
        if verify {
            let later = ["payout", "--param", "window_from=2026-10-25", "--param", "window_to=2026-11-04"];
            let outcome =
                place.recon(&[&["--config", "project/recon.toml", "verify"], &later[..], &["--again"]].concat());
            assert_ne!(outcome.code, Some(2), "{outcome}");
        }
    }
}

#[test]
fn cases_fit_their_schemas_and_what_recon_refuses_does_not() {
    let (suite, case, line) =
        (Schema::of("suite.toml", false), Schema::of("case.toml", false), Schema::of("case", false));
    let mut seen = (0, 0, 0);
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let text = || std::fs::read_to_string(&path).expect("a text");
            match name.as_str() {
                _ if path.is_dir() => folders.push(path.clone()),
                "suite.toml" => (suite.takes(&toml(&text())), seen.0 += 1).1,
                "case.toml" => (case.takes(&toml(&text())), seen.1 += 1).1,
                _ if name.ends_with(".cases.ndjson") => {
                    for one in text().lines() {
                        line.takes(&serde_json::from_str(one).expect("JSON"));
                        seen.2 += 1;
                    }
                }
                _ => {}
            }
        }
    }
    assert!(seen.0 >= 3 && seen.1 + seen.2 >= 40, "{seen:?}");
    let good = json!({"why": "a fee", "expect": {"verdict": "clean"}});
    case.takes(&good);
    for (key, value) in [
        ("why", Json::Null),
        ("percent", json!(101)),
        ("params", json!({"rate": 0.1})),
        ("expect", json!({"verdict": "fine"})),
        ("tables", json!({"core": {"t": {"columns": {"net": "decimal(39,2)"}}}})),
        ("tables", json!({"core": {"t": {"columns": {"net": "money"}}}})),
        ("nobody_knows", json!(1)),
    ] {
        let mut wrong = good.clone();
        wrong[key] = value;
        case.refuses(&wrong);
    }
    line.refuses(&good);
    suite.refuses(&json!({"sqlite_decimals": "float"}));
}

#[test]
fn every_schema_compiles_and_a_wrong_name_is_answered() {
    let place = Place::new();
    let list = place.recon(&["schema"]);
    assert_eq!(list.code, Some(0), "{list}");
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 24 && names.contains(&"recon.toml") && names.contains(&"rule"), "{list}");
    for name in &names {
        Schema::of(name, false);
    }
    let shipped = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas")).expect("schemas");
    for file in shipped {
        let name = file.expect("a file").file_name().into_string().expect("UTF-8");
        assert!(names.contains(&name.trim_end_matches(".json")), "{name} is never printed");
    }
    let rule = Schema::of("rule", false);
    rule.takes(&json!({"gt": ["candidate.net", 0]}));
    rule.refuses(&json!({"greater": ["candidate.net", 0]}));
    assert_eq!(place.recon(&["schema", "recon.verify/1"]).code, Some(0));
    let wrong = place.recon(&["schema", "verfy"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("verify"), "{wrong}");
}

//! Project files that must and must not parse, with the exact text of each refusal.

use std::path::Path;

use super::*;
use crate::domain::ColumnType;

fn env(name: &str) -> Option<String> {
    match name {
        "CORE_PASSWORD" => Some("hunter2".into()),
        "CHECKER_PASSWORD" | "LEDGER_PASSWORD" => Some("correct horse".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Project, ConfigError> {
    parse_as(text, None)
}

fn parse_as(text: &str, profile: Option<&str>) -> Result<Project, ConfigError> {
    Project::parse(Path::new("recon.toml"), text.to_owned(), profile, &env)
}

/// A small valid file.
const SMALL: &str = r#"
[stores.core]
url = "sqlite:core.db"
[reconciliation.payout]
key = ["id"]
legacy = { store = "core", table = "old" }
candidate = { store = "core", table = "new" }
"#;

fn small(with: &str) -> String {
    format!("{SMALL}{with}\n")
}

#[test]
fn the_reference_parses_and_says_what_it_says() {
    let project = parse(REFERENCE).expect("the reference");
    assert_eq!(project.stores["core"].kind, StoreKind::MySql);
    assert_eq!(project.stores["core"].url.expose(), "mysql://recon:hunter2@127.0.0.1:3306/p2p");
    assert!(project.checks.approval && project.checks.masks.hide("account_no") && !project.checks.masks.hide("net"));
    assert_eq!((project.checks.concurrency, project.checks.samples, project.checks.rows), (4, 5, 100_000));
    let payout = project.reconciliation("payout").expect("payout");
    let names: Vec<_> = payout.key.iter().map(|k| (k.legacy.as_str(), k.candidate.as_str())).collect();
    assert_eq!(names, [("investor_id", "investor_id"), ("currency", "ccy")]);
    assert_eq!(payout.params, [("payout_date".to_owned(), ParamType::Date)]);
    let net = payout.column("net").expect("net");
    assert_eq!(net.column_type, Some(ColumnType::Decimal));
    assert!(net.tolerance.as_ref().expect("tolerance").is_zero() && net.compare);
    assert_eq!(payout.column("fee").expect("fee").name.candidate, "amount.fee");
    assert!(!payout.column("memo").expect("memo").compare);
    let stages: Vec<String> = payout.machine.states().iter().skip(9).map(ToString::to_string).collect();
    assert_eq!(stages, ["messages_prepared", "payment_requested", "paid", "returned"]);
    let Origin::Store { store, what: What::Query(queries) } = &payout.legacy.origin else { panic!("legacy") };
    assert_eq!(store, "core");
    assert_eq!(queries.of(StoreKind::MySql).expect("query").path, Path::new("payout/legacy.mysql.sql"));
    assert_eq!(payout.legacy.partitions, Some(Partitions { column: "investor_id".into(), count: 4 }));
    assert!(
        matches!(&payout.candidate.origin, Origin::Store { what: What::Pipeline { collection, .. }, .. } if collection == "payouts")
    );
    assert!(payout.candidate.condition.is_some());
    assert_eq!(payout.policy, Policy::default());
    assert_eq!(payout.canary.percent, 100);
    assert_eq!(payout.canary.max_discrepancy_rate.as_ref().map(ToString::to_string).as_deref(), Some("0.5"));
    let royalty = project.reconciliation("royalty").expect("royalty");
    let Origin::Sql { inputs, .. } = &royalty.candidate.origin else { panic!("royalty") };
    assert_eq!(inputs.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["holdings", "plays"]);
    assert_eq!(inputs[0].unwind.as_deref(), Some("shares"));
    let fields: Vec<_> = inputs[0].fields.iter().map(|f| (f.name.as_str(), f.path.as_str(), f.column_type)).collect();
    assert_eq!(fields, [("holder", "shares.holder", None), ("share", "shares.percent", Some(ColumnType::Decimal))]);
    let settlement = project.reconciliation("settlement").expect("settlement");
    let Origin::Command { settings, records, reference } = &settlement.candidate.origin else { panic!("settlement") };
    assert_eq!((settings.arguments.len(), settings.timeout), (3, Some(std::time::Duration::from_secs(60))));
    assert_eq!((records.name.as_str(), reference.len()), ("transactions", 1));
    let unknown = project.reconciliation("payuot").expect_err("unknown");
    assert_eq!(
        unknown.to_string(),
        "recon.toml: there is no reconciliation `payuot`; there are: `payout`, `royalty`, `settlement`"
    );
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `payout`?"));
}

#[test]
fn no_password_is_ever_printed() {
    let project = parse(REFERENCE).expect("the reference");
    let printed = format!("{project:?} {}", project.stores["core"].url);
    assert!(!printed.contains("hunter2") && !printed.contains("correct horse"), "{printed}");
    for text in [
        "[stores.core]\nurl = \"mysq://u:${CORE_PASSWORD}@h/db\"",
        "[stores.core]\nurl = \"mysql://u:${CORE_PASSWORD}@h/db#t\"",
        "[stores.core]\nurl = \"${CORE_PASSWORD}\"",
        "[ledger]\nurl = \"mongodb://u:${CORE_PASSWORD}@h/db\"",
        &small("[checks]\napproval = \"x ${CORE_PASSWORD}\""),
        &small("params = 1\n[reconciliation.payout.columns]\nnet = { tolerance = \"${CORE_PASSWORD}\" }"),
        &small("[reconciliation.payout.columns]\nnet = { tolerance = \"${CORE_PASSWORD}\" }"),
        &small("[reconciliation.payout.columns]\nnet = { type = \"${CORE_PASSWORD}\" }"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_profile_is_laid_over_and_needs_only_its_own_variables() {
    let text = small(
        "[profiles.ci.stores.core]\nurl = \"sqlite:ci.db\"\n[profiles.far.stores.core]\nurl = \"mysql://${FAR}/db\"\n",
    );
    let plain = parse(&text).expect("no profile");
    assert_eq!(plain.stores["core"].url.expose(), "sqlite:core.db");
    let ci = parse_as(&text, Some("ci")).expect("ci");
    assert_eq!(ci.stores["core"].url.expose(), "sqlite:ci.db");
    assert!(ci.reconciliation("payout").is_ok());
    let far = parse_as(&text, Some("far")).expect_err("far");
    assert_eq!(far.to_string(), "recon.toml:11:16: the environment variable `FAR` is not set");
    let none = parse_as(&text, Some("cl")).expect_err("cl");
    assert_eq!(none.to_string(), "recon.toml: there is no profile `cl`; there are: `ci`, `far`");
}

#[test]
fn variables_are_replaced_once_and_escapes_are_kept() {
    let text = small("[stores.x]\nurl = \"mysql://u:$${A}${CORE_PASSWORD}${EMPTY}$@h/db\"");
    assert_eq!(parse(&text).expect("parses").stores["x"].url.expose(), "mysql://u:${A}hunter2$@h/db");
    let twice = |name: &str| (name == "A").then(|| "${B}".to_owned());
    let text = small("[stores.x]\nurl = \"mysql://${A}/db\"");
    let project = Project::parse(Path::new("recon.toml"), text, None, &twice).expect("parses");
    assert_eq!(project.stores["x"].url.expose(), "mysql://${B}/db");
}

#[test]
fn names_of_files_are_relative_to_the_project_file() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("recon.toml");
    let text = small(
        "[reconciliation.b]\nkey = [\"id\"]\nlegacy = { store = \"core\", query = \"q.sql\" }\ncandidate = { store = \"core\", query = { mysql = \"no.sql\" } }\n[stores.lake]\nurl = \"file:data\"\n[stores.abs]\nurl = \"sqlite:///tmp/x.db\"",
    );
    std::fs::write(&path, text).expect("written");
    std::fs::write(folder.path().join("q.sql"), "SELECT 1").expect("written");
    let project = Project::load(&path, None, &env).expect("loads");
    assert_eq!(project.stores["lake"].url.expose(), format!("file:{}/data", folder.path().display()));
    assert_eq!(project.stores["abs"].url.expose(), "sqlite:///tmp/x.db");
    assert_eq!(project.ledger.expose(), format!("sqlite:{}/recon.db", folder.path().display()));
    let b = project.reconciliation("b").expect("b");
    let Origin::Store { what: What::Query(legacy), .. } = &b.legacy.origin else { panic!("query") };
    assert_eq!(legacy.of(StoreKind::Sqlite).expect("one for all").read().expect("text"), "SELECT 1");
    let Origin::Store { what: What::Query(candidate), .. } = &b.candidate.origin else { panic!("query") };
    let error = candidate.of(StoreKind::Sqlite).expect_err("no query for it");
    assert_eq!(error.position, Some((11, 39)));
    assert_eq!(error.what, "there is no query for sqlite, only for `mysql`");
    let error = candidate.of(StoreKind::MySql).expect("named").read().expect_err("no such file");
    assert!(error.to_string().contains("recon.toml:11:49: cannot use `") && error.what.contains("no.sql"), "{error}");
    let missing = Project::load(&folder.path().join("none.toml"), None, &env).expect_err("missing");
    assert!(missing.position.is_none() && missing.what.starts_with("cannot read the project file"));
}

#[test]
fn files_that_must_parse() {
    for text in [
        "",
        SMALL,
        "[calendar.kr]\nbase_days = [5, 15, 25]\nbusiness_day = 6\ntimezone = \"Asia/Seoul\"\nholidays = [\"korea\"]",
        &small("[reconciliation.payout.policy]\nmismatch = \"block\"\ncandidate_only = \"block\""),
        &small("[reconciliation.payout.decisions]\nfile = \"out/d.parquet\""),
        &small("[reconciliation.payout.canary]\npercent = 0\nmax_discrepancy_rate = \"100 %\""),
    ] {
        if let Err(error) = parse(text) {
            panic!("{error}\n{text}");
        }
    }
}

#[test]
fn files_that_must_not_parse() {
    let path = |legacy: &str| {
        format!(
            "[stores.core]\nurl = \"sqlite:core.db\"\n[reconciliation.p]\nkey = [\"id\"]\ncandidate = {{ store = \"core\", table = \"t\" }}\n[reconciliation.p.legacy]\n{legacy}\n"
        )
    };
    let column = |text: &str| small(&format!("[reconciliation.payout.columns]\n{text}"));
    let key = |text: &str| SMALL.replace("key = [\"id\"]", text);
    let cases: Vec<(&str, String)> = vec![
        ("no TOML", "[stores.core\nurl = 1".into()),
        ("text without an end", "[stores.core]\nurl = \"sqlite:".into()),
        ("duplicate key", "[ledger]\nurl = \"sqlite:a\"\nurl = \"sqlite:b\"".into()),
        ("duplicate table", "[ledger]\nurl = \"sqlite:a\"\n[ledger]\nurl = \"sqlite:b\"".into()),
        ("unknown section", "[store.core]\nurl = \"sqlite:a\"".into()),
        ("unknown key of a store", "[stores.core]\nurl = \"sqlite:a\"\npasword = \"x\"".into()),
        ("store without a URL", "[stores.core]\ncheck_url = \"sqlite:a\"".into()),
        ("URL of a wrong type", "[stores.core]\nurl = 3306".into()),
        ("URL of no store", "[stores.core]\nurl = \"oracle://u:secret@h/db\"".into()),
        ("URL with a table", "[stores.core]\nurl = \"mysql://h/db#orders\"".into()),
        ("another store for checks", "[stores.core]\nurl = \"mysql://h/db\"\ncheck_url = \"sqlite:a\"".into()),
        ("ledger in MongoDB", "[ledger]\nurl = \"mongodb://h/db\"".into()),
        ("variable that is not set", "# Wörter\n[stores.core]\nurl = \"mysql://ü:${NOT_SET}@h/db\"".into()),
        ("variable without a name", "[stores.core]\nurl = \"mysql://${1x}@h/db\"".into()),
        ("variable without an end", "[stores.core]\nurl = \"mysql://${CORE_PASSWORD\"".into()),
        ("unknown key of a profile", "[profiles.ci.store.core]\nurl = \"sqlite:a\"".into()),
        ("profiles that are no table", "profiles = 1".into()),
        ("reconciliation without a key", key("")),
        ("empty key", key("key = []")),
        ("key that is a text", key("key = \"id\"")),
        ("key column twice", key("key = [\"id\", \"ccy\", \"id\"]")),
        ("key column without a name", key("key = [\"id\", \"=\"]")),
        ("reconciliation without a candidate", SMALL.replace("candidate", "canidate")),
        ("unknown key of a reconciliation", small("columms = {}")),
        ("unknown type of a parameter", small("params = { d = \"dat\" }")),
        ("name of a parameter", small("params = { \"payout-date\" = \"date\" }")),
        ("reserved parameter", small("params = { partition = \"integer\" }")),
        ("tolerance as a float", column("net = { tolerance = 0.01 }")),
        ("tolerance that is none", column("net = { tolerance = \"a bit\" }")),
        ("negative tolerance", column("net = { tolerance = \"-1\" }")),
        ("tolerance of text", column("memo = { type = \"text\", tolerance = \"1\" }")),
        ("unknown type", column("net = { type = \"decimals\" }")),
        ("unknown key of a column", column("net = { tolerence = \"1\" }")),
        ("currency", column("net = { currency = \"won\" }")),
        ("key column left out", column("id = { compare = false }")),
        ("key column with a tolerance", column("id = { tolerance = \"1\" }")),
        ("key column renamed", column("id = { candidate = \"_id\" }")),
        ("path from nowhere", path("partitions = { column = \"id\", count = 2 }")),
        ("unknown store", path("store = \"cor\"\ntable = \"t\"")),
        ("unknown store, none like it", path("store = \"warehouse\"\ntable = \"t\"")),
        ("store alone", path("store = \"core\"")),
        ("table and query", path("store = \"core\"\ntable = \"t\"\nquery = \"q.sql\"")),
        ("table and collection", path("store = \"core\"\ntable = \"t\"\ncollection = \"c\"")),
        ("pipeline over nothing", path("store = \"core\"\npipeline = \"p.json\"")),
        ("query and pipeline", path("store = \"core\"\nquery = \"q.sql\"\npipeline = \"p.json\"")),
        ("query in place", path("store = \"core\"\nquery = \"SELECT 1\\nFROM t\"")),
        ("path that is a URL", SMALL.replace("{ store = \"core\", table = \"old\" }", "\"mysql://u:secret@h/db#t\"")),
        ("query of a wrong type", path("store = \"core\"\nquery = [\"q.sql\"]")),
        ("query without a file", path("store = \"core\"\nquery = {}")),
        ("unknown dialect", path("store = \"core\"\nquery = { postgresql = \"q.sql\" }")),
        ("unknown key of a path", path("store = \"core\"\ntabel = \"t\"")),
        ("condition", path("store = \"core\"\ntable = \"t\"\nwhere = \"net >\"")),
        ("no partitions", path("store = \"core\"\ntable = \"t\"\npartitions = { column = \"id\", count = 0 }")),
        ("SQL without inputs", path("sql = \"p.sql\"")),
        ("SQL and a store", path("sql = \"p.sql\"\nstore = \"core\"")),
        ("SQL and a table", path("sql = \"p.sql\"\ntable = \"t\"")),
        (
            "inputs beside a store",
            path("store = \"core\"\ntable = \"t\"\ninputs.a = { store = \"core\", table = \"t\" }"),
        ),
        ("input of an unknown store", path("sql = \"p.sql\"\ninputs.a = { store = \"none\", table = \"t\" }")),
        ("no command", path("command = []\ninputs.a = { store = \"core\", table = \"t\" }")),
        ("percent", small("[reconciliation.payout.canary]\npercent = 101")),
        ("rate", small("[reconciliation.payout.canary]\nmax_discrepancy_rate = \"0.5\"")),
        ("policy without a legacy value", small("[reconciliation.payout.policy]\ncandidate_only = \"legacy\"")),
        ("unknown policy", small("[reconciliation.payout.policy]\nmissmatch = \"hold\"")),
        ("decisions to two places", small("[reconciliation.payout.decisions]\nstore = \"core\"\nfile = \"d.csv\"")),
        (
            "population of an unknown store",
            small("[reconciliation.payout.population]\nstore = \"x\"\nquery = \"q.sql\""),
        ),
        ("stages: no name of a state", small("[reconciliation.payout.stages]\nreleased = [\"Paid\"]")),
        ("stages: not of payment", small("[reconciliation.payout.stages]\ndecided = [\"paid\"]")),
        ("stages: back to the built-in", small("[reconciliation.payout.stages]\nreleased = [\"paid\", \"blocked\"]")),
        (
            "stages: cut off",
            small("[reconciliation.payout.stages]\nreleased = [\"payment_requsted\"]\npayment_requested = [\"paid\"]"),
        ),
        ("stages: never begun", small("[reconciliation.payout.stages]\npayment_requested = [\"paid\"]")),
        ("stages: a circle", small("[reconciliation.payout.stages]\nreleased = [\"a\"]\na = [\"b\"]\nb = [\"a\"]")),
        ("stages: twice", small("[reconciliation.payout.stages]\nreleased = [\"paid\", \"paid\"]")),
        ("stages: no step", small("[reconciliation.payout.stages]\nreleased = []")),
        ("stages: no list", small("[reconciliation.payout.stages]\nreleased = \"paid\"")),
        ("negative approvals", small("[reconciliation.payout.release]\napprovals = -1")),
        ("approval of a wrong type", small("[checks]\napproval = \"yes\"")),
        ("no check at a time", small("[checks]\nconcurrency = 0")),
        ("a mask that is none", small("[checks]\nmask = [\"phone\", \"a***[\"]")),
    ];
    let mut all = String::new();
    for (name, text) in cases {
        let error = parse(&text).expect_err(name);
        all.push_str(&format!("{name}\n  {error}\n"));
        if let Some(hint) = error.hint {
            all.push_str(&format!("  hint: {hint}\n"));
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn inputs_that_cannot_be_right_are_refused_where_they_stand() {
    let with = |path: &str, input: &str| {
        format!(
            "[stores.core]\nurl = \"sqlite:core.db\"\n[reconciliation.payout]\nkey = [\"id\"]\nparams = {{ day = \"date\" }}\n\
             legacy = {{ store = \"core\", table = \"old\" }}\n[reconciliation.payout.candidate]\n{path}\n\
             [reconciliation.payout.candidate.inputs.plays]\nstore = \"core\"\ntable = \"plays\"\n{input}\n"
        )
    };
    let second = "[reconciliation.payout.candidate.inputs.rates]\nstore = \"core\"\ntable = \"rates\"";
    let cases = [
        ("sql = \"a.sql\"", "filter = \"day > :dya\"", "there is no parameter `:dya`"),
        ("sql = \"a.sql\"", "filter = \"day >\"", "cannot be used as a condition"),
        ("sql = \"a.sql\"", "unwind = \"items\"", "`unwind` needs `fields`"),
        ("sql = \"a.sql\"", "fields = []", "`fields` is empty"),
        ("sql = \"a.sql\"", "fields = [\"a.x\", \"b.x\"]", "two fields are named `x`"),
        ("sql = \"a.sql\"", "fields = { x = { path = \"a\", type = \"money\" } }", "money"),
        ("sql = \"a.sql\"\nrecords = \"plays\"", "", "SQL names its inputs itself"),
        ("command = [\"calc\"]\nrecords = \"playz\"", "", "there is no input `playz`"),
        ("command = [\"calc\"]\ntimeout = \"soon\"", "", "is not a time"),
        ("command = [\"\"]", "", "names no program"),
        ("http = { url = \"http://h\", batch = 0 }", "", "`batch` is from 1"),
        ("http = { url = \"http://h\", headers = { \"X Y\" = \"hunter2\" } }", "", "`X Y` is no name of a header"),
        ("http = { url = \"http://h\", headers = { Host = \"hunter2\" } }", "", "`Host` is recon's own"),
        (
            "http = { url = \"http://h\", headers = { A = \"hunter2\\n\" } }",
            "",
            "the value of the header `A` cannot be sent",
        ),
        ("http = { url = \"http://h\", headers = { A = \"hunter2\", a = \"x\" } }", "", "`a` stands twice"),
        ("http = { url = \"http://h\", headers = { A = 4711 } }", "", "must be a text in quotes"),
        ("http = { url = \"http://h\", headers = { A = [\"hunter2\"] } }", "", "must be a text in quotes"),
        ("http = { url = \"http://h\", headers = { A = \"${CORE_PASSWORD} \" } }", "", "the value of the header `A`"),
        ("command = [\"calc\"]", second, "which of the inputs is asked for"),
    ];
    for (path, input, what) in cases {
        let error = parse(&with(path, input)).expect_err(what).to_string();
        assert!(error.contains(what) && error.starts_with("recon.toml:"), "{what}: {error}");
        assert!(!error.contains("hunter2") && !error.contains("4711"), "{error}");
    }
    assert!(parse(&with("sql = \"a.sql\"", "filter = \"day > :day\"\nfields = [\"a.x\"]")).is_ok());
    // Neither the settings nor the text that a run keeps show what is secret of an API, from the environment or not.
    let http = "http = { url = \"https://payer:hunter2@h/s?token=hunter2\", headers = { Authorization = 'Bearer hunter2', B = \"x ${CORE_PASSWORD}\" }, batch = 7 }";
    let project = parse(&with(http, "")).expect("headers");
    assert!(!format!("{project:?}").contains("hunter2"), "{project:?}");
    let kept =
        "http = { url = \"https://payer:***@h/s?***\", headers = { Authorization = \"***\", B = \"***\" }, batch = 7 }";
    assert!(project.text.contains(kept), "{}", project.text);
    let table: toml::Table = toml::from_str(&project.text).expect("still TOML");
    assert!(table.contains_key("reconciliation"));
    let path = &project.reconciliation("payout").expect("it is there").candidate;
    let Origin::Http { settings, .. } = &path.origin else { panic!("{path:?}") };
    let sent: Vec<(&str, &str)> =
        settings.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(sent, [("Authorization", "Bearer hunter2"), ("B", "x hunter2")]);
}

#[test]
fn a_profile_that_replaces_a_store_replaces_its_accounts() {
    let text = "[stores.core]\nurl = \"mysql://a@h/d\"\ncheck_url = \"mysql://b@h/d\"\n[profiles.ci.stores.core]\nurl = \"sqlite:ci.db\"\n";
    let project = parse_as(text, Some("ci")).expect("the check account of the other store is not meant");
    assert_eq!(project.stores["core"].check_url, None);
}

//! `recon init`: from an empty folder to a verified cycle by what it prints.

use mongodb::bson::{Bson, doc};
use serde_json::Value as Json;

use crate::schema::Schema;
use crate::support::{Outcome, Place, database_url, run_sql, server_url, sqlite, unique_name};

/// Runs the commands that `recon init` printed below `Next:`, in their order.
pub fn follow(place: &Place, init: &Outcome) -> Vec<Outcome> {
    let next = init.stdout.split("Next:\n").nth(1).unwrap_or_else(|| panic!("no next step: {init}"));
    let mut folder = String::new();
    let mut outcomes = Vec::new();
    for line in next.lines().map(str::trim) {
        if let Some(to) = line.strip_prefix("cd ") {
            folder = to.to_owned();
        } else if let Some(words) = line.strip_prefix("recon ") {
            let mut command = place.command();
            command.current_dir(place.path().join(&folder)).args(words.split_whitespace());
            let output = command.output().expect("recon ran");
            outcomes.push(Outcome {
                code: output.status.code(),
                stdout: String::from_utf8(output.stdout).expect("UTF-8"),
                stderr: String::from_utf8(output.stderr).expect("UTF-8"),
            });
        } else {
            assert!(line.starts_with("export "), "an unknown step: {line}");
        }
    }
    outcomes
}

#[test]
fn without_arguments_a_sample_is_written_whose_first_comparison_works() {
    let place = Place::new().env("USER", "kim");
    let init = place.recon(&["init", "demo", "--yes"]);
    assert_eq!(init.code, Some(0), "{init}");
    let [doctor, pushed, diff, verify] = follow(&place, &init).try_into().expect("four commands");
    assert_eq!(pushed.code, Some(0), "{pushed}");
    assert_eq!(doctor.code, Some(0), "{doctor}");
    assert_eq!(diff.code, Some(1), "{diff}");
    assert!(diff.stdout.contains("77097") && diff.stdout.contains("77087"), "{diff}");
    assert_eq!(verify.code, Some(0), "warned: {verify}");
    assert!(verify.stdout.contains("WARNED"), "{verify}");
    let decided = place.read("demo/decisions/payout.csv");
    assert!(decided.lines().count() == 11 && decided.contains("77097") && !decided.contains("77087"), "{decided}");
    // The file of decisions is of one cycle: where there are parameters, they stand in its name.
    let project = place.read("demo/recon.toml");
    let wanted = "file = \"decisions/payout.csv\"    # a file is of one cycle; with params: \"decisions/payout-{payout_date}.csv\"";
    assert!(project.contains(wanted), "{project}");
    let project = project
        .replace(wanted, "file = \"decisions/payout-{payout_date}.csv\"")
        .replace("# params = { payout_date", "params = { payout_date");
    place.write("demo/cycles.toml", project);
    for day in ["2026-10-15", "2026-11-15"] {
        let param = format!("payout_date={day}");
        let verify = place.recon(&["--config", "demo/cycles.toml", "verify", "payout", "--param", &param]);
        assert_eq!(verify.code, Some(0), "{verify}");
        assert!(place.path().join(format!("demo/decisions/payout-{day}.csv")).exists());
    }
    // A second time nothing is touched.
    let before = place.read("demo/recon.toml");
    let again = place.recon(&["init", "demo", "--yes"]);
    assert_eq!(again.code, Some(2), "{again}");
    assert_eq!(place.read("demo/recon.toml"), before);
    std::fs::remove_file(place.path().join("demo/recon.toml")).unwrap();
    let data = std::fs::read(place.path().join("demo/sample.db")).unwrap();
    let again = place.recon(&["init", "demo", "--yes"]);
    assert!(again.code == Some(2) && again.stderr.contains("sample.db is there already"), "{again}");
    assert!(data == std::fs::read(place.path().join("demo/sample.db")).unwrap());
    assert!(!place.path().join("demo/recon.toml").exists());
}

#[test]
fn from_a_mariadb_table_and_a_collection_to_a_verified_cycle() {
    let name = unique_name("init");
    run_sql(
        &server_url("MYSQL"),
        &format!(
            "CREATE DATABASE {name}; CREATE TABLE {name}.payout (investor_id INT PRIMARY KEY, net DECIMAL(20,2) NOT NULL, \
             fee DECIMAL(20,2), memo VARCHAR(20), tax DECIMAL(20,2)); INSERT INTO {name}.payout VALUES (1, 10.00, 1, 'a', 1), (2, 20.50, 2, 'b', 1), (3, 30.25, 3, 'c', 1); \
             CREATE USER '{name}'@'%' IDENTIFIED BY 's3cr3t'; GRANT SELECT ON {name}.* TO '{name}'@'%'"
        ),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(database_url("MONGODB", &name)).await.unwrap();
        let amount = |text: &str| Bson::Decimal128(text.parse().unwrap());
        let documents = [(1, "10.00"), (2, "20.50"), (3, "30.26")]
            .map(|(id, net)| doc! { "_id": id, "net": amount(net), "fee": amount(&id.to_string()), "extra": true, "amount": { "tax": amount("1.00") } });
        client.database(&name).collection("payouts").insert_many(documents).await.unwrap();
    });
    let place = Place::new().env("USER", "kim").env("RECON_LEGACY_PASSWORD", "s3cr3t");
    let mysql = database_url("MYSQL", &name).replace("root@", &format!("{name}:s3cr3t@"));
    let mongo = database_url("MONGODB", &name);

    // What is not said is asked for, or named where nobody can be asked.
    let which = place.recon(&["init", "--legacy", &mysql, "--candidate", &format!("{mongo}#payouts")]);
    assert!(which.code == Some(2) && which.stderr.contains("there are: payout"), "{which}");
    let one = place.recon(&["init", "--legacy", &format!("{mysql}#payout")]);
    assert!(one.code == Some(2) && one.stderr.contains("--candidate"), "{one}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "something was written");

    let init =
        place.recon(&["init", "--legacy", &format!("{mysql}#payout"), "--candidate", &format!("{mongo}#payouts")]);
    assert_eq!(init.code, Some(0), "{init}");
    assert!(init.stdout.contains("investor_id=_id"), "{init}");
    assert!(init.stdout.contains("compared  net, fee, tax=amount.tax\n"), "{init}");
    assert!(init.stdout.contains("memo (legacy only), extra (candidate only)"), "{init}");
    let project = place.read("recon.toml");
    assert!(!format!("{init}{project}").contains("s3cr3t"), "{init}{project}");
    assert!(
        project.contains("${RECON_LEGACY_PASSWORD}") && project.contains("net = { type = \"decimal\" }"),
        "{project}"
    );
    let check: Json = serde_json::from_str(&place.read("checks/payout-not-negative.json")).expect("JSON");
    assert_eq!(check["rule"]["flag"]["lt"][0], "decision.net");
    assert_eq!(check["rule"]["where"]["ne"][0], "decision.source");
    Schema::of("rule", false).takes(&check["rule"]);

    assert!(init.stdout.contains("# the password, percent-encoded (% is %25)"), "{init}");
    // Neither side's query leaves out what is not compared: reports list it.
    assert!(place.read("payout/legacy.sql").contains("`memo`"));
    assert!(!place.read("payout/candidate.json").contains("$project"));
    let [doctor, pushed, diff, verify] = follow(&place, &init).try_into().expect("four commands");
    assert_eq!(pushed.code, Some(0), "{pushed}");
    assert_eq!(doctor.code, Some(0), "{doctor}");
    assert!(doctor.stdout.contains("its query gives 5 columns; it is prepared and not run"), "{doctor}");
    assert!(doctor.stdout.contains("`payouts` is there"), "{doctor}");
    assert_eq!(diff.code, Some(1), "{diff}");
    assert!(diff.stdout.contains("memo") && diff.stdout.contains("extra"), "{diff}");
    assert!(diff.stdout.contains("30.25") && diff.stdout.contains("30.26"), "{diff}");
    assert_eq!(verify.code, Some(0), "{verify}");
    let decided = place.read("decisions/payout.csv");
    assert!(decided.lines().count() == 4 && decided.contains("30.25") && !decided.contains("30.26"), "{decided}");
}

#[test]
fn keys_are_seen_in_every_sql_store_and_files_are_sides_too() {
    let name = unique_name("init");
    run_sql(&server_url("POSTGRES"), &format!("CREATE DATABASE {name}"));
    let postgres = database_url("POSTGRES", &name);
    run_sql(
        &postgres,
        "CREATE TABLE settlement (row_id INT PRIMARY KEY, merchant INT NOT NULL, currency TEXT NOT NULL, note TEXT UNIQUE, net NUMERIC, \
         UNIQUE (merchant, currency)); INSERT INTO settlement VALUES (1, 7, 'KRW', 'x', 100), (2, 7, 'USD', 'y', 1.5)",
    );
    let place = Place::new().env("USER", "kim");
    place.write("data/settled.csv", "merchant,currency,net\n7,KRW,100\n7,USD,1.50\n");
    let init = place.recon(&[
        "init",
        "project",
        "--legacy",
        &format!("{postgres}#settlement"),
        "--candidate",
        "data/settled.csv",
        "--name",
        "merchants",
    ]);
    assert_eq!(init.code, Some(0), "{init}");
    assert!(init.stdout.contains("key       merchant,currency"), "{init}");
    let [doctor, pushed, diff, verify] = follow(&place, &init).try_into().expect("four commands");
    assert_eq!(pushed.code, Some(0), "{pushed}");
    assert_eq!((doctor.code, diff.code, verify.code), (Some(0), Some(0), Some(0)), "{doctor}{diff}{verify}");

    // SQLite: a table without a key that anybody makes sure of.
    sqlite(
        &place.path().join("a.db"),
        "CREATE TABLE t (id INTEGER, net NUMERIC); INSERT INTO t VALUES (1, 1); CREATE TABLE u (id INTEGER NOT NULL UNIQUE, net NUMERIC); INSERT INTO u VALUES (1, 1)",
    );
    let none = place.recon(&["init", "x", "--legacy", "sqlite:a.db#t", "--candidate", "sqlite:a.db#t"]);
    assert!(none.code == Some(2) && none.stderr.contains("--key") && none.stderr.contains("id, net"), "{none}");
    assert!(!place.path().join("x").exists());
    let unique = place.recon(&["init", "x", "--legacy", "sqlite:a.db#t", "--candidate", "sqlite:a.db#u"]);
    assert_eq!(unique.code, Some(0), "{unique}");
    assert!(unique.stdout.contains("key       id"), "{unique}");
    let [doctor, pushed, diff, verify] = follow(&place, &unique).try_into().expect("four commands");
    assert_eq!(pushed.code, Some(0), "{pushed}");
    assert_eq!((doctor.code, diff.code, verify.code), (Some(0), Some(0), Some(0)), "{doctor}{diff}{verify}");
    // Files of the name are there: nothing is written beside them.
    place.write("y/t/legacy.sql", "SELECT 1");
    let there = place.recon(&["init", "y", "--legacy", "sqlite:a.db#t", "--candidate", "sqlite:a.db#u"]);
    assert!(there.code == Some(2) && there.stderr.contains("t/legacy.sql"), "{there}");
    assert!(!place.path().join("y/recon.toml").exists());
    assert_eq!(place.read("y/t/legacy.sql"), "SELECT 1");
    let bad = place.recon(&["init", "z", "--legacy", "sqlite:a.db#t", "--candidate", "sqlite:a.db#u", "--name", "a b"]);
    assert_eq!(bad.code, Some(2), "{bad}");
}

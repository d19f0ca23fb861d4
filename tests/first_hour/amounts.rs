//! `recon init` where amounts stand inside documents, or nowhere: none is left out in silence.

use serde_json::Value as Json;

use crate::init::follow;
use crate::support::{Outcome, Place, sqlite};

/// A legacy table of two payouts, and documents in a file.
fn place(documents: &str) -> Place {
    let place = Place::new().env("USER", "kim");
    sqlite(
        &place.path().join("ledger.sqlite"),
        "CREATE TABLE settlement (artist_id INTEGER, pay_month TEXT, plays INTEGER, gross NUMERIC, fee NUMERIC, net NUMERIC, memo TEXT, \
         PRIMARY KEY (artist_id, pay_month)); \
         INSERT INTO settlement VALUES (1, '2026-10', 3, 1000, 100, 900, NULL), (2, '2026-10', 4, 2000, 200, 1800, 'x')",
    );
    place.write("calc.ndjson", documents);
    place
}

fn init(place: &Place, more: &[&str]) -> Outcome {
    let sides = ["init", "--legacy", "sqlite:ledger.sqlite#settlement", "--candidate", "calc.ndjson", "--yes"];
    place.recon(&[sides.as_slice(), more].concat())
}

/// The amounts of each document are a won off.
const NESTED: &str = r#"{"artist_id": 1, "pay_month": "2026-10", "amount": {"gross": 1000, "fee": 101, "net": 899, "vat": 5}, "plays": 3}
{"artist_id": 2, "pay_month": "2026-10", "amount": {"gross": 2000, "fee": 201, "net": 1799, "vat": 5}, "plays": 4}
"#;

#[test]
fn amounts_inside_documents_are_compared_and_decided() {
    let place = place(NESTED);
    let init = init(&place, &[]);
    assert_eq!(init.code, Some(0), "{init}");
    assert!(
        init.stdout.contains("compared  plays, gross=amount.gross, fee=amount.fee, net=amount.net\n")
            && init.stdout.contains("not       memo (legacy only), amount.vat (candidate only)\n")
            && init.stdout.contains("were paired by their names alone"),
        "{init}"
    );
    let project = place.read("recon.toml");
    assert!(project.contains("net = { type = \"decimal\", candidate = \"amount.net\" }"), "{project}");
    // What is not compared stands in the query all the same, else no report could say so.
    let legacy = place.read("settlement/legacy.sql");
    for column in ["artist_id", "pay_month", "plays", "gross", "fee", "net", "memo"] {
        assert!(legacy.contains(&format!("\"{column}\"")), "{legacy}");
    }
    let check: Json = serde_json::from_str(&place.read("checks/settlement-not-negative.json")).expect("JSON");
    assert_eq!(check["rule"]["flag"]["lt"][0], "decision.net");
    let [doctor, pushed, diff, verify] = follow(&place, &init).try_into().expect("four commands");
    assert_eq!((doctor.code, pushed.code), (Some(0), Some(0)), "{doctor}{pushed}");
    assert_eq!(diff.code, Some(1), "{diff}");
    assert!(diff.stdout.contains("899") && diff.stdout.contains("201"), "{diff}");
    assert!(diff.stdout.contains("memo"), "not compared is not told: {diff}");
    assert!(verify.code == Some(0) && verify.stdout.contains("WARNED"), "{verify}");
    let decided = place.read("decisions/settlement.csv");
    assert!(decided.lines().next().expect("a head").contains("net") && decided.contains("1800"), "{decided}");
}

#[test]
fn nothing_begins_without_an_amount_unless_that_is_meant() {
    // Two fields are called like the amount: which of them is paid is not guessed.
    let place = place(
        "{\"artist_id\": 1, \"pay_month\": \"2026-10\", \"plays\": 3, \"old\": {\"net\": 1}, \"new\": {\"net\": 899}}\n\
         {\"artist_id\": 2, \"pay_month\": \"2026-10\", \"plays\": 4, \"old\": {\"net\": 1}, \"new\": {\"net\": 1800}}\n",
    );
    let refused = init(&place, &[]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(
        refused.stderr.contains("no amount would be compared: gross (no field of the candidate is called so)")
            && refused.stderr.contains("net (it may be old.net or new.net)")
            && refused.stderr.contains("--map gross=FIELD"),
        "{refused}"
    );
    assert!(!place.path().join("recon.toml").exists(), "something was written");
    let wrong = init(&place, &["--map", "net=new.nte"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("no column `new.nte`"), "{wrong}");

    let mapped = init(&place, &["--map", "net=new.net"]);
    assert_eq!(mapped.code, Some(0), "{mapped}");
    assert!(mapped.stdout.contains("warning   not compared, and looks like an amount: gross"), "{mapped}");
    let diff = place.recon(&["diff", "settlement"]);
    assert!(diff.code == Some(1) && diff.stdout.contains("899"), "{diff}");
    // What is on one side only is told beside the verdict.
    assert!(diff.stdout.contains("gross") && diff.stdout.contains("old"), "{diff}");

    for file in ["recon.toml", "settlement/legacy.sql", "checks/settlement-not-negative.json"] {
        std::fs::remove_file(place.path().join(file)).expect("a file of the project");
    }
    let meant = init(&place, &["--without-amounts"]);
    assert_eq!(meant.code, Some(0), "{meant}");
    assert!(meant.stdout.contains("warning   no amount would be compared"), "{meant}");
    let diff = place.recon(&["diff", "settlement"]);
    assert_eq!(diff.code, Some(0), "{diff}");
    let not = diff.stdout.lines().find(|line| line.contains("not compared")).expect("what is not compared").to_owned();
    assert!(["gross", "fee", "net", "old", "new"].iter().all(|name| not.contains(name)), "{diff}");
}

#[test]
fn the_check_that_is_written_guards_what_is_paid() {
    let place = place(
        "{\"artist_id\": 1, \"pay_month\": \"2026-10\", \"plays\": 3, \"gross\": 1000, \"fee\": 100, \"net\": 900}\n\
         {\"artist_id\": 2, \"pay_month\": \"2026-10\", \"plays\": 4, \"gross\": 2000, \"fee\": 200, \"net\": 1800}\n",
    );
    let init = init(&place, &[]);
    assert_eq!(init.code, Some(0), "{init}");
    let check: Json = serde_json::from_str(&place.read("checks/settlement-not-negative.json")).expect("JSON");
    assert_eq!((&check["check"]["severity"], &check["check"]["max_flag_rate"]), (&"error".into(), &Json::Null));
    sqlite(&place.path().join("ledger.sqlite"), "UPDATE settlement SET net = -5 WHERE artist_id = 1");
    assert_eq!(place.recon(&["checks", "push"]).code, Some(0));
    let verify = place.recon(&["verify", "settlement"]);
    assert!(verify.code == Some(1) && verify.stdout.contains("BLOCKED"), "{verify}");
    assert!(verify.stdout.contains("decision.net=-5"), "{verify}");
}

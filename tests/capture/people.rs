//! A project whose records are full of personal data: what accounts are paid, from SQL rows and from nested documents.

use std::path::{Path, PathBuf};

use crate::support::{Outcome, Place, sqlite};

/// Secret of the pseudonyms.
pub const SECRET: &str = "1f0c2d3e4b5a69788796a5b4c3d2e1f0";

/// Name, e-mail, telephone, account, document number, and what was sold.
pub const PEOPLE: [(&str, &str, &str, &str, &str); 5] = [
    ("Kim Minsu", "minsu.kim@example.com", "010-1234-5678", "110-234-567890", "1000"),
    ("Lee Jiwon", "jiwon@mail.example.org", "010-9876-5432", "333-12-3456789", "2500"),
    ("박서연", "seoyeon.park@example.co.kr", "02-555-1234", "1002-345-678901", "700"),
    ("Choi Daniel", "d.choi@example.net", "010-2222-3333", "9003-2222-1111", "4200"),
    ("Jung Hana", "hana.jung@example.com", "010-4444-8888", "777-88-999000", "310"),
];

pub const MASKS: &str = r#"
[capture.mask]
name = "name"
"*phone*" = "digits"
"*email*" = "email"
account_no = "digits"
"account.no" = "digits"
"#;

const LEGACY: &str = "SELECT a.account_no, c.name AS payee, SUM(s.amount) AS net FROM accounts a \
JOIN customers c ON c.customer_id = a.customer_id JOIN sales s ON s.account_no = a.account_no \
WHERE s.sold_on >= :day GROUP BY a.account_no, c.name";

const CANDIDATE: &str = "SELECT account_no, payee, SUM(amount) AS net FROM payees GROUP BY account_no, payee";

pub const RECONCILIATION: &str = r#"
[reconciliation.payout]
key = ["account_no"]
params = { day = "date" }
[reconciliation.payout.columns]
net = { type = "decimal" }
[reconciliation.payout.legacy]
store = "core"
query = { mysql = "legacy.mysql.sql", sqlite = "legacy.sqlite.sql" }
[reconciliation.payout.candidate]
sql = "candidate.sql"
[reconciliation.payout.candidate.inputs.payees]
store = "docs"
collection = "payees"
unwind = "sales"
filter = "sales.on >= :day"
fields = { account_no = "account.no", payee = "account.holder.name", amount = "sales.amount" }
[reconciliation.payout.decisions]
store = "core"
table = "payout_decision"
"#;

/// The documents, as lines of JSON. The second has another amount, the third another name, the fourth is not there.
pub fn documents() -> Vec<String> {
    let one = |(at, (name, email, phone, account, sold)): (usize, &(&str, &str, &str, &str, &str))| {
        let sold = if at == 1 { "2400" } else { sold };
        let name = if at == 2 { "박서영" } else { name };
        format!(
            r#"{{"_id":{at},"account":{{"no":"{account}","holder":{{"name":"{name}","contact":[{{"phone":"{phone}"}},{{"email":"{email}"}}]}}}},"sales":[{{"on":"2026-11-02","amount":{sold}}},{{"on":"2026-10-01","amount":5}}]}}"#
        )
    };
    PEOPLE.iter().enumerate().filter(|(at, _)| *at != 3).map(one).collect()
}

/// The statements that make the tables and fill them.
pub fn script(amount: &str, factor: u32) -> String {
    let mut script = format!(
        "CREATE TABLE customers (customer_id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(80) NOT NULL, email VARCHAR(80), phone VARCHAR(30));\n\
         CREATE TABLE accounts (account_no VARCHAR(30) NOT NULL PRIMARY KEY, customer_id INTEGER NOT NULL);\n\
         CREATE TABLE sales (sale_id INTEGER NOT NULL PRIMARY KEY, account_no VARCHAR(30) NOT NULL, amount {amount} NOT NULL, sold_on DATE NOT NULL);\n"
    );
    for (at, (name, email, phone, account, sold)) in PEOPLE.iter().enumerate() {
        let sold: u32 = sold.parse::<u32>().expect("a number") * factor;
        script.push_str(&format!(
            "INSERT INTO customers VALUES ({at}, '{name}', '{email}', '{phone}');\n\
             INSERT INTO accounts VALUES ('{account}', {at});\n\
             INSERT INTO sales VALUES ({}, '{account}', {sold}, '2026-11-02'), ({}, '{account}', 5, '2026-10-01');\n",
            at * 2,
            at * 2 + 1
        ));
    }
    script
}

/// The project on SQLite and files, with these lines at the end of recon.toml, not yet verified.
pub fn project(with: &str) -> Place {
    let place = Place::new().env("RECON_USER", "kim").env("RECON_CAPTURE_SECRET", SECRET);
    place.write(
        "recon.toml",
        format!("[stores.core]\nurl = \"sqlite:core.db\"\n[stores.docs]\nurl = \"file:docs\"\n{RECONCILIATION}{with}"),
    );
    place.write("legacy.sqlite.sql", LEGACY);
    place.write("legacy.mysql.sql", LEGACY);
    place.write("candidate.sql", CANDIDATE);
    place.write("docs/payees.ndjson", documents().join("\n"));
    sqlite(&place.path().join("core.db"), &script("INTEGER", 1));
    place
}

/// Verifies the cycle.
pub fn verify(place: &Place) {
    let verified = place.recon(&["verify", "payout", "--param", "day=2026-11-01"]);
    assert_eq!(verified.code, Some(0), "{verified}");
}

/// A project that was verified.
pub fn verified(with: &str) -> Place {
    let place = project(with);
    verify(&place);
    place
}

/// Every file below a folder, by its name from there, with its bytes as text.
pub fn files(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path: PathBuf = entry.path();
            let name = path.strip_prefix(folder).expect("below").display().to_string();
            match path.is_dir() {
                true => folders.push(path),
                false => all.push((name, String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned())),
            }
        }
    }
    all.sort();
    all
}

/// No original stands in a text, in any case and with or without separators.
pub fn assert_clean(what: &str, text: &str) {
    let lower = text.to_lowercase();
    let joined: String = lower.chars().filter(|c| !"-. /".contains(*c)).collect();
    let originals = PEOPLE.iter().flat_map(|(name, email, phone, account, _)| [*name, *email, *phone, *account]);
    for original in originals.chain(["박서영", SECRET]) {
        let original = original.to_lowercase();
        let bare: String = original.chars().filter(|c| !"-. /".contains(*c)).collect();
        assert!(!lower.contains(&original) && !joined.contains(&bare), "{what} holds {original}:\n{text}");
    }
}

/// Nothing was written, and nothing is left over.
pub fn assert_nothing_written(place: &Place) {
    assert!(!place.path().join("cases").exists());
    let left: Vec<String> = std::fs::read_dir(place.path())
        .expect("the folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(".recon-capture"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

/// `recon capture`, refused with this code; says so without a value, and writes nothing.
pub fn refused(place: &Place, code: i32, arguments: &[&str]) -> Outcome {
    let outcome = place.recon(&[&["capture"], arguments].concat());
    assert_eq!(outcome.code, Some(code), "{outcome}");
    assert_clean("the message", &outcome.stderr);
    assert_clean("the output", &outcome.stdout);
    assert_nothing_written(place);
    outcome
}

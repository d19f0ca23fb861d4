//! The texts of a new project. Pure: nothing is written here.

use std::path::Path;

use crate::commands::Failure;
use crate::stores::sql::Dialect;

use super::amount::words;
use super::ask::Looked;
use super::propose::{Pair, Proposal};
use super::side::{Look, Side};

/// A file of the project.
pub(super) struct File {
    /// Its name below the project's folder.
    pub(super) name: String,
    pub(super) text: String,
}

/// A project that is ready to be written; its first file is recon.toml.
pub(super) struct Begun {
    pub(super) name: String,
    pub(super) files: Vec<File>,
    /// Variables that must be set before it is used.
    pub(super) variables: Vec<String>,
}

impl Begun {
    pub(super) fn project(&self) -> &str {
        self.files.first().map_or("", |file| &file.text)
    }
}

/// # Errors
/// The name cannot stand in file names and in `[reconciliation.NAME]`.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    match fits {
        true => Ok(()),
        false => Err(Failure::usage(format!("`{name}` cannot be the name of a reconciliation"))
            .hint("letters, digits, `_` and `-`: `--name payout`")),
    }
}

pub(super) fn files(folder: &Path, name: &str, legacy: &Looked, candidate: &Looked, proposal: &Proposal) -> Begun {
    let ((legacy, legacy_look), (candidate, candidate_look)) = (legacy, candidate);
    let ((legacy_url, legacy_variable), (candidate_url, candidate_variable)) =
        (legacy.url(folder), candidate.url(folder));
    let one_store = legacy_url == candidate_url;
    let first = store_name(legacy);
    let second = match store_name(candidate) {
        _ if one_store => first.to_owned(),
        same if same == first => format!("{same}_candidate"),
        other => other.to_owned(),
    };
    let sides = [
        path(name, legacy, first, &selected(legacy_look, proposal, |pair| &pair.legacy)),
        path(name, candidate, &second, &selected(candidate_look, proposal, |pair| &pair.candidate)),
    ];
    let mut text = format!(
        "# The project of recon: what is compared with what. `recon doctor` looks whether all of it can be worked with.\n\
         # An unknown key is an error that names its line. ${{NAME}} takes an environment variable.\n\
         # Editors complete and check this file with: recon schema recon.toml > recon.schema.json\n\
         # and, as its first line: #:schema ./recon.schema.json\n\n\
         [stores.{first}]\nurl = {}\n",
        quoted(&legacy_url)
    );
    let check_url =
        "# check_url = \"…\"                     # an account that may only read, for checks in the database\n";
    if legacy.dialect() != "file" && legacy.dialect() != "sqlite" {
        text.push_str(check_url);
    }
    if !one_store {
        text.push_str(&format!("[stores.{second}]\nurl = {}\n", quoted(&candidate_url)));
    }
    text.push_str(
        "\n# Where recon keeps runs, states, discrepancies, checks and the audit trail.\n[ledger]\nurl = \"sqlite:recon.db\"               # mysql:// or postgres:// for a team\n\n",
    );
    let key: Vec<String> = proposal.key.iter().map(|pair| quoted(&pair.words())).collect();
    text.push_str(&format!(
        "[reconciliation.{name}]\nkey = [{}]    # \"legacy=candidate\" where the names differ\n\
         # params = {{ payout_date = \"date\" }}    # bound in both queries; a cycle is a reconciliation with its parameters\n\n",
        key.join(", ")
    ));
    text.push_str(&columns(name, proposal));
    for (word, (lines, _)) in ["legacy", "candidate"].iter().zip(&sides) {
        text.push_str(&format!("[reconciliation.{name}.{word}]\n{lines}\n"));
    }
    text.push_str(&format!(
        "# What is paid where the two disagree: legacy, hold or block. These are the defaults.\n# [reconciliation.{name}.policy]\n\
         # mismatch = \"legacy\"\n# legacy_only = \"legacy\"\n# candidate_only = \"hold\"\n\n\
         # Where `recon verify` writes what is to be paid. A payer reads a table best: store = \"{first}\", table = \"{name}_decision\"\n\
         [reconciliation.{name}.decisions]\nfile = \"decisions/{name}.csv\"    # a file is of one cycle; with params: \"decisions/{name}-{{payout_date}}.csv\"\n\n\
         # [reconciliation.{name}.release]\n# approvals = 1                         # by someone other than who ran it\n"
    ));
    let mut files = vec![File { name: "recon.toml".into(), text }];
    files.extend(sides.into_iter().filter_map(|(_, file)| file));
    files.push(check(name, proposal));
    let variables = legacy_variable.into_iter().chain(candidate_variable.filter(|_| !one_store)).collect();
    Begun { name: name.to_owned(), files, variables }
}

fn store_name(side: &Side) -> &'static str {
    match side.dialect() {
        "mongodb" => "docs",
        "file" => "files",
        _ => "core",
    }
}

/// Every column of a side, what is compared first: what a query leaves out no report can list as not compared.
fn selected<'l>(look: &'l Look, proposal: &Proposal, pick: fn(&Pair) -> &str) -> Vec<&'l str> {
    let pairs: Vec<&str> = proposal.key.iter().chain(&proposal.compared).map(pick).collect();
    let mut names: Vec<&str> = look.columns.iter().map(|column| column.name.as_str()).collect();
    names.sort_by_key(|name| pairs.iter().position(|pair| pair == name).unwrap_or(pairs.len()));
    names
}

/// The settings of columns: those of amounts, and of names that differ. The others are compared as they are.
fn columns(name: &str, proposal: &Proposal) -> String {
    let mut text = String::from(
        "# Columns of the same name are compared exactly; amounts are named here so that none of them is ever left out.\n",
    );
    text.push_str(&format!("[reconciliation.{name}.columns]\n"));
    for pair in &proposal.compared {
        let mut settings = Vec::new();
        if pair.number {
            settings.push("type = \"decimal\"".to_owned());
        }
        if pair.legacy != pair.candidate {
            settings.push(format!("candidate = {}", quoted(&pair.candidate)));
        }
        if !settings.is_empty() {
            text.push_str(&format!("{} = {{ {} }}\n", bare(&pair.legacy), settings.join(", ")));
        }
    }
    if proposal.compared.iter().any(|pair| pair.inside) {
        text.push_str("# The fields inside documents were found by their names: look whether they mean the same.\n");
    }
    text.push_str("# net = { tolerance = \"0.01\", currency = \"KRW\" }\n");
    for (side, only) in [("legacy", &proposal.legacy_only), ("candidate", &proposal.candidate_only)] {
        if !only.is_empty() {
            text.push_str(&format!("# Only on the {side} side, not compared: {}\n", comment(&only.join(", "))));
        }
    }
    text.push('\n');
    text
}

/// The lines of a side, and its query's file.
fn path(name: &str, side: &Side, store: &str, columns: &[&str]) -> (String, Option<File>) {
    let dialect = match side.dialect() {
        "mysql" => Dialect::MySql,
        "postgres" => Dialect::Postgres,
        "sqlite" => Dialect::Sqlite,
        "mongodb" => {
            let file = format!("{name}/{}.json", side.word);
            let text = "[\n  { \"$match\": {} }\n]\n".to_owned();
            let lines = format!(
                "store = \"{store}\"\ncollection = {}\n\
                 pipeline = \"{file}\"    # chooses the documents; a field that it cuts off is in no report\n",
                quoted(side.table.as_deref().unwrap_or_default())
            );
            return (lines, Some(File { name: file, text }));
        }
        _ => {
            let file = side.file().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            return (format!("store = \"{store}\"\nfile = {}\n", quoted(&file.unwrap_or_default())), None);
        }
    };
    let list: Vec<String> = columns.iter().map(|column| dialect.name(column)).collect();
    let file = format!("{name}/{}.sql", side.word);
    let what = if side.word == "legacy" { "what is paid today" } else { "what is to take over" };
    let text = format!(
        "-- The {} side of {name}, {what}: every record that is to be compared, with its key.\n\
         -- All columns: what the other side does not have is reported as not compared.\nSELECT {}\nFROM {}\n",
        side.word,
        list.join(",\n       "),
        dialect.table(side.table.as_deref().unwrap_or_default())
    );
    (format!("store = \"{store}\"\nquery = \"{file}\"\n"), Some(File { name: file, text }))
}

/// One rule, over what is decided for an amount where one is compared: a check that a data scientist can edit.
fn check(name: &str, proposal: &Proposal) -> File {
    let (what, flag, description) = match (paid(proposal), proposal.compared.first()) {
        (Some(pair), _) => (
            "not-negative",
            serde_json::json!({ "lt": [format!("decision.{}", pair.legacy), 0] }),
            match pair.amount {
                true => format!("Nobody is paid a negative {}.", pair.legacy),
                false => format!("No {} that is decided is negative.", pair.legacy),
            },
        ),
        (None, pair) => {
            let column = pair.map_or("", |pair| pair.legacy.as_str());
            (
                "not-null",
                serde_json::json!({ "is_null": format!("decision.{column}") }),
                format!("Every record that is paid has a {column}."),
            )
        }
    };
    let check = serde_json::json!({
        "check": {
            "name": format!("{name}-{what}"), "reconciliation": name, "stage": "compared", "kind": "rule",
            "severity": "error", "description": description,
        },
        // Nobody is paid what is held.
        "rule": { "where": { "ne": ["decision.source", { "text": "held" }] }, "flag": flag },
    });
    File { name: format!("checks/{name}-{what}.json"), text: format!("{check:#}\n") }
}

/// What is paid out, where a name says so; else the last amount, for sums stand behind their parts.
fn paid(proposal: &Proposal) -> Option<&Pair> {
    let amounts = || proposal.compared.iter().filter(|pair| pair.number && pair.amount);
    let called = |word: &&str| amounts().find(|pair| words(&pair.legacy).iter().any(|one| one == word));
    let named = ["net", "payout", "payable", "amount", "total"].iter().find_map(called);
    named.or_else(|| amounts().next_back()).or_else(|| proposal.compared.iter().rfind(|pair| pair.number))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key of a TOML table.
fn bare(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// What stands in a comment stays in it.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A word for a shell.
pub(super) fn shell(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    if plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

//! `recon demo`: the whole job on shipped data, without a server. It runs `recon diff` as a user would, on files
//! that it has just written.

use std::path::{Path, PathBuf};

use clap::Parser;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::cli::{DemoArgs, DemoExample, DiffArgs, Global};
use crate::exit::Exit;

use super::{Failure, diff};

const SCHEMA: &str = include_str!("../../fixtures/p2p/schema.sql");
const DATA: &str = include_str!("../../fixtures/p2p/data.sql");
const LEGACY: &str = include_str!("../../fixtures/p2p/legacy.sqlite.sql");
const PAYOUTS: &str = include_str!("../../fixtures/p2p/payouts.ndjson");
const RULES: &str = include_str!("../../fixtures/p2p/README.md");

/// `recon diff …` as the demo runs it.
#[derive(Parser)]
struct DiffLine {
    #[command(flatten)]
    diff: DiffArgs,
}

/// Runs the command.
///
/// # Errors
/// When the example's files cannot be written or compared.
pub fn run(global: &Global, args: &DemoArgs) -> Result<Exit, Failure> {
    let DemoExample::P2p = args.example;
    let temporary;
    let folder: PathBuf = match &args.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
            let mut entries = std::fs::read_dir(folder).map_err(|error| unwritable(folder, &error))?;
            if entries.next().is_some() {
                return Err(Failure::usage(format!("the folder {} is not empty", folder.display()))
                    .hint("name a new folder: the demo overwrites nothing"));
            }
            folder.clone()
        }
        None => {
            temporary = tempfile::tempdir().map_err(|error| unwritable(&std::env::temp_dir(), &error))?;
            temporary.path().to_owned()
        }
    };
    write_files(&folder)?;
    let words = words(&folder);
    println_all(&[
        "The investor payout of 2026-11-13, computed twice:",
        "  legacy     SQL over loans, holdings and repayments in SQLite",
        "  candidate  one document per investor, written by another program (NDJSON)",
        "",
        &format!("$ recon {}", shown(&words, &folder, args.keep.as_deref())),
        "",
    ]);
    let line = DiffLine::try_parse_from(words).map_err(|error| Failure::incomplete(error.to_string()))?;
    diff::run(global, &line.diff)?;
    let hint = match &args.keep {
        Some(folder) => {
            format!("The files are in {}; the planted faults are listed in its README.md.", folder.display())
        }
        None => "`recon demo --keep DIR` leaves the files in a folder, with the list of the planted faults.".to_owned(),
    };
    println_all(&["", &hint]);
    // The demo has done what it should: its differences are planted.
    Ok(Exit::Success)
}

fn words(folder: &Path) -> Vec<String> {
    let at = |name: &str| folder.join(name).display().to_string();
    let amounts = ["principal", "interest", "income_tax", "local_tax", "fee", "net"];
    let map = amounts.map(|name| format!("{name}=payout.{name}")).join(",");
    vec![
        "diff".into(),
        format!("sqlite:{}", at("p2p.db")),
        at("payouts.ndjson"),
        "--legacy-query".into(),
        format!("@{}", at("legacy.sqlite.sql")),
        "--param".into(),
        "window_from=2026-10-25".into(),
        "--param".into(),
        "window_to=2026-11-05".into(),
        "--key".into(),
        "investor_id=_id".into(),
        "--map".into(),
        map,
    ]
}

/// The command over several lines, with short paths when the files are not kept.
fn shown(words: &[String], folder: &Path, kept: Option<&Path>) -> String {
    let prefix = format!("{}{}", folder.display(), std::path::MAIN_SEPARATOR);
    let word = |w: &String| if kept.is_some() { w.clone() } else { w.replace(&prefix, "") };
    words.iter().map(word).collect::<Vec<_>>().join(" ").replace(" --", " \\\n    --")
}

fn write_files(folder: &Path) -> Result<(), Failure> {
    for (name, text) in [("legacy.sqlite.sql", LEGACY), ("payouts.ndjson", PAYOUTS), ("README.md", RULES)] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
    }
    let database = folder.join("p2p.db");
    let failed = |error: &dyn std::fmt::Display| {
        Failure::incomplete(format!("{} could not be filled: {error}", database.display()))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(&e))?;
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(&database).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(|e| failed(&e))?;
        for script in [SCHEMA, DATA] {
            sqlx::raw_sql(script).execute(&mut connection).await.map_err(|e| failed(&e))?;
        }
        connection.close().await.map_err(|e| failed(&e))
    })
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::incomplete(format!("{} could not be written: {error}", path.display()))
        .hint("choose another folder with `--keep DIR`, or set TMPDIR")
}

fn println_all(lines: &[&str]) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
}

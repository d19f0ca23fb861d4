//! A small project that runs without any server: ten payouts in SQLite, the same ones as documents in a file, and two of
//! them that do not agree.

use std::path::Path;

use crate::cli::{Global, InitArgs};
use crate::commands::Failure;
use crate::exit::Exit;
use crate::stores::bulk::SqlWriter;

use super::ask::{Asked, Looked};
use super::side::Side;
use super::tell;

/// Investor, principal, interest, tax and net.
const PAYOUTS: [(i32, &str, &str, &str, &str); 10] = [
    (1, "100000", "3250", "450", "102800"),
    (2, "50000", "1625", "220", "51405"),
    (3, "250000", "8125", "1130", "256995"),
    (4, "75000", "2437", "340", "77097"),
    (5, "10000", "325", "40", "10285"),
    (6, "120000", "3900", "540", "123360"),
    (7, "30000", "975", "130", "30845"),
    (8, "500000", "16250", "2270", "513980"),
    (9, "20000", "650", "90", "20560"),
    (10, "60000", "1950", "270", "61680"),
];
/// The candidate's net of one investor is another: it forgot to cut the tax off below 10 won.
const WRONG: (i32, &str) = (4, "77087");
/// And it lost one.
const LOST: i32 = 9;

/// Writes the sample's data, and a project as if the user had named it.
///
/// # Errors
/// A file is there already, or the folder cannot be written.
pub(super) fn begin_sample(folder: &Path) -> Result<(Looked, Looked), Failure> {
    let (database, documents) = (folder.join("sample.db"), folder.join("docs/payout.ndjson"));
    for file in [&database, &documents, &folder.join("payout"), &folder.join("checks")] {
        if file.exists() {
            return Err(Failure::usage(format!("{} is there already", file.display()))
                .hint("nothing was written; begin in an empty folder: `recon init DIR`"));
        }
    }
    let unwritable = |error: std::io::Error| {
        Failure::incomplete(format!("{} cannot be written: {error}", folder.display()))
            .hint("check the folder's owner and permissions")
    };
    std::fs::create_dir_all(folder.join("docs")).map_err(unwritable)?;
    let mut writer = SqlWriter::connect(&format!("sqlite:{}", database.display()))?;
    let rows: Vec<String> = PAYOUTS
        .iter()
        .map(|(investor, principal, interest, tax, net)| format!("({investor}, {principal}, {interest}, {tax}, {net})"))
        .collect();
    writer.run(&format!(
        "CREATE TABLE payout (investor_id INTEGER PRIMARY KEY, principal NUMERIC NOT NULL, interest NUMERIC NOT NULL, \
         tax NUMERIC NOT NULL, net NUMERIC NOT NULL); INSERT INTO payout VALUES {}",
        rows.join(", ")
    ))?;
    writer.close()?;
    let mut text = String::new();
    for (investor, principal, interest, tax, net) in PAYOUTS.into_iter().filter(|(investor, ..)| *investor != LOST) {
        let net = if investor == WRONG.0 { WRONG.1 } else { net };
        text.push_str(&format!(
            "{{\"investor_id\": {investor}, \"principal\": {principal}, \"interest\": {interest}, \"tax\": {tax}, \"net\": {net}}}\n"
        ));
    }
    std::fs::write(&documents, text).map_err(unwritable)?;
    let legacy = Side::parse("legacy", &format!("sqlite:{}#payout", database.display()))?;
    let candidate = Side::parse("candidate", &documents.display().to_string())?;
    let looked = |side: Side| side.look().map(|look| (side, look));
    Ok((looked(legacy)?, looked(candidate)?))
}

/// The whole command, with the sample.
///
/// # Errors
/// As [`begin_sample`].
pub(super) fn begin(_: &Global, folder: &Path, args: &InitArgs) -> Result<Exit, Failure> {
    let (legacy, candidate) = begin_sample(folder)?;
    let (begun, mut words) = super::begin(folder, &legacy, &candidate, args, &mut Asked::nobody())?;
    words.insert(
        0,
        "A sample: ten payouts in sample.db, the same as documents in docs/, two of which do not agree.".to_owned(),
    );
    words.insert(1, "`recon init --legacy URL#table --candidate URL#collection` begins with your own.".to_owned());
    tell(folder, &begun, &words);
    Ok(Exit::Success)
}

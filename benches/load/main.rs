//! The benchmark's own program: makes two sides with seeded faults, loads the documents, and drains either store
//! as fast as it can be drained. `benches/run` calls it; it measures nothing itself.
//!
//!     load files DIR RECORDS SEED        legacy.csv, candidate.csv, expected.json
//!     load mongo URL DATABASE RECORDS SEED
//!     load scan-mysql HOST:PORT DATABASE
//!     load scan-mongo URL DATABASE

mod records;
mod scan;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::Client;
use mongodb::bson::{Document, RawDocumentBuf};
use records::{Fault, Pair};

/// The table and the collection.
const SETTLEMENT: &str = "settlement";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["files", dir, records, seed] => parsed(records, seed).and_then(|(n, seed)| files(Path::new(dir), n, seed)),
        ["mongo", url, database, records, seed] => {
            parsed(records, seed).and_then(|(n, seed)| block_on(mongo(url, database, n, seed)))
        }
        ["scan-mysql", address, database] => scan::mysql(address, database, SETTLEMENT).map(report),
        ["scan-mongo", url, database] => block_on(scan::mongo(url, database, SETTLEMENT)).map(report),
        _ => {
            // Cargo starts every bench target: alone it has nothing to do.
            eprintln!("This is part of the benchmark: run benches/run.");
            return ExitCode::SUCCESS;
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parsed(records: &str, seed: &str) -> Result<(u64, u64), Failure> {
    Ok((records.parse()?, seed.parse()?))
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn report(records: u64) {
    let _ = writeln!(std::io::stdout(), "{records}");
}

/// Both sides as CSV, and what a comparison must find.
fn files(dir: &Path, records: u64, seed: u64) -> Result<(), Failure> {
    let create = |name: &str| File::create(dir.join(name)).map(|file| BufWriter::with_capacity(1 << 20, file));
    let (mut legacy, mut candidate, mut expected) =
        (create("legacy.csv")?, create("candidate.csv")?, create("expected.json")?);
    for side in [&mut legacy, &mut candidate] {
        writeln!(side, "{}", records::HEADER)?;
    }
    let (mut rows, mut found) = ((0_u64, 0_u64), Vec::new());
    for id in 1..=records {
        let pair = Pair::new(seed, id);
        if pair.fault != Fault::CandidateOnly {
            pair.legacy_csv(&mut legacy)?;
            rows.0 += 1;
        }
        if pair.fault != Fault::LegacyOnly {
            pair.candidate_csv(&mut candidate)?;
            rows.1 += 1;
        }
        found.extend(pair.expected());
    }
    let summary = serde_json::json!({
        "records": records, "seed": seed, "legacy_rows": rows.0, "candidate_rows": rows.1, "faults": found,
    });
    serde_json::to_writer(&mut expected, &summary)?;
    for mut file in [legacy, candidate, expected] {
        file.flush()?;
    }
    Ok(())
}

/// The candidate side as documents, in key order, into an empty collection.
async fn mongo(url: &str, database: &str, records: u64, seed: u64) -> Result<(), Failure> {
    const AT_ONCE: u64 = 10_000;
    let client = Client::with_uri_str(url).await?;
    let collection = client.database(database).collection::<Document>(SETTLEMENT);
    collection.drop().await?;
    let collection = collection.clone_with_type::<RawDocumentBuf>();
    stream::iter((1..=records).step_by(usize::try_from(AT_ONCE)?))
        .map(|first| {
            let documents: Vec<_> = (first..=records.min(first + AT_ONCE - 1))
                .map(|id| Pair::new(seed, id))
                .filter(|pair| pair.fault != Fault::LegacyOnly)
                .map(|pair| pair.candidate_document())
                .collect();
            let collection = collection.clone();
            async move { collection.insert_many(documents).ordered(false).await.map(drop) }
        })
        // One after the other: they lie in key order, as what is only ever added to does.
        .buffered(1)
        .try_collect::<Vec<()>>()
        .await?;
    // Written out now, not while something is measured.
    client.database("admin").run_command(mongodb::bson::doc! { "fsync": 1 }).await?;
    client.shutdown().await;
    Ok(())
}

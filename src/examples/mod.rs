//! The worked settlements: seeded data of any size for the investor payout, the royalty settlement and the merchant
//! settlement, with the project files that compute each of them twice.
//!
//! One record of a generated table depends on the seed, the table and its number alone, so that the rows of the
//! legacy path and the documents of the candidate path can be streamed apart from each other and still agree.
//! Must not compute what the examples are there to test, with one exception: `merchant::calculator` *is* a path.

mod data;
mod draw;
pub mod merchant;
pub mod p2p;
pub mod royalty;

pub use data::{Collection, Column, DataFile, Documents, Kind, Rows, Table, decimal, int, text};
pub use draw::Draw;

/// How much of an example is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Main records: holdings (p2p), plays (royalty), transactions (merchant).
    pub records: u64,
    /// The same seed gives the same data.
    pub seed: u64,
    /// Records of the result in a million whose candidate data gets a fault; 0 plants none.
    pub faults: u32,
    /// Whether the hand-written set of realistic disagreements is added.
    pub quirks: bool,
}

impl Scale {
    /// `records` with the first seed, without faults and quirks.
    pub fn of(records: u64) -> Scale {
        Scale { records, seed: 1, faults: 0, quirks: false }
    }
}

/// What kind of discrepancy was planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlantedKind {
    /// Both paths hold the key, with other values.
    Mismatch,
    /// Only the legacy path holds the key.
    LegacyOnly,
    /// Only the candidate path holds the key.
    CandidateOnly,
}

impl PlantedKind {
    /// As in the field `kind` of recon's output.
    pub fn name(self) -> &'static str {
        match self {
            PlantedKind::Mismatch => "mismatch",
            PlantedKind::LegacyOnly => "legacy_only",
            PlantedKind::CandidateOnly => "candidate_only",
        }
    }
}

/// A discrepancy that the generated data is known to cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planted {
    /// The reconciliation that finds it.
    pub reconciliation: &'static str,
    /// The key's values as texts, in the order of the reconciliation's key.
    pub key: Vec<String>,
    /// What it is.
    pub kind: PlantedKind,
    /// Columns that differ for certain; empty for a record on one side only.
    pub columns: Vec<String>,
    /// The cause, as a sentence.
    pub why: String,
}

/// A file of the example's project, as it is written into a user's folder.
#[derive(Clone, Copy, Debug)]
pub struct ProjectFile {
    /// Its name in the folder of `recon.toml`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// A worked settlement.
pub trait Example: Send + Sync {
    /// `p2p`, `royalty`, `merchant`.
    fn name(&self) -> &'static str;
    /// One line each: what is computed, the legacy path, the candidate path.
    fn about(&self) -> [&'static str; 3];
    /// The reconciliations of its `recon.toml`, the main one first.
    fn reconciliations(&self) -> &'static [&'static str];
    /// What `--param` is given: names and values.
    fn params(&self) -> &'static [(&'static str, &'static str)];
    /// Records of the quick set.
    fn default_records(&self) -> u64;
    /// The tables of the SQL store (`stores.core`).
    fn tables(&self, scale: Scale) -> Vec<Table>;
    /// The collections of the document store (`stores.docs`).
    fn collections(&self, scale: Scale) -> Vec<Collection>;
    /// The column tables of the data lake (`stores.lake`), for Parquet or NDJSON.
    fn files(&self, scale: Scale) -> Vec<DataFile>;
    /// `recon.toml`, SQL and notes.
    fn project(&self) -> &'static [ProjectFile];
    /// The discrepancies to expect at this scale, by faults and quirks, in the order of their keys.
    fn planted(&self, scale: Scale) -> Vec<Planted>;
}

/// Every example, in the order of the documentation.
pub fn all() -> [&'static dyn Example; 3] {
    [&p2p::P2p, &royalty::Royalty, &merchant::Merchant]
}

/// The example of this name.
pub fn named(name: &str) -> Option<&'static dyn Example> {
    all().into_iter().find(|example| example.name() == name)
}

/// The quirks' expected discrepancies out of a `quirks.csv`: reconciliation, key, column, kind, legacy, candidate,
/// why. The text is part of the program and has no quoted fields; lines of one key stand together.
fn quirks(csv: &'static str) -> Vec<Planted> {
    let mut planted: Vec<Planted> = Vec::new();
    for line in csv.lines().skip(1) {
        let mut fields = line.splitn(7, ',');
        let mut next = || fields.next().unwrap_or_default();
        let (reconciliation, key, column, kind) = (next(), next(), next(), next());
        let (_legacy, _candidate, why) = (next(), next(), next());
        let key: Vec<String> = key.split('|').map(str::to_owned).collect();
        let kind = match kind {
            "legacy_only" => PlantedKind::LegacyOnly,
            "candidate_only" => PlantedKind::CandidateOnly,
            _ => PlantedKind::Mismatch,
        };
        match planted.last_mut() {
            Some(last) if last.key == key && last.reconciliation == reconciliation => {
                last.columns.push(column.to_owned());
            }
            _ => {
                let columns = if kind == PlantedKind::Mismatch { vec![column.to_owned()] } else { Vec::new() };
                planted.push(Planted { reconciliation, key, kind, columns, why: why.to_owned() });
            }
        }
    }
    planted
}

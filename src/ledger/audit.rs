//! The audit trail: what was done by whom, each entry chained to the one before, so that a later change shows.
//!
//! The chain proves that entries are those that were written, in that order, as long as its newest hash is known from
//! elsewhere (every report prints it): who can write the whole database could write a new chain.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::database::{Database, fields, moment};
use super::error::LedgerError;
use super::records::{hex, json_of};

/// Entries read at a time when the chain is verified.
const CHUNK: i64 = 2_000;

/// What [`super::Ledger::verify_audit`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Every entry is as it was written.
    Intact {
        /// How many there are.
        entries: i64,
        /// The newest hash; empty without entries.
        head: String,
    },
    /// The first entry that is not.
    Broken {
        /// Its number.
        sequence: i64,
        /// What is wrong with it.
        why: String,
    },
}

/// An entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, … without a gap.
    pub sequence: i64,
    /// When, by the ledger server's clock.
    pub at: String,
    /// Who.
    pub who: String,
    /// What was done, in one word.
    pub what: String,
    /// A JSON object.
    pub detail: String,
    /// The hash of the entry before.
    pub previous: String,
    /// Its own hash.
    pub hash: String,
}

/// Of a JSON list, so that no two different entries read the same.
fn chained(sequence: i64, at: &str, who: &str, what: &str, detail: &str, previous: &str) -> String {
    hex(&Sha256::digest(json_of(&(sequence, at, who, what, detail, previous)).as_bytes()))
}

/// Appends an entry within the transaction of what it tells. Holds the head of the chain until that commits; every
/// transaction takes a cycle's row first and this one last.
pub(super) fn append(db: &mut Database, now: i64, who: &str, what: &str, detail: &Json) -> Result<String, LedgerError> {
    let sql = format!("SELECT sequence, hash FROM recon_audit_head WHERE id = 1{}", db.for_update());
    let head = db.row(&sql, &[])?.ok_or_else(|| {
        LedgerError::failed(format!("the head of the audit trail is missing in the ledger {}", db.place))
            .hinted("somebody deleted it; `recon runs verify-audit` shows what still holds")
    })?;
    let (sequence, previous) = (head.integer(0)? + 1, head.text(1)?);
    let at = moment(now);
    // As the database will give them back.
    let (who, detail) = (who.replace('\0', "\\u0000"), json_of(detail));
    let hash = chained(sequence, &at, &who, what, &detail, &previous);
    db.run(
        "INSERT INTO recon_audit (sequence, at, who, what, detail, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        fields![sequence, &at, &who, what, &detail, &previous, &hash],
    )?;
    db.run("UPDATE recon_audit_head SET sequence = ?, hash = ? WHERE id = 1", fields![sequence, &hash])?;
    Ok(hash)
}

/// Reads the whole chain.
pub(super) fn verify(db: &mut Database) -> Result<Chain, LedgerError> {
    // The head first: entries that are appended meanwhile are not yet asked for.
    let Some(head) = db.row("SELECT sequence, hash FROM recon_audit_head WHERE id = 1", &[])? else {
        return Ok(Chain::Broken { sequence: 1, why: "the head of the chain is missing".into() });
    };
    let (last, expected) = (head.integer(0)?, head.text(1)?);
    let (mut next, mut previous) = (1, String::new());
    while next <= last {
        let found = entries(db, next, CHUNK.min(last - next + 1))?;
        if found.is_empty() {
            return Ok(Chain::Broken {
                sequence: next,
                why: format!("it is missing; the chain's head is entry {last}"),
            });
        }
        for entry in found {
            let own = chained(entry.sequence, &entry.at, &entry.who, &entry.what, &entry.detail, &entry.previous);
            let why = if entry.sequence != next {
                Some("it is missing".to_owned())
            } else if entry.previous != previous {
                Some(format!("it does not follow entry {}", next - 1))
            } else if entry.hash != own {
                Some("its content is not what was written".to_owned())
            } else {
                None
            };
            if let Some(why) = why {
                return Ok(Chain::Broken { sequence: next, why });
            }
            previous = entry.hash;
            next += 1;
        }
    }
    if previous != expected {
        return Ok(Chain::Broken { sequence: last, why: "the chain's head is not its last entry".into() });
    }
    let more = db.number("SELECT COUNT(*) FROM recon_audit WHERE sequence < 1", &[])?;
    if more > 0 {
        return Ok(Chain::Broken { sequence: 0, why: "there are entries before the first".into() });
    }
    Ok(Chain::Intact { entries: last, head: expected })
}

/// Entries in their order, from a number on.
pub(super) fn entries(db: &mut Database, from: i64, limit: i64) -> Result<Vec<Entry>, LedgerError> {
    let sql = "SELECT sequence, at, who, what, detail, previous, hash FROM recon_audit WHERE sequence >= ? ORDER BY sequence LIMIT ?";
    let rows = db.rows(sql, fields![from, limit])?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                sequence: row.integer(0)?,
                at: row.text(1)?,
                who: row.text(2)?,
                what: row.text(3)?,
                detail: row.text(4)?,
                previous: row.text(5)?,
                hash: row.text(6)?,
            })
        })
        .collect()
}

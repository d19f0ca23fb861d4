//! The decision rule: what is used for one key. One pure function of what became of the key, the policy and whether
//! the key is enrolled. Source: the decision rule of the contract (T1, T9, T12).

use sha2::{Digest, Sha256};

use crate::compare::{Outcome, Record};
use crate::config::{Choice, ChoiceWithoutLegacy, Policy};
use crate::domain::{Cell, Value};
use crate::report::DiscrepancyKind;

use super::{Reason, Taken};

/// What decides besides the records themselves.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Share of agreeing records that take the candidate's value, 0 to 100.
    pub percent: u8,
    /// What is used for each kind of discrepancy.
    pub policy: Policy,
    /// Whether the whole cycle falls back to legacy, because too much of it does not agree.
    pub fallback: bool,
}

/// What the rule says of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whose value is used.
    pub taken: Taken,
    /// Why.
    pub reason: Reason,
    /// The policy that does not let the run go on because of this key, by its name in the project file.
    pub blocks: Option<&'static str>,
    /// Whether a value of the legacy side could not be determined: there is nothing to fall back on.
    pub legacy_unknown: bool,
    /// Whether a value of the candidate side could not be determined.
    pub candidate_unknown: bool,
}

impl Rule {
    /// Decides one key of `key` columns; `amounts` says of each compared column whether it holds amounts.
    pub fn decide(&self, record: &Record<'_>, key: usize, amounts: &[bool]) -> Ruling {
        let ruling = self.rule(record, key, amounts.len());
        let used = match ruling.taken {
            Taken::Candidate => record.candidate.or(record.legacy),
            Taken::Legacy => record.legacy,
            Taken::Held => return ruling,
        };
        // NaN and infinities compare, but nobody can pay them.
        let payable = used.is_some_and(|copies| {
            amounts.iter().enumerate().all(|(column, amount)| is_payable(&copies.at(key + column), *amount))
        });
        let reason = Reason::Discrepancy(DiscrepancyKind::Unknown);
        if payable { ruling } else { Ruling { taken: Taken::Held, reason, legacy_unknown: true, ..ruling } }
    }

    fn rule(&self, record: &Record<'_>, key: usize, compared: usize) -> Ruling {
        let held = |reason| Ruling {
            taken: Taken::Held,
            reason,
            blocks: None,
            legacy_unknown: false,
            candidate_unknown: false,
        };
        let legacy_count = record.legacy.map_or(0, |copies| copies.count);
        let kind = match record.outcome {
            Outcome::Matched | Outcome::Tolerated | Outcome::Gone => {
                let enrolled = !self.fallback && self.is_enrolled(record, key);
                let taken = if enrolled { Taken::Candidate } else { Taken::Legacy };
                let reason = match (record.outcome, enrolled) {
                    (Outcome::Tolerated, _) => Reason::Tolerated,
                    (_, true) => Reason::Agree,
                    (_, false) => Reason::NotEnrolled,
                };
                return Ruling { taken, ..held(reason) };
            }
            Outcome::Mismatched => DiscrepancyKind::Mismatch,
            Outcome::LegacyOnly => DiscrepancyKind::LegacyOnly,
            Outcome::CandidateOnly => DiscrepancyKind::CandidateOnly,
            Outcome::Duplicate => DiscrepancyKind::DuplicateKey,
            Outcome::Unknown => DiscrepancyKind::Unknown,
        };
        let held = held(Reason::Discrepancy(kind));
        let chosen = |choice: Choice, name: &'static str| match choice {
            Choice::Legacy => Ruling { taken: Taken::Legacy, ..held },
            Choice::Hold => held,
            Choice::Block => Ruling { blocks: Some(name), ..held },
        };
        let without_legacy = |choice: ChoiceWithoutLegacy, name: &'static str| match choice {
            ChoiceWithoutLegacy::Hold => held,
            ChoiceWithoutLegacy::Block => Ruling { blocks: Some(name), ..held },
        };
        let policy = &self.policy;
        match kind {
            DiscrepancyKind::Mismatch => chosen(policy.mismatch, "mismatch"),
            DiscrepancyKind::LegacyOnly => chosen(policy.legacy_only, "legacy_only"),
            DiscrepancyKind::CandidateOnly => without_legacy(policy.candidate_only, "candidate_only"),
            DiscrepancyKind::DuplicateKey if unknown_side(record.legacy, key + compared) => {
                Ruling { legacy_unknown: true, ..held }
            }
            DiscrepancyKind::DuplicateKey => match legacy_count {
                // Only the candidate has it, more than once: there is no legacy value to use.
                0 => {
                    let ruling = without_legacy(policy.candidate_only, "candidate_only");
                    let block = policy.candidate_duplicate == Choice::Block;
                    Ruling { blocks: ruling.blocks.or(block.then_some("candidate_duplicate")), ..ruling }
                }
                1 => chosen(policy.candidate_duplicate, "candidate_duplicate"),
                _ => without_legacy(policy.legacy_duplicate, "legacy_duplicate"),
            },
            DiscrepancyKind::Unknown => {
                let no_key = record.any().is_some_and(|copies| {
                    (0..key).any(|at| {
                        let cell = copies.at(at).cell;
                        cell.is_missing() || matches!(cell, Cell::Unknown(_))
                    })
                });
                // What cannot be laid at the candidate's door is legacy's.
                let legacy = record.legacy.is_some()
                    && (legacy_count > 1
                        || no_key
                        || unknown_side(record.legacy, key + compared)
                        || !unknown_side(record.candidate, key + compared));
                match (legacy, record.legacy.is_some()) {
                    (true, _) => Ruling { legacy_unknown: true, ..held },
                    (false, true) => {
                        Ruling { candidate_unknown: true, ..chosen(policy.candidate_unknown, "candidate_unknown") }
                    }
                    (false, false) => {
                        let ruling = without_legacy(policy.candidate_only, "candidate_only");
                        let block = policy.candidate_unknown == Choice::Block;
                        let blocks = block.then_some("candidate_unknown").or(ruling.blocks);
                        Ruling { blocks, candidate_unknown: true, ..ruling }
                    }
                }
            }
        }
    }

    /// Whether an agreeing record takes the candidate's value: by a stable hash of its key, so that a record that is
    /// enrolled at some percentage is enrolled at every larger one, whatever the parameters of the cycle.
    fn is_enrolled(&self, record: &Record<'_>, key: usize) -> bool {
        match (self.percent, record.any()) {
            (0, _) | (_, None) => false,
            (100.., _) => true,
            (percent, Some(copies)) => {
                let mut hash = Sha256::new();
                for at in 0..key {
                    // A separator that no part can hold by itself: its length goes before it.
                    let part = stable(&Value::of(copies.at(at)));
                    hash.update((part.len() as u64).to_le_bytes());
                    hash.update(part.as_bytes());
                }
                let digest = hash.finalize();
                let number = digest.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
                number % 100 < u64::from(percent)
            }
        }
    }
}

/// A part of a key in a form that is the same however its store holds it: `1.50` is `1.5`.
fn stable(value: &Value) -> String {
    let text = value.to_string();
    match value {
        Value::Number { amount, .. } if amount.is_zero() => "0".to_owned(),
        Value::Number { .. } if text.contains('.') && !text.contains(['e', 'E']) => {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => text,
    }
}

/// Whether any value of a side's records could not be decoded.
fn unknown_side(side: Option<crate::compare::Copies<'_>>, width: usize) -> bool {
    side.is_some_and(|copies| {
        copies.rows().any(|row| (0..width).any(|column| is_unknown(&copies.batch.at(row, column))))
    })
}

/// Whether a value can be used: it is no number without a size, and where amounts are it does not say one either.
fn is_payable(at: &crate::domain::CellRef<'_>, amount: bool) -> bool {
    match at.cell {
        Cell::Wide { text, .. } => crate::domain::Amount::parse(at.text(text)).is_ok_and(|amount| amount.is_finite()),
        Cell::Text(span) | Cell::Untyped(span) if amount => {
            let text = at.text(span).trim().trim_start_matches(['+', '-']).to_ascii_lowercase();
            !matches!(text.as_str(), "nan" | "inf" | "infinity")
        }
        _ => true,
    }
}

/// Whether a value, or one inside it, could not be decoded.
fn is_unknown(at: &crate::domain::CellRef<'_>) -> bool {
    match at.cell {
        Cell::Unknown(_) => true,
        Cell::Bson { .. } | Cell::Json(_) => Value::of(*at).unknown().is_some(),
        _ => false,
    }
}

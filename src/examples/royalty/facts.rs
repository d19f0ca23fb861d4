//! Purchases, plays, tracks and rights: what happened, before anybody computes with it.

use super::super::{Draw, Scale};

// Numbers of the tables for `Draw`.
const PURCHASES: u32 = 11;
const PLAYS: u32 = 12;
const RIGHTS: u32 = 13;
const FAULTS: u32 = 14;

pub(super) const PLANS: [&str; 3] = ["basic", "family", "mobile"];
/// 2026-10-01, in days since 1970-01-01; the month has 31.
pub(super) const MONTH_FROM: i32 = 20_727;
pub(super) const MONTH_TO: i32 = MONTH_FROM + 31;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Producer,
    Author,
    Performer,
}

impl Role {
    pub(super) const ALL: [Role; 3] = [Role::Producer, Role::Author, Role::Performer];

    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Producer => "producer",
            Role::Author => "author",
            Role::Performer => "performer",
        }
    }

    /// Of net revenue, in 1/10,000.
    pub(super) fn rate(self) -> i64 {
        match self {
            Role::Producer => 4_825,
            Role::Author => 1_050,
            Role::Performer => 625,
        }
    }
}

/// A purchase. Days since 1970-01-01, revenue in whole won.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purchase {
    pub id: i64,
    pub on: i32,
    pub plan: &'static str,
    pub net_revenue: i64,
    pub cancelled_on: Option<i32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Play {
    pub id: i64,
    pub on: i32,
    pub plan: &'static str,
    pub track: i64,
    /// In tenths of a second.
    pub tenths: i64,
}

impl Play {
    /// Whether the generated play is in the month and long enough.
    pub(super) fn counts(&self) -> bool {
        self.on >= MONTH_FROM && self.on < MONTH_TO && self.tenths >= 600
    }
}

/// What a holder has of a track. The share in 1/10,000.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right {
    pub track: i64,
    pub role: Role,
    pub holder: i64,
    pub share: i64,
}

/// What is wrong with a holder's rights in the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They are not there.
    Missing,
    /// They stand under another holder's number.
    Stranger,
    /// Every share is lower by 0.0100.
    Share,
}

/// Added to the number of a holder whose rights stand under a stranger's.
pub(super) const STRANGER: i64 = 1_000_000_000;
/// What a `Fault::Share` takes away, in 1/10,000. Generated shares are larger.
pub(super) const LOST_SHARE: i64 = 100;

pub(super) fn tracks(scale: Scale) -> u64 {
    (scale.records / 50).clamp(20, 100_000)
}

fn holders(scale: Scale) -> u64 {
    (tracks(scale) / 4).max(8)
}

pub(super) fn purchases(scale: Scale) -> u64 {
    (scale.records / 200).max(30)
}

/// Each plan has a purchase that counts: the first ones.
pub(super) fn purchase(scale: Scale, at: u64) -> Purchase {
    let mut draw = Draw::at(scale.seed, PURCHASES, at);
    let first = at < PLANS.len() as u64;
    let plan = if first { at } else { draw.below(PLANS.len() as u64) };
    let on = if first { MONTH_FROM } else { MONTH_FROM - 2 + draw.below(34) as i32 };
    let cancelled = !first && draw.once_in(20);
    Purchase {
        id: at as i64 + 1,
        on,
        plan: PLANS[plan as usize],
        net_revenue: draw.between(4_000, 15_000),
        cancelled_on: cancelled.then(|| on + draw.below(14) as i32),
    }
}

pub(super) fn play(scale: Scale, at: u64) -> Play {
    let mut draw = Draw::at(scale.seed, PLAYS, at);
    let tracks = tracks(scale);
    // The smaller of two: some tracks are played far more often than others.
    let track = draw.below(tracks).min(draw.below(tracks));
    Play {
        id: at as i64 + 1,
        on: MONTH_FROM - 1 + draw.below(33) as i32,
        plan: PLANS[draw.below(PLANS.len() as u64) as usize],
        track: track as i64 + 1,
        tenths: if draw.once_in(6) { draw.between(10, 599) } else { draw.between(600, 4_200) },
    }
}

/// The rights of one track; the shares of each role add up to 1.
pub(super) fn rights(scale: Scale, track: u64) -> Vec<Right> {
    let mut draw = Draw::at(scale.seed, RIGHTS, track);
    let mut rights = Vec::new();
    for (role, most) in Role::ALL.into_iter().zip([2, 3, 4]) {
        let count = draw.between(1, most);
        let equal = draw.once_in(2);
        let weights: Vec<i64> = (0..count).map(|_| if equal { 1 } else { draw.between(1, 10) }).collect();
        let all: i64 = weights.iter().sum();
        let first = draw.below(holders(scale));
        let mut left = 10_000;
        for (n, weight) in weights.iter().enumerate() {
            let share = if n + 1 == weights.len() { left } else { 10_000 * weight / all };
            left -= share;
            // Neighbours, so that nobody holds one role of a track twice.
            let holder = ((first + n as u64) % holders(scale)) as i64 + 1;
            rights.push(Right { track: track as i64 + 1, role, holder, share });
        }
    }
    rights
}

/// Whether and how this holder's rights are wrong.
pub(super) fn fault(scale: Scale, holder: i64) -> Option<Fault> {
    let mut draw = Draw::at(scale.seed, FAULTS, holder.unsigned_abs());
    if draw.below(1_000_000) >= u64::from(scale.faults) {
        return None;
    }
    Some(match draw.below(4) {
        0 => Fault::Missing,
        1 => Fault::Stranger,
        _ => Fault::Share,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_is_october() {
        assert_eq!(crate::domain::parse_date("2026-10-01"), Some(MONTH_FROM));
        assert_eq!(crate::domain::parse_date("2026-11-01"), Some(MONTH_TO));
    }

    #[test]
    fn shares_of_a_role_add_up_and_are_larger_than_what_a_fault_takes() {
        let scale = Scale::of(50_000);
        for track in 0..tracks(scale) {
            let rights = rights(scale, track);
            for role in Role::ALL {
                let of_role: Vec<&Right> = rights.iter().filter(|r| r.role == role).collect();
                assert_eq!(of_role.iter().map(|r| r.share).sum::<i64>(), 10_000, "{track}");
                assert!(of_role.iter().all(|r| r.share > LOST_SHARE), "{of_role:?}");
            }
        }
    }
}

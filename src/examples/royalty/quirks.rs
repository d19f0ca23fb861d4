//! The royalty settlement's disagreements for realistic reasons, by hand; fixtures/royalty/quirks.md tells the
//! stories. Each has a plan of its own, so that no other holder's amount moves. Numbers from 90,000,001 on.

use super::facts::{MONTH_FROM, Play, Purchase, Right, Role};

/// What the tables of the legacy path or the files and documents of the candidate path hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    pub purchases: Vec<Purchase>,
    pub plays: Vec<Play>,
    pub rights: Vec<Right>,
}

const FIRST: i64 = 90_000_000;

fn purchase(at: i64, plan: &'static str, net_revenue: i64) -> Purchase {
    Purchase { id: FIRST + at, on: MONTH_FROM + 4, plan, net_revenue, cancelled_on: None }
}

fn play(at: i64, plan: &'static str, track: i64, tenths: i64) -> Play {
    Play { id: FIRST + at, on: MONTH_FROM + 9, plan, track: FIRST + track, tenths }
}

fn right(track: i64, role: Role, holder: i64, share: i64) -> Right {
    Right { track: FIRST + track, role, holder: FIRST + holder, share }
}

/// One holder has all of a track.
fn whole(track: i64, holder: i64) -> [Right; 3] {
    Role::ALL.map(|role| right(track, role, holder, 10_000))
}

/// Legacy, candidate.
pub(super) fn sides() -> (Side, Side) {
    let mut legacy = Side::default();
    let mut candidate = Side::default();

    // A play of 59.6 seconds, which the loader of the lake rounded to whole seconds.
    for side in [&mut legacy, &mut candidate] {
        side.purchases.push(purchase(1, "student", 10_000));
        side.plays.extend([play(1, "student", 1, 1_800), play(2, "student", 1, 2_000), play(3, "student", 2, 900)]);
        side.rights.extend(whole(1, 1));
        side.rights.extend(whole(2, 2));
    }
    legacy.plays.push(play(4, "student", 1, 596));
    candidate.plays.push(play(4, "student", 1, 600));

    // A producer's share was sold in the middle of the month; the documents were built before.
    for (side, shares) in [(&mut legacy, [5_000, 5_000]), (&mut candidate, [6_000, 4_000])] {
        side.purchases.push(purchase(2, "hifi", 30_000));
        side.plays.push(play(5, "hifi", 3, 2_400));
        side.rights.extend([
            right(3, Role::Producer, 3, shares[0]),
            right(3, Role::Producer, 4, shares[1]),
            right(3, Role::Author, 3, 10_000),
            right(3, Role::Performer, 3, 10_000),
        ]);
    }

    // A purchase that was cancelled after the lake's file had been written.
    for (side, cancelled_on) in [(&mut legacy, Some(MONTH_FROM + 33)), (&mut candidate, None)] {
        side.purchases.push(purchase(3, "trial", 9_900));
        side.purchases.push(Purchase { cancelled_on, ..purchase(4, "trial", 4_900) });
        side.plays.push(play(6, "trial", 4, 2_100));
        side.rights.extend(whole(4, 5));
    }
    (legacy, candidate)
}

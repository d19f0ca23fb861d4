//! The ledger, and what clocks of servers mean for it.

use crate::config::Project;
use crate::ledger::{Ledger, NEWEST, Writable};
use crate::stores::about::Clock;

use super::finding::Finding;
use super::machine;

/// Clocks that are further apart are told.
const APART: i128 = 2_000_000_000;

pub(super) fn ledger(project: &Project) -> Vec<Finding> {
    let place = "ledger";
    let probed = match Ledger::probe(&project.ledger) {
        Ok(probed) => probed,
        Err(error) => return vec![Finding::of(place, error)],
    };
    let schema = match probed.version {
        0 => "no schema yet: made when it is first used, or by `recon ledger migrate`".to_owned(),
        version if version == NEWEST => format!("schema {version}, the newest"),
        version => format!("schema {version}: brought to {NEWEST} when it is next used, or by `recon ledger migrate`"),
    };
    let mut findings = vec![Finding::ok(place, format!("{} at {}; {schema}", probed.server, probed.place))];
    match probed.writable {
        Writable::Yes => {}
        Writable::No(error) => findings.push(Finding::of(place, error)),
        Writable::Untold(why) => findings.push(Finding::note(
            place,
            format!("whether its tables can be made is not known: {why}"),
            "`recon ledger migrate` makes them, or says what is missing",
        )),
    }
    findings.extend(probed.clock.and_then(|at| clock(place, at)));
    findings.extend(probed.may_lose.map(|(what, mend)| Finding::note(place, what, mend)));
    if let Some(network) = probed.file.as_deref().and_then(machine::network_filesystem) {
        findings.push(Finding::note(
            place,
            format!("its file is on a network filesystem ({network}): SQLite's locks may not hold there"),
            "put it on a disk of this machine, or use a ledger in MySQL or PostgreSQL",
        ));
    }
    findings
}

/// Told when the clocks are so far apart that times in reports and `:now` in queries would mislead.
pub(super) fn clock(place: &str, at: Clock) -> Option<Finding> {
    let ahead = at.ahead();
    if ahead.abs() <= APART {
        return None;
    }
    let seconds = ahead.abs() / 1_000_000_000;
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    Some(Finding::note(
        place,
        format!("its server's clock is {seconds} s {way} this machine's"),
        "let both be set by the same time service (chrony, systemd-timesyncd)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_two_seconds_apart_are_told() {
        const SECOND: i128 = 1_000_000_000;
        let told =
            |before, server, after| clock("store x", Clock { before, server, after }).map(|finding| finding.what);
        assert_eq!(told(0, 2 * SECOND, 0), None);
        assert_eq!(told(0, 2 * SECOND + 1, 0).as_deref(), Some("its server's clock is 2 s ahead of this machine's"));
        assert_eq!(
            told(10 * SECOND, 4 * SECOND, 11 * SECOND).as_deref(),
            Some("its server's clock is 6 s behind this machine's")
        );
        // An answer that took five seconds proves nothing about the seconds it took.
        assert_eq!(told(0, 5 * SECOND, 5 * SECOND), None);
    }
}

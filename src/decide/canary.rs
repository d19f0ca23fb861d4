//! How far the new path is to be trusted: raise, keep or cut back, with the reason. Pure; source: T12.

use std::collections::BTreeSet;

/// Shares that are recommended one after the other, in percent.
const LADDER: [u8; 7] = [0, 1, 5, 10, 25, 50, 100];

/// One ended run, as far as trust depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The run.
    pub run: String,
    /// The share that it was run at.
    pub percent: u8,
    /// Whether no record disagreed.
    pub clean: bool,
    /// Whether more disagreed than is allowed.
    pub breached: bool,
    /// Values of the segment columns seen in any record.
    pub seen: BTreeSet<String>,
    /// Of those, seen in records that took the candidate's value.
    pub covered: BTreeSet<String>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// A larger share.
    Raise(u8),
    /// The share as it is.
    Keep,
    /// A smaller share.
    CutBack(u8),
}

/// Recommends from the runs that ended, the newest first, and the share in force.
pub fn advise(percent: u8, trials: &[Trial], raise_after: u32, cut_back_to: Option<u8>) -> (Advice, String) {
    // What was run at another share says nothing of this one.
    let here: Vec<&Trial> = trials.iter().take_while(|trial| trial.percent == percent).collect();
    let Some(last) = here.first() else {
        return (Advice::Keep, format!("no run has ended at {percent}% yet"));
    };
    if last.breached {
        let below = LADDER.iter().rev().find(|step| **step < percent).copied().unwrap_or(0);
        let to = cut_back_to.filter(|to| *to < percent).unwrap_or(below);
        return match percent {
            0 => (
                Advice::Keep,
                format!(
                    "run {} had more discrepancies than allowed, and no record takes the candidate's value",
                    last.run
                ),
            ),
            _ => (Advice::CutBack(to), format!("run {} had more discrepancies than allowed", last.run)),
        };
    }
    let clean = here.iter().take_while(|trial| trial.clean).count();
    let needed = raise_after as usize;
    if percent >= 100 {
        return (
            Advice::Keep,
            format!("every agreeing record takes the candidate's value; {clean} clean runs in a row"),
        );
    }
    if clean < needed {
        let why = match last.clean {
            true => format!("{clean} of {needed} clean runs in a row at {percent}%"),
            false => format!("run {} had discrepancies: {needed} clean runs in a row are needed", last.run),
        };
        return (Advice::Keep, why);
    }
    let of = |set: fn(&Trial) -> &BTreeSet<String>| -> BTreeSet<&String> {
        here.iter().take(clean).flat_map(|trial| set(trial)).collect()
    };
    let (seen, covered) = (of(|trial| &trial.seen), of(|trial| &trial.covered));
    let missing: Vec<&str> = seen.difference(&covered).map(|segment| segment.as_str()).collect();
    // At 0 % nothing is covered: that cannot be asked for before the first step.
    if !missing.is_empty() && percent > 0 {
        let shown: Vec<&str> = missing.iter().take(5).copied().collect();
        let more = if missing.len() > 5 { format!(" and {} more", missing.len() - 5) } else { String::new() };
        return (
            Advice::Keep,
            format!(
                "{clean} clean runs in a row, but the candidate's value was not used yet for {}{more}",
                shown.join(", ")
            ),
        );
    }
    let above = LADDER.iter().find(|step| **step > percent).copied().unwrap_or(100);
    (Advice::Raise(above), format!("{clean} clean runs in a row at {percent}%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(percent: u8, clean: bool, breached: bool) -> Trial {
        Trial { run: "1-1".into(), percent, clean, breached, seen: BTreeSet::new(), covered: BTreeSet::new() }
    }

    #[test]
    fn trust_grows_slowly_and_falls_at_once() {
        let good = vec![trial(10, true, false); 6];
        assert_eq!(advise(10, &good, 6, None).0, Advice::Raise(25));
        assert_eq!(advise(10, &good[..5], 6, None).0, Advice::Keep);
        assert_eq!(advise(10, &good, 7, None).0, Advice::Keep);
        assert_eq!(advise(25, &good, 6, None).0, Advice::Keep, "runs at another share do not count");
        let with = |first: Trial| [vec![first], good.clone()].concat();
        assert_eq!(advise(10, &with(trial(10, false, false)), 6, None).0, Advice::Keep);
        assert_eq!(advise(10, &with(trial(10, false, true)), 6, None).0, Advice::CutBack(5));
        assert_eq!(advise(10, &with(trial(10, false, true)), 6, Some(1)).0, Advice::CutBack(1));
        assert_eq!(advise(0, &[trial(0, false, true)], 6, None).0, Advice::Keep);
        assert_eq!(advise(100, &vec![trial(100, true, false); 9], 6, None).0, Advice::Keep);
        assert_eq!(advise(0, &vec![trial(0, true, false); 6], 6, None).0, Advice::Raise(1));
        assert_eq!(advise(3, &vec![trial(3, true, false); 6], 6, None).0, Advice::Raise(5));
    }

    #[test]
    fn a_segment_that_was_never_covered_keeps_the_share() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let mut trials = vec![trial(10, true, false); 6];
        trials[3].seen = set(&["KRW", "USD"]);
        trials[4].covered = set(&["KRW"]);
        let (advice, why) = advise(10, &trials, 6, None);
        assert_eq!(advice, Advice::Keep);
        assert!(why.contains("USD") && !why.contains("KRW"), "{why}");
        trials[5].covered = set(&["USD"]);
        assert_eq!(advise(10, &trials, 6, None).0, Advice::Raise(25));
    }
}

//! What was found, and how it is shown. Must not look at anything.

use serde_json::{Value as Json, json};
use unicode_width::UnicodeWidthStr;

use crate::commands::Failure;
use crate::commands::table::plain;
use crate::exit::Exit;

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grade {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Note,
    /// It does not work.
    Wrong,
}

impl Grade {
    fn name(self) -> &'static str {
        match self {
            Grade::Ok => "ok",
            Grade::Note => "note",
            Grade::Wrong => "wrong",
        }
    }

    fn color(self) -> &'static str {
        match self {
            Grade::Ok => "\u{1b}[32m",
            Grade::Note => "\u{1b}[33m",
            Grade::Wrong => "\u{1b}[31m",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) grade: Grade,
    /// What was looked at: `store core`, `ledger`.
    pub(super) place: String,
    /// What was found, in a sentence.
    pub(super) what: String,
    /// What to do about it.
    pub(super) mend: Option<String>,
    /// How the command is to end for it.
    exit: Exit,
}

impl Finding {
    pub(super) fn ok(place: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding { grade: Grade::Ok, place: place.into(), what: what.into(), mend: None, exit: Exit::Success }
    }

    pub(super) fn note(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Finding {
        Finding {
            grade: Grade::Note,
            place: place.into(),
            what: what.into(),
            mend: Some(mend.into()),
            exit: Exit::Success,
        }
    }

    /// What the project file says is wrong.
    pub(super) fn usage(place: impl Into<String>, what: impl Into<String>, mend: Option<String>) -> Finding {
        Finding { grade: Grade::Wrong, place: place.into(), what: what.into(), mend, exit: Exit::Usage }
    }

    /// Something could not be reached or done.
    pub(super) fn failed(place: impl Into<String>, what: impl Into<String>, mend: Option<String>) -> Finding {
        Finding { grade: Grade::Wrong, place: place.into(), what: what.into(), mend, exit: Exit::Incomplete }
    }

    /// What kept recon from its work.
    pub(super) fn of(place: impl Into<String>, failure: impl Into<Failure>) -> Finding {
        let Failure { exit, what, hint } = failure.into();
        Finding { grade: Grade::Wrong, place: place.into(), what, mend: hint, exit }
    }

    /// As it is, found somewhere else.
    pub(super) fn at(self, place: String) -> Finding {
        Finding { place, ..self }
    }

    pub(super) fn json(&self) -> Json {
        json!({ "grade": self.grade.name(), "place": self.place, "what": self.what, "mend": self.mend })
    }
}

/// 2 when the configuration is wrong, for that is certain and stays; else 3 when something could not be reached or done.
pub(super) fn exit_of(findings: &[Finding]) -> Exit {
    let any = |exit: Exit| findings.iter().any(|finding| finding.exit == exit);
    if any(Exit::Usage) {
        Exit::Usage
    } else if findings.iter().any(|finding| finding.grade == Grade::Wrong) {
        Exit::Incomplete
    } else {
        Exit::Success
    }
}

/// An aligned list; how to mend what is not right stands below it, indented.
pub(super) fn lines(findings: &[Finding], color: bool) -> Vec<String> {
    let places: Vec<String> = findings.iter().map(|finding| plain(&finding.place)).collect();
    let width = places.iter().map(|place| place.width()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (finding, place) in findings.iter().zip(&places) {
        let name = finding.grade.name();
        let grade = match color {
            true => format!("{}{name}\u{1b}[0m{}", finding.grade.color(), " ".repeat(5 - name.len())),
            false => format!("{name:5}"),
        };
        let gap = " ".repeat(width - place.width());
        lines.push(format!("{grade}  {place}{gap}  {}", plain(&finding.what)));
        if let Some(mend) = &finding.mend {
            lines.push(format!("{}→ {}", " ".repeat(width + 9), plain(mend)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_configuration_outranks_what_cannot_be_reached() {
        let ok = || Finding::ok("a", "b");
        let note = || Finding::note("a", "b", "c");
        let usage = || Finding::usage("a", "b", None);
        let failed = || Finding::failed("a", "b", None);
        assert_eq!(exit_of(&[ok(), note()]), Exit::Success);
        assert_eq!(exit_of(&[ok(), failed()]), Exit::Incomplete);
        assert_eq!(exit_of(&[failed(), usage(), ok()]), Exit::Usage);
    }

    #[test]
    fn the_list_is_aligned_and_steers_no_terminal() {
        let findings = [Finding::ok("store core", "fine\u{1b}[2J"), Finding::note("ledger", "slow", "mend it")];
        assert_eq!(
            lines(&findings, false),
            ["ok     store core  fine\\u{1b}[2J", "note   ledger      slow", "                   → mend it"]
        );
        assert!(lines(&findings, true)[0].starts_with("\u{1b}[32mok\u{1b}[0m     store core"));
    }
}

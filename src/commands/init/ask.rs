//! Questions at a terminal, each with a proposal that Enter takes. Must not look at stores itself.

use std::io::{BufRead, Write};

use crate::commands::Failure;

use super::side::Side;

/// Whether questions may be asked.
pub(super) struct Asked {
    may: bool,
}

impl Asked {
    pub(super) fn new(may: bool) -> Asked {
        Asked { may }
    }

    pub(super) fn may(&self) -> bool {
        self.may
    }

    /// Both sides, given or asked for; `None` when the user wants a sample.
    pub(super) fn sides(
        &mut self,
        legacy: Option<&str>,
        candidate: Option<&str>,
    ) -> Result<Option<(Side, Side)>, Failure> {
        if self.may && legacy.is_none() && candidate.is_none() {
            say("Two sides are compared: what is paid today (legacy), and what is to take over (candidate).");
            say(
                "A side is mysql://user@host/db#table, postgres://…, sqlite:shop.db#table, mongodb://host/db#collection, or a file.",
            );
        }
        let Some(legacy) = self.side("legacy", legacy)? else { return Ok(None) };
        let Some(candidate) = self.side("candidate", candidate)? else {
            return Err(Failure::usage("only the legacy side is given")
                .hint("give the candidate side too: `--candidate URL#collection`"));
        };
        Ok(Some((legacy, candidate)))
    }

    fn side(&mut self, word: &'static str, given: Option<&str>) -> Result<Option<Side>, Failure> {
        let text = match given {
            Some(text) => text.to_owned(),
            None if !self.may && word == "legacy" => {
                return Err(Failure::usage("only the candidate side is given")
                    .hint("give the legacy side too: `--legacy URL#table`"));
            }
            None if !self.may => return Ok(None),
            None if word == "legacy" => question("legacy side (Enter: a small sample project)", "")?,
            None => question("candidate side", "")?,
        };
        if text.is_empty() {
            return Ok(None);
        }
        let side = Side::parse(word, &text)?;
        if side.is_complete() {
            return Ok(Some(side));
        }
        let tables = side.tables()?;
        if !self.may {
            return Err(Failure::usage(format!("`--{word}` names no table or collection")).hint(
                match tables.is_empty() {
                    true => "the database is empty".to_owned(),
                    false => format!("add one behind `#`; there are: {}", tables.join(", ")),
                },
            ));
        }
        say(&format!("there are: {}", tables.join(", ")));
        let table = question("table or collection", tables.first().map_or("", String::as_str))?;
        Ok(Some(side.with_table(table)))
    }

    pub(super) fn key(&mut self, proposed: String) -> Result<String, Failure> {
        if self.may {
            question("key columns (legacy=candidate where the names differ)", &proposed)
        } else {
            Ok(proposed)
        }
    }

    pub(super) fn name(&mut self, proposed: String) -> Result<String, Failure> {
        if self.may { question("name of the reconciliation", &proposed) } else { Ok(proposed) }
    }
}

fn say(line: &str) {
    crate::commands::print_lines(&[line]);
}

fn question(text: &str, proposed: &str) -> Result<String, Failure> {
    let unanswered = |_| Failure::usage("the question cannot be asked").hint("give flags: `recon init --help`");
    let mut out = std::io::stdout().lock();
    let shown = if proposed.is_empty() { format!("{text}: ") } else { format!("{text} [{proposed}]: ") };
    out.write_all(shown.as_bytes()).and_then(|()| out.flush()).map_err(unanswered)?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer).map_err(unanswered)?;
    if read == 0 {
        return Err(Failure::usage("the question was not answered").hint("give flags: `recon init --help`"));
    }
    let answer = answer.trim();
    Ok(if answer.is_empty() { proposed.to_owned() } else { answer.to_owned() })
}

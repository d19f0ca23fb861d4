//! Questions at a terminal, each with a proposal that Enter takes. A wrong answer is told, and the question asked again.

use std::io::{BufRead, Write};

use crate::commands::Failure;

use super::side::{Look, Side};

/// A side, and what was found there.
pub(super) type Looked = (Side, Look);

/// Whether questions may be asked, and of whom.
pub(super) struct Asked {
    talk: Option<Box<dyn Talk>>,
}

/// Somebody who answers.
pub(super) trait Talk {
    /// Tells something.
    fn say(&mut self, line: &str);

    /// Asks a question, and gives the answer without blanks around it.
    fn ask(&mut self, question: &str) -> Result<String, Failure>;
}

/// The user at the terminal.
pub(super) struct Terminal;

impl Talk for Terminal {
    fn say(&mut self, line: &str) {
        crate::commands::print_lines(&[line]);
    }

    fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let unanswered = |_| Failure::usage("the question cannot be asked").hint("give flags: `recon init --help`");
        let mut out = std::io::stdout().lock();
        out.write_all(question.as_bytes()).and_then(|()| out.flush()).map_err(unanswered)?;
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer).map_err(unanswered)?;
        if read == 0 {
            return Err(Failure::usage("the question was not answered").hint("give flags: `recon init --help`"));
        }
        Ok(answer.trim().to_owned())
    }
}

impl Asked {
    /// Nobody can be asked.
    pub(super) fn nobody() -> Asked {
        Asked { talk: None }
    }

    pub(super) fn of(talk: impl Talk + 'static) -> Asked {
        Asked { talk: Some(Box::new(talk)) }
    }

    pub(super) fn may(&self) -> bool {
        self.talk.is_some()
    }

    /// Both sides, given or asked for, and what is found there; `None` when the user wants a sample.
    pub(super) fn sides(
        &mut self,
        legacy: Option<&str>,
        candidate: Option<&str>,
    ) -> Result<Option<(Looked, Looked)>, Failure> {
        if legacy.is_none() && candidate.is_none() {
            self.say("Two sides are compared: what is paid today (legacy), and what is to take over (candidate).");
            self.say(
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

    fn side(&mut self, word: &'static str, given: Option<&str>) -> Result<Option<Looked>, Failure> {
        match given {
            Some(text) => Ok(Some(self.named(word, text)?)),
            None if self.may() && word == "legacy" => {
                self.until("legacy side (Enter: a small sample project)", "", |asked, text| match text {
                    "" => Ok(None),
                    text => asked.named(word, text).map(Some),
                })
            }
            None if self.may() => self.until("candidate side", "", |asked, text| match text {
                "" => Err(Failure::usage("a candidate side is needed")),
                text => asked.named(word, text).map(Some),
            }),
            None if word == "legacy" => Err(Failure::usage("only the candidate side is given")
                .hint("give the legacy side too: `--legacy URL#table`")),
            None => Ok(None),
        }
    }

    /// A side as it is named, and what is found there; the table is asked for where none is named.
    fn named(&mut self, word: &'static str, text: &str) -> Result<Looked, Failure> {
        let side = Side::parse(word, text)?;
        if side.is_complete() {
            let look = side.look()?;
            return Ok((side, look));
        }
        let tables = side.tables()?;
        let known = tables.join(", ");
        if !self.may() || tables.is_empty() {
            return Err(Failure::usage(format!("`--{word}` names no table or collection")).hint(
                match tables.is_empty() {
                    true => "the database is empty".to_owned(),
                    false => format!("add one behind `#`; there are: {known}"),
                },
            ));
        }
        // Which of several is meant is nothing to guess.
        let proposed = if let [only] = tables.as_slice() { only.as_str() } else { "" };
        self.say(&format!("there are: {known}"));
        self.until("table or collection", proposed, |_, table| {
            if table.is_empty() {
                return Err(Failure::usage("a table or collection is needed").hint(format!("there are: {known}")));
            }
            let side = side.clone().with_table(table.to_owned());
            let look = side.look()?;
            Ok((side, look))
        })
    }

    /// Asks until the answer is taken; without anybody to ask, the proposal is the answer.
    ///
    /// # Errors
    /// The proposal is not taken and nobody can be asked; the question is not answered.
    pub(super) fn until<T>(
        &mut self,
        question: &str,
        proposed: &str,
        mut take: impl FnMut(&mut Asked, &str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let shown = if proposed.is_empty() { format!("{question}: ") } else { format!("{question} [{proposed}]: ") };
        loop {
            let Some(talk) = &mut self.talk else { return take(self, proposed) };
            let answer = talk.ask(&shown)?;
            match take(self, if answer.is_empty() { proposed } else { &answer }) {
                Ok(taken) => return Ok(taken),
                Err(Failure { what, hint, .. }) => {
                    self.say(&format!("  {what}"));
                    if let Some(hint) = hint {
                        self.say(&format!("  {hint}"));
                    }
                }
            }
        }
    }

    pub(super) fn say(&mut self, line: &str) {
        if let Some(talk) = &mut self.talk {
            talk.say(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::rc::Rc;

    /// Answers in turn, and remembers what was said.
    struct Prepared(VecDeque<&'static str>, Rc<RefCell<Vec<String>>>);

    impl Talk for Prepared {
        fn say(&mut self, line: &str) {
            self.1.borrow_mut().push(line.to_owned());
        }

        fn ask(&mut self, question: &str) -> Result<String, Failure> {
            self.1.borrow_mut().push(question.to_owned());
            self.0.pop_front().map(str::to_owned).ok_or_else(|| Failure::usage("no answer is left"))
        }
    }

    fn asked(answers: &[&'static str]) -> (Asked, Rc<RefCell<Vec<String>>>) {
        let said = Rc::default();
        (Asked::of(Prepared(answers.iter().copied().collect(), Rc::clone(&said))), said)
    }

    #[test]
    fn a_wrong_answer_is_told_and_asked_again() {
        let (mut talk, said) = asked(&["x", "", "7"]);
        let number = talk.until("number", "five", |_, text| {
            text.parse::<u8>().map_err(|_| Failure::usage(format!("`{text}` is no number")).hint("such as 7"))
        });
        assert_eq!(number.expect("an answer"), 7);
        let again = "number [five]: ";
        assert_eq!(
            *said.borrow(),
            [again, "  `x` is no number", "  such as 7", again, "  `five` is no number", "  such as 7", again]
        );
        let refused = Asked::nobody().until("number", "five", |_, text| Err::<(), _>(Failure::usage(text.to_owned())));
        assert_eq!(refused.expect_err("the proposal is wrong").what, "five");
    }

    #[test]
    fn a_side_is_asked_for_until_it_is_there_and_no_table_is_guessed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.sqlite");
        let file = path.to_str().expect("a path").to_owned().leak();
        let url = format!("sqlite:{file}").leak();
        let mut writer = crate::stores::bulk::SqlWriter::connect(url).expect("a file");
        writer
            .run("CREATE TABLE artist (id INTEGER); CREATE TABLE settlement (id INTEGER, net NUMERIC)")
            .expect("tables");
        writer.close().expect("closed");
        let (mut talk, said) = asked(&[file, url, "", "settlment", "settlement"]);
        let (side, look) = talk.side("legacy", None).expect("a side").expect("no sample");
        assert_eq!((side.table.as_deref(), look.columns.len()), (Some("settlement"), 2));
        let said = said.borrow().join("\n");
        assert!(said.contains(&format!("a SQLite file is written {url}")), "{said}");
        assert!(said.contains("there are: artist, settlement\ntable or collection: \n"), "{said}");
        assert!(said.contains("settlment"), "{said}");
        // Without anybody to ask it is an error.
        let refused = Asked::nobody().side("legacy", Some(url)).err().expect("no table");
        assert!(refused.hint.expect("a hint").contains("artist"));
    }
}

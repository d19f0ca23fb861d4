//! What is tried: a text in place of a path's query or SQL. Must not compute.

use crate::cli::ImpactArgs;
use crate::commands::Failure;
use crate::commands::diff::text_or_file;
use crate::compare::SideName;
use crate::config::{Mapped, NewText, PathDefinition, Project, Reconciliation};
use crate::report::impact;

/// A changed path.
pub(super) struct Change {
    pub(super) side: SideName,
    text: NewText,
    /// The option that gave it.
    option: &'static str,
    /// The file that it is from, or the option.
    pub(super) from: String,
    /// The file, where it is from one.
    pub(super) file: Option<String>,
}

impl Change {
    /// What the flags say.
    ///
    /// # Errors
    /// The file cannot be read or is empty, or the path is not computed by such a text.
    pub(super) fn of(args: &ImpactArgs, project: &Project, of: &Reconciliation) -> Result<Change, Failure> {
        let given = [
            ("--legacy-query", SideName::Legacy, false, &args.legacy_query),
            ("--legacy-sql", SideName::Legacy, true, &args.legacy_sql),
            ("--candidate-query", SideName::Candidate, false, &args.candidate_query),
            ("--candidate-sql", SideName::Candidate, true, &args.candidate_sql),
        ];
        let found = given.into_iter().find_map(|(option, side, sql, given)| Some((option, side, sql, given.as_ref()?)));
        let Some((option, side, sql, given)) = found else {
            return Err(Failure::usage("no change is given").hint("say it with `--legacy-query @FILE` and its like"));
        };
        let text = text_or_file(option, given)?;
        if text.trim().is_empty() {
            return Err(Failure::usage(format!("`{option} {given}` is empty")));
        }
        let text = if sql { NewText::Sql(text) } else { NewText::Query(text) };
        let file = given.strip_prefix('@').map(str::to_owned);
        let from = file.clone().unwrap_or_else(|| option.to_owned());
        let change = Change { side, text, option, from, file };
        change.put(project, of)?;
        Ok(change)
    }

    /// The path as a definition has it.
    pub(super) fn path<'a>(&self, of: &'a Reconciliation) -> &'a PathDefinition {
        match self.side {
            SideName::Legacy => &of.legacy,
            SideName::Candidate => &of.candidate,
        }
    }

    /// The name of a column on the changed path's side.
    pub(super) fn own_name<'a>(&self, name: &'a Mapped) -> &'a str {
        match self.side {
            SideName::Legacy => &name.legacy,
            SideName::Candidate => &name.candidate,
        }
    }

    /// The changed path.
    ///
    /// # Errors
    /// It is not computed by such a text.
    pub(super) fn changed(&self, project: &Project, of: &Reconciliation) -> Result<PathDefinition, Failure> {
        self.path(of).with_text(project, &self.text, &self.from).map_err(|error| {
            let what = format!("`{}`: the {} path of `{}`: {}", self.option, self.side.name(), of.name, error.what);
            Failure { hint: error.hint, ..Failure::usage(what) }
        })
    }

    /// The reconciliation with the changed path.
    ///
    /// # Errors
    /// As [`Change::changed`].
    pub(super) fn put(&self, project: &Project, of: &Reconciliation) -> Result<Reconciliation, Failure> {
        let changed = self.changed(project, of)?;
        let mut with = of.clone();
        match self.side {
            SideName::Legacy => with.legacy = changed,
            SideName::Candidate => with.candidate = changed,
        }
        Ok(with)
    }

    /// As reports call it.
    pub(super) fn told(&self) -> impact::Change {
        let text = match self.text {
            NewText::Query(_) => "query",
            NewText::Sql(_) => "SQL",
        };
        let other = match self.side {
            SideName::Legacy => SideName::Candidate,
            SideName::Candidate => SideName::Legacy,
        };
        impact::Change {
            what: format!("another {} {text}", self.side.name()),
            from: self.from.clone(),
            side: self.side.name(),
            other: other.name(),
        }
    }
}

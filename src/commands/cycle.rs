//! A cycle by its reconciliation's name and parameters, and the ledger that knows it. Must not decide or print.

use crate::cli::{CycleArgs, Global};
use crate::config::{Origin, Project, Reconciliation, did_you_mean, listed};
use crate::domain::{State, Value};
use crate::ledger::{Cycle, CycleKey, Ledger, Process};

use super::Failure;
use super::named::params;

/// A cycle as it was asked for.
pub(super) struct Named {
    /// The project file.
    pub(super) project: Project,
    /// The reconciliation.
    pub(super) reconciliation: Reconciliation,
    /// Its parameters in their configured types.
    pub(super) params: Vec<(String, Value)>,
    /// The cycle.
    pub(super) key: CycleKey,
}

impl Named {
    /// Reads the project file and names the cycle. Opens nothing else.
    ///
    /// # Errors
    /// The file or the reconciliation is not there or not valid; a parameter is missing, unknown or of another type.
    pub(super) fn load(global: &Global, cycle: &CycleArgs) -> Result<Named, Failure> {
        let project = project(global)?;
        let reconciliation = project.reconciliation(&cycle.name)?.clone();
        let params = params(&reconciliation, &cycle.param)?;
        let key = CycleKey::new(&reconciliation.name, &params)?;
        Ok(Named { project, reconciliation, params, key })
    }

    /// The project's ledger, open.
    ///
    /// # Errors
    /// As [`ledger`].
    pub(super) fn ledger(&self) -> Result<Ledger, Failure> {
        ledger(&self.project)
    }

    /// The cycle as it stands.
    ///
    /// # Errors
    /// It was never registered (exit 2), or the ledger cannot be read.
    pub(super) fn found(&self, global: &Global, ledger: &mut Ledger) -> Result<Cycle, Failure> {
        let cycle = ledger.status(&self.key)?;
        cycle.ok_or_else(|| {
            Failure::usage(format!("there is no cycle {} in the ledger {}", self.key, ledger.place())).hint(format!(
                "check the parameters; `{}` registers it, `recon runs list {}` shows what was run",
                self.command(global, "verify"),
                self.reconciliation.name
            ))
        })
    }

    /// A command for this cycle, as it is typed into a shell.
    pub(super) fn command(&self, global: &Global, verb: &str) -> String {
        command(global, verb, self.key.reconciliation(), self.key.params())
    }
}

/// A command for a cycle, as it is typed into a POSIX shell.
pub(super) fn command<'a>(
    global: &Global,
    verb: &str,
    reconciliation: &str,
    params: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut words = vec!["recon".to_owned()];
    if global.config != std::path::Path::new("recon.toml") {
        words.extend(["--config".to_owned(), global.config.display().to_string()]);
    }
    if let Some(profile) = &global.profile {
        words.extend(["--profile".to_owned(), profile.clone()]);
    }
    words.extend([verb.to_owned(), reconciliation.to_owned()]);
    for (name, value) in params {
        words.extend(["--param".to_owned(), format!("{name}={value}")]);
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A state by the name that was typed.
///
/// # Errors
/// The reconciliation knows no such state (exit 2).
pub(super) fn state(named: &Named, option: &str, text: &str) -> Result<State, Failure> {
    let states = named.reconciliation.machine.states();
    states.iter().find(|state| state.name() == text).cloned().ok_or_else(|| {
        let names = || states.iter().map(State::name);
        let failure =
            Failure::usage(format!("`{option} {text}`: cycles of `{}` have no such state", named.reconciliation.name));
        failure.hint(did_you_mean(text, names()).unwrap_or_else(|| format!("the states are: {}", listed(names()))))
    })
}

/// The project file of a command.
///
/// # Errors
/// It is not there or not valid.
pub(super) fn project(global: &Global) -> Result<Project, Failure> {
    let project = Project::load(&global.config, global.profile.as_deref(), &|name| std::env::var(name).ok())?;
    super::log::hide(&project);
    Ok(project)
}

/// The project's ledger, to be read and nothing else; `None` when there is none yet.
///
/// # Errors
/// It cannot be reached or understood, or has an older schema.
pub(super) fn looked_at(project: &Project) -> Result<Option<Ledger>, Failure> {
    Ok(Ledger::look(&project.ledger, Process::current())?)
}

/// The project's ledger, open, and told of every secret of the project.
///
/// # Errors
/// It cannot be reached, changed or understood.
pub(super) fn ledger(project: &Project) -> Result<Ledger, Failure> {
    let mut ledger = Ledger::open(&project.ledger, Process::current())?;
    for store in project.stores.values() {
        ledger.hide(&store.url);
        store.check_url.iter().for_each(|url| ledger.hide(url));
    }
    for path in project.reconciliations().flat_map(|one| [&one.legacy, &one.candidate]) {
        if let Origin::Http { settings, .. } = &path.origin {
            ledger.hide(&settings.url);
        }
    }
    Ok(ledger)
}

//! A cycle by its reconciliation's name and parameters, and the ledger that knows it. Must not decide or print.

use crate::cli::{CycleArgs, Global};
use crate::config::{Origin, Project, Reconciliation};
use crate::domain::Value;
use crate::ledger::{CycleKey, Ledger, Process};

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
}

/// The project file of a command.
///
/// # Errors
/// It is not there or not valid.
pub(super) fn project(global: &Global) -> Result<Project, Failure> {
    Ok(Project::load(&global.config, global.profile.as_deref(), &|name| std::env::var(name).ok())?)
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

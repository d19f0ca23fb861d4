//! stub
use crate::checks::{Ask, EachRow, Kind};
use crate::config::Project;
use crate::domain::Value;
use crate::stores::Settings;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Asks the stores of a project.
pub(super) struct Asking<'a> {
    pub(super) project: &'a Project,
    pub(super) params: &'a [(String, Value)],
    pub(super) settings: &'a Settings,
    pub(super) stop: &'a Arc<AtomicBool>,
}

impl Ask for Asking<'_> {
    fn ask(
        &self,
        _kind: Kind,
        _store: &str,
        _query: &str,
        _timeout: Duration,
        _each: EachRow<'_>,
    ) -> Result<Option<String>, String> {
        let _ = (self.project, self.params, self.settings, self.stop);
        Err("not built yet".into())
    }
}

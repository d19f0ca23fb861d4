//! sqlite (stub).

use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Stub.
pub struct SqliteSource {
    _settings: Settings,
}

impl SqliteSource {
    /// Stub.
    pub fn new(_path: std::path::PathBuf, _target: super::Target, settings: Settings) -> Self {
        SqliteSource { _settings: settings }
    }
}

impl Source for SqliteSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        Err(StoreError::failed("not there yet"))
    }

    fn read(&mut self, _request: &ReadRequest, _out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        Err(StoreError::failed("not there yet"))
    }
}

//! csv (stub).

use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Stub.
pub struct CsvSource {
    _settings: Settings,
}

impl CsvSource {
    /// Stub.
    pub fn new(_path: std::path::PathBuf, settings: Settings) -> Self {
        CsvSource { _settings: settings }
    }
}

impl Source for CsvSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        Err(StoreError::failed("not there yet"))
    }

    fn read(&mut self, _request: &ReadRequest, _out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        Err(StoreError::failed("not there yet"))
    }
}

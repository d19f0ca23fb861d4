//! json_file (stub).

use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Stub.
pub struct JsonSource {
    _settings: Settings,
}

impl JsonSource {
    /// Stub.
    pub fn new(_path: std::path::PathBuf, settings: Settings) -> Self {
        JsonSource { _settings: settings }
    }
}

impl Source for JsonSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        Err(StoreError::failed("not there yet"))
    }

    fn read(&mut self, _request: &ReadRequest, _out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        Err(StoreError::failed("not there yet"))
    }
}

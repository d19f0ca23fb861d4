//! bson_file (stub).

use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Stub.
pub struct BsonSource {
    _settings: Settings,
}

impl BsonSource {
    /// Stub.
    pub fn new(_path: std::path::PathBuf, settings: Settings) -> Self {
        BsonSource { _settings: settings }
    }
}

impl Source for BsonSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        Err(StoreError::failed("not there yet"))
    }

    fn read(&mut self, _request: &ReadRequest, _out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        Err(StoreError::failed("not there yet"))
    }
}

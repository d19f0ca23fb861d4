//! parquet (stub).

use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Stub.
pub struct ParquetSource {
    _settings: Settings,
}

impl ParquetSource {
    /// Stub.
    pub fn new(_path: std::path::PathBuf, settings: Settings) -> Self {
        ParquetSource { _settings: settings }
    }
}

impl Source for ParquetSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        Err(StoreError::failed("not there yet"))
    }

    fn read(&mut self, _request: &ReadRequest, _out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        Err(StoreError::failed("not there yet"))
    }
}

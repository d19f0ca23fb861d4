//! mysql (stub).

use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Stub.
pub struct MySqlSource {
    _settings: Settings,
}

impl MySqlSource {
    /// Stub.
    pub fn new(_url: url::Url, _target: super::Target, settings: Settings) -> Self {
        MySqlSource { _settings: settings }
    }
}

impl Source for MySqlSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        Err(StoreError::failed("not there yet"))
    }

    fn read(&mut self, _request: &ReadRequest, _out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        Err(StoreError::failed("not there yet"))
    }
}

//! mongo (stub).

use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Stub.
pub struct MongoSource {
    _settings: Settings,
}

impl MongoSource {
    /// Stub.
    pub fn new(_url: String, _target: super::Target, settings: Settings) -> Self {
        MongoSource { _settings: settings }
    }
}

impl Source for MongoSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        Err(StoreError::failed("not there yet"))
    }

    fn read(&mut self, _request: &ReadRequest, _out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        Err(StoreError::failed("not there yet"))
    }
}

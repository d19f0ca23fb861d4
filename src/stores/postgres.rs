//! postgres (stub).

use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};

/// Stub.
pub struct PostgresSource {
    _settings: Settings,
}

impl PostgresSource {
    /// Stub.
    pub fn new(_url: url::Url, _target: super::Target, settings: Settings) -> Self {
        PostgresSource { _settings: settings }
    }
}

impl Source for PostgresSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        Err(StoreError::failed("not there yet"))
    }

    fn read(&mut self, _request: &ReadRequest, _out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        Err(StoreError::failed("not there yet"))
    }
}

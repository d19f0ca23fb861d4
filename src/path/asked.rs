//! A path that asks a program or a calculation API.

use crate::config::{Command, Http};
use crate::stores::StoreError;

use super::build::{Context, Path};
use super::input::ReadyInput;

pub(super) fn command(
    _settings: &Command,
    _records: ReadyInput,
    _reference: Vec<ReadyInput>,
    _context: &Context<'_>,
) -> Result<Path, StoreError> {
    Err(StoreError::usage("a program cannot be asked yet"))
}

pub(super) fn http(
    _settings: &Http,
    _records: ReadyInput,
    _reference: Vec<ReadyInput>,
    _context: &Context<'_>,
) -> Result<Path, StoreError> {
    Err(StoreError::usage("an API cannot be asked yet"))
}

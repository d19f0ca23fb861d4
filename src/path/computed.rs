//! A path computed by exact SQL over inputs.

use crate::config::FileRef;
use crate::stores::StoreError;

use super::build::{Context, Path};
use super::input::ReadyInput;

/// Builds the path.
///
/// # Errors
/// The SQL file cannot be read.
pub(super) fn path(file: &FileRef, _inputs: Vec<ReadyInput>, _context: &Context<'_>) -> Result<Path, StoreError> {
    let _sql = file.read()?;
    Err(StoreError::usage("SQL over inputs cannot be run yet"))
}

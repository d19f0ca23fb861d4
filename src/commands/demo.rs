//! `recon demo`: the whole job on shipped data, without a server.

use crate::cli::{DemoArgs, Global};
use crate::exit::Exit;

use super::Failure;

/// Runs the command.
///
/// # Errors
/// When the example's files cannot be written or compared.
pub fn run(_global: &Global, _args: &DemoArgs) -> Result<Exit, Failure> {
    Err(Failure::usage("not there yet"))
}

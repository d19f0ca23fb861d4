//! A reconciliation of `recon.toml` as a request for `recon diff`.

use crate::cli::{DiffArgs, Global};

use super::Failure;
use super::diff::Request;

/// Reads the project file and makes the request.
///
/// # Errors
/// The file or the reconciliation is not there or not valid.
pub(super) fn request(_global: &Global, args: &DiffArgs) -> Result<Request, Failure> {
    Err(Failure::usage(format!("`{}` needs a second side", args.legacy)))
}

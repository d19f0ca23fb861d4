//! The `recon` program: parse, run, print the error once, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    recon::cli::run().into()
}

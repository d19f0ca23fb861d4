//! `recon man`: the manual, made of what `--help` says. Must not read a project.

use crate::exit::Exit;

use super::Failure;

/// Prints the manual page of the program, or of one of its commands.
///
/// # Errors
/// There is no such command.
pub fn run(mut program: clap::Command, name: Option<&str>) -> Result<Exit, Failure> {
    use std::io::Write;
    program.build();
    let command = match name {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name).cloned();
            found.ok_or_else(|| {
                Failure::usage(format!("there is no command `{name}`")).hint("`recon --help` lists them")
            })?
        }
    };
    let mut page = Vec::new();
    let made = clap_mangen::Man::new(command).render(&mut page);
    made.map_err(|error| Failure::incomplete(format!("the manual page could not be made: {error}")))?;
    // Whoever reads it may have seen enough.
    let _ = std::io::stdout().lock().write_all(&page);
    Ok(Exit::Success)
}

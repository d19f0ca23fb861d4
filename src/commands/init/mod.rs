//! `recon init`: a project that runs at once, from two tables that the user names, or from a small sample. Looks at the
//! stores and writes files; overwrites none. No password gets into a file.

mod ask;
mod propose;
mod sample;
mod side;
mod write;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::cli::{Global, InitArgs};
use crate::config::Project;
use crate::exit::Exit;

use super::{Failure, print_lines};
use ask::Asked;
use propose::{Proposal, propose};
use side::Side;
use write::{Begun, File, files};

/// Runs the command.
///
/// # Errors
/// A file is there already, a store cannot be reached, a side or the key cannot be told (exit 2 or 3); then nothing is
/// written.
pub fn run(global: &Global, args: &InitArgs) -> Result<Exit, Failure> {
    let folder = args.folder.clone().unwrap_or_else(|| PathBuf::from("."));
    let project = folder.join("recon.toml");
    if project.exists() {
        return Err(Failure::usage(format!("{} is there already", project.display()))
            .hint("nothing was written; name another folder, or add to that file: `recon doctor` looks at it"));
    }
    args.name.as_deref().map_or(Ok(()), write::check_name)?;
    let mut asked = Asked::new(!args.yes && std::io::stdin().is_terminal());
    let sides = match (&args.legacy, &args.candidate) {
        (None, None) if !asked.may() => None,
        (legacy, candidate) => asked.sides(legacy.as_deref(), candidate.as_deref())?,
    };
    let Some((legacy, candidate)) = sides else { return sample::begin(global, &folder, args) };
    let begun = begin(&folder, &legacy, &candidate, args, &mut asked)?;
    tell(&folder, &begun.0, &begun.1);
    Ok(Exit::Success)
}

/// Looks at both sides and writes the project.
fn begin(
    folder: &Path,
    legacy: &Side,
    candidate: &Side,
    args: &InitArgs,
    asked: &mut Asked,
) -> Result<(Begun, Vec<String>), Failure> {
    let (left, right) = (legacy.look()?, candidate.look()?);
    let given = (!args.key.is_empty()).then_some(args.key.as_slice());
    let mut proposal = propose(&left, &right, given)?;
    if given.is_none() {
        let key = asked.key(proposal.key_words())?;
        if key != proposal.key_words() {
            let words: Vec<String> = key.split(',').map(|word| word.trim().to_owned()).collect();
            proposal = propose(&left, &right, Some(&words))?;
        }
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => asked.name(legacy.proposed_name())?,
    };
    write::check_name(&name)?;
    let begun = files(folder, &name, legacy, candidate, &proposal);
    // What is written must be a project: a fault of recon is found before anything is there.
    let known = begun.variables.clone();
    let variable = |name: &str| known.iter().any(|known| known == name).then(|| "x".to_owned());
    Project::parse(&folder.join("recon.toml"), begun.project().to_owned(), None, &variable)?;
    write_all(folder, &begun.files)?;
    Ok((begun, proposal_words(&proposal)))
}

fn write_all(folder: &Path, files: &[File]) -> Result<(), Failure> {
    let there: Vec<String> =
        files.iter().filter(|file| folder.join(&file.name).exists()).map(|file| file.name.clone()).collect();
    if !there.is_empty() {
        return Err(Failure::usage(format!("there already: {}", there.join(", ")))
            .hint("nothing was written; give another `--name`, or begin in another folder"));
    }
    for file in files {
        let path = folder.join(&file.name);
        let unwritable = |error: std::io::Error| {
            Failure::incomplete(format!("{} cannot be written: {error}", path.display()))
                .hint("check the folder's owner and permissions")
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(unwritable)?;
        }
        let new = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        new.and_then(|mut new| std::io::Write::write_all(&mut new, file.text.as_bytes())).map_err(unwritable)?;
    }
    Ok(())
}

fn proposal_words(proposal: &Proposal) -> Vec<String> {
    let mut lines = vec![
        format!("key       {}", proposal.key_words()),
        format!(
            "compared  {}",
            proposal.compared.iter().map(|pair| pair.legacy.as_str()).collect::<Vec<_>>().join(", ")
        ),
    ];
    let only: Vec<String> = proposal
        .legacy_only
        .iter()
        .map(|name| format!("{name} (legacy only)"))
        .chain(proposal.candidate_only.iter().map(|name| format!("{name} (candidate only)")))
        .collect();
    if !only.is_empty() {
        lines.push(format!("not       {}", only.join(", ")));
    }
    lines
}

fn tell(folder: &Path, begun: &Begun, words: &[String]) {
    let mut lines: Vec<String> =
        begun.files.iter().map(|file| format!("wrote {}", folder.join(&file.name).display())).collect();
    lines.push(String::new());
    lines.extend(words.iter().cloned());
    lines.extend([String::new(), "Next:".to_owned()]);
    if folder != Path::new(".") {
        lines.push(format!("  cd {}", write::shell(&folder.display().to_string())));
    }
    for variable in &begun.variables {
        lines.push(format!("  export {variable}='…'    # the password; recon.toml does not hold it"));
    }
    lines.extend([
        "  recon doctor".to_owned(),
        "  recon checks push".to_owned(),
        format!("  recon diff {}", begun.name),
        format!("  recon verify {}", begun.name),
    ]);
    print_lines(&lines);
}

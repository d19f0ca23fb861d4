//! `recon init`: a project that runs at once, from two tables that the user names, or from a small sample. Looks at the
//! stores and writes files; overwrites none. No password gets into a file.

mod amount;
mod ask;
mod inside;
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
use ask::{Asked, Looked, Terminal};
use propose::{Given, Proposal, propose};
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
    let mut asked = match !args.yes && std::io::stdin().is_terminal() {
        true => Asked::of(Terminal),
        false => Asked::nobody(),
    };
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
    legacy: &Looked,
    candidate: &Looked,
    args: &InitArgs,
    asked: &mut Asked,
) -> Result<(Begun, Vec<String>), Failure> {
    let proposal = agreed(legacy, candidate, args, asked)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => asked.until("name of the reconciliation", &legacy.0.proposed_name(), |_, name| {
            write::check_name(name).map(|()| name.to_owned())
        })?,
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

/// The key and what is compared, as proposed and answered.
///
/// # Errors
/// As [`propose`]; no amount would be compared, and nobody said that this is meant.
fn agreed(legacy: &Looked, candidate: &Looked, args: &InitArgs, asked: &mut Asked) -> Result<Proposal, Failure> {
    let listed = |text: &str| -> Vec<String> { text.split(',').map(|word| word.trim().to_owned()).collect() };
    let with = |key: Option<&[String]>, map: &[String], only_map: bool| {
        propose(&legacy.1, &candidate.1, &Given { key, map, only_map })
    };
    let mut key = (!args.key.is_empty()).then(|| args.key.clone());
    let first = with(key.as_deref(), &args.map, false);
    let mut proposal = if asked.may() && key.is_none() {
        let proposed = match &first {
            Ok(proposal) => proposal.key_words(),
            Err(failure) => {
                asked.say(&failure.what);
                String::new()
            }
        };
        asked.until("key columns (legacy=candidate where the names differ)", &proposed, |_, text| {
            let words = listed(text);
            let proposal = with(Some(&words), &args.map, false)?;
            key = Some(words);
            Ok(proposal)
        })?
    } else {
        first?
    };
    if asked.may() && args.map.is_empty() && (proposal.warning().is_some() || !proposal.map_words().is_empty()) {
        if let Some(warning) = proposal.warning() {
            asked.say(&warning);
        }
        let question = "fields with other names (legacy=candidate,…; - for none)";
        proposal = asked.until(question, &proposal.map_words(), |_, text| match text {
            "" | "-" => with(key.as_deref(), &[], true),
            text => with(key.as_deref(), &listed(text), true),
        })?;
    }
    match proposal.without_amounts().filter(|_| !args.without_amounts) {
        None => Ok(proposal),
        Some(failure) => {
            asked.say(&failure.what);
            let goes_on = asked.until("begin without amounts (yes or no)", "no", |_, text| match text {
                "yes" => Ok(true),
                "no" => Ok(false),
                other => Err(Failure::usage(format!("`{other}` is neither yes nor no"))),
            })?;
            if goes_on { Ok(proposal) } else { Err(failure) }
        }
    }
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
        format!("compared  {}", proposal.compared.iter().map(propose::Pair::words).collect::<Vec<_>>().join(", ")),
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
    // Who is paid by a column that nobody compares finds that out from nobody else.
    lines.extend(proposal.without_amounts().map(|failure| format!("warning   {}", failure.what)));
    lines.extend(proposal.warning().map(|warning| format!("warning   {warning}")));
    if proposal.compared.iter().any(|pair| pair.inside) {
        lines.push(
            "Fields inside documents were paired by their names alone: look whether they mean the same.".to_owned(),
        );
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
        lines.push(format!(
            "  export {variable}='…'    # the password, percent-encoded (% is %25); recon.toml does not hold it"
        ));
    }
    lines.extend([
        "  recon doctor".to_owned(),
        "  recon checks push".to_owned(),
        format!("  recon diff {}", begun.name),
        format!("  recon verify {}", begun.name),
    ]);
    print_lines(&lines);
}

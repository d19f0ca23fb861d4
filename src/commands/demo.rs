//! `recon demo`: a worked settlement, generated, computed by both of its paths on embedded stores, and compared. It
//! runs `recon diff` as a user would, in a project folder that it has just written.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::cli::{DemoArgs, DiffArgs, ExampleName, Global};
use crate::config::Project;
use crate::examples::{self, Example};
use crate::exit::Exit;
use crate::report::{Report, Verdict, count};

use super::{Failure, diff, load, print_lines};

/// Discrepancies shown of each reconciliation: the whole output is to fit a screen.
const SHOWN: &str = "1";

/// `recon diff …` as the demo runs it.
#[derive(Parser)]
struct DiffLine {
    #[command(flatten)]
    diff: DiffArgs,
}

/// The example of a name.
pub(super) fn example(name: ExampleName) -> &'static dyn Example {
    match name {
        ExampleName::P2p => &examples::p2p::P2p,
        ExampleName::Royalty => &examples::royalty::Royalty,
        ExampleName::Merchant => &examples::merchant::Merchant,
    }
}

/// Runs the command.
///
/// # Errors
/// When the example's files cannot be written or compared.
pub fn run(global: &Global, args: &DemoArgs) -> Result<Exit, Failure> {
    let example = example(args.example);
    let scale = load::scale(example, &args.scale)?;
    let temporary;
    let folder: PathBuf = match &args.keep {
        Some(folder) => {
            empty(folder)?;
            folder.clone()
        }
        None => {
            temporary = tempfile::tempdir().map_err(|error| unwritable(&std::env::temp_dir(), &error))?;
            temporary.path().to_owned()
        }
    };
    for file in example.project() {
        let path = folder.join(file.name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
        }
        std::fs::write(&path, file.text).map_err(|error| unwritable(&path, &error))?;
    }
    // In its own folder every name is short, as it is for whoever works there.
    std::env::set_current_dir(&folder).map_err(|error| unwritable(&folder, &error))?;
    let global = Global { config: "recon.toml".into(), profile: None, ..global.clone() };
    let project = Project::load(&global.config, None, &|name| std::env::var(name).ok())?;
    load::put(example, scale, &project, false, global.quiet)?;
    let planted = example.planted(scale);
    let [what, legacy, candidate] = example.about();
    let found = |name: &str| planted.iter().filter(|planted| planted.reconciliation == name).count() as u64;
    let main = example.reconciliations()[0];
    print_lines(&[
        &format!("Computed twice: {what}"),
        &format!("  legacy     {legacy}"),
        &format!("  candidate  {candidate}"),
        &format!("  planted    {} records on which the two disagree", count(found(main))),
    ]);
    for (at, name) in example.reconciliations().iter().enumerate() {
        let mut words = vec!["diff".to_owned(), (*name).to_owned()];
        words.extend(
            example.params().iter().flat_map(|(name, value)| ["--param".to_owned(), format!("{name}={value}")]),
        );
        print_lines(&["", &format!("$ recon {}", words.join(" ")), ""]);
        words.extend(["--limit".to_owned(), SHOWN.to_owned()]);
        let line = DiffLine::try_parse_from(words).map_err(|error| Failure::incomplete(error.to_string()))?;
        // The first reconciliation is shown in full, the others by their verdict.
        let report = match at {
            0 => diff::report(&global, &line.diff)?,
            _ => diff::compared(&global, &line.diff)?.report,
        };
        match at {
            0 => print_lines(&would_be_paid(&report)),
            _ => print_lines(&[report.summary()]),
        }
        if report.verdict == Verdict::Incomplete {
            return Ok(Exit::Incomplete);
        }
    }
    let hint = match &args.keep {
        Some(folder) => format!(
            "The project is in {}: README.md has the rules, quirks.md says why each planted disagreement is there.",
            folder.display()
        ),
        None => format!(
            "`recon demo {} --keep DIR` leaves the project in a folder; README.md and quirks.md there explain it.",
            example.name()
        ),
    };
    print_lines(&["", &hint]);
    // The demo has done what it should: its disagreements are planted.
    Ok(Exit::Success)
}

/// What the default policy would pay: where both agree the candidate's value, else the legacy value, and nothing where
/// only the candidate has a record.
fn would_be_paid(report: &Report) -> Vec<String> {
    let counts = &report.counts;
    if report.verdict == Verdict::Incomplete {
        return vec!["would be paid: nothing, until every record can be judged".to_owned()];
    }
    let legacy = counts.mismatched + counts.legacy_only;
    let mut line = format!("would be paid: {} as both paths say", count(counts.matched));
    if legacy > 0 {
        line.push_str(&format!(", {} by the legacy value", count(legacy)));
    }
    let held = counts.candidate_only + counts.duplicate;
    if held > 0 {
        line.push_str(&format!(", {} held", count(held)));
    }
    // Where both agree the legacy amount is the candidate's; elsewhere it is the one that is paid.
    let totals = report.columns.iter().filter_map(|column| {
        let totals = column.totals.as_ref().filter(|totals| totals.not_totalled == 0)?;
        let paid = totals.legacy.minus(&totals.legacy_in_duplicates)?;
        Some(format!("{} {paid}", column.name))
    });
    let totals: Vec<String> = totals.collect();
    let mut lines = vec![String::new(), line];
    if !totals.is_empty() {
        lines.push(format!("  in total: {}", totals.join(", ")));
    }
    lines
}

fn empty(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let mut entries = std::fs::read_dir(folder).map_err(|error| unwritable(folder, &error))?;
    if entries.next().is_some() {
        return Err(Failure::usage(format!("the folder {} is not empty", folder.display()))
            .hint("name a new folder: the demo overwrites nothing"));
    }
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::incomplete(format!("{} could not be written: {error}", path.display()))
        .hint("choose another folder with `--keep DIR`, or set TMPDIR")
}

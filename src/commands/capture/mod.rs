//! `recon capture`: regression cases out of a real run. Finds the rows, runs them as a case, masks them, runs them again,
//! searches what was written for what must not be seen, and only then gives the folder its name.

mod case;
mod draft;
mod held;
mod looked;
mod of_run;
mod plan;
mod prove;
mod refusal;
mod rows;
mod show;
mod target;
mod telling;

use std::collections::BTreeMap;

use crate::capture::personal::{self, Looks};
use crate::capture::{LEAST_SECRET, Masker, Pseudonyms};
use crate::cli::{CaptureArgs, Global};
use crate::config::Secret;
use crate::exit::Exit;
use crate::stores::Settings;

use super::Failure;
use case::{Capture, Folder};
use looked::{searched, unruled};
use of_run::{Came, OfRun};
use plan::Plan;
use target::Target;
use telling::Telling;

/// The variable that holds the secret of pseudonyms where the project file has none.
const SECRET: &str = "RECON_CAPTURE_SECRET";
/// Keys that are named in a message.
const NAMED: usize = 5;

/// Runs the command.
///
/// # Errors
/// A flag or `[capture]` is wrong, personal data has no rule, the run does not come out again, or a store fails.
pub fn run(global: &Global, args: &CaptureArgs) -> Result<Exit, Failure> {
    let servers = args.store.iter().map(|text| super::test::server(text)).collect::<Result<Vec<_>, Failure>>()?;
    let mut of_run = OfRun::find(global, &args.run)?;
    let name = args.name.clone().unwrap_or_else(|| format!("run-{}", of_run.id()));
    checked_words(&name, &args.tag)?;
    checked_name(&name)?;
    let out = match &args.out {
        Some(folder) => folder.clone(),
        None => of_run.named.project.folder().join("cases"),
    };
    let place = Target::of(&out, &name, &of_run)?;
    let pseudonyms = pseudonyms(&of_run)?;
    let asked = of_run.asked(args)?;
    // Dates and times of SQL tables are taken as they lie there, without a zone of their own.
    let settings = Settings::default();
    let plan = Plan::of(&of_run.named.project, &of_run.named.reconciliation, &settings)?;
    let rules = of_run.named.project.capture.masks.clone();
    let mut masker = Masker::new(&rules, pseudonyms.as_ref());
    let groups: Vec<BTreeMap<String, Came>> = match args.each {
        true => asked.into_iter().map(|one| BTreeMap::from([one])).collect(),
        false => vec![asked],
    };
    let telling = Telling::of(&of_run, &plan);
    let temp = place.temporary()?;
    let mut all = Vec::new();
    let mut suspects: BTreeMap<String, Looks> = BTreeMap::new();
    for group in groups {
        let capture = Capture {
            global,
            servers: &servers,
            plan: &plan,
            settings: &settings,
            args,
            place: &place,
            telling: &telling,
        };
        let folder = if args.each { Folder::ByKey(&name, &all) } else { Folder::Of(&name) };
        let proved = capture.case(&mut of_run, group, &mut masker, temp.path(), &folder, &mut suspects)?;
        all.push(proved);
    }
    unruled(&suspects, &masker)?;
    let ambiguous = searched(temp.path(), place.suite.is_some(), &masker, &of_run)?;
    place.publish(temp, &name)?;
    show::print((global, &args.store), &of_run, &out, &name, &all, &masker, ambiguous);
    Ok(Exit::Success)
}

fn checked_name(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || name == "inputs" || !name.chars().all(plain) {
        return Err(Failure::usage(format!("`--name {name}` cannot be the name of a case"))
            .hint("a name has letters, digits, `-`, `_` and `.`"));
    }
    Ok(())
}

/// The secret that pseudonyms are made with, where any are.
fn pseudonyms(of_run: &OfRun) -> Result<Option<Pseudonyms>, Failure> {
    let capture = &of_run.named.project.capture;
    let secret = capture.secret.clone().or_else(|| std::env::var(SECRET).ok().map(Secret::new));
    match (secret, capture.masks.needs_secret()) {
        (_, false) => Ok(None),
        (Some(secret), true) => Pseudonyms::new(secret.expose()).map(Some).ok_or_else(|| {
            Failure::usage(format!("the secret of pseudonyms is shorter than {LEAST_SECRET} bytes"))
                .hint(format!("`openssl rand -hex 32` makes one: export {SECRET}=…"))
        }),
        (None, true) => Err(Failure::usage("[capture] masks values, and there is no secret to make pseudonyms with").hint(format!(
            "export {SECRET}=… (`openssl rand -hex 32` makes one), and keep it: with the same one the same value gets the same \
             pseudonym in every capture"
        ))),
    }
}

/// The name and the tags stand in the case as they are typed.
fn checked_words(name: &str, tags: &[String]) -> Result<(), Failure> {
    let words = std::iter::once(("--name", name)).chain(tags.iter().map(|tag| ("--tag", tag.as_str())));
    for (flag, word) in words {
        if let Some(looks) = personal::content(word) {
            return Err(Failure::usage(format!("the text of {flag} {}; nothing was written", looks.words()))
                .hint("give it a name that says what broke, or which rule it holds"));
        }
    }
    Ok(())
}

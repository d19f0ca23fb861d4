//! A path that asks a program or a calculation API: its records and reference tables made ready, its settings filled in.

use std::sync::Arc;

use crate::config::{Command, Http};
use crate::stores::{Progress, Source, StoreError};

use super::ask::{AskInput, AskSource, CommandSettings, HttpSettings, Reference, Told};
use super::build::{Context, Path};
use super::gather;
use super::input::ReadyInput;

/// How a path asks its program: what it is asked can be made before the path is opened, and answers that are there
/// already can take the place of asking.
pub struct Asking {
    /// The program.
    pub settings: CommandSettings,
    make: MakeInput,
}

impl Asking {
    /// Makes what is asked; the records are not read yet. `reference` are the reference tables, where they were read
    /// before; else they are read.
    ///
    /// # Errors
    /// A reference table cannot be read.
    pub fn input(&self, reference: Option<Vec<Reference>>) -> Result<AskInput, StoreError> {
        (self.make)(reference)
    }
}

impl Path {
    /// The same path, with what its program answered before in place of asking it.
    #[must_use]
    pub fn told(mut self, input: AskInput, told: Told) -> Path {
        self.make = Arc::new(move || Ok(Box::new(AskSource::told(input.clone(), told.clone()))));
        self
    }
}

/// A program.
///
/// # Errors
/// None yet: what is wrong with it shows when it is opened.
pub(super) fn command(
    settings: &Command,
    records: ReadyInput,
    reference: Vec<ReadyInput>,
    context: &Context<'_>,
) -> Result<Path, StoreError> {
    let mut given = CommandSettings::new(settings.arguments.clone());
    // An example's own program comes with recon itself.
    if given.arguments.first().is_some_and(|program| program == "recon")
        && let Ok(own) = std::env::current_exe()
    {
        given.arguments[0] = own.display().to_string();
    }
    given.folder = Some(settings.folder.clone()).filter(|folder| !folder.as_os_str().is_empty());
    given.timeout = settings.timeout.unwrap_or(given.timeout);
    let label = format!("{} over {}", shown(&settings.arguments, &settings.folder), records.name);
    let settings = given.clone();
    let (mut path, make) =
        path(label, records, reference, context, move |input| AskSource::command(input, given.clone()));
    path.asking = Some(Arc::new(Asking { settings, make }));
    Ok(path)
}

/// The program and, where it is a file, what it runs: further arguments may be secrets.
fn shown(arguments: &[String], folder: &std::path::Path) -> String {
    let mut words: Vec<&str> = arguments.iter().map(String::as_str).take(1).collect();
    let script = |word: &&String| folder.join(word).is_file() || (arguments[0] == "recon" && *word == "calculator");
    words.extend(arguments.get(1).filter(script).map(String::as_str));
    if words.len() < arguments.len() {
        words.push("…");
    }
    words.join(" ")
}

/// A calculation API.
///
/// # Errors
/// None yet: what is wrong with it shows when it is opened.
pub(super) fn http(
    settings: &Http,
    records: ReadyInput,
    reference: Vec<ReadyInput>,
    context: &Context<'_>,
) -> Result<Path, StoreError> {
    let mut given = HttpSettings::new(settings.url.clone());
    given.headers = settings.headers.clone();
    given.batch = settings.batch.map_or(given.batch, |n| n as usize);
    given.concurrency = settings.concurrency.map_or(given.concurrency, |n| n as usize);
    given.timeout = settings.timeout.unwrap_or(given.timeout);
    given.retries = settings.retries.unwrap_or(given.retries);
    given.run_timeout = settings.run_timeout.unwrap_or(given.run_timeout);
    let url = crate::config::mask_url(settings.url.expose());
    // The query may be a secret as a whole.
    let label = format!("{} over {}", url.split('?').next().unwrap_or_default(), records.name);
    Ok(path(label, records, reference, context, move |input| AskSource::http(input, given.clone())).0)
}

/// Makes what is asked, with the reference tables where they are known already.
type MakeInput = Arc<dyn Fn(Option<Vec<Reference>>) -> Result<AskInput, StoreError> + Send + Sync>;

fn path(
    label: String,
    records: ReadyInput,
    reference: Vec<ReadyInput>,
    context: &Context<'_>,
    ask: impl Fn(AskInput) -> AskSource + Send + Sync + 'static,
) -> (Path, MakeInput) {
    let files = reference.iter().chain([&records]).flat_map(|input| input.files.clone()).collect();
    let (key, params, memory) = (context.key.clone(), context.params.to_vec(), context.memory);
    let only = context.only.clone();
    let progress = Arc::new(Progress::default());
    let stop = Arc::clone(&progress);
    let input: MakeInput = Arc::new(move |known| {
        let tables = || {
            let read = |input: &ReadyInput| {
                let (rows, hash) = gather::documents(input)?;
                Ok(Reference { name: input.name.clone(), label: input.label.clone(), rows, hash })
            };
            reference.iter().map(read).collect::<Result<Vec<Reference>, StoreError>>()
        };
        Ok(AskInput {
            key: key.clone(),
            records: records.shaped(),
            name: records.name.clone(),
            label: records.label.clone(),
            reference: known.map_or_else(tables, Ok)?,
            params: params.clone(),
            memory,
            only: only.clone(),
            stop: Arc::clone(&stop),
        })
    });
    let asked = Arc::clone(&input);
    let make = move || Ok(Box::new(ask(asked(None)?)) as Box<dyn Source>);
    (Path { label, make: Arc::new(make), files, ranges: 1, progress, asking: None }, input)
}

//! From a path's definition to its source: the one place where the kinds of path are told apart.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Input, Origin, PathDefinition, Project, What};
use crate::domain::{Amount, Filter, NumberForm, Value};
use crate::stores::{Locator, MakeSource, Progress, Settings, StoreError};

use super::asked::Asking;
use super::input::{ReadyInput, ready, source};
use super::located::located;
use super::partitioned::PartitionedSource;

/// What a path is built with.
pub struct Context<'a> {
    /// The project whose stores are named.
    pub project: &'a Project,
    /// Typed parameters of the run.
    pub params: &'a [(String, Value)],
    /// How stores are read.
    pub settings: &'a Settings,
    /// This side's names of the key columns.
    pub key: Vec<String>,
    /// Bytes of memory for sorting.
    pub memory: usize,
    /// Partitions in place of the configured number.
    pub partitions: Option<u32>,
    /// Only records with these keys, in this side's names: what is asked of a program or a service is only these.
    pub only: Option<Filter>,
    /// The folder and the beginning of the names under which a copy of every input is kept.
    pub keep: Option<(PathBuf, &'a str)>,
}

/// A path, ready to be opened.
#[derive(Clone)]
pub struct Path {
    /// What it is, without secrets.
    pub label: String,
    /// Makes its source.
    pub make: MakeSource,
    /// Files that it reads: a report must not overwrite them.
    pub files: Vec<PathBuf>,
    /// Ranges of the key to read by, where the path itself is not split.
    pub ranges: usize,
    /// Counts its records while it is read; its `stop` ends the work early.
    pub progress: Arc<Progress>,
    /// How its program is asked, where it asks one.
    pub asking: Option<Arc<Asking>>,
}

impl Path {
    /// A side that is read as it lies in a store.
    ///
    /// # Errors
    /// Class `Usage`: a database without table or query.
    pub fn stored(locators: Vec<Locator>, settings: &Settings) -> Result<Path, StoreError> {
        for locator in &locators {
            locator.check()?;
        }
        let label = match locators.as_slice() {
            [one] => one.label(),
            several => several.iter().map(Locator::label).collect::<Vec<_>>().join(", "),
        };
        let files = locators.iter().filter_map(|locator| locator.path().map(PathBuf::from)).collect();
        Ok(Path { label, files, make: source(locators, settings), ranges: 1, progress: Arc::default(), asking: None })
    }
}

/// Builds a path.
///
/// # Errors
/// Class `Usage`: what it names is not there or does not go together.
pub fn build(definition: &PathDefinition, context: &Context<'_>) -> Result<Path, StoreError> {
    let one = |input: &Input| -> Result<ReadyInput, StoreError> {
        let mut ready = ready(context.project, input, context.params, context.settings)?;
        ready.kept = context.keep.as_ref().map(|(folder, side)| folder.join(format!("{side}-{}", ready.name)));
        Ok(ready)
    };
    let inputs = |inputs: &[Input]| -> Result<Vec<ReadyInput>, StoreError> { inputs.iter().map(one).collect() };
    match &definition.origin {
        Origin::Store { store, what } => stored(definition, store, what, context),
        _ if definition.partitions.is_some() => {
            Err(StoreError::usage("`partitions` split a query of a store; this path is computed otherwise")
                .hint("leave `partitions` out"))
        }
        Origin::Sql { file, inputs: all } => super::computed::path(file, inputs(all)?, context),
        Origin::Command { settings, records, reference } => {
            let records = one(records)?;
            super::asked::command(settings, records, inputs(reference)?, context)
        }
        Origin::Http { settings, records, reference } => {
            let records = one(records)?;
            super::asked::http(settings, records, inputs(reference)?, context)
        }
    }
}

fn stored(definition: &PathDefinition, store: &str, what: &What, context: &Context<'_>) -> Result<Path, StoreError> {
    let Some(partitions) = &definition.partitions else {
        let mut path = Path::stored(located(context.project, store, what, context.params)?, context.settings)?;
        path.ranges = context.partitions.unwrap_or(1) as usize;
        return Ok(path);
    };
    let count = context.partitions.unwrap_or(partitions.count);
    if matches!(what, What::Table(_)) {
        let mut path = Path::stored(located(context.project, store, what, context.params)?, context.settings)?;
        path.ranges = count as usize;
        return Ok(path);
    }
    let mut parts = Vec::new();
    for number in 0..count {
        let mut params = context.params.to_vec();
        for (name, value) in [("partition", number), ("partitions", count)] {
            let amount = Amount::new(i128::from(value), 0);
            params.push((name.to_owned(), Value::Number { amount, form: NumberForm::Integer }));
        }
        parts.push(Path::stored(located(context.project, store, what, &params)?, context.settings)?);
    }
    let label = parts.first().map_or_else(String::new, |part| part.label.clone());
    let makes: Vec<MakeSource> = parts.into_iter().map(|part| part.make).collect();
    let zone = context.settings.zone.clone();
    Ok(Path {
        label,
        make: Arc::new(move || Ok(Box::new(PartitionedSource::new(makes.clone(), zone.clone())))),
        files: Vec::new(),
        ranges: 1,
        progress: Arc::default(),
        asking: None,
    })
}

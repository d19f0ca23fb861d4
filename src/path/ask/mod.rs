//! Paths that ask somebody else: a program over NDJSON, a calculation API over HTTP, or a team's own code. What got no
//! proper answer is unknown, with its reason. Must not compare.
//!
//! The input is read once into a temporary file; the keys are asked about; the answers, in whatever order they come,
//! are sorted on disk and joined with the keys. Nobody is asked twice: reading again reads the answers again.
//! The protocol for other people's programs is `docs/asking.md`.

mod answers;
mod calculation;
mod command;
mod http;
mod input;
mod mask;
mod spool;
mod together;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Hidden, Secret};
use crate::domain::{Batch, Cell, Filter, Value};
use crate::stores::document::Picker;
use crate::stores::{InputRead, Opened, Outlet, Progress, ReadEnd, ReadRequest, Snapshot, Source, StoreError, Wish};

pub use calculation::Calculation;
pub use together::{Prepared, Told, ask_together};

use answers::{Answers, ERROR, Outcomes};
use input::{Input, OpenInput};

/// Makes the source of the records that are asked about.
pub type MakeRecords = Arc<dyn Fn() -> Result<Box<dyn Source>, StoreError> + Send + Sync>;

/// What is asked, whoever is asked.
#[derive(Clone)]
pub struct AskInput {
    /// The key columns under the candidate's names; every record must have them.
    pub key: Vec<String>,
    /// Makes the source of the records. It is opened once and read in key order, all its columns.
    pub records: MakeRecords,
    /// The name of the records' input.
    pub name: String,
    /// Where they are, without secrets.
    pub label: String,
    /// Small tables that go along with the records.
    pub reference: Vec<Reference>,
    /// Parameters of the run, by name.
    pub params: Vec<(String, Value)>,
    /// Bytes of memory for sorting records and answers before the disk is used.
    pub memory: usize,
    /// Only records that satisfy this condition on the key are asked about.
    pub only: Option<Filter>,
    /// Its `stop` ends the asking soon.
    pub stop: Arc<Progress>,
}

impl AskInput {
    /// Records without reference tables and parameters, and 64 MiB of memory.
    pub fn new(key: &[&str], records: MakeRecords) -> Self {
        AskInput {
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            records,
            name: "records".into(),
            label: String::new(),
            reference: Vec::new(),
            params: Vec::new(),
            memory: 64 << 20,
            only: None,
            stop: Arc::new(Progress::default()),
        }
    }
}

/// A small table that was read once for the run.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// Where it is, without secrets.
    pub label: String,
    /// Its rows, each a [`Value::Document`].
    pub rows: Vec<Value>,
    /// The hash of its content, so that it can be told from another day's.
    pub hash: String,
}

/// A program that reads NDJSON and writes NDJSON.
#[derive(Clone, Debug)]
pub struct CommandSettings {
    /// The program and its arguments; no shell is between.
    pub arguments: Vec<String>,
    /// Where it runs, and what a relative path of the program starts from; the working folder when absent.
    pub folder: Option<PathBuf>,
    /// Longest time in which it neither takes a record nor gives an answer.
    pub timeout: Duration,
    /// Longest time for the whole run.
    pub run_timeout: Duration,
}

impl CommandSettings {
    /// With a timeout of 60 s and of 1 h for the run.
    pub fn new(arguments: Vec<String>) -> Self {
        CommandSettings {
            arguments,
            folder: None,
            timeout: Duration::from_secs(60),
            run_timeout: Duration::from_secs(3600),
        }
    }
}

/// A calculation API.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Where calls go; may hold a user, a password and a query, which are never shown.
    pub url: Secret,
    /// Names and values sent with every call; the values are never shown.
    pub headers: Vec<(String, Hidden)>,
    /// Records a call; the records of one key are never split.
    pub batch: usize,
    /// Calls at the same time.
    pub concurrency: usize,
    /// Longest time for one call.
    pub timeout: Duration,
    /// Further attempts where that is safe.
    pub retries: u32,
    /// Longest time for the whole run.
    pub run_timeout: Duration,
}

impl HttpSettings {
    /// 100 records a call, 4 calls at a time, 10 s for a call, 3 further attempts, 1 h for the run.
    pub fn new(url: Secret) -> Self {
        HttpSettings {
            url,
            headers: Vec::new(),
            batch: 100,
            concurrency: 4,
            timeout: Duration::from_secs(10),
            retries: 3,
            run_timeout: Duration::from_secs(3600),
        }
    }
}

/// A path whose records are the answers of somebody who was asked.
pub struct AskSource {
    input: AskInput,
    whom: Whom,
    asked: Option<Asked>,
}

enum Whom {
    Command(CommandSettings),
    Http(HttpSettings),
    Own(Box<dyn Calculation>),
    /// A program that was asked before.
    Told(Told),
}

/// The asking is over.
struct Asked {
    outcomes: Outcomes,
    /// Why the answers are not all that they should be.
    end: Result<(), StoreError>,
}

/// How the asking went: what is said of keys that nothing was said about, and whether it ended well.
struct End {
    silent: String,
    end: Result<(), StoreError>,
}

impl AskSource {
    /// Asks a program.
    pub fn command(input: AskInput, settings: CommandSettings) -> Self {
        AskSource { input, whom: Whom::Command(settings), asked: None }
    }

    /// Asks a calculation API.
    pub fn http(input: AskInput, settings: HttpSettings) -> Self {
        AskSource { input, whom: Whom::Http(settings), asked: None }
    }

    /// Asks own code.
    pub fn calculation(input: AskInput, calculation: Box<dyn Calculation>) -> Self {
        AskSource { input, whom: Whom::Own(calculation), asked: None }
    }

    /// Takes what a program answered before, in a call that it shared with others.
    pub fn told(input: AskInput, told: Told) -> Self {
        AskSource { input, whom: Whom::Told(told), asked: None }
    }
}

impl AskSource {
    /// What was sent: the records, then the reference tables.
    fn inputs(&self, records: &Input) -> Vec<InputRead> {
        let mut inputs = vec![InputRead {
            name: self.input.name.clone(),
            label: self.input.label.clone(),
            records: records.spool.records(),
            fingerprint: records.hash.clone(),
        }];
        inputs.extend(self.input.reference.iter().map(|table| InputRead {
            name: table.name.clone(),
            label: table.label.clone(),
            records: table.rows.len() as u64,
            fingerprint: table.hash.clone(),
        }));
        inputs
    }
}

impl Source for AskSource {
    /// Reads the input and asks about all of it.
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError> {
        if self.input.key.is_empty() {
            return Err(StoreError::usage("nothing can be asked without a key").hint("name the key columns"));
        }
        let mut answers = Answers::new(&self.input.key, self.input.memory);
        let (input, how, end) = match &mut self.whom {
            Whom::Command(settings) => {
                let opened = OpenInput::open(&self.input)?;
                // A program that is not there is noticed before all records are read.
                let program = command::Program::start(settings, &self.input)?;
                let input = opened.read(&self.input)?;
                let end = program.ask(&input, &self.input, &mut answers)?;
                (input, "computed by a program", end)
            }
            Whom::Http(settings) => {
                let service = http::Service::new(settings, &self.input)?;
                answers.hide(service.mask());
                let input = OpenInput::open(&self.input)?.read(&self.input)?;
                let end = service.ask(&input, &self.input, &mut answers)?;
                (input, "computed by a calculation API", end)
            }
            Whom::Own(calculation) => {
                let input = OpenInput::open(&self.input)?.read(&self.input)?;
                let end = calculation::ask(calculation.as_mut(), &input, &self.input, &mut answers)?;
                (input, "computed by own code", end)
            }
            Whom::Told(told) => {
                for (line, number) in told.lines.iter().zip(1..) {
                    answers.take(line, || format!("line {number} of its output"))?;
                }
                let silent = format!("`{}` gave no answer for this key; it ended in good order", told.program);
                (told.input.clone(), "computed by a program", End { silent, end: Ok(()) })
            }
        };
        let end = End { end: with_faults(end.end, answers.faults()), silent: end.silent };
        let outcomes = answers.join(&input, wish, &end.silent)?;
        let inputs = self.inputs(&input);
        let Input { snapshot, notices, .. } = input;
        let opened = Opened {
            columns: outcomes.columns.clone(),
            fixed_columns: false,
            ordered: true,
            natural: false,
            filters: false,
            seeks: false,
            snapshot: Snapshot { how: format!("{how}; input: {}", snapshot.how), ..snapshot },
            estimated_records: Some(outcomes.spool.records()),
            notices,
            inputs,
        };
        self.asked = Some(Asked { outcomes, end: end.end });
        Ok(opened)
    }

    /// Sends the outcomes, again and again the same.
    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let Some(asked) = &self.asked else {
            return Err(StoreError::failed("read before it was opened; this is a fault of recon"));
        };
        let names = &self.input.key;
        let key = names.len();
        let places: Vec<Option<usize>> =
            request.columns.iter().map(|wanted| names.iter().position(|name| *name == wanted.name)).collect();
        let mut picker = Picker::new(&request.columns);
        let mut reader = asked.outcomes.spool.reader();
        let mut outcome = Batch::new(key + 1);
        while reader.next_into(&mut outcome)? {
            let payload = outcome.at(0, key);
            let batch = out.batch();
            match payload.cell {
                Cell::Json(span) => {
                    picker.json(payload.text(span), batch).map_err(|error| StoreError::failed(error.to_string()))?;
                }
                Cell::Unknown(_) => {
                    let row = batch.start_row();
                    let cell = batch.copy_cell(payload);
                    batch.row_mut(row).fill(cell);
                }
                _ => {
                    return Err(StoreError::failed(
                        "an outcome is neither answer nor reason; this is a fault of recon",
                    ));
                }
            }
            let row = batch.rows() - 1;
            for (column, place) in places.iter().enumerate() {
                if let Some(place) = place {
                    let cell = batch.copy_cell(outcome.at(0, *place));
                    batch.set(row, column, cell);
                }
            }
            outcome.reset(key + 1);
            out.end_row()?;
        }
        asked.end.clone()?;
        // Without another column nothing would carry the reason, and the key would look compared.
        if places.iter().all(Option::is_some)
            && let Some(first) = &asked.outcomes.first_unknown
        {
            return Err(StoreError::failed(format!(
                "{} keys have no answer, the first: {first}",
                asked.outcomes.unknown
            )));
        }
        let mut end = picker.into_end();
        end.other_fields.retain(|name| name != ERROR && !names.contains(name));
        Ok(end)
    }
}

/// An end together with the answers that are for no key.
fn with_faults(end: Result<(), StoreError>, faults: Option<String>) -> Result<(), StoreError> {
    match (end, faults) {
        (end, None) => end,
        (Ok(()), Some(faults)) => Err(StoreError::failed(faults)
            .hint("every answer must be one JSON object with the key fields as they were given, see docs/asking.md")),
        (Err(mut error), Some(faults)) => {
            error.what = format!("{}; {faults}", error.what);
            Err(error)
        }
    }
}

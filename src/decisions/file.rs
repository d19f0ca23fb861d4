//! Decisions in a Parquet or CSV file: written beside it under a temporary name and put in its place as a whole, by the
//! newest attempt only, and never in place of another cycle's.
//!
//! `<file>.run` says which attempt may put its decisions there; `<file>.released` tells the payer that they are
//! released.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::decide::Decision;
use crate::domain::{Rules, Value};
use crate::stores::bulk::{make_folder_of, whole_file, whole_file_when};
use crate::stores::{
    CsvSettings, KeyRange, Locator, ReadRequest, Reader, Received, Settings, StoreError, Wanted, Wish,
};

use super::columns::OWN;
use super::encode;
use super::form::{Form, Forms};
use super::holder::{Held, Holder, beside, with_params};
use super::{Layout, Ticket};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Parquet,
    Csv,
}

/// A file of decisions.
pub(super) struct DecisionsFile {
    pub path: PathBuf,
    format: Format,
    settings: Settings,
    marker: PathBuf,
    run: PathBuf,
}

/// What the payer looks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Released {
    cycle: String,
    #[serde(default)]
    origin: String,
    run: String,
    hash: String,
    released: String,
}

impl DecisionsFile {
    /// # Errors
    /// Class `Usage`: a kind of file that decisions are not written to, or a name whose parameters are not known.
    pub(super) fn new(
        path: &Path,
        params: &[(String, Value)],
        settings: &Settings,
    ) -> Result<DecisionsFile, StoreError> {
        let path = with_params(path, params)?;
        let format = match path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("parquet") => Format::Parquet,
            Some("csv") => Format::Csv,
            _ => {
                return Err(StoreError::usage(format!("decisions cannot be written to {}", path.display()))
                    .hint("they go to a .parquet or .csv file, or to a table of a store"));
            }
        };
        let csv = CsvSettings { delimiter: None, header: true, null_text: None };
        let settings = Settings { zone: jiff::tz::TimeZone::UTC, csv, ..settings.clone() };
        let (marker, run) = (beside(&path, ".released"), beside(&path, ".run"));
        Ok(DecisionsFile { path, format, settings, marker, run })
    }

    /// Files that are written.
    pub(super) fn files(&self) -> Vec<&Path> {
        vec![&self.path, &self.marker, &self.run]
    }

    pub(super) fn check(&self, ticket: &Ticket, key: &[String], columns: &[String]) -> Result<(), StoreError> {
        super::no_own_names(key, columns)?;
        self.writable()?;
        self.belongs(ticket)?;
        self.not_released(ticket)?;
        let mut held = Held::wait(&self.run)?;
        match held.read()? {
            Some(holder) => self.may_write(ticket, &holder),
            None => Ok(()),
        }
    }

    /// The folder takes new files.
    fn writable(&self) -> Result<(), StoreError> {
        make_folder_of(&self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let tried = tempfile::Builder::new().prefix(".recon-").tempfile_in(folder);
        tried.map(drop).map_err(|error| {
            StoreError::failed(format!("no file can be made in {}: {error}", folder.display()))
                .hint("decisions are written there: check owner and permissions")
        })
    }

    /// What is there under this name is this cycle's, or nothing.
    fn belongs(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let found = match std::fs::symlink_metadata(&self.path) {
            Ok(_) => self.first(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.failed("looked at", &error)),
        };
        let shown = self.path.display();
        let refuse = |what: String| {
            let name = self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("decisions");
            let ending = if self.format == Format::Csv { "csv" } else { "parquet" };
            Err(StoreError::usage(what).hint(format!(
                "nothing was overwritten: put a parameter into the name so that each cycle has its own (`file = \"{name}-{{payout_date}}.{ending}\"`), or move that file away"
            )))
        };
        match found {
            Ok(Some((cycle, _))) if cycle != ticket.cycle => {
                refuse(format!("{shown} holds the decisions of another cycle, `{cycle}`"))
            }
            Ok(_) => Ok(()),
            Err(error) => refuse(format!("{shown} is there and is no file of decisions: {}", error.what)),
        }
    }

    /// The cycle and the run that the first record names.
    fn first(&self) -> Result<Option<(String, String)>, StoreError> {
        let locator = self.locator()?;
        let settings = self.settings.clone();
        let make = Arc::new(move || locator.source(&settings));
        let reader = Reader::start(make, Wish::default(), Arc::default());
        let opened = reader.opened()?;
        if let Some(missing) = OWN.iter().find(|own| !opened.columns.iter().any(|column| column.name == **own)) {
            return Err(StoreError::failed(format!("it has no column `{missing}`")));
        }
        let request = ReadRequest {
            columns: ["recon_cycle", "recon_run"].map(|name| Wanted { name: name.into(), fix: None }).to_vec(),
            key: 0,
            filter: None,
            range: KeyRange::default(),
            keys: None,
            fresh: false,
            natural: false,
        };
        let (batches, _give_back) = reader.begin(vec![request], &Rules::default(), None, None);
        loop {
            match batches.recv() {
                Ok(Received::Batch(batch)) if batch.rows() > 0 => {
                    return Ok(Some((Value::of(batch.at(0, 0)).to_string(), Value::of(batch.at(0, 1)).to_string())));
                }
                Ok(Received::Batch(_)) => {}
                Ok(Received::End(end)) => return end.map(|_| None),
                Err(_) => return Ok(None),
            }
        }
    }

    pub(super) fn locator(&self) -> Result<Locator, StoreError> {
        // A path is never taken for a URL.
        Locator::parse(&format!("file:{}", self.path.display()))
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    fn not_released(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let Some(released) = self.released()? else { return Ok(()) };
        if released.cycle != ticket.cycle {
            return Ok(());
        }
        let what = format!(
            "{}: the decisions of `{}` are released already, as run {}",
            self.path.display(),
            ticket.cycle,
            released.run
        );
        Err(match released.origin == ticket.origin {
            true => StoreError::failed(format!("{what}: they are not written again"))
                .hint("the payer may have paid them; `recon status` shows the cycle"),
            false => StoreError::usage(format!("{what} of another ledger"))
                .hint("releasing them again would pay twice; use that ledger, or name another file under `decisions` if this is another project"),
        })
    }

    fn released(&self) -> Result<Option<Released>, StoreError> {
        match std::fs::read(&self.marker) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                StoreError::failed(format!("{} is not what recon writes there: {error}", self.marker.display())).hint(
                    "it says whether the decisions are released: look at it before anything is paid, then move it away",
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::failed(format!("{} cannot be read: {error}", self.marker.display()))),
        }
    }

    fn may_write(&self, ticket: &Ticket, holder: &Holder) -> Result<(), StoreError> {
        let same = holder.cycle == ticket.cycle && holder.origin == ticket.origin;
        if same && holder.attempt > ticket.attempt { Err(self.overtaken(ticket, holder)) } else { Ok(()) }
    }

    fn overtaken(&self, ticket: &Ticket, holder: &Holder) -> StoreError {
        let whose = if holder.origin == ticket.origin { "" } else { " of another ledger" };
        StoreError::failed(format!(
            "run {} was overtaken: run {}{whose} writes {} now, and this one left it alone",
            ticket.run,
            holder.run,
            self.path.display()
        ))
        .hint("the later run goes on; nothing needs to be done")
    }

    fn failed(&self, done: &str, error: &io::Error) -> StoreError {
        StoreError::failed(format!("{} could not be {done}: {error}", self.path.display()))
            .hint("check that the folder exists, is writable and has room")
    }

    /// The form of each column.
    ///
    /// # Errors
    /// Class `Usage`: Parquet has no type that holds a column.
    pub(super) fn forms(&self, layout: &Layout) -> Result<Forms, StoreError> {
        let (key, columns) = layout.names();
        let forms = match self.format {
            Format::Csv => vec![Form::Untyped; key.len() + columns.len()],
            Format::Parquet => encode::parquet_kinds(&self.path, layout)?.into_iter().map(|(form, _)| form).collect(),
        };
        Ok(Forms { key: key.len(), names: key.into_iter().chain(columns).collect(), forms })
    }

    pub(super) fn write(
        &self,
        ticket: &Ticket,
        layout: &Layout,
        decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
        alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let (key, columns) = layout.names();
        super::no_own_names(&key, &columns)?;
        let forms = self.forms(layout)?;
        make_folder_of(&self.path)?;
        self.belongs(ticket)?;
        self.take(ticket)?;
        let count = std::cell::Cell::new(0u64);
        let mut alive = |written: u64| {
            count.set(written);
            alive(written)
        };
        let held = std::cell::RefCell::new(None);
        let before = || {
            let mut lock = Held::wait(&self.run)?;
            self.still_mine(ticket, &mut lock)?;
            self.belongs(ticket)?;
            *held.borrow_mut() = Some(lock);
            Ok(())
        };
        whole_file_when(
            &self.path,
            |out| {
                match self.format {
                    Format::Csv => encode::csv(&self.path, out, ticket, &forms, decisions, &mut alive)?,
                    Format::Parquet => {
                        let kinds =
                            encode::parquet_kinds(&self.path, layout)?.into_iter().map(|(_, kind)| kind).collect();
                        encode::parquet(&self.path, out, ticket, &forms, kinds, decisions, &mut alive)?;
                    }
                }
                // The last word before it is put in place: whoever was overtaken stops here.
                alive(count.get())
            },
            before,
        )?;
        drop(held);
        Ok(count.get())
    }

    /// Says that this attempt writes now, and takes away what an earlier cycle left.
    fn take(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let mut held = Held::wait(&self.run)?;
        self.not_released(ticket)?;
        if let Some(holder) = held.read()? {
            self.may_write(ticket, &holder)?;
        }
        held.write(&Holder {
            cycle: ticket.cycle.clone(),
            origin: ticket.origin.clone(),
            run: ticket.run.clone(),
            attempt: ticket.attempt,
        })?;
        match std::fs::remove_file(&self.marker) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::failed(format!("{} could not be removed: {error}", self.marker.display())))
            }
            _ => Ok(()),
        }
    }

    fn still_mine(&self, ticket: &Ticket, held: &mut Held) -> Result<(), StoreError> {
        match held.read()? {
            Some(holder)
                if holder.run == ticket.run && holder.origin == ticket.origin && holder.cycle == ticket.cycle =>
            {
                Ok(())
            }
            Some(holder) => Err(self.overtaken(ticket, &holder)),
            None => Err(StoreError::failed(format!("{} is gone: nobody knows who may write", self.run.display()))
                .hint("verify the cycle again")),
        }
    }

    pub(super) fn publish(&self, ticket: &Ticket, hash: &str) -> Result<(), StoreError> {
        let mut held = Held::wait(&self.run)?;
        if let Some(released) = self.released()?.filter(|released| released.cycle == ticket.cycle) {
            if released.run == ticket.run && released.origin == ticket.origin && released.hash == hash {
                return Ok(());
            }
            self.not_released(ticket)?;
        }
        self.still_mine(ticket, &mut held)?;
        // The run may have ended between saying that it writes and putting its decisions in place.
        let first = if self.path.exists() { self.first()? } else { Some(Default::default()) };
        if first.is_some_and(|(cycle, run)| cycle != ticket.cycle || run != ticket.run) {
            return Err(StoreError::failed(format!(
                "{} does not hold the decisions of run {}, so it is not released",
                self.path.display(),
                ticket.run
            ))
            .hint("verify the cycle again"));
        }
        let released = Released {
            cycle: ticket.cycle.clone(),
            origin: ticket.origin.clone(),
            run: ticket.run.clone(),
            hash: hash.to_owned(),
            released: crate::domain::format_instant(super::now(), 3),
        };
        whole_file(&self.marker, |out| {
            let text = serde_json::to_string(&released).map_err(|error| StoreError::failed(error.to_string()))?;
            writeln!(out, "{text}").map_err(|error| self.failed("released", &error))
        })
    }

    pub(super) fn is_published(&self, ticket: &Ticket) -> Result<bool, StoreError> {
        let released = self.released()?;
        Ok(released.is_some_and(|r| r.cycle == ticket.cycle && r.run == ticket.run && r.origin == ticket.origin))
    }
}

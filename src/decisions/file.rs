//! Decisions in a Parquet or CSV file: written beside it under a temporary name and put in its place as a whole, by the
//! newest attempt only, and never in place of another cycle's.
//!
//! `<file>.run` says which attempt may put its decisions there; `<file>.released` tells the payer that they are
//! released.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::decide::Decision;
use crate::domain::{Batch, Value};
use crate::stores::bulk::{ParquetColumn, ParquetKind, make_folder_of, parquet_into, whole_file, whole_file_when};
use crate::stores::{
    CsvSettings, KeyRange, Locator, ReadRequest, Reader, Received, Settings, StoreError, Wanted, Wish,
};

use super::columns::OWN;
use super::form::{Form, Forms, Kind};
use super::literal::{push_field, push_quoted};
use super::{Layout, Ticket};

/// Longest wait for another process that puts its decisions in place.
const LOCK: Duration = Duration::from_secs(20);
/// Digits of a decimal in Parquet.
const PARQUET_DIGITS: u32 = 38;
/// Records between two calls of `alive`.
const RECORDS: u64 = 5_000;

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

/// Who may put decisions in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    cycle: String,
    origin: String,
    run: String,
    attempt: i64,
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
        let mut held = self.hold()?;
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
            Ok(_) => self.first_cycle(),
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
            Ok(Some(cycle)) if cycle != ticket.cycle => {
                refuse(format!("{shown} holds the decisions of another cycle, `{cycle}`"))
            }
            Ok(_) => Ok(()),
            Err(error) => refuse(format!("{shown} is there and is no file of decisions: {}", error.what)),
        }
    }

    /// The cycle that the first record names.
    fn first_cycle(&self) -> Result<Option<String>, StoreError> {
        let locator = self.locator()?;
        let settings = self.settings.clone();
        let make = std::sync::Arc::new(move || locator.source(&settings));
        let reader = Reader::start(make, Wish::default(), std::sync::Arc::default());
        let opened = reader.opened()?;
        if let Some(missing) = OWN.iter().find(|own| !opened.columns.iter().any(|column| column.name == **own)) {
            return Err(StoreError::failed(format!("it has no column `{missing}`")));
        }
        let request = ReadRequest {
            columns: vec![Wanted { name: "recon_cycle".into(), fix: None }],
            key: 0,
            filter: None,
            range: KeyRange::default(),
            keys: None,
            fresh: false,
        };
        let (batches, _give_back) = reader.begin(vec![request], &crate::domain::Rules::default(), None, None);
        loop {
            match batches.recv() {
                Ok(Received::Batch(batch)) if batch.rows() > 0 => {
                    return Ok(Some(Value::of(batch.at(0, 0)).to_string()));
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
            Format::Parquet => self.parquet(layout)?.into_iter().map(|(form, _)| form).collect(),
        };
        Ok(Forms { key: key.len(), names: key.into_iter().chain(columns).collect(), forms })
    }

    fn parquet(&self, layout: &Layout) -> Result<Vec<(Form, ParquetKind)>, StoreError> {
        let one = |seen: &super::Seen| {
            let digits = u8::try_from(PARQUET_DIGITS).unwrap_or(38);
            let refuse = |what: String| {
                Err(StoreError::usage(format!("{}: the column `{}` {what}", self.path.display(), seen.name))
                    .hint("write the decisions to a .csv file or to a table instead"))
            };
            Ok(match Kind::of(seen) {
                Kind::Integer { digits: ..=18 } => (Form::Number, ParquetKind::Integer),
                Kind::Integer { digits: PARQUET_DIGITS.. } => {
                    return refuse(format!("has more digits than the {PARQUET_DIGITS} of a decimal in Parquet"));
                }
                Kind::Integer { .. } => (Form::Number, ParquetKind::Decimal { digits, scale: 0 }),
                Kind::Decimal { special: true, .. } => {
                    return refuse("has NaN or an infinity among its values, which no decimal of Parquet holds".into());
                }
                Kind::Decimal { whole, scale, .. } if whole + scale <= PARQUET_DIGITS => {
                    (Form::Number, ParquetKind::Decimal { digits, scale: u8::try_from(scale).unwrap_or(38) })
                }
                Kind::Decimal { whole, scale, .. } => {
                    return refuse(format!(
                        "has {whole} digits before the point and {scale} behind it; a decimal in Parquet has {PARQUET_DIGITS}"
                    ));
                }
                Kind::Date => (Form::Date, ParquetKind::Date),
                Kind::Instant => (Form::Instant, ParquetKind::Instant),
                Kind::Boolean => (Form::Boolean, ParquetKind::Boolean),
                Kind::Text { .. } | Kind::Nothing => (Form::Text, ParquetKind::Text),
            })
        };
        layout.key.iter().chain(&layout.columns).map(one).collect()
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
            let mut lock = self.hold()?;
            self.still_mine(ticket, &mut lock)?;
            self.belongs(ticket)?;
            *held.borrow_mut() = Some(lock);
            Ok(())
        };
        whole_file_when(
            &self.path,
            |out| {
                match self.format {
                    Format::Csv => self.csv(out, ticket, &forms, decisions, &mut alive)?,
                    Format::Parquet => {
                        let kinds = self.parquet(layout)?.into_iter().map(|(_, kind)| kind).collect();
                        self.write_parquet(out, ticket, &forms, kinds, decisions, &mut alive)?;
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

    fn csv(
        &self,
        out: &mut dyn Write,
        ticket: &Ticket,
        forms: &Forms,
        decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
        alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut line = String::new();
        for name in forms.names.iter().map(String::as_str).chain(OWN) {
            line.push_str(if line.is_empty() { "" } else { "," });
            push_quoted(name, &mut line);
        }
        line.push('\n');
        let mut tail = String::new();
        for text in [&ticket.cycle, &ticket.run, &ticket.snapshot] {
            tail.push(',');
            push_quoted(text, &mut tail);
        }
        tail.push('\n');
        let mut row = Batch::new(forms.width());
        let mut count = 0u64;
        for decision in decisions {
            let decision = decision.map_err(super::unreadable)?;
            row.reset(forms.width());
            forms.push(&decision, &mut row)?;
            for at in 0..forms.width() {
                if at > 0 {
                    line.push(',');
                }
                push_field(row.at(0, at), &mut line)
                    .map_err(|why| StoreError::failed(format!("{}: {why}", self.path.display())))?;
            }
            line.push_str(&tail);
            count += 1;
            if count.is_multiple_of(RECORDS) {
                alive(count)?;
                out.write_all(line.as_bytes()).map_err(|error| self.failed("written", &error))?;
                line.clear();
            }
        }
        out.write_all(line.as_bytes()).map_err(|error| self.failed("written", &error))?;
        alive(count)
    }

    fn write_parquet(
        &self,
        out: &mut (dyn Write + Send),
        ticket: &Ticket,
        forms: &Forms,
        kinds: Vec<ParquetKind>,
        decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
        alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let own = OWN.iter().map(|name| ParquetColumn { name: (*name).to_owned(), kind: ParquetKind::Text });
        let columns: Vec<ParquetColumn> = (forms.names.iter().zip(kinds))
            .map(|(name, kind)| ParquetColumn { name: name.clone(), kind })
            .chain(own)
            .collect();
        let text = |text: &str| Value::Text { text: text.to_owned(), untyped: false };
        let mut row = Batch::new(forms.width());
        let mut rows = decisions.map(|decision| {
            row.reset(forms.width());
            forms.push(&decision.map_err(super::unreadable)?, &mut row)?;
            let values = (0..forms.width()).map(|at| Value::of(row.at(0, at)));
            Ok(values.chain([text(&ticket.cycle), text(&ticket.run), text(&ticket.snapshot)]).collect())
        });
        parquet_into(out, &self.path, &columns, &mut rows, alive).map(|_| ())
    }

    /// Says that this attempt writes now, and takes away what an earlier cycle left.
    fn take(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let mut held = self.hold()?;
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
        let mut held = self.hold()?;
        if let Some(released) = self.released()?.filter(|released| released.cycle == ticket.cycle) {
            if released.run == ticket.run && released.origin == ticket.origin && released.hash == hash {
                return Ok(());
            }
            self.not_released(ticket)?;
        }
        self.still_mine(ticket, &mut held)?;
        if !self.path.exists() {
            return Err(StoreError::failed(format!("{} is gone, so it is not released", self.path.display()))
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

    /// Waits until no other process is at it.
    fn hold(&self) -> Result<Held, StoreError> {
        let failed = |error: io::Error| {
            StoreError::failed(format!("{} cannot be written: {error}", self.run.display()))
                .hint("decisions are written beside it: check owner and permissions of the folder")
        };
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.run).map_err(failed)?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Held { file, path: self.run.clone() }),
                Err(TryLockError::WouldBlock) if since.elapsed() < LOCK => {
                    std::thread::sleep(Duration::from_millis(20))
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::failed(format!(
                        "another process holds {} for more than {} s",
                        self.run.display(),
                        LOCK.as_secs()
                    ))
                    .hint(
                        "it was stopped while it put its decisions in place: let it go on or end it (`fuser` names it)",
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }
}

/// The file that says who writes, locked.
struct Held {
    file: File,
    path: PathBuf,
}

impl Held {
    fn read(&mut self) -> Result<Option<Holder>, StoreError> {
        let mut text = String::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_string(&mut text));
        read.map_err(|error| self.failed(&error))?;
        // A process that ended in the middle of writing it held nothing yet.
        Ok(serde_json::from_str(&text).ok())
    }

    fn write(&mut self, holder: &Holder) -> Result<(), StoreError> {
        let text = serde_json::to_string(holder).map_err(|error| StoreError::failed(error.to_string()))?;
        let written = (self.file.seek(SeekFrom::Start(0)))
            .and_then(|_| self.file.set_len(0))
            .and_then(|()| writeln!(self.file, "{text}"))
            .and_then(|()| self.file.sync_all());
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> StoreError {
        StoreError::failed(format!("{} cannot be used: {error}", self.path.display()))
            .hint("decisions are written beside it: check that the folder is writable and has room")
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Replaces `{name}` in the file's name by the parameter of that name.
fn with_params(path: &Path, params: &[(String, Value)]) -> Result<PathBuf, StoreError> {
    let shown = path.display().to_string();
    let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains('{')) else {
        return Ok(path.to_owned());
    };
    let known =
        crate::ledger::CycleKey::new("decisions", params).map_err(|error| StoreError::usage(error.to_string()))?;
    let mut out = String::new();
    let mut rest = name;
    while let Some((before, behind)) = rest.split_once('{') {
        let (wanted, after) = behind.split_once('}').ok_or_else(|| {
            StoreError::usage(format!("`{shown}`: a `{{` without `}}` in the name of the decisions' file"))
        })?;
        let Some((_, value)) = known.params().find(|(name, _)| *name == wanted) else {
            let names = known.params().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
            return Err(StoreError::usage(format!("`{shown}`: there is no parameter `{wanted}`"))
                .hint(format!("the parameters are: {}", if names.is_empty() { "none" } else { &names })));
        };
        if value.is_empty() || value.contains(['/', '\\', '\0']) || value.contains("..") || value.starts_with('.') {
            return Err(StoreError::usage(format!(
                "`{shown}`: the value `{value}` of `{wanted}` cannot stand in the name of a file"
            ))
            .hint("take another parameter into the name of the decisions' file"));
        }
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(path.with_file_name(out))
}

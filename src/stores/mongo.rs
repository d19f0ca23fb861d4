//! MongoDB: a collection, a view or an aggregation pipeline, read in key order from one snapshot.
//!
//! Replica sets and routers (5.0 and later) give a snapshot session; a server of its own cannot, which is said as
//! a notice. Documents go from the reply's bytes into the columns without a stop between. Must not write to the
//! server, nor let a pipeline do it.

mod about;
mod batches;
mod chosen;
mod connect;
mod failure;
mod insert;
mod inspect;
mod literal;
mod matching;
mod natural;
mod pipeline;
mod privileges;
mod start;

use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::error::Error;

use crate::domain::{Batch, Filter, Rules, Value, bson_cell, bson_get, cmp_cells};

use super::document::{Picker, Sample};
use super::{Opened, Outlet, ReadEnd, ReadRequest, Settings, Snapshot, Source, StoreError, Target, Wish};
pub(super) use about::{about, collections, unique_keys};
use batches::Batches;
use chosen::{Chosen, unsortable};
use connect::Connection;
pub(crate) use insert::{drop_database, insert};
pub(super) use inspect::{inspect, readable};
use pipeline::Query;
pub(super) use privileges::beyond_reading;
use start::{Failure, Stages, start};

/// Documents in a reply, when they are small.
const DOCUMENTS: u64 = 2_000;
/// Bytes in a reply, about: two replies are held at a time.
const REPLY_BYTES: u64 = 1 << 20;
/// Most fields that MongoDB sorts by.
const MOST_KEYS: usize = 32;
/// Sampled documents for each range that a collection is cut into.
const SAMPLED_PER_PART: i64 = 200;
/// The server's code for a storage engine or setting that has no snapshots.
const NO_SNAPSHOTS: [i32; 3] = [20, 72, 263];
/// The server's code for a snapshot that it cannot give yet.
const SNAPSHOT_UNAVAILABLE: i32 = 246;

/// Reads one collection or pipeline.
pub struct MongoSource {
    url: String,
    target: Target,
    settings: Settings,
    side: Option<Side>,
}

/// An open side.
struct Side {
    connection: Connection,
    query: Query,
    /// Whether it is a collection as it is: no pipeline, no view.
    counted: bool,
    batch_size: u32,
}

impl MongoSource {
    /// For a `mongodb://` or `mongodb+srv://` URL that names the database.
    pub fn new(url: String, target: Target, settings: Settings) -> Self {
        MongoSource { url, target, settings, side: None }
    }

    fn side(&mut self) -> Result<(&mut Side, &Settings), StoreError> {
        match &mut self.side {
            Some(side) => Ok((side, &self.settings)),
            None => Err(StoreError::failed("the MongoDB side was not opened")),
        }
    }
}

impl Source for MongoSource {
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError> {
        self.side = None;
        let query = pipeline::query(&self.target)?;
        let connection = Connection::open(&self.url, &self.settings)?;
        let mut side = Side { connection, query, counted: false, batch_size: DOCUMENTS as u32 };
        let mut notices = Vec::new();
        side.check_collection(&mut notices)?;
        side.check_pipeline()?;
        let sample = side.sample(wish, &mut notices, &self.settings)?;
        side.batch_size =
            sample.average_bytes().map_or(DOCUMENTS, |b| (REPLY_BYTES / b.max(1)).clamp(8, DOCUMENTS)) as u32;
        let snapshot = side.snapshot(&mut notices);
        let estimated_records = side.estimate();
        // Only under a snapshot: what is written meanwhile lies anywhere.
        let natural = side.connection.session.is_some() && estimated_records >= Some(natural::LEAST);
        self.side = Some(side);
        Ok(Opened {
            columns: sample.into_columns(),
            fixed_columns: false,
            ordered: true,
            natural,
            filters: true,
            seeks: true,
            snapshot,
            estimated_records,
            notices,
            inputs: Vec::new(),
        })
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let (side, settings) = self.side()?;
        side.read(request, out, settings)
    }

    fn boundaries(&mut self, key: &str, filter: Option<&Filter>, parts: usize) -> Result<Vec<Value>, StoreError> {
        let (side, settings) = self.side()?;
        side.boundaries(key, filter, parts, settings)
    }
}

impl Side {
    /// What is being done, for messages.
    fn doing(&self) -> String {
        match self.query.stages {
            None => format!("reading the collection `{}`", self.query.collection),
            Some(_) => format!("running the pipeline over `{}`", self.query.collection),
        }
    }

    fn failed(&self, error: &Error) -> StoreError {
        self.connection.place.error(error, &self.doing())
    }

    /// A collection that does not exist reads as an empty one: it is looked for by its name.
    fn check_collection(&mut self, notices: &mut Vec<String>) -> Result<(), StoreError> {
        let (database, wanted) = (&self.connection.database, &self.query.collection);
        let command = doc! { "listCollections": 1, "nameOnly": true, "authorizedCollections": true };
        let names = self.connection.runtime.block_on(async {
            let mut cursor = database.run_cursor_command(command).await?;
            let mut names = Vec::new();
            while cursor.advance().await? {
                let is_collection = cursor.current().get_str("type").is_ok_and(|kind| kind == "collection");
                names.extend(cursor.current().get_str("name").map(|name| (name.to_owned(), is_collection)));
            }
            Ok::<_, Error>(names)
        });
        let names = match names {
            Ok(names) => names,
            Err(error) if matches!(failure::code(&error), Some(13)) => {
                notices.push(format!(
                    "the account may not list the collections of `{}`, so a collection that does not exist cannot be told \
                     from an empty one",
                    database.name()
                ));
                return Ok(());
            }
            Err(error) => return Err(self.connection.place.error(&error, "listing the collections")),
        };
        if let Some((_, is_collection)) = names.iter().find(|(name, _)| name == wanted) {
            self.counted = *is_collection && self.query.stages.is_none();
            return Ok(());
        }
        let mut names: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
        names.retain(|name| !name.starts_with("system."));
        names.sort();
        let what = format!(
            "there is no collection `{wanted}` in the database `{}` ({})",
            database.name(),
            self.connection.place.name
        );
        let more = names.len().saturating_sub(20);
        names.truncate(20);
        Err(StoreError::usage(what).hint(match (names.is_empty(), more) {
            (true, _) => "the database has no collections (or the account sees none)".to_owned(),
            (false, 0) => format!("there are {}", names.join(", ")),
            (false, more) => format!("there are {} and {more} more", names.join(", ")),
        }))
    }

    /// Lets the server read the pipeline before anything runs: what it says then is about the text.
    fn check_pipeline(&self) -> Result<(), StoreError> {
        if self.query.stages.is_none() {
            return Ok(());
        }
        let command = pipeline::explain(&self.query);
        let checked = self.connection.runtime.block_on(async { self.connection.database.run_command(command).await });
        match checked {
            Err(error) if failure::is_about_query(&error) => {
                let why = self.connection.place.masked(&failure::reason(&error));
                Err(StoreError::usage(format!("MongoDB does not accept the pipeline: {why}"))
                    .hint("try the pipeline in mongosh"))
            }
            // Servers that speak MongoDB's protocol without explaining find out when they run it.
            Err(error) if matches!(failure::code(&error), Some(59 | 115)) => Ok(()),
            Err(error) => Err(self.connection.place.error(&error, "checking the pipeline")),
            Ok(_) => Ok(()),
        }
    }

    /// Reads the first documents; the session's first read also fixes the snapshot.
    fn sample(&mut self, wish: &Wish, notices: &mut Vec<String>, settings: &Settings) -> Result<Sample, StoreError> {
        let mut attempts = settings.connect_attempts.max(1);
        loop {
            if self.connection.server.snapshots {
                self.connection.start_snapshot()?;
            }
            let limit = i64::try_from(Sample::SIZE).unwrap_or(i64::MAX);
            let mut sample = Sample::new(wish);
            let taken =
                self.each(Stages { limit: Some(limit), ..Stages::default() }, settings, |document| {
                    match sample.bson(document) {
                        Ok(()) => Ok(!sample.is_full()),
                        Err(error) => {
                            Err(Failure::Store(StoreError::failed(format!("a document cannot be read: {error}"))))
                        }
                    }
                });
            match taken {
                Ok(()) => return Ok(sample),
                Err(Failure::Driver(error))
                    if self.connection.session.is_some()
                        && (failure::code(&error).is_some_and(|c| NO_SNAPSHOTS.contains(&c))
                            || failure::reason(&error).contains("capped collection")) =>
                {
                    notices.push(format!("MongoDB gives no snapshot here: {}", failure::reason(&error)));
                    self.connection.server.snapshots = false;
                    self.connection.session = None;
                }
                Err(Failure::Driver(error)) if failure::code(&error) == Some(SNAPSHOT_UNAVAILABLE) && attempts > 1 => {
                    attempts -= 1;
                    std::thread::sleep(std::time::Duration::from_millis(200));
                }
                Err(Failure::Driver(error)) => return Err(self.failed(&error)),
                Err(Failure::Store(error)) => return Err(error),
            }
        }
    }

    fn snapshot(&self, notices: &mut Vec<String>) -> Snapshot {
        if let Some(session) = &self.connection.session {
            let taken_at = session.snapshot_time().map(|t| i128::from(t.time) * 1_000_000_000);
            return Snapshot { taken_at, how: "snapshot session".into(), consistent: true };
        }
        if notices.is_empty() || !notices.iter().any(|n| n.contains("gives no snapshot")) {
            let why = match self.connection.server.standalone {
                true => "it is a server of its own, not a replica set",
                false => "snapshot sessions came with MongoDB 5.0",
            };
            notices.push(format!(
                "MongoDB at {} gives no snapshot ({why}): records that change while it is read may be seen before or after \
                 the change",
                self.connection.place.name
            ));
        }
        Snapshot { taken_at: self.connection.server.clock, how: "none".into(), consistent: false }
    }

    /// The number of documents from the collection's own count; a view or a pipeline would have to be run for it.
    fn estimate(&self) -> Option<u64> {
        if !self.counted {
            return None;
        }
        let collection = self.connection.database.collection::<RawDocumentBuf>(&self.query.collection);
        self.connection.runtime.block_on(async { collection.estimated_document_count().await }).ok()
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet, settings: &Settings) -> Result<ReadEnd, StoreError> {
        if request.fresh && self.connection.server.snapshots {
            self.connection.start_snapshot()?;
        }
        let key: Vec<&str> = request.columns.iter().take(request.key).map(|c| c.name.as_str()).collect();
        if key.len() > MOST_KEYS {
            return Err(StoreError::usage(format!(
                "MongoDB sorts by {MOST_KEYS} fields at most, the key has {}",
                key.len()
            )));
        }
        let rules = Rules { zone: settings.zone.clone(), ..Rules::default() };
        let chosen = Chosen::of(request, rules);
        let mut conditions = Vec::new();
        if let Some(filter) = &request.filter {
            conditions.push(matching::condition(filter, &settings.zone)?);
        }
        if chosen.is_none() {
            if let Some(first) = key.first() {
                conditions.extend(matching::range(first, &request.range)?);
            }
            if let Some(keys) = &request.keys {
                conditions.push(matching::key_list(&key, keys)?);
            }
        }
        let mut sort = Document::new();
        for name in &key {
            matching::check_name(name)?;
            sort.insert(*name, 1);
        }
        if self.takes_natural(request, settings)? {
            sort.clear();
        }
        let stages = Stages { conditions, sort, limit: None };
        let mut picker = Picker::new(&request.columns);
        let mut records = 0u64;
        let key_columns = request.key;
        let ended = self.each(stages, settings, |document| {
            let batch = out.batch();
            if let Err(error) = picker.bson(document, batch) {
                let what = format!("the document after {records} records cannot be read: {error}");
                return Err(Failure::Store(StoreError::failed(what)));
            }
            records += 1;
            let row = batch.rows() - 1;
            for column in 0..key_columns {
                if let Some(why) = unsortable(batch.at(row, column)) {
                    batch.undo_row();
                    let name = &request.columns[column].name;
                    let what =
                        format!("the key `{name}` of the record after {} others cannot be used: {why}", records - 1);
                    return Err(Failure::Store(StoreError::failed(what)));
                }
            }
            if let Some(chosen) = &chosen
                && !chosen.takes(batch, row)
            {
                batch.undo_row();
                return Ok(true);
            }
            out.end_row().map(|()| true).map_err(|stop| Failure::Store(stop.into()))
        });
        match ended {
            Ok(()) => Ok(picker.into_end()),
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::Driver(error)) => {
                let doing = format!("{}, after {records} records", self.doing());
                Err(self.connection.place.error(&error, &doing))
            }
        }
    }

    /// Cuts the collection by a random sample of its keys.
    fn boundaries(
        &mut self,
        key: &str,
        filter: Option<&Filter>,
        parts: usize,
        settings: &Settings,
    ) -> Result<Vec<Value>, StoreError> {
        matching::check_name(key)?;
        if parts < 2 {
            return Ok(Vec::new());
        }
        let size = SAMPLED_PER_PART.saturating_mul(i64::try_from(parts).unwrap_or(i64::MAX));
        let mut stages = self.query.stages.clone().unwrap_or_default();
        if let Some(filter) = filter {
            stages.push(doc! { "$match": matching::condition(filter, &settings.zone)? });
        }
        stages.push(doc! { "$sample": { "size": size } });
        stages.push(doc! { "$project": { "_id": 0, "k": format!("${key}") } });
        let query = Query { stages: Some(stages), ..self.query.clone() };
        let mut keys = Batch::new(1);
        let taken = self.each_of(&query, Stages::default(), settings, |document| {
            if let Ok(Some(element)) = bson_get(document, "k") {
                let row = keys.start_row();
                let cell = bson_cell(&element, &mut keys);
                keys.set(row, 0, cell);
                if cell.is_missing() || unsortable(keys.at(row, 0)).is_some() {
                    keys.undo_row();
                }
            }
            Ok(true)
        });
        match taken {
            Ok(()) => {}
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Driver(error)) => return Err(self.failed(&error)),
        }
        let mut order: Vec<usize> = (0..keys.rows()).collect();
        order.sort_by(|a, b| cmp_cells(keys.at(*a, 0), keys.at(*b, 0)));
        order.dedup_by(|a, b| cmp_cells(keys.at(*a, 0), keys.at(*b, 0)).is_eq());
        let mut cuts: Vec<usize> = (1..parts).map(|part| part * order.len() / parts).filter(|at| *at > 0).collect();
        cuts.dedup();
        Ok(cuts.into_iter().map(|at| Value::of(keys.at(order[at], 0))).collect())
    }

    fn each(
        &mut self,
        stages: Stages,
        settings: &Settings,
        take: impl FnMut(&[u8]) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let query = self.query.clone();
        self.each_of(&query, stages, settings, take)
    }

    /// Runs a query and hands every document to `take`, until that says `false`.
    fn each_of(
        &mut self,
        query: &Query,
        stages: Stages,
        settings: &Settings,
        mut take: impl FnMut(&[u8]) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let (place, doing) = (self.connection.place.name.clone(), self.doing());
        let late = |records: u64| {
            let seconds = settings.read_timeout.as_secs_f32();
            let (so_far, hint) = match records {
                0 => (String::new(), "an index on the key columns spares the server the sorting"),
                _ => (
                    format!(", after {records} records"),
                    "look at the server's load and log, or raise `--read-timeout`",
                ),
            };
            let what = format!("MongoDB at {place} sent nothing for {seconds} s while {doing}{so_far}");
            Failure::Store(StoreError::failed(what).hint(hint))
        };
        let mut records = 0;
        let broken = |error: crate::domain::BsonError| {
            Failure::Store(StoreError::failed(format!("MongoDB at {place} sent a reply that cannot be read: {error}")))
        };
        let Connection { runtime, session, database, .. } = &mut self.connection;
        let batch_size = self.batch_size;
        runtime.block_on(async {
            let starting = start(database, query, stages, batch_size, session.as_mut());
            let mut cursor = match tokio::time::timeout(settings.read_timeout, starting).await {
                Ok(cursor) => cursor.map_err(Failure::Driver)?,
                Err(_) => return Err(late(records)),
            };
            let Some(mut batches) = Batches::of(&mut cursor, session.as_mut()) else {
                return Err(Failure::Store(StoreError::failed("a cursor lost its session")));
            };
            loop {
                let reply = match batches.next(settings.read_timeout).await {
                    Ok(Some(reply)) => reply,
                    Ok(None) => return Ok(()),
                    Err(Some(error)) => return Err(Failure::Driver(error)),
                    Err(None) => return Err(late(records)),
                };
                batches.ask_ahead().await;
                for document in batches::documents(&reply).map_err(broken)? {
                    if !take(document.map_err(broken)?.value)? {
                        return Ok(());
                    }
                    records += 1;
                }
            }
        })
    }
}

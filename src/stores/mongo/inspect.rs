//! A check's pipeline on MongoDB: in a session of its own, with the server's own limit of time, ended on the server when
//! it must end.
//!
//! MongoDB has no read-only transaction for this. In its place the server is asked first what it understood, views put
//! in their place: a pipeline in which it sees a stage that writes, or code, is not run.

use std::future::{Future, IntoFuture};
use std::time::{Duration, Instant};

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::error::Error;
use mongodb::options::{AggregateOptions, Collation};
use mongodb::{Client, ClientSession};

use super::batches::{Batches, Cursor, documents};
use super::connect::Connection;
use super::failure::{Place, code, is_about_query, reason};
use super::pipeline::{self, Query};
use crate::domain::{Batch, BsonError, Elements, Value, bson_cell};
use crate::stores::inspect::{Halt, InspectError, Piped, Refusal, Watch, understood};
use crate::stores::{Settings, StoreError, Target};

/// How often a wait for the server looks up.
const LOOK_UP: Duration = Duration::from_millis(50);
/// Longest wait for the server's word that a query is gone.
const ENDING: Duration = Duration::from_secs(3);
/// First pause between two questions whether it is.
const PAUSE: Duration = Duration::from_millis(5);
/// Documents of a reply at most.
const TOGETHER: u64 = 1_000;
/// Collections and views that a pipeline may read, views' own among them.
const MOST_COLLECTIONS: usize = 100;
/// The server's code for a missing privilege.
const UNAUTHORIZED: i32 = 13;
/// The server's code for its own limit of time.
const TIME_EXPIRED: i32 = 50;

/// Whether the text of a pipeline can be turned into a command.
///
/// # Errors
/// What cannot be understood.
pub(in crate::stores) fn readable(target: &Target) -> Result<(), StoreError> {
    pipeline::query(target).map(|_| ())
}

/// Runs a check's pipeline and hands its documents to `watch`; returns what the user should know.
///
/// # Errors
/// See [`crate::stores::inspect::inspect`].
pub(in crate::stores) fn inspect(
    url: &str,
    piped: &Piped,
    params: &[(String, Value)],
    settings: &Settings,
    watch: &mut Watch<'_>,
) -> Result<Vec<String>, InspectError> {
    let query = pipeline::query(&piped.target(params))?;
    let mut connection = Connection::open(url, settings)?;
    watch.look().map_err(|halt| watch.error(halt, connection.place.name.clone(), true))?;
    connection.start_inspection()?;
    let mut notices = Vec::new();
    if !connection.server.snapshots {
        notices.push(format!(
            "MongoDB at {} gives no snapshot: documents that change while they are read may be seen before or after the change",
            connection.place.name
        ));
    }
    let place = connection.place.clone();
    let Connection { runtime, client, session, database, .. } = &mut connection;
    let (Some(client), Some(session)) = (client.as_ref(), session.as_mut()) else {
        return Err(StoreError::failed("the connection is closed").into());
    };
    let id = session.id().clone();
    runtime.block_on(async {
        watch.start();
        let mut guarded = Guarded { place: &place, query: &query, watch };
        let read = guarded.read(database, session).await;
        match read {
            Ok(()) => Ok(notices),
            Err(Ended::Failed(error)) => Err(error),
            Err(Ended::Halted(halt)) => {
                let ended = end(client, &id).await;
                if halt != Halt::Enough {
                    return Err(watch.error(halt, place.name.clone(), ended));
                }
                if !ended {
                    notices.push(
                        "the server has not confirmed that the query ended when no more of it was read".to_owned(),
                    );
                }
                Ok(notices)
            }
        }
    })
}

/// Why reading did not come to its end.
enum Ended {
    Halted(Halt),
    Failed(InspectError),
}

impl<E: Into<InspectError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Ended::Failed(error.into())
    }
}

struct Guarded<'a, 'b> {
    place: &'a Place,
    query: &'a Query,
    watch: &'a mut Watch<'b>,
}

impl Guarded<'_, '_> {
    /// Waits for the server, but not longer than the watch allows.
    async fn wait<T>(watch: &Watch<'_>, work: impl Future<Output = T>) -> Result<T, Ended> {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(LOOK_UP, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) => watch.look().map_err(Ended::Halted)?,
            }
        }
    }

    fn failed(&self, error: &Error, asking: bool) -> Ended {
        let collection = &self.query.collection;
        if code(error) == Some(TIME_EXPIRED) {
            return Ended::Failed(self.watch.error(Halt::TimedOut, self.place.name.clone(), true));
        }
        if asking && is_about_query(error) {
            let why = self.place.masked(&reason(error));
            return Refusal::new(format!("MongoDB does not accept the pipeline: {why}"))
                .hint("try the pipeline in mongosh")
                .into();
        }
        let doing = format!("running the pipeline over `{collection}`, after {} documents", self.watch.rows());
        self.place.error(error, &doing).into()
    }

    fn harmful(&self, name: &str) -> Ended {
        let collection = &self.query.collection;
        Refusal::new(format!("`{name}` would be run for the pipeline over `{collection}`: a check only reads"))
            .hint("it may stand in a view that the pipeline reads")
            .into()
    }

    /// Looks whether every collection that is named is there: a misspelt one has no documents, and so no violations.
    async fn look(&self, database: &mongodb::Database) -> Result<(), Ended> {
        let mut named = vec![self.query.collection.clone()];
        self.query.stages.iter().flatten().for_each(|stage| collections(stage, &mut named));
        let known = Self::wait(self.watch, async { database.list_collection_names().await }).await?;
        let known = known.map_err(|error| self.failed(&error, false))?;
        match named.iter().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(name) => {
                let near = crate::config::did_you_mean(name, known.iter().map(String::as_str));
                let near = near.unwrap_or_else(|| "`db.getCollectionNames()` lists them".to_owned());
                let what = format!("{}: there is no collection `{name}`", self.place.name);
                Err(Refusal::new(what).hint(near).into())
            }
        }
    }

    /// Looks into the views that the pipeline reads, and into those that they read.
    async fn views(&self, database: &mongodb::Database) -> Result<(), Ended> {
        let mut names = vec![self.query.collection.clone()];
        self.query.stages.iter().flatten().for_each(|stage| named(stage, &mut names));
        let mut at = 0;
        while at < names.len() {
            if names.len() > MOST_COLLECTIONS {
                return Err(Refusal::new(format!(
                    "the pipeline reads more than {MOST_COLLECTIONS} collections and views"
                ))
                .hint("make several checks of it")
                .into());
            }
            let asked = doc! { "listCollections": 1, "filter": { "name": { "$in": &names[at..] }, "type": "view" } };
            at = names.len();
            let listed = Self::wait(self.watch, async { database.run_command(asked).await }).await?;
            let listed = match listed {
                Ok(listed) => listed,
                // An account that may not list them: what the server explains must do.
                Err(error) if code(&error) == Some(UNAUTHORIZED) => return Ok(()),
                Err(error) => return Err(self.failed(&error, false)),
            };
            let views = listed.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
            for view in views.into_iter().flatten().filter_map(Bson::as_document) {
                let Ok(options) = view.get_document("options") else { continue };
                understood(options).map_err(|name| self.harmful(&name))?;
                named(options, &mut names);
            }
        }
        Ok(())
    }

    /// Lets the server say what it understood.
    async fn ask(&self, database: &mongodb::Database) -> Result<(), Ended> {
        self.look(database).await?;
        self.views(database).await?;
        let mut command = pipeline::explain(self.query);
        command.insert("maxTimeMS", milliseconds(self.watch.limits().time));
        match Self::wait(self.watch, async { database.run_command(command).await }).await? {
            Ok(explained) => understood(&explained).map_err(|name| self.harmful(&name)),
            // A server that cannot explain is not asked to run what nobody has seen.
            Err(error) => Err(self.failed(&error, true)),
        }
    }

    async fn read(&mut self, database: &mongodb::Database, session: &mut ClientSession) -> Result<(), Ended> {
        self.ask(database).await?;
        let more = self.watch.one_more();
        let mut stages = self.query.stages.clone().unwrap_or_default();
        stages.push(doc! { "$limit": i64::try_from(more).unwrap_or(i64::MAX) });
        let mut options = AggregateOptions::builder()
            .collation(Collation::builder().locale("simple").build())
            .allow_disk_use(true)
            .batch_size(u32::try_from(more.min(TOGETHER)).unwrap_or(u32::MAX))
            .max_time(Duration::from_millis(milliseconds(self.watch.limits().time).unsigned_abs()))
            .comment(Bson::String("recon: check".to_owned()))
            .build();
        options.let_vars = self.query.variables.clone();
        let collection = database.collection::<RawDocumentBuf>(&self.query.collection);
        let starting = collection.aggregate(stages).with_options(options).session(&mut *session).batch();
        let cursor = Self::wait(self.watch, starting.into_future()).await?;
        let mut cursor = Cursor::Session(cursor.map_err(|error| self.failed(&error, false))?);
        let Some(mut batches) = Batches::of(&mut cursor, Some(session)) else {
            return Err(StoreError::failed("a cursor lost its session").into());
        };
        let broken = |error: BsonError| {
            StoreError::failed(format!("MongoDB at {} sent a reply that cannot be read: {error}", self.place.name))
        };
        let (mut names, mut values) = (Vec::new(), Vec::new());
        loop {
            let reply = match batches.next(LOOK_UP).await {
                Ok(Some(reply)) => reply,
                Ok(None) => return Ok(()),
                Err(Some(error)) => return Err(self.failed(&error, false)),
                Err(None) => {
                    self.watch.look().map_err(Ended::Halted)?;
                    continue;
                }
            };
            for document in documents(&reply).map_err(broken)? {
                let document = document.map_err(broken)?.value;
                decoded(document, &mut names, &mut values).map_err(broken)?;
                self.watch.document(document.len() as u64, &names, &values).map_err(Ended::Halted)?;
            }
        }
    }
}

/// Gathers the collections that a stage, or a view, names at any depth.
fn named(document: &Document, names: &mut Vec<String>) {
    for (field, value) in document {
        match value {
            Bson::String(name)
                if ["from", "coll", "$unionWith", "viewOn"].contains(&field.as_str()) && !names.contains(name) =>
            {
                names.push(name.clone());
            }
            Bson::Document(inner) => named(inner, names),
            Bson::Array(items) => items.iter().filter_map(Bson::as_document).for_each(|inner| named(inner, names)),
            _ => {}
        }
    }
}

/// The other collections that a stage reads, at whatever depth.
fn collections(stage: &Document, named: &mut Vec<String>) {
    for (key, value) in stage {
        match (key.as_str(), value) {
            ("$lookup" | "$graphLookup", Bson::Document(of)) => {
                named.extend(of.get_str("from").ok().map(str::to_owned));
            }
            ("$unionWith", Bson::String(name)) => named.push(name.clone()),
            ("$unionWith", Bson::Document(of)) => named.extend(of.get_str("coll").ok().map(str::to_owned)),
            _ => {}
        }
        match value {
            Bson::Document(inner) => collections(inner, named),
            Bson::Array(items) => {
                items.iter().filter_map(Bson::as_document).for_each(|inner| collections(inner, named));
            }
            _ => {}
        }
    }
}

/// A document's fields and their values.
fn decoded(document: &[u8], names: &mut Vec<String>, values: &mut Vec<Value>) -> Result<(), BsonError> {
    names.clear();
    values.clear();
    for element in Elements::of(document)? {
        let element = element?;
        let mut batch = Batch::new(1);
        let at = batch.start_row();
        let cell = bson_cell(&element, &mut batch);
        batch.set(at, 0, cell);
        names.push(String::from_utf8_lossy(element.name).into_owned());
        values.push(Value::of(batch.at(at, 0)));
    }
    Ok(())
}

/// 0 would be no limit.
fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).clamp(1, i64::from(i32::MAX))
}

/// Ends what runs in a session, its cursors too; whether the server says that nothing is left.
async fn end(client: &Client, session: &Document) -> bool {
    let admin = client.database("admin");
    let ending = async {
        // One's own sessions may be ended without any privilege.
        admin.run_command(doc! { "killSessions": [session.clone()] }).await.ok()?;
        let Some(Bson::Binary(id)) = session.get("id") else { return None };
        let mut pause = PAUSE;
        let started = Instant::now();
        while started.elapsed() < ENDING {
            let mine = doc! {
                "aggregate": 1,
                "pipeline": [
                    { "$currentOp": { "allUsers": false, "idleCursors": true } },
                    { "$match": { "lsid.id": id.clone() } },
                    { "$limit": 1 },
                ],
                "cursor": {},
            };
            let found = admin.run_command(mine).await.ok()?;
            if found.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).ok()?.is_empty() {
                return Some(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
        None
    };
    tokio::time::timeout(ENDING, ending).await.ok().flatten().is_some()
}

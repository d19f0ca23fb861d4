//! Starting a query on the server: a `find` over a collection, or an aggregation.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::error::Error;
use mongodb::options::{AggregateOptions, Collation, FindOptions};
use mongodb::{ClientSession, Database};

use crate::stores::StoreError;

use super::batches::Cursor;
use super::pipeline::Query;

/// What is added behind a query.
#[derive(Default)]
pub(super) struct Stages {
    pub(super) conditions: Vec<Document>,
    pub(super) sort: Document,
    pub(super) limit: Option<i64>,
}

/// Why documents stopped coming.
pub(super) enum Failure {
    Driver(Error),
    Store(StoreError),
}

/// Starts a query with what is added behind it.
pub(super) async fn start(
    database: &Database,
    query: &Query,
    add: Stages,
    batch_size: u32,
    session: Option<&mut ClientSession>,
) -> Result<Cursor, Error> {
    let collection = database.collection::<RawDocumentBuf>(&query.collection);
    // A collection may have a collation of its own; keys are ordered byte by byte on every store.
    let collation = Collation::builder().locale("simple").build();
    let condition = match add.conditions.len() {
        0 => Document::new(),
        _ => doc! { "$and": add.conditions },
    };
    let Some(stages) = &query.stages else {
        let mut options =
            FindOptions::builder().collation(collation).allow_disk_use(true).batch_size(batch_size).build();
        options.limit = add.limit;
        options.sort = Some(add.sort).filter(|sort| !sort.is_empty());
        let find = collection.find(condition).with_options(options);
        return Ok(match session {
            Some(session) => Cursor::Session(find.session(session).batch().await?),
            None => Cursor::Plain(find.batch().await?),
        });
    };
    let mut stages = stages.clone();
    if !condition.is_empty() {
        stages.push(doc! { "$match": condition });
    }
    if !add.sort.is_empty() {
        stages.push(doc! { "$sort": add.sort });
    }
    if let Some(limit) = add.limit {
        stages.push(doc! { "$limit": Bson::Int64(limit) });
    }
    let mut options =
        AggregateOptions::builder().collation(collation).allow_disk_use(true).batch_size(batch_size).build();
    options.let_vars = query.variables.clone();
    let aggregate = collection.aggregate(stages).with_options(options);
    Ok(match session {
        Some(session) => Cursor::Session(aggregate.session(session).batch().await?),
        None => Cursor::Plain(aggregate.batch().await?),
    })
}

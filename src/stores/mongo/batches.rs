//! The server's replies as raw batches, the next one asked for before the last is used up.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use mongodb::error::Error;
use mongodb::raw_batch_cursor::{RawBatch, RawBatchCursor, SessionRawBatchCursor, SessionRawBatchCursorStream};

use crate::domain::{BsonError, Element, Elements};

/// Turns given to the driver's tasks for sending the next request: taking a connection from the pool needs a
/// few, the rest is reserve. A turn without work costs microseconds.
const TURNS: usize = 12;

/// A cursor, of a snapshot session or of its own.
pub(super) enum Cursor {
    /// Belongs to a session.
    Session(SessionRawBatchCursor),
    /// Stands alone.
    Plain(RawBatchCursor),
}

/// The replies of a cursor.
pub(super) struct Batches<'a> {
    stream: Replies<'a>,
    ready: Option<Option<Result<RawBatch, Error>>>,
}

enum Replies<'a> {
    Session(SessionRawBatchCursorStream<'a, 'a>),
    Plain(&'a mut RawBatchCursor),
}

impl Stream for Replies<'_> {
    type Item = Result<RawBatch, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.get_mut() {
            Replies::Session(stream) => Pin::new(stream).poll_next(cx),
            Replies::Plain(cursor) => Pin::new(&mut **cursor).poll_next(cx),
        }
    }
}

impl<'a> Batches<'a> {
    /// Of a cursor and the session it belongs to.
    pub(super) fn of(cursor: &'a mut Cursor, session: Option<&'a mut mongodb::ClientSession>) -> Option<Self> {
        let stream = match (cursor, session) {
            (Cursor::Session(cursor), Some(session)) => Replies::Session(cursor.stream(session)),
            (Cursor::Session(_), None) => return None,
            (Cursor::Plain(cursor), _) => Replies::Plain(cursor),
        };
        Some(Batches { stream, ready: None })
    }

    /// The next reply; `None` at the end. `Err(None)` when it did not come in time.
    pub(super) async fn next(&mut self, timeout: Duration) -> Result<Option<RawBatch>, Option<Error>> {
        let item = match self.ready.take() {
            Some(item) => item,
            None => tokio::time::timeout(timeout, self.stream.next()).await.map_err(|_| None)?,
        };
        item.transpose().map_err(Some)
    }

    /// Sends the request for the next reply without waiting for it: the server works while this side does.
    pub(super) async fn ask_ahead(&mut self) {
        for _ in 0..TURNS {
            let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut self.stream).poll_next(cx))).await;
            if let Poll::Ready(item) = polled {
                self.ready = Some(item);
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The documents of a reply.
///
/// # Errors
/// When the reply has another form than a cursor's.
pub(super) fn documents(batch: &RawBatch) -> Result<Elements<'_>, BsonError> {
    let cursor = child(batch.as_raw_document().as_bytes(), &[b"cursor"])?;
    Elements::of(child(cursor.value, &[b"nextBatch", b"firstBatch"])?.value)
}

fn child<'a>(document: &'a [u8], names: &[&[u8]]) -> Result<Element<'a>, BsonError> {
    for element in Elements::of(document)? {
        let element = element?;
        if names.contains(&element.name) && matches!(element.kind, 0x03 | 0x04) {
            return Ok(element);
        }
    }
    Err(BsonError::Truncated)
}

//! MongoDB servers that fail, cut off, hang or cannot do what is asked: played by a small server that speaks the
//! wire protocol, so that every fault comes exactly when it is wanted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod reading;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mongodb::bson::{DateTime, Document, Timestamp, doc};
use reading::{Reading, read, request};
use recon::stores::mongo::MongoSource;
use recon::stores::{ErrorClass, Opened, Settings, Source, StoreError, Target, Wish};

/// What the server does with a command.
enum Answer {
    Reply(Document),
    /// Closes the connection.
    HangUp,
    /// Never answers.
    Silence,
}

/// Answers by the command's name and document; `None`: the usual answer.
type Script = dyn Fn(&str, &Document) -> Option<Answer> + Send + Sync;

struct FakeServer {
    port: u16,
    /// The names of the commands that came; `hello` for all its spellings.
    commands: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    fn start(replica_set: bool, script: impl Fn(&str, &Document) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let commands = Arc::new(Mutex::new(Vec::new()));
        let (script, seen): (Arc<Script>, _) = (Arc::new(script), commands.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, seen) = (script.clone(), seen.clone());
                std::thread::spawn(move || serve(stream, port, replica_set, &*script, &seen));
            }
        });
        FakeServer { port, commands }
    }

    fn source(&self, settings: Settings) -> MongoSource {
        let options = "directConnection=true&retryReads=false&heartbeatFrequencyMS=500";
        let url = format!("mongodb://127.0.0.1:{}/shop?{options}", self.port);
        MongoSource::new(url, Target { table: Some("payout".into()), ..Target::default() }, settings)
    }

    fn open(&self, settings: Settings) -> (MongoSource, Result<Opened, StoreError>) {
        let mut source = self.source(settings);
        let opened = source.open(&Wish::default());
        (source, opened)
    }

    fn came(&self, name: &str) -> usize {
        self.commands.lock().expect("commands").iter().filter(|n| *n == name).count()
    }
}

fn serve(mut stream: TcpStream, port: u16, replica_set: bool, script: &Script, seen: &Mutex<Vec<String>>) {
    loop {
        let mut header = [0; 16];
        if stream.read_exact(&mut header).is_err() {
            return;
        }
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let mut body = vec![0; word(0) as usize - 16];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        // OP_QUERY (2004) names a collection and two numbers before its document, OP_MSG (2013) flags and a kind.
        let start = match word(12) {
            2004 => 4 + body[4..].iter().position(|b| *b == 0).expect("name") + 1 + 8,
            _ => 5,
        };
        let len = u32::from_le_bytes(body[start..start + 4].try_into().expect("length")) as usize;
        let command = Document::from_reader(&body[start..start + len]).expect("a document");
        let name = command.keys().next().expect("a command").clone();
        let hello = matches!(name.to_ascii_lowercase().as_str(), "hello" | "ismaster");
        seen.lock().expect("commands").push(if hello { "hello".into() } else { name.clone() });
        let answer = script(&name, &command).unwrap_or_else(|| Answer::Reply(usual(&name, hello, port, replica_set)));
        let reply = match answer {
            Answer::HangUp => return,
            Answer::Silence => {
                std::thread::sleep(Duration::from_secs(3600));
                return;
            }
            Answer::Reply(reply) => reply.to_vec().expect("encodes"),
        };
        let (code, head): (u32, Vec<u8>) = match word(12) {
            2004 => (1, [&8u32.to_le_bytes()[..], &[0; 12], &1u32.to_le_bytes()].concat()),
            _ => (2013, vec![0; 5]),
        };
        let mut out = Vec::new();
        for number in [(16 + head.len() + reply.len()) as u32, 1, word(4), code] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&head);
        out.extend_from_slice(&reply);
        if stream.write_all(&out).is_err() {
            return;
        }
    }
}

fn usual(name: &str, hello: bool, port: u16, replica_set: bool) -> Document {
    if hello {
        let mut reply = doc! {
            "ok": 1, "helloOk": true, "isWritablePrimary": true, "ismaster": true, "maxBsonObjectSize": 16_777_216,
            "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000, "minWireVersion": 0, "maxWireVersion": 17,
            "logicalSessionTimeoutMinutes": 30, "localTime": DateTime::from_millis(1_762_300_800_000),
        };
        if replica_set {
            let me = format!("127.0.0.1:{port}");
            reply.extend(doc! { "setName": "rs0", "setVersion": 1, "hosts": [&me], "me": &me, "primary": &me });
        }
        return reply;
    }
    match name {
        "listCollections" => cursor(0, "firstBatch", &[doc! { "name": "payout", "type": "collection" }]),
        "find" => cursor(0, "firstBatch", &ids(0..3)),
        "count" => doc! { "ok": 1, "n": 3 },
        _ => doc! { "ok": 1 },
    }
}

fn ids(range: std::ops::Range<i64>) -> Vec<Document> {
    range.map(|n| doc! { "_id": n }).collect()
}

fn cursor(id: i64, batch: &str, documents: &[Document]) -> Document {
    let at = Timestamp { time: 1_762_300_800, increment: 1 };
    doc! { "ok": 1, "cursor": { "id": id, "ns": "shop.payout", batch: documents, "atClusterTime": at } }
}

fn refusal(code: i32, name: &str, message: &str) -> Answer {
    Answer::Reply(doc! { "ok": 0, "code": code, "codeName": name, "errmsg": message })
}

/// Whether a `find` is the one that reads (the sample has a limit).
fn reads(name: &str, command: &Document) -> bool {
    name == "find" && !command.contains_key("limit")
}

/// A server whose reading `find` gives 1,000 records, and then this for the next ones.
fn failing_after_1000(next: impl Fn() -> Answer + Send + Sync + 'static) -> FakeServer {
    FakeServer::start(true, move |name, command| match name {
        _ if reads(name, command) => Some(Answer::Reply(cursor(77, "firstBatch", &ids(0..1_000)))),
        "getMore" => Some(next()),
        _ => None,
    })
}

fn read_all(server: &FakeServer, settings: Settings) -> Reading {
    let (mut source, opened) = server.open(settings);
    opened.expect("opens");
    read(&mut source, &request(&["_id"], 1))
}

fn brief() -> Settings {
    Settings {
        connect_timeout: Duration::from_millis(300),
        connect_attempts: 2,
        read_timeout: Duration::from_millis(500),
        ..Settings::default()
    }
}

#[test]
fn a_server_of_its_own_is_read_with_a_notice() {
    let server = FakeServer::start(false, |_, _| None);
    let (mut source, opened) = server.open(brief());
    let opened = opened.expect("opens");
    assert_eq!((opened.snapshot.how.as_str(), opened.snapshot.consistent), ("none", false));
    assert_eq!(opened.snapshot.taken_at, Some(1_762_300_800_000_000_000), "the server's own clock");
    assert!(opened.notices[0].contains("gives no snapshot") && opened.notices.len() == 1, "{:?}", opened.notices);
    assert_eq!(read(&mut source, &request(&["_id"], 1)).column(0), ["0", "1", "2"]);
}

#[test]
fn a_storage_engine_without_snapshots_is_read_with_a_notice() {
    let server = FakeServer::start(true, |name, command| {
        let snapshot =
            command.get_document("readConcern").is_ok_and(|c| c.get_str("level").is_ok_and(|l| l == "snapshot"));
        (name == "find" && snapshot).then(|| refusal(72, "InvalidOptions", "no snapshots here"))
    });
    let (mut source, opened) = server.open(brief());
    let opened = opened.expect("opens");
    assert!(!opened.snapshot.consistent);
    assert!(opened.notices.len() == 1 && opened.notices[0].contains("no snapshots here"), "{:?}", opened.notices);
    assert_eq!(read(&mut source, &request(&["_id"], 1)).rows.len(), 3);
}

#[test]
fn a_snapshot_that_is_gone_says_what_to_set() {
    let server =
        failing_after_1000(|| refusal(239, "SnapshotTooOld", "Read timestamp is older than the oldest available"));
    let reading = read_all(&server, brief());
    assert_eq!(reading.rows.len(), 1_000, "what came before is there");
    let error = reading.error();
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("after 1000 records"), "{error}");
    let hint = error.hint.as_deref().expect("hint");
    for part in ["minSnapshotHistoryWindowInSeconds", "300 s", "setParameter", "--partitions"] {
        assert!(hint.contains(part), "{hint}");
    }
}

#[test]
fn a_connection_lost_in_the_middle_is_never_an_end() {
    let server = failing_after_1000(|| Answer::HangUp);
    let reading = read_all(&server, brief());
    assert_eq!(reading.rows.len(), 1_000);
    let error = reading.error();
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("was lost while") && error.what.contains("after 1000 records"), "{error}");
    assert_eq!(server.came("getMore"), 1, "a batch is not asked for twice: one of them could be lost");
}

#[test]
fn a_cursor_closed_by_the_server_is_never_an_end() {
    for code in [43, 237] {
        let server = failing_after_1000(move || refusal(code, "Cursor", "cursor id 77 not found"));
        let reading = read_all(&server, brief());
        assert_eq!((reading.rows.len(), reading.error().class), (1_000, ErrorClass::Failed));
        assert!(reading.error().what.contains("closed the cursor"), "{}", reading.error());
    }
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let server = failing_after_1000(|| Answer::Silence);
    let started = Instant::now();
    let reading = read_all(&server, brief());
    assert_eq!((reading.rows.len(), reading.error().class), (1_000, ErrorClass::Failed));
    assert!(reading.error().what.contains("sent nothing for 0.5 s"), "{}", reading.error());
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn heartbeats_cannot_break_a_read_that_waits_for_the_merge() {
    let server = failing_after_1000(|| Answer::Silence);
    let (mut source, opened) = server.open(Settings { read_timeout: Duration::from_millis(1_800), ..brief() });
    opened.expect("opens");
    let before = server.came("hello");
    read(&mut source, &request(&["_id"], 1));
    assert_eq!(
        server.came("hello"),
        before,
        "the driver's tasks rest when this side waits; there must be nothing to miss"
    );
}

#[test]
fn a_reply_that_is_broken_is_never_an_end() {
    let server = failing_after_1000(|| {
        Answer::Reply(doc! { "ok": 1, "cursor": { "id": 0i64, "ns": "shop.payout", "nextBatch": 5 } })
    });
    let reading = read_all(&server, brief());
    assert_eq!((reading.rows.len(), reading.error().class), (1_000, ErrorClass::Failed));
}

#[test]
fn what_is_not_permitted_is_told_so() {
    let server = FakeServer::start(true, |name, _| {
        (name == "find").then(|| refusal(13, "Unauthorized", "not authorized on shop"))
    });
    let error = server.open(brief()).1.expect_err("refused");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(
        error.what.contains("does not permit") && error.hint.expect("hint").contains("role `read`"),
        "{}",
        error.what
    );
    let server = FakeServer::start(true, |name, _| {
        (name == "listCollections").then(|| refusal(13, "Unauthorized", "not authorized"))
    });
    let opened = server.open(brief()).1.expect("reading is permitted");
    assert!(opened.notices[0].contains("may not list"), "{:?}", opened.notices);
}

#[test]
fn a_connection_that_fails_first_is_tried_again() {
    let tried = Arc::new(Mutex::new(0));
    let count = tried.clone();
    let server = FakeServer::start(true, move |name, command| {
        // Commands of a session, unlike those of the driver's own monitoring.
        if name != "hello" || !command.contains_key("lsid") {
            return None;
        }
        let mut count = count.lock().expect("count");
        *count += 1;
        (*count == 1).then_some(Answer::HangUp)
    });
    let (_, opened) = server.open(Settings { connect_timeout: Duration::from_secs(5), ..brief() });
    opened.expect("the second attempt");
    assert_eq!(*tried.lock().expect("count"), 2);
}

#[test]
fn a_merge_that_stops_ends_the_cursor_on_the_server() {
    let server = FakeServer::start(true, |name, command| match name {
        _ if reads(name, command) => Some(Answer::Reply(cursor(77, "firstBatch", &ids(0..2_000)))),
        "getMore" => Some(Answer::Reply(cursor(77, "nextBatch", &ids(0..2_000)))),
        _ => None,
    });
    let (mut source, opened) = server.open(brief());
    opened.expect("opens");
    let reading = reading::read_until(&mut source, &request(&["_id"], 1), 5_000);
    assert_eq!(reading.error().class, ErrorClass::Stopped);
    drop(source);
    assert_eq!(server.came("killCursors"), 1);
}

//! What is said on stderr while a command works: lines for people or, with `--json-log`, one JSON object per line
//! (`recon.log/1`). Must not decide, and must not fail a command: who reads stderr may be gone.
//!
//! A line goes out in one write and is never longer than what a pipe takes whole (`PIPE_BUF`), so a reader never sees half
//! of one, wherever the process is ended. What is too long for that is shortened, and the line says so; reports have all
//! of it.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json, json};

use crate::config::{Origin, Project, Secret};
use crate::domain::shorten;
use crate::exit::Exit;
use crate::ledger::Secrets;

/// Bytes that a pipe takes at once, whole or not at all, on Linux.
const LONGEST: usize = 4096;
/// How long an interrupted process waits for a last line to be read.
const PATIENCE: Duration = Duration::from_secs(2);

static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    command: &'static str,
    begun: Instant,
    /// What every further line says, and what none may say.
    known: Mutex<(Map<String, Json>, Secrets)>,
}

/// How grave an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    Warning,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// From here on stderr holds JSON lines alone.
pub fn begin(command: &'static str) {
    let mut secrets = Secrets::default();
    // Where drivers take passwords from that stand in no URL.
    for name in ["MYSQL_PWD", "PGPASSWORD"] {
        std::env::var(name).iter().for_each(|password| secrets.add(&Secret::new(password.clone())));
    }
    let known = Mutex::new((Map::new(), secrets));
    if LOG.set(Log { command, begun: Instant::now(), known }).is_ok() {
        event(Level::Info, "begin", json!({ "version": env!("CARGO_PKG_VERSION"), "pid": std::process::id() }));
    }
}

/// The last line: how it ended.
pub fn end(exit: Exit) -> Exit {
    if let Some(log) = LOG.get() {
        let level = if exit == Exit::Success { Level::Info } else { Level::Error };
        let milliseconds = u64::try_from(log.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        event(level, "end", json!({ "exit": i32::from(exit), "milliseconds": milliseconds }));
    }
    exit
}

/// Says something in a process that is ended from outside. Whoever should read it may have stopped reading, and a line of
/// another thread may wait for him for ever: nobody waits for that.
pub(super) fn briefly(say: impl FnOnce() + Send + 'static) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        say();
        // Nobody may be there to hear it any more.
        let _ = tell.send(());
    });
    let _ = told.recv_timeout(PATIENCE);
}

/// Whether stderr holds JSON lines.
pub(super) fn is_on() -> bool {
    LOG.get().is_some()
}

/// Every further line says this too.
pub(super) fn keep(name: &str, value: &str) {
    if let Some(log) = LOG.get() {
        log.known.lock().unwrap_or_else(PoisonError::into_inner).0.insert(name.to_owned(), json!(value));
    }
}

/// No further line says a secret of this project, whatever a store's message may hold.
pub(super) fn hide(project: &Project) {
    let Some(log) = LOG.get() else { return };
    let mut known = log.known.lock().unwrap_or_else(PoisonError::into_inner);
    known.1.add(&project.ledger);
    for store in project.stores.values() {
        known.1.add(&store.url);
        store.check_url.iter().for_each(|url| known.1.add(url));
    }
    for path in project.reconciliations().flat_map(|one| [&one.legacy, &one.candidate]) {
        if let Origin::Http { settings, .. } = &path.origin {
            known.1.add(&settings.url);
        }
    }
}

/// Says what happened; nothing where people read.
pub(super) fn event(level: Level, name: &str, fields: Json) {
    let Some(log) = LOG.get() else { return };
    // Held until the line is out: lines of several threads follow one another.
    let known = log.known.lock().unwrap_or_else(PoisonError::into_inner);
    let mut object = Map::new();
    object.insert("schema".into(), json!("recon.log/1"));
    let now = jiff::Timestamp::now();
    object.insert("time".into(), json!(format!("{now:.3}")));
    object.insert("level".into(), json!(level.name()));
    object.insert("event".into(), json!(name));
    object.insert("command".into(), json!(log.command));
    object.extend(known.0.clone());
    if let Json::Object(fields) = fields {
        // Words of recon's own stay, even where a password is the same word.
        let free = |name: &str| matches!(name, "message" | "hint" | "reasons");
        let said = |(name, value): (String, Json)| match free(&name) {
            true => (name, hidden(value, &known.1)),
            false => (name, value),
        };
        object.extend(fields.into_iter().map(said));
    }
    let line = line(object);
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// Says a line to people, or as an event.
pub(super) fn say(level: Level, name: &str, text: &str) {
    match is_on() {
        true => event(level, name, json!({ "message": text })),
        false => eprintln!("{text}"),
    }
}

fn hidden(value: Json, secrets: &Secrets) -> Json {
    match value {
        Json::String(text) => Json::String(secrets.hide(&text)),
        Json::Array(all) => all.into_iter().map(|one| hidden(one, secrets)).collect(),
        Json::Object(all) => all.into_iter().map(|(name, one)| (name, hidden(one, secrets))).collect(),
        other => other,
    }
}

/// The object as one line that is short enough.
fn line(object: Map<String, Json>) -> String {
    let whole = format!("{}\n", Json::Object(object.clone()));
    if whole.len() <= LONGEST {
        return whole;
    }
    let mut last = whole;
    for (characters, items) in [(1_000, 50), (300, 20), (100, 10), (30, 5)] {
        let mut object = match cut(Json::Object(object.clone()), characters, items) {
            Json::Object(object) => object,
            _ => Map::new(),
        };
        object.insert("shortened".into(), json!(true));
        last = format!("{}\n", Json::Object(object));
        if last.len() <= LONGEST {
            break;
        }
    }
    last
}

fn cut(value: Json, characters: usize, items: usize) -> Json {
    match value {
        Json::String(text) => Json::String(shorten(&text, characters)),
        Json::Array(all) => all.into_iter().take(items).map(|one| cut(one, characters, items)).collect(),
        Json::Object(all) => all.into_iter().map(|(name, one)| (name, cut(one, characters, items))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::{LONGEST, line};

    proptest! {
        #[test]
        fn a_line_is_one_object_and_short_enough(text in "\\PC{0,6000}", reasons in prop::collection::vec("(?s).{0,400}", 0..60)) {
            let object = json!({ "schema": "recon.log/1", "message": text, "reasons": reasons });
            let line = line(object.as_object().cloned().unwrap_or_default());
            prop_assert!(line.len() <= LONGEST, "{}", line.len());
            prop_assert_eq!(line.matches('\n').count(), 1);
            let read: Json = serde_json::from_str(&line).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&read["schema"], "recon.log/1");
            // What was cut is said to be.
            prop_assert_eq!(read["shortened"] == true, read["message"] != object["message"] || read["reasons"] != object["reasons"]);
        }
    }
}

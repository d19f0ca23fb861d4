//! Connecting: the URL, the client, retries, and what kind of server answers.
//!
//! The driver runs on a current-thread runtime of the source's own thread, and its background tasks are ended
//! before the runtime is: one of them panicked at the end of the process otherwise.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ServerMonitoringMode};
use mongodb::{Client, ClientSession, Database};
use tokio::runtime::{Builder, Runtime};

use crate::stores::{Settings, StoreError};

use super::failure::{Place, may_pass, reason};

/// First pause between attempts to connect; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest wait for the driver's tasks to end.
const SHUTDOWN: Duration = Duration::from_secs(3);
/// Longer than any read.
const NO_HEARTBEAT: Duration = Duration::from_secs(30 * 86_400);
/// The wire version of MongoDB 5.0, which brought snapshot sessions.
const SNAPSHOTS_SINCE: i32 = 13;

/// A client with its runtime.
pub(super) struct Connection {
    pub(super) runtime: Runtime,
    pub(super) client: Option<Client>,
    pub(super) session: Option<ClientSession>,
    pub(super) database: Database,
    pub(super) place: Place,
    pub(super) server: Server,
}

/// What kind of server answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    /// A replica set or a router with MongoDB 5.0 or later.
    pub(super) snapshots: bool,
    /// A server of its own, without a replica set.
    pub(super) standalone: bool,
    /// The server's clock when it answered, nanoseconds since 1970-01-01T00:00Z.
    pub(super) clock: Option<i128>,
}

impl Connection {
    /// Connects, with retries.
    ///
    /// # Errors
    /// `Usage` for a URL that cannot be understood, `Failed` when no server answers or the login is refused.
    pub(super) fn open(url: &str, settings: &Settings) -> Result<Connection, StoreError> {
        let failed = |e: std::io::Error| StoreError::failed(format!("the MongoDB driver cannot start: {e}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (client, database, place, server) = runtime.block_on(connect(url, settings))?;
        Ok(Connection { runtime, client: Some(client), session: None, database, place, server })
    }

    /// Ends the session that is open and starts one; its first read fixes the snapshot.
    ///
    /// # Errors
    /// When the server gives none.
    pub(super) fn start_snapshot(&mut self) -> Result<(), StoreError> {
        self.start_session(true)
    }

    /// Starts a session to run a check in: of a snapshot where the server has one. Whoever knows a session can end what
    /// runs in it.
    ///
    /// # Errors
    /// When the server gives none.
    pub(super) fn start_inspection(&mut self) -> Result<(), StoreError> {
        self.start_session(self.server.snapshots)
    }

    fn start_session(&mut self, snapshot: bool) -> Result<(), StoreError> {
        self.session = None;
        let Some(client) = &self.client else { return Err(StoreError::failed("the connection is closed")) };
        let started = self.runtime.block_on(async { client.start_session().snapshot(snapshot).await });
        self.session = Some(started.map_err(|e| self.place.error(&e, "starting a session"))?);
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.session = None;
        let Some(client) = self.client.take() else { return };
        self.runtime.block_on(async {
            let ended = tokio::time::timeout(SHUTDOWN, client.clone().shutdown().into_future()).await;
            if ended.is_err() {
                // A server that no longer answers keeps its cursors until it notices by itself.
                client.shutdown().immediate(true).await;
            }
        });
    }
}

async fn connect(url: &str, settings: &Settings) -> Result<(Client, Database, Place, Server), StoreError> {
    let mut place = Place { name: shown(url), secrets: secrets(url) };
    let attempts = settings.connect_attempts.max(1);
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    let mut options = loop {
        match ClientOptions::parse(url).await {
            Ok(options) => break options,
            Err(error) if may_pass(&error) && attempt < attempts => {
                attempt += 1;
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) if may_pass(&error) => return Err(place.error(&error, "looking the servers up")),
            Err(_) => return Err(wrong_url(url, &place).await),
        }
    };
    let Some(database) = options.default_database.clone().filter(|name| !name.is_empty()) else {
        return Err(StoreError::usage(format!("the MongoDB URL of {} does not name a database", place.name))
            .hint("write it as `mongodb://host/database#collection`"));
    };
    if url.to_ascii_lowercase().contains("maxstalenessseconds=") {
        return Err(StoreError::usage("`maxStalenessSeconds` in the MongoDB URL is not supported")
            .hint("leave it out: the moment of the snapshot that was read is reported"));
    }
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    place.name = format!("{}/{database}", hosts.join(","));
    place.secrets.extend(options.credential.iter().filter_map(|c| c.password.clone()));
    options.app_name.get_or_insert_with(|| "recon".to_owned());
    options.connect_timeout.get_or_insert(settings.connect_timeout);
    options.server_selection_timeout.get_or_insert(settings.connect_timeout);
    // The driver's tasks rest while this thread waits for the merge, which can take minutes when the other side
    // sorts first. A heartbeat that finds its time passed then would break the connection of the read; so there
    // are none after the first. Servers are looked at again whenever one is needed and none is known.
    options.server_monitoring_mode = Some(ServerMonitoringMode::Poll);
    options.heartbeat_freq = Some(NO_HEARTBEAT);
    let client = Client::with_options(options).map_err(|e| place.error(&e, "preparing the connection"))?;
    let server = loop {
        match client.database("admin").run_command(doc! { "hello": 1 }).await {
            Ok(hello) => break server(&hello),
            Err(error) if may_pass(&error) && attempt < attempts => {
                attempt += 1;
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                client.shutdown().immediate(true).await;
                return Err(place.error(&error, "connecting"));
            }
        }
    };
    let database = client.database(&database);
    // The first command that needs a login.
    if let Err(error) = database.run_command(doc! { "ping": 1 }).await {
        client.shutdown().immediate(true).await;
        return Err(place.error(&error, "connecting"));
    }
    Ok((client, database, place, server))
}

fn server(hello: &Document) -> Server {
    let router = hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid");
    let member = hello.contains_key("setName");
    let version = hello.get_i32("maxWireVersion").unwrap_or(0);
    let clock = hello.get_datetime("localTime").ok().map(|t| i128::from(t.timestamp_millis()) * 1_000_000);
    Server { snapshots: (router || member) && version >= SNAPSHOTS_SINCE, standalone: !router && !member, clock }
}

/// The hosts and the database of a URL that may be wrong, without what stands before the last `@`, and without
/// what stands in the place of a port but is none: a password whose host was forgotten.
fn shown(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    let masked = |host: &str| match host.rsplit_once(':') {
        Some((name, port)) if !is_port(port) && !host.ends_with(']') => {
            format!("{}:***", name.split(':').next().unwrap_or(""))
        }
        _ => host.to_owned(),
    };
    let hosts: Vec<String> = hosts.split(',').map(masked).collect();
    if database.is_empty() { hosts.join(",") } else { format!("{}/{database}", hosts.join(",")) }
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The passwords of a URL as they are written there.
fn secrets(url: &str) -> Vec<String> {
    let (before, options) = url.split_once('?').unwrap_or((url, ""));
    let user_info = before.rsplit_once('@').and_then(|(before, _)| before.split_once("://")).map(|(_, user)| user);
    let password = user_info.and_then(|user| user.split_once(':')).map(|(_, password)| password.to_owned());
    let given = options.split('&').filter_map(|option| {
        let (name, value) = option.split_once('=')?;
        let name = name.to_ascii_lowercase();
        (name.contains("password") || name.contains("mechanismproperties")).then(|| value.to_owned())
    });
    password.into_iter().chain(given).collect()
}

/// Says what is wrong with a URL, from the URL without user and password: the driver quotes parts of it.
async fn wrong_url(url: &str, place: &Place) -> StoreError {
    let (scheme, rest) = url.split_once("://").unwrap_or(("mongodb", url));
    let (hosts, user) = rest.rsplit_once('@').map_or((rest, false), |(_, hosts)| (hosts, true));
    let what = format!("the MongoDB URL of {} cannot be understood", place.name);
    if place.name.contains(":***") {
        return StoreError::usage(format!("{what}: what follows the host's colon is not a port"))
            .hint("write it as `mongodb://user:password@host:port/database`");
    }
    match ClientOptions::parse(format!("{scheme}://{hosts}")).await {
        Err(error) if !may_pass(&error) => StoreError::usage(format!("{what}: {}", place.masked(&reason(&error)))),
        _ if user => StoreError::usage(format!("{what}: user, password or the options that go with them are wrong"))
            .hint(
                "percent-encode what is special in user and password: `@` as %40, `:` as %3A, `/` as %2F, `%` as %25",
            ),
        _ => StoreError::usage(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_shown_as_they_are() {
        for (url, expected) in [
            ("mongodb://u:p@a:27017,b:1/db?x=1", "a:27017,b:1/db"),
            ("mongodb://[::1]:27017/db", "[::1]:27017/db"),
            ("mongodb://[::1]", "[::1]"),
            ("mongodb+srv://cluster.example.com/db#t", "cluster.example.com/db"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn a_wrong_url_is_named_without_its_password() {
        let runtime = Builder::new_current_thread().enable_all().build().expect("runtime");
        for url in [
            "mongodb://recon:hunter2@/db",
            "mongodb://recon:hun/ter2@host:27017/db",
            "mongodb://recon:hunter2%@host/db",
            "mongodb://recon:hunter2@host:99999/db",
            "mongodb://recon:hunter2@host/db?nonsense=1",
            "mongodb://recon:hun?ter2@host/db",
            "mongodb://recon:hun@ter2@host/db",
            "mongodb://recon:hunter2:x@host/db",
            "mongodb://recon:hunter2@host/db?authMechanism=NONSENSE",
            "mongodb://recon:hunter2@host",
            "recon:hunter2@host/db",
            "mongodb://recon:hunter2/db",
            "mongodb://recon:hun:ter2/db",
            "mongodb://host/db?tlsCertificateKeyFilePassword=hunter2&nonsense=1",
            "mongodb://host/db?authMechanism=MONGODB-AWS&authMechanismProperties=hunter2",
        ] {
            let Err(error) = runtime.block_on(connect(url, &Settings::default())) else { panic!("{url} connects") };
            let text = format!("{error} {:?}", error.hint);
            assert_eq!(error.class, crate::stores::ErrorClass::Usage, "{url}: {text}");
            assert!(!text.contains("hun") && !text.contains("ter2"), "{text}");
        }
    }
}

//! Connecting: options from the URL, `~/.my.cnf` and the environment; attempts with backoff; the session's
//! settings; the snapshot. Must not know what is read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlTypeInfo};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Executor, Row};
use url::Url;

use super::super::{Settings, StoreError};
use super::errors::{Doing, store_error, worth_retrying};

/// The options of the URL that are understood, besides `defaults-file`.
const OPTIONS: [&str; 9] =
    ["ssl-mode", "sslmode", "ssl-ca", "sslca", "ssl-cert", "sslcert", "ssl-key", "sslkey", "socket"];
/// Seconds that the server waits for us: the merge may let one side wait long for the other.
const PATIENCE_SECONDS: u32 = 3_600;
/// Longest wait between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How to reach a server.
pub(super) struct Server {
    pub(super) options: MySqlConnectOptions,
    /// The URL without user, password and options: how messages name the server.
    pub(super) place: String,
}

/// A connection in its snapshot.
pub(super) struct Session {
    pub(super) connection: MySqlConnection,
    /// By the server's own clock, in nanoseconds since 1970-01-01T00:00Z.
    pub(super) taken_at: Option<i128>,
    pub(super) types: ParameterTypes,
}

/// Types that parameters are sent as; the driver hands them out only with results.
#[derive(Clone)]
pub(super) struct ParameterTypes {
    pub(super) decimal: MySqlTypeInfo,
    pub(super) date: MySqlTypeInfo,
    pub(super) datetime: MySqlTypeInfo,
    pub(super) time: MySqlTypeInfo,
}

impl Server {
    /// Gathers the options; reads `~/.my.cnf`, the `defaults-file` and `MYSQL_PWD` for what the URL does not say.
    ///
    /// # Errors
    /// An option that is not known, a file that cannot be read.
    pub(super) fn from_url(url: &Url) -> Result<Self, StoreError> {
        let database = url.path().trim_start_matches('/');
        let mut defaults = ClientFile::home()?;
        let mut plain = url.clone();
        plain.set_query(None);
        plain.set_fragment(None);
        let mut socket = None;
        for (name, value) in url.query_pairs() {
            match &*name {
                "defaults-file" => defaults = ClientFile::read(Path::new(&*value))?,
                known if OPTIONS.contains(&known) => {
                    plain.query_pairs_mut().append_pair(known, &value);
                    if known == "socket" {
                        socket = Some(value.into_owned());
                    }
                }
                other => {
                    return Err(StoreError::usage(format!(
                        "the MySQL URL has the option `{other}`, which is not known"
                    ))
                    .hint(format!("known are {}, defaults-file", OPTIONS.join(", "))));
                }
            }
        }
        let mut options = MySqlConnectOptions::from_url(&plain)
            .map_err(|error| StoreError::usage(format!("the MySQL URL cannot be used: {error}")))?
            .charset("utf8mb4")
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let mut host = "localhost".to_owned();
        match url.host_str().filter(|host| !host.is_empty()) {
            Some(given) => host = given.trim_start_matches('[').trim_end_matches(']').to_owned(),
            None => {
                host = defaults.take("host").unwrap_or(host);
                if let Some(port) = defaults.take("port").filter(|_| url.port().is_none()) {
                    let port = port.parse().map_err(|_| {
                        StoreError::usage(format!("{}: port `{port}` is not a number", defaults.path.display()))
                    })?;
                    options = options.port(port);
                }
                if socket.is_none() {
                    socket = defaults.take("socket");
                }
            }
        }
        options = options.host(&host);
        if let Some(socket) = &socket {
            options = options.socket(socket);
        }
        if url.username().is_empty() {
            let login = || std::env::var("USER").ok().filter(|name| !name.is_empty());
            if let Some(user) = defaults.take("user").or_else(login) {
                options = options.username(&user);
            }
        }
        if url.password().is_none() {
            let environment = || std::env::var("MYSQL_PWD").ok();
            // The driver would send an empty password as one; the server means none.
            if let Some(password) = defaults.take("password").or_else(environment).filter(|text| !text.is_empty()) {
                options = options.password(&password);
            }
        }
        let at = match &socket {
            Some(path) => path.clone(),
            None if host.contains(':') => format!("[{host}]:{}", options.get_port()),
            None => format!("{host}:{}", options.get_port()),
        };
        Ok(Server { options, place: format!("{}://{at}/{database}", url.scheme()) })
    }

    /// Connects, sets the session up and opens a snapshot, with as many attempts as the settings say.
    ///
    /// # Errors
    /// `Usage` for an unknown database, `Failed` for everything else.
    pub(super) async fn connect(&self, settings: &Settings) -> Result<Session, StoreError> {
        let mut pause = Duration::from_millis(200);
        let mut attempt = 1;
        loop {
            let error = match tokio::time::timeout(settings.connect_timeout, self.attempt()).await {
                Ok(Ok(session)) => return Ok(session),
                Ok(Err(error)) => error,
                Err(_) => sqlx::Error::Io(std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    format!("no answer within {} s", settings.connect_timeout.as_secs_f32()),
                )),
            };
            if attempt >= settings.connect_attempts || !worth_retrying(&error) {
                let mut error = store_error(&error, &self.place, Doing::Connecting);
                if attempt > 1 {
                    error.what.push_str(&format!(" ({attempt} attempts)"));
                }
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt += 1;
        }
    }

    async fn attempt(&self) -> Result<Session, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        let version = connection.fetch_one("SELECT VERSION()").await?;
        let version: String = version.try_get(0)?;
        // The server's own sql_mode: the driver's handshake adds one. Waits longer, never shorter, than the
        // administrator set. Sort keys of 8 KiB: by default only the first 1,024 bytes of a text decide its place.
        let at_least = |name: &str| format!("{name} = GREATEST(@@SESSION.{name}, {PATIENCE_SECONDS})");
        let mut set = format!(
            "SET SESSION time_zone = '+00:00', sql_mode = @@GLOBAL.sql_mode, {}, {}, wait_timeout = GREATEST(@@SESSION.wait_timeout, 28800), \
             max_sort_length = GREATEST(@@SESSION.max_sort_length, 8192)",
            at_least("net_write_timeout"),
            at_least("net_read_timeout"),
        );
        if version.contains("MariaDB") {
            set.push_str(", idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0");
        }
        connection.execute(AssertSqlSafe(set)).await?;
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        let (taken_at, types) = begin(&mut connection).await?;
        Ok(Session { connection, taken_at, types })
    }
}

/// Ends the transaction, if there is one, and opens a new snapshot.
pub(super) async fn begin(connection: &mut MySqlConnection) -> Result<(Option<i128>, ParameterTypes), sqlx::Error> {
    connection.execute("COMMIT").await?;
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
    let moment = "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR), 1.5, UTC_DATE(), UTC_TIMESTAMP(6), UTC_TIME(6)";
    let row = connection.fetch_one(moment).await?;
    let text: String = row.try_get(0)?;
    let taken_at = crate::domain::parse_instant(&text, &jiff::tz::TimeZone::UTC).map(|instant| instant.nanos);
    let kind = |at: usize| row.column(at).type_info().clone();
    Ok((taken_at, ParameterTypes { decimal: kind(1), date: kind(2), datetime: kind(3), time: kind(4) }))
}

/// `[client]` of an option file as MySQL's own programs read it.
#[derive(Default)]
struct ClientFile {
    path: PathBuf,
    options: Vec<(String, String)>,
}

impl ClientFile {
    /// `~/.my.cnf`; empty when there is none.
    fn home() -> Result<Self, StoreError> {
        let Some(path) = std::env::home_dir().map(|home| home.join(".my.cnf")).filter(|path| path.is_file()) else {
            return Ok(ClientFile::default());
        };
        ClientFile::read(&path)
    }

    fn read(path: &Path) -> Result<Self, StoreError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| StoreError::usage(format!("{} cannot be read: {error}", path.display())))?;
        Ok(ClientFile { path: path.to_owned(), options: parse_client_section(&text) })
    }

    /// The last value given for an option, and never twice.
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.options.iter().rposition(|(n, _)| n == name)?;
        Some(self.options.swap_remove(at).1)
    }
}

fn parse_client_section(text: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut options = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').trim() == "client";
        } else if inside
            && !line.starts_with(['#', ';', '!'])
            && let Some((name, value)) = line.split_once('=')
        {
            options.push((name.trim().replace('_', "-"), option_value(value.trim())));
        }
    }
    options
}

/// A value without its quotes, its trailing comment, and its escapes.
fn option_value(raw: &str) -> String {
    let quote = raw.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let body = match quote {
        Some(quote) => raw[1..].rfind(quote).map_or(&raw[1..], |end| &raw[1..1 + end]),
        None => raw.find(" #").map_or(raw, |at| raw[..at].trim_end()),
    };
    let mut value = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '\\').then(|| chars.clone().next()).flatten()) {
            ('\\', Some(next)) if "bntrs\\\"'".contains(next) => {
                chars.next();
                value.push(match next {
                    'b' => '\u{8}',
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    's' => ' ',
                    other => other,
                });
            }
            _ => value.push(c),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_files_are_read_as_mysql_reads_them() {
        let text = "[mysqld]\nuser=other\n[client]\n# user=no\nuser = recon\npassword=\"a#b c\\\\d\" \nssl_ca=/x # why\n[mysql]\nuser=third";
        let options = parse_client_section(text);
        assert_eq!(
            options,
            [("user", "recon"), ("password", "a#b c\\d"), ("ssl-ca", "/x")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }

    #[test]
    fn messages_name_the_server_without_its_account() {
        let url = Url::parse("mysql://re%40con:s%23cret@db.example:3307/shop?ssl-mode=disabled").expect("url");
        let server = Server::from_url(&url).expect("options");
        assert_eq!(server.place, "mysql://db.example:3307/shop");
        assert_eq!(server.options.get_username(), "re@con");
        let wrong = Url::parse("mysql://u:secret@h/d?sslmod=x").expect("url");
        let error = Server::from_url(&wrong).err().expect("refused");
        assert!(error.what.contains("sslmod") && !error.what.contains("secret"));
    }
}

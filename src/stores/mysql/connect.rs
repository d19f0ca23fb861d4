//! Connecting: options from the URL, `~/.my.cnf` and the environment; attempts with backoff; the session's
//! settings; the snapshot. Must not know what is read.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use url::Url;

use super::super::{Settings, StoreError};
use super::errors::{Doing, store_error, worth_retrying};
use super::stream::gather;
use super::wire::{Arguments, Connection, Options, Patience, WireError};
use crate::domain::Value;

/// The options of the URL that are understood, besides `defaults-file`.
const OPTIONS: [&str; 9] =
    ["ssl-mode", "sslmode", "ssl-ca", "sslca", "ssl-cert", "sslcert", "ssl-key", "sslkey", "socket"];
/// Seconds that the server waits for us: the merge may let one side wait long for the other.
const PATIENCE_SECONDS: u32 = 3_600;
/// Longest wait between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How to reach a server.
pub(super) struct Server {
    options: Options,
    /// The URL without user, password and options: how messages name the server.
    pub(super) place: String,
}

/// A connection in its snapshot.
pub(super) struct Session {
    pub(super) connection: Connection,
    /// By the server's own clock, in nanoseconds since 1970-01-01T00:00Z.
    pub(super) taken_at: Option<i128>,
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
        for (name, value) in url.query_pairs() {
            match &*name {
                "defaults-file" => defaults = ClientFile::read(Path::new(&*value))?,
                known if OPTIONS.contains(&known) => {
                    plain.query_pairs_mut().append_pair(known, &value);
                }
                other => {
                    return Err(StoreError::usage(format!(
                        "the MySQL URL has the option `{other}`, which is not known"
                    ))
                    .hint(format!("known are {}, defaults-file", OPTIONS.join(", "))));
                }
            }
        }
        let mut options = Options::from_url(&plain).map_err(|why| {
            StoreError::usage(format!("the MySQL URL cannot be used: {why}"))
                .hint("its form is mysql://user:password@host:port/database?ssl-mode=required#table")
        })?;
        if url.host_str().is_none_or(str::is_empty) {
            if let Some(host) = defaults.take("host") {
                options.host = host;
            }
            if let Some(port) = defaults.take("port").filter(|_| url.port().is_none()) {
                options.port = port.parse().map_err(|_| {
                    StoreError::usage(format!("{}: port `{port}` is not a number", defaults.path.display()))
                })?;
            }
            if options.socket.is_none() {
                options.socket = defaults.take("socket").map(PathBuf::from);
            }
        }
        if url.username().is_empty() {
            let login = || std::env::var("USER").ok().filter(|name| !name.is_empty());
            if let Some(user) = defaults.take("user").or_else(login) {
                options.user = user;
            }
        }
        if url.password().is_none() {
            let environment = || std::env::var("MYSQL_PWD").ok();
            if let Some(password) = defaults.take("password").or_else(environment) {
                options.password = password;
            }
        }
        let (host, port) = (&options.host, options.port);
        let at = match &options.socket {
            Some(path) => path.display().to_string(),
            None if host.contains(':') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        };
        Ok(Server { options, place: format!("{}://{at}/{database}", url.scheme()) })
    }

    /// Connects, sets the session up and opens a snapshot, with as many attempts as the settings say.
    ///
    /// # Errors
    /// `Usage` for an unknown database, `Failed` for everything else.
    pub(super) fn connect(&self, settings: &Settings) -> Result<Session, StoreError> {
        let mut pause = Duration::from_millis(200);
        let mut attempt = 1;
        loop {
            let error = match self.attempt(settings) {
                Ok(session) => return Ok(session),
                Err(WireError::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
                    let why = format!("no answer within {} s", settings.connect_timeout.as_secs_f32());
                    WireError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, why))
                }
                Err(error) => error,
            };
            if attempt >= settings.connect_attempts || !worth_retrying(&error) {
                let mut error = store_error(error, &self.place, Doing::Connecting);
                if attempt > 1 {
                    error.what.push_str(&format!(" ({attempt} attempts)"));
                }
                return Err(error);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt += 1;
        }
    }

    /// A connection beside the one that reads, for telling the server about that one.
    ///
    /// # Errors
    /// What keeps it from being logged in until `deadline`, after which no answer is waited for either.
    pub(super) fn beside(&self, deadline: Instant) -> Result<Connection, WireError> {
        Connection::open(&self.options, deadline)
    }

    fn attempt(&self, settings: &Settings) -> Result<Session, WireError> {
        let mut connection = Connection::open(&self.options, Instant::now() + settings.connect_timeout)?;
        let version = gather(&mut connection, "SELECT VERSION()", &Arguments::default())?;
        let mariadb = first_text(&version).is_some_and(|version| version.contains("MariaDB"));
        // Waits longer, never shorter, than the administrator set. All rows, whatever the account's limit. Sort keys
        // of 8 KiB: by default only the first 1,024 bytes of a text decide its place.
        let at_least = |name: &str| format!("{name} = GREATEST(@@SESSION.{name}, {PATIENCE_SECONDS})");
        let mut set = format!(
            "SET SESSION time_zone = '+00:00', {}, {}, wait_timeout = GREATEST(@@SESSION.wait_timeout, 28800), \
             max_sort_length = GREATEST(@@SESSION.max_sort_length, 8192), sql_select_limit = 18446744073709551615",
            at_least("net_write_timeout"),
            at_least("net_read_timeout"),
        );
        if mariadb {
            set.push_str(", idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0");
        }
        // The server's default collation of utf8mb4, which the login cannot name.
        connection.execute("SET NAMES utf8mb4")?;
        connection.execute(&set)?;
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        let taken_at = begin(&mut connection)?;
        connection.be_patient(Patience::Each(settings.read_timeout))?;
        Ok(Session { connection, taken_at })
    }
}

/// Ends the transaction, if there is one, and opens a new snapshot; returns its moment.
pub(super) fn begin(connection: &mut Connection) -> Result<Option<i128>, WireError> {
    connection.execute("COMMIT")?;
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
    let moment = gather(connection, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)", &Arguments::default())?;
    let instant = |text: &str| crate::domain::parse_instant(text, &jiff::tz::TimeZone::UTC);
    Ok(first_text(&moment).and_then(instant).map(|instant| instant.nanos))
}

fn first_text(rows: &[Vec<Value>]) -> Option<&str> {
    match rows.first()?.first()? {
        Value::Text { text, .. } => Some(text),
        _ => None,
    }
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
        assert_eq!(server.options.user, "re@con");
        let wrong = Url::parse("mysql://u:secret@h/d?sslmod=x").expect("url");
        let error = Server::from_url(&wrong).err().expect("refused");
        assert!(error.what.contains("sslmod") && !error.what.contains("secret"));
    }
}

//! Connecting to PostgreSQL, and its errors in the words of recon.
//!
//! Must not hold or print a password: messages name host, port, database and user only.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use url::Url;

use crate::domain::shorten;
use crate::stores::{Settings, StoreError};

/// Parameters of the URL that are understood.
const PARAMETERS: [&str; 20] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "connect_timeout",
    "statement-cache-capacity",
    "fallback_application_name",
];

/// Where to connect, and how.
pub(super) struct Server {
    pub(super) options: PgConnectOptions,
    /// For messages: `PostgreSQL 127.0.0.1:5432/shop`.
    pub place: String,
    timeout: Duration,
    attempts: u32,
}

impl Server {
    /// From a URL; a password may also come from `PGPASSWORD` or `~/.pgpass`, and the rest from the environment
    /// variables of PostgreSQL's own programs.
    ///
    /// # Errors
    /// When the URL is not understood. A parameter that is not known is refused: it may be a misspelt `sslmode`.
    pub fn new(url: &Url, settings: &Settings) -> Result<Server, StoreError> {
        let mut timeout = settings.connect_timeout;
        for (key, value) in url.query_pairs() {
            if !PARAMETERS.contains(&&*key) && !key.starts_with("options[") {
                return Err(StoreError::usage(format!(
                    "`{}` is not a parameter of PostgreSQL URLs that recon knows",
                    shorten(&key, 40)
                ))
                .hint(format!("the parameters are {}", PARAMETERS.join(", "))));
            }
            if let ("connect_timeout", Ok(seconds @ 1..)) = (&*key, value.parse::<u64>()) {
                timeout = Duration::from_secs(seconds);
            }
        }
        let options = PgConnectOptions::from_url(url).map_err(|error| {
            StoreError::usage(format!("the PostgreSQL URL is not understood: {error}"))
                .hint("postgres://user@host:5432/database?sslmode=verify-full#schema.table")
        })?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("recon"),
        };
        let options = options.disable_statement_logging();
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let database = options.get_database().unwrap_or(options.get_username());
        let place = format!("PostgreSQL {host}:{}/{database}", options.get_port());
        Ok(Server { options, place, timeout, attempts: settings.connect_attempts.max(1) })
    }

    /// Connects, again and again with growing pauses where that can help.
    ///
    /// # Errors
    /// `Usage` when there is no such database, `Failed` for the rest.
    pub async fn connect(&self) -> Result<PgConnection, StoreError> {
        let mut attempt = 1;
        loop {
            let error = match tokio::time::timeout(self.timeout, self.options.connect()).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) if !worth_another(&error) => return Err(self.refused(&error)),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} s", self.timeout.as_secs_f32()),
            };
            if attempt >= self.attempts {
                return Err(StoreError::failed(format!(
                    "{} cannot be reached, {attempt} attempts: {error}",
                    self.place
                ))
                .hint("check host and port, and that the server is up and listens there"));
            }
            tokio::time::sleep(Duration::from_millis(200) * 2u32.saturating_pow(attempt - 1)).await;
            attempt += 1;
        }
    }

    fn refused(&self, error: &sqlx::Error) -> StoreError {
        let (code, message) = told(error);
        let what = format!("{}, user {}: {message}", self.place, self.options.get_username());
        match code.as_str() {
            "3D000" => StoreError::usage(what).hint("`psql -l` lists the databases of a server"),
            "28P01" => StoreError::failed(what)
                .hint("give the password in the URL, in PGPASSWORD or in ~/.pgpass; recon never prints it"),
            _ if code.starts_with("28") => {
                StoreError::failed(what).hint("pg_hba.conf of the server says who may connect from where, and how")
            }
            "42501" => StoreError::failed(what).hint("GRANT CONNECT ON DATABASE … TO …"),
            _ => StoreError::failed(what),
        }
    }
}

/// Whether connecting again can help: nobody answered, or the server is starting or full.
fn worth_another(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => database.is_transient_in_connect_phase(),
        _ => false,
    }
}

/// SQLSTATE and message, with PostgreSQL's own hint.
pub(super) fn told(error: &sqlx::Error) -> (String, String) {
    let Some(database) = error.as_database_error() else { return (String::new(), error.to_string()) };
    let code = database.code().map(|code| code.into_owned()).unwrap_or_default();
    (code, database.message().to_owned())
}

fn own_hint(error: &sqlx::Error) -> Option<String> {
    let database = error.as_database_error()?.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
    database.hint().map(str::to_owned)
}

/// An error while a statement is prepared: mostly the statement is wrong.
pub(super) fn rejected(place: &str, error: &sqlx::Error) -> StoreError {
    let (code, message) = told(error);
    let what = format!("{place}: {message}");
    let hint = own_hint(error);
    let class = code.get(..2).unwrap_or_default();
    // Classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
    let (error, otherwise) = match (code.as_str(), class) {
        ("42501", _) => {
            (StoreError::failed(what), "GRANT SELECT (and USAGE on the schema) to the user that recon connects as")
        }
        ("42P18", _) => (StoreError::usage(what), "say the parameter's type: `:name::date`"),
        ("42P01", _) => {
            (StoreError::usage(what), "`psql -c '\\dt *.*'` lists tables; names are folded to lower case unless quoted")
        }
        ("42703", _) => (StoreError::usage(what), "names are folded to lower case unless quoted"),
        ("42883", _) => (StoreError::usage(what), "compare values of one type, or cast one of them"),
        ("25006", _) => (StoreError::usage(what), "recon only reads"),
        // 08P01: the query has placeholders of its own.
        ("08P01", _) | (_, "42" | "3F" | "26" | "22" | "0A" | "21") => {
            (StoreError::usage(what), "try the query in psql")
        }
        _ => return broken(place, "failed", error),
    };
    error.hint(hint.unwrap_or_else(|| otherwise.to_owned()))
}

/// Whether a statement that was prepared is refused when it starts to run: for missing privileges, or because
/// it writes.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    let code = told(error).0;
    code.starts_with("42") || code == "25006"
}

/// An error while records are read, or between statements.
pub(super) fn broken(place: &str, when: &str, error: &sqlx::Error) -> StoreError {
    let (code, message) = told(error);
    let failed = match error {
        sqlx::Error::Database(_) => StoreError::failed(format!("{place}: {when}: {message}")),
        _ => StoreError::failed(format!("{place}: {when}: the connection was lost: {message}")),
    };
    match (code.as_str(), own_hint(error)) {
        (_, Some(hint)) => failed.hint(hint),
        ("57P01" | "57P02" | "57P03", _) => {
            failed.hint("the server was stopped, or an administrator ended the session")
        }
        ("40001", _) => failed.hint(
            "on a standby, replay can end a long read: raise max_standby_streaming_delay, set hot_standby_feedback, or \
             read the primary",
        ),
        ("57014", _) => failed.hint("the statement was cancelled: by a timeout of the server, or by someone"),
        ("53100" | "53200", _) => failed.hint("an index on the key saves the server the sort"),
        ("", _) => failed.hint("the server's log says why it ended the connection"),
        _ => failed,
    }
}

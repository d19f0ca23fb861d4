//! The driver's errors as sentences: what failed, where, and what to do. Never holds a password.

use mongodb::error::{Error, ErrorKind};

use crate::stores::StoreError;

/// Login refused.
const AUTHENTICATION: [i32; 2] = [18, 8000];
/// Login refused, missing rights, a server that goes down or steps down, time or memory limits: what says
/// nothing about the query's text.
const ABOUT_THE_SERVER: [i32; 24] =
    [6, 7, 13, 18, 24, 43, 50, 59, 63, 89, 91, 115, 133, 134, 189, 237, 239, 246, 262, 317, 8000, 10107, 11600, 11602];

/// The server and database that messages name, and the password that they must not.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// `127.0.0.1:27017/p2p`.
    pub(super) name: String,
    /// The passwords as written and as meant.
    pub(super) secrets: Vec<String>,
}

impl Place {
    /// A text of the driver or the server without the password.
    pub(super) fn masked(&self, text: &str) -> String {
        self.secrets.iter().filter(|s| !s.is_empty()).fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// An error of the driver; `doing` says what was being done, such as `reading the collection `x``.
    pub(super) fn error(&self, error: &Error, doing: &str) -> StoreError {
        let at = &self.name;
        let text = self.masked(&reason(error));
        let failed = |what: String| StoreError::failed(what);
        match error.kind.as_ref() {
            ErrorKind::Authentication { .. } => self.login(&text),
            ErrorKind::InvalidArgument { .. } => StoreError::usage(format!("MongoDB at {at}, {doing}: {text}")),
            ErrorKind::ServerSelection { .. } | ErrorKind::DnsResolve { .. } => failed(format!(
                "MongoDB at {at} cannot be reached: {text}"
            ))
            .hint(
                "check host, port, TLS options and firewall; for one member of a replica set whose own names cannot be \
                     resolved from here, add `?directConnection=true` to the URL",
            ),
            ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => {
                failed(format!("the connection to MongoDB at {at} was lost while {doing}: {text}"))
                    .hint("run again; when it happens again, look at the server's log")
            }
            ErrorKind::Command(command) => match command.code {
                code if AUTHENTICATION.contains(&code) => self.login(&text),
                13 => failed(format!("MongoDB at {at} does not permit {doing}: {text}"))
                    .hint("give the account the role `read` on this database"),
                239 | 246 => failed(format!(
                    "MongoDB at {at} no longer keeps the snapshot that was being read ({doing}): {text}"
                ))
                .hint(
                    "a server keeps snapshots for minSnapshotHistoryWindowInSeconds (300 s by default): raise it with \
                     `db.adminCommand({setParameter: 1, minSnapshotHistoryWindowInSeconds: 3600})`, or read in shorter \
                     pieces with `--partitions N`",
                ),
                43 | 237 => failed(format!("MongoDB at {at} closed the cursor while {doing}: {text}")).hint(
                    "a cursor that waits for more than 10 minutes is closed; `--partitions N` reads in shorter pieces",
                ),
                292 => failed(format!("MongoDB at {at} ran out of memory for sorting while {doing}: {text}"))
                    .hint("create an index on the key columns"),
                _ => failed(format!("MongoDB at {at} failed while {doing}: {text}")),
            },
            _ => failed(format!("MongoDB at {at} failed while {doing}: {text}")),
        }
    }

    fn login(&self, text: &str) -> StoreError {
        StoreError::failed(format!("MongoDB at {} refused the login: {text}", self.name)).hint(
            "check user and password in the URL, and the database that holds the user: `?authSource=admin` when it is not \
             the one that is read",
        )
    }
}

/// Whether an error of the server is about the query's text.
pub(super) fn is_about_query(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(command) if !ABOUT_THE_SERVER.contains(&command.code))
}

/// The code of an error that the server returned.
pub(super) fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}

/// Whether trying to connect again may help.
pub(super) fn may_pass(error: &Error) -> bool {
    matches!(
        error.kind.as_ref(),
        ErrorKind::ServerSelection { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
    )
}

/// The part of an error that a person wants to read.
pub(super) fn reason(error: &Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(command) if command.code_name.is_empty() => command.message.clone(),
        ErrorKind::Command(command) => format!("{} ({})", command.message, command.code_name),
        ErrorKind::ServerSelection { message, .. } => {
            // The driver prints its whole picture of the servers; the first error in it says why.
            let found = message.split_once("Error: Kind: ").and_then(|(_, rest)| rest.split_once(", labels"));
            found.map_or_else(|| message.clone(), |(first, _)| first.to_owned())
        }
        kind => kind.to_string(),
    }
}

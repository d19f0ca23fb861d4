//! What integration tests share: the test servers, private servers that a test may kill, and running `recon`
//! away from the developer's own settings.
//!
//! A missing server is a panic that says how to get it: no test skips itself.

// Each test binary compiles this module for itself and uses a part of it.
#![allow(dead_code)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The URL of a test server, without a database: `kind` is `MYSQL`, `POSTGRES` or `MONGODB`.
pub fn server_url(kind: &str) -> String {
    let name = format!("RECON_TEST_{kind}_URL");
    std::env::var(&name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set. `tests/run` starts the servers and runs every test; \
             `tests/run servers` in another terminal prints the variables to export."
        )
    })
}

/// The URL of one database on a test server. Options of the server's URL stay at the end.
pub fn database_url(kind: &str, database: &str) -> String {
    let url = server_url(kind);
    let (server, options) = url.split_once('?').map_or((url.as_str(), None), |(url, options)| (url, Some(options)));
    let server = server.trim_end_matches('/');
    match options {
        Some(options) => format!("{server}/{database}?{options}"),
        None => format!("{server}/{database}"),
    }
}

/// A database name that no other test uses, in this run or one beside it.
pub fn unique_name(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let started = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_micros() % 10_000_000_000;
    format!("{prefix}_{}_{started}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A place to run `recon` in: its own home and working folder, and no environment but PATH and what is given.
pub struct Place {
    dir: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What one run of `recon` left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl fmt::Display for Outcome {
    /// All three together, as snapshots hold them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("none (signal)".to_owned(), |code| code.to_string());
        write!(f, "exit code: {code}\n--- stdout ---\n{}--- stderr ---\n{}", self.stdout, self.stderr)
    }
}

impl Place {
    /// An empty place.
    pub fn new() -> Place {
        let dir = tempfile::Builder::new().prefix("recon-test-").tempdir().expect("a temporary folder");
        std::fs::create_dir(dir.path().join("home")).expect("a home");
        std::fs::create_dir(dir.path().join("work")).expect("a working folder");
        Place { dir, environment: Vec::new() }
    }

    /// The working folder.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Writes a file below the working folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder");
        }
        std::fs::write(path, content).expect("a file written");
    }

    /// Reads a file below the working folder.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Sets an environment variable for every run here.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Place {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A command that is set up to run `recon` here, for tests that drive the process themselves.
    pub fn command(&self) -> Command {
        // Another build of the same source may be told, such as an optimised one for what is measured.
        let program = std::env::var_os("RECON_TEST_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_recon").into());
        let mut command = Command::new(program);
        command.current_dir(self.path()).env_clear().env("HOME", self.home());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs `recon` to its end, at most a minute.
    pub fn recon(&self, arguments: &[&str]) -> Outcome {
        self.recon_with_input(arguments, "")
    }

    /// Runs `recon` with this text as standard input.
    pub fn recon_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut command = assert_cmd::Command::from_std(self.command());
        let output =
            command.args(arguments).write_stdin(input).timeout(Duration::from_secs(60)).output().expect("recon ran");
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }
}

impl Default for Place {
    fn default() -> Self {
        Place::new()
    }
}

/// A server that belongs to one test, which may kill it. Name such tests `…private_server…`: they are heavy, and
/// `.config/nextest.toml` keeps their number down.
pub struct PrivateServer {
    port: u16,
    process: u32,
    kind: &'static str,
    options: Vec<String>,
    killed: bool,
    dir: tempfile::TempDir,
}

impl PrivateServer {
    /// Starts MariaDB; the URL ends without a database.
    pub fn mariadb() -> PrivateServer {
        PrivateServer::start("mariadb", &[])
    }

    /// Starts MariaDB with options of its own.
    pub fn mariadb_with(options: &[String]) -> PrivateServer {
        PrivateServer::start("mariadb", options)
    }

    /// Starts PostgreSQL.
    pub fn postgres() -> PrivateServer {
        PrivateServer::start("postgres", &[])
    }

    /// Starts MongoDB, as a replica set of one.
    pub fn mongod() -> PrivateServer {
        PrivateServer::start("mongod", &[])
    }

    fn start(kind: &'static str, options: &[String]) -> PrivateServer {
        let dir = tempfile::Builder::new().prefix("recon-private-").tempdir().expect("a temporary folder");
        // MariaDB and PostgreSQL run as another user when the tests run as root.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(dir.path(), open).expect("permissions set");
        let (port, process) = PrivateServer::launch(kind, dir.path(), options, None);
        PrivateServer { port, process, kind, options: options.to_vec(), killed: false, dir }
    }

    /// Starts a MariaDB or PostgreSQL that was killed again, on its data and its port.
    pub fn restart(&mut self) {
        assert!(self.killed, "it runs");
        // Its process may still be there as a zombie that nobody has asked for its end, and PostgreSQL looks no closer.
        let _ = std::fs::remove_file(self.dir.path().join("server/data/postmaster.pid"));
        let (_, process) = PrivateServer::launch(self.kind, self.dir.path(), &self.options, Some(self.port));
        self.process = process;
        self.killed = false;
    }

    /// Its port and process.
    fn launch(kind: &str, dir: &Path, options: &[String], port: Option<u16>) -> (u16, u32) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers.sh");
        let output = Command::new("bash")
            .arg(script)
            .args(["private", kind])
            .arg(dir.join("server"))
            .args(options)
            .envs(port.map(|port| ("servers_port", port.to_string())))
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<u32> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let (true, [port, process]) = (output.status.success(), numbers.as_slice()) else {
            panic!("the private {kind} did not start:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
        };
        (u16::try_from(*port).expect("a port"), *process)
    }

    /// Its URL, without a database.
    pub fn url(&self) -> String {
        match self.kind {
            "mariadb" => format!("mysql://root@127.0.0.1:{}", self.port),
            "postgres" => format!("postgres://postgres@127.0.0.1:{}", self.port),
            _ => format!("mongodb://127.0.0.1:{}", self.port),
        }
    }

    /// The loopback port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The socket file of a MariaDB.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("server/socket")
    }

    /// Ends it at once, as a power cut would: connections break, nothing is said to anyone.
    pub fn kill(&mut self) {
        assert!(self.end(), "{} (process {}) was gone already", self.kind, self.process);
    }

    fn end(&mut self) -> bool {
        self.killed = true;
        // PostgreSQL serves each connection from a process of its own, which a dead parent does not end at once.
        let children = format!("/proc/{0}/task/{0}/children", self.process);
        let children = std::fs::read_to_string(children).unwrap_or_default();
        // A child may be gone by itself meanwhile (a short-lived worker): only the server's own death is asked for.
        let script = format!("kill -KILL {}; ended=$?; kill -KILL {children} 2>/dev/null; exit $ended", self.process);
        Command::new("sh").args(["-c", &script]).status().is_ok_and(|status| status.success())
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        if !self.killed {
            self.end();
        }
    }
}

/// Makes a SQLite database from a script.
pub fn sqlite(path: &Path, script: &str) {
    use sqlx::Connection;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a database");
        sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut connection).await.expect("the script");
        connection.close().await.expect("closed");
    });
}

/// Runs a SQL script on the MySQL or PostgreSQL server of a URL.
pub fn run_sql(url: &str, script: &str) {
    use sqlx::Connection;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(script));
        if url.starts_with("mysql:") {
            let mut connection = sqlx::MySqlConnection::connect(url).await.expect("a connection");
            sql.execute(&mut connection).await.expect("the script");
            connection.close().await.expect("closed");
        } else {
            let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
            sql.execute(&mut connection).await.expect("the script");
            connection.close().await.expect("closed");
        }
    });
}

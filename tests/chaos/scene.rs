//! A reconciliation large enough to be caught in the middle, what an undisturbed run makes of it, and what must be true
//! of its ledger and its decisions whatever happened.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use recon::config::Secret;
use recon::domain::{Machine, State, Value};
use recon::ledger::{Chain, Cycle, CycleKey, Ledger, Process, RunVerdict};

use crate::engine::{Engine, Project, rows_at};
use crate::support::Outcome;

/// Records that are looked at by all tests here, unless they say otherwise.
pub const RECORDS: usize = 2_400;

/// Where ledger and decisions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both in one SQLite file.
    Sqlite,
    /// Both in one database of MariaDB.
    MariaDb,
    /// Both in one database of PostgreSQL.
    Postgres,
    /// The ledger in a SQLite file, the decisions in MariaDB.
    Mixed,
    /// The ledger in PostgreSQL, the decisions in a SQLite file.
    Crossed,
}

impl Kind {
    pub fn engine(self) -> Engine {
        match self {
            Kind::Sqlite | Kind::Crossed => Engine::Sqlite,
            Kind::MariaDb | Kind::Mixed => Engine::MariaDb,
            Kind::Postgres => Engine::Postgres,
        }
    }
}

/// Makes a test of a law for each place of ledger and decisions.
macro_rules! on_each_kind {
    ($law:ident) => {
        mod $law {
            use crate::scene::Kind;
            #[test]
            fn sqlite() {
                super::$law(Kind::Sqlite);
            }
            #[test]
            fn mariadb() {
                super::$law(Kind::MariaDb);
            }
            #[test]
            fn postgres() {
                super::$law(Kind::Postgres);
            }
            #[test]
            fn mixed() {
                super::$law(Kind::Mixed);
            }
        }
    };
}
pub(crate) use on_each_kind;

/// A project with its data.
pub struct Scene {
    pub project: Project,
    pub kind: Kind,
    ledger_url: String,
}

/// What an undisturbed run decides, and how long it takes.
pub struct Undisturbed {
    pub decisions: Vec<String>,
    pub discrepancies: Vec<String>,
    pub took: Duration,
}

impl Scene {
    /// On the shared test servers.
    pub fn new(kind: Kind) -> Scene {
        Scene::of_records(kind, RECORDS)
    }

    /// As [`Scene::new`], with so many records.
    pub fn of_records(kind: Kind, records: usize) -> Scene {
        let (legacy, candidate) = data(records);
        let project = Project::new(kind.engine(), &strs(&legacy), &strs(&candidate));
        Scene::of(project, kind, None)
    }

    /// On servers of a test's own: the URLs of two empty databases. The store is a SQLite file where none is given.
    pub fn at(kind: Kind, store: Option<String>, ledger: Option<String>) -> Scene {
        let (legacy, candidate) = data(RECORDS);
        Scene::of(Project::at(kind.engine(), store, &strs(&legacy), &strs(&candidate)), kind, ledger)
    }

    fn of(project: Project, kind: Kind, ledger: Option<String>) -> Scene {
        // Every day has the same records. The long text makes many statements of the decisions.
        let memo = "m".repeat(MEMO);
        project
            .place
            .write("legacy.sql", format!("SELECT id, net, fee, '{memo}' AS memo FROM payout WHERE paid_on <= :day\n"));
        project.configure("[reconciliation.payout.canary]\npercent = 60\n");
        let mut ledger_url = project.url.clone();
        if matches!(kind, Kind::Mixed) {
            ledger_url = format!("sqlite:{}", project.place.path().join("ledger.db").display());
        }
        let ledger_url = ledger.unwrap_or(ledger_url);
        project.replace("[ledger]\nurl = \"${CORE}\"", &format!("[ledger]\nurl = \"{ledger_url}\""));
        Scene { project, kind, ledger_url }
    }

    /// Starts a verification of a day and goes on.
    pub fn spawn(&self, day: u32, more: &[&str]) -> Child {
        let mut command = self.project.place.command();
        command.args(arguments(day)).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("recon starts")
    }

    /// Verifies a day to the end.
    pub fn verify(&self, day: u32, more: &[&str]) -> Outcome {
        ended(self.spawn(day, more))
    }

    /// Another command for a day's cycle.
    pub fn recon(&self, command: &str, day: u32, more: &[&str]) -> Outcome {
        self.project.place.recon(&[&[command, "payout", "--param", &param(day)], more].concat())
    }

    pub fn open(&self) -> Ledger {
        Ledger::open(&Secret::new(self.ledger_url.clone()), Process::current()).expect("a ledger")
    }

    /// The cycle of a day as it stands; `None` before it is registered.
    pub fn status(&self, ledger: &mut Ledger, day: u32) -> Option<Cycle> {
        ledger.status(&key(day)).expect("the ledger answers")
    }

    /// What the first verification of such a project decides when nothing disturbs it.
    pub fn undisturbed(kind: Kind) -> Undisturbed {
        Scene::new(kind).measured()
    }

    /// Verifies a day of this project in peace.
    pub fn measured(&self) -> Undisturbed {
        let started = Instant::now();
        let outcome = self.verify(0, &[]);
        let took = started.elapsed();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let decisions = self.decisions("payout_decision", 0);
        assert!(decisions.len() >= RECORDS, "one decision for each key: {}", decisions.len());
        let mut ledger = self.open();
        Undisturbed { decisions, discrepancies: self.discrepancies(&mut ledger, 0), took }
    }

    /// The decisions of a day's cycle in a table or view, in key order; without run and snapshot.
    pub fn decisions(&self, table: &str, day: u32) -> Vec<String> {
        let rows = self.rows_of(table, day);
        rows.into_iter().map(|mut row| row.drain(..6).collect::<Vec<_>>().join(" ")).collect()
    }

    /// id, net, fee, memo, source, reason, run, snapshot of the decisions of a day.
    pub fn rows_of(&self, table: &str, day: u32) -> Vec<Vec<String>> {
        let kind = if self.kind.engine() == Engine::MariaDb { "CHAR" } else { "TEXT" };
        let sql = format!(
            "SELECT CAST(id AS {kind}), CAST(net AS {kind}), CAST(fee AS {kind}), memo, recon_source, recon_reason, \
             recon_run, recon_snapshot FROM {table} WHERE recon_cycle = '{}' ORDER BY id, recon_run",
            key(day)
        );
        let plain = |value: Option<String>| match value {
            None => "NULL".to_owned(),
            Some(text) if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            Some(text) => text,
        };
        self.project.rows(&sql).into_iter().map(|row| row.into_iter().map(plain).collect()).collect()
    }

    fn discrepancies(&self, ledger: &mut Ledger, day: u32) -> Vec<String> {
        let cycle = self.status(ledger, day).expect("a cycle");
        let run = cycle.decided_run().expect("decided");
        let logged = ledger.discrepancies(run, 0, 100_000).expect("read");
        logged.iter().map(|row| format!("{row:?}")).collect()
    }

    /// Every row of every table of ledger and decisions, with the table's name before it.
    pub fn dump(&self) -> Vec<String> {
        let mut all = tables(&self.project.url);
        if self.ledger_url != self.project.url {
            all.extend(tables(&self.ledger_url));
        }
        all
    }

    /// Whether a process holds a SQLite file: one that is stopped there is in everybody's way, which no program can
    /// mend. Servers end the transactions of those who do not move.
    pub fn is_locked(&self) -> bool {
        let files = [&self.project.url, &self.ledger_url].into_iter().filter_map(|url| url.strip_prefix("sqlite:"));
        files.map(std::path::Path::new).any(|file| {
            use sqlx::Connection;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).busy_timeout(Duration::ZERO);
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a database");
                let locked = sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut connection).await.is_err();
                connection.close().await.expect("closed");
                locked
            })
        })
    }

    /// What must be true of a cycle that was decided at last: its decisions are those of one whole run and the same as
    /// undisturbed, the payer sees them after the release and not before, and the history holds. `processes` are those
    /// that tried, in their order.
    pub fn holds(&self, day: u32, undisturbed: &Undisturbed, processes: &[u32]) {
        assert_eq!(self.decisions("payout_decision_released", day), Vec::<String>::new(), "day {day}: not released");
        self.is_decided(State::Decided, day, undisturbed, processes);
        let released = self.recon("release", day, &["--by", "lee"]);
        assert_eq!(released.code, Some(0), "day {day}: {released}");
        self.is_released(day, undisturbed, processes);
    }

    /// As [`Scene::holds`], of a cycle that is released already.
    pub fn is_released(&self, day: u32, undisturbed: &Undisturbed, processes: &[u32]) {
        let same = || assert_eq!(self.decisions("payout_decision_released", day), undisturbed.decisions, "day {day}");
        same();
        // The same of every cycle: asking some is enough.
        if day < 3 {
            let again = self.recon("release", day, &["--by", "lee"]);
            assert_eq!(again.code, Some(4), "day {day}: {again}");
            let again = self.verify(day, &["--again"]);
            assert_eq!(again.code, Some(4), "day {day}: what is released is not verified again: {again}");
            same();
            let audit = self.project.place.recon(&["runs", "verify-audit"]);
            assert_eq!(audit.code, Some(0), "day {day}: {audit}");
        }
        self.is_decided(State::Released, day, undisturbed, processes);
    }

    fn is_decided(&self, state: State, day: u32, undisturbed: &Undisturbed, processes: &[u32]) {
        let mut ledger = self.open();
        let cycle = self.status(&mut ledger, day).expect("a cycle");
        assert_eq!((&cycle.state, cycle.held), (&state, false), "day {day}");
        let run = cycle.decided_run().expect("decided");
        let rows = self.decisions("payout_decision", day);
        assert_eq!(rows.len(), undisturbed.decisions.len(), "day {day}");
        for (row, expected) in rows.iter().zip(&undisturbed.decisions) {
            assert_eq!(row, expected, "day {day}");
        }
        let settings = ledger.snapshots(run).expect("read").into_iter().find(|(name, _)| name == "settings");
        let (_, settings) = settings.expect("the settings are kept");
        for row in self.rows_of("payout_decision", day) {
            assert_eq!(row[6..], [run.to_string(), settings.clone()], "day {day}");
        }
        assert_eq!(self.discrepancies(&mut ledger, day), undisturbed.discrepancies, "day {day}");
        self.told_truly(day, processes);
    }

    /// The history of a cycle: every attempt is there, the lost ones are said to be lost and by whom succeeded, and only
    /// allowed steps were taken.
    pub fn told_truly(&self, day: u32, processes: &[u32]) {
        let mut ledger = self.open();
        let cycle = self.status(&mut ledger, day).expect("a cycle");
        let decided = cycle.decided_run().expect("decided");
        let runs = ledger.runs(cycle.id).expect("read");
        let mut tried = processes.iter();
        for (run, attempt) in runs.iter().zip(1..) {
            assert_eq!(run.holder.run.attempt, attempt, "day {day}");
            assert!(tried.any(|process| *process == run.holder.pid), "day {day}: {:?} of {processes:?}", run.holder);
            assert!(run.ended_at.is_some(), "day {day}: run {attempt} has an end");
            let is_decided = run.holder.run == decided;
            let expected = match is_decided {
                true => (Some(RunVerdict::Warned), None),
                false => (Some(RunVerdict::Incomplete), Some(attempt + 1)),
            };
            // A run that could end by itself blocked its cycle, and nobody had to take over from it.
            let blocked = !is_decided && run.superseded_by.is_none() && run.verdict == Some(RunVerdict::Incomplete);
            assert!(blocked || (run.verdict, run.superseded_by) == expected, "day {day}: run {attempt}: {run:?}");
            assert!(is_decided || !run.reasons.is_empty(), "day {day}: run {attempt} says why");
        }
        assert_eq!(runs.last().expect("a run").holder.run, decided, "day {day}");
        let steps = ledger.steps(cycle.id).expect("read");
        let machine = Machine::default();
        assert_eq!((&steps[0].from, &steps[0].to), (&None, &State::Registered), "day {day}");
        for (step, before) in steps.iter().skip(1).zip(&steps) {
            assert_eq!(step.from.as_ref(), Some(&before.to), "day {day}: {step:?}");
            assert!(machine.check(&before.to, &step.to).is_ok(), "day {day}: {step:?}");
        }
        assert_eq!(steps.iter().filter(|step| step.to == State::Decided).count(), 1, "day {day}");
        assert_eq!(steps.last().map(|step| &step.to), Some(&cycle.state), "day {day}");
        assert!(matches!(ledger.verify_audit(), Ok(Chain::Intact { .. })), "day {day}");
        // Every run starts and ends once in the audit trail too.
        let entries = ledger.audit_entries(1, 1_000_000).expect("read");
        for run in &runs {
            let name = format!("\"{}\"", run.holder.run);
            for what in ["run_started", "run_ended"] {
                let times = entries.iter().filter(|entry| entry.what == what && entry.detail.contains(&name)).count();
                assert_eq!(times, 1, "day {day}: {what} of {name}");
            }
        }
    }
}

/// The cycle of a day.
pub fn key(day: u32) -> CycleKey {
    let day = i32::try_from(day).expect("a day");
    CycleKey::new("payout", &[("day".into(), Value::Date(FIRST + day))]).expect("a key")
}

/// The words of a verification of a day; the last two are the cycle's parameter.
pub fn arguments(day: u32) -> Vec<String> {
    let words = ["verify", "payout", "--limit", "1", "--quiet", "--param"];
    words.into_iter().map(str::to_owned).chain([param(day)]).collect()
}

fn param(day: u32) -> String {
    format!("day={}", Value::Date(FIRST + i32::try_from(day).expect("a day")))
}

/// Waits for the end of a process, at most a minute.
pub fn ended(child: Child) -> Outcome {
    let id = child.id();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if is_done.recv_timeout(Duration::from_secs(90)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            signal(id, "-KILL");
        }
    });
    let output = child.wait_with_output().expect("recon ends");
    drop(done);
    watch.join().expect("watched");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn tables(url: &str) -> Vec<String> {
    let (list, kind) = match url.split(':').next() {
        Some("sqlite") => (
            "SELECT s.name, c.name FROM sqlite_schema s, pragma_table_info(s.name) c WHERE s.type = 'table' ORDER BY 1, 2",
            "TEXT",
        ),
        Some("mysql") => (
            "SELECT CAST(t.table_name AS CHAR), CAST(c.column_name AS CHAR) FROM information_schema.tables t \
             JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name \
             WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' ORDER BY 1, 2",
            "CHAR",
        ),
        _ => (
            "SELECT CAST(t.table_name AS TEXT), CAST(c.column_name AS TEXT) FROM information_schema.tables t \
             JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name \
             WHERE t.table_schema = current_schema() AND t.table_type = 'BASE TABLE' ORDER BY 1, 2",
            "TEXT",
        ),
    };
    let mut columns: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for row in rows_at(url, list) {
        let [Some(table), Some(column)] = row.as_slice() else { panic!("{row:?}") };
        columns.entry(table.clone()).or_default().push(format!("CAST({column} AS {kind})"));
    }
    let mut all = Vec::new();
    for (table, columns) in columns {
        let mut rows: Vec<String> = rows_at(url, &format!("SELECT {} FROM {table}", columns.join(", ")))
            .iter()
            .map(|row| format!("{table} {row:?}"))
            .collect();
        rows.sort();
        all.extend(rows);
    }
    assert!(all.iter().any(|row| row.starts_with("recon_audit ") || row.starts_with("payout_decision ")), "{url}");
    all
}

/// Sends a signal to a process of ours.
pub fn signal(process: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.expect("kill runs").success(), "kill {signal} {process}");
}

/// A random source that says its seed when a test fails.
pub struct Seeded {
    pub random: fastrand::Rng,
    seed: u64,
}

impl Seeded {
    pub fn new() -> Seeded {
        let given = std::env::var("RECON_CHAOS_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| fastrand::u64(..));
        Seeded { random: fastrand::Rng::with_seed(seed), seed }
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the moments were those of RECON_CHAOS_SEED={}", self.seed);
        }
    }
}

/// 2026-11-13, in days since 1970-01-01: the day of the records.
const FIRST: i32 = 20_770;
/// Characters of the text that every record carries.
const MEMO: usize = 300;

/// Legacy rows and candidate documents of so many distinct keys: most agree, and of each kind of discrepancy there are
/// some.
fn data(records: usize) -> (Vec<String>, Vec<String>) {
    let memo = "m".repeat(MEMO);
    let (mut legacy, mut candidate) = (Vec::new(), Vec::new());
    for id in 1..=records {
        let row = format!("{id}, '{id}.25', '{}'", id % 7);
        let document = |net: &str| format!(r#"{{"id": {id}, "net": {net}, "fee": {}, "memo": "{memo}"}}"#, id % 7);
        let net = format!("{id}.25");
        match id % 40 {
            1 => candidate.push(document(&format!("{id}.75"))),
            2 => {}
            4 => candidate.push(document(&format!("{id}.26"))),
            _ => candidate.push(document(&net)),
        }
        match id % 40 {
            3 => {}
            5 => legacy.extend([row.clone(), row]),
            _ => legacy.push(row),
        }
    }
    (legacy, candidate)
}

fn strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

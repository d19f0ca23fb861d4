//! A fresh ledger on each engine, and what tests do with it all the time.

use std::time::Duration;

use recon::config::Secret;
use recon::domain::{State, Value};
use recon::ledger::{Begin, Begun, CycleKey, DecisionSummary, Ledger, LedgerError, Process, Run, RunVerdict};

use crate::support;

/// A database that goes when the test ends.
pub struct Fresh {
    pub url: String,
    _dir: Option<tempfile::TempDir>,
    drop: Option<(String, String)>,
}

impl Fresh {
    pub fn sqlite() -> Fresh {
        let dir = tempfile::tempdir().expect("a folder");
        Fresh { url: format!("sqlite:{}", dir.path().join("recon.db").display()), _dir: Some(dir), drop: None }
    }

    pub fn mysql() -> Fresh {
        Fresh::server("MYSQL", "mysql")
    }

    pub fn postgres() -> Fresh {
        Fresh::server("POSTGRES", "postgres")
    }

    fn server(kind: &str, root: &str) -> Fresh {
        let name = support::unique_name("ledger");
        let server = support::database_url(kind, root);
        support::run_sql(&server, &format!("CREATE DATABASE {name}"));
        let force = if kind == "POSTGRES" { " WITH (FORCE)" } else { "" };
        Fresh {
            url: support::database_url(kind, &name),
            _dir: None,
            drop: Some((server, format!("DROP DATABASE {name}{force}"))),
        }
    }

    pub fn secret(&self) -> Secret {
        Secret::new(self.url.clone())
    }

    pub fn open(&self) -> Ledger {
        Ledger::open(&self.secret(), Process::current()).expect("a ledger")
    }

    /// Another program at the same database.
    pub fn sql(&self, script: &str) {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => support::sqlite(std::path::Path::new(path), script),
            None => support::run_sql(&self.url, script),
        }
    }

    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some((server, script)) = &self.drop {
            support::run_sql(server, script);
        }
    }
}

/// Runs a test on each engine.
macro_rules! on_each_engine {
    ($($(#[$note:meta])* fn $name:ident($fresh:ident: Fresh) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;
            fn law($fresh: $crate::engine::Fresh) $body
            #[test] fn sqlite() { law($crate::engine::Fresh::sqlite()) }
            #[test] fn mysql() { law($crate::engine::Fresh::mysql()) }
            #[test] fn postgres() { law($crate::engine::Fresh::postgres()) }
        })*
    };
}
pub(crate) use on_each_engine;

pub fn key(day: i32) -> CycleKey {
    CycleKey::new("payout", &[("payout_date".into(), Value::Date(day))]).expect("a key")
}

pub fn quick(by: &str) -> Begin {
    Begin { lease: Duration::from_secs(2), ..Begin::by(by) }
}

pub fn started(ledger: &mut Ledger, key: &CycleKey, begin: &Begin) -> Run {
    match ledger.begin_run(key, begin).expect("begun") {
        Begun::Started(run) => *run,
        Begun::Found(cycle) => panic!("found at {}", cycle.state),
    }
}

pub fn summary(hash: &str) -> DecisionSummary {
    DecisionSummary {
        candidate: 997,
        legacy: 3,
        held: 1,
        totals: [("net".to_owned(), "12345678901234567890123456789.000000001".to_owned())].into(),
        hash: hash.to_owned(),
        place: "core payout_decision".into(),
    }
}

pub fn to_checked(run: &mut Run) {
    for state in [State::Computed, State::Compared, State::Checked] {
        run.advance(&state, None).expect("allowed");
    }
}

/// Takes a new cycle to `decided`.
pub fn decided(ledger: &mut Ledger, key: &CycleKey, by: &str, hash: &str) {
    let mut run = started(ledger, key, &Begin::by(by));
    to_checked(&mut run);
    run.decide(RunVerdict::Warned, &summary(hash), &["3 discrepancies".into()], "{}").expect("decided");
}

pub fn state(ledger: &mut Ledger, key: &CycleKey) -> State {
    ledger.status(key).expect("read").expect("a cycle").state
}

pub fn code(error: &LedgerError) -> i32 {
    error.exit().into()
}

//! A fresh database on each engine, and decisions to write.

use std::io;

use recon::decide::{Decision, Reason, Taken};
use recon::decisions::{Layout, Place, ReadBack, Seen, Ticket};
use recon::domain::{Amount, NumberForm, Value, is_plain_literal, parse_date, parse_instant};
use recon::report::DiscrepancyKind;
use recon::stores::{Settings, StoreError};

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
        Fresh { url: format!("sqlite:{}", dir.path().join("pay.db").display()), _dir: Some(dir), drop: None }
    }

    pub fn mysql() -> Fresh {
        Fresh::server("MYSQL", "mysql")
    }

    pub fn postgres() -> Fresh {
        Fresh::server("POSTGRES", "postgres")
    }

    fn server(kind: &str, root: &str) -> Fresh {
        let name = support::unique_name("decisions");
        let server = support::database_url(kind, root);
        support::run_sql(&server, &format!("CREATE DATABASE {name}"));
        let force = if kind == "POSTGRES" { " WITH (FORCE)" } else { "" };
        Fresh {
            url: support::database_url(kind, &name),
            _dir: None,
            drop: Some((server, format!("DROP DATABASE {name}{force}"))),
        }
    }

    pub fn kind(&self) -> &str {
        self.url.split(':').next().expect("a scheme")
    }

    pub fn place(&self) -> Place {
        self.table("decision")
    }

    pub fn table(&self, name: &str) -> Place {
        Place::table(&self.url, name, &Settings::default()).expect("a place")
    }

    /// Another program at the same database.
    pub fn sql(&self, script: &str) {
        match self.url.strip_prefix("sqlite:") {
            Some(path) => support::sqlite(std::path::Path::new(path), script),
            None => support::run_sql(&self.url, script),
        }
    }

    /// The first column of a query, as text.
    pub fn ask(&self, sql: &str) -> Vec<String> {
        let mut writer =
            recon::stores::bulk::SqlWriter::strict(&self.url, std::time::Duration::from_secs(10)).expect("connects");
        let rows = writer.texts(sql, std::time::Duration::from_secs(30)).expect(sql);
        rows.into_iter().map(|row| row.into_iter().next().flatten().unwrap_or("NULL".into())).collect()
    }

    pub fn count(&self, table: &str) -> u64 {
        let kind = if self.kind() == "mysql" { "CHAR" } else { "TEXT" };
        self.ask(&format!("SELECT CAST(COUNT(*) AS {kind}) FROM {table}"))[0].parse().expect("a number")
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some((server, sql)) = &self.drop {
            support::run_sql(server, sql);
        }
    }
}

/// The same test on every engine.
macro_rules! on_every_engine {
    ($($test:ident),* $(,)?) => {
        mod sqlite { $(#[test] fn $test() { super::$test(&crate::given::Fresh::sqlite()); })* }
        mod mysql { $(#[test] fn $test() { super::$test(&crate::given::Fresh::mysql()); })* }
        mod postgres { $(#[test] fn $test() { super::$test(&crate::given::Fresh::postgres()); })* }
    };
}
pub(crate) use on_every_engine;

pub fn number(text: &str) -> Value {
    Value::Number { amount: Amount::parse(text).expect(text), form: NumberForm::Decimal }
}

pub fn integer(whole: i128) -> Value {
    Value::Number { amount: Amount::new(whole, 0), form: NumberForm::Integer }
}

pub fn text(text: &str) -> Value {
    Value::Text { text: text.into(), untyped: false }
}

pub fn date(text: &str) -> Value {
    Value::Date(parse_date(text).expect(text))
}

pub fn instant(text: &str) -> Value {
    let read = parse_instant(text, &jiff::tz::TimeZone::UTC).expect(text);
    Value::Instant { nanos: read.nanos, digits: read.digits }
}

pub fn decision(key: Value, values: Vec<Value>) -> Decision {
    Decision { key: vec![key], values, taken: Taken::Candidate, reason: Reason::Agree }
}

pub fn held(key: Value, columns: usize) -> Decision {
    Decision {
        key: vec![key],
        values: vec![Value::Null; columns],
        taken: Taken::Held,
        reason: Reason::Discrepancy(DiscrepancyKind::Unknown),
    }
}

/// What deciding sees of a column.
pub fn seen(name: &str, values: &[&Value]) -> Seen {
    let mut seen = Seen { name: name.into(), integers: true, ..Seen::default() };
    for value in values {
        let shown = value.to_string();
        match value {
            Value::Null | Value::Absent | Value::Unknown(_) => continue,
            Value::Number { amount, form } => {
                seen.numbers += 1;
                seen.integers &= *form == NumberForm::Integer;
                seen.not_finite += u64::from(!amount.is_finite());
                if amount.is_finite() {
                    let digits = shown.trim_start_matches('-');
                    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
                    seen.whole_digits = seen.whole_digits.max(whole.len() as u32);
                    seen.scale = seen.scale.max(fraction.len() as u32);
                }
            }
            Value::Text { text, .. } if is_plain_literal(text.as_bytes()) => seen.literals += 1,
            Value::Text { .. } => seen.texts += 1,
            Value::Bool(_) => seen.booleans += 1,
            Value::Date(_) => seen.dates += 1,
            Value::Instant { .. } => seen.instants += 1,
            _ => seen.others += 1,
        }
        seen.characters = seen.characters.max(shown.chars().count() as u64);
    }
    seen
}

pub fn layout(key: &[&str], columns: &[&str], decisions: &[Decision]) -> Layout {
    let of_key = |at: usize| decisions.iter().map(|d| &d.key[at]).collect::<Vec<_>>();
    let of_value = |at: usize| decisions.iter().map(|d| &d.values[at]).collect::<Vec<_>>();
    Layout {
        key: key.iter().enumerate().map(|(at, name)| seen(name, &of_key(at))).collect(),
        columns: columns.iter().enumerate().map(|(at, name)| seen(name, &of_value(at))).collect(),
    }
}

pub fn ticket(cycle: &str, attempt: i64) -> Ticket {
    Ticket {
        cycle: cycle.into(),
        origin: "ledger-a".into(),
        run: format!("12-{attempt}"),
        attempt,
        snapshot: "5ad1".into(),
    }
}

pub fn each(decisions: &[Decision]) -> impl Iterator<Item = io::Result<Decision>> + '_ {
    decisions.iter().cloned().map(Ok)
}

pub fn write(place: &mut Place, ticket: &Ticket, layout: &Layout, decisions: &[Decision]) -> Result<u64, StoreError> {
    place.write(ticket, layout, &mut each(decisions), &mut |_| Ok(()))
}

pub fn verify(
    place: &mut Place,
    ticket: &Ticket,
    layout: &Layout,
    decisions: &[Decision],
) -> Result<ReadBack, StoreError> {
    place.verify(ticket, layout, &mut each(decisions))
}

/// Releases, as a release does.
pub fn publish(place: &mut Place, ticket: &Ticket, hash: &str, layout: &Layout) -> Result<(), StoreError> {
    let (key, columns) = names(layout);
    place.publish(ticket, hash, &key, &columns)
}

/// Writes and verifies, as a run does, and reads as a release does: all say the same.
pub fn round(place: &mut Place, ticket: &Ticket, layout: &Layout, decisions: &[Decision]) -> ReadBack {
    assert_eq!(write(place, ticket, layout, decisions).expect("written"), decisions.len() as u64);
    let verified = verify(place, ticket, layout, decisions).expect("verified");
    let (key, columns) = names(layout);
    let read = place.read(&ticket.run, &key, &columns).expect("read");
    assert_eq!((verified.taken, &verified.hash), (read.taken, &read.hash));
    for (one, other) in verified.totals.iter().zip(&read.totals) {
        assert!(one.same_value(other), "{one} {other}");
    }
    verified
}

pub fn names(layout: &Layout) -> (Vec<String>, Vec<String>) {
    let names = |columns: &[Seen]| columns.iter().map(|seen| seen.name.clone()).collect();
    (names(&layout.key), names(&layout.columns))
}

/// Decisions over keys 1 to `count`, each of `net` 10.00 more.
pub fn plain(count: i128) -> (Layout, Vec<Decision>) {
    let decisions: Vec<Decision> =
        (1..=count).map(|id| decision(integer(id), vec![number(&format!("{id}0.00")), text("ok")])).collect();
    (layout(&["id"], &["net", "memo"], &decisions), decisions)
}

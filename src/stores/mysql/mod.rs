//! MySQL and MariaDB: one connection, one consistent snapshot, records as raw bytes in key order.
//!
//! Must not write to the store, and must not end a read quietly when the connection was lost.

mod about;
mod catalogue;
mod connect;
mod decode;
mod errors;
mod inspect;
mod privileges;
mod select;
mod statement;
mod stream;
mod wire;

pub(super) use self::about::about;
use self::connect::{Server, Session};
use self::decode::Decoder;
pub(super) use self::inspect::inspect;
pub(super) use self::privileges::beyond_reading;
use self::select::{Field, Relation};
use self::stream::{Gather, ToOutlet};
use self::wire::{Arguments, Rows};
use super::{
    Column, KeyRange, Opened, Outlet, ReadEnd, ReadRequest, Settings, Snapshot, Source, StoreError, Target, Wish,
};
use crate::domain::{Amount, Filter, NumberForm, Value};

/// Records above which cut points of an integer key are interpolated instead of counted.
const MANY_RECORDS: u64 = 1_000_000;

/// Reads a table or a query of MySQL or MariaDB.
pub struct MySqlSource {
    url: url::Url,
    target: Target,
    settings: Settings,
    opened: Option<Open>,
}

/// What there is after `open`.
struct Open {
    server: Server,
    /// `None` once the connection was lost or left in the middle of a result: its snapshot is gone.
    session: Option<Session>,
    relation: Relation,
    arguments: Arguments,
    estimated_records: Option<u64>,
    place: String,
}

impl MySqlSource {
    /// For a URL with the scheme `mysql` or `mariadb`, without its fragment.
    pub fn new(url: url::Url, target: Target, settings: Settings) -> Self {
        MySqlSource { url, target, settings, opened: None }
    }
}

/// How to reach the server of a URL for other work than reading a side, and how messages name it.
///
/// # Errors
/// As when a side is read: an option that is not known, an option file that cannot be read.
pub(crate) fn connect_options(url: &url::Url) -> Result<(sqlx::mysql::MySqlConnectOptions, String), StoreError> {
    use sqlx::ConnectOptions;
    // The reader's own understanding of the URL comes first: both must agree on what it says.
    let place = Server::from_url(url)?.place;
    let options = sqlx::mysql::MySqlConnectOptions::from_url(url)
        .map_err(|error| StoreError::usage(format!("{place}: the URL cannot be used: {error}")))?;
    Ok((options, place))
}

impl Source for MySqlSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        let server = Server::from_url(&self.url)?;
        let mut session = server.connect(&self.settings)?;
        let described = catalogue::describe(&mut session.connection, &self.target, &server.place)?;
        let columns =
            described.fields.iter().map(|f| Column { name: f.name.clone(), kind: f.decoder.kind() }).collect();
        let consistent = described.outside_snapshot.is_empty();
        let notices = described.outside_snapshot.iter().map(|table| {
            format!("{table} has an engine without transactions: it is not part of the snapshot, and changes made while it is read may show")
        });
        let opened = Opened {
            columns,
            fixed_columns: true,
            ordered: true,
            natural: false,
            filters: true,
            seeks: true,
            snapshot: Snapshot {
                taken_at: session.taken_at,
                how: "REPEATABLE READ, consistent snapshot, read only".into(),
                consistent,
            },
            estimated_records: described.estimated_records,
            notices: notices.collect(),
            inputs: Vec::new(),
        };
        let place = match (&self.target.query, &self.target.table) {
            (None, Some(table)) => format!("{}#{table}", server.place),
            _ => server.place.clone(),
        };
        self.opened = Some(Open {
            session: Some(session),
            relation: Relation { from: described.from, fields: described.fields, zone: self.settings.zone.clone() },
            arguments: described.arguments,
            estimated_records: described.estimated_records,
            place,
            server,
        });
        Ok(opened)
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let open = self.opened.as_mut().ok_or_else(not_open)?;
        let sql = open.relation.select(request)?;
        let fields = request.columns.iter().map(|wanted| open.relation.field(&wanted.name).cloned());
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        if request.fresh {
            open.renew(&self.settings)?;
        }
        let zone = self.settings.zone.clone();
        open.run(&sql, &mut ToOutlet::new(out, &fields, &zone))?;
        Ok(ReadEnd::default())
    }

    fn boundaries(&mut self, key: &str, filter: Option<&Filter>, parts: usize) -> Result<Vec<Value>, StoreError> {
        let open = self.opened.as_mut().ok_or_else(not_open)?;
        open.boundaries(key, filter, parts, &self.settings)
    }
}

impl Drop for MySqlSource {
    /// Says goodbye, so that the server does not log an aborted connection.
    fn drop(&mut self) {
        if let Some(Open { session: Some(session), .. }) = self.opened.take() {
            session.connection.quit();
        }
    }
}

fn not_open() -> StoreError {
    StoreError::failed("the MySQL source was not opened")
}

impl Open {
    /// A new snapshot; on a new connection when the old one is gone.
    fn renew(&mut self, settings: &Settings) -> Result<(), StoreError> {
        if let Some(mut session) = self.session.take()
            && connect::begin(&mut session.connection).is_ok()
        {
            self.session = Some(session);
            return Ok(());
        }
        self.session = Some(self.server.connect(settings)?);
        Ok(())
    }

    /// Runs one SELECT to its end. After an error the connection is given up: it may stand in the middle of a
    /// result, and its snapshot cannot be trusted to go on.
    fn run(&mut self, sql: &str, rows: &mut impl Rows) -> Result<(), StoreError> {
        let Some(mut session) = self.session.take() else {
            return Err(StoreError::failed(format!("{}: the snapshot was lost with its connection", self.place)));
        };
        stream::run(&mut session.connection, sql, &self.arguments, &self.place, rows)?;
        self.session = Some(session);
        Ok(())
    }

    /// The values of a result of a few rows.
    fn gather(&mut self, sql: String, fields: &[Field], settings: &Settings) -> Result<Vec<Vec<Value>>, StoreError> {
        let mut gathered = Gather::new(fields, &settings.zone);
        self.run(&sql, &mut gathered)?;
        Ok(gathered.rows)
    }

    fn boundaries(
        &mut self,
        key: &str,
        filter: Option<&Filter>,
        parts: usize,
        settings: &Settings,
    ) -> Result<Vec<Value>, StoreError> {
        let field = self.relation.field(key)?.clone();
        let (name, exact, from) = (field.column(), field.exact(), self.relation.from.clone());
        let condition = match filter {
            Some(filter) => format!("{name} IS NOT NULL AND {}", self.relation.condition(filter)?),
            None => format!("{name} IS NOT NULL"),
        };
        let parts = parts.max(1) as u64;
        if self.estimated_records > Some(MANY_RECORDS)
            && filter.is_none()
            && matches!(field.decoder, Decoder::Signed | Decoder::Unsigned)
        {
            // An index answers this at once; counting would read it whole.
            let ends = [field.clone(), field];
            let rows = self.gather(format!("SELECT MIN({name}), MAX({name}) FROM {from}"), &ends, settings)?;
            return Ok(rows.first().map(|row| interpolated(row, parts)).unwrap_or_default());
        }
        let counter = [Field::counter()];
        let rows = self.gather(format!("SELECT COUNT(*) FROM {from} WHERE {condition}"), &counter, settings)?;
        let count = rows.first().and_then(|row| whole(row.first()?)).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let field = [field];
        let mut cuts: Vec<Value> = Vec::new();
        for part in 1..parts {
            let (before, here) = (count * (part - 1) / parts, count * part / parts);
            if here == 0 || here >= count {
                continue;
            }
            // Each cut is looked for behind the one before: no record is skipped over twice.
            let (bound, skip) = match cuts.last() {
                Some(last) => {
                    let range = KeyRange { from: Some(last.clone()), below: None };
                    let part = self.relation.range(&field[0], &range);
                    (part.map(|part| format!(" AND {part}")).unwrap_or_default(), here - before)
                }
                None => (String::new(), here),
            };
            let sql =
                format!("SELECT {name} FROM {from} WHERE {condition}{bound} ORDER BY {exact} LIMIT 1 OFFSET {skip}");
            let rows = self.gather(sql, &field, settings)?;
            let cut = rows.into_iter().next().and_then(|row| row.into_iter().next());
            cuts.extend(cut.filter(|cut| !matches!(cut, Value::Unknown(_))));
        }
        cuts.dedup_by(|a, b| a.to_string() == b.to_string());
        Ok(cuts)
    }
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Number { amount, .. } => amount.small().filter(|(_, scale)| *scale == 0).map(|(whole, _)| whole),
        _ => None,
    }
}

/// Cut points at equal distances between the lowest and the highest key.
fn interpolated(ends: &[Value], parts: u64) -> Vec<Value> {
    let (Some(low), Some(high)) = (ends.first().and_then(whole), ends.get(1).and_then(whole)) else {
        return Vec::new();
    };
    let mut cuts: Vec<i128> =
        (1..i128::from(parts)).map(|part| low + (high - low) * part / i128::from(parts)).filter(|c| *c > low).collect();
    cuts.dedup();
    cuts.into_iter().map(|c| Value::Number { amount: Amount::new(c, 0), form: NumberForm::Integer }).collect()
}

//! Looking whether decisions could be written, without writing any. Must not make a table.

use std::path::Path;
use std::time::Duration;

use crate::config::{Decisions, Project, StoreKind};
use crate::stores::bulk::SqlWriter;
use crate::stores::sql::{Dialect, may_make_tables};
use crate::stores::{Locator, Settings, StoreError, sqlite_path};

use super::catalogue::{Found, look};
use super::columns::OWN;
use super::table::Table;

/// What a look found where decisions are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Where: the table or the file, without secrets.
    pub place: String,
    /// Whether it is there already; recon makes it otherwise.
    pub there: bool,
    /// Whether it is certain that it can be made, where it is not there.
    pub certain: bool,
}

/// Looks whether decisions could be written. Nothing is changed: what is written is no row, in a transaction that is
/// taken back.
///
/// # Errors
/// They could not: class `Usage` when the definition is wrong, `Failed` when the store says no.
pub fn probe(project: &Project, decisions: &Decisions, settings: &Settings) -> Result<Probed, StoreError> {
    match decisions {
        Decisions::File(path) => file(path),
        Decisions::Table { store, table } => {
            let store = project.store(store)?;
            // Refuses what cannot be one.
            Table::new(store.url.expose(), table, settings)?;
            if store.kind == StoreKind::Sqlite {
                let path = sqlite_path(store.url.expose());
                if !Path::new(&path).exists() {
                    return Err(StoreError::usage(format!("there is no file {path}")));
                }
            }
            let mut writer = SqlWriter::strict(store.url.expose(), settings.connect_timeout)?;
            let place = Locator::parse(store.url.expose())?.with_table(table.clone()).label();
            let probed = probe_table(&mut writer, table, settings.connect_timeout, place);
            let closed = writer.close();
            probed.and_then(|probed| closed.map(|()| probed))
        }
    }
}

fn file(path: &Path) -> Result<Probed, StoreError> {
    let place = path.display().to_string();
    // The folder is made when it is not there: what counts is the first above it that is.
    let above =
        path.ancestors().skip(1).map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let Some(folder) = above.into_iter().find(|folder| folder.exists()) else {
        return Err(StoreError::usage(format!("there is no folder for {place}")));
    };
    // A file without a name: nothing of it is left, whatever happens.
    tempfile::tempfile_in(folder).map_err(|error| {
        StoreError::failed(format!("{place} cannot be written: no file can be made in {}: {error}", folder.display()))
            .hint("check that it is a folder, its owner and its permissions")
    })?;
    Ok(Probed { there: path.exists(), place, certain: true })
}

fn probe_table(writer: &mut SqlWriter, table: &str, patience: Duration, place: String) -> Result<Probed, StoreError> {
    let dialect = writer.dialect();
    let name = dialect.table(table);
    let columns = match look(writer, table, patience)? {
        Found::Table(columns) => columns,
        Found::Nothing => {
            let certain = may_make(writer, patience, &place)?;
            return Ok(Probed { place, there: false, certain });
        }
        Found::View => return Err(no_table(&place, "a view")),
        Found::Other(what) => return Err(no_table(&place, &what)),
    };
    // Columns that the store fills itself may not be named.
    let own = |name: &str| OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
    let named: Vec<String> = columns
        .iter()
        .filter(|column| !column.filled || own(&column.name))
        .map(|column| dialect.name(&column.name))
        .collect();
    let list = named.join(", ");
    begin(writer, patience)?;
    let tried = [
        format!("INSERT INTO {name} ({list}) SELECT {list} FROM {name} WHERE 1 = 0"),
        format!("DELETE FROM {name} WHERE 1 = 0"),
    ]
    .iter()
    .try_for_each(|sql| writer.touch(sql, patience).map(|_| ()).map_err(|refused| refused.error));
    let taken_back = writer.touch("ROLLBACK", patience);
    tried.map_err(|error| error.hint(format!("GRANT SELECT, INSERT, DELETE ON {name} TO recon's account")))?;
    taken_back.map_err(|refused| refused.error)?;
    Ok(Probed { place, there: true, certain: true })
}

fn begin(writer: &mut SqlWriter, patience: Duration) -> Result<(), StoreError> {
    let sql = match writer.dialect() {
        Dialect::Sqlite => "BEGIN IMMEDIATE",
        Dialect::MySql => "START TRANSACTION",
        Dialect::Postgres => "BEGIN",
    };
    writer.touch(sql, patience).map(|_| ()).map_err(|refused| refused.error)
}

fn no_table(place: &str, what: &str) -> StoreError {
    StoreError::usage(format!("{place} is {what}: decisions go to a table"))
        .hint("name a table that recon may make, or one of its own")
}

/// Whether the account may make a table; `false` when the server does not tell.
fn may_make(writer: &mut SqlWriter, patience: Duration, place: &str) -> Result<bool, StoreError> {
    if writer.dialect() == Dialect::Sqlite {
        begin(writer, patience)?;
        writer.touch("ROLLBACK", patience).map_err(|refused| refused.error)?;
    }
    let sql = may_make_tables(writer.dialect());
    let told = writer.texts(sql, patience)?.into_iter().flatten().flatten().next();
    match told.as_deref() {
        Some("yes") => Ok(true),
        Some("untold") | None => Ok(false),
        _ => Err(StoreError::failed(format!("{place} is not there, and recon's account may not make it"))
            .hint("GRANT CREATE on the schema, or let an administrator make the table")),
    }
}

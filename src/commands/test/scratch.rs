//! Stores that hold nothing but a case's inputs: SQLite files and folders of one's own, or a database on a real server that
//! is made for the run and dropped after it. Each knows what lies in every table and file, so that what is the same in
//! the next case stays and everything else is replaced or taken away. Must not touch what it has not made.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::cases::{Case, Content, Input, SqliteDecimals, Suite, TableSchema};
use crate::commands::log;
use crate::config::{Project, Secret, Store, StoreKind, mask_url};
use crate::domain::Value;
use crate::path::records_of;
use crate::stores::bulk::{SqlWriter, drop_mongo_database, parquet_into, write_collection};
use crate::stores::{Settings, StoreError};

/// What every name that is made here begins with: nothing else is ever dropped.
const MADE: &str = "recon_test_";
/// Longest wait for a server to make or drop a database.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of one INSERT.
const STATEMENT: usize = 512 << 10;
/// The content of a table without a record.
const EMPTY: [u8; 32] = [0; 32];

/// What is left to be taken away when the process ends early.
static LEFT: Mutex<Vec<Left>> = Mutex::new(Vec::new());

#[derive(Clone, Debug, PartialEq)]
enum Left {
    Folder(PathBuf),
    /// The server's own URL and the database made there.
    Database {
        url: Secret,
        name: String,
    },
}

impl Left {
    fn remember(self) {
        if let Ok(mut left) = LEFT.lock() {
            left.push(self);
        }
    }

    fn clear(&self) -> Result<(), StoreError> {
        match self {
            Left::Folder(folder) => drop(std::fs::remove_dir_all(folder)),
            Left::Database { url, name } if !name.starts_with(MADE) => {
                return Err(StoreError::failed(format!(
                    "{} was not made by recon test: {name}",
                    mask_url(url.expose())
                )));
            }
            Left::Database { url, name } => match StoreKind::of_url(url.expose()) {
                Some(StoreKind::MongoDb) => drop_mongo_database(&with_database(url.expose(), name)?)?,
                _ => {
                    let mut server = SqlWriter::strict(url.expose(), PATIENCE)?;
                    let drop = format!("DROP DATABASE IF EXISTS {}", server.dialect().name(name));
                    // PostgreSQL drops no database that a connection is open to, as after an interruption.
                    let forced = server.dialect() == crate::stores::sql::Dialect::Postgres
                        && server.run(&format!("{drop} WITH (FORCE)")).is_ok();
                    if !forced {
                        server.run(&drop)?;
                    }
                    server.close()?;
                }
            },
        }
        if let Ok(mut left) = LEFT.lock() {
            left.retain(|one| one != self);
        }
        Ok(())
    }
}

/// Takes away what is still there, when the process is interrupted.
pub(in crate::commands) fn clear() {
    let left: Vec<Left> = LEFT.lock().map(|left| left.clone()).unwrap_or_default();
    for one in left {
        if let (Err(error), Left::Database { name, .. }) = (one.clear(), &one) {
            log::say(
                log::Level::Warning,
                "warning",
                &format!("the database {name} could not be dropped: {}", error.what),
            );
        }
    }
}

/// A folder that holds records is taken away as well, when the process is interrupted before its owner can.
pub(in crate::commands) fn passing(folder: &Path) {
    Left::Folder(folder.to_owned()).remember();
}

/// The stores of one project, for one worker.
pub(super) struct Scratch {
    stores: BTreeMap<String, Held>,
    made: Vec<Left>,
}

enum Held {
    Sql {
        writer: Option<Box<SqlWriter>>,
        url: Secret,
        tables: BTreeMap<String, Loaded>,
        decimals: Option<SqliteDecimals>,
    },
    Folder {
        path: PathBuf,
        files: BTreeMap<String, Lying>,
    },
    Mongo {
        url: Secret,
        collections: BTreeMap<String, [u8; 32]>,
    },
}

/// A file as it lies there.
struct Lying {
    path: PathBuf,
    /// What it was written from, as what; another one once writing has begun.
    content: [u8; 32],
    typed: Option<TableSchema>,
}

/// A table as it lies there.
struct Loaded {
    schema: TableSchema,
    content: [u8; 32],
}

impl Scratch {
    /// Makes a store for each of the project's and puts it in its place. `servers` are the stores that are to be on a
    /// real server, by name.
    ///
    /// # Errors
    /// A folder or a database cannot be made.
    pub(super) fn new(
        project: &mut Project,
        suite: &Suite,
        servers: &[(String, Secret)],
    ) -> Result<Scratch, StoreError> {
        let folder = tempfile::Builder::new().prefix("recon-test-").tempdir().map_err(|error| {
            StoreError::failed(format!("cannot create a folder in {}: {error}", std::env::temp_dir().display()))
                .hint("set TMPDIR to a folder that can be written")
        })?;
        let root = folder.keep();
        let left = Left::Folder(root.clone());
        left.clone().remember();
        let mut scratch = Scratch { stores: BTreeMap::new(), made: vec![left] };
        for (name, store) in &mut project.stores {
            let server = servers.iter().find(|(server, _)| server == name).map(|(_, url)| url);
            let (held, kind, url) = match server {
                Some(url) => scratch.on_server(url, suite)?,
                None => embedded(&root, name, store, suite)?,
            };
            *store = Store { name: name.clone(), kind, url, check_url: None };
            scratch.stores.insert(name.clone(), held);
        }
        Ok(scratch)
    }

    fn on_server(&mut self, url: &Secret, suite: &Suite) -> Result<(Held, StoreKind, Secret), StoreError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let since = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
        let name = format!("{MADE}{since}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let own = Secret::new(with_database(url.expose(), &name)?);
        let left = Left::Database { url: url.clone(), name: name.clone() };
        let kind = StoreKind::of_url(url.expose());
        let held = match kind {
            Some(StoreKind::MySql | StoreKind::Postgres) => {
                let mut server = SqlWriter::strict(url.expose(), PATIENCE)?;
                let quoted = server.dialect().name(&name);
                server.run(&format!("CREATE DATABASE {quoted}")).map_err(|error| {
                    StoreError::failed(format!("no scratch database could be made: {}", error.what)).hint(
                        "give an account that may create databases; recon test never uses one that is there already",
                    )
                })?;
                left.clone().remember();
                self.made.push(left);
                server.close()?;
                let (tables, decimals) = (BTreeMap::new(), suite.sqlite_decimals);
                Held::Sql { writer: None, url: own.clone(), tables, decimals }
            }
            Some(StoreKind::MongoDb) => {
                // A database of MongoDB is there with its first collection.
                left.clone().remember();
                self.made.push(left);
                Held::Mongo { url: own.clone(), collections: BTreeMap::new() }
            }
            _ => {
                return Err(StoreError::usage(format!("{} is no server", mask_url(url.expose())))
                    .hint("`--store` takes mysql://, postgres:// and mongodb:// URLs"));
            }
        };
        Ok((held, kind.unwrap_or(StoreKind::Files), own))
    }

    /// Makes the stores hold a case's inputs and nothing else; only those stores that are `wanted`.
    ///
    /// # Errors
    /// An input that does not fit (class `Usage`: the case is wrong), or a store that cannot be written.
    pub(super) fn put(&mut self, suite: &Suite, case: &Case, wanted: &dyn Fn(&str) -> bool) -> Result<(), StoreError> {
        if let Some(input) = case.inputs.iter().find(|input| !self.stores.contains_key(&input.store)) {
            let names: Vec<&str> = self.stores.keys().map(String::as_str).collect();
            return Err(StoreError::usage(format!("the project has no store `{}`", input.store)).hint(
                crate::config::did_you_mean(&input.store, names.iter().copied())
                    .unwrap_or_else(|| format!("its stores are {}", crate::config::listed(names.iter().copied()))),
            ));
        }
        for (name, held) in self.stores.iter_mut().filter(|(name, _)| wanted(name)) {
            let inputs: Vec<&Input> = case.inputs.iter().filter(|input| input.store == *name).collect();
            match held {
                Held::Sql { .. } => held.put_tables(suite, case, name, &inputs)?,
                Held::Folder { path, files } => put_files(path, files, suite, case, &inputs)?,
                Held::Mongo { url, collections } => put_collections(url, collections, &inputs)?,
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Connections first: a database that is in use may not be dropped.
        for held in self.stores.values_mut() {
            if let Held::Sql { writer, .. } = held
                && let Some(writer) = writer.take()
            {
                let _ = writer.close();
            }
        }
        for left in &self.made {
            if let (Err(error), Left::Database { name, .. }) = (left.clear(), left) {
                let what = format!("the scratch database {name} could not be dropped, please drop it: {}", error.what);
                log::say(log::Level::Warning, "warning", &what);
            }
        }
    }
}

fn embedded(root: &Path, name: &str, store: &Store, suite: &Suite) -> Result<(Held, StoreKind, Secret), StoreError> {
    match store.kind {
        StoreKind::Files | StoreKind::MongoDb => {
            let path = root.join(name);
            std::fs::create_dir_all(&path).map_err(|error| unwritable(&path, &error))?;
            let url = Secret::new(format!("file:{}", path.display()));
            Ok((Held::Folder { path, files: BTreeMap::new() }, StoreKind::Files, url))
        }
        _ => {
            let url = Secret::new(format!("sqlite:{}", root.join(format!("{name}.db")).display()));
            let mut writer = SqlWriter::strict(url.expose(), PATIENCE)?;
            // Nothing here outlives the run, so nothing has to reach the disk.
            writer.run("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")?;
            writer.run("CREATE TABLE recon_test (placeholder INTEGER)")?;
            let tables = BTreeMap::new();
            let held =
                Held::Sql { writer: Some(Box::new(writer)), url: url.clone(), tables, decimals: suite.sqlite_decimals };
            Ok((held, StoreKind::Sqlite, url))
        }
    }
}

impl Held {
    fn put_tables(&mut self, suite: &Suite, case: &Case, store: &str, inputs: &[&Input]) -> Result<(), StoreError> {
        let Held::Sql { writer, url, tables, decimals } = self else { return Ok(()) };
        let decimals = *decimals;
        let writer = match writer {
            Some(writer) => writer,
            None => writer.insert(Box::new(SqlWriter::strict(url.expose(), PATIENCE)?)),
        };
        let dialect = writer.dialect();
        let declared = suite.tables.keys().chain(case.tables.keys()).filter(|(of, _)| of == store);
        let mut names: Vec<&String> = declared.map(|(_, name)| name).collect();
        names.sort();
        names.dedup();
        if let Some(input) = inputs.iter().find(|input| !names.contains(&&input.name)) {
            return Err(StoreError::usage(format!("the columns of `{store}.{}` are not declared", input.name)).hint(
                format!(
                    "declare them in suite.toml: [tables.{store}.{}] columns = {{ id = \"integer\", … }}",
                    input.name
                ),
            ));
        }
        let gone: Vec<String> = tables.keys().filter(|name| !names.contains(name)).cloned().collect();
        for name in gone {
            writer.run(&format!("DROP TABLE {}", dialect.name(&name)))?;
            tables.remove(&name);
        }
        let mut script = String::new();
        let mut loaded = Vec::new();
        for name in names {
            let Some(schema) = case.table(suite, store, name) else { continue };
            if tables.get(name).is_none_or(|there| there.schema != *schema) {
                let decimal = |column: &crate::cases::Column| matches!(column.kind, crate::cases::Kind::Decimal { .. });
                if dialect == crate::stores::sql::Dialect::Sqlite
                    && decimals.is_none()
                    && schema.columns.values().any(decimal)
                {
                    return Err(StoreError::usage(format!("`{store}.{name}` has decimals, and SQLite has none")).hint(
                        "say in suite.toml what stands in for them: sqlite_decimals = \"scaled\" (whole numbers in units of the \
                         last digit) or \"text\"; or run on a real server with --store",
                    ));
                }
                writer.run(&format!("DROP TABLE IF EXISTS {}", dialect.name(name)))?;
                writer.run(&schema.create(name, dialect, decimals))?;
                tables.insert(name.clone(), Loaded { schema: schema.clone(), content: EMPTY });
            }
            let input = inputs.iter().find(|input| input.name == *name);
            let content = input.map_or(EMPTY, |input| input.id);
            if tables.get(name).is_some_and(|there| there.content == content) {
                continue;
            }
            script.push_str(&format!("DELETE FROM {};\n", dialect.name(name)));
            if let Some(input) = input {
                insert(&mut script, writer, name, schema, input, decimals)?;
            }
            loaded.push((name.clone(), content));
        }
        if script.is_empty() {
            return Ok(());
        }
        let begin = if dialect == crate::stores::sql::Dialect::MySql { "START TRANSACTION" } else { "BEGIN" };
        if let Err(error) = writer.run(&format!("{begin};\n{script}COMMIT")) {
            let _ = writer.run("ROLLBACK");
            return Err(StoreError::usage(format!(
                "the inputs of `{store}` cannot be put into a table: {}",
                error.what
            )));
        }
        for (name, content) in loaded {
            if let Some(there) = tables.get_mut(&name) {
                there.content = content;
            }
        }
        Ok(())
    }
}

fn records(input: &Input) -> Result<Vec<Value>, StoreError> {
    match &input.content {
        Content::Lines(lines) => Ok(lines.iter().map(|line| Value::from_json(line)).collect()),
        Content::File(path) => records_of(path, &Settings::default()),
    }
}

fn insert(
    script: &mut String,
    writer: &SqlWriter,
    name: &str,
    schema: &TableSchema,
    input: &Input,
    decimals: Option<SqliteDecimals>,
) -> Result<(), StoreError> {
    let dialect = writer.dialect();
    let names: Vec<String> = schema.columns.keys().map(|name| dialect.name(name)).collect();
    let head = format!("INSERT INTO {} ({}) VALUES ", dialect.name(name), names.join(", "));
    let mut begun = 0;
    for (number, record) in (1..).zip(records(input)?) {
        let wrong = |why: String| StoreError::usage(format!("{}.{name}, record {number}: {why}", input.store));
        let row = schema.row(record).map_err(wrong)?;
        if begun == 0 || script.len() - begun > STATEMENT {
            script.push_str(if begun == 0 { "" } else { ";\n" });
            begun = script.len().max(1);
            script.push_str(&head);
        } else {
            script.push(',');
        }
        for (at, (value, column)) in row.into_iter().zip(schema.columns.values()).enumerate() {
            script.push(if at == 0 { '(' } else { ',' });
            match column.stored(dialect, decimals, value) {
                Value::Null => script.push_str("NULL"),
                Value::Unknown(why) => return Err(wrong(why)),
                value => script.push_str(&dialect.key_literal(&value)?),
            }
        }
        script.push(')');
    }
    script.push_str(if begun == 0 { "" } else { ";\n" });
    Ok(())
}

fn put_files(
    folder: &Path,
    files: &mut BTreeMap<String, Lying>,
    suite: &Suite,
    case: &Case,
    inputs: &[&Input],
) -> Result<(), StoreError> {
    let wanted: Vec<(&Input, PathBuf, Option<&TableSchema>)> = inputs
        .iter()
        .map(|input| {
            let typed = case.table(suite, &input.store, &input.name);
            let ending = match (&input.content, typed) {
                (_, Some(_)) => "parquet".into(),
                (Content::Lines(_), None) => "ndjson".into(),
                (Content::File(path), None) => path.extension().unwrap_or_default().to_string_lossy(),
            };
            (*input, folder.join(format!("{}.{ending}", input.name)), typed)
        })
        .collect();
    let gone: Vec<String> = (files.iter())
        .filter(|(name, lying)| !wanted.iter().any(|(input, path, _)| input.name == **name && *path == lying.path))
        .map(|(name, _)| name.clone())
        .collect();
    for name in gone {
        if let Some(Lying { path, .. }) = files.remove(&name) {
            std::fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
        }
    }
    for (input, path, typed) in wanted {
        let is_it = |lying: &Lying| lying.content == input.id && lying.typed.as_ref() == typed;
        if files.get(&input.name).is_some_and(is_it) {
            continue;
        }
        // Should it fail in the middle, it is not taken for what it was or will be.
        let lying = Lying { path: path.clone(), content: [0; 32], typed: typed.cloned() };
        let lying = files.entry(input.name.clone()).insert_entry(lying).into_mut();
        match (&input.content, typed) {
            (_, Some(schema)) => write_typed(&path, schema, input)?,
            (Content::Lines(lines), None) => {
                let mut text = lines.join("\n");
                text.push('\n');
                overwrite(&path, text.as_bytes()).map_err(|error| unwritable(&path, &error))?;
            }
            (Content::File(from), None) => {
                std::fs::copy(from, &path).map_err(|error| unwritable(&path, &error))?;
            }
        }
        lying.content = input.id;
    }
    Ok(())
}

/// Replaces a file's content and keeps the file: making and removing thousands of them in a row is what file systems are
/// slowest at, and some write a file that was cut to nothing out at once.
fn overwrite(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)
}

/// A table of a data lake.
fn write_typed(path: &Path, schema: &TableSchema, input: &Input) -> Result<(), StoreError> {
    let mut file = std::fs::File::create(path).map_err(|error| unwritable(path, &error))?;
    let rows = (1..).zip(records(input)?).map(|(number, record)| {
        let wrong = |why: String| StoreError::usage(format!("{}.{}, record {number}: {why}", input.store, input.name));
        schema.row(record).map_err(wrong)
    });
    parquet_into(&mut file, path, &schema.parquet(), &mut rows.into_iter(), &mut |_| Ok(()))?;
    Ok(())
}

fn put_collections(url: &Secret, there: &mut BTreeMap<String, [u8; 32]>, inputs: &[&Input]) -> Result<(), StoreError> {
    for input in inputs {
        if there.get(&input.name) == Some(&input.id) {
            continue;
        }
        there.remove(&input.name);
        write_collection(url.expose(), &input.name, true, &mut records(input)?.into_iter(), &mut |_| {})?;
        there.insert(input.name.clone(), input.id);
    }
    let gone: Vec<String> =
        there.keys().filter(|name| !inputs.iter().any(|input| input.name == **name)).cloned().collect();
    for name in gone {
        // An empty collection and none at all are the same to whoever reads it.
        write_collection(url.expose(), &name, true, &mut std::iter::empty(), &mut |_| {})?;
        there.remove(&name);
    }
    Ok(())
}

/// The URL of another database on the same server.
fn with_database(url: &str, name: &str) -> Result<String, StoreError> {
    let (address, options) = url.split_once('?').map_or((url, None), |(address, options)| (address, Some(options)));
    let Some((scheme, rest)) = address.split_once("://") else {
        return Err(StoreError::usage("a server is given as a URL: mysql://user@host"));
    };
    // Hosts may be several (MongoDB), so the URL is taken apart by hand.
    let hosts = rest.split('/').next().unwrap_or(rest);
    let options = options.map_or_else(String::new, |options| format!("?{options}"));
    Ok(format!("{scheme}://{hosts}/{name}{options}"))
}

fn unwritable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::failed(format!("{} could not be written: {error}", path.display()))
        .hint("set TMPDIR to a folder with more room")
}

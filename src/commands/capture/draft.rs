//! A case on its way into a folder: rows and documents masked, columns declared, texts made. What looks like personal data
//! and has no rule is gathered here. Writes only into the folder that it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::capture::personal::{self, Looks};
use crate::capture::text::{CaseText, Columns, SuiteText, csv, ndjson};
use crate::capture::types::{Declared, declared_type};
use crate::capture::{Field, Mask, MaskRules, Masked, Masker, nested};
use crate::cases::{SqliteDecimals, Suite, TableSchema};
use crate::commands::Failure;
use crate::config::StoreKind;
use crate::domain::Value;
use crate::stores::sql::Dialect;

use super::rows::Fetched;
use super::target::unwritable;

/// The files of one case, by their place in its folder, and the tables that it declares.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) files: BTreeMap<String, String>,
    pub(super) tables: BTreeMap<(String, String), Columns>,
    /// Fields without a rule that look like personal data, and the first thing that they look like.
    pub(super) suspects: BTreeMap<String, Looks>,
}

/// The masks of a draft; with `None` values stay as they are.
pub(super) type Masking<'m, 'a> = Option<&'m mut Masker<'a>>;

impl Draft {
    /// Puts what was fetched into texts. Without masking a column that the `rules` drop is left out where no case can hold it.
    ///
    /// # Errors
    /// A mask that does not fit its values, or a value that a case cannot hold.
    pub(super) fn of(all: &[Fetched], mut masking: Masking<'_, '_>, rules: &MaskRules) -> Result<Draft, Failure> {
        let mut draft = Draft::default();
        for fetched in all {
            let readable = &fetched.readable;
            let dialect = dialect(readable.kind);
            let parquet = readable.locators.iter().any(crate::stores::Locator::is_parquet);
            let place = |ending: &str| format!("{}/{}.{ending}", readable.store, readable.name);
            if dialect.is_some() || parquet {
                let text = draft.table(fetched, dialect, &mut masking, rules)?;
                draft.files.insert(place("csv"), text);
                continue;
            }
            let file = readable.locators.iter().find_map(|locator| locator.path());
            let own = file.and_then(|path| path.extension()).and_then(|ending| ending.to_str());
            match readable.ending.as_deref() {
                None | Some("ndjson" | "jsonl" | "csv") => {}
                Some(ending) => {
                    let what = format!("`{}.{ending}`: a case cannot hold a file of that kind", readable.label());
                    return Err(Failure::usage(what).hint(
                        "name it without its ending (`collection = …`), or keep it as .ndjson, .csv or .parquet",
                    ));
                }
            }
            let rows = draft.documents(fetched, &mut masking)?;
            match (readable.ending.as_deref(), own) {
                (Some("csv"), _) | (None, Some("csv")) => {
                    let columns: Vec<String> =
                        fetched.picked.columns.iter().map(|column| column.name.clone()).collect();
                    let held = |name: &&String| rows.is_empty() || rows.iter().any(|row| field(row, name).is_some());
                    let columns: Vec<String> = columns.iter().filter(held).cloned().collect();
                    draft.files.insert(place("csv"), csv(&columns, &rows));
                }
                (ending, _) => drop(draft.files.insert(place(ending.unwrap_or("ndjson")), ndjson(&rows))),
            }
        }
        Ok(draft)
    }

    fn table(
        &mut self,
        fetched: &Fetched,
        dialect: Option<Dialect>,
        masking: &mut Masking<'_, '_>,
        rules: &MaskRules,
    ) -> Result<String, Failure> {
        let readable = &fetched.readable;
        let table = (readable.store.as_str(), readable.name.as_str());
        let mut declared: Vec<Declared> = readable
            .declared
            .iter()
            .map(|column| Declared { name: column.name.clone(), kind: column.kind.clone(), nullable: column.nullable })
            .collect();
        if declared.is_empty() {
            let column = |name: &String| Declared { name: name.clone(), kind: String::new(), nullable: true };
            declared = fetched.picked.columns.iter().map(|known| column(&known.name)).collect();
        }
        let mut rows: Vec<Vec<(String, Value)>> = vec![Vec::new(); fetched.picked.rows.len()];
        let (mut columns, mut names) = (Columns::default(), Vec::new());
        for column in declared {
            let place = Field::of(table, &column.name);
            let mut values = Vec::with_capacity(rows.len());
            let mut left = false;
            for row in &fetched.picked.rows {
                let value = field(row, &column.name).cloned().unwrap_or(Value::Null);
                match mask(masking, &place, &value)? {
                    Masked::Left => left = true,
                    Masked::Value(value @ (Value::Document(_) | Value::Array(_))) => {
                        self.look(masking, &place, &value);
                        values.push(Value::Text { text: value.to_string(), untyped: false });
                    }
                    Masked::Value(value) => {
                        self.look(masking, &place, &value);
                        values.push(value);
                    }
                }
            }
            if left || masking.as_ref().is_some_and(|masker| masker.mask(&place) == Some(Mask::Drop)) {
                continue;
            }
            let kind = match declared_type(dialect, &column, &values.iter().collect::<Vec<_>>()) {
                Ok(kind) => kind,
                Err(_) if rules.of(&place) == Some(Mask::Drop) => continue,
                Err(why) => {
                    let hint = format!("leave it out: [capture.mask] \"{}\" = \"drop\"", place.shown());
                    return Err(Failure::usage(format!("{}: {why}", readable.label())).hint(hint));
                }
            };
            columns.types.insert(column.name.clone(), kind);
            for (row, value) in rows.iter_mut().zip(values) {
                row.push((column.name.clone(), value));
            }
            names.push(column.name);
        }
        if readable.key.iter().all(|name| columns.types.contains_key(name)) {
            columns.key.clone_from(&readable.key);
        }
        self.tables.insert((readable.store.clone(), readable.name.clone()), columns);
        let rows: Vec<Value> = rows.into_iter().map(Value::Document).collect();
        Ok(csv(&names, &rows))
    }

    fn documents(&mut self, fetched: &Fetched, masking: &mut Masking<'_, '_>) -> Result<Vec<Value>, Failure> {
        let readable = &fetched.readable;
        let place = Field::of((&readable.store, &readable.name), "");
        let mut rows = Vec::with_capacity(fetched.picked.rows.len());
        for row in &fetched.picked.rows {
            if let Some(why) = row.unknown() {
                return Err(Failure::incomplete(format!("a document of {} cannot be read: {why}", readable.label())));
            }
            if let Masked::Value(row) = mask(masking, &place, row)? {
                self.look(masking, &place, &row);
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Looks for personal data in what no rule names. The names of fields are data too where documents are kept under them: only
    /// a rule for the document itself settles them.
    pub(super) fn look(&mut self, masking: &Masking<'_, '_>, place: &Field<'_>, value: &Value) {
        let Some(masker) = masking else { return };
        match value {
            Value::Document(fields) => {
                for (name, value) in fields {
                    if masker.mask(place).is_none()
                        && !masker.is_pseudonym(name)
                        && let Some(looks) = personal::field_name(name)
                    {
                        self.suspects.entry(place.shown()).or_insert(looks);
                    }
                    self.look(masking, &place.at(&place.inner(name)), value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.look(masking, place, item)),
            value => {
                if let Value::Text { text, .. } = value
                    && let Ok(Some(held)) = nested::held(text)
                {
                    return self.look(masking, place, &held);
                }
                if masker.mask(place).is_none()
                    && !masker.is_pseudonym(&value.to_string())
                    && let Some(looks) = personal::looks(place.path(), value)
                {
                    self.suspects.entry(place.shown()).or_insert(looks);
                }
            }
        }
    }

    /// Whether a table has a column of decimals, for which SQLite has no type.
    pub(super) fn has_decimals(&self, sql: &BTreeSet<String>) -> bool {
        let decimal = |columns: &Columns| columns.types.values().any(|kind| kind.starts_with("decimal"));
        self.tables.iter().any(|((store, _), columns)| sql.contains(store) && decimal(columns))
    }

    /// The tables that a suite does not declare, or otherwise.
    pub(super) fn beyond(&self, suite: &Suite) -> BTreeMap<(String, String), Columns> {
        let other = |(name, columns): &(&(String, String), &Columns)| {
            let own = TableSchema::parse(&columns.types, &columns.key).ok();
            suite.tables.get(*name) != own.as_ref()
        };
        self.tables.iter().filter(other).map(|(name, columns)| (name.clone(), columns.clone())).collect()
    }

    /// Writes inputs and `case.toml` into a folder, which is made.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, folder: &Path, case: &CaseText) -> Result<(), Failure> {
        for (name, text) in &self.files {
            put(&folder.join(name), text)?;
        }
        put(&folder.join("case.toml"), &case.render())
    }
}

fn mask(masking: &mut Masking<'_, '_>, place: &Field<'_>, value: &Value) -> Result<Masked, Failure> {
    match masking {
        None => Ok(Masked::Value(value.clone())),
        Some(masker) => masker.value(place, value).map_err(Failure::usage),
    }
}

fn field<'a>(row: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Document(fields) = row else { return None };
    fields.iter().find(|(own, _)| own == name).map(|(_, value)| value)
}

/// The dialect of a SQL store.
pub(super) fn dialect(kind: StoreKind) -> Option<Dialect> {
    match kind {
        StoreKind::MySql => Some(Dialect::MySql),
        StoreKind::Postgres => Some(Dialect::Postgres),
        StoreKind::Sqlite => Some(Dialect::Sqlite),
        StoreKind::MongoDb | StoreKind::Files => None,
    }
}

/// Writes a file and the folders that it is in.
///
/// # Errors
/// It cannot be written.
pub(super) fn put(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::incomplete(format!("{} could not be written: {error}", path.display()))
            .hint("check that the folder is writable and has room; nothing was captured")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

/// `suite.toml` of a new suite.
pub(super) fn suite_text(text: &SuiteText, folder: &Path) -> Result<(), Failure> {
    put(&folder.join("suite.toml"), &text.render())
}

/// What stands in for decimals, by its name in `suite.toml`.
pub(super) fn sqlite_decimals(name: &str) -> Option<SqliteDecimals> {
    match name {
        "scaled" => Some(SqliteDecimals::Scaled),
        "text" => Some(SqliteDecimals::Text),
        _ => None,
    }
}

/// Says in a new `suite.toml` what stands in for decimals, where the cases before this one have none.
///
/// # Errors
/// It cannot be read or written.
pub(super) fn with_decimals(folder: &Path, decimals: &str) -> Result<(), Failure> {
    let path = folder.join("suite.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| unwritable(&path, &error))?;
    let (head, tables) = text.split_at(text.find("\n[").unwrap_or(text.len()));
    put(&path, &format!("{head}sqlite_decimals = \"{decimals}\"\n{tables}"))
}

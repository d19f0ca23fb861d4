//! Where a calendar's holidays are changed: a table of a SQL store, or a CSV file that holds nothing else.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::config::{Calendar, HolidaySource, Input, Project, StoreKind, What};
use crate::domain::calendar::{Holiday, HolidayKind};
use crate::domain::{Value, parse_date};
use crate::stores::StoreError;
use crate::stores::bulk::{SqlWriter, whole_file};

use super::super::Failure;
use super::known;

/// The header of a CSV file that can be changed.
const HEADER: &str = "day,name,kind";

/// A table or file of holidays.
pub(super) struct Target {
    /// `core.holiday`
    pub(super) label: String,
    input: Input,
    place: Place,
}

enum Place {
    Table { url: String, table: String, columns: [Option<String>; 3] },
    Csv(PathBuf),
}

impl Target {
    /// The one that the calendar has, or the one in a store.
    pub(super) fn of(project: &Project, calendar: &Calendar, store: Option<&str>) -> Result<Target, Failure> {
        let mut found = Vec::new();
        for source in &calendar.holidays {
            if let HolidaySource::Input(input) = source
                && store.is_none_or(|store| store == input.store)
                && let Some(place) = place(project, input)?
            {
                found.push(Target { label: known::label(input), input: input.as_ref().clone(), place });
            }
        }
        let place = store.map(|store| format!(" in store `{store}`")).unwrap_or_default();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(one), false) => {
                let all: Vec<String> = found.iter().chain([&one]).map(|target| format!("`{}`", target.label)).collect();
                Err(Failure::usage(format!("which holidays of `{}` are meant? There are {}", calendar.name, all.join(", ")))
                    .hint("name the store with `--store NAME`"))
            }
            (None, _) => Err(Failure::usage(format!("calendar `{}` has no holidays{place} that can be changed", calendar.name))
                .hint("give it a table of a SQL store, or a .csv file: holidays = [\"korea\", { store = \"core\", table = \"holiday\" }]")),
        }
    }

    /// What is there: nothing when the table or file is not there yet.
    pub(super) fn holidays(&self, project: &Project, calendar: &Calendar) -> Result<Vec<Holiday>, Failure> {
        let there = match &self.place {
            Place::Csv(path) => path.exists(),
            Place::Table { url, table, .. } => {
                let mut writer = SqlWriter::connect(url)?;
                let there = has_table(&mut writer, table)?;
                writer.close()?;
                there
            }
        };
        if let (Place::Csv(path), true) = (&self.place, there) {
            check_header(path)?;
        }
        if there { known::of_input(project, &self.input, &calendar.rule.zone) } else { Ok(Vec::new()) }
    }

    /// Adds holidays to those that are there: all of them or none. A table or file that is not there is made.
    pub(super) fn add(&self, there: &[Holiday], holidays: &[Holiday]) -> Result<(), Failure> {
        match &self.place {
            Place::Csv(path) => {
                let mut all = [there, holidays].concat();
                all.sort_by_key(|one| one.day);
                write_csv(path, &all)
            }
            Place::Table { url, table, columns } => {
                let mut writer = SqlWriter::connect(url)?;
                if !has_table(&mut writer, table)? {
                    let dialect = writer.dialect();
                    let types = ["DATE NOT NULL PRIMARY KEY", "VARCHAR(200) NOT NULL", "VARCHAR(20) NOT NULL"];
                    let named = columns.iter().zip(types).filter_map(|(name, kind)| Some((name.as_ref()?, kind)));
                    let columns: Vec<String> =
                        named.map(|(name, kind)| format!("{} {kind}", dialect.name(name))).collect();
                    writer.run(&format!("CREATE TABLE {} ({})", dialect.table(table), columns.join(", ")))?;
                }
                let names: Vec<&str> = columns.iter().flatten().map(String::as_str).collect();
                let mut rows = Vec::new();
                for one in holidays {
                    let text = |text: &str| Value::Text { text: text.to_owned(), untyped: false };
                    let cells = [date_value(one.day)?, text(&one.name), text(one.kind.name())];
                    rows.push(columns.iter().zip(cells).filter(|(name, _)| name.is_some()).map(|(_, v)| v).collect());
                }
                let inserted = writer.insert(table, &names, &mut rows.into_iter(), &mut |_| {});
                inserted.map_err(|error| {
                    Failure::from(error).hint("nothing was added; run it again if somebody else was adding at the time")
                })?;
                Ok(writer.close()?)
            }
        }
    }

    /// Removes the temporary holiday of a day.
    pub(super) fn remove(&self, there: &[Holiday], day: Date) -> Result<(), Failure> {
        match &self.place {
            Place::Csv(path) => {
                let kept: Vec<Holiday> = there.iter().filter(|one| one.day != day).cloned().collect();
                write_csv(path, &kept)
            }
            Place::Table { url, table, columns } => {
                let [Some(day_column), _, Some(kind_column)] = columns else {
                    return Err(Failure::usage(format!("{} does not tell temporary holidays from others", self.label)));
                };
                let mut writer = SqlWriter::connect(url)?;
                let dialect = writer.dialect();
                let sql = format!(
                    "DELETE FROM {} WHERE {} = {} AND LOWER({}) = {}",
                    dialect.table(table),
                    dialect.name(day_column),
                    dialect.key_literal(&date_value(day)?)?,
                    dialect.name(kind_column),
                    dialect.text(HolidayKind::Temporary.name())
                );
                writer.run(&sql)?;
                Ok(writer.close()?)
            }
        }
    }
}

/// What of an input can be changed: a whole table, or a whole CSV file.
fn place(project: &Project, input: &Input) -> Result<Option<Place>, Failure> {
    let What::Table(name) = &input.what else { return Ok(None) };
    if input.filter.is_some() || input.unwind.is_some() {
        return Ok(None);
    }
    let store = project.store(&input.store)?;
    let url = store.url.expose();
    Ok(match store.kind {
        StoreKind::MySql | StoreKind::Postgres | StoreKind::Sqlite => {
            let column = |name: &str| match input.fields.is_empty() {
                true => Some(name.to_owned()),
                false => input.fields.iter().find(|field| field.name == name).map(|field| field.path.clone()),
            };
            let day = column("day").or_else(|| column("date"));
            let columns = [day, column("name"), column("kind")];
            columns[0].is_some().then(|| Place::Table { url: url.to_owned(), table: name.clone(), columns })
        }
        StoreKind::Files if input.fields.is_empty() && name.to_ascii_lowercase().ends_with(".csv") => {
            let folder = url.strip_prefix("file:").map_or(url, |path| path.strip_prefix("//").unwrap_or(path));
            Some(Place::Csv(Path::new(folder).join(name)))
        }
        StoreKind::Files | StoreKind::MongoDb => None,
    })
}

/// A table named with its schema is taken to be there: the store says so if it is not.
fn has_table(writer: &mut SqlWriter, table: &str) -> Result<bool, StoreError> {
    if table.contains('.') { Ok(true) } else { writer.has_table(table) }
}

fn date_value(day: Date) -> Result<Value, Failure> {
    let days = parse_date(&day.to_string());
    days.map(Value::Date).ok_or_else(|| Failure::usage(format!("{day} cannot be stored")))
}

/// A file with other columns would lose them.
fn check_header(path: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::incomplete(format!("cannot read {}: {error}", path.display())))?;
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default().trim();
    if first.eq_ignore_ascii_case(HEADER) {
        return Ok(());
    }
    Err(Failure::usage(format!("{} begins with `{first}`: it is not changed here", path.display()))
        .hint(format!("a file that recon changes has the header `{HEADER}` and nothing else")))
}

fn write_csv(path: &Path, holidays: &[Holiday]) -> Result<(), Failure> {
    use std::io::Write;
    let rights = std::fs::metadata(path).ok().map(|meta| meta.permissions());
    let failed = |error: std::io::Error| {
        StoreError::failed(format!("{} could not be written: {error}", path.display()))
            .hint("check the folder, its rights and the free space")
    };
    whole_file(path, |out| {
        writeln!(out, "{HEADER}").map_err(failed)?;
        for one in holidays {
            writeln!(out, "{},{},{}", one.day, field(&one.name), one.kind.name()).map_err(failed)?;
        }
        Ok(())
    })?;
    if let Some(rights) = rights {
        std::fs::set_permissions(path, rights).map_err(failed)?;
    }
    Ok(())
}

/// A field of a CSV file; an empty name is empty text.
fn field(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']) && text.trim() == text;
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

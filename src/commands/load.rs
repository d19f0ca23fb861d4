//! `recon load`: puts a worked settlement's data into the stores of a project, in bulk, with progress on stderr.

use std::path::PathBuf;

use crate::cli::{Global, LoadArgs, ScaleArgs};
use crate::config::{Project, Store, StoreKind};
use crate::domain::Amount;
use crate::examples::{DataFile, Example, Kind, Scale};
use crate::exit::Exit;
use crate::report::count;
use crate::stores::bulk::{ParquetColumn, ParquetKind, SqlWriter, write_collection, write_ndjson, write_parquet};

use super::Failure;
use super::progress::Bar;

/// What was put where.
pub(super) struct Loaded {
    /// Store and table, collection or file.
    pub place: String,
    /// Records.
    pub records: u64,
}

/// Runs the command.
///
/// # Errors
/// The project has no such stores, what is there already is not to be replaced, or a store cannot be written.
pub fn run(global: &Global, args: &LoadArgs) -> Result<Exit, Failure> {
    let example = super::demo::example(args.example);
    if !global.config.exists() {
        return Err(Failure::usage(format!("there is no project file {}", global.config.display()))
            .hint(format!("`recon demo {} --keep DIR` writes one; or name it with `--config FILE`", example.name())));
    }
    let project = Project::load(&global.config, global.profile.as_deref(), &|name| std::env::var(name).ok())?;
    // Its tables have everyday names: into the stores of another project they must not be put by mistake.
    if let Some(missing) = example.reconciliations().iter().find(|name| project.reconciliation(name).is_err()) {
        return Err(Failure::usage(format!(
            "{} is not the project of `{}`: it has no reconciliation `{missing}`",
            global.config.display(),
            example.name()
        ))
        .hint(format!("`recon demo {} --keep DIR` writes that project", example.name())));
    }
    let scale = scale(example, &args.scale)?;
    let loaded = put(example, scale, &project, args.replace, global.quiet)?;
    let width = loaded.iter().map(|one| one.place.len()).max().unwrap_or(0);
    let lines: Vec<String> =
        loaded.iter().map(|one| format!("{:width$}  {:>12}", one.place, count(one.records))).collect();
    super::print_lines(&lines);
    let planted = example.planted(scale);
    let planted = example.reconciliations().iter().map(|name| {
        let discrepancies = planted.iter().filter(|planted| planted.reconciliation == *name).count();
        format!("planted {name}: {} discrepancies", count(discrepancies as u64))
    });
    super::print_lines(&planted.collect::<Vec<_>>());
    let params = example.params().iter().map(|(name, value)| format!(" --param {name}={value}")).collect::<String>();
    let profile = global.profile.as_ref().map(|name| format!(" --profile {name}")).unwrap_or_default();
    let next = example.reconciliations().iter().map(|name| format!("next: recon{profile} diff {name}{params}"));
    super::print_lines(&next.collect::<Vec<_>>());
    Ok(Exit::Success)
}

/// The size of an example, as it is said on the command line.
///
/// # Errors
/// A share of faults that is none.
pub(super) fn scale(example: &dyn Example, args: &ScaleArgs) -> Result<Scale, Failure> {
    let faults = match &args.faults {
        None => 0,
        Some(text) => share(text)?,
    };
    Ok(Scale {
        records: args.records.unwrap_or(example.default_records()),
        seed: args.seed,
        faults,
        quirks: !args.no_quirks,
    })
}

/// `0.1%`, or `0.001`, in millionths.
fn share(text: &str) -> Result<u32, Failure> {
    let wrong = || {
        Failure::usage(format!("`--faults {text}` is no share of records"))
            .hint("write a percentage such as 0.1%, or a share such as 0.001; at most six digits behind the point")
    };
    let (digits, scale) = match text.strip_suffix('%') {
        Some(digits) => (digits, 4),
        None => (text, 6),
    };
    let amount = Amount::parse(digits).map_err(|_| wrong())?;
    let (coefficient, own) = amount.small().ok_or_else(wrong)?;
    let ten = crate::domain::power_of_ten(scale - own).ok_or_else(wrong)?;
    let millionths = coefficient.checked_mul(ten).and_then(|n| u32::try_from(n).ok());
    millionths.filter(|n| *n <= 1_000_000).ok_or_else(wrong)
}

/// Puts an example's data into the project's stores `core`, `docs` and `lake`.
///
/// # Errors
/// As [`run`]. A table, collection or file is there as a whole or not at all.
pub(super) fn put(
    example: &dyn Example,
    scale: Scale,
    project: &Project,
    replace: bool,
    quiet: bool,
) -> Result<Vec<Loaded>, Failure> {
    let mut loaded = Vec::new();
    let tables = example.tables(scale);
    check(example, scale, project, replace)?;
    if !tables.is_empty() {
        let store = project.store("core")?;
        let mut writer = SqlWriter::connect(store.url.expose())?;
        let dialect = writer.dialect();
        for table in &tables {
            if writer.has_table(table.name)? && !replace {
                return Err(there_already(&format!("the table `{}` in store `core`", table.name)));
            }
        }
        for table in &tables {
            writer.run(&format!("DROP TABLE IF EXISTS {}", dialect.name(table.name)))?;
            writer.run(&table.create(dialect))?;
            let place = format!("core {}", table.name);
            let bar = Bar::new(&place, quiet);
            let columns: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
            let stored = |row: Vec<_>| {
                row.into_iter().zip(table.columns).map(|(value, column)| column.stored(dialect, value)).collect()
            };
            let inserted =
                writer.insert(table.name, &columns, &mut table.rows().map(stored), &mut |count| bar.at(count));
            let records = match inserted {
                Ok(records) => records,
                Err(error) => {
                    // An empty table must not look like a loaded one.
                    let _ = writer.run(&format!("DROP TABLE {}", dialect.name(table.name)));
                    return Err(error.into());
                }
            };
            for index in table.create_indexes(dialect) {
                writer.run(&index)?;
            }
            loaded.push(Loaded { place, records });
        }
        writer.close()?;
    }
    for collection in example.collections(scale) {
        let store = project.store("docs")?;
        let place = format!("docs {}", collection.name);
        let bar = Bar::new(&place, quiet);
        let mut written = |count| bar.at(count);
        let records = match store.kind {
            StoreKind::MongoDb => write_collection(
                store.url.expose(),
                collection.name,
                replace,
                &mut collection.documents(),
                &mut written,
            )?,
            StoreKind::Files => {
                let path = file(store, collection.name, "ndjson");
                write_ndjson(&path, &mut collection.documents(), &mut written)?
            }
            _ => return Err(Failure::usage("the store `docs` must be MongoDB or a folder of files")),
        };
        loaded.push(Loaded { place, records });
    }
    for data in example.files(scale) {
        let store = project.store("lake")?;
        let place = format!("lake {}", data.name);
        let bar = Bar::new(&place, quiet);
        let path = file(store, data.name, "parquet");
        let records = write_parquet(&path, &columns(&data), &mut data.rows(), &mut |count| bar.at(count))?;
        loaded.push(Loaded { place, records });
    }
    Ok(loaded)
}

fn columns(data: &DataFile) -> Vec<ParquetColumn> {
    let column = |column: &crate::examples::Column| ParquetColumn {
        name: column.name.to_owned(),
        kind: match column.kind {
            Kind::Integer => ParquetKind::Integer,
            Kind::Decimal { digits, scale } => ParquetKind::Decimal { digits, scale },
            Kind::Text(_) => ParquetKind::Text,
            Kind::Date => ParquetKind::Date,
            Kind::Instant => ParquetKind::Instant,
        },
    };
    data.columns.iter().map(column).collect()
}

/// Looks at every place before the first is written.
fn check(example: &dyn Example, scale: Scale, project: &Project, replace: bool) -> Result<(), Failure> {
    let free = |path: PathBuf| match path.exists() && !replace {
        true => Err(there_already(&format!("the file {}", path.display()))),
        false => Ok(()),
    };
    if !example.tables(scale).is_empty() {
        project.store("core")?;
    }
    for collection in example.collections(scale) {
        let store = project.store("docs")?;
        match store.kind {
            StoreKind::MongoDb => {}
            StoreKind::Files => free(file(store, collection.name, "ndjson"))?,
            _ => return Err(Failure::usage("the store `docs` must be MongoDB or a folder of files")),
        }
    }
    for data in example.files(scale) {
        let store = project.store("lake")?;
        if store.kind != StoreKind::Files {
            return Err(Failure::usage("the store `lake` must be a folder of files"));
        }
        free(file(store, data.name, "parquet"))?;
    }
    Ok(())
}

fn file(store: &Store, name: &str, ending: &str) -> PathBuf {
    let url = store.url.expose();
    let folder = url.strip_prefix("file:").map_or(url, |path| path.strip_prefix("//").unwrap_or(path));
    PathBuf::from(folder).join(format!("{name}.{ending}"))
}

fn there_already(what: &str) -> Failure {
    Failure::usage(format!("{what} is there already")).hint("`--replace` replaces it; nothing was changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_faults() {
        for (text, millionths) in [("0.1%", 1_000), ("0.001", 1_000), ("0", 0), ("1", 1_000_000), ("100%", 1_000_000)] {
            assert_eq!(share(text).ok(), Some(millionths), "{text}");
        }
        for text in ["", "x", "-1%", "101%", "0.0000001", "1e9"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}

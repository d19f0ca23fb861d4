//! File stores through their public face: real files, `Source`, and the channel that the merge reads from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod csv_files;
mod parquet_files;
mod sorting;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use recon::domain::{Batch, Cell, Filter, Rules, Value};
use recon::stores::{
    ErrorClass, Fix, KeyRange, Opened, Progress, ReadEnd, ReadRequest, Received, Settings, Source, StoreError, Wanted,
    Wish, channel,
};
use tempfile::TempDir;

/// A folder with one file.
struct Made {
    _folder: TempDir,
    path: PathBuf,
}

fn file(name: &str, content: impl AsRef<[u8]>) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    Made { _folder: folder, path }
}

fn request(columns: &[&str]) -> ReadRequest {
    let wanted = |name: &&str| Wanted { name: (*name).to_owned(), fix: None };
    ReadRequest {
        columns: columns.iter().map(wanted).collect(),
        key: 1,
        filter: None,
        range: KeyRange::default(),
        keys: None,
        fresh: false,
        natural: false,
    }
}

/// What a source sent: every cell as text, and how it ended.
struct Sent {
    rows: Vec<Vec<String>>,
    end: Result<ReadEnd, StoreError>,
}

fn open(source: &mut dyn Source) -> Result<Opened, StoreError> {
    source.open(&Wish::default())
}

fn read(source: &mut dyn Source, request: &ReadRequest) -> Sent {
    read_sorted(source, request, None)
}

fn read_sorted(source: &mut dyn Source, request: &ReadRequest, sort_memory: Option<usize>) -> Sent {
    let (mut outlet, received, give_back) =
        channel(request, &Rules::default(), Arc::new(Progress::default()), request.filter.as_ref(), sort_memory);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let end = source.read(request, &mut outlet);
            outlet.finish(end);
        });
        let mut rows = Vec::new();
        loop {
            match received.recv().unwrap() {
                Received::Batch(batch) => {
                    rows.extend((0..batch.rows()).map(|row| show_row(&batch, row)));
                    let _ = give_back.send(batch);
                }
                Received::End(end) => return Sent { rows, end },
            }
        }
    })
}

fn show_row(batch: &Batch, row: usize) -> Vec<String> {
    (0..batch.width()).map(|column| show(batch, row, column)).collect()
}

/// Kind and exact value of a cell.
fn show(batch: &Batch, row: usize, column: usize) -> String {
    let at = batch.at(row, column);
    let value = Value::of(at);
    match at.cell {
        Cell::Null => "NULL".into(),
        Cell::Absent => "absent".into(),
        Cell::Number { form, .. } | Cell::Wide { form, .. } => format!("{form:?} {value}"),
        Cell::Untyped(_) => format!("Untyped `{value}`"),
        Cell::Text(_) => format!("Text `{value}`"),
        Cell::Json(text) => format!("Json {}", at.text(text)),
        Cell::Instant { digits, .. } => format!("Instant/{digits} {value}"),
        Cell::Time { digits, .. } => format!("Time/{digits} {value}"),
        Cell::Unknown(reason) => format!("Unknown: {}", at.text(reason)),
        Cell::Bson { .. } => format!("Bson {value}"),
        _ => format!("{} {value}", value.type_name()),
    }
}

fn strings(rows: &[&[&str]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
}

/// Opens and reads; everything must go well.
fn all(source: &mut dyn Source, columns: &[&str]) -> Vec<Vec<String>> {
    open(source).unwrap();
    let sent = read(source, &request(columns));
    sent.end.unwrap();
    sent.rows
}

#[track_caller]
fn assert_error<T: std::fmt::Debug>(result: Result<T, StoreError>, class: ErrorClass, parts: &[&str]) {
    let error = result.expect_err("must be refused");
    assert_eq!(error.class, class, "{error}");
    let all = format!("{} {}", error.what, error.hint.clone().unwrap_or_default());
    parts.iter().for_each(|part| assert!(all.contains(part), "`{part}` is missing in: {all}"));
    assert!(error.hint.is_some(), "no next step: {error}");
}

/// Every file source at `path`.
fn sources(csv: &Path, parquet: &Path) -> Vec<Box<dyn Source>> {
    vec![
        Box::new(recon::stores::csv::CsvSource::new(csv.to_owned(), Settings::default())),
        Box::new(recon::stores::parquet::ParquetSource::new(parquet.to_owned(), Settings::default())),
    ]
}

#[test]
fn a_missing_column_is_refused_with_the_columns_there_are() {
    let csv = file("a.csv", "id,net\n1,2\n");
    let parquet = parquet_files::two_columns();
    for mut source in sources(&csv.path, &parquet.path) {
        let opened = open(source.as_mut()).unwrap();
        assert!(opened.fixed_columns && !opened.ordered && !opened.filters && !opened.seeks);
        assert_eq!(opened.snapshot.how, "file");
        assert!(opened.snapshot.taken_at.is_some_and(|nanos| nanos > 1_700_000_000_000_000_000));
        let sent = read(source.as_mut(), &request(&["id", "gross"]));
        assert!(sent.rows.is_empty());
        assert_error(sent.end, ErrorClass::Usage, &["no column `gross`", "id, net"]);
    }
}

#[test]
fn a_missing_file_a_folder_and_a_pipe_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    for mut source in sources(&folder.path().join("no.csv"), &folder.path().join("no.parquet")) {
        assert_error(open(source.as_mut()), ErrorClass::Usage, &["there is no file", "no."]);
    }
    for mut source in sources(folder.path(), folder.path()) {
        assert_error(open(source.as_mut()), ErrorClass::Usage, &["is a folder"]);
    }
    for mut source in sources(Path::new("/dev/null"), Path::new("/dev/null")) {
        assert_error(open(source.as_mut()), ErrorClass::Usage, &["not a regular file"]);
    }
}

#[test]
fn a_file_that_changed_since_it_was_opened_is_an_error_unless_read_afresh() {
    let csv = file("a.csv", "id,net\n1,2\n");
    let parquet = parquet_files::two_columns();
    for mut source in sources(&csv.path, &parquet.path) {
        open(source.as_mut()).unwrap();
        for path in [&csv.path, &parquet.path] {
            let at = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
            std::fs::File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
        }
        let sent = read(source.as_mut(), &request(&["id"]));
        assert_error(sent.end, ErrorClass::Failed, &["changed while it was read"]);
        let fresh = ReadRequest { fresh: true, ..request(&["id"]) };
        assert_eq!(read(source.as_mut(), &fresh).rows.len(), 1);
        assert_eq!(read(source.as_mut(), &request(&["id"])).rows.len(), 1, "the fresh state is the new one");
    }
}

#[test]
fn filters_and_conversions_reach_every_record() {
    let csv = file("a.csv", "id,net\n1,2\n2,3\n3,4\n4,\n5,6\n");
    let parquet = parquet_files::five_rows();
    for mut source in sources(&csv.path, &parquet.path) {
        open(source.as_mut()).unwrap();
        let mut request = request(&["id", "net"]);
        request.filter = Some(Filter::parse("net >= 3").unwrap());
        request.columns[0].fix = Some(Fix::KeyText);
        let sent = read(source.as_mut(), &request);
        sent.end.unwrap();
        let ids: Vec<&str> = sent.rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(ids, ["Text `2`", "Text `3`", "Text `5`"]);
    }
}

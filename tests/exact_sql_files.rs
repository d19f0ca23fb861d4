//! Over Parquet: only needed columns are read, the streaming engine runs the kernels, nothing holds all rows.

mod exact_tables;
mod sides;

use std::fs::File;

use exact_tables::decimal;
use polars::prelude::*;
use recon::path::exact::{TableSchema, compile};

/// Resident memory of this process at its peak, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: 0 kB");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[test]
fn parquet_is_read_in_streams() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plays.parquet");
    let rows: i64 = std::env::var("EXACT_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(200_000);
    // Written in slices, so that writing is not what takes the memory.
    let slice = 100_000.min(rows);
    let columns = |from: i64| {
        let ids: Vec<i64> = (from..from + slice).collect();
        let amounts: Vec<Option<i128>> = ids.iter().map(|i| Some(i128::from(i * 7919 % 1_000_000))).collect();
        vec![
            Column::new("track".into(), ids.iter().map(|i| i % 1000).collect::<Vec<_>>()),
            Column::new("seconds".into(), ids.iter().map(|i| i % 240).collect::<Vec<_>>()),
            Column::new("memo".into(), ids.iter().map(|i| format!("a text that nobody needs {i}")).collect::<Vec<_>>()),
            decimal("amount", 18, 4, &amounts),
        ]
    };
    let first = DataFrame::new(slice as usize, columns(0)).expect("a frame");
    let schema = TableSchema::of("plays", first.schema());
    let mut writer =
        ParquetWriter::new(File::create(&path).expect("a file")).batched(first.schema()).expect("a writer");
    let mut expected = 0i128;
    for from in (0..rows).step_by(slice as usize) {
        let frame = DataFrame::new(slice as usize, columns(from)).expect("a frame");
        writer.write_batch(&frame).expect("written");
        for i in (from..from + slice).filter(|i| i % 240 >= 60) {
            expected += i128::from(i * 7919 % 1_000_000) * 154;
        }
    }
    writer.finish().expect("finished");

    let sql = "SELECT SUM(line) AS total, COUNT(*) AS tracks FROM (
                 SELECT track, SUM(amount * 0.0154) AS line FROM plays WHERE seconds >= 60 GROUP BY track) AS t";
    let program = compile(sql, &[], &[schema]).expect("exact");
    assert_eq!(program.needed(), [("plays".to_owned(), vec!["track".into(), "seconds".into(), "amount".into()])]);
    let before = peak();
    let started = std::time::Instant::now();
    let path = PlRefPath::new(path.to_str().expect("a plain path"));
    let scan = LazyFrame::scan_parquet(path, ScanArgsParquet::default()).expect("a scan");
    let result = program.run(vec![("plays".into(), scan)]).expect("a result");
    eprintln!("{rows} rows: {:?}, peak {} KiB before, {} KiB after", started.elapsed(), before, peak());
    let total = result.column("total").and_then(|c| c.get(0)).expect("a total");
    assert_eq!(total, AnyValue::Decimal(expected, 38, 8));
    assert_eq!(result.column("tracks").and_then(|c| c.get(0)).expect("a count"), AnyValue::Int64(1000));
}

/// A file that is written to between its being hashed and its being computed from is neither what the report names nor
/// what it was: there is no result.
#[test]
fn a_file_that_changes_before_it_is_computed_from_gives_no_result() {
    use recon::path::{Context, build};
    use recon::stores::{Settings, Wish};

    let folder = tempfile::tempdir().expect("a folder");
    let write = |amount: i64| {
        let columns = vec![Column::new("id".into(), vec![1_i64, 2]), Column::new("net".into(), vec![amount, 7])];
        let mut frame = DataFrame::new(2, columns).expect("a frame");
        let file = File::create(folder.path().join("plays.parquet")).expect("a file");
        ParquetWriter::new(file).finish(&mut frame).expect("written");
    };
    write(5);
    let project = "[stores.lake]\nurl = \"file:.\"\n[reconciliation.r]\nkey = [\"id\"]\n[reconciliation.r.legacy]\nstore = \"lake\"\n\
                   file = \"plays.parquet\"\n[reconciliation.r.candidate]\nsql = \"all.sql\"\n[reconciliation.r.candidate.inputs.t]\n\
                   store = \"lake\"\nfile = \"plays.parquet\"\n";
    std::fs::write(folder.path().join("recon.toml"), project).expect("written");
    std::fs::write(folder.path().join("all.sql"), "SELECT id, net FROM t\n").expect("written");
    let project = recon::config::Project::load(&folder.path().join("recon.toml"), None, &|_| None).expect("a project");
    let settings = Settings::default();
    let source = || {
        let key = vec!["id".to_owned()];
        let context = Context {
            project: &project,
            params: &[],
            settings: &settings,
            key,
            memory: 1 << 20,
            partitions: None,
            only: None,
            keep: None,
        };
        let path = build(&project.reconciliation("r").expect("there").candidate, &context).expect("a path");
        let mut source = (path.make)().expect("a source");
        source.open(&Wish::default()).expect("opens");
        source
    };
    let wanted = sides::request(&["id", "net"], 1);
    assert_eq!(sides::shown(&sides::read(source().as_mut(), &wanted).expect("reads")), ["1|5", "2|7"]);
    let mut changed = source();
    write(1_000_005);
    let error = sides::read(changed.as_mut(), &wanted).expect_err("no result");
    assert!(error.what.contains("plays.parquet") && error.what.contains("changed while it was read"), "{error}");
}

//! CSV and TSV files.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use recon::stores::csv::CsvSource;
use recon::stores::{ColumnKind, CsvSettings, ErrorClass, Settings};

use super::*;

fn source(made: &Made) -> CsvSource {
    CsvSource::new(made.path.clone(), Settings::default())
}

fn source_with(made: &Made, delimiter: Option<u8>, header: bool, null_text: Option<&str>) -> CsvSource {
    let csv = CsvSettings { delimiter, header, null_text: null_text.map(str::to_owned) };
    CsvSource::new(made.path.clone(), Settings { csv, ..Settings::default() })
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

#[test]
fn fields_are_null_text_or_exact_numbers() {
    let text = "id,v\n1,\n2,\"\"\n3,\"10.50\"\n4,-0\n5,007\n6, 1\n7,1e3\n8,NULL\n9,\"NULL\"\n\
                10,12345678901234567890123456789012345678901234567890.01\n11,\"a,\"\"b\"\"\nc\"\n12,é\n";
    let made = file("a.csv", text);
    let expected = [
        "NULL",
        "Text ``",
        "Untyped 10.50",
        "Untyped -0",
        "Untyped `007`",
        "Untyped ` 1`",
        "Untyped `1e3`",
        "NULL",
        "Untyped `NULL`",
        "Untyped 12345678901234567890123456789012345678901234567890.01",
        "Untyped `a,\"b\"\nc`",
        "Untyped `é`",
    ];
    let rows = all(&mut source_with(&made, None, true, Some("NULL")), &["id", "v"]);
    assert_eq!(rows.iter().map(|r| r[1].as_str()).collect::<Vec<_>>(), expected);
    assert_eq!(
        rows.iter().map(|r| r[0].clone()).collect::<Vec<_>>(),
        (1..=12).map(|n| format!("Untyped {n}")).collect::<Vec<_>>()
    );
    let without_null_text = all(&mut source(&made), &["v"]);
    assert_eq!(without_null_text[7], ["Untyped `NULL`"]);
}

#[test]
fn columns_come_in_the_order_asked_for() {
    let made = file("a.csv", "a,b,c\n1,2,3\n");
    assert_eq!(all(&mut source(&made), &["c", "a", "c"]), strings(&[&["Untyped 3", "Untyped 1", "Untyped 3"]]));
}

#[test]
fn delimiter_header_bom_and_crlf() {
    let crlf = file("a.csv", "\u{feff}\"id\",net\r\n1,2\r\n\r\n3,\r\n");
    let expected = strings(&[&["Untyped 1", "Untyped 2"], &["Untyped 3", "NULL"]]);
    assert_eq!(all(&mut source(&crlf), &["id", "net"]), expected);
    let tsv = file("a.tsv", "id\tnet\n1\t2\n3\t\n");
    assert_eq!(all(&mut source(&tsv), &["id", "net"]), expected);
    let semicolons = file("a.csv", "id;net\n1;2\n3;\n");
    assert_eq!(all(&mut source_with(&semicolons, Some(b';'), true, None), &["id", "net"]), expected);
    let bare = file("a.csv", "1,2\n3,\n");
    let mut bare = source_with(&bare, None, false, None);
    let opened = open(&mut bare).unwrap();
    assert_eq!(opened.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["column1", "column2"]);
    assert!(opened.columns.iter().all(|c| c.kind == ColumnKind::Untyped));
    assert_eq!(all(&mut bare, &["column1", "column2"]), expected);
    let quote = file("a.csv", "id\n1\n");
    let mut quote = source_with(&quote, Some(b'"'), true, None);
    assert_error(open(&mut quote), ErrorClass::Usage, &["cannot be the delimiter"]);
}

#[test]
fn a_blank_line_of_a_one_column_file_is_a_record() {
    let made = file("a.csv", "id\n1\n\n2\n");
    assert_eq!(all(&mut source(&made), &["id"]), strings(&[&["Untyped 1"], &["NULL"], &["Untyped 2"]]));
}

#[test]
fn a_header_alone_is_no_records_and_an_empty_file_an_error() {
    assert!(all(&mut source(&file("a.csv", "id,net\n")), &["id"]).is_empty());
    for text in ["", "\u{feff}", "\n\n", "\r\n"] {
        let made = file("a.csv", text);
        assert_error(open(&mut source(&made)), ErrorClass::Failed, &["is empty", "a.csv"]);
    }
}

#[test]
fn a_header_that_names_no_column_or_one_twice_is_refused() {
    for (text, part) in [("id,net,id\n", "named `id`"), ("id,,net\n", "column 2 has no name"), ("\"\"\n", "column 1")] {
        let made = file("a.csv", text);
        assert_error(open(&mut source(&made)), ErrorClass::Usage, &[part, "line 1"]);
    }
    let made = file("a.csv", b"id,n\xff\n1,2\n");
    assert_error(open(&mut source(&made)), ErrorClass::Failed, &["invalid UTF-8 in the header", "line 1"]);
    let made = file("a.csv", "id,net\r1,2\r");
    assert_error(open(&mut source(&made)), ErrorClass::Failed, &["CR alone"]);
    let made = file("a.csv", b"\xff\xfei\0d\0");
    assert_error(open(&mut source(&made)), ErrorClass::Failed, &["UTF-16"]);
}

#[test]
fn what_is_wrong_in_the_middle_fails_after_the_records_before_it() {
    let cases: [(&str, &[&str]); 6] = [
        ("id,net\n1,\"x\ny\"\n2\n3,4\n", &["line 4", "found 1 field, expected 2"]),
        ("id,net\n1,2\n2,3,4\n", &["line 3", "found 3 fields, expected 2"]),
        ("id,net\n1,2\n\n2,\"3\n", &["line 4", "never closed"]),
        ("id,net\n1,2\n2,\"3\"4\n", &["line 3", "closing quote"]),
        ("id,net\n1,2\n2,3\"4\"\n", &["line 3", "quote inside"]),
        ("id,net\n1,2\n2", &["line 3", "cut short"]),
    ];
    for (text, parts) in cases {
        let made = file("a.csv", text);
        let mut source = source(&made);
        open(&mut source).unwrap();
        let sent = read(&mut source, &request(&["id"]));
        assert_eq!(sent.rows, strings(&[&["Untyped 1"]]), "{text:?}");
        assert_error(sent.end, ErrorClass::Failed, parts);
    }
}

#[test]
fn invalid_utf8_makes_only_its_own_value_unknown() {
    let made = file("a.csv", b"id,a,b\n1,\"x\ny\xe9\",\"z\"\"\"\n2,c,d\n");
    let rows = all(&mut source(&made), &["id", "a", "b"]);
    assert_eq!(rows[0][0], "Untyped 1");
    assert_eq!(rows[0][1], "Unknown: line 3: invalid UTF-8 in `x\\ny\\xe9`");
    assert_eq!(rows[0][2], "Untyped `z\"`");
    assert_eq!(rows[1], ["Untyped 2", "Untyped `c`", "Untyped `d`"]);
}

#[test]
fn gzip_is_read_and_a_cut_stream_is_an_error() {
    let text: String = std::iter::once("id,net\n".to_owned())
        .chain((0..20_000).map(|n| format!("{n},{}.{:02}\n", n * 7919 % 100_003, n % 97)))
        .collect();
    let packed = gzip(text.as_bytes());
    // Two gzip members are one text.
    let (head, tail) = text.as_bytes().split_at(text.len() / 2);
    for content in [packed.clone(), [gzip(head), gzip(tail)].concat()] {
        let made = file("a.csv.gz", content);
        let mut source = source(&made);
        assert_eq!(open(&mut source).unwrap().estimated_records, None);
        assert_eq!(all(&mut source, &["id", "net"]).len(), 20_000);
    }
    for keep in [packed.len() - 1, packed.len() - 8, packed.len() / 2] {
        let made = file("a.csv.gz", &packed[..keep]);
        let mut source = source(&made);
        let end = open(&mut source).and_then(|_| read(&mut source, &request(&["id"])).end.map(|_| ()));
        assert_error(end, ErrorClass::Failed, &["gzip stream is damaged or cut short", "a.csv.gz"]);
    }
    let made = file("a.tsv.gz", gzip(b"id\tnet\n1\t2\n"));
    assert_eq!(all(&mut source(&made), &["net"]), strings(&[&["Untyped 2"]]));
    let made = file("a.csv.gz", text);
    assert_error(open(&mut source(&made)), ErrorClass::Failed, &["gzip"]);
}

#[test]
fn the_estimate_is_exact_for_small_files_and_close_for_large() {
    let text = |rows: usize| -> String {
        let line = |n| format!("{n:07},{}\n", "x".repeat(500));
        std::iter::once("id,net\n".to_owned()).chain((0..rows).map(line)).collect()
    };
    for rows in [0, 3, 999] {
        assert_eq!(open(&mut source(&file("a.csv", text(rows)))).unwrap().estimated_records, Some(rows as u64));
    }
    let estimated = open(&mut source(&file("a.csv", text(20_000)))).unwrap().estimated_records.unwrap();
    assert!((19_900..=20_100).contains(&estimated), "{estimated}");
}

#[test]
fn a_last_line_without_its_end_is_noticed() {
    assert!(open(&mut source(&file("a.csv", "id\n1\n"))).unwrap().notices.is_empty());
    let made = file("a.csv", "id\n1");
    assert!(open(&mut source(&made)).unwrap().notices[0].contains("cut short"));
    assert_eq!(all(&mut source(&made), &["id"]), strings(&[&["Untyped 1"]]));
}

#[test]
fn records_larger_than_any_buffer_are_read() {
    let long = "é\"\n".repeat(300_000);
    let made = file("a.csv", format!("id,v\n1,\"{}\"\n2,x\n", long.replace('"', "\"\"")));
    let rows = all(&mut source(&made), &["id", "v"]);
    assert_eq!(rows[0][1], format!("Untyped `{long}`"));
    assert_eq!(rows[1], ["Untyped 2", "Untyped `x`"]);
}

#[test]
fn a_reader_that_is_told_to_stop_stops() {
    let text: String = std::iter::once("id\n".to_owned()).chain((0..50_000).map(|n| format!("{n}\n"))).collect();
    let made = file("a.csv", text);
    let mut source = source(&made);
    open(&mut source).unwrap();
    let progress = Arc::new(Progress::default());
    progress.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let request = request(&["id"]);
    let (mut outlet, received, _give_back) =
        channel(&request, &Rules::default(), progress, request.filter.as_ref(), None);
    let end = source.read(&request, &mut outlet);
    assert_eq!(end.unwrap_err().class, ErrorClass::Stopped);
    drop(received);
}

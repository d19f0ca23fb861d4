//! Files of documents: mongodump BSON and JSON lines, whole, cut, damaged and hostile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod reading;

use std::io::Write;
use std::path::{Path, PathBuf};

use mongodb::bson::{Decimal128, Document, doc};
use reading::{kinds, read, request};
use recon::stores::bson_file::BsonSource;
use recon::stores::json_file::JsonSource;
use recon::stores::{ColumnKind, ErrorClass, Settings, Source, Wish};

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("writes");
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("writes");
    encoder.finish().expect("ends")
}

fn bson(path: &Path) -> BsonSource {
    BsonSource::new(path.to_path_buf(), Settings::default())
}

fn json(path: &Path) -> JsonSource {
    JsonSource::new(path.to_path_buf(), Settings::default())
}

fn payouts(count: i64) -> Vec<Document> {
    let net = |n: i64| format!("{n}.50").parse::<Decimal128>().expect("decimal");
    (0..count)
        .map(|n| match n % 3 {
            0 => doc! { "_id": n, "amount": { "net": net(n) }, "memo": "a" },
            1 => doc! { "memo": null, "_id": n, "amount": { "net": net(n) } },
            _ => doc! { "_id": n, "amount": {}, "extra": true },
        })
        .collect()
}

fn dump(documents: &[Document]) -> Vec<u8> {
    documents.iter().flat_map(|d| d.to_vec().expect("encodes")).collect()
}

#[test]
fn a_dump_is_read_plain_and_compressed() {
    let folder = tempfile::tempdir().expect("folder");
    let bytes = dump(&payouts(5_000));
    for (name, bytes) in [("p.bson", bytes.clone()), ("p.bson.gz", gzip(&bytes))] {
        let mut source = bson(&write(folder.path(), name, bytes));
        let opened = source.open(&Wish { paths: vec!["amount.net".into()] }).expect("opens");
        assert_eq!(
            kinds(&opened.columns),
            [
                ("_id", ColumnKind::Number),
                ("amount", ColumnKind::Document),
                ("memo", ColumnKind::Text),
                ("amount.net", ColumnKind::Number),
                ("extra", ColumnKind::Bool),
            ]
        );
        assert!(!opened.fixed_columns && !opened.ordered && !opened.filters && !opened.seeks);
        assert_eq!((opened.snapshot.how.as_str(), opened.snapshot.consistent), ("file", true));
        assert!(opened.snapshot.taken_at.expect("known") > 1_500_000_000_000_000_000);
        if name == "p.bson" {
            let estimate = opened.estimated_records.expect("from the length");
            assert!((4_500..5_500).contains(&estimate), "{estimate}");
        }
        let reading = read(&mut source, &request(&["_id", "amount.net", "memo"], 1));
        assert_eq!(reading.rows.len(), 5_000);
        assert_eq!(reading.texts()[..3], [["0", "0.50", "a"], ["1", "1.50", "NULL"], ["2", "(absent)", "(absent)"]]);
        assert_eq!(reading.others(), ["extra"]);
        let again = read(&mut source, &request(&["memo", "_id"], 1));
        assert_eq!(again.texts()[4_999], ["NULL", "4999"]);
    }
}

#[test]
fn a_dump_cut_anywhere_is_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let documents = payouts(4);
    let bytes = dump(&documents);
    let mut ends = vec![0];
    for document in &documents {
        ends.push(ends[ends.len() - 1] + document.to_vec().expect("encodes").len());
    }
    for cut in 0..=bytes.len() {
        let mut source = bson(&write(folder.path(), "cut.bson", &bytes[..cut]));
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        if let Err(error) = source.open(&Wish::default()) {
            assert!(whole == 0 && cut > 0 && error.class == ErrorClass::Failed, "{cut}: {error}");
            continue;
        }
        let reading = read(&mut source, &request(&["_id"], 1));
        assert_eq!(reading.rows.len(), whole, "what lies before the cut at {cut} is there");
        if ends.contains(&cut) {
            assert!(reading.end.is_ok(), "cut at {cut} between documents");
            continue;
        }
        let error = reading.error();
        assert_eq!(error.class, ErrorClass::Failed);
        assert!(error.what.contains(&format!("ends at byte {cut},")), "{error}");
        assert!(error.what.contains(&format!("starts at byte {}, after {whole} whole", ends[whole])), "{error}");
    }
}

#[test]
fn a_compressed_dump_cut_anywhere_is_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let bytes = gzip(&dump(&payouts(4)));
    for cut in 0..bytes.len() {
        let mut source = bson(&write(folder.path(), "cut.bson.gz", &bytes[..cut]));
        let opened = source.open(&Wish::default());
        let error = match &opened {
            Ok(_) => read(&mut source, &request(&["_id"], 1)).error().clone(),
            Err(error) => error.clone(),
        };
        assert_eq!(error.class, ErrorClass::Failed, "cut at {cut}");
        assert!(error.what.contains("cut short"), "cut at {cut}: {error}");
    }
}

#[test]
fn what_is_no_dump_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    for bytes in [&b"{\"_id\":1}\n"[..], b"\x04\0\0\0\0", b"\xff\xff\xff\xff\0", b"\x00\x50\x00\x01\0"] {
        let error = bson(&write(folder.path(), "x.bson", bytes)).open(&Wish::default()).expect_err("refused");
        assert_eq!(error.class, ErrorClass::Failed);
        assert!(error.what.contains("byte 0, after 0 documents"), "{error}");
    }
    // The frame holds, the inside does not.
    let mut bytes = dump(&[doc! { "_id": 1 }, doc! { "_id": 2 }]);
    bytes[14 + 4] = 0x42;
    let mut source = bson(&write(folder.path(), "y.bson", &bytes));
    source.open(&Wish::default()).expect("the first is sound");
    let reading = read(&mut source, &request(&["_id"], 1));
    assert_eq!(reading.column(0), ["1"]);
    assert!(reading.error().what.contains("the document at byte 14, after 1 documents"), "{}", reading.error());
    let missing = bson(&folder.path().join("none.bson")).open(&Wish::default()).expect_err("missing");
    assert_eq!(missing.class, ErrorClass::Usage);
    let empty = bson(&write(folder.path(), "e.bson", b"")).open(&Wish::default()).expect("an empty collection");
    assert_eq!((empty.columns.len(), empty.estimated_records), (0, None));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let path = write(folder.path(), "p.bson", dump(&payouts(10)));
    let mut source = bson(&path);
    source.open(&Wish::default()).expect("opens");
    write(folder.path(), "p.bson", dump(&payouts(11)));
    let mut wanted = request(&["_id"], 1);
    assert!(read(&mut source, &wanted).error().what.contains("changed while it was read"));
    wanted.fresh = true;
    let fresh = read(&mut source, &wanted);
    assert_eq!((fresh.rows.len(), fresh.end.is_ok()), (11, true));
}

const LINES: &str = concat!(
    "\u{feff}{\"_id\":{\"$numberLong\":\"1\"},\"net\":12345678901234567.89,\"on\":{\"$date\":\"2026-11-05T00:00:00Z\"}}\n",
    "\n  \t\r\n",
    "{\"net\":{\"$numberDecimal\":\"1.50\"},\"_id\":2,\"memo\":\"a\\u00e9\",\"amount\":{\"fee\":0.10,\"due\":[{\"on\":7}]}}\r\n",
    "{\"_id\":3,\"net\":null,\"amount\":{\"fee\":null}}",
);

#[test]
fn lines_are_read_plain_and_compressed() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, bytes) in [("p.ndjson", LINES.as_bytes().to_vec()), ("p.jsonl.gz", gzip(LINES.as_bytes()))] {
        let mut source = json(&write(folder.path(), name, bytes));
        let opened = source.open(&Wish { paths: vec!["amount.fee".into(), "amount.due.0.on".into()] }).expect("opens");
        assert_eq!(
            kinds(&opened.columns),
            [
                ("_id", ColumnKind::Number),
                ("net", ColumnKind::Number),
                ("on", ColumnKind::Instant),
                ("memo", ColumnKind::Text),
                ("amount", ColumnKind::Document),
                ("amount.fee", ColumnKind::Number),
                ("amount.due.0.on", ColumnKind::Number),
            ]
        );
        assert!(!opened.fixed_columns && !opened.ordered && !opened.filters && !opened.seeks);
        let reading = read(&mut source, &request(&["_id", "net", "amount.fee", "amount.due.0.on", "on"], 1));
        assert_eq!(
            reading.texts(),
            [
                ["1", "12345678901234567.89", "(absent)", "(absent)", "2026-11-05T00:00:00Z"],
                ["2", "1.50", "0.10", "7", "(absent)"],
                ["3", "NULL", "NULL", "(absent)", "(absent)"],
            ]
        );
        assert_eq!(reading.others(), ["memo"]);
    }
}

#[test]
fn a_bad_line_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let good = "{\"_id\":1}\n\n";
    let cases: [(&[u8], &str); 8] = [
        (b"{\"_id\":2", ":3:8: EOF while parsing"),
        (b"{\"_id\":02}", ":3:9: invalid number"),
        (b"[1]\n", ":3:"),
        (b"7\n", ":3:"),
        (b"{\"_id\":2} {\"_id\":3}\n", ":3:11: trailing characters"),
        (b"{\"_id\":2,\"net\":1,\"net\":2}\n", "the field `net` stands twice in one object"),
        (b"{\"_id\":\"\xff\"}\n", ":3:9: the line is not valid UTF-8"),
        (b"{\"_id\":NaN}\n", ":3:"),
    ];
    for (bad, part) in cases {
        let mut source = json(&write(folder.path(), "bad.ndjson", [good.as_bytes(), bad].concat()));
        source.open(&Wish::default()).expect("the first line is sound");
        let reading = read(&mut source, &request(&["_id"], 1));
        assert_eq!(reading.column(0), ["1"], "what lies before is there");
        let error = reading.error();
        assert_eq!(error.class, ErrorClass::Failed);
        assert!(error.what.contains("bad.ndjson:3:") && error.what.contains(part), "{error} {part}");
        // As the first line.
        let error = json(&write(folder.path(), "first.ndjson", bad)).open(&Wish::default());
        assert!(error.is_err_and(|e| e.class == ErrorClass::Failed || e.what.contains("one JSON array")));
    }
}

#[test]
fn a_file_that_is_one_array_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().expect("folder");
    let error = json(&write(folder.path(), "a.json", "\u{feff} [\n{\"_id\":1}]")).open(&Wish::default());
    let error = error.expect_err("refused");
    assert_eq!(error.class, ErrorClass::Usage);
    assert!(error.what.contains("one JSON array") && error.hint.expect("hint").contains("jq -c"), "{}", error.what);
    let error = json(&write(folder.path(), "b.json", "{\n  \"_id\": 1\n}\n")).open(&Wish::default());
    assert!(error.expect_err("refused").hint.expect("hint").contains("jq -c"));
}

#[test]
fn compressed_lines_cut_short_are_an_error() {
    let folder = tempfile::tempdir().expect("folder");
    let text: String = (0..20_000).map(|n| format!("{{\"_id\":{n},\"net\":\"{}\"}}\n", n * 7919 % 10_007)).collect();
    let whole = gzip(text.as_bytes());
    let mut source = json(&write(folder.path(), "cut.ndjson.gz", &whole[..whole.len() / 2]));
    source.open(&Wish::default()).expect("the start is sound");
    let reading = read(&mut source, &request(&["_id"], 1));
    assert!(reading.rows.len() > 1_000 && reading.rows.len() < 20_000);
    assert!(reading.error().what.contains("cut short (after line"), "{}", reading.error());
}

#[test]
fn bson_and_json_of_the_same_documents_agree() {
    let folder = tempfile::tempdir().expect("folder");
    let decimals = ["9999999999999999999999999999999999", "-1E-6176", "1E+6111", "NaN", "-Infinity", "-0.00", "1.50"];
    let documents: Vec<Document> = decimals
        .iter()
        .zip(0i64..)
        .map(|(text, n)| doc! { "_id": n, "net": text.parse::<Decimal128>().expect("decimal") })
        .collect();
    let lines: String = decimals
        .iter()
        .zip(0..)
        .map(|(text, n)| format!("{{\"_id\":{{\"$numberLong\":\"{n}\"}},\"net\":{{\"$numberDecimal\":\"{text}\"}}}}\n"))
        .collect();
    let wanted = request(&["_id", "net"], 1);
    let mut dumped = bson(&write(folder.path(), "d.bson", dump(&documents)));
    let mut written = json(&write(folder.path(), "d.ndjson", lines));
    for source in [&mut dumped as &mut dyn Source, &mut written] {
        source.open(&Wish::default()).expect("opens");
        assert_eq!(read(source, &wanted).column(1), decimals);
    }
}

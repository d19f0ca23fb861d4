//! Picking columns out of documents.

use mongodb::bson::{Document, doc};

use super::*;
use crate::domain::Value;

fn wanted(names: &[&str]) -> Vec<Wanted> {
    names.iter().map(|name| Wanted { name: (*name).to_owned(), fix: None }).collect()
}

fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().expect("encodes")
}

fn rows(columns: &[&str], documents: &[Document]) -> (Vec<Vec<String>>, Vec<String>) {
    let columns = wanted(columns);
    let (mut bson, mut json) = (Picker::new(&columns), Picker::new(&columns));
    let (mut out, mut json_out) = (Batch::new(columns.len()), Batch::new(columns.len()));
    for document in documents {
        bson.bson(&bytes(document), &mut out).expect("sound");
        let text = document.to_string();
        json.json(&text, &mut json_out).expect("sound");
    }
    let shown = |batch: &Batch| -> Vec<Vec<String>> {
        let row = |row| (0..columns.len()).map(|at| Value::of(batch.at(row, at)).to_string()).collect();
        (0..batch.rows()).map(row).collect()
    };
    assert_eq!(shown(&out), shown(&json_out), "BSON and JSON of the same documents");
    let others = bson.into_end().other_fields;
    assert_eq!(others, json.into_end().other_fields);
    (shown(&out), others)
}

#[test]
fn fields_are_found_in_any_order() {
    let documents = [
        doc! { "_id": 1i64, "net": 5, "memo": "x" },
        doc! { "memo": "y", "_id": 2i64, "net": 6 },
        doc! { "_id": 3i64, "extra": true },
        doc! { "_id": 4i64, "net": null, "memo": "z" },
    ];
    let (rows, others) = rows(&["_id", "net"], &documents);
    assert_eq!(rows, [["1", "5"], ["2", "6"], ["3", "(absent)"], ["4", "NULL"]]);
    assert_eq!(others, ["memo", "extra"]);
}

#[test]
fn dotted_paths_are_looked_up() {
    let documents = [
        doc! { "_id": { "a": 1, "b": "x" }, "amount": { "net": 5, "fee": 1 }, "due": [{ "on": 7 }] },
        doc! { "amount": { "net": 6 }, "amount.net": 60, "_id": { "a": 2 }, "due": { "0": { "on": 8 } } },
        doc! { "amount.net": 61, "amount": { "net": 7 } },
        doc! { "amount": 5, "due": [] },
    ];
    let (rows, others) = rows(&["_id.a", "_id.b", "amount.net", "amount", "due.0.on"], &documents);
    assert_eq!(rows[0], ["1", "x", "5", "{\"net\":5,\"fee\":1}", "7"]);
    assert_eq!(rows[1], ["2", "(absent)", "60", "{\"net\":6}", "8"]);
    assert_eq!(rows[2][2], "61");
    assert_eq!(rows[3], ["(absent)", "(absent)", "(absent)", "5", "(absent)"]);
    assert!(others.is_empty(), "the start of a path was asked for: {others:?}");
}

#[test]
fn a_path_across_an_array_is_unknown_not_absent() {
    let (rows, _) = rows(&["due.on"], &[doc! { "due": [{ "on": 7 }] }]);
    assert!(rows[0][0].contains("name an item by its position"), "{rows:?}");
}

#[test]
fn a_field_that_stands_twice_is_unknown() {
    let mut document = bytes(&doc! { "a": 1, "b": 2, "x": { "c": 3 }, "y": 1 });
    document.iter_mut().for_each(|b| *b = if *b == b'b' { b'a' } else { *b });
    document.iter_mut().for_each(|b| *b = if *b == b'y' { b'x' } else { *b });
    let mut picker = Picker::new(&wanted(&["a", "x.c"]));
    let mut batch = Batch::new(2);
    picker.bson(&document, &mut batch).expect("sound");
    for column in 0..2 {
        let value = Value::of(batch.at(0, column)).to_string();
        assert!(value.contains("stands twice"), "{value}");
    }
}

#[test]
fn a_broken_document_leaves_no_row() {
    let mut document = bytes(&doc! { "a": 1, "b": "text" });
    let at = document.windows(4).position(|w| w == [5, 0, 0, 0]).expect("length");
    document[at] = 200;
    let mut batch = Batch::new(1);
    assert!(Picker::new(&wanted(&["a"])).bson(&document, &mut batch).is_err());
    assert_eq!(batch.rows(), 0);
}

#[test]
fn data_in_field_names_does_not_fill_the_memory() {
    let mut picker = Picker::new(&wanted(&["_id"]));
    let mut batch = Batch::new(1);
    for n in 0..5_000i64 {
        picker.bson(&bytes(&doc! { "_id": n, format!("f{n}"): 1 }), &mut batch).expect("sound");
    }
    assert_eq!(picker.fields.len(), 1 + OTHER_FIELDS);
    let end = picker.into_end();
    assert_eq!((end.other_fields.len(), end.other_fields_cut), (OTHER_FIELDS, true));
}

#[test]
fn a_sample_shows_columns_and_their_kinds() {
    let wish = Wish { paths: vec!["amount.net".into(), "amount.none".into(), "_id".into()] };
    let mut sample = Sample::new(&wish);
    for document in [
        doc! { "_id": 1i64, "amount": { "net": 5 }, "a": null, "when": mongodb::bson::DateTime::from_millis(0) },
        doc! { "_id": "x", "amount": { "net": 5.5 }, "a": null, "b": true, "when": null },
    ] {
        sample.bson(&bytes(&document)).expect("sound");
    }
    assert_eq!(sample.documents(), 2);
    let columns: Vec<(String, ColumnKind)> = sample.into_columns().into_iter().map(|c| (c.name, c.kind)).collect();
    let expected = [
        ("_id", ColumnKind::Mixed),
        ("amount", ColumnKind::Document),
        ("a", ColumnKind::Mixed),
        ("when", ColumnKind::Instant),
        ("amount.net", ColumnKind::Number),
        ("b", ColumnKind::Bool),
    ];
    assert_eq!(columns, expected.map(|(name, kind)| (name.to_owned(), kind)));
}

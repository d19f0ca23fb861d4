//! MongoDB against a real server: `RECON_TEST_MONGODB_URL` names a replica set without a database, such as
//! `mongodb://127.0.0.1:27017/?replicaSet=rs0&directConnection=true`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod reading;

use std::time::Duration;

use mongodb::Client;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document, Regex, Timestamp, doc, spec::BinarySubtype};
use reading::{kinds, read, read_until, request};
use recon::domain::{Amount, Filter, NumberForm, Value, parse_date};
use recon::stores::mongo::MongoSource;
use recon::stores::{
    ColumnKind, ErrorClass, Fix, KeyRange, Opened, ReadRequest, Settings, Source, StoreError, Target, Wish,
};

/// A database of one test, dropped at its end.
struct TestDatabase {
    runtime: tokio::runtime::Runtime,
    client: Option<Client>,
    name: String,
    url: String,
}

impl TestDatabase {
    fn new(name: &str) -> Self {
        let base = std::env::var("RECON_TEST_MONGODB_URL")
            .expect("RECON_TEST_MONGODB_URL names the MongoDB replica set that the tests use");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let client = runtime.block_on(Client::with_uri_str(&base)).expect("a MongoDB URL");
        let name = format!("recon_test_{name}_{}", std::process::id());
        let (hosts, options) = base.split_once('?').unwrap_or((&base, ""));
        let url = format!("{}/{name}?{options}", hosts.trim_end_matches('/'));
        let test = TestDatabase { runtime, client: Some(client), name, url };
        test.runtime.block_on(async { test.database().drop().await }).expect("the server answers");
        test
    }

    fn database(&self) -> mongodb::Database {
        self.client.as_ref().expect("open").database(&self.name)
    }

    fn insert(&self, collection: &str, documents: impl IntoIterator<Item = Document>) {
        let documents: Vec<Document> = documents.into_iter().collect();
        let collection = self.database().collection::<Document>(collection);
        let wrote = self.runtime.block_on(async {
            collection.insert_many(documents).write_concern(mongodb::options::WriteConcern::majority()).await
        });
        wrote.expect("inserts");
    }

    fn run(&self, command: Document) -> Document {
        self.runtime.block_on(async { self.database().run_command(command).await }).expect("runs")
    }

    fn source(&self, target: Target) -> MongoSource {
        MongoSource::new(self.url.clone(), target, Settings::default())
    }

    fn open(&self, collection: &str) -> (MongoSource, Opened) {
        let mut source = self.source(table(collection));
        let opened = source.open(&Wish::default()).expect("opens");
        (source, opened)
    }

    /// Runs a pipeline over a collection and gives the records in key order.
    fn pipeline(&self, collection: &str, text: &str) -> MongoSource {
        let mut source = self.source(Target { query: Some(text.to_owned()), ..table(collection) });
        source.open(&Wish::default()).expect(text);
        source
    }

    fn refused(&self, target: Target) -> StoreError {
        self.source(target).open(&Wish::default()).expect_err("refused")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.runtime.block_on(async {
                let _ = client.database(&self.name).drop().await;
                client.shutdown().await;
            });
        }
    }
}

fn table(name: &str) -> Target {
    Target { table: Some(name.to_owned()), ..Target::default() }
}

fn decimal(text: &str) -> Decimal128 {
    text.parse().expect("decimal")
}

fn number(text: &str) -> Value {
    Value::Number { amount: Amount::parse(text).expect("number"), form: NumberForm::Decimal }
}

fn text(text: &str) -> Value {
    Value::Text { text: text.to_owned(), untyped: false }
}

#[test]
fn every_type_comes_as_it_is_stored() {
    let test = TestDatabase::new("types");
    let uuid = mongodb::bson::Uuid::parse_str("550e8400-e29b-41d4-a716-446655440000").expect("uuid");
    let fields = doc! {
        "int32": -5, "int64": i64::MIN, "double": 0.1, "text": "po_2 ", "null": null, "yes": true,
        "oid": ObjectId::parse_str("507f1f77bcf86cd799439011").expect("oid"), "date": DateTime::from_millis(-1), "uuid": uuid,
        "bytes": Binary { subtype: BinarySubtype::Generic, bytes: vec![1, 255] }, "document": { "b": decimal("1.50"), "a": [1, null] },
        "timestamp": Timestamp { time: 7, increment: 9 },
        "regex": Regex { pattern: "a".try_into().expect("cstr"), options: "".try_into().expect("cstr") },
        "code": Bson::JavaScriptCode("1".into()), "min": Bson::MinKey, "max": Bson::MaxKey,
    };
    let mut document = doc! { "_id": 1i64 };
    document.extend(fields.clone());
    test.insert("t", [document]);
    let (mut source, opened) = test.open("t");
    assert_eq!(opened.columns[..3].iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["_id", "int32", "int64"]);
    let names: Vec<&str> = std::iter::once("_id").chain(fields.keys().map(String::as_str)).collect();
    let reading = read(&mut source, &request(&[&names[..], &["missing"]].concat(), 1));
    let shown: Vec<String> = reading.rows[0].iter().map(|v| format!("{} {v}", v.type_name())).collect();
    assert_eq!(
        shown,
        [
            "integer 1",
            "integer -5",
            "integer -9223372036854775808",
            "double 0.1",
            "text po_2 ",
            "null NULL",
            "boolean true",
            "objectid 507f1f77bcf86cd799439011",
            "instant 1969-12-31T23:59:59.999Z",
            "uuid 550e8400-e29b-41d4-a716-446655440000",
            "bytes 0x01ff",
            "document {\"b\":1.50,\"a\":[1,null]}",
            "text Timestamp(7, 9)",
            "unknown (unknown: a BSON regular expression is not a value)",
            "unknown (unknown: BSON code is not a value)",
            "unknown (unknown: BSON MinKey is not a value)",
            "unknown (unknown: BSON MaxKey is not a value)",
            "absent (absent)",
        ]
    );
    let kind = |name: &str| kinds(&opened.columns).into_iter().find(|(n, _)| *n == name).expect(name).1;
    assert_eq!(kind("double"), ColumnKind::Number);
    assert_eq!(kind("uuid"), ColumnKind::Uuid);
    assert_eq!(kind("oid"), ColumnKind::ObjectId);
    assert_eq!(kind("null"), ColumnKind::Mixed);
    assert_eq!(kind("document"), ColumnKind::Document);
}

#[test]
fn decimals_arrive_without_loss() {
    let test = TestDatabase::new("decimals");
    let texts = [
        "9999999999999999999999999999999999",
        "-9.999999999999999999999999999999999E+6144",
        "1E-6176",
        "1E+6111",
        "0E-6176",
        "-0.00",
        "NaN",
        "Infinity",
        "-Infinity",
        "12345678901234567.89",
        "1.50",
        "1234567.93",
    ];
    test.insert("t", texts.iter().zip(0i64..).map(|(text, n)| doc! { "_id": n, "net": decimal(text) }));
    let (mut source, _) = test.open("t");
    assert_eq!(read(&mut source, &request(&["_id", "net"], 1)).column(1), texts);
}

#[test]
fn absent_null_and_paths_are_three_things() {
    let test = TestDatabase::new("paths");
    test.insert(
        "t",
        [
            doc! { "_id": 1, "amount": { "net": decimal("1.50"), "fee": null }, "due": [{ "on": 7 }, 4] },
            doc! { "_id": 2, "amount": {}, "net": null },
            doc! { "_id": 3, "amount": 5, "later": true },
            doc! { "_id": 4, "amount": [{ "net": 1 }] },
        ],
    );
    let mut source = test.source(table("t"));
    let wish = Wish { paths: vec!["_id".into(), "amount.net".into(), "due.0.on".into(), "amount.none".into()] };
    let opened = source.open(&wish).expect("opens");
    assert!(!opened.fixed_columns && opened.ordered && opened.filters && opened.seeks);
    assert_eq!(
        kinds(&opened.columns),
        [
            ("_id", ColumnKind::Number),
            ("amount", ColumnKind::Mixed),
            ("due", ColumnKind::Document),
            ("amount.net", ColumnKind::Number),
            ("due.0.on", ColumnKind::Number),
            ("net", ColumnKind::Mixed),
            ("later", ColumnKind::Bool),
        ]
    );
    assert_eq!(opened.estimated_records, Some(4));
    let reading = read(&mut source, &request(&["_id", "amount.net", "amount.fee", "due.0.on", "net"], 1));
    let texts = reading.texts();
    assert_eq!(texts[0], ["1", "1.50", "NULL", "7", "(absent)"]);
    assert_eq!(texts[1], ["2", "(absent)", "(absent)", "(absent)", "NULL"]);
    assert_eq!(texts[2], ["3", "(absent)", "(absent)", "(absent)", "(absent)"]);
    assert!(texts[3][1].contains("name an item by its position"), "{:?}", texts[3]);
    assert_eq!(reading.others(), ["later"], "the start of a path was asked for");
}

/// Ids of every type that can be a key, in BSON's order.
fn mixed_ids() -> Vec<Bson> {
    let bytes = |bytes: &[u8]| Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() });
    vec![
        Bson::Null,
        f64::NAN.into(),
        (-5i64).into(),
        decimal("0.25").into(),
        Bson::Double(0.3),
        1i32.into(),
        Bson::Double(1.5),
        decimal("9223372036854775808.5").into(),
        "".into(),
        "17".into(),
        "PO_2".into(),
        "po_2".into(),
        "po_2 ".into(),
        "é".into(),
        bytes(&[0]),
        bytes(&[255]),
        mongodb::bson::Uuid::parse_str("550e8400-e29b-41d4-a716-446655440000").expect("uuid").into(),
        ObjectId::parse_str("507f1f77bcf86cd799439011").expect("oid").into(),
        ObjectId::parse_str("607f1f77bcf86cd799439011").expect("oid").into(),
        false.into(),
        true.into(),
        DateTime::from_millis(-5).into(),
        DateTime::from_millis(1_762_300_800_000).into(),
    ]
}

#[test]
fn ranges_over_mixed_ids_hold_every_record_once() {
    let test = TestDatabase::new("ranges");
    // Inserted in another order than they sort.
    let mut documents: Vec<Document> = mixed_ids().into_iter().map(|id| doc! { "_id": id }).collect();
    documents.reverse();
    test.insert("t", documents);
    let (mut source, opened) = test.open("t");
    assert_eq!(kinds(&opened.columns), [("_id", ColumnKind::Mixed)]);
    let mut wanted = request(&["_id"], 1);
    let all = read(&mut source, &wanted);
    assert_eq!(all.rows.len(), mixed_ids().len());
    let whole: Vec<String> = all.column(0);
    let date = Value::Date(parse_date("2026-11-05").expect("date"));
    let more = [number("0.3"), number("0.30000000000000001"), number("2"), text("a"), date];
    let cuts: Vec<Value> = all.rows.iter().map(|row| row[0].clone()).chain(more).collect();
    for cut in &cuts {
        wanted.range = KeyRange { from: None, below: Some(cut.clone()) };
        let below = read(&mut source, &wanted).column(0);
        wanted.range = KeyRange { from: Some(cut.clone()), below: None };
        let from = read(&mut source, &wanted).column(0);
        assert_eq!([below.clone(), from].concat(), whole, "cut at {cut}");
        if let Some(at) = all.rows.iter().position(|row| row[0].to_string() == cut.to_string()) {
            assert_eq!(below.len(), at, "everything below {cut}");
        }
    }
    for pair in all.rows.windows(3) {
        wanted.range = KeyRange { from: Some(pair[0][0].clone()), below: Some(pair[2][0].clone()) };
        assert_eq!(read(&mut source, &wanted).rows.len(), 2, "{pair:?}");
    }
}

#[test]
fn a_missing_key_sorts_first_and_lies_in_the_lowest_range() {
    let test = TestDatabase::new("missing_key");
    test.insert(
        "t",
        [doc! { "_id": 1, "k": 5 }, doc! { "_id": 2 }, doc! { "_id": 3, "k": null }, doc! { "_id": 4, "k": "x" }],
    );
    let (mut source, _) = test.open("t");
    let mut wanted = request(&["k", "_id"], 1);
    let ids = |reading: reading::Reading| {
        let mut ids = reading.column(1);
        let missing = ids.iter().position(|id| id == "1" || id == "4").unwrap_or(ids.len());
        ids[..missing].sort();
        ids
    };
    assert_eq!(ids(read(&mut source, &wanted)), ["2", "3", "1", "4"]);
    wanted.range.below = Some(number("5"));
    assert_eq!(ids(read(&mut source, &wanted)), ["2", "3"]);
    wanted.range = KeyRange { from: Some(Value::Null), below: None };
    assert_eq!(read(&mut source, &wanted).rows.len(), 4);
    wanted.range = KeyRange { from: None, below: Some(Value::Null) };
    assert_eq!(read(&mut source, &wanted).rows.len(), 0);
    wanted.range = KeyRange::default();
    wanted.keys = Some(vec![vec![Value::Null]]);
    assert_eq!(ids(read(&mut source, &wanted)), ["2", "3"]);
}

#[test]
fn records_are_found_again_by_their_keys() {
    let test = TestDatabase::new("keys");
    test.insert("t", mixed_ids().into_iter().map(|id| doc! { "_id": id }));
    let (mut source, _) = test.open("t");
    let mut wanted = request(&["_id"], 1);
    let all = read(&mut source, &wanted);
    for row in &all.rows {
        wanted.keys = Some(vec![row.clone()]);
        assert_eq!(read(&mut source, &wanted).texts(), [[row[0].to_string()]], "{row:?}");
    }
    wanted.keys = Some(all.rows.clone());
    assert_eq!(read(&mut source, &wanted).rows.len(), all.rows.len());
    wanted.keys = Some(vec![vec![number("17")], vec![number(&"9".repeat(60))], vec![text("1")]]);
    assert_eq!(read(&mut source, &wanted).rows.len(), 0, "a number is not the text of its digits");
    wanted.keys = Some(Vec::new());
    assert_eq!(read(&mut source, &wanted).rows.len(), 0);

    let pairs = (0..50)
        .map(|n| doc! { "_id": n, "k": { "a": n % 5, "b": if n % 2 == 0 { Bson::Null } else { Bson::from("x") } } });
    test.insert("pairs", pairs);
    let (mut source, _) = test.open("pairs");
    let mut wanted = request(&["k.a", "k.b", "_id"], 2);
    wanted.keys = Some(vec![vec![number("1"), Value::Null], vec![number("3.0"), text("x")]]);
    let reading = read(&mut source, &wanted);
    assert_eq!(reading.rows.len(), 10);
    assert!(reading.texts().iter().all(|row| row[..2] == ["1", "NULL"] || row[..2] == ["3", "x"]));
    assert!(reading.texts().windows(2).all(|pair| pair[0][0] <= pair[1][0]), "in key order");
}

#[test]
fn converted_keys_are_ranged_and_found_in_their_new_form() {
    let test = TestDatabase::new("converted");
    test.insert("t", (0..20).map(|n| doc! { "_id": format!("0{n}") }));
    test.insert("o", (0..20).map(|n| doc! { "_id": ObjectId::parse_str(format!("{n:024x}")).expect("oid") }));
    let (mut source, _) = test.open("t");
    let mut wanted = request(&["_id"], 1);
    wanted.columns[0].fix = Some(Fix::Type(recon::domain::ColumnType::Integer));
    wanted.keys = Some(vec![vec![number("7")], vec![number("12")], vec![number("99")]]);
    assert_eq!(read(&mut source, &wanted).column(0), ["12", "7"]);
    wanted.keys = None;
    wanted.range = KeyRange { from: Some(number("5")), below: Some(number("9")) };
    assert_eq!(read(&mut source, &wanted).column(0), ["5", "6", "7", "8"]);
    let (mut source, _) = test.open("o");
    let mut wanted = request(&["_id"], 1);
    wanted.columns[0].fix = Some(Fix::KeyText);
    wanted.keys = Some(vec![vec![text("000000000000000000000003")]]);
    assert_eq!(read(&mut source, &wanted).column(0), ["000000000000000000000003"]);
    wanted.keys = None;
    // A bound may come in the store's own form.
    wanted.range.below = Some(Value::ObjectId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]));
    assert_eq!(read(&mut source, &wanted).rows.len(), 4);
}

#[test]
fn a_key_that_mongodb_sorts_another_way_is_refused_by_name() {
    let test = TestDatabase::new("badkeys");
    test.insert("a", [doc! { "_id": 1, "k": 1 }, doc! { "_id": 2, "k": [3, 4] }, doc! { "_id": 3, "k": 5 }]);
    let (mut source, _) = test.open("a");
    let reading = read(&mut source, &request(&["k"], 1));
    assert_eq!(reading.error().class, ErrorClass::Failed);
    assert!(reading.error().what.contains("`k`") && reading.error().what.contains("array"), "{}", reading.error());
    assert_eq!(reading.column(0), ["1"]);
    test.insert("d", [doc! { "_id": { "a": 1 } }]);
    let (mut source, _) = test.open("d");
    let reading = read(&mut source, &request(&["_id"], 1));
    assert!(reading.error().what.contains("dotted paths"), "{}", reading.error());
    assert_eq!(read(&mut source, &request(&["_id.a"], 1)).column(0), ["1"]);
    test.insert("i", [doc! { "_id": 1, "k": [{ "a": 1 }] }]);
    let (mut source, _) = test.open("i");
    assert!(read(&mut source, &request(&["k.a"], 1)).error().what.contains("position"));
    let mut wanted = request(&["$where"], 1);
    assert_eq!(read(&mut source, &wanted).error().class, ErrorClass::Usage);
    wanted.columns[0].name = "a..b".into();
    assert_eq!(read(&mut source, &wanted).error().class, ErrorClass::Usage);
}

#[test]
fn conditions_have_three_truth_values() {
    let test = TestDatabase::new("conditions");
    let midnight = DateTime::from_millis(1_762_300_800_000);
    let oid = ObjectId::parse_str("507f1f77bcf86cd799439011").expect("oid");
    let values: Vec<(&str, Option<Bson>)> = vec![
        ("absent", None),
        ("null", Some(Bson::Null)),
        ("int", Some(5.into())),
        ("decimal", Some(decimal("5.00").into())),
        ("double", Some(0.1.into())),
        ("tenth", Some(decimal("0.1").into())),
        ("big", Some(decimal("12345678901234567.89").into())),
        ("text", Some("x".into())),
        ("five", Some("5".into())),
        ("date", Some(midnight.into())),
        ("later", Some(DateTime::from_millis(1_762_300_800_001).into())),
        ("yes", Some(true.into())),
        ("oid", Some(oid.into())),
        ("array", Some(Bson::Array(vec![5.into(), Bson::Null]))),
    ];
    test.insert(
        "t",
        values.into_iter().map(|(id, value)| match value {
            None => doc! { "_id": id },
            Some(value) => doc! { "_id": id, "f": value },
        }),
    );
    let (mut source, _) = test.open("t");
    let mut found = |condition: &str| {
        let mut wanted = request(&["_id"], 1);
        wanted.filter = Some(Filter::parse(condition).expect(condition));
        let reading = read(&mut source, &wanted);
        assert!(reading.end.is_ok(), "{condition}: {:?}", reading.end);
        reading.column(0).join(" ")
    };
    assert_eq!(found("f = 5"), "decimal int");
    assert_eq!(found("f = 5.0 AND f IS NOT NULL"), "decimal int");
    assert_eq!(found("f = '5'"), "decimal five int");
    assert_eq!(found("f = 0.1"), "double tenth");
    assert_eq!(found("f <= 0.1"), "double tenth");
    assert_eq!(found("f < 0.1"), "");
    assert_eq!(found("f > 0.1 AND f < 6"), "decimal int");
    assert_eq!(found("f = 12345678901234567.89"), "big");
    assert_eq!(found("f = 12345678901234567.88"), "");
    assert_eq!(found("f > 12345678901234567.88"), "big");
    assert_eq!(found("f IS NULL"), "absent null");
    assert_eq!(found("f IS NOT NULL"), "array big date decimal double five int later oid tenth text yes");
    assert_eq!(found("f <> 5"), "array big date double five later oid tenth text yes");
    assert_eq!(found("NOT (f = 5)"), "array big date double five later oid tenth text yes");
    assert_eq!(found("f NOT IN (5, 'x')"), "array big date double five later oid tenth yes");
    assert_eq!(found("NOT (f < 5)"), "big decimal int", "unknown stays unknown");
    assert_eq!(found("NOT (f BETWEEN 1 AND 10)"), "big double tenth");
    assert_eq!(found("f < 5 OR f IS NULL"), "absent double null tenth");
    assert_eq!(found("NOT (f < 5 OR f IS NULL)"), "big decimal int");
    assert_eq!(found("f = '2025-11-05'"), "date");
    assert_eq!(found("f > '2025-11-05' AND f < '2025-11-06'"), "later");
    assert_eq!(found("f >= '2025-11-05T00:00:00.001Z' AND f < '2025-11-06'"), "later");
    assert_eq!(found("f > '2025-11-05T00:00:00.0005Z' AND f < '2025-11-06'"), "later");
    assert_eq!(found("f <= '2025-11-05T00:00:00.0005Z' AND f > '2025-11-04'"), "date");
    assert_eq!(found("f = true"), "yes");
    assert_eq!(found("f = '507f1f77bcf86cd799439011'"), "oid");
    assert_eq!(found("f > 'a'"), "text");
    let mut wanted = request(&["_id"], 1);
    wanted.filter = Some(Filter::parse(&format!("f = 0.{}", "1".repeat(40))).expect("parses"));
    assert_eq!(read(&mut source, &wanted).error().class, ErrorClass::Usage, "never rounded");
}

#[test]
fn pipelines_run_with_their_parameters() {
    let test = TestDatabase::new("pipelines");
    let on = |day: i64| DateTime::from_millis(day * 86_400_000);
    test.insert(
        "payout",
        (0..30i64).map(|n| doc! { "_id": n, "investor": n % 5, "on": on(20_000 + n % 2), "net": decimal("0.10") }),
    );
    let text = r#"[
        {"$match": {"on": {"$param": "on"}, "net": {"$gte": {"$param": "least"}}}},
        {"$group": {"_id": "$investor", "net": {"$sum": {"$multiply": ["$net", 1.5]}}, "n": {"$sum": 1}}},
        {"$project": {"_id": 0, "investor_id": "$_id", "net": 1, "n": 1}}
    ]"#;
    let params = vec![("on".to_owned(), Value::Date(20_000)), ("least".to_owned(), number("0.1"))];
    let target = Target { query: Some(text.to_owned()), params, ..table("payout") };
    let mut source = test.source(target.clone());
    let opened = source.open(&Wish::default()).expect("opens");
    assert!(opened.snapshot.consistent && opened.estimated_records.is_none());
    let mut wanted = request(&["investor_id", "net", "n"], 1);
    let expected = ["0", "1", "2", "3", "4"].map(|id| vec![id.to_owned(), "0.450".to_owned(), "3".to_owned()]);
    assert_eq!(read(&mut source, &wanted).texts(), expected);
    // Conditions, ranges and keys apply to what comes out of it.
    wanted.filter = Some(Filter::parse("investor_id <> 2 AND net = 0.45").expect("parses"));
    wanted.range.from = Some(number("1"));
    assert_eq!(read(&mut source, &wanted).column(0), ["1", "3", "4"]);
    wanted.keys = Some(vec![vec![number("2")], vec![number("4")]]);
    assert_eq!(read(&mut source, &wanted).column(0), ["4"]);
    let whole = format!(r#"{{"aggregate": "payout", "pipeline": {text}}}"#);
    let mut source = test.source(Target { table: None, query: Some(whole), ..target.clone() });
    source.open(&Wish::default()).expect("opens");
    assert_eq!(read(&mut source, &request(&["investor_id"], 1)).rows.len(), 5);
    let error = test.refused(Target { params: Vec::new(), ..target });
    assert_eq!(error.class, ErrorClass::Usage);
    assert!(error.what.contains("`on`"), "{error}");
    let cuts = test.pipeline("payout", "[]").boundaries("_id", None, 3).expect("cuts");
    assert_eq!(cuts.len(), 2);
}

#[test]
fn a_pipeline_that_writes_or_cannot_be_is_refused() {
    let test = TestDatabase::new("refused");
    test.insert("t", [doc! { "_id": 1, "f": "x" }]);
    let pipeline = |text: &str| Target { query: Some(text.to_owned()), ..table("t") };
    for text in [
        r#"[{"$out": "stolen"}]"#,
        r#"[{"$merge": {"into": "t"}}]"#,
        r#"[{"$match": {"$where": "true"}}]"#,
        r#"[{"$nonsense": {}}]"#,
        r#"[{"$match": {"f": {"$nonsense": 1}}}]"#,
        r#"[{"$group": {"net": {"$sum": 1}}}]"#,
        r#"[{"$match": 5}]"#,
        "[{",
    ] {
        let error = test.refused(pipeline(text));
        assert_eq!(error.class, ErrorClass::Usage, "{text}: {error}");
        assert!(error.what.contains("pipeline"), "{error}");
    }
    // What goes wrong with the data is a failure, not a wrong request.
    let error = test.refused(pipeline(r#"[{"$project": {"n": {"$toDecimal": "$f"}}}]"#));
    assert_eq!(error.class, ErrorClass::Failed, "{error}");
    let names = test.run(doc! { "listCollections": 1 }).get_document("cursor").expect("cursor").clone();
    assert_eq!(names.get_array("firstBatch").expect("batch").len(), 1, "nothing was written");
}

#[test]
fn a_collection_that_does_not_exist_is_a_wrong_request() {
    let test = TestDatabase::new("nocoll");
    test.insert("settlement", [doc! { "_id": 1 }]);
    test.run(doc! { "create": "empty" });
    let error = test.refused(table("settlements"));
    assert_eq!(error.class, ErrorClass::Usage);
    assert!(error.what.contains("`settlements`") && error.hint.expect("hint").contains("empty, settlement"));
    let (mut source, opened) = test.open("empty");
    assert_eq!((opened.columns.len(), opened.estimated_records), (0, Some(0)));
    assert_eq!(read(&mut source, &request(&["_id"], 1)).rows.len(), 0);
    assert!(source.boundaries("_id", None, 4).expect("none").is_empty());
    assert_eq!(test.refused(Target::default()).class, ErrorClass::Usage);
    let mut source = MongoSource::new(test.url.replace(&test.name, ""), table("settlement"), Settings::default());
    assert!(source.open(&Wish::default()).expect_err("no database").what.contains("does not name a database"));
}

#[test]
fn a_snapshot_shows_one_moment_and_fresh_shows_now() {
    let test = TestDatabase::new("snapshot");
    test.insert("t", (0..3_000i64).map(|n| doc! { "_id": n, "net": decimal("1.00") }));
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("clock").as_nanos() as i128;
    let (mut source, opened) = test.open("t");
    assert_eq!((opened.snapshot.how.as_str(), opened.snapshot.consistent), ("snapshot session", true));
    let taken = opened.snapshot.taken_at.expect("reported");
    assert!((taken - before).abs() < 60_000_000_000, "{taken} is not about {before}");
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    test.insert("t", [doc! { "_id": -1i64, "net": decimal("2.00") }, doc! { "_id": 5_000i64 }]);
    test.run(
        doc! { "delete": "t", "deletes": [{ "q": { "_id": 7 }, "limit": 1 }], "writeConcern": { "w": "majority" } },
    );
    let mut wanted = request(&["_id", "net"], 1);
    let old = read(&mut source, &wanted);
    assert_eq!(old.column(0), (0..3_000).map(|n| n.to_string()).collect::<Vec<_>>());
    let mut part = wanted.clone();
    part.keys = Some(vec![vec![number("7")]]);
    assert_eq!(read(&mut source, &part).rows.len(), 1, "still of the same moment");
    wanted.fresh = true;
    let new = read(&mut source, &wanted);
    assert_eq!((new.rows.len(), new.column(0)[0].as_str()), (3_001, "-1"));
    part.fresh = true;
    assert_eq!(read(&mut source, &part).rows.len(), 0);
}

#[test]
fn many_batches_come_in_order_and_complete() {
    let test = TestDatabase::new("batches");
    let memo = "m".repeat(900);
    for part in 0..10i64 {
        let document = |n: i64| {
            let id = (n * 7919) % 20_000;
            if n % 100 == 0 {
                doc! { "memo": &memo, "_id": id, "odd": n }
            } else {
                doc! { "_id": id, "memo": &memo }
            }
        };
        test.insert("t", (part * 2_000..(part + 1) * 2_000).map(document));
    }
    let (mut source, opened) = test.open("t");
    assert_eq!(opened.estimated_records, Some(20_000));
    let reading = read(&mut source, &request(&["_id", "memo"], 1));
    assert_eq!(reading.column(0), (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(reading.column(1).iter().all(|m| *m == memo));
    assert_eq!(reading.others(), ["odd"]);
    // Ranges that the source proposes hold everything once, and are of about equal size.
    let cuts = source.boundaries("_id", None, 4).expect("cuts");
    assert_eq!(cuts.len(), 3);
    let mut bounds = vec![None];
    bounds.extend(cuts.into_iter().map(Some));
    bounds.push(None);
    let mut seen = Vec::new();
    for pair in bounds.windows(2) {
        let mut wanted = request(&["_id"], 1);
        wanted.range = KeyRange { from: pair[0].clone(), below: pair[1].clone() };
        let part = read(&mut source, &wanted);
        assert!((2_000..9_000).contains(&part.rows.len()), "{} records in {pair:?}", part.rows.len());
        seen.extend(part.column(0));
    }
    assert_eq!(seen, (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>());
    // A read that is stopped ends as stopped, and the source can be read again.
    let stopped = read_until(&mut source, &request(&["_id"], 1), 1);
    assert_eq!(stopped.error().class, ErrorClass::Stopped);
    assert_eq!(read(&mut source, &request(&["_id"], 1)).rows.len(), 20_000);
    let filter = Filter::parse("odd IS NOT NULL").expect("parses");
    let cuts = source.boundaries("_id", Some(&filter), 2).expect("cuts");
    assert_eq!(cuts.len(), 1);
}

#[test]
fn a_collation_of_the_collection_does_not_change_the_order_of_keys() {
    let test = TestDatabase::new("collation");
    test.run(doc! { "create": "t", "collation": { "locale": "en", "strength": 1, "numericOrdering": true } });
    let ids = ["10", "9", "A", "B", "a", "b", "é"];
    test.insert("t", ids.iter().zip(0..).map(|(id, n)| doc! { "_id": n, "k": *id }));
    let (mut source, _) = test.open("t");
    let mut wanted = request(&["k"], 1);
    assert_eq!(read(&mut source, &wanted).column(0), ids);
    wanted.keys = Some(vec![vec![text("a")]]);
    assert_eq!(read(&mut source, &wanted).column(0), ["a"]);
    wanted.keys = None;
    wanted.filter = Some(Filter::parse("k = 'b'").expect("parses"));
    assert_eq!(read(&mut source, &wanted).column(0), ["b"]);
}

#[test]
fn views_are_read_like_collections() {
    let test = TestDatabase::new("views");
    test.insert("t", (0..10).map(|n| doc! { "_id": n }));
    test.run(doc! { "create": "even", "viewOn": "t", "pipeline": [{ "$match": { "$expr": { "$eq": [{ "$mod": ["$_id", 2] }, 0] } } }] });
    let (mut source, _) = test.open("even");
    assert_eq!(read(&mut source, &request(&["_id"], 1)).column(0), ["0", "2", "4", "6", "8"]);
}

fn brief() -> Settings {
    Settings { connect_timeout: Duration::from_millis(300), connect_attempts: 2, ..Settings::default() }
}

#[test]
fn who_cannot_log_in_or_reach_the_server_is_told_so() {
    let test = TestDatabase::new("login");
    test.insert("t", [doc! { "_id": 1 }]);
    let (scheme, rest) = test.url.split_once("://").expect("URL");
    let url = format!("{scheme}://nobody:hunt%40er2@{rest}");
    let error = MongoSource::new(url, table("t"), brief()).open(&Wish::default()).expect_err("no such user");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.what.contains("refused the login"), "{error}");
    let all = format!("{error} {:?}", error.hint);
    assert!(!all.contains("hunt") && all.contains("authSource"), "{all}");
    for url in [
        "mongodb://recon:hunter2@127.0.0.1:1/db?directConnection=true",
        "mongodb://recon:hunter2@no-such-host.invalid/db",
    ] {
        let started = std::time::Instant::now();
        let error = MongoSource::new(url.into(), table("t"), brief()).open(&Wish::default()).expect_err("nobody there");
        assert_eq!(error.class, ErrorClass::Failed);
        assert!(error.what.contains("cannot be reached"), "{error}");
        assert!(!error.what.contains("hunter2") && error.hint.is_some());
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
}

#[test]
fn a_request_without_key_reads_everything() {
    let test = TestDatabase::new("nokey");
    test.insert("t", (0..5).map(|n| doc! { "_id": n }));
    let (mut source, _) = test.open("t");
    let wanted: ReadRequest = request(&["_id"], 0);
    assert_eq!(read(&mut source, &wanted).rows.len(), 5);
}

//! SQL over inputs, end to end: the portable `unwind`, `filter` and `fields` mean the same on files and on MongoDB, and
//! what could make an amount wrong is an error that names input, record and column.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use mongodb::bson::{Bson, DateTime, Decimal128, Document, doc};
use support::{Outcome, Place};

const PROJECT: &str = r#"
[stores.lake]
url = "file:lake"
[stores.docs]
url = "${DOCS}"
[reconciliation.payout]
key = ["investor"]
params = { from = "date", to = "date" }
[reconciliation.payout.legacy]
store = "lake"
file = "legacy.csv"
[reconciliation.payout.candidate]
sql = "candidate.sql"
[reconciliation.payout.candidate.inputs.lines]
store = "docs"
collection = "holdings"
unwind = "paid.lines"
filter = "paid.lines.on > :from AND paid.lines.on <= :to AND paid.lines.void IS NULL"
fields = { investor = "owner.id", units = "units", amount = "paid.lines.amount", on = "paid.lines.on" }
"#;

const SQL: &str = "SELECT investor, SUM(amount * units) AS total, COUNT(*) AS lines, MIN(\"on\") AS first FROM lines GROUP BY investor\n";

/// 1.10 × 3 twice for A, 0.0005 × 7 once for B; C has nothing in the window, D no lines, E a single line that is no array.
const LEGACY: &str = "investor,total,lines,first\nA,6.60,2,2026-11-01\nB,0.0035,1,2026-11-05\nE,10,1,2026-11-02\n";

fn documents() -> Vec<Document> {
    let on = |text: &str| Bson::DateTime(DateTime::parse_rfc3339_str(format!("{text}T00:00:00Z")).expect("a date"));
    let amount = |text: &str| Bson::Decimal128(text.parse::<Decimal128>().expect("a decimal"));
    vec![
        doc! { "_id": 1, "owner": { "id": "A" }, "units": 3, "paid": { "lines": [
            { "on": on("2026-11-01"), "amount": amount("1.10") },
            { "on": on("2026-11-05"), "amount": amount("1.1") },
            { "on": on("2026-11-06"), "amount": amount("9") },
            { "on": on("2026-10-31"), "amount": amount("9") },
            { "on": on("2026-11-02"), "amount": amount("9"), "void": true },
        ] } },
        doc! { "_id": 2, "owner": { "id": "B" }, "units": 7_i64, "paid": { "lines": [{ "on": on("2026-11-05"), "amount": amount("0.0005") }] } },
        doc! { "_id": 3, "owner": { "id": "C" }, "units": 1, "paid": { "lines": [{ "on": on("2026-12-01"), "amount": amount("1") }] } },
        doc! { "_id": 4, "owner": { "id": "D" }, "units": 1, "paid": { "lines": [] } },
        doc! { "_id": 5, "owner": { "id": "D" }, "units": 1, "paid": {} },
        doc! { "_id": 6, "owner": { "id": "D" }, "units": 1, "paid": { "lines": null } },
        doc! { "_id": 7, "owner": { "id": "E" }, "units": 1, "paid": { "lines": { "on": on("2026-11-02"), "amount": amount("10") } } },
    ]
}

fn place(docs: &str) -> Place {
    let place = Place::new().env("DOCS", docs);
    place.write("recon.toml", PROJECT);
    place.write("candidate.sql", SQL);
    place.write("lake/legacy.csv", LEGACY);
    place
}

fn diff(place: &Place) -> Outcome {
    place.recon(&[
        "diff",
        "payout",
        "--param",
        "from=2026-10-31",
        "--param",
        "to=2026-11-05",
        "--type",
        "first=date",
        "--format",
        "json",
    ])
}

fn agrees(outcome: &Outcome) {
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(report["counts"]["matched"], 3, "{outcome}");
    let input = &report["sides"]["candidate"]["inputs"][0];
    assert_eq!((&input["name"], &input["records"]), (&"lines".into(), &4.into()), "{outcome}");
    assert_eq!(input["fingerprint"].as_str().map(str::len), Some(64), "{outcome}");
}

fn bson_file(documents: &[Document]) -> Vec<u8> {
    documents.iter().flat_map(|document| mongodb::bson::serialize_to_vec(document).expect("BSON")).collect()
}

/// Extended JSON, of the types used here.
fn extended(value: &Bson) -> serde_json::Value {
    use serde_json::json;
    match value {
        Bson::Document(fields) => fields.iter().map(|(name, field)| (name.clone(), extended(field))).collect(),
        Bson::Array(items) => items.iter().map(extended).collect(),
        Bson::String(text) => json!(text),
        Bson::Int32(n) => json!({ "$numberInt": n.to_string() }),
        Bson::Int64(n) => json!({ "$numberLong": n.to_string() }),
        Bson::Decimal128(amount) => json!({ "$numberDecimal": amount.to_string() }),
        Bson::DateTime(at) => json!({ "$date": { "$numberLong": at.timestamp_millis().to_string() } }),
        Bson::Boolean(b) => json!(b),
        Bson::Null => json!(null),
        other => panic!("{other}"),
    }
}

#[test]
fn over_a_mongodump_file() {
    let place = place("file:docs");
    place.write("docs/holdings.bson", bson_file(&documents()));
    agrees(&diff(&place));
}

#[test]
fn over_extended_json_lines() {
    let place = place("file:docs");
    let lines: String = documents().iter().map(|document| format!("{}\n", extended(&document.into()))).collect();
    place.write("docs/holdings.ndjson", lines);
    agrees(&diff(&place));
}

#[test]
fn over_plain_json_with_types() {
    let place = place("file:docs");
    let lines = concat!(
        "{\"owner\":{\"id\":\"A\"},\"units\":3,\"paid\":{\"lines\":[{\"on\":\"2026-11-01\",\"amount\":\"1.10\"},",
        "{\"on\":\"2026-11-05\",\"amount\":1.1},{\"on\":\"2026-11-06\",\"amount\":9}]}}\n",
        "{\"owner\":{\"id\":\"B\"},\"units\":7,\"paid\":{\"lines\":[{\"on\":\"2026-11-05\",\"amount\":0.0005}]}}\n",
        "{\"owner\":{\"id\":\"E\"},\"units\":1,\"paid\":{\"lines\":{\"on\":\"2026-11-02\",\"amount\":10}}}\n",
    );
    place.write("docs/holdings.ndjson", lines);
    let typed = PROJECT
        .replace("amount = \"paid.lines.amount\"", "amount = { path = \"paid.lines.amount\", type = \"decimal\" }")
        .replace("on = \"paid.lines.on\"", "on = { path = \"paid.lines.on\", type = \"date\" }");
    place.write("recon.toml", &typed);
    agrees(&diff(&place));
    // Without its type the amount that is a text stands among numbers.
    place.write("recon.toml", PROJECT);
    let outcome = diff(&place);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(outcome.stderr.contains("input `lines`, record 2") && outcome.stderr.contains("`amount`"), "{outcome}");
}

#[tokio::test]
async fn over_mongodb() {
    let database = support::unique_name("inputs");
    let url = support::database_url("MONGODB", &database);
    let client = mongodb::Client::with_uri_str(&url).await.expect("a URL");
    let holdings = client.default_database().expect("a database").collection::<Document>("holdings");
    holdings.insert_many(documents()).await.expect("inserted");
    let outcome = tokio::task::spawn_blocking(move || diff(&place(&url))).await.expect("run");
    holdings.drop().await.expect("dropped");
    client.shutdown().await;
    agrees(&outcome);
}

/// One input of JSON lines without `unwind`, and one SQL over it.
fn simple(lines: &str, sql: &str) -> Outcome {
    let place = Place::new();
    place.write(
        "recon.toml",
        "[stores.lake]\nurl = \"file:lake\"\n[reconciliation.r]\nkey = [\"id\"]\n[reconciliation.r.legacy]\nstore = \"lake\"\n\
         file = \"legacy.csv\"\n[reconciliation.r.candidate]\nsql = \"candidate.sql\"\n\
         [reconciliation.r.candidate.inputs.t]\nstore = \"lake\"\nfile = \"t-*.ndjson\"\n",
    );
    place.write("lake/legacy.csv", "id,net\n1,1.5\n2,2.5\n");
    if !lines.is_empty() {
        place.write("lake/t-1.ndjson", lines);
        place.write("lake/t-2.ndjson", "{\"id\":2,\"net\":2.5}\n");
    }
    place.write("candidate.sql", sql);
    place.recon(&["diff", "r"])
}

#[test]
fn several_files_are_one_input_and_only_what_is_named_is_read() {
    // A nested field and a float that nobody asks for do no harm.
    let outcome = simple(
        "{\"id\":1,\"net\":1.5,\"other\":{\"a\":1},\"rate\":{\"$numberDouble\":\"0.1\"}}\n",
        "SELECT id, net FROM t",
    );
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn a_field_that_first_turns_up_late_is_read() {
    let early: String = (10..1_200).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    let lines = format!("{early}{{\"id\":1,\"net\":1.5}}\n");
    let outcome = simple(&lines, "SELECT id, net FROM t WHERE net IS NOT NULL");
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn what_could_make_an_amount_wrong_ends_the_run() {
    let good = "{\"id\":1,\"net\":1.5}\n";
    let cases = [
        ("{\"id\":1,\"net\":{\"$numberDouble\":\"1.5\"}}\n", "SELECT id, net FROM t", 3, "binary float"),
        ("{\"id\":1,\"net\":true}\n", "SELECT id, net FROM t", 3, "another type"),
        ("{\"id\":1,\"net\":[1.5]}\n", "SELECT id, net FROM t", 3, "`unwind`"),
        (good, "SELECT id, net / 3 AS net FROM t", 2, "divide("),
        (good, "SELECT id, nett FROM t", 2, "nett"),
        (good, "SELECT id, net FROM tt", 2, "tt"),
        (good, "SELECT id, divide(net, net - 1.5, 2, 'half_up') AS net FROM t", 3, "zero"),
        (good, "DELETE FROM t", 2, "candidate.sql"),
        ("", "SELECT id, net FROM t", 2, "no file matches"),
        ("{\"id\":1,\"net\":1.5\n", "SELECT id, net FROM t", 3, "t-1.ndjson"),
    ];
    for (lines, sql, code, what) in cases {
        let outcome = simple(lines, sql);
        assert_eq!(outcome.code, Some(code), "{sql}: {outcome}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(what), "{what}: {outcome}");
    }
}

const TWO_STORES: &str = r#"
[stores.lake]
url = "file:docs"
[stores.docs]
url = "${DOCS}"
[reconciliation.payout]
key = ["id"]
[reconciliation.payout.LEGACY]
sql = "all.sql"
inputs.t = { store = "lake", collection = "odd", filter = "FILTER", fields = { id = "_id" } }
[reconciliation.payout.CANDIDATE]
sql = "all.sql"
inputs.t = { store = "docs", collection = "odd", filter = "FILTER", fields = { id = "_id" } }
"#;

/// MongoDB is asked for at least what the filter lets through: no record, and none that recon could not judge, is left
/// behind by what the server makes of the condition. The same documents in a file, where nothing is asked beforehand, say
/// what must come.
#[test]
fn what_the_server_leaves_out_is_what_the_filter_leaves_out() {
    let decimal = |text: &str| Bson::Decimal128(text.parse::<Decimal128>().expect("a decimal"));
    let values = [
        Bson::Int32(10),
        Bson::Int64(3),
        decimal("9.99999999999999999999999999999999"),
        decimal("1E+3"),
        decimal("NaN"),
        decimal("Infinity"),
        Bson::Double(10.0),
        Bson::String("10".into()),
        Bson::Boolean(true),
        Bson::Null,
        Bson::DateTime(DateTime::from_millis(10)),
        Bson::Array(vec![Bson::Int32(1), Bson::Int32(12)]),
        Bson::Array(vec![]),
        Bson::Document(doc! { "v": 12 }),
    ];
    // As a field, below a document, below an array, and below two.
    type Shape = fn(Bson) -> Document;
    let below = ["a.v > 5 AND a.v < 20", "a.v <= 3 OR a.v IS NULL", "NOT a.v > 5"];
    let shapes: [(Shape, &[&str]); 4] = [
        (|v| doc! { "v": v }, &["v > 5", "v = 10 OR v < 3"]),
        (|v| doc! { "a": { "v": v } }, &below),
        (|v| doc! { "a": [{ "v": 4 }, { "v": v }] }, &below),
        (|v| doc! { "a": [{ "b": [{ "v": v }] }] }, &["a.b.v = 10", "a.b.v >= 3"]),
    ];
    let database = support::unique_name("pushdown");
    let url = support::database_url("MONGODB", &database);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = runtime.block_on(mongodb::Client::with_uri_str(&url)).expect("a URL");
    let odd = client.default_database().expect("a database").collection::<Document>("odd");
    let (mut agreed, mut failed) = (0, 0);
    for (shape, filters) in shapes {
        // Those that can be judged stand together; one that cannot ends the run, and stands beside one that can.
        for value in &values {
            let documents: Vec<Document> = [Bson::Int32(10), value.clone()]
                .into_iter()
                .zip(1..)
                .map(|(value, id)| {
                    let mut document = doc! { "_id": id };
                    document.extend(shape(value));
                    document
                })
                .collect();
            runtime.block_on(async {
                odd.drop().await.expect("dropped");
                let majority = mongodb::options::WriteConcern::majority();
                odd.insert_many(&documents).write_concern(majority).await.expect("inserted");
            });
            for filter in filters {
                let run = |legacy: &str, candidate: &str| {
                    let place = Place::new().env("DOCS", &url);
                    let project = TWO_STORES.replace("LEGACY", legacy).replace("CANDIDATE", candidate);
                    place.write("recon.toml", project.replace("FILTER", filter));
                    place.write("all.sql", "SELECT id, COUNT(*) AS n FROM t GROUP BY id\n");
                    place.write("docs/odd.bson", bson_file(&documents));
                    place.recon(&["diff", "payout", "--allow-empty", "--format", "json"])
                };
                let outcome = run("legacy", "candidate");
                match outcome.code {
                    Some(0) => agreed += 1,
                    // The file cannot be judged: then the collection cannot either.
                    Some(3) => {
                        failed += 1;
                        let swapped = run("candidate", "legacy");
                        assert_eq!(swapped.code, Some(3), "{filter} over {documents:?}: {outcome}{swapped}");
                        let said =
                            |outcome: &Outcome| outcome.stderr.contains("record") && outcome.stderr.contains("legacy");
                        assert!(said(&outcome) == said(&swapped), "{filter} over {documents:?}: {outcome}{swapped}");
                    }
                    _ => panic!("{filter} over {documents:?}: {outcome}"),
                }
            }
        }
    }
    runtime.block_on(async {
        let _ = client.default_database().expect("a database").drop().await;
        client.shutdown().await;
    });
    assert!(agreed > 30 && failed > 30, "{agreed} {failed}");
}

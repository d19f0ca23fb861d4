//! A collection that lies in the order of its keys is read as it lies; one that does not is read by its index, also when
//! that comes out only in the middle.

use mongodb::bson::{Decimal128, Document, doc};

use super::load::{Stores, mongo, mysql, postgres};
use super::{diff, discrepancies};

const DOCUMENTS: i64 = 24_000;

/// A collection whose documents were put there in this order of `_id`: one differs and one is missing. Returns what the
/// server says of the way by which it read it.
fn ways(order: impl Iterator<Item = i64>) -> Vec<String> {
    let stores = Stores::new();
    let mut csv = String::from("id,net\n");
    (0..DOCUMENTS).for_each(|id| csv.push_str(&format!("{id},{id}.25\n")));
    stores.place.write("legacy.csv", csv);
    let net = |id: i64| if id == 123 { "123.2501".to_owned() } else { format!("{id}.250") };
    let documents: Vec<Document> = order
        .filter(|id| *id != 12_345)
        .map(|id| doc! { "_id": id, "net": net(id).parse::<Decimal128>().unwrap() })
        .collect();
    assert_eq!(documents.len(), DOCUMENTS as usize - 1);
    let url = stores.url("MONGODB");
    mongo(&url, async |database| {
        let majority = mongodb::options::WriteConcern::majority();
        database.collection("lying").insert_many(documents).write_concern(majority).await.unwrap();
        database.run_command(doc! { "profile": 2 }).await.unwrap();
    });
    let (hosts, options) = url.split_once('?').unwrap_or((&url, ""));
    let candidate = format!("{hosts}{}{options}#lying", if options.is_empty() { "" } else { "?" });
    let (code, report) = diff(&stores.place, &["legacy.csv", &candidate, "--key", "id=_id"]);
    assert_eq!(code, 1, "{report}");
    assert_eq!(discrepancies(&report), ["123 mismatch net", "12345 legacy_only "], "{report}");
    assert_eq!(report["rows"]["candidate"], DOCUMENTS - 1, "{report}");
    mongo(&url, async |database| {
        database.run_command(doc! { "profile": 0 }).await.unwrap();
        // Only what read more than the looks at both ends did.
        let reads = doc! { "command.find": "lying", "command.limit": { "$exists": false } };
        let profile = database.collection::<Document>("system.profile");
        let mut found = profile.find(reads).sort(doc! { "ts": 1 }).await.unwrap();
        let mut ways = Vec::new();
        while found.advance().await.unwrap() {
            ways.push(found.current().get_str("planSummary").unwrap().to_owned());
        }
        ways
    })
}

#[test]
fn documents_in_the_order_of_their_keys_are_read_as_they_lie() {
    assert_eq!(ways(0..DOCUMENTS), ["COLLSCAN"]);
}

#[test]
fn documents_in_another_order_are_read_by_the_index() {
    assert_eq!(ways((0..DOCUMENTS).rev()), ["IXSCAN { _id: 1 }"]);
    // Drawn apart at one end.
    assert_eq!(ways([1, 0].into_iter().chain(2..DOCUMENTS)), ["IXSCAN { _id: 1 }"]);
}

#[test]
fn a_document_out_of_order_in_the_middle_is_found_and_all_is_read_again() {
    let order = (0..9_000).chain([15_000]).chain(9_000..15_000).chain(15_001..DOCUMENTS);
    assert_eq!(ways(order), ["COLLSCAN", "IXSCAN { _id: 1 }"]);
    // The last one that can be: right before what was looked at.
    let order = (0..22_000).chain([22_001, 22_000]).chain(22_002..DOCUMENTS);
    assert_eq!(ways(order), ["COLLSCAN", "IXSCAN { _id: 1 }"]);
}

/// A side that is read again makes the other one be read again too, and that one was cut off in the middle: every database
/// gets over it.
#[test]
fn a_database_beside_an_unsorted_file_is_read_again() {
    let stores = Stores::new();
    let mut lines: Vec<String> = (0..60_000).map(|id| format!("{id},{id}.25,{}", "x".repeat(80))).collect();
    let values: Vec<String> = lines
        .iter()
        .map(|line| line.splitn(3, ',').collect::<Vec<_>>())
        .map(|cells| format!("({},{},'{}')", cells[0], cells[1], cells[2]))
        .collect();
    let script = format!(
        "CREATE TABLE large (id BIGINT PRIMARY KEY, net DECIMAL(18,2), note VARCHAR(100)); INSERT INTO large VALUES {}",
        values.join(",")
    );
    mysql(&stores.url("MYSQL"), script.clone());
    postgres(&stores.url("POSTGRES"), script.clone());
    crate::support::sqlite(&stores.place.path().join("large.db"), &script);
    mongo(&stores.url("MONGODB"), async |database| {
        let documents = (0..60_000_i64).map(
            |id| doc! { "_id": id, "net": format!("{id}.25").parse::<Decimal128>().unwrap(), "note": "x".repeat(80) },
        );
        database.collection("large").insert_many(documents).await.unwrap();
    });
    // Out of order soon, long before the other side is through.
    lines.swap(10, 11);
    lines[30_000] = lines[30_000].replace(".25", ".26");
    stores.place.write("unsorted.csv", format!("id,net,note\n{}\n", lines.join("\n")));
    for (kind, key) in [("MYSQL", "id"), ("POSTGRES", "id"), ("SQLITE", "id"), ("MONGODB", "id=_id")] {
        let side = match kind {
            "SQLITE" => "sqlite:large.db#large".to_owned(),
            _ => {
                let url = stores.url(kind);
                let (hosts, options) = url.split_once('?').unwrap_or((&url, ""));
                format!("{hosts}{}{options}#large", if options.is_empty() { "" } else { "?" })
            }
        };
        let type_of = ["--type", "net=decimal"];
        let (code, report) = diff(&stores.place, &[&["unsorted.csv", &side, "--key", key], &type_of[..]].concat());
        assert_eq!((code, discrepancies(&report)), (1, vec!["30000 mismatch net".to_owned()]), "{kind}: {report}");
        assert_eq!(report["rows"]["legacy"], 60_000, "{kind}");
    }
}

#[test]
fn a_collection_that_gives_no_snapshot_is_read_without_and_says_so() {
    let stores = Stores::new();
    stores.place.write("legacy.csv", "id,net\n1,1.25\n2,2.25\n");
    let url = stores.url("MONGODB");
    mongo(&url, async |database| {
        let capped = mongodb::options::CreateCollectionOptions::builder().capped(true).size(1 << 20).build();
        database.create_collection("capped").with_options(capped).await.unwrap();
        let documents = [1, 2].map(|id| doc! { "_id": id, "net": format!("{id}.25").parse::<Decimal128>().unwrap() });
        database.collection::<Document>("capped").insert_many(documents).await.unwrap();
    });
    let (hosts, options) = url.split_once('?').unwrap_or((&url, ""));
    let candidate = format!("{hosts}{}{options}#capped", if options.is_empty() { "" } else { "?" });
    let (code, report) = diff(&stores.place, &["legacy.csv", &candidate, "--key", "id=_id"]);
    assert_eq!(code, 0, "{report}");
    assert!(report.to_string().contains("gives no snapshot"), "{report}");
}

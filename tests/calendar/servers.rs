//! Holidays in MySQL, PostgreSQL and MongoDB: made, changed, and read as each keeps dates.

use mongodb::bson::{DateTime, Document, doc};

use super::{PROJECT, json, place};
use crate::support::{Place, database_url, run_sql, server_url, unique_name};

fn payout(place: &Place) -> String {
    let list = json(place, &["list", "investors", "--from", "2026-11-05", "--to", "2026-11-05"]);
    list[0]["payout_day"].as_str().unwrap().to_owned()
}

fn tables(kind: &str, instants: &str) {
    let name = unique_name("calendar");
    run_sql(&server_url(kind), &format!("CREATE DATABASE {name}"));
    let url = database_url(kind, &name);
    let place = Place::new();
    place.write("recon.toml", PROJECT.replace("sqlite:core.db", &url));
    json(&place, &["holidays", "investors", "add", "2026-11-06", "--name", "it's a \\ 임시공휴일"]);
    let list = json(&place, &["holidays", "investors", "--year", "2026"]);
    assert!(list.as_array().unwrap().iter().any(|one| one["name"] == "it's a \\ 임시공휴일"), "{list}");
    assert_eq!(payout(&place), "2026-11-16");
    run_sql(&url, "INSERT INTO holiday VALUES ('2026-11-09', 'by hand', 'TEMPORARY')");
    assert_eq!(payout(&place), "2026-11-17");
    for day in ["2026-11-06", "2026-11-09"] {
        json(&place, &["holidays", "investors", "remove", day]);
    }
    assert_eq!(payout(&place), "2026-11-13");
    // The same days as each database keeps instants: midnight without a zone.
    run_sql(&url, &format!("CREATE TABLE off (day {instants}); INSERT INTO off VALUES ('2026-11-06 00:00:00')"));
    place.write("recon.toml", PROJECT.replace("sqlite:core.db", &url).replace("\"holiday\"", "\"off\""));
    assert_eq!(payout(&place), "2026-11-16");
    run_sql(&url, "UPDATE off SET day = '2026-11-06 10:30:00'");
    let outcome = place.recon(&["calendar", "list", "investors", "--from", "2026-11-05", "--to", "2026-11-05"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("is no day"), "{outcome}");
    run_sql(&server_url(kind), &format!("DROP DATABASE {name}"));
}

#[test]
fn a_table_of_mysql() {
    tables("MYSQL", "DATETIME");
}

#[test]
fn a_table_of_postgres() {
    tables("POSTGRES", "TIMESTAMP");
}

#[test]
fn a_collection_of_mongodb_is_read_and_not_changed() {
    let name = unique_name("calendar");
    let url = database_url("MONGODB", &name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(&server_url("MONGODB")).await.unwrap();
        // Midnight in UTC, midnight in Seoul, and text.
        let days = [
            doc! { "day": DateTime::parse_rfc3339_str("2026-11-06T00:00:00Z").unwrap() },
            doc! { "day": DateTime::parse_rfc3339_str("2026-11-08T15:00:00Z").unwrap(), "kind": "temporary" },
            doc! { "day": "2026-11-10", "name": "x" },
        ];
        client.database(&name).collection::<Document>("holiday").insert_many(days).await.unwrap();
        client
    });
    let place = place();
    let project =
        PROJECT.replace("store = \"core\", table = \"holiday\" }]", "store = \"docs\", collection = \"holiday\" }]");
    place.write("recon.toml", format!("[stores.docs]\nurl = \"{url}\"\n{project}"));
    assert_eq!(payout(&place), "2026-11-18");
    let outcome = place.recon(&["calendar", "holidays", "investors", "add", "2026-11-11"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("that can be changed"), "{outcome}");
    runtime.block_on(async {
        client.database(&name).drop().await.unwrap();
        client.shutdown().await;
    });
}

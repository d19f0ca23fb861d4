//! What an account of MongoDB may do besides reading, by the server's own list of its actions.

use mongodb::bson::{Bson, Document, doc};

use super::connect::Connection;
use crate::stores::{Settings, StoreError};

/// What a check needs, or what shows nothing that it should not see.
const READING: [&str; 16] = [
    "find",
    "listCollections",
    "listIndexes",
    "listDatabases",
    "listSearchIndexes",
    "listCachedAndActiveUsers",
    "collStats",
    "dbStats",
    "dbHash",
    "indexStats",
    "killCursors",
    "planCacheRead",
    "changeStream",
    "validate",
    "viewUser",
    "changeOwnPassword",
];

/// A sentence for each thing that the account of a URL may do and a check needs not; none when it may only read.
///
/// # Errors
/// When the server cannot be reached or does not tell.
pub(in crate::stores) fn beyond_reading(url: &str, settings: &Settings) -> Result<Vec<String>, StoreError> {
    let connection = Connection::open(url, settings)?;
    let asked = doc! { "connectionStatus": 1, "showPrivileges": true };
    let status = connection.runtime.block_on(async { connection.database.run_command(asked).await });
    let status = status.map_err(|error| connection.place.error(&error, "asking for the account's privileges"))?;
    let unreadable =
        || StoreError::failed(format!("MongoDB at {} does not tell the account's privileges", connection.place.name));
    sentences(&status).map_err(|_| unreadable())
}

fn sentences(status: &Document) -> Result<Vec<String>, mongodb::bson::error::Error> {
    let info = status.get_document("authInfo")?;
    if info.get_array("authenticatedUsers")?.is_empty() {
        return Ok(vec!["the server asks for no login: whoever reaches it may do everything".to_owned()]);
    }
    let mut sentences = Vec::new();
    for privilege in info.get_array("authenticatedUserPrivileges")?.iter().filter_map(Bson::as_document) {
        let actions = privilege.get_array("actions")?;
        let names = || actions.iter().filter_map(Bson::as_str);
        let others: Vec<&str> = names().filter(|name| !READING.contains(name)).collect();
        if others.is_empty() {
            continue;
        }
        let resource = privilege.get_document("resource")?;
        let part = |name: &str| resource.get_str(name).unwrap_or_default();
        let place = match (resource.contains_key("cluster"), part("db"), part("collection")) {
            (true, ..) => "the cluster".to_owned(),
            (_, "", "") => "every database".to_owned(),
            (_, db, "") => format!("the database {db}"),
            (_, "", collection) => format!("every collection {collection}"),
            (_, db, collection) => format!("{db}.{collection}"),
        };
        let shown = others.iter().take(6).copied().collect::<Vec<_>>().join(", ");
        let more = if others.len() > 6 { format!(" and {} more", others.len() - 6) } else { String::new() };
        sentences.push(format!("it may {shown}{more} on {place}"));
    }
    Ok(sentences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_told_apart() {
        let told = |privileges: Vec<Document>| {
            let users = vec![doc! { "user": "check", "db": "admin" }];
            let info = doc! { "authenticatedUsers": users, "authenticatedUserPrivileges": privileges };
            sentences(&doc! { "authInfo": info }).expect("reads")
        };
        let reads =
            doc! { "resource": { "db": "p2p", "collection": "" }, "actions": ["find", "listCollections", "collStats"] };
        assert_eq!(told(vec![reads.clone()]), Vec::<String>::new());
        let writes =
            doc! { "resource": { "db": "p2p", "collection": "payout" }, "actions": ["find", "insert", "update"] };
        let rules = doc! { "resource": { "cluster": true }, "actions": ["shutdown", "killop"] };
        let all =
            doc! { "resource": { "db": "", "collection": "" }, "actions": ["a", "b", "c", "d", "e", "f", "g", "h"] };
        assert_eq!(
            told(vec![reads, writes, rules, all]),
            [
                "it may insert, update on p2p.payout",
                "it may shutdown, killop on the cluster",
                "it may a, b, c, d, e, f and 2 more on every database",
            ]
        );
        let nobody: Vec<Document> = Vec::new();
        let open = doc! { "authInfo": { "authenticatedUsers": nobody.clone(), "authenticatedUserPrivileges": nobody } };
        assert_eq!(sentences(&open).expect("reads").len(), 1);
    }
}

//! What the account of checks may do besides reading, and the statements that take it away.

use crate::stores::about::About;
use crate::stores::inspect::beyond_reading;
use crate::stores::{Locator, Settings};

use super::finding::Finding;

/// Sentences that are shown; the rest is counted.
const SHOWN: usize = 3;

/// `store`: the store's own account, when the checks have another URL.
pub(super) fn of(
    place: &str,
    checks: &Locator,
    its: &About,
    store: Option<&About>,
    settings: &Settings,
) -> Vec<Finding> {
    let beyond = match beyond_reading(checks, settings) {
        Ok(beyond) => beyond,
        Err(error) => return vec![Finding::of(place, error)],
    };
    if its.product == "SQLite" {
        // Without accounts: the file is opened for reading alone, which SQLite keeps to.
        return vec![Finding::ok(place, "checks open the file for reading alone")];
    }
    let own = store.is_none_or(|store| store.account == its.account);
    match (beyond.is_empty(), own) {
        (true, false) => Vec::new(),
        (true, true) => vec![Finding::ok(place, "checks run under the store's own account, which may only read")],
        (false, own) => {
            let who = if own {
                "checks run under the store's own account"
            } else {
                "the account of checks may do more than read"
            };
            let mend = if own || is_everybodys(&beyond) { another(its) } else { less(its) };
            vec![Finding::note(place, format!("{who}: {}", shown(&beyond)), mend)]
        }
    }
}

fn shown(sentences: &[String]) -> String {
    let mut text = sentences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if sentences.len() > SHOWN {
        text.push_str(&format!("; and {} more", sentences.len() - SHOWN));
    }
    text
}

/// Whether it is an administrator's account, from which nothing should be taken.
fn is_everybodys(sentences: &[String]) -> bool {
    sentences.iter().any(|one| {
        one.contains("superuser")
            || one == "it may do everything on *.*"
            || one.contains("on every database")
            || one.contains("asks for no login")
    })
}

/// How an account is made that may only read.
fn another(its: &About) -> String {
    let database = its.database.as_deref().unwrap_or("…");
    let made = match its.product {
        "PostgreSQL" => format!(
            "CREATE ROLE recon_check LOGIN PASSWORD '…'; GRANT USAGE ON SCHEMA {0} TO recon_check; \
             GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO recon_check;",
            quoted(database, '"')
        ),
        "MongoDB" => {
            // Accounts count for nothing where nobody is asked for one.
            let first = if its.account.is_none() { "start the server with --auth, then " } else { "" };
            format!(
                "{first}db.getSiblingDB(\"{database}\").createUser({{user: \"recon_check\", pwd: passwordPrompt(), roles: [\"read\"]}})"
            )
        }
        _ => format!(
            "CREATE USER recon_check@'%' IDENTIFIED BY '…'; GRANT SELECT ON {}.* TO recon_check@'%';",
            quoted(database, '`')
        ),
    };
    format!("{made} and name it in `check_url`")
}

/// How an account that is only for checks is made to read only.
fn less(its: &About) -> String {
    let database = its.database.as_deref().unwrap_or("…");
    let account = its.account.as_deref().unwrap_or("…");
    match its.product {
        "PostgreSQL" => {
            let (schema, account) = (quoted(database, '"'), quoted(account, '"'));
            format!(
                "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {account}; REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {account}; \
                 REVOKE CREATE ON SCHEMA {schema} FROM {account}, PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {account};"
            )
        }
        "MongoDB" => {
            let (user, from) = account.rsplit_once('@').unwrap_or((account, database));
            format!(
                "db.getSiblingDB(\"{from}\").updateUser(\"{user}\", {{roles: [{{role: \"read\", db: \"{database}\"}}]}})"
            )
        }
        _ => {
            let (user, host) = account.rsplit_once('@').unwrap_or((account, "%"));
            let account = format!("{}@{}", quoted(user, '\''), quoted(host, '\''));
            format!(
                "REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}; GRANT SELECT ON {}.* TO {account};",
                quoted(database, '`')
            )
        }
    }
}

fn quoted(name: &str, quote: char) -> String {
    format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
}

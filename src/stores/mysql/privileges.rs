//! What an account of MySQL or MariaDB may do besides reading, by the server's own list of its grants.
//!
//! A line of that list may hold the hash of a password: lines are taken apart and never shown.

use url::Url;

use super::connect::Server;
use super::errors::{Doing, store_error};
use super::stream::gather;
use super::wire::{Arguments, Connection};
use crate::domain::Value;
use crate::stores::{Settings, StoreError};

/// What a check needs, or what shows nothing that it should not see.
const READING: [&str; 5] = ["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "SHOW CREATE ROUTINE"];
/// Most roles that are looked into.
const ROLES: usize = 100;

/// A sentence for each thing that the account of a URL may do and a check needs not; none when it may only read.
///
/// # Errors
/// When the server cannot be reached or does not show the account's grants.
pub(in crate::stores) fn beyond_reading(url: &Url, settings: &Settings) -> Result<Vec<String>, StoreError> {
    let server = Server::from_url(url)?;
    let mut connection = server.connect(settings)?.connection;
    let mut sentences = Vec::new();
    let mut roles: Vec<String> = Vec::new();
    let own = lines(&mut connection, "SHOW GRANTS");
    let own = own.map_err(|error| store_error(error, &server.place, Doing::Connecting))?;
    own.iter().for_each(|line| judge(line, &mut sentences, &mut roles));
    let mut at = 0;
    while at < roles.len().min(ROLES) {
        let role = roles[at].clone();
        at += 1;
        match lines(&mut connection, &format!("SHOW GRANTS FOR {role}")) {
            Ok(found) => found.iter().for_each(|line| judge(line, &mut sentences, &mut roles)),
            Err(_) => sentences.push(format!("it has the role {role}, whose privileges it may not look at")),
        }
    }
    connection.quit();
    sentences.dedup();
    Ok(sentences)
}

fn lines(connection: &mut Connection, sql: &str) -> Result<Vec<String>, super::wire::WireError> {
    let rows = gather(connection, sql, &Arguments::default())?;
    let text = |row: Vec<Value>| match row.into_iter().next() {
        Some(Value::Text { text, .. }) => Some(text.to_string()),
        _ => None,
    };
    Ok(rows.into_iter().filter_map(text).collect())
}

/// Reads one `GRANT … ON … TO …`, or `GRANT role TO …`.
fn judge(line: &str, sentences: &mut Vec<String>, roles: &mut Vec<String>) {
    let Some(rest) = line.strip_prefix("GRANT ") else { return };
    let Some(to) = outside(rest, " TO ") else { return };
    let (granted, behind) = rest.split_at(to);
    let Some(on) = outside(granted, " ON ") else {
        for role in parts(granted) {
            if !roles.iter().any(|known| known == role) {
                roles.push(role.to_owned());
            }
        }
        return;
    };
    let object = granted[on + 4..].trim();
    let mut others = Vec::new();
    for privilege in parts(&granted[..on]) {
        // `SELECT (name, other)`: of columns.
        let word = privilege.split('(').next().unwrap_or(privilege).trim().to_uppercase();
        match word.as_str() {
            known if READING.contains(&known) => {}
            "ALL" | "ALL PRIVILEGES" => sentences.push(format!("it may do everything on {object}")),
            "FILE" => sentences.push("it may read and write files of the server (FILE)".to_owned()),
            "PROCESS" => sentences.push("it may see what other sessions run (PROCESS)".to_owned()),
            "EXECUTE" => sentences.push(format!("it may call stored functions, which may write (EXECUTE on {object})")),
            "PROXY" => sentences.push(format!("it may act as {object} (PROXY)")),
            _ => others.push(word),
        }
    }
    if !others.is_empty() {
        sentences.push(format!("it may {} on {object}", others.join(", ")));
    }
    if behind.to_uppercase().contains("WITH GRANT OPTION") {
        sentences.push(format!("it may pass its privileges on {object} on to others (GRANT OPTION)"));
    }
}

/// Where `word` stands outside of quotes and parentheses.
fn outside(text: &str, word: &str) -> Option<usize> {
    let (mut quote, mut depth) = (None, 0_i32);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '`' | '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) if depth == 0 && text[at..].starts_with(word) => return Some(at),
            _ => {}
        }
    }
    None
}

/// What stands between commas that are outside of quotes and parentheses.
fn parts(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some(at) = outside(text, ",") {
        parts.push(text[..at].trim());
        text = &text[at + 1..];
    }
    parts.push(text.trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_told_apart() {
        let told = |line: &str| {
            let (mut sentences, mut roles) = (Vec::new(), Vec::new());
            judge(line, &mut sentences, &mut roles);
            (sentences, roles)
        };
        for line in [
            "GRANT USAGE ON *.* TO `c`@`%` IDENTIFIED BY PASSWORD '*SECRET'",
            "GRANT SELECT, SHOW VIEW ON `shop`.* TO `c`@`%`",
            "GRANT SELECT (`a`, `INSERT ON`) ON `shop`.`orders` TO `c`@`%`",
            "REVOKE INSERT ON `x`.* FROM `c`@`%`",
        ] {
            assert_eq!(told(line), (vec![], vec![]), "{line}");
        }
        assert_eq!(
            told(
                "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` IDENTIFIED BY PASSWORD '*SECRET' WITH GRANT OPTION"
            )
            .0,
            ["it may do everything on *.*", "it may pass its privileges on *.* on to others (GRANT OPTION)"]
        );
        assert_eq!(
            told("GRANT SELECT, INSERT, UPDATE (`a`), FILE, EXECUTE ON `s ON x`.* TO `c`@`%`").0,
            [
                "it may read and write files of the server (FILE)",
                "it may call stored functions, which may write (EXECUTE on `s ON x`.*)",
                "it may INSERT, UPDATE on `s ON x`.*",
            ]
        );
        assert_eq!(told("GRANT `a`@`%`,`b`@`%` TO `c`@`%`").1, ["`a`@`%`", "`b`@`%`"]);
        assert_eq!(told("GRANT PROXY ON ''@'%' TO 'root'@'localhost'").0, ["it may act as ''@'%' (PROXY)"]);
    }
}

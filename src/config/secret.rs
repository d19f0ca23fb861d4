//! Passwords never appear where something is printed: URLs are masked, and secrets mask themselves.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// What stands in place of a password.
const MASK: &str = "***";

/// A URL that may hold a password. `Debug` and `Display` mask it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// A text with what is secret in it.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text as it is, for the driver alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_url(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?})", mask_url(&self.0))
    }
}

/// A text that is secret as a whole, such as a header's value. `Debug` and `Display` show nothing of it, and neither
/// does the error when something else stands in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// A secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Hidden(text.into())
    }

    /// The text as it is, for whom it is sent to.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hidden({MASK})")
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Whatever else stands there is taken too, so that the refusal does not quote it.
        match toml::Value::deserialize(from)? {
            toml::Value::String(text) => Ok(Hidden(text)),
            _ => Err(D::Error::custom("this is a secret and must be a text in quotes")),
        }
    }
}

/// A URL (or a `key=value` connection text) without its password: in `user:password@`, and in options such
/// as `password=`, `pwd=`, `sslpassword=`, also percent-encoded. Everything else stays as it is. Where a
/// password was written with characters that a URL does not allow, rather too much is masked than too little.
pub fn mask_url(url: &str) -> String {
    let (scheme, rest) = match url.find("://") {
        Some(at) => url.split_at(at + 3),
        None if ["sqlite:", "file:"].iter().any(|s| url.starts_with(s)) => return mask_options(url),
        None => ("", url),
    };
    match password_range(rest, !scheme.is_empty()) {
        Some((from, until)) => {
            format!("{scheme}{}{MASK}{}", &rest[..from], mask_options(&rest[until..]))
        }
        None => format!("{scheme}{}", mask_options(rest)),
    }
}

/// Where the password lies: between the first `:` and the `@` that ends the user information.
fn password_range(rest: &str, is_url: bool) -> Option<(usize, usize)> {
    let first_at = rest.find('@')?;
    let colon = rest.find(':').filter(|colon| *colon < first_at)?;
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if !is_url {
        // `user:password@host` of other tools, but no sentence that happens to hold both signs.
        return (authority_end > first_at && !rest[..first_at].contains([' ', '='])).then_some((colon + 1, first_at));
    }
    if first_at < authority_end {
        // A password may hold further `@` and `/`; an `@` in options or fragment is none of it.
        let end = rest[first_at..].find(['?', '#']).map_or(rest.len(), |at| first_at + at);
        return Some((colon + 1, rest[..end].rfind('@')?));
    }
    if colon > authority_end {
        return None;
    }
    // No `@` before the first `/`, `?` or `#`: a host with its port, or a password that holds one of them.
    let port = rest[colon + 1..authority_end].bytes().all(|b| b.is_ascii_digit());
    let in_path = rest.find(['?', '#']).is_none_or(|end| first_at < end);
    (!port || in_path).then_some(())?;
    Some((colon + 1, rest.rfind('@')?))
}

fn mask_options(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for option in text.split_inclusive(['?', '&', ';', ' ', '#']) {
        let body = option.trim_end_matches(['?', '&', ';', ' ', '#']);
        match body.split_once('=') {
            Some((name, value)) if is_secret(name) && !value.is_empty() => {
                out.push_str(name);
                out.push('=');
                out.push_str(MASK);
                out.push_str(&option[body.len()..]);
            }
            _ => out.push_str(option),
        }
    }
    out
}

fn is_secret(name: &str) -> bool {
    let name = percent_decoded(name).to_ascii_lowercase();
    ["password", "passwd", "pwd", "passphrase", "secret", "token", "authmechanismproperties", "apikey", "api_key"]
        .iter()
        .any(|word| name.contains(word))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
        match tail {
            [high, low, after @ ..] if *first == b'%' => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = after;
                }
                _ => {
                    bytes.push(*first);
                    rest = tail;
                }
            },
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_and_nothing_else() {
        for (url, masked) in [
            ("mysql://recon:s3cret@host:3306/p2p#t", "mysql://recon:***@host:3306/p2p#t"),
            ("mysql://recon@host:3306/p2p#t", "mysql://recon@host:3306/p2p#t"),
            ("mysql://host:3306/p2p#a@b", "mysql://host:3306/p2p#a@b"),
            ("postgres://:pw@host/db", "postgres://:***@host/db"),
            ("mysql://recon:a%40b@host/db", "mysql://recon:***@host/db"),
            ("mysql://recon:p@ss/w@host/db?x=a@b", "mysql://recon:***@host/db?x=a@b"),
            ("mysql://recon:p/w@host/db", "mysql://recon:***@host/db"),
            ("mysql://recon:p#w@host/db", "mysql://recon:***@host/db"),
            ("mysql://recon:p?w@host/db", "mysql://recon:***@host/db"),
            ("mysql://recon:12/34@host/db", "mysql://recon:***@host/db"),
            ("mongodb://u:p@h1:1,h2:2/db?authSource=admin#c", "mongodb://u:***@h1:1,h2:2/db?authSource=admin#c"),
            (
                "mongodb://h/db?tlsCertificateKeyFilePassword=x&w=1",
                "mongodb://h/db?tlsCertificateKeyFilePassword=***&w=1",
            ),
            ("postgres://h/db?user=u&pass%77ord=x#t", "postgres://h/db?user=u&pass%77ord=***#t"),
            ("mysql://h/db?PWD=x", "mysql://h/db?PWD=***"),
            (
                "mongodb://h/db?authMechanismProperties=AWS_SESSION_TOKEN:abc",
                "mongodb://h/db?authMechanismProperties=***",
            ),
            ("host=h user=u password=x dbname=d", "host=h user=u password=*** dbname=d"),
            ("u:p@tcp(h:3306)/db", "u:***@tcp(h:3306)/db"),
            ("sqlite:data/a:b@c.db#orders", "sqlite:data/a:b@c.db#orders"),
            ("data/2026-11.csv.gz", "data/2026-11.csv.gz"),
            ("file:data", "file:data"),
        ] {
            assert_eq!(mask_url(url), masked);
        }
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = Secret::new("mysql://u:hunter2@h/db");
        assert!(!format!("{secret} {secret:?} {:?}", Some(&secret)).contains("hunter2"));
        assert_eq!(secret.expose(), "mysql://u:hunter2@h/db");
        let hidden = Hidden::new("Bearer hunter2");
        assert_eq!(format!("{hidden} {hidden:?}"), "*** Hidden(***)");
    }
}

//! Keeps passwords out of what is written down: those of URLs wherever one stands, and those it was told of.
//!
//! Applied to texts for people (details, reasons, places, snapshots), never to keys, values or amounts: there a
//! password that looks like a number must not change a figure.

use crate::config::{Secret, mask_url};

const MASK: &str = "***";
/// What is shorter is found everywhere, and no secret.
const SHORTEST: usize = 4;

/// Secrets that must not be written down.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Adds the password of a store's URL, or the whole text when it is no URL.
    pub(crate) fn add(&mut self, secret: &Secret) {
        match url::Url::parse(secret.expose()) {
            Ok(url) => {
                let options = url.query_pairs().filter(|(name, _)| name.to_ascii_lowercase().contains("password"));
                let mut found: Vec<String> = options.map(|(_, value)| value.into_owned()).collect();
                if let Some(password) = url.password() {
                    found.push(password.to_owned());
                    found.push(
                        url::form_urlencoded::parse(password.replace('+', "%2B").replace('&', "%26").as_bytes())
                            .map(|(name, _)| name.into_owned())
                            .collect(),
                    );
                }
                self.0.extend(found);
            }
            Err(_) => self.0.push(secret.expose().to_owned()),
        }
        self.0.retain(|secret| secret.chars().count() >= SHORTEST);
        // The longest first: one may hold another.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        self.0.dedup();
    }

    /// The text without them.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut hidden = hide_urls(text);
        for secret in &self.0 {
            hidden = hidden.replace(secret.as_str(), MASK);
        }
        hidden
    }
}

/// Masks every URL in a text.
pub(super) fn hide_urls(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ',' | ';' | '(' | ')' | '|');
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if ends(c) {
            out.push_str(&masked(&word));
            word.clear();
            out.push(c);
        } else {
            word.push(c);
        }
    }
    out + &masked(&word)
}

fn masked(word: &str) -> String {
    if word.contains("://") { mask_url(word) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_get_through() {
        let mut secrets = Secrets::default();
        secrets.add(&Secret::new("postgres://recon:hunt%40er2@db/ledger"));
        secrets.add(&Secret::new("mysql://h/db?sslpassword=tls-secret"));
        secrets.add(&Secret::new("plain-token"));
        let text = "url = \"mysql://u:other-pass@h/db\", said hunt@er2 and hunt%40er2, tls-secret, Bearer plain-token; net 1000.50";
        let hidden = secrets.hide(text);
        for secret in ["other-pass", "hunt@er2", "hunt%40er2", "tls-secret", "plain-token"] {
            assert!(!hidden.contains(secret), "{secret} in {hidden}");
        }
        assert!(hidden.contains("mysql://u:***@h/db") && hidden.contains("net 1000.50"), "{hidden}");
    }
}

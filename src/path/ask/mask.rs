//! What a service says, without the secrets that it was sent: services quote. Must be applied before a text is cut,
//! or a part of a secret would be left.

use base64::Engine as _;

/// Texts that must not be shown.
#[derive(Clone, Default)]
pub(super) struct Mask {
    /// The longest first: one may lie within another.
    secrets: Vec<String>,
}

impl Mask {
    /// Of these texts; those of one or two characters would be found everywhere.
    pub(super) fn new(secrets: impl IntoIterator<Item = String>) -> Mask {
        let mut all: Vec<String> = Vec::new();
        for secret in secrets {
            // As JSON quotes it.
            let quoted = serde_json::to_string(&secret).unwrap_or_default();
            all.push(quoted.trim_matches('"').to_owned());
            all.push(secret);
        }
        all.retain(|secret| secret.len() > 2);
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Mask { secrets: all }
    }

    /// What a header's value holds that must not be shown: the whole, what follows the scheme (`Bearer …`), and user and
    /// password of `Basic …`.
    pub(super) fn of_header(value: &str) -> Vec<String> {
        let mut secrets = vec![value.to_owned()];
        if let Some((scheme, rest)) = value.split_once(' ') {
            secrets.push(rest.trim().to_owned());
            let decoded = base64::engine::general_purpose::STANDARD.decode(rest.trim()).ok();
            let pair = decoded.filter(|_| scheme.eq_ignore_ascii_case("basic")).and_then(|b| String::from_utf8(b).ok());
            if let Some(pair) = pair {
                secrets.extend(pair.split_once(':').map(|(_, password)| password.to_owned()));
                secrets.push(pair);
            }
        }
        secrets
    }

    /// The text without them.
    pub(super) fn hide(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_whole_and_in_parts() {
        let mut secrets = Mask::of_header("Basic cGF5ZXI6aHVudGVyMg==");
        secrets.extend(Mask::of_header("Bearer abc\"def"));
        secrets.extend(["abc".to_owned(), "a".to_owned()]);
        let mask = Mask::new(secrets);
        for text in ["Basic cGF5ZXI6aHVudGVyMg==", "cGF5ZXI6aHVudGVyMg==", "hunter2", "payer:hunter2", "abc"] {
            assert_eq!(mask.hide(text), "***", "{text}");
        }
        assert_eq!(mask.hide(r#"{"sent":"Bearer abc\"def"} a"#), r#"{"sent":"***"} a"#);
        assert_eq!(mask.hide("abc\"def"), "***");
    }
}

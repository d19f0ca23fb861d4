//! Headers of a calculation API: which names and values can be sent. Values are secrets; no message holds one.

use super::secret::Hidden;

/// What recon says itself of every call.
const OWN: [&str; 14] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Checks one header after `before`; case does not tell names apart.
///
/// # Errors
/// Why it cannot be sent; never with its value.
pub(crate) fn check_header(name: &str, value: &Hidden, before: &[(String, Hidden)]) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(format!("`{name}` is no name of a header: letters, digits and `-`"));
    }
    if OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(format!("the header `{name}` is recon's own"));
    }
    if before.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
        return Err(format!("the header `{name}` stands twice"));
    }
    let value = value.expose();
    if value.trim().is_empty() {
        return Err(format!("the header `{name}` has an empty value"));
    }
    if value.trim() != value || !value.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Err(format!(
            "the value of the header `{name}` cannot be sent: only printable ASCII, without blanks at its ends"
        ));
    }
    Ok(())
}

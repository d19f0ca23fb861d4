//! How to reach a server: what a URL or an option file can say. Must not connect.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

use super::WireError;

/// How to reach a server and who asks.
#[derive(Clone)]
pub(in super::super) struct Options {
    pub(in super::super) host: String,
    pub(in super::super) port: u16,
    /// Used in place of host and port.
    pub(in super::super) socket: Option<PathBuf>,
    pub(in super::super) user: String,
    /// Empty: none.
    pub(in super::super) password: String,
    pub(in super::super) database: Option<String>,
    pub(in super::super) tls: TlsMode,
    pub(in super::super) ca: Option<Pem>,
    pub(in super::super) certificate: Option<Pem>,
    pub(in super::super) key: Option<Pem>,
}

/// `ssl-mode`, as MySQL's own programs understand it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum TlsMode {
    Disabled,
    /// Encrypted where the server can; its certificate is not looked at.
    Preferred,
    /// Encrypted or not at all.
    Required,
    /// And its certificate is signed by one that is trusted.
    VerifyCa,
    /// And made out to the host.
    VerifyIdentity,
}

/// A certificate or key: a file, or its text.
#[derive(Clone)]
pub(in super::super) enum Pem {
    File(PathBuf),
    Text(String),
}

impl Pem {
    fn from_option(value: &str) -> Self {
        let trimmed = value.trim();
        if trimmed.starts_with("-----BEGIN") && trimmed.ends_with("-----") {
            Pem::Text(value.to_owned())
        } else {
            Pem::File(value.into())
        }
    }

    /// The text.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn read(&self) -> Result<Vec<u8>, WireError> {
        match self {
            Pem::Text(text) => Ok(text.clone().into_bytes()),
            Pem::File(path) => std::fs::read(path)
                .map_err(|error| WireError::Configuration(format!("{} cannot be read: {error}", path.display()))),
        }
    }

    /// How messages name it.
    pub(super) fn name(&self) -> String {
        match self {
            Pem::Text(_) => "the certificate in the URL".to_owned(),
            Pem::File(path) => path.display().to_string(),
        }
    }
}

impl Options {
    /// What the URL says, with MySQL's defaults for the rest. Its options must be known ones.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(in super::super) fn from_url(url: &Url) -> Result<Self, String> {
        let decoded = |text: &str, what: &str| match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(format!("its {what} is not UTF-8")),
        };
        let host = url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
        let database = decoded(url.path().trim_start_matches('/'), "database")?;
        let mut options = Options {
            host: host.filter(|host| !host.is_empty()).unwrap_or("localhost").to_owned(),
            port: url.port().unwrap_or(3306),
            socket: None,
            user: match url.username() {
                "" => "root".to_owned(),
                user => decoded(user, "user")?,
            },
            password: decoded(url.password().unwrap_or_default(), "password")?,
            database: (!database.is_empty()).then_some(database),
            tls: TlsMode::Preferred,
            ca: None,
            certificate: None,
            key: None,
        };
        for (name, value) in url.query_pairs() {
            match &*name {
                "ssl-mode" | "sslmode" => options.tls = tls_mode(&value)?,
                "ssl-ca" | "sslca" => options.ca = Some(Pem::from_option(&value)),
                "ssl-cert" | "sslcert" => options.certificate = Some(Pem::from_option(&value)),
                "ssl-key" | "sslkey" => options.key = Some(Pem::from_option(&value)),
                "socket" => options.socket = Some(PathBuf::from(&*value)),
                other => return Err(format!("the option `{other}` is not known")),
            }
        }
        Ok(options)
    }
}

fn tls_mode(text: &str) -> Result<TlsMode, String> {
    Ok(match &*text.to_ascii_lowercase().replace('-', "_") {
        "disabled" => TlsMode::Disabled,
        "preferred" => TlsMode::Preferred,
        "required" => TlsMode::Required,
        "verify_ca" => TlsMode::VerifyCa,
        "verify_identity" => TlsMode::VerifyIdentity,
        _ => {
            return Err(format!(
                "`ssl-mode` cannot be `{text}`: it is disabled, preferred, required, verify_ca or verify_identity"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_how_to_reach_a_server() {
        let text = "mysql://re%40con:s%23c%C3%A9@[::1]:3307/shop%20one?ssl-mode=VERIFY-CA&ssl-ca=/ca.pem&socket=/run/s";
        let options = Options::from_url(&Url::parse(text).expect("url")).expect("options");
        assert_eq!((options.user.as_str(), options.password.as_str()), ("re@con", "s#cé"));
        assert_eq!((options.host.as_str(), options.port), ("::1", 3307));
        assert_eq!(options.database.as_deref(), Some("shop one"));
        assert_eq!(options.socket, Some(PathBuf::from("/run/s")));
        assert!(options.tls == TlsMode::VerifyCa && matches!(options.ca, Some(Pem::File(_))));
        let plain = Options::from_url(&Url::parse("mysql:///").expect("url")).expect("options");
        assert_eq!((plain.host.as_str(), plain.port, plain.tls), ("localhost", 3306, TlsMode::Preferred));
        assert!(plain.database.is_none() && plain.password.is_empty());
        for wrong in ["mysql://h/?ssl-mode=maybe", "mysql://h/?compress=1", "mysql://u:%ff@h/"] {
            assert!(Options::from_url(&Url::parse(wrong).expect("url")).is_err(), "{wrong}");
        }
    }
}

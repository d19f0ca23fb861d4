//! One call: what is sent, and what went wrong when there is no proper answer. Must not show what URL and headers hide.

use std::time::Duration;

use serde_json::value::RawValue;

use crate::domain::shorten;

use super::super::command::seconds;
use super::Service;

/// Longest body of an answer.
const LARGEST_ANSWER: u64 = 64 << 20;
/// Why a call gave no answers.
pub(super) struct Fault {
    pub(super) reason: String,
    /// Another attempt may give another outcome.
    pub(super) retry: bool,
    /// It took the whole time.
    pub(super) timeout: bool,
    /// It says something about the service, not about the records.
    pub(super) service: bool,
    pub(super) after: Option<Duration>,
}

impl Fault {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Fault { reason: reason.into(), retry: false, timeout: false, service: false, after: None }
    }
}

impl Service {
    /// One call; the body of a proper answer.
    pub(super) fn call(&self, body: &[u8], time: Duration) -> Result<Vec<u8>, Fault> {
        let mut request = self
            .agent
            .post(&self.url)
            .config()
            .timeout_global(Some(time))
            .build()
            .header("content-type", "application/json")
            .header("accept", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut answer = request.send(body).map_err(|error| transport(&error, time))?;
        let status = answer.status().as_u16();
        let after = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(retry_after);
        let read = answer.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
        if status == 200 {
            return read.map_err(|error| transport(&error, time));
        }
        // What the service says about it is for the eyes of whoever looks; it decides nothing.
        let said = read.map(|bytes| self.masked(&String::from_utf8_lossy(&bytes))).unwrap_or_default();
        let mut fault = Fault::new(format!("the API answered {status}"));
        if !said.is_empty() {
            fault.reason.push_str(&format!(": {said}"));
        }
        fault.retry = matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504);
        fault.service = matches!(status, 300..=399 | 401 | 403 | 404 | 405 | 407 | 429 | 502 | 503 | 504);
        fault.after = after;
        Err(fault)
    }

    /// The text of an answer of the right shape.
    pub(super) fn checked(&self, bytes: Vec<u8>) -> Result<String, Fault> {
        let text = String::from_utf8(bytes).map_err(|_| Fault::new("the API's answer is not valid UTF-8"))?;
        match body(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(Fault::new(format!(
                "the API's answer is neither {{\"records\":[…]}} nor an array: `{}`",
                shorten(&self.masked(&text), 80)
            ))),
        }
    }

    /// What a service says, without what URL and headers hide: services quote what they were sent.
    fn masked(&self, text: &str) -> String {
        let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        shorten(&self.mask.hide(&text), 200)
    }
}

/// The one shape of an answer; the other is the bare array.
#[derive(serde::Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

pub(super) fn body(text: &str) -> Result<Vec<&RawValue>, serde_json::Error> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text);
    }
    serde_json::from_str::<Named<'_>>(text).map(|named| named.records)
}

/// What went wrong on the way. The library's own text may hold the address.
fn transport(error: &ureq::Error, time: Duration) -> Fault {
    use std::io::ErrorKind;
    let mut fault = Fault::new(match error {
        ureq::Error::Timeout(_) => format!("no answer within {}", seconds(time)),
        ureq::Error::HostNotFound => "the API's host was not found".to_owned(),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            "the API refused the connection".to_owned()
        }
        ureq::Error::Io(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            format!("no answer within {}", seconds(time))
        }
        ureq::Error::Io(error) => format!("the connection to the API broke off: {error}"),
        ureq::Error::ConnectionFailed => "no connection to the API".to_owned(),
        ureq::Error::BodyExceedsLimit(_) => format!("the API's answer is longer than {} MiB", LARGEST_ANSWER >> 20),
        ureq::Error::Protocol(error) => format!("the API does not speak HTTP as it should: {error}"),
        ureq::Error::Rustls(error) => format!("no safe connection to the API: {error}"),
        ureq::Error::Tls(error) => format!("no safe connection to the API: {error}"),
        _ => "the call to the API failed".to_owned(),
    });
    fault.timeout = matches!(error, ureq::Error::Timeout(_))
        || matches!(error, ureq::Error::Io(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock));
    fault.service = !matches!(error, ureq::Error::BodyExceedsLimit(_));
    fault.retry = matches!(
        error,
        ureq::Error::Timeout(_) | ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_)
    );
    fault
}

/// Seconds, or the time of day to wait for.
fn retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    at.duration_since(jiff::Timestamp::now()).try_into().ok()
}

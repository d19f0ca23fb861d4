//! Asking a calculation API: batches of records by POST, a bounded number of calls at a time, retries where that is
//! safe, and batches that fail are cut down until only the records that cannot be computed are left.
//!
//! Must not show the URL's user, password or query. Must not run beyond its time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::value::RawValue;
use ureq::Agent;
use url::Url;

use crate::domain::{Batch, cmp_keys, shorten};
use crate::stores::{Stop, StoreError};

use super::answers::{Answers, match_cell};
use super::command::seconds;
use super::input::{Groups, Input};
use super::wire::{write_fields, write_record, write_text, write_value};
use super::{AskInput, End, HttpSettings};

/// Longest body of an answer.
const LARGEST_ANSWER: u64 = 64 << 20;
/// Bytes of records after which a batch is sent although it holds fewer records.
const LARGEST_CALL: usize = 8 << 20;
/// First pause before another attempt; doubled each time.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause that a service may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Single records in a row, without any proper answer between them, after which a service that cannot be reached, or
/// refuses every call, is taken to be gone.
const GONE: u32 = 20;
/// How often a pause looks whether it is to end.
const STEP: Duration = Duration::from_millis(50);

/// A calculation API, ready to be asked.
pub(super) struct Service {
    settings: HttpSettings,
    agent: Agent,
    /// Without user and password.
    url: String,
    authorization: Option<String>,
    /// What must not be shown of an answer.
    secrets: Vec<String>,
    /// The body up to the records.
    head: Vec<u8>,
}

/// The records of one key, written down.
struct Written {
    /// Objects with commas between them.
    json: Vec<u8>,
    /// Where its key stands among the call's.
    key: usize,
}

/// What a worker takes from the input at once.
struct Call {
    keys: Batch,
    groups: Vec<Written>,
}

/// Why a call gave no answers.
struct Fault {
    reason: String,
    /// Another attempt may give another outcome.
    retry: bool,
    /// It took the whole time.
    timeout: bool,
    /// It says something about the service, not about the records.
    service: bool,
    after: Option<Duration>,
}

impl Fault {
    fn new(reason: impl Into<String>) -> Self {
        Fault { reason: reason.into(), retry: false, timeout: false, service: false, after: None }
    }
}

/// What the workers share.
struct Run<'a> {
    service: &'a Service,
    asked: &'a AskInput,
    names: &'a [String],
    key: usize,
    deadline: Instant,
    groups: Mutex<Groups>,
    answers: Mutex<&'a mut Answers>,
    /// Single records in a row that the service did not take.
    refused: AtomicU32,
    gone: OnceLock<String>,
    late: AtomicBool,
}

impl Service {
    /// Checks the settings.
    ///
    /// # Errors
    /// Class `Usage` when they cannot be used.
    pub(super) fn new(settings: &HttpSettings, asked: &AskInput) -> Result<Self, StoreError> {
        let hint = "give the address of the calculation API: http = { url = \"https://host/settle\" }";
        // The parser's message may hold the text.
        let mut url = Url::parse(settings.url.expose())
            .map_err(|error| StoreError::usage(format!("the API's `url` is not one: {error}")).hint(hint))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(StoreError::usage("the API's `url` must begin with http:// or https:// and a host").hint(hint));
        }
        if settings.batch == 0 || settings.concurrency == 0 || settings.timeout.is_zero() {
            return Err(StoreError::usage("`batch`, `concurrency` and `timeout` of an API must be more than 0"));
        }
        let (user, password) = (decoded(url.username()), url.password().map(decoded));
        let mut secrets: Vec<String> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
        secrets.extend(url.query().map(str::to_owned));
        secrets.extend(password.clone());
        let authorization = (!user.is_empty() || password.is_some()).then(|| {
            let pair = format!("{user}:{}", password.unwrap_or_default());
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        });
        secrets.extend(authorization.clone());
        secrets.retain(|secret| secret.len() > 2);
        // Only a URL without a host refuses this.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(settings.concurrency)
            .max_idle_connections_per_host(settings.concurrency)
            .user_agent(concat!("recon/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let mut head = b"{\"schema\":\"recon.ask/1\",\"params\":".to_vec();
        write_fields(&asked.params, &mut head).map_err(|why| StoreError::usage(format!("the parameter {why}")))?;
        head.extend_from_slice(b",\"reference\":{");
        for (at, table) in asked.reference.iter().enumerate() {
            head.extend_from_slice(if at > 0 { b"," } else { b"" });
            write_text(&table.name, &mut head);
            head.push(b':');
            let rows = crate::domain::Value::Array(table.rows.clone());
            write_value(&rows, &mut head)
                .map_err(|why| StoreError::failed(format!("the reference table `{}`: {why}", table.name)))?;
        }
        head.extend_from_slice(b"},\"reference_hash\":{");
        for (at, table) in asked.reference.iter().enumerate() {
            head.extend_from_slice(if at > 0 { b"," } else { b"" });
            write_text(&table.name, &mut head);
            head.push(b':');
            write_text(&table.hash, &mut head);
        }
        head.extend_from_slice(b"},\"records\":[");
        Ok(Service { settings: settings.clone(), agent, url: url.into(), authorization, secrets, head })
    }

    /// The address without anything that may be secret.
    fn shown(&self) -> &str {
        self.url.split('?').next().unwrap_or("")
    }

    /// Asks about every key.
    pub(super) fn ask(&self, input: &Input, asked: &AskInput, answers: &mut Answers) -> Result<End, StoreError> {
        let run = Run {
            service: self,
            asked,
            names: &input.columns,
            key: input.key.len(),
            deadline: Instant::now() + self.settings.run_timeout,
            groups: Mutex::new(input.groups()),
            answers: Mutex::new(answers),
            refused: AtomicU32::new(0),
            gone: OnceLock::new(),
            late: AtomicBool::new(false),
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.settings.concurrency).map(|_| scope.spawn(|| run.work())).collect();
            let ended = workers.into_iter().map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(StoreError::failed("a call to the API panicked; this is a fault of recon")))
            });
            // Every worker is waited for, whatever the first one says.
            ended.collect::<Vec<_>>().into_iter().collect::<Result<(), StoreError>>()
        })?;
        let silent = "the API's answer does not hold this key".to_owned();
        let end = match (run.gone.get(), run.late.load(Ordering::Relaxed)) {
            (Some(reason), _) => {
                Err(StoreError::failed(format!("the API {} is gone: {reason}", self.shown())).hint("is it running?"))
            }
            (None, true) => Err(StoreError::failed(format!(
                "the run's time of {} was over before the API {} had answered everything",
                seconds(self.settings.run_timeout),
                self.shown()
            ))
            .hint("raise `run_timeout` or `concurrency`, if the API can bear it")),
            (None, false) => Ok(()),
        };
        Ok(End { silent, end })
    }

    /// One call; the body of a proper answer.
    fn call(&self, body: &[u8], time: Duration) -> Result<Vec<u8>, Fault> {
        let mut request = self
            .agent
            .post(&self.url)
            .config()
            .timeout_global(Some(time))
            .build()
            .header("content-type", "application/json")
            .header("accept", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
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

    fn masked(&self, text: &str) -> String {
        let mut text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        for secret in &self.secrets {
            text = text.replace(secret, "***");
        }
        shorten(&text, 200)
    }
}

impl Run<'_> {
    /// Takes batches from the input until there are none left.
    fn work(&self) -> Result<(), StoreError> {
        while let Some(call) = self.next()? {
            let groups: Vec<&Written> = call.groups.iter().collect();
            if !groups.is_empty() {
                self.solve(&call.keys, &groups, None)?;
            }
        }
        Ok(())
    }

    /// The next batch of the input. Keys that must not be asked about are dealt with here.
    fn next(&self) -> Result<Option<Call>, StoreError> {
        let settings = &self.service.settings;
        let mut input = lock(&self.groups)?;
        let mut call = Call { keys: Batch::new(self.key), groups: Vec::new() };
        let (mut records, mut bytes, mut any) = (0, 0, false);
        while records < settings.batch && bytes < LARGEST_CALL {
            let Some(group) = input.next()? else { break };
            any = true;
            let mut json = Vec::new();
            let written = group.written(|batch| {
                (0..batch.rows()).try_for_each(|row| {
                    if row > 0 {
                        json.push(b',');
                    }
                    write_record(batch, row, self.names, &mut json)
                })
            });
            if let Err(why) = written {
                lock(&self.answers)?.unknown(&group.records, 0, &why)?;
                continue;
            }
            let key = call.keys.start_row();
            for column in 0..self.key {
                let cell = call.keys.copy_cell(group.records.at(0, column));
                call.keys.set(key, column, cell);
            }
            records += group.records.rows();
            bytes += json.len();
            call.groups.push(Written { json, key });
        }
        Ok(any.then_some(call))
    }

    /// Asks about these keys; what fails as a whole is cut in halves. `cut_for`: the fault of the whole.
    fn solve(&self, keys: &Batch, groups: &[&Written], cut_for: Option<&Fault>) -> Result<(), StoreError> {
        if self.asked.stop.stop.load(Ordering::Relaxed) {
            return Err(Stop.into());
        }
        if let Some(why) = self.cannot() {
            return self.give_up(keys, groups, &why);
        }
        // The whole was tried often enough; only a last single record is worth further attempts, and not one that
        // takes the whole time of a call.
        let retries = match cut_for {
            None => self.service.settings.retries,
            Some(fault) if groups.len() == 1 && !fault.timeout => self.service.settings.retries,
            Some(_) => 0,
        };
        let fault = match self.attempt(keys, groups, retries)? {
            None => return Ok(()),
            Some(fault) => fault,
        };
        if groups.len() > 1 {
            let (left, right) = groups.split_at(groups.len() / 2);
            self.solve(keys, left, Some(&fault))?;
            return self.solve(keys, right, Some(&fault));
        }
        if !fault.service {
            self.refused.store(0, Ordering::Relaxed);
        } else if self.refused.fetch_add(1, Ordering::Relaxed) + 1 >= GONE {
            let _ = self.gone.set(format!("{GONE} records in a row got no answer, the last: {}", fault.reason));
        }
        self.give_up(keys, groups, &fault.reason)
    }

    /// Why nothing more is asked.
    fn cannot(&self) -> Option<String> {
        if let Some(reason) = self.gone.get() {
            return Some(format!("not asked: {reason}"));
        }
        if Instant::now() >= self.deadline {
            self.late.store(true, Ordering::Relaxed);
            return Some(format!(
                "not asked: the run's time of {} was over",
                seconds(self.service.settings.run_timeout)
            ));
        }
        None
    }

    fn give_up(&self, keys: &Batch, groups: &[&Written], why: &str) -> Result<(), StoreError> {
        let mut answers = lock(&self.answers)?;
        groups.iter().try_for_each(|group| answers.unknown(keys, group.key, why))
    }

    /// Calls until there is an answer; the last fault when there is none.
    fn attempt(&self, keys: &Batch, groups: &[&Written], retries: u32) -> Result<Option<Fault>, StoreError> {
        let mut body = self.service.head.clone();
        // Written anew for every cut: bodies are short-lived, and a cut is rare.
        for (at, group) in groups.iter().enumerate() {
            body.extend_from_slice(if at > 0 { b"," } else { b"" });
            body.extend_from_slice(&group.json);
        }
        body.extend_from_slice(b"]}");
        let mut attempt = 0;
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.late.store(true, Ordering::Relaxed);
                let over = seconds(self.service.settings.run_timeout);
                return Ok(Some(Fault::new(format!("not answered: the run's time of {over} was over"))));
            }
            let called = self.service.call(&body, self.service.settings.timeout.min(left));
            let mut fault = match called.and_then(checked) {
                Ok(text) => {
                    self.refused.store(0, Ordering::Relaxed);
                    self.deliver(keys, groups, &text)?;
                    return Ok(None);
                }
                Err(fault) => fault,
            };
            attempt += 1;
            if !fault.retry || attempt > retries || self.gone.get().is_some() {
                if attempt > 1 {
                    fault.reason.push_str(&format!(" (tried {attempt} times)"));
                }
                return Ok(Some(fault));
            }
            self.pause(attempt, fault.after)?;
        }
    }

    /// Waits before another attempt: exponentially longer with full jitter, or as long as the service asked for.
    fn pause(&self, attempt: u32, after: Option<Duration>) -> Result<(), StoreError> {
        let ceiling = PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
        let jitter = Duration::from_millis(fastrand::u64(0..=ceiling.as_millis().try_into().unwrap_or(u64::MAX)));
        let wait = after.map_or(jitter, |after| after.min(LONGEST_RETRY_AFTER) + jitter);
        let until = (Instant::now() + wait).min(self.deadline);
        loop {
            if self.asked.stop.stop.load(Ordering::Relaxed) {
                return Err(Stop.into());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(STEP));
        }
    }

    /// Takes the elements of a proper answer.
    fn deliver(&self, keys: &Batch, groups: &[&Written], text: &str) -> Result<(), StoreError> {
        let asked = Asked::of(keys, groups, self.key);
        let mut answers = lock(&self.answers)?;
        let elements = body(text).map_err(|error| StoreError::failed(error.to_string()))?;
        for (at, element) in elements.iter().enumerate() {
            let place = || format!("element {} of an answer", at + 1);
            answers.take_if(element.get(), place, |row, at| asked.contains(row, at))?;
        }
        Ok(())
    }
}

/// The keys of one call, as they are matched, in order.
struct Asked {
    keys: Batch,
    order: Vec<usize>,
    key: usize,
}

impl Asked {
    fn of(keys: &Batch, groups: &[&Written], key: usize) -> Self {
        let mut matched = Batch::new(key);
        for group in groups {
            let row = matched.start_row();
            for column in 0..key {
                let cell = match_cell(keys.at(group.key, column), &mut matched);
                matched.set(row, column, cell);
            }
        }
        let mut order: Vec<usize> = (0..matched.rows()).collect();
        order.sort_by(|a, b| cmp_keys(&matched, *a, &matched, *b, key));
        Asked { keys: matched, order, key }
    }

    fn contains(&self, row: &Batch, at: usize) -> bool {
        self.order.binary_search_by(|own| cmp_keys(&self.keys, *own, row, at, self.key)).is_ok()
    }
}

/// The one shape of an answer; the other is the bare array.
#[derive(serde::Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

fn body(text: &str) -> Result<Vec<&RawValue>, serde_json::Error> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text);
    }
    serde_json::from_str::<Named<'_>>(text).map(|named| named.records)
}

/// The text of an answer of the right shape.
fn checked(bytes: Vec<u8>) -> Result<String, Fault> {
    let text = String::from_utf8(bytes).map_err(|_| Fault::new("the API's answer is not valid UTF-8"))?;
    match body(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(Fault::new(format!(
            "the API's answer is neither {{\"records\":[…]}} nor an array: `{}`",
            shorten(text.trim(), 80)
        ))),
    }
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

/// A part of a URL without its percent signs.
fn decoded(text: &str) -> String {
    // What would mean something in a form means itself here.
    let literal = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let mut pairs = url::form_urlencoded::parse(literal.as_bytes());
    pairs.next().map_or_else(String::new, |(name, _)| name.into_owned())
}

fn lock<T>(shared: &Mutex<T>) -> Result<MutexGuard<'_, T>, StoreError> {
    shared.lock().map_err(|_| StoreError::failed("another call to the API panicked; this is a fault of recon"))
}

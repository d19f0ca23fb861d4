//! Asking a calculation API: batches of records by POST, a bounded number of calls at a time, retries where that is
//! safe, and batches that fail are cut down until only the records that cannot be computed are left.
//!
//! Must not show the URL's user, password or query, or the values of headers. Must not run beyond its time.

mod call;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::config::check_header;
use crate::domain::{Batch, cmp_keys};
use crate::stores::{Stop, StoreError};

use super::answers::{Answers, match_cell};
use super::command::seconds;
use super::input::{Groups, Input};
use super::mask::Mask;
use super::wire::{write_fields, write_record, write_text, write_value};
use super::{AskInput, End, HttpSettings};
use call::{Fault, body};

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
    /// Sent with every call.
    headers: HeaderMap,
    /// What must not be shown of an answer.
    mask: Mask,
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
    /// A worker failed: the others end soon.
    failed: AtomicBool,
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
        let mut headers = HeaderMap::new();
        for (at, (name, value)) in settings.headers.iter().enumerate() {
            let hint = "headers = { Authorization = \"Bearer ${TOKEN}\" }";
            let wrong = |why: String| StoreError::usage(why).hint(hint);
            check_header(name, value, &settings.headers[..at]).map_err(wrong)?;
            if authorization.is_some() && name.eq_ignore_ascii_case("authorization") {
                return Err(wrong("both the API's `url` and its headers say who asks".into())
                    .hint("leave user and password out of `url`, or the header `Authorization` out"));
            }
            secrets.extend(Mask::of_header(value.expose()));
            headers.insert(header_name(name)?, header_value(value.expose())?);
        }
        if let Some(authorization) = &authorization {
            secrets.extend(Mask::of_header(authorization));
            headers.insert(AUTHORIZATION, header_value(authorization)?);
        }
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
        Ok(Service { settings: settings.clone(), agent, url: url.into(), headers, mask: Mask::new(secrets), head })
    }

    /// What must not be shown of its answers.
    pub(super) fn mask(&self) -> Mask {
        self.mask.clone()
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
            failed: AtomicBool::new(false),
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
                let said = |codes: &[&str]| codes.iter().any(|code| reason.contains(&format!("answered {code}")));
                let hint = match reason {
                    _ if said(&["401", "403"]) => {
                        "it turned us away: check the user and password in `url`, or `headers`"
                    }
                    _ if said(&["404", "405"]) => "it answers, but not there: check the path in `url`",
                    _ if said(&["30"]) => "redirects are not followed: give the address that it points to",
                    _ => "is it running?",
                };
                let what = format!("the API {} gives no usable answers: {reason}", self.shown());
                Err(StoreError::failed(what).hint(hint))
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
}

impl Run<'_> {
    /// Takes batches from the input until there are none left.
    fn work(&self) -> Result<(), StoreError> {
        let worked = self.work_on();
        if worked.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        worked
    }

    fn work_on(&self) -> Result<(), StoreError> {
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
        if self.failed.load(Ordering::Relaxed) {
            return Ok(None);
        }
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
            let mut fault = match called.and_then(|bytes| self.service.checked(bytes)) {
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

fn header_name(name: &str) -> Result<HeaderName, StoreError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| StoreError::usage(format!("`{name}` is no name of a header")))
}

/// A value that the library's own messages do not show either.
fn header_value(value: &str) -> Result<HeaderValue, StoreError> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| StoreError::usage("a header's value cannot be sent as it is"))?;
    value.set_sensitive(true);
    Ok(value)
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

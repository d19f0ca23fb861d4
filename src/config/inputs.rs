//! Inputs of a computation, and the settings of programs and calculation APIs: from what is written to what it means.

use std::ops::Range;

use toml::Spanned;

use super::error::{did_you_mean, listed};
use super::raw::{ParamType, RawField, RawFields, RawInput, RawPath};
use super::reconciliation::{Command, Field, Http, Input, Origin};
use super::validate::{Result, Text, Validator};
use super::{duration, raw};
use crate::domain::{Filter, Literal};

/// Most calls that may be under way at once.
const MOST_CALLS: u32 = 1024;
/// Most records of one call.
const MOST_RECORDS: u32 = 100_000;

/// Validates one input.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn input(
    check: &Validator<'_>,
    name: &str,
    raw: &Spanned<RawInput>,
    params: &[(String, ParamType)],
) -> Result<Input> {
    let input = raw.get_ref();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        return Err(check
            .error(raw.span(), format!("`{name}` cannot be the name of an input"))
            .hint("a name has letters, digits and `_`, and begins with no digit"));
    }
    if let Some(filter) = &input.filter {
        let known = |name: &str| match params.iter().any(|(param, _)| param == name) {
            true => Ok(Literal::Bool(true)),
            false => Err(format!(
                "there is no parameter `:{name}`; there are: {}",
                listed(params.iter().map(|(name, _)| name.as_str()))
            )),
        };
        Filter::parse_with(filter.get_ref(), &known).map_err(|e| check.error(filter.span(), e.to_string()))?;
    }
    let fields = match &input.fields {
        Some(fields) => self::fields(check, fields)?,
        None => Vec::new(),
    };
    if let Some(unwind) = &input.unwind {
        if unwind.get_ref().is_empty() {
            return Err(check.error(unwind.span(), "`unwind` names the array whose items become records"));
        }
        if fields.is_empty() {
            return Err(check
                .error(
                    unwind.span(),
                    "`unwind` needs `fields`: which fields of the document and of its items are taken",
                )
                .hint(format!("e.g. fields = {{ holder = \"{}.holder\" }}", unwind.get_ref())));
        }
    }
    let named = [&input.table, &input.collection, &input.file];
    Ok(Input {
        name: name.to_owned(),
        store: check.store(&input.store)?,
        what: check.what(raw.span(), named, input.query.as_ref(), input.pipeline.as_ref())?,
        filter: input.filter.as_ref().map(|text| text.get_ref().clone()),
        unwind: input.unwind.as_ref().map(|text| text.get_ref().clone()),
        fields,
    })
}

fn fields(check: &Validator<'_>, raw: &Spanned<RawFields>) -> Result<Vec<Field>> {
    let mut fields: Vec<Field> = Vec::new();
    let mut add = |name: String, path: String, column_type, at: Range<usize>| {
        if name.is_empty() || path.is_empty() || path.split('.').any(str::is_empty) {
            return Err(check.error(at, format!("`{path}` is not the path of a field")));
        }
        if fields.iter().any(|field| field.name.eq_ignore_ascii_case(&name)) {
            return Err(check
                .error(at, format!("two fields are named `{name}`"))
                .hint("name them: fields = { name = \"path\" }"));
        }
        fields.push(Field { name, path, column_type });
        Ok(())
    };
    match raw.get_ref() {
        RawFields::Names(names) => {
            for name in names {
                let path = name.get_ref().clone();
                let last = path.rsplit('.').next().unwrap_or_default().to_owned();
                add(last, path, None, name.span())?;
            }
        }
        RawFields::Paths(paths) => {
            for (name, field) in paths {
                let (path, column_type) = match field {
                    RawField::Path(path) => (path.clone(), None),
                    RawField::Full(full) => {
                        (full.path.clone().unwrap_or_else(|| name.get_ref().clone()), full.column_type)
                    }
                };
                add(name.get_ref().clone(), path, column_type, name.span())?;
            }
        }
    }
    if fields.is_empty() {
        return Err(check.error(raw.span(), "`fields` is empty").hint("leave it out to take every top-level field"));
    }
    Ok(fields)
}

/// Validates a path that asks a program or an API for the outcome of each record.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn asked(check: &Validator<'_>, path: &RawPath, at: Range<usize>, inputs: Vec<Input>) -> Result<Origin> {
    let (records, reference) = records(check, path, at.clone(), inputs)?;
    if let Some(http) = &path.http {
        if let Some(timeout) = &path.timeout {
            return Err(check.error(timeout.span(), "an API's `timeout` stands within `http = { … }`"));
        }
        let settings = settings(check, http)?;
        return Ok(Origin::Http { settings, records, reference });
    }
    let arguments = path.command.as_ref().map(|c| c.get_ref().clone()).unwrap_or_default();
    if arguments.first().is_none_or(|program| program.trim().is_empty()) {
        return Err(check.error(at, "`command` names no program"));
    }
    let timeout = path.timeout.as_ref().map(|text| time(check, text)).transpose()?;
    let settings = Command { arguments, folder: check.folder.to_owned(), timeout };
    Ok(Origin::Command { settings, records, reference })
}

fn records(
    check: &Validator<'_>,
    path: &RawPath,
    at: Range<usize>,
    mut inputs: Vec<Input>,
) -> Result<(Input, Vec<Input>)> {
    let names = || inputs.iter().map(|input| input.name.as_str());
    let place = match &path.records {
        Some(wanted) => inputs.iter().position(|input| input.name == *wanted.get_ref()).ok_or_else(|| {
            let what = format!("there is no input `{}`; there are: {}", wanted.get_ref(), listed(names()));
            let mut error = check.error(wanted.span(), what);
            error.hint = did_you_mean(wanted.get_ref(), names());
            error
        })?,
        None if inputs.len() == 1 => 0,
        None => {
            let what = format!("which of the inputs is asked for, record by record? There are: {}", listed(names()));
            return Err(check
                .error(at, what)
                .hint("name it with `records = \"…\"`; the other inputs are sent along as reference tables"));
        }
    };
    let records = inputs.remove(place);
    Ok((records, inputs))
}

fn settings(check: &Validator<'_>, http: &raw::RawHttp) -> Result<Http> {
    let number = |number: &Option<Spanned<u32>>, name: &str, most: u32| match number {
        Some(n) if !(1..=most).contains(n.get_ref()) => {
            Err(check.error(n.span(), format!("`{name}` is from 1 to {most}")))
        }
        n => Ok(n.as_ref().map(|n| *n.get_ref())),
    };
    let time = |text: &Option<Text>| text.as_ref().map(|text| time(check, text)).transpose();
    let mut headers = Vec::new();
    // In the order of the file, so that what stands twice is the second.
    let mut written: Vec<_> = http.headers.iter().collect();
    written.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in written {
        let wrong = |why: String| check.error(name.span(), why);
        super::check_header(name.get_ref(), value.get_ref(), &headers).map_err(wrong)?;
        headers.push((name.get_ref().clone(), value.get_ref().clone()));
    }
    Ok(Http {
        url: http.url.get_ref().clone(),
        headers,
        batch: number(&http.batch, "batch", MOST_RECORDS)?,
        concurrency: number(&http.concurrency, "concurrency", MOST_CALLS)?,
        timeout: time(&http.timeout)?,
        run_timeout: time(&http.run_timeout)?,
        retries: http.retries,
    })
}

fn time(check: &Validator<'_>, text: &Text) -> Result<std::time::Duration> {
    match duration(text.get_ref()) {
        Ok(time) if time.is_zero() => Err(check.error(text.span(), "a time limit of nothing")),
        Ok(time) => Ok(time),
        Err(why) => Err(check.error(text.span(), why)),
    }
}

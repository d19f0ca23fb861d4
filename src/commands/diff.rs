//! `recon diff`: two sides given as locators, or a reconciliation of `recon.toml`, compared read-only.

use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;

use crate::cli::{DiffArgs, Global, MissingRule, ReadArgs, TypesRule};
use crate::compare::{Compared, Comparison, Definition, Recheck, SideInput, compare};
use crate::domain::{Amount, ColumnType, Filter, Missing, NumberForm, Rules, Types, Value, parse_date, parse_instant};
use crate::exit::Exit;
use crate::path::Path;
use crate::report::{Report, Verdict};
use crate::stores::{CsvSettings, Locator, Settings, Wish};

use super::cycle::project;
use super::log::{self, Level};
use super::ours::not_ours;
use super::{Failure, output, progress};

/// Both sides and what is compared of them.
#[derive(Clone)]
pub(super) struct Request {
    pub definition: Definition,
    pub legacy: Path,
    pub candidate: Path,
    pub name: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be compared or reported.
pub fn run(global: &Global, args: &DiffArgs) -> Result<Exit, Failure> {
    Ok(output::exit_of(report(global, args)?.verdict))
}

/// Compares and writes the report, which is returned too.
///
/// # Errors
/// As [`run`].
pub(super) fn report(global: &Global, args: &DiffArgs) -> Result<Report, Failure> {
    let format = output::format_of(args.format, args.output.as_deref())?;
    let mut compared = compared(global, args)?;
    let report = &compared.report;
    let level = match report.verdict {
        Verdict::Agree => Level::Info,
        Verdict::Differ | Verdict::Incomplete => Level::Error,
    };
    let fields = serde_json::json!({
        "verdict": report.verdict.name(), "exit": i32::from(output::exit_of(report.verdict)),
        "counts": report.counts.object(), "reasons": report.reasons,
    });
    log::event(level, "verdict", fields);
    output::write(global, &mut compared, format, args.limit, args.output.as_deref())?;
    Ok(compared.report)
}

/// Compares.
///
/// # Errors
/// When nothing could be compared.
pub(super) fn compared(global: &Global, args: &DiffArgs) -> Result<Compared, Failure> {
    let settings = settings(&args.read)?;
    let request = match &args.candidate {
        Some(candidate) => ad_hoc(args, candidate, &settings)?,
        None => super::named::request(global, args, &settings)?,
    };
    if let Some(path) = &args.output {
        let project = args.candidate.is_none().then(|| project(global)).transpose()?;
        not_ours(path, project.as_ref(), files(&request))?;
    }
    let estimates = Arc::new(progress::Estimates::default());
    let sides = [Arc::clone(&request.legacy.progress), Arc::clone(&request.candidate.progress)];
    let started = Instant::now();
    let mut compared = {
        let _display = progress::start(global.quiet, sides, Arc::clone(&estimates));
        compare(&comparison(&args.read, request, estimates))
    }?;
    compared.report.elapsed = started.elapsed();
    Ok(compared)
}

/// The files that the sides are read from.
pub(super) fn files(request: &Request) -> impl Iterator<Item = &std::path::Path> {
    [&request.legacy, &request.candidate].into_iter().flat_map(|side| &side.files).map(std::path::PathBuf::as_path)
}

pub(super) fn comparison(args: &ReadArgs, request: Request, estimates: Arc<progress::Estimates>) -> Comparison {
    let named = request.definition.named_columns();
    let candidate_names = named.iter().map(|name| request.definition.candidate_name(name)).collect();
    let ranges = request.legacy.ranges.max(request.candidate.ranges);
    let input = |path: Path, paths: Vec<String>| SideInput {
        label: path.label,
        make: path.make,
        wish: Wish { paths },
        progress: path.progress,
    };
    Comparison {
        legacy: input(request.legacy, named),
        candidate: input(request.candidate, candidate_names),
        definition: request.definition,
        partitions: ranges,
        recheck: Recheck { rounds: args.recheck, delay: args.recheck_delay },
        memory: args.memory,
        keep: false,
        allow_empty: args.allow_empty,
        name: request.name,
        on_open: Box::new(move |legacy, candidate| estimates.set(legacy, candidate)),
    }
}

pub(super) fn settings(args: &ReadArgs) -> Result<Settings, Failure> {
    Ok(Settings {
        zone: zone(&args.timezone)?,
        connect_timeout: args.connect_timeout,
        read_timeout: args.read_timeout,
        csv: CsvSettings {
            delimiter: args.csv_delimiter,
            header: !args.csv_no_header,
            null_text: args.csv_null.clone(),
        },
        ..Settings::default()
    })
}

fn zone(name: &str) -> Result<TimeZone, Failure> {
    if name.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| {
        Failure::usage(format!("`{name}` is not a time zone"))
            .hint("zones are named as in the IANA database: Asia/Seoul")
    })
}

fn ad_hoc(args: &DiffArgs, candidate: &str, settings: &Settings) -> Result<Request, Failure> {
    if args.read.keep_inputs.is_some() {
        return Err(Failure::usage(
            "`--keep-inputs` keeps what a path of recon.toml is computed from: two sides have no inputs",
        ));
    }
    if args.key.is_empty() {
        return Err(Failure::usage("`--key` is missing: records are compared by their key")
            .hint("name the key columns, e.g. `--key id` or `--key id,currency`; `--key id=_id` when the candidate's name is another"));
    }
    let side = |option: &str, locator: &str, query: &Option<String>| -> Result<Locator, Failure> {
        let locator = Locator::parse(locator)?;
        let Some(query) = query else { return Ok(locator) };
        Ok(locator.with_query(text_or_file(option, query)?)?)
    };
    if let (Some(param), None, None) = (args.param.first(), &args.legacy_query, &args.candidate_query) {
        return Err(Failure::usage(format!("`--param {param}`: no query takes it"))
            .hint("parameters go with `--legacy-query` and `--candidate-query`, or with a reconciliation's name"));
    }
    let params = args.param.iter().map(|p| untyped_param(p)).collect::<Result<Vec<_>, _>>()?;
    let definition = overrides(args, Definition::default())?;
    let path = |locator: Locator| {
        let mut path = Path::stored(vec![locator.with_params(params.clone())], settings)?;
        path.ranges = usize::from(args.read.partitions);
        Ok::<_, Failure>(path)
    };
    let legacy = path(side("--legacy-query", &args.legacy, &args.legacy_query)?)?;
    let candidate = path(side("--candidate-query", candidate, &args.candidate_query)?)?;
    Ok(Request { definition, legacy, candidate, name: None })
}

/// What the flags say on top of a definition.
pub(super) fn overrides(args: &DiffArgs, mut definition: Definition) -> Result<Definition, Failure> {
    let pair = |option: &str, text: &str| match text.split_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => Ok((left.to_owned(), right.to_owned())),
        _ => {
            let failure = Failure::usage(format!("`{option} {text}` is not of the form column=value"));
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            Err(if digits { failure.hint("a comma is between columns; decimals are written 0.01") } else { failure })
        }
    };
    if !args.key.is_empty() {
        let key = |text: &String| match text.split_once('=') {
            None if !text.is_empty() => Ok((text.clone(), text.clone())),
            _ => pair("--key", text),
        };
        definition.key_given = true;
        definition.key = args.key.iter().map(key).collect::<Result<_, _>>()?;
    }
    for (at, (name, _)) in definition.key.iter().enumerate() {
        if definition.key[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(Failure::usage(format!("`--key` names `{name}` twice")));
        }
    }
    for text in &args.map {
        let (legacy, candidate) = pair("--map", text)?;
        definition.map.retain(|(l, _)| *l != legacy);
        definition.map.push((legacy, candidate));
    }
    if !args.columns.is_empty() {
        definition.only = Some(args.columns.clone());
    }
    definition.ignore.extend(args.ignore.iter().cloned());
    for name in &args.columns {
        if args.ignore.contains(name) {
            return Err(Failure::usage(format!("`{name}` stands in both `--columns` and `--ignore`")));
        }
    }
    for text in &args.tolerance {
        let (column, tolerance) = pair("--tolerance", text)?;
        let tolerance = tolerance.parse().map_err(|e| Failure::usage(format!("`--tolerance {text}`: {e}")))?;
        definition.tolerances.retain(|(c, _)| *c != column);
        definition.tolerances.push((column, tolerance));
    }
    for text in &args.column_type {
        let (column, kind) = pair("--type", text)?;
        let kind: ColumnType = kind.parse().map_err(|e| Failure::usage(format!("`--type {text}`: {e}")))?;
        definition.types.retain(|(c, _)| *c != column);
        definition.types.push((column, kind));
    }
    if let Some(text) = &args.condition {
        let condition = Filter::parse(text).map_err(|e| {
            Failure::usage(e.to_string())
                .hint("`--where` takes comparisons of a column with a literal, joined by AND, OR and NOT")
        })?;
        definition.filter = Some(match definition.filter.take() {
            Some(configured) => Filter::All(vec![configured, condition]),
            None => condition,
        });
    }
    definition.rules = rules(&args.read, definition.rules)?;
    Ok(definition)
}

/// The rules of equality that the flags ask for.
pub(super) fn rules(args: &ReadArgs, given: Rules) -> Result<Rules, Failure> {
    let mut rules = Rules { zone: zone(&args.timezone)?, ..given };
    if let Some(missing) = args.missing {
        rules.missing = match missing {
            MissingRule::Null => Missing::Null,
            MissingRule::Distinct => Missing::Distinct,
        };
    }
    if let Some(types) = args.types {
        rules.types = match types {
            TypesRule::Lenient => Types::Lenient,
            TypesRule::Strict => Types::Strict,
        };
    }
    Ok(rules)
}

/// A query text, or the text of the file that `@file` names.
pub(super) fn text_or_file(option: &str, text: &str) -> Result<String, Failure> {
    match text.strip_prefix('@') {
        None => Ok(text.to_owned()),
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("`{option} @{path}` could not be read: {error}"))
                .hint("check the file's name and rights")
        }),
    }
}

/// `name=value` (text) or `name:type=value`.
fn untyped_param(text: &str) -> Result<(String, Value), Failure> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(Failure::usage(format!("`--param {text}` is not of the form name=value")));
    };
    let (name, kind) = name.split_once(':').unwrap_or((name, "text"));
    Ok((name.to_owned(), typed(name, kind, value)?))
}

/// A parameter's value in its type.
pub(super) fn typed(name: &str, kind: &str, text: &str) -> Result<Value, Failure> {
    let number = |form| Amount::parse(text).ok().map(|amount| Value::Number { amount, form });
    let value = match kind {
        "text" => Some(Value::Text { text: text.to_owned(), untyped: false }),
        "integer" => {
            number(NumberForm::Integer).filter(|v| v.amount().is_some_and(|a| a.is_integral() && a.small().is_some()))
        }
        "decimal" => number(NumberForm::Decimal),
        "boolean" => text.parse().ok().map(Value::Bool),
        "date" => parse_date(text).map(Value::Date),
        "instant" => parse_instant(text, &TimeZone::UTC).map(|i| Value::Instant { nanos: i.nanos, digits: i.digits }),
        other => {
            return Err(Failure::usage(format!("`{other}`, the type of parameter `{name}`, is not known"))
                .hint("the types are text, integer, decimal, boolean, date and instant"));
        }
    };
    value.ok_or_else(|| {
        let form = match kind {
            "date" => "dates are written 2026-11-13",
            "instant" => "instants are written 2026-11-13T22:00:00+09:00 (without a zone: UTC)",
            "boolean" => "truth values are written true or false",
            "integer" => "integers are written with digits alone, e.g. 1500",
            _ => "decimals are written with digits and a point, e.g. 1500.25",
        };
        Failure::usage(format!("`{text}` is not a valid {kind} for the parameter `{name}`")).hint(form)
    })
}

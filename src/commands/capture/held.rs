//! What came out of a case held against what the run came to, key by key. Must not compute, and shows numbers only of columns
//! that it is told are amounts: all else may be personal.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::cases::Actual;
use crate::domain::Value;

use super::of_run::{Came, canonical, key_name};

/// How the values of a run are written in a case: by column and text.
pub(super) type Mapped<'a> = &'a mut dyn FnMut(&str, &str) -> Result<String, String>;

/// How the reason of an unknown is written in a case.
pub(super) type Reasoned<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// How a run is held against a case.
pub(super) struct Against<'a> {
    /// The key's columns.
    pub(super) names: &'a [String],
    /// The compared columns.
    pub(super) columns: &'a [String],
    /// Columns whose numbers messages may show.
    pub(super) amounts: &'a BTreeSet<String>,
    /// How the reason of an unknown is written in the case; `None` where reasons are not held against each other.
    pub(super) reason: Option<Reasoned<'a>>,
}

/// A case beside the run.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Keys that came out otherwise, by their name in the run, and how.
    pub(super) other: BTreeMap<String, String>,
    /// Keys in the case that were not asked for.
    pub(super) extra: Vec<Vec<Value>>,
}

/// What one key came to, as lines that are equal when it came to the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lines {
    /// Decided columns; `None` where the run's decisions are gone.
    decided: Option<BTreeMap<String, String>>,
    logged: BTreeSet<Line>,
}

/// What was logged of a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    kind: String,
    column: String,
    legacy: String,
    candidate: String,
    /// Why it is unknown.
    reason: String,
}

/// A reason without what only the layout of a message makes.
fn reason(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Holds them against each other.
///
/// # Errors
/// A value of the run cannot be written as the case writes it.
pub(super) fn held(
    came: &BTreeMap<String, Came>,
    actual: &Actual,
    against: &Against<'_>,
    mapped: Mapped<'_>,
) -> Result<Held, String> {
    let names = against.names;
    let mut found = of_case(actual, names, against.reason.is_some());
    let mut held = Held::default();
    for (name, came) in came {
        let key: Vec<Value> = (names.iter().zip(&came.key))
            .map(|(name, value)| as_mapped(name, value, mapped))
            .collect::<Result<_, _>>()?;
        let expected = of_run(came, against, mapped)?;
        match found.remove(&key_name(&key)) {
            None => {
                held.other.insert(name.clone(), "did not come out at all".to_owned());
            }
            Some((_, lines)) => {
                if let Some(how) = difference(&expected, &lines, against.amounts) {
                    held.other.insert(name.clone(), how);
                }
            }
        }
    }
    held.extra = found.into_values().map(|(key, _)| key).collect();
    Ok(held)
}

/// Takes the reasons of unknown keys from a case that came out as the run did: each store has its own words for what it cannot
/// read, and the masked case is run on the same ones.
pub(super) fn take_reasons(came: &mut BTreeMap<String, Came>, actual: &Actual, names: &[String]) {
    let found = of_case(actual, names, true);
    for (name, came) in came {
        let Some((_, lines)) = found.get(name) else { continue };
        for logged in came.logged.iter_mut().filter(|logged| logged.reason.is_some()) {
            let column = logged.column.clone().unwrap_or_default();
            let same = lines.logged.iter().find(|line| line.kind == logged.kind && line.column == column);
            logged.reason = same.map(|line| line.reason.clone()).filter(|reason| !reason.is_empty());
        }
    }
}

fn as_mapped(column: &str, value: &Value, mapped: Mapped<'_>) -> Result<Value, String> {
    if value.is_missing() {
        return Ok(Value::Null);
    }
    let text = value.to_string();
    let made = mapped(column, &text)?;
    Ok(if made == text { value.clone() } else { Value::Text { text: made, untyped: false } })
}

fn of_run(came: &Came, against: &Against<'_>, mapped: Mapped<'_>) -> Result<Lines, String> {
    let (names, columns) = (against.names, against.columns);
    let mut lines = Lines::default();
    if let Some(decision) = &came.decision {
        let mut decided = BTreeMap::new();
        for (name, value) in names.iter().chain(columns).zip(decision.key.iter().chain(&decision.values)) {
            decided.insert(name.clone(), canonical(&as_mapped(name, value, mapped)?));
        }
        decided.insert("recon_source".to_owned(), format!("t{}", decision.taken.name()));
        decided.insert("recon_reason".to_owned(), format!("t{}", decision.reason.name()));
        lines.decided = Some(decided);
    }
    for logged in &came.logged {
        let column = logged.column.clone().unwrap_or_default();
        let mut side = |text: &Option<String>| -> Result<String, String> {
            let Some(text) = text else { return Ok("-".to_owned()) };
            match serde_json::from_str::<Json>(text) {
                // Copies of a duplicate: an object for each.
                Ok(Json::Array(copies)) if logged.column.is_none() => copies_line(&copies, mapped),
                _ => Ok(canonical(&Value::Text { text: mapped(&column, text)?, untyped: false })),
            }
        };
        let (legacy, candidate) = (side(&logged.legacy)?, side(&logged.candidate)?);
        let why = match (&logged.reason, against.reason) {
            (Some(text), Some(made)) => reason(&made(text)?),
            _ => String::new(),
        };
        lines.logged.insert(Line { kind: logged.kind.clone(), column, legacy, candidate, reason: why });
    }
    Ok(lines)
}

fn copies_line(copies: &[Json], mapped: Mapped<'_>) -> Result<String, String> {
    let mut lines = Vec::new();
    for copy in copies {
        let mut cells = Vec::new();
        for (name, value) in copy.as_object().into_iter().flatten() {
            let text = match value.as_str() {
                Some(text) => canonical(&Value::Text { text: mapped(name, text)?, untyped: false }),
                None => "-".to_owned(),
            };
            cells.push(format!("{name}={text}"));
        }
        cells.sort();
        lines.push(cells.join(","));
    }
    lines.sort();
    Ok(lines.join(";"))
}

type Found = BTreeMap<String, (Vec<Value>, Lines)>;

fn of_case(actual: &Actual, names: &[String], reasons: bool) -> Found {
    let text = |text: Option<&str>| match text {
        Some(text) => Value::Text { text: text.to_owned(), untyped: false },
        None => Value::Null,
    };
    let mut all: Found = BTreeMap::new();
    for row in &actual.decisions {
        let cell =
            |name: &String| text(row.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.as_deref()));
        let key: Vec<Value> = names.iter().map(cell).collect();
        let decided = row
            .iter()
            .map(|(name, value)| match name.as_str() {
                "recon_source" | "recon_reason" => (name.clone(), format!("t{}", value.clone().unwrap_or_default())),
                _ => (name.clone(), canonical(&text(value.as_deref()))),
            })
            .collect();
        let lines = Lines { decided: Some(decided), logged: BTreeSet::new() };
        all.insert(key_name(&key), (key, lines));
    }
    for json in &actual.discrepancies {
        let part = |name: &String| text(json.get("key").and_then(|key| key.get(name)).and_then(Json::as_str));
        let key: Vec<Value> = names.iter().map(part).collect();
        let kind = json.get("kind").and_then(Json::as_str).unwrap_or_default().to_owned();
        let why = json.get("reason").and_then(Json::as_str).filter(|_| reasons).map(reason).unwrap_or_default();
        let (_, lines) = all.entry(key_name(&key)).or_insert_with(|| (key, Lines::default()));
        let fields = json.get("fields").and_then(Json::as_array).into_iter().flatten();
        let before = lines.logged.len();
        for field in fields {
            let side = |side: &str| canonical(&text(field.get(side).and_then(Json::as_str)));
            let column = field.get("column").and_then(Json::as_str).unwrap_or_default().to_owned();
            let (legacy, candidate) = (side("legacy"), side("candidate"));
            lines.logged.insert(Line { kind: kind.clone(), column, legacy, candidate, reason: why.clone() });
        }
        if lines.logged.len() == before {
            let copies = |side: &str| {
                let copies = json.get("copies").and_then(|copies| copies.get(side)).and_then(Json::as_array);
                let mut same = |_: &str, text: &str| Ok(text.to_owned());
                copies
                    .filter(|copies| !copies.is_empty())
                    .and_then(|copies| copies_line(copies, &mut same).ok())
                    .unwrap_or_else(|| "-".to_owned())
            };
            let (legacy, candidate) = (copies("legacy"), copies("candidate"));
            lines.logged.insert(Line { kind, column: String::new(), legacy, candidate, reason: why });
        }
    }
    all
}

/// In what it came out otherwise: numbers of amounts are shown, nothing else is.
fn difference(run: &Lines, case: &Lines, amounts: &BTreeSet<String>) -> Option<String> {
    let shown = |column: &str, text: &str| match text.strip_prefix('n') {
        Some(number) if amounts.contains(column) => number.to_owned(),
        _ if text == "-" => "NULL".to_owned(),
        _ => "a value that is not shown".to_owned(),
    };
    if let Some(decided) = &run.decided {
        let empty = BTreeMap::new();
        let now = case.decided.as_ref().unwrap_or(&empty);
        for (name, value) in decided {
            let other = now.get(name).map_or("-", String::as_str);
            if other == value {
                continue;
            }
            if name.starts_with("recon_") {
                let word = |text: &str| text.strip_prefix('t').unwrap_or(text).to_owned();
                return Some(format!("{name} was {} and is {}", word(value), word(other)));
            }
            return Some(match (shown(name, value), shown(name, other)) {
                (one, other) if one == other => format!("{name} was decided otherwise"),
                (one, other) => format!("{name} was decided as {one} and is {other}"),
            });
        }
    }
    if run.logged == case.logged {
        return None;
    }
    let line = |line: &Line| match line.column.is_empty() {
        true => line.kind.clone(),
        false => {
            let (legacy, candidate) = (shown(&line.column, &line.legacy), shown(&line.column, &line.candidate));
            format!("{} {} {legacy} / {candidate}", line.kind, line.column)
        }
    };
    let lines = |all: &BTreeSet<Line>| match all.is_empty() {
        true => "no discrepancy".to_owned(),
        false => all.iter().map(line).collect::<Vec<_>>().join(", "),
    };
    Some(match (lines(&run.logged), lines(&case.logged)) {
        (one, other) if one != other => format!("{one} was logged, and {other} came out"),
        (one, _) => {
            let whys = |all: &BTreeSet<Line>| all.iter().map(|line| line.reason.clone()).collect::<BTreeSet<String>>();
            let what = if whys(&run.logged) == whys(&case.logged) { "with other values" } else { "for another reason" };
            format!("{one} was logged, and it came out {what}")
        }
    })
}

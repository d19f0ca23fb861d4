//! What came out of a case, and how it differs from what was expected. Amounts are held against each other by value,
//! everything else letter by letter. Pure.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use similar::{Algorithm, ChangeTag, TextDiff};

use crate::domain::{Amount, is_plain_literal, shortest_literal};
use crate::ledger::RunVerdict;

use super::expect::{Expect, Row, essential};

/// Lines of a difference that are shown.
const SHOWN: usize = 24;
/// Equal lines around a change.
const CONTEXT: usize = 1;

/// What came out of a case.
#[derive(Clone, Debug)]
pub struct Actual {
    /// The verdict.
    pub verdict: RunVerdict,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// Why a side could not be computed, or not to its end, if so.
    pub failed: Option<String>,
    /// The decisions in key order, columns in the order of the comparison; `recon_source` and `recon_reason` at the end.
    pub decisions: Vec<Row>,
    /// Columns whose values are amounts or other numbers.
    pub numeric: BTreeSet<String>,
    /// How many of a decision's columns are the key.
    pub key: usize,
    /// Every discrepancy as in recon's JSON, in key order.
    pub discrepancies: Vec<Json>,
}

/// One way in which a case came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `verdict`, `reason`, `decisions` or `discrepancies`.
    pub what: &'static str,
    /// The lines that show it.
    pub lines: Vec<(Mark, String)>,
}

/// What a line of a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// In both.
    Same,
    /// Only expected.
    Expected,
    /// Only in what came out.
    Actual,
}

impl Mark {
    /// The sign before the line.
    pub fn sign(self) -> char {
        match self {
            Mark::Same => ' ',
            Mark::Expected => '-',
            Mark::Actual => '+',
        }
    }
}

impl Actual {
    /// Every difference from what was expected; none: the case holds.
    pub fn differences(&self, expect: &Expect) -> Vec<Difference> {
        let mut all = Vec::new();
        if self.verdict != expect.verdict {
            let mut lines = vec![(Mark::Expected, expect.verdict.name().to_owned())];
            lines.push((Mark::Actual, self.verdict.name().to_owned()));
            lines.extend(self.reasons.iter().map(|reason| (Mark::Same, format!("because {reason}"))));
            all.push(Difference { what: "verdict", lines });
        }
        if let Some(reason) = &expect.reason
            && !self.reasons.iter().any(|found| found.contains(reason))
        {
            let mut lines = vec![(Mark::Expected, reason.clone())];
            lines.extend(self.reasons.iter().map(|reason| (Mark::Actual, reason.clone())));
            all.push(Difference { what: "reason", lines });
        }
        let columns = |row: &Row| row.iter().map(|(name, _)| name.clone()).collect::<Vec<String>>();
        let order = self.decisions.first().or(expect.decisions.first()).map(columns).unwrap_or_default();
        let expected = self.table(&expect.decisions, &order);
        all.extend(difference("decisions", &expected, &self.table(&self.decisions, &order)));
        let reason_of = |json: &Json| json.get("reason").and_then(Json::as_str).map(str::to_owned);
        // A reason that the expectation gives must be in that of the discrepancy; the wording around it may change.
        let reasons: Vec<String> = expect.discrepancies.iter().filter_map(reason_of).collect();
        let actual = self.discrepancies.iter().map(|found| {
            let shown = reason_of(found).filter(|_| !reasons.is_empty());
            let known =
                shown.map(|shown| reasons.iter().find(|reason| shown.contains(*reason)).cloned().unwrap_or(shown));
            self.line(found, known.as_deref())
        });
        let expected = expect.discrepancies.iter().map(|json| self.line(json, reason_of(json).as_deref()));
        all.extend(difference("discrepancies", &sorted(expected.collect()), &sorted(actual.collect())));
        all
    }

    /// Decisions as lines of CSV with a header, in key order.
    fn table(&self, rows: &[Row], order: &[String]) -> Vec<String> {
        let Some(first) = rows.first() else { return Vec::new() };
        let mut names: Vec<&String> = order.iter().filter(|name| first.iter().any(|(own, _)| own == *name)).collect();
        names.extend(first.iter().map(|(name, _)| name).filter(|name| !order.contains(name)));
        let cell = |row: &Row, name: &String| {
            let value = row.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.as_deref());
            value.map(|text| self.canonical(name, text))
        };
        let mut lines: Vec<(Vec<Part>, String)> = rows
            .iter()
            .map(|row| {
                let cells: Vec<Option<String>> = names.iter().map(|name| cell(row, name)).collect();
                let key = cells.iter().take(self.key.max(1)).map(Part::of).collect();
                (key, csv_line(cells.iter().map(Option::as_deref)))
            })
            .collect();
        lines.sort();
        let header = csv_line(names.iter().map(|name| Some(name.as_str())));
        std::iter::once(header).chain(lines.into_iter().map(|(_, line)| line)).collect()
    }

    /// A discrepancy on one line.
    fn line(&self, discrepancy: &Json, reason: Option<&str>) -> String {
        let essential = essential(discrepancy);
        let text = |column: &str, value: Option<&Json>| match value {
            None | Some(Json::Null) => "NULL".to_owned(),
            Some(Json::String(text)) => self.canonical(column, text),
            Some(other) => other.to_string(),
        };
        let kind = essential.get("kind").and_then(Json::as_str).unwrap_or_default();
        let key = essential.get("key").and_then(Json::as_object).into_iter().flatten();
        let key: Vec<String> = key.map(|(name, value)| format!("{name}={}", text(name, Some(value)))).collect();
        let fields = essential.get("fields").and_then(Json::as_array).into_iter().flatten();
        let mut fields: Vec<String> = fields
            .map(|field| {
                let column = field.get("column").and_then(Json::as_str).unwrap_or_default();
                let absent = field.get("absent").map_or_else(String::new, |sides| format!(" absent {sides}"));
                let (legacy, candidate) = (text(column, field.get("legacy")), text(column, field.get("candidate")));
                format!("{column} {legacy} / {candidate}{absent}")
            })
            .collect();
        fields.sort();
        for side in ["legacy", "candidate"] {
            let copies = essential.get("copies").and_then(|copies| copies.get(side)).and_then(Json::as_array);
            let copies = copies.into_iter().flatten().map(|copy| {
                let cells = copy.as_object().into_iter().flatten();
                let cells: Vec<String> =
                    cells.map(|(name, value)| format!("{name} {}", text(name, Some(value)))).collect();
                format!("{side} ({})", cells.join(", "))
            });
            fields.extend(copies);
        }
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
        format!("{} {kind}{fields}{reason}", key.join(" "))
    }

    /// The text by which a value is compared.
    fn canonical(&self, column: &str, text: &str) -> String {
        match self.numeric.contains(column) && is_plain_literal(text.as_bytes()) {
            true => shortest_literal(text),
            false => text.to_owned(),
        }
    }
}

/// A part of a key, in the order of keys.
#[derive(Clone, Debug)]
enum Part {
    Number(Amount),
    Text(String),
    Null,
}

impl Part {
    fn of(cell: &Option<String>) -> Part {
        match cell {
            None => Part::Null,
            Some(text) if is_plain_literal(text.as_bytes()) => {
                Amount::parse(text).map_or_else(|_| Part::Text(text.clone()), Part::Number)
            }
            Some(text) => Part::Text(text.clone()),
        }
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Part {}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Part) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Part) -> std::cmp::Ordering {
        let rank = |part: &Part| match part {
            Part::Null => 0,
            Part::Number(_) => 1,
            Part::Text(_) => 2,
        };
        match (self, other) {
            (Part::Number(one), Part::Number(other)) => match one.minus(other) {
                Some(rest) if rest.is_zero() => std::cmp::Ordering::Equal,
                Some(rest) if rest.is_negative() => std::cmp::Ordering::Less,
                _ => std::cmp::Ordering::Greater,
            },
            (Part::Text(one), Part::Text(other)) => one.cmp(other),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// A line of CSV; NULL is the empty field, an empty text is `""`.
pub(crate) fn csv_line<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> String {
    let cell = |cell: Option<&str>| match cell {
        None => String::new(),
        Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) || text.trim() != text => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Some(text) => text.to_owned(),
    };
    cells.map(cell).collect::<Vec<_>>().join(",")
}

fn difference(what: &'static str, expected: &[String], actual: &[String]) -> Option<Difference> {
    if expected == actual {
        return None;
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let actual: Vec<&str> = actual.iter().map(String::as_str).collect();
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).diff_slices(&expected, &actual);
    let mut lines = Vec::new();
    // What the columns mean is always to be seen.
    if let (true, Some(header)) =
        (what == "decisions", expected.first().filter(|header| actual.first() == Some(header)))
    {
        lines.push((Mark::Same, (*header).to_owned()));
    }
    for group in diff.grouped_ops(CONTEXT) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let mark = match change.tag() {
                ChangeTag::Equal => Mark::Same,
                ChangeTag::Delete => Mark::Expected,
                ChangeTag::Insert => Mark::Actual,
            };
            let line = (mark, change.value().to_owned());
            if lines.first() != Some(&line) {
                lines.push(line);
            }
        }
    }
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push((Mark::Same, format!("… {more} more lines")));
    }
    Some(Difference { what, lines })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(cells: &[(&str, Option<&str>)]) -> Row {
        cells.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
    }

    fn actual() -> Actual {
        Actual {
            verdict: RunVerdict::Clean,
            reasons: Vec::new(),
            failed: None,
            decisions: vec![row(&[
                ("id", Some("7")),
                ("net", Some("1.50")),
                ("memo", Some("1.50")),
                ("recon_source", Some("legacy")),
            ])],
            numeric: ["id", "net"].map(str::to_owned).into(),
            key: 1,
            discrepancies: vec![json!({"key": {"id": "7"}, "kind": "mismatch", "fields": [
                {"column": "net", "legacy": "1.50", "candidate": "2", "difference": "0.5"}]})],
        }
    }

    fn expect() -> Expect {
        Expect {
            verdict: RunVerdict::Clean,
            reason: None,
            decisions: vec![row(&[
                ("net", Some("1.5")),
                ("id", Some("7.0")),
                ("memo", Some("1.50")),
                ("recon_source", Some("legacy")),
            ])],
            discrepancies: vec![json!({"key": {"id": "7"}, "kind": "mismatch", "fields": [
                {"column": "net", "legacy": "1.5", "candidate": "2.00"}]})],
        }
    }

    #[test]
    fn amounts_agree_by_value_and_texts_by_letter() {
        assert_eq!(actual().differences(&expect()), []);
        let mut other = expect();
        other.decisions[0][2].1 = Some("1.5".to_owned());
        let found = actual().differences(&other);
        let lines: Vec<String> = found[0].lines.iter().map(|(mark, line)| format!("{}{line}", mark.sign())).collect();
        assert_eq!(lines, [" id,net,memo,recon_source", "-7,1.5,1.5,legacy", "+7,1.5,1.50,legacy"]);
    }

    #[test]
    fn whatever_is_missing_or_too_many_is_a_difference() {
        let differs = |change: &dyn Fn(&mut Expect)| {
            let mut expect = expect();
            change(&mut expect);
            actual().differences(&expect).iter().map(|difference| difference.what).collect::<Vec<_>>()
        };
        assert_eq!(differs(&|expect| expect.verdict = RunVerdict::Warned), ["verdict"]);
        assert_eq!(differs(&|expect| expect.reason = Some("late".to_owned())), ["reason"]);
        assert_eq!(differs(&|expect| expect.decisions.clear()), ["decisions"]);
        assert_eq!(differs(&|expect| expect.decisions.push(expect.decisions[0].clone())), ["decisions"]);
        assert_eq!(differs(&|expect| drop(expect.decisions[0].remove(2))), ["decisions"]);
        assert_eq!(differs(&|expect| expect.decisions[0][0].1 = None), ["decisions"]);
        assert_eq!(differs(&|expect| expect.discrepancies.clear()), ["discrepancies"]);
        assert_eq!(differs(&|expect| expect.discrepancies[0]["kind"] = json!("unknown")), ["discrepancies"]);
        assert_eq!(differs(&|expect| expect.discrepancies[0]["fields"][0]["legacy"] = json!(null)), ["discrepancies"]);
    }

    #[test]
    fn null_and_empty_text_are_not_the_same() {
        assert_eq!(csv_line([None, Some(""), Some("a,b"), Some("\"")].into_iter()), ",\"\",\"a,b\",\"\"\"\"");
    }
}

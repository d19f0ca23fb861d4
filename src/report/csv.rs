//! `--format csv`: one row per differing field, data only, quoted as in RFC 4180. NULL is an empty field, empty text is `""`.
//!
//! Values are written exactly as they are. A spreadsheet may take a text such as `=1+1` for a formula: import
//! such a file as text, do not open it by double click.

use std::io::{self, Write};

use super::shown::Shown;
use super::voice::Voice;
use super::{Discrepancy, DiscrepancyKind, Report};
use crate::domain::Value;

pub(super) fn render(report: &Report, shown: &mut Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut row = Row::default();
    for name in &report.key {
        row.text(name);
    }
    for name in ["kind", "column", "legacy", "candidate", "difference", "reason", "copy"] {
        row.text(name);
    }
    row.end(out)?;
    while let Some(discrepancy) = shown.next()? {
        write_discrepancy(report, &discrepancy, (None, &Voice::PATHS), &mut row, out)?;
    }
    // What was not looked at stands in every format.
    for (side, columns) in [("legacy", &report.legacy.not_compared), ("candidate", &report.candidate.not_compared)] {
        for column in columns {
            report.key.iter().for_each(|_| row.empty());
            row.text("not_compared");
            row.text(column);
            (0..3).for_each(|_| row.empty());
            row.text(&format!("a column of the {side} side"));
            row.empty();
            row.end(out)?;
        }
    }
    Ok(())
}

/// The rows of one discrepancy, in the words of a report; `first` is a column before the others.
pub(super) fn write_discrepancy(
    report: &Report,
    d: &Discrepancy,
    (first, voice): (Option<&str>, &Voice),
    row: &mut Row,
    out: &mut dyn Write,
) -> io::Result<()> {
    let start = |d: &Discrepancy, row: &mut Row, column: Option<&str>| {
        if let Some(first) = first {
            row.text(first);
        }
        start(d, row, voice, column);
    };
    let [legacy, candidate] = voice.sides;
    let reason = d.reason.as_deref();
    if d.kind == DiscrepancyKind::DuplicateKey {
        for (side, copies) in [(legacy, &d.legacy_copies), (candidate, &d.candidate_copies)] {
            for (number, copy) in copies.iter().enumerate() {
                let label = format!("{side} {}", number + 1);
                for (column, value) in report.columns.iter().zip(copy) {
                    start(d, row, Some(&column.name));
                    row.value((side == legacy).then_some(value));
                    row.value((side == candidate).then_some(value));
                    row.empty();
                    row.optional(reason.or(lack(value, side).as_deref()));
                    row.text(&label);
                    row.end(out)?;
                }
            }
        }
        return Ok(());
    }
    for field in &d.fields {
        start(d, row, Some(&field.column));
        row.value(field.legacy.as_ref());
        row.value(field.candidate.as_ref());
        row.optional(field.difference.as_ref().map(ToString::to_string).as_deref());
        let lacks: Vec<String> = [(&field.legacy, legacy), (&field.candidate, candidate)]
            .iter()
            .filter_map(|(value, side)| lack(value.as_ref()?, side))
            .collect();
        let lacks = (!lacks.is_empty()).then(|| lacks.join("; "));
        row.optional(reason.or(lacks.as_deref()));
        row.empty();
        row.end(out)?;
    }
    if d.fields.is_empty() {
        start(d, row, None);
        row.empty();
        row.empty();
        row.empty();
        row.optional(reason);
        row.empty();
        row.end(out)?;
    }
    Ok(())
}

fn start(d: &Discrepancy, row: &mut Row, voice: &Voice, column: Option<&str>) {
    for (_, value) in &d.key {
        row.value(Some(value));
    }
    row.text((voice.kind_name)(d));
    row.optional(column);
}

/// Why an empty field is empty, where it is not NULL.
fn lack(value: &Value, side: &str) -> Option<String> {
    match value {
        Value::Absent => Some(format!("{side} absent")),
        Value::Unknown(reason) => Some(format!("{side} unknown: {reason}")),
        _ => None,
    }
}

/// One row being written.
#[derive(Default)]
pub(super) struct Row {
    line: String,
    fields: usize,
}

impl Row {
    pub(super) fn empty(&mut self) {
        if self.fields > 0 {
            self.line.push(',');
        }
        self.fields += 1;
    }

    pub(super) fn text(&mut self, text: &str) {
        self.empty();
        let blank_at_an_end = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
        if text.is_empty() || blank_at_an_end || text.contains([',', '"', '\r', '\n']) {
            self.line.push('"');
            self.line.push_str(&text.replace('"', "\"\""));
            self.line.push('"');
        } else {
            self.line.push_str(text);
        }
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.empty(),
        }
    }

    fn value(&mut self, value: Option<&Value>) {
        match value {
            None | Some(Value::Null | Value::Absent | Value::Unknown(_)) => self.empty(),
            Some(value) => self.text(&value.to_string()),
        }
    }

    pub(super) fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.line.push('\n');
        out.write_all(self.line.as_bytes())?;
        self.line.clear();
        self.fields = 0;
        Ok(())
    }
}

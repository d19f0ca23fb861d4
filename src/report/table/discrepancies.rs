//! The first discrepancies: key, kind, and both values of every field with the difference, on one decimal point.
//! Laid out a chunk at a time, so that a large limit needs no large memory.

use std::io::{self, Write};

use super::super::layout::{Align, Grid, GridCell, GridLine, Style, fit, width};
use super::super::line_diff::{Mark, line_diff};
use super::super::shown::Shown;
use super::super::visible::{around_difference, show, show_key, show_pair, visible};
use super::super::words;
use super::super::{Discrepancy, DiscrepancyKind, FieldDifference};
use super::Page;
use crate::domain::Value;

/// Discrepancies laid out together.
const CHUNK: usize = 100;
/// Lines of one document's difference.
const DIFF_LINES: usize = 30;
/// Digits of an amount beside the other one: a longer one would push all others to the right.
const LONGEST_IN_LINE: usize = 26;
/// Fields of a record that stands on one side only.
const FIELDS_SHOWN: usize = 12;

pub(super) fn write(page: &Page<'_>, shown: &mut Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let total = shown.count() + shown.left_out();
    let [one, many] = page.voice.noun;
    let mut first = true;
    loop {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK
            && let Some(discrepancy) = shown.next()?
        {
            chunk.push(discrepancy);
        }
        if chunk.is_empty() {
            return Ok(());
        }
        if first {
            let title = match (shown.left_out(), total) {
                (0, 1) => format!("The {one}"),
                (0, n) => format!("All {} {many}, in key order", words::count(n)),
                (_, n) if shown.count() == 1 => format!("The first of {} {many}, in key order", words::count(n)),
                _ => {
                    format!("The first {} of {} {many}, in key order", words::count(shown.count()), words::count(total))
                }
            };
            writeln!(out, "\n{}", page.paint.text(Style::Bold, &title))?;
            first = false;
        }
        writeln!(out)?;
        write_chunk(page, &chunk, out)?;
    }
}

fn write_chunk(page: &Page<'_>, chunk: &[Discrepancy], out: &mut dyn Write) -> io::Result<()> {
    let [legacy, candidate] = page.voice.sides;
    let header = [("", Align::Left), (legacy, Align::Mixed), (candidate, Align::Mixed), ("difference", Align::Decimal)];
    let mut grid = Grid::new(4, &header);
    let room = value_room(page, chunk);
    for (at, discrepancy) in chunk.iter().enumerate() {
        if at > 0 {
            grid.lines.push(GridLine::Free(String::new()));
        }
        head(page, discrepancy, &mut grid);
        match discrepancy.kind {
            DiscrepancyKind::DuplicateKey => copies(page, discrepancy, &mut grid),
            _ => fields(page, discrepancy, room, &mut grid),
        }
    }
    grid.write(page.paint, out)
}

/// Columns that a value may take beside the other one.
fn value_room(page: &Page<'_>, chunk: &[Discrepancy]) -> usize {
    let all = || chunk.iter().flat_map(|d| &d.fields);
    let names = all().map(|f| width(&visible(&f.column))).max().unwrap_or(0).min(name_room(page));
    let differences = all().filter_map(|f| f.difference.as_ref()).map(|d| words::signed(d).len());
    // A long difference stands in a block of its own and takes no room here.
    let differences = differences.filter(|n| *n <= page.width / 4).max().unwrap_or(0).max("difference".len());
    page.width.saturating_sub(4 + names + differences + 9) / 2
}

fn name_room(page: &Page<'_>) -> usize {
    page.width / 3
}

fn head(page: &Page<'_>, d: &Discrepancy, grid: &mut Grid) {
    let key = show_key(&d.key);
    let key = fit(&key, page.width.saturating_sub(18).max(40));
    let what = match d.kind {
        DiscrepancyKind::DuplicateKey => format!(
            "{}: {} in {}, {} in {}",
            (page.voice.kind)(d),
            words::counted(d.legacy_copies.len() as u64, "record", "records"),
            page.voice.sides[0],
            words::counted(d.candidate_copies.len() as u64, "record", "records"),
            page.voice.sides[1],
        ),
        _ => (page.voice.kind)(d).to_owned(),
    };
    let style = if d.kind == DiscrepancyKind::Unknown { Style::Warning } else { Style::Bad };
    let line = format!("{}  {}", page.paint.text(Style::Bold, &key), page.paint.text(style, &what));
    grid.lines.push(GridLine::Free(line));
    if let Some(reason) = &d.reason {
        let mut wrapped = Vec::new();
        // Writing to memory cannot fail.
        let _ = page.wrapped("    ", reason, Style::Warning, &mut wrapped);
        let text = String::from_utf8_lossy(&wrapped);
        grid.lines.extend(text.lines().map(|l| GridLine::Free(l.to_owned())));
    }
}

fn fields(page: &Page<'_>, d: &Discrepancy, room: usize, grid: &mut Grid) {
    let one_sided = matches!(d.kind, DiscrepancyKind::LegacyOnly | DiscrepancyKind::CandidateOnly);
    let most = if one_sided { FIELDS_SHOWN } else { usize::MAX };
    // A record on one side only: its amounts come first, they are what would be paid or not.
    let mut ordered: Vec<&FieldDifference> = d.fields.iter().collect();
    if one_sided && ordered.len() > most {
        ordered.sort_by_key(|f| f.difference.is_none());
    }
    for field in ordered.iter().take(most) {
        match (&field.legacy, &field.candidate) {
            // The reason stands above already.
            (l, c) if d.reason.is_some() && (unknown(l) || unknown(c)) => {
                let short =
                    |v: &Option<Value>| if unknown(v) { Some(Value::Unknown(String::new())) } else { v.clone() };
                one_field(
                    page,
                    &FieldDifference { legacy: short(l), candidate: short(c), ..(*field).clone() },
                    room,
                    grid,
                );
            }
            _ => one_field(page, field, room, grid),
        }
    }
    let more = ordered.len().saturating_sub(most);
    if more > 0 {
        let text = format!("    … and {}", words::counted(more as u64, "more column", "more columns"));
        grid.lines.push(GridLine::Free(page.paint.text(Style::Dim, &text)));
    }
}

fn unknown(value: &Option<Value>) -> bool {
    matches!(value, Some(Value::Unknown(_)))
}

fn one_field(page: &Page<'_>, field: &FieldDifference, room: usize, grid: &mut Grid) {
    let paint = page.paint;
    let name = fit(&visible(&field.column), name_room(page));
    let (legacy, candidate) = match (&field.legacy, &field.candidate) {
        (Some(l), Some(c)) => {
            if let Some(lines) = line_diff(l, c, DIFF_LINES) {
                grid.lines.push(GridLine::Free(format!(
                    "    {name}  {}",
                    paint.text(Style::Dim, &format!("- {}  + {}", page.voice.sides[0], page.voice.sides[1]))
                )));
                for (mark, line) in lines {
                    let text = format!("      {} {}", mark.sign(), fit(&line, page.width.saturating_sub(8)));
                    let style = match mark {
                        Mark::Legacy => Style::Bad,
                        Mark::Candidate => Style::Good,
                        Mark::Gap => Style::Dim,
                        Mark::Same => Style::Plain,
                    };
                    grid.lines.push(GridLine::Free(paint.text(style, text.trim_end())));
                }
                return;
            }
            show_pair(l, c)
        }
        (l, c) => {
            let one = |v: &Option<Value>| v.as_ref().map(show).unwrap_or_default();
            (one(l), one(c))
        }
    };
    let number = |v: &Option<Value>| matches!(v, Some(Value::Number { .. }));
    let difference = field.difference.as_ref().map(words::signed).unwrap_or_default();
    let room_of = |v: &Option<Value>| if number(v) { room.min(LONGEST_IN_LINE) } else { room };
    let fits = width(&legacy) <= room_of(&field.legacy)
        && width(&candidate) <= room_of(&field.candidate)
        && difference.len() <= page.width / 4;
    if fits {
        let cell = |text: String, v: &Option<Value>| match number(v) {
            true => GridCell::number(text, Style::Plain),
            false => GridCell::text(text, Style::Plain),
        };
        grid.row(vec![
            GridCell::text(name, Style::Plain),
            cell(legacy, &field.legacy),
            cell(candidate, &field.candidate),
            GridCell::number(difference, Style::Bad),
        ]);
        return;
    }
    let wide = page.width.saturating_sub(19).max(30);
    let (legacy, candidate) = match (number(&field.legacy), number(&field.candidate)) {
        (false, false) => around_difference(&legacy, &candidate, wide),
        (l, c) => (if l { legacy } else { fit(&legacy, wide) }, if c { candidate } else { fit(&candidate, wide) }),
    };
    let mut block = Grid::new(6, &[("", Align::Left), ("", Align::Mixed)]);
    for (label, text, number, style) in [
        (page.voice.sides[0], legacy, number(&field.legacy), Style::Plain),
        (page.voice.sides[1], candidate, number(&field.candidate), Style::Plain),
        ("difference", difference, true, Style::Bad),
    ] {
        if !text.is_empty() {
            let value = if number { GridCell::number(text, style) } else { GridCell::text(text, style) };
            block.row(vec![GridCell::text(label, Style::Dim), value]);
        }
    }
    grid.lines.push(GridLine::Free(format!("    {name}")));
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = block.write(paint, &mut text);
    grid.lines.extend(String::from_utf8_lossy(&text).lines().map(|l| GridLine::Free(l.to_owned())));
}

fn copies(page: &Page<'_>, d: &Discrepancy, grid: &mut Grid) {
    let [legacy, candidate] = page.voice.sides;
    for (side, rows) in [(legacy, &d.legacy_copies), (candidate, &d.candidate_copies)] {
        for (number, row) in rows.iter().enumerate() {
            if number == FIELDS_SHOWN {
                let text = format!("    … and {} more in {side}", rows.len() - number);
                grid.lines.push(GridLine::Free(page.paint.text(Style::Dim, &text)));
                break;
            }
            let parts: Vec<String> = (page.report.columns.iter().zip(row))
                .map(|(column, value)| {
                    let shown = show(value);
                    let shown = if matches!(value, Value::Number { .. }) { shown } else { fit(&shown, 40) };
                    format!("{}={shown}", visible(&column.name))
                })
                .collect();
            let mut text = Vec::new();
            // Writing to memory cannot fail.
            let _ = page.listed(&format!("    {side:<9} {:>2}  ", number + 1), &parts, &mut text);
            grid.lines.extend(String::from_utf8_lossy(&text).lines().map(|l| GridLine::Free(l.to_owned())));
        }
    }
}

impl Page<'_> {
    /// Items after a prefix, a new line begun before an item that does not fit; items are never split.
    fn listed(&self, prefix: &str, items: &[String], out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{prefix}")?;
        let mut at = width(prefix);
        for (number, item) in items.iter().enumerate() {
            if number > 0 && at + 2 + width(item) > self.width {
                write!(out, "\n{:1$}", "", width(prefix))?;
                at = width(prefix);
            } else if number > 0 {
                write!(out, "  ")?;
                at += 2;
            }
            write!(out, "{item}")?;
            at += width(item);
        }
        writeln!(out)
    }
}

//! `--format table`: what a person at a terminal wants first. The verdict, the two sides, counts, money, then the
//! first discrepancies. Must read well without colour; amounts are never cut.

mod discrepancies;

use std::io::{self, Write};

use super::layout::{Align, Grid, GridCell, Paint, Style, fit, fit_middle, wrapped};
use super::shown::Shown;
use super::visible::visible;
use super::voice::Voice;
use super::words;
use super::{ColumnReport, Look, Report, Totals, Verdict};
use crate::domain::Amount;

/// Numeric columns without any difference are listed up to this many.
const UNDAMAGED_SHOWN: usize = 8;
/// Columns, notices and the like beyond this many are only counted.
const LIST_SHOWN: usize = 20;

pub(super) fn render(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    Page::new(report, look).verdict(look, out)?;
    body(report, shown, look, out)
}

/// Everything below the verdict.
pub(super) fn body(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(report, look);
    page.sides(out)?;
    page.counts(out)?;
    page.money(out)?;
    page.others(out)?;
    page.notes(out)?;
    discrepancies::write(&page, shown, out)?;
    if let Some(text) = words::left_out(shown.count(), shown.left_out()) {
        writeln!(out)?;
        page.wrapped("", &text, Style::Bold, out)?;
    }
    Ok(())
}

/// The records alone, in the words of a report.
pub(super) fn records(
    report: &Report,
    shown: &mut Shown<'_>,
    voice: Voice,
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    discrepancies::write(&Page { voice, ..Page::new(report, look) }, shown, out)
}

struct Page<'a> {
    report: &'a Report,
    paint: Paint,
    width: usize,
    voice: Voice,
}

impl<'a> Page<'a> {
    fn new(report: &'a Report, look: &Look) -> Self {
        Page { report, paint: Paint(look.color), width: look.width.max(40), voice: Voice::PATHS }
    }
    fn verdict(&self, look: &Look, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        let style = match report.verdict {
            Verdict::Agree => Style::Good,
            Verdict::Differ => Style::Bad,
            Verdict::Incomplete => Style::Warning,
        };
        let word = report.verdict.name().to_uppercase();
        let mut sentence = words::verdict_sentence(report);
        if report.verdict == Verdict::Agree && report.counts.tolerated > 0 {
            sentence.push_str(&format!(", {} only within tolerance", words::count(report.counts.tolerated)));
        }
        if look.seconds {
            let nanos = i128::try_from(report.elapsed.as_nanos()).unwrap_or(i128::MAX);
            sentence.push_str(&format!("  ({} s)", words::seconds(nanos - nanos % 1_000_000)));
        }
        let name = report.name.as_ref().map(|n| format!("{}: ", visible(n))).unwrap_or_default();
        writeln!(out, "{}  {name}{}", self.paint.text(style, &word), self.paint.text(Style::Bold, &sentence))?;
        // What differs stands in the counts right below; why a comparison is incomplete stands nowhere else.
        if report.verdict == Verdict::Incomplete {
            for reason in &report.reasons {
                self.wrapped("  ", reason, style, out)?;
            }
        }
        if let Some(sentence) = words::not_compared_sentence(report, LIST_SHOWN, &|name| visible(name).to_string()) {
            self.wrapped("  ", &sentence, Style::Warning, out)?;
        }
        Ok(())
    }

    fn sides(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        let mut grid = Grid::new(
            0,
            &[("", Align::Left), ("records", Align::Right), ("as of (UTC)", Align::Left), ("from", Align::Left)],
        );
        let left_of_label = 9 + 3 + 13 + 3 + 24 + 3;
        for (word, side) in words::sides(self.report) {
            let label = fit_middle(&visible(&side.label), self.width.saturating_sub(left_of_label).max(30));
            let moment = match words::moment(side) {
                moment if moment.is_empty() => "unknown".to_owned(),
                moment => moment.trim_end_matches('Z').to_owned(),
            };
            grid.row(vec![
                GridCell::text(word, Style::Bold),
                GridCell::text(words::count(side.rows), Style::Plain),
                GridCell::text(moment, Style::Plain),
                GridCell::text(label, Style::Plain),
            ]);
        }
        grid.write(self.paint, out)?;
        if let Some(apart) = words::apart_sentence(self.report) {
            writeln!(out, "{}", self.paint.text(Style::Dim, &apart))?;
        }
        for (word, side) in words::sides(self.report) {
            if let Some(error) = &side.error {
                self.wrapped("", &format!("{word} failed: {error}"), Style::Bad, out)?;
            }
        }
        Ok(())
    }

    fn counts(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        let mut grid = Grid::new(0, &[("", Align::Left), ("", Align::Right)]);
        for (label, n, depth) in words::count_lines(self.report) {
            let style = match (label, n) {
                ("keys", _) => Style::Bold,
                ("matched", 1..) => Style::Good,
                ("within tolerance", 1..) => Style::Warning,
                (_, 0) => Style::Dim,
                _ => Style::Bad,
            };
            let label = format!("{:1$}{label}", "", depth * 2);
            grid.row(vec![GridCell::text(label, style), GridCell::text(words::count(n), style)]);
        }
        grid.write(self.paint, out)
    }

    fn money(&self, out: &mut dyn Write) -> io::Result<()> {
        let ranked = words::by_damage(self.report);
        if ranked.is_empty() {
            return Ok(());
        }
        let damaged = |(column, totals): &&(&ColumnReport, &Totals)| {
            column.mismatched > 0
                || column.tolerated > 0
                || !totals.gross_difference.is_zero()
                || !totals.net_difference.is_zero()
                || totals.not_totalled > 0
        };
        let mut rows: Vec<_> = ranked.iter().filter(damaged).collect();
        let undamaged: Vec<_> = ranked.iter().filter(|row| !damaged(row)).collect();
        rows.extend(undamaged.iter().take(UNDAMAGED_SHOWN));

        writeln!(out)?;
        let tolerated = rows.iter().any(|(column, _)| column.tolerated > 0);
        let grid = self.money_by_row(&rows, tolerated);
        if grid.width() <= self.width {
            grid.write(self.paint, out)?;
        } else {
            self.money_by_column(&rows, tolerated, out)?;
        }
        if undamaged.len() > UNDAMAGED_SHOWN {
            let more = words::count((undamaged.len() - UNDAMAGED_SHOWN) as u64);
            writeln!(out, "{}", self.paint.text(Style::Dim, &format!("… and {more} more without a difference")))?;
        }
        let notes = rows.iter().flat_map(|(column, totals)| words::totals_notes(column, totals));
        for note in notes {
            self.wrapped("  ", &note, Style::Plain, out)?;
        }
        Ok(())
    }

    /// One line a column of the data.
    fn money_by_row(&self, rows: &[&(&ColumnReport, &Totals)], tolerated: bool) -> Grid {
        let mut columns = vec![("totals", Align::Left)];
        columns.extend(MONEY.iter().map(|label| (*label, Align::Decimal)));
        columns.push(("keys differ", Align::Right));
        if tolerated {
            columns.push(("tolerated", Align::Right));
        }
        let mut grid = Grid::new(0, &columns);
        for (column, totals) in rows {
            let mut cells = vec![GridCell::text(fit(&visible(&column.name), 30), Style::Bold)];
            cells.extend(amounts(totals).map(|(text, style)| GridCell::number(text, style)));
            cells.push(GridCell::text(words::count(column.mismatched), Style::Plain));
            if tolerated {
                cells.push(GridCell::text(words::count(column.tolerated), Style::Plain));
            }
            grid.row(cells);
        }
        grid
    }

    /// Where the lines would be too wide: one column a column, as many side by side as there is room for.
    fn money_by_column(
        &self,
        rows: &[&(&ColumnReport, &Totals)],
        tolerated: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut from = 0;
        while from < rows.len() {
            let mut grid = money_block(&rows[from..from + 1], tolerated);
            let mut until = from + 1;
            while until < rows.len() {
                let wider = money_block(&rows[from..until + 1], tolerated);
                if wider.width() > self.width {
                    break;
                }
                grid = wider;
                until += 1;
            }
            if from > 0 {
                writeln!(out)?;
            }
            grid.write(self.paint, out)?;
            from = until;
        }
        Ok(())
    }

    fn others(&self, out: &mut dyn Write) -> io::Result<()> {
        let others = words::other_columns(self.report);
        if others.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        let mut grid =
            Grid::new(0, &[("other columns", Align::Left), ("type", Align::Left), ("keys differ", Align::Right)]);
        for column in others.iter().take(LIST_SHOWN) {
            grid.row(vec![
                GridCell::text(fit(&visible(&words::column_name(column)), 50), Style::Bold),
                GridCell::text(column.kind, Style::Plain),
                GridCell::text(words::count(column.mismatched), Style::Bad),
            ]);
        }
        grid.write(self.paint, out)?;
        if others.len() > LIST_SHOWN {
            writeln!(out, "… and {} more", others.len() - LIST_SHOWN)?;
        }
        Ok(())
    }

    /// What the user should know besides.
    fn notes(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines: Vec<(&str, String, Style)> = Vec::new();
        for line in words::drift_lines(self.report) {
            lines.push(("type drift", line, Style::Plain));
        }
        for line in words::mapped_lines(self.report) {
            lines.push(("columns", line, Style::Plain));
        }
        for line in words::input_lines(self.report) {
            lines.push(("inputs", line, Style::Plain));
        }
        for notice in words::notices(self.report) {
            lines.push(("notice", notice, Style::Plain));
        }
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        let mut last = "";
        for (word, text, style) in lines {
            let label = if word == last { "" } else { word };
            self.wrapped(&format!("{label:<14}"), &text, style, out)?;
            last = word;
        }
        Ok(())
    }

    fn wrapped(&self, prefix: &str, text: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
        wrapped(prefix, text, (self.paint, style), self.width, out)
    }
}

/// What is totalled, in the order of the report.
const MONEY: [&str; 6] = ["legacy", "candidate", "net difference", "overpaid", "underpaid", "gross"];

fn amounts(totals: &Totals) -> [(String, Style); 6] {
    let of = |amount: &Amount| if amount.is_zero() { Style::Dim } else { Style::Bad };
    let (net, over, under) = (&totals.net_difference, &totals.overpaid, &totals.underpaid);
    [
        (totals.legacy.to_string(), Style::Plain),
        (totals.candidate.to_string(), Style::Plain),
        (words::signed(net), of(net)),
        (over.to_string(), of(over)),
        (under.to_string(), of(under)),
        (totals.gross_difference.to_string(), of(&totals.gross_difference)),
    ]
}

fn money_block(rows: &[&(&ColumnReport, &Totals)], tolerated: bool) -> Grid {
    let names: Vec<String> = rows.iter().map(|(column, _)| fit(&visible(&column.name), 30)).collect();
    let mut columns = vec![("totals", Align::Left)];
    columns.extend(names.iter().map(|name| (name.as_str(), Align::Decimal)));
    let mut grid = Grid::new(0, &columns);
    let all: Vec<_> = rows.iter().map(|(_, totals)| amounts(totals)).collect();
    for (at, label) in MONEY.iter().enumerate() {
        let mut cells = vec![GridCell::text(*label, Style::Plain)];
        cells.extend(all.iter().map(|amounts| GridCell::number(amounts[at].0.as_str(), amounts[at].1)));
        grid.row(cells);
    }
    let mut counts = |label: &str, n: &dyn Fn(&ColumnReport) -> u64| {
        let mut cells = vec![GridCell::text(label, Style::Plain)];
        cells.extend(rows.iter().map(|(column, _)| GridCell::text(words::count(n(column)), Style::Plain)));
        grid.row(cells);
    };
    counts("keys differ", &|column| column.mismatched);
    if tolerated {
        counts("tolerated", &|column| column.tolerated);
    }
    grid
}

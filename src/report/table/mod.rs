//! `--format table`: what a person at a terminal wants first. The verdict, the two sides, counts, money, then the
//! first discrepancies. Must read well without colour; amounts are never cut.

mod discrepancies;

use std::io::{self, Write};

use super::layout::{Align, Grid, GridCell, Paint, Style, fit, width};
use super::shown::Shown;
use super::visible::visible;
use super::words;
use super::{ColumnReport, Look, Report, Totals, Verdict};

/// Numeric columns without any difference are listed up to this many.
const UNDAMAGED_SHOWN: usize = 8;
/// Columns, notices and the like beyond this many are only counted.
const LIST_SHOWN: usize = 20;

pub(super) fn render(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { report, paint: Paint(look.color), width: look.width.max(40) };
    page.verdict(look, out)?;
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

struct Page<'a> {
    report: &'a Report,
    paint: Paint,
    width: usize,
}

impl Page<'_> {
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
        for reason in &report.reasons {
            self.wrapped("  ", reason, if report.verdict == Verdict::Incomplete { style } else { Style::Plain }, out)?;
        }
        Ok(())
    }

    fn sides(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        let mut grid = Grid::new(
            0,
            &[("", Align::Left), ("records", Align::Right), ("read at (UTC)", Align::Left), ("from", Align::Left)],
        );
        let left_of_label = 9 + 3 + 13 + 3 + 24 + 3;
        for (word, side) in words::sides(self.report) {
            let label = fit(&visible(&side.label), self.width.saturating_sub(left_of_label).max(30));
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
        let mut grid = Grid::new(
            0,
            &[
                ("totals", Align::Left),
                ("legacy", Align::Decimal),
                ("candidate", Align::Decimal),
                ("net difference", Align::Decimal),
                ("overpaid", Align::Decimal),
                ("underpaid", Align::Decimal),
                ("gross", Align::Decimal),
                ("keys differ", Align::Right),
            ],
        );
        for (column, totals) in &rows {
            let differs = !totals.net_difference.is_zero() || !totals.gross_difference.is_zero();
            let style = if differs { Style::Bad } else { Style::Dim };
            let amount = |text: String, plain: bool| GridCell::number(text, if plain { Style::Plain } else { style });
            let keys = match column.tolerated {
                0 => words::count(column.mismatched),
                n => format!("{} (+{} within {})", words::count(column.mismatched), words::count(n), tolerance(column)),
            };
            grid.row(vec![
                GridCell::text(fit(&visible(&words::column_name(column)), 40), Style::Bold),
                amount(totals.legacy.to_string(), true),
                amount(totals.candidate.to_string(), true),
                amount(words::signed(&totals.net_difference), false),
                amount(totals.overpaid.to_string(), false),
                amount(totals.underpaid.to_string(), false),
                amount(totals.gross_difference.to_string(), false),
                GridCell::text(keys, Style::Plain),
            ]);
        }
        if grid.width() <= self.width {
            grid.write(self.paint, out)?;
        } else {
            self.money_stacked(&rows, out)?;
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

    /// Amounts too long to stand side by side: one block a column, all on one decimal point.
    fn money_stacked(&self, rows: &[&(&ColumnReport, &Totals)], out: &mut dyn Write) -> io::Result<()> {
        for (at, (column, totals)) in rows.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            let mut name = visible(&words::column_name(column)).into_owned();
            if column.mismatched > 0 {
                name.push_str(&format!("  {}", words::counted(column.mismatched, "key differs", "keys differ")));
            }
            if column.tolerated > 0 {
                name.push_str(&format!("  {} within {}", words::count(column.tolerated), tolerance(column)));
            }
            writeln!(out, "{} {name}", self.paint.text(Style::Dim, "totals"))?;
            let mut grid = Grid::new(2, &[("", Align::Left), ("", Align::Decimal)]);
            let style = if totals.gross_difference.is_zero() { Style::Dim } else { Style::Bad };
            for (label, amount, style) in [
                ("legacy", totals.legacy.to_string(), Style::Plain),
                ("candidate", totals.candidate.to_string(), Style::Plain),
                ("net difference", words::signed(&totals.net_difference), style),
                ("overpaid", totals.overpaid.to_string(), style),
                ("underpaid", totals.underpaid.to_string(), style),
                ("gross", totals.gross_difference.to_string(), style),
            ] {
                grid.row(vec![GridCell::text(label, Style::Plain), GridCell::number(amount, style)]);
            }
            grid.write(self.paint, out)?;
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

    /// What the verdict does not cover, and what the user should know.
    fn notes(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines: Vec<(&str, String, Style)> = Vec::new();
        for (word, side) in words::sides(self.report) {
            if !side.not_compared.is_empty() {
                let names: Vec<_> = side.not_compared.iter().take(LIST_SHOWN).map(|n| visible(n)).collect();
                let more = side.not_compared.len().saturating_sub(LIST_SHOWN);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                lines.push(("not compared", format!("{word}: {}{more}", names.join(", ")), Style::Warning));
            }
        }
        for line in words::drift_lines(self.report) {
            lines.push(("type drift", line, Style::Plain));
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

    /// Text after a prefix, wrapped at blanks to the page's width and indented like its first line.
    fn wrapped(&self, prefix: &str, text: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
        let text = visible(text);
        let room = self.width.saturating_sub(width(prefix)).max(20);
        let mut line = String::new();
        let mut prefix = prefix.to_owned();
        for word in text.split(' ') {
            if !line.is_empty() && width(&line) + 1 + width(word) > room {
                writeln!(out, "{prefix}{}", self.paint.text(style, &line))?;
                prefix = " ".repeat(width(&prefix));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        writeln!(out, "{prefix}{}", self.paint.text(style, &line))
    }
}

fn tolerance(column: &ColumnReport) -> &str {
    column.tolerance.as_deref().unwrap_or("tolerance")
}

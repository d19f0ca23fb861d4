//! Columns of text: aligned left, right or on the decimal point, painted or plain. Widths are those of a
//! terminal (a Hangul syllable takes two columns).

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::visible::visible;

/// How a piece of text is painted, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Warning,
}

/// Paints, or does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn text(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => "",
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Warning => "33",
        };
        if !self.0 || code.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Writes text after a prefix, wrapped at blanks to a width and indented like its first line.
pub(super) fn wrapped(
    prefix: &str,
    text: &str,
    (paint, style): (Paint, Style),
    most: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let text = visible(text);
    let room = most.saturating_sub(width(prefix)).max(20);
    let mut line = String::new();
    let mut prefix = prefix.to_owned();
    for word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > room {
            writeln!(out, "{prefix}{}", paint.text(style, &line))?;
            prefix = " ".repeat(width(&prefix));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{prefix}{}", paint.text(style, &line))
}

/// Columns that a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// A text cut to `most` columns, its cut marked.
pub(super) fn fit(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if width(&out) >= most {
            out.pop();
            break;
        }
    }
    out.push('…');
    out
}

/// A text cut in its middle: of a locator both ends tell what it is.
pub(super) fn fit_middle(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let tail: String = text.chars().rev().take(most / 2).collect();
    let tail: String = tail.chars().rev().collect();
    format!("{}{tail}", fit(text, most.saturating_sub(width(&tail))))
}

/// Where a column's texts stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    /// Numbers on the decimal point, the column flush right.
    Decimal,
    /// Numbers on the decimal point, other texts flush left beside them.
    Mixed,
}

/// One cell.
#[derive(Clone, Debug)]
pub(super) struct GridCell {
    text: String,
    style: Style,
    number: bool,
}

impl GridCell {
    pub(super) fn text(text: impl Into<String>, style: Style) -> Self {
        GridCell { text: text.into(), style, number: false }
    }

    pub(super) fn number(text: impl Into<String>, style: Style) -> Self {
        GridCell { text: text.into(), style, number: true }
    }

    fn halves(&self) -> (usize, usize) {
        let at = self.text.find('.').unwrap_or(self.text.len());
        (width(&self.text[..at]), width(&self.text[at..]))
    }
}

/// A line of a grid.
#[derive(Clone, Debug)]
pub(super) enum GridLine {
    Cells(Vec<GridCell>),
    /// A line that ignores the columns.
    Free(String),
}

/// Lines in columns.
pub(super) struct Grid {
    aligns: Vec<Align>,
    header: Vec<String>,
    pub(super) lines: Vec<GridLine>,
    indent: usize,
}

const GAP: usize = 3;

impl Grid {
    pub(super) fn new(indent: usize, columns: &[(&str, Align)]) -> Self {
        Grid {
            aligns: columns.iter().map(|c| c.1).collect(),
            header: columns.iter().map(|c| c.0.to_owned()).collect(),
            lines: Vec::new(),
            indent,
        }
    }

    pub(super) fn row(&mut self, cells: Vec<GridCell>) {
        self.lines.push(GridLine::Cells(cells));
    }

    /// Per column: whole width, digits before the point, digits behind it.
    fn measures(&self) -> Vec<(usize, usize, usize)> {
        let mut all: Vec<_> = self.header.iter().map(|h| (width(h), 0, 0)).collect();
        for line in &self.lines {
            let GridLine::Cells(cells) = line else { continue };
            for (measure, cell) in all.iter_mut().zip(cells) {
                if cell.number {
                    let (whole, fraction) = cell.halves();
                    measure.1 = measure.1.max(whole);
                    measure.2 = measure.2.max(fraction);
                } else {
                    measure.0 = measure.0.max(width(&cell.text));
                }
            }
        }
        for measure in &mut all {
            measure.0 = measure.0.max(measure.1 + measure.2);
        }
        all
    }

    /// Columns of the terminal that the widest line takes.
    pub(super) fn width(&self) -> usize {
        let all = self.measures();
        self.indent + all.iter().map(|m| m.0).sum::<usize>() + GAP * all.len().saturating_sub(1)
    }

    pub(super) fn write(&self, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
        let measures = self.measures();
        if self.header.iter().any(|h| !h.is_empty()) {
            let cells: Vec<GridCell> = self.header.iter().map(|h| GridCell::text(h.as_str(), Style::Dim)).collect();
            self.write_line(&cells, &measures, paint, out)?;
        }
        for line in &self.lines {
            match line {
                GridLine::Cells(cells) => self.write_line(cells, &measures, paint, out)?,
                GridLine::Free(text) => writeln!(out, "{text}")?,
            }
        }
        Ok(())
    }

    fn write_line(
        &self,
        cells: &[GridCell],
        measures: &[(usize, usize, usize)],
        paint: Paint,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        write!(out, "{:1$}", "", self.indent)?;
        // Blanks are owed and paid before the next text, so that no line ends in blanks.
        let mut owed = 0;
        for ((cell, align), (column, whole, fraction)) in cells.iter().zip(&self.aligns).zip(measures) {
            let taken = width(&cell.text);
            let before = match align {
                Align::Left => 0,
                Align::Right => column - taken,
                Align::Mixed if cell.number => whole - cell.halves().0,
                Align::Mixed => 0,
                Align::Decimal if cell.number => (column - whole - fraction) + whole - cell.halves().0,
                Align::Decimal => column - taken,
            };
            if !cell.text.is_empty() {
                write!(out, "{:1$}{2}", "", owed + before, paint.text(cell.style, &cell.text))?;
                owed = column - before - taken + GAP;
            } else {
                owed += column + GAP;
            }
        }
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_on_their_point() {
        let mut grid = Grid::new(2, &[("name", Align::Left), ("value", Align::Mixed), ("sum", Align::Decimal)]);
        let plain = Style::Plain;
        for (name, value, sum) in [("a", "10.5", "1"), ("김철수", "-1000", "22.125")] {
            let (value, sum) = (GridCell::number(value, plain), GridCell::number(sum, plain));
            grid.row(vec![GridCell::text(name, plain), value, sum]);
        }
        grid.row(vec![GridCell::text("c", plain), GridCell::text("'text'", plain), GridCell::text("", plain)]);
        let mut out = Vec::new();
        grid.write(Paint(false), &mut out).expect("written");
        let expected =
            "  name     value        sum\n  a           10.5    1\n  김철수   -1000     22.125\n  c        'text'\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn cuts_are_marked() {
        assert_eq!(fit("settlement", 6), "settl…");
        assert_eq!(fit("short", 6), "short");
        assert_eq!(fit_middle("mysql://host/db#settlement", 17), "mysql://…ttlement");
    }
}

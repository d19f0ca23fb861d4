//! Days, times and aligned lines for the terminal. What comes from data cannot steer it.

use jiff::Zoned;
use jiff::civil::Date;
use unicode_width::UnicodeWidthStr;

/// `2026-11-13 Fri`
pub(super) fn day(day: Date) -> String {
    day.strftime("%Y-%m-%d %a").to_string()
}

/// `2026-11-12 Thu 22:00 +09:00`
pub(super) fn moment(at: &Zoned) -> String {
    at.strftime("%Y-%m-%d %a %H:%M %:z").to_string()
}

/// `2026-11-12T22:00:00+09:00`
pub(super) fn iso(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A text on one line: line ends and whatever else steers a terminal are written out.
pub(super) fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A heading and rows in columns as wide as their widest text.
pub(super) fn lines(heading: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|text| plain(text)).collect()).collect();
    let mut widths: Vec<usize> = heading.iter().map(|text| text.width()).collect();
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.width());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (text, width) in cells.zip(&widths) {
            line.push_str(text);
            line.push_str(&" ".repeat(width.saturating_sub(text.width()) + 2));
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![line(&mut heading.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines
}

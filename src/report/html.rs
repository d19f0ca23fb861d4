//! `--format html`: one self-contained page, light and dark, without scripts or anything loaded from elsewhere.

use std::io::{self, Write};

use super::line_diff::{Mark, line_diff};
use super::markup::escape;
use super::shown::Shown;
use super::visible::{show, show_key, show_pair};
use super::words;
use super::{Discrepancy, DiscrepancyKind, FieldDifference, Look, Report};
use crate::domain::{Amount, Value};

const STYLE: &str = include_str!("html.css");

pub(super) fn render(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let verdict = report.verdict.name();
    let name = report.name.as_deref().unwrap_or("recon diff");
    let sentence = escape(&words::verdict_sentence(report));
    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(out, "<title>{}: {}</title>", escape(name), verdict)?;
    writeln!(out, "<style>\n{STYLE}</style>\n</head>\n<body>\n<main>")?;
    writeln!(out, "<header class=\"{verdict}\">\n<p class=\"name\">{}</p>", escape(name))?;
    writeln!(out, "<h1><span class=\"badge\">{}</span> {sentence}</h1>", verdict.to_uppercase())?;
    for reason in &report.reasons {
        writeln!(out, "<p>{}</p>", escape(reason))?;
    }
    if look.seconds {
        let nanos = i128::try_from(report.elapsed.as_nanos()).unwrap_or(i128::MAX);
        writeln!(out, "<p class=\"quiet\">Compared in {} s.</p>", words::seconds(nanos - nanos % 1_000_000))?;
    }
    writeln!(out, "</header>")?;
    sides(report, out)?;
    counts(report, out)?;
    columns(report, out)?;
    notes(report, out)?;
    discrepancies(report, shown, out)?;
    writeln!(out, "</main>\n</body>\n</html>")
}

fn sides(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section class=\"sides\">")?;
    for (word, side) in words::sides(report) {
        let moment = words::moment(side);
        let moment = if moment.is_empty() { "unknown".to_owned() } else { moment };
        let how = side.snapshot.as_ref().map(|s| format!(" · {}", s.how)).unwrap_or_default();
        writeln!(out, "<div class=\"card\"><h2>{word}</h2><p class=\"label\">{}</p>", escape(&side.label))?;
        writeln!(out, "<p><b>{}</b></p>", words::counted(side.rows, "record", "records"))?;
        writeln!(out, "<p class=\"quiet\">read at {moment}{}</p>", escape(&how))?;
        if let Some(error) = &side.error {
            writeln!(out, "<p class=\"bad\">failed: {}</p>", escape(error))?;
        }
        writeln!(out, "</div>")?;
    }
    writeln!(out, "</section>")?;
    match words::apart_sentence(report) {
        Some(apart) => writeln!(out, "<p class=\"quiet\">{}</p>", escape(&apart)),
        None => Ok(()),
    }
}

fn counts(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section class=\"tiles\">")?;
    for (label, n, _) in words::count_lines(report) {
        let class = match label {
            "keys" | "within tolerance" => "",
            "matched" => " good",
            _ => " bad",
        };
        let class = if n == 0 { " none" } else { class };
        writeln!(out, "<div class=\"tile{class}\"><b>{}</b><span>{label}</span></div>", words::count(n))?;
    }
    writeln!(out, "</section>")
}

fn columns(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let ranked = words::by_damage(report);
    if !ranked.is_empty() {
        writeln!(out, "<section>\n<h2>Totals</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>column</th>")?;
        for head in ["legacy", "candidate", "net difference", "overpaid", "underpaid", "gross"] {
            write!(out, "<th class=\"n\">{head}</th>")?;
        }
        writeln!(out, "<th class=\"n\">keys differ</th><th class=\"n\">tolerated</th></tr></thead>\n<tbody>")?;
        for (column, t) in &ranked {
            let class = |amount: &Amount| if amount.is_zero() { "n" } else { "n bad" };
            write!(out, "<tr><th scope=\"row\">{}</th>", escape(&words::column_name(column)))?;
            write!(out, "<td class=\"n\">{}</td><td class=\"n\">{}</td>", t.legacy, t.candidate)?;
            write!(out, "<td class=\"{}\">{}</td>", class(&t.net_difference), words::signed(&t.net_difference))?;
            for amount in [&t.overpaid, &t.underpaid, &t.gross_difference] {
                write!(out, "<td class=\"{}\">{amount}</td>", class(amount))?;
            }
            let tolerated = match (&column.tolerance, column.tolerated) {
                (Some(tolerance), n) => format!("{} (± {})", words::count(n), escape(tolerance)),
                (None, n) => words::count(n),
            };
            writeln!(
                out,
                "<td class=\"n\">{}</td><td class=\"n\">{tolerated}</td></tr>",
                words::count(column.mismatched)
            )?;
        }
        writeln!(out, "</tbody></table></div>")?;
        let notes: Vec<_> = ranked.iter().flat_map(|(c, t)| words::totals_notes(c, t)).collect();
        list(&notes, out)?;
        writeln!(out, "</section>")?;
    }
    let others = words::other_columns(report);
    if !others.is_empty() {
        writeln!(out, "<section>\n<h2>Other columns</h2>\n<div class=\"scroll\"><table>")?;
        writeln!(out, "<thead><tr><th>column</th><th>type</th><th class=\"n\">keys differ</th></tr></thead>\n<tbody>")?;
        for c in others {
            let name = escape(&words::column_name(c));
            let (kind, n) = (escape(c.kind), words::count(c.mismatched));
            writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{kind}</td><td class=\"n bad\">{n}</td></tr>")?;
        }
        writeln!(out, "</tbody></table></div>\n</section>")?;
    }
    Ok(())
}

fn notes(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::new();
    for (word, side) in words::sides(report) {
        if !side.not_compared.is_empty() {
            lines.push(format!("Not compared, {word}: {}", side.not_compared.join(", ")));
        }
    }
    lines.extend(words::drift_lines(report).into_iter().map(|l| format!("Type drift, {l}")));
    lines.extend(words::input_evidence(report));
    lines.extend(words::notices(report).into_iter().map(|n| format!("Notice, {n}")));
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section>\n<h2>What to know</h2>")?;
    list(&lines, out)?;
    writeln!(out, "</section>")
}

fn list(lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "<ul>")?;
    for line in lines {
        writeln!(out, "<li>{}</li>", escape(line))?;
    }
    writeln!(out, "</ul>")
}

fn discrepancies(report: &Report, shown: &mut Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut first = true;
    while let Some(d) = shown.next()? {
        if first {
            writeln!(
                out,
                "<section>\n<h2>Discrepancies</h2>\n<div class=\"scroll\"><table class=\"found\">\n<thead><tr>"
            )?;
            writeln!(out, "<th>key</th><th>kind</th><th>column</th><th class=\"n\">legacy</th>")?;
            writeln!(out, "<th class=\"n\">candidate</th><th class=\"n\">difference</th></tr></thead>")?;
            first = false;
        }
        one(report, &d, out)?;
    }
    if !first {
        writeln!(out, "</table></div>\n</section>")?;
    }
    match words::left_out(shown.count(), shown.left_out()) {
        Some(text) => writeln!(out, "<p class=\"quiet\">{}</p>", escape(&text)),
        None => Ok(()),
    }
}

fn one(report: &Report, d: &Discrepancy, out: &mut dyn Write) -> io::Result<()> {
    let rows = rows(report, d);
    let span = rows.len().max(1);
    let reason = d.reason.as_ref().map(|r| format!("<p>{}</p>", escape(r))).unwrap_or_default();
    writeln!(
        out,
        "<tbody><tr><th scope=\"rowgroup\" rowspan=\"{span}\"><code>{}</code></th>",
        escape(&show_key(&d.key))
    )?;
    write!(
        out,
        "<td rowspan=\"{span}\"><span class=\"kind {}\">{}</span>{reason}</td>",
        d.kind.name(),
        words::kind(d.kind)
    )?;
    for (at, row) in rows.iter().enumerate() {
        writeln!(out, "{}{row}</tr>", if at > 0 { "<tr>" } else { "" })?;
    }
    if rows.is_empty() {
        writeln!(out, "<td colspan=\"4\"></td></tr>")?;
    }
    writeln!(out, "</tbody>")
}

fn rows(report: &Report, d: &Discrepancy) -> Vec<String> {
    if d.kind != DiscrepancyKind::DuplicateKey {
        return d.fields.iter().map(field_row).collect();
    }
    let mut rows = Vec::new();
    for (side, copies) in [("legacy", &d.legacy_copies), ("candidate", &d.candidate_copies)] {
        for (number, copy) in copies.iter().enumerate() {
            let values: Vec<String> = (report.columns.iter().zip(copy))
                .map(|(c, v)| {
                    format!("<span class=\"pair\">{} <code>{}</code></span>", escape(&c.name), escape(&show(v)))
                })
                .collect();
            rows.push(format!("<td>{side}, copy {}</td><td colspan=\"3\">{}</td>", number + 1, values.join(" ")));
        }
    }
    rows
}

fn field_row(field: &FieldDifference) -> String {
    let column = escape(&field.column);
    let cell = |value: &Option<Value>, text: &str| {
        let class = if matches!(value, Some(Value::Number { .. })) || text.is_empty() { "n" } else { "n text" };
        format!("<td class=\"{class}\"><code>{}</code></td>", escape(text))
    };
    let difference = field.difference.as_ref().map(words::signed).unwrap_or_default();
    let (legacy, candidate) = match (&field.legacy, &field.candidate) {
        (Some(l), Some(c)) => {
            if let Some(lines) = line_diff(l, c, 60) {
                let lines: String = lines
                    .iter()
                    .map(|(mark, line)| match mark {
                        Mark::Legacy => format!("<del>- {}</del>\n", escape(line)),
                        Mark::Candidate => format!("<ins>+ {}</ins>\n", escape(line)),
                        Mark::Same => format!("  {}\n", escape(line)),
                        Mark::Gap => format!("<i>{}</i>\n", escape(line)),
                    })
                    .collect();
                return format!("<td>{column}</td><td colspan=\"3\"><pre>{lines}</pre></td>");
            }
            show_pair(l, c)
        }
        (l, c) => {
            let one = |v: &Option<Value>| v.as_ref().map(show).unwrap_or_default();
            (one(l), one(c))
        }
    };
    format!(
        "<td>{column}</td>{}{}<td class=\"n bad\">{}</td>",
        cell(&field.legacy, &legacy),
        cell(&field.candidate, &candidate),
        escape(&difference)
    )
}

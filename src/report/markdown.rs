//! `--format markdown`: GitHub tables for a pull request, an issue or a chat. Values stand in code spans, so
//! that no value becomes a link, a mention or markup.

use std::io::{self, Write};

use super::line_diff::{Mark, line_diff};
use super::shown::Shown;
use super::visible::{show, show_key, show_pair, visible};
use super::words;
use super::{Discrepancy, DiscrepancyKind, FieldDifference, Look, Report, Verdict};

pub(super) fn render(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let mark = match report.verdict {
        Verdict::Agree => "✅",
        Verdict::Differ => "❌",
        Verdict::Incomplete => "⚠️",
    };
    let name = report.name.as_ref().map(|n| format!("{}: ", code(n))).unwrap_or_default();
    let verdict = report.verdict.name().to_uppercase();
    writeln!(out, "## {mark} {verdict}: {name}{}\n", words::verdict_sentence(report))?;
    for reason in &report.reasons {
        writeln!(out, "- {}", plain(reason))?;
    }
    if !report.reasons.is_empty() {
        writeln!(out)?;
    }
    sides(report, out)?;
    if look.seconds {
        let nanos = i128::try_from(report.elapsed.as_nanos()).unwrap_or(i128::MAX);
        writeln!(out, "Compared in {} s.\n", words::seconds(nanos - nanos % 1_000_000))?;
    }
    counts(report, out)?;
    columns(report, out)?;
    notes(report, out)?;
    discrepancies(report, shown, out)
}

fn sides(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| side | records | read at | from |\n|---|--:|---|---|")?;
    for (word, side) in words::sides(report) {
        let moment = words::moment(side);
        let moment = if moment.is_empty() { "unknown" } else { &moment };
        writeln!(out, "| {word} | {} | {moment} | {} |", words::count(side.rows), code(&side.label))?;
    }
    writeln!(out)?;
    if let Some(apart) = words::apart_sentence(report) {
        writeln!(out, "Note: {apart}.\n")?;
    }
    for (word, side) in words::sides(report) {
        if let Some(error) = &side.error {
            writeln!(out, "**{word} failed:** {}\n", plain(error))?;
        }
    }
    Ok(())
}

fn counts(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let lines = words::count_lines(report);
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    writeln!(out, "{}", row(lines.iter().map(|(label, _, _)| (*label).to_owned()).collect()))?;
    writeln!(out, "|{}", "--:|".repeat(lines.len()))?;
    writeln!(out, "{}\n", row(lines.iter().map(|(_, n, _)| words::count(*n)).collect()))
}

fn columns(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let ranked = words::by_damage(report);
    if !ranked.is_empty() {
        writeln!(
            out,
            "| column | legacy | candidate | net difference | overpaid | underpaid | gross | keys differ | tolerated |"
        )?;
        writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        for (column, t) in &ranked {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                code(&words::column_name(column)),
                t.legacy,
                t.candidate,
                words::signed(&t.net_difference),
                t.overpaid,
                t.underpaid,
                t.gross_difference,
                words::count(column.mismatched),
                words::count(column.tolerated),
            )?;
        }
        writeln!(out)?;
        for (column, totals) in &ranked {
            for note in words::totals_notes(column, totals) {
                writeln!(out, "- {}", plain(&note))?;
            }
        }
    }
    let others = words::other_columns(report);
    if !others.is_empty() {
        writeln!(out, "\n| other column | type | keys differ |\n|---|---|--:|")?;
        for column in others {
            let name = code(&words::column_name(column));
            writeln!(out, "| {name} | {} | {} |", column.kind, words::count(column.mismatched))?;
        }
    }
    Ok(())
}

fn notes(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::new();
    for (word, side) in words::sides(report) {
        if !side.not_compared.is_empty() {
            let names: Vec<_> = side.not_compared.iter().map(|n| code(n)).collect();
            lines.push(format!("**Not compared**, {word}: {}", names.join(", ")));
        }
    }
    lines.extend(words::drift_lines(report).iter().map(|l| format!("Type drift: {}", plain(l))));
    lines.extend(words::input_evidence(report).iter().map(|l| plain(l)));
    lines.extend(words::notices(report).iter().map(|l| format!("Notice: {}", plain(l))));
    if !lines.is_empty() {
        writeln!(out)?;
    }
    for line in lines {
        writeln!(out, "- {line}")?;
    }
    Ok(())
}

fn discrepancies(report: &Report, shown: &mut Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut first = true;
    while let Some(discrepancy) = shown.next()? {
        if first {
            writeln!(out, "\n### Discrepancies\n")?;
            writeln!(out, "| key | kind | column | legacy | candidate | difference |\n|---|---|---|---|---|--:|")?;
            first = false;
        }
        one(report, &discrepancy, out)?;
    }
    if let Some(text) = words::left_out(shown.count(), shown.left_out()) {
        writeln!(out, "\n{}", plain(&text))?;
    }
    Ok(())
}

fn one(report: &Report, d: &Discrepancy, out: &mut dyn Write) -> io::Result<()> {
    let kind = match &d.reason {
        Some(reason) => format!("{}: {}", words::kind(d.kind), plain(reason)),
        None => words::kind(d.kind).to_owned(),
    };
    let mut lead = format!("| {} | {kind} |", code(&show_key(&d.key)));
    if d.kind == DiscrepancyKind::DuplicateKey {
        for (side, copies) in [("legacy", &d.legacy_copies), ("candidate", &d.candidate_copies)] {
            for (number, copy) in copies.iter().enumerate() {
                let values: Vec<String> = (report.columns.iter().zip(copy))
                    .map(|(column, value)| format!("{}={}", visible(&column.name), show(value)))
                    .collect();
                let values = code(&values.join(", "));
                let cells = if side == "legacy" { format!("{values} |") } else { format!("| {values}") };
                writeln!(out, "{lead} copy {} | {cells} | |", number + 1)?;
                lead = "| | |".to_owned();
            }
        }
        return Ok(());
    }
    for field in &d.fields {
        let (legacy, candidate) = pair(field);
        let difference = field.difference.as_ref().map(words::signed).unwrap_or_default();
        writeln!(out, "{lead} {} | {legacy} | {candidate} | {difference} |", code(&field.column))?;
        lead = "| | |".to_owned();
    }
    if d.fields.is_empty() {
        writeln!(out, "{lead} | | | |")?;
    }
    Ok(())
}

/// Both values; of documents and long texts only the lines that differ.
fn pair(field: &FieldDifference) -> (String, String) {
    let one = |v: &Option<_>| v.as_ref().map(|v| code(&show(v))).unwrap_or_default();
    let (Some(legacy), Some(candidate)) = (&field.legacy, &field.candidate) else {
        return (one(&field.legacy), one(&field.candidate));
    };
    if let Some(lines) = line_diff(legacy, candidate, 20) {
        let only = |wanted: Mark| -> String {
            let lines = lines.iter().filter(|(mark, _)| *mark == wanted);
            lines.map(|(_, line)| code(line.trim_start())).collect::<Vec<_>>().join("<br>")
        };
        return (only(Mark::Legacy), only(Mark::Candidate));
    }
    let (legacy, candidate) = show_pair(legacy, candidate);
    (code(&legacy), code(&candidate))
}

/// A code span in a table cell: the fence is longer than any run of backticks inside, pipes are escaped.
pub(super) fn code(text: &str) -> String {
    let text = visible(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty();
    let pad = if pad { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text outside code spans, with the characters of markup escaped.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '|' | '~' | '#' | '&') {
            out.push('\\');
        }
        // Nobody is to be mentioned by a value or a locator.
        if c == '@' { out.push_str("&#64;") } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_become_markup() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(plain("<b>|@all *x*"), "\\<b\\>\\|&#64;all \\*x\\*");
    }
}

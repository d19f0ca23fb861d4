//! `--format junit`: one suite for Jenkins and its kind. A test case per promise (everything compared, no key
//! missing, each column agrees) and one per discrepancy shown, with key and both values in its failure.
//! Incomplete is an error, never a failure or a pass.

use std::io::{self, Write};

use super::line_diff::line_diff;
use super::markup::escape;
use super::shown::Shown;
use super::visible::{show, show_key, show_pair, visible};
use super::words;
use super::{Discrepancy, DiscrepancyKind, Look, Report, Verdict};

pub(super) fn render(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let promises = promises(report);
    let complete = report.verdict != Verdict::Incomplete;
    let tests = 1 + promises.len() as u64 + shown.count();
    let failures = promises.iter().filter(|p| p.broken.is_some()).count() as u64 + shown.count();
    let errors = u64::from(!complete);
    // What held for a part only is no pass.
    let skipped = if complete { 0 } else { promises.iter().filter(|p| p.broken.is_none()).count() };
    let class = report.name.as_ref().map_or_else(|| "recon.diff".to_owned(), |n| format!("recon.{n}"));
    let class = escape(&class);
    let time = if look.seconds {
        let nanos = i128::try_from(report.elapsed.as_nanos()).unwrap_or(i128::MAX);
        format!(" time=\"{}\"", words::seconds(nanos - nanos % 1_000_000))
    } else {
        String::new()
    };
    let numbers = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");

    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"recon\" {numbers}{time}>")?;
    writeln!(out, "  <testsuite name=\"{class}\" {numbers} skipped=\"{skipped}\"{time}>")?;
    properties(report, out)?;

    write!(out, "    <testcase classname=\"{class}\" name=\"every record was compared\"")?;
    if complete {
        writeln!(out, "/>")?;
    } else {
        let message = report.reasons.first().map_or("not everything was compared", String::as_str);
        let mut body: Vec<String> = report.reasons.iter().map(|r| visible(r).into_owned()).collect();
        for (word, side) in words::sides(report) {
            body.extend(side.error.iter().map(|e| format!("{word} failed: {}", visible(e))));
        }
        writeln!(out, ">\n      <error type=\"incomplete\" message=\"{}\">{}</error>", escape(message), lines(&body))?;
        writeln!(out, "    </testcase>")?;
    }
    for promise in &promises {
        write!(out, "    <testcase classname=\"{class}\" name=\"{}\"", escape(&promise.name))?;
        match &promise.broken {
            None if complete => writeln!(out, "/>")?,
            None => writeln!(
                out,
                "><skipped message=\"holds for what was compared, which is not everything\"/></testcase>"
            )?,
            Some(message) => {
                let kind = promise.kind;
                writeln!(out, ">\n      <failure type=\"{kind}\" message=\"{}\"/>\n    </testcase>", escape(message))?;
            }
        }
    }
    while let Some(discrepancy) = shown.next()? {
        one(report, &class, &discrepancy, out)?;
    }
    if let Some(text) = words::left_out(shown.count(), shown.left_out()) {
        writeln!(out, "    <system-out>{}</system-out>", escape(&text))?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn properties(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut all = vec![("verdict".to_owned(), report.verdict.name().to_owned())];
    for (word, side) in words::sides(report) {
        all.push((word.to_owned(), side.label.clone()));
        all.push((format!("{word}.records"), side.rows.to_string()));
        if side.snapshot.is_some() {
            all.push((format!("{word}.read_at"), words::moment(side)));
        }
        if !side.not_compared.is_empty() {
            all.push((format!("{word}.not_compared"), side.not_compared.join(", ")));
        }
    }
    for (label, n, _) in words::count_lines(report) {
        all.push((format!("keys.{}", label.replace(' ', "_")), n.to_string()));
    }
    all.extend(words::drift_lines(report).into_iter().map(|l| ("type_drift".to_owned(), l)));
    all.extend(words::input_evidence(report).into_iter().map(|n| ("input".to_owned(), n)));
    all.extend(words::notices(report).into_iter().map(|n| ("notice".to_owned(), n)));
    writeln!(out, "    <properties>")?;
    for (name, value) in all {
        writeln!(out, "      <property name=\"{}\" value=\"{}\"/>", escape(&name), escape(&value))?;
    }
    writeln!(out, "    </properties>")
}

/// Something the two sides promise, and how it was broken.
struct Promise {
    name: String,
    kind: &'static str,
    broken: Option<String>,
}

fn promises(report: &Report) -> Vec<Promise> {
    let counts = &report.counts;
    let of_keys = |name: &str, kind: &'static str, n: u64, what: &str| Promise {
        name: name.to_owned(),
        kind,
        broken: (n > 0).then(|| format!("{} {what}", words::counted(n, "key", "keys"))),
    };
    let mut all = vec![
        of_keys("no key is in legacy only", "legacy_only", counts.legacy_only, "in legacy only"),
        of_keys("no key is in candidate only", "candidate_only", counts.candidate_only, "in candidate only"),
        of_keys("no key stands twice", "duplicate_key", counts.duplicate, "stand more than once on a side"),
        of_keys("every value could be read", "unknown", counts.unknown, "with values that could not be read"),
    ];
    for column in &report.columns {
        let mut message = words::counted(column.mismatched, "key differs", "keys differ");
        if let Some(t) = &column.totals {
            let (net, gross) = (words::signed(&t.net_difference), &t.gross_difference);
            message.push_str(&format!("; legacy {}, candidate {}, net {net}, gross {gross}", t.legacy, t.candidate));
        }
        all.push(Promise {
            name: format!("column {} agrees", words::column_name(column)),
            kind: "mismatch",
            broken: (column.mismatched > 0).then_some(message),
        });
    }
    all
}

fn one(report: &Report, class: &str, d: &Discrepancy, out: &mut dyn Write) -> io::Result<()> {
    let name = format!("{} {}", show_key(&d.key), words::kind(d.kind));
    let mut body = Vec::new();
    let mut short = Vec::new();
    if d.kind == DiscrepancyKind::DuplicateKey {
        for (side, copies) in [("legacy", &d.legacy_copies), ("candidate", &d.candidate_copies)] {
            short.push(format!("{} in {side}", copies.len()));
            for (number, copy) in copies.iter().enumerate() {
                let values: Vec<String> = (report.columns.iter().zip(copy))
                    .map(|(column, value)| format!("{}={}", visible(&column.name), show(value)))
                    .collect();
                body.push(format!("{side} {}: {}", number + 1, values.join(", ")));
            }
        }
    }
    for field in &d.fields {
        let column = visible(&field.column);
        let (legacy, candidate) = match (&field.legacy, &field.candidate) {
            (Some(l), Some(c)) => show_pair(l, c),
            (l, c) => {
                let one = |v: &Option<_>| v.as_ref().map_or_else(|| "(no record)".to_owned(), show);
                (one(l), one(c))
            }
        };
        let difference = field.difference.as_ref().map(|d| format!(", difference {}", words::signed(d)));
        let line = format!("{column}: legacy {legacy}, candidate {candidate}{}", difference.unwrap_or_default());
        short.push(crate::domain::shorten(&line, 200));
        body.push(line);
        if let (Some(l), Some(c)) = (&field.legacy, &field.candidate) {
            let diff = line_diff(l, c, 60).unwrap_or_default();
            body.extend(diff.into_iter().map(|(mark, line)| format!("  {} {line}", mark.sign())));
        }
    }
    if let Some(reason) = &d.reason {
        short.insert(0, visible(reason).into_owned());
        body.insert(0, visible(reason).into_owned());
    }
    short.truncate(4);
    writeln!(out, "    <testcase classname=\"{class}\" name=\"{}\">", escape(&name))?;
    let message = escape(&short.join("; "));
    writeln!(out, "      <failure type=\"{}\" message=\"{message}\">{}</failure>", d.kind.name(), lines(&body))?;
    writeln!(out, "    </testcase>")
}

/// Lines as element content, each escaped by itself so that the line breaks stay.
fn lines(body: &[String]) -> String {
    body.iter().map(|line| escape(line)).collect::<Vec<_>>().join("\n")
}

//! `--format junit` of a verification: one suite for the run, for Jenkins and its kind. Made of the document
//! `recon.verify/1`, so that a run that was just made and one that the ledger remembers look the same.
//!
//! The law that it keeps: there is neither a failure nor an error exactly when the exit code is 0. What the decision rule
//! settled, and checks that only warn, are `skipped`: seen, and nobody is woken. What could not be verified is an error,
//! never a pass. Must not decide.

use std::io::{self, Write};

use serde_json::Value as Json;

use crate::domain::shorten;
use crate::report::markup::escape;
use crate::report::words::{self, counted};

/// Discrepancies that become test cases where nobody says how many.
pub(crate) const LIMIT: u64 = 500;
/// Characters of a message; the body has all of it.
const MESSAGE: usize = 300;

/// What a test case says.
enum Said {
    Pass,
    Skipped { message: String },
    Failure { kind: String, message: String, body: Vec<String> },
    Error { kind: String, message: String, body: Vec<String> },
}

/// A test case.
struct Case {
    group: &'static str,
    name: String,
    said: Said,
}

/// Writes the document `recon.verify/1` as JUnit XML.
///
/// # Errors
/// It cannot be written.
pub(crate) fn render(document: &Json, out: &mut dyn Write) -> io::Result<()> {
    let verdict = Verdict::of(text(&document["verdict"]));
    let mut cases = vec![of_verdict(document, verdict)];
    cases.extend(comparison(&document["diff"], verdict));
    cases.extend(decisions(document, verdict));
    cases.extend(array(&document["checks"]).iter().map(|check| of_check(check, verdict)));
    cases.extend(array(&document["diff"]["discrepancies"]).iter().map(|one| of_discrepancy(one, verdict)));

    let number = |wanted: fn(&Said) -> bool| cases.iter().filter(|case| wanted(&case.said)).count();
    let failures = number(|said| matches!(said, Said::Failure { .. }));
    let errors = number(|said| matches!(said, Said::Error { .. }));
    let skipped = number(|said| matches!(said, Said::Skipped { .. }));
    let class = escape(&format!("recon.{}", text(&document["name"])));
    let time = document["seconds"].as_str().map(milliseconds);
    let time = time.map_or_else(String::new, |seconds| format!(" time=\"{}\"", escape(&seconds)));
    let numbers = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", cases.len());

    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"recon\" {numbers}{time}>")?;
    writeln!(out, "  <testsuite name=\"{class}\" {numbers} skipped=\"{skipped}\"{time}>")?;
    properties(document, out)?;
    for case in &cases {
        write!(out, "    <testcase classname=\"{class}.{}\" name=\"{}\"", case.group, escape(&case.name))?;
        let short = |message: &str| escape(&shorten(message, MESSAGE));
        match &case.said {
            Said::Pass => writeln!(out, "/>")?,
            Said::Skipped { message } => {
                writeln!(out, ">\n      <skipped message=\"{}\"/>\n    </testcase>", short(message))?;
            }
            Said::Failure { kind, message, body } => told(out, "failure", kind, &short(message), body)?,
            Said::Error { kind, message, body } => told(out, "error", kind, &short(message), body)?,
        }
    }
    let diff = &document["diff"];
    if diff["truncated"] == true {
        let shown = array(&diff["discrepancies"]).len() as u64;
        let all = Counts::of(diff).discrepancies();
        if let Some(left) = words::left_out(shown, all.saturating_sub(shown)) {
            writeln!(out, "    <system-out>{}</system-out>", escape(&left))?;
        }
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn told(out: &mut dyn Write, element: &str, kind: &str, message: &str, body: &[String]) -> io::Result<()> {
    // Each line is escaped by itself so that the line breaks stay.
    let body: Vec<String> = body.iter().map(|line| escape(line)).collect();
    let (kind, body) = (escape(kind), body.join("\n"));
    writeln!(out, ">\n      <{element} type=\"{kind}\" message=\"{message}\">{body}</{element}>\n    </testcase>")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Clean or warned.
    Good,
    Blocked,
    /// Or a word that is not known: not a pass.
    Incomplete,
}

impl Verdict {
    fn of(word: &str) -> Verdict {
        match word {
            "clean" | "warned" => Verdict::Good,
            "blocked" => Verdict::Blocked,
            _ => Verdict::Incomplete,
        }
    }

    /// Something that does not agree: settled by the decision rule, or a failure.
    fn broken(self, kind: &str, message: String, body: Vec<String>) -> Said {
        match self {
            Verdict::Good => Said::Skipped { message: format!("settled by the decision rule: {message}") },
            _ => Said::Failure { kind: kind.to_owned(), message, body },
        }
    }
}

fn of_verdict(document: &Json, verdict: Verdict) -> Case {
    let reasons: Vec<String> = array(&document["reasons"]).iter().map(|reason| text(reason).to_owned()).collect();
    let word = text(&document["verdict"]).to_owned();
    let message = reasons.first().cloned().unwrap_or_else(|| format!("the verdict is {word}"));
    let said = match verdict {
        Verdict::Good => Said::Pass,
        Verdict::Blocked => Said::Failure { kind: word, message, body: reasons },
        Verdict::Incomplete => Said::Error { kind: "incomplete".to_owned(), message, body: reasons },
    };
    Case { group: "verdict", name: format!("{} may be paid", text(&document["cycle"])), said }
}

/// What the two sides promise, and how it was broken.
fn comparison(diff: &Json, verdict: Verdict) -> Vec<Case> {
    let case = |name: String, said: Said| Case { group: "comparison", name, said };
    let complete = matches!(text(&diff["verdict"]), "agree" | "differ");
    let mut cases = vec![case(
        "every record was compared".to_owned(),
        match complete {
            true => Said::Pass,
            false => {
                let reasons: Vec<String> =
                    array(&diff["reasons"]).iter().map(|reason| text(reason).to_owned()).collect();
                let message = reasons.first().cloned().unwrap_or_else(|| "nothing was compared".to_owned());
                match verdict {
                    // A retry in which one side has none of a few keys, and the whole cycle is in order.
                    Verdict::Good => Said::Skipped { message },
                    _ => Said::Error { kind: "incomplete".to_owned(), message, body: reasons },
                }
            }
        },
    )];
    if diff.is_null() {
        return cases;
    }
    let mut promise = |name: String, kind: &str, broken: Option<String>| {
        let said = match broken {
            Some(message) => verdict.broken(kind, message, Vec::new()),
            None if complete => Said::Pass,
            // What held for a part only is no pass.
            None => Said::Skipped { message: "holds for what was compared, which is not everything".to_owned() },
        };
        cases.push(case(name, said));
    };
    let counts = Counts::of(diff);
    for (name, kind, keys, what) in [
        ("no key is in legacy only", "legacy_only", counts.legacy_only, "in legacy only"),
        ("no key is in candidate only", "candidate_only", counts.candidate_only, "in candidate only"),
        ("no key stands twice", "duplicate_key", counts.duplicate, "stand more than once on a side"),
        ("every value could be read", "unknown", counts.unknown, "with values that could not be read"),
    ] {
        promise(name.to_owned(), kind, (keys > 0).then(|| format!("{} {what}", counted(keys, "key", "keys"))));
    }
    for column in array(&diff["columns"]) {
        let keys = column["mismatched"].as_u64().unwrap_or(0);
        let mut message = counted(keys, "key differs", "keys differ");
        if let [Some(legacy), Some(candidate), Some(net), Some(gross)] =
            ["legacy_total", "candidate_total", "net_difference", "gross_difference"].map(|name| column[name].as_str())
        {
            message.push_str(&format!("; legacy {legacy}, candidate {candidate}, net {net}, gross {gross}"));
        }
        let name = format!("column {} agrees", text(&column["name"]));
        promise(name, "mismatch", (keys > 0).then_some(message));
    }
    cases
}

/// That the decisions of each column tie to what was known before them.
fn decisions(document: &Json, verdict: Verdict) -> Vec<Case> {
    let totals = document["totals"].as_object();
    let cases = totals.into_iter().flatten().map(|(column, bridge)| {
        let residual = text(&bridge["residual"]);
        let said = match (residual, verdict) {
            ("0", _) => Said::Pass,
            (_, Verdict::Good) => Said::Skipped { message: format!("residual {residual}") },
            _ => {
                let message = format!("residual {residual}, decisions {}", text(&bridge["decisions"]));
                Said::Error { kind: "incomplete".to_owned(), message, body: Vec::new() }
            }
        };
        Case { group: "decisions", name: format!("the decisions of {column} tie"), said }
    });
    cases.collect()
}

fn of_check(check: &Json, verdict: Verdict) -> Case {
    let (outcome, message) = (text(&check["outcome"]), text(&check["message"]).to_owned());
    let mut body = vec![message.clone()];
    for sample in array(&check["samples"]).iter().filter_map(Json::as_object) {
        let parts: Vec<String> = sample.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
        body.push(parts.join("  "));
    }
    let said = match (outcome, check["severity"] == "error") {
        ("pass", _) => Said::Pass,
        // It blocks: the run is blocked, or incomplete for another reason.
        ("fail", _) if verdict != Verdict::Good => Said::Failure { kind: "fail".to_owned(), message, body },
        ("unknown" | "tripped", true) if verdict != Verdict::Good => {
            Said::Error { kind: outcome.to_owned(), message, body }
        }
        ("skipped", _) => Said::Skipped { message },
        _ => Said::Skipped { message: format!("{outcome}, and only warns: {message}") },
    };
    Case { group: "checks", name: text(&check["name"]).to_owned(), said }
}

fn of_discrepancy(one: &Json, verdict: Verdict) -> Case {
    let kind = text(&one["kind"]);
    let key = one["key"].as_object().into_iter().flatten();
    let key: Vec<String> = key.map(|(name, value)| format!("{name}={}", shown(value))).collect();
    let mut body: Vec<String> = one["reason"].as_str().map(str::to_owned).into_iter().collect();
    for side in ["legacy", "candidate"] {
        for (number, copy) in array(&one["copies"][side]).iter().enumerate() {
            let values = copy.as_object().into_iter().flatten();
            let values: Vec<String> = values.map(|(name, value)| format!("{name}={}", shown(value))).collect();
            body.push(format!("{side} {}: {}", number + 1, values.join(", ")));
        }
    }
    for field in array(&one["fields"]) {
        let mut line = text(&field["column"]).to_owned();
        line.push_str(&format!(": legacy {}, candidate {}", shown(&field["legacy"]), shown(&field["candidate"])));
        if let Some(difference) = field["difference"].as_str() {
            line.push_str(&format!(", difference {difference}"));
        }
        body.push(line);
    }
    let message = body.iter().take(4).map(|line| shorten(line, 200)).collect::<Vec<_>>().join("; ");
    let said = verdict.broken(kind, message, body);
    Case { group: "discrepancies", name: format!("{} {}", key.join(" "), kind.replace('_', " ")), said }
}

fn properties(document: &Json, out: &mut dyn Write) -> io::Result<()> {
    let mut all: Vec<(String, String)> = ["verdict", "run", "cycle", "state", "by", "snapshot"]
        .iter()
        .map(|name| ((*name).to_owned(), shown(&document[*name])))
        .collect();
    if document["found"] == true {
        all.push(("found".to_owned(), "true".to_owned()));
    }
    let params = document["params"].as_object().into_iter().flatten();
    all.extend(params.map(|(name, value)| (format!("param.{name}"), shown(value))));
    let decided = &document["decisions"];
    if !decided.is_null() {
        for name in ["candidate", "legacy", "held", "place", "hash"] {
            all.push((format!("decisions.{name}"), shown(&decided[name])));
        }
        let totals = decided["total"].as_object().into_iter().flatten();
        all.extend(totals.map(|(column, total)| (format!("decisions.total.{column}"), shown(total))));
    }
    let coverage = document["coverage"].as_object().into_iter().flatten();
    all.extend(coverage.map(|(name, value)| (format!("coverage.{name}"), shown(value))));
    for side in ["legacy", "candidate"] {
        if let Some(label) = document["diff"]["sides"][side]["label"].as_str() {
            all.push((side.to_owned(), label.to_owned()));
        }
    }
    all.extend(array(&document["notices"]).iter().map(|notice| ("notice".to_owned(), shown(notice))));
    writeln!(out, "    <properties>")?;
    // What is not known is left out.
    for (name, value) in all.iter().filter(|(_, value)| value != "NULL") {
        writeln!(out, "      <property name=\"{}\" value=\"{}\"/>", escape(name), escape(value))?;
    }
    writeln!(out, "    </properties>")
}

/// The counts of a comparison that its promises are about.
struct Counts {
    mismatched: u64,
    legacy_only: u64,
    candidate_only: u64,
    duplicate: u64,
    unknown: u64,
}

impl Counts {
    fn of(diff: &Json) -> Counts {
        let count = |name: &str| diff["counts"][name].as_u64().unwrap_or(0);
        Counts {
            mismatched: count("mismatched"),
            legacy_only: count("legacy_only"),
            candidate_only: count("candidate_only"),
            duplicate: count("duplicate"),
            unknown: count("unknown"),
        }
    }

    fn discrepancies(&self) -> u64 {
        self.mismatched + self.legacy_only + self.candidate_only + self.duplicate + self.unknown
    }
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn array(value: &Json) -> &[Json] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A value as people read it.
fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "NULL".to_owned(),
        other => other.to_string(),
    }
}

/// `1.234567` as `1.234`, which readers of JUnit expect.
fn milliseconds(seconds: &str) -> String {
    match seconds.split_once('.') {
        Some((whole, rest)) => format!("{whole}.{}", rest.chars().take(3).collect::<String>()),
        None => seconds.to_owned(),
    }
}

//! The new text of an expectation, for `recon test --update`. Everything else of a file stays as it is, byte for byte. Pure.

use serde_json::{Map, Value as Json, json};

use super::actual::{Actual, csv_line};
use super::expect::essential;
use super::raw::RawLine;

/// The expectation that what came out would meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The verdict's name.
    pub verdict: &'static str,
    /// The text of `decisions.csv`; `None`: there are none.
    pub decisions: Option<String>,
    /// The text of `discrepancies.ndjson`; `None`: there are none.
    pub discrepancies: Option<String>,
    /// `expect` of a packed line.
    pub packed: String,
}

impl Update {
    /// From what came out. `reason` is kept.
    pub fn of(actual: &Actual, reason: Option<&str>) -> Update {
        let decisions = actual.decisions.first().map(|first| {
            let mut text = csv_line(first.iter().map(|(name, _)| Some(name.as_str())));
            for row in &actual.decisions {
                text.push('\n');
                text.push_str(&csv_line(row.iter().map(|(_, value)| value.as_deref())));
            }
            text.push('\n');
            text
        });
        let essentials: Vec<Json> = actual.discrepancies.iter().map(essential).collect();
        let lines: Vec<String> = essentials.iter().map(|json| format!("{json}\n")).collect();
        let mut packed = Map::new();
        packed.insert("verdict".into(), json!(actual.verdict.name()));
        packed.extend(reason.map(|reason| ("reason".to_owned(), json!(reason))));
        let row =
            |row: &super::Row| Json::Object(row.iter().map(|(name, value)| (name.clone(), json!(value))).collect());
        packed.insert("decisions".into(), actual.decisions.iter().map(row).collect());
        if !essentials.is_empty() {
            packed.insert("discrepancies".into(), Json::Array(essentials));
        }
        Update {
            verdict: actual.verdict.name(),
            decisions,
            discrepancies: (!lines.is_empty()).then(|| lines.concat()),
            packed: Json::Object(packed).to_string(),
        }
    }
}

/// A packed line with another expectation; `None` when it is no case.
pub fn rewritten_line(line: &str, expect: &str) -> Option<String> {
    let raw: RawLine<'_> = serde_json::from_str(line).ok()?;
    // The value is a part of the line: where it begins tells what stands before and behind it.
    let from = (raw.expect.get().as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
    let until = from + raw.expect.get().len();
    Some(format!("{}{expect}{}", line.get(..from)?, line.get(until..)?))
}

/// A `case.toml` with another verdict; `None` when it is no case.
pub fn rewritten_toml(text: &str, verdict: &str) -> Option<String> {
    use toml::de::{DeTable, DeValue};
    let table = DeTable::parse(text).ok()?;
    let DeValue::Table(expect) = table.get_ref().get("expect")?.get_ref() else { return None };
    let span = expect.get("verdict")?.span();
    Some(format!("{}\"{verdict}\"{}", text.get(..span.start)?, text.get(span.end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_expectation_changes() {
        let line = "{\"name\": \"a\",  \"why\":\"b\", \"expect\" : {\"verdict\":\"clean\"} , \"tags\":[]}";
        let other = rewritten_line(line, "{\"verdict\":\"warned\"}").expect("a case");
        assert_eq!(other, line.replace("clean", "warned"));
        assert_eq!(rewritten_line("{}", "{}"), None);
        let toml = "why = 'x' # verdict = \"clean\"\n[expect] # here\nverdict = 'clean'   # as it should\n";
        let other = rewritten_toml(toml, "warned").expect("a case");
        assert_eq!(other, toml.replace("verdict = 'clean'", "verdict = \"warned\""));
        assert_eq!(rewritten_toml("why = 'x'", "warned"), None);
    }
}

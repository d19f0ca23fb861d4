//! `--format ndjson`: one discrepancy a line, then one line with everything else. A file without the summary line
//! is cut short.

use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use super::json::{discrepancy_object, head};
use super::shown::Shown;
use super::{Look, Report};

pub(super) fn render(report: &Report, shown: &mut Shown<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    while let Some(discrepancy) = shown.next()? {
        let mut line = typed("discrepancy");
        if let Json::Object(object) = discrepancy_object(report, &discrepancy) {
            line.extend(object);
        }
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    let mut summary = typed("summary");
    summary.extend(head(report, look));
    summary.insert("truncated".into(), json!(shown.left_out() > 0));
    serde_json::to_writer(&mut *out, &summary)?;
    out.write_all(b"\n")
}

fn typed(name: &str) -> Map<String, Json> {
    let mut line = Map::new();
    line.insert("type".into(), json!(name));
    line
}

//! A small line diff of two documents, arrays or texts of several lines. Must not colour or indent.

use similar::{Algorithm, ChangeTag, TextDiff};

use super::visible::visible_line;
use crate::domain::Value;

/// One line of the diff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Same,
    Legacy,
    Candidate,
    /// Lines were left out here.
    Gap,
}

impl Mark {
    /// The sign before the line.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Mark::Same => " ",
            Mark::Legacy => "-",
            Mark::Candidate => "+",
            Mark::Gap => " ",
        }
    }
}

/// Lines of context around a change.
const CONTEXT: usize = 2;
/// More lines than this are compared only up to here: a report is no place for a megabyte.
const LONGEST: usize = 2_000;

/// The diff, at most `most` lines long, when the two values are better shown that way than side by side.
pub(super) fn line_diff(legacy: &Value, candidate: &Value, most: usize) -> Option<Vec<(Mark, String)>> {
    let nested = |v: &Value| matches!(v, Value::Document(_) | Value::Array(_));
    let (old, new) = match (legacy, candidate) {
        (Value::Text { text: l, .. }, Value::Text { text: c, .. })
            if l.trim_end().contains('\n') || c.trim_end().contains('\n') =>
        {
            (l.clone(), c.clone())
        }
        (l, c) if nested(l) && nested(c) => (l.pretty(), c.pretty()),
        _ => return None,
    };
    let old: Vec<&str> = old.split('\n').collect();
    let new: Vec<&str> = new.split('\n').collect();
    // What both begin with is skipped first, so that only the region of the change is compared.
    let same = old.iter().zip(&new).take_while(|(l, c)| l == c).count().saturating_sub(CONTEXT);
    let (from_old, from_new) = (&old[same..], &new[same..]);
    let cut = from_old.len() > LONGEST || from_new.len() > LONGEST;
    let from_old = &from_old[..from_old.len().min(LONGEST)];
    let from_new = &from_new[..from_new.len().min(LONGEST)];
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).diff_slices(from_old, from_new);

    let mut lines = Vec::new();
    if same > 0 {
        lines.push((Mark::Gap, format!("… {same} equal lines")));
    }
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push((Mark::Gap, "…".to_owned()));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let mark = match change.tag() {
                ChangeTag::Equal => Mark::Same,
                ChangeTag::Delete => Mark::Legacy,
                ChangeTag::Insert => Mark::Candidate,
            };
            lines.push((mark, visible_line(change.value())));
        }
    }
    if cut {
        lines.push((Mark::Gap, format!("… not compared beyond {LONGEST} lines here")));
    }
    if lines.len() > most {
        let more = lines.len() - most;
        lines.truncate(most);
        lines.push((Mark::Gap, format!("… {more} more lines of this difference")));
    }
    // Documents that differ only in how a value is held print alike: let the caller show the types.
    lines.iter().any(|(mark, _)| matches!(mark, Mark::Legacy | Mark::Candidate)).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text { text: text.to_owned(), untyped: false }
    }

    fn signs(lines: &[(Mark, String)]) -> Vec<String> {
        lines.iter().map(|(mark, line)| format!("{}{line}", mark.sign())).collect()
    }

    #[test]
    fn only_the_region_of_the_change_is_shown() {
        let lines: Vec<String> = (1..=9).map(|n| format!("line {n}")).collect();
        let legacy = lines.join("\n");
        let candidate = legacy.replace("line 6", "line six ");
        let diff = line_diff(&text(&legacy), &text(&candidate), 40).expect("lines");
        let expected = ["… 3 equal lines", "line 4", "line 5", "-line 6", "+line six\\u{20}", "line 7", "line 8"];
        assert_eq!(signs(&diff).iter().map(|l| l.trim_start()).collect::<Vec<_>>(), expected);
        let short = line_diff(&text(&legacy), &text(&candidate), 4).expect("lines");
        assert_eq!(short.last().map(|l| l.1.as_str()), Some("… 3 more lines of this difference"));
    }

    #[test]
    fn scalars_are_left_to_stand_side_by_side() {
        assert!(line_diff(&text("a"), &text("b"), 40).is_none());
        assert!(line_diff(&Value::Null, &Value::Array(vec![]), 40).is_none());
    }
}

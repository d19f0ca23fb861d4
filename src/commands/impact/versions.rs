//! Two versions of one path, compared with each other exactly: `legacy` is the path as it stands, `candidate` the changed
//! one. What becomes of each record, and whether copies of a key are the same.

use crate::commands::Failure;
use crate::commands::recomputed::Computing;
use crate::commands::verify::keys::name;
use crate::compare::{CompareError, Compared, Outcome, SideName};
use crate::config::{ColumnSettings, Mapped, Reconciliation};
use crate::domain::{Equality, Rules, Value, compare_values};
use crate::report::impact::Counts;
use crate::report::{Discrepancy, DiscrepancyKind};
use crate::stores::ErrorClass;

use super::change::Change;
use super::cycle::values;

/// Copies of one key that are held against each other one by one, where their texts do not tell.
const MOST_PAIRED: usize = 200;

/// Both versions as if they were the two paths of a reconciliation.
///
/// # Errors
/// The path is not computed by such a text.
pub(super) fn of_one_path(computing: &Computing<'_>, change: &Change) -> Result<Reconciliation, Failure> {
    let of = computing.reconciliation;
    let own = |name: &Mapped| {
        let own = change.own_name(name).to_owned();
        Mapped { legacy: own.clone(), candidate: own }
    };
    let column = |column: &ColumnSettings| ColumnSettings {
        name: own(&column.name),
        tolerance: None,
        compare: true,
        ..column.clone()
    };
    Ok(Reconciliation {
        key: of.key.iter().map(own).collect(),
        columns: of.columns.iter().map(column).collect(),
        legacy: change.path(of).clone(),
        candidate: change.changed(computing.project, of)?,
        ..of.clone()
    })
}

/// Compares both versions: every column, exactly.
///
/// # Errors
/// Usage: the changed path cannot run, or lacks a key column. Otherwise they could not be computed.
pub(super) fn compared(computing: &Computing<'_>, change: &Change) -> Result<Compared, Failure> {
    let reconciliation = of_one_path(computing, change)?;
    let computing = Computing { reconciliation: &reconciliation, ..*computing };
    let request = computing.request(|definition| {
        definition.may_go = true;
        // A column that goes is told, not refused; what lies inside documents is looked for by its name.
        definition.required.retain(|name| name.contains('.'));
    })?;
    let which = |side: SideName| match side {
        SideName::Legacy => format!("the {} path as it stands", change.side.name()),
        SideName::Candidate => format!("the changed {} path ({})", change.side.name(), change.from),
    };
    computing.compared(request, false).map_err(|error| match error {
        CompareError::Side(side, error) => {
            let usage = error.class == ErrorClass::Usage;
            let failure = Failure::from(error);
            let what = format!("{}: {}", which(side), failure.what);
            // A past cycle has the parameters that it was run with.
            let hint = failure.hint.map(|hint| match usage && hint.contains("--param") {
                true if computing.params.is_empty() => "the cycle has no parameter".to_owned(),
                true => {
                    let names: Vec<String> = computing.params.iter().map(|(name, _)| format!(":{name}")).collect();
                    format!("the cycle has the parameters {}", names.join(", "))
                }
                false => hint,
            });
            Failure { what, hint, ..failure }
        }
        CompareError::Plan(error) => {
            let failure = Failure::from(error);
            let what = failure.what.replace("the legacy side", &which(SideName::Legacy));
            let what = what.replace("the candidate side", &which(SideName::Candidate));
            Failure { what, ..failure }
        }
        other => other.into(),
    })
}

/// What a sentence of the comparison says of the two sides, said of the two versions.
pub(super) fn reworded(text: &str) -> String {
    text.replace("legacy side", "current version").replace("candidate side", "changed version")
}

/// Whether two lists of copies are the same records in whatever order; `None`: a value is unknown.
pub(super) fn same_copies(current: &[Vec<Value>], changed: &[Vec<Value>], rules: &Rules) -> Option<bool> {
    let unknown = |rows: &[Vec<Value>]| rows.iter().flatten().any(|value| value.unknown().is_some());
    if unknown(current) || unknown(changed) {
        return None;
    }
    if current.len() != changed.len() {
        return Some(false);
    }
    let named = |rows: &[Vec<Value>]| {
        let mut names: Vec<String> = rows.iter().map(|row| name(row)).collect();
        names.sort();
        names
    };
    if current.len() > MOST_PAIRED {
        return Some(named(current) == named(changed));
    }
    let equal = |one: &[Value], other: &[Value]| {
        let mut pairs = one.iter().zip(other);
        pairs.all(|(one, other)| matches!(compare_values(one, other, rules), Equality::Equal(_)))
    };
    let mut left: Vec<&Vec<Value>> = changed.iter().collect();
    for row in current {
        let Some(at) = left.iter().position(|other| equal(row, other)) else { return Some(false) };
        left.swap_remove(at);
    }
    Some(true)
}

/// Whether a key stands several times in both versions, with the same copies: nothing would change.
pub(super) fn is_same_duplicate(discrepancy: &Discrepancy, rules: &Rules) -> bool {
    discrepancy.kind == DiscrepancyKind::DuplicateKey
        && same_copies(&discrepancy.legacy_copies, &discrepancy.candidate_copies, rules) == Some(true)
}

/// The keys by what becomes of them.
///
/// # Errors
/// A temporary file cannot be read.
pub(super) fn counts(compared: &mut Compared) -> std::io::Result<Counts> {
    let all = compared.report.counts;
    let mut counts = Counts {
        keys: all.keys,
        equal: all.matched,
        changed: all.mismatched,
        added: all.candidate_only,
        removed: all.legacy_only,
        unknown: all.unknown,
    };
    if all.duplicate == 0 {
        return Ok(counts);
    }
    let mut records = compared.records()?;
    let plan = records.plan();
    let columns: Vec<usize> = (0..plan.columns.len()).map(|column| plan.judge.key + column).collect();
    while let Some(record) = records.next_record()? {
        if record.outcome != Outcome::Duplicate {
            continue;
        }
        let (current, changed) = (values(record.legacy, &columns), values(record.candidate, &columns));
        let counted = match (current.is_empty(), changed.is_empty()) {
            (true, _) => &mut counts.added,
            (_, true) => &mut counts.removed,
            _ => match same_copies(&current, &changed, &plan.judge.rules) {
                Some(true) => &mut counts.equal,
                // Copies of which one is unknown are a duplicate all the same; nobody can say that they are as they were.
                None => &mut counts.unknown,
                Some(false) => &mut counts.changed,
            },
        };
        *counted += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text { text: text.to_owned(), untyped: false }
    }

    #[test]
    fn copies_are_the_same_in_whatever_order_and_number() {
        let rules = Rules::default();
        let rows = |all: &[&str]| all.iter().map(|one| vec![text(one)]).collect::<Vec<_>>();
        let same = |one: &[&str], other: &[&str]| same_copies(&rows(one), &rows(other), &rules);
        assert_eq!(same(&["a", "b", "a"], &["a", "a", "b"]), Some(true));
        assert_eq!(same(&["a", "b", "b"], &["a", "a", "b"]), Some(false));
        assert_eq!(same(&["a"], &["a", "a"]), Some(false));
        let unknown = vec![vec![Value::Unknown("why".into())]];
        assert_eq!(same_copies(&unknown, &unknown, &rules), None);
        let many: Vec<String> = (0..=MOST_PAIRED).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut turned = many.clone();
        turned.reverse();
        assert_eq!(same(&many, &turned), Some(true));
        turned[0] = "x";
        assert_eq!(same(&many, &turned), Some(false));
    }
}

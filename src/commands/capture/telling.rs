//! What messages may name of a run: keys and numbers are shown only where nothing says that they are personal, by the rules of
//! a column and of every column that it comes from. Must not format anything.

use std::collections::BTreeSet;

use crate::capture::personal;
use crate::capture::{Field, Mask, MaskRules};
use crate::config::Mapped;
use crate::domain::{ColumnType, Value};

use super::of_run::OfRun;
use super::plan::Plan;

/// What is known of a column.
struct Known {
    /// Every name that it has: on both sides, and where it comes from.
    names: Vec<String>,
    /// A rule masks it, or one that it comes from.
    masked: bool,
    /// A rule says that it is no personal data.
    kept: bool,
    /// It can be told where it comes from on both sides.
    traced: bool,
}

/// What may be named.
pub(super) struct Telling {
    key: Vec<Known>,
    amounts: BTreeSet<String>,
    /// Whether the project masks anything.
    masks: bool,
}

impl Telling {
    /// By the rules of the project.
    pub(super) fn of(of_run: &OfRun, plan: &Plan) -> Telling {
        let of = &of_run.named.reconciliation;
        let rules = &of_run.named.project.capture.masks;
        let known = |name: &Mapped| known(rules, plan, name);
        let amount = |name: &&String| {
            let Some(column) = of.column(name) else { return false };
            let known = known(&column.name);
            let personal = known.names.iter().any(|name| personal::named(name));
            matches!(column.column_type, Some(ColumnType::Decimal | ColumnType::Integer))
                && !known.masked
                && (known.kept || !personal)
        };
        Telling {
            key: of.key.iter().map(known).collect(),
            amounts: of_run.columns.iter().filter(amount).cloned().collect(),
            masks: rules.needs_secret(),
        }
    }

    /// Columns whose numbers may be shown.
    pub(super) fn amounts(&self) -> &BTreeSet<String> {
        &self.amounts
    }

    /// Whether a key may be shown.
    pub(super) fn shows(&self, key: &[Value]) -> bool {
        self.key.iter().zip(key).all(|(known, value)| {
            let looks = || known.names.iter().any(|name| personal::looks(name, value).is_some());
            // What is computed may come from a column that is masked.
            let doubtful = !known.traced && self.masks;
            !known.masked && (known.kept || !doubtful && !looks())
        })
    }
}

/// The rules of a column, and of those that it comes from.
fn known(rules: &MaskRules, plan: &Plan, name: &Mapped) -> Known {
    let mut known = Known { names: Vec::new(), masked: false, kept: false, traced: true };
    let mut masks: Vec<Option<Mask>> = Vec::new();
    // Of the parts of the plan only the two paths have a key: legacy's is the first.
    let mut paths = plan.parts.iter().filter(|part| !part.key.is_empty());
    for name in [&name.legacy, &name.candidate] {
        known.names.push(name.clone());
        masks.push(rules.of(&Field::alone(name)));
        let Some(part) = paths.next() else { continue };
        let origins = part.trace.origins(name);
        known.traced &= !origins.is_empty();
        let traced = origins.iter().map(|origin| (origin.usage, origin.column.as_str()));
        // What cannot be traced may be a column of the same name of anything that is read.
        let same = (0..part.trace.uses.len()).map(|usage| (usage, name.as_str()));
        let places: Vec<(usize, &str)> = if origins.is_empty() { same.collect() } else { traced.collect() };
        for (usage, column) in places {
            let access = plan.access(part, usage);
            let Some((access, readable)) = access.and_then(|one| Some((one, plan.readables.get(one.of)?))) else {
                known.traced = false;
                continue;
            };
            let path = access.path(column);
            known.names.push(path.to_owned());
            masks.push(rules.of(&Field::of((&readable.store, &readable.name), path)));
        }
    }
    known.masked = masks.iter().flatten().any(|mask| *mask != Mask::Keep);
    known.kept = masks.contains(&Some(Mask::Keep));
    known
}

//! Which columns the result depends on: only those are read, computed and carried.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::plan::{Id, Rel};

/// Every column on which the wanted ones depend, in the whole plan.
pub(in super::super) fn needed(rel: &Arc<Rel>, wanted: impl Iterator<Item = Id>) -> BTreeSet<Id> {
    let mut needed: BTreeSet<Id> = wanted.collect();
    let mut nodes = Vec::new();
    collect(rel, &mut nodes);
    // A node may be mentioned by several others, so one pass from the top is not enough; each pass reaches at least
    // one more level.
    loop {
        let before = needed.len();
        for node in &nodes {
            demand(node, &mut needed);
        }
        if needed.len() == before {
            return needed;
        }
    }
}

fn collect<'r>(rel: &'r Arc<Rel>, nodes: &mut Vec<&'r Rel>) {
    if nodes.iter().any(|known| std::ptr::eq(*known, rel.as_ref())) {
        return;
    }
    nodes.push(rel);
    for input in inputs(rel) {
        collect(input, nodes);
    }
}

fn inputs(rel: &Rel) -> Vec<&Arc<Rel>> {
    match rel {
        Rel::Scan { .. } | Rel::One => Vec::new(),
        Rel::Project { input, .. }
        | Rel::Filter { input, .. }
        | Rel::Aggregate { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. } => vec![input],
        Rel::Join { left, right, .. } => vec![left, right],
        Rel::Union { inputs, .. } => inputs.iter().map(|(input, _)| input).collect(),
    }
}

fn demand(rel: &Rel, needed: &mut BTreeSet<Id>) {
    match rel {
        Rel::Scan { .. } | Rel::One | Rel::Limit { .. } => {}
        Rel::Project { columns, .. } => {
            for (_, value) in columns.iter().filter(|(id, _)| needed.contains(id)).collect::<Vec<_>>() {
                value.reads(needed);
            }
        }
        Rel::Filter { condition, .. } => condition.reads(needed),
        Rel::Join { keys, .. } => {
            for (left, right) in keys {
                left.reads(needed);
                right.reads(needed);
            }
        }
        Rel::Aggregate { keys, aggregates, .. } => {
            // Every key decides the groups, whether it is shown or not.
            for (id, key) in keys {
                needed.insert(*id);
                key.reads(needed);
            }
            for (id, aggregate) in aggregates {
                if needed.contains(id)
                    && let Some(argument) = &aggregate.argument
                {
                    argument.reads(needed);
                }
            }
        }
        Rel::Union { inputs, columns } => {
            for (position, id) in columns.iter().enumerate() {
                if needed.contains(id) {
                    needed.extend(inputs.iter().filter_map(|(_, ids)| ids.get(position)));
                }
            }
        }
        Rel::Distinct { columns, .. } => needed.extend(columns.iter().map(|(id, _)| *id)),
        Rel::Sort { by, .. } => by.iter().for_each(|key| key.value.reads(needed)),
    }
}

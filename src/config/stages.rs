//! `[reconciliation.NAME.stages]`: payment steps after `released`, from what is written to the state machine.

use std::collections::BTreeMap;
use std::ops::Range;

use super::error::did_you_mean;
use super::validate::{Result, Text, Validator};
use crate::domain::{Machine, State, StateError};

/// The machine with the steps configured; every refusal says where.
pub(super) fn machine(validator: &Validator<'_>, stages: &BTreeMap<Text, Vec<Text>>) -> Result<Machine> {
    let mut steps: Vec<(&str, &str, Range<usize>)> = Vec::new();
    for (from, all) in stages {
        for name in std::iter::once(from).chain(all) {
            State::parse(name.get_ref()).map_err(|error| validator.error(name.span(), error.to_string()))?;
        }
        if all.is_empty() {
            let what = format!("no step is listed from `{}`", from.get_ref());
            return Err(validator
                .error(from.span(), what)
                .hint("a state without a further step is the end: leave its line out"));
        }
        for to in all {
            if steps.iter().any(|(f, t, _)| f == from.get_ref() && t == to.get_ref()) {
                let what = format!("the step from `{}` to `{}` is listed twice", from.get_ref(), to.get_ref());
                return Err(validator.error(to.span(), what));
            }
            steps.push((from.get_ref(), to.get_ref(), to.span()));
        }
    }
    let pairs: Vec<(&str, &str)> = steps.iter().map(|(from, to, _)| (*from, *to)).collect();
    Machine::new(&pairs).map_err(|error| {
        let of_key = |name: &str| stages.keys().find(|key| key.get_ref() == name).map(|key| key.span());
        let (at, hint) = match &error {
            StateError::NotPayment(from, to) => {
                let step = steps.iter().find(|(f, t, _)| f == from && t == to);
                let hint = match State::parse(from) {
                    Ok(State::Payment(_) | State::Released) => "give the step a name of its own, such as `paid`",
                    _ => "begin with `released = [\"…\"]`",
                };
                (step.map(|(_, _, at)| at.clone()), Some(hint.to_owned()))
            }
            StateError::Unreachable(from, _) => {
                // Names that steps lead to: a slip of the pen in one of them cuts off what follows.
                let reached = steps.iter().map(|(_, to, _)| *to).filter(|to| stages.keys().all(|k| k.get_ref() != to));
                let hint = did_you_mean(from, reached)
                    .unwrap_or_else(|| format!("add it to a step that is taken: released = [\"{from}\"]"));
                (of_key(from), Some(hint))
            }
            StateError::Circle(from) => (of_key(from), None),
            _ => (None, None),
        };
        let mut refused = validator.error(at.unwrap_or(0..0), error.to_string());
        refused.hint = hint;
        refused
    })
}

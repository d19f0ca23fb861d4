//! The states of a cycle and every allowed step between them, as one pure table.
//!
//! ```text
//! registered -> computed -> compared -> checked -> decided -> approved -> released -> (configured payment states)
//!      └───────────┴───────────┴──────────┴───────────┴──────────┴──> blocked or aborted;  blocked -> registered
//! ```
//! Must not know how a step is stored or who may take it.

use std::collections::BTreeSet;
use std::fmt;

/// Longest name of a payment state, in characters.
const LONGEST_NAME: usize = 40;

/// Where a cycle stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Known, and nothing is computed yet.
    Registered,
    /// Both paths have computed.
    Computed,
    /// The two are compared, record by record.
    Compared,
    /// Every check has run.
    Checked,
    /// Decisions are written and their totals tie.
    Decided,
    /// As many people as are needed have approved the decisions.
    Approved,
    /// The payer may read the decisions.
    Released,
    /// Stopped: over policy, a failing check, or it could not be verified. A new run starts again.
    Blocked,
    /// Given up for good.
    Aborted,
    /// A payment step that another program performs, named in the project file.
    Payment(String),
}

impl State {
    /// The states that every machine has, in their order.
    pub const BUILT_IN: [State; 9] = [
        State::Registered,
        State::Computed,
        State::Compared,
        State::Checked,
        State::Decided,
        State::Approved,
        State::Released,
        State::Blocked,
        State::Aborted,
    ];

    /// Its name, as it is stored and shown.
    pub fn name(&self) -> &str {
        match self {
            State::Registered => "registered",
            State::Computed => "computed",
            State::Compared => "compared",
            State::Checked => "checked",
            State::Decided => "decided",
            State::Approved => "approved",
            State::Released => "released",
            State::Blocked => "blocked",
            State::Aborted => "aborted",
            State::Payment(name) => name,
        }
    }

    /// The state of a name; any other name than those of this page is a payment state.
    ///
    /// # Errors
    /// What is no name: empty, too long, or with other characters than `a-z`, `0-9`, `_` and `-`.
    pub fn parse(name: &str) -> Result<State, StateError> {
        if let Some(state) = State::BUILT_IN.iter().find(|state| state.name() == name) {
            return Ok(state.clone());
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !starts || name.chars().count() > LONGEST_NAME || !name.chars().all(plain) {
            return Err(StateError::Name(super::shorten(name, LONGEST_NAME)));
        }
        Ok(State::Payment(name.to_owned()))
    }

    /// Its place on the way to release, 0 to 6; `None` off that way.
    fn place(&self) -> Option<usize> {
        State::BUILT_IN[..7].iter().position(|state| state == self)
    }

    /// Whether a run has still to work on the cycle: before `decided`.
    pub fn is_in_work(&self) -> bool {
        self.place().is_some_and(|place| place < 4)
    }

    /// Whether decisions stand: `decided`, and everything that follows.
    pub fn is_decided(&self) -> bool {
        self.place().is_some_and(|place| place >= 4) || matches!(self, State::Payment(_))
    }

    /// Whether the payer may read the decisions: `released`, and everything that follows.
    pub fn is_released(&self) -> bool {
        matches!(self, State::Released | State::Payment(_))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why states or steps make no sense, or a step is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// No name of a state.
    #[error("`{0}` is no name of a state: write up to {LONGEST_NAME} of a-z, 0-9, _ and -, a letter first")]
    Name(String),
    /// A configured step that would change the way to release.
    #[error(
        "the step from `{0}` to `{1}` is not one of payment: those start at `released` or a payment state, and end at a payment state"
    )]
    NotPayment(String, String),
    /// A configured step that can never be taken.
    #[error("the step from `{0}` to `{1}` can never be taken: no steps lead from `released` to `{0}`")]
    Unreachable(String, String),
    /// Configured steps that lead back.
    #[error("the steps lead from `{0}` back to `{0}`; a payment step is never taken twice")]
    Circle(String),
    /// Not allowed from here.
    #[error("a cycle cannot go from `{from}` to `{to}`{}", allowed_from(.allowed))]
    NotAllowed {
        /// Where the cycle stands.
        from: State,
        /// Where it was to go.
        to: State,
        /// Where it may go.
        allowed: Vec<State>,
    },
}

fn allowed_from(allowed: &[State]) -> String {
    match allowed {
        [] => "; it has reached its end".to_owned(),
        some => format!("; it may go to {}", some.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Every allowed step: the fixed ones and the payment steps of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    payment: Vec<(State, State)>,
}

impl Machine {
    /// With the payment steps configured, as pairs of names (from, to).
    ///
    /// # Errors
    /// A name that is none; a step that touches the way to release, can never be taken, or leads back.
    pub fn new<T: AsRef<str>>(steps: &[(T, T)]) -> Result<Machine, StateError> {
        let mut payment = Vec::with_capacity(steps.len());
        for (from, to) in steps {
            let (from, to) = (State::parse(from.as_ref())?, State::parse(to.as_ref())?);
            if !from.is_released() || !matches!(to, State::Payment(_)) {
                return Err(StateError::NotPayment(from.to_string(), to.to_string()));
            }
            if !payment.contains(&(from.clone(), to.clone())) {
                payment.push((from, to));
            }
        }
        let machine = Machine { payment };
        let reached = machine.after(&State::Released);
        for (from, to) in &machine.payment {
            if *from != State::Released && !reached.contains(from) {
                return Err(StateError::Unreachable(from.to_string(), to.to_string()));
            }
            if machine.after(from).contains(from) {
                return Err(StateError::Circle(from.to_string()));
            }
        }
        Ok(machine)
    }

    /// Where a cycle may go from a state, in one step.
    pub fn allowed(&self, from: &State) -> Vec<State> {
        let mut allowed = Vec::new();
        match from {
            State::Blocked => allowed.push(State::Registered),
            _ => {
                if let Some(place) = from.place().filter(|place| *place < 6) {
                    allowed.extend([State::BUILT_IN[place + 1].clone(), State::Blocked, State::Aborted]);
                }
            }
        }
        allowed.extend(self.payment.iter().filter(|(start, _)| start == from).map(|(_, to)| to.clone()));
        allowed
    }

    /// Every state that it knows: the built-in ones, then those of payment, each once.
    pub fn states(&self) -> Vec<State> {
        let mut states = State::BUILT_IN.to_vec();
        for (from, to) in &self.payment {
            for state in [from, to] {
                if !states.contains(state) {
                    states.push(state.clone());
                }
            }
        }
        states
    }

    /// Allows the step or says why not.
    ///
    /// # Errors
    /// [`StateError::NotAllowed`].
    pub fn check(&self, from: &State, to: &State) -> Result<(), StateError> {
        let allowed = self.allowed(from);
        if allowed.contains(to) {
            return Ok(());
        }
        Err(StateError::NotAllowed { from: from.clone(), to: to.clone(), allowed })
    }

    /// Whether a cycle that stands at `state` has been at `target` in its present attempt: it is there or further on.
    pub fn has_reached(&self, state: &State, target: &State) -> bool {
        state == target || (*state != State::Blocked && *state != State::Aborted && self.after(target).contains(state))
    }

    /// Every state that can follow without starting again.
    fn after(&self, state: &State) -> BTreeSet<State> {
        let mut found = BTreeSet::new();
        let mut open = vec![state.clone()];
        while let Some(state) = open.pop().filter(|state| *state != State::Blocked) {
            let new: Vec<State> = self.allowed(&state).into_iter().filter(|next| *next != State::Blocked).collect();
            open.extend(new.into_iter().filter(|next| found.insert(next.clone())));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payments() -> Machine {
        let steps = [
            ("released", "messages_prepared"),
            ("released", "payment_requested"),
            ("messages_prepared", "payment_requested"),
            ("payment_requested", "paid"),
        ];
        Machine::new(&steps).expect("steps")
    }

    /// The contract's table written out by hand: every pair that is not here is refused.
    const STEPS: [(&str, &str); 23] = [
        ("registered", "computed"),
        ("computed", "compared"),
        ("compared", "checked"),
        ("checked", "decided"),
        ("decided", "approved"),
        ("approved", "released"),
        ("registered", "blocked"),
        ("computed", "blocked"),
        ("compared", "blocked"),
        ("checked", "blocked"),
        ("decided", "blocked"),
        ("approved", "blocked"),
        ("registered", "aborted"),
        ("computed", "aborted"),
        ("compared", "aborted"),
        ("checked", "aborted"),
        ("decided", "aborted"),
        ("approved", "aborted"),
        ("blocked", "registered"),
        ("released", "messages_prepared"),
        ("released", "payment_requested"),
        ("messages_prepared", "payment_requested"),
        ("payment_requested", "paid"),
    ];

    #[test]
    fn every_pair_is_allowed_or_refused_as_the_table_says() {
        let machine = payments();
        let mut states = State::BUILT_IN.to_vec();
        for name in ["messages_prepared", "payment_requested", "paid", "somewhere_else"] {
            states.push(State::parse(name).expect("a name"));
        }
        let mut allowed = 0;
        for from in &states {
            for to in &states {
                let expected = STEPS.contains(&(from.name(), to.name()));
                assert_eq!(machine.check(from, to).is_ok(), expected, "{from} -> {to}");
                allowed += usize::from(expected);
            }
        }
        assert_eq!(allowed, STEPS.len());
    }

    #[test]
    fn without_payment_steps_released_is_the_end() {
        let error = Machine::default().check(&State::Released, &State::Blocked).expect_err("refused");
        assert_eq!(error.to_string(), "a cycle cannot go from `released` to `blocked`; it has reached its end");
        let error = Machine::default().check(&State::Checked, &State::Released).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "a cycle cannot go from `checked` to `released`; it may go to `decided`, `blocked`, `aborted`"
        );
    }

    #[test]
    fn steps_that_make_no_sense_are_refused() {
        for (steps, said) in [
            (vec![("decided", "paid")], "not one of payment"),
            (vec![("released", "blocked")], "not one of payment"),
            (vec![("released", "registered")], "not one of payment"),
            (vec![("blocked", "paid")], "not one of payment"),
            (vec![("requested", "paid")], "can never be taken"),
            (vec![("released", "paid"), ("paid", "paid")], "never taken twice"),
            (vec![("released", "a"), ("a", "b"), ("b", "a")], "never taken twice"),
            (vec![("released", "Paid")], "no name of a state"),
            (vec![("released", "")], "no name of a state"),
            (vec![("released", "a b")], "no name of a state"),
        ] {
            let error = Machine::new(&steps).expect_err("refused").to_string();
            assert!(error.contains(said), "{steps:?}: {error}");
        }
    }

    #[test]
    fn what_was_reached() {
        let machine = payments();
        let paid = State::Payment("paid".into());
        for (state, target, reached) in [
            (State::Decided, State::Decided, true),
            (State::Released, State::Decided, true),
            (paid.clone(), State::Decided, true),
            (paid.clone(), State::Payment("payment_requested".into()), true),
            (State::Released, paid.clone(), false),
            (State::Checked, State::Decided, false),
            (State::Blocked, State::Registered, false),
            (State::Aborted, State::Registered, false),
            (State::Blocked, State::Blocked, true),
            (State::Registered, State::Blocked, false),
        ] {
            assert_eq!(machine.has_reached(&state, &target), reached, "{state} for {target}");
        }
    }

    #[test]
    fn names_come_back() {
        for state in State::BUILT_IN {
            assert_eq!(State::parse(state.name()), Ok(state));
        }
        assert_eq!(State::parse("paid"), Ok(State::Payment("paid".into())));
    }
}

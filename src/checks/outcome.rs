//! What became of a check: one pure function of what it found, how much was allowed, and how many records there are.

use std::cell::RefCell;

use crate::domain::{Amount, Filter, Literal, NumberForm, Rules, Truth, Value};

use super::definition::{Definition, Severity};

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing to say.
    Pass,
    /// Violations that do not block.
    Warn,
    /// Violations that block.
    Fail,
    /// It could not be determined.
    Unknown,
    /// It flagged more than is plausible: what it says is not believed, and it stays off until somebody turns it on.
    Tripped,
    /// It is turned off.
    Skipped,
}

impl Outcome {
    /// Every one.
    pub const ALL: [Outcome; 6] =
        [Outcome::Pass, Outcome::Warn, Outcome::Fail, Outcome::Unknown, Outcome::Tripped, Outcome::Skipped];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Warn => "warn",
            Outcome::Fail => "fail",
            Outcome::Unknown => "unknown",
            Outcome::Tripped => "tripped",
            Outcome::Skipped => "skipped",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Records or rows that violate it.
    pub violations: u64,
    /// Records of which it could not be said.
    pub unknown: u64,
    /// The first of them, and why.
    pub why: Option<String>,
    /// Records that it looked at, where that is known.
    pub examined: Option<u64>,
    /// The one value that its query gives, for a check that expects something of it.
    pub value: Option<Value>,
    /// Whether that value must not be shown.
    pub hidden: bool,
    /// Why there may be more than was read.
    pub truncated: Option<String>,
}

/// An outcome, and why in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What became of it.
    pub outcome: Outcome,
    /// What is to be said of it.
    pub message: String,
    /// Violations: those found, or one for a value that is not as expected.
    pub violations: u64,
}

/// Judges what a check found among `population` records (distinct keys of the run), where their number is known.
pub fn judge(definition: &Definition, found: &Found, population: Option<u64>) -> Judged {
    let judged = |outcome, message: String, violations| Judged { outcome, message, violations };
    // Of those that it says it looked at, else of the run's.
    let population = found.examined.or(population);
    let violations = found.violations;
    let mut value_told = None;
    if let Some(expect) = &definition.expect {
        let examined = found.examined.map_or(Value::Null, whole);
        if expect.columns().iter().any(|name| name == "examined") && found.examined.is_none() {
            let what = "it is not known how many records it examined: give the count in `examines`";
            return judged(Outcome::Unknown, what.to_owned(), violations);
        }
        let value = found.value.clone();
        if expect.columns().iter().any(|name| name == "value") && value.is_none() {
            return judged(Outcome::Unknown, "its query gives no value".to_owned(), violations);
        }
        let shown = match found.hidden {
            true => "***".to_owned(),
            false => value.as_ref().map_or_else(|| examined.to_string(), Value::to_string),
        };
        match holds(expect, value.as_ref(), &examined) {
            Some(true) => value_told = value.map(|_| format!("the value is {shown}")),
            // That too little was examined says nothing of what was not.
            Some(false) if found.value.is_none() => {
                let what = format!("it examined {shown} records, and `{}` is expected", definition.expect_text);
                return judged(Outcome::Unknown, what, violations);
            }
            // A value that is missed is missed: no number of rows is counted that a threshold could be about.
            Some(false) => {
                let what = format!("the value is {shown}, and `{}` is expected", definition.expect_text);
                let outcome = if definition.severity == Severity::Error { Outcome::Fail } else { Outcome::Warn };
                return judged(outcome, what, 1);
            }
            None => {
                let what = format!("the value is {shown}: whether `{}` holds cannot be said", definition.expect_text);
                return judged(Outcome::Unknown, what, violations);
            }
        }
    }
    // Rows of a store's answer are not records of the run, unless it says what it looked at.
    let of = match (definition.kind.asks_a_store(), found.examined) {
        (true, None) => String::new(),
        _ => population.map_or_else(String::new, |all| format!(" of {all}")),
    };
    let told = value_told.unwrap_or_else(|| match violations {
        0 => String::new(),
        1 => format!("1 violation{of}"),
        n => format!("{n} violations{of}"),
    });
    // What is certain already stays so, whatever else there is.
    if let Some(rate) = &definition.max_flag_rate {
        match exceeds(violations, population, rate) {
            Some(true) => {
                let what = format!("{told}: more than the {rate}% that are plausible, so it is not believed");
                return judged(Outcome::Tripped, what, violations);
            }
            Some(false) => {}
            None => {
                let what =
                    format!("{told}; how large a share that is cannot be said: count the records with `examines`");
                return judged(Outcome::Unknown, what, violations);
            }
        }
    }
    let possible = violations.saturating_add(found.unknown);
    let open = match (&found.truncated, found.unknown) {
        (Some(why), _) => Some(why.clone()),
        (None, 0) => None,
        (None, n) => {
            let first = found.why.as_ref().map(|why| format!(", the first: {why}")).unwrap_or_default();
            let records = if n == 1 { "record" } else { "records" };
            Some(format!("{n} {records} could not be judged{first}; `where` leaves out those that are not meant"))
        }
    };
    let with = |told: &str, more: &Option<String>| match (told.is_empty(), more) {
        (true, Some(more)) => more.clone(),
        (false, Some(more)) => format!("{told}; {more}"),
        (_, None) => told.to_owned(),
    };
    let level = |count: u64| -> Option<Outcome> {
        let fails = definition.fails_from().map(|limit| limit.reached(count, population));
        let fails = match fails {
            None => false,
            Some(reached) => reached?,
        };
        Some(match (fails, definition.warns_from().reached(count, population)?) {
            (true, _) => Outcome::Fail,
            (false, true) => Outcome::Warn,
            (false, false) => Outcome::Pass,
        })
    };
    let (Some(least), Some(most)) = (level(violations), level(possible)) else {
        let what = format!("{told}; its thresholds are percentages: count the records with `examines`");
        return judged(Outcome::Unknown, what, violations);
    };
    let certain = least == most && found.truncated.is_none() || least == Outcome::Fail;
    if !certain {
        return judged(Outcome::Unknown, with(&told, &open), violations);
    }
    let mut message = with(&told, &open);
    if least == Outcome::Fail && definition.severity == Severity::Warn {
        message.push_str(" (severity warn)");
    }
    judged(least, message, violations)
}

/// Whether so many are more than a percentage of the population.
fn exceeds(count: u64, population: Option<u64>, rate: &Amount) -> Option<bool> {
    let amount = |count: u64| Amount::new(i128::from(count), 0);
    if count == 0 {
        return Some(false);
    }
    Some(amount(count).times(&amount(100))?.total_cmp(&amount(population?).times(rate)?).is_gt())
}

fn whole(count: u64) -> Value {
    Value::Number { amount: Amount::new(i128::from(count), 0), form: NumberForm::Integer }
}

/// Whether an expectation holds; `None` when it cannot be said: NULL, or values that cannot be held against each other.
fn holds(expect: &Filter, value: Option<&Value>, examined: &Value) -> Option<bool> {
    // `value <> 0` says nothing of a date, a NaN or a text.
    let fits = |name: &str, literal: &Literal| match (name, value) {
        ("value", Some(value)) if !value.is_missing() => match literal {
            Literal::Number(_) => value.amount().is_some_and(|amount| amount.is_finite()),
            Literal::Bool(_) => matches!(value, Value::Bool(_)),
            Literal::Text(_) | Literal::Moment(_) => {
                matches!(value, Value::Text { .. } | Value::Date(_) | Value::Instant { .. } | Value::Uuid(_))
            }
        },
        _ => true,
    };
    if !expect.every_comparison(&fits) {
        return None;
    }
    let rules = Rules::default();
    let doubt = RefCell::new(false);
    let of = |name: &str| match name {
        "examined" => examined.clone(),
        _ => value.cloned().unwrap_or(Value::Null),
    };
    let is = |filter: &Filter| match filter.judge(&rules, &of) {
        Truth::True => true,
        Truth::NotTrue => false,
        Truth::Undecidable(_) => {
            *doubt.borrow_mut() = true;
            false
        }
    };
    let (so, not) = (is(expect), is(&Filter::Not(Box::new(expect.clone()))));
    match (so, not, doubt.into_inner()) {
        (true, _, _) => Some(true),
        (false, true, _) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CheckRow;

    fn definition(change: impl Fn(&mut CheckRow)) -> Definition {
        let mut row = CheckRow {
            name: "net".into(),
            stage: Some("compared".into()),
            kind: Some("run".into()),
            query: Some("SELECT 1".into()),
            severity: Some("error".into()),
            ..CheckRow::default()
        };
        change(&mut row);
        Definition::of(&row).expect("a check")
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn outcome(definition: &Definition, found: &Found, population: Option<u64>) -> Outcome {
        judge(definition, found, population).outcome
    }

    #[test]
    fn violations_reach_thresholds() {
        let found = |violations| Found { violations, ..Found::default() };
        let of = |error: Option<&str>, warn: Option<&str>, severity: &str, violations| {
            let definition = definition(|row| {
                row.error_if = error.map(str::to_owned);
                row.warn_if = warn.map(str::to_owned);
                row.severity = text(severity);
            });
            outcome(&definition, &found(violations), Some(1_000))
        };
        let cases = [
            (None, None, "error", 0, Outcome::Pass),
            (None, None, "error", 1, Outcome::Fail),
            (None, None, "warn", 1, Outcome::Warn),
            (Some("5"), None, "error", 4, Outcome::Warn),
            (Some("5"), None, "error", 5, Outcome::Fail),
            (Some("> 5"), None, "error", 5, Outcome::Warn),
            (Some(">= 5"), None, "error", 5, Outcome::Fail),
            (Some("5"), Some("3"), "error", 2, Outcome::Pass),
            (Some("5"), Some("3"), "error", 3, Outcome::Warn),
            (None, Some("3"), "error", 900, Outcome::Warn),
            (Some("0.5%"), None, "error", 4, Outcome::Warn),
            (Some("0.5%"), None, "error", 5, Outcome::Fail),
            (Some("> 0.5%"), Some("> 0.1%"), "error", 5, Outcome::Warn),
            (Some("> 0.5%"), Some("> 0.1%"), "error", 1, Outcome::Pass),
            (Some("> 0"), None, "error", 0, Outcome::Pass),
            (Some("> 0"), None, "error", 1, Outcome::Fail),
        ];
        for (error, warn, severity, violations, expected) in cases {
            assert_eq!(of(error, warn, severity, violations), expected, "{error:?} {warn:?} {severity} {violations}");
        }
    }

    #[test]
    fn what_was_not_seen_is_not_passed() {
        let plain = definition(|_| ());
        let limits = definition(|row| (row.error_if, row.warn_if) = (text("10"), text("5")));
        let found = |violations, unknown| Found { violations, unknown, ..Found::default() };
        assert_eq!(outcome(&plain, &found(0, 1), Some(9)), Outcome::Unknown);
        // What is certain is said, whatever the rest would be.
        assert_eq!(outcome(&plain, &found(1, 1), Some(9)), Outcome::Fail);
        assert_eq!(outcome(&limits, &found(3, 1), Some(99)), Outcome::Pass);
        assert_eq!(outcome(&limits, &found(3, 2), Some(99)), Outcome::Unknown);
        assert_eq!(outcome(&limits, &found(6, 3), Some(99)), Outcome::Warn);
        assert_eq!(outcome(&limits, &found(6, 4), Some(99)), Outcome::Unknown);
        let cut = |violations| Found { violations, truncated: text("more than 7 rows"), ..Found::default() };
        assert_eq!(outcome(&limits, &cut(0), Some(99)), Outcome::Unknown);
        assert_eq!(outcome(&limits, &cut(7), Some(99)), Outcome::Unknown);
        assert_eq!(outcome(&limits, &cut(10), Some(99)), Outcome::Fail);
    }

    #[test]
    fn too_many_trip_the_guard() {
        for rate in ["5%", "0.05"] {
            let guarded = definition(|row| row.max_flag_rate = text(rate));
            let found = |violations| Found { violations, ..Found::default() };
            assert_eq!(outcome(&guarded, &found(5), Some(100)), Outcome::Fail);
            assert_eq!(outcome(&guarded, &found(6), Some(100)), Outcome::Tripped);
            assert_eq!(outcome(&guarded, &found(0), Some(0)), Outcome::Pass);
            assert_eq!(outcome(&guarded, &found(1), Some(0)), Outcome::Tripped);
            assert_eq!(outcome(&guarded, &found(1), None), Outcome::Unknown);
            // Of what it examined itself, where it says that.
            assert_eq!(outcome(&guarded, &Found { examined: Some(1_000), ..found(6) }, Some(100)), Outcome::Fail);
        }
    }

    #[test]
    fn a_value_is_held_against_what_is_expected() {
        let number =
            |text: &str| Value::Number { amount: Amount::parse(text).expect("one"), form: NumberForm::Decimal };
        let of = |expect: &str, value: Option<Value>, examined| {
            let definition = definition(|row| row.expect = text(expect));
            outcome(&definition, &Found { value, examined, ..Found::default() }, Some(10))
        };
        assert_eq!(of("value <= 0", Some(number("0.00")), None), Outcome::Pass);
        assert_eq!(of("value <= 0", Some(number("0.0001")), None), Outcome::Fail);
        assert_eq!(of("value between 0 and 1", Some(number("-0.1")), None), Outcome::Fail);
        assert_eq!(of("value <= 0", Some(Value::Null), None), Outcome::Unknown);
        assert_eq!(of("value is not null", Some(Value::Null), None), Outcome::Fail);
        let nan = Value::Number { amount: Amount::NAN, form: NumberForm::Double };
        assert_eq!(of("value <= 0", Some(nan), None), Outcome::Unknown);
        assert_eq!(of("value <= 0", Some(Value::Text { text: "none".into(), untyped: false }), None), Outcome::Unknown);
        assert_eq!(of("value <= 0", None, None), Outcome::Unknown);
        assert_eq!(of("examined >= 1", None, Some(1)), Outcome::Pass);
        assert_eq!(of("examined >= 1", None, Some(0)), Outcome::Unknown);
        assert_eq!(of("examined >= 1", None, None), Outcome::Unknown);
        assert_eq!(of("value = 0 and examined >= 1", Some(number("0")), Some(0)), Outcome::Fail);
        // What is not equal for another reason is not known to differ.
        assert_eq!(of("value <> 0", Some(Value::Date(3)), None), Outcome::Unknown);
        assert_eq!(
            of("value <> 0", Some(Value::Number { amount: Amount::NAN, form: NumberForm::Double }), None),
            Outcome::Unknown
        );
        assert_eq!(of("value <> 0", Some(number("0.5")), None), Outcome::Pass);
        assert_eq!(of("value = 'ok'", Some(Value::Text { text: "ok".into(), untyped: false }), None), Outcome::Pass);
        // A threshold is about rows, not about a value that is missed.
        let guarded = definition(|row| {
            (row.expect, row.error_if, row.max_flag_rate) = (text("value = 0"), text("5"), text("1%"));
        });
        let missed = Found { value: Some(number("999999")), ..Found::default() };
        assert_eq!(outcome(&guarded, &missed, Some(130)), Outcome::Fail);
    }
}

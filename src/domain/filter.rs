//! `--where`: a condition that every store can apply, with SQL's three truth values.
//!
//! The text is a SQL condition over columns and literals. SQL stores get it rendered in their own dialect,
//! MongoDB as a `$match`, and records of files are judged here. Must not know about stores.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value as SqlValue};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::amount::Amount;
use super::batch::NumberForm;
use super::decode::is_plain_literal;
use super::equality::{Equality, Rules, compare_values};
use super::temporal::{parse_date, parse_instant, resolve_local};
use super::value::Value;

/// Why a condition cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be used as a condition: {why}")]
pub struct FilterError {
    text: String,
    why: String,
}

/// The literal that a parameter `:name` of a condition stands for, or why there is none.
pub type Params<'a> = &'a dyn Fn(&str) -> Result<Literal, String>;

/// A literal of a condition.
#[derive(Clone, Debug)]
pub enum Literal {
    /// A number, exactly.
    Number(Amount),
    /// Text; stands for a date or instant when the column holds those.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A date or instant, from a typed parameter: a text that it is held against must say one.
    Moment(String),
}

impl Literal {
    /// The literal that a parameter's value is compared as; dates and instants as their text.
    pub fn of(value: &Value) -> Option<Literal> {
        match value {
            Value::Number { amount, .. } => Some(Literal::Number(amount.clone())),
            Value::Bool(b) => Some(Literal::Bool(*b)),
            Value::Text { text, .. } => Some(Literal::Text(text.clone())),
            Value::Date(_) | Value::Instant { .. } => Some(Literal::Moment(value.to_string())),
            _ => None,
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Number(amount) => write!(f, "{amount}"),
            Literal::Text(text) | Literal::Moment(text) => write!(f, "'{text}'"),
            Literal::Bool(b) => write!(f, "{b}"),
        }
    }
}

/// What a condition says of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold, or a NULL was compared.
    NotTrue,
    /// It cannot be decided: why.
    Undecidable(String),
}

/// How a column is compared with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `<>`, `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A condition over the columns of a record.
#[derive(Clone, Debug)]
pub enum Filter {
    /// `column operator literal`
    Compare { column: String, operator: Operator, literal: Literal },
    /// `column IN (…)`
    In { column: String, literals: Vec<Literal> },
    /// `column IS NULL`
    IsNull { column: String },
    /// `NOT …`
    Not(Box<Filter>),
    /// `… AND …`
    All(Vec<Filter>),
    /// `… OR …`
    Any(Vec<Filter>),
}

impl Filter {
    /// Reads a condition: comparisons of a column with a literal, `IN`, `BETWEEN`, `IS [NOT] NULL`, `AND`,
    /// `OR`, `NOT` and parentheses.
    ///
    /// # Errors
    /// What part is not understood.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        Filter::parse_with(text, &|name| {
            Err(format!("`:{name}` is a parameter, and parameters belong into `filter` of an input or into a query"))
        })
    }

    /// As [`Filter::parse`], where `:name` stands for the literal that `param` gives.
    ///
    /// # Errors
    /// As [`Filter::parse`], and what `param` says.
    pub fn parse_with(text: &str, param: Params<'_>) -> Result<Filter, FilterError> {
        let fail = |why: String| FilterError { text: text.to_owned(), why };
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).map_err(|e| fail(e.to_string()))?;
        let expr = parser.parse_expr().map_err(|e| fail(e.to_string()))?;
        if parser.peek_token().token != sqlparser::tokenizer::Token::EOF {
            return Err(fail(format!("`{}` is left over at its end", parser.peek_token().token)));
        }
        from_expr(&expr, param).map_err(fail)
    }

    /// Whether every comparison in it satisfies `test` (column, literal).
    pub fn every_comparison(&self, test: &dyn Fn(&str, &Literal) -> bool) -> bool {
        match self {
            Filter::Compare { column, literal, .. } => test(column, literal),
            Filter::In { column, literals } => literals.iter().all(|literal| test(column, literal)),
            Filter::IsNull { .. } => true,
            Filter::Not(inner) => inner.every_comparison(test),
            Filter::All(parts) | Filter::Any(parts) => parts.iter().all(|part| part.every_comparison(test)),
        }
    }

    /// The names of the columns it reads, each once.
    pub fn columns(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.collect(&mut names);
        names.sort();
        names.dedup();
        names
    }

    fn collect(&self, names: &mut Vec<String>) {
        match self {
            Filter::Compare { column, .. } | Filter::In { column, .. } | Filter::IsNull { column } => {
                names.push(column.clone());
            }
            Filter::Not(inner) => inner.collect(names),
            Filter::All(parts) | Filter::Any(parts) => parts.iter().for_each(|p| p.collect(names)),
        }
    }

    /// The same condition with other column names.
    pub fn renamed(&self, rename: &dyn Fn(&str) -> String) -> Filter {
        match self {
            Filter::Compare { column, operator, literal } => {
                Filter::Compare { column: rename(column), operator: *operator, literal: literal.clone() }
            }
            Filter::In { column, literals } => Filter::In { column: rename(column), literals: literals.clone() },
            Filter::IsNull { column } => Filter::IsNull { column: rename(column) },
            Filter::Not(inner) => Filter::Not(Box::new(inner.renamed(rename))),
            Filter::All(parts) => Filter::All(parts.iter().map(|p| p.renamed(rename)).collect()),
            Filter::Any(parts) => Filter::Any(parts.iter().map(|p| p.renamed(rename)).collect()),
        }
    }

    /// Judges a record with SQL's three truth values. What cannot be decided at all (a value that could not be
    /// decoded, a number held against a word) is neither: such a record must not vanish.
    pub fn judge(&self, rules: &Rules, value: &dyn Fn(&str) -> Value) -> Truth {
        let doubt = RefCell::new(None);
        match (self.kleene(rules, value, &doubt), doubt.into_inner()) {
            (Some(true), _) => Truth::True,
            (None, Some(why)) => Truth::Undecidable(why),
            _ => Truth::NotTrue,
        }
    }

    fn kleene(&self, rules: &Rules, value: &dyn Fn(&str) -> Value, doubt: &Doubt) -> Option<bool> {
        match self {
            Filter::Compare { column, operator, literal } => {
                let value = value(column);
                let equal = || equals(&value, literal, rules, doubt);
                let order = || order(&value, literal, rules, doubt);
                match operator {
                    Operator::Equal => equal(),
                    Operator::NotEqual => equal().map(|b| !b),
                    Operator::Less => order().map(Ordering::is_lt),
                    Operator::LessOrEqual => order().map(Ordering::is_le),
                    Operator::Greater => order().map(Ordering::is_gt),
                    Operator::GreaterOrEqual => order().map(Ordering::is_ge),
                }
            }
            Filter::In { column, literals } => {
                let value = value(column);
                any(literals.iter().map(|l| equals(&value, l, rules, doubt)))
            }
            Filter::IsNull { column } => match value(column) {
                Value::Unknown(why) => undecidable(doubt, why),
                value => Some(value.is_missing()),
            },
            Filter::Not(inner) => inner.kleene(rules, value, doubt).map(|b| !b),
            Filter::All(parts) => any(parts.iter().map(|p| p.kleene(rules, value, doubt).map(|b| !b))).map(|b| !b),
            Filter::Any(parts) => any(parts.iter().map(|p| p.kleene(rules, value, doubt))),
        }
    }
}

/// Kleene's OR.
fn any(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for part in parts {
        match part {
            Some(true) => return Some(true),
            None => result = None,
            Some(false) => {}
        }
    }
    result
}

fn as_value(literal: &Literal) -> Value {
    match literal {
        Literal::Number(amount) => Value::Number { amount: amount.clone(), form: NumberForm::Untyped },
        Literal::Text(text) | Literal::Moment(text) => Value::Text { text: text.clone(), untyped: true },
        Literal::Bool(b) => Value::Bool(*b),
    }
}

/// Why a condition could not be decided, if it could not.
type Doubt = RefCell<Option<String>>;

fn undecidable<T>(doubt: &Doubt, why: String) -> Option<T> {
    doubt.borrow_mut().get_or_insert(why);
    None
}

fn equals(value: &Value, literal: &Literal, rules: &Rules, doubt: &Doubt) -> Option<bool> {
    if value.is_missing() {
        return None;
    }
    if let (Value::Date(_) | Value::Instant { .. }, Literal::Text(_)) | (_, Literal::Moment(_)) = (value, literal) {
        return order(value, literal, rules, doubt).map(Ordering::is_eq);
    }
    match compare_values(value, &as_value(literal), rules) {
        Equality::Equal(_) => Some(true),
        Equality::Different => Some(false),
        Equality::Unknown(why) => undecidable(doubt, why),
    }
}

fn order(value: &Value, literal: &Literal, rules: &Rules, doubt: &Doubt) -> Option<Ordering> {
    if value.is_missing() {
        return None;
    }
    let found = match (value, literal) {
        (Value::Unknown(why), _) => return undecidable(doubt, why.clone()),
        // NaN lies neither below nor above any number.
        (Value::Number { amount, .. }, _) if amount.is_nan() => None,
        (Value::Number { amount, .. }, Literal::Number(b)) => Some(amount.total_cmp(b)),
        // A file without types: what looks like a number is compared with a text as it is written.
        (Value::Number { amount, form: NumberForm::Untyped }, Literal::Text(b)) if !is_plain_literal(b.as_bytes()) => {
            Some(amount.to_string().as_str().cmp(b))
        }
        (Value::Number { amount, .. }, Literal::Text(b)) if is_plain_literal(b.as_bytes()) => {
            Amount::parse(b).ok().map(|b| amount.total_cmp(&b))
        }
        (Value::Text { .. }, Literal::Number(b)) => value.amount().map(|a| a.total_cmp(b)),
        (Value::Text { text, .. }, Literal::Text(b)) => Some(text.as_str().cmp(b)),
        (Value::Text { text, .. }, Literal::Moment(b)) => match (parse_date(text), parse_date(b)) {
            (Some(days), Some(bound)) => Some(days.cmp(&bound)),
            _ => moment(text, rules).zip(moment(b, rules)).map(|(at, bound)| at.cmp(&bound)),
        },
        (Value::Date(days), Literal::Text(text) | Literal::Moment(text)) => parse_date(text).map(|d| days.cmp(&d)),
        (Value::Instant { nanos, .. }, Literal::Text(text) | Literal::Moment(text)) => {
            moment(text, rules).map(|bound| nanos.cmp(&bound))
        }
        _ => None,
    };
    found.or_else(|| {
        let shown = super::shorten(&value.to_string(), 40);
        undecidable(doubt, format!("{} `{shown}` cannot be held against {literal}", value.type_name()))
    })
}

/// The instant that a text says, or the midnight of its date, in nanoseconds.
fn moment(text: &str, rules: &Rules) -> Option<i128> {
    let midnight = || resolve_local(i128::from(parse_date(text)?) * 86_400_000_000_000, &rules.zone);
    parse_instant(text, &rules.zone).map(|instant| instant.nanos).or_else(midnight)
}

fn from_expr(expr: &Expr, param: Params<'_>) -> Result<Filter, String> {
    match expr {
        Expr::Nested(inner) => from_expr(inner, param),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(Filter::Not(Box::new(from_expr(expr, param)?))),
        Expr::IsNull(inner) => Ok(Filter::IsNull { column: column_of(inner)? }),
        Expr::IsNotNull(inner) => Ok(Filter::Not(Box::new(Filter::IsNull { column: column_of(inner)? }))),
        Expr::InList { expr, list, negated } => {
            let literals = list.iter().map(|item| literal_of(item, param)).collect::<Result<_, _>>()?;
            negate(Filter::In { column: column_of(expr)?, literals }, *negated)
        }
        Expr::Between { expr, negated, low, high } => {
            let bound = |operator, bound| {
                Ok::<_, String>(Filter::Compare {
                    column: column_of(expr)?,
                    operator,
                    literal: literal_of(bound, param)?,
                })
            };
            let both = vec![bound(Operator::GreaterOrEqual, low)?, bound(Operator::LessOrEqual, high)?];
            negate(Filter::All(both), *negated)
        }
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            Ok(Filter::All(vec![from_expr(left, param)?, from_expr(right, param)?]))
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            Ok(Filter::Any(vec![from_expr(left, param)?, from_expr(right, param)?]))
        }
        Expr::BinaryOp { left, op, right } => {
            let operator = match op {
                BinaryOperator::Eq => Operator::Equal,
                BinaryOperator::NotEq => Operator::NotEqual,
                BinaryOperator::Lt => Operator::Less,
                BinaryOperator::LtEq => Operator::LessOrEqual,
                BinaryOperator::Gt => Operator::Greater,
                BinaryOperator::GtEq => Operator::GreaterOrEqual,
                other => return Err(format!("the operator `{other}` is not known here")),
            };
            match (column_of(left), column_of(right)) {
                (Ok(column), _) => Ok(Filter::Compare { column, operator, literal: literal_of(right, param)? }),
                (_, Ok(column)) => {
                    Ok(Filter::Compare { column, operator: flip(operator), literal: literal_of(left, param)? })
                }
                (Err(why), _) => Err(why),
            }
        }
        other => Err(format!("`{other}` is not a comparison of a column with a literal")),
    }
}

fn negate(filter: Filter, negated: bool) -> Result<Filter, String> {
    Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
}

fn flip(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        same => same,
    }
}

fn column_of(expr: &Expr) -> Result<String, String> {
    match expr {
        Expr::Identifier(name) => Ok(name.value.clone()),
        Expr::CompoundIdentifier(parts) => Ok(parts.iter().map(|p| p.value.as_str()).collect::<Vec<_>>().join(".")),
        other => Err(format!("`{other}` is not a column")),
    }
}

fn literal_of(expr: &Expr, param: Params<'_>) -> Result<Literal, String> {
    match expr {
        Expr::Nested(inner) => literal_of(inner, param),
        Expr::Value(value) => match &value.value {
            SqlValue::Number(digits, _) => Amount::parse(digits).map(Literal::Number).map_err(|e| e.to_string()),
            SqlValue::SingleQuotedString(text) => Ok(Literal::Text(text.clone())),
            SqlValue::Boolean(b) => Ok(Literal::Bool(*b)),
            SqlValue::Placeholder(name) if name.starts_with(':') => param(&name[1..]),
            SqlValue::Null => Err("nothing equals NULL; write `IS NULL`".into()),
            other => Err(format!("`{other}` is not a number, a text or a truth value")),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match literal_of(expr, param)? {
            Literal::Number(amount) => Ok(Literal::Number(amount.negated())),
            _ => Err(format!("`-{expr}` is not a number")),
        },
        Expr::Identifier(name) if name.quote_style == Some('"') => {
            Err(format!("`{name}` is a column; write texts in single quotes"))
        }
        other => Err(format!("`{other}` is not a literal")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, value: Value) -> Truth {
        Filter::parse(text).expect(text).judge(&Rules::default(), &|_| value.clone())
    }

    #[test]
    fn three_truth_values() {
        let number = |n| Value::Number { amount: Amount::new(n, 1), form: NumberForm::Decimal };
        let text = |t: &str| Value::Text { text: t.into(), untyped: false };
        assert_eq!(judge("a > 1.4 AND a < 1.6", number(15)), Truth::True);
        assert_eq!(judge("NOT (a BETWEEN 1 AND 2)", number(15)), Truth::NotTrue);
        assert_eq!(judge("a > 1", Value::Null), Truth::NotTrue);
        assert_eq!(judge("NOT a > 1", Value::Null), Truth::NotTrue);
        assert_eq!(judge("a > 1 OR a IS NULL", Value::Null), Truth::True);
        assert_eq!(judge("a NOT IN (1, 2)", Value::Null), Truth::NotTrue);
        assert_eq!(judge("a <> 'x'", text("y")), Truth::True);
        assert_eq!(judge("a >= '2026-11-05'", Value::Date(parse_date("2026-11-05").expect("date"))), Truth::True);
        assert_eq!(judge("a > '1.4'", number(15)), Truth::True);
        assert_eq!(judge("a > 9", text("10.00")), Truth::True);
    }

    #[test]
    fn what_cannot_be_decided_does_not_vanish() {
        let unknown = || Value::Unknown("not UTF-8".into());
        for condition in ["a = 'x'", "a <> 'x'", "a > 1", "a IN (1, 2)", "a IS NULL", "NOT a = 'x'"] {
            assert_eq!(judge(condition, unknown()), Truth::Undecidable("not UTF-8".into()), "{condition}");
        }
        let number = Value::Number { amount: Amount::new(15, 1), form: NumberForm::Decimal };
        assert!(matches!(judge("a > 'abc'", number.clone()), Truth::Undecidable(_)));
        assert_eq!(judge("a > 'abc' OR a = 1.5", number), Truth::True);
    }

    #[test]
    fn a_date_begins_at_midnight_in_the_zone() {
        let zone = jiff::tz::TimeZone::get("Asia/Seoul").expect("bundled");
        let rules = Rules { zone, ..Rules::default() };
        let at = |text: &str| {
            let read = parse_instant(text, &jiff::tz::TimeZone::UTC).expect("instant");
            Value::Instant { nanos: read.nanos, digits: 0 }
        };
        let filter = Filter::parse("a >= '2026-11-05'").expect("parses");
        assert_eq!(filter.judge(&rules, &|_| at("2026-11-04T15:00:00Z")), Truth::True);
        assert_eq!(filter.judge(&rules, &|_| at("2026-11-04T14:59:59Z")), Truth::NotTrue);
    }

    #[test]
    fn what_is_not_portable_is_refused_by_name() {
        for (text, part) in [
            ("a + 1 > 2", "a + 1"),
            ("f(a) = 1", "f(a)"),
            ("a = NULL", "IS NULL"),
            ("a = 1; x", "left over"),
            ("a = \"x\"", "single quotes"),
        ] {
            let error = Filter::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}

//! `--where`: a condition that every store can apply, with SQL's three truth values.
//!
//! The text is a SQL condition over columns and literals. SQL stores get it rendered in their own dialect,
//! MongoDB as a `$match`, and records of files are judged here. Must not know about stores.

use std::cmp::Ordering;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value as SqlValue};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::amount::Amount;
use super::equality::{Equality, Rules, compare_values};
use super::temporal::{parse_date, parse_instant};
use super::value::Value;

/// Why a condition cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be used as a condition: {why}")]
pub struct FilterError {
    text: String,
    why: String,
}

/// A literal of a condition.
#[derive(Clone, Debug)]
pub enum Literal {
    /// A number, exactly.
    Number(Amount),
    /// Text; stands for a date or instant when the column holds those.
    Text(String),
    /// A truth value.
    Bool(bool),
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
        let fail = |why: String| FilterError { text: text.to_owned(), why };
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).map_err(|e| fail(e.to_string()))?;
        let expr = parser.parse_expr().map_err(|e| fail(e.to_string()))?;
        if parser.peek_token().token != sqlparser::tokenizer::Token::EOF {
            return Err(fail(format!("`{}` is left over at its end", parser.peek_token().token)));
        }
        from_expr(&expr).map_err(fail)
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

    /// Judges a record: `None` is SQL's unknown (a NULL was compared), and is not taken.
    pub fn judge(&self, rules: &Rules, value: &dyn Fn(&str) -> Value) -> Option<bool> {
        match self {
            Filter::Compare { column, operator, literal } => {
                let value = value(column);
                match operator {
                    Operator::Equal => equals(&value, literal, rules),
                    Operator::NotEqual => equals(&value, literal, rules).map(|b| !b),
                    Operator::Less => order(&value, literal, rules).map(Ordering::is_lt),
                    Operator::LessOrEqual => order(&value, literal, rules).map(Ordering::is_le),
                    Operator::Greater => order(&value, literal, rules).map(Ordering::is_gt),
                    Operator::GreaterOrEqual => order(&value, literal, rules).map(Ordering::is_ge),
                }
            }
            Filter::In { column, literals } => {
                let value = value(column);
                any(literals.iter().map(|l| equals(&value, l, rules)))
            }
            Filter::IsNull { column } => Some(value(column).is_missing()),
            Filter::Not(inner) => inner.judge(rules, value).map(|b| !b),
            Filter::All(parts) => any(parts.iter().map(|p| p.judge(rules, value).map(|b| !b))).map(|b| !b),
            Filter::Any(parts) => any(parts.iter().map(|p| p.judge(rules, value))),
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
        Literal::Number(amount) => Value::Number { amount: amount.clone(), form: super::batch::NumberForm::Untyped },
        Literal::Text(text) => Value::Text { text: text.clone(), untyped: true },
        Literal::Bool(b) => Value::Bool(*b),
    }
}

fn equals(value: &Value, literal: &Literal, rules: &Rules) -> Option<bool> {
    if value.is_missing() {
        return None;
    }
    match compare_values(value, &as_value(literal), rules) {
        Equality::Equal(_) => Some(true),
        Equality::Different => Some(false),
        Equality::Unknown(_) => None,
    }
}

fn order(value: &Value, literal: &Literal, rules: &Rules) -> Option<Ordering> {
    match (value, literal) {
        (Value::Number { amount, .. }, Literal::Number(b)) => Some(amount.total_cmp(b)),
        (Value::Text { .. }, Literal::Number(b)) => value.amount().map(|a| a.total_cmp(b)),
        (Value::Text { text, .. }, Literal::Text(b)) => Some(text.as_str().cmp(b)),
        (Value::Date(days), Literal::Text(text)) => Some(days.cmp(&parse_date(text)?)),
        (Value::Instant { nanos, .. }, Literal::Text(text)) => {
            let bound = parse_instant(text, &rules.zone).map(|i| i.nanos);
            let midnight = || parse_date(text).map(|d| i128::from(d) * 86_400_000_000_000);
            Some(nanos.cmp(&bound.or_else(midnight)?))
        }
        _ => None,
    }
}

fn from_expr(expr: &Expr) -> Result<Filter, String> {
    match expr {
        Expr::Nested(inner) => from_expr(inner),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(Filter::Not(Box::new(from_expr(expr)?))),
        Expr::IsNull(inner) => Ok(Filter::IsNull { column: column_of(inner)? }),
        Expr::IsNotNull(inner) => Ok(Filter::Not(Box::new(Filter::IsNull { column: column_of(inner)? }))),
        Expr::InList { expr, list, negated } => {
            let literals = list.iter().map(literal_of).collect::<Result<_, _>>()?;
            negate(Filter::In { column: column_of(expr)?, literals }, *negated)
        }
        Expr::Between { expr, negated, low, high } => {
            let bound = |operator, bound| {
                Ok::<_, String>(Filter::Compare { column: column_of(expr)?, operator, literal: literal_of(bound)? })
            };
            let both = vec![bound(Operator::GreaterOrEqual, low)?, bound(Operator::LessOrEqual, high)?];
            negate(Filter::All(both), *negated)
        }
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            Ok(Filter::All(vec![from_expr(left)?, from_expr(right)?]))
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            Ok(Filter::Any(vec![from_expr(left)?, from_expr(right)?]))
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
                (Ok(column), _) => Ok(Filter::Compare { column, operator, literal: literal_of(right)? }),
                (_, Ok(column)) => Ok(Filter::Compare { column, operator: flip(operator), literal: literal_of(left)? }),
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

fn literal_of(expr: &Expr) -> Result<Literal, String> {
    match expr {
        Expr::Nested(inner) => literal_of(inner),
        Expr::Value(value) => match &value.value {
            SqlValue::Number(digits, _) => Amount::parse(digits).map(Literal::Number).map_err(|e| e.to_string()),
            SqlValue::SingleQuotedString(text) => Ok(Literal::Text(text.clone())),
            SqlValue::Boolean(b) => Ok(Literal::Bool(*b)),
            SqlValue::Null => Err("nothing equals NULL; write `IS NULL`".into()),
            other => Err(format!("`{other}` is not a number, a text or a truth value")),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match literal_of(expr)? {
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

    fn judge(text: &str, value: Value) -> Option<bool> {
        Filter::parse(text).expect(text).judge(&Rules::default(), &|_| value.clone())
    }

    #[test]
    fn three_truth_values() {
        let number = |n| Value::Number { amount: Amount::new(n, 1), form: super::super::batch::NumberForm::Decimal };
        assert_eq!(judge("a > 1.4 AND a < 1.6", number(15)), Some(true));
        assert_eq!(judge("NOT (a BETWEEN 1 AND 2)", number(15)), Some(false));
        assert_eq!(judge("a > 1", Value::Null), None);
        assert_eq!(judge("a > 1 OR a IS NULL", Value::Null), Some(true));
        assert_eq!(judge("a NOT IN (1, 2)", Value::Null), None);
        assert_eq!(judge("a <> 'x'", Value::Text { text: "y".into(), untyped: false }), Some(true));
        assert_eq!(judge("a >= '2026-11-05'", Value::Date(parse_date("2026-11-05").expect("date"))), Some(true));
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

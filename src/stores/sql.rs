//! What the SQL stores share: quoting, and `--where`, key ranges and key lists as SQL. Values are written as
//! literals only after they were parsed as numbers, dates or text of our own making; texts are quoted.

use crate::domain::{Filter, Literal, Operator, Value};

use super::{KeyRange, ReadRequest, StoreError};

/// A SQL store's way of writing things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// Asks whether the account may make a table where names without a schema go: `yes`, `no`, or `untold` where a role might
/// allow it that the server does not list. SQLite has no accounts.
pub(crate) fn may_make_tables(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "SELECT 'yes'",
        Dialect::Postgres => {
            "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() AND current_schema() IS NOT NULL \
             AND pg_catalog.has_schema_privilege(current_schema(), 'CREATE') THEN 'yes' ELSE 'no' END"
        }
        Dialect::MySql => {
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'CREATE' \
             AND grantee = g) OR EXISTS (SELECT 1 FROM information_schema.schema_privileges WHERE privilege_type = 'CREATE' \
             AND grantee = g AND DATABASE() LIKE table_schema) THEN 'yes' ELSE 'untold' END AS CHAR) FROM (SELECT CONCAT('''', \
             SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''') AS g) AS who"
        }
    }
}

impl Dialect {
    /// A quoted identifier.
    pub fn name(self, name: &str) -> String {
        match self {
            Dialect::MySql => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// A possibly qualified table name (`schema.table`), each part quoted.
    pub fn table(self, name: &str) -> String {
        name.split('.').map(|part| self.name(part)).collect::<Vec<_>>().join(".")
    }

    /// A quoted text.
    pub fn text(self, text: &str) -> String {
        match self {
            // A hexadecimal literal means the same under every sql_mode and connection character set.
            Dialect::MySql => format!("_utf8mb4 x'{}'", hex_or_empty(text)),
            // SQLite reads a statement up to its first NUL.
            Dialect::Sqlite if text.contains('\0') => format!("CAST(x'{}' AS TEXT)", hex_or_empty(text)),
            Dialect::Postgres if text.contains('\\') => {
                format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
            }
            _ => format!("'{}'", text.replace('\'', "''")),
        }
    }

    fn literal(self, literal: &Literal) -> String {
        match literal {
            Literal::Number(amount) => amount.to_string(),
            Literal::Text(text) | Literal::Moment(text) => self.text(text),
            Literal::Bool(b) if self == Dialect::Sqlite => u8::from(*b).to_string(),
            Literal::Bool(b) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
        }
    }

    /// A key value as a literal.
    ///
    /// # Errors
    /// When a value of that kind cannot be written in SQL.
    pub fn key_literal(self, value: &Value) -> Result<String, StoreError> {
        Ok(match value {
            Value::Number { amount, .. } if amount.is_finite() => amount.to_string(),
            Value::Bool(b) => self.literal(&Literal::Bool(*b)),
            Value::Text { text, .. } => self.text(text),
            Value::Date(_) | Value::Uuid(_) => self.text(&value.to_string()),
            Value::Instant { .. } => self.text(value.to_string().replace('T', " ").trim_end_matches('Z')),
            Value::Time { .. } => self.text(&value.to_string()),
            Value::Bytes(bytes) => {
                let digits = bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
                match self {
                    Dialect::Postgres => format!("'\\x{digits}'::bytea"),
                    _ => format!("x'{digits}'"),
                }
            }
            other => {
                return Err(StoreError::usage(format!(
                    "a key of kind {} cannot be looked up in SQL",
                    other.type_name()
                )));
            }
        })
    }

    /// A condition in this dialect.
    pub fn condition(self, filter: &Filter) -> String {
        let joined = |parts: &[Filter], word: &str| {
            format!("({})", parts.iter().map(|p| self.condition(p)).collect::<Vec<_>>().join(word))
        };
        match filter {
            Filter::Compare { column, operator, literal } => {
                let operator = match operator {
                    Operator::Equal => "=",
                    Operator::NotEqual => "<>",
                    Operator::Less => "<",
                    Operator::LessOrEqual => "<=",
                    Operator::Greater => ">",
                    Operator::GreaterOrEqual => ">=",
                };
                format!("{} {operator} {}", self.name(column), self.literal(literal))
            }
            Filter::In { column, literals } => {
                let list = literals.iter().map(|l| self.literal(l)).collect::<Vec<_>>().join(", ");
                format!("{} IN ({list})", self.name(column))
            }
            Filter::IsNull { column } => format!("{} IS NULL", self.name(column)),
            Filter::Not(inner) => format!("NOT ({})", self.condition(inner)),
            Filter::All(parts) => joined(parts, " AND "),
            Filter::Any(parts) => joined(parts, " OR "),
        }
    }

    /// The `WHERE` of a request (filter, range and keys), with its keyword; empty when there is none. The caller sees
    /// to it that text columns are compared byte by byte there: a collation of the column's own would put a key into
    /// different ranges on the two sides.
    ///
    /// # Errors
    /// When a key cannot be written in SQL.
    pub fn where_clause(self, request: &ReadRequest) -> Result<String, StoreError> {
        let mut parts = Vec::new();
        parts.extend(request.filter.as_ref().map(|f| self.condition(f)));
        if let Some(first) = request.columns.first() {
            parts.extend(self.range(&first.name, &request.range)?);
        }
        if let Some(keys) = &request.keys {
            parts.push(self.key_list(request, keys)?);
        }
        Ok(if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) })
    }

    fn range(self, column: &str, range: &KeyRange) -> Result<Option<String>, StoreError> {
        let name = self.name(column);
        Ok(match (&range.from, &range.below) {
            (None, None) => None,
            (Some(from), None) => Some(format!("{name} >= {}", self.key_literal(from)?)),
            (None, Some(below)) => Some(format!("({name} < {} OR {name} IS NULL)", self.key_literal(below)?)),
            (Some(from), Some(below)) => {
                Some(format!("({name} >= {} AND {name} < {})", self.key_literal(from)?, self.key_literal(below)?))
            }
        })
    }

    fn key_list(self, request: &ReadRequest, keys: &[Vec<Value>]) -> Result<String, StoreError> {
        let names: Vec<String> = request.columns[..request.key].iter().map(|c| self.name(&c.name)).collect();
        if names.len() == 1 && keys.iter().all(|key| !key[0].is_missing()) {
            let list = keys.iter().map(|key| self.key_literal(&key[0])).collect::<Result<Vec<_>, _>>()?;
            return Ok(format!("{} IN ({})", names[0], list.join(", ")));
        }
        let one = |key: &Vec<Value>| -> Result<String, StoreError> {
            let parts = names.iter().zip(key).map(|(name, value)| {
                if value.is_missing() {
                    Ok(format!("{name} IS NULL"))
                } else {
                    Ok(format!("{name} = {}", self.key_literal(value)?))
                }
            });
            Ok(format!("({})", parts.collect::<Result<Vec<_>, StoreError>>()?.join(" AND ")))
        };
        let alternatives = keys.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("({})", alternatives.join(" OR ")))
    }
}

/// Replaces `:name` by the dialect's placeholders and returns the values to bind, in the placeholders' order.
/// Texts, quoted names, comments, `::` casts and `:=` are left alone.
///
/// # Errors
/// A name without a value.
pub fn bind(dialect: Dialect, sql: &str, params: &[(String, Value)]) -> Result<(String, Vec<Value>), StoreError> {
    let mut out = String::with_capacity(sql.len());
    let mut bound = Vec::new();
    let mut used = vec![None; params.len()];
    let mut rest = sql;
    loop {
        let plain = rest.find(['\'', '"', '`', '-', '#', '/', ':']).unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
        let Some(first) = rest.chars().next() else { break };
        let skip = match first {
            '\'' | '"' | '`' => quoted_len(rest, first, dialect),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '#' if dialect == Dialect::MySql => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            ':' if rest.starts_with("::") || rest.starts_with(":=") => 2,
            ':' => {
                let name: String = rest[1..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                    1
                } else {
                    let at = params.iter().position(|(n, _)| *n == name).ok_or_else(|| {
                        StoreError::usage(format!("the query uses `:{name}`, but no such parameter is given"))
                            .hint(format!("give it with `--param {name}=…`"))
                    })?;
                    let number = match used[at] {
                        Some(number) if dialect == Dialect::Postgres => number,
                        _ => {
                            bound.push(params[at].1.clone());
                            bound.len()
                        }
                    };
                    used[at] = Some(number);
                    match dialect {
                        Dialect::Postgres => out.push_str(&format!("${number}")),
                        _ => out.push('?'),
                    }
                    rest = &rest[1 + name.len()..];
                    continue;
                }
            }
            other => other.len_utf8(),
        };
        out.push_str(&rest[..skip]);
        rest = &rest[skip..];
    }
    Ok((out, bound))
}

/// The length of a quoted text or name at the start of `sql`, its quotes included.
fn quoted_len(sql: &str, quote: char, dialect: Dialect) -> usize {
    let mut chars = sql.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && dialect == Dialect::MySql && quote != '`' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + 1,
            }
        }
    }
    sql.len()
}

/// A query without its closing semicolon, so that it can stand in a subquery.
pub fn without_semicolon(sql: &str) -> &str {
    sql.trim_end().trim_end_matches(';').trim_end()
}

fn hex_or_empty(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_bound_and_never_pasted() {
        let params = vec![("d".to_owned(), Value::Date(0)), ("n".to_owned(), Value::Null)];
        let sql = "SELECT ':d', x::date, `a:d` -- :d\n, :d /* :n */ FROM t WHERE a = :d AND b = :n AND '00:00'";
        let (text, values) = bind(Dialect::Postgres, sql, &params).expect("binds");
        assert_eq!(text, "SELECT ':d', x::date, `a:d` -- :d\n, $1 /* :n */ FROM t WHERE a = $1 AND b = $2 AND '00:00'");
        assert_eq!(values.len(), 2);
        let (text, values) = bind(Dialect::MySql, "SELECT 'it\\':d', :d, :d", &params).expect("binds");
        assert_eq!((text.as_str(), values.len()), ("SELECT 'it\\':d', ?, ?", 2));
        assert!(bind(Dialect::Sqlite, "SELECT :nope", &params).expect_err("unknown").what.contains(":nope"));
    }

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(Dialect::MySql.table("a.b`c"), "`a`.`b``c`");
        assert_eq!(Dialect::Postgres.name("a\"b"), "\"a\"\"b\"");
        assert_eq!(Dialect::Sqlite.text("it's"), "'it''s'");
        assert_eq!(Dialect::Postgres.text("a\\'b"), "E'a\\\\''b'");
    }
}

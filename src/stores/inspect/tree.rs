//! The walk through a parsed query: every part of it is one that is known to only read, or it is refused.
//!
//! The parser hands over every statement, query, table and expression, however deep; here each is judged by itself.
//! What is not listed is refused, so a part of the language that the parser learns later is refused until somebody
//! has thought about it.

mod calls;

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, GroupByExpr, GroupByWithModifier, Join, JoinOperator, LimitClause, OrderByKind,
    Query, Select, SelectFlavor, SelectItem, SelectModifiers, SetExpr, Spanned, Statement, TableAlias, TableFactor,
    TableVersion, TableWithJoins, UnaryOperator, Value, ValueWithSpan, Visitor,
};
use sqlparser::tokenizer::Span;

use crate::domain::shorten;
use crate::stores::sql::Dialect;

use super::Refusal;

const ONLY_READS: &str = "a check is one SELECT, or WITH … SELECT, and only reads";

/// What the walk met.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Parameters, without their colon.
    pub params: Vec<String>,
    /// Names that the query itself gives and that may have a parenthesis behind them.
    pub given: Vec<String>,
    pub operators: Vec<String>,
    pub types: Vec<String>,
    pub members: Vec<String>,
}

/// Judges the parts of a query.
pub(super) struct Walk {
    dialect: Dialect,
    found: Found,
}

type Judged = ControlFlow<Refusal>;

fn refuse(spanned: &impl Spanned, what: impl Into<String>, hint: &str) -> Judged {
    refuse_at(spanned.span(), what, hint)
}

fn refuse_at(span: Span, what: impl Into<String>, hint: &str) -> Judged {
    let at = (span.start.line > 0).then_some((span.start.line, span.start.column));
    ControlFlow::Break(Refusal { what: what.into(), hint: Some(hint.to_owned()), at })
}

impl Walk {
    pub(super) fn new(dialect: Dialect) -> Walk {
        Walk { dialect, found: Found::default() }
    }

    pub(super) fn found(self) -> Found {
        self.found
    }

    fn is(&self, dialect: Dialect) -> bool {
        self.dialect == dialect
    }

    fn operator(&mut self, sign: &str) {
        if !self.found.operators.iter().any(|known| known == sign) {
            self.found.operators.push(sign.to_owned());
        }
    }

    fn set(&mut self, body: &SetExpr) -> Judged {
        match body {
            // These are handed over by themselves.
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => ControlFlow::Continue(()),
            SetExpr::SetOperation { left, op: _, set_quantifier: _, right } => {
                self.set(left)?;
                self.set(right)
            }
            SetExpr::Table(_) => refuse(body, "TABLE … is not taken", "write SELECT * FROM …"),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                refuse(body, "the query holds a statement that writes", ONLY_READS)
            }
        }
    }

    fn tables(&mut self, tables: &[TableWithJoins]) -> Judged {
        for TableWithJoins { relation: _, joins } in tables {
            for Join { relation: _, global, join_operator } in joins {
                let known = matches!(
                    join_operator,
                    JoinOperator::Join(_)
                        | JoinOperator::Inner(_)
                        | JoinOperator::Left(_)
                        | JoinOperator::LeftOuter(_)
                        | JoinOperator::Right(_)
                        | JoinOperator::RightOuter(_)
                        | JoinOperator::FullOuter(_)
                        | JoinOperator::CrossJoin(_)
                        | JoinOperator::StraightJoin(_)
                );
                if *global || !known {
                    return refuse(
                        &tables[0],
                        "this kind of join is not known here",
                        "use JOIN, LEFT JOIN, CROSS JOIN",
                    );
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn alias(&mut self, alias: Option<&TableAlias>) -> Judged {
        let Some(TableAlias { explicit: _, name, columns, at }) = alias else { return ControlFlow::Continue(()) };
        if let Some(at) = at {
            return refuse_at(at.span, "AT behind a table's alias is not known here", ONLY_READS);
        }
        // `FROM f(…) AS r (a integer)`: the types are the query's own.
        for column in columns {
            if let Some(kind) = &column.data_type {
                self.data_type(name.span, kind)?;
            }
        }
        self.found.given.push(name.value.clone());
        ControlFlow::Continue(())
    }

    fn binary(&mut self, expr: &Expr, op: &BinaryOperator) -> Judged {
        if matches!(
            op,
            BinaryOperator::Assignment | BinaryOperator::PGCustomBinaryOperator(_) | BinaryOperator::Custom(_)
        ) {
            return refuse(
                expr,
                format!("`{op}` is not an operator that a check may use"),
                "use the store's own operators",
            );
        }
        if self.is(Dialect::Sqlite) && matches!(op, BinaryOperator::Regexp) {
            return refuse(expr, "SQLite has no REGEXP of its own", "use LIKE or GLOB");
        }
        self.operator(&op.to_string());
        ControlFlow::Continue(())
    }

    fn unary(&mut self, expr: &Expr, op: UnaryOperator) -> Judged {
        use UnaryOperator as Op;
        let known = match op {
            Op::Minus | Op::Plus | Op::Not | Op::BangNot | Op::BitwiseNot => true,
            Op::PGAbs | Op::PGCubeRoot | Op::PGSquareRoot => self.is(Dialect::Postgres),
            _ => false,
        };
        if !known {
            return refuse(
                expr,
                format!("`{op}` is not an operator that a check may use"),
                "use the store's own operators",
            );
        }
        self.operator(&op.to_string());
        ControlFlow::Continue(())
    }

    /// The operators that stand behind words of the language.
    fn words(&mut self, signs: &[&str]) -> Judged {
        signs.iter().for_each(|sign| self.operator(sign));
        ControlFlow::Continue(())
    }
}

impl Visitor for Walk {
    type Break = Refusal;

    fn pre_visit_statement(&mut self, statement: &Statement) -> Judged {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            other => refuse(other, "the text holds a statement that is no query", ONLY_READS),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> Judged {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch: _,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() {
            return refuse(
                query,
                "the query locks rows (FOR UPDATE, FOR SHARE)",
                "leave the lock out: a check only reads",
            );
        }
        if for_clause.is_some() || settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
            return refuse(
                query,
                "the query has an addition that is not known here",
                "leave out what follows ORDER BY and LIMIT",
            );
        }
        for table in with.iter().flat_map(|with| &with.cte_tables) {
            if let Some(from) = &table.from {
                return refuse_at(from.span, "FROM behind a WITH query", ONLY_READS);
            }
            self.alias(Some(&table.alias))?;
        }
        if let Some(order) = order_by
            && (order.interpolate.is_some() || matches!(order.kind, OrderByKind::All(_)))
        {
            return refuse(query, "this form of ORDER BY is not known here", "name what to order by");
        }
        if let Some(LimitClause::LimitOffset { limit: _, offset: _, limit_by }) = limit_clause
            && !limit_by.is_empty()
        {
            return refuse(query, "LIMIT … BY is not known here", "use a window function");
        }
        self.set(body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> Judged {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct: _,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection: _,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having: _,
            named_window: _,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        if into.is_some() {
            return refuse(select, "INTO writes what the query returns", "leave INTO out: recon takes the rows");
        }
        if !optimizer_hints.is_empty() {
            return refuse(select, "optimizer hints are not taken", "leave the hint out");
        }
        let foreign = top.is_some()
            || exclude.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || qualify.is_some()
            || value_table_mode.is_some()
            || *flavor != SelectFlavor::Standard;
        if foreign {
            return refuse(
                select,
                "this form of SELECT is not one of this store",
                "write it as the store's manual does",
            );
        }
        if let Some(SelectModifiers { high_priority: true, .. }) = select_modifiers {
            return refuse(select, "HIGH_PRIORITY lets a check go before those who write", "leave it out");
        }
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => {}
                SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
                    self.wildcard(item, options)?
                }
                SelectItem::ExprWithAliases { .. } => {
                    return refuse(item, "several names for one column", "name it once");
                }
            }
        }
        let plain_groups = match group_by {
            GroupByExpr::All(_) => false,
            GroupByExpr::Expressions(_, modifiers) => {
                !modifiers.iter().any(|modifier| matches!(modifier, GroupByWithModifier::Totals))
            }
        };
        if !plain_groups {
            return refuse(select, "this form of GROUP BY is not one of this store", "name what to group by");
        }
        self.tables(from)
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> Judged {
        match table {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality: _,
                partitions: _,
                json_path,
                sample: _,
                index_hints: _,
            } => {
                let plain_version = matches!(version, None | Some(TableVersion::ForSystemTimeAsOf(_)));
                let plain_args = args.as_ref().is_none_or(|args| args.settings.is_none());
                if !with_hints.is_empty() || !plain_version || json_path.is_some() || !plain_args {
                    return refuse(name, "a table with an addition that is not known here", "name the table alone");
                }
                self.relation(name, args.is_some())?;
                self.alias(alias.as_ref())
            }
            TableFactor::Derived { lateral: _, subquery: _, alias, sample: _ } => self.alias(alias.as_ref()),
            TableFactor::Function { lateral: _, name, args: _, with_ordinality: _, alias } => {
                self.relation(name, true)?;
                self.alias(alias.as_ref())
            }
            TableFactor::UNNEST {
                alias,
                array_exprs: _,
                with_offset: false,
                with_offset_alias: _,
                with_ordinality: _,
            } if self.is(Dialect::Postgres) => self.alias(alias.as_ref()),
            TableFactor::JsonTable { json_expr: _, json_path: _, columns: _, alias } if !self.is(Dialect::Sqlite) => {
                self.alias(alias.as_ref())
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.tables(std::slice::from_ref(table_with_joins))?;
                self.alias(alias.as_ref())
            }
            other => refuse(other, "this form of FROM is not known here", "join tables and subqueries"),
        }
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> Judged {
        match &value.value {
            Value::Number(..)
            | Value::SingleQuotedString(_)
            | Value::DoubleQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::HexStringLiteral(_)
            | Value::SingleQuotedByteStringLiteral(_)
            | Value::Boolean(_)
            | Value::Null => ControlFlow::Continue(()),
            Value::Placeholder(name) => match name.strip_prefix(':') {
                Some(name) => {
                    self.found.params.push(name.to_owned());
                    ControlFlow::Continue(())
                }
                None => refuse(
                    value,
                    format!("`{}` is no parameter here", shorten(name, 40)),
                    "name each parameter `:name`",
                ),
            },
            _ => refuse(value, "a literal of a form that is not known here", "write texts in single quotes"),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Judged {
        match expr {
            Expr::Function(function) => self.function(function),
            Expr::BinaryOp { left: _, op, right: _ } => self.binary(expr, op),
            Expr::UnaryOp { op, expr: _ } => self.unary(expr, *op),
            Expr::AnyOp { left: _, compare_op, right: _, is_some: _ }
            | Expr::AllOp { left: _, compare_op, right: _ } => self.binary(expr, compare_op),
            Expr::CompoundIdentifier(parts) => {
                self.found.members.extend(parts.iter().skip(1).map(|part| part.value.clone()));
                ControlFlow::Continue(())
            }
            Expr::CompoundFieldAccess { root: _, access_chain } => {
                for access in access_chain {
                    match access {
                        AccessExpr::Subscript(_) => {}
                        AccessExpr::Dot(Expr::Identifier(member)) => self.found.members.push(member.value.clone()),
                        AccessExpr::Dot(_) => {
                            return refuse(expr, "what follows the dot is not a name", "name a column there");
                        }
                    }
                }
                ControlFlow::Continue(())
            }
            Expr::Cast { kind: _, expr: inner, data_type, array: _, format: None } => {
                self.data_type(inner.span(), data_type)
            }
            Expr::Convert { is_try: false, expr: inner, data_type, charset: _, target_before_value: false, styles }
                if styles.is_empty() =>
            {
                data_type.as_ref().map_or(ControlFlow::Continue(()), |kind| self.data_type(inner.span(), kind))
            }
            Expr::TypedString(typed) if !typed.uses_odbc_syntax => self.data_type(typed.value.span, &typed.data_type),
            Expr::Prefixed { prefix, value } => {
                let introducer = self.is(Dialect::MySql) && prefix.value.starts_with('_');
                match (introducer, value.as_ref()) {
                    (true, Expr::Value(_)) => ControlFlow::Continue(()),
                    _ => refuse(expr, "a word directly before a value", "leave it out"),
                }
            }
            Expr::InList { .. } | Expr::InSubquery { .. } => self.words(&["=", "<>"]),
            Expr::Between { .. } => self.words(&[">=", "<=", "<", ">"]),
            Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) | Expr::Case { .. } => self.words(&["="]),
            Expr::Like { .. } => self.words(&["~~", "!~~"]),
            Expr::ILike { .. } => self.words(&["~~*", "!~~*"]),
            Expr::SimilarTo { .. } => self.words(&["~", "!~"]),
            Expr::RLike { .. } => {
                if self.is(Dialect::MySql) {
                    ControlFlow::Continue(())
                } else {
                    refuse(expr, "REGEXP is not one of this store's operators", "use LIKE, or `~` on PostgreSQL")
                }
            }
            Expr::MatchAgainst { .. } | Expr::MemberOf(_) if self.is(Dialect::MySql) => ControlFlow::Continue(()),
            Expr::AtTimeZone { .. } | Expr::Array(_) if self.is(Dialect::Postgres) => ControlFlow::Continue(()),
            Expr::Identifier(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsNormalized { .. }
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Overlay { .. }
            | Expr::Collate { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Tuple(_)
            | Expr::Interval(_)
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..) => ControlFlow::Continue(()),
            other => {
                let what = format!("`{}` is not known here", shorten(&other.to_string(), 60));
                refuse(other, what, "write it with the store's plain operators and functions")
            }
        }
    }
}

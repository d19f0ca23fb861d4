//! Functions by name: each under one name, the others refused with the one to use.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned, Value as SqlValue,
};

use super::super::kernel::Mode;
use super::super::plan::{Literal, Node, Op, Part, Side, Typed};
use super::super::refusal::Refusal;
use super::super::types::{MAX_PRECISION, SqlType, TableSchema, Ty};
use super::number::{Operand, decimal, ty_scale};
use super::scope::{Scope, same_name};
use super::{Binder, nearest};

/// Every function, for the hint of a misspelt one.
const NAMES: [&str; 34] = [
    "round_half_up",
    "round_half_even",
    "round_down",
    "round_floor",
    "round_ceiling",
    "floor",
    "ceil",
    "truncate_to_unit",
    "divide",
    "abs",
    "greatest",
    "least",
    "add_business_days",
    "add_days",
    "days_between",
    "month_start",
    "month_end",
    "coalesce",
    "nullif",
    "upper",
    "lower",
    "length",
    "substr",
    "trim",
    "ltrim",
    "rtrim",
    "extract",
    "cast",
    "sum",
    "min",
    "max",
    "count",
    "year",
    "month",
];

impl Binder<'_> {
    pub(super) fn function(
        &mut self,
        function: &Function,
        whole: &Expr,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let name = function.name.to_string().to_lowercase();
        let span = function.name.span();
        let shown = whole.to_string();
        if function.over.is_some() {
            return Err(self.refuse(span, &shown, "window functions are not supported").instead(
                "aggregate WITH totals AS (SELECT key, SUM(x) AS x FROM … GROUP BY key) and join it on the key",
            ));
        }
        if let Some(kind) = super::aggregate::aggregate_name(&name) {
            return self.aggregate(kind, function, whole, scope);
        }
        let plain = function.filter.is_none()
            && function.null_treatment.is_none()
            && function.within_group.is_empty()
            && function.parameters == FunctionArguments::None;
        let args = match &function.args {
            FunctionArguments::List(list)
                if plain
                    && list.clauses.is_empty()
                    && list.duplicate_treatment != Some(DuplicateTreatment::Distinct) =>
            {
                list.args
                    .iter()
                    .map(|arg| match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                        _ => None,
                    })
                    .collect::<Option<Vec<&Expr>>>()
            }
            _ => None,
        };
        let Some(args) = args else {
            if name.starts_with("current_") {
                return Err(self.unknown_function("now", function, &shown));
            }
            return Err(self
                .refuse(span, &shown, "this form of a call is not supported")
                .instead("write name(argument, …)"));
        };
        self.named_function(&name, &args, function, whole, scope)
    }

    fn named_function(
        &mut self,
        name: &str,
        args: &[&Expr],
        function: &Function,
        whole: &Expr,
        scope: &mut Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let span = function.name.span();
        let shown = whole.to_string();
        let at = self.at(span, &shown);
        let wrong = |binder: &Self, form: &str| -> Refusal {
            binder
                .refuse(span, &shown, format!("wrong number of arguments: {}", args.len()))
                .instead(format!("write {form}"))
        };
        let rounding = match name {
            "round_half_up" => Some(Mode::HalfUp),
            "round_half_even" => Some(Mode::HalfEven),
            "round_down" => Some(Mode::Down),
            "round_floor" => Some(Mode::Floor),
            "round_ceiling" => Some(Mode::Ceiling),
            _ => None,
        };
        if let Some(mode) = rounding {
            let [value, scale] = args else { return Err(wrong(self, &format!("{name}(x, scale)"))) };
            let scale = self.scale(scale)?;
            let operand = self.operand(value, scope)?;
            return self.round(operand, scale, mode, whole);
        }
        match (name, args) {
            ("divide", [a, b, scale, mode]) => {
                let (scale, mode) = (self.scale(scale)?, self.mode(mode)?);
                let (a, b) = (self.operand(a, scope)?, self.operand(b, scope)?);
                self.divide(a, b, scale, mode, at)
            }
            ("divide", _) => {
                Err(wrong(self, "divide(x, y, scale, 'mode') with half_up, half_even, down, floor or ceiling"))
            }
            ("truncate_to_unit", [value, unit]) => {
                let (value, unit) = (self.operand(value, scope)?, self.operand(unit, scope)?);
                let (digits, scale) = self.needs_number(&value)?;
                let (_, unit_scale) = self.needs_number(&unit)?;
                let meet = scale.max(unit_scale);
                let (ty, capped) = decimal(digits.saturating_sub(scale), unit_scale);
                if matches!(unit.value.literal(), Some(Literal::Number(n)) if *n <= 0) {
                    return Err(self
                        .refuse(unit.span, &unit.shown, "the unit must be above zero")
                        .instead("write a unit such as 10, 100 or 0.05"));
                }
                let known = unit.value.literal().is_some();
                let op = Op::Truncate(meet - scale, meet - unit_scale);
                let (value, unit) = (self.as_number(value), self.as_number(unit));
                self.call(op, vec![value, unit], ty, capped || !known, at)
            }
            ("truncate_to_unit", _) => Err(wrong(self, "truncate_to_unit(x, unit)")),
            ("abs", [value]) => {
                let operand = self.operand(value, scope)?;
                let (digits, scale) = self.needs_number(&operand)?;
                let value = self.as_number(operand);
                self.call(Op::Absolute, vec![value], Ty::Decimal { digits, scale }, false, at)
            }
            ("greatest" | "least", [_, _, ..]) => {
                let op = if name == "greatest" { Op::Greatest } else { Op::Least };
                let operands = args.iter().map(|arg| self.operand(arg, scope)).collect::<Result<Vec<_>, _>>()?;
                for operand in &operands {
                    self.needs_number(operand)?;
                }
                let (values, ty) = self.unify(operands)?;
                let mut values = values.into_iter();
                let Some(first) = values.next() else { return Err(wrong(self, &format!("{name}(a, b, …)"))) };
                values.try_fold(first, |so_far, value| {
                    let ty = wider(&so_far.ty, &value.ty).unwrap_or_else(|| ty.clone());
                    self.call(op.clone(), vec![so_far, value], ty, false, at.clone())
                })
            }
            ("greatest" | "least", _) => Err(wrong(self, &format!("{name}(a, b, …)"))),
            ("coalesce", [_, ..]) => {
                let operands = args.iter().map(|arg| self.operand(arg, scope)).collect::<Result<Vec<_>, _>>()?;
                let (values, ty) = self.unify(operands)?;
                if ty == Ty::Null {
                    return Ok(Typed::null(Ty::Null));
                }
                Ok(Typed { node: Node::Coalesce(values), ty })
            }
            ("nullif", [a, b]) => {
                let (left, right) = (self.operand(a, scope)?, self.operand(b, scope)?);
                let value = left.value.clone();
                let equal = self.compare(super::super::plan::Comparison::Equal, left, right, at)?;
                if value.ty == Ty::Null {
                    return Ok(value);
                }
                let ty = value.ty.clone();
                let node = Node::Case { arms: vec![(equal, Typed::null(ty.clone()))], otherwise: Box::new(value) };
                Ok(Typed { node, ty })
            }
            ("upper" | "lower" | "length", [text]) => {
                let operand = self.operand(text, scope)?;
                let value = Box::new(self.text(operand)?);
                let (part, ty) = match name {
                    "upper" => (Part::Upper, Ty::Text),
                    "lower" => (Part::Lower, Ty::Text),
                    _ => (Part::Length, Ty::Integer),
                };
                Ok(Typed { node: Node::Part(part, value), ty })
            }
            ("trim", [text]) => self.trim(whole, text, Side::Both, scope),
            ("ltrim", [text]) => self.trim(whole, text, Side::Left, scope),
            ("rtrim", [text]) => self.trim(whole, text, Side::Right, scope),
            ("substr" | "substring", [text, start, length]) => {
                self.substring(whole, text, Some(start), Some(length), scope)
            }
            ("month_start" | "month_end", [date]) => {
                let value = self.date(date, scope)?;
                self.call(Op::MonthEdge { last: name == "month_end" }, vec![value], Ty::Date, false, at)
            }
            ("add_days", [date, n]) => {
                let date = self.date(date, scope)?;
                let operand = self.operand(n, scope)?;
                let n = self.whole_number(operand)?;
                self.call(Op::AddDays, vec![date, n], Ty::Date, true, at)
            }
            ("days_between", [from, to]) => {
                let (from, to) = (self.date(from, scope)?, self.date(to, scope)?);
                self.call(Op::DaysBetween, vec![from, to], Ty::Integer, false, at)
            }
            ("add_business_days", [date, n, table]) => {
                let date = self.date(date, scope)?;
                let operand = self.operand(n, scope)?;
                let n = self.whole_number(operand)?;
                let (table, column) = self.holidays(table)?;
                self.call(Op::AddBusinessDays(table, column), vec![date, n], Ty::Date, true, at)
            }
            ("add_business_days", _) => Err(wrong(self, "add_business_days(date, n, 'table of closed days')")),
            (
                "coalesce" | "nullif" | "upper" | "lower" | "length" | "trim" | "ltrim" | "rtrim" | "substr"
                | "substring" | "month_start" | "month_end" | "add_days" | "days_between" | "abs",
                _,
            ) => Err(wrong(self, "it as docs/functions.md shows")),
            _ => Err(self.unknown_function(name, function, &shown)),
        }
    }

    fn unknown_function(&self, name: &str, function: &Function, shown: &str) -> Refusal {
        let span = function.name.span();
        let refuse = |what: &str, instead: &str| self.refuse(span, shown, what).instead(instead);
        match name {
            "avg" | "mean" => refuse(
                "an average has no exact decimal: its scale and rounding must be said",
                "write divide(SUM(x), COUNT(x), scale, 'mode')",
            ),
            "round" => refuse(
                "ROUND differs among stores in how it treats ties",
                "write round_half_up(x, scale) or round_half_even(x, scale)",
            ),
            "trunc" | "truncate" => refuse("the scale must be said", "write round_down(x, scale)"),
            "ceiling" => refuse("this function has another name here", "write ceil(x)"),
            "mod" => {
                refuse("a remainder differs among stores for negative numbers", "write x - y * divide(x, y, 0, 'down')")
            }
            "sqrt" | "exp" | "ln" | "log" | "log10" | "log2" | "power" | "pow" | "sin" | "cos" | "tan" | "stddev"
            | "stddev_samp" | "stddev_pop" | "variance" | "var_samp" | "var_pop" | "median" | "random" | "rand"
            | "cbrt" => refuse(
                "its result is a float, which may not reach a result, a comparison or a key",
                "compute it where the number comes from, and give the decimal as an input",
            ),
            "concat" | "concat_ws" => {
                refuse("CONCAT treats NULL differently among stores", "write a || b, which is NULL when a part is")
            }
            "ifnull" | "nvl" | "isnull" => refuse("this function has another name here", "write COALESCE(a, b)"),
            "if" | "iif" => refuse("this function has another name here", "write CASE WHEN … THEN … ELSE … END"),
            "char_length" | "character_length" => {
                refuse("this function has another name here", "write LENGTH(text): characters")
            }
            "year" | "month" | "day" => {
                refuse("this function has another name here", "write EXTRACT(YEAR FROM date), MONTH or DAY")
            }
            "now" | "current_date" | "current_timestamp" | "today" => refuse(
                "the clock would make a run that cannot be repeated",
                "pass the date as a parameter, :payout_date",
            ),
            "date" => refuse("this function has another name here", "write CAST(x AS DATE) or DATE 'YYYY-MM-DD'"),
            _ => {
                let refusal = self.refuse(span, shown, format!("the function `{name}` is not known"));
                match nearest(name, NAMES.iter().copied()) {
                    Some(near) => refusal.instead(format!("did you mean `{near}`?")),
                    None => refusal.instead("see docs/functions.md for all functions"),
                }
            }
        }
    }

    fn scale(&self, expr: &Expr) -> Result<u32, Refusal> {
        match self.literal_integer(expr) {
            Some(scale @ 0..=MAX_PRECISION) => Ok(scale),
            _ => Err(self
                .refuse(expr.span(), &expr.to_string(), "the scale must be a literal number from 0 to 38")
                .instead("write the digits behind the point, such as 0, 2 or 4")),
        }
    }

    fn mode(&self, expr: &Expr) -> Result<Mode, Refusal> {
        let written = match expr {
            Expr::Value(value) => match &value.value {
                SqlValue::SingleQuotedString(text) => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        };
        written.and_then(|text| Mode::ALL.iter().find(|(name, _)| *name == text)).map(|(_, mode)| *mode).ok_or_else(
            || {
                self.refuse(expr.span(), &expr.to_string(), "this is no rounding mode")
                    .instead("write 'half_up', 'half_even', 'down', 'floor' or 'ceiling'")
            },
        )
    }

    fn divide(&self, a: Operand, b: Operand, scale: u32, mode: Mode, at: super::At) -> Result<Typed, Refusal> {
        let (da, sa) = self.needs_number(&a)?;
        let (_, sb) = self.needs_number(&b)?;
        // No divisor is nearer to zero than 10^-sb, so the quotient has at most sb more digits than the dividend.
        let (ty, capped) = decimal(da.saturating_sub(sa) + sb + 1, scale);
        if b.value.literal() == Some(&Literal::Number(0)) {
            return Err(self.refuse(b.span, &b.shown, "division by zero").instead("divide by what is not zero"));
        }
        let known = b.value.literal().is_some();
        let shift = i64::from(scale) + i64::from(sb) - i64::from(sa);
        let shift = i32::try_from(shift).unwrap_or(0);
        let (a, b) = (self.as_number(a), self.as_number(b));
        self.call(Op::Divide(shift, mode), vec![a, b], ty, capped || !known, at)
    }

    /// The column of closed days that `add_business_days` names: `'table.column'`, or `'table'` when that input has
    /// exactly one date column. Returns the positions of both.
    fn holidays(&mut self, expr: &Expr) -> Result<(usize, usize), Refusal> {
        let refuse = |binder: &Self, what: String| binder.refuse(expr.span(), &expr.to_string(), what);
        let name = match expr {
            Expr::Value(value) => match &value.value {
                SqlValue::SingleQuotedString(text) => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        };
        let Some(name) = name else {
            return Err(refuse(self, "the table of closed days must be named by a text".into())
                .instead("write add_business_days(date, n, 'holidays')"));
        };
        let written = |name: &str| sqlparser::ast::Ident::new(name);
        let table = |name: &str| self.tables.iter().position(|t| same_name(&written(name), &t.name));
        let both = |(dot, _)| Some((table(&name[..dot])?, Some(&name[dot + 1..])));
        let Some((table, column)) = table(name).map(|at| (at, None)).or_else(|| name.match_indices('.').find_map(both))
        else {
            let refusal = refuse(self, format!("there is no input `{name}`"));
            return Err(match nearest(name, self.tables.iter().map(|t| t.name.as_str())) {
                Some(near) => refusal.instead(format!("did you mean '{near}'?")),
                None => refusal.instead("declare the table of closed days as an input"),
            });
        };
        let TableSchema { name: known, columns } = &self.tables[table];
        let column = match column {
            Some(column) => {
                let named = |(known, _): &&(String, SqlType)| same_name(&written(column), known);
                let mut found = columns.iter().filter(named);
                let (first, second) = (found.next(), found.next());
                let position = columns.iter().position(|c| Some(c) == first);
                let (Some((_, ty)), Some(position), None) = (first, position, second) else {
                    let all: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).take(20).collect();
                    return Err(refuse(self, format!("the input `{known}` has no one column `{column}`"))
                        .instead(format!("its columns are: {}", all.join(", "))));
                };
                // NULL in every row: no day is closed.
                if !matches!(ty, SqlType::Date | SqlType::Null) {
                    return Err(refuse(self, format!("`{name}` is {ty}, where a date is expected"))
                        .instead("give the column the type date in the input"));
                }
                position
            }
            None => {
                let dates: Vec<usize> =
                    (0..columns.len()).filter(|at| columns.get(*at).is_some_and(|c| c.1 == SqlType::Date)).collect();
                match dates.as_slice() {
                    [one] => *one,
                    [] => {
                        return Err(refuse(self, format!("the input `{known}` has no column of type date"))
                            .instead("give its column the type date in the input"));
                    }
                    several => {
                        let names: Vec<&str> =
                            several.iter().filter_map(|at| columns.get(*at)).map(|(name, _)| name.as_str()).collect();
                        let first = names.first().copied().unwrap_or("column");
                        return Err(refuse(
                            self,
                            format!(
                                "the input `{known}` has {} columns of type date: {}",
                                names.len(),
                                names.join(", ")
                            ),
                        )
                        .instead(format!("name the one of closed days: '{known}.{first}'")));
                    }
                }
            }
        };
        if !self.holidays.contains(&(table, column)) {
            self.holidays.push((table, column));
        }
        Ok((table, column))
    }
}

/// The type that holds the greater or lesser of two numbers of one scale.
fn wider(a: &Ty, b: &Ty) -> Option<Ty> {
    if a == b {
        return Some(a.clone());
    }
    let (da, db) = (a.number()?.0, b.number()?.0);
    Some(Ty::Decimal { digits: da.max(db), scale: ty_scale(a).max(ty_scale(b)) })
}

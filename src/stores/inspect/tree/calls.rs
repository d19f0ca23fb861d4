//! What is called: functions, functions in the place of tables, and types.

use std::ops::ControlFlow;

use sqlparser::ast::{
    ArrayElemTypeDef, DataType, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Spanned, WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Span;

use crate::domain::shorten;
use crate::stores::sql::Dialect;

use super::super::Refusal;
use super::super::functions::{Standing, standing, table_standing};
use super::{Judged, ONLY_READS, Walk, refuse, refuse_at};

impl Walk {
    /// A function in FROM, or a table: of SQLite some tables are functions, with or without their parentheses.
    pub(super) fn relation(&mut self, name: &ObjectName, is_call: bool) -> Judged {
        let mut parts = Vec::new();
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) => parts.push(ident),
                ObjectNamePart::Function(_) => {
                    return refuse(name, "a name that is computed", "write the table's name");
                }
            }
        }
        let Some(last) = parts.last() else { return ControlFlow::Continue(()) };
        if is_call {
            return self.callee(name, &parts);
        }
        match table_standing(self.dialect, &last.value.to_ascii_lowercase()) {
            Standing::Known => ControlFlow::Continue(()),
            Standing::Refused(refusal) => at(refusal, name),
        }
    }

    /// Whether a function may be called by this name.
    pub(super) fn callee(&mut self, name: &ObjectName, parts: &[&Ident]) -> Judged {
        let (schema, ident) = match parts {
            [ident] => (None, *ident),
            [schema, ident] => (Some(*schema), *ident),
            _ => {
                return refuse(
                    name,
                    "a function with so many parts in its name",
                    "call the store's own functions by their name",
                );
            }
        };
        // A quoted name must be spelt as the store spells it.
        let spelt = |ident: &Ident| match ident.quote_style {
            Some(_) if self.dialect == Dialect::Postgres => ident.value.clone(),
            _ => ident.value.to_ascii_lowercase(),
        };
        if let Some(schema) = schema
            && !(self.is(Dialect::Postgres) && spelt(schema) == "pg_catalog")
        {
            let what = format!("`{}` is a function that somebody made: it might write", shorten(&name.to_string(), 80));
            return refuse(name, what, "a check calls the store's own functions only; put what you need into a view");
        }
        match standing(self.dialect, &spelt(ident)) {
            Standing::Known => ControlFlow::Continue(()),
            Standing::Refused(refusal) => at(refusal, name),
        }
    }

    pub(super) fn function(&mut self, function: &Function) -> Judged {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            filter: _,
            null_treatment: _,
            over: _,
            within_group: _,
        } = function;
        let mut parts = Vec::new();
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) => parts.push(ident),
                ObjectNamePart::Function(_) => return refuse(name, "a function's name that is computed", ONLY_READS),
            }
        }
        self.callee(name, &parts)?;
        if *uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) {
            return refuse(name, "this form of a call is not known here", "call it as `name(…)`");
        }
        let FunctionArguments::List(list) = args else { return ControlFlow::Continue(()) };
        for arg in &list.args {
            let (operator, value) = match arg {
                FunctionArg::Unnamed(value) => (None, value),
                FunctionArg::Named { name: _, arg, operator } | FunctionArg::ExprNamed { name: _, arg, operator } => {
                    (Some(operator), arg)
                }
            };
            if matches!(operator, Some(FunctionArgOperator::Assignment | FunctionArgOperator::Equals)) {
                return refuse(name, "an argument that is assigned", "name arguments with `=>`");
            }
            if let FunctionArgExpr::WildcardWithOptions(options) = value {
                self.wildcard(name, options)?;
            }
        }
        ControlFlow::Continue(())
    }

    pub(super) fn wildcard(&self, spanned: &impl Spanned, options: &WildcardAdditionalOptions) -> Judged {
        let WildcardAdditionalOptions {
            wildcard_token: _,
            opt_ilike,
            opt_exclude,
            opt_except,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        let plain = opt_ilike.is_none()
            && opt_exclude.is_none()
            && opt_except.is_none()
            && opt_replace.is_none()
            && opt_rename.is_none()
            && opt_alias.is_none();
        if plain { ControlFlow::Continue(()) } else { refuse(spanned, "`*` with an addition", "name the columns") }
    }

    pub(super) fn data_type(&mut self, span: Span, kind: &DataType) -> Judged {
        match kind {
            DataType::Custom(name, _) => match self.dialect {
                // Any word is a type there, and none runs anything.
                Dialect::Sqlite => ControlFlow::Continue(()),
                Dialect::MySql => refuse(
                    name,
                    format!("`{name}` is no type of this store"),
                    "cast to DECIMAL(…), CHAR, SIGNED, DATE, …",
                ),
                Dialect::Postgres => {
                    for part in &name.0 {
                        match part {
                            ObjectNamePart::Identifier(ident) => {
                                let word = if ident.quote_style.is_some() {
                                    ident.value.clone()
                                } else {
                                    ident.value.to_lowercase()
                                };
                                self.found.types.push(word);
                            }
                            ObjectNamePart::Function(_) => {
                                return refuse(name, "a type's name that is computed", ONLY_READS);
                            }
                        }
                    }
                    ControlFlow::Continue(())
                }
            },
            DataType::Array(inner) => match inner {
                ArrayElemTypeDef::SquareBracket(inner, _) => self.data_type(span, inner),
                ArrayElemTypeDef::None => ControlFlow::Continue(()),
                _ => refuse_at(span, "a type of this form is not known here", "cast to a type of the store"),
            },
            DataType::Table(_)
            | DataType::NamedTable { .. }
            | DataType::Map(..)
            | DataType::Tuple(_)
            | DataType::Nested(_)
            | DataType::Enum(..)
            | DataType::Set(_)
            | DataType::Struct(..)
            | DataType::Union(_)
            | DataType::Nullable(_)
            | DataType::LowCardinality(_)
            | DataType::Trigger
            | DataType::AnyType => {
                refuse_at(span, "a type of this form is not known here", "cast to a type of the store")
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

fn at(refusal: Refusal, spanned: &impl Spanned) -> Judged {
    let start = spanned.span().start;
    ControlFlow::Break(Refusal { at: (start.line > 0).then_some((start.line, start.column)), ..refusal })
}

//! The stores' dialects for the parser: as it knows them, with what it does not know of them, and with an end to its
//! patience. It tries one way after the other, and a text can be made for which that never ends.

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::dialect::{Dialect as Parsing, MySqlDialect, PostgreSqlDialect, Precedence, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::stores::sql::Dialect;

/// Expressions that are begun at most, the same one each time it is tried again.
const PATIENCE: u32 = 40_000;

/// A store's dialect.
#[derive(Debug)]
pub(super) struct Spoken {
    store: Dialect,
    base: &'static dyn Parsing,
    begun: Cell<u32>,
}

impl Spoken {
    pub(super) fn new(store: Dialect) -> Spoken {
        let base: &'static dyn Parsing = match store {
            Dialect::MySql => &MySqlDialect {},
            Dialect::Postgres => &PostgreSqlDialect {},
            Dialect::Sqlite => &SQLiteDialect {},
        };
        Spoken { store, base, begun: Cell::new(0) }
    }

    /// Whether the parser was stopped because it had begun too often.
    pub(super) fn is_exhausted(&self) -> bool {
        self.begun.get() > PATIENCE
    }

    /// The infix words of a store that the parser does not know, and how strongly they bind.
    fn word(&self, parser: &Parser) -> Option<(Infix, Precedence)> {
        let is = |at: usize, word: &str| match &parser.peek_nth_token_ref(at).token {
            Token::Word(found) => found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word),
            _ => false,
        };
        match self.store {
            Dialect::MySql if is(0, "mod") => Some((Infix::Words(1, BinaryOperator::Modulo), Precedence::MulDivModOp)),
            Dialect::Sqlite if is(0, "glob") => Some((Infix::Words(1, BinaryOperator::Match), Precedence::Like)),
            Dialect::Sqlite if is(0, "not") && (is(1, "glob") || is(1, "match")) => {
                Some((Infix::Words(2, BinaryOperator::Match), Precedence::Like))
            }
            // Any two values, not only NULL and truth values.
            Dialect::Sqlite if is(0, "is") => {
                let negated = is(1, "not");
                let known = ["null", "true", "false", "distinct"];
                let next = 1 + usize::from(negated);
                (!known.iter().any(|word| is(next, word)))
                    .then_some((Infix::Words(next, BinaryOperator::Eq), Precedence::Is))
            }
            _ => None,
        }
    }
}

/// MySQL's units of two parts.
const UNITS: [&str; 11] = [
    "second_microsecond",
    "minute_microsecond",
    "minute_second",
    "hour_microsecond",
    "hour_second",
    "hour_minute",
    "day_microsecond",
    "day_second",
    "day_minute",
    "day_hour",
    "year_month",
];

/// Words for the parser in the place of those that it does not know. Whatever else stands in the text stands there still:
/// what is sent is the text, and this is only what it is judged by.
pub(super) fn in_its_words(store: Dialect, tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if store != Dialect::MySql {
        return tokens;
    }
    let is = |token: &TokenWithSpan, word: &str| match &token.token {
        Token::Word(found) => found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word),
        _ => false,
    };
    let words: Vec<usize> = (0..tokens.len()).filter(|at| !matches!(tokens[*at].token, Token::Whitespace(_))).collect();
    let mut gone = vec![false; tokens.len()];
    for around in words.windows(3) {
        let [a, b, c] = [around[0], around[1], around[2]];
        if is(&tokens[a], "character") && is(&tokens[b], "set") && matches!(tokens[c].token, Token::Word(_)) {
            [a, b, c].into_iter().for_each(|at| gone[at] = true);
        } else if is(&tokens[a], "sounds") && is(&tokens[b], "like") {
            gone[a] = true;
        }
    }
    let kept = tokens.into_iter().zip(gone).filter(|(_, gone)| !gone).map(|(token, _)| token);
    kept.map(|token| match UNITS.iter().any(|unit| is(&token, unit)) {
        true => TokenWithSpan { token: Token::make_keyword("DAY"), span: token.span },
        false => token,
    })
    .collect()
}

/// An operator of so many words.
enum Infix {
    Words(usize, BinaryOperator),
}

macro_rules! as_the_base {
    ($($name:ident)*) => {
        $(fn $name(&self) -> bool {
            self.base.$name()
        })*
    };
}

// What matters to a query; what is left out is the trait's own default.
impl Parsing for Spoken {
    as_the_base! {
        supports_string_literal_backslash_escape supports_string_literal_concatenation ignores_wildcard_escapes
        supports_numeric_prefix require_interval_qualifier supports_limit_comma supports_table_hints
        requires_single_line_comment_whitespace supports_match_against supports_select_modifiers
        supports_data_type_signed_suffix supports_cross_join_constraint supports_double_ampersand_operator
        supports_binary_kw_as_cast supports_unicode_string_literal supports_filter_during_aggregation
        supports_group_by_expr allow_extract_single_quotes supports_factorial_operator
        supports_named_fn_args_with_colon_operator supports_empty_projections supports_nested_comments
        supports_string_escape_constant supports_numeric_literal_underscores supports_array_typedef_with_brackets
        supports_geometric_types supports_notnull_operator supports_interval_options supports_comma_separated_trim
        supports_xml_expressions supports_in_empty_list supports_dollar_placeholder supports_select_wildcard_with_alias
    }

    fn dialect(&self) -> TypeId {
        self.base.dialect()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.base.is_delimited_identifier_start(ch)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.base.identifier_quote_style(identifier)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.base.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.base.is_identifier_part(ch)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        self.base.is_custom_operator_part(ch)
    }

    fn prec_value(&self, prec: Precedence) -> u8 {
        self.base.prec_value(prec)
    }

    fn is_reserved_for_identifier(&self, kw: Keyword) -> bool {
        self.base.is_reserved_for_identifier(kw)
    }

    fn is_table_factor_alias(&self, explicit: bool, kw: &Keyword, parser: &mut Parser) -> bool {
        self.base.is_table_factor_alias(explicit, kw, parser)
    }

    fn parse_prefix(&self, _parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        self.begun.set(self.begun.get().saturating_add(1));
        self.is_exhausted().then_some(Err(ParserError::RecursionLimitExceeded))
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match self.word(parser) {
            Some((_, precedence)) => Some(Ok(self.prec_value(precedence))),
            None => self.base.get_next_precedence(parser),
        }
    }

    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        let Some((Infix::Words(count, op), _)) = self.word(parser) else {
            return self.base.parse_infix(parser, expr, precedence);
        };
        for _ in 0..count {
            parser.advance_token();
        }
        let right = parser.parse_subexpr(precedence);
        Some(right.map(|right| Expr::BinaryOp { left: Box::new(expr.clone()), op, right: Box::new(right) }))
    }

    /// `GROUP BY … WITH ROLLUP` is MySQL's.
    fn supports_group_by_with_modifier(&self) -> bool {
        self.store == Dialect::MySql
    }

    /// `EXTRACT(YEAR_MONTH FROM …)` too.
    fn allow_extract_custom(&self) -> bool {
        self.store != Dialect::Sqlite
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_bang_not_operator(&self) -> bool {
        self.store == Dialect::MySql
    }
}

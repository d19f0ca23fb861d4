//! Names in force: which column a name means, exactly one or a refusal.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::Span;

use super::super::plan::{Id, Typed};
use super::super::refusal::Refusal;
use super::super::types::Ty;
use super::{Binder, nearest};

/// A visible column.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The table's name or alias it stands under.
    pub qualifier: Option<String>,
    /// `None` when an expression was given no name.
    pub name: Option<String>,
    pub id: Id,
    pub ty: Ty,
    /// Merged away by USING: found by its qualifier only, and not by `*`.
    pub hidden: bool,
    /// Where it is written as an output of a SELECT, and how.
    pub written: Option<(Span, String)>,
}

/// What a query's expressions may see.
pub(super) struct Scope<'s> {
    pub columns: &'s [Named],
    /// After GROUP BY: keys and aggregates in place of the columns.
    pub grouped: Option<&'s mut super::aggregate::Grouped>,
}

impl<'s> Scope<'s> {
    pub(super) fn plain(columns: &'s [Named]) -> Scope<'s> {
        Scope { columns, grouped: None }
    }
}

/// Whether a name in the SQL means a name of a table: quoted names exactly, others in any case.
pub(super) fn same_name(written: &Ident, known: &str) -> bool {
    match written.quote_style {
        Some(_) => written.value == known,
        None => written.value.to_lowercase() == known.to_lowercase(),
    }
}

impl Binder<'_> {
    /// The column that a name means.
    pub(super) fn column(&self, parts: &[Ident], columns: &[Named]) -> Result<Typed, Refusal> {
        let shown = parts.iter().map(|p| p.value.as_str()).collect::<Vec<_>>().join(".");
        let span = Span::union_iter(parts.iter().map(|part| part.span));
        let (qualifier, name) = match parts {
            [name] => (None, name),
            [qualifier, name] => (Some(qualifier), name),
            _ => {
                return Err(self.refuse(span, &shown, "a name of more than two parts").instead(
                    "write table.column; a nested field is taken out of its document by the input's `fields`",
                ));
            }
        };
        let in_table = |c: &&Named| match qualifier {
            Some(q) => c.qualifier.as_deref().is_some_and(|known| same_name(q, known)),
            None => !c.hidden,
        };
        let mut found: Vec<&Named> =
            columns.iter().filter(in_table).filter(|c| c.name.as_deref().is_some_and(|n| same_name(name, n))).collect();
        if found.len() > 1 {
            // `Net` and `net` in one table: the one written exactly so is meant.
            let exact: Vec<&Named> =
                found.iter().copied().filter(|c| c.name.as_deref() == Some(name.value.as_str())).collect();
            let one_table = found.iter().all(|c| c.qualifier == found[0].qualifier);
            if exact.len() == 1 && one_table {
                found = exact;
            }
        }
        match found.as_slice() {
            [one] => Ok(Typed::column(one.id, one.ty.clone())),
            [] => {
                let mut refusal = self.refuse(span, &shown, format!("there is no column `{shown}` here"));
                if let Some(q) = qualifier
                    && !columns.iter().any(|c| c.qualifier.as_deref().is_some_and(|known| same_name(q, known)))
                {
                    let tables: Vec<&str> = columns.iter().filter_map(|c| c.qualifier.as_deref()).collect();
                    refusal.what = format!("there is no table `{}` in this FROM", q.value);
                    return Err(match nearest(&q.value, tables.into_iter()) {
                        Some(near) => refusal.instead(format!("did you mean `{near}`?")),
                        None => refusal,
                    });
                }
                let names = columns.iter().filter(in_table).filter_map(|c| c.name.as_deref());
                let hint = match nearest(&name.value, names.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        let all: Vec<&str> = names.take(20).collect();
                        format!("the columns here are: {}", all.join(", "))
                    }
                };
                Err(refusal.instead(hint))
            }
            several => {
                let tables: Vec<&str> = several.iter().filter_map(|c| c.qualifier.as_deref()).collect();
                Err(self
                    .refuse(span, &shown, format!("`{shown}` is ambiguous: in {}", tables.join(" and ")))
                    .instead(format!("write {}.{}", tables.first().unwrap_or(&"table"), name.value)))
            }
        }
    }
}

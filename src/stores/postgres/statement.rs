//! The SELECT of a request: columns under a bytewise collation, conditions, order.
//!
//! Must not talk to the server.

use std::fmt;

use crate::domain::{Filter, Value};
use crate::stores::seek::{Fit, Sent, fitted, other_kind, seeks, select, with_key};
use crate::stores::sql::Dialect;
use crate::stores::{ColumnKind, Fix, ReadRequest, StoreError};

use super::Session;
use super::kind::{Kind, fit_text};

/// The keys to order by, and whether each is never NULL: only then a plain order, and with it a plain index, serves.
#[derive(Clone)]
pub(super) struct Order(Vec<(String, bool)>);

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, never_null)) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { " ORDER BY " } else { ", " })?;
            f.write_str(key)?;
            f.write_str(if *never_null { "" } else { " NULLS FIRST" })?;
        }
        Ok(())
    }
}

impl Session {
    /// The SELECT of a request without its ORDER BY, and that ORDER BY; `None` when no record can satisfy it.
    pub(super) fn select(&self, request: &ReadRequest) -> Result<Option<(String, Order)>, StoreError> {
        let wanted = request.columns.iter().map(|w| self.column(&w.name)).collect::<Result<Vec<_>, _>>()?;
        let filtered = request.filter.as_ref().map(Filter::columns).unwrap_or_default();
        let filtered = filtered.iter().map(|name| self.column(name)).collect::<Result<Vec<_>, _>>()?;
        let kind = |at: usize| self.columns[wanted[at]].decoder.kind;
        if let Some(at) = (0..request.key).find(|at| matches!(kind(*at), Kind::Json | Kind::Jsonb)) {
            let name = &request.columns[at].name;
            return Err(StoreError::usage(format!("{}: `{name}` holds documents: it is no key", self.server.place))
                .hint(format!("select a part of it, such as {name} ->> 'id', in a query")));
        }
        let seeking = seeks(request);
        // A uuid's bytes are in the order of its text.
        let as_text = |at: usize| match (kind(at), request.columns[at].fix) {
            _ if at >= request.key => false,
            (Kind::Other, _) => true,
            (Kind::Uuid, Some(Fix::KeyText)) => seeking,
            (kind, Some(Fix::KeyText)) => kind != Kind::Text,
            _ => false,
        };
        let fit = |at: usize, value: &Value| match (as_text(at), value) {
            (true, Value::Text { text, .. }) => fit_text(text),
            (true, value) => other_kind(ColumnKind::Text, value).unwrap_or_else(|| Fit::As(value.clone())),
            (false, value) => kind(at).fit(value, &self.settings.zone),
        };
        let Some(fitted) = fitted(request, &fit)? else { return Ok(None) };
        let name = |column: usize| Dialect::Postgres.name(&self.columns[column].name);
        let mut named: Vec<usize> = wanted.iter().chain(&filtered).copied().collect();
        named.sort_unstable();
        named.dedup();
        let base = |column: usize| {
            let (known, name) = (&self.columns[column], name(column));
            match known.decoder.kind {
                Kind::Text if known.bytewise => format!("{name}::text AS {name}"),
                Kind::Text => format!("{name}::text COLLATE \"C\" AS {name}"),
                _ => name,
            }
        };
        let base: Vec<String> = named.into_iter().map(base).collect();
        let sent = |(at, column): (usize, &usize)| {
            let name = name(*column);
            let as_key = match kind(at) {
                _ if as_text(at) => Some(format!("{name}::text COLLATE \"C\"")),
                // A float4 equals no decimal literal; the float8 of its shortest text does.
                Kind::Float4 if seeking && at < request.key => Some(format!("{name}::text::float8")),
                _ => None,
            };
            Sent { name, as_key, cast: if kind(at) == Kind::Other { "::text" } else { "" } }
        };
        let sent: Vec<Sent> = wanted.iter().enumerate().map(sent).collect();
        let sql = select(Dialect::Postgres, &self.from, &base, &sent, &fitted)?;
        let key = |at: usize| {
            let name = &sent[at].name;
            let expression = match self.foreign_order && (kind(at) == Kind::Text || as_text(at)) {
                true => format!("convert_to({name}, 'UTF8')"),
                false => name.clone(),
            };
            (expression, self.columns[wanted[at]].never_null)
        };
        Ok(Some((sql, Order((0..request.key).map(key).collect()))))
    }

    /// The statement of the records whose first key is not NULL, in the plain order of that key; `None` where that
    /// is no gain.
    pub(super) fn without_nulls(&self, request: &ReadRequest, mut order: Order) -> Result<Option<String>, StoreError> {
        let Some(first) = request.columns.first().filter(|_| request.key > 0) else { return Ok(None) };
        if seeks(request) || self.columns[self.column(&first.name)?].never_null || self.foreign_order {
            return Ok(None);
        }
        let filter = Some(with_key(&first.name, request.filter.as_ref()));
        let Some((sql, _)) = self.select(&ReadRequest { filter, ..request.clone() })? else { return Ok(None) };
        order.0.iter_mut().take(1).for_each(|(_, never_null)| *never_null = true);
        Ok(Some(format!("{sql}{order}")))
    }
}

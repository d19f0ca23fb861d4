//! From what is written to what it means: names that must exist, keys that exclude each other, texts that must be
//! tolerances or conditions. Every refusal says where.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::error::{ConfigError, SourceText, did_you_mean, listed};
use super::inputs;
use super::project::{Store, StoreKind};
use super::raw::{ParamType, RawCanary, RawColumn, RawDecisions, RawPath, RawQuery, RawReconciliation};
use super::reconciliation::{
    Canary, ColumnSettings, Decisions, FileRef, Input, Mapped, Origin, Partitions, PathDefinition, Population, Queries,
    Reconciliation, What, mapped,
};
use super::stages;
use crate::domain::{Amount, ColumnType, Filter};

pub(super) type Result<T> = std::result::Result<T, ConfigError>;
pub(super) type Text = Spanned<String>;

/// Most parts that a path may be split into.
const MOST_PARTITIONS: u32 = 1024;

pub(super) struct Validator<'a> {
    pub(super) source: &'a SourceText,
    pub(super) stores: &'a BTreeMap<String, Store>,
    pub(super) folder: &'a Path,
}

impl Validator<'_> {
    pub(super) fn error(&self, at: Range<usize>, what: impl Into<String>) -> ConfigError {
        self.source.error(at, what)
    }

    pub(super) fn reconciliation(&self, name: String, raw: RawReconciliation) -> Result<Reconciliation> {
        let key = self.key(&raw.key)?;
        let columns: Vec<ColumnSettings> =
            raw.columns.into_iter().map(|(name, column)| self.column(&name, column, &key)).collect::<Result<_>>()?;
        let population = match raw.population {
            Some(p) => Some(Population { store: self.store(&p.store)?, query: self.queries(&p.query)? }),
            None => None,
        };
        for name in raw.params.keys() {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let text = name.get_ref();
            if !text.chars().all(plain) || text.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(self
                    .error(name.span(), format!("`{text}` cannot be bound as `:{text}`"))
                    .hint("a parameter's name has letters, digits and `_`, and begins with no digit"));
            }
            if matches!(text.as_str(), "partition" | "partitions") {
                return Err(self.error(name.span(), format!("`:{text}` is bound by `partitions` already")));
            }
        }
        let params: Vec<_> = raw.params.into_iter().map(|(name, kind)| (name.into_inner(), kind)).collect();
        let captured =
            raw.capture.map(|raw| raw.tables(self.source, self.stores, &key)).transpose()?.unwrap_or_default();
        Ok(Reconciliation {
            captured,
            name,
            key,
            columns,
            legacy: self.path(&raw.legacy, &params)?,
            candidate: self.path(&raw.candidate, &params)?,
            params,
            canary: raw.canary.map(|c| self.canary(&c)).transpose()?.unwrap_or_default(),
            policy: raw.policy,
            population,
            decisions: raw.decisions.map(|d| self.decisions(&d)).transpose()?,
            release: raw.release,
            machine: stages::machine(self, &raw.stages)?,
        })
    }

    fn key(&self, raw: &Spanned<Vec<Text>>) -> Result<Vec<Mapped>> {
        let mut key: Vec<Mapped> = Vec::new();
        for column in raw.get_ref() {
            let name =
                mapped(column.get_ref()).ok_or_else(|| self.error(column.span(), "a key column without a name"))?;
            if key.iter().any(|k| k.legacy == name.legacy || k.candidate == name.candidate) {
                return Err(self.error(column.span(), format!("the key names `{}` twice", column.get_ref())));
            }
            key.push(name);
        }
        if key.is_empty() {
            return Err(self
                .error(raw.span(), "the key has no column")
                .hint("name the columns that tell one record from another: key = [\"investor_id\"]"));
        }
        Ok(key)
    }

    fn column(&self, name: &Text, raw: RawColumn, key: &[Mapped]) -> Result<ColumnSettings> {
        let tolerance = match &raw.tolerance {
            None => None,
            Some(text) => {
                let tolerance = text.get_ref().0.parse().map_err(|e| self.error(text.span(), format!("{e}")))?;
                if let Some(kind) = raw.column_type
                    && !matches!(kind, ColumnType::Decimal | ColumnType::Integer)
                {
                    let what = format!("a column of type {} has no tolerance: only numbers do", kind.name());
                    return Err(self.error(text.span(), what));
                }
                Some(tolerance)
            }
        };
        if let Some(currency) = &raw.currency {
            let code = currency.get_ref();
            if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
                let what = format!("`{code}` is no currency code; write its three letters, such as \"KRW\"");
                return Err(self.error(currency.span(), what));
            }
        }
        let legacy = name.get_ref().clone();
        if let Some(column) = key.iter().find(|k| k.legacy == legacy) {
            let (what, at) = match (&raw.tolerance, raw.compare, &raw.candidate) {
                (Some(t), _, _) => (format!("`{legacy}` is a key column: keys have no tolerance"), t.span()),
                (_, Some(false), _) => (format!("`{legacy}` is a key column and cannot be left out"), name.span()),
                (_, _, Some(c)) if *c.get_ref() != column.candidate => {
                    let hint = format!("`{legacy}` is a key column; write `{legacy}={}` in `key`", c.get_ref());
                    (hint, c.span())
                }
                _ => (String::new(), 0..0),
            };
            if !what.is_empty() {
                return Err(self.error(at, what));
            }
        }
        let candidate = match raw.candidate {
            Some(other) if other.get_ref().trim().is_empty() => {
                return Err(self.error(other.span(), "`candidate` is the column's name on the candidate side"));
            }
            Some(other) => other.into_inner(),
            None => key.iter().find(|k| k.legacy == legacy).map_or(legacy.clone(), |k| k.candidate.clone()),
        };
        Ok(ColumnSettings {
            name: Mapped { legacy, candidate },
            column_type: raw.column_type,
            tolerance,
            currency: raw.currency.map(Spanned::into_inner),
            compare: raw.compare.unwrap_or(true),
        })
    }

    fn path(&self, raw: &Spanned<RawPath>, params: &[(String, ParamType)]) -> Result<PathDefinition> {
        let (at, path) = (raw.span(), raw.get_ref());
        let reads = [
            ("store", path.store.as_ref().map(Spanned::span)),
            ("sql", path.sql.as_ref().map(Spanned::span)),
            ("http", path.http.as_ref().map(|_| at.clone())),
            ("command", path.command.as_ref().map(Spanned::span)),
        ];
        let given: Vec<_> = reads.iter().filter_map(|(name, span)| Some((*name, span.clone()?))).collect();
        let origin = match given.as_slice() {
            [("store", _)] => {
                if let Some((_, input)) = path.inputs.first_key_value() {
                    let what = "`inputs` are for `sql`, `http` or `command`, not for a path read from a store";
                    return Err(self.error(input.span(), what));
                }
                for (name, text) in [("records", &path.records), ("timeout", &path.timeout)] {
                    if let Some(text) = text {
                        return Err(
                            self.error(text.span(), format!("`{name}` is for a path that asks a program or an API"))
                        );
                    }
                }
                let Some(store) = &path.store else { return Err(self.error(at, "`store` is missing")) };
                let named = [&path.table, &path.collection, &path.file];
                let what = self.what(at, named, path.query.as_ref(), path.pipeline.as_ref())?;
                Origin::Store { store: self.store(store)?, what }
            }
            [(kind, span)] => {
                self.only_over_inputs(path, kind)?;
                if path.inputs.is_empty() {
                    return Err(self
                        .error(span.clone(), format!("`{kind}` computes over inputs, and there are none"))
                        .hint("name them: [reconciliation.NAME.candidate.inputs.holdings]"));
                }
                let inputs: Vec<Input> = (path.inputs.iter())
                    .map(|(name, input)| inputs::input(self, name, input, params))
                    .collect::<Result<_>>()?;
                if let Some(file) = &path.sql {
                    if let Some(records) = &path.records {
                        return Err(self.error(
                            records.span(),
                            "`records` is for `http` and `command`: SQL names its inputs itself",
                        ));
                    }
                    Origin::Sql { file: self.file(file)?, inputs }
                } else {
                    inputs::asked(self, path, span.clone(), inputs)?
                }
            }
            [] => {
                return Err(self
                    .error(at, "nothing says where the records come from")
                    .hint("give `store` with `table`, `collection`, `file` or `query`; or `sql`, `http` or `command` over `inputs`"));
            }
            [(first, _), (second, span), ..] => {
                return Err(self.error(span.clone(), format!("`{first}` and `{second}` exclude each other")));
            }
        };
        let condition = match &path.condition {
            Some(text) => Some(Filter::parse(text.get_ref()).map_err(|e| self.error(text.span(), e.to_string()))?),
            None => None,
        };
        let partitions = match &path.partitions {
            Some(p) if !(1..=MOST_PARTITIONS).contains(p.count.get_ref()) => {
                return Err(self.error(p.count.span(), format!("`count` is from 1 to {MOST_PARTITIONS}")));
            }
            Some(p) => Some(Partitions { column: p.column.get_ref().clone(), count: *p.count.get_ref() }),
            None => None,
        };
        Ok(PathDefinition { origin, partitions, condition })
    }

    fn only_over_inputs(&self, path: &RawPath, kind: &str) -> Result<()> {
        let of_stores = [
            ("table", path.table.as_ref().map(Spanned::span)),
            ("collection", path.collection.as_ref().map(Spanned::span)),
            ("file", path.file.as_ref().map(Spanned::span)),
            ("query", path.query.as_ref().map(Spanned::span)),
            ("pipeline", path.pipeline.as_ref().map(Spanned::span)),
        ];
        match of_stores.into_iter().find_map(|(name, span)| Some((name, span?))) {
            Some((name, span)) => Err(self.error(span, format!("`{kind}` and `{name}` exclude each other"))),
            None => Ok(()),
        }
    }

    /// What is read of a store: exactly one thing.
    pub(super) fn what(
        &self,
        at: Range<usize>,
        named: [&Option<Text>; 3],
        query: Option<&Spanned<RawQuery>>,
        pipeline: Option<&Text>,
    ) -> Result<What> {
        const NAMES: [&str; 3] = ["table", "collection", "file"];
        let given: Vec<(&str, &Text)> =
            NAMES.into_iter().zip(named).filter_map(|(name, text)| Some((name, text.as_ref()?))).collect();
        if let [(first, _), (second, text), ..] = given.as_slice() {
            return Err(self.error(text.span(), format!("`{first}` and `{second}` exclude each other")));
        }
        let given = given.first();
        if let Some((name, text)) = given
            && text.get_ref().trim().is_empty()
        {
            return Err(self.error(text.span(), format!("`{name}` is empty")));
        }
        match (given, query, pipeline) {
            (Some((name, _)), Some(query), _) => {
                Err(self.error(query.span(), format!("`{name}` and `query` exclude each other")))
            }
            (_, Some(query), Some(_)) => Err(self.error(query.span(), "`query` and `pipeline` exclude each other")),
            (None, Some(query), None) => Ok(What::Query(self.queries(query)?)),
            (None, None, Some(pipeline)) => Err(self
                .error(pipeline.span(), "a pipeline runs over a collection, and none is named")
                .hint("add `collection = \"…\"`")),
            (Some((_, collection)), None, Some(pipeline)) => {
                Ok(What::Pipeline { collection: collection.get_ref().clone(), file: self.file(pipeline)? })
            }
            (Some((_, table)), None, None) => Ok(What::Table(table.get_ref().clone())),
            (None, None, None) => Err(self
                .error(at, "nothing says what is read of the store")
                .hint("give `table`, `collection`, `file` or `query`")),
        }
    }

    fn queries(&self, raw: &Spanned<RawQuery>) -> Result<Queries> {
        let mut queries = Queries { one: None, per_dialect: Vec::new(), missing: self.error(raw.span(), "") };
        match raw.get_ref() {
            RawQuery::One(file) => queries.one = Some(self.file(&Spanned::new(raw.span(), file.clone()))?),
            RawQuery::PerDialect(all) if all.is_empty() => {
                return Err(self.error(raw.span(), "a query without a file"));
            }
            RawQuery::PerDialect(all) => {
                for (dialect, file) in all {
                    let known = || StoreKind::ALL.into_iter().filter(|k| *k != StoreKind::Files);
                    let Some(kind) = known().find(|k| k.name() == dialect.get_ref()) else {
                        let names = || known().map(StoreKind::name);
                        let what = format!("unknown key `{}`, expected one of {}", dialect.get_ref(), listed(names()));
                        let mut error = self.error(dialect.span(), what);
                        error.hint = did_you_mean(dialect.get_ref(), names());
                        return Err(error);
                    };
                    queries.per_dialect.push((kind, self.file(file)?));
                }
            }
        }
        Ok(queries)
    }

    fn file(&self, name: &Text) -> Result<FileRef> {
        if name.get_ref().trim().is_empty() {
            return Err(self.error(name.span(), "a file without a name"));
        }
        if name.get_ref().contains('\n') {
            return Err(self
                .error(name.span(), "this is the name of a file, not the query itself")
                .hint("put the query into a file beside the project file and name that"));
        }
        Ok(FileRef::new(self.folder.join(name.get_ref()), self.source, name.span()))
    }

    pub(super) fn store(&self, name: &Text) -> Result<String> {
        let wanted = name.get_ref();
        if self.stores.contains_key(wanted) {
            return Ok(wanted.clone());
        }
        let known = || self.stores.keys().map(String::as_str);
        let what = format!("there is no store `{wanted}`; there are: {}", listed(known()));
        let mut error = self.error(name.span(), what);
        error.hint = did_you_mean(wanted, known()).or(Some(format!("define it: [stores.{wanted}]")));
        Err(error)
    }

    fn canary(&self, raw: &RawCanary) -> Result<Canary> {
        let mut canary = Canary::default();
        let percent = |name: &str, percent: &Spanned<i64>| {
            (u8::try_from(*percent.get_ref()).ok().filter(|p| *p <= 100))
                .ok_or_else(|| self.error(percent.span(), format!("`{name}` is a whole number from 0 to 100")))
        };
        if let Some(share) = &raw.percent {
            canary.percent = percent("percent", share)?;
        }
        if let Some(share) = &raw.cut_back_to {
            canary.cut_back_to = Some(percent("cut_back_to", share)?);
            if raw.max_discrepancy_rate.is_none() {
                return Err(self
                    .error(
                        share.span(),
                        "`cut_back_to` says what happens above `max_discrepancy_rate`, which is missing",
                    )
                    .hint("add e.g. max_discrepancy_rate = \"0.5%\""));
            }
        }
        if let Some(runs) = &raw.raise_after {
            canary.raise_after = (u32::try_from(*runs.get_ref()).ok().filter(|runs| *runs > 0))
                .ok_or_else(|| self.error(runs.span(), "`raise_after` is a number of runs, 1 or more"))?;
        }
        canary.segments = raw.segments.iter().map(|name| name.get_ref().clone()).collect();
        if let Some(rate) = &raw.max_discrepancy_rate {
            let text = &rate.get_ref().0;
            let amount = text.strip_suffix('%').and_then(|digits| Amount::parse(digits.trim_end()).ok());
            let fits = |a: &Amount| a.is_finite() && !a.is_negative() && a.total_cmp(&Amount::new(100, 0)).is_le();
            canary.max_discrepancy_rate = Some(amount.filter(fits).ok_or_else(|| {
                self.error(rate.span(), format!("`{text}` is no rate; write a percentage from \"0%\" to \"100%\""))
            })?);
        }
        Ok(canary)
    }

    fn decisions(&self, raw: &Spanned<RawDecisions>) -> Result<Decisions> {
        let decisions = raw.get_ref();
        match (&decisions.store, &decisions.table, &decisions.file) {
            (Some(store), Some(table), None) => {
                Ok(Decisions::Table { store: self.store(store)?, table: table.get_ref().clone() })
            }
            (None, None, Some(file)) => Ok(Decisions::File(self.file(file)?.path)),
            _ => Err(self.error(raw.span(), "decisions go to a `store` and its `table`, or to a `file`")),
        }
    }
}

//! The view through which the payer reads: what it reads is judged by its definition, not by its columns, because a view
//! follows a table that is renamed, and somebody may have put another one there. Must not write decisions.

use crate::stores::sql::Dialect;
use crate::stores::{ErrorClass, StoreError};

use super::bytes;
use super::catalogue::{Found, definition, look, reads};
use super::columns::OWN;
use super::fence::create;
use super::table::Session;

/// What stands under the view's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing.
    Missing,
    /// What is released of this table, in these columns.
    Released,
    /// recon's own view of another table, with other columns, or as it was made before.
    Outdated,
}

/// What a view of recon's own says.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    columns: Vec<String>,
    /// With its schema, where it says one.
    table: Vec<String>,
    fence: Vec<String>,
    condition: Vec<String>,
}

impl Session<'_> {
    /// Sees to it that the view is there and shows what is released of this table.
    ///
    /// # Errors
    /// Class `Usage`: something else has its name. The store fails.
    pub(super) fn make_view(&mut self, names: &[String]) -> Result<(), StoreError> {
        let (dialect, patience, name) = (self.writer.dialect(), self.patience(), self.beside("_released"));
        let (view, shown) = (dialect.table(&name), self.shown(Some(names))?);
        let select = self.released(names)?;
        let (made, otherwise) = match (shown, dialect) {
            (Shown::Released, _) => return Ok(()),
            (Shown::Missing, Dialect::Sqlite) => (format!("CREATE VIEW IF NOT EXISTS {view} AS {select}"), None),
            (Shown::Missing, _) => (format!("CREATE VIEW {view} AS {select}"), None),
            (Shown::Outdated, Dialect::MySql) => (format!("CREATE OR REPLACE VIEW {view} AS {select}"), None),
            // PostgreSQL replaces a view only by one of the same columns; in place of it, both in one transaction.
            (Shown::Outdated, Dialect::Postgres) => (
                format!("CREATE OR REPLACE VIEW {view} AS {select}"),
                Some(format!("DROP VIEW IF EXISTS {view}; CREATE VIEW {view} AS {select}")),
            ),
            (Shown::Outdated, Dialect::Sqlite) => {
                (format!("BEGIN IMMEDIATE; DROP VIEW IF EXISTS {view}; CREATE VIEW {view} AS {select}; COMMIT"), None)
            }
        };
        let made = match (self.writer.touch(&made, patience), otherwise) {
            (Ok(_), _) => Ok(()),
            (Err(refused), Some(otherwise)) if refused.answered => create(&mut self.writer, &otherwise, patience),
            (Err(refused), _) if refused.answered => {
                let _ = self.writer.touch("ROLLBACK", patience);
                create(&mut self.writer, &made, patience)
            }
            (Err(refused), _) => Err(refused.error),
        };
        // Another process may have made it in between.
        match self.shown(Some(names))? {
            Shown::Released => Ok(()),
            _ => made.and(Err(StoreError::failed(format!(
                "{}: `{name}` does not show the decisions that are released",
                self.writer.label()
            ))
            .hint("drop that view, and recon makes it anew"))),
        }
    }

    /// [`Session::make_view`] for a cycle whose release is under way: whatever is wrong, the payer does not see it.
    pub(super) fn show(&mut self, names: &[String]) -> Result<(), StoreError> {
        self.make_view(names).map_err(|mut error| {
            error.class = ErrorClass::Failed;
            error.what = format!("the payer does not see what was released: {}", error.what);
            error
        })
    }

    /// Judges what stands under the view's name; without `names` its columns do not matter.
    ///
    /// # Errors
    /// Class `Usage`: something that reads anything else, or no view. The store cannot be asked.
    pub(super) fn shown(&mut self, names: Option<&[String]>) -> Result<Shown, StoreError> {
        let (dialect, patience, name) = (self.writer.dialect(), self.patience(), self.beside("_released"));
        match look(&mut self.writer, &name, patience)? {
            Found::Nothing => return Ok(Shown::Missing),
            Found::View => {}
            _ => {
                return Err(StoreError::usage(format!(
                    "{}: `{name}` is there and is no view; it is the name under which released decisions are shown",
                    self.writer.label()
                ))
                .hint("rename it, or name another table under `decisions`"));
            }
        }
        let Some(text) = definition(&mut self.writer, &name, patience)? else {
            return match look(&mut self.writer, &name, patience)? {
                Found::Nothing => Ok(Shown::Missing),
                _ => Err(StoreError::failed(format!(
                    "{}: what the view `{name}` reads is not shown",
                    self.writer.label()
                ))
                .hint("the payer reads it, so it is looked at: grant SHOW VIEW to this account")),
            };
        };
        let Some(there) = Reading::of(&text) else {
            return Err(StoreError::usage(format!(
                "{}: the view `{name}` is there and reads something else than the decisions that are released",
                self.writer.label()
            ))
            .hint("the payer reads that name: rename that view and recon makes its own, or name another table under `decisions`"));
        };
        let own = match names {
            Some(names) => self.released(names)?,
            None => self.released(&[])?,
        };
        let Some(own) = Reading::of(&own) else {
            return Err(StoreError::failed("recon does not know its own view; this is a fault of recon"));
        };
        let same_columns = names.is_none() || there.columns == own.columns;
        let same_tables = match dialect {
            // It shows a table's name as it is now and without its schema where that is searched anyway.
            Dialect::Postgres => {
                let runs = self.beside("_runs");
                reads(&mut self.writer, &name, &[&self.table.name, &runs], patience)?
            }
            Dialect::MySql => {
                let sql = "SELECT CAST(DATABASE() AS CHAR)";
                let schema = self.writer.texts(sql, patience)?.into_iter().flatten().flatten().next();
                alike(&there.table, &own.table, schema.as_deref()) && alike(&there.fence, &own.fence, schema.as_deref())
            }
            Dialect::Sqlite => alike(&there.table, &own.table, None) && alike(&there.fence, &own.fence, None),
        };
        let same = same_columns && same_tables && there.condition == own.condition;
        Ok(if same { Shown::Released } else { Shown::Outdated })
    }

    /// What the view reads. Texts are compared as the table's columns compare, for the index, and then by their bytes.
    fn released(&mut self, names: &[String]) -> Result<String, StoreError> {
        let dialect = self.writer.dialect();
        let shown = names.iter().map(|name| dialect.name(name)).chain(OWN.map(str::to_owned));
        let shown = shown.map(|name| format!("d.{name}")).collect::<Vec<_>>().join(", ");
        let (runs, table) = (dialect.table(&self.beside("_runs")), dialect.table(&self.table.name));
        let mut condition = Vec::new();
        for (fence, own) in [("released_run", "recon_run"), ("recon_cycle", "recon_cycle")] {
            if let Some(alike) = self.alike(fence, own)? {
                condition.push(format!("{alike} = d.{own}"));
            }
            condition.push(bytes::same(dialect, &format!("r.{fence}"), &format!("d.{own}")));
        }
        Ok(format!("SELECT {shown} FROM {table} d JOIN {runs} r ON {}", condition.join(" AND ")))
    }

    /// A column of the fences, to be compared with one of the table as that column compares, so that an index serves:
    /// MySQL takes one collation only. None where the column's collation is none to compare with in PostgreSQL.
    fn alike(&mut self, fence: &str, own: &str) -> Result<Option<String>, StoreError> {
        let (dialect, patience, name) = (self.writer.dialect(), self.patience(), &self.table.name);
        let sql = match dialect {
            Dialect::Sqlite => return Ok(Some(format!("r.{fence}"))),
            Dialect::Postgres => format!(
                "SELECT c.collname::text FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation \
                 WHERE a.attrelid = pg_catalog.to_regclass({}) AND a.attname = '{own}' AND c.collname = 'default'",
                dialect.text(&dialect.table(name))
            ),
            Dialect::MySql => {
                let of = match name.split_once('.') {
                    Some((schema, table)) => {
                        format!("table_schema = {} AND table_name = {}", dialect.text(schema), dialect.text(table))
                    }
                    None => format!("table_schema = DATABASE() AND table_name = {}", dialect.text(name)),
                };
                format!(
                    "SELECT CAST(collation_name AS CHAR) FROM information_schema.columns WHERE {of} AND column_name = '{own}'"
                )
            }
        };
        let found = self.writer.texts(&sql, patience)?.into_iter().flatten().flatten().next();
        Ok(match (dialect, found) {
            (Dialect::MySql, Some(collation)) => Some(format!("r.{fence} COLLATE {collation}")),
            (_, Some(_)) => Some(format!("r.{fence}")),
            (_, None) => None,
        })
    }
}

/// The same name, in the same schema where both say one; one that says none is of the database at hand.
fn alike(there: &[String], own: &[String], schema: Option<&str>) -> bool {
    let parts = |name: &[String]| {
        let (last, before) =
            name.split_last().map_or((String::new(), None), |(last, rest)| (last.to_lowercase(), rest.last()));
        (before.map(|schema| schema.to_lowercase()).or(schema.map(str::to_lowercase)), last)
    };
    parts(there) == parts(own)
}

impl Reading {
    /// What a definition says, as the store writes it; `None` when it is none of recon's.
    fn of(definition: &str) -> Option<Reading> {
        let tokens = tokens(definition)?;
        let start = tokens.iter().position(|token| token == "select")?;
        let mut rest = tokens.get(start + 1..)?.iter().peekable();
        let mut columns = Vec::new();
        loop {
            let (of, dot, column) = (rest.next()?, rest.next()?, rest.next()?);
            if of != "d" || dot != "." {
                return None;
            }
            if rest.next_if(|token| *token == "as").is_some() && !rest.next()?.eq_ignore_ascii_case(column) {
                return None;
            }
            columns.push(column.clone());
            match rest.next()?.as_str() {
                "," => {}
                "from" => break,
                _ => return None,
            }
        }
        let mut table = |alias: &str, end: &str| {
            let mut name = Vec::new();
            loop {
                name.push(rest.next()?.clone());
                match rest.next()?.as_str() {
                    "." => {}
                    found if found == alias => break,
                    _ => return None,
                }
            }
            (rest.next()? == end).then_some(name)
        };
        let table_read = table("d", "join")?;
        let fence = table("r", "on")?;
        let condition: Vec<String> = rest.cloned().collect();
        conditions(&condition)?;
        Some(Reading { columns, table: table_read, fence, condition })
    }
}

/// Whether a condition but compares run and cycle, joined by AND.
fn conditions(tokens: &[String]) -> Option<()> {
    let column = |side: &[String]| match side {
        [of, dot, name, how @ ..] if dot == "." => {
            let how: Vec<&str> = how.iter().map(String::as_str).collect();
            matches!(how.as_slice(), [] | ["collate", _] | ["as", "binary"]).then(|| (of.clone(), name.clone()))
        }
        _ => None,
    };
    let mut found = Vec::new();
    for one in tokens.split(|token| token == "and") {
        let mut sides = one.split(|token| token == "=");
        let (left, right) = (column(sides.next()?)?, column(sides.next()?)?);
        match (left.0.as_str(), left.1.as_str(), right.0.as_str(), right.1.as_str()) {
            ("r", "released_run", "d", "recon_run") => found.push("run"),
            ("r", "recon_cycle", "d", "recon_cycle") => found.push("cycle"),
            _ => return None,
        }
        if sides.next().is_some() {
            return None;
        }
    }
    (found.contains(&"run") && found.contains(&"cycle")).then_some(())
}

/// The words and names of a definition, without what each store writes in its own way: brackets, casts of texts to text.
fn tokens(text: &str) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '`' => {
                let mut name = String::new();
                loop {
                    match rest.next()? {
                        end if end == c && rest.next_if_eq(&c).is_none() => break,
                        inside => name.push(inside),
                    }
                }
                out.push(name);
            }
            c if c.is_whitespace() || matches!(c, '(' | ')' | ';') => {}
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = c.to_string();
                while let Some(more) = rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) {
                    word.push(more);
                }
                out.push(word.to_lowercase());
            }
            c if ".,=:".contains(c) => out.push(c.to_string()),
            // Nothing of recon's has anything else in it.
            _ => return None,
        }
    }
    let joined = |out: &[String], at: usize, words: &[&str]| {
        out.get(at..at + words.len()).is_some_and(|found| found.iter().zip(words).all(|(found, word)| found == word))
    };
    let mut tidy = Vec::new();
    let mut at = 0;
    while at < out.len() {
        if joined(&out, at, &[":", ":", "text"]) {
            at += 3;
        } else if joined(&out, at, &["as", "char", "charset", "binary"]) {
            tidy.extend(["as", "binary"].map(str::to_owned));
            at += 4;
        } else if out[at] == "cast" && tidy.last().is_none_or(|before: &String| before != ".") {
            at += 1;
        } else {
            tidy.push(out[at].clone());
            at += 1;
        }
    }
    Some(tidy)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn what_each_store_writes_of_the_view_is_read() {
        let own = "SELECT d.\"id\", d.recon_run FROM \"dec\" d JOIN \"dec_runs\" r ON r.released_run = d.recon_run \
                   AND r.released_run COLLATE \"C\" = d.recon_run AND r.recon_cycle = d.recon_cycle";
        let postgres = " SELECT d.id,\n    d.recon_run\n   FROM (dec d\n     JOIN dec_runs r ON (((r.released_run = (d.recon_run)::text) \
                        AND ((r.released_run COLLATE \"C\") = (d.recon_run)::text) AND (r.recon_cycle = d.recon_cycle))));";
        assert_eq!(Reading::of(own).expect("own"), Reading::of(postgres).expect("postgres"));
        let own = "SELECT d.`Id` FROM `dec` d JOIN `dec_runs` r ON CAST(r.released_run AS BINARY) = CAST(d.recon_run AS BINARY) \
                   AND r.recon_cycle COLLATE utf8mb4_bin = d.recon_cycle";
        let mariadb = "select `d`.`Id` AS `Id` from (`a`.`dec` `d` join `a`.`dec_runs` `r` on(cast(`r`.`released_run` as char charset binary) \
                       = cast(`d`.`recon_run` as char charset binary) and `r`.`recon_cycle` collate utf8mb4_bin = `d`.`recon_cycle`))";
        let (own, there) = (Reading::of(own).expect("own"), Reading::of(mariadb).expect("mariadb"));
        assert_eq!((&own.columns, &own.condition), (&there.columns, &there.condition));
        assert!(alike(&there.table, &own.table, Some("a")) && !alike(&there.table, &own.table, Some("b")));
    }

    #[test]
    fn other_views_are_none_of_recons() {
        let join = "FROM dec d JOIN dec_runs r ON r.released_run = d.recon_run";
        for other in [
            "SELECT * FROM dec".to_owned(),
            "SELECT d.id FROM dec d".to_owned(),
            format!("SELECT d.id {join}"),
            format!("SELECT d.id {join} AND r.recon_cycle = d.recon_cycle WHERE d.id = d.id"),
            format!("SELECT d.id {join} AND r.recon_cycle = d.recon_cycle OR r.recon_cycle = d.recon_cycle"),
            format!("SELECT d.id {join} AND r.recon_cycle = r.recon_cycle"),
            format!("SELECT d.id {join} AND r.recon_cycle = d.recon_cycle UNION ALL SELECT d.id FROM dec d"),
            format!("SELECT d.net AS id {join} AND r.recon_cycle = d.recon_cycle"),
            format!("SELECT d.net * 2 AS net {join} AND r.recon_cycle = d.recon_cycle"),
            format!("SELECT d.id {} AND r.recon_cycle = d.recon_cycle", join.replace("JOIN", "LEFT JOIN")),
        ] {
            assert!(Reading::of(&other).is_none(), "{other}");
        }
    }
}

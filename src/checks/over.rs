//! Exact SQL over the tables of a run: `legacy`, `candidate`, `discrepancies` and `decisions`. Held in memory, and of
//! them only the columns that a query may name. Must not write anything.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame};

use crate::compare::{Compared, Copies};
use crate::decide::{Decision, Rule, as_held, decisions, holds_numbers};
use crate::decisions::{Layout, Seen, Ticket};
use crate::domain::{Batch, CellRef, Value};
use crate::path::exact::{TableSchema, compile};
use crate::path::{ColumnBuilder, Identifiers, frame_cell};

use super::previous::Previous;
use super::run::EachRow;

/// Columns of a discrepancy behind those of its key.
const OF_DISCREPANCY: [&str; 6] = ["kind", "column_name", "legacy", "candidate", "difference", "reason"];
/// Columns of a decision behind its key and its values.
const OF_DECISION: [&str; 5] = ["recon_source", "recon_reason", "recon_cycle", "recon_run", "recon_snapshot"];

/// Goes through the decisions of a run, from the first.
pub type Decided<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&Decision)) -> io::Result<()>;

/// What there is of a run to be checked.
pub struct Material<'a> {
    /// The comparison, which kept every record, and by what it was decided; `None` where not every record was computed.
    pub compared: Option<(&'a mut Compared, Rule)>,
    /// The decisions, where they do not follow from the comparison alone.
    pub decisions: Option<Decided<'a>>,
    /// What the decisions hold.
    pub layout: &'a Layout,
    /// Cycle, run and snapshot of the decisions.
    pub ticket: &'a Ticket,
    /// The decisions of the previous released cycle, where there is one.
    pub previous: Option<Previous>,
}

/// A table of a run.
pub(super) struct RunTable {
    pub(super) name: &'static str,
    columns: Vec<Held>,
}

/// A column, or why it cannot be held.
struct Held {
    name: String,
    content: Result<Content, String>,
}

enum Content {
    Growing(Box<ColumnBuilder>),
    Whole(Arc<Column>),
}

impl RunTable {
    /// With those of its columns that one of the queries may name.
    fn new(name: &'static str, columns: impl Iterator<Item = String>, queries: &[Identifiers]) -> RunTable {
        let all: Vec<String> = columns.collect();
        let mut named: Vec<String> = all.clone();
        named.retain(|column| queries.iter().any(|query| query.may_name(name, column)));
        // `COUNT(*)` names no column, and a row needs one.
        if named.is_empty() {
            named.extend(all.into_iter().next());
        }
        let grow = |name: String| Held {
            // What was compared by value is held by value: a binary float as its shortest decimal.
            content: Ok(Content::Growing(Box::new(ColumnBuilder::new(&name, true)))),
            name,
        };
        RunTable { name, columns: named.into_iter().map(grow).collect() }
    }

    /// Adds a row; `at` gives the value of a column by its name.
    fn push<'c>(&mut self, mut at: impl FnMut(&str) -> CellRef<'c>) {
        for column in &mut self.columns {
            if let Ok(Content::Growing(builder)) = &mut column.content
                && let Err(why) = builder.add(at(&column.name))
            {
                column.content = Err(why);
            }
        }
    }

    fn finish(&mut self) {
        for column in &mut self.columns {
            let content = std::mem::replace(&mut column.content, Err(String::new()));
            column.content = content.and_then(|content| match content {
                Content::Growing(builder) => builder.finish().map(|column| Content::Whole(Arc::new(column))),
                whole @ Content::Whole(_) => Ok(whole),
            });
        }
    }

    /// As exact SQL sees it, for a query.
    ///
    /// # Errors
    /// A column that the query may name cannot be held: its values are of several types, or unknown.
    fn frame(&self, query: &Identifiers) -> Result<(TableSchema, LazyFrame), String> {
        let mut whole = Vec::new();
        for column in &self.columns {
            match &column.content {
                Ok(Content::Whole(content)) => whole.push(content.as_ref().clone()),
                Ok(Content::Growing(_)) => {}
                Err(why) if query.may_name(self.name, &column.name) => {
                    return Err(format!("the column `{}` of the table `{}`: {why}", column.name, self.name));
                }
                Err(_) => {}
            }
        }
        let height = whole.first().map_or(0, Column::len);
        if whole.is_empty() {
            return Err(format!("no column of the table `{}` can be held", self.name));
        }
        let frame = DataFrame::new(height, whole).map_err(|error| format!("the table `{}`: {error}", self.name))?;
        Ok((TableSchema::of(self.name, frame.schema()), frame.lazy()))
    }
}

/// Builds the tables that the queries may read.
///
/// # Errors
/// A temporary file cannot be read.
pub(super) fn tables(material: &mut Material<'_>, queries: &[&str]) -> Result<Vec<RunTable>, String> {
    let queries: Vec<Identifiers> = queries.iter().map(|query| Identifiers::of(query)).collect();
    built(material, &queries).map_err(|error| format!("the records of the run cannot be gone through again: {error}"))
}

/// Runs one query over the tables, for at most so long.
///
/// # Errors
/// Why there is no result: it is not proved exact, names what is not there, has no exact result, or takes too long.
pub(super) fn query(
    tables: &[RunTable],
    text: &str,
    params: &[(String, Value)],
    timeout: Duration,
    each: EachRow<'_>,
) -> Result<Option<String>, String> {
    let words = Identifiers::of(text);
    let (mut schemas, mut frames) = (Vec::new(), Vec::new());
    for table in tables.iter().filter(|table| words.may_read(table.name)) {
        let (schema, frame) = table.frame(&words)?;
        schemas.push(schema);
        frames.push((table.name.to_owned(), frame));
    }
    let part = ["legacy", "candidate", "discrepancies"];
    if let Some(name) =
        part.iter().find(|name| words.has_word(name) && !tables.iter().any(|table| table.name == **name))
        && tables.iter().all(|table| !part.contains(&table.name))
    {
        return Err(format!(
            "the table `{name}` is not there, because only some records were computed again; `recon verify … --again` computes all"
        ));
    }
    let program = compile(text, params, &schemas).map_err(|refusal| {
        let instead = refusal.instead.as_ref().map(|instead| format!(" ({instead})")).unwrap_or_default();
        format!("{refusal}{instead}; the tables are legacy, candidate, decisions and discrepancies")
    })?;
    let names: Vec<String> = program.columns().into_iter().map(|(name, _)| name).collect();
    let (tell, told) = channel();
    // polars cannot be stopped: a query that takes too long is left behind on its own thread until the process ends.
    let running = std::thread::Builder::new().name("check".into()).stack_size(64 << 20);
    let started = running.spawn(move || tell.send(program.run(frames)));
    started.map_err(|error| format!("no thread to run it on: {error}"))?;
    let result = match told.recv_timeout(timeout) {
        Ok(result) => result.map_err(|error| error.to_string())?,
        Err(RecvTimeoutError::Timeout) => {
            return Err(format!("it took longer than {} ms: `timeout_ms` gives it more", timeout.as_millis()));
        }
        Err(RecvTimeoutError::Disconnected) => return Err("recon itself failed while it ran".to_owned()),
    };
    let columns: Vec<_> = result.columns().iter().map(|column| column.as_materialized_series().rechunk()).collect();
    let mut batch = Batch::new(1);
    for row in 0..result.height() {
        let mut values = Vec::with_capacity(columns.len());
        for column in &columns {
            batch.reset(1);
            batch.start_row();
            let value = column.get(row).map_err(|error| format!("its result cannot be read: {error}"))?;
            let cell = frame_cell(value, &mut batch);
            batch.set(0, 0, cell);
            values.push(Value::of(batch.at(0, 0)));
        }
        each(&names, &values);
    }
    Ok(None)
}

fn built(material: &mut Material<'_>, queries: &[Identifiers]) -> io::Result<Vec<RunTable>> {
    let reads = |name: &str| queries.iter().any(|query| query.may_read(name));
    let seen = |seen: &[Seen]| seen.iter().map(|seen| seen.name.clone()).collect::<Vec<_>>();
    let keys = seen(&material.layout.key);
    let names = [keys.clone(), seen(&material.layout.columns)].concat();
    let mut all = Vec::new();
    if let Some((compared, _)) = &mut material.compared {
        let sides = ["legacy", "candidate"].into_iter().filter(|name| reads(name));
        let mut sides: Vec<RunTable> = sides.map(|name| RunTable::new(name, names.iter().cloned(), queries)).collect();
        if !sides.is_empty() {
            records(&mut sides, compared, &names)?;
        }
        all.append(&mut sides);
        if reads("discrepancies") {
            let columns = keys.iter().cloned().chain(OF_DISCREPANCY.map(str::to_owned));
            let mut table = RunTable::new("discrepancies", columns, queries);
            discrepancies(&mut table, compared, keys)?;
            all.push(table);
        }
    }
    if reads("decisions") {
        let columns = names.iter().cloned().chain(OF_DECISION.map(str::to_owned));
        let mut table = RunTable::new("decisions", columns, queries);
        decided(&mut table, material, &names)?;
        all.push(table);
    }
    all.iter_mut().for_each(RunTable::finish);
    Ok(all)
}

fn records(sides: &mut [RunTable], compared: &mut Compared, names: &[String]) -> io::Result<()> {
    let mut records = compared.records()?;
    while let Some(record) = records.next_record()? {
        for side in &mut *sides {
            let copies: Option<Copies<'_>> = match side.name {
                "legacy" => record.legacy,
                // What agrees in every value was kept once.
                _ => record.candidate.or(record.legacy.filter(|_| record.outcome.agrees())),
            };
            let Some(copies) = copies else { continue };
            for row in copies.rows() {
                side.push(|name| copies.batch.at(row, position(names, name)));
            }
        }
    }
    Ok(())
}

fn position(names: &[String], name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or(0)
}

/// One row for each column that differs, as the ledger logs them.
fn discrepancies(table: &mut RunTable, compared: &mut Compared, keys: Vec<String>) -> io::Result<()> {
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null | Value::Absent | Value::Unknown(_)) => Value::Null,
        Some(value) => of_text(&value.to_string()),
    };
    let names: Vec<String> = keys.into_iter().chain(OF_DISCREPANCY.map(str::to_owned)).collect();
    let mut row = Row::new(names.len());
    for discrepancy in compared.discrepancies() {
        let discrepancy = discrepancy?;
        let keys: Vec<Value> = discrepancy.key.iter().map(|(_, value)| value.clone()).collect();
        let reason = discrepancy.reason.as_deref().map_or(Value::Null, of_text);
        let kind = of_text(discrepancy.kind.name());
        let plain = [kind.clone(), Value::Null, Value::Null, Value::Null, Value::Null, reason.clone()];
        let of_fields = discrepancy.fields.iter().map(|field| {
            let difference = field
                .difference
                .clone()
                .map_or(Value::Null, |amount| Value::Number { amount, form: crate::domain::NumberForm::Decimal });
            let (legacy, candidate) = (text(field.legacy.as_ref()), text(field.candidate.as_ref()));
            [kind.clone(), of_text(&field.column), legacy, candidate, difference, reason.clone()]
        });
        let mut rows: Vec<[Value; 6]> = of_fields.collect();
        if rows.is_empty() {
            rows.push(plain);
        }
        for values in &rows {
            row.fill(keys.iter().chain(values));
            table.push(|name| row.at(&names, name));
        }
    }
    Ok(())
}

fn decided(table: &mut RunTable, material: &mut Material<'_>, names: &[String]) -> io::Result<()> {
    let ticket = material.ticket;
    let all: Vec<String> = names.iter().cloned().chain(OF_DECISION.map(str::to_owned)).collect();
    let mut row = Row::new(all.len());
    // Where they were read back from a store without decimals they come as text.
    let numbers: Vec<bool> = material.layout.key.iter().chain(&material.layout.columns).map(holds_numbers).collect();
    let held = |(value, number): (&Value, &bool)| as_held(value.clone(), *number);
    let mut take = |decision: &Decision| {
        let own = [decision.taken.name(), decision.reason.name(), &ticket.cycle, &ticket.run, &ticket.snapshot];
        let own = own.map(of_text);
        let values: Vec<Value> = decision.key.iter().chain(&decision.values).zip(&numbers).map(held).collect();
        row.fill(values.iter().chain(&own));
        table.push(|name| row.at(&all, name));
    };
    match (&mut material.decisions, &mut material.compared) {
        (Some(each), _) => each(&mut take),
        (None, Some((compared, rule))) => {
            for decision in decisions(compared, *rule, material.layout)? {
                take(&decision?);
            }
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

fn of_text(text: &str) -> Value {
    Value::Text { text: text.to_owned(), untyped: false }
}

/// One row of plain values, as cells.
struct Row(Batch, usize);

impl Row {
    fn new(width: usize) -> Row {
        Row(Batch::new(width), width)
    }

    fn fill<'v>(&mut self, values: impl Iterator<Item = &'v Value>) {
        self.0.reset(self.1);
        self.0.start_row();
        for (at, value) in values.enumerate().take(self.1) {
            let cell = value.cell(&mut self.0);
            self.0.set(0, at, cell);
        }
    }

    fn at(&self, names: &[String], name: &str) -> CellRef<'_> {
        self.0.at(0, position(names, name))
    }
}

//! A compiled query: what it needs, what it yields, and running it.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use polars::prelude::*;

use crate::domain::Value;
use crate::stores::StoreError;

use super::bind::bind;
use super::lower::{ClosedDays, FirstFault, Lowering, column_name, needed};
use super::plan::{Id, Rel};
use super::refusal::Refusal;
use super::types::{SqlType, TableSchema, Ty};

/// A query proved exact: run it over frames of the tables it was compiled for.
#[derive(Clone, Debug)]
pub struct Program {
    tables: Vec<TableSchema>,
    rel: Arc<Rel>,
    columns: Vec<(String, Id, Ty)>,
    /// Columns of closed days: table, column.
    holidays: Vec<(usize, usize)>,
    needed: BTreeSet<Id>,
}

/// Parses and proves one query over the given tables. `:name` in the SQL takes the parameter of that name.
///
/// # Errors
/// A [`Refusal`] with line, column and what to write instead, for everything that is not understood or not proved exact.
pub fn compile(sql: &str, params: &[(String, Value)], tables: &[TableSchema]) -> Result<Program, Refusal> {
    let bound = bind(sql, params, tables)?;
    let needed = needed(&bound.rel, bound.columns.iter().map(|(_, id, _)| *id));
    Ok(Program { tables: tables.to_vec(), rel: bound.rel, columns: bound.columns, holidays: bound.holidays, needed })
}

impl Program {
    /// The result's columns, in order.
    pub fn columns(&self) -> Vec<(String, SqlType)> {
        self.columns.iter().map(|(name, _, ty)| (name.clone(), ty.public())).collect()
    }

    /// The tables that are read, each with the columns that are: only those have to be in the frames. Every table has
    /// at least one column here, since its rows are counted by it.
    pub fn needed(&self) -> Vec<(String, Vec<String>)> {
        let mut wanted: HashMap<usize, BTreeSet<usize>> = HashMap::new();
        self.scans(&self.rel, &mut wanted, &mut Vec::new());
        for (table, column) in &self.holidays {
            wanted.entry(*table).or_default().insert(*column);
        }
        let mut all = Vec::new();
        for (index, table) in self.tables.iter().enumerate() {
            let Some(positions) = wanted.get(&index) else { continue };
            let named = positions.iter().filter_map(|at| table.columns.get(*at)).map(|(name, _)| name.clone());
            all.push((table.name.clone(), named.collect()));
        }
        all
    }

    fn scans<'r>(&self, rel: &'r Arc<Rel>, wanted: &mut HashMap<usize, BTreeSet<usize>>, seen: &mut Vec<&'r Rel>) {
        if seen.iter().any(|known| std::ptr::eq(*known, rel.as_ref())) {
            return;
        }
        seen.push(rel);
        match rel.as_ref() {
            Rel::Scan { table, columns } => {
                let positions = wanted.entry(*table).or_default();
                let before = positions.len();
                positions.extend(columns.iter().filter(|(_, id)| self.needed.contains(id)).map(|(at, _)| *at));
                if positions.len() == before && !columns.iter().any(|(_, id)| self.needed.contains(id)) {
                    positions.insert(0);
                }
            }
            Rel::One => {}
            Rel::Project { input, .. }
            | Rel::Filter { input, .. }
            | Rel::Aggregate { input, .. }
            | Rel::Distinct { input, .. }
            | Rel::Sort { input, .. }
            | Rel::Limit { input, .. } => self.scans(input, wanted, seen),
            Rel::Join { left, right, .. } => {
                self.scans(left, wanted, seen);
                self.scans(right, wanted, seen);
            }
            Rel::Union { inputs, .. } => inputs.iter().for_each(|(input, _)| self.scans(input, wanted, seen)),
        }
    }

    /// Runs the query on polars' streaming engine. Rows come in the order of ORDER BY, else in any.
    ///
    /// # Errors
    /// A failure that names the place in the SQL when a value has no exact result (beyond 38 digits, division by zero,
    /// a text that is no number), when a frame is missing or has other types than were declared, or when polars fails.
    pub fn run(&self, frames: Vec<(String, LazyFrame)>) -> Result<DataFrame, StoreError> {
        self.run_on(frames, Engine::Streaming)
    }

    /// As [`Program::run`], on an engine of choice.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_on(&self, frames: Vec<(String, LazyFrame)>, engine: Engine) -> Result<DataFrame, StoreError> {
        let (frame, faults) = self.lower(frames)?;
        // One frame goes in without a sink of its own, so one comes out.
        // Some of polars' engine is still `unimplemented!`: that must end this run, not the process.
        let collect = AssertUnwindSafe(|| frame.collect_with_engine(engine).map(|result| result.unwrap_single()));
        let frame = catch_unwind(collect)
            .map_err(|_| {
                StoreError::failed("polars broke off while running the SQL")
                    .hint("the reason stands above; please report the query")
            })?
            .map_err(|error| faults.explain(&error))?;
        self.check_result(&frame)?;
        Ok(frame)
    }

    /// The query as a frame that is not run yet: an input of another one.
    ///
    /// # Errors
    /// A frame is missing or has other types than were declared.
    pub fn lazy(&self, frames: Vec<(String, LazyFrame)>) -> Result<LazyFrame, StoreError> {
        self.lower(frames).map(|(frame, _)| frame)
    }

    fn lower(&self, frames: Vec<(String, LazyFrame)>) -> Result<(LazyFrame, Faults), StoreError> {
        let mut frames: HashMap<String, LazyFrame> = frames.into_iter().collect();
        self.check_inputs(&mut frames)?;
        let closed = self.closed_days(&frames)?;
        let mut lowering = Lowering::new(&self.tables, &frames, &closed, &self.needed);
        let faults = Faults(Arc::clone(&lowering.fault));
        let frame = lowering.relation(&self.rel).map_err(|error| faults.explain(&error))?;
        let shown: Vec<Expr> =
            self.columns.iter().map(|(name, id, _)| col(column_name(*id)).alias(name.as_str())).collect();
        Ok((frame.select(shown), faults))
    }

    /// Every needed column is there, with the type it was declared with.
    fn check_inputs(&self, frames: &mut HashMap<String, LazyFrame>) -> Result<(), StoreError> {
        for (table, columns) in self.needed() {
            let Some(frame) = frames.get_mut(&table) else {
                return Err(StoreError::failed(format!("the input `{table}` was not read")));
            };
            let schema = frame
                .collect_schema()
                .map_err(|error| StoreError::failed(format!("the input `{table}` cannot be read: {error}")))?;
            let declared = self.tables.iter().find(|t| t.name == table);
            for name in columns {
                let wanted =
                    declared.and_then(|t| t.columns.iter().find(|(known, _)| *known == name)).map(|(_, ty)| ty);
                let found = schema.get(name.as_str()).map(SqlType::of);
                if found.as_ref() != wanted {
                    let show = |ty: Option<&SqlType>| ty.map_or("missing".to_owned(), ToString::to_string);
                    return Err(StoreError::failed(format!(
                        "the input column `{table}.{name}` is {}, but was declared {}",
                        show(found.as_ref()),
                        show(wanted)
                    )));
                }
            }
        }
        Ok(())
    }

    /// The closed days of every column that `add_business_days` names.
    fn closed_days(&self, frames: &HashMap<String, LazyFrame>) -> Result<ClosedDays, StoreError> {
        let mut closed = HashMap::new();
        for (table, column) in &self.holidays {
            let named = self.tables.get(*table).and_then(|t| Some((&t.name, t.columns.get(*column)?)));
            let Some((table_name, (name, ty))) = named else {
                return Err(StoreError::failed("the closed days are in no column"));
            };
            let failed =
                |what: String| StoreError::failed(format!("the closed days of `{table_name}` cannot be read: {what}"));
            let frame = frames.get(table_name).ok_or_else(|| failed("the input is missing".into()))?;
            let mut days: Vec<i32> = Vec::new();
            if *ty != SqlType::Null {
                let read = frame.clone().select([col(name.as_str())]).collect().map_err(|e| failed(e.to_string()))?;
                let read = read.column(name).and_then(|c| c.date().cloned()).map_err(|e| failed(e.to_string()))?;
                days.extend(read.physical().iter().flatten());
            }
            days.sort_unstable();
            days.dedup();
            closed.insert((*table, *column), Arc::new(days));
        }
        Ok(closed)
    }

    /// The result has exactly the proved columns and types; anything else is a defect, never converted.
    fn check_result(&self, frame: &DataFrame) -> Result<(), StoreError> {
        let found: Vec<(&str, &DataType)> = frame.columns().iter().map(|c| (c.name().as_str(), c.dtype())).collect();
        let wanted: Vec<(&str, DataType)> =
            self.columns.iter().map(|(name, _, ty)| (name.as_str(), ty.dtype())).collect();
        let same = found.len() == wanted.len() && found.iter().zip(&wanted).all(|(f, w)| f.0 == w.0 && *f.1 == w.1);
        if same {
            return Ok(());
        }
        Err(StoreError::failed(format!("the result is not what was proved: {found:?} instead of {wanted:?}"))
            .hint("this is a defect of the exactness layer: please report the query"))
    }
}

/// What the kernels of one run found to have no exact result.
struct Faults(FirstFault);

impl Faults {
    fn explain(&self, error: &PolarsError) -> StoreError {
        match self.0.lock().ok().and_then(|mut first| first.take()) {
            Some((fault, place)) => StoreError::failed(format!("the SQL has no exact result: {fault}, at {place}"))
                .hint("mend the inputs, or write CASE WHEN … for the rows that need another rule"),
            None => StoreError::failed(format!("running the SQL failed: {error}")),
        }
    }
}

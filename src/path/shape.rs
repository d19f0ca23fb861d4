//! The portable reading of an input: `unwind`, `filter` and `fields`, the same over documents, files and tables.
//! Where a store can do a part of it, the locator was given that part already; what is left is done here.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use serde_json::value::RawValue;

use crate::config::Field;
use crate::domain::{
    Batch, Cell, Elements, Filter, Rules, Truth, Value, bson_cell, bson_get_below, json_cell, json_get,
};
use crate::stores::{
    Column, ColumnKind, Fix, KeyRange, MakeSource, Opened, Outlet, Progress, ReadEnd, ReadRequest, Reader, Received,
    Source, StoreError, Wanted, Wish,
};

/// What is taken of an input's records.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// The fields taken; empty: every top-level field.
    pub fields: Vec<Field>,
    /// The array whose items become records.
    pub unwind: Option<String>,
    /// Only records for which this holds; its names are paths of the record after `unwind`.
    pub filter: Option<Filter>,
    /// How conditions and types read dates and instants.
    pub rules: Rules,
}

impl Shape {
    /// Whether records are taken as they are.
    pub fn is_plain(&self) -> bool {
        self.fields.is_empty() && self.unwind.is_none() && self.filter.is_none()
    }

    fn field(&self, name: &str) -> Field {
        let found = self.fields.iter().find(|field| field.name == name).cloned();
        found.unwrap_or_else(|| Field { name: name.to_owned(), path: name.to_owned(), column_type: None })
    }

    /// The rest of a path that lies in the unwound items: `""` for the item itself.
    fn in_item<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(self.unwind.as_deref()?)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
    }

    /// The type that a field of this path was given.
    fn fix(&self, path: &str) -> Option<Fix> {
        self.fields.iter().find(|field| field.path == path).and_then(|field| field.column_type).map(Fix::Type)
    }
}

/// Another source's records in a [`Shape`].
pub struct ShapedSource {
    make: MakeSource,
    shape: Shape,
    reader: Option<Reader>,
    progress: Arc<Progress>,
}

impl ShapedSource {
    /// Shapes the records of the source that `make` makes.
    pub fn new(make: MakeSource, shape: Shape) -> Self {
        ShapedSource { make, shape, reader: None, progress: Arc::default() }
    }
}

impl Source for ShapedSource {
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError> {
        let shape = &self.shape;
        let mut paths: Vec<String> = shape.fields.iter().map(|field| field.path.clone()).collect();
        paths.extend(wish.paths.iter().map(|name| shape.field(name).path));
        paths.extend(shape.filter.iter().flat_map(Filter::columns));
        paths.retain(|path| shape.in_item(path).is_none());
        paths.extend(shape.unwind.clone());
        paths.sort();
        paths.dedup();
        let reader = Reader::start(Arc::clone(&self.make), Wish { paths: paths.clone() }, Arc::clone(&self.progress));
        let mut opened = reader.opened()?;
        self.reader = Some(reader);
        let kind = |path: &str| opened.columns.iter().find(|column| column.name == path).map(|column| column.kind);
        if opened.fixed_columns {
            for path in &paths {
                if kind(path).is_none() {
                    let names = opened.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
                    return Err(StoreError::usage(format!("there is no column `{path}`"))
                        .hint(format!("the columns are {names}")));
                }
            }
        }
        if !shape.fields.is_empty() {
            let column = |field: &Field| Column {
                name: field.name.clone(),
                kind: match (field.column_type, shape.in_item(&field.path)) {
                    (None, None) => kind(&field.path).unwrap_or(ColumnKind::Mixed),
                    _ => ColumnKind::Mixed,
                },
            };
            opened.columns = shape.fields.iter().map(column).collect();
            opened.fixed_columns = true;
        }
        opened.ordered = false;
        opened.natural = false;
        opened.filters = false;
        opened.seeks = false;
        opened.estimated_records =
            opened.estimated_records.filter(|_| shape.unwind.is_none() && shape.filter.is_none());
        Ok(opened)
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let reader =
            self.reader.as_ref().ok_or_else(|| StoreError::failed("an input was read before it was opened"))?;
        let layout = Layout::of(&self.shape, request);
        let inner = ReadRequest {
            columns: layout.inner.clone(),
            key: 0,
            filter: None,
            range: KeyRange::default(),
            keys: None,
            fresh: request.fresh,
            natural: false,
        };
        let filter = self.shape.filter.as_ref().filter(|_| self.shape.unwind.is_none());
        let (batches, give_back) = reader.begin(vec![inner], &self.shape.rules, filter, None);
        let end = layout.take(&self.shape, &batches, &give_back, out)?;
        // Fields that were not asked for are of interest only where every field is taken.
        Ok(if self.shape.fields.is_empty() { end } else { ReadEnd::default() })
    }
}

/// Where each wanted column comes from.
struct Layout {
    /// What is read of the inner source.
    inner: Vec<Wanted>,
    /// For each column wanted: its place in `inner`, or its path in the item.
    columns: Vec<From>,
    /// The array's place in `inner`.
    array: Option<usize>,
    /// Values that the condition looks at, by path.
    looked_at: Vec<(String, From)>,
}

#[derive(Clone)]
enum From {
    Record(usize),
    Item { path: String, fix: Option<Fix> },
}

impl Layout {
    fn of(shape: &Shape, request: &ReadRequest) -> Layout {
        let mut layout = Layout { inner: Vec::new(), columns: Vec::new(), array: None, looked_at: Vec::new() };
        for wanted in &request.columns {
            let field = shape.field(&wanted.name);
            let from = layout.from(shape, &field.path, field.column_type.map(Fix::Type));
            layout.columns.push(from);
        }
        for path in shape.filter.iter().flat_map(Filter::columns) {
            let from = layout.from(shape, &path, shape.fix(&path));
            layout.looked_at.push((path, from));
        }
        if let Some(array) = &shape.unwind {
            layout.array = Some(layout.inner.len());
            layout.inner.push(Wanted { name: array.clone(), fix: None });
        }
        layout
    }

    fn from(&mut self, shape: &Shape, path: &str, fix: Option<Fix>) -> From {
        if let Some(rest) = shape.in_item(path) {
            return From::Item { path: rest.to_owned(), fix };
        }
        let wanted = Wanted { name: path.to_owned(), fix };
        let at = self.inner.iter().position(|w| *w == wanted).unwrap_or_else(|| {
            self.inner.push(wanted);
            self.inner.len() - 1
        });
        From::Record(at)
    }

    fn take(
        &self,
        shape: &Shape,
        batches: &Receiver<Received>,
        give_back: &Sender<Batch>,
        out: &mut Outlet,
    ) -> Result<ReadEnd, StoreError> {
        let mut item = Batch::new(self.columns.len() + self.looked_at.len());
        loop {
            match batches.recv() {
                Ok(Received::Batch(batch)) => {
                    for row in 0..batch.rows() {
                        match self.array {
                            None => self.send(&batch, row, None, None, out)?,
                            Some(array) => self.unwind(shape, (&batch, row), array, &mut item, out)?,
                        }
                    }
                    let _ = give_back.send(batch);
                }
                Ok(Received::End(end)) => return end,
                Err(_) => {
                    return Err(StoreError::failed(
                        "the reader of an input ended unexpectedly; this is a fault of recon",
                    ));
                }
            }
        }
    }

    fn send(
        &self,
        batch: &Batch,
        row: usize,
        item: Option<&Batch>,
        doubt: Option<&str>,
        out: &mut Outlet,
    ) -> Result<(), StoreError> {
        let to = out.batch();
        let at = to.start_row();
        for (column, from) in self.columns.iter().enumerate() {
            let cell = match (from, item, doubt) {
                (_, _, Some(why)) => to.unknown(&format!("the condition could not be decided: {why}")),
                (From::Record(place), _, _) => to.copy_cell(batch.at(row, *place)),
                (From::Item { .. }, Some(item), _) => to.copy_cell(item.at(0, column)),
                (From::Item { .. }, None, _) => Cell::Absent,
            };
            to.set(at, column, cell);
        }
        Ok(out.end_row()?)
    }

    /// One record for each item of the array; as in MongoDB, a single value counts as an array of one, and a record
    /// without the array, or with an empty one, gives nothing.
    fn unwind(
        &self,
        shape: &Shape,
        (batch, row): (&Batch, usize),
        array: usize,
        item: &mut Batch,
        out: &mut Outlet,
    ) -> Result<(), StoreError> {
        let value = batch.at(row, array);
        let mut each = |fill: &mut dyn FnMut(&str, &mut Batch) -> Cell| -> Result<(), StoreError> {
            item.reset(self.columns.len() + self.looked_at.len());
            item.start_row();
            let all = self.columns.iter().chain(self.looked_at.iter().map(|(_, from)| from));
            for (at, from) in all.enumerate() {
                let From::Item { path, fix } = from else { continue };
                let cell = fill(path, item);
                item.set(0, at, cell);
                if let Some(fix) = fix {
                    fix.apply(item, 0, at, &shape.rules);
                }
            }
            match self.judge(shape, batch, row, item) {
                Truth::True => self.send(batch, row, Some(item), None, out),
                Truth::NotTrue => Ok(()),
                // Neither dropped nor taken: whoever reads any column of it finds that it could not be judged.
                Truth::Undecidable(why) => self.send(batch, row, Some(item), Some(&why), out),
            }
        };
        match value.cell {
            Cell::Absent | Cell::Null => Ok(()),
            Cell::Bson { at, array: true } => {
                let broken =
                    |error: &dyn std::fmt::Display| StoreError::failed(format!("an array cannot be read: {error}"));
                for element in Elements::of(value.bytes(at)).map_err(|e| broken(&e))? {
                    let element = element.map_err(|e| broken(&e))?;
                    each(&mut |path, item| match path {
                        "" => bson_cell(&element, item),
                        path => match bson_get_below(&element, path) {
                            Ok(found) => found.map_or(Cell::Absent, |found| bson_cell(&found, item)),
                            Err(error) => item.unknown(&error.to_string()),
                        },
                    })?;
                }
                Ok(())
            }
            Cell::Json(span) if value.text(span).starts_with('[') => {
                let items: Vec<&RawValue> = serde_json::from_str(value.text(span))
                    .map_err(|error| StoreError::failed(format!("an array cannot be read: {error}")))?;
                for raw in items {
                    each(&mut |path, item| json_below(raw, path, item))?;
                }
                Ok(())
            }
            Cell::Json(span) => {
                let raw: &RawValue = serde_json::from_str(value.text(span))
                    .map_err(|error| StoreError::failed(format!("a document cannot be read: {error}")))?;
                each(&mut |path, item| json_below(raw, path, item))
            }
            Cell::Bson { at, array: false } => {
                let document = value.bytes(at);
                each(&mut |path, item| match path {
                    "" => item.copy_cell(value),
                    path => match crate::domain::bson_get(document, path) {
                        Ok(found) => found.map_or(Cell::Absent, |found| bson_cell(&found, item)),
                        Err(error) => item.unknown(&error.to_string()),
                    },
                })
            }
            _ => each(&mut |path, item| match (path, value.cell) {
                ("", _) | (_, Cell::Unknown(_)) => item.copy_cell(value),
                _ => Cell::Absent,
            }),
        }
    }

    fn judge(&self, shape: &Shape, batch: &Batch, row: usize, item: &Batch) -> Truth {
        let Some(filter) = &shape.filter else { return Truth::True };
        filter.judge(&shape.rules, &|name| {
            let Some(at) = self.looked_at.iter().position(|(path, _)| path == name) else { return Value::Absent };
            match &self.looked_at[at].1 {
                From::Record(place) => Value::of(batch.at(row, *place)),
                From::Item { .. } => Value::of(item.at(0, self.columns.len() + at)),
            }
        })
    }
}

fn json_below(raw: &RawValue, path: &str, batch: &mut Batch) -> Cell {
    if path.is_empty() {
        return json_cell(raw, batch);
    }
    match json_get(raw, path) {
        Ok(found) => found.map_or(Cell::Absent, |found| json_cell(found, batch)),
        Err(why) => batch.unknown(&why),
    }
}

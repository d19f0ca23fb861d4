//! Documents to records: which field fills which column, in the order in which fields were met last.
//!
//! Shared by MongoDB, mongodump files and files of JSON lines. A column is a top-level field or a dotted path
//! into one. Must not read from anywhere.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::domain::{
    Batch, BsonError, Cell, Elements, JsonError, bson_cell, bson_get, bson_get_below, bson_put, json_cell, json_fields,
    json_get,
};
use crate::stores::ReadEnd;

use super::{Column, ColumnKind, Wanted, Wish};

/// Fields that nobody asked for are remembered up to this number; collections that keep data in field names
/// have no end of them.
const OTHER_FIELDS: usize = 1_000;

/// Fills the columns of one request from documents.
pub(crate) struct Picker {
    /// Every field name met so far or wanted.
    fields: Vec<Field>,
    by_name: HashMap<Box<[u8]>, usize>,
    /// Which field stood at each position of the previous document.
    order: Vec<usize>,
    documents: u64,
    others: Vec<String>,
    more_others: bool,
    /// Columns with a dot in their name: whether the whole name was met in this document.
    dotted: Vec<(usize, bool)>,
}

struct Field {
    name: Box<[u8]>,
    /// The document in which the field stood last, counted from 1.
    last: u64,
    use_: Use,
}

enum Use {
    /// Nobody asked for it.
    None,
    /// It is this column.
    Column(usize),
    /// It is several columns, or the start of paths.
    Several { whole: Vec<usize>, paths: Vec<(usize, String)> },
}

impl Picker {
    /// For the columns of a request.
    pub(crate) fn new(columns: &[Wanted]) -> Self {
        let mut picker = Picker {
            fields: Vec::new(),
            by_name: HashMap::new(),
            order: Vec::new(),
            documents: 0,
            others: Vec::new(),
            more_others: false,
            dotted: Vec::new(),
        };
        for (at, column) in columns.iter().enumerate() {
            picker.want(&column.name, at, None);
            if let Some((head, path)) = column.name.split_once('.') {
                picker.want(head, at, Some(path));
                picker.dotted.push((at, false));
            }
        }
        picker
    }

    fn want(&mut self, name: &str, column: usize, path: Option<&str>) {
        let at = self.add(name.as_bytes());
        let use_ = &mut self.fields[at].use_;
        *use_ = match (std::mem::replace(use_, Use::None), path) {
            (Use::None, None) => Use::Column(column),
            (Use::None, Some(path)) => Use::Several { whole: Vec::new(), paths: vec![(column, path.to_owned())] },
            (Use::Column(first), None) => Use::Several { whole: vec![first, column], paths: Vec::new() },
            (Use::Column(first), Some(path)) => {
                Use::Several { whole: vec![first], paths: vec![(column, path.to_owned())] }
            }
            (Use::Several { mut whole, mut paths }, path) => {
                match path {
                    None => whole.push(column),
                    Some(path) => paths.push((column, path.to_owned())),
                }
                Use::Several { whole, paths }
            }
        };
    }

    fn add(&mut self, name: &[u8]) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let at = self.fields.len();
        self.fields.push(Field { name: name.into(), last: 0, use_: Use::None });
        self.by_name.insert(name.into(), at);
        at
    }

    /// The names of top-level fields that were met but not asked for, and whether there were more of them.
    pub(crate) fn into_end(self) -> ReadEnd {
        ReadEnd { other_fields: self.others, other_fields_cut: self.more_others }
    }

    fn start(&mut self) {
        self.documents += 1;
        self.dotted.iter_mut().for_each(|(_, met)| *met = false);
    }

    /// The field of this name, which stands at `position`; `None` for one of too many that nobody asked for.
    #[inline]
    fn field(&mut self, position: usize, name: &[u8]) -> Option<usize> {
        match self.order.get(position) {
            Some(at) if *self.fields[*at].name == *name => Some(*at),
            _ => self.look_up(position, name),
        }
    }

    #[cold]
    fn look_up(&mut self, position: usize, name: &[u8]) -> Option<usize> {
        let at = match self.by_name.get(name) {
            Some(at) => *at,
            None if self.others.len() < OTHER_FIELDS => {
                self.others.push(String::from_utf8_lossy(name).into_owned());
                self.add(name)
            }
            None => {
                self.more_others = true;
                return None;
            }
        };
        if position < self.order.len() {
            self.order[position] = at;
        } else if position == self.order.len() {
            self.order.push(at);
        }
        Some(at)
    }

    /// Starts a row in `batch` and fills it from a BSON document.
    ///
    /// # Errors
    /// [`BsonError`] when the document is broken; the row is taken back.
    pub(super) fn bson(&mut self, document: &[u8], batch: &mut Batch) -> Result<(), BsonError> {
        self.start();
        let row = batch.start_row();
        let filled = self.fill_bson(document, batch, row);
        if filled.is_err() {
            batch.undo_row();
        }
        filled
    }

    fn fill_bson(&mut self, document: &[u8], batch: &mut Batch, row: usize) -> Result<(), BsonError> {
        let mut elements = Elements::of(document)?;
        let mut position = 0;
        loop {
            let guess = self.order.get(position).copied();
            let guessed = guess.and_then(|at| Some((elements.next_guessed(&self.fields[at].name)?, guess)));
            let (element, found) = match guessed {
                Some(guessed) => guessed,
                None => {
                    let Some(element) = elements.next() else { return Ok(()) };
                    let element = element?;
                    (element, self.field(position, element.name))
                }
            };
            position += 1;
            let Some(at) = found else { continue };
            let field = &mut self.fields[at];
            let twice = std::mem::replace(&mut field.last, self.documents) == self.documents;
            match &field.use_ {
                Use::None => {}
                Use::Column(column) if !twice => {
                    let column = *column;
                    bson_put(&element, batch, batch.place(row, column));
                    if !self.dotted.is_empty() {
                        self.met_whole(column);
                    }
                }
                _ => self.several(
                    at,
                    twice,
                    batch,
                    row,
                    |batch| bson_cell(&element, batch),
                    |path, batch| match bson_get_below(&element, path) {
                        Ok(found) => found.map(|e| bson_cell(&e, batch)),
                        Err(error) => Some(batch.unknown(&error.to_string())),
                    },
                ),
            }
        }
    }

    /// Starts a row in `batch` and fills it from the text of a JSON object.
    ///
    /// # Errors
    /// [`JsonError`] when the text is not an object; the row is not started.
    pub(crate) fn json(&mut self, text: &str, batch: &mut Batch) -> Result<(), JsonError> {
        let fields = json_fields(text)?;
        self.start();
        let row = batch.start_row();
        for (position, (name, raw)) in fields.0.iter().enumerate() {
            let Some(at) = self.field(position, name.as_bytes()) else { continue };
            let field = &mut self.fields[at];
            let twice = std::mem::replace(&mut field.last, self.documents) == self.documents;
            match &field.use_ {
                Use::None => {}
                Use::Column(column) if !twice => {
                    let column = *column;
                    let cell = json_cell(raw, batch);
                    batch.set(row, column, cell);
                    if !self.dotted.is_empty() {
                        self.met_whole(column);
                    }
                }
                _ => self.several(
                    at,
                    twice,
                    batch,
                    row,
                    |batch| json_cell(raw, batch),
                    |path, batch| match json_get(raw, path) {
                        Ok(found) => found.map(|raw| json_cell(raw, batch)),
                        Err(reason) => Some(batch.unknown(&reason)),
                    },
                ),
            }
        }
        Ok(())
    }

    fn met_whole(&mut self, column: usize) {
        if let Some((_, met)) = self.dotted.iter_mut().find(|(at, _)| *at == column) {
            *met = true;
        }
    }

    /// Fills several columns from one field, or says that it stands twice.
    fn several(
        &mut self,
        field: usize,
        twice: bool,
        batch: &mut Batch,
        row: usize,
        whole_cell: impl Fn(&mut Batch) -> Cell,
        path_cell: impl Fn(&str, &mut Batch) -> Option<Cell>,
    ) {
        let Field { name, use_, .. } = &self.fields[field];
        let one;
        let (whole, paths): (&[usize], &[(usize, String)]) = match use_ {
            Use::None => return,
            Use::Column(column) => {
                one = [*column];
                (&one, &[])
            }
            Use::Several { whole, paths } => (whole, paths),
        };
        if twice {
            // Either of the two could be the money.
            let reason = format!("the field `{}` stands twice in one document", String::from_utf8_lossy(name));
            for column in whole.iter().chain(paths.iter().map(|(column, _)| column)) {
                let cell = batch.unknown(&reason);
                batch.set(row, *column, cell);
            }
            return;
        }
        for column in whole {
            let cell = whole_cell(batch);
            batch.set(row, *column, cell);
            if let Some((_, met)) = self.dotted.iter_mut().find(|(at, _)| at == column) {
                *met = true;
            }
        }
        for (column, path) in paths {
            // A field whose own name holds the dots comes first, wherever it stands.
            if self.dotted.contains(&(*column, true)) {
                continue;
            }
            if let Some(cell) = path_cell(path, batch) {
                batch.set(row, *column, cell);
            }
        }
    }
}

/// The columns that a sample of documents shows: every top-level field, in the order in which they were met,
/// and the wished paths that were found.
pub(crate) struct Sample {
    columns: Vec<(String, Option<ColumnKind>)>,
    by_name: HashMap<String, usize>,
    paths: Vec<String>,
    scratch: Batch,
    documents: u64,
    bytes: u64,
}

impl Sample {
    /// Documents looked at.
    pub(super) const SIZE: u64 = 1_000;

    /// For what the user names.
    pub(crate) fn new(wish: &Wish) -> Self {
        let paths = wish.paths.iter().filter(|path| path.contains('.')).cloned().collect();
        Sample { columns: Vec::new(), by_name: HashMap::new(), paths, scratch: Batch::new(1), documents: 0, bytes: 0 }
    }

    /// Bytes after which a sample of large documents ends.
    const BYTES: u64 = 64 << 20;

    /// Whether enough documents were seen.
    pub(crate) fn is_full(&self) -> bool {
        self.documents >= Self::SIZE || self.bytes >= Self::BYTES
    }

    /// Documents seen.
    pub(super) fn documents(&self) -> u64 {
        self.documents
    }

    /// Bytes of an average document; `None` before the first.
    pub(super) fn average_bytes(&self) -> Option<u64> {
        self.bytes.checked_div(self.documents)
    }

    /// Looks at a BSON document.
    ///
    /// # Errors
    /// When it is broken.
    pub(super) fn bson(&mut self, document: &[u8]) -> Result<(), BsonError> {
        for element in Elements::of(document)? {
            let element = element?;
            self.scratch.reset(1);
            let cell = bson_cell(&element, &mut self.scratch);
            self.note(&String::from_utf8_lossy(element.name), &cell);
        }
        for at in 0..self.paths.len() {
            if let Ok(Some(element)) = bson_get(document, &self.paths[at]) {
                self.scratch.reset(1);
                let cell = bson_cell(&element, &mut self.scratch);
                let path = self.paths[at].clone();
                self.note(&path, &cell);
            }
        }
        self.documents += 1;
        self.bytes += document.len() as u64;
        Ok(())
    }

    /// Looks at the text of a JSON object.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn json(&mut self, text: &str) -> Result<(), JsonError> {
        for (name, raw) in &json_fields(text)?.0 {
            self.scratch.reset(1);
            let cell = json_cell(raw, &mut self.scratch);
            self.note(name, &cell);
        }
        if !self.paths.is_empty() {
            let raw: &RawValue = serde_json::from_str(text).map_err(|e| JsonError::of(&e))?;
            for at in 0..self.paths.len() {
                if let Ok(Some(found)) = json_get(raw, &self.paths[at]) {
                    self.scratch.reset(1);
                    let cell = json_cell(found, &mut self.scratch);
                    let path = self.paths[at].clone();
                    self.note(&path, &cell);
                }
            }
        }
        self.documents += 1;
        self.bytes += text.len() as u64 + 1;
        Ok(())
    }

    fn note(&mut self, name: &str, cell: &Cell) {
        let at = match self.by_name.get(name) {
            Some(at) => *at,
            None => {
                self.by_name.insert(name.to_owned(), self.columns.len());
                self.columns.push((name.to_owned(), None));
                self.columns.len() - 1
            }
        };
        let known = &mut self.columns[at].1;
        *known = match (*known, kind_of(cell)) {
            (Some(known), Some(kind)) if known != kind => Some(ColumnKind::Mixed),
            (known, kind) => known.or(kind),
        };
    }

    /// The columns.
    pub(crate) fn into_columns(self) -> Vec<Column> {
        let kind = |kind: Option<ColumnKind>| kind.unwrap_or(ColumnKind::Mixed);
        self.columns.into_iter().map(|(name, known)| Column { name, kind: kind(known) }).collect()
    }
}

/// What a value's column is; `None` for NULL, which says nothing.
fn kind_of(cell: &Cell) -> Option<ColumnKind> {
    Some(match cell {
        Cell::Absent | Cell::Null => return None,
        Cell::Bool(_) => ColumnKind::Bool,
        Cell::Number { .. } | Cell::Wide { .. } => ColumnKind::Number,
        Cell::Text(_) => ColumnKind::Text,
        Cell::Untyped(_) => ColumnKind::Untyped,
        Cell::Bytes(_) => ColumnKind::Bytes,
        Cell::Date(_) | Cell::Instant { .. } => ColumnKind::Instant,
        Cell::Time { .. } => ColumnKind::Time,
        Cell::Uuid(_) => ColumnKind::Uuid,
        Cell::ObjectId(_) => ColumnKind::ObjectId,
        Cell::Bson { .. } | Cell::Json(_) => ColumnKind::Document,
        Cell::Unknown(_) => ColumnKind::Mixed,
    })
}

#[cfg(test)]
mod tests;

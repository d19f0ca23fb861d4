//! `Cell` and `Batch`: records on their way from a store to the merge, without an allocation per value.
//!
//! A batch holds up to a few thousand records row by row: fixed-size cells, and one byte arena for what
//! does not fit a cell. Must not decide what is equal.

use std::ops::Range;

/// Where a cell's bytes lie in its batch's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// The bytes of this span.
    pub fn of(self, arena: &[u8]) -> &[u8] {
        &arena[self.range()]
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// How a number was held where it came from; the value is exact in every form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberForm {
    /// An integer type.
    Integer,
    /// An exact decimal type, or a JSON number read digit by digit.
    Decimal,
    /// A binary float; its value is the shortest decimal that reads back as the same float.
    Double,
    /// A plain decimal literal in a file without types (CSV).
    Untyped,
}

/// One value of one record. Copy-sized; long values lie in the batch's arena.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    /// The field is not in the document.
    Absent,
    /// NULL, or a document field that is null.
    Null,
    /// A truth value.
    Bool(bool),
    /// `coefficient × 10^-scale`.
    Number { coefficient: i128, scale: i16, form: NumberForm },
    /// A number that does not fit `Number` (more digits, `-0`, NaN, infinities): its text.
    Wide { text: Span, form: NumberForm },
    /// Text, valid UTF-8.
    Text(Span),
    /// Text of a file without types: may stand for a date, a truth value, …
    Untyped(Span),
    /// Raw bytes.
    Bytes(Span),
    /// Days since 1970-01-01.
    Date(i32),
    /// Nanoseconds since 1970-01-01T00:00Z, and the digits behind the second that the type holds.
    Instant { nanos: i128, digits: u8 },
    /// Time of day or a signed duration in nanoseconds (MySQL TIME goes to ±838:59:59).
    Time { nanos: i64, digits: u8 },
    /// A UUID.
    Uuid([u8; 16]),
    /// A MongoDB ObjectId.
    ObjectId([u8; 12]),
    /// A document or array as BSON (`array`: the top value is an array).
    Bson { at: Span, array: bool },
    /// A document or array as (extended) JSON text.
    Json(Span),
    /// Could not be decoded: the reason.
    Unknown(Span),
}

impl Cell {
    /// NULL or absent.
    pub fn is_missing(&self) -> bool {
        matches!(self, Cell::Null | Cell::Absent)
    }
}

/// A cell together with the arena its bytes lie in.
#[derive(Clone, Copy, Debug)]
pub struct CellRef<'a> {
    /// The cell.
    pub cell: Cell,
    /// The arena of the cell's batch.
    pub arena: &'a [u8],
}

impl<'a> CellRef<'a> {
    /// The bytes of a span of this cell.
    pub fn bytes(&self, span: Span) -> &'a [u8] {
        span.of(self.arena)
    }

    /// The text of a span of this cell. Cells of text hold valid UTF-8, which is checked when they are written.
    pub fn text(&self, span: Span) -> &'a str {
        std::str::from_utf8(span.of(self.arena)).unwrap_or("\u{fffd}")
    }
}

/// Records in row order: `width` cells each.
#[derive(Debug, Default)]
pub struct Batch {
    width: usize,
    cells: Vec<Cell>,
    arena: Vec<u8>,
    /// Where the last record's bytes start in the arena.
    row_start: usize,
}

impl Batch {
    /// An empty batch of records of `width` cells.
    pub fn new(width: usize) -> Self {
        Batch { width, cells: Vec::new(), arena: Vec::new(), row_start: 0 }
    }

    /// Empties the batch and keeps its memory.
    pub fn reset(&mut self, width: usize) {
        self.width = width;
        self.cells.clear();
        self.arena.clear();
    }

    /// Cells a record.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Complete records held.
    pub fn rows(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    /// Bytes of values in the arena.
    pub fn arena_len(&self) -> usize {
        self.arena.len()
    }

    /// Bytes of memory that the records take.
    pub fn bytes_used(&self) -> usize {
        self.arena.len() + self.cells.len() * size_of::<Cell>()
    }

    /// All cells of a record.
    pub fn row(&self, row: usize) -> &[Cell] {
        &self.cells[row * self.width..(row + 1) * self.width]
    }

    /// One cell with its arena.
    pub fn at(&self, row: usize, column: usize) -> CellRef<'_> {
        CellRef { cell: self.cells[row * self.width + column], arena: &self.arena }
    }

    /// The arena that the cells point into.
    pub fn arena(&self) -> &[u8] {
        &self.arena
    }

    /// Appends a record of `Absent` cells and returns its row number; fill it with [`Batch::set`].
    #[inline]
    pub fn start_row(&mut self) -> usize {
        self.cells.resize(self.cells.len() + self.width, Cell::Absent);
        self.row_start = self.arena.len();
        self.rows() - 1
    }

    /// Takes the last record back, with the bytes that were stored for it: a read that takes few records of many
    /// must not gather the bytes of the others.
    pub fn undo_row(&mut self) {
        let keep = self.cells.len().saturating_sub(self.width);
        self.cells.truncate(keep);
        self.arena.truncate(self.row_start);
    }

    /// Keeps the first `rows` records. Bytes stay, because records that were filled column by column have theirs
    /// mixed; only an empty batch gives them up.
    pub fn keep_rows(&mut self, rows: usize) {
        self.cells.truncate(rows * self.width);
        if self.cells.is_empty() {
            self.arena.clear();
        }
    }

    /// Sets a cell.
    pub fn set(&mut self, row: usize, column: usize, cell: Cell) {
        self.cells[row * self.width + column] = cell;
    }

    /// Where a cell of a record lies, for [`Batch::put`].
    #[inline]
    pub fn place(&self, row: usize, column: usize) -> usize {
        row * self.width + column
    }

    /// Sets the cell at a [`Batch::place`]. Decoders of the hot path call it where the value is made: a cell that
    /// is handed back through memory first costs more than decoding it.
    #[inline(always)]
    pub fn put(&mut self, place: usize, cell: Cell) {
        self.cells[place] = cell;
    }

    /// The cells of a record, to be written.
    pub fn row_mut(&mut self, row: usize) -> &mut [Cell] {
        &mut self.cells[row * self.width..(row + 1) * self.width]
    }

    /// Puts bytes into the arena.
    ///
    /// A batch is flushed long before 4 GiB; one value of that size is beyond what any store sends.
    #[inline]
    pub fn store(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Span { start, len: bytes.len() as u32 }
    }

    /// An `Unknown` cell with its reason.
    pub fn unknown(&mut self, reason: &str) -> Cell {
        Cell::Unknown(self.store(reason.as_bytes()))
    }

    /// Copies a record (of the same width) from another batch.
    pub fn copy_row(&mut self, from: &Batch, row: usize) {
        let target = self.start_row();
        for column in 0..self.width {
            let cell = self.copy_cell(from.at(row, column));
            self.set(target, column, cell);
        }
    }

    /// Copies a cell's bytes into this batch's arena and returns the cell that points to them.
    pub fn copy_cell(&mut self, from: CellRef<'_>) -> Cell {
        let mut moved = from.cell;
        if let Some(span) = moved.span_mut() {
            *span = self.store(span.of(from.arena));
        }
        moved
    }
}

impl Cell {
    fn span_mut(&mut self) -> Option<&mut Span> {
        match self {
            Cell::Wide { text: span, .. }
            | Cell::Text(span)
            | Cell::Untyped(span)
            | Cell::Bytes(span)
            | Cell::Bson { at: span, .. }
            | Cell::Json(span)
            | Cell::Unknown(span) => Some(span),
            _ => None,
        }
    }

    /// The span of a cell whose bytes lie in the arena.
    pub fn span(&self) -> Option<Span> {
        let mut copy = *self;
        copy.span_mut().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_small() {
        assert_eq!(size_of::<Cell>(), 32);
    }

    #[test]
    fn a_row_taken_back_leaves_no_bytes() {
        let mut batch = Batch::new(1);
        for text in ["kept", "taken back", "taken back too", "last"] {
            let row = batch.start_row();
            let span = batch.store(text.as_bytes());
            batch.set(row, 0, Cell::Text(span));
            if text.starts_with("taken") {
                batch.undo_row();
            }
        }
        assert_eq!((batch.rows(), batch.arena_len()), (2, "keptlast".len()));
        let Cell::Text(span) = batch.at(1, 0).cell else { panic!("not text") };
        assert_eq!(batch.at(1, 0).text(span), "last");
    }

    #[test]
    fn rows_filled_column_by_column_keep_their_bytes_when_others_go() {
        let mut batch = Batch::new(1);
        let rows = ["kept", "goes"].map(|_| batch.start_row());
        for (row, text) in rows.into_iter().zip(["kept", "goes"]) {
            let span = batch.store(text.as_bytes());
            batch.set(row, 0, Cell::Text(span));
        }
        batch.keep_rows(1);
        batch.start_row();
        batch.store(b"overwrites");
        let Cell::Text(span) = batch.at(0, 0).cell else { panic!("not text") };
        assert_eq!(batch.at(0, 0).text(span), "kept");
        batch.keep_rows(0);
        assert_eq!((batch.rows(), batch.arena_len()), (0, 0));
    }

    #[test]
    fn copied_rows_keep_their_bytes() {
        let mut from = Batch::new(2);
        let row = from.start_row();
        let span = from.store(b"po_2 ");
        from.set(row, 0, Cell::Text(span));
        let mut to = Batch::new(2);
        to.store(b"something before");
        to.copy_row(&from, 0);
        let copied = to.at(0, 0);
        let Cell::Text(span) = copied.cell else { panic!("not text") };
        assert_eq!(copied.text(span), "po_2 ");
        assert!(matches!(to.at(0, 1).cell, Cell::Absent));
    }
}

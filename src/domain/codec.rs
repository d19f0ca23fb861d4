//! Records as bytes, for the temporary files of sorting and of discrepancies. Not a format for keeping:
//! the same program reads what it wrote a moment ago.

use super::batch::{Batch, Cell, CellRef, NumberForm};

/// The bytes are not a record (a temporary file was damaged).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a temporary file does not hold what was written to it")]
pub struct CodecError;

/// Appends the first `width` cells of a record to `out`.
pub fn write_row(batch: &Batch, row: usize, width: usize, out: &mut Vec<u8>) {
    for column in 0..width {
        write_cell(batch.at(row, column), out);
    }
}

fn form_code(form: NumberForm) -> u8 {
    match form {
        NumberForm::Integer => 0,
        NumberForm::Decimal => 1,
        NumberForm::Double => 2,
        NumberForm::Untyped => 3,
    }
}

fn write_cell(at: CellRef<'_>, out: &mut Vec<u8>) {
    let tag = match at.cell {
        Cell::Absent => 0,
        Cell::Null => 1,
        Cell::Bool(false) => 2,
        Cell::Bool(true) => 3,
        Cell::Number { .. } => 4,
        Cell::Wide { .. } => 5,
        Cell::Text(_) => 6,
        Cell::Untyped(_) => 7,
        Cell::Bytes(_) => 8,
        Cell::Date(_) => 9,
        Cell::Instant { .. } => 10,
        Cell::Time { .. } => 11,
        Cell::Uuid(_) => 12,
        Cell::ObjectId(_) => 13,
        Cell::Bson { array: false, .. } => 14,
        Cell::Bson { array: true, .. } => 15,
        Cell::Json(_) => 16,
        Cell::Unknown(_) => 17,
    };
    out.push(tag);
    match at.cell {
        Cell::Number { coefficient, scale, form } => {
            out.push(form_code(form));
            out.extend_from_slice(&scale.to_le_bytes());
            out.extend_from_slice(&coefficient.to_le_bytes());
        }
        Cell::Wide { form, .. } => out.push(form_code(form)),
        Cell::Date(days) => out.extend_from_slice(&days.to_le_bytes()),
        Cell::Instant { nanos, digits } => {
            out.push(digits);
            out.extend_from_slice(&nanos.to_le_bytes());
        }
        Cell::Time { nanos, digits } => {
            out.push(digits);
            out.extend_from_slice(&nanos.to_le_bytes());
        }
        Cell::Uuid(bytes) => out.extend_from_slice(&bytes),
        Cell::ObjectId(bytes) => out.extend_from_slice(&bytes),
        _ => {}
    }
    if let Some(span) = at.cell.span() {
        let bytes = at.bytes(span);
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(bytes);
    }
}

/// Reads one record from the front of `bytes` into `batch`; returns how many bytes it took.
///
/// # Errors
/// [`CodecError`] when the bytes are not a whole record.
pub fn read_row(bytes: &[u8], batch: &mut Batch) -> Result<usize, CodecError> {
    let mut input = Input { rest: bytes };
    let row = batch.start_row();
    for column in 0..batch.width() {
        let cell = read_cell(&mut input, batch)?;
        batch.set(row, column, cell);
    }
    Ok(bytes.len() - input.rest.len())
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(CodecError)?;
        self.rest = rest;
        Ok(head)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        self.take(N)?.try_into().map_err(|_| CodecError)
    }

    fn byte(&mut self) -> Result<u8, CodecError> {
        Ok(self.take(1)?[0])
    }

    fn form(&mut self) -> Result<NumberForm, CodecError> {
        Ok(match self.byte()? {
            0 => NumberForm::Integer,
            1 => NumberForm::Decimal,
            2 => NumberForm::Double,
            3 => NumberForm::Untyped,
            _ => return Err(CodecError),
        })
    }

    fn long(&mut self) -> Result<&'a [u8], CodecError> {
        let len = u32::from_le_bytes(self.fixed()?);
        self.take(len as usize)
    }
}

fn read_cell(input: &mut Input<'_>, batch: &mut Batch) -> Result<Cell, CodecError> {
    Ok(match input.byte()? {
        0 => Cell::Absent,
        1 => Cell::Null,
        2 => Cell::Bool(false),
        3 => Cell::Bool(true),
        4 => {
            let form = input.form()?;
            let scale = i16::from_le_bytes(input.fixed()?);
            Cell::Number { coefficient: i128::from_le_bytes(input.fixed()?), scale, form }
        }
        5 => {
            let form = input.form()?;
            Cell::Wide { text: batch.store(input.long()?), form }
        }
        6 => Cell::Text(batch.store(input.long()?)),
        7 => Cell::Untyped(batch.store(input.long()?)),
        8 => Cell::Bytes(batch.store(input.long()?)),
        9 => Cell::Date(i32::from_le_bytes(input.fixed()?)),
        10 => {
            let digits = input.byte()?;
            Cell::Instant { nanos: i128::from_le_bytes(input.fixed()?), digits }
        }
        11 => {
            let digits = input.byte()?;
            Cell::Time { nanos: i64::from_le_bytes(input.fixed()?), digits }
        }
        12 => Cell::Uuid(input.fixed()?),
        13 => Cell::ObjectId(input.fixed()?),
        tag @ (14 | 15) => Cell::Bson { at: batch.store(input.long()?), array: tag == 15 },
        16 => Cell::Json(batch.store(input.long()?)),
        17 => Cell::Unknown(batch.store(input.long()?)),
        _ => return Err(CodecError),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_cell_comes_back() {
        let mut batch = Batch::new(18);
        let row = batch.start_row();
        let text = batch.store("po_2 ".as_bytes());
        let cells = [
            Cell::Absent,
            Cell::Null,
            Cell::Bool(false),
            Cell::Bool(true),
            Cell::Number { coefficient: i128::MIN, scale: -6111, form: NumberForm::Decimal },
            Cell::Wide { text, form: NumberForm::Double },
            Cell::Text(text),
            Cell::Untyped(text),
            Cell::Bytes(text),
            Cell::Date(-1),
            Cell::Instant { nanos: -5, digits: 3 },
            Cell::Time { nanos: 7, digits: 6 },
            Cell::Uuid([7; 16]),
            Cell::ObjectId([8; 12]),
            Cell::Bson { at: text, array: false },
            Cell::Bson { at: text, array: true },
            Cell::Json(text),
            Cell::Unknown(text),
        ];
        batch.row_mut(row).copy_from_slice(&cells);
        let mut bytes = Vec::new();
        write_row(&batch, row, 18, &mut bytes);
        let mut back = Batch::new(18);
        assert_eq!(read_row(&bytes, &mut back), Ok(bytes.len()));
        let mut again = Vec::new();
        write_row(&back, 0, 18, &mut again);
        assert_eq!(bytes, again);
        assert_eq!(format!("{:?}", batch.row(0).len()), format!("{:?}", back.row(0).len()));
        for cut in 0..bytes.len() {
            assert!(read_row(&bytes[..cut], &mut Batch::new(18)).is_err(), "cut at {cut}");
        }
    }
}

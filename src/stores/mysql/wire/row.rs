//! Where the values of a row in the binary form begin and end. Must not decode them.

use mysql_common::constants::ColumnType;

/// A row that does not have the form of its columns.
#[derive(Debug)]
pub(in super::super) struct Malformed;

/// How many bytes a value takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Shape {
    Bytes1,
    Bytes2,
    Bytes4,
    Bytes8,
    /// A byte with the length, which belongs to the value, and that many more.
    Dated,
    /// A number with the length, and that many bytes.
    Counted,
    /// Always NULL.
    Nothing,
}

impl Shape {
    pub(in super::super) fn of(kind: ColumnType) -> Shape {
        use ColumnType as T;
        match kind {
            T::MYSQL_TYPE_TINY => Shape::Bytes1,
            T::MYSQL_TYPE_SHORT | T::MYSQL_TYPE_YEAR => Shape::Bytes2,
            T::MYSQL_TYPE_LONG | T::MYSQL_TYPE_INT24 | T::MYSQL_TYPE_FLOAT => Shape::Bytes4,
            T::MYSQL_TYPE_LONGLONG | T::MYSQL_TYPE_DOUBLE => Shape::Bytes8,
            T::MYSQL_TYPE_DATE
            | T::MYSQL_TYPE_NEWDATE
            | T::MYSQL_TYPE_DATETIME
            | T::MYSQL_TYPE_TIMESTAMP
            | T::MYSQL_TYPE_TIME
            | T::MYSQL_TYPE_DATETIME2
            | T::MYSQL_TYPE_TIMESTAMP2
            | T::MYSQL_TYPE_TIME2 => Shape::Dated,
            T::MYSQL_TYPE_NULL => Shape::Nothing,
            _ => Shape::Counted,
        }
    }

    /// The first value of `rest`, and what follows it; `None` when the row ends too early.
    #[inline]
    pub(in super::super) fn take(self, rest: &[u8]) -> Option<(&[u8], &[u8])> {
        match self {
            Shape::Bytes1 => rest.split_at_checked(1),
            Shape::Bytes2 => rest.split_at_checked(2),
            Shape::Bytes4 => rest.split_at_checked(4),
            Shape::Bytes8 => rest.split_at_checked(8),
            Shape::Dated => rest.split_at_checked(1 + usize::from(*rest.first()?)),
            Shape::Counted => match rest {
                [length @ 0..=250, rest @ ..] => rest.split_at_checked(usize::from(*length)),
                _ => {
                    let (length, rest) = counted(rest)?;
                    rest.split_at_checked(usize::try_from(length).ok()?)
                }
            },
            Shape::Nothing => None,
        }
    }
}

/// A row's NULL bits, and its values.
#[inline]
pub(in super::super) fn split_row(row: &[u8], columns: usize) -> Option<(&[u8], &[u8])> {
    row.split_at_checked((columns + 2).div_ceil(8))
}

#[inline]
pub(in super::super) fn is_null(bits: &[u8], column: usize) -> bool {
    let bit = column + 2;
    bits[bit / 8] >> (bit % 8) & 1 == 1
}

/// A number in the protocol's form of one to nine bytes, and what follows it.
pub(super) fn counted(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let length = match first {
        0..=250 => return Some((u64::from(*first), rest)),
        0xFC => 2,
        0xFD => 3,
        0xFE => 8,
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(length)?;
    Some((digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read_and_cut_ones_are_not() {
        for number in [0, 250, 251, 65_535, 65_536, 0xFF_FFFF, 0x100_0000, u64::from(u32::MAX) + 7, u64::MAX] {
            let mut bytes = Vec::new();
            mysql_common::io::BufMutExt::put_lenenc_int(&mut bytes, number);
            for cut in 0..bytes.len() {
                assert_eq!(counted(&bytes[..cut]), None, "{number} of {cut} bytes");
            }
            bytes.push(7);
            assert_eq!(counted(&bytes), Some((number, &[7][..])));
        }
        assert_eq!(counted(&[0xFB]), None);
        assert_eq!(counted(&[0xFF, 0, 0]), None);
    }

    #[test]
    fn values_end_where_they_say_and_not_behind_the_row() {
        assert_eq!(Shape::Dated.take(&[2, 8, 9, 1]), Some((&[2, 8, 9][..], &[1][..])));
        assert_eq!(Shape::Dated.take(&[0, 5]), Some((&[0][..], &[5][..])));
        assert_eq!(Shape::Counted.take(&[0xFC, 2, 0, b'a', b'b', b'c']), Some((&b"ab"[..], &b"c"[..])));
        for (shape, cut) in [
            (Shape::Bytes1, &[][..]),
            (Shape::Bytes8, &[1, 2, 3, 4, 5, 6, 7]),
            (Shape::Dated, &[]),
            (Shape::Dated, &[4, 1, 2, 3]),
            (Shape::Counted, &[3, 1, 2]),
            (Shape::Counted, &[0xFE, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
            (Shape::Nothing, &[1]),
        ] {
            assert_eq!(shape.take(cut), None, "{shape:?}");
        }
    }
}

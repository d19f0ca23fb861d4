//! Digits to exact numbers: plain decimal literals, and floats by their shortest decimal text.

use super::amount::Amount;
use super::batch::{Batch, Cell, NumberForm};

/// Reads a plain decimal literal, `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, that fits a [`Cell::Number`].
///
/// `None` for everything else: other texts, more than 38 digits, and `-0`, whose sign a coefficient cannot hold.
#[inline(always)]
pub fn plain_literal(text: &[u8]) -> Option<(i128, i16)> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some((0, 0)),
        [b'0', b'.', ..] => {}
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    let (coefficient, scale) = digits_with_point(digits)?;
    if coefficient == 0 && negative {
        return None;
    }
    Some((if negative { -coefficient } else { coefficient }, scale))
}

/// Digits with at most one point inside; `None` when they do not fit or are something else.
#[inline(always)]
fn digits_with_point(digits: &[u8]) -> Option<(i128, i16)> {
    let mut point = None;
    if digits.len() <= 19 {
        // The common case in machine words: 18 digits and a point.
        let mut value = 0u64;
        for (at, byte) in digits.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            } else if *byte == b'.' && point.is_none() {
                point = Some(at);
            } else {
                return None;
            }
        }
        return Some((i128::from(value), scale_of(digits, point)?));
    }
    many_digits_with_point(digits)
}

#[inline(never)]
fn many_digits_with_point(digits: &[u8]) -> Option<(i128, i16)> {
    let (mut value, mut point) = (0i128, None);
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    Some((value, scale_of(digits, point)?))
}

#[inline]
fn scale_of(digits: &[u8], point: Option<usize>) -> Option<i16> {
    match point {
        None => Some(0),
        Some(at) if at + 1 == digits.len() => None,
        Some(at) => i16::try_from(digits.len() - at - 1).ok(),
    }
}

/// A plain decimal literal without the zeros that change no value: `1.50` is `1.5`, `-0.0` is `0`.
pub fn shortest_literal(digits: &str) -> String {
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    };
    if digits == "-0" { "0".to_owned() } else { digits.to_owned() }
}

/// Whether the text is a plain decimal literal of any length.
pub fn is_plain_literal(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, fraction) = match digits.iter().position(|b| *b == b'.') {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let all_digits = |d: &[u8]| !d.is_empty() && d.iter().all(u8::is_ascii_digit);
    all_digits(whole) && (whole.len() == 1 || whole[0] != b'0') && fraction.is_none_or(all_digits)
}

/// The value of a double: the shortest decimal that reads back as the same double (what stores print).
pub fn double_to_amount(value: f64) -> Amount {
    if value.is_nan() {
        Amount::NAN
    } else if value.is_infinite() {
        Amount::infinity(value.is_sign_negative())
    } else {
        Amount::parse(&format!("{value:e}")).unwrap_or(Amount::NAN)
    }
}

/// As [`double_to_amount`], for a single-precision float.
pub fn float_to_amount(value: f32) -> Amount {
    if value.is_nan() {
        Amount::NAN
    } else if value.is_infinite() {
        Amount::infinity(value.is_sign_negative())
    } else {
        Amount::parse(&format!("{value:e}")).unwrap_or(Amount::NAN)
    }
}

impl Batch {
    /// A number cell for an amount, whatever its size.
    pub fn amount(&mut self, amount: &Amount, form: NumberForm) -> Cell {
        if let Some((coefficient, scale)) = amount.small()
            && let Ok(scale) = i16::try_from(scale)
        {
            return Cell::Number { coefficient, scale, form };
        }
        Cell::Wide { text: self.store(amount.to_string().as_bytes()), form }
    }

    /// A number cell from decimal digits (a store's DECIMAL as text, a JSON number); `None` when the text
    /// is not a number.
    pub fn digits(&mut self, text: &[u8], form: NumberForm) -> Option<Cell> {
        if let Some((coefficient, scale)) = plain_literal(text) {
            return Some(Cell::Number { coefficient, scale, form });
        }
        let amount = Amount::parse(std::str::from_utf8(text).ok()?).ok()?;
        Some(self.amount(&amount, form))
    }

    /// The cell of a field without type: a plain decimal literal is a number, everything else text.
    pub fn untyped(&mut self, text: &str) -> Cell {
        if let Some((coefficient, scale)) = plain_literal(text.as_bytes()) {
            return Cell::Number { coefficient, scale, form: NumberForm::Untyped };
        }
        let span = self.store(text.as_bytes());
        if is_plain_literal(text.as_bytes()) {
            Cell::Wide { text: span, form: NumberForm::Untyped }
        } else {
            Cell::Untyped(span)
        }
    }

    /// A number cell for a double.
    pub fn double(&mut self, value: f64) -> Cell {
        self.amount(&double_to_amount(value), NumberForm::Double)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_literals_follow_the_contract() {
        for (text, value) in
            [("0", (0, 0)), ("-1.50", (-150, 2)), ("0.007", (7, 3)), ("12345678901234567.89", (1234567890123456789, 2))]
        {
            assert_eq!(plain_literal(text.as_bytes()), Some(value), "{text}");
            assert!(is_plain_literal(text.as_bytes()));
        }
        for text in ["", "-", "007", "+1", "1.", ".5", "1e3", " 1", "1,000", "0x1", "NaN", "--1", "1.2.3", "00", "-00"]
        {
            assert_eq!(plain_literal(text.as_bytes()), None, "{text}");
            assert!(!is_plain_literal(text.as_bytes()), "{text}");
        }
        assert!(is_plain_literal(b"-0") && is_plain_literal(&[b'9'; 200]));
        assert_eq!(plain_literal(b"-0.00"), None);
    }

    #[test]
    fn doubles_are_their_shortest_text() {
        let shown = |v: f64| double_to_amount(v).to_string();
        assert_eq!(shown(0.1), "0.1");
        assert_eq!(shown(1.0 / 3.0), "0.3333333333333333");
        assert_eq!(shown(12345678901234567.89), "12345678901234568");
        assert_eq!(shown(-0.0), "-0");
        assert_eq!(shown(1e300).len(), "1E+300".len());
        assert_eq!(float_to_amount(0.1).to_string(), "0.1");
    }
}

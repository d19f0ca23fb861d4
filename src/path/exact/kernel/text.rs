//! Texts: cut by characters, matched against patterns, turned into numbers and back without loss.

use crate::domain::{Amount, shorten};

use super::super::plan::Side;
use super::number::{Fault, rescale, ten};
use super::precision;

/// Blanks taken off, as SQL's TRIM does: spaces only.
pub(super) fn trim(text: &str, side: Side) -> &str {
    match side {
        Side::Both => text.trim_matches(' '),
        Side::Left => text.trim_start_matches(' '),
        Side::Right => text.trim_end_matches(' '),
    }
}

/// `length` characters from the `start`-th, counted from 1.
pub(super) fn substring(text: &str, start: i128, length: i128) -> Result<&str, Fault> {
    if start < 1 || length < 0 {
        return Err(Fault::Substring);
    }
    let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
    let take = usize::try_from(length).unwrap_or(usize::MAX);
    let at = |nth: usize, text: &str| text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at);
    let rest = &text[at(skip, text)..];
    Ok(&rest[..at(take, rest)])
}

/// `%` stands for any characters, `_` for one.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == '_' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}

/// All digits of a number at its scale: `-0.05`, `12.00`.
pub(super) fn from_number(coefficient: i128, scale: u32) -> String {
    Amount::new(coefficient, i32::try_from(scale).unwrap_or(0)).to_string()
}

/// A number of the wanted precision and scale; anything that does not fit exactly is a fault.
pub(super) fn to_number(text: &str, digits: u32, scale: u32) -> Result<i128, Fault> {
    let refuse = || Fault::NotANumber(shorten(text, 40));
    if text.contains(['e', 'E']) {
        return Err(refuse());
    }
    let amount = Amount::parse(text).map_err(|_| refuse())?;
    let (coefficient, from) = match amount.small() {
        Some(small) => small,
        None if amount.is_zero() => (0, 0),
        None => return Err(refuse()),
    };
    let from = u32::try_from(from).map_err(|_| refuse())?;
    let value = if from <= scale {
        rescale(coefficient, scale - from).map_err(|_| refuse())?
    } else {
        let cut = from - scale;
        if coefficient == 0 {
            0
        } else if cut > 38 || coefficient % ten(cut) != 0 {
            return Err(refuse());
        } else {
            coefficient / ten(cut)
        }
    };
    precision(value, digits).map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern, wanted) in [
            ("", "", true),
            ("", "%", true),
            ("a", "", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "a_c", true),
            ("abc", "_", false),
            ("abab", "%ab", true),
            ("aXbXc", "a%X%c", true),
            ("환불", "__", true),
            ("a%c", "a%c", true),
            ("abc", "%d%", false),
        ] {
            assert_eq!(like(text, pattern), wanted, "{text} LIKE {pattern}");
        }
    }

    #[test]
    fn texts_to_numbers_and_back() {
        assert_eq!(to_number("-12.50", 4, 2), Ok(-1250));
        assert_eq!(to_number("12.500", 4, 2), Ok(1250), "nothing is lost");
        assert_eq!(to_number("007", 1, 0), Ok(7));
        for wrong in ["12.345", "1e3", "", " 1", "1,000", "NaN", "123.00", "0x10", "--1"] {
            assert_eq!(to_number(wrong, 4, 2), Err(Fault::NotANumber(wrong.into())), "{wrong}");
        }
        assert_eq!(from_number(-5, 2), "-0.05");
        assert_eq!(from_number(1200, 2), "12.00");
        assert_eq!(from_number(7, 0), "7");
    }

    #[test]
    fn characters_are_cut_not_bytes() {
        assert_eq!(substring("가나다", 2, 1), Ok("나"));
        assert_eq!(substring("abc", 3, 9), Ok("c"));
        assert_eq!(substring("abc", 4, 1), Ok(""));
        assert_eq!(substring("abc", 0, 1), Err(Fault::Substring));
    }
}

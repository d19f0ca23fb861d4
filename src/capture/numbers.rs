//! Numbers in a text that look like somebody's: telephone, card, account, resident registration, IBAN. Dates and times are
//! taken out first; what is left is looked at group by group and together with its neighbours. Must not keep a value.

use super::personal::Looks;

/// Groups that are looked at together, at most: `+82 10 1234 5678`, `4111 1111 1111 1111 110`.
const TOGETHER: usize = 6;

/// What the first such number looks like. The text is a [`super::folded::plain`] one.
pub(super) fn looks(text: &str) -> Option<Looks> {
    if is_iban(text) {
        return Some(Looks::Iban);
    }
    let text = without_dates(text);
    // What is one number or several beside each other. A UUID has digits and dashes too, but letters right beside them.
    let part = |c: char| c.is_ascii_digit() || "+-. ()".contains(c);
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let mut from = 0;
    while let Some(start) = text[from..].find(part).map(|at| from + at) {
        let run = &text[start..];
        let run = &run[..run.find(|c: char| !part(c)).unwrap_or(run.len())];
        from = start + run.len();
        let (before, after) = (letter(text[..start].chars().next_back()), letter(text[from..].chars().next()));
        let mut groups: Vec<&str> = run.split(' ').collect();
        // What letters touch is no number of its own: a part of a code.
        if before && run.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            groups.remove(0);
        }
        if after && run.ends_with(|c: char| c.is_ascii_digit()) {
            groups.pop();
        }
        if let Some(looks) = of_run(&groups) {
            return Some(looks);
        }
    }
    None
}

/// Blanks separate the groups of one number, and numbers.
fn of_run(groups: &[&str]) -> Option<Looks> {
    let trimmed = |group: &&str| {
        let group = group.trim_matches(|c: char| !c.is_ascii_digit() && !"+()".contains(c));
        group.contains(|c: char| c.is_ascii_digit()).then(|| group.to_owned())
    };
    let groups: Vec<String> = groups.iter().filter_map(trimmed).collect();
    let whole = number(&groups.join(" "), true);
    let windows = (1..=TOGETHER.min(groups.len())).flat_map(|size| groups.windows(size));
    whole.or_else(|| windows.into_iter().find_map(|some| number(&some.join(" "), some.len() == 1)))
}

/// One number. Where it lies among others (`alone` is false) its groups must be those that are usual.
fn number(run: &str, alone: bool) -> Option<Looks> {
    let digits: Vec<u32> = run.chars().filter_map(|c| c.to_digit(10)).collect();
    let groups: Vec<&str> = run.split(['-', ' ', '.', '(', ')', '+']).filter(|group| !group.is_empty()).collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    if digits.len() < 8 {
        return None;
    }
    // Amounts beside each other may have a card's check digit by chance.
    let usual = (alone && !run.contains('.'))
        || matches!(lengths.as_slice(), [4, 4, 4, 4] | [4, 4, 4, 4, 1..=3] | [4, 6, 4 | 5]);
    if usual && (13..=19).contains(&digits.len()) && matches!(digits.first(), Some(2..=6)) && is_luhn(&digits) {
        return Some(Looks::Card);
    }
    let dashed = run.contains('-');
    if dashed && lengths == [6, 7] {
        return Some(Looks::Resident);
    }
    let usual = alone || lengths.iter().skip(1).all(|length| (2..=4).contains(length));
    let international = run.starts_with('+') && (9..=15).contains(&digits.len());
    let usual_national = alone
        || (matches!(lengths.first(), Some(2..=4)) && lengths.iter().skip(1).all(|length| matches!(length, 3 | 4)));
    let national =
        digits.first() == Some(&0) && matches!(digits.get(1), Some(1..=9)) && (9..=11).contains(&digits.len());
    let marked = groups.len() >= 2 || digits.len() >= 10;
    if (international && usual) || (national && usual_national && marked && !run.contains('.')) {
        return Some(Looks::Phone);
    }
    let grouped = groups.len() >= 2 && run.chars().all(|c| c.is_ascii_digit() || c == '-');
    (dashed && grouped && (9..=17).contains(&digits.len())).then_some(Looks::Account)
}

/// The text with a sign that is part of no number in place of each date, time, and month of a card.
fn without_dates(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let digit_before = at > 0 && bytes[at - 1].is_ascii_digit();
        let found = if digit_before { None } else { date(&text[at..]).or_else(|| time(&text[at..])) };
        match found {
            Some(length) => {
                out.push_str(" ; ");
                at += length;
            }
            None => {
                let c = text[at..].chars().next().unwrap_or(' ');
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    out
}

/// So many digits and their number, if the text begins with exactly these.
fn counted(text: &str, digits: usize) -> Option<u32> {
    let head = text.get(..digits).filter(|head| head.bytes().all(|byte| byte.is_ascii_digit()))?;
    let more = text.as_bytes().get(digits).is_some_and(u8::is_ascii_digit);
    if more { None } else { head.parse().ok() }
}

/// The length of a date that a text begins with: `2026-11-05`, `05.11.2026`, `12/28`.
fn date(text: &str) -> Option<usize> {
    let year = |year: u32| (1900..2200).contains(&year);
    let of_month = |day: u32, month: u32| (1..=31).contains(&day) && (1..=12).contains(&month);
    let sign = |at: usize| text.as_bytes().get(at).copied().filter(|byte| b"-./".contains(byte));
    let whole = |length: usize| {
        // `2026-11-05-1`: the day is followed by another part, which is looked at by itself.
        (!text.as_bytes().get(length).is_some_and(u8::is_ascii_digit)).then_some(length)
    };
    if let (true, Some(one)) = (counted(text, 4).is_some_and(year), sign(4)) {
        let (month, day) = (counted(&text[5..], 2), text.get(8..).and_then(|text| counted(text, 2)));
        if month.zip(day).is_some_and(|(month, day)| of_month(day, month)) && sign(7) == Some(one) {
            return whole(10);
        }
    }
    let (first, one) = (counted(text, 2)?, sign(2)?);
    let second = counted(&text[3..], 2)?;
    let has_year = sign(5) == Some(one) && text.get(6..).and_then(|text| counted(text, 4)).is_some_and(year);
    if has_year && (of_month(first, second) || of_month(second, first)) {
        return whole(10);
    }
    (one == b'/' && (1..=12).contains(&first) && sign(5).is_none()).then_some(5)
}

/// The length of a time that a text begins with: `22:00`, `22:00:00.123456+09:00`.
fn time(text: &str) -> Option<usize> {
    let colon = |at: usize| text.as_bytes().get(at) == Some(&b':');
    let two = |at: usize, below: u32| text.get(at..).and_then(|text| counted(text, 2)).filter(|number| *number < below);
    two(0, 24).filter(|_| colon(2))?;
    two(3, 60)?;
    let mut length = 5;
    if colon(length) && two(6, 61).is_some() {
        length = 8;
        if text.as_bytes().get(length) == Some(&b'.') {
            let fraction = text[length + 1..].bytes().take_while(u8::is_ascii_digit).count();
            length += if fraction > 0 { fraction + 1 } else { 0 };
        }
    }
    let zone = matches!(text.as_bytes().get(length), Some(b'+' | b'-'))
        && two(length + 1, 15).is_some()
        && colon(length + 3)
        && two(length + 4, 60).is_some();
    Some(if zone { length + 6 } else { length })
}

fn is_iban(text: &str) -> bool {
    let word = |word: &str| {
        let bytes = word.as_bytes();
        let form = (15..=34).contains(&bytes.len())
            && bytes[..2].iter().all(u8::is_ascii_uppercase)
            && bytes[2..4].iter().all(u8::is_ascii_digit)
            && bytes.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        let value = |byte: &u8| match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            other => u32::from(other.to_ascii_uppercase().saturating_sub(b'A')) + 10,
        };
        let rest = |rest: u32, byte: &u8| match value(byte) {
            letter @ 10.. => (rest * 100 + letter) % 97,
            digit => (rest * 10 + digit) % 97,
        };
        form && bytes[4..].iter().chain(&bytes[..4]).fold(0, rest) == 1
    };
    let groups: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|group| !group.is_empty()).collect();
    // In groups of four, whatever stands before and behind it.
    groups.iter().enumerate().any(|(at, _)| {
        let mut joined = String::new();
        groups[at..].iter().take(9).any(|group| {
            joined.push_str(group);
            word(&joined)
        })
    })
}

fn is_luhn(digits: &[u32]) -> bool {
    let doubled = |(at, digit): (usize, &u32)| match (at % 2, digit * 2) {
        (0, _) => *digit,
        (_, two @ 10..) => two - 9,
        (_, two) => two,
    };
    digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_seen_beside_dates_and_others() {
        for (text, found) in [
            ("2026-11-05 010-9999-0001 통화", Looks::Phone),
            ("010-9999-0002 010-9999-0003", Looks::Phone),
            ("3 010-9999-0001", Looks::Phone),
            ("no 3 010 9999 0001 5", Looks::Phone),
            ("010 9876 5432 2026-11-05", Looks::Phone),
            ("2026.11.05 22:00:00 +82 10 1234 5678", Looks::Phone),
            ("id7 010-9999-0001", Looks::Phone),
            ("4111 1111 1111 1111 12/28", Looks::Card),
            ("12/28 4111111111111111 123", Looks::Card),
            ("2 4111-1111-1111-1111 3", Looks::Card),
            ("2026-11-05 900101-1234567", Looks::Resident),
            ("2026-11-05-110-234-567890", Looks::Account),
            ("1002-12-34-5678", Looks::Account),
            ("paid to GB82 WEST 1234 5698 7654 32 today", Looks::Iban),
        ] {
            assert_eq!(looks(text), Some(found), "{text}");
        }
    }

    #[test]
    fn dates_amounts_and_codes_are_none() {
        for text in [
            "2026-11-05 2026-11-06",
            "2026-11-05 22:00:00.123456789 +0900",
            "2026-11-05T22:00:45.123456789+09:00",
            "05-11-2026 10:00",
            "2026/11/05 10:00:00",
            "1000.00 2000.00 3000.00",
            "4111.11 1111.11 111.11",
            "2500 1000 500 1200 700",
            "12 1000.50 2026-11-05",
            "ORD-2026-000123",
            "S0101234567",
            "e29b-41d4-a716-446655440000",
            "9999-12-31",
            "batch 20261105",
            "10 05 1234567",
            "1/2 12/28",
        ] {
            assert_eq!(looks(text), None, "{text}");
        }
    }
}

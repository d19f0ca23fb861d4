//! Texts in a form in which spellings of one thing are equal: composed and compatible characters (NFKC), no invisible ones,
//! plain digits, dashes and blanks, lower case, and what separates words as one blank. Must not judge what a text means.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

/// A text as a person sees it: `０１０‑９８７６` is `010-9876`. Lines stay lines.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).nfkc().filter(|c| !is_invisible(*c)).map(simple).collect()
}

/// What shows nothing where it stands: zero-width characters, soft hyphens, marks of direction, fillers of Hangul.
fn is_invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x202a..=0x202e
            | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff9..=0xfffb | 0xe0000..=0xe0fff
    )
}

/// Digits of other scripts, dashes and dots in the middle, and blanks, by their plain sign.
fn simple(c: char) -> char {
    let digit = [0x660, 0x6f0, 0x966].iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|at| *at < 10));
    match (c, digit) {
        (_, Some(digit)) => char::from_digit(digit, 10).unwrap_or(c),
        (
            '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '·' | '\u{2022}' | '\u{2027}' | '\u{22c5}' | '\u{30fb}',
            _,
        ) => '-',
        ('\n', _) => '\n',
        (c, _) if c.is_whitespace() => ' ',
        (c, _) => c,
    }
}

/// A text as it is searched: words in lower case with one blank between them, digits and letters beside each other as two
/// words; digits that only blanks, dashes, dots and the like separate stand together.
#[derive(Debug, Default)]
pub struct Folded {
    /// The text in that form.
    pub text: String,
    /// Places in it at which a group of digits ends and the next one of the same number begins.
    pub joints: Vec<usize>,
    /// Where each character begins in `text`, and where it begins and ends in the text that this was.
    places: Vec<(usize, usize, usize)>,
    /// Places of the ends of lines.
    lines: Vec<usize>,
}

/// Signs that may lie between the digits of one number; no more than three of them together.
fn joins(between: &str) -> bool {
    between.chars().count() <= 3 && between.chars().all(|c| "-. /()_+*~'".contains(c))
}

impl Folded {
    /// Of a [`plain`] text. With `traced` it can be said where in it something lies.
    pub fn of(text: &str, traced: bool) -> Folded {
        let mut folded = Folded::default();
        let mut last: Option<char> = None;
        // Where what separates began.
        let mut gap: Option<usize> = None;
        for (at, c) in text.char_indices() {
            if c == '\n' {
                folded.lines.push(folded.text.len());
            }
            if !c.is_alphanumeric() {
                gap.get_or_insert(at);
                continue;
            }
            let (before, digit) = (last.is_some_and(|c| c.is_ascii_digit()), c.is_ascii_digit());
            match (gap, last) {
                (Some(from), Some(_)) if before && digit && joins(&text[from..at]) => {
                    folded.joints.push(folded.text.len());
                }
                (Some(_), Some(_)) => folded.text.push(' '),
                (None, Some(_)) if before != digit => folded.text.push(' '),
                _ => {}
            }
            if traced {
                folded.places.push((folded.text.len(), at, at + c.len_utf8()));
            }
            folded.text.extend(c.to_lowercase());
            (last, gap) = (Some(c), None);
        }
        folded
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|end| *end <= at) + 1
    }

    /// What a part is in the text that this was; empty where it was not traced.
    pub fn traced(&self, part: Range<usize>) -> Range<usize> {
        let first = self.places.partition_point(|(at, ..)| *at < part.start);
        let next = self.places.partition_point(|(at, ..)| *at < part.end);
        match (self.places.get(first), next.checked_sub(1).and_then(|last| self.places.get(last))) {
            (Some((_, start, _)), Some((.., end))) if start < end => *start..*end,
            _ => 0..0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_thing_are_equal() {
        let folded = |text: &str| Folded::of(&plain(text), false).text;
        for text in
            ["Ｌｅｅ Ｊｉｗｏｎ", "Lee\u{a0}Jiwon", "lee_jiwon", "LEE  -- JIWON", "Lee Ji\u{200b}won", "Lee\nJiwon"]
        {
            assert_eq!(folded(text), "lee jiwon", "{text}");
        }
        assert_eq!(folded("\u{1107}\u{1161}\u{11a8}\u{1109}\u{1165}\u{110b}\u{1167}\u{11ab}"), "박서연");
        assert_eq!(folded("AB1234"), folded("ab 1234"));
        for text in [
            "010-9876-5432",
            "０１０－９８７６－５４３２",
            "010·9876·5432",
            "010 - 9876 - 5432",
            "010\u{2011}9876\u{2013}5432",
        ] {
            assert_eq!(folded(text), "01098765432", "{text}");
        }
        assert_eq!(folded("10,20;30\n40"), "10 20 30 40");
    }

    #[test]
    fn places_are_found_again() {
        let text = "a\n- Lee  Jiwon, 010-98";
        let folded = Folded::of(text, true);
        let at = folded.text.find("lee jiwon").expect("there");
        assert_eq!(folded.line(at), 2);
        assert_eq!(&text[folded.traced(at..at + 9)], "Lee  Jiwon");
        let at = folded.text.find("01098").expect("there");
        assert_eq!((&text[folded.traced(at..at + 5)], folded.joints.as_slice()), ("010-98", &[at + 3][..]));
    }
}

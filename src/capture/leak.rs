//! Searching what was written for what must not be seen, in any usual spelling. Says where and of which field, never what.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::folded::{Folded, plain};
use super::masker::Original;

/// Characters of an original from which on it is searched for: shorter ones stand in every text by chance.
const LEAST: usize = 4;
/// The same for what has no letters.
const LEAST_DIGITS: usize = 6;
/// The same in a free text, where a number is rather somebody's than an amount.
const LEAST_DIGITS_IN_PROSE: usize = 4;
/// Digits from which on a number is found beside others and in any grouping: fewer meet by chance.
const LONG: usize = 9;

/// An original that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// The field whose value it is.
    pub field: String,
    /// The line, from 1.
    pub line: usize,
}

/// Looks for originals.
pub struct Searcher {
    automaton: AhoCorasick,
    words: Vec<Word>,
    /// Originals that cannot be told from the pseudonym of another one.
    ambiguous: usize,
}

/// An original in the form in which it is searched for.
#[derive(Clone, Debug)]
struct Word {
    field: String,
    pseudonym: Option<String>,
    /// Digits, where it has no letters; and where its groups end.
    digits: Option<(usize, Vec<usize>)>,
}

impl Searcher {
    /// For all originals, but those that the project allows to be seen and those that are a pseudonym of another one.
    ///
    /// # Errors
    /// There are more than can be searched for.
    pub fn new(seen: &BTreeMap<String, Original>, allowed: &[String]) -> Result<Searcher, String> {
        let pseudonyms: BTreeSet<&str> =
            seen.values().flat_map(|original| original.pseudonyms.iter().map(String::as_str)).collect();
        let is_pseudonym = |original: &str| pseudonyms.contains(original);
        let ambiguous =
            seen.keys().filter(|original| is_pseudonym(original) && is_searched(original, LEAST_DIGITS)).count();
        let wanted = seen.iter().filter(|(original, _)| !allowed.contains(original) && !is_pseudonym(original));
        Ok(Searcher { ambiguous, ..Searcher::of(wanted, LEAST_DIGITS)? })
    }

    /// For what a free text says: every original, shorter numbers too.
    ///
    /// # Errors
    /// There are more than can be searched for.
    pub fn of_prose(seen: &BTreeMap<String, Original>) -> Result<Searcher, String> {
        Searcher::of(seen.iter(), LEAST_DIGITS_IN_PROSE)
    }

    fn of<'a>(
        wanted: impl Iterator<Item = (&'a String, &'a Original)>,
        least_digits: usize,
    ) -> Result<Searcher, String> {
        let mut all: BTreeMap<String, Word> = BTreeMap::new();
        for (original, known) in wanted.filter(|(original, _)| is_searched(original, least_digits)) {
            let folded = Folded::of(&plain(original), false);
            let letters = folded.text.chars().any(char::is_alphabetic);
            let word = Word {
                field: known.field.clone(),
                pseudonym: known.pseudonyms.first().cloned(),
                digits: (!letters).then(|| (folded.text.len(), folded.joints.clone())),
            };
            all.insert(together(&folded.text), word.clone());
            all.insert(folded.text, word);
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(all.keys());
        let automaton = automaton.map_err(|error| format!("too many values to be searched for: {error}"))?;
        Ok(Searcher { automaton, words: all.into_values().collect(), ambiguous: 0 })
    }

    /// How many originals are not searched for, because each is also the pseudonym of another one.
    pub fn ambiguous(&self) -> usize {
        self.ambiguous
    }

    /// Everything that is found in a text, a field once: as it is, and as JSON, HTML and a URL write it.
    pub fn search(&self, text: &str) -> Vec<Leak> {
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let mut look = |text: &str| {
            let folded = Folded::of(&plain(text), false);
            for (part, word) in self.hits(&folded) {
                let line = folded.line(part.start);
                found.entry(&word.field).and_modify(|first| *first = line.min(*first)).or_insert(line);
            }
        };
        look(text);
        if text.contains('\\') {
            look(&unescaped(text));
        }
        if text.contains('%') {
            look(&decoded(text));
        }
        if text.contains('&') {
            look(&without_entities(text));
        }
        found.into_iter().map(|(field, line)| Leak { field: field.to_owned(), line }).collect()
    }

    /// A free text with something in place of every original that stands in it; it gets their pseudonym, where there is one.
    pub fn replaced(&self, given: &str, made: &dyn Fn(Option<&str>) -> Option<String>) -> String {
        let mut text = plain(given);
        let folded = Folded::of(&text, true);
        let mut hits: Vec<(Range<usize>, &Word)> =
            self.hits(&folded).map(|(part, word)| (folded.traced(part), word)).collect();
        // Longer ones first: one may lie in another.
        hits.sort_by_key(|(part, _)| (std::cmp::Reverse(part.len()), part.start));
        let mut kept: Vec<(Range<usize>, String)> = Vec::new();
        for (part, word) in hits {
            if kept.iter().all(|(other, _)| part.end <= other.start || other.end <= part.start)
                && let Some(made) = made(word.pseudonym.as_deref())
            {
                kept.push((part, made));
            }
        }
        if kept.is_empty() {
            return given.to_owned();
        }
        kept.sort_by_key(|(part, _)| std::cmp::Reverse(part.start));
        for (part, made) in kept {
            text.replace_range(part, &made);
        }
        text
    }

    fn hits<'a>(&'a self, folded: &Folded) -> impl Iterator<Item = (Range<usize>, &'a Word)> {
        self.automaton.find_overlapping_iter(&folded.text).filter_map(|hit| {
            let word = self.words.get(hit.pattern().as_usize())?;
            stands_alone(folded, hit.range(), word).then(|| (hit.range(), word))
        })
    }
}

fn is_searched(original: &str, least_digits: usize) -> bool {
    let plain = plain(original);
    let letters = plain.chars().any(char::is_alphabetic);
    let count = plain.chars().filter(|c| c.is_alphanumeric()).count();
    // A name in Hangul or Chinese has two or three characters.
    let wide = plain.chars().any(|c| c as u32 >= 0x1100 && c.is_alphabetic());
    count
        >= if !letters {
            least_digits
        } else if wide {
            2
        } else {
            LEAST
        }
}

/// Words of letters without blanks between them: `kimminsu`.
fn together(folded: &str) -> String {
    let mut out = String::new();
    for word in folded.split(' ') {
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let apart = digit(out.chars().next_back()) || digit(word.chars().next());
        out.push_str(if apart && !out.is_empty() { " " } else { "" });
        out.push_str(word);
    }
    out
}

/// What JSON escapes, however often it was escaped.
fn unescaped(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        units.extend(rest[..at].encode_utf16());
        rest = rest[at..].trim_start_matches('\\');
        let unit = rest.strip_prefix('u').and_then(|rest| u16::from_str_radix(rest.get(..4)?, 16).ok());
        match (unit, rest.chars().next()) {
            (Some(unit), _) => {
                // A line that is only written as one is none of the file's.
                units.push(if unit == 10 { 32 } else { unit });
                rest = &rest[5..];
            }
            (None, Some('n' | 'r' | 't' | 'b' | 'f')) => {
                units.push(32);
                rest = &rest[1..];
            }
            _ => {}
        }
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units)
}

/// What a URL encodes.
fn decoded(text: &str) -> String {
    let lines = text.split('\n').map(|line| percent_encoding::percent_decode_str(line).decode_utf8_lossy());
    let lines: Vec<Cow<'_, str>> = lines.map(|line| Cow::Owned(line.replace('\n', " "))).collect();
    lines.join("\n")
}

/// What HTML writes as entities: `&#44608;`, and what separates words, such as `&nbsp;`.
fn without_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let entity = behind.split_once(';').filter(|(name, _)| name.len() <= 8);
        let number = entity.and_then(|(name, _)| {
            let name = name.strip_prefix('#')?;
            match name.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => name.parse().ok(),
            }
        });
        let separates =
            ["nbsp", "amp", "lt", "gt", "quot", "apos", "ensp", "emsp", "thinsp", "ndash", "mdash", "middot"];
        match (entity, number.and_then(char::from_u32)) {
            // A line that is only written as one is none of the file's.
            (Some((_, after)), Some(c)) => {
                out.push(if c == '\n' { ' ' } else { c });
                rest = after;
            }
            (Some((name, after)), None) if separates.contains(&name) => {
                out.push('-');
                rest = after;
            }
            (Some(("shy" | "zwnj" | "zwj", after)), None) => rest = after,
            _ => {
                out.push('&');
                rest = behind;
            }
        }
    }
    out + rest
}

/// Whether what was found is a word of its own: letters not within a longer word, digits not within a longer group. A short
/// number is one only by itself, or with its own groups beside others: its digits stand in other numbers by chance.
fn stands_alone(folded: &Folded, part: Range<usize>, word: &Word) -> bool {
    let class = |c: char| match c {
        '0'..='9' => 1,
        c if c.is_ascii_alphanumeric() => 2,
        // Hangul has no spaces around a name: 김민수님.
        _ => 0,
    };
    let text = &folded.text;
    let found = &text[part.clone()];
    let edge = |inside: Option<char>, outside: Option<char>| match (inside.map(class), outside.map(class)) {
        (Some(inside), Some(outside)) => inside == 0 || inside != outside,
        _ => true,
    };
    let joint = |at: usize| folded.joints.binary_search(&at).is_ok();
    let begins = edge(found.chars().next(), text[..part.start].chars().next_back());
    let ends = edge(found.chars().next_back(), text[part.end..].chars().next());
    if !(begins || joint(part.start)) || !(ends || joint(part.end)) {
        return false;
    }
    let Some((digits, groups)) = &word.digits else { return true };
    let within = folded.joints.iter().filter(|at| part.start < **at && **at < part.end).map(|at| at - part.start);
    *digits >= LONG || (begins && ends) || within.eq(groups.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searcher(originals: &[&str], allowed: &[&str]) -> Searcher {
        let one = |text: &&str| {
            ((*text).to_owned(), Original { field: format!("field of {}", text.len()), ..Original::default() })
        };
        let allowed: Vec<String> = allowed.iter().map(|text| (*text).to_owned()).collect();
        Searcher::new(&originals.iter().map(one).collect(), &allowed).expect("a searcher")
    }

    #[test]
    fn every_usual_spelling_is_found() {
        let searcher =
            searcher(&["Kim Minsu", "010-1234-5678", "11023456789", "김민수", "a\"b@x.com", "Zoë Ñandú"], &[]);
        for text in [
            "name,Kim Minsu",
            "KIM MINSU",
            "kim%20minsu",
            "kimminsu@example.com",
            "x\n{\"p\":\"010-1234-5678\"}",
            "01012345678,",
            "010 1234 5678",
            "110-234-56789",
            "김민수님께",
            "\\uae40\\ubbfc\\uc218",
            "%EA%B9%80%EB%AF%BC%EC%88%98",
            "\"a\"\"b@x.com\"",
            "a\\\"b@x.com",
            "Zo\\u00eb \\u00d1and\\u00fa",
            "{\"a\":\"x\\\\nKim Minsu\"}",
            // Other forms of the same characters, other blanks and signs between them.
            "\u{1107}\u{1161}\u{11a8} \u{1100}\u{1175}\u{11b7}\u{1106}\u{1175}\u{11ab}\u{1109}\u{116e}",
            "Ｋｉｍ　Ｍｉｎｓｕ",
            "０１０－１２３４－５６７８",
            "010·1234·5678",
            "010\u{2011}1234\u{2013}5678",
            "Kim\u{a0}Minsu",
            "kim-minsu_paid",
            "Kim  Minsu",
            "Kim Min\u{200b}su",
            "Kim&nbsp;Minsu &amp; Co",
            "&#44608;&#xBBFC;&#49688;",
            "010&ndash;1234&#45;5678",
            // Numbers beside others.
            "010 1234 5678 2026-11-05",
            "2026-11-05 010-1234-5678",
            "3 110-234-56789",
        ] {
            assert_eq!(searcher.search(text).len(), 1, "{text}");
        }
        for text in
            ["Kim Minsuk", "1010123456789", "110234567890", "2026-11-05", "masked-kim", "110,234,56789", "a & b; c"]
        {
            assert_eq!(searcher.search(text), [], "{text}");
        }
        assert_eq!(searcher.search("a\nb\nKim Minsu")[0], Leak { field: "field of 9".into(), line: 3 });
    }

    #[test]
    fn what_is_short_allowed_or_a_pseudonym_is_left_alone() {
        let searcher = searcher(&["Ann", "1234", "sale", "12345678"], &["sale"]);
        assert_eq!(searcher.search("Ann,1234,sale"), []);
        assert_eq!(searcher.search("12345678").len(), 1);
        // A short number does not begin or end within another one, unless it has its own groups there.
        let short = self::searcher(&["123456", "65-4321"], &[]);
        for text in ["12-3456,x", "1234.56", "id 65-4321 2026", "654321"] {
            assert_eq!(short.search(text).len(), 1, "{text}");
        }
        for text in ["7 12-3456", "12,3456", "6 54-321 0", "65,4321"] {
            assert_eq!(short.search(text), [], "{text}");
        }
        let mut seen: BTreeMap<String, Original> = BTreeMap::new();
        let made = |pseudonym: &str| Original { pseudonyms: [pseudonym.to_owned()].into(), field: "f".into() };
        seen.insert("111111".into(), made("222222"));
        seen.insert("222222".into(), made("333333"));
        let searcher = Searcher::new(&seen, &[]).expect("a searcher");
        assert_eq!((searcher.search("222222").len(), searcher.search("111111").len()), (0, 1));
        assert_eq!(searcher.ambiguous(), 1);
    }

    #[test]
    fn a_free_text_gets_pseudonyms_for_every_spelling() {
        let mut seen: BTreeMap<String, Original> = BTreeMap::new();
        for (original, pseudonym) in [("Lee Jiwon", "Kabo"), ("Lee", "X"), ("010-9876-5432", "026"), ("박서연", "Y")]
        {
            let made = Original { pseudonyms: [pseudonym.to_owned()].into(), field: "f".into() };
            seen.insert(original.into(), made);
        }
        let searcher = Searcher::of_prose(&seen).expect("a searcher");
        let made = |text: &str| searcher.replaced(text, &|made| made.map(str::to_owned));
        assert_eq!(made("for lee-jiwon, 010 9876 5432 2026-11-05."), "for Kabo, 026 2026-11-05.");
        assert_eq!(made("\u{1107}\u{1161}\u{11a8}\u{1109}\u{1165}\u{110b}\u{1167}\u{11ab}님 문의"), "Y님 문의");
        assert_eq!(made("Leeds"), "Leeds");
    }
}

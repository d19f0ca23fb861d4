//! Searching what was written for what must not be seen, in any usual spelling. Says where and of which field, never what.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, MatchKind};

use super::mask::Original;

/// Characters of an original from which on it is searched for: shorter ones stand in every text by chance.
pub const LEAST: usize = 4;
/// The same for what has no letters.
const LEAST_DIGITS: usize = 6;

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
    words: AhoCorasick,
    fields: Vec<String>,
}

impl Searcher {
    /// For all originals, but those that the project allows to be seen and those that are a pseudonym of another one.
    ///
    /// # Errors
    /// There are more than can be searched for.
    pub fn new(seen: &BTreeMap<String, Original>, allowed: &[String]) -> Result<Searcher, String> {
        let pseudonyms: BTreeSet<&str> =
            seen.values().flat_map(|original| original.pseudonyms.iter().map(String::as_str)).collect();
        let mut words: BTreeMap<String, &str> = BTreeMap::new();
        for (original, known) in seen {
            if allowed.contains(original) || pseudonyms.contains(original.as_str()) {
                continue;
            }
            for spelling in spellings(original) {
                if is_searched(&spelling) {
                    words.insert(spelling, &known.field);
                }
            }
        }
        let fields = words.values().map(|field| (*field).to_owned()).collect();
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(words.keys());
        let words = automaton.map_err(|error| format!("too many values to be searched for: {error}"))?;
        Ok(Searcher { words, fields })
    }

    /// Everything that is found in a text, a field once.
    pub fn search(&self, text: &str) -> Vec<Leak> {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let lower = text.to_lowercase();
        // Spellings that separate a number otherwise than its original does.
        let joined = joined(&lower);
        for text in [text, lower.as_str(), joined.as_str()] {
            for hit in self.words.find_overlapping_iter(text) {
                if !stands_alone(text, hit.start(), hit.end()) {
                    continue;
                }
                let Some(field) = self.fields.get(hit.pattern().as_usize()) else { continue };
                let line = text[..hit.start()].matches('\n').count() + 1;
                found.entry(field.clone()).or_insert(line);
            }
        }
        found.into_iter().map(|(field, line)| Leak { field, line }).collect()
    }
}

fn is_searched(spelling: &str) -> bool {
    let letters = spelling.chars().any(char::is_alphabetic);
    let count = spelling.chars().filter(|c| c.is_alphanumeric()).count();
    // A name in Hangul or Chinese has two or three characters.
    let wide = spelling.chars().any(|c| c as u32 >= 0x1100 && c.is_alphabetic());
    if letters { count >= if wide { 2 } else { LEAST } } else { count >= LEAST_DIGITS }
}

/// The ways in which a value may stand in a file.
fn spellings(original: &str) -> BTreeSet<String> {
    let trimmed = original.trim();
    let mut all = BTreeSet::new();
    for text in [trimmed.to_owned(), trimmed.to_lowercase()] {
        let json = serde_json::Value::from(text.as_str()).to_string();
        all.insert(json.trim_matches('"').to_owned());
        all.insert(ascii(&text));
        all.insert(percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string());
        all.insert(
            percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string().to_lowercase(),
        );
        all.insert(text.replace('"', "\"\""));
        all.insert(text.chars().filter(|c| c.is_alphanumeric()).collect());
        all.insert(text);
    }
    all
}

/// JSON with every other character as `\uXXXX`.
fn ascii(text: &str) -> String {
    let mut units = [0; 2];
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

/// The text without the signs that separate the digits of a number.
fn joined(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    let keeps = |(at, c): (usize, &char)| {
        let separates = matches!(c, '-' | ' ' | '.' | '/') && digit(at.checked_sub(1)) && digit(at.checked_add(1));
        (!separates).then_some(*c)
    };
    chars.iter().enumerate().filter_map(keeps).collect()
}

/// Whether what was found is a word of its own: digits not within a longer number, letters not within a longer word.
fn stands_alone(text: &str, from: usize, to: usize) -> bool {
    let class = |c: char| match c {
        '0'..='9' => 1,
        'a'..='z' | 'A'..='Z' => 2,
        // Hangul has no spaces around a name: 김민수님.
        _ => 0,
    };
    let word = &text[from..to];
    let edge = |inside: Option<char>, outside: Option<char>| match (inside.map(class), outside.map(class)) {
        (Some(inside), Some(outside)) => inside == 0 || inside != outside,
        _ => true,
    };
    edge(word.chars().next(), text[..from].chars().next_back())
        && edge(word.chars().next_back(), text[to..].chars().next())
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
        ] {
            assert_eq!(searcher.search(text).len(), 1, "{text}");
        }
        for text in ["Kim Minsuk", "1010123456789", "110234567890", "2026-11-05", "masked-kim"] {
            assert_eq!(searcher.search(text), [], "{text}");
        }
        assert_eq!(searcher.search("a\nb\nKim Minsu")[0], Leak { field: "field of 9".into(), line: 3 });
    }

    #[test]
    fn what_is_short_allowed_or_a_pseudonym_is_left_alone() {
        let searcher = searcher(&["Ann", "1234", "sale", "12345678"], &["sale"]);
        assert_eq!(searcher.search("Ann,1234,sale"), []);
        assert_eq!(searcher.search("12345678").len(), 1);
        let mut seen: BTreeMap<String, Original> = BTreeMap::new();
        let made = |pseudonym: &str| Original { pseudonyms: [pseudonym.to_owned()].into(), field: "f".into() };
        seen.insert("111111".into(), made("222222"));
        seen.insert("222222".into(), made("333333"));
        let searcher = Searcher::new(&seen, &[]).expect("a searcher");
        assert_eq!((searcher.search("222222").len(), searcher.search("111111").len()), (0, 1));
    }
}

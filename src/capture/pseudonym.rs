//! Pseudonyms: keyed, stable, and different for different originals. Must not know which columns they are for, and must not
//! show the secret.

use super::feistel::{mac, permuted_within};

/// Bytes of a secret at least: pseudonyms of a shorter one could be guessed back.
pub const LEAST_SECRET: usize = 16;
/// The first syllable of Hangul, and how many there are.
const HANGUL: (u32, u32) = (0xac00, 11_172);
const CONSONANTS: [char; 16] = ['b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z'];
const VOWELS: [char; 4] = ['a', 'e', 'i', 'o'];

/// Makes pseudonyms with one secret.
pub struct Pseudonyms {
    secret: Vec<u8>,
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms(***)")
    }
}

impl Pseudonyms {
    /// With a secret of [`LEAST_SECRET`] bytes or more; `None` for a shorter one.
    pub fn new(secret: &str) -> Option<Pseudonyms> {
        let secret = secret.trim().as_bytes();
        (secret.len() >= LEAST_SECRET).then(|| Pseudonyms { secret: mac(secret, &[b"recon capture 1"]).to_vec() })
    }

    /// The name of nobody: `Kabo Lemitusa Gifo`. 66 bits, so that two people do not get one.
    pub fn name(&self, original: &str) -> String {
        let hash = mac(&self.secret, &[b"name", original.as_bytes()]);
        let mut name = String::new();
        for (at, byte) in hash.iter().take(11).enumerate() {
            let syllable = usize::from(*byte);
            let consonant = CONSONANTS[syllable % CONSONANTS.len()];
            let begins = matches!(at, 0 | 3 | 7);
            name.push_str(if begins && at > 0 { " " } else { "" });
            name.extend(if begins { consonant.to_uppercase().collect::<Vec<_>>() } else { vec![consonant] });
            name.push(VOWELS[syllable / CONSONANTS.len() % VOWELS.len()]);
        }
        name
    }

    /// A word of letters that says nothing: `masked-qhzrtkepwmabcd`.
    pub fn text(&self, original: &str) -> String {
        format!("masked-{}", self.letters("text", original))
    }

    /// An address that no mail reaches: the domain is reserved for that.
    pub fn email(&self, original: &str) -> String {
        format!("{}@masked.invalid", self.letters("email", original))
    }

    /// 14 letters, 65 bits.
    fn letters(&self, purpose: &str, original: &str) -> String {
        let hash = mac(&self.secret, &[purpose.as_bytes(), original.as_bytes()]);
        let pair = |pair: &[u8]| match pair {
            [a, b] => char::from(b'a' + u8::try_from(u16::from_be_bytes([*a, *b]) % 26).unwrap_or(0)),
            _ => 'a',
        };
        hash.chunks(2).take(14).map(pair).collect()
    }

    /// Other digits in the same places; what separates them stays. The digits count as one word, so `010-1234-5678` and
    /// `01012345678` get the same ones. A first digit of 0 stays 0 and any other stays another, so that a number keeps its
    /// length. Latin letters and Hangul are replaced by such; a text with letters of another alphabet becomes [`Self::text`].
    pub fn digits(&self, original: &str) -> String {
        let class = |c: char| match c {
            '0'..='9' => Some((10, u32::from(c) - u32::from('0'))),
            'a'..='z' => Some((26, u32::from(c) - u32::from('a'))),
            'A'..='Z' => Some((26, u32::from(c) - u32::from('A'))),
            _ => {
                let at = u32::from(c).checked_sub(HANGUL.0).filter(|at| *at < HANGUL.1)?;
                Some((HANGUL.1, at))
            }
        };
        if original.chars().any(|c| c.is_alphanumeric() && class(c).is_none()) {
            return self.text(original);
        }
        let word = |wanted: u32| -> Vec<u32> {
            original.chars().filter_map(class).filter(|(radix, _)| *radix == wanted).map(|(_, at)| at).collect()
        };
        let any = |_: &[u32]| true;
        let numbers = word(10);
        let zero = numbers.first() == Some(&0);
        let as_long = |word: &[u32]| (word.first() == Some(&0)) == zero;
        let replaced = |radix: u32, word: &[u32], within: &dyn Fn(&[u32]) -> bool| match word.is_empty() {
            true => Vec::new(),
            false => permuted_within(&self.secret, radix, word, within),
        };
        let mut numbers = replaced(10, &numbers, &as_long).into_iter();
        let mut letters = replaced(26, &word(26), &any).into_iter();
        let mut syllables = replaced(HANGUL.1, &word(HANGUL.1), &any).into_iter();
        let mut next = |c: char| -> Option<char> {
            let (radix, _) = class(c)?;
            let (from, symbol) = match radix {
                10 => (u32::from('0'), numbers.next()?),
                26 if c.is_ascii_uppercase() => (u32::from('A'), letters.next()?),
                26 => (u32::from('a'), letters.next()?),
                _ => (HANGUL.0, syllables.next()?),
            };
            char::from_u32(from + symbol)
        };
        original.chars().map(|c| next(c).unwrap_or(c)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(secret: &str) -> Pseudonyms {
        Pseudonyms::new(secret).expect("a long secret")
    }

    #[test]
    fn what_they_look_like() {
        let made = with("0123456789abcdef");
        insta::assert_snapshot!(
            [
                made.name("Kim Minsu"),
                made.text("a note"),
                made.email("kim@example.com"),
                made.digits("010-1234-5678"),
                made.digits("01012345678"),
                made.digits("KB국민 110-234"),
                made.digits("0"),
            ]
            .join("\n"),
            @"
        Ligiri Nefilaro Zejejebe
        masked-zfohfumwhvlbip
        vgmusomzgwxlut@masked.invalid
        026-7134-3576
        02671343576
        QK듓붉 590-070
        0
        "
        );
        assert!(Pseudonyms::new("short").is_none());
        assert!(!format!("{made:?}").contains("0123"));
    }

    proptest! {
        #[test]
        fn equal_stays_equal_and_different_stays_different(a in "\\PC{0,24}", b in "\\PC{0,24}") {
            let made = with("a secret of some length");
            for make in [Pseudonyms::name, Pseudonyms::text, Pseudonyms::email, Pseudonyms::digits] {
                prop_assert_eq!(make(&made, &a) == make(&made, &b), a == b);
                prop_assert_eq!(make(&made, &a), make(&with("a secret of some length"), &a));
            }
        }

        #[test]
        fn digits_keep_length_and_separators(a in "[0-9A-Za-z가-힣 ./+-]{1,24}") {
            let made = with("a secret of some length").digits(&a);
            prop_assert_eq!(made.chars().count(), a.chars().count());
            for (from, to) in a.chars().zip(made.chars()) {
                prop_assert_eq!(from.is_ascii_digit(), to.is_ascii_digit());
                prop_assert_eq!(from.is_ascii_uppercase(), to.is_ascii_uppercase());
                prop_assert_eq!(from.is_alphanumeric(), to.is_alphanumeric());
                prop_assert!(from.is_alphanumeric() || from == to);
            }
        }

        #[test]
        fn spellings_of_one_number_stay_spellings_of_one(a in "[0-9]{3}", b in "[0-9]{4}", c in "[0-9]{4}") {
            let made = with("a secret of some length");
            let dashed = made.digits(&format!("{a}-{b}-{c}"));
            prop_assert_eq!(dashed.replace('-', ""), made.digits(&format!("{a}{b}{c}")));
            prop_assert_eq!(dashed.starts_with('0'), a.starts_with('0'));
        }

        #[test]
        fn another_secret_gives_others(a in "[0-9]{10}") {
            prop_assert_ne!(with("a secret of some length").digits(&a), with("another of some length").digits(&a));
        }
    }
}

//! A keyed permutation of words of one alphabet and length: different words stay different, and every word has the length
//! that it had. Must not know what the words are.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Rounds; four would do for a permutation that nobody can tell from a random one.
const ROUNDS: u32 = 10;

/// HMAC-SHA256 of some parts, each told apart from the next.
pub(super) fn mac(secret: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // A key of any length is fine for HMAC; the error cannot occur.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return [0; 32] };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Permutes a word of symbols below `radix`: a Feistel network whose halves are added to symbol by symbol.
pub(super) fn permuted(secret: &[u8], radix: u32, word: &[u32]) -> Vec<u32> {
    let mut word = word.to_vec();
    let middle = word.len() / 2;
    for round in 0..ROUNDS {
        let (first, second) = word.split_at_mut(middle);
        let (changed, other) = if round % 2 == 0 { (second, first) } else { (first, second) };
        let other: Vec<u8> = other.iter().flat_map(|symbol| symbol.to_be_bytes()).collect();
        for (at, symbol) in changed.iter_mut().enumerate() {
            let at = u64::try_from(at).unwrap_or(u64::MAX).to_be_bytes();
            let hash = mac(secret, &[b"word", &radix.to_be_bytes(), &round.to_be_bytes(), &at, &other]);
            let [a, b, c, d, e, f, g, h, ..] = hash;
            let drawn = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % u64::from(radix);
            *symbol = u32::try_from((u64::from(*symbol) + drawn) % u64::from(radix)).unwrap_or(*symbol);
        }
    }
    word
}

/// As [`permuted`], among the words that satisfy `within` alone: walked until one does. The word itself must.
pub(super) fn permuted_within(secret: &[u8], radix: u32, word: &[u32], within: &dyn Fn(&[u32]) -> bool) -> Vec<u32> {
    let mut word = permuted(secret, radix, word);
    // A permutation comes back to where it began, so this ends; one in ten words at least is wanted.
    while !within(&word) {
        word = permuted(secret, radix, &word);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_word_of_a_length_has_another_one() {
        for length in 1..=4_usize {
            let count = 10_u32.pow(u32::try_from(length).expect("small"));
            let word = |mut number: u32| {
                let mut word = vec![0; length];
                for symbol in word.iter_mut().rev() {
                    (*symbol, number) = (number % 10, number / 10);
                }
                word
            };
            let all: BTreeSet<Vec<u32>> = (0..count).map(|number| permuted(b"a secret", 10, &word(number))).collect();
            assert_eq!(all.len(), count as usize);
            let same = (0..count).filter(|number| permuted(b"a secret", 10, &word(*number)) == word(*number)).count();
            assert!(same < 10, "{same} of {count} stayed as they were");
        }
    }
}

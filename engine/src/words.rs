//! Look-up of short texts: names of fields, calls, operations.

use std::collections::hash_map::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

/// A table from texts to what is known of each. Its rows are the table's, never an event's: who
/// writes events cannot choose what collides.
pub type Words<V> = HashMap<Box<str>, V, BuildHasherDefault<Folding>>;

/// Multiplies eight bytes at a time and folds the product.
#[derive(Default)]
pub struct Folding(u64);

/// Makes hashers that begin with a number nobody knows: for texts that an event chooses.
#[derive(Clone)]
pub struct Secret(u64);

impl Default for Secret {
    fn default() -> Self {
        Secret(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Secret {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl Folding {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ FACTOR) * u128::from(FACTOR);
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((eight, behind)) = rest.split_first_chunk() {
            self.fold(u64::from_le_bytes(*eight));
            rest = behind;
        }
        // Up to seven bytes are left, each of them once, and the size stands above them.
        let last = match (rest.first_chunk(), rest.last_chunk()) {
            (Some(head), Some(tail)) => {
                let tail = u64::from(u32::from_le_bytes(*tail)) >> (8 * (8 - rest.len()));
                u64::from(u32::from_le_bytes(*head)) | tail << 32
            }
            _ => rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        };
        self.fold(last ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, _: u8) {
        // What ends a `str`; the length is in it already.
    }

    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The longest word that is looked up regardless of case.
const MOST_WORD: usize = 64;

/// Look a text up with its ASCII capitals made small; a text longer than any row is in none.
pub fn find_small<'w, V>(words: &'w Words<V>, text: &str) -> Option<&'w V> {
    find_changed(words, text, u8::to_ascii_lowercase)
}

/// Look a text up with its small ASCII letters made capitals.
pub fn find_capital<'w, V>(words: &'w Words<V>, text: &str) -> Option<&'w V> {
    find_changed(words, text, u8::to_ascii_uppercase)
}

fn find_changed<'w, V>(
    words: &'w Words<V>,
    text: &str,
    change: impl Fn(&u8) -> u8,
) -> Option<&'w V> {
    let mut changed = [0; MOST_WORD];
    let place = changed.get_mut(..text.len())?;
    for (to, from) in place.iter_mut().zip(text.as_bytes()) {
        *to = change(from);
    }
    words.get(std::str::from_utf8(place).ok()?)
}

/// Tell whether a text begins with an ASCII word, in any case.
pub fn begins_with(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    text.get(..word.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

/// Tell whether an ASCII word stands in a text, in any case.
pub fn holds_word(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    text.windows(word.len())
        .any(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::{begins_with, find_capital, find_small, holds_word, Secret, Words};
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    #[test]
    fn words_are_found_in_any_case() {
        let mut words = Words::default();
        words.insert("process".into(), 1);
        assert_eq!(find_small(&words, "PROCess"), Some(&1));
        assert_eq!(find_small(&words, &"p".repeat(100)), None);
        assert_eq!(find_capital(&words, "process"), None);
        assert!(begins_with("AUDIT (Block)", "audit") && !begins_with("aud", "audit"));
        assert!(holds_word("a O_rdwr|", "O_RDWR") && !holds_word("", "x"));
    }

    #[test]
    fn texts_that_are_alike_have_numbers_of_their_own() {
        let secret = Secret::default();
        let mut seen = HashSet::new();
        let mut many = 0;
        for size in 0..40 {
            for last in ["", "`", "a", "G", "\0"] {
                for character in ["a", "F", "\0", "`"] {
                    let text = character.repeat(size) + last;
                    many += usize::from(seen.insert(text));
                }
            }
        }
        let numbers: HashSet<u64> = seen.iter().map(|text| secret.hash_one(text)).collect();
        assert_eq!(numbers.len(), many);
    }
}

//! Look-up of short texts: names of fields, calls, operations.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use crate::text::Cases;

/// A table from texts to what is known of each. Its rows are the table's, never an event's: who
/// writes events cannot choose what collides.
///
/// Most texts that are looked up are names of fields, of at most sixteen bytes: such a text is its
/// length with its first and its last eight bytes, so it is found by comparing numbers.
pub struct Words<V> {
    /// Each row at the first free place from its hash on; at least half are free. Where a place was
    /// but the number of a row, each text cost one more wait for memory.
    places: Vec<Option<Row<V>>>,
    rows: usize,
}

struct Row<V> {
    key: Key,
    text: Box<str>,
    value: V,
}

/// A text's length and its ends.
#[derive(Clone, Copy, PartialEq)]
struct Key {
    size: usize,
    first: u64,
    last: u64,
}

impl Key {
    #[inline]
    fn of(bytes: &[u8]) -> Key {
        let long = |eight: &[u8; 8]| u64::from_le_bytes(*eight);
        let half = |four: &[u8; 4]| u64::from(u32::from_le_bytes(*four));
        let (first, last) =
            if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
                (long(head), long(tail))
            } else if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
                (half(head), half(tail))
            } else {
                (
                    bytes
                        .iter()
                        .fold(0, |all, byte| all << 8 | u64::from(*byte)),
                    0,
                )
            };
        let size = bytes.len();
        Key { size, first, last }
    }

    #[inline]
    fn hash(self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(29) ^ (self.size as u64) << 56;
        let product = u128::from(mixed ^ FACTOR) * u128::from(FACTOR);
        (product as u64 ^ (product >> 64) as u64) as usize
    }
}

/// Bytes of a text that its key holds.
const KEY: usize = 16;

impl<V> Default for Words<V> {
    fn default() -> Self {
        Words {
            places: Vec::new(),
            rows: 0,
        }
    }
}

impl<V> Words<V> {
    /// Return where a text has its place, or could have it, and the row that is there.
    #[inline]
    fn find(&self, key: Key, text: &[u8]) -> (usize, Option<&Row<V>>) {
        let mask = self.places.len().wrapping_sub(1); // a table without places has no row at any
        let mut place = key.hash() & mask;
        loop {
            let Some(Some(row)) = self.places.get(place) else {
                return (place, None);
            };
            if row.key == key && (key.size <= KEY || row.text.as_bytes() == text) {
                return (place, Some(row));
            }
            place = (place + 1) & mask;
        }
    }

    /// Return what is known of a text.
    #[inline]
    pub fn get(&self, text: &str) -> Option<&V> {
        self.get_bytes(text.as_bytes())
    }

    /// Return what is known of the text that some bytes are.
    #[inline]
    fn get_bytes(&self, text: &[u8]) -> Option<&V> {
        self.find(Key::of(text), text).1.map(|row| &row.value)
    }

    /// Tell whether a text is in the table.
    #[inline]
    pub fn contains_key(&self, text: &str) -> bool {
        self.get(text).is_some()
    }

    /// Put a text into the table; of such a text that is there already, the value is another then.
    pub fn insert(&mut self, text: Box<str>, value: V) {
        let key = Key::of(text.as_bytes());
        let is_new = self.find(key, text.as_bytes()).1.is_none();
        self.rows += usize::from(is_new);
        if self.rows * 2 > self.places.len() {
            let more = (self.places.len() * 2).max(2);
            let rows = std::mem::take(&mut self.places);
            self.places.resize_with(more, || None);
            rows.into_iter().flatten().for_each(|row| self.put(row));
        }
        self.put(Row { key, text, value });
    }

    fn put(&mut self, row: Row<V>) {
        let (place, _) = self.find(row.key, row.text.as_bytes());
        self.places[place] = Some(row);
    }

    /// Return all texts, in no order, each with what is known of it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        let rows = self.places.iter().flatten();
        rows.map(|row| (&*row.text, &row.value))
    }
}

impl<V> FromIterator<(Box<str>, V)> for Words<V> {
    fn from_iter<T: IntoIterator<Item = (Box<str>, V)>>(rows: T) -> Self {
        let mut words = Words::default();
        for (text, value) in rows {
            words.insert(text, value);
        }
        words
    }
}

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

/// Look a text up in lower case, by a table of letters.
pub fn find_lower<'w, V>(words: &'w Words<V>, text: &str, cases: &Cases) -> Option<&'w V> {
    if text.len() <= MOST_WORD && text.is_ascii() {
        find_small(words, text)
    } else {
        words.get(&cases.lower(text))
    }
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
    words.get_bytes(place)
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
    fn words_of_any_length_are_told_apart() {
        let mut words = Words::default();
        let texts: Vec<String> = (0..40)
            .flat_map(|size| ["", "a", "b", "ab", "\0"].map(|end| "x".repeat(size) + end))
            .chain((0..40).map(|at| "x".repeat(at) + "y" + &"x".repeat(40 - at)))
            .collect();
        for (number, text) in texts.iter().enumerate() {
            words.insert(text.as_str().into(), number);
        }
        for text in &texts {
            let last = texts.iter().rposition(|other| other == text);
            assert_eq!(words.get(text), last.as_ref(), "{text:?}");
            assert!(!words.contains_key(&(text.clone() + "z")));
        }
        let different: HashSet<&String> = texts.iter().collect();
        assert_eq!(words.iter().count(), different.len());
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

//! Lower and upper case by one frozen table: `cef_bridge/casing.py`.

use std::borrow::Cow;

/// The frozen case table: `lower` and `upper` of `cef_bridge/casing.py`.
pub struct Cases {
    lower: Vec<Mapped>,
    upper: Vec<Mapped>,
}

/// A character that is not ASCII, and the one to three that it becomes; the rest are `NONE`.
type Mapped = (char, [char; 3]);

const NONE: char = '\0';
const MAGIC: &[u8; 4] = b"CASE";
const ROW: usize = 16; // four numbers of 32 bits

impl Cases {
    /// Reads the bytes of `cef_bridge.casing.table()`; its docstring has the layout.
    ///
    /// Bytes that are no such table give an error that says why.
    pub fn load(bytes: &[u8]) -> Result<Self, String> {
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or("a case table begins with CASE")?;
        let mut rows = rest.chunks_exact(ROW).map(numbers);
        if rest.len() % ROW != 0 {
            return Err("a case table has numbers in rows of four".to_owned());
        }
        let counts = rows.next().ok_or("a case table has four counts")?;
        let all: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        if all != rows.len() as u64 {
            return Err("a case table has as many rows as it says".to_owned());
        }
        let [lower_rows, upper_rows, lower_specials, upper_specials] = counts;
        let mut lower = ranges(&mut rows, lower_rows)?;
        let mut upper = ranges(&mut rows, upper_rows)?;
        specials(&mut rows, lower_specials, &mut lower)?;
        specials(&mut rows, upper_specials, &mut upper)?;
        Ok(Self {
            lower: ordered(lower)?,
            upper: ordered(upper)?,
        })
    }

    /// Returns the text in lower case, each character by itself.
    pub fn lower<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.is_ascii() {
            return lower_ascii(text);
        }
        map(text, |character| match character {
            'A'..='Z' => Some([character.to_ascii_lowercase(), NONE, NONE]),
            _ => found(&self.lower, character),
        })
    }

    /// Tells whether the text is, in lower case, a word in small letters of ASCII.
    pub fn is_lower(&self, text: &str, word: &str) -> bool {
        if text.is_ascii() {
            text.eq_ignore_ascii_case(word)
        } else {
            self.lower(text) == word
        }
    }

    /// Returns the text in upper case, each character by itself: at most three characters for one.
    pub fn upper<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.is_ascii() {
            return upper_ascii(text);
        }
        map(text, |character| match character {
            'a'..='z' => Some([character.to_ascii_uppercase(), NONE, NONE]),
            _ => found(&self.upper, character),
        })
    }
}

/// Returns the text with A to Z in lower case, all else as it is.
pub fn lower_ascii(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

/// Returns the text with a to z in upper case, all else as it is.
pub fn upper_ascii(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        true => Cow::Owned(text.to_ascii_uppercase()),
        false => Cow::Borrowed(text),
    }
}

/// Returns a text whose characters are mapped; `to` gives nothing for one that stays.
fn map(text: &str, to: impl Fn(char) -> Option<[char; 3]>) -> Cow<'_, str> {
    let Some(begin) = text.find(|character| to(character).is_some()) else {
        return Cow::Borrowed(text);
    };
    let (same, rest) = text.split_at(begin);
    let mut mapped = String::with_capacity(text.len() + 8);
    mapped.push_str(same);
    for character in rest.chars() {
        match to(character) {
            None => mapped.push(character),
            Some(some) => mapped.extend(some.into_iter().filter(|&each| each != NONE)),
        }
    }
    Cow::Owned(mapped)
}

fn found(mapping: &[Mapped], character: char) -> Option<[char; 3]> {
    if character.is_ascii() {
        return None;
    }
    let at = mapping
        .binary_search_by_key(&character, |&(from, _)| from)
        .ok()?;
    mapping.get(at).map(|&(_, to)| to)
}

fn numbers(row: &[u8]) -> [u32; 4] {
    let mut numbers = [0; 4];
    for (number, bytes) in numbers.iter_mut().zip(row.chunks_exact(4)) {
        *number = bytes
            .iter()
            .rev()
            .fold(0, |all, &byte| (all << 8) | u32::from(byte));
    }
    numbers
}

/// Reads rows of (first, last, step, what the first becomes); they go upwards, so that what they
/// hold is bounded by Unicode.
fn ranges(rows: &mut impl Iterator<Item = [u32; 4]>, count: u32) -> Result<Vec<Mapped>, String> {
    let mut mapped = Vec::new();
    let mut after = 0;
    for [first, last, step, to] in rows.take(count as usize) {
        if first < after || last < first || step == 0 || char::from_u32(last).is_none() {
            return Err(format!(
                "a row of the case table is none: {first:X}-{last:X}/{step}"
            ));
        }
        after = last + 1;
        for code in (first..=last).step_by(step as usize) {
            let becomes = u64::from(to) + u64::from(code - first);
            mapped.push((
                character(u64::from(code))?,
                [character(becomes)?, NONE, NONE],
            ));
        }
    }
    Ok(mapped)
}

fn specials(
    rows: &mut impl Iterator<Item = [u32; 4]>,
    count: u32,
    mapped: &mut Vec<Mapped>,
) -> Result<(), String> {
    for [code, first, second, third] in rows.take(count as usize) {
        let mut to = [character(u64::from(first))?, NONE, NONE];
        for (place, number) in to.iter_mut().skip(1).zip([second, third]) {
            *place = character(u64::from(number))?;
        }
        mapped.push((character(u64::from(code))?, to));
    }
    Ok(())
}

fn character(code: u64) -> Result<char, String> {
    u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .ok_or_else(|| format!("the case table names no character by {code:X}"))
}

/// Returns the mapping ordered by character, for a search in halves.
fn ordered(mut mapped: Vec<Mapped>) -> Result<Vec<Mapped>, String> {
    mapped.sort_unstable_by_key(|&(from, _)| from);
    let mut before = None;
    for &(from, to) in &mapped {
        if before == Some(from) || from.is_ascii() || to.first() == Some(&NONE) {
            return Err(format!(
                "the case table is wrong about U+{:04X}",
                u32::from(from)
            ));
        }
        before = Some(from);
    }
    Ok(mapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of three rows and one special: À to Ö, each second of Ā to Ć, µ; ß.
    fn small() -> Vec<u8> {
        let rows = [
            [2, 1, 0, 1],
            [0xC0, 0xD6, 1, 0xE0],
            [0x100, 0x106, 2, 0x101],
            [0xB5, 0xB5, 1, 0x39C],
            [0xDF, 0x53, 0x53, 0],
        ];
        let numbers = rows
            .iter()
            .flatten()
            .flat_map(|number: &u32| number.to_le_bytes());
        MAGIC.iter().copied().chain(numbers).collect()
    }

    #[test]
    fn cases_follow_the_table_and_nothing_else() {
        let cases = Cases::load(&small()).expect("a table");
        assert_eq!(cases.lower("ÀÖ ABC Āā Ą Ć"), "àö abc āā ą ć");
        assert_eq!(cases.lower("Ø ā"), "Ø ā");
        assert!(cases.is_lower("ABC", "abc") && !cases.is_lower("Ā", "a"));
        assert_eq!(cases.upper("straße µ"), "STRASSE Μ");
        assert!(matches!(cases.lower("àö abc"), Cow::Borrowed(_)));
        assert!(matches!(cases.upper("ABC-1"), Cow::Borrowed(_)));
        assert_eq!(cases.upper("abc-1"), "ABC-1");
        assert_eq!(
            (lower_ascii("ÀB"), upper_ascii("àb")),
            ("Àb".into(), "àB".into())
        );
    }

    #[test]
    fn bytes_that_are_no_table_are_an_error() {
        let table = small();
        for length in 0..table.len() {
            assert!(Cases::load(&table[..length]).is_err(), "{length}");
        }
        for at in 0..table.len() {
            for bit in 0..8 {
                let mut broken = table.clone();
                broken[at] ^= 1 << bit;
                let _ = Cases::load(&broken); // an error or another table, and no panic
            }
        }
        let mut many = table.clone();
        many[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Cases::load(&many).is_err());
        let mut ascii = table;
        ascii[20..24].copy_from_slice(&0x41_u32.to_le_bytes());
        assert!(Cases::load(&ascii).is_err());
    }
}

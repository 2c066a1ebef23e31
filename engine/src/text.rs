//! Texts as the reference treats them: white space, case, what may not stand on a line.
//!
//! In come texts that an attacker may have written, out come texts, borrowed where nothing changed.
//! The rules are those of `cef_bridge/casing.py` and `cef_bridge/formats/text.py`, and of Python's
//! `str.strip`. Every cost is linear in the text's bytes.

use std::borrow::Cow;

/// Tells whether a character is white space for Python's `str.strip` and `str.split`.
///
/// Rust's own `char::is_whitespace` lacks U+001C to U+001F.
pub fn is_space(character: char) -> bool {
    match character {
        '\t'..='\r' | '\x1c'..='\x20' => true,
        '\0'..='\x7f' => false,
        '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' => true,
        '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => true,
        _ => false,
    }
}

/// Returns the text without white space at its ends, as Python's `str.strip()`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Returns the text without white space at its beginning, as Python's `str.lstrip()`.
pub fn lstrip(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// Returns the text without white space at its end, as Python's `str.rstrip()`.
pub fn rstrip(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

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
    fn white_space_is_pythons() {
        let spaces: Vec<u32> = (0..=0x10FFFF)
            .filter(|&code| char::from_u32(code).is_some_and(is_space))
            .collect();
        let python = [
            0x9, 0xa, 0xb, 0xc, 0xd, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680, 0x2000,
            0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028,
            0x2029, 0x202f, 0x205f, 0x3000,
        ];
        assert_eq!(spaces, python);
        assert_eq!(strip("\x1f a\u{3000}b \u{85}"), "a\u{3000}b");
        assert_eq!((lstrip(" a "), rstrip(" a "), strip(" ")), ("a ", " a", ""));
    }

    #[test]
    fn cases_follow_the_table_and_nothing_else() {
        let cases = Cases::load(&small()).expect("a table");
        assert_eq!(cases.lower("ÀÖ ABC Āā Ą Ć"), "àö abc āā ą ć");
        assert_eq!(cases.lower("Ø ā"), "Ø ā");
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

// STUB
pub fn cut(text: &str, max_chars: usize) -> &str {
    let end = text.char_indices().nth(max_chars).map_or(text.len(), |(at, _)| at);
    rstrip(&text[..end])
}
fn harm(c: char) -> u8 {
    match c {
        '\0'..='\x09' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' => 1,
        '\n' | '\r' => 2,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => 4,
        _ => 0,
    }
}
pub fn neutralise(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| harm(c) & 5 != 0) { return Cow::Borrowed(text); }
    let mut out = String::new();
    for c in text.chars() { if harm(c) & 5 != 0 { out.push_str(&format!("<U+{:04X}>", c as u32)) } else { out.push(c) } }
    Cow::Owned(out)
}
pub fn break_up<'a>(text: &'a str, needles: &[String]) -> Cow<'a, str> {
    if !needles.iter().any(|n| text.contains(n.as_str())) { return Cow::Borrowed(text); }
    let mut out = String::new();
    for (at, c) in text.char_indices() {
        out.push(c);
        if needles.iter().any(|n| text[at..].starts_with(n.as_str())) { out.push_str("<!>"); }
    }
    Cow::Owned(out)
}
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Marks(u8);
impl Marks {
    pub fn and(self, other: Marks) -> Marks { Marks(self.0 | other.0) }
    pub fn is_empty(self) -> bool { self.0 == 0 }
    pub fn words(self) -> String {
        let w = [(1, "control"), (2, "newline"), (4, "bidi"), (8, "cef_header")];
        w.iter().filter(|(b, _)| self.0 & b != 0).map(|(_, t)| *t).collect::<Vec<_>>().join(",")
    }
}
pub fn marks_of(text: &str) -> Marks {
    let mut m = if crate::format::is_printable(text.as_bytes()) { 0 } else { text.chars().fold(0, |m, c| m | harm(c)) };
    if text.contains("EF:") {
        let b = text.as_bytes();
        let found = text.match_indices("EF:").any(|(at, _)| {
            (at >= 1 && b[at - 1] == b'C' && b.get(at + 3).is_some_and(u8::is_ascii_digit)) || (at >= 2 && &b[at - 2..at] == b"LE")
        });
        if found { m |= 8; }
    }
    Marks(m)
}

//! JSON (RFC 8259), strict: what orjson reads is read here the same way, and all else is left to
//! Python, which is more forgiving (`cef_bridge/kubearmor/json_text.py`).
//!
//! In comes a text that is known to be UTF-8; out come values whose texts are slices of it, but for
//! those with escapes.

use crate::arena::Arena;
use crate::index::Index;
use crate::numbers::{float_text, json_float};

/// Lists and objects in one another; deeper ones are left to Python, which refuses them from 64 on.
const MOST_LEVELS: usize = 60;
/// Names that are compared each with each: to sort them takes longer.
const FEW: usize = 8;
/// Digits of an integer that fits into 64 bits whatever they are.
const MOST_DIGITS: usize = 18;
/// From here on a double leaves integers out: Python reads such a number again, with all digits.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A JSON value; integers as they are written.
#[derive(Clone, Copy, Debug)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Truth(bool),
    /// A whole number.
    Integer(&'a str),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(&'a str),
    /// A list.
    List(&'a [Json<'a>]),
    /// An object, in the order it came.
    Map(&'a [(&'a str, Json<'a>)]),
}

/// Reads one text from its beginning on. Every method returns None for what is left to Python.
pub struct Reader<'a> {
    /// The index's line, up to the end of the text.
    text: &'a str,
    at: usize,
    arena: &'a Arena,
    index: Index<'a>,
}

impl<'a> Reader<'a> {
    /// Begin to read a text that is a slice of the index's line.
    pub fn new(text: &'a str, index: Index<'a>, arena: &'a Arena) -> Option<Self> {
        let at = index.place_of(text)?;
        Some(Reader {
            text: index.line.get(..at + text.len())?,
            at,
            arena,
            index,
        })
    }

    /// Return the byte that is next, behind white space.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Pass by a byte that has to be next.
    #[inline]
    pub fn pass(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Check that nothing follows but white space.
    pub fn end(&mut self) -> Option<()> {
        if self.peek().is_none() {
            Some(())
        } else {
            None
        }
    }

    /// Read the name of a field and the colon behind it.
    #[inline]
    pub fn name(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.pass(b':')?;
        Some(name)
    }

    /// Pass by what stands between two entries, or the end: false there.
    #[inline]
    pub fn more(&mut self, close: u8) -> Option<bool> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            _ if byte == close => Some(false),
            _ => None,
        }
    }

    /// Pass by the bracket that opens a list or an object; false when it is closed again at once.
    #[inline]
    pub fn opens(&mut self, open: u8, close: u8) -> Option<bool> {
        self.pass(open)?;
        if self.peek()? != close {
            return Some(true);
        }
        self.at += 1;
        Some(false)
    }

    /// Read `null`, if that is next.
    pub fn null(&mut self) -> Option<bool> {
        if self.peek()? != b'n' {
            return Some(false);
        }
        self.literal("null").map(|()| true)
    }

    /// Read a string.
    #[inline]
    pub fn string(&mut self) -> Option<&'a str> {
        self.pass(b'"')?;
        let begin = self.at;
        let end = self.index.stop(begin);
        match self.text.as_bytes().get(end)? {
            b'"' => {
                self.at = end + 1;
                // SAFETY: a quote stands before `begin` and at `end`, which is not before it: no
                // character is cut. Asking again took 16 of 53 instructions a string.
                Some(unsafe { self.text.get_unchecked(begin..end) })
            }
            b'\\' => self.escaped(begin, end),
            _ => None,
        }
    }

    /// Read a string that has escapes, the first of them at `escape`.
    fn escaped(&mut self, begin: usize, escape: usize) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let (mut from, mut at) = (begin, escape);
        self.arena.write(|made| loop {
            made.push_str(self.text.get(from..at)?);
            match bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some(());
                }
                b'\\' => {
                    let (character, size) = escape_at(bytes, at)?;
                    made.push(character);
                    from = at + size;
                    at = self.index.stop(from);
                }
                _ => return None,
            }
        })
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        if !rest.starts_with(word.as_bytes()) {
            return None;
        }
        self.at += word.len();
        Some(())
    }

    /// Read a number: a whole one if it is written as one.
    pub fn number(&mut self) -> Option<Json<'a>> {
        self.peek()?;
        let rest = self.text.get(self.at..)?;
        let bytes = rest.as_bytes();
        // Nearly all are whole and have no sign: these take a third of the instructions.
        let many = bytes.iter().take_while(|it| it.is_ascii_digit()).count();
        let is_whole = matches!(bytes.get(many), Some(b',' | b'}'));
        if is_whole && (1..=MOST_DIGITS).contains(&many) && (bytes[0] != b'0' || many == 1) {
            self.at += many;
            return rest.get(..many).map(Json::Integer);
        }
        let digits_from = |from: usize| {
            bytes.get(from..).map_or(0, |rest| {
                rest.iter().take_while(|b| b.is_ascii_digit()).count()
            })
        };
        let first = usize::from(bytes.first() == Some(&b'-'));
        let whole = digits_from(first);
        let mut end = first + whole;
        if whole == 0 || (whole > 1 && bytes[first] == b'0') {
            return None;
        }
        let mut float = false;
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits_from(end + 1);
            if fraction == 0 {
                return None;
            }
            (end, float) = (end + 1 + fraction, true);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits_from(end);
            if exponent == 0 {
                return None;
            }
            (end, float) = (end + exponent, true);
        }
        let written = rest.get(..end)?;
        self.at += end;
        if !float {
            // -0 is 0 for a reader of integers, and too many digits are no integer of 64 bits.
            return (whole <= MOST_DIGITS && written != "-0").then_some(Json::Integer(written));
        }
        let number: f64 = written.parse().ok()?;
        (number.abs() < EXACT).then_some(Json::Float(number))
    }

    /// Read any value.
    pub fn value(&mut self) -> Option<Json<'a>> {
        self.value_at(0)
    }

    fn value_at(&mut self, level: usize) -> Option<Json<'a>> {
        if level > MOST_LEVELS {
            return None;
        }
        match self.peek()? {
            b'"' => self.string().map(Json::Text),
            b'{' => {
                let mut entries = Vec::new();
                let mut more = self.opens(b'{', b'}')?;
                while more {
                    entries.push((self.name()?, self.value_at(level + 1)?));
                    more = self.more(b'}')?;
                }
                are_different(entries.iter().map(|(name, _)| *name))?;
                Some(Json::Map(self.arena.slice(&entries)))
            }
            b'[' => {
                let mut entries = Vec::new();
                let mut more = self.opens(b'[', b']')?;
                while more {
                    entries.push(self.value_at(level + 1)?);
                    more = self.more(b']')?;
                }
                Some(Json::List(self.arena.slice(&entries)))
            }
            b'n' => self.literal("null").map(|()| Json::Null),
            b't' => self.literal("true").map(|()| Json::Truth(true)),
            b'f' => self.literal("false").map(|()| Json::Truth(false)),
            _ => self.number(),
        }
    }
}

/// Check that no name stands twice: of such the last one counts, at the place of the first.
pub fn are_different<'n>(names: impl ExactSizeIterator<Item = &'n str> + Clone) -> Option<()> {
    if names.len() > FEW {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        return names.windows(2).all(|two| two[0] != two[1]).then_some(());
    }
    let mut rest = names;
    while let Some(name) = rest.next() {
        if rest.clone().any(|other| other == name) {
            return None;
        }
    }
    Some(())
}

/// Return the character of the escape at a place, and how many bytes the escape has.
fn escape_at(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let plain = match bytes.get(at + 1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = hexadecimal(bytes, at + 2)?;
            if !(0xD800..0xDC00).contains(&first) {
                // A surrogate without its other half is none of the characters that Rust has.
                return Some((char::from_u32(first)?, 6));
            }
            if bytes.get(at + 6..at + 8)? != b"\\u" {
                return None;
            }
            let second = hexadecimal(bytes, at + 8)?;
            if !(0xDC00..0xE000).contains(&second) {
                return None;
            }
            let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            return Some((char::from_u32(code)?, 12));
        }
        _ => return None,
    };
    Some((plain, 2))
}

fn hexadecimal(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |sum, digit| {
        Some(sum * 16 + char::from(*digit).to_digit(16)?)
    })
}

impl Json<'_> {
    /// Tell whether a field with it counts as absent.
    pub fn is_empty(&self) -> bool {
        matches!(
            self,
            Json::Null | Json::Text("") | Json::List([]) | Json::Map([])
        )
    }

    /// Write the value as `to_text` of `cef_bridge/mapping/program/conditions.py` does. None: to Python.
    pub fn write_text(&self, out: &mut String) -> Option<()> {
        match self {
            Json::Null => {}
            Json::Truth(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Json::Integer(digits) => out.push_str(digits),
            Json::Float(number) => out.push_str(&float_text(*number)),
            Json::Text(text) => out.push_str(text),
            Json::List(entries) if entries.iter().all(|each| matches!(each, Json::Text(_))) => {
                for (at, entry) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    entry.write_text(out)?;
                }
            }
            Json::List(_) | Json::Map(_) => self.write(out)?,
        }
        Some(())
    }

    /// Write the value as compact JSON, as orjson does. None: to Python.
    pub fn write(&self, out: &mut String) -> Option<()> {
        match self {
            Json::Null => out.push_str("null"),
            Json::Truth(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Json::Integer(digits) => out.push_str(digits),
            Json::Float(number) => out.push_str(&json_float(*number)),
            Json::Text(text) => write_string(text, out),
            Json::List(entries) => {
                out.push('[');
                for (at, entry) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    entry.write(out)?;
                }
                out.push(']');
            }
            Json::Map(entries) => {
                out.push('{');
                for (at, (name, entry)) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_string(name, out);
                    out.push(':');
                    entry.write(out)?;
                }
                out.push('}');
            }
        }
        Some(())
    }
}

/// Write a JSON string as orjson does.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", character as u32)),
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::arena::Arena;
    use crate::index::Index;

    fn again(text: &str) -> Option<String> {
        let arena = Arena::default();
        let mut reader = Reader::new(text, Index::of_text(text, b"", &arena), &arena)?;
        let value = reader.value()?;
        reader.end()?;
        let mut out = String::new();
        value.write(&mut out)?;
        Some(out)
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in [
            r#"{"a":[1,-2,0,"",{"b":null}],"c":true,"d":1.5}"#,
            r#""\"\\\n\r\t\b\f\u0001""#,
            "\"é名🛡\u{7f}\"",
        ] {
            assert_eq!(again(text).as_deref(), Some(text));
        }
        assert_eq!(
            again(r#" [ "\u00e9\ud83d\ude00\/" ] "#).as_deref(),
            Some("[\"é😀/\"]")
        );
    }

    #[test]
    fn what_is_not_strict_is_left() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "-0",
            "1e",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"a\tb\"",
            "nul",
            "[1] 2",
            r#"{"a":1,"a":2}"#,
            "1234567890123456789",
            "1e300",
            "'a'",
        ] {
            assert_eq!(again(text), None, "{text}");
        }
        assert_eq!(again(&"[".repeat(100)), None);
    }
}

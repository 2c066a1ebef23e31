//! What is suspicious in a text: `marks_of` of `cef_bridge/mapping/program/rules.py`.

use crate::scan::{odd_characters, two_from};
use std::ops::{BitOr, BitOrAssign};

/// What a raw text holds that a reader should know of; a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// A control character but CR and LF; U+2028 and U+2029 too.
    pub const CONTROL: Self = Self(1);
    /// CR or LF.
    pub const NEWLINE: Self = Self(2);
    /// A character that turns the reading order.
    pub const BIDI: Self = Self(4);
    /// What begins a record, `CEF:0` or `LEEF:`.
    pub const CEF_HEADER: Self = Self(8);

    // A text of Rust has no surrogates, whose mark stands between the last two.
    const NAMES: [(Self, &'static str); 4] = [
        (Self::CONTROL, "control"),
        (Self::NEWLINE, "newline"),
        (Self::BIDI, "bidi"),
        (Self::CEF_HEADER, "cef_header"),
    ];

    /// Tells whether one of some marks is among these.
    pub fn has(self, some: Self) -> bool {
        self.0 & some.0 != 0
    }

    /// Returns CEF_HEADER or none.
    pub fn header_if(holds: bool) -> Self {
        if holds {
            Self::CEF_HEADER
        } else {
            Self::default()
        }
    }

    /// Tells whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the names of the marks in the order of `event.suspicious`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |&(mark, _)| self.has(mark))
            .map(|(_, name)| name)
    }
}

impl BitOr for Marks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Marks {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Returns what is suspicious in a raw text.
///
/// Where neither CONTROL nor BIDI is among it, `sanitize` gives the text itself.
pub fn marks_of(text: &str) -> Marks {
    record_header(text, true) | odd_marks(text)
}

/// Returns what is suspicious in a raw text but for what begins a record.
pub fn odd_marks(text: &str) -> Marks {
    let mut marks = Marks::default();
    for (_, character) in odd_characters(text) {
        marks |= mark_of(character);
    }
    marks
}

/// Returns CEF_HEADER if what begins a record stands in the text: all that may be suspicious in one of
/// printable ASCII.
#[inline]
pub fn record_header(text: &str, has_colon: bool) -> Marks {
    Marks::header_if(has_colon && has_record_header(text))
}

fn mark_of(character: char) -> Marks {
    match character {
        '\r' | '\n' => Marks::NEWLINE,
        _ if is_control(character) => Marks::CONTROL,
        _ if is_bidi(character) => Marks::BIDI,
        _ => Marks::default(),
    }
}

/// Tells whether a character may not stand on a line as it is (`_harmful` of the reference).
pub(super) fn is_harmful(character: char) -> bool {
    is_control(character) || is_bidi(character)
}

fn is_control(character: char) -> bool {
    matches!(character, '\0'..='\t' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f'..='\u{9f}')
        || matches!(character, '\u{2028}' | '\u{2029}')
}

fn is_bidi(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Tells whether `CEF:` and a digit, or `LEEF:` stands in the text: SC4S would take what follows for
/// a record.
fn has_record_header(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = two_from(bytes, 0, *b"F:");
    while at < bytes.len() {
        if is_record_header(bytes, at + 1) {
            return true;
        }
        at = two_from(bytes, at + 1, *b"F:");
    }
    false
}

/// Tells whether a colon ends `LEEF:`, or `CEF:` before a digit.
#[inline]
pub fn is_record_header(bytes: &[u8], colon: usize) -> bool {
    let before = &bytes[..colon];
    before.last() == Some(&b'F')
        && (before.ends_with(b"LEEF")
            || before.ends_with(b"CEF") && bytes.get(colon + 1).is_some_and(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        let marks = marks_of(text);
        let mut colons = text.match_indices(':').map(|(at, _)| at);
        let has_header = colons.any(|at| is_record_header(text.as_bytes(), at));
        assert_eq!(has_header, marks.has(Marks::CEF_HEADER));
        assert_eq!(record_header(text, true) | odd_marks(text), marks);
        marks.names().collect()
    }

    #[test]
    fn a_text_shows_what_is_suspicious_in_it() {
        assert!(marks_of("/usr/bin/apt update: 5 %").is_empty());
        assert!(marks_of("äöü 中文 \u{a0}\u{ad}\u{200b}").is_empty());
        assert_eq!(names("a\x1bb\r\u{202e}"), ["control", "newline", "bidi"]);
        for control in [
            "\0", "\t", "\x7f", "\u{80}", "\u{9f}", "\u{2028}", "\u{2029}",
        ] {
            assert_eq!(names(control), ["control"], "{control:?}");
        }
        for bidi in [
            "\u{61c}", "\u{200e}", "\u{200f}", "\u{202a}", "\u{2066}", "\u{2069}",
        ] {
            assert_eq!(names(bidi), ["bidi"], "{bidi:?}");
        }
    }

    #[test]
    fn the_beginning_of_a_record_is_suspicious_anywhere() {
        for text in [
            "CEF:0|a",
            "x CEF:1",
            "LEEF:",
            "aLEEF:2.0",
            "CEF:CEF:9",
            "EF:LEEF:",
            "CEF:x LEEF:",
        ] {
            assert_eq!(names(text), ["cef_header"], "{text}");
        }
        for text in [
            "CEF:",
            "CEF:x",
            "EF:0",
            "cef:0",
            "CEF :0",
            "CEF:\u{663}",
            "C:EF:0",
            "LEFEF:",
        ] {
            assert!(names(text).is_empty(), "{text}");
        }
    }
}

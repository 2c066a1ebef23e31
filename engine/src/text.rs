//! Texts as the reference treats them: white space, case, what may not stand on a line.
//!
//! In come texts that an attacker may have written, out come texts, borrowed where nothing changed.
//! The rules are those of Python's `str.strip`, of `cef_bridge/casing.py` and of
//! `cef_bridge/lines/text.py`. Every cost is linear in the text's bytes. What Python counts as
//! characters are code points, `char`s here; lone surrogates do not occur in a `&str`.

mod cases;
mod marks;
mod neutral;

pub use cases::{lower_ascii, upper_ascii, Cases};
pub use marks::{is_record_header, marks_of, odd_marks, record_header, Marks};
pub use neutral::{defang, sanitize, Neutral, BREAK};

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

/// Returns at most so many characters of the text, without white space at its end.
pub fn cut(text: &str, most: usize) -> &str {
    rstrip(first(text, most))
}

/// Returns the first characters of a text, so many of them.
pub fn first(text: &str, count: usize) -> &str {
    match text.as_bytes().get(..count) {
        None => text,
        Some(begin) if begin.is_ascii() => &text[..count],
        Some(_) => match text.char_indices().nth(count) {
            Some((end, _)) => text.get(..end).unwrap_or(text),
            None => text,
        },
    }
}

/// Adds a text to another, one of up to 32 bytes without a call.
///
/// Most texts of a message are such, 66 an event: `String::push_str` took 60 instructions for one, with
/// `memcpy`, and this takes half of that.
#[inline(always)]
pub fn push(text: &str, out: &mut String) {
    // SAFETY: what is added is a whole text.
    push_bytes(text.as_bytes(), unsafe { out.as_mut_vec() });
}

/// Adds bytes to others, as `push` does with a text.
#[inline(always)]
pub fn push_bytes(some: &[u8], out: &mut Vec<u8>) {
    let (from, size) = (some.as_ptr(), some.len());
    if size > 32 {
        out.extend_from_slice(some);
        return;
    }
    out.reserve(32);
    // SAFETY: there is room for 32 bytes. Each branch reads and writes two pieces of what has at
    // least the bytes of one: its first and its last ones, which may have some in common.
    unsafe {
        let to = out.as_mut_ptr().add(out.len());
        macro_rules! ends {
            ($piece:ty) => {{
                let behind = size - std::mem::size_of::<$piece>();
                let first = from.cast::<$piece>().read_unaligned();
                let last = from.add(behind).cast::<$piece>().read_unaligned();
                to.cast::<$piece>().write_unaligned(first);
                to.add(behind).cast::<$piece>().write_unaligned(last);
            }};
        }
        match size {
            16.. => ends!(u128),
            8.. => ends!(u64),
            4.. => ends!(u32),
            2.. => ends!(u16),
            1 => ends!(u8),
            _ => {}
        }
        out.set_len(out.len() + size);
    }
}

/// Tells whether a text has more than so many characters; looks at no more than these.
#[inline]
pub fn is_longer(text: &str, count: usize) -> bool {
    text.len() > count && first(text, count).len() < text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_text_of_any_size_is_added_whole() {
        let text: String = ('a'..='z').chain('A'..='Z').collect();
        for size in 0..text.len() {
            for before in 0..3 {
                let mut out = "é".repeat(before);
                push(&text[before..size.max(before)], &mut out);
                let expected = "é".repeat(before) + &text[before..size.max(before)];
                assert_eq!(out, expected);
            }
        }
    }

    #[test]
    fn a_cut_counts_characters() {
        assert_eq!(
            (first("äöü", 2), first("äöü", 9), first("ä", 0)),
            ("äö", "äöü", "")
        );
        assert_eq!((cut("a  b", 3), cut("a ", 9)), ("a", "a"));
        assert!(is_longer("äöü", 2) && !is_longer("äöü", 3) && !is_longer("", 0));
    }
}

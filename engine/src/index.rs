//! One look at each byte of a line, sixty-four at a time: where its strings may end, and where
//! something stands that a format may have to change.
//!
//! All that reads the line afterwards asks these bits: the reader of JSON where a string ends, and
//! the writer of a value whether it may be written as it is. A value is a slice of the line; by its
//! address its bits are found again. What was made anew (an escape that was undone, two parts that
//! were joined) is not of the line, and is looked at byte by byte when it is written.

use crate::arena::Arena;
use crate::scan::masks;

/// Bytes whose bits are one number.
const WORD: usize = 64;

/// What there is to know of the bytes of a line, or of another text that is read as one.
#[derive(Clone, Copy, Default)]
pub struct Index<'a> {
    /// The line.
    pub line: &'a str,
    /// A bit for each byte at which the plain text of a JSON string ends.
    stops: &'a [u64],
    /// A bit for each byte that a format may change, or that says something of the text.
    marked: &'a [u64],
}

/// The bits of a line, in memory that is used again for the next one.
#[derive(Default)]
pub struct Bits {
    stops: Vec<u64>,
    marked: Vec<u64>,
    /// All bytes are ASCII.
    pub is_ascii: bool,
}

impl Bits {
    /// Look at a line that begins there; return where it ends: at its line feed, or at the end of the
    /// bytes. `asked` are bytes that are marked besides those that are always.
    pub fn of_line(&mut self, bytes: &[u8], from: usize, asked: &[u8]) -> usize {
        self.look(bytes.get(from..).unwrap_or(&[]), asked, true) + from
    }

    fn look(&mut self, bytes: &[u8], asked: &[u8], is_line: bool) -> usize {
        let masks = masks();
        self.stops.clear();
        self.marked.clear();
        let mut high = 0;
        let mut end = bytes.len();
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut last = [b' '; WORD];
            let (some, behind) = rest.split_first_chunk().unwrap_or_else(|| {
                last[..rest.len()].copy_from_slice(rest);
                (&last, &[])
            });
            let found = masks(some, asked);
            let mut kept = !0;
            let mut behind = behind;
            if is_line && found.controls != 0 {
                if let Some(size) = some.iter().position(|byte| *byte == b'\n') {
                    kept = !(!0 << size);
                    end = bytes.len() - rest.len() + size;
                    behind = &[];
                }
            }
            high |= found.high & kept;
            self.stops.push(found.stops & kept);
            self.marked.push(found.marked & kept);
            rest = behind;
        }
        self.is_ascii = high == 0;
        end
    }

    /// Return the bits of the line that was looked at last, which is this one.
    pub fn index<'a>(&self, line: &'a str, arena: &'a Arena) -> Index<'a> {
        Index {
            line,
            stops: arena.slice(&self.stops),
            marked: arena.slice(&self.marked),
        }
    }
}

impl<'a> Index<'a> {
    /// Return the index of a text that is no line of the block.
    pub fn of_text(text: &'a str, asked: &[u8], arena: &'a Arena) -> Index<'a> {
        let mut bits = Bits::default();
        bits.look(text.as_bytes(), asked, false);
        bits.index(text, arena)
    }

    /// Return where a slice of the line begins in it; None for another text.
    #[inline]
    pub fn place_of(&self, text: &str) -> Option<usize> {
        let place = (text.as_ptr() as usize).wrapping_sub(self.line.as_ptr() as usize);
        let size = self.line.len();
        (place <= size && text.len() <= size - place).then_some(place)
    }

    /// Return the place from another on at which a string's plain text ends, or the end of the line.
    #[inline]
    pub fn stop(&self, from: usize) -> usize {
        let mut word = from / WORD;
        let mut bits = self.stops.get(word).map_or(0, |bits| bits >> (from % WORD));
        if bits != 0 {
            return from + bits.trailing_zeros() as usize;
        }
        loop {
            word += 1;
            match self.stops.get(word) {
                Some(0) => {}
                Some(some) => bits = *some,
                None => return self.line.len(),
            }
            if bits != 0 {
                return word * WORD + bits.trailing_zeros() as usize;
            }
        }
    }

    /// Tell whether a text is a slice of the line without any byte that is marked.
    #[inline]
    pub fn is_unmarked(&self, text: &str) -> bool {
        let Some(place) = self.place_of(text) else {
            return false;
        };
        if text.is_empty() {
            return true;
        }
        let last = place + text.len() - 1;
        let (from, to) = (!0 << (place % WORD), !0 >> (WORD - 1 - last % WORD));
        let Some(words) = self.marked.get(place / WORD..=last / WORD) else {
            return false;
        };
        match words {
            [one] => one & from & to == 0,
            [first, between @ .., last] => {
                first & from == 0 && last & to == 0 && between.iter().all(|bits| *bits == 0)
            }
            [] => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bits, Index};
    use crate::arena::Arena;

    #[test]
    fn a_line_ends_at_its_line_feed_wherever_that_stands() {
        let mut bits = Bits::default();
        for size in 0..200 {
            let mut bytes = vec![b'a'; 7];
            bytes.extend(vec![b'b'; size]);
            assert_eq!(bits.of_line(&bytes, 7, b""), 7 + size);
            bytes.extend(b"\n\"\xff\nc");
            assert_eq!(bits.of_line(&bytes, 7, b""), 7 + size);
            assert!(bits.is_ascii, "{size}: what follows is another line");
            assert_eq!(bits.of_line(&bytes, 8 + size, b""), 10 + size);
            assert!(!bits.is_ascii);
        }
    }

    #[test]
    fn stops_and_marks_are_found_wherever_they_stand() {
        let arena = Arena::default();
        for size in [1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 300] {
            for place in 0..size {
                for byte in ['"', '\\', '\u{1}', '\n', ':', '=', '|', '\u{7f}'] {
                    let mut text = "a".repeat(size);
                    text.replace_range(place..=place, &byte.to_string());
                    let index = Index::of_text(&text, b"|", &arena);
                    let stops = matches!(byte, '"' | '\\' | '\u{1}' | '\n');
                    let expected = if stops { place } else { size };
                    assert_eq!(index.stop(0), expected, "{byte:?} at {place} of {size}");
                    assert_eq!(index.stop(place), expected);
                    assert_eq!(index.stop(place + 1), size);
                    assert_eq!(index.is_unmarked(&text), byte == '"');
                    assert!(index.is_unmarked(&text[..place]));
                    assert!(index.is_unmarked(&text[place + 1..]));
                    assert_eq!(index.is_unmarked(&text[place..=place]), byte == '"');
                    assert!(!index.is_unmarked("of another place"));
                }
            }
        }
    }
}

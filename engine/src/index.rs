//! One look at each byte of a line, sixty-four at a time: where its strings may end, and where
//! something stands that a format may have to change.
//!
//! All that reads the line afterwards asks these bits: the reader of JSON where a string ends, and
//! the writer of a value whether it may be written as it is. A value is a slice of the line; by its
//! address its bits are found again. What was made anew (an escape that was undone, two parts that
//! were joined) is not of the line, and is looked at byte by byte when it is written.

use crate::arena::Arena;
use crate::scan::{visit_masks, Masks, Seen, Visitor, WORD};
use std::ops::ControlFlow;

/// What there is to know of the bytes of a line, or of another text that is read as one.
#[derive(Clone, Copy, Default)]
pub struct Index<'a> {
    /// The line.
    pub line: &'a str,
    /// What there is at each of its bytes.
    words: &'a [Word],
}

/// What there is at each of 64 bytes: see `Masks`.
#[derive(Clone, Copy)]
struct Word {
    stops: u64,
    escapes: u64,
    odd: u64,
    colons: u64,
}

impl Word {
    /// These a format may change, or they say something of a text.
    #[inline]
    fn marked(&self) -> u64 {
        self.escapes | self.odd | self.colons
    }
}

/// The bits of a line, in memory that is used again for the next one.
#[derive(Default)]
pub struct Bits {
    words: Vec<Word>,
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
        self.words.clear();
        let mut looking = Looking {
            words: &mut self.words,
            high: 0,
            is_line,
            end: bytes.len(),
        };
        visit_masks(bytes, asked, &mut looking);
        self.is_ascii = looking.high == 0;
        looking.end
    }

    /// Return the bits of the line that was looked at last, which is this one.
    pub fn index<'a>(&self, line: &'a str, arena: &'a Arena) -> Index<'a> {
        Index {
            line,
            words: arena.slice(&self.words),
        }
    }
}

struct Looking<'w> {
    words: &'w mut Vec<Word>,
    /// Which bytes are no ASCII.
    high: u64,
    /// A line feed ends it.
    is_line: bool,
    end: usize,
}

impl Visitor for Looking<'_> {
    #[inline(always)]
    fn visit(&mut self, some: &[u8; WORD], found: Masks) -> bool {
        let mut kept = !0;
        if self.is_line && found.controls != 0 {
            if let Some(size) = some.iter().position(|byte| *byte == b'\n') {
                kept = !(!0 << size);
                self.end = self.words.len() * WORD + size;
            }
        }
        self.high |= found.high & kept;
        self.words.push(Word {
            stops: found.stops & kept,
            escapes: found.escapes & kept,
            odd: found.odd & kept,
            colons: found.colons & kept,
        });
        kept == !0
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
        let first = self.words.get(word).map_or(0, |it| it.stops);
        let bits = first >> (from % WORD);
        if bits != 0 {
            return from + bits.trailing_zeros() as usize;
        }
        loop {
            word += 1;
            match self.words.get(word) {
                Some(Word { stops: 0, .. }) => {}
                Some(Word { stops, .. }) => return word * WORD + stops.trailing_zeros() as usize,
                None => return self.line.len(),
            }
        }
    }

    /// Tell whether a text is a slice of the line without any byte that is marked.
    #[inline(always)] // of each value of a message: as a call, it took 15 instructions more
    pub fn is_unmarked(&self, text: &str) -> bool {
        self.place_of(text)
            .is_some_and(|place| !self.any(place, text.len(), Word::marked))
    }

    /// Tell what there is in so many bytes of the line, as `look` does.
    pub fn seen(&self, place: usize, size: usize) -> Seen {
        let (mut odd, mut colons, mut escapes) = (0, 0, 0);
        let mut add = |word: &Word, kept: u64| {
            odd |= word.odd & kept;
            colons |= word.colons & kept;
            escapes |= word.escapes & !word.odd & kept;
        };
        let (words, from, to) = self.words_of(place, size);
        match words {
            [] if size > 0 => (odd, colons, escapes) = (!0, !0, !0), // not of the line: anything
            [] => {}
            [one] => add(one, from & to),
            [first, between @ .., last] => {
                add(first, from);
                between.iter().for_each(|word| add(word, !0));
                add(last, to);
            }
        }
        Seen {
            odd: odd != 0,
            colon: colons != 0,
            escape: escapes != 0,
        }
    }

    /// Return where in the line, from a place on, a byte stands that a value of CEF may not hold as it
    /// is; `to` for none before it.
    #[inline]
    pub fn escape(&self, from: usize, to: usize) -> usize {
        self.next(from, to, |it| it.escapes)
    }

    /// Return how many such bytes there are among so many.
    pub fn escapes(&self, place: usize, size: usize) -> usize {
        let mut many = 0;
        let _ = self.each(
            place,
            size,
            |it| it.escapes,
            |_| {
                many += 1;
                ControlFlow::Continue(())
            },
        );
        many
    }

    /// Tell whether something holds of a colon among so many bytes; it is told the colon's place,
    /// counted from the first of them.
    pub fn any_colon(&self, place: usize, size: usize, holds: impl Fn(usize) -> bool) -> bool {
        let found = self.each(
            place,
            size,
            |it| it.colons,
            |at| {
                if holds(at - place) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        found.is_break()
    }

    /// Return the words in which so many bytes of the line stand, and which bits of the first and of
    /// the last one are theirs.
    #[inline(always)]
    fn words_of(&self, place: usize, size: usize) -> (&'a [Word], u64, u64) {
        let Some(last) = size.checked_sub(1).map(|more| place + more) else {
            return (&[], 0, 0);
        };
        let words = self.words.get(place / WORD..=last / WORD).unwrap_or(&[]);
        let (from, to) = (!0 << (place % WORD), !0 >> (WORD - 1 - last % WORD));
        (words, from, to)
    }

    /// Visit each of so many bytes that has a bit. They are few: most words have none.
    #[inline(always)]
    fn each(
        &self,
        place: usize,
        size: usize,
        bits: impl Fn(&Word) -> u64,
        mut visit: impl FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (first, to) = (place / WORD, place + size);
        let (words, _, _) = self.words_of(place, size);
        for (number, word) in words.iter().enumerate() {
            let mut bits = bits(word);
            while bits != 0 {
                let at = (first + number) * WORD + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if (place..to).contains(&at) {
                    visit(at)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    #[inline]
    fn next(&self, from: usize, to: usize, bits: impl Fn(&Word) -> u64) -> usize {
        let mut begin = from / WORD * WORD;
        let mut kept = !0 << (from % WORD);
        while begin < to {
            let found = self.words.get(begin / WORD).map_or(0, &bits) & kept;
            if found != 0 {
                return to.min(begin + found.trailing_zeros() as usize);
            }
            (begin, kept) = (begin + WORD, !0);
        }
        to
    }

    /// Tell whether one of so many bytes has a bit, from a place on.
    #[inline(always)]
    fn any(&self, place: usize, size: usize, bits: impl Fn(&Word) -> u64) -> bool {
        match self.words_of(place, size) {
            ([], _, _) => size > 0, // not of the line: anything may be there
            ([one], from, to) => bits(one) & from & to != 0,
            ([first, between @ .., last], from, to) => {
                let more = || between.iter().any(|it| bits(it) != 0);
                bits(first) & from != 0 || bits(last) & to != 0 || more()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bits, Index};
    use crate::arena::Arena;
    use crate::scan::look;

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
                    assert_eq!(index.seen(0, size), look(text.as_bytes(), b"|"));
                    let is = |wanted: bool| if wanted { place } else { size };
                    let escapes = matches!(byte, '\\' | '=' | '\u{1}' | '\n');
                    assert_eq!(index.escape(0, size), is(escapes));
                    assert_eq!(index.escape(place, size), is(escapes));
                    assert_eq!(index.escape(place + 1, size), size);
                    assert_eq!(index.escape(0, place), place);
                    assert_eq!(index.escapes(0, size), usize::from(escapes));
                    assert_eq!(index.escapes(0, place), 0);
                    assert_eq!(index.any_colon(0, size, |at| at == place), byte == ':');
                    assert_eq!(index.any_colon(place, 1, |at| at == 0), byte == ':');
                    assert!(!index.any_colon(0, size, |at| at != place));
                    assert!(!index.any_colon(0, place, |_| true));
                    let before = &text[..place];
                    assert_eq!(index.seen(0, place), look(before.as_bytes(), b"|"));
                }
            }
        }
    }
}

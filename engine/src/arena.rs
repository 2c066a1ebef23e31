//! Texts that are made while a block is converted, and live until it is done.
//!
//! Most texts of an event are slices of the block itself. What has to be made anew (an escape that
//! was undone, two parts that were joined) is put here, and freed with the arena as a whole.

use std::borrow::Cow;
use std::cell::{Cell, UnsafeCell};
use std::mem::align_of;

/// Bytes of a piece, if nothing asks for a larger one.
const PIECE: usize = 1 << 16;

/// Bytes that an arena keeps for its next texts when it is cleared.
const KEPT: usize = 1 << 20;

/// Hands out memory that lives as long as the arena is borrowed.
pub struct Arena {
    /// The last one is in use.
    pieces: UnsafeCell<Vec<Box<[u8]>>>,
    /// Where its free part begins.
    at: Cell<usize>,
    /// Pieces of `PIECE` bytes that are free.
    free: UnsafeCell<Vec<Box<[u8]>>>,
    /// Memory for a text that is being written.
    written: Cell<String>,
}

impl Default for Arena {
    fn default() -> Self {
        Arena {
            pieces: UnsafeCell::new(vec![vec![0; PIECE].into_boxed_slice()]),
            at: Cell::new(0),
            free: UnsafeCell::default(),
            written: Cell::default(),
        }
    }
}

impl Arena {
    /// Free all that was handed out.
    pub fn clear(&mut self) {
        let free = self.free.get_mut();
        for piece in self.pieces.get_mut().drain(1..) {
            if piece.len() == PIECE && free.len() < KEPT / PIECE {
                free.push(piece);
            }
        }
        self.at.set(0);
    }

    /// Return so many fresh bytes, aligned for a type.
    fn take(&self, size: usize, align: usize) -> *mut u8 {
        // SAFETY: the vector is reached through `&self` here alone, and the reference does not leave
        // this function. The boxes it holds do not move when it grows, so what was handed out stays.
        let pieces = unsafe { &mut *self.pieces.get() };
        if let Some(piece) = pieces.last_mut() {
            let begin = (piece.as_ptr() as usize + self.at.get()).next_multiple_of(align)
                - piece.as_ptr() as usize;
            if begin + size <= piece.len() {
                self.at.set(begin + size);
                return piece[begin..].as_mut_ptr();
            }
        }
        let wanted = PIECE.max(size + align);
        // SAFETY: as above, and the pieces in it are in nobody's hands.
        let free = unsafe { &mut *self.free.get() };
        let mut piece = match free.pop() {
            Some(piece) if wanted == PIECE => piece,
            other => {
                free.extend(other);
                vec![0_u8; wanted].into_boxed_slice()
            }
        };
        let begin = (piece.as_ptr() as usize).next_multiple_of(align) - piece.as_ptr() as usize;
        let place = piece[begin..].as_mut_ptr();
        self.at.set(begin + size);
        pieces.push(piece);
        place
    }

    /// Return a copy of some values.
    pub fn slice<T: Copy>(&self, values: &[T]) -> &[T] {
        let place = self.take(std::mem::size_of_val(values), align_of::<T>()) as *mut T;
        // SAFETY: `take` gave memory of this size and alignment that nothing else has; it is written
        // whole before it is read, and freed no earlier than `clear`, which needs `&mut self`.
        unsafe {
            place.copy_from_nonoverlapping(values.as_ptr(), values.len());
            std::slice::from_raw_parts(place, values.len())
        }
    }

    /// Return a copy of a value.
    pub fn value<T: Copy>(&self, value: T) -> &T {
        &self.slice(&[value])[0]
    }

    /// Return a text that is written piece by piece, None if that fails; what it is written into is
    /// used again for the next one. The calls of an allocator took 5 % of the time for alerts.
    pub fn write(&self, write: impl FnOnce(&mut String) -> Option<()>) -> Option<&str> {
        let mut text = self.written.take();
        text.clear();
        let done = write(&mut text);
        let copy = done.map(|()| self.text(&text));
        if text.capacity() <= PIECE {
            self.written.set(text);
        }
        copy
    }

    /// Return a copy of a text.
    pub fn text(&self, text: &str) -> &str {
        // SAFETY: a copy of the bytes of a `str`.
        unsafe { std::str::from_utf8_unchecked(self.slice(text.as_bytes())) }
    }

    /// Return a whole number in decimal digits.
    pub fn number(&self, number: i64) -> &str {
        let mut digits = [b'-'; 20];
        let mut at = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        at -= usize::from(number < 0);
        self.text(std::str::from_utf8(&digits[at..]).unwrap_or("0"))
    }

    /// Return a text as it is, or a copy of one that was made.
    pub fn keep<'a>(&'a self, text: Cow<'a, str>) -> &'a str {
        match text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => self.text(&text),
        }
    }

    /// Return texts joined, with another one between each two.
    pub fn join_by(&self, parts: &[&str], joint: &str) -> &str {
        let joined = self.write(|out| {
            for (at, part) in parts.iter().enumerate() {
                out.push_str(if at > 0 { joint } else { "" });
                out.push_str(part);
            }
            Some(())
        });
        joined.unwrap_or("")
    }

    /// Return texts joined.
    pub fn join(&self, parts: &[&str]) -> &str {
        let size = parts.iter().map(|part| part.len()).sum();
        let place = self.take(size, 1);
        let mut at = 0;
        for part in parts {
            // SAFETY: `take` gave `size` bytes, the sum of the parts' lengths.
            unsafe {
                place
                    .add(at)
                    .copy_from_nonoverlapping(part.as_ptr(), part.len())
            };
            at += part.len();
        }
        // SAFETY: all `size` bytes were written, with whole texts one after another.
        unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(place, size)) }
    }
}

#[cfg(test)]
mod tests {
    use super::Arena;

    #[test]
    fn what_was_handed_out_stays_as_it_was() {
        let arena = Arena::default();
        let texts: Vec<&str> = (0..5000)
            .map(|n| arena.text(&n.to_string().repeat(9)))
            .collect();
        let numbers = arena.slice(&[1_u64, 2, 3]);
        let long = arena.join(&["a", &"b".repeat(1 << 17), "c"]);
        for (n, text) in texts.iter().enumerate() {
            assert_eq!(*text, n.to_string().repeat(9));
        }
        assert_eq!(numbers, [1, 2, 3]);
        for number in [0, -1, 90, 1_772_366_400_000, i64::MIN, i64::MAX] {
            assert_eq!(arena.number(number), number.to_string());
        }
        assert_eq!(long.len(), (1 << 17) + 2);
        let inner = |out: &mut String| {
            out.push_str(arena.join_by(&["b", "c"], ", "));
            Some(())
        };
        let outer = arena.write(|out| {
            out.push('a');
            inner(out)
        });
        assert_eq!(outer, Some("ab, c"));
        assert_eq!(arena.write(|_| None), None);
        assert_eq!(arena.join_by(&[], ","), "");
    }
}

//! Looking through bytes, sixteen at a time.
//!
//! What is looked for is said once, by comparisons of all sixteen; a processor with instructions for
//! these does each at once, and for another one the compiler finds its own.

#[cfg(not(target_arch = "x86_64"))]
use portable::Sixteen;
#[cfg(target_arch = "x86_64")]
use sse2::Sixteen;

/// Bytes that are compared at once.
const MANY: usize = 16;

/// Return where the line ends that begins there: at its line feed, or at the end of the bytes.
#[inline]
pub fn line_end(bytes: &[u8], from: usize) -> usize {
    byte_from(bytes, from, b'\n')
}

/// Return where a byte stands next, or the end of the bytes.
#[inline]
pub fn byte_from(bytes: &[u8], from: usize, byte: u8) -> usize {
    place_of(bytes, from, |some| some.equal(byte))
}

/// Return where one byte is followed by another next, or the end of the bytes.
#[inline]
pub fn two_from(bytes: &[u8], from: usize, [one, two]: [u8; 2]) -> usize {
    let mut at = from;
    while let Some(some) = bytes.get(at..at + MANY + 1) {
        let (first, second) = (Sixteen::of(some), Sixteen::of(&some[1..]));
        let found = first.equal(one).bits() & second.equal(two).bits();
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += MANY;
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    let found = rest.windows(2).position(|some| some == [one, two]);
    found.map_or(bytes.len(), |place| at + place)
}

/// Tell whether a text has a byte of ASCII.
#[inline]
pub fn has_byte(text: &str, byte: u8) -> bool {
    byte_from(text.as_bytes(), 0, byte) < text.len()
}

/// Return where one of four bytes stands next, or the end of the bytes.
#[inline]
pub fn one_of_from(bytes: &[u8], from: usize, [a, b, c, d]: [u8; 4]) -> usize {
    place_of(bytes, from, |some| {
        some.equal(a) | some.equal(b) | some.equal(c) | some.equal(d)
    })
}

/// Return the characters of a text that are no printable ASCII, each with its place.
pub fn odd_characters(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = place_of(bytes, from, |some| some.at_most(0x1f) | some.at_least(0x7f));
        let character = text.get(at..)?.chars().next()?;
        from = at + character.len_utf8();
        Some((at, character))
    })
}

/// Return how many of some bytes are one of four.
pub fn count_of(bytes: &[u8], [a, b, c, d]: [u8; 4]) -> usize {
    let find = |some: Sixteen| some.equal(a) | some.equal(b) | some.equal(c) | some.equal(d);
    let rest = bytes
        .chunks_exact(MANY)
        .remainder()
        .iter()
        .filter(|it| [a, b, c, d].contains(it));
    // A place of sixteen counts up to 255 of its kind: counting the bits of each sixteen took three
    // times as many instructions, for SSE2 has none that counts bits.
    let many = bytes.chunks(255 * MANY).map(|part| {
        let counted = part
            .chunks_exact(MANY)
            .fold(Sixteen::NONE, |counted, some| {
                counted.and_those_of(find(Sixteen::of(some)))
            });
        counted.sum()
    });
    many.sum::<usize>() + rest.count()
}

/// What there is in some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// One that is no printable ASCII, or one of those that were asked for.
    pub odd: bool,
    /// A colon.
    pub colon: bool,
    /// An equals sign or a backslash.
    pub escape: bool,
}

/// Tell what there is in some bytes; `asked` makes more of them odd.
#[inline]
pub fn look(bytes: &[u8], asked: &[u8]) -> Seen {
    let looks = |some: Sixteen| {
        let mut odd = some.at_most(0x1f) | some.at_least(0x7f);
        for byte in asked {
            odd = odd | some.equal(*byte);
        }
        let escape = some.equal(b'=') | some.equal(b'\\');
        (odd, some.equal(b':'), escape)
    };
    let (mut odd, mut colon, mut escape) = looks(ends(bytes));
    let whole = bytes.chunks_exact(MANY);
    for some in whole {
        let more = looks(Sixteen::of(some));
        (odd, colon, escape) = (odd | more.0, colon | more.1, escape | more.2);
    }
    Seen {
        odd: odd.bits() != 0,
        colon: colon.bits() != 0,
        escape: escape.bits() != 0,
    }
}

/// What there is at each of 64 bytes: a bit for each, the lowest for the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Masks {
    /// At these the plain text of a JSON string ends: quotes, backslashes, control characters.
    pub stops: u64,
    /// These a value of CEF may not hold as they are: `=`, backslashes, control characters.
    pub escapes: u64,
    /// What is no printable ASCII, and what was asked for.
    pub odd: u64,
    /// Colons.
    pub colons: u64,
    /// Control characters of ASCII but DEL.
    pub controls: u64,
    /// No ASCII.
    pub high: u64,
}

/// Bytes whose masks are one number each.
pub const WORD: usize = 4 * MANY;

/// What is done with masks. Its method has to be inlined always: as a call, it took 30 instructions
/// more, a hundredth of all.
pub trait Visitor {
    /// Take the masks of 64 bytes; tell whether to go on.
    fn visit(&mut self, some: &[u8; WORD], masks: Masks) -> bool;
}

/// Visit the masks of each 64 bytes, spaces behind the last ones, until the visitor has enough; a list
/// of bytes marks more of them.
#[inline]
pub fn visit_masks(bytes: &[u8], asked: &[u8], visitor: &mut impl Visitor) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor was just asked for these instructions.
        unsafe { avx2::visit_masks(bytes, asked, visitor) };
        return;
    }
    visit_words(bytes, |some| masks_of_sixteens(some, asked), visitor);
}

#[inline(always)]
fn visit_words(bytes: &[u8], masks: impl Fn(&[u8; WORD]) -> Masks, visitor: &mut impl Visitor) {
    let (mut rest, mut last) = (bytes, [b' '; WORD]);
    while !rest.is_empty() {
        let (some, behind) = rest.split_first_chunk().unwrap_or_else(|| {
            last[..rest.len()].copy_from_slice(rest);
            (&last, &[])
        });
        if !visitor.visit(some, masks(some)) {
            return;
        }
        rest = behind;
    }
}

fn masks_of_sixteens(bytes: &[u8; WORD], asked: &[u8]) -> Masks {
    let mut masks = Masks::default();
    for (number, some) in bytes.chunks_exact(MANY).enumerate() {
        let some = Sixteen::of(some);
        let control = some.at_most(0x1f);
        let backslash = some.equal(b'\\');
        let colon = some.equal(b':');
        let mut odd = control | some.at_least(0x7f);
        for byte in asked {
            odd = odd | some.equal(*byte);
        }
        let bits = |found: Sixteen| u64::from(found.bits()) << (number * MANY);
        masks.stops |= bits(some.equal(b'"') | backslash | control);
        masks.escapes |= bits(control | backslash | some.equal(b'='));
        masks.odd |= bits(odd);
        masks.colons |= bits(colon);
        masks.controls |= bits(control);
        masks.high |= bits(some.at_least(0x80));
    }
    masks
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! Thirty-two bytes at a time, with instructions that most processors of x86-64 have.
    use super::{visit_words, Masks, Visitor, WORD};
    use std::arch::x86_64::*;

    /// The same as `super::visit_masks`. The loop is in here, for a call of what is in it took half as
    /// many instructions again.
    #[target_feature(enable = "avx2")]
    pub unsafe fn visit_masks(bytes: &[u8], asked: &[u8], visitor: &mut impl Visitor) {
        // SAFETY: the caller's promise.
        visit_words(bytes, |some| unsafe { of_halves(some, asked) }, visitor);
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn of_halves(bytes: &[u8; WORD], asked: &[u8]) -> Masks {
        let (one, two) = bytes.split_at(bytes.len() / 2);
        // SAFETY: the caller's promise, and both halves have 32 bytes.
        let (one, two) = unsafe { (of_half(one, asked), of_half(two, asked)) };
        let both = |one: u32, two: u32| u64::from(one) | u64::from(two) << 32;
        Masks {
            stops: both(one[0], two[0]),
            escapes: both(one[1], two[1]),
            odd: both(one[2], two[2]),
            colons: both(one[3], two[3]),
            controls: both(one[4], two[4]),
            high: both(one[5], two[5]),
        }
    }

    /// Return the masks of 32 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn of_half(bytes: &[u8], asked: &[u8]) -> [u32; 6] {
        // SAFETY: the caller promises that there are 32 bytes, and these instructions.
        unsafe {
            let some = _mm256_loadu_si256(bytes.as_ptr().cast());
            macro_rules! equal {
                ($byte:expr) => {
                    _mm256_cmpeq_epi8(some, _mm256_set1_epi8($byte as i8))
                };
            }
            macro_rules! any {
                ($first:expr, $($other:expr),*) => {{
                    let mut any = $first;
                    $(any = _mm256_or_si256(any, $other);)*
                    any
                }};
            }
            let (low, odd) = (_mm256_set1_epi8(0x1f), _mm256_set1_epi8(0x7f));
            let control = _mm256_cmpeq_epi8(_mm256_min_epu8(some, low), some);
            let odd = _mm256_cmpeq_epi8(_mm256_max_epu8(some, odd), some);
            let ends = any!(control, equal!(b'\\'));
            let colon = equal!(b':');
            let mut odd = any!(control, odd);
            for byte in asked {
                odd = any!(odd, equal!(*byte));
            }
            [
                _mm256_movemask_epi8(any!(ends, equal!(b'"'))) as u32,
                _mm256_movemask_epi8(any!(ends, equal!(b'='))) as u32,
                _mm256_movemask_epi8(odd) as u32,
                _mm256_movemask_epi8(colon) as u32,
                _mm256_movemask_epi8(control) as u32,
                _mm256_movemask_epi8(some) as u32,
            ]
        }
    }
}

/// Return the last sixteen bytes; all, some of them twice, of fewer; spaces of none.
#[inline]
fn ends(bytes: &[u8]) -> Sixteen {
    let size = bytes.len();
    if let Some(last) = bytes.last_chunk::<MANY>() {
        return Sixteen::of(last);
    }
    let mut some = [b' '; MANY];
    if let (Some(head), Some(tail)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        some[..8].copy_from_slice(head);
        some[8..].copy_from_slice(tail);
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        some[..4].copy_from_slice(head);
        some[4..8].copy_from_slice(tail);
    } else if size > 0 {
        (some[0], some[1], some[2]) = (bytes[0], bytes[size / 2], bytes[size - 1]);
    }
    Sixteen::of(&some)
}

/// Return where the first byte stands of those that a comparison finds, from a place on.
#[inline]
fn place_of(bytes: &[u8], from: usize, find: impl Fn(Sixteen) -> Sixteen) -> usize {
    let mut at = from;
    while let Some(some) = bytes.get(at..at + MANY) {
        let found = find(Sixteen::of(some)).bits();
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += MANY;
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    let mut some = [0; MANY];
    some[..rest.len()].copy_from_slice(rest);
    // A bit behind the end, so that what fills the rest up is never found.
    let found = find(Sixteen::of(&some)).bits() | 1 << rest.len();
    at + found.trailing_zeros() as usize
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    //! With instructions that every processor of x86-64 has.
    use super::MANY;
    use std::arch::x86_64::*;
    use std::ops::BitOr;

    /// Sixteen bytes, or for each of them all bits or none: whether a comparison holds.
    #[derive(Clone, Copy)]
    pub struct Sixteen(__m128i);

    impl Sixteen {
        #[inline]
        pub fn of(bytes: &[u8]) -> Self {
            assert!(bytes.len() >= MANY);
            // SAFETY: SSE2 is part of x86-64, and 16 bytes are there to be read.
            Sixteen(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
        }

        #[inline]
        pub fn equal(self, byte: u8) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Sixteen(unsafe { _mm_cmpeq_epi8(self.0, _mm_set1_epi8(byte as i8)) })
        }

        #[inline]
        pub fn at_most(self, byte: u8) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Sixteen(unsafe {
                _mm_cmpeq_epi8(_mm_min_epu8(self.0, _mm_set1_epi8(byte as i8)), self.0)
            })
        }

        #[inline]
        pub fn at_least(self, byte: u8) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Sixteen(unsafe {
                _mm_cmpeq_epi8(_mm_max_epu8(self.0, _mm_set1_epi8(byte as i8)), self.0)
            })
        }

        /// A bit for each byte, the lowest for the first.
        #[inline]
        pub fn bits(self) -> u32 {
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_movemask_epi8(self.0) as u32 }
        }

        /// Sixteen counts of none.
        // SAFETY: any bits are sixteen bytes.
        pub const NONE: Self =
            Sixteen(unsafe { std::mem::transmute::<[u8; MANY], __m128i>([0; MANY]) });

        /// Sixteen counts, each one more where a comparison holds; at most 255.
        #[inline]
        pub fn and_those_of(self, holds: Self) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Sixteen(unsafe { _mm_sub_epi8(self.0, holds.0) })
        }

        /// The sum of sixteen counts.
        #[inline]
        pub fn sum(self) -> usize {
            // SAFETY: SSE2 is part of x86-64.
            unsafe {
                let halves = _mm_sad_epu8(self.0, _mm_setzero_si128());
                let high = _mm_unpackhi_epi64(halves, halves);
                _mm_cvtsi128_si64(_mm_add_epi64(halves, high)) as usize
            }
        }
    }

    impl BitOr for Sixteen {
        type Output = Self;

        #[inline]
        fn bitor(self, other: Self) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Sixteen(unsafe { _mm_or_si128(self.0, other.0) })
        }
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    //! The same for any processor.
    use super::MANY;
    use std::ops::BitOr;

    /// Sixteen bytes, or for each of them all bits or none: whether a comparison holds.
    #[derive(Clone, Copy)]
    pub struct Sixteen([u8; MANY]);

    impl Sixteen {
        #[inline]
        pub fn of(bytes: &[u8]) -> Self {
            let mut some = [0; MANY];
            some.copy_from_slice(&bytes[..MANY]);
            Sixteen(some)
        }

        #[inline]
        pub fn equal(self, byte: u8) -> Self {
            self.whether(|it| it == byte)
        }

        #[inline]
        pub fn at_most(self, byte: u8) -> Self {
            self.whether(|it| it <= byte)
        }

        #[inline]
        pub fn at_least(self, byte: u8) -> Self {
            self.whether(|it| it >= byte)
        }

        /// A bit for each byte, the lowest for the first.
        #[inline]
        pub fn bits(self) -> u32 {
            let bits = self.0.iter().rev();
            bits.fold(0, |bits, byte| bits << 1 | u32::from(byte & 1))
        }

        /// Sixteen counts of none.
        pub const NONE: Self = Sixteen([0; MANY]);

        /// Sixteen counts, each one more where a comparison holds; at most 255.
        #[inline]
        pub fn and_those_of(mut self, holds: Self) -> Self {
            let both = self.0.iter_mut().zip(holds.0);
            both.for_each(|(count, holds)| *count = count.wrapping_sub(holds));
            self
        }

        /// The sum of sixteen counts.
        #[inline]
        pub fn sum(self) -> usize {
            self.0.iter().map(|count| usize::from(*count)).sum()
        }

        #[inline]
        fn whether(self, holds: impl Fn(u8) -> bool) -> Self {
            Sixteen(self.0.map(|byte| u8::from(holds(byte)).wrapping_neg()))
        }
    }

    impl BitOr for Sixteen {
        type Output = Self;

        #[inline]
        fn bitor(self, other: Self) -> Self {
            let mut some = self.0;
            some.iter_mut()
                .zip(other.0)
                .for_each(|(one, two)| *one |= two);
            Sixteen(some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_of_a_kind_is_found_wherever_it_stands() {
        for size in 0..70 {
            let text = "é".repeat(size / 2) + &"a".repeat(size % 2);
            assert_eq!(line_end(text.as_bytes(), 0), size);
            for from in [0, size / 2, size] {
                for end in ["\n", "\"", "\\", "\0", "\u{1f}"] {
                    let more = text.clone() + end + "\n\"";
                    let line = size + usize::from(end != "\n");
                    assert_eq!(line_end(more.as_bytes(), from), line);
                    assert_eq!(one_of_from(more.as_bytes(), from, *b"\n\"\\\0"), {
                        size + usize::from(end == "\u{1f}")
                    });
                }
            }
        }
    }

    #[test]
    fn two_bytes_are_found_wherever_they_stand() {
        for size in 2..60 {
            for at in 0..size - 1 {
                let mut bytes = vec![b'F'; size];
                bytes[at + 1] = b':';
                assert_eq!(two_from(&bytes, 0, *b"F:"), at);
                assert_eq!(two_from(&bytes, at, *b"F:"), at);
                assert_eq!(two_from(&bytes, at + 1, *b"F:"), size);
                assert_eq!(two_from(&bytes, 0, *b":x"), size);
            }
        }
    }

    #[test]
    fn every_byte_is_seen_wherever_it_stands() {
        for size in 0..50 {
            let mut text = vec![b'a'; size];
            assert_eq!(look(&text, b"|^"), Seen::default());
            for at in 0..size {
                for byte in 0..=255 {
                    text[at] = byte;
                    let odd = !(0x20..0x7f).contains(&byte) || matches!(byte, b'|' | b'^');
                    let seen = Seen {
                        odd,
                        colon: byte == b':',
                        escape: matches!(byte, b'=' | b'\\'),
                    };
                    assert_eq!(look(&text, b"|^"), seen, "{byte} at {at} of {size}");
                    let many = count_of(&text, [byte; 4]);
                    assert_eq!(many, if byte == b'a' { size } else { 1 });
                }
                text[at] = b'a';
            }
        }
    }

    #[test]
    fn many_bytes_are_counted_whatever_their_number() {
        for size in [0, 1, 15, 16, 17, 4079, 4080, 4081, 4096, 100_001] {
            let text = vec![b'='; size];
            assert_eq!(count_of(&text, *b"=\\\r\n"), size);
            assert_eq!(count_of(&text, *b"abcd"), 0);
        }
    }

    #[test]
    fn odd_characters_are_whole_ones() {
        let text = "aä\x07 abcdefghijklmnopqrstuvwxyz\u{1f600}~\x7f 中";
        let odd: Vec<(usize, char)> = text
            .char_indices()
            .filter(|(_, it)| !matches!(it, ' '..='~'))
            .collect();
        assert_eq!(odd_characters(text).collect::<Vec<_>>(), odd);
        assert_eq!(odd.len(), 5);
    }

    #[derive(Default)]
    struct All(Vec<([u8; WORD], Masks)>);

    impl Visitor for All {
        fn visit(&mut self, some: &[u8; WORD], masks: Masks) -> bool {
            self.0.push((*some, masks));
            true
        }
    }

    #[test]
    fn masks_are_the_same_by_halves() {
        for first in 0..=255_u8 {
            let mut bytes = [0; 64];
            for (place, byte) in bytes.iter_mut().enumerate() {
                *byte = first.wrapping_add(place as u8 * 4);
            }
            for asked in [&b""[..], b"|", b"|^,"] {
                let masks = masks_of_sixteens(&bytes, asked);
                let mut found = All::default();
                visit_masks(&bytes, asked, &mut found);
                assert_eq!(found.0, [(bytes, masks)]);
                for (place, byte) in bytes.iter().enumerate() {
                    let has = |bits: u64| bits >> place & 1 == 1;
                    assert_eq!(has(masks.controls), *byte < 0x20);
                    assert_eq!(has(masks.high), !byte.is_ascii());
                    assert_eq!(
                        has(masks.stops),
                        *byte < 0x20 || matches!(byte, b'"' | b'\\')
                    );
                    let odd = !(0x20..0x7f).contains(byte);
                    let odd = odd || asked.contains(byte);
                    assert_eq!(has(masks.odd), odd);
                    assert_eq!(has(masks.colons), *byte == b':');
                    assert_eq!(has(masks.escapes), *byte < 0x20 || b"=\\".contains(byte));
                }
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn any_processor_finds_the_same() {
        for begin in 0..=240 {
            let bytes: Vec<u8> = (begin..=begin + 15).collect();
            let (one, two) = (sse2::Sixteen::of(&bytes), portable::Sixteen::of(&bytes));
            for byte in 0..=255 {
                assert_eq!(one.equal(byte).bits(), two.equal(byte).bits());
                assert_eq!(one.at_most(byte).bits(), two.at_most(byte).bits());
                assert_eq!(one.at_least(byte).bits(), two.at_least(byte).bits());
                let (a, b) = (
                    one.equal(byte) | one.equal(5),
                    two.equal(byte) | two.equal(5),
                );
                assert_eq!(a.bits(), b.bits());
                let (mut one, mut two) = (sse2::Sixteen::NONE, portable::Sixteen::NONE);
                for _ in 0..255 {
                    (one, two) = (one.and_those_of(a), two.and_those_of(b));
                }
                assert_eq!(one.sum(), a.bits().count_ones() as usize * 255);
                assert_eq!(one.sum(), two.sum());
            }
        }
    }
}

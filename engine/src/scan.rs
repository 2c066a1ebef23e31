//! Looking through bytes, sixteen at a time where the processor can.

/// Return where the plain text of a JSON string ends that begins there: at a quote, a backslash or a
/// control character, or at the end of the bytes.
#[inline]
pub fn plain_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    #[cfg(target_arch = "x86_64")]
    while let Some(some) = bytes.get(at..at + 16) {
        let found = sse2::not_plain(some);
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    while at < bytes.len() && !matches!(bytes[at], b'"' | b'\\' | 0..=0x1f) {
        at += 1;
    }
    at
}

/// Return where the line ends that begins there: at its line feed, or at the end of the bytes.
pub fn line_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    #[cfg(target_arch = "x86_64")]
    while let Some(some) = bytes.get(at..at + 16) {
        let found = sse2::line_feeds(some);
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    while at < bytes.len() && bytes[at] != b'\n' {
        at += 1;
    }
    at
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    //! Of the first sixteen bytes: a bit for each that is looked for.
    use std::arch::x86_64::*;

    #[inline]
    fn sixteen(bytes: &[u8]) -> __m128i {
        assert!(bytes.len() >= 16);
        // SAFETY: SSE2 is part of x86-64, and 16 bytes are there to be read.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline]
    pub fn not_plain(bytes: &[u8]) -> u32 {
        let some = sixteen(bytes);
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let quotes = _mm_cmpeq_epi8(some, _mm_set1_epi8(b'"' as i8));
            let backslashes = _mm_cmpeq_epi8(some, _mm_set1_epi8(b'\\' as i8));
            let controls = _mm_cmpeq_epi8(_mm_min_epu8(some, _mm_set1_epi8(0x1f)), some);
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), controls)) as u32
        }
    }

    #[inline]
    pub fn line_feeds(bytes: &[u8]) -> u32 {
        let some = sixteen(bytes);
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(some, _mm_set1_epi8(b'\n' as i8))) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::{line_end, plain_end};

    #[test]
    fn the_first_byte_of_a_kind_is_found_wherever_it_stands() {
        for size in 0..70 {
            let text = "é".repeat(size / 2) + &"a".repeat(size % 2);
            assert_eq!(line_end(text.as_bytes(), 0), size);
            assert_eq!(plain_end(text.as_bytes(), 0), size);
            for from in [0, size / 2, size] {
                for end in ["\n", "\"", "\\", "\0", "\u{1f}"] {
                    let more = text.clone() + end + "\n\"";
                    assert_eq!(plain_end(more.as_bytes(), from), size);
                    let line = size + usize::from(end != "\n");
                    assert_eq!(line_end(more.as_bytes(), from), line);
                }
            }
        }
    }
}

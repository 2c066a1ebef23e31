//! SHA-1 (FIPS 180-4), for event ids: with the processor's instructions where it has them.

/// The state that SHA-1 begins with.
const BEGIN: [u32; 5] = [
    0x6745_2301,
    0xEFCD_AB89,
    0x98BA_DCFE,
    0x1032_5476,
    0xC3D2_E1F0,
];
const BLOCK: usize = 64;

/// Return the digest of a text as 40 hexadecimal digits.
pub fn hex(data: &[u8]) -> [u8; 40] {
    let mut out = [0; 40];
    for (word, eight) in digest(data).iter().zip(out.chunks_exact_mut(8)) {
        eight.copy_from_slice(&digits(*word));
    }
    out
}

/// Return the eight hexadecimal digits of a number, all at once: one by one they took 11
/// instructions each.
fn digits(word: u32) -> [u8; 8] {
    // Four bits to each of eight bytes, the highest first.
    let bytes = u64::from(word);
    let bytes = (bytes | bytes << 16) & 0x0000_FFFF_0000_FFFF;
    let bytes = (bytes | bytes << 8) & 0x00FF_00FF_00FF_00FF;
    let bytes = (bytes | bytes << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    // One for each from ten on: 6 more brings such a one into the upper four bits.
    let letters = (bytes + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    let gap = u64::from(b'a' - b'0' - 10);
    (bytes + 0x3030_3030_3030_3030 + letters * gap).to_be_bytes()
}

/// Return the first eight bytes of the digest of a text, as a number.
pub fn head(data: &[u8]) -> u64 {
    let [first, second, ..] = digest(data);
    u64::from(first) << 32 | u64::from(second)
}

fn digest(data: &[u8]) -> [u32; 5] {
    let mut state = BEGIN;
    let (whole, rest) = data.split_at(data.len() / BLOCK * BLOCK);
    // The last block or two: the rest, a one bit, zeros, and the length in bits.
    let mut tail = [0_u8; 2 * BLOCK];
    tail[..rest.len()].copy_from_slice(rest);
    tail[rest.len()] = 0x80;
    let size = if rest.len() < BLOCK - 8 {
        BLOCK
    } else {
        2 * BLOCK
    };
    tail[size - 8..size].copy_from_slice(&(data.len() as u64 * 8).to_be_bytes());
    blocks(&mut state, whole);
    blocks(&mut state, &tail[..size]);
    state
}

fn blocks(state: &mut [u32; 5], data: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("sha")
        && std::is_x86_feature_detected!("ssse3")
        && std::is_x86_feature_detected!("sse4.1")
    {
        // SAFETY: the processor was just asked for these instructions.
        unsafe { x86::blocks(state, data) };
        return;
    }
    for block in data.chunks_exact(BLOCK) {
        portable(state, block);
    }
}

fn portable(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for at in 16..80 {
        words[at] =
            (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (at, word) in words.iter().enumerate() {
        let (mixed, constant) = match at / 20 {
            0 => ((b & c) | (!b & d), 0x5A82_7999),
            1 => (b ^ c ^ d, 0x6ED9_EBA1),
            2 => ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC),
            _ => (b ^ c ^ d, 0xCA62_C1D6_u32),
        };
        let next = a
            .rotate_left(5)
            .wrapping_add(mixed)
            .wrapping_add(e)
            .wrapping_add(constant)
            .wrapping_add(*word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    for (total, part) in state.iter_mut().zip([a, b, c, d, e]) {
        *total = total.wrapping_add(part);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! Four rounds an instruction, as Intel's "SHA Extensions" (2013) lays them out.
    use std::arch::x86_64::*;

    /// The schedule of 20 groups of four rounds: which message words are mixed in is the same for
    /// each group, so it is written once.
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    pub unsafe fn blocks(state: &mut [u32; 5], data: &[u8]) {
        // SAFETY: unaligned loads and stores of 16 bytes: of the first four words of `state`, and of
        // the 64 bytes of each block.
        unsafe {
            let swap = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
            let words = _mm_loadu_si128(state.as_ptr().cast());
            let mut abcd = _mm_shuffle_epi32(words, 0x1B);
            let mut e = _mm_set_epi32(state[4] as i32, 0, 0, 0);
            for block in data.chunks_exact(64) {
                let (abcd_before, e_before) = (abcd, e);
                let from: *const __m128i = block.as_ptr().cast();
                let mut message = [_mm_setzero_si128(); 4];
                for (at, words) in message.iter_mut().enumerate() {
                    *words = _mm_shuffle_epi8(_mm_loadu_si128(from.add(at)), swap);
                }
                let mut other = abcd;
                // One after the other, not as a loop: so the message stays in registers. The loop
                // took twice the time.
                macro_rules! rounds {
                    ($group:literal) => {
                        // The e of this group: of the first the state's own, else the rotated a of
                        // before.
                        e = if $group == 0 {
                            _mm_add_epi32(e, message[0])
                        } else {
                            _mm_sha1nexte_epu32(other, message[$group % 4])
                        };
                        other = abcd;
                        abcd = _mm_sha1rnds4_epu32(abcd, e, $group / 5);
                    };
                }
                macro_rules! rounds_and_words {
                    ($($group:literal)*) => {$(
                        rounds!($group);
                        // The words of four groups later, from those of the four that are at hand.
                        let mixed = _mm_xor_si128(
                            _mm_sha1msg1_epu32(message[$group % 4], message[($group + 1) % 4]),
                            message[($group + 2) % 4],
                        );
                        message[$group % 4] =
                            _mm_sha1msg2_epu32(mixed, message[($group + 3) % 4]);
                    )*};
                }
                rounds_and_words!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
                rounds!(16);
                rounds!(17);
                rounds!(18);
                rounds!(19);
                e = _mm_sha1nexte_epu32(other, e_before);
                abcd = _mm_add_epi32(abcd, abcd_before);
            }
            _mm_storeu_si128(state.as_mut_ptr().cast(), _mm_shuffle_epi32(abcd, 0x1B));
            state[4] = _mm_extract_epi32(e, 3) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{digest, hex, portable, BEGIN};

    #[test]
    fn digits_are_those_of_hexadecimal_numbers() {
        let numbers = (0..=0xFFFF).flat_map(|it: u32| [it, it << 16, it.wrapping_mul(0x9E37_79B9)]);
        for number in numbers {
            assert_eq!(super::digits(number), format!("{number:08x}").as_bytes());
        }
    }

    #[test]
    fn vectors_of_the_standard() {
        assert_eq!(&hex(b"abc"), b"a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(&hex(b""), b"da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(
            &hex(long.as_bytes()),
            b"84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        );
    }

    #[test]
    fn both_ways_agree_on_every_length() {
        let data: Vec<u8> = (0..300_u32).map(|n| (n * 7 % 251) as u8).collect();
        for size in 0..data.len() {
            let mut padded = data[..size].to_vec();
            padded.push(0x80);
            while padded.len() % 64 != 56 {
                padded.push(0);
            }
            padded.extend((size as u64 * 8).to_be_bytes());
            let mut state = BEGIN;
            padded
                .chunks_exact(64)
                .for_each(|block| portable(&mut state, block));
            assert_eq!(state, digest(&data[..size]), "{size}");
        }
    }
}

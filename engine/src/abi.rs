//! What a caller checks before it calls anything else: ctypes checks neither names nor types.
//!
//! Goes in: nothing. Comes out: the number of the C interface, and the checksum of the sources that
//! this library was built from. `cef_bridge/engine/native.py` compares both when it loads the library.

use std::ffi::c_char;

/// Number of the C interface. It changes with every change of a function, a struct or a constant
/// that Python knows; `ABI` in `cef_bridge/engine/native.py` is its twin.
pub const ABI: u32 = 6;

/// The checksum of `build.rs`, as a C string.
const SOURCE: &str = concat!(env!("CEF_BRIDGE_SOURCE"), "\0");

/// Returns the number of the C interface.
#[no_mangle]
pub extern "C" fn cef_bridge_abi() -> u32 {
    ABI
}

/// Returns the checksum of the sources: eight hexadecimal digits and a NUL, never freed.
#[no_mangle]
pub extern "C" fn cef_bridge_source() -> *const c_char {
    SOURCE.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::SOURCE;

    #[test]
    fn the_checksum_is_eight_hexadecimal_digits_and_a_nul() {
        let (digits, nul) = SOURCE.split_at(8);
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(nul, "\0");
    }
}

//! Gives the library a checksum of its sources, so that Python can tell an outdated one.
//!
//! Goes in: the files of this crate. Comes out: `CEF_BRIDGE_SOURCE`, eight hexadecimal digits, for
//! `src/abi.rs`. `cef_bridge/engine/native.py` computes the same; its `source_checksum` is the other half.

use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let mut files = ["Cargo.lock", "Cargo.toml", "build.rs"]
        .map(String::from)
        .to_vec();
    add_sources(Path::new("src"), &mut files)?;
    files.sort();
    let mut checksum = Crc32::new();
    for file in &files {
        println!("cargo:rerun-if-changed={file}");
        checksum.add(file.as_bytes());
        checksum.add(&fs::read(file)?);
    }
    println!("cargo:rerun-if-changed=src"); // a file that is new or gone
    println!("cargo:rustc-env=CEF_BRIDGE_SOURCE={:08x}", checksum.value());
    Ok(())
}

/// Adds all `.rs` files of a folder and of those below it.
fn add_sources(folder: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            add_sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// CRC-32 as in zlib, which Python has.
struct Crc32(u32);

impl Crc32 {
    fn new() -> Self {
        Crc32(!0)
    }

    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 ^= u32::from(byte);
            for _ in 0..8 {
                let polynomial = if self.0 & 1 == 1 { 0xEDB8_8320 } else { 0 };
                self.0 = (self.0 >> 1) ^ polynomial;
            }
        }
    }

    fn value(&self) -> u32 {
        !self.0
    }
}

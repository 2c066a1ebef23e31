//! Reads the bytes of a compiled mapping, as `cef_bridge/table` writes them.
//!
//! Integers are little-endian; a text is its length in bytes (u32) and UTF-8; a list is its length
//! (u32) and its entries. A table that is cut, damaged or of another version is an error that says
//! where, never a crash: each length is held against what is there.

use std::fmt;

/// What a table begins with, and the version of what follows.
pub const MAGIC: &[u8; 4] = b"CEFB";
/// Raised with each change of the table.
pub const VERSION: u32 = 1;

/// Why a table cannot be used, and the byte at which that was seen.
#[derive(Debug, PartialEq)]
pub struct Damage {
    /// What was expected there.
    pub expected: &'static str,
    /// The offset in bytes.
    pub at: usize,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "byte {}: expected {}", self.at, self.expected)
    }
}

/// The place in a table up to which it was read.
pub struct Reader<'t> {
    table: &'t [u8],
    at: usize,
}

impl<'t> Reader<'t> {
    /// Begin to read a table; its magic number and version are checked.
    pub fn new(table: &'t [u8]) -> Result<Self, Damage> {
        let mut reader = Reader { table, at: 0 };
        if reader.take(MAGIC.len(), "a table")? != MAGIC {
            return Err(Damage {
                expected: "a table",
                at: 0,
            });
        }
        if reader.number()? != VERSION {
            return Err(Damage {
                expected: "a table of this engine's version",
                at: 4,
            });
        }
        Ok(reader)
    }

    /// Return an error about the place that was read last.
    pub fn damage<T>(&self, expected: &'static str) -> Result<T, Damage> {
        Err(Damage {
            expected,
            at: self.at,
        })
    }

    fn take(&mut self, size: usize, expected: &'static str) -> Result<&'t [u8], Damage> {
        let rest = &self.table[self.at..];
        let Some(bytes) = rest.get(..size) else {
            return self.damage(expected);
        };
        self.at += size;
        Ok(bytes)
    }

    /// Read a byte.
    pub fn byte(&mut self) -> Result<u8, Damage> {
        Ok(self.take(1, "a byte")?[0])
    }

    /// Read yes or no.
    pub fn flag(&mut self) -> Result<bool, Damage> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => self.damage("0 or 1"),
        }
    }

    /// Read a number of 32 bits.
    pub fn number(&mut self) -> Result<u32, Damage> {
        let bytes = self.take(4, "a number")?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Read a number of 64 bits with a sign.
    pub fn long(&mut self) -> Result<i64, Damage> {
        let bytes = self.take(8, "a number of 64 bits")?;
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        Ok(i64::from_le_bytes(eight))
    }

    /// Read the number of something of which there are so many.
    pub fn index(&mut self, many: usize) -> Result<u16, Damage> {
        let number = self.number()? as usize;
        match u16::try_from(number) {
            Ok(index) if number < many => Ok(index),
            _ => self.damage("the number of something that the table has"),
        }
    }

    /// Read bytes.
    pub fn bytes(&mut self) -> Result<&'t [u8], Damage> {
        let size = self.number()? as usize;
        self.take(size, "as many bytes as were announced")
    }

    /// Read a text.
    pub fn text(&mut self) -> Result<String, Damage> {
        match std::str::from_utf8(self.bytes()?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => self.damage("a text in UTF-8"),
        }
    }

    /// Read a text, None for one that is not there.
    pub fn maybe_text(&mut self) -> Result<Option<String>, Damage> {
        Ok(if self.flag()? {
            Some(self.text()?)
        } else {
            None
        })
    }

    /// Read a list, each entry by a function.
    pub fn list<T>(
        &mut self,
        mut entry: impl FnMut(&mut Self) -> Result<T, Damage>,
    ) -> Result<Vec<T>, Damage> {
        let many = self.number()? as usize;
        // An entry has a byte at least: what announces more than there is would only take memory.
        if many > self.table.len() - self.at {
            return self.damage("as many entries as were announced");
        }
        (0..many).map(|_| entry(self)).collect()
    }

    /// Read a list of texts.
    pub fn texts(&mut self) -> Result<Vec<String>, Damage> {
        self.list(Self::text)
    }

    /// Check that nothing follows.
    pub fn end(&self) -> Result<(), Damage> {
        if self.at == self.table.len() {
            Ok(())
        } else {
            self.damage("the end")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Damage, Reader, MAGIC, VERSION};

    fn table(rest: &[u8]) -> Vec<u8> {
        [MAGIC.as_slice(), &VERSION.to_le_bytes(), rest].concat()
    }

    #[test]
    fn reads_what_is_there_and_no_more() {
        let bytes = table(&[2, 0, 0, 0, b'a', b'b', 1]);
        let mut reader = Reader::new(&bytes).unwrap();
        assert_eq!(reader.text().unwrap(), "ab");
        assert!(reader.end().is_err());
        assert!(reader.flag().unwrap());
        assert_eq!(reader.end(), Ok(()));
        assert_eq!(
            reader.byte(),
            Err(Damage {
                expected: "a byte",
                at: 15
            })
        );
    }

    #[test]
    fn lengths_are_held_against_what_is_there() {
        let bytes = table(&[255, 255, 255, 255]);
        assert!(Reader::new(&bytes).unwrap().text().is_err());
        assert!(Reader::new(&bytes).unwrap().list(Reader::byte).is_err());
        assert!(Reader::new(b"CEFB").is_err());
        assert!(Reader::new(b"CEFB\x09\0\0\0").is_err());
    }
}

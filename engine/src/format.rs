//! CEF and LEEF: how a header, a key and a value are written.
//!
//! The reference is `cef_bridge/lines/cef.py`, `leef.py` and `text.py`. Text goes neutral, then cut
//! to its key's length, then escaped.

use crate::arena::Arena;
use crate::index::Index;
use crate::scan::{count_of, has_byte, look, one_of_from, Seen};
use crate::table::{Damage, Reader};
use crate::text::{cut, is_record_header, odd_marks, push, record_header, Marks, Neutral};
use crate::words::Words;

/// The header's fields but for the severity: vendor, product, version, class id, name.
pub const HEADER: usize = 5;

/// What CEF writes a backslash before, or in its place.
const ESCAPED: [u8; 4] = *b"\\=\r\n";

/// A predefined key: whether its text may be shortened, and how much it is worth when a message is
/// too large (0 goes first).
#[derive(Clone, Copy)]
pub struct Key {
    /// A shorter text is still one: it is no address, number, hash or id.
    pub may_be_cut: bool,
    /// The standard has it.
    pub predefined: bool,
    /// It is kept when other keys of one's own go.
    pub stays: bool,
    /// Its rank.
    pub worth: u8,
}

/// A text that may stand in a line.
#[derive(Clone, Copy)]
pub struct Clean<'a> {
    /// The text, not yet escaped.
    pub text: &'a str,
    /// What is suspicious in the raw text.
    pub marks: Marks,
    /// It may hold what is to be escaped.
    pub escapes: bool,
}

impl<'a> Clean<'a> {
    /// Return a text of which it is known that it is written as it stands.
    #[inline]
    pub fn of(text: &'a str) -> Self {
        Clean {
            text,
            marks: Marks::default(),
            escapes: false,
        }
    }
}

/// How a line is written.
pub struct Format {
    /// CEF, else LEEF.
    pub is_cef: bool,
    /// What stands before a pair, but for the first.
    pub separator: String,
    /// What a message begins with: `CEF:0|`, `LEEF:2.0|`.
    start: String,
    /// What ends LEEF's header: `^|`.
    tail: String,
    neutral: Neutral,
    /// Bytes of printable ASCII for which a text is looked at character by character.
    asked: Vec<u8>,
    /// None of these is a digit or a minus.
    leaves_digits: bool,
    /// Texts that no value may hold, and that have a colon.
    needles: Vec<String>,
    /// Characters of a value, 0 for any number.
    longest: usize,
    lengths: [usize; HEADER],
    /// Most bytes of a message.
    pub max_bytes: usize,
    /// The pair of the key that is written first and never given up.
    pub first: Option<String>,
    /// Pairs of the keys that are given up first, in this order.
    pub shed: Vec<String>,
    /// The pair of the key that says that something was given up.
    pub truncated: String,
    /// What our own keys begin with.
    pub prefix: String,
    keys: Words<Key>,
}

impl Format {
    /// Read a format.
    pub fn read(reader: &mut Reader<'_>) -> Result<Format, Damage> {
        let is_cef = reader.flag()?;
        let separator = reader.text()?;
        if separator.len() != 1 || !separator.is_ascii() {
            return reader.damage("a separator of one ASCII character");
        }
        let (start, tail) = (reader.text()?, reader.text()?);
        let replaces_pipe = reader.flag()?;
        let needles = reader.texts()?;
        let longest = reader.number()? as usize;
        let asked = asked_bytes(is_cef, replaces_pipe, separator.as_bytes()[0], &needles);
        let with_colon = needles
            .iter()
            .filter(|needle| needle.contains(':'))
            .cloned()
            .collect();
        let neutral = if is_cef {
            Neutral::cef(replaces_pipe, needles, longest)
        } else {
            Neutral::leef(separator.as_bytes()[0], needles, longest)
        };
        let mut lengths = [0; HEADER];
        for length in &mut lengths {
            *length = reader.number()? as usize;
        }
        let max_bytes = reader.number()? as usize;
        let first = reader.maybe_text()?;
        let shed = reader.texts()?;
        let (truncated, prefix) = (reader.text()?, reader.text()?);
        let keys = crate::facts::words_of(reader, |r| {
            let (may_be_cut, predefined, stays) = (r.flag()?, r.flag()?, r.flag()?);
            Ok(Key {
                may_be_cut,
                predefined,
                stays,
                worth: r.byte()?,
            })
        })?;
        Ok(Format {
            is_cef,
            separator,
            start,
            tail,
            neutral,
            leaves_digits: !asked.iter().any(|it| matches!(it, b'-' | b'0'..=b'9')),
            asked,
            needles: with_colon,
            longest,
            lengths,
            max_bytes,
            first,
            shed,
            truncated,
            prefix,
            keys,
        })
    }

    /// Return what is known of a key, by its pair.
    pub fn key_of(&self, pair: &str) -> Key {
        let name = pair.get(1..pair.len().saturating_sub(1)).unwrap_or("");
        let known = self.keys.get(name).copied();
        let mut key = known.unwrap_or(Key {
            may_be_cut: true,
            predefined: false,
            stays: false,
            worth: 0,
        });
        let own = name.starts_with(&self.prefix) || (self.is_cef && !key.predefined);
        key.may_be_cut = key.may_be_cut && !own;
        key
    }

    /// Tell whether a key is one of our own, or of a mapping's; LEEF's have any names.
    pub fn is_own(&self, pair: &str) -> bool {
        let name = pair.get(1..).unwrap_or("");
        name.starts_with(&self.prefix) || (self.is_cef && !self.key_of(pair).predefined)
    }

    /// Return a text as a reader will see it, before any cut. Of a text of more characters than
    /// `most`, if that is not 0, it may be the beginning, of more than so many characters.
    pub fn neutral<'a>(&self, text: &'a str, most: usize, arena: &'a Arena) -> &'a str {
        arena.keep(self.neutral.neutral(text, most))
    }

    /// Return the bytes of printable ASCII that an index has to mark.
    pub fn asked(&self) -> &[u8] {
        &self.asked
    }

    /// Tell whether a text that a mapping or a class gives is written as it stands.
    pub fn is_as_it_is(&self, text: &str, most: usize) -> bool {
        let arena = Arena::default();
        let clean = self.looked_at(text, most, &Index::default(), &arena);
        !text.is_empty() && clean.text == text && clean.marks.is_empty() && !clean.escapes
    }

    /// Tell whether a whole number is written as it stands, without a look at its digits.
    #[inline]
    pub fn is_number_plain(&self, digits: &str, most: usize) -> bool {
        let most = if most == 0 { self.longest } else { most };
        self.leaves_digits && (most == 0 || digits.len() <= most)
    }

    /// Return a text as it may stand in a line; with `most` as `neutral` has it. Nearly every text is
    /// returned as it is: the index of the line knows that nothing in it is to be changed.
    #[inline(always)]
    pub fn clean<'a>(
        &self,
        raw: &'a str,
        most: usize,
        index: &Index<'_>,
        arena: &'a Arena,
    ) -> Clean<'a> {
        let most = if most == 0 { self.longest } else { most };
        if !is_spaced(raw) && (most == 0 || raw.len() <= most) && index.is_unmarked(raw) {
            return Clean::of(raw);
        }
        self.looked_at(raw, most, index, arena)
    }

    /// The same of a text in which something may be to be changed. One that is not of the line is
    /// looked at byte by byte.
    #[inline(never)]
    fn looked_at<'a>(
        &self,
        raw: &'a str,
        most: usize,
        index: &Index<'_>,
        arena: &'a Arena,
    ) -> Clean<'a> {
        let place = index.place_of(raw);
        let seen = match place {
            Some(place) => index.seen(place, raw.len()),
            None => look(raw.as_bytes(), &self.asked),
        };
        let mut marks = match place {
            // By its colons: a search for `F:` took 7 % of all for long arguments.
            Some(place) if seen.colon => {
                let begins = |at| is_record_header(raw.as_bytes(), at);
                Marks::header_if(index.any_colon(place, raw.len(), begins))
            }
            _ => record_header(raw, seen.colon),
        };
        let broken = seen.colon && self.needles.iter().any(|it| raw.contains(it.as_str()));
        if seen.odd {
            marks |= odd_marks(raw);
        }
        if seen.odd || broken {
            return Clean {
                text: self.neutral(raw, most, arena),
                marks,
                escapes: true,
            };
        }
        let plain = !is_spaced(raw) && (most == 0 || raw.len() <= most);
        Clean {
            text: if plain {
                raw
            } else {
                self.neutral.plain(raw, most)
            },
            marks,
            escapes: seen.escape,
        }
    }

    /// Write a neutral text as a value.
    #[inline]
    pub fn write_value(&self, text: &str, escapes: bool, index: &Index<'_>, out: &mut String) {
        if escapes && self.is_cef {
            self.write_escaped(text, index, out);
        } else {
            push(text, out);
        }
    }

    #[inline(never)]
    fn write_escaped(&self, text: &str, index: &Index<'_>, out: &mut String) {
        let bytes = text.as_bytes();
        let place = index.place_of(text);
        let mut from = 0;
        loop {
            let at = match place {
                Some(place) => index.escape(place + from, place + bytes.len()) - place,
                None => one_of_from(bytes, from, ESCAPED),
            };
            push(&text[from..at], out);
            let escaped = match bytes.get(at) {
                Some(b'\\') => "\\\\",
                Some(b'=') => "\\=",
                Some(b'\r') => "\\r",
                Some(b'\n') => "\\n",
                // A control character is written as it is: a neutral text has none.
                Some(_) => text.get(at..=at).unwrap_or(""),
                None => return,
            };
            push(escaped, out);
            from = at + 1;
        }
    }

    /// Return how many bytes a value takes.
    pub fn size_of(&self, text: &str, index: &Index<'_>) -> usize {
        let size = text.len();
        match index.place_of(text) {
            _ if !self.is_cef => size,
            Some(place) => size + index.escapes(place, size),
            None => size + count_of(text.as_bytes(), ESCAPED),
        }
    }

    /// Return a header's field as a reader will see it.
    pub fn header_field<'a>(&self, number: usize, text: &'a str, arena: &'a Arena) -> &'a str {
        let seen = look(text.as_bytes(), &self.asked);
        let edges = is_spaced(text);
        let stays = !has_byte(text, b'|');
        if seen == Seen::default() && !edges && text.len() <= self.lengths[number] && stays {
            return text;
        }
        let changed = |it: char| match it {
            '\r' | '\n' if self.is_cef => Some(' '),
            '|' if self.is_cef => Some('/'),
            '\\' if !self.is_cef => Some('/'),
            _ => None,
        };
        let mut text = text;
        if text.contains(|it| changed(it).is_some()) {
            text = arena.text(
                &text
                    .chars()
                    .map(|it| changed(it).unwrap_or(it))
                    .collect::<String>(),
            );
        }
        let field = cut(self.neutral(text, 0, arena), self.lengths[number]);
        match field.strip_suffix('\\') {
            // Graylog takes the pipe behind `\\` for an escaped one, and joins two fields.
            Some(before) if self.is_cef => arena.join(&[before, "/"]),
            _ => field,
        }
    }

    /// Write the header of fields that are as a reader will see them.
    pub fn write_head(&self, fields: &[&str; HEADER], severity: &str, out: &mut String) {
        push(&self.start, out);
        let written = if self.is_cef { HEADER } else { HEADER - 1 };
        for field in &fields[..written] {
            if self.is_cef && has_byte(field, b'\\') {
                out.push_str(&field.replace('\\', "\\\\"));
            } else {
                push(field, out);
            }
            out.push('|');
        }
        if self.is_cef {
            push(severity, out);
            out.push('|');
        }
        push(&self.tail, out);
    }
}

/// Tell whether a text begins or ends with a space.
#[inline]
pub fn is_spaced(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first() == Some(&b' ') || bytes.last() == Some(&b' ')
}

/// Return the bytes of printable ASCII that a format may change. Needles with a colon are looked for
/// in each text that has one.
fn asked_bytes(is_cef: bool, replaces_pipe: bool, separator: u8, needles: &[String]) -> Vec<u8> {
    let without_colon = needles.iter().filter(|needle| !needle.contains(':'));
    let mut asked: Vec<u8> = without_colon.filter_map(|it| it.bytes().next()).collect();
    if !is_cef {
        asked.push(separator);
    }
    if replaces_pipe || !is_cef {
        asked.push(b'|');
    }
    asked.sort_unstable();
    asked.dedup();
    asked
}

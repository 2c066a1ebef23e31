//! Hostile text made harmless, as a format writes it: `cef_bridge/lines/text.py`, and `neutral` of
//! `cef_bridge/lines/cef.py` and `leef.py`.

use super::marks::is_harmful;
use super::{first, is_longer, strip};
use crate::scan::{odd_characters, one_of_from};
use std::borrow::Cow;

/// What `defang` puts into a text that must not stand on a line.
pub const BREAK: &str = "<!>";

/// Returns the text with control and bidi characters written as `<U+001B>`; CR and LF stay.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let harmful = || odd_characters(text).filter(|(_, character)| is_harmful(*character));
    if harmful().next().is_none() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    let mut from = 0;
    for (at, character) in harmful() {
        shown.push_str(&text[from..at]);
        push_code(&mut shown, character);
        from = at + character.len_utf8();
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

/// Adds the number of a character that is harmful, which has four digits: `<U+001B>`.
fn push_code(shown: &mut String, character: char) {
    shown.push_str("<U+");
    for place in [12, 8, 4, 0] {
        let digit = b"0123456789ABCDEF"[(u32::from(character) >> place & 15) as usize];
        shown.push(char::from(digit));
    }
    shown.push('>');
}

/// Returns the text with `<!>` after the first character of each occurrence of a needle.
///
/// Overlapping ones included. The reference has checked the needles: two characters or more, none
/// of `<!>`.
pub fn defang<'a>(text: &'a str, needles: &[String]) -> Cow<'a, str> {
    if !needles.iter().any(|needle| text.contains(needle.as_str())) {
        return Cow::Borrowed(text);
    }
    let mut broken = String::with_capacity(text.len() + 64);
    let mut rest = text.chars();
    loop {
        let here = rest.as_str();
        let Some(character) = rest.next() else {
            return Cow::Owned(broken);
        };
        broken.push(character);
        if needles
            .iter()
            .any(|needle| here.starts_with(needle.as_str()))
        {
            broken.push_str(BREAK);
        }
    }
}

/// How a format makes a text harmless, before any cut.
pub struct Neutral {
    swaps: Option<Swaps>,
    needles: Vec<String>,
    /// Characters of the longest needle, and one.
    margin: usize,
    longest: usize,
}

impl Neutral {
    /// That of CEF: CR and LF stay, which its values escape; a pipe becomes `/` if asked.
    ///
    /// No text holds one of the `needles`. Of texts of more characters than `longest` only the
    /// beginning is made neutral; 0 for no limit.
    pub fn cef(replaces_pipe: bool, needles: Vec<String>, longest: usize) -> Self {
        let pipe = Swaps {
            from: [b'|'; 4],
            to: [b'/'; 4],
        };
        Self::new(replaces_pipe.then_some(pipe), needles, longest)
    }

    /// That of LEEF: CR, LF and the separator of attributes, which is ASCII, become a space, a pipe
    /// `/`.
    pub fn leef(separator: u8, needles: Vec<String>, longest: usize) -> Self {
        let from = [b'\r', b'\n', b'|', separator];
        Self::new(Some(Swaps { from, to: *b"  / " }), needles, longest)
    }

    fn new(swaps: Option<Swaps>, needles: Vec<String>, longest: usize) -> Self {
        let margin = needles
            .iter()
            .map(|needle| needle.chars().count())
            .max()
            .unwrap_or(0)
            + 1;
        Self {
            swaps,
            needles,
            margin,
            longest,
        }
    }

    /// Returns the text as a reader will see it, before any cut.
    ///
    /// With `most` it may be the beginning of that, of more than so many characters: the same one
    /// that the reference gives, by which a key's type is judged.
    pub fn neutral<'a>(&self, text: &'a str, most: usize) -> Cow<'a, str> {
        let most = if most == 0 { self.longest } else { most };
        if most > 0 && is_longer(text, most) {
            self.beginning(text, most)
        } else {
            self.whole(text)
        }
    }

    /// Returns what `whole` makes of a text, or its beginning: more than `most` characters then.
    ///
    /// A text that an attacker made long costs no more than what is kept of it.
    fn beginning<'a>(&self, text: &'a str, most: usize) -> Cow<'a, str> {
        let mut size = most.saturating_add(self.margin.saturating_mul(2));
        while is_longer(text, size) {
            let found = self.whole(first(text, size));
            // Only at its end the beginning may be another than that of the whole.
            if is_longer(&found, most.saturating_add(self.margin)) {
                return found;
            }
            size = size.saturating_mul(2);
        }
        self.whole(text)
    }

    /// Returns the same as `neutral` of a text of printable ASCII in which nothing is to be changed
    /// but white space at its ends, without a look at what stands between.
    pub fn plain<'a>(&self, text: &'a str, most: usize) -> &'a str {
        let most = if most == 0 { self.longest } else { most };
        let mut size = most.saturating_add(self.margin.saturating_mul(2));
        if most > 0 && text.len() > most {
            while let Some(begin) = text.get(..size).filter(|it| it.len() < text.len()) {
                let found = strip(begin);
                if found.len() > most.saturating_add(self.margin) {
                    return found;
                }
                size = size.saturating_mul(2);
            }
        }
        strip(text)
    }

    fn whole<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let shown = sanitize(text);
        let swapped = match &self.swaps {
            Some(swaps) => then(shown, |text| swaps.swapped(text)),
            None => shown,
        };
        let broken = then(swapped, |text| defang(text, &self.needles));
        then(broken, |text| Cow::Borrowed(strip(text)))
    }
}

/// Four characters of ASCII, and what stands for each of them.
struct Swaps {
    from: [u8; 4],
    to: [u8; 4],
}

impl Swaps {
    fn swapped<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if one_of_from(text.as_bytes(), 0, self.from) == text.len() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.chars().map(|from| self.swap(from)).collect())
    }

    fn swap(&self, character: char) -> char {
        let mut pairs = self.from.iter().zip(&self.to);
        let found = pairs.find(|&(&from, _)| char::from(from) == character);
        found.map_or(character, |(_, &to)| char::from(to))
    }
}

/// Returns what a step makes of a text that may be borrowed; one that it does not change stays.
fn then<'a>(text: Cow<'a, str>, step: impl for<'b> Fn(&'b str) -> Cow<'b, str>) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => step(text),
        Cow::Owned(text) => match step(&text) {
            Cow::Borrowed(same) if same.len() == text.len() => Cow::Owned(text),
            other => Cow::Owned(other.into_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(some: &[&str]) -> Vec<String> {
        some.iter().map(|&needle| needle.to_owned()).collect()
    }

    #[test]
    fn what_may_not_stand_on_a_line_is_shown() {
        assert_eq!(
            sanitize("a\x1bb\n\u{202e}\u{85}c"),
            "a<U+001B>b\n<U+202E><U+0085>c"
        );
        assert!(matches!(
            sanitize("äöü\r\n 中文"),
            Cow::Borrowed("äöü\r\n 中文")
        ));
        assert_eq!(sanitize("\0"), "<U+0000>");
    }

    #[test]
    fn a_needle_is_broken_up_wherever_it_begins() {
        let some = needles(&["aa", "CEF:0", "äb"]);
        assert_eq!(
            defang("aaa CEF:0 äb a", &some),
            "a<!>a<!>a C<!>EF:0 ä<!>b a"
        );
        assert!(matches!(defang("CEF: 0", &some), Cow::Borrowed(_)));
    }

    #[test]
    fn each_format_has_its_own() {
        let cef = Neutral::cef(true, needles(&["x|"]), 0);
        assert_eq!(cef.neutral(" a|b\nc\x07 ", 0), "a/b\nc<U+0007>");
        let leef = Neutral::leef(b'^', needles(&["CEF:0"]), 0);
        assert_eq!(leef.neutral("\na^b|c\rCEF:0\u{3000}", 0), "a b/c C<!>EF:0");
        assert!(matches!(leef.neutral(" plain ", 0), Cow::Borrowed("plain")));
    }

    #[test]
    fn of_a_long_text_only_the_beginning_is_made_neutral() {
        let cef = Neutral::cef(false, vec![], 8);
        assert_eq!(cef.neutral(&"a".repeat(100), 0), "a".repeat(10));
        assert_eq!(cef.neutral("abcdefgh", 0), "abcdefgh");
        assert_eq!(cef.neutral(&"é".repeat(100), 3), "é".repeat(5));
        assert_eq!(cef.neutral(&format!("{}b", " ".repeat(1000)), 3), "b");
        for head in 0..30 {
            for (size, tail) in [(0, 0), (1, 1), (3, 0), (5, 2), (9, 30), (40, 7)] {
                let spaces = |many| " ".repeat(many);
                let text = format!("{}{}{}", spaces(head), "a b".repeat(size), spaces(tail));
                for most in [0, 1, 3, 8, 100] {
                    assert_eq!(cef.plain(&text, most), cef.neutral(&text, most), "{text:?}");
                }
            }
        }
    }
}

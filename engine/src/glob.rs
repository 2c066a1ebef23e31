//! Globs: the patterns of conditions, of `drop` and of `only`.
//!
//! In goes a pattern, once; out comes whether a text matches it as a whole. The rule is that of
//! Python's `fnmatch.translate`: `*` is any text, `?` any character, `[seq]` a character of a class
//! and `[!seq]` one outside of it; nothing quotes, and a `[` that nothing closes is itself. With
//! `any_case` the 26 letters of ASCII match in both cases, and nothing else does.
//!
//! The stars cut a pattern into segments. The first is held against the text's beginning, the last
//! against its end, each other one is searched for from left to right and taken where it is found
//! first, so that no search is ever repeated: a match costs at most text times pattern.

/// A pattern, ready to be matched.
#[derive(Debug, Clone)]
pub struct Glob {
    first: Segment,
    between: Vec<Segment>,
    /// What stands after the last star; nothing where the pattern has no star.
    last: Option<Segment>,
}

impl Glob {
    /// Reads a pattern; every text is one.
    pub fn new(pattern: &str, any_case: bool) -> Self {
        let mut segments = segments(pattern, any_case).into_iter();
        let first = segments.next().unwrap_or(Segment::Plain(String::new()));
        let last = segments.next_back();
        let between = segments.filter(|segment| !segment.is_empty()).collect();
        Self {
            first,
            between,
            last,
        }
    }

    /// Tells whether the pattern matches all of a text.
    pub fn matches(&self, text: &str) -> bool {
        let Some(mut rest) = self.first.after_start(text) else {
            return false;
        };
        let Some(last) = &self.last else {
            return rest.is_empty();
        };
        for segment in &self.between {
            match segment.after_found(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        last.ends(rest)
    }
}

/// What stands between two stars.
#[derive(Debug, Clone)]
enum Segment {
    /// Characters that stand for themselves.
    Plain(String),
    /// One item for each character of the text.
    Items(Vec<Item>),
}

impl Segment {
    fn is_empty(&self) -> bool {
        match self {
            Segment::Plain(plain) => plain.is_empty(),
            Segment::Items(items) => items.is_empty(),
        }
    }

    /// Returns what follows where the text begins with the segment.
    fn after_start<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Segment::Plain(plain) => text.strip_prefix(plain.as_str()),
            Segment::Items(items) => {
                let mut rest = text.chars();
                for item in items {
                    if !item.matches(rest.next()?) {
                        return None;
                    }
                }
                Some(rest.as_str())
            }
        }
    }

    /// Returns what follows the place where the segment is found first.
    fn after_found<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Segment::Plain(plain) => text.split_once(plain.as_str()).map(|(_, after)| after),
            Segment::Items(_) => {
                let mut rest = text.chars();
                loop {
                    if let Some(after) = self.after_start(rest.as_str()) {
                        return Some(after);
                    }
                    rest.next()?;
                }
            }
        }
    }

    /// Tells whether the text ends with the segment.
    fn ends(&self, text: &str) -> bool {
        match self {
            Segment::Plain(plain) => text.ends_with(plain.as_str()),
            Segment::Items(items) => {
                let mut rest = text.chars();
                let mut backwards = items.iter().rev();
                backwards.all(|item| rest.next_back().is_some_and(|last| item.matches(last)))
            }
        }
    }
}

/// What one character of a text has to be.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    One(char),
    /// A letter of ASCII, in lower case here and in both in texts.
    Letter(char),
    Any,
    Class(Class),
}

impl Item {
    fn matches(&self, character: char) -> bool {
        match self {
            Item::One(one) => character == *one,
            Item::Letter(letter) => character.to_ascii_lowercase() == *letter,
            Item::Any => true,
            Item::Class(class) => class.matches(character),
        }
    }
}

/// The characters of `[seq]`; none at all where its ranges are empty.
#[derive(Debug, Clone, PartialEq)]
struct Class {
    negated: bool,
    any_case: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn matches(&self, character: char) -> bool {
        let found = match self.any_case && character.is_ascii_alphabetic() {
            true => {
                self.holds(character.to_ascii_lowercase())
                    || self.holds(character.to_ascii_uppercase())
            }
            false => self.holds(character),
        };
        found != self.negated
    }

    fn holds(&self, character: char) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|&(first, last)| (first..=last).contains(&character))
    }
}

/// Cuts a pattern at its stars.
fn segments(pattern: &str, any_case: bool) -> Vec<Segment> {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut segments = Vec::new();
    let mut items = Vec::new();
    let mut rest = pattern.as_slice();
    while let Some((&character, after)) = rest.split_first() {
        rest = after;
        match character {
            '*' => segments.push(segment(std::mem::take(&mut items))),
            '?' => items.push(Item::Any),
            '[' => match class_end(rest) {
                None => items.push(Item::One('[')),
                Some(end) => {
                    let (inside, behind) = rest.split_at(end);
                    items.push(class(inside, any_case));
                    rest = behind.get(1..).unwrap_or_default();
                }
            },
            letter if any_case && letter.is_ascii_alphabetic() => {
                items.push(Item::Letter(letter.to_ascii_lowercase()));
            }
            other => items.push(Item::One(other)),
        }
    }
    segments.push(segment(items));
    segments
}

fn segment(items: Vec<Item>) -> Segment {
    let plain: Option<String> = items
        .iter()
        .map(|item| match item {
            Item::One(one) => Some(*one),
            _ => None,
        })
        .collect();
    plain.map_or(Segment::Items(items), Segment::Plain)
}

/// Returns where the `]` stands that closes a class: one at its beginning is of the class.
fn class_end(after: &[char]) -> Option<usize> {
    let mut least = 0;
    for own in ['!', ']'] {
        if after.get(least) == Some(&own) {
            least += 1;
        }
    }
    let close = after.iter().skip(least).position(|&it| it == ']')?;
    Some(least + close)
}

/// Reads what stands between `[` and `]`.
///
/// The hyphens that make ranges cut it into chunks: a range goes from a chunk's last character to
/// the next one's first, and all else stands for itself. Of an empty range both ends are taken out,
/// and only then is it asked whether a `!` comes first.
fn class(inside: &[char], any_case: bool) -> Item {
    let mut chunks = chunks(inside);
    for at in (1..chunks.len()).rev() {
        join_at_empty_range(&mut chunks, at);
    }
    let Some((first, others)) = chunks.split_first_mut() else {
        return Item::Any;
    };
    let negated = first.first() == Some(&'!');
    if negated {
        first.remove(0);
    }
    if first.is_empty() && others.is_empty() {
        // `[!]` without its characters is any character, `[]` none.
        return match negated {
            true => Item::Any,
            false => Item::Class(Class {
                negated,
                any_case,
                ranges: Vec::new(),
            }),
        };
    }
    let mut ranges: Vec<_> = chunks.iter().flatten().map(|&it| (it, it)).collect();
    for (before, after) in chunks.iter().zip(chunks.iter().skip(1)) {
        match (before.last(), after.first()) {
            (Some(&first), Some(&last)) => ranges.push((first, last)),
            // The `!` was all that stood before the hyphen, which is itself then.
            _ => ranges.push(('-', '-')),
        }
    }
    Item::Class(Class {
        negated,
        any_case,
        ranges,
    })
}

/// Cuts a class at the hyphens that make ranges: none at its beginning, none at its end, and none of
/// the two characters after another one.
fn chunks(inside: &[char]) -> Vec<Vec<char>> {
    let mut chunks: Vec<Vec<char>> = Vec::new();
    let mut begin = 0;
    let mut least = if inside.first() == Some(&'!') { 2 } else { 1 };
    while let Some(found) = inside.iter().skip(least).position(|&it| it == '-') {
        let hyphen = least + found;
        chunks.push(inside.get(begin..hyphen).unwrap_or_default().to_vec());
        begin = hyphen + 1;
        least = hyphen + 3;
    }
    let rest = inside.get(begin..).unwrap_or_default();
    match chunks.last_mut() {
        Some(last) if rest.is_empty() => last.push('-'),
        _ => chunks.push(rest.to_vec()),
    }
    chunks
}

/// Makes one of two chunks where the range between them is empty, as that of `z-a` is.
fn join_at_empty_range(chunks: &mut Vec<Vec<char>>, at: usize) {
    let last = at
        .checked_sub(1)
        .and_then(|at| chunks.get(at)?.last().copied());
    let first = chunks.get(at).and_then(|chunk| chunk.first().copied());
    if last > first {
        let after = chunks.remove(at);
        if let Some(before) = chunks.get_mut(at - 1) {
            before.pop();
            before.extend(after.into_iter().skip(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern, false).matches(text)
    }

    #[test]
    fn stars_and_question_marks() {
        assert!(matches("", "") && !matches("", "a"));
        assert!(matches("*", "") && matches("**", "a\nb"));
        assert!(matches("a*b*c", "aXbXbc") && !matches("a*b*c", "acb"));
        assert!(matches("?", "é") && !matches("?", "") && !matches("?", "ab"));
        assert!(matches("*?x", "ax") && !matches("*?x", "x"));
        assert!(!matches("ab*ba", "aba"));
        assert!(matches("*ab?d*", "abcabXd!"));
        assert!(!matches("sh", "SH") && !matches("a.c", "abc") && matches("a\\b", "a\\b"));
    }

    #[test]
    fn classes() {
        assert!(matches("[a-c]", "b") && !matches("[a-c]", "d") && !matches("[a-c]", ""));
        assert!(!matches("[!a-c]", "b") && matches("[!a-c]", "d"));
        assert!(matches("[]-a]", "_") && matches("[!]]", "a") && !matches("[!]]", "]"));
        assert!(matches("[a-]", "-") && matches("[-a]", "-") && matches("[!-a]", "b"));
        assert!(matches("[a-c-e]", "-") && matches("[a-c-e]", "e") && !matches("[a-c-e]", "d"));
        assert!(matches("[^a]", "^") && matches("[[a]", "[") && matches("[\\]", "\\"));
        assert!(matches("[a&&b]", "&"));
    }

    #[test]
    fn a_class_that_is_not_closed_is_a_bracket() {
        assert!(matches("[a", "[a") && matches("[", "[") && matches("[!", "[!"));
        assert!(matches("[]", "[]") && matches("[!]", "[!]"));
        assert!(matches("[*]", "*") && matches("[?]x", "?x") && !matches("[?]x", "ax"));
    }

    #[test]
    fn empty_ranges() {
        assert!(!matches("[z-a]", "z") && !matches("[z-a]", ""));
        assert!(matches("[!z-a]", "z") && matches("[z-ax]", "x") && !matches("[z-ax]", "z"));
        // `!` comes first once `z-a` is gone.
        assert!(matches("[z-a!b]", "a") && !matches("[z-a!b]", "b"));
        assert!(matches("[z-a!]", "q"));
        assert!(!matches("[z-a!-~]", "-") && !matches("[z-a!-~]", "~") && matches("[z-a!-~]", "b"));
    }

    #[test]
    fn any_case_is_that_of_ascii() {
        let glob = |pattern, text| Glob::new(pattern, true).matches(text);
        assert!(glob("blo*k", "BLOcK") && glob("[a-c]x", "BX") && !glob("[!a-c]", "B"));
        assert!(glob("[Z-a]", "z") && glob("[Z-a]", "A") && !glob("[Z-a]", "b"));
        assert!(!glob("k", "\u{212a}") && !glob("s", "ſ") && !glob("ä", "Ä") && !glob("i", "İ"));
        assert!(!glob("[k]", "\u{212a}") && glob("[!k]", "\u{212a}"));
    }

    #[test]
    fn many_stars_over_a_long_text() {
        let pattern = "*a".repeat(32) + "b";
        assert!(!matches(&pattern, &"a".repeat(100_000)));
    }
}

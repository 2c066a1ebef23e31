//! Transforms: what `via` in a mapping names. Text in, text out; an empty text counts as absent.
//!
//! The rules are those of `cef_bridge/mapping/language/transforms.py`, under the same names. A result is
//! borrowed wherever it is a piece of the text. Each transform is linear in the text, which an
//! attacker chooses, and makes it longer by a bounded number of characters at most, or three times
//! as long (`upper`).

use std::borrow::Cow;

use crate::redact::redact;
use crate::text::{is_space, lstrip, Cases};

/// The most characters by which `replace` makes a text longer.
const MOST_GROWTH: usize = 4096;

/// One transform with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of the reference, whose docstrings say what each does
pub enum Step {
    Basename,
    Dirname,
    Lower,
    Upper,
    FirstWord,
    Comma,
    StripDigest,
    Redact,
    Before(String),
    BeforeLast(String),
    After(String),
    AfterLast(String),
    Between(String, String),
    Part {
        number: usize,
        of: String,
    },
    Replace {
        old: String,
        new: String,
        most: usize,
    },
}

/// Returns the transform of a name; nothing where there is none, or where it does not take the
/// arguments: a mark is never empty, a part has a number from 1.
pub fn step(name: &str, arguments: &[&str]) -> Option<Step> {
    Some(match (name, arguments) {
        ("basename", []) => Step::Basename,
        ("dirname", []) => Step::Dirname,
        ("lower", []) => Step::Lower,
        ("upper", []) => Step::Upper,
        ("first_word", []) => Step::FirstWord,
        ("comma", []) => Step::Comma,
        ("strip_digest", []) => Step::StripDigest,
        ("redact", []) => Step::Redact,
        ("before", [mark]) => Step::Before(filled(mark)?),
        ("before_last", [mark]) => Step::BeforeLast(filled(mark)?),
        ("after", [mark]) => Step::After(filled(mark)?),
        ("after_last", [mark]) => Step::AfterLast(filled(mark)?),
        ("between", [first, last]) => Step::Between(filled(first)?, filled(last)?),
        ("part", [number, of]) => Step::Part {
            number: part_number(number)?,
            of: filled(of)?,
        },
        ("replace", [old, new]) => Step::Replace {
            old: filled(old)?,
            new: (*new).to_owned(),
            most: most_replaced(old, new),
        },
        _ => return None,
    })
}

fn filled(mark: &str) -> Option<String> {
    (!mark.is_empty()).then(|| mark.to_owned())
}

fn part_number(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().unwrap_or(usize::MAX))?;
    (number > 0).then_some(number)
}

/// Returns how many `old` become `new`, so that the text grows by 4,096 characters at most.
fn most_replaced(old: &str, new: &str) -> usize {
    let growth = new.chars().count().saturating_sub(old.chars().count());
    MOST_GROWTH.checked_div(growth).unwrap_or(usize::MAX)
}

impl Step {
    /// Returns what the transform makes of a text.
    pub fn apply<'a>(&self, text: &'a str, cases: &Cases) -> Cow<'a, str> {
        match self {
            Step::Lower => cases.lower(text),
            Step::Upper => cases.upper(text),
            Step::Redact => redact(text),
            Step::Comma => replaced(text, "|", ",", usize::MAX),
            Step::Replace { old, new, most } => replaced(text, old, new, *most),
            _ => Cow::Borrowed(self.piece(text).unwrap_or_default()),
        }
    }

    /// Returns the piece of the text that a transform of pieces picks, if there is one.
    fn piece<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Step::Basename => basename(text),
            Step::Dirname => dirname(text),
            Step::FirstWord => lstrip(text).split(is_space).next(),
            Step::StripDigest => text.split("@sha256:").next(),
            Step::Before(mark) => Some(text.split_once(mark)?.0),
            Step::BeforeLast(mark) => Some(text.rsplit_once(mark)?.0),
            Step::After(mark) => Some(text.split_once(mark)?.1),
            Step::AfterLast(mark) => Some(text.rsplit_once(mark)?.1),
            Step::Between(first, last) => {
                let (_, after) = text.split_once(first)?;
                Some(after.split_once(last)?.0)
            }
            Step::Part { number, of } => text.split(of).nth(number.checked_sub(1)?),
            // Those that `apply` sees to.
            _ => Some(text),
        }
    }
}

/// Returns a path's last part; of a path of slashes alone, one of them.
fn basename(path: &str) -> Option<&str> {
    let trimmed = path.trim_end_matches('/');
    match trimmed.is_empty() {
        true => path.get(..1),
        false => trimmed.rsplit('/').next(),
    }
}

/// Returns a path without its last part: one slash for what stands in the root folder.
fn dirname(path: &str) -> Option<&str> {
    let trimmed = path.trim_end_matches('/');
    let slash = trimmed.rfind('/')?;
    let folder = trimmed.get(..slash)?.trim_end_matches('/');
    match folder.is_empty() {
        true => trimmed.get(slash..=slash),
        false => Some(folder),
    }
}

/// Returns the text with the first `old` ones as `new`, at most so many, from left to right.
fn replaced<'a>(text: &'a str, old: &str, new: &str, most: usize) -> Cow<'a, str> {
    match text.contains(old) {
        true => Cow::Owned(text.replacen(old, new, most)),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a text; the table of cases is empty, so that only ASCII has cases.
    fn made(name: &str, arguments: &[&str], text: &str) -> String {
        let cases = Cases::load(&[*b"CASE", [0; 4], [0; 4], [0; 4], [0; 4]].concat()).unwrap();
        let step = step(name, arguments).unwrap();
        step.apply(text, &cases).into_owned()
    }

    #[test]
    fn paths() {
        let basename = |text| made("basename", &[], text);
        assert_eq!(basename("/usr/bin/apt"), "apt");
        assert_eq!(basename("/var/log//"), "log");
        assert_eq!(basename("///"), "/");
        assert_eq!(basename(""), "");
        assert_eq!(basename("é"), "é");
        let dirname = |text| made("dirname", &[], text);
        assert_eq!(dirname("/usr/bin/apt"), "/usr/bin");
        assert_eq!(dirname("/usr//apt/"), "/usr");
        assert_eq!(dirname("//apt"), "/");
        assert_eq!(dirname("apt"), "");
        assert_eq!(dirname("//"), "");
    }

    #[test]
    fn words_and_cases() {
        assert_eq!(made("lower", &[], "Block"), "block");
        assert_eq!(made("upper", &[], "tcp"), "TCP");
        assert_eq!(made("first_word", &[], "\u{1f} sh\u{85}-c x"), "sh");
        assert_eq!(made("first_word", &[], " \n "), "");
        assert_eq!(
            made("comma", &[], "O_RDONLY|O_CLOEXEC"),
            "O_RDONLY,O_CLOEXEC"
        );
        assert_eq!(made("strip_digest", &[], "a/b:4@sha256:62"), "a/b:4");
    }

    #[test]
    fn marks() {
        assert_eq!(made("before", &[":"], "a:b:c"), "a");
        assert_eq!(made("before", &[":"], "abc"), "");
        assert_eq!(made("before_last", &[":"], "a:b:c"), "a:b");
        assert_eq!(made("before_last", &["aa"], "xaaa"), "xa");
        assert_eq!(made("after", &["::"], "a::b::c"), "b::c");
        assert_eq!(made("after_last", &[":"], "a:b:c"), "c");
        assert_eq!(made("after_last", &[":"], "abc"), "");
        assert_eq!(made("between", &["(", ")"], ")a(b)c)"), "b");
        assert_eq!(made("between", &["(", ")"], "a(b"), "");
        assert_eq!(made("between", &["'", "'"], "'é'"), "é");
    }

    #[test]
    fn parts() {
        assert_eq!(made("part", &["2", "/"], "ns/pod/container"), "pod");
        assert_eq!(made("part", &["3", "/"], "ns/pod/a/b"), "a");
        assert_eq!(made("part", &["3", "/"], "ns/pod"), "");
        assert_eq!(made("part", &["1", "/"], ""), "");
        assert_eq!(made("part", &["99999999999999999999", "/"], "a/b"), "");
        assert_eq!(made("part", &["2", "aa"], "aaaaa"), "");
    }

    #[test]
    fn a_text_grows_by_a_bounded_number_of_characters() {
        assert_eq!(
            made("replace", &["10.0.0.", "node-"], "10.0.0.7 10.0.0.9"),
            "node-7 node-9"
        );
        assert_eq!(made("replace", &["a", ""], "banana"), "bnn");
        let grown = made("replace", &["a", &"é".repeat(64)], &"a".repeat(10_000));
        assert_eq!(grown.chars().count(), 10_000 + 4096 / 63 * 63);
        let same_length = made("replace", &["a", "é"], &"a".repeat(10_000));
        assert_eq!(same_length, "é".repeat(10_000));
        assert_eq!(made("replace", &["a", &"b".repeat(5000)], "aa"), "aa");
    }

    #[test]
    fn steps_that_are_none() {
        assert_eq!(step("frobnicate", &[]), None);
        assert_eq!(step("lower", &["x"]), None);
        assert_eq!(step("before", &[]), None);
        assert_eq!(step("before", &[""]), None);
        assert_eq!(step("part", &["0", "/"]), None);
        assert_eq!(step("part", &["+1", "/"]), None);
        assert_eq!(step("part", &["", "/"]), None);
        assert_eq!(step("replace", &["", "x"]), None);
    }
}

//! Stub.
use std::borrow::Cow;
use crate::text::Cases;
pub enum Step { Basename, Lower, Upper, FirstWord, Comma }
pub fn step(name: &str, _arguments: &[&str]) -> Option<Step> {
    Some(match name { "basename" => Step::Basename, "lower" => Step::Lower, "upper" => Step::Upper, "first_word" => Step::FirstWord, "comma" => Step::Comma, _ => return None })
}
impl Step {
    pub fn apply<'a>(&self, text: &'a str, cases: &Cases) -> Cow<'a, str> {
        match self {
            Step::Basename => { let t = text.trim_end_matches('/'); let b = t.rsplit('/').next().unwrap_or(t); Cow::Borrowed(if b.is_empty() { &text[..text.chars().next().map_or(0, char::len_utf8)] } else { b }) }
            Step::Lower => cases.lower(text),
            Step::Upper => cases.upper(text),
            Step::FirstWord => Cow::Borrowed(text.split(crate::text::is_space).find(|w| !w.is_empty()).unwrap_or("")),
            Step::Comma => if text.contains('|') { Cow::Owned(text.replace('|', ",")) } else { Cow::Borrowed(text) },
        }
    }
}

//! Answers what the crate makes of times, numbers and texts, for the tests that compare it with the
//! Python reference.
//!
//! `oracle FILE` takes the table of cases from a file, requests from stdin, and writes an answer to
//! stdout after each. A request is a number of texts, then that many texts: a function's name, its
//! arguments, the text. The first argument of `via` is a transform's name. A text is its length in bytes, then
//! UTF-8. Numbers are of 32 bits, little-endian. What a function does not give is `none`, what it
//! tells is `yes` or `no`. A float comes as its bits, in decimal.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use cef_bridge_engine::glob::Glob;
use cef_bridge_engine::text::{Cases, Neutral};
use cef_bridge_engine::transforms::step;
use cef_bridge_engine::{clock, numbers, text};

type Answer<'a> = Option<Cow<'a, str>>;

fn main() -> io::Result<()> {
    let file = std::env::args_os()
        .nth(1)
        .ok_or_else(|| wrong("oracle FILE"))?;
    let cases = Cases::load(&std::fs::read(file)?).map_err(|why| wrong(&why))?;
    let mut requests = io::stdin().lock();
    let mut answers = io::stdout().lock();
    while let Some(request) = next_request(&mut requests)? {
        let answer = answer(&request, &cases).ok_or_else(|| wrong(&format!("{request:?}")))?;
        answers.write_all(&(answer.len() as u32).to_le_bytes())?;
        answers.write_all(answer.as_bytes())?;
        answers.flush()?;
    }
    Ok(())
}

fn answer<'a>(request: &'a [String], cases: &'a Cases) -> Answer<'a> {
    let (name, rest) = request.split_first()?;
    let (last, arguments) = rest.split_last()?;
    about_times(name, arguments, last)
        .or_else(|| about_numbers(name, arguments, last))
        .or_else(|| about_texts(name, last, cases))
        .or_else(|| about_lines(name, arguments, last))
        .or_else(|| about_globs(name, arguments, last))
        .or_else(|| transformed(name, arguments, last, cases))
}

fn about_times<'a>(name: &str, arguments: &[String], text: &str) -> Answer<'a> {
    let micros = || text.parse().ok();
    let found = match name {
        "microseconds" => clock::microseconds(text),
        "number_text" => clock::number_text(text),
        "number_int" => clock::number_int(text.parse().ok()?),
        "number_float" => clock::number_float(float(text)?),
        "moment_text" => clock::moment_text(text),
        "rfc3164_time" => {
            let mut out = Vec::new();
            clock::rfc3164_time(&mut out, micros()?, arguments.first()?.parse().ok()?);
            return String::from_utf8(out).ok().map(Cow::Owned);
        }
        "rfc5424_time" => {
            let mut out = Vec::new();
            clock::rfc5424_time(&mut out, micros()?, arguments.first()?.parse().ok());
            return String::from_utf8(out).ok().map(Cow::Owned);
        }
        _ => return None,
    };
    or_none(found.map(|number| number.to_string()))
}

fn about_numbers<'a>(name: &str, arguments: &[String], text: &str) -> Answer<'a> {
    let told = match name {
        "integer" => numbers::is_int32(text),
        "long" => numbers::is_integer(text),
        "float" => numbers::is_float(text),
        "timestamp" => numbers::is_timestamp(text),
        "mac" => numbers::is_mac(text),
        "ipv4" => numbers::is_ipv4(text),
        "ipv6" => numbers::is_ipv6(text),
        "whole" => return or_none(numbers::whole_text(text)),
        "float_text" => return Some(Cow::Owned(numbers::float_text(float(text)?))),
        "repr" => return Some(Cow::Owned(numbers::repr_float(float(text)?))),
        "json" => return Some(Cow::Owned(numbers::json_float(float(text)?))),
        "compare" => {
            let pair = numbers::Decimal::read(arguments.first()?).zip(numbers::Decimal::read(text));
            return or_none(pair.map(|(one, other)| format!("{:?}", one.cmp(&other))));
        }
        _ => return None,
    };
    Some(Cow::Borrowed(if told { "yes" } else { "no" }))
}

fn about_texts<'a>(name: &str, text: &'a str, cases: &Cases) -> Answer<'a> {
    Some(match name {
        "strip" => Cow::Borrowed(text::strip(text)),
        "lstrip" => Cow::Borrowed(text::lstrip(text)),
        "rstrip" => Cow::Borrowed(text::rstrip(text)),
        "lower" => cases.lower(text),
        "upper" => cases.upper(text),
        "lower_ascii" => text::lower_ascii(text),
        "upper_ascii" => text::upper_ascii(text),
        "sanitize" => text::sanitize(text),
        "marks" => Cow::Owned(text::marks_of(text).names().collect::<Vec<_>>().join(",")),
        _ => return None,
    })
}

fn about_lines<'a>(name: &str, arguments: &[String], text: &'a str) -> Answer<'a> {
    let count = |at: usize| arguments.get(at)?.parse::<usize>().ok();
    let needles = |from: usize| arguments.get(from..).map(<[String]>::to_vec);
    match name {
        "cut" => Some(Cow::Borrowed(text::cut(text, count(0)?))),
        "defang" => Some(text::defang(text, arguments)),
        "cef" => {
            let format = Neutral::cef(count(0)? > 0, needles(3)?, count(1)?);
            Some(format.neutral(text, count(2)?))
        }
        "leef" => {
            let separator = u8::try_from(count(0)?).ok()?;
            let format = Neutral::leef(separator, needles(3)?, count(1)?);
            Some(format.neutral(text, count(2)?))
        }
        _ => None,
    }
}

fn about_globs<'a>(name: &str, arguments: &[String], text: &str) -> Answer<'a> {
    let any_case = match name {
        "glob" => false,
        "glob in any case" => true,
        _ => return None,
    };
    let matches = Glob::new(arguments.first()?, any_case).matches(text);
    Some(Cow::Borrowed(if matches { "yes" } else { "no" }))
}

fn transformed<'a>(
    name: &str,
    arguments: &[String],
    text: &'a str,
    cases: &'a Cases,
) -> Answer<'a> {
    if name != "via" {
        return None;
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (transform, arguments) = arguments.split_first()?;
    Some(step(transform, arguments)?.apply(text, cases))
}

fn or_none<'a>(found: Option<String>) -> Answer<'a> {
    Some(found.map_or(Cow::Borrowed("none"), Cow::Owned))
}

fn float(bits: &str) -> Option<f64> {
    bits.parse().ok().map(f64::from_bits)
}

/// Reads a request; nothing where the input ends.
fn next_request(from: &mut impl Read) -> io::Result<Option<Vec<String>>> {
    let count = match number(from) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        count => count?,
    };
    let texts: io::Result<_> = (0..count).map(|_| text(from)).collect();
    texts.map(Some)
}

fn text(from: &mut impl Read) -> io::Result<String> {
    let mut bytes = vec![0; number(from)? as usize];
    from.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| wrong(&error.to_string()))
}

fn number(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

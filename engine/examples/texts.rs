//! Answers what the crate makes of texts, for the tests that compare it with the Python reference.
//!
//! `texts FILE` takes the table of cases from a file, requests from stdin, and writes an answer to
//! stdout after each. A request is a number of texts, then that many texts: a function's name, its
//! arguments, the text. A text is its length in bytes, then UTF-8. Numbers are of 32 bits,
//! little-endian. `yes` and `no` answer whether a glob matches.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use cef_bridge_engine::glob::Glob;
use cef_bridge_engine::text::Cases;
use cef_bridge_engine::transforms::step;

fn main() -> io::Result<()> {
    let file = std::env::args_os()
        .nth(1)
        .ok_or_else(|| wrong("texts FILE"))?;
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

fn answer<'a>(request: &'a [String], cases: &Cases) -> Option<Cow<'a, str>> {
    let (name, rest) = request.split_first()?;
    let (text, arguments) = rest.split_last()?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let matches = |any_case| {
        let matches = Glob::new(arguments.first()?, any_case).matches(text);
        Some(Cow::Borrowed(if matches { "yes" } else { "no" }))
    };
    match name.as_str() {
        "glob" => matches(false),
        "glob in any case" => matches(true),
        _ => Some(step(name, &arguments)?.apply(text, cases)),
    }
}

/// Reads a request; nothing where the input ends.
fn next_request(from: &mut impl Read) -> io::Result<Option<Vec<String>>> {
    let count = match number(from) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        count => count?,
    };
    (0..count)
        .map(|_| text(from))
        .collect::<io::Result<_>>()
        .map(Some)
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

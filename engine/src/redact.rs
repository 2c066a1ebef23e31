//! Secrets in command lines, replaced by `***`; the name of the option that held one stays.
//!
//! In goes a text that an attacker may have written, out comes a text without what looks like a
//! secret. The rules are the patterns of `cef_bridge/mapping/language/redaction.py`, by hand: nine passes,
//! each over the last one's text. Names match in any case of ASCII; white space is Python's (`text`).
//!
//! A pass is a function that finds the next secret: it takes the text and the end of the last match,
//! and nothing that it matches begins before that. Assignments are found by their `=` or `:`, and
//! what stands before that is held against the names; options are words that end in a name. So each
//! pass is linear: what it looks at again after a failure is bounded, or looked at once more. Before
//! all passes one look at the text tells which of them can find anything.

use std::borrow::Cow;
use std::ops::Range;

use crate::text::{is_space, lstrip};

const MARK: &str = "***";

/// Finds the next secret whose sign stands behind the end of the last one.
type Pass = fn(&str, usize) -> Option<Range<usize>>;

/// Returns a command line with `***` for what looks like a secret.
pub fn redact(text: &str) -> Cow<'_, str> {
    let signs = signs_of(text);
    let at = text.contains('@');
    let mut redacted = Cow::Borrowed(text);
    if let Some(pass) = pass_of_program(text) {
        redacted = masked(redacted, pass);
    }
    let passes: [(bool, Pass); 8] = [
        (signs & KEY_BLOCK != 0, key_block),
        (at, password_in_url),
        (at, token_in_url),
        (signs & TOKEN != 0, known_token),
        (signs & NAME != 0, authorization),
        (signs & BEARER != 0, bearer),
        (signs & NAME != 0, assigned),
        (signs & NAME != 0, option),
    ];
    for (sign, pass) in passes {
        if sign {
            redacted = masked(redacted, pass);
        }
    }
    redacted
}

/// Returns the text with a mark for each secret that a pass finds.
fn masked(text: Cow<'_, str>, next: Pass) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut done = 0;
    let mut from = 0;
    while let Some(secret) = next(&text, from) {
        from = secret.end;
        if text.get(secret.clone()) != Some(MARK) {
            masked.push_str(text.get(done..secret.start).unwrap_or_default());
            masked.push_str(MARK);
            done = secret.end;
        }
    }
    if done == 0 {
        return text;
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(masked)
}

/// Two bytes that stand side by side in all that a pass looks for; the place is the bit's.
const PAIRS: [&[u8; 2]; 16] = [
    b"-B", // -----BEGIN
    b"KI", // AKIA…
    b"SI", // ASIA…
    b"yJ", // eyJ…
    b"gh", // ghp_…
    b"b_", // github_pat_…
    b"lp", // glpat-…
    b"xo", // xoxb-…
    b"be", // bearer
    b"ss", // pass, password, passwd, passphrase, passcode
    b"cr", // secret, credential
    b"ok", // token
    b"ey", // key
    b"wd", // pwd
    b"nn", // connection-string
    b"au", // auth, authorization
];
const KEY_BLOCK: u16 = 1;
const TOKEN: u16 = 0b1111_1110;
const BEARER: u16 = 1 << 8;
const NAME: u16 = 0b1111_1110 << 8;
const ANY_CASE: u16 = BEARER | NAME;

static FIRST: [u16; 256] = pairs_of_bytes(0);
static SECOND: [u16; 256] = pairs_of_bytes(1);

/// Returns for each byte the bits of the pairs that have it at a place.
const fn pairs_of_bytes(place: usize) -> [u16; 256] {
    let mut pairs = [0; 256];
    let mut bit = 0;
    while bit < PAIRS.len() {
        let byte = PAIRS[bit][place];
        pairs[byte as usize] |= 1 << bit;
        if ANY_CASE & (1 << bit) != 0 {
            pairs[byte.to_ascii_uppercase() as usize] |= 1 << bit;
        }
        bit += 1;
    }
    pairs
}

/// Returns the bits of the pairs that stand in a text. A mark brings none that was not there, so
/// they hold for all passes.
fn signs_of(text: &str) -> u16 {
    let firsts = text.as_bytes();
    let seconds = firsts.get(1..).unwrap_or_default();
    let mut signs = 0;
    for (&first, &second) in firsts.iter().zip(seconds) {
        signs |= FIRST[usize::from(first)] & SECOND[usize::from(second)];
    }
    signs
}

/// `-----BEGIN … PRIVATE KEY-----` to the end of the block, or of the text.
fn key_block(text: &str, mut from: usize) -> Option<Range<usize>> {
    const BEGIN: &str = "-----BEGIN ";
    loop {
        let start = find(text, from, BEGIN)?;
        from = start + BEGIN.len();
        let rest = text.get(from..)?;
        let capitals = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ');
        let length = run(rest.as_bytes(), capitals);
        let (title, behind) = (rest.get(..length)?, rest.get(length..)?);
        let Some(label) = title.strip_suffix("PRIVATE KEY") else {
            continue;
        };
        if label.len() <= 40 && behind.starts_with("-----") {
            let inside = from + length + 5;
            let close = format!("-----END {title}-----");
            let end = find(text, inside, &close).map(|at| at + close.len());
            return Some(start..end.unwrap_or(text.len()));
        }
    }
}

/// The password of `://user:password@`: up to the last `@` before a slash or white space.
fn password_in_url(text: &str, mut from: usize) -> Option<Range<usize>> {
    loop {
        let user = find(text, from, "://")? + 3;
        from = user;
        let end = end_of(text, user, ends_user);
        let password = end + 1;
        if byte_at(text, end) != Some(b':') {
            continue;
        }
        let most = end_of(text, password, |it| it == '/' || is_space(it));
        match text.get(password..most)?.rfind('@') {
            None | Some(0) => continue,
            Some(length) => return Some(password..password + length),
        }
    }
}

/// The bare token of `://token@`: at least 16 characters.
fn token_in_url(text: &str, mut from: usize) -> Option<Range<usize>> {
    loop {
        let token = find(text, from, "://")? + 3;
        from = token;
        let end = end_of(text, token, ends_user);
        if byte_at(text, end) == Some(b'@') && text.get(token..end)?.chars().count() >= 16 {
            return Some(token..end);
        }
    }
}

fn ends_user(character: char) -> bool {
    matches!(character, '/' | '?' | '#' | ':' | '@') || is_space(character)
}

/// A token that is known by how it begins; before it stands nothing that could be a part of it.
fn known_token(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    if bytes.get(..from)?.last().is_some_and(in_token) {
        at += run(bytes.get(from..)?, in_token);
    }
    loop {
        at += run(bytes.get(at..)?, |byte| !in_token(byte));
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        if let Some(length) = token_length(rest) {
            return Some(at..at + length);
        }
        at += run(rest, in_token);
    }
}

/// Returns the length of the token that the bytes begin with, if they do.
fn token_length(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'A' => aws_key_id(bytes),
        b'e' => json_web_token(bytes),
        b'g' => ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]
            .iter()
            .find_map(|prefix| behind(bytes, prefix, 20, u8::is_ascii_alphanumeric))
            .or_else(|| behind(bytes, "github_pat_", 20, |it| in_token(it) && *it != b'-'))
            .or_else(|| behind(bytes, "glpat-", 16, in_token)),
        b'x' => ["xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-"]
            .iter()
            .find_map(|prefix| behind(bytes, prefix, 10, |it| in_token(it) && *it != b'_')),
        _ => None,
    }
}

/// Returns the length of a prefix and what follows it, which has a least length.
fn behind(bytes: &[u8], prefix: &str, least: usize, of: impl Fn(&u8) -> bool) -> Option<usize> {
    let length = run(bytes.strip_prefix(prefix.as_bytes())?, of);
    (length >= least).then_some(prefix.len() + length)
}

/// `AKIA` or `ASIA` and exactly 16 capitals and digits.
fn aws_key_id(bytes: &[u8]) -> Option<usize> {
    let (id, behind) = (bytes.get(..20)?, bytes.get(20..)?);
    let known = id.starts_with(b"AKIA") || id.starts_with(b"ASIA");
    let capitals = id
        .iter()
        .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
    let ends = !behind.first().is_some_and(u8::is_ascii_alphanumeric);
    (known && capitals && ends).then_some(20)
}

/// `eyJ…`, a dot, what it says; its signature may be missing.
fn json_web_token(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"eyJ") {
        return None;
    }
    let header = run(bytes, in_token);
    let claims = run(bytes.get(header..)?.strip_prefix(b".")?, in_token);
    if header < 3 + 8 || claims < 4 {
        return None;
    }
    let signed = header + 1 + claims;
    let signature = bytes.get(signed..)?.strip_prefix(b".");
    Some(signed + signature.map_or(0, |signature| 1 + run(signature, in_token)))
}

fn in_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// What an Authorization header says, but for the scheme.
fn authorization(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let separator = next_separator(text, at)?;
        at = separator + 1;
        let end = before_spaces(text, separator, 4).map(|end| before_quote(text, end));
        let name = end.and_then(|end| ends_in(text.get(from..end)?.as_bytes(), "authorization"));
        if name.is_none() {
            continue;
        }
        if let Some(begin) = after_spaces(text, at, 4) {
            let value = after_scheme(text, after_quote(text, begin));
            let end = end_of(text, value, ends_credential);
            if end > value {
                return Some(value..end);
            }
        }
    }
}

/// Returns where the credential behind a scheme begins; without both, where it would begin.
fn after_scheme(text: &str, at: usize) -> usize {
    let Some(rest) = text.get(at..) else {
        return at;
    };
    let behind = ["bearer", "basic", "token", "digest", "negotiate"]
        .iter()
        .find(|scheme| begins_with(rest, scheme))
        .and_then(|scheme| {
            let end = at + scheme.len();
            let quote = after_spaces(text, end, 4)?;
            let value = after_quote(text, quote);
            (quote > end && end_of(text, value, ends_credential) > value).then_some(value)
        });
    behind.unwrap_or(at)
}

/// A bearer's token that follows the word alone: at least eight characters.
fn bearer(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let word = next_word(text, at)?;
        at = word.end;
        let begin = after_quote(text, word.start);
        if !text.get(begin..word.end)?.eq_ignore_ascii_case("bearer") {
            continue;
        }
        if let Some(quote) = after_spaces(text, word.end, 4) {
            let value = after_quote(text, quote);
            let end = end_of(text, value, ends_credential);
            if text.get(value..end)?.chars().count() >= 8 {
                return Some(value..end);
            }
        }
    }
}

fn ends_credential(character: char) -> bool {
    matches!(character, '"' | '\'') || is_space(character)
}

/// The value behind `name=` or `name:`, where a name says that it is a secret.
fn assigned(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let separator = next_separator(text, at)?;
        at = separator + 1;
        if text.get(separator..)?.starts_with("://") {
            continue;
        }
        let end = before_spaces(text, separator, 2).map(|end| before_quote(text, end));
        let name = end.and_then(|end| name_start(text.get(..end)?.as_bytes()));
        let name = name.or_else(|| auth_start(text.get(..separator)?.as_bytes()));
        if name.is_none_or(|start| start < from) {
            continue;
        }
        if let Some(value) = after_spaces(text, at, 2) {
            return Some(value..value_end(text, value));
        }
    }
}

/// The word after an option whose name ends in that of a secret, unless it is an option itself:
/// `mysql --password -u root` asks for it instead.
fn option(text: &str, from: usize) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let word = next_word(text, at)?;
        at = word.end;
        if !is_secret_option(text.get(word.clone())?.as_bytes()) {
            continue;
        }
        match after_spaces(text, word.end, 4) {
            Some(value) if byte_at(text, value) != Some(b'-') => {
                return Some(value..value_end(text, value));
            }
            _ => continue,
        }
    }
}

/// Tells whether a word is one or two hyphens, at most 40 characters, and the name of a secret.
fn is_secret_option(word: &[u8]) -> bool {
    if word.first() != Some(&b'-') {
        return false;
    }
    let Some(before) = name_start(word).and_then(|start| word.get(..start)) else {
        return false;
    };
    let hyphens = if before.starts_with(b"--") { 2 } else { 1 };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=hyphens + 40).contains(&before.len()) && before.iter().all(plain)
}

/// Returns where the value ends that begins here: quoted, or a word. What is redacted already comes
/// first: the comma of `"password": ***, "user": …` stays.
fn value_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with(MARK) {
        return at + MARK.len();
    }
    let quoted = |quote| rest.strip_prefix(quote)?.find(quote);
    match quoted('"').or_else(|| quoted('\'')) {
        Some(length) => at + length + 2,
        None => end_of(text, at, is_space),
    }
}

/// The first words of names that end in `key`.
const KEYS: [&str; 9] = [
    "api",
    "access",
    "secret",
    "private",
    "account",
    "shared",
    "encryption",
    "signing",
    "master",
];

/// Returns where the name of a secret starts that the bytes end in. None of the names ends in
/// another one, so there is one place at most.
fn name_start(bytes: &[u8]) -> Option<usize> {
    let ends = |name| ends_in(bytes, name);
    match bytes.last()?.to_ascii_lowercase() {
        b'd' => ends("password")
            .or_else(|| ends("passwd"))
            .or_else(|| pwd_start(bytes)),
        b'e' => ends("passphrase").or_else(|| ends("passcode")),
        b'g' => {
            let before = bytes.get(..ends("string")?)?;
            ends_in(without_joint(before), "connection")
        }
        b'l' => ends("credential"),
        b'n' => ends("token"),
        b's' => ends("credentials").or_else(|| after_no_letter(bytes, ends("pass")?)),
        b't' => ends("secret"),
        b'y' => {
            let before = without_joint(bytes.get(..ends("key")?)?);
            KEYS.iter().find_map(|first| ends_in(before, first))
        }
        _ => None,
    }
}

/// Takes the `_` or `-` away that may stand between the words of a name.
fn without_joint(bytes: &[u8]) -> &[u8] {
    let without = bytes
        .strip_suffix(b"_")
        .or_else(|| bytes.strip_suffix(b"-"));
    without.unwrap_or(bytes)
}

/// `pwd` in these cases alone: `PWD` and `OLDPWD` are working directories.
fn pwd_start(bytes: &[u8]) -> Option<usize> {
    if let Some(before) = bytes.strip_suffix(b"PWD") {
        return before.ends_with(b"_").then_some(before.len());
    }
    let before = bytes.strip_suffix(b"wd")?;
    let before = before
        .strip_suffix(b"p")
        .or_else(|| before.strip_suffix(b"P"))?;
    after_no_letter(bytes, before.len())
}

/// `auth` is a name right before the sign that gives it a value.
fn auth_start(bytes: &[u8]) -> Option<usize> {
    after_no_letter(bytes, ends_in(bytes, "auth")?)
}

fn after_no_letter(bytes: &[u8], start: usize) -> Option<usize> {
    let before = bytes.get(..start)?.last();
    (!before.is_some_and(u8::is_ascii_alphabetic)).then_some(start)
}

/// Returns how a program's short options hold a secret. Where no program is known, `-p` is anything.
fn pass_of_program(text: &str) -> Option<Pass> {
    let path = lstrip(text).split(' ').next()?;
    match path.rsplit('/').next()? {
        "mysql" | "mysqldump" | "mysqladmin" | "mysqlimport" | "mysqlsh" => Some(glued),
        "mariadb" | "mariadb-dump" => Some(glued),
        "sshpass" => Some(glued_or_next),
        "redis-cli" => Some(next_of_a),
        "curl" => Some(behind_user),
        _ => None,
    }
}

/// `-pSECRET`
fn glued(text: &str, from: usize) -> Option<Range<usize>> {
    find_option(text, from, |option| glued_argument(text, option, "-p"))
}

/// `-pSECRET` and `-p SECRET`
fn glued_or_next(text: &str, from: usize) -> Option<Range<usize>> {
    find_option(text, from, |option| {
        let secret = argument(text, option, "-p")?;
        (byte_at(text, secret.start) != Some(b'-')).then_some(secret)
    })
}

/// `-a SECRET`
fn next_of_a(text: &str, from: usize) -> Option<Range<usize>> {
    find_option(text, from, |option| next_argument(text, option, "-a"))
}

/// `-u USER:SECRET` and `-uUSER:SECRET`; a user has at most 256 characters.
fn behind_user(text: &str, from: usize) -> Option<Range<usize>> {
    find_option(text, from, |option| {
        let mut names = ["-u", "--user", "-U", "--proxy-user"].iter();
        let both = names.find_map(|name| argument(text, option, name))?;
        let user = text.get(both.clone())?.split_once(':')?.0;
        let secret = both.start + user.len() + 1;
        (secret < both.end && user.chars().count() <= 256).then_some(secret..both.end)
    })
}

/// Returns the first secret among the options that white space stands before.
fn find_option(
    text: &str,
    from: usize,
    secret: impl Fn(&Range<usize>) -> Option<Range<usize>>,
) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let word = next_word(text, at)?;
        at = word.end;
        if word.start > 0 && byte_at(text, word.start) == Some(b'-') {
            if let Some(secret) = secret(&word) {
                return Some(secret);
            }
        }
    }
}

fn argument(text: &str, option: &Range<usize>, name: &str) -> Option<Range<usize>> {
    glued_argument(text, option, name).or_else(|| next_argument(text, option, name))
}

/// Returns the rest of an option's word, where that begins with a name.
fn glued_argument(text: &str, option: &Range<usize>, name: &str) -> Option<Range<usize>> {
    let rest = text.get(option.clone())?.strip_prefix(name)?;
    (!rest.is_empty()).then(|| option.end - rest.len()..option.end)
}

/// Returns the word after an option, where that is a name.
fn next_argument(text: &str, option: &Range<usize>, name: &str) -> Option<Range<usize>> {
    if text.get(option.clone())? != name {
        return None;
    }
    let next = after_spaces(text, option.end, 4)?;
    Some(next..end_of(text, next, is_space))
}

// Small steps over a text; all places are between characters.

fn find(text: &str, from: usize, what: &str) -> Option<usize> {
    Some(from + text.get(from..)?.find(what)?)
}

/// Returns the next `=` or `:`.
fn next_separator(text: &str, from: usize) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    let found = rest.iter().position(|byte| matches!(byte, b'=' | b':'))?;
    Some(from + found)
}

/// Returns the next word that begins behind a place: what white space stands around.
fn next_word(text: &str, from: usize) -> Option<Range<usize>> {
    let (before, rest) = (text.get(..from)?, text.get(from..)?);
    let inside = before.chars().next_back().is_some_and(|it| !is_space(it));
    let space = if inside {
        from + rest.find(is_space)?
    } else {
        from
    };
    let start = end_of(text, space, |it| !is_space(it));
    (start < text.len()).then(|| start..end_of(text, start, is_space))
}

/// Returns the place of the first character that ends what begins here, or the text's end.
fn end_of(text: &str, from: usize, ends: impl Fn(char) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.find(ends).map_or(text.len(), |length| from + length)
}

/// Returns where text follows that at most so many spaces stand before; nothing where it ends.
fn after_spaces(text: &str, from: usize, most: usize) -> Option<usize> {
    let mut places = text.get(from..)?.char_indices().take(most + 1);
    let (length, _) = places.find(|(_, it)| !is_space(*it))?;
    Some(from + length)
}

/// Returns where text ends that at most so many spaces follow.
fn before_spaces(text: &str, to: usize, most: usize) -> Option<usize> {
    let before = text.get(..to)?;
    let mut backwards = before.char_indices().rev().take(most + 1);
    let (at, character) = backwards.find(|(_, it)| !is_space(*it))?;
    Some(at + character.len_utf8())
}

fn before_quote(text: &str, to: usize) -> usize {
    let before = text.get(..to).unwrap_or_default();
    let without = before
        .strip_suffix('"')
        .or_else(|| before.strip_suffix('\''));
    without.map_or(to, str::len)
}

fn after_quote(text: &str, from: usize) -> usize {
    match byte_at(text, from) {
        Some(b'"' | b'\'') => from + 1,
        _ => from,
    }
}

fn byte_at(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

/// Returns how many bytes are of a kind, from the first on.
fn run(bytes: &[u8], of: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| of(byte)).count()
}

/// Tells whether a text begins with a word, in any case of ASCII.
fn begins_with(text: &str, word: &str) -> bool {
    let begin = text.get(..word.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

/// Returns where a word starts that the bytes end in, in any case of ASCII.
fn ends_in(bytes: &[u8], word: &str) -> Option<usize> {
    let start = bytes.len().checked_sub(word.len())?;
    let end = bytes.get(start..)?;
    end.eq_ignore_ascii_case(word.as_bytes()).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_redacts(pairs: &[(&str, &str)]) {
        for (text, expected) in pairs {
            assert_eq!(redact(text), *expected);
            assert_eq!(redact(expected), *expected, "again");
        }
    }

    #[track_caller]
    fn assert_stay(texts: &[&str]) {
        for text in texts {
            assert!(
                matches!(redact(text), Cow::Borrowed(same) if same == *text),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_to_hide() {
        assert_stay(&[
            "",
            "a",
            "é",
            "@",
            "/usr/bin/apt update",
            "ls -la /etc/passwd",
        ]);
        assert_stay(&[
            "kubectl get secret db -o yaml",
            "vault --author bob --key-type x",
        ]);
        assert_stay(&["--token=***", "mysql -p***", "https://bob:***@h", "x *** y"]);
    }

    #[test]
    fn assignments() {
        assert_redacts(&[
            ("--password=x y", "--password=*** y"),
            ("DB_PASS=x", "DB_PASS=***"),
            ("Server=s;Pwd=x", "Server=s;Pwd=***"),
            (
                "aws_secret_access_key = a/b+",
                "aws_secret_access_key = ***",
            ),
            ("connection-string: 'a b' c", "connection-string: *** c"),
            (
                "{\"password\": \"a b\", \"u\": 1}",
                "{\"password\": ***, \"u\": 1}",
            ),
            ("token=\"unclosed text", "token=*** text"),
            (
                "auth:x CREDENTIALS=\u{1f}é",
                "auth:*** CREDENTIALS=\u{1f}***",
            ),
            ("éPASS=x", "éPASS=***"),
        ]);
        assert_stay(&[
            "compass=north bypass=1",
            "PWD=/root OLDPWD=/",
            "token://x",
            "token   =x",
        ]);
        assert_stay(&["auth =x", "token=   x", "to\u{212a}en=x", "token="]);
    }

    #[test]
    fn options() {
        let long = "a".repeat(40);
        assert_redacts(&[
            ("--password x y", "--password *** y"),
            ("--db-password 'a b' y", "--db-password *** y"),
            ("-my_PWD\u{3000}x", "-my_PWD\u{3000}***"),
            (&format!("--{long}token x"), &format!("--{long}token ***")),
        ]);
        assert_stay(&[
            "mysql --password -u root",
            "--password-file /run/x",
            "x--token y",
        ]);
        assert_stay(&["--auth x", "--PWD x", "--token     x", "--tökentoken x"]);
        assert_stay(&[&format!("-{long}atoken x"), &format!("--{long}atoken x")]);
    }

    #[test]
    fn headers() {
        assert_redacts(&[
            (
                "-H 'Authorization: Bearer abc'",
                "-H 'Authorization: Bearer ***'",
            ),
            ("AUTHORIZATION=\"abc\"", "AUTHORIZATION=\"***\""),
            (
                "Authorization: Bearer \"abc\"",
                "Authorization: Bearer \"***\"",
            ),
            ("Authorization: basic     abc", "Authorization: ***     abc"),
            ("X: 'bearer abcdefgh'", "X: 'bearer ***'"),
            ("-H 'bearer  abcdéfgh'", "-H 'bearer  ***'"),
        ]);
        assert_stay(&["Authorization:     x", "bearer abcdefg", "xbearer abcdefgh"]);
    }

    #[test]
    fn addresses() {
        assert_redacts(&[
            ("https://bob:pw@h/x", "https://bob:***@h/x"),
            ("redis://:p@ss@h:6379/0", "redis://:***@h:6379/0"),
            ("a://b:c@d/e://f:g@h", "a://b:***@d/e://f:***@h"),
            ("https://0123456789abcdef@h", "https://***@h"),
        ]);
        assert_stay(&[
            "http://h:8080/x@y",
            "://:@",
            "https://éééééééééé@h",
            "://a b:c@d",
        ]);
    }

    #[test]
    fn tokens_by_their_form() {
        assert_redacts(&[
            ("x AKIAIOSFODNN7EXAMPLE_", "x ***_"),
            ("éASIAIOSFODNN7EXAMPLEé", "é***é"),
            ("eyJhbGciOiJI.eyJzdWIi.c2ln y", "*** y"),
            ("eyJ.eyJhbGciOiJI.eyJz", "eyJ.***"),
            ("ghp_0123456789abcdefghij-x", "***-x"),
            ("github_pat_0123456789_abcdefghi", "***"),
            ("glpat-0123456789abcde-", "***"),
            ("xoxb-012345678-_", "***_"),
        ]);
        assert_stay(&[
            "AKIAIOSFODNN7EXAMPLEX",
            "xAKIAIOSFODNN7EXAMPLE",
            "ghx_0123456789abcdefghij",
        ]);
        assert_stay(&[
            "eyJhbGciOiJI.eyJ",
            "eyJhbGci.eyJzdWIi",
            "xoxb-012345678",
            "akiaiosfodnn7example",
        ]);
    }

    #[test]
    fn private_keys() {
        assert_redacts(&[
            (
                "-----BEGIN RSA PRIVATE KEY-----\nM\n-----END RSA PRIVATE KEY----- > k",
                "*** > k",
            ),
            ("a -----BEGIN PRIVATE KEY----- M", "a ***"),
            (
                "-----BEGIN A PRIVATE KEY----- -----END PRIVATE KEY----- x",
                "***",
            ),
            ("-----BEGIN -----BEGIN PRIVATE KEY-----", "-----BEGIN ***"),
        ]);
        let long = "A".repeat(41);
        assert_stay(&[
            &format!("-----BEGIN {long}PRIVATE KEY-----"),
            "-----BEGIN PRIVATE KEY----",
        ]);
    }

    #[test]
    fn short_options_of_programs() {
        assert_redacts(&[
            (
                "/usr/bin/mysql -uroot -ppw db -p",
                "/usr/bin/mysql -uroot -p*** db -p",
            ),
            ("sshpass -p hunter2 ssh h", "sshpass -p *** ssh h"),
            ("sshpass -phunter2 ssh h", "sshpass -p*** ssh h"),
            ("redis-cli -a -x ping", "redis-cli -a *** ping"),
            (
                "curl -u bob:pw --proxy-userbob:p:w h",
                "curl -u bob:*** --proxy-userbob:*** h",
            ),
        ]);
        assert_stay(&[
            "ssh -p2222 host",
            "-px",
            "mysql\t-px",
            "sshpass -p -x",
            "redis-cli -ax",
        ]);
        assert_stay(&["sshpass -p     x", "curl -u bob", "curl -u :", "curl -u -u"]);
        let long = "é".repeat(257);
        assert_stay(&[&format!("curl -u {long}:x")]);
    }

    #[test]
    fn hostile_text_costs_as_much_as_it_is_long() {
        let pieces = [
            "token=\"",
            "token='",
            "token= ",
            "authorization:",
            "bearer ",
            "--token -",
            "auth",
            "://a:",
            "://a@",
            "-----BEGIN ",
            "-----BEGIN PRIVATE KEY-----",
            "eyJ.",
            "eyJaaaaaaaa.",
            "-p ",
            " ",
            "=",
            "-",
            "a",
            "\"",
            "***",
        ];
        for piece in pieces {
            let text = format!("sshpass {}", piece.repeat((1 << 18) / piece.len()));
            let started = std::time::Instant::now();
            redact(&text);
            // 0.1 s, not optimized and on a busy machine; text times text would be minutes.
            assert!(started.elapsed().as_secs() < 10, "{piece}");
        }
    }
}

//! `Data` and `Resource` taken apart, by the keys that their head is known to have.
//!
//! The reference is `cef_bridge/kubearmor/split.py`. A value may hold spaces, equals signs and whatever
//! a process writes; only the known keys of the call part it.

use crate::event::{Field, NO_FIELD};
use crate::facts::{Facts, Order};
use crate::text::strip;
use crate::words::{find_capital, Words};

/// One `key=value`; `raw` is how it stood there. Without a field it is text that no key explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token<'a> {
    /// `data.` and its key.
    pub field: Field,
    /// The name of a key that the table has not; "" else.
    pub name: &'a str,
    /// What stands behind the equals sign.
    pub value: &'a str,
    /// Key, equals sign and value.
    pub raw: &'a str,
}

impl<'a> Token<'a> {
    fn rest(text: &'a str) -> Self {
        Token {
            field: NO_FIELD,
            name: "",
            value: text,
            raw: text,
        }
    }
}

/// Cuts a text where its keys begin; a value runs to the next key or the end.
struct Cut<'a, 't> {
    text: &'a str,
    tokens: &'t mut Vec<Token<'a>>,
    /// Where the tokens of this text begin in the list.
    first: usize,
    /// Where the last key begins, its length and its field.
    last: Option<(usize, usize, Field)>,
}

impl<'a, 't> Cut<'a, 't> {
    fn new(text: &'a str, tokens: &'t mut Vec<Token<'a>>) -> Self {
        Cut {
            text,
            first: tokens.len(),
            tokens,
            last: None,
        }
    }

    /// Tell whether a key with a field was there.
    fn has(&self, field: Field) -> bool {
        let before = self.tokens[self.first..].iter().map(|token| token.field);
        before
            .chain(self.last.map(|(.., field)| field))
            .any(|it| it == field)
    }

    /// Cut before a key.
    fn key(&mut self, begin: usize, size: usize, field: Field) {
        match self.last.replace((begin, size, field)) {
            Some(last) => self.token(last, begin - 1),
            None => self.rest(self.text.get(..begin).unwrap_or("").trim_matches(' ')),
        }
    }

    /// Cut at the end of the text.
    fn end(mut self) {
        match self.last {
            Some(last) => self.token(last, self.text.len()),
            None => self.rest(self.text),
        }
    }

    /// Add a key's token, which ends there.
    fn token(&mut self, (begin, size, field): (usize, usize, Field), end: usize) {
        self.tokens.push(Token {
            field,
            name: "",
            value: self.text.get(begin + size + 1..end).unwrap_or(""),
            raw: self.text.get(begin..end).unwrap_or(""),
        });
    }

    /// Add what no key explains, if it says anything.
    fn rest(&mut self, text: &'a str) {
        if !strip(text).is_empty() {
            self.tokens.push(Token::rest(text));
        }
    }
}

/// Put the tokens of a `Data` field into a list.
pub fn split_data<'a>(facts: &Facts, text: &'a str, tokens: &mut Vec<Token<'a>>) {
    let Some((head, rest)) = text.split_once('=') else {
        if !strip(text).is_empty() {
            tokens.push(Token::rest(text));
        }
        return;
    };
    if head == "syscall" {
        let call = rest.split(' ').next().unwrap_or(rest);
        match find_capital(&facts.calls, call) {
            Some(order) => in_order(text, order, tokens),
            None => in_any_order(text, &facts.any_call, tokens),
        }
    } else if head == "lsm" {
        split_lsm(facts, text, tokens);
    } else if let Some(order) = facts.heads.get(head) {
        in_order(text, order, tokens);
    } else if !strip(text).is_empty() {
        tokens.push(Token::rest(text));
    }
}

/// Split at keys whose order is known: a value cannot pass its text off as an earlier key.
fn in_order<'a>(text: &'a str, order: &Order, tokens: &mut Vec<Token<'a>>) {
    let mut cut = Cut::new(text, tokens);
    let mut from = 0;
    for (number, (key, field)) in order.keys.iter().enumerate() {
        let begin = if number == 0 {
            Some(0)
        } else {
            find_key(text, from, key, &order.separators)
        };
        if let Some(begin) = begin {
            cut.key(begin, key.len(), *field);
            from = begin + key.len() + 1;
        }
    }
    cut.end();
}

/// Return where a key begins that stands behind a separator and before an equals sign.
fn find_key(text: &str, from: usize, key: &str, separators: &[char]) -> Option<usize> {
    let rest = text.get(from..)?;
    let behind = rest
        .match_indices(separators)
        .map(|(at, separator)| at + separator.len());
    let mut begins = behind.filter(|begin| {
        let rest = &rest[*begin..];
        rest.starts_with(key) && rest.as_bytes().get(key.len()) == Some(&b'=')
    });
    begins.next().map(|begin| from + begin)
}

/// Split at the keys of a table, each taken once; a value runs to the next key or the end.
fn in_any_order<'a>(text: &'a str, keys: &Words<Field>, tokens: &mut Vec<Token<'a>>) {
    let mut cut = Cut::new(text, tokens);
    let mut begin = 0;
    for word in text.split(' ') {
        if let Some((key, _)) = word.split_once('=') {
            if let Some(field) = keys.get(key) {
                if !cut.has(*field) {
                    cut.key(begin, key.len(), *field);
                }
            }
        }
        begin += word.len() + 1;
    }
    cut.end();
}

/// `lsm=CAPABLE CAP_NET_RAW` and `lsm=SOCKET_CREATE HOPOPT` end in a word without a key.
fn split_lsm<'a>(facts: &Facts, text: &'a str, tokens: &mut Vec<Token<'a>>) {
    let first = tokens.len();
    in_any_order(text, &facts.lsm, tokens);
    let Some(lsm) = tokens.get(first).copied() else {
        return;
    };
    let Some((hook, bare)) = lsm.value.split_once(' ') else {
        return;
    };
    let raw = text
        .get(..lsm.raw.len() - lsm.value.len() + hook.len())
        .unwrap_or(lsm.raw);
    tokens[first] = Token {
        value: hook,
        raw,
        ..lsm
    };
    let bare = bare.trim_matches(' ');
    if !bare.is_empty() {
        let ids = &facts.ids;
        let capable = hook.eq_ignore_ascii_case("CAPABLE");
        let field = if capable {
            ids.d_capability
        } else {
            ids.d_protocol
        };
        let taken = tokens[first + 1..].iter().any(|token| token.field == field);
        let field = if taken { NO_FIELD } else { field };
        tokens.insert(
            first + 1,
            Token {
                field,
                name: "",
                value: bare,
                raw: bare,
            },
        );
    }
}

const UNIX: &str = "sa_family=AF_UNIX";
const SUN_PATH: &str = "sun_path=";

/// Put the tokens of a Network event's `Resource` into a list.
pub fn split_socket<'a>(facts: &Facts, text: &'a str, tokens: &mut Vec<Token<'a>>) {
    if !split_unix(facts, text, tokens) {
        in_any_order(text, &facts.socket, tokens);
    }
}

/// Split the address of a Unix socket: all of it that is no family is the path, whatever it says.
fn split_unix<'a>(facts: &Facts, text: &'a str, tokens: &mut Vec<Token<'a>>) -> bool {
    let pair = |field, raw: &'a str| {
        let value = raw.split_once('=').map_or("", |(_, value)| value);
        Token {
            field,
            name: "",
            value,
            raw,
        }
    };
    let ids = &facts.ids;
    let is_unix = |text: &str| text.eq_ignore_ascii_case(UNIX);
    if text.get(..UNIX.len()).is_some_and(is_unix) {
        // One character stands between the two, whichever.
        let mut behind = text[UNIX.len()..].chars();
        behind.next();
        if behind.as_str().starts_with(SUN_PATH) {
            tokens.push(pair(ids.d_family, &text[..UNIX.len()]));
            tokens.push(pair(ids.d_sun_path, behind.as_str()));
            return true;
        }
    }
    if !text.starts_with(SUN_PATH) {
        return false;
    }
    let family = text
        .len()
        .checked_sub(UNIX.len())
        .and_then(|at| Some((at, text.get(at..)?)));
    match family {
        Some((at, family)) if is_unix(family) && text[..at].ends_with(' ') => {
            tokens.push(pair(ids.d_sun_path, &text[..at - 1]));
            tokens.push(pair(ids.d_family, family));
        }
        _ => tokens.push(pair(ids.d_sun_path, text)),
    }
    true
}

/// Cut off ` remotehost=…`, which the relay appends to what a probe of TCP reports.
fn without_remote_host(resource: &str) -> &str {
    if !resource.starts_with("remoteip=") {
        return resource;
    }
    resource
        .split_once(" remotehost=")
        .map_or(resource, |(head, _)| head)
}

/// Return a Network event's Resource without what differs between copies of one event, as texts
/// that a space parts (`cef_bridge/kubearmor/identity.py`, `stable_resource`).
pub fn stable_resource<'a>(facts: &Facts, resource: &'a str) -> Vec<&'a str> {
    let resource = without_remote_host(resource);
    if ["sa_family=", "sin_", "sun_path="]
        .iter()
        .any(|begin| resource.starts_with(begin))
    {
        let mut tokens = Vec::new();
        split_socket(facts, resource, &mut tokens);
        if tokens.iter().all(|token| facts.address.has(token.field)) {
            let mut texts: Vec<&str> = tokens.iter().map(|token| token.raw).collect();
            texts.sort_unstable();
            return texts;
        }
    }
    vec![resource]
}

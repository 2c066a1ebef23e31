//! What was done: the derived fields that Data, Resource and EventData give.
//!
//! The reference is `cef_bridge/kubearmor/activity.py`.

use std::collections::{HashMap, HashSet};

use crate::arena::Arena;
use crate::event::{Event, Field, Fields, Part, Value, NO_FIELD};
use crate::facts::Facts;
use crate::scan::has_byte;
use crate::split::{split_data, split_socket, Token};
use crate::text::push;
use crate::words::Secret;

/// So many tokens are compared with an entry of EventData.
const FEW: usize = 16;

/// Lists that are filled anew for each event.
#[derive(Default)]
pub struct Activity<'a> {
    data: Vec<Token<'a>>,
    resource: Vec<Token<'a>>,
    only: Vec<Token<'a>>,
    /// Values of keys that the table has not: only EventData has such.
    unknown: HashMap<&'a str, &'a str, Secret>,
    /// Words of Data and Resource.
    words: HashSet<&'a str, Secret>,
    /// Fields that say nothing.
    void: Fields,
    /// What an id is made of.
    pub recipe: Vec<u8>,
}

impl<'a> Activity<'a> {
    /// Take Data apart; return the call (system call, probe or hook) and its flags, "" for none.
    pub fn begin(&mut self, facts: &Facts, event: &Event<'a>) -> (&'a str, &'a str) {
        self.data.clear();
        self.resource.clear();
        self.only.clear();
        self.unknown.clear();
        self.void = Fields::default();
        split_data(facts, event.text(facts.ids.data), &mut self.data);
        let ids = &facts.ids;
        let (mut call, mut flags) = ("", "");
        for token in &self.data {
            if [ids.d_syscall, ids.d_kprobe, ids.d_kfunc, ids.d_lsm].contains(&token.field) {
                call = token.value;
            } else if token.field == ids.d_flags {
                flags = token.value;
            }
        }
        if call.is_empty() && !event.pairs.is_empty() {
            return call_of_pairs(event);
        }
        (call, flags)
    }

    /// Add to the event what Data, Resource and EventData say; its class is known.
    pub fn describe(&mut self, facts: &Facts, event: &mut Event<'a>, arena: &'a Arena) {
        let ids = &facts.ids;
        let resource = event.text(ids.resource);
        if event.has(ids.data) && !event.text(ids.data).is_empty() {
            let mut parts = std::mem::take(&mut event.data);
            self.take(facts, event, Which::Data, &mut parts);
            event.data = parts;
            event.in_parts[0] = true;
        }
        let network = facts.classes[event.class].operation == facts.is.network;
        if !resource.is_empty() && network {
            split_socket(facts, resource, &mut self.resource);
            let mut parts = std::mem::take(&mut event.resource);
            self.take(facts, event, Which::Resource, &mut parts);
            // One bare word (a DNS name, a protocol) is a value, and no list of pieces.
            event.in_parts[1] = !matches!(&parts[..], [one] if one.field == ids.rest_resource);
            event.resource = parts;
        }
        if !event.pairs.is_empty() {
            self.only_in_event_data(facts, event, arena);
            let mut parts = std::mem::take(&mut event.event_data);
            self.take(facts, event, Which::EventData, &mut parts);
            event.in_parts[2] = !parts.is_empty();
            event.event_data = parts;
        }
        derive(facts, event, arena);
        for part in event
            .data
            .iter()
            .chain(&event.resource)
            .chain(&event.event_data)
        {
            if self.void.has(part.field) && !event.has(part.field) {
                event.spare.add(part.field);
            }
        }
    }

    /// Add a field's tokens to those known, and to the parts of the field.
    fn take(
        &mut self,
        facts: &Facts,
        event: &mut Event<'a>,
        which: Which,
        parts: &mut Vec<Part<'a>>,
    ) {
        let (tokens, rest) = match which {
            Which::Data => (&self.data, facts.ids.rest_data),
            Which::Resource => (&self.resource, facts.ids.rest_resource),
            Which::EventData => (&self.only, facts.ids.rest_event_data),
        };
        for token in tokens {
            let mut part = Part {
                field: token.field,
                name: token.name,
                raw: token.raw,
            };
            if token.field == NO_FIELD && token.name.is_empty() {
                part.field = rest;
            } else if self.differs(event, token) {
                // The same key with another value: kept as it is.
                part = Part {
                    field: rest,
                    name: "",
                    raw: token.raw,
                };
            } else if token.value.is_empty() || says_nothing(facts, token) {
                self.void.add(token.field);
            } else if token.field == NO_FIELD {
                self.unknown.insert(token.name, token.value);
            } else {
                event.set(token.field, Value::Text(token.value));
            }
            parts.push(part);
        }
    }

    fn differs(&self, event: &Event<'a>, token: &Token<'a>) -> bool {
        if token.field == NO_FIELD {
            self.unknown
                .get(token.name)
                .is_some_and(|value| *value != token.value)
        } else {
            event.has(token.field) && event.text(token.field) != token.value
        }
    }

    /// Find the entries that Data and Resource lack, under the names that keys have there.
    fn only_in_event_data(&mut self, facts: &Facts, event: &Event<'a>, arena: &'a Arena) {
        // Words, as KubeArmor cut them: looking through the texts for each would be quadratic.
        let texts = [event.text(facts.ids.data), event.text(facts.ids.resource)];
        self.words.clear();
        let mut cut = false;
        // Data writes userid=, EventData Userid; but SourceIP= and Class= have capitals in both.
        let capital = event
            .pairs
            .iter()
            .any(|(name, _)| matches!(*name, "SourceIP" | "Class"));
        for (name, value) in &event.pairs {
            let Value::Text(value) = *value else { continue };
            if value.is_empty() {
                continue;
            }
            let said = |(text, tokens): (&str, &[Token<'_>])| {
                let mut few = tokens.iter().take(FEW);
                few.any(|token| is_pair(token.raw, name, value) && is_word(token.raw, text))
            };
            if said((texts[0], &self.data)) || said((texts[1], &self.resource)) {
                continue; // nearly all entries are tokens
            }
            if !cut {
                cut = true;
                self.words
                    .extend(texts.into_iter().flat_map(|text| text.split(' ')));
            }
            let raw = arena.join(&[name, "=", value]);
            let small = with_small_initial(name, arena);
            if self.words.contains(raw) || self.words.contains(arena.join(&[small, "=", value])) {
                continue;
            }
            let key = if capital && facts.capital_tokens.contains_key(name) {
                name
            } else {
                small
            };
            // Of KubeArmor 1.6.0 to 1.6.5: Kfunc holds all the tokens, joined by commas.
            let key = if value.contains(',') { "" } else { key };
            let path = || facts.fields.get(arena.join(&["data.", key])).copied();
            let field = if key.is_empty() { None } else { path() };
            let name = if field.is_none() { key } else { "" };
            let field = field.unwrap_or(NO_FIELD);
            self.only.push(Token {
                field,
                name,
                value,
                raw,
            });
        }
    }
}

enum Which {
    Data,
    Resource,
    EventData,
}

fn says_nothing(facts: &Facts, token: &Token<'_>) -> bool {
    facts.may_be_nothing.has(token.field)
        && facts
            .nothing
            .iter()
            .any(|(field, value)| *field == token.field && value == token.value)
}

/// Tell whether a slice of a text is one of its words, which spaces part.
fn is_word(slice: &str, text: &str) -> bool {
    let bytes = text.as_bytes();
    let begin = (slice.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    let Some(end) = begin
        .checked_add(slice.len())
        .filter(|end| *end <= bytes.len())
    else {
        return false;
    };
    let parted = |at: usize| bytes.get(at).is_none_or(|byte| *byte == b' ');
    (begin == 0 || parted(begin - 1)) && parted(end) && !has_byte(slice, b' ')
}

/// Tell whether a word is `name=value`; the name's first letter may be small there.
fn is_pair(word: &str, name: &str, value: &str) -> bool {
    if word.len() != name.len() + 1 + value.len() {
        return false;
    }
    let (begin, rest) = word.as_bytes().split_at(name.len());
    let is_name = match (begin, name.as_bytes()) {
        ([], []) => true,
        ([first, begin @ ..], [initial, name @ ..]) => {
            begin == name && (first == initial || *first == initial.to_ascii_lowercase())
        }
        _ => false,
    };
    is_name && rest.first() == Some(&b'=') && rest[1..] == *value.as_bytes()
}

fn with_small_initial<'a>(name: &'a str, arena: &'a Arena) -> &'a str {
    match name.bytes().next() {
        Some(first) if first.is_ascii_uppercase() => {
            arena.join(&[&name[..1].to_ascii_lowercase(), &name[1..]])
        }
        _ => name,
    }
}

/// Return call and flags by EventData, for an event whose Data says no call.
fn call_of_pairs<'a>(event: &Event<'a>) -> (&'a str, &'a str) {
    let find = |key: &str| {
        let found = event
            .pairs
            .iter()
            .rev()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        match found {
            Some((_, Value::Text(text))) => *text,
            _ => "",
        }
    };
    for key in ["syscall", "kprobe", "kfunc", "lsm"] {
        let call = find(key).split(',').next().unwrap_or("");
        if !call.is_empty() {
            return (call, find("flags"));
        }
    }
    ("", "")
}

/// Add the derived fields that the tokens give.
fn derive<'a>(facts: &Facts, event: &mut Event<'a>, arena: &'a Arena) {
    let (ids, is) = (&facts.ids, &facts.is);
    let class = &facts.classes[event.class];
    let (operation, verb) = (class.operation, class.verb);
    let resource = event.text(ids.resource);
    for call in [ids.d_syscall, ids.d_kprobe, ids.d_kfunc, ids.d_lsm] {
        event.set_from(ids.call, event.text(call), call);
    }
    if let Some(flags) = [ids.d_flags, ids.d_flag]
        .into_iter()
        .find(|flags| event.has(*flags))
    {
        event.set_from(ids.flags, with_commas(event.text(flags), arena), flags);
    }
    if operation == is.network {
        network(facts, event, arena);
    } else if operation == is.firewall {
        firewall(facts, event, arena);
    }
    if verb == is.setid {
        // KubeArmor prints the gid of setgid under "userid" too.
        let group = event.text(ids.d_syscall).eq_ignore_ascii_case("SYS_SETGID");
        let target = if group {
            ids.target_group
        } else {
            ids.target_user
        };
        event.set_from(target, event.text(ids.d_userid), ids.d_userid);
    } else if verb == is.attr {
        event.set_from(ids.target_user, event.text(ids.d_userid), ids.d_userid);
        event.set_from(ids.target_group, event.text(ids.d_group), ids.d_group);
    }
    if verb == is.mount || verb == is.umount {
        event.set_from(ids.file_path, event.text(ids.d_target), ids.d_target);
    } else if operation == is.file
        || (operation == is.syscall && (verb == is.delete || verb == is.attr))
    {
        event.set_from(ids.file_path, resource, ids.resource);
    }
}

fn with_commas<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    let Some((first, rest)) = text.split_once('|') else {
        return text;
    };
    let joined = arena.write(|out| {
        push(first, out);
        for flag in rest.split('|') {
            push(",", out);
            push(flag, out);
        }
        Some(())
    });
    joined.unwrap_or(text)
}

/// Set the protocol, if a token names one; a number is none.
fn set_protocol<'a>(facts: &Facts, event: &mut Event<'a>, key: Field, arena: &'a Arena) {
    let word = event.text(key);
    if !word.is_ascii() || !word.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return;
    }
    let word = if word.bytes().any(|byte| byte.is_ascii_lowercase()) {
        arena.text(&word.to_ascii_uppercase())
    } else {
        word
    };
    if word == "HOPOPT" {
        return;
    }
    let named = facts
        .protocols
        .get(word)
        .map_or(word, |other| arena.text(other));
    event.set_from(facts.ids.protocol, named, key);
}

fn is_family(text: &str) -> bool {
    crate::words::begins_with(text, "AF_")
}

fn network<'a>(facts: &Facts, event: &mut Event<'a>, arena: &'a Arena) {
    let (ids, is) = (&facts.ids, &facts.is);
    let verb = facts.classes[event.class].verb;
    if verb == is.dns {
        dns(facts, event);
        return;
    }
    let family_key = if event.has(ids.d_family) {
        ids.d_family
    } else {
        ids.d_domain
    };
    let family = event.text(family_key);
    if is_family(family) {
        event.set_from(ids.family, family, family_key);
    }
    event.set_from(
        ids.socket_type,
        with_commas(event.text(ids.d_type), arena),
        ids.d_type,
    );
    set_protocol(facts, event, ids.d_protocol, arena);
    let ip_key = if event.has(ids.d_remoteip) {
        ids.d_remoteip
    } else {
        ids.d_sin_addr
    };
    let port_key = if event.has(ids.d_port) {
        ids.d_port
    } else {
        ids.d_sin_port
    };
    let (ip, port) = (event.text(ip_key), event.text(port_key));
    let end = if verb == is.connect {
        Some((ids.destination_ip, ids.destination_port))
    } else if verb == is.accept {
        Some((ids.source_ip, ids.source_port))
    } else if verb == is.bind || verb == is.listen {
        Some((ids.local_ip, ids.local_port))
    } else {
        None
    };
    if let Some((end_ip, end_port)) = end {
        event.set_from(end_ip, ip, ip_key);
        event.set_from(end_port, port, port_key);
    }
    if verb == is.connect || verb == is.accept {
        event.set_from(ids.remote_ip, ip, ip_key);
        event.set_from(ids.remote_port, port, port_key);
        event.set_from(
            ids.remote_host,
            event.text(ids.d_remotehost),
            ids.d_remotehost,
        );
        // A Unix socket has no direction that a rule about the network should match.
        let local = ["AF_UNIX", "AF_NETLINK"]
            .iter()
            .any(|it| family.eq_ignore_ascii_case(it));
        if !local {
            let direction = if verb == is.connect {
                "outbound"
            } else {
                "inbound"
            };
            event.set(ids.direction, Value::Text(direction));
        }
    }
}

const DNS_PORT: &str = "53";

/// `domain` is the name here, `daddr` the resolver.
fn dns(facts: &Facts, event: &mut Event<'_>) {
    let ids = &facts.ids;
    let (domain, resolver) = (event.text(ids.d_domain), event.text(ids.d_daddr));
    let (family, port) = (event.text(ids.d_family), event.text(ids.d_sin_port));
    let resource = event.text(ids.resource);
    if is_family(family) {
        event.set_from(ids.family, family, ids.d_family);
    }
    // SOCKET_SENDMSG's Resource is the name alone; a UDP_SENDMSG's is a socket address.
    if !domain.is_empty() {
        event.set_from(ids.dns_name, domain, ids.d_domain);
    } else if !resource.contains('=') {
        event.set_from(ids.dns_name, resource, ids.resource);
    }
    event.set_from(ids.dns_type, event.text(ids.d_qtype), ids.d_qtype);
    event.set_from(ids.destination_ip, resolver, ids.d_daddr);
    event.set_from(ids.remote_ip, resolver, ids.d_daddr);
    let (port, held) = if port.is_empty() {
        (DNS_PORT, NO_FIELD)
    } else {
        (port, ids.d_sin_port)
    };
    event.set_from(ids.destination_port, port, held);
    event.set_from(ids.remote_port, port, held);
    event.set(ids.protocol, Value::Text("UDP"));
}

fn firewall<'a>(facts: &Facts, event: &mut Event<'a>, arena: &'a Arena) {
    let (ids, is) = (&facts.ids, &facts.is);
    let verb = facts.classes[event.class].verb;
    let inbound = verb == is.ingress;
    let (far_ip, far_port) = if inbound {
        (ids.d_source_ip, ids.d_source_port)
    } else {
        (ids.d_destination_ip, ids.d_destination_port)
    };
    // Resource is INGRESS or EGRESS: the direction, and nothing else.
    let says_it = event
        .text(ids.resource)
        .eq_ignore_ascii_case(&facts.words[verb as usize]);
    for (field, key) in [
        (ids.source_ip, ids.d_source_ip),
        (ids.source_port, ids.d_source_port),
        (ids.destination_ip, ids.d_destination_ip),
        (ids.destination_port, ids.d_destination_port),
        (ids.remote_ip, far_ip),
        (ids.remote_port, far_port),
    ] {
        event.set_from(field, event.text(key), key);
    }
    let direction = if inbound { "inbound" } else { "outbound" };
    event.set(ids.direction, Value::Text(direction));
    event.hold(ids.direction, if says_it { ids.resource } else { NO_FIELD });
    set_protocol(facts, event, ids.d_protocol_, arena);
}

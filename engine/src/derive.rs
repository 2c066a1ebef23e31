//! All that can be concluded from an event, but for what was done (`activity`).
//!
//! The reference is `cef_bridge/kubearmor/derive.py`; each function here has its namesake there.

use std::collections::HashSet;

use crate::activity::Activity;
use crate::arena::Arena;
use crate::classify::classify;
use crate::clock;
use crate::event::{Event, Field, Part, Value, NO_FIELD};
use crate::facts::Facts;
use crate::program::Program;
use crate::sha1;
use crate::split::stable_resource;
use crate::summary::summary;
use crate::text::{is_space, push_bytes, strip, upper_ascii, Cases};
use crate::words::{begins_with, Secret};

/// What tells an event from its repetitions, and when it came.
#[derive(Clone, Copy)]
pub struct Origin<'o> {
    /// The name of its source, as it goes into the id.
    pub source: &'o [u8],
    /// The offset in bytes of its line there.
    pub offset: u64,
    /// The time of an event that has none, in epoch microseconds.
    pub assumed_time: Option<i64>,
}

/// Add everything derived to an event whose raw fields were read. None: it is left to Python.
pub fn derive<'a>(
    facts: &'a Facts,
    program: &Program,
    event: &mut Event<'a>,
    activity: &mut Activity<'a>,
    origin: Origin<'_>,
    arena: &'a Arena,
) -> Option<()> {
    let (ids, cases) = (&facts.ids, &program.cases);
    let (call, flags) = activity.begin(facts, event);
    event.class = classify(facts, event, call, flags)?;
    let reads = &program.of_class(facts, event.class).reads;
    activity.describe(facts, event, arena);
    class_fields(facts, event);
    if reads.has(ids.e_place) {
        place(facts, event, arena);
    }
    if [ids.repository, ids.image_tag, ids.digest]
        .into_iter()
        .any(|field| reads.has(field))
    {
        image(facts, event);
    }
    tags(facts, event, arena);
    process(facts, event);
    hash(facts, event);
    reason(facts, event);
    let from_event = time(facts, event, arena)?;
    spare(facts, event);
    let recipe = &mut activity.recipe;
    event.placed = !from_event && !event.has(ids.updated);
    event.id = event_id(facts, cases, event, origin, recipe);
    let id = event.id;
    event.set(
        ids.e_id,
        Value::Text(arena.text(std::str::from_utf8(&id).ok()?)),
    );
    event.timeless = event.time.is_none();
    if event.timeless {
        if let Some(assumed) = origin.assumed_time {
            set_time(facts, event, assumed, arena);
        }
    }
    if reads.has(ids.e_act_key) {
        act_key(facts, event, recipe, arena)?;
    }
    if reads.has(ids.e_summary) {
        let sentence = summary(facts, event, arena, |event, field| event.word(field));
        if !sentence.is_empty() {
            event.set(ids.e_summary, Value::Text(sentence));
        }
    }
    Some(())
}

fn class_fields<'a>(facts: &'a Facts, event: &mut Event<'a>) {
    let texts = &facts.classes[event.class].texts;
    for (field, text) in facts.class_fields().into_iter().zip(texts) {
        event.set(field, Value::Text(text));
    }
}

fn place<'a>(facts: &Facts, event: &mut Event<'a>, arena: &'a Arena) {
    let ids = &facts.ids;
    let place = match (event.text(ids.namespace), event.text(ids.pod)) {
        ("", "") => event.text(ids.host_name),
        (namespace, "") => namespace,
        ("", pod) => pod,
        (namespace, pod) => arena.join(&[namespace, "/", pod]),
    };
    event.set_from(ids.e_place, place, NO_FIELD);
}

/// Characters of an image's name; a longer text is none.
const MOST_IMAGE: usize = 1024;

/// Set the parts of an image: `repository:tag@sha256:…`, or `repository:tagsha256:…`.
fn image(facts: &Facts, event: &mut Event<'_>) {
    let image = event.text(facts.ids.image);
    if image.is_empty() || image.len() > MOST_IMAGE && image.chars().count() > MOST_IMAGE {
        return;
    }
    let (name, digest) = split_digest(image);
    let (repository, tag) = split_tag(name);
    if repository.contains('\n') {
        return;
    }
    for (field, text) in [
        (facts.ids.repository, repository),
        (facts.ids.image_tag, tag),
        (facts.ids.digest, digest),
    ] {
        event.set_from(field, text, NO_FIELD);
    }
}

/// Return what stands before a digest (`sha`, digits, a colon, hexadecimal digits), and the digest.
/// Of several places where one could begin the first counts, as a reading from the left finds it.
fn split_digest(image: &str) -> (&str, &str) {
    let Some((head, hex)) = image.rsplit_once(':') else {
        return (image, "");
    };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hex.is_empty() || !hex.bytes().all(is_hex) {
        return (image, "");
    }
    let digits = head.bytes().rev().take_while(u8::is_ascii_digit).count();
    let before = &head[..head.len() - digits];
    if digits == 0 || !before.ends_with("sha") {
        return (image, "");
    }
    let begin = before.len() - "sha".len();
    let name = &image[..begin];
    (name.strip_suffix('@').unwrap_or(name), &image[begin..])
}

/// Return repository and tag: what stands behind the last colon, if neither `/` nor `@` is in it.
fn split_tag(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains(['/', '@']) => (repository, tag),
        _ => (name, ""),
    }
}

/// Sort the tags into MITRE's and others; Tags and ATags say the same, Tags first.
fn tags<'a>(facts: &Facts, event: &mut Event<'a>, arena: &'a Arena) {
    let ids = &facts.ids;
    let listed = match event.get(ids.atags) {
        Some(Value::List((_, entries))) => Some(*entries),
        _ => None,
    };
    let has_text = event.has(ids.tags);
    if !has_text && listed.is_none() {
        return;
    }
    let mut tags: Vec<&'a str> = Vec::new();
    if has_text {
        tags.extend(
            event
                .text(ids.tags)
                .split(',')
                .map(strip)
                .filter(|tag| is_tag(tag)),
        );
    }
    if let Some(entries) = listed {
        event.spare.add(ids.atags);
        let said: HashSet<&str, Secret> = tags.iter().copied().collect();
        let new = entries.iter().map(|tag| strip(tag));
        tags.extend(new.filter(|tag| is_tag(tag) && !said.contains(tag)));
    }
    let is_mitre = |tag: &&str| begins_with(tag, "MITRE") || techniques(tag).next().is_some();
    let (mitre, others): (Vec<&str>, Vec<&str>) = tags.iter().partition(|tag| is_mitre(tag));
    for (field, some) in [(ids.mitre, &mitre), (ids.other_tags, &others)] {
        if !some.is_empty() {
            let raw = arena.join_by(some, ",");
            event.set(field, Value::Text(raw));
            event.tags.push(Part {
                field,
                name: "",
                raw,
            });
        }
    }
    if !event.tags.is_empty() && !has_text {
        // So that an emitter of ATags alone is mapped like others.
        event.set(ids.tags, Value::Text(arena.join_by(&tags, ",")));
    }
    event.in_parts[3] = event.has(ids.tags);
    let names = technique_ids(&mitre, arena);
    if !names.is_empty() {
        event.set(ids.mitre_ids, Value::Text(names));
    }
}

/// An exporter wrote ["null"].
fn is_tag(tag: &str) -> bool {
    !matches!(tag, "" | "null")
}

/// Find the ids of techniques: `T1059`, `T1059.001`.
fn techniques(tag: &str) -> impl Iterator<Item = &str> {
    let bytes = tag.as_bytes();
    let digits = move |from: usize, many: usize| {
        bytes
            .get(from..from + many)
            .is_some_and(|some| some.iter().all(u8::is_ascii_digit))
    };
    let digit = move |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let begin = at;
            at += 1;
            let border = begin == 0 || !bytes[begin - 1].is_ascii_alphanumeric();
            if bytes[begin] != b'T' || !border || !digits(begin + 1, 4) {
                continue;
            }
            let short = begin + 5;
            let long = short + 4;
            let end = if bytes.get(short) == Some(&b'.') && digits(short + 1, 3) && !digit(long) {
                long
            } else if !digit(short) {
                short
            } else {
                continue;
            };
            at = end;
            return tag.get(begin..end);
        }
        None
    })
}

/// Characters of threatAttackID (CEF v27).
const IDS_LENGTH: usize = 32;

/// Return the ids in some tags, each once, whole, joined by commas, 32 characters at most.
fn technique_ids<'a>(tags: &[&str], arena: &'a Arena) -> &'a str {
    let ids = arena.write(|ids| {
        for tag in tags {
            let capital = arena.keep(upper_ascii(tag));
            for found in techniques(capital) {
                if ids.split(',').any(|other| other == found) {
                    continue;
                }
                if ids.len() + 1 + found.len() > IDS_LENGTH {
                    return Some(());
                }
                if !ids.is_empty() {
                    ids.push(',');
                }
                ids.push_str(found);
            }
        }
        Some(())
    });
    ids.unwrap_or("")
}

fn process<'a>(facts: &Facts, event: &mut Event<'a>) {
    let ids = &facts.ids;
    let class = &facts.classes[event.class];
    let executes = class.verb == facts.is.exec;
    if let Some(value) = event.get(ids.uid) {
        if has_process(facts, event) {
            event.set(ids.user, value);
            event.hold(ids.user, ids.uid);
        }
    } else if is_number_not_zero(event, ids.host_pid) && !event.has_uid {
        event.set(ids.user, Value::Integer("0")); // not printed when 0 before KubeArmor 1.0.1
    }
    if executes {
        let process = event.text(ids.process_name);
        if process.is_empty() {
            let resource = event.text(ids.resource);
            event.set_from(ids.process_path, first_word(resource), NO_FIELD);
        } else {
            event.set_from(ids.process_path, process, ids.process_name);
        }
        if event.has(ids.process_path) {
            let (path, held) = (event.text(ids.process_path), event.held(ids.process_path));
            event.set_from(ids.file_path, path, held);
        }
    }
    actor(facts, event, executes);
    if class.in_container {
        if is_number_not_zero(event, ids.pid) {
            copy(event, ids.container_pid, ids.pid);
        }
        if is_number_not_zero(event, ids.ppid) && !event.same(ids.ppid, ids.host_ppid) {
            copy(event, ids.container_ppid, ids.ppid);
        }
    }
}

fn copy(event: &mut Event<'_>, to: Field, from: Field) {
    if let Some(value) = event.get(from) {
        event.set(to, value);
        event.hold(to, from);
    }
}

fn is_number_not_zero(event: &Event<'_>, field: Field) -> bool {
    event.integer(field).is_some_and(|digits| digits != "0")
}

fn is_zero(event: &Event<'_>, field: Field) -> bool {
    event.integer(field) == Some("0")
}

/// Tell whether a process did it; else a UID of 0 is Go's zero (firewall, USB, throttle).
fn has_process(facts: &Facts, event: &Event<'_>) -> bool {
    is_number_not_zero(event, facts.ids.host_pid) || event.has(facts.ids.process_name)
}

fn first_word(text: &str) -> &str {
    text.split(is_space)
        .find(|word| !word.is_empty())
        .unwrap_or("")
}

/// Name the program that acts: the parent of an exec, else the process itself, else by Source.
fn actor(facts: &Facts, event: &mut Event<'_>, executes: bool) {
    let ids = &facts.ids;
    let name = if executes {
        ids.parent_name
    } else {
        ids.process_name
    };
    let source = event.text(ids.source);
    if event.has(name) {
        event.set_from(ids.actor, event.text(name), name);
    } else if source.starts_with('/') {
        if executes {
            event.set_from(ids.actor, source, ids.source);
        } else {
            event.set_from(ids.actor, first_word(source), NO_FIELD);
        }
    }
}

fn reason(facts: &Facts, event: &mut Event<'_>) {
    let ids = &facts.ids;
    let result = event.text(ids.result);
    if !result.eq_ignore_ascii_case("passed") {
        event.set_from(ids.e_reason, result, ids.result);
    }
}

fn hash(facts: &Facts, event: &mut Event<'_>) {
    let ids = &facts.ids;
    let executes = facts.classes[event.class].verb == facts.is.exec;
    if !event.has(ids.file_path) {
        return;
    }
    for field in [ids.resource_hash, ids.process_hash] {
        if event.has(field) {
            event.set_from(ids.file_hash, event.text(field), field);
            return;
        }
        if !executes {
            return;
        }
    }
}

/// Set the event's time; return whether its id needs no origin. None: others added the time.
fn time<'a>(facts: &Facts, event: &mut Event<'a>, arena: &'a Arena) -> Option<bool> {
    let ids = &facts.ids;
    if let Some(found) = clock::microseconds(event.text(ids.updated)) {
        set_time(facts, event, found, arena);
        event.hold(ids.e_time, ids.updated);
        event.spare.add(ids.timestamp);
        return Some(true);
    }
    if event.has(ids.updated) {
        return None; // a time in another form
    }
    let stamp = event
        .integer(ids.timestamp)
        .and_then(|digits| digits.parse().ok());
    if let Some(found) = stamp.and_then(clock::number_int) {
        set_time(facts, event, found, arena);
        event.hold(ids.e_time, ids.timestamp);
        return Some(true);
    }
    if event
        .extras
        .iter()
        .any(|extra| facts.added_times.contains_key(extra.path))
    {
        return None;
    }
    if let Some(found) = event.wrapper_time {
        set_time(facts, event, found, arena);
        return Some(true);
    }
    Some(false)
}

fn set_time<'a>(facts: &Facts, event: &mut Event<'a>, micros: i64, arena: &'a Arena) {
    let millis = arena.number(micros.div_euclid(1000));
    event.time = Some(micros);
    event.set(facts.ids.e_time, Value::Integer(millis));
}

/// Note the fields that repeat another or are Go's zero.
fn spare(facts: &Facts, event: &mut Event<'_>) {
    let ids = &facts.ids;
    let executes = facts.classes[event.class].verb == facts.is.exec;
    if is_zero(event, ids.uid) && !has_process(facts, event) {
        event.spare.add(ids.uid);
    }
    if is_zero(event, ids.ppid) || event.same(ids.ppid, ids.host_ppid) {
        event.spare.add(ids.ppid);
    }
    if is_zero(event, ids.pid) || event.same(ids.pid, ids.host_pid) {
        event.spare.add(ids.pid);
    }
    for field in [ids.host_pid, ids.host_ppid, ids.timestamp] {
        if is_zero(event, field) {
            event.spare.add(field);
        }
    }
    if event.text(ids.severity) == "0" {
        event.spare.add(ids.severity); // an unset integer, printed (policyMatcher.go)
    }
    if event.text(ids.exec_id) == "0" {
        event.spare.add(ids.exec_id); // not a kubectl or docker exec
    }
    if event.same(ids.owner_namespace, ids.namespace) {
        event.spare.add(ids.owner_namespace);
    }
    if executes && event.same(ids.source, ids.parent_name) {
        event.spare.add(ids.source);
    }
    let resource = event.text(ids.resource);
    let repeats = |field| event.has(field) && event.text(field) == resource;
    if !resource.is_empty()
        && [
            ids.d_process,
            ids.d_capability,
            ids.d_protocol,
            ids.dns_name,
        ]
        .into_iter()
        .any(repeats)
    {
        event.spare.add(ids.resource);
    }
    if !event.pairs.is_empty() && !event.in_parts[2] {
        event.spare.add(ids.event_data);
    }
    event.spare.add(ids.event_type);
}

/// What stands between the texts that an id is made of.
const SEPARATOR: u8 = 0x1f;

/// Return the event's id (`cef_bridge/kubearmor/identity.py`).
fn event_id(
    facts: &Facts,
    cases: &Cases,
    event: &Event<'_>,
    origin: Origin<'_>,
    recipe: &mut Vec<u8>,
) -> [u8; 40] {
    let ids = &facts.ids;
    // Part of the recipe: of every letter, not of ASCII's alone.
    let network = cases.is_lower(event.text(ids.operation), "network");
    recipe.clear();
    for (number, field) in facts.id_fields.iter().enumerate() {
        if number > 0 {
            recipe.push(SEPARATOR);
        }
        if network && *field == ids.resource {
            let texts = stable_resource(facts, event.text(*field));
            recipe.extend_from_slice(texts.join(" ").as_bytes());
        } else {
            push_bytes(event.word(*field).as_bytes(), recipe);
        }
    }
    if event.placed {
        recipe.push(SEPARATOR);
        recipe.extend_from_slice(origin.source);
        recipe.push(SEPARATOR);
        recipe.extend_from_slice(origin.offset.to_string().as_bytes());
    }
    sha1::hex(recipe)
}

/// Return what tells the container of an event from others (`cef_bridge/kubearmor/identity.py`).
pub fn container_key(facts: &Facts, event: &Event<'_>, recipe: &mut Vec<u8>) -> u64 {
    recipe.clear();
    for (number, field) in facts.container_fields.iter().enumerate() {
        if number > 0 {
            recipe.push(SEPARATOR);
        }
        push_bytes(event.text(*field).as_bytes(), recipe);
    }
    sha1::head(recipe)
}

/// Set the key that the two events of one act share.
fn act_key<'a>(
    facts: &Facts,
    event: &mut Event<'a>,
    recipe: &mut Vec<u8>,
    arena: &'a Arena,
) -> Option<()> {
    let ids = &facts.ids;
    let group = &facts.verb_groups[facts.classes[event.class].verb as usize];
    let path = event.word(ids.file_path);
    if group.is_empty() || path.is_empty() || !event.has(ids.host_pid) {
        return Some(());
    }
    recipe.clear();
    for field in [ids.host_name, ids.container_id, ids.host_pid] {
        push_bytes(event.word(field).as_bytes(), recipe);
        recipe.push(SEPARATOR);
    }
    recipe.extend_from_slice(group.as_bytes());
    recipe.push(SEPARATOR);
    recipe.extend_from_slice(path.as_bytes());
    let digits = sha1::hex(recipe);
    let key = std::str::from_utf8(&digits[..12]).ok()?;
    event.set(ids.e_act_key, Value::Text(arena.text(key)));
    Some(())
}

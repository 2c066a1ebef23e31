//! One line of JSON becomes the raw fields of an event.
//!
//! Read here is what KubeArmor's relay and its log file write, names in any spelling, and what a newer
//! one may write: any fields that this version does not know, of any type. A name that comes in two
//! spellings, other dialects, envelopes and odd types of known fields are left to Python (`cef_bridge/kubearmor/names.py`, `unwrap.py`, `derive.py` `flatten`).

use crate::arena::Arena;
use crate::event::{Event, Extra, Fields, Value, NO_FIELD};
use crate::facts::{Facts, Name};
use crate::json::{are_different, Json, Reader};
use crate::words::find_small;

/// Read an event from an object that is all of a text. None: it is left to Python.
pub fn read<'a>(
    facts: &Facts,
    text: &'a str,
    arena: &'a Arena,
    event: &mut Event<'a>,
) -> Option<()> {
    let mut reader = Reader::new(text, event.index, arena)?;
    let mut seen = Fields::default();
    let mut maps_seen = 0_u32;
    let mut spelled = Spelled::default();
    let mut more = reader.opens(b'{', b'}')?;
    while more {
        let name = reader.name()?;
        let exact = facts.names.get(name).copied();
        let field = match exact.or_else(|| spelled.find(facts, name)) {
            Some(Name::Text(field)) => {
                if !reader.null()? {
                    let text = reader.string()?;
                    if !text.is_empty() {
                        event.set(field, Value::Text(text));
                    }
                }
                field
            }
            Some(Name::Integer(field)) => {
                if field == facts.ids.uid {
                    event.has_uid = true;
                }
                if !reader.null()? {
                    let Json::Integer(digits) = reader.number()? else {
                        return None;
                    };
                    event.set(field, Value::Integer(digits));
                }
                field
            }
            Some(Name::List(field)) => {
                if let Some(tags) = texts(&mut reader, arena)? {
                    event.set(field, tags);
                }
                field
            }
            Some(Name::Map(map)) => {
                if maps_seen >> map & 1 == 1 {
                    return None;
                }
                maps_seen |= 1 << map;
                read_map(facts, map, &mut reader, arena, event)?;
                NO_FIELD
            }
            Some(Name::EventData(field)) => {
                read_event_data(facts, &mut reader, arena, event)?;
                field
            }
            Some(Name::Own(field)) => {
                let value = reader.value()?;
                add_extra(event, name, &value, arena)?;
                if let Some(Extra { value, .. }) = event.extras.last().copied() {
                    if !is_empty(&value) {
                        event.set(field, value);
                    }
                }
                field
            }
            None => {
                if is_odd(facts, name) {
                    return None;
                }
                let value = reader.value()?;
                add_extra(event, name, &value, arena)?;
                NO_FIELD
            }
        };
        if seen.has(field) {
            return None;
        }
        seen.add(field);
        more = reader.more(b'}')?;
    }
    reader.end()?;
    if event.extras.len() > 1 {
        are_different(event.extras.iter().map(|extra| extra.path))?;
    }
    event.extras.retain(|extra| !is_empty(&extra.value));
    is_known(facts, event, &spelled).then_some(())
}

/// What there is of names in another spelling than the relay's.
#[derive(Default)]
struct Spelled {
    /// Fields that came so.
    fields: Fields,
    /// One of them is KubeArmor's alone.
    only_here: bool,
}

impl Spelled {
    /// Return what a name in another spelling stands for.
    fn find(&mut self, facts: &Facts, name: &str) -> Option<Name> {
        let spelling = find_small(&facts.spellings, name)?;
        if let Name::Text(field) = spelling.name {
            self.fields.add(field);
        }
        self.only_here |= spelling.only_here;
        Some(spelling.name)
    }
}

/// Tell whether Type or Operation has a value that KubeArmor writes: then it is an event for sure.
/// In another spelling these are words of many logs, and a name has to stand beside that is not.
fn is_known(facts: &Facts, event: &Event<'_>, spelled: &Spelled) -> bool {
    let (operation, kind) = (facts.ids.operation, facts.ids.kind_);
    let counts = |field| spelled.only_here || !spelled.fields.has(field);
    counts(operation) && find_small(&facts.known_operations, event.text(operation)).is_some()
        || counts(kind) && find_small(&facts.types, event.text(kind)).is_some()
}

/// Tell whether Python would give a field another name, or look into it for events.
fn is_odd(facts: &Facts, name: &str) -> bool {
    let head = name.split('.').next().unwrap_or(name);
    !name.is_ascii()
        || facts.reserved.contains_key(name)
        || find_small(&facts.other_spellings, name).is_some()
        || find_small(&facts.other_spellings, head).is_some()
        || facts
            .reserved_beginnings
            .iter()
            .any(|begin| name.starts_with(begin.as_str()))
}

/// Read null, or a list of texts; None in it for a list without any.
fn texts<'a>(reader: &mut Reader<'a>, arena: &'a Arena) -> Option<Option<Value<'a>>> {
    if reader.null()? {
        return Some(None);
    }
    let mut found = Vec::new();
    let mut more = reader.opens(b'[', b']')?;
    while more {
        found.push(reader.string()?);
        more = reader.more(b']')?;
    }
    if found.is_empty() {
        return Some(None);
    }
    let joined = arena.join_by(&found, ",");
    Some(Some(Value::List(
        arena.value((joined, arena.slice(&found))),
    )))
}

/// Read Owner or ExecEvent: null, or an object whose parts are fields.
fn read_map<'a>(
    facts: &Facts,
    map: usize,
    reader: &mut Reader<'a>,
    arena: &'a Arena,
    event: &mut Event<'a>,
) -> Option<()> {
    if reader.null()? {
        return Some(());
    }
    let (map_name, parts) = facts.maps.get(map)?;
    let first_extra = event.extras.len();
    let mut seen = Fields::default();
    let mut more = reader.opens(b'{', b'}')?;
    while more {
        let name = reader.name()?;
        let spelled = || {
            parts
                .iter()
                .find(|(part, _)| part.eq_ignore_ascii_case(name))
        };
        let part = parts.get(name).or_else(|| Some(spelled()?.1));
        if let Some(field) = part.copied() {
            if seen.has(field) {
                return None;
            }
            seen.add(field);
            if !reader.null()? {
                let text = reader.string()?;
                if !text.is_empty() {
                    event.set(field, Value::Text(text));
                }
            }
        } else {
            if !name.is_ascii() {
                return None;
            }
            let value = reader.value()?;
            let path = arena.join(&[map_name, ".", name]);
            if let Some(field) = facts.fields.get(path) {
                // A rule reads it: its name is in the table, but not as the event's own.
                if !value.is_empty() {
                    event.set(*field, to_value(&value, arena)?);
                }
            }
            add_extra(event, path, &value, arena)?;
        }
        more = reader.more(b'}')?;
    }
    are_different(event.extras[first_extra..].iter().map(|extra| extra.path))
}

/// Read EventData: null, or an object.
fn read_event_data<'a>(
    facts: &Facts,
    reader: &mut Reader<'a>,
    arena: &'a Arena,
    event: &mut Event<'a>,
) -> Option<()> {
    if reader.null()? {
        return Some(());
    }
    let mut entries = Vec::new();
    let mut more = reader.opens(b'{', b'}')?;
    while more {
        let name = reader.name()?;
        if reader.peek()? == b'"' && !facts.reads_all_event_data {
            event.pairs.push((name, Value::Text(reader.string()?))); // nearly all are
        } else {
            let value = reader.value()?;
            event.pairs.push((name, to_value(&value, arena)?));
            if facts.reads_all_event_data {
                entries.push((name, value));
            }
        }
        more = reader.more(b'}')?;
    }
    if !entries.is_empty() {
        let all = to_value(&Json::Map(arena.slice(&entries)), arena)?;
        event.set(facts.ids.event_data, all);
    }
    are_different(event.pairs.iter().map(|(name, _)| *name))?;
    if facts.reads_event_data {
        for at in 0..event.pairs.len() {
            let (name, value) = event.pairs[at];
            if let Some(field) = facts.fields.get(arena.join(&["EventData.", name])) {
                if !is_empty(&value) {
                    event.set(*field, value);
                }
            }
        }
    }
    Some(())
}

fn is_empty(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Text("") | Value::List((_, [])) | Value::Map((_, []))
    )
}

fn add_extra<'a>(
    event: &mut Event<'a>,
    path: &'a str,
    value: &Json<'a>,
    arena: &'a Arena,
) -> Option<()> {
    event.extras.push(Extra {
        path,
        value: to_value(value, arena)?,
    });
    Some(())
}

/// Return a JSON value as a field has it; null is an empty text.
fn to_value<'a>(value: &Json<'a>, arena: &'a Arena) -> Option<Value<'a>> {
    Some(match value {
        Json::Null => Value::Text(""),
        Json::Text(text) => Value::Text(text),
        Json::Integer(digits) => Value::Integer(digits),
        Json::Truth(_) | Json::Float(_) => Value::Other(text_of(value, arena)?),
        Json::List(entries) => {
            let texts: Option<Vec<&str>> =
                entries.iter().map(|entry| text_of(entry, arena)).collect();
            Value::List(arena.value((text_of(value, arena)?, arena.slice(&texts?))))
        }
        Json::Map(entries) => {
            let pairs: Option<Vec<(&str, &str)>> = entries
                .iter()
                .map(|(name, entry)| Some((*name, text_of(entry, arena)?)))
                .collect();
            Value::Map(arena.value((text_of(value, arena)?, arena.slice(&pairs?))))
        }
    })
}

fn text_of<'a>(value: &Json<'a>, arena: &'a Arena) -> Option<&'a str> {
    if let Json::Text(text) = value {
        return Some(text);
    }
    arena.write(|out| value.write_text(out))
}

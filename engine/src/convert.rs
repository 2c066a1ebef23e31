//! One event in, one fate out: a message, filtered, or left to Python.
//!
//! The reference is `cef_bridge/mapping/program/converter.py` and `Program.evaluate` in `mapping/program/compile.py`.

use crate::event::{Event, Value, NO_FIELD};
use crate::format::HEADER;
use crate::index::Index;
use crate::leftovers::leftovers;
use crate::of_class::{OfClass, OfSlot};
use crate::program::Slot;
use crate::rules::{Hit, Left, Rules};
use crate::shedding::{fit, LEAST_ROOM};
use crate::summary::summary;
use crate::text::{push, Marks};

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fate {
    /// Its message was written.
    Converted {
        /// 1 to 10.
        severity: u8,
    },
    /// `drop_events`, a filter or `keep_events` took it out.
    Filtered,
    /// The destination does not take it.
    Elsewhere,
}

/// The severity of an event that no rule rates.
const DEFAULT_SEVERITY: u8 = 5;
/// The number of the name among the header's fields.
const NAME: usize = 4;
const SEVERITIES: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];

/// Lists that are filled anew for each event.
#[derive(Default)]
pub struct Lists<'a> {
    header: Vec<Hit<'a>>,
    hits: Vec<Hit<'a>>,
    last: Vec<Hit<'a>>,
    left: Vec<Hit<'a>>,
    some: Vec<Hit<'a>>,
    /// What the event's severity was taken from, and what the header's: one, or none.
    rated: Vec<Hit<'a>>,
    header_rated: Vec<Hit<'a>>,
    /// What `hits` were before some were given up for the size of the message.
    meant: Vec<Hit<'a>>,
}

impl<'a> Lists<'a> {
    /// What the header was made of.
    pub fn header(&self) -> &[Hit<'a>] {
        &self.header
    }

    /// The hits of a message that was written.
    pub fn written(&self) -> &[Hit<'a>] {
        &self.hits
    }

    /// The hits before some were given up or made shorter for the size of the message; else none.
    pub fn meant(&self) -> &[Hit<'a>] {
        &self.meant
    }
}

/// Convert an event that is derived; the message is appended to `out`.
pub fn convert<'a>(
    rules: &Rules<'a>,
    event: &mut Event<'a>,
    lists: &mut Lists<'a>,
    out: &mut String,
) -> Result<Fate, Left> {
    let (facts, program) = (rules.facts, rules.program);
    let ids = &facts.ids;
    if let Some(cluster) = &program.cluster {
        event.set(ids.cluster, Value::Text(cluster));
    }
    let of_class = program.of_class(facts, event.class);
    let rate = |severity: &'a [OfSlot], slots, event: &Event<'a>, by: &mut Vec<Hit<'a>>| {
        rate(rules, (of_class, severity, slots), event, by)
    };
    let rate_header = |event: &Event<'a>, by: &mut Vec<Hit<'a>>| {
        let severity = &of_class.header_severity;
        rate(severity, &program.header_severity, event, by)
    };
    let (severity, by) = (&of_class.severity, &mut lists.rated);
    let rated = rate(severity, &program.severity, event, by)?;
    event.set(ids.e_severity, Value::Integer(SEVERITIES[rated as usize]));
    let mut severity = rate_header(event, &mut lists.header_rated)?;
    if let Some(fate) = taken_out(rules, event, severity) {
        return Ok(fate);
    }
    event.set(ids.e_severity, Value::Integer(SEVERITIES[rated as usize]));
    if program.has_drop && event.has(ids.e_summary) {
        say_summary_again(rules, event);
        severity = rate_header(event, &mut lists.header_rated)?;
    }
    let header = header(rules, event, lists)?;
    if let Some(hit) = lists.header_rated.first() {
        lists.header.push(*hit);
        if hit.field == ids.e_severity {
            lists.header.extend_from_slice(&lists.rated);
        }
    }
    say_header(rules, event, &header, severity);
    evaluate(rules, event, lists)?;
    let start = out.len();
    if program.syslog.asks_severity {
        event.set(
            ids.e_severity,
            Value::Integer(SEVERITIES[severity as usize]),
        );
    }
    program
        .syslog
        .write(rules, event, (severity.into(), 0), &mut lists.some, out)?;
    program
        .format
        .write_head(&header, SEVERITIES[severity as usize], out);
    lists.hits.append(&mut lists.left);
    lists.hits.append(&mut lists.last);
    let behind_head = out.len();
    write_hits(rules, &event.index, &lists.hits, out);
    if out.len() - start > program.format.max_bytes {
        out.truncate(behind_head);
        lists.meant.clone_from(&lists.hits);
        shorten(
            rules,
            event,
            (&header, severity),
            (&mut lists.hits, &mut lists.some),
            start,
            out,
        )?;
    }
    Ok(Fate::Converted { severity })
}

/// Write a message anew that was too large: `out` has its headers from `start` on.
fn shorten<'a>(
    rules: &Rules<'a>,
    event: &Event<'a>,
    (header, severity): (&[&str; HEADER], u8),
    (hits, some): (&mut Vec<Hit<'a>>, &mut Vec<Hit<'a>>),
    start: usize,
    out: &mut String,
) -> Result<(), Left> {
    let program = rules.program;
    let most = (program.format.max_bytes + program.format.separator.len()) as i64;
    let mut room = most - (out.len() - start) as i64;
    if room < LEAST_ROOM as i64 {
        // A host name of 255 characters in a message of 512 bytes.
        out.truncate(start);
        let shorter = (LEAST_ROOM as i64 - room) as usize;
        program
            .syslog
            .write(rules, event, (severity.into(), shorter), some, out)?;
        program
            .format
            .write_head(header, SEVERITIES[severity as usize], out);
        room = most - (out.len() - start) as i64;
    }
    fit(&program.format, &event.index, hits, room);
    write_hits(rules, &event.index, hits, out);
    Ok(())
}

fn write_hits(rules: &Rules<'_>, index: &Index<'_>, hits: &[Hit<'_>], out: &mut String) {
    let format = &rules.program.format;
    // The first pair goes without its separator.
    let mut skipped = 1;
    for hit in hits {
        push(&hit.pair[skipped..], out);
        skipped = 0;
        format.write_value(hit.text, hit.escapes, index, out);
        let label = hit.label();
        if !label.is_empty() {
            out.push_str(label);
        }
    }
}

/// Return the severity that the first of some rules gives; what it was taken from is left in `by`.
fn rate<'a>(
    rules: &Rules<'a>,
    (of_class, severity, slots): (&OfClass, &'a [OfSlot], &'a [Slot]),
    event: &Event<'a>,
    by: &mut Vec<Hit<'a>>,
) -> Result<u8, Left> {
    for of in severity {
        by.clear();
        rules.some_rules(slots, (of_class, of), event, by)?;
        for at in 0..by.len() {
            if let Some(number) = severity_of(by[at].text) {
                by.swap(0, at);
                by.truncate(1);
                return Ok(number);
            }
        }
    }
    by.clear();
    Ok(DEFAULT_SEVERITY)
}

/// Return the severity that a text says: 1 to 10.
fn severity_of(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [digit @ b'1'..=b'9'] | [b'0', digit @ b'1'..=b'9'] => Some(digit - b'0'),
        b"10" => Some(10),
        _ => None,
    }
}

/// Return what becomes of an event that is not written. Its conditions see the header's severity.
fn taken_out<'a>(rules: &Rules<'a>, event: &mut Event<'a>, severity: u8) -> Option<Fate> {
    let program = rules.program;
    event.set(
        rules.facts.ids.e_severity,
        Value::Integer(SEVERITIES[severity as usize]),
    );
    let meets = |items: &[Vec<_>]| items.iter().any(|item| rules.all_hold(item, event));
    if !program.routes.is_empty() && !meets(&program.routes) {
        return Some(Fate::Elsewhere);
    }
    if meets(&program.filters) {
        return Some(Fate::Filtered);
    }
    // What tells of lost and withheld events is not asked for.
    let told = rules.facts.classes[event.class].kind == "event";
    if program.keeps.is_empty() || told || meets(&program.keeps) {
        return None;
    }
    Some(Fate::Filtered)
}

/// Make the sentence anew without what `drop` names.
fn say_summary_again<'a>(rules: &Rules<'a>, event: &mut Event<'a>) {
    let facts = rules.facts;
    let sentence = summary(facts, event, rules.arena, |event, field| {
        let held = event.held(field);
        if facts.drops(field) || facts.drops(held) {
            ""
        } else {
            event.word(field)
        }
    });
    event.set(facts.ids.e_summary, Value::Text(sentence));
}

/// Return the header's fields as a reader will see them; what they are from is in `lists.header`.
fn header<'a>(
    rules: &Rules<'a>,
    event: &Event<'a>,
    lists: &mut Lists<'a>,
) -> Result<[&'a str; HEADER], Left> {
    lists.header.clear();
    let mut fields = ["unknown"; HEADER];
    let of_class = rules.program.of_class(rules.facts, event.class);
    for (number, of) in of_class.header.iter().enumerate() {
        lists.some.clear();
        let slots = &rules.program.header;
        rules.some_rules(slots, (of_class, of), event, &mut lists.some)?;
        let raw = lists.some.first().map_or("unknown", |hit| hit.text);
        // LEEF's header has no name; a key that repeats it says all of it.
        fields[number] = if number == NAME && !rules.program.format.is_cef {
            raw
        } else if let Some(Some(text)) = of_class.header_texts.get(number) {
            text
        } else {
            rules.program.format.header_field(number, raw, rules.arena)
        };
        lists.header.extend_from_slice(&lists.some);
    }
    Ok(fields)
}

/// Set what the keys that repeat the header read: what a reader finds there.
fn say_header<'a>(
    rules: &Rules<'a>,
    event: &mut Event<'a>,
    header: &[&'a str; HEADER],
    severity: u8,
) {
    let ids = &rules.facts.ids;
    let [class, name, severities] = rules.program.repeats;
    if class {
        event.set(ids.said_class, Value::Text(header[3]));
    }
    if name {
        event.set(ids.said_name, Value::Text(header[NAME]));
    }
    if severities {
        event.set(
            ids.said_severity,
            Value::Integer(SEVERITIES[severity as usize]),
        );
    }
}

/// Fill the lists with the hits of an event: those of the keys, what is left, and what stands last.
fn evaluate<'a>(
    rules: &Rules<'a>,
    event: &mut Event<'a>,
    lists: &mut Lists<'a>,
) -> Result<(), Left> {
    let program = rules.program;
    lists.hits.clear();
    lists.last.clear();
    lists.left.clear();
    lists.meant.clear();
    let of_class = program.of_class(rules.facts, event.class);
    for row in &of_class.slots {
        let slot = &program.slots[row.slot];
        if let (Some(plain), false) = (&row.plain, program.has_drop) {
            if let Some(hit) = rules.plain(slot, plain, event) {
                lists.hits.push(Hit {
                    slot: row.slot as u16,
                    ..hit
                });
                continue;
            }
            if plain.only && plain.fixed.is_none() && !event.has(plain.field) {
                continue;
            }
        }
        let some = of_class.rules_for(row, event);
        if some.is_empty() {
            continue;
        }
        let to = if slot.last {
            &mut lists.last
        } else {
            &mut lists.hits
        };
        let begin = to.len();
        if !rules.first_of(some, slot, event, to)? {
            continue;
        }
        if program.has_drop {
            let mut at = 0;
            to.retain(|hit| {
                at += 1;
                at <= begin || !is_dropped(rules, event, hit)
            });
        }
        to[begin..]
            .iter_mut()
            .for_each(|hit| hit.slot = row.slot as u16);
    }
    leftovers(
        rules,
        event,
        &[&lists.header, &lists.hits, &lists.last],
        &mut lists.left,
    );
    tell_marks(rules, event, lists)
}

/// Fill the key that tells what was sanitized; it stands where the mapping has it.
fn tell_marks<'a>(
    rules: &Rules<'a>,
    event: &mut Event<'a>,
    lists: &mut Lists<'a>,
) -> Result<(), Left> {
    let mut marks = Marks::default();
    for hit in lists.hits.iter().chain(&lists.left).chain(&lists.last) {
        marks |= hit.marks;
    }
    if marks.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = marks.names().collect();
    event.set(
        rules.facts.ids.e_suspicious,
        Value::Text(rules.arena.text(&names.join(","))),
    );
    // A key of `spread` is none of the mapping's, and does not count for the place of another.
    let all = &rules.program.slots;
    let number_of = |hit: &Hit<'_>| {
        let number = usize::from(hit.slot);
        let is_own = hit.pair == all[number].pair;
        Some(number).filter(|_| is_own).unwrap_or(usize::MAX)
    };
    let mut given: Vec<usize> = lists.hits.iter().map(number_of).collect();
    for (number, slot) in all.iter().enumerate().filter(|(_, it)| it.tells_marks) {
        lists.some.clear();
        if rules.slot(slot, event, &mut lists.some)? {
            let place = given.iter().filter(|other| **other < number).count();
            lists.hits.splice(place..place, lists.some.iter().copied());
            let many = lists.some.len();
            given.splice(place..place, std::iter::repeat_n(number, many));
        }
    }
    Ok(())
}

/// Tell whether `drop` names what a derived value was taken from.
fn is_dropped(rules: &Rules<'_>, event: &Event<'_>, hit: &Hit<'_>) -> bool {
    let facts = rules.facts;
    let ids = &facts.ids;
    let owners = [
        (ids.data, &event.data),
        (ids.resource, &event.resource),
        (ids.event_data, &event.event_data),
        (ids.tags, &event.tags),
    ];
    hit.sources().iter().any(|field| {
        let held = event.held(*field);
        let owned = owners.iter().enumerate().any(|(place, (owner, parts))| {
            event.in_parts[place]
                && facts.drops(*owner)
                && parts
                    .iter()
                    .any(|part| part.field != NO_FIELD && [*field, held].contains(&part.field))
        });
        held != NO_FIELD && facts.drops(held) || owned
    })
}

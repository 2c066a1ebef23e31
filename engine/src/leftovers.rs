//! What no rule took: `unmapped: keep` writes it as `KubeArmor<Field>`, one key a field.
//!
//! The reference is `cef_bridge/mapping/program/compile.py`, `Leftovers`.

use crate::event::{Event, Extra, Field, Fields, Part, NO_FIELD};
use crate::format::Clean;
use crate::index::Index;
use crate::json::write_string;
use crate::program::Leftovers;
use crate::rules::{Hit, Rules};
use crate::words::Words;

/// So many keys of their own fields may get; the rest is put into one.
const MOST_KEYS: usize = 64;
/// Characters of a key.
const MOST_CHARACTERS: usize = 64;
/// Readers take a key that ends so for the label of another key.
const LABEL: &str = "Label";

/// Return a key for a field: its words, each with a capital, behind a prefix; with a number if it is
/// taken, or would be taken for a label. It is noted in `used`. The reference is `cef_bridge/mapping/language/names.py`.
pub fn camel(prefix: &str, name: &str, reserved: &Words<()>, used: &mut Words<()>) -> String {
    let mut stem = prefix.to_owned();
    for word in name
        .split(|it: char| !it.is_ascii_alphanumeric())
        .filter(|it| !it.is_empty())
    {
        stem.extend(word[..1].chars().map(|it| it.to_ascii_uppercase()));
        stem.push_str(&word[1..]);
    }
    let shortened = |most: usize| stem.chars().take(most).collect::<String>();
    let mut key = shortened(MOST_CHARACTERS);
    let mut number = 2;
    while reserved.contains_key(key.as_str())
        || used.contains_key(key.as_str())
        || key.ends_with(LABEL)
    {
        let digits = number.to_string();
        key = shortened(MOST_CHARACTERS - digits.len()) + &digits;
        number += 1;
    }
    used.insert(key.as_str().into(), ());
    key
}

/// Add the hits of what others leave of an event, fields that seldom change first.
pub fn leftovers<'a>(
    rules: &Rules<'a>,
    event: &Event<'a>,
    taken_by: &[&[Hit<'a>]],
    hits: &mut Vec<Hit<'a>>,
) {
    if !rules.program.leftovers.keep {
        return;
    }
    let (consumed, wholes) = consumed_by(rules, event, taken_by);
    let mut spoken_for = consumed;
    spoken_for.join(&event.spare);
    spoken_for.join(&rules.facts.dropped);
    let mut left = *event.present();
    if !event.pairs.is_empty() {
        left.add(rules.facts.ids.event_data);
    }
    let there = left;
    left.remove_all(&spoken_for);
    // A key that was cut does not hold all of its field: the whole text gets a place of its own.
    for (field, _) in wholes.iter().filter(|(field, _)| there.has(*field)) {
        left.add(*field);
    }
    let rest = Rest {
        rules,
        event,
        spoken_for,
        wholes,
    };
    let Leftovers { known, places, .. } = &rules.program.leftovers;
    let mut wanted = Fields::default(); // of places, not of fields
    for field in left.iter() {
        if let Some(Some(place)) = places.get(field as usize) {
            wanted.add(*place);
        }
    }
    let fields = wanted.iter().filter_map(|place| {
        let (field, pair) = known.get(place as usize)?;
        let text = rest.of_field(*field)?;
        Some((rules.facts.path(*field), Some(pair.as_str()), text))
    });
    let extras = event.extras.iter().filter_map(|extra| {
        let text = rest.of_extra(extra)?;
        Some((extra.path, None, text))
    });
    write(
        rules,
        fields.chain(extras),
        (&event.index, !event.extras.is_empty()),
        hits,
    );
}

/// Give each text its key.
fn write<'a, 'p: 'a>(
    rules: &Rules<'a>,
    left: impl Iterator<Item = (&'a str, Option<&'p str>, &'a str)>,
    (index, has_extras): (&Index<'a>, bool),
    hits: &mut Vec<Hit<'a>>,
) {
    let (format, arena) = (&rules.program.format, rules.arena);
    let own = &rules.program.leftovers;
    let mut used = Words::default();
    let mut over = String::new();
    let first = hits.len();
    for (path, pair, raw) in left {
        let clean = format.clean(raw, 0, index, arena);
        if clean.text.is_empty() {
            continue;
        }
        if hits.len() - first >= MOST_KEYS {
            over.push(if over.is_empty() { '{' } else { ',' });
            write_string(path, &mut over);
            over.push(':');
            write_string(raw, &mut over);
            continue;
        }
        let pair = match pair {
            Some(pair) => {
                if has_extras {
                    used.insert(pair[1..pair.len() - 1].into(), ());
                }
                pair
            }
            None => {
                let key = camel(&own.prefix, path, &own.reserved, &mut used);
                arena.join(&[&format.separator, &key, "="])
            }
        };
        hits.push(hit(pair, clean));
    }
    if over.is_empty() {
        return;
    }
    over.push('}');
    let raw = arena.text(&over);
    let clean = format.clean(raw, 0, index, arena);
    match hits[first..].iter_mut().find(|hit| hit.pair == own.rest) {
        Some(hit) => {
            hit.text = arena.join(&[hit.text, " ", clean.text]);
            hit.escapes = hit.escapes || clean.escapes;
        }
        None => hits.push(hit(&own.rest, clean)),
    }
}

fn hit<'a>(pair: &'a str, clean: Clean<'a>) -> Hit<'a> {
    Hit {
        taken: true,
        ..Hit::of(pair, clean, NO_FIELD)
    }
}

/// Return the fields and pieces that hits hold, and the whole texts of those that were cut.
fn consumed_by<'a>(
    rules: &Rules<'a>,
    event: &Event<'a>,
    taken_by: &[&[Hit<'a>]],
) -> (Fields, Vec<(Field, &'a str)>) {
    let mut consumed = Fields::default();
    let mut wholes: Vec<(Field, &str)> = Vec::new();
    let mut hold = |hit: &Hit<'a>, field: Field| {
        consumed.add(field);
        let held = event.held(field);
        consumed.add(held);
        if !hit.whole.is_empty() {
            wholes.push((if held == NO_FIELD { field } else { held }, hit.whole));
        }
    };
    for hits in taken_by {
        for hit in hits.iter().filter(|hit| hit.taken) {
            match hit.sources() {
                [field] => hold(hit, *field),
                fields => fields.iter().for_each(|field| hold(hit, *field)),
            }
        }
    }
    let ids = &rules.facts.ids;
    let named = rules.program.cluster.as_deref() == Some(event.text(ids.cluster_name));
    if named && event.has(ids.cluster_name) && consumed.has(ids.cluster) {
        consumed.add(ids.cluster_name);
    }
    (consumed, wholes)
}

struct Rest<'r, 'a> {
    rules: &'r Rules<'a>,
    event: &'r Event<'a>,
    /// Fields and pieces that need no place: a key holds them, or nothing is lost with them.
    spoken_for: Fields,
    wholes: Vec<(Field, &'a str)>,
}

impl<'a> Rest<'_, 'a> {
    /// Return what is left of one of KubeArmor's fields that is there and was cut, or is not spoken
    /// for; None for nothing.
    fn of_field(&self, field: Field) -> Option<&'a str> {
        let ids = &self.rules.facts.ids;
        let is_map = field == ids.event_data;
        if let Some(whole) = self.whole(field) {
            return Some(whole);
        }
        let parts = [
            (ids.data, &self.event.data),
            (ids.resource, &self.event.resource),
            (ids.event_data, &self.event.event_data),
            (ids.tags, &self.event.tags),
        ];
        let place = parts.iter().position(|(own, _)| *own == field);
        let text = match place.filter(|place| self.event.in_parts[*place]) {
            Some(place) => self.of_parts(
                field,
                parts[place].1,
                if field == ids.tags { "," } else { " " },
            )?,
            None if is_map => return None,
            None => self.event.get(field)?.text(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// Return what is left of the pieces of a field.
    fn of_parts(&self, field: Field, parts: &[Part<'a>], joint: &str) -> Option<&'a str> {
        let left: Vec<&str> = parts
            .iter()
            .filter(|part| !self.part_is_spoken_for(part))
            .map(|part| part.raw)
            .collect();
        if left.len() == parts.len() && field != self.rules.facts.ids.event_data {
            return Some(self.event.get(field)?.text());
        }
        match left.as_slice() {
            [] => None,
            [one] => Some(one),
            many => Some(self.rules.arena.join_by(many, joint)),
        }
    }

    fn part_is_spoken_for(&self, part: &Part<'a>) -> bool {
        if part.field == NO_FIELD {
            let path = || self.rules.arena.join(&["data.", part.name]);
            return self.rules.program.has_drop && self.rules.program.drops(path());
        }
        self.spoken_for.has(part.field)
    }

    /// Return the whole text of a field that was cut; the last one counts.
    fn whole(&self, field: Field) -> Option<&'a str> {
        self.wholes
            .iter()
            .rev()
            .find(|(own, _)| *own == field)
            .map(|(_, whole)| *whole)
    }

    /// Return what is left of a field that the table does not have as KubeArmor's.
    fn of_extra(&self, extra: &Extra<'a>) -> Option<&'a str> {
        if let Some(field) = self.rules.facts.fields.get(extra.path).copied() {
            if let Some(whole) = self.whole(field) {
                return Some(whole);
            }
            if self.spoken_for.has(field) {
                return None;
            }
        } else if self.rules.program.has_drop && self.rules.program.drops(extra.path) {
            return None;
        }
        let text = extra.value.text();
        (!text.is_empty()).then_some(text)
    }
}

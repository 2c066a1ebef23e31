//! What a rule makes of an event: texts for keys, and which field each was taken from.
//!
//! The reference is `cef_bridge/mapping/program/rules.py`.

use crate::arena::Arena;
use crate::conditions::{pairs, Condition, Source};
use crate::event::{Event, Field, Value, NO_FIELD};
use crate::facts::Facts;
use crate::format::Clean;
use crate::leftovers::camel;
use crate::numbers::{is_float, is_int32, is_integer, is_ipv4, is_ipv6, is_mac, is_timestamp};
use crate::of_class::{OfClass, OfRule, OfSlot, Plain};
use crate::program::{Kind, Piece, Program, Rule, Slot, Spread, Take};
use crate::text::{cut, is_longer, strip, Marks};
use crate::words::find_lower;

/// What a rule gave: a key's text as it will stand in the line, not yet escaped.
#[derive(Clone, Copy)]
pub struct Hit<'a> {
    /// Separator, key and equals sign.
    pub pair: &'a str,
    /// The text.
    pub text: &'a str,
    /// The raw text, if what is written was cut; else "".
    pub whole: &'a str,
    /// The rule that gave it, None for what no rule took.
    pub rule: Option<&'a Rule>,
    /// The field it was taken from: of a template the first.
    pub field: Field,
    /// The field needs no other place.
    pub taken: bool,
    /// What is suspicious in the raw text.
    pub marks: Marks,
    /// The text may hold what is to be escaped.
    pub escapes: bool,
    /// The number of the slot that gave it among the keys, where that is asked.
    pub slot: u16,
}

impl<'a> Hit<'a> {
    /// Return the hit of a key without rules of its own, which does not take its field.
    pub fn of(pair: &'a str, clean: Clean<'a>, field: Field) -> Self {
        Hit {
            pair,
            text: clean.text,
            whole: "",
            rule: None,
            field,
            taken: false,
            marks: clean.marks,
            escapes: clean.escapes,
            slot: 0,
        }
    }

    /// Return the label's key and its text, as they are written; "" for none.
    #[inline]
    pub fn label(&self) -> &'a str {
        self.rule.map_or("", |rule| &rule.label)
    }

    /// Return the fields that the text is from.
    #[inline]
    pub fn sources(&self) -> &[Field] {
        match self.rule {
            Some(Rule {
                take: Take::Template(_, fields),
                ..
            }) if !fields.is_empty() => fields,
            _ if self.field == NO_FIELD => &[],
            _ => std::slice::from_ref(&self.field),
        }
    }
}

/// Evaluates rules for one event.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The facts.
    pub facts: &'a Facts,
    /// The mapping.
    pub program: &'a Program,
    /// Where new texts are put.
    pub arena: &'a Arena,
}

/// The event is left to Python.
#[derive(Debug)]
pub struct Left;

impl<'a> Rules<'a> {
    /// Return whether all of some conditions hold.
    pub fn all_hold(&self, conditions: &[Condition], event: &Event<'a>) -> bool {
        conditions
            .iter()
            .all(|condition| condition.holds(self.facts, event))
    }

    /// Add what a slot gives for an event: one hit, several for `spread`, or none.
    #[inline(never)]
    pub fn slot(
        &self,
        slot: &'a Slot,
        event: &Event<'a>,
        hits: &mut Vec<Hit<'a>>,
    ) -> Result<bool, Left> {
        for rule in &slot.rules {
            if self.all_hold(&rule.when, event) && self.rule(slot, rule, event, hits)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Add what a slot gives for events of a class: see `Program::of_class`.
    #[inline(never)]
    pub fn some_rules(
        &self,
        slots: &'a [Slot],
        (of_class, of): (&OfClass, &'a OfSlot),
        event: &Event<'a>,
        hits: &mut Vec<Hit<'a>>,
    ) -> Result<bool, Left> {
        let slot = &slots[of.slot];
        if let Some(hit) = of.plain.as_ref().and_then(|it| self.plain(slot, it, event)) {
            hits.push(hit);
            return Ok(true);
        }
        let some = of_class.rules_for(of, event);
        if some.is_empty() {
            return Ok(false);
        }
        self.first_of(some, slot, event, hits)
    }

    /// Return the hit of a plain rule, if its text is there and need not be cut. None: what the slot
    /// gives is found by `first_of`.
    #[inline(always)] // it is called for each key of a message, and a call costs as much as its work
    pub fn plain(&self, slot: &'a Slot, plain: &'a Plain, event: &Event<'a>) -> Option<Hit<'a>> {
        let rule = &slot.rules[plain.rule];
        let clean = match &plain.fixed {
            Some(text) => Clean::of(text),
            None => {
                let (raw, is_number) = event.filled(plain.field)?;
                let format = &self.program.format;
                let clean = if is_number && format.is_number_plain(raw, rule.limit) {
                    Clean::of(raw)
                } else {
                    format.clean(raw, rule.limit, &event.index, self.arena)
                };
                let many = clean.text.len();
                if many == 0 || many > plain.most || !fits(rule.kind, clean.text) {
                    return None;
                }
                clean
            }
        };
        Some(Hit {
            rule: Some(rule),
            taken: plain.takes,
            ..Hit::of(&slot.pair, clean, plain.field)
        })
    }

    /// Add what the first of some rules gives that gives anything.
    #[inline(never)]
    pub fn first_of(
        &self,
        some: &[OfRule],
        slot: &'a Slot,
        event: &Event<'a>,
        hits: &mut Vec<Hit<'a>>,
    ) -> Result<bool, Left> {
        for OfRule { rule, open } in some {
            let rule = &slot.rules[*rule];
            if (*open == 0 || self.hold(*open, &rule.when, event))
                && self.rule(slot, rule, event, hits)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Return whether those of some conditions hold that have a bit.
    fn hold(&self, open: u64, conditions: &[Condition], event: &Event<'a>) -> bool {
        let asked = conditions.iter().enumerate();
        let mut asked = asked.filter(|(at, _)| open >> at & 1 == 1);
        asked.all(|(_, condition)| condition.holds(self.facts, event))
    }

    fn rule(
        &self,
        slot: &'a Slot,
        rule: &'a Rule,
        event: &Event<'a>,
        hits: &mut Vec<Hit<'a>>,
    ) -> Result<bool, Left> {
        match &rule.take {
            Take::From(sources, constant) => {
                let mut present = false;
                for source in sources {
                    let Some(text) = source.text(self.facts, event) else {
                        continue;
                    };
                    present = true;
                    let field = match source {
                        Source::Field(field) => *field,
                        Source::Label(_) => NO_FIELD,
                    };
                    if self.finish(slot, rule, (text, Some(field)), event, hits) {
                        return Ok(true);
                    }
                }
                Ok(match constant {
                    Some(text) if !present => self.finish(slot, rule, (text, None), event, hits),
                    _ => false,
                })
            }
            Take::Template(pieces, fields) => {
                let Some(text) = self.fill(pieces, event) else {
                    return Ok(false);
                };
                let first = fields.first().copied().unwrap_or(NO_FIELD);
                Ok(self.finish(slot, rule, (text, Some(first)), event, hits))
            }
            Take::Spread(spread) => self.spread(spread, rule, event, hits),
        }
    }

    /// Fill a template; None where one of its fields is not there.
    fn fill(&self, pieces: &'a [Piece], event: &Event<'a>) -> Option<&'a str> {
        let mut texts: Vec<&str> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Text(text) => texts.push(text),
                Piece::Source(source) => {
                    texts.push(source.text(self.facts, event).filter(|it| !it.is_empty())?);
                }
            }
        }
        Some(self.arena.join(&texts))
    }

    /// Add the hit for a text, if it fits. A constant has no field, and is written as it stands.
    fn finish(
        &self,
        slot: &'a Slot,
        rule: &'a Rule,
        (text, field): (&'a str, Option<Field>),
        event: &Event<'a>,
        hits: &mut Vec<Hit<'a>>,
    ) -> bool {
        let mut text = text;
        let mut taken = field.is_some() && rule.takes;
        if field.is_some() {
            for step in &rule.via {
                text = self.arena.keep(step.apply(text, &self.program.cases));
            }
            if let Some((table, other)) = rule.table.as_deref() {
                let known = find_lower(table, strip(text), &self.program.cases);
                if known.is_none() {
                    // `else` says the same of many values: the value itself is not held by it.
                    taken = false;
                }
                let Some(found) = known.or(other.as_ref()) else {
                    return false;
                };
                text = found;
            }
        }
        let field = field.unwrap_or(NO_FIELD);
        self.give(slot, rule, (text, field, taken), event, hits)
    }

    /// Add the hit for a text as it came, if it fits: of a field, which may need no other place.
    #[inline]
    fn give(
        &self,
        slot: &'a Slot,
        rule: &'a Rule,
        (raw, field, taken): (&'a str, Field, bool),
        event: &Event<'a>,
        hits: &mut Vec<Hit<'a>>,
    ) -> bool {
        let format = &self.program.format;
        let mut taken = taken;
        let clean = format.clean(raw, rule.limit, &event.index, self.arena);
        let mut text = clean.text;
        if text.is_empty() || !fits(rule.kind, text) {
            return false;
        }
        let mut whole = "";
        if rule.limit > 0 && is_longer(text, rule.limit) {
            whole = raw;
            text = cut(text, rule.limit);
            taken = taken && rule.secret;
        }
        hits.push(Hit {
            pair: &slot.pair,
            text,
            whole,
            rule: Some(rule),
            field,
            taken,
            marks: clean.marks,
            escapes: clean.escapes,
            slot: 0,
        });
        true
    }

    /// Add a hit for each entry of a field.
    fn spread(
        &self,
        spread: &'a Spread,
        rule: &'a Rule,
        event: &Event<'a>,
        hits: &mut Vec<Hit<'a>>,
    ) -> Result<bool, Left> {
        if spread.by_python {
            return Err(Left);
        }
        let entries = entries_of(self.facts, spread.field, event);
        let first = hits.len();
        let mut used = crate::words::Words::default();
        let no_keys = crate::words::Words::default();
        for (name, raw) in &entries {
            let clean = self.program.format.clean(raw, 0, &event.index, self.arena);
            let wanted = spread.only.is_empty() || spread.only.iter().any(|it| it.matches(name));
            if hits.len() - first >= spread.most || clean.text.is_empty() || !wanted {
                continue;
            }
            let key = camel(&spread.prefix, name, &no_keys, &mut used);
            let pair = self
                .arena
                .join(&[&self.program.format.separator, &key, "="]);
            hits.push(Hit {
                rule: Some(rule),
                ..Hit::of(pair, clean, spread.field)
            });
        }
        let found = &mut hits[first..];
        if found.len() == entries.len() {
            found.iter_mut().for_each(|hit| hit.taken = true);
        }
        Ok(!found.is_empty())
    }
}

/// Return the entries of a field that is a map, or a text of `k=v,k=v`; of a name the last counts.
fn entries_of<'a>(facts: &Facts, field: Field, event: &Event<'a>) -> Vec<(&'a str, &'a str)> {
    if field == facts.ids.event_data {
        return event
            .pairs
            .iter()
            .map(|(name, value)| (*name, value.text()))
            .collect();
    }
    match event.get(field) {
        Some(Value::Map((_, entries))) => entries.to_vec(),
        Some(Value::Text(text)) => {
            let mut places = std::collections::HashMap::new();
            let mut entries: Vec<(&str, &str)> = Vec::new();
            for (name, value) in pairs(text) {
                let place = *places.entry(name).or_insert(entries.len());
                if place == entries.len() {
                    entries.push((name, value));
                } else {
                    entries[place].1 = value;
                }
            }
            entries
        }
        _ => Vec::new(),
    }
}

/// Tell whether a text is what a key's type asks for.
#[inline(always)] // most ask for any text
pub fn fits(kind: Kind, text: &str) -> bool {
    matches!(kind, Kind::Text) || fits_type(kind, text)
}

fn fits_type(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Text => true,
        Kind::Integer => is_int32(text),
        Kind::Long => is_integer(text),
        Kind::Float => is_float(text),
        Kind::Timestamp => is_timestamp(text),
        Kind::Ipv4 => is_ipv4(text),
        Kind::Ipv6 => is_ipv6(text),
        Kind::Ip => is_ipv4(text) || is_ipv6(text),
        Kind::Mac => is_mac(text),
    }
}

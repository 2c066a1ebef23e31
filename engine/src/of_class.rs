//! What of a mapping there is to do for events of one class: rules that the class decides against are
//! left out, and what it decides is decided once.

use std::ops::Range;

use crate::arena::Arena;
use crate::conditions::{Condition, Source};
use crate::event::{Event, Field, Fields, Value, NO_FIELD};
use crate::facts::{Class, Facts};
use crate::format::Format;
use crate::program::{Piece, Program, Rule, Slot, Take};
use crate::rules::fits;

/// A slot for events of one class: rules that the class decides against are left out.
pub struct OfSlot {
    /// The slot's number.
    pub slot: usize,
    /// Its rules in `OfClass::rules`.
    rules: Range<u32>,
    needs: Needs,
    /// Its first rule, if that gives a field's text as it is.
    pub plain: Option<Plain>,
}

/// Fields without which no rule of a slot gives a text.
enum Needs {
    /// There are none.
    Nothing,
    /// This one has to be there.
    Field(Field),
    /// One of these has to be there.
    OneOf(Box<Fields>),
}

/// A rule that gives the text of one field as it is, or one and the same text, whatever else an event
/// holds: most are such.
pub struct Plain {
    /// The rule's number in the slot.
    pub rule: usize,
    /// The field; NO_FIELD for a constant.
    pub field: Field,
    /// The text, where it depends on the class alone and is written as it stands.
    pub fixed: Option<String>,
    /// A text of more bytes may be longer than its key allows.
    pub most: usize,
    /// Nothing of the field needs another place.
    pub takes: bool,
    /// No other rule of the slot can give anything.
    pub only: bool,
}

/// A rule for events of one class.
pub struct OfRule {
    /// Its number in the slot.
    pub rule: usize,
    /// A bit for each condition that is still to be asked.
    pub open: u64,
}

/// What of a program there is to do for events of one class. Most keys are about other events, so
/// that what tells these lies close together.
#[derive(Default)]
pub struct OfClass {
    /// Rules of the severity.
    pub severity: Vec<OfSlot>,
    /// Rules of the header's severity.
    pub header_severity: Vec<OfSlot>,
    /// The fields of the header, all of them.
    pub header: Vec<OfSlot>,
    /// The texts of those that are the same for all events of the class.
    pub header_texts: Vec<Option<String>>,
    /// The keys that may get a text.
    pub slots: Vec<OfSlot>,
    /// Fields that are read: derived ones that are not need not be made.
    pub reads: Fields,
    rules: Vec<OfRule>,
}

impl OfClass {
    /// Return the rules of a slot that may give something for an event.
    #[inline]
    pub fn rules_for(&self, of: &OfSlot, event: &Event<'_>) -> &[OfRule] {
        let may = match &of.needs {
            Needs::Nothing => true,
            Needs::Field(field) => event.has(*field),
            Needs::OneOf(fields) => fields.meets(event.present()),
        };
        if may {
            &self.rules[of.rules.start as usize..of.rules.end as usize]
        } else {
            &[]
        }
    }

    /// Return what there is to do for events of a class.
    pub fn new(program: &Program, facts: &Facts, class: &Class) -> OfClass {
        let mut found = OfClass {
            reads: program.reads_always(facts),
            ..OfClass::default()
        };
        let about = (facts, class, &program.format);
        found.severity = found.add(&program.severity, about, false);
        found.header_severity = found.add(&program.header_severity, about, false);
        found.header = found.add(&program.header, about, true);
        let arena = Arena::default();
        let fixed = found.header.iter().enumerate().map(|(number, of)| {
            let text = of.plain.as_ref()?.fixed.as_ref()?;
            Some(program.format.header_field(number, text, &arena).to_owned())
        });
        found.header_texts = fixed.collect();
        found.slots = found.add(&program.slots, about, false);
        found
    }

    /// Add the rules of some slots, and return where they are; of slots without any if it is `all`.
    fn add(
        &mut self,
        slots: &[Slot],
        (facts, class, format): (&Facts, &Class, &Format),
        all: bool,
    ) -> Vec<OfSlot> {
        let mut found = Vec::new();
        for (number, slot) in slots.iter().enumerate() {
            let first = self.rules.len();
            for (at, rule) in slot.rules.iter().enumerate() {
                let answers = rule.when.iter().map(|it| decided(facts, class, it));
                if answers.clone().any(|answer| answer == Some(false)) {
                    continue;
                }
                let open = answers.enumerate().fold(0, |open, (bit, answer)| {
                    open | u64::from(answer.is_none()) << bit
                });
                self.rules.push(OfRule { rule: at, open });
                rule.add_reads(facts, &mut self.reads);
            }
            let rules = &self.rules[first..];
            if all || !rules.is_empty() {
                found.push(OfSlot {
                    slot: number,
                    rules: first as u32..self.rules.len() as u32,
                    needs: needs(rules.iter().map(|of| &slot.rules[of.rule]), facts),
                    plain: plain(rules, slot, (facts, class, format)),
                });
            }
        }
        found
    }
}

/// Return whether a condition holds for all events of a class, or for none; None: for some.
fn decided(facts: &Facts, class: &Class, condition: &Condition) -> Option<bool> {
    let text = facts.class_text(class, condition.field()?)?;
    Some(condition.holds_for(Some(Value::Text(text))))
}

/// Return the first of some rules as a plain one, None where it is no such.
fn plain(
    of: &[OfRule],
    slot: &Slot,
    (facts, class, format): (&Facts, &Class, &Format),
) -> Option<Plain> {
    let first = of.first().filter(|of| of.open == 0)?;
    let rule = &slot.rules[first.rule];
    if slot.last || !rule.via.is_empty() || rule.table.is_some() {
        return None;
    }
    let (field, fixed) = match &rule.take {
        Take::From(sources, None) => match sources.as_slice() {
            [Source::Field(field)] => (*field, facts.class_text(class, *field)),
            _ => return None,
        },
        Take::From(sources, Some(text)) if sources.is_empty() => (NO_FIELD, Some(text.as_str())),
        _ => return None,
    };
    let plain = Plain {
        rule: first.rule,
        field,
        fixed: fixed.map(str::to_owned),
        most: if rule.limit > 0 {
            rule.limit
        } else {
            usize::MAX
        },
        takes: rule.takes && field != NO_FIELD,
        only: of.len() == 1,
    };
    match fixed {
        Some(text) if !(format.is_as_it_is(text, rule.limit) && fits(rule.kind, text)) => None,
        Some(text) if text.len() > plain.most => None,
        _ => Some(plain),
    }
}

/// Return what some rules need to give anything.
fn needs<'r>(rules: impl Iterator<Item = &'r Rule>, facts: &Facts) -> Needs {
    let Some(fields) = needed(rules, facts) else {
        return Needs::Nothing;
    };
    match fields.only() {
        Some(field) => Needs::Field(field),
        None => Needs::OneOf(Box::new(fields)),
    }
}

/// Return the fields of which one must be there for some rules to give anything; None if they may
/// without.
fn needed<'r>(rules: impl Iterator<Item = &'r Rule>, facts: &Facts) -> Option<Fields> {
    let mut fields = Fields::default();
    for rule in rules {
        match &rule.take {
            Take::From(sources, None) if !sources.is_empty() => {
                sources
                    .iter()
                    .for_each(|source| fields.add(source.field(facts)));
            }
            Take::Template(pieces, _) => {
                let first = pieces.iter().find_map(|piece| match piece {
                    Piece::Source(source) => Some(source.field(facts)),
                    Piece::Text(_) => None,
                });
                fields.add(first?);
            }
            _ => return None,
        }
    }
    Some(fields)
}

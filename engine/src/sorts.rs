//! Sorts of events: what `cef-bridge mapping coverage` tells apart.
//!
//! In goes an event with what a mapping made of it, out goes the number of its sort. Events of one
//! sort have the same fields, the same rules filled the same keys from them, and the same was left,
//! cut and given up. So the reference examines the first event of each sort (`cef_bridge/workbench/
//! coverage.py`), and for all others it is enough to count them. Two sorts may have one number once
//! in 2^64 pairs.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use crate::convert::{Fate, Lists};
use crate::event::{Event, Part, NO_FIELD};
use crate::rules::{Hit, Left, Rules};
use crate::words::{Folding, Secret};

/// Sorts that are counted; events of further ones are looked at one by one.
const MOST_SORTS: usize = 1 << 14;
/// Bytes of a text in which a letter is looked for.
const BEGINNING: usize = 256;

/// An event that is to be examined.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Where its line begins in the block.
    pub begin: u32,
    /// The place of its sort among the counts; ALONE: it stands for no other event.
    pub sort: u32,
}

/// The sort of an event that is not counted with others.
pub const ALONE: u32 = u32::MAX;

/// Counts of events by sort.
#[derive(Default)]
pub struct Sorts {
    secret: Secret,
    places: HashMap<u64, u32, BuildHasherDefault<Folding>>,
    /// How many events there were of each sort.
    pub counts: Vec<u64>,
    /// Events of the last run that are to be examined.
    pub looks: Vec<Look>,
    /// The longest text in characters of each key that was cut.
    longest: HashMap<String, usize, Secret>,
}

impl Sorts {
    /// Count an event; its line begins at `begin`.
    pub fn count<'a>(
        &mut self,
        rules: &Rules<'a>,
        event: &Event<'a>,
        lists: &Lists<'a>,
        fate: Fate,
        begin: usize,
    ) -> Result<(), Left> {
        let mut hasher = self.secret.build_hasher();
        add_fields(&mut hasher, rules, event);
        let converted = matches!(fate, Fate::Converted { .. });
        hasher.write_u64(converted.into());
        if converted {
            add_pieces(&mut hasher, rules, event);
            add_hits(&mut hasher, rules, event, lists)?;
        }
        let is_longest = converted && self.is_longest(lists.written());
        self.add(hasher.finish(), begin, is_longest);
        Ok(())
    }

    fn add(&mut self, number: u64, begin: usize, is_longest: bool) {
        let many = self.counts.len();
        let known = self.places.get(&number).copied();
        let sort = match known {
            _ if is_longest => ALONE,
            Some(place) => {
                self.counts[place as usize] += 1;
                return;
            }
            None if many < MOST_SORTS => {
                self.places.insert(number, many as u32);
                self.counts.push(1);
                many as u32
            }
            None => ALONE,
        };
        self.looks.push(Look {
            begin: begin as u32,
            sort,
        });
    }

    /// Tell whether a text was cut that is longer than all of its key before.
    fn is_longest(&mut self, hits: &[Hit<'_>]) -> bool {
        let mut found = false;
        for hit in hits.iter().filter(|hit| !hit.whole.is_empty()) {
            let length = hit.whole.chars().count();
            if self
                .longest
                .get(hit.pair)
                .is_none_or(|known| *known < length)
            {
                self.longest.insert(hit.pair.to_owned(), length);
                found = true;
            }
        }
        found
    }
}

/// Add the raw fields that are there.
fn add_fields(hasher: &mut impl Hasher, rules: &Rules<'_>, event: &Event<'_>) {
    let event_data = rules.facts.ids.event_data;
    for (field, _) in &rules.program.leftovers.known {
        if *field == event_data && !event.pairs.is_empty() {
            hasher.write_u64((*field).into());
        } else if let Some(value) = event.get(*field) {
            hasher.write_u64((*field).into());
            add_blank(hasher, value.text());
        }
    }
    for extra in &event.extras {
        hasher.write(extra.path.as_bytes());
        add_blank(hasher, extra.value.text());
    }
}

/// Add what the raw fields consist of, and which of it says nothing new.
fn add_pieces(hasher: &mut impl Hasher, rules: &Rules<'_>, event: &Event<'_>) {
    let ids = &rules.facts.ids;
    for word in event.spare.words() {
        hasher.write_u64(*word);
    }
    let own = event.get(ids.cluster_name).map(|value| value.text());
    hasher.write_u64((own.is_some() && own == rules.program.cluster.as_deref()).into());
    let lists = [&event.data, &event.resource, &event.event_data, &event.tags];
    for (parts, in_parts) in lists.into_iter().zip(event.in_parts) {
        hasher.write_u64((parts.len() as u64) << 1 | u64::from(in_parts));
        parts.iter().for_each(|part| add_part(hasher, part));
    }
}

fn add_part(hasher: &mut impl Hasher, part: &Part<'_>) {
    hasher.write_u64(part.field.into());
    if part.field == NO_FIELD {
        hasher.write(part.name.as_bytes());
    }
    add_blank(hasher, part.raw);
}

/// Add which rules gave which keys, from what; and which keys were given up or made shorter.
fn add_hits<'a>(
    hasher: &mut impl Hasher,
    rules: &Rules<'a>,
    event: &Event<'a>,
    lists: &Lists<'a>,
) -> Result<(), Left> {
    for hit in lists.header().iter().chain(lists.written()) {
        add_hit(hasher, event, hit);
    }
    hasher.write_u64(lists.meant().len() as u64);
    let mut kept = lists.written().iter().peekable();
    for hit in lists.meant() {
        // What was put in between says that something was given up.
        while kept
            .next_if(|it| it.pair == rules.program.format.truncated)
            .is_some()
        {}
        let same = kept
            .next_if(|it| it.pair == hit.pair)
            .map(|it| it.text == hit.text);
        hasher.write_u64(match same {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        });
        add_hit(hasher, event, hit);
    }
    let mut hits = Vec::new();
    rules.program.syslog.hits(rules, event, &mut hits)?;
    hits.iter().for_each(|hit| add_hit(hasher, event, hit));
    Ok(())
}

fn add_hit(hasher: &mut impl Hasher, event: &Event<'_>, hit: &Hit<'_>) {
    // A rule does not move while its program is in use.
    let rule = hit.rule.map_or(0, |rule| std::ptr::from_ref(rule) as usize);
    hasher.write_u64(rule as u64);
    hasher.write(hit.pair.as_bytes());
    for field in hit.sources() {
        hasher.write_u64(u64::from(*field) << 16 | u64::from(event.held(*field)));
    }
    hasher.write_u64(u64::from(hit.taken) << 1 | u64::from(hit.whole.is_empty()));
}

/// Add a text that may be nothing but white space; of any other it does not matter what it says.
fn add_blank(hasher: &mut impl Hasher, text: &str) {
    let beginning = text.bytes().take(BEGINNING);
    if !beginning.into_iter().any(|byte| byte.is_ascii_graphic()) {
        hasher.write(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Sorts, ALONE, MOST_SORTS};

    #[test]
    fn the_first_of_each_sort_is_looked_at_and_all_are_counted() {
        let mut sorts = Sorts::default();
        for (begin, number) in [7, 8, 7, 7].into_iter().enumerate() {
            sorts.add(number, begin, false);
        }
        sorts.add(7, 9, true);
        assert_eq!(sorts.counts, [3, 1]);
        let looks = [(0, 0), (1, 1), (9, ALONE)].map(|(begin, sort)| Look { begin, sort });
        assert_eq!(sorts.looks, looks);
    }

    #[test]
    fn sorts_are_bounded() {
        let mut sorts = Sorts::default();
        (0..MOST_SORTS as u64 + 2).for_each(|number| sorts.add(number, 0, false));
        assert_eq!(sorts.counts.len(), MOST_SORTS);
        assert_eq!(
            sorts.looks.last(),
            Some(&Look {
                begin: 0,
                sort: ALONE
            })
        );
    }
}

//! Making a message fit: whole fields go first, in the declared order, then text is shortened.
//!
//! The reference is `cef_bridge/mapping/program/truncation.py`. Sizes are bytes as written.

use crate::event::NO_FIELD;
use crate::format::{Clean, Format};
use crate::index::Index;
use crate::rules::Hit;
use crate::text::{cut, Marks};

/// Characters to which a text is shortened at least.
const SHORTEST: usize = 16;
/// Bytes that a message's fields need at least.
pub const LEAST_ROOM: usize = 64;

/// Make hits fit into so many bytes. The key that says so is always among what is left.
pub fn fit<'a>(format: &'a Format, index: &Index<'a>, hits: &mut Vec<Hit<'a>>, room: i64) {
    let msg = hits
        .last()
        .is_some_and(|hit| hit.pair.get(1..) == Some("msg="));
    let place = hits.len() - usize::from(msg);
    hits.insert(place, mark(format));
    let size: usize = hits.iter().map(|hit| size_of((format, index), hit)).sum();
    let mut over = size as i64 - room;
    let order = order(format, hits);
    over = without((format, index), hits, over, &order);
    over = shorten((format, index), hits, over);
    if over <= 0 {
        return;
    }
    let mut last: Vec<usize> = (0..hits.len())
        .filter(|at| !stays(format, &hits[*at]))
        .collect();
    last.sort_by_cached_key(|at| (format.key_of(hits[*at].pair).worth, std::cmp::Reverse(*at)));
    without((format, index), hits, over, &last);
}

fn mark(format: &Format) -> Hit<'_> {
    let clean = Clean {
        text: "1",
        marks: Marks::default(),
        escapes: false,
    };
    Hit::of(&format.truncated, clean, NO_FIELD)
}

/// Tell whether a hit is never given up.
fn stays(format: &Format, hit: &Hit<'_>) -> bool {
    hit.pair == format.truncated || format.first.as_deref() == Some(hit.pair)
}

/// How a line is written, and what is known of the line that it was read from.
type Writing<'w> = (&'w Format, &'w Index<'w>);

/// Return how many bytes a hit takes with its separator and its label.
fn size_of((format, index): Writing<'_>, hit: &Hit<'_>) -> usize {
    hit.pair.len() + format.size_of(hit.text, index) + hit.label().len()
}

/// Return the hits that may go, in the order they go: keys of `shed`, then our own from the last on.
fn order(format: &Format, hits: &[Hit<'_>]) -> Vec<usize> {
    let named = format.shed.iter().flat_map(|pair| {
        hits.iter()
            .enumerate()
            .filter(move |(_, hit)| hit.pair == *pair)
            .map(|(at, _)| at)
    });
    let own = (0..hits.len())
        .rev()
        .filter(|at| format.is_own(hits[*at].pair) && !format.key_of(hits[*at].pair).stays);
    let mut seen = vec![false; hits.len()];
    let first = |at: &usize| !std::mem::replace(&mut seen[*at], true);
    named
        .chain(own)
        .filter(first)
        .filter(|at| !stays(format, &hits[*at]))
        .collect()
}

/// Take hits out in an order, until none are over; return how many bytes are.
fn without(writing: Writing<'_>, hits: &mut Vec<Hit<'_>>, over: i64, order: &[usize]) -> i64 {
    let mut over = over;
    let mut gone = vec![false; hits.len()];
    for at in order {
        if over <= 0 {
            break;
        }
        over -= size_of(writing, &hits[*at]) as i64;
        gone[*at] = true;
    }
    let mut gone = gone.into_iter();
    hits.retain(|_| !gone.next().unwrap_or(false));
    over
}

/// Shorten the longest text again and again; return how many bytes are still over.
fn shorten(writing: Writing<'_>, hits: &mut [Hit<'_>], over: i64) -> i64 {
    let mut over = over;
    let mut lengths: Vec<usize> = hits
        .iter()
        .map(|hit| {
            if writing.0.key_of(hit.pair).may_be_cut {
                hit.text.chars().count()
            } else {
                0
            }
        })
        .collect();
    while over > 0 {
        // Of equally long ones the first.
        let longest = lengths
            .iter()
            .enumerate()
            .max_by_key(|(at, length)| (**length, std::cmp::Reverse(*at)));
        let Some((at, length)) = longest.map(|(at, length)| (at, *length)) else {
            break;
        };
        if length <= SHORTEST {
            break;
        }
        let hit = &mut hits[at];
        let before = size_of(writing, hit);
        // A character takes at most 4 bytes and an escape twice a character's: cut by what is sure
        // to be needed, look again, and never below the shortest.
        let needed = length.saturating_sub((over as usize / 4).max(1));
        hit.text = cut(hit.text, needed.max(length / 2).max(SHORTEST));
        lengths[at] = hit.text.chars().count();
        over -= before as i64 - size_of(writing, hit) as i64;
    }
    over
}

//! The loop over the lines of a block: each becomes a message, is filtered, or is left to Python.
//!
//! What stands around an event is taken off here: a carriage return, a syslog prefix, Docker's
//! json-file, the lines of CRI. The reference is `cef_bridge/kubearmor/decode.py`.

use std::collections::HashMap;

use crate::activity::Activity;
use crate::arena::Arena;
use crate::clock;
use crate::convert::{convert, Fate, Lists};
use crate::derive::{container_key, derive, Origin};
use crate::event::Event;
use crate::facts::Facts;
use crate::index::{Bits, Index};
use crate::json::{write_string, Reader};
use crate::program::Program;
use crate::reading::read;
use crate::rules::Rules;
use crate::sorts::Sorts;
use crate::table::{self, Damage};
use crate::words::Secret;

/// A table, read.
pub struct Plan {
    /// What is known of events.
    pub facts: Facts,
    /// The mapping.
    pub program: Program,
}

impl Plan {
    /// Read a table.
    pub fn new(bytes: &[u8]) -> Result<Plan, Damage> {
        let mut reader = table::Reader::new(bytes)?;
        let facts = Facts::read(&mut reader)?;
        let program = Program::read(&mut reader, &facts)?;
        reader.end()?;
        Ok(Plan { facts, program })
    }
}

/// A block of whole lines.
#[derive(Clone, Copy)]
pub struct Block<'b> {
    /// The lines.
    pub bytes: &'b [u8],
    /// Where to begin in them.
    pub from: usize,
    /// The name of the source, as it goes into ids.
    pub source: &'b [u8],
    /// The offset of the first byte in the source; where lines are `numbered`, the number of the
    /// first line.
    pub offset: u64,
    /// A line's place in the source is its number, as with messages of a broker.
    pub numbered: bool,
    /// The time of events that have none, in epoch microseconds.
    pub assumed_time: Option<i64>,
    /// Parts of lines wait for their rest: Python joins what container runtimes cut.
    pub parts_wait: bool,
    /// Events are counted by sort.
    pub sorts: bool,
}

/// A message among those that a run wrote.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Where it ends in the messages, behind its line feed.
    pub end: u32,
    /// Where its line begins in the block.
    pub begin: u32,
    /// Its class, a row of the table.
    pub class: u16,
    /// 1 to 10.
    pub severity: u8,
    /// 1: it overtakes the rest.
    pub urgent: u8,
    /// 1: its id depends on where the line stands, for the event says no time.
    pub placed: u8,
    /// The event's id, hexadecimal digits.
    pub id: [u8; 40],
    /// 1: nothing says when it happened, and `time` is when it was read, if that is known.
    pub timeless: u8,
    /// Nothing, so that rows of the same facts have the same bytes.
    pub padding: [u8; 2],
    /// When it happened, in epoch microseconds; `NO_TIME` when nothing says so.
    pub time: i64,
    /// Of an urgent one: what tells its container from others.
    pub container: u64,
}

/// The time of an event that has none, `native.NO_TIME`.
pub const NO_TIME: i64 = i64::MIN;

/// What a run came to.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Counts {
    /// Lines that were dealt with, blank ones included.
    pub lines: u64,
    /// Those with nothing but white space.
    pub blank: u64,
    /// Messages.
    pub converted: u64,
    /// Events that the mapping leaves out.
    pub filtered: u64,
    /// Events that are not for this destination.
    pub elsewhere: u64,
    /// Messages of events that say no time.
    pub without_time: u64,
    /// Events that stood in a field `log`.
    pub in_log: u64,
    /// When the first event in time happened, in epoch microseconds; 0 when none says a time.
    pub first: i64,
    /// When the last one happened.
    pub last: i64,
}

impl Counts {
    fn saw(&mut self, time: i64) {
        self.first = if self.first == 0 {
            time
        } else {
            self.first.min(time)
        };
        self.last = if self.last == 0 {
            time
        } else {
            self.last.max(time)
        };
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// All lines are done.
    Done,
    /// Python has to do the line that begins here; the next one begins there.
    Left(usize, usize),
}

/// Types or operations that are told apart; KubeArmor has about 20.
const MOST_WORDS: usize = 1000;
/// What all others are called.
const OTHER: &str = "(other)";
/// Characters of a type or an operation that are kept.
const LONGEST: usize = 64;

/// Counts of events by type, operation and class.
#[derive(Default)]
pub struct Kinds {
    words: HashMap<String, u16, Secret>,
    names: Vec<String>,
    counts: HashMap<(u16, u16, u16), u64, Secret>,
    /// Of each class the kind that came last: most events are of one that did.
    last: Vec<Option<Kind>>,
}

struct Kind {
    kind: String,
    operation: String,
    /// Events that are not yet in the counts.
    many: u64,
}

impl Kinds {
    fn word(&mut self, text: &str) -> u16 {
        if let Some(number) = self.words.get(text) {
            return *number;
        }
        let text = if self.names.len() >= MOST_WORDS {
            OTHER
        } else {
            text
        };
        let short: String = match text.char_indices().nth(LONGEST) {
            Some(_) => text.chars().take(LONGEST - 1).chain(['…']).collect(),
            None => text.to_owned(),
        };
        let number = self.names.len() as u16;
        match self.words.get(&short) {
            Some(number) => *number,
            None => {
                self.names.push(short.clone());
                self.words.insert(short, number);
                number
            }
        }
    }

    #[inline]
    fn count(&mut self, kind: &str, operation: &str, class: usize) {
        match self.last.get_mut(class) {
            Some(Some(last)) if last.kind == kind && last.operation == operation => last.many += 1,
            _ => self.count_other(kind, operation, class),
        }
    }

    fn count_other(&mut self, kind: &str, operation: &str, class: usize) {
        if self.last.len() <= class {
            self.last.resize_with(class + 1, || None);
        }
        let now = Kind {
            kind: kind.to_owned(),
            operation: operation.to_owned(),
            many: 1,
        };
        if let Some(before) = self.last[class].replace(now) {
            self.add(&before, class);
        }
    }

    fn add(&mut self, kind: &Kind, class: usize) {
        let words = (self.word(&kind.kind), self.word(&kind.operation));
        *self
            .counts
            .entry((words.0, words.1, class as u16))
            .or_insert(0) += kind.many;
    }

    /// Return the counts as JSON, `[[type, operation, class, count], …]`, and forget them.
    pub fn take(&mut self) -> String {
        for (class, last) in std::mem::take(&mut self.last).into_iter().enumerate() {
            if let Some(kind) = last {
                self.add(&kind, class);
            }
        }
        let mut out = String::from("[");
        for ((kind, operation, class), count) in self.counts.drain() {
            out.push_str(if out.len() > 1 { ",[" } else { "[" });
            write_string(&self.names[kind as usize], &mut out);
            out.push(',');
            write_string(&self.names[operation as usize], &mut out);
            out.push_str(&format!(",{class},{count}]"));
        }
        out.push(']');
        self.words.clear();
        self.names.clear();
        out
    }
}

/// What a run writes: messages, and what there is to say of them.
#[derive(Default)]
pub struct Output {
    /// The messages, a line feed behind each.
    pub messages: String,
    /// A row for each.
    pub rows: Vec<Row>,
    /// Places of events that are not for this destination.
    pub elsewhere: Vec<u32>,
    /// The sums.
    pub counts: Counts,
    /// Events by kind.
    pub kinds: Kinds,
    /// Events by sort.
    pub sorts: Sorts,
    /// The line in hand: a fault in it is found by this.
    pub at: usize,
}

impl Output {
    /// Forget the messages, but not the counts by kind and by sort.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.rows.clear();
        self.elsewhere.clear();
        self.sorts.looks.clear();
        self.counts = Counts::default();
        self.at = 0;
    }

    /// Write the messages of a lane one after another into `part`, a line feed behind each: from a
    /// row on, so many of them at most, and so many bytes, but at least one. `lanes` has the lane of
    /// each message. Return how many there are, and the row to go on from.
    pub fn part(
        &self,
        (lanes, lane): (&[u8], u8),
        first: usize,
        (most, most_bytes): (usize, usize),
        part: &mut String,
    ) -> (usize, usize) {
        part.clear();
        let mut many = 0;
        let mut begin = match first.checked_sub(1) {
            Some(before) => self.rows.get(before).map_or(0, |row| row.end as usize),
            None => 0,
        };
        for (at, (row, of)) in self.rows.iter().zip(lanes).enumerate().skip(first) {
            let end = row.end as usize;
            if *of == lane {
                if many == most || many > 0 && part.len() + end - begin > most_bytes {
                    return (many, at);
                }
                part.push_str(self.messages.get(begin..end).unwrap_or(""));
                many += 1;
            }
            begin = end;
        }
        (many, self.rows.len())
    }

    /// Forget what was written of a message that was not finished.
    pub fn mend(&mut self) {
        let end = self.rows.last().map_or(0, |row| row.end as usize);
        self.messages.truncate(end);
    }
}

/// Run a plan over a block, from a line on, until its end or a line that is left to Python.
pub fn run(plan: &Plan, arena: &Arena, block: Block<'_>, output: &mut Output) -> End {
    let bytes = block.bytes;
    let rules = Rules {
        facts: &plan.facts,
        program: &plan.program,
        arena,
    };
    let mut event = Event::new(plan.facts.paths.len());
    let mut machine = Machine {
        rules,
        activity: Activity::default(),
        lists: Lists::default(),
        index: Index::default(),
        block,
    };
    let mut bits = Bits::default();
    let mut at = block.from;
    while at < bytes.len() {
        output.at = at;
        let end = bits.of_line(bytes, at, plan.program.format.asked());
        let next = (end + 1).min(bytes.len());
        // A line at a time: a caller whose lines are mostly Python's comes once for each.
        let Some(line) = text_of(&bytes[at..end], &bits) else {
            return End::Left(at, next);
        };
        machine.index = bits.index(line, arena);
        if !machine.line(line, at, &mut event, output) {
            output.mend();
            return End::Left(at, next);
        }
        output.counts.lines += 1;
        at = next;
    }
    End::Done
}

/// Return a line as text; None where it is no UTF-8.
fn text_of<'a>(line: &'a [u8], bits: &Bits) -> Option<&'a str> {
    if bits.is_ascii {
        // SAFETY: these are the bytes of which `bits` were made, and all are ASCII.
        return Some(unsafe { std::str::from_utf8_unchecked(line) });
    }
    std::str::from_utf8(line).ok()
}

struct Machine<'a> {
    rules: Rules<'a>,
    activity: Activity<'a>,
    lists: Lists<'a>,
    /// That of the line in hand.
    index: Index<'a>,
    block: Block<'a>,
}

impl<'a> Machine<'a> {
    /// Convert a line; false: it is left to Python.
    fn line(
        &mut self,
        line: &'a str,
        at: usize,
        event: &mut Event<'a>,
        output: &mut Output,
    ) -> bool {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.bytes().all(is_blank) {
            output.counts.blank += 1;
            return true;
        }
        event.clear();
        let Some(found) = self.unwrap(line) else {
            return false;
        };
        event.wrapper_time = found.time;
        let (facts, arena) = (self.rules.facts, self.rules.arena);
        event.index = if found.in_log {
            Index::of_text(found.text, self.rules.program.format.asked(), arena)
        } else {
            self.index
        };
        if read(facts, found.text, arena, event).is_none() {
            return false;
        }
        let origin = Origin {
            source: self.block.source,
            offset: self.block.offset
                + if self.block.numbered {
                    output.counts.lines
                } else {
                    at as u64
                },
            assumed_time: self.block.assumed_time,
        };
        let program = self.rules.program;
        if derive(facts, program, event, &mut self.activity, origin, arena).is_none() {
            return false;
        }
        let fate = convert(&self.rules, event, &mut self.lists, &mut output.messages);
        let Ok(fate) = fate else { return false };
        if self.block.sorts {
            let counted = output
                .sorts
                .count(&self.rules, event, &self.lists, fate, at);
            if counted.is_err() {
                return false;
            }
        }
        if let (Some(time), false) = (event.time, event.timeless) {
            output.counts.saw(time);
        }
        let ids = &facts.ids;
        output.kinds.count(
            event.text(ids.kind_),
            event.text(ids.operation),
            event.class,
        );
        output.counts.in_log += u64::from(found.in_log);
        match fate {
            Fate::Converted { severity } => {
                let urgent = facts.classes[event.class].urgent;
                let container = if urgent {
                    container_key(facts, event, &mut self.activity.recipe)
                } else {
                    0
                };
                output.messages.push('\n');
                output.counts.converted += 1;
                output.counts.without_time += u64::from(event.timeless);
                output.rows.push(Row {
                    end: output.messages.len() as u32,
                    begin: at as u32,
                    class: event.class as u16,
                    severity,
                    urgent: urgent.into(),
                    placed: event.placed.into(),
                    id: event.id,
                    timeless: event.timeless.into(),
                    padding: [0; 2],
                    time: event.time.unwrap_or(NO_TIME),
                    container,
                });
            }
            Fate::Filtered => output.counts.filtered += 1,
            Fate::Elsewhere => {
                output.counts.filtered += 1;
                output.counts.elsewhere += 1;
                output.elsewhere.push(at as u32);
            }
        }
        true
    }

    /// Take off what stands around an event. None: it is left to Python.
    fn unwrap(&self, line: &'a str) -> Option<Found<'a>> {
        let text = line.trim_matches([' ', '\t', '\r', '\0']);
        let bare = Found {
            text,
            time: None,
            in_log: false,
        };
        match text.as_bytes().first()? {
            b'{' if text.starts_with(LOG) => self.docker(text),
            b'{' => Some(bare),
            // Values of other kinds, and text of karmor for people.
            b'[' | b'"' | b'=' => None,
            b'0'..=b'9' if looks_like_cri(text) => self.cri(text),
            _ if text.starts_with('\u{feff}') => None,
            _ => Some(Found {
                text: behind_prefix(text)?,
                ..bare
            }),
        }
    }

    /// Take off CRI's `TIME stdout F `, of a line that is whole.
    fn cri(&self, line: &'a str) -> Option<Found<'a>> {
        let mut words = line.splitn(4, ' ');
        let (time, _, tag, text) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let time = Some(clock::microseconds(time)?);
        let whole = tag == "F" || tag.starts_with("F:");
        if self.block.parts_wait || !whole || !text.starts_with('{') || text.starts_with(LOG) {
            return None;
        }
        Some(Found {
            text,
            time,
            in_log: false,
        })
    }

    /// Take off Docker's json-file: `{"log":"…\n","stream":"stdout","time":"…"}`.
    fn docker(&self, line: &'a str) -> Option<Found<'a>> {
        if self.block.parts_wait {
            return None;
        }
        let mut reader = Reader::new(line, self.index, self.rules.arena)?;
        let (mut log, mut time, mut stream) = (None, None, None);
        let mut more = reader.opens(b'{', b'}')?;
        while more {
            let place = match reader.name()? {
                "log" => &mut log,
                "time" => &mut time,
                "stream" => &mut stream,
                _ => return None,
            };
            if place.is_some() {
                return None;
            }
            *place = Some(reader.string()?);
            more = reader.more(b'}')?;
        }
        reader.end()?;
        // Without its end a text may be a part of a line.
        let text = log?.strip_suffix('\n')?;
        let named = matches!(stream, None | Some("stdout" | "stderr"));
        let time = match time {
            Some(time) => Some(clock::microseconds(time)?),
            None => None,
        };
        if !named || !text.starts_with('{') || text.starts_with(LOG) {
            return None;
        }
        Some(Found {
            text,
            time,
            in_log: true,
        })
    }
}

/// Bytes of a prefix.
const MOST_PREFIX: usize = 512;

/// An event's text, the time of what is around it, and whether it stood in a field `log`.
struct Found<'a> {
    text: &'a str,
    time: Option<i64>,
    in_log: bool,
}

/// What Docker's json-file begins with.
const LOG: &str = "{\"log\":";

/// Tell whether a line begins with `2023-08-23T18:05:48.303111222Z stdout `.
fn looks_like_cri(line: &str) -> bool {
    let mut words = line.splitn(3, ' ');
    let (time, stream) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    time.as_bytes().get(10) == Some(&b'T') && matches!(stream, "stdout" | "stderr")
}

/// Return the object behind the prefix of a log line: it begins with the first brace that a quote or
/// another brace follows. None: Python looks for it.
fn behind_prefix(line: &str) -> Option<&str> {
    let head = &line.as_bytes()[..line.len().min(MOST_PREFIX)];
    for (at, byte) in head.iter().enumerate() {
        if *byte != b'{' {
            continue;
        }
        match head[at + 1..].iter().find(|byte| !is_blank(**byte)) {
            Some(b'"') => return line.get(at..),
            Some(b'}') | None => return None,
            Some(_) => {}
        }
    }
    None
}

/// White space as Python has it for bytes.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

//! A compiled mapping: what each key of a line is made of. The table has it; here it is read.
//!
//! The reference is `cef_bridge/mapping/program/compile.py` and `rules.py`; `cef_bridge/table` writes what is
//! read here.

use std::sync::OnceLock;

use crate::conditions::{Condition, Source};
use crate::event::{Field, Fields};
use crate::facts::{set_of, words_of, Facts};
use crate::format::Format;
use crate::glob::Glob;
use crate::of_class::OfClass;
use crate::syslog::Syslog;
use crate::table::{Damage, Reader};
use crate::text::Cases;
use crate::transforms::Step;
use crate::words::Words;

/// What a key's text must be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// An integer of 32 bits.
    Integer,
    /// An integer of 64 bits.
    Long,
    /// A decimal number.
    Float,
    /// A time: epoch seconds or milliseconds, or `Mmm dd [yyyy] hh:mm:ss`.
    Timestamp,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An address of either kind.
    Ip,
    /// A MAC address.
    Mac,
}

/// A piece of a template.
pub enum Piece {
    /// A text as it stands.
    Text(String),
    /// A field's text.
    Source(Source),
}

/// Where a rule's text comes from.
pub enum Take {
    /// The first of some fields that gives a text that fits; or a constant where none is there.
    From(Vec<Source>, Option<String>),
    /// Pieces joined, if all fields are there; and the fields that are read.
    Template(Vec<Piece>, Vec<Field>),
    /// Each entry of a field gets a key.
    Spread(Box<Spread>),
}

/// A field whose entries get a key each.
pub struct Spread {
    /// The field.
    pub field: Field,
    /// What each key begins with.
    pub prefix: String,
    /// Names or globs of the entries; empty: all.
    pub only: Vec<Glob>,
    /// At most so many.
    pub most: usize,
    /// Its entries are fields of their own: Python has them in the order they came.
    pub by_python: bool,
}

/// `table` of a mapping: the text for each known text, in small letters; and `else`, that for others.
pub type Instead = (Words<String>, Option<String>);

/// One way to fill a key.
pub struct Rule {
    /// All of these must hold.
    pub when: Vec<Condition>,
    /// Where its text comes from.
    pub take: Take,
    /// What is done to it, in this order.
    pub via: Vec<Step>,
    /// What is written in its place. Few rules have one; boxed, the others lie closer together.
    pub table: Option<Box<Instead>>,
    /// Nothing of the field needs another place.
    pub takes: bool,
    /// What it took out must not stand elsewhere.
    pub secret: bool,
    /// Characters at most, 0 for no limit.
    pub limit: usize,
    /// What its text must be.
    pub kind: Kind,
    /// Separator, key, equals sign and text of the label, as they are written; "" for none.
    pub label: String,
}

/// A key with its rules: the first that holds and has a text wins.
pub struct Slot {
    /// Separator, key and equals sign.
    pub pair: String,
    /// It stands at the end of the line.
    pub last: bool,
    /// It tells what had to be sanitized.
    pub tells_marks: bool,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// What a field that no rule took is called.
pub struct Leftovers {
    /// Whether such fields are written.
    pub keep: bool,
    /// KubeArmor's fields in the order they are written, each with separator, key, equals sign.
    pub known: Vec<(Field, String)>,
    /// The places of fields in that list, by field.
    pub places: Vec<Option<u16>>,
    /// Keys that no other field may have.
    pub reserved: Words<()>,
    /// What such keys begin with.
    pub prefix: String,
    /// The pair of the key for what is too much.
    pub rest: String,
}

/// All of a mapping.
pub struct Program {
    /// How a line is written.
    pub format: Format,
    /// The syslog header.
    pub syslog: Syslog,
    /// The frozen case table.
    pub cases: Cases,
    /// What the mapping calls the cluster.
    pub cluster: Option<String>,
    /// Whether `drop` names anything.
    pub has_drop: bool,
    /// What `drop` names: fields that the table has not are looked up here.
    pub drop: Vec<Glob>,
    /// vendor, product, version, class id, name.
    pub header: Vec<Slot>,
    /// Rules of an event's severity.
    pub severity: Vec<Slot>,
    /// Rules of the header's severity.
    pub header_severity: Vec<Slot>,
    /// Keys that repeat the header read these, by what the header says: class id, name, severity.
    pub repeats: [bool; 3],
    /// The keys in the line's order.
    pub slots: Vec<Slot>,
    by_class: Vec<OnceLock<OfClass>>,
    /// Events that meet one of these are left out.
    pub filters: Vec<Vec<Condition>>,
    /// If there are any: only events that meet one of these are written.
    pub keeps: Vec<Vec<Condition>>,
    /// If there are any: only events that meet one of these go to this destination.
    pub routes: Vec<Vec<Condition>>,
    /// What becomes of fields that no rule took.
    pub leftovers: Leftovers,
}

impl Program {
    /// Read a program.
    pub fn read(reader: &mut Reader<'_>, facts: &Facts) -> Result<Program, Damage> {
        let Ok(cases) = Cases::load(reader.bytes()?) else {
            return reader.damage("a table of letters");
        };
        let format = Format::read(reader)?;
        let syslog = Syslog::read(reader, facts)?;
        let cluster = reader.maybe_text()?;
        let drop: Vec<Glob> = reader.list(|r| Ok(Glob::new(&r.text()?, false)))?;
        let header = read_slots(reader, facts)?;
        let severity = read_slots(reader, facts)?;
        let header_severity = read_slots(reader, facts)?;
        let repeats = [reader.flag()?, reader.flag()?, reader.flag()?];
        let slots = read_slots(reader, facts)?;
        if slots.len() > usize::from(u16::MAX) {
            return reader.damage("no more keys than the engine has room for");
        }
        let conditions = |r: &mut Reader<'_>| r.list(|r| Condition::read(r, facts));
        let filters = reader.list(conditions)?;
        let keeps = reader.list(conditions)?;
        let routes = reader.list(conditions)?;
        let keep = reader.flag()?;
        let known = reader.list(|r| Ok((r.index(facts.paths.len())?, r.text()?)))?;
        let reserved = set_of(reader)?;
        let mut places = vec![None; facts.paths.len()];
        for (place, (field, _)) in (0..).zip(&known) {
            places[*field as usize] = Some(place);
        }
        let leftovers = Leftovers {
            keep,
            known,
            places,
            reserved,
            prefix: reader.text()?,
            rest: reader.text()?,
        };
        Ok(Program {
            format,
            syslog,
            cases,
            cluster,
            has_drop: !drop.is_empty(),
            drop,
            header,
            severity,
            header_severity,
            repeats,
            slots,
            by_class: facts.classes.iter().map(|_| OnceLock::new()).collect(),
            filters,
            keeps,
            routes,
            leftovers,
        })
    }

    /// Tell whether `drop` names a path.
    pub fn drops(&self, path: &str) -> bool {
        self.drop.iter().any(|glob| glob.matches(path))
    }

    /// Return what there is to do for events of a class, made when the first of them comes. It depends
    /// on the class alone.
    pub fn of_class(&self, facts: &Facts, class: usize) -> &OfClass {
        self.by_class[class].get_or_init(|| OfClass::new(self, facts, &facts.classes[class]))
    }

    /// Return the fields that are read whatever the class.
    pub fn reads_always(&self, facts: &Facts) -> Fields {
        let mut reads = Fields::default();
        let items = self.filters.iter().chain(&self.keeps).chain(&self.routes);
        for condition in items.flatten() {
            reads.add(condition.reads(facts));
        }
        for rule in self.syslog.rules() {
            rule.add_reads(facts, &mut reads);
        }
        reads
    }
}

impl Rule {
    /// Add the fields that the rule reads.
    pub fn add_reads(&self, facts: &Facts, reads: &mut Fields) {
        self.when
            .iter()
            .for_each(|condition| reads.add(condition.reads(facts)));
        match &self.take {
            Take::From(sources, _) => sources.iter().for_each(|it| reads.add(it.field(facts))),
            Take::Template(pieces, _) => pieces.iter().for_each(|piece| {
                if let Piece::Source(source) = piece {
                    reads.add(source.field(facts));
                }
            }),
            Take::Spread(spread) => reads.add(spread.field),
        }
    }
}

/// Read slots.
pub fn read_slots(reader: &mut Reader<'_>, facts: &Facts) -> Result<Vec<Slot>, Damage> {
    reader.list(|r| {
        Ok(Slot {
            pair: r.text()?,
            last: r.flag()?,
            tells_marks: r.flag()?,
            rules: r.list(|r| read_rule(r, facts))?,
        })
    })
}

fn read_rule(reader: &mut Reader<'_>, facts: &Facts) -> Result<Rule, Damage> {
    let many = facts.paths.len();
    let when = reader.list(|r| Condition::read(r, facts))?;
    if when.len() > 64 {
        return reader.damage("no more conditions than the engine has room for");
    }
    let take = match reader.byte()? {
        0 => Take::From(
            reader.list(|r| Source::read(r, facts))?,
            reader.maybe_text()?,
        ),
        1 => {
            let pieces = reader.list(|r| {
                Ok(match r.byte()? {
                    0 => Piece::Text(r.text()?),
                    1 => Piece::Source(Source::read(r, facts)?),
                    _ => return r.damage("a piece of a template"),
                })
            })?;
            Take::Template(pieces, reader.list(|r| r.index(many))?)
        }
        2 => Take::Spread(Box::new(Spread {
            field: reader.index(many)?,
            prefix: reader.text()?,
            only: reader.list(|r| Ok(Glob::new(&r.text()?, false)))?,
            most: reader.number()? as usize,
            by_python: reader.flag()?,
        })),
        _ => return reader.damage("a kind of rule"),
    };
    let via = reader.list(|r| {
        let (name, arguments) = (r.text()?, r.texts()?);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match crate::transforms::step(&name, &arguments) {
            Some(step) => Ok(step),
            None => r.damage("a transform that the engine knows"),
        }
    })?;
    let table = if reader.flag()? {
        Some(Box::new((
            words_of(reader, Reader::text)?,
            reader.maybe_text()?,
        )))
    } else {
        None
    };
    Ok(Rule {
        when,
        take,
        via,
        table,
        takes: reader.flag()?,
        secret: reader.flag()?,
        limit: reader.number()? as usize,
        kind: read_kind(reader)?,
        label: reader.text()?,
    })
}

fn read_kind(reader: &mut Reader<'_>) -> Result<Kind, Damage> {
    Ok(match reader.text()?.as_str() {
        "string" | "other" => Kind::Text,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "timestamp" => Kind::Timestamp,
        "ipv4" => Kind::Ipv4,
        "ipv6" => Kind::Ipv6,
        "ip" => Kind::Ip,
        "mac" => Kind::Mac,
        _ => return reader.damage("a kind of value"),
    })
}

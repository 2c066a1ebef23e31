//! The syslog header of a message (RFC 3164, RFC 5424).
//!
//! The reference is `cef_bridge/mapping/program/header.py` and `cef_bridge/lines/syslog.py`.

use crate::arena::Arena;
use crate::clock::{header_seconds, rfc3164_time, rfc5424_time};
use crate::event::Event;
use crate::facts::Facts;
use crate::program::{read_slots, Rule, Slot, Take};
use crate::rules::{Hit, Left, Rules};
use crate::table::{Damage, Reader};
use crate::text::{first, push, strip};
use crate::words::{find_small, Words};

/// CEF severity to syslog severity: 9-10 crit, 7-8 err, 4-6 warning, 1-3 notice.
const SEVERITY: [u32; 11] = [5, 5, 5, 5, 4, 4, 4, 3, 3, 2, 2];
/// Telemetry.
const INFO: u32 = 6;
/// Characters of a host's name (RFC 5424 6.2.4), and of an application's (6.2.5).
const MOST_HOST: usize = 255;
const MOST_APP_NAME: usize = 48;
/// Of an event without time: RFC 3164 has no word for "unknown".
const NO_TIME: &str = "Jan  1 00:00:00";

/// Which header is written.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    None,
    Rfc3164,
    Rfc5424,
}

/// Writes headers.
pub struct Syslog {
    kind: Kind,
    /// Facility codes by name.
    facilities: Words<u32>,
    facility: Vec<Slot>,
    /// The code of a facility that is the same for all events: most are.
    code: Option<u32>,
    app_name: Vec<Slot>,
    hostname: Vec<Slot>,
    /// Offsets from UTC in seconds, each from an epoch second on; None: UTC.
    zone: Option<Vec<(i64, i32)>>,
    /// From this epoch second on Python knows the zone's offset.
    zone_end: i64,
    /// The rules ask for the severity: that of the line.
    pub asks_severity: bool,
}

impl Syslog {
    /// Read what a header is made of.
    pub fn read(reader: &mut Reader<'_>, facts: &Facts) -> Result<Syslog, Damage> {
        let kind = match reader.byte()? {
            0 => Kind::None,
            1 => Kind::Rfc3164,
            2 => Kind::Rfc5424,
            _ => return reader.damage("a kind of syslog header"),
        };
        let facilities = crate::facts::words_of(reader, Reader::number)?;
        let facility = read_slots(reader, facts)?;
        let code = constant_of(&facility).and_then(|it| find_small(&facilities, strip(it)));
        let code = code.copied();
        let app_name = read_slots(reader, facts)?;
        let hostname = read_slots(reader, facts)?;
        let zone = if reader.flag()? {
            Some(reader.list(|r| Ok((r.long()?, r.long()? as i32)))?)
        } else {
            None
        };
        let zone_end = reader.long()?;
        let asks_severity = reader.flag()?;
        Ok(Syslog {
            kind,
            facilities,
            facility,
            code,
            app_name,
            hostname,
            zone,
            zone_end,
            asks_severity,
        })
    }

    /// Write the header of an event, with the space behind it. `shorter` takes so many characters off
    /// the host's name, but never all. `some` is filled anew for each of its texts.
    pub fn write<'a>(
        &'a self,
        rules: &Rules<'a>,
        event: &Event<'a>,
        (severity, shorter): (usize, usize),
        some: &mut Vec<Hit<'a>>,
        out: &mut String,
    ) -> Result<(), Left> {
        if self.kind == Kind::None {
            return Ok(());
        }
        let is_log = rules.facts.classes[event.class].kind == "log";
        let level = if is_log {
            INFO
        } else {
            SEVERITY.get(severity).copied().unwrap_or(4)
        };
        let code = self.code(rules, event, some)? * 8 + level;
        let mut host = first(first_text(rules, &self.hostname, event, some)?, MOST_HOST);
        if shorter > 0 {
            let size = host.chars().count();
            host = first(host, size.saturating_sub(shorter).max(1));
        }
        push("<", out);
        push(rules.arena.number(code.into()), out);
        push(">", out);
        if self.kind == Kind::Rfc3164 {
            match event.time {
                Some(micros) => {
                    let offset = self.offset(header_seconds(micros))?.unwrap_or(0);
                    // SAFETY: a time is written in ASCII.
                    rfc3164_time(unsafe { out.as_mut_vec() }, micros, offset);
                }
                None => push(NO_TIME, out),
            }
            push(" ", out);
            push(host3164(host, rules.arena), out);
            push(" ", out);
            return Ok(());
        }
        push("1 ", out);
        match event.time {
            Some(micros) => {
                let offset = self.offset(header_seconds(micros))?;
                // SAFETY: a time is written in ASCII.
                rfc5424_time(unsafe { out.as_mut_vec() }, micros, offset);
            }
            None => push("-", out),
        }
        let app_name = first_text(rules, &self.app_name, event, some)?;
        for word in [host, first(app_name, MOST_APP_NAME)] {
            push(" ", out);
            push(host5424(word, rules.arena), out);
        }
        push(" - - - ", out);
        Ok(())
    }

    /// Return all rules of the header.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let slots = self
            .facility
            .iter()
            .chain(&self.app_name)
            .chain(&self.hostname);
        slots.flat_map(|slot| &slot.rules)
    }

    /// Add what the header's texts are taken from.
    pub fn hits<'a>(
        &'a self,
        rules: &Rules<'a>,
        event: &Event<'a>,
        hits: &mut Vec<Hit<'a>>,
    ) -> Result<(), Left> {
        let facility = self.facility_hit(rules, event, &mut Vec::new())?;
        hits.extend(facility.map(|(hit, _)| hit));
        for slot in self.app_name.iter().chain(&self.hostname) {
            rules.slot(slot, event, hits)?;
        }
        Ok(())
    }

    /// Return the code of the first text that names a facility; without one that of local0.
    fn code<'a>(
        &'a self,
        rules: &Rules<'a>,
        event: &Event<'a>,
        some: &mut Vec<Hit<'a>>,
    ) -> Result<u32, Left> {
        if let Some(code) = self.code {
            return Ok(code);
        }
        let found = self.facility_hit(rules, event, some)?;
        let default = || self.facilities.get("local0").copied().unwrap_or(16);
        Ok(found.map_or_else(default, |(_, code)| code))
    }

    /// Return the first text that names a facility, and its code.
    fn facility_hit<'a>(
        &'a self,
        rules: &Rules<'a>,
        event: &Event<'a>,
        some: &mut Vec<Hit<'a>>,
    ) -> Result<Option<(Hit<'a>, u32)>, Left> {
        for slot in &self.facility {
            some.clear();
            rules.slot(slot, event, some)?;
            for hit in some.iter() {
                if let Some(code) = find_small(&self.facilities, strip(hit.text)) {
                    return Ok(Some((*hit, *code)));
                }
            }
        }
        Ok(None)
    }

    /// Return the zone's offset from UTC at an epoch second, None for UTC.
    fn offset(&self, seconds: i64) -> Result<Option<i32>, Left> {
        let Some(zone) = &self.zone else {
            return Ok(None);
        };
        if seconds >= self.zone_end {
            return Err(Left);
        }
        let after = zone.partition_point(|(from, _)| *from <= seconds);
        Ok(zone.get(after.saturating_sub(1)).map(|(_, offset)| *offset))
    }
}

/// Return the text that some slots give first, if it is the same for all events.
fn constant_of(slots: &[Slot]) -> Option<&str> {
    match slots.first()?.rules.first()? {
        Rule {
            when,
            take: Take::From(sources, Some(text)),
            ..
        } if when.is_empty() && sources.is_empty() => Some(text),
        _ => None,
    }
}

fn first_text<'a>(
    rules: &Rules<'a>,
    slots: &'a [Slot],
    event: &Event<'a>,
    some: &mut Vec<Hit<'a>>,
) -> Result<&'a str, Left> {
    some.clear();
    for slot in slots {
        rules.slot(slot, event, some)?;
    }
    Ok(some.first().map_or("", |hit| hit.text))
}

/// Return which bytes are printable ASCII, but for some.
const fn graphic_but(others: &[u8]) -> [bool; 256] {
    let mut fits = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        fits[byte as usize] = true;
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        fits[others[at] as usize] = false;
        at += 1;
    }
    fits
}

/// Return a text as HOSTNAME of RFC 3164: printable ASCII but `:`, `=`, `|`; "unknown" for none.
fn host3164<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    const FITS: [bool; 256] = graphic_but(b":=|");
    let fits = |it: char| it.is_ascii() && FITS[it as usize];
    match text {
        "" => "unknown",
        _ if text.bytes().all(|it| FITS[usize::from(it)]) => text,
        _ => arena.text(
            &text
                .chars()
                .map(|it| if fits(it) { it } else { '-' })
                .collect::<String>(),
        ),
    }
}

/// Return a text as HOSTNAME of RFC 5424: printable ASCII but `=` and `|`, and no `CEF:`; "-" for
/// none.
fn host5424<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    const FITS: [bool; 256] = graphic_but(b"=|");
    let fits = |it: char| it.is_ascii() && FITS[it as usize];
    if text.is_empty() {
        return "-";
    }
    if text.bytes().all(|it| FITS[usize::from(it)]) && !text.contains("EF:") {
        return text;
    }
    let changed: String = text
        .chars()
        .map(|it| if fits(it) { it } else { '-' })
        .collect();
    arena.text(&changed.replace("EF:", "EF-"))
}

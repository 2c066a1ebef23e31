//! The syslog header of a message (RFC 3164, RFC 5424).
//!
//! The reference is `cef_bridge/mapping/program/header.py` and `cef_bridge/lines/syslog.py`.

use crate::arena::Arena;
use crate::clock::{header_seconds, rfc3164_time, rfc5424_time};
use crate::event::Event;
use crate::facts::Facts;
use crate::program::{read_slots, Rule, Slot};
use crate::rules::{Hit, Left, Rules};
use crate::table::{Damage, Reader};
use crate::text::{first, strip};
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
            app_name,
            hostname,
            zone,
            zone_end,
            asks_severity,
        })
    }

    /// Write the header of an event, with the space behind it. `shorter` takes so many characters off
    /// the host's name, but never all.
    pub fn write<'a>(
        &'a self,
        rules: &Rules<'a>,
        event: &Event<'a>,
        severity: usize,
        shorter: usize,
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
        let code = self.facility(rules, event)? * 8 + level;
        let host = first_text(rules, &self.hostname, event)?;
        let host = first(host, MOST_HOST);
        let size = host.chars().count();
        let host = first(host, size.saturating_sub(shorter).max(1));
        out.push('<');
        out.push_str(&code.to_string());
        out.push('>');
        let mut time = Vec::with_capacity(40);
        if self.kind == Kind::Rfc3164 {
            match event.time {
                Some(micros) => {
                    let offset = self.offset(header_seconds(micros))?.unwrap_or(0);
                    rfc3164_time(&mut time, micros, offset);
                }
                None => time.extend_from_slice(NO_TIME.as_bytes()),
            }
            out.push_str(std::str::from_utf8(&time).unwrap_or(NO_TIME));
            out.push(' ');
            out.push_str(host3164(host, rules.arena));
            out.push(' ');
            return Ok(());
        }
        out.push_str("1 ");
        match event.time {
            Some(micros) => rfc5424_time(&mut time, micros, self.offset(header_seconds(micros))?),
            None => time.push(b'-'),
        }
        out.push_str(std::str::from_utf8(&time).unwrap_or("-"));
        let app_name = first_text(rules, &self.app_name, event)?;
        for word in [host, first(app_name, MOST_APP_NAME)] {
            out.push(' ');
            out.push_str(host5424(word, rules.arena));
        }
        out.push_str(" - - - ");
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
        hits.extend(self.facility_hit(rules, event)?.map(|(hit, _)| hit));
        for slot in self.app_name.iter().chain(&self.hostname) {
            rules.slot(slot, event, hits)?;
        }
        Ok(())
    }

    /// Return the code of the first text that names a facility; without one that of local0.
    fn facility<'a>(&'a self, rules: &Rules<'a>, event: &Event<'a>) -> Result<u32, Left> {
        let found = self.facility_hit(rules, event)?;
        let default = || self.facilities.get("local0").copied().unwrap_or(16);
        Ok(found.map_or_else(default, |(_, code)| code))
    }

    fn facility_hit<'a>(
        &'a self,
        rules: &Rules<'a>,
        event: &Event<'a>,
    ) -> Result<Option<(Hit<'a>, u32)>, Left> {
        let mut hits = Vec::new();
        for slot in &self.facility {
            hits.clear();
            rules.slot(slot, event, &mut hits)?;
            for hit in &hits {
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

fn first_text<'a>(
    rules: &Rules<'a>,
    slots: &'a [Slot],
    event: &Event<'a>,
) -> Result<&'a str, Left> {
    let mut hits = Vec::new();
    for slot in slots {
        rules.slot(slot, event, &mut hits)?;
    }
    Ok(hits.first().map_or("", |hit| hit.text))
}

/// Return a text as HOSTNAME of RFC 3164: printable ASCII but `:`, `=`, `|`; "unknown" for none.
fn host3164<'a>(text: &'a str, arena: &'a Arena) -> &'a str {
    let fits = |it: char| it.is_ascii_graphic() && !matches!(it, ':' | '=' | '|');
    match text {
        "" => "unknown",
        _ if text.chars().all(fits) => text,
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
    let fits = |it: char| it.is_ascii_graphic() && !matches!(it, '=' | '|');
    if text.is_empty() {
        return "-";
    }
    if text.chars().all(fits) && !text.contains("EF:") {
        return text;
    }
    let changed: String = text
        .chars()
        .map(|it| if fits(it) { it } else { '-' })
        .collect();
    arena.text(&changed.replace("EF:", "EF-"))
}

"""QRadar: what its Universal LEEF and Universal CEF types make of a line.

In comes a line, out comes a Reading. The rules are IBM's: "LEEF event components", "Predefined
LEEF event attributes", "Universal CEF". Normalised attributes become QRadar's columns; for each
other one somebody makes a custom property. Must not know what wrote the line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import LEEF_KEYS
from cef_bridge.siems.parsed_line import (
    HEADER_3164,
    Parts,
    broken,
    differences,
    header_time,
    integer,
    is_address,
    is_ipv6,
    moment,
    take_apart,
    untimed,
)
from cef_bridge.siems.reading import Reading, SiemField, SiemFinding, SiemTime, Simulator, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 4096
_MOST_EVENT_ID = 255
_HEX = re.compile(r"0?x([0-9A-Fa-f]{1,4})")
_EPOCH = re.compile(r"[0-9]{10}|[0-9]{13}")
# Normalised attributes of LEEF, by the columns they fill.
LEEF_COLUMNS = {
    "cat": "Event Category",
    "devTime": "Log Source Time",
    "sev": "Severity",
    "proto": "Protocol",
    "src": "Source IP",
    "dst": "Destination IP",
    "srcPort": "Source Port",
    "dstPort": "Destination Port",
    "usrName": "Username",
    "srcPreNAT": "Pre NAT Source IP",
    "dstPreNAT": "Pre NAT Destination IP",
    "srcPostNAT": "Post NAT Source IP",
    "dstPostNAT": "Post NAT Destination IP",
    "srcPreNATPort": "Pre NAT Source Port",
    "dstPreNATPort": "Pre NAT Destination Port",
    "srcPostNATPort": "Post NAT Source Port",
    "dstPostNATPort": "Post NAT Destination Port",
    "srcMAC": "Source MAC",
    "dstMAC": "Destination MAC",
    "identSrc": "Identity IP",
    "identHostName": "Identity Host Name",
    "identNetBios": "Identity NetBIOS Name",
    "identGrpName": "Identity Group Name",
}
CEF_COLUMNS = {
    "cat": "Event Category",
    "src": "Source IP",
    "dst": "Destination IP",
    "spt": "Source Port",
    "dpt": "Destination Port",
    "proto": "Protocol",
    "suser": "Username",
}
_PROPERTY = "Kept in the payload: a custom property makes a field of it."


def read(line: str) -> Reading:
    """Return what QRadar makes of a LEEF or CEF line; never fails."""
    parts = take_apart(line)
    if not parts.format:
        message = f"No event that QRadar's universal types know: {parts.fault}."
        return nothing(SiemFinding("lost", "", message, "extends: qradar-leef"))
    findings = [*_source(parts), *_sizes(parts)]
    return _read_leef(parts, findings) if parts.format == "leef" else _read_cef(parts, findings)


def _source(parts: Parts) -> Iterator[SiemFinding]:
    """What the header's host, which chooses the log source, says."""
    host = parts.header.hostname if parts.header else ""
    if not host:
        message = "No host in a syslog header: the log source is the address it comes from."
        yield SiemFinding("note", "", message, HEADER_3164)
    elif is_ipv6(host):
        message = "The header's host is an IPv6 address, which QRadar does not take there."
        yield SiemFinding(
            "misread", "", message, "envelope: {hostname: {from: [cluster, HostName]}}"
        )


def _sizes(parts: Parts) -> Iterator[SiemFinding]:
    size = len(parts.line.encode("utf-8", "replace"))
    if size > _MOST_BYTES:
        message = f"Cut at {_MOST_BYTES:,} bytes, the TCP listener's default: it has {size:,}."
        yield SiemFinding("lost", "", message, f"envelope: {{max_bytes: {_MOST_BYTES}}}")


def _read_leef(parts: Parts, findings: list[SiemFinding]) -> Reading:
    fields, separator, text = _leef_header(parts.body)
    if len(fields) < 4:
        message = f"The header has {len(fields) + 1} of its 5 pipes: it is no LEEF event."
        return nothing(SiemFinding("lost", "", message, "extends: qradar-leef"), *findings)
    found, repeated = _attributes(text, separator)
    findings += [*broken(parts), *_leef_faults(fields, found)]
    findings += differences(parts.said, found, "Keep delimiter, TAB and pipe out of every value.")
    message = "Duplicate key: the later one may be ignored."
    findings += [SiemFinding("lost", key, message, "Write each key once.") for key in repeated]
    columns = [SiemField("Event ID", fields[3], "header.device_event_class_id")]
    columns += _columns(parts, found, LEEF_COLUMNS, findings)
    findings += untimed(parts, "devTime")
    return Reading(tuple(columns), _leef_time(parts, found, findings), tuple(findings))


def _leef_header(body: str) -> tuple[list[str], str, str]:
    """Return the four header fields, the delimiter and the attributes' text."""
    version, _, rest = body.removeprefix("LEEF:").partition("|")
    *fields, text = rest.split("|", 4)
    separator = "\t"
    if version.startswith("2"):
        field, pipe, attributes = text.partition("|")
        if pipe and "=" not in field[:-1]:
            text, separator = attributes, _delimiter(field)
    return fields, separator, text


def _delimiter(field: str) -> str:
    if written := _HEX.fullmatch(field):
        return chr(int(written[1], 16))
    return field[:1] or "\t"


def _attributes(text: str, separator: str) -> tuple[dict[str, str], list[str]]:
    """Return the attributes by key, the first of a key, and the keys that stand again."""
    found: dict[str, str] = {}
    repeated = []
    for attribute in text.split(separator):
        key, equal, value = attribute.partition("=")
        if not equal:
            continue
        if key in found:
            repeated.append(key)
        else:
            found[key] = value
    return found, repeated


def _leef_faults(fields: list[str], found: dict[str, str]) -> Iterator[SiemFinding]:
    if len(fields[3]) > _MOST_EVENT_ID:
        message = f"Over {_MOST_EVENT_ID} characters: it is not found in the event map."
        fix = "header: {device_event_class_id: {from: event.class_id}}"
        yield SiemFinding("misread", "header.device_event_class_id", message, fix)
    for key, value in found.items():
        if "|" in value:
            message = "IBM asks to keep the pipe out of values; a relay such as SC4S splits there."
            fix = f"extension: {{{key}: {{…, via: comma}}}}"
            yield SiemFinding("misread", key, message, fix)
    sev = found.get("sev", "")
    if sev and not 1 <= (integer(sev, 32) or 0) <= 10:
        message = "sev goes from 1 to 10: QRadar takes its own for another one."
        yield SiemFinding("misread", "sev", message, "extension: {sev: {from: event.severity}}")


def _columns(
    parts: Parts, found: dict[str, str], table: dict[str, str], findings: list[SiemFinding]
) -> list[SiemField]:
    """Return the columns that attributes fill; say of the others what they need."""
    columns = []
    if parts.header and parts.header.hostname:
        columns.append(SiemField("Log Source Identifier", parts.header.hostname, ""))
    for key, value in found.items():
        if key not in table:
            findings.append(SiemFinding("ignored", key, _PROPERTY))
        elif wrong := _unfit(key, value):
            fix = f"extension: {{{key}: null}}, and the value under a key of its own"
            findings.append(SiemFinding("lost", key, f"{table[key]} stays empty: {wrong}.", fix))
        else:
            columns.append(SiemField(table[key], moment(value) if key == "devTime" else value, key))
    return columns


def _unfit(key: str, value: str) -> str:
    """Return why a value does not fit its column; nothing when it does."""
    row = LEEF_KEYS.get(key)
    if (row and row.kind == "ip") and not is_address(value):
        return "it is no IP address"
    port = key in ("spt", "dpt") or key.endswith("Port")
    if port and not 0 <= (number if (number := integer(value, 32)) is not None else -1) <= 65535:
        return "it is no port"
    if row and row.max_length is not None and len(value) > row.max_length:
        return f"it has more than {row.max_length} characters"
    return ""


def _leef_time(parts: Parts, found: dict[str, str], findings: list[SiemFinding]) -> SiemTime:
    text = found.get("devTime", "")
    if _EPOCH.fullmatch(text) or (text and "devTimeFormat" in found):
        return SiemTime(moment(text), "devTime")
    if text:
        message = (
            "Neither 10 nor 13 digits, and no devTimeFormat says what else: it is passed over."
        )
        findings.append(
            SiemFinding("misread", "devTime", message, "extension: {devTime: {from: event.time}}")
        )
    return header_time(parts.header)


def _read_cef(parts: Parts, findings: list[SiemFinding]) -> Reading:
    if not parts.body.startswith("CEF:0|"):
        message = "Universal CEF takes CEF:0 only: the event is stored as unknown."
        fix = "Send CEF:0, as every mapping here does, or LEEF: extends: qradar-leef"
        return nothing(SiemFinding("lost", "", message, fix), *findings)
    if parts.meant is None:
        return nothing(*broken(parts), *findings)
    findings += broken(parts)
    header = parts.meant.header
    columns = [
        SiemField("Event ID", header.device_event_class_id, "header.device_event_class_id"),
        SiemField("Severity", header.severity, "header.severity"),
        *_columns(parts, parts.said, CEF_COLUMNS, findings),
    ]
    message = "Nothing is discovered by itself: a log source of type Universal CEF is made by hand."
    findings.append(SiemFinding("note", "", message, "extends: qradar-leef"))
    if "cat" not in parts.said:
        message = "An event is mapped by its Event ID and category: without cat by the first alone."
        findings.append(SiemFinding("note", "cat", message, "extension: {cat: {from: Operation}}"))
    if "rt" in parts.said:
        message = "Not known to be asked for the time: that is taken from the syslog header."
        findings.append(SiemFinding("note", "rt", message))
    findings += untimed(parts)
    return Reading(tuple(columns), header_time(parts.header), tuple(findings))


SIMULATOR = Simulator(
    "qradar",
    "QRadar, Universal LEEF and Universal CEF",
    read,
    (
        "Which of your events have an entry in the event map (QID), and your custom properties",
        "Whether Universal CEF asks rt, takes IPv6 in src and dst, or un-escapes values",
        "Which columns Universal CEF fills beside Event ID and category: the usual ones are shown",
        "Your listener's limit (4,096 bytes over TCP unless it was raised)",
    ),
    ("ibm.com/docs: LEEF event components; Predefined LEEF event attributes; Universal CEF",),
)

"""ArcSight: what a SmartConnector makes of a CEF line.

In comes a line, out comes a Reading: the dictionary's keys as event fields by their full names,
others in Additional Data. The rules are the standard's own (CEF v27, and 24.1 where older
connectors differ), for ArcSight wrote it. Must not know what wrote the line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.lines import Cef
from cef_bridge.lines.check import row_faults
from cef_bridge.lines.dictionary import CEF_KEYS, LABELS, Key
from cef_bridge.siems.parsed_line import (
    HEADER_3164,
    Parts,
    broken,
    cef_moment,
    header_time,
    in_seconds,
    is_ipv6,
    refused,
    take_apart,
    untimed,
)
from cef_bridge.siems.reading import Reading, SiemField, SiemFinding, SiemTime, Simulator, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.lines import ParsedMessage

_OLD_HOST = 63
_READER = Cef()
_HEADER = (
    ("device_vendor", "deviceVendor"),
    ("device_product", "deviceProduct"),
    ("device_version", "deviceVersion"),
    ("device_event_class_id", "deviceEventClassId"),
    ("name", "name"),
    ("severity", "agentSeverity"),
)
_SIX = {"src": "c6a2", "dst": "c6a3", "dvc": "c6a1"}
_ENDS = {"src": "source.ip", "dst": "destination.ip", "dvc": "HostIP"}
_SIX_LABELS = {
    "src": "Source IPv6 Address",
    "dst": "Destination IPv6 Address",
    "dvc": "Device IPv6 Address",
}


def read(line: str) -> Reading:
    """Return what a SmartConnector makes of a line; never fails."""
    parts = take_apart(line)
    if other := refused(parts, "cef", "A CEF connector"):
        return other
    message = parts.meant
    if message is None:
        return nothing(*broken(parts))
    fields = [
        SiemField(name, getattr(message.header, key), f"header.{key}") for key, name in _HEADER
    ]
    findings = [*broken(parts)]
    for key, value in parts.said.items():
        row = CEF_KEYS.get(key)
        if row is None:
            fields.append(SiemField(f"additional data: {key}", value, key))
            text = "Additional Data: seen in the event, not by rules, reports or correlation."
            findings.append(SiemFinding("ignored", key, text))
            continue
        found, kept = _key(row, value, message)
        findings += found
        if kept:
            fields.append(SiemField(row.full_name, kept, key))
    findings += [*_labels(parts), *_prefixed(parts), *in_seconds(parts), *untimed(parts)]
    return Reading(tuple(fields), _time(parts), tuple(findings))


def _key(row: Key, value: str, message: ParsedMessage) -> tuple[list[SiemFinding], str]:
    """Return what becomes of a dictionary's key, and the value that is kept."""
    if row.role == "consumer":
        text = "Filled by ArcSight itself: what a device sends there is not believed."
        return [SiemFinding("misread", row.name, text, _off(row.name))], ""
    if row.name in _SIX and is_ipv6(value) and message.version == "0":
        slot = _SIX[row.name]
        text = f"CEF:0 has IPv4 there: {value} is not taken."
        fix = (
            f"extension: {{{slot}: {{from: {_ENDS[row.name]}, when: {{{_ENDS[row.name]}: "
            f"{{is: ipv6}}}}, label: {_SIX_LABELS[row.name]}}}}}, envelope: {{ipv6: custom}}"
        )
        return [SiemFinding("lost", row.name, text, fix)], ""
    if row.max_length is not None and len(value) > row.max_length:
        text = f"Cut at {row.max_length:,} characters: it has {len(value):,}."
        fix = f"extension: {{{row.name}: {{…, max_length: {row.max_length}}}}}"
        return [SiemFinding("lost", row.name, text, fix)], value[: row.max_length]
    if wrong := next(row_faults(row, value, message, ipv6=False), ""):
        return [SiemFinding("lost", row.name, f"Not taken: {wrong}", _off(row.name))], ""
    if row.name == "dvchost" and len(value) > _OLD_HOST:
        text = f"Older connectors cut it at {_OLD_HOST} characters: it has {len(value)}."
        fix = f"extension: {{dvchost: {{from: HostName, max_length: {_OLD_HOST}}}}}"
        return [SiemFinding("note", "dvchost", text, fix)], value
    return [], value


def _off(key: str) -> str:
    return f"extension: {{{key}: null}}, or a value of that type"


def _labels(parts: Parts) -> Iterator[SiemFinding]:
    for slot, label in LABELS.items():
        if slot in parts.said and label not in parts.said:
            text = "A custom key without a label: its meaning is lost."
            yield SiemFinding("misread", slot, text, "Add `label: NAME` to its rule.")
        if label in parts.said and slot not in parts.said:
            text = "A label without its value."
            yield SiemFinding("misread", label, text, f"extension: {{{label}: null}}")


def _prefixed(parts: Parts) -> Iterator[SiemFinding]:
    header = parts.header
    if header is not None and header.version == "rfc5424":
        text = "The standard shows an RFC 3164 header; this one was not tried on a connector."
        yield SiemFinding("note", "", text, HEADER_3164)
    elif parts.tag:
        text = "A program's name precedes CEF: the standard has none there."
        yield SiemFinding("note", "", text, HEADER_3164)


def _time(parts: Parts) -> SiemTime:
    if rt := parts.said.get("rt", ""):
        return SiemTime(cef_moment(rt), "rt (deviceReceiptTime)")
    return header_time(parts.header)


SIMULATOR = Simulator(
    "arcsight",
    "ArcSight SmartConnector (syslog daemon, CEF)",
    read,
    (
        "No connector was at hand: this is what the standard, ArcSight's own, says of them",
        "Limits of a line's length, RFC 5424 headers, octet counting",
        "Your connector's map files and parser overrides",
    ),
    (
        "CEF Implementation Standard v27 (SmartConnectors 25.1) and 24.1: dictionary, data types",
        "SmartConnector User Guide: IPv4 and IPv6 under CEF:0 and CEF:1",
    ),
)

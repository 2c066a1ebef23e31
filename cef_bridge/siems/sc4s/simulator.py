r"""Splunk Connect for Syslog: what it takes a CEF or LEEF line for, on its way to Splunk.

In comes a line as received, out comes a Reading. The rules are those of SC4S' app-syslog-cef.conf,
parser_cef.py and parser_leef.py: a header split at every pipe, `CEF:0` looked for greedily, times
of twelve and more digits not believed, labels in the place of keys. Must not know what Splunk
shows of it at search time.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from cef_bridge.lines import Cef
from cef_bridge.siems.parsed_line import (
    HEADER_5424,
    Parts,
    broken,
    differences,
    header_time,
    moment,
    take_apart,
    untimed,
)
from cef_bridge.siems.reading import Reading, SiemField, SiemFinding, SiemTime, Simulator, nothing
from cef_bridge.siems.sc4s.leef import read_leef

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = 8
_MOST_BYTES = 65536
_PREAMBLE = re.compile(r"(?!-)[A-Za-z0-9/.-]+")
_SPACE = re.compile(r"\s")
_MANY_DIGITS = re.compile(r"[0-9]{12}")
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
# date-parser's formats: epoch seconds, and the words of the standard without a fraction.
_DATE = re.compile(
    rf"[0-9]{{1,11}}(?:\.[0-9]+)?|(?:{_MONTHS}) +[0-9]{{1,2}} (?:[0-9]{{4}} )?"
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?: [A-Za-z0-9:+-]+)?"
)
_BREAK_UP = 'envelope: {defang: ["CEF:0", "LEEF:"]}'
_SPLUNK = f"Use `extends: splunk`, or {HEADER_5424}."


def read(line: str) -> Reading:
    """Return what SC4S makes of a line; never fails."""
    parts = take_apart(line)
    if parts.format == "leef":
        return read_leef(parts)
    if "CEF:0" not in parts.rest:
        message = "SC4S looks for the text CEF:0: the line goes to its fallback, without fields."
        return nothing(SiemFinding("lost", "", message, "Send CEF:0, as every mapping here does."))
    message, host, forged = _message(parts)
    columns = message.split("|", _COLUMNS - 1)
    if len(columns) < _COLUMNS:
        said = f"The header has {len(columns)} of 8 columns: SC4S drops the whole event."
        fix = "Write all seven pipes, the last one also without an extension."
        return nothing(SiemFinding("lost", "", said, fix), *forged)
    found = pairs(columns[-1])
    findings = [*broken(parts), *forged, *_sizes(line)]
    if not forged:  # all else follows from that
        findings += [*_header(parts, columns), *differences(_escaped(parts), dict(found))]
    fields, more = _relabelled(dict(found))
    time, late = _time(parts, dict(found))
    findings += [*more, *late, *untimed(parts)]
    host = dict(found).get("dvchost") or host
    named = [SiemField("host", host, "dvchost" if "dvchost" in dict(found) else "")] if host else []
    metadata = [
        *named,
        SiemField("sc4s_vendor", columns[1], "header.device_vendor"),
        SiemField("sc4s_product", columns[2], "header.device_product"),
        SiemField("sc4s_class", columns[4], "header.device_event_class_id"),
        SiemField("sourcetype", "cef", ""),
    ]
    findings += _hosts(parts, dict(found))
    return Reading((*metadata, *fields), time, tuple(findings))


def _message(parts: Parts) -> tuple[str, str, list[SiemFinding]]:
    """Return the record that SC4S finds, the host, and what is wrong with which one it took.

    From a message that begins with a word it takes the last `CEF:0`.
    """
    host = parts.header.hostname if parts.header else ""
    text = parts.rest
    last = text.rfind("CEF:0")
    preamble = _PREAMBLE.match(text)
    if preamble is None or last < 1:
        return text, host, []
    findings = []
    if parts.format == "cef" and last > len(parts.tag):
        key = next((key for key, value in parts.said.items() if "CEF:0" in value), "")
        findings.append(
            SiemFinding(
                "misread",
                key,
                "A value contains CEF:0. SC4S parses the last CEF:0 in a line, so the text after "
                "it is stored instead of the real event.",
                _BREAK_UP,
            )
        )
    # The word must leave the record whole: of `CEF:0CEF:0` it is what stands before the colon.
    return text[last:], text[: min(preamble.end(), last)], findings


def pairs(text: str) -> list[tuple[str, str]]:
    r"""Return the pairs that SC4S finds in an extension, in their order.

    A key is a word before `=`. Its value goes to the last white space before the next `=` that has
    no `\` before it, or to the end; without white space in between the key is passed over.
    """
    equals = [found.start() for found in re.finditer("=", text)]
    open_ones = [at for at in equals if at and text[at - 1] != "\\"]
    spaces = [found.start() for found in _SPACE.finditer(text)]
    found, begin = [], 0
    for equal in equals:
        if equal < begin:
            continue
        before = bisect_left(spaces, equal) - 1
        word = max(begin, spaces[before] + 1 if before >= 0 else 0, text.rfind("=", 0, equal) + 1)
        index = bisect_left(open_ones, equal + 1)
        if index < len(open_ones):
            at = bisect_left(spaces, open_ones[index]) - 1
            end = spaces[at] if at >= 0 else -1
        else:
            end = len(text)
        if word < equal and end >= equal + 2:
            found.append((text[word:equal], text[equal + 1 : end]))
            begin = end + 1
    return found


def _escaped(parts: Parts) -> dict[str, str]:
    return {key: Cef().escape(value) for key, value in parts.said.items()}


def _header(parts: Parts, columns: list[str]) -> Iterator[SiemFinding]:
    if parts.meant is None:
        return
    header = parts.meant.header
    wanted = (header.device_vendor, header.device_product, header.device_event_class_id)
    if (columns[1], columns[2], columns[4]) != wanted or any("|" in text for text in header):
        yield SiemFinding(
            "misread",
            "header",
            r"The header is split at every pipe, `\|` too: each column behind one holds its "
            "neighbour's text.",
            "Write another character for a pipe in the header, as every mapping here does.",
        )


def _sizes(line: str) -> Iterator[SiemFinding]:
    if len(line.encode("utf-8", "replace")) > _MOST_BYTES:
        message = f"Cut at {_MOST_BYTES:,} bytes (log_msg_size)."
        yield SiemFinding("lost", "", message, f"envelope: {{max_bytes: {_MOST_BYTES}}}")


def _relabelled(found: dict[str, str]) -> tuple[list[SiemField], list[SiemFinding]]:
    """Return the fields with labels in the place of keys, and what that does."""
    values, sources, findings = dict(found), {key: key for key in found}, []
    for key in found:
        if not key.endswith("Label") or key not in values:
            continue
        # As SC4S: letters of the word Label are taken off the end, not the word.
        slot, label = key.rstrip("Label"), values.pop(key)
        if slot not in values:
            message = "A key that ends with Label is taken for a label, and has no value here."
            findings.append(SiemFinding("lost", key, message, "Give the key another name."))
            continue
        if label in values:
            message = f'Its label "{label}" is a key of the event, and overwrites it.'
            findings.append(SiemFinding("misread", label, message, "Give the slot another label."))
        values[label], sources[label] = values.pop(slot), slot
        findings.append(SiemFinding("renamed", slot, "Named by its label."))
    return [
        SiemField(re.sub(r"[ .]", "_", name), value, sources[name])
        for name, value in values.items()
    ], findings


def _time(parts: Parts, found: dict[str, str]) -> tuple[SiemTime, list[SiemFinding]]:
    """Return the event's time: rt, else end, unless one of the times has twelve digits."""
    long = [key for key in ("start", "end", "rt") if _MANY_DIGITS.match(found.get(key, ""))]
    if not long:
        for key in ("rt", "end"):
            if _DATE.fullmatch(found.get(key, "")):
                return SiemTime(moment(found[key]), key), []
        return header_time(parts.header), []
    time = header_time(parts.header)
    key = "rt" if "rt" in long else long[0]
    message = "SC4S reads no time of twelve or more digits. It uses "
    if not time.value:
        return time, [
            SiemFinding(
                "misread", key, f"{message}the time of arrival, as no header has a time.", _SPLUNK
            )
        ]
    if parts.header and parts.header.is_vague:
        message += "the header's, which has whole seconds, no year and no zone."
        return time, [SiemFinding("misread", key, message, _SPLUNK)]
    return time, [SiemFinding("note", key, f"{message}the header's, which is as exact.")]


def _hosts(parts: Parts, found: dict[str, str]) -> Iterator[SiemFinding]:
    host = parts.header.hostname if parts.header else ""
    if found.get("dvchost") and host and found["dvchost"] != host:
        yield SiemFinding("note", "dvchost", f"It takes the place of the header's host, {host}.")


SIMULATOR = Simulator(
    "sc4s",
    "Splunk Connect for Syslog",
    read,
    (
        "What Splunk shows at search time: ask --siem splunk",
        "Your splunk_metadata.csv, and vendors' own CEF parsers in SC4S",
        "Whether CEF:1 behind an RFC 3164 header comes in by its second route (program CEF)",
        "A later parser_cef.py ends values at the next key, not at the next equals sign",
    ),
    (
        "splunk/splunk-connect-for-syslog: app-syslog-cef.conf, app-syslog-leef.conf (291da935)",
        "splunk/splunk-connect-for-syslog: pylib/parser_cef.py, pylib/parser_leef.py (291da935)",
    ),
)

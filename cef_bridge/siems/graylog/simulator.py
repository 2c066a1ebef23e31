r"""Graylog: what its CEF inputs store of a line.

In comes a line, out comes a Reading. The rules are those of graylog2-server's CEFCodec (6.3.0),
CEFParser and MappedMessage: a number at the line's beginning is cut off, the last `CEF:` and digits
begin the message, all before its host must begin with a time, a labelled value is stored under its
label, the time is the header's. Must not know what wrote the line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.siems.graylog.prefix import BEGINNING, Prefix, moment, read_prefix, without_numbers
from cef_bridge.siems.parsed_line import (
    HEADER_3164,
    Parts,
    broken,
    differences,
    integer,
    refused,
    take_apart,
    untimed,
)
from cef_bridge.siems.reading import (
    ARRIVAL,
    Reading,
    SiemField,
    SiemFinding,
    SiemTime,
    Simulator,
    nothing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Possessive, and from a word's beginning only: linear on one long word.
_KEY = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z0-9_]++=")
_BORDER = re.compile(r"(?<!\\)\|")
_VALUE_ESCAPE = re.compile(r"\\([\\rn=])")
_HEADER_ESCAPE = re.compile(r"\\([\\|])")
_NAME = re.compile(r"[A-Za-z0-9_.@-]*")
_COLUMNS = 7
_HEADER = (
    ("device_vendor", "device_vendor"),
    ("device_product", "device_product"),
    ("device_version", "device_version"),
    ("event_class_id", "device_event_class_id"),
    ("name", "name"),
    ("severity", "severity"),
)
_OWN = frozenset(("message", "source", "timestamp"))
# Keys whose numbers have no limit; those of the other integers have 32 bits.
_UNLIMITED = frozenset(("cnt", "spt", "dpt", "in", "out", "fsize", "cn1", "cn2", "cn3", "cn4"))
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?")
_BREAK_UP = 'envelope: {defang: ["CEF:"]}'


def read(line: str) -> Reading:
    """Return what Graylog makes of a line; never fails."""
    parts = take_apart(line)
    text, number = without_numbers(line)
    if not BEGINNING.search(text):
        if other := refused(parts, "cef", "Graylog's CEF input"):
            return other
        message = "No CEF: with a version behind it: the event is not stored."
        return nothing(SiemFinding("lost", "", message, "Begin the message with CEF:0|."))
    prefix = read_prefix(text)
    forged = list(_forged(parts, line, len(line) - len(text) + prefix.start))
    if not prefix.is_timed:
        return nothing(_no_time(forged), *forged)
    columns = _columns(text[prefix.start :])
    if len(columns) < _COLUMNS:
        message = f"The header has {len(columns)} of 7 fields: the event is not stored whole."
        return nothing(SiemFinding("lost", "", message, "Write all seven pipes."), *forged)
    found_pairs = _pairs("|".join(columns[_COLUMNS:]))
    said, ending = _without_last_pipes(parts.said)
    findings = [*broken(parts), *forged]
    if not forged:  # all else follows from that
        findings += [*ending, *_header(parts, columns), *differences(said, found_pairs)]
    fields, more = _mapped(found_pairs)
    host = found_pairs.get("dvc") or prefix.host
    own = [SiemField("source", host, "dvc" if "dvc" in found_pairs else "")]
    own += [
        SiemField(name, _plain(_HEADER_ESCAPE, column), f"header.{key}")
        for (name, key), column in zip(_HEADER, columns[1:], strict=False)
    ]
    findings += [*more, *_prefixed(parts, prefix, number)]
    findings += [*_timed(parts, prefix), *untimed(parts), *_older(parts)]
    return Reading((*own, *fields), _time(prefix), tuple(findings))


def _forged(parts: Parts, line: str, start: int) -> Iterator[SiemFinding]:
    if parts.format == "cef" and start > len(line) - len(parts.body):
        key = next((key for key, value in parts.said.items() if BEGINNING.search(value)), "")
        message = (
            "A value contains CEF: and a digit. Graylog parses the last CEF: in a line, so the "
            "text after it is stored instead of the real event."
        )
        yield SiemFinding("misread", key, message, _BREAK_UP)


def _no_time(forged: list[SiemFinding]) -> SiemFinding:
    if forged:
        return SiemFinding(
            "lost", "", "The text before it is not a time. It is not stored.", _BREAK_UP
        )
    message = "The text before the host is not a time. The event is not stored."
    return SiemFinding("lost", "", message, HEADER_3164)


def _prefixed(parts: Parts, prefix: Prefix, number: str) -> Iterator[SiemFinding]:
    """Yield what is misread of what stands before the message."""
    header = parts.header
    time, meant = moment(prefix.time)
    if header is not None and header.version == "rfc5424":
        source = prefix.host or "the sender's address"
        message = f"An RFC 5424 header: the source is {source}, the last word before CEF:"
        message += f", and the time is read as {time}" if time != meant else ""
        message += ". Versions before 6.3.0 do not store the event."
        yield SiemFinding("misread", "", message, HEADER_3164)
        return
    if number and not prefix.host:
        message = (
            f"The number {number.strip()} is cut off, so that time and host are not found: the "
            "source is the sender's address."
        )
        yield SiemFinding("lost", "", message, HEADER_3164)
    if time != meant:
        message = f"The digits of the fraction are taken for milliseconds: the time is {time}."
        yield SiemFinding("misread", "", message, HEADER_3164)


def _columns(body: str) -> list[str]:
    """Return what the unescaped pipes part; empty ones at the end fall away (Java's split)."""
    columns = _BORDER.split(body)
    while columns and not columns[-1]:
        columns.pop()
    return columns


def _without_last_pipes(said: dict[str, str]) -> tuple[dict[str, str], list[SiemFinding]]:
    """Return what was said without pipes at the line's end, which are lost for so many fields."""
    last = next(reversed(said), "")
    if not said or not said[last].endswith("|"):
        return said, []
    text = said[last]
    while text.endswith("|") and not text.endswith("\\|"):
        text = text[:-1]
    if text == said[last]:
        return said, []
    message = "A pipe at the very end of the line is lost."
    shorter = {**said, last: text.strip()}
    return shorter, [SiemFinding("note", last, message, "envelope: {pipe: replace}")]


def _pairs(extension: str) -> dict[str, str]:
    found = list(_KEY.finditer(extension))
    pairs = {}
    for at, match in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(extension)
        key = match[0][:-1]
        if at + 1 == len(found) and key in pairs:
            continue  # the last key of a line does not stand over an earlier one
        pairs[key] = _plain(_VALUE_ESCAPE, extension[match.end() : end].strip(_TRIMMED))
    return pairs


_TRIMMED = "".join(map(chr, range(0x21)))
"""What Java's trim() takes off."""


def _plain(escape: re.Pattern[str], text: str) -> str:
    return escape.sub(lambda found: {"r": "\r", "n": "\n"}.get(found[1], found[1]), text)


def _header(parts: Parts, columns: list[str]) -> Iterator[SiemFinding]:
    if parts.meant is None:
        return
    if [_plain(_HEADER_ESCAPE, column) for column in columns[1:_COLUMNS]] != [*parts.meant.header]:
        message = "A field that ends with a backslash is joined with the next one."
        yield SiemFinding("misread", "header", message, "Write no backslash in the header.")


def _mapped(found: dict[str, str]) -> tuple[list[SiemField], list[SiemFinding]]:
    """Return the fields under their names in Graylog, and what became of the keys."""
    fields: dict[str, SiemField] = {}
    findings = []
    for key, value in found.items():
        if key.endswith("Label"):
            if key.removesuffix("Label") not in found:
                message = "A key that ends with Label is taken for a label, and dropped."
                findings.append(SiemFinding("lost", key, message, "Give the key another name."))
            continue
        label = found.get(f"{key}Label")
        name = key if label is None else label
        if finding := _refused(key, value, name, fields):
            findings.append(finding)
            continue
        fields[name] = SiemField(name, value, key)
        if label is not None:
            findings.append(SiemFinding("renamed", key, "Named by its label."))
    return list(fields.values()), findings


def _refused(key: str, value: str, name: str, fields: dict[str, SiemField]) -> SiemFinding | None:
    """Return why a value is not stored under a name; None when it is."""
    if not _number_fits(key, value):
        message = "A key for numbers with another value: it is dropped."
        return SiemFinding("lost", key, message, f"extension: {{{key}: null}}")
    if not _NAME.fullmatch(name):
        message = f'"{name}" cannot be a field\'s name: letters, digits and `_.-@` can.'
        return SiemFinding("lost", key, message, "Give it a label without spaces.")
    if name in fields or name in _OWN or any(name == own for own, _ in _HEADER):
        message = f'Another field is named "{name}" as well: one of the two is lost.'
        return SiemFinding("lost", key, message, "Give it a label of its own.")
    return None


def _number_fits(key: str, value: str) -> bool:
    row = CEF_KEYS.get(key)
    if row is None or row.since == "1.2":
        return True
    if key in _UNLIMITED:
        return _INTEGER.fullmatch(value) is not None
    if row.kind in ("integer", "long"):
        return integer(value, 32 if row.kind == "integer" else 64) is not None
    return row.kind != "float" or _FLOAT.fullmatch(value) is not None


def _time(prefix: Prefix) -> SiemTime:
    if not prefix.time:
        return SiemTime("", ARRIVAL)
    time, _ = moment(prefix.time)
    return SiemTime(time, "the syslog header, in the input's time zone")


def _timed(parts: Parts, prefix: Prefix) -> Iterator[SiemFinding]:
    if "rt" not in parts.said:
        return
    if not prefix.time:
        message = "A field, not the event's time: without a header that is when it arrives."
        yield SiemFinding("misread", "rt", message, HEADER_3164)
        return
    yield SiemFinding("note", "rt", "A field, not the event's time: that is the header's.")


def _older(parts: Parts) -> Iterator[SiemFinding]:
    message = (
        "A backslash before n, r or = is read as an escape by versions whose parser is still a "
        "library of its own (before 2026)."
    )
    for key, value in parts.said.items():
        if any(mark in value for mark in ("\\n", "\\r", "\\=")):
            yield SiemFinding("note", key, message)


SIMULATOR = Simulator(
    "graylog",
    "Graylog, CEF inputs over UDP and TCP",
    read,
    (
        "Your version: RFC 5424 was not stored before 6.3.0, and a later one reads its header",
        "The input's time zone and locale: set UTC and en, or months and hours are read otherwise",
        "Whether the input stores full names (use_full_names); here it does not",
        "Extractors, pipelines and index mappings of your own",
    ),
    (
        "Graylog2/graylog2-server: CEFCodec, CEFParser, CEFMapping, MappedMessage",
        "Graylog2/graylog2-server: org/graylog2/plugin/Message (names of fields)",
    ),
)

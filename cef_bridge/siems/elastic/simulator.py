r"""Elastic: what decode_cef of Filebeat and the Agent's CEF integration make of a line.

In comes a line, out comes a Reading: fields of ECS where there is one, else `cef.extensions.…`.
The rules are those of beats' x-pack/filebeat/processors/decode_cef: typed keys by the standard's
edition of 2017, a value with a bare equals sign lost, what has no type kept under its own name.
Must not know what wrote the line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.siems.elastic.ecs import ECS
from cef_bridge.siems.elastic.types import convert
from cef_bridge.siems.parsed_line import (
    HEADER_5424,
    Parts,
    broken,
    differences,
    header_time,
    in_seconds,
    refused,
    take_apart,
    untimed,
)
from cef_bridge.siems.reading import Reading, SiemField, SiemFinding, SiemTime, Simulator, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

_UDP_BYTES = 10 * 1024
# Possessive: linear on a megabyte of escaped pipes as well.
_HEADER_FIELD = re.compile(r"((?:[^|\\]|\\[\\|])*+)\|")
_SEVERITY = re.compile(r"([A-Za-z0-9-]*+)(?:\||\Z)")
_VERSION = re.compile(r"CEF:([0-9]+)\|")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,\[\]]*")
_EQUAL = re.compile(r"(?<!\\)(?:\\\\)*+=")
_ESCAPE = re.compile(r"\\([\\=nr])")
_BAD_ESCAPE = re.compile(r"\\(?:[^\\=nr]|\Z)|\\\\")
_HEADER_ESCAPE = re.compile(r"\\([\\|])")
# Its table's names where they are not those of the standard.
_NAMES = {"fname": "filename", "cn2": "DeviceCustomNumber2", "reason": "Reason"}
# Made from edition 25 of the standard: what that lacks is kept as a text under its own key.
_NOT_KNOWN = {
    *("c6a2", "c6a2Label", "flexNumber1", "flexNumber2", "flexNumber1Label", "flexNumber2Label"),
    *(name for name, row in CEF_KEYS.items() if row.since != "0.1"),
} - {"catdt", "mrt"}
_HEADER = (
    ("device_vendor", "observer.vendor"),
    ("device_product", "observer.product"),
    ("device_version", "observer.version"),
    ("device_event_class_id", "event.code"),
    ("name", "cef.name"),
    ("severity", "event.severity"),
)
_SEVERITIES = {"low": "0", "medium": "4", "high": "7", "very-high": "9"}
_INTEGERS = ("integer", "long")
_KINDS = {
    "ipv4": "an IP address",
    "ipv6": "an IP address",
    "ip": "an IP address",
    "integer": "an integer of 32 bits",
    "long": "an integer of 64 bits",
    "float": "a number",
    "timestamp": "epoch milliseconds or MMM dd yyyy HH:mm:ss",
    "mac": "a MAC address",
}


def read(line: str) -> Reading:
    """Return what decode_cef makes of a line; never fails."""
    parts = take_apart(line)
    begin = line.find("CEF:")
    if begin < 0:
        return refused(parts, "cef", "decode_cef") or nothing(*broken(parts))
    text = line[begin:]
    header, extension, fault = _header(text)
    if len(header) < len(_HEADER):
        message = f"The header cannot be read: {fault}. The event has only its raw text."
        return nothing(SiemFinding("lost", "", message, "Write the header by the standard."))
    findings = [*broken(parts), *_sizes(parts)]
    found, malformed = pairs(extension)
    message = "An equals sign or a backslash in the value is not escaped: the value is lost."
    fix = r"Have the sender write `\=` and `\\` in values."
    findings += [SiemFinding("lost", key, message, fix) for key in malformed]
    findings += differences(parts.said, found)
    fields = [
        SiemField(name, header[at], f"header.{key}") for at, (key, name) in enumerate(_HEADER)
    ]
    severity = _SEVERITIES.get(header[-1].lower(), header[-1])
    # What is no number has no place in ECS.
    name = "event.severity" if severity.isdigit() else "cef.severity"
    fields[-1] = fields[-1]._replace(name=name, value=severity)
    more, dropped = _typed(found)
    findings += [*dropped, *_collisions(more), *_notes(parts, found)]
    findings += [*in_seconds(parts), *untimed(parts)]
    return Reading((*fields, *more), _time(parts, found), tuple(findings))


def _header(text: str) -> tuple[list[str], str, str]:
    """Return the six fields after the version, the extension, and what is wrong."""
    version = _VERSION.match(text)
    if version is None:
        return [], "", "no version behind CEF:"
    fields: list[str] = []
    at = version.end()
    for _ in range(5):
        field = _HEADER_FIELD.match(text, at)
        if field is None:
            return fields, "", f"it has {len(fields) + 1} of its pipes, or a stray backslash"
        fields.append(_HEADER_ESCAPE.sub(r"\1", field[1]))
        at = field.end()
    severity = _SEVERITY.match(text, at)
    if severity is None:
        return fields, "", "the severity has other characters than letters, digits and -"
    return [*fields, severity[1]], text[severity.end() :], ""


def pairs(text: str) -> tuple[dict[str, str], list[str]]:
    r"""Return the pairs of an extension, and the keys whose values are malformed and so lost.

    A key is a word before an `=` that is not escaped. After a fault it goes on at the next word
    that could be a key.
    """
    found: dict[str, str] = {}
    malformed: list[str] = []
    equals = [match.end() - 1 for match in _EQUAL.finditer(text)]
    keys: list[tuple[str, int, int]] = []  # name ("" for none), where it begins, its value begins
    before = 0
    for equal in equals:
        begin = max(text.rfind(" ", before, equal) + 1, before)
        name = text[begin:equal]
        at_word = begin == 0 or text[begin - 1] == " "
        keys.append((name if at_word and _KEY.fullmatch(name) else "", begin, equal + 1))
        before = equal + 1
    for at, (name, _, begin) in enumerate(keys):
        if not name:
            continue
        following = keys[at + 1] if at + 1 < len(keys) else None
        # Only the space right before a key parts; at the end of the line all are lost.
        value = text[begin : following[1] - 1] if following else text[begin:].rstrip()
        if (following and not following[0]) or _has_bad_escape(value):
            malformed.append(name)
            found.pop(name, None)
        elif value:
            found[name] = _unescaped(value)
    return found, malformed


def _has_bad_escape(value: str) -> bool:
    return any(match[0] != "\\\\" for match in _BAD_ESCAPE.finditer(value))


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), value)


def _typed(found: dict[str, str]) -> tuple[list[SiemField], list[SiemFinding]]:
    """Return the fields, and what is dropped for its type, renamed or unknown."""
    fields, findings = [], []
    for key, value in found.items():
        row = CEF_KEYS.get(key)
        if row is None or key in _NOT_KNOWN:
            fields.append(SiemField(f"cef.extensions.{key}", value, key))
            if row is not None:
                findings.append(_unknown(key))
            continue
        stored = convert(value, row.kind)
        if stored is None:
            message = f"Not {_KINDS[row.kind]}: the key is dropped, and error.message says so."
            findings.append(SiemFinding("lost", key, message, _typed_mend(key)))
            continue
        if row.kind in _INTEGERS and stored != value.removeprefix("+"):
            message = (
                f"A number that begins with 0 is octal or hexadecimal: it is read as {stored}."
            )
            findings.append(SiemFinding("misread", key, message, "Write it without a 0 in front."))
        field = _field(key, _NAMES.get(key, row.full_name), stored)
        fields.append(field)
        if not field.value:
            message = "Neither 0 nor 1: network.direction stays empty."
            findings.append(SiemFinding("lost", key, message, "Write 0 (inbound) or 1 (outbound)."))
    return [field for field in fields if field.value], findings


def _field(key: str, name: str, value: str) -> SiemField:
    """Return a known key's field: that of ECS, with the value as that has it."""
    field = ECS.get(name, f"cef.extensions.{name}")
    if name == "deviceDirection":
        return SiemField(field, {"0": "inbound", "1": "outbound"}.get(value, ""), key)
    if name == "transportProtocol":
        return SiemField(field, value.lower(), key)
    if name == "requestContext" and not value.startswith("http"):
        return SiemField(f"cef.extensions.{name}", value, key)
    if CEF_KEYS[key].kind == "mac" and name in ECS:
        return SiemField(field, value.replace(":", "-").upper(), key)
    return SiemField(field, value, key)


def _unknown(key: str) -> SiemFinding:
    if key == "c6a2":
        return SiemFinding(
            "ignored",
            key,
            "Not in its table: kept as the text cef.extensions.c6a2, no address of ECS.",
            "extension: {src: {from: source.ip}, c6a2: null}, envelope: {ipv6: direct}",
        )
    message = "Not in its table: kept as a text under its own name, in cef.extensions."
    return SiemFinding("ignored", key, message)


def _typed_mend(key: str) -> str:
    if key in ("src", "dst", "dvc"):
        return f"A host's name belongs in {'dvchost' if key == 'dvc' else key[0] + 'host'}."
    return f"extension: {{{key}: null}}, or a value of that type"


def _collisions(fields: list[SiemField]) -> Iterator[SiemFinding]:
    first: dict[str, SiemField] = {}
    for field in fields:
        other = first.setdefault(field.name, field)
        if other.value != field.value:
            yield SiemFinding(
                "misread",
                field.key,
                f"{other.key} is read into {field.name} as well: which of the two stays is chance.",
                f"extension: {{{field.key}: null}}, or a KubeArmor… key of its own for it",
            )


def _sizes(parts: Parts) -> Iterator[SiemFinding]:
    if len(parts.line.encode("utf-8", "replace")) > _UDP_BYTES:
        message = f"A UDP input cuts at {_UDP_BYTES:,} bytes; a TCP one takes it whole."
        yield SiemFinding("note", "", message, "envelope: {max_bytes: 8192}, or TCP")


def _notes(parts: Parts, found: dict[str, str]) -> Iterator[SiemFinding]:
    if "flexString1Label" in found and "flexString2Label" in found:
        message = "Older versions keep both of these labels in one field."
        yield SiemFinding("note", "flexString1Label", message)
        yield SiemFinding("note", "flexString2Label", message)
    if ("sproc" in found or "dproc" in found) and "deviceProcessName" not in found:
        message = "ECS rules ask process.name, which comes from deviceProcessName alone."
        yield SiemFinding(
            "note", "sproc" if "sproc" in found else "dproc", message, "extends: elastic"
        )
    if "rt" not in found and parts.header is not None and parts.header.is_vague:
        message = "Without rt @timestamp is the header's: whole seconds, no year, no zone."
        yield SiemFinding("note", "rt", message, HEADER_5424)
    message = "A key with an ECS field is also in cef.extensions, by its full name."
    yield SiemFinding("note", "", message)


def _time(parts: Parts, found: dict[str, str]) -> SiemTime:
    if rt := convert(found.get("rt", ""), "timestamp"):
        return SiemTime(rt, "rt")
    return header_time(parts.header)


SIMULATOR = Simulator(
    "elastic",
    "Elastic Agent's CEF integration, Filebeat's decode_cef",
    read,
    (
        "Your version: the table of keys grows (the one here lacks c6a2 and the keys of CEF 1.2)",
        "Ingest pipelines behind it, those of your own and of single vendors",
        "What keyword fields leave out for their length (ignore_above)",
    ),
    (
        "elastic/beats: x-pack/filebeat/processors/decode_cef (cef.rl, keys.go, keys.ecs.go)",
        "elastic/integrations: packages/cef, ingest pipeline default.yml",
    ),
)

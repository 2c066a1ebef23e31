"""Line rules about the header: its fields, pipes, version and severity.

In comes a `ParsedLine`, out come findings.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import HEADER_LENGTHS, SEVERITIES, severity_of
from cef_bridge.lines.leef import LEEF_HEADER_LENGTHS
from cef_bridge.lines.lint import codes
from cef_bridge.lines.lint.parts import CEF_FIELDS, WORDS, LineFinding, LineSpan, ParsedLine
from cef_bridge.lines.lint.registry import reports
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_VERSIONS = {"cef": ("0", "1"), "leef": ("1.0", "2.0")}
_LEEF_WORDS = ("vendor", "product", "product version", "event id")
_SEVERITY_WORDS = {word.lower(): word for word in SEVERITIES}
# What other scales call their steps, by what CEF calls them.
_OTHER_WORDS = {
    "debug": "Low",
    "info": "Low",
    "informational": "Low",
    "notice": "Low",
    "warning": "Medium",
    "error": "High",
    "critical": "Very-High",
    "alert": "Very-High",
    "emergency": "Very-High",
    "very high": "Very-High",
}
_VERSION_LIKE = re.compile(r"v?[0-9]|unknown", re.IGNORECASE)
_DATA = (
    ("an address", re.compile(r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])")),
    ("a UUID", re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")),
    ("a digest or id", re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{16,128}(?![0-9a-zA-Z])")),
    ("a path", re.compile(r"(?<![\w/.])/(?:[\w.-]++/)+[\w.-]*")),
    ("key=value", re.compile(r"(?<![\w=])[A-Za-z]\w{0,63}=\w")),
)
_MOST_SEARCHED = 2048


@reports(codes.MISSING_FIELD)
def missing_field(line: ParsedLine) -> Iterator[LineFinding]:
    """A header has all its fields, with a pipe behind each, even without an extension.

    CEF: version, vendor, product, device version, class id, name, severity. LEEF: version,
    vendor, product, product version, event id, and in LEEF 2.0 the delimiter. Splunk Connect
    for Syslog drops a shorter line. Others read one field as another.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|act=Allow src=192.0.2.7
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow src=192.0.2.7
    """
    if not line.format or line.header:
        return
    leef = line.format == "leef"
    expected = 5 if leef else 7
    at = line.extension_at if line.extension_at < len(line.text) else line.at
    hint = _leef_guess(line) if leef else _cef_guess(line)
    yield LineFinding(at, f"the header has {line.pipes} of its {expected} pipes. {hint}")


def _cef_guess(line: ParsedLine) -> str:
    fields = [piece.raw for piece in line.fields]
    if not fields:
        return f"Expected {', '.join(WORDS[name] for name in CEF_FIELDS)} behind the version."
    rated = fields[-1].lower() in _SEVERITY_WORDS
    if len(fields) == 6:
        return (
            "The last one, after the severity, is missing; it is required without extension, too."
        )
    if len(fields) < 5:
        missing = ", ".join(WORDS[name] for name in CEF_FIELDS[len(fields) - rated :])
        return f"Of its fields these are not there, it seems: {missing}."
    if not rated:
        return "The severity is missing, it seems."
    if not _VERSION_LIKE.match(fields[2]):
        return "The device version is missing, it seems."
    word = "class id" if " " in fields[3] else "name"
    return f"The {word} is missing, it seems."


def _leef_guess(line: ParsedLine) -> str:
    missing = ", ".join(_LEEF_WORDS[len(line.fields) :])
    return f"Not there, it seems: {missing}." if missing else "The last one is missing."


@reports(codes.NO_VERSION)
def no_version(line: ParsedLine) -> Iterator[LineFinding]:
    """The version is 0 or 1 in CEF, 1.0 or 2.0 in LEEF, without spaces or letters.

    A relay that reads `CEF:` as a program's name adds a space behind it.

    Bad:
        CEF: 0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    """
    if line.format and line.version not in _VERSIONS[line.format]:
        known = " or ".join(_VERSIONS[line.format])
        name = line.format.upper()
        message = f'"{shown(line.version)}" is no version of {name}. Expected {known}'
        if line.version.strip() in _VERSIONS[line.format]:
            message += " without a space; a relay may have put it there"
        yield LineFinding(line.at + len(name) + 1, f"{message}.")


@reports(codes.CEF1)
def cef1(line: ParsedLine) -> Iterator[LineFinding]:
    """QRadar, Splunk's add-on, SC4S and older Sentinel agents look for `CEF:0`.

    `CEF:1` conforms to the standard, but these programs lose the event or its fields.

    Bad:
        CEF:1|Acme|Gate|2.1|login|User logged in|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    """
    if line.format == "cef" and line.version == "1":
        yield LineFinding(
            line.at, "CEF:1. Write CEF:0, the only version that these receivers know."
        )


@reports(codes.EMPTY_FIELD)
def empty_field(line: ParsedLine) -> Iterator[LineFinding]:
    """No header field is empty.

    Bad:
        CEF:0|Acme|Gate||login|User logged in|3|act=Allow
    Good:
        CEF:0|Acme|Gate|unknown|login|User logged in|3|act=Allow
    """
    for name, piece in line.header.items():
        if not piece.raw.strip():
            yield LineFinding(piece.at, f"the {WORDS[name]} is empty.")


@reports(codes.LONG_FIELD)
def long_field(line: ParsedLine) -> Iterator[LineFinding]:
    """Vendor and product have 63 characters at most, the device version 31, the class id 1,023
    (a LEEF event id 255), the name 512.

    Bad:
        CEF:0|Acme|Gate|2.1.0-rc.4+build.20260301.1188.c0ffee|login|User logged in|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1.0-rc.4|login|User logged in|3|act=Allow
    """
    lengths = LEEF_HEADER_LENGTHS if line.format == "leef" else HEADER_LENGTHS
    for name, piece in line.header.items():
        most = lengths.get(name)
        if most is None or len(piece.raw) <= most:
            continue
        length = len(piece.raw) - _escapes(piece)
        if length > most:
            message = f"the {WORDS[name]} has {length:,} characters. Expected {most:,} at most."
            yield LineFinding(piece.at, message)


def _escapes(piece: LineSpan) -> int:
    """Return how many backslashes only escape what follows them."""
    return len(re.findall(r"\\[\\|]", piece.raw))


@reports(codes.ESCAPED_PIPE)
def escaped_pipe(line: ParsedLine) -> Iterator[LineFinding]:
    r"""Splunk's add-on and SC4S end a header field at each pipe, escaped or not.

    The standard has `\|`, but only a header without pipes is read correctly everywhere.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Shell a \| b started|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|exec|Shell a / b started|3|act=Allow
    """
    if line.format != "cef":
        return
    for name, piece in line.header.items():
        at = piece.raw.find("\\|")
        if at >= 0:
            message = rf"\| in the {WORDS[name]}. Write another character, such as a slash."
            yield LineFinding(piece.at + at, message)


@reports(codes.RAW_PIPE)
def raw_pipe(line: ParsedLine) -> Iterator[LineFinding]:
    r"""A pipe in a header field is escaped, `\|`; otherwise all fields behind it move by one.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Shell a | b started|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|exec|Shell a / b started|3|act=Allow
    """
    if line.extra_pipe is not None:
        yield LineFinding(
            line.extra_pipe,
            "a pipe too many in the header: the severity follows it. Replace it by another "
            "character.",
        )


@reports(codes.NO_SEVERITY)
def no_severity(line: ParsedLine) -> Iterator[LineFinding]:
    """The severity is 0 to 10, or Unknown, Low, Medium, High or Very-High.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|Uknown|act=Allow
        CEF:0|Acme|Gate|2.1|login|User logged in|warning|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|Unknown|act=Allow
        CEF:0|Acme|Gate|2.1|login|User logged in|Medium|act=Allow
    """
    piece = line.header.get("severity")
    if piece is None or piece.raw in SEVERITIES or not piece.raw.strip() or _is_swapped(line):
        return
    word = piece.raw.strip().lower()
    meant = _SEVERITY_WORDS.get(word) or _OTHER_WORDS.get(word)
    if meant is None and not word.isdigit():
        near = get_close_matches(word[:40], _SEVERITY_WORDS, 1, 0.7)
        meant = _SEVERITY_WORDS[near[0]] if near else None
    hint = f' Did you mean "{meant}"?' if meant else ""
    yield LineFinding(
        piece.at,
        f'"{shown(piece.raw)}" is no severity. Expected 0 to 10, Unknown, Low, Medium, High or '
        f"Very-High.{hint}",
    )


@reports(codes.SWAPPED)
def swapped(line: ParsedLine) -> Iterator[LineFinding]:
    """The name precedes the severity.

    Bad:
        CEF:0|Acme|Gate|2.1|login|7|User logged in|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|7|act=Allow
    """
    if _is_swapped(line):
        yield LineFinding(
            line.header["name"].at,
            f'the name is "{shown(line.header["name"].raw)}" and the severity '
            f'"{shown(line.header["severity"].raw)}". Swap them: the name comes first.',
        )


def _is_swapped(line: ParsedLine) -> bool:
    name, severity = line.header.get("name"), line.header.get("severity")
    return (
        name is not None
        and severity is not None
        and name.raw.lower() in _SEVERITY_WORDS
        and severity_of(severity.raw) is None
        and len(severity.raw.strip()) > 2
    )


@reports(codes.DATA_IN_HEADER)
def data_in_header(line: ParsedLine) -> Iterator[LineFinding]:
    """Class id and name give the type of event; its data belongs in the keys.

    Receivers map class ids to categories by hand, and group by the name. With data in them,
    each event is a category of its own.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in from 192.0.2.7|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|src=192.0.2.7 act=Allow
    """
    for name in ("device_event_class_id", "name"):
        piece = line.header.get(name)
        if piece is None:
            continue
        found = _first_data(piece.raw, _DATA)
        if found:
            what, at, text = found
            message = f'the {WORDS[name]} holds {what}, "{shown(text)}". Put it into a key.'
            yield LineFinding(piece.at + at, message)


def _first_data(
    text: str, kinds: Sequence[tuple[str, re.Pattern[str]]]
) -> tuple[str, int, str] | None:
    for what, pattern in kinds:
        found = pattern.search(text, 0, _MOST_SEARCHED)
        if found:
            return what, found.start(), found[0]
    return None


@reports(codes.HEADER_SPACE)
def header_space(line: ParsedLine) -> Iterator[LineFinding]:
    """No header field begins or ends with white space: some receivers strip it, some do not.

    Bad:
        CEF:0|Acme|Gate |2.1|login|User logged in|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    """
    for name, piece in line.header.items():
        if piece.raw != piece.raw.strip() and piece.raw.strip():
            yield LineFinding(piece.at, f"the {WORDS[name]} begins or ends with white space.")

"""A line read as far as it goes: what is good of it, and what is wrong with its grammar.

In comes a line, out come its message and faults, sentences with their positions. What the strict
reader takes is what comes out, without faults; the rest is read as `lint-cef` reads it. For lines
of other products: one bad pair does not lose the others. Must not know types or receivers.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import FormatError
from cef_bridge.lines import Header, ParsedMessage, parse
from cef_bridge.lines.dictionary import severity_of
from cef_bridge.lines.lint import codes
from cef_bridge.lines.lint.linter import MOST_OF_ONE, RULES
from cef_bridge.lines.lint.parts import CEF_FIELDS, LEEF_FIELDS
from cef_bridge.lines.lint.reader import plain, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.lines.lint.parts import ParsedLine

GRAMMAR = (
    codes.CONTROL,
    codes.MISSING_FIELD,
    codes.NO_VERSION,
    codes.RAW_PIPE,
    codes.NO_SEVERITY,
    codes.SWAPPED,
    codes.STRAY,
    codes.RAW_EQUALS,
    codes.BAD_ESCAPE,
    codes.KEY_CHARACTERS,
    codes.TWICE,
    codes.EMPTY_VALUE,
    codes.NO_DELIMITER,
    codes.NO_ATTRIBUTE,
    codes.UNDECLARED,
)
"""What makes a line another than the standard's grammar allows."""

_HEADER_ESCAPE = re.compile(r"\\([\\|])")
_CONNECTORS_KEY = re.compile(r"_[A-Za-z0-9]+")


class Lenient(NamedTuple):
    """What is good of a line, and what is wrong with it; no faults: the strict reader took it."""

    message: ParsedMessage
    faults: tuple[str, ...] = ()


def read_leniently(text: str) -> Lenient:
    """Return what can be read of a line.

    Of a duplicate key the first value counts; a key without a value, and text of no key, is left
    out. Missing header fields are "". Raises FormatError when there is no message in it.
    """
    fault = ""
    try:
        message = parse(text)
        if message.format == "cef" or len(message.extension) != 1:
            return Lenient(message)
    except FormatError as error:
        fault = str(error)
    line = read(text)
    if not line.fields:
        raise FormatError(fault)
    faults = tuple(_faults(line)) if fault or line.undeclared else ()
    if not faults and not fault:
        return Lenient(message)
    return Lenient(_message(line), faults or (fault,))


def _faults(line: ParsedLine) -> Iterator[str]:
    found = [
        (each.at, each.message)
        for code in GRAMMAR
        for each in islice(RULES[code](line), MOST_OF_ONE)
        if not _is_taken(line, code, each.at)
    ]
    for at, message in sorted(found):
        yield f"position {at + 1}: {message}"


def _is_taken(line: ParsedLine, code: codes.LineRule, at: int) -> bool:
    """Tell whether the strict reader takes what a rule finds: `low`, and `_cefVer`."""
    if code == codes.NO_SEVERITY:
        return severity_of(line.header["severity"].raw) is not None
    if code == codes.KEY_CHARACTERS:
        return any(pair.at == at and _CONNECTORS_KEY.fullmatch(pair.key) for pair in line.pairs)
    return False


def _message(line: ParsedLine) -> ParsedMessage:
    leef = line.format == "leef"
    fields = [piece.raw for piece in line.fields]
    if not leef:
        fields = [_HEADER_ESCAPE.sub(r"\1", raw) for raw in fields]
    named = dict(zip(LEEF_FIELDS if leef else CEF_FIELDS, fields, strict=False))
    named["severity"] = severity_of(named.get("severity", "")) or named.get("severity", "")
    header = Header(**{name: named.get(name, "") for name in CEF_FIELDS})
    extension: dict[str, str] = {}
    for pair in line.pairs:
        # The standard: only the spaces at the line's end are no part of a value.
        raw = pair.raw.rstrip(" ") if not leef and pair is line.pairs[-1] else pair.raw
        value = raw if leef else plain(raw)
        if value.strip() and pair.key not in extension:
            extension[pair.key] = value
    return ParsedMessage(
        "leef" if leef else "cef",
        line.version.strip(),
        header,
        extension,
        line.text[: line.at],
        line.undeclared or line.delimiter,
    )

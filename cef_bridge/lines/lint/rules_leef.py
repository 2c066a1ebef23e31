"""Line rules about LEEF alone: its delimiter, and the attributes that QRadar reads.

In comes a `ParsedLine`, out come findings. `<U+0009>` in a page stands for a TAB.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.check import type_fault
from cef_bridge.lines.dictionary import LEEF_KEYS
from cef_bridge.lines.leef import not_parted, read_delimiter
from cef_bridge.lines.lint import codes
from cef_bridge.lines.lint.parts import LineFinding, ParsedLine
from cef_bridge.lines.lint.registry import reports
from cef_bridge.wording import printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_OCTAL_TAB = re.compile(r"#011(?=[A-Za-z0-9_.-]{1,64}=)")


@reports(codes.NO_DELIMITER)
def no_delimiter(line: ParsedLine) -> Iterator[LineFinding]:
    """The sixth field of LEEF 2.0 is one character, or its form in hexadecimal: `^`, `x5E`.

    A letter, a digit or an equals sign cannot separate attributes.

    Bad:
        LEEF:2.0|Acme|Gate|2.1|login|tab|sev=3<U+0009>cat=auth
    Good:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=3^cat=auth
    """
    piece = line.delimiter_field
    if piece is None or not piece.raw:
        return
    delimiter = read_delimiter(piece.raw)
    if delimiter is None or delimiter == "=" or delimiter.isalnum():
        message = f'"{shown(piece.raw)}" is no delimiter. Expected one character, such as ^.'
        yield LineFinding(piece.at, message)


@reports(codes.UNDECLARED)
def undeclared_delimiter(line: ParsedLine) -> Iterator[LineFinding]:
    """LEEF 1.0 separates attributes by TAB, LEEF 2.0 by the character in the field after the event
    id, or by TAB without one.

    If another character separates them, such as a pipe, every receiver reads one attribute that
    contains all others. Found in lines without any delimiter, where a pipe precedes a key, or
    another character precedes two predefined keys.

    Bad:
        LEEF:1.0|Acme|Gate|2.1|login|cat=auth|src=192.0.2.7|dst=192.0.2.9
        LEEF:2.0|Acme|Gate|2.1|login|cat=auth src=192.0.2.7 dst=192.0.2.9
    Good:
        LEEF:1.0|Acme|Gate|2.1|login|cat=auth<U+0009>src=192.0.2.7<U+0009>dst=192.0.2.9
        LEEF:2.0|Acme|Gate|2.1|login|^|cat=auth^src=192.0.2.7^dst=192.0.2.9
    """
    if line.undeclared:
        yield LineFinding(line.extension_at, not_parted(line.undeclared, line.delimiter))


@reports(codes.HEX_DELIMITER)
def hex_delimiter(line: ParsedLine) -> Iterator[LineFinding]:
    """Splunk Connect for Syslog reads only a literal delimiter, not `x09`.

    The pipe (`x7C`) does not work either, because SC4S splits the line at pipes.

    Bad:
        LEEF:2.0|Acme|Gate|2.1|login|x09|sev=3<U+0009>cat=auth
    Good:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=3^cat=auth
    """
    piece = line.delimiter_field
    if piece is not None and len(piece.raw) > 1 and read_delimiter(piece.raw):
        yield LineFinding(
            piece.at, f"the delimiter is written {shown(piece.raw)}. Write it as it is: ^."
        )


@reports(codes.LEEF_PIPE)
def leef_pipe(line: ParsedLine) -> Iterator[LineFinding]:
    """A LEEF value has no pipes: there is no escape for them.

    Splunk Connect for Syslog reads only the text after the line's last pipe as attributes, and
    loses the rest.

    Bad:
        LEEF:2.0|Acme|Gate|2.1|open|^|sev=3^flags=O_RDONLY|O_CLOEXEC
    Good:
        LEEF:2.0|Acme|Gate|2.1|open|^|sev=3^flags=O_RDONLY,O_CLOEXEC
    """
    if line.format != "leef" or not line.header or line.delimiter == "|":
        return
    for pair in line.pairs:
        at = pair.raw.find("|")
        if at >= 0:
            message = f"a pipe in the value of {shown(pair.key)}. Write another character."
            yield LineFinding(pair.value_at + at, message)


@reports(codes.NO_ATTRIBUTE)
def no_attribute(line: ParsedLine) -> Iterator[LineFinding]:
    """Delimiters separate `key=value` pairs, and no value contains the delimiter.

    LEEF has no escapes, so a delimiter splits a value: its rest has no key.

    Bad:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=3^msg=twice ^ in vain
    Good:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=3^msg=twice, in vain
    """
    if line.format == "leef":
        for piece in line.stray:
            yield LineFinding(
                piece.at,
                f'"{shown(piece.raw)}" between delimiters is no key=value. '
                "Is the delimiter a part of a value?",
            )


@reports(codes.BAD_SEV)
def bad_sev(line: ParsedLine) -> Iterator[LineFinding]:
    """The sev of an event is a number from 1 to 10; there is no 0.

    Bad:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=0^cat=auth
    Good:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=1^cat=auth
    """
    if line.format == "leef":
        for pair in line.pairs:
            fault = type_fault(LEEF_KEYS["sev"], pair.value) if pair.key == "sev" else None
            if fault:
                yield LineFinding(pair.at, printable(fault))


@reports(codes.BAD_DEVTIME)
def bad_devtime(line: ParsedLine) -> Iterator[LineFinding]:
    """A devTime is epoch time, of 10 or 13 digits, unless devTimeFormat has its pattern.

    The pattern is Java's: `MMM dd yyyy HH:mm:ss.SSS z`.

    Bad:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=3^devTime=2026-03-01T10:00:00Z
    Good:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=3^devTime=1772359200000
    """
    if line.format != "leef" or any(pair.key == "devTimeFormat" for pair in line.pairs):
        return
    for pair in line.pairs:
        if pair.key == "devTime" and type_fault(LEEF_KEYS["devTime"], pair.value):
            yield LineFinding(
                pair.at,
                f'devTime is "{shown(pair.value)}". Write epoch milliseconds, or add '
                "devTimeFormat.",
            )


@reports(codes.REWRITTEN_TAB)
def rewritten_tab(line: ParsedLine) -> Iterator[LineFinding]:
    """A TAB between attributes arrives as TAB.

    By default rsyslog writes control characters as `#011`, which makes all attributes one value.
    Set `$EscapeControlCharactersOnReceive off` there, or send another delimiter.

    Bad:
        LEEF:1.0|Acme|Gate|2.1|login|sev=3#011cat=auth#011usrName=ann
    Good:
        LEEF:2.0|Acme|Gate|2.1|login|^|sev=3^cat=auth^usrName=ann
    """
    if line.format == "leef" and line.delimiter == "\t":
        found = _OCTAL_TAB.search(line.text, line.extension_at)
        if found:
            yield LineFinding(
                found.start(), "#011 instead of a TAB: a relay rewrote it. Send ^ instead."
            )

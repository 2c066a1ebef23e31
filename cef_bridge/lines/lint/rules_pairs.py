"""Line rules about the pairs of a message: how they are parted, escaped, and called.

In comes a `ParsedLine`, out come findings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import CEF_KEYS, LEEF_KEYS, NAMES
from cef_bridge.lines.lint import codes
from cef_bridge.lines.lint.guess import prefixes_of
from cef_bridge.lines.lint.parts import WORDS, LineFinding, ParsedLine
from cef_bridge.lines.lint.registry import reports
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_BACKSLASH = re.compile(r"\\(?s:.)?")
_VALUE_ESCAPES = frozenset(("\\\\", "\\=", "\\n", "\\r"))
_HEADER_ESCAPES = frozenset(("\\\\", "\\|"))
_CONSUMER = {name: row for name, row in CEF_KEYS.items() if row.role == "consumer"}
_CONSUMER_KEYS = frozenset(_CONSUMER)
_KNOWN = frozenset(CEF_KEYS)
_LEEF_LOWER = {name.lower(): name for name in LEEF_KEYS}


@reports(codes.STRAY)
def stray(line: ParsedLine) -> Iterator[LineFinding]:
    """Each text of a CEF extension belongs to a key.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|by password act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow msg=by password
    """
    if line.format == "cef":
        for piece in line.stray:
            text = piece.raw.strip(" ")
            at = piece.at + len(piece.raw) - len(piece.raw.lstrip(" "))
            yield LineFinding(at, f'"{shown(text)}" belongs to no key. Expected key=value.')


@reports(codes.RAW_EQUALS)
def raw_equals(line: ParsedLine) -> Iterator[LineFinding]:
    r"""An equals sign in a value is written `\=`.

    Otherwise the word before it becomes a key. An attacker who chooses a value then writes
    fields of the event, such as `act=allowed`. A word=text counts as part of a value inside
    brackets or quotes that an earlier value opened, and in a row of name:value.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|msg=Shell started (command=sh pid=7)
        CEF:0|Acme|Gate|2.1|web|Page asked for|3|request=http://example.com/?page=2
    Good:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|msg=Shell started (command\=sh pid\=7)
        CEF:0|Acme|Gate|2.1|web|Page asked for|3|request=http://example.com/?page\=2
    """
    if line.format != "cef":
        return
    if not line.inner and line.text.count("=", line.extension_at) == len(line.pairs):
        return
    for pair in line.pairs:
        owner = line.inner.get(pair.at, pair.key)
        if pair.at in line.inner:
            yield LineFinding(
                pair.value_at - 1,
                f"{shown(pair.key)}= inside the value of {shown(owner)}, it seems. "
                "Write an equals sign in a value as \\=.",
            )
        if "=" in pair.raw:
            for at in _raw_equals(pair.raw):
                yield LineFinding(
                    pair.value_at + at,
                    f"an equals sign in the value of {shown(owner)}. Write it as \\=.",
                )


def _raw_equals(raw: str) -> Iterator[int]:
    at = 0
    while (at := raw.find("=", at)) >= 0:
        begin = at
        while begin and raw[begin - 1] == "\\":
            begin -= 1
        if (at - begin) % 2 == 0:
            yield at
        at += 1


@reports(codes.BAD_ESCAPE)
def bad_escape(line: ParsedLine) -> Iterator[LineFinding]:
    r"""A backslash escapes a backslash or a pipe in the header, and in values a backslash, an
    equals sign, or the letter of `\n` and `\r`.

    Double the backslashes of a Windows path. A pipe in a value is not escaped.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|filePath=C:\Temp\x.exe
        CEF:0|Acme|Gate|2.1|exec|Program started|3|msg=ls \| wc
    Good:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|filePath=C:\\Temp\\x.exe
        CEF:0|Acme|Gate|2.1|exec|Program started|3|msg=ls | wc
    """
    if line.format != "cef" or "\\" not in line.text:
        return
    for name, piece in line.header.items():
        for at, text in _escapes(piece.raw, _HEADER_ESCAPES):
            message = f"{text} in the {WORDS[name]} is no escape. Expected \\\\ or another text."
            yield LineFinding(piece.at + at, message)
    for pair in line.pairs:
        if "\\" in pair.raw:
            # The reader takes spaces at the end off, so a backslash before them stands alone.
            for at, text in _escapes(pair.raw, _VALUE_ESCAPES):
                message = (
                    f"{text} in the value of {shown(pair.key)} is no escape. A backslash is "
                    "written \\\\."
                )
                yield LineFinding(pair.value_at + at, message)


def _escapes(raw: str, known: frozenset[str]) -> Iterator[tuple[int, str]]:
    for found in _BACKSLASH.finditer(raw):
        if found[0] not in known:
            yield found.start(), shown(found[0]) if len(found[0]) > 1 else "a lone backslash"


@reports(codes.KEY_CHARACTERS)
def key_characters(line: ParsedLine) -> Iterator[LineFinding]:
    """A key has letters and digits only (v27, "Extension Field"); LEEF also allows `_`, `-`, `.`.

    Graylog starts the key behind a dot or dash, and appends the text before it to the previous
    value. syslog-ng drops the pair.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|ad.session=71 act=Allow
        CEF:0|Acme|Gate|2.1|login|User logged in|3|acme_session=71 act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|AcmeGateSession=71 act=Allow
    """
    if line.format != "cef":
        return
    for pair in line.lacking(_KNOWN):
        if not (pair.key.isascii() and pair.key.isalnum()) and pair.at not in line.inner:
            yield LineFinding(
                pair.at, f'"{shown(pair.key)}" is no key. Use letters and digits only.'
            )


@reports(codes.TWICE)
def twice(line: ParsedLine) -> Iterator[LineFinding]:
    """A key appears once in a message; otherwise the receiver decides which one counts.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow act=Block
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    """
    if len(line.keys) == len(line.pairs):
        return
    seen: set[str] = set()
    for pair in line.pairs:
        if pair.key in seen:
            yield LineFinding(pair.at, f"Duplicate key {shown(pair.key)}. Write each key once.")
        seen.add(pair.key)


@reports(codes.EMPTY_VALUE)
def empty_value(line: ParsedLine) -> Iterator[LineFinding]:
    """A key without a value is left out.

    Splunk's add-on skips it, Graylog logs an error for an empty number, and others fail.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suser= act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    """
    for pair in line.pairs:
        if not pair.value or pair.value.isspace():
            yield LineFinding(pair.at, f"{shown(pair.key)} has no value. Leave the key out.")


@reports(codes.VALUE_SPACE)
def value_space(line: ParsedLine) -> Iterator[LineFinding]:
    """No value begins or ends with white space: receivers keep it, strip it or lose it.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suser=ann   act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suser=ann act=Allow
    """
    for pair in line.pairs:
        raw = pair.raw
        if raw and (raw[0].isspace() or raw[-1].isspace()) and not raw.isspace():
            what = f"the value of {shown(pair.key)} begins or ends with white space."
            yield LineFinding(pair.value_at, what)


@reports(codes.QUOTES)
def quotes(line: ParsedLine) -> Iterator[LineFinding]:
    """A value needs no quotes, even with spaces: they become a part of it.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suser="Ann Lee" act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suser=Ann Lee act=Allow
    """
    if '="' not in line.text and "='" not in line.text:
        return
    for pair in line.pairs:
        value = pair.value
        if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
            message = f"quotes around the value of {shown(pair.key)}. They become a part of it."
            yield LineFinding(pair.value_at, message)


@reports(codes.LEADING_SPACE)
def leading_space(line: ParsedLine) -> Iterator[LineFinding]:
    """The first key follows the header's last pipe directly; strict parsers fail on a space.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3| act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    """
    if line.header and line.text.startswith(" ", line.extension_at):
        yield LineFinding(line.extension_at, "a space behind the header's last pipe.")


@reports(codes.FOREIGN_KEY)
def foreign_key(line: ParsedLine) -> Iterator[LineFinding]:
    """A key is one of the dictionary, or begins with the vendor's name (v27, "Custom Extensions").

    The standard's form is VendornameProductnameExplanatoryKeyName. Any other name may get a
    meaning in the next edition. ArcSight's rules and Sentinel's columns do not know it either.
    In LEEF keys are free; there this rule finds a predefined one in other capitals.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|hostname=gate-1 dstt=192.0.2.9
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|dvchost=gate-1 AcmeGateSession=71
    """
    if line.format == "leef":
        for pair in line.pairs:
            meant = None if pair.key in LEEF_KEYS else _LEEF_LOWER.get(pair.key.lower())
            if meant:
                yield LineFinding(
                    pair.at, f'LEEF has no "{shown(pair.key)}". Did you mean "{meant}"?'
                )
        return
    strange = line.lacking(_KNOWN)
    if not strange or line.format != "cef":
        return
    prefixes = prefixes_of(*line.product)
    for pair in strange:
        small = pair.key.lower()
        if small.startswith(prefixes) or small in NAMES or pair.at in line.inner:
            continue
        if not pair.key.isalnum():
            continue  # another rule tells of its characters
        near = _closest(small)
        hint = f' Did you mean "{near}"?' if near else " Use one of its keys, or begin with the "
        hint += "" if near else "vendor's name."
        yield LineFinding(pair.at, f'CEF has no "{shown(pair.key)}".{hint}')


def _shorter(word: str) -> set[str]:
    """Return the word, and what remains of it without one of its letters."""
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


# Attackers choose keys: asking difflib for the nearest of 400 names takes 0.5 ms, this 5 us.
_NEAR = {
    form: known
    for name, known in NAMES.items()
    for form in (_shorter(name) if len(name) > 4 else {name})
}


def _closest(word: str) -> str | None:
    """Return the key whose name is one letter off, if there is one."""
    if not 4 <= len(word) <= 40:
        return None
    return next((_NEAR[form] for form in sorted(_shorter(word)) if form in _NEAR), None)


@reports(codes.MISNAMED_KEY)
def misnamed_key(line: ParsedLine) -> Iterator[LineFinding]:
    """The extension has the dictionary's short keys, in its capitals; its full names are not keys.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|sourceAddress=192.0.2.7 SUSER=ann
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|src=192.0.2.7 suser=ann
    """
    if line.format != "cef":
        return
    for pair in line.lacking(_KNOWN):
        meant = NAMES.get(pair.key.lower())
        if meant:
            yield LineFinding(pair.at, f'CEF has no "{shown(pair.key)}". Write "{meant}".')


@reports(codes.CONSUMER_KEY)
def consumer_key(line: ParsedLine) -> Iterator[LineFinding]:
    """Some keys of the dictionary are filled by receivers; a device's value there is lost.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|ahost=gate-1
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|dvchost=gate-1
    """
    if line.format != "cef":
        return
    for pair in line.having(_CONSUMER_KEYS):
        about = _CONSUMER[pair.key].meaning
        yield LineFinding(
            pair.at, f"{pair.key} is filled by the receiver ({about}). Use another key."
        )

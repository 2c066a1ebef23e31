"""LEEF: a header and attributes become a `LEEF:2.0` (or 1.0) message, and back.

LEEF escapes nothing (IBM, "LEEF event components"): the delimiter, TAB, CR, LF and the pipe never
stand in a value, for SC4S takes what follows the last pipe of a line for the attributes. `^`
is written literally, since SC4S does not read `x09` and relays rewrite a TAB. Must not know
mappings or transports.
"""

from __future__ import annotations

import re
from typing import Literal

from cef_bridge.errors import FormatError, UsageError
from cef_bridge.lines.dictionary import HEADER_LENGTHS, LEEF_KEYS, Key
from cef_bridge.lines.message import Header, ParsedMessage, locate, refuse_controls
from cef_bridge.lines.text import beginning, checked_needles, cut, defang, sanitize

_BEGINNING = re.compile(r"LEEF:(1\.0|2\.0)\|")
_KEY = re.compile(r"[A-Za-z0-9_.-]+")
# Where a reader that guesses parts attributes, and the characters that are tried, in this order.
_BEFORE_KEY = r"(?=([A-Za-z0-9_.-]{1,64})=)"
_BORDERS = {mark: re.compile(rf"{re.escape(mark)} ?{_BEFORE_KEY}") for mark in "|\t^~;, "}
_MANY = 2
_HEX = re.compile(r"0?x([0-9A-Fa-f]{1,4})")
_NO_DELIMITER = re.compile(r"[=A-Za-z0-9]")
_DELIMITERS = frozenset("^~`#$%&*;,@?'\"\t")
LEEF_HEADER_LENGTHS = {**HEADER_LENGTHS, "device_event_class_id": 255}
"""As CEF's, so that one mapping fits both, but an EventID has 255 characters at most (IBM)."""


class Leef:
    """The LEEF writer and reader.

    `delimiter` is one character or its hexadecimal form (`x09`); version 1.0 always has TAB.
    `longest`: of texts of more characters only the beginning is made neutral, 0 for no limit.
    Raises UsageError for a delimiter that values need, or a text that cannot be broken up.
    """

    name = "leef"

    def __init__(
        self,
        version: Literal["1.0", "2.0"] = "2.0",
        delimiter: str = "^",
        defang: tuple[str, ...] = (),
        longest: int = 0,
    ) -> None:
        self._longest = longest
        self._version = version
        self._needles = checked_needles(tuple(defang))
        self.separator = "\t" if version == "1.0" else read_delimiter(delimiter) or ""
        if self.separator not in _DELIMITERS:
            usable = " ".join(sorted(_DELIMITERS - {"\t"}))
            raise UsageError(
                f'"{delimiter}" cannot part LEEF attributes. Use x09 or one of: {usable}'
            )

    def key(self, name: str) -> Key | None:
        """Return the row of a predefined attribute, None for one of one's own."""
        return LEEF_KEYS.get(name)

    def pair(self, name: str) -> str:
        """Return what stands before an attribute's value, delimiter included: `^act=`.

        Raises FormatError for a key with other characters than letters, digits and `_.-`.
        """
        if not _KEY.fullmatch(name):
            raise FormatError(
                f'"{name}" is no LEEF key. A key has letters, digits, dots, dashes, underscores.'
            )
        return f"{self.separator}{name}="

    def neutral(self, text: str, most: int = 0) -> str:
        """Return the text as it is written: CR, LF, delimiter a space, `|` a `/`. Idempotent.

        With `most` it may be the beginning of that, of more than so many characters.
        """
        most = most or self._longest
        if most and len(text) > most:
            return beginning(self._neutral, text, most, self._needles)
        return self._neutral(text)

    def _neutral(self, text: str) -> str:
        text = sanitize(text)
        text = text.replace("\r", " ").replace("\n", " ").replace("|", "/")
        text = text.replace(self.separator, " ")
        if self._needles:
            text = defang(text, self._needles)
        return text.strip()

    def escape(self, text: str) -> str:
        """Return the neutral text itself: LEEF knows no escapes."""
        return text

    def head(self, header: Header) -> str:
        """Return the header on the wire: `LEEF:2.0|vendor|product|version|id|^|`."""
        written = "|".join(self._neutral_header(header)[:4])
        if self._version == "1.0":
            return f"LEEF:1.0|{written}|"
        delimiter = "x09" if self.separator == "\t" else self.separator
        return f"LEEF:2.0|{written}|{delimiter}|"

    def normalise(self, header: Header, extension: dict[str, str]) -> tuple[Header, dict[str, str]]:
        """Return what `parse` gives back for what `render` wrote; name and severity are empty.

        Texts are neutral and cut to their key's length, empty values left out. Pure, idempotent.
        Raises FormatError for a key that is none.
        """
        values = {}
        for name, text in extension.items():
            self.pair(name)
            if value := self._fitted(name, text):
                values[name] = value
        return self._neutral_header(header), values

    def render(self, header: Header, extension: dict[str, str]) -> str:
        """Return the whole message, attributes in the order given; `parse` reads it back."""
        header, values = self.normalise(header, extension)
        pairs = "".join(self.pair(name) + text for name, text in values.items())
        return self.head(header) + pairs[len(self.separator) :]

    def parse(self, line: str) -> ParsedMessage:
        """Return the message of a line, with any syslog header before it.

        Strict: raises FormatError, with the position counted from 1, for missing header fields,
        control characters, a key twice or without a value, an attribute without `=`.
        """
        name, start, *_ = locate(line)
        beginning = _BEGINNING.match(line, start) if name == "leef" else None
        if beginning is None:
            raise FormatError("no LEEF message. Expected LEEF:1.0| or LEEF:2.0| after any header.")
        pieces = line[beginning.end() :].split("|", 4)
        if len(pieces) < 5:
            raise FormatError(
                f"position {beginning.end() + 1}: the header has {len(pieces)} of its 5 pipes: "
                "version, vendor, product, product version, event id."
            )
        *fields, rest = pieces
        delimiter, attributes = "\t", rest
        if beginning[1] == "2.0":
            delimiter, attributes = _split_delimiter(rest)
        at = len(line) - len(attributes)
        refuse_controls(line, 0, len(line) - len(rest))
        if undeclared(attributes, delimiter) == "|":  # no other may not stand in a value
            raise FormatError(f"position {at + 1}: {not_parted('|', delimiter)}")
        refuse_controls(line, at, len(line), allowed=delimiter)
        extension = _read_attributes(attributes, at, delimiter)
        header = Header._make([*fields, "", ""])
        return ParsedMessage("leef", beginning[1], header, extension, line[:start], delimiter)

    def _neutral_header(self, header: Header) -> Header:
        # A reader that does know `\|` (AxoSyslog) would lose the field border behind a backslash.
        fields = [
            cut(self.neutral(text.replace("\\", "/")), length)
            for text, length in zip(header[:4], LEEF_HEADER_LENGTHS.values(), strict=False)
        ]
        return Header._make([*fields, "", ""])

    def _fitted(self, name: str, text: str) -> str:
        text = self.neutral(text)
        row = LEEF_KEYS.get(name)
        return text if row is None or row.max_length is None else cut(text, row.max_length)


def read_delimiter(text: str) -> str | None:
    """Return the character a delimiter field means: itself, `x5E` or `0x5E`; None if none."""
    if len(text) == 1:
        return text
    written = _HEX.fullmatch(text)
    return chr(int(written[1], 16)) if written else None


def undeclared(attributes: str, delimiter: str) -> str:
    """Return the character that parts attributes in the delimiter's place; "" when none does.

    A guess, for attributes without any delimiter: a pipe before one key, or another character
    before two predefined ones.
    """
    if delimiter in attributes:
        return ""
    for mark, border in _BORDERS.items():
        keys = [found[1] for found in border.finditer(attributes)]
        known = sum(key in LEEF_KEYS for key in keys)
        if known >= _MANY or (keys and mark == "|"):
            return mark
    return ""


def parted(attributes: str, mark: str) -> list[tuple[int, str]]:
    """Return attributes with their offsets, as an undeclared character parts them: before keys."""
    borders = list(_BORDERS[mark].finditer(attributes))
    begins = [0, *(border.end() for border in borders)]
    ends = [*(border.start() for border in borders), len(attributes)]
    return [(begin, attributes[begin:end]) for begin, end in zip(begins, ends, strict=True)]


def not_parted(mark: str, delimiter: str) -> str:
    """Return the sentence about attributes that an undeclared character parts."""
    words = {"\t": "a TAB", " ": "a space"}
    wanted = words.get(delimiter, delimiter)
    return (
        f"the attributes are parted by {words.get(mark, mark)}, so that one holds all. "
        f"Expected {wanted}: LEEF 1.0 has a TAB, LEEF 2.0 the field after the event id."
    )


def _split_delimiter(rest: str) -> tuple[str, str]:
    """Return delimiter and attributes of LEEF 2.0; without (or with an empty) field it is TAB."""
    field, pipe, attributes = rest.partition("|")
    if not pipe or "=" in field[:-1]:
        return "\t", rest
    if not field:
        return "\t", attributes
    delimiter = read_delimiter(field)
    if delimiter is None or _NO_DELIMITER.fullmatch(delimiter):
        raise FormatError(
            f'"{cut(field, 40)}" is no delimiter. '
            "Expected one character or its form in hexadecimal (x09)."
        )
    return delimiter, attributes


def _read_attributes(text: str, at: int, delimiter: str) -> dict[str, str]:
    extension: dict[str, str] = {}
    for attribute in text.split(delimiter) if text else []:
        name, equal, value = attribute.partition("=")
        where = f"position {at + 1}"
        if not equal or not _KEY.fullmatch(name):
            raise FormatError(f"{where}: no attribute. Expected key=value between delimiters.")
        if not value.strip():
            raise FormatError(f"{where}: {name} has no value. Leave the key out.")
        if name in extension:
            raise FormatError(f"{where}: duplicate key {name}. Write each key once.")
        extension[name] = value
        at += len(attribute) + len(delimiter)
    return extension

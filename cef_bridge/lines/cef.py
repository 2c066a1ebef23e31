r"""CEF: a header and an extension become a `CEF:0` (or `CEF:1`) message, and back.

In the header `\` is escaped and no pipe is ever written, since the Splunk add-on and SC4S split
at every pipe, nor a `\` at a field's end, for Graylog; in values `\`, `=`, CR and LF are escaped
(CEF v27, "Character Encoding"). `CEF:0` unless asked, because QRadar and SC4S take no other. Must
not know mappings or transports.
"""

from __future__ import annotations

import re
from typing import Literal

from cef_bridge.errors import FormatError
from cef_bridge.lines.dictionary import CEF_KEYS, HEADER_LENGTHS, SEVERITIES, Key, severity_of
from cef_bridge.lines.message import Header, ParsedMessage, locate, refuse_controls
from cef_bridge.lines.text import beginning, checked_needles, cut, defang, sanitize

_VERSION = re.compile(r"CEF:([0-9]+)\|")
_KEY = re.compile(r"[A-Za-z0-9]+")
_READ_KEY = re.compile(r"_?[A-Za-z0-9]+")  # connectors of ArcSight add `_cefVer`
_SPECIAL = re.compile(r"\\(?s:.)?|=")
_SPACES = re.compile(r" *")
# Possessive: linear on a megabyte of escaped pipes as well.
_FIELD = re.compile(r"([^|\\]*+(?:\\(?s:.)[^|\\]*+)*+)\|")
_VALUE_ESCAPES = {"\\\\": "\\", "\\=": "=", "\\n": "\n", "\\r": "\r"}
_MOST_PAIRS = 1024
_HEADER_ESCAPES = {"\\\\": "\\", "\\|": "|"}


class Cef:
    """The CEF writer and reader.

    `pipe="replace"` writes `/` for `|` in values too (old Sentinel agents take one for the end of
    a header field); no value holds a text of `defang`; `version` follows `CEF:`.
    `longest`: of texts of more characters only the beginning is made neutral, 0 for no limit; it is
    more than a message takes. Raises UsageError for a text that cannot be broken up.
    """

    name = "cef"
    separator = " "

    def __init__(
        self,
        pipe: Literal["keep", "replace"] = "keep",
        defang: tuple[str, ...] = (),
        version: Literal["0", "1"] = "0",
        longest: int = 0,
    ) -> None:
        self._longest = longest
        self._replaces_pipe = pipe == "replace"
        self._needles = checked_needles(tuple(defang))
        self._start = f"CEF:{version}|"
        self._pairs: dict[str, str] = {}

    def key(self, name: str) -> Key | None:
        """Return the dictionary's row of a key, None for a key of one's own."""
        return CEF_KEYS.get(name)

    def pair(self, name: str) -> str:
        """Return what stands before a key's value, separator included: ` act=`.

        Raises FormatError for a key that is not letters and digits (v27, "Extension Field").
        """
        if (pair := self._pairs.get(name)) is not None:
            return pair
        if not _KEY.fullmatch(name):
            raise FormatError(f'"{name}" is no CEF key. A key has only letters and digits.')
        if len(self._pairs) < _MOST_PAIRS:  # keys made from an event's field names have no end
            self._pairs[name] = f" {name}="
        return f" {name}="

    def neutral(self, text: str, most: int = 0) -> str:
        """Return the text as a reader will see it, before any cut; CR and LF stay. Idempotent.

        With `most` it may be the beginning of that, of more than so many characters.
        """
        most = most or self._longest
        if most and len(text) > most:
            return beginning(self._neutral, text, most, self._needles)
        return self._neutral(text)

    def _neutral(self, text: str) -> str:
        text = sanitize(text)
        if self._replaces_pipe:
            text = text.replace("|", "/")
        if self._needles:
            text = defang(text, self._needles)
        return text.strip()

    def escape(self, text: str) -> str:
        """Return a neutral text as an extension value on the wire."""
        # replace() gives clean text back as it is; the backslash goes first.
        return (
            text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
        )

    def head(self, header: Header) -> str:
        """Return the header on the wire, its seventh pipe included: `CEF:0|…|5|`."""
        fields = self._neutral_header(header)
        return self._start + "".join(field.replace("\\", "\\\\") + "|" for field in fields)

    def normalise(self, header: Header, extension: dict[str, str]) -> tuple[Header, dict[str, str]]:
        """Return what `parse` gives back for what `render` wrote.

        Texts are neutral and cut to their key's length, empty values left out, a severity that is
        none becomes "Unknown". Pure, idempotent. Raises FormatError for a key that is none.
        """
        values = {}
        for name, text in extension.items():
            self.pair(name)
            if value := self._fitted(name, text):
                values[name] = value
        return self._neutral_header(header), values

    def render(self, header: Header, extension: dict[str, str]) -> str:
        """Return the whole message, pairs in the order given; `parse` reads it back."""
        header, values = self.normalise(header, extension)
        pairs = "".join(self.pair(name) + self.escape(text) for name, text in values.items())
        return self.head(header) + pairs[len(self.separator) :]

    def parse(self, line: str) -> ParsedMessage:
        """Return the message of a line, with any syslog header before it.

        Strict (CEF v27): raises FormatError, with the position counted from 1, for fewer than
        seven pipes, a severity or escape that is none, control characters, a key twice or
        without a value, an `=` in a value that is not escaped. `low` reads like `Low`.
        """
        refuse_controls(line, 0, len(line))
        prefix, version, raw_fields, at = split_header(line)
        fields = [_unescape(raw, start, _HEADER_ESCAPES) for raw, start in raw_fields]
        header = Header._make(fields)
        severity = severity_of(header.severity)
        if severity is None:
            raise FormatError(no_severity(header.severity, raw_fields[5][1]))
        header = header._replace(severity=severity)
        return ParsedMessage("cef", version, header, _read_extension(line, at), prefix)

    def _neutral_header(self, header: Header) -> Header:
        fields = [
            _whole(cut(self._neutral_field(text), length))
            for text, length in zip(header, HEADER_LENGTHS.values(), strict=False)
        ]
        severity = self._neutral_field(header.severity)
        return Header._make([*fields, severity if severity in SEVERITIES else "Unknown"])

    def _neutral_field(self, text: str) -> str:
        # v27: several lines only in values; the pipe: see the module.
        text = text.replace("\r", " ").replace("\n", " ").replace("|", "/")
        return self.neutral(text)

    def _fitted(self, name: str, text: str) -> str:
        text = self.neutral(text)
        row = CEF_KEYS.get(name)
        return text if row is None or row.max_length is None else cut(text, row.max_length)


def _whole(field: str) -> str:
    r"""Return a header field, a backslash at its end written as `/`.

    Graylog takes the pipe behind `\\` for an escaped one, and joins two fields.
    """
    return f"{field[:-1]}/" if field.endswith("\\") else field


def no_severity(text: str, at: int) -> str:
    """Return the sentence about a severity that is none, and its offset."""
    return (
        f'position {at + 1}: "{cut(text, 40)}" is no severity. '
        "Expected 0 to 10, Unknown, Low, Medium, High or Very-High."
    )


def split_header(line: str) -> tuple[str, str, list[tuple[str, int]], int]:
    """Return prefix, version, the six fields as written with their offsets, the extension's offset.

    Raises FormatError when the line holds no CEF message or its header lacks pipes.
    """
    name, start, *_ = locate(line)
    if name != "cef":
        raise FormatError("no CEF message. Expected CEF: at the start or after a syslog header.")
    version = _VERSION.match(line, start)
    if version is None:
        raise FormatError(
            f"position {start + 5}: no version. Expected digits and a pipe after CEF:."
        )
    fields: list[tuple[str, int]] = []
    at = version.end()
    for _ in range(6):
        field = _FIELD.match(line, at)
        if field is None:
            raise FormatError(
                f"position {at + 1}: the header has {len(fields) + 1} of its 7 pipes: "
                "version, vendor, product, device version, class id, name, severity."
            )
        fields.append((field[1], at))
        at = field.end()
    return line[:start], version[1], fields, at


def _unescape(raw: str, start: int, escapes: dict[str, str]) -> str:
    if "\\" not in raw:
        return raw

    def plain(found: re.Match[str]) -> str:
        text = found[0]
        if text[0] != "\\":
            return text
        if text not in escapes:
            raise FormatError(
                f"position {start + found.start() + 1}: {text} is no escape here. "
                f"Expected one of {' '.join(escapes)}."
            )
        return escapes[text]

    return _SPECIAL.sub(plain, raw)


def _read_extension(line: str, at: int) -> dict[str, str]:
    """Read the pairs from an offset on; a value ends at the last space before the next key."""
    spaces = _SPACES.match(line, at)
    at = spaces.end() if spaces else at
    equals = [found.start() for found in _SPECIAL.finditer(line, at) if found[0] == "="]
    if not equals and line[at:].strip(" "):
        raise FormatError(f"position {at + 1}: text that belongs to no key. Expected key=value.")
    keys: list[tuple[str, int, int]] = []  # (name, where it begins, where its value begins)
    before = at
    for equal in equals:
        begin = at if not keys else line.rfind(" ", before, equal) + 1
        name = line[begin:equal]
        if begin == 0 or not _READ_KEY.fullmatch(name):
            raise FormatError(
                f"position {equal + 1}: an equals sign without a key of letters and digits before "
                "it. In a value it is written \\=."
            )
        keys.append((name, begin, equal + 1))
        before = equal + 1
    extension: dict[str, str] = {}
    for index, (name, begin, value_begin) in enumerate(keys):
        last = index + 1 == len(keys)
        # v27: of several spaces before a key only the last parts; at the end all are lost.
        raw = line[value_begin:].rstrip(" ") if last else line[value_begin : keys[index + 1][1] - 1]
        text = _unescape(raw, value_begin, _VALUE_ESCAPES)
        if not text.strip():
            raise FormatError(f"position {begin + 1}: {name} has no value. Leave the key out.")
        if name in extension:
            raise FormatError(f"position {begin + 1}: duplicate key {name}. Write each key once.")
        extension[name] = text
    return extension

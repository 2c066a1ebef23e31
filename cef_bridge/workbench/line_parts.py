"""Where each value of an explained line stands in it, and what fields of the event it comes from.

In come a converter and an `Explanation`, out come parts with offsets in characters, in the line's
order. They are counted from the line's end, where the explained keys are as they were written;
nothing is guessed from the text. Must not know who shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.lines.message import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.workbench.explain import ExplainedKey, Explanation

_HEADER = "header."
_PRI = "syslog.facility"
# How many spaces stand before a part of a syslog header.
_BEFORE: dict[str, dict[str, int | None]] = {
    "rfc3164": {"syslog.hostname": None},
    "rfc5424": {"syslog.hostname": 2, "syslog.app_name": 3},
}


class LocatedKey(NamedTuple):
    """An explained key, where its value stands in the line (without `key=`), and the paths of the
    event's own fields that it comes from.
    """

    row: ExplainedKey
    start: int
    end: int
    fields: tuple[str, ...]


def located(converter: Converter, explained: Explanation) -> list[LocatedKey]:
    """Return the keys of a line with their places; none for an event that is filtered."""
    if explained.filtered:
        return []
    fmt = converter.program.format
    at = len(explained.message) - _extension_length(converter, explained)
    found = [*_syslog(converter, explained), *_header(converter, explained, at)]
    at -= len(fmt.separator)  # the first key stands without
    for row in explained.rows:
        at += len(fmt.pair(row.key))
        found.append(_part(explained, row, at, at + len(row.written)))
        at += len(row.written)
        if row.label:
            at += len(fmt.pair(f"{row.key}Label")) + len(fmt.escape(row.label))
    return found


def _extension_length(converter: Converter, explained: Explanation) -> int:
    fmt = converter.program.format
    size = 0
    for row in explained.rows:
        size += len(fmt.pair(row.key)) + len(row.written)
        if row.label:
            size += len(fmt.pair(f"{row.key}Label")) + len(fmt.escape(row.label))
    return max(size - len(fmt.separator), 0)


def _header(converter: Converter, explained: Explanation, end: int) -> Iterator[LocatedKey]:
    """Yield the fields of the header, as far as the format writes them."""
    line = explained.message
    at = line.index("|", locate(line)[1]) + 1  # behind CEF:0 or LEEF:2.0
    for row in explained.header:
        stop = line.find("|", at, end)  # neither format writes a pipe inside of a field
        if stop < 0 or (converter.program.format.name == "leef" and row.key == "header.name"):
            return
        yield _part(explained, row, at, stop)
        at = stop + 1


def _syslog(converter: Converter, explained: Explanation) -> Iterator[LocatedKey]:
    line = explained.message
    places = _BEFORE.get(converter.syslog.kind or "", {})
    prefix = line[: locate(line)[1]]
    for row in explained.syslog:
        if row.key == _PRI:
            yield _part(explained, row, 1, prefix.index(">"))
        elif row.key in places:
            words = prefix.split(" ")
            before = places[row.key]
            number = len(words) - 2 if before is None else before
            at = sum(len(word) + 1 for word in words[:number])
            yield _part(explained, row, at, at + len(words[number]))


def _part(explained: Explanation, row: ExplainedKey, start: int, end: int) -> LocatedKey:
    fields = [
        field.fate.path
        for field in explained.fields
        if row.key in field.fate.keys or row.key == field.fate.kept
    ]
    if not fields and row.key.startswith("syslog."):
        known = {field.fate.path for field in explained.fields}
        fields = [path for path in (row.path, *row.sources) if path in known]
    return LocatedKey(row, start, end, tuple(fields))

"""Texts that are all alike to a mapping: whichever it is, the same happens to it.

Paths and command lines have no end of values, and rules seldom ask which one it is. In come
compiled mappings, out comes how long the text of a field may be to be one of many (`alike_texts`),
and of an event which of its texts are (`marks_of`). What rules do ask about, translate or could
cut, and what has unusual characters, is told apart by its value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cef_bridge.mapping.template import paths_of
from cef_bridge.mapping.transforms import find, is_steady

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.rules import Slot
    from cef_bridge.mapping.spec import Condition, Step
    from cef_bridge.workbench.signature import Raw

    Via: TypeAlias = tuple[str | Step, ...]

# Fields that `derive` takes no tokens from, and the paths that are made of them. Resource is among
# them where a file or a process is concerned.
_MADE_OF = {
    "Source": ("Source", "process.actor"),
    "ParentProcessName": ("ParentProcessName", "process.actor"),
    "ProcessName": ("ProcessName", "file.path", "process.path", "process.actor"),
    "Resource": ("Resource", "file.path", "process.path"),
    "Cwd": ("Cwd",),
    "TTY": ("TTY",),
}
TEXT_PATHS = frozenset(path for paths in _MADE_OF.values() for path in paths)
"""The paths whose texts may be one of many."""
_WITHOUT_TOKENS = ("File", "Process")
_LONGEST = 512
_LEAST = 16
# Printable ASCII but the caret, no space at either end: no format makes anything visible in it, and
# what is left of it is never nothing.
_USUAL = re.compile(r"[!-\]_-~](?:[ -\]_-~]*[!-\]_-~])?").fullmatch
_RECORD = "EF"  # CEF: and LEEF:, also together with what a sentence puts behind the text
_DELIMITERS = ("^", "\t")


class Alike(NamedTuple):
    """A field whose usual texts are all alike: its name, and how many characters one may have.

    `ways`: what the rules do to it, where a text with pipes is alike only to one that has pipes
    after the same of them; None: to all texts.
    """

    name: str
    length: int
    ways: tuple[Via, ...] | None


class Marks(NamedTuple):
    """What is to be known of an event's texts: True for one of many, for one with pipes the ways
    that leave some, else the text itself; what they have to do with each other; and how many bytes
    those of many take together, escaped.
    """

    marks: tuple[object, ...]
    length: int


def alike_texts(programs: Sequence[Program]) -> dict[str, Alike]:
    """Return the fields whose usual texts are all alike to some mappings."""
    if not all(map(_is_usual, programs)):
        return {}
    # Two mappings that differ in what becomes of a pipe differ by a text that has one.
    same_pipes = len({program.format.neutral("a|b") for program in programs}) == 1
    found = {}
    for field, paths in _MADE_OF.items():
        length = min(_room(program, frozenset(paths)) for program in programs)
        if length >= _LEAST:
            ways = {(): None} | {way: None for it in programs for way in _ways(it, paths)}
            found[field] = Alike(field, length, None if same_pipes else tuple(ways))
    return found


def _is_usual(program: Program) -> bool:
    """Tell whether the format leaves the usual texts as they are."""
    fmt, envelope = program.format, program.mapping.envelope
    return (fmt.name != "leef" or fmt.separator in _DELIMITERS) and all(
        _RECORD in needle for needle in envelope.break_up
    )


def _ways(program: Program, paths: tuple[str, ...]) -> Iterator[Via]:
    """Yield what the rules that read some paths do to them."""
    for slot in program.slots:
        for rule in slot.rules:
            if not set(paths).isdisjoint(rule.from_):
                yield rule.via


def _room(program: Program, paths: frozenset[str]) -> int:
    """Return how long a text may be so that nothing cuts it; 0 when it matters which one it is."""
    for condition in _conditions(program):
        if condition.path in paths and not all(
            test.kind == "is" and test.text in ("present", "absent") for test in condition.any_of
        ):
            return 0
    length = _LONGEST
    header = (*program.header, *program.header_severity, *program.severity)
    for slot in (*program.slots, *header):
        for rule in slot.rules:
            if not paths.isdisjoint(paths_of(rule.template)):
                return 0
            if paths.isdisjoint(rule.from_):
                continue
            if slot in header or rule.table or not is_steady(rule.via):
                return 0
            row = program.format.key(slot.key)
            if row is not None and row.kind != "string":
                return 0
            limits = (row.max_length if row else None, rule.max_length)
            # Redacting may make a text longer, though not three times as long.
            length = min([length, *(limit // 3 for limit in limits if limit)])
    return length


def _conditions(program: Program) -> Iterator[Condition]:
    slots: tuple[Slot, ...] = (
        *(*program.slots, *program.header),
        *(*program.header_severity, *program.severity),
    )
    for slot in slots:
        for rule in slot.rules:
            yield from rule.when
    for item in (*program.filters, *program.keeps):
        yield from item


def marks_of(fields: Sequence[Alike], raw: Raw, nested: Sequence[bytes]) -> Marks:
    """Return what is to be known of some fields of an event.

    `nested` are the JSON texts of its maps and lists, EventData among them.
    """
    marks: list[object] = []
    total = 0
    for field, length, ways in fields:
        value = raw[field]
        if (
            isinstance(value, str)
            and len(value) <= length
            and _USUAL(value)
            and _RECORD not in value
            and (field != "Resource" or _is_alone(value, raw, nested))
        ):
            total += escaped_length(value)
            marks.append(_pipes_in(value, ways) if ways is not None and "|" in value else True)
        else:
            marks.append((value,))
    source = raw.get("Source")
    marks.append(source == raw.get("ParentProcessName"))
    marks.append(isinstance(source, str) and source.startswith("/"))  # it may name who acts
    return Marks(tuple(marks), total)


def _pipes_in(text: str, ways: tuple[Via, ...]) -> frozenset[int]:
    """Return after which ways a text that has pipes still has some, by their numbers."""
    left = set()
    for number, way in enumerate(ways):
        made = text
        for step in way:
            made = done(made) if (done := find(step)) else made
        if "|" in made:
            left.add(number)
    return frozenset(left)


def escaped_length(text: str) -> int:
    """Return how many bytes a usual text takes in CEF; LEEF escapes nothing."""
    return len(text) + text.count("=") + text.count("\\")


def usual_fields(fields: Sequence[Alike], marks: Marks) -> frozenset[str]:
    """Return the fields whose texts are one of many, as `marks_of` found them."""
    return frozenset(
        field.name
        for field, mark in zip(fields, marks.marks, strict=False)
        if mark is True or isinstance(mark, frozenset)
    )


def _is_alone(resource: str, raw: Raw, nested: Sequence[bytes]) -> bool:
    """Tell whether a Resource is no list of tokens, and repeats none of Data or EventData."""
    data = raw.get("Data")
    return (
        raw["Operation"] in _WITHOUT_TOKENS
        and (not isinstance(data, str) or resource not in data)
        and not ("=" in resource and "EventData" in raw)
        # EventData is looked for in both texts: with a space in a value, half in each.
        and not any(b" " in text or resource.encode() in text for text in nested)
    )

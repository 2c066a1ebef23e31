"""Excuses of warnings: `# lint-ok M033 our dashboards are older` at a line's end or alone above.

In come a mapping's text and the problems that were found, out go those that are left, those that
are excused, and what is wrong with the excuses. Only here are a mapping's comments read. Must not
know how problems are found.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import yaml

from cef_bridge.errors import Location, Problem
from cef_bridge.mapping.language import codes
from cef_bridge.wording import did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_WORD = "lint-ok"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Where YAML 1.1 ends a line; its parser counts by these.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[ \t]*+lint-ok(?![\w-]):?")
_CODE = re.compile(r"[ \t,]*+([A-Za-z][0-9]+)(?![\w-])")


class Suppression(NamedTuple):
    """One excuse: where it stands, the line that it is about, the codes, and the reason."""

    at: Location
    line: int
    codes: tuple[str, ...]
    reason: str


def find(data: bytes, path: str) -> list[Suppression]:
    """Return the excuses of a mapping's text; what stands in quotes or a block of text is none."""
    if _WORD.encode() not in data:
        return []
    text = data.decode("utf-8-sig", "replace")
    spans = _scalars(text)
    found: list[Suppression] = []
    below = 0  # the next line that says something: several excuses may stand above one
    lines = _LINE_END.split(text)
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        begins = (it for it in _COMMENT.finditer(line) if not _is_within(spans, number, it.start()))
        if comment := next(begins, None):
            alone = not line[: comment.start()].strip()
            at = Location(path, number, comment.start() + 1)
            about = (below or number) if alone else number
            found.append(Suppression(at, about, *_read(line[comment.end() :])))
        if line.strip() and not line.lstrip().startswith("#"):
            below = number
    return found[::-1]


def _read(text: str) -> tuple[tuple[str, ...], str]:
    """Return the codes that a comment begins with, and what stands behind them."""
    named, end = [], 0
    while code := _CODE.match(text, end):
        named.append(code[1].upper())
        end = code.end()
    return tuple(named), text[end:].strip(" \t:,")


Span = tuple[tuple[int, int], tuple[int, int]]
"""Where a scalar begins and ends: line, from 1, and column, from 0."""


def _scalars(text: str) -> list[Span]:
    """Return where quoted and block scalars are, in their order.

    Of YAML that breaks off the part before is enough: the rest has problems of its own.
    """
    spans: list[Span] = []
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.ScalarEvent) and event.style:
                begin, end = event.start_mark, event.end_mark
                if begin and end:
                    spans.append(((begin.line + 1, begin.column), (end.line + 1, end.column)))
    except yaml.YAMLError:
        pass
    return spans


def _is_within(spans: Sequence[Span], line: int, column: int) -> bool:
    before = bisect_right(spans, (line, column), key=lambda span: span[0])
    return before > 0 and (line, column) < spans[before - 1][1]


_OF_EXCUSES = frozenset(
    code.id
    for code in (
        codes.EXCUSE_UNREASONED,
        codes.EXCUSE_UNKNOWN,
        codes.EXCUSE_OF_ERROR,
        codes.EXCUSE_IDLE,
    )
)
# It needs another mapping in the same run.
_NEVER_IDLE = frozenset({codes.SLOTS_DISAGREE.id})


def apply(
    problems: Collection[Problem], excuses: Collection[Suppression], tops: Collection[str]
) -> tuple[list[Problem], list[Problem]]:
    """Return the problems that are left, those of the excuses too, and those that are excused.

    `tops` are the paths of the mappings that were asked for. Of what these extend not all rules
    are run, so an excuse there may be of use when that file is checked itself.
    """
    left: list[Problem] = []
    excused: list[Problem] = []
    valid = {
        (excuse.at.path, excuse.line, code)
        for excuse in excuses
        if excuse.reason
        for code in excuse.codes
    }
    for problem in problems:
        place = (problem.at.path, problem.at.line, problem.code)
        may_be = problem.severity == "warning" and problem.code not in _OF_EXCUSES
        (excused if may_be and place in valid else left).append(problem)
    used = {(problem.at.path, problem.at.line, problem.code) for problem in excused}
    for excuse in excuses:
        for code, message in _faults(excuse, used, is_top=excuse.at.path in tops):
            left.append(Problem(excuse.at, code.id, message, code.severity))
    return left, excused


def _faults(
    excuse: Suppression, used: Collection[tuple[str, int, str]], *, is_top: bool
) -> Iterator[tuple[codes.LintRule, str]]:
    named = " ".join(name for name in excuse.codes if name in codes.CODES) or "M033"
    example = f'"# {_WORD} {named} why this is right here"'
    if not excuse.codes:
        yield codes.EXCUSE_UNKNOWN, f"This suppression names no code. Write {example}."
        return
    if not excuse.reason:
        yield codes.EXCUSE_UNREASONED, f"This suppression has no reason. Write {example}."
    for name in excuse.codes:
        code = codes.CODES.get(name)
        if code is None:
            hint = did_you_mean(name, list(codes.CODES))
            yield codes.EXCUSE_UNKNOWN, f'There is no code "{shown(name)}".{hint}'
        elif code.severity == "error" or name in _OF_EXCUSES:
            what = "an error" if code.severity == "error" else "about suppressions"
            message = (
                f"{name} is {what} and cannot be suppressed. Fix it and remove the suppression."
            )
            yield codes.EXCUSE_OF_ERROR, message
        elif (
            is_top
            and excuse.reason
            and name not in _NEVER_IDLE
            and (excuse.at.path, excuse.line, name) not in used
        ):
            message = f"There is no {name} on the line that this suppresses. Remove it."
            yield codes.EXCUSE_IDLE, message

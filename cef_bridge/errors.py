"""The few errors of the project, and places in files. Imports nothing of the package.

An error's text is what an operator reads: where, what was found, what was expected, what to do
next. `cli` is the only place that turns one into an exit code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Location(NamedTuple):
    """A place in a file; line and column count from 1. Prints as `path:line:column`."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Replacement(NamedTuple):
    """A fix: the text at a place, a key or a value, is `old` and becomes `new`.

    At a key whose text is another one, `old` stands somewhere in its value; in a template `old` is
    the name of a field.
    """

    at: Location
    old: str
    new: str

    def __str__(self) -> str:
        return f'"{self.old}" replaced by "{self.new}"'


class Removal(NamedTuple):
    """A fix: the `key` at a place goes, and its value with it."""

    at: Location
    key: str

    def __str__(self) -> str:
        return f'"{self.key}" removed'


class Addition(NamedTuple):
    """A fix: a key and a text are added to those of which one stands at a place."""

    at: Location
    key: str
    value: str

    def __str__(self) -> str:
        return f'"{self.key}: {self.value}" added'


Fix = Replacement | Removal | Addition


class Problem(NamedTuple):
    """One fault of a mapping, with its rule's code (`M003`), its place, and its fix if only one is
    right.
    """

    at: Location
    code: str
    message: str
    severity: str = "error"
    fix: Fix | None = None

    def __str__(self) -> str:
        return f"{self.at} {self.code} {self.message}"


class CefBridgeError(Exception):
    """The run cannot go on (exit code 1)."""


class UsageError(CefBridgeError):
    """What was asked for makes no sense (exit code 2)."""


class MappingError(UsageError):
    """A mapping that cannot be used: all its problems, in the order of their places."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class FormatError(CefBridgeError):
    """A line is not what the format's standard says; the message names the fault."""

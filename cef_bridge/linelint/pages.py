"""The pages of rules: what each docstring says, in parts.

In comes a code, out comes a `Page`. Must not know how a page is printed.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import NamedTuple

from cef_bridge.linelint.codes import CODES, Code
from cef_bridge.linelint.rules import ACROSS, RULES

_VISIBLE = re.compile(r"<U\+([0-9A-F]{4})>")
_LONG = re.compile(r"<(\d+) x>")
_REPEATS = 200


class Page(NamedTuple):
    """A rule's page; examples as they are shown."""

    code: Code
    prose: str
    bad: str
    good: str


def page(code: Code) -> Page:
    """Return a rule's page."""
    text = inspect.getdoc(RULES.get(code) or ACROSS[code]) or ""
    prose, _, examples = text.partition("Bad:\n")
    bad, _, good = examples.partition("Good:\n")
    return Page(code, prose.strip(), *(textwrap.dedent(part).strip() for part in (bad, good)))


def pages() -> list[Page]:
    """Return all pages by code."""
    return [page(code) for code in CODES.values()]


def lines_of(example: str) -> list[str]:
    """Return the lines that an example means: characters by number, long texts, repeats."""
    lines: list[str] = []
    for shown in example.split("\n"):
        text = _VISIBLE.sub(lambda found: chr(int(found[1], 16)), shown)
        text = _LONG.sub(lambda found: "x" * int(found[1]), text)
        numbers = range(1, _REPEATS + 1) if "{n}" in text else range(1)
        lines += [text.replace("{n}", str(number)) for number in numbers]
    return lines

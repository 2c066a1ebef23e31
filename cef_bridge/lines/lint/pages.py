"""The pages of rules: what each docstring says, in parts.

In comes a code, out comes a `Page`. Must not know how a page is printed.
"""

from __future__ import annotations

import inspect
import textwrap
from typing import NamedTuple

from cef_bridge.lines.lint.codes import CODES, LineRule
from cef_bridge.lines.lint.linter import ACROSS, RULES


class Page(NamedTuple):
    """A rule's page; examples as they are shown."""

    code: LineRule
    prose: str
    bad: str
    good: str


def page(code: LineRule) -> Page:
    """Return a rule's page."""
    text = inspect.getdoc(RULES.get(code) or ACROSS[code]) or ""
    prose, _, examples = text.partition("Bad:\n")
    bad, _, good = examples.partition("Good:\n")
    return Page(code, prose.strip(), *(textwrap.dedent(part).strip() for part in (bad, good)))


def pages() -> list[Page]:
    """Return all pages by code."""
    return [page(code) for code in CODES.values()]

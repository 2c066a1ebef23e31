"""Templates of rules: `{NamespaceName}/{PodName}`, a text with fields in braces.

In comes the text as the mapping has it, out come its parts. A brace itself is doubled: `{{`, `}}`.
Must not know keys, nor what fills a template in (`rules.filler`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

MOST_FIELDS = 16
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplatePart(NamedTuple):
    """A piece of a template: a text as it stands, or the path of a field; the other is ""."""

    text: str
    path: str


class Template(NamedTuple):
    """The parts of a template in their order, and what is wrong with it, "" when nothing is."""

    parts: tuple[TemplatePart, ...]
    wrong: str

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields that it reads, each once."""
        return tuple(dict.fromkeys(part.path for part in self.parts if part.path))


@lru_cache(maxsize=1024)
def parse(text: str) -> Template:
    """Return the parts of a template; of a faulty one those that can be read."""
    parts: list[TemplatePart] = []
    literal, end, wrong = "", 0, ""
    for found in _TOKEN.finditer(text):
        literal += text[end : found.start()]
        end = found.end()
        braces, path = found[0], (found[1] or "").strip()
        if braces in ("{{", "}}"):
            literal += braces[0]
        elif path:
            parts += [TemplatePart(literal, ""), TemplatePart("", path)]
            literal = ""
        else:
            wrong = wrong or _wrong(braces)
    parts = [part for part in (*parts, TemplatePart(literal + text[end:], "")) if part != ("", "")]
    fields = sum(bool(part.path) for part in parts)
    if not wrong and not fields:
        wrong = 'It has no field in braces, such as {PodName}. For a constant write "value".'
    elif not wrong and fields > MOST_FIELDS:
        wrong = f"It has {fields} fields. Expected {MOST_FIELDS} at most."
    return Template(tuple(parts), wrong)


def _wrong(braces: str) -> str:
    if len(braces) == 1:
        return f'It has a single "{braces}". Write {braces * 2} for a brace, or {{PodName}}.'
    return "It has braces without a field between them. Write {PodName}, or {{}} for the braces."


def paths_of(text: str | None) -> tuple[str, ...]:
    """Return the fields that a rule's template reads, none without a template."""
    return parse(text).paths if text is not None else ()


def renamed(text: str, names: dict[str, str]) -> str:
    """Return a template that reads other fields in the place of some."""
    return "".join(
        f"{{{names.get(part.path, part.path)}}}"
        if part.path
        else part.text.replace("{", "{{").replace("}", "}}")
        for part in parse(text).parts
    )

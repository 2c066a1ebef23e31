"""Environment variables in a mapping's texts: `${NAME}`, `${NAME:-default}`; `$${` is a `${`.

In come a text and an environment, out goes the text filled in. Must not know where texts stand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACE = re.compile(r"\$\$(?=\{)|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\})?")


def expand(text: str, env: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the text with its variables filled in, and what is wrong, None when nothing is.

    A default also stands in for a variable that is set to nothing, as in a shell.
    """
    wrong: list[str] = []

    def fill(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name, default = match[1], match[3]
        if name is None:
            found = shown(text[match.start() : match.start() + 20])
            wrong.append(
                f'Invalid variable "{found}". Write ${{NAME}}, ${{NAME:-default}} or $${{.'
            )
            return ""
        value = env.get(name)
        if default is not None:
            return value or default
        if value is None:
            wrong.append(
                f"The environment variable {name} is not set. "
                f"Set it, or write ${{{name}:-default}}."
            )
        return value or ""

    return _PLACE.sub(fill, text), wrong[0] if wrong else None


def escape(text: str) -> str:
    """Return a text that `expand` gives back as it was."""
    return text.replace("${", "$${")

"""How rules and conditions are called in front of people: where they stand, what they ask.

In come places and conditions of a mapping, out go short texts. Must not know events' outcomes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.language.condition_forms import form_of
from cef_bridge.wording import either, shown

if TYPE_CHECKING:
    from cef_bridge.errors import Location
    from cef_bridge.mapping.language.spec import Condition, Step


def place(at: Location) -> str:
    """Return `file:line`; a shipped mapping's file by its name alone."""
    if not at.path:
        return ""
    path = Path(at.path)
    return f"{path.name if path.parent == shipped.folder() else at.path}:{at.line}"


def asked(condition: Condition) -> str:
    """Return what a condition asks: `event.verb is exec or ptrace`."""
    texts = [form_of(test) for test in condition.any_of]
    return f"{condition.path} is {either(texts)}" if texts else f"{condition.path} is nothing"


def said(value: object) -> str:
    """Return a field's value as a part of a sentence, shortened and on one line."""
    return f'"{shown(str(value))}"'


def step_words(step: str | Step) -> str:
    """Return a step of `via`: `lower`, `before ":"`."""
    if isinstance(step, str):
        return step
    return f"{step.name} {', '.join(map(said, step.arguments))}"

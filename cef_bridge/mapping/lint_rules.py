"""Lint rules about rules and conditions: what contradicts itself or can do nothing.

In comes a `View`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.events import fields
from cef_bridge.formats.dictionary import CEF_KEYS
from cef_bridge.mapping.lint_keys import PREFIX
from cef_bridge.mapping.view import Found, named
from cef_bridge.wording import named as named_key
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.draft import RuleSeen
    from cef_bridge.mapping.view import View


def no_source(view: View) -> Iterator[Found]:
    """A rule has exactly one of from, value and spread: where its value comes from.

    Bad:
        extension:
          act: {from: Action, value: Block}
    Good:
        extension:
          act: {from: Action, default: Block}
    """
    for seen in view.draft.rules:
        sources = [name for name in seen.said if name in ("from_", "value", "spread")]
        if not sources:
            yield Found(
                seen.rule.at,
                f'{named_key(seen.key)} has nothing to write. Add "from: FIELD" or "value: TEXT".',
            )
        elif len(sources) > 1:
            words = " and ".join(f'"{name.rstrip("_")}"' for name in sources)
            yield Found(
                seen.said[sources[-1]], f"{named_key(seen.key)} has {words} in one rule. Keep one."
            )


# What does nothing -> without which of these, or beside which.
_NEEDS = {"else_": "table", "only": "spread", "max": "spread", "default": "from_"}
_POINTLESS = {
    "value": ("via", "table", "else_", "default", "max_length"),
    "spread": ("via", "table", "else_", "default", "max_length"),
}


def no_partner(view: View) -> Iterator[Found]:
    """A setting of a rule that does nothing without another one, or beside one, is a slip.

    Bad:
        extension:
          outcome: {from: Result, else: failure}
    Good:
        extension:
          outcome: {from: Result, table: {Passed: success}, else: failure}
    """
    for seen in view.draft.rules:
        beside = next((name for name in _POINTLESS if name in seen.said), None)
        for name, at in seen.said.items():
            if beside and "from_" not in seen.said and name in _POINTLESS[beside]:
                message = f'"{name.rstrip("_")}" does nothing beside "{beside}". Remove it.'
                yield Found(at, message)
            elif (need := _NEEDS.get(name)) and need not in seen.said:
                yield Found(
                    at,
                    f'"{name.rstrip("_")}" does nothing without "{need.rstrip("_")}". '
                    "Add that, or remove this.",
                )


def bad_spread(view: View) -> Iterator[Found]:
    """`spread` takes a map apart, under a key of one's own in the extension.

    Bad:
        extension:
          KubeArmorPod: {spread: PodName}
          cs1: {spread: Labels, label: Labels}
    Good:
        extension:
          KubeArmorLabel: {spread: Labels, only: [app]}
    """
    for name in named(view, "map field"):
        row = fields.find(name.text)
        if row is not None and row.kind != "map" and name.text != "Labels":
            message = f'"{shown(name.text)}" is no map. Spread Labels or EventData.'
            yield Found(name.at, message)
    for seen in view.draft.rules:
        if "spread" not in seen.said:
            continue
        if seen.section != "extension":
            yield Found(seen.said["spread"], f"{named_key(seen.key)} takes one value. Use from.")
        elif view.format == "cef" and seen.key in CEF_KEYS:
            message = f"{seen.key} takes one value. Spread under a key such as {PREFIX}Label."
            yield Found(seen.said["spread"], message)


def unreachable(view: View) -> Iterator[Found]:
    """A rule after one that always has a value can never win.

    Bad:
        extension:
          act: [{value: none}, {from: Action}]
    Good:
        extension:
          act: [{from: Action}, {value: none}]
    """
    always: RuleSeen | None = None
    for seen in view.draft.rules:
        # Rules of one key follow each other; a single one stands at its key.
        if always is not None and (seen.section, seen.key) == (always.section, always.key):
            message = "The rule before this one always has a value. Change the order, or add when."
            yield Found(seen.rule.at, message)
        elif not seen.rule.when and (seen.rule.value or seen.rule.default):
            always = seen


def drops_all(view: View) -> Iterator[Found]:
    """An item of drop_events has conditions, and a condition has values.

    An empty item would drop every event, alerts too; an empty list never holds.

    Bad:
        drop_events: [{}]
    Good:
        drop_events: [{event.kind: log, NamespaceName: kube-system}]
    """
    for at in view.draft.empty_items:
        yield Found(at, "Without a condition every event is dropped. Add one.")
    for condition in view.draft.conditions:
        if not condition.any_of:
            message = f'"{shown(condition.path)}" has no value to compare with, so it never holds.'
            yield Found(condition.at, f"{message} Add one.")

"""Lint rules about rules and conditions: what contradicts itself or can do nothing.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.kubearmor import fields
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.condition_forms import meant_by
from cef_bridge.mapping.lint.context import LintFinding, named
from cef_bridge.mapping.lint.keys import PREFIX
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.wording import named as named_key
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.language.mapping_file import RuleSeen
    from cef_bridge.mapping.language.spec import Rule
    from cef_bridge.mapping.lint.context import LintContext


@reports(codes.NO_SOURCE)
def no_source(view: LintContext) -> Iterator[LintFinding]:
    """A rule has exactly one of from, value, template and spread: where its value comes from.

    Bad:
        extension:
          act: {from: Action, value: Block}
    Good:
        extension:
          act: {from: Action, default: Block}
    """
    for seen in view.draft.rules:
        sources = [name for name in seen.said if name in ("from_", "value", "template", "spread")]
        if not sources:
            yield LintFinding(
                seen.rule.at,
                f'{named_key(seen.key)} has nothing to write. Add "from: FIELD" or "value: TEXT".',
            )
        elif len(sources) > 1:
            words = " and ".join(f'"{name.rstrip("_")}"' for name in sources)
            yield LintFinding(
                seen.said[sources[-1]], f"{named_key(seen.key)} has {words} in one rule. Keep one."
            )


# What does nothing -> without which of these, or beside which.
_NEEDS = {"else_": "table", "only": "spread", "max": "spread", "default": "from_"}
_POINTLESS = {
    "template": ("default",),
    "value": ("via", "table", "else_", "default", "max_length"),
    "spread": ("via", "table", "else_", "default", "max_length"),
}


@reports(codes.NO_PARTNER)
def no_partner(view: LintContext) -> Iterator[LintFinding]:
    """A setting of a rule that has no effect is a mistake.

    Some settings need another one, such as `else`, which needs `table`. Others have no effect
    beside another one.

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
                yield LintFinding(at, message)
            elif (need := _NEEDS.get(name)) and need not in seen.said:
                yield LintFinding(
                    at,
                    f'"{name.rstrip("_")}" does nothing without "{need.rstrip("_")}". '
                    "Add that, or remove this.",
                )


@reports(codes.ROW_LOOKS_LIKE_TEST)
def row_looks_like_a_condition(view: LintContext) -> Iterator[LintFinding]:
    """A row of a table is a literal text: globs and comparisons are for conditions.

    `"kube-*"` or `">=7"` in a table is compared literally, and matches no value. Use a list of
    rules with `when`; `else` is for all others. Put a literal value of this form in a table file.

    Bad:
        extension:
          KubeArmorTier: {from: NamespaceName, table: {"kube-*": system}, else: other}
    Good:
        extension:
          KubeArmorTier:
            - {value: system, when: {NamespaceName: "kube-*"}}
            - {value: other}
    """
    for seen in view.draft.rules:
        table = seen.rule.table
        if table is None or table.file is not None:
            continue
        path = next(iter(seen.rule.from_), "Resource")
        for row in table.rows:
            if "*" in row or meant_by(path, row):
                message = (
                    f'The row "{shown(row)}" is compared as a text. Use rules with "when", or '
                    '"else" for all others.'
                )
                yield LintFinding(seen.said.get("table", seen.rule.at), message)


@reports(codes.BAD_SPREAD)
def bad_spread(view: LintContext) -> Iterator[LintFinding]:
    """`spread` is for map fields, and for keys of your own in the extension.

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
            yield LintFinding(name.at, message)
    for seen in view.draft.rules:
        if "spread" not in seen.said:
            continue
        if seen.section != "extension":
            yield LintFinding(
                seen.said["spread"], f"{named_key(seen.key)} takes one value. Use from."
            )
        elif view.format == "cef" and not seen.key.startswith(PREFIX):
            # What stands behind the name is chosen by others: cs and 1 would make cs1.
            key = named_key(seen.key)
            message = f"{key} takes one value. Spread under a key such as {PREFIX}Label."
            yield LintFinding(seen.said["spread"], message)


@reports(codes.UNREACHABLE)
def unreachable(view: LintContext) -> Iterator[LintFinding]:
    """A rule after one that always yields a value can never win.

    A rule can never win either, if it has more conditions than a rule before it that writes the
    same.

    Bad:
        extension:
          act: [{value: none}, {from: Action}]
          reason: [{from: Result}, {from: Result, when: {event.kind: alert}}]
    Good:
        extension:
          act: [{from: Action}, {value: none}]
          reason: [{from: Message, when: {event.kind: alert}}, {from: Result}]
    """
    before: list[RuleSeen] = []
    for seen in view.draft.rules:
        # Rules of one key follow each other; a single one stands at its key.
        if before and (seen.section, seen.key) != (before[0].section, before[0].key):
            before = []
        # One whose conditions could not be read has none in `rule`.
        unasked = [it for it in before if not it.rule.when and "when" not in it.said]
        if any(it.rule.value or it.rule.default for it in unasked):
            message = "The rule before this one always has a value. Change the order, or add when."
            yield LintFinding(seen.rule.at, message)
        elif any(_says_all(it.rule, seen.rule) for it in before):
            message = (
                "A rule before this one writes the same, and asks for less. Remove one of them."
            )
            yield LintFinding(seen.rule.at, message)
        before.append(seen)


def _says_all(first: Rule, second: Rule) -> bool:
    """Tell whether a rule has a value wherever a later one has, by the fields they take."""
    if not second.from_ or first.from_[: len(second.from_)] != second.from_ or second.default:
        return False
    if first.table or second.table or first.via != second.via:
        return False  # a type may refuse what one makes of a value, and take the other's
    asked = {(condition.path, condition.any_of) for condition in second.when}
    return all((condition.path, condition.any_of) in asked for condition in first.when)


@reports(codes.DROPS_ALL)
def drops_all(view: LintContext) -> Iterator[LintFinding]:
    """An item of drop_events or keep_events has conditions, and a condition has values.

    An empty item would drop every event, alerts too, or keep all. An empty list never matches.

    Bad:
        drop_events: [{}]
    Good:
        drop_events: [{event.kind: log, NamespaceName: kube-system}]
    """
    for item in view.draft.empty_items:
        done = "kept" if item.kind == "keep_events" else "dropped"
        yield LintFinding(item.at, f"Without a condition every event is {done}. Add one.")
    for condition in view.draft.conditions:
        if not condition.any_of:
            message = f'"{shown(condition.path)}" has no value to compare with, so it never holds.'
            yield LintFinding(condition.at, f"{message} Add one.")

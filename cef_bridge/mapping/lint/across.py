"""The lint rule across mappings: one label in two slots, one slot with two labels.

In come the labels that some mappings say themselves, out come problems at both places. Must not
know how mappings are read. Its page is in `pages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import Location, Problem
from cef_bridge.lines.dictionary import LABELS
from cef_bridge.mapping.language import codes
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cef_bridge.mapping.language.mapping_file import MappingFile


class Said(NamedTuple):
    """A label that a mapping gives a slot (a custom key such as cs1), and where."""

    slot: str
    label: str
    at: Location


def labels_of(drafts: Sequence[MappingFile]) -> list[Said]:
    """Return the labels that a mapping's own files say, the child first, whose word stands."""
    found: list[Said] = []
    decided: set[str] = set()
    for draft in drafts:
        of_draft = {
            seen.key: Said(seen.key, seen.rule.label, at)
            for seen in reversed(draft.rules)
            if seen.section == "extension" and seen.key in LABELS
            # `slot: auto` makes the rule's name its label.
            if seen.rule.label and (at := seen.said.get("label") or seen.said.get("slot"))
        }
        found += [said for key, said in of_draft.items() if key not in decided]
        own = draft.said.get("extension")
        decided |= set(own) if isinstance(own, dict) else set()
    return found


def disagreements(mappings: Iterable[Sequence[Said]]) -> list[Problem]:
    """Return a problem at each place that uses a slot or a label in another way than another."""
    rows = [(number, said) for number, mapping in enumerate(mappings) for said in mapping]
    problems: dict[Problem, None] = {}
    for number, (slot, label, at) in rows:
        others = [said for other, said in rows if other != number and said.at != at]
        differs = next((it for it in others if it.slot == slot and it.label != label), None)
        if differs:
            what = f'{slot} is "{shown(label)}" here, and "{shown(differs.label)}" in {differs.at}.'
            problems[_problem(at, what)] = None
        moved = next((it for it in others if it.label == label and it.slot != slot), None)
        if moved:
            what = f'"{shown(label)}" is {slot} here, and {moved.slot} in {moved.at}.'
            problems[_problem(at, what)] = None
    return list(problems)


def _problem(at: Location, message: str) -> Problem:
    code = codes.SLOTS_DISAGREE
    return Problem(at, code.id, f"{message} Agree on one.", code.severity)

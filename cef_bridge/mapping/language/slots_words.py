"""What an operator is told about slots by name: what was found, and the ways out.

In come names, slots and labels, out go sentences. Must not know what is wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import LABELS
from cef_bridge.mapping.language.names import PREFIX, camel
from cef_bridge.mapping.language.slots_file import TEXT_SLOTS
from cef_bridge.wording import named, shown

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from cef_bridge.errors import Location
    from cef_bridge.mapping.language.slots_file import Kept
    from cef_bridge.mapping.language.spec import Rule

LEEF = 'LEEF takes any name and has no slots. Remove "slot".'


def no_extension(key: str) -> str:
    """Tell that `slot` stands where no key of the extension is."""
    return f'{named(key)} is no key of the extension and has no slot. Remove "slot".'


def is_key(name: str) -> str:
    """Tell that a name is a key of CEF."""
    if name in LABELS:
        return f'{name} is a slot itself. Write "label: TEXT" for "slot: auto", or a name for it.'
    return f'{name} is a key of CEF. Remove "slot: auto", or choose another name.'


def bad_name(name: str) -> str:
    """Tell that a name cannot be a label, and one that could."""
    better = re.sub(r"[^A-Za-z0-9_]+", "_", name[:128]).strip("_")
    better = f"_{better}"[:128] if better[:1].isdigit() else better
    return (
        f'"{shown(name)}" cannot be a label, which becomes the name of a field. '
        f"Use at most 128 letters, digits and _, no digit first: {shown(better) or 'Team'}."
    )


def numbered(name: str, kept: Kept, label: str, *, comes: bool, own: bool) -> str:
    """Tell that a mapping writes a slot itself that is kept for a name."""
    way_out = "Choose another slot here"
    if not comes and own:
        way_out += f", or remove that line if {name} never comes back"
    elif not comes:
        way_out += f', or remove the name with "{name}: null"'
    return f'{kept.slot} is kept for {name} ({kept.at}), not for "{shown(label)}". {way_out}.'


def inherited(name: str, slot: str, label: str, path: str, *, comes: bool) -> str:
    """Tell that a parent writes a slot that is kept for a name."""
    if comes:
        otherwise = f"remove this line: {name} then gets another slot"
    else:
        otherwise = f"remove this line if {name} never comes back"
    return (
        f'{slot} is kept for {name} here, and a parent of {shown(path)} has "{shown(label)}" '
        f'in it. Write "{slot}: null" there, or {otherwise}.'
    )


def twice(name: str, own: Kept, above: Kept) -> str:
    """Tell that a name has one slot in a mapping and another one in a parent."""
    return (
        f"{name} is kept in {own.slot} here, and in {above.slot} by a parent ({above.at}). "
        "Remove one of the two lines."
    )


def both(above: Kept, name: str, other: str) -> str:
    """Tell that one slot is kept for two names, one of them a parent's."""
    return (
        f"{above.slot} is kept for {other} here, and for {name} by a parent ({above.at}). "
        "Remove one of the two lines."
    )


def full(
    name: str,
    held: Mapping[str, str],
    inherited: Container[str],
    idle: Mapping[str, Location],
) -> str:
    """Tell that no slot is free, who has them, and how to go on.

    `idle` are slots that are only kept: the name stands in a slots file, and no rule does.
    """
    listed = ", ".join(
        f"{slot} {shown(label)}".strip() + (f" (only kept, {idle[slot]})" if slot in idle else "")
        for slot, label in held.items()
    )
    null = next((slot for slot in reversed(TEXT_SLOTS[:6]) if slot in inherited), None)
    way = f'Free one ("{null}: null")' if null else "Take one of them out"
    way += ", remove the line of one that is only kept" if idle else ""
    own = camel(PREFIX, name, set())
    return f'No slot is free for {name}: {listed}. {way}, or write {own} without "slot: auto".'


def text_in_number(name: str, slot: str, rule: Rule) -> str:
    """Tell that a rule may give a text, which a number slot does not take."""
    field = shown(rule.from_[0]) if rule.from_ else "FIELD"
    return (
        f"{name} is kept in {slot}, where only whole numbers are written. "
        f'Add "when: {{{field}: {{is: integer}}}}", or choose another name.'
    )

"""A CEF or LEEF message for people: its header, its keys with their names, and what is wrong.

In come a line and what was read of it, out go two tables, and each fault with the line and a mark
under the place. Nothing of a message reaches a terminal as it is: what cannot be printed is shown
by its number. Must not know files, nor how a line is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.excerpts import excerpt
from cef_bridge.cli.styles import styled
from cef_bridge.cli.tables import print_sentence, print_table, screen_width
from cef_bridge.lines.dictionary import CEF_KEYS, LABELS, LEEF_KEYS
from cef_bridge.lines.lint.parts import WORDS
from cef_bridge.wording import printable

if TYPE_CHECKING:
    from cef_bridge.lines import ParsedMessage
    from cef_bridge.lines.lint.lenient import Lenient

_PLACE = re.compile(r"position (\d+): ")
_ROOM = 120  # columns of an excerpt where nobody says how many there are
_MARGIN = "  | "


def print_pretty(text: str, found: Lenient) -> None:
    """Print a message and its faults; `text` is the whole line."""
    message = found.message
    print_table(("header", "value"), _header(message))
    if message.extension:
        click.echo()
        print_table(("key", "name", "value"), _pairs(message))
    if found.faults:
        click.echo()
    for fault in found.faults:
        _print_fault(text, fault)


def _header(message: ParsedMessage) -> list[tuple[str, str]]:
    rows = [("syslog", message.prefix.strip())] if message.prefix.strip() else []
    rows.append(("format", f"{message.format.upper()}:{message.version}"))
    fields = message.header._asdict()
    names = list(fields) if message.format == "cef" else [name for name in fields if fields[name]]
    rows += [(WORDS[name], fields[name]) for name in names]
    return [(name, printable(value)) for name, value in rows]


def _pairs(message: ParsedMessage) -> list[tuple[str, str, str]]:
    """Return the pairs with the long name of each key; a label is the name of what it labels."""
    keys = CEF_KEYS if message.format == "cef" else LEEF_KEYS
    pairs = message.extension
    labels = {slot: label for slot, label in LABELS.items() if message.format == "cef"}
    joined = {label for slot, label in labels.items() if slot in pairs}
    rows = []
    for key, value in pairs.items():
        if key in joined:
            continue
        row = keys.get(key)
        name = row.full_name if row and row.full_name != key else ""
        if label := pairs.get(labels.get(key, "")):
            name = f'"{label}" {name}'.strip()
        rows.append((printable(key), printable(name), printable(value)))
    return rows


def _print_fault(text: str, fault: str) -> None:
    print_sentence(f"fault: {printable(fault)}", "error")
    if place := _PLACE.match(fault):
        room = (screen_width() or _ROOM) - len(_MARGIN)
        shown = excerpt(text, int(place[1]), room)
        margin = styled(_MARGIN, "name")
        click.echo(f"{margin}{shown.text}\n{margin}{styled(shown.mark, 'error')}")

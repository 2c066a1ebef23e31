"""The slots file beside a mapping: which custom slot each name got, so that it stays there.

In comes the path of a mapping, out come names with their slots and places, or problems; and the
file with new names in it. `acme.yaml` has `acme.slots.yaml`. Must not know how slots are chosen.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

from cef_bridge.errors import CefBridgeError, Location, Problem
from cef_bridge.files import AtomicFile
from cef_bridge.mapping.language import codes, nodes
from cef_bridge.mapping.language.nodes import YamlInvalid, YamlMapping, YamlScalar
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.wording import did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_SLOTS = ("cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "flexString1", "flexString2")
NUMBER_SLOTS = ("cn1", "cn2", "cn3")
SLOTS = (*TEXT_SLOTS, *NUMBER_SLOTS)
"""The slots that names get, in the order in which they are given."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
"""What a name may be: a field's name in every receiver; flexString1Label has 128 characters."""

MOST_BYTES = 64 * 1024
SUFFIX = ".slots.yaml"
_HEAD = """\
# The custom slots of the names in {mapping} that have "slot: auto". cef-bridge adds to this file.
# Keep it in version control, beside the mapping: a label never changes its slot while it is here.
# A line may go when its name will never be written again.
"""


class Kept(NamedTuple):
    """A slot that a name has, and where that is said."""

    slot: str
    at: Location


class SlotsFile(NamedTuple):
    """What a slots file says; `data` as it was read, empty when there is no file."""

    path: Path
    mapping: str
    slots: dict[str, Kept]
    data: bytes = b""


def is_one(name: str | Path) -> bool:
    """Tell whether a path is that of a slots file."""
    return str(name).endswith(SUFFIX)


def read(mapping: str) -> tuple[SlotsFile, list[Problem]]:
    """Return the slots file beside a mapping's file, and what is wrong with it."""
    beside = Path(mapping)
    path = beside.with_name(f"{beside.stem}{SUFFIX}")
    nothing = SlotsFile(path, beside.name, {})
    try:
        data = read_small(path, MOST_BYTES)
    except UnreadableError as error:
        # A name that is too long is told when there is something to keep.
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            return nothing, []
        message = f"The slots file cannot be read: {error}. Restore it from version control."
        return nothing, [_problem(Location(str(path)), message)]
    if all(not line or line.startswith(b"#") for line in map(bytes.strip, data.splitlines())):
        return nothing._replace(data=data), []  # all its lines were removed
    root, problems = nodes.read(data, str(path), begin="NAME: cs1")
    slots = _slots(root, problems)
    return SlotsFile(path, beside.name, slots, data), problems


def _problem(at: Location, message: str) -> Problem:
    return Problem(at, codes.BAD_SLOTS_FILE.id, message, codes.BAD_SLOTS_FILE.severity)


def _slots(root: nodes.Node | None, problems: list[Problem]) -> dict[str, Kept]:
    if not isinstance(root, YamlMapping):
        if root is not None and not isinstance(root, YamlInvalid):
            message = 'A slots file has lines such as "Team: cs6" and nothing else.'
            problems.append(_problem(root.at, message))
        return {}
    slots: dict[str, Kept] = {}
    names: dict[str, str] = {}
    for key, node in root.pairs:
        slot = node.text if isinstance(node, YamlScalar) else ""
        if not NAME.fullmatch(key.text):
            message = f'"{shown(key.text)}" is no name. Letters, digits and _ are expected.'
            problems.append(_problem(key.at, message))
        elif slot not in SLOTS:
            hint = did_you_mean(slot, SLOTS)
            what = f'"{shown(slot)}"' if isinstance(node, YamlScalar) else "more than one text"
            message = f"{shown(key.text)} has no custom slot here, but {what}.{hint}"
            problems.append(_problem(node.at, message))
        elif slot in names:
            message = f"{slot} is kept for {shown(names[slot])} already. Remove one of the lines."
            problems.append(_problem(node.at, message))
        else:
            names[slot] = key.text
            slots[key.text] = Kept(slot, key.at)
    return slots


def write(file: SlotsFile, new: Mapping[str, str]) -> None:
    """Write the file with new names behind those that it has.

    It is there whole or not at all. Raises CefBridgeError when it cannot be written, or is no
    longer what was read.
    """
    if not file.path.with_name(file.mapping).is_file():
        raise CefBridgeError(
            f"{shown(file.mapping)} is no file, so the slots cannot be saved beside it"
        )
    said = {**{name: kept.slot for name, kept in file.slots.items()}, **new}
    text = _HEAD.format(mapping=file.mapping) + yaml.safe_dump(said, sort_keys=False, width=1000)
    data = text.encode()
    try:
        now = read_small(file.path, MOST_BYTES)
    except UnreadableError as error:
        # Whether it can be written is told below.
        now = b"" if error.errno == errno.ENOENT else file.data
    if now == data:
        return
    if now != file.data:
        raise CefBridgeError(f"{file.path} was written by somebody else at this moment")
    with AtomicFile(file.path) as out:
        out.write(data)

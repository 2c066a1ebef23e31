"""The names of a mapping and its parents, and the slots files in which their slots are kept.

In come drafts, parents first; they go out with slots in the place of names. When all of them were
found right, `keep` writes what is new. Must not know how slots are chosen or mappings merged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError, Problem
from cef_bridge.mapping.language import codes, slots, slots_file

if TYPE_CHECKING:
    from cef_bridge.mapping.language.mapping_file import MappingFile
    from cef_bridge.mapping.language.merge import RulesByKey
    from cef_bridge.mapping.language.slots_file import Kept, SlotsFile


class Names:
    """What the files of one chain have in slots files, and what is new to these."""

    def __init__(self) -> None:
        self._files: dict[str, SlotsFile] = {}
        self._above: dict[str, Kept] = {}
        self._new: dict[str, dict[str, Kept]] = {}

    def give(
        self, draft: MappingFile, format_name: str, inherited: RulesByKey
    ) -> tuple[MappingFile, str, list[Problem]]:
        """Return a file's draft with slots for its names, its slots file's path, and problems.

        Where the slots file is wrong, nothing more is said about the names.
        """
        file, problems = slots_file.read(draft.path)
        path = str(file.path)
        file = self._files.setdefault(path, file)
        ground = slots.Ground(format_name, inherited, self._above, file.slots)
        granted = slots.grant(draft, ground)
        if not problems:
            problems = granted.problems
            self._new[path] = self._new.get(path, {}) | granted.new
            self._above = self._above | file.slots | granted.new
        return granted.draft, path, problems

    def keep(self) -> list[Problem]:
        """Write the names that are new, say so once, and return what could not be written."""
        problems = []
        for path, new in self._new.items():
            if not new:
                continue
            said = {name: kept.slot for name, kept in new.items()}
            try:
                slots_file.write(self._files[path], said)
            except CefBridgeError as error:
                problems += [_unwritten(name, kept, error) for name, kept in new.items()]
            else:
                _say(path, said)
        return problems


def _unwritten(name: str, kept: Kept, error: CefBridgeError) -> Problem:
    message = (
        f"{name} has no slot yet, and it cannot be kept: {error}. Without that it could move. "
        'Run "cef-bridge mapping lint" where the folder can be written, and take both files along.'
    )
    code = codes.SLOTS_NOT_WRITTEN
    return Problem(kept.at, code.id, message, code.severity)


def _say(path: str, said: dict[str, str]) -> None:
    import logging  # noqa: PLC0415 - once in a name's life

    given = ", ".join(f"{name} is {slot}" for name, slot in said.items())
    text = "%s: %s from now on. Keep this file in version control."
    logging.getLogger(__name__).warning(text, path, given)

"""A mapping that is being edited: its text as it is now, linted or compiled like the file.

In come texts of one mapping file, out come problems, or the merged mapping. The file itself is not
read, and nothing is written: new names (`slot: auto`) get slots, but no slots file. Shipped parents
are read once. Must not know who edits.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.mapping.language import shipped, suppressions
from cef_bridge.mapping.load import Chain, Checked, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingType

    from cef_bridge.errors import Location
    from cef_bridge.mapping.language.mapping_file import MappingFile
    from cef_bridge.mapping.language.spec import Mapping


class OpenedText(NamedTuple):
    """A text that can be run: its mapping, the parents' rules that its own replace (as
    `load.replaced`), and the output keys that it has from its parents.
    """

    mapping: Mapping
    replaced: dict[tuple[str, str], list[Location]]
    inherited: frozenset[str]


class AboutText(NamedTuple):
    """The names of a mapping and of those that it extends, and its format."""

    names: tuple[str, ...]
    format: str


class MappingTexts:
    """The texts of the mapping file at a path, one after another; from several threads, too."""

    def __init__(self, path: str, env: MappingType[str, str] = os.environ) -> None:
        self.path = path
        self.is_shipped = Path(path).resolve().parent == shipped.folder().resolve()
        self._env = env
        self._drafts: dict[Path, MappingFile] = {}

    def check(self, text: str) -> Checked:
        """Return the problems of a text and of what it extends, as `load.check` does."""
        chain = self._chain(text)
        found = dict.fromkeys(chain.finish())
        excuses = [excuse for file in chain.files for excuse in file.draft.excuses]
        tops = {self.path} if chain.files else set()
        left, excused = suppressions.apply(found, excuses, tops)
        return Checked(in_order(left, chain.order), in_order(excused, chain.order))

    def opened(self, text: str) -> OpenedText:
        """Return what a text amounts to; MappingError with all errors of all files."""
        chain = self._chain(text)
        mapping = chain.merged()
        parents = chain.files[1:]
        inherited: set[str] = set()
        for file in reversed(parents):
            said = file.draft.said.get("extension")
            if isinstance(said, dict):
                inherited -= {key for key, rules in said.items() if rules is None}
                inherited |= {key for key, rules in said.items() if rules is not None}
        return OpenedText(mapping, chain.replaced(), frozenset(inherited))

    def about(self, text: str) -> AboutText:
        """Return what a text says of itself, whether it can be run or not."""
        chain = self._chain(text)
        said = [file.draft.said for file in chain.files]
        names = [str(each["name"]) for each in said if "name" in each]
        formats = (str(each["format"]) for each in said if "format" in each)
        return AboutText(tuple(names), next(formats, "cef"))

    def _chain(self, text: str) -> Chain:
        chain = Chain(self._env, drafts=self._drafts, saves=False)
        data = text.encode("utf-8", "surrogatepass")
        chain.add_text(data, self.path, is_shipped=self.is_shipped)
        return chain

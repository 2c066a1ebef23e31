"""What lint rules see: one file of a mapping, and what it stands on.

In comes a draft, out come the parts that rules ask for. Must not know any rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import Location, Replacement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.errors import Fix
    from cef_bridge.mapping.language.mapping_file import MappingFile, Named, RuleSeen
    from cef_bridge.mapping.language.spec import Mapping, Rule
    from cef_bridge.siems.siem import Siem


class LintContext(NamedTuple):
    """One file as the rules see it.

    `merged` is what it amounts to with its parents, `parent` the same view of the file it
    extends; `own` tells that the mapping is not a shipped one; `cluster` whether it, a parent or
    a child names the cluster; `tested` whether a file of examples stands beside it.
    """

    draft: MappingFile
    format: str
    merged: Mapping
    parent: LintContext | None
    own: bool
    cluster: bool
    tested: bool

    @property
    def inherited(self) -> dict[str, tuple[Rule, ...]] | None:
        """The extension rules of its parents, None without a parent."""
        return self.parent.merged.extension if self.parent else None

    @property
    def top(self) -> Location:
        """Where the file says what it is called: the place of what is missing in it."""
        return self.draft.places.get("name", Location(self.draft.path))

    @property
    def stands_alone(self) -> bool:
        """Whether it is a mapping that extends none; of a parent that is not there, who knows."""
        return bool(self.draft.places) and "extends" not in self.draft.places

    def is_for(self, *receivers: str) -> bool:
        """Tell whether the mapping, or one that it extends, has one of these names."""
        named_so = self.merged.name in receivers
        return named_so or (self.parent is not None and self.parent.is_for(*receivers))

    def siems(self) -> list[Siem]:
        """Return the SIEMs that the mapping is for."""
        from cef_bridge.siems.registry import SIEMS  # noqa: PLC0415 - errors are found without it

        return [siem for siem in SIEMS.values() if self.is_for(*siem.mappings)]

    def at_setting(self, name: str) -> Location | None:
        """Return where the file says a setting of the envelope, None when it does not."""
        return self.draft.envelope_at.get(name)


class LintFinding(NamedTuple):
    """A finding: where, and what to do; and the fix where only one is right."""

    at: Location
    message: str
    fix: Fix | None = None


def replacing(at: Location, old: str, new: str | None) -> Replacement | None:
    """Return the fix that puts the word that was meant in the place of another; None for none."""
    return None if new is None else Replacement(at, old, new)


def named(view: LintContext, *kinds: str) -> Iterator[Named]:
    """Yield the texts that name something of these kinds."""
    return (name for name in view.draft.names if name.kind in kinds)


def output_keys(view: LintContext) -> Iterator[Named]:
    """Yield the keys of the extension as written, removed ones too."""
    return (name for name in view.draft.keys if name.kind == "extension")


def extension(view: LintContext) -> Iterator[RuleSeen]:
    """Yield the rules of the extension."""
    return (seen for seen in view.draft.rules if seen.section == "extension")


def said_extension(view: LintContext) -> dict[str, object]:
    """Return what the file says of each output key; None for one that goes."""
    said = view.draft.said.get("extension")
    return said if isinstance(said, dict) else {}


def removed(view: LintContext) -> Iterator[Named]:
    """Yield the output keys that the file takes out."""
    said = said_extension(view)
    return (name for name in output_keys(view) if said.get(name.text, ()) is None)

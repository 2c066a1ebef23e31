"""What lint rules see: one file of a mapping, and what it stands on.

In comes a draft, out come the parts that rules ask for. Must not know any rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.errors import Location
    from cef_bridge.mapping.draft import Draft, Named, RuleSeen
    from cef_bridge.mapping.spec import Rule


class View(NamedTuple):
    """One file as the rules see it.

    `inherited` are the extension rules of its parents, None without a parent; `own` tells that
    the mapping is not a shipped one; `cluster` whether it or a parent names the cluster.
    """

    draft: Draft
    format: str
    inherited: dict[str, tuple[Rule, ...]] | None
    own: bool
    cluster: bool


class Found(NamedTuple):
    """A finding: where, and what to do."""

    at: Location
    message: str


def named(view: View, *kinds: str) -> Iterator[Named]:
    """Yield the texts that name something of these kinds."""
    return (name for name in view.draft.names if name.kind in kinds)


def output_keys(view: View) -> Iterator[Named]:
    """Yield the keys of the extension as written, removed ones too."""
    return (name for name in view.draft.keys if name.kind == "extension")


def extension(view: View) -> Iterator[RuleSeen]:
    """Yield the rules of the extension."""
    return (seen for seen in view.draft.rules if seen.section == "extension")


def said_extension(view: View) -> dict[str, object]:
    """Return what the file says of each output key; None for one that goes."""
    said = view.draft.said.get("extension")
    return said if isinstance(said, dict) else {}

"""A chain of drafts becomes one mapping: what the child says stands over what its parents say.

In come drafts, parents first, out comes a `spec.Mapping`. A rule of the child replaces the
parent's whole, null removes a key, lists are replaced, header and envelope merge key by key. Rules
of the severity stand before the parent's, for a list that ends too early would rate all others 5.
Must not know files or nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from cef_bridge.mapping.language.spec import Envelope, Mapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.mapping.language.mapping_file import MappingFile
    from cef_bridge.mapping.language.spec import Rule

_OWN = ("name", "description", "examples", "extends")
"""What belongs to one file and is not inherited."""

_LAST = "msg"
"""Free text stands last (CEF's readers take what follows the last known key for its value)."""

RulesByKey = dict[str, "tuple[Rule, ...]"]


def merge(chain: Sequence[MappingFile]) -> Mapping:
    """Return the mapping that a chain of drafts, parents first, amounts to.

    The last draft names it. What a faulty draft does not say is as if nobody had said it.
    """
    said: dict[str, object] = {}
    envelope: dict[str, object] = {}
    header: RulesByKey = {}
    extension: RulesByKey = {}
    severity: tuple[Rule, ...] = ()
    for draft in chain:
        own = cast("tuple[Rule, ...]", draft.said.get("severity", ()))
        severity = own if "severity" in draft.replaces else (*own, *severity)
        said = {name: value for name, value in said.items() if name not in _OWN} | draft.said
        envelope |= cast("dict[str, object]", draft.said.get("envelope", {}))
        header = merge_rules(header, draft.said.get("header"))
        extension = merge_rules(extension, draft.said.get("extension"))
    said["envelope"] = msgspec.structs.replace(Envelope(), **envelope)
    said["header"], said["extension"], said["severity"] = header, extension, severity
    said["extends"] = tuple(
        name
        for draft in reversed(chain)
        for name in cast("tuple[str, ...]", draft.said.get("extends", ()))
    )
    said["cluster"] = said.get("cluster") or None
    said["path"] = chain[-1].path
    return Mapping(**{"name": "", **said})  # type: ignore[arg-type] # each was read by its declared type


def child(parent: Mapping, name: str, cluster: str) -> Mapping:
    """Return a mapping that says nothing but its name, its parent and the cluster."""
    return msgspec.structs.replace(parent, name=name, cluster=cluster, examples=())


def merge_rules(parent: RulesByKey, child: object) -> RulesByKey:
    """Return the parent's rules with the child's over them; a new key stands before `msg`."""
    child = cast("dict[str, tuple[Rule, ...] | None]", child or {})
    merged = dict(parent)
    new: RulesByKey = {}
    for key, rules in child.items():
        if rules is None:
            merged.pop(key, None)
        elif key in merged:
            merged[key] = rules
        else:
            new[key] = rules
    last = {_LAST: merged.pop(_LAST)} if _LAST in merged else {}
    return {**merged, **new, **last}

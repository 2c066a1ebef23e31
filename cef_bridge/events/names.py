"""KubeArmor's field names in every spelling: PascalCase (relay), camelCase (log file), lower case.

In comes an object as an emitter wrote it, out goes the same object with the names of
`fields.RAW`. A field this version does not know keeps the name it came with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.events.clock import WRAPPER_TIME
from cef_bridge.events.fields import DERIVED, RAW

if TYPE_CHECKING:
    from collections.abc import Collection

MAPS = ("Owner", "ExecEvent", "EventData")

_CANONICAL = {path.lower(): path for path in RAW if "." not in path}
_CANONICAL |= {name.lower(): name for name in MAPS}
_CANONICAL["structureddata"] = "EventData"  # KubeArmor PR 2178, before it was renamed

# KubeArmor's sidekick writes the owner flat (types.KubearmorPayload).
_FLAT_OWNER = {"ownerref": "Ref", "ownername": "Name", "ownernamespace": "Namespace"}

_PARTS = {
    "Owner": {"ref": "Ref", "name": "Name", "namespace": "Namespace"},
    "ExecEvent": {"execid": "ExecID", "executablename": "ExecutableName"},
}

CANONICAL = frozenset(_CANONICAL.values())

_ANY_CASE = {"operation", "type"}


def is_event(keys: Collection[str]) -> bool:
    """Tell whether an object is an event: Operation or Type, or ClusterName and HostName."""
    if "Operation" in keys:  # nearly always, so it is asked first
        return True
    lowered = {key.lower() for key in keys}
    return not lowered.isdisjoint(_ANY_CASE) or {"clustername", "hostname"} <= lowered


def canonical(found: dict[str, object]) -> dict[str, object]:
    """Return the object under KubeArmor's names.

    Of two spellings of one name, the first with a value keeps the name, and the other stays as it
    came, so that neither is lost. `Owner.Name` goes into the map Owner.
    """
    event: dict[str, object] = {}
    for key, value in found.items():
        lower = key.lower()
        head, dot, rest = key.partition(".")
        if lower in _FLAT_OWNER:
            _put_inside(event, "Owner", _FLAT_OWNER[lower], key, value)
        elif dot and (name := _CANONICAL.get(head.lower(), "")) in MAPS:
            _put_inside(event, name, rest, key, value)
        else:
            _put(event, _CANONICAL.get(lower) or _free(key), key, value)
    for name, parts in _PARTS.items():
        inner = event.get(name)
        if isinstance(inner, dict) and not inner.keys() <= set(parts.values()):
            event[name] = {parts.get(key.lower(), key): value for key, value in inner.items()}
    return event


def needs_canonical(found: dict[str, object]) -> bool:
    """Tell whether any name is not as the relay writes it."""
    if not found.keys() <= CANONICAL:
        return True
    owner = found.get("Owner")
    return isinstance(owner, dict) and not owner.keys() <= _OWNER


_EMPTY = (None, "")
_OWNER = frozenset(_PARTS["Owner"].values())
_OURS = frozenset(DERIVED) | {WRAPPER_TIME}


def _put(event: dict[str, object], name: str, key: str, value: object) -> None:
    """Set a field; a second spelling with another value keeps a name of its own."""
    if name in event and event[name] not in _EMPTY and event[name] != value:
        if value in _EMPTY:
            return
        stem = name = _free(key)
        number = 2
        while name in event:
            name, number = f"{stem}{number}", number + 1
    event[name] = value


def _put_inside(event: dict[str, object], name: str, part: str, key: str, value: object) -> None:
    if value in _EMPTY:
        return
    inner = event.setdefault(name, {})
    if isinstance(inner, dict) and inner.get(part, value) == value:
        event[name] = {**inner, part: value}
    else:
        _put(event, _free(key), key, value)


def _free(key: str) -> str:
    """Return a field's name, changed where it would pass for one of the derived fields."""
    if key in _OURS or key.startswith(("data.", "event.")):
        return key.replace(".", "_") if "." in key else f"{key}_"
    return key

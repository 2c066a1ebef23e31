"""KubeArmor's field names in every spelling: PascalCase (relay), camelCase (log file), lower case.

In comes an object as an emitter wrote it, out goes the same object with the names of
`fields.RAW`. A field this version does not know keeps the name it came with.
"""

from __future__ import annotations

from cef_bridge.events.fields import RAW

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


def is_event(keys: object) -> bool:
    """Tell whether an object is an event: Operation or Type, or ClusterName and HostName."""
    lowered = {key.lower() for key in keys}  # type: ignore[attr-defined]
    return not lowered.isdisjoint(_ANY_CASE) or {"clustername", "hostname"} <= lowered


def canonical(found: dict[str, object]) -> dict[str, object]:
    """Return the object under KubeArmor's names; of two spellings of one name, the first with a
    value keeps the name, and the other stays as it came, so that neither is lost.
    """
    event: dict[str, object] = {}
    for key, value in found.items():
        lower = key.lower()
        name = _CANONICAL.get(lower, key)
        if lower in _FLAT_OWNER:
            if value not in (None, ""):
                owner = event.setdefault("Owner", {})
                if isinstance(owner, dict):
                    owner[_FLAT_OWNER[lower]] = value
            continue
        if name in event:
            if event[name] in (None, "") or event[name] == value:
                event[name] = value
            elif value not in (None, ""):
                event[key if key != name else f"{key}2"] = value
            continue
        event[name] = value
    for name, parts in _PARTS.items():
        inner = event.get(name)
        if isinstance(inner, dict) and not inner.keys() <= set(parts.values()):
            event[name] = {parts.get(key.lower(), key): value for key, value in inner.items()}
    return event

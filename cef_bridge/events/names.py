"""KubeArmor's field names in every spelling: PascalCase (relay), camelCase (log file), lower case.

In comes an object as an emitter wrote it, out goes the same object with the names of
`fields.RAW`, and how much it looks like an event. A field this version does not know keeps the name
it came with.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from cef_bridge.events.classes import OPERATIONS, TYPES, text_of
from cef_bridge.events.clock import WRAPPER_TIME
from cef_bridge.events.fields import DERIVED, RAW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

# These names are KubeArmor's in any spelling. The others are words of many log lines (source,
# message, hostname, podName); they are KubeArmor's only as KubeArmor writes them.
_KUBEARMOR_ONLY = frozenset(
    (
        *("updatedtime", "clustername", "namespacename", "hostppid", "hostpid"),
        *("parentprocessname", "policyname", "atags", "eventdata", "structureddata", "execevent"),
        *("enforcer", "kubearmorversion", "maxalertspersec", "droppingalertsinterval"),
        *("processhash", "parenthash", "resourcehash"),
    )
)
_PASCAL = frozenset(name for name in CANONICAL if name[0].isupper())
_PASCAL |= {"OwnerRef", "OwnerName", "OwnerNamespace"}
_KINDS = {"type": "Type", "operation": "Operation"}
_KNOWN = {"type": TYPES, "operation": OPERATIONS}
_PLACE = {"clustername", "hostname"}


class Likeness(Enum):
    """How much an object looks like an event.

    EVENT: its Type or Operation has a value that KubeArmor writes. LIKELY: it has one of the two
    and one more of KubeArmor's names, or ClusterName and HostName; a newer KubeArmor's event looks
    like this, and so may an envelope. NONE: anything else, whatever its `type` says.
    """

    EVENT = "event"
    LIKELY = "likely"
    NONE = "none"


def is_known(found: Mapping[str, object]) -> bool:
    """Tell whether Type or Operation, spelled like this, has a value that KubeArmor writes."""
    return text_of(found.get("Operation")) in OPERATIONS or text_of(found.get("Type")) in TYPES


def likeness(found: Mapping[str, object]) -> Likeness:
    """Tell how much an object looks like an event."""
    if is_known(found):
        return Likeness.EVENT
    lowered = {key.lower() for key in found}
    heads = {key.partition(".")[0] for key in found}  # `Owner.Name` is in Owner
    names = not heads.isdisjoint(_OTHERS) or not lowered.isdisjoint(_KUBEARMOR_ONLY)
    kinds = [key for key in found if key.lower() in _KINDS]
    for key in kinds:
        lower, word = key.lower(), text_of(found[key])
        # "message" is a type of many programs.
        if _KINDS[lower] not in found and word in _KNOWN[lower] and (names or word != "message"):
            return Likeness.EVENT
    if (kinds and (names or found.keys() >= _KINDS_AS_WRITTEN)) or lowered >= _PLACE:
        return Likeness.LIKELY
    return Likeness.NONE


_KINDS_AS_WRITTEN = frozenset(_KINDS.values())
_OTHERS = _PASCAL - _KINDS_AS_WRITTEN


def is_event(found: Mapping[str, object]) -> bool:
    """Tell whether an object is an event, or likely to be one."""
    return likeness(found) is not Likeness.NONE


def own_names(found: Mapping[str, object]) -> int:
    """Return how many names an object has that only KubeArmor uses."""
    return sum(key.lower() in _KUBEARMOR_ONLY for key in found)


def is_name(key: str) -> bool:
    """Tell whether a key is one of KubeArmor's names, in any spelling."""
    return key.lower() in _CANONICAL


def canonical(found: dict[str, object]) -> dict[str, object]:
    """Return the object under KubeArmor's names.

    A key that is one of KubeArmor's names as written has that name, wherever it stands. Of other
    spellings the first with a value gets the name, if nothing else has it; the rest stay as they
    came, so that none is lost. `Owner.Name` goes into the map Owner.
    """
    event: dict[str, object] = {}
    for key, value in found.items():
        lower = key.lower()
        head, dot, rest = key.partition(".")
        if key in CANONICAL:
            event[key] = value
        elif lower in _FLAT_OWNER:
            _put_inside(event, "Owner", _FLAT_OWNER[lower], key, value)
        elif dot and (name := _CANONICAL.get(head.lower(), "")) in MAPS:
            _put_inside(event, name, rest, key, value)
        else:
            name = _CANONICAL.get(lower, "")
            if name in found:
                _put_beside(event, found[name], key, value)
            else:
                _put(event, name or _free(key), key, value)
    for name, parts in _PARTS.items():
        inner = event.get(name)
        if isinstance(inner, dict) and not inner.keys() <= set(parts.values()):
            event[name] = {parts.get(key.lower(), key): value for key, value in inner.items()}
    return event


def needs_canonical(found: dict[str, object]) -> bool:
    """Tell whether any name is not as the relay writes it."""
    return not found.keys() <= CANONICAL or not named_inside(found)


def named_inside(found: Mapping[str, object]) -> bool:
    """Tell whether the parts of Owner and ExecEvent are named as the relay writes them."""
    for name, parts in _PARTS_AS_WRITTEN.items():
        inner = found.get(name)
        if isinstance(inner, dict) and not inner.keys() <= parts:
            return False
    return True


def as_written(keys: Iterable[str]) -> bool:
    """Tell whether `canonical` changes none of these keys, whatever their values are."""
    return all(
        key in CANONICAL
        or not (
            key.lower() in _CANONICAL
            or key.lower() in _FLAT_OWNER
            or key.partition(".")[0].lower() in _MAPS_LOWERED
            or _free(key) != key
        )
        for key in keys
    )


_EMPTY = (None, "")
_PARTS_AS_WRITTEN = {name: frozenset(parts.values()) for name, parts in _PARTS.items()}
_MAPS_LOWERED = frozenset(name.lower() for name in MAPS)
_OURS = frozenset(DERIVED) | {WRAPPER_TIME}


def _put(event: dict[str, object], name: str, key: str, value: object) -> None:
    """Set a field; a second spelling with another value keeps a name of its own."""
    if name not in event or event[name] in _EMPTY:
        event[name] = value
    else:
        _put_beside(event, event[name], key, value)


def _put_beside(event: dict[str, object], other: object, key: str, value: object) -> None:
    """Set a field under the name it came with, unless it says nothing or the same as `other`."""
    if value in _EMPTY or value == other:
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

"""KubeArmor's field names in every spelling: PascalCase (relay), camelCase (log file), lower case.

In comes an object as an emitter wrote it, out goes the same object with the names of
`fields.RAW`, and how much it looks like an event. A field this version does not know keeps the name
it came with.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from cef_bridge.casing import lower_ascii
from cef_bridge.kubearmor.classes import OPERATIONS, TYPES, text_of
from cef_bridge.kubearmor.clock import WRAPPER_TIME
from cef_bridge.kubearmor.fields import DERIVED, RAW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAPS = ("Owner", "ExecEvent", "EventData")

SPELLINGS = {lower_ascii(path): path for path in RAW if "." not in path}
SPELLINGS |= {lower_ascii(name): name for name in MAPS}
SPELLINGS["structureddata"] = "EventData"  # KubeArmor PR 2178, before it was renamed

# KubeArmor's sidekick writes the owner flat (types.KubearmorPayload).
FLAT_OWNER = {"ownerref": "Ref", "ownername": "Name", "ownernamespace": "Namespace"}

PARTS = {
    "Owner": {"ref": "Ref", "name": "Name", "namespace": "Namespace"},
    "ExecEvent": {"execid": "ExecID", "executablename": "ExecutableName"},
}

CANONICAL = frozenset(SPELLINGS.values())

# These names are KubeArmor's in any spelling. The others are words of many log lines (source,
# message, hostname, podName); they are KubeArmor's only as KubeArmor writes them.
KUBEARMOR_ONLY = frozenset(
    (
        *("updatedtime", "clustername", "namespacename", "hostppid", "hostpid"),
        *("parentprocessname", "policyname", "atags", "eventdata", "structureddata", "execevent"),
        *("enforcer", "kubearmorversion", "maxalertspersec", "droppingalertsinterval"),
        *("processhash", "parenthash", "resourcehash"),
    )
)
_PASCAL = frozenset(name for name in CANONICAL if "A" <= name[0] <= "Z")
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
    lowered = {lower_ascii(key) for key in found}
    heads = {key.partition(".")[0] for key in found}  # `Owner.Name` is in Owner
    names = not heads.isdisjoint(_OTHERS) or not lowered.isdisjoint(KUBEARMOR_ONLY)
    kinds = [key for key in found if lower_ascii(key) in _KINDS]
    for key in kinds:
        lower, word = lower_ascii(key), text_of(found[key])
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
    return sum(lower_ascii(key) in KUBEARMOR_ONLY for key in found)


def is_name(key: str) -> bool:
    """Tell whether a key is one of KubeArmor's names, in any spelling."""
    return lower_ascii(key) in SPELLINGS


def canonical(found: dict[str, object]) -> dict[str, object]:
    """Return the object under KubeArmor's names.

    A key that is one of KubeArmor's names as written has that name, wherever it stands. Of other
    spellings the first with a value gets the name, if nothing else has it; the rest stay as they
    came, so that none is lost. `Owner.Name` goes into the map Owner.
    """
    names = _Names(found)
    for key, value in found.items():
        lower = lower_ascii(key)
        head, dot, rest = key.partition(".")
        if key in CANONICAL:
            names.put_own(key, value)
        elif lower in FLAT_OWNER:
            names.put_inside("Owner", FLAT_OWNER[lower], key, value)
        elif dot and (name := SPELLINGS.get(lower_ascii(head), "")) in MAPS:
            names.put_inside(name, rest, key, value)
        else:
            names.put(SPELLINGS.get(lower, ""), key, value)
    event = names.event
    for name, parts in PARTS.items():
        inner = event.get(name)
        if isinstance(inner, dict) and not inner.keys() <= set(parts.values()):
            event[name] = {parts.get(lower_ascii(key), key): value for key, value in inner.items()}
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
            lower_ascii(key) in SPELLINGS
            or lower_ascii(key) in FLAT_OWNER
            or lower_ascii(key.partition(".")[0]) in _MAPS_LOWERED
            or _free(key) != key
        )
        for key in keys
    )


_EMPTY = (None, "")
_PARTS_AS_WRITTEN = {name: frozenset(parts.values()) for name, parts in PARTS.items()}
_MAPS_LOWERED = frozenset(lower_ascii(name) for name in MAPS)
OURS = frozenset(DERIVED) | {WRAPPER_TIME}


class _Names:
    """An event in the making: the fields of `found` under KubeArmor's names, each at its place.

    `inside`: the maps that got fields from beside them. `numbers`: the next number of a name that
    several fields have; looking for a free one from 2 on would be quadratic.
    """

    def __init__(self, found: dict[str, object]) -> None:
        self.event: dict[str, object] = {}
        self._found = found
        self._inside: dict[str, dict[str, object]] = {}
        self._numbers: dict[str, int] = {}

    def put_own(self, name: str, value: object) -> None:
        """Set a field that is named as KubeArmor names it."""
        if name not in self._inside:  # it holds the value, too
            self.event[name] = value

    def put(self, name: str, key: str, value: object) -> None:
        """Set a field in another spelling, or one that KubeArmor has not ("" for a name)."""
        if name and name in self._found:
            self._put_beside(self._found[name], key, value)
            return
        name = name or _free(key)
        if name not in self.event or self.event[name] in _EMPTY:
            self.event[name] = value
        else:
            self._put_beside(self.event[name], key, value)

    def put_inside(self, name: str, part: str, key: str, value: object) -> None:
        """Set a field of a map that stands beside it."""
        if value in _EMPTY:
            return
        inner = self._inside.get(name)
        if inner is None:
            there = self._found.get(name) or self.event.get(name) or {}
            if not isinstance(there, dict):
                self.put("", key, value)
                return
            inner = self._inside[name] = self.event[name] = {**there}
        if inner.setdefault(part, value) != value:
            self.put("", key, value)

    def _put_beside(self, other: object, key: str, value: object) -> None:
        """Set a field under the name it came with, if it says something that `other` does not."""
        if value in _EMPTY or value == other:
            return
        stem = name = _free(key)
        number = self._numbers.get(stem, 2)
        while name in self.event:
            name, number = f"{stem}{number}", number + 1
        self._numbers[stem] = number
        self.event[name] = value


def _free(key: str) -> str:
    """Return a field's name, changed where it would pass for one of the derived fields."""
    if key in OURS or key.startswith(("data.", "event.")):
        return key.replace(".", "_") if "." in key else f"{key}_"
    return key

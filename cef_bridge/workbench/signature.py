"""What makes two events the same to a mapping: their signatures, of the container and of the rest.

In come an event's raw fields, out come two keys: events with equal keys are treated alike but for
what changes with each. Of times and process ids only what is asked of them is in a key, and of
usual texts (`plain`) nothing. Irregular is raised for what is not of its usual form. Must not know
what is found out about events.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import orjson

from cef_bridge.events.classes import scope_of
from cef_bridge.events.clock import WRAPPER_TIME
from cef_bridge.events.unwrap import stands_alone
from cef_bridge.fastpath.deps import INSTANT, KNOWN, NESTED, PROCESS_IDS
from cef_bridge.fastpath.segments import SECONDS, Irregular, remember_second
from cef_bridge.workbench.plain import marks_of, usual_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.workbench.plain import Alike
    from cef_bridge.workbench.split import Split

Raw = dict[str, object]

_MOST_UNKNOWN = 32


class RestKey(NamedTuple):
    """The rest's key, and how many characters its usual texts have together, of which it says
    nothing.
    """

    key: object
    length: int


class Shape:
    """Events with the same keys in the same order: where the parts of their signature stand."""

    def __init__(self, keys: tuple[str, ...], split: Split, alike: dict[str, Alike]) -> None:
        changing = (*NESTED, *INSTANT, WRAPPER_TIME)  # with UpdatedTime nobody asks the wrapper
        flat = [key for key in keys if key not in changing]
        own = [key for key in flat if key in split.workload]
        unknown = [key for key in flat if key not in KNOWN and key not in split.asked]
        rest = [key for key in flat if key not in own and key not in unknown]
        nested = [key for key in keys if key in NESTED]
        self.exact = _getter(rest)
        # A Resource is asked what it is the resource of.
        self.alike = [
            alike[key]
            for key in rest
            if key in alike and (key != "Resource" or "Operation" in keys)
        ]
        texts = {field.name for field in self.alike}
        rest = [key for key in rest if key not in texts]
        self.own_names = (*own, *(key for key in nested if key in split.workload))
        self.own = _getter(own)
        self.rest = _getter(rest)
        self.own_nested = [key for key in nested if key in split.workload]
        self.rest_nested = [key for key in nested if key not in split.workload]
        self.unknown = unknown
        self.process_ids = _getter([key for key in PROCESS_IDS if key in keys])
        self.plain = "UpdatedTime" not in keys or len(unknown) > _MOST_UNKNOWN or split.live
        self.plain = self.plain or not stands_alone(keys)

    def usual(self, raw: Raw) -> frozenset[str]:
        """Return the fields of an event whose texts are one of many."""
        if not self.alike:
            return frozenset()
        nested = [orjson.dumps(raw[key]) for key in self.rest_nested]
        return usual_fields(self.alike, marks_of(self.alike, raw, nested))


def _getter(keys: list[str]) -> Callable[[Raw], tuple[object, ...]]:
    if len(keys) > 1:
        return itemgetter(*keys)
    return (lambda raw: (raw[keys[0]],)) if keys else (lambda _: ())


def own_key(shape: Shape, raw: Raw) -> tuple[object, ...]:
    """What the container decides: its scope, its fields and their kinds (7 equals 7.0 and true)."""
    values = shape.own(raw)
    nested = [orjson.dumps(raw[key]) for key in shape.own_nested]
    return (shape.own_names, scope_of(raw), values, tuple(map(type, values)), *nested)


def rest_key(shape: Shape, raw: Raw, *, exact: bool = False) -> RestKey:
    """What decides the rest; with `exact` its texts are told apart, usual or not."""
    stamp = raw["UpdatedTime"]
    if not isinstance(stamp, str) or len(stamp) != 27:
        raise Irregular
    _check_time(stamp)
    nested = [orjson.dumps(raw[key]) for key in shape.rest_nested]
    texts: tuple[object, ...] = ()
    length = 0
    if shape.alike and not exact:
        texts, length = marks_of(shape.alike, raw, nested)
    values = shape.exact(raw) if exact else shape.rest(raw)
    key = (
        shape,
        texts,
        scope_of(raw),
        values,
        tuple(map(type, values)),
        type(raw.get("Timestamp")),
        _equal_ids(shape.process_ids(raw)),
    )
    if nested or shape.unknown:
        return RestKey((*key, *nested, *[_unknown(raw[it]) for it in shape.unknown]), length)
    return RestKey(key, length)


def _check_time(stamp: str) -> None:
    """Raise Irregular for a time that CEF may not be able to say."""
    if stamp[:19] not in SECONDS:
        remember_second(stamp)
    fraction = stamp[20:26]
    if stamp[19] != "." or stamp[26] != "Z" or not (fraction.isdecimal() and fraction.isascii()):
        raise Irregular


def _equal_ids(ids: tuple[object, ...]) -> tuple[int, ...]:
    """Return which process ids are 0 (-1) and which are equal (the place of the first of them)."""
    for it in ids:
        if type(it) is not int or not 0 <= it < 1 << 31:
            raise Irregular
    return tuple([-1 if it == 0 else ids.index(it) for it in ids])


def _unknown(value: object) -> object:
    """A field this version does not know is kept as it is, if there is anything to keep."""
    if type(value) is int:
        return int
    if isinstance(value, str) and value and value.isprintable() and not value.isspace():
        return str if "EF:" not in value else value
    return orjson.dumps(value)

"""Around an event: what exporters, collectors and container runtimes put there.

In comes a parsed JSON value, out comes what it holds: events under KubeArmor's names, each with the
name of its dialect and the time of what is around it; texts that may hold one, which the caller
reads as lines; or nothing. An object that is no event is an envelope, whoever made it: its values
are looked into, and it is named by the path to them. Each value is looked at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cef_bridge.casing import lower_ascii
from cef_bridge.kubearmor.clock import WRAPPER_TIME, moment
from cef_bridge.kubearmor.names import (
    MAPS,
    Likeness,
    canonical,
    is_event,
    is_known,
    is_name,
    likeness,
    needs_canonical,
    own_names,
)
from cef_bridge.kubearmor.numbers import whole
from cef_bridge.kubearmor.signs import may_hold

if TYPE_CHECKING:
    from collections.abc import Mapping

DIALECTS = ("relay", "logfile", "sidekick", "otlp", "elasticsearch")
WRAPPERS = ("docker", "cri", "syslog")


class Around(NamedTuple):
    """What stands around a value: the path to it, the nearest time, the dialect if it says one."""

    path: str = ""
    time: int | None = None
    dialect: str = ""

    def inside(self, key: str, time: int | None = None) -> Around:
        """Return what stands around the value of a key."""
        shown = re.sub(_UNSHOWN, "?", key[:_MOST_KEY])
        path = f"{self.path}.{shown}" if self.path else shown
        if len(path) > _MOST_PATH:
            path = f"{path[: _MOST_PATH - 1]}…"
        return Around(path, self.time if time is None else time, self.dialect)


class FoundEvent(NamedTuple):
    """An event (`fields` under KubeArmor's names), or None: JSON that is no event.

    `path` leads to it. `fault` says why what has KubeArmor's names is no event.
    """

    fields: dict[str, object] | None
    dialect: str = ""
    path: str = ""
    fault: str = ""


class Wrapped(NamedTuple):
    """A text inside of an object, to be read as a line; `partial` says that it goes on.

    `wrapper` is its name for `--input-format`, "" for one that has none.
    """

    text: str
    stream: str
    partial: bool
    time: int | None
    wrapper: str = "docker"
    path: str = ""


class Inside(NamedTuple):
    """What the values of an object may hold, each for itself. `event` is what the object is if they
    hold no event of a known type: an event after all, or an empty Found.
    """

    values: tuple[list[Item], ...]
    event: FoundEvent


Item: TypeAlias = FoundEvent | Wrapped | Inside

_NOTHING = FoundEvent(None)
_MOST_KEY, _MOST_PATH = 64, 200  # characters of a path that is shown
# Control characters, marks that cannot be seen or turn the reading order, surrogates.
_UNSHOWN = (
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_MOST_NAMES = 3  # so many names that only KubeArmor has belong to an event, whatever it lacks
_NO_KIND = "it has KubeArmor's names, but neither Type nor Operation"


def unwrap(value: object, around: Around = Around()) -> list[Item]:  # noqa: B008 - a constant
    """Return what a JSON value holds, at least one item; the value must be nested 64 deep at most,
    as `decode.loads` gives it.
    """
    if isinstance(value, list):
        inner = around._replace(path=f"{around.path}[]") if around.path else around
        return [item for each in value for item in _element(each, inner)] or [_NOTHING]
    if not isinstance(value, dict):
        return [_NOTHING]
    detail = value.get("Detail")
    if isinstance(detail, dict) and is_event({**value, **detail}):
        return [_found(_sidekick(value, detail), around, "sidekick")]
    like = likeness(value)
    if around.path and like is Likeness.EVENT and not is_known(value) and not own_names(value):
        like = Likeness.NONE  # {"operation": "process"} stands somewhere in many a log line
    if like is Likeness.EVENT:
        event = _found(_named(value), around, _dialect(value))
        # A shipper that has parsed a log line may leave it there; it holds the same event.
        if _is_json(value.get("log")):
            return [Inside(([_log(value, around.inside("log", _time_of(value)))],), event)]
        return [event]
    if (hits := _hits(value)) is not None:
        inner = around._replace(dialect=around.dialect or "elasticsearch")
        return unwrap(hits, inner.inside("_source" if isinstance(hits, dict) else "hits"))
    if isinstance(value.get("resourceLogs"), list):
        return _otlp(value, around) or [_NOTHING]
    if isinstance(body := value.get("body"), dict) and "kvlistValue" in body:
        return _record(value, around)
    return _envelope(value, around, like)


def _element(value: object, around: Around) -> list[Item]:
    if isinstance(value, str) and may_hold(value.encode("utf-8", "surrogatepass")):
        return [Wrapped(value, "", False, around.time, "", around.path)]
    return unwrap(value, around)


def _envelope(value: dict[str, object], around: Around, like: Likeness) -> list[Item]:
    """Look into the values of an object that is no event for certain."""
    ours = own_names(value)
    event = like is Likeness.LIKELY and ours > 0
    time = _time_of(value)
    values = []
    for key, inner in value.items():
        # What an event says in a text under KubeArmor's names is chosen by whom it tells of.
        if key in MAPS or (event and isinstance(inner, str) and is_name(key)):
            continue
        if items := _value(value, key, inner, around, time):
            values.append(items)
    itself = _NOTHING
    if like is Likeness.LIKELY:
        itself = _found(_named(value), around, _dialect(value))
    elif ours >= _MOST_NAMES:
        itself = FoundEvent(None, path=around.path, fault=_NO_KIND)
    return [Inside(tuple(values), itself)] if values else [itself]


def _value(
    outer: dict[str, object], key: str, value: object, around: Around, time: int | None
) -> list[Item]:
    """Return what the value of a key may hold."""
    if isinstance(value, (dict, list)):
        found = unwrap(value, around.inside(key, time))
        return [item for item in found if item is not _NOTHING]
    if not isinstance(value, str):
        return []
    if key == "log":
        return [_log(outer, around.inside(key, time))]
    line = key in _LINES
    if not line and not may_hold(value.encode("utf-8", "surrogatepass")):
        return []
    place = around.inside(key, time)
    return [Wrapped(value, "", False, place.time, "syslog" if line else "", place.path)]


_LINES = ("message", "MESSAGE")  # where shippers and journald have the line itself

# Docker's json-file driver cuts a line after so many bytes (moby: daemon/logger/copier.go). A
# shorter text without a line end is a whole line that a shipper (Fluent Bit) has trimmed.
_DOCKER_PART = 16384


def _log(value: Mapping[str, object], around: Around) -> Wrapped:
    text = str(value["log"])
    partial = not text.endswith("\n") and len(text.encode("utf-8", "replace")) >= _DOCKER_PART
    stream = str(value.get("stream", ""))
    return Wrapped(text, stream, partial, around.time, "docker", around.path)


def _is_json(text: object) -> bool:
    return isinstance(text, str) and text.lstrip()[:1] == "{"


# Under these names, letters only, envelopes have their time; the first that can be read counts.
_TIMES = (
    *("realtimetimestamp", "time", "timestamp", "eventtime", "timegenerated", "timeunixnano"),
    *("observedtimeunixnano", "date", "ts", "datetime", "receivetimestamp", "ingestiontime"),
)
_MOST_TIME = 32  # characters of such a name
_NO_LETTER = re.compile(r"[\x00-@\[-`{-\x7f]+")  # of ASCII


def _time_of(value: Mapping[str, object]) -> int | None:
    found: dict[str, int] = {}
    for key, stamp in value.items():
        if len(key) > _MOST_TIME or not isinstance(stamp, (str, int, float)):
            continue
        name = lower_ascii(_NO_LETTER.sub("", key))
        if name in _TIMES and name not in found and (time := moment(stamp)) is not None:
            found[name] = time
    return next((found[name] for name in _TIMES if name in found), None)


def _hits(value: Mapping[str, object]) -> object:
    """Return the documents of an Elasticsearch or OpenSearch answer, or one hit's; else None."""
    if isinstance(source := value.get("_source"), dict):
        return source
    hits = value.get("hits")
    if isinstance(hits, dict):
        hits = hits.get("hits")
    return hits if isinstance(hits, list) else None


def _found(event: dict[str, object], around: Around, dialect: str) -> FoundEvent:
    if around.time is not None:
        event[WRAPPER_TIME] = around.time
    return FoundEvent(event, around.dialect or dialect, around.path)


def _named(value: dict[str, object]) -> dict[str, object]:
    return canonical(value) if needs_canonical(value) else value


def _dialect(value: Mapping[str, object]) -> str:
    return "relay" if "Operation" in value or "Type" in value or "HostName" in value else "logfile"


def _sidekick(outer: Mapping[str, object], detail: dict[str, object]) -> dict[str, object]:
    """KubeArmor's sidekick puts the fields into Detail; what stands outside fills the gaps."""
    event = canonical(detail)
    for key, value in canonical({k: v for k, v in outer.items() if k != "Detail"}).items():
        if event.get(key) in (None, ""):
            event[key] = value
    return event


def _otlp(value: Mapping[str, object], around: Around) -> list[Item]:
    """OTLP/JSON: resourceLogs[].scopeLogs[].logRecords[]; what is no such list is passed over."""
    items: list[Item] = []
    for name in ("resourceLogs", "scopeLogs", "logRecords"):
        inner = value.get(name)
        for entry in inner if isinstance(inner, list) else ():
            if isinstance(entry, dict):
                items += (_record if name == "logRecords" else _otlp)(entry, around)
    return items


def _record(record: Mapping[str, object], around: Around) -> list[Item]:
    """Return what a log record of OTLP holds: its body, as fields or as a text."""
    time = moment(record.get("timeUnixNano"))
    if time is None:
        time = moment(record.get("observedTimeUnixNano"))
    body = _plain(record.get("body"))
    inner = around._replace(dialect="otlp").inside("body", time)
    if isinstance(body, str):
        return [Wrapped(body, "", False, inner.time, "otlp", inner.path)]
    return unwrap(body, inner)


def _plain(value: object) -> object:
    """Return OTLP's AnyValue as plain JSON; integers that became doubles are mended by `derive`."""
    if not isinstance(value, dict):
        return None
    for kind, inner in value.items():
        if kind in ("kvlistValue", "arrayValue"):
            entries = inner.get("values") if isinstance(inner, dict) else None
            entries = entries if isinstance(entries, list) else []
            if kind == "arrayValue":
                return [_plain(entry) for entry in entries]
            return {
                entry["key"]: _plain(entry.get("value"))
                for entry in entries
                if isinstance(entry, dict) and isinstance(entry.get("key"), str)
            }
        if kind in ("stringValue", "doubleValue", "boolValue", "bytesValue"):
            return inner
        if kind == "intValue":  # an int64 is a text in OTLP/JSON
            return inner if (number := whole(inner)) is None else number
    return None

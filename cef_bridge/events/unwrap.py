"""Around an event: the wrappers that exporters, collectors and container runtimes put there.

In comes a parsed JSON value, out come the events inside it, under KubeArmor's names, each with the
name of its dialect and, where the wrapper has one, the wrapper's time. Text inside a wrapper
(docker's `log`) goes back to the caller, who joins partial lines and reads it as a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.clock import WRAPPER_TIME, moment, number
from cef_bridge.events.names import as_written, canonical, is_event, needs_canonical
from cef_bridge.events.numbers import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DIALECTS = ("relay", "logfile", "sidekick", "otlp", "elasticsearch")
WRAPPERS = ("docker", "cri", "syslog")
MOST_LEVELS = 12


class Found(NamedTuple):
    """An event (`fields` under KubeArmor's names), or None: JSON that is no event."""

    fields: dict[str, object] | None
    dialect: str = ""


class Wrapped(NamedTuple):
    """A text inside a wrapper, to be read as a line; `partial` says that it goes on."""

    text: str
    stream: str
    partial: bool
    time: int | None
    wrapper: str = "docker"


def unwrap(
    value: object, time: int | None = None, dialect: str = "", level: int = 0
) -> Iterator[Found | Wrapped]:
    """Yield what a JSON value holds; one that holds no event at all yields one empty `Found`."""
    if level > MOST_LEVELS:
        yield Found(None)
    elif isinstance(value, list):
        if not value:
            yield Found(None)
        for element in value:
            yield from unwrap(element, time, dialect, level + 1)
    elif not isinstance(value, dict):
        yield Found(None)
    elif isinstance(detail := value.get("Detail"), dict) and is_event({**value, **detail}):
        yield Found(_stamp(_sidekick(value, detail), time), dialect or "sidekick")
    elif (hits := _hits(value)) is not None:
        yield from unwrap(hits, time, dialect or "elasticsearch", level + 1)
    elif isinstance(value.get("resourceLogs"), list):
        yield from _otlp(value, level)
    elif isinstance(body := value.get("body"), dict) and "kvlistValue" in body:
        yield _record(value)
    elif (wrapped := _wrapped(value)) is not None:
        yield wrapped
    elif is_event(value):
        yield Found(_stamp(_named(value), time), dialect or _dialect(value))
    elif isinstance(inner := value.get("log") or value.get("message"), dict):
        yield from unwrap(inner, time, dialect, level + 1)
    else:
        yield Found(None)


def _hits(value: Mapping[str, object]) -> object:
    """Return the documents of an Elasticsearch or OpenSearch answer, or one hit's; else None."""
    if isinstance(source := value.get("_source"), dict):
        return source
    hits = value.get("hits")
    if isinstance(hits, dict):
        hits = hits.get("hits")
    return hits if isinstance(hits, list) else None


# Docker's json-file driver cuts a line after so many bytes (moby: daemon/logger/copier.go). A
# shorter text without a line end is a whole line that a shipper (Fluent Bit) has trimmed.
_DOCKER_PART = 16384


def _wrapped(value: Mapping[str, object]) -> Wrapped | None:
    """Return the line inside a container runtime's, journald's or a shipper's JSON, else None."""
    if isinstance(text := value.get("log"), str):
        partial = not text.endswith("\n") and len(text.encode("utf-8", "replace")) >= _DOCKER_PART
        return Wrapped(text, str(value.get("stream", "")), partial, _when(value.get("time")))
    text = value.get("MESSAGE", value.get("message"))
    # KubeArmor has a field "message" of its own; a wrapper's holds the event, and it has none.
    if isinstance(text, str) and (text.lstrip()[:1] == "{" or not is_event(value)):
        if any(key.lower() == "operation" for key in value):
            return None
        stamp = value.get("__REALTIME_TIMESTAMP", value.get("@timestamp"))
        return Wrapped(text, "", partial=False, time=_when(stamp), wrapper="syslog")
    return None


_AROUND = frozenset(("Detail", "_source", "hits", "resourceLogs", "body", "log"))


def stands_alone(keys: Iterable[str]) -> bool:
    """Tell whether an event with these keys is what `unwrap` gives, whatever else its values are:
    none of them is renamed, and none may hold the event itself.
    """
    return as_written(keys) and _AROUND.isdisjoint(keys)


def _named(value: dict[str, object]) -> dict[str, object]:
    return canonical(value) if needs_canonical(value) else value


def _dialect(value: Mapping[str, object]) -> str:
    return "relay" if "Operation" in value or "Type" in value or "HostName" in value else "logfile"


def _stamp(event: dict[str, object], time: int | None) -> dict[str, object]:
    if time is not None:
        event[WRAPPER_TIME] = time
    return event


def _when(value: object) -> int | None:
    return number(value) if (found := moment(value)) is None else found


def _sidekick(outer: Mapping[str, object], detail: dict[str, object]) -> dict[str, object]:
    """KubeArmor's sidekick puts the fields into Detail; what stands outside fills the gaps."""
    event = canonical(detail)
    for key, value in canonical({k: v for k, v in outer.items() if k != "Detail"}).items():
        if event.get(key) in (None, ""):
            event[key] = value
    return event


def _otlp(value: Mapping[str, object], level: int) -> Iterator[Found | Wrapped]:
    """OTLP/JSON: resourceLogs[].scopeLogs[].logRecords[]; what is no such list is passed over."""
    found = False
    for name in ("resourceLogs", "scopeLogs", "logRecords"):
        inner = value.get(name)
        for entry in inner if isinstance(inner, list) else ():
            if not isinstance(entry, dict):
                continue
            if name == "logRecords":
                found = True
                body = entry.get("body")
                if isinstance(body, dict) and isinstance(text := body.get("stringValue"), str):
                    stamp = _when(entry.get("timeUnixNano"))
                    yield Wrapped(text, "", partial=False, time=stamp, wrapper="otlp")
                else:
                    yield _record(entry)
            elif level < MOST_LEVELS:
                found = True
                yield from _otlp(entry, level + 1)
    if not found:
        yield Found(None)


def _record(record: Mapping[str, object]) -> Found:
    body = _plain(record.get("body"), 0)
    if not isinstance(body, dict) or not is_event(body):
        return Found(None)
    return Found(_stamp(canonical(body), _when(record.get("timeUnixNano"))), "otlp")


def _plain(value: object, level: int) -> object:
    """Return OTLP's AnyValue as plain JSON; integers that became doubles are mended by `derive`."""
    if not isinstance(value, dict) or level > MOST_LEVELS:
        return None
    for kind, inner in value.items():
        if kind in ("kvlistValue", "arrayValue"):
            entries = inner.get("values") if isinstance(inner, dict) else None
            entries = entries if isinstance(entries, list) else []
            if kind == "arrayValue":
                return [_plain(entry, level + 1) for entry in entries]
            return {
                entry["key"]: _plain(entry.get("value"), level + 1)
                for entry in entries
                if isinstance(entry, dict) and isinstance(entry.get("key"), str)
            }
        if kind in ("stringValue", "doubleValue", "boolValue", "bytesValue"):
            return inner
        if kind == "intValue":  # an int64 is a text in OTLP/JSON
            return inner if (number := whole(inner)) is None else number
    return None

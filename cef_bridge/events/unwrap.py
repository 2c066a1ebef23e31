"""Around an event: the wrappers that exporters, collectors and container runtimes put there.

In comes a parsed JSON value, out come the events inside it, under KubeArmor's names, each with the
name of its dialect and, where the wrapper has one, the wrapper's time. Text inside a wrapper
(docker's `log`) goes back to the caller, who joins partial lines and reads it as a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.clock import WRAPPER_TIME, microseconds, number
from cef_bridge.events.names import CANONICAL, canonical, is_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


def unwrap(
    value: object, time: int | None = None, dialect: str = "", level: int = 0
) -> Iterator[Found | Wrapped]:
    """Yield what a JSON value holds. A value that holds no event at all yields one empty `Found`."""
    if level > MOST_LEVELS:
        yield Found(None)
        return
    if isinstance(value, list):
        if not value:
            yield Found(None)
        for element in value:
            yield from unwrap(element, time, dialect, level + 1)
        return
    if not isinstance(value, dict):
        yield Found(None)
        return
    get = value.get
    if isinstance(inner := get("Detail"), dict):
        yield Found(_stamp(_sidekick(value, inner), time), dialect or "sidekick")
    elif isinstance(inner := get("_source"), dict):
        yield from unwrap(inner, time, dialect or "elasticsearch", level + 1)
    elif isinstance(hits := get("hits"), dict) and isinstance(inner := hits.get("hits"), list):
        yield from unwrap(inner, time, dialect or "elasticsearch", level + 1)
    elif isinstance(inner := get("hits"), list):
        yield from unwrap(inner, time, dialect or "elasticsearch", level + 1)
    elif isinstance(get("resourceLogs"), list):
        yield from _otlp(value, level)
    elif isinstance(body := get("body"), dict) and "kvlistValue" in body:
        yield _record(value)
    elif is_event(value):
        yield Found(_stamp(_named(value), time), dialect or _dialect(value))
    elif isinstance(text := get("log"), str):
        yield Wrapped(text, str(get("stream", "")), not text.endswith("\n"), _when(get("time")))
    elif isinstance(text := get("MESSAGE", get("message")), str):
        stamp = get("__REALTIME_TIMESTAMP", get("@timestamp"))
        yield Wrapped(text, "", partial=False, time=_when(stamp))
    elif isinstance(get("log"), dict) or isinstance(get("message"), dict):
        yield from unwrap(get("log") or get("message"), time, dialect, level + 1)
    else:
        yield Found(None)


def _named(value: dict[str, object]) -> dict[str, object]:
    return value if value.keys() <= CANONICAL else canonical(value)


def _dialect(value: Mapping[str, object]) -> str:
    return "relay" if "Operation" in value or "Type" in value or "HostName" in value else "logfile"


def _stamp(event: dict[str, object], time: int | None) -> dict[str, object]:
    if time is not None:
        event[WRAPPER_TIME] = time
    return event


def _when(value: object) -> int | None:
    if isinstance(value, str) and (found := microseconds(value)) is not None:
        return found
    return number(value)


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
                    yield Wrapped(text, "", partial=False, time=_when(entry.get("timeUnixNano")))
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
    """OTLP's AnyValue as plain JSON; integers, which became doubles, are mended by `derive`."""
    if not isinstance(value, dict) or level > MOST_LEVELS:
        return None
    for kind, inner in value.items():
        if kind == "kvlistValue" and isinstance(inner, dict):
            pairs = inner.get("values")
            return {
                str(pair.get("key")): _plain(pair.get("value"), level + 1)
                for pair in (pairs if isinstance(pairs, list) else ())
                if isinstance(pair, dict)
            }
        if kind == "arrayValue" and isinstance(inner, dict):
            values = inner.get("values")
            return [_plain(entry, level + 1) for entry in values] if isinstance(values, list) else []
        if kind in ("stringValue", "doubleValue", "boolValue", "bytesValue"):
            return inner
        if kind == "intValue":  # an int64 is a text in OTLP/JSON
            return int(inner) if isinstance(inner, str) and inner.lstrip("-").isdigit() else inner
    return None

"""An event and all that can be concluded from it, as one flat set of fields.

In comes an object under KubeArmor's names (`decode`), out goes an `Event` whose `fields` hold the
raw fields (`Owner.Name` flattened) and the derived ones of `fields.DERIVED`. Every derived value
says what it holds, so that a mapping can tell which part of an event nobody has taken yet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events import identity
from cef_bridge.events.activity import Activity, call_of, describe
from cef_bridge.events.classes import Class, classify
from cef_bridge.events.clock import WRAPPER_TIME, event_time, microseconds
from cef_bridge.events.fields import RAW
from cef_bridge.events.names import MAPS
from cef_bridge.events.summary import summary

if TYPE_CHECKING:
    from collections.abc import Mapping

INTEGERS = frozenset(path for path, row in RAW.items() if row.kind == "integer")


class Event(NamedTuple):
    """One event. `fields`: path to value, raw and derived. `parts`: raw field to the (path, raw
    text) of its tokens. `holds`: derived path to what it holds. `spare`: raw fields and token
    paths that say nothing new in this event, and need no place in a line.
    """

    fields: dict[str, object]
    parts: Mapping[str, tuple[tuple[str, str], ...]]
    holds: Mapping[str, tuple[str, ...]]
    spare: frozenset[str]
    kind: Class


def whole(value: object) -> int | None:
    """Return an integer that came as a number, a decimal text or a float (1.89539e+06); else None."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        digits = value.strip()
        if digits.removeprefix("-").isdigit() and digits.isascii() and len(digits) <= 20:
            return int(digits)
        try:
            return whole(float(digits)) if len(digits) <= 32 else None
        except (ValueError, OverflowError):
            return None
    return None


def derive(
    raw: dict[str, object], *, origin: str = "", assumed_time: int | None = None
) -> Event:
    """Return the event with everything derived.

    `origin` tells an event without a time from its repetitions (source name, 0x1f, byte offset);
    `assumed_time` is such an event's time, in epoch microseconds. It does not change the id.
    """
    fields = flatten(raw)
    data, resource = _text(raw.get("Data")), _text(raw.get("Resource"))
    event_data = raw.get("EventData")
    extra = event_data if isinstance(event_data, dict) else None
    call, flags = call_of(data)
    if not call and extra:
        call, flags = _call_of_map(extra)
    kind = classify(raw, call, flags)
    act = describe(
        operation=kind.operation, verb=kind.verb, data=data, resource=resource, event_data=extra
    )
    fields.update(act.values)
    holds = dict(act.holds)
    spare = set(act.void)
    _class_fields(kind, fields)
    _image(fields)
    parts = dict(act.parts)
    _tags(raw, fields, parts, spare)
    _process(raw, kind, fields, holds)
    _hash(kind, fields, holds)
    _reason(fields, holds)
    _time(raw, fields, holds, spare)
    _spare(raw, kind, fields, spare, act)
    fields["event.id"] = identity.event_id(raw, "" if "event.time" in fields else origin)
    if assumed_time is not None and "event.time" not in fields:
        fields["event.time"], fields[EVENT_TIME_US] = assumed_time // 1000, assumed_time
    group = identity.verb_group(kind.verb)
    if group and (path := fields.get("file.path")) and "HostPID" in fields:
        names = (fields.get(name) for name in ("HostName", "ContainerID", "HostPID"))
        host, container, pid = (identity.id_text(value) for value in names)
        fields["event.act_key"] = identity.act_key(host, container, pid, group, str(path))
    if sentence := summary(fields):
        fields["event.summary"] = sentence
    return Event(fields, parts, holds, frozenset(spare), kind)


def flatten(raw: Mapping[str, object]) -> dict[str, object]:
    """Return the raw fields that have a value: maps with known parts flattened, integers whole."""
    fields: dict[str, object] = {}
    for name, value in raw.items():
        if value is None or value == "" or value == {} or value == [] or name == WRAPPER_TIME:
            continue
        if name in MAPS and isinstance(value, dict):
            if name == "EventData":
                fields[name] = value
            for key, inner in value.items():
                if inner not in (None, ""):
                    fields[f"{name}.{key}"] = inner
            continue
        if name in INTEGERS and type(value) is not int:
            number = whole(value)
            value = value if number is None else number  # noqa: PLW2901 - the same field, as it is meant
        fields[name] = value
    return fields


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _call_of_map(event_data: Mapping[str, object]) -> tuple[str, str]:
    lowered = {key.lower(): value for key, value in event_data.items()}
    for key in ("syscall", "kprobe", "kfunc", "lsm"):
        call = _text(lowered.get(key)).partition(",")[0]
        if call:
            return call, _text(lowered.get("flags"))
    return "", ""


def _class_fields(kind: Class, fields: dict[str, object]) -> None:
    fields["event.kind"] = kind.kind
    fields["event.scope"] = kind.scope
    fields["event.operation"] = kind.operation
    fields["event.verb"] = kind.verb
    fields["event.disposition"] = kind.disposition
    fields["event.class_id"] = kind.class_id
    fields["event.name"] = kind.name
    fields["process.role"] = kind.role


# `repo:tag@sha256:…`, and `repo:tagsha256:…` as one AKS sample has it, with the "@" lost.
_IMAGE = re.compile(r"(?P<repository>.*?)(?::(?P<tag>[^:/@]*?))?(?:@?(?P<digest>sha\d+:[0-9a-f]+))?")


def _image(fields: dict[str, object]) -> None:
    image = fields.get("ContainerImage")
    if isinstance(image, str) and len(image) <= 4096 and (match := _IMAGE.fullmatch(image)):
        for name, value in match.groupdict().items():
            if value:
                fields[f"image.{name}"] = value


_TECHNIQUE = re.compile(r"(?<![A-Za-z0-9])T\d{4}(?:\.\d{3})?(?!\d)")
_IDS_LENGTH = 32  # threatAttackID, CEF v27


def _tags(
    raw: Mapping[str, object],
    fields: dict[str, object],
    parts: dict[str, tuple[tuple[str, str], ...]],
    spare: set[str],
) -> None:
    """Sort the tags into MITRE ones and others; Tags and ATags say the same, Tags first."""
    tags = [tag.strip() for tag in _text(raw.get("Tags")).split(",")]
    tags = [tag for tag in tags if tag and tag != "null"]
    listed = raw.get("ATags")
    more = [tag for tag in listed if isinstance(tag, str)] if isinstance(listed, list) else []
    if listed and len(more) == len(listed):  # type: ignore[arg-type]
        spare.add("ATags")
        tags += [tag for tag in more if tag not in tags and tag not in ("", "null")]
    mitre = [tag for tag in tags if tag[:5].upper() == "MITRE" or _TECHNIQUE.search(tag)]
    others = [tag for tag in tags if tag not in mitre]
    rows = []
    for path, some in (("tags.mitre", mitre), ("tags.other", others)):
        if some:
            fields[path] = ",".join(some)
            rows.append((path, ",".join(some)))
    if "Tags" in fields:
        parts["Tags"] = tuple(rows)
    elif rows:
        fields["Tags"] = ",".join(tags)  # so that an emitter of ATags alone is mapped like others
        parts["Tags"] = tuple(rows)
    ids = ""
    for found in dict.fromkeys(name for tag in mitre for name in _TECHNIQUE.findall(tag)):
        if len(ids) + 1 + len(found) > _IDS_LENGTH:
            break
        ids = f"{ids},{found}" if ids else found
    if ids:
        fields["tags.mitre_ids"] = ids


def _process(
    raw: Mapping[str, object],
    kind: Class,
    fields: dict[str, object],
    holds: dict[str, tuple[str, ...]],
) -> None:
    named = "HostPID" in fields or "ProcessName" in fields
    if named and "UID" in fields:
        fields["user.id"] = fields["UID"]
        holds["user.id"] = ("UID",)
    elif "HostPID" in fields and "UID" not in raw:
        fields["user.id"] = 0  # not printed when 0 before KubeArmor 1.0.1 (419c011)
    if kind.verb == "exec":
        if process := _text(fields.get("ProcessName")):
            fields["process.path"] = process
            holds["process.path"] = ("ProcessName",)
        elif resource := _text(fields.get("Resource")).strip():
            fields["process.path"] = resource.split(None, 1)[0]
        if "process.path" in fields:
            fields["file.path"] = fields["process.path"]
            holds["file.path"] = holds.get("process.path", ())
    if kind.scope == "container":
        pid, ppid = fields.get("PID"), fields.get("PPID")
        if isinstance(pid, int) and pid:
            fields["container.pid"] = pid
            holds["container.pid"] = ("PID",)
        if isinstance(ppid, int) and ppid and ppid != fields.get("HostPPID"):
            fields["container.ppid"] = ppid
            holds["container.ppid"] = ("PPID",)


def _reason(fields: dict[str, object], holds: dict[str, tuple[str, ...]]) -> None:
    result = fields.get("Result")
    if isinstance(result, str) and result.lower() != "passed":
        fields["event.reason"] = result
        holds["event.reason"] = ("Result",)


def _hash(kind: Class, fields: dict[str, object], holds: dict[str, tuple[str, ...]]) -> None:
    names = ("ResourceHash", "ProcessHash") if kind.verb == "exec" else ("ResourceHash",)
    for name in names:
        if (value := fields.get(name)) and "file.path" in fields:
            fields["file.hash"] = value
            holds["file.hash"] = (name,)
            return


def _time(
    raw: dict[str, object],
    fields: dict[str, object],
    holds: dict[str, tuple[str, ...]],
    spare: set[str],
) -> None:
    found = event_time(raw)
    if found is None:
        return
    fields["event.time"] = found // 1000
    fields[EVENT_TIME_US] = found
    updated = _text(raw.get("UpdatedTime"))
    if updated and microseconds(updated) is not None:
        holds["event.time"] = ("UpdatedTime",)
        spare.add("Timestamp")
    else:
        holds["event.time"] = ("Timestamp",)


EVENT_TIME_US = "event.time_us"
"""Epoch microseconds, for the syslog header; not a field of the mapping language."""


def _spare(
    raw: Mapping[str, object],
    kind: Class,
    fields: dict[str, object],
    spare: set[str],
    act: Activity,
) -> None:
    """Note the fields that repeat another or are Go's zero; each was seen in real events."""
    get = fields.get
    if not ("HostPID" in fields or "ProcessName" in fields) and get("UID") == 0:
        spare.add("UID")  # firewall, USB and throttle events have no process
    if get("PPID") in (0, get("HostPPID")):
        spare.add("PPID")  # 0 when it equals HostPPID
    if get("PID") in (0, get("HostPID")):
        spare.add("PID")
    for name in ("HostPID", "HostPPID", "Timestamp"):
        if get(name) == 0:
            spare.add(name)
    if get("Severity") == "0":
        spare.add("Severity")  # an unset integer, printed (policyMatcher.go)
    if get("ExecEvent.ExecID") == "0":
        spare.add("ExecEvent.ExecID")  # not a kubectl or docker exec
    if get("Owner.Namespace") == get("NamespaceName"):
        spare.add("Owner.Namespace")
    source, resource = get("Source"), get("Resource")
    if kind.verb == "exec" and source is not None and source == get("ParentProcessName"):
        spare.add("Source")
    if resource is not None and resource in (
        get("data.process"),
        get("data.capability"),
        get("data.protocol"),
    ):
        spare.add("Resource")
    if "EventData" in raw and not act.parts.get("EventData"):
        spare.add("EventData")
    spare.add("EventType")

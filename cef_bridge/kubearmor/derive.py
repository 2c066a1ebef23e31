"""An event and all that can be concluded from it, as one flat set of fields.

In comes an object under KubeArmor's names (`decode`), out goes an `Event` whose `fields` hold the
raw fields (`Owner.Name` flattened) and the derived ones of `fields.DERIVED`. Every derived value
says what it holds, so that a mapping can tell which part of an event nobody has taken yet.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.casing import lower_ascii, upper_ascii
from cef_bridge.kubearmor import identity
from cef_bridge.kubearmor.activity import Activity, call_of, describe
from cef_bridge.kubearmor.classes import Class, classify
from cef_bridge.kubearmor.clock import WRAPPER_TIME, timed
from cef_bridge.kubearmor.fields import RAW
from cef_bridge.kubearmor.names import MAPS
from cef_bridge.kubearmor.numbers import whole
from cef_bridge.kubearmor.summary import summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INTEGERS = frozenset(path for path, row in RAW.items() if row.kind == "integer")


class Event(NamedTuple):
    """One event, raw and derived.

    `fields`: path to value. `parts`: raw field to the (path, raw text) of its tokens. `holds`:
    derived path to what it holds. `spare`: raw fields and token paths that say nothing new in this
    event, and need no place in a line.
    """

    fields: dict[str, object]
    parts: Mapping[str, tuple[tuple[str, str], ...]]
    holds: Mapping[str, tuple[str, ...]]
    spare: frozenset[str]
    kind: Class


def derive(
    raw: dict[str, object],
    *,
    origin: str = "",
    assumed_time: int | None = None,
) -> Event:
    """Return the event with everything derived.

    `origin` (source name, 0x1f, byte offset) tells an event without UpdatedTime from its
    repetitions; `assumed_time`, in epoch microseconds, is the time of an event that has none. It
    does not change the id.
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
    parts, holds, spare = act.parts, act.holds, set(act.void)
    _class_fields(kind, fields)
    _place_fields(raw, fields)
    _tags(fields, parts, spare)
    _process(raw, kind, fields, holds)
    _hash(kind, fields, holds)
    _reason(fields, holds)
    _time(raw, fields, holds, spare)
    _spare(kind, fields, spare, act)
    fields["event.id"] = identity.event_id(raw, "" if raw.get("UpdatedTime") else origin)
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
        if not value and _is_empty(value):
            continue
        if name in MAPS and isinstance(value, dict):
            if name == "EventData":
                fields[name] = value
            for key, inner in value.items():
                if inner or not _is_empty(inner):
                    fields[f"{name}.{key}"] = inner
        elif name in INTEGERS and value.__class__ is not int:
            number = whole(value)
            fields[name] = value if number is None else number
        elif name != WRAPPER_TIME:
            fields[name] = value
    return fields


def _is_empty(value: object) -> bool:
    return value is None or isinstance(value, (str, list, dict))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _call_of_map(event_data: Mapping[str, object]) -> tuple[str, str]:
    lowered = {lower_ascii(key): value for key, value in event_data.items()}
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


def _place_fields(raw: Mapping[str, object], fields: dict[str, object]) -> None:
    if place := _place(raw):
        fields["event.place"] = place
    if isinstance(image := fields.get("ContainerImage"), str):
        fields.update(image_parts(image))


def _place(raw: Mapping[str, object]) -> str:
    """Return namespace/pod, else the node's name: QRadar's column for it takes one text (LEEF)."""
    pod = (_text(raw.get(name)) for name in ("NamespaceName", "PodName"))
    return "/".join(part for part in pod if part) or _text(raw.get("HostName"))


# `repo:tag@sha256:…`, and `repo:tagsha256:…` as one AKS sample has it, with the "@" lost.
_IMAGE = re.compile(
    r"(?P<repository>.*?)(?::(?P<tag>[^:/@]*?))?(?:@?(?P<digest>sha[0-9]+:[0-9a-f]+))?"
)


_MOST_IMAGE = 1024  # names have at most 255 characters, digests 71


def image_parts(image: str) -> dict[str, str]:
    """Return the derived fields of an image reference, none of a text too long to be one.

    Not to be changed, for it is remembered.
    """
    return _image_parts(image) if len(image) <= _MOST_IMAGE else {}


@lru_cache(maxsize=1024)
def _image_parts(image: str) -> dict[str, str]:
    match = _IMAGE.fullmatch(image)
    found = match.groupdict() if match else {}
    return {f"image.{name}": value for name, value in found.items() if value}


def _tags(
    fields: dict[str, object], parts: dict[str, tuple[tuple[str, str], ...]], spare: set[str]
) -> None:
    """Sort the tags into MITRE ones and others; Tags and ATags say the same, Tags first.

    They are kept as written: the second 4.4 of `CIS-4.4,4.3,NIST-4.4` belongs to another standard.
    """
    text, listed = fields.get("Tags"), fields.get("ATags")
    if text is None and listed is None:
        return
    tags = _tag_list(text.split(",")) if isinstance(text, str) else []
    if isinstance(listed, list) and all(isinstance(tag, str) for tag in listed):
        spare.add("ATags")
        said = {*tags}
        tags += [tag for tag in _tag_list(listed) if tag not in said]
    mitre: list[str] = []
    others: list[str] = []
    for tag in tags:
        known = upper_ascii(tag[:5]) == "MITRE" or _TECHNIQUE.search(tag)
        (mitre if known else others).append(tag)
    rows = tuple(
        (path, ",".join(some))
        for path, some in (("tags.mitre", mitre), ("tags.other", others))
        if some
    )
    fields.update(rows)
    if rows and text is None:
        fields["Tags"] = ",".join(tags)  # so that an emitter of ATags alone is mapped like others
    if isinstance(fields.get("Tags"), str):
        parts["Tags"] = rows
    if ids := technique_ids(mitre):
        fields["tags.mitre_ids"] = ids


def _tag_list(tags: Iterable[str]) -> list[str]:
    return [tag for each in tags if (tag := each.strip()) not in _NO_TAGS]


_NO_TAGS = ("", "null")  # an exporter wrote ["null"]
_TECHNIQUE = re.compile(r"(?<![A-Za-z0-9])T[0-9]{4}(?:\.[0-9]{3})?(?![0-9])")
_IDS_LENGTH = 32  # threatAttackID, CEF v27


def technique_ids(tags: Iterable[str]) -> str:
    """Return the MITRE ATT&CK ids in some tags, whole, joined by commas, 32 characters at most."""
    ids = ""
    names = (name for tag in tags for name in _TECHNIQUE.findall(upper_ascii(tag)))
    for found in dict.fromkeys(names):
        if len(ids) + 1 + len(found) > _IDS_LENGTH:
            break
        ids = f"{ids},{found}" if ids else found
    return ids


def _process(
    raw: Mapping[str, object],
    kind: Class,
    fields: dict[str, object],
    holds: dict[str, tuple[str, ...]],
) -> None:
    if "UID" in fields:
        if _has_process(fields):
            fields["user.id"] = fields["UID"]
            holds["user.id"] = ("UID",)
    elif fields.get("HostPID") and "UID" not in raw:
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
    _actor(kind, fields, holds)
    if kind.scope == "container":
        pid, ppid = fields.get("PID"), fields.get("PPID")
        if isinstance(pid, int) and pid:
            fields["container.pid"] = pid
            holds["container.pid"] = ("PID",)
        if isinstance(ppid, int) and ppid and ppid != fields.get("HostPPID"):
            fields["container.ppid"] = ppid
            holds["container.ppid"] = ("PPID",)


def _actor(kind: Class, fields: dict[str, object], holds: dict[str, tuple[str, ...]]) -> None:
    """Name the program that acts: the parent of an exec, else the process itself.

    Where its field is absent (in a sixth of the real execs, a quarter of the rest) Source names it:
    the parent's path of an exec, else the command line (monitor/logUpdate.go, BuildLogBase).
    """
    executes = kind.verb == "exec"
    name = "ParentProcessName" if executes else "ProcessName"
    if actor := _text(fields.get(name)):
        fields["process.actor"] = actor
        holds["process.actor"] = (name,)
    elif (source := _text(fields.get("Source"))).startswith("/"):
        fields["process.actor"] = source if executes else source.split(None, 1)[0]
        if executes:
            holds["process.actor"] = ("Source",)


def _has_process(fields: Mapping[str, object]) -> bool:
    """Tell whether a process did it; else a UID of 0 is Go's zero (firewall, USB, throttle)."""
    return bool(fields.get("HostPID")) or "ProcessName" in fields


def _reason(fields: dict[str, object], holds: dict[str, tuple[str, ...]]) -> None:
    result = fields.get("Result")
    if isinstance(result, str) and lower_ascii(result) != "passed":
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
    found, name = timed(raw)
    if found is None:
        return
    fields["event.time"] = found // 1000
    fields[EVENT_TIME_US] = found
    if name != WRAPPER_TIME:
        holds["event.time"] = (name,)
    if name == "UpdatedTime":
        spare.add("Timestamp")


def event_id_of(event: Event) -> str:
    """Return an event's id, 40 hex digits."""
    return str(event.fields["event.id"])


def time_of(event: Event) -> int | None:
    """Return when an event happened, in epoch microseconds; None when nothing says so."""
    found = event.fields.get(EVENT_TIME_US)
    return found if isinstance(found, int) else None


EVENT_TIME_US = "event.time_us"
"""Epoch microseconds, for the syslog header; not a field of the mapping language."""


def _spare(kind: Class, fields: dict[str, object], spare: set[str], act: Activity) -> None:
    """Note the fields that repeat another or are Go's zero; each was seen in real events."""
    get = fields.get
    if get("UID") == 0 and not _has_process(fields):
        spare.add("UID")
    if get("PPID") in (0, get("HostPPID")):
        spare.add("PPID")  # 0 when it equals HostPPID
    if get("PID") in (0, get("HostPID")):
        spare.add("PID")
    for name in ("HostPID", "HostPPID", "Timestamp"):
        if get(name) == 0:
            spare.add(name)
    if get("Severity") in ("0", 0):
        spare.add("Severity")  # an unset integer, printed (policyMatcher.go)
    if get("ExecEvent.ExecID") == "0":
        spare.add("ExecEvent.ExecID")  # not a kubectl or docker exec
    if get("Owner.Namespace") == get("NamespaceName"):
        spare.add("Owner.Namespace")
    if kind.verb == "exec" and get("Source") == get("ParentProcessName"):
        spare.add("Source")
    if resource := get("Resource"):
        values = act.values.get
        if resource in (
            values("data.process"),
            values("data.capability"),
            values("data.protocol"),
            values("dns.name"),
        ):
            spare.add("Resource")
    if isinstance(get("EventData"), dict) and "EventData" not in act.parts:
        spare.add("EventData")
    spare.add("EventType")

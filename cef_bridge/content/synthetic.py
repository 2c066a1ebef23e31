"""Events made from a rule itself, for rules that have no test events: what would fire it.

In comes a rule, out come tests. The values that the rule wants are put where KubeArmor reports such
values: a command line begins with the path of the program, as `monitor/logUpdate.go` writes it. A
rule that asks for something else does not fire on these events, as it does not on real ones.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cef_bridge.content import acts, sigma
from cef_bridge.content.rule_files import RuleTest
from cef_bridge.content.vocabulary import INITIATED
from cef_bridge.errors import Location
from cef_bridge.kubearmor.derive import derive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.content.rule_files import Event, RuleFile
    from cef_bridge.content.sigma import WantedValue
    from cef_bridge.content.vocabulary import LogSource

_CHOICES = 6
_WRITES = "syscall=SYS_OPENAT fd=-100 flags=O_WRONLY|O_CREAT"
_PROGRAMS = ("process.path", "process.actor", "ParentProcessName")
_CLASS_ID = "event.class_id"


def tests(rule: RuleFile, sources: Sequence[LogSource]) -> tuple[RuleTest, ...]:
    """Return tests of a rule, each with one event; none where no event can be made.

    Of a correlation none is made: one event is not enough for it.
    """
    if len(rule.documents) > 1:
        return ()
    found: list[Event] = []
    for choice in range(_CHOICES):
        wanted = sigma.wanted_values(rule.documents[0], choice)
        event = None if wanted is None else _event(sources[0], wanted)
        if event is not None and event not in found:
            found.append(event)
    at = Location(str(rule.path))
    return tuple(
        RuleTest(f"made from the rule, {number}", True, (event,), 1, at)
        for number, event in enumerate(found, start=1)
    )


def _event(source: LogSource, wanted: Sequence[WantedValue]) -> Event | None:
    values: dict[str, str] = {}
    opened: dict[str, tuple[bool, bool]] = {}
    class_id = "*"
    by_field: dict[str, list[WantedValue]] = {}
    for it in wanted:
        by_field.setdefault(it.field, []).append(it)
    for field, several in by_field.items():
        path = source.names.get(field, field)
        text = _joined(several)
        if path == _CLASS_ID:
            class_id = INITIATED.get(text.lower(), _pattern(several[0]))
            continue
        values[path] = text
        opened[path] = (
            all(it.open_before for it in several),
            all(it.open_behind for it in several),
        )
        if path in _PROGRAMS and opened[path][0] and text.startswith("/"):
            values[path] = f"/usr/bin{text}"
    event = _base(source, class_id, by_name="UserName" in values)
    return None if event is None else _filled(event, values, opened)


def _pattern(it: WantedValue) -> str:
    return f"{'*' * it.open_before}{it.text}{'*' * it.open_behind}"


def _joined(several: Sequence[WantedValue]) -> str:
    """Return a text that begins, ends and holds as several values want."""
    exact = next((it.text for it in several if not (it.open_before or it.open_behind)), None)
    if exact is not None:
        return exact
    begin = [it.text for it in several if not it.open_before]
    end = [it.text for it in several if not it.open_behind and it.open_before]
    middle = [it.text for it in several if it.open_before and it.open_behind]
    return "".join([*begin[:1], " ".join(middle), *end[:1]])


def _base(source: LogSource, class_id: str, *, by_name: bool) -> Event | None:
    """Return an event of a log source and a class id; of hosts where a user has a name."""
    for kind in source.kinds:
        events = acts.probes(kind)
        order = sorted(
            events, key=lambda it: (str(it["Type"]) != _type(by_name), "PolicyName" in it)
        )
        for event in order:
            found = event | ({"Data": _WRITES} if source.category == "file_event" else {})
            if fnmatchcase(str(derive(found).fields[_CLASS_ID]), class_id.lower()):
                return found
    return None


def _type(by_name: bool) -> str:
    return "HostLog" if by_name else "ContainerLog"


def _filled(event: Event, values: dict[str, str], opened: dict[str, tuple[bool, bool]]) -> Event:
    is_exec = derive(event).kind.verb == "exec"
    path = values.get("process.path", str(event.get("ProcessName", "")))
    for name, text in values.items():
        if name == "process.actor":
            event["ParentProcessName" if is_exec else "ProcessName"] = text
        elif name == "process.path":
            event["ProcessName"] = text
        elif name == "Resource" and is_exec:
            continue
        elif name == "file.path":
            event["Resource"] = text
        elif "." not in name:
            event[name] = text
    if is_exec:
        event["Resource"] = _command_line(
            values.get("Resource", ""), path, opened.get("Resource", (True, False))
        )
        if "ProcessName" not in event or "process.path" not in values:
            event["ProcessName"] = str(event["Resource"]).split(" ", 1)[0]
    _connect(event, values)
    if "dns.name" in values:
        event["Data"] = f"kfunc=UDP_SENDMSG domain={values['dns.name']} daddr=192.0.2.53 qtype=A"
    return event


def _command_line(text: str, path: str, opened: tuple[bool, bool]) -> str:
    """Return a command line as KubeArmor writes it: the program's path, then its arguments."""
    before, behind = opened
    if before or not text:
        text = f"{text.lstrip()}x" if behind else text.lstrip()
        return f"{path} {text}"
    return f"{text if text.startswith('/') else f'/usr/bin/{text}'}{'x' * behind}"


def _connect(event: Event, values: dict[str, str]) -> None:
    """Put the ends of a connection where KubeArmor reports them (Data and Resource)."""
    kind = derive(event).kind.verb
    end = {"connect": "destination", "accept": "source"}.get(kind)
    if end is None:
        return
    address, port = values.get(f"{end}.ip", "192.0.2.7"), values.get(f"{end}.port", "443")
    event["Data"] = f"kprobe=tcp_{kind} domain=AF_INET"
    event["Resource"] = f"remoteip={address} port={port} protocol=TCP"

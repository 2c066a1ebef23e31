"""A plan with an activity filled in: only the clock, the process ids and the workload are open.

In come a plan and one parsed event, out comes a function on bytes that writes the message of any
line with the same activity. Like `template`, the code is made from kinds and numbers only.
"""

from __future__ import annotations

from binascii import hexlify
from hashlib import sha1
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cef_bridge.events.identity import SEPARATOR
from cef_bridge.fastpath.deps import PROCESS_IDS
from cef_bridge.fastpath.segments import (
    ActKey,
    Constant,
    EventId,
    Integer,
    Irregular,
    Joined,
    Summary,
    Text,
    Time,
    WorkloadPiece,
)
from cef_bridge.formats.syslog import rfc3164_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.fastpath.plan import Plan
    from cef_bridge.fastpath.segments import Raw
    from cef_bridge.fastpath.workloads import Workload


class Place:
    """What a workload's section gives, as bytes.

    `pieces`, `identity` and `place` are those of the `Workload`, `host` is the header's, `where`
    names the place in a sentence; `tails`: the activities seen with workloads of its kind.
    """

    __slots__ = ("host", "identity", "pieces", "place", "tails", "where")  # faster than a tuple

    def __init__(
        self,
        pieces: tuple[bytes, ...],
        host: bytes,
        identity: bytes,
        place: bytes,
        where: bytes,
        tails: dict[bytes, Tail],
    ) -> None:
        self.pieces = pieces
        self.host = host
        self.identity = identity
        self.place = place
        self.where = where
        self.tails = tails


class Tail:
    """What an activity's section gives: `render` writes the message; `kind` is (Type, Operation,
    class id), and `seen` counts its messages; `urgent` is the class's.
    """

    __slots__ = ("kind", "render", "seen", "urgent")

    def __init__(self, render: Render, kind: tuple[object, object, str], *, urgent: bool) -> None:
        self.render = render
        self.kind = kind
        self.seen = 0
        self.urgent = urgent


class Fixed(NamedTuple):
    """Text that stays."""

    text: str


class Piece(NamedTuple):
    """One of the workload's pieces."""

    number: int


class Where(NamedTuple):
    """The place, as a sentence names it."""


class Clock(NamedTuple):
    """The event's time: `millis`, `text` (as KubeArmor wrote it) or `rfc3164`."""

    form: str


class Host(NamedTuple):
    """HOSTNAME of the syslog header."""


class Pid(NamedTuple):
    """A process id by its place among the line's; left out when 0 or the same as `other`."""

    number: int
    prefix: str
    suffix: str
    skip_zero: bool
    other: int


class Id(NamedTuple):
    """The event id; `rest` is what follows the process ids in its text."""

    rest: str


class Act(NamedTuple):
    """The act key; `rest` is what follows HostPID in its text."""

    rest: str


Item: TypeAlias = Fixed | Piece | Where | Clock | Host | Pid | Id | Act
# (time as written, epoch milliseconds, process ids, workload) -> message
Render: TypeAlias = "Callable[[bytes, bytes, tuple[bytes, ...], Place], bytes]"

_FACTORIES: dict[str, Callable[..., Render]] = {}
_MOST_FACTORIES = 1024


def fill(plan: Plan, raw: Raw, workload: Workload, separator: str) -> list[Item] | None:
    """Return the message's items with the activity of `raw` filled in; None when something in it
    depends on the workload and the activity together.
    """
    items: list[Item] = []
    try:
        for part in plan.parts:
            found = _fill(part, plan, raw, workload)
            if found is None:
                return None
            items += found
    except (Irregular, ValueError):
        return None
    for index, item in enumerate(items):
        if isinstance(item, Fixed) and item.text:  # the first pair stands without its separator
            items[index] = Fixed(item.text.removeprefix(separator))
            return [Fixed(plan.head), *items]
        if not isinstance(item, Fixed):
            return None
    return None


def _fill(part: object, plan: Plan, raw: Raw, workload: Workload) -> list[Item] | None:  # noqa: C901 - a table of parts
    if isinstance(part, Constant):
        return [Fixed(part.text)]
    if isinstance(part, WorkloadPiece):
        return [Piece(part.number)]
    if isinstance(part, Time):
        return [Fixed(part.prefix), Clock("millis")]
    if isinstance(part, Integer):
        return _integer(part, raw)
    if isinstance(part, Text):
        text = part.memo.get(value := raw[part.key])
        return [Fixed(part.miss(value) if text is None else text)]
    if isinstance(part, EventId):
        resource, data = raw.get("Resource") or "", raw.get("Data") or ""
        if part.stable is not None:
            resource = part.stable(resource)  # type: ignore[arg-type]
        rest = f"{part.head}{resource}{SEPARATOR}{data}{part.tail}"
        return [Fixed(part.prefix), Id(rest), Fixed(part.suffix)]
    if isinstance(part, ActKey):
        path = raw[part.key]
        if not isinstance(path, str) or (part.is_exec and not path):
            return None
        if part.first_word:
            path = (path.split(None, 1) or ("",))[0]
        if not path:
            return []
        rest = f"{SEPARATOR}{part.group}{SEPARATOR}{path}"
        return [Fixed(part.prefix), Act(rest), Fixed(part.suffix)]
    if isinstance(part, Joined):
        joint = plan.joints[part.joint]
        if joint.key:
            pieces = joint.memo.get(raw[joint.key]) or joint.miss(raw)
        else:
            pieces = joint.find(raw, workload)
        return [Fixed(pieces[part.piece])]
    if isinstance(part, Summary):
        ends = part.split(raw)
        return [Fixed(ends[0]), Where(), Fixed(ends[1])] if ends else None
    return []  # a Guard: HostPID is more than 0 here


def _integer(part: Integer, raw: Raw) -> list[Item] | None:
    if part.key in PROCESS_IDS:
        other = PROCESS_IDS.index(part.other) if part.other else -1
        index = PROCESS_IDS.index(part.key)
        return [Pid(index, part.prefix, part.suffix, part.skip_zero, other)]
    value = raw[part.key]
    if part.other or value.__class__ is not int:
        return None
    if part.skip_zero and value == 0:
        return []
    return [Fixed(f"{part.prefix}{value}{part.suffix}")]


def compile_items(items: Sequence[Item]) -> Render:
    """Return the function that joins some items; texts are handed in, never compiled."""
    lines = ["p0, p1, p2, p3 = p"]
    values: dict[str, object] = {}
    parts: list[str] = []
    texts: list[str] = []

    def close_over(value: object) -> str:
        name = f"c{len(values)}"
        values[name] = value
        return name

    def end_text() -> None:
        if texts:
            text = "".join(texts)
            texts.clear()
            if text:
                parts.append(close_over(text.encode()))

    pieces = max((item.number for item in items if isinstance(item, Piece)), default=-1)
    if pieces >= 0:
        lines.append("w = k.pieces")
    for item in items:
        if isinstance(item, Fixed):
            texts.append(item.text)
        elif isinstance(item, Pid) and not item.skip_zero and item.other < 0:
            texts.append(item.prefix)
            end_text()
            parts.append(f"p{item.number}")
            texts.append(item.suffix)
        else:
            end_text()
            parts.append(_code(item, lines, close_over))
    end_text()
    body = "\n        ".join(lines)
    source = (
        f"def factory({', '.join(values)}):\n"
        f"    def render(y, m, p, k):\n        {body}\n"
        f'        return b"".join(({", ".join(parts)},))\n'
        "    return render\n"
    )
    return _factory(source)(*values.values())


def _code(item: Item, lines: list[str], close_over: Callable[[object], str]) -> str:
    """Return the expression of an item that changes from line to line."""
    if isinstance(item, Piece):
        return f"w[{item.number}]"
    if isinstance(item, Host):
        return "k.host"
    if isinstance(item, Where):
        return "k.where"
    if isinstance(item, Clock):
        return {"millis": "m", "text": "y", "rfc3164": "rfc3164(m)"}[item.form]
    if isinstance(item, Pid):
        name = f"p{item.number}"
        tests = [f'{name} == b"0"'] if item.skip_zero else []
        tests += [f"{name} == p{item.other}"] if item.other >= 0 else []
        prefix, suffix = close_over(item.prefix.encode()), close_over(item.suffix.encode())
        return f'b"" if {" or ".join(tests)} else {prefix} + {name} + {suffix}'
    if isinstance(item, Id):
        rest = close_over(item.rest.encode())
        text = f'b"".join((k.identity, y, b"\\x1f", p1, b"\\x1f", p3, {rest}))'
        lines.append(f"h = hexlify(sha1({text}, usedforsecurity=False).digest())")
        return "h"
    rest = close_over(item.rest.encode())  # type: ignore[union-attr]
    text = f'b"".join((k.place, p1, {rest}))'
    lines.append(f"a = hexlify(sha1({text}, usedforsecurity=False).digest()[:6])")
    return "a"


def _factory(source: str) -> Callable[..., Render]:
    found = _FACTORIES.get(source)
    if found is None:
        if len(_FACTORIES) >= _MOST_FACTORIES:
            _FACTORIES.clear()
        names: dict[str, object] = {"hexlify": hexlify, "rfc3164": _rfc3164, "sha1": sha1}
        # The source is made of names and numbers of this module, nothing of an event.
        exec(compile(source, "<activity>", "exec"), names)  # noqa: S102
        found = names["factory"]  # type: ignore[assignment]
        _FACTORIES[source] = found  # type: ignore[assignment]
    return found  # type: ignore[return-value]


def _rfc3164(millis: bytes) -> bytes:
    return rfc3164_time(int(millis)).encode()

"""A plan with an activity filled in: only the clock, the process ids and the workload are open.

In come a plan and one parsed event, out comes a `Tail`, which writes the message of any line with
the same activity. Like `template`, the code is made from kinds and numbers only.

All that an activity decides is in three texts, and the code is shared by all activities of the
same make: a cluster has thousands of activities, and a line's cost is that of bringing its own into
the processor's cache. Measured on the synthetic set, microseconds a line: 6.4 with a function and
texts of its own for each activity, 5.7 so.
"""

from __future__ import annotations

from binascii import hexlify
from functools import partial
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
    from hashlib import _Hash as HASH

    from cef_bridge.fastpath.plan import Plan
    from cef_bridge.fastpath.segments import Raw
    from cef_bridge.fastpath.workloads import Workload


def _sha1_here() -> Callable[[bytes], HASH]:
    """Return SHA-1 for ids; where FIPS forbids it untold, it is told. Telling costs 0.04 us."""
    try:
        sha1(b"")  # noqa: S324 - an id, no signature
    except ValueError:
        return partial(sha1, usedforsecurity=False)
    return sha1


_sha1 = _sha1_here()


class Place:
    """What a workload's section gives, as bytes.

    `pieces`, `identity` and `place` are those of the `Workload`, `host` is the header's, `where`
    names the place in a sentence; `node` is the node's id as the line has it behind the activity,
    b"" for none; `tails`: the activities seen with workloads of its kind.
    """

    __slots__ = (
        "host",
        "identity",
        "node",
        "pieces",
        "place",
        "tails",
        "where",
    )  # not a tuple: faster

    def __init__(
        self,
        pieces: tuple[bytes, ...],
        host: bytes,
        identity: bytes,
        place: bytes,
        where: bytes,
        node: bytes,
        tails: dict[bytes, Tail],
    ) -> None:
        self.pieces = pieces
        self.host = host
        self.identity = identity
        self.place = place
        self.where = where
        self.node = node
        self.tails = tails


class Tail:
    """What an activity's section gives: `render(self, …)` writes the message.

    `text` is the message as a format of `%`, `rest` the end of the event id's text, `act` that of
    the act key's. `kind` is (Type, Operation, class id), `seen` counts the messages that were not
    asked for yet, `lately` tells that there were some before; `urgent` is the class's; `size` in
    bytes, by a rough count.
    """

    __slots__ = ("act", "kind", "lately", "render", "rest", "seen", "size", "text", "urgent")

    def __init__(
        self, baked: Baked, kind: tuple[object, object, str], size: int, *, urgent: bool
    ) -> None:
        self.render, self.text, self.rest, self.act = baked
        self.kind = kind
        self.size = size
        self.seen = 0
        self.lately = False
        self.urgent = urgent

    def used(self) -> bool:
        """Tell whether it came after it was made, and not long ago."""
        return self.seen > 0 or self.lately


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
# (tail, time as written, epoch milliseconds, process ids, workload) -> message
Render: TypeAlias = "Callable[[Tail, bytes, bytes, tuple[bytes, ...], Place], bytes]"


class Baked(NamedTuple):
    """A message's function and the texts that are the activity's own, see `Tail`."""

    render: Render
    text: bytes
    rest: bytes
    act: bytes


_RENDERS: dict[tuple[Item, ...], Render] = {}
_MOST_RENDERS = 1024


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
            head = plan.head
            return [
                Fixed(head if isinstance(head, str) else plan.piece(head, raw, workload)),
                *items,
            ]
        if not isinstance(item, Fixed):
            return None
    return None


def _fill(part: object, plan: Plan, raw: Raw, workload: Workload) -> list[Item] | None:
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
        name = raw["PolicyName"] if part.policy else ""
        rest = f"{part.head}{resource}{SEPARATOR}{data}{SEPARATOR}{name}{part.tail}"
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
        return [Fixed(plan.piece(part, raw, workload))]
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


def compile_items(items: Sequence[Item]) -> Baked | None:
    """Return what joins some items; None when two of them are an event id, or two an act key.

    Texts are handed in, never compiled.
    """
    text: list[str] = []
    changing: list[Item] = []  # the rest of an id is a text of its own: the code is without it
    rest = act = b""
    for item in items:
        if isinstance(item, Fixed):
            text.append(_literal(item.text))
            continue
        if isinstance(item, Pid) and not item.skip_zero and item.other < 0:
            text += [_literal(item.prefix), "%b", _literal(item.suffix)]
            changing.append(Pid(item.number, "", "", skip_zero=False, other=-1))
            continue
        if isinstance(item, Id):
            if rest:
                return None
            rest, item = item.rest.encode(), Id("")  # noqa: PLW2901 - what is left of it
        elif isinstance(item, Act):
            if act:
                return None
            act, item = item.rest.encode(), Act("")  # noqa: PLW2901 - as above
        text.append("%b")
        changing.append(item)
    return Baked(_render(tuple(changing)), "".join(text).encode(), rest, act)


def _render(items: tuple[Item, ...]) -> Render:
    """Return the function for what changes from line to line, made once for all of its make."""
    found = _RENDERS.get(items)
    if found is None:
        if len(_RENDERS) >= _MOST_RENDERS:
            _RENDERS.clear()
        found = _RENDERS[items] = _compiled(items)
    return found


def _compiled(items: tuple[Item, ...]) -> Render:
    lines = ["p0, p1, p2, p3 = p"]
    around: list[bytes] = []  # texts beside process ids that may be left out
    if any(isinstance(item, Piece) for item in items):
        lines.append("w = k.pieces")
    parts = [_code(item, lines, around) for item in items]
    body = "\n        ".join(lines)
    source = (
        f"def factory({', '.join(f'c{number}' for number in range(len(around)))}):\n"
        f"    def render(t, y, m, p, k):\n        {body}\n"
        f"        return t.text % ({''.join(f'{part}, ' for part in parts)})\n"
        "    return render\n"
    )
    names: dict[str, object] = {"hexlify": hexlify, "rfc3164": _rfc3164, "sha1": _sha1}
    # The source is made of names and numbers of this module, nothing of an event.
    exec(compile(source, "<activity>", "exec"), names)  # noqa: S102
    render: Render = names["factory"](*around)  # type: ignore[operator] # what was just defined
    return render


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _code(item: Item, lines: list[str], around: list[bytes]) -> str:
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
        if not item.skip_zero and item.other < 0:
            return name
        tests = [f'{name} == b"0"'] if item.skip_zero else []
        tests += [f"{name} == p{item.other}"] if item.other >= 0 else []
        first = len(around)
        around += [item.prefix.encode(), item.suffix.encode()]
        return f'b"" if {" or ".join(tests)} else c{first} + {name} + c{first + 1}'
    if isinstance(item, Id):
        text = 'b"".join((k.identity, y, b"\\x1f", p1, b"\\x1f", p3, t.rest))'
        lines.append(f"h = hexlify(sha1({text}).digest())")
        return "h"
    text = 'b"".join((k.place, p1, t.act))'
    lines.append(f"a = hexlify(sha1({text}).digest()[:6])")
    return "a"


def _rfc3164(millis: bytes) -> bytes:
    return rfc3164_time(int(millis)).encode()
